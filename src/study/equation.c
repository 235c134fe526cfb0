#include "study/equation.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "study";

enum {
    MOST_INPUTS = 8,
    MOST_TERMS = 16,
    MOST_COLUMNS = 8,
    MOST_LAYERS = 32,
    MOST_CONSTANTS = 64,
    MOST_SAMPLES = 10000000
};

typedef struct equation {
    const char *path;
    const ll_format_limits *limits;
    uint64_t point_seed;
    const char *inputs[MOST_INPUTS], *outputs[MOST_COLUMNS], *expressions[MOST_COLUMNS];
    double low[MOST_INPUTS], high[MOST_INPUTS];
    int64_t hidden[MOST_LAYERS];
    ll_pinn_constant constants[MOST_CONSTANTS];
    ll_pinn_term terms[MOST_TERMS];
    const char *points[MOST_TERMS][MOST_COLUMNS]; /* names of the points of a sample */
    const char *data[MOST_TERMS][MOST_COLUMNS];
    ll_tensor_file *files[MOST_TERMS + 1]; /* kept while names and values are needed */
    ll_pinn_samples *tables;               /* one a term, then the reference */
    int64_t tables_made;
    ll_pinn_options options;
} equation;

void equation_free_tables(ll_pinn_samples *tables, int64_t count)
{
    for (int64_t i = 0; tables != NULL && i < count; i++) ll_free(tables[i].values);
    ll_free(tables);
}

static ll_status wrong(const equation *e, const ll_value *value, ll_error *error, const char *what)
{
    return ll_fail(error, LL_INVALID_FILE, module, e->path, "line %d, column %d: %s", value->line,
                   value->column, what);
}

/* A list of texts; one text stands for a list of one. */
static ll_status read_texts(const equation *e, const ll_value *value, const char *key, const char **texts,
                            int64_t most, int64_t *count, ll_error *error)
{
    const ll_value *items = value->type == LL_VALUE_LIST ? value->items : value;
    *count = value->type == LL_VALUE_LIST ? value->count : 1;
    if (*count < 1 || *count > most) return wrong(e, value, error, "a list of 1 to 8 names is wanted");
    for (int64_t i = 0; i < *count; i++)
        LL_TRY(ll_value_take_text(&items[i], key, e->path, &texts[i], error));
    return LL_OK;
}

static ll_status read_integers(const equation *e, const ll_value *value, const char *key, int64_t least,
                               int64_t highest, int64_t *numbers, int64_t most, int64_t *count,
                               ll_error *error)
{
    if (value->type != LL_VALUE_LIST || value->count < 1 || value->count > most)
        return wrong(e, value, error, "a list of whole numbers is wanted");
    for (int64_t i = 0; i < value->count; i++)
        LL_TRY(ll_value_take_integer(&value->items[i], key, least, highest, e->path, &numbers[i], error));
    *count = value->count;
    return LL_OK;
}

static int64_t input_index(const equation *e, const char *name)
{
    for (int64_t i = 0; i < e->options.input_count; i++)
        if (strcmp(e->inputs[i], name) == 0) return i;
    return -1;
}

/* ---------------------------------------------------------------- the network */

static ll_status read_inputs(equation *e, const ll_value *inputs, ll_error *error)
{
    if (inputs == NULL || inputs->type != LL_VALUE_MAP || inputs->count < 1 || inputs->count > MOST_INPUTS)
        return ll_fail(error, LL_INVALID_FILE, module, e->path,
                       "inputs: a map of 1 to %d names with their ranges is wanted, as {x: [0, 1]}",
                       MOST_INPUTS);
    for (int64_t i = 0; i < inputs->count; i++) {
        const ll_value *range = &inputs->items[i];
        e->inputs[i] = inputs->keys[i].text;
        if (range->type != LL_VALUE_LIST || range->count != 2)
            return wrong(e, range, error, "a range [low, high] is wanted");
        LL_TRY(ll_value_take_real(&range->items[0], "low", -1e300, 1e300, e->path, &e->low[i], error));
        LL_TRY(ll_value_take_real(&range->items[1], "high", -1e300, 1e300, e->path, &e->high[i], error));
        if (!(e->low[i] < e->high[i])) return wrong(e, range, error, "the range is empty");
    }
    e->options.inputs = e->inputs;
    e->options.input_count = inputs->count;
    return LL_OK;
}

