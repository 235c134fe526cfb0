/* Which tensor of a checkpoint is which of the model. A naming is a list of rewrites from the names that some public
 * code gives to the names of the zoo (docs/checkpoints.md); the naming that fits every tensor wins. */
#include "builder.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `from` is the beginning of a name, '#' in it a number; in `to`, '#' is that number, "#+1" the next, "#/2" half of it. */
typedef struct rewrite {
    const char *from, *to;
} rewrite;

typedef struct naming {
    const char *origin;
    rewrite rules[24]; /* ends with from NULL */
} naming;

#define LUCIDRAINS_BLOCKS                                                                                    \
    {"transformer.layers.#.0.norm.", "blocks.#.norm1."},                                                     \
        {"transformer.layers.#.0.to_qkv.", "blocks.#.attn.qkv."},                                            \
        {"transformer.layers.#.0.fn.to_qkv.", "blocks.#.attn.qkv."},                                         \
        {"transformer.layers.#.0.to_out.0.", "blocks.#.attn.proj."},                                         \
        {"transformer.layers.#.0.fn.to_out.0.", "blocks.#.attn.proj."},                                      \
        {"transformer.layers.#.1.norm.", "blocks.#.norm2."},                                                 \
        {"transformer.layers.#.1.net.0.", "blocks.#.norm2."},                                                \
        {"transformer.layers.#.1.net.1.", "blocks.#.mlp.fc1."},                                              \
        {"transformer.layers.#.1.net.4.", "blocks.#.mlp.fc2."},                                              \
        {"transformer.layers.#.1.fn.net.0.", "blocks.#.mlp.fc1."},                                           \
        {"transformer.layers.#.1.fn.net.3.", "blocks.#.mlp.fc2."}, {"transformer.norm.", "norm."},           \
        {"mlp_head.0.", "norm."}, {"mlp_head.1.", "head."}, {"mlp_head.", "head."},                          \
    {                                                                                                        \
        "linear_head.", "head."                                                                              \
    }

