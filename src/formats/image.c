/* PNG by libpng, JPEG by libjpeg, from and to memory. Both libraries leave through longjmp when something is
 * wrong, so each function that calls them keeps everything it must free in one struct set before setjmp. */
#include <stdio.h>

#include "formats/internal.h"

#include <jpeglib.h>
#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

void ll_image_deinit(ll_image *image)
{
    ll_free(image->pixels);
    *image = (ll_image){0};
}

static ll_status check_size(uint64_t width, uint64_t height, const ll_format_limits *limits,
                            const char *place, ll_error *error)
{
    if (width == 0 || height == 0) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "image of %llu x %llu pixels",
                       (unsigned long long)width, (unsigned long long)height);
    }
    if (width > (uint64_t)limits->image_pixels / height) {
        return ll_fail(error, LL_TOO_LARGE, "formats", place,
                       "image of %llu x %llu pixels is over the limit of %lld (image_pixels)",
                       (unsigned long long)width, (unsigned long long)height,
                       (long long)limits->image_pixels);
    }
    return LL_OK;
}

/* Row of interleaved pixels -> planes. */
static void spread_row(const uint8_t *row, ll_image *image, int64_t y)
{
    int64_t plane = image->height * image->width;
    for (int64_t c = 0; c < image->channels; c++) {
        uint8_t *target = image->pixels + c * plane + y * image->width;
        for (int64_t x = 0; x < image->width; x++) target[x] = row[x * image->channels + c];
    }
}

static void gather_row(const ll_image *image, int64_t y, uint8_t *row)
{
    int64_t plane = image->height * image->width;
    for (int64_t c = 0; c < image->channels; c++) {
        const uint8_t *source = image->pixels + c * plane + y * image->width;
        for (int64_t x = 0; x < image->width; x++) row[x * image->channels + c] = source[x];
    }
}

/* ------------------------------------------------------------------ PNG */

typedef struct png_work {
    png_structp png;
    png_infop info;
    const uint8_t *bytes;
    size_t size, at;
    ll_image image;
    uint8_t *rows;
    uint8_t **row_pointers;
    ll_text *out;
    char message[128];
} png_work;

static void png_failed(png_structp png, png_const_charp message)
{
    png_work *work = png_get_error_ptr(png);
    snprintf(work->message, sizeof work->message, "%s", message);
    longjmp(png_jmpbuf(png), 1);
}

static void png_warned(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void png_take(png_structp png, png_bytep target, size_t count)
{
    png_work *work = png_get_io_ptr(png);
    if (count > work->size - work->at) png_error(png, "the file was cut short");
    memcpy(target, work->bytes + work->at, count);
    work->at += count;
}

static ll_status png_decode_inner(png_work *work, const ll_format_limits *limits, const char *place,
                                  ll_error *error)
{
    work->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, work, png_failed, png_warned);
    work->info = work->png != NULL ? png_create_info_struct(work->png) : NULL;
    if (work->info == NULL) return ll_fail_memory(error, "formats", 4096);
    if (setjmp(png_jmpbuf(work->png)) != 0) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "PNG image is broken: %s", work->message);
    }
    png_set_user_limits(work->png, 1000000, 1000000);
    png_set_chunk_cache_max(work->png, 100);
    png_set_chunk_malloc_max(work->png, 8000000);
    png_set_read_fn(work->png, work, png_take);
    png_read_info(work->png, work->info);
    png_uint_32 width, height;
    int depth, colour;
    png_get_IHDR(work->png, work->info, &width, &height, &depth, &colour, NULL, NULL, NULL);
    LL_TRY(check_size(width, height, limits, place, error));
    if (depth == 16) png_set_strip_16(work->png);
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(work->png);
    if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(work->png);
    png_set_strip_alpha(work->png);
    png_set_interlace_handling(work->png);
    png_read_update_info(work->png, work->info);
    work->image.channels = png_get_channels(work->png, work->info);
    work->image.width = width;
    work->image.height = height;
    size_t row_bytes = png_get_rowbytes(work->png, work->info);
    if ((work->image.channels != 1 && work->image.channels != 3) ||
        row_bytes != (size_t)(work->image.channels * work->image.width)) {
        return ll_fail(error, LL_UNSUPPORTED, "formats", place, "PNG image of %lld channels",
                       (long long)work->image.channels);
    }
    work->rows = ll_allocate_array((int64_t)height, row_bytes);
    work->row_pointers = ll_allocate_array((int64_t)height, sizeof *work->row_pointers);
    work->image.pixels = ll_allocate_array((int64_t)height, row_bytes);
    if (work->rows == NULL || work->row_pointers == NULL || work->image.pixels == NULL) {
        return ll_fail_memory(error, "formats", height * row_bytes);
    }
    for (png_uint_32 y = 0; y < height; y++) work->row_pointers[y] = work->rows + y * row_bytes;
    png_read_image(work->png, work->row_pointers);
    png_read_end(work->png, NULL);
    for (int64_t y = 0; y < work->image.height; y++) spread_row(work->row_pointers[y], &work->image, y);
    return LL_OK;
}

