/* The overview as a whole: groups, models and their records, placements, records of the study. */
#include "study/overview.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static ll_status no_memory(ll_error *error) { return ll_fail_memory(error, "study", 0); }

/* ---------------------------------------------------------------- position of a text among texts, by hashing
 */

bool ll_names_make(ll_names *n, int64_t most)
{
    int64_t size = 16;
    while (size < 2 * most + 2) size *= 2;
    *n = (ll_names){.slots = ll_allocate_array(size, sizeof *n->slots),
                    .size = size,
                    .texts = ll_allocate_array(most + 1, sizeof *n->texts)};
    for (int64_t i = 0; n->slots != NULL && i < size; i++) n->slots[i] = -1;
    return n->slots != NULL && n->texts != NULL;
}

void ll_names_free(ll_names *n)
{
    ll_free(n->slots);
    ll_free(n->texts);
}

static int64_t *ll_names_slot(const ll_names *n, const char *text)
{
    int64_t at = (int64_t)(ll_hash_bytes(text, strlen(text)).low & (uint64_t)(n->size - 1));
    while (n->slots[at] >= 0 && strcmp(n->texts[n->slots[at]], text) != 0) at = (at + 1) & (n->size - 1);
    return &n->slots[at];
}

int64_t ll_names_find(const ll_names *n, const char *text) { return *ll_names_slot(n, text); }

int64_t ll_names_add(ll_names *n, const char *text)
{
    int64_t *slot = ll_names_slot(n, text);
    if (*slot < 0) {
        n->texts[n->count] = text;
        *slot = n->count++;
    }
    return *slot;
}

/* ---------------------------------------------------------------- memory and lines */

void *ll_overview_take(ll_overview_builder *b, int64_t count, size_t size)
{
    size_t bytes;
    return ll_multiply_size((size_t)count + 1, size, &bytes) ? ll_arena_allocate(b->out.memory, bytes) : NULL;
}

ll_status ll_overview_keep(ll_overview_builder *b, const char *text, const char **kept, ll_error *error)
{
    *kept = ll_arena_text(b->out.memory, text);
    return *kept != NULL ? LL_OK : no_memory(error);
}

const char *ll_overview_line(const char **text, char line[128])
{
    if (**text == 0) return NULL;
    size_t length = strcspn(*text, "\n"), kept = length < 127 ? length : 127;
    memcpy(line, *text, kept);
    line[kept] = 0;
    *text += length + ((*text)[length] == '\n');
    return line;
}

/* ---------------------------------------------------------------- groups and models */

/* A job speaks of one model (or field), of a pair, of a group, or of the whole study. */
static bool is_of_model(const ll_store_row *row)
{
    return row->group[0] != 0 && row->subject[0] != 0 && row->other[0] == 0;
}

static ll_status name_all(ll_overview_builder *b, ll_error *error)
{
    int64_t rows = b->listing.count;
    if (!ll_names_make(&b->models, rows) || !ll_names_make(&b->groups, rows)) return no_memory(error);
    for (int64_t i = 0; i < rows; i++) {
        const ll_store_row *row = &b->listing.rows[i];
        if (!is_of_model(row)) continue;
        (void)ll_names_add(&b->groups, row->group);
        (void)ll_names_add(&b->models, row->subject);
    }
    int64_t models = b->out.model_count = b->models.count, groups = b->out.group_count = b->groups.count;
    b->out.models = b->model = ll_overview_take(b, models, sizeof *b->model);
    b->out.groups = b->group = ll_overview_take(b, groups, sizeof *b->group);
    b->values = ll_overview_take(b, models, LL_OVERVIEW_METRICS * sizeof *b->values);
    b->has = ll_overview_take(b, models, LL_OVERVIEW_METRICS * sizeof *b->has);
    b->id = ll_overview_take(b, models, sizeof *b->id);
    b->owner = ll_overview_take(b, models, sizeof *b->owner);
    if (b->model == NULL || b->group == NULL || b->values == NULL || b->has == NULL || b->id == NULL ||
        b->owner == NULL)
        return no_memory(error);
    for (int64_t i = 0; i < models * LL_OVERVIEW_METRICS; i++) b->values[i] = NAN;
    memset(b->has, 0, (size_t)models * LL_OVERVIEW_METRICS * sizeof *b->has);
    for (int64_t g = 0; g < groups; g++) {
        b->group[g] = (ll_overview_group){.kind = LL_GROUP_NETWORK, .taxonomy = LL_NO_RECORD, .label = ""};
        LL_TRY(ll_overview_keep(b, b->groups.texts[g], &b->group[g].name, error));
        b->group[g].title = b->group[g].name;
    }
    for (int64_t m = 0; m < models; m++) {
        b->model[m] = (ll_overview_model){.group = -1,
                                          .metrics = b->values + m * LL_OVERVIEW_METRICS,
                                          .has_metric = b->has + m * LL_OVERVIEW_METRICS,
                                          .trace = NAN,
                                          .trace_standard_error = NAN};
        LL_TRY(ll_overview_keep(b, b->models.texts[m], &b->model[m].name, error));
    }
    return LL_OK;
}

