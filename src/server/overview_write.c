/* The overview's contents: jobs and small numbers of a whole study, gathered in a few walks over the file. */
#include "server/overview.h"

#include "losslens/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_METRICS = 24 };

typedef struct setting {
    const char *key, *value;
    struct setting *next;
} setting;

typedef struct model {
    const char *name;
    int64_t group;
    setting *settings, **last_setting;
    double metrics[MOST_METRICS]; /* by the list of metrics */
    bool has_metric[MOST_METRICS];
    ll_array eigenvalues, residuals; /* data NULL: none */
    double trace, trace_error;
    bool has_trace;
} model;

typedef struct group {
    const char *name, *label;
    bool field, pinn;
    int64_t taxonomy; /* 0: none */
} group;

typedef struct metric {
    const char *name, *unit, *better, *scale;
} metric;

typedef struct placement {
    int64_t id;
    const char *method, *layer, *quality_name;
    double quality;
} placement;

typedef struct build {
    ll_server *server;
    ll_source *source;
    ll_arena *memory;
    ll_store_listing list;
    int64_t group_count, model_count;
    group *groups;
    model *models;
    int64_t *slots; /* names of models: open addressing, -1 empty */
    int64_t slot_mask;
    int64_t *subject_of; /* [jobs]: model, or -1 */
    int metric_count;
    metric metrics[MOST_METRICS];
    placement *placements;
    int64_t placement_count;
    int64_t similarity, comparison, trust; /* 0: none */
    /* of the similarity: per model its entries, and for each entry what its layer is called */
    const double *cka;
    int64_t entry_count, *entries, *entry_offsets, *entry_layer;
} build;

bool ll_is_member(const char *kind)
{
    return strcmp(kind, "model") == 0 || strcmp(kind, "field") == 0;
}

static void *arena_array(build *b, int64_t count, size_t size, ll_error *error)
{
    size_t bytes;
    void *made =
        ll_multiply_size((size_t)count + 1, size, &bytes) ? ll_arena_allocate(b->memory, bytes) : NULL;
    if (made == NULL)
        (void)ll_fail_memory(error, "server", (size_t)count * size);
    else
        memset(made, 0, bytes);
    return made;
}

static const char *keep(build *b, const char *text)
{
    return text != NULL ? ll_arena_text(b->memory, text) : NULL;
}

/* ---------------------------------------------------------------- models and groups */

static int64_t *slot_of(const build *b, const char *name)
{
    int64_t at = (int64_t)(ll_hash_bytes(name, strlen(name)).low & (uint64_t)b->slot_mask);
    while (b->slots[at] >= 0 && strcmp(b->models[b->slots[at]].name, name) != 0) at = (at + 1) & b->slot_mask;
    return &b->slots[at];
}

static int64_t model_named(const build *b, const char *name)
{
    return name[0] != 0 ? *slot_of(b, name) : -1;
}

static int64_t group_named(const build *b, const char *name)
{
    int64_t g = b->group_count - 1;
    while (g >= 0 && strcmp(b->groups[g].name, name) != 0) g--;
    return g;
}

static ll_status find_models(build *b, ll_error *error)
{
    int64_t members = 0;
    for (int64_t i = 0; i < b->list.count; i++) members += ll_is_member(b->list.rows[i].kind);
    for (b->slot_mask = 15; b->slot_mask < 2 * members; b->slot_mask = 2 * b->slot_mask + 1) {
    }
    b->models = arena_array(b, members, sizeof *b->models, error);
    b->groups = arena_array(b, members, sizeof *b->groups, error);
    b->slots = arena_array(b, b->slot_mask + 1, sizeof *b->slots, error);
    b->subject_of = arena_array(b, b->list.count, sizeof *b->subject_of, error);
    if (b->models == NULL || b->groups == NULL || b->slots == NULL || b->subject_of == NULL)
        return LL_OUT_OF_MEMORY;
    for (int64_t k = 0; k <= b->slot_mask; k++) b->slots[k] = -1;
    for (int64_t i = 0; i < b->list.count; i++) {
        const ll_store_row *row = &b->list.rows[i];
        if (!ll_is_member(row->kind)) continue;
        int64_t *slot = slot_of(b, row->subject), g = group_named(b, row->group);
        if (*slot >= 0) continue;
        if (g < 0) {
            g = b->group_count++;
            b->groups[g] = (group){.name = row->group, .field = strcmp(row->kind, "field") == 0};
        }
        *slot = b->model_count;
        model *m = &b->models[b->model_count++];
        *m = (model){.name = row->subject, .group = g};
        m->last_setting = &m->settings;
    }
    for (int64_t i = 0; i < b->list.count; i++) b->subject_of[i] = model_named(b, b->list.rows[i].subject);
    return LL_OK;
}

