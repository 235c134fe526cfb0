/* Storage of the graph: chunks of nodes whose addresses never change, and the table that makes equal
 * nodes one node. */
#include "graph/internal.h"

#include <stdio.h>
#include <string.h>

static const char *const module = "graph";

ll_graph *ll_graph_create(void)
{
    ll_graph *graph = ll_allocate_zeroed(sizeof *graph);
    if (graph == NULL) return NULL;
    graph->arena = ll_arena_create(16384);
    if (graph->arena == NULL) {
        ll_free(graph);
        return NULL;
    }
    return graph;
}

void ll_graph_destroy(ll_graph *graph)
{
    if (graph == NULL) return;
    for (int64_t i = 0; i < graph->chunk_count; i++) ll_free(graph->chunks[i]);
    ll_free(graph->chunks);
    ll_free(graph->table);
    ll_free(graph->named_inputs);
    ll_arena_destroy(graph->arena);
    ll_free(graph);
}

ll_status ll_graph_check(const ll_graph *graph, ll_error *error)
{
    if (graph == NULL) return ll_fail(error, LL_INVALID_ARGUMENT, module, NULL, "the graph is NULL");
    if (graph->status != LL_OK && error != NULL) *error = graph->error;
    return graph->status;
}

void ll_graph_recover(ll_graph *graph)
{
    graph->status = LL_OK;
    graph->error = (ll_error){0};
}

ll_node ll_graph_stick(ll_graph *graph, const ll_error *error)
{
    if (graph->status == LL_OK) {
        graph->status = error->status;
        graph->error = *error;
    }
    return LL_NO_NODE;
}

void ll_graph_stick_memory(ll_graph *graph, size_t bytes)
{
    ll_error error;
    (void)ll_fail_memory(&error, module, bytes);
    ll_graph_stick(graph, &error);
}

ll_node ll_graph_refuse(ll_graph *graph, ll_status status, const char *place, const char *format, ...)
{
    ll_error error;
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    (void)ll_fail(&error, status, module, place, "%s", message);
    return ll_graph_stick(graph, &error);
}

int64_t ll_graph_count(const ll_graph *graph) { return graph->count; }

const ll_graph_node *ll_graph_node_at(const ll_graph *graph, ll_node node)
{
    if (node < 0 || node >= graph->count) return NULL;
    return ll_at(graph, node);
}

ll_node ll_graph_name(ll_graph *graph, ll_node node, const char *name)
{
    if (node < 0 || node >= graph->count || name == NULL) return node;
    ll_stored_node *stored = ll_stored(graph, node);
    if (stored->node.name == NULL) stored->node.name = ll_arena_text(graph->arena, name);
    return node;
}

ll_node ll_graph_find_input(const ll_graph *graph, const char *name)
{
    for (int64_t i = 0; name != NULL && i < graph->input_count; i++) {
        ll_node node = graph->named_inputs[i];
        const char *other = ll_at(graph, node)->name;
        if (other != NULL && strcmp(other, name) == 0) return node;
    }
    return LL_NO_NODE;
}

/* ------------------------------------------------------------------ hash-consing */

static size_t constant_bytes(const ll_graph_node *node)
{
    size_t bytes = ll_dtype_bytes(node->dtype);
    for (int32_t axis = 0; axis < node->rank; axis++) bytes *= (size_t)node->shape[axis];
    return bytes; /* cannot overflow: the data exists */
}

