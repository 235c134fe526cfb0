#include "kernels/kernel.h"

#include <string.h>

static const ll_provider *const providers[] = {
#define LL_PROVIDER_ENTRY(name) &ll_provider_##name,
    LL_PROVIDER_LIST(LL_PROVIDER_ENTRY)
#undef LL_PROVIDER_ENTRY
};
enum { provider_count = (int)(sizeof providers / sizeof providers[0]) };

const ll_provider *const *ll_providers(int *count)
{
    if (count != NULL) *count = provider_count;
    return providers;
}

const ll_provider *ll_provider_find(const char *name)
{
    for (int i = 0; name != NULL && i < provider_count; i++) {
        if (strcmp(providers[i]->name, name) == 0) return providers[i];
    }
    return NULL;
}

ll_status ll_kernel_case_of(const ll_graph *graph, ll_node node, int64_t samples, ll_tensor_form *forms,
                            ll_kernel_case *kernel, ll_error *error)
{
    const ll_graph_node *it = ll_graph_node_at(graph, node);
    if (it == NULL) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "kernels", NULL, "node %%%d does not exist", (int)node);
    }
    for (int32_t i = -1; i < it->input_count; i++) {
        const ll_graph_node *tensor = i < 0 ? it : ll_graph_node_at(graph, it->inputs[i]);
        ll_tensor_form form = {.dtype = tensor->dtype, .rank = tensor->rank};
        for (int32_t axis = 0; axis < tensor->rank; axis++) {
            form.shape[axis] = ll_dimension(tensor->shape[axis], samples);
        }
        if (!ll_graph_elements(tensor, samples, &form.count)) {
            return ll_fail(error, LL_TOO_LARGE, "kernels", NULL,
                           "node %%%d has too many elements with %lld samples",
                           (int)(i < 0 ? node : it->inputs[i]), (long long)samples);
        }
        if (i < 0) {
            *kernel = (ll_kernel_case){.op = it->op,
                                       .attributes = it->attributes,
                                       .input_count = it->input_count,
                                       .inputs = forms,
                                       .output = form};
        } else {
            forms[i] = form;
        }
    }
    return LL_OK;
}
