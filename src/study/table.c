#include "losslens/study_table.h"

#include "losslens/study.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_LIMIT = 64 };

static ll_status no_memory(ll_error *error) { return ll_fail_memory(error, "study", 0); }

void ll_number_table_deinit(ll_number_table *table)
{
    ll_arena_destroy(table->memory);
    *table = (ll_number_table){0};
}

/* ---------------------------------------------------------------- one number of every model */

/* value and its own error [models]; true if any model has it. */
typedef struct column {
    const char *name;
    double *value, *error;
} column;

static bool any_finite(const double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (isfinite(values[i])) return true;
    return false;
}

static double pair_number(const ll_overview_pair *pair, const char *name)
{
    if (strcmp(name, "mc_loss") == 0) return pair->mc_loss;
    if (strcmp(name, "mc_error") == 0) return pair->mc_error;
    if (strcmp(name, "barrier") == 0) return pair->barrier;
    return pair->relative_barrier;
}

enum { PAIR_NAMES = 4 };
static const char *const pair_names[PAIR_NAMES] = {"mc_loss", "mc_error", "barrier", "relative_barrier"};

/* Mean over the pairs that a model is an end of. */
static ll_status fill_pairs(const ll_overview *o, column *c, ll_error *error)
{
    int64_t *count = ll_allocate_array(o->model_count + 1, sizeof *count);
    if (count == NULL) return no_memory(error);
    memset(count, 0, (size_t)(o->model_count + 1) * sizeof *count);
    for (int64_t m = 0; m < o->model_count; m++) c->value[m] = 0.0;
    for (int64_t p = 0; p < o->pair_count; p++) {
        double number = pair_number(&o->pairs[p], c->name);
        if (!isfinite(number)) continue;
        const int64_t ends[2] = {o->pairs[p].a, o->pairs[p].b};
        for (int k = 0; k < 2; k++) {
            c->value[ends[k]] += number;
            count[ends[k]]++;
        }
    }
    for (int64_t m = 0; m < o->model_count; m++)
        c->value[m] = count[m] > 0 ? c->value[m] / (double)count[m] : NAN;
    ll_free(count);
    return LL_OK;
}

/* KIND.FIELD: the number of each model's first result of that kind. */
static ll_status fill_record(ll_store *store, const ll_overview *o, column *c, const char *dot,
                             ll_error *error)
{
    char kind[64];
    size_t length = (size_t)(dot - c->name);
    if (length >= sizeof kind) return LL_OK;
    memcpy(kind, c->name, length);
    kind[length] = 0;
    const ll_store_filter filter = {.kind = kind};
    const char *const field[] = {dot + 1};
    ll_store_numbers numbers;
    LL_TRY(ll_store_read_numbers(store, &filter, field, 1, &numbers, error));
    for (int64_t m = 0; m < o->model_count; m++) {
        int64_t id = ll_overview_record_of(&o->models[m], kind);
        for (int64_t i = 0; id != LL_NO_RECORD && i < numbers.count; i++)
            if (numbers.ids[i] == id) c->value[m] = numbers.values[i];
    }
    ll_store_numbers_deinit(&numbers);
    return LL_OK;
}

/* setting.KEY: what the study file says of the model's group, where that is a number. */
static ll_status fill_setting(ll_store *store, const ll_overview *o, column *c, const char *key,
                              ll_error *error)
{
    ll_study *study;
    ll_error none = {0};
    ll_status status = ll_study_of_store(store, &study, &none);
    if (status == LL_NOT_FOUND || status == LL_INVALID_FILE)
        return LL_OK; /* a file without a study: no settings */
    if (status != LL_OK) return ll_fail(error, status, "study", none.place, "%s", none.message);
    for (int64_t g = 0; g < ll_study_group_count(study); g++) {
        const ll_study_group *group = ll_study_group_at(study, g);
        int64_t at = ll_overview_find_group(o, group->name);
        for (int64_t k = 0; k < group->settings && at >= 0; k++) {
            char *end;
            double value = strtod(group->setting[k].value, &end);
            if (strcmp(group->setting[k].key, key) != 0 || end == group->setting[k].value || *end != 0)
                continue;
            for (int64_t m = 0; m < o->model_count; m++)
                if (o->models[m].group == at) c->value[m] = value;
        }
    }
    ll_study_destroy(study);
    return LL_OK;
}

