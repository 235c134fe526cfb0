/* losslens init - a study file to start from, with a comment at every line. */
#include "options.h"

#include "losslens/formats.h"
#include "losslens/study.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The name of the study stands for %s; everything else is as it is written. */
static const char *const analyses =
    "\n"
    "analyses:                            # leave one out and it is not computed; `true` takes the defaults "
    "of the effort\n"
    "  metrics: true                      # loss, accuracy or error, predictions\n"
    "  landscape: {grid: 25x25, range: '-1:1'}   # direction: random | hessian | pca; planes: 5 repeats over "
    "seeds\n"
    "  hessian: {top: 10, trace: true}    # eigenpairs with residuals; trace and density with standard "
    "errors\n"
    "  similarity: true                   # CKA of all layers, debiased\n"
    "  connectivity: {pairs: all}         # paths between the models of a group, trained to a stop\n"
    "  placement: {methods: [mds]}        # the models in the plane\n"
    "  topology: true                     # merge trees, persistence, numbers of each landscape\n"
    "  distances: true                    # between diagrams and fields\n"
    "  taxonomy: true                     # sharp or flat, poorly or well connected\n"
    "  comparison: true                   # every number by group; rank correlations\n"
    "  trust: true                        # pass, doubt or fail, and what to run next\n";

typedef struct example {
    const char *name, *about, *head, *tail; /* tail NULL: the analyses above */
} example;

static const example examples[] = {
    {"resnet", "residual networks and plain ones, trained on Fashion-MNIST",
     "study: %s                       # the results go to %s.db beside this file\n"
     "effort: standard                     # quick | standard | paper: samples, grids, budgets\n"
     "seed: 0                              # of directions and choices of samples\n"
     "\n"
     "groups:\n"
     "  - name: net                        # the members are net.../0, net.../1 ...\n"
     "    title: ResNet-8 on Fashion-MNIST\n"
     "    network: resnet8                 # losslens eval --help lists the networks\n"
     "    options: {width: 8}\n"
     "    sweep: {options.shortcut: [B, none]}   # one group a value: with and without residual connections\n"
     "    data: fashion-mnist              # Debian's package dataset-fashion-mnist\n"
     "    normalise: {mean: 0.286, std: 0.353}   # as in training: wrong numbers are the usual reason for "
     "wrong pictures\n"
     "    roles:                           # which samples are used for what\n"
     "      fit: {split: train, count: 20000}\n"
     "      evaluate: {split: test, count: 1000}\n"
     "      calibrate: {split: train, count: 1000}   # batch norm is re-estimated on these\n"
     "    train: {seeds: 0..3, epochs: 5, rate: 0.1, batch: 128, schedule: cosine, trajectory_every: 1}\n"
     "    # expect: {accuracy: 0.88}       # stops the run when a model is off by more than a point\n",
     NULL},
    {"checkpoints", "networks that were trained elsewhere",
     "study: %s                       # the results go to %s.db beside this file\n"
     "effort: standard                     # quick | standard | paper: samples, grids, budgets\n"
     "\n"
     "groups:\n"
     "  - name: resnet20                   # the members are resnet20/0, resnet20/1 ... in natural order of "
     "the files\n"
     "    network: resnet20\n"
     "    options: {shortcut: B}\n"
     "    data: cifar10:cifar-10-batches-bin     # paths are taken from this file's folder\n"
     "    normalise: {mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010]}   # as in training\n"
     "    roles: {evaluate: {split: test, count: 1000}, calibrate: {split: train, count: 1000}}\n"
     "    checkpoints: ['runs/*.pt']       # .pt .pth .pkl .safetensors .npz; losslens inspect says what is "
     "in one\n"
     "    # trajectory: 'runs/{stem}/epoch_*.pt'   # the path of each member, drawn on its landscape\n"
     "    expect: {accuracy: 0.92}         # stops the run when a model is off by more than a point\n",
     NULL},
    {"pinn", "physics-informed networks of 1-D convection at several speeds",
     "study: %s                       # the results go to %s.db beside this file\n"
     "effort: standard                     # quick | standard | paper: samples, grids, budgets\n"
     "seed: 0\n"
     "\n"
     "groups:\n"
     "  - name: convection                 # convection(beta=1), convection(beta=10), convection(beta=50)\n"
     "    problem: convection              # u_t + beta u_x = 0; also convection-diffusion, reaction, "
     "reaction-diffusion\n"
     "    sweep: {beta: [1, 10, 50]}\n"
     "    train: {seeds: 0..3, epochs: 1500, trajectory_every: 50}   # L-BFGS on all points\n",
     NULL},
    {"topology", "scalar fields from files: no network at all",
     "study: %s                       # the results go to %s.db beside this file\n"
     "\n"
     "groups:\n"
     "  - name: fields\n"
     "    fields: ['*.npy']                # npy, npz, vti, csv, hdf5; members are named after their files\n"
     "    axes: [[-1, 1], [-1, 1]]         # low and high of each axis; without it 0, 1, 2 ...\n"
     "\n",
     "analyses:\n"
     "  topology: {connectivity: freudenthal, highest_dimension: 1}   # also axis, box, freudenthal-plus\n"
     "  distances: {kinds: [bottleneck, wasserstein, tree, field]}\n"
     "  comparison: true\n"
     "  trust: true\n"},
};

