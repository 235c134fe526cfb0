/* equation.h - a physics-informed problem written in a file: inputs with ranges, outputs, terms, a reference
 * (docs/equations.md). */
#ifndef LOSSLENS_SRC_STUDY_EQUATION_H
#define LOSSLENS_SRC_STUDY_EQUATION_H

#include "losslens/networks_pinn.h"

/* The model and a table of samples for each of its terms, in order; random points are drawn by (point_seed,
 * name of the term). The caller frees the tables with equation_free_tables. Errors name the file, the line
 * and what was wanted. */
ll_status equation_read(const char *path, const ll_format_limits *limits, ll_dtype dtype, uint64_t point_seed,
                        ll_model **model, ll_pinn_samples **tables, int64_t *count, ll_error *error);
void equation_free_tables(ll_pinn_samples *tables, int64_t count);

#endif