/* Rows are by id. */
static int64_t row_of(const build *b, int64_t id)
{
    int64_t low = 0, high = b->list.count - 1;
    while (low <= high) {
        int64_t middle = (low + high) / 2;
        if (b->list.rows[middle].id == id) return middle;
        if (b->list.rows[middle].id < id)
            low = middle + 1;
        else
            high = middle - 1;
    }
    return -1; /* it came after the list was read */
}

static model *model_of(const build *b, int64_t id)
{
    int64_t row = row_of(b, id);
    return row >= 0 && b->subject_of[row] >= 0 ? &b->models[b->subject_of[row]] : NULL;
}

/* ---------------------------------------------------------------- walks */

static ll_status no_memory(ll_error *error)
{
    return ll_fail_memory(error, "server", 64);
}

static ll_status visit_setting(void *context, int64_t id, const ll_field *field, ll_error *error)
{
    build *b = context;
    model *m = model_of(b, id);
    if (m == NULL || field->type != LL_FIELD_TEXT) return LL_OK;
    setting *made = ll_arena_allocate(b->memory, sizeof *made);
    if (made == NULL) return no_memory(error);
    *made = (setting){.key = keep(b, field->name + strlen("setting_")), .value = keep(b, field->text)};
    if (made->key == NULL || made->value == NULL) return no_memory(error);
    *m->last_setting = made;
    m->last_setting = &made->next;
    if (strcmp(made->key, "problem") == 0) b->groups[m->group].pinn = true;
    return LL_OK;
}

static int metric_named(const build *b, const char *name, size_t length)
{
    int k = b->metric_count - 1;
    while (k >= 0 &&
           !(strlen(b->metrics[k].name) == length && strncmp(b->metrics[k].name, name, length) == 0))
        k--;
    return k;
}

/* Line `number` of a text, or NULL. */
static const char *line_of(const char *text, int number, size_t *length)
{
    for (; number > 0 && text != NULL; number--) {
        text = strchr(text, '\n');
        if (text != NULL) text++;
    }
    if (text != NULL) *length = strcspn(text, "\n");
    return text;
}

static const char *keep_line(build *b, const char *text, int number, const char *otherwise)
{
    size_t length;
    const char *line = line_of(text, number, &length);
    if (line == NULL || length == 0) return otherwise;
    char *copy = ll_arena_allocate(b->memory, length + 1);
    if (copy == NULL) return otherwise;
    memcpy(copy, line, length);
    copy[length] = 0;
    return copy;
}

/* names, better and scale of one record come one after the other; those of different records may differ. */
typedef struct metric_walk {
    build *b;
    int64_t id;
    char names[2048], better[1024], scale[1024];
} metric_walk;

static void add_metrics(metric_walk *walk)
{
    build *b = walk->b;
    size_t length;
    const char *name;
    for (int i = 0; (name = line_of(walk->names, i, &length)) != NULL && length > 0; i++) {
        if (metric_named(b, name, length) >= 0 || b->metric_count == MOST_METRICS) continue;
        const char *copy = keep_line(b, walk->names, i, NULL);
        if (copy == NULL) return;
        b->metrics[b->metric_count++] = (metric){.name = copy,
                                                 .unit = "",
                                                 .better = keep_line(b, walk->better, i, "lower"),
                                                 .scale = keep_line(b, walk->scale, i, "value")};
    }
    walk->names[0] = walk->better[0] = walk->scale[0] = 0;
}

static ll_status visit_metric_names(void *context, int64_t id, const ll_field *field, ll_error *error)
{
    (void)error;
    metric_walk *walk = context;
    if (id != walk->id) add_metrics(walk);
    walk->id = id;
    if (field->type != LL_FIELD_TEXT) return LL_OK;
    if (strcmp(field->name, "metric_names") == 0)
        snprintf(walk->names, sizeof walk->names, "%s", field->text);
    if (strcmp(field->name, "metric_better") == 0)
        snprintf(walk->better, sizeof walk->better, "%s", field->text);
    if (strcmp(field->name, "metric_scale") == 0)
        snprintf(walk->scale, sizeof walk->scale, "%s", field->text);
    return LL_OK;
}

