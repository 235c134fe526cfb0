/* Weight matching: coordinate ascent over the permutations of groups, each an exact linear assignment. */
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const module = "connectivity";

typedef struct matching {
    const ll_units *units;
    const void *reference, *theta;
    ll_align_options options;
    int64_t units_total, widest;  /* of all groups together; of the largest */
    int64_t *permutation, *trial; /* [units_total] */
    int64_t **view, **trial_view; /* [groups] into them */
    int64_t *column, *order;
    double *value, *left, *right; /* widest^2; the largest box twice */
    bool *settled;                /* [groups] */
    int64_t sweeps;
    bool converged;
} matching;

static const int64_t *const *read_only(int64_t **view) { return (const int64_t *const *)view; }

/* <reference, permuted theta>. */
static double inner_product(const matching *m, int64_t **view)
{
    double total = 0.0;
    for (int64_t t = 0; t < m->units->parameter_boxes; t++) {
        const ll_unit_box *box = &m->units->box[t];
        ll_unit_gather(m->units, box, m->reference, NULL, NULL, -1, m->left);
        ll_unit_gather(m->units, box, m->theta, NULL, read_only(view), -1, m->right);
        double sum = 0.0;
        for (int64_t i = 0; i < box->count; i++) sum += m->left[i] * m->right[i];
        total += sum;
    }
    return total;
}

/* value[i][j] += what unit j of theta in place i adds, through one axis of one box. The reference with
 * that axis first, theta with it last: the inner loop runs along j. */
static void add_values(const matching *m, const ll_unit_box *box, int axis, double *value)
{
    int first[LL_UNIT_AXES], last[LL_UNIT_AXES], at = 0;
    for (int a = 0; a < box->axes; a++)
        if (a != axis) {
            first[at + 1] = a;
            last[at++] = a;
        }
    first[0] = last[at] = axis;
    ll_unit_gather(m->units, box, m->reference, first, NULL, -1, m->left);
    ll_unit_gather(m->units, box, m->theta, last, read_only(m->view), axis, m->right);
    int64_t n = box->size[axis], rest = box->count / n;
    for (int64_t i = 0; i < n; i++) {
        double *restrict row = value + i * n;
        for (int64_t r = 0; r < rest; r++) {
            double factor = m->left[i * rest + r];
            const double *restrict column = m->right + r * n;
            for (int64_t j = 0; j < n; j++) row[j] += factor * column[j];
        }
    }
}

static bool others_settled(const matching *m, const ll_unit_box *box, int axis)
{
    for (int a = 0; a < box->axes; a++)
        if (a != axis && box->group[a] >= 0 && !m->settled[box->group[a]]) return false;
    return true;
}

/* The values of group g; from tensors whose other axes are settled only, if `settled_only`. Returns how many
 * axes counted. */
static int64_t group_values(const matching *m, int64_t group, bool settled_only)
{
    int64_t n = m->units->size[group], counted = 0;
    memset(m->value, 0, (size_t)(n * n) * sizeof *m->value);
    for (int64_t t = 0; t < m->units->parameter_boxes; t++) {
        const ll_unit_box *box = &m->units->box[t];
        for (int a = 0; a < box->axes; a++) {
            if (box->group[a] != group || (settled_only && !others_settled(m, box, a))) continue;
            add_values(m, box, a, m->value);
            counted++;
        }
    }
    return counted;
}

static bool meets_itself(const ll_units *units, int64_t group)
{
    for (int64_t t = 0; t < units->parameter_boxes; t++) {
        int times = 0;
        for (int a = 0; a < units->box[t].axes; a++) times += units->box[t].group[a] == group;
        if (times > 1) return true;
    }
    return false;
}

/* Best places of one group's units with the others held. The order moves only for a real gain, so that ties
 * end. */
static ll_status improve(matching *m, int64_t group, bool *changed, ll_error *error)
{
    int64_t n = m->units->size[group];
    int64_t *now = m->view[group];
    group_values(m, group, false);
    LL_TRY(ll_assign(m->value, n, m->column, error));
    double before = 0.0, after = 0.0, size = 0.0;
    for (int64_t i = 0; i < n; i++) {
        before += m->value[i * n + now[i]];
        after += m->value[i * n + m->column[i]];
        size += fabs(m->value[i * n + m->column[i]]);
    }
    if (!(after > before + 1e-12 * size)) return LL_OK;
    if (meets_itself(m->units, group)) { /* the values were to first order: look at the product itself */
        double product = inner_product(m, m->view);
        memcpy(m->trial, m->permutation, (size_t)m->units_total * sizeof *m->trial);
        memcpy(m->trial_view[group], m->column, (size_t)n * sizeof *now);
        if (!(inner_product(m, m->trial_view) > product + 1e-12 * fabs(product))) return LL_OK;
    }
    memcpy(now, m->column, (size_t)n * sizeof *now);
    *changed = true;
    return LL_OK;
}

