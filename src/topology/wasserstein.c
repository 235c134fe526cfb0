/* Wasserstein distance of diagrams. A pair of points is worth matching only if that costs less than sending
 * both to the diagonal; these pairs, found with a k-d tree, are the edges of the assignment. */
#include "topology/diagram.h"
#include "topology/plane_tree.h"

#include <math.h>

ll_distance_options ll_distance_options_default(void)
{
    return (ll_distance_options){.power = 2,
                                 .relative_error = 0.01,
                                 .exact_points = LL_WASSERSTEIN_EXACT_POINTS,
                                 .tree_epsilon1 = 0.05,
                                 .memory_limit = 0};
}

static double raise(double x, double power) { return power == 2 ? x * x : power == 1 ? x : pow(x, power); }

struct edges {
    const topology_plane_tree *tree; /* of b, weights half^p */
    double power;
    int64_t count;
    int32_t *columns; /* NULL: only counted */
    double *costs;
};

static void list_edges(struct edges *edges, int64_t first, int64_t last, const double *point, double weight)
{
    if (first >= last) return;
    const int64_t middle = first + (last - first) / 2;
    const topology_plane_node *node = &edges->tree->nodes[middle];
    double gap = 0;
    for (int i = 0; i < 2; i++) gap = fmax(gap, fmax(node->low[i] - point[i], point[i] - node->high[i]));
    if (raise(gap, edges->power) >= weight + node->most) return;
    const double cost =
        raise(topology_chebyshev(point, edges->tree->points + 2 * (int64_t)node->item), edges->power);
    if (cost < weight + edges->tree->weights[node->item]) {
        if (edges->columns) edges->columns[edges->count] = node->item, edges->costs[edges->count] = cost;
        edges->count++;
    }
    list_edges(edges, first, middle, point, weight);
    list_edges(edges, middle + 1, last, point, weight);
}

/* Least sum of cost^p between the first n and m points. */
static ll_status match(const topology_diagram *a, const topology_diagram *b, int64_t n, int64_t m,
                       double power, size_t memory_limit, double *total, ll_error *error)
{
    double *row_leave = ll_allocate_array(n, sizeof *row_leave),
           *column_leave = ll_allocate_array(m, sizeof *column_leave);
    int64_t *offsets = ll_allocate_array(n + 1, sizeof *offsets);
    int32_t *items = ll_allocate_array(m, sizeof *items);
    topology_plane_node *nodes = ll_allocate_array(m, sizeof *nodes);
    ll_status status = LL_OK;
    if (!row_leave || !column_leave || !offsets || !items || !nodes) {
        status = ll_fail_memory(error, TOPOLOGY, (size_t)(n + m) * 64);
    } else {
        for (int64_t i = 0; i < n; i++) row_leave[i] = raise(a->half[i], power);
        for (int64_t j = 0; j < m; j++) column_leave[j] = raise(b->half[j], power), items[j] = (int32_t)j;
        topology_plane_tree tree;
        topology_plane_tree_build(&tree, b->points, column_leave, nodes, items, m);
        struct edges edges = {.tree = &tree, .power = power};
        for (int pass = 0; pass < 2 && status == LL_OK; pass++) {
            edges.count = 0;
            for (int64_t i = 0; i < n; i++) {
                offsets[i] = edges.count;
                list_edges(&edges, 0, m, a->points + 2 * i, row_leave[i]);
            }
            offsets[n] = edges.count;
            if (pass == 1) break;
            const size_t bytes = (size_t)edges.count * (sizeof(int32_t) + sizeof(double));
            if (bytes > memory_limit) {
                status = ll_fail(
                    error, LL_TOO_LARGE, TOPOLOGY, "wasserstein",
                    "matching %lld with %lld points takes %.3g GiB for %lld pairs worth matching, more than "
                    "the limit of %.3g GiB; allow a larger relative error",
                    (long long)n, (long long)m, (double)bytes / 0x1p30, (long long)edges.count,
                    (double)memory_limit / 0x1p30);
                break;
            }
            edges.columns = ll_allocate_array(edges.count, sizeof *edges.columns);
            edges.costs = ll_allocate_array(edges.count, sizeof *edges.costs);
            if (!edges.columns || !edges.costs) status = ll_fail_memory(error, TOPOLOGY, bytes);
        }
        if (status == LL_OK)
            status = topology_assign(n, m, offsets, edges.columns, edges.costs, row_leave, column_leave,
                                     total, error);
        ll_free(edges.columns), ll_free(edges.costs);
    }
    ll_free(row_leave), ll_free(column_leave), ll_free(offsets), ll_free(items), ll_free(nodes);
    return status;
}

