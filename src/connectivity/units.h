/* What finding the groups of units and matching them share. */
#ifndef LL_CONNECTIVITY_UNITS_H
#define LL_CONNECTIVITY_UNITS_H

#include "losslens/connectivity_align.h"

enum { LL_UNIT_AXES = 16 };

/* A tensor's elements as a box of axes: an axis of the table, or a factor of one (a flattened image is
 * channels x pixels). Neighbouring axes that stay in place are one. */
typedef struct ll_unit_tensor {
    int64_t offset, count; /* in theta or in the buffers */
    int axes;
    int64_t size[LL_UNIT_AXES];
    int64_t group[LL_UNIT_AXES]; /* -1: stays in place */
} ll_unit_tensor;

struct ll_units {
    ll_arena *arena;
    ll_real type;
    int64_t groups, parameters, buffers, parameter_count, buffer_count;
    int64_t *size;          /* [groups] */
    const char **name;      /* [groups] */
    ll_unit_tensor *tensor; /* [parameters], then [buffers] */
};

/* Elements of a tensor of `source` in a new order: axes in the order `axis`, group g's units taken through
 * permutation[g] (NULL table or entry: as they are; `still`: this axis as it is, -1 for none). Writes `count`
 * doubles. */
void ll_unit_gather(const ll_units *units, const ll_unit_tensor *tensor, const void *source, const int *axis,
                    const int64_t *const *permutation, int still, double *out);

#endif
