/* CKA between layers of models: one feature pass a model, a group of layers at a time where memory asks for
 * it. */
#include "cka_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "similarity";

/* Features held at a time; a layer larger than this is held alone. */
static const double FEATURE_BYTES = 1e9;

typedef struct plan {
    const ll_cka_model *models;
    int64_t count, entries, samples;
    const int64_t *indices;
    int64_t *first_entry; /* count + 1 */
} plan;

static const ll_layer *layer_of(const ll_cka_model *model, int64_t i, int64_t *index)
{
    *index = model->layers != NULL ? model->layers[i] : i;
    return &ll_problem_view(model->problem)->layer[*index];
}

static int64_t layer_count(const ll_cka_model *model)
{
    return model->layers != NULL ? model->layer_count : ll_problem_view(model->problem)->layers;
}

static ll_status make_plan(const ll_cka_model *models, int64_t count, plan *made, ll_error *error)
{
    if (count < 1) return ll_fail(error, LL_INVALID_ARGUMENT, module, "models", "there are none to compare");
    made->models = models;
    made->count = count;
    made->first_entry = ll_allocate_array(count + 1, sizeof *made->first_entry);
    if (made->first_entry == NULL) return ll_fail_memory(error, module, (size_t)(count + 1) * 8);
    made->first_entry[0] = 0;
    for (int64_t m = 0; m < count; m++) {
        const ll_problem_info *info = ll_problem_view(models[m].problem);
        if ((info->capabilities & LL_CAN_FEATURES) == 0 || layer_count(&models[m]) < 1)
            return ll_fail(error, LL_UNSUPPORTED, module, models[m].name,
                           "the problem gives no features of layers");
        for (int64_t i = 0; i < layer_count(&models[m]); i++) {
            int64_t layer = models[m].layers != NULL ? models[m].layers[i] : i;
            if (layer < 0 || layer >= info->layers)
                return ll_fail(error, LL_INVALID_ARGUMENT, module, models[m].name,
                               "layer %lld does not exist; it has 0 to %lld", (long long)layer,
                               (long long)(info->layers - 1));
        }
        const ll_samples *list = models[m].samples;
        bool all = list == NULL || list->indices == NULL;
        int64_t samples = all ? info->term[0].samples : list->count;
        const int64_t *indices = all ? NULL : list->indices;
        if (m == 0) {
            made->samples = samples;
            made->indices = indices;
        }
        if (samples != made->samples || (indices == NULL) != (made->indices == NULL) ||
            (indices != NULL && memcmp(indices, made->indices, (size_t)samples * sizeof *indices) != 0))
            return ll_fail(error, LL_INVALID_ARGUMENT, module, models[m].name,
                           "its samples are not those of %s; CKA compares models on the same ones",
                           models[0].name);
        made->first_entry[m + 1] = made->first_entry[m] + layer_count(&models[m]);
    }
    made->entries = made->first_entry[count];
    return LL_OK;
}

/* Features of some layers of a model, added to the table layer by layer. */
typedef struct adding {
    ll_cka *cka;
    const ll_problem_info *info;
    void *const *view;
    const int64_t *index;
    int64_t first_entry, samples;
} adding;

static ll_status add_layer(void *context, int64_t layer, int thread, ll_error *error)
{
    (void)thread;
    const adding *work = context;
    const ll_features features = {work->view[layer], work->info->type, work->samples,
                                  work->info->layer[work->index[layer]].width};
    return ll_cka_add(work->cka, work->first_entry + layer, &features, error);
}

/* Layers first .. last - 1 of a model on samples `from` .. from + count - 1, each added to the table. */
static ll_status add_layers(const plan *all, int64_t m, int64_t first, int64_t last, int64_t from,
                            int64_t count, ll_cka *cka, ll_team *team, ll_error *error)
{
    const ll_cka_model *model = &all->models[m];
    const ll_problem_info *info = ll_problem_view(model->problem);
    int64_t layers = last - first, width = 0;
    for (int64_t i = first; i < last; i++) {
        int64_t index;
        width += layer_of(model, i, &index)->width;
    }
    unsigned char *block = ll_allocate_array(width * count, ll_real_bytes(info->type));
    void **view = ll_allocate_array(layers, sizeof *view);
    int64_t *index = ll_allocate_array(layers + count, sizeof *index), *wanted = index + layers;
    ll_samples *samples = ll_allocate_zeroed((size_t)info->terms * sizeof *samples);
    ll_status status =
        block == NULL || view == NULL || index == NULL || samples == NULL
            ? ll_fail_memory(error, module, (size_t)(width * count) * ll_real_bytes(info->type))
            : LL_OK;
    if (status == LL_OK) {
        size_t at = 0;
        for (int64_t i = 0; i < layers; i++) {
            view[i] = block + at;
            at += (size_t)layer_of(model, first + i, &index[i])->width * (size_t)count *
                  ll_real_bytes(info->type);
        }
        for (int64_t i = 0; i < count; i++)
            wanted[i] = all->indices != NULL ? all->indices[from + i] : from + i;
        samples[0] = (ll_samples){.indices = wanted, .count = count};
        const void *theta = model->theta != NULL ? model->theta : ll_problem_origin(model->problem);
        const void *buffers = model->buffers;
        bool whole = count == info->term[0].samples && all->indices == NULL;
        ll_request request = {.points = 1,
                              .thetas = &theta,
                              .buffers = buffers != NULL ? &buffers : NULL,
                              .buffers_shared = true,
                              .samples = whole ? NULL : samples,
                              .feature_layers = layers,
                              .feature_layer = index,
                              .features = view};
        status = theta == NULL
                     ? ll_fail(error, LL_INVALID_ARGUMENT, module, model->name, "it has no parameters")
                     : ll_problem_evaluate(model->problem, &request, error);
    }
    adding work = {cka, info, view, index, all->first_entry[m] + first, count};
    if (status == LL_OK) status = ll_team_run(team, layers, add_layer, &work, error);
    ll_free(block);
    ll_free(view);
    ll_free(index);
    ll_free(samples);
    return status;
}

