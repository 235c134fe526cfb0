/* Minimum-cost matching with prices for staying alone, by shortest augmenting paths (Jonker, Volgenant
 * 1987; Crouse 2016), on sparse edges with a heap. Subtracting column_leave from a column's edges makes a
 * free column cost nothing; staying alone is a private column of the row. */
#include "topology/diagram.h"

#include <math.h>
#include <string.h>

struct paths {
    const int64_t *offsets;
    const int32_t *columns;
    const double *costs, *row_leave, *column_leave;
    double *u, *v;               /* potentials of rows and columns; v = 0 while a column is free */
    int32_t *row_of, *column_of; /* matching; -1: alone */
    double *distance;            /* of columns in this search; infinity: not reached */
    int32_t *reached_from;       /* row through which a column was reached */
    int32_t *touched, *settled;  /* columns reached; columns whose distance is final */
    int64_t touched_count, settled_count;
    double bound; /* length of the shortest way out found so far: nothing longer matters */
    bool *is_settled;
    int32_t *heap, *place; /* columns by distance; place in the heap, -1: not in it */
    int64_t heap_count;
};

static void put(struct paths *p, int64_t at, int32_t column)
{
    p->heap[at] = column;
    p->place[column] = (int32_t)at;
}

static void rise(struct paths *p, int64_t at)
{
    const int32_t column = p->heap[at];
    for (; at > 0 && p->distance[column] < p->distance[p->heap[(at - 1) / 2]]; at = (at - 1) / 2)
        put(p, at, p->heap[(at - 1) / 2]);
    put(p, at, column);
}

static int32_t pop(struct paths *p)
{
    const int32_t top = p->heap[0], column = p->heap[--p->heap_count];
    p->place[top] = -1;
    if (p->heap_count == 0) return top;
    int64_t at = 0;
    for (int64_t child; (child = 2 * at + 1) < p->heap_count; at = child) {
        if (child + 1 < p->heap_count && p->distance[p->heap[child + 1]] < p->distance[p->heap[child]])
            child++;
        if (!(p->distance[p->heap[child]] < p->distance[column])) break;
        put(p, at, p->heap[child]);
    }
    put(p, at, column);
    return top;
}

static void scan(struct paths *p, int32_t row, double so_far)
{
    for (int64_t e = p->offsets[row]; e < p->offsets[row + 1]; e++) {
        const int32_t column = p->columns[e];
        if (p->is_settled[column]) continue;
        const double reduced = p->costs[e] - p->column_leave[column] - p->u[row] - p->v[column];
        const double distance = so_far + (reduced > 0 ? reduced : 0);
        if (distance >= p->distance[column] || distance >= p->bound) continue;
        if (p->distance[column] == INFINITY) {
            p->touched[p->touched_count++] = column;
            put(p, p->heap_count++, column);
        }
        p->distance[column] = distance;
        p->reached_from[column] = row;
        rise(p, p->place[column]);
        if (p->row_of[column] < 0) p->bound = distance;
    }
}

/* Brings `start` into the matching along a cheapest path to a free column or to a row that leaves. */
static void add_row(struct paths *p, int32_t start)
{
    p->touched_count = p->settled_count = p->heap_count = 0;
    double length = 0, leaving_length = INFINITY;
    p->bound = INFINITY;
    int32_t row = start, leaving = -1, sink = -1;
    for (;;) {
        const double alone = p->row_leave[row] - p->u[row], leave = length + (alone > 0 ? alone : 0);
        if (leave < leaving_length) leaving_length = leave, leaving = row;
        p->bound = fmin(p->bound, leave);
        scan(p, row, length);
        if (p->heap_count == 0 || p->distance[p->heap[0]] >= leaving_length) {
            length = leaving_length;
            break;
        }
        const int32_t column = pop(p);
        length = p->distance[column];
        if (p->row_of[column] < 0) {
            sink = column;
            break;
        }
        p->is_settled[column] = true;
        p->settled[p->settled_count++] = column;
        row = p->row_of[column];
    }
    p->u[start] += length;
    for (int64_t i = 0; i < p->settled_count; i++) {
        const int32_t column = p->settled[i];
        p->u[p->row_of[column]] += length - p->distance[column];
        p->v[column] -= length - p->distance[column];
    }
    /* Walk back: each row on the path takes the column it was reached from. */
    int32_t column = sink;
    if (sink < 0) {
        column = p->column_of[leaving];
        p->column_of[leaving] = -1;
        row = leaving;
    }
    while (sink >= 0 || row != start) {
        row = p->reached_from[column];
        const int32_t before = p->column_of[row];
        p->column_of[row] = column;
        p->row_of[column] = row;
        column = before;
        if (row == start) break;
    }
    for (int64_t i = 0; i < p->touched_count; i++)
        p->distance[p->touched[i]] = INFINITY, p->place[p->touched[i]] = -1;
    for (int64_t i = 0; i < p->settled_count; i++) p->is_settled[p->settled[i]] = false;
}

