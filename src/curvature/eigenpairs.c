/* Thick-restart Lanczos with full re-orthogonalisation and an explicitly projected matrix.
 *
 * The basis V (size columns) is orthonormal to the rounding of the Problem's type, T = V'HV is computed entry
 * by entry in double instead of being assumed tridiagonal, and H V = V T + Q R E', where Q (next columns) is
 * the block to expand with, and E picks the `last` columns of V expanded last. So the residual of a Ritz pair
 * (theta, V y) is |R y_last|. A restart keeps the best Ritz vectors and Q; the relation survives with T
 * diagonal. Everything is written for blocks; a block of one vector needs the fewest products. */
#include "curvature/curvature_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "curvature";

enum { TILE = 256, PIECE_MAGIC = 0x4c4c4b31 };

typedef struct solver {
    curvature_operator op;
    ll_eigen_options options; /* with defaults filled in */
    const ll_sink *sink;
    int64_t n, wanted;
    int64_t capacity, keep; /* basis vectors; kept at a restart */
    int64_t slots;          /* vectors allocated: capacity and two blocks */
    unsigned char *vectors;
    double *projected;           /* T, capacity x capacity */
    double *work, *ritz;         /* capacity x capacity each */
    double *values, *estimate;   /* capacity: all Ritz values ascending; residual estimates */
    int64_t *order;              /* capacity: Ritz pairs, most wanted first */
    double *tile;                /* capacity x TILE */
    double *previous;            /* wanted: values before a confirmation */
    double *measured, *residual; /* wanted */
    double coupling[CURVATURE_MAX_BLOCK * CURVATURE_MAX_BLOCK]; /* R, next x last, row-major */
    int64_t size, next, last, restarts,
        products_before; /* products of earlier runs that this one continues */
    uint64_t fresh;      /* random vectors drawn so far */
    double scale;        /* largest |Ritz value| of the last projection */
    bool confirmed, finite;
} solver;

static void *vector_at(const solver *s, int64_t j)
{
    return s->vectors + (size_t)j * (size_t)s->n * ll_real_bytes(s->op.type);
}
static int64_t products_spent(const solver *s) { return s->products_before + s->op.products; }
static double type_epsilon(const solver *s) { return s->op.type == LL_REAL_FLOAT32 ? 0x1p-23 : 0x1p-52; }

static double floor_of(const solver *s) { return 8.0 * type_epsilon(s) * s->scale / s->options.tolerance; }

/* ---------------------------------------------------------------- set-up */

static ll_status fill_options(solver *s, const ll_curvature_target *target, const ll_eigen_options *options,
                              int64_t n, ll_error *error)
{
    static const ll_eigen_options defaults = {0};
    s->options = options != NULL ? *options : defaults;
    ll_eigen_options *o = &s->options;
    const char *place = ll_problem_view(target->problem)->name;
    o->count = option_or(o->count, ll_min_int64(10, n));
    if (o->tolerance == 0) o->tolerance = 1e-3;
    o->block = option_or(o->block, 1);
    o->max_products = option_or(o->max_products, 2000);
    o->confirm_products = o->confirm_products < 0 ? 0 : option_or(o->confirm_products, 8);
    o->sampling_subsets = o->sampling_subsets < 0 ? 0 : option_or(o->sampling_subsets, 5);
    if ((unsigned)o->end > LL_EIGEN_MAGNITUDE)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "end %d of the spectrum does not exist",
                       (int)o->end);
    s->wanted = o->end == LL_EIGEN_BOTH ? 2 * o->count : o->count;
    if (o->count < 1 || s->wanted > n)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                       "%lld eigenpairs are wanted of a matrix with %lld rows", (long long)s->wanted,
                       (long long)n);
    if (!(o->tolerance > 0) || !isfinite(o->tolerance))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "tolerance %g; it must be positive",
                       o->tolerance);
    if (o->block < 1 || o->block > CURVATURE_MAX_BLOCK)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "block %lld; 1..%d are possible",
                       (long long)o->block, CURVATURE_MAX_BLOCK);
    if (o->max_products < 2 * s->wanted)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                       "max_products %lld; finding and measuring %lld pairs takes at least %lld",
                       (long long)o->max_products, (long long)s->wanted, (long long)(2 * s->wanted));
    if (o->warm_count < 0 || (o->warm_count > 0 && o->warm == NULL))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place, "warm vectors are announced but not given");
    if (o->sampling_subsets != 0 && o->sampling_subsets < 5)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                       "%lld sampling subsets; at least 5 are needed", (long long)o->sampling_subsets);
    int64_t least = s->wanted + 2 * o->block + 1;
    if (o->basis != 0 && o->basis < ll_min_int64(least, n))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, place,
                       "a basis of %lld vectors; %lld are needed at least", (long long)o->basis,
                       (long long)ll_min_int64(least, n));
    o->basis = ll_min_int64(n, ll_max_int64(least, option_or(o->basis, 2 * s->wanted + 10)));
    s->capacity = o->basis;
    s->keep = ll_min_int64(s->wanted + (s->capacity - s->wanted) / 3,
                           ll_max_int64(s->wanted, s->capacity - 2 * o->block));
    s->slots = s->capacity + 2 * o->block;
    s->n = n;
    return LL_OK;
}

