/* Wasserstein distance of merge trees (Pont, Vidal, Delon, Tierny 2022). A rooted partial isomorphism joins
 * branches of equal depth whose parents are joined, and a branch left alone takes its subtree with it. So
 * the cost of joining two branches is their squared distance plus a minimum-cost matching of their children,
 * bottom-up over depths; only one depth's costs are kept. */
#include "topology/diagram.h"

#include <math.h>
#include <string.h>

/* Branch decomposition after adjacent saddles were merged. */
struct branch_tree {
    int64_t count, levels;
    const ll_persistence_pair *pairs;
    int64_t *level_start; /* levels + 1, into by_level */
    int32_t *by_level;    /* branches of a level, those of one parent side by side */
    int64_t *first_child; /* per branch: its children are first_child.. +child_count in by_level */
    int64_t *child_count;
    int32_t *parent;
    double *removal; /* squared cost of removing a branch with its subtree */
};

static void branch_tree_deinit(struct branch_tree *tree)
{
    ll_free(tree->level_start), ll_free(tree->by_level), ll_free(tree->first_child),
        ll_free(tree->child_count);
    ll_free(tree->parent), ll_free(tree->removal);
    *tree = (struct branch_tree){0};
}

/* Parent of each branch: the one that goes on through the topmost saddle that its own saddle was merged to.
 */
static ll_status merge_saddles(const ll_merge_tree *tree, double epsilon, int32_t *parent, ll_error *error)
{
    const int64_t nodes = tree->node_count, first_root = tree->minima + tree->saddles;
    int32_t *through = ll_allocate_array(nodes, sizeof *through),
            *top = ll_allocate_array(nodes, sizeof *top);
    if (!through || !top) {
        ll_free(through), ll_free(top);
        return ll_fail_memory(error, TOPOLOGY, (size_t)nodes * 8);
    }
    double largest = 0;
    for (int64_t i = 0; i < nodes; i++) {
        if (i < tree->minima) through[i] = (int32_t)i;
        const int64_t above = tree->nodes[i].parent;
        if (above < 0) continue;
        const ll_persistence_pair *pair = &tree->pairs[through[i]];
        if (pair->essential || pair->death != tree->nodes[above].vertex) through[above] = through[i];
        if (i >= tree->minima && above < first_root)
            largest = fmax(largest, fabs(tree->nodes[above].value - tree->nodes[i].value));
    }
    for (int64_t i = nodes - 1; i >= 0; i--) {
        const int64_t above = tree->nodes[i].parent;
        const bool merged = i >= tree->minima && above >= 0 && above < first_root &&
                            fabs(tree->nodes[above].value - tree->nodes[i].value) <= epsilon * largest;
        top[i] = merged ? top[above] : (int32_t)i;
    }
    for (int64_t i = 0; i < nodes; i++) {
        const int64_t above = tree->nodes[i].parent;
        if (above < 0) parent[through[i]] = -1;
        else if (through[above] != through[i]) parent[through[i]] = through[top[above]];
    }
    ll_free(through), ll_free(top);
    return LL_OK;
}

/* Breadth first from the roots: levels one after the other, siblings side by side. */
static ll_status list_levels(struct branch_tree *tree, ll_error *error)
{
    const int64_t n = tree->count;
    int64_t *offsets = ll_allocate_zeroed(((size_t)n + 2) * sizeof *offsets);
    int32_t *children = ll_allocate_array(n, sizeof *children);
    if (!offsets || !children) {
        ll_free(offsets), ll_free(children);
        return ll_fail_memory(error, TOPOLOGY, (size_t)n * 12);
    }
    int64_t end = 0;
    for (int64_t i = 0; i < n; i++) {
        if (tree->parent[i] >= 0) offsets[tree->parent[i] + 2]++;
        else tree->by_level[end++] = (int32_t)i;
    }
    for (int64_t i = 0; i < n; i++) offsets[i + 1] += offsets[i];
    for (int64_t i = 0; i < n; i++)
        if (tree->parent[i] >= 0) children[offsets[tree->parent[i] + 1]++] = (int32_t)i;
    tree->level_start[0] = 0;
    for (int64_t begin = 0; begin < end;) {
        const int64_t stop = end;
        tree->level_start[++tree->levels] = stop;
        for (; begin < stop; begin++) {
            const int32_t branch = tree->by_level[begin];
            tree->first_child[branch] = end;
            tree->child_count[branch] = offsets[branch + 1] - offsets[branch];
            for (int64_t c = offsets[branch]; c < offsets[branch + 1]; c++)
                tree->by_level[end++] = children[c];
        }
    }
    ll_free(offsets), ll_free(children);
    return LL_OK;
}

