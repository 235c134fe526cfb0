/* Two physics-informed networks of one loss (convection, beta = 1), trained here from seeds 0 and 1, are
 * found connected; the same curve starved of steps is reported as unconverged, not as a barrier. A small
 * network and few points keep it to seconds; the paper's size is a study. */
#include "../support_analysis.h"

#include "losslens/connectivity.h"
#include "losslens/networks_pinn.h"
#include "losslens/problem_graph.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

typedef struct pinn {
    ll_pinn_samples samples[LL_PINN_TERMS];
    ll_problem *problem;
    const ll_model *model;
} pinn;

static void make(pinn *p)
{
    static const int64_t hidden[] = {20, 20};
    ll_pinn_family family = {
        .beta = 1, .collocation = 100, .hidden = hidden, .hidden_count = 2, .dtype = LL_F64};
    ll_model *model = NULL;
    CHECK_OK(ll_pinn_family_create(&family, &model, p->samples, error));
    p->model = model;
    const ll_model_info *info = ll_model_view(model);
    ll_graph_rows rows[LL_PINN_TERMS];
    for (int i = 0; i < LL_PINN_TERMS; i++)
        rows[i] = (ll_graph_rows){info->input[i].name, p->samples[info->input[i].term].values,
                                  p->samples[info->input[i].term].count};
    ll_graph_problem_options options = {.rows = rows, .row_count = LL_PINN_TERMS, .threads = 1};
    CHECK_OK(ll_problem_create_graph(model, &options, &p->problem, error));
}

static ll_record *train(pinn *p, uint64_t seed, double *initial_loss)
{
    int64_t n = ll_problem_view(p->problem)->parameter_count;
    double *start = ll_allocate_array(n, sizeof *start);
    CHECK_OK(ll_model_initialise(p->model, seed, start, NULL, error));
    const void *theta = start;
    ll_request request = {.points = 1, .thetas = &theta, .loss = initial_loss};
    CHECK_OK(ll_problem_evaluate(p->problem, &request, error));
    ll_record *record = NULL;
    ll_training_options options = {.theta = start,
                                   .epochs = 1500,
                                   .checkpoint_every = 1500,
                                   .optimiser = {.kind = LL_OPTIMISER_LBFGS, .tolerance_change = 1e-12}};
    CHECK_OK(ll_training_run(p->problem, &options, NULL, &record, error));
    ll_free(start);
    return record;
}

static void test_two_pinns_are_connected(void **state)
{
    (void)state;
    pinn p;
    make(&p);
    double initial = 0;
    ll_record *a = train(&p, 0, &initial), *b = train(&p, 1, &initial), *curve = NULL, *starved = NULL;
    const ll_array *theta_a = NULL, *theta_b = NULL;
    CHECK_OK(ll_record_get_array(a, "theta", &theta_a, error));
    CHECK_OK(ll_record_get_array(b, "theta", &theta_b, error));
    print_message("          losses %g and %g from %g\n", real_of(a, "last_loss"), real_of(b, "last_loss"),
                  initial);
    assert_true(real_of(a, "last_loss") < 1e-3 && real_of(b, "last_loss") < 1e-3);
    ll_curve_ends ends = {.a = theta_a->data, .b = theta_b->data};
    ll_curve_options options = {.kind = LL_CURVE_BEZIER, .initial_loss = initial, .budget = 50, .rounds = 6};
    CHECK_OK(ll_connectivity_curve(p.problem, &ends, &options, NULL, &curve, error));
    const char *reason = NULL;
    CHECK_OK(ll_record_get_text(curve, "reason", &reason, error));
    print_message("          mc %g, barrier %g, straight %g; %s after %g steps\n", real_of(curve, "mc_loss"),
                  real_of(curve, "barrier"), real_of(curve, "linear_barrier"), reason,
                  real_of(curve, "steps"));
    assert_true(real_of(curve, "linear_barrier") > 0.01);
    assert_true(real_of(curve, "mc_loss") >= -1e-3);
    assert_true(real_of(curve, "mean_loss") < real_of(curve, "linear_mean_loss"));
    options.budget = 2;
    options.rounds = 1;
    CHECK_OK(ll_connectivity_curve(p.problem, &ends, &options, NULL, &starved, error));
    CHECK_OK(ll_record_get_text(starved, "reason", &reason, error));
    assert_string_equal(reason, "unconverged");
    assert_true(real_of(starved, "converged") == 0);
    ll_record_destroy(a);
    ll_record_destroy(b);
    ll_record_destroy(curve);
    ll_record_destroy(starved);
    ll_problem_destroy(p.problem);
    ll_pinn_samples_deinit(p.samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_pinns_are_connected)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