static ll_status fill_column(ll_store *store, const ll_overview *o, column *c, bool *found, ll_error *error)
{
    const char *dot = strchr(c->name, '.');
    for (int64_t m = 0; m < o->model_count; m++) c->value[m] = c->error[m] = NAN;
    if (strcmp(c->name, "lambda_1") == 0) {
        for (int64_t m = 0; m < o->model_count; m++)
            if (o->models[m].eigenvalue_count > 0) c->value[m] = o->models[m].eigenvalues[0];
    } else if (strcmp(c->name, "trace") == 0) {
        for (int64_t m = 0; m < o->model_count; m++) {
            c->value[m] = o->models[m].trace;
            c->error[m] = o->models[m].trace_standard_error;
        }
    } else if (strncmp(c->name, "setting.", 8) == 0) {
        LL_TRY(fill_setting(store, o, c, c->name + 8, error));
    } else if (dot != NULL) {
        LL_TRY(fill_record(store, o, c, dot, error));
    } else {
        bool is_pair = false;
        for (int k = 0; k < PAIR_NAMES; k++) is_pair = is_pair || strcmp(c->name, pair_names[k]) == 0;
        if (is_pair) LL_TRY(fill_pairs(o, c, error));
        for (int64_t k = 0; k < o->metric_count && !is_pair; k++) {
            if (strcmp(o->metrics[k].name, c->name) != 0) continue;
            for (int64_t m = 0; m < o->model_count; m++) c->value[m] = o->models[m].metrics[k];
        }
    }
    *found = any_finite(c->value, o->model_count);
    return LL_OK;
}

/* ---------------------------------------------------------------- the table */

/* What is tried when nothing is named. */
static int usual_names(const ll_overview *o, const char *names[COLUMNS_LIMIT])
{
    enum { OTHERS = 9 };
    static const char *const others[OTHERS] = {
        "lambda_1",         "trace",           "mc_loss",          "mc_error",
        "relative_barrier", "topology.minima", "topology.saddles", "topology.mean_persistence",
        "topology.smad"};
    int count = 0;
    for (int64_t k = 0; k < o->metric_count && count < COLUMNS_LIMIT - OTHERS; k++)
        names[count++] = o->metrics[k].name;
    for (int k = 0; k < OTHERS; k++) names[count++] = others[k];
    return count;
}

static ll_status unknown(const ll_overview *o, const char *name, ll_error *error)
{
    const char *names[COLUMNS_LIMIT];
    int count = usual_names(o, names);
    const char *near = ll_nearest_word(name, names, count);
    return ll_fail(error, LL_NOT_FOUND, "study", name,
                   "no model has this number%s%s; wanted a metric, lambda_1, trace, mc_loss, "
                   "mc_error, barrier, relative_barrier, setting.KEY, or KIND.FIELD like topology.minima",
                   near != NULL ? "; did you mean " : "", near != NULL ? near : "");
}

/* Mean and standard deviation over the members of each group, or the models as they are. */
static void fill_rows(const ll_overview *o, const column *c, int64_t at, ll_number_table *t)
{
    for (int64_t r = 0; r < t->rows; r++) {
        double sum = 0.0, squares = 0.0;
        int64_t n = 0, cell = r * t->columns + at;
        if (!t->by_group) {
            t->mean[cell] = c->value[r];
            t->spread[cell] = c->error[r];
            t->count[cell] = isfinite(c->value[r]);
            continue;
        }
        for (int64_t m = 0; m < o->model_count; m++) {
            if (o->models[m].group != r || !isfinite(c->value[m])) continue;
            sum += c->value[m];
            n++;
        }
        double mean = n > 0 ? sum / (double)n : NAN;
        for (int64_t m = 0; m < o->model_count; m++)
            if (o->models[m].group == r && isfinite(c->value[m]))
                squares += (c->value[m] - mean) * (c->value[m] - mean);
        t->mean[cell] = mean;
        t->spread[cell] = n > 1 ? sqrt(squares / (double)(n - 1)) : NAN;
        t->count[cell] = n;
    }
}

