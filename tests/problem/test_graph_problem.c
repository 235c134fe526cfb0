/* The graph-backed Problem on small networks: against differences, against itself on other numbers of threads
 * and points, against sums over batches. (Against PyTorch: the tests of networks.) */
#include "../support_cmocka.h"

#include "losslens/networks_pinn.h"
#include "losslens/problem_graph.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <string.h>

enum { SAMPLES = 12, CLASSES = 3, SIDE = 8, PIXELS = 3 * SIDE * SIDE };

typedef struct data {
    double *images;
    float *images32;
    int64_t labels[SAMPLES];
} data;

static void make_data(data *d)
{
    d->images = ll_allocate_array(SAMPLES * PIXELS, sizeof *d->images);
    d->images32 = ll_allocate_array(SAMPLES * PIXELS, sizeof *d->images32);
    ll_rng_fill_normal(ll_rng_make(3, "test", "images"), 0, SAMPLES * PIXELS, d->images);
    for (int i = 0; i < SAMPLES * PIXELS; i++) d->images32[i] = (float)d->images[i];
    for (int i = 0; i < SAMPLES; i++) d->labels[i] = i % CLASSES;
}

static void free_data(data *d)
{
    ll_free(d->images);
    ll_free(d->images32);
}

static ll_problem *bounded_network(const char *name, ll_dtype dtype, const ll_network_option *option,
                                   int64_t options, const data *d, int threads, size_t memory_limit)
{
    bool flat = strcmp(name, "mlp") == 0;
    ll_network_options make = {.network = name,
                               .option = option,
                               .options = options,
                               .dtype = dtype,
                               .input_shape = {flat ? PIXELS : 3, flat ? 0 : SIDE, flat ? 0 : SIDE},
                               .classes = CLASSES};
    ll_model *model = NULL;
    CHECK_OK(ll_network_create(&make, &model, error));
    const ll_model_info *info = ll_model_view(model);
    ll_graph_rows rows[2];
    assert_int_equal(info->inputs, 2);
    for (int i = 0; i < 2; i++) {
        bool label = !ll_dtype_is_float(info->input[i].dtype);
        rows[i] = (ll_graph_rows){info->input[i].name,
                                  label             ? (const void *)d->labels
                                  : dtype == LL_F32 ? (const void *)d->images32
                                                    : d->images,
                                  SAMPLES};
        if (label) assert_int_equal(info->input[i].dtype, LL_I64);
    }
    ll_problem *problem = NULL;
    ll_graph_problem_options graph = {
        .rows = rows, .row_count = 2, .seed = 5, .threads = threads, .memory_limit = memory_limit};
    CHECK_OK(ll_problem_create_graph(model, &graph, &problem, error));
    return problem;
}

static ll_problem *network(const char *name, ll_dtype dtype, const ll_network_option *option, int64_t options,
                           const data *d, int threads)
{
    return bounded_network(name, dtype, option, options, d, threads, 0);
}

static double loss_at(ll_problem *problem, const void *theta, void *gradient)
{
    double loss = 0;
    void *gradients[] = {gradient};
    ll_request request = {
        .points = 1, .thetas = &theta, .loss = &loss, .gradients = gradient != NULL ? gradients : NULL};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    return loss;
}

