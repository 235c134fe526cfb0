/* Merge trees of smooth fields and of noise: pairs, tree and arc sizes apart, peak memory, the plain sweep,
 * two threads, and peers in alternation.
 *   bench_topology [--large] [--case WORD] [NAME:CONNECTIVITY:MOST_AXES:COMMAND]...
 * A peer is a command that takes FIELD.raw REPETITIONS EXTENTS... and prints "milliseconds minima". Ours and
 * the peers take turns three times; the best of each is kept. bench/peers/topology.sh makes peers. */
#define _DEFAULT_SOURCE
#include "losslens/topology.h"
#include "topology/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 3

typedef struct size {
    int rank;
    int64_t extent;
    bool large;
} size;

static void must(ll_status status, const ll_error *error)
{
    if (status == LL_OK) return;
    fprintf(stderr, "%s: %s\n", ll_status_name(status), error->message);
    exit(1);
}

static void fill(float *values, int64_t vertices, size which, bool noise)
{
    ll_rng rng = ll_rng_make(1, "bench", "topology");
    for (int64_t v = 0; v < vertices; v++) {
        double sum = 0;
        for (int64_t axis = 0, rest = v; axis < which.rank; axis++, rest /= which.extent) {
            double x = -1 + 2 * (double)(rest % which.extent) / (double)(which.extent - 1);
            sum += x * x * (1 + 0.1 * (double)axis) + 0.3 * (1 - cos(9 * x + (double)axis));
        }
        values[v] = (float)(noise ? ll_rng_uniform(rng, (uint64_t)v) : sum);
    }
}

static double once(const ll_grid_field *field, const ll_topology_options *options, int repetitions,
                   int64_t *minima, size_t *peak)
{
    double best = INFINITY;
    ll_error error;
    for (int i = 0; i < repetitions; i++) {
        ll_merge_tree tree;
        double start = ll_clock_seconds();
        must(ll_merge_tree_of_grid(field, options, &tree, &error), &error);
        double ms = 1e3 * (ll_clock_seconds() - start);
        best = ms < best ? ms : best;
        *minima = tree.minima;
        *peak = tree.peak_bytes;
        ll_merge_tree_deinit(&tree);
    }
    return best;
}

static double sweep_once(const ll_grid_field *field, const ll_topology_options *options)
{
    ll_merge_tree tree;
    ll_error error;
    double start = ll_clock_seconds();
    must(topology_sweep_grid(field, options, options->workspace, &tree, &error), &error);
    double ms = 1e3 * (ll_clock_seconds() - start);
    ll_merge_tree_deinit(&tree);
    return ms;
}

/* NAN where the peer fails. */
static double ask_peer(const char *command, const char *path, int repetitions, size which, int64_t *minima)
{
    char line[4096];
    int used = snprintf(line, sizeof line, "%s %s %d", command, path, repetitions);
    for (int axis = 0; axis < which.rank && used < (int)sizeof line - 24; axis++) {
        used += snprintf(line + used, sizeof line - (size_t)used, " %lld", (long long)which.extent);
    }
    FILE *answer = popen(line, "r");
    double ms = NAN;
    long long found = -1;
    if (answer == NULL || fscanf(answer, "%lf %lld", &ms, &found) != 2) ms = NAN;
    if (answer != NULL && pclose(answer) != 0) ms = NAN;
    *minima = found;
    return ms;
}

