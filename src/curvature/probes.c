/* Trace and diagonal from random probes. A group of `together` probes shares one block product and is one
 * piece. Estimates stop on their standard error. */
#include "curvature/curvature_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "curvature";

typedef struct estimator {
    curvature_operator op;
    ll_trace_options options;
    const ll_sink *sink;
    ll_real type;
    int64_t n, tensors;    /* tensors: parameters of the table, or 1 for a single one */
    int64_t sketch;        /* columns of Q held; 0: plain Hutchinson */
    unsigned char *q;      /* sketch vectors: an orthonormal basis of H times random vectors */
    unsigned char *probes; /* together probes, then together products, then one more vector */
    double *values;        /* max_probes x (1 + tensors): probe values, then those of each tensor */
    double *exact;         /* 1 + tensors: the part on the sketch */
    int64_t done;
    bool finite;
} estimator;

static void *nth(const estimator *e, unsigned char *vectors, int64_t i)
{
    return vectors + (size_t)i * (size_t)e->n * ll_real_bytes(e->type);
}

static ll_status fill_options(ll_trace_options *o, const ll_trace_options *given, const char *place,
                              ll_error *error)
{
    *o = given != NULL ? *given : (ll_trace_options){0};
    if (o->tolerance == 0) o->tolerance = 0.02;
    o->min_probes = option_or(o->min_probes, 8);
    o->max_probes = option_or(o->max_probes, ll_max_int64(500, o->min_probes));
    o->together = option_or(o->together, 4);
    o->sketch = option_or(o->sketch, 10);
    if (o->min_probes < 2 || o->max_probes < o->min_probes)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                       "probes %lld to %lld; a standard error needs at least 2", (long long)o->min_probes,
                       (long long)o->max_probes);
    if (o->together < 1 || o->together > CURVATURE_MAX_BLOCK || o->sketch < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                       "together must be 1..%d and sketch at least 1", CURVATURE_MAX_BLOCK);
    if (!(o->tolerance > 0) || !(o->absolute_tolerance >= 0))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "tolerance %g, absolute %g", o->tolerance,
                       o->absolute_tolerance);
    return LL_OK;
}

static void estimator_deinit(estimator *e)
{
    curvature_operator_deinit(&e->op);
    ll_free(e->q);
    ll_free(e->probes);
    ll_free(e->values);
    ll_free(e->exact);
}

static ll_status estimator_init(estimator *e, const ll_curvature_target *target,
                                const ll_trace_options *options, const ll_sink *sink, ll_error *error)
{
    *e = (estimator){.sink = sink, .finite = true};
    LL_TRY(curvature_operator_init(&e->op, target, CURVATURE_MAX_BLOCK, error));
    e->type = e->op.type;
    e->n = e->op.n;
    e->tensors = target->parameter != NULL ? 1 : e->op.info->parameters;
    ll_status status = fill_options(&e->options, options, e->op.info->name, error);
    if (status == LL_OK) {
        if (e->options.method == LL_TRACE_HUTCHPP) e->sketch = ll_min_int64(e->options.sketch, e->n);
        int64_t vectors = 2 * e->options.together + 1;
        e->q = ll_allocate_array(e->sketch * e->n, ll_real_bytes(e->type));
        e->probes = ll_allocate_array(vectors * e->n, ll_real_bytes(e->type));
        e->values = ll_allocate_array((e->options.max_probes + e->options.together) * (1 + e->tensors),
                                      sizeof(double));
        e->exact = ll_allocate_zeroed((size_t)(1 + e->tensors) * sizeof(double));
        if (e->q == NULL || e->probes == NULL || e->values == NULL || e->exact == NULL)
            status = ll_fail_memory(error, module,
                                    (size_t)((vectors + e->sketch) * e->n) * ll_real_bytes(e->type));
    }
    if (status != LL_OK) estimator_deinit(e);
    return status;
}

