/* The trilinear form T(x, w, y) = sum x w y over all (sample, channel pair, position, kernel offset) that
 * meet, and its three faces: y = dT/dy (convolution), x = dT/dx (convolution_data), w = dT/dw
 * (convolution_weight). Each is bilinear in the other two operands, and the derivative of a face by one of
 * its operands is another face: the set is closed. */
#include "graph/internal.h"

static int64_t extent(const ll_convolution *form, int i, int64_t x, int64_t kernel)
{
    int64_t room = x + form->pad_low[i] + form->pad_high[i] - (kernel - 1) * form->dilation[i] - 1;
    return room < 0 ? 0 : room / form->stride[i] + 1;
}

/* Whether an operand has a model axis: -1 when its rank fits neither way. */
static int has_models(const ll_graph_node *node, int spatial)
{
    return node->rank == spatial + 2 ? 0 : node->rank == spatial + 3 ? 1 : -1;
}

static ll_status infer(const ll_graph *graph, ll_graph_node *draft, ll_error *error)
{
    const ll_graph_node *a = ll_at(graph, draft->inputs[0]), *b = ll_at(graph, draft->inputs[1]);
    const ll_convolution *form = &draft->attributes.convolution;
    int s = form->spatial, more_a, more_b;
    if (s < 1 || s > LL_SPATIAL || form->groups < 1) {
        return ll_refuse(error, "%d spatial axes and %d groups: wanted 1 to %d, and at least 1", s,
                         (int)form->groups, LL_SPATIAL);
    }
    more_a = has_models(a, s);
    more_b = has_models(b, s);
    if (a->dtype != b->dtype || !ll_dtype_is_float(a->dtype) || more_a < 0 || more_b < 0) {
        return ll_refuse(
            error, "got %s and %s, wanted rank %d (or one more, for models) and one floating-point type",
            ll_words(a).text, ll_words(b).text, s + 2);
    }
    for (int i = 0; i < LL_SPATIAL; i++) {
        int64_t limit = (int64_t)1 << 31;
        bool fits = i < s ? form->stride[i] >= 1 && form->dilation[i] >= 1 && form->stride[i] < limit &&
                                form->dilation[i] < limit && form->pad_low[i] < limit &&
                                form->pad_high[i] < limit && form->pad_low[i] > -limit &&
                                form->pad_high[i] > -limit
                          : (form->stride[i] | form->dilation[i] | form->pad_low[i] | form->pad_high[i]) == 0;
        if (!fits) return ll_refuse(error, "spatial axis %d: stride, dilation or padding is out of range", i);
    }
    if (more_a && more_b && a->shape[0] != b->shape[0]) {
        return ll_refuse(error, "model axes differ: %s and %s", ll_words(a).text, ll_words(b).text);
    }
    int more = more_a | more_b;
    int64_t models = more_a ? a->shape[0] : more_b ? b->shape[0] : 0;
    const int64_t *p = a->shape + more_a, *q = b->shape + more_b;
    /* Spatial sizes of what an op cannot infer come with the draft, at its end. */
    int64_t wanted[LL_SPATIAL] = {0};
    if (draft->op != LL_OP_CONVOLUTION) {
        if (draft->rank < s) return ll_refuse(error, "the wanted spatial sizes are missing");
        for (int i = 0; i < s; i++) wanted[i] = draft->shape[draft->rank - s + i];
    }
    const int64_t *x = draft->op == LL_OP_CONVOLUTION_DATA ? wanted : p + 2;
    const int64_t *kernel = draft->op == LL_OP_CONVOLUTION_WEIGHT ? wanted : q + 2;
    const int64_t *y = draft->op == LL_OP_CONVOLUTION_DATA     ? p + 2
                       : draft->op == LL_OP_CONVOLUTION_WEIGHT ? q + 2
                                                               : NULL;
    for (int i = 0; i < s; i++) {
        if (x[i] < 0 || kernel[i] < 1 || x[i] > INT32_MAX || kernel[i] > INT32_MAX) {
            return ll_refuse(error, "spatial axis %d: x has %lld, the kernel %lld; wanted constant sizes", i,
                             (long long)x[i], (long long)kernel[i]);
        }
        int64_t out = extent(form, i, x[i], kernel[i]);
        if (y != NULL && y[i] != out) {
            return ll_refuse(error,
                             "spatial axis %d: x of %lld and a kernel of %lld give y of %lld, got %lld", i,
                             (long long)x[i], (long long)kernel[i], (long long)out, (long long)y[i]);
        }
        if (y == NULL) wanted[i] = out;
    }
    int64_t shape[LL_GRAPH_RANK] = {0};
    if (more) shape[0] = models;
    int64_t *r = shape + more;
    int64_t groups = form->groups;
    bool fits;
    if (draft->op == LL_OP_CONVOLUTION) { /* x [N, C], w [O, C / groups] */
        fits = p[1] >= 0 && q[0] >= 0 && q[1] >= 0 && q[0] % groups == 0 && p[1] == q[1] * groups;
        r[0] = p[0];
        r[1] = q[0];
    } else if (draft->op == LL_OP_CONVOLUTION_DATA) { /* y [N, O], w [O, C / groups] */
        fits = p[1] >= 0 && q[0] == p[1] && q[1] >= 0 && q[0] % groups == 0;
        r[0] = p[0];
        r[1] = fits ? q[1] * groups : 0;
    } else { /* x [N, C], y [N, O] */
        fits = p[0] == q[0] && p[1] >= 0 && q[1] >= 0 && p[1] % groups == 0 && q[1] % groups == 0;
        r[0] = q[1];
        r[1] = p[1] / groups;
    }
    if (!fits || models < 0) {
        return ll_refuse(error, "channels or samples do not fit: %s and %s with %d groups", ll_words(a).text,
                         ll_words(b).text, (int)groups);
    }
    for (int i = 0; i < s; i++) r[2 + i] = wanted[i];
    draft->dtype = a->dtype;
    draft->rank = s + 2 + more;
    for (int axis = 0; axis < LL_GRAPH_RANK; axis++) draft->shape[axis] = shape[axis];
    return LL_OK;
}