static void run_case(size which, bool noise, ll_connectivity connectivity, ll_team *team, char **peers,
                     int peer_count)
{
    ll_error error;
    ll_grid_field field = {.type = LL_ARRAY_FLOAT32, .rank = which.rank};
    int64_t vertices = 1;
    for (int axis = 0; axis < which.rank; axis++) vertices *= field.shape[axis] = which.extent;
    float *values = malloc((size_t)vertices * sizeof *values);
    if (values == NULL) exit(1);
    fill(values, vertices, which, noise);
    field.values = values;
    ll_topology_options options = ll_topology_options_default();
    options.connectivity = connectivity;
    must(ll_topology_workspace_create(&options.workspace, &error), &error);

    const char *temporary = getenv("TMPDIR");
    char path[1000];
    snprintf(path, sizeof path, "%s/bench_topology.%d.raw", temporary != NULL ? temporary : "/tmp",
             (int)getpid());
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(values, 4, (size_t)vertices, file) != (size_t)vertices || fclose(file) != 0)
        exit(1);

    int repetitions = vertices < 3000 ? 200 : vertices < 400000 ? 20 : 2;
    double pairs = INFINITY, tree = INFINITY, sizes = INFINITY, threads = INFINITY, sweep = INFINITY,
           theirs[8];
    int64_t minima = 0, other = 0;
    size_t peak = 0, ignored;
    for (int k = 0; k < 8; k++) theirs[k] = INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
        options.team = NULL;
        options.outputs = LL_TOPOLOGY_PAIRS;
        pairs = fmin(pairs, once(&field, &options, repetitions, &minima, &ignored));
        options.outputs = LL_TOPOLOGY_TREE;
        tree = fmin(tree, once(&field, &options, repetitions, &minima, &peak));
        for (int k = 0; k < peer_count && k < 8; k++) {
            char name[64], wanted[64];
            int most = 0, begin = 0;
            if (sscanf(peers[k], "%63[^:]:%63[^:]:%d:%n", name, wanted, &most, &begin) < 3 || begin == 0)
                exit(2);
            if (which.rank > most || strcmp(wanted, ll_connectivity_name(connectivity)) != 0) continue;
            /* Slow peers get one turn on large fields. */
            if (round > 0 && vertices > 400000) continue;
            int turns = vertices > 400000 ? 1 : vertices < 3000 ? 50 : 3;
            double ms = ask_peer(peers[k] + begin, path, turns, which, &other);
            if (isnan(ms)) continue;
            if (other != minima) {
                fprintf(stderr, "%s: %lld minima, ours %lld\n", name, (long long)other, (long long)minima);
                exit(1);
            }
            theirs[k] = fmin(theirs[k], ms);
        }
        if (vertices < 3000000) sweep = fmin(sweep, sweep_once(&field, &options));
        options.team = team;
        threads = fmin(threads, once(&field, &options, repetitions, &minima, &ignored));
        options.team = NULL;
        options.outputs = LL_TOPOLOGY_SIZES;
        sizes = fmin(sizes, once(&field, &options, repetitions, &minima, &ignored));
    }
    printf("%-16s %4lld^%d %-6s  pairs %9.4f ms  tree x%.2f  sizes x%.2f  %d threads x%.2f  peak %6.1f MiB",
           ll_connectivity_name(connectivity), (long long)which.extent, which.rank,
           noise ? "noise" : "smooth", pairs, tree / pairs, sizes / pairs, ll_team_threads(team),
           threads / tree, (double)peak / 1048576.0);
    if (isfinite(sweep)) printf("  sweep x%.1f", sweep / tree);
    for (int k = 0; k < peer_count && k < 8; k++) {
        if (isfinite(theirs[k]))
            printf("  %.*s x%.2f", (int)strcspn(peers[k], ":"), peers[k], theirs[k] / tree);
    }
    printf("\n");
    fflush(stdout);
    unlink(path);
    ll_topology_workspace_destroy(options.workspace);
    free(values);
}

int main(int argc, char **argv)
{
    static const size sizes[] = {{2, 25, false},  {2, 101, false}, {2, 501, false}, {3, 41, false},
                                 {2, 2001, true}, {3, 201, true},  {4, 41, true}};
    bool large = false;
    const char *only = NULL;
    int first = 1;
    for (; first < argc && strncmp(argv[first], "--", 2) == 0; first++) {
        if (strcmp(argv[first], "--large") == 0) large = true;
        else if (strcmp(argv[first], "--case") == 0 && first + 1 < argc) only = argv[++first];
        else return 2;
    }
    ll_error error;
    ll_team *team;
    must(ll_team_create(2, &team, &error), &error);
    printf("xN: time relative to ours (peers, sweep: relative to our tree); %s, one thread unless said\n",
           ll_cpu_level_name(ll_cpu_detect()));
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        char word[40];
        snprintf(word, sizeof word, "%lld^%d", (long long)sizes[k].extent, sizes[k].rank);
        if (only != NULL ? strcmp(only, word) != 0 : sizes[k].large && !large) continue;
        for (int noise = 0; noise < 2; noise++) {
            run_case(sizes[k], noise == 1, LL_CONNECTIVITY_FREUDENTHAL, team, argv + first, argc - first);
            run_case(sizes[k], noise == 1, LL_CONNECTIVITY_BOX, team, argv + first, argc - first);
        }
    }
    ll_team_destroy(team);
    return 0;
}
