/* Linear assignment by shortest augmenting paths with potentials (Jonker & Volgenant, Computing 38, 1987). */
#include "losslens/connectivity_align.h"

#include <math.h>

/* One search: from the free row `start`, the cheapest alternating path to a free column under reduced costs
 * (a Dijkstra over columns); potentials move so that reduced costs stay non-negative, and the path is turned
 * over. Cost is -value. */
typedef struct search {
    const double *value;
    int64_t n;
    double *row_potential, *column_potential, *distance;
    int64_t *row_of, *before; /* of a column: its row or -1; the column before it on the path or -1 */
    bool *done;
} search;

static void augment(search *s, int64_t start)
{
    int64_t n = s->n, column = -1, row = start;
    for (int64_t j = 0; j < n; j++) {
        s->distance[j] = INFINITY;
        s->before[j] = -1;
        s->done[j] = false;
    }
    for (;;) {
        /* Extend from `row`, reached through `column`; then take the nearest column that is not done. The
         * potentials move at each extension, so distances are measured from the current front. */
        double least = INFINITY;
        int64_t next = -1;
        for (int64_t j = 0; j < n; j++) {
            if (s->done[j]) continue;
            double reduced = -s->value[row * n + j] - s->row_potential[row] - s->column_potential[j];
            if (reduced < s->distance[j]) {
                s->distance[j] = reduced;
                s->before[j] = column;
            }
            if (s->distance[j] < least) {
                least = s->distance[j];
                next = j;
            }
        }
        s->row_potential[start] += least;
        for (int64_t j = 0; j < n; j++) {
            if (s->done[j]) {
                s->row_potential[s->row_of[j]] += least;
                s->column_potential[j] -= least;
            } else {
                s->distance[j] -= least;
            }
        }
        column = next;
        s->done[column] = true;
        if (s->row_of[column] < 0) break;
        row = s->row_of[column];
    }
    while (column >= 0) {
        int64_t previous = s->before[column];
        s->row_of[column] = previous >= 0 ? s->row_of[previous] : start;
        column = previous;
    }
}

ll_status ll_assign(const double *value, int64_t n, int64_t *column, ll_error *error)
{
    for (int64_t i = 0; i < n * n; i++)
        if (!isfinite(value[i]))
            return ll_fail(error, LL_NUMERIC, "connectivity", "assignment",
                           "the value of row %lld, column %lld is not finite", (long long)(i / n),
                           (long long)(i % n));
    search s = {.value = value, .n = n};
    s.row_potential = ll_allocate_zeroed((size_t)(3 * n) * sizeof(double) + 1);
    s.row_of = ll_allocate_array(2 * n + 1, sizeof *s.row_of);
    s.done = ll_allocate((size_t)n + 1);
    ll_status status = LL_OK;
    if (s.row_potential == NULL || s.row_of == NULL || s.done == NULL) {
        status = ll_fail_memory(error, "connectivity", (size_t)(5 * n) * sizeof(double));
    } else {
        s.column_potential = s.row_potential + n;
        s.distance = s.row_potential + 2 * n;
        s.before = s.row_of + n;
        for (int64_t j = 0; j < n; j++) s.row_of[j] = -1;
        for (int64_t i = 0; i < n; i++) augment(&s, i);
        for (int64_t j = 0; j < n; j++) column[s.row_of[j]] = j;
    }
    ll_free(s.row_potential);
    ll_free(s.row_of);
    ll_free(s.done);
    return status;
}
