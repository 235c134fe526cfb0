/* Curvature at each model: eigenpairs, trace, spectral density, negative curvature; a job each. */
#include "study/setups.h"

#include "losslens/curvature.h"

#include <stdlib.h>
#include <string.h>

static const ll_setting_row rows[] = {
    {"top", LL_SETTING_INTEGER, {"5", "10", "10"}, NULL, 0, 10000, "how many eigenpairs; 0: none"},
    {"end",
     LL_SETTING_CHOICE,
     {"largest"},
     "largest|smallest|both|magnitude",
     0,
     0,
     "which end of the spectrum"},
    {"tolerance", LL_SETTING_REAL, {"0"}, NULL, 0, 1, "residual |Hv - lambda v| / |lambda|; 0: 1e-3"},
    {"products", LL_SETTING_INTEGER, {"300", "2000", "5000"}, NULL, 1, 1e9, "most Hessian products"},
    {"operator",
     LL_SETTING_CHOICE,
     {"hessian"},
     "hessian|ggn",
     0,
     0,
     "the Hessian or the Gauss-Newton matrix"},
    {"trace",
     LL_SETTING_FLAG,
     {"false", "true", "true"},
     NULL,
     0,
     0,
     "with standard errors, whole and by tensor"},
    {"trace_method", LL_SETTING_CHOICE, {"hutchinson"}, "hutchinson|hutch++", 0, 0, "of the trace"},
    {"trace_tolerance",
     LL_SETTING_REAL,
     {"0.1", "0.05", "0.02"},
     NULL,
     1e-6,
     1,
     "standard error over estimate to stop at"},
    {"trace_probes", LL_SETTING_INTEGER, {"60", "200", "500"}, NULL, 8, 1e6, "most probes"},
    {"density", LL_SETTING_FLAG, {"false", "true", "true"}, NULL, 0, 0, "spectral density"},
    {"density_steps", LL_SETTING_INTEGER, {"30", "60", "80"}, NULL, 2, 10000, "Lanczos steps a probe"},
    {"density_probes", LL_SETTING_INTEGER, {"3", "5", "10"}, NULL, 2, 1e6, "probes"},
    {"negative", LL_SETTING_FLAG, {"false"}, NULL, 0, 0, "report on negative curvature"},
    {"samples",
     LL_SETTING_INTEGER,
     {"256", "1024", "1024"},
     NULL,
     1,
     1e12,
     "how many of `evaluate`, stratified"},
    LL_COMMON_ROWS,
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

static ll_status analyse(ll_runner *runner, const ll_job *job, const ll_curvature_target *target,
                         const ll_sink *sink, ll_record **record, ll_error *error)
{
    static const char *const ends[] = {"largest", "smallest", "both", "magnitude"};
    uint64_t seed = runner->study->seed;
    if (strcmp(job->kind, "trace") == 0) {
        const ll_trace_options options = {
            .method = strcmp(ll_job_text(runner, job, "trace_method"), "hutch++") == 0 ? LL_TRACE_HUTCHPP
                                                                                       : LL_TRACE_HUTCHINSON,
            .tolerance = ll_job_real(runner, job, "trace_tolerance"),
            .max_probes = ll_job_integer(runner, job, "trace_probes"),
            .seed = seed};
        return ll_curvature_trace(target, &options, sink, record, error);
    }
    if (strcmp(job->kind, "density") == 0) {
        const ll_density_options options = {.steps = ll_job_integer(runner, job, "density_steps"),
                                            .probes = ll_job_integer(runner, job, "density_probes"),
                                            .seed = seed};
        return ll_curvature_density(target, &options, sink, record, error);
    }
    ll_eigen_options options = {.count = ll_job_integer(runner, job, "top"),
                                .tolerance = ll_job_real(runner, job, "tolerance"),
                                .max_products = ll_job_integer(runner, job, "products"),
                                .seed = seed};
    for (int e = 0; e < 4; e++)
        if (strcmp(ends[e], ll_job_text(runner, job, "end")) == 0) options.end = (ll_eigen_end)e;
    if (strcmp(job->kind, "negative_curvature") == 0)
        return ll_curvature_negative(target, &options, 0, sink, record, error);
    return ll_curvature_eigenpairs(target, &options, sink, record, error);
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    const ll_setup_request request = {
        .group = job->owner, .fit = -1, .samples = ll_job_integer(runner, job, "samples")};
    ll_setup *setup;
    ll_samples lists[LL_MOST_TERMS];
    ll_curvature_target target = {.allow_emulation = true,
                                  .product = strcmp(ll_job_text(runner, job, "operator"), "ggn") == 0
                                                 ? LL_PRODUCT_GGN
                                                 : LL_PRODUCT_HESSIAN};
    LL_TRY(ll_runner_setup(runner, &request, &setup, error));
    LL_TRY(ll_runner_weights(runner, job->a, &target.theta, &target.buffers, error));
    target.problem = ll_setup_problem(setup);
    ll_role_lists(target.problem, "evaluate", lists);
    target.samples = lists;
    return analyse(runner, job, &target, sink, record, error);
}

/* Options that a kind of job does not look at, so that changing them does not compute it again. */
static const char *const not_eigenpairs[] = {"trace",          "trace_method", "trace_tolerance",
                                             "trace_probes",   "density",      "density_steps",
                                             "density_probes", "negative",     NULL};
static const char *const not_trace[] = {"top",     "end",           "tolerance",      "products", "trace",
                                        "density", "density_steps", "density_probes", "negative", NULL};
static const char *const not_density[] = {
    "top",          "end",     "tolerance", "products", "trace", "trace_method", "trace_tolerance",
    "trace_probes", "density", "negative",  NULL};

static ll_status plan_kind(ll_plan *plan, const ll_request_for *request, int64_t m, const char *kind,
                           const char *what, const char *const *skip, ll_error *error)
{
    const ll_member *member = &plan->members->member[m];
    ll_job_draft draft = {
        .kind = kind, .owner = member->group, .a = m, .b = -1, .request = request, .run = run, .bytes = 1e5};
    ll_text_format(&draft.name, "%s of %s", what, member->name);
    ll_request_inputs(plan->study, request, skip, &draft.inputs);
    ll_text_format(&draft.inputs, "seed=%llu\n", (unsigned long long)plan->study->seed);
    ll_group_evaluation_inputs(plan->study, member->group, &draft.inputs);
    ll_draft_need(&draft, plan->model[m]);
    return ll_plan_add(plan, &draft, NULL, error);
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    static const struct {
        const char *option, *kind, *what;
        const char *const *skip;
    } kinds[] = {{"top", "eigenpairs", "eigenpairs", not_eigenpairs},
                 {"trace", "trace", "Hessian trace", not_trace},
                 {"density", "density", "spectral density", not_density},
                 {"negative", "negative_curvature", "negative curvature", not_eigenpairs}};
    for (int k = 0; k < 4; k++) {
        const char *value = ll_request_text(plan, request, kinds[k].option);
        if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0) continue;
        for (int64_t m = 0; m < plan->members->count; m++) {
            if (plan->study->groups[plan->members->member[m].group].view.kind == LL_GROUP_FIELD ||
                !ll_request_wants(plan, request, m))
                continue;
            LL_TRY(plan_kind(plan, request, m, kinds[k].kind, kinds[k].what, kinds[k].skip, error));
        }
    }
    return LL_OK;
}

const ll_analysis ll_analysis_hessian = {
    "hessian", "eigenpairs, trace and spectral density of the Hessian at each model", rows, plan};
