/* losslens/formats.h - bytes <-> plain structs: tensors, data sets, images, structured text.
 *
 * Every reader here treats its input as hostile: each declared size, count and nesting is checked against
 * ll_format_limits and against the bytes that are really there before anything is allocated; nothing is
 * ever executed (a pickle's classes become opaque values). A file that is refused is refused with
 * LL_INVALID_FILE (broken), LL_UNSUPPORTED (valid, but not read here) or LL_TOO_LARGE (over a limit; the
 * message names the limit), and the error says where, what was got and what was wanted.
 * The fields of grids and meshes (VTK, PLY, HDF5, CSV fields) are in formats_fields.h.
 */
#ifndef LOSSLENS_FORMATS_H
#define LOSSLENS_FORMATS_H

#include "losslens/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ limits */

/* What a reader accepts. A NULL pointer to limits means these defaults: ll_format_limits_default. */
typedef struct ll_format_limits {
    uint64_t unpacked_bytes; /* everything unpacked or copied out of one file; 4 GiB */
    uint64_t unpacked_ratio; /* unpacked : packed, once more than 1 MiB is unpacked; 200 */
    int64_t entries;         /* of a zip or tar archive, a folder of images, a header; 1,000,000 */
    int64_t pickle_opcodes;  /* in one pickle; 8,000,000 */
    int64_t pickle_memo;     /* highest memo index + 1; 4,000,000 */
    int64_t objects;         /* objects visited while an object graph is unfolded; 4,000,000 */
    int64_t depth;           /* nesting of containers, JSON, YAML; 128 */
    int64_t text_bytes;      /* of a JSON, YAML or CSV file, or a header; 100 MB */
    int64_t image_pixels;    /* of one image; 100,000,000 */
} ll_format_limits;
LL_API ll_format_limits ll_format_limits_default(void);

/* ------------------------------------------------------------------ tensors */

#define LL_TENSOR_MAX_RANK 8
#define LL_TENSOR_TYPE_LIST(X)                                                                               \
    X(FLOAT16, "float16", 2)                                                                                 \
    X(BFLOAT16, "bfloat16", 2)                                                                               \
    X(FLOAT32, "float32", 4)                                                                                 \
    X(FLOAT64, "float64", 8)                                                                                 \
    X(INT8, "int8", 1)                                                                                       \
    X(INT16, "int16", 2)                                                                                     \
    X(INT32, "int32", 4)                                                                                     \
    X(INT64, "int64", 8)                                                                                     \
    X(UINT8, "uint8", 1)                                                                                     \
    X(UINT16, "uint16", 2)                                                                                   \
    X(UINT32, "uint32", 4)                                                                                   \
    X(UINT64, "uint64", 8)                                                                                   \
    X(BOOL, "bool", 1)

typedef enum ll_tensor_type {
#define LL_TENSOR_ENUM(name, text, bytes) LL_TENSOR_##name,
    LL_TENSOR_TYPE_LIST(LL_TENSOR_ENUM)
#undef LL_TENSOR_ENUM
        LL_TENSOR_TYPES
} ll_tensor_type;
LL_API const char *ll_tensor_type_name(ll_tensor_type type);
LL_API size_t ll_tensor_type_bytes(ll_tensor_type type);
LL_API bool ll_tensor_type_is_float(ll_tensor_type type);

/* A dense tensor in C order (last axis fastest), in the machine's byte order, data aligned to its element.
 * A plain view: in a ll_tensor_file everything belongs to the file; a tensor to be written belongs to the
 * caller. A bool is one byte, 0 or 1. rank 0 is one number. An extent may be 0. */
typedef struct ll_tensor {
    const char *name; /* never NULL in a file; "" for the only tensor of an .npy */
    ll_tensor_type type;
    int rank; /* 0..LL_TENSOR_MAX_RANK */
    int64_t shape[LL_TENSOR_MAX_RANK];
    const void *data;
    bool from_list; /* read from a plain list of numbers of a pickle, not from a stored array */
} ll_tensor;
/* Number of elements; the shape of a tensor that a reader made never overflows. */
LL_API int64_t ll_tensor_count(const ll_tensor *tensor);
LL_API size_t ll_tensor_bytes(const ll_tensor *tensor);
/* Element `index` (flat); 64-bit integers beyond 2^53 are rounded. */
LL_API double ll_tensor_get(const ll_tensor *tensor, int64_t index);
/* All elements converted into the caller's array of ll_tensor_count values (round to nearest; overflow to
 * float32 gives infinity). to_int64 refuses (LL_INVALID_ARGUMENT) a value that is not an integer in range. */