static const naming namings[] = {
    {"the same names", {{NULL, NULL}}},
    {"akamaster and kuangliu residual networks",
     {{"linear.", "fc."},
      {"layer1.#.shortcut.", "layer1.#.downsample."},
      {"layer2.#.shortcut.", "layer2.#.downsample."},
      {"layer3.#.shortcut.", "layer3.#.downsample."},
      {"layer4.#.shortcut.", "layer4.#.downsample."},
      {NULL, NULL}}},
    {"a-martyn residual networks",
     {{"convIn.", "conv1."},
      {"bnIn.", "bn1."},
      {"fcOut.", "fc."},
      {"stack1.#.", "layer1.#."},
      {"stack2a.", "layer2.0."},
      {"stack2b.#.", "layer2.#+1."},
      {"stack3a.", "layer3.0."},
      {"stack3b.#.", "layer3.#+1."},
      {NULL, NULL}}},
    {"nn.TransformerEncoder",
     {{"transformer.layers.#.self_attn.in_proj_", "blocks.#.attn.qkv."},
      {"transformer.layers.#.self_attn.out_proj.", "blocks.#.attn.proj."},
      {"transformer.layers.#.linear1.", "blocks.#.mlp.fc1."},
      {"transformer.layers.#.linear2.", "blocks.#.mlp.fc2."},
      {"transformer.layers.#.", "blocks.#."},
      {"encoder.layers.#.self_attn.in_proj_", "blocks.#.attn.qkv."},
      {"encoder.layers.#.self_attn.out_proj.", "blocks.#.attn.proj."},
      {"encoder.layers.#.linear1.", "blocks.#.mlp.fc1."},
      {"encoder.layers.#.linear2.", "blocks.#.mlp.fc2."},
      {"encoder.layers.#.", "blocks.#."},
      {"pos_embedding", "pos_embed"},
      {"patch_embed.weight", "patch_embed.proj.weight"},
      {"patch_embed.bias", "patch_embed.proj.bias"},
      {"mlp_head.0.", "norm."},
      {"mlp_head.1.", "head."},
      {NULL, NULL}}},
    {"torchvision vision transformers",
     {{"class_token", "cls_token"},
      {"conv_proj.", "patch_embed.proj."},
      {"encoder.pos_embedding", "pos_embed"},
      {"encoder.layers.encoder_layer_#.ln_1.", "blocks.#.norm1."},
      {"encoder.layers.encoder_layer_#.ln_2.", "blocks.#.norm2."},
      {"encoder.layers.encoder_layer_#.self_attention.in_proj_", "blocks.#.attn.qkv."},
      {"encoder.layers.encoder_layer_#.self_attention.out_proj.", "blocks.#.attn.proj."},
      {"encoder.layers.encoder_layer_#.mlp.0.", "blocks.#.mlp.fc1."},
      {"encoder.layers.encoder_layer_#.mlp.3.", "blocks.#.mlp.fc2."},
      {"encoder.layers.encoder_layer_#.mlp.linear_1.", "blocks.#.mlp.fc1."},
      {"encoder.layers.encoder_layer_#.mlp.linear_2.", "blocks.#.mlp.fc2."},
      {"encoder.ln.", "norm."},
      {"heads.head.", "head."},
      {NULL, NULL}}},
    /* Versions differ in the embedding (two tables), in who owns the first norm of a half (layer or wrapper) and in where the
     * last norm stands. */
    {"lucidrains vit-pytorch",
     {{"pos_embedding", "pos_embed"},
      {"to_patch_embedding.1.", "patch_embed.norm_in."},
      {"to_patch_embedding.2.", "patch_embed.proj."},
      {"to_patch_embedding.3.", "patch_embed.norm_out."},
      LUCIDRAINS_BLOCKS,
      {NULL, NULL}}},
    {"lucidrains vit-pytorch before 1.0",
     {{"pos_embedding", "pos_embed"},
      {"to_patch_embedding.1.", "patch_embed.proj."},
      LUCIDRAINS_BLOCKS,
      {NULL, NULL}}},
    {"timm vision transformers of mean tokens", {{"fc_norm.", "norm."}, {NULL, NULL}}},
    {"tent U-Net",
     {{"encoder.encoder_blocks.#.double_conv2d.0.", "encoder.#.conv1."},
      {"encoder.encoder_blocks.#.double_conv2d.1.", "encoder.#.bn1."},
      {"encoder.encoder_blocks.#.double_conv2d.3.", "encoder.#.conv2."},
      {"encoder.encoder_blocks.#.double_conv2d.4.", "encoder.#.bn2."},
      {"decoder.up_convs.#.", "up.#."},
      {"decoder.decoder_blocks.#.double_conv2d.0.", "decoder.#.conv1."},
      {"decoder.decoder_blocks.#.double_conv2d.1.", "decoder.#.bn1."},
      {"decoder.decoder_blocks.#.double_conv2d.3.", "decoder.#.conv2."},
      {"decoder.decoder_blocks.#.double_conv2d.4.", "decoder.#.bn2."},
      {NULL, NULL}}},
    {"a sequence of linear layers",
     {{"net.#.", "layers.#."},
      {"dnn.layers.layer_#.", "layers.#."},
      {"layers.layer_#.", "layers.#."},
      {"#.", "layers.#."},
      {NULL, NULL}}},
    {"a sequence of linear layers and activations",
     {{"net.#.", "layers.#/2."}, {"layers.#.", "layers.#/2."}, {"#.", "layers.#/2."}, {NULL, NULL}}},
};
enum { NAMINGS = sizeof namings / sizeof *namings, NAME = 256 };

/* Matches `from` at the start of `name`; *rest is what follows, *number what '#' stood for. */
static bool matches(const char *from, const char *name, const char **rest, long *number)
{
    for (; *from != 0; from++) {
        if (*from == '#') {
            char *end;
            if (!isdigit((unsigned char)*name)) return false;
            *number = strtol(name, &end, 10);
            name = end;
        } else if (*from != *name++) {
            return false;
        }
    }
    *rest = name;
    return true;
}

static void rewritten(const naming *rules, const char *name, char out[NAME])
{
    for (const rewrite *rule = rules->rules; rule->from != NULL; rule++) {
        const char *rest;
        long number = 0;
        if (!matches(rule->from, name, &rest, &number)) continue;
        size_t used = 0;
        for (const char *c = rule->to; *c != 0 && used + 24 < NAME; c++) {
            if (*c != '#') {
                out[used++] = *c;
                continue;
            }
            bool next = strncmp(c, "#+1", 3) == 0, half = strncmp(c, "#/2", 3) == 0;
            used += (size_t)snprintf(out + used, NAME - used, "%ld",
                                     next   ? number + 1
                                     : half ? number / 2
                                            : number);
            if (next || half) c += 2;
        }
        snprintf(out + used, NAME - used, "%s", rest);
        return;
    }
    snprintf(out, NAME, "%s", name);
}

/* ---------------------------------------------------------------- both sides */

/* A tensor of the model: a parameter or a buffer. */
typedef struct wanted {
    const char *name;
    int rank;
    const int64_t *shape;
    int64_t offset, count;
    bool buffer;
    const ll_tensor *found;
} wanted;

typedef struct matching {
    wanted *wanted;
    int64_t wanted_count;
    const ll_tensor **offered; /* the file's weights */
    const char **offered_name; /* behind the prefix */
    bool *used;
    int64_t offered_count, matched;
    const naming *rules;
} matching;

