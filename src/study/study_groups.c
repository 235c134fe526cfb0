/* The groups of a study file: their settings, which go together, and one group for each setting of a sweep.
 */
#include "study/internal.h"

#include <stdio.h>
#include <string.h>

#define SPLIT_ROWS(role, count0, count1, count2, text)                                                       \
    {"roles." role, LL_SETTING_CHOICE, {NULL}, "all|train|test", 0, 0, text},                                \
        {"roles." role ".split", LL_SETTING_CHOICE, {NULL}, "all|train|test", 0, 0, "which split"},          \
        {"roles." role ".count",        LL_SETTING_INTEGER, {count0, count1, count2}, NULL, 0, 1e12,         \
         "how many, stratified; 0: all"},                                                                    \
        {"roles." role ".first", LL_SETTING_INTEGER, {"0"}, NULL, 0, 1e12, "skip so many first"},            \
    {                                                                                                        \
        "roles." role ".seed", LL_SETTING_INTEGER, {"0"}, NULL, 0, 1e15, "of the choice"                     \
    }

const ll_setting_row ll_group_rows[] = {
    {"name", LL_SETTING_TEXT, {NULL}, NULL, 0, 0, "of the group; members are NAME/0, NAME/1 ..."},
    {"title", LL_SETTING_TEXT, {NULL}, NULL, 0, 0, "for pictures"},
    {"problem",
     LL_SETTING_CHOICE,
     {NULL},
     "convection|convection-diffusion|reaction|reaction-diffusion",
     0,
     0,
     "a physics-informed problem"},
    {"beta", LL_SETTING_REAL, {"0"}, NULL, -1e6, 1e6, "its convection speed"},
    {"nu", LL_SETTING_REAL, {"0"}, NULL, 0, 1e6, "its diffusion"},
    {"rho", LL_SETTING_REAL, {"0"}, NULL, 0, 1e6, "its reaction rate"},
    {"gaussian_start", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "initial condition: a bell instead of sin x"},
    {"collocation", LL_SETTING_INTEGER, {"100"}, NULL, 1, 25245, "its points inside"},
    {"point_seed", LL_SETTING_INTEGER, {"0"}, NULL, 0, 1e15, "of the collocation points"},
    {"hidden",
     LL_SETTING_TEXTS,
     {NULL},
     NULL,
     0,
     0,
     "widths of its network's hidden layers; default 50, 50, 50, 50"},
    {"network", LL_SETTING_TEXT, {NULL}, NULL, 0, 0, "resnet20, vgg11, vit, unet, mlp, cnn ..."},
    {"network_file", LL_SETTING_TEXT, {NULL}, NULL, 0, 0, "a network written as blocks"},
    {"options.*", LL_SETTING_TEXT, {NULL}, NULL, 0, 0, "of the network"},
    {"loss", LL_SETTING_CHOICE, {NULL}, "cross_entropy|mse|bce|segmentation", 0, 0, "default: by the data"},
    {"data", LL_SETTING_TEXT, {NULL}, NULL, 0, 0, "fashion-mnist, cifar10:FOLDER, xy:X,Y ..."},
    {"train_data", LL_SETTING_TEXT, {NULL}, NULL, 0, 0, "training samples, where data holds none"},
    {"corruptions",
     LL_SETTING_TEXTS,
     {NULL},
     NULL,
     0,
     0,
     "each image by one of these: all, or blur:3, jpeg ..."},
    {"corruption_seed", LL_SETTING_INTEGER, {"0"}, NULL, 0, 1e15, "of which image gets which"},
    {"normalise.mean", LL_SETTING_REALS, {NULL}, NULL, 0, 0, "one, or one a channel; pixels in 0..1"},
    {"normalise.std", LL_SETTING_REALS, {NULL}, NULL, 0, 0, "one, or one a channel"},
    SPLIT_ROWS("fit", "0", "0", "0", "samples of training and curves"),
    SPLIT_ROWS("evaluate", "500", "1000", "0", "samples of losses and metrics"),
    SPLIT_ROWS("calibrate", "500", "1000", "1000", "samples that batch-norm statistics are re-estimated on"),
    {"weight_decay", LL_SETTING_REAL, {"0"}, NULL, 0, 1e6, "adds L/2 |theta|^2 to the loss"},
    {"float64", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "compute in double precision"},
    {"by_order",
     LL_SETTING_FLAG,
     {"false"},
     NULL,
     0,
     0,
     "match weights by shape-checked order as the last resort"},
    {"checkpoints", LL_SETTING_TEXTS, {NULL}, NULL, 0, 0, "files or patterns, in natural order: the members"},
    {"trajectory",
     LL_SETTING_TEXT,
     {NULL},
     NULL,
     0,
     0,
     "pattern of a member's path; {member} is its number, {stem} its file's name"},
    {"train.seeds", LL_SETTING_SEEDS, {"0"}, NULL, 0, 0, "one member a seed: 0..3, or a list"},
    {"train.epochs", LL_SETTING_INTEGER, {"10"}, NULL, 1, 1e9, "passes; for full batches: steps"},
    {"train.optimiser",
     LL_SETTING_CHOICE,
     {NULL},
     "sgd|adam|adamw|lbfgs",
     0,
     0,
     "default: lbfgs for problems, sgd for networks"},
    {"train.rate", LL_SETTING_REAL, {"0"}, NULL, 0, 1e6, "learning rate; 0: the optimiser's usual one"},
    {"train.momentum", LL_SETTING_REAL, {NULL}, NULL, 0, 0.9999, "of sgd; default 0.9"},
    {"train.nesterov", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "of sgd"},
    {"train.batch",
     LL_SETTING_INTEGER,
     {NULL},
     NULL,
     0,
     1e9,
     "samples a step; 0: all; default 128 for networks"},
    {"train.schedule",
     LL_SETTING_CHOICE,
     {"constant"},
     "constant|step|cosine|curve",
     0,
     0,
     "of the learning rate"},
    {"train.step_every", LL_SETTING_INTEGER, {"30"}, NULL, 1, 1e9, "step: epochs between changes"},
    {"train.step_factor", LL_SETTING_REAL, {"0.1"}, NULL, 0, 1, "step: factor of a change"},
    {"train.warm_up", LL_SETTING_INTEGER, {"0"}, NULL, 0, 1e9, "epochs of linear rise before the schedule"},
    {"train.augment", LL_SETTING_CHOICES, {NULL}, "crop|flip", 0, 0, "of the images"},
    {"train.history", LL_SETTING_INTEGER, {"0"}, NULL, 0, 10000, "of lbfgs; 0: 50"},
    {"train.trajectory_every",
     LL_SETTING_INTEGER,
     {"0"},
     NULL,
     0,
     1e9,
     "epochs between the points of the path; 0: no path"},
    {"expect.*", LL_SETTING_REAL, {NULL}, NULL, 0, 0, "what a metric should be: otherwise the run stops"},
    {"fields", LL_SETTING_TEXTS, {NULL}, NULL, 0, 0, "files or patterns: the members"},
    {"array", LL_SETTING_TEXT, {NULL}, NULL, 0, 0, "which array of the files"},
    {"axes", LL_SETTING_RANGES, {NULL}, NULL, 0, 0, "low and high of each axis of the fields"},
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

/* ---------------------------------------------------------------- groups and their sweeps */

static ll_status refuse_at(const ll_source *source, const ll_settings *settings, const char *key,
                           ll_error *error, const char *what)
{
    int64_t at = ll_settings_find(settings, key);
    return ll_settings_refuse(source, at >= 0 ? settings->line[at] : 0, at >= 0 ? settings->column[at] : 0,
                              error, "%s %s", key, what);
}

const char *ll_group_key(const ll_settings *settings, const char *name)
{
    size_t length = strlen(name);
    for (int64_t i = 0; i < settings->count; i++) {
        const char *key = settings->item[i].key;
        if (strncmp(key, name, length) == 0 && (key[length] == 0 || key[length] == '.')) return key;
    }
    return NULL;
}

static ll_status check_kind(const ll_source *source, ll_group_entry *group, ll_error *error)
{
    const ll_settings *s = &group->settings;
    const char *kinds[4] = {ll_group_key(s, "problem"), ll_group_key(s, "network"),
                            ll_group_key(s, "network_file"), ll_group_key(s, "fields")};
    int given = 0;
    for (int i = 0; i < 4; i++) given += kinds[i] != NULL;
    if (given != 1)
        return ll_settings_refuse(
            source, group->line, group->column, error,
            "a group wants one of problem, network, network_file and fields; got %d of them", given);
    group->view.kind = kinds[0] != NULL   ? LL_GROUP_PINN
                       : kinds[3] != NULL ? LL_GROUP_FIELD
                                          : LL_GROUP_NETWORK;
    static const struct {
        const char *key;
        bool fits[3]; /* pinn, network, field */
        const char *what;
    } uses[] = {{"beta", {true, false, false}, "belongs to a problem"},
                {"nu", {true, false, false}, "belongs to a problem"},
                {"rho", {true, false, false}, "belongs to a problem"},
                {"gaussian_start", {true, false, false}, "belongs to a problem"},
                {"collocation", {true, false, false}, "belongs to a problem"},
                {"point_seed", {true, false, false}, "belongs to a problem"},
                {"hidden", {true, false, false}, "belongs to a problem; a network has options"},
                {"options", {false, true, false}, "belong to a network"},
                {"loss", {false, true, false}, "belongs to a network"},
                {"data", {false, true, false}, "belongs to a network"},
                {"train_data", {false, true, false}, "belongs to a network"},
                {"normalise", {false, true, false}, "belongs to a network"},
                {"corruptions", {false, true, false}, "belong to a network with images"},
                {"roles", {false, true, false}, "belong to a network with data"},
                {"weight_decay", {true, true, false}, "does not fit fields"},
                {"float64", {true, true, false}, "does not fit fields"},
                {"by_order", {true, true, false}, "does not fit fields"},
                {"checkpoints", {true, true, false}, "does not fit fields"},
                {"trajectory", {true, true, false}, "does not fit fields"},
                {"train", {true, true, false}, "does not fit fields"},
                {"expect", {true, true, false}, "does not fit fields"},
                {"axes", {false, false, true}, "belong to fields"},
                {"array", {false, false, true}, "belongs to fields"}};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        const char *key = ll_group_key(s, uses[i].key);
        if (key != NULL && !uses[i].fits[group->view.kind])
            return refuse_at(source, s, key, error, uses[i].what);
    }
    if (group->view.kind == LL_GROUP_FIELD) return LL_OK;
    const char *train = ll_group_key(s, "train"), *files = ll_group_key(s, "checkpoints");
    if (train != NULL && files != NULL)
        return refuse_at(source, s, files, error, "and train are both given; members come from one of them");
    if (train == NULL && files == NULL)
        return ll_settings_refuse(source, group->line, group->column, error,
                                  "the group has no members; wanted checkpoints or train");
    if (train != NULL && ll_group_key(s, "trajectory") != NULL)
        return refuse_at(source, s, "trajectory", error,
                         "is a pattern of files; with train say train.trajectory_every");
    if (group->view.kind == LL_GROUP_NETWORK && ll_group_key(s, "data") == NULL)
        return ll_settings_refuse(source, group->line, group->column, error, "a network wants data");
    bool mean = ll_group_key(s, "normalise.mean") != NULL,
         deviation = ll_group_key(s, "normalise.std") != NULL;
    if (mean != deviation)
        return refuse_at(source, s, mean ? "normalise.mean" : "normalise.std", error,
                         "alone; wanted mean and std");
    return LL_OK;
}

