#include "losslens/study_overview.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_LIMIT = 64 };

/* A growing list of equal items; the arena keeps only the final copy. */
typedef struct list {
    char *items;
    int64_t count, room;
    size_t size;
} list;

static void *push(list *l, size_t size)
{
    if (l->count == l->room) {
        int64_t room = l->room > 0 ? 2 * l->room : 32;
        char *items = ll_allocate_array(room, size);
        if (items == NULL) return NULL;
        if (l->count > 0) memcpy(items, l->items, (size_t)l->count * size);
        ll_free(l->items);
        *l = (list){items, l->count, room, size};
    }
    void *item = l->items + (size_t)l->count++ * size;
    memset(item, 0, size);
    return item;
}

static ll_status no_memory(ll_error *error) { return ll_fail_memory(error, "study", 0); }

/* Position of a text among texts, by hashing; -1 while absent. */
typedef struct names {
    int64_t *slots, size, count;
    const char **texts;
} names;

static bool names_make(names *n, int64_t most)
{
    int64_t size = 16;
    while (size < 2 * most + 2) size *= 2;
    *n = (names){.slots = ll_allocate_array(size, sizeof *n->slots), .size = size, .texts = ll_allocate_array(most + 1, sizeof *n->texts)};
    for (int64_t i = 0; n->slots != NULL && i < size; i++) n->slots[i] = -1;
    return n->slots != NULL && n->texts != NULL;
}

static void names_free(names *n)
{
    ll_free(n->slots);
    ll_free(n->texts);
}

static int64_t *names_slot(const names *n, const char *text)
{
    ll_hash hash = ll_hash_bytes(text, strlen(text));
    uint64_t word;
    memcpy(&word, &hash, sizeof word);
    int64_t at = (int64_t)(word & (uint64_t)(n->size - 1));
    while (n->slots[at] >= 0 && strcmp(n->texts[n->slots[at]], text) != 0) at = (at + 1) & (n->size - 1);
    return &n->slots[at];
}

static int64_t names_find(const names *n, const char *text) { return n->size > 0 ? *names_slot(n, text) : -1; }

static int64_t names_add(names *n, const char *text)
{
    int64_t *slot = names_slot(n, text);
    if (*slot < 0) {
        n->texts[n->count] = text;
        *slot = n->count++;
    }
    return *slot;
}

typedef struct builder {
    ll_store *store;
    ll_overview out;
    ll_store_listing listing;
    names models, groups;
    list metrics, pairs, placements, whole;
    ll_overview_model *model;
    ll_overview_group *group;
    double *values; /* models x METRICS_LIMIT */
} builder;

static ll_status keep(builder *b, const void *items, int64_t count, size_t size, const void *kept, ll_error *error)
{
    void *copy = ll_arena_allocate(b->out.memory, (size_t)(count > 0 ? count : 1) * size);
    if (copy == NULL) return no_memory(error);
    if (count > 0) memcpy(copy, items, (size_t)count * size);
    memcpy((void *)(uintptr_t)kept, &copy, sizeof copy);
    return LL_OK;
}

static ll_status keep_text(builder *b, const char *text, const char **kept, ll_error *error)
{
    *kept = ll_arena_text(b->out.memory, text);
    return *kept != NULL ? LL_OK : no_memory(error);
}

/* ---------------------------------------------------------------- groups and models */

/* A job speaks of one model, of a pair, of a group or of the whole study. */
static bool is_of_model(const ll_store_row *row) { return row->group[0] != 0 && row->subject[0] != 0 && row->other[0] == 0 && strcmp(row->kind, "placement") != 0; }

