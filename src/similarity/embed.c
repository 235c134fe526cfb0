/* Placement of a distance matrix in the plane: metric MDS, t-SNE, UMAP. The papers are named in the header;
 * the problems are small (models of a study), so everything is dense and exact. */
#include "losslens/similarity.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

static const char *const module = "similarity";

const char *ll_embedding_name(ll_embedding_method method)
{
    return method == LL_EMBED_MDS ? "mds" : method == LL_EMBED_TSNE ? "tsne" : "umap";
}

bool ll_embedding_parse(const char *name, ll_embedding_method *method)
{
    for (int i = 0; i <= (int)LL_EMBED_UMAP; i++) {
        if (strcmp(name, ll_embedding_name((ll_embedding_method)i)) != 0) continue;
        *method = (ll_embedding_method)i;
        return true;
    }
    return false;
}

static double plane_distance(const double *x, int64_t i, int64_t j)
{
    return hypot(x[2 * i] - x[2 * j], x[2 * i + 1] - x[2 * j + 1]);
}

static void centre_positions(double *x, int64_t n)
{
    double mean[2] = {0.0, 0.0};
    for (int64_t i = 0; i < 2 * n; i++) mean[i & 1] += x[i] / (double)n;
    for (int64_t i = 0; i < 2 * n; i++) x[i] -= mean[i & 1];
}

/* Undefined distances become the mean of the defined ones, where a complete matrix is needed. */
static void complete(const double *distances, int64_t n, double *full)
{
    double sum = 0.0;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++)
            if (isfinite(distances[i * n + j])) {
                sum += distances[i * n + j];
                count++;
            }
    double typical = count > 0 ? sum / (double)count : 1.0;
    for (int64_t i = 0; i < n * n; i++) full[i] = isfinite(distances[i]) ? distances[i] : typical;
}

/* Torgerson: the two top eigenvectors of -J D^2 J / 2, times the roots of their eigenvalues. */
static ll_status classical(const double *distances, int64_t n, double *x, ll_error *error)
{
    double *b = ll_allocate_array(n * n + 2 * n, sizeof *b);
    if (b == NULL) return ll_fail_memory(error, module, (size_t)(n * n) * sizeof *b);
    double *mean = b + n * n, *values = mean + n, all = 0.0;
    complete(distances, n, b);
    for (int64_t i = 0; i < n; i++) {
        mean[i] = 0.0;
        for (int64_t j = 0; j < n; j++) {
            b[i * n + j] *= -0.5 * b[i * n + j];
            mean[i] += b[i * n + j] / (double)n;
        }
        all += mean[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) b[i * n + j] += all - mean[i] - mean[j];
    lapack_int code = LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (lapack_int)n, b, (lapack_int)n, values);
    if (code == 0) {
        memset(x, 0, (size_t)(2 * n) * sizeof *x);
        for (int d = 0; d < 2 && d < n; d++) {
            int64_t column = n - 1 - d;
            double length = values[column] > 0.0 ? sqrt(values[column]) : 0.0, largest = 0.0;
            for (int64_t i = 0; i < n; i++) /* the largest component is positive: one picture, not four */
                if (fabs(b[i * n + column]) > fabs(largest) + 1e-9) largest = b[i * n + column];
            for (int64_t i = 0; i < n; i++)
                x[2 * i + d] = (largest < 0.0 ? -length : length) * b[i * n + column];
        }
    }
    ll_free(b);
    return code == 0
               ? LL_OK
               : ll_fail(error, LL_NUMERIC, module, "mds", "no eigenvectors (LAPACK says %d)", (int)code);
}

/* ------------------------------------------------------------------ SMACOF */

static double raw_stress(const double *distances, int64_t n, const double *x, double *scale)
{
    double stress = 0.0, squares = 0.0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            double wanted = distances[i * n + j];
            if (!isfinite(wanted)) continue;
            double off = plane_distance(x, i, j) - wanted;
            stress += off * off;
            squares += wanted * wanted;
        }
    *scale = squares;
    return stress;
}

