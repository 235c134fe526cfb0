/* The provider "native": matrix products, single element-wise ops, broadcasts, transposes, slices and sums in vector
 * code. Convolutions in blocked layout and fused chains are steps of the runtime, which owns layouts. */
#include "kernels/kernel.h"
#include "kernels/native/gemm.h"
#include "losslens/kernels_map.h"

#include <string.h>

enum { MAX_RANK = LL_GRAPH_RANK };

typedef struct native_state {
    ll_op op;
    ll_dtype dtype;
    ll_cpu_level cpu;
    ll_map *map;
    int64_t offset; /* slice: first element */
    ll_gemm gemm;
    bool pack_b;    /* B is transposed */
    int64_t batches;
    int batch_rank;
    int64_t batch_shape[MAX_RANK], a_batch[MAX_RANK], b_batch[MAX_RANK];
    int64_t c_matrix;
    int64_t outer, middle, inner; /* sum over the middle axis */
} native_state;

static int64_t product(const int64_t *shape, int first, int last)
{
    int64_t count = 1;
    for (int i = first; i < last; i++) count *= shape[i];
    return count;
}

/* Sums over a contiguous run of axes: [outer][middle][inner] -> [outer][inner]. */
static bool sum_axes(const ll_kernel_case *kernel, int64_t *outer, int64_t *middle, int64_t *inner)
{
    const ll_tensor_form *x = &kernel->inputs[0];
    uint32_t axes = kernel->attributes.reduce.axes;
    int first = -1, last = -1;
    for (int i = 0; i < x->rank; i++)
        if (((axes >> i) & 1U) && x->shape[i] != 1) {
            if (first < 0) first = i;
            last = i;
        }
    if (first < 0) return false;
    for (int i = first; i <= last; i++)
        if (!((axes >> i) & 1U) && x->shape[i] != 1) return false;
    *outer = product(x->shape, 0, first);
    *middle = product(x->shape, first, last + 1);
    *inner = product(x->shape, last + 1, x->rank);
    return true;
}

static bool native_supports(const ll_kernel_case *kernel)
{
    if (ll_cpu_detect() < LL_CPU_AVX2) return false;
    ll_dtype dtype = kernel->input_count > 0 ? kernel->inputs[0].dtype : kernel->output.dtype;
    bool real = dtype == LL_F32 || dtype == LL_F64;
    int64_t outer, middle, inner;
    if (kernel->output.count == 0) return false;
    switch (kernel->op) {
    case LL_OP_MATMUL:
        /* A second operand beyond the L2 cache needs blocking for it: BLAS does that. */
        return real && kernel->inputs[0].count > 0 && kernel->inputs[0].rank >= 2 && kernel->inputs[1].rank >= 2 &&
               kernel->inputs[1].shape[kernel->inputs[1].rank - 1] *
                       kernel->inputs[1].shape[kernel->inputs[1].rank - 2] <= 256 * 1024;
    case LL_OP_SUM: return real && kernel->inputs[0].count > 0 && sum_axes(kernel, &outer, &middle, &inner);
    case LL_OP_BROADCAST:
    case LL_OP_TRANSPOSE:
    case LL_OP_SLICE: return real || dtype == LL_BOOL;
    default: break;
    }
    if (ll_op_traits_of(kernel->op)->op_class != LL_CLASS_MAP || kernel->op == LL_OP_RANDOM) return false;
    if (kernel->op == LL_OP_SELECT) dtype = kernel->inputs[1].dtype;
    return ll_map_operation_supported(kernel->op, dtype, kernel->output.dtype);
}

static void dense_strides(const ll_tensor_form *form, int64_t *strides)
{
    int64_t step = 1;
    for (int i = form->rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= form->shape[i];
    }
}