static ll_status storage_bytes(const solver *s, ll_real type, size_t *bytes, ll_error *error)
{
    size_t small = 0, vectors = 0, m = (size_t)s->capacity;
    bool fits = ll_multiply_size(m, m, &small) && ll_multiply_size(small, 3 * sizeof(double), &small) &&
                ll_multiply_size((size_t)s->slots, (size_t)s->n, &vectors) &&
                ll_multiply_size(vectors, ll_real_bytes(type), &vectors) &&
                ll_add_size(vectors, small + m * (TILE + 8) * sizeof(double), bytes);
    if (!fits)
        return ll_fail(error, LL_TOO_LARGE, module, NULL, "%lld vectors of %lld values", (long long)s->slots,
                       (long long)s->n);
    return LL_OK;
}

static void solver_deinit(solver *s)
{
    curvature_operator_deinit(&s->op);
    ll_free(s->vectors);
    ll_free(s->projected);
    ll_free(s->values);
    ll_free(s->order);
    ll_free(s->tile);
}

static ll_status solver_init(solver *s, const ll_curvature_target *target, const ll_eigen_options *options,
                             const ll_sink *sink, ll_error *error)
{
    *s = (solver){.sink = sink, .finite = true};
    LL_TRY(curvature_operator_init(&s->op, target, 8, error));
    ll_status status = fill_options(s, target, options, s->op.n, error);
    size_t bytes = 0;
    if (status == LL_OK) status = storage_bytes(s, s->op.type, &bytes, error);
    if (status == LL_OK) {
        int64_t m = s->capacity;
        s->vectors = ll_allocate_array(s->slots * s->n, ll_real_bytes(s->op.type));
        s->projected = ll_allocate_zeroed((size_t)(3 * m * m) * sizeof(double));
        s->values = ll_allocate_zeroed((size_t)(2 * m + 3 * s->wanted) * sizeof(double));
        s->order = ll_allocate_array(m, sizeof *s->order);
        s->tile = ll_allocate_array(m * TILE, sizeof *s->tile);
        if (s->vectors == NULL || s->projected == NULL || s->values == NULL || s->order == NULL ||
            s->tile == NULL)
            status = ll_fail_memory(error, module, bytes);
        else {
            s->work = s->projected + m * m;
            s->ritz = s->projected + 2 * m * m;
            s->estimate = s->values + m;
            s->previous = s->values + 2 * m;
            s->measured = s->previous + s->wanted;
            s->residual = s->measured + s->wanted;
        }
    }
    if (status != LL_OK) solver_deinit(s);
    return status;
}

/* ---------------------------------------------------------------- basis */

/* w -= V (V' w) over the first `count` basis vectors, twice: after two passes of classical Gram-Schmidt w is
 * orthogonal to rounding (Giraud, Langou & Rozloznik 2005). coefficients, where wanted, get V' w. */
static void orthogonalise(solver *s, int64_t count, void *w, double *coefficients)
{
    double *c = s->tile; /* capacity doubles and more */
    const void *direction[1];
    if (coefficients != NULL) memset(coefficients, 0, (size_t)count * sizeof *coefficients);
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t j = 0; j < count; j++) c[j] = ll_vector_dot(s->op.type, s->n, vector_at(s, j), w);
        for (int64_t j = 0; j < count; j++) {
            direction[0] = vector_at(s, j);
            ll_vector_add(s->op.type, s->n, -c[j], direction[0], w);
            if (coefficients != NULL) coefficients[j] += c[j];
        }
    }
}

static void draw_random(solver *s, void *w)
{
    char name[32];
    snprintf(name, sizeof name, "%llu", (unsigned long long)s->fresh++);
    ll_rng rng = ll_rng_make(s->options.seed, "eigenpairs", name);
    double values[TILE];
    for (int64_t first = 0; first < s->n; first += TILE) {
        int64_t count = ll_min_int64(TILE, s->n - first);
        ll_rng_fill_normal(rng, (uint64_t)first, count, values);
        ll_vector_from_double(s->op.type, count, values, ll_vector_at_mutable(s->op.type, w, first));
    }
}

