#include "setup_flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines of LOSSLENS_VERBOSE: which node is computed by what, in what time. */
static void write_line(void *context, ll_log_level level, const char *line)
{
    (void)context, (void)level;
    fprintf(stderr, "%s\n", line);
}

static const ll_log standard_error = {.level = LL_LOG_VERBOSE, .write = write_line};

enum { MOST_OPTIONS = 48, OPTION_BYTES = 128, MOST_ROLES = 8, ROLE_BYTES = 32 };

static ll_status read_normalisation(const ll_setup_flags *flags, ll_normalisation *out, ll_error *error)
{
    if (flags->mean.count == 0 && flags->deviation.count == 0) return LL_OK;
    if (flags->mean.count != flags->deviation.count || flags->mean.count > LL_CHANNEL_LIMIT) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--mean, --std",
                       "got %d means and %d deviations; wanted as many of both, at most %d",
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
    return (ll_setup_role){.role = "evaluate",
                           .usual_split = flags->split == NULL,
                           .choice = {.split = split,
                                      .count = flags->samples,
                                      .in_order = flags->samples == 0,
                                      .seed = (uint64_t)flags->seed}};
}

static bool read_split(const char *text, ll_subset_request *choice)
{
    static const char *const names[] = {"all", "train", "test"};
    static const ll_split splits[] = {LL_SPLIT_ALL, LL_SPLIT_TRAIN, LL_SPLIT_TEST};
    size_t length = strcspn(text, ":");
    choice->in_order = text[length] == 0; /* everything */
    if (text[length] == ':') {
        char *end;
        choice->count = strtoll(text + length + 1, &end, 10);
        if (end == text + length + 1 || *end != 0 || choice->count < 1 ||
            choice->count > INT64_C(1000000000000))
            return false;
    }
    for (int i = 0; i < 3; i++) {
        if (strlen(names[i]) != length || strncmp(names[i], text, length) != 0) continue;
        choice->split = splits[i];
        return true;
    }
    return false;
}

/* "fit=train:4000", "test=test", "evaluate=@numbers.npy" into *role, whose name lies in `name`. */
static ll_status read_role(const ll_setup_flags *flags, const char *text, char name[ROLE_BYTES],
                           ll_setup_role *role, ll_error *error)
{
    static const char *const known[] = {"fit", "calibrate", "evaluate", "test"};
    const char *equals = strchr(text, '=');
    size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
    *role = (ll_setup_role){.role = name, .choice = {.seed = (uint64_t)flags->seed}};
    snprintf(name, ROLE_BYTES, "%.*s", (int)(length < ROLE_BYTES ? length : ROLE_BYTES - 1), text);
    bool is_role = false;
    for (int i = 0; i < LL_COUNT(known); i++) is_role = is_role || strcmp(known[i], name) == 0;
    bool listed = equals != NULL && equals[1] == '@' && equals[2] != 0;
    if (listed) role->index_file = equals + 2;
    if (is_role && equals != NULL && (listed || read_split(equals + 1, &role->choice))) return LL_OK;
    return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--role",
                   "got \"%s\"; wanted fit, calibrate, evaluate or test, and which samples: =all, =train, "
                   "=test, =train:1000, =@FILE",
                   text);
}

/* The verb's roles, then those of the command line, which take the place of the verb's. */
static ll_status merge_roles(const ll_setup_flags *flags, const ll_setup_role *roles, int64_t count,
                             char names[MOST_ROLES][ROLE_BYTES], ll_setup_role merged[MOST_ROLES],
                             int64_t *merged_count, ll_error *error)
{
    int64_t done = 0;
    for (int64_t i = 0; i < count; i++) merged[done++] = roles[i];
    for (int i = 0; i < flags->role.count; i++) {
        ll_setup_role role;
        int64_t at = 0;
        if (i == MOST_ROLES)
            return ll_fail(error, LL_TOO_LARGE, "losslens", "--role", "given more than %d times", MOST_ROLES);
        LL_TRY(read_role(flags, flags->role.items[i], names[i], &role, error));
        while (at < done && strcmp(merged[at].role, role.role) != 0) at++;
        if (at == MOST_ROLES)
            return ll_fail(error, LL_TOO_LARGE, "losslens", "--role", "more than %d roles", MOST_ROLES);
        merged[at] = role;
        if (at == done) done++;
    }
    *merged_count = done;
    return LL_OK;
}

