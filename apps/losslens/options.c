#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- numbers as text */

const char *ll_print_number(double value, int digits, char buffer[LL_NUMBER_TEXT])
{
    if (!isfinite(value)) {
        ll_number_text(value, buffer);
        return buffer;
    }
    if (digits <= 0) digits = 4;
    if (value == 0.0) value = 0.0; /* no "-0" */
    double size = fabs(value);
    bool plain = value == 0.0 || (size >= 1e-4 && size < 1e6);
    if (!plain) {
        snprintf(buffer, LL_NUMBER_TEXT, "%.*e", digits - 1, value);
        /* 1.5000e-07 -> 1.5e-07 */
        char *exponent = strchr(buffer, 'e');
        char *end = exponent;
        if (memchr(buffer, '.', (size_t)(exponent - buffer)) != NULL) {
            while (end[-1] == '0') end--;
            if (end[-1] == '.') end--;
        }
        memmove(end, exponent, strlen(exponent) + 1);
        return buffer;
    }
    snprintf(buffer, LL_NUMBER_TEXT, "%.*g", size >= 1e4 && digits < 6 ? 6 : digits, value);
    return buffer;
}

const char *ll_print_count(int64_t count, char buffer[LL_NUMBER_TEXT])
{
    char plain[LL_NUMBER_TEXT];
    int length = snprintf(plain, sizeof plain, "%lld", (long long)count);
    int sign = plain[0] == '-' ? 1 : 0, to = 0;
    for (int from = 0; from < length; from++) {
        int left = length - from;
        if (from > sign && left % 3 == 0) buffer[to++] = ',';
        buffer[to++] = plain[from];
    }
    buffer[to] = 0;
    return buffer;
}

const char *ll_print_bytes(double bytes, char buffer[LL_NUMBER_TEXT])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    int unit = 0;
    while (bytes >= 1024.0 && unit < LL_COUNT(units) - 1) {
        bytes /= 1024.0;
        unit++;
    }
    snprintf(buffer, LL_NUMBER_TEXT, "%.*f %s", unit == 0 || bytes >= 100.0 ? 0 : 1, bytes, units[unit]);
    return buffer;
}