static void normalise(solver *s, void *w)
{
    double length = ll_vector_norm(s->op.type, s->n, w);
    if (length > 0) ll_vector_scale(s->op.type, s->n, 1.0 / length, w);
}

/* A random unit vector orthogonal to the first `count` vectors, into slot `count`. count < n. */
static void place_random(solver *s, int64_t count)
{
    void *w = vector_at(s, count);
    draw_random(s, w);
    normalise(s, w);
    orthogonalise(s, count, w, NULL);
    normalise(s, w);
    orthogonalise(s, count, w, NULL);
    normalise(s, w);
}

/* The start block. With warm vectors: their sum, a little noise against blind spots; the Krylov space of a
 * vector that lies almost in the wanted eigenspace finds it in about as many steps as it has dimensions. */
static void place_start(solver *s)
{
    for (int64_t i = 0; i < s->options.block && i < s->n; i++) place_random(s, i);
    if (s->options.warm_count > 0) {
        void *w = vector_at(s, 0);
        ll_vector_scale(s->op.type, s->n, 0.01, w);
        for (int64_t i = 0; i < s->options.warm_count; i++)
            ll_vector_add(s->op.type, s->n, 1.0, s->options.warm[i], w);
        normalise(s, w);
        for (int64_t i = 1; i < s->options.block && i < s->n; i++) {
            orthogonalise(s, i, vector_at(s, i), NULL);
            normalise(s, vector_at(s, i));
        }
    }
    s->next = ll_min_int64(s->options.block, s->n);
}

/* QR of the products W (slots size .. size + count - 1): accepted columns become the next block, R the
 * coupling. A column that vanishes means an invariant subspace: a random one with no coupling goes on from
 * there. */
static void factor_block(solver *s, int64_t count)
{
    double threshold = 16.0 * type_epsilon(s);
    for (int64_t i = 0; i < s->size; i++)
        threshold = fmax(threshold, 16.0 * type_epsilon(s) * fabs(s->projected[i * s->capacity + i]));
    int64_t accepted = 0;
    memset(s->coupling, 0, sizeof s->coupling);
    for (int64_t i = 0; i < count && s->size + accepted < s->n; i++) {
        void *w = vector_at(s, s->size + i), *slot = vector_at(s, s->size + accepted);
        for (int pass = 0; pass < 2; pass++)
            for (int64_t l = 0; l < accepted; l++) {
                const void *q = vector_at(s, s->size + l);
                double c = ll_vector_dot(s->op.type, s->n, q, w);
                ll_vector_add(s->op.type, s->n, -c, q, w);
                s->coupling[l * CURVATURE_MAX_BLOCK + i] += c;
            }
        double length = ll_vector_norm(s->op.type, s->n, w);
        if (length > threshold) {
            ll_vector_scale(s->op.type, s->n, 1.0 / length, w);
            if (slot != w) ll_vector_copy(s->op.type, s->n, w, slot);
            s->coupling[accepted * CURVATURE_MAX_BLOCK + i] = length;
        } else place_random(s, s->size + accepted);
        accepted++;
    }
    s->last = count;
    s->next = accepted;
}

/* One product with the next block; V grows by it. */
static ll_status expand(solver *s, ll_error *error)
{
    int64_t count = s->next, m = s->capacity;
    const void *vectors[CURVATURE_MAX_BLOCK];
    void *products[CURVATURE_MAX_BLOCK];
    for (int64_t i = 0; i < count; i++) {
        vectors[i] = vector_at(s, s->size + i);
        products[i] = vector_at(s, s->size + count + i);
    }
    LL_TRY(curvature_operator_apply(&s->op, NULL, count, vectors, products, error));
    s->size += count;
    double *c = s->work;
    for (int64_t i = 0; i < count; i++) {
        int64_t column = s->size - count + i;
        if (!isfinite(ll_vector_norm(s->op.type, s->n, products[i]))) s->finite = false;
        orthogonalise(s, s->size, products[i], c);
        for (int64_t j = 0; j < s->size; j++)
            s->projected[j * m + column] = s->projected[column * m + j] = c[j];
    }
    if (s->finite) factor_block(s, count);
    return LL_OK;
}

/* ---------------------------------------------------------------- Rayleigh-Ritz */

/* Position i of the order of preference among values ascending. */
static int64_t preferred(const solver *s, int64_t i)
{
    switch (s->options.end) {
    case LL_EIGEN_SMALLEST: return i;
    case LL_EIGEN_BOTH: return i % 2 == 0 ? s->size - 1 - i / 2 : i / 2;
    default: return s->size - 1 - i;
    }
}

