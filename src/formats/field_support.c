#include "field_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- text */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

void ll_cursor_skip_space(ll_cursor *cursor)
{
    while (cursor->at < cursor->end && is_space(*cursor->at)) cursor->at++;
}

bool ll_text_number(const char *text, size_t length, double *value)
{
    char copy[64], *end;
    if (length == 0 || length >= sizeof copy || memchr(text, 0, length) != NULL) return false;
    memcpy(copy, text, length);
    copy[length] = 0;
    *value = strtod(copy, &end);
    return end == copy + length;
}

bool ll_text_integer(const char *text, int64_t *value)
{
    char *end;
    long long read = strtoll(text, &end, 10);
    while (is_space(*end)) end++;
    if (end == text || *end != 0) return false;
    *value = read;
    return true;
}

bool ll_cursor_number(ll_cursor *cursor, const char *stops, double *value)
{
    ll_cursor_skip_space(cursor);
    const char *start = cursor->at;
    while (cursor->at < cursor->end && !is_space(*cursor->at) &&
           (*cursor->at == 0 || strchr(stops, *cursor->at) == NULL)) {
        cursor->at++;
    }
    return ll_text_number(start, (size_t)(cursor->at - start), value);
}

/* ---------------------------------------------------------------- memory */

void ll_field_data_deinit(ll_field_data *data)
{
    if (data == NULL) return;
    ll_free(data->values);
    for (int k = 0; k < LL_FIELD_DATA_MAX_RANK; k++) ll_free(data->axes[k]);
    ll_free(data->points);
    ll_free(data->edges);
    *data = (ll_field_data){0};
}

ll_status ll_field_block(int64_t count, size_t element_bytes, const ll_format_limits *limits,
                         const char *place, void **block, ll_error *error)
{
    size_t bytes;
    if (count < 0 || !ll_multiply_size((size_t)count, element_bytes, &bytes) ||
        bytes > limits->unpacked_bytes) {
        return ll_fail(error, LL_TOO_LARGE, "formats", place,
                       "%lld numbers are over the limit of %llu bytes unpacked from one file",
                       (long long)count, (unsigned long long)limits->unpacked_bytes);
    }
    void *made = ll_allocate(bytes);
    if (made == NULL) return ll_fail_memory(error, "formats", bytes);
    *block = made;
    return LL_OK;
}

ll_status ll_edge_add(ll_edge_list *list, int64_t a, int64_t b, int64_t points,
                      const ll_format_limits *limits, const char *place, ll_error *error)
{
    if (a < 0 || b < 0 || a >= points || b >= points) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "a cell names point %lld; there are %lld",
                       (long long)(a < 0 || a >= points ? a : b), (long long)points);
    }
    if (list->count == list->capacity) {
        int64_t capacity = list->capacity < 64 ? 128 : 2 * list->capacity;
        void *grown;
        LL_TRY(ll_field_block(capacity, 2 * sizeof *list->ids, limits, place, &grown, error));
        if (list->count > 0) memcpy(grown, list->ids, 2 * (size_t)list->count * sizeof *list->ids);
        ll_free(list->ids);
        list->ids = grown;
        list->capacity = capacity;
    }
    list->ids[2 * list->count] = a;
    list->ids[2 * list->count + 1] = b;
    list->count++;
    return LL_OK;
}

/* ---------------------------------------------------------------- which array */

void ll_field_set_name(ll_field_data *data, const char *name)
{
    snprintf(data->name, sizeof data->name, "%s", name);
}