static ll_status add_model(const plan *all, int64_t m, int64_t from, int64_t count, ll_cka *cka,
                           ll_team *team, ll_error *error)
{
    const ll_cka_model *model = &all->models[m];
    size_t element = ll_real_bytes(ll_problem_view(model->problem)->type);
    for (int64_t first = 0; first < layer_count(model);) {
        double bytes = 0.0;
        int64_t last = first, index;
        for (; last < layer_count(model); last++) {
            bytes += (double)layer_of(model, last, &index)->width * (double)count * (double)element;
            if (last > first && bytes > FEATURE_BYTES) break;
        }
        LL_TRY(add_layers(all, m, first, last, from, count, cka, team, error));
        first = last;
    }
    return LL_OK;
}

/* One draw for each pair of distinct widths. kind: which distinct width an entry has. */
static ll_status fill_baseline(const plan *all, const int64_t *width, const ll_cka_options *options,
                               double *baseline, ll_error *error)
{
    int64_t n = all->entries, kinds = 0;
    bool enough = all->samples >= (options->variant == LL_CKA_BIASED ? 2 : 4);
    int64_t *kind = ll_allocate_array(2 * n, sizeof *kind);
    if (kind == NULL) return ll_fail_memory(error, module, (size_t)(2 * n) * sizeof *kind);
    int64_t *distinct = kind + n;
    for (int64_t i = 0; i < n; i++) {
        kind[i] = 0;
        while (kind[i] < kinds && distinct[kind[i]] != width[i]) kind[i]++;
        if (kind[i] == kinds) distinct[kinds++] = width[i];
    }
    double *value = ll_allocate_array(kinds * kinds, sizeof *value);
    ll_status status =
        value == NULL ? ll_fail_memory(error, module, (size_t)(kinds * kinds) * sizeof *value) : LL_OK;
    for (int64_t a = 0; a < kinds && status == LL_OK; a++)
        for (int64_t b = 0; b <= a && status == LL_OK; b++) {
            double drawn = NAN;
            if (enough)
                status = ll_cka_random_baseline(all->samples, ll_min_int64(distinct[a], distinct[b]),
                                                ll_max_int64(distinct[a], distinct[b]), options->variant,
                                                options->seed, &drawn, error);
            value[a * kinds + b] = value[b * kinds + a] = drawn;
        }
    for (int64_t i = 0; i < n && status == LL_OK; i++)
        for (int64_t j = 0; j < n; j++) baseline[i * n + j] = value[kind[i] * kinds + kind[j]];
    ll_free(value);
    ll_free(kind);
    return status;
}

