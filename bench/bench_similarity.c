#define _POSIX_C_SOURCE 200809L

/* All pairs of layers of 8 networks x 20 layers (widths of a ResNet-20 on 32 x 32 images), 256 samples,
 * float32 features, debiased CKA: ours in all, against the method of torch_cka (bench/peers/cka_torch.py) for
 * one pair of networks times the 28 pairs, in alternation. Forward passes are left out on both sides; the
 * peer's method repeats them for every pair. bench_similarity [THREADS [ROUNDS]] */
#include "losslens/similarity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NETWORKS = 8, LAYERS = 20, SAMPLES = 256, PAIRS = NETWORKS * (NETWORKS - 1) / 2 };

static const int64_t width[LAYERS] = {16384, 16384, 16384, 16384, 16384, 16384, 16384, 8192, 8192, 8192,
                                      8192,  8192,  8192,  4096,  4096,  4096,  4096,  4096, 4096, 64};

static void must(ll_status status, const ll_error *error)
{
    if (status == LL_OK) return;
    fprintf(stderr, "%s: %s\n", ll_status_name(status), error->message);
    exit(1);
}

typedef struct work {
    ll_cka *cka;
    const float *features[LAYERS];
    int64_t first;
} work;

static ll_status add(void *context, int64_t layer, int thread, ll_error *error)
{
    (void)thread;
    const work *w = context;
    const ll_features features = {w->features[layer], LL_REAL_FLOAT32, SAMPLES, width[layer]};
    return ll_cka_add(w->cka, w->first + layer, &features, error);
}

static double ours(const float *pool, int64_t pool_count, ll_team *team)
{
    ll_error error;
    work w = {0};
    static double matrix[NETWORKS * LAYERS * NETWORKS * LAYERS];
    static ll_cka_flag flags[NETWORKS * LAYERS];
    double start = ll_clock_seconds();
    must(ll_cka_create(NETWORKS * LAYERS, LL_CKA_DEBIASED, &w.cka, &error), &error);
    must(ll_cka_begin(w.cka, SAMPLES, &error), &error);
    for (int64_t n = 0; n < NETWORKS; n++) {
        w.first = n * LAYERS;
        for (int64_t l = 0; l < LAYERS; l++) /* another part of the pool for every layer of every network */
            w.features[l] = pool + (w.first + l) * 7919 % (pool_count - SAMPLES * width[l]);
        must(ll_team_run(team, LAYERS, add, &w, &error), &error);
    }
    must(ll_cka_end(w.cka, team, &error), &error);
    must(ll_cka_matrix(w.cka, matrix, flags, &error), &error);
    double seconds = ll_clock_seconds() - start;
    ll_cka_destroy(w.cka);
    return seconds;
}

/* Seconds for one pair of networks; NAN without the peer. */
static double theirs(int threads)
{
    char line[512];
    int used =
        snprintf(line, sizeof line, "/usr/bin/python3 bench/peers/cka_torch.py %d %d", (int)SAMPLES, threads);
    for (int l = 0; l < LAYERS; l++)
        used += snprintf(line + used, sizeof line - (size_t)used, " %d", (int)width[l]);
    FILE *answer = popen(line, "r");
    double seconds = NAN;
    if (answer == NULL || fscanf(answer, "%lf", &seconds) != 1) seconds = NAN;
    if (answer != NULL && pclose(answer) != 0) seconds = NAN;
    return seconds;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1, rounds = argc > 2 ? atoi(argv[2]) : 3;
    ll_error error;
    ll_team *team;
    must(ll_team_create(threads, &team, &error), &error);
    int64_t count = (int64_t)SAMPLES * 16384 + 2000000;
    float *pool = ll_allocate_array(count, sizeof *pool);
    if (pool == NULL) return 1;
    ll_rng rng = ll_rng_make(1, "bench", "similarity");
    for (int64_t i = 0; i < count; i++) pool[i] = (float)ll_rng_uniform(rng, (uint64_t)i);
    double best = INFINITY, peer = INFINITY;
    for (int round = 0; round < rounds; round++) {
        best = fmin(best, ours(pool, count, team));
        double pair = theirs(threads);
        if (isnan(pair)) {
            printf("skipped: the peer needs /usr/bin/python3 with torch, run from the source folder\n");
            peer = NAN;
            break;
        }
        peer = fmin(peer, pair);
    }
    printf("%d networks x %d layers, %d samples, %d thread%s: ours %.3f s", NETWORKS, LAYERS, SAMPLES,
           threads, threads > 1 ? "s" : "", best);
    if (!isnan(peer))
        printf("; torch_cka's method %.3f s a pair of networks, %.1f s for %d pairs: ratio %.1f", peer,
               PAIRS * peer, PAIRS, PAIRS * peer / best);
    printf("\n");
    ll_free(pool);
    ll_team_destroy(team);
    return 0;
}
