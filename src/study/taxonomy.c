#include "study/taxonomy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BOOTSTRAPS = 1000 };

const char *ll_taxonomy_name(ll_taxonomy_label label)
{
    static const char *const names[] = {"I", "II", "III", "IV-A", "IV-B", "under-trained", "undecided"};
    return label >= 0 && label < LL_TAXONOMY_LABELS ? names[label] : "?";
}

const char *ll_taxonomy_meaning(ll_taxonomy_label label)
{
    static const char *const meanings[] = {
        "sharp and poorly connected",
        "sharp and well connected",
        "flat and poorly connected",
        "flat and well connected, less similar",
        "flat, well connected and similar",
        "a path between the models leads to lower loss: they are not at their minima",
        "what would decide is not known"};
    return label >= 0 && label < LL_TAXONOMY_LABELS ? meanings[label] : "?";
}

/* ---------------------------------------------------------------- numbers of a sample of the members */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the values that are known; NaN without any. Sorts. */
static double median(double *values, int64_t count)
{
    if (count == 0) return NAN;
    qsort(values, (size_t)count, sizeof *values, ascending);
    return count % 2 != 0 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

typedef struct numbers {
    double barrier;      /* median */
    double barrier_best; /* the same if every unconverged curve could still come down to no barrier */
    double mc, rise, eigenvalue, cka;
} numbers;

/* chosen: members of the sample, one may be there several times; a pair of one with itself is no pair. */
static numbers measure(const ll_taxonomy_evidence *e, const int64_t *chosen, int64_t count, double *scratch)
{
    numbers n = {NAN, NAN, NAN, NAN, NAN, NAN};
    int64_t m = e->members;
    for (int what = 0; what < 4; what++) { /* barrier, best barrier, mc, cka */
        int64_t known = 0;
        double sum = 0;
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = i + 1; j < count; j++) {
                int64_t at = chosen[i] * m + chosen[j];
                double value = what < 2 ? e->barrier[at] : what == 2 ? e->mc[at] : e->cka[at];
                if (chosen[i] == chosen[j] || isnan(value)) continue;
                if (what == 1 && e->converged[at] != 1.0) value = fmin(value, 0.0);
                scratch[known++] = value;
                sum += value;
            }
        if (what == 3) n.cka = known > 0 ? sum / (double)known : (double)NAN;
        else *(what == 0 ? &n.barrier : what == 1 ? &n.barrier_best : &n.mc) = median(scratch, known);
    }
    for (int what = 0; what < 2; what++) {
        int64_t known = 0;
        for (int64_t i = 0; i < count; i++) {
            double value = what == 0 ? e->rise[chosen[i]] : e->eigenvalue[chosen[i]];
            if (!isnan(value)) scratch[known++] = value;
        }
        *(what == 0 ? &n.rise : &n.eigenvalue) = median(scratch, known);
    }
    return n;
}

static ll_taxonomy_label label_of(const numbers *n, const ll_taxonomy_thresholds *t)
{
    if (isnan(n->barrier) || isnan(n->rise)) return LL_TAXONOMY_UNDECIDED;
    if (n->mc > t->under_trained) return LL_TAXONOMY_UNDER_TRAINED;
    bool connected = n->barrier <= t->connected;
    /* Too high by curves alone that more training may bring down: not known to be poor. */
    if (!connected && n->barrier_best <= t->connected) return LL_TAXONOMY_UNDECIDED;
    if (isfinite(t->eigenvalue) && isnan(n->eigenvalue)) return LL_TAXONOMY_UNDECIDED;
    bool flat = n->rise <= t->flat && !(isfinite(t->eigenvalue) && n->eigenvalue > t->eigenvalue);
    if (!flat) return connected ? LL_TAXONOMY_II : LL_TAXONOMY_I;
    if (!connected) return LL_TAXONOMY_III;
    if (isnan(n->cka)) return LL_TAXONOMY_UNDECIDED;
    return n->cka >= t->similar ? LL_TAXONOMY_IV_B : LL_TAXONOMY_IV_A;
}

/* ---------------------------------------------------------------- the label and how much of a change keeps
 * it */

ll_status ll_taxonomy_classify(const ll_taxonomy_evidence *evidence, const ll_taxonomy_thresholds *thresholds,
                               uint64_t seed, ll_taxonomy_result *result, ll_error *error)
{
    static const double factors[] = {0.75, 1.0, 1.25};
    int64_t m = evidence->members, votes[2][LL_TAXONOMY_LABELS] = {{0}};
    int64_t *chosen = ll_allocate_array(m + 1, sizeof *chosen);
    double *scratch = ll_allocate_array(m * m + 1, sizeof *scratch);
    if (chosen == NULL || scratch == NULL) {
        ll_free(chosen);
        ll_free(scratch);
        return ll_fail_memory(error, "study", (size_t)(m * m) * sizeof *scratch);
    }
    for (int64_t i = 0; i < m; i++) chosen[i] = i;
    numbers all = measure(evidence, chosen, m, scratch);
    ll_taxonomy_result made = {.label = label_of(&all, thresholds),
                               .barrier = all.barrier,
                               .mc = all.mc,
                               .rise = all.rise,
                               .eigenvalue = all.eigenvalue,
                               .cka = all.cka};
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = i + 1; j < m; j++) {
            made.pairs += !isnan(evidence->barrier[i * m + j]);
            made.unconverged += !isnan(evidence->barrier[i * m + j]) && evidence->converged[i * m + j] != 1.0;
        }
    ll_rng rng = ll_rng_make(seed, "bootstrap", "taxonomy");
    int64_t drawn = 0;
    for (int64_t b = 0; b < BOOTSTRAPS && m > 1; b++) {
        bool differ = false;
        for (int64_t i = 0; i < m; i++) {
            chosen[i] = (int64_t)ll_rng_below(rng, (uint64_t)(b * m + i), (uint64_t)m);
            differ = differ || chosen[i] != chosen[0];
        }
        if (!differ) continue; /* one model alone has no pairs */
        numbers sample = measure(evidence, chosen, m, scratch);
        votes[0][label_of(&sample, thresholds)]++;
        drawn++;
    }
    for (int k = 0; k < 27; k++) {
        ll_taxonomy_thresholds moved = *thresholds;
        moved.connected *= factors[k % 3];
        moved.under_trained *= factors[k % 3];
        moved.flat *= factors[k / 3 % 3];
        moved.eigenvalue *= factors[k / 3 % 3];
        moved.similar = 1.0 - (1.0 - moved.similar) * factors[k / 9];
        votes[1][label_of(&all, &moved)]++;
    }
    made.share_bootstrap = drawn > 0 ? (double)votes[0][made.label] / (double)drawn : (double)NAN;
    made.share_threshold = (double)votes[1][made.label] / 27.0;
    made.other = made.label;
    double most = 0;
    for (int l = 0; l < LL_TAXONOMY_LABELS; l++) {
        double share = (drawn > 0 ? (double)votes[0][l] / (double)drawn : 0.0) + (double)votes[1][l] / 27.0;
        if (l == (int)made.label || share <= most) continue;
        most = share;
        made.other = (ll_taxonomy_label)l;
    }
    made.between = made.label != LL_TAXONOMY_UNDECIDED && made.other != made.label &&
                   (made.share_threshold < 2.0 / 3.0 || (drawn > 0 && made.share_bootstrap < 2.0 / 3.0));
    ll_free(chosen);
    ll_free(scratch);
    *result = made;
    return LL_OK;
}
