/* Which axes count the same hidden units: classes of axes, united op by op from the parameters to the output.
 */
#include "units.h"

#include "losslens/problem_vectors.h"

#include <string.h>

static const char *const module = "connectivity";

/* ------------------------------------------------------------------ classes of axes */

/* An axis is a class, or two: their product (outer, inner) once a reshape has shown it to be one, or the
 * first stretch of it and the rest where something was padded, concatenated or cut out. Classes are united by
 * parent links; the root says the rest. Sizes as in shapes: negative ones are multiples of the number of
 * samples. */
typedef struct axis_class {
    int64_t size;
    int32_t parent, outer, inner; /* outer -1: a class of its own */
    bool sum;                     /* outer and inner lie one behind the other: no product */
    bool fixed;                   /* its order means something */
} axis_class;

typedef struct classes {
    axis_class *item;
    int64_t count, capacity;
    bool failed; /* out of memory */
} classes;

enum { DEEP = 128 };
typedef struct axis_list { /* outermost axis first */
    int32_t item[DEEP];
    int count;
} axis_list;

static int32_t add_class(classes *c, int64_t size, bool fixed)
{
    if (c->count == c->capacity) {
        int64_t capacity = 2 * c->capacity + 1024;
        axis_class *grown = c->count < INT32_MAX / 4 ? ll_allocate_array(capacity, sizeof *grown) : NULL;
        if (grown == NULL) {
            c->failed = true;
            return 0;
        }
        if (c->count > 0) memcpy(grown, c->item, (size_t)c->count * sizeof *grown);
        ll_free(c->item);
        c->item = grown;
        c->capacity = capacity;
    }
    c->item[c->count] = (axis_class){
        .size = size, .parent = (int32_t)c->count, .outer = -1, .inner = -1, .fixed = fixed || size < 0};
    return (int32_t)c->count++;
}

static int32_t root(classes *c, int32_t at)
{
    while (c->item[at].parent != at) {
        c->item[at].parent = c->item[c->item[at].parent].parent;
        at = c->item[at].parent;
    }
    return at;
}

static void fix(classes *c, int32_t at)
{
    at = root(c, at);
    c->item[at].fixed = true;
    if (c->item[at].outer < 0) return;
    fix(c, c->item[at].outer);
    fix(c, c->item[at].inner);
}

static void fix_list(classes *c, const axis_list *list)
{
    for (int i = 0; i < list->count; i++) fix(c, list->item[i]);
}

/* Makes the class the product of `outer` units of something and what is left. */
static void split(classes *c, int32_t at, int64_t outer)
{
    bool fixed = c->item[at].fixed;
    int32_t first = add_class(c, outer, fixed), second = add_class(c, c->item[at].size / outer, fixed);
    if (c->failed) return;
    c->item[at].outer = first;
    c->item[at].inner = second;
}

/* Makes the class, which must be one of its own, the stretch `first` and the rest behind it. */
static void divide(classes *c, int32_t at, int32_t first, int32_t rest)
{
    if (c->failed) return;
    bool fixed = c->item[at].fixed;
    c->item[at].outer = first;
    c->item[at].inner = rest;
    c->item[at].sum = true;
    if (fixed) fix(c, at);
}

static void push(axis_list *list, int32_t at)
{
    if (list->count < DEEP) list->item[list->count] = at;
    list->count++;
}

static void drop_ones(const classes *c, axis_list *stack)
{
    while (stack->count > 0 && c->item[stack->item[stack->count - 1]].size == 1) stack->count--;
}

static bool splits(int64_t whole, int64_t part)
{
    if (part == 0 || whole % part != 0 || whole == part) return false;
    int64_t w = whole < 0 ? -whole : whole, p = part < 0 ? -part : part;
    return w > p || (w == p && whole < 0);
}

/* The class's stretches in order, none of them made of stretches. */
static void stretches(classes *c, int32_t at, axis_list *list)
{
    at = root(c, at);
    if (c->item[at].sum) {
        stretches(c, c->item[at].outer, list);
        stretches(c, c->item[at].inner, list);
    } else {
        push(list, at);
    }
}

/* The class's stretch that starts behind `before` units; -1: none does. */
static int32_t stretch_at(classes *c, int32_t at, int64_t before)
{
    axis_list list = {.count = 0};
    stretches(c, at, &list);
    for (int i = 0; i < list.count && i < DEEP && before >= 0; i++) {
        if (before == 0) return list.item[i];
        before -= c->item[list.item[i]].size;
    }
    return -1;
}

