/* A network as a list of blocks, each a map of one key, the kind, with PyTorch's option names:
 *
 *     blocks:
 *       - conv: {out_channels: 16, kernel_size: 3, padding: 1, bias: false}
 *       - norm: batch
 *       - activation: relu
 *       - residual: {name: first, body: [...], shortcut: [...]}
 *
 * Parameters are called as nn.Sequential would: by the block's number in its list, behind the path to the list
 * ("3.body.0.weight"); a block with a name is called by it, directly behind what the list belongs to ("first.conv1.weight"
 * for a conv named conv1 in the body of first). */
#include "blocks.h"

#include <stdio.h>
#include <string.h>

ll_node ll_block_failed(builder *b, ll_status status)
{
    if (status != LL_OK && b->status == LL_OK) b->status = status;
    return LL_NO_NODE;
}

static ll_node refuse(builder *b, const char *place, const ll_value *at, const char *text, const char *detail)
{
    return ll_block_failed(b, ll_fail(b->error, LL_INVALID_FILE, "networks", place,
                                      "line %d, column %d: %s%s", at->line, at->column, text, detail));
}

static const block_kind *find_kind(builder *b, const char *place, const ll_value *key)
{
    const char *names[32];
    ll_text known = {0};
    for (int64_t i = 0; i < ll_block_kind_count; i++) {
        if (strcmp(ll_block_kinds[i].kind, key->text) == 0) {
            ll_text_deinit(&known);
            return &ll_block_kinds[i];
        }
        names[i] = ll_block_kinds[i].kind;
        ll_text_format(&known, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *near = ll_nearest_word(key->text, names, ll_block_kind_count);
    ll_block_failed(b,
                    ll_fail(b->error, LL_INVALID_FILE, "networks", place,
                            "line %d, column %d: no block \"%s\"%s%s%s; there are %s", key->line, key->column,
                            key->text, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                            near != NULL ? "\"" : "", known.text != NULL ? known.text : ""));
    ll_text_deinit(&known);
    return NULL;
}

/* What a block may hold: its kind's keys and a name, or the shorthand's value. */
static ll_status check_options(const block *it, const block_kind *kind, ll_error *error)
{
    const char *keys[LL_BLOCK_KEYS + 1] = {"name"};
    int64_t count = 1;
    while (count <= LL_BLOCK_KEYS && kind->keys[count - 1] != NULL) {
        keys[count] = kind->keys[count - 1];
        count++;
    }
    if (it->options == NULL || it->options->type == LL_VALUE_NULL ||
        (kind->shorthand != NULL && it->options->type != LL_VALUE_MAP))
        return LL_OK;
    return ll_value_check_keys(it->options, keys, count, it->place, error);
}

static ll_status name_block(block *it, const char *parent, const char *list_name, int64_t index)
{
    const char *given = NULL;
    char list[LL_NAME_BYTES], number[32];
    const ll_value *name = ll_value_get(it->options, "name");
    if (name != NULL && (name->text == NULL || name->text[0] == 0 ||
                         strlen(name->text) + strlen(parent) + 2 > LL_NAME_BYTES / 2)) {
        return ll_fail(it->b->error, LL_INVALID_FILE, "networks", it->place,
                       "line %d, column %d: a name of at most %d letters is wanted", name->line, name->column,
                       LL_NAME_BYTES / 2);
    }
    LL_TRY(ll_value_take_text(name, "name", it->place, &given, it->b->error));
    if (given != NULL) {
        ll_join(it->name, parent, given);
        return LL_OK;
    }
    snprintf(number, sizeof number, "%lld", (long long)index);
    if (list_name[0] != 0) {
        ll_join(list, parent, list_name);
    } else {
        snprintf(list, sizeof list, "%s", parent);
    }
    if (strlen(list) + sizeof number > LL_NAME_BYTES / 2) {
        return ll_fail(it->b->error, LL_INVALID_FILE, "networks", it->place,
                       "the name \"%.40s...\" is too long; blocks are nested too deeply", list);
    }
    ll_join(it->name, list, number);
    return LL_OK;
}

static ll_node apply_one(builder *b, const char *place, const ll_value *item, const char *parent,
                         const char *list_name, int64_t index, ll_node x)
{
    block it = {.b = b, .place = place};
    const ll_value *key = item;
    if (item->type == LL_VALUE_MAP && item->count == 1) {
        key = &item->keys[0];
        it.options = &item->items[0];
    } else if (item->type != LL_VALUE_TEXT) {
        return refuse(b, place, item, "a block is a map of one key, its kind; got ",
                      item->type == LL_VALUE_MAP ? "several keys (are the options indented?)"
                                                 : ll_value_type_name(item->type));
    }
    const block_kind *kind = find_kind(b, place, key);
    if (kind == NULL) return LL_NO_NODE;
    it.kind = kind->kind;
    ll_status status = check_options(&it, kind, b->error);
    if (status == LL_OK) status = name_block(&it, parent, list_name, index);
    if (status != LL_OK) return ll_block_failed(b, status);
    ll_node y = kind->apply(&it, x);
    if (b->status != LL_OK) return LL_NO_NODE;
    status = ll_graph_check(b->graph, b->error);
    if (status != LL_OK) {
        ll_error_prefix(b->error, "line %d, column %d, block %s", key->line, key->column, it.name);
        return ll_block_failed(b, status);
    }
    return y;
}

ll_node ll_blocks_apply(builder *b, const char *place, const ll_value *list, const char *parent,
                        const char *list_name, ll_node x)
{
    if (list->type != LL_VALUE_LIST)
        return refuse(b, place, list, "a list of blocks is wanted; got ", ll_value_type_name(list->type));
    for (int64_t i = 0; i < list->count; i++) {
        x = apply_one(b, place, &list->items[i], parent, list_name, i, x);
        if (x == LL_NO_NODE) return x;
    }
    return x;
}

static ll_node forward(builder *b, ll_node x)
{
    static const char *const keys[] = {"name", "blocks"};
    const char *place = ll_document_place(b->options->blocks);
    const ll_value *root = ll_document_root(b->options->blocks), *list = root;
    if (root->type != LL_VALUE_LIST) {
        ll_status status = ll_value_check_keys(root, keys, 2, place, b->error);
        if (status != LL_OK) return ll_block_failed(b, status);
        list = ll_value_get(root, "blocks");
        if (list == NULL) return refuse(b, place, root, "the key blocks is missing: a list of blocks", "");
    }
    ll_node y = ll_blocks_apply(b, place, list, "", "", x);
    if (y == LL_NO_NODE) return y;
    int rank = ll_rank_of(b, y);
    if (ll_extent(b, y, 1) != b->options->classes || rank < 2) {
        return ll_block_failed(
            b, ll_fail(b->error, LL_SHAPE, "networks", place,
                       "the last block gives %lld channels; the data has %lld classes or targets",
                       (long long)ll_extent(b, y, 1), (long long)b->options->classes));
    }
    return y;
}

static bool answers(const char *name) { return strcmp(name, "blocks") == 0; }

static const option_row rows[] = {{NULL, OPTION_INTEGER, NULL, NULL, NULL}};

const architecture ll_architecture_blocks = {"blocks", "a list of blocks from a file", rows, answers,
                                             forward};
