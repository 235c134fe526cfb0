#include "losslens/study_claims.h"

#include "losslens/formats.h"
#include "losslens/study_statistics.h"
#include "losslens/study_table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *ll_claim_verdict_name(ll_claim_verdict verdict)
{
    static const char *const names[] = {"supported", "not supported", "undecided"};
    return (unsigned)verdict < 3 ? names[verdict] : "unknown";
}

void ll_claims_deinit(ll_claims *claims)
{
    if (claims == NULL) return;
    ll_arena_destroy(claims->memory);
    *claims = (ll_claims){0};
}

/* ---------------------------------------------------------------- one claim */

typedef struct judge {
    ll_store *store;
    const ll_overview *overview;
    const char *place;
    ll_arena *memory;
} judge;

static ll_status no_memory(ll_error *error) { return ll_fail_memory(error, "study", 0); }

typedef struct sample {
    double mean, error; /* standard error; NaN with one member */
    int64_t count;
} sample;

static ll_status measure(const judge *j, const char *number, const char *group, sample *out, ll_error *error)
{
    *out = (sample){NAN, NAN, 0};
    int64_t g = ll_overview_find_group(j->overview, group);
    if (g < 0) return LL_OK;
    ll_number_table table;
    ll_error unknown = {0};
    ll_status status = ll_number_table_make(j->store, j->overview, &number, 1, true, &table, &unknown);
    if (status == LL_NOT_FOUND) return LL_OK; /* not computed: undecided */
    if (status != LL_OK) {
        if (error != NULL) *error = unknown;
        return status;
    }
    out->mean = table.mean[g];
    out->count = table.count[g];
    out->error = out->count > 1 ? table.spread[g] / sqrt((double)out->count) : NAN;
    ll_number_table_deinit(&table);
    return LL_OK;
}

static ll_claim_verdict verdict_of(double low, double high, bool above, double limit)
{
    if (!isfinite(low) || !isfinite(high)) return LL_CLAIM_UNDECIDED;
    if (above ? low > limit : high < limit) return LL_CLAIM_SUPPORTED;
    if (above ? high <= limit : low >= limit) return LL_CLAIM_NOT_SUPPORTED;
    return LL_CLAIM_UNDECIDED;
}

static void describe(ll_text *text, const char *number, const char *group, const sample *s)
{
    if (s->count == 0) {
        ll_text_format(text, "%s of %s: not computed", number, group);
    } else if (s->count == 1) {
        ll_text_format(text, "%s of %s: %.3g, n = 1", number, group, s->mean);
    } else {
        double half = ll_student_quantile((double)s->count - 1.0) * s->error;
        ll_text_format(text, "%s of %s: %.3g, %.3g to %.3g, n = %lld", number, group, s->mean, s->mean - half,
                       s->mean + half, (long long)s->count);
    }
}

/* What a claim compares: a group with a limit or with another group. */
typedef struct statement {
    const char *number, *group, *other; /* other NULL: a limit */
    double limit;
    bool above;
} statement;

static ll_status judge_one(const judge *j, const statement *s, ll_claim *claim, ll_error *error)
{
    sample a, b = {0};
    ll_text text = {0};
    LL_TRY(measure(j, s->number, s->group, &a, error));
    describe(&text, s->number, s->group, &a);
    if (s->other == NULL) {
        double half = a.count > 1 ? ll_student_quantile((double)a.count - 1.0) * a.error : NAN;
        claim->verdict = verdict_of(a.mean - half, a.mean + half, s->above, s->limit);
    } else {
        ll_status status = measure(j, s->number, s->other, &b, error);
        if (status != LL_OK) {
            ll_text_deinit(&text);
            return status;
        }
        ll_text_append(&text, "; ");
        describe(&text, s->number, s->other, &b);
        /* Welch: the difference of two means with its own degrees of freedom. */
        double va = a.error * a.error, vb = b.error * b.error, difference = a.mean - b.mean;
        double degrees =
            (va + vb) * (va + vb) / (va * va / (double)(a.count - 1) + vb * vb / (double)(b.count - 1));
        double half = a.count > 1 && b.count > 1
                          ? (va + vb > 0.0 ? ll_student_quantile(degrees) * sqrt(va + vb) : 0.0)
                          : NAN;
        claim->verdict = verdict_of(difference - half, difference + half, s->above, 0.0);
        if (isfinite(half))
            ll_text_format(&text, "; difference %.3g, %.3g to %.3g", difference, difference - half,
                           difference + half);
    }
    claim->shown = text.failed ? NULL : ll_arena_text(j->memory, text.text);
    ll_text_deinit(&text);
    return claim->shown != NULL ? LL_OK : no_memory(error);
}

