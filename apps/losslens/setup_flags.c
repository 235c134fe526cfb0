#include "setup_flags.h"

#include <string.h>

/* Lines of LOSSLENS_VERBOSE: which node is computed by what, in what time. */
static void write_line(void *context, ll_log_level level, const char *line)
{
    (void)context, (void)level;
    fprintf(stderr, "%s\n", line);
}

static const ll_log standard_error = {.level = LL_LOG_VERBOSE, .write = write_line};

enum { MOST_OPTIONS = 48, OPTION_BYTES = 128 };

static ll_status read_normalisation(const ll_setup_flags *flags, ll_normalisation *out, ll_error *error)
{
    if (flags->mean.count == 0 && flags->deviation.count == 0) return LL_OK;
    if (flags->mean.count != flags->deviation.count || flags->mean.count > LL_CHANNEL_LIMIT) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--mean, --std", "got %d means and %d deviations; wanted as many of both, at most %d",
                       flags->mean.count, flags->deviation.count, LL_CHANNEL_LIMIT);
    }
    out->channels = flags->mean.count;
    for (int c = 0; c < flags->mean.count; c++) {
        out->mean[c] = (float)flags->mean.values[c];
        out->deviation[c] = (float)flags->deviation.values[c];
    }
    return LL_OK;
}

ll_setup_role ll_setup_flags_evaluate(const ll_setup_flags *flags)
{
    ll_split split = flags->split == NULL || strcmp(flags->split, "all") == 0 ? LL_SPLIT_ALL
                     : strcmp(flags->split, "train") == 0                     ? LL_SPLIT_TRAIN
                                                                              : LL_SPLIT_TEST;
    return (ll_setup_role){.role = "evaluate", .choice = {.split = split, .count = flags->samples, .in_order = flags->samples == 0,
                                                          .seed = (uint64_t)flags->seed}};
}

ll_status ll_setup_flags_open(const ll_setup_flags *flags, const ll_setup_role *roles, int64_t role_count, ll_setup **setup, ll_error *error)
{
    ll_network_option options[MOST_OPTIONS];
    char keys[MOST_OPTIONS][OPTION_BYTES];
    int64_t count = 0;
    int kinds = (flags->network != NULL) + (flags->network_file != NULL) + (flags->problem != NULL);
    if (kinds == 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--network",
                       "say what to look at: --network NAME or --network-file FILE with --data SOURCE, or --problem NAME");
    }
    if (kinds > 1) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--network, --network-file, --problem", "%d of them are given; give one", kinds);
    }
    if (flags->problem == NULL && flags->data == NULL) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--data", "a network needs data: for example --data cifar10:FOLDER");
    }
    if (flags->shortcut != NULL) options[count++] = (ll_network_option){"shortcut", flags->shortcut};
    for (int i = 0; i < flags->option.count; i++) {
        const char *text = flags->option.items[i], *equals = strchr(text, '=');
        if (equals == NULL || equals == text || equals - text >= OPTION_BYTES || count == MOST_OPTIONS) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--option", "got \"%s\"; wanted KEY=VALUE, at most %d times", text, MOST_OPTIONS - 1);
        }
        memcpy(keys[count], text, (size_t)(equals - text));
        keys[count][equals - text] = 0;
        options[count] = (ll_network_option){keys[count], equals + 1};
        count++;
    }
    ll_setup_role evaluate = ll_setup_flags_evaluate(flags);
    ll_setup_options setup_options = {
        .network = flags->network, .network_file = flags->network_file, .option = options, .options = count, .loss = flags->loss, .data = flags->data, .second_data = flags->train_data,
        .role = roles != NULL ? roles : &evaluate, .roles = roles != NULL ? role_count : 1, .pinn = flags->problem,
        .family = {.nu = flags->nu, .beta = flags->beta, .rho = flags->rho, .gaussian_start = flags->gaussian_start, .point_seed = (uint64_t)flags->point_seed},
        .checkpoint = flags->checkpoint, .by_order = flags->by_order, .seed = (uint64_t)flags->seed, .float64 = flags->float64,
        .weight_decay = flags->weight_decay, .threads = (int)flags->threads, .memory_limit = (size_t)flags->memory, .log = &standard_error};
    LL_TRY(read_normalisation(flags, &setup_options.normalisation, error));
    return ll_setup_create(&setup_options, setup, error);
}