static ll_node face(ll_graph *graph, ll_op op, ll_node a, ll_node b, const ll_convolution *form,
                    const int64_t *sizes)
{
    ll_attributes attributes = {0};
    attributes.convolution = *form;
    return ll_graph_apply(graph, op, (ll_node[]){a, b}, 2, &attributes, LL_F32, sizes,
                          sizes == NULL                                       ? 0
                          : form->spatial >= 0 && form->spatial <= LL_SPATIAL ? form->spatial
                                                                              : 0);
}

static const int64_t *spatial_sizes(const ll_graph_node *node, int spatial)
{
    return node->shape + node->rank - spatial;
}

/* A cotangent has a model axis where any operand had: an operand shared by the models gets their sum. */
static ll_node shared(ll_graph *graph, ll_node cotangent, ll_node operand)
{
    if (cotangent == LL_NO_NODE) return LL_NO_NODE;
    bool more = ll_at(graph, cotangent)->rank > ll_at(graph, operand)->rank;
    return more ? ll_graph_sum(graph, cotangent, LL_AXIS(0)) : cotangent;
}

static void vjp(ll_graph *graph, ll_node node, ll_node g, const bool *wanted, ll_node *cotangents)
{
    const ll_graph_node *it = ll_at(graph, node);
    const ll_convolution *form = &it->attributes.convolution;
    ll_node a = it->inputs[0], b = it->inputs[1], da = LL_NO_NODE, db = LL_NO_NODE;
    const int64_t *size_a = spatial_sizes(ll_at(graph, a), form->spatial);
    const int64_t *size_b = spatial_sizes(ll_at(graph, b), form->spatial);
    switch (it->op) {
    case LL_OP_CONVOLUTION: /* a = x, b = w, g = y */
        if (wanted[0]) da = face(graph, LL_OP_CONVOLUTION_DATA, g, b, form, size_a);
        if (wanted[1]) db = face(graph, LL_OP_CONVOLUTION_WEIGHT, a, g, form, size_b);
        break;
    case LL_OP_CONVOLUTION_DATA: /* a = y, b = w, g = x */
        if (wanted[0]) da = face(graph, LL_OP_CONVOLUTION, g, b, form, NULL);
        if (wanted[1]) db = face(graph, LL_OP_CONVOLUTION_WEIGHT, g, a, form, size_b);
        break;
    default: /* a = x, b = y, g = w */
        if (wanted[0]) da = face(graph, LL_OP_CONVOLUTION_DATA, b, g, form, size_a);
        if (wanted[1]) db = face(graph, LL_OP_CONVOLUTION, a, g, form, NULL);
        break;
    }
    if (wanted[0]) cotangents[0] = shared(graph, da, a);
    if (wanted[1]) cotangents[1] = shared(graph, db, b);
}

