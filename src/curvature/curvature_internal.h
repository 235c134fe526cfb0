/* Shared by the curvature analyses: the operator, small dense eigenproblems, byte packing of pieces. */
#ifndef LOSSLENS_SRC_CURVATURE_INTERNAL_H
#define LOSSLENS_SRC_CURVATURE_INTERNAL_H

#include "losslens/curvature.h"
#include "losslens/problem_vectors.h"

enum { CURVATURE_MAX_BLOCK = 16 }; /* vectors of one product request; results do not depend on it */

typedef struct curvature_operator {
    ll_problem *problem;
    const ll_problem_info *info;
    ll_curvature_target target;
    const void *theta;
    ll_real type;
    int64_t n;                            /* length of the vectors: all parameters, or those of one tensor */
    int64_t offset;                       /* of the tensor in theta */
    int64_t block;                        /* most vectors at once */
    unsigned char *padded;                /* 2 * block full-length vectors, when restricted to a tensor */
    int64_t products;                     /* counted since init */
    double emulated_step, emulated_error; /* largest seen; 0: nothing was emulated */
} curvature_operator;

/* Refuses what the Problem cannot do, by name, before any work. block <= CURVATURE_MAX_BLOCK. */
ll_status curvature_operator_init(curvature_operator *op, const ll_curvature_target *target, int64_t block,
                                  ll_error *error);
void curvature_operator_deinit(curvature_operator *op);
/* products[i] = H vectors[i] for any count; `samples` NULL: the target's. */
ll_status curvature_operator_apply(curvature_operator *op, const ll_samples *samples, int64_t count,
                                   const void *const *vectors, void *const *products, ll_error *error);
/* Bytes of one apply, beyond the vectors. */
ll_status curvature_operator_memory(const ll_curvature_target *target, int64_t block, size_t *bytes,
                                    ll_error *error);
/* What every record says: operator, parameter, length, samples, emulation, products. */
ll_status curvature_describe(const curvature_operator *op, ll_record *record, ll_error *error);

/* Loss at K points theta + coefficient[k] direction (of op's length). */
ll_status curvature_losses_along(curvature_operator *op, const void *direction, int64_t points,
                                 const double *coefficients, double *losses, ll_error *error);

/* Eigenpairs of a symmetric m x m matrix (row-major, destroyed) by cyclic Jacobi: values ascending, vectors
 * in columns of `vectors` (m x m, row-major). Jacobi is backward stable with small relative error, needs no
 * library and gives the same bits everywhere; m is a few dozens. */
void curvature_dense_eigen(int64_t m, double *matrix, double *values, double *vectors);

/* Pieces are sequences of byte runs; reading past the end is a failure, not a crash. */
typedef struct piece_reader {
    const unsigned char *bytes;
    size_t count, offset;
} piece_reader;
bool piece_take(piece_reader *reader, void *to, size_t count);

static inline int64_t option_or(int64_t value, int64_t fallback) { return value != 0 ? value : fallback; }

#endif