static ll_status branch_tree_init(struct branch_tree *result, const ll_merge_tree *merge_tree, double epsilon,
                                  ll_error *error)
{
    const int64_t n = merge_tree->minima;
    if (n > 0 && merge_tree->node_count == 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "tree distance",
                       "the tree has no nodes: ask for LL_TOPOLOGY_TREE");
    struct branch_tree tree = {.count = n,
                               .pairs = merge_tree->pairs,
                               .level_start = ll_allocate_array(n + 1, sizeof(int64_t)),
                               .by_level = ll_allocate_array(n, sizeof(int32_t)),
                               .first_child = ll_allocate_array(n, sizeof(int64_t)),
                               .child_count = ll_allocate_array(n, sizeof(int64_t)),
                               .parent = ll_allocate_array(n, sizeof(int32_t)),
                               .removal = ll_allocate_array(n, sizeof(double))};
    ll_status status = LL_OK;
    if (!tree.level_start || !tree.by_level || !tree.first_child || !tree.child_count || !tree.parent ||
        !tree.removal)
        status = ll_fail_memory(error, TOPOLOGY, (size_t)n * 40);
    if (status == LL_OK) status = merge_saddles(merge_tree, epsilon, tree.parent, error);
    if (status == LL_OK) status = list_levels(&tree, error);
    if (status != LL_OK) {
        branch_tree_deinit(&tree);
        return status;
    }
    for (int64_t i = 0; i < n; i++) {
        const double persistence = ll_pair_persistence(&tree.pairs[i]);
        tree.removal[i] = persistence * persistence / 2; /* (d - b) / sqrt 2 from the diagonal */
    }
    for (int64_t place = n - 1; place >= 0; place--) {
        const int32_t branch = tree.by_level[place];
        if (tree.parent[branch] >= 0) tree.removal[tree.parent[branch]] += tree.removal[branch];
    }
    *result = tree;
    return LL_OK;
}

/* Scratch of one assignment of children: grows as needed. */
struct scratch {
    int64_t edges, rows, columns;
    int64_t *offsets;
    int32_t *edge_columns;
    double *edge_costs, *row_leave, *column_leave;
};

static void scratch_deinit(struct scratch *scratch)
{
    ll_free(scratch->offsets), ll_free(scratch->edge_columns), ll_free(scratch->edge_costs);
    ll_free(scratch->row_leave), ll_free(scratch->column_leave);
    *scratch = (struct scratch){0};
}

static ll_status scratch_reserve(struct scratch *scratch, int64_t rows, int64_t columns, ll_error *error)
{
    if (scratch->offsets && rows <= scratch->rows && columns <= scratch->columns &&
        rows * columns <= scratch->edges)
        return LL_OK;
    rows = ll_max_int64(rows, scratch->rows), columns = ll_max_int64(columns, scratch->columns);
    scratch_deinit(scratch);
    scratch->rows = rows, scratch->columns = columns, scratch->edges = rows * columns;
    scratch->offsets = ll_allocate_array(rows + 1, sizeof *scratch->offsets);
    scratch->edge_columns = ll_allocate_array(rows * columns, sizeof *scratch->edge_columns);
    scratch->edge_costs = ll_allocate_array(rows * columns, sizeof *scratch->edge_costs);
    scratch->row_leave = ll_allocate_array(rows, sizeof *scratch->row_leave);
    scratch->column_leave = ll_allocate_array(columns, sizeof *scratch->column_leave);
    if (scratch->offsets && scratch->edge_columns && scratch->edge_costs && scratch->row_leave &&
        scratch->column_leave)
        return LL_OK;
    scratch_deinit(scratch);
    return ll_fail_memory(error, TOPOLOGY, (size_t)(rows * columns) * 12);
}

/* Matches a block of siblings of a with one of b; below: costs of joining branches of their level, a row per
 * branch of a. `lone`: price of staying alone, < 0: that of removal. */
static ll_status match_siblings(const struct branch_tree *a, const struct branch_tree *b, int64_t level,
                                int64_t first_a, int64_t count_a, int64_t first_b, int64_t count_b,
                                const double *below, double lone, struct scratch *scratch, double *cost,
                                ll_error *error)
{
    LL_TRY(scratch_reserve(scratch, count_a, count_b, error));
    const int64_t width = b->level_start[level + 1] - b->level_start[level];
    int64_t edges = 0;
    for (int64_t j = 0; j < count_b; j++)
        scratch->column_leave[j] = lone < 0 ? b->removal[b->by_level[first_b + j]] : lone;
    for (int64_t i = 0; i < count_a; i++) {
        scratch->offsets[i] = edges;
        scratch->row_leave[i] = lone < 0 ? a->removal[a->by_level[first_a + i]] : lone;
        const double *row =
            below + (first_a + i - a->level_start[level]) * width - b->level_start[level] + first_b;
        for (int64_t j = 0; j < count_b; j++) {
            if (row[j] >= scratch->row_leave[i] + scratch->column_leave[j]) continue;
            scratch->edge_columns[edges] = (int32_t)j;
            scratch->edge_costs[edges++] = row[j];
        }
    }
    scratch->offsets[count_a] = edges;
    return topology_assign(count_a, count_b, scratch->offsets, scratch->edge_columns, scratch->edge_costs,
                           scratch->row_leave, scratch->column_leave, cost, error);
}

