/* What the lowering knows about nodes before it emits steps: chains of element-wise nodes that become one step,
 * convolutions with what follows them, and layouts. */
#ifndef LL_RUNTIME_FUSE_H
#define LL_RUNTIME_FUSE_H

#include "internal.h"

enum {
    LL_UNIT_LIMIT = 40,  /* nodes of one fused chain */
    LL_PRODUCT_PARTS = 8 /* matrix products of one step */
};

typedef struct ll_unit {
    ll_node *members; /* ascending */
    int32_t count;
    bool
        convolution; /* members[0] is a convolution, perhaps a second one and their sum, the rest their epilogue */
    ll_node second; /* the convolution of the same kind that is added to the first; LL_NO_NODE: none */
    bool product;   /* matrix products that are added up; the last member is the result */
    bool emitted, emitting;
    /* epilogue; LL_NO_NODE: none. Products: bias, as it stands in the graph (a view) */
    ll_node scale, bias, residual;
    bool relu;
} ll_unit;

/* A value of a remade node in one pass. */
typedef struct ll_remade {
    struct ll_remade *next;
    ll_node node;
    int pass;
    int32_t values[2]; /* a layout; -1: not made */
} ll_remade;

typedef struct ll_fusion {
    int32_t *unit_of;   /* -1: a step of its own */
    int32_t *consumers; /* needed consumers; outputs count once more */
    bool *blocked;      /* result lies in blocked layout */
    bool *native_convolution;
    /* Element-wise in one tensor of an earlier pass (or a sample input, or a tensor that is kept) and fixed values: a later
     * pass computes it again, inside its own chains where it can, rather than read it from the stash. */
    bool *remade;
    bool *source;          /* a remade node is made from it: its value is written, whoever reads it */
    int32_t *readers_here; /* needed readers in the node's own pass; outputs count once more */
    ll_remade *remade_values;
    ll_node *
        sum_of; /* the sum over all but the channels that the node's own chain adds up as well, or LL_NO_NODE */
    ll_unit *units;
    int32_t unit_count;
} ll_fusion;

/* An operand seen through broadcasts and transposes: axis i of `node` is axis axes[i] of `base`, or none (-1). */
typedef struct ll_view {
    ll_node base;
    int8_t axes[LL_GRAPH_RANK];
} ll_view;
ll_view ll_view_of(const ll_graph *graph, ll_node node);
bool ll_view_is_identity(const ll_graph *graph, const ll_view *view);

/* The node whose slices a concatenation puts together again, in order and all of them; LL_NO_NODE: there is none. */
ll_node ll_concatenation_of(const ll_graph *graph, ll_node node);

ll_status ll_fusion_find(ll_plan *plan, ll_fusion *fusion, ll_error *error);
int ll_pass_of(const ll_plan *plan, ll_node node);
/* Whether both may be rounded as one: computed in one pass, and with the same inputs that vary or none, so that the bits
 * are the same where passes are kept. */
bool ll_same_run(const ll_plan *plan, ll_node a, ll_node b);

/* step_map.c: adds the step of a chain; `use` gives the value of an operand. Splits what does not fit one program. */
typedef ll_status (*ll_use)(ll_plan *plan, ll_node node, ll_layout layout, int pass, int32_t *value,
                            ll_error *error);
ll_status ll_map_step_add(ll_plan *plan, const ll_fusion *fusion, const ll_node *members, int32_t count,
                          ll_use use, ll_error *error);
bool ll_map_step_supports(const ll_plan *plan, ll_node node);
/* Computes a remade node again in a later pass. */
ll_status ll_map_step_remake(ll_plan *plan, const ll_fusion *fusion, ll_node node, int pass, ll_use use,
                             ll_error *error);

/* step_conv.c */
bool ll_conv_step_supports(const ll_plan *plan, ll_node node);
bool ll_conv_step_same_shape(const ll_plan *plan, ll_node a, ll_node b);
ll_status ll_conv_step_add(ll_plan *plan, const ll_unit *unit, ll_use use, ll_error *error);
ll_status ll_reorder_step_add(ll_plan *plan, int32_t source, ll_layout layout, int32_t *value,
                              ll_error *error);
/* step_sum.c */
bool ll_blocked_sum_supports(const ll_plan *plan, ll_node node);
ll_status ll_blocked_sum_add(ll_plan *plan, ll_node node, ll_use use, ll_error *error);
/* step_product.c */
ll_status ll_products_claim(ll_plan *plan, ll_fusion *fusion, ll_error *error);
ll_status ll_product_step_add(ll_plan *plan, const ll_unit *unit, ll_use use, ll_error *error);
/* Whether the node is the sum over all but the channels of (x - centre)^2, with x a blocked convolution and the centre
 * fixed. Such a sum does not wait for the centre: moments of x, added up in x's own pass, give it. */
bool ll_moments_supports(const ll_plan *plan, ll_node node, ll_node *x, ll_node *centre);
ll_status ll_moments_add(ll_plan *plan, ll_node node, ll_use use, ll_error *error);
/* lower.c: the value of a step's result, a partial sum with its total where the node sums over samples. */
ll_status ll_plan_add_result(ll_plan *plan, ll_node node, ll_layout layout, int32_t *value, ll_error *error);
/* lower.c: a remade node has this value in a pass. */
ll_status ll_plan_remember(ll_plan *plan, ll_node node, int pass, ll_layout layout, int32_t value,
                           ll_error *error);
/* A fixed value of so many bytes that is no node's. */
ll_status ll_plan_add_raw(ll_plan *plan, ll_node node, int pass, size_t bytes, int32_t *value,
                          ll_error *error);

#endif