/* The results of each model, in two passes: count, then fill. Kinds are few: each text is kept once. */
static ll_status list_records(ll_overview_builder *b, ll_error *error)
{
    ll_names kinds = {0};
    int64_t rows = b->listing.count;
    ll_overview_record **records = ll_overview_take(b, b->out.model_count, sizeof *records);
    ll_status status = records != NULL && ll_names_make(&kinds, rows) ? LL_OK : no_memory(error);
    for (int pass = 0; pass < 2 && status == LL_OK; pass++) {
        for (int64_t m = 0; m < b->out.model_count && pass == 1; m++) {
            b->model[m].records = records[m] =
                ll_overview_take(b, b->model[m].record_count, sizeof **records);
            b->model[m].record_count = 0;
            if (records[m] == NULL) status = no_memory(error);
        }
        for (int64_t i = 0; i < rows && status == LL_OK; i++) {
            const ll_store_row *row = &b->listing.rows[i];
            if (!is_of_model(row)) continue;
            ll_overview_model *model = &b->model[ll_names_find(&b->models, row->subject)];
            if (model->group < 0) {
                model->group = ll_names_find(&b->groups, row->group);
                ll_overview_group *group = &b->group[model->group];
                if (strcmp(row->kind, "field") == 0) group->kind = LL_GROUP_FIELD;
                group->model_count++;
            }
            if (row->state != LL_JOB_DONE) continue;
            if (pass == 1) {
                int64_t known = kinds.count, kind = ll_names_add(&kinds, row->kind);
                if (kind == known) status = ll_overview_keep(b, row->kind, &kinds.texts[kind], error);
                if (status != LL_OK) break;
                records[model - b->model][model->record_count] =
                    (ll_overview_record){row->id, kinds.texts[kind]};
            }
            model->record_count++;
        }
    }
    ll_names_free(&kinds);
    return status;
}

/* ---------------------------------------------------------------- groups */

static const char *value_of(const ll_overview_model *model, const char *key)
{
    for (int64_t i = 0; i < model->setting_count; i++)
        if (strcmp(model->settings[i].key, key) == 0) return model->settings[i].value;
    return NULL;
}

/* Of each group, the settings of its first member that no other contradicts. */
static ll_status find_common(ll_overview_builder *b, ll_error *error)
{
    ll_study_setting **common = ll_overview_take(b, b->out.group_count, sizeof *common);
    if (common == NULL) return no_memory(error);
    for (int64_t g = 0; g < b->out.group_count; g++) common[g] = NULL;
    for (int64_t m = 0; m < b->out.model_count; m++) {
        const ll_overview_model *model = &b->model[m];
        ll_overview_group *group = &b->group[model->group];
        ll_study_setting *list = common[model->group];
        if (list == NULL) {
            list = common[model->group] = ll_overview_take(b, model->setting_count, sizeof *list);
            if (list == NULL) return no_memory(error);
            for (int64_t i = 0; i < model->setting_count; i++) list[i] = model->settings[i];
            group->settings = list;
            group->setting_count = model->setting_count;
            continue;
        }
        int64_t kept = 0;
        for (int64_t i = 0; i < group->setting_count; i++) {
            const char *value = value_of(model, list[i].key);
            if (value != NULL && strcmp(value, list[i].value) == 0) list[kept++] = list[i];
        }
        group->setting_count = kept;
    }
    return LL_OK;
}

