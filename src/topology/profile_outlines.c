/* The profile thinned for drawing.
 *
 * A node is wide if its width exceeds the tolerance, else a sliver. Wide nodes with one wide child each form
 * a trunk: going up, its left outline only moves left and its right outline only right (the wide child is
 * the widest, so it stands leftmost; slivers hang to its right), so both are monotone chains. A monotone
 * chain is thinned by sleeve fitting (Zhao, Saalfeld 1997): a segment is extended as long as every point
 * passed is within the tolerance of it; monotone, the point's foot is on the segment, and the chain, which
 * is connected, leaves no part of the segment farther away.
 * Slivers stand in order of x along a trunk. Those that fit one window as wide as the tolerance are drawn as
 * one spike: at each level it has, the window holds a sliver or the trunk above it, so nothing exact is
 * farther than the window from something drawn, nor the reverse. */
#include "topology/chains.h"
#include "topology/order.h"

#include <math.h>
#include <stdlib.h>

struct drawing {
    const ll_profile *profile;
    double x_scale, y_scale, tolerance;
    double *lowest;          /* per node: first value of its subtree in the order of the field */
    int32_t *wide_children;  /* per node */
    int32_t *wide_child;     /* the last one seen */
    int64_t *sliver_offsets; /* per node, and the roots' in the last row: */
    int32_t *slivers;        /* sliver children of wide nodes, by x */
    int32_t *trunk;          /* nodes of the trunk at hand, from the top down */
    topology_chains out;
};

static bool is_wide(const struct drawing *drawing, int64_t node)
{
    return (double)drawing->profile->nodes[node].width * drawing->x_scale > drawing->tolerance;
}

/* ------------------------------------------------------------------ sleeve fitting */

struct sleeve {
    struct drawing *drawing;
    double anchor[2], last[2]; /* in pixels: the last vertex drawn, the last point seen */
    double low, high;          /* directions (angles) that stay within the tolerance of all points since */
    bool open;                 /* a point is pending */
    double skipped[2];         /* the last point that was too near to the one before to be looked at */
    bool has_skipped;
};

static ll_status emit(struct sleeve *sleeve, ll_error *error)
{
    return topology_chains_point(&sleeve->drawing->out, sleeve->last[0] / sleeve->drawing->x_scale,
                                 sleeve->last[1] / sleeve->drawing->y_scale, error);
}

static void restart(struct sleeve *sleeve)
{
    sleeve->anchor[0] = sleeve->last[0];
    sleeve->anchor[1] = sleeve->last[1];
    sleeve->low = -INFINITY;
    sleeve->high = INFINITY;
}

static ll_status sleeve_start(struct sleeve *sleeve, double x, double y, ll_error *error)
{
    sleeve->last[0] = x * sleeve->drawing->x_scale;
    sleeve->last[1] = y * sleeve->drawing->y_scale;
    sleeve->open = sleeve->has_skipped = false;
    restart(sleeve);
    return emit(sleeve, error);
}

/* Of the tolerance a tenth is spent on not looking at points nearer than that to the one before, so that the
 * angles are computed once per fraction of a pixel and not once per vertex. */
static const double spent = 0.1;

static ll_status extend(struct sleeve *sleeve, double px, double py, ll_error *error)
{
    const double tolerance = (1 - spent) * sleeve->drawing->tolerance;
    for (int attempt = 0; attempt < 2; attempt++) {
        const double dx = px - sleeve->anchor[0], dy = py - sleeve->anchor[1], length = hypot(dx, dy);
        /* Monotone: all directions lie in one quadrant, which is mirrored to the first. */
        const double angle = atan2(fabs(dy), fabs(dx));
        if (attempt == 0 && sleeve->open && !(angle >= sleeve->low && angle <= sleeve->high)) {
            LL_TRY(emit(sleeve, error));
            restart(sleeve);
            continue;
        }
        if (length > tolerance) {
            const double reach = asin(tolerance / length);
            sleeve->low = fmax(sleeve->low, angle - reach);
            sleeve->high = fmin(sleeve->high, angle + reach);
        }
        break;
    }
    sleeve->last[0] = px;
    sleeve->last[1] = py;
    sleeve->open = true;
    return LL_OK;
}