static void draw(const estimator *e, const char *purpose, int64_t number, void *z)
{
    char name[32];
    snprintf(name, sizeof name, "%lld", (long long)number);
    ll_rng rng = ll_rng_make(e->options.seed, purpose, name);
    if (e->type == LL_REAL_FLOAT32)
        for (int64_t i = 0; i < e->n; i++) ((float *)z)[i] = (float)ll_rng_rademacher(rng, (uint64_t)i);
    else
        for (int64_t i = 0; i < e->n; i++) ((double *)z)[i] = ll_rng_rademacher(rng, (uint64_t)i);
}

/* row[0] = a . b; row[1 + l] = the part of tensor l. */
static void split_dot(const estimator *e, const void *a, const void *b, double *row)
{
    row[0] = ll_vector_dot(e->type, e->n, a, b);
    for (int64_t l = 0; l < e->tensors; l++) {
        int64_t offset = e->op.target.parameter != NULL ? 0 : e->op.info->parameter[l].offset;
        int64_t count = e->op.target.parameter != NULL ? e->n : e->op.info->parameter[l].count;
        row[1 + l] =
            ll_vector_dot(e->type, count, ll_vector_at(e->type, a, offset), ll_vector_at(e->type, b, offset));
    }
}

static ll_status stopped(const estimator *e, ll_error *error)
{
    if (!ll_sink_should_stop(e->sink)) return LL_OK;
    return ll_fail(error, LL_CANCELLED, module, e->op.info->name, "stopped after %lld probes",
                   (long long)e->done);
}

/* A finished piece of exactly `count` bytes; a piece of another size belongs to another run and is refused.
 */
static ll_status find_piece(const ll_sink *sink, const char *name, void *to, size_t count, bool *found,
                            ll_error *error)
{
    void *bytes = NULL;
    size_t got = 0;
    *found = ll_sink_find(sink, name, &bytes, &got);
    if (*found && got != count) {
        ll_free(bytes);
        return ll_fail(error, LL_INVALID_ARGUMENT, module, name,
                       "a stored piece has %zu bytes; this run's have %zu", got, count);
    }
    if (*found) memcpy(to, bytes, count);
    ll_free(bytes);
    return LL_OK;
}

/* ---------------------------------------------------------------- Hutch++ sketch */

/* w orthogonal to the first `count` columns of Q, twice. */
static void project_out(const estimator *e, int64_t count, void *w)
{
    for (int pass = 0; pass < 2; pass++)
        for (int64_t j = 0; j < count; j++) {
            const void *column = nth(e, e->q, j);
            ll_vector_add(e->type, e->n, -ll_vector_dot(e->type, e->n, column, w), column, w);
        }
}

/* Q = orthonormal basis of H S, S random; exact = trace of Q'HQ, whole and by tensor. */
static ll_status make_sketch(estimator *e, ll_error *error)
{
    size_t head = (size_t)(2 + e->tensors) * sizeof(double),
           body = (size_t)(e->sketch * e->n) * ll_real_bytes(e->type);
    unsigned char *piece = ll_allocate(head + body);
    if (piece == NULL) return ll_fail_memory(error, module, head + body);
    bool found = false;
    ll_status status = find_piece(e->sink, "sketch", piece, head + body, &found, error);
    double rank = 0;
    if (status == LL_OK && found) {
        memcpy(&rank, piece, sizeof rank);
        memcpy(e->exact, piece + sizeof rank, head - sizeof rank);
        memcpy(e->q, piece + head, body);
        e->sketch = (int64_t)rank;
    }
    int64_t kept = 0, together = e->options.together;
    for (int64_t i = 0; status == LL_OK && !found && i < e->sketch; i++) {
        void *z = nth(e, e->probes, 0), *column = nth(e, e->q, kept);
        const void *vector = z;
        draw(e, "sketch", i, z);
        status = curvature_operator_apply(&e->op, NULL, 1, &vector, &column, error);
        double before = ll_vector_norm(e->type, e->n, column);
        project_out(e, kept, column);
        double after = ll_vector_norm(e->type, e->n, column);
        if (!isfinite(after)) e->finite = false;
        /* A column in the span of the others (low rank) adds nothing. */
        if (e->finite && after > 1e-5 * before) {
            ll_vector_scale(e->type, e->n, 1.0 / after, column);
            project_out(e, kept, column);
            ll_vector_scale(e->type, e->n, 1.0 / ll_vector_norm(e->type, e->n, column), column);
            kept++;
        }
    }
    if (status == LL_OK && !found) {
        double *row = e->values;
        e->sketch = kept;
        for (int64_t i = 0; status == LL_OK && i < kept; i++) {
            const void *column = nth(e, e->q, i);
            void *product = nth(e, e->probes, together);
            status = curvature_operator_apply(&e->op, NULL, 1, &column, &product, error);
            split_dot(e, column, product, row);
            for (int64_t l = 0; l <= e->tensors; l++) e->exact[l] += row[l];
        }
        rank = (double)kept;
        memcpy(piece, &rank, sizeof rank);
        memcpy(piece + sizeof rank, e->exact, head - sizeof rank);
        memcpy(piece + head, e->q, body);
        if (status == LL_OK && e->finite) status = ll_sink_put(e->sink, "sketch", piece, head + body, error);
    }
    ll_free(piece);
    return status;
}