static uint64_t node_hash(const ll_graph_node *node, const char *input_name)
{
    struct {
        int32_t op, dtype, rank, input_count;
        int64_t shape[LL_GRAPH_RANK];
        ll_attributes attributes;
        ll_node inputs[8];
    } key;
    memset(&key, 0, sizeof key);
    key.op = (int32_t)node->op;
    key.dtype = (int32_t)node->dtype;
    key.rank = node->rank;
    key.input_count = node->input_count;
    memcpy(key.shape, node->shape, sizeof key.shape);
    key.attributes = node->attributes;
    for (int32_t i = 0; i < node->input_count && i < 8; i++) key.inputs[i] = node->inputs[i];
    if (node->op == LL_OP_CONSTANT) {
        memset(&key.attributes, 0, sizeof key.attributes);
        ll_hash content = ll_hash_bytes(node->attributes.constant.data, constant_bytes(node));
        memcpy(key.inputs, &content, sizeof content);
    } else if (node->op == LL_OP_INPUT) {
        ll_hash content = ll_hash_bytes(input_name, strlen(input_name));
        memcpy(key.inputs, &content, sizeof content);
    }
    return ll_hash_bytes(&key, sizeof key).low;
}

static bool node_equal(const ll_graph_node *a, const ll_graph_node *b)
{
    if (a->op != b->op || a->dtype != b->dtype || a->rank != b->rank || a->input_count != b->input_count ||
        memcmp(a->shape, b->shape, sizeof a->shape) != 0) {
        return false;
    }
    for (int32_t i = 0; i < a->input_count; i++) {
        if (a->inputs[i] != b->inputs[i]) return false;
    }
    if (a->op == LL_OP_CONSTANT) {
        return memcmp(a->attributes.constant.data, b->attributes.constant.data, constant_bytes(a)) == 0;
    }
    if (a->op == LL_OP_INPUT && strcmp(a->name, b->name) != 0) return false;
    return memcmp(&a->attributes, &b->attributes, sizeof a->attributes) == 0;
}

static bool grow_table(ll_graph *graph)
{
    int64_t size = graph->table_size == 0 ? 1024 : graph->table_size * 2;
    ll_node *table = ll_allocate_array(size, sizeof *table);
    if (table == NULL) {
        ll_graph_stick_memory(graph, (size_t)size * sizeof *table);
        return false;
    }
    memset(table, 0xFF, (size_t)size * sizeof *table);
    for (int64_t i = 0; i < graph->count; i++) {
        uint64_t slot = ll_stored(graph, (ll_node)i)->hash & (uint64_t)(size - 1);
        while (table[slot] != LL_NO_NODE) slot = (slot + 1) & (uint64_t)(size - 1);
        table[slot] = (ll_node)i;
    }
    ll_free(graph->table);
    graph->table = table;
    graph->table_size = size;
    return true;
}

static bool grow_chunks(ll_graph *graph)
{
    if (graph->chunk_count == graph->chunk_capacity) {
        int64_t capacity = graph->chunk_capacity == 0 ? 16 : graph->chunk_capacity * 2;
        ll_stored_node **chunks = ll_allocate_array(capacity, sizeof *chunks);
        if (chunks == NULL) {
            ll_graph_stick_memory(graph, (size_t)capacity * sizeof *chunks);
            return false;
        }
        if (graph->chunk_count > 0)
            memcpy(chunks, graph->chunks, (size_t)graph->chunk_count * sizeof *chunks);
        ll_free(graph->chunks);
        graph->chunks = chunks;
        graph->chunk_capacity = capacity;
    }
    ll_stored_node *chunk = ll_allocate_array(LL_CHUNK_NODES, sizeof *chunk);
    if (chunk == NULL) {
        ll_graph_stick_memory(graph, LL_CHUNK_NODES * sizeof *chunk);
        return false;
    }
    graph->chunks[graph->chunk_count++] = chunk;
    return true;
}

static bool remember_input(ll_graph *graph, ll_node node)
{
    if (graph->input_count == graph->input_capacity) {
        int64_t capacity = graph->input_capacity == 0 ? 64 : graph->input_capacity * 2;
        ll_node *grown = ll_allocate_array(capacity, sizeof *grown);
        if (grown == NULL) {
            ll_graph_stick_memory(graph, (size_t)capacity * sizeof *grown);
            return false;
        }
        if (graph->input_count > 0)
            memcpy(grown, graph->named_inputs, (size_t)graph->input_count * sizeof *grown);
        ll_free(graph->named_inputs);
        graph->named_inputs = grown;
        graph->input_capacity = capacity;
    }
    graph->named_inputs[graph->input_count++] = node;
    return true;
}