/* Augmenting row reduction: a free row takes its best column, whose potential falls by the margin to the
 * second best, and whoever held it becomes free. Most rows find their place so, by plain scans; the number
 * of steps is limited because margins can be tiny. Potentials stay feasible: only held columns are lowered.
 * Returns how many rows of `free` are left. */
static int64_t reduce_rows(struct paths *p, int32_t *free, int64_t count, int64_t steps)
{
    int64_t next = 0, left = 0;
    while (next < count && steps-- > 0) {
        const int32_t row = free[next++];
        double best = p->row_leave[row], second = INFINITY;
        int32_t best_column = -1, second_column = -1;
        for (int64_t e = p->offsets[row]; e < p->offsets[row + 1]; e++) {
            const int32_t column = p->columns[e];
            const double cost = p->costs[e] - p->column_leave[column] - p->v[column];
            if (cost < best) {
                second = best, second_column = best_column;
                best = cost, best_column = column;
            } else if (cost < second) {
                second = cost, second_column = column;
            }
        }
        p->u[row] = best;
        if (best_column < 0) continue; /* alone is best, and stays so: other ways only grow dearer */
        const bool margin = best < second;
        if (!margin && p->row_of[best_column] >= 0) best_column = second_column;
        if (best_column < 0) continue; /* alone is as good */
        const int32_t displaced = p->row_of[best_column];
        if (margin && second < INFINITY) {
            p->u[row] = second;
            p->v[best_column] -= second - best;
        }
        p->row_of[best_column] = row;
        p->column_of[row] = best_column;
        if (displaced < 0) continue;
        p->column_of[displaced] = -1;
        if (margin) free[--next] = displaced;
        else free[left++] = displaced;
    }
    while (next < count) free[left++] = free[next++];
    return left;
}

static double edge_cost(const struct paths *p, int64_t row)
{
    double cost = INFINITY;
    for (int64_t e = p->offsets[row]; e < p->offsets[row + 1]; e++)
        if (p->columns[e] == p->column_of[row]) cost = fmin(cost, p->costs[e]);
    return cost;
}

ll_status topology_assign(int64_t rows, int64_t columns, const int64_t *offsets, const int32_t *edge_columns,
                          const double *edge_costs, const double *row_leave, const double *column_leave,
                          double *total, ll_error *error)
{
    double *reals = ll_allocate_array(2 * rows + 3 * columns, sizeof *reals);
    int32_t *integers = ll_allocate_array(2 * rows + 6 * columns, sizeof *integers);
    bool *flags = ll_allocate_zeroed((size_t)columns);
    if (!reals || !integers || !flags) {
        ll_free(reals), ll_free(integers), ll_free(flags);
        return ll_fail_memory(error, TOPOLOGY, (size_t)(rows + columns) * 48);
    }
    struct paths p = {.offsets = offsets,
                      .columns = edge_columns,
                      .costs = edge_costs,
                      .row_leave = row_leave,
                      .column_leave = column_leave,
                      .u = reals,
                      .v = reals + rows,
                      .distance = reals + rows + columns,
                      .column_of = integers,
                      .row_of = integers + rows,
                      .reached_from = integers + rows + columns,
                      .touched = integers + rows + 2 * columns,
                      .settled = integers + rows + 3 * columns,
                      .heap = integers + rows + 4 * columns,
                      .place = integers + rows + 5 * columns,
                      .is_settled = flags};
    double *terms = reals + rows + 2 * columns; /* rows + columns of them */
    int32_t *free_rows = integers + rows + 6 * columns;
    for (int64_t i = 0; i < rows; i++) {
        p.column_of[i] = -1;
        free_rows[i] = (int32_t)i;
    }
    for (int64_t j = 0; j < columns; j++) {
        p.row_of[j] = p.place[j] = -1;
        p.v[j] = 0;
        p.distance[j] = INFINITY;
    }
    int64_t left = rows;
    for (int sweep = 0; sweep < 3 && left > 0; sweep++) left = reduce_rows(&p, free_rows, left, 8 * rows);
    for (int64_t k = 0; k < left; k++) {
        const int32_t row = free_rows[k];
        p.u[row] = row_leave[row]; /* cheapest way out: all reduced costs are >= 0 */
        for (int64_t e = offsets[row]; e < offsets[row + 1]; e++)
            p.u[row] = fmin(p.u[row], edge_costs[e] - column_leave[edge_columns[e]] - p.v[edge_columns[e]]);
        add_row(&p, row);
    }
    for (int64_t i = 0; i < rows; i++) terms[i] = p.column_of[i] < 0 ? row_leave[i] : edge_cost(&p, i);
    for (int64_t j = 0; j < columns; j++) terms[rows + j] = p.row_of[j] < 0 ? column_leave[j] : 0;
    *total = ll_reduce_pairwise(terms, rows + columns);
    ll_free(reals), ll_free(integers), ll_free(flags);
    return LL_OK;
}