static void rayleigh_ritz(solver *s)
{
    int64_t m = s->capacity, size = s->size;
    for (int64_t i = 0; i < size; i++)
        for (int64_t j = 0; j < size; j++) s->work[i * size + j] = s->projected[i * m + j];
    curvature_dense_eigen(size, s->work, s->values, s->ritz);
    s->scale = fmax(fabs(s->values[0]), fabs(s->values[size - 1]));
    for (int64_t i = 0; i < size; i++) s->order[i] = preferred(s, i);
    if (s->options.end == LL_EIGEN_MAGNITUDE) { /* merge from both ends */
        int64_t low = 0, high = size - 1;
        for (int64_t i = 0; i < size; i++)
            s->order[i] = fabs(s->values[high]) >= fabs(s->values[low]) ? high-- : low++;
    }
    for (int64_t i = 0; i < size; i++) {
        double sum = 0;
        for (int64_t l = 0; l < s->next; l++) {
            double entry = 0;
            for (int64_t b = 0; b < s->last; b++)
                entry += s->coupling[l * CURVATURE_MAX_BLOCK + b] * s->ritz[(size - s->last + b) * size + i];
            sum += entry * entry;
        }
        s->estimate[i] = sqrt(sum);
    }
}

static double worst_estimate(const solver *s)
{
    double worst = 0, least = floor_of(s);
    for (int64_t i = 0; i < s->wanted; i++) {
        int64_t pair = s->order[i];
        double bound = fmax(fabs(s->values[pair]), least);
        worst = fmax(worst, bound > 0 ? s->estimate[pair] / bound : 0);
    }
    return worst;
}

static bool estimates_converged(const solver *s)
{
    return s->size >= s->wanted && worst_estimate(s) <= s->options.tolerance;
}

/* V <- the `keep` most wanted Ritz vectors, T diagonal; the next block follows them. In place, by tiles of
 * rows. */
static void restart(solver *s, int64_t keep)
{
    int64_t size = s->size, m = s->capacity;
    ll_real type = s->op.type;
    keep = ll_min_int64(keep, size);
    double out[TILE];
    for (int64_t first = 0; first < s->n; first += TILE) {
        int64_t width = ll_min_int64(TILE, s->n - first);
        for (int64_t j = 0; j < size; j++)
            ll_vector_to_double(type, width, ll_vector_at(type, vector_at(s, j), first), s->tile + j * TILE);
        for (int64_t i = 0; i < keep; i++) {
            memset(out, 0, sizeof out);
            for (int64_t j = 0; j < size; j++) {
                double factor = s->ritz[j * size + s->order[i]];
                for (int64_t r = 0; r < width; r++) out[r] += factor * s->tile[j * TILE + r];
            }
            ll_vector_from_double(type, width, out, ll_vector_at_mutable(type, vector_at(s, i), first));
        }
    }
    for (int64_t i = 0; i < s->next; i++)
        ll_vector_copy(type, s->n, vector_at(s, size + i), vector_at(s, keep + i));
    memset(s->projected, 0, (size_t)(m * m) * sizeof *s->projected);
    for (int64_t i = 0; i < keep; i++) s->projected[i * m + i] = s->values[s->order[i]];
    s->size = keep;
    s->last = 0;
    s->restarts++;
}

/* ---------------------------------------------------------------- pieces */

typedef struct piece_head {
    int64_t magic, type, n, wanted, capacity, size, next, restarts, products, confirmed;
    uint64_t fresh;
    double emulated_step, emulated_error;
} piece_head;

static void piece_name(int64_t number, char name[40])
{
    snprintf(name, 40, "restart/%lld", (long long)number);
}

static ll_status save(solver *s, ll_error *error)
{
    if (s->sink == NULL || s->sink->put == NULL) return LL_OK;
    piece_head head = {PIECE_MAGIC,         s->op.type,   s->n,     s->wanted,
                       s->capacity,         s->size,      s->next,  s->restarts,
                       products_spent(s),   s->confirmed, s->fresh, s->op.emulated_step,
                       s->op.emulated_error};
    ll_text bytes = {0};
    ll_text_append_bytes(&bytes, &head, sizeof head);
    for (int64_t i = 0; i < s->size; i++)
        ll_text_append_bytes(&bytes, &s->projected[i * s->capacity + i], sizeof(double));
    ll_text_append_bytes(&bytes, s->vectors,
                         (size_t)(s->size + s->next) * (size_t)s->n * ll_real_bytes(s->op.type));
    char name[40];
    piece_name(s->restarts, name);
    ll_status status = bytes.failed ? ll_fail_memory(error, module, bytes.capacity)
                                    : ll_sink_put(s->sink, name, bytes.text, bytes.length, error);
    ll_text_deinit(&bytes);
    return status;
}

