/* Comma-separated tables, RFC 4180. Two passes over the text: the first counts rows and columns, the second
 * fills them, so that nothing grows. */
#include "formats/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    const char *at, *end;
    char separator;
    int64_t line;
    const char *place;
} reader;

typedef struct cell {
    const char *text; /* unescaped, in `scratch` or in the file */
    size_t length;
    bool last; /* of its row */
} cell;

/* One cell. A quoted one is copied into scratch (room for the whole file) with its quotes undone. */
static ll_status next_cell(reader *r, char *scratch, cell *found, ll_error *error)
{
    const char *start = r->at;
    if (start < r->end && *start == '"') {
        size_t length = 0;
        int64_t line = r->line;
        r->at++;
        for (;;) {
            if (r->at == r->end) {
                return ll_fail(error, LL_INVALID_FILE, "formats", r->place,
                               "line %lld: a quote that does not close", (long long)line);
            }
            char letter = *r->at++;
            if (letter == '\n') r->line++;
            if (letter == '"') {
                if (r->at == r->end || *r->at != '"') break;
                r->at++;
            }
            scratch[length++] = letter;
        }
        if (r->at < r->end && *r->at != r->separator && *r->at != '\n' && *r->at != '\r') {
            return ll_fail(error, LL_INVALID_FILE, "formats", r->place,
                           "line %lld: text behind a closing quote", (long long)r->line);
        }
        *found = (cell){scratch, length, false};
    } else {
        while (r->at < r->end && *r->at != r->separator && *r->at != '\n' && *r->at != '\r') r->at++;
        *found = (cell){start, (size_t)(r->at - start), false};
        while (found->length > 0 && (*found->text == ' ' || *found->text == '\t'))
            found->text++, found->length--;
        while (found->length > 0 &&
               (found->text[found->length - 1] == ' ' || found->text[found->length - 1] == '\t')) {
            found->length--;
        }
    }
    if (r->at < r->end && *r->at == r->separator) {
        r->at++;
        return LL_OK;
    }
    found->last = true;
    if (r->at < r->end && *r->at == '\r') r->at++;
    if (r->at < r->end && *r->at == '\n') r->at++;
    r->line++;
    return LL_OK;
}

static bool at_blank_line(const reader *r) { return r->at < r->end && (*r->at == '\n' || *r->at == '\r'); }

static void skip_blank_lines(reader *r)
{
    while (at_blank_line(r)) {
        if (*r->at == '\n') r->line++;
        r->at++;
    }
}

static bool parse_number(const cell *found, double *number)
{
    char copy[64], *end;
    if (found->length >= sizeof copy) return false;
    if (found->length == 0) {
        *number = (double)NAN;
        return true;
    }
    memcpy(copy, found->text, found->length);
    copy[found->length] = 0;
    if (strpbrk(copy, "xX") != NULL) return false; /* hexadecimal is no number of a table */
    *number = strtod(copy, &end);
    return *end == 0 && end != copy;
}

static char guess_separator(const char *text, const char *end)
{
    int64_t commas = 0, semicolons = 0, tabs = 0;
    for (; text < end && *text != '\n'; text++) {
        commas += *text == ',';
        semicolons += *text == ';';
        tabs += *text == '\t';
    }
    if (tabs > commas && tabs > semicolons) return '\t';
    return semicolons > commas ? ';' : ',';
}

typedef struct measure {
    int64_t rows, columns;
    bool header;
} measure;

static ll_status measure_table(reader r, char *scratch, measure *result, ll_error *error)
{
    measure m = {0};
    while (skip_blank_lines(&r), r.at < r.end) {
        int64_t columns = 0, line = r.line;
        cell found = {0};
        while (!found.last) {
            double number;
            LL_TRY(next_cell(&r, scratch, &found, error));
            if (m.rows == 0 && !parse_number(&found, &number)) m.header = true;
            columns++;
        }
        if (m.rows == 0) m.columns = columns;
        if (columns != m.columns) {
            return ll_fail(error, LL_INVALID_FILE, "formats", r.place,
                           "line %lld has %lld cells; the first has %lld", (long long)line,
                           (long long)columns, (long long)m.columns);
        }
        m.rows++;
    }
    if (m.header) m.rows--;
    if (m.rows <= 0)
        return ll_fail(error, LL_INVALID_FILE, "formats", r.place, "a table without a row of values");
    *result = m;
    return LL_OK;
}

static int by_natural_order(const void *left, const void *right)
{
    return ll_natural_compare(*(char *const *)left, *(char *const *)right);
}

/* A column of texts: the different ones in order, and each row's place among them. */
static ll_status categorise(ll_arena *arena, char **texts, int64_t rows, double *values, char ***categories,
                            int64_t *count, ll_error *error)
{
    char **sorted = ll_arena_allocate(arena, (size_t)rows * sizeof *sorted);
    if (sorted == NULL) return ll_fail_memory(error, "formats", (size_t)rows * sizeof *sorted);
    memcpy(sorted, texts, (size_t)rows * sizeof *sorted);
    qsort(sorted, (size_t)rows, sizeof *sorted, by_natural_order);
    int64_t distinct = 0;
    for (int64_t i = 0; i < rows; i++) {
        if (distinct == 0 || strcmp(sorted[distinct - 1], sorted[i]) != 0) sorted[distinct++] = sorted[i];
    }
    for (int64_t i = 0; i < rows; i++) {
        char *const *place = bsearch(&texts[i], sorted, (size_t)distinct, sizeof *sorted, by_natural_order);
        values[i] = place != NULL ? (double)(place - sorted) : (double)NAN;
    }
    *categories = sorted;
    *count = distinct;
    return LL_OK;
}