/* Where a swept key belongs: itself, "train.KEY" or "options.KEY". */
static ll_status resolve_swept(const ll_source *source, const ll_group_entry *group, const ll_value *key,
                               char full[160], ll_error *error)
{
    static const char *const prefixes[] = {"", "train.", "normalise."};
    for (int i = 0; i < 3; i++) {
        snprintf(full, 160, "%s%s", prefixes[i], key->text);
        const ll_setting_row *row = ll_setting_row_find(ll_group_rows, full);
        if (row != NULL && strcmp(full, "name") != 0) return LL_OK;
    }
    if (ll_group_key(&group->settings, "network") != NULL && strchr(key->text, '.') == NULL) {
        const char *names[64], *near;
        int64_t count = 0;
        for (const ll_setting_row *row = ll_group_rows; row->key != NULL && count < 64; row++)
            if (strncmp(row->key, "options", 7) != 0 && strncmp(row->key, "roles", 5) != 0 &&
                strncmp(row->key, "expect", 6) != 0)
                names[count++] = strncmp(row->key, "train.", 6) == 0 ? row->key + 6 : row->key;
        near = ll_nearest_word(key->text, names, count);
        return ll_settings_refuse(source, key->line, key->column, error,
                                  "nothing is called \"%s\"%s%s%s; an option of the network is options.%s",
                                  key->text, near != NULL ? "; did you mean \"" : "",
                                  near != NULL ? near : "", near != NULL ? "\"?" : "", key->text);
    }
    /* The table's own message. */
    ll_settings none = {0};
    return ll_settings_set(&none, source, ll_group_rows, key->text, "1", key->line, key->column, error);
}