/* "pinn(beta=50, nu=2)" -> beta: 50, nu: 2 */
static ll_status sweep_of_name(ll_overview_builder *b, ll_overview_group *group, ll_error *error)
{
    const char *open = strchr(group->name, '(');
    if (open == NULL || group->name[strlen(group->name) - 1] != ')') return LL_OK;
    int64_t most = 1;
    for (const char *c = open; *c != 0; c++) most += *c == ',';
    ll_study_setting *sweep = ll_overview_take(b, most, sizeof *sweep);
    if (sweep == NULL) return no_memory(error);
    group->sweep = sweep;
    while (open != NULL) {
        char key[64], value[64];
        open += 1 + strspn(open + 1, " ");
        size_t item = strcspn(open, ",)"), split = strcspn(open, "=");
        if (split == 0 || split >= item || split >= sizeof key || item - split > sizeof value) break;
        snprintf(key, sizeof key, "%.*s", (int)split, open);
        snprintf(value, sizeof value, "%.*s", (int)(item - split - 1), open + split + 1);
        LL_TRY(ll_overview_keep(b, key, &sweep[group->sweep_count].key, error));
        LL_TRY(ll_overview_keep(b, value, &sweep[group->sweep_count++].value, error));
        open = open[item] == ',' ? open + item : NULL;
    }
    return LL_OK;
}

static ll_status take_told(ll_overview_builder *b, const ll_study_group *told, ll_overview_group *group,
                           ll_error *error)
{
    ll_study_setting *sweep = ll_overview_take(b, told->sweeps, sizeof *sweep);
    if (sweep == NULL) return no_memory(error);
    group->kind = told->kind;
    if (told->title != NULL && told->title[0] != 0)
        LL_TRY(ll_overview_keep(b, told->title, &group->title, error));
    for (int64_t i = 0; i < told->sweeps; i++) {
        LL_TRY(ll_overview_keep(b, told->sweep[i].key, &sweep[i].key, error));
        LL_TRY(ll_overview_keep(b, told->sweep[i].value, &sweep[i].value, error));
    }
    group->sweep = sweep;
    group->sweep_count = told->sweeps;
    return LL_OK;
}

/* What the study itself says of a group goes first; a file without a study (or of another one) speaks through
 * its records. */
static ll_status read_groups(ll_overview_builder *b, ll_error *error)
{
    ll_study *study = NULL;
    ll_error ignored;
    LL_TRY(find_common(b, error));
    if (ll_study_of_store(b->store, &study, &ignored) != LL_OK) study = NULL;
    ll_status status = LL_OK;
    for (int64_t g = 0; g < b->out.group_count && status == LL_OK; g++) {
        const ll_study_group *told = NULL;
        for (int64_t i = 0; study != NULL && told == NULL && i < ll_study_group_count(study); i++) {
            const ll_study_group *one = ll_study_group_at(study, i);
            if (strcmp(one->name, b->group[g].name) == 0) told = one;
        }
        status =
            told != NULL ? take_told(b, told, &b->group[g], error) : sweep_of_name(b, &b->group[g], error);
    }
    ll_study_destroy(study);
    return status;
}

/* ---------------------------------------------------------------- placements, labels, the rest */

static const char *text_of(const ll_record *record, const char *name)
{
    const char *text;
    return ll_record_find(record, name) != NULL && ll_record_get_text(record, name, &text, NULL) == LL_OK
               ? text
               : "";
}

static ll_status fill_placement(ll_overview_builder *b, const ll_store_row *row, const ll_record *record,
                                ll_overview_placement *placement, ll_error *error)
{
    const ll_array *array = NULL;
    double *positions = ll_overview_take(b, 2 * b->out.model_count, sizeof *positions), quality = NAN;
    if (positions == NULL) return no_memory(error);
    for (int64_t i = 0; i < 2 * b->out.model_count; i++) positions[i] = NAN;
    bool has = ll_record_find(record, "positions") != NULL &&
               ll_record_get_array(record, "positions", &array, NULL) == LL_OK && array->rank == 2 &&
               array->shape[1] == 2 && array->type == LL_ARRAY_FLOAT64;
    const char *lines = text_of(record, "models");
    char name[128];
    for (int64_t k = 0; has && k < array->shape[0] && ll_overview_line(&lines, name) != NULL; k++) {
        int64_t m = ll_names_find(&b->models, name);
        if (m >= 0) memcpy(positions + 2 * m, (const double *)array->data + 2 * k, 2 * sizeof *positions);
    }
    if (ll_record_find(record, "quality") != NULL)
        (void)!ll_record_get_real(record, "quality", &quality, NULL);
    *placement = (ll_overview_placement){.record = row->id,
                                         .quality = quality,
                                         .group = row->group[0] != 0 ? ll_names_find(&b->groups, row->group)
                                                                     : LL_NO_RECORD,
                                         .positions = positions};
    LL_TRY(ll_overview_keep(b, text_of(record, "method"), &placement->method, error));
    LL_TRY(ll_overview_keep(b, text_of(record, "layer"), &placement->layer, error));
    return ll_overview_keep(b, text_of(record, "quality_name"), &placement->quality_name, error);
}

