#include "analysis.h"
#include "json.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------ which samples */

static ll_status open_with(const ll_setup_flags *flags, ll_setup **setup, ll_error *error)
{
    ll_setup_role roles[2] = {ll_setup_flags_evaluate(flags)};
    roles[1] = (ll_setup_role){.role = "calibrate",
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
        ll_problem_role(ll_setup_problem(opened), "evaluate", 0, &indices, &count, NULL) == LL_OK && count > most) {
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
        if ((info->capabilities & LL_CAN_SUBSETS) != 0 && ll_problem_role(problem, "evaluate", t, &indices, &count, NULL) == LL_OK)
            lists[t] = (ll_samples){indices, count};
    }
    return lists[0].count;
}

/* ------------------------------------------------------------------ sink */

static volatile sig_atomic_t interrupted;
static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static bool should_stop(void *context)
{
    (void)context;
    return interrupted != 0;
}

static void show(void *context, const ll_progress *progress)
{
    ll_analysis_sink *watch = context;
    double now = ll_clock_seconds();
    if (watch->quiet || now - watch->start < 2.0 || now - watch->shown < 0.5) return;
    watch->shown = now;
    char number[LL_NUMBER_TEXT];
    fprintf(stderr, "\r%s: %lld", progress->what, (long long)progress->done);
    if (progress->total > 0)
        fprintf(stderr, " of %lld, %.0f s left", (long long)progress->total,
                (now - watch->start) / (double)ll_max_int64(progress->done, 1) * (double)(progress->total - progress->done));
    else
        fprintf(stderr, " steps, %.0f s", now - watch->start);
    if (progress->value_name != NULL && isfinite(progress->value))
        fprintf(stderr, ", %s %s", progress->value_name, ll_print_number(progress->value, 3, number));
    fputs("      ", stderr);
}

/* FOLDER/restart_3.piece for "restart/3". */
static void piece_path(const ll_analysis_sink *watch, const char *piece, const char *suffix, ll_text *path)
{
    ll_text_format(path, "%s/", watch->folder);
    for (const char *c = piece; *c != 0; c++) ll_text_append_bytes(path, *c == '/' ? "_" : c, 1);
    ll_text_append(path, suffix);
}

static bool find(void *context, const char *piece, void **bytes, size_t *count)
{
    ll_analysis_sink *watch = context;
    ll_text path = {0};
    piece_path(watch, piece, ".piece", &path);
    FILE *file = path.failed ? NULL : fopen(path.text, "rb");
    ll_text_deinit(&path);
    if (file == NULL) return false;
    unsigned char *read = NULL;
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    bool good = size >= 0 && fseek(file, 0, SEEK_SET) == 0 && (read = ll_allocate((size_t)size)) != NULL &&
                fread(read, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (!good) {
        ll_free(read);
        return false;
    }
    *bytes = read;
    *count = (size_t)size;
    return true;
}

/* Written beside and renamed, so that a piece is whole or not there. */
static ll_status put(void *context, const char *piece, const void *bytes, size_t count, ll_error *error)
{
    ll_analysis_sink *watch = context;
    ll_text path = {0}, beside = {0};
    piece_path(watch, piece, ".piece", &path);
    piece_path(watch, piece, ".part", &beside);
    ll_status status = LL_OK;
    if (path.failed || beside.failed)
        status = ll_fail_memory(error, "losslens", count);
    else {
        FILE *file = fopen(beside.text, "wb");
        bool good = file != NULL && fwrite(bytes, 1, count, file) == count;
        if (file != NULL && fclose(file) != 0) good = false;
        if (!good || rename(beside.text, path.text) != 0) {
            status = ll_fail(error, LL_IO, "losslens", path.text, "cannot write: %s", strerror(errno));
            (void)remove(beside.text);
        }
    }
    ll_text_deinit(&path);
    ll_text_deinit(&beside);
    return status;
}

ll_status ll_analysis_sink_init(ll_analysis_sink *watch, const char *folder, bool quiet, ll_error *error)
{
    if (folder != NULL && mkdir(folder, 0777) != 0 && errno != EEXIST)
        return ll_fail(error, LL_IO, "losslens", folder, "cannot make the folder: %s", strerror(errno));
    *watch = (ll_analysis_sink){.folder = folder, .start = ll_clock_seconds(), .quiet = quiet};
    watch->sink = (ll_sink){.context = watch,
                            .find = folder != NULL ? find : NULL,
                            .put = folder != NULL ? put : NULL,
                            .progress = show,
                            .should_stop = should_stop};
    interrupted = 0;
    signal(SIGINT, on_interrupt);
    return LL_OK;
}

void ll_analysis_sink_end(const ll_analysis_sink *watch)
{
    signal(SIGINT, SIG_DFL);
    if (watch->shown > 0) fputc('\n', stderr);
    if (interrupted != 0 && watch->folder != NULL)
        fprintf(stderr, "interrupted; what is done lies in %s: the same command continues\n", watch->folder);
}

/* ------------------------------------------------------------------ records */

static void add_array(ll_json *json, const ll_array *array, int axis, int64_t *next)
{
    ll_json_open(json, '[');
    for (int64_t i = 0; i < array->shape[axis]; i++)
        if (axis + 1 < array->rank)
            add_array(json, array, axis + 1, next);
        else
            ll_json_number(json, ll_array_get(array, (*next)++));
    ll_json_close(json, ']');
}

bool ll_analysis_print_json(const ll_record *record, int64_t most, const char *notes)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_add_text(&json, "kind", ll_record_kind(record));
    for (int64_t i = 0; i < ll_record_field_count(record); i++) {
        const ll_field *field = ll_record_field_at(record, i);
        int64_t next = 0;
        ll_json_key(&json, field->name);
        if (field->type == LL_FIELD_INTEGER)
            ll_json_integer(&json, field->integer);
        else if (field->type == LL_FIELD_REAL)
            ll_json_number(&json, field->real);
        else if (field->type == LL_FIELD_TEXT)
            ll_json_text(&json, field->text);
        else if (ll_array_count(&field->array) <= most && field->array.rank > 0)
            add_array(&json, &field->array, 0, &next);
        else {
            ll_json_open(&json, '{');
            ll_json_key(&json, "shape");
            ll_json_open(&json, '[');
            for (int axis = 0; axis < field->array.rank; axis++) ll_json_integer(&json, field->array.shape[axis]);
            ll_json_close(&json, ']');
            ll_json_close(&json, '}');
        }
    }
    if (notes != NULL && notes[0] != 0) ll_json_add_text(&json, "notes", notes);
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
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
