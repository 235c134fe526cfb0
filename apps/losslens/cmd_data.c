/* losslens data - data sets that have a public address: which there are, and fetching them. */
#include "json.h"
#include "options.h"

#include "losslens/data_download.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };

typedef struct settings {
    const char *to, *from;
    bool json, quiet;
} settings;

typedef struct line {
    bool terminal, quiet, open;
    int shown; /* per cent */
} line;

static bool tell(void *context, const char *file, int64_t done, int64_t all)
{
    line *l = context;
    int percent = all > 0 ? (int)(100 * done / all) : 0;
    if (l->quiet || percent == l->shown || (!l->terminal && percent < l->shown + 25)) return true;
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT];
    fprintf(stderr, "%s%s: %s of %s%s", l->terminal ? "\r" : "", file, ll_print_bytes((double)done, a),
            ll_print_bytes((double)all, b), l->terminal ? "  " : "\n");
    l->open = l->terminal;
    l->shown = percent;
    return true;
}

/* FOLDER/SET, where FOLDER is --to or the one that names are looked up in. */
static ll_status folder_of(const settings *s, const char *set, char path[PATH_BYTES], ll_error *error)
{
    char folder[PATH_BYTES];
    if (s->to != NULL) {
        if (snprintf(path, PATH_BYTES, "%s", s->to) >= PATH_BYTES)
            return ll_fail(error, LL_TOO_LARGE, "losslens", "--to", "the path is too long");
        return LL_OK;
    }
    LL_TRY(ll_data_folder(folder, sizeof folder, error));
    if (snprintf(path, PATH_BYTES, "%s/%s", folder, set) >= PATH_BYTES)
        return ll_fail(error, LL_TOO_LARGE, "losslens", folder, "the path is too long");
    return LL_OK;
}

static bool is_there(const char *folder, const ll_remote_file *file)
{
    char path[2 * PATH_BYTES];
    struct stat state;
    snprintf(path, sizeof path, "%s/%s", folder, file->file);
    return stat(path, &state) == 0 && state.st_size == file->bytes;
}

static ll_status list(const settings *s, ll_error *error)
{
    ll_json json = {0};
    char number[LL_NUMBER_TEXT], folder[PATH_BYTES];
    if (s->json) ll_json_open(&json, '[');
    for (int64_t i = 0; ll_remote_file_at(i) != NULL; i++) {
        const ll_remote_file *file = ll_remote_file_at(i);
        LL_TRY(folder_of(s, file->set, folder, error));
        if (!s->json) {
            printf("%-14s %-28s %10s  %s  %s/%s\n", file->set, file->file,
                   ll_print_bytes((double)file->bytes, number), is_there(folder, file) ? "there" : "  -  ",
                   file->address, file->file);
            continue;
        }
        ll_json_open(&json, '{');
        ll_json_add_text(&json, "set", file->set);
        ll_json_add_text(&json, "file", file->file);
        ll_json_add_text(&json, "address", file->address);
        ll_json_add_integer(&json, "bytes", file->bytes);
        ll_json_add_text(&json, "md5", file->md5);
        ll_json_add_text(&json, "folder", folder);
        ll_json_add_boolean(&json, "there", is_there(folder, file));
        ll_json_close(&json, '}');
    }
    if (s->json) ll_json_close(&json, ']');
    if (s->json && !ll_json_print(&json, stdout))
        return ll_fail(error, LL_IO, "losslens", NULL, "standard output could not be written");
    return LL_OK;
}

static ll_status fetch(const settings *s, const char *set, ll_error *error)
{
    char folder[PATH_BYTES];
    const char *names[16];
    int64_t known = 0, found = 0;
    LL_TRY(folder_of(s, set, folder, error));
    for (int64_t i = 0; ll_remote_file_at(i) != NULL; i++) {
        const ll_remote_file *file = ll_remote_file_at(i);
        if (known < LL_COUNT(names) && (known == 0 || strcmp(names[known - 1], file->set) != 0))
            names[known++] = file->set;
        if (strcmp(file->set, set) != 0) continue;
        found++;
        line l = {.terminal = isatty(2) != 0, .quiet = s->quiet, .shown = -100};
        ll_status status = ll_download(
            file, &(ll_download_options){.folder = folder, .from = s->from, .progress = tell, .context = &l},
            error);
        if (l.open) fprintf(stderr, "\n");
        LL_TRY(status);
        printf("%s/%s\n", folder, file->file);
    }
    if (found > 0) return LL_OK;
    const char *near = ll_nearest_word(set, names, known);
    return ll_fail(error, LL_NOT_FOUND, "losslens", set,
                   "no address is known for it%s%s; there are cifar10, cifar100, mnist, fashion-mnist",
                   near != NULL ? "; did you mean " : "", near != NULL ? near : "");
}

static int run(int argc, char **argv)
{
    settings s = {0};
    const ll_option options[] = {
        {"to", LL_OPTION_TEXT, &s.to, "FOLDER",
         "where the files go; default: a folder of the set's name where names are looked up", 0, 0, NULL},
        {"from", LL_OPTION_TEXT, &s.from, "ADDRESS",
         "a folder that has the files, instead of the public one: https, http, file", 0, 0, NULL},
        {"quiet", LL_OPTION_FLAG, &s.quiet, NULL, "no progress on standard error", 0, 0, NULL},
        LL_OPTION_JSON(&s.json),
    };
    const ll_command command = {
        .verb = "data",
        .usage = "[NAME] [options]",
        .about = "Without a name: data sets that have a public address. With one: fetches its files, "
                 "continues what was begun, checks size and "
                 "checksum. Names are looked up in $LOSSLENS_DATA, else in ~/.local/share/losslens: --data "
                 "cifar10 then finds the files there.",
        .example = "losslens data\nlosslens data cifar10\nlosslens data mnist --to data/mnist",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 0,
        .most_words = 1};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_error error = {0};
    ll_status status = words.count == 0 ? list(&s, &error) : fetch(&s, words.items[0], &error);
    return status == LL_OK ? LL_EXIT_OK : ll_command_failure(&command, &error);
}

const ll_verb ll_verb_data = {"data", "data sets with a public address: list and fetch", run};