static void unite(classes *c, const axis_list *left, const axis_list *right);

/* Both are made of stretches: identifies those in order, cutting the longer one where ends differ. Uniting
 * two may cut others of the same class, so every stretch is looked up anew. */
static void unite_sums(classes *c, int32_t x, int32_t y)
{
    int64_t size = c->item[x].size;
    for (int64_t done = 0; done < size && !c->failed;) {
        int32_t longer = stretch_at(c, x, done), shorter = stretch_at(c, y, done);
        if (longer < 0 || shorter < 0) break;
        if (c->item[longer].size == c->item[shorter].size) {
            const axis_list one = {.item = {longer}, .count = 1}, other = {.item = {shorter}, .count = 1};
            done += c->item[longer].size;
            unite(c, &one, &other);
            if (done < size) continue;
            x = root(c, x);
            y = root(c, y);
            if (x != y) c->item[x].parent = y;
            return;
        }
        if (c->item[longer].size < c->item[shorter].size) {
            int32_t swapped = longer;
            longer = shorter;
            shorter = swapped;
        }
        if (c->item[longer].outer >= 0) break; /* a product is not cut */
        int64_t first_size = c->item[shorter].size, rest_size = c->item[longer].size - first_size;
        int32_t first = add_class(c, first_size, false), rest = add_class(c, rest_size, false);
        divide(c, longer, first, rest);
    }
    fix(c, x);
    fix(c, y);
}

/* The two lists number the same elements in C order: identifies them, axis by axis, splitting where one side
 * has a product. What does not come out even keeps its order. */
static void unite(classes *c, const axis_list *left, const axis_list *right)
{
    axis_list a = {.count = 0}, b = {.count = 0}; /* stacks: the outermost on top */
    for (int i = left->count - 1; i >= 0; i--) push(&a, left->item[i]);
    for (int i = right->count - 1; i >= 0; i--) push(&b, right->item[i]);
    for (;;) {
        if (c->failed) return;
        if (a.count > DEEP - 2 || b.count > DEEP - 2) break;
        drop_ones(c, &a);
        drop_ones(c, &b);
        if (a.count == 0 && b.count == 0) return;
        if (a.count == 0 || b.count == 0) break;
        int32_t x = root(c, a.item[a.count - 1]), y = root(c, b.item[b.count - 1]);
        axis_class *p = &c->item[x], *q = &c->item[y];
        if (x == y) {
            a.count--;
            b.count--;
        } else if (p->size == q->size && p->outer < 0) { /* x becomes y, product or not */
            bool fixed = p->fixed;
            p->parent = y;
            if (fixed) fix(c, y);
            a.count--;
            b.count--;
        } else if (p->size == q->size && q->outer < 0) {
            bool fixed = q->fixed;
            q->parent = x;
            if (fixed) fix(c, x);
            a.count--;
            b.count--;
        } else if (p->size == q->size && p->sum && q->sum) {
            unite_sums(c, x, y);
            a.count--;
            b.count--;
        } else if (p->sum || q->sum) {
            break;
        } else if (p->outer >= 0 && (p->size == q->size || splits(p->size, q->size))) {
            a.count--;
            push(&a, p->inner);
            push(&a, p->outer);
        } else if (q->outer >= 0 && (p->size == q->size || splits(q->size, p->size))) {
            b.count--;
            push(&b, q->inner);
            push(&b, q->outer);
        } else if (splits(p->size, q->size)) {
            split(c, x, c->item[y].size);
        } else if (splits(q->size, p->size)) {
            split(c, y, c->item[x].size);
        } else {
            break;
        }
    }
    fix_list(c, left);
    fix_list(c, right);
}

/* ------------------------------------------------------------------ the ops' rules */

typedef struct analysis {
    const ll_graph *graph;
    classes classes;
    int32_t (*axis)[LL_GRAPH_RANK]; /* class of each axis of each node */
    uint8_t *uniform;               /* of each node: bit i: the values are the same all along axis i */
} analysis;

static void unite_one(analysis *n, int32_t x, int32_t y)
{
    const axis_list a = {.item = {x}, .count = 1}, b = {.item = {y}, .count = 1};
    unite(&n->classes, &a, &b);
}

