/* Can this study be trusted? The checks of all its results, gathered: pass, doubt or fail, the number, what
 * it means, and what to run next. */
#include "study/setups.h"

#include "losslens/landscape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ll_setting_row rows[] = {
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

/* In the order of the page; the checks of landscapes follow. */
#define TRUST_LIST(X)                                                                                        \
    X(TRAINING, "training")                                                                                  \
    X(PERFORMANCE, "performance")                                                                            \
    X(SEEDS, "seeds")                                                                                        \
    X(PLANES, "planes")                                                                                      \
    X(CURVES, "curve_convergence")                                                                           \
    X(RESIDUALS, "eigenvalue_residual")                                                                      \
    X(SAMPLING, "sampling_error")                                                                            \
    X(TRACE, "trace_error")                                                                                  \
    X(CKA, "cka_bias")                                                                                       \
    X(MINIMA, "unresolved_minima")                                                                           \
    X(PLACEMENT, "placement_quality")                                                                        \
    X(TAXONOMY, "taxonomy_margin")
typedef enum trust_check {
#define TRUST_ENUM(name, text) TRUST_##name,
    TRUST_LIST(TRUST_ENUM)
#undef TRUST_ENUM
        TRUST_CHECKS
} trust_check;
static const char *const check_names[] = {
#define TRUST_NAME(name, text) text,
    TRUST_LIST(TRUST_NAME)
#undef TRUST_NAME
};

/* What has been seen of one check: how many results, how many doubtful and bad, the worst number. */
typedef struct tally {
    int64_t seen, doubt, fail;
    double worst;
    char where[200];
    char sentence[256], next[192]; /* of the worst, for checks that bring their own words */
    ll_verdict verdict;
} tally;

typedef struct page {
    tally check[TRUST_CHECKS], plot[LL_FINDINGS];
    ll_runner *runner;
    const ll_job *job;
} page;

static void note(tally *t, ll_verdict verdict, double number, const char *where)
{
    bool worse = t->seen == 0 || verdict > t->verdict || (verdict == t->verdict && number > t->worst);
    t->seen++;
    t->doubt += verdict == LL_VERDICT_DOUBT;
    t->fail += verdict == LL_VERDICT_FAIL;
    if (!worse) return;
    t->verdict = verdict;
    t->worst = number;
    snprintf(t->where, sizeof t->where, "%s", where);
}

static ll_verdict judge(double value, double doubt, double fail)
{
    return isnan(value) || value > fail ? LL_VERDICT_FAIL
           : value > doubt              ? LL_VERDICT_DOUBT
                                        : LL_VERDICT_PASS;
}

/* ---------------------------------------------------------------- one result */

static void see_landscape(page *p, const ll_job *need, const ll_record *record)
{
    for (int i = 0; i < LL_FINDINGS; i++) {
        char name[96];
        const char *check = ll_finding_name((ll_finding_check)i), *verdict;
        snprintf(name, sizeof name, "check_%s_verdict", check);
        verdict = ll_text_of(record, name);
        if (verdict[0] == 0) continue;
        ll_verdict is = verdict[0] == 'f'   ? LL_VERDICT_FAIL
                        : verdict[0] == 'd' ? LL_VERDICT_DOUBT
                                            : LL_VERDICT_PASS;
        snprintf(name, sizeof name, "check_%s_number", check);
        tally *t = &p->plot[i];
        bool worse = t->seen == 0 || is > t->verdict;
        note(t, is, ll_real_of(record, name), need->subject);
        if (!worse) continue;
        snprintf(name, sizeof name, "check_%s_sentence", check);
        snprintf(t->sentence, sizeof t->sentence, "%s", ll_text_of(record, name));
        snprintf(name, sizeof name, "check_%s_next", check);
        snprintf(t->next, sizeof t->next, "%s", ll_text_of(record, name));
    }
}

