/* Matrix product and the three faces of convolution, as the sums of their definitions. */
#include "kernels/reference/reference.h"

/* ---------------------------------------------------------------- matmul */

/* The operand's matrix for a position of the output's batch axes: aligned at the right, size 1 stretches. */
static int64_t matrix_of(const ll_tensor_form *operand, const ll_tensor_form *out, const int64_t *batch)
{
    int64_t index = 0;
    int missing = out->rank - operand->rank;
    for (int axis = 0; axis < operand->rank - 2; axis++) {
        index = index * operand->shape[axis] + (operand->shape[axis] == 1 ? 0 : batch[axis + missing]);
    }
    return index;
}

static void matmul(const reference_kernel *it, const void *const *inputs, void *output)
{
    const ll_tensor_form *a = &it->inputs[0], *b = &it->inputs[1], *out = &it->output;
    bool ta = it->attributes.matmul.transpose_a != 0, tb = it->attributes.matmul.transpose_b != 0;
    bool real = ll_dtype_is_float(out->dtype);
    int64_t rows = out->shape[out->rank - 2], columns = out->shape[out->rank - 1];
    int64_t inner = a->shape[ta ? a->rank - 2 : a->rank - 1];
    int64_t batch[LL_GRAPH_RANK] = {0}, matrices = rows * columns > 0 ? out->count / (rows * columns) : 0;
    for (int64_t m = 0; m < matrices; m++, ll_next_position(out->rank - 2, out->shape, batch)) {
        int64_t a0 = matrix_of(a, out, batch) * rows * inner, b0 = matrix_of(b, out, batch) * inner * columns;
        for (int64_t r = 0; r < rows; r++) {
            for (int64_t c = 0; c < columns; c++) {
                double sum = 0.0;
                uint64_t whole = 0;
                for (int64_t k = 0; k < inner; k++) {
                    int64_t i = a0 + (ta ? k * rows + r : r * inner + k),
                            j = b0 + (tb ? c * inner + k : k * columns + c);
                    if (real) {
                        sum +=
                            ll_element_real(a->dtype, inputs[0], i) * ll_element_real(b->dtype, inputs[1], j);
                    } else {
                        whole += (uint64_t)ll_element_integer(a->dtype, inputs[0], i) *
                                 (uint64_t)ll_element_integer(b->dtype, inputs[1], j);
                    }
                }
                int64_t o = (m * rows + r) * columns + c;
                if (real) {
                    ll_store_real(out->dtype, output, o, sum);
                } else {
                    ll_store_integer(out->dtype, output, o, (int64_t)whole);
                }
            }
        }
    }
}

/* ---------------------------------------------------------------- convolution */

/* The three tensors of the trilinear form: x [N, C, S..], w [O, C/G, K..], y [N, O, P..], each with an optional leading
 * model axis. */
typedef struct face {
    const ll_tensor_form *form;
    bool models;
} face;

typedef struct convolution {
    const ll_convolution *shape;
    face x, w, y;
    int64_t models;
} convolution;

static int64_t extent(const face *f, int axis) { return f->form->shape[axis + (f->models ? 1 : 0)]; }

static int64_t element(const face *f, int64_t model, int64_t first, int64_t second, int spatial,
                       const int64_t *at)
{
    int64_t index = f->models ? model : 0;
    index = index * extent(f, 0) + first;
    index = index * extent(f, 1) + second;
    for (int axis = 0; axis < spatial; axis++) index = index * extent(f, axis + 2) + at[axis];
    return index;
}

/* Position in x that output position p reads at kernel position k; false outside. */
static bool reads(const convolution *c, const int64_t *p, const int64_t *k, int64_t *s)
{
    for (int axis = 0; axis < c->shape->spatial; axis++) {
        s[axis] =
            p[axis] * c->shape->stride[axis] + k[axis] * c->shape->dilation[axis] - c->shape->pad_low[axis];
        if (s[axis] < 0 || s[axis] >= extent(&c->x, axis + 2)) return false;
    }
    return true;
}

static void spatial_shape(const face *f, int spatial, int64_t *shape)
{
    for (int axis = 0; axis < spatial; axis++) shape[axis] = extent(f, axis + 2);
}

static int64_t product(const int64_t *shape, int rank)
{
    int64_t count = 1;
    for (int axis = 0; axis < rank; axis++) count *= shape[axis];
    return count;
}

/* One element of the output from the definition. model, n, channel pair and the two free spatial positions are set by
 * the face: forward sums over (c, k), data over (o, p, k), weight over (n, p). */