/* One setting of one variant: the group's value replaced, and a word for the group's name. */
static ll_status apply_swept(const ll_source *source, ll_group_entry *group, const ll_value *key,
                             const ll_value *value, ll_text *label, ll_error *error)
{
    char full[160];
    LL_TRY(resolve_swept(source, group, key, full, error));
    const char *dot = strrchr(full, '.');
    ll_value name = *key;
    name.text = dot != NULL ? dot + 1 : full;
    const ll_value single = {.type = LL_VALUE_MAP,
                             .line = key->line,
                             .column = key->column,
                             .count = 1,
                             .items = value,
                             .keys = &name};
    char prefix[160] = "";
    if (dot != NULL) snprintf(prefix, sizeof prefix, "%.*s", (int)(dot - full) + 1, full);
    LL_TRY(ll_settings_take(&group->settings, source, ll_group_rows, &single, prefix, NULL, error));
    int64_t at = ll_settings_find(&group->settings, full);
    const char *text = at >= 0 ? ll_lines_join(group->settings.item[at].value, source->memory) : "";
    ll_text_format(label, "%s%s=%s", label->length > 0 ? ", " : "", key->text, text);
    ll_study_setting *sweep =
        ll_arena_allocate(source->memory, (size_t)(group->view.sweeps + 1) * sizeof *sweep);
    if (sweep == NULL) return ll_fail_memory(error, LL_STUDY, sizeof *sweep);
    if (group->view.sweeps > 0) memcpy(sweep, group->view.sweep, (size_t)group->view.sweeps * sizeof *sweep);
    sweep[group->view.sweeps++] = (ll_study_setting){ll_arena_text(source->memory, key->text), text};
    group->view.sweep = sweep;
    return LL_OK;
}