static axis_list axes_of(const analysis *n, ll_node node)
{
    axis_list list = {.count = 0};
    const ll_graph_node *at = ll_graph_node_at(n->graph, node);
    for (int i = 0; i < at->rank; i++) push(&list, n->axis[node][i]);
    return list;
}

static void fix_node(analysis *n, ll_node node)
{
    const axis_list list = axes_of(n, node);
    fix_list(&n->classes, &list);
}

/* An axis along which an operand does not change ties nothing: one broadcast zero serves every layer of a
 * graph. */
static void rule_map(analysis *n, ll_node node, const ll_graph_node *at)
{
    n->uniform[node] = UINT8_MAX;
    for (int k = 0; k < at->input_count; k++) {
        uint8_t uniform = n->uniform[at->inputs[k]];
        n->uniform[node] &= uniform;
        for (int i = 0; i < at->rank; i++)
            if ((uniform & LL_AXIS(i)) == 0) unite_one(n, n->axis[at->inputs[k]][i], n->axis[node][i]);
    }
}

static void rule_broadcast(analysis *n, ll_node node, const ll_graph_node *at)
{
    int next = 0;
    for (int i = 0; i < at->rank; i++) {
        bool added = (at->attributes.broadcast.axes & LL_AXIS(i)) != 0;
        if (added || (n->uniform[at->inputs[0]] & LL_AXIS(next)) != 0)
            n->uniform[node] |= (uint8_t)LL_AXIS(i);
        else unite_one(n, n->axis[at->inputs[0]][next], n->axis[node][i]);
        next += !added;
    }
}

/* Axes of x that `keep` says stay whole are the output's; the others keep their order. */
static void rule_partly(analysis *n, ll_node node, const ll_graph_node *at, const bool *keep)
{
    for (int i = 0; i < at->rank; i++) {
        int32_t x = n->axis[at->inputs[0]][i], y = n->axis[node][i];
        if (keep[i]) {
            unite_one(n, x, y);
        } else {
            fix(&n->classes, x);
            fix(&n->classes, y);
        }
    }
}

/* The axis `whole` is `low` units, then those of the axis `part`, then `high` more. */
static void unite_part(analysis *n, int32_t whole, int64_t low, int32_t part, int64_t high)
{
    classes *c = &n->classes;
    int32_t all = part;
    int64_t size = c->item[part].size;
    if (low < 0 || high < 0 || size < 0) {
        fix(c, whole);
        fix(c, part);
        return;
    }
    for (int side = 0; side < 2; side++) { /* what lies behind, then what lies before */
        int64_t more = side == 0 ? high : low;
        if (more == 0) continue;
        size += more;
        int32_t other = add_class(c, more, false), both = add_class(c, size, false);
        divide(c, both, side == 0 ? all : other, side == 0 ? other : all);
        all = both;
    }
    unite_one(n, whole, all);
}

static void rule_slice(analysis *n, ll_node node, const ll_graph_node *at)
{
    const ll_graph_node *x = ll_graph_node_at(n->graph, at->inputs[0]);
    for (int i = 0; i < at->rank; i++) {
        int64_t low = at->attributes.slice.start[i], high = x->shape[i] - low - at->shape[i];
        bool whole = low == 0 && high == 0, contiguous = at->attributes.slice.step[i] == 1;
        if ((x->shape[i] < 0 || at->shape[i] < 0) && !whole) low = -1;
        unite_part(n, n->axis[at->inputs[0]][i], contiguous ? low : -1, n->axis[node][i], high);
    }
}

static void rule_pad(analysis *n, ll_node node, const ll_graph_node *at)
{
    for (int i = 0; i < at->rank; i++) {
        int64_t low = at->attributes.pad.low[i], high = at->attributes.pad.high[i];
        unite_part(n, n->axis[node][i], at->attributes.pad.interior[i] == 0 ? low : -1,
                   n->axis[at->inputs[0]][i], high);
    }
}

static void rule_spatial(analysis *n, ll_node node, const ll_graph_node *at, int spatial)
{
    bool keep[LL_GRAPH_RANK];
    for (int i = 0; i < at->rank; i++) keep[i] = i < at->rank - spatial;
    rule_partly(n, node, at, keep);
}

