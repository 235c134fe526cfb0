/* What finding the groups of units and matching them share. */
#ifndef LL_CONNECTIVITY_UNITS_H
#define LL_CONNECTIVITY_UNITS_H

#include "losslens/connectivity_align.h"

enum { LL_UNIT_AXES = 16 };

/* Elements of a tensor as a box of axes: an axis of the table, a factor of one (a flattened image is channels
 * x pixels), or a stretch of one (what a shortcut pads). A tensor is one box, or several where axes are made
 * of stretches. Neighbouring axes that stay in place are one. */
typedef struct ll_unit_box {
    int64_t offset, count; /* of its first element, in theta or in the buffers */
    int axes;              /* at least 1 */
    int64_t size[LL_UNIT_AXES], stride[LL_UNIT_AXES];
    int64_t group[LL_UNIT_AXES]; /* -1: stays in place */
} ll_unit_box;

struct ll_units {
    ll_arena *arena;
    ll_real type;
    int64_t groups, parameter_count, buffer_count;
    int64_t parameter_boxes, boxes; /* of the parameters; of the buffers too */
    int64_t *size;                  /* [groups] */
    const char **name;              /* [groups] */
    ll_unit_box *box;               /* [boxes], those of the parameters first */
};

/* Elements of a box of `source` in a new order: axes in the order `axis`, group g's units taken through
 * permutation[g] (NULL table or entry: as they are; `still`: this axis as it is, -1 for none). Writes `count`
 * doubles. */
void ll_unit_gather(const ll_units *units, const ll_unit_box *box, const void *source, const int *axis,
                    const int64_t *const *permutation, int still, double *out);

#endif