static void *arena_copy(ll_graph *graph, const void *bytes, size_t count)
{
    void *copy = ll_arena_allocate(graph->arena, count);
    if (copy == NULL) {
        ll_graph_stick_memory(graph, count);
        return NULL;
    }
    if (count > 0) memcpy(copy, bytes, count);
    return copy;
}

static ll_node cons(ll_graph *graph, const ll_graph_node *draft)
{
    if (graph->count * 2 >= graph->table_size && !grow_table(graph)) return LL_NO_NODE;
    uint64_t hash = node_hash(draft, draft->name);
    uint64_t slot = hash & (uint64_t)(graph->table_size - 1);
    while (graph->table[slot] != LL_NO_NODE) {
        const ll_stored_node *other = ll_stored(graph, graph->table[slot]);
        if (other->hash == hash && node_equal(&other->node, draft)) return graph->table[slot];
        slot = (slot + 1) & (uint64_t)(graph->table_size - 1);
    }
    if (graph->count >= INT32_MAX) {
        return ll_graph_refuse(graph, LL_TOO_LARGE, NULL, "a graph holds at most %d nodes", INT32_MAX);
    }
    if (graph->count == graph->chunk_count * LL_CHUNK_NODES && !grow_chunks(graph)) return LL_NO_NODE;
    ll_node node = (ll_node)graph->count;
    ll_stored_node *stored = ll_stored(graph, node);
    memset(stored, 0, sizeof *stored);
    stored->node = *draft;
    stored->node.name = NULL;
    stored->hash = hash;
    if (draft->input_count <= LL_INLINE_INPUTS) {
        for (int32_t i = 0; i < draft->input_count; i++) stored->inline_inputs[i] = draft->inputs[i];
        stored->node.inputs = stored->inline_inputs;
    } else {
        stored->node.inputs = arena_copy(graph, draft->inputs, (size_t)draft->input_count * sizeof(ll_node));
        if (stored->node.inputs == NULL) return LL_NO_NODE;
    }
    if (draft->op == LL_OP_CONSTANT) {
        stored->node.attributes.constant.data =
            arena_copy(graph, draft->attributes.constant.data, constant_bytes(draft));
        if (stored->node.attributes.constant.data == NULL) return LL_NO_NODE;
    }
    if (draft->op == LL_OP_INPUT) {
        stored->node.name = arena_copy(graph, draft->name, strlen(draft->name) + 1);
        if (stored->node.name == NULL || !remember_input(graph, node)) return LL_NO_NODE;
    }
    graph->table[slot] = node;
    graph->count++;
    return node;
}

/* "matmul(%3 fc.weight f32[10, 64], %9 f32[N, 32])" */
static void describe(const ll_graph *graph, const ll_graph_node *draft, ll_text *text)
{
    ll_text_format(text, "%s(", ll_op_traits_of(draft->op)->name);
    for (int32_t i = 0; i < draft->input_count && i < 4; i++) {
        const ll_graph_node *input = ll_at(graph, draft->inputs[i]);
        ll_shape_words words = ll_words(input);
        ll_text_format(text, "%s%%%d %s%s%s", i > 0 ? ", " : "", (int)draft->inputs[i],
                       input->name != NULL ? input->name : "", input->name != NULL ? " " : "", words.text);
    }
    ll_text_append(text, draft->input_count > 4 ? ", ...)" : ")");
}