/* ---------------------------------------------------------------- trace */

static ll_status trace_group(estimator *e, ll_error *error)
{
    int64_t together = e->options.together, width = 1 + e->tensors;
    double *rows = e->values + e->done * width;
    char name[40];
    snprintf(name, sizeof name, "probe/%lld", (long long)e->done);
    bool found = false;
    size_t bytes = (size_t)(together * width) * sizeof(double);
    LL_TRY(find_piece(e->sink, name, rows, bytes, &found, error));
    if (!found) {
        LL_TRY(stopped(e, error));
        const void *vectors[CURVATURE_MAX_BLOCK];
        void *products[CURVATURE_MAX_BLOCK];
        for (int64_t i = 0; i < together; i++) {
            void *z = nth(e, e->probes, i);
            draw(e, "trace", e->done + i, z);
            project_out(e, e->sketch, z);
            vectors[i] = z;
            products[i] = nth(e, e->probes, together + i);
        }
        LL_TRY(curvature_operator_apply(&e->op, NULL, together, vectors, products, error));
        void *whole = nth(e, e->probes, 2 * together);
        for (int64_t i = 0; i < together; i++) {
            /* By tensor the probe on the left is the whole one: E[g_l' (H (I - QQ') g)_l] is the tensor's
             * share of what the sketch leaves; in the sum the projected probe on both sides varies less. */
            draw(e, "trace", e->done + i, whole);
            split_dot(e, whole, products[i], rows + i * width);
            rows[i * width] = ll_vector_dot(e->type, e->n, vectors[i], products[i]);
        }
        LL_TRY(ll_sink_put(e->sink, name, rows, bytes, error));
    }
    for (int64_t i = 0; i < together; i++)
        if (!isfinite(rows[i * width])) e->finite = false;
    e->done += together;
    return LL_OK;
}

/* Mean and standard error of column l over the probes so far, sketch included. */
static void summarise(const estimator *e, int64_t l, double *mean, double *standard_error)
{
    int64_t width = 1 + e->tensors;
    double sum = 0, squares = 0, count = (double)e->done;
    for (int64_t i = 0; i < e->done; i++) sum += e->values[i * width + l];
    for (int64_t i = 0; i < e->done; i++) squares += pow(e->values[i * width + l] - sum / count, 2);
    *mean = e->exact[l] + sum / count;
    *standard_error = sqrt(squares / (count * (count - 1)));
}