LL_API void ll_tensor_to_float32(const ll_tensor *tensor, float *values);
LL_API void ll_tensor_to_float64(const ll_tensor *tensor, double *values);
LL_API ll_status ll_tensor_to_int64(const ll_tensor *tensor, int64_t *values, ll_error *error) LL_MUST_CHECK;
/* "float32 [64, 3, 3, 3]", cut to fit. */
LL_API void ll_tensor_describe(const ll_tensor *tensor, char *text, size_t capacity);

/* IEEE half precision and bfloat16, bit for bit; to_* round to nearest even. */
LL_API float ll_float_from_half(uint16_t bits);
LL_API uint16_t ll_float_to_half(float value);
LL_API float ll_float_from_bfloat16(uint16_t bits);
LL_API uint16_t ll_float_to_bfloat16(float value);

/* ------------------------------------------------------------------ files of named tensors */

typedef enum ll_scalar_type {
    LL_SCALAR_NONE,
    LL_SCALAR_BOOL, /* in `integer` */
    LL_SCALAR_INTEGER,
    LL_SCALAR_REAL,
    LL_SCALAR_TEXT
} ll_scalar_type;
typedef struct ll_scalar {
    const char *name;
    ll_scalar_type type;
    int64_t integer;
    double real;      /* also set for integers and bools */
    const char *text; /* set for TEXT */
} ll_scalar;

/* Something that was there but is not a tensor or scalar that losslens can read. */
typedef struct ll_opaque {
    const char *name;
    const char *what; /* "object of class foo.Bar", "complex64 tensor [3, 3]" */
} ll_opaque;

/* What a file holds. Names are dotted paths: a state dict inside {"state_dict": ...} gives
 * "state_dict.conv1.weight"; a module inside a pickled object gives the names that its own state_dict()
 * would give, behind the path to it; list items are numbered from 0. In the order of the file. */
typedef struct ll_tensor_file ll_tensor_file;

/* Reads any file of tensors, told by its first bytes, never by its name: npy, npz, safetensors, PyTorch (zip
 * or legacy), a plain pickle, IDX; each also inside gzip. path NULL is a caller's error. A directory, an ONNX model, an image and the like
 * are refused by name. The file is mapped; large stored tensors are not copied, and it must not be cut short
 * by another program while it is in use. Cost: one pass over what is compressed or strided. */
LL_API ll_status ll_tensor_file_read(const char *path, const ll_format_limits *limits, ll_tensor_file **file,
                                     ll_error *error) LL_MUST_CHECK;
/* The same from memory. `bytes` must stay while the file is in use; `place` names it in messages. */
LL_API ll_status ll_tensor_file_parse(const void *bytes, size_t size, const char *place,
                                      const ll_format_limits *limits, ll_tensor_file **file,
                                      ll_error *error) LL_MUST_CHECK;
LL_API void ll_tensor_file_destroy(ll_tensor_file *file);
/* "npy", "npz", "safetensors", "pytorch zip", "pytorch legacy", "pickle", "idx". */
LL_API const char *ll_tensor_file_format(const ll_tensor_file *file);
LL_API int64_t ll_tensor_file_count(const ll_tensor_file *file);
LL_API const ll_tensor *ll_tensor_file_tensor(const ll_tensor_file *file, int64_t index);
LL_API int64_t ll_tensor_file_scalar_count(const ll_tensor_file *file);
LL_API const ll_scalar *ll_tensor_file_scalar(const ll_tensor_file *file, int64_t index);
LL_API int64_t ll_tensor_file_opaque_count(const ll_tensor_file *file);
LL_API const ll_opaque *ll_tensor_file_opaque(const ll_tensor_file *file, int64_t index);
/* By full name; NULL when it is not there. Cost O(1) expected. */
LL_API const ll_tensor *ll_tensor_file_find(const ll_tensor_file *file, const char *name);
LL_API const ll_scalar *ll_tensor_file_find_scalar(const ll_tensor_file *file, const char *name);
/* The path in front of the network's weights: "state_dict.module." for {"state_dict": {"module.conv1..."}}.
 * A well-known name of a checkpoint's part (state_dict, model_state_dict, model, net, ...) is entered first,
 * then what every remaining tensor starts with among "module.", "model.", "_orig_mod.", "net.", "network.".
 * "" when there is none. A tensor belongs to the weights if its name starts with it and from_list is false. */
LL_API const char *ll_tensor_file_weights_prefix(const ll_tensor_file *file);

