/* A field from text in columns: a matrix, or coordinates and values. */
#include "field_support.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

enum { COLUMNS_LIMIT = 100000, NAMED_COLUMNS = 256, NAME_LIMIT = 64 };

typedef struct table {
    int64_t rows, columns, capacity;
    double *values;
    char names[NAMED_COLUMNS][NAME_LIMIT];
    int64_t name_count; /* 0: no header */
} table;

/* Commas, semicolons and tabs part cells, one each; otherwise any white space does. */
static char find_separator(const char *line, const char *end)
{
    for (const char *c = line; c < end; c++) {
        if (*c == ',' || *c == ';' || *c == '\t') return *c;
    }
    return ' ';
}

/* The next cell of the line in [*at, end), without surrounding space and quotes; false at the line's end. */
static bool next_cell(const char **at, const char *end, char separator, bool *open, const char **cell,
                      size_t *length)
{
    const char *c = *at;
    if (separator == ' ') {
        while (c < end && isspace((unsigned char)*c)) c++;
        if (c == end) return false;
    } else if (!*open) {
        return false;
    }
    const char *start = c;
    while (c < end && (separator == ' ' ? !isspace((unsigned char)*c) : *c != separator)) c++;
    const char *stop = c;
    *open = c < end; /* a separator promises one more cell */
    *at = c < end ? c + 1 : c;
    while (start < stop && isspace((unsigned char)*start)) start++;
    while (stop > start && isspace((unsigned char)stop[-1])) stop--;
    if (stop - start >= 2 && *start == '"' && stop[-1] == '"') {
        start++;
        stop--;
    }
    *cell = start;
    *length = (size_t)(stop - start);
    return true;
}

static ll_status grow(table *t, const ll_format_limits *limits, const char *place, ll_error *error)
{
    int64_t wanted;
    if (!ll_multiply_int64(t->rows + 1, t->columns, &wanted)) wanted = INT64_MAX;
    if (wanted <= t->capacity) return LL_OK;
    int64_t capacity =
        wanted > t->capacity + t->capacity / 2 + 256 ? wanted : t->capacity + t->capacity / 2 + 256;
    void *grown;
    LL_TRY(ll_field_block(capacity, sizeof(double), limits, place, &grown, error));
    if (t->rows > 0) memcpy(grown, t->values, (size_t)(t->rows * t->columns) * sizeof(double));
    ll_free(t->values);
    t->values = grown;
    t->capacity = capacity;
    return LL_OK;
}

static ll_status read_line(table *t, const char *line, const char *end, char separator, int64_t number,
                           const ll_format_limits *limits, const char *place, ll_error *error)
{
    const char *at = line, *cell;
    size_t length;
    int64_t count = 0;
    bool first = t->columns == 0, header = false, open = true;
    /* The first line: how many columns, and whether they are names. */
    if (first) {
        while (next_cell(&at, end, separator, &open, &cell, &length)) {
            double value;
            if (!ll_text_number(cell, length, &value)) header = true;
            if (++count > COLUMNS_LIMIT) {
                return ll_fail(error, LL_TOO_LARGE, "formats", place, "more than %d columns", COLUMNS_LIMIT);
            }
        }
        t->columns = count;
        at = line;
        count = 0;
        open = true;
        if (header && t->columns > NAMED_COLUMNS) {
            return ll_fail(error, LL_TOO_LARGE, "formats", place, "more than %d named columns",
                           NAMED_COLUMNS);
        }
    }
    if (header) {
        while (next_cell(&at, end, separator, &open, &cell, &length)) {
            if (length >= NAME_LIMIT) length = NAME_LIMIT - 1;
            memcpy(t->names[count], cell, length);
            t->names[count++][length] = 0;
        }
        t->name_count = count;
        return LL_OK;
    }
    LL_TRY(grow(t, limits, place, error));
    while (next_cell(&at, end, separator, &open, &cell, &length)) {
        double value = NAN;
        if (length > 0 && !ll_text_number(cell, length, &value)) {
            return ll_fail(error, LL_INVALID_FILE, "formats", place, "line %lld: '%.*s' is not a number",
                           (long long)number, (int)(length < 40 ? length : 40), cell);
        }
        if (count == t->columns) {
            count++;
            break;
        }
        t->values[t->rows * t->columns + count++] = value;
    }
    if (count != t->columns) {
        return ll_fail(error, LL_INVALID_FILE, "formats", place,
                       "line %lld has %s %lld columns of the first line", (long long)number,
                       count > t->columns ? "more than the" : "less than the", (long long)t->columns);
    }
    t->rows++;
    return LL_OK;
}

static ll_status read_table(table *t, const char *text, size_t size, const ll_format_limits *limits,
                            const char *place, ll_error *error)
{
    const char *at = text, *end = text + size;
    char separator = 0;
    if (size >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) at += 3; /* byte order mark */
    for (int64_t number = 1; at < end; number++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        const char *start = at;
        at = stop < end ? stop + 1 : end;
        while (start < stop && isspace((unsigned char)*start) && *start != '\t') start++;
        while (stop > start && (stop[-1] == '\r' || stop[-1] == ' ')) stop--;
        if (start == stop || *start == '#') continue;
        if (separator == 0) separator = find_separator(start, stop);
        LL_TRY(read_line(t, start, stop, separator, number, limits, place, error));
    }
    if (t->rows == 0)
        return ll_fail(error, LL_INVALID_FILE, "formats", place, "the text holds no row of numbers");
    return LL_OK;
}

