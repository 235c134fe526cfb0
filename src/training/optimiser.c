/* First-order optimisers and the handle they share with L-BFGS. The update loops are written once per element
 * type, without branches inside, so that compilers vectorise them; arithmetic is double, states have the
 * Problem's type. */
#include "training/optimiser_internal.h"

#include <math.h>
#include <string.h>

static const char *const module = "training";

enum { SGD_MOMENTUM = 0, SGD_GRADIENT = 1, ADAM_FIRST = 0, ADAM_SECOND = 1, ADAM_GRADIENT = 2 };

const char *ll_step_reason_text(ll_step_reason reason)
{
    static const char *const texts[] = {"going", "gradient below tolerance", "change below tolerance",
                                        "stalled", "not finite"};
    return (unsigned)reason < sizeof texts / sizeof texts[0] ? texts[reason] : "unknown";
}

const ll_optimiser_options *ll_optimiser_view(const ll_optimiser *optimiser) { return &optimiser->options; }

static double or_default(double value, double standard) { return value != 0 ? value : standard; }

static ll_status fill(ll_optimiser_options *o, const ll_optimiser_options *given, ll_error *error)
{
    *o = given != NULL ? *given : (ll_optimiser_options){0};
    if ((unsigned)o->kind > LL_OPTIMISER_LBFGS)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "optimiser %d does not exist", (int)o->kind);
    o->rate = or_default(o->rate, o->kind == LL_OPTIMISER_SGD     ? 0.01
                                  : o->kind == LL_OPTIMISER_LBFGS ? 1.0
                                                                  : 0.001);
    o->beta1 = or_default(o->beta1, 0.9);
    o->beta2 = or_default(o->beta2, 0.999);
    o->epsilon = or_default(o->epsilon, 1e-8);
    o->tolerance_gradient = or_default(o->tolerance_gradient, 1e-7);
    o->tolerance_change = or_default(o->tolerance_change, 1e-7);
    if (o->history == 0) o->history = 50;
    if (o->line_search == 0) o->line_search = 25;
    if (!(o->rate > 0) || !isfinite(o->rate))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "rate", "learning rate %g; it must be positive",
                       o->rate);
    if (!(o->momentum >= 0) || !(o->dampening >= 0) || !(o->weight_decay >= 0) || !isfinite(o->weight_decay))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL,
                       "momentum %g, dampening %g, weight decay %g: none may be negative", o->momentum,
                       o->dampening, o->weight_decay);
    if (o->nesterov && (o->momentum == 0 || o->dampening != 0))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "nesterov",
                       "it needs a momentum above 0 and no dampening");
    if (!(o->beta1 > 0 && o->beta1 < 1 && o->beta2 > 0 && o->beta2 < 1 && o->epsilon > 0))
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL,
                       "beta1 %g and beta2 %g must lie in (0, 1), epsilon %g above 0", o->beta1, o->beta2,
                       o->epsilon);
    if (o->history < 1 || o->line_search < 2)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL,
                       "history %lld (at least 1), line_search %lld (at least 2)", (long long)o->history,
                       (long long)o->line_search);
    if (o->kind == LL_OPTIMISER_LBFGS && o->weight_decay != 0)
        return ll_fail(error, LL_UNSUPPORTED, module, "weight_decay",
                       "L-BFGS minimises the Problem's loss as it is: set the weight decay of the Problem");
    return LL_OK;
}

void ll_optimiser_destroy(ll_optimiser *optimiser)
{
    if (optimiser == NULL) return;
    ll_free(optimiser->vectors);
    ll_free(optimiser->parameters);
    ll_free(optimiser->rho);
    ll_free(optimiser);
}