bool ll_parse_bytes(const char *text, int64_t *bytes)
{
    static const struct {
        const char *name;
        double factor;
    } units[] = {{"", 1.0},       {"b", 1.0},      {"kb", 1e3},     {"mb", 1e6},    {"gb", 1e9},
                 {"tb", 1e12},    {"k", 1024.0},   {"m", 0x1p20},   {"g", 0x1p30},  {"t", 0x1p40},
                 {"kib", 1024.0}, {"mib", 0x1p20}, {"gib", 0x1p30}, {"tib", 0x1p40}};
    char *end;
    double value = strtod(text, &end);
    if (end == text || !(value >= 0.0)) return false;
    while (*end == ' ') end++;
    for (int i = 0; i < LL_COUNT(units); i++) {
        const char *a = end, *b = units[i].name;
        while (*a != 0 && tolower((unsigned char)*a) == *b) {
            a++;
            b++;
        }
        if (*a != 0 || *b != 0) continue;
        double total = value * units[i].factor;
        if (!(total < 9.2e18)) return false;
        *bytes = (int64_t)total;
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- help */

static bool is_number(ll_option_type type) { return type == LL_OPTION_INTEGER || type == LL_OPTION_REAL; }

enum { HELP_COLUMN = 26, HELP_WIDTH = 100 };

/* The rest of a line of help that has reached `at`, wrapped to start at `indent`. */
static void print_wrapped(const char *text, int at, int indent)
{
    bool first = true;
    while (*text != 0) {
        size_t word = strcspn(text, " \n");
        if (!first && at + 1 + (int)word > HELP_WIDTH) {
            printf("\n%*s", indent, "");
            at = indent;
            first = true;
        }
        at += printf("%s%.*s", first ? "" : " ", (int)word, text);
        first = false;
        text += word;
        while (*text == ' ' || *text == '\n') text++;
    }
    printf("\n");
}

static void append_default(ll_text *line, const ll_option *option)
{
    char buffer[LL_NUMBER_TEXT];
    switch (option->type) {
    case LL_OPTION_INTEGER: {
        long long value = *(const int64_t *)option->value;
        if (value != 0) ll_text_format(line, " (default %lld)", value);
        break;
    }
    case LL_OPTION_REAL: {
        double value = *(const double *)option->value;
        /* A default outside the allowed range, or NaN, stands for "not given". */
        bool ranged = option->minimum != 0.0 || option->maximum != 0.0;
        if (value != 0.0 && isfinite(value) &&
            !(ranged && (value < option->minimum || value > option->maximum))) {
            ll_text_format(line, " (default %s)", ll_print_number(value, 6, buffer));
        }
        break;
    }
    case LL_OPTION_BYTES:
        if (*(const int64_t *)option->value > 0) {
            ll_text_format(line, " (default %s)",
                           ll_print_bytes((double)*(const int64_t *)option->value, buffer));
        }
        break;
    case LL_OPTION_TEXT:
    case LL_OPTION_CHOICE: {
        const char *text = *(const char *const *)option->value;
        if (text != NULL && text[0] != 0) ll_text_format(line, " (default %s)", text);
        break;
    }
    case LL_OPTION_REALS: {
        const ll_reals *reals = option->value;
        for (int i = 0; i < reals->count; i++) {
            ll_text_format(line, "%s%s", i == 0 ? " (default " : ",",
                           ll_print_number(reals->values[i], 6, buffer));
        }
        if (reals->count > 0) ll_text_append(line, ")");
        break;
    }
    case LL_OPTION_FLAG:
    case LL_OPTION_TEXTS:
    case LL_OPTION_HEADING: break;
    }
}

/* "how many; 0: all" of an option that is 0: "how many (default: all)". */
static bool append_meaning_of_zero(ll_text *line, const ll_option *option)
{
    const char *zero = strstr(option->help, "; 0: ");
    if (zero == NULL || (option->type == LL_OPTION_INTEGER ? *(const int64_t *)option->value != 0
                         : option->type == LL_OPTION_REAL  ? *(const double *)option->value != 0.0
                                                           : true))
        return false;
    ll_text_append_bytes(line, option->help, (size_t)(zero - option->help));
    ll_text_format(line, " (default: %s)", zero + 5);
    return true;
}

/* An earlier option of the same name is the one that is read. */
static bool is_shadowed(const ll_command *command, int index)
{
    for (int i = 0; i < index; i++) {
        if (strcmp(command->options[i].name, command->options[index].name) == 0) return true;
    }
    return false;
}

/* What nearly every verb has is told last. */
static bool is_common(const ll_option *option)
{
    return strcmp(option->name, "threads") == 0 || strcmp(option->name, "json") == 0;
}

static void print_option(const ll_option *option)
{
    ll_text line = {0};
    int width = printf("  --%s", option->name);
    if (option->argument != NULL) {
        width += printf(" %s", option->type == LL_OPTION_CHOICE ? "NAME" : option->argument);
    }
    if (width >= HELP_COLUMN) {
        printf("\n");
        width = 0;
    }
    printf("%*s", HELP_COLUMN - width, "");
    if (!append_meaning_of_zero(&line, option)) {
        ll_text_append(&line, option->help);
        append_default(&line, option);
    }
    if (option->type == LL_OPTION_CHOICE) {
        ll_text_append(&line, ": ");
        for (const char *c = option->argument; *c != 0; c++) {
            if (*c == '|') {
                ll_text_append(&line, ", ");
            } else {
                ll_text_append_bytes(&line, c, 1);
            }
        }
    }
    print_wrapped(line.failed ? option->help : line.text, HELP_COLUMN, HELP_COLUMN);
    ll_text_deinit(&line);
}

/* A command line that can be copied whole: broken in front of an option. */
static void print_example(const char *line, size_t length)
{
    int at = printf("  ");
    for (size_t i = 0; i < length;) {
        size_t end = i;
        do { /* up to the next option */
            end += strcspn(line + end, " \n");
            while (end < length && line[end] == ' ') end++;
        } while (end < length && strncmp(line + end, "--", 2) != 0);
        if (end > length) end = length;
        if (at + (int)(end - i) > HELP_WIDTH && i > 0) {
            printf("\\\n      ");
            at = 6;
        }
        at += printf("%.*s", (int)(end - i), line + i);
        i = end;
    }
    printf("\n");
}

static void print_help(const ll_command *command)
{
    printf("usage: losslens %s %s\n\n", command->verb, command->usage);
    if (command->about != NULL) print_wrapped(command->about, 0, 0);
    bool headed = command->option_count == 0 || command->options[0].type == LL_OPTION_HEADING;
    if (!headed) printf("\noptions:\n");
    for (int i = 0; i < command->option_count; i++) {
        if (command->options[i].type == LL_OPTION_HEADING) {
            printf("\n%s:\n", command->options[i].help);
        } else if (!is_common(&command->options[i]) && !is_shadowed(command, i)) {
            print_option(&command->options[i]);
        }
    }
    printf("\ngeneral:\n");
    for (int i = 0; i < command->option_count; i++) {
        if (is_common(&command->options[i])) print_option(&command->options[i]);
    }
    printf("  --config FILE%*soptions from a YAML file; those of the line win\n", HELP_COLUMN - 15, "");
    printf("  --help%*sthis text\n", HELP_COLUMN - 8, "");
    if (command->example != NULL) {
        printf("\n%s:\n", strchr(command->example, '\n') != NULL ? "examples" : "example");
        for (const char *line = command->example; *line != 0;) {
            size_t length = strcspn(line, "\n");
            print_example(line, length);
            line += length;
            if (*line == '\n') line++;
        }
    }
}

/* ---------------------------------------------------------------- errors */

int ll_command_failure(const ll_command *command, const ll_error *error)
{
    if (error->status == LL_OK && error->message[0] == 0) {
        fprintf(stderr, "losslens %s: failed\n", command->verb);
    } else if (error->place[0] != 0) {
        fprintf(stderr, "losslens %s: %s: %s\n", command->verb, error->place, error->message);
    } else {
        fprintf(stderr, "losslens %s: %s\n", command->verb, error->message);
    }
    return LL_EXIT_FAILURE;
}

int ll_command_misuse(const ll_command *command, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "losslens %s: ", command->verb);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (losslens %s --help)\n", command->verb);
    va_end(arguments);
    return LL_EXIT_USAGE;
}

/* ---------------------------------------------------------------- values */

static bool read_real(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == 0 && isfinite(*value);
}

static bool choice_index(const char *choices, const char *word, size_t length, const char **found)
{
    for (const char *start = choices; *start != 0;) {
        size_t part = strcspn(start, "|");
        if (part == length && strncmp(start, word, length) == 0) {
            *found = start;
            return true;
        }
        start += part;
        if (*start == '|') start++;
    }
    return false;
}

/* The choice nearest to `word`, in `buffer`, or NULL. */
static const char *nearest_choice(const char *choices, const char *word, char *buffer, size_t capacity)
{
    const char *names[32];
    int count = 0;
    snprintf(buffer, capacity, "%s", choices);
    for (char *start = buffer; *start != 0 && count < LL_COUNT(names);) {
        size_t part = strcspn(start, "|");
        names[count++] = start;
        start += part;
        if (*start == '|') *start++ = 0;
    }
    return ll_nearest_word(word, names, count);
}

static bool out_of_range(const ll_option *option, double value)
{
    return (option->minimum != 0.0 || option->maximum != 0.0) &&
           (value < option->minimum || value > option->maximum);
}

static int misuse_range(const ll_command *command, const ll_option *option, const char *text)
{
    char low[LL_NUMBER_TEXT], high[LL_NUMBER_TEXT];
    if (isinf(option->maximum)) {
        return ll_command_misuse(command, "--%s is out of range; got %s; wanted at least %s", option->name,
                                 text, ll_print_number(option->minimum, 6, low));
    }
    return ll_command_misuse(command, "--%s is out of range; got %s; wanted %s to %s", option->name, text,
                             ll_print_number(option->minimum, 6, low),
                             ll_print_number(option->maximum, 6, high));
}

static int read_reals(const ll_command *command, const ll_option *option, const char *text)
{
    ll_reals *reals = option->value;
    ll_reals read = {.count = 0};
    const char *start = text;
    for (;;) {
        char *end;
        double value = strtod(start, &end);
        if (end == start || !isfinite(value) || (*end != 0 && *end != ',') || read.count == LL_LIST_LIMIT) {
            return ll_command_misuse(command, "--%s needs numbers separated by commas; got '%s'; wanted %s",
                                     option->name, text, option->argument);
        }
        if (out_of_range(option, value)) return misuse_range(command, option, text);
        read.values[read.count++] = value;
        if (*end == 0) break;
        start = end + 1;
    }
    *reals = read;
    return LL_EXIT_OK;
}

static int read_value(const ll_command *command, const ll_option *option, const char *text)
{
    switch (option->type) {
    case LL_OPTION_FLAG:
    case LL_OPTION_HEADING: break; /* handled by the caller */
    case LL_OPTION_INTEGER: {
        char *end;
        errno = 0;
        long long value = strtoll(text, &end, 10);
        if (end == text || *end != 0 || errno == ERANGE) {
            return ll_command_misuse(command, "--%s needs a whole number; got '%s'", option->name, text);
        }
        if (out_of_range(option, (double)value)) return misuse_range(command, option, text);
        *(int64_t *)option->value = value;
        break;
    }
    case LL_OPTION_REAL: {
        double value;
        if (!read_real(text, &value)) {
            return ll_command_misuse(command, "--%s needs a number; got '%s'", option->name, text);
        }
        if (out_of_range(option, value)) return misuse_range(command, option, text);
        *(double *)option->value = value;
        break;
    }
    case LL_OPTION_TEXT: *(const char **)option->value = text; break;
    case LL_OPTION_CHOICE: {
        const char *found;
        if (strchr(text, '|') != NULL || !choice_index(option->argument, text, strlen(text), &found)) {
            char buffer[512];
            const char *near = nearest_choice(option->argument, text, buffer, sizeof buffer);
            if (near != NULL) {
                return ll_command_misuse(command, "--%s cannot be '%s'; wanted one of %s; did you mean '%s'?",
                                         option->name, text, option->argument, near);
            }
            return ll_command_misuse(command, "--%s cannot be '%s'; wanted one of %s", option->name, text,
                                     option->argument);
        }
        *(const char **)option->value = text;
        break;
    }
    case LL_OPTION_BYTES:
        if (!ll_parse_bytes(text, option->value)) {
            return ll_command_misuse(command, "--%s needs a size; got '%s'; wanted for example 512MiB or 2GB",
                                     option->name, text);
        }
        break;
    case LL_OPTION_TEXTS: {
        ll_texts *texts = option->value;
        if (texts->count == LL_LIST_LIMIT) {
            return ll_command_misuse(command, "--%s was given more than %d times", option->name,
                                     LL_LIST_LIMIT);
        }
        texts->items[texts->count++] = text;
        break;
    }
    case LL_OPTION_REALS: return read_reals(command, option, text);
    }
    return LL_EXIT_OK;
}

/* ---------------------------------------------------------------- the line */

static const ll_option *find_option(const ll_command *command, const char *name, size_t length)
{
    for (int i = 0; i < command->option_count; i++) {
        const char *candidate = command->options[i].name;
        if (length > 0 && strlen(candidate) == length && strncmp(candidate, name, length) == 0)
            return &command->options[i];
    }
    return NULL;
}

static int misuse_unknown(const ll_command *command, const char *name, size_t length)
{
    char word[96];
    const char *names[128];
    int count = 0;
    snprintf(word, sizeof word, "%.*s", (int)(length < 90 ? length : 90), name);
    for (int i = 0; i < command->option_count && count < LL_COUNT(names) - 1; i++) {
        if (command->options[i].type != LL_OPTION_HEADING) names[count++] = command->options[i].name;
    }
    names[count++] = "help";
    const char *near = ll_nearest_word(word, names, count);
    if (near != NULL) {
        return ll_command_misuse(command, "there is no option --%s; did you mean --%s?", word, near);
    }
    return ll_command_misuse(command, "there is no option --%s", word);
}

bool ll_command_parse(const ll_command *command, int argc, char **argv, ll_words *words, int *exit_code)
{
    int kept = 1; /* words are moved to the front of argv, behind the verb */
    bool only_words = false;
    *exit_code = LL_EXIT_OK;
    for (int i = 1; i < argc; i++) {
        char *argument = argv[i];
        bool number = argument[0] == '-' && (isdigit((unsigned char)argument[1]) || argument[1] == '.');
        if (only_words || argument[0] != '-' || argument[1] == 0 || number) {
            argv[kept++] = argument;
            continue;
        }
        if (strcmp(argument, "--") == 0) {
            only_words = true;
            continue;
        }
        if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
            print_help(command);
            return false;
        }
        if (argument[1] != '-') {
            *exit_code =
                ll_command_misuse(command, "there is no option %s; options begin with two dashes", argument);
            return false;
        }
        const char *name = argument + 2;
        size_t length = strcspn(name, "=");
        const ll_option *option = find_option(command, name, length);
        if (option == NULL) {
            *exit_code = misuse_unknown(command, name, length);
            return false;
        }
        const char *text = name[length] == '=' ? name + length + 1 : NULL;
        if (option->type == LL_OPTION_FLAG) {
            if (text != NULL) {
                *exit_code = ll_command_misuse(command, "--%s takes no value; got '%s'", option->name, text);
                return false;
            }
            *(bool *)option->value = true;
        } else {
            bool another = i + 1 < argc && argv[i + 1][0] == '-' && argv[i + 1][1] == '-' &&
                           argv[i + 1][2] != 0; /* an option: this one's value is missing */
            if (text == NULL && i + 1 < argc && !another) text = argv[++i];
            if (text == NULL) {
                *exit_code = ll_command_misuse(command, "--%s needs a value; wanted %s", option->name,
                                               is_number(option->type) ? "a number" : option->argument);
                return false;
            }
            *exit_code = read_value(command, option, text);
            if (*exit_code != LL_EXIT_OK) return false;
        }
        if (option->given != NULL) *option->given = true;
    }
    int count = kept - 1;
    if (count < command->least_words || (command->most_words >= 0 && count > command->most_words)) {
        if (count > command->least_words) {
            *exit_code = ll_command_misuse(command, "'%s' is too much; wanted %s",
                                           argv[command->most_words + 1], command->usage);
        } else {
            *exit_code =
                ll_command_misuse(command, "%s; wanted %s",
                                  count == 0 ? "nothing to work on" : "something is missing", command->usage);
        }
        return false;
    }
    words->items = argv + 1;
    words->count = count;
    return true;
}
