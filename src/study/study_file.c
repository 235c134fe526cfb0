/* The study file as a whole: its head, how it is read, and what is asked of it. */
#include "study/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ll_effort_name(ll_effort effort)
{
    static const char *const names[] = {
#define NAME(name, text) text,
        LL_EFFORT_LIST(NAME)
#undef NAME
    };
    return effort >= 0 && effort < LL_EFFORTS ? names[effort] : "?";
}

bool ll_effort_parse(const char *name, ll_effort *effort)
{
    for (int e = 0; e < LL_EFFORTS; e++)
        if (strcmp(name, ll_effort_name((ll_effort)e)) == 0) {
            *effort = (ll_effort)e;
            return true;
        }
    return false;
}

const char *ll_group_kind_name(ll_group_kind kind)
{
    return kind == LL_GROUP_PINN ? "pinn" : kind == LL_GROUP_NETWORK ? "network" : "field";
}

/* ---------------------------------------------------------------- the whole */

static ll_status take_head(ll_study *study, const ll_source *source, const ll_value *root, ll_error *error)
{
    static const char *const keys[] = {"study", "effort", "seed", "groups", "analyses", "claims"};
    static const char *const efforts[] = {"quick", "standard", "paper"};
    if (root->type != LL_VALUE_MAP)
        return ll_settings_refuse(source, 1, 1, error, "the study is %s; wanted a map with study and groups",
                                  ll_value_type_name(root->type));
    LL_TRY(ll_value_check_keys(root, keys, 6, source->place, error));
    const char *effort = "standard";
    int64_t seed = 0;
    LL_TRY(ll_value_take_text(ll_value_get(root, "study"), "study", source->place, &study->name, error));
    LL_TRY(ll_value_take_text(ll_value_get(root, "effort"), "effort", source->place, &effort, error));
    LL_TRY(ll_value_take_integer(ll_value_get(root, "seed"), "seed", 0, INT64_C(1000000000000000),
                                 source->place, &seed, error));
    study->seed = (uint64_t)seed;
    const ll_value *where = ll_value_get(root, "effort");
    if (!ll_effort_parse(effort, &study->effort)) {
        const char *near = ll_nearest_word(effort, efforts, 3);
        return ll_settings_refuse(source, where->line, where->column, error,
                                  "effort is \"%s\"; wanted quick, standard or paper%s%s%s", effort,
                                  near != NULL ? "; did you mean " : "", near != NULL ? near : "",
                                  near != NULL ? "?" : "");
    }
    where = ll_value_get(root, "study");
    if (study->name == NULL || study->name[0] == 0)
        return ll_settings_refuse(source, where != NULL ? where->line : 1, where != NULL ? where->column : 1,
                                  error, "the study has no name: wanted study: NAME");
    if (strpbrk(study->name, "/\\\n") != NULL || study->name[0] == '.')
        return ll_settings_refuse(source, where->line, where->column, error,
                                  "study is \"%s\"; it names a file: no slashes, no dot in front",
                                  study->name);
    study->name = ll_arena_text(study->memory, study->name);
    return study->name != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, 64);
}

static ll_status fill(ll_study *study, const char *text, size_t size, ll_error *error)
{
    const ll_source source = {study->place, study->memory};
    LL_TRY(ll_document_parse(text, size, study->place, NULL, &study->document, error));
    const ll_value *root = ll_document_root(study->document);
    LL_TRY(take_head(study, &source, root, error));
    ll_text path = {0};
    ll_text_format(&path, "%s%s%s.db", study->folder, study->folder[0] != 0 ? "/" : "", study->name);
    study->store_path = path.failed ? NULL : ll_arena_text(study->memory, path.text);
    ll_text_deinit(&path);
    if (study->store_path == NULL) return ll_fail_memory(error, LL_STUDY, 256);
    LL_TRY(ll_study_take_groups(study, &source, ll_value_get(root, "groups"), error));
    LL_TRY(ll_study_take_analyses(study, &source, ll_value_get(root, "analyses"), error));
    LL_TRY(ll_study_take_additions(study, error));
    LL_TRY(ll_study_check_names(study, &source, error));
    for (int64_t g = 0; g < study->group_count; g++) {
        ll_group_entry *group = &study->groups[g];
        group->view.setting = group->settings.item;
        group->view.settings = group->settings.count;
        study->views[g] = group->view;
    }
    return LL_OK;
}

ll_status ll_study_parse(const char *text, size_t size, const char *place, const char *folder,
                         const char *additions, ll_study **out, ll_error *error)
{
    ll_study *study = ll_allocate_zeroed(sizeof *study);
    if (study == NULL) return ll_fail_memory(error, LL_STUDY, sizeof *study);
    study->memory = ll_arena_create(0);
    char *kept = study->memory != NULL ? ll_arena_allocate(study->memory, size + 1) : NULL;
    ll_status status = LL_OK;
    if (kept != NULL) {
        memcpy(kept, text, size);
        kept[size] = 0;
        study->text = kept;
        study->place = ll_arena_text(study->memory, place);
        study->folder = ll_arena_text(study->memory, folder != NULL ? folder : "");
        study->additions = ll_arena_text(study->memory, additions != NULL ? additions : "");
    }
    if (kept == NULL || study->place == NULL || study->folder == NULL || study->additions == NULL)
        status = ll_fail_memory(error, LL_STUDY, size);
    if (status == LL_OK && strlen(kept) != size)
        status = ll_fail(error, LL_INVALID_FILE, LL_STUDY, place, "it holds a zero byte; wanted text");
    if (status == LL_OK) status = fill(study, kept, size, error);
    if (status != LL_OK) {
        ll_study_destroy(study);
        return status;
    }
    *out = study;
    return LL_OK;
}

