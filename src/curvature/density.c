/* Spectral density by stochastic Lanczos quadrature. Probes of a group advance in lock step and share block
 * products; each probe's quadrature (nodes, weights) is a piece of its group. */
#include "curvature/curvature_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "curvature";

enum { MOMENTS = 5 };

typedef struct quadrature {
    curvature_operator op;
    ll_density_options options;
    const ll_sink *sink;
    ll_real type;
    int64_t n, steps, probes;
    unsigned char *basis;           /* together x (steps + 1) vectors */
    double *alpha, *beta;           /* together x steps */
    double *dense, *ritz, *values;  /* steps x steps, steps x steps, steps */
    double *nodes, *weights, *used; /* probes x steps, twice; probes */
    bool finite;
} quadrature;

static ll_status fill_options(quadrature *q, const ll_density_options *given, int64_t n, ll_error *error)
{
    q->options = given != NULL ? *given : (ll_density_options){0};
    ll_density_options *o = &q->options;
    o->steps = ll_min_int64(n, option_or(o->steps, 80));
    o->probes = option_or(o->probes, 10);
    o->together = ll_min_int64(option_or(o->together, 2), o->probes);
    o->grid = option_or(o->grid, 512);
    if (o->steps < 1 || o->probes < 2 || o->together < 1 || o->together > CURVATURE_MAX_BLOCK ||
        o->grid < 2 || !(o->width >= 0) || !isfinite(o->width))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "density",
                       "steps %lld (at least 1), probes %lld (at least 2), together %lld (1..%d), grid %lld "
                       "(at least 2), "
                       "width %g (not negative)",
                       (long long)o->steps, (long long)o->probes, (long long)o->together, CURVATURE_MAX_BLOCK,
                       (long long)o->grid, o->width);
    q->steps = o->steps;
    q->probes = o->probes;
    q->n = n;
    return LL_OK;
}

static ll_status storage(const quadrature *q, ll_real type, size_t *vectors, size_t *doubles, ll_error *error)
{
    size_t count = (size_t)(q->options.together * (q->steps + 1));
    *doubles = (size_t)(2 * q->options.together * q->steps + 2 * q->steps * q->steps + q->steps +
                        2 * q->probes * q->steps + q->probes);
    if (!ll_multiply_size(count, (size_t)q->n, vectors) ||
        !ll_multiply_size(*vectors, ll_real_bytes(type), vectors))
        return ll_fail(error, LL_TOO_LARGE, module, "density", "%zu vectors of %lld values", count,
                       (long long)q->n);
    return LL_OK;
}

static void *basis_at(const quadrature *q, int64_t probe, int64_t step)
{
    return q->basis + (size_t)((probe * (q->steps + 1) + step) * q->n) * ll_real_bytes(q->type);
}

static void start(const quadrature *q, int64_t probe, void *v)
{
    char name[32];
    snprintf(name, sizeof name, "%lld", (long long)probe);
    ll_rng rng = ll_rng_make(q->options.seed, "density", name);
    double scale = 1.0 / sqrt((double)q->n);
    for (int64_t i = 0; i < q->n; i++) {
        double x = scale * ll_rng_rademacher(rng, (uint64_t)i);
        if (q->type == LL_REAL_FLOAT32) ((float *)v)[i] = (float)x;
        else ((double *)v)[i] = x;
    }
}

/* Nodes and weights of probe `slot`'s tridiagonal matrix of `used` rows. */
static void gauss(quadrature *q, int64_t slot, int64_t used, double *nodes, double *weights)
{
    const double *alpha = q->alpha + slot * q->steps, *beta = q->beta + slot * q->steps;
    memset(q->dense, 0, (size_t)(used * used) * sizeof *q->dense);
    for (int64_t i = 0; i < used; i++) {
        q->dense[i * used + i] = alpha[i];
        if (i + 1 < used) q->dense[i * used + i + 1] = q->dense[(i + 1) * used + i] = beta[i];
    }
    curvature_dense_eigen(used, q->dense, q->values, q->ritz);
    for (int64_t i = 0; i < q->steps; i++) {
        nodes[i] = q->values[i < used ? i : used - 1];
        weights[i] = i < used ? q->ritz[i] * q->ritz[i] : 0.0; /* first row: first components */
    }
}

