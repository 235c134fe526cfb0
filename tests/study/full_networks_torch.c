/* Architectures of the zoo against torchvision and torch: names of tensors, scores, loss and gradient, with weights that
 * both sides compute from a formula (tests/generate/networks_torch.py, float64). Here in float32. */
#define _POSIX_C_SOURCE 200809L /* strtok_r */
#include "../support_cmocka.h"

#include "losslens/formats.h"
#include "losslens/networks.h"
#include "losslens/problem_graph.h"
#include "losslens/problem_vectors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 2, CLASSES = 10, ROWS = SAMPLES * CLASSES, MOST_TENSORS = 512, LINE = 1024 };

/* The generator's hash, as a number in [-1, 1). */
static double hashed(uint64_t k, uint64_t i)
{
    uint32_t h = (uint32_t)(i * 2654435761u + k * 2246822519u + 12345u);
    h ^= h >> 15;
    h *= 2246822519u;
    h ^= h >> 13;
    h *= 3266489917u;
    h ^= h >> 16;
    return (double)h / 2147483648.0 - 1.0;
}

typedef struct weights {
    ll_tensor tensors[MOST_TENSORS];
    char names[MOST_TENSORS][96];
    int64_t count;
} weights;

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), part = strlen(end);
    return length >= part && strcmp(text + length - part, end) == 0;
}

static float element(const ll_tensor *tensor, int64_t fan_in, uint64_t k, int64_t i)
{
    double u = hashed(k, (uint64_t)i);
    if (tensor->rank >= 2) return (float)(u * sqrt(3.0 / (double)fan_in));
    if (ends_with(tensor->name, "running_var")) return (float)(1.25 + u / 4);
    return (float)(ends_with(tensor->name, "weight") ? 1 + u / 5 : u / 10);
}

static void add_tensor(weights *w, char *line)
{
    ll_tensor *tensor = &w->tensors[w->count];
    char *rest, *word = strtok_r(line, " \n", &rest);
    assert_true(w->count < MOST_TENSORS);
    snprintf(w->names[w->count], sizeof w->names[0], "%s", word);
    *tensor = (ll_tensor){.name = w->names[w->count], .type = LL_TENSOR_FLOAT32};
    while ((word = strtok_r(NULL, " \n", &rest)) != NULL)
        tensor->shape[tensor->rank++] = strtoll(word, NULL, 10);
    int64_t count = ll_tensor_count(tensor);
    float *values = ll_allocate_array(count, sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i++)
        values[i] = element(tensor, tensor->rank > 0 ? count / tensor->shape[0] : 1, (uint64_t)w->count, i);
    tensor->data = values;
    w->count++;
}

/* "vit dim=24 depth=2" -> a model. The text is cut up. */
static ll_model *create(char *title, int64_t side)
{
    ll_network_option options[16];
    int64_t count = 0;
    char *rest, *word, *network = strtok_r(title, " \n", &rest);
    while ((word = strtok_r(NULL, " \n", &rest)) != NULL) {
        char *equals = strchr(word, '=');
        *equals = 0;
        options[count++] = (ll_network_option){word, equals + 1};
    }
    ll_model *model = NULL;
    CHECK_OK(ll_network_create(&(ll_network_options){.network = network,
                                                     .option = options,
                                                     .options = count,
                                                     .dtype = LL_F32,
                                                     .input_shape = {3, side, side},
                                                     .classes = CLASSES},
                               &model, error));
    return model;
}

static void load(const ll_model *model, const weights *w, float *theta, float *buffers)
{
    ll_text bytes = {0};
    ll_tensor_file *file = NULL;
    ll_format_limits limits = ll_format_limits_default();
    CHECK_OK(ll_safetensors_encode(w->tensors, w->count, NULL, 0, &bytes, error));
    CHECK_OK(ll_tensor_file_parse(bytes.text, bytes.length, "weights", &limits, &file, error));
    CHECK_OK(ll_model_load(model, file, false, theta, buffers, NULL, error));
    ll_tensor_file_destroy(file);
    ll_text_deinit(&bytes);
}

/* Row (n, c) is image n with label c: its loss is log sum exp(s) - s_c, so that differences of losses are scores. */
typedef struct table {
    float *images; /* [ROWS, 3, side, side] */
    int64_t labels[ROWS];
} table;

static table make_table(int64_t side)
{
    int64_t width = 3 * side * side;
    table t = {.images = ll_allocate_array(ROWS * width, sizeof(float))};
    assert_non_null(t.images);
    for (int64_t row = 0; row < ROWS; row++) {
        t.labels[row] = row % CLASSES;
        for (int64_t i = 0; i < width; i++)
            t.images[row * width + i] = (float)hashed(1000, (uint64_t)(row / CLASSES * width + i));
    }
    return t;
}