static ll_status fill_record(const plan *all, const ll_cka *cka, const ll_cka_options *options,
                             ll_record *record, ll_error *error)
{
    int64_t n = all->entries;
    const int64_t square[2] = {n, n};
    ll_array matrix = {0}, baseline = {0}, model = {0}, layer = {0}, flag = {0};
    ll_text layers = {0}, models = {0};
    ll_cka_flag *flags = ll_allocate_array(n, sizeof *flags);
    int64_t *width = ll_allocate_array(n, sizeof *width);
    ll_status status = flags == NULL || width == NULL ? ll_fail_memory(error, module, (size_t)n * 16) : LL_OK;
    if (status == LL_OK) status = ll_array_init(&matrix, LL_ARRAY_FLOAT64, 2, square, error);
    if (status == LL_OK) status = ll_array_init(&baseline, LL_ARRAY_FLOAT64, 2, square, error);
    if (status == LL_OK) status = ll_array_init(&model, LL_ARRAY_INT64, 1, square, error);
    if (status == LL_OK) status = ll_array_init(&layer, LL_ARRAY_INT64, 1, square, error);
    if (status == LL_OK) status = ll_array_init(&flag, LL_ARRAY_INT64, 1, square, error);
    if (status == LL_OK) status = ll_cka_matrix(cka, matrix.data, flags, error);
    if (status == LL_OK) {
        for (int64_t m = 0; m < all->count; m++) {
            ll_text_format(&models, "%s%s", m > 0 ? "\n" : "", all->models[m].name);
            for (int64_t e = all->first_entry[m]; e < all->first_entry[m + 1]; e++) {
                int64_t index;
                const ll_layer *info = layer_of(&all->models[m], e - all->first_entry[m], &index);
                ((int64_t *)model.data)[e] = m;
                ((int64_t *)layer.data)[e] = index;
                ((int64_t *)flag.data)[e] = (int64_t)flags[e];
                width[e] = info->width;
                ll_text_format(&layers, "%s%s", e > 0 ? "\n" : "", info->name);
            }
        }
        if (models.failed || layers.failed) status = ll_fail_memory(error, module, layers.length);
    }
    if (status == LL_OK && !options->no_baseline)
        status = fill_baseline(all, width, options, baseline.data, error);
    if (status == LL_OK)
        status = ll_record_set_text(record, "variant", ll_cka_variant_name(options->variant), error);
    if (status == LL_OK) status = ll_record_set_integer(record, "samples", "samples", all->samples, error);
    if (status == LL_OK) status = ll_record_set_integer(record, "models", "", all->count, error);
    if (status == LL_OK) status = ll_record_set_text(record, "model_names", models.text, error);
    if (status == LL_OK) status = ll_record_set_text(record, "layer_names", layers.text, error);
    if (status == LL_OK) status = ll_record_take_array(record, "entry_model", "", &model, error);
    if (status == LL_OK) status = ll_record_take_array(record, "entry_layer", "", &layer, error);
    if (status == LL_OK) status = ll_record_take_array(record, "flags", "", &flag, error);
    if (status == LL_OK) status = ll_record_take_array(record, "matrix", "", &matrix, error);
    if (status == LL_OK && !options->no_baseline)
        status = ll_record_take_array(record, "baseline", "", &baseline, error);
    ll_array *arrays[] = {&matrix, &baseline, &model, &layer, &flag};
    for (int i = 0; i < 5; i++) ll_array_deinit(arrays[i]);
    ll_text_deinit(&layers);
    ll_text_deinit(&models);
    ll_free(flags);
    ll_free(width);
    return status;
}

/* ------------------------------------------------------------------ pieces */

/* A piece: this head, then an entry of the table. A model whose entries are all there needs no pass. */
typedef struct piece_head {
    char magic[8];
    ll_hash digest; /* of everything that the entry depends on but the data themselves */
    int64_t samples;
} piece_head;

enum { LARGEST_PIECE = 16 << 20 };

static ll_status digest_of(const plan *all, int64_t m, int64_t from, int64_t count, ll_cka_variant variant,
                           ll_hash *digest, ll_error *error)
{
    const ll_cka_model *model = &all->models[m];
    const ll_problem_info *info = ll_problem_view(model->problem);
    const void *theta = model->theta != NULL ? model->theta : ll_problem_origin(model->problem);
    const void *buffers = model->buffers != NULL ? model->buffers : ll_problem_origin_buffers(model->problem);
    ll_hasher *hasher = ll_hasher_create();
    if (hasher == NULL) return ll_fail_memory(error, module, 1024);
    const int64_t head[] = {(int64_t)variant, from, count, info->parameter_count, layer_count(model)};
    ll_hasher_add(hasher, head, sizeof head);
    ll_hasher_add(hasher, info->name, strlen(info->name) + 1);
    if (theta != NULL)
        ll_hasher_add(hasher, theta, (size_t)info->parameter_count * ll_real_bytes(info->type));
    if (buffers != NULL)
        ll_hasher_add(hasher, buffers, (size_t)info->buffer_count * ll_real_bytes(info->type));
    if (all->indices != NULL)
        ll_hasher_add(hasher, all->indices + from, (size_t)count * sizeof *all->indices);
    for (int64_t i = 0; i < layer_count(model); i++) {
        int64_t index;
        (void)layer_of(model, i, &index);
        ll_hasher_add(hasher, &index, sizeof index);
    }
    *digest = ll_hasher_value(hasher);
    ll_hasher_destroy(hasher);
    return LL_OK;
}

static void piece_name(int64_t from, int64_t entry, char name[64])
{
    snprintf(name, 64, "batch/%lld/entry/%lld", (long long)from, (long long)entry);
}