/* Gradient and products of a float64 Problem against 4-point differences along a random direction. */
static void check_derivatives(ll_problem *problem, double h, double tolerance)
{
    static const double multiple[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};
    int64_t n = ll_problem_view(problem)->parameter_count;
    const double *theta = ll_problem_origin(problem);
    double *v = ll_allocate_array(9 * n, sizeof *v), *g = v + n, *moved = v + 2 * n, *hv = v + 3 * n,
           *other = v + 4 * n, *ho = v + 5 * n, *difference = v + 6 * n, *side = v + 7 * n, *base = v + 8 * n;
    for (int64_t i = 0; i < n; i++) {
        /* Off the initial point: zero biases sit on the kinks of ReLU. */
        base[i] = theta[i] + 0.01 * ll_rng_normal(ll_rng_make(1, "test", "base"), (uint64_t)i);
        v[i] = ll_rng_normal(ll_rng_make(1, "test", "v"), (uint64_t)i) / sqrt((double)n);
        other[i] = ll_rng_normal(ll_rng_make(1, "test", "u"), (uint64_t)i) / sqrt((double)n);
        difference[i] = 0;
    }
    loss_at(problem, base, g);
    const void *vectors[] = {v, other}, *point = base;
    void *products[] = {hv, ho};
    ll_request request = {
        .points = 1, .thetas = &point, .product_count = 2, .vectors = vectors, .products = products};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    double slope = 0;
    for (int s = 0; s < 4; s++) {
        double factor = multiple[s] * h;
        ll_vector_combine(LL_REAL_FLOAT64, n, base, 1, vectors, &factor, moved);
        slope += weight[s] / (12 * h) * loss_at(problem, moved, side);
        ll_vector_add(LL_REAL_FLOAT64, n, weight[s] / (12 * h), side, difference);
    }
    CHECK_NEAR(slope, ll_vector_dot(LL_REAL_FLOAT64, n, g, v), tolerance);
    double size = ll_vector_norm(LL_REAL_FLOAT64, n, hv);
    assert_true(size > 1e-3);
    ll_vector_add(LL_REAL_FLOAT64, n, -1, hv, difference);
    CHECK_NEAR(ll_vector_norm(LL_REAL_FLOAT64, n, difference) / size, 0, 1e3 * tolerance);
    CHECK_NEAR(ll_vector_dot(LL_REAL_FLOAT64, n, other, hv), ll_vector_dot(LL_REAL_FLOAT64, n, v, ho),
               1e-12 * (1 + size));
    ll_free(v);
}

static const ll_network_option tanh_mlp[] = {{"hidden", "10,8"}, {"activation", "tanh"}};

/* Options left at zero once meant that class 0 counts nothing. */
static void test_class_zero_counts(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    ll_problem *problem = network("mlp", LL_F64, tanh_mlp, 2, &d, 1);
    int64_t first = 0;
    ll_samples samples = {&first, 1};
    const void *theta = ll_problem_origin(problem);
    double loss = 0;
    ll_request request = {.points = 1, .thetas = &theta, .samples = &samples, .loss = &loss};
    assert_int_equal(d.labels[0], 0);
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    assert_true(loss > 0.01);
    ll_problem_destroy(problem);
    free_data(&d);
}

static void test_derivatives_equal_differences(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    ll_problem *problem = network("mlp", LL_F64, tanh_mlp, 2, &d, 1);
    check_derivatives(problem, 1e-4, 1e-9);
    ll_problem_destroy(problem);
    free_data(&d);
}

static void test_residual_network(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    ll_problem *problem = network("resnet8", LL_F64, NULL, 0, &d, 1);
    /* A step that crosses no kink of the ReLUs. */
    check_derivatives(problem, 1e-8, 1e-6);
    ll_problem_destroy(problem);
    free_data(&d);
}

/* The same bits: alone or among other points, in any block of vectors, on 1 and 2 threads. */
static void test_same_bits(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    for (int type = LL_F32; type <= LL_F64; type++) {
        ll_problem *one = network("resnet8", (ll_dtype)type, NULL, 0, &d, 1),
                   *two = network("resnet8", (ll_dtype)type, NULL, 0, &d, 2);
        int64_t n = ll_problem_view(one)->parameter_count;
        ll_real real = ll_problem_view(one)->type;
        size_t bytes = (size_t)n * ll_real_bytes(real);
        unsigned char *block = ll_allocate(12 * bytes);
        const void *vectors[3], *thetas[3];
        void *together[3], *alone;
        for (int i = 0; i < 3; i++) {
            double factor = 1.0 + 0.01 * i;
            thetas[i] = memcpy(block + (size_t)i * bytes, ll_problem_origin(one), bytes);
            ll_vector_scale(real, n, factor, block + (size_t)i * bytes);
            vectors[i] = memcpy(block + (size_t)(3 + i) * bytes, thetas[i], bytes);
            ll_vector_scale(real, n, i - 1.5, block + (size_t)(3 + i) * bytes);
            together[i] = block + (size_t)(6 + i) * bytes;
        }
        alone = block + 9 * bytes;
        double losses[3], loss;
        ll_request request = {.points = 3, .thetas = thetas, .loss = losses, .gradients = together};
        CHECK_OK(ll_problem_evaluate(two, &request, error));
        for (int i = 0; i < 3; i++) {
            ll_request single = {.points = 1, .thetas = thetas + i, .loss = &loss, .gradients = &alone};
            CHECK_OK(ll_problem_evaluate(one, &single, error));
            assert_true(loss == losses[i]);
            assert_memory_equal(alone, together[i], bytes);
            ll_request plain = {.points = 1, .thetas = thetas + i, .loss = &loss};
            CHECK_OK(ll_problem_evaluate(one, &plain, error));
            assert_true(fabs(loss - losses[i]) <= 1e-5 * loss);
        }
        ll_request products = {
            .points = 1, .thetas = thetas, .product_count = 3, .vectors = vectors, .products = together};
        CHECK_OK(ll_problem_evaluate(two, &products, error));
        for (int i = 0; i < 3; i++) {
            ll_request single = {.points = 1,
                                 .thetas = thetas,
                                 .product_count = 1,
                                 .vectors = vectors + i,
                                 .products = &alone};
            CHECK_OK(ll_problem_evaluate(one, &single, error));
            assert_memory_equal(alone, together[i], bytes);
        }
        ll_free(block);
        ll_problem_destroy(one);
        ll_problem_destroy(two);
    }
    free_data(&d);
}

