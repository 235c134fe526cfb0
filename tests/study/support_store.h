/* A study file in a folder of its own, filled by hand. */
#ifndef LOSSLENS_TESTS_STUDY_STORE_H
#define LOSSLENS_TESTS_STUDY_STORE_H

#include "losslens/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct scratch_store {
    char folder[48], path[64];
    ll_store *store;
} scratch_store;

static inline void scratch_store_open(scratch_store *s)
{
    const ll_store_options create = {.access = LL_STORE_CREATE};
    ll_error error = {0};
    snprintf(s->folder, sizeof s->folder, "/tmp/losslens-study-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/s.db", s->folder);
    if (ll_store_open(s->path, &create, &s->store, &error) != LL_OK) fail_msg("%s", error.message);
}

static inline void scratch_store_close(scratch_store *s)
{
    ll_store_destroy(s->store);
    unlink(s->path);
    rmdir(s->folder);
}

/* A job, done with the record (taken over), or left waiting (NULL). */
static inline void scratch_store_add(scratch_store *s, const char *kind, const char *group,
                                     const char *subject, const char *other, ll_record *record)
{
    char name[160];
    int64_t id;
    ll_error error = {0};
    snprintf(name, sizeof name, "%s of %s %s %s", kind, group, subject, other);
    const ll_store_job job = {.key = ll_store_key(kind, name),
                              .kind = kind,
                              .name = name,
                              .group = group,
                              .subject = subject,
                              .other = other,
                              .inputs = ""};
    assert_int_equal(ll_store_add(s->store, &job, &id, &error), LL_OK);
    if (record == NULL) return;
    assert_int_equal(ll_store_begin(s->store, id, &error), LL_OK);
    if (ll_store_finish(s->store, id, record, NULL, &error) != LL_OK) fail_msg("%s", error.message);
    ll_record_destroy(record);
}

/* The metrics of a model that has only a loss. */
static inline void scratch_store_add_loss(scratch_store *s, const char *group, int member, double loss)
{
    char subject[64];
    snprintf(subject, sizeof subject, "%s/%d", group, member);
    ll_record *record = ll_record_create("metrics");
    assert_int_equal(ll_record_set_real(record, "loss", "", loss, NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "metric_names", "loss", NULL), LL_OK);
    scratch_store_add(s, "metrics", group, subject, "", record);
}

#endif