static ll_status set_tensors(const estimator *e, ll_record *record, ll_error *error)
{
    double *means = ll_allocate_array(2 * e->tensors, sizeof *means);
    ll_text names = {0};
    ll_status status =
        means == NULL ? ll_fail_memory(error, module, (size_t)(2 * e->tensors) * sizeof *means) : LL_OK;
    for (int64_t l = 0; status == LL_OK && l < e->tensors; l++) {
        summarise(e, 1 + l, &means[l], &means[e->tensors + l]);
        ll_text_format(&names, "%s%s", l > 0 ? "\n" : "",
                       e->op.target.parameter != NULL ? e->op.target.parameter
                                                      : e->op.info->parameter[l].name);
    }
    if (status == LL_OK && names.failed) status = ll_fail_memory(error, module, names.capacity);
    if (status == LL_OK) status = ll_record_set_text(record, "tensor_names", names.text, error);
    if (status == LL_OK) status = ll_record_set_reals(record, "tensor_trace", "", means, e->tensors, error);
    if (status == LL_OK)
        status =
            ll_record_set_reals(record, "tensor_standard_error", "", means + e->tensors, e->tensors, error);
    ll_text_deinit(&names);
    ll_free(means);
    return status;
}

static ll_status fill_trace(estimator *e, const char *reason, double mean, double standard_error,
                            ll_record *record, ll_error *error)
{
    LL_TRY(curvature_describe(&e->op, record, error));
    LL_TRY(ll_record_set_text(record, "method",
                              e->options.method == LL_TRACE_HUTCHPP ? "hutch++" : "hutchinson", error));
    LL_TRY(ll_record_set_real(record, "trace", "", mean, error));
    LL_TRY(ll_record_set_real(record, "standard_error", "", standard_error, error));
    LL_TRY(ll_record_set_text(record, "reason", reason, error));
    LL_TRY(ll_record_set_integer(record, "probes", "probes", e->done, error));
    LL_TRY(ll_record_set_integer(record, "sketch", "vectors", e->sketch, error));
    LL_TRY(ll_record_set_integer(record, "products", "products", e->done + 2 * e->sketch, error));
    LL_TRY(ll_record_set_real(record, "tolerance", "", e->options.tolerance, error));
    LL_TRY(ll_record_set_integer(record, "seed", "", (int64_t)e->options.seed, error));
    if (e->done < 2) return LL_OK;
    double *values = ll_allocate_array(e->done, sizeof *values);
    if (values == NULL) return ll_fail_memory(error, module, (size_t)e->done * sizeof *values);
    for (int64_t i = 0; i < e->done; i++) values[i] = e->values[i * (1 + e->tensors)];
    ll_status status = ll_record_set_reals(record, "probe_values", "", values, e->done, error);
    ll_free(values);
    LL_TRY(status);
    return set_tensors(e, record, error);
}

static void report(const estimator *e, double standard_error)
{
    ll_progress progress = {.what = "trace",
                            .done = e->done,
                            .total = e->options.max_probes,
                            .value = standard_error,
                            .value_name = "standard error"};
    ll_sink_progress(e->sink, &progress);
}

static ll_status run_trace(estimator *e, ll_record *record, ll_error *error)
{
    const char *reason = "maximum probes";
    double mean = NAN, standard_error = NAN;
    if (e->sketch > 0) LL_TRY(make_sketch(e, error));
    while (e->finite && e->done < e->options.max_probes) {
        LL_TRY(trace_group(e, error));
        if (e->done < 2) continue; /* one probe has no standard error */
        summarise(e, 0, &mean, &standard_error);
        report(e, standard_error);
        if (e->done >= e->options.min_probes &&
            standard_error <= fmax(e->options.tolerance * fabs(mean), e->options.absolute_tolerance)) {
            reason = "standard error reached";
            break;
        }
    }
    if (!e->finite) reason = "non-finite product";
    return fill_trace(e, reason, mean, standard_error, record, error);
}

/* ---------------------------------------------------------------- diagonal */