/* A Problem whose memory is too small to keep what this request could. */
static ll_problem *limited_network(const char *name, const ll_network_option *option, int64_t options,
                                   const data *d, ll_problem *unlimited, const ll_request *request)
{
    size_t kept = 0, bytes = 0;
    CHECK_OK(ll_problem_memory(unlimited, request, &kept, error));
    for (size_t limit = 4 * kept;; limit -= limit / 8) {
        ll_problem *made = bounded_network(name, LL_F32, option, options, d, 1, limit);
        CHECK_OK(ll_problem_memory(made, request, &bytes, error));
        assert_true(bytes > 0);
        if (bytes < kept) return made;
        ll_problem_destroy(made);
    }
}

/* Products at one point, one after the other (what no vector enters is kept), in a Problem whose memory limit does not
 * allow that, on two threads, after another point, another list of samples, other buffers, another operator, and weights
 * changed in place: the bits of a Problem that never saw another request. */
static void test_kept_products(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    for (int kind = 0; kind < 2; kind++) {
        const char *name = kind == 0 ? "resnet8" : "mlp";
        const ll_network_option *option = kind == 0 ? NULL : tanh_mlp;
        ll_problem *kept = network(name, LL_F32, option, kind == 0 ? 0 : 2, &d, 2);
        const ll_problem_info *info = ll_problem_view(kept);
        size_t bytes = (size_t)info->parameter_count * sizeof(float);
        float *theta = ll_allocate(4 * bytes), *vector = theta + info->parameter_count;
        float *buffers = ll_allocate((size_t)(info->buffer_count + 1) * sizeof(float));
        void *product = theta + 2 * info->parameter_count, *wanted = theta + 3 * info->parameter_count;
        memcpy(theta, ll_problem_origin(kept), bytes);
        if (info->buffer_count)
            memcpy(buffers, ll_problem_origin_buffers(kept), (size_t)info->buffer_count * sizeof(float));
        enum { LIST = 240 };
        int64_t lists[2][LIST];
        for (int i = 0; i < LIST; i++) {
            lists[0][i] = i * 5 % SAMPLES;
            lists[1][i] = i * 7 % (SAMPLES - 1);
        }
        for (int change = 0; change < 9; change++) {
            const void *point = theta, *direction = vector, *set = buffers;
            ll_request request = {.points = 1,
                                  .thetas = &point,
                                  .product_count = 1,
                                  .vectors = &direction,
                                  .products = &product,
                                  .buffers = info->buffer_count ? &set : NULL,
                                  .buffers_shared = info->buffer_count > 0,
                                  .samples = &(ll_samples){lists[change == 5], LIST}};
            for (int64_t i = 0; i < info->parameter_count; i++)
                vector[i] = (float)ll_rng_normal(ll_rng_make((uint64_t)change, "test", "v"), (uint64_t)i);
            if (change == 2 || change == 8) theta[17] += 0.125F;
            if (change == 4 && info->buffer_count) buffers[3] += 0.25F;
            if (change == 6) request.product = LL_PRODUCT_GGN;
            if (change == 7) request.mode = LL_MODE_TRAINING;
            CHECK_OK(ll_problem_evaluate(kept, &request, error));
            for (int fresh = 0; fresh < 2; fresh++) {
                ll_problem *other =
                    fresh == 0 ? network(name, LL_F32, option, kind == 0 ? 0 : 2, &d, 1)
                               : limited_network(name, option, kind == 0 ? 0 : 2, &d, kept, &request);
                request.products = &wanted;
                CHECK_OK(ll_problem_evaluate(other, &request, error));
                request.products = &product;
                assert_memory_equal(product, wanted, bytes);
                ll_problem_destroy(other);
            }
        }
        ll_free(theta);
        ll_free(buffers);
        ll_problem_destroy(kept);
    }
    free_data(&d);
}

