/* Persistence diagrams as the distances see them. */
#ifndef LL_TOPOLOGY_DIAGRAM_H
#define LL_TOPOLOGY_DIAGRAM_H

#include "topology/internal.h"

typedef struct topology_diagram {
    int64_t count;  /* finite pairs of some persistence, most persistent first */
    double *points; /* birth, death */
    double *half;   /* L-infinity distance to the diagonal */
    int64_t essential_count;
    double *essential; /* births, ascending */
} topology_diagram;

ll_status topology_diagram_init(topology_diagram *diagram, ll_diagram_view view,
                                ll_error *error) LL_MUST_CHECK;
void topology_diagram_deinit(topology_diagram *diagram);

static inline double topology_chebyshev(const double *a, const double *b)
{
    double x = a[0] - b[0], y = a[1] - b[1];
    x = x < 0 ? -x : x, y = y < 0 ? -y : y;
    return x > y ? x : y;
}

/* Minimum-cost matching in which everyone may stay alone at a price: rows are joined to columns over the
 * edges offsets/columns/costs, or pay row_leave; columns that stay alone pay column_leave. Edges that cost
 * more than both prices may be left out. *total: the minimum, summed from the matching.
 * Shortest augmenting paths with potentials; O(rows (edges + columns) log) at worst. */
ll_status topology_assign(int64_t rows, int64_t columns, const int64_t *offsets, const int32_t *edge_columns,
                          const double *edge_costs, const double *row_leave, const double *column_leave,
                          double *total, ll_error *error) LL_MUST_CHECK;

#endif
