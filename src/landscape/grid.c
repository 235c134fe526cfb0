/* Positions and the progressive order of a grid. */
#include "landscape_internal.h"

#include <string.h>

double ll_grid_position(double low, double high, int64_t size, int64_t index)
{
    if (size == 1) return low;
    return ((double)(size - 1 - index) * low + (double)index * high) / (double)(size - 1);
}

int ll_grid_level(int64_t size, int64_t index)
{
    if (index == size - 1 || index == (size - 1) / 2) return 0;
    int shift = 0;
    while (((size - 1) >> shift) > 4) shift++;
    int level = 0;
    while (index & ((INT64_C(1) << (shift - level)) - 1)) level++;
    return level;
}

void ll_landscape_position(const ll_landscape *landscape, int64_t point,
                           double alpha[LL_LANDSCAPE_MAX_DIMENSIONS])
{
    const ll_landscape_options *options = &landscape->options;
    for (int d = options->axes->dimensions - 1; d >= 0; d--) {
        alpha[d] =
            ll_grid_position(options->low[d], options->high[d], options->size[d], point % options->size[d]);
        point /= options->size[d];
    }
}

void ll_landscape_coefficients(const ll_axes *axes, const double *alpha, double *coefficients)
{
    for (int d = 0; d < axes->dimensions; d++) coefficients[d] = alpha[d];
    if (axes->form == LL_AXES_BILINEAR) coefficients[2] = alpha[0] * alpha[1];
}

const char *ll_batch_norm_name(ll_batch_norm mode)
{
    switch (mode) {
    case LL_BATCH_NORM_AUTO: return "auto";
    case LL_BATCH_NORM_KEEP: return "keep";
    case LL_BATCH_NORM_REESTIMATE: return "re-estimate";
    case LL_BATCH_NORM_BATCH: return "batch";
    }
    return "unknown";
}

bool ll_batch_norm_parse(const char *name, ll_batch_norm *mode)
{
    for (int i = 0; i <= (int)LL_BATCH_NORM_BATCH; i++) {
        if (strcmp(name, ll_batch_norm_name((ll_batch_norm)i)) != 0) continue;
        *mode = (ll_batch_norm)i;
        return true;
    }
    return false;
}
