/* losslens export - results of a study as files that other programs read. */
#include "json.h"
#include "options.h"

#include "losslens/export.h"
#include "losslens/store.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct settings {
    const char *format, *out, *field;
    ll_texts record;
    bool json, all;
} settings;

/* ---------------------------------------------------------------- the list */

static bool list_json(const ll_store_listing *listing)
{
    ll_json json = {0};
    ll_json_open(&json, '[');
    for (int64_t i = 0; i < listing->count; i++) {
        const ll_store_row *row = &listing->rows[i];
        char key[33];
        ll_hash_text(row->key, key);
        ll_json_open(&json, '{');
        ll_json_add_integer(&json, "id", row->id);
        ll_json_add_text(&json, "key", key);
        ll_json_add_text(&json, "kind", row->kind);
        ll_json_add_text(&json, "name", row->name);
        ll_json_add_text(&json, "group", row->group);
        ll_json_add_text(&json, "subject", row->subject);
        ll_json_add_text(&json, "other", row->other);
        ll_json_add_text(&json, "state", ll_job_state_name(row->state));
        ll_json_add_text(&json, "record_kind", row->record_kind);
        ll_json_add_integer(&json, "fields", row->fields);
        ll_json_add_integer(&json, "bytes", row->bytes);
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, ']');
    return ll_json_print(&json, stdout);
}

static void list_text(const ll_store_listing *listing)
{
    int64_t done = 0;
    for (int64_t i = 0; i < listing->count; i++) done += listing->rows[i].state == LL_JOB_DONE;
    printf("%lld results, %lld jobs without one\n", (long long)done, (long long)(listing->count - done));
    if (done > 0) printf("%6s  %-20s %8s %10s  %s\n", "record", "kind", "fields", "size", "name");
    for (int64_t i = 0; i < listing->count; i++) {
        const ll_store_row *row = &listing->rows[i];
        char size[LL_NUMBER_TEXT];
        if (row->state != LL_JOB_DONE) continue;
        printf("%6lld  %-20s %8lld %10s  %s\n", (long long)row->id, row->record_kind, (long long)row->fields,
               ll_print_bytes((double)row->bytes, size), row->name);
    }
}

/* ---------------------------------------------------------------- choosing and writing */

/* A record by id, by key (32 hexadecimal digits or at least 6 of them) or by name. */
static bool matches(const ll_store_row *row, const char *text)
{
    char key[33], *end;
    long long id = strtoll(text, &end, 10);
    if (*text != 0 && *end == 0 && id == row->id) return true;
    ll_hash_text(row->key, key);
    return strcmp(row->name, text) == 0 || (strlen(text) >= 6 && strncmp(key, text, strlen(text)) == 0);
}

/* "OUT/12_landscape_of_resnet_3.npz": names come from files, so only plain letters pass. */
static void file_name(const settings *s, const ll_store_row *row, ll_text *path)
{
    ll_text_format(path, "%s/%lld_", s->out, (long long)row->id);
    for (const char *c = row->name; *c != 0 && c - row->name < 80; c++)
        ll_text_append_bytes(path, isalnum((unsigned char)*c) || *c == '-' || *c == '.' ? c : "_", 1);
    if (s->field != NULL) ll_text_append(path, "_");
    for (const char *c = s->field; c != NULL && *c != 0; c++)
        ll_text_append_bytes(path, isalnum((unsigned char)*c) ? c : "_", 1);
    ll_text_format(path, ".%s", s->format);
}

static ll_status write_one(const settings *s, ll_store *store, const ll_store_row *row, ll_error *error)
{
    ll_export_format format;
    ll_record *record = NULL;
    ll_text path = {0};
    if (!ll_export_format_parse(s->format, &format))
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", s->format, "unknown format");
    LL_TRY(ll_store_read_record(store, row->id, &record, error));
    file_name(s, row, &path);
    ll_status status = path.failed ? ll_fail_memory(error, "losslens", 256)
                                   : ll_export_write(record, format, s->field, path.text, error);
    if (status == LL_OK) printf("%s\n", path.text);
    ll_text_deinit(&path);
    ll_record_destroy(record);
    return status;
}

