/* Distances among a set, pair by pair on the team. */
#include "topology/internal.h"

#include <math.h>

const char *ll_distance_kind_name(ll_distance_kind kind)
{
    static const char *const names[LL_DISTANCE_KINDS] = {"bottleneck", "wasserstein", "tree"};
    return (unsigned)kind < LL_DISTANCE_KINDS ? names[kind] : "unknown";
}

struct set {
    ll_distance_kind kind;
    const ll_merge_tree *const *trees;
    int64_t count;
    const ll_distance_options *options;
    ll_distance *distances; /* pairs (0,1) (0,2) .. (1,2) .. */
};

static ll_status measure_pair(void *context, int64_t chunk, int thread, ll_error *error)
{
    (void)thread;
    const struct set *set = context;
    int64_t row = 0, place = chunk;
    while (place >= set->count - 1 - row) place -= set->count - 1 - row++;
    const ll_merge_tree *a = set->trees[row], *b = set->trees[row + 1 + place];
    ll_distance *distance = &set->distances[chunk];
    switch (set->kind) {
    case LL_DISTANCE_BOTTLENECK:
        return ll_distance_bottleneck(ll_diagram_view_of_tree(a), ll_diagram_view_of_tree(b), distance,
                                      error);
    case LL_DISTANCE_WASSERSTEIN:
        return ll_distance_wasserstein(ll_diagram_view_of_tree(a), ll_diagram_view_of_tree(b), set->options,
                                       distance, error);
    default: return ll_distance_of_trees(a, b, set->options, distance, error);
    }
}

ll_status ll_distance_matrix(ll_distance_kind kind, const ll_merge_tree *const *trees, int64_t count,
                             const ll_distance_options *options, ll_team *team, double *matrix,
                             double *worst_error, ll_error *error)
{
    if ((unsigned)kind >= LL_DISTANCE_KINDS || count < 0 || count > 1000000)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "distance matrix", "kind %d of %lld trees",
                       (int)kind, (long long)count);
    const int64_t pairs = count * (count - 1) / 2;
    struct set set = {.kind = kind, .trees = trees, .count = count, .options = options};
    set.distances = ll_allocate_array(pairs, sizeof *set.distances);
    if (!set.distances) return ll_fail_memory(error, TOPOLOGY, (size_t)pairs * sizeof *set.distances);
    ll_status status = ll_team_run(team, pairs, measure_pair, &set, error);
    double worst = 0;
    for (int64_t i = 0, pair = 0; i < count && status == LL_OK; i++) {
        matrix[i * count + i] = 0;
        for (int64_t j = i + 1; j < count; j++, pair++) {
            matrix[i * count + j] = matrix[j * count + i] = set.distances[pair].value;
            worst = fmax(worst, set.distances[pair].relative_error);
        }
    }
    ll_free(set.distances);
    if (status == LL_OK && worst_error) *worst_error = worst;
    return status;
}

double ll_distance_spread(const double *matrix, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = i + 1; j < count; j++) sum += matrix[i * count + j];
    return count > 1 ? sum / ((double)count * (double)(count - 1) / 2) : 0;
}
