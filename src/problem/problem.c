/* The interface of losslens/problem.h: what every implementation shares. A request is validated, its points
 * are expanded in groups of bounded size, it goes to the implementation, and weight decay is added; Hessian
 * products that an implementation lacks become differences of gradients here, so that it is done in one way
 * only.
 *
 * The size of a group depends on n alone. Since a result never depends on what shares its batch, neither the
 * group nor the machine shows in the bits. */
#include "losslens/problem_vectors.h"
#include "problem/problem_internal.h"

#include <math.h>
#include <string.h>

static const char *const module = "problem";

enum { GROUP_BYTES = 64 << 20 }; /* expanded points held at once, at least one */

/* ---------------------------------------------------------------- tables */

const ll_problem_info *ll_problem_view(const ll_problem *problem) { return &problem->info; }
const void *ll_problem_origin(const ll_problem *problem) { return problem->origin; }
const void *ll_problem_origin_buffers(const ll_problem *problem) { return problem->origin_buffers; }

void ll_problem_destroy(ll_problem *problem)
{
    if (problem == NULL) return;
    if (problem->callbacks.destroy != NULL) problem->callbacks.destroy(problem->context);
    ll_free(problem->origin);
    ll_free(problem->origin_buffers);
    ll_arena_destroy(problem->arena);
    ll_free(problem);
}

ll_status ll_problem_role(const ll_problem *problem, const char *role, int64_t term, const int64_t **indices,
                          int64_t *count, ll_error *error)
{
    if (term < 0 || term >= problem->info.terms)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, problem->info.name, "term %lld; there are %lld",
                       (long long)term, (long long)problem->info.terms);
    for (int64_t r = 0; r < problem->role_count; r++)
        if (problem->roles[r].term == term && strcmp(problem->roles[r].role, role) == 0) {
            *indices = problem->roles[r].indices;
            *count = problem->roles[r].count;
            return LL_OK;
        }
    ll_text names = {0};
    for (int64_t r = 0; r < problem->role_count; r++)
        if (problem->roles[r].term == term)
            ll_text_format(&names, "%s%s", names.length > 0 ? ", " : "", problem->roles[r].role);
    ll_status status =
        ll_fail(error, LL_NOT_FOUND, module, problem->info.name, "term \"%s\" has no role \"%s\"; it has: %s",
                problem->info.term[term].name, role, names.length > 0 ? names.text : "none");
    ll_text_deinit(&names);
    return status;
}

ll_status ll_problem_set_weight_decay(ll_problem *problem, double lambda, ll_error *error)
{
    if (!isfinite(lambda) || lambda < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, problem->info.name,
                       "weight decay %g; it must be finite and >= 0", lambda);
    problem->info.weight_decay = lambda;
    return LL_OK;
}

/* ---------------------------------------------------------------- weight decay */

static double decay_value(const ll_problem *problem, const void *theta)
{
    const ll_problem_info *info = &problem->info;
    double sum = 0;
    for (int64_t p = 0; p < info->parameters; p++) {
        const ll_parameter *parameter = &info->parameter[p];
        if (!parameter->decays) continue;
        const void *part = ll_vector_at(info->type, theta, parameter->offset);
        sum += ll_vector_dot(info->type, parameter->count, part, part);
    }
    return 0.5 * info->weight_decay * sum;
}

/* result += lambda x on the parameters that decay. */
static void add_decay(const ll_problem *problem, const void *x, void *result)
{
    const ll_problem_info *info = &problem->info;
    for (int64_t p = 0; p < info->parameters; p++) {
        const ll_parameter *parameter = &info->parameter[p];
        if (parameter->decays)
            ll_vector_add(info->type, parameter->count, info->weight_decay,
                          ll_vector_at(info->type, x, parameter->offset),
                          ll_vector_at_mutable(info->type, result, parameter->offset));
    }
}

/* The caller's terms have one column more than the implementation's. `terms` is filled packed by the
 * implementation at the front of the caller's rows; spread them from the back. */
static void spread_terms(double *terms, int64_t points, int64_t count)
{
    for (int64_t k = points - 1; k >= 0; k--)
        memmove(terms + k * (count + 1), terms + k * count, (size_t)count * sizeof *terms);
}