static ll_status sleeve_add(struct sleeve *sleeve, double x, double y, ll_error *error)
{
    const double px = x * sleeve->drawing->x_scale, py = y * sleeve->drawing->y_scale;
    if (px == sleeve->last[0] && py == sleeve->last[1]) return LL_OK;
    sleeve->has_skipped =
        fabs(px - sleeve->last[0]) + fabs(py - sleeve->last[1]) <= spent * sleeve->drawing->tolerance;
    if (!sleeve->has_skipped) return extend(sleeve, px, py, error);
    sleeve->skipped[0] = px;
    sleeve->skipped[1] = py;
    return LL_OK;
}

static ll_status sleeve_end(struct sleeve *sleeve, ll_error *error)
{
    if (sleeve->has_skipped) LL_TRY(extend(sleeve, sleeve->skipped[0], sleeve->skipped[1], error));
    return sleeve->open ? emit(sleeve, error) : LL_OK;
}

/* ------------------------------------------------------------------ trunks */

/* Left (side -1) outline upwards or right (+1) outline downwards, of the trunk's nodes. */
static ll_status outline(struct drawing *drawing, int64_t count, int side, ll_error *error)
{
    const ll_profile *profile = drawing->profile;
    const ll_tree_node *nodes = profile->tree.nodes;
    const int32_t top = drawing->trunk[0];
    const double ceiling = nodes[top].parent >= 0 ? nodes[nodes[top].parent].value : nodes[top].value;
    struct sleeve sleeve = {.drawing = drawing};
    const bool up = side < 0;
    if (!up) {
        LL_TRY(sleeve_start(&sleeve, profile->nodes[top].centre + (double)profile->nodes[top].width / 2,
                            ceiling, error));
    }
    for (int64_t i = 0; i < count; i++) {
        const int32_t node = drawing->trunk[up ? count - 1 - i : i];
        const ll_profile_node *at = &profile->nodes[node];
        const double *levels = profile->levels + profile->offsets[node];
        const int64_t steps = profile->offsets[node + 1] - profile->offsets[node];
        if (up && i == 0)
            LL_TRY(sleeve_start(&sleeve, at->centre - (double)at->floor / 2, nodes[node].value, error));
        for (int64_t s = 0; s < steps; s++) {
            const int64_t step = up ? s : steps - 1 - s;
            const double narrow = (double)(at->floor + step) / 2, broad = (double)(at->floor + step + 1) / 2;
            LL_TRY(sleeve_add(&sleeve, at->centre + side * (up ? narrow : broad), levels[step], error));
            LL_TRY(sleeve_add(&sleeve, at->centre + side * (up ? broad : narrow), levels[step], error));
        }
        if (!up) LL_TRY(sleeve_add(&sleeve, at->centre + (double)at->floor / 2, nodes[node].value, error));
    }
    if (up)
        LL_TRY(sleeve_add(&sleeve, profile->nodes[top].centre - (double)profile->nodes[top].width / 2,
                          ceiling, error));
    return sleeve_end(&sleeve, error);
}

/* ------------------------------------------------------------------ slivers */

struct spike {
    double left, right; /* in vertices */
    double low, high;   /* values: tip, and the highest level where a member ends */
    int64_t node;       /* whose subtree holds the tip */
    int64_t members;
};

static ll_status draw_spike(struct drawing *drawing, const struct spike *spike, ll_error *error)
{
    if (spike->members == 0) return LL_OK;
    LL_TRY(topology_chains_point(&drawing->out, spike->left, spike->high, error));
    LL_TRY(topology_chains_point(&drawing->out, (spike->left + spike->right) / 2, spike->low, error));
    LL_TRY(topology_chains_point(&drawing->out, spike->right, spike->high, error));
    return topology_chains_end(&drawing->out, spike->low, spike->node, true, error);
}

static struct spike spike_of(const struct drawing *drawing, int64_t node)
{
    const ll_profile_node *at = &drawing->profile->nodes[node];
    const ll_tree_node *nodes = drawing->profile->tree.nodes;
    const int64_t parent = nodes[node].parent;
    return (struct spike){.left = at->centre - (double)at->width / 2,
                          .right = at->centre + (double)at->width / 2,
                          .low = drawing->lowest[node],
                          .high = parent >= 0 ? nodes[parent].value : nodes[node].value,
                          .node = node,
                          .members = 1};
}