static void matching_deinit(matching *m)
{
    ll_free(m->wanted);
    ll_free(m->offered);
    ll_free(m->offered_name);
    ll_free(m->used);
}

static bool same_shape(const wanted *w, const ll_tensor *tensor)
{
    if (w->rank != tensor->rank) return false;
    for (int axis = 0; axis < w->rank; axis++) {
        if (w->shape[axis] != tensor->shape[axis]) return false;
    }
    return true;
}

static bool counts_steps(const char *name)
{
    const char *last = strrchr(name, '.');
    return strcmp(last != NULL ? last + 1 : name, "num_batches_tracked") == 0;
}

static ll_status matching_init(matching *m, const ll_model_info *info, const ll_tensor_file *file,
                               ll_error *error)
{
    int64_t tensors = ll_tensor_file_count(file);
    const char *prefix = ll_tensor_file_weights_prefix(file);
    *m = (matching){.wanted_count = info->parameters + info->buffers};
    m->wanted = ll_allocate_array(m->wanted_count + 1, sizeof *m->wanted);
    m->offered = ll_allocate_array(tensors + 1, sizeof *m->offered);
    m->offered_name = ll_allocate_array(tensors + 1, sizeof *m->offered_name);
    m->used = ll_allocate_array(tensors + 1, sizeof *m->used);
    if (m->wanted == NULL || m->offered == NULL || m->offered_name == NULL || m->used == NULL) {
        matching_deinit(m);
        return ll_fail_memory(error, "networks", (size_t)(tensors + m->wanted_count) * sizeof *m->wanted);
    }
    for (int64_t i = 0; i < info->parameters; i++) {
        const ll_parameter *p = &info->parameter[i];
        m->wanted[i] = (wanted){
            .name = p->name, .rank = p->rank, .shape = p->shape, .offset = p->offset, .count = p->count};
    }
    for (int64_t i = 0; i < info->buffers; i++) {
        const ll_buffer_entry *e = &info->buffer[i].entry;
        m->wanted[info->parameters + i] = (wanted){.name = e->name,
                                                   .rank = 1,
                                                   .shape = &e->count,
                                                   .offset = e->offset,
                                                   .count = e->count,
                                                   .buffer = true};
    }
    for (int64_t i = 0; i < tensors; i++) {
        const ll_tensor *tensor = ll_tensor_file_tensor(file, i);
        if (tensor->from_list || strncmp(tensor->name, prefix, strlen(prefix)) != 0 ||
            counts_steps(tensor->name))
            continue;
        m->offered[m->offered_count] = tensor;
        m->offered_name[m->offered_count++] = tensor->name + strlen(prefix);
    }
    return LL_OK;
}

static int64_t find_wanted(const matching *m, const char *name)
{
    for (int64_t i = 0; i < m->wanted_count; i++) {
        if (strcmp(m->wanted[i].name, name) == 0) return i;
    }
    return -1;
}

static void match_names(matching *m, const naming *rules)
{
    m->rules = rules;
    m->matched = 0;
    for (int64_t i = 0; i < m->wanted_count; i++) m->wanted[i].found = NULL;
    for (int64_t i = 0; i < m->offered_count; i++) {
        char name[NAME];
        rewritten(rules, m->offered_name[i], name);
        int64_t w = find_wanted(m, name);
        m->used[i] = w >= 0 && m->wanted[w].found == NULL && same_shape(&m->wanted[w], m->offered[i]);
        if (!m->used[i]) continue;
        m->wanted[w].found = m->offered[i];
        m->matched++;
    }
}

static bool complete(const matching *m)
{
    return m->matched == m->wanted_count && m->matched == m->offered_count;
}

/* The last resort: the i-th tensor of the file is the i-th of the model in the order in which a PyTorch module lists
 * them (each layer's parameters, then its buffers), if every shape agrees. */
static bool match_order(matching *m)
{
    if (m->wanted_count != m->offered_count) return false;
    int64_t next[2] = {0, 0}, parameters = 0;
    while (parameters < m->wanted_count && !m->wanted[parameters].buffer) parameters++;
    next[1] = parameters;
    for (int64_t i = 0; i < m->offered_count; i++) {
        const char *last = strrchr(m->offered_name[i], '.');
        last = last != NULL ? last + 1 : m->offered_name[i];
        int side = strncmp(last, "running_", 8) == 0;
        int64_t w = next[side]++;
        if (w >= (side == 0 ? parameters : m->wanted_count) || !same_shape(&m->wanted[w], m->offered[i]))
            return false;
        m->wanted[w].found = m->offered[i];
        m->used[i] = true;
    }
    m->matched = m->wanted_count;
    m->rules = NULL;
    return true;
}