static void apply_weight_decay(const ll_problem *problem, const ll_request *request)
{
    const ll_problem_info *info = &problem->info;
    if (info->weight_decay == 0.0) return;
    if (request->terms != NULL) spread_terms(request->terms, request->points, info->terms);
    for (int64_t k = 0; k < request->points; k++) {
        const void *theta = request->thetas[k];
        if (request->loss != NULL || request->terms != NULL) {
            double value = decay_value(problem, theta);
            if (request->loss != NULL) request->loss[k] += value;
            if (request->terms != NULL) request->terms[k * (info->terms + 1) + info->terms] = value;
        }
        if (request->gradients != NULL) add_decay(problem, theta, request->gradients[k]);
        for (int64_t v = 0; v < request->product_count; v++)
            add_decay(problem, request->vectors[v], request->products[k * request->product_count + v]);
    }
}

/* ---------------------------------------------------------------- emulated products */

/* H v by differences of gradients g(theta + s v): with D(h) = (g(h) - g(-h)) / 2h the combination
 * (4 D(h) - D(2h)) / 3 has a truncation error of order h^4. The gradients' rounding errors, about
 * epsilon |g|, enter with 1/h; a step relative to |theta| of epsilon^(1/4) keeps both small and stays
 * short enough not to cross many kinks of piecewise smooth networks. The told error |result - D(h)| /
 * |result| is that of the two-point formula, an upper bound in practice. */
static double emulation_step(const ll_problem *problem, const void *theta, const void *vector)
{
    const ll_problem_info *info = &problem->info;
    double epsilon = info->type == LL_REAL_FLOAT32 ? 0x1p-23 : 0x1p-52;
    double length = ll_vector_norm(info->type, info->parameter_count, vector);
    if (length == 0 || !isfinite(length)) return 0;
    double scale = ll_vector_norm(info->type, info->parameter_count, theta);
    double step = pow(epsilon, 0.25) * (1.0 + scale) / length;
    /* A power of two: scaling by it is exact. */
    return ldexp(1.0, ilogb(step));
}

static ll_status emulate_product(const ll_problem *problem, const ll_request *explicit_request, int64_t point,
                                 const void *vector, void *product, unsigned char *scratch,
                                 double *largest_step, double *largest_error, ll_error *error)
{
    const ll_problem_info *info = &problem->info;
    ll_real type = info->type;
    int64_t n = info->parameter_count;
    size_t bytes = (size_t)n * ll_real_bytes(type);
    const void *theta = explicit_request->thetas[point];
    double step = emulation_step(problem, theta, vector);
    if (step == 0) {
        ll_vector_scale(type, n, 0.0, memcpy(product, vector, bytes)); /* zero, or NaN where the vector is */
        return LL_OK;
    }
    static const double multiples[4] = {1, -1, 2, -2};
    const void *thetas[4];
    void *gradients[4];
    for (int i = 0; i < 4; i++) {
        void *moved = scratch + (size_t)i * bytes;
        double factor = multiples[i] * step;
        ll_vector_combine(type, n, theta, 1, &vector, &factor, moved);
        thetas[i] = moved;
        gradients[i] = scratch + (size_t)(4 + i) * bytes;
    }
    const void *buffers = explicit_request->buffers == NULL
                              ? NULL
                              : explicit_request->buffers[explicit_request->buffers_shared ? 0 : point];
    ll_request request = {.points = 4,
                          .thetas = thetas,
                          .buffers = buffers == NULL ? NULL : &buffers,
                          .buffers_shared = buffers != NULL,
                          .samples = explicit_request->samples,
                          .mode = explicit_request->mode,
                          .dropout_key = explicit_request->dropout_key,
                          .gradients = gradients};
    LL_TRY(problem->callbacks.evaluate(problem->context, &request, error));
    double difference = 0, length = 0;
    for (int64_t i = 0; i < n; i++) {
        double near =
            (ll_vector_get(type, gradients[0], i) - ll_vector_get(type, gradients[1], i)) / (2 * step);
        double far =
            (ll_vector_get(type, gradients[2], i) - ll_vector_get(type, gradients[3], i)) / (4 * step);
        double value = near + (near - far) / 3.0;
        difference += (value - near) * (value - near);
        length += value * value;
        if (type == LL_REAL_FLOAT32) ((float *)product)[i] = (float)value;
        else ((double *)product)[i] = value;
    }
    double relative = length > 0 ? sqrt(difference / length) : sqrt(difference);
    if (!(relative <= *largest_error)) *largest_error = relative;
    if (step > *largest_step) *largest_step = step;
    return LL_OK;
}