static void rule_concatenate(analysis *n, ll_node node, const ll_graph_node *at)
{
    classes *c = &n->classes;
    int along = at->attributes.axis.axis;
    int32_t all = n->axis[at->inputs[0]][along];
    for (int k = 0; k < at->input_count; k++) {
        const int32_t *x = n->axis[at->inputs[k]];
        for (int i = 0; i < at->rank; i++)
            if (i != along) unite_one(n, x[i], n->axis[node][i]);
        if (k == 0) continue;
        if (at->shape[along] < 0) { /* samples behind samples */
            fix(c, x[along]);
            continue;
        }
        int32_t both = add_class(c, c->item[all].size + c->item[x[along]].size, false);
        divide(c, both, all, x[along]);
        all = both;
    }
    if (at->shape[along] < 0) fix(c, all);
    unite_one(n, all, n->axis[node][along]);
}

/* table [batch.., A, rest..], index [batch.., I..], many [batch.., I.., rest..]: gather and its adjoint. */
static void rule_index(analysis *n, ll_node table, ll_node index, ll_node many, int batch)
{
    const ll_graph_node *t = ll_graph_node_at(n->graph, table), *x = ll_graph_node_at(n->graph, index);
    for (int i = 0; i < batch; i++) {
        unite_one(n, n->axis[table][i], n->axis[many][i]);
        unite_one(n, n->axis[index][i], n->axis[many][i]);
    }
    fix(&n->classes, n->axis[table][batch]);
    for (int i = batch; i < x->rank; i++) unite_one(n, n->axis[index][i], n->axis[many][i]);
    for (int i = batch + 1; i < t->rank; i++)
        unite_one(n, n->axis[table][i], n->axis[many][i - batch - 1 + x->rank]);
}

static void rule_matmul(analysis *n, ll_node node, const ll_graph_node *at)
{
    for (int side = 0; side < 2; side++) {
        const ll_graph_node *x = ll_graph_node_at(n->graph, at->inputs[side]);
        const int32_t *axis = n->axis[at->inputs[side]];
        int turned = side == 0 ? at->attributes.matmul.transpose_a : at->attributes.matmul.transpose_b;
        /* The operand's own axis: rows of a, columns of b. */
        int own = (side == 0) != (turned != 0) ? x->rank - 2 : x->rank - 1;
        unite_one(n, axis[own], n->axis[node][side == 0 ? at->rank - 2 : at->rank - 1]);
        for (int i = 0; i < x->rank - 2; i++)
            if (x->shape[i] != 1) unite_one(n, axis[i], n->axis[node][at->rank - x->rank + i]);
    }
    const ll_graph_node *a = ll_graph_node_at(n->graph, at->inputs[0]),
                        *b = ll_graph_node_at(n->graph, at->inputs[1]);
    unite_one(n, n->axis[at->inputs[0]][at->attributes.matmul.transpose_a ? a->rank - 2 : a->rank - 1],
              n->axis[at->inputs[1]][at->attributes.matmul.transpose_b ? b->rank - 1 : b->rank - 2]);
}

/* x [N, G c, ..], w [G o, c, ..], y [N, G o, ..] with G groups. */
static void rule_convolution(analysis *n, ll_node x, ll_node w, ll_node y, const ll_convolution *form)
{
    int rank = form->spatial + 2;
    if (ll_graph_node_at(n->graph, x)->rank != rank || ll_graph_node_at(n->graph, w)->rank != rank ||
        ll_graph_node_at(n->graph, y)->rank != rank) { /* a model axis in front */
        fix_node(n, x);
        fix_node(n, w);
        fix_node(n, y);
        return;
    }
    classes *c = &n->classes;
    int32_t groups = add_class(c, form->groups, false);
    int32_t each = add_class(c, ll_graph_node_at(n->graph, w)->shape[0] / form->groups, false);
    if (c->failed) return;
    const axis_list channels = {.item = {groups, n->axis[w][1]}, .count = 2},
                    filters = {.item = {groups, each}, .count = 2};
    const axis_list in = {.item = {n->axis[x][1]}, .count = 1},
                    kernel = {.item = {n->axis[w][0]}, .count = 1};
    unite(c, &in, &channels);
    unite(c, &kernel, &filters);
    unite_one(n, n->axis[w][0], n->axis[y][1]);
    unite_one(n, n->axis[x][0], n->axis[y][0]);
    for (int i = 2; i < rank; i++) {
        fix(c, n->axis[x][i]);
        fix(c, n->axis[w][i]);
        fix(c, n->axis[y][i]);
    }
}

