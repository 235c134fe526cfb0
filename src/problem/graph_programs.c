#include "problem/graph_programs.h"

#include <stdio.h>
#include <string.h>

static const char *const module = "problem";

typedef struct assembly {
    const ll_model_info *model;
    ll_graph *graph;
    program *it;
    ll_error *error;
} assembly;

static void push(program *it, ll_node node)
{
    it->outputs[it->output_count++] = node;
}

/* Sum over the samples in double precision. */
static ll_node total(ll_graph *graph, ll_node per_sample)
{
    return ll_graph_sum(graph, ll_graph_cast(graph, per_sample, LL_F64), LL_AXIS(0));
}

static ll_node per_sample_loss(const assembly *a)
{
    const ll_model_term *term = &a->model->term[a->it->key.term];
    ll_node training = term->loss[1];
    return a->it->key.training && training != LL_NO_NODE ? training : term->loss[0];
}

static void assemble_loss(assembly *a)
{
    ll_node weight = a->model->term[a->it->key.term].sample_weight;
    push(a->it, total(a->graph, per_sample_loss(a)));
    a->it->has_weight = weight != LL_NO_NODE;
    if (a->it->has_weight) push(a->it, total(a->graph, weight));
}

static void assemble_metrics(assembly *a)
{
    a->it->first_metric = a->it->output_count;
    for (int64_t m = 0; m < a->model->metrics; m++) {
        const ll_model_metric *metric = &a->model->metric[m];
        if (metric->term != a->it->key.term) continue;
        push(a->it, total(a->graph, metric->numerator));
        if (metric->denominator != LL_NO_NODE) push(a->it, total(a->graph, metric->denominator));
    }
}

static ll_status gradient_nodes(assembly *a, ll_node *gradient)
{
    ll_node loss = ll_graph_sum(a->graph, per_sample_loss(a), LL_AXIS(0));
    LL_TRY(ll_graph_check(a->graph, a->error));
    return ll_graph_vjp(a->graph, &loss, NULL, 1, a->model->parameter_node, a->model->parameters, gradient,
                        a->error);
}

static ll_status assemble_gradient(assembly *a)
{
    a->it->first_gradient = a->it->output_count;
    LL_TRY(gradient_nodes(a, a->it->outputs + a->it->output_count));
    a->it->output_count += a->model->parameters;
    return LL_OK;
}

/* Inputs of kind tangent, one a parameter, with `vectors` models in front if that is over one. */
static void tangent_inputs(assembly *a, int64_t vectors, ll_node *tangent)
{
    char name[256];
    for (int64_t p = 0; p < a->model->parameters; p++) {
        const ll_parameter *parameter = &a->model->parameter[p];
        int64_t shape[LL_GRAPH_RANK] = {vectors};
        int lead = vectors > 1;
        for (int axis = 0; axis < parameter->rank && axis + lead < LL_GRAPH_RANK; axis++)
            shape[axis + lead] = parameter->shape[axis];
        snprintf(name, sizeof name, "tangent%lld/%s", (long long)vectors, parameter->name);
        tangent[p] =
            ll_graph_input(a->graph, LL_INPUT_TANGENT, name, a->model->dtype, shape, parameter->rank + lead);
    }
}

/* Forward over reverse: the derivative of the gradient along the tangents. */
static ll_status hessian_nodes(assembly *a, const ll_node *tangent, ll_node *product)
{
    int64_t parameters = a->model->parameters;
    ll_node *gradient = ll_allocate_array(parameters, sizeof *gradient);
    if (gradient == NULL) return ll_fail_memory(a->error, module, (size_t)parameters * sizeof *gradient);
    ll_status status = gradient_nodes(a, gradient);
    if (status == LL_OK) {
        status = ll_graph_jvp(a->graph, gradient, parameters, a->model->parameter_node, tangent, parameters,
                              product, a->error);
    }
    ll_free(gradient);
    return status;
}