static ll_status prepare_map(const ll_kernel_case *kernel, native_state *state, ll_error *error)
{
    ll_map_program *program = ll_allocate_zeroed(sizeof *program);
    if (!program) return ll_fail_memory(error, "kernels", sizeof *program);
    int count = (int)kernel->input_count;
    program->input_count = count;
    program->output_count = 1;
    program->output_type[0] = kernel->output.dtype;
    program->wide = kernel->output.dtype == LL_F64;
    int64_t strides[MAX_RANK];
    for (int i = 0; i < count; i++) {
        program->inputs[i].dtype = kernel->inputs[i].dtype;
        program->wide = program->wide || kernel->inputs[i].dtype == LL_F64;
        dense_strides(&kernel->inputs[i], strides);
        int64_t *to = program->inputs[i].strides;
        switch (kernel->op) {
        case LL_OP_BROADCAST:
            for (int axis = 0, from = 0; axis < kernel->output.rank; axis++)
                to[axis] = (kernel->attributes.broadcast.axes >> axis) & 1U ? 0 : strides[from++];
            break;
        case LL_OP_TRANSPOSE:
            for (int axis = 0; axis < kernel->output.rank; axis++)
                to[axis] = strides[kernel->attributes.transpose.permutation[axis]];
            break;
        case LL_OP_SLICE:
            for (int axis = 0; axis < kernel->output.rank; axis++) {
                to[axis] = strides[axis] * kernel->attributes.slice.step[axis];
                state->offset += strides[axis] * kernel->attributes.slice.start[axis];
            }
            break;
        default: memcpy(to, strides, sizeof strides); break;
        }
    }
    if (kernel->op == LL_OP_BROADCAST || kernel->op == LL_OP_TRANSPOSE || kernel->op == LL_OP_SLICE) {
        program->output_register[0] = LL_MAP_REGISTERS;
    } else {
        ll_map_instruction *it = &program->code[program->code_count++];
        it->operation = (uint8_t)kernel->op;
        it->type = (uint8_t)(kernel->op == LL_OP_SELECT ? kernel->inputs[1].dtype : kernel->inputs[0].dtype);
        it->result_type = (uint8_t)kernel->output.dtype;
        for (int i = 0; i < count; i++) it->in[i] = (uint8_t)(LL_MAP_REGISTERS + i);
    }
    ll_status status = ll_map_create(program, kernel->output.rank, kernel->output.shape, state->cpu, &state->map, error);
    ll_free(program);
    return status;
}

static void prepare_matmul(const ll_kernel_case *kernel, native_state *state)
{
    const ll_tensor_form *a = &kernel->inputs[0], *b = &kernel->inputs[1], *c = &kernel->output;
    bool ta = kernel->attributes.matmul.transpose_a != 0, tb = kernel->attributes.matmul.transpose_b != 0;
    ll_gemm *g = &state->gemm;
    g->m = c->shape[c->rank - 2];
    g->n = c->shape[c->rank - 1];
    g->k = a->shape[a->rank - (ta ? 2 : 1)];
    int64_t width = a->shape[a->rank - 1];
    g->a_row = ta ? 1 : width;
    g->a_column = ta ? width : 1;
    g->b_row = g->n;
    g->c_row = g->n;
    state->pack_b = tb && g->n > 1;
    state->c_matrix = g->m * g->n;
    state->batch_rank = c->rank - 2;
    state->batches = product(c->shape, 0, state->batch_rank);
    int64_t a_step = product(a->shape, a->rank - 2, a->rank), b_step = product(b->shape, b->rank - 2, b->rank);
    bool a_one = true, rows = true; /* one B for all: batches of A are more rows */
    for (int i = state->batch_rank - 1; i >= 0; i--) {
        int ia = i - (c->rank - a->rank), ib = i - (c->rank - b->rank);
        state->batch_shape[i] = c->shape[i];
        bool in_a = ia >= 0 && a->shape[ia] == c->shape[i], in_b = ib >= 0 && b->shape[ib] != 1;
        state->a_batch[i] = in_a && a->shape[ia] != 1 ? a_step : 0;
        state->b_batch[i] = in_b ? b_step : 0;
        a_one = a_one && (ia < 0 || a->shape[ia] == 1);
        rows = rows && in_a && !in_b;
        if (ia >= 0) a_step *= a->shape[ia];
        if (ib >= 0) b_step *= b->shape[ib];
    }
    if (state->batch_rank > 0 && rows && !ta && state->batches > 1) {
        g->m *= state->batches;
        state->c_matrix *= state->batches;
        state->batches = 1;
        state->batch_rank = 0;
    }
}

static ll_status native_prepare(const ll_kernel_case *kernel, void **state, ll_error *error)
{
    native_state *made = ll_allocate_zeroed(sizeof *made);
    if (!made) return ll_fail_memory(error, "kernels", sizeof *made);
    made->op = kernel->op;
    made->dtype = kernel->inputs[0].dtype;
    made->cpu = ll_cpu_detect();
    ll_status status = LL_OK;
    if (kernel->op == LL_OP_MATMUL) prepare_matmul(kernel, made);
    else if (kernel->op == LL_OP_SUM) sum_axes(kernel, &made->outer, &made->middle, &made->inner);
    else status = prepare_map(kernel, made, error);
    if (status != LL_OK) {
        ll_free(made);
        return status;
    }
    *state = made;
    return LL_OK;
}

static size_t native_workspace(const void *state)
{
    const native_state *it = state;
    if (it->map) return ll_map_workspace(it->map);
    if (it->op == LL_OP_MATMUL && it->pack_b) return (size_t)(it->gemm.k * it->gemm.n) * ll_dtype_bytes(it->dtype) + 64;
    if (it->op == LL_OP_SUM) return sizeof(double) * (size_t)(it->inner + 8);
    return 0;
}