ll_status ll_setup_flags_open(const ll_setup_flags *flags, const ll_setup_role *roles, int64_t role_count,
                              ll_setup **setup, ll_error *error)
{
    ll_network_option options[MOST_OPTIONS];
    char keys[MOST_OPTIONS][OPTION_BYTES];
    int64_t count = 0;
    int kinds = (flags->network != NULL) + (flags->network_file != NULL) + (flags->problem != NULL) +
                (flags->problem_file != NULL);
    if (kinds == 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--network",
                       "say what to look at: --network NAME or --network-file FILE with --data SOURCE, or "
                       "--problem NAME");
    }
    if (kinds > 1) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--network, --network-file, --problem",
                       "%d of them are given; give one", kinds);
    }
    if (!ll_setup_flags_is_physics(flags) && flags->data == NULL) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--data",
                       "a network needs data: for example --data cifar10:FOLDER");
    }
    if (flags->shortcut != NULL) options[count++] = (ll_network_option){"shortcut", flags->shortcut};
    for (int i = 0; i < flags->option.count; i++) {
        const char *text = flags->option.items[i], *equals = strchr(text, '=');
        if (equals == NULL || equals == text || equals - text >= OPTION_BYTES || count == MOST_OPTIONS) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", "--option",
                           "got \"%s\"; wanted KEY=VALUE, at most %d times", text, MOST_OPTIONS - 1);
        }
        memcpy(keys[count], text, (size_t)(equals - text));
        keys[count][equals - text] = 0;
        options[count] = (ll_network_option){keys[count], equals + 1};
        count++;
    }
    const char *misplaced = flags->data != NULL      ? "--data"
                            : flags->role.count > 0  ? "--role"
                            : flags->corrupt != NULL ? "--corrupt"
                            : flags->mean.count > 0  ? "--mean"
                                                     : NULL;
    if (ll_setup_flags_is_physics(flags) && misplaced != NULL) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "losslens", misplaced,
                       "belongs to a network with data, not to --problem");
    }
    ll_setup_role evaluate = ll_setup_flags_evaluate(flags), merged[MOST_ROLES];
    char names[MOST_ROLES][ROLE_BYTES];
    bool own = roles == NULL && flags->role.count == 0;
    LL_TRY(merge_roles(flags, own ? &evaluate : roles,
                       own             ? 1
                       : roles != NULL ? role_count
                                       : 0,
                       names, merged, &role_count, error));
    ll_setup_options setup_options = {.network = flags->network,
                                      .network_file = flags->network_file,
                                      .option = options,
                                      .options = count,
                                      .loss = flags->loss,
                                      .data = flags->data,
                                      .second_data = flags->train_data,
                                      .role = merged,
                                      .roles = role_count,
                                      .measure_normalisation = flags->measure,
                                      .corruptions = flags->corrupt,
                                      .corruption_seed = (uint64_t)flags->seed,
                                      .label_smoothing = flags->label_smoothing,
                                      .class_weights = flags->class_weights.values,
                                      .class_weight_count = flags->class_weights.count,
                                      .ignores_label = flags->ignores_label,
                                      .ignore_label = flags->ignore_label,
                                      .pinn = flags->problem,
                                      .problem_file = flags->problem_file,
                                      .family = {.nu = flags->nu,
                                                 .beta = flags->beta,
                                                 .rho = flags->rho,
                                                 .gaussian_start = flags->gaussian_start,
                                                 .point_seed = (uint64_t)flags->point_seed},
                                      .checkpoint = flags->checkpoint,
                                      .normalised_as = flags->normalised_as,
                                      .by_order = flags->by_order,
                                      .seed = (uint64_t)flags->seed,
                                      .float64 = flags->float64,
                                      .weight_decay = flags->weight_decay,
                                      .threads = (int)flags->threads,
                                      .memory_limit = (size_t)flags->memory,
                                      .log = &standard_error};
    LL_TRY(read_normalisation(flags, &setup_options.normalisation, error));
    return ll_setup_create(&setup_options, setup, error);
}

void ll_setup_flags_json(ll_json *json, const ll_setup *setup)
{
    static const char *const splits[] = {"all", "train", "test"};
    const ll_setup_samples *samples;
    const ll_setup_overlap *overlap;
    int64_t roles = ll_setup_roles(setup, &samples), overlaps = ll_setup_overlaps(setup, &overlap);
    if (roles == 0) return;
    ll_json_key(json, "roles");
    ll_json_open(json, '{');
    for (int64_t i = 0; i < roles; i++) {
        char hash[33];
        ll_hash_text(samples[i].hash, hash);
        ll_json_key(json, samples[i].role);
        ll_json_open(json, '{');
        ll_json_add_text(json, "data", samples[i].data);
        ll_json_add_text(json, "split", samples[i].listed ? "listed" : splits[samples[i].split]);
        if (samples[i].divided) ll_json_add_boolean(json, "divided_by_seed", true);
        ll_json_add_integer(json, "samples", samples[i].count);
        ll_json_add_text(json, "hash", hash);
        ll_json_close(json, '}');
    }
    ll_json_close(json, '}');
    ll_json_key(json, "overlap");
    ll_json_open(json, '[');
    for (int64_t i = 0; i < overlaps; i++) {
        ll_json_open(json, '{');
        ll_json_add_text(json, "first", overlap[i].first);
        ll_json_add_text(json, "second", overlap[i].second);
        ll_json_add_integer(json, "shared", overlap[i].shared);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
}
