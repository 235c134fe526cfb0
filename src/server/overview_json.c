/* A study at a glance as JSON: what docs/http_api.md shows of GET /api/studies/{s}. */
#include "server/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* -?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?, as JSON has it. */
static bool is_number(const char *text)
{
    static const char *const digits = "0123456789";
    const char *at = text + (text[0] == '-');
    size_t whole = strspn(at, digits);
    if (whole == 0 || (at[0] == '0' && whole > 1) || strlen(text) > 40) return false;
    at += whole;
    if (*at == '.') {
        size_t fraction = strspn(at + 1, digits);
        if (fraction == 0) return false;
        at += 1 + fraction;
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        size_t exponent = strspn(at, digits);
        if (exponent == 0 || exponent > 3) return false;
        at += exponent;
    }
    return *at == 0;
}

/* A text that is a number is written as one. */
static void write_scalar(ll_json *json, const char *text)
{
    if (is_number(text)) ll_json_raw(json, text, strlen(text));
    else ll_json_text(json, text);
}

static void write_settings(ll_json *json, const ll_study_setting *settings, int64_t count)
{
    ll_json_open(json, '{');
    for (int64_t i = 0; i < count; i++) {
        ll_json_key(json, settings[i].key);
        write_scalar(json, settings[i].value);
    }
    ll_json_close(json, '}');
}

static void add_record(ll_json *json, const char *key, int64_t id)
{
    ll_json_key(json, key);
    if (id != LL_NO_RECORD) ll_json_integer(json, id);
    else ll_json_null(json);
}