/* ---------------------------------------------------------------- reading */

static ll_status read_claim(const judge *j, const ll_value *value, ll_claim *claim, ll_error *error)
{
    static const char *const keys[] = {"says",  "source", "number",      "group",
                                       "below", "above",  "below_group", "above_group"};
    const char *says = NULL, *source = "", *group = NULL, *number = NULL, *below = NULL, *above = NULL;
    statement s = {0};
    LL_TRY(ll_value_check_keys(value, keys, 8, j->place, error));
    LL_TRY(ll_value_take_text(ll_value_get(value, "says"), "says", j->place, &says, error));
    LL_TRY(ll_value_take_text(ll_value_get(value, "source"), "source", j->place, &source, error));
    LL_TRY(ll_value_take_text(ll_value_get(value, "number"), "number", j->place, &number, error));
    LL_TRY(ll_value_take_text(ll_value_get(value, "group"), "group", j->place, &group, error));
    LL_TRY(ll_value_take_text(ll_value_get(value, "below_group"), "below_group", j->place, &below, error));
    LL_TRY(ll_value_take_text(ll_value_get(value, "above_group"), "above_group", j->place, &above, error));
    const ll_value *limits[2] = {ll_value_get(value, "below"), ll_value_get(value, "above")};
    int sides = (below != NULL) + (above != NULL) + (limits[0] != NULL) + (limits[1] != NULL);
    if (says == NULL || number == NULL || group == NULL || sides != 1)
        return ll_fail(
            error, LL_INVALID_FILE, "study", j->place,
            "line %d: a claim needs says, number, group, and one of below, above, below_group, above_group",
            value->line);
    s = (statement){.number = number,
                    .group = group,
                    .other = below != NULL ? below : above,
                    .above = above != NULL || limits[1] != NULL};
    for (int k = 0; k < 2; k++)
        LL_TRY(ll_value_take_real(limits[k], k == 0 ? "below" : "above", -1e300, 1e300, j->place, &s.limit,
                                  error));
    claim->says = ll_arena_text(j->memory, says);
    claim->source = ll_arena_text(j->memory, source);
    if (claim->says == NULL || claim->source == NULL) return no_memory(error);
    return judge_one(j, &s, claim, error);
}

static ll_status read_claims(const judge *j, const ll_value *list, ll_claims *claims, ll_error *error)
{
    if (list == NULL) return LL_OK;
    if (list->type != LL_VALUE_LIST)
        return ll_fail(error, LL_INVALID_FILE, "study", j->place, "line %d: claims must be a list; got %s",
                       list->line, ll_value_type_name(list->type));
    ll_claim *all = ll_arena_allocate(j->memory, (size_t)(list->count + 1) * sizeof *all);
    if (all == NULL) return no_memory(error);
    for (int64_t i = 0; i < list->count; i++) LL_TRY(read_claim(j, &list->items[i], &all[i], error));
    claims->claims = all;
    claims->count = list->count;
    return LL_OK;
}

ll_status ll_claims_judge(ll_store *store, const ll_overview *overview, ll_claims *claims, ll_error *error)
{
    ll_store_notes notes;
    LL_TRY(ll_store_list_provenance(store, &notes, error));
    const char *text = NULL;
    for (int64_t i = 0; i < notes.count; i++)
        if (strcmp(notes.notes[i].name, "study") == 0) text = notes.notes[i].value;
    ll_claims found = {.memory = ll_arena_create(1024)};
    ll_document *document = NULL;
    ll_status status = found.memory != NULL ? LL_OK : no_memory(error);
    if (status == LL_OK && text != NULL)
        status = ll_document_parse(text, strlen(text), "study", NULL, &document, error);
    if (status == LL_OK && document != NULL) {
        const judge j = {store, overview, "study", found.memory};
        status = read_claims(&j, ll_value_get(ll_document_root(document), "claims"), &found, error);
    }
    ll_document_destroy(document);
    ll_store_notes_deinit(&notes);
    if (status != LL_OK) {
        ll_claims_deinit(&found);
        return status;
    }
    *claims = found;
    return LL_OK;
}
