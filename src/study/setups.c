/* Set-ups and weights that jobs share: opened when first asked for, the least recently used closed. */
#include "study/setups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WEIGHTS = 12, MOST_OPTIONS = 48 };

typedef struct ll_open_setup {
    struct {
        ll_setup_request request;
        ll_setup *setup;
        int64_t used;
    } entry[LL_MOST_SETUPS];
    int64_t clock;
} ll_open_setup;

typedef struct ll_loaded {
    struct {
        int64_t member, used;
        ll_array theta, buffers;
    } entry[MOST_WEIGHTS];
    int64_t clock;
} ll_loaded;

void ll_runner_release(ll_runner *runner)
{
    for (int i = 0; runner->open != NULL && i < LL_MOST_SETUPS; i++)
        ll_setup_destroy(runner->open->entry[i].setup);
    for (int i = 0; runner->loaded != NULL && i < MOST_WEIGHTS; i++) {
        ll_array_deinit(&runner->loaded->entry[i].theta);
        ll_array_deinit(&runner->loaded->entry[i].buffers);
    }
    ll_free(runner->open);
    ll_free(runner->loaded);
    runner->open = NULL;
    runner->loaded = NULL;
}

/* ---------------------------------------------------------------- from settings to options */

static ll_status read_normalisation(const ll_study *study, int64_t group, ll_normalisation *out,
                                    ll_error *error)
{
    const char *lists[2] = {ll_group_text(study, group, "normalise.mean"),
                            ll_group_text(study, group, "normalise.std")};
    char item[64];
    if (lists[0] == NULL) return LL_OK;
    int64_t count = ll_lines_count(lists[0]);
    if (count != ll_lines_count(lists[1]) || count > LL_CHANNEL_LIMIT)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "normalise",
                       "got %lld means and %lld deviations; wanted as many of both, at most %d",
                       (long long)count, (long long)ll_lines_count(lists[1]), LL_CHANNEL_LIMIT);
    out->channels = count;
    for (int64_t c = 0; c < count; c++) {
        out->mean[c] = strtof(ll_lines_item(lists[0], c, item, sizeof item), NULL);
        out->deviation[c] = strtof(ll_lines_item(lists[1], c, item, sizeof item), NULL);
    }
    return LL_OK;
}

static bool is_given(const ll_study *study, int64_t group, const char *key)
{
    return ll_settings_find(&study->groups[group].settings, key) >= 0;
}

/* all: counts that nobody asked for become "all there are". */
static ll_setup_role role_of(const ll_study *study, int64_t group, const char *role, ll_split usual,
                             int64_t count, bool all)
{
    char key[64];
    snprintf(key, sizeof key, "roles.%s.split", role);
    const char *split = ll_group_text(study, group, key);
    snprintf(key, sizeof key, "roles.%s", role);
    if (split == NULL) split = ll_group_text(study, group, key);
    ll_setup_role made = {.choice = {.split = usual}};
    if (split != NULL)
        made.choice.split = strcmp(split, "all") == 0     ? LL_SPLIT_ALL
                            : strcmp(split, "train") == 0 ? LL_SPLIT_TRAIN
                                                          : LL_SPLIT_TEST;
    snprintf(key, sizeof key, "roles.%s.first", role);
    made.choice.first = ll_group_integer(study, group, key);
    snprintf(key, sizeof key, "roles.%s.seed", role);
    made.choice.seed =
        is_given(study, group, key) ? (uint64_t)ll_group_integer(study, group, key) : study->seed;
    snprintf(key, sizeof key, "roles.%s.count", role);
    int64_t limit = ll_group_integer(study, group, key);
    bool given = is_given(study, group, key);
    made.choice.count = limit;
    if (count > 0 && (limit == 0 || count < limit)) {
        made.choice.count = count;
        given = false;
    }
    if (all && !given) made.choice.count = 0;
    made.choice.in_order = made.choice.count == 0;
    made.role = strcmp(role, "fit") == 0 ? "fit" : strcmp(role, "calibrate") == 0 ? "calibrate" : "evaluate";
    return made;
}

typedef struct setup_texts { /* what the options point to */
    ll_arena *memory;
    ll_network_option option[MOST_OPTIONS];
    ll_setup_role roles[3];
    int64_t hidden[16];
    ll_text data, second;
} setup_texts;

