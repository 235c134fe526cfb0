/* setup_flags.h - the options that say which network or problem, which weights and which data: the same for every verb
 * that looks at a network.
 *
 *     ll_setup_flags flags = LL_SETUP_FLAGS_DEFAULT;
 *     const ll_option options[] = {LL_SETUP_OPTIONS(&flags), LL_OPTION_THREADS(&flags.threads), ...};
 *     ...
 *     ll_setup *setup;
 *     ll_setup_flags_open(&flags, roles, role_count, &setup, &error)
 */
#ifndef LOSSLENS_APP_SETUP_FLAGS_H
#define LOSSLENS_APP_SETUP_FLAGS_H

#include "json.h"
#include "losslens/study_setup.h"
#include "options.h"

typedef struct ll_setup_flags {
    const char *network, *network_file, *shortcut, *loss, *split, *data, *train_data, *checkpoint, *problem,
        *problem_file, *corrupt;
    const char
        *normalised_as; /* set by the verb: a checkpoint whose normalisation is taken where none is given */
    ll_texts option, role;
    ll_reals mean, deviation, class_weights;
    double beta, nu, rho, weight_decay, label_smoothing;
    int64_t ignore_label, samples, seed, point_seed, threads, memory;
    bool ignores_label, by_order, float64, gaussian_start;
    bool measure; /* the normalisation, on the images of the role fit, where none is given */
} ll_setup_flags;

#define LL_SETUP_FLAGS_DEFAULT                                                                               \
    {                                                                                                        \
        .samples = 0                                                                                         \
    }