ll_status ll_field_choose(const char *const *names, int64_t count, const char *wanted, const char *active,
                          const char *place, int64_t *chosen, ll_error *error)
{
    static const char *const known[] = {"loss",  "train_loss", "losses", "value",   "values",
                                        "field", "scalars",    "scalar", "quality", "f"};
    const char *first = wanted != NULL ? wanted : active;
    for (int64_t i = 0; first != NULL && i < count; i++) {
        if (strcmp(names[i], first) == 0) {
            *chosen = i;
            return LL_OK;
        }
    }
    char list[400] = "";
    size_t length = 0;
    for (int64_t i = 0; i < count && length + 80 < sizeof list; i++) {
        int wrote = snprintf(list + length, sizeof list - length, "%s'%.60s'", i > 0 ? ", " : "", names[i]);
        length += (size_t)wrote;
    }
    if (count == 0) {
        return ll_fail(error, LL_NOT_FOUND, "formats", place,
                       "the file holds no array of numbers at its points");
    }
    if (wanted != NULL) {
        return ll_fail(error, LL_NOT_FOUND, "formats", place, "there is no array '%s'; wanted one of %s",
                       wanted, list);
    }
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        for (int64_t i = 0; i < count; i++) {
            if (strcmp(names[i], known[k]) == 0) {
                *chosen = i;
                return LL_OK;
            }
        }
    }
    if (count == 1) {
        *chosen = 0;
        return LL_OK;
    }
    return ll_fail(error, LL_INVALID_ARGUMENT, "formats", place,
                   "the file holds several arrays and none has a well-known name; say which: %s", list);
}

/* ---------------------------------------------------------------- grid from points */

static int by_value(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Ascending distinct values of a coordinate; NULL when they cannot be an axis. */
static ll_status distinct(const ll_field_data *data, int axis, double **values, int64_t *count,
                          ll_error *error)
{
    double *sorted = ll_allocate_array(data->count, sizeof *sorted);
    if (sorted == NULL) return ll_fail_memory(error, "formats", (size_t)data->count * sizeof *sorted);
    for (int64_t i = 0; i < data->count; i++) sorted[i] = data->points[i * data->dimension + axis] + 0.0;
    qsort(sorted, (size_t)data->count, sizeof *sorted, by_value);
    int64_t kept = 0;
    for (int64_t i = 0; i < data->count; i++) {
        if (kept == 0 || sorted[i] != sorted[kept - 1]) sorted[kept++] = sorted[i];
    }
    *values = sorted;
    *count = kept;
    return LL_OK;
}

static int64_t position_of(const double *axis, int64_t count, double value)
{
    int64_t low = 0, high = count - 1;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (axis[middle] < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

ll_status ll_field_points_to_grid(ll_field_data *data, bool *is_grid, ll_error *error)
{
    *is_grid = false;
    if (data->dimension < 1 || data->dimension > LL_FIELD_DATA_MAX_RANK || data->count < 1 || data->single)
        return LL_OK;
    for (int64_t i = 0; i < data->count * data->dimension; i++) {
        if (!isfinite(data->points[i])) return LL_OK;
    }
    double *axes[LL_FIELD_DATA_MAX_RANK] = {0};
    int64_t shape[LL_FIELD_DATA_MAX_RANK] = {0}, product = 1;
    bool fits = true;
    ll_status status = LL_OK;
    for (int k = 0; k < data->dimension && fits && status == LL_OK; k++) {
        status = distinct(data, k, &axes[k], &shape[k], error);
        fits = status == LL_OK && ll_multiply_int64(product, shape[k], &product) && product <= data->count;
    }
    fits = fits && product == data->count;
    double *values = fits ? ll_allocate_array(data->count, sizeof *values) : NULL;
    uint8_t *seen = fits ? ll_allocate_zeroed((size_t)data->count) : NULL;
    if (fits && (values == NULL || seen == NULL)) {
        status = ll_fail_memory(error, "formats", (size_t)data->count * sizeof *values);
        fits = false;
    }
    for (int64_t i = 0; i < data->count && fits; i++) {
        int64_t at = 0;
        for (int k = 0; k < data->dimension; k++) {
            at = at * shape[k] + position_of(axes[k], shape[k], data->points[i * data->dimension + k] + 0.0);
        }
        fits = !seen[at];
        seen[at] = 1;
        values[at] = ((double *)data->values)[i];
    }
    ll_free(seen);
    if (fits) {
        ll_free(data->values);
        ll_free(data->points);
        data->values = values;
        data->points = NULL;
        data->rank = data->dimension;
        data->dimension = 0;
        for (int k = 0; k < data->rank; k++) {
            data->shape[k] = shape[k];
            data->axes[k] = axes[k];
        }
        *is_grid = true;
        return LL_OK;
    }
    ll_free(values);
    for (int k = 0; k < LL_FIELD_DATA_MAX_RANK; k++) ll_free(axes[k]);
    return status;
}