static ll_node on(ll_graph *graph, ll_node node, ll_node a, ll_node b)
{
    const ll_graph_node *it = ll_at(graph, node);
    const ll_convolution *form = &it->attributes.convolution;
    return face(graph, it->op, a, b, form,
                it->op == LL_OP_CONVOLUTION ? NULL : spatial_sizes(it, form->spatial));
}

static ll_node jvp(ll_graph *graph, ll_node node, const ll_node *tangents)
{
    const ll_graph_node *it = ll_at(graph, node);
    ll_node by_a = tangents[0] == LL_NO_NODE ? LL_NO_NODE : on(graph, node, tangents[0], it->inputs[1]);
    ll_node by_b = tangents[1] == LL_NO_NODE ? LL_NO_NODE : on(graph, node, it->inputs[0], tangents[1]);
    if (by_a == LL_NO_NODE || by_b == LL_NO_NODE) return ll_sum_of(graph, by_a, by_b);
    return ll_graph_add(graph, by_a, by_b);
}

/* [K, A, ...] <-> [K A, ...] */
static ll_node merge(ll_graph *graph, ll_node x)
{
    if (x == LL_NO_NODE) return LL_NO_NODE;
    const ll_graph_node *node = ll_at(graph, x);
    int64_t shape[LL_GRAPH_RANK] = {0};
    for (int axis = 1; axis < node->rank; axis++) shape[axis - 1] = node->shape[axis];
    shape[0] *= node->shape[0];
    return ll_graph_reshape(graph, x, shape, node->rank - 1);
}

/* x with the axes [K, M] before its own, merged. */
static ll_node both_axes(ll_graph *graph, ll_node x, bool batched, bool has_own, int64_t models, int64_t own)
{
    if (x == LL_NO_NODE || (!batched && !has_own)) return x;
    if (!batched) {
        x = ll_broadcast_models(graph, x, models);
    } else if (!has_own) {
        const ll_graph_node *node = ll_at(graph, x);
        int64_t shape[LL_GRAPH_RANK + 1];
        ll_prepend(models, node->shape, node->rank, shape);
        shape[1] = own;
        x = ll_graph_broadcast(graph, x, shape, node->rank + 1, LL_AXIS(1));
    }
    return merge(graph, x);
}

static ll_node batch(ll_graph *graph, ll_node node, const ll_node *inputs, const bool *batched,
                     int64_t models)
{
    const ll_graph_node *it = ll_at(graph, node);
    int s = it->attributes.convolution.spatial;
    bool own_a = has_models(ll_at(graph, it->inputs[0]), s) == 1,
         own_b = has_models(ll_at(graph, it->inputs[1]), s) == 1;
    int64_t shape[LL_GRAPH_RANK + 1];
    ll_prepend(models, it->shape, it->rank, shape);
    if (own_a || own_b) {
        int64_t own = it->shape[0];
        ll_node a = both_axes(graph, inputs[0], batched[0], own_a, models, own);
        ll_node b = both_axes(graph, inputs[1], batched[1], own_b, models, own);
        return ll_graph_reshape(graph, on(graph, node, a, b), shape, it->rank + 1);
    }
    if (!batched[1] && it->op != LL_OP_CONVOLUTION_WEIGHT) { /* one set of weights: models are more samples */
        return ll_graph_reshape(graph, on(graph, node, merge(graph, inputs[0]), inputs[1]), shape,
                                it->rank + 1);
    }
    return on(graph, node, inputs[0], inputs[1]);
}

/* ------------------------------------------------------------------ cases */