ll_node ll_graph_make(ll_graph *graph, ll_graph_node *draft)
{
    for (int32_t i = 0; i < draft->input_count; i++) {
        if (draft->inputs[i] == LL_NO_NODE) return LL_NO_NODE;
        if (draft->inputs[i] < 0 || draft->inputs[i] >= graph->count) {
            return ll_graph_refuse(graph, LL_INVALID_ARGUMENT, ll_op_traits_of(draft->op)->name,
                                   "input %d is node %%%d, which does not exist (the graph has %lld)", (int)i,
                                   (int)draft->inputs[i], (long long)graph->count);
        }
    }
    ll_error error;
    const ll_op_rules *rules = ll_op_rules_of(draft->op);
    if (rules->infer(graph, draft, &error) != LL_OK) {
        ll_text place = {0};
        describe(graph, draft, &place);
        snprintf(error.place, sizeof error.place, "%.*s", (int)sizeof error.place - 1,
                 place.failed ? ll_op_traits_of(draft->op)->name : place.text);
        ll_text_deinit(&place);
        return ll_graph_stick(graph, &error);
    }
    if (rules->simplify != NULL) {
        ll_node simpler = rules->simplify(graph, draft);
        if (simpler != LL_NO_NODE) return simpler;
    }
    return cons(graph, draft);
}

ll_node ll_make_1(ll_graph *graph, ll_op op, ll_node x)
{
    ll_graph_node draft = {.op = op, .input_count = 1, .inputs = &x};
    return ll_graph_make(graph, &draft);
}

ll_node ll_make_2(ll_graph *graph, ll_op op, ll_node a, ll_node b)
{
    ll_node inputs[2] = {a, b};
    ll_graph_node draft = {.op = op, .input_count = 2, .inputs = inputs};
    return ll_graph_make(graph, &draft);
}

ll_node ll_remake(ll_graph *graph, ll_node node, const ll_node *inputs, const int64_t *shape, int rank)
{
    ll_graph_node draft = *ll_at(graph, node);
    draft.inputs = inputs;
    if (shape != NULL) {
        memset(draft.shape, 0, sizeof draft.shape);
        memcpy(draft.shape, shape, (size_t)rank * sizeof *shape);
        draft.rank = rank;
    }
    return ll_graph_make(graph, &draft);
}

ll_node ll_graph_apply(ll_graph *graph, ll_op op, const ll_node *inputs, int64_t input_count,
                       const ll_attributes *attributes, ll_dtype dtype, const int64_t *shape, int rank)
{
    const ll_op_traits *traits = ll_op_traits_of(op);
    if (traits == NULL) {
        return ll_graph_refuse(graph, LL_INVALID_ARGUMENT, NULL, "%d is not the number of an op", (int)op);
    }
    if (op == LL_OP_INPUT) {
        return ll_graph_refuse(graph, LL_INVALID_ARGUMENT, "input",
                               "an input has a name: use ll_graph_input");
    }
    if ((traits->inputs >= 0 && input_count != traits->inputs) || (traits->inputs < 0 && input_count < 1) ||
        input_count > INT32_MAX) {
        return ll_graph_refuse(graph, LL_INVALID_ARGUMENT, traits->name, "got %lld inputs, wanted %s%d",
                               (long long)input_count, traits->inputs < 0 ? "at least " : "",
                               traits->inputs < 0 ? 1 : traits->inputs);
    }
    if (rank < 0 || rank > LL_GRAPH_RANK || (int)dtype < 0 || dtype >= LL_DTYPES) {
        return ll_graph_refuse(graph, LL_INVALID_ARGUMENT, traits->name, "rank %d or type %d is out of range",
                               rank, (int)dtype);
    }
    for (int axis = 0; shape != NULL && axis < rank; axis++) {
        if (shape[axis] == LL_INFER && op != LL_OP_RESHAPE) {
            return ll_graph_refuse(graph, LL_INVALID_ARGUMENT, traits->name, "axis %d has no size", axis);
        }
    }
    ll_graph_node draft = {.op = op,
                           .dtype = dtype,
                           .rank = shape == NULL ? 0 : rank,
                           .input_count = (int32_t)input_count,
                           .inputs = inputs};
    if (attributes != NULL) draft.attributes = *attributes;
    if (shape != NULL && rank > 0) memcpy(draft.shape, shape, (size_t)rank * sizeof *shape);
    return ll_graph_make(graph, &draft);
}