/* ---------------------------------------------------------------- evaluation */

/* Points start .. start + count - 1 of a request whose points are given as thetas. */
static ll_request part_of(const ll_problem *problem, const ll_request *request, int64_t start, int64_t count)
{
    const ll_problem_info *info = &problem->info;
    int64_t term_columns = info->terms + (info->weight_decay != 0.0);
    ll_request part = *request;
    part.points = count;
    if (part.thetas != NULL) part.thetas += start;
    if (request->dimensions > 0) part.coefficients += start * request->dimensions;
    if (part.buffers != NULL && !part.buffers_shared) part.buffers += start;
    if (part.loss != NULL) part.loss += start;
    if (part.terms != NULL) part.terms += start * term_columns;
    if (part.metrics != NULL) part.metrics += start * info->metrics;
    if (part.gradients != NULL) part.gradients += start;
    if (part.buffers_out != NULL) part.buffers_out += start;
    if (part.products != NULL) part.products += start * request->product_count;
    if (part.features != NULL) part.features += start * request->feature_layers;
    return part;
}

static int64_t group_size(const ll_problem *problem, const ll_request *request)
{
    size_t bytes = (size_t)problem->info.parameter_count * ll_real_bytes(problem->info.type);
    int64_t fits = bytes == 0 ? request->points : (int64_t)((size_t)GROUP_BYTES / bytes);
    return ll_max_int64(1, ll_min_int64(fits, request->points));
}

static bool wants_more_than_products(const ll_request *request)
{
    return request->loss != NULL || request->terms != NULL || request->metrics != NULL ||
           request->gradients != NULL || request->buffers_out != NULL || request->feature_layers != 0;
}

/* A group of points given as thetas; scratch holds 8 vectors when emulated. */
static ll_status evaluate_group(const ll_problem *problem, const ll_request *request, ll_samples *lists,
                                bool emulated, unsigned char *scratch, double *step, double *relative_error,
                                ll_error *error)
{
    ll_request explicit_request;
    problem_make_explicit(problem, request, lists, &explicit_request);
    explicit_request.origin = NULL;
    explicit_request.dimensions = 0;
    explicit_request.directions = NULL;
    explicit_request.coefficients = NULL;
    explicit_request.allow_emulation = false;
    explicit_request.emulated_step = explicit_request.emulated_error = NULL;
    if (emulated) explicit_request.product_count = 0;
    if (!emulated || wants_more_than_products(request))
        LL_TRY(problem->callbacks.evaluate(problem->context, &explicit_request, error));
    if (emulated)
        for (int64_t k = 0; k < request->points; k++)
            for (int64_t v = 0; v < request->product_count; v++)
                LL_TRY(emulate_product(problem, &explicit_request, k, request->vectors[v],
                                       request->products[k * request->product_count + v], scratch, step,
                                       relative_error, error));
    apply_weight_decay(problem, request);
    return LL_OK;
}

typedef struct work_space {
    int64_t group;        /* points expanded at once */
    unsigned char *bytes; /* expanded points, then 8 scratch vectors when emulated */
    const void **thetas;
    ll_samples *lists;
} work_space;

static ll_status work_space_size(const ll_problem *problem, const ll_request *request, bool emulated,
                                 size_t *bytes, ll_error *error)
{
    int64_t vectors = (request->thetas == NULL ? group_size(problem, request) : 0) + (emulated ? 8 : 0);
    size_t one = (size_t)problem->info.parameter_count * ll_real_bytes(problem->info.type);
    if (!ll_multiply_size((size_t)vectors, one, bytes))
        return ll_fail(error, LL_TOO_LARGE, module, problem->info.name, "%lld vectors of %zu bytes",
                       (long long)vectors, one);
    return LL_OK;
}

static void work_space_deinit(work_space *space)
{
    ll_free(space->bytes);
    ll_free(space->thetas);
    ll_free(space->lists);
}

