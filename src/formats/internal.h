/* What the readers of src/formats share: little-endian fields, the budget of unpacked bytes, and the table of
 * tensors that every reader of tensors fills. Private to the module. */
#ifndef LOSSLENS_FORMATS_INTERNAL_H
#define LOSSLENS_FORMATS_INTERNAL_H

#include "losslens/formats.h"

/* Everything that losslens reads is little-endian or says what it is; so is every machine it runs on. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a little-endian machine is assumed");

static inline uint16_t read_u16(const uint8_t *bytes) { return (uint16_t)(bytes[0] | bytes[1] << 8); }
static inline uint32_t read_u32(const uint8_t *bytes)
{
    return (uint32_t)read_u16(bytes) | (uint32_t)read_u16(bytes + 2) << 16;
}
static inline uint64_t read_u64(const uint8_t *bytes)
{
    return (uint64_t)read_u32(bytes) | (uint64_t)read_u32(bytes + 4) << 32;
}
static inline uint32_t read_u32_big(const uint8_t *bytes) { return __builtin_bswap32(read_u32(bytes)); }
static inline uint64_t read_u64_big(const uint8_t *bytes) { return __builtin_bswap64(read_u64(bytes)); }

/* ------------------------------------------------------------------ budget */

/* Counts what is unpacked or copied out of one file. */
typedef struct ll_budget {
    ll_format_limits limits;
    uint64_t packed, unpacked; /* bytes */
} ll_budget;
void ll_budget_init(ll_budget *budget, const ll_format_limits *limits, size_t packed_bytes);
/* Copies count as much as what was compressed: a view can repeat one number a million times. */
ll_status ll_budget_take(ll_budget *budget, uint64_t bytes, const char *place, ll_error *error);

/* ------------------------------------------------------------------ inflate */

/* Raw deflate of exactly `unpacked` bytes into the caller's block. */
ll_status ll_inflate_exact(const uint8_t *packed, size_t packed_size, uint8_t *target, size_t unpacked,
                           const char *place, ll_error *error);
/* Whole gzip stream (one or more members), length unknown beforehand, within the budget. *unpacked is the
 * caller's to free with ll_free. */
ll_status ll_gunzip(const uint8_t *packed, size_t packed_size, ll_budget *budget, uint8_t **unpacked,
                    size_t *unpacked_size, const char *place, ll_error *error);

/* ------------------------------------------------------------------ table of tensors */

typedef struct ll_memory_block ll_memory_block;

struct ll_tensor_file {
    ll_arena *arena;         /* names, scalars, small things */
    ll_memory_block *blocks; /* copied or unpacked data */
    ll_file_bytes source;    /* what is parsed: the file's bytes, or what a gzip file unpacks to */
    ll_file_bytes mapped;    /* to be unmapped at the end; empty when the bytes are borrowed */
    const char *place;       /* what messages call the file; in the arena */
    const char *format;
    const char *prefix; /* ll_tensor_file_weights_prefix */
    ll_budget budget;
    ll_tensor *tensors;
    ll_scalar *scalars;
    ll_opaque *opaques;
    int64_t tensor_count, scalar_count, opaque_count;
    int64_t tensor_capacity, scalar_capacity, opaque_capacity;
    int64_t *tensor_index, *scalar_index; /* open-addressing tables of position + 1 */
    int64_t tensor_slots, scalar_slots;
};

/* A large block that lives as long as the file, counted in its budget. */
ll_status ll_file_block(ll_tensor_file *file, uint64_t bytes, const char *place, uint8_t **block,
                        ll_error *error);
/* Hands a block of ll_allocate to the file; frees it on failure. */
ll_status ll_file_adopt(ll_tensor_file *file, void *block, ll_error *error);
/* Text is copied. `data` must live as long as the file. */
ll_status ll_file_add_tensor(ll_tensor_file *file, const char *name, const ll_tensor *tensor,
                             ll_error *error);
ll_status ll_file_add_scalar(ll_tensor_file *file, const char *name, ll_scalar scalar, ll_error *error);
ll_status ll_file_add_opaque(ll_tensor_file *file, const char *name, const char *what, ll_error *error);
/* Bytes of the file as an aligned array of `type`: the bytes themselves where they are aligned and in the
 * machine's order, else a copy. A bool other than 0 or 1 is copied as 1. */
ll_status ll_file_data(ll_tensor_file *file, const uint8_t *bytes, ll_tensor_type type, int64_t count,
                       bool big_endian, const char *place, const void **data, ll_error *error);
/* Dense C-order copy of a strided view: strides in elements, first element at `offset`, all inside
 * `available` elements (checked). */
ll_status ll_file_gather(ll_tensor_file *file, const uint8_t *bytes, ll_tensor_type type, int rank,
                         const int64_t *shape, const int64_t *stride, int64_t offset, int64_t available,
                         bool big_endian, const char *place, const void **data, ll_error *error);

/* ------------------------------------------------------------------ readers; each fills `file` */

ll_status ll_npy_parse(ll_tensor_file *file, const uint8_t *bytes, size_t size, const char *name,
                       const char *place, ll_error *error);
struct ll_zip;
ll_status ll_npz_parse(ll_tensor_file *file, const struct ll_zip *zip, ll_error *error);
ll_status ll_safetensors_parse(ll_tensor_file *file, ll_error *error);
ll_status ll_torch_zip_parse(ll_tensor_file *file, const struct ll_zip *zip, ll_error *error);
bool ll_idx_detect(const uint8_t *bytes, size_t size);
ll_status ll_idx_parse(ll_tensor_file *file, ll_error *error);
bool ll_torch_legacy_detect(const ll_tensor_file *file);
bool ll_plain_pickle_detect(const ll_tensor_file *file);
ll_status ll_torch_legacy_parse(ll_tensor_file *file, ll_error *error);
ll_status ll_plain_pickle_parse(ll_tensor_file *file, ll_error *error);

#endif