static ll_status network_options(const ll_runner *runner, const ll_setup_request *request, bool all,
                                 setup_texts *texts, ll_setup_options *options, ll_error *error)
{
    const ll_study *study = runner->study;
    int64_t g = request->group;
    const ll_settings *settings = &study->groups[g].settings;
    const char *file = ll_group_text(study, g, "network_file"),
               *second = ll_group_text(study, g, "train_data");
    options->network = ll_group_text(study, g, "network");
    if (file != NULL && (options->network_file = ll_study_path(study, file, texts->memory)) == NULL)
        return ll_fail_memory(error, LL_STUDY, 256);
    for (int64_t i = 0; i < settings->count; i++) {
        if (strncmp(settings->item[i].key, "options.", 8) != 0) continue;
        if (options->options == MOST_OPTIONS)
            return ll_fail(error, LL_TOO_LARGE, LL_STUDY, "options", "got more than %d", MOST_OPTIONS);
        texts->option[options->options++] =
            (ll_network_option){settings->item[i].key + 8, settings->item[i].value};
    }
    options->option = texts->option;
    options->loss = ll_group_text(study, g, "loss");
    LL_TRY(ll_study_source(study, ll_group_text(study, g, "data"), NULL, &texts->data, error));
    options->data = texts->data.text;
    const char *corruptions = ll_group_text(study, g, "corruptions");
    if (corruptions != NULL) {
        char *list = ll_arena_text(texts->memory, corruptions);
        if (list == NULL) return ll_fail_memory(error, LL_STUDY, 256);
        for (char *c = list; *c != 0; c++)
            if (*c == '\n') *c = ',';
        options->corruptions = list;
        options->corruption_seed = (uint64_t)ll_group_integer(study, g, "corruption_seed");
    }
    if (second != NULL) {
        LL_TRY(ll_study_source(study, second, NULL, &texts->second, error));
        options->second_data = texts->second.text;
    }
    ll_split train = second != NULL ? LL_SPLIT_ALL : LL_SPLIT_TRAIN;
    ll_split test = second != NULL ? LL_SPLIT_ALL : LL_SPLIT_TEST;
    texts->roles[options->roles++] = role_of(study, g, "evaluate", test, request->samples, all);
    texts->roles[options->roles] = role_of(study, g, "calibrate", train, 0, all);
    texts->roles[options->roles++].optional = true;
    if (request->fit >= 0)
        texts->roles[options->roles++] = role_of(study, g, "fit", train, request->fit, all);
    options->role = texts->roles;
    return read_normalisation(study, g, &options->normalisation, error);
}

static ll_status pinn_options(const ll_runner *runner, const ll_setup_request *request, setup_texts *texts,
                              ll_setup_options *options, ll_error *error)
{
    const ll_study *study = runner->study;
    int64_t g = request->group;
    const char *hidden = ll_group_text(study, g, "hidden");
    char item[64];
    options->pinn = ll_group_text(study, g, "problem");
    options->feature_points = request->feature_points;
    options->family = (ll_pinn_family){.nu = ll_group_real(study, g, "nu"),
                                       .beta = ll_group_real(study, g, "beta"),
                                       .rho = ll_group_real(study, g, "rho"),
                                       .gaussian_start = ll_group_flag(study, g, "gaussian_start"),
                                       .collocation = ll_group_integer(study, g, "collocation"),
                                       .point_seed = (uint64_t)ll_group_integer(study, g, "point_seed")};
    if (hidden == NULL) return LL_OK;
    options->family.hidden_count = ll_lines_count(hidden);
    if (options->family.hidden_count > 16)
        return ll_fail(error, LL_TOO_LARGE, LL_STUDY, "hidden", "got more than 16 layers");
    for (int64_t i = 0; i < options->family.hidden_count; i++) {
        texts->hidden[i] = strtoll(ll_lines_item(hidden, i, item, sizeof item), NULL, 10);
        if (texts->hidden[i] < 1 || texts->hidden[i] > 100000)
            return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "hidden", "got \"%s\"; wanted a width",
                           item);
    }
    options->family.hidden = texts->hidden;
    return LL_OK;
}

