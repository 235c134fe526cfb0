/* Adding to a study that runs already: one line of YAML an addition, kept in the study file beside the user's
 * own text. */
#include "study/internal.h"

#include <string.h>

/* A text in double quotes, as YAML and JSON read it. */
static void quote(ll_text *out, const char *text)
{
    ll_text_append(out, "\"");
    for (; *text != 0; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') ll_text_format(out, "\\%c", c);
        else if (c < 0x20) ll_text_format(out, "\\u%04x", c);
        else ll_text_append_bytes(out, text, 1);
    }
    ll_text_append(out, "\"");
}

static void quote_list(ll_text *out, const char *const *items, int64_t count)
{
    ll_text_append(out, "[");
    for (int64_t i = 0; i < count; i++) {
        if (i > 0) ll_text_append(out, ", ");
        quote(out, items[i]);
    }
    ll_text_append(out, "]");
}

static void write_entry(ll_text *out, const ll_study_addition *addition)
{
    if (addition->analysis == NULL) {
        ll_text_append(out, "- {group: ");
        quote(out, addition->group);
        ll_text_append(out, ", checkpoints: ");
        quote_list(out, addition->checkpoints, addition->checkpoint_count);
        ll_text_append(out, "}\n");
        return;
    }
    ll_text_append(out, "- {analysis: ");
    quote(out, addition->analysis);
    if (addition->model_count > 0) {
        ll_text_append(out, ", models: ");
        quote_list(out, addition->models, addition->model_count);
    }
    ll_text_append(out, ", options: {");
    for (int64_t i = 0; i < addition->options; i++) {
        ll_text_append(out, i > 0 ? ", " : "");
        quote(out, addition->option[i].key);
        ll_text_append(out, ": ");
        quote(out, addition->option[i].value);
    }
    ll_text_append(out, "}}\n");
}

/* The study with the additions must be one that can be planned: names are checked here, files when it runs.
 */
static ll_status check(ll_store *store, const char *additions, ll_error *error)
{
    ll_study *before = NULL, *after = NULL;
    ll_members members = {0};
    ll_plan plan = {0};
    LL_TRY(ll_study_of_store(store, &before, error));
    ll_status status = ll_study_parse(before->text, strlen(before->text), before->place, before->folder,
                                      additions, &after, error);
    if (status == LL_OK) {
        ll_study_set_effort(after, before->effort);
        status = ll_members_find(after, &members, error);
    }
    if (status == LL_OK) status = ll_plan_make(after, &members, store, &plan, error);
    if (status == LL_OK) ll_plan_deinit(&plan);
    ll_members_deinit(&members);
    ll_study_destroy(after);
    ll_study_destroy(before);
    return status;
}

ll_status ll_study_add(ll_store *store, const ll_study_addition *addition, ll_error *error)
{
    ll_store_notes notes;
    ll_text text = {0};
    if (addition->analysis == NULL && (addition->group == NULL || addition->checkpoint_count < 1))
        return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, NULL,
                       "wanted an analysis, or a group with checkpoints");
    LL_TRY(ll_store_list_provenance(store, &notes, error));
    for (int64_t i = 0; i < notes.count; i++)
        if (strcmp(notes.notes[i].name, "additions") == 0) ll_text_append(&text, notes.notes[i].value);
    ll_store_notes_deinit(&notes);
    size_t before = text.length;
    write_entry(&text, addition);
    ll_status status = text.failed ? ll_fail_memory(error, LL_STUDY, 1024) : LL_OK;
    /* Asked for twice is asked for once. */
    bool known = false;
    if (status == LL_OK && before > 0) {
        char first = text.text[before];
        text.text[before] = 0;
        const char *at = strstr(text.text, "- {");
        text.text[before] = first;
        size_t length = text.length - before;
        for (const char *line = at; line != NULL && line < text.text + before && !known;
             line = strchr(line, '\n') + 1)
            known = strncmp(line, text.text + before, length) == 0;
    }
    if (status == LL_OK && !known) status = check(store, text.text, error);
    if (status == LL_OK && !known) status = ll_store_set_provenance(store, "additions", text.text, error);
    ll_text_deinit(&text);
    return status;
}