static ll_status visit_metric(void *context, int64_t id, const ll_field *field, ll_error *error)
{
    build *b = context;
    model *m = model_of(b, id);
    int k = metric_named(b, field->name, strlen(field->name));
    if (m == NULL || k < 0 || (field->type != LL_FIELD_REAL && field->type != LL_FIELD_INTEGER)) return LL_OK;
    m->metrics[k] = field->type == LL_FIELD_REAL ? field->real : (double)field->integer;
    m->has_metric[k] = true;
    if (b->metrics[k].unit[0] == 0 && field->unit[0] != 0) b->metrics[k].unit = keep(b, field->unit);
    return b->metrics[k].unit != NULL ? LL_OK : no_memory(error);
}

static ll_status visit_eigenvalues(void *context, int64_t id, const ll_field *field, ll_error *error)
{
    build *b = context;
    model *m = model_of(b, id);
    if (m == NULL || field->type != LL_FIELD_ARRAY || field->array.data == NULL) return LL_OK;
    size_t bytes = ll_array_bytes(&field->array);
    ll_array copy = field->array;
    copy.data = ll_arena_allocate(b->memory, bytes);
    if (copy.data == NULL) return no_memory(error);
    memcpy(copy.data, field->array.data, bytes);
    if (strcmp(field->name, "eigenvalues") == 0)
        m->eigenvalues = copy;
    else
        m->residuals = copy;
    return LL_OK;
}

static ll_status visit_trace(void *context, int64_t id, const ll_field *field, ll_error *error)
{
    (void)error;
    model *m = model_of(context, id);
    if (m == NULL || field->type != LL_FIELD_REAL) return LL_OK;
    if (strcmp(field->name, "trace") == 0)
        m->trace = field->real;
    else
        m->trace_error = field->real;
    m->has_trace = true;
    return LL_OK;
}

static ll_status visit_label(void *context, int64_t id, const ll_field *field, ll_error *error)
{
    build *b = context;
    int64_t row = row_of(b, id), g = row >= 0 ? group_named(b, b->list.rows[row].group) : -1;
    if (g < 0 || field->type != LL_FIELD_TEXT) return LL_OK;
    b->groups[g].taxonomy = id;
    b->groups[g].label = keep(b, field->text);
    return b->groups[g].label != NULL ? LL_OK : no_memory(error);
}

static ll_status visit_placement(void *context, int64_t id, const ll_field *field, ll_error *error)
{
    build *b = context;
    placement *p = b->placement_count > 0 ? &b->placements[b->placement_count - 1] : NULL;
    if (row_of(b, id) < 0) return LL_OK;
    if (p == NULL || p->id != id) {
        p = &b->placements[b->placement_count++];
        *p = (placement){.id = id, .method = "", .layer = "", .quality_name = "", .quality = NAN};
    }
    if (field->type == LL_FIELD_REAL) p->quality = field->real;
    if (field->type != LL_FIELD_TEXT) return LL_OK;
    const char *text = keep(b, field->text);
    if (text == NULL) return no_memory(error);
    if (strcmp(field->name, "method") == 0) p->method = text;
    if (strcmp(field->name, "layer") == 0) p->layer = text;
    if (strcmp(field->name, "quality_name") == 0) p->quality_name = text;
    return LL_OK;
}

static ll_status walk(build *b, const char *kind, const char *const *names, int count, ll_store_visitor visit,
                      void *context, ll_error *error)
{
    return ll_store_visit_fields(b->source->store, &(ll_store_filter){.kind = kind}, names, count, visit,
                                 context, error);
}

static ll_status walk_metrics(build *b, ll_error *error)
{
    metric_walk found = {.b = b};
    const char *names[MOST_METRICS];
    LL_TRY(walk(b, "metrics", (const char *const[]){"metric_*"}, 1, visit_metric_names, &found, error));
    add_metrics(&found);
    for (int k = 0; k < b->metric_count; k++) names[k] = b->metrics[k].name;
    return b->metric_count > 0 ? walk(b, "metrics", names, b->metric_count, visit_metric, b, error) : LL_OK;
}

static ll_status walk_all(build *b, ll_error *error)
{
    static const char *const eigenvalues[] = {"eigenvalues", "residuals"}, *const trace[] = {
                                                                               "trace", "standard_error"};
    static const char *const label[] = {"label"}, *const settings[] = {"setting_*"};
    static const char *const about[] = {"method", "layer", "quality", "quality_name"};
    int64_t most = 0;
    for (int64_t i = 0; i < b->list.count; i++) {
        const ll_store_row *row = &b->list.rows[i];
        if (row->state != LL_JOB_DONE) continue;
        most += strcmp(row->kind, "placement") == 0;
        if (strcmp(row->kind, "similarity") == 0) b->similarity = row->id;
        if (strcmp(row->kind, "comparison") == 0) b->comparison = row->id;
        if (strcmp(row->kind, "trust") == 0) b->trust = row->id;
    }
    b->placements = arena_array(b, most, sizeof *b->placements, error);
    if (b->placements == NULL) return LL_OUT_OF_MEMORY;
    LL_TRY(walk(b, "model", settings, 1, visit_setting, b, error));
    LL_TRY(walk_metrics(b, error));
    LL_TRY(walk(b, "eigenpairs", eigenvalues, 2, visit_eigenvalues, b, error));
    LL_TRY(walk(b, "trace", trace, 2, visit_trace, b, error));
    LL_TRY(walk(b, "taxonomy", label, 1, visit_label, b, error));
    return most > 0 ? walk(b, "placement", about, 4, visit_placement, b, error) : LL_OK;
}