/* Subsets: the whole mean is the mean of the halves' means; order and repetition of a list are honoured. */
static void test_subsets_and_features(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    ll_problem *problem = network("mlp", LL_F64, tanh_mlp, 2, &d, 1);
    const ll_problem_info *info = ll_problem_view(problem);
    const void *theta = ll_problem_origin(problem);
    int64_t indices[SAMPLES], last = info->layers - 1;
    for (int i = 0; i < SAMPLES; i++) indices[i] = SAMPLES - 1 - i;
    ll_samples low = {indices, 5}, high = {indices + 5, SAMPLES - 5};
    double parts[2], whole = loss_at(problem, theta, NULL);
    ll_request request = {.points = 1, .thetas = &theta, .samples = &low, .loss = &parts[0]};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    request.samples = &high;
    request.loss = &parts[1];
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    CHECK_NEAR((5 * parts[0] + (SAMPLES - 5) * parts[1]) / SAMPLES, whole, 1e-13);
    assert_true(info->layers > 0);
    int64_t width = info->layer[last].width;
    double *features = ll_allocate_array((SAMPLES + 5) * width, sizeof *features);
    void *rows[] = {features};
    ll_request all = {
        .points = 1, .thetas = &theta, .feature_layers = 1, .feature_layer = &last, .features = rows};
    CHECK_OK(ll_problem_evaluate(problem, &all, error));
    rows[0] = features + SAMPLES * width;
    all.samples = &low;
    CHECK_OK(ll_problem_evaluate(problem, &all, error));
    for (int i = 0; i < 5; i++)
        assert_memory_equal(features + (SAMPLES + i) * width, features + indices[i] * width,
                            (size_t)width * sizeof *features);
    ll_free(features);
    ll_problem_destroy(problem);
    free_data(&d);
}

/* Calibration with one batch = what training mode sees: running = (1 - m) old + m batch, so batch follows. */
static void test_calibration(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    ll_problem *problem = network("resnet8", LL_F64, NULL, 0, &d, 1);
    const ll_problem_info *info = ll_problem_view(problem);
    const void *theta = ll_problem_origin(problem);
    int64_t b = info->buffer_count;
    assert_true(b > 0 && (info->capabilities & LL_CAN_CALIBRATE) != 0);
    double *running = ll_allocate_array(4 * b, sizeof *running), *batch = running + b,
           *halves = running + 2 * b, *part = running + 3 * b;
    void *out[] = {running};
    double trained = 0, evaluated = 0;
    ll_request train = {
        .points = 1, .thetas = &theta, .mode = LL_MODE_TRAINING, .loss = &trained, .buffers_out = out};
    CHECK_OK(ll_problem_evaluate(problem, &train, error));
    out[0] = batch;
    ll_request calibrate = {.points = 1,
                            .thetas = &theta,
                            .mode = LL_MODE_CALIBRATION,
                            .batch_size = SAMPLES,
                            .buffers_out = out};
    CHECK_OK(ll_problem_evaluate(problem, &calibrate, error));
    const double *before = ll_problem_origin_buffers(problem);
    for (int64_t i = 0; i < b; i++) CHECK_NEAR(running[i], 0.9 * before[i] + 0.1 * batch[i], 1e-12);
    /* Evaluation with re-estimated statistics is near, not equal: biased against unbiased variance. */
    const void *buffers = batch;
    ll_request again = {
        .points = 1, .thetas = &theta, .buffers = &buffers, .buffers_shared = true, .loss = &evaluated};
    CHECK_OK(ll_problem_evaluate(problem, &again, error));
    assert_true(fabs(evaluated - trained) < 0.05 * trained && evaluated != trained);
    /* Two batches: the mean of both. */
    out[0] = halves;
    calibrate.batch_size = SAMPLES / 2;
    CHECK_OK(ll_problem_evaluate(problem, &calibrate, error));
    int64_t indices[SAMPLES / 2];
    double *sum = batch;
    memset(sum, 0, (size_t)b * sizeof *sum);
    for (int half = 0; half < 2; half++) {
        for (int i = 0; i < SAMPLES / 2; i++) indices[i] = half * SAMPLES / 2 + i;
        ll_samples list = {indices, SAMPLES / 2};
        out[0] = part;
        calibrate.samples = &list;
        CHECK_OK(ll_problem_evaluate(problem, &calibrate, error));
        for (int64_t i = 0; i < b; i++) sum[i] += part[i] / 2;
    }
    for (int64_t i = 0; i < b; i++) CHECK_NEAR(halves[i], sum[i], 1e-13);
    calibrate.samples = NULL;
    calibrate.batch_size = SAMPLES - 1;
    ll_error failure;
    assert_int_equal(ll_problem_evaluate(problem, &calibrate, &failure), LL_INVALID_ARGUMENT);
    ll_free(running);
    ll_problem_destroy(problem);
    free_data(&d);
}