static ll_status name_all(builder *b, ll_error *error)
{
    int64_t rows = b->listing.count;
    if (!names_make(&b->models, rows) || !names_make(&b->groups, rows)) return no_memory(error);
    for (int64_t i = 0; i < rows; i++) {
        const ll_store_row *row = &b->listing.rows[i];
        if (!is_of_model(row)) continue;
        (void)names_add(&b->groups, row->group);
        (void)names_add(&b->models, row->subject);
    }
    b->out.model_count = b->models.count;
    b->out.group_count = b->groups.count;
    b->model = ll_arena_allocate(b->out.memory, (size_t)(b->models.count + 1) * sizeof *b->model);
    b->group = ll_arena_allocate(b->out.memory, (size_t)(b->groups.count + 1) * sizeof *b->group);
    b->values = ll_allocate_array(b->models.count * METRICS_LIMIT + 1, sizeof *b->values);
    if (b->model == NULL || b->group == NULL || b->values == NULL) return no_memory(error);
    for (int64_t i = 0; i < b->models.count * METRICS_LIMIT; i++) b->values[i] = NAN;
    for (int64_t g = 0; g < b->groups.count; g++) {
        b->group[g] = (ll_overview_group){.taxonomy = LL_NO_RECORD, .label = ""};
        LL_TRY(keep_text(b, b->groups.texts[g], &b->group[g].name, error));
    }
    for (int64_t m = 0; m < b->models.count; m++) {
        b->model[m] = (ll_overview_model){.group = -1, .trace = NAN, .trace_standard_error = NAN};
        LL_TRY(keep_text(b, b->models.texts[m], &b->model[m].name, error));
    }
    return LL_OK;
}

/* The results of each model, in two passes: count, then fill. */
static ll_status list_records(builder *b, ll_error *error)
{
    ll_overview_record **records = ll_allocate_array(b->out.model_count + 1, sizeof *records);
    if (records == NULL) return no_memory(error);
    ll_status status = LL_OK;
    for (int pass = 0; pass < 2 && status == LL_OK; pass++) {
        for (int64_t m = 0; m < b->out.model_count && pass == 1; m++) {
            records[m] = ll_arena_allocate(b->out.memory, (size_t)(b->model[m].record_count + 1) * sizeof **records);
            b->model[m].records = records[m];
            b->model[m].record_count = 0;
            if (records[m] == NULL) status = no_memory(error);
        }
        for (int64_t i = 0; i < b->listing.count && status == LL_OK; i++) {
            const ll_store_row *row = &b->listing.rows[i];
            if (!is_of_model(row)) continue;
            int64_t m = names_find(&b->models, row->subject), g = names_find(&b->groups, row->group);
            if (b->model[m].group < 0) {
                b->model[m].group = g;
                b->group[g].model_count++;
            }
            if (row->state != LL_JOB_DONE) continue;
            if (pass == 1) {
                ll_overview_record *record = &records[m][b->model[m].record_count];
                record->id = row->id;
                status = keep_text(b, row->kind, &record->kind, error);
            }
            b->model[m].record_count++;
        }
    }
    ll_free(records);
    return status;
}

/* ---------------------------------------------------------------- numbers of models */

static const char *text_of(const ll_record *record, const char *name)
{
    const char *text;
    return ll_record_find(record, name) != NULL && ll_record_get_text(record, name, &text, NULL) == LL_OK ? text : "";
}

static double real_of(const ll_record *record, const char *name)
{
    double value;
    return ll_record_find(record, name) != NULL && ll_record_get_real(record, name, &value, NULL) == LL_OK ? value : NAN;
}

/* The next line of *text into `line`; false at the end. Longer lines are cut. */
static bool next_line(const char **text, char line[128])
{
    if (**text == 0) return false;
    size_t length = strcspn(*text, "\n"), kept = length < 127 ? length : 127;
    memcpy(line, *text, kept);
    line[kept] = 0;
    *text += length + ((*text)[length] == '\n');
    return true;
}