/* ---------------------------------------------------------------- similarity of pairs */

static ll_status take_entries(build *b, const ll_view *view, ll_error *error)
{
    const ll_field *names = ll_view_find(view, "model_names"), *layers = ll_view_find(view, "layer_names");
    const ll_field *of = ll_view_find(view, "entry_model"), *matrix = ll_view_find(view, "matrix");
    if (names == NULL || layers == NULL || of == NULL || matrix == NULL || names->type != LL_FIELD_TEXT ||
        layers->type != LL_FIELD_TEXT || of->type != LL_FIELD_ARRAY || matrix->type != LL_FIELD_ARRAY)
        return LL_OK;
    int64_t p = ll_array_count(&of->array), known = 0;
    ll_piece model_piece, matrix_piece;
    if (of->array.type != LL_ARRAY_INT64 || matrix->array.type != LL_ARRAY_FLOAT64 ||
        matrix->array.rank != 2 || matrix->array.shape[0] != p || matrix->array.shape[1] != p)
        return LL_OK;
    LL_TRY(ll_view_array(view, of, &model_piece, error));
    b->entries = arena_array(b, p, sizeof *b->entries, error);
    b->entry_layer = arena_array(b, p, sizeof *b->entry_layer, error);
    b->entry_offsets = arena_array(b, b->model_count + 2, sizeof *b->entry_offsets, error);
    const char **layer_names = arena_array(b, p, sizeof *layer_names, error);
    int64_t *owner = arena_array(b, p, sizeof *owner, error);
    if (b->entries == NULL || b->entry_layer == NULL || b->entry_offsets == NULL || layer_names == NULL ||
        owner == NULL) {
        model_piece.release(model_piece.keeper);
        return LL_OUT_OF_MEMORY;
    }
    /* Line by line: names of models first, then of layers. */
    int64_t *model_at = arena_array(b, p, sizeof *model_at, error);
    const char *at = names->text;
    int64_t lines = 0;
    for (; model_at != NULL && at != NULL && lines < p; lines++) {
        const char *name = keep_line(b, at, 0, "");
        model_at[lines] = model_named(b, name);
        at = strchr(at, '\n');
        if (at != NULL) at++;
    }
    const int64_t *model_index = model_piece.bytes;
    const char *layer = layers->text;
    for (int64_t e = 0; e < p; e++) {
        const char *name = layer != NULL ? keep_line(b, layer, 0, "") : "";
        int64_t k = 0;
        while (k < known && strcmp(layer_names[k], name) != 0) k++;
        if (k == known) layer_names[known++] = name;
        b->entry_layer[e] = k;
        bool good = model_at != NULL && model_index[e] >= 0 && model_index[e] < lines;
        owner[e] = good ? model_at[model_index[e]] : -1;
        if (owner[e] >= 0) b->entry_offsets[owner[e] + 2]++;
        layer = layer != NULL ? strchr(layer, '\n') : NULL;
        if (layer != NULL) layer++;
    }
    for (int64_t m = 2; m <= b->model_count + 1; m++) b->entry_offsets[m] += b->entry_offsets[m - 1];
    for (int64_t e = 0; e < p; e++) {
        if (owner[e] >= 0) b->entries[b->entry_offsets[owner[e] + 1]++] = e;
    }
    model_piece.release(model_piece.keeper);
    b->entry_count = p;
    LL_TRY(ll_view_array(view, matrix, &matrix_piece, error));
    double *copy = arena_array(b, p * p, sizeof *copy, error);
    if (copy != NULL) memcpy(copy, matrix_piece.bytes, (size_t)(p * p) * sizeof *copy);
    b->cka = copy;
    matrix_piece.release(matrix_piece.keeper);
    return copy != NULL ? LL_OK : LL_OUT_OF_MEMORY;
}