static ll_status png_decode(const uint8_t *bytes, size_t size, const char *place,
                            const ll_format_limits *limits, ll_image *image, ll_error *error)
{
    png_work work = {.bytes = bytes, .size = size};
    ll_status status = png_decode_inner(&work, limits, place, error);
    if (work.png != NULL) png_destroy_read_struct(&work.png, &work.info, NULL);
    ll_free(work.rows);
    ll_free(work.row_pointers);
    if (status != LL_OK) {
        ll_image_deinit(&work.image);
        return status;
    }
    *image = work.image;
    return LL_OK;
}

static void png_put(png_structp png, png_bytep bytes, size_t count)
{
    png_work *work = png_get_io_ptr(png);
    ll_text_append_bytes(work->out, bytes, count);
}

static void png_flush_nothing(png_structp png) { (void)png; }

static ll_status png_encode_inner(png_work *work, const ll_image *image, ll_error *error)
{
    work->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, work, png_failed, png_warned);
    work->info = work->png != NULL ? png_create_info_struct(work->png) : NULL;
    work->rows = ll_allocate_array(image->width, (size_t)image->channels);
    if (work->info == NULL || work->rows == NULL) return ll_fail_memory(error, "formats", 4096);
    if (setjmp(png_jmpbuf(work->png)) != 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "formats", NULL, "PNG cannot be written: %s",
                       work->message);
    }
    png_set_write_fn(work->png, work, png_put, png_flush_nothing);
    png_set_IHDR(work->png, work->info, (png_uint_32)image->width, (png_uint_32)image->height, 8,
                 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(work->png, work->info);
    for (int64_t y = 0; y < image->height; y++) {
        gather_row(image, y, work->rows);
        png_write_row(work->png, work->rows);
    }
    png_write_end(work->png, NULL);
    return work->out->failed ? ll_fail_memory(error, "formats", work->out->length) : LL_OK;
}

static ll_status check_image(const ll_image *image, ll_error *error)
{
    if ((image->channels == 1 || image->channels == 3) && image->width > 0 && image->height > 0 &&
        image->width <= 65500 && image->height <= 65500) {
        return LL_OK;
    }
    return ll_fail(error, LL_INVALID_ARGUMENT, "formats", NULL,
                   "an image has 1 or 3 channels and 1 to 65,500 pixels a side; got [%lld, %lld, %lld]",
                   (long long)image->channels, (long long)image->height, (long long)image->width);
}

ll_status ll_image_encode_png(const ll_image *image, ll_text *out, ll_error *error)
{
    LL_TRY(check_image(image, error));
    png_work work = {.out = out};
    ll_status status = png_encode_inner(&work, image, error);
    if (work.png != NULL) png_destroy_write_struct(&work.png, &work.info);
    ll_free(work.rows);
    return status;
}

/* ------------------------------------------------------------------ JPEG */

typedef struct jpeg_work {
    struct jpeg_error_mgr manager; /* first: libjpeg hands it back */
    jmp_buf leave;
    char message[JMSG_LENGTH_MAX];
    ll_image image;
    uint8_t *row;
    unsigned char *encoded;
    unsigned long encoded_size;
} jpeg_work;

static void jpeg_failed(j_common_ptr info)
{
    jpeg_work *work = (jpeg_work *)(void *)info->err;
    info->err->format_message(info, work->message);
    longjmp(work->leave, 1);
}

/* libjpeg fills in grey for what is missing and calls it a warning; here a damaged image is refused. */
static void jpeg_warned(j_common_ptr info, int level)
{
    if (level < 0) jpeg_failed(info);
}

static void jpeg_silent(j_common_ptr info) { (void)info; }

static void watch_errors(jpeg_work *work)
{
    jpeg_std_error(&work->manager);
    work->manager.error_exit = jpeg_failed;
    work->manager.emit_message = jpeg_warned;
    work->manager.output_message = jpeg_silent;
}