static ll_status add_metrics(builder *b, int64_t model, const ll_record *record, ll_error *error)
{
    const char *metric_names = text_of(record, "metric_names"), *better = text_of(record, "metric_better"),
               *scale = text_of(record, "metric_scale");
    char name[128], line[128];
    while (next_line(&metric_names, name)) {
        ll_overview_metric *known = (ll_overview_metric *)(void *)b->metrics.items;
        int64_t k = 0;
        while (k < b->metrics.count && strcmp(known[k].name, name) != 0) k++;
        bool is_new = k == b->metrics.count;
        if (is_new) {
            if (k == METRICS_LIMIT) break;
            known = push(&b->metrics, sizeof *known);
            if (known == NULL) return no_memory(error);
            LL_TRY(keep_text(b, name, &known->name, error));
            known->better = known->scale = "";
        }
        bool has_better = next_line(&better, line);
        if (is_new && has_better) LL_TRY(keep_text(b, line, &known->better, error));
        bool has_scale = next_line(&scale, line);
        if (is_new && has_scale) LL_TRY(keep_text(b, line, &known->scale, error));
        b->values[model * METRICS_LIMIT + k] = real_of(record, name);
    }
    return LL_OK;
}

static ll_status add_eigenvalues(builder *b, ll_overview_model *model, int64_t id, ll_error *error)
{
    const char *const wanted[2] = {"eigenvalues", "residuals"};
    const double **kept[2] = {&model->eigenvalues, &model->residuals};
    int64_t count[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
        ll_array array = {0};
        ll_status status = ll_store_read_array(b->store, id, wanted[k], &array, error);
        if (status == LL_OK && array.type == LL_ARRAY_FLOAT64) {
            count[k] = ll_array_count(&array);
            status = keep(b, array.data, count[k], sizeof(double), kept[k], error);
        }
        ll_array_deinit(&array);
        LL_TRY(status);
    }
    model->eigenvalue_count = count[0] == count[1] ? count[0] : 0;
    return LL_OK;
}

static ll_status read_numbers(builder *b, ll_error *error)
{
    for (int64_t m = 0; m < b->out.model_count; m++) {
        ll_overview_model *model = &b->model[m];
        int64_t metrics = ll_overview_record_of(model, "metrics"), trace = ll_overview_record_of(model, "trace"),
                eigenpairs = ll_overview_record_of(model, "eigenpairs");
        if (metrics != LL_NO_RECORD) {
            /* Without the arrays: predictions and solutions may be large. */
            ll_store_fields fields;
            ll_record *record = ll_record_create("metrics");
            if (record == NULL) return no_memory(error);
            ll_status status = ll_store_list_fields(b->store, metrics, &fields, error);
            for (int64_t i = 0; status == LL_OK && i < fields.count; i++) {
                const ll_field *f = &fields.fields[i];
                if (f->type == LL_FIELD_REAL) status = ll_record_set_real(record, f->name, f->unit, f->real, error);
                if (f->type == LL_FIELD_INTEGER) status = ll_record_set_integer(record, f->name, f->unit, f->integer, error);
                if (f->type == LL_FIELD_TEXT) status = ll_record_set_text(record, f->name, f->text, error);
            }
            if (status == LL_OK) status = add_metrics(b, m, record, error);
            ll_store_fields_deinit(&fields);
            ll_record_destroy(record);
            LL_TRY(status);
        }
        if (eigenpairs != LL_NO_RECORD) LL_TRY(add_eigenvalues(b, model, eigenpairs, error));
        if (trace != LL_NO_RECORD) {
            ll_store_fields fields;
            LL_TRY(ll_store_list_fields(b->store, trace, &fields, error));
            for (int64_t i = 0; i < fields.count; i++) {
                const ll_field *f = &fields.fields[i];
                if (f->type != LL_FIELD_REAL) continue;
                if (strcmp(f->name, "trace") == 0) model->trace = f->real;
                if (strcmp(f->name, "standard_error") == 0) model->trace_standard_error = f->real;
            }
            ll_store_fields_deinit(&fields);
        }
    }
    b->out.metric_count = b->metrics.count;
    for (int64_t m = 0; m < b->out.model_count; m++)
        LL_TRY(keep(b, b->values + m * METRICS_LIMIT, b->metrics.count, sizeof(double), &b->model[m].metrics, error));
    return keep(b, b->metrics.items, b->metrics.count, sizeof(ll_overview_metric), &b->out.metrics, error);
}

/* ---------------------------------------------------------------- pairs */

static int64_t row_of(const ll_store_listing *listing, int64_t id)
{
    int64_t low = 0, high = listing->count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (listing->rows[middle].id < id) low = middle + 1;
        else high = middle;
    }
    return low < listing->count && listing->rows[low].id == id ? low : -1;
}