/* One more Lanczos step for the probes that go on. */
static ll_status advance(quadrature *q, int64_t count, int64_t j, int64_t *used, ll_error *error)
{
    const void *vectors[CURVATURE_MAX_BLOCK];
    void *products[CURVATURE_MAX_BLOCK];
    int64_t active[CURVATURE_MAX_BLOCK], actives = 0;
    for (int64_t p = 0; p < count; p++)
        if (used[p] == j) {
            vectors[actives] = basis_at(q, p, j);
            products[actives] = basis_at(q, p, j + 1);
            active[actives++] = p;
        }
    if (actives == 0) return LL_OK;
    LL_TRY(curvature_operator_apply(&q->op, NULL, actives, vectors, products, error));
    for (int64_t a = 0; a < actives; a++) {
        int64_t p = active[a];
        void *w = products[a];
        double alpha = ll_vector_dot(q->type, q->n, vectors[a], w), before = ll_vector_norm(q->type, q->n, w);
        if (!isfinite(before)) q->finite = false;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t i = j; i >= 0; i--) {
                const void *v = basis_at(q, p, i);
                ll_vector_add(q->type, q->n, -ll_vector_dot(q->type, q->n, v, w), v, w);
            }
        double beta = ll_vector_norm(q->type, q->n, w);
        q->alpha[p * q->steps + j] = alpha;
        q->beta[p * q->steps + j] = beta;
        double epsilon = q->type == LL_REAL_FLOAT32 ? 0x1p-23 : 0x1p-52;
        double scale = fabs(alpha);
        for (int64_t i = 0; i < j; i++)
            scale = fmax(scale, fabs(q->alpha[p * q->steps + i]) + q->beta[p * q->steps + i]);
        /* The Krylov space is exhausted when nothing is left but rounding: the quadrature is then exact. */
        if (q->finite && beta > 16.0 * epsilon * scale && j + 1 < q->steps) {
            ll_vector_scale(q->type, q->n, 1.0 / beta, w);
            used[p] = j + 1;
        } else used[p] = -(j + 1); /* ended with j + 1 rows */
    }
    return LL_OK;
}

static ll_status group(quadrature *q, int64_t first, ll_error *error)
{
    int64_t count = ll_min_int64(q->options.together, q->probes - first), m = q->steps;
    double *nodes = q->nodes + first * m, *weights = q->weights + first * m;
    char name[40];
    snprintf(name, sizeof name, "probe/%lld", (long long)first);
    size_t row = (size_t)m * sizeof(double), bytes = (size_t)count * (2 * row + sizeof(double));
    void *found = NULL;
    size_t got = 0;
    if (ll_sink_find(q->sink, name, &found, &got)) {
        piece_reader reader = {found, got, 0};
        bool good = got == bytes && piece_take(&reader, nodes, (size_t)count * row) &&
                    piece_take(&reader, weights, (size_t)count * row) &&
                    piece_take(&reader, q->used + first, (size_t)count * sizeof(double));
        ll_free(found);
        if (!good)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, name,
                           "a stored piece has %zu bytes; this run's have %zu", got, bytes);
        return LL_OK;
    }
    int64_t used[CURVATURE_MAX_BLOCK] = {0};
    for (int64_t p = 0; p < count; p++) start(q, first + p, basis_at(q, p, 0));
    for (int64_t j = 0; j < m && q->finite; j++) {
        if (ll_sink_should_stop(q->sink))
            return ll_fail(error, LL_CANCELLED, module, q->op.info->name, "stopped at probe %lld",
                           (long long)first);
        LL_TRY(advance(q, count, j, used, error));
    }
    if (!q->finite) return LL_OK;
    for (int64_t p = 0; p < count; p++) {
        q->used[first + p] = (double)-used[p];
        gauss(q, p, -used[p], nodes + p * m, weights + p * m);
    }
    ll_text piece = {0};
    ll_text_append_bytes(&piece, nodes, (size_t)count * row);
    ll_text_append_bytes(&piece, weights, (size_t)count * row);
    ll_text_append_bytes(&piece, q->used + first, (size_t)count * sizeof(double));
    ll_status status = piece.failed ? ll_fail_memory(error, module, bytes)
                                    : ll_sink_put(q->sink, name, piece.text, piece.length, error);
    ll_text_deinit(&piece);
    return status;
}