static void rule_leaf(analysis *n, ll_node node, const ll_graph_node *at)
{
    bool trained = at->op == LL_OP_INPUT && (at->attributes.input.kind == LL_INPUT_PARAMETER ||
                                             at->attributes.input.kind == LL_INPUT_BUFFER);
    if (!trained) fix_node(n, node);
}

static void apply_rule(analysis *n, ll_node node)
{
    const ll_graph_node *at = ll_graph_node_at(n->graph, node);
    const ll_node *in = at->inputs;
    int next = 0;
    axis_list a, b;
    switch (at->op) {
    case LL_OP_INPUT:
    case LL_OP_CONSTANT:
    case LL_OP_IOTA: rule_leaf(n, node, at); return;
    case LL_OP_RESHAPE:
        a = axes_of(n, in[0]);
        b = axes_of(n, node);
        unite(&n->classes, &a, &b);
        return;
    case LL_OP_TRANSPOSE:
        for (int i = 0; i < at->rank; i++)
            unite_one(n, n->axis[in[0]][at->attributes.transpose.permutation[i]], n->axis[node][i]);
        return;
    case LL_OP_BROADCAST: rule_broadcast(n, node, at); return;
    case LL_OP_SUM:
    case LL_OP_REDUCE_MAX:
    case LL_OP_REDUCE_MIN:
        for (int i = 0; i < ll_graph_node_at(n->graph, in[0])->rank; i++)
            if ((at->attributes.reduce.axes & LL_AXIS(i)) == 0)
                unite_one(n, n->axis[in[0]][i], n->axis[node][next++]);
        return;
    case LL_OP_ARGMAX:
        for (int i = 0; i < ll_graph_node_at(n->graph, in[0])->rank; i++)
            if (i != at->attributes.axis.axis) unite_one(n, n->axis[in[0]][i], n->axis[node][next++]);
        fix(&n->classes, n->axis[in[0]][at->attributes.axis.axis]);
        return;
    case LL_OP_SLICE: rule_slice(n, node, at); return;
    case LL_OP_PAD: rule_pad(n, node, at); return;
    case LL_OP_CONCATENATE: rule_concatenate(n, node, at); return;
    case LL_OP_GATHER: rule_index(n, in[0], in[1], node, at->attributes.gather.batch_axes); return;
    case LL_OP_SCATTER_ADD: rule_index(n, node, in[1], in[0], at->attributes.gather.batch_axes); return;
    case LL_OP_MATMUL: rule_matmul(n, node, at); return;
    case LL_OP_CONVOLUTION: rule_convolution(n, in[0], in[1], node, &at->attributes.convolution); return;
    case LL_OP_CONVOLUTION_DATA: rule_convolution(n, node, in[1], in[0], &at->attributes.convolution); return;
    case LL_OP_CONVOLUTION_WEIGHT:
        rule_convolution(n, in[0], node, in[1], &at->attributes.convolution);
        return;
    case LL_OP_WINDOW_SUM:
    case LL_OP_WINDOW_ARGMAX: rule_spatial(n, node, at, at->attributes.window.spatial); return;
    case LL_OP_RESIZE:
    case LL_OP_RESIZE_ADJOINT: rule_spatial(n, node, at, at->attributes.resize.spatial); return;
    default: break;
    }
    if (ll_op_traits_of(at->op)->op_class == LL_CLASS_MAP) {
        rule_map(n, node, at);
        return;
    }
    fix_node(n, node); /* an op that this file does not know: nothing about it may move */
    for (int k = 0; k < at->input_count; k++) fix_node(n, in[k]);
}

/* ------------------------------------------------------------------ groups and tensors */

/* A tensor on its way to boxes: axes found, and classes still to be looked at, the outermost on top. */
typedef struct unfolding {
    ll_unit_box box;
    int32_t class[DEEP];
    int64_t stride[DEEP];
    int left;
} unfolding;

typedef struct box_list {
    ll_unit_box *item;
    int64_t count, capacity;
    int64_t *group_of; /* [classes]: -1: no group yet */
    const char *name;  /* of the tensor at hand */
} box_list;

