/* Planar layout of a merge tree.
 *
 * No crossings: below branch b hangs the subtree S(b), all of it at or below b's saddle. Subtrees of the
 * children of one trunk get disjoint x-ranges beside the trunk, ordered outwards by saddle. A child's
 * connector runs at its saddle's level from the trunk over the ranges of children nearer to the trunk, whose
 * subtrees end at saddles that are not higher: it touches them at most where saddles are level. */
#include "topology/internal.h"

void ll_tree_layout_deinit(ll_tree_layout *layout)
{
    if (!layout) return;
    ll_free(layout->branches);
    *layout = (ll_tree_layout){0};
}

/* Widths of a branch's subtree on both sides of its trunk. */
struct extent {
    double left, right;
};

/* Bottom-up: how far each subtree reaches; `side` is the child's offset from its parent's trunk. */
static void measure(const ll_branches *branches, struct extent *extent, double *side)
{
    for (int64_t i = 0; i < branches->count; i++) {
        const int64_t branch = branches->order[i];
        struct extent own = {0.5, 0.5};
        for (int64_t c = branches->offsets[branch]; c < branches->offsets[branch + 1]; c++) {
            const int64_t child = branches->children[c];
            const double width = extent[child].left + extent[child].right;
            if (own.right <= own.left) {
                side[child] = own.right + extent[child].left;
                own.right += width;
            } else {
                side[child] = -own.left - extent[child].right;
                own.left += width;
            }
        }
        extent[branch] = own;
    }
}

static bool lower(const ll_merge_tree *tree, int64_t a, int64_t b)
{
    const ll_persistence_pair *p = &tree->pairs[a], *q = &tree->pairs[b];
    if (p->birth_value != q->birth_value) return (p->birth_value < q->birth_value) != tree->superlevel;
    return p->birth < q->birth;
}

static ll_status place(const ll_merge_tree *tree, const ll_branches *branches, ll_tree_layout *layout,
                       struct extent *extent, double *side, int64_t *roots)
{
    measure(branches, extent, side);
    int64_t root_count = 0;
    for (int64_t i = 0; i < branches->count; i++)
        if (branches->parent[i] < 0) roots[root_count++] = i;
    /* Heap sort by minimum: there may be as many components as vertices. */
    for (int64_t end = root_count, start = root_count / 2; end > 1;) {
        if (start > 0) {
            start--;
        } else {
            int64_t swap = roots[--end];
            roots[end] = roots[0];
            roots[0] = swap;
        }
        for (int64_t at = start, child; (child = 2 * at + 1) < end; at = child) {
            if (child + 1 < end && lower(tree, roots[child], roots[child + 1])) child++;
            if (!lower(tree, roots[at], roots[child])) break;
            int64_t swap = roots[at];
            roots[at] = roots[child];
            roots[child] = swap;
        }
    }
    for (int64_t r = 0; r < root_count; r++) {
        layout->branches[roots[r]].x = layout->width + extent[roots[r]].left;
        layout->width += extent[roots[r]].left + extent[roots[r]].right;
    }
    for (int64_t i = branches->count - 1; i >= 0; i--) {
        const int64_t branch = branches->order[i], parent = branches->parent[branch];
        const ll_persistence_pair *pair = &tree->pairs[branch];
        ll_layout_branch *out = &layout->branches[branch];
        if (parent >= 0) out->x = layout->branches[parent].x + side[branch];
        out->parent_x = parent >= 0 ? layout->branches[parent].x : out->x;
        out->birth_value = pair->birth_value;
        out->death_value = pair->death_value;
        out->pair = branch;
        out->parent = parent;
    }
    return LL_OK;
}

ll_status ll_tree_layout_create(const ll_merge_tree *tree, ll_tree_layout *layout, ll_error *error)
{
    ll_branches branches;
    LL_TRY(ll_branches_create(tree, &branches, error));
    ll_tree_layout result = {.count = branches.count};
    struct extent *extent = ll_allocate_array(branches.count, sizeof *extent);
    double *side = ll_allocate_array(branches.count, sizeof *side);
    int64_t *roots = ll_allocate_array(branches.roots, sizeof *roots);
    result.branches = ll_allocate_array(branches.count, sizeof *result.branches);
    ll_status status;
    if (!extent || !side || !roots || !result.branches)
        status = ll_fail_memory(error, TOPOLOGY, (size_t)branches.count * 80);
    else status = place(tree, &branches, &result, extent, side, roots);
    ll_free(extent), ll_free(side), ll_free(roots);
    ll_branches_deinit(&branches);
    if (status == LL_OK) *layout = result;
    else ll_tree_layout_deinit(&result);
    return status;
}
