/* Records, pieces and paths that the tests of the store share; every value is a function of its number. */
#ifndef LOSSLENS_TEST_STORE_RECORDS_H
#define LOSSLENS_TEST_STORE_RECORDS_H

#include "losslens/store.h"

enum { STORE_PIECES = 6 };

/* A record of all types of fields with NaN, -0 and infinity in it, and an array of `count` numbers. */
ll_record *store_record(int64_t number, int64_t count);
/* Bytes of piece k of job `number`: 1 to about 3,000 of them, from ll_allocate. */
void *store_piece(int64_t number, int piece, size_t *count);
ll_store_job store_job(int64_t number, char name[32]);
/* A path in the working folder, with what a former test left there removed. */
void store_path(const char *name, char path[256]);
void store_remove(const char *path);
/* Whether two records have the same canonical bytes. */
bool store_same(const ll_record *a, const ll_record *b);
ll_store *store_open(const char *path, ll_store_access access, bool rollback_journal); /* fails the test */

#endif
