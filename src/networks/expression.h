/* Arithmetic expressions as graph nodes: the residuals of physics-informed terms. */
#ifndef LOSSLENS_SRC_NETWORKS_EXPRESSION_H
#define LOSSLENS_SRC_NETWORKS_EXPRESSION_H

#include "losslens/graph.h"

/* Resolves a name ("u_x", "beta") at a point ("" when none was written) to a node of shape [N], or LL_NO_NODE after
 * setting *error. */
typedef ll_node (*expression_lookup)(void *context, const char *name, const char *point, ll_error *error);

/* Parses one expression; errors tell the column. Nodes are [N] in the given type. */
ll_status ll_expression_parse(const char *text, ll_graph *graph, ll_dtype dtype, expression_lookup lookup,
                              void *context, ll_node *node, ll_error *error);
#endif