static ll_status ascend(matching *m, ll_error *error)
{
    int64_t groups = m->units->groups;
    m->converged = false;
    for (m->sweeps = 0; m->sweeps < m->options.sweeps && !m->converged;) {
        char name[32];
        snprintf(name, sizeof name, "%lld", (long long)m->sweeps);
        ll_rng_permutation(ll_rng_make(m->options.seed, "align sweep", name), groups, m->order);
        bool changed = false;
        for (int64_t i = 0; i < groups; i++) LL_TRY(improve(m, m->order[i], &changed, error));
        m->sweeps++;
        m->converged = !changed;
    }
    return LL_OK;
}

/* Settles the groups one by one, always the first that some settled tensor tells about (at the start: those
 * next to the inputs); where none is told about, the first of all. */
static ll_status from_inputs(matching *m, ll_error *error)
{
    int64_t groups = m->units->groups;
    memset(m->settled, 0, (size_t)groups);
    for (int64_t done = 0; done < groups; done++) {
        int64_t chosen = -1, fallback = -1;
        for (int64_t g = 0; g < groups && chosen < 0; g++) {
            if (m->settled[g]) continue;
            if (fallback < 0) fallback = g;
            if (group_values(m, g, true) > 0) chosen = g;
        }
        if (chosen < 0) {
            chosen = fallback;
            group_values(m, chosen, false);
        }
        LL_TRY(ll_assign(m->value, m->units->size[chosen], m->column, error));
        memcpy(m->view[chosen], m->column, (size_t)m->units->size[chosen] * sizeof *m->column);
        m->settled[chosen] = true;
    }
    return LL_OK;
}

static void stay(matching *m)
{
    for (int64_t g = 0; g < m->units->groups; g++)
        for (int64_t i = 0; i < m->units->size[g]; i++) m->view[g][i] = i;
}

/* ------------------------------------------------------------------ the result */

static double distance_of(const matching *m, int64_t **view)
{
    double sum = 0.0;
    for (int64_t t = 0; t < m->units->parameter_boxes; t++) {
        const ll_unit_box *box = &m->units->box[t];
        ll_unit_gather(m->units, box, m->reference, NULL, NULL, -1, m->left);
        ll_unit_gather(m->units, box, m->theta, NULL, read_only(view), -1, m->right);
        double part = 0.0;
        for (int64_t i = 0; i < box->count; i++)
            part += (m->left[i] - m->right[i]) * (m->left[i] - m->right[i]);
        sum += part;
    }
    return sqrt(sum);
}

typedef struct outcome {
    double product_before, product, distance_before, distance;
    const char *start;
} outcome;

static ll_status fill(const matching *m, const outcome *o, ll_record *record, ll_error *error)
{
    const ll_units *units = m->units;
    ll_text names = {0};
    int64_t moved = 0;
    for (int64_t g = 0; g < units->groups; g++) {
        ll_text_format(&names, "%s%s", g > 0 ? "\n" : "", units->name[g]);
        for (int64_t i = 0; i < units->size[g]; i++) moved += m->view[g][i] != i;
    }
    ll_status status =
        names.failed ? ll_fail_memory(error, module, 1024)
                     : ll_record_set_text(record, "group_names", units->groups > 0 ? names.text : "", error);
    ll_text_deinit(&names);
    LL_TRY(status);
    const ll_array sizes = {.type = LL_ARRAY_INT64, .rank = 1, .shape = {units->groups}, .data = units->size};
    const ll_array table = {
        .type = LL_ARRAY_INT64, .rank = 1, .shape = {m->units_total}, .data = m->permutation};
    LL_TRY(ll_record_set_integer(record, "groups", "", units->groups, error));
    LL_TRY(ll_record_set_array(record, "group_sizes", "", &sizes, error));
    LL_TRY(ll_record_set_integer(record, "units", "", m->units_total, error));
    LL_TRY(ll_record_set_integer(record, "moved", "", moved, error));
    LL_TRY(ll_record_set_array(record, "permutations", "", &table, error));
    LL_TRY(ll_record_set_real(record, "inner_product_before", "", o->product_before, error));
    LL_TRY(ll_record_set_real(record, "inner_product", "", o->product, error));
    LL_TRY(ll_record_set_real(record, "distance_before", "", o->distance_before, error));
    LL_TRY(ll_record_set_real(record, "distance", "", o->distance, error));
    LL_TRY(ll_record_set_integer(record, "sweeps", "", m->sweeps, error));
    LL_TRY(ll_record_set_text(record, "start", o->start, error));
    LL_TRY(ll_record_set_integer(record, "converged", "", m->converged, error));
    return ll_record_set_integer(record, "seed", "", (int64_t)m->options.seed, error);
}

