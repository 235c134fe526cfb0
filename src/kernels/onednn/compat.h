/* The only place where the C APIs of oneDNN 2 and 3 differ: descriptors are structs there and handles here, and the
 * step from operation descriptor to primitive descriptor is gone. */
#ifndef LL_KERNELS_ONEDNN_COMPAT_H
#define LL_KERNELS_ONEDNN_COMPAT_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

typedef enum dnn_face { DNN_FORWARD, DNN_BACKWARD_DATA, DNN_BACKWARD_WEIGHTS } dnn_face;

typedef struct dnn_geometry {
    dnnl_dims_t stride, dilation, pad_low, pad_high;
} dnn_geometry;

#if DNNL_VERSION_MAJOR >= 3

typedef dnnl_memory_desc_t dnn_own_md;   /* made here, ended with dnn_md_end */
typedef const_dnnl_memory_desc_t dnn_md; /* what functions take */

static inline bool dnn_md_make(dnn_own_md *md, int rank, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
    *md = NULL;
    return (strides ? dnnl_memory_desc_create_with_strides(md, rank, dims, dnnl_f32, strides)
                    : dnnl_memory_desc_create_with_tag(md, rank, dims, dnnl_f32, dnnl_format_tag_any)) ==
           dnnl_success;
}
static inline dnn_md dnn_md_view(const dnn_own_md *md) { return *md; }
static inline void dnn_md_end(dnn_own_md *md)
{
    if (*md) dnnl_memory_desc_destroy(*md);
}
static inline bool dnn_convolution(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnn_face face, dnn_md x,
                                   dnn_md w, dnn_md y, const dnn_geometry *g,
                                   const_dnnl_primitive_attr_t attributes)
{
    dnnl_primitive_desc_t forward = NULL; /* the backward faces want it as a hint */
    dnnl_status_t status = dnnl_convolution_forward_primitive_desc_create(
        &forward, engine, face == DNN_FORWARD ? dnnl_forward_inference : dnnl_forward_training,
        dnnl_convolution_direct, x, w, NULL, y, g->stride, g->dilation, g->pad_low, g->pad_high, attributes);
    if (face == DNN_FORWARD) *pd = forward;
    if (face == DNN_FORWARD || status != dnnl_success) return status == dnnl_success;
    if (face == DNN_BACKWARD_DATA)
        status = dnnl_convolution_backward_data_primitive_desc_create(
            pd, engine, dnnl_convolution_direct, x, w, y, g->stride, g->dilation, g->pad_low, g->pad_high,
            forward, attributes);
    else
        status = dnnl_convolution_backward_weights_primitive_desc_create(
            pd, engine, dnnl_convolution_direct, x, w, NULL, y, g->stride, g->dilation, g->pad_low,
            g->pad_high, forward, attributes);
    dnnl_primitive_desc_destroy(forward);
    return status == dnnl_success;
}

#else

typedef dnnl_memory_desc_t dnn_own_md;
typedef const dnnl_memory_desc_t *dnn_md;

static inline bool dnn_md_make(dnn_own_md *md, int rank, const dnnl_dims_t dims, const dnnl_dims_t strides)
{
    return (strides ? dnnl_memory_desc_init_by_strides(md, rank, dims, dnnl_f32, strides)
                    : dnnl_memory_desc_init_by_tag(md, rank, dims, dnnl_f32, dnnl_format_tag_any)) ==
           dnnl_success;
}
static inline dnn_md dnn_md_view(const dnn_own_md *md) { return md; }
static inline void dnn_md_end(dnn_own_md *md) { (void)md; }
static inline bool dnn_convolution(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnn_face face, dnn_md x,
                                   dnn_md w, dnn_md y, const dnn_geometry *g,
                                   const_dnnl_primitive_attr_t attributes)
{
    dnnl_convolution_desc_t operation;
    dnnl_status_t status;
    dnnl_primitive_desc_t hint = NULL;
    /* The backward faces want the forward descriptor as a hint. */
    status = dnnl_dilated_convolution_forward_desc_init(
        &operation, face == DNN_FORWARD ? dnnl_forward_inference : dnnl_forward_training,
        dnnl_convolution_direct, x, w, NULL, y, g->stride, g->dilation, g->pad_low, g->pad_high);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(face == DNN_FORWARD ? pd : &hint, &operation, attributes, engine,
                                            NULL);
    if (face == DNN_FORWARD || status != dnnl_success) return status == dnnl_success;
    if (face == DNN_BACKWARD_DATA)
        status = dnnl_dilated_convolution_backward_data_desc_init(
            &operation, dnnl_convolution_direct, x, w, y, g->stride, g->dilation, g->pad_low, g->pad_high);
    else
        status = dnnl_dilated_convolution_backward_weights_desc_init(&operation, dnnl_convolution_direct, x,
                                                                     w, NULL, y, g->stride, g->dilation,
                                                                     g->pad_low, g->pad_high);
    if (status == dnnl_success) status = dnnl_primitive_desc_create(pd, &operation, attributes, engine, hint);
    dnnl_primitive_desc_destroy(hint);
    return status == dnnl_success;
}

#endif
#endif
