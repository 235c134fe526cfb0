/* Models in the plane: distances 1 - CKA at a layer, embedded. Families that cannot be compared stand side by
 * side. */
#include "study/setups.h"

#include "losslens/similarity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const ll_setting_row rows[] = {
    {"methods",
     LL_SETTING_CHOICES,
     {"mds", "mds\ntsne\numap", "mds\ntsne\numap"},
     "mds|tsne|umap",
     0,
     0,
     "one placement each"},
    {"layers", LL_SETTING_TEXTS, {"last"}, NULL, 0, 0, "last, or names: one placement each"},
    {"per_group", LL_SETTING_FLAG, {"false", "true", "true"}, NULL, 0, 0, "also each group alone"},
    {NULL, LL_SETTING_TEXT, {NULL}, NULL, 0, 0, NULL},
};

typedef struct placing {
    int64_t count;
    int64_t *model;  /* [count]: index among the models compared */
    int64_t *entry;  /* [count]: row of the matrix */
    int64_t *family; /* [count] */
    double *positions;
    double quality;
    int64_t undefined, families;
    bool fell_back;
    ll_embedding_method method;
} placing;

/* Each family alone, then side by side with a gap of a fifth of the widest. */
static ll_status place(placing *p, const ll_array *matrix, const ll_embedding_options *options,
                       ll_error *error)
{
    double *distances = ll_allocate_array(p->count * p->count + 1, sizeof *distances),
           *part = ll_allocate_array(2 * p->count + 2, sizeof *part);
    double right = 0, gap = 0, weight = 0;
    ll_status status = distances != NULL && part != NULL
                           ? LL_OK
                           : ll_fail_memory(error, LL_STUDY, (size_t)(p->count * p->count) * 8);
    for (int pass = 0; pass < 2 && status == LL_OK; pass++) /* widths first, then places */
        for (int64_t f = 0, first = 1; f < p->families && status == LL_OK; f++) {
            int64_t n = 0;
            for (int64_t i = 0; i < p->count; i++) n += p->family[i] == f;
            if (n == 0) continue;
            int64_t row = 0;
            for (int64_t i = 0; i < p->count; i++) {
                if (p->family[i] != f) continue;
                for (int64_t j = 0, column = 0; j < p->count; j++) {
                    if (p->family[j] != f) continue;
                    double cka = ll_array_get(matrix, p->entry[i] * matrix->shape[1] + p->entry[j]);
                    distances[row * n + column++] = i == j       ? 0.0
                                                    : isnan(cka) ? (double)NAN
                                                                 : fmax(0.0, 1.0 - cka);
                }
                row++;
            }
            ll_embedding_result result = {0};
            if (n == 1) {
                part[0] = part[1] = 0;
                result.method = LL_EMBED_MDS;
            } else {
                status = ll_embed(distances, n, options, part, &result, error);
                if (status != LL_OK) break;
            }
            double low = INFINITY, high = -INFINITY;
            for (int64_t i = 0; i < n; i++) {
                low = fmin(low, part[2 * i]);
                high = fmax(high, part[2 * i]);
            }
            if (pass == 0) {
                gap = fmax(gap, fmax(0.2 * (high - low), 1e-3));
                continue;
            }
            double shift = p->families > 1 ? (first ? 0.0 : right + gap) - low : 0.0;
            for (int64_t i = 0, at = 0; i < p->count; i++) {
                if (p->family[i] != f) continue;
                p->positions[2 * i] = part[2 * at] + shift;
                p->positions[2 * i + 1] = part[2 * at + 1];
                at++;
            }
            right = high + shift;
            first = 0;
            p->quality += (double)n * result.quality;
            weight += (double)n;
            p->undefined += result.undefined;
            p->fell_back = p->fell_back || (n > 1 && result.fell_back);
            p->method = p->method == LL_EMBED_MDS || n == 1 ? p->method : result.method;
        }
    if (weight > 0) p->quality /= weight;
    ll_free(distances);
    ll_free(part);
    return status;
}

