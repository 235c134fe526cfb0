/* losslens report - a study as one self-contained page: figures, tables, labels with their evidence, the trust page, what the
 * papers say beside what the study shows, and a Methods paragraph with its references. */
#include "options.h"
#include "report_methods.h"
#include "study_panels.h"

#include "losslens/formats.h"
#include "losslens/study_claims.h"
#include "losslens/study_table.h"

#include <stdlib.h>
#include <string.h>

typedef struct report {
    ll_store *store;
    ll_overview overview;
    ll_text out;
} report;

/* Names come from files: nothing of them may become markup. */
static void put(report *r, const char *text)
{
    for (const char *c = text; *c != 0; c++) {
        switch (*c) {
        case '<': ll_text_append(&r->out, "&lt;"); break;
        case '>': ll_text_append(&r->out, "&gt;"); break;
        case '&': ll_text_append(&r->out, "&amp;"); break;
        case '"': ll_text_append(&r->out, "&quot;"); break;
        default: ll_text_append_bytes(&r->out, c, 1);
        }
    }
}

static void element(report *r, const char *tag, const char *text)
{
    ll_text_format(&r->out, "<%s>", tag);
    put(r, text);
    ll_text_format(&r->out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff;max-width:76rem;margin:2rem "
    "auto;padding:0 1.5rem}"
    "h1{font-size:1.7rem}h2{font-size:1.25rem;margin-top:2.5rem;border-bottom:1px solid "
    "#ccc}h3{font-size:1.05rem}"
    "table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}th,td{padding:.25rem "
    ".7rem;text-align:left;"
    "border-bottom:1px solid "
    "#e3e3e3;vertical-align:top}td{text-align:right;white-space:nowrap}td.t{text-align:left;white-space:"
    "normal}.scroll{overflow-x:auto}.scroll th:first-child{position:sticky;left:0;background:#fff}"
    ".scroll tr:first-child th{text-align:right;min-width:6rem;max-width:11rem}@media "
    "print{.scroll{overflow:visible}}"
    "figure{margin:1rem 0}figure "
    "svg{width:100%;max-width:62rem;height:auto}figcaption{font-size:.85rem;color:#444;white-space:pre-line}"
    ".pass{color:#1a6b2f}.doubt{color:#8a5a00}.fail{color:#a3161f}.pass,.doubt,.fail{font-weight:600}"
    "pre{background:#f5f5f5;padding:1rem;overflow-x:auto;font-size:.8rem}";

/* ---------------------------------------------------------------- figures */

static ll_status put_figure(report *r, ll_study_panels *panels, double width, int columns, ll_error *error)
{
    ll_figure_options options = ll_figure_options_default();
    options.width_mm = width;
    options.columns = columns;
    options.letters = panels->count > 1;
    options.dots_per_inch = 150.0;
    options.shared = false; /* a solution and a landscape are both contours, and have nothing in common */
    ll_text svg = {0};
    ll_status status = ll_figure_render(panels->panels, panels->count, &options, LL_FIGURE_SVG, &svg, error);
    if (status == LL_OK) {
        const char *start = strstr(svg.text, "<svg"); /* without the XML declaration */
        ll_text_append(&r->out, "<figure>\n");
        ll_text_append(&r->out, start != NULL ? start : svg.text);
        ll_text_append(&r->out, "<figcaption>");
        put(r, panels->caption.text != NULL ? panels->caption.text : "");
        ll_text_append(&r->out, "</figcaption></figure>\n");
    }
    ll_text_deinit(&svg);
    return status;
}

static ll_status put_structure(report *r, ll_error *error)
{
    if (ll_overview_find_placement(&r->overview, NULL) == NULL) return LL_OK;
    ll_study_panels panels = {0};
    const ll_structure_choice choice = {0};
    ll_status status = ll_study_panels_add_structure(&panels, &r->overview, &choice, 1, 1, error);
    element(r, "h2", "All models at a glance");
    if (status == LL_OK) status = put_figure(r, &panels, 180.0, 1, error);
    ll_study_panels_deinit(&panels);
    return status;
}

/* A record of another shape (a line has no contour) has no such view; that is no failure of the report. */
static ll_status add_view(report *r, ll_study_panels *panels, int64_t record, ll_view view, ll_error *error)
{
    ll_error why = {0};
    ll_status added =
        ll_study_panels_add_view(panels, r->store, record, view, ll_view_name(view), NULL, &why);
    if (added != LL_OUT_OF_MEMORY && added != LL_INVALID_FILE && added != LL_IO) return LL_OK;
    if (error != NULL) *error = why;
    return added;
}

/* The local views of one model of a group: those that its results allow. Of landscapes all, in random directions and in
 * those of the path; more than three look alike. */
static ll_status put_model(report *r, int64_t model, ll_error *error)
{
    enum { LANDSCAPES = 3 };
    static const ll_view order[] = {
        LL_VIEW_LINE,    LL_VIEW_DIAGRAM, LL_VIEW_TREE,      LL_VIEW_PROFILE,  LL_VIEW_EIGENVALUES,
        LL_VIEW_DENSITY, LL_VIEW_LAYERS,  LL_VIEW_CONFUSION, LL_VIEW_SOLUTION, LL_VIEW_SOLUTION_ERROR};
    const ll_overview_model *m = &r->overview.models[model];
    ll_study_panels panels = {0};
    ll_status status = LL_OK;
    int landscapes = 0;
    for (int64_t i = 0; i < m->record_count && landscapes < LANDSCAPES && status == LL_OK; i++) {
        if (!ll_view_shows(LL_VIEW_CONTOUR, m->records[i].kind)) continue;
        status = add_view(r, &panels, m->records[i].id, LL_VIEW_CONTOUR, error);
        if (status == LL_OK) status = add_view(r, &panels, m->records[i].id, LL_VIEW_SURFACE, error);
        landscapes++;
    }
    for (int i = 0; i < LL_COUNT(order) && status == LL_OK; i++) {
        int64_t record = ll_study_record_for(&r->overview, model, order[i]);
        if (record != LL_NO_RECORD) status = add_view(r, &panels, record, order[i], error);
    }
    if (status == LL_OK && panels.count > 0) status = put_figure(r, &panels, 180.0, 3, error);
    ll_study_panels_deinit(&panels);
    return status;
}

static ll_status put_groups(report *r, ll_error *error)
{
    element(r, "h2", "One model of each group");
    for (int64_t g = 0; g < r->overview.group_count; g++) {
        int64_t best = ll_overview_best_member(&r->overview, g);
        if (best < 0) continue;
        ll_text_append(&r->out, "<h3>");
        put(r, r->overview.models[best].name);
        ll_text_append(&r->out, "</h3>\n");
        LL_TRY(put_model(r, best, error));
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- tables */

static ll_status put_numbers(report *r, bool by_group, ll_error *error)
{
    ll_number_table table;
    LL_TRY(ll_number_table_make(r->store, &r->overview, NULL, 0, by_group, &table, error));
    if (table.rows > 0 && table.columns > 0 && (by_group || table.rows <= 60)) {
        element(r, "h3", by_group ? "By group: mean ± standard deviation over the members" : "Every model");
        ll_text_append(&r->out, "<div class=scroll>");
        ll_number_table_write(&table, LL_TABLE_HTML, &r->out);
        ll_text_append(&r->out, "</div>\n");
    }
    ll_number_table_deinit(&table);
    return LL_OK;
}

static const char *text_of(const ll_record *record, const char *name)
{
    const char *text;
    return ll_record_find(record, name) != NULL && ll_record_get_text(record, name, &text, NULL) == LL_OK
               ? text
               : "";
}

static ll_status put_labels(report *r, ll_error *error)
{
    bool any = false;
    for (int64_t g = 0; g < r->overview.group_count; g++) {
        const ll_overview_group *group = &r->overview.groups[g];
        if (group->taxonomy == LL_NO_RECORD) continue;
        ll_record *record;
        LL_TRY(ll_store_read_record(r->store, group->taxonomy, &record, error));
        if (!any) {
            element(r, "h2", "Types of landscape");
            ll_text_append(&r->out, "<table>\n<tr><th>group</th><th>type</th><th>evidence</th></tr>\n");
            any = true;
        }
        ll_text_append(&r->out, "<tr><th>");
        put(r, group->name);
        ll_text_append(&r->out, "</th><td class=t>");
        put(r, group->label);
        ll_text_append(&r->out, "</td><td class=t>");
        put(r, text_of(record, "sentence"));
        ll_text_append(&r->out, "</td></tr>\n");
        ll_record_destroy(record);
    }
    if (any) ll_text_append(&r->out, "</table>\n");
    return LL_OK;
}

/* The checks of a trust record: names one a line, and for each a verdict, a number, a sentence, what to do next. */
static void put_checks(report *r, const ll_record *record)
{
    const char *names = text_of(record, "check_names");
    ll_text_append(&r->out,
                   "<table>\n<tr><th>check</th><th>verdict</th><th>what was seen</th><th>next</th></tr>\n");
    while (*names != 0) {
        size_t length = strcspn(names, "\n");
        char name[96], field[128], shown[96];
        snprintf(name, sizeof name, "%.*s", (int)(length < 95 ? length : 95), names);
        names += length + (names[length] == '\n');
        snprintf(shown, sizeof shown, "%s", name);
        for (char *c = shown; *c != 0; c++)
            if (*c == '_') *c = ' ';
        snprintf(field, sizeof field, "%s_verdict", name);
        const char *verdict = text_of(record, field);
        ll_text_append(&r->out, "<tr><th>");
        put(r, shown);
        ll_text_append(&r->out, "</th><td class=\"t ");
        ll_text_append(&r->out, strcmp(verdict, "pass") == 0   ? "pass"
                                : strcmp(verdict, "fail") == 0 ? "fail"
                                                               : "doubt");
        ll_text_append(&r->out, "\">");
        put(r, verdict);
        snprintf(field, sizeof field, "%s_sentence", name);
        ll_text_append(&r->out, "</td><td class=t>");
        put(r, text_of(record, field));
        snprintf(field, sizeof field, "%s_next", name);
        ll_text_append(&r->out, "</td><td class=t>");
        put(r, text_of(record, field));
        ll_text_append(&r->out, "</td></tr>\n");
    }
    ll_text_append(&r->out, "</table>\n");
}

static ll_status put_trust(report *r, ll_error *error)
{
    for (int64_t i = 0; i < r->overview.record_count; i++) {
        if (strcmp(r->overview.records[i].kind, "trust") != 0) continue;
        ll_record *record;
        LL_TRY(ll_store_read_record(r->store, r->overview.records[i].id, &record, error));
        element(r, "h2", "Can these results be trusted?");
        put_checks(r, record);
        ll_record_destroy(record);
    }
    return LL_OK;
}

static ll_status put_claims(report *r, ll_error *error)
{
    ll_claims claims;
    LL_TRY(ll_claims_judge(r->store, &r->overview, &claims, error));
    if (claims.count > 0) {
        element(r, "h2", "What was claimed, and what this study shows");
        ll_text_append(&r->out, "<table>\n<tr><th>claim</th><th>source</th><th>this study (mean, 95 % "
                                "interval, n)</th><th>verdict</th></tr>\n");
        for (int64_t i = 0; i < claims.count; i++) {
            const ll_claim *claim = &claims.claims[i];
            ll_text_append(&r->out, "<tr><td class=t>");
            put(r, claim->says);
            ll_text_append(&r->out, "</td><td class=t>");
            put(r, claim->source);
            ll_text_append(&r->out, "</td><td class=t>");
            put(r, claim->shown);
            static const char *const classes[] = {"pass", "fail", "doubt"};
            ll_text_format(&r->out, "</td><td class=\"t %s\">%s</td></tr>\n", classes[claim->verdict],
                           ll_claim_verdict_name(claim->verdict));
        }
        ll_text_append(&r->out, "</table>\n");
    }
    ll_claims_deinit(&claims);
    return LL_OK;
}

/* ---------------------------------------------------------------- the page */

static ll_status put_provenance(report *r, ll_error *error)
{
    ll_store_notes notes;
    LL_TRY(ll_store_list_provenance(r->store, &notes, error));
    element(r, "h2", "Provenance");
    for (int64_t i = 0; i < notes.count; i++) {
        bool is_long = strchr(notes.notes[i].value, '\n') != NULL;
        if (is_long) {
            ll_text_append(&r->out, "<details><summary>");
            put(r, notes.notes[i].name);
            ll_text_append(&r->out, "</summary><pre>");
            put(r, notes.notes[i].value);
            ll_text_append(&r->out, "</pre></details>\n");
        } else {
            ll_text_append(&r->out, "<div>");
            put(r, notes.notes[i].name);
            ll_text_append(&r->out, ": ");
            put(r, notes.notes[i].value);
            ll_text_append(&r->out, "</div>\n");
        }
    }
    ll_store_notes_deinit(&notes);
    return LL_OK;
}

static ll_status put_methods(report *r, ll_error *error)
{
    ll_text paragraph = {0}, references = {0};
    ll_status status = ll_report_methods(r->store, &r->overview, &paragraph, &references, error);
    if (status == LL_OK && (paragraph.failed || references.failed))
        status = ll_fail_memory(error, "losslens", 0);
    if (status == LL_OK) {
        element(r, "h2", "Methods");
        element(r, "p", paragraph.text != NULL ? paragraph.text : "");
        ll_text_append(&r->out, "<pre>");
        put(r, references.text != NULL ? references.text : "");
        ll_text_append(&r->out, "</pre>\n");
    }
    ll_text_deinit(&paragraph);
    ll_text_deinit(&references);
    return status;
}

/* "convection" of "results/convection.db". */
static void put_name(report *r, const char *path)
{
    const char *base = strrchr(path, '/');
    base = base != NULL ? base + 1 : path;
    const char *dot = strrchr(base, '.');
    ll_text name = {0};
    ll_text_append_bytes(&name, base, dot != NULL ? (size_t)(dot - base) : strlen(base));
    put(r, name.text != NULL ? name.text : "study");
    ll_text_deinit(&name);
}

static ll_status put_page(report *r, const char *path, ll_error *error)
{
    ll_text_append(&r->out, "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport "
                            "content=\"width=device-width\">\n<title>");
    put_name(r, path);
    ll_text_append(&r->out, " – losslens</title>\n<style>");
    ll_text_append(&r->out, style);
    ll_text_append(&r->out, "</style>\n<h1>");
    put_name(r, path);
    ll_text_format(&r->out, "</h1>\n<p>%lld models in %lld groups, %lld pairs connected.</p>\n",
                   (long long)r->overview.model_count, (long long)r->overview.group_count,
                   (long long)r->overview.pair_count);
    LL_TRY(put_claims(r, error));
    LL_TRY(put_structure(r, error));
    LL_TRY(put_labels(r, error));
    element(r, "h2", "Numbers");
    LL_TRY(put_numbers(r, true, error));
    LL_TRY(put_numbers(r, false, error));
    LL_TRY(put_groups(r, error));
    LL_TRY(put_trust(r, error));
    LL_TRY(put_methods(r, error));
    LL_TRY(put_provenance(r, error));
    ll_text_append(&r->out, "</html>\n");
    return r->out.failed ? ll_fail_memory(error, "losslens", r->out.length) : LL_OK;
}

static ll_status write_report(const char *path, const char *out, ll_error *error)
{
    report r = {0};
    ll_status status = ll_store_open(path, NULL, &r.store, error);
    if (status == LL_OK) status = ll_overview_read(r.store, &r.overview, error);
    if (status == LL_OK && r.overview.model_count == 0)
        status = ll_fail(error, LL_NOT_FOUND, "losslens", path,
                         "the study has no results yet; `losslens status %s` says how far it is", path);
    if (status == LL_OK) status = put_page(&r, path, error);
    if (status == LL_OK) status = ll_file_write(out, r.out.text, r.out.length, error);
    ll_text_deinit(&r.out);
    ll_overview_deinit(&r.overview);
    ll_store_destroy(r.store);
    return status;
}

static int run(int argc, char **argv)
{
    const char *out = NULL;
    const ll_option options[] = {
        {"out", LL_OPTION_TEXT, &out, "FILE.html", "the page; else the study's name with .html", 0, 0, NULL},
    };
    const ll_command command = {
        .verb = "report",
        .usage = "STUDY.db [--out FILE.html]",
        .about = "One self-contained page: figures, tables, types of landscape with their evidence, the "
                 "trust page, claims beside\n"
                 "what the study shows, and a Methods paragraph with BibTeX. It needs no network and no "
                 "program to be read.",
        .example = "losslens report study.db\nlosslens report study.db --out results/report.html",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 1,
        .most_words = 1};
    ll_words words;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    ll_text beside = {0};
    if (out == NULL) {
        const char *dot = strrchr(words.items[0], '.'), *slash = strrchr(words.items[0], '/');
        bool suffix = dot != NULL && (slash == NULL || dot > slash);
        ll_text_append_bytes(&beside, words.items[0],
                             suffix ? (size_t)(dot - words.items[0]) : strlen(words.items[0]));
        ll_text_append(&beside, ".html");
        out = beside.text;
    }
    ll_error error = {0};
    ll_status status =
        out == NULL ? ll_fail_memory(&error, "losslens", 0) : write_report(words.items[0], out, &error);
    if (status == LL_OK) printf("%s\n", out);
    code = status == LL_OK ? LL_EXIT_OK : ll_command_failure(&command, &error);
    ll_text_deinit(&beside);
    return code;
}

const ll_verb ll_verb_report = {"report", "write a study as one self-contained page", run};