static ll_status append_box(box_list *list, const ll_unit_box *box, ll_error *error)
{
    if (list->count == list->capacity) {
        int64_t capacity = 2 * list->capacity + 256;
        ll_unit_box *grown = ll_allocate_array(capacity, sizeof *grown);
        if (grown == NULL) return ll_fail_memory(error, module, (size_t)capacity * sizeof *grown);
        if (list->count > 0) memcpy(grown, list->item, (size_t)list->count * sizeof *grown);
        ll_free(list->item);
        list->item = grown;
        list->capacity = capacity;
    }
    ll_unit_box *made = &list->item[list->count++];
    *made = *box;
    if (made->axes == 0) { /* one element, or none that has an axis */
        made->axes = 1;
        made->size[0] = made->stride[0] = 1;
        made->group[0] = -1;
    }
    made->count = 1;
    for (int i = 0; i < made->axes; i++) made->count *= made->size[i];
    return LL_OK;
}

/* Adds an axis of a class of its own. */
static ll_status add_axis(analysis *n, ll_units *units, box_list *list, int32_t class, int64_t stride,
                          ll_unit_box *box, ll_error *error)
{
    const axis_class *c = &n->classes.item[class];
    int64_t group = -1;
    int last = box->axes - 1;
    if (!c->fixed) {
        group = list->group_of[class];
        if (group < 0) {
            group = list->group_of[class] = units->groups++;
            units->size[group] = c->size;
            units->name[group] = ll_arena_text(units->arena, list->name);
            if (units->name[group] == NULL) return ll_fail_memory(error, module, strlen(list->name));
        }
    } else if (last >= 0 && box->group[last] < 0 && box->stride[last] == c->size * stride) {
        box->size[last] *= c->size;
        box->stride[last] = stride;
        return LL_OK;
    }
    if (box->axes == LL_UNIT_AXES)
        return ll_fail(error, LL_TOO_LARGE, module, list->name, "its axes have more than %d factors",
                       LL_UNIT_AXES);
    box->size[box->axes] = c->size;
    box->stride[box->axes] = stride;
    box->group[box->axes++] = group;
    return LL_OK;
}

static ll_status unfold(analysis *n, ll_units *units, box_list *list, unfolding at, ll_error *error)
{
    while (at.left > 0) {
        int32_t class = root(&n->classes, at.class[--at.left]);
        int64_t stride = at.stride[at.left];
        const axis_class *c = &n->classes.item[class];
        if (c->size == 1) continue;
        if (c->outer < 0) {
            LL_TRY(add_axis(n, units, list, class, stride, &at.box, error));
            continue;
        }
        if (at.left > DEEP - 2)
            return ll_fail(error, LL_TOO_LARGE, module, list->name, "its axes have more than %d factors",
                           DEEP);
        const axis_class *outer = &n->classes.item[root(&n->classes, c->outer)],
                         *inner = &n->classes.item[root(&n->classes, c->inner)];
        at.class[at.left] = c->sum ? c->outer : c->inner;
        at.stride[at.left++] = stride;
        if (!c->sum) {
            at.class[at.left] = c->outer;
            at.stride[at.left++] = stride * inner->size;
            continue;
        }
        LL_TRY(unfold(n, units, list, at, error)); /* the first stretch; on with the second */
        at.box.offset += stride * outer->size;
        at.class[at.left - 1] = c->inner;
    }
    return append_box(list, &at.box, error);
}

static ll_status describe(analysis *n, ll_units *units, box_list *list, ll_node node, const char *name,
                          int64_t offset, ll_error *error)
{
    unfolding at = {.box = {.offset = offset}};
    int64_t stride = 1;
    for (int i = ll_graph_node_at(n->graph, node)->rank - 1; i >= 0; i--) {
        at.class[at.left] = n->axis[node][i];
        at.stride[at.left++] = stride;
        stride *= n->classes.item[n->axis[node][i]].size;
    }
    list->name = name;
    return unfold(n, units, list, at, error);
}

