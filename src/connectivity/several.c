/* Curves of several pairs: straight lines first. */
#include "losslens/connectivity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "connectivity";

/* The sink of one pair: its pieces have their own names, and the straight line's profile is kept here, so
 * that it is computed once also where nothing else keeps pieces. */
typedef struct pair_sink {
    ll_prefixed_sink prefixed;
    ll_sink outer; /* its view */
    int64_t pair, pairs;
    void *line; /* bytes of the piece "line" */
    size_t line_bytes;
} pair_sink;

static bool find(void *context, const char *piece, void **bytes, size_t *count)
{
    const pair_sink *s = context;
    if (strcmp(piece, "line") != 0 || s->line == NULL) return ll_sink_find(&s->outer, piece, bytes, count);
    *bytes = ll_allocate(s->line_bytes);
    if (*bytes == NULL) return false;
    memcpy(*bytes, s->line, s->line_bytes);
    *count = s->line_bytes;
    return true;
}

static ll_status put(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    pair_sink *s = context;
    if (strcmp(piece, "line") == 0 && s->line == NULL) {
        s->line = ll_allocate(count);
        if (s->line == NULL) return ll_fail_memory(error, module, count);
        memcpy(s->line, bytes, count);
        s->line_bytes = count;
    }
    return ll_sink_put(&s->outer, piece, bytes, count, error);
}

static void progress(void *context, const ll_progress *of_pair)
{
    const pair_sink *s = context;
    char what[64];
    snprintf(what, sizeof what, "pair %lld of %lld, %.24s", (long long)(s->pair + 1), (long long)s->pairs,
             of_pair->what);
    ll_progress told = *of_pair;
    told.what = what;
    ll_sink_progress(&s->outer, &told);
}

static bool should_stop(void *context) { return ll_sink_should_stop(&((const pair_sink *)context)->outer); }

static ll_status run(ll_problem *problem, const ll_curve_ends *ends, const ll_curve_options *options,
                     pair_sink *sink, ll_record **record, ll_error *error)
{
    const ll_sink view = {
        .context = sink, .find = find, .put = put, .progress = progress, .should_stop = should_stop};
    ll_record *made = NULL;
    LL_TRY(ll_connectivity_curve(problem, ends, options, &view, &made, error));
    ll_record_destroy(*record);
    *record = made;
    return LL_OK;
}

typedef struct ranked {
    int64_t pair;
    double barrier;
} ranked;

/* Stable: equal barriers in the order of the pairs; undefined ones last. */
static void rank_pairs(ll_record *const *records, int64_t count, ranked *order)
{
    for (int64_t k = 0; k < count; k++) {
        ranked here = {k, INFINITY};
        if (ll_record_get_real(records[k], "linear_barrier", &here.barrier, NULL) != LL_OK ||
            isnan(here.barrier))
            here.barrier = INFINITY;
        int64_t at = k;
        for (; at > 0 && order[at - 1].barrier > here.barrier; at--) order[at] = order[at - 1];
        order[at] = here;
    }
}

ll_status ll_connectivity_curves(ll_problem *problem, const ll_curve_ends *ends, int64_t count,
                                 const ll_curve_options *options, const ll_sink *sink, ll_record **records,
                                 ll_error *error)
{
    if (problem == NULL || ends == NULL || count < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "pairs",
                       "a problem and at least one pair are needed");
    bool gradient = (ll_problem_view(problem)->capabilities & LL_CAN_GRADIENT) != 0;
    if (options != NULL && options->kind != LL_CURVE_LINEAR && !gradient)
        return ll_fail(error, LL_UNSUPPORTED, module, ll_problem_view(problem)->name,
                       "a curve is trained with gradients (capability \"gradient\" is missing); straight "
                       "lines need none");
    pair_sink *sinks = ll_allocate_zeroed((size_t)count * sizeof *sinks);
    ranked *order = ll_allocate_array(count, sizeof *order);
    ll_curve_options line = options != NULL ? *options : (ll_curve_options){0};
    bool trained = line.kind != LL_CURVE_LINEAR;
    line.kind = LL_CURVE_LINEAR;
    ll_status status =
        sinks == NULL || order == NULL ? ll_fail_memory(error, module, (size_t)count * sizeof *sinks) : LL_OK;
    for (int64_t k = 0; k < count; k++) records[k] = NULL;
    for (int64_t k = 0; k < count && status == LL_OK; k++) {
        sinks[k] = (pair_sink){.prefixed = {.outer = sink}, .pair = k, .pairs = count};
        snprintf(sinks[k].prefixed.prefix, sizeof sinks[k].prefixed.prefix, "pair/%lld/", (long long)k);
        sinks[k].outer = ll_prefixed_sink_view(&sinks[k].prefixed);
        status = run(problem, &ends[k], &line, &sinks[k], &records[k], error);
    }
    if (status == LL_OK && trained) rank_pairs(records, count, order);
    for (int64_t i = 0; i < count && status == LL_OK && trained; i++)
        status = run(problem, &ends[order[i].pair], options, &sinks[order[i].pair], &records[order[i].pair],
                     error);
    for (int64_t k = 0; k < count && sinks != NULL; k++) ll_free(sinks[k].line);
    ll_free(sinks);
    ll_free(order);
    for (int64_t k = 0; k < count && status != LL_OK && status != LL_CANCELLED; k++) {
        ll_record_destroy(records[k]);
        records[k] = NULL;
    }
    return status;
}