static double forward_at(const convolution *c, const void *x, const void *w, int64_t model, int64_t n,
                         int64_t o, const int64_t *p)
{
    int spatial = c->shape->spatial;
    int64_t group_inputs = extent(&c->w, 1), group = o / (extent(&c->w, 0) / c->shape->groups),
            kernel[LL_SPATIAL], s[LL_SPATIAL];
    spatial_shape(&c->w, spatial, kernel);
    double sum = 0.0;
    for (int64_t in = 0; in < group_inputs; in++) {
        int64_t k[LL_SPATIAL] = {0}, taps = product(kernel, spatial);
        for (int64_t i = 0; i < taps; i++, ll_next_position(spatial, kernel, k)) {
            if (!reads(c, p, k, s)) continue;
            sum += ll_element_real(c->x.form->dtype, x,
                                   element(&c->x, model, n, group * group_inputs + in, spatial, s)) *
                   ll_element_real(c->w.form->dtype, w, element(&c->w, model, o, in, spatial, k));
        }
    }
    return sum;
}

static double data_at(const convolution *c, const void *y, const void *w, int64_t model, int64_t n,
                      int64_t channel, const int64_t *s)
{
    int spatial = c->shape->spatial;
    int64_t group_inputs = extent(&c->w, 1), group_outputs = extent(&c->w, 0) / c->shape->groups,
            group = channel / group_inputs;
    int64_t kernel[LL_SPATIAL], p[LL_SPATIAL];
    spatial_shape(&c->w, spatial, kernel);
    double sum = 0.0;
    for (int64_t o = group * group_outputs; o < (group + 1) * group_outputs; o++) {
        int64_t k[LL_SPATIAL] = {0}, taps = product(kernel, spatial);
        for (int64_t i = 0; i < taps; i++, ll_next_position(spatial, kernel, k)) {
            bool inside = true;
            for (int axis = 0; axis < spatial && inside; axis++) {
                int64_t moved = s[axis] + c->shape->pad_low[axis] - k[axis] * c->shape->dilation[axis];
                p[axis] = moved / c->shape->stride[axis];
                inside =
                    moved >= 0 && moved % c->shape->stride[axis] == 0 && p[axis] < extent(&c->y, axis + 2);
            }
            if (!inside) continue;
            sum += ll_element_real(c->y.form->dtype, y, element(&c->y, model, n, o, spatial, p)) *
                   ll_element_real(c->w.form->dtype, w,
                                   element(&c->w, model, o, channel - group * group_inputs, spatial, k));
        }
    }
    return sum;
}

static double weight_at(const convolution *c, const void *x, const void *y, int64_t model, int64_t o,
                        int64_t in, const int64_t *k)
{
    int spatial = c->shape->spatial;
    int64_t group_inputs = extent(&c->w, 1), group = o / (extent(&c->w, 0) / c->shape->groups),
            out_shape[LL_SPATIAL], s[LL_SPATIAL];
    spatial_shape(&c->y, spatial, out_shape);
    double sum = 0.0;
    for (int64_t n = 0; n < extent(&c->x, 0); n++) {
        int64_t p[LL_SPATIAL] = {0}, positions = product(out_shape, spatial);
        for (int64_t i = 0; i < positions; i++, ll_next_position(spatial, out_shape, p)) {
            if (!reads(c, p, k, s)) continue;
            sum += ll_element_real(c->x.form->dtype, x,
                                   element(&c->x, model, n, group * group_inputs + in, spatial, s)) *
                   ll_element_real(c->y.form->dtype, y, element(&c->y, model, n, o, spatial, p));
        }
    }
    return sum;
}

typedef double (*face_function)(const convolution *, const void *, const void *, int64_t, int64_t, int64_t,
                                const int64_t *);

static void convolve(const reference_kernel *it, const void *const *inputs, void *output)
{
    const ll_convolution *shape = &it->attributes.convolution;
    int plain = shape->spatial + 2;
    face first = {&it->inputs[0], it->inputs[0].rank > plain},
         second = {&it->inputs[1], it->inputs[1].rank > plain};
    face out = {&it->output, it->output.rank > plain};
    convolution c = {.shape = shape, .models = out.models ? it->output.shape[0] : 1};
    face_function at = forward_at;
    c.x = first, c.w = second, c.y = out;
    if (it->op == LL_OP_CONVOLUTION_DATA) {
        c.y = first, c.w = second, c.x = out;
        at = data_at;
    } else if (it->op == LL_OP_CONVOLUTION_WEIGHT) {
        c.x = first, c.y = second, c.w = out;
        at = weight_at;
    }
    int64_t full[LL_GRAPH_RANK] = {c.models, extent(&out, 0), extent(&out, 1)}, position[LL_GRAPH_RANK] = {0};
    spatial_shape(&out, shape->spatial, full + 3);
    for (int64_t i = 0; i < it->output.count; i++, ll_next_position(plain + 1, full, position)) {
        ll_store_real(it->output.dtype, output, i,
                      at(&c, inputs[0], inputs[1], position[0], position[1], position[2], position + 3));
    }
}

void ll_reference_contract(const reference_kernel *it, const void *const *inputs, void *output)
{
    if (it->op == LL_OP_MATMUL) {
        matmul(it, inputs, output);
    } else {
        convolve(it, inputs, output);
    }
}