static ll_status write_study(const char *path, const char *name, const example *chosen, ll_error *error)
{
    struct stat about;
    ll_text text = {0};
    if (stat(path, &about) == 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", path,
                       "there is such a file already; nothing was written");
    for (const char *at = chosen->head; *at != 0;) {
        if (at[0] == '%' && at[1] == 's') {
            ll_text_append(&text, name);
            at += 2;
        } else {
            ll_text_append_bytes(&text, at++, 1);
        }
    }
    ll_text_append(&text, chosen->tail != NULL ? chosen->tail : analyses);
    /* What is written must be what can be read. */
    ll_study *study = NULL;
    ll_status status = text.failed ? ll_fail_memory(error, "losslens", 4096)
                                   : ll_study_parse(text.text, text.length, path, "", NULL, &study, error);
    ll_study_destroy(study);
    if (status == LL_OK) status = ll_file_write(path, text.text, text.length, error);
    ll_text_deinit(&text);
    return status;
}

static int run(int argc, char **argv)
{
    const char *kind = "resnet";
    const ll_option options[] = {
        {"example", LL_OPTION_CHOICE, &kind, "resnet|checkpoints|pinn|topology", "what it is about", 0, 0,
         NULL},
    };
    const ll_command command = {
        .verb = "init",
        .usage = "NAME [options]",
        .about = "Writes NAME.yaml, a commented study to change: networks trained here (resnet), networks "
                 "trained elsewhere\n"
                 "(checkpoints), physics-informed networks (pinn), or scalar fields (topology).",
        .example = "losslens init my-study --example pinn\nlosslens run my-study.yaml --dry-run",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 1,
        .most_words = 1};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    char path[4096], name[256];
    const char *word = words.items[0], *slash = strrchr(word, '/'), *last = slash != NULL ? slash + 1 : word;
    size_t length = strlen(word);
    bool has_suffix = length > 5 && strcmp(word + length - 5, ".yaml") == 0;
    snprintf(name, sizeof name, "%.*s", (int)(strlen(last) - (has_suffix ? 5 : 0)), last);
    if (name[0] == 0 ||
        snprintf(path, sizeof path, "%s%s", word, has_suffix ? "" : ".yaml") >= (int)sizeof path)
        return ll_command_misuse(&command, "'%s' names no file", word);
    ll_error error = {0};
    const example *chosen = &examples[0];
    for (int i = 0; i < LL_COUNT(examples); i++)
        if (strcmp(examples[i].name, kind) == 0) chosen = &examples[i];
    if (write_study(path, name, chosen, &error) != LL_OK) return ll_command_failure(&command, &error);
    printf("%s: %s\nwhat it takes:  losslens run %s --dry-run\nto compute it:  losslens run %s\n", path,
           chosen->about, path, path);
    return LL_EXIT_OK;
}

const ll_verb ll_verb_init = {"init", "a commented study file to start from", run};