/* "a/b.yaml" -> "a", "b.yaml" -> "". */
static void folder_of(const char *path, ll_text *folder)
{
    const char *slash = strrchr(path, '/');
    if (slash == path) slash++;
    ll_text_append_bytes(folder, path, slash != NULL ? (size_t)(slash - path) : 0);
    ll_text_append(folder, "");
}

ll_status ll_study_read(const char *path, ll_study **study, ll_error *error)
{
    ll_file_bytes file = {0};
    ll_text folder = {0};
    LL_TRY(ll_file_map(path, &file, error));
    folder_of(path, &folder);
    ll_status status = folder.failed ? ll_fail_memory(error, LL_STUDY, 256)
                                     : ll_study_parse((const char *)file.bytes, file.size, path, folder.text,
                                                      NULL, study, error);
    ll_text_deinit(&folder);
    ll_file_unmap(&file);
    return status;
}

ll_status ll_study_of_store(ll_store *store, ll_study **study, ll_error *error)
{
    ll_store_notes notes;
    const char *text = NULL, *additions = "", *effort = "";
    LL_TRY(ll_store_list_provenance(store, &notes, error));
    for (int64_t i = 0; i < notes.count; i++) {
        if (strcmp(notes.notes[i].name, "study") == 0) text = notes.notes[i].value;
        if (strcmp(notes.notes[i].name, "additions") == 0) additions = notes.notes[i].value;
        if (strcmp(notes.notes[i].name, "effort") == 0) effort = notes.notes[i].value;
    }
    ll_text folder = {0};
    folder_of(ll_store_path(store), &folder);
    ll_study *made = NULL;
    ll_status status =
        text == NULL ? ll_fail(error, LL_NOT_FOUND, LL_STUDY, ll_store_path(store),
                               "the file holds results but no study: run it with its YAML file")
        : folder.failed
            ? ll_fail_memory(error, LL_STUDY, 256)
            : ll_study_parse(text, strlen(text), ll_store_path(store), folder.text, additions, &made, error);
    if (status == LL_OK) (void)ll_effort_parse(effort, &made->effort);
    if (status == LL_OK) made->store_path = ll_arena_text(made->memory, ll_store_path(store));
    if (status == LL_OK && made->store_path == NULL) {
        ll_study_destroy(made);
        status = ll_fail_memory(error, LL_STUDY, 256);
    }
    ll_text_deinit(&folder);
    ll_store_notes_deinit(&notes);
    if (status == LL_OK) *study = made;
    return status;
}

void ll_study_destroy(ll_study *study)
{
    if (study == NULL) return;
    ll_document_destroy(study->document);
    ll_document_destroy(study->added);
    ll_arena_destroy(study->memory);
    ll_free(study);
}

/* ---------------------------------------------------------------- views */

const char *ll_study_name(const ll_study *study) { return study->name; }
const char *ll_study_store_path(const ll_study *study) { return study->store_path; }
ll_effort ll_study_effort(const ll_study *study) { return study->effort; }
void ll_study_set_effort(ll_study *study, ll_effort effort) { study->effort = effort; }
int64_t ll_study_group_count(const ll_study *study) { return study->group_count; }
const ll_study_group *ll_study_group_at(const ll_study *study, int64_t index) { return &study->views[index]; }

const char *ll_group_text(const ll_study *study, int64_t group, const char *key)
{
    return ll_settings_text(&study->groups[group].settings, ll_group_rows, key, study->effort);
}

int64_t ll_group_integer(const ll_study *study, int64_t group, const char *key)
{
    const char *text = ll_group_text(study, group, key);
    return text != NULL ? strtoll(text, NULL, 10) : 0;
}

double ll_group_real(const ll_study *study, int64_t group, const char *key)
{
    const char *text = ll_group_text(study, group, key);
    return text != NULL ? strtod(text, NULL) : 0.0;
}

bool ll_group_flag(const ll_study *study, int64_t group, const char *key)
{
    const char *text = ll_group_text(study, group, key);
    return text != NULL && strcmp(text, "true") == 0;
}

const char *ll_study_path(const ll_study *study, const char *path, ll_arena *memory)
{
    if (path[0] == '/' || study->folder[0] == 0) return ll_arena_text(memory, path);
    size_t bytes = strlen(study->folder) + strlen(path) + 2;
    char *full = ll_arena_allocate(memory, bytes);
    if (full != NULL) snprintf(full, bytes, "%s/%s", study->folder, path);
    return full;
}
