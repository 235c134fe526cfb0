/* The provider "blas": matrix products by OpenBLAS, one thread each, and convolutions of any kind as matrix products
 * (conv.h). It comes after "native", which takes small products: its calls cost less. */
#include "kernels/blas/conv.h"
#include "kernels/kernel.h"

#include <cblas.h>

typedef struct blas_state {
    ll_dtype dtype;
    bool transpose_a, transpose_b;
    int m, n, k, lda, ldb;
    int64_t batches, a_step, b_step, c_step;
    bool convolves;
    blas_conv conv;
} blas_state;

static int64_t product(const ll_tensor_form *form, int last)
{
    int64_t count = 1;
    for (int i = 0; i < last; i++) count *= form->shape[i];
    return count;
}

static bool blas_supports(const ll_kernel_case *kernel)
{
    if (kernel->op != LL_OP_MATMUL) return blas_conv_supports(kernel);
    const ll_tensor_form *a = &kernel->inputs[0], *b = &kernel->inputs[1], *c = &kernel->output;
    if ((a->dtype != LL_F32 && a->dtype != LL_F64) || a->rank < 2 || b->rank < 2 || c->count == 0 ||
        a->count == 0)
        return false;
    for (int i = 1; i <= 2; i++)
        if (a->shape[a->rank - i] > INT32_MAX || b->shape[b->rank - i] > INT32_MAX) return false;
    /* Batches: one matrix for all, or as many as the result has. */
    int64_t batches = product(c, c->rank - 2), of_a = product(a, a->rank - 2), of_b = product(b, b->rank - 2);
    return (of_a == 1 || of_a == batches) && (of_b == 1 || of_b == batches);
}

static ll_status blas_prepare(const ll_kernel_case *kernel, void **state, ll_error *error)
{
    blas_state *made = ll_allocate_zeroed(sizeof *made);
    if (!made) return ll_fail_memory(error, "kernels", sizeof *made);
    *state = made;
    openblas_set_num_threads(1); /* threads are the runtime's */
    if (kernel->op != LL_OP_MATMUL) {
        made->convolves = true;
        blas_conv_prepare(kernel, &made->conv);
        return LL_OK;
    }
    const ll_tensor_form *a = &kernel->inputs[0], *b = &kernel->inputs[1], *c = &kernel->output;
    made->dtype = a->dtype;
    made->transpose_a = kernel->attributes.matmul.transpose_a != 0;
    made->transpose_b = kernel->attributes.matmul.transpose_b != 0;
    made->lda = (int)a->shape[a->rank - 1];
    made->ldb = (int)b->shape[b->rank - 1];
    made->m = (int)c->shape[c->rank - 2];
    made->n = (int)c->shape[c->rank - 1];
    made->k = (int)a->shape[a->rank - (made->transpose_a ? 2 : 1)];
    made->batches = product(c, c->rank - 2);
    made->a_step = product(a, a->rank - 2) == 1 ? 0 : (int64_t)made->m * made->k;
    made->b_step = product(b, b->rank - 2) == 1 ? 0 : (int64_t)made->n * made->k;
    made->c_step = (int64_t)made->m * made->n;
    return LL_OK;
}

static size_t blas_workspace(const void *state)
{
    const blas_state *it = state;
    return it->convolves ? blas_conv_workspace(&it->conv) : 0;
}

static ll_status blas_run(const void *state, const void *const *inputs, void *output, void *workspace,
                          ll_error *error)
{
    const blas_state *it = state;
    (void)error;
    if (it->convolves) {
        (it->conv.dtype == LL_F32 ? blas_conv_run_f32 : blas_conv_run_f64)(&it->conv, inputs, output,
                                                                           workspace);
        return LL_OK;
    }
    CBLAS_TRANSPOSE ta = it->transpose_a ? CblasTrans : CblasNoTrans,
                    tb = it->transpose_b ? CblasTrans : CblasNoTrans;
    for (int64_t batch = 0; batch < it->batches; batch++) {
        int64_t a = batch * it->a_step, b = batch * it->b_step, c = batch * it->c_step;
        if (it->dtype == LL_F32)
            cblas_sgemm(CblasRowMajor, ta, tb, it->m, it->n, it->k, 1.0F, (const float *)inputs[0] + a,
                        it->lda, (const float *)inputs[1] + b, it->ldb, 0.0F, (float *)output + c, it->n);
        else
            cblas_dgemm(CblasRowMajor, ta, tb, it->m, it->n, it->k, 1.0, (const double *)inputs[0] + a,
                        it->lda, (const double *)inputs[1] + b, it->ldb, 0.0, (double *)output + c, it->n);
    }
    return LL_OK;
}

static void blas_destroy(void *state) { ll_free(state); }

const ll_provider ll_provider_blas = {"blas",         blas_supports, blas_prepare,
                                      blas_workspace, blas_run,      blas_destroy};