static void see_eigenpairs(page *p, const ll_job *need, const ll_record *record)
{
    const ll_array *residuals = ll_array_of(record, "residuals"),
                   *errors = ll_array_of(record, "sampling_error"),
                   *values = ll_array_of(record, "eigenvalues");
    double worst = 0, tolerance = fmax(ll_real_of(record, "tolerance"), 1e-12);
    for (int64_t i = 0; residuals != NULL && i < ll_array_count(residuals); i++)
        worst = fmax(worst, ll_array_get(residuals, i));
    note(&p->check[TRUST_RESIDUALS], judge(worst, 1.01 * tolerance, 0.1), worst, need->subject);
    if (errors != NULL && values != NULL && ll_array_count(values) > 0) {
        double share = ll_array_get(errors, 0) / fmax(fabs(ll_array_get(values, 0)), 1e-300);
        note(&p->check[TRUST_SAMPLING], judge(share, 0.1, 0.5), share, need->subject);
    }
}

static void see_metrics(page *p, const ll_job *need, const ll_record *record)
{
    double classes = ll_real_of(record, "classes"), accuracy = ll_real_of(record, "accuracy"),
           error = ll_real_of(record, "relative_error");
    if (isfinite(classes) && isfinite(accuracy))
        note(&p->check[TRUST_PERFORMANCE],
             accuracy < 1.5 / classes   ? LL_VERDICT_FAIL
             : accuracy < 3.0 / classes ? LL_VERDICT_DOUBT
                                        : LL_VERDICT_PASS,
             1.0 - accuracy, need->subject);
    else if (isfinite(error))
        note(&p->check[TRUST_PERFORMANCE], judge(error, 0.1, 0.9), error, need->subject);
    else if (!isfinite(ll_real_of(record, "loss")))
        note(&p->check[TRUST_PERFORMANCE], LL_VERDICT_FAIL, ll_real_of(record, "loss"), need->subject);
}

static void see_model(page *p, const ll_job *need, const ll_record *record)
{
    const char *reason = ll_text_of(record, "reason");
    if (reason[0] == 0) return; /* a checkpoint says nothing of its training */
    bool diverged = strcmp(reason, "diverged") == 0, spent = strcmp(reason, "complete") == 0;
    /* For L-BFGS the end of the budget means that it had not arrived. */
    bool full =
        strcmp(ll_text_of(record, "optimiser"), "lbfgs") == 0 || ll_real_of(record, "batch_size") == 0;
    note(&p->check[TRUST_TRAINING],
         diverged        ? LL_VERDICT_FAIL
         : spent && full ? LL_VERDICT_DOUBT
                         : LL_VERDICT_PASS,
         ll_real_of(record, "last_loss"), need->subject);
}

static void see_cka(page *p, const ll_record *record)
{
    const ll_array *baseline = ll_array_of(record, "baseline");
    double highest = NAN;
    int64_t n = baseline != NULL ? baseline->shape[0] : 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) {
            double value = ll_array_get(baseline, i * n + j);
            if (!isnan(value) && !(value <= highest)) highest = value;
        }
    if (!isnan(highest))
        note(&p->check[TRUST_CKA], judge(highest, 0.1, 0.4), highest, ll_text_of(record, "variant"));
}

static void see(page *p, const ll_job *need, const ll_record *record)
{
    const char *kind = need->kind;
    if (strcmp(kind, "model") == 0) see_model(p, need, record);
    if (strcmp(kind, "metrics") == 0) see_metrics(p, need, record);
    if (strcmp(kind, "landscape") == 0) see_landscape(p, need, record);
    if (strcmp(kind, "eigenpairs") == 0) see_eigenpairs(p, need, record);
    if (strcmp(kind, "similarity") == 0) see_cka(p, record);
    if (strcmp(kind, "trace") == 0) {
        double share = ll_real_of(record, "standard_error") / fmax(fabs(ll_real_of(record, "trace")), 1e-300);
        note(&p->check[TRUST_TRACE], judge(share, 0.1, 0.5), share, need->subject);
    }
    if (strcmp(kind, "topology") == 0) {
        const ll_array *resolved = ll_array_of(record, "pair_resolved"),
                       *essential = ll_array_of(record, "pair_essential"),
                       *dimension = ll_array_of(record, "pair_dimension");
        double all = 0, lost = 0;
        for (int64_t i = 0; resolved != NULL && i < ll_array_count(resolved); i++) {
            if (ll_array_get(dimension, i) != 0 || ll_array_get(essential, i) != 0) continue;
            all++;
            lost += ll_array_get(resolved, i) == 0;
        }
        if (resolved != NULL)
            note(&p->check[TRUST_MINIMA], judge(all > 0 ? lost / all : 0, 0.1, 0.5), all > 0 ? lost / all : 0,
                 need->subject);
    }
    if (strcmp(kind, "placement") == 0 && strcmp(ll_text_of(record, "method"), "mds") == 0 && need->owner < 0)
        note(&p->check[TRUST_PLACEMENT], judge(ll_real_of(record, "quality"), 0.1, 0.3),
             ll_real_of(record, "quality"), need->other);
    if (strcmp(kind, "taxonomy") == 0) {
        double share =
            fmin(ll_real_of(record, "share_threshold"),
                 isnan(ll_real_of(record, "share_bootstrap")) ? 1.0 : ll_real_of(record, "share_bootstrap"));
        bool undecided = strcmp(ll_text_of(record, "nearest_label"), "undecided") == 0;
        note(&p->check[TRUST_TAXONOMY],
             undecided     ? LL_VERDICT_FAIL
             : share < 0.8 ? LL_VERDICT_DOUBT
                           : LL_VERDICT_PASS,
             1.0 - share, need->group);
    }
}