static ll_status work_space_init(work_space *space, const ll_problem *problem, const ll_request *request,
                                 bool emulated, ll_error *error)
{
    size_t bytes = 0;
    LL_TRY(work_space_size(problem, request, emulated, &bytes, error));
    *space = (work_space){.group = request->thetas == NULL ? group_size(problem, request) : request->points};
    space->bytes = ll_allocate(bytes);
    space->thetas = ll_allocate_array(space->group, sizeof *space->thetas);
    space->lists = ll_allocate_array(problem->info.terms, sizeof *space->lists);
    if (space->bytes == NULL || space->thetas == NULL || space->lists == NULL) {
        work_space_deinit(space);
        return ll_fail_memory(error, module, bytes);
    }
    return LL_OK;
}

static ll_status evaluate_groups(ll_problem *problem, const ll_request *request, const work_space *space,
                                 bool emulated, ll_error *error)
{
    size_t one = (size_t)problem->info.parameter_count * ll_real_bytes(problem->info.type);
    unsigned char *scratch = space->bytes + (request->thetas == NULL ? (size_t)space->group * one : 0);
    double step = 0, relative_error = 0;
    for (int64_t start = 0; start < request->points; start += space->group) {
        int64_t count = ll_min_int64(space->group, request->points - start);
        ll_request part = part_of(problem, request, start, count);
        if (request->thetas == NULL) {
            for (int64_t k = 0; k < count; k++) {
                void *theta = space->bytes + (size_t)k * one;
                ll_vector_combine(
                    problem->info.type, problem->info.parameter_count, request->origin, request->dimensions,
                    request->directions,
                    request->dimensions > 0 ? part.coefficients + k * request->dimensions : NULL, theta);
                space->thetas[k] = theta;
            }
            part.thetas = space->thetas;
        }
        LL_TRY(
            evaluate_group(problem, &part, space->lists, emulated, scratch, &step, &relative_error, error));
    }
    if (request->emulated_step != NULL) *request->emulated_step = step;
    if (request->emulated_error != NULL) *request->emulated_error = relative_error;
    return LL_OK;
}

ll_status ll_problem_evaluate(ll_problem *problem, const ll_request *request, ll_error *error)
{
    bool emulated = false;
    LL_TRY(problem_validate(problem, request, &emulated, error));
    work_space space;
    LL_TRY(work_space_init(&space, problem, request, emulated, error));
    ll_status status = evaluate_groups(problem, request, &space, emulated, error);
    work_space_deinit(&space);
    return status;
}

ll_status ll_problem_check(const ll_problem *problem, const ll_request *request, ll_error *error)
{
    bool emulated = false;
    return problem_validate(problem, request, &emulated, error);
}

ll_status ll_problem_memory(const ll_problem *problem, const ll_request *request, size_t *bytes,
                            ll_error *error)
{
    bool emulated = false;
    LL_TRY(problem_validate(problem, request, &emulated, error));
    size_t own = 0;
    LL_TRY(work_space_size(problem, request, emulated, &own, error));
    ll_samples *lists = ll_allocate_array(problem->info.terms, sizeof *lists);
    if (lists == NULL) return ll_fail_memory(error, module, (size_t)problem->info.terms * sizeof *lists);
    size_t inner = 0;
    if (problem->callbacks.memory != NULL) {
        ll_request part = part_of(problem, request, 0,
                                  request->thetas == NULL ? group_size(problem, request) : request->points);
        ll_request explicit_request;
        problem_make_explicit(problem, &part, lists, &explicit_request);
        if (!emulated || wants_more_than_products(request)) {
            if (emulated) explicit_request.product_count = 0;
            inner = problem->callbacks.memory(problem->context, &explicit_request);
        }
        if (emulated) {
            void *gradients[4] = {NULL};
            ll_request differences = {.points = 4,
                                      .samples = explicit_request.samples,
                                      .buffers = explicit_request.buffers,
                                      .buffers_shared = true,
                                      .mode = request->mode,
                                      .gradients = gradients};
            size_t more = problem->callbacks.memory(problem->context, &differences);
            if (more > inner) inner = more;
        }
    }
    ll_free(lists);
    if (!ll_add_size(own, inner, bytes))
        return ll_fail(error, LL_TOO_LARGE, module, problem->info.name,
                       "the request needs more memory than can be counted");
    return LL_OK;
}