/* Brings back all entries of a model; *whole is false when one is missing. */
static ll_status find_model(const plan *all, int64_t m, int64_t from, const piece_head *wanted,
                            const ll_sink *sink, ll_cka *cka, bool *whole, ll_error *error)
{
    *whole = true;
    for (int64_t e = all->first_entry[m]; e < all->first_entry[m + 1] && *whole; e++) {
        char name[64];
        void *bytes = NULL;
        size_t count = 0;
        piece_name(from, e, name);
        *whole = ll_sink_find(sink, name, &bytes, &count);
        if (!*whole) break;
        bool ours =
            count == sizeof *wanted + ll_cka_entry_bytes(cka) && memcmp(bytes, wanted, sizeof *wanted) == 0;
        if (ours) ll_cka_entry_load(cka, e, (const unsigned char *)bytes + sizeof *wanted);
        ll_free(bytes);
        if (!ours)
            return ll_fail(
                error, LL_INVALID_ARGUMENT, module, name,
                "the stored piece belongs to another comparison (other weights, layers or samples)");
    }
    return LL_OK;
}

static ll_status put_model(const plan *all, int64_t m, int64_t from, const piece_head *head,
                           const ll_sink *sink, const ll_cka *cka, ll_error *error)
{
    size_t count = sizeof *head + ll_cka_entry_bytes(cka);
    unsigned char *bytes = ll_allocate(count);
    if (bytes == NULL) return ll_fail_memory(error, module, count);
    memcpy(bytes, head, sizeof *head);
    ll_status status = LL_OK;
    for (int64_t e = all->first_entry[m]; e < all->first_entry[m + 1] && status == LL_OK; e++) {
        char name[64];
        piece_name(from, e, name);
        ll_cka_entry_save(cka, e, bytes + sizeof *head);
        status = ll_sink_put(sink, name, bytes, count, error);
    }
    ll_free(bytes);
    return status;
}

/* One model on one batch, from its pieces or anew. Entries too large for a piece are not kept. */
static ll_status one_model(const plan *all, int64_t m, int64_t from, int64_t count,
                           const ll_cka_options *options, const ll_sink *sink, ll_cka *cka, ll_error *error)
{
    bool kept =
        sink != NULL && (sink->find != NULL || sink->put != NULL) && ll_cka_entry_bytes(cka) <= LARGEST_PIECE;
    if (!kept) return add_model(all, m, from, count, cka, options->team, error);
    piece_head head = {.magic = "LLCKA01", .samples = count};
    bool whole;
    LL_TRY(digest_of(all, m, from, count, options->variant, &head.digest, error));
    LL_TRY(find_model(all, m, from, &head, sink, cka, &whole, error));
    if (whole) return LL_OK;
    LL_TRY(add_model(all, m, from, count, cka, options->team, error));
    return put_model(all, m, from, &head, sink, cka, error);
}

static ll_status run(const plan *all, const ll_cka_options *options, const ll_sink *sink, ll_cka *cka,
                     ll_record *record, ll_error *error)
{
    int64_t batch = options->variant != LL_CKA_MINIBATCH ? all->samples
                    : options->batch > 0                 ? options->batch
                                                         : 256;
    for (int64_t from = 0; from < all->samples; from += batch) {
        int64_t count = ll_min_int64(batch, all->samples - from);
        if (options->variant == LL_CKA_MINIBATCH && count < 4 && from > 0)
            break; /* an unbiased term needs 4 samples */
        LL_TRY(ll_cka_begin(cka, count, error));
        for (int64_t m = 0; m < all->count; m++) {
            if (ll_sink_should_stop(sink)) return ll_fail(error, LL_CANCELLED, module, "cka", "stopped");
            LL_TRY(one_model(all, m, from, count, options, sink, cka, error));
            ll_progress progress = {.what = "cka",
                                    .done = from * all->count + (m + 1) * count,
                                    .total = all->samples * all->count,
                                    .value = (double)NAN};
            ll_sink_progress(sink, &progress);
        }
        LL_TRY(ll_cka_end(cka, options->team, error));
    }
    return fill_record(all, cka, options, record, error);
}

ll_status ll_cka_models(const ll_cka_model *models, int64_t count, const ll_cka_options *options,
                        const ll_sink *sink, ll_record **record, ll_error *error)
{
    plan all = {0};
    ll_cka *cka = NULL;
    ll_record *made = NULL;
    ll_status status = make_plan(models, count, &all, error);
    if (status == LL_OK) status = ll_cka_create(all.entries, options->variant, &cka, error);
    if (status == LL_OK && (made = ll_record_create("cka")) == NULL)
        status = ll_fail_memory(error, module, 1024);
    if (status == LL_OK) status = run(&all, options, sink, cka, made, error);
    ll_cka_destroy(cka);
    ll_free(all.first_entry);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}