static double removal_of_children(const struct branch_tree *tree, int32_t branch)
{
    double sum = 0;
    for (int64_t c = 0; c < tree->child_count[branch]; c++)
        sum += tree->removal[tree->by_level[tree->first_child[branch] + c]];
    return sum;
}

/* Costs of joining each branch of a's level with each of b's, given those of the level below (NULL: none). */
static ll_status join_level(const struct branch_tree *a, const struct branch_tree *b, int64_t level,
                            const double *below, double *costs, struct scratch *scratch, ll_error *error)
{
    double *cost = costs;
    for (int64_t p = a->level_start[level]; p < a->level_start[level + 1]; p++)
        for (int64_t q = b->level_start[level]; q < b->level_start[level + 1]; q++, cost++) {
            const int32_t i = a->by_level[p], j = b->by_level[q];
            const double birth = a->pairs[i].birth_value - b->pairs[j].birth_value;
            const double death = a->pairs[i].death_value - b->pairs[j].death_value;
            double children;
            if (a->child_count[i] == 0 || b->child_count[j] == 0)
                children = removal_of_children(a, i) + removal_of_children(b, j);
            else
                LL_TRY(match_siblings(a, b, level + 1, a->first_child[i], a->child_count[i],
                                      b->first_child[j], b->child_count[j], below, -1, scratch, &children,
                                      error));
            *cost = birth * birth + death * death + children;
        }
    return LL_OK;
}

static ll_status distance_of(const struct branch_tree *a, const struct branch_tree *b, size_t memory_limit,
                             double *squared, ll_error *error)
{
    const int64_t levels = ll_min_int64(a->levels, b->levels);
    double *below = NULL;
    struct scratch scratch = {0};
    ll_status status = LL_OK;
    *squared = 0;
    for (int64_t level = levels - 1; level >= 0 && status == LL_OK; level--) {
        const int64_t n = a->level_start[level + 1] - a->level_start[level];
        const int64_t m = b->level_start[level + 1] - b->level_start[level];
        if ((double)n * (double)m * 32 > (double)memory_limit) {
            status = ll_fail(
                error, LL_TOO_LARGE, TOPOLOGY, "tree distance",
                "%lld times %lld branches at depth %lld take more than the limit of %.3g GiB; simplify the "
                "trees first",
                (long long)n, (long long)m, (long long)level, (double)memory_limit / 0x1p30);
            break;
        }
        double *costs = ll_allocate_array(n * m, sizeof *costs);
        status = costs ? join_level(a, b, level, below, costs, &scratch, error)
                       : ll_fail_memory(error, TOPOLOGY, (size_t)(n * m) * sizeof *costs);
        ll_free(below);
        below = costs;
    }
    if (status == LL_OK && levels > 0) {
        /* Roots must be joined: staying alone costs more than any matching of all of them. */
        const int64_t roots = a->level_start[1];
        double most = 0;
        for (int64_t i = 0; i < roots * roots; i++) most = fmax(most, below[i]);
        if (roots == 1) *squared = below[0];
        else
            status = match_siblings(a, b, 0, 0, roots, 0, roots, below, (double)roots * (most + 1), &scratch,
                                    squared, error);
    }
    ll_free(below);
    scratch_deinit(&scratch);
    return status;
}

ll_status ll_distance_of_trees(const ll_merge_tree *a, const ll_merge_tree *b,
                               const ll_distance_options *options, ll_distance *distance, ll_error *error)
{
    const ll_distance_options chosen = options ? *options : ll_distance_options_default();
    const double epsilon = chosen.tree_epsilon1;
    if (!(epsilon >= 0 && epsilon <= 1))
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "tree distance",
                       "epsilon1 = %g; a share between 0 and 1 is wanted", epsilon);
    struct branch_tree left, right;
    LL_TRY(branch_tree_init(&left, a, epsilon, error));
    ll_status status = branch_tree_init(&right, b, epsilon, error);
    if (status != LL_OK) {
        branch_tree_deinit(&left);
        return status;
    }
    ll_distance result = {.points = left.count + right.count};
    if (a->components != b->components) {
        result.value = INFINITY;
    } else {
        double squared = 0;
        const size_t limit = chosen.memory_limit ? chosen.memory_limit : (size_t)8 << 30;
        status = distance_of(&left, &right, limit, &squared, error);
        result.value = sqrt(squared);
    }
    branch_tree_deinit(&left), branch_tree_deinit(&right);
    if (status == LL_OK) *distance = result;
    return status;
}
