/* What the table of Gram vectors lets its owner keep and bring back. */
#ifndef LL_SIMILARITY_CKA_INTERNAL_H
#define LL_SIMILARITY_CKA_INTERNAL_H

#include "losslens/similarity.h"

/* Bytes of one entry of the batch at hand: its flag and its vector. */
size_t ll_cka_entry_bytes(const ll_cka *cka);
void ll_cka_entry_save(const ll_cka *cka, int64_t entry, void *bytes);
void ll_cka_entry_load(ll_cka *cka, int64_t entry, const void *bytes);

#endif
