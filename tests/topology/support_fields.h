/* Random fields and a merge tree by flood fill, independent of everything in src/topology. */
#ifndef SUPPORT_FIELDS_H
#define SUPPORT_FIELDS_H

#include "losslens/topology.h"

typedef struct twin_domain {
    int64_t vertices;
    const double *values;
    bool superlevel;
    /* adjacency as lists */
    int64_t *offsets;
    int32_t *neighbours;
} twin_domain;

/* Adjacency of a grid from the definition of the connectivity, coordinate by coordinate. */
void twin_domain_of_grid(twin_domain *domain, const ll_grid_field *field, ll_connectivity connectivity,
                         bool superlevel, const double *values);
void twin_domain_deinit(twin_domain *domain);

/* Fails the running test, with a message, unless `tree` (pairs, tree, sizes; basins and arcs where there)
 * is the merge tree of the domain. Everything is recomputed by flood fills: the component of v among the
 * vertices <= v before and after v comes in. O(vertices^2 * degree). */
void twin_check_tree(const twin_domain *domain, const ll_merge_tree *tree, const char *what);

/* Fails unless both are the same, field by field. */
void same_trees(const ll_merge_tree *a, const ll_merge_tree *b, const char *what);

/* u < v in the order of the definitions. */
bool twin_before(const twin_domain *domain, int64_t u, int64_t v);
#endif
