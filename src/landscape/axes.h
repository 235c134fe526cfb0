/* Shared by the ways of making directions. */
#ifndef LL_LANDSCAPE_AXES_H
#define LL_LANDSCAPE_AXES_H

#include "losslens/landscape.h"
#include "losslens/problem_vectors.h"

#define LL_AXES_MODULE "landscape"

/* Starts *axes for `directions` vectors, all allocated; what fails leaves nothing behind. */
ll_status ll_axes_begin(const ll_problem_info *info, int dimensions, int directions, ll_axes *axes,
                        ll_error *error);
/* Measures norms, Gram matrix and cosines; refuses zero and non-finite vectors. On failure *axes is ended. */
ll_status ll_axes_finish(ll_axes *axes, ll_error *error);

#endif
