/* A real architecture, not a toy: the same request on one and on two threads gives the same bits (loss, gradient, Hessian product),
 * and a member of an ensemble of points has the same bits alone and in company. */
#include "../support_cmocka.h"

#include "losslens/connectivity.h"

#include "losslens/networks_pinn.h"
#include "losslens/problem_graph.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

enum { IMAGES = 24, PIXELS = 3 * 32 * 32, MEMBERS = 5 };

typedef struct images {
    void *pixels;
    int64_t labels[IMAGES];
} images;

static void make_images(images *d, ll_dtype dtype)
{
    ll_rng rng = ll_rng_make(3, "test", "images");
    d->pixels = ll_allocate_array(IMAGES * PIXELS, ll_dtype_bytes(dtype));
    for (int64_t i = 0; i < IMAGES * PIXELS; i++) {
        double value = ll_rng_normal(rng, (uint64_t)i);
        if (dtype == LL_F32) ((float *)d->pixels)[i] = (float)value;
        else ((double *)d->pixels)[i] = value;
    }
    for (int i = 0; i < IMAGES; i++) d->labels[i] = i % 10;
}

static ll_problem *resnet(const images *d, ll_dtype dtype, int threads)
{
    static const ll_network_option shortcut = {"shortcut", "B"};
    ll_network_options make = {.network = "resnet20",
                               .option = &shortcut,
                               .options = 1,
                               .dtype = dtype,
                               .input_shape = {3, 32, 32},
                               .classes = 10};
    ll_model *model = NULL;
    CHECK_OK(ll_network_create(&make, &model, error));
    const ll_model_info *info = ll_model_view(model);
    ll_graph_rows rows[2];
    assert_int_equal(info->inputs, 2);
    for (int i = 0; i < 2; i++)
        rows[i] = (ll_graph_rows){
            info->input[i].name,
            ll_dtype_is_float(info->input[i].dtype) ? d->pixels : (const void *)d->labels, IMAGES};
    ll_graph_problem_options options = {.rows = rows, .row_count = 2, .seed = 5, .threads = threads};
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_graph(model, &options, &problem, error));
    return problem;
}

typedef struct pinn {
    ll_pinn_samples samples[LL_PINN_TERMS];
    ll_problem *problem;
} pinn;

static void make_pinn(pinn *p, int threads)
{
    ll_pinn_family family = {.beta = 30, .dtype = LL_F32};
    ll_model *model = NULL;
    CHECK_OK(ll_pinn_family_create(&family, &model, p->samples, error));
    const ll_model_info *info = ll_model_view(model);
    ll_graph_rows rows[LL_PINN_TERMS];
    float *values[LL_PINN_TERMS];
    for (int i = 0; i < LL_PINN_TERMS; i++) {
        const ll_pinn_samples *s = &p->samples[info->input[i].term];
        values[i] = ll_allocate_array(s->count * s->width, sizeof **values);
        for (int64_t j = 0; j < s->count * s->width; j++) values[i][j] = (float)s->values[j];
    }
    /* The samples' own storage is reused for the rounded values: the Problem borrows its rows. */
    for (int i = 0; i < LL_PINN_TERMS; i++) {
        ll_pinn_samples *s = &p->samples[info->input[i].term];
        memcpy(s->values, values[i], (size_t)(s->count * s->width) * sizeof **values);
        ll_free(values[i]);
        rows[i] = (ll_graph_rows){info->input[i].name, s->values, s->count};
    }
    ll_graph_problem_options options = {
        .rows = rows, .row_count = LL_PINN_TERMS, .seed = 5, .threads = threads};
    CHECK_OK(ll_problem_create_graph(model, &options, &p->problem, error));
}

/* What one request gives, in one block of memory: MEMBERS losses, gradients and Hessian products. */
typedef struct answer {
    double loss[MEMBERS];
    float *gradients, *products; /* [MEMBERS][n] */
} answer;