static ll_status load(solver *s, const void *bytes, size_t count, ll_error *error)
{
    piece_reader reader = {bytes, count, 0};
    piece_head head;
    bool good = piece_take(&reader, &head, sizeof head) && head.magic == PIECE_MAGIC &&
                head.type == (int64_t)s->op.type && head.n == s->n && head.wanted == s->wanted &&
                head.capacity == s->capacity && head.size >= 0 && head.next >= 0 &&
                head.size + head.next <= s->slots && head.size <= s->capacity &&
                head.next <= CURVATURE_MAX_BLOCK;
    for (int64_t i = 0; good && i < head.size; i++)
        good = piece_take(&reader, &s->projected[i * s->capacity + i], sizeof(double));
    good = good && piece_take(&reader, s->vectors,
                              (size_t)(head.size + head.next) * (size_t)s->n * ll_real_bytes(s->op.type));
    if (!good)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "restart piece",
                       "it belongs to another solve (size, type or options differ) or is damaged");
    s->size = head.size;
    s->next = head.next;
    s->restarts = head.restarts;
    s->products_before = head.products;
    s->confirmed = head.confirmed != 0;
    s->fresh = head.fresh;
    s->op.emulated_step = head.emulated_step;
    s->op.emulated_error = head.emulated_error;
    return LL_OK;
}

/* Continues from the newest restart, or starts. */
static ll_status begin(solver *s, ll_error *error)
{
    place_start(s);
    void *newest = NULL;
    size_t newest_count = 0;
    for (int64_t number = 1;; number++) {
        char name[40];
        piece_name(number, name);
        void *bytes = NULL;
        size_t count = 0;
        if (!ll_sink_find(s->sink, name, &bytes, &count)) break;
        ll_free(newest);
        newest = bytes;
        newest_count = count;
    }
    if (newest == NULL) return LL_OK;
    ll_status status = load(s, newest, newest_count, error);
    ll_free(newest);
    return status;
}

/* ---------------------------------------------------------------- the iteration */

static void report(const solver *s)
{
    ll_progress progress = {.what = "eigenpairs",
                            .done = products_spent(s),
                            .total = -1,
                            .value = s->size >= s->wanted ? worst_estimate(s) : NAN,
                            .value_name = "residual"};
    ll_sink_progress(s->sink, &progress);
}

static ll_status step(solver *s, ll_error *error)
{
    if (ll_sink_should_stop(s->sink))
        return ll_fail(error, LL_CANCELLED, module, s->op.info->name, "stopped after %lld products",
                       (long long)products_spent(s));
    LL_TRY(expand(s, error));
    if (!s->finite) return LL_OK;
    rayleigh_ritz(s);
    report(s);
    return LL_OK;
}

static bool may_spend(const solver *s)
{
    return products_spent(s) + s->next + s->wanted <= s->options.max_products;
}

/* Looks for copies of eigenvalues that the Krylov space could not see. */
static ll_status confirm(solver *s, ll_error *error)
{
    for (int64_t i = 0; i < s->wanted; i++) s->previous[i] = s->values[s->order[i]];
    double least = floor_of(s);
    restart(s, s->wanted);
    place_random(s, s->size);
    s->next = 1;
    int64_t spent = 0;
    for (; spent < s->options.confirm_products && s->next > 0 && s->size + s->next <= s->capacity &&
           may_spend(s) && s->finite;
         spent += s->last)
        LL_TRY(step(s, error));
    if (!s->finite || spent == 0) return LL_OK;
    s->confirmed = true;
    for (int64_t i = 0; i < s->wanted; i++) {
        double change = fabs(s->values[s->order[i]] - s->previous[i]);
        if (change > s->options.tolerance * fmax(fabs(s->previous[i]), least)) s->confirmed = false;
    }
    return LL_OK;
}

/* Products of basis vectors first .. first + count - 1, into the slots behind the next block; *products
 * points to them. count <= batch_size. */
static int64_t batch_size(const solver *s) { return ll_min_int64(8, s->slots - s->size - s->next - 1); }

static ll_status apply_to_basis(solver *s, const ll_samples *samples, int64_t first, int64_t count,
                                void **products, ll_error *error)
{
    const void *vectors[8];
    for (int64_t i = 0; i < count; i++) {
        vectors[i] = vector_at(s, first + i);
        products[i] = vector_at(s, s->size + s->next + i);
    }
    return curvature_operator_apply(&s->op, samples, count, vectors, products, error);
}