/* Guttman transform: x <- V^+ B(x) x. With all weights 1, V^+ = J/n; else V + 11'/n is inverted once. */
static ll_status smacof(const double *distances, int64_t n, const ll_embedding_options *options, double *x,
                        ll_embedding_result *result, ll_error *error)
{
    int64_t iterations = options->iterations > 0 ? options->iterations : 1000;
    double tolerance = options->tolerance > 0.0 ? options->tolerance : 1e-10;
    double *inverse = NULL, *next = ll_allocate_array(2 * n, sizeof *next);
    if (next == NULL) return ll_fail_memory(error, module, (size_t)(2 * n) * sizeof *next);
    if (result->undefined > 0) {
        inverse = ll_allocate_array(n * n, sizeof *inverse);
        if (inverse == NULL) {
            ll_free(next);
            return ll_fail_memory(error, module, (size_t)(n * n) * sizeof *inverse);
        }
        for (int64_t i = 0; i < n; i++) {
            double degree = 0.0;
            for (int64_t j = 0; j < n; j++) {
                bool weight = i != j && isfinite(distances[i * n + j]);
                inverse[i * n + j] = 1.0 / (double)n - (weight ? 1.0 : 0.0);
                degree += weight;
            }
            inverse[i * n + i] += degree;
        }
        lapack_int code = LAPACKE_dpotrf(LAPACK_ROW_MAJOR, 'L', (lapack_int)n, inverse, (lapack_int)n);
        if (code != 0) {
            ll_free(next);
            ll_free(inverse);
            return ll_fail(
                error, LL_NUMERIC, module, "mds",
                "the defined distances do not connect all %lld points: their places are not determined",
                (long long)n);
        }
    }
    double scale, stress = raw_stress(distances, n, x, &scale);
    int64_t done = 0;
    while (done < iterations && stress > 0.0) {
        memset(next, 0, (size_t)(2 * n) * sizeof *next);
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < i; j++) {
                double wanted = distances[i * n + j], length = plane_distance(x, i, j);
                if (!isfinite(wanted) || length == 0.0) continue;
                for (int d = 0; d < 2; d++) {
                    double pull = wanted / length * (x[2 * i + d] - x[2 * j + d]);
                    next[2 * i + d] += pull;
                    next[2 * j + d] -= pull;
                }
            }
        if (inverse == NULL)
            for (int64_t i = 0; i < 2 * n; i++) next[i] /= (double)n;
        else (void)LAPACKE_dpotrs(LAPACK_ROW_MAJOR, 'L', (lapack_int)n, 2, inverse, (lapack_int)n, next, 2);
        memcpy(x, next, (size_t)(2 * n) * sizeof *x);
        done++;
        double now = raw_stress(distances, n, x, &scale);
        bool settled = stress - now <= tolerance * stress;
        stress = now;
        if (settled) break;
    }
    ll_free(next);
    ll_free(inverse);
    result->iterations = done;
    result->quality = scale > 0.0 ? sqrt(stress / scale) : 0.0;
    return LL_OK;
}

/* ------------------------------------------------------------------ t-SNE */

/* Row-conditional probabilities with the wanted perplexity, by bisection of the precision. */
static void conditional(const double *d, int64_t n, int64_t i, double perplexity, double *p)
{
    double low = 0.0, high = INFINITY, beta = 1.0, wanted = log(perplexity), nearest = INFINITY;
    for (int64_t j = 0; j < n; j++)
        if (j != i && d[i * n + j] < nearest) nearest = d[i * n + j];
    double typical = 0.0;
    for (int64_t j = 0; j < n; j++) typical += j != i ? d[i * n + j] * d[i * n + j] - nearest * nearest : 0.0;
    if (typical > 0.0) beta = (double)n / typical;
    for (int step = 0; step < 200; step++) {
        double sum = 0.0, moment = 0.0;
        for (int64_t j = 0; j < n; j++) {
            double square = d[i * n + j] * d[i * n + j] - nearest * nearest;
            p[j] = j == i ? 0.0 : exp(-beta * square);
            sum += p[j];
            moment += p[j] * square;
        }
        double entropy = log(sum) + beta * moment / sum;
        for (int64_t j = 0; j < n; j++) p[j] /= sum;
        if (fabs(entropy - wanted) < 1e-10) break;
        if (entropy > wanted) {
            low = beta;
            beta = isinf(high) ? 2.0 * beta : 0.5 * (low + high);
        } else {
            high = beta;
            beta = 0.5 * (low + high);
        }
    }
}