static void points_of(const ll_problem *problem, float **members, float **vector)
{
    int64_t n = ll_problem_view(problem)->parameter_count;
    const float *origin = ll_problem_origin(problem);
    *members = ll_allocate_array(MEMBERS * n, sizeof(float));
    *vector = ll_allocate_array(n, sizeof(float));
    for (int64_t i = 0; i < n; i++)
        (*vector)[i] = (float)ll_rng_normal(ll_rng_make(1, "test", "vector"), (uint64_t)i);
    for (int m = 0; m < MEMBERS; m++)
        for (int64_t i = 0; i < n; i++)
            (*members)[m * n + i] =
                origin[i] + 0.01f * (float)m *
                                (float)ll_rng_normal(ll_rng_make((uint64_t)m, "test", "member"), (uint64_t)i);
}

/* All members in one request, or each in its own. */
static answer ask(ll_problem *problem, const float *members, const float *vector, bool together)
{
    int64_t n = ll_problem_view(problem)->parameter_count;
    answer a = {.gradients = ll_allocate_array(MEMBERS * n, sizeof(float)),
                .products = ll_allocate_array(MEMBERS * n, sizeof(float))};
    const void *theta[MEMBERS], *vectors[] = {vector};
    void *gradients[MEMBERS], *products[MEMBERS];
    for (int m = 0; m < MEMBERS; m++) {
        theta[m] = members + m * n;
        gradients[m] = a.gradients + m * n;
        products[m] = a.products + m * n;
    }
    for (int m = 0; m < MEMBERS; m += together ? MEMBERS : 1) {
        ll_request request = {.points = together ? MEMBERS : 1,
                              .thetas = theta + m,
                              .loss = a.loss + m,
                              .gradients = gradients + m,
                              .product_count = 1,
                              .vectors = vectors,
                              .products = products + m};
        CHECK_OK(ll_problem_evaluate(problem, &request, error));
    }
    return a;
}

static void check_same(const answer *a, const answer *b, int64_t n)
{
    assert_memory_equal(a->loss, b->loss, sizeof a->loss);
    assert_memory_equal(a->gradients, b->gradients, (size_t)(MEMBERS * n) * sizeof(float));
    assert_memory_equal(a->products, b->products, (size_t)(MEMBERS * n) * sizeof(float));
}

static void check_bits(ll_problem *one, ll_problem *two)
{
    int64_t n = ll_problem_view(one)->parameter_count;
    float *members, *vector;
    points_of(one, &members, &vector);
    answer alone = ask(one, members, vector, false), company = ask(one, members, vector, true),
           threads = ask(two, members, vector, true), threads_alone = ask(two, members, vector, false);
    assert_true(alone.loss[0] > 0 && ll_vector_norm(LL_REAL_FLOAT32, n, alone.gradients) > 0 &&
                ll_vector_norm(LL_REAL_FLOAT32, n, alone.products) > 0);
    assert_true(alone.loss[0] != alone.loss[1]);
    check_same(&alone, &company, n);
    check_same(&alone, &threads, n);
    check_same(&alone, &threads_alone, n);
    answer *all[] = {&alone, &company, &threads, &threads_alone};
    for (int i = 0; i < 4; i++) {
        ll_free(all[i]->gradients);
        ll_free(all[i]->products);
    }
    ll_free(members);
    ll_free(vector);
}

static void test_resnet20_same_bits(void **state)
{
    (void)state;
    images d;
    make_images(&d, LL_F32);
    ll_problem *one = resnet(&d, LL_F32, 1), *two = resnet(&d, LL_F32, 2);
    check_bits(one, two);
    ll_problem_destroy(one);
    ll_problem_destroy(two);
    ll_free(d.pixels);
}

static void test_pinn_same_bits(void **state)
{
    (void)state;
    pinn one, two;
    make_pinn(&one, 1);
    make_pinn(&two, 2);
    check_bits(one.problem, two.problem);
    ll_problem_destroy(one.problem);
    ll_problem_destroy(two.problem);
    ll_pinn_samples_deinit(one.samples);
    ll_pinn_samples_deinit(two.samples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_resnet20_same_bits),
                                       cmocka_unit_test(test_pinn_same_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