#define LL_SETUP_OPTIONS(f)                                                                                   \
    LL_OPTION_SECTION("network"), {"network",                                                                 \
                                   LL_OPTION_TEXT,                                                            \
                                   &(f)->network,                                                             \
                                   "NAME",                                                                    \
                                   "resnet20, resnet18, vgg11, vit, unet, mlp, cnn ...",                      \
                                   0,                                                                         \
                                   0,                                                                         \
                                   NULL},                                                                     \
        {"network-file",                                                                                      \
         LL_OPTION_TEXT,                                                                                      \
         &(f)->network_file,                                                                                  \
         "FILE",                                                                                              \
         "a network written as blocks, in YAML or JSON",                                                      \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"shortcut", LL_OPTION_CHOICE, &(f)->shortcut, "A|B|none", "of a residual network", 0, 0, NULL},      \
        {"option",                                                                                            \
         LL_OPTION_TEXTS,                                                                                     \
         &(f)->option,                                                                                        \
         "KEY=VALUE",                                                                                         \
         "another option of the network (losslens inspect --networks lists them); may be repeated",           \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"checkpoint",                                                                                        \
         LL_OPTION_TEXT,                                                                                      \
         &(f)->checkpoint,                                                                                    \
         "FILE",                                                                                              \
         "weights: .pt .pth .th .pkl .safetensors .npz",                                                      \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"by-order",                                                                                          \
         LL_OPTION_FLAG,                                                                                      \
         &(f)->by_order,                                                                                      \
         NULL,                                                                                                \
         "match weights by shape-checked order as the last resort",                                           \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"seed",                                                                                              \
         LL_OPTION_INTEGER,                                                                                   \
         &(f)->seed,                                                                                          \
         "N",                                                                                                 \
         "of the initial weights where no checkpoint is given, and of choices",                               \
         0,                                                                                                   \
         1e15,                                                                                                \
         NULL},                                                                                               \
        LL_OPTION_SECTION("data"),                                                                            \
        {"data",                                                                                              \
         LL_OPTION_TEXT,                                                                                      \
         &(f)->data,                                                                                          \
         "SOURCE",                                                                                            \
         "cifar10:PATH, fashion-mnist, folder:PATH, xy:X,Y, a file ...",                                      \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"train-data",                                                                                        \
         LL_OPTION_TEXT,                                                                                      \
         &(f)->train_data,                                                                                    \
         "SOURCE",                                                                                            \
         "training samples, where --data holds none",                                                         \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"mean",                                                                                              \
         LL_OPTION_REALS,                                                                                     \
         &(f)->mean,                                                                                          \
         "M,..",                                                                                              \
         "subtracted from pixels in 0..1, one or one a channel",                                              \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"std", LL_OPTION_REALS, &(f)->deviation, "S,..", "then divided by, one or one a channel", 0, 0,      \
         NULL},                                                                                               \
        {"split",                                                                                             \
         LL_OPTION_CHOICE,                                                                                    \
         &(f)->split,                                                                                         \
         "all|train|test",                                                                                    \
         "which samples of the data; else the test samples where it has some",                                \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"samples", LL_OPTION_INTEGER, &(f)->samples, "N", "how many samples to evaluate; 0: all", 0, 1e12,   \
         NULL},                                                                                               \
        {"role",                                                                                              \
         LL_OPTION_TEXTS,                                                                                     \
         &(f)->role,                                                                                          \
         "ROLE=SPLIT[:N]",                                                                                    \
         "samples of fit, calibrate, evaluate or test: all, train, test, N of it, or @FILE",                  \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"corrupt",                                                                                           \
         LL_OPTION_TEXT,                                                                                      \
         &(f)->corrupt,                                                                                       \
         "KIND[:SEVERITY],..",                                                                                \
         "corrupt every image by one of these; all: any of nine kinds",                                       \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"loss",                                                                                              \
         LL_OPTION_CHOICE,                                                                                    \
         &(f)->loss,                                                                                          \
         "cross_entropy|mse|bce|segmentation",                                                                \
         "else what suits the data",                                                                          \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"class-weights",                                                                                     \
         LL_OPTION_REALS,                                                                                     \
         &(f)->class_weights,                                                                                 \
         "W,..",                                                                                              \
         "of the cross-entropy, one a class",                                                                 \
         0,                                                                                                   \
         1e9,                                                                                                 \
         NULL},                                                                                               \
        {"ignore-label",                                                                                      \
         LL_OPTION_INTEGER,                                                                                   \
         &(f)->ignore_label,                                                                                  \
         "N",                                                                                                 \
         "labels that count nothing, as 255 in masks",                                                        \
         0,                                                                                                   \
         1e9,                                                                                                 \
         &(f)->ignores_label},                                                                                \
        {"label-smoothing",                                                                                   \
         LL_OPTION_REAL,                                                                                      \
         &(f)->label_smoothing,                                                                               \
         "S",                                                                                                 \
         "share of each label that is spread over all classes",                                               \
         0,                                                                                                   \
         1,                                                                                                   \
         NULL},                                                                                               \
        LL_OPTION_SECTION("physics-informed problem, instead of network and data"),                           \
        {"problem",                                                                                           \
         LL_OPTION_CHOICE,                                                                                    \
         &(f)->problem,                                                                                       \
         "convection|convection-diffusion|reaction|reaction-diffusion",                                       \
         "one of the built-in family",                                                                        \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"problem-file",                                                                                      \
         LL_OPTION_TEXT,                                                                                      \
         &(f)->problem_file,                                                                                  \
         "FILE",                                                                                              \
         "a physics-informed problem written in YAML: inputs, terms, reference",                              \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"beta", LL_OPTION_REAL, &(f)->beta, "B", "convection speed of the problem", -1e6, 1e6, NULL},        \
        {"nu", LL_OPTION_REAL, &(f)->nu, "D", "diffusion of the problem", 0, 1e6, NULL},                      \
        {"rho", LL_OPTION_REAL, &(f)->rho, "R", "reaction rate of the problem", 0, 1e6, NULL},                \
        {"gaussian-start",                                                                                    \
         LL_OPTION_FLAG,                                                                                      \
         &(f)->gaussian_start,                                                                                \
         NULL,                                                                                                \
         "initial condition: a bell instead of sin x",                                                        \
         0,                                                                                                   \
         0,                                                                                                   \
         NULL},                                                                                               \
        {"point-seed", LL_OPTION_INTEGER, &(f)->point_seed, "N", "of the collocation points", 0, 1e15, NULL}, \
        LL_OPTION_SECTION("computation"), {"weight-decay",                                                    \
                                           LL_OPTION_REAL,                                                    \
                                           &(f)->weight_decay,                                                \
                                           "L",                                                               \
                                           "adds L/2 |theta|^2 to the loss",                                  \
                                           0,                                                                 \
                                           1e6,                                                               \
                                           NULL},                                                             \
        {"float64", LL_OPTION_FLAG, &(f)->float64, NULL, "compute in double precision", 0, 0, NULL},          \
    {                                                                                                         \
        "memory", LL_OPTION_BYTES, &(f)->memory, "BYTES", "refuse work that needs more", 0, 0, NULL           \
    }

/* The verb's roles, where --role does not say otherwise, and those of --role. roles NULL: those of --role alone, else the
 * role "evaluate", of --samples samples of --split, or of the data's test samples where it has some (all in order, else
 * a stratified choice). */
ll_status ll_setup_flags_open(const ll_setup_flags *flags, const ll_setup_role *roles, int64_t role_count,
                              ll_setup **setup, ll_error *error);

/* "roles": what each role is made of, "overlap": what two share; nothing without data. */
void ll_setup_flags_json(ll_json *json, const ll_setup *setup);

/* A physics-informed problem: no data, no roles. */
static inline bool ll_setup_flags_is_physics(const ll_setup_flags *flags)
{
    return flags->problem != NULL || flags->problem_file != NULL;
}

/* The role "evaluate" as the flags ask for it. */
ll_setup_role ll_setup_flags_evaluate(const ll_setup_flags *flags);

#endif