/* Sum of the squared reference values, the last column. */
static double reference_square(const ll_pinn_samples *table)
{
    double sum = 0;
    for (int64_t i = 0; i < table->count; i++) {
        double value = table->values[i * table->width + table->width - 1];
        sum += value * value;
    }
    return sum;
}

/* A physics-informed loss: four terms, one of weight 0, each over its own samples. */
static void test_terms(void **state)
{
    (void)state;
    int64_t hidden[] = {6, 5};
    ll_pinn_family family = {
        .beta = 2, .collocation = 30, .hidden = hidden, .hidden_count = 2, .dtype = LL_F64};
    ll_pinn_samples samples[LL_PINN_TERMS];
    ll_model *model = NULL;
    ll_problem *problem = NULL;
    CHECK_OK(ll_pinn_family_create(&family, &model, samples, error));
    const ll_model_info *info = ll_model_view(model);
    ll_graph_rows rows[LL_PINN_TERMS];
    assert_int_equal(info->inputs, LL_PINN_TERMS);
    for (int i = 0; i < LL_PINN_TERMS; i++)
        rows[i] = (ll_graph_rows){info->input[i].name, samples[info->input[i].term].values,
                                  samples[info->input[i].term].count};
    ll_graph_problem_options options = {.rows = rows, .row_count = LL_PINN_TERMS, .seed = 1, .threads = 1};
    CHECK_OK(ll_problem_create_graph(model, &options, &problem, error));
    const void *theta = ll_problem_origin(problem);
    double terms[LL_PINN_TERMS], loss = 0, sum = 0;
    ll_request request = {.points = 1, .thetas = &theta, .terms = terms, .loss = &loss};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    const ll_problem_info *view = ll_problem_view(problem);
    for (int t = 0; t < LL_PINN_TERMS; t++) {
        /* A term of weight 0 serves metrics alone, and is evaluated for them alone. */
        assert_true(view->term[t].weight != 0 ? terms[t] > 0 : isnan(terms[t]));
        if (view->term[t].weight != 0) sum += view->term[t].weight * terms[t];
    }
    CHECK_NEAR(loss, sum, 1e-14);
    double metrics[8], again[LL_PINN_TERMS];
    assert_in_range(view->metrics, 1, 8);
    request.terms = again;
    request.metrics = metrics;
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    for (int t = 0; t < LL_PINN_TERMS; t++)
        assert_true(view->term[t].weight != 0 ? again[t] == terms[t] : again[t] > 0);
    CHECK_NEAR(metrics[0], sqrt(again[3] * (double)view->term[3].samples / reference_square(&samples[3])),
               1e-12);
    check_derivatives(problem, 1e-4, 1e-8);
    ll_problem_destroy(problem);
    ll_pinn_samples_deinit(samples);
}

/* The network is linear in its last layer, so there the Gauss-Newton matrix is the Hessian: same diagonal
 * block. */
