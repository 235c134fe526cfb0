/* losslens/networks_pinn.h - physics-informed networks: a multi-layer perceptron of named inputs and outputs, and a loss
 * of terms, each the mean square of an expression in outputs, inputs, derivatives up to order 4, data and constants.
 * Raissi, Perdikaris, Karniadakis 2019; the family of equations of Krishnapriyan et al. 2021.
 */
#ifndef LOSSLENS_NETWORKS_PINN_H
#define LOSSLENS_NETWORKS_PINN_H

#include "losslens/networks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------- any equation */

typedef struct ll_pinn_term {
    const char *name;
    double weight;
    /* The residual r of one sample; the term is the mean of r^2. Numbers, + - * / ^, parentheses, sin cos exp log sqrt
     * tanh abs; constants by name; inputs ("x"); outputs ("u"); derivatives: output, underscore, one input name after
     * another, of one letter each ("u_x", "u_xxt"); data columns by name. "@p" behind an input, output or derivative
     * takes it at the term's point p: "u@lower - u@upper". Without it: at the first point. */
    const char *residual;
    /* More residuals, squared and added, separated by ';' in `residual`. */
    const char *const *points; /* names of the points of one sample; NULL with point_count 0: one, unnamed */
    int64_t point_count;
    const char *const *data; /* names of the data columns of one sample, e.g. "target" */
    int64_t data_count;
    /* The term's samples are a table of `inputs x points + data` columns: point 0's inputs, point 1's, ..., data. The
     * model's input is called "<term>.samples", of that width. */
} ll_pinn_term;

typedef struct ll_pinn_constant {
    const char *name;
    double value;
} ll_pinn_constant;

typedef struct ll_pinn_options {
    const char *name; /* "convection" */
    ll_dtype dtype;
    const char *const *inputs;  /* one letter each, "x", "t" */
    const char *const *outputs; /* "u" */
    int64_t input_count, output_count;
    const int64_t *hidden;
    int64_t hidden_count;
    const char *activation; /* tanh (default when NULL), sin, silu */
    /* Affine scaling of input i from [low, high] to [-1, 1] before the first layer; NULL: none. */
    const double *scale_low, *scale_high;
    /* Fourier features: sin and cos of `fourier` random frequencies N(0, fourier_scale^2), drawn by seed; 0: none. */
    int64_t fourier;
    double fourier_scale;
    uint64_t fourier_seed;
    const ll_pinn_constant *constant;
    int64_t constants;
    const ll_pinn_term *term;
    int64_t terms;
    /* Reference values of the outputs: a term of weight 0, "reference", with inputs and one column per output named
     * "<output>_reference", and the metrics relative_l2, mean_absolute_error. */
    bool reference;
    /* The reference as an expression of inputs and constants for each output; the term's table then has the inputs alone.
     * NULL: stored values. */
    const char *const *reference_expression;
} ll_pinn_options;

/* Layers are named "layers.0" ...; features of each hidden layer at the points of the first term. */
LL_API ll_status ll_pinn_create(const ll_pinn_options *options, ll_model **model,
                                ll_error *error) LL_MUST_CHECK;

/* ---------------------------------------------------------------- the family */

/* u_t - nu u_xx + beta u_x - rho u (1 - u) = 0 on x in [0, 2 pi), t in [0, 1], periodic. */
typedef struct ll_pinn_family {
    double nu, beta, rho;
    bool gaussian_start;   /* u0 = exp(-((x - pi)/(pi/4))^2 / 2) instead of sin x */
    int64_t collocation;   /* points, drawn without repetition from the 256 x 100 grid (default 100) */
    uint64_t point_seed;   /* of that draw; separate from the initialisation seed */
    const int64_t *hidden; /* NULL: 50, 50, 50, 50 */
    int64_t hidden_count;
    ll_dtype dtype;
} ll_pinn_family;

/* One term's samples, row-major, count x width doubles. */
typedef struct ll_pinn_samples {
    const char *term;
    double *values;
    int64_t count, width;
} ll_pinn_samples;

enum { LL_PINN_TERMS = 4 }; /* initial, boundary, residual, reference */

/* The model and the samples of its terms (free with ll_pinn_samples_deinit): initial (256 points), boundary (100
 * pairs), residual, reference (the whole 256 x 100 grid). */
LL_API ll_status ll_pinn_family_create(const ll_pinn_family *family, ll_model **model,
                                       ll_pinn_samples samples[LL_PINN_TERMS], ll_error *error) LL_MUST_CHECK;
/* Replaces initial, boundary and residual samples (as ll_pinn_family_create made them) by the points that a pickled
 * network of the authors' code carries; *found false, and nothing changed, where the file holds none. LL_INVALID_FILE:
 * columns of different length or not finite; LL_UNSUPPORTED: a source term. */
LL_API ll_status ll_pinn_stored_points(const ll_tensor_file *file, ll_pinn_samples samples[LL_PINN_TERMS],
                                       bool *found, ll_error *error) LL_MUST_CHECK;
LL_API void ll_pinn_samples_deinit(ll_pinn_samples samples[LL_PINN_TERMS]);

/* The exact solution at x_i = 2 pi i / 256, t_j = j / 99: u[j * 256 + i]. Convection-diffusion: each Fourier mode k times
 * exp(-nu k^2 t - i beta k t). Reaction: u0 e^{rho t} / (1 - u0 + u0 e^{rho t}). Both: Strang splitting, its step halved
 * until the solution changes by < 1e-8. */
LL_API ll_status ll_pinn_family_solution(const ll_pinn_family *family, double u[256 * 100],
                                         ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