/* ---------------------------------------------------------------- record */

static void mean_and_error(const double *values, int64_t count, double *mean, double *standard_error)
{
    double sum = 0, squares = 0, number = (double)count;
    for (int64_t i = 0; i < count; i++) sum += values[i];
    *mean = sum / number;
    for (int64_t i = 0; i < count; i++) squares += pow(values[i] - *mean, 2);
    *standard_error = sqrt(squares / (number * (number - 1)));
}

/* f summed over each probe's quadrature: per_probe[p] = sum w f(x). */
static void integrate(const quadrature *q, double (*f)(double x, const double *arguments),
                      const double *arguments, double *per_probe)
{
    for (int64_t p = 0; p < q->probes; p++) {
        per_probe[p] = 0;
        for (int64_t i = 0; i < q->steps; i++) {
            double weight = q->weights[p * q->steps + i];
            if (weight > 0) per_probe[p] += weight * f(q->nodes[p * q->steps + i], arguments);
        }
    }
}

static double power_of(double x, const double *k) { return pow(x, *k); }
static double is_negative(double x, const double *limit) { return x < -*limit; }
static double kernel(double x, const double *center_and_width)
{
    double z = (x - center_and_width[0]) / center_and_width[1];
    return exp(-0.5 * z * z) / (center_and_width[1] * 2.50662827463100050242);
}

static ll_status set_matrix(ll_record *record, const char *name, const double *values, int64_t rows,
                            int64_t columns, ll_error *error)
{
    ll_array array = {.type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {rows, columns}};
    union { /* ll_array's data is not const; set_array copies it */
        const double *from;
        void *to;
    } alias = {values};
    array.data = alias.to;
    return ll_record_set_array(record, name, "", &array, error);
}

static ll_status set_density(const quadrature *q, ll_record *record, double *work, ll_error *error)
{
    int64_t g = q->options.grid;
    double *per_probe = work, *grid = work + q->probes, *density = grid + g, *band = density + g;
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < q->probes * q->steps; i++) {
        low = fmin(low, q->nodes[i]);
        high = fmax(high, q->nodes[i]);
    }
    double width = q->options.width;
    if (width == 0) width = high > low ? (high - low) / 100 : fmax(fabs(high), 1.0) / 100;
    double from = low - 4 * width, to = high + 4 * width;
    for (int64_t i = 0; i < g; i++) {
        grid[i] = ((double)(g - 1 - i) * from + (double)i * to) / (double)(g - 1);
        double arguments[2] = {grid[i], width};
        integrate(q, kernel, arguments, per_probe);
        mean_and_error(per_probe, q->probes, &density[i], &band[i]);
    }
    LL_TRY(ll_record_set_reals(record, "grid", "", grid, g, error));
    LL_TRY(ll_record_set_reals(record, "density", "", density, g, error));
    LL_TRY(ll_record_set_reals(record, "density_standard_error", "", band, g, error));
    LL_TRY(ll_record_set_real(record, "width", "", width, error));
    double moments[MOMENTS], errors[MOMENTS], mass = 0, mass_error = 0;
    for (int k = 0; k < MOMENTS; k++) {
        double exponent = k;
        integrate(q, power_of, &exponent, per_probe);
        mean_and_error(per_probe, q->probes, &moments[k], &errors[k]);
    }
    /* Values within the rounding of the products count as zero, not as negative. */
    double limit = 64.0 * (q->type == LL_REAL_FLOAT32 ? 0x1p-23 : 0x1p-52) * fmax(fabs(low), fabs(high));
    integrate(q, is_negative, &limit, per_probe);
    mean_and_error(per_probe, q->probes, &mass, &mass_error);
    LL_TRY(ll_record_set_reals(record, "moments", "", moments, MOMENTS, error));
    LL_TRY(ll_record_set_reals(record, "moment_standard_error", "", errors, MOMENTS, error));
    LL_TRY(ll_record_set_real(record, "negative_mass", "", mass, error));
    return ll_record_set_real(record, "negative_mass_standard_error", "", mass_error, error);
}