static void write_groups(ll_json *json, const ll_overview *o)
{
    ll_json_key(json, "groups");
    ll_json_open(json, '[');
    for (int64_t g = 0; g < o->group_count; g++) {
        const ll_overview_group *group = &o->groups[g];
        ll_json_open(json, '{');
        ll_json_add_text(json, "name", group->name);
        ll_json_add_text(json, "title", group->title);
        ll_json_add_text(json, "kind", ll_group_kind_name(group->kind));
        ll_json_key(json, "settings");
        write_settings(json, group->settings, group->setting_count);
        ll_json_key(json, "sweep");
        write_settings(json, group->sweep, group->sweep_count);
        ll_json_key(json, "models");
        ll_json_open(json, '[');
        for (int64_t m = 0; m < o->model_count; m++) {
            if (o->models[m].group == g) ll_json_integer(json, m);
        }
        ll_json_close(json, ']');
        add_record(json, "taxonomy", group->taxonomy);
        ll_json_add_text(json, "label", group->taxonomy != LL_NO_RECORD ? group->label : NULL);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
}

static void write_list(ll_json *json, const char *kind, const ll_overview_record *records, int64_t count)
{
    ll_json_key(json, kind);
    ll_json_open(json, '[');
    for (int64_t i = 0; i < count; i++) {
        if (strcmp(records[i].kind, kind) == 0) ll_json_integer(json, records[i].id);
    }
    ll_json_close(json, ']');
}

/* Landscapes and topologies are lists, of all others the first. */
static void write_records(ll_json *json, const ll_overview_model *model)
{
    static const char *const lists[] = {"landscape", "topology"};
    ll_json_open(json, '{');
    for (int k = 0; k < 2; k++) write_list(json, lists[k], model->records, model->record_count);
    for (int64_t i = 0; i < model->record_count; i++) {
        const ll_overview_record *record = &model->records[i];
        if (strcmp(record->kind, lists[0]) != 0 && strcmp(record->kind, lists[1]) != 0 &&
            ll_overview_record_of(model, record->kind) == record->id)
            ll_json_add_integer(json, record->kind, record->id);
    }
    ll_json_close(json, '}');
}

static void add_numbers(ll_json *json, const char *key, const double *values, int64_t count)
{
    ll_json_key(json, key);
    if (values != NULL) ll_json_numbers(json, values, count);
    else ll_json_null(json);
}

static void write_models(ll_json *json, const ll_overview *o)
{
    ll_json_key(json, "models");
    ll_json_open(json, '[');
    for (int64_t i = 0; i < o->model_count; i++) {
        const ll_overview_model *m = &o->models[i];
        bool has_trace = ll_overview_record_of(m, "trace") != LL_NO_RECORD;
        ll_json_open(json, '{');
        ll_json_add_text(json, "name", m->name);
        ll_json_add_integer(json, "group", m->group);
        ll_json_key(json, "settings");
        write_settings(json, m->settings, m->setting_count);
        ll_json_key(json, "records");
        write_records(json, m);
        ll_json_key(json, "metrics");
        ll_json_open(json, '{');
        for (int64_t k = 0; k < o->metric_count; k++) {
            if (m->has_metric[k]) ll_json_add_number(json, o->metrics[k].name, m->metrics[k]);
        }
        ll_json_close(json, '}');
        add_numbers(json, "eigenvalues", m->eigenvalues, m->eigenvalue_count);
        add_numbers(json, "eigenvalue_residuals", m->residuals, m->eigenvalue_count);
        ll_json_key(json, "trace");
        has_trace ? ll_json_number(json, m->trace) : ll_json_null(json);
        ll_json_key(json, "trace_standard_error");
        has_trace ? ll_json_number(json, m->trace_standard_error) : ll_json_null(json);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
}

static void write_metrics(ll_json *json, const ll_overview *o)
{
    ll_json_key(json, "metrics");
    ll_json_open(json, '[');
    for (int64_t k = 0; k < o->metric_count; k++) {
        const ll_overview_metric *one = &o->metrics[k];
        char title[128];
        snprintf(title, sizeof title, "%s", one->name);
        for (char *c = title; *c != 0; c++) *c = *c == '_' ? ' ' : *c;
        ll_json_open(json, '{');
        ll_json_add_text(json, "name", one->name);
        ll_json_add_text(json, "unit", one->unit);
        ll_json_add_text(json, "better", one->better);
        ll_json_add_text(json, "scale", one->scale);
        ll_json_add_text(json, "title", title);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
}

/* One member of every pair; columns take a fifth of the bytes of a list of objects. */
static void add_integers(ll_json *json, const char *key, const ll_overview *o, size_t offset)
{
    ll_json_key(json, key);
    ll_json_open(json, '[');
    for (int64_t p = 0; p < o->pair_count; p++) {
        int64_t value;
        memcpy(&value, (const char *)&o->pairs[p] + offset, sizeof value);
        ll_json_integer(json, value);
    }
    ll_json_close(json, ']');
}

static void add_reals(ll_json *json, const char *key, const ll_overview *o, size_t offset)
{
    ll_json_key(json, key);
    ll_json_open(json, '[');
    for (int64_t p = 0; p < o->pair_count; p++) {
        double value;
        memcpy(&value, (const char *)&o->pairs[p] + offset, sizeof value);
        isnan(value) ? ll_json_null(json) : ll_json_number(json, value);
    }
    ll_json_close(json, ']');
}

static void write_pairs(ll_json *json, const ll_overview *o)
{
    ll_json_key(json, "pairs");
    ll_json_open(json, '{');
    add_integers(json, "a", o, offsetof(ll_overview_pair, a));
    add_integers(json, "b", o, offsetof(ll_overview_pair, b));
    add_integers(json, "record", o, offsetof(ll_overview_pair, record));
    add_reals(json, "mc_loss", o, offsetof(ll_overview_pair, mc_loss));
    add_reals(json, "mc_error", o, offsetof(ll_overview_pair, mc_error));
    add_reals(json, "barrier", o, offsetof(ll_overview_pair, barrier));
    add_reals(json, "relative_barrier", o, offsetof(ll_overview_pair, relative_barrier));
    add_reals(json, "mean_loss", o, offsetof(ll_overview_pair, mean_loss));
    ll_json_key(json, "converged");
    ll_json_open(json, '[');
    for (int64_t p = 0; p < o->pair_count; p++) ll_json_integer(json, o->pairs[p].converged);
    ll_json_close(json, ']');
    add_reals(json, "cka", o, offsetof(ll_overview_pair, similarity));
    ll_json_close(json, '}');
}

static void write_placements(ll_json *json, const ll_overview *o)
{
    ll_json_key(json, "placements");
    ll_json_open(json, '[');
    for (int64_t k = 0; k < o->placement_count; k++) {
        const ll_overview_placement *p = &o->placements[k];
        ll_json_open(json, '{');
        ll_json_add_integer(json, "record", p->record);
        ll_json_add_text(json, "method", p->method);
        ll_json_add_text(json, "layer", p->layer);
        add_record(json, "group", p->group);
        ll_json_add_number(json, "quality", p->quality);
        ll_json_add_text(json, "quality_name", p->quality_name);
        ll_json_close(json, '}');
    }
    ll_json_close(json, ']');
}

static void write_study_records(ll_json *json, const ll_overview *o)
{
    static const char *const single[] = {"similarity", "comparison", "trust"};
    ll_json_key(json, "study_records");
    ll_json_open(json, '{');
    for (int k = 0; k < 3; k++) add_record(json, single[k], ll_overview_study_record(o, single[k]));
    write_list(json, "distances", o->records, o->record_count);
    ll_json_close(json, '}');
}

void ll_json_overview(ll_json *json, const ll_overview *overview)
{
    write_groups(json, overview);
    write_models(json, overview);
    write_metrics(json, overview);
    write_pairs(json, overview);
    write_placements(json, overview);
    write_study_records(json, overview);
}