ll_status ll_optimiser_create(const ll_optimiser_options *options, ll_real type, int64_t count,
                              const ll_parameter *parameters, int64_t parameter_count,
                              ll_optimiser **optimiser, ll_error *error)
{
    ll_optimiser_options filled;
    LL_TRY(fill(&filled, options, error));
    if (count < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "vectors of %lld values", (long long)count);
    ll_optimiser *o = ll_allocate_zeroed(sizeof *o);
    if (o == NULL) return ll_fail_memory(error, module, sizeof *o);
    *o = (ll_optimiser){.options = filled, .type = type, .n = count, .parameter_count = parameter_count};
    switch (filled.kind) {
    case LL_OPTIMISER_SGD:
        o->state_vectors = 1;
        o->all_vectors = 2;
        break;
    case LL_OPTIMISER_LBFGS:
        o->state_vectors = LBFGS_PAIRS + 2 * filled.history;
        o->all_vectors = o->state_vectors + LBFGS_SCRATCH;
        break;
    default: o->state_vectors = 2; o->all_vectors = 3;
    }
    size_t bytes = 0;
    bool fits = ll_multiply_size((size_t)o->all_vectors * ll_real_bytes(type), (size_t)count, &bytes);
    o->vectors = fits ? ll_allocate_zeroed(bytes) : NULL;
    o->rho = ll_allocate_zeroed((size_t)(2 * filled.history) * sizeof *o->rho);
    if (parameter_count > 0) {
        o->parameters = ll_allocate_array(parameter_count, sizeof *o->parameters);
        if (o->parameters != NULL)
            memcpy(o->parameters, parameters, (size_t)parameter_count * sizeof *parameters);
    }
    if (o->vectors == NULL || o->rho == NULL || (parameter_count > 0 && o->parameters == NULL)) {
        ll_optimiser_destroy(o);
        return ll_fail_memory(error, module, bytes);
    }
    *optimiser = o;
    return LL_OK;
}

size_t optimiser_head_bytes(const ll_optimiser *o)
{
    return sizeof o->scalars + (size_t)o->options.history * sizeof *o->rho;
}

void optimiser_write_head(const ll_optimiser *o, unsigned char *bytes)
{
    memcpy(bytes, &o->scalars, sizeof o->scalars);
    memcpy(bytes + sizeof o->scalars, o->rho, (size_t)o->options.history * sizeof *o->rho);
}

ll_status optimiser_read_head(ll_optimiser *o, const unsigned char *bytes, ll_error *error)
{
    optimiser_scalars scalars;
    memcpy(&scalars, bytes, sizeof scalars);
    if (scalars.held < 0 || scalars.held > o->options.history || scalars.newest < 0 ||
        scalars.newest >= ll_max_int64(o->options.history, 1) || scalars.steps < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "optimiser state", "its counters are damaged");
    o->scalars = scalars;
    memcpy(o->rho, bytes + sizeof scalars, (size_t)o->options.history * sizeof *o->rho);
    return LL_OK;
}

size_t ll_optimiser_state_bytes(const ll_optimiser *o)
{
    return optimiser_head_bytes(o) + (size_t)(o->state_vectors * o->n) * ll_real_bytes(o->type);
}

/* ---------------------------------------------------------------- updates */

/* Coefficients of one step, the same for all elements. */
typedef struct update {
    double rate, decay, momentum, undamped, beta1, beta2, correction1, correction2, epsilon;
} update;

#define DEFINE_UPDATES(element)                                                                              \
    static void sgd_##element(int64_t n, update u, bool nesterov, const element *g, element *m, element *x)  \
    {                                                                                                        \
        if (u.momentum == 0)                                                                                 \
            for (int64_t i = 0; i < n; i++) {                                                                \
                double slope = (double)g[i] + u.decay * (double)x[i];                                        \
                x[i] = (element)((double)x[i] - u.rate * slope);                                             \
            }                                                                                                \
        else                                                                                                 \
            for (int64_t i = 0; i < n; i++) {                                                                \
                double slope = (double)g[i] + u.decay * (double)x[i];                                        \
                double moment = u.momentum * (double)m[i] + u.undamped * slope;                              \
                double move = nesterov ? slope + u.momentum * moment : moment;                               \
                m[i] = (element)moment;                                                                      \
                x[i] = (element)((double)x[i] - u.rate * move);                                              \
            }                                                                                                \
    }                                                                                                        \
    static void adam_##element(int64_t n, update u, bool decoupled, const element *g, element *m,            \
                               element *v, element *x)                                                       \
    {                                                                                                        \
        double shrink = decoupled ? 1.0 - u.rate * u.decay : 1.0, coupled = decoupled ? 0.0 : u.decay;       \
        double move = u.rate / u.correction1, root = 1.0 / sqrt(u.correction2);                              \
        for (int64_t i = 0; i < n; i++) {                                                                    \
            double value = (double)x[i] * shrink, slope = (double)g[i] + coupled * (double)x[i];             \
            double first = u.beta1 * (double)m[i] + (1.0 - u.beta1) * slope;                                 \
            double second = u.beta2 * (double)v[i] + (1.0 - u.beta2) * slope * slope;                        \
            m[i] = (element)first;                                                                           \
            v[i] = (element)second;                                                                          \
            x[i] = (element)(value - move * first / (sqrt(second) * root + u.epsilon));                      \
        }                                                                                                    \
    }
