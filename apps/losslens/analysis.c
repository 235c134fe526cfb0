#define _POSIX_C_SOURCE 200809L

#include "analysis.h"
#include "json.h"

#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------ which samples */

static ll_status open_with(const ll_setup_flags *flags, ll_setup **setup, ll_error *error)
{
    ll_setup_role roles[2] = {ll_setup_flags_evaluate(flags)};
    roles[1] =
        (ll_setup_role){.role = "calibrate",
                        .choice = {.split = LL_SPLIT_TRAIN, .count = 1000, .seed = (uint64_t)flags->seed},
                        .optional = true};
    return ll_setup_flags_open(flags, roles, flags->problem != NULL ? 0 : 2, setup, error);
}

ll_status ll_analysis_open(const ll_setup_flags *flags, int64_t most, ll_setup **setup, ll_error *error)
{
    ll_setup *opened = NULL;
    LL_TRY(open_with(flags, &opened, error));
    const int64_t *indices;
    int64_t count = 0;
    if (most > 0 && flags->samples == 0 && flags->problem == NULL &&
        ll_problem_role(ll_setup_problem(opened), "evaluate", 0, &indices, &count, NULL) == LL_OK &&
        count > most) {
        ll_setup_flags fewer = *flags;
        fewer.samples = most;
        ll_setup_destroy(opened);
        opened = NULL;
        LL_TRY(open_with(&fewer, &opened, error));
    }
    *setup = opened;
    return LL_OK;
}

int64_t ll_analysis_samples(const ll_problem *problem, ll_samples *lists)
{
    const ll_problem_info *info = ll_problem_view(problem);
    for (int64_t t = 0; t < info->terms && t < LL_ANALYSIS_TERMS; t++) {
        const int64_t *indices;
        int64_t count;
        lists[t] = (ll_samples){NULL, info->term[t].samples};
        if ((info->capabilities & LL_CAN_SUBSETS) != 0 &&
            ll_problem_role(problem, "evaluate", t, &indices, &count, NULL) == LL_OK)
            lists[t] = (ll_samples){indices, count};
    }
    return lists[0].count;
}

/* ------------------------------------------------------------------ sink */

/* How many arguments an option that leaves the numbers as they are takes, itself included; 0: it is none. The
 * other options, words and files make the identity of kept pieces. */
static int changes_nothing(const char *argument)
{
    static const struct {
        const char *name;
        int arguments;
    } options[] = {{"pieces", 2},     {"threads", 2}, {"memory", 2},    {"figure", 2},  {"width", 2},
                   {"height", 2},     {"dpi", 2},     {"levels", 2},    {"vmin", 2},    {"font-size", 2},
                   {"vmax", 2},       {"scale", 2},   {"camera", 2},    {"columns", 2}, {"json", 1},
                   {"colormap", 2},   {"quiet", 1},   {"fractions", 1}, {"letters", 1}, {"own-scales", 1},
                   {"no-colorbar", 1}};
    if (strncmp(argument, "--", 2) != 0) return 0;
    for (int i = 0; i < LL_COUNT(options); i++) {
        size_t length = strlen(options[i].name);
        if (strncmp(argument + 2, options[i].name, length) != 0) continue;
        if (argument[2 + length] == '=') return 1;
        if (argument[2 + length] == 0) return options[i].arguments;
    }
    return 0;
}

/* A file given by name counts with its size and its beginning, so that another one of the same name is told
 * apart. */
static void add_file(const char *path, ll_hasher *hasher)
{
    struct stat about;
    unsigned char start[65536];
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) return;
    int64_t size = (int64_t)about.st_size;
    ll_hasher_add(hasher, &size, sizeof size);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return;
    ll_hasher_add(hasher, start, fread(start, 1, sizeof start, file));
    fclose(file);
}

/* "hessian 3f02..." for this command line. */
static ll_status identity_of(const char *verb, int argc, char **argv, ll_text *identity, ll_error *error)
{
    ll_hasher *hasher = ll_hasher_create();
    if (hasher == NULL) return ll_fail_memory(error, "losslens", 1024);
    for (int i = 1; i < argc; i++) {
        int skipped = changes_nothing(argv[i]);
        if (skipped > 0) {
            i += skipped - 1;
            continue;
        }
        ll_hasher_add(hasher, argv[i], strlen(argv[i]) + 1);
        add_file(argv[i], hasher);
    }
    char text[33];
    ll_hash_text(ll_hasher_value(hasher), text);
    ll_hasher_destroy(hasher);
    ll_text_format(identity, "%s %s", verb, text);
    return identity->failed ? ll_fail_memory(error, "losslens", 64) : LL_OK;
}