static ll_status write_all(const settings *s, ll_store *store, const ll_store_listing *listing,
                           ll_error *error)
{
    if (mkdir(s->out, 0777) != 0 && errno != EEXIST)
        return ll_fail(error, LL_IO, "losslens", s->out, "cannot make the folder: %s", strerror(errno));
    for (int k = 0; k < s->record.count; k++) {
        int64_t found = 0;
        for (int64_t i = 0; i < listing->count; i++) {
            if (!matches(&listing->rows[i], s->record.items[k])) continue;
            found++;
            LL_TRY(write_one(s, store, &listing->rows[i], error));
        }
        if (found == 0)
            return ll_fail(error, LL_NOT_FOUND, "losslens", ll_store_path(store),
                           "there is no record %s; `losslens export %s` lists what is there",
                           s->record.items[k], ll_store_path(store));
    }
    for (int64_t i = 0; i < listing->count && s->record.count == 0; i++)
        if (listing->rows[i].state == LL_JOB_DONE) LL_TRY(write_one(s, store, &listing->rows[i], error));
    return LL_OK;
}

static int run(int argc, char **argv)
{
    settings s = {.format = "npz", .out = "."};
    bool format_given = false, out_given = false;
    const ll_option options[] = {
        {"record", LL_OPTION_TEXTS, &s.record, "ID",
         "a record by number, key or name; may be given several times", 0, 0, NULL},
        {"all", LL_OPTION_FLAG, &s.all, NULL, "every record", 0, 0, NULL},
        {"format", LL_OPTION_CHOICE, &s.format, "npz|json|csv|vti|vtp|ply", "of the files", 0, 0,
         &format_given},
        {"field", LL_OPTION_TEXT, &s.field, "NAME",
         "only this field; vti, vtp and ply: the field to draw, if not the loss", 0, 0, NULL},
        {"out", LL_OPTION_TEXT, &s.out, "DIR", "folder to write to, made if absent", 0, 0, &out_given},
        LL_OPTION_JSON(&s.json),
    };
    const ll_command command = {
        .verb = "export",
        .usage = "STUDY.db [--record ID | --all] [options]",
        .about = "Writes results of a study as NPZ, JSON, CSV, VTI, VTP or PLY files, and prints their "
                 "names. Without --record and "
                 "--all it lists what is there. Works while the study is running.",
        .example = "losslens export study.db\nlosslens export study.db --record 12 --format vti --out fields",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 1,
        .most_words = 1};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    bool writing = s.all || s.record.count > 0;
    if (!writing && (format_given || out_given || s.field != NULL))
        return ll_command_misuse(&command, "which records? say --record ID or --all");
    if (s.all && s.record.count > 0)
        return ll_command_misuse(&command, "--all and --record exclude each other");
    ll_error error = {0};
    ll_store *store = NULL;
    ll_store_listing listing = {0};
    ll_status status = ll_store_open(words.items[0], NULL, &store, &error);
    if (status == LL_OK) status = ll_store_list(store, NULL, &listing, &error);
    if (status == LL_OK && writing) status = write_all(&s, store, &listing, &error);
    code = LL_EXIT_OK;
    if (status != LL_OK) code = ll_command_failure(&command, &error);
    else if (!writing && s.json) code = list_json(&listing) ? LL_EXIT_OK : LL_EXIT_FAILURE;
    else if (!writing) list_text(&listing);
    ll_store_listing_deinit(&listing);
    ll_store_destroy(store);
    return code;
}

const ll_verb ll_verb_export = {"export", "write results of a study as NPZ, JSON, CSV, VTI, VTP or PLY", run};