/* Gradient descent with momentum and gains, exaggerated for the first quarter. */
static ll_status tsne(const double *distances, int64_t n, const ll_embedding_options *options, double *x,
                      ll_embedding_result *result, ll_error *error)
{
    double perplexity = options->perplexity > 0.0 ? options->perplexity : fmin(30.0, (double)(n - 1) / 3.0);
    int64_t iterations = options->iterations > 0 ? options->iterations : 1000;
    double *block = ll_allocate_zeroed((size_t)(3 * n * n + 6 * n) * sizeof *block);
    if (block == NULL) return ll_fail_memory(error, module, (size_t)(3 * n * n) * sizeof *block);
    double *full = block, *p = full + n * n, *q = p + n * n, *speed = q + n * n, *gain = speed + 2 * n;
    complete(distances, n, full);
    for (int64_t i = 0; i < n; i++) conditional(full, n, i, perplexity, q + i * n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            p[i * n + j] = i == j ? 0.0 : fmax((q[i * n + j] + q[j * n + i]) / (2.0 * (double)n), 1e-12);
    /* Start: the classical solution, small, and slightly shaken so that equal points can part. */
    double spread = 0.0;
    for (int64_t i = 0; i < n; i++) spread += x[2 * i] * x[2 * i] / (double)n;
    double shrink = spread > 0.0 ? 1e-4 / sqrt(spread) : 1.0;
    ll_rng rng = ll_rng_make(options->seed, "embedding", "tsne");
    for (int64_t i = 0; i < 2 * n; i++) {
        x[i] = shrink * x[i] + 1e-6 * ll_rng_normal(rng, (uint64_t)i);
        gain[i] = 1.0;
    }
    const double exaggeration = 12.0, rate = fmax((double)n / exaggeration / 4.0, 50.0);
    double divergence = 0.0;
    for (int64_t step = 0; step <= iterations; step++) {
        double boost = step < iterations / 4 ? exaggeration : 1.0,
               momentum = step < iterations / 4 ? 0.5 : 0.8, total = 0.0;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                double length = plane_distance(x, i, j);
                q[i * n + j] = i == j ? 0.0 : 1.0 / (1.0 + length * length);
                total += q[i * n + j];
            }
        if (step == iterations) { /* the answer's divergence */
            for (int64_t i = 0; i < n * n; i++)
                if (p[i] > 0.0) divergence += p[i] * log(p[i] / fmax(q[i] / total, 1e-300));
            break;
        }
        for (int64_t i = 0; i < n; i++)
            for (int d = 0; d < 2; d++) {
                double slope = 0.0;
                for (int64_t j = 0; j < n; j++)
                    slope += 4.0 * (boost * p[i * n + j] - q[i * n + j] / total) * q[i * n + j] *
                             (x[2 * i + d] - x[2 * j + d]);
                int64_t k = 2 * i + d;
                gain[k] = fmax((slope > 0.0) != (speed[k] > 0.0) ? gain[k] + 0.2 : gain[k] * 0.8, 0.01);
                speed[k] = momentum * speed[k] - rate * gain[k] * slope;
            }
        for (int64_t i = 0; i < 2 * n; i++) x[i] += speed[i];
        centre_positions(x, n);
    }
    ll_free(block);
    result->iterations = iterations;
    result->perplexity = perplexity;
    result->quality = divergence;
    return LL_OK;
}

/* ------------------------------------------------------------------ UMAP */

/* a, b of 1/(1 + a d^2b) fitted to the curve 1 below min_distance, exp(-(d - min_distance)) beyond, on 300
 * points up to 3 (spread 1): Levenberg-Marquardt in (log a, log b). */
static void fit_curve(double min_distance, double *a, double *b)
{
    double u = 0.0, v = 0.0, damping = 1e-3, best = INFINITY;
    for (int step = 0; step < 200; step++) {
        double h[3] = {0}, g[2] = {0}, cost = 0.0;
        for (int k = 1; k < 300; k++) {
            double d = 3.0 * k / 299.0, wanted = d < min_distance ? 1.0 : exp(-(d - min_distance));
            double power = exp(u) * pow(d, 2.0 * exp(v)), value = 1.0 / (1.0 + power), off = value - wanted;
            double du = -value * value * power, dv = du * 2.0 * exp(v) * log(d);
            cost += off * off;
            h[0] += du * du;
            h[1] += du * dv;
            h[2] += dv * dv;
            g[0] += du * off;
            g[1] += dv * off;
        }
        if (cost < best) {
            best = cost;
            *a = exp(u);
            *b = exp(v);
            damping *= 0.3;
        } else {
            u = log(*a);
            v = log(*b);
            damping *= 10.0;
            if (damping > 1e8) return;
            continue;
        }
        double p = h[0] * (1.0 + damping), r = h[2] * (1.0 + damping), determinant = p * r - h[1] * h[1];
        if (!(fabs(determinant) > 1e-300)) return;
        u -= (r * g[0] - h[1] * g[1]) / determinant;
        v -= (p * g[1] - h[1] * g[0]) / determinant;
    }
}

