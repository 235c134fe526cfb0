/* Linear CKA. With U(K) the centred (biased) or U-centred (debiased: Szekely & Rizzo 2014, lemma 3.1: the
 * unbiased HSIC is sum_{i != j} U(K)_ij U(L)_ij / (m (m-3))) Gram matrix, every HSIC is a dot product of two
 * vectors: the lower triangles, off-diagonal entries times sqrt 2. Features are centred first, in double, so
 * that no digits are lost to a large mean; neither variant depends on it. */
#include "cka_internal.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

static const char *const module = "similarity";

enum { STRIP = 2048 };

/* Centred variance below this share of the raw second moment is rounding, not variance. */
static const double VARIANCE_FLOOR = 1e-24;

const char *ll_cka_variant_name(ll_cka_variant variant)
{
    return variant == LL_CKA_BIASED ? "biased" : variant == LL_CKA_DEBIASED ? "debiased" : "minibatch";
}

bool ll_cka_variant_parse(const char *name, ll_cka_variant *variant)
{
    for (int i = 0; i <= (int)LL_CKA_MINIBATCH; i++) {
        if (strcmp(name, ll_cka_variant_name((ll_cka_variant)i)) != 0) continue;
        *variant = (ll_cka_variant)i;
        return true;
    }
    return false;
}

const char *ll_cka_flag_text(ll_cka_flag flag)
{
    switch (flag) {
    case LL_CKA_DEFINED: return "defined";
    case LL_CKA_ZERO_VARIANCE: return "undefined: the features do not vary over the samples";
    case LL_CKA_NOT_FINITE: return "undefined: a feature is not finite";
    case LL_CKA_TOO_FEW_SAMPLES: return "undefined: too few samples";
    }
    return "unknown";
}

static double feature_at(const ll_features *f, int64_t row, int64_t column)
{
    int64_t i = row * f->width + column;
    return f->type == LL_REAL_FLOAT32 ? (double)((const float *)f->data)[i] : ((const double *)f->data)[i];
}

/* Columns first .. first + width - 1, centred, row-major [samples][width]; adds the raw and centred squares.
 */
static void load_strip(const ll_features *f, int64_t first, int64_t width, double *strip, double *mean,
                       double *raw, double *centred)
{
    memset(mean, 0, (size_t)width * sizeof *mean);
    for (int64_t r = 0; r < f->samples; r++)
        for (int64_t c = 0; c < width; c++) {
            double x = feature_at(f, r, first + c);
            strip[r * width + c] = x;
            mean[c] += x;
            *raw += x * x;
        }
    for (int64_t c = 0; c < width; c++) mean[c] /= (double)f->samples;
    for (int64_t r = 0; r < f->samples; r++)
        for (int64_t c = 0; c < width; c++) {
            double x = strip[r * width + c] -= mean[c];
            *centred += x * x;
        }
}

static ll_cka_flag judge(int64_t samples, ll_cka_variant variant, double raw, double centred)
{
    if (samples < (variant == LL_CKA_BIASED ? 2 : 4)) return LL_CKA_TOO_FEW_SAMPLES;
    if (!isfinite(raw) || !isfinite(centred)) return LL_CKA_NOT_FINITE;
    if (!(centred > VARIANCE_FLOOR * raw)) return LL_CKA_ZERO_VARIANCE;
    return LL_CKA_DEFINED;
}

/* Lower triangle of the centred Gram matrix. The caller has put the library on one thread, so that sums keep
 * their order. */
static ll_status make_gram(const ll_features *f, ll_cka_variant variant, double *gram, ll_cka_flag *flag,
                           ll_error *error)
{
    int64_t m = f->samples, room = ll_min_int64(STRIP, f->width);
    double *strip = ll_allocate_array((m + 1) * ll_max_int64(room, 1), sizeof *strip);
    if (strip == NULL) return ll_fail_memory(error, module, (size_t)((m + 1) * room) * sizeof *strip);
    double raw = 0.0, centred = 0.0;
    memset(gram, 0, (size_t)(m * m) * sizeof *gram);
    for (int64_t first = 0; first < f->width; first += STRIP) {
        int64_t width = ll_min_int64(STRIP, f->width - first);
        load_strip(f, first, width, strip, strip + m * room, &raw, &centred);
        cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, (int)m, (int)width, 1.0, strip, (int)width, 1.0,
                    gram, (int)m);
    }
    ll_free(strip);
    *flag = judge(m, variant, raw, centred);
    return LL_OK;
}