static ll_status read_constants(equation *e, const ll_value *map, ll_error *error)
{
    if (map == NULL) return LL_OK;
    if (map->type != LL_VALUE_MAP || map->count > MOST_CONSTANTS)
        return wrong(e, map, error, "a map of at most 64 constants is wanted");
    for (int64_t i = 0; i < map->count; i++) {
        e->constants[i].name = map->keys[i].text;
        LL_TRY(ll_value_take_real(&map->items[i], map->keys[i].text, -1e300, 1e300, e->path,
                                  &e->constants[i].value, error));
    }
    e->options.constant = e->constants;
    e->options.constants = map->count;
    return LL_OK;
}

static ll_status read_network(equation *e, const ll_value *root, ll_error *error)
{
    static const char *const fourier_keys[] = {"features", "scale", "seed"};
    ll_pinn_options *o = &e->options;
    const ll_value *fourier = ll_value_get(root, "fourier"), *hidden = ll_value_get(root, "hidden"),
                   *outputs = ll_value_get(root, "outputs");
    bool scale = false;
    o->name = "equation";
    LL_TRY(ll_value_take_text(ll_value_get(root, "name"), "name", e->path, &o->name, error));
    LL_TRY(read_inputs(e, ll_value_get(root, "inputs"), error));
    if (outputs == NULL) return wrong(e, root, error, "outputs: a list of names is wanted");
    LL_TRY(read_texts(e, outputs, "outputs", e->outputs, MOST_COLUMNS, &o->output_count, error));
    o->outputs = e->outputs;
    for (int i = 0; i < 4; i++) e->hidden[i] = 50;
    o->hidden = e->hidden;
    o->hidden_count = 4;
    if (hidden != NULL)
        LL_TRY(
            read_integers(e, hidden, "hidden", 1, 1 << 20, e->hidden, MOST_LAYERS, &o->hidden_count, error));
    LL_TRY(
        ll_value_take_text(ll_value_get(root, "activation"), "activation", e->path, &o->activation, error));
    LL_TRY(ll_value_take_boolean(ll_value_get(root, "scale"), "scale", e->path, &scale, error));
    if (scale) o->scale_low = e->low, o->scale_high = e->high;
    LL_TRY(read_constants(e, ll_value_get(root, "constants"), error));
    if (fourier == NULL) return LL_OK;
    int64_t seed = 0;
    o->fourier_scale = 1;
    LL_TRY(ll_value_check_keys(fourier, fourier_keys, 3, e->path, error));
    LL_TRY(ll_value_take_integer(ll_value_get(fourier, "features"), "features", 1, 1 << 16, e->path,
                                 &o->fourier, error));
    LL_TRY(ll_value_take_real(ll_value_get(fourier, "scale"), "scale", 0, 1e6, e->path, &o->fourier_scale,
                              error));
    LL_TRY(ll_value_take_integer(ll_value_get(fourier, "seed"), "seed", 0, INT64_MAX, e->path, &seed, error));
    o->fourier_seed = (uint64_t)seed;
    return LL_OK;
}

/* ---------------------------------------------------------------- points */

static ll_status make_table(equation *e, const char *name, int64_t count, int64_t width, double **values,
                            ll_error *error)
{
    if (count < 1 || count > MOST_SAMPLES)
        return ll_fail(error, LL_INVALID_FILE, module, e->path, "%s: %lld points; 1 to %d are wanted", name,
                       (long long)count, MOST_SAMPLES);
    *values = ll_allocate_array(count * width, sizeof **values);
    if (*values == NULL) return ll_fail_memory(error, module, (size_t)(count * width) * sizeof **values);
    e->tables[e->tables_made++] =
        (ll_pinn_samples){.term = name, .values = *values, .count = count, .width = width};
    return LL_OK;
}

