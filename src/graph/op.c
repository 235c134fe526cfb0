/* What is derived from the op list: names, traits, rule tables. */
#include "graph/internal.h"

static const ll_op_traits traits[LL_OPS] = {
#define LL_OP_TRAITS(name, symbol, inputs, op_class, flags) {#symbol, inputs, LL_CLASS_##op_class, flags},
    LL_OP_LIST(LL_OP_TRAITS)
#undef LL_OP_TRAITS
};

static const ll_op_rules *const rules[LL_OPS] = {
#define LL_OP_RULES(name, symbol, inputs, op_class, flags) &ll_rules_##symbol,
    LL_OP_LIST(LL_OP_RULES)
#undef LL_OP_RULES
};

static const struct {
    const char *name;
    size_t bytes;
} types[LL_DTYPES] = {
#define LL_TYPE_ROW(name, text, bytes) {text, bytes},
    LL_TYPE_LIST(LL_TYPE_ROW)
#undef LL_TYPE_ROW
};

const ll_op_traits *ll_op_traits_of(ll_op op) { return (unsigned)op < LL_OPS ? &traits[op] : NULL; }
const ll_op_rules *ll_op_rules_of(ll_op op) { return rules[op]; }
const char *ll_dtype_name(ll_dtype dtype)
{
    return (unsigned)dtype < LL_DTYPES ? types[dtype].name : "no type";
}
size_t ll_dtype_bytes(ll_dtype dtype) { return (unsigned)dtype < LL_DTYPES ? types[dtype].bytes : 0; }

const char *ll_input_kind_name(ll_input_kind kind)
{
    static const char *const names[LL_INPUT_KINDS] = {"parameter", "buffer",       "sample",       "value",
                                                      "tangent",   "sample count", "sample index", "seed"};
    return (unsigned)kind < LL_INPUT_KINDS ? names[kind] : "no kind";
}

bool ll_op_map_real(ll_op op, const double *operands, double *result)
{
    if ((unsigned)op >= LL_OPS || rules[op]->real == NULL) return false;
    *result = rules[op]->real(operands);
    return true;
}

bool ll_op_map_integer(ll_op op, const int64_t *operands, int64_t *result)
{
    if ((unsigned)op >= LL_OPS || rules[op]->integer == NULL) return false;
    *result = rules[op]->integer(operands);
    return true;
}