static double quotient(const solver *s, int64_t i, const void *product)
{
    const void *v = vector_at(s, i);
    return ll_vector_dot(s->op.type, s->n, v, product) / ll_vector_dot(s->op.type, s->n, v, v);
}

/* V holds the wanted Ritz vectors in front: their residuals by fresh products. The worst residual, made
 * orthogonal, becomes the next block, should the iteration have to go on. */
static ll_status measure(solver *s, bool *good, ll_error *error)
{
    ll_real type = s->op.type;
    double least = floor_of(s), worst = -1;
    void *worst_vector = vector_at(s, s->slots - 1), *products[8];
    *good = true;
    int64_t batch = batch_size(s);
    for (int64_t i = 0; i < s->wanted; i++) {
        if (i % batch == 0)
            LL_TRY(apply_to_basis(s, NULL, i, ll_min_int64(batch, s->wanted - i), products, error));
        void *product = products[i % batch];
        s->measured[i] = quotient(s, i, product);
        ll_vector_add(type, s->n, -s->measured[i], vector_at(s, i), product);
        double length = ll_vector_norm(type, s->n, product) / ll_vector_norm(type, s->n, vector_at(s, i));
        double bound = fmax(fabs(s->measured[i]), least);
        s->residual[i] = bound > 0 ? length / bound : length;
        if (!(s->residual[i] <= s->options.tolerance)) *good = false;
        if (s->residual[i] > worst) {
            worst = s->residual[i];
            ll_vector_copy(type, s->n, product, worst_vector);
        }
    }
    if (*good || s->size >= s->n || worst < 0) return LL_OK;
    void *next = vector_at(s, s->size);
    ll_vector_copy(type, s->n, worst_vector, next);
    normalise(s, next);
    orthogonalise(s, s->size, next, NULL);
    if (ll_vector_norm(type, s->n, next) > 1e-3) normalise(s, next);
    else place_random(s, s->size);
    s->next = 1;
    return LL_OK;
}

/* Runs to an end; *reason says which. */
static ll_status iterate(solver *s, const char **reason, ll_error *error)
{
    LL_TRY(begin(s, error));
    bool patient = false; /* after a failed measurement, believe estimates only at a full basis */
    for (;;) {
        bool done = false;
        while (!done && s->finite && s->next > 0 && s->size + s->next <= s->capacity && may_spend(s)) {
            LL_TRY(step(s, error));
            done = s->finite && (!patient || s->next == 0 || s->size + s->next > s->capacity) &&
                   estimates_converged(s);
        }
        if (!s->finite) {
            *reason = "non-finite product";
            return LL_OK;
        }
        bool spent = !may_spend(s);
        if (done || s->next == 0 || spent) {
            if (done && !s->confirmed && s->next > 0 && s->options.confirm_products > 0) {
                LL_TRY(confirm(s, error));
                if (!s->finite || !s->confirmed) {
                    if (s->finite && s->size + s->next > s->capacity) restart(s, s->keep);
                    continue;
                }
            }
            bool good = false;
            restart(s, s->keep);
            LL_TRY(measure(s, &good, error));
            if (good || spent || s->size >= s->n) {
                *reason = good ? "converged" : "maximum products";
                if (!good && s->size >= s->n) *reason = "converged"; /* exact but for rounding */
                return LL_OK;
            }
            patient = true;
        } else restart(s, s->keep);
        LL_TRY(save(s, error));
    }
}

/* ---------------------------------------------------------------- sampling error */

typedef struct subsets {
    int64_t count;
    ll_samples *lists; /* count x terms */
    int64_t *numbers;  /* all terms' permuted indices */
} subsets;

static void subsets_deinit(subsets *parts)
{
    ll_free(parts->lists);
    ll_free(parts->numbers);
}

/* Cuts every term's samples into `count` disjoint parts by a seeded permutation. *why: NULL when done, else
 * why it cannot be. */