/* ------------------------------------------------------------------ writing tensors */

/* Bytes of a file, appended to `out` (check out->failed is done inside: LL_OUT_OF_MEMORY). npy: C order,
 * format 1.0 (2.0 when the header is long); bfloat16 is refused, numpy has none. npz: names get ".npy"
 * behind them, stored or deflated, zip64 where needed, dates fixed so that the same tensors give the same bytes.
 * safetensors: tensors in the given order, header padded to 8 bytes; metadata: pairs of key and value. */
LL_API ll_status ll_npy_encode(const ll_tensor *tensor, ll_text *out, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_npz_encode(const ll_tensor *tensors, int64_t count, bool deflate, ll_text *out,
                               ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_safetensors_encode(const ll_tensor *tensors, int64_t count,
                                       const char *const (*metadata)[2], int64_t metadata_count, ll_text *out,
                                       ll_error *error) LL_MUST_CHECK;
/* The same into a file, whole or not at all (ll_file_write). */
LL_API ll_status ll_npy_write(const char *path, const ll_tensor *tensor, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_npz_write(const char *path, const ll_tensor *tensors, int64_t count, bool deflate,
                              ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_safetensors_write(const char *path, const ll_tensor *tensors, int64_t count,
                                      const char *const (*metadata)[2], int64_t metadata_count,
                                      ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ images */

/* One image: bytes [channels, height, width], channels 1 (grey) or 3 (red, green, blue). */
typedef struct ll_image {
    int64_t channels, height, width;
    uint8_t *pixels; /* free with ll_image_deinit */
} ll_image;
/* PNG (palette, 1 to 16 bits, interlaced; transparency is dropped) or JPEG (baseline, progressive; grey, YCbCr),
 * told by the first bytes. Cut-short files are refused. The number of pixels is limited before decoding. */
LL_API ll_status ll_image_decode(const void *bytes, size_t size, const char *place,
                                 const ll_format_limits *limits, ll_image *image,
                                 ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_image_read(const char *path, const ll_format_limits *limits, ll_image *image,
                               ll_error *error) LL_MUST_CHECK;
LL_API void ll_image_deinit(ll_image *image);
/* Appends a JPEG of quality 1..100 (libjpeg's scale, 4:2:0), or a PNG. */
LL_API ll_status ll_image_encode_jpeg(const ll_image *image, int quality, ll_text *out,
                                      ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_image_encode_png(const ll_image *image, ll_text *out, ll_error *error) LL_MUST_CHECK;

/* Labelled images of one size. */
typedef struct ll_image_set {
    int64_t count, channels, height, width;
    uint8_t *pixels;        /* [count, channels, height, width] */
    int64_t *labels;        /* [count] */
    int64_t *coarse_labels; /* [count], CIFAR-100's 20 groups; else NULL */
    uint8_t *is_test;       /* [count]: 1 where the image came from the test batch */
    char **class_names;     /* [classes], or NULL when the file does not say */
    int64_t classes;        /* of `labels`: 10 or 100 */
} ll_image_set;
/* CIFAR-10 and CIFAR-100 as they come: one binary batch (records of 1 or 2 label bytes and 3,072 pixels), one
 * batch of cifar-10-batches-py or cifar-100-python (a pickle), a folder of either, or the .tar.gz of either.
 * Batches in natural order of their names; training before test. A label out of range, a batch cut short or an
 * archive without batches is refused. Names of the classes come from batches.meta (text or pickle) or meta. */
LL_API ll_status ll_cifar_read(const char *path, const ll_format_limits *limits, ll_image_set *set,
                               ll_error *error) LL_MUST_CHECK;
/* The same from one file's bytes; `place` names it, and "test" in its last part marks a test batch. */
LL_API ll_status ll_cifar_parse(const void *bytes, size_t size, const char *place,
                                const ll_format_limits *limits, ll_image_set *set,
                                ll_error *error) LL_MUST_CHECK;
LL_API void ll_image_set_deinit(ll_image_set *set);

/* ------------------------------------------------------------------ tables of text */

/* A CSV file (RFC 4180; separator comma, semicolon or tab, told by the first line; quotes; CRLF). A first line
 * in which a cell is no number is the header. A column in which a cell is neither number nor empty holds texts,
 * which become codes 0, 1, ... in natural order of the texts. An empty cell is NaN. */
typedef struct ll_table {
    int64_t rows, columns;
    char **names;       /* [columns]; "0", "1", ... without a header */
    double *values;     /* [columns, rows]: column after column */
    char ***categories; /* [columns]: the texts by code, or NULL for a column of numbers */
    int64_t *category_count;
    void *memory; /* private */
} ll_table;
/* A row of another length than the first, or a quote that does not close, is refused with its line. */
LL_API ll_status ll_csv_parse(const void *bytes, size_t size, const char *place,
                              const ll_format_limits *limits, ll_table *table, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_csv_read(const char *path, const ll_format_limits *limits, ll_table *table,
                             ll_error *error) LL_MUST_CHECK;
LL_API void ll_table_deinit(ll_table *table);
/* Column by name, or -1. */
LL_API int64_t ll_table_column(const ll_table *table, const char *name);

/* ------------------------------------------------------------------ structured text */

/* YAML 1.2 (core schema) and, as a part of it, JSON, as a tree that knows where each value stood. */
typedef enum ll_value_type {
    LL_VALUE_NULL,
    LL_VALUE_BOOLEAN,
    LL_VALUE_INTEGER,
    LL_VALUE_REAL,
    LL_VALUE_TEXT,
    LL_VALUE_LIST,
    LL_VALUE_MAP
} ll_value_type;
typedef struct ll_value ll_value;
struct ll_value {
    ll_value_type type;
    int line, column;      /* of its first letter, from 1 */
    const char *text;      /* scalars: as written, without quotes; else NULL */
    int64_t integer;       /* INTEGER; BOOLEAN: 0 or 1 */
    double real;           /* REAL, INTEGER */
    int64_t count;         /* LIST, MAP */
    const ll_value *items; /* [count] */
    const ll_value *keys;  /* MAP: [count], each TEXT, in the order of the file */
};
typedef struct ll_document ll_document; /* owns a tree */
/* One document. Anchors, aliases and tags are off, a key met twice is refused, keys are texts; depth and bytes
 * are limited (depth, text_bytes). Errors read "line 3, column 5: ...". An empty file is a NULL value. */
LL_API ll_status ll_document_parse(const void *bytes, size_t size, const char *place,
                                   const ll_format_limits *limits, ll_document **document,
                                   ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_document_read(const char *path, const ll_format_limits *limits, ll_document **document,
                                  ll_error *error) LL_MUST_CHECK;
LL_API const ll_value *ll_document_root(const ll_document *document);
LL_API const char *ll_document_place(const ll_document *document);
LL_API void ll_document_destroy(ll_document *document);
/* "null", "a whole number", "a map" ... for messages. */
LL_API const char *ll_value_type_name(ll_value_type type);
/* A MAP's value by key, or NULL (also for NULL and for what is no MAP). Cost O(count). */
LL_API const ll_value *ll_value_get(const ll_value *map, const char *key);
/* LL_INVALID_FILE at the first key that is none of `keys`, with the nearest valid one. */
LL_API ll_status ll_value_check_keys(const ll_value *map, const char *const *keys, int64_t count,
                                     const char *place, ll_error *error) LL_MUST_CHECK;
/* What a key must hold; the message names the key, the line, what was got and what was wanted. `value` NULL (the key
 * is absent) leaves the output as it is: the default. */
LL_API ll_status ll_value_take_integer(const ll_value *value, const char *key, int64_t least, int64_t most,
                                       const char *place, int64_t *integer, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_value_take_real(const ll_value *value, const char *key, double least, double most,
                                    const char *place, double *real, ll_error *error) LL_MUST_CHECK;
LL_API ll_status ll_value_take_boolean(const ll_value *value, const char *key, const char *place,
                                       bool *boolean, ll_error *error) LL_MUST_CHECK;
/* Any scalar counts as a text, as it is written. The text belongs to the document. */
LL_API ll_status ll_value_take_text(const ll_value *value, const char *key, const char *place,
                                    const char **text, ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ files as bytes */

/* A whole file, mapped for reading. Zero-initialise; end with ll_file_unmap (a zeroed one is fine). */
typedef struct ll_file_bytes {
    const uint8_t *bytes; /* valid and unique even for an empty file */
    size_t size;
    void *mapping; /* private */
} ll_file_bytes;
LL_API ll_status ll_file_map(const char *path, ll_file_bytes *file, ll_error *error) LL_MUST_CHECK;
LL_API void ll_file_unmap(ll_file_bytes *file);
/* Writes beside `path` under another name, flushes to disk, renames: a reader sees the old or the new file,
 * never a half. LL_IO names the path and the system's reason. */
LL_API ll_status ll_file_write(const char *path, const void *bytes, size_t size,
                               ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