/* ---------------------------------------------------------------- what is counted, not read */

static ll_status count_pairs(page *p, ll_error *error)
{
    ll_store_numbers numbers;
    const char *const names[] = {"converged"};
    const ll_store_filter filter = {.kind = "pair"};
    LL_TRY(ll_store_read_numbers(p->runner->store, &filter, names, 1, &numbers, error));
    tally *t = &p->check[TRUST_CURVES];
    int64_t open = 0;
    for (int64_t i = 0; i < numbers.count; i++) open += numbers.values[i] != 1.0;
    t->seen = numbers.count;
    t->doubt = open;
    t->worst = numbers.count > 0 ? (double)open / (double)numbers.count : 0;
    t->verdict = t->worst > 0.5 ? LL_VERDICT_FAIL : open > 0 ? LL_VERDICT_DOUBT : LL_VERDICT_PASS;
    ll_store_numbers_deinit(&numbers);
    return LL_OK;
}

static void count_members(page *p)
{
    const ll_study *study = p->runner->study;
    int64_t fewest = INT64_MAX, planes = INT64_MAX;
    const char *where = "";
    for (int64_t g = 0; g < study->group_count; g++) {
        int64_t members = p->runner->members->first[g + 1] - p->runner->members->first[g];
        if (study->groups[g].view.kind == LL_GROUP_FIELD || members >= fewest) continue;
        fewest = members;
        where = study->groups[g].view.name;
    }
    if (fewest < INT64_MAX) {
        note(&p->check[TRUST_SEEDS],
             fewest < 2   ? LL_VERDICT_FAIL
             : fewest < 3 ? LL_VERDICT_DOUBT
                          : LL_VERDICT_PASS,
             (double)fewest, where);
    }
    for (int64_t m = 0; m < p->runner->members->count; m++) {
        int64_t count = 0;
        for (int64_t k = 0; k < p->job->need_count; k++) {
            const ll_job *need = &p->runner->plan->job[p->job->needs[k]];
            const char *direction = strcmp(need->kind, "landscape") == 0 && need->a == m
                                        ? ll_job_text(p->runner, need, "direction")
                                        : "";
            count += strcmp(direction, "random") == 0;
        }
        if (count > 0) planes = ll_min_int64(planes, count);
    }
    if (planes < INT64_MAX)
        note(&p->check[TRUST_PLANES], planes < 2 ? LL_VERDICT_DOUBT : LL_VERDICT_PASS, (double)planes, "");
}

/* ---------------------------------------------------------------- words */