static void test_gauss_newton(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    ll_problem *problem = network("mlp", LL_F64, tanh_mlp, 2, &d, 1);
    const ll_problem_info *info = ll_problem_view(problem);
    assert_true((info->capabilities & LL_CAN_GGN) != 0);
    int64_t n = info->parameter_count, first = info->parameter[info->parameters - 2].offset;
    const void *theta = ll_problem_origin(problem);
    double *v = ll_allocate_zeroed((size_t)(3 * n) * sizeof *v), *hessian = v + n, *ggn = v + 2 * n,
           below = 0;
    for (int64_t i = first; i < n; i++) v[i] = ll_rng_normal(ll_rng_make(8, "test", "last"), (uint64_t)i);
    const void *vectors[] = {v};
    void *products[] = {hessian};
    ll_request request = {
        .points = 1, .thetas = &theta, .product_count = 1, .vectors = vectors, .products = products};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    products[0] = ggn;
    request.product = LL_PRODUCT_GGN;
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    for (int64_t i = first; i < n; i++) CHECK_NEAR(ggn[i], hessian[i], 1e-13 * (1 + fabs(hessian[i])));
    for (int64_t i = 0; i < first; i++) below += fabs(ggn[i] - hessian[i]);
    assert_true(below > 1e-6); /* elsewhere they differ */
    assert_true(ll_vector_dot(LL_REAL_FLOAT64, n, v, ggn) > 0);
    ll_free(v);
    ll_problem_destroy(problem);
    free_data(&d);
}

/* FIELD 2.5: products summed over the samples instead of averaged. A list with every sample twice has the
 * same mean. */
static void test_field_2_5_products_are_means(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    ll_problem *problem = network("mlp", LL_F64, tanh_mlp, 2, &d, 1);
    int64_t n = ll_problem_view(problem)->parameter_count, indices[2 * SAMPLES];
    const void *theta = ll_problem_origin(problem), *vectors[] = {theta};
    double *once = ll_allocate_array(2 * n, sizeof *once), *twice = once + n;
    for (int i = 0; i < 2 * SAMPLES; i++) indices[i] = i / 2;
    ll_samples list = {indices, 2 * SAMPLES};
    void *products[] = {once};
    ll_request request = {
        .points = 1, .thetas = &theta, .product_count = 1, .vectors = vectors, .products = products};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    products[0] = twice;
    request.samples = &list;
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    double size = ll_vector_norm(LL_REAL_FLOAT64, n, once);
    ll_vector_add(LL_REAL_FLOAT64, n, -1, once, twice);
    assert_true(ll_vector_norm(LL_REAL_FLOAT64, n, twice) <= 1e-13 * size && size > 0);
    ll_free(once);
    ll_problem_destroy(problem);
    free_data(&d);
}

/* Statistics alone, in single precision and in the blocked layouts of wide layers: those of double precision. */
static void test_calibration_in_single_precision(void **state)
{
    (void)state;
    data d;
    make_data(&d);
    static const ll_network_option wide = {"width", "16"};
    ll_problem *single = network("resnet8", LL_F32, &wide, 1, &d, 1),
               *exact = network("resnet8", LL_F64, &wide, 1, &d, 1);
    const ll_problem_info *info = ll_problem_view(single);
    int64_t n = info->parameter_count, b = info->buffer_count;
    double *theta = ll_allocate_array(n + b, sizeof *theta), *wanted = theta + n;
    float *got = ll_allocate_array(b, sizeof *got);
    for (int64_t i = 0; i < n; i++) theta[i] = (double)((const float *)ll_problem_origin(single))[i];
    for (int side = 0; side < 2; side++) {
        const void *at = side == 0 ? ll_problem_origin(single) : theta;
        void *out[] = {side == 0 ? (void *)got : wanted};
        const ll_request calibrate = {.points = 1,
                                      .thetas = &at,
                                      .mode = LL_MODE_CALIBRATION,
                                      .batch_size = SAMPLES,
                                      .buffers_out = out};
        CHECK_OK(ll_problem_evaluate(side == 0 ? single : exact, &calibrate, error));
    }
    for (int64_t i = 0; i < b; i++) CHECK_NEAR((double)got[i], wanted[i], 1e-4 * (1.0 + fabs(wanted[i])));
    ll_free(theta);
    ll_free(got);
    ll_problem_destroy(single);
    ll_problem_destroy(exact);
    free_data(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_class_zero_counts),
        cmocka_unit_test(test_derivatives_equal_differences),
        cmocka_unit_test(test_residual_network),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_kept_products),
        cmocka_unit_test(test_subsets_and_features),
        cmocka_unit_test(test_calibration),
        cmocka_unit_test(test_calibration_in_single_precision),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_gauss_newton),
        cmocka_unit_test(test_field_2_5_products_are_means),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
