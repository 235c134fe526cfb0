/* The study file: groups with their sweeps, and which analyses are wanted. */
#include "study/internal.h"

#include <stdio.h>
#include <stdlib.h>
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

const char *ll_effort_name(ll_effort effort)
{
    static const char *const names[] = {
#define NAME(name, text) text,
        LL_EFFORT_LIST(NAME)
#undef NAME
    };
    return effort >= 0 && effort < LL_EFFORTS ? names[effort] : "?";
}

bool ll_effort_parse(const char *name, ll_effort *effort)
{
    for (int e = 0; e < LL_EFFORTS; e++)
        if (strcmp(name, ll_effort_name((ll_effort)e)) == 0) {
            *effort = (ll_effort)e;
            return true;
        }
    return false;
}

const char *ll_group_kind_name(ll_group_kind kind)
{
    return kind == LL_GROUP_PINN ? "pinn" : kind == LL_GROUP_NETWORK ? "network" : "field";
}

/* ---------------------------------------------------------------- the analyses as a list */

#define ENTRY(name) &ll_analysis_##name,
static const ll_analysis *const analyses[] = {LL_ANALYSIS_LIST(ENTRY) NULL};
#undef ENTRY
enum { ANALYSES = sizeof analyses / sizeof *analyses - 1 };

const ll_analysis *ll_analysis_at(int64_t index)
{
    return index >= 0 && index < ANALYSES ? analyses[index] : NULL;
}

const ll_analysis *ll_analysis_find(const char *name)
{
    for (int i = 0; i < ANALYSES; i++)
        if (strcmp(analyses[i]->name, name) == 0) return analyses[i];
    return NULL;
}

bool ll_study_describe_analysis(int64_t index, const char **name, const char **about)
{
    const ll_analysis *analysis = ll_analysis_at(index);
    if (analysis == NULL) return false;
    *name = analysis->name;
    *about = analysis->about;
    return true;
}

bool ll_study_describe_option(int64_t index, int64_t option, ll_analysis_option *described)
{
    const ll_analysis *analysis = ll_analysis_at(index);
    for (int64_t i = 0; analysis != NULL && i <= option; i++)
        if (analysis->rows[i].key == NULL) return false;
    if (analysis == NULL || option < 0) return false;
    const ll_setting_row *row = &analysis->rows[option];
    *described = (ll_analysis_option){.name = row->key, .choices = row->choices, .help = row->help};
    for (int e = 0; e < LL_EFFORTS; e++)
        described->standard[e] = row->standard[e] != NULL ? row->standard[e] : row->standard[0];
    return true;
}

/* ---------------------------------------------------------------- groups */

static ll_status refuse_at(const ll_source *source, const ll_settings *settings, const char *key,
                           ll_error *error, const char *what)
{
    int64_t at = ll_settings_find(settings, key);
    return ll_settings_refuse(source, at >= 0 ? settings->line[at] : 0, at >= 0 ? settings->column[at] : 0,
                              error, "%s %s", key, what);
}