/* Memberships of the k nearest neighbours of point i: exp(-(d - rho)/sigma) with sum log2 k. */
static void memberships(const double *d, int64_t n, int64_t i, int64_t k, double *row)
{
    double rho = INFINITY, low = 0.0, high = INFINITY, sigma = 1.0, wanted = log2((double)k), mean = 0.0;
    bool *chosen = (bool *)(row + n); /* scratch behind the row */
    memset(chosen, 0, (size_t)n);
    for (int64_t c = 0; c < k; c++) { /* the c-th nearest; ties to the smaller index */
        int64_t nearest = -1;
        for (int64_t j = 0; j < n; j++)
            if (j != i && !chosen[j] && (nearest < 0 || d[i * n + j] < d[i * n + nearest])) nearest = j;
        chosen[nearest] = true;
        if (d[i * n + nearest] > 0.0 && d[i * n + nearest] < rho) rho = d[i * n + nearest];
        mean += d[i * n + nearest] / (double)k;
    }
    if (isinf(rho)) rho = 0.0;
    for (int step = 0; step < 64; step++) {
        double sum = 0.0;
        for (int64_t j = 0; j < n; j++)
            if (chosen[j]) sum += exp(-fmax(d[i * n + j] - rho, 0.0) / sigma);
        if (fabs(sum - wanted) < 1e-5) break;
        if (sum > wanted) {
            high = sigma;
            sigma = 0.5 * (low + high);
        } else {
            low = sigma;
            sigma = isinf(high) ? 2.0 * sigma : 0.5 * (low + high);
        }
    }
    sigma = fmax(sigma, 1e-3 * mean + 1e-300);
    for (int64_t j = 0; j < n; j++) row[j] = chosen[j] ? exp(-fmax(d[i * n + j] - rho, 0.0) / sigma) : 0.0;
}

static double clipped(double value) { return value > 4.0 ? 4.0 : value < -4.0 ? -4.0 : value; }

static ll_status umap(const double *distances, int64_t n, const ll_embedding_options *options, double *x,
                      ll_embedding_result *result, ll_error *error)
{
    int64_t k = options->neighbours > 0 ? ll_min_int64(options->neighbours, n - 1) : ll_min_int64(15, n - 1);
    int64_t epochs = options->iterations > 0 ? options->iterations : 500;
    double a = 1.0, b = 1.0;
    fit_curve(options->min_distance > 0.0 ? options->min_distance : 0.1, &a, &b);
    double *block = ll_allocate_zeroed((size_t)(3 * n * n + 2 * n) * sizeof *block);
    if (block == NULL) return ll_fail_memory(error, module, (size_t)(3 * n * n) * sizeof *block);
    double *full = block, *directed = full + n * n, *weight = directed + n * n + 2 * n;
    complete(distances, n, full);
    for (int64_t i = 0; i < n;
         i++) { /* the row's scratch is overwritten by the next row, or lies in the gap */
        memberships(full, n, i, k, directed + i * n);
    }
    double heaviest = 0.0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) { /* fuzzy union */
            double one = directed[i * n + j], other = directed[j * n + i];
            weight[i * n + j] = i == j ? 0.0 : one + other - one * other;
            heaviest = fmax(heaviest, weight[i * n + j]);
        }
    double reach = 0.0;
    for (int64_t i = 0; i < 2 * n; i++) reach = fmax(reach, fabs(x[i]));
    ll_rng rng = ll_rng_make(options->seed, "embedding", "umap");
    for (int64_t i = 0; i < 2 * n; i++)
        x[i] = (reach > 0.0 ? 10.0 / reach * x[i] : 0.0) + 1e-4 * ll_rng_normal(rng, (uint64_t)i);
    uint64_t draw = (uint64_t)(2 * n);
    for (int64_t epoch = 0; epoch < epochs; epoch++) {
        double rate = 1.0 - (double)epoch / (double)epochs;
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                /* An edge of weight w is visited in w/heaviest of the epochs, evenly spread. */
                double share = heaviest > 0.0 ? weight[i * n + j] / heaviest : 0.0;
                if (floor(share * (double)(epoch + 1)) <= floor(share * (double)epoch)) continue;
                double length = plane_distance(x, i, j), square = length * length;
                double pull =
                    square > 0.0 ? -2.0 * a * b * pow(square, b - 1.0) / (1.0 + a * pow(square, b)) : 0.0;
                for (int d = 0; d < 2; d++) {
                    double step = clipped(pull * (x[2 * i + d] - x[2 * j + d])) * rate;
                    x[2 * i + d] += step;
                    x[2 * j + d] -= step;
                }
                for (int negative = 0; negative < 5; negative++) {
                    int64_t other = (int64_t)ll_rng_below(rng, draw++, (uint64_t)n);
                    if (other == i) continue;
                    double away = plane_distance(x, i, other), far = away * away;
                    double push = far > 0.0 ? 2.0 * b / ((0.001 + far) * (1.0 + a * pow(far, b))) : 0.0;
                    for (int d = 0; d < 2; d++)
                        x[2 * i + d] +=
                            rate * (far > 0.0 ? clipped(push * (x[2 * i + d] - x[2 * other + d])) : 4.0);
                }
            }
    }
    double entropy = 0.0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            double p = weight[i * n + j], length = plane_distance(x, i, j);
            double q = fmin(fmax(1.0 / (1.0 + a * pow(length * length, b)), 1e-12), 1.0 - 1e-12);
            if (p > 0.0) entropy += p * log(p / q);
            if (p < 1.0) entropy += (1.0 - p) * log((1.0 - p) / (1.0 - q));
        }
    ll_free(block);
    centre_positions(x, n);
    result->iterations = epochs;
    result->neighbours = k;
    result->quality = entropy;
    return LL_OK;
}