static ll_status read_pairs(builder *b, ll_error *error)
{
    static const char *const wanted[] = {"mc_loss", "mc_error", "barrier", "relative_barrier", "mean_loss", "converged"};
    const ll_store_filter filter = {.kind = "pair"};
    ll_store_numbers numbers;
    LL_TRY(ll_store_read_numbers(b->store, &filter, wanted, 6, &numbers, error));
    ll_status status = LL_OK;
    for (int64_t i = 0; i < numbers.count && status == LL_OK; i++) {
        int64_t at = row_of(&b->listing, numbers.ids[i]);
        if (at < 0) continue; /* finished since the list was read */
        const ll_store_row *row = &b->listing.rows[at];
        int64_t one = names_find(&b->models, row->subject), two = names_find(&b->models, row->other);
        if (one < 0 || two < 0) continue;
        const double *v = numbers.values + 6 * i;
        ll_overview_pair *pair = push(&b->pairs, sizeof *pair);
        if (pair == NULL) {
            status = no_memory(error);
            break;
        }
        *pair = (ll_overview_pair){.a = one, .b = two, .record = row->id, .mc_loss = v[0], .mc_error = v[1], .barrier = v[2],
                                   .relative_barrier = v[3], .mean_loss = v[4], .converged = v[5] == 1.0};
    }
    ll_store_numbers_deinit(&numbers);
    LL_TRY(status);
    b->out.pair_count = b->pairs.count;
    return keep(b, b->pairs.items, b->pairs.count, sizeof(ll_overview_pair), &b->out.pairs, error);
}

/* ---------------------------------------------------------------- placements, labels, the rest */

static ll_status add_placement(builder *b, const ll_store_row *row, ll_error *error)
{
    ll_record *record;
    LL_TRY(ll_store_read_record(b->store, row->id, &record, error));
    const ll_array *array = NULL;
    double *positions = ll_arena_allocate(b->out.memory, (size_t)(2 * b->out.model_count + 1) * sizeof *positions);
    ll_overview_placement *placement = push(&b->placements, sizeof *placement);
    ll_status status = positions != NULL && placement != NULL ? LL_OK : no_memory(error);
    if (status == LL_OK) status = ll_record_get_array(record, "positions", &array, error);
    if (status == LL_OK && (array->rank != 2 || array->shape[1] != 2 || array->type != LL_ARRAY_FLOAT64))
        status = ll_fail(error, LL_INVALID_FILE, "study", row->name, "positions must be float64 [models, 2]");
    if (status == LL_OK) {
        placement->record = row->id;
        placement->group = row->group[0] != 0 ? names_find(&b->groups, row->group) : LL_NO_RECORD;
        placement->quality = real_of(record, "quality");
        placement->positions = positions;
        for (int64_t i = 0; i < 2 * b->out.model_count; i++) positions[i] = NAN;
        const char *lines = text_of(record, "models");
        char name[128];
        for (int64_t k = 0; k < array->shape[0] && next_line(&lines, name); k++) {
            int64_t m = names_find(&b->models, name);
            if (m >= 0) memcpy(positions + 2 * m, (const double *)array->data + 2 * k, 2 * sizeof *positions);
        }
        status = keep_text(b, text_of(record, "method"), &placement->method, error);
        if (status == LL_OK) status = keep_text(b, text_of(record, "layer"), &placement->layer, error);
        if (status == LL_OK) status = keep_text(b, text_of(record, "quality_name"), &placement->quality_name, error);
    }
    ll_record_destroy(record);
    return status;
}

static ll_status add_label(builder *b, const ll_store_row *row, ll_error *error)
{
    ll_record *record;
    int64_t g = names_find(&b->groups, row->group);
    if (g < 0) return LL_OK;
    LL_TRY(ll_store_read_record(b->store, row->id, &record, error));
    b->group[g].taxonomy = row->id;
    ll_status status = keep_text(b, text_of(record, "label"), &b->group[g].label, error);
    ll_record_destroy(record);
    return status;
}