/* Coordinates that are the same at every sample, as {t: 0}; the others stay NaN. */
static ll_status read_fixed(const equation *e, const ll_value *map, double *fixed, ll_error *error)
{
    for (int64_t i = 0; i < e->options.input_count; i++) fixed[i] = NAN;
    if (map == NULL) return LL_OK;
    if (map->type != LL_VALUE_MAP) return wrong(e, map, error, "fixed inputs are a map, as {t: 0}");
    for (int64_t k = 0; k < map->count; k++) {
        int64_t i = input_index(e, map->keys[k].text);
        if (i < 0) return wrong(e, &map->items[k], error, "there is no such input");
        LL_TRY(
            ll_value_take_real(&map->items[k], map->keys[k].text, -1e300, 1e300, e->path, &fixed[i], error));
    }
    return LL_OK;
}

/* Where a term is taken: fixed[p][i] for its points p; several where `at` is a map of maps. */
static ll_status read_places(equation *e, int64_t t, const ll_value *at, double fixed[][MOST_INPUTS],
                             ll_error *error)
{
    bool several =
        at != NULL && at->type == LL_VALUE_MAP && at->count > 0 && at->items[0].type == LL_VALUE_MAP;
    if (!several) return read_fixed(e, at, fixed[0], error);
    if (at->count > 4) return wrong(e, at, error, "at most 4 points a sample");
    for (int64_t p = 0; p < at->count; p++) {
        e->points[t][p] = at->keys[p].text;
        LL_TRY(read_fixed(e, &at->items[p], fixed[p], error));
    }
    e->terms[t].points = e->points[t];
    e->terms[t].point_count = at->count;
    return LL_OK;
}

/* Free inputs at random, the same at all points of a sample; or on a grid, the last input fastest. */
static ll_status place_samples(equation *e, const char *name, const ll_value *term, int64_t points,
                               double fixed[][MOST_INPUTS], ll_error *error)
{
    int64_t inputs = e->options.input_count, sizes[MOST_INPUTS], size_count = 0, count = 0;
    const ll_value *grid = ll_value_get(term, "grid"), *number = ll_value_get(term, "points");
    bool unbound[MOST_INPUTS];
    int64_t unbound_count = 0;
    for (int64_t i = 0; i < inputs; i++) {
        unbound[i] = false;
        for (int64_t p = 0; p < points; p++) unbound[i] = unbound[i] || isnan(fixed[p][i]);
        unbound_count += unbound[i];
    }
    if ((grid == NULL) == (number == NULL))
        return wrong(e, term, error, "either points: N or grid: [N, ...] is wanted");
    if (number != NULL)
        LL_TRY(ll_value_take_integer(number, "points", 1, MOST_SAMPLES, e->path, &count, error));
    if (grid != NULL) {
        LL_TRY(read_integers(e, grid, "grid", 1, MOST_SAMPLES, sizes, MOST_INPUTS, &size_count, error));
        if (size_count != unbound_count)
            return wrong(e, grid, error, "a number for each input that is not fixed is wanted");
        count = 1;
        for (int64_t i = 0; i < size_count; i++)
            if (!ll_multiply_int64(count, sizes[i], &count))
                return wrong(e, grid, error, "the grid is too large");
    }
    double *values;
    LL_TRY(make_table(e, name, count, inputs * points, &values, error));
    ll_rng rng = ll_rng_make(e->point_seed, "points", name);
    for (int64_t n = 0; n < count; n++) {
        int64_t left = n;
        for (int64_t i = inputs - 1, axis = size_count - 1; i >= 0; i--) {
            double share = ll_rng_uniform(rng, (uint64_t)(n * inputs + i));
            if (grid != NULL && unbound[i]) {
                share = sizes[axis] > 1 ? (double)(left % sizes[axis]) / (double)(sizes[axis] - 1) : 0.0;
                left /= sizes[axis--];
            }
            for (int64_t p = 0; p < points; p++)
                values[(n * points + p) * inputs + i] =
                    isnan(fixed[p][i]) ? (1.0 - share) * e->low[i] + share * e->high[i] : fixed[p][i];
        }
    }
    return LL_OK;
}