static ll_status match(matching *m, outcome *o, ll_error *error)
{
    stay(m);
    o->product_before = inner_product(m, m->view);
    if (!isfinite(o->product_before))
        return ll_fail(error, LL_NUMERIC, module, "alignment",
                       "the weights of one of the two networks are not all finite");
    o->distance_before = distance_of(m, m->view);
    LL_TRY(ascend(m, error));
    o->product = inner_product(m, m->view);
    o->start = "as it is";
    int64_t sweeps = m->sweeps;
    bool converged = m->converged;
    int64_t *kept = ll_allocate_array(m->units_total + 1, sizeof *kept);
    if (kept == NULL) return ll_fail_memory(error, module, (size_t)m->units_total * sizeof *kept);
    memcpy(kept, m->permutation, (size_t)m->units_total * sizeof *kept);
    stay(m);
    ll_status status = from_inputs(m, error);
    if (status == LL_OK) status = ascend(m, error);
    if (status == LL_OK) {
        double product = inner_product(m, m->view);
        if (product > o->product) {
            o->product = product;
            o->start = "from the inputs";
        } else {
            memcpy(m->permutation, kept, (size_t)m->units_total * sizeof *kept);
            m->sweeps = sweeps;
            m->converged = converged;
        }
        o->distance = distance_of(m, m->view);
    }
    ll_free(kept);
    return status;
}

static void matching_deinit(matching *m)
{
    ll_free(m->permutation);
    ll_free(m->view);
    ll_free(m->value);
    ll_free(m->settled);
}

static ll_status matching_init(matching *m, ll_error *error)
{
    const ll_units *units = m->units;
    int64_t groups = units->groups, largest = 1;
    for (int64_t g = 0; g < groups; g++) {
        m->units_total += units->size[g];
        m->widest = ll_max_int64(m->widest, units->size[g]);
    }
    for (int64_t t = 0; t < units->parameter_boxes; t++) largest = ll_max_int64(largest, units->box[t].count);
    m->permutation = ll_allocate_array(2 * m->units_total + m->widest + groups + 1, sizeof *m->permutation);
    m->view = ll_allocate_array(2 * groups + 1, sizeof *m->view);
    m->value = ll_allocate_array(m->widest * m->widest + 2 * largest, sizeof *m->value);
    m->settled = ll_allocate_zeroed((size_t)groups + 1);
    if (m->permutation == NULL || m->view == NULL || m->value == NULL || m->settled == NULL) {
        matching_deinit(m);
        return ll_fail_memory(error, module,
                              (size_t)(2 * largest + m->widest * m->widest) * sizeof *m->value);
    }
    m->trial = m->permutation + m->units_total;
    m->column = m->trial + m->units_total;
    m->order = m->column + m->widest;
    m->trial_view = m->view + groups;
    m->left = m->value + m->widest * m->widest;
    m->right = m->left + largest;
    for (int64_t g = 0, at = 0; g < groups; at += units->size[g++]) {
        m->view[g] = m->permutation + at;
        m->trial_view[g] = m->trial + at;
    }
    return LL_OK;
}

ll_status ll_connectivity_align(const ll_units *units, const void *reference, const void *theta,
                                const void *buffers, const ll_align_options *options, void *aligned_theta,
                                void *aligned_buffers, ll_record **record, ll_error *error)
{
    matching m = {.units = units, .reference = reference, .theta = theta};
    if (options != NULL) m.options = *options;
    if (m.options.sweeps == 0) m.options.sweeps = 100;
    LL_TRY(matching_init(&m, error));
    outcome o = {0};
    ll_record *made = NULL;
    ll_status status = match(&m, &o, error);
    if (status == LL_OK) {
        made = ll_record_create("alignment");
        status = made == NULL ? ll_fail_memory(error, module, 0) : fill(&m, &o, made, error);
    }
    if (status == LL_OK)
        status =
            ll_units_permute(units, read_only(m.view), theta, buffers, aligned_theta, aligned_buffers, error);
    matching_deinit(&m);
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}
