/* Which analyses a study file wants, with their options; what was added to it later. */
#include "study/internal.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- the analyses as a list */

#define ENTRY(name) &ll_analysis_##name,
static const ll_analysis *const analyses[] = {LL_ANALYSIS_LIST(ENTRY) NULL};
#undef ENTRY
enum { ANALYSES = sizeof analyses / sizeof *analyses - 1 };

const ll_analysis *ll_analysis_at(int64_t index)
{
    return index >= 0 && index < ANALYSES ? analyses[index] : NULL;
}

const ll_analysis *ll_analysis_find(const char *name)
{
    for (int i = 0; i < ANALYSES; i++)
        if (strcmp(analyses[i]->name, name) == 0) return analyses[i];
    return NULL;
}

bool ll_study_describe_analysis(int64_t index, const char **name, const char **about)
{
    const ll_analysis *analysis = ll_analysis_at(index);
    if (analysis == NULL) return false;
    *name = analysis->name;
    *about = analysis->about;
    return true;
}

bool ll_study_describe_option(int64_t index, int64_t option, ll_analysis_option *described)
{
    const ll_analysis *analysis = ll_analysis_at(index);
    for (int64_t i = 0; analysis != NULL && i <= option; i++)
        if (analysis->rows[i].key == NULL) return false;
    if (analysis == NULL || option < 0) return false;
    const ll_setting_row *row = &analysis->rows[option];
    *described = (ll_analysis_option){.name = row->key, .choices = row->choices, .help = row->help};
    for (int e = 0; e < LL_EFFORTS; e++)
        described->standard[e] = row->standard[e] != NULL ? row->standard[e] : row->standard[0];
    return true;
}

/* ---------------------------------------------------------------- analyses */

static ll_status unknown_analysis(const ll_source *source, const char *name, int line, int column,
                                  ll_error *error)
{
    const char *names[ANALYSES];
    for (int i = 0; i < ANALYSES; i++) names[i] = analyses[i]->name;
    const char *near = ll_nearest_word(name, names, ANALYSES);
    if (near != NULL)
        return ll_settings_refuse(source, line, column, error,
                                  "unknown analysis \"%s\"; did you mean \"%s\"?", name, near);
    return ll_settings_refuse(
        source, line, column, error,
        "unknown analysis \"%s\"; wanted one of: metrics, landscape, hessian, similarity, connectivity, "
        "placement, topology, distances, taxonomy, comparison, trust",
        name);
}

static ll_status add_request(ll_study *study, const ll_analysis *analysis, int line, int column,
                             ll_request_for **request, ll_error *error)
{
    ll_request_for *list =
        ll_arena_allocate(study->memory, (size_t)(study->request_count + 1) * sizeof *list);
    if (list == NULL) return ll_fail_memory(error, LL_STUDY, sizeof *list);
    if (study->request_count > 0) memcpy(list, study->requests, (size_t)study->request_count * sizeof *list);
    study->requests = list;
    *request = &list[study->request_count++];
    **request = (ll_request_for){.analysis = analysis, .line = line, .column = column};
    return LL_OK;
}

static ll_status take_request(ll_study *study, const ll_source *source, const ll_value *key,
                              const ll_value *value, ll_error *error)
{
    const ll_analysis *analysis = ll_analysis_find(key->text);
    ll_request_for *request;
    if (analysis == NULL) return unknown_analysis(source, key->text, key->line, key->column, error);
    if (value->type == LL_VALUE_LIST) {
        for (int64_t i = 0; i < value->count; i++) {
            if (value->items[i].type == LL_VALUE_LIST)
                return ll_settings_refuse(source, value->items[i].line, value->items[i].column, error,
                                          "%s: wanted a list of maps", key->text);
            LL_TRY(take_request(study, source, key, &value->items[i], error));
        }
        return LL_OK;
    }
    if (value->type == LL_VALUE_BOOLEAN && value->integer == 0) return LL_OK;
    LL_TRY(add_request(study, analysis, key->line, key->column, &request, error));
    if (value->type == LL_VALUE_BOOLEAN || value->type == LL_VALUE_NULL) return LL_OK;
    if (value->type != LL_VALUE_MAP)
        return ll_settings_refuse(source, value->line, value->column, error,
                                  "%s is %s; wanted true, false or a map of options", key->text,
                                  ll_value_type_name(value->type));
    return ll_settings_take(&request->settings, source, analysis->rows, value, "", NULL, error);
}

