/* losslens/curvature.h - the Hessian (or Gauss-Newton) matrix of a Problem at a point: eigenpairs, trace,
 * diagonal, spectral density, negative curvature, and a check of the user's own derivatives.
 *
 * Nothing forms the matrix; everything is products with vectors (blocks of them share the forward work). Each
 * result is a record (docs/records.md) that carries the error of its numbers: residuals of eigenpairs,
 * standard errors of estimates. A numeric outcome (not converged, budget spent) is a `reason` in the record,
 * not a failure.
 *
 * Every analysis takes a sink (losslens/records.h): a piece is a Krylov restart or a group of probes;
 * continued from its pieces, an analysis ends in the same bits. LL_CANCELLED when the sink says stop. Records
 * are the caller's (ll_record_destroy). One Problem, one thread.
 */
#ifndef LOSSLENS_CURVATURE_H
#define LOSSLENS_CURVATURE_H

#include "losslens/problem.h"
#include "losslens/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which matrix: of which loss, where, on which data. Evaluation mode: batch-norm statistics kept. */
typedef struct ll_curvature_target {
    ll_problem *problem;
    const void *theta;         /* n values of the Problem's type; NULL: its origin */
    const void *buffers;       /* b values; NULL: its own */
    const ll_samples *samples; /* one list a term; NULL: all */
    ll_product_operator product;
    const char *parameter; /* NULL: the whole matrix; a parameter's name: its diagonal block alone, vectors
                              then have that parameter's length */
    bool allow_emulation;  /* products by differences of gradients where the Problem has no others */
} ll_curvature_target;

/* ---------------------------------------------------------------- eigenpairs */

typedef enum ll_eigen_end {
    LL_EIGEN_LARGEST,  /* the `count` algebraically largest, descending */
    LL_EIGEN_SMALLEST, /* smallest, ascending */
    LL_EIGEN_BOTH,     /* `count` largest, descending, then `count` smallest, ascending */
    LL_EIGEN_MAGNITUDE /* largest |lambda|, descending */
} ll_eigen_end;

typedef struct ll_eigen_options { /* zero-initialise; 0 means the default */
    ll_eigen_end end;
    int64_t count;            /* 10 */
    double tolerance;         /* 1e-3, on |Hv - lambda v| / max(|lambda|, floor) */
    int64_t basis;            /* vectors held: 2 * wanted + 10 */
    int64_t block;            /* vectors a product: 1 */
    int64_t max_products;     /* 2000 */
    int64_t confirm_products; /* 8; < 0: none. See below */
    uint64_t seed;            /* of the start vector */
    const void *const *warm;  /* eigenvectors of an earlier run (length of the vectors), or NULL */
    int64_t warm_count;
    int64_t sampling_subsets; /* 5; < 0: no sampling error */
} ll_eigen_options;

/* Thick-restart Lanczos (Wu & Simon, SIAM J. Matrix Anal. Appl. 22, 2000) with full re-orthogonalisation in
 * double and an explicitly projected matrix; docs/decisions/curvature-eigensolver.md compares the
 * alternatives.
 *
 * A Krylov space of one vector can miss copies of a multiple eigenvalue, and a residual cannot tell. So a
 * converged solve is confirmed: `confirm_products` steps from a fresh random vector orthogonal to what was
 * found; if the wanted values change, the iteration goes on. Residuals in the record are measured with one
 * more product an eigenpair, never taken from the recurrence. floor = 8 epsilon |H| / tolerance, |H| =
 * largest |Ritz value|, epsilon of the Problem's type: below it an eigenvalue is zero to the rounding of the
 * products; residuals of such pairs are relative to the floor. The sampling error (standard error over
 * `sampling_subsets` disjoint subsets of each term's samples) is that of the Rayleigh quotients v' H_subset
 * v: to first order the eigenvalue's own.
 *
 * Record "eigenpairs": eigenvalues [K], residuals [K], eigenvectors [K, length], products, restarts, reason
 * ("converged", "maximum products", "non-finite product"), converged (0/1), sampling_error [K] or
 * sampling_unavailable (why) ... Unit length; the component of largest magnitude is positive.
 * Cost: products plus O(length basis) a product. Memory: ll_curvature_eigenpairs_memory. */