/* gram (lower triangle) to the vector whose dot products are HSIC up to a common factor. */
static void vectorise(const double *gram, int64_t m, ll_cka_variant variant, double *row_sum, double *vector)
{
    const double root2 = sqrt(2.0);
    bool unbiased = variant != LL_CKA_BIASED;
    double total = 0.0;
    if (unbiased) { /* row sums of the matrix with a zero diagonal */
        memset(row_sum, 0, (size_t)m * sizeof *row_sum);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < i; j++) {
                row_sum[i] += gram[i * m + j];
                row_sum[j] += gram[i * m + j];
            }
        for (int64_t i = 0; i < m; i++) total += row_sum[i];
    }
    double all = unbiased ? total / ((double)(m - 1) * (double)(m - 2)) : 0.0;
    for (int64_t i = 0, at = 0; i < m; i++)
        for (int64_t j = 0; j <= i; j++, at++) {
            double value = gram[i * m + j];
            if (unbiased) value = i == j ? 0.0 : value - (row_sum[i] + row_sum[j]) / (double)(m - 2) + all;
            vector[at] = i == j ? value : root2 * value;
        }
}

/* ------------------------------------------------------------------ all pairs */

struct ll_cka {
    int64_t entries, samples, batches;
    ll_cka_variant variant;
    double *table; /* entries x length of the batch at hand */
    int64_t length;
    double *hsic; /* entries x entries, lower triangle, summed over batches */
    ll_cka_flag *flag;
    bool *added;
};

void ll_cka_destroy(ll_cka *cka)
{
    if (cka == NULL) return;
    ll_free(cka->table);
    ll_free(cka->hsic);
    ll_free(cka->flag);
    ll_free(cka->added);
    ll_free(cka);
}

ll_status ll_cka_create(int64_t entries, ll_cka_variant variant, ll_cka **cka, ll_error *error)
{
    if (entries < 1 || entries > 100000)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "entries", "got %lld, wanted 1 to 100000",
                       (long long)entries);
    ll_cka *made = ll_allocate_zeroed(sizeof *made);
    if (made == NULL) return ll_fail_memory(error, module, sizeof *made);
    made->entries = entries;
    made->variant = variant;
    made->hsic = ll_allocate_zeroed((size_t)(entries * entries) * sizeof *made->hsic);
    made->flag = ll_allocate_zeroed((size_t)entries * sizeof *made->flag);
    made->added = ll_allocate_zeroed((size_t)entries * sizeof *made->added);
    if (made->hsic == NULL || made->flag == NULL || made->added == NULL) {
        ll_cka_destroy(made);
        return ll_fail_memory(error, module, (size_t)(entries * entries) * sizeof(double));
    }
    *cka = made;
    return LL_OK;
}

ll_status ll_cka_begin(ll_cka *cka, int64_t samples, ll_error *error)
{
    if (cka->batches > 0 && cka->variant != LL_CKA_MINIBATCH)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "begin",
                       "%s CKA takes one batch; minibatch takes several", ll_cka_variant_name(cka->variant));
    if (samples < 1 || samples > 46340)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "samples", "got %lld, wanted 1 to 46340",
                       (long long)samples);
    int64_t length = samples * (samples + 1) / 2;
    if (length != cka->length) {
        double *table = ll_allocate_array(cka->entries * length, sizeof *table);
        if (table == NULL)
            return ll_fail_memory(error, module, (size_t)(cka->entries * length) * sizeof *table);
        ll_free(cka->table);
        cka->table = table;
        cka->length = length;
    }
    openblas_set_num_threads(1);
    cka->samples = samples;
    memset(cka->added, 0, (size_t)cka->entries * sizeof *cka->added);
    return LL_OK;
}