ll_status ll_embed(const double *distances, int64_t n, const ll_embedding_options *options, double *positions,
                   ll_embedding_result *result, ll_error *error)
{
    if (n < 1 || n > 20000)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "embed", "got %lld points, wanted 1 to 20000",
                       (long long)n);
    ll_embedding_result made = {.method = options->method};
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            double one = distances[i * n + j], other = distances[j * n + i];
            if (!isfinite(one) && !isfinite(other)) made.undefined++;
            else if (one != other || one < 0.0)
                return ll_fail(error, LL_INVALID_ARGUMENT, module, "embed",
                               "distance (%lld, %lld) is %g one way and %g the other; wanted a symmetric "
                               "matrix, 0 or more",
                               (long long)i, (long long)j, one, other);
        }
    if (n < 4 && made.method != LL_EMBED_MDS) {
        made.method = LL_EMBED_MDS;
        made.fell_back = true;
    }
    double *x = ll_allocate_array(2 * n, sizeof *x);
    if (x == NULL) return ll_fail_memory(error, module, (size_t)(2 * n) * sizeof *x);
    ll_status status = classical(distances, n, x, error);
    if (status == LL_OK)
        status = made.method == LL_EMBED_MDS    ? smacof(distances, n, options, x, &made, error)
                 : made.method == LL_EMBED_TSNE ? tsne(distances, n, options, x, &made, error)
                                                : umap(distances, n, options, x, &made, error);
    if (status == LL_OK) {
        centre_positions(x, n);
        memcpy(positions, x, (size_t)(2 * n) * sizeof *x);
        *result = made;
    }
    ll_free(x);
    return status;
}

/* In the plane the best rotation has a closed form; the best reflection is that of the mirrored points. */
void ll_procrustes(const double *reference, double *positions, int64_t n, double *residual)
{
    double mean[2] = {0}, to[2] = {0}, m[2][2] = {{0}};
    for (int64_t i = 0; i < 2 * n; i++) {
        mean[i & 1] += positions[i] / (double)n;
        to[i & 1] += reference[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++)
        for (int a = 0; a < 2; a++)
            for (int b = 0; b < 2; b++)
                m[a][b] += (positions[2 * i + a] - mean[a]) * (reference[2 * i + b] - to[b]);
    double turn = hypot(m[0][0] + m[1][1], m[0][1] - m[1][0]),
           mirror = hypot(m[0][0] - m[1][1], m[0][1] + m[1][0]);
    double sign = mirror > turn ? -1.0 : 1.0, length = mirror > turn ? mirror : turn;
    double cosine = length > 0.0 ? (m[0][0] + sign * m[1][1]) / length : 1.0;
    double sine = length > 0.0 ? (m[0][1] - sign * m[1][0]) / length : 0.0;
    double squares = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double x = positions[2 * i] - mean[0], y = sign * (positions[2 * i + 1] - mean[1]);
        positions[2 * i] = cosine * x - sine * y + to[0];
        positions[2 * i + 1] = sine * x + cosine * y + to[1];
        for (int d = 0; d < 2; d++) {
            double off = positions[2 * i + d] - reference[2 * i + d];
            squares += off * off;
        }
    }
    if (residual != NULL) *residual = n > 0 ? sqrt(squares / (double)n) : 0.0;
}