ll_status ll_number_table_make(ll_store *store, const ll_overview *o, const char *const *names, int count,
                               bool by_group, ll_number_table *table, ll_error *error)
{
    const char *usual[COLUMNS_LIMIT];
    bool named = count > 0;
    if (!named) {
        count = usual_names(o, usual);
        names = usual;
    }
    if (count > COLUMNS_LIMIT)
        return ll_fail(error, LL_TOO_LARGE, "study", NULL, "at most %d columns", COLUMNS_LIMIT);
    ll_number_table t = {.by_group = by_group,
                         .rows = by_group ? o->group_count : o->model_count,
                         .memory = ll_arena_create(4096)};
    if (t.memory == NULL) return no_memory(error);
    size_t models = (size_t)(o->model_count + 1) * sizeof(double);
    column columns[COLUMNS_LIMIT];
    ll_status status = LL_OK;
    for (int i = 0; i < count && status == LL_OK; i++) {
        bool found = false;
        column c = {.name = ll_arena_text(t.memory, names[i]),
                    .value = ll_arena_allocate(t.memory, models),
                    .error = ll_arena_allocate(t.memory, models)};
        status = c.name != NULL && c.value != NULL && c.error != NULL
                     ? fill_column(store, o, &c, &found, error)
                     : no_memory(error);
        if (status == LL_OK && found) columns[t.columns++] = c;
        if (status == LL_OK && !found && named) status = unknown(o, names[i], error);
    }
    size_t cells = (size_t)(t.rows * t.columns + 1);
    t.row_names = ll_arena_allocate(t.memory, (size_t)(t.rows + 1) * sizeof *t.row_names);
    t.column_names = ll_arena_allocate(t.memory, (size_t)(t.columns + 1) * sizeof *t.column_names);
    t.mean = ll_arena_allocate(t.memory, cells * sizeof *t.mean);
    t.spread = ll_arena_allocate(t.memory, cells * sizeof *t.spread);
    t.count = ll_arena_allocate(t.memory, cells * sizeof *t.count);
    if (status == LL_OK && (t.row_names == NULL || t.column_names == NULL || t.mean == NULL ||
                            t.spread == NULL || t.count == NULL))
        status = no_memory(error);
    for (int64_t r = 0; r < t.rows && status == LL_OK; r++) {
        t.row_names[r] = ll_arena_text(t.memory, by_group ? o->groups[r].name : o->models[r].name);
        if (t.row_names[r] == NULL) status = no_memory(error);
    }
    for (int64_t i = 0; i < t.columns && status == LL_OK; i++) {
        t.column_names[i] = columns[i].name;
        fill_rows(o, &columns[i], i, &t);
    }
    if (status != LL_OK) {
        ll_number_table_deinit(&t);
        return status;
    }
    *table = t;
    return LL_OK;
}

/* ---------------------------------------------------------------- text */

/* How a number is put together in a format. */
static const struct {
    const char *open, *plus_minus, *power, *end_power, *close, *none, *infinite;
} styles[] = {
    [LL_TABLE_TEXT] = {"", " ± ", "e", "", "", "–", "inf"},
    [LL_TABLE_CSV] = {"", " ± ", "e", "", "", "", "inf"},
    [LL_TABLE_MARKDOWN] = {"", " ± ", "e", "", "", "–", "∞"},
    [LL_TABLE_LATEX] = {"$", " \\pm ", " \\times 10^{", "}", "$", "--", "\\infty"},
    [LL_TABLE_HTML] = {"", " ± ", " × 10<sup>", "</sup>", "", "–", "∞"},
};

/* A number alone, to four digits: from 1e-3 to 1e6 as it is. */
static void print_alone(double value, ll_table_format format, char *text, size_t size)
{
    double magnitude = fabs(value);
    if (value == 0.0 || (magnitude >= 1e-3 && magnitude < 1e6)) {
        snprintf(text, size, magnitude >= 1e4 ? "%s%.0f%s" : "%s%.4g%s", styles[format].open, value,
                 styles[format].close);
        return;
    }
    int power = (int)floor(log10(magnitude));
    double scaled = value / pow(10.0, power);
    if (fabs(scaled) >= 9.9995) scaled = value / pow(10.0, ++power);
    snprintf(text, size, "%s%.4g%s%d%s%s", styles[format].open, scaled, styles[format].power, power,
             styles[format].end_power, styles[format].close);
}