static ll_status add_sliver(struct drawing *drawing, struct spike *spike, int64_t node, ll_error *error)
{
    const bool down = drawing->profile->tree.superlevel;
    struct spike next = spike_of(drawing, node);
    if (spike->members > 0 && (next.right - spike->left) * drawing->x_scale <= drawing->tolerance) {
        spike->right = next.right;
        if (down ? next.low > spike->low : next.low < spike->low) spike->low = next.low, spike->node = node;
        if (down ? next.high < spike->high : next.high > spike->high) spike->high = next.high;
        spike->members++;
        return LL_OK;
    }
    LL_TRY(draw_spike(drawing, spike, error));
    *spike = next;
    return LL_OK;
}

static ll_status draw_trunk(struct drawing *drawing, int64_t top, ll_error *error)
{
    int64_t count = 0;
    for (int64_t node = top;; node = drawing->wide_child[node]) {
        drawing->trunk[count++] = (int32_t)node;
        if (drawing->wide_children[node] != 1) break;
    }
    const int32_t bottom = drawing->trunk[count - 1];
    LL_TRY(outline(drawing, count, -1, error));
    LL_TRY(outline(drawing, count, 1, error));
    LL_TRY(
        topology_chains_end(&drawing->out, drawing->profile->tree.nodes[bottom].value, bottom, true, error));
    struct spike spike = {0};
    for (int64_t i = count - 1; i >= 0; i--) {
        const int32_t node = drawing->trunk[i];
        for (int64_t s = drawing->sliver_offsets[node]; s < drawing->sliver_offsets[node + 1]; s++)
            LL_TRY(add_sliver(drawing, &spike, drawing->slivers[s], error));
    }
    return draw_spike(drawing, &spike, error);
}

