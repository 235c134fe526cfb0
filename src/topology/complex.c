#include "topology/complex.h"

#include <math.h>
#include <string.h>

/* A type as the chain of its sets of axes; a cube is the chain of one set. */
typedef struct chain {
    int length;
    int set[3];
} chain;

static int find_type(const chain *chains, int count, const chain *wanted)
{
    for (int type = 0; type < count; type++) {
        if (chains[type].length == wanted->length &&
            memcmp(chains[type].set, wanted->set, sizeof wanted->set) == 0) {
            return type;
        }
    }
    return -1;
}

static void list_simplices(topology_complex *complex, chain *chains)
{
    int sets = 1 << complex->rank;
    chains[complex->types++] = (chain){0};
    for (int begin = 0, end = 1; begin < end; begin = end, end = complex->types) {
        for (int type = begin; type < end; type++) {
            chain longer = chains[type];
            int last = longer.length > 0 ? longer.set[longer.length - 1] : 0;
            for (int set = last + 1; set < sets; set++) {
                if ((set & last) != last) continue;
                longer = chains[type];
                longer.set[longer.length++] = set;
                chains[complex->types++] = longer;
            }
        }
    }
}

static int64_t shift_of(const int64_t *stride, int rank, int set)
{
    int64_t shift = 0;
    for (int axis = 0; axis < rank; axis++) shift += (set >> axis & 1) * stride[axis];
    return shift;
}

static void describe_simplices(topology_complex *complex, const int64_t *stride)
{
    chain chains[COMPLEX_TYPES];
    list_simplices(complex, chains);
    for (int index = 0; index < complex->types; index++) {
        complex_type *type = &complex->type[index];
        const chain *sets = &chains[index];
        type->dimension = sets->length;
        type->corners = sets->length + 1;
        for (int corner = 1; corner <= sets->length; corner++) {
            type->corner[corner] = shift_of(stride, complex->rank, sets->set[corner - 1]);
        }
        for (int dropped = 0; sets->length > 0 && dropped <= sets->length; dropped++) {
            /* Without its first vertex the simplex starts from the second. */
            int base = dropped == 0 ? sets->set[0] : 0;
            chain face = {.length = 0};
            for (int corner = dropped == 0 ? 2 : 1; corner <= sets->length; corner++) {
                if (corner != dropped) face.set[face.length++] = sets->set[corner - 1] & ~base;
            }
            type->face[type->faces++] = (complex_face){shift_of(stride, complex->rank, base),
                                                       find_type(chains, complex->types, &face)};
        }
    }
}

static void describe_cubes(topology_complex *complex, const int64_t *stride)
{
    complex->types = 1 << complex->rank;
    for (int index = 0; index < complex->types; index++) {
        complex_type *type = &complex->type[index];
        type->dimension = __builtin_popcount((unsigned)index);
        for (int set = 0; set < complex->types; set++) {
            /* axis: the corners of the cube; box: the pixels around it. */
            bool wanted = complex->box ? (set & index) == 0 : (set & ~index) == 0;
            int64_t shift = shift_of(stride, complex->rank, set);
            if (wanted) type->corner[type->corners++] = complex->box ? -shift : shift;
        }
        for (int axis = 0; axis < complex->rank; axis++) {
            if ((index >> axis & 1) == 0) continue;
            type->face[type->faces++] = (complex_face){0, index & ~(1 << axis)};
            type->face[type->faces++] = (complex_face){stride[axis], index & ~(1 << axis)};
        }
    }
}

ll_status topology_complex_init(topology_complex *complex, const ll_grid_field *field,
                                ll_connectivity connectivity, bool superlevel, ll_error *error)
{
    topology_complex made = {.rank = field->rank, .box = connectivity == LL_CONNECTIVITY_BOX, .places = 1};
    int64_t stride[3] = {0}, vertices = ll_grid_field_vertices(field), reach = 0;
    for (int axis = made.rank - 1; axis >= 0; axis--) {
        stride[axis] = made.places;
        reach += made.places;
        if (!ll_multiply_int64(made.places, field->shape[axis] + 2, &made.places))
            made.places = INT64_MAX / 64;
    }
    bool simplicial =
        connectivity == LL_CONNECTIVITY_FREUDENTHAL || connectivity == LL_CONNECTIVITY_FREUDENTHAL_PLUS;
    if (simplicial) describe_simplices(&made, stride);
    else describe_cubes(&made, stride);
    if (made.places > (int64_t)UINT32_MAX / made.types) {
        return ll_fail(error, LL_TOO_LARGE, TOPOLOGY, NULL, "the complex has more than 2^32 cells");
    }
    for (int index = 0; index < made.types; index++) {
        complex_type *type = &made.type[index];
        type->number = made.per_dimension[type->dimension]++;
        for (int f = 0; type->dimension == made.rank && f < type->faces; f++) {
            complex_type *face = &made.type[type->face[f].type];
            face->coface[face->cofaces++] = (complex_face){-type->face[f].shift, index};
        }
    }

    /* Ranks of the vertices, in the padded grid; the last axis is reversed where the triangulation is the
     * mirrored one. */
    made.rank_block = topology_allocate((size_t)(made.places + 2 * reach + 1) * 4);
    made.order = topology_allocate((size_t)(vertices + 1) * 8);
    uint64_t *keys = topology_allocate((size_t)(vertices + 1) * 16);
    if (made.rank_block == NULL || made.order == NULL || keys == NULL) {
        ll_free(keys);
        topology_complex_deinit(&made);
        return ll_fail_memory(error, TOPOLOGY, (size_t)made.places * 4);
    }
    for (int64_t v = 0; v < vertices; v++) {
        double value = ll_grid_field_value(field, v);
        if (!isfinite(value)) continue;
        keys[made.valid] = topology_key64(value, superlevel);
        made.order[made.valid++] = (uint32_t)v;
    }
    topology_sort_keys(keys, made.order, keys + vertices, made.order + vertices, made.valid);
    ll_free(keys);
    made.ranks = made.rank_block + reach;
    memset(made.rank_block, 0xFF, (size_t)(made.places + 2 * reach + 1) * 4);
    for (int64_t place = 0; place < made.valid; place++) {
        int64_t rest = made.order[place], at = 0;
        for (int axis = made.rank - 1; axis >= 0; axis--) {
            int64_t coordinate = rest % field->shape[axis];
            rest /= field->shape[axis];
            if (connectivity == LL_CONNECTIVITY_FREUDENTHAL && axis == made.rank - 1) {
                coordinate = field->shape[axis] - 1 - coordinate;
            }
            at += (coordinate + 1) * stride[axis];
        }
        made.ranks[at] = (uint32_t)place;
    }
    *complex = made;
    return LL_OK;
}

void topology_complex_deinit(topology_complex *complex)
{
    ll_free(complex->rank_block);
    ll_free(complex->order);
    *complex = (topology_complex){0};
}
