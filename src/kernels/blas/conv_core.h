/* The body of blas/conv.c, for one element type T. */

/* A tile: rows [row, row + rows) of the output, and of each the positions [from, to). */
static void NAME(gather)(const blas_conv *it, const T *x, int64_t row, int64_t rows, int64_t from, int64_t to,
                         T *columns)
{
    int64_t stride = it->stride[2], width = to - from;
    for (int64_t c = 0; c < it->group_inputs; c++, x += it->x_size)
        for (int64_t k = 0; k < it->k_size; k++) {
            int64_t k0 = k / (it->k[1] * it->k[2]), k1 = k / it->k[2] % it->k[1], k2 = k % it->k[2];
            int64_t offset = k2 * it->dilation[2] - it->pad[2], low, high;
            valid_range(stride, offset, it->x[2], from, to, &low, &high);
            for (int64_t r = row; r < row + rows; r++, columns += width) {
                int64_t s0 = r / it->y[1] * it->stride[0] + k0 * it->dilation[0] - it->pad[0];
                int64_t s1 = r % it->y[1] * it->stride[1] + k1 * it->dilation[1] - it->pad[1];
                if (s0 < 0 || s0 >= it->x[0] || s1 < 0 || s1 >= it->x[1]) {
                    memset(columns, 0, (size_t)width * sizeof(T));
                    continue;
                }
                const T *source = x + (s0 * it->x[1] + s1) * it->x[2];
                for (int64_t p = from; p < low; p++) columns[p - from] = 0;
                if (stride == 1)
                    for (int64_t p = low; p < high; p++) columns[p - from] = source[p + offset];
                else
                    for (int64_t p = low; p < high; p++) columns[p - from] = source[p * stride + offset];
                for (int64_t p = high; p < to; p++) columns[p - from] = 0;
            }
        }
}

/* The adjoint: columns are added to where they would have been gathered from. */
static void NAME(scatter)(const blas_conv *it, const T *columns, int64_t row, int64_t rows, int64_t from,
                          int64_t to, T *x)
{
    int64_t stride = it->stride[2], width = to - from;
    for (int64_t c = 0; c < it->group_inputs; c++, x += it->x_size)
        for (int64_t k = 0; k < it->k_size; k++) {
            int64_t k0 = k / (it->k[1] * it->k[2]), k1 = k / it->k[2] % it->k[1], k2 = k % it->k[2];
            int64_t offset = k2 * it->dilation[2] - it->pad[2], low, high;
            valid_range(stride, offset, it->x[2], from, to, &low, &high);
            for (int64_t r = row; r < row + rows; r++, columns += width) {
                int64_t s0 = r / it->y[1] * it->stride[0] + k0 * it->dilation[0] - it->pad[0];
                int64_t s1 = r % it->y[1] * it->stride[1] + k1 * it->dilation[1] - it->pad[1];
                if (s0 < 0 || s0 >= it->x[0] || s1 < 0 || s1 >= it->x[1]) continue;
                T *target = x + (s0 * it->x[1] + s1) * it->x[2];
                if (stride == 1)
                    for (int64_t p = low; p < high; p++) target[p + offset] += columns[p - from];
                else
                    for (int64_t p = low; p < high; p++) target[p * stride + offset] += columns[p - from];
            }
        }
}

/* One tile of one sample and group: positions [row, row + rows) x [from, to). */
static void NAME(tile)(const blas_conv *it, const T *x, const T *w, const T *y, T *out, int64_t row,
                       int64_t rows, int64_t from, int64_t to, T *workspace)
{
    int depth = (int)(it->group_inputs * it->k_size), outputs = (int)it->group_outputs;
    int positions = (int)(rows * (to - from)), size = (int)it->y_size;
    int64_t first = row * it->y[2] + from;
    T *columns = workspace;
    int step = positions; /* between rows of the columns */
    if (it->direct) step = size;
    switch ((int)it->op) {
    case LL_OP_CONVOLUTION:
        if (!it->direct) NAME(gather)(it, x, row, rows, from, to, columns);
        GEMM(CblasRowMajor, CblasNoTrans, CblasNoTrans, outputs, positions, depth, 1, w, depth,
             it->direct ? x + first : columns, step, 0, out + first, size);
        break;
    case LL_OP_CONVOLUTION_DATA:
        GEMM(CblasRowMajor, CblasTrans, CblasNoTrans, depth, positions, outputs, 1, w, depth, y + first, size,
             0, it->direct ? out + first : columns, step);
        if (!it->direct) NAME(scatter)(it, columns, row, rows, from, to, out);
        break;
    default:
        if (!it->direct) NAME(gather)(it, x, row, rows, from, to, columns);
        GEMM(CblasRowMajor, CblasNoTrans, CblasTrans, outputs, depth, positions, 1, y + first, size,
             it->direct ? x + first : columns, step, 1, out, depth);
        break;
    }
}

void NAME(blas_conv_run)(const blas_conv *it, const void *const *inputs, void *output, void *workspace)
{
    int64_t x_group = it->group_inputs * it->x_size, y_group = it->group_outputs * it->y_size;
    int64_t w_group = it->group_outputs * it->group_inputs * it->k_size, rows = it->y[0] * it->y[1];
    bool data = it->op == LL_OP_CONVOLUTION_DATA, weight = it->op == LL_OP_CONVOLUTION_WEIGHT;
    const T *x = data ? NULL : inputs[0], *y = data ? inputs[0] : weight ? inputs[1] : NULL;
    const T *w = weight ? NULL : inputs[1];
    int64_t elements = data ? it->samples * it->groups * x_group : weight ? it->groups * w_group : 0;
    if (elements > 0) memset(output, 0, (size_t)(elements * it->models) * sizeof(T)); /* sums start at zero */
    for (int64_t model = 0; model < it->models; model++)
        for (int64_t n = 0; n < it->samples * it->groups; n++) {
            int64_t group = n % it->groups;
            int64_t x_at = model * it->x_model + n * x_group, y_at = model * it->y_model + n * y_group;
            int64_t w_at = model * it->w_model + group * w_group;
            T *out = (T *)output + (data ? x_at : weight ? w_at : y_at);
            for (int64_t row = 0; row < rows; row += it->tile_rows)
                for (int64_t from = 0; from < it->y[2]; from += it->tile_width) NAME(tile)
            (it, x ? x + x_at : NULL, w ? w + w_at : NULL, y ? y + y_at : NULL, out, row,
             ll_min_int64(it->tile_rows, rows - row), from, ll_min_int64(it->y[2], from + it->tile_width),
             workspace);
        }
}