static ll_problem *problem_of(ll_model *model, const weights *w, const table *t)
{
    const ll_model_info *info = ll_model_view(model);
    float *theta = ll_allocate_array(info->parameter_count, sizeof *theta),
          *buffers = ll_allocate_array(info->buffer_count + 1, sizeof *buffers);
    assert_true(theta != NULL && buffers != NULL);
    load(model, w, theta, buffers);
    ll_graph_rows rows[2] = {{"input", t->images, ROWS}, {"label", t->labels, ROWS}};
    ll_problem *problem = NULL;
    CHECK_OK(ll_problem_create_graph(
        model,
        &(ll_graph_problem_options){
            .rows = rows, .row_count = 2, .theta = theta, .buffers = buffers, .threads = 1},
        &problem, error));
    ll_free(theta);
    ll_free(buffers);
    return problem;
}

static double loss_of(ll_problem *problem, const int64_t *indices, int64_t count, double *gradient_norm)
{
    const ll_problem_info *info = ll_problem_view(problem);
    const void *theta = ll_problem_origin(problem);
    ll_samples samples = {.indices = indices, .count = count};
    double loss = 0.0;
    void *gradient = ll_allocate_array(info->parameter_count, sizeof(float));
    assert_non_null(gradient);
    ll_request request = {.points = 1,
                          .thetas = &theta,
                          .samples = &samples,
                          .loss = &loss,
                          .gradients = gradient_norm != NULL ? &gradient : NULL};
    CHECK_OK(ll_problem_evaluate(problem, &request, error));
    if (gradient_norm != NULL) *gradient_norm = ll_vector_norm(info->type, info->parameter_count, gradient);
    ll_free(gradient);
    return loss;
}

typedef struct expected {
    double scores[ROWS], loss, gradient;
} expected;

/* Scores are known up to a constant an image: against that of class 0. */
static void compare(ll_problem *problem, const expected *wanted, const char *title)
{
    static const int64_t chosen[SAMPLES] = {3, CLASSES + 7};
    double gradient, loss = loss_of(problem, chosen, SAMPLES, &gradient), losses[ROWS], worst = 0.0,
                     largest = 1.0;
    for (int64_t row = 0; row < ROWS; row++) {
        losses[row] = loss_of(problem, &row, 1, NULL);
        int64_t first = row / CLASSES * CLASSES;
        double got = losses[first] - losses[row], want = wanted->scores[row] - wanted->scores[first];
        worst = fmax(worst, fabs(got - want));
        largest = fmax(largest, fabs(want));
    }
    print_message("%-60s loss %.1e, scores %.1e, gradient %.1e\n", title,
                  fabs(loss - wanted->loss) / wanted->loss, worst / largest,
                  fabs(gradient - wanted->gradient) / wanted->gradient);
    CHECK_NEAR(loss, wanted->loss, 1e-6 * wanted->loss);
    CHECK_NEAR(worst, 0.0, 5e-6 * largest);
    CHECK_NEAR(gradient, wanted->gradient, 1e-5 * wanted->gradient);
}

static void read_scores(char *text, expected *wanted)
{
    for (int i = 0; i < ROWS; i++) wanted->scores[i] = strtod(text, &text);
}

static void run_case(const weights *w, char *title, int64_t side, const expected *wanted)
{
    char shown[LINE];
    snprintf(shown, sizeof shown, "%s", title);
    shown[strcspn(shown, "\n")] = 0;
    table t = make_table(side);
    ll_problem *problem = problem_of(create(title, side), w, &t);
    compare(problem, wanted, shown);
    ll_problem_destroy(problem);
    ll_free(t.images);
}

static void test_architectures_equal_torch(void **state)
{
    (void)state;
    const char *source = getenv("LOSSLENS_SOURCE");
    char path[512], line[LINE], title[LINE] = "";
    snprintf(path, sizeof path, "%s/tests/study/networks_torch.txt", source != NULL ? source : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    weights *w = ll_allocate_zeroed(sizeof *w);
    assert_non_null(w);
    expected wanted = {0};
    int64_t side = 0, cases = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char *rest = line + strcspn(line, " \n") + 1;
        if (strncmp(line, "case ", 5) == 0) {
            side = strtoll(rest, &rest, 10);
            snprintf(title, sizeof title, "%s", rest);
        } else if (strncmp(line, "tensor ", 7) == 0) {
            add_tensor(w, rest);
        } else if (strncmp(line, "scores ", 7) == 0) {
            read_scores(rest, &wanted);
        } else if (strncmp(line, "loss ", 5) == 0) {
            wanted.loss = strtod(rest, NULL);
        } else if (strncmp(line, "gradient ", 9) == 0) {
            wanted.gradient = strtod(rest, NULL);
        } else {
            run_case(w, title, side, &wanted);
            for (int64_t i = 0; i < w->count; i++) ll_free((void *)(uintptr_t)w->tensors[i].data);
            w->count = 0;
            cases++;
        }
    }
    fclose(file);
    ll_free(w);
    assert_int_equal(cases, 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_architectures_equal_torch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