/* J' H J v with J = d output / d theta and H the second derivative of the loss by the output. */
static ll_status gauss_newton_nodes(assembly *a, const ll_node *tangent, ll_node *product)
{
    int64_t parameters = a->model->parameters;
    ll_node output = a->model->term[a->it->key.term].output, moved, slope, bend;
    ll_node loss = ll_graph_sum(a->graph, per_sample_loss(a), LL_AXIS(0));
    LL_TRY(ll_graph_check(a->graph, a->error));
    LL_TRY(
        ll_graph_jvp(a->graph, &output, 1, a->model->parameter_node, tangent, parameters, &moved, a->error));
    LL_TRY(ll_graph_vjp(a->graph, &loss, NULL, 1, &output, 1, &slope, a->error));
    LL_TRY(ll_graph_jvp(a->graph, &slope, 1, &output, &moved, 1, &bend, a->error));
    return ll_graph_vjp(a->graph, &output, &bend, 1, a->model->parameter_node, parameters, product, a->error);
}

static ll_status assemble_products(assembly *a)
{
    program *it = a->it;
    int64_t parameters = a->model->parameters, vectors = it->key.vectors;
    it->first_product = it->output_count;
    it->tangents = ll_allocate_array(2 * parameters, sizeof *it->tangents);
    if (it->tangents == NULL)
        return ll_fail_memory(a->error, module, 2 * (size_t)parameters * sizeof *it->tangents);
    ll_node *single = it->tangents + parameters, *product = it->outputs + it->output_count;
    tangent_inputs(a, vectors, it->tangents);
    tangent_inputs(a, 1, single);
    LL_TRY(ll_graph_check(a->graph, a->error));
    LL_TRY(it->key.operator== LL_PRODUCT_GGN ? gauss_newton_nodes(a, single, product)
                                             : hessian_nodes(a, single, product));
    if (vectors > 1) {
        LL_TRY(ll_graph_batch(a->graph, product, parameters, single, it->tangents, parameters, vectors,
                              product, NULL, a->error));
    }
    it->output_count += parameters;
    return LL_OK;
}

static void assemble_batch_values(assembly *a)
{
    a->it->first_batch_value = a->it->output_count;
    for (int64_t k = 0; k < a->model->buffers; k++) push(a->it, a->model->buffer[k].batch_value);
}

static void assemble_features(assembly *a)
{
    a->it->first_feature = a->it->output_count;
    for (int64_t f = 0; f < a->it->key.feature_layers; f++)
        push(a->it, a->model->layer[a->it->key.feature_layer[f]].node);
}

static ll_status assemble(assembly *a)
{
    unsigned wants = a->it->key.wants;
    if (wants & WANT_LOSS) assemble_loss(a);
    if (wants & WANT_METRICS) assemble_metrics(a);
    if (wants & WANT_GRADIENT) LL_TRY(assemble_gradient(a));
    if (wants & WANT_PRODUCT) LL_TRY(assemble_products(a));
    if (wants & WANT_BATCH_VALUES) assemble_batch_values(a);
    if (wants & WANT_FEATURES) assemble_features(a);
    return ll_graph_check(a->graph, a->error);
}

void program_destroy(program *it)
{
    if (it == NULL) return;
    ll_plan_destroy(it->plan);
    ll_free((void *)(uintptr_t)it->key.feature_layer);
    ll_free(it->tangents);
    ll_free(it->outputs);
    ll_free(it);
}

ll_status program_create(const ll_model_info *model, const program_key *key, const ll_plan_options *options,
                         program **out, ll_error *error)
{
    int64_t most = 2 + 2 * model->metrics + 2 * model->parameters + model->buffers + key->feature_layers;
    program *it = ll_allocate_zeroed(sizeof *it);
    if (it == NULL) return ll_fail_memory(error, module, sizeof *it);
    it->key = *key;
    it->outputs = ll_allocate_array(most, sizeof *it->outputs);
    int64_t *layers = ll_allocate_array(key->feature_layers, sizeof *layers);
    it->key.feature_layer = layers;
    if (it->outputs == NULL || layers == NULL) {
        program_destroy(it);
        return ll_fail_memory(error, module, (size_t)most * sizeof *it->outputs);
    }
    for (int64_t f = 0; f < key->feature_layers; f++) layers[f] = key->feature_layer[f];
    assembly a = {.model = model, .graph = model->graph, .it = it, .error = error};
    ll_status status = assemble(&a);
    if (status == LL_OK)
        status = ll_plan_create(model->graph, it->outputs, it->output_count, options, &it->plan, error);
    if (status != LL_OK) {
        ll_graph_recover(model->graph);
        program_destroy(it);
        return status;
    }
    *out = it;
    return LL_OK;
}
