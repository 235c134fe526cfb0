/* Networks written as lists of blocks: what the walk over the tree (blocks.c) and the kinds of blocks (block_kinds.c)
 * know of each other. */
#ifndef LOSSLENS_SRC_NETWORKS_BLOCKS_H
#define LOSSLENS_SRC_NETWORKS_BLOCKS_H

#include "builder.h"

/* One block of the file. */
typedef struct block {
    builder *b;
    const char *place;       /* the file */
    const char *kind;        /* "conv" */
    const ll_value *options; /* a MAP, a shorthand (a scalar or list), or NULL */
    char name[LL_NAME_BYTES];
} block;

enum { LL_BLOCK_KEYS = 10 };

typedef struct block_kind {
    const char *kind;
    const char *shorthand;           /* the option that a bare value stands for; NULL: a map is needed */
    const char *keys[LL_BLOCK_KEYS]; /* besides "name" */
    ll_node (*apply)(const block *it, ll_node x);
} block_kind;

extern const block_kind ll_block_kinds[];
extern const int64_t ll_block_kind_count;

/* A list of blocks, `parent` being the name of what they belong to. */
ll_node ll_blocks_apply(builder *b, const char *place, const ll_value *list, const char *parent,
                        const char *list_name, ll_node x);

/* Remembers the failure that is in b->error. */
ll_node ll_block_failed(builder *b, ll_status status);

#endif