static void describe(const page *p, trust_check check, char sentence[400], const char **next)
{
    const tally *t = &p->check[check];
    char number[LL_NUMBER_TEXT];
    long long seen = (long long)t->seen, doubt = (long long)t->doubt, fail = (long long)t->fail;
    snprintf(number, sizeof number, "%.3g", t->worst);
    *next = "";
    switch (check) {
    case TRUST_TRAINING:
        if (fail > 0) snprintf(sentence, 400, "%lld of %lld trainings diverged (%s).", fail, seen, t->where);
        else if (doubt > 0)
            snprintf(sentence, 400,
                     "%lld of %lld trainings spent their steps before they arrived at a minimum.", doubt,
                     seen);
        else snprintf(sentence, 400, "All %lld trainings ended as they should.", seen);
        *next = fail > 0 ? "train with a lower rate" : doubt > 0 ? "more train.epochs" : "";
        return;
    case TRUST_PERFORMANCE:
        if (fail + doubt == 0)
            snprintf(sentence, 400, "All %lld models do their task; the worst error is %s.", seen, number);
        else
            snprintf(sentence, 400,
                     "%lld of %lld models do their task badly (%s: error %s); a low loss alone says nothing.",
                     fail + doubt, seen, t->where, number);
        *next = fail + doubt > 0
                    ? "losslens eval of that model; normalisation, labels and mapping; more training"
                    : "";
        return;
    case TRUST_SEEDS:
        if (t->worst < 3)
            snprintf(sentence, 400, "The smallest group (%s) has %s: no spread can be told.", t->where,
                     t->worst < 2 ? "one member" : "two members");
        else snprintf(sentence, 400, "Every group has at least %s members.", number);
        if (t->worst < 3) *next = "more train.seeds or checkpoints: at least 4 a group";
        return;
    case TRUST_PLANES:
        if (t->worst < 2)
            snprintf(sentence, 400, "A model has one random plane alone; another draw may look otherwise.");
        else snprintf(sentence, 400, "Each model has at least %s random planes.", number);
        if (t->worst < 2) *next = "landscape: {planes: 5}";
        return;
    case TRUST_CURVES:
        if (doubt == 0) snprintf(sentence, 400, "All %lld curves were trained to a stop.", seen);
        else
            snprintf(sentence, 400,
                     "%lld of %lld curves had not stopped moving: their barriers are upper bounds.", doubt,
                     seen);
        *next = doubt > 0 ? "connectivity: {rounds: 8}" : "";
        return;
    case TRUST_RESIDUALS:
        snprintf(sentence, 400, "The largest residual of %lld sets of eigenpairs is %s (%s).", seen, number,
                 t->where);
        *next = fail + doubt > 0 ? "hessian: {products: 5000}" : "";
        return;
    case TRUST_SAMPLING:
        snprintf(sentence, 400, "Other samples would move the top eigenvalue by up to %s of itself (%s).",
                 number, t->where);
        *next = fail + doubt > 0 ? "hessian: {samples: 4096}" : "";
        return;
    case TRUST_TRACE:
        snprintf(sentence, 400, "The largest standard error of %lld traces is %s of the estimate (%s).", seen,
                 number, t->where);
        *next = fail + doubt > 0 ? "hessian: {trace_probes: 2000}" : "";
        return;
    case TRUST_CKA:
        snprintf(sentence, 400, "Random features of the same shapes reach a CKA of %s (%s).", number,
                 t->where);
        *next = fail + doubt > 0 ? "similarity: {variant: debiased, samples: 1024}" : "";
        return;
    case TRUST_MINIMA:
        if (seen == 0)
            snprintf(sentence, 400,
                     "Whether minima are noise of the samples is not known: no landscape was sampled on two "
                     "halves.");
        else
            snprintf(
                sentence, 400,
                "Up to %s of a landscape's minima are below the difference of two halves of the data (%s).",
                number, t->where);
        *next = seen == 0          ? "landscape: {halves: true}"
                : fail + doubt > 0 ? "roles: {evaluate: {count: 5000}}"
                                   : "";
        return;
    case TRUST_PLACEMENT:
        snprintf(sentence, 400, "The plane holds the distances up to a stress of %s.", number);
        *next = fail + doubt > 0 ? "read distances from the matrix, not from the picture" : "";
        return;
    case TRUST_TAXONOMY:
        if (fail > 0)
            snprintf(sentence, 400, "%lld of %lld groups have no label: what would decide is not known (%s).",
                     fail, seen, t->where);
        else if (doubt > 0)
            snprintf(sentence, 400,
                     "%lld of %lld labels hang on the seeds or on where the thresholds are (%s).", doubt,
                     seen, t->where);
        else snprintf(sentence, 400, "All %lld labels hold under other seeds and thresholds.", seen);
        *next = fail > 0    ? "connectivity with more rounds; more seeds"
                : doubt > 0 ? "more seeds; say which thresholds you mean"
                            : "";
        return;
    case TRUST_CHECKS: break;
    }
    sentence[0] = 0;
}