/* The entry of a model's layer: by name, or its last. -1: it has none of that name. */
static int64_t entry_of(const ll_record *cka, int64_t model, const char *layer, char *found, size_t capacity)
{
    const ll_array *owner = ll_array_of(cka, "entry_model");
    const char *names = ll_text_of(cka, "layer_names");
    int64_t last = -1;
    bool any = strcmp(layer, "last") == 0;
    for (int64_t e = 0; e < owner->shape[0]; e++) {
        if ((int64_t)ll_array_get(owner, e) != model) continue;
        ll_lines_item(names, e, found, capacity);
        if (any) last = e;
        else if (strcmp(found, layer) == 0) return e;
    }
    if (last >= 0) ll_lines_item(names, last, found, capacity);
    return last;
}

static ll_status write_record(const placing *p, const ll_record *cka, const char *layer, const char *group,
                              ll_record *record, ll_error *error)
{
    ll_text names = {0};
    char item[1024];
    for (int64_t i = 0; i < p->count; i++)
        ll_text_format(&names, "%s%s", i > 0 ? "\n" : "",
                       ll_lines_item(ll_text_of(cka, "model_names"), p->model[i], item, sizeof item));
    const ll_array positions = {
        .type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {p->count, 2}, .data = p->positions};
    ll_status status = names.failed ? ll_fail_memory(error, LL_STUDY, 256) : LL_OK;
    if (status == LL_OK) status = ll_record_set_text(record, "method", ll_embedding_name(p->method), error);
    if (status == LL_OK) status = ll_record_set_text(record, "layer", layer, error);
    if (status == LL_OK) status = ll_record_set_text(record, "group", group, error);
    if (status == LL_OK)
        status = ll_record_set_text(record, "models", names.text != NULL ? names.text : "", error);
    if (status == LL_OK) status = ll_record_set_array(record, "positions", "", &positions, error);
    if (status == LL_OK) status = ll_record_set_real(record, "quality", "", p->quality, error);
    if (status == LL_OK)
        status = ll_record_set_text(record, "quality_name",
                                    p->method == LL_EMBED_MDS    ? "stress"
                                    : p->method == LL_EMBED_TSNE ? "KL divergence"
                                                                 : "cross entropy",
                                    error);
    if (status == LL_OK) status = ll_record_set_integer(record, "fell_back", "", p->fell_back, error);
    if (status == LL_OK) status = ll_record_set_integer(record, "families", "", p->families, error);
    if (status == LL_OK) status = ll_record_set_integer(record, "undefined", "", p->undefined, error);
    ll_text_deinit(&names);
    return status;
}

static ll_status fill(ll_runner *runner, const ll_job *job, const ll_record *cka, placing *p,
                      ll_record *record, ll_error *error)
{
    const ll_array *matrix = ll_array_of(cka, "matrix"), *family = ll_array_of(cka, "model_family");
    char method[16], layer[256], found[256], common[256] = "", name[1024];
    /* other is "method/layer". */
    snprintf(method, sizeof method, "%.*s", (int)strcspn(job->other, "/"), job->other);
    snprintf(layer, sizeof layer, "%s", strchr(job->other, '/') + 1);
    int64_t models = family->shape[0];
    p->model = ll_allocate_array(models + 1, sizeof *p->model);
    p->entry = ll_allocate_array(models + 1, sizeof *p->entry);
    p->family = ll_allocate_array(models + 1, sizeof *p->family);
    p->positions = ll_allocate_zeroed((size_t)(2 * models + 2) * sizeof *p->positions);
    if (p->model == NULL || p->entry == NULL || p->family == NULL || p->positions == NULL)
        return ll_fail_memory(error, LL_STUDY, (size_t)models * 40);
    const char *group = job->owner >= 0 ? job->group : NULL;
    for (int64_t m = 0; m < models; m++) {
        ll_lines_item(ll_text_of(cka, "model_names"), m, name, sizeof name);
        size_t length = group != NULL ? strlen(group) : 0;
        if (group != NULL && (strncmp(name, group, length) != 0 || name[length] != '/')) continue;
        int64_t entry = entry_of(cka, m, layer, found, sizeof found);
        if (entry < 0) continue;
        if (p->count == 0) snprintf(common, sizeof common, "%s", found);
        if (strcmp(common, found) != 0) snprintf(common, sizeof common, "last");
        p->model[p->count] = m;
        p->entry[p->count] = entry;
        p->family[p->count++] = (int64_t)ll_array_get(family, m);
        p->families = ll_max_int64(p->families, 1 + (int64_t)ll_array_get(family, m));
    }
    if (p->count == 0)
        return ll_fail(error, LL_NOT_FOUND, LL_STUDY, job->name, "no compared model has the layer %s", layer);
    ll_embedding_options options = {.seed = runner->study->seed};
    (void)ll_embedding_parse(method, &options.method);
    p->method = options.method;
    LL_TRY(place(p, matrix, &options, error));
    return write_record(p, cka, strcmp(layer, "last") == 0 ? common : layer, group != NULL ? group : "",
                        record, error);
}