static ll_status collect(analysis *n, const ll_model_info *model, const bool *reached, ll_units *units,
                         ll_error *error)
{
    int64_t most = n->classes.count;
    box_list list = {.group_of = ll_allocate_array(most, sizeof *list.group_of)};
    units->size = ll_arena_allocate(units->arena, (size_t)most * sizeof *units->size);
    units->name = ll_arena_allocate(units->arena, (size_t)most * sizeof *units->name);
    ll_status status = list.group_of == NULL || units->size == NULL || units->name == NULL
                           ? ll_fail_memory(error, module, (size_t)most * sizeof *list.group_of)
                           : LL_OK;
    for (int64_t i = 0; i < most && status == LL_OK; i++) list.group_of[i] = -1;
    for (int64_t t = 0; t < model->parameters + model->buffers && status == LL_OK; t++) {
        bool parameter = t < model->parameters;
        const ll_model_buffer *buffer = parameter ? NULL : &model->buffer[t - model->parameters];
        ll_node node = parameter ? model->parameter_node[t] : buffer->node;
        if (!reached[node]) fix_node(n, node); /* not looked at: whatever it is, it stays */
        status = describe(n, units, &list, node, parameter ? model->parameter[t].name : buffer->entry.name,
                          parameter ? model->parameter[t].offset : buffer->entry.offset, error);
        if (parameter) units->parameter_boxes = list.count;
    }
    if (status == LL_OK && list.count > 0) {
        size_t bytes = (size_t)list.count * sizeof *units->box;
        units->box = ll_arena_allocate(units->arena, bytes);
        if (units->box != NULL) memcpy(units->box, list.item, bytes);
        status = units->box != NULL ? LL_OK : ll_fail_memory(error, module, bytes);
    }
    units->boxes = list.count;
    ll_free(list.item);
    ll_free(list.group_of);
    return status;
}

static ll_status analyse(analysis *n, const ll_model_info *model, bool *reached, ll_units *units,
                         ll_error *error)
{
    int64_t nodes = ll_graph_count(n->graph);
    for (ll_node node = 0; node < nodes && !n->classes.failed; node++) {
        const ll_graph_node *at = ll_graph_node_at(n->graph, node);
        for (int i = 0; i < at->rank; i++) n->axis[node][i] = add_class(&n->classes, at->shape[i], false);
    }
    ll_node outputs[64];
    int64_t count = 0;
    if (model->output != LL_NO_NODE) outputs[count++] = model->output;
    for (int64_t t = 0; t < model->terms && count < LL_GRAPH_RANK * 8; t++)
        outputs[count++] = model->term[t].loss[0];
    LL_TRY(ll_graph_reachable(n->graph, outputs, count, reached, error));
    for (ll_node node = 0; node < nodes && !n->classes.failed; node++)
        if (reached[node]) apply_rule(n, node);
    for (int64_t i = 0; i < count; i++) fix_node(n, outputs[i]);
    if (n->classes.failed)
        return ll_fail_memory(error, module, (size_t)n->classes.capacity * sizeof(axis_class));
    return collect(n, model, reached, units, error);
}

ll_status ll_units_create(const ll_model_info *model, ll_units **units, ll_error *error)
{
    if (model->terms > 60) return ll_fail(error, LL_TOO_LARGE, module, model->name, "more than 60 terms");
    analysis n = {.graph = model->graph};
    int64_t nodes = ll_graph_count(model->graph);
    n.axis = ll_allocate_zeroed((size_t)(nodes + 1) * sizeof *n.axis);
    n.uniform = ll_allocate_zeroed((size_t)nodes + 1);
    bool *reached = ll_allocate_zeroed((size_t)nodes + 1);
    ll_arena *arena = ll_arena_create(4096);
    ll_units *made = arena != NULL ? ll_arena_allocate(arena, sizeof *made) : NULL;
    ll_status status = n.axis == NULL || n.uniform == NULL || reached == NULL || made == NULL
                           ? ll_fail_memory(error, module, (size_t)nodes * sizeof *n.axis)
                           : LL_OK;
    if (status == LL_OK) {
        *made = (ll_units){.arena = arena,
                           .type = model->dtype == LL_F64 ? LL_REAL_FLOAT64 : LL_REAL_FLOAT32,
                           .parameter_count = model->parameter_count,
                           .buffer_count = model->buffer_count};
        status = analyse(&n, model, reached, made, error);
    }
    ll_free(n.axis);
    ll_free(n.uniform);
    ll_free(n.classes.item);
    ll_free(reached);
    if (status != LL_OK) {
        ll_arena_destroy(arena);
        return status;
    }
    *units = made;
    return LL_OK;
}

void ll_units_destroy(ll_units *units)
{
    if (units != NULL) ll_arena_destroy(units->arena);
}

int64_t ll_units_groups(const ll_units *units) { return units->groups; }
int64_t ll_units_size(const ll_units *units, int64_t group) { return units->size[group]; }

/* ------------------------------------------------------------------ taking elements in another order */