static ll_status run_diagonal(estimator *e, ll_record *record, ll_error *error)
{
    int64_t n = e->n, together = e->options.together;
    double *sums = ll_allocate_zeroed((size_t)(2 * n) * sizeof *sums), *squares = sums + n, relative = NAN;
    if (sums == NULL) return ll_fail_memory(error, module, (size_t)(2 * n) * sizeof *sums);
    const char *reason = "maximum probes";
    ll_status status = LL_OK;
    while (e->finite && e->done < e->options.max_probes) {
        char name[40];
        snprintf(name, sizeof name, "diagonal/%lld", (long long)e->done);
        bool found = false;
        status = find_piece(e->sink, name, sums, (size_t)(2 * n) * sizeof *sums, &found, error);
        if (status == LL_OK && !found) status = stopped(e, error);
        const void *vectors[CURVATURE_MAX_BLOCK];
        void *products[CURVATURE_MAX_BLOCK];
        for (int64_t i = 0; status == LL_OK && !found && i < together; i++) {
            void *z = nth(e, e->probes, i);
            draw(e, "diagonal", e->done + i, z);
            vectors[i] = z;
            products[i] = nth(e, e->probes, together + i);
        }
        if (status == LL_OK && !found)
            status = curvature_operator_apply(&e->op, NULL, together, vectors, products, error);
        for (int64_t p = 0; status == LL_OK && !found && p < together; p++)
            for (int64_t i = 0; i < n; i++) {
                double value = ll_vector_get(e->type, vectors[p], i) * ll_vector_get(e->type, products[p], i);
                sums[i] += value;
                squares[i] += value * value;
            }
        if (status == LL_OK && !found)
            status = ll_sink_put(e->sink, name, sums, (size_t)(2 * n) * sizeof *sums, error);
        if (status != LL_OK) break;
        e->done += together;
        double count = (double)e->done, errors = 0, length = 0;
        if (e->done < 2) continue;
        for (int64_t i = 0; i < n; i++) {
            double mean = sums[i] / count;
            errors += fmax(squares[i] / count - mean * mean, 0) / (count - 1);
            length += mean * mean;
        }
        if (!isfinite(length)) e->finite = false;
        relative = length > 0 ? sqrt(errors / length) : 0;
        report(e, relative);
        if (e->done >= e->options.min_probes && relative <= e->options.tolerance) {
            reason = "standard error reached";
            break;
        }
    }
    if (status == LL_OK) {
        double count = (double)e->done;
        for (int64_t i = 0; i < n; i++) {
            sums[i] /= count;
            squares[i] = sqrt(fmax(squares[i] / count - sums[i] * sums[i], 0) / (count - 1));
        }
        status = curvature_describe(&e->op, record, error);
        if (status == LL_OK) status = ll_record_set_reals(record, "diagonal", "", sums, n, error);
        if (status == LL_OK) status = ll_record_set_reals(record, "standard_error", "", squares, n, error);
        if (status == LL_OK) status = ll_record_set_real(record, "relative_error", "", relative, error);
        if (status == LL_OK) status = ll_record_set_integer(record, "probes", "probes", e->done, error);
        if (status == LL_OK)
            status = ll_record_set_text(record, "reason", e->finite ? reason : "non-finite product", error);
        if (status == LL_OK)
            status = ll_record_set_integer(record, "seed", "", (int64_t)e->options.seed, error);
    }
    ll_free(sums);
    return status;
}

/* ---------------------------------------------------------------- entry points */

static ll_status run(const char *kind, ll_status (*body)(estimator *, ll_record *, ll_error *),
                     const ll_curvature_target *target, const ll_trace_options *options, const ll_sink *sink,
                     ll_record **record, ll_error *error)
{
    estimator e;
    LL_TRY(estimator_init(&e, target, options, sink, error));
    ll_record *made = ll_record_create(kind);
    ll_status status = made == NULL ? ll_fail_memory(error, module, 0) : body(&e, made, error);
    estimator_deinit(&e);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

ll_status ll_curvature_trace(const ll_curvature_target *target, const ll_trace_options *options,
                             const ll_sink *sink, ll_record **record, ll_error *error)
{
    return run("trace", run_trace, target, options, sink, record, error);
}

ll_status ll_curvature_diagonal(const ll_curvature_target *target, const ll_trace_options *options,
                                const ll_sink *sink, ll_record **record, ll_error *error)
{
    ll_trace_options plain = options != NULL ? *options : (ll_trace_options){0};
    plain.method = LL_TRACE_HUTCHINSON;
    return run("diagonal", run_diagonal, target, &plain, sink, record, error);
}