static ll_status subsets_init(subsets *parts, const solver *s, int64_t count, const char **why,
                              ll_error *error)
{
    const ll_problem_info *info = s->op.info;
    const ll_samples *given = s->op.target.samples;
    int64_t total = 0;
    *why = NULL;
    *parts = (subsets){.count = count};
    if ((info->capabilities & LL_CAN_SUBSETS) == 0) {
        *why = "the problem cannot evaluate subsets of its samples";
        return LL_OK;
    }
    for (int64_t t = 0; t < info->terms; t++) {
        int64_t samples = given != NULL && given[t].indices != NULL ? given[t].count : info->term[t].samples;
        if (samples < count) {
            *why = "a term has fewer samples than subsets";
            return LL_OK;
        }
        total += samples;
    }
    parts->lists = ll_allocate_array(count * info->terms, sizeof *parts->lists);
    parts->numbers = ll_allocate_array(total, sizeof *parts->numbers);
    if (parts->lists == NULL || parts->numbers == NULL) {
        subsets_deinit(parts);
        return ll_fail_memory(error, module, (size_t)total * sizeof *parts->numbers);
    }
    int64_t *numbers = parts->numbers;
    for (int64_t t = 0; t < info->terms; t++) {
        const int64_t *indices = given != NULL ? given[t].indices : NULL;
        int64_t samples = indices != NULL ? given[t].count : info->term[t].samples;
        ll_rng_permutation(ll_rng_make(s->options.seed, "sampling subsets", info->term[t].name), samples,
                           numbers);
        for (int64_t i = 0; indices != NULL && i < samples; i++) numbers[i] = indices[numbers[i]];
        for (int64_t p = 0; p < count; p++) {
            int64_t first = samples * p / count, end = samples * (p + 1) / count;
            parts->lists[p * info->terms + t] = (ll_samples){numbers + first, end - first};
        }
        numbers += samples;
    }
    return LL_OK;
}

/* Standard error of v'Hv over the subsets, for every wanted pair. */
static ll_status sampling_error(solver *s, const subsets *parts, double *quotients, double *errors,
                                ll_error *error)
{
    int64_t k = s->wanted, batch = batch_size(s);
    void *products[8];
    for (int64_t p = 0; p < parts->count; p++) {
        if (ll_sink_should_stop(s->sink))
            return ll_fail(error, LL_CANCELLED, module, s->op.info->name,
                           "stopped while measuring the sampling error");
        for (int64_t i = 0; i < k; i++) {
            if (i % batch == 0)
                LL_TRY(apply_to_basis(s, parts->lists + p * s->op.info->terms, i, ll_min_int64(batch, k - i),
                                      products, error));
            quotients[p * k + i] = quotient(s, i, products[i % batch]);
        }
    }
    for (int64_t i = 0; i < k; i++) {
        double mean = 0, squares = 0, count = (double)parts->count;
        for (int64_t p = 0; p < parts->count; p++) mean += quotients[p * k + i] / count;
        for (int64_t p = 0; p < parts->count; p++) squares += pow(quotients[p * k + i] - mean, 2);
        errors[i] = sqrt(squares / (count * (count - 1)));
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- record */

/* Slot of the i-th pair in the order of the record: for BOTH the preference alternates between the ends. */
static int64_t slot_of(const solver *s, int64_t i)
{
    if (s->options.end != LL_EIGEN_BOTH) return i;
    return i < s->options.count ? 2 * i : 2 * (i - s->options.count) + 1;
}

/* The component of largest magnitude positive (the first on ties). */
static void fix_sign(ll_real type, int64_t n, void *v)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = ll_vector_get(type, v, i);
        if (fabs(x) > fabs(largest)) largest = x;
    }
    if (largest < 0) ll_vector_scale(type, n, -1.0, v);
}

static ll_status set_in_order(const solver *s, ll_record *record, const char *name, const char *unit,
                              const double *values, ll_error *error)
{
    double *sorted = ll_allocate_array(s->wanted, sizeof *sorted);
    if (sorted == NULL) return ll_fail_memory(error, module, (size_t)s->wanted * sizeof *sorted);
    for (int64_t i = 0; i < s->wanted; i++) sorted[i] = values[slot_of(s, i)];
    ll_status status = ll_record_set_reals(record, name, unit, sorted, s->wanted, error);
    ll_free(sorted);
    return status;
}

static ll_status set_vectors(const solver *s, ll_record *record, ll_error *error)
{
    ll_array array;
    int64_t shape[2] = {s->wanted, s->n};
    LL_TRY(ll_array_init(&array, s->op.type == LL_REAL_FLOAT32 ? LL_ARRAY_FLOAT32 : LL_ARRAY_FLOAT64, 2,
                         shape, error));
    for (int64_t i = 0; i < s->wanted; i++) {
        void *row = ll_vector_at_mutable(s->op.type, array.data, i * s->n);
        ll_vector_copy(s->op.type, s->n, vector_at(s, slot_of(s, i)), row);
        fix_sign(s->op.type, s->n, row);
    }
    ll_status status = ll_record_take_array(record, "eigenvectors", "", &array, error);
    if (status != LL_OK) ll_array_deinit(&array);
    return status;
}