ll_status ll_study_take_analyses(ll_study *study, const ll_source *source, const ll_value *map,
                                 ll_error *error)
{
    ll_request_for *request;
    if (map == NULL || map->type == LL_VALUE_NULL) {
        for (int i = 0; i < ANALYSES; i++) LL_TRY(add_request(study, analyses[i], 0, 0, &request, error));
        return LL_OK;
    }
    if (map->type != LL_VALUE_MAP)
        return ll_settings_refuse(source, map->line, map->column, error, "analyses is %s; wanted a map",
                                  ll_value_type_name(map->type));
    for (int64_t i = 0; i < map->count; i++)
        LL_TRY(take_request(study, source, &map->keys[i], &map->items[i], error));
    return LL_OK;
}

ll_status ll_study_check_names(const ll_study *study, const ll_source *source, ll_error *error)
{
    for (int64_t r = 0; r < study->request_count; r++) {
        const ll_settings *settings = &study->requests[r].settings;
        int64_t at = ll_settings_find(settings, "groups");
        for (int64_t i = 0; at >= 0 && i < ll_lines_count(settings->item[at].value); i++) {
            char name[512];
            ll_lines_item(settings->item[at].value, i, name, sizeof name);
            bool found = false;
            const char *near = NULL;
            for (int64_t g = 0; g < study->group_count; g++) {
                const char *full = study->groups[g].view.name;
                size_t length = strlen(name);
                found = found || strcmp(full, name) == 0 ||
                        (strncmp(full, name, length) == 0 && full[length] == '(');
                if (near == NULL) near = ll_nearest_word(name, &full, 1);
            }
            if (!found)
                return ll_settings_refuse(source, settings->line[at], settings->column[at], error,
                                          "there is no group \"%s\"%s%s%s", name,
                                          near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                                          near != NULL ? "\"?" : "");
        }
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- what was added later */

static ll_status take_addition(ll_study *study, const ll_source *source, const ll_value *map, ll_error *error)
{
    static const char *const keys[] = {"analysis", "models", "options", "group", "checkpoints"};
    if (map->type != LL_VALUE_MAP)
        return ll_settings_refuse(source, map->line, map->column, error, "wanted a map");
    LL_TRY(ll_value_check_keys(map, keys, 5, source->place, error));
    const ll_value *analysis = ll_value_get(map, "analysis"), *models = ll_value_get(map, "models"),
                   *options = ll_value_get(map, "options");
    const ll_value *group = ll_value_get(map, "group"), *files = ll_value_get(map, "checkpoints");
    if (analysis != NULL && analysis->text != NULL) {
        const ll_analysis *found = ll_analysis_find(analysis->text);
        ll_request_for *request;
        if (found == NULL)
            return unknown_analysis(source, analysis->text, analysis->line, analysis->column, error);
        LL_TRY(add_request(study, found, 0, 0, &request, error));
        if (options != NULL && options->type == LL_VALUE_MAP)
            LL_TRY(ll_settings_take(&request->settings, source, found->rows, options, "", NULL, error));
        if (models == NULL || models->count == 0) return LL_OK;
        ll_value name = {.type = LL_VALUE_TEXT, .text = "models"};
        const ll_value one = {.type = LL_VALUE_MAP, .count = 1, .keys = &name, .items = models};
        return ll_settings_take(&request->settings, source, found->rows, &one, "", NULL, error);
    }
    for (int64_t g = 0; g < study->group_count && group != NULL && group->text != NULL && files != NULL;
         g++) {
        ll_group_entry *to = &study->groups[g];
        if (strcmp(to->view.name, group->text) != 0) continue;
        if (to->view.kind != LL_GROUP_FIELD && ll_group_key(&to->settings, "train") != NULL)
            return ll_settings_refuse(
                source, 0, 0, error,
                "the members of %s are trained; checkpoints can be added to a group of checkpoints",
                group->text);
        ll_text lines = {0};
        ll_text_append(&lines, to->more);
        for (int64_t i = 0; i < files->count; i++)
            if (files->items[i].text != NULL)
                ll_text_format(&lines, "%s%s", lines.length > 0 ? "\n" : "", files->items[i].text);
        to->more = lines.failed ? NULL : ll_arena_text(study->memory, lines.text);
        ll_text_deinit(&lines);
        return to->more != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, 256);
    }
    return ll_settings_refuse(source, 0, 0, error, "there is no group \"%s\"",
                              group != NULL && group->text != NULL ? group->text : "");
}

ll_status ll_study_take_additions(ll_study *study, ll_error *error)
{
    const ll_source source = {"additions", study->memory};
    if (study->additions[0] == 0) return LL_OK;
    LL_TRY(ll_document_parse(study->additions, strlen(study->additions), source.place, NULL, &study->added,
                             error));
    const ll_value *list = ll_document_root(study->added);
    if (list->type != LL_VALUE_LIST)
        return ll_settings_refuse(&source, list->line, list->column, error, "wanted a list");
    for (int64_t i = 0; i < list->count; i++) LL_TRY(take_addition(study, &source, &list->items[i], error));
    return LL_OK;
}