LL_API ll_status ll_curvature_eigenpairs(const ll_curvature_target *target, const ll_eigen_options *options,
                                         const ll_sink *sink, ll_record **record,
                                         ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_curvature_eigenpairs_memory(const ll_curvature_target *target,
                                                const ll_eigen_options *options, size_t *bytes,
                                                ll_error *error) LL_MUST_CHECK;

/* Smallest and largest eigenpairs, and what the loss does along the directions of negative curvature.
 * Record "negative_curvature": the fields of "eigenpairs" (end BOTH), and for each of the `count` smallest:
 * slope (gradient along v), loss at theta +- r v for r = radius * |theta| * {1/100, 1/10, 1}; negative_count
 * (eigenvalues below minus their residual norm), ratio |lambda_min| / lambda_max. radius 0: 0.01. */
LL_API ll_status ll_curvature_negative(const ll_curvature_target *target, const ll_eigen_options *options,
                                       double radius, const ll_sink *sink, ll_record **record,
                                       ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- trace and diagonal */

typedef enum ll_trace_method { LL_TRACE_HUTCHINSON, LL_TRACE_HUTCHPP } ll_trace_method;

typedef struct ll_trace_options { /* zero-initialise; 0 means the default */
    ll_trace_method method;
    double tolerance;          /* 0.02: standard error / |estimate| to stop at */
    double absolute_tolerance; /* 0: stop also when the standard error is below this */
    int64_t min_probes;        /* 8; at least 2 */
    int64_t max_probes;        /* 500 */
    int64_t together;          /* probes a product: 4 */
    int64_t sketch;            /* Hutch++: columns of the sketch, 10 */
    uint64_t seed;
} ll_trace_options;

/* Trace by Rademacher probes z: mean of z'Hz (Hutchinson 1990), or Hutch++ (Meyer et al., SOSA 2021): exact
 * on the range of a sketch, Hutchinson on the rest. Stops on the standard error of the mean, looked at after
 * each group of `together` probes, never on the change of a running mean. Per parameter tensor: the trace of
 * its diagonal block, from the same probes: z_l' (Hz)_l. Record "trace": trace, standard_error, probes,
 * products, reason ("standard error reached", "maximum probes", "non-finite product"), tensor_trace
 * [tensors], tensor_standard_error [tensors], tensor_names (lines), probe_values [probes]. */
LL_API ll_status ll_curvature_trace(const ll_curvature_target *target, const ll_trace_options *options,
                                    const ll_sink *sink, ll_record **record, ll_error *error) LL_MUST_CHECK;

/* Diagonal by Rademacher probes: mean of z * Hz (Bekas, Kokiopoulou & Saad 2007). Stops when
 * |standard error|_2 <= tolerance |estimate|_2, or at max_probes. Record "diagonal": diagonal [length],
 * standard_error [length], relative_error, probes, reason. method and sketch are ignored. */
LL_API ll_status ll_curvature_diagonal(const ll_curvature_target *target, const ll_trace_options *options,
                                       const ll_sink *sink, ll_record **record,
                                       ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- spectral density */

typedef struct ll_density_options { /* zero-initialise; 0 means the default */
    int64_t steps;                  /* Lanczos steps a probe: 80, at most the vectors' length */
    int64_t probes;                 /* 10; at least 2 */
    int64_t together;               /* probes a product: 2 */
    int64_t grid;                   /* points of the smoothed density: 512 */
    double width;                   /* standard deviation of the Gaussian kernel; 0: range / 100 */
    uint64_t seed;
} ll_density_options;

/* Stochastic Lanczos quadrature (Ubaru, Chen & Saad 2017; DEFINITIONS 4): Rademacher start vectors, full
 * re-orthogonalisation; the weight of a Ritz value is the squared first component of its eigenvector in T.
 * Record "density": nodes [probes, steps], weights [probes, steps] (a probe whose Krylov space ends early has
 * weight 0 behind steps_used), steps_used [probes], moments [5] (0..4: mean over probes of sum w x^k, the
 * traces of H^k over the length) with moment_standard_error [5], grid [g], density [g] (integrates to 1),
 * density_standard_error [g] (over probes), width, negative_mass with its standard error. */
LL_API ll_status ll_curvature_density(const ll_curvature_target *target, const ll_density_options *options,
                                      const ll_sink *sink, ll_record **record, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_curvature_density_memory(const ll_curvature_target *target,
                                             const ll_density_options *options, size_t *bytes,
                                             ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- check of derivatives */

typedef struct ll_derivative_options { /* zero-initialise; 0 means the default */
    int64_t directions;                /* 3 random ones, and the gradient itself */
    uint64_t seed;
} ll_derivative_options;

/* Does the Problem differentiate what it evaluates? Gradients against 4-point differences of the loss,
 * products against 4-point differences of gradients, over steps 2^-2, 2^-4 .. 2^-24 of |theta|; the best step
 * counts, since a right derivative has a plateau and a wrong one has none. Symmetry u'Hv = v'Hu; the same
 * request twice gives the same bits. Record "derivatives": gradient_error, product_error, symmetry_error
 * (relative; NaN: not applicable), the step of each, same_bits (0/1), passed (0/1) with the limits used
 * (float64: 1e-6, 1e-6, 1e-9; float32: 2e-2, 2e-2, 1e-3), verdict (plain words). */
LL_API ll_status ll_curvature_check(const ll_curvature_target *target, const ll_derivative_options *options,
                                    ll_record **record, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