static const struct {
    ll_convolution form;
    int n, c, o, x[LL_SPATIAL], k[LL_SPATIAL];
    int models_a, models_b; /* 0: none */
} cases[] = {
    {{1, 1, {1}, {1}, {0}, {0}}, -1, 2, 3, {6}, {3}, 0, 0},
    {{2, 1, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, -1, 2, 3, {5, 4}, {3, 3}, 0, 0},
    {{2, 1, {2, 2}, {1, 1}, {1, 0}, {0, 1}}, -1, 3, 2, {6, 5}, {3, 2}, 0, 0},
    {{2, 2, {1, 2}, {2, 1}, {2, 1}, {2, 1}}, -1, 4, 6, {5, 5}, {3, 2}, 0, 0},
    {{2, 3, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, -1, 3, 3, {4, 4}, {3, 3}, 0, 0},
    {{2, 1, {2, 2}, {1, 1}, {0, 0}, {0, 0}}, -1, 2, 4, {4, 4}, {1, 1}, 0, 0},
    {{3, 1, {1, 2, 1}, {1, 1, 2}, {0, 1, 1}, {1, 0, 1}}, 2, 2, 2, {3, 4, 4}, {2, 2, 2}, 0, 0},
    {{2, 1, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, -1, 2, 3, {4, 4}, {3, 3}, 2, 2},
    {{2, 1, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, -1, 2, 3, {4, 4}, {3, 3}, 0, 2},
    {{2, 1, {1, 1}, {1, 1}, {0, 0}, {0, 0}}, -1, 2, 3, {4, 4}, {3, 3}, 2, 0},
    {{1, 1, {1}, {1}, {-1}, {1}}, -1, 2, 2, {6}, {2}, 0, 0},
};

static ll_node case_leaf(ll_graph *graph, ll_op_sample *sample, ll_dtype dtype, int models, int64_t first,
                         int64_t second, int spatial, const int64_t *sizes)
{
    int64_t d[6] = {first, second};
    for (int i = 0; i < spatial; i++) d[2 + i] = sizes[i];
    if (models == 0) {
        return ll_sample_input(graph, sample, dtype, -1.0, 1.0, spatial + 2, (int)d[0], (int)d[1], (int)d[2],
                               (int)d[3], (int)d[4]);
    }
    return ll_sample_input(graph, sample, dtype, -1.0, 1.0, spatial + 3, models, (int)d[0], (int)d[1],
                           (int)d[2], (int)d[3], (int)d[4]);
}

static bool sample_face(ll_graph *graph, ll_op op, ll_dtype dtype, int index, ll_op_sample *sample)
{
    if (index >= (int)(sizeof cases / sizeof cases[0])) return false;
    const ll_convolution *form = &cases[index].form;
    int s = form->spatial, n = cases[index].n, c = cases[index].c, o = cases[index].o;
    int64_t x[LL_SPATIAL], k[LL_SPATIAL], y[LL_SPATIAL];
    for (int i = 0; i < s; i++) {
        x[i] = cases[index].x[i];
        k[i] = cases[index].k[i];
        y[i] = extent(form, i, x[i], k[i]);
    }
    int ma = cases[index].models_a, mb = cases[index].models_b;
    bool data = op == LL_OP_CONVOLUTION_DATA, weight = op == LL_OP_CONVOLUTION_WEIGHT;
    ll_node a = case_leaf(graph, sample, dtype, ma, n, data ? o : c, s, data ? y : x);
    ll_node b = weight ? case_leaf(graph, sample, dtype, mb, n, o, s, y)
                       : case_leaf(graph, sample, dtype, mb, o, c / form->groups, s, k);
    sample->output = face(graph, op, a, b, form, data ? x : weight ? k : NULL);
    return true;
}

#define LL_CONVOLUTION_RULES(symbol, NAME)                                                                   \
    static bool sample_##symbol(ll_graph *graph, ll_dtype dtype, int index, ll_op_sample *sample)            \
    {                                                                                                        \
        return sample_face(graph, LL_OP_##NAME, dtype, index, sample);                                       \
    }                                                                                                        \
    const ll_op_rules ll_rules_##symbol = {.types = LL_TYPES_FLOAT,                                          \
                                           .infer = infer,                                                   \
                                           .vjp = vjp,                                                       \
                                           .jvp = jvp,                                                       \
                                           .batch = batch,                                                   \
                                           .sample = sample_##symbol};
LL_CONVOLUTION_RULES(convolution, CONVOLUTION)
LL_CONVOLUTION_RULES(convolution_data, CONVOLUTION_DATA)
LL_CONVOLUTION_RULES(convolution_weight, CONVOLUTION_WEIGHT)

ll_node ll_graph_convolution(ll_graph *graph, ll_node x, ll_node w, const ll_convolution *form)
{
    return face(graph, LL_OP_CONVOLUTION, x, w, form, NULL);
}

ll_node ll_graph_convolution_data(ll_graph *graph, ll_node y, ll_node w, const ll_convolution *form,
                                  const int64_t *x_spatial)
{
    return face(graph, LL_OP_CONVOLUTION_DATA, y, w, form, x_spatial);
}

ll_node ll_graph_convolution_weight(ll_graph *graph, ll_node x, ll_node y, const ll_convolution *form,
                                    const int64_t *kernel)
{
    return face(graph, LL_OP_CONVOLUTION_WEIGHT, x, y, form, kernel);
}