/* Calls for every element in the order of `axis`; where it lies in the source. An odometer of offsets. */
typedef struct walk {
    const ll_unit_box *box;
    int64_t index[LL_UNIT_AXES];
    const int64_t *taken[LL_UNIT_AXES]; /* NULL: units as they are */
    int axis[LL_UNIT_AXES];
} walk;

static walk begin_walk(const ll_unit_box *box, const int *axis, const int64_t *const *permutation, int still)
{
    walk w = {.box = box};
    for (int i = 0; i < box->axes; i++) {
        w.axis[i] = axis != NULL ? axis[i] : i;
        if (permutation != NULL && box->group[i] >= 0 && i != still) w.taken[i] = permutation[box->group[i]];
    }
    return w;
}

static int64_t walk_offset(const walk *w, int upto)
{
    int64_t offset = 0;
    for (int i = 0; i < upto; i++) {
        int a = w->axis[i];
        offset += (w->taken[a] != NULL ? w->taken[a][w->index[a]] : w->index[a]) * w->box->stride[a];
    }
    return offset;
}

static bool walk_next(walk *w, int upto)
{
    for (int i = upto - 1; i >= 0; i--) {
        int a = w->axis[i];
        if (++w->index[a] < w->box->size[a]) return true;
        w->index[a] = 0;
    }
    return false;
}

void ll_unit_gather(const ll_units *units, const ll_unit_box *box, const void *source, const int *axis,
                    const int64_t *const *permutation, int still, double *out)
{
    walk w = begin_walk(box, axis, permutation, still);
    int last = w.axis[box->axes - 1];
    const float *single = (const float *)source + box->offset;
    const double *wide = (const double *)source + box->offset;
    do {
        int64_t base = walk_offset(&w, box->axes - 1), stride = box->stride[last];
        for (int64_t i = 0; i < box->size[last]; i++) {
            int64_t at = base + (w.taken[last] != NULL ? w.taken[last][i] : i) * stride;
            *out++ = units->type == LL_REAL_FLOAT32 ? (double)single[at] : wide[at];
        }
    } while (walk_next(&w, box->axes - 1));
}

static ll_status check_permutation(const ll_units *units, const int64_t *const *permutation, ll_error *error)
{
    for (int64_t g = 0; g < units->groups; g++) {
        bool *seen = ll_allocate_zeroed((size_t)units->size[g] + 1);
        if (seen == NULL) return ll_fail_memory(error, module, (size_t)units->size[g]);
        int64_t bad = -1;
        for (int64_t i = 0; i < units->size[g] && bad < 0; i++) {
            int64_t from = permutation[g][i];
            if (from < 0 || from >= units->size[g] || seen[from]) bad = i;
            else seen[from] = true;
        }
        ll_free(seen);
        if (bad >= 0)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, units->name[g],
                           "entry %lld is %lld: not a permutation of 0..%lld", (long long)bad,
                           (long long)permutation[g][bad], (long long)(units->size[g] - 1));
    }
    return LL_OK;
}

static void permute_box(const ll_unit_box *box, const int64_t *const *permutation, size_t one,
                        const void *source, void *result)
{
    walk w = begin_walk(box, NULL, permutation, -1);
    const unsigned char *from = (const unsigned char *)source + (size_t)box->offset * one;
    unsigned char *to = (unsigned char *)result + (size_t)box->offset * one;
    do {
        int64_t place = 0;
        for (int a = 0; a < box->axes; a++) place += w.index[a] * box->stride[a];
        memcpy(to + (size_t)place * one, from + (size_t)walk_offset(&w, box->axes) * one, one);
    } while (walk_next(&w, box->axes));
}

ll_status ll_units_permute(const ll_units *units, const int64_t *const *permutation, const void *theta,
                           const void *buffers, void *permuted_theta, void *permuted_buffers, ll_error *error)
{
    LL_TRY(check_permutation(units, permutation, error));
    size_t one = ll_real_bytes(units->type);
    memcpy(permuted_theta, theta, (size_t)units->parameter_count * one);
    if (buffers != NULL) memcpy(permuted_buffers, buffers, (size_t)units->buffer_count * one);
    for (int64_t b = 0; b < (buffers != NULL ? units->boxes : units->parameter_boxes); b++) {
        bool parameter = b < units->parameter_boxes;
        permute_box(&units->box[b], permutation, one, parameter ? theta : buffers,
                    parameter ? permuted_theta : permuted_buffers);
    }
    return LL_OK;
}