static ll_status write_check(ll_record *record, ll_text *names, const char *check, ll_verdict verdict,
                             double number, const char *sentence, const char *next, ll_error *error)
{
    char name[96];
    ll_text_format(names, "%s%s", names->length > 0 ? "\n" : "", check);
    snprintf(name, sizeof name, "%s_verdict", check);
    LL_TRY(ll_record_set_text(record, name, ll_verdict_name(verdict), error));
    snprintf(name, sizeof name, "%s_number", check);
    LL_TRY(ll_record_set_real(record, name, "", number, error));
    snprintf(name, sizeof name, "%s_sentence", check);
    LL_TRY(ll_record_set_text(record, name, sentence, error));
    snprintf(name, sizeof name, "%s_next", check);
    return ll_record_set_text(record, name, next, error);
}

static ll_status write_page(const page *p, ll_record *record, ll_error *error)
{
    ll_text names = {0};
    ll_status status = LL_OK;
    for (int c = 0; c < TRUST_CHECKS && status == LL_OK; c++) {
        char sentence[400];
        const char *next;
        const tally *t = &p->check[c];
        /* What was not computed neither passes nor fails: it has no line, but for minima that may be noise. */
        bool open = c == TRUST_MINIMA && p->plot[LL_FINDING_SAMPLE_NOISE].seen > 0;
        if (t->seen == 0 && !open) continue;
        describe(p, (trust_check)c, sentence, &next);
        ll_verdict verdict = t->seen > 0 ? t->verdict : LL_VERDICT_DOUBT;
        status = write_check(record, &names, check_names[c], verdict, t->seen > 0 ? t->worst : (double)NAN,
                             sentence, next, error);
    }
    for (int i = 0; i < LL_FINDINGS && status == LL_OK; i++) {
        const tally *t = &p->plot[i];
        char name[64], sentence[600];
        if (t->seen == 0) continue;
        snprintf(name, sizeof name, "plot_%s", ll_finding_name((ll_finding_check)i));
        if (t->doubt + t->fail > 0)
            snprintf(sentence, sizeof sentence, "%lld of %lld landscapes (%s): %s",
                     (long long)(t->doubt + t->fail), (long long)t->seen, t->where, t->sentence);
        else snprintf(sentence, sizeof sentence, "%s", t->sentence);
        status = write_check(record, &names, name, t->verdict, t->worst, sentence, t->next, error);
    }
    if (status == LL_OK && names.failed) status = ll_fail_memory(error, LL_STUDY, 256);
    if (status == LL_OK)
        status = ll_record_set_text(record, "check_names", names.text != NULL ? names.text : "", error);
    ll_text_deinit(&names);
    return status;
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    (void)sink;
    page *p = ll_allocate_zeroed(sizeof *p);
    ll_record *made = ll_record_create("trust");
    ll_status status = p != NULL && made != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, sizeof *p);
    if (status == LL_OK) {
        p->runner = runner;
        p->job = job;
        status = count_pairs(p, error);
        if (status == LL_OK) count_members(p);
    }
    for (int64_t k = 0; k < job->need_count && status == LL_OK; k++) {
        const ll_job *need = &runner->plan->job[job->needs[k]];
        ll_record *one;
        if (strcmp(need->kind, "pair") == 0 || strcmp(need->kind, "field") == 0) continue;
        status = ll_runner_record(runner, job->needs[k], &one, error);
        if (status != LL_OK) break;
        see(p, need, one);
        ll_record_destroy(one);
    }
    if (status == LL_OK) status = write_page(p, made, error);
    ll_free(p);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    static const char *const left_out[] = {"trust", "comparison", "distances", "density", "rise"};
    ll_job_draft draft = {
        .kind = "trust", .owner = -1, .a = -1, .b = -1, .request = request, .run = run, .bytes = 2e4};
    ll_text_format(&draft.name, "trust page");
    for (int64_t i = 0; i < plan->count; i++) {
        bool skip = plan->job[i].a >= 0 && !ll_request_wants(plan, request, plan->job[i].a);
        for (int k = 0; k < 5; k++) skip = skip || strcmp(plan->job[i].kind, left_out[k]) == 0;
        if (!skip) ll_draft_need(&draft, i);
    }
    return ll_plan_add(plan, &draft, NULL, error);
}

const ll_analysis ll_analysis_trust = {
    "trust", "the checks of all results: pass, doubt or fail, and what to run next", rows, plan};
