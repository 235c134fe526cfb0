/* options.h - how a verb reads its command line, says what it can do, and fails.
 *
 * A verb is one file, cmd_<name>.c, that defines one constant:
 *
 *     static int run(int argc, char **argv);           (argv[0] is the verb's name)
 *     const ll_verb ll_verb_<name> = {"<name>", "one line for `losslens help`", run};
 *
 * Dashes in a verb's name are underscores in the file's name ("cmd_dry_run.c" -> "dry-run" as .name). In
 * `run`, options are bound to variables whose initial values are the defaults, and parsed by one call:
 *
 *     bool json = false;
 *     int64_t threads = 0;
 *     double epsilon = -1.0;
 *     const char *connectivity = "freudenthal";
 *     const ll_option options[] = {
 *         {"connectivity", LL_OPTION_CHOICE, &connectivity, "axis|freudenthal|box", "neighbours of a vertex"},
 *         {"simplify", LL_OPTION_REAL, &epsilon, "E", "drop pairs whose persistence is at most E",
 *          .minimum = 0.0, .maximum = INFINITY},
 *         LL_OPTION_THREADS(&threads),
 *         LL_OPTION_JSON(&json),
 *     };
 *     const ll_command command = {
 *         .verb = "topology", .usage = "FIELD [options]", .about = "Trees and pairs of a scalar field.",
 *         .example = "losslens topology field.npy --figure tree.svg --kind tree",
 *         .options = options, .option_count = LL_COUNT(options),
 *         .least_words = 1, .most_words = 1};
 *     ll_words words;
 *     int code;
 *     if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
 *     ... words.items[0] is FIELD ...
 *     ll_error error = {0};
 *     if (work(&error) != LL_OK) return ll_command_failure(&command, &error);
 *     return LL_EXIT_OK;
 *
 * `--name value` and `--name=value` both work; a flag takes no value; `--` ends the options; options and
 * words may be mixed. `--help` prints usage, options with their defaults, and the example. An unknown option,
 * a missing or malformed value, or a wrong number of words is a usage error (exit status 2) that names what
 * was got, what was wanted, and the nearest valid spelling. Nothing is printed on standard output then.
 *
 * Exit status of every verb: 0 it worked, 1 it failed (bad file, no memory, ...), 2 wrong usage.
 * Messages: `losslens topology: <what>; got ...; wanted ...` on standard error, one line.
 *
 * Numbers for people: ll_print_number (4 significant digits unless told). Numbers for programs: json.h.
 */
#ifndef LOSSLENS_APP_OPTIONS_H
#define LOSSLENS_APP_OPTIONS_H

#include "losslens/base.h"

#include <math.h>
#include <stdio.h>

enum { LL_EXIT_OK = 0, LL_EXIT_FAILURE = 1, LL_EXIT_USAGE = 2 };

#define LL_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

typedef struct ll_verb {
    const char *name;
    const char *summary; /* one line, no full stop */
    int (*run)(int argc, char **argv);
} ll_verb;

typedef enum ll_option_type {
    LL_OPTION_FLAG,    /* bool *: set to true */
    LL_OPTION_INTEGER, /* int64_t * */
    LL_OPTION_REAL,    /* double *; inf and nan are refused */
    LL_OPTION_TEXT,    /* const char **; points into argv */
    LL_OPTION_CHOICE,  /* const char **; `argument` lists the choices, separated by '|' */
    LL_OPTION_BYTES,   /* int64_t *: 512MiB, 1GiB, 2GB, 1000 (bytes) */
    LL_OPTION_TEXTS,   /* ll_texts *: may be given several times */
    LL_OPTION_REALS,   /* ll_reals *: comma-separated numbers */
    LL_OPTION_HEADING  /* no option: a line of the help above those that follow */
} ll_option_type;

enum { LL_LIST_LIMIT = 256 };
typedef struct ll_texts {
    const char *items[LL_LIST_LIMIT]; /* point into argv */
    int count;
} ll_texts;
typedef struct ll_reals {
    double values[LL_LIST_LIMIT];
    int count;
} ll_reals;

typedef struct ll_option {
    const char *name; /* without the dashes */
    ll_option_type type;
    void *value;          /* see the type; holds the default before parsing */
    const char *argument; /* the value's name in the help ("FILE"), or the choices; NULL for a flag */
    const char *
        help; /* one line, no full stop; the default is added by --help; "...; 0: X" tells what 0 stands for */
    double minimum, maximum; /* allowed range of numbers; both 0: any */
    bool *given;             /* set when the option was on the command line; may be NULL */
} ll_option;

/* "network and data:" above the options that follow. */
#define LL_OPTION_SECTION(title)                                                                             \
    {                                                                                                        \
        "", LL_OPTION_HEADING, NULL, NULL, (title), 0.0, 0.0, NULL                                           \
    }

/* The options that every verb with an answer has. */
#define LL_OPTION_JSON(pointer)                                                                              \
    {                                                                                                        \
        "json", LL_OPTION_FLAG, (pointer), NULL, "print JSON for programs instead of text for people", 0.0,  \
            0.0, NULL                                                                                        \
    }
#define LL_OPTION_THREADS(pointer)                                                                           \
    {                                                                                                        \
        "threads", LL_OPTION_INTEGER, (pointer), "N", "threads to use; 0: every core this process may use",  \
            0.0, 1024.0, NULL                                                                                \
    }

typedef struct ll_command {
    const char *verb;
    const char *usage;   /* what follows `losslens VERB`: "FIELD [options]" */
    const char *about;   /* a sentence or a short paragraph, for --help */
    const char *example; /* whole command lines, '\n' between them */
    const ll_option *options;
    int option_count;
    int least_words, most_words; /* words that are not options; most_words < 0: any number */
} ll_command;

typedef struct ll_words {
    char **items; /* reordered inside argv: nothing to free */
    int count;
} ll_words;

/* true: go on, with the words that are not options in *words. false: return *exit_code from run (0 after
 * --help, 2 after a wrong line, about which everything has been said). */
bool ll_command_parse(const ll_command *command, int argc, char **argv, ll_words *words, int *exit_code);

/* Prints `losslens VERB: PLACE: message` and returns LL_EXIT_FAILURE. */
int ll_command_failure(const ll_command *command, const ll_error *error);

/* Prints `losslens VERB: message` and where to find help; returns LL_EXIT_USAGE. */
int ll_command_misuse(const ll_command *command, const char *format, ...) LL_PRINTF(2, 3);

/* A number for a person: `digits` significant digits (0: 4), no trailing zeros, exponent only outside
 * 1e-4 .. 1e6, "nan" and "inf" as they are. Returns buffer. */
const char *ll_print_number(double value, int digits, char buffer[LL_NUMBER_TEXT]);

/* A count with thin grouping for a person: 1,234,567. Returns buffer. */
const char *ll_print_count(int64_t count, char buffer[LL_NUMBER_TEXT]);

/* Bytes for a person: "512 MiB". Returns buffer. */
const char *ll_print_bytes(double bytes, char buffer[LL_NUMBER_TEXT]);

/* "1GiB", "512 MB", "1e6": true and *bytes, or false. */
bool ll_parse_bytes(const char *text, int64_t *bytes);

#endif
