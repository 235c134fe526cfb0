/* losslens/connectivity_align.h - hidden units that can change places, and their order brought into line with
 * another network's (weight matching), so that a path between two minima is not lengthened by a mere
 * renumbering.
 *
 * Which axes of which tensors count the same units follows from the model's graph: the axes of every node
 * between parameters and output are identified with one another through the op's rule (element-wise ops
 * identify axes, a matrix product the contracted ones, a residual sum both branches, a flattening a product
 * of axes, padding and concatenation lay stretches behind one another ...). Sample, spatial, class and
 * feature axes of the data stay in place, and so does every axis that is looked up by number or taken in
 * steps: convolutions, batch norm, residual networks of all shortcuts, U-Nets and MLPs come out whole. Where
 * an option-A shortcut pads a stream, the old channels move together in all its stages, and the new ones
 * among themselves, on each side. Nothing is told by names.
 */
#ifndef LOSSLENS_CONNECTIVITY_ALIGN_H
#define LOSSLENS_CONNECTIVITY_ALIGN_H

#include "losslens/networks.h"
#include "losslens/problem.h"
#include "losslens/records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Groups of units of a model that may be permuted without changing its function. */
typedef struct ll_units ll_units;
/* The model may be destroyed afterwards. */
LL_API ll_status ll_units_create(const ll_model_info *model, ll_units **units, ll_error *error) LL_MUST_CHECK;
LL_API void ll_units_destroy(ll_units *units);
LL_API int64_t ll_units_groups(const ll_units *units);
/* Units of a group. */
LL_API int64_t ll_units_size(const ll_units *units, int64_t group);

/* The network with its units in another order: unit i of group g is unit permutation[g][i] of the source.
 * theta and buffers (NULL: none) have the model's type; results may not overlap with sources. Parameters and
 * buffers outside the groups are copied. LL_INVALID_ARGUMENT if an entry is not a permutation. */
LL_API ll_status ll_units_permute(const ll_units *units, const int64_t *const *permutation, const void *theta,
                                  const void *buffers, void *permuted_theta, void *permuted_buffers,
                                  ll_error *error) LL_MUST_CHECK;

typedef struct ll_align_options { /* zero-initialise; 0 means the default */
    int64_t sweeps;               /* most sweeps over all groups a start: 100 */
    uint64_t seed;                /* order of the groups in a sweep */
} ll_align_options;

/* Weight matching (Ainsworth, Hayase & Srinivasa 2023, algorithm 1): permutations of theta's units that
 * maximise its inner product with `reference`, group after group, each by an exact linear assignment with the
 * others held, until no group changes. A group that meets itself on two axes of one tensor is taken to first
 * order and kept only where the product rises. Two starts, the better one kept (deviation): the order as it
 * is, and one built from the inputs on, where a group first looks only at tensors whose other axes are
 * settled, which returns a permuted copy exactly. Running statistics go along, and do not count. Record
 * "alignment": groups, group_names (lines), group_sizes [G], units, moved (units that changed places),
 * permutations [units], inner_product_before, inner_product, distance_before, distance (to the reference),
 * sweeps, start ("as it is", "from the inputs"), converged (0/1), seed. The caller destroys it. Cost: sweeps
 * x (units x values + units^3) multiplications in double; memory: 16 bytes a value of the largest tensor. */
LL_API ll_status ll_connectivity_align(const ll_units *units, const void *reference, const void *theta,
                                       const void *buffers, const ll_align_options *options,
                                       void *aligned_theta, void *aligned_buffers, ll_record **record,
                                       ll_error *error) LL_MUST_CHECK;

/* The assignment row -> column of largest total value of an n x n matrix (row-major, finite): shortest
 * augmenting paths (Jonker & Volgenant 1987), O(n^3). column[n]. */
LL_API ll_status ll_assign(const double *value, int64_t n, int64_t *column, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