/* Sum of half^p of the points from `first` on: what sending them to the diagonal costs. */
static ll_status rest(const topology_diagram *diagram, int64_t first, double power, double *sum,
                      ll_error *error)
{
    double *terms = ll_allocate_array(diagram->count, sizeof *terms);
    if (!terms) return ll_fail_memory(error, TOPOLOGY, (size_t)diagram->count * sizeof *terms);
    for (int64_t i = first; i < diagram->count; i++) terms[i] = raise(diagram->half[i], power);
    *sum = ll_reduce_pairwise(terms + first, diagram->count - first);
    ll_free(terms);
    return LL_OK;
}

static ll_status distance_of(const topology_diagram *a, const topology_diagram *b,
                             const ll_distance_options *options, ll_distance *distance, ll_error *error)
{
    const double power = options->power;
    const size_t limit = options->memory_limit ? options->memory_limit : (size_t)8 << 30;
    double essential = 0;
    for (int64_t i = 0; i < a->essential_count; i++)
        essential += raise(fabs(a->essential[i] - b->essential[i]), power);
    const int64_t largest = ll_max_int64(a->count, b->count);
    int64_t kept =
        largest <= options->exact_points || options->relative_error <= 0 ? largest : options->exact_points;
    for (;; kept *= 2) {
        const int64_t n = ll_min_int64(kept, a->count), m = ll_min_int64(kept, b->count);
        double matched, rest_a, rest_b;
        LL_TRY(match(a, b, n, m, power, limit, &matched, error));
        if (kept >= largest) {
            distance->value = pow(matched + essential, 1 / power);
            distance->relative_error = 0;
            return LL_OK;
        }
        LL_TRY(rest(a, n, power, &rest_a, error));
        LL_TRY(rest(b, m, power, &rest_b, error));
        /* Above: the rest goes to the diagonal. Below: the triangle inequality over the shortened diagrams.
         */
        const double high = pow(matched + rest_a + rest_b + essential, 1 / power);
        const double shortened = pow(matched, 1 / power) - pow(rest_a, 1 / power) - pow(rest_b, 1 / power);
        const double low = pow(raise(fmax(shortened, 0), power) + essential, 1 / power);
        if (high - low > options->relative_error * (high + low)) continue;
        distance->value = high > 0 ? 2 * high * low / (high + low) : 0;
        distance->relative_error = high > 0 ? (high - low) / (high + low) : 0;
        return LL_OK;
    }
}

ll_status ll_distance_wasserstein(ll_diagram_view a, ll_diagram_view b, const ll_distance_options *options,
                                  ll_distance *distance, ll_error *error)
{
    const ll_distance_options chosen = options ? *options : ll_distance_options_default();
    if (!(chosen.power >= 1) || !isfinite(chosen.power))
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "wasserstein",
                       "power %g; a finite number of at least 1 is wanted (bottleneck is the limit)",
                       chosen.power);
    if (!(chosen.relative_error >= 0) || chosen.exact_points < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "wasserstein",
                       "relative error %g and %lld exact points; at least 0 and 1 are wanted",
                       chosen.relative_error, (long long)chosen.exact_points);
    topology_diagram left, right;
    LL_TRY(topology_diagram_init(&left, a, error));
    ll_status status = topology_diagram_init(&right, b, error);
    if (status != LL_OK) {
        topology_diagram_deinit(&left);
        return status;
    }
    ll_distance result = {.points = left.count + right.count};
    if (left.essential_count != right.essential_count) result.value = INFINITY;
    else status = distance_of(&left, &right, &chosen, &result, error);
    topology_diagram_deinit(&left), topology_diagram_deinit(&right);
    if (status == LL_OK) *distance = result;
    return status;
}