static ll_status create(ll_runner *runner, const ll_setup_request *request, bool all, ll_setup **setup,
                        ll_error *error)
{
    const ll_study *study = runner->study;
    int64_t g = request->group;
    const ll_member *first = &runner->members->member[runner->members->first[g]];
    setup_texts texts = {.memory = ll_arena_create(0)};
    ll_setup_options options = {.checkpoint = first->file,
                                .by_order = ll_group_flag(study, g, "by_order"),
                                .seed = (uint64_t)first->seed,
                                .float64 = ll_group_flag(study, g, "float64"),
                                .weight_decay = ll_group_real(study, g, "weight_decay"),
                                .threads = runner->options->threads,
                                .memory_limit = runner->options->memory};
    /* Decoupled decay is the optimiser's, no part of the loss. */
    const char *optimiser = ll_group_text(study, g, "train.optimiser");
    if (optimiser != NULL && strcmp(optimiser, "adamw") == 0) options.weight_decay = 0;
    ll_status status = texts.memory == NULL ? ll_fail_memory(error, LL_STUDY, 1024)
                       : study->groups[g].view.kind == LL_GROUP_PINN
                           ? pinn_options(runner, request, &texts, &options, error)
                           : network_options(runner, request, all, &texts, &options, error);
    if (status == LL_OK) status = ll_setup_create(&options, setup, error);
    ll_text_deinit(&texts.data);
    ll_text_deinit(&texts.second);
    ll_arena_destroy(texts.memory);
    return status;
}

/* ---------------------------------------------------------------- what is kept open */

static bool same_request(const ll_setup_request *a, const ll_setup_request *b)
{
    return a->group == b->group && a->fit == b->fit && a->samples == b->samples &&
           a->feature_points == b->feature_points;
}

ll_status ll_runner_setup_own(ll_runner *runner, const ll_setup_request *request, ll_setup **setup,
                              ll_error *error)
{
    ll_error reason = {0};
    ll_status status = create(runner, request, false, setup, &reason);
    if (status == LL_INVALID_ARGUMENT)
        status =
            create(runner, request, true, setup, &reason); /* fewer samples than the effort's usual number */
    if (status != LL_OK && error != NULL) *error = reason;
    return status;
}

ll_status ll_runner_setup(ll_runner *runner, const ll_setup_request *request, ll_setup **setup,
                          ll_error *error)
{
    ll_setup_request wanted = *request;
    if (runner->study->groups[request->group].view.kind == LL_GROUP_PINN) {
        wanted.fit = -1; /* a problem has no roles */
        wanted.samples = 0;
    } else {
        wanted.feature_points = 0;
    }
    if (runner->open == NULL && (runner->open = ll_allocate_zeroed(sizeof *runner->open)) == NULL)
        return ll_fail_memory(error, LL_STUDY, sizeof *runner->open);
    ll_open_setup *open = runner->open;
    int oldest = 0;
    for (int i = 0; i < LL_MOST_SETUPS; i++) {
        if (open->entry[i].setup != NULL && same_request(&open->entry[i].request, &wanted)) {
            open->entry[i].used = ++open->clock;
            *setup = open->entry[i].setup;
            return LL_OK;
        }
        if (open->entry[i].setup == NULL
                ? open->entry[oldest].setup != NULL
                : open->entry[i].used < open->entry[oldest].used && open->entry[oldest].setup != NULL)
            oldest = i;
    }
    ll_setup *made = NULL;
    LL_TRY(ll_runner_setup_own(runner, &wanted, &made, error));
    ll_setup_destroy(open->entry[oldest].setup);
    open->entry[oldest].setup = made;
    open->entry[oldest].request = wanted;
    open->entry[oldest].used = ++open->clock;
    *setup = made;
    return LL_OK;
}

ll_status ll_runner_weights(ll_runner *runner, int64_t member, const void **theta, const void **buffers,
                            ll_error *error)
{
    if (runner->loaded == NULL && (runner->loaded = ll_allocate_zeroed(sizeof *runner->loaded)) == NULL)
        return ll_fail_memory(error, LL_STUDY, sizeof *runner->loaded);
    ll_loaded *loaded = runner->loaded;
    int found = -1, oldest = 0;
    for (int i = 0; i < MOST_WEIGHTS; i++) {
        if (loaded->entry[i].theta.data != NULL && loaded->entry[i].member == member) found = i;
        if (loaded->entry[i].used < loaded->entry[oldest].used) oldest = i;
    }
    if (found < 0) {
        int64_t job = runner->plan->job[runner->plan->model[member]].id;
        ll_array weights = {0}, state = {0};
        LL_TRY(ll_store_read_array(runner->store, job, "theta", &weights, error));
        ll_status status = ll_store_read_array(runner->store, job, "buffers", &state, error);
        if (status != LL_OK) {
            ll_array_deinit(&weights);
            return status;
        }
        found = oldest;
        ll_array_deinit(&loaded->entry[found].theta);
        ll_array_deinit(&loaded->entry[found].buffers);
        loaded->entry[found].theta = weights;
        loaded->entry[found].buffers = state;
        loaded->entry[found].member = member;
    }
    loaded->entry[found].used = ++loaded->clock;
    *theta = loaded->entry[found].theta.data;
    *buffers = ll_array_count(&loaded->entry[found].buffers) > 0 ? loaded->entry[found].buffers.data : NULL;
    return LL_OK;
}

