/* losslens table - numbers of a study by model or by group, as text, CSV, Markdown or LaTeX. */
#include "options.h"

#include "losslens/formats.h"
#include "losslens/study_table.h"

#include <string.h>

enum { NAMES_LIMIT = 64 };

typedef struct settings {
    const char *metrics, *by, *format, *out;
} settings;

static ll_status write_table(const settings *s, const char *path, ll_error *error)
{
    static const char *const formats[] = {"text", "csv", "markdown", "latex"};
    const char *names[NAMES_LIMIT];
    int count = 0;
    ll_store *store = NULL;
    ll_overview overview = {0};
    ll_number_table table = {0};
    ll_text text = {0};
    char *copy = ll_text_copy(s->metrics);
    ll_status status = LL_OK;
    for (char *at = copy; at != NULL && *at != 0 && status == LL_OK;) {
        char *comma = strchr(at, ',');
        if (comma != NULL) *comma = 0;
        if (count == NAMES_LIMIT)
            status = ll_fail(error, LL_TOO_LARGE, "losslens", "--metrics", "at most %d names", NAMES_LIMIT);
        else names[count++] = at;
        at = comma != NULL ? comma + 1 : NULL;
    }
    if (status == LL_OK) status = ll_store_open(path, NULL, &store, error);
    if (status == LL_OK) status = ll_overview_read(store, &overview, error);
    if (status == LL_OK)
        status =
            ll_number_table_make(store, &overview, names, count, strcmp(s->by, "group") == 0, &table, error);
    if (status == LL_OK && (table.rows == 0 || table.columns == 0))
        status = ll_fail(error, LL_NOT_FOUND, "losslens", path,
                         "the study has no numbers yet; `losslens status %s` says how far it is", path);
    if (status == LL_OK) {
        for (int k = 0; k < LL_COUNT(formats); k++)
            if (strcmp(s->format, formats[k]) == 0) ll_number_table_write(&table, (ll_table_format)k, &text);
        if (text.failed) status = ll_fail_memory(error, "losslens", text.length);
    }
    if (status == LL_OK && s->out != NULL) status = ll_file_write(s->out, text.text, text.length, error);
    if (status == LL_OK && s->out == NULL && fwrite(text.text, 1, text.length, stdout) != text.length)
        status = ll_fail(error, LL_IO, "losslens", NULL, "the table could not be written");
    ll_text_deinit(&text);
    ll_number_table_deinit(&table);
    ll_overview_deinit(&overview);
    ll_store_destroy(store);
    ll_free(copy);
    return status;
}

static int run(int argc, char **argv)
{
    settings s = {.by = "group", .format = "text"};
    const ll_option options[] = {
        {"metrics", LL_OPTION_TEXT, &s.metrics, "NAME,NAME,...",
         "metrics, lambda_1, trace, mc_loss, mc_error, barrier, relative_barrier, or KIND.FIELD of any "
         "result; else the usual ones",
         0, 0, NULL},
        {"by", LL_OPTION_CHOICE, &s.by, "group|model",
         "mean and standard deviation of each group, or every model", 0, 0, NULL},
        {"format", LL_OPTION_CHOICE, &s.format, "text|csv|markdown|latex",
         "of the table; csv keeps all digits", 0, 0, NULL},
        {"out", LL_OPTION_TEXT, &s.out, "FILE", "write it there", 0, 0, NULL},
    };
    const ll_command command = {
        .verb = "table",
        .usage = "STUDY.db [options]",
        .about = "Numbers of a study, rounded to what their spread allows: mean and standard deviation over "
                 "a group's members, or\n"
                 "one line a model with the number's own standard error where it has one.",
        .example = "losslens table study.db\nlosslens table study.db --by model --metrics "
                   "accuracy,lambda_1,topology.minima --format latex --out table.tex",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 1,
        .most_words = 1};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_error error = {0};
    if (write_table(&s, words.items[0], &error) != LL_OK) return ll_command_failure(&command, &error);
    return LL_EXIT_OK;
}

const ll_verb ll_verb_table = {"table", "numbers of a study as text, CSV, Markdown or LaTeX", run};