ll_status ll_cka_add(ll_cka *cka, int64_t entry, const ll_features *features, ll_error *error)
{
    if (entry < 0 || entry >= cka->entries)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "entry", "got %lld, wanted 0 to %lld",
                       (long long)entry, (long long)(cka->entries - 1));
    if (features->samples != cka->samples || features->width < 1)
        return ll_fail(error, LL_SHAPE, module, "features",
                       "got %lld samples of width %lld, wanted %lld samples", (long long)features->samples,
                       (long long)features->width, (long long)cka->samples);
    int64_t m = cka->samples;
    double *gram = ll_allocate_array(m * (m + 1), sizeof *gram);
    if (gram == NULL) return ll_fail_memory(error, module, (size_t)(m * m) * sizeof *gram);
    ll_cka_flag flag;
    ll_status status = make_gram(features, cka->variant, gram, &flag, error);
    if (status == LL_OK) {
        double *vector = cka->table + entry * cka->length;
        if (flag == LL_CKA_DEFINED) vectorise(gram, m, cka->variant, gram + m * m, vector);
        else memset(vector, 0, (size_t)cka->length * sizeof *vector);
        /* One bad number, or a batch too small, spoils the entry; a batch without variance only adds nothing.
         */
        if (flag != LL_CKA_DEFINED && (cka->variant != LL_CKA_MINIBATCH || flag != LL_CKA_ZERO_VARIANCE))
            cka->flag[entry] = flag;
        cka->added[entry] = true;
    }
    ll_free(gram);
    return status;
}

size_t ll_cka_entry_bytes(const ll_cka *cka)
{
    return sizeof(int64_t) + (size_t)cka->length * sizeof *cka->table;
}

void ll_cka_entry_save(const ll_cka *cka, int64_t entry, void *bytes)
{
    int64_t flag = cka->flag[entry];
    memcpy(bytes, &flag, sizeof flag);
    memcpy((unsigned char *)bytes + sizeof flag, cka->table + entry * cka->length,
           (size_t)cka->length * sizeof *cka->table);
}

void ll_cka_entry_load(ll_cka *cka, int64_t entry, const void *bytes)
{
    int64_t flag;
    memcpy(&flag, bytes, sizeof flag);
    memcpy(cka->table + entry * cka->length, (const unsigned char *)bytes + sizeof flag,
           (size_t)cka->length * sizeof *cka->table);
    cka->flag[entry] = (ll_cka_flag)flag;
    cka->added[entry] = true;
}

/* Rows of the table of HSICs, up to the diagonal: blocks do not depend on the number of threads. */
enum { ROWS_A_CHUNK = 16 };

static ll_status add_products(void *context, int64_t chunk, int thread, ll_error *error)
{
    (void)thread;
    (void)error;
    ll_cka *cka = context;
    double m = (double)cka->samples;
    double factor = cka->variant == LL_CKA_BIASED ? 1.0 / ((m - 1.0) * (m - 1.0)) : 1.0 / (m * (m - 3.0));
    if (!isfinite(factor)) factor = 0.0; /* too few samples: flagged */
    int64_t n = cka->entries, row = chunk * ROWS_A_CHUNK, rows = ll_min_int64(ROWS_A_CHUNK, n - row);
    /* Strips of the long dimension, so that its extent fits the library's int and the rows stay in cache. */
    enum { PART = 1 << 14 };
    for (int64_t first = 0; first < cka->length; first += PART) {
        int width = (int)ll_min_int64(PART, cka->length - first);
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)(row + rows), width, factor,
                    cka->table + row * cka->length + first, (int)cka->length, cka->table + first,
                    (int)cka->length, 1.0, cka->hsic + row * n, (int)n);
    }
    return LL_OK;
}

ll_status ll_cka_end(ll_cka *cka, ll_team *team, ll_error *error)
{
    for (int64_t e = 0; e < cka->entries; e++)
        if (!cka->added[e])
            return ll_fail(error, LL_INVALID_ARGUMENT, module, "end",
                           "entry %lld has no features in this batch", (long long)e);
    openblas_set_num_threads(1);
    LL_TRY(ll_team_run(team, (cka->entries + ROWS_A_CHUNK - 1) / ROWS_A_CHUNK, add_products, cka, error));
    cka->batches++;
    return LL_OK;
}