static void shape_text(ll_text *text, int rank, const int64_t *shape)
{
    ll_text_append(text, "[");
    for (int axis = 0; axis < rank; axis++)
        ll_text_format(text, "%s%lld", axis > 0 ? ", " : "", (long long)shape[axis]);
    ll_text_append(text, "]");
}

/* A list for a message: its first few entries are written out. */
typedef struct differences {
    ll_text text;
    int64_t count;
} differences;

static bool another(differences *list)
{
    enum { SHOWN = 4 };
    if (list->count++ >= SHOWN) return false;
    if (list->count > 1) ll_text_append(&list->text, ", ");
    return true;
}

static void add_differences(ll_text *message, const char *what, differences *list)
{
    if (list->count == 0) return;
    ll_text_format(message, "%s %lld %s (%s%s)", message->length > 0 ? ";" : "", (long long)list->count, what,
                   list->text.text, list->count > 4 ? ", ..." : "");
}

static ll_status mismatch(const matching *m, const char *model, ll_error *error)
{
    differences other = {0}, missing = {0}, left = {0};
    for (int64_t i = 0; i < m->wanted_count; i++) {
        const wanted *w = &m->wanted[i];
        if (w->found != NULL) continue;
        const ll_tensor *same = NULL;
        for (int64_t k = 0; k < m->offered_count && same == NULL; k++) {
            char name[NAME];
            rewritten(m->rules, m->offered_name[k], name);
            if (!m->used[k] && strcmp(name, w->name) == 0) same = m->offered[k];
        }
        differences *list = same != NULL ? &other : &missing;
        if (!another(list)) continue;
        ll_text_format(&list->text, "%s ", w->name);
        if (same != NULL) {
            shape_text(&list->text, same->rank, same->shape);
            ll_text_append(&list->text, " instead of ");
        }
        shape_text(&list->text, w->rank, w->shape);
    }
    for (int64_t i = 0; i < m->offered_count; i++) {
        char name[NAME];
        rewritten(m->rules, m->offered_name[i], name);
        int64_t w = m->used[i] ? -1 : find_wanted(m, name);
        if (m->used[i] || (w >= 0 && m->wanted[w].found == NULL) || !another(&left)) continue;
        ll_text_format(&left.text, "%s ", m->offered_name[i]);
        shape_text(&left.text, m->offered[i]->rank, m->offered[i]->shape);
    }
    ll_text message = {0};
    add_differences(&message, "of the network's tensors have another shape in the file", &other);
    add_differences(&message, "of the network's are not in the file", &missing);
    add_differences(&message, "of the file's have no place in the network", &left);
    ll_status status =
        ll_fail(error, LL_INVALID_FILE, "networks", model, "the checkpoint does not fit the network:%s",
                message.text != NULL ? message.text : "");
    ll_text_deinit(&message);
    ll_text_deinit(&other.text);
    ll_text_deinit(&missing.text);
    ll_text_deinit(&left.text);
    return status;
}

static void copy_weights(const matching *m, ll_dtype dtype, void *theta, void *buffers)
{
    for (int64_t i = 0; i < m->wanted_count; i++) {
        const wanted *w = &m->wanted[i];
        void *target = w->buffer ? buffers : theta;
        if (target == NULL) continue;
        if (dtype == LL_F64) {
            ll_tensor_to_float64(w->found, (double *)target + w->offset);
        } else {
            ll_tensor_to_float32(w->found, (float *)target + w->offset);
        }
    }
}

static void write_report(const matching *m, ll_text *report)
{
    if (report == NULL) return;
    ll_text_format(report, "naming: %s\n", m->rules != NULL ? m->rules->origin : "by order and shape");
    for (int64_t i = 0; i < m->wanted_count; i++)
        ll_text_format(report, "%s -> %s\n", m->wanted[i].found->name, m->wanted[i].name);
}

ll_status ll_model_load(const ll_model *model, const ll_tensor_file *file, bool by_order, void *theta,
                        void *buffers, ll_text *report, ll_error *error)
{
    const ll_model_info *info = ll_model_view(model);
    matching m;
    LL_TRY(matching_init(&m, info, file, error));
    const naming *best = &namings[0];
    int64_t most = -1;
    for (int i = 0; i < NAMINGS && !(most >= 0 && complete(&m)); i++) {
        match_names(&m, &namings[i]);
        if (m.matched <= most) continue;
        most = m.matched;
        best = &namings[i];
    }
    if (!complete(&m)) match_names(&m, best);
    ll_status status = LL_OK;
    if (!complete(&m) && !(by_order && match_order(&m))) {
        match_names(&m, best);
        status = mismatch(&m, info->name, error);
    } else {
        copy_weights(&m, info->dtype, theta, buffers);
        write_report(&m, report);
    }
    matching_deinit(&m);
    return status;
}
