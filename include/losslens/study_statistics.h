/* losslens/study_statistics.h - means with intervals and rank correlations, NaN counting as "not known". */
#ifndef LOSSLENS_STUDY_STATISTICS_H
#define LOSSLENS_STUDY_STATISTICS_H

#include "losslens/base.h"

#ifdef __cplusplus
extern "C" {
#ifdef __cplusplus
}
#endif
#endif

/* Mean of the known values and the half width of its 95 % interval (Student's t; NaN for fewer than two). Returns how many
 * are known. */
LL_API int64_t ll_mean_interval(const double *values, int64_t count, double *mean, double *half_width);
/* Half the width of the 95 % interval of a mean in standard errors: the 97.5 % quantile of Student's t with that many
 * degrees of freedom (> 0, may be fractional; NaN otherwise). Accurate to 1e-10. */
LL_API double ll_student_quantile(double degrees);
/* Spearman's rank correlation over the entries known in both (ties get mean ranks), NaN for fewer than three or a constant.
 * *used (may be NULL): how many. */
LL_API ll_status ll_rank_correlation(const double *x, const double *y, int64_t count, double *correlation,
                                     int64_t *used, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