/* ---------------------------------------------------------------- what jobs ask */

ll_status ll_runner_record(ll_runner *runner, int64_t job, ll_record **record, ll_error *error)
{
    return ll_store_read_record(runner->store, runner->plan->job[job].id, record, error);
}

const char *ll_job_text(const ll_runner *runner, const ll_job *job, const char *key)
{
    return ll_request_text(runner->plan, job->request, key);
}

int64_t ll_job_integer(const ll_runner *runner, const ll_job *job, const char *key)
{
    const char *text = ll_job_text(runner, job, key);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

double ll_job_real(const ll_runner *runner, const ll_job *job, const char *key)
{
    const char *text = ll_job_text(runner, job, key);
    return text != NULL ? strtod(text, NULL) : 0.0;
}

bool ll_job_flag(const ll_runner *runner, const ll_job *job, const char *key)
{
    const char *text = ll_job_text(runner, job, key);
    return text != NULL && strcmp(text, "true") == 0;
}

int64_t ll_job_need(const ll_runner *runner, const ll_job *job, const char *kind, int64_t from)
{
    for (int64_t k = from; k < job->need_count; k++)
        if (strcmp(runner->plan->job[job->needs[k]].kind, kind) == 0) return k;
    return -1;
}

void ll_role_lists(const ll_problem *problem, const char *role, ll_samples *lists)
{
    const ll_problem_info *info = ll_problem_view(problem);
    for (int64_t t = 0; t < info->terms && t < LL_MOST_TERMS; t++) {
        const int64_t *indices;
        int64_t count;
        lists[t] = (ll_samples){NULL, info->term[t].samples};
        if ((info->capabilities & LL_CAN_SUBSETS) != 0 &&
            ll_problem_role(problem, role, t, &indices, &count, NULL) == LL_OK)
            lists[t] = (ll_samples){indices, count};
    }
}

ll_status ll_record_roles(ll_record *record, const ll_setup *setup, const char *skip, ll_error *error)
{
    static const char *const splits[] = {"all", "train", "test"};
    const ll_setup_samples *samples;
    const ll_setup_overlap *overlaps;
    int64_t roles = ll_setup_roles(setup, &samples), count;
    for (int64_t r = 0; r < roles; r++) {
        const ll_setup_samples *role = &samples[r];
        char name[96], hash[33];
        if (skip != NULL && strcmp(skip, role->role) == 0) continue;
        snprintf(name, sizeof name, "role_%s_split", role->role);
        LL_TRY(ll_record_set_text(record, name,
                                  role->listed    ? "listed"
                                  : role->divided ? "divided by seed"
                                                  : splits[role->split],
                                  error));
        snprintf(name, sizeof name, "role_%s_count", role->role);
        LL_TRY(ll_record_set_integer(record, name, "samples", role->count, error));
        snprintf(name, sizeof name, "role_%s_hash", role->role);
        ll_hash_text(role->hash, hash);
        LL_TRY(ll_record_set_text(record, name, hash, error));
        ll_array indices = {0};
        LL_TRY(ll_array_init(&indices, LL_ARRAY_INT32, 1, &role->count, error));
        for (int64_t i = 0; i < role->count; i++) ((int32_t *)indices.data)[i] = (int32_t)role->indices[i];
        snprintf(name, sizeof name, "role_%s_indices", role->role);
        ll_status status = ll_record_take_array(record, name, "", &indices, error);
        ll_array_deinit(&indices);
        LL_TRY(status);
    }
    count = ll_setup_overlaps(setup, &overlaps);
    for (int64_t i = 0; i < count; i++) {
        char name[128];
        if (overlaps[i].shared == 0) continue;
        snprintf(name, sizeof name, "overlap_%s_%s", overlaps[i].first, overlaps[i].second);
        LL_TRY(ll_record_set_integer(record, name, "samples", overlaps[i].shared, error));
    }
    return LL_OK;
}

double ll_real_of(const ll_record *record, const char *name)
{
    double value = NAN;
    return ll_record_get_real(record, name, &value, NULL) == LL_OK ? value : NAN;
}

const char *ll_text_of(const ll_record *record, const char *name)
{
    const char *text = "";
    return ll_record_get_text(record, name, &text, NULL) == LL_OK ? text : "";
}

const ll_array *ll_array_of(const ll_record *record, const char *name)
{
    const ll_array *array = NULL;
    return ll_record_get_array(record, name, &array, NULL) == LL_OK ? array : NULL;
}