static ll_status fill_record(quadrature *q, ll_record *record, ll_error *error)
{
    LL_TRY(curvature_describe(&q->op, record, error));
    LL_TRY(ll_record_set_integer(record, "steps", "", q->steps, error));
    LL_TRY(ll_record_set_integer(record, "probes", "probes", q->probes, error));
    LL_TRY(ll_record_set_integer(record, "seed", "", (int64_t)q->options.seed, error));
    LL_TRY(ll_record_set_text(record, "reason", q->finite ? "complete" : "non-finite product", error));
    if (!q->finite) return LL_OK;
    LL_TRY(set_matrix(record, "nodes", q->nodes, q->probes, q->steps, error));
    LL_TRY(set_matrix(record, "weights", q->weights, q->probes, q->steps, error));
    LL_TRY(ll_record_set_reals(record, "steps_used", "", q->used, q->probes, error));
    double *work = ll_allocate_array(q->probes + 3 * q->options.grid, sizeof *work);
    if (work == NULL) return ll_fail_memory(error, module, (size_t)q->options.grid * sizeof *work);
    ll_status status = set_density(q, record, work, error);
    ll_free(work);
    return status;
}

static ll_status run(quadrature *q, ll_record *record, ll_error *error)
{
    for (int64_t first = 0; first < q->probes && q->finite; first += q->options.together) {
        LL_TRY(group(q, first, error));
        ll_progress progress = {.what = "density",
                                .done = ll_min_int64(first + q->options.together, q->probes),
                                .total = q->probes,
                                .value = NAN};
        ll_sink_progress(q->sink, &progress);
    }
    return fill_record(q, record, error);
}

ll_status ll_curvature_density(const ll_curvature_target *target, const ll_density_options *options,
                               const ll_sink *sink, ll_record **record, ll_error *error)
{
    quadrature q = {.sink = sink, .finite = true};
    LL_TRY(curvature_operator_init(&q.op, target, CURVATURE_MAX_BLOCK, error));
    q.type = q.op.type;
    size_t vectors = 0, doubles = 0;
    ll_record *made = NULL;
    double *work = NULL;
    ll_status status = fill_options(&q, options, q.op.n, error);
    if (status == LL_OK) status = storage(&q, q.type, &vectors, &doubles, error);
    if (status == LL_OK) {
        q.basis = ll_allocate(vectors);
        work = ll_allocate_zeroed(doubles * sizeof *work);
        made = ll_record_create("density");
        if (q.basis == NULL || work == NULL || made == NULL)
            status = ll_fail_memory(error, module, vectors + doubles * sizeof *work);
    }
    if (status == LL_OK) {
        int64_t m = q.steps, together = q.options.together;
        q.alpha = work;
        q.beta = q.alpha + together * m;
        q.dense = q.beta + together * m;
        q.ritz = q.dense + m * m;
        q.values = q.ritz + m * m;
        q.nodes = q.values + m;
        q.weights = q.nodes + q.probes * m;
        q.used = q.weights + q.probes * m;
        status = run(&q, made, error);
    }
    curvature_operator_deinit(&q.op);
    ll_free(q.basis);
    ll_free(work);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

ll_status ll_curvature_density_memory(const ll_curvature_target *target, const ll_density_options *options,
                                      size_t *bytes, ll_error *error)
{
    quadrature q = {0};
    curvature_operator op;
    LL_TRY(curvature_operator_init(&op, target, 1, error));
    int64_t n = op.n;
    ll_real type = op.type;
    curvature_operator_deinit(&op);
    LL_TRY(fill_options(&q, options, n, error));
    size_t vectors = 0, doubles = 0, inner = 0;
    LL_TRY(storage(&q, type, &vectors, &doubles, error));
    LL_TRY(curvature_operator_memory(target, q.options.together, &inner, error));
    if (!ll_add_size(vectors + doubles * sizeof(double), inner, bytes))
        return ll_fail(error, LL_TOO_LARGE, module, "density", "more memory than can be counted");
    return LL_OK;
}
