/* losslens/kernels.h - what computes an op: the kernel table, its providers, and the interpreter.
 *
 * A kernel case is one op with everything concrete: attributes, element types, shapes. Providers stand in
 * an ordered list; the first that supports a case computes it; `reference` is last and supports every
 * case. The reference kernels are plain loops that sum in double precision: they are the oracle of all
 * others.
 */
#ifndef LOSSLENS_KERNELS_H
#define LOSSLENS_KERNELS_H

#include "losslens/graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------ the table */

/* A dense tensor in C order. */
typedef struct ll_tensor_form {
    ll_dtype dtype;
    int32_t rank;
    int64_t shape[LL_GRAPH_RANK]; /* all >= 0 */
    int64_t count;                /* elements */
} ll_tensor_form;

typedef struct ll_kernel_case {
    ll_op op;
    ll_attributes attributes;
    int64_t input_count;
    const ll_tensor_form *inputs;
    ll_tensor_form output;
} ll_kernel_case;

/* A provider that is not usable on this machine (instruction set, missing device) supports nothing.
 * prepare may keep what it needs of the case (the case itself dies); a prepared kernel is read-only while
 * it runs, so any number of threads may run it at once, each with its own workspace. run never allocates
 * and uses the calling thread only; the same inputs give the same bits. Buffers are 64-byte aligned;
 * output never overlaps an input. */
typedef struct ll_provider {
    const char *name;
    bool (*supports)(const ll_kernel_case *kernel);
    ll_status (*prepare)(const ll_kernel_case *kernel, void **state, ll_error *error);
    size_t (*workspace)(const void *state); /* bytes that run needs; NULL: none */
    ll_status (*run)(const void *state, const void *const *inputs, void *output, void *workspace,
                     ll_error *error);
    void (*destroy)(void *state); /* NULL state is fine */
} ll_provider;

/* All providers built in, best first; the last is reference. */
LL_API const ll_provider *const *ll_providers(int *count);
LL_API const ll_provider *ll_provider_find(const char *name); /* NULL: none of that name */

/* The case of a node in a run with `samples` samples; forms has room for the node's inputs and is pointed
 * to by the case. LL_TOO_LARGE when a size overflows. */
LL_API ll_status ll_kernel_case_of(const ll_graph *graph, ll_node node, int64_t samples,
                                   ll_tensor_form *forms, ll_kernel_case *kernel,
                                   ll_error *error) LL_MUST_CHECK;

/* ------------------------------------------------------------------ the interpreter */

/* Evaluates a graph node by node with the reference kernels, every intermediate tensor in memory of its
 * own: slow, simple, the oracle of the runtime. bind gives the values of inputs (dense, C order, of the
 * input's type); LL_INPUT_SAMPLE_COUNT and LL_INPUT_SAMPLE_INDEX default to `samples` and 0, 1, 2 ...;
 * any other input that the outputs need must be bound. */
typedef struct ll_binding {
    ll_node input;
    const void *data;
} ll_binding;

/* outputs[i] into results[i], caller's memory of ll_graph_elements(output, samples) elements. Errors:
 * LL_NOT_FOUND for an unbound input (named), LL_OUT_OF_MEMORY, what a kernel reports. */
LL_API ll_status ll_interpret(const ll_graph *graph, const ll_node *outputs, int64_t output_count,
                              int64_t samples, const ll_binding *bindings, int64_t binding_count,
                              void *const *results, ll_error *error) LL_MUST_CHECK;

#ifdef __cplusplus
}
#endif
#endif