ll_status ll_analysis_sink_init(ll_analysis_sink *watch, const char *folder, bool quiet, int argc,
                                char **argv, ll_error *error)
{
    *watch = (ll_analysis_sink){.folder = folder};
    if (folder != NULL) {
        ll_text identity = {0};
        ll_status status = identity_of(argv[0], argc, argv, &identity, error);
        if (status == LL_OK) status = ll_file_sink_create(folder, identity.text, NULL, &watch->files, error);
        ll_text_deinit(&identity);
        LL_TRY(status);
        watch->pieces = ll_file_sink_view(watch->files);
    }
    ll_progress_begin(&watch->line, quiet, 0.0);
    watch->sink = ll_progress_sink(&watch->line, watch->files != NULL ? &watch->pieces : NULL);
    return LL_OK;
}

void ll_analysis_sink_end(ll_analysis_sink *watch)
{
    const char *stopped = ll_progress_stopped(&watch->line);
    ll_progress_end(&watch->line);
    if (stopped != NULL && watch->files != NULL)
        fprintf(stderr, "%s; what is done lies in %s: the same command continues\n", stopped, watch->folder);
    ll_file_sink_destroy(watch->files);
    watch->files = NULL;
}

/* ------------------------------------------------------------------ records */

static void add_array(ll_json *json, const ll_array *array, int axis, int64_t *next)
{
    ll_json_open(json, '[');
    for (int64_t i = 0; i < array->shape[axis]; i++)
        if (axis + 1 < array->rank) add_array(json, array, axis + 1, next);
        else ll_json_number(json, ll_array_get(array, (*next)++));
    ll_json_close(json, ']');
}

void ll_analysis_add_fields(ll_json *json, const ll_record *record, int64_t most)
{
    for (int64_t i = 0; i < ll_record_field_count(record); i++) {
        const ll_field *field = ll_record_field_at(record, i);
        int64_t next = 0;
        ll_json_key(json, field->name);
        if (field->type == LL_FIELD_INTEGER) ll_json_integer(json, field->integer);
        else if (field->type == LL_FIELD_REAL) ll_json_number(json, field->real);
        else if (field->type == LL_FIELD_TEXT) ll_json_text(json, field->text);
        else if (ll_array_count(&field->array) <= most && field->array.rank > 0)
            add_array(json, &field->array, 0, &next);
        else {
            ll_json_open(json, '{');
            ll_json_key(json, "shape");
            ll_json_open(json, '[');
            for (int axis = 0; axis < field->array.rank; axis++)
                ll_json_integer(json, field->array.shape[axis]);
            ll_json_close(json, ']');
            ll_json_close(json, '}');
        }
    }
}

bool ll_analysis_print_json(const ll_record *record, int64_t most, const char *notes)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "kind", ll_record_kind(record));
    ll_analysis_add_fields(&json, record, most);
    if (notes != NULL && notes[0] != 0) ll_json_add_text(&json, "notes", notes);
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static void name_scale(ll_panel *panel, char label[64])
{
    snprintf(label, 64, "%.40s (log scale)", panel->value_label != NULL ? panel->value_label : "value");
    panel->value_label = label;
}

ll_status ll_analysis_draw(const char *path, const char *view, const ll_record *const *records,
                           const char *const *titles, int64_t count, const ll_record_panel_options *how,
                           const ll_figure_options *options, ll_error *error)
{
    ll_view chosen;
    if (!ll_view_parse(view, &chosen))
        return ll_fail(error, LL_NOT_FOUND, "losslens", view, "there is no such view");
    ll_record_panel *made = ll_allocate_zeroed((size_t)count * sizeof *made);
    ll_panel *panels = ll_allocate_zeroed((size_t)count * sizeof *panels);
    char(*labels)[64] = ll_allocate_zeroed((size_t)count * sizeof *labels);
    ll_status status = made == NULL || panels == NULL || labels == NULL
                           ? ll_fail_memory(error, "losslens", (size_t)count * sizeof *made)
                           : LL_OK;
    static const ll_scale_type log_scale = LL_SCALE_LOG;
    bool log = false; /* one that needs it takes the others along: panels share their range */
    int64_t done = 0;
    for (; done < count && status == LL_OK; done++) {
        status = ll_record_panel_create(chosen, records[done], titles != NULL ? titles[done] : NULL, how,
                                        &made[done], error);
        if (status != LL_OK) break;
        panels[done] = made[done].panel;
        log = log || (panels[done].scale != NULL && *panels[done].scale == LL_SCALE_LOG);
    }
    for (int64_t i = 0; i < done && log; i++) {
        panels[i].scale = &log_scale;
        name_scale(&panels[i], labels[i]);
    }
    if (status == LL_OK) status = ll_figure_write(path, panels, count, options, error);
    for (int64_t i = 0; i < done; i++) ll_record_panel_deinit(&made[i]);
    ll_free(made);
    ll_free(panels);
    ll_free(labels);
    return status;
}

double ll_analysis_real(const ll_record *record, const char *name)
{
    double value = NAN;
    return ll_record_get_real(record, name, &value, NULL) == LL_OK ? value : NAN;
}

const char *ll_analysis_text(const ll_record *record, const char *name)
{
    const char *text = "";
    return ll_record_get_text(record, name, &text, NULL) == LL_OK ? text : "";
}
