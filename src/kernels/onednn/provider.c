/* The provider "onednn": float32 convolutions of any kind, all three faces. The library chooses its own layouts;
 * operands are reordered into them in the workspace and the result back. One thread: the runtime owns the threads.
 * The library's own scratchpad belongs to the thread that made a primitive, and ours run on any thread: scratchpads are
 * taken from the workspace. */
#include "kernels/kernel.h"
#include "kernels/onednn/compat.h"

#include <omp.h>
#include <string.h>

enum { SOURCE, WEIGHTS, TARGET, OPERANDS };

typedef struct onednn_state {
    dnnl_engine_t engine;
    dnn_face face;
    int result; /* which operand is the output */
    dnn_own_md dense[OPERANDS];
    dnnl_primitive_desc_t descriptor;
    dnnl_primitive_t convolution;
    dnnl_primitive_t reorder[OPERANDS]; /* NULL: already in the layout wanted */
    size_t bytes[OPERANDS];
    dnnl_primitive_desc_t reorder_descriptor[OPERANDS];
    size_t scratch; /* most that one of the primitives needs */
} onednn_state;

static const dnnl_query_t queries[3][OPERANDS] = {
    {dnnl_query_src_md, dnnl_query_weights_md, dnnl_query_dst_md},
    {dnnl_query_diff_src_md, dnnl_query_weights_md, dnnl_query_diff_dst_md},
    {dnnl_query_src_md, dnnl_query_diff_weights_md, dnnl_query_diff_dst_md},
};
static const int arguments[3][OPERANDS] = {
    {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
    {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
    {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
};

static dnn_face face_of(ll_op op)
{
    return op == LL_OP_CONVOLUTION        ? DNN_FORWARD
           : op == LL_OP_CONVOLUTION_DATA ? DNN_BACKWARD_DATA
                                          : DNN_BACKWARD_WEIGHTS;
}

/* Which tensor of the case is the image, the weights, the target. */
static void operands_of(const ll_kernel_case *kernel, const ll_tensor_form *forms[OPERANDS])
{
    const ll_tensor_form *a = &kernel->inputs[0], *b = &kernel->inputs[1], *c = &kernel->output;
    switch (face_of(kernel->op)) {
    case DNN_FORWARD: forms[SOURCE] = a, forms[WEIGHTS] = b, forms[TARGET] = c; break;
    case DNN_BACKWARD_DATA: forms[SOURCE] = c, forms[WEIGHTS] = b, forms[TARGET] = a; break;
    default: forms[SOURCE] = a, forms[WEIGHTS] = c, forms[TARGET] = b; break;
    }
}

static bool onednn_supports(const ll_kernel_case *kernel)
{
    if (kernel->op != LL_OP_CONVOLUTION && kernel->op != LL_OP_CONVOLUTION_DATA &&
        kernel->op != LL_OP_CONVOLUTION_WEIGHT)
        return false;
    const ll_convolution *form = &kernel->attributes.convolution;
    const ll_tensor_form *forms[OPERANDS];
    operands_of(kernel, forms);
    for (int i = 0; i < OPERANDS; i++)
        if (forms[i]->dtype != LL_F32 || forms[i]->rank != form->spatial + 2 || forms[i]->count < 1)
            return false;
    for (int i = 0; i < form->spatial; i++) {
        int64_t extent = (forms[WEIGHTS]->shape[2 + i] - 1) * form->dilation[i] + 1;
        /* Its own rules are narrower: no cropping, no window of padding alone. */
        if (form->pad_low[i] < 0 || form->pad_high[i] < 0 || form->pad_low[i] >= extent ||
            form->pad_high[i] >= extent)
            return false;
    }
    return true;
}

static void onednn_destroy(void *state)
{
    onednn_state *it = state;
    if (!it) return;
    for (int i = 0; i < OPERANDS; i++) {
        if (it->reorder[i]) dnnl_primitive_destroy(it->reorder[i]);
        if (it->reorder_descriptor[i]) dnnl_primitive_desc_destroy(it->reorder_descriptor[i]);
        dnn_md_end(&it->dense[i]);
    }
    if (it->convolution) dnnl_primitive_destroy(it->convolution);
    if (it->descriptor) dnnl_primitive_desc_destroy(it->descriptor);
    if (it->engine) dnnl_engine_destroy(it->engine);
    ll_free(it);
}

static dnn_md scratch_of(dnnl_primitive_desc_t descriptor)
{
    return dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
}

static void need_scratch(onednn_state *it, dnnl_primitive_desc_t descriptor)
{
    size_t bytes = dnnl_memory_desc_get_size(scratch_of(descriptor));
    if (bytes > it->scratch) it->scratch = bytes;
}

static bool make_reorder(onednn_state *it, int operand, dnn_md from, dnn_md to,
                         dnnl_primitive_attr_t attributes)
{
    dnnl_primitive_desc_t *descriptor = &it->reorder_descriptor[operand];
    if (dnnl_reorder_primitive_desc_create(descriptor, from, it->engine, to, it->engine, attributes) !=
        dnnl_success)
        return false;
    need_scratch(it, *descriptor);
    return dnnl_primitive_create(&it->reorder[operand], *descriptor) == dnnl_success;
}

/* Runs a primitive with its scratchpad as the last argument; `list` has room for it. */
static bool execute(const onednn_state *it, dnnl_primitive_t primitive, dnnl_primitive_desc_t descriptor,
                    dnnl_stream_t stream, dnnl_exec_arg_t *list, int count, void *scratch)
{
    dnnl_memory_t memory = NULL;
    if (dnnl_memory_create(&memory, scratch_of(descriptor), it->engine, scratch) != dnnl_success)
        return false;
    list[count] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, memory};
    bool fine = dnnl_primitive_execute(primitive, stream, count + 1, list) == dnnl_success;
    dnnl_memory_destroy(memory);
    return fine;
}

static bool build(const ll_kernel_case *kernel, onednn_state *it)
{
    const ll_convolution *form = &kernel->attributes.convolution;
    const ll_tensor_form *forms[OPERANDS];
    operands_of(kernel, forms);
    dnn_geometry geometry = {{0}, {0}, {0}, {0}};
    int spatial = form->spatial;
    for (int i = 0; i < spatial; i++) {
        geometry.stride[i] = form->stride[i];
        geometry.dilation[i] = form->dilation[i] - 1;
        geometry.pad_low[i] = form->pad_low[i];
        /* The library recomputes the extent; rows that no window reaches are none of its padding. */
        int64_t reach = (forms[TARGET]->shape[2 + i] - 1) * form->stride[i] +
                        (forms[WEIGHTS]->shape[2 + i] - 1) * form->dilation[i] + 1;
        geometry.pad_high[i] = reach - forms[SOURCE]->shape[2 + i] - form->pad_low[i];
    }
    dnn_own_md any[OPERANDS];
    dnnl_primitive_attr_t attributes = NULL;
    bool fits =
        dnnl_engine_create(&it->engine, dnnl_cpu, 0) == dnnl_success &&
        dnnl_primitive_attr_create(&attributes) == dnnl_success &&
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) == dnnl_success;
    int made = 0;
    for (; fits && made < OPERANDS; made++) {
        dnnl_dims_t dims = {0}, strides = {0};
        int rank = 0;
        if (made == WEIGHTS && form->groups > 1) {
            dims[rank++] = form->groups;
            dims[rank++] = forms[made]->shape[0] / form->groups;
        } else {
            dims[rank++] = forms[made]->shape[0];
        }
        for (int i = 1; i < forms[made]->rank; i++) dims[rank++] = forms[made]->shape[i];
        dnnl_dim_t step = 1;
        for (int i = rank - 1; i >= 0; i--) {
            strides[i] = step;
            step *= dims[i];
        }
        fits =
            dnn_md_make(&it->dense[made], rank, dims, strides) && dnn_md_make(&any[made], rank, dims, NULL);
    }
    fits =
        fits && dnn_convolution(&it->descriptor, it->engine, it->face, dnn_md_view(&any[SOURCE]),
                                dnn_md_view(&any[WEIGHTS]), dnn_md_view(&any[TARGET]), &geometry, attributes);
    for (int i = 0; i < made; i++) dnn_md_end(&any[i]);
    fits = fits && dnnl_primitive_create(&it->convolution, it->descriptor) == dnnl_success;
    for (int i = 0; fits && i < OPERANDS; i++) {
        dnn_md own = dnnl_primitive_desc_query_md(it->descriptor, queries[it->face][i], 0);
        dnn_md dense = dnn_md_view(&it->dense[i]);
        if (dnnl_memory_desc_equal(own, dense)) continue;
        it->bytes[i] = (dnnl_memory_desc_get_size(own) + 63) / 64 * 64;
        fits = i == it->result ? make_reorder(it, i, own, dense, attributes)
                               : make_reorder(it, i, dense, own, attributes);
    }
    if (fits) need_scratch(it, it->descriptor);
    if (attributes) dnnl_primitive_attr_destroy(attributes);
    return fits;
}

static ll_status onednn_prepare(const ll_kernel_case *kernel, void **state, ll_error *error)
{
    onednn_state *made = ll_allocate_zeroed(sizeof *made);
    if (!made) return ll_fail_memory(error, "kernels", sizeof *made);
    made->face = face_of(kernel->op);
    made->result = made->face == DNN_FORWARD ? TARGET : made->face == DNN_BACKWARD_DATA ? SOURCE : WEIGHTS;
    omp_set_num_threads(1); /* of the calling thread's regions; the library plans for it */
    if (!build(kernel, made)) {
        onednn_destroy(made);
        return ll_fail(error, LL_UNSUPPORTED, "kernels", "onednn", "the library refuses this convolution");
    }
    *state = made;
    return LL_OK;
}

static size_t onednn_workspace(const void *state)
{
    const onednn_state *it = state;
    return it->bytes[SOURCE] + it->bytes[WEIGHTS] + it->bytes[TARGET] + it->scratch + LL_ALIGNMENT;
}

/* Memory objects are handles of the library's own making: a few small allocations inside it. */
static ll_status onednn_run(const void *state, const void *const *inputs, void *output, void *workspace,
                            ll_error *error)
{
    const onednn_state *it = state;
    void *data[OPERANDS];
    int next = 0;
    for (int i = 0; i < OPERANDS; i++) data[i] = i == it->result ? output : (void *)(uintptr_t)inputs[next++];
    if (it->face == DNN_BACKWARD_DATA) { /* inputs come as y, w */
        data[TARGET] = (void *)(uintptr_t)inputs[0];
        data[WEIGHTS] = (void *)(uintptr_t)inputs[1];
    }
    omp_set_num_threads(1);
    dnnl_stream_t stream = NULL;
    dnnl_memory_t outer[OPERANDS] = {NULL}, inner[OPERANDS] = {NULL};
    bool fine = dnnl_stream_create(&stream, it->engine, dnnl_stream_default_flags) == dnnl_success;
    char *space = workspace;
    void *scratch = space + it->bytes[SOURCE] + it->bytes[WEIGHTS] + it->bytes[TARGET];
    for (int i = 0; fine && i < OPERANDS; i++) {
        fine = dnnl_memory_create(&outer[i], dnn_md_view(&it->dense[i]), it->engine, data[i]) == dnnl_success;
        if (fine && it->reorder[i]) {
            dnn_md own = dnnl_primitive_desc_query_md(it->descriptor, queries[it->face][i], 0);
            fine = dnnl_memory_create(&inner[i], own, it->engine, space) == dnnl_success;
            space += it->bytes[i];
        }
        if (fine && it->reorder[i] && i != it->result) {
            dnnl_exec_arg_t move[3] = {{DNNL_ARG_FROM, outer[i]}, {DNNL_ARG_TO, inner[i]}};
            fine = execute(it, it->reorder[i], it->reorder_descriptor[i], stream, move, 2, scratch);
        }
    }
    if (fine) {
        dnnl_exec_arg_t list[OPERANDS + 1];
        for (int i = 0; i < OPERANDS; i++)
            list[i] = (dnnl_exec_arg_t){arguments[it->face][i], inner[i] ? inner[i] : outer[i]};
        fine = execute(it, it->convolution, it->descriptor, stream, list, OPERANDS, scratch);
    }
    if (fine && it->reorder[it->result]) {
        dnnl_exec_arg_t move[3] = {{DNNL_ARG_FROM, inner[it->result]}, {DNNL_ARG_TO, outer[it->result]}};
        fine = execute(it, it->reorder[it->result], it->reorder_descriptor[it->result], stream, move, 2,
                       scratch);
    }
    fine = fine && dnnl_stream_wait(stream) == dnnl_success;
    for (int i = 0; i < OPERANDS; i++) {
        if (outer[i]) dnnl_memory_destroy(outer[i]);
        if (inner[i]) dnnl_memory_destroy(inner[i]);
    }
    if (stream) dnnl_stream_destroy(stream);
    return fine ? LL_OK
                : ll_fail(error, LL_INTERNAL, "kernels", "onednn", "a convolution failed inside the library");
}

const ll_provider ll_provider_onednn = {"onednn",         onednn_supports, onednn_prepare,
                                        onednn_workspace, onednn_run,      onednn_destroy};