static ll_status set_sampling(solver *s, ll_record *record, bool usable, ll_error *error)
{
    int64_t count = s->options.sampling_subsets, k = s->wanted;
    if (count == 0 || !usable)
        return ll_record_set_text(record, "sampling_unavailable",
                                  count == 0 ? "not asked for" : "no usable eigenvectors", error);
    const char *why = NULL;
    subsets parts;
    LL_TRY(subsets_init(&parts, s, count, &why, error));
    if (why != NULL) return ll_record_set_text(record, "sampling_unavailable", why, error);
    double *quotients = ll_allocate_array(count * k + k, sizeof *quotients);
    int64_t before = s->op.products;
    ll_status status =
        quotients == NULL ? ll_fail_memory(error, module, (size_t)(count * k) * sizeof(double)) : LL_OK;
    if (status == LL_OK) status = sampling_error(s, &parts, quotients, quotients + count * k, error);
    if (status == LL_OK) status = set_in_order(s, record, "sampling_error", "", quotients + count * k, error);
    if (status == LL_OK) status = ll_record_set_integer(record, "sampling_subsets", "", count, error);
    if (status == LL_OK)
        status = ll_record_set_text(record, "sampling_variant",
                                    "standard error of v'Hv over disjoint subsets", error);
    s->op.products = before; /* products of the solve; those on subsets are not part of it */
    ll_free(quotients);
    subsets_deinit(&parts);
    return status;
}

static ll_status fill_record(solver *s, const char *reason, ll_record *record, ll_error *error)
{
    static const char *const ends[] = {"largest", "smallest", "both", "magnitude"};
    bool usable = s->finite;
    LL_TRY(curvature_describe(&s->op, record, error));
    LL_TRY(ll_record_set_text(record, "end", ends[s->options.end], error));
    LL_TRY(ll_record_set_integer(record, "count", "", s->options.count, error));
    LL_TRY(ll_record_set_text(record, "reason", reason, error));
    LL_TRY(ll_record_set_integer(record, "converged", "", strcmp(reason, "converged") == 0, error));
    if (!usable)
        for (int64_t i = 0; i < s->wanted; i++) s->measured[i] = s->residual[i] = NAN;
    LL_TRY(set_in_order(s, record, "eigenvalues", "", s->measured, error));
    LL_TRY(set_in_order(s, record, "residuals", "", s->residual, error));
    LL_TRY(ll_record_set_real(record, "tolerance", "", s->options.tolerance, error));
    LL_TRY(ll_record_set_real(record, "residual_floor", "", usable ? floor_of(s) : NAN, error));
    LL_TRY(ll_record_set_integer(record, "products", "products", products_spent(s), error));
    LL_TRY(ll_record_set_integer(record, "restarts", "", s->restarts, error));
    LL_TRY(ll_record_set_integer(record, "confirmed", "", s->confirmed, error));
    LL_TRY(ll_record_set_integer(record, "basis", "vectors", s->capacity, error));
    LL_TRY(ll_record_set_integer(record, "block", "vectors", s->options.block, error));
    LL_TRY(ll_record_set_integer(record, "seed", "", (int64_t)s->options.seed, error));
    LL_TRY(set_sampling(s, record, usable, error));
    return usable ? set_vectors(s, record, error) : LL_OK;
}

ll_status ll_curvature_eigenpairs(const ll_curvature_target *target, const ll_eigen_options *options,
                                  const ll_sink *sink, ll_record **record, ll_error *error)
{
    solver s;
    LL_TRY(solver_init(&s, target, options, sink, error));
    const char *reason = NULL;
    ll_record *made = NULL;
    ll_status status = iterate(&s, &reason, error);
    if (status == LL_OK) {
        made = ll_record_create("eigenpairs");
        status = made == NULL ? ll_fail_memory(error, module, 0) : fill_record(&s, reason, made, error);
    }
    solver_deinit(&s);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

ll_status ll_curvature_eigenpairs_memory(const ll_curvature_target *target, const ll_eigen_options *options,
                                         size_t *bytes, ll_error *error)
{
    solver s = {0};
    curvature_operator op;
    LL_TRY(curvature_operator_init(&op, target, 1, error));
    int64_t n = op.n;
    ll_real type = op.type;
    curvature_operator_deinit(&op);
    LL_TRY(fill_options(&s, target, options, n, error));
    size_t own = 0, inner = 0;
    LL_TRY(storage_bytes(&s, type, &own, error));
    LL_TRY(curvature_operator_memory(target, s.options.block, &inner, error));
    if (!ll_add_size(own, inner, bytes))
        return ll_fail(error, LL_TOO_LARGE, module, NULL, "more memory than can be counted");
    return LL_OK;
}