#define PACK(T)                                                                                     \
    do {                                                                                            \
        const T *from = b;                                                                          \
        T *to = packed;                                                                             \
        for (int64_t row = 0; row < k; row += 16)                                                   \
            for (int64_t column = 0; column < n; column++)                                          \
                for (int64_t r = row; r < row + 16 && r < k; r++) to[r * n + column] = from[column * k + r]; \
    } while (0)

static void pack_transposed(ll_dtype dtype, const void *b, int64_t k, int64_t n, void *packed)
{
    if (dtype == LL_F32) PACK(float);
    else PACK(double);
}

static void multiply(const native_state *it, const char *a, const char *b, char *c)
{
    bool wide = it->cpu >= LL_CPU_AVX512;
    if (it->dtype == LL_F32)
        (wide ? ll_gemm_f32_avx512 : ll_gemm_f32_avx2)(&it->gemm, (const float *)(const void *)a,
                                                       (const float *)(const void *)b, (float *)(void *)c);
    else
        (wide ? ll_gemm_f64_avx512 : ll_gemm_f64_avx2)(&it->gemm, (const double *)(const void *)a,
                                                       (const double *)(const void *)b, (double *)(void *)c);
}

static void run_matmul(const native_state *it, const char *a, const char *b, char *c, void *workspace)
{
    int64_t bytes = (int64_t)ll_dtype_bytes(it->dtype);
    int64_t index[MAX_RANK] = {0}, a_at = 0, b_at = 0, packed_at = -1;
    for (int64_t batch = 0; batch < it->batches; batch++) {
        const char *matrix = b + b_at * bytes;
        if (it->pack_b) {
            if (packed_at != b_at) pack_transposed(it->dtype, matrix, it->gemm.k, it->gemm.n, workspace);
            packed_at = b_at;
            matrix = workspace;
        }
        multiply(it, a + a_at * bytes, matrix, c + batch * it->c_matrix * bytes);
        for (int axis = it->batch_rank - 1; axis >= 0; axis--) {
            a_at += it->a_batch[axis];
            b_at += it->b_batch[axis];
            if (++index[axis] < it->batch_shape[axis]) break;
            a_at -= it->a_batch[axis] * it->batch_shape[axis];
            b_at -= it->b_batch[axis] * it->batch_shape[axis];
            index[axis] = 0;
        }
    }
}

/* Double sums. Over the last axes: eight interleaved partial sums, added pairwise; else column by column. */
#define SUM(T)                                                                                      \
    do {                                                                                            \
        const T *from = x;                                                                          \
        T *to = y;                                                                                  \
        double *columns = workspace;                                                                \
        for (int64_t o = 0; o < it->outer; o++, from += it->middle * it->inner, to += it->inner) {  \
            if (it->inner == 1) {                                                                   \
                double s[8] = {0};                                                                  \
                int64_t i = 0;                                                                      \
                for (; i + 8 <= it->middle; i += 8)                                                 \
                    for (int j = 0; j < 8; j++) s[j] += (double)from[i + j];                        \
                for (int j = 0; i < it->middle; i++, j++) s[j] += (double)from[i];                  \
                to[0] = (T)(((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])));     \
                continue;                                                                           \
            }                                                                                       \
            for (int64_t c = 0; c < it->inner; c++) columns[c] = 0;                                 \
            for (int64_t i = 0; i < it->middle; i++)                                                \
                for (int64_t c = 0; c < it->inner; c++) columns[c] += (double)from[i * it->inner + c]; \
            for (int64_t c = 0; c < it->inner; c++) to[c] = (T)columns[c];                          \
        }                                                                                           \
    } while (0)

static void run_sum(const native_state *it, const void *x, void *y, void *workspace)
{
    if (it->dtype == LL_F32) SUM(float);
    else SUM(double);
}

static ll_status native_run(const void *state, const void *const *inputs, void *output, void *workspace,
                            ll_error *error)
{
    const native_state *it = state;
    (void)error;
    if (it->map) {
        const void *moved[4] = {(const char *)inputs[0] + it->offset * (int64_t)ll_dtype_bytes(it->dtype)};
        ll_map_run(it->map, it->op == LL_OP_SLICE ? moved : inputs, &output, workspace);
    } else if (it->op == LL_OP_MATMUL) {
        run_matmul(it, inputs[0], inputs[1], output, workspace);
    } else {
        run_sum(it, inputs[0], output, workspace);
    }
    return LL_OK;
}

static void native_destroy(void *state)
{
    native_state *it = state;
    if (!it) return;
    ll_map_destroy(it->map);
    ll_free(it);
}

const ll_provider ll_provider_native = {"native", native_supports, native_prepare, native_workspace, native_run,
                                        native_destroy};
