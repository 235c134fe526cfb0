#include "kernels/native/gemm.h"
#include "losslens/kernels_product.h"

enum { MAX_RANK = LL_GRAPH_RANK };

struct ll_product {
    ll_dtype dtype;
    ll_cpu_level cpu;
    ll_product_start start;
    ll_gemm gemm;
    bool pack_b; /* B is transposed */
    int64_t batches;
    int batch_rank;
    int64_t batch_shape[MAX_RANK], a_batch[MAX_RANK], b_batch[MAX_RANK], bias_batch[MAX_RANK];
    int64_t c_matrix;
};

static int64_t extent_product(const int64_t *shape, int first, int last)
{
    int64_t count = 1;
    for (int i = first; i < last; i++) count *= shape[i];
    return count;
}

bool ll_product_supported(const ll_tensor_form *a, const ll_tensor_form *b, const ll_tensor_form *c)
{
    return ll_cpu_detect() >= LL_CPU_AVX2 && (a->dtype == LL_F32 || a->dtype == LL_F64) && a->count > 0 &&
           c->count > 0 && a->rank >= 2 && b->rank >= 2 &&
           b->shape[b->rank - 1] * b->shape[b->rank - 2] <= LL_PRODUCT_LIMIT;
}

ll_status ll_product_create(const ll_tensor_form *a, const ll_tensor_form *b, const ll_tensor_form *c,
                            bool transpose_a, bool transpose_b, ll_product_start start,
                            const int64_t *bias_strides, ll_cpu_level cpu, ll_product **product,
                            ll_error *error)
{
    ll_product *it = ll_allocate_zeroed(sizeof *it);
    if (!it) return ll_fail_memory(error, "kernels", sizeof *it);
    it->dtype = a->dtype;
    it->cpu = cpu;
    it->start = start;
    ll_gemm *g = &it->gemm;
    g->m = c->shape[c->rank - 2];
    g->n = c->shape[c->rank - 1];
    g->k = a->shape[a->rank - (transpose_a ? 2 : 1)];
    int64_t width = a->shape[a->rank - 1];
    g->a_row = transpose_a ? 1 : width;
    g->a_column = transpose_a ? width : 1;
    g->b_row = g->n;
    g->c_row = g->n;
    g->start_row = start == LL_PRODUCT_ADD ? g->c_row : 0;
    it->pack_b = transpose_b && g->n > 1;
    it->c_matrix = g->m * g->n;
    it->batch_rank = c->rank - 2;
    it->batches = extent_product(c->shape, 0, it->batch_rank);
    int64_t a_step = extent_product(a->shape, a->rank - 2, a->rank),
            b_step = extent_product(b->shape, b->rank - 2, b->rank);
    bool rows = true; /* one B, and one bias, for all: the matrices of A are more rows */
    for (int i = it->batch_rank - 1; i >= 0; i--) {
        int ia = i - (c->rank - a->rank), ib = i - (c->rank - b->rank);
        it->batch_shape[i] = c->shape[i];
        bool in_a = ia >= 0 && a->shape[ia] == c->shape[i], in_b = ib >= 0 && b->shape[ib] != 1;
        it->a_batch[i] = in_a && a->shape[ia] != 1 ? a_step : 0;
        it->b_batch[i] = in_b ? b_step : 0;
        it->bias_batch[i] = start == LL_PRODUCT_BIAS && bias_strides ? bias_strides[i] : 0;
        rows = rows && in_a && !in_b && it->bias_batch[i] == 0;
        if (ia >= 0) a_step *= a->shape[ia];
        if (ib >= 0) b_step *= b->shape[ib];
    }
    if (it->batch_rank > 0 && rows && !transpose_a && it->batches > 1) {
        g->m *= it->batches;
        it->c_matrix *= it->batches;
        it->batches = 1;
        it->batch_rank = 0;
    }
    *product = it;
    return LL_OK;
}

void ll_product_destroy(ll_product *product) { ll_free(product); }

size_t ll_product_workspace(const ll_product *it)
{
    return it->pack_b ? (size_t)(it->gemm.k * it->gemm.n) * ll_dtype_bytes(it->dtype) + 64 : 0;
}

#define PACK(T)                                                                                              \
    do {                                                                                                     \
        const T *from = b;                                                                                   \
        T *to = packed;                                                                                      \
        for (int64_t row = 0; row < k; row += 16)                                                            \
            for (int64_t column = 0; column < n; column++)                                                   \
                for (int64_t r = row; r < row + 16 && r < k; r++) to[r * n + column] = from[column * k + r]; \
    } while (0)

static void pack_transposed(ll_dtype dtype, const void *b, int64_t k, int64_t n, void *packed)
{
    if (dtype == LL_F32) PACK(float);
    else PACK(double);
}

static void multiply(const ll_product *it, const void *a, const void *b, const void *start, void *c)
{
    bool wide = it->cpu >= LL_CPU_AVX512;
    if (it->dtype == LL_F32) (wide ? ll_gemm_f32_avx512 : ll_gemm_f32_avx2)(&it->gemm, a, b, start, c);
    else (wide ? ll_gemm_f64_avx512 : ll_gemm_f64_avx2)(&it->gemm, a, b, start, c);
}

void ll_product_run(const ll_product *it, const void *a, const void *b, const void *bias, void *c,
                    void *workspace)
{
    int64_t bytes = (int64_t)ll_dtype_bytes(it->dtype);
    int64_t index[MAX_RANK] = {0}, a_at = 0, b_at = 0, bias_at = 0, packed_at = -1;
    for (int64_t batch = 0; batch < it->batches; batch++) {
        const void *matrix = (const char *)b + b_at * bytes;
        if (it->pack_b) {
            if (packed_at != b_at) pack_transposed(it->dtype, matrix, it->gemm.k, it->gemm.n, workspace);
            packed_at = b_at;
            matrix = workspace;
        }
        char *result = (char *)c + batch * it->c_matrix * bytes;
        const void *start = it->start == LL_PRODUCT_ADD    ? result
                            : it->start == LL_PRODUCT_BIAS ? (const char *)bias + bias_at * bytes
                                                           : NULL;
        multiply(it, (const char *)a + a_at * bytes, matrix, start, result);
        for (int axis = it->batch_rank - 1; axis >= 0; axis--) {
            a_at += it->a_batch[axis];
            b_at += it->b_batch[axis];
            bias_at += it->bias_batch[axis];
            if (++index[axis] < it->batch_shape[axis]) break;
            a_at -= it->a_batch[axis] * it->batch_shape[axis];
            b_at -= it->b_batch[axis] * it->batch_shape[axis];
            bias_at -= it->bias_batch[axis] * it->batch_shape[axis];
            index[axis] = 0;
        }
    }
}
