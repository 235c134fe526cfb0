/* losslens - the program: `losslens VERB ...`. Each cmd_<verb>.c is a verb; the list is made by the build. */
#include "config.h"
#include "options.h"

#include <string.h>

#ifdef __SANITIZE_ADDRESS__
/* Fontconfig keeps its caches until the process ends; that is no leak of ours. */
LL_API const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig"; }
#endif

#define LL_VERB(name) extern const ll_verb ll_verb_##name;
#include "verbs.inc"
#undef LL_VERB

static const ll_verb *const verbs[] = {
#define LL_VERB(name) &ll_verb_##name,
#include "verbs.inc"
#undef LL_VERB
    NULL};

enum { VERB_COUNT = LL_COUNT(verbs) - 1 };

static const ll_verb *find_verb(const char *name)
{
    for (int i = 0; i < VERB_COUNT; i++) {
        if (strcmp(verbs[i]->name, name) == 0) return verbs[i];
    }
    return NULL;
}

/* The order in which the verbs are told; those of no group come last. */
static const struct {
    const char *title;
    const char *verbs[10];
} groups[] = {{"files", {"inspect", "topology", "compare", "data"}},
              {"networks and physics-informed problems",
               {"train", "eval", "check", "landscape", "hessian", "connect", "cka"}},
              {"studies: many models, one file",
               {"init", "run", "status", "serve", "figure", "table", "report", "export"}}};

static void print_verb(FILE *file, const ll_verb *verb)
{
    fprintf(file, "  %-12s %s\n", verb->name, verb->summary);
}

static void print_verbs(FILE *file)
{
    fprintf(file, "losslens - the shape of neural loss landscapes, and of any scalar field\n\n"
                  "usage: losslens VERB [options]\n\n");
    bool told[VERB_COUNT] = {false};
    for (int g = 0; g < LL_COUNT(groups); g++) {
        fprintf(file, "%s%s:\n", g > 0 ? "\n" : "", groups[g].title);
        for (int i = 0; i < LL_COUNT(groups[g].verbs) && groups[g].verbs[i] != NULL; i++) {
            for (int v = 0; v < VERB_COUNT; v++) {
                if (strcmp(verbs[v]->name, groups[g].verbs[i]) != 0) continue;
                print_verb(file, verbs[v]);
                told[v] = true;
            }
        }
    }
    for (int v = 0; v < VERB_COUNT; v++) {
        if (!told[v]) print_verb(file, verbs[v]);
    }
    fprintf(file, "\nlosslens VERB --help    what a verb takes, with an example\n"
                  "losslens --version      the version of this program\n");
}

static int unknown_verb(const char *name)
{
    const char *names[VERB_COUNT + 1];
    for (int i = 0; i < VERB_COUNT; i++) names[i] = verbs[i]->name;
    names[VERB_COUNT] = "help";
    const char *near = ll_nearest_word(name, names, VERB_COUNT + 1);
    fprintf(stderr, "losslens: there is no verb '%s'", name);
    if (near != NULL) fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, " (losslens help)\n");
    return LL_EXIT_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_verbs(stderr);
        return LL_EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("losslens %s\n", LOSSLENS_VERSION);
        return LL_EXIT_OK;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        if (argc < 3) {
            print_verbs(stdout);
            return LL_EXIT_OK;
        }
        const ll_verb *verb = find_verb(argv[2]);
        if (verb == NULL) return unknown_verb(argv[2]);
        char help[] = "--help";
        char *arguments[] = {argv[2], help, NULL};
        return verb->run(2, arguments);
    }
    const ll_verb *verb = find_verb(name);
    if (verb == NULL) return unknown_verb(name);
    int code;
    ll_config config;
    if (!ll_config_expand(argc - 1, argv + 1, &config, &code)) return code;
    code = verb->run(config.argc, config.argv);
    ll_config_deinit(&config);
    /* A full disk or a closed pipe must not look like success. */
    if (fflush(stdout) != 0 && code == LL_EXIT_OK) {
        fprintf(stderr, "losslens %s: standard output could not be written\n", name);
        code = LL_EXIT_FAILURE;
    }
    return code;
}