/* A file of columns: one for each input, and further ones by name (all, or those of `wanted`). */
static ll_status read_columns(equation *e, const char *name, const char *path, int64_t slot,
                              const char **extra, int64_t *extra_count, bool all, ll_error *error)
{
    const ll_tensor *columns[MOST_INPUTS + MOST_COLUMNS];
    int64_t inputs = e->options.input_count, rows = 0;
    LL_TRY(ll_tensor_file_read(path, e->limits, &e->files[slot], error));
    const ll_tensor_file *file = e->files[slot];
    for (int64_t i = 0; all && i < ll_tensor_file_count(file); i++) {
        const char *column = ll_tensor_file_tensor(file, i)->name;
        if (input_index(e, column) >= 0) continue;
        if (*extra_count == MOST_COLUMNS)
            return ll_fail(error, LL_TOO_LARGE, module, path, "more than %d columns of data", MOST_COLUMNS);
        extra[(*extra_count)++] = column;
    }
    int64_t width = inputs + *extra_count;
    for (int64_t c = 0; c < width; c++) {
        const char *column = c < inputs ? e->inputs[c] : extra[c - inputs];
        columns[c] = ll_tensor_file_find(file, column);
        if (columns[c] == NULL)
            return ll_fail(error, LL_NOT_FOUND, module, path, "there is no column \"%s\"", column);
        if (c == 0) rows = ll_tensor_count(columns[c]);
        if (ll_tensor_count(columns[c]) != rows)
            return ll_fail(error, LL_INVALID_FILE, module, path,
                           "column \"%s\" has %lld numbers; \"%s\" has %lld", column,
                           (long long)ll_tensor_count(columns[c]), e->inputs[0], (long long)rows);
    }
    double *values;
    LL_TRY(make_table(e, name, rows, width, &values, error));
    for (int64_t n = 0; n < rows; n++) {
        for (int64_t c = 0; c < width; c++) {
            values[n * width + c] = ll_tensor_get(columns[c], n);
            if (!isfinite(values[n * width + c]))
                return ll_fail(error, LL_INVALID_FILE, module, path,
                               "column \"%s\" is not finite in row %lld",
                               c < inputs ? e->inputs[c] : extra[c - inputs], (long long)n);
        }
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- terms */

static ll_status read_term(equation *e, const ll_value *value, int64_t t, ll_error *error)
{
    static const char *const keys[] = {"name", "residual", "weight", "points", "grid", "at", "file"};
    ll_pinn_term *term = &e->terms[t];
    double fixed[4][MOST_INPUTS];
    const char *path = NULL;
    LL_TRY(ll_value_check_keys(value, keys, 7, e->path, error));
    *term = (ll_pinn_term){.weight = 1.0};
    LL_TRY(ll_value_take_text(ll_value_get(value, "name"), "name", e->path, &term->name, error));
    LL_TRY(ll_value_take_text(ll_value_get(value, "residual"), "residual", e->path, &term->residual, error));
    LL_TRY(ll_value_take_text(ll_value_get(value, "file"), "file", e->path, &path, error));
    LL_TRY(
        ll_value_take_real(ll_value_get(value, "weight"), "weight", 0, 1e300, e->path, &term->weight, error));
    if (term->name == NULL || term->residual == NULL)
        return wrong(e, value, error, "a term has a name and a residual");
    for (int64_t other = 0; other < t; other++)
        if (strcmp(e->terms[other].name, term->name) == 0)
            return wrong(e, value, error, "two terms have this name");
    if (path == NULL) {
        LL_TRY(read_places(e, t, ll_value_get(value, "at"), fixed, error));
        return place_samples(e, term->name, value, term->point_count > 0 ? term->point_count : 1, fixed,
                             error);
    }
    if (ll_value_get(value, "at") != NULL || ll_value_get(value, "points") != NULL ||
        ll_value_get(value, "grid") != NULL)
        return wrong(e, value, error, "the points are those of the file: no at, points or grid");
    LL_TRY(read_columns(e, term->name, path, t, e->data[t], &term->data_count, true, error));
    term->data = e->data[t];
    return LL_OK;
}

/* {u: EXPRESSION, grid: [..]} for every output, or {file: FILE} with a column for each. */
static ll_status read_reference(equation *e, const ll_value *reference, ll_error *error)
{
    ll_pinn_options *o = &e->options;
    double fixed[1][MOST_INPUTS];
    const char *path = NULL;
    if (reference == NULL) return LL_OK;
    if (reference->type != LL_VALUE_MAP)
        return wrong(e, reference, error,
                     "a map is wanted: an expression for each output and a grid, or a file");
    o->reference = true;
    LL_TRY(ll_value_take_text(ll_value_get(reference, "file"), "file", e->path, &path, error));
    if (path != NULL) {
        int64_t count = o->output_count;
        return read_columns(e, "reference", path, MOST_TERMS, e->outputs, &count, false, error);
    }
    for (int64_t i = 0; i < o->output_count; i++) {
        LL_TRY(ll_value_take_text(ll_value_get(reference, e->outputs[i]), e->outputs[i], e->path,
                                  &e->expressions[i], error));
        if (e->expressions[i] == NULL)
            return wrong(e, reference, error, "an expression for each output is wanted, or a file");
    }
    o->reference_expression = e->expressions;
    LL_TRY(read_fixed(e, NULL, fixed[0], error));
    return place_samples(e, "reference", reference, 1, fixed, error);
}

static ll_status read_all(equation *e, const ll_value *root, ll_model **model, ll_error *error)
{
    static const char *const keys[] = {"name",  "inputs",  "outputs",   "hidden", "activation",
                                       "scale", "fourier", "constants", "terms",  "reference"};
    if (root->type != LL_VALUE_MAP)
        return wrong(e, root, error, "a map with inputs, outputs and terms is wanted");
    LL_TRY(ll_value_check_keys(root, keys, 10, e->path, error));
    LL_TRY(read_network(e, root, error));
    const ll_value *terms = ll_value_get(root, "terms");
    if (terms == NULL || terms->type != LL_VALUE_LIST || terms->count < 1 || terms->count > MOST_TERMS)
        return ll_fail(error, LL_INVALID_FILE, module, e->path, "terms: a list of 1 to %d terms is wanted",
                       MOST_TERMS);
    e->tables = ll_allocate_zeroed((MOST_TERMS + 1) * sizeof *e->tables);
    if (e->tables == NULL) return ll_fail_memory(error, module, (MOST_TERMS + 1) * sizeof *e->tables);
    for (int64_t t = 0; t < terms->count; t++) LL_TRY(read_term(e, &terms->items[t], t, error));
    e->options.term = e->terms;
    e->options.terms = terms->count;
    LL_TRY(read_reference(e, ll_value_get(root, "reference"), error));
    return ll_pinn_create(&e->options, model, error);
}

ll_status equation_read(const char *path, const ll_format_limits *limits, ll_dtype dtype, uint64_t point_seed,
                        ll_model **model, ll_pinn_samples **tables, int64_t *count, ll_error *error)
{
    ll_document *document;
    LL_TRY(ll_document_read(path, limits, &document, error));
    equation *e = ll_allocate_zeroed(sizeof *e);
    ll_model *made = NULL;
    ll_status status = LL_OK;
    if (e == NULL) {
        status = ll_fail_memory(error, module, sizeof *e);
    } else {
        *e =
            (equation){.path = path, .limits = limits, .point_seed = point_seed, .options = {.dtype = dtype}};
        status = read_all(e, ll_document_root(document), &made, error);
    }
    if (status == LL_OK) {
        const ll_model_info *info = ll_model_view(made);
        for (int64_t t = 0; t < e->tables_made; t++) e->tables[t].term = info->term[t].name;
        *model = made;
        *tables = e->tables;
        *count = e->tables_made;
    } else if (e != NULL) {
        equation_free_tables(e->tables, e->tables_made);
    }
    for (int i = 0; e != NULL && i <= MOST_TERMS; i++) ll_tensor_file_destroy(e->files[i]);
    ll_free(e);
    ll_document_destroy(document);
    return status;
}