static bool is_value_name(const char *name)
{
    static const char *const parts[] = {"loss", "value", "acc", "err"};
    char lower[NAME_LIMIT];
    size_t i = 0;
    for (; name[i] != 0 && i + 1 < sizeof lower; i++) lower[i] = (char)tolower((unsigned char)name[i]);
    lower[i] = 0;
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
        if (strstr(lower, parts[k]) != NULL) return true;
    }
    return false;
}

/* The column of values; the ones before the first column of any values are coordinates. */
static ll_status choose_column(const table *t, const char *wanted, const char *place, int64_t *value,
                               int64_t *coordinates, ll_error *error)
{
    int64_t first = t->columns - 1;
    for (int64_t c = t->name_count; c-- > 0;) {
        if (is_value_name(t->names[c])) first = c;
    }
    *value = first;
    if (wanted != NULL) {
        const char *names[NAMED_COLUMNS];
        for (int64_t c = 0; c < t->name_count; c++) names[c] = t->names[c];
        LL_TRY(ll_field_choose(names, t->name_count, wanted, NULL, place, value, error));
    }
    *coordinates = *value < first ? *value : first;
    return LL_OK;
}

static ll_status columns_to_field(const table *t, int64_t value, int64_t coordinates, ll_field_data *data,
                                  const ll_format_limits *limits, const char *place, bool *is_grid,
                                  ll_error *error)
{
    void *values, *points;
    LL_TRY(ll_field_block(t->rows, sizeof(double), limits, place, &values, error));
    data->values = values;
    data->count = t->rows;
    for (int64_t i = 0; i < t->rows; i++) ((double *)values)[i] = t->values[i * t->columns + value];
    if (t->name_count > 0) ll_field_set_name(data, t->names[value]);
    *is_grid = false;
    if (coordinates == 0) {
        data->rank = 1;
        data->shape[0] = t->rows;
        *is_grid = true;
        return LL_OK;
    }
    LL_TRY(ll_field_block(t->rows * coordinates, sizeof(double), limits, place, &points, error));
    data->points = points;
    data->dimension = (int)coordinates;
    for (int64_t i = 0; i < t->rows; i++) {
        for (int64_t k = 0; k < coordinates; k++)
            data->points[i * coordinates + k] = t->values[i * t->columns + k];
    }
    return ll_field_points_to_grid(data, is_grid, error);
}

ll_status ll_csv_field_parse(const void *bytes, size_t size, const char *place,
                             const ll_field_read_options *options, ll_field_data *data, ll_error *error)
{
    const ll_field_read_options defaults = {0};
    if (options == NULL) options = &defaults;
    const ll_format_limits limits = options->limits != NULL ? *options->limits : ll_format_limits_default();
    if (size > (uint64_t)limits.text_bytes) {
        return ll_fail(error, LL_TOO_LARGE, "formats", place,
                       "%zu bytes of text; the limit (text_bytes) is %lld", size,
                       (long long)limits.text_bytes);
    }
    table *t = ll_allocate_zeroed(sizeof *t);
    if (t == NULL) return ll_fail_memory(error, "formats", sizeof *t);
    ll_field_data made = {.format = "csv"};
    ll_status status = read_table(t, bytes, size, &limits, place, error);
    bool is_grid = false;
    if (status == LL_OK && t->name_count > 0) {
        int64_t value, coordinates;
        status = choose_column(t, options->array, place, &value, &coordinates, error);
        if (status == LL_OK)
            status = columns_to_field(t, value, coordinates, &made, &limits, place, &is_grid, error);
    } else if (status == LL_OK) {
        if (options->array != NULL) {
            status = ll_fail(error, LL_NOT_FOUND, "formats", place,
                             "there is no column '%s': the text has no header", options->array);
        } else if (t->columns == 3) {
            /* x, y, value if the points fill a grid; else three columns of a matrix. */
            status = columns_to_field(t, 2, 2, &made, &limits, place, &is_grid, error);
            if (status == LL_OK && !is_grid) {
                ll_field_data_deinit(&made);
                made.format = "csv";
            }
        }
        if (status == LL_OK && !is_grid) {
            made.values = t->values;
            t->values = NULL;
            made.count = t->rows * t->columns;
            made.rank = t->columns > 1 && t->rows > 1 ? 2 : 1;
            made.shape[0] = made.rank == 2 ? t->rows : made.count;
            if (made.rank == 2) made.shape[1] = t->columns;
            made.x_last = true;
        }
    }
    ll_free(t->values);
    ll_free(t);
    if (status != LL_OK) {
        ll_field_data_deinit(&made);
        return status;
    }
    *data = made;
    return LL_OK;
}
