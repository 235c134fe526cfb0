/* losslens/kernels_product.h - batched matrix products with a start, for the runtime: C = start + op(A) op(B). Small and
 * middle-sized matrices, in vector code; every element of C is one chain of fused multiply-adds over ascending k from its
 * start, so its bits depend on its row of A, its column of B and its start alone. */
#ifndef LOSSLENS_KERNELS_PRODUCT_H
#define LOSSLENS_KERNELS_PRODUCT_H

#include "losslens/kernels.h"

/* Most elements of one matrix B: a larger one needs blocking for the cache, which BLAS does. */
enum { LL_PRODUCT_LIMIT = 256 * 1024 };

typedef enum ll_product_start {
    LL_PRODUCT_ZERO,
    LL_PRODUCT_BIAS, /* a row, the same for all rows of a matrix */
    LL_PRODUCT_ADD   /* C as it is */
} ll_product_start;

typedef struct ll_product ll_product;

/* Whether the forms (ranks >= 2, batch axes as of ll_graph_matmul) are computed here on this machine. */
bool ll_product_supported(const ll_tensor_form *a, const ll_tensor_form *b, const ll_tensor_form *c);
/* bias_strides, for LL_PRODUCT_BIAS: elements from one matrix of C to the next along each batch axis of C; NULL: one bias
 * row for all. */
ll_status ll_product_create(const ll_tensor_form *a, const ll_tensor_form *b, const ll_tensor_form *c,
                            bool transpose_a, bool transpose_b, ll_product_start start,
                            const int64_t *bias_strides, ll_cpu_level cpu, ll_product **product,
                            ll_error *error) LL_MUST_CHECK;
void ll_product_destroy(ll_product *product);
size_t ll_product_workspace(const ll_product *product);
/* bias: read with LL_PRODUCT_BIAS only. C overlaps nothing. */
void ll_product_run(const ll_product *product, const void *a, const void *b, const void *bias, void *c,
                    void *workspace);

#endif