enum { MOST_GROUPS = 10000 };

/* How many variants a sweep has. */
static ll_status count_variants(const ll_source *source, const ll_value *sweep, int64_t *variants,
                                ll_error *error)
{
    *variants = 1;
    if (sweep == NULL) return LL_OK;
    if (sweep->type == LL_VALUE_LIST) {
        for (int64_t i = 0; i < sweep->count; i++)
            if (sweep->items[i].type != LL_VALUE_MAP)
                return ll_settings_refuse(
                    source, sweep->items[i].line, sweep->items[i].column, error,
                    "an entry of a list of settings is %s; wanted a map, as {beta: 1, rate: 0.1}",
                    ll_value_type_name(sweep->items[i].type));
        *variants = sweep->count;
    } else if (sweep->type == LL_VALUE_MAP) {
        for (int64_t i = 0; i < sweep->count; i++) {
            if (sweep->items[i].type != LL_VALUE_LIST || sweep->items[i].count < 1)
                return ll_settings_refuse(source, sweep->items[i].line, sweep->items[i].column, error,
                                          "sweep.%s is %s; wanted a list of values", sweep->keys[i].text,
                                          ll_value_type_name(sweep->items[i].type));
            *variants *= sweep->items[i].count;
            if (*variants > MOST_GROUPS) break;
        }
    } else {
        return ll_settings_refuse(source, sweep->line, sweep->column, error,
                                  "sweep is %s; wanted a map of lists, or a list of maps",
                                  ll_value_type_name(sweep->type));
    }
    if (*variants < 1 || *variants > MOST_GROUPS)
        return ll_settings_refuse(source, sweep->line, sweep->column, error,
                                  "the sweep makes %lld groups; wanted 1 to %d", (long long)*variants,
                                  MOST_GROUPS);
    return LL_OK;
}