ll_status ll_cka_matrix(const ll_cka *cka, double *matrix, ll_cka_flag *flags, ll_error *error)
{
    if (cka->batches == 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "matrix", "no batch has been ended yet");
    int64_t n = cka->entries;
    for (int64_t i = 0; i < n; i++) {
        flags[i] = cka->flag[i];
        if (flags[i] == LL_CKA_DEFINED && !(cka->hsic[i * n + i] > 0.0)) flags[i] = LL_CKA_ZERO_VARIANCE;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double value = NAN;
            if (flags[i] == LL_CKA_DEFINED && flags[j] == LL_CKA_DEFINED)
                value = i == j
                            ? 1.0
                            : cka->hsic[i * n + j] / sqrt(cka->hsic[i * n + i]) / sqrt(cka->hsic[j * n + j]);
            matrix[i * n + j] = matrix[j * n + i] = value;
        }
    return LL_OK;
}

/* ------------------------------------------------------------------ one pair */

/* Centred copy in double; per-sample squares and row sums for the unbiased form. */
typedef struct centred_features {
    double *x;
    double *diagonal, *row; /* K_ii; sum_j K_ij - K_ii */
    int64_t samples, width;
    ll_cka_flag flag;
} centred_features;

static ll_status centre(const ll_features *f, ll_cka_variant variant, centred_features *c, ll_error *error)
{
    int64_t m = f->samples, d = f->width;
    c->x = ll_allocate_array(m * d + 2 * m + 2 * d, sizeof *c->x);
    if (c->x == NULL) return ll_fail_memory(error, module, (size_t)(m * d) * sizeof *c->x);
    c->diagonal = c->x + m * d;
    c->row = c->diagonal + m;
    c->samples = m;
    c->width = d;
    double *mean = c->row + m, *sum = mean + d, raw = 0.0, centred = 0.0;
    load_strip(f, 0, d, c->x, mean, &raw, &centred);
    c->flag = judge(m, variant, raw, centred);
    memset(sum, 0, (size_t)d * sizeof *sum);
    for (int64_t r = 0; r < m; r++)
        for (int64_t i = 0; i < d; i++) sum[i] += c->x[r * d + i];
    for (int64_t r = 0; r < m; r++) {
        c->diagonal[r] = c->row[r] = 0.0;
        for (int64_t i = 0; i < d; i++) {
            c->diagonal[r] += c->x[r * d + i] * c->x[r * d + i];
            c->row[r] += c->x[r * d + i] * sum[i];
        }
        c->row[r] -= c->diagonal[r];
    }
    return LL_OK;
}

/* HSIC up to a common factor, by the cross-covariance F'G. */
static ll_status cross_hsic(const centred_features *f, const centred_features *g, ll_cka_variant variant,
                            double *hsic, ll_error *error)
{
    int64_t a = f->width, b = g->width, m = f->samples;
    double *cross = ll_allocate_array(a * b, sizeof *cross);
    if (cross == NULL) return ll_fail_memory(error, module, (size_t)(a * b) * sizeof *cross);
    openblas_set_num_threads(1);
    cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)a, (int)b, (int)m, 1.0, f->x, (int)a, g->x,
                (int)b, 0.0, cross, (int)b);
    double square = 0.0;
    for (int64_t i = 0; i < a * b; i++) square += cross[i] * cross[i];
    ll_free(cross);
    if (variant != LL_CKA_BIASED) {
        double diagonal = 0.0, rows = 0.0, total_f = 0.0, total_g = 0.0, n = (double)m;
        for (int64_t r = 0; r < m; r++) {
            diagonal += f->diagonal[r] * g->diagonal[r];
            rows += f->row[r] * g->row[r];
            total_f += f->row[r];
            total_g += g->row[r];
        }
        square += -diagonal + total_f * total_g / ((n - 1.0) * (n - 2.0)) - 2.0 * rows / (n - 2.0);
    }
    *hsic = square;
    return LL_OK;
}