/* Is there a setting of that name, or below it ("train" and "train.rate")? Its key, or NULL. */
static const char *any_of(const ll_settings *settings, const char *name)
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
    const char *kinds[4] = {any_of(s, "problem"), any_of(s, "network"), any_of(s, "network_file"),
                            any_of(s, "fields")};
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
        const char *key = any_of(s, uses[i].key);
        if (key != NULL && !uses[i].fits[group->view.kind])
            return refuse_at(source, s, key, error, uses[i].what);
    }
    if (group->view.kind == LL_GROUP_FIELD) return LL_OK;
    const char *train = any_of(s, "train"), *files = any_of(s, "checkpoints");
    if (train != NULL && files != NULL)
        return refuse_at(source, s, files, error, "and train are both given; members come from one of them");
    if (train == NULL && files == NULL)
        return ll_settings_refuse(source, group->line, group->column, error,
                                  "the group has no members; wanted checkpoints or train");
    if (train != NULL && any_of(s, "trajectory") != NULL)
        return refuse_at(source, s, "trajectory", error,
                         "is a pattern of files; with train say train.trajectory_every");
    if (group->view.kind == LL_GROUP_NETWORK && any_of(s, "data") == NULL)
        return ll_settings_refuse(source, group->line, group->column, error, "a network wants data");
    bool mean = any_of(s, "normalise.mean") != NULL, deviation = any_of(s, "normalise.std") != NULL;
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
    if (any_of(&group->settings, "network") != NULL && strchr(key->text, '.') == NULL) {
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

static ll_status take_groups(ll_study *study, const ll_source *source, const ll_value *list, ll_error *error)
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

/* ---------------------------------------------------------------- analyses */

static ll_status unknown_analysis(const ll_source *source, const char *name, int line, int column,
                                  ll_error *error)
{
    const char *names[ANALYSES];
    for (int i = 0; i < ANALYSES; i++) names[i] = analyses[i]->name;
    const char *near = ll_nearest_word(name, names, ANALYSES);
    if (near != NULL)
        return ll_settings_refuse(source, line, column, error,
                                  "unknown analysis \"%s\"; did you mean \"%s\"?", name, near);
    return ll_settings_refuse(
        source, line, column, error,
        "unknown analysis \"%s\"; wanted one of: metrics, landscape, hessian, similarity, connectivity, "
        "placement, topology, distances, taxonomy, comparison, trust",
        name);
}

static ll_status add_request(ll_study *study, const ll_analysis *analysis, int line, int column,
                             ll_request_for **request, ll_error *error)
{
    ll_request_for *list =
        ll_arena_allocate(study->memory, (size_t)(study->request_count + 1) * sizeof *list);
    if (list == NULL) return ll_fail_memory(error, LL_STUDY, sizeof *list);
    if (study->request_count > 0) memcpy(list, study->requests, (size_t)study->request_count * sizeof *list);
    study->requests = list;
    *request = &list[study->request_count++];
    **request = (ll_request_for){.analysis = analysis, .line = line, .column = column};
    return LL_OK;
}

static ll_status take_request(ll_study *study, const ll_source *source, const ll_value *key,
                              const ll_value *value, ll_error *error)
{
    const ll_analysis *analysis = ll_analysis_find(key->text);
    ll_request_for *request;
    if (analysis == NULL) return unknown_analysis(source, key->text, key->line, key->column, error);
    if (value->type == LL_VALUE_LIST) {
        for (int64_t i = 0; i < value->count; i++) {
            if (value->items[i].type == LL_VALUE_LIST)
                return ll_settings_refuse(source, value->items[i].line, value->items[i].column, error,
                                          "%s: wanted a list of maps", key->text);
            LL_TRY(take_request(study, source, key, &value->items[i], error));
        }
        return LL_OK;
    }
    if (value->type == LL_VALUE_BOOLEAN && value->integer == 0) return LL_OK;
    LL_TRY(add_request(study, analysis, key->line, key->column, &request, error));
    if (value->type == LL_VALUE_BOOLEAN || value->type == LL_VALUE_NULL) return LL_OK;
    if (value->type != LL_VALUE_MAP)
        return ll_settings_refuse(source, value->line, value->column, error,
                                  "%s is %s; wanted true, false or a map of options", key->text,
                                  ll_value_type_name(value->type));
    return ll_settings_take(&request->settings, source, analysis->rows, value, "", NULL, error);
}

static ll_status take_analyses(ll_study *study, const ll_source *source, const ll_value *map, ll_error *error)
{
    ll_request_for *request;
    if (map == NULL || map->type == LL_VALUE_NULL) {
        for (int i = 0; i < ANALYSES; i++) LL_TRY(add_request(study, analyses[i], 0, 0, &request, error));
        return LL_OK;
    }
    if (map->type != LL_VALUE_MAP)
        return ll_settings_refuse(source, map->line, map->column, error, "analyses is %s; wanted a map",
                                  ll_value_type_name(map->type));
    for (int64_t i = 0; i < map->count; i++)
        LL_TRY(take_request(study, source, &map->keys[i], &map->items[i], error));
    return LL_OK;
}

/* Groups that an analysis names must exist; models are looked for when there are members. */
static ll_status check_names(const ll_study *study, const ll_source *source, ll_error *error)
{
    for (int64_t r = 0; r < study->request_count; r++) {
        const ll_settings *settings = &study->requests[r].settings;
        int64_t at = ll_settings_find(settings, "groups");
        for (int64_t i = 0; at >= 0 && i < ll_lines_count(settings->item[at].value); i++) {
            char name[512];
            ll_lines_item(settings->item[at].value, i, name, sizeof name);
            bool found = false;
            const char *near = NULL;
            for (int64_t g = 0; g < study->group_count; g++) {
                const char *full = study->groups[g].view.name;
                size_t length = strlen(name);
                found = found || strcmp(full, name) == 0 ||
                        (strncmp(full, name, length) == 0 && full[length] == '(');
                if (near == NULL) near = ll_nearest_word(name, &full, 1);
            }
            if (!found)
                return ll_settings_refuse(source, settings->line[at], settings->column[at], error,
                                          "there is no group \"%s\"%s%s%s", name,
                                          near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                                          near != NULL ? "\"?" : "");
        }
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- what was added later */

static ll_status take_addition(ll_study *study, const ll_source *source, const ll_value *map, ll_error *error)
{
    static const char *const keys[] = {"analysis", "models", "options", "group", "checkpoints"};
    if (map->type != LL_VALUE_MAP)
        return ll_settings_refuse(source, map->line, map->column, error, "wanted a map");
    LL_TRY(ll_value_check_keys(map, keys, 5, source->place, error));
    const ll_value *analysis = ll_value_get(map, "analysis"), *models = ll_value_get(map, "models"),
                   *options = ll_value_get(map, "options");
    const ll_value *group = ll_value_get(map, "group"), *files = ll_value_get(map, "checkpoints");
    if (analysis != NULL && analysis->text != NULL) {
        const ll_analysis *found = ll_analysis_find(analysis->text);
        ll_request_for *request;
        if (found == NULL)
            return unknown_analysis(source, analysis->text, analysis->line, analysis->column, error);
        LL_TRY(add_request(study, found, 0, 0, &request, error));
        if (options != NULL && options->type == LL_VALUE_MAP)
            LL_TRY(ll_settings_take(&request->settings, source, found->rows, options, "", NULL, error));
        if (models == NULL || models->count == 0) return LL_OK;
        ll_value name = {.type = LL_VALUE_TEXT, .text = "models"};
        const ll_value one = {.type = LL_VALUE_MAP, .count = 1, .keys = &name, .items = models};
        return ll_settings_take(&request->settings, source, found->rows, &one, "", NULL, error);
    }
    for (int64_t g = 0; g < study->group_count && group != NULL && group->text != NULL && files != NULL;
         g++) {
        ll_group_entry *to = &study->groups[g];
        if (strcmp(to->view.name, group->text) != 0) continue;
        if (to->view.kind != LL_GROUP_FIELD && any_of(&to->settings, "train") != NULL)
            return ll_settings_refuse(
                source, 0, 0, error,
                "the members of %s are trained; checkpoints can be added to a group of checkpoints",
                group->text);
        ll_text lines = {0};
        ll_text_append(&lines, to->more);
        for (int64_t i = 0; i < files->count; i++)
            if (files->items[i].text != NULL)
                ll_text_format(&lines, "%s%s", lines.length > 0 ? "\n" : "", files->items[i].text);
        to->more = lines.failed ? NULL : ll_arena_text(study->memory, lines.text);
        ll_text_deinit(&lines);
        return to->more != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, 256);
    }
    return ll_settings_refuse(source, 0, 0, error, "there is no group \"%s\"",
                              group != NULL && group->text != NULL ? group->text : "");
}

static ll_status take_additions(ll_study *study, ll_error *error)
{
    const ll_source source = {"additions", study->memory};
    if (study->additions[0] == 0) return LL_OK;
    LL_TRY(ll_document_parse(study->additions, strlen(study->additions), source.place, NULL, &study->added,
                             error));
    const ll_value *list = ll_document_root(study->added);
    if (list->type != LL_VALUE_LIST)
        return ll_settings_refuse(&source, list->line, list->column, error, "wanted a list");
    for (int64_t i = 0; i < list->count; i++) LL_TRY(take_addition(study, &source, &list->items[i], error));
    return LL_OK;
}

/* ---------------------------------------------------------------- the whole */

static ll_status take_head(ll_study *study, const ll_source *source, const ll_value *root, ll_error *error)
{
    static const char *const keys[] = {"study", "effort", "seed", "groups", "analyses", "claims"};
    static const char *const efforts[] = {"quick", "standard", "paper"};
    if (root->type != LL_VALUE_MAP)
        return ll_settings_refuse(source, 1, 1, error, "the study is %s; wanted a map with study and groups",
                                  ll_value_type_name(root->type));
    LL_TRY(ll_value_check_keys(root, keys, 6, source->place, error));
    const char *effort = "standard";
    int64_t seed = 0;
    LL_TRY(ll_value_take_text(ll_value_get(root, "study"), "study", source->place, &study->name, error));
    LL_TRY(ll_value_take_text(ll_value_get(root, "effort"), "effort", source->place, &effort, error));
    LL_TRY(ll_value_take_integer(ll_value_get(root, "seed"), "seed", 0, INT64_C(1000000000000000),
                                 source->place, &seed, error));
    study->seed = (uint64_t)seed;
    const ll_value *where = ll_value_get(root, "effort");
    if (!ll_effort_parse(effort, &study->effort)) {
        const char *near = ll_nearest_word(effort, efforts, 3);
        return ll_settings_refuse(source, where->line, where->column, error,
                                  "effort is \"%s\"; wanted quick, standard or paper%s%s%s", effort,
                                  near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                                  near != NULL ? "?" : "");
    }
    where = ll_value_get(root, "study");
    if (study->name == NULL || study->name[0] == 0)
        return ll_settings_refuse(source, where != NULL ? where->line : 1, where != NULL ? where->column : 1,
                                  error, "the study has no name: wanted study: NAME");
    if (strpbrk(study->name, "/\\\n") != NULL || study->name[0] == '.')
        return ll_settings_refuse(source, where->line, where->column, error,
                                  "study is \"%s\"; it names a file: no slashes, no dot in front",
                                  study->name);
    study->name = ll_arena_text(study->memory, study->name);
    return study->name != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, 64);
}

static ll_status fill(ll_study *study, const char *text, size_t size, ll_error *error)
{
    const ll_source source = {study->place, study->memory};
    LL_TRY(ll_document_parse(text, size, study->place, NULL, &study->document, error));
    const ll_value *root = ll_document_root(study->document);
    LL_TRY(take_head(study, &source, root, error));
    ll_text path = {0};
    ll_text_format(&path, "%s%s%s.db", study->folder, study->folder[0] != 0 ? "/" : "", study->name);
    study->store_path = path.failed ? NULL : ll_arena_text(study->memory, path.text);
    ll_text_deinit(&path);
    if (study->store_path == NULL) return ll_fail_memory(error, LL_STUDY, 256);
    LL_TRY(take_groups(study, &source, ll_value_get(root, "groups"), error));
    LL_TRY(take_analyses(study, &source, ll_value_get(root, "analyses"), error));
    LL_TRY(take_additions(study, error));
    LL_TRY(check_names(study, &source, error));
    for (int64_t g = 0; g < study->group_count; g++) {
        ll_group_entry *group = &study->groups[g];
        group->view.setting = group->settings.item;
        group->view.settings = group->settings.count;
        study->views[g] = group->view;
    }
    return LL_OK;
}

ll_status ll_study_parse(const char *text, size_t size, const char *place, const char *folder,
                         const char *additions, ll_study **out, ll_error *error)
{
    ll_study *study = ll_allocate_zeroed(sizeof *study);
    if (study == NULL) return ll_fail_memory(error, LL_STUDY, sizeof *study);
    study->memory = ll_arena_create(0);
    char *kept = study->memory != NULL ? ll_arena_allocate(study->memory, size + 1) : NULL;
    ll_status status = LL_OK;
    if (kept != NULL) {
        memcpy(kept, text, size);
        kept[size] = 0;
        study->text = kept;
        study->place = ll_arena_text(study->memory, place);
        study->folder = ll_arena_text(study->memory, folder != NULL ? folder : "");
        study->additions = ll_arena_text(study->memory, additions != NULL ? additions : "");
    }
    if (kept == NULL || study->place == NULL || study->folder == NULL || study->additions == NULL)
        status = ll_fail_memory(error, LL_STUDY, size);
    if (status == LL_OK && strlen(kept) != size)
        status = ll_fail(error, LL_INVALID_FILE, LL_STUDY, place, "it holds a zero byte; wanted text");
    if (status == LL_OK) status = fill(study, kept, size, error);
    if (status != LL_OK) {
        ll_study_destroy(study);
        return status;
    }
    *out = study;
    return LL_OK;
}

/* "a/b.yaml" -> "a", "b.yaml" -> "". */
static void folder_of(const char *path, ll_text *folder)
{
    const char *slash = strrchr(path, '/');
    if (slash == path) slash++;
    ll_text_append_bytes(folder, path, slash != NULL ? (size_t)(slash - path) : 0);
    ll_text_append(folder, "");
}

ll_status ll_study_read(const char *path, ll_study **study, ll_error *error)
{
    ll_file_bytes file = {0};
    ll_text folder = {0};
    LL_TRY(ll_file_map(path, &file, error));
    folder_of(path, &folder);
    ll_status status = folder.failed ? ll_fail_memory(error, LL_STUDY, 256)
                                     : ll_study_parse((const char *)file.bytes, file.size, path, folder.text,
                                                      NULL, study, error);
    ll_text_deinit(&folder);
    ll_file_unmap(&file);
    return status;
}

ll_status ll_study_of_store(ll_store *store, ll_study **study, ll_error *error)
{
    ll_store_notes notes;
    const char *text = NULL, *additions = "", *effort = "";
    LL_TRY(ll_store_list_provenance(store, &notes, error));
    for (int64_t i = 0; i < notes.count; i++) {
        if (strcmp(notes.notes[i].name, "study") == 0) text = notes.notes[i].value;
        if (strcmp(notes.notes[i].name, "additions") == 0) additions = notes.notes[i].value;
        if (strcmp(notes.notes[i].name, "effort") == 0) effort = notes.notes[i].value;
    }
    ll_text folder = {0};
    folder_of(ll_store_path(store), &folder);
    ll_study *made = NULL;
    ll_status status =
        text == NULL ? ll_fail(error, LL_NOT_FOUND, LL_STUDY, ll_store_path(store),
                               "the file holds results but no study: run it with its YAML file")
        : folder.failed
            ? ll_fail_memory(error, LL_STUDY, 256)
            : ll_study_parse(text, strlen(text), ll_store_path(store), folder.text, additions, &made, error);
    if (status == LL_OK) (void)ll_effort_parse(effort, &made->effort);
    if (status == LL_OK) made->store_path = ll_arena_text(made->memory, ll_store_path(store));
    if (status == LL_OK && made->store_path == NULL) {
        ll_study_destroy(made);
        status = ll_fail_memory(error, LL_STUDY, 256);
    }
    ll_text_deinit(&folder);
    ll_store_notes_deinit(&notes);
    if (status == LL_OK) *study = made;
    return status;
}

void ll_study_destroy(ll_study *study)
{
    if (study == NULL) return;
    ll_document_destroy(study->document);
    ll_document_destroy(study->added);
    ll_arena_destroy(study->memory);
    ll_free(study);
}

/* ---------------------------------------------------------------- views */

const char *ll_study_name(const ll_study *study)
{
    return study->name;
}
const char *ll_study_store_path(const ll_study *study)
{
    return study->store_path;
}
ll_effort ll_study_effort(const ll_study *study)
{
    return study->effort;
}
void ll_study_set_effort(ll_study *study, ll_effort effort)
{
    study->effort = effort;
}
int64_t ll_study_group_count(const ll_study *study)
{
    return study->group_count;
}
const ll_study_group *ll_study_group_at(const ll_study *study, int64_t index)
{
    return &study->views[index];
}

const char *ll_group_text(const ll_study *study, int64_t group, const char *key)
{
    return ll_settings_text(&study->groups[group].settings, ll_group_rows, key, study->effort);
}

int64_t ll_group_integer(const ll_study *study, int64_t group, const char *key)
{
    const char *text = ll_group_text(study, group, key);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

double ll_group_real(const ll_study *study, int64_t group, const char *key)
{
    const char *text = ll_group_text(study, group, key);
    return text != NULL ? strtod(text, NULL) : 0.0;
}

bool ll_group_flag(const ll_study *study, int64_t group, const char *key)
{
    const char *text = ll_group_text(study, group, key);
    return text != NULL && strcmp(text, "true") == 0;
}

const char *ll_study_path(const ll_study *study, const char *path, ll_arena *memory)
{
    if (path[0] == '/' || study->folder[0] == 0) return ll_arena_text(memory, path);
    size_t bytes = strlen(study->folder) + strlen(path) + 2;
    char *full = ll_arena_allocate(memory, bytes);
    if (full != NULL) snprintf(full, bytes, "%s/%s", study->folder, path);
    return full;
}