void ll_number_print(double value, double spread, ll_table_format format, char *text, size_t size)
{
    if (isnan(value)) {
        snprintf(text, size, "%s", styles[format].none);
        return;
    }
    if (isinf(value)) {
        snprintf(text, size, "%s%s%s%s", styles[format].open, value < 0.0 ? "-" : "", styles[format].infinite,
                 styles[format].close);
        return;
    }
    if (!isfinite(spread) || spread <= 0.0) {
        print_alone(value, format, text, size);
        return;
    }
    int place = (int)floor(log10(spread)); /* of the last digit that is kept */
    if (spread / pow(10.0, place) < 1.95) place--;
    double unit = pow(10.0, place), largest = fmax(fabs(value), spread);
    if (largest >= 1e5 || largest < 1e-3) {
        int power = (int)floor(log10(largest)), digits = power - place > 0 ? power - place : 0;
        double scale = pow(10.0, power);
        snprintf(text, size, "%s(%.*f%s%.*f)%s%d%s%s", styles[format].open, digits, value / scale,
                 styles[format].plus_minus, digits, spread / scale, styles[format].power, power,
                 styles[format].end_power, styles[format].close);
        return;
    }
    int decimals = place < 0 ? -place : 0;
    snprintf(text, size, "%s%.*f%s%.*f%s", styles[format].open, decimals,
             place > 0 ? round(value / unit) * unit : value, styles[format].plus_minus, decimals,
             place > 0 ? round(spread / unit) * unit : spread, styles[format].close);
}