static ll_status visit_label(void *context, int64_t at, const ll_field *field, ll_error *error)
{
    ll_overview_builder *b = context;
    if (field->type != LL_FIELD_TEXT) return LL_OK;
    ll_overview_group *group = &b->group[b->owner[at]];
    group->taxonomy = b->id[at];
    return ll_overview_keep(b, field->text, &group->label, error);
}

static bool is_kind(const ll_store_row *row, const char *kind) { return strcmp(row->kind, kind) == 0; }

/* What is not of one model: labels of groups (one a group at most: as many as models suffice), placements,
 * and records of the study as a whole. */
static ll_status read_rest(ll_overview_builder *b, ll_error *error)
{
    int64_t labels = 0, rows = b->listing.count;
    ll_overview_placement *placements = ll_overview_take(b, rows, sizeof *placements);
    ll_overview_record *whole = ll_overview_take(b, rows, sizeof *whole);
    if (placements == NULL || whole == NULL) return no_memory(error);
    b->out.placements = placements;
    b->out.records = whole;
    for (int64_t i = 0; i < rows; i++) {
        const ll_store_row *row = &b->listing.rows[i];
        if (row->state != LL_JOB_DONE || is_of_model(row)) continue;
        if (is_kind(row, "placement")) {
            ll_record *record;
            LL_TRY(ll_store_read_record(b->store, row->id, &record, error));
            ll_status status = fill_placement(b, row, record, &placements[b->out.placement_count++], error);
            ll_record_destroy(record);
            LL_TRY(status);
        } else if (is_kind(row, "taxonomy")) {
            int64_t g = ll_names_find(&b->groups, row->group);
            if (g < 0 || labels == b->out.model_count) continue;
            b->id[labels] = row->id;
            b->owner[labels++] = g;
        } else {
            whole[b->out.record_count].id = row->id;
            LL_TRY(ll_overview_keep(b, row->kind, &whole[b->out.record_count++].kind, error));
        }
    }
    return ll_store_visit_fields(b->store, b->id, labels, (const char *const[]){"label"}, 1, visit_label, b,
                                 error);
}

ll_status ll_overview_read(ll_store *store, ll_overview *overview, ll_error *error)
{
    ll_overview_builder b = {.store = store};
    b.out.memory = ll_arena_create(64 << 10);
    ll_status status = b.out.memory != NULL
                           ? ll_store_list(store, &(ll_store_filter){.but_kind = "pair"}, &b.listing, error)
                           : no_memory(error);
    if (status == LL_OK) status = name_all(&b, error);
    if (status == LL_OK) status = list_records(&b, error);
    if (status == LL_OK) status = ll_overview_read_models(&b, error);
    if (status == LL_OK) status = read_groups(&b, error);
    if (status == LL_OK) status = ll_overview_read_pairs(&b, error);
    if (status == LL_OK) status = read_rest(&b, error);
    if (status == LL_OK) status = ll_overview_read_similarity(&b, error);
    ll_names_free(&b.models);
    ll_names_free(&b.groups);
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
        if (best < 0 ||
            (loss >= 0 && overview->models[m].metrics[loss] < overview->models[best].metrics[loss]))
            best = m;
    }
    return best;
}

int64_t ll_overview_record_of(const ll_overview_model *model, const char *kind)
{
    for (int64_t i = 0; i < model->record_count; i++)
        if (strcmp(model->records[i].kind, kind) == 0) return model->records[i].id;
    return LL_NO_RECORD;
}

int64_t ll_overview_study_record(const ll_overview *overview, const char *kind)
{
    for (int64_t i = overview->record_count - 1; i >= 0; i--)
        if (strcmp(overview->records[i].kind, kind) == 0) return overview->records[i].id;
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