DEFINE_UPDATES(float)
DEFINE_UPDATES(double)
#undef DEFINE_UPDATES

/* One run of elements that share the coefficients. */
static void update_run(ll_optimiser *o, update u, int64_t offset, int64_t count, const void *gradient,
                       void *theta)
{
    ll_real type = o->type;
    const void *g = ll_vector_at(type, gradient, offset);
    void *x = ll_vector_at_mutable(type, theta, offset);
    void *first = ll_vector_at_mutable(type, optimiser_vector(o, 0), offset);
    void *second = ll_vector_at_mutable(type, optimiser_vector(o, 1), offset);
    if (o->options.kind == LL_OPTIMISER_SGD) {
        if (type == LL_REAL_FLOAT32) sgd_float(count, u, o->options.nesterov, g, first, x);
        else sgd_double(count, u, o->options.nesterov, g, first, x);
    } else if (type == LL_REAL_FLOAT32)
        adam_float(count, u, o->options.kind == LL_OPTIMISER_ADAMW, g, first, second, x);
    else adam_double(count, u, o->options.kind == LL_OPTIMISER_ADAMW, g, first, second, x);
}

static void apply_update(ll_optimiser *o, double rate, const void *gradient, void *theta)
{
    const ll_optimiser_options *options = &o->options;
    int64_t step = ++o->scalars.steps;
    update u = {.rate = rate,
                .decay = options->weight_decay,
                .momentum = options->momentum,
                .undamped = step == 1 ? 1.0 : 1.0 - options->dampening,
                .beta1 = options->beta1,
                .beta2 = options->beta2,
                .correction1 = 1.0 - pow(options->beta1, (double)step),
                .correction2 = 1.0 - pow(options->beta2, (double)step),
                .epsilon = options->epsilon};
    if (o->parameters == NULL || u.decay == 0) {
        update_run(o, u, 0, o->n, gradient, theta);
        return;
    }
    for (int64_t p = 0; p < o->parameter_count; p++) {
        update own = u;
        if (!o->parameters[p].decays) own.decay = 0;
        update_run(o, own, o->parameters[p].offset, o->parameters[p].count, gradient, theta);
    }
}

ll_status ll_optimiser_iterate(ll_optimiser *o, double rate, const ll_objective *objective, void *theta,
                               ll_step *step, ll_error *error)
{
    if (o->options.kind == LL_OPTIMISER_LBFGS) return lbfgs_iterate(o, rate, objective, theta, step, error);
    void *gradient = optimiser_vector(o, o->options.kind == LL_OPTIMISER_SGD ? SGD_GRADIENT : ADAM_GRADIENT);
    double loss = 0;
    LL_TRY(objective->evaluate(objective->context, theta, &loss, gradient, error));
    double length = ll_vector_norm(o->type, o->n, gradient);
    bool finite = isfinite(loss) && isfinite(length);
    if (finite) apply_update(o, rate, gradient, theta);
    *step = (ll_step){loss, length, 1, finite ? LL_STEP_GOING : LL_STEP_NOT_FINITE};
    return LL_OK;
}
