/* overview.h - what the files of the overview share while they gather it (study_overview.h). */
#ifndef LOSSLENS_STUDY_OVERVIEW_PRIVATE_H
#define LOSSLENS_STUDY_OVERVIEW_PRIVATE_H

#include "losslens/study_overview.h"

enum { LL_OVERVIEW_METRICS = 64 };

/* Position of a text among texts, by hashing. */
typedef struct ll_names {
    int64_t *slots, size, count;
    const char **texts; /* the caller's */
} ll_names;
bool ll_names_make(ll_names *names, int64_t most); /* false: no memory; free in any case */
void ll_names_free(ll_names *names);
int64_t ll_names_find(const ll_names *names, const char *text); /* -1: absent */
int64_t ll_names_add(ll_names *names, const char *text);

typedef struct ll_overview_builder {
    ll_store *store;
    ll_overview out;          /* its memory keeps everything but the lists below */
    ll_store_listing listing; /* all but pairs, most of a large study, which come with their numbers */
    ll_names models, groups;
    ll_overview_model *model; /* what `out` shows, to be filled in */
    ll_overview_group *group;
    ll_overview_pair *pair;
    double *values; /* [models, LL_OVERVIEW_METRICS] */
    bool *has;
    int64_t *id, *owner; /* [models]: jobs of the walk that is under way, and whose they are */
} ll_overview_builder;

/* Memory of the overview for count + 1 items; NULL: none. */
void *ll_overview_take(ll_overview_builder *builder, int64_t count, size_t size);
ll_status ll_overview_keep(ll_overview_builder *builder, const char *text, const char **kept,
                           ll_error *error) LL_MUST_CHECK;
/* The next line of *text into `line`, NULL at the end. Longer lines are cut. */
const char *ll_overview_line(const char **text, char line[128]);

/* Settings, metrics, eigenvalues and traces of the models, whose records are listed (overview_models.c). */
ll_status ll_overview_read_models(ll_overview_builder *builder, ll_error *error) LL_MUST_CHECK;
/* Pairs and, when the records of the whole study are listed, how similar their models are (overview_pairs.c).
 */
ll_status ll_overview_read_pairs(ll_overview_builder *builder, ll_error *error) LL_MUST_CHECK;
ll_status ll_overview_read_similarity(ll_overview_builder *builder, ll_error *error) LL_MUST_CHECK;

#endif