static ll_status pair_by_cross(const ll_features *f, const ll_features *g, ll_cka_variant variant,
                               double *value, ll_cka_flag *flag, ll_error *error)
{
    centred_features a = {0}, b = {0};
    ll_status status = centre(f, variant, &a, error);
    if (status == LL_OK) status = centre(g, variant, &b, error);
    if (status == LL_OK) {
        *flag = a.flag != LL_CKA_DEFINED ? a.flag : b.flag;
        *value = NAN;
    }
    if (status == LL_OK && *flag == LL_CKA_DEFINED) {
        double fg = 0.0, ff = 0.0, gg = 0.0;
        status = cross_hsic(&a, &b, variant, &fg, error);
        if (status == LL_OK) status = cross_hsic(&a, &a, variant, &ff, error);
        if (status == LL_OK) status = cross_hsic(&b, &b, variant, &gg, error);
        if (ff > 0.0 && gg > 0.0) *value = fg / sqrt(ff) / sqrt(gg);
        else *flag = LL_CKA_ZERO_VARIANCE;
    }
    ll_free(a.x);
    ll_free(b.x);
    return status;
}

static ll_status pair_by_gram(const ll_features *f, const ll_features *g, ll_cka_variant variant,
                              double *value, ll_cka_flag *flag, ll_error *error)
{
    ll_cka *cka = NULL;
    double matrix[4];
    ll_cka_flag flags[2];
    LL_TRY(ll_cka_create(2, variant, &cka, error));
    ll_status status = ll_cka_begin(cka, f->samples, error);
    if (status == LL_OK) status = ll_cka_add(cka, 0, f, error);
    if (status == LL_OK) status = ll_cka_add(cka, 1, g, error);
    if (status == LL_OK) status = ll_cka_end(cka, NULL, error);
    if (status == LL_OK) status = ll_cka_matrix(cka, matrix, flags, error);
    ll_cka_destroy(cka);
    LL_TRY(status);
    *flag = flags[0] != LL_CKA_DEFINED ? flags[0] : flags[1];
    *value = matrix[1];
    return LL_OK;
}

ll_status ll_cka_pair(const ll_features *f, const ll_features *g, ll_cka_variant variant, ll_cka_route route,
                      double *value, ll_cka_flag *flag, ll_error *error)
{
    if (f->samples != g->samples || f->samples < 1 || f->width < 1 || g->width < 1)
        return ll_fail(error, LL_SHAPE, module, "pair",
                       "got %lld x %lld and %lld x %lld features; wanted the same samples",
                       (long long)f->samples, (long long)f->width, (long long)g->samples,
                       (long long)g->width);
    if (variant == LL_CKA_MINIBATCH)
        return ll_fail(error, LL_UNSUPPORTED, module, "pair",
                       "minibatch CKA needs batches: use ll_cka_begin, add and end");
    double m = (double)f->samples, a = (double)f->width, b = (double)g->width;
    if (route == LL_CKA_AUTO) /* multiply-adds of the two routes */
        route = a * b + a * a + b * b < 0.5 * m * (a + b) + 1.5 * m ? LL_CKA_CROSS : LL_CKA_GRAM;
    return route == LL_CKA_CROSS ? pair_by_cross(f, g, variant, value, flag, error)
                                 : pair_by_gram(f, g, variant, value, flag, error);
}

ll_status ll_cka_random_baseline(int64_t samples, int64_t width_f, int64_t width_g, ll_cka_variant variant,
                                 uint64_t seed, double *value, ll_error *error)
{
    double *f = ll_allocate_array(samples * (width_f + width_g), sizeof *f);
    if (f == NULL) return ll_fail_memory(error, module, (size_t)(samples * (width_f + width_g)) * sizeof *f);
    double *g = f + samples * width_f;
    ll_rng_fill_normal(ll_rng_make(seed, "cka baseline", "f"), 0, samples * width_f, f);
    ll_rng_fill_normal(ll_rng_make(seed, "cka baseline", "g"), 0, samples * width_g, g);
    ll_features a = {f, LL_REAL_FLOAT64, samples, width_f}, b = {g, LL_REAL_FLOAT64, samples, width_g};
    ll_cka_flag flag;
    double result = NAN;
    ll_status status = ll_cka_pair(&a, &b, variant == LL_CKA_BIASED ? LL_CKA_BIASED : LL_CKA_DEBIASED,
                                   LL_CKA_AUTO, &result, &flag, error);
    ll_free(f);
    if (status == LL_OK) *value = result;
    return status;
}