static ll_status jpeg_decode_inner(struct jpeg_decompress_struct *info, jpeg_work *work, const uint8_t *bytes,
                                   size_t size, const ll_format_limits *limits, const char *place,
                                   ll_error *error)
{
    if (setjmp(work->leave) != 0) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "JPEG image is broken: %s", work->message);
    }
    jpeg_create_decompress(info);
    jpeg_mem_src(info, bytes, (unsigned long)size);
    jpeg_read_header(info, TRUE);
    LL_TRY(check_size(info->image_width, info->image_height, limits, place, error));
    /* Progressive scans that repeat without end are a known bomb: a scan costs a pass over the image. */
    info->mem->max_memory_to_use = 1L << 30;
    if (info->num_components != 1 && info->num_components != 3) {
        return ll_fail(error, LL_UNSUPPORTED, "formats", place,
                       "JPEG image of %d components; grey and colour are read", info->num_components);
    }
    info->out_color_space = info->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    info->dct_method = JDCT_ISLOW;
    info->buffered_image = jpeg_has_multiple_scans(info);
    jpeg_start_decompress(info);
    if (info->buffered_image) {
        enum { SCANS = 200 };
        while (!jpeg_input_complete(info)) {
            if (info->input_scan_number > SCANS) {
                return ll_fail(error, LL_TOO_LARGE, "formats", place, "JPEG image of more than %d scans",
                               SCANS);
            }
            if (jpeg_consume_input(info) == JPEG_SUSPENDED) break;
        }
        jpeg_start_output(info, info->input_scan_number);
    }
    work->image = (ll_image){
        .channels = info->output_components, .height = info->output_height, .width = info->output_width};
    int64_t row_bytes = work->image.channels * work->image.width;
    work->row = ll_allocate((size_t)row_bytes);
    work->image.pixels = ll_allocate_array(work->image.height, (size_t)row_bytes);
    if (work->row == NULL || work->image.pixels == NULL) {
        return ll_fail_memory(error, "formats", (size_t)(row_bytes * work->image.height));
    }
    for (int64_t y = 0; y < work->image.height; y++) {
        JSAMPROW rows[1] = {work->row};
        jpeg_read_scanlines(info, rows, 1);
        spread_row(work->row, &work->image, y);
    }
    if (info->buffered_image) jpeg_finish_output(info);
    jpeg_finish_decompress(info);
    return LL_OK;
}

static ll_status jpeg_decode(const uint8_t *bytes, size_t size, const char *place,
                             const ll_format_limits *limits, ll_image *image, ll_error *error)
{
    struct jpeg_decompress_struct info = {0};
    jpeg_work work = {0};
    watch_errors(&work);
    info.err = &work.manager;
    ll_status status = jpeg_decode_inner(&info, &work, bytes, size, limits, place, error);
    jpeg_destroy_decompress(&info);
    ll_free(work.row);
    if (status != LL_OK) {
        ll_image_deinit(&work.image);
        return status;
    }
    *image = work.image;
    return LL_OK;
}

static ll_status jpeg_encode_inner(struct jpeg_compress_struct *info, jpeg_work *work, const ll_image *image,
                                   int quality, ll_error *error)
{
    work->row = ll_allocate((size_t)(image->channels * image->width));
    if (work->row == NULL) return ll_fail_memory(error, "formats", (size_t)(image->channels * image->width));
    if (setjmp(work->leave) != 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "formats", NULL, "JPEG cannot be written: %s",
                       work->message);
    }
    jpeg_create_compress(info);
    jpeg_mem_dest(info, &work->encoded, &work->encoded_size);
    info->image_width = (JDIMENSION)image->width;
    info->image_height = (JDIMENSION)image->height;
    info->input_components = (int)image->channels;
    info->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(info);
    jpeg_set_quality(info, quality, TRUE);
    info->dct_method = JDCT_ISLOW;
    jpeg_start_compress(info, TRUE);
    for (int64_t y = 0; y < image->height; y++) {
        JSAMPROW rows[1] = {work->row};
        gather_row(image, y, work->row);
        jpeg_write_scanlines(info, rows, 1);
    }
    jpeg_finish_compress(info);
    return LL_OK;
}

ll_status ll_image_encode_jpeg(const ll_image *image, int quality, ll_text *out, ll_error *error)
{
    LL_TRY(check_image(image, error));
    if (quality < 1 || quality > 100) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "formats", NULL, "JPEG quality is 1 to 100; got %d",
                       quality);
    }
    struct jpeg_compress_struct info = {0};
    jpeg_work work = {0};
    watch_errors(&work);
    info.err = &work.manager;
    ll_status status = jpeg_encode_inner(&info, &work, image, quality, error);
    if (status == LL_OK) {
        ll_text_append_bytes(out, work.encoded, work.encoded_size);
        if (out->failed) status = ll_fail_memory(error, "formats", work.encoded_size);
    }
    jpeg_destroy_compress(&info);
    free(work.encoded);
    ll_free(work.row);
    return status;
}

/* ------------------------------------------------------------------ either */

ll_status ll_image_decode(const void *bytes, size_t size, const char *place, const ll_format_limits *limits,
                          ll_image *image, ll_error *error)
{
    ll_format_limits defaults = ll_format_limits_default();
    const uint8_t *start = bytes;
    if (limits == NULL) limits = &defaults;
    if (size >= 8 && png_sig_cmp(start, 0, 8) == 0)
        return png_decode(start, size, place, limits, image, error);
    if (size >= 3 && start[0] == 0xFF && start[1] == 0xD8 && start[2] == 0xFF) {
        return jpeg_decode(start, size, place, limits, image, error);
    }
    return ll_fail(error, LL_INVALID_FILE, "formats", place, "%zu bytes that are neither PNG nor JPEG", size);
}

ll_status ll_image_read(const char *path, const ll_format_limits *limits, ll_image *image, ll_error *error)
{
    ll_file_bytes file = {0};
    LL_TRY(ll_file_map(path, &file, error));
    ll_status status = ll_image_decode(file.bytes, file.size, path, limits, image, error);
    ll_file_unmap(&file);
    return status;
}