static ll_status make_variant(const ll_source *source, const ll_group_entry *base, const ll_value *sweep,
                              int64_t variant, ll_group_entry *out, ll_error *error)
{
    *out = *base;
    LL_TRY(ll_settings_copy(&base->settings, source->memory, &out->settings, error));
    ll_text label = {0};
    ll_status status = LL_OK;
    if (sweep != NULL && sweep->type == LL_VALUE_LIST) {
        const ll_value *map = &sweep->items[variant];
        for (int64_t k = 0; k < map->count && status == LL_OK; k++)
            status = apply_swept(source, out, &map->keys[k], &map->items[k], &label, error);
    } else if (sweep != NULL) {
        int64_t below = 1;
        for (int64_t k = 0; k < sweep->count; k++) below *= sweep->items[k].count;
        for (int64_t k = 0; k < sweep->count && status == LL_OK; k++) { /* the first key varies slowest */
            below /= sweep->items[k].count;
            status =
                apply_swept(source, out, &sweep->keys[k],
                            &sweep->items[k].items[variant / below % sweep->items[k].count], &label, error);
        }
    }
    int64_t name = ll_settings_find(&out->settings, "name"),
            title = ll_settings_find(&out->settings, "title");
    if (status == LL_OK && name < 0)
        status = ll_settings_refuse(source, out->line, out->column, error, "the group has no name");
    if (status == LL_OK) {
        ll_text full = {0};
        ll_text_format(&full, label.length > 0 ? "%s(%s)" : "%s", out->settings.item[name].value,
                       label.length > 0 ? label.text : "");
        out->view.name = full.failed ? NULL : ll_arena_text(source->memory, full.text);
        full.length = 0;
        ll_text_format(&full, label.length > 0 ? "%s, %s" : "%s",
                       out->settings.item[title >= 0 ? title : name].value,
                       label.length > 0 ? label.text : "");
        out->view.title = full.failed ? NULL : ll_arena_text(source->memory, full.text);
        ll_text_deinit(&full);
        if (out->view.name == NULL || out->view.title == NULL) status = ll_fail_memory(error, LL_STUDY, 256);
    }
    ll_text_deinit(&label);
    if (status == LL_OK) status = check_kind(source, out, error);
    out->more = "";
    return status;
}

ll_status ll_study_take_groups(ll_study *study, const ll_source *source, const ll_value *list,
                               ll_error *error)
{
    static const char *const swept[] = {"sweep", NULL};
    if (list == NULL || list->type != LL_VALUE_LIST || list->count == 0)
        return ll_settings_refuse(source, list != NULL ? list->line : 1, list != NULL ? list->column : 1,
                                  error, "groups is %s; wanted a list of groups",
                                  list != NULL ? ll_value_type_name(list->type) : "missing");
    int64_t total = 0, variants;
    for (int64_t g = 0; g < list->count; g++) {
        if (list->items[g].type != LL_VALUE_MAP)
            return ll_settings_refuse(source, list->items[g].line, list->items[g].column, error,
                                      "a group is %s; wanted a map", ll_value_type_name(list->items[g].type));
        LL_TRY(count_variants(source, ll_value_get(&list->items[g], "sweep"), &variants, error));
        total += variants;
    }
    study->groups = ll_arena_allocate(study->memory, (size_t)total * sizeof *study->groups);
    study->views = ll_arena_allocate(study->memory, (size_t)total * sizeof *study->views);
    if (study->groups == NULL || study->views == NULL)
        return ll_fail_memory(error, LL_STUDY, (size_t)total * sizeof *study->groups);
    for (int64_t g = 0; g < list->count; g++) {
        const ll_value *map = &list->items[g], *sweep = ll_value_get(map, "sweep");
        ll_group_entry base = {.line = map->line, .column = map->column};
        LL_TRY(ll_settings_take(&base.settings, source, ll_group_rows, map, "", swept, error));
        LL_TRY(count_variants(source, sweep, &variants, error));
        for (int64_t v = 0; v < variants; v++) {
            ll_group_entry *made = &study->groups[study->group_count];
            LL_TRY(make_variant(source, &base, sweep, v, made, error));
            for (int64_t k = 0; k < study->group_count; k++)
                if (strcmp(study->groups[k].view.name, made->view.name) == 0)
                    return ll_settings_refuse(source, made->line, made->column, error,
                                              "there are two groups called \"%s\"", made->view.name);
            study->group_count++;
        }
    }
    return LL_OK;
}