static ll_status run(ll_runner *runner, const ll_job *job, const ll_sink *sink, ll_record **record,
                     ll_error *error)
{
    (void)sink;
    ll_record *cka, *made = NULL;
    placing p = {0};
    LL_TRY(ll_runner_record(runner, job->needs[0], &cka, error));
    made = ll_record_create("placement");
    ll_status status =
        made != NULL ? fill(runner, job, cka, &p, made, error) : ll_fail_memory(error, LL_STUDY, 1024);
    ll_record_destroy(cka);
    ll_free(p.model);
    ll_free(p.entry);
    ll_free(p.family);
    ll_free(p.positions);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}

static ll_status plan_one(ll_plan *plan, const ll_request_for *request, int64_t similarity, int64_t group,
                          const char *method, const char *layer, ll_error *error)
{
    static const char *const skip[] = {"methods", "layers", "per_group", NULL};
    char other[320];
    snprintf(other, sizeof other, "%s/%s", method, layer);
    ll_job_draft draft = {.kind = "placement",
                          .other = other,
                          .owner = group,
                          .a = -1,
                          .b = -1,
                          .request = request,
                          .run = run,
                          .bytes = 1e4};
    ll_text_format(&draft.name, "placement%s%s by %s at layer %s", group >= 0 ? " of " : "",
                   group >= 0 ? plan->study->groups[group].view.name : "", method, layer);
    ll_request_inputs(plan->study, request, skip, &draft.inputs);
    ll_text_format(&draft.inputs, "group=%s\nmethod=%s\nlayer=%s\nseed=%llu\n",
                   group >= 0 ? plan->study->groups[group].view.name : "", method, layer,
                   (unsigned long long)plan->study->seed);
    ll_draft_need(&draft, similarity);
    return ll_plan_add(plan, &draft, NULL, error);
}

static ll_status plan(ll_plan *plan, const ll_request_for *request, ll_error *error)
{
    const char *methods = ll_request_text(plan, request, "methods"),
               *layers = ll_request_text(plan, request, "layers");
    bool per_group = strcmp(ll_request_text(plan, request, "per_group"), "true") == 0;
    int64_t similarity = -1;
    for (int64_t i = 0; i < plan->count; i++)
        if (strcmp(plan->job[i].kind, "similarity") == 0) similarity = i;
    if (similarity < 0 && request->line == 0) return LL_OK;
    if (similarity < 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, "placement",
                       "wants the analysis similarity, which compares the models");
    char method[16], layer[256];
    for (int64_t i = 0; i < ll_lines_count(methods); i++)
        for (int64_t l = 0; l < ll_lines_count(layers); l++) {
            ll_lines_item(methods, i, method, sizeof method);
            ll_lines_item(layers, l, layer, sizeof layer);
            LL_TRY(plan_one(plan, request, similarity, -1, method, layer, error));
            for (int64_t g = 0; g < plan->study->group_count && per_group; g++) {
                int64_t count = 0;
                for (int64_t k = 0; k < plan->job[similarity].need_count; k++)
                    count += plan->job[plan->job[similarity].needs[k]].owner == g;
                if (count > 2) LL_TRY(plan_one(plan, request, similarity, g, method, layer, error));
            }
        }
    return LL_OK;
}

const ll_analysis ll_analysis_placement = {"placement", "the models in the plane by their similarity", rows,
                                           plan};
