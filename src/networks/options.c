#include "builder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What every architecture understands besides its own rows. */
static const option_row common_rows[] = {
    {"initialisation", OPTION_CHOICE, "pytorch", "pytorch|he", "how weights are drawn before training"},
    {NULL, OPTION_INTEGER, NULL, NULL, NULL},
};

static const option_row *find_row(const option_row *rows, const char *key)
{
    for (; rows != NULL && rows->key != NULL; rows++) {
        if (strcmp(rows->key, key) == 0) return rows;
    }
    return NULL;
}

static const option_row *row_of(const option_row *rows, const char *key)
{
    const option_row *row = find_row(rows, key);
    return row != NULL ? row : find_row(common_rows, key);
}

const char *ll_option_text(const builder *b, const char *key)
{
    for (int64_t i = b->options->options - 1; i >= 0; i--) { /* the last one given counts */
        if (strcmp(b->options->option[i].key, key) == 0) return b->options->option[i].value;
    }
    const option_row *row = row_of(b->rows, key);
    return row != NULL ? row->standard : "";
}

int64_t ll_option_integer(const builder *b, const char *key)
{
    return strtoll(ll_option_text(b, key), NULL, 10);
}
double ll_option_real(const builder *b, const char *key) { return strtod(ll_option_text(b, key), NULL); }

bool ll_option_is(const builder *b, const char *key, const char *value)
{
    return strcmp(ll_option_text(b, key), value) == 0;
}

/* Reads "64,128"; -1 for anything that is not positive integers between commas. */
static int64_t parse_list(const char *text, int64_t *values, int64_t capacity)
{
    int64_t count = 0;
    while (*text != 0) {
        char *end;
        long long value = strtoll(text, &end, 10);
        if (end == text || value <= 0 || value > 1 << 24 || count == capacity) return -1;
        values[count++] = value;
        text = *end == ',' ? end + 1 : end;
        if (*end != ',' && *end != 0) return -1;
    }
    return count;
}

int64_t ll_option_list(const builder *b, const char *key, int64_t *values, int64_t capacity)
{
    return parse_list(ll_option_text(b, key), values, capacity);
}

static bool is_choice(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *word = choices; word != NULL; word = strchr(word, '|')) {
        if (*word == '|') word++;
        if (length > 0 && strncmp(word, value, length) == 0 && (word[length] == '|' || word[length] == 0))
            return true;
    }
    return false;
}

static ll_status check_value(const option_row *row, const char *value, const char *network, ll_error *error)
{
    char *end = NULL;
    int64_t list[LL_NETWORK_OPTIONS];
    errno = 0;
    switch (row->type) {
    case OPTION_INTEGER:
        if (strtoll(value, &end, 10) >= 0 && errno == 0 && end != value && *end == 0) return LL_OK;
        return ll_fail(error, LL_INVALID_ARGUMENT, "networks", network,
                       "option %s: got \"%s\"; wanted a whole number (%s)", row->key, value, row->help);
    case OPTION_REAL:
        strtod(value, &end);
        if (errno == 0 && end != value && *end == 0) return LL_OK;
        return ll_fail(error, LL_INVALID_ARGUMENT, "networks", network,
                       "option %s: got \"%s\"; wanted a number (%s)", row->key, value, row->help);
    case OPTION_CHOICE:
        if (is_choice(row->choices, value)) return LL_OK;
        return ll_fail(error, LL_INVALID_ARGUMENT, "networks", network,
                       "option %s: got \"%s\"; wanted one of %s (%s)", row->key, value, row->choices,
                       row->help);
    case OPTION_LIST:
        if (parse_list(value, list, LL_NETWORK_OPTIONS) > 0) return LL_OK;
        return ll_fail(error, LL_INVALID_ARGUMENT, "networks", network,
                       "option %s: got \"%s\"; wanted positive whole numbers such as \"%s\" (%s)", row->key,
                       value, row->standard, row->help);
    }
    return LL_OK;
}

ll_status ll_options_check(const option_row *rows, const ll_network_options *options, const char *network,
                           ll_error *error)
{
    for (int64_t i = 0; i < options->options; i++) {
        const ll_network_option *given = &options->option[i];
        const option_row *row = row_of(rows, given->key);
        if (row == NULL) {
            const char *known[LL_NETWORK_OPTIONS * 2];
            int64_t count = 0;
            ll_text list = {0};
            for (const option_row *each = rows; each != NULL && each->key != NULL; each++)
                known[count++] = each->key;
            for (const option_row *each = common_rows; each->key != NULL; each++) known[count++] = each->key;
            for (int64_t k = 0; k < count; k++) ll_text_format(&list, "%s%s", k > 0 ? ", " : "", known[k]);
            const char *near = ll_nearest_word(given->key, known, count);
            ll_status status =
                ll_fail(error, LL_INVALID_ARGUMENT, "networks", network,
                        "no option \"%s\"%s%s%s; there are: %s", given->key, near ? "; did you mean \"" : "",
                        near ? near : "", near ? "\"" : "", list.text != NULL ? list.text : "");
            ll_text_deinit(&list);
            return status;
        }
        LL_TRY(check_value(row, given->value, network, error));
    }
    return LL_OK;
}