static char *copy_cell(ll_arena *arena, const cell *found)
{
    char *copy = ll_arena_allocate(arena, found->length + 1);
    if (copy == NULL) return NULL;
    for (size_t i = 0; i < found->length; i++) copy[i] = found->text[i] != 0 ? found->text[i] : '?';
    copy[found->length] = 0;
    return copy;
}

static ll_status fill_table(reader r, char *scratch, const measure *m, ll_arena *arena, ll_table *table,
                            ll_error *error)
{
    size_t cells;
    if (!ll_multiply_size((size_t)m->rows, (size_t)m->columns, &cells)) cells = SIZE_MAX / 8;
    table->names = ll_arena_allocate(arena, (size_t)m->columns * sizeof *table->names);
    table->values = ll_arena_allocate(arena, cells * sizeof *table->values);
    table->categories = ll_arena_allocate(arena, (size_t)m->columns * sizeof *table->categories);
    table->category_count = ll_arena_allocate(arena, (size_t)m->columns * sizeof *table->category_count);
    bool *is_text = ll_arena_allocate(arena, (size_t)m->columns);
    char **texts = ll_arena_allocate(arena, (size_t)m->rows * sizeof *texts);
    if (table->names == NULL || table->values == NULL || table->categories == NULL ||
        table->category_count == NULL || is_text == NULL || texts == NULL) {
        return ll_fail_memory(error, "formats", cells * sizeof *table->values);
    }
    memset(is_text, 0, (size_t)m->columns);
    memset(table->categories, 0, (size_t)m->columns * sizeof *table->categories);
    memset(table->category_count, 0, (size_t)m->columns * sizeof *table->category_count);
    table->rows = m->rows;
    table->columns = m->columns;
    reader start = r;
    for (int64_t row = m->header ? -1 : 0; row < m->rows; row++) {
        skip_blank_lines(&r);
        for (int64_t column = 0; column < m->columns; column++) {
            cell found;
            LL_TRY(next_cell(&r, scratch, &found, error));
            if (row < 0) {
                table->names[column] = copy_cell(arena, &found);
                if (table->names[column] == NULL) return ll_fail_memory(error, "formats", found.length);
            } else if (!parse_number(&found, &table->values[column * m->rows + row])) {
                is_text[column] = true;
            }
        }
    }
    for (int64_t column = 0; column < m->columns; column++) {
        if (!m->header) {
            char name[24];
            snprintf(name, sizeof name, "%lld", (long long)column);
            table->names[column] = ll_arena_text(arena, name);
            if (table->names[column] == NULL) return ll_fail_memory(error, "formats", 24);
        }
        if (!is_text[column]) continue;
        r = start;
        for (int64_t row = m->header ? -1 : 0; row < m->rows; row++) {
            skip_blank_lines(&r);
            for (int64_t i = 0; i < m->columns; i++) {
                cell found;
                LL_TRY(next_cell(&r, scratch, &found, error));
                if (row < 0 || i != column) continue;
                texts[row] = copy_cell(arena, &found);
                if (texts[row] == NULL) return ll_fail_memory(error, "formats", found.length);
            }
        }
        LL_TRY(categorise(arena, texts, m->rows, table->values + column * m->rows, &table->categories[column],
                          &table->category_count[column], error));
    }
    return LL_OK;
}

ll_status ll_csv_parse(const void *bytes, size_t size, const char *place, const ll_format_limits *limits,
                       ll_table *table, ll_error *error)
{
    ll_format_limits defaults = ll_format_limits_default();
    if (limits == NULL) limits = &defaults;
    if (size > (size_t)limits->text_bytes) {
        return ll_fail(error, LL_TOO_LARGE, "formats", place,
                       "a table of %zu bytes is over the limit of %lld (text_bytes)", size,
                       (long long)limits->text_bytes);
    }
    const char *text = bytes;
    reader r = {.at = text, .end = text + size, .line = 1, .place = place};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) r.at += 3; /* byte order mark */
    r.separator = guess_separator(r.at, r.end);
    ll_arena *arena = ll_arena_create(1 << 12);
    char *scratch = ll_allocate(size);
    ll_table result = {.memory = arena};
    measure m;
    ll_status status = arena != NULL && scratch != NULL ? LL_OK : ll_fail_memory(error, "formats", size);
    if (status == LL_OK) status = measure_table(r, scratch, &m, error);
    /* A text column is read once more and its cells are kept, 64 bytes at least; a table is thousands of texts,
     * not hundreds of millions. */
    if (status == LL_OK && (uint64_t)m.rows * (uint64_t)m.columns > limits->unpacked_bytes / 64) {
        status = ll_fail(error, LL_TOO_LARGE, "formats", place,
                         "a table of %lld x %lld cells is over the limit of memory", (long long)m.rows,
                         (long long)m.columns);
    }
    if (status == LL_OK) status = fill_table(r, scratch, &m, arena, &result, error);
    ll_free(scratch);
    if (status != LL_OK) {
        ll_arena_destroy(arena);
        return status;
    }
    *table = result;
    return LL_OK;
}

ll_status ll_csv_read(const char *path, const ll_format_limits *limits, ll_table *table, ll_error *error)
{
    ll_file_bytes file = {0};
    LL_TRY(ll_file_map(path, &file, error));
    ll_status status = ll_csv_parse(file.bytes, file.size, path, limits, table, error);
    ll_file_unmap(&file);
    return status;
}

void ll_table_deinit(ll_table *table)
{
    ll_arena_destroy(table->memory);
    *table = (ll_table){0};
}

int64_t ll_table_column(const ll_table *table, const char *name)
{
    for (int64_t i = 0; i < table->columns; i++) {
        if (strcmp(table->names[i], name) == 0) return i;
    }
    return -1;
}