/* Mean over the layers of the same name that both models were compared at; NaN: none. */
static double similarity_of(const build *b, int64_t i, int64_t j)
{
    double sum = 0.0;
    int64_t count = 0;
    if (b->cka == NULL) return NAN;
    for (int64_t x = b->entry_offsets[i]; x < b->entry_offsets[i + 1]; x++) {
        for (int64_t y = b->entry_offsets[j]; y < b->entry_offsets[j + 1]; y++) {
            double value = b->cka[b->entries[x] * b->entry_count + b->entries[y]];
            if (b->entry_layer[b->entries[x]] != b->entry_layer[b->entries[y]] || isnan(value)) continue;
            sum += value;
            count++;
        }
    }
    return count > 0 ? sum / (double)count : NAN;
}

/* ---------------------------------------------------------------- writing */

/* -?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?, as JSON has it. */
static bool is_number(const char *text)
{
    static const char *const digits = "0123456789";
    const char *at = text + (text[0] == '-');
    size_t whole = strspn(at, digits);
    if (whole == 0 || (at[0] == '0' && whole > 1) || strlen(text) > 40) return false;
    at += whole;
    if (*at == '.') {
        size_t fraction = strspn(at + 1, digits);
        if (fraction == 0) return false;
        at += 1 + fraction;
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        size_t exponent = strspn(at, digits);
        if (exponent == 0 || exponent > 3) return false;
        at += exponent;
    }
    return *at == 0;
}

/* A text that is a number is written as one. */
static void write_scalar(ll_json *json, const char *text)
{
    if (is_number(text))
        ll_json_raw(json, text, strlen(text));
    else
        ll_json_text(json, text);
}

static void write_settings(ll_json *json, const setting *list)
{
    ll_json_open(json, '{');
    for (; list != NULL; list = list->next) {
        ll_json_key(json, list->key);
        write_scalar(json, list->value);
    }
    ll_json_close(json, '}');
}

static const char *value_of(const setting *list, const char *key)
{
    while (list != NULL && strcmp(list->key, key) != 0) list = list->next;
    return list != NULL ? list->value : NULL;
}

/* What all members of a group have in common. */
static void write_common(const build *b, ll_json *json, int64_t g)
{
    const model *first = NULL;
    ll_json_open(json, '{');
    for (int64_t i = 0; i < b->model_count && first == NULL; i++) {
        if (b->models[i].group == g) first = &b->models[i];
    }
    for (const setting *s = first != NULL ? first->settings : NULL; s != NULL; s = s->next) {
        bool common = true;
        for (int64_t i = 0; i < b->model_count && common; i++) {
            if (b->models[i].group != g) continue;
            const char *other = value_of(b->models[i].settings, s->key);
            common = other != NULL && strcmp(other, s->value) == 0;
        }
        if (!common) continue;
        ll_json_key(json, s->key);
        write_scalar(json, s->value);
    }
    ll_json_close(json, '}');
}

/* "pinn(beta=50, nu=2)" -> {"beta": 50, "nu": 2} */
static void write_sweep(ll_json *json, const char *name)
{
    const char *open = strchr(name, '(');
    size_t length = strlen(name);
    ll_json_open(json, '{');
    while (open != NULL && name[length - 1] == ')') {
        char key[64], value[64];
        open += 1 + strspn(open + 1, " ");
        size_t item = strcspn(open, ",)"), split = strcspn(open, "=");
        if (split == 0 || split >= item || split >= sizeof key || item - split > sizeof value) break;
        snprintf(key, sizeof key, "%.*s", (int)split, open);
        snprintf(value, sizeof value, "%.*s", (int)(item - split - 1), open + split + 1);
        ll_json_key(json, key);
        write_scalar(json, value);
        open = open[item] == ',' ? open + item : NULL;
    }
    ll_json_close(json, '}');
}

static void add_number_or_null(ll_json *json, const char *key, int64_t id)
{
    ll_json_key(json, key);
    if (id > 0)
        ll_json_integer(json, id);
    else
        ll_json_null(json);
}

static const ll_study_group *told_group(const ll_study *study, const char *name)
{
    for (int64_t i = 0; study != NULL && i < ll_study_group_count(study); i++) {
        const ll_study_group *told = ll_study_group_at(study, i);
        if (strcmp(told->name, name) == 0) return told;
    }
    return NULL;
}

static void write_told_sweep(ll_json *json, const ll_study_group *told)
{
    ll_json_open(json, '{');
    for (int64_t i = 0; i < told->sweeps; i++) {
        ll_json_key(json, told->sweep[i].key);
        write_scalar(json, told->sweep[i].value);
    }
    ll_json_close(json, '}');
}