static int by_tip(const void *a, const void *b)
{
    const struct spike *x = a, *y = b;
    if (x->low != y->low) return x->low < y->low ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* Narrow components have no trunk above them: of those in one window, only spans that touch are joined. */
static ll_status draw_window(struct drawing *drawing, struct spike *spikes, int64_t count, ll_error *error)
{
    const double left = spikes[0].left, right = spikes[count - 1].right;
    for (int64_t i = 0; i < count; i++)
        if (spikes[i].low > spikes[i].high) { /* superlevel: sorted by span all the same */
            double swap = spikes[i].low;
            spikes[i].low = spikes[i].high;
            spikes[i].high = swap;
        }
    qsort(spikes, (size_t)count, sizeof *spikes, by_tip);
    struct spike joined = spikes[0];
    for (int64_t i = 1; i <= count; i++) {
        if (i < count && (spikes[i].low - joined.high) * drawing->y_scale <= drawing->tolerance) {
            joined.high = fmax(joined.high, spikes[i].high);
            continue;
        }
        joined.left = left;
        joined.right = right;
        if (drawing->profile->tree.superlevel) {
            double swap = joined.low;
            joined.low = joined.high;
            joined.high = swap;
        }
        LL_TRY(draw_spike(drawing, &joined, error));
        if (i < count) joined = spikes[i];
    }
    return LL_OK;
}

static ll_status draw_narrow_roots(struct drawing *drawing, ll_error *error)
{
    const int64_t nodes = drawing->profile->tree.node_count;
    const int64_t first = drawing->sliver_offsets[nodes], count = drawing->sliver_offsets[nodes + 1] - first;
    struct spike *spikes = ll_allocate_array(count, sizeof *spikes);
    if (!spikes) return ll_fail_memory(error, TOPOLOGY, (size_t)count * sizeof *spikes);
    ll_status status = LL_OK;
    int64_t start = 0;
    for (int64_t i = 0; i < count; i++) spikes[i] = spike_of(drawing, drawing->slivers[first + i]);
    for (int64_t i = 1; i <= count && status == LL_OK; i++) {
        if (i < count && (spikes[i].right - spikes[start].left) * drawing->x_scale <= drawing->tolerance)
            continue;
        status = draw_window(drawing, spikes + start, i - start, error);
        start = i;
    }
    ll_free(spikes);
    return status;
}

/* ------------------------------------------------------------------ all */

/* Sliver children of wide nodes, row by row in the order of x; the last row is the roots'. */
static ll_status list_slivers(struct drawing *drawing, ll_error *error)
{
    const ll_profile *profile = drawing->profile;
    const int64_t count = profile->tree.node_count;
    double *centres = ll_allocate_array(count, sizeof *centres);
    int64_t *ids = ll_allocate_array(count, sizeof *ids);
    uint32_t *by_x = NULL;
    ll_status status = LL_OK;
    if (!centres || !ids) status = ll_fail_memory(error, TOPOLOGY, (size_t)count * 16);
    for (int64_t i = 0; i < count && status == LL_OK; i++) centres[i] = profile->nodes[i].centre, ids[i] = i;
    if (status == LL_OK) status = topology_order_items(centres, ids, count, false, &by_x, error);
    ll_free(centres), ll_free(ids);
    LL_TRY(status);
    int64_t *offsets = drawing->sliver_offsets;
    for (int pass = 0; pass < 2; pass++) {
        for (int64_t i = 0; i < count; i++) {
            const int64_t node = by_x[i], parent = profile->tree.nodes[node].parent;
            if (is_wide(drawing, node) || (parent >= 0 && !is_wide(drawing, parent))) continue;
            const int64_t row = parent < 0 ? count : parent;
            if (pass == 0) offsets[row + 2]++;
            else drawing->slivers[offsets[row + 1]++] = (int32_t)node;
        }
        for (int64_t i = 0; i <= count && pass == 0; i++) offsets[i + 1] += offsets[i];
    }
    ll_free(by_x);
    return LL_OK;
}

static void measure(struct drawing *drawing)
{
    const ll_merge_tree *tree = &drawing->profile->tree;
    for (int64_t i = 0; i < tree->node_count; i++) drawing->lowest[i] = tree->nodes[i].value;
    for (int64_t i = 0; i < tree->node_count; i++) {
        const int64_t parent = tree->nodes[i].parent;
        if (parent < 0) continue;
        double *low = &drawing->lowest[parent];
        if (tree->superlevel ? drawing->lowest[i] > *low : drawing->lowest[i] < *low)
            *low = drawing->lowest[i];
        if (!is_wide(drawing, i)) continue;
        drawing->wide_children[parent]++;
        drawing->wide_child[parent] = (int32_t)i;
    }
}

static ll_status draw(struct drawing *drawing, ll_error *error)
{
    const ll_merge_tree *tree = &drawing->profile->tree;
    measure(drawing);
    LL_TRY(list_slivers(drawing, error));
    for (int64_t i = tree->node_count - 1; i >= 0; i--) {
        const int64_t parent = tree->nodes[i].parent;
        if (is_wide(drawing, i) && (parent < 0 || drawing->wide_children[parent] > 1))
            LL_TRY(draw_trunk(drawing, i, error));
    }
    return draw_narrow_roots(drawing, error);
}

ll_status ll_profile_outlines(const ll_profile *profile, double x_scale, double y_scale, double tolerance,
                              ll_chains *outlines, ll_error *error)
{
    if (!(x_scale > 0) || !(y_scale > 0) || !(tolerance >= 0) || !isfinite(x_scale) || !isfinite(y_scale))
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "profile",
                       "scales %g and %g and tolerance %g; finite positive scales are wanted", x_scale,
                       y_scale, tolerance);
    const int64_t count = profile->tree.node_count;
    struct drawing drawing = {
        .profile = profile, .x_scale = x_scale, .y_scale = y_scale, .tolerance = tolerance};
    drawing.lowest = ll_allocate_array(count, sizeof *drawing.lowest);
    drawing.wide_children = ll_allocate_zeroed((size_t)count * sizeof *drawing.wide_children);
    drawing.wide_child = ll_allocate_array(count, sizeof *drawing.wide_child);
    drawing.sliver_offsets = ll_allocate_zeroed(((size_t)count + 3) * sizeof *drawing.sliver_offsets);
    drawing.slivers = ll_allocate_array(count, sizeof *drawing.slivers);
    drawing.trunk = ll_allocate_array(count, sizeof *drawing.trunk);
    ll_status status;
    if (!drawing.lowest || !drawing.wide_children || !drawing.wide_child || !drawing.sliver_offsets ||
        !drawing.slivers || !drawing.trunk)
        status = ll_fail_memory(error, TOPOLOGY, (size_t)count * 32);
    else status = draw(&drawing, error);
    if (status == LL_OK) status = topology_chains_take(&drawing.out, outlines, error);
    ll_free(drawing.lowest), ll_free(drawing.wide_children), ll_free(drawing.wide_child);
    ll_free(drawing.sliver_offsets), ll_free(drawing.slivers), ll_free(drawing.trunk);
    topology_chains_deinit(&drawing.out);
    return status;
}