static ll_status read_rest(builder *b, ll_error *error)
{
    for (int64_t i = 0; i < b->listing.count; i++) {
        const ll_store_row *row = &b->listing.rows[i];
        if (row->state != LL_JOB_DONE) continue;
        if (strcmp(row->kind, "placement") == 0) {
            LL_TRY(add_placement(b, row, error));
        } else if (strcmp(row->kind, "taxonomy") == 0) {
            LL_TRY(add_label(b, row, error));
        } else if (row->group[0] == 0 && row->other[0] == 0) {
            ll_overview_record *record = push(&b->whole, sizeof *record);
            if (record == NULL) return no_memory(error);
            record->id = row->id;
            LL_TRY(keep_text(b, row->kind, &record->kind, error));
        }
    }
    b->out.placement_count = b->placements.count;
    b->out.record_count = b->whole.count;
    LL_TRY(keep(b, b->placements.items, b->placements.count, sizeof(ll_overview_placement), &b->out.placements, error));
    return keep(b, b->whole.items, b->whole.count, sizeof(ll_overview_record), &b->out.records, error);
}

ll_status ll_overview_read(ll_store *store, ll_overview *overview, ll_error *error)
{
    builder b = {.store = store};
    b.out.memory = ll_arena_create(64 << 10);
    ll_status status = b.out.memory != NULL ? ll_store_list(store, NULL, &b.listing, error) : no_memory(error);
    if (status == LL_OK) status = name_all(&b, error);
    if (status == LL_OK) status = list_records(&b, error);
    if (status == LL_OK) status = read_numbers(&b, error);
    if (status == LL_OK) status = read_pairs(&b, error);
    if (status == LL_OK) status = read_rest(&b, error);
    b.out.models = b.model;
    b.out.groups = b.group;
    names_free(&b.models);
    names_free(&b.groups);
    ll_free(b.values);
    ll_free(b.metrics.items);
    ll_free(b.pairs.items);
    ll_free(b.placements.items);
    ll_free(b.whole.items);
    ll_store_listing_deinit(&b.listing);
    if (status != LL_OK) {
        ll_arena_destroy(b.out.memory);
        return status;
    }
    *overview = b.out;
    return LL_OK;
}

void ll_overview_deinit(ll_overview *overview)
{
    if (overview == NULL) return;
    ll_arena_destroy(overview->memory);
    *overview = (ll_overview){0};
}

/* ---------------------------------------------------------------- looking things up */

int64_t ll_overview_find_model(const ll_overview *overview, const char *name)
{
    for (int64_t i = 0; i < overview->model_count; i++)
        if (strcmp(overview->models[i].name, name) == 0) return i;
    return -1;
}

int64_t ll_overview_find_group(const ll_overview *overview, const char *name)
{
    for (int64_t i = 0; i < overview->group_count; i++)
        if (strcmp(overview->groups[i].name, name) == 0) return i;
    return -1;
}

int64_t ll_overview_best_member(const ll_overview *overview, int64_t group)
{
    int64_t best = -1, loss = -1;
    for (int64_t k = 0; k < overview->metric_count; k++)
        if (strcmp(overview->metrics[k].name, "loss") == 0) loss = k;
    for (int64_t m = 0; m < overview->model_count; m++) {
        if (overview->models[m].group != group) continue;
        if (best < 0 || (loss >= 0 && overview->models[m].metrics[loss] < overview->models[best].metrics[loss])) best = m;
    }
    return best;
}

int64_t ll_overview_record_of(const ll_overview_model *model, const char *kind)
{
    for (int64_t i = 0; i < model->record_count; i++)
        if (strcmp(model->records[i].kind, kind) == 0) return model->records[i].id;
    return LL_NO_RECORD;
}

const ll_overview_placement *ll_overview_find_placement(const ll_overview *overview, const char *method)
{
    for (int64_t i = 0; i < overview->placement_count; i++) {
        const ll_overview_placement *p = &overview->placements[i];
        if (p->group == LL_NO_RECORD && (method == NULL || strcmp(p->method, method) == 0)) return p;
    }
    return NULL;
}
