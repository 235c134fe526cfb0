/* Which axes count the same hidden units: classes of axes, united op by op from the parameters to the output.
 */
#include "units.h"

#include "losslens/problem_vectors.h"

#include <string.h>

static const char *const module = "connectivity";

/* ------------------------------------------------------------------ classes of axes */

/* An axis is a class, or a product of two classes (outer, inner) once a reshape has shown it to be one.
 * Classes are united by parent links; the root says the rest. Sizes as in shapes: negative ones are multiples
 * of the number of samples. */
typedef struct axis_class {
    int64_t size;
    int32_t parent, outer, inner; /* outer -1: not a product */
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
        else
            unite_one(n, n->axis[at->inputs[0]][next], n->axis[node][i]);
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

static void rule_slice(analysis *n, ll_node node, const ll_graph_node *at)
{
    const ll_graph_node *x = ll_graph_node_at(n->graph, at->inputs[0]);
    bool keep[LL_GRAPH_RANK];
    for (int i = 0; i < at->rank; i++)
        keep[i] = at->shape[i] == x->shape[i] && at->attributes.slice.start[i] == 0 &&
                  at->attributes.slice.step[i] == 1;
    rule_partly(n, node, at, keep);
}

static void rule_pad(analysis *n, ll_node node, const ll_graph_node *at)
{
    bool keep[LL_GRAPH_RANK];
    for (int i = 0; i < at->rank; i++)
        keep[i] = at->attributes.pad.low[i] == 0 && at->attributes.pad.high[i] == 0 &&
                  at->attributes.pad.interior[i] == 0;
    rule_partly(n, node, at, keep);
}

static void rule_spatial(analysis *n, ll_node node, const ll_graph_node *at, int spatial)
{
    bool keep[LL_GRAPH_RANK];
    for (int i = 0; i < at->rank; i++) keep[i] = i < at->rank - spatial;
    rule_partly(n, node, at, keep);
}

static void rule_concatenate(analysis *n, ll_node node, const ll_graph_node *at)
{
    for (int k = 0; k < at->input_count; k++)
        for (int i = 0; i < at->rank; i++) {
            int32_t x = n->axis[at->inputs[k]][i];
            if (i == at->attributes.axis.axis)
                fix(&n->classes, x);
            else
                unite_one(n, x, n->axis[node][i]);
        }
    fix(&n->classes, n->axis[node][at->attributes.axis.axis]);
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

/* A class's factors that are no products, outermost first. */
static void factors(analysis *n, int32_t at, axis_list *list)
{
    at = root(&n->classes, at);
    const axis_class *c = &n->classes.item[at];
    if (c->outer >= 0) {
        factors(n, c->outer, list);
        factors(n, c->inner, list);
    } else if (c->size != 1) {
        push(list, at);
    }
}

static ll_status describe(analysis *n, ll_units *units, ll_node node, const char *name, int64_t *group_of,
                          int64_t offset, int64_t count, ll_unit_tensor *tensor, ll_error *error)
{
    axis_list list = {.count = 0};
    int rank = ll_graph_node_at(n->graph, node)->rank;
    for (int i = 0; i < rank; i++) factors(n, n->axis[node][i], &list);
    *tensor = (ll_unit_tensor){.offset = offset, .count = count};
    for (int i = 0; i < list.count; i++) {
        int32_t class = list.count <= DEEP ? list.item[i] : 0;
        int64_t group = -1;
        if (!n->classes.item[class].fixed) {
            group = group_of[class];
            if (group < 0) {
                group = group_of[class] = units->groups++;
                units->size[group] = n->classes.item[class].size;
                units->name[group] = ll_arena_text(units->arena, name);
                if (units->name[group] == NULL) return ll_fail_memory(error, module, strlen(name));
            }
        }
        int last = tensor->axes - 1;
        if (group < 0 && last >= 0 && tensor->group[last] < 0) {
            tensor->size[last] *= n->classes.item[class].size;
            continue;
        }
        if (tensor->axes == LL_UNIT_AXES)
            return ll_fail(error, LL_TOO_LARGE, module, name, "its axes have more than %d factors",
                           LL_UNIT_AXES);
        tensor->size[tensor->axes] = n->classes.item[class].size;
        tensor->group[tensor->axes++] = group;
    }
    if (tensor->axes == 0) {
        tensor->axes = 1;
        tensor->size[0] = count;
        tensor->group[0] = -1;
    }
    return LL_OK;
}

static ll_status collect(analysis *n, const ll_model_info *model, const bool *reached, ll_units *units,
                         ll_error *error)
{
    int64_t tensors = units->parameters + units->buffers, most = n->classes.count;
    int64_t *group_of = ll_allocate_array(most, sizeof *group_of);
    units->size = ll_arena_allocate(units->arena, (size_t)most * sizeof *units->size);
    units->name = ll_arena_allocate(units->arena, (size_t)most * sizeof *units->name);
    units->tensor = ll_arena_allocate(units->arena, (size_t)ll_max_int64(tensors, 1) * sizeof *units->tensor);
    ll_status status = group_of == NULL || units->size == NULL || units->name == NULL || units->tensor == NULL
                           ? ll_fail_memory(error, module, (size_t)most * sizeof *group_of)
                           : LL_OK;
    for (int64_t i = 0; i < most && status == LL_OK; i++) group_of[i] = -1;
    for (int64_t t = 0; t < tensors && status == LL_OK; t++) {
        bool parameter = t < units->parameters;
        const ll_model_buffer *buffer = parameter ? NULL : &model->buffer[t - units->parameters];
        ll_node node = parameter ? model->parameter_node[t] : buffer->node;
        if (!reached[node]) fix_node(n, node); /* not looked at: whatever it is, it stays */
        status =
            describe(n, units, node, parameter ? model->parameter[t].name : buffer->entry.name, group_of,
                     parameter ? model->parameter[t].offset : buffer->entry.offset,
                     parameter ? model->parameter[t].count : buffer->entry.count, &units->tensor[t], error);
    }
    ll_free(group_of);
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
                           .parameters = model->parameters,
                           .buffers = model->buffers,
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

int64_t ll_units_groups(const ll_units *units)
{
    return units->groups;
}
int64_t ll_units_size(const ll_units *units, int64_t group)
{
    return units->size[group];
}
const char *ll_units_name(const ll_units *units, int64_t group)
{
    return units->name[group];
}

/* ------------------------------------------------------------------ taking elements in another order */

/* Calls for every element in the order of `axis`; where it lies in the source. An odometer of offsets. */
typedef struct walk {
    const ll_unit_tensor *tensor;
    int64_t stride[LL_UNIT_AXES], index[LL_UNIT_AXES];
    const int64_t *taken[LL_UNIT_AXES]; /* NULL: units as they are */
    int axis[LL_UNIT_AXES];
} walk;

static walk begin_walk(const ll_unit_tensor *tensor, const int *axis, const int64_t *const *permutation,
                       int still)
{
    walk w = {.tensor = tensor};
    int64_t stride = 1;
    for (int a = tensor->axes - 1; a >= 0; a--) {
        w.stride[a] = stride;
        stride *= tensor->size[a];
        if (permutation != NULL && tensor->group[a] >= 0 && a != still)
            w.taken[a] = permutation[tensor->group[a]];
    }
    for (int i = 0; i < tensor->axes; i++) w.axis[i] = axis != NULL ? axis[i] : i;
    return w;
}

static int64_t walk_offset(const walk *w, int upto)
{
    int64_t offset = 0;
    for (int i = 0; i < upto; i++) {
        int a = w->axis[i];
        offset += (w->taken[a] != NULL ? w->taken[a][w->index[a]] : w->index[a]) * w->stride[a];
    }
    return offset;
}

static bool walk_next(walk *w, int upto)
{
    for (int i = upto - 1; i >= 0; i--) {
        int a = w->axis[i];
        if (++w->index[a] < w->tensor->size[a]) return true;
        w->index[a] = 0;
    }
    return false;
}

void ll_unit_gather(const ll_units *units, const ll_unit_tensor *tensor, const void *source, const int *axis,
                    const int64_t *const *permutation, int still, double *out)
{
    walk w = begin_walk(tensor, axis, permutation, still);
    int last = w.axis[tensor->axes - 1];
    const float *single = (const float *)source + tensor->offset;
    const double *wide = (const double *)source + tensor->offset;
    do {
        int64_t base = walk_offset(&w, tensor->axes - 1), stride = w.stride[last];
        for (int64_t i = 0; i < tensor->size[last]; i++) {
            int64_t at = base + (w.taken[last] != NULL ? w.taken[last][i] : i) * stride;
            *out++ = units->type == LL_REAL_FLOAT32 ? (double)single[at] : wide[at];
        }
    } while (walk_next(&w, tensor->axes - 1));
}

static ll_status check_permutation(const ll_units *units, const int64_t *const *permutation, ll_error *error)
{
    for (int64_t g = 0; g < units->groups; g++) {
        bool *seen = ll_allocate_zeroed((size_t)units->size[g] + 1);
        if (seen == NULL) return ll_fail_memory(error, module, (size_t)units->size[g]);
        int64_t bad = -1;
        for (int64_t i = 0; i < units->size[g] && bad < 0; i++) {
            int64_t from = permutation[g][i];
            if (from < 0 || from >= units->size[g] || seen[from])
                bad = i;
            else
                seen[from] = true;
        }
        ll_free(seen);
        if (bad >= 0)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, units->name[g],
                           "entry %lld is %lld: not a permutation of 0..%lld", (long long)bad,
                           (long long)permutation[g][bad], (long long)(units->size[g] - 1));
    }
    return LL_OK;
}

static void permute_tensor(const ll_unit_tensor *tensor, const int64_t *const *permutation, size_t one,
                           const void *source, void *result)
{
    walk w = begin_walk(tensor, NULL, permutation, -1);
    const unsigned char *from = (const unsigned char *)source + (size_t)tensor->offset * one;
    unsigned char *to = (unsigned char *)result + (size_t)tensor->offset * one;
    do {
        memcpy(to, from + (size_t)walk_offset(&w, tensor->axes) * one, one);
        to += one;
    } while (walk_next(&w, tensor->axes));
}

ll_status ll_units_permute(const ll_units *units, const int64_t *const *permutation, const void *theta,
                           const void *buffers, void *permuted_theta, void *permuted_buffers, ll_error *error)
{
    LL_TRY(check_permutation(units, permutation, error));
    size_t one = ll_real_bytes(units->type);
    memcpy(permuted_theta, theta, (size_t)units->parameter_count * one);
    if (buffers != NULL) memcpy(permuted_buffers, buffers, (size_t)units->buffer_count * one);
    for (int64_t t = 0; t < units->parameters; t++)
        permute_tensor(&units->tensor[t], permutation, one, theta, permuted_theta);
    for (int64_t t = units->parameters; buffers != NULL && t < units->parameters + units->buffers; t++)
        permute_tensor(&units->tensor[t], permutation, one, buffers, permuted_buffers);
    return LL_OK;
}
