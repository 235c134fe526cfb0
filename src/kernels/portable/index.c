/* gather and scatter_add: x or the sum is [batch, length, rest], the index [batch, points]. */
#include "kernels/portable/portable.h"

#include <string.h>

enum { SUM_BYTES = 1 << 20 }; /* of double sums at a time */

typedef struct indexing {
    int64_t batch, length, rest, points;
} indexing;

static indexing indexing_of(const portable_kernel *it)
{
    const ll_tensor_form *table = it->op == LL_OP_GATHER ? &it->inputs[0] : &it->output,
                         *index = &it->inputs[1];
    int batch_axes = it->attributes.gather.batch_axes;
    return (indexing){portable_product(table->shape, 0, batch_axes), table->shape[batch_axes],
                      portable_product(table->shape, batch_axes + 1, table->rank),
                      portable_product(index->shape, batch_axes, index->rank)};
}

static int64_t chosen(ll_dtype dtype, const void *index, int64_t i)
{
    return dtype == LL_I32 ? ((const int32_t *)index)[i] : ((const int64_t *)index)[i];
}

static bool supports(const ll_kernel_case *kernel)
{
    return ll_dtype_is_integer(kernel->inputs[1].dtype) &&
           (kernel->op == LL_OP_GATHER || ll_dtype_is_float(kernel->output.dtype));
}

#define PICK(T)                                                                                              \
    do {                                                                                                     \
        const T *from = x;                                                                                   \
        T *to = output;                                                                                      \
        for (int64_t b = 0; b < e.batch; b++, from += e.length, to += e.points)                              \
            for (int64_t p = 0; p < e.points; p++) {                                                         \
                int64_t at = chosen(type, index, b * e.points + p);                                          \
                to[p] = at >= 0 && at < e.length ? from[at] : 0;                                             \
            }                                                                                                \
    } while (0)

static void gather(const portable_kernel *it, const void *x, const void *index, void *output)
{
    indexing e = indexing_of(it);
    ll_dtype type = it->inputs[1].dtype;
    size_t bytes = ll_dtype_bytes(it->output.dtype), row = (size_t)e.rest * bytes;
    if (e.rest == 1 && bytes == 4) PICK(uint32_t);
    else if (e.rest == 1 && bytes == 8) PICK(uint64_t);
    else
        for (int64_t p = 0; p < e.batch * e.points; p++) {
            int64_t at = chosen(type, index, p);
            char *to = (char *)output + (size_t)p * row;
            if (at < 0 || at >= e.length) memset(to, 0, row);
            else memcpy(to, (const char *)x + (size_t)(p / e.points * e.length + at) * row, row);
        }
}

/* Columns of `rest` whose sums are held at a time. */
static int64_t columns_of(indexing e)
{
    return ll_min_int64(e.rest, ll_max_int64(1, SUM_BYTES / (int64_t)sizeof(double) / e.length));
}

static size_t workspace_bytes(const portable_kernel *it)
{
    if (it->op == LL_OP_GATHER) return 0;
    indexing e = indexing_of(it);
    return (size_t)(e.length * columns_of(e)) * sizeof(double);
}

#define SCATTER(T)                                                                                           \
    do {                                                                                                     \
        const T *from = (const T *)values + b * e.points * e.rest + first;                                   \
        T *to = (T *)output + b * e.length * e.rest + first;                                                 \
        for (int64_t p = 0; p < e.points; p++) {                                                             \
            int64_t at = chosen(type, index, b * e.points + p);                                              \
            if (at < 0 || at >= e.length) continue;                                                          \
            for (int64_t r = 0; r < width; r++) sums[at * width + r] += (double)from[p * e.rest + r];        \
        }                                                                                                    \
        for (int64_t l = 0; l < e.length; l++)                                                               \
            for (int64_t r = 0; r < width; r++) to[l * e.rest + r] = (T)sums[l * width + r];                 \
    } while (0)

static void scatter_add(const portable_kernel *it, const void *values, const void *index, void *output,
                        double *sums)
{
    indexing e = indexing_of(it);
    ll_dtype type = it->inputs[1].dtype;
    int64_t columns = columns_of(e);
    for (int64_t b = 0; b < e.batch; b++)
        for (int64_t first = 0; first < e.rest; first += columns) {
            int64_t width = ll_min_int64(columns, e.rest - first);
            memset(sums, 0, (size_t)(e.length * width) * sizeof *sums);
            if (it->output.dtype == LL_F32) SCATTER(float);
            else SCATTER(double);
        }
}

static void run(const portable_kernel *it, const void *const *inputs, void *output, void *workspace)
{
    if (it->op == LL_OP_GATHER) gather(it, inputs[0], inputs[1], output);
    else scatter_add(it, inputs[0], inputs[1], output, workspace);
}

const portable_family ll_portable_index = {supports, workspace_bytes, run};