/* Columns on a screen, not bytes. */
static int64_t screen_width(const char *text)
{
    int64_t width = 0;
    for (; *text != 0; text++) width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static void pad(ll_text *out, int64_t count)
{
    for (int64_t i = 0; i < count; i++) ll_text_append(out, " ");
}

/* Text that may stand in the format: what has a meaning there is escaped. */
static void escape(ll_text *out, ll_table_format format, const char *text)
{
    for (const char *c = text; *c != 0; c++) {
        const char *instead = NULL;
        /* Long names of groups and numbers may be broken where they are put together. */
        bool joint = c > text && (*c == '/' || c[-1] == '(' || c[-1] == '.');
        if (format == LL_TABLE_HTML && joint) ll_text_append(out, "<wbr>");
        if (format == LL_TABLE_LATEX) {
            instead = *c == '\\'  ? "\\textbackslash{}"
                      : *c == '~' ? "\\textasciitilde{}"
                      : *c == '^' ? "\\textasciicircum{}"
                                  : NULL;
            if (strchr("_&%#${}", *c) != NULL) ll_text_append(out, "\\");
        } else if (format == LL_TABLE_MARKDOWN && *c == '|') {
            ll_text_append(out, "\\");
        } else if (format == LL_TABLE_HTML) {
            instead = *c == '<'   ? "&lt;"
                      : *c == '>' ? "&gt;"
                      : *c == '&' ? "&amp;"
                      : *c == '"' ? "&quot;"
                                  : NULL;
        } else if (format == LL_TABLE_CSV && *c == '"') {
            ll_text_append(out, "\"");
        }
        if (instead != NULL) ll_text_append(out, instead);
        else ll_text_append_bytes(out, c, 1);
    }
}

static void cell_text(const ll_number_table *t, ll_table_format format, int64_t r, int64_t c, char text[128])
{
    int64_t cell = r * t->columns + c;
    ll_number_print(t->mean[cell], t->spread[cell], format, text, 128);
}

static void write_text(const ll_number_table *t, ll_text *out)
{
    char cell[128];
    int64_t names = 0;
    for (int64_t r = 0; r < t->rows; r++) names = ll_max_int64(names, screen_width(t->row_names[r]));
    for (int64_t r = -1; r < t->rows; r++) {
        const char *name = r < 0 ? (t->by_group ? "group" : "model") : t->row_names[r];
        names = ll_max_int64(names, 5);
        ll_text_append(out, name);
        pad(out, names - screen_width(name));
        for (int64_t c = 0; c < t->columns; c++) {
            int64_t width = screen_width(t->column_names[c]);
            for (int64_t k = 0; k < t->rows; k++) {
                cell_text(t, LL_TABLE_TEXT, k, c, cell);
                width = ll_max_int64(width, screen_width(cell));
            }
            if (r < 0) snprintf(cell, sizeof cell, "%s", t->column_names[c]);
            else cell_text(t, LL_TABLE_TEXT, r, c, cell);
            pad(out, 2 + width - screen_width(cell));
            ll_text_append(out, cell);
        }
        ll_text_append(out, "\n");
    }
    if (t->by_group) ll_text_append(out, "mean ± standard deviation over the members\n");
}

static void write_csv(const ll_number_table *t, ll_text *out)
{
    ll_text_append(out, t->by_group ? "group" : "model");
    for (int64_t c = 0; c < t->columns; c++)
        ll_text_format(out, ",%s,%s_%s,%s_n", t->column_names[c], t->column_names[c],
                       t->by_group ? "sd" : "error", t->column_names[c]);
    for (int64_t r = 0; r < t->rows; r++) {
        ll_text_append(out, "\n\"");
        escape(out, LL_TABLE_CSV, t->row_names[r]);
        ll_text_append(out, "\"");
        for (int64_t c = 0; c < t->columns; c++) {
            int64_t cell = r * t->columns + c;
            const double numbers[2] = {t->mean[cell], t->spread[cell]};
            for (int k = 0; k < 2; k++) {
                if (isnan(numbers[k])) ll_text_append(out, ",");
                else ll_text_format(out, ",%.17g", numbers[k]);
            }
            ll_text_format(out, ",%lld", (long long)t->count[cell]);
        }
    }
    ll_text_append(out, "\n");
}

/* Marks around rows and cells of the other formats. */
typedef struct marks {
    const char *open, *row, *cell, *head_cell, *between, *end_cell, *end_head, *end_row, *after_head, *close;
} marks;

/* On a page, a few rows of many numbers stand upright: a line a number, which is read without scrolling sideways. */
static bool is_upright(const ll_number_table *t, ll_table_format format)
{
    enum { MOST_ROWS = 12 };
    return format == LL_TABLE_HTML && t->rows <= MOST_ROWS && t->columns > t->rows;
}

static void write_marked(const ll_number_table *t, ll_table_format format, const marks *m, ll_text *out)
{
    bool upright = is_upright(t, format);
    int64_t lines = upright ? t->columns : t->rows, cells = upright ? t->rows : t->columns;
    const char **line_names = upright ? t->column_names : t->row_names;
    const char **cell_names = upright ? t->row_names : t->column_names;
    const char *corner = upright ? "" : t->by_group ? "group" : "model";
    ll_text_append(out, m->open);
    for (int64_t line = -1; line < lines; line++) {
        ll_text_append(out, m->row);
        for (int64_t k = -1; k < cells; k++) {
            char cell[128];
            bool head = line < 0 || k < 0;
            ll_text_append(out, head ? m->head_cell : m->cell);
            if (head) {
                escape(out, format, k >= 0 ? cell_names[k] : line >= 0 ? line_names[line] : corner);
            } else {
                cell_text(t, format, upright ? k : line, upright ? line : k, cell);
                ll_text_append(out, cell);
            }
            ll_text_append(out, head ? m->end_head : m->end_cell);
            if (k + 1 < cells) ll_text_append(out, m->between);
        }
        ll_text_append(out, m->end_row);
        if (line < 0 && m->after_head != NULL) {
            ll_text_append(out, m->after_head);
            for (int64_t c = 0; format == LL_TABLE_MARKDOWN && c <= cells; c++)
                ll_text_append(out, c == 0 ? "|---|" : "---:|");
            if (format == LL_TABLE_MARKDOWN) ll_text_append(out, "\n");
        }
    }
    ll_text_append(out, m->close);
}

void ll_number_table_write(const ll_number_table *t, ll_table_format format, ll_text *out)
{
    static const marks markdown = {"", "| ", "", "", " | ", "", "", " |\n", "", ""};
    static const marks html = {"<table>\n", "<tr>",  "<td>",    "<th>", "",
                               "</td>",     "</th>", "</tr>\n", NULL,   "</table>\n"};
    if (format == LL_TABLE_TEXT) {
        write_text(t, out);
    } else if (format == LL_TABLE_CSV) {
        write_csv(t, out);
    } else if (format == LL_TABLE_MARKDOWN) {
        write_marked(t, format, &markdown, out);
    } else if (format == LL_TABLE_HTML) {
        write_marked(t, format, &html, out);
    } else {
        ll_text open = {0};
        ll_text_append(&open, "\\begin{tabular}{l");
        for (int64_t c = 0; c < t->columns; c++) ll_text_append(&open, "r");
        ll_text_append(&open, "}\n\\toprule\n");
        const marks latex = {
            open.failed ? "" : open.text,    "", "", "", " & ", "", "", " \\\\\n", "\\midrule\n",
            "\\bottomrule\n\\end{tabular}\n"};
        write_marked(t, format, &latex, out);
        ll_text_deinit(&open);
    }
}
