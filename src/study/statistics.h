/* statistics.h - means with intervals and rank correlations, NaN counting as "not known". */
#ifndef LOSSLENS_STUDY_STATISTICS_H
#define LOSSLENS_STUDY_STATISTICS_H

#include "losslens/base.h"

/* Mean of the known values and the half width of its 95 % interval (Student's t; NaN for fewer than two). Returns how many
 * are known. */
int64_t ll_mean_interval(const double *values, int64_t count, double *mean, double *half_width);
/* The 97.5 % point of Student's t with `degrees` degrees of freedom (>= 1), to 1e-3 relative. */
double ll_student_975(int64_t degrees);
/* Spearman's rank correlation over the entries known in both (ties get mean ranks), NaN for fewer than three or a constant.
 * *used (may be NULL): how many. */
ll_status ll_rank_correlation(const double *x, const double *y, int64_t count, double *correlation, int64_t *used,
                              ll_error *error) LL_MUST_CHECK;

#endif