/* What the study itself says of a group goes first; a file without a study (or of another one) speaks through
 * its records. */
static void write_groups(const build *b, ll_json *json)
{
    ll_study *study = NULL;
    ll_error ignored;
    if (b->source->store != NULL && ll_study_of_store(b->source->store, &study, &ignored) != LL_OK)
        study = NULL;
    ll_json_key(json, "groups");
    ll_json_open(json, '[');
    for (int64_t g = 0; g < b->group_count; g++) {
        const group *one = &b->groups[g];
        const ll_study_group *told = told_group(study, one->name);
        ll_json_open(json, '{');
        ll_json_add_text(json, "name", one->name);
        ll_json_add_text(json, "title",
                         told != NULL && told->title != NULL && told->title[0] != 0 ? told->title
                                                                                    : one->name);
        ll_json_add_text(json, "kind",
                         told != NULL ? ll_group_kind_name(told->kind)
                         : one->field ? "field"
                         : one->pinn  ? "pinn"
                                      : "network");
        ll_json_key(json, "settings");
        write_common(b, json, g);
        ll_json_key(json, "sweep");
        if (told != NULL)
            write_told_sweep(json, told);
        else
            write_sweep(json, one->name);
        ll_json_key(json, "models");
        ll_json_open(json, '[');
        for (int64_t i = 0; i < b->model_count; i++) {
            if (b->models[i].group == g) ll_json_integer(json, i);
        }
        ll_json_close(json, ']');
        add_number_or_null(json, "taxonomy", one->taxonomy);
        ll_json_add_text(json, "label", one->label);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
    ll_study_destroy(study);
}

/* Of one model, as a chain over the list of jobs: those of `kind` are a list, all others single. */
static void write_records(const build *b, ll_json *json, const int64_t *next, int64_t first)
{
    static const char *const lists[] = {"landscape", "topology"};
    ll_json_open(json, '{');
    for (int k = 0; k < 2; k++) {
        ll_json_key(json, lists[k]);
        ll_json_open(json, '[');
        for (int64_t i = first; i >= 0; i = next[i]) {
            if (strcmp(b->list.rows[i].kind, lists[k]) == 0) ll_json_integer(json, b->list.rows[i].id);
        }
        ll_json_close(json, ']');
    }
    for (int64_t i = first; i >= 0; i = next[i]) {
        const ll_store_row *row = &b->list.rows[i];
        bool again = strcmp(row->kind, lists[0]) == 0 || strcmp(row->kind, lists[1]) == 0;
        for (int64_t j = first; j != i && !again; j = next[j])
            again = strcmp(b->list.rows[j].kind, row->kind) == 0;
        if (!again) ll_json_add_integer(json, row->kind, row->id);
    }
    ll_json_close(json, '}');
}

static void write_array(ll_json *json, const char *key, const ll_array *array)
{
    ll_json_key(json, key);
    if (array->data == NULL) {
        ll_json_null(json);
        return;
    }
    ll_json_open(json, '[');
    for (int64_t i = 0; i < ll_array_count(array); i++) ll_json_number(json, ll_array_get(array, i));
    ll_json_close(json, ']');
}

static ll_status write_models(build *b, ll_json *json, ll_error *error)
{
    int64_t *next = arena_array(b, b->list.count, sizeof *next, error);
    int64_t *first = arena_array(b, b->model_count, sizeof *first, error),
            *last = arena_array(b, b->model_count, sizeof *last, error);
    if (next == NULL || first == NULL || last == NULL) return LL_OUT_OF_MEMORY;
    for (int64_t m = 0; m < b->model_count; m++) first[m] = last[m] = -1;
    for (int64_t i = 0; i < b->list.count; i++) {
        const ll_store_row *row = &b->list.rows[i];
        int64_t m = b->subject_of[i];
        next[i] = -1;
        if (m < 0 || row->state != LL_JOB_DONE || row->other[0] != 0) continue;
        if (last[m] >= 0)
            next[last[m]] = i;
        else
            first[m] = i;
        last[m] = i;
    }
    ll_json_key(json, "models");
    ll_json_open(json, '[');
    for (int64_t i = 0; i < b->model_count; i++) {
        const model *m = &b->models[i];
        ll_json_open(json, '{');
        ll_json_add_text(json, "name", m->name);
        ll_json_add_integer(json, "group", m->group);
        ll_json_key(json, "settings");
        write_settings(json, m->settings);
        ll_json_key(json, "records");
        write_records(b, json, next, first[i]);
        ll_json_key(json, "metrics");
        ll_json_open(json, '{');
        for (int k = 0; k < b->metric_count; k++) {
            if (m->has_metric[k]) ll_json_add_number(json, b->metrics[k].name, m->metrics[k]);
        }
        ll_json_close(json, '}');
        write_array(json, "eigenvalues", &m->eigenvalues);
        write_array(json, "eigenvalue_residuals", &m->residuals);
        ll_json_key(json, "trace");
        if (m->has_trace)
            ll_json_number(json, m->trace);
        else
            ll_json_null(json);
        ll_json_key(json, "trace_standard_error");
        if (m->has_trace)
            ll_json_number(json, m->trace_error);
        else
            ll_json_null(json);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
    return LL_OK;
}

static void write_metrics(const build *b, ll_json *json)
{
    ll_json_key(json, "metrics");
    ll_json_open(json, '[');
    for (int k = 0; k < b->metric_count; k++) {
        const metric *one = &b->metrics[k];
        char title[128];
        snprintf(title, sizeof title, "%s", one->name);
        for (char *c = title; *c != 0; c++) *c = *c == '_' ? ' ' : *c;
        ll_json_open(json, '{');
        ll_json_add_text(json, "name", one->name);
        ll_json_add_text(json, "unit", one->unit);
        ll_json_add_text(json, "better", one->better);
        ll_json_add_text(json, "scale", one->scale);
        ll_json_add_text(json, "title", title);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
}

static ll_status write_pairs(build *b, ll_json *json, ll_error *error)
{
    static const char *const names[] = {"mc_loss",          "mc_error",  "barrier",
                                        "relative_barrier", "mean_loss", "converged"};
    enum { COLUMNS = sizeof names / sizeof names[0] };
    ll_store_numbers numbers;
    LL_TRY(ll_store_read_numbers(b->source->store, &(ll_store_filter){.kind = "pair"}, names, COLUMNS,
                                 &numbers, error));
    int64_t *ends = arena_array(b, 2 * numbers.count, sizeof *ends, error), count = 0;
    int64_t *rows = arena_array(b, numbers.count, sizeof *rows, error);
    for (int64_t r = 0; r < numbers.count && ends != NULL && rows != NULL; r++) {
        int64_t i = model_named(b, numbers.subjects[r]), j = model_named(b, numbers.others[r]);
        if (i < 0 || j < 0) continue;
        ends[2 * count] = i;
        ends[2 * count + 1] = j;
        rows[count++] = r;
    }
    ll_json_key(json, "pairs");
    ll_json_open(json, '{');
    for (int side = 0; side < 2; side++) {
        ll_json_key(json, side == 0 ? "a" : "b");
        ll_json_open(json, '[');
        for (int64_t p = 0; p < count; p++) ll_json_integer(json, ends[2 * p + side]);
        ll_json_close(json, ']');
    }
    ll_json_key(json, "record");
    ll_json_open(json, '[');
    for (int64_t p = 0; p < count; p++) ll_json_integer(json, numbers.ids[rows[p]]);
    ll_json_close(json, ']');
    for (int c = 0; c <= COLUMNS; c++) {
        ll_json_key(json, c < COLUMNS ? names[c] : "cka");
        ll_json_open(json, '[');
        for (int64_t p = 0; p < count; p++) {
            double value = c < COLUMNS ? numbers.values[rows[p] * COLUMNS + c]
                                       : similarity_of(b, ends[2 * p], ends[2 * p + 1]);
            if (isnan(value))
                ll_json_null(json);
            else
                ll_json_number(json, value);
        }
        ll_json_close(json, ']');
    }
    ll_json_close(json, '}');
    ll_store_numbers_deinit(&numbers);
    return ends != NULL && rows != NULL ? LL_OK : LL_OUT_OF_MEMORY;
}

static void write_placements(const build *b, ll_json *json)
{
    ll_json_key(json, "placements");
    ll_json_open(json, '[');
    for (int64_t k = 0; k < b->placement_count; k++) {
        const placement *p = &b->placements[k];
        int64_t g = group_named(b, b->list.rows[row_of(b, p->id)].group);
        ll_json_open(json, '{');
        ll_json_add_integer(json, "record", p->id);
        ll_json_add_text(json, "method", p->method);
        ll_json_add_text(json, "layer", p->layer);
        ll_json_key(json, "group");
        if (g >= 0)
            ll_json_integer(json, g);
        else
            ll_json_null(json);
        ll_json_add_number(json, "quality", p->quality);
        ll_json_add_text(json, "quality_name", p->quality_name);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
}

static void write_study_records(const build *b, ll_json *json)
{
    ll_json_key(json, "study_records");
    ll_json_open(json, '{');
    add_number_or_null(json, "similarity", b->similarity);
    add_number_or_null(json, "comparison", b->comparison);
    add_number_or_null(json, "trust", b->trust);
    ll_json_key(json, "distances");
    ll_json_open(json, '[');
    for (int64_t i = 0; i < b->list.count; i++) {
        if (strcmp(b->list.rows[i].kind, "distances") == 0 && b->list.rows[i].state == LL_JOB_DONE)
            ll_json_integer(json, b->list.rows[i].id);
    }
    ll_json_close(json, ']');
    ll_json_close(json, '}');
}

static ll_status write_provenance(const build *b, ll_json *json, ll_error *error)
{
    ll_store_notes notes = {0};
    if (b->source->store != NULL) LL_TRY(ll_store_list_provenance(b->source->store, &notes, error));
    ll_json_key(json, "provenance");
    ll_json_open(json, '{');
    for (int64_t i = 0; i < notes.count; i++)
        ll_json_add_text(json, notes.notes[i].name, notes.notes[i].value);
    ll_json_close(json, '}');
    if (b->source->store != NULL) ll_store_notes_deinit(&notes);
    return LL_OK;
}

/* A single field: as a study of one group with one member, whose records are 1 and 2. */
static void list_field(build *b, ll_store_row rows[2])
{
    static const char *const kinds[] = {"field", "topology"};
    for (int i = 0; i < 2; i++) {
        rows[i] = (ll_store_row){.id = i + 1,
                                 .kind = kinds[i],
                                 .name = b->source->name,
                                 .group = "field",
                                 .subject = b->source->name,
                                 .other = "",
                                 .message = "",
                                 .record_kind = kinds[i],
                                 .wanted = true,
                                 .state = LL_JOB_DONE};
    }
    b->list = (ll_store_listing){.count = b->source->has_topology ? 2 : 1, .rows = rows};
}

static ll_status gather(build *b, ll_store_row field_rows[2], ll_error *error)
{
    if (b->source->store == NULL) {
        list_field(b, field_rows);
        return find_models(b, error);
    }
    /* Pairs, most of a large study, come with their numbers. */
    LL_TRY(ll_store_list(b->source->store, &(ll_store_filter){.but_kind = "pair"}, &b->list, error));
    LL_TRY(find_models(b, error));
    LL_TRY(walk_all(b, error));
    if (b->similarity == 0) return LL_OK;
    ll_view view;
    LL_TRY(ll_view_open(&view, b->server, b->source, b->similarity, error));
    ll_status status = take_entries(b, &view, error);
    ll_view_close(&view);
    return status;
}

static ll_status write_all(build *b, const ll_study_state *state, ll_json *json, ll_error *error)
{
    ll_json_open(json, '{');
    ll_json_add_text(json, "id", b->source->id);
    ll_json_add_text(json, "name", b->source->name);
    ll_json_add_text(json, "kind", b->source->store != NULL ? "study" : "field");
    ll_json_add_integer(json, "revision", state->revision);
    ll_json_key(json, "jobs");
    ll_json_jobs(json, state->jobs);
    ll_json_add_boolean(json, "running", state->running);
    LL_TRY(write_provenance(b, json, error));
    write_groups(b, json);
    LL_TRY(write_models(b, json, error));
    write_metrics(b, json);
    if (b->source->store != NULL) {
        LL_TRY(write_pairs(b, json, error));
    } else {
        static const char *const columns[] = {"a",         "b",       "record",           "mc_loss",
                                              "mc_error",  "barrier", "relative_barrier", "mean_loss",
                                              "converged", "cka"};
        ll_json_key(json, "pairs");
        ll_json_open(json, '{');
        for (int c = 0; c < 10; c++) {
            ll_json_key(json, columns[c]);
            ll_json_numbers(json, NULL, 0);
        }
        ll_json_close(json, '}');
    }
    write_placements(b, json);
    write_study_records(b, json);
    ll_json_close(json, '}');
    return LL_OK;
}

ll_status ll_overview_write(ll_server *server, ll_source *source, const ll_study_state *state, ll_json *json,
                            ll_error *error)
{
    ll_store_row field_rows[2];
    build b = {.server = server, .source = source, .memory = ll_arena_create(1 << 16)};
    if (b.memory == NULL) return ll_fail_memory(error, "server", 1 << 16);
    ll_status status = gather(&b, field_rows, error);
    if (status == LL_OK) status = write_all(&b, state, json, error);
    if (source->store != NULL) ll_store_listing_deinit(&b.list);
    ll_arena_destroy(b.memory);
    return status;
}
