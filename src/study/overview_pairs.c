/* Pairs with their numbers, and the similarity of their models. */
#include "study/overview.h"

#include <math.h>
#include <string.h>

static ll_status no_memory(ll_error *error) { return ll_fail_memory(error, "study", 0); }

/* ---------------------------------------------------------------- pairs and their similarity */

ll_status ll_overview_read_pairs(ll_overview_builder *b, ll_error *error)
{
    static const char *const wanted[] = {"mc_loss",          "mc_error",  "barrier",
                                         "relative_barrier", "mean_loss", "converged"};
    ll_store_numbers numbers;
    LL_TRY(ll_store_read_numbers(b->store, &(ll_store_filter){.kind = "pair"}, wanted, 6, &numbers, error));
    ll_overview_pair *pairs = ll_overview_take(b, numbers.count, sizeof *pairs);
    b->out.pairs = b->pair = pairs;
    for (int64_t i = 0; pairs != NULL && i < numbers.count; i++) {
        const double *v = numbers.values + 6 * i;
        int64_t one = ll_names_find(&b->models, numbers.subjects[i]),
                two = ll_names_find(&b->models, numbers.others[i]);
        if (one < 0 || two < 0) continue;
        pairs[b->out.pair_count++] = (ll_overview_pair){.a = one,
                                                        .b = two,
                                                        .record = numbers.ids[i],
                                                        .mc_loss = v[0],
                                                        .mc_error = v[1],
                                                        .barrier = v[2],
                                                        .relative_barrier = v[3],
                                                        .mean_loss = v[4],
                                                        .similarity = NAN,
                                                        .converged = v[5] == 1.0};
    }
    ll_store_numbers_deinit(&numbers);
    return pairs != NULL ? LL_OK : no_memory(error);
}

/* The matrix of a similarity: an entry is a model at a layer. Entries of a model are chained. */
typedef struct similarity {
    const char *models, *layers;   /* lines: names of models, then the layer of each entry */
    ll_array of, matrix;           /* [entries]: line of its model; [entries, entries] */
    int64_t *first, *next, *layer; /* [models], [entries], [entries]; -1: none */
} similarity;

static ll_status find_matrix(ll_overview_builder *b, int64_t id, similarity *s, ll_error *error)
{
    ll_store_fields fields;
    int64_t entries = -1;
    bool square = false;
    LL_TRY(ll_store_list_fields(b->store, id, &fields, error));
    for (int64_t i = 0; i < fields.count; i++) {
        const ll_field *f = &fields.fields[i];
        const ll_array *a = &f->array;
        if (strcmp(f->name, "model_names") == 0 && f->type == LL_FIELD_TEXT)
            s->models = ll_arena_text(b->out.memory, f->text);
        if (strcmp(f->name, "layer_names") == 0 && f->type == LL_FIELD_TEXT)
            s->layers = ll_arena_text(b->out.memory, f->text);
        if (strcmp(f->name, "entry_model") == 0 && f->type == LL_FIELD_ARRAY && a->type == LL_ARRAY_INT64 &&
            a->rank == 1)
            entries = a->shape[0];
        if (strcmp(f->name, "matrix") == 0 && f->type == LL_FIELD_ARRAY && a->type == LL_ARRAY_FLOAT64 &&
            a->rank == 2)
            square = a->shape[0] == entries && a->shape[1] == entries;
    }
    ll_store_fields_deinit(&fields);
    if (s->models == NULL || s->layers == NULL || !square)
        return LL_OK; /* of another kind: no numbers of pairs */
    LL_TRY(ll_store_read_array(b->store, id, "entry_model", &s->of, error));
    return ll_store_read_array(b->store, id, "matrix", &s->matrix, error);
}

static ll_status chain_entries(ll_overview_builder *b, similarity *s, ll_error *error)
{
    int64_t entries = ll_array_count(&s->of), lines = 0;
    int64_t *model = ll_overview_take(b, entries, sizeof *model);
    s->first = ll_overview_take(b, b->out.model_count, sizeof *s->first);
    s->next = ll_overview_take(b, entries, sizeof *s->next);
    s->layer = ll_overview_take(b, entries, sizeof *s->layer);
    ll_names layers = {0};
    if (model == NULL || s->first == NULL || s->next == NULL || s->layer == NULL ||
        !ll_names_make(&layers, entries)) {
        ll_names_free(&layers);
        return no_memory(error);
    }
    char line[128];
    const char *text = s->models;
    for (; lines < entries && ll_overview_line(&text, line) != NULL; lines++)
        model[lines] = ll_names_find(&b->models, line);
    text = s->layers;
    for (int64_t m = 0; m < b->out.model_count; m++) s->first[m] = -1;
    ll_status status = LL_OK;
    for (int64_t e = 0; e < entries && status == LL_OK; e++) {
        const char *name = ll_overview_line(&text, line);
        int64_t known = layers.count, k = ((const int64_t *)s->of.data)[e];
        s->layer[e] = ll_names_add(&layers, name != NULL ? name : "");
        if (s->layer[e] == known)
            status = ll_overview_keep(b, layers.texts[known], &layers.texts[known], error);
        s->next[e] = -1;
        if (k < 0 || k >= lines || model[k] < 0) continue;
        s->next[e] = s->first[model[k]];
        s->first[model[k]] = e;
    }
    ll_names_free(&layers);
    return status;
}

static double similarity_of(const similarity *s, int64_t a, int64_t b)
{
    const double *matrix = s->matrix.data;
    double sum = 0.0;
    int64_t count = 0;
    for (int64_t x = s->first[a]; x >= 0; x = s->next[x]) {
        for (int64_t y = s->first[b]; y >= 0; y = s->next[y]) {
            double value = matrix[x * s->matrix.shape[1] + y];
            if (s->layer[x] != s->layer[y] || isnan(value)) continue;
            sum += value;
            count++;
        }
    }
    return count > 0 ? sum / (double)count : NAN;
}

ll_status ll_overview_read_similarity(ll_overview_builder *b, ll_error *error)
{
    int64_t id = ll_overview_study_record(&b->out, "similarity");
    if (id == LL_NO_RECORD || b->out.pair_count == 0) return LL_OK;
    similarity s = {0};
    ll_overview_pair *pairs = b->pair;
    ll_status status = find_matrix(b, id, &s, error);
    if (status == LL_OK && s.matrix.data != NULL) status = chain_entries(b, &s, error);
    for (int64_t p = 0; status == LL_OK && s.matrix.data != NULL && p < b->out.pair_count; p++)
        pairs[p].similarity = similarity_of(&s, pairs[p].a, pairs[p].b);
    ll_array_deinit(&s.of);
    ll_array_deinit(&s.matrix);
    return status;
}
