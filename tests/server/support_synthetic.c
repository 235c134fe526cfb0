#include "support_synthetic.h"

#include "losslens/similarity.h"
#include "losslens/topology_record.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- building records */

/* Errors stick: setters do nothing after the first failure. */
typedef struct maker {
    ll_record *record;
    ll_status status;
    ll_error *error;
} maker;

static maker make(const char *kind, ll_error *error)
{
    maker m = {.record = ll_record_create(kind), .error = error};
    if (m.record == NULL) m.status = ll_fail_memory(error, "synthetic", 0);
    return m;
}

static void integer(maker *m, const char *name, int64_t value)
{
    if (m->status == LL_OK) m->status = ll_record_set_integer(m->record, name, "", value, m->error);
}

static void real(maker *m, const char *name, const char *unit, double value)
{
    if (m->status == LL_OK) m->status = ll_record_set_real(m->record, name, unit, value, m->error);
}

static void text(maker *m, const char *name, const char *value)
{
    if (m->status == LL_OK) m->status = ll_record_set_text(m->record, name, value, m->error);
}

static void numbers(maker *m, const char *name, const char *unit, const double *values, int rank, int64_t a,
                    int64_t b)
{
    union {
        const double *in;
        void *out;
    } data = {.in = values}; /* the record copies it */
    ll_array array = {.type = LL_ARRAY_FLOAT64, .rank = rank, .shape = {a, b}, .data = data.out};
    if (m->status == LL_OK) m->status = ll_record_set_array(m->record, name, unit, &array, m->error);
}

static void lines(maker *m, const char *name, const ll_text *list)
{
    if (list->failed && m->status == LL_OK) m->status = ll_fail_memory(m->error, "synthetic", 64);
    text(m, name, list->text != NULL ? list->text : "");
}

/* ---------------------------------------------------------------- the invented world */

enum { WELLS = 6, PARAMETERS = 96, SAMPLES_OF_CURVE = 21, EIGENPAIRS = 10, LAYERS = 3 };

typedef struct model {
    int64_t group, member;
    char name[192];
    double roughness, loss, score, lambda, position[2];
    double well[WELLS][3]; /* x, y, depth */
    double phase[2];
    int64_t landscape; /* the job of its first landscape */
} model;

typedef struct group {
    char name[128];
    bool network;
    double beta;
} group;

typedef struct world {
    const ll_synthetic *wanted;
    ll_store *store;
    group *groups;
    model *models;
    ll_text names;     /* one a line */
    double *distances; /* [models, models] */
    ll_merge_tree *trees;
    int64_t jobs;
} world;

static void invent(world *w)
{
    int64_t per = (w->wanted->models + w->wanted->groups - 1) / w->wanted->groups;
    for (int64_t g = 0; g < w->wanted->groups; g++) {
        group *one = &w->groups[g];
        one->network = w->wanted->groups == 3 && g == 2;
        one->beta = w->wanted->groups <= 3 ? (g == 0 ? 1.0 : 50.0) : (double)(g + 1);
        if (one->network)
            snprintf(one->name, sizeof one->name, "%s",
                     w->wanted->hostile ? "</script><img src=x onerror=alert(1)>" : "resnet");
        else snprintf(one->name, sizeof one->name, "pinn(beta=%g)", one->beta);
    }
    for (int64_t i = 0; i < w->wanted->models; i++) {
        model *m = &w->models[i];
        m->group = i / per;
        m->member = i % per;
        const group *home = &w->groups[m->group];
        snprintf(m->name, sizeof m->name, "%s/%lld", home->name, (long long)m->member);
        ll_rng rng = ll_rng_make(7, "synthetic", m->name);
        double hard = home->network ? 0.35 : 0.1 + 0.9 * log(home->beta) / log(50.0);
        m->roughness = hard * (0.8 + 0.4 * ll_rng_uniform(rng, 0));
        m->loss =
            (home->network ? 0.08 : 1e-4 * pow(10.0, 3.0 * hard)) * (1.0 + 0.2 * ll_rng_uniform(rng, 1));
        m->score = home->network ? 0.91 + 0.02 * ll_rng_uniform(rng, 2)
                                 : 0.02 + 0.9 * hard * (0.8 + 0.2 * ll_rng_uniform(rng, 2));
        m->lambda = 20.0 * pow(60.0, hard) * (0.9 + 0.2 * ll_rng_uniform(rng, 3));
        double angle = 2.399963 * (double)m->group, spread = 0.25 + 0.5 * hard;
        for (int k = 0; k < 2; k++)
            m->position[k] =
                1.6 * (k == 0 ? cos(angle) : sin(angle)) + spread * ll_rng_normal(rng, (uint64_t)(4 + k));
        for (int k = 0; k < WELLS; k++) {
            m->well[k][0] = 1.7 * (ll_rng_uniform(rng, (uint64_t)(10 + 3 * k)) - 0.5);
            m->well[k][1] = 1.7 * (ll_rng_uniform(rng, (uint64_t)(11 + 3 * k)) - 0.5);
            m->well[k][2] = m->roughness * (0.3 + 0.7 * ll_rng_uniform(rng, (uint64_t)(12 + 3 * k)));
        }
        m->phase[0] = 6.283 * ll_rng_uniform(rng, 40);
        m->phase[1] = 6.283 * ll_rng_uniform(rng, 41);
        ll_text_format(&w->names, "%s%s", i > 0 ? "\n" : "", m->name);
    }
    int64_t n = w->wanted->models;
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n; j++) {
            double x = w->models[i].position[0] - w->models[j].position[0],
                   y = w->models[i].position[1] - w->models[j].position[1];
            w->distances[i * n + j] = sqrt(x * x + y * y);
        }
    }
}

/* A bowl with wells and ripples, never below the model's own loss by construction of the constant. */
static double loss_at(const model *m, double x, double y, double z)
{
    double value = m->loss + 1.2 * (x * x + 1.5 * y * y + z * z) + m->roughness;
    for (int k = 0; k < WELLS; k++) {
        double u = x - m->well[k][0], v = y - m->well[k][1];
        value -= m->well[k][2] * exp(-(u * u + v * v + z * z) / 0.03) / WELLS * 3.0;
    }
    value -= m->roughness * exp(-(x * x + y * y + z * z) / 0.05);
    return value + 0.04 * m->roughness * (2.0 - cos(9.0 * x + m->phase[0]) - cos(8.0 * y + m->phase[1]));
}

/* ---------------------------------------------------------------- jobs */

/* Adds a job and stores its record; *id may be NULL. Takes the record. */
static ll_status finish(world *w, const char *kind, const char *home, const char *subject, const char *other,
                        maker *m, int64_t *id, ll_error *error)
{
    char name[512], inputs[32];
    int64_t job;
    ll_status status = m->status;
    snprintf(inputs, sizeof inputs, "synthetic %lld", (long long)w->jobs++);
    snprintf(name, sizeof name, "%s%s%s%s%s", kind, subject[0] != 0 ? " of " : "", subject,
             other[0] != 0 ? " and " : "", other);
    ll_store_job about = {.key = ll_store_key(kind, inputs),
                          .kind = kind,
                          .name = name,
                          .group = home,
                          .subject = subject,
                          .other = other,
                          .inputs = inputs};
    ll_store_beside beside = {.seconds = 0.25 + (double)(w->jobs % 17), .threads = 2, .version = "0.1.0"};
    if (status == LL_OK) status = ll_store_add(w->store, &about, &job, error);
    if (status == LL_OK) status = ll_store_finish(w->store, job, m->record, &beside, error);
    if (status == LL_OK && id != NULL) *id = job;
    ll_record_destroy(m->record);
    m->record = NULL;
    return status;
}

static ll_status add_model(world *w, const model *m, ll_error *error)
{
    const group *home = &w->groups[m->group];
    char seed[24], beta[24];
    double theta[PARAMETERS], history[60], gradient[60];
    ll_rng rng = ll_rng_make(11, "theta", m->name);
    snprintf(seed, sizeof seed, "%lld", (long long)m->member);
    snprintf(beta, sizeof beta, "%g", home->beta);
    ll_rng_fill_normal(rng, 0, PARAMETERS, theta);
    for (int e = 0; e < 60; e++) {
        history[e] = m->loss + 2.0 * exp(-0.12 * e) *
                                   (1.0 + 0.1 * m->roughness * ll_rng_normal(rng, (uint64_t)(200 + e)));
        gradient[e] = 3.0 * exp(-0.1 * e);
    }
    maker r = make(home->network ? "checkpoint" : "training", error);
    text(&r, "problem", home->network ? "resnet20 on fashion-mnist" : "convection");
    text(&r, "source", home->network ? "resnet20_seed.safetensors" : "trained here");
    integer(&r, "seed", m->member);
    integer(&r, "parameters", PARAMETERS);
    text(&r, "setting_seed", seed);
    if (home->network) {
        text(&r, "setting_network", "resnet20");
        text(&r, "setting_data", "fashion-mnist");
    } else {
        text(&r, "setting_problem", "convection");
        text(&r, "setting_beta", beta);
        text(&r, "optimiser", "lbfgs");
        text(&r, "reason", "stalled");
        integer(&r, "epochs", 60);
        real(&r, "last_loss", "loss", history[59]);
        numbers(&r, "loss", "loss", history, 1, 60, 0);
        numbers(&r, "gradient_norm", "", gradient, 1, 60, 0);
    }
    numbers(&r, "theta", "", theta, 1, PARAMETERS, 0);
    numbers(&r, "buffers", "", theta, 1, 0, 0);
    return finish(w, "model", home->name, m->name, "", &r, NULL, error);
}

static void add_solution(maker *r, const model *m, double beta)
{
    enum { X = 33, T = 21 };
    double solution[X * T], exact[X * T], x[X], t[T];
    for (int i = 0; i < X; i++) x[i] = 6.283185307179586 * i / X;
    for (int k = 0; k < T; k++) t[k] = (double)k / (T - 1);
    for (int i = 0; i < X; i++) {
        for (int k = 0; k < T; k++) {
            exact[i * T + k] = sin(x[i] - beta * t[k]);
            solution[i * T + k] = exact[i * T + k] * (1.0 - fmin(0.95, m->score) * t[k]);
        }
    }
    numbers(r, "solution", "", solution, 2, X, T);
    numbers(r, "exact", "", exact, 2, X, T);
    numbers(r, "axis_0", "x", x, 1, X, 0);
    numbers(r, "axis_1", "t", t, 1, T, 0);
}

static void add_predictions(maker *r, const model *m)
{
    enum { CLASSES = 10, SAMPLES = 1000 };
    double confusion[CLASSES * CLASSES] = {0};
    int32_t predictions[SAMPLES];
    ll_rng rng = ll_rng_make(13, "predictions", m->name);
    for (int i = 0; i < SAMPLES; i++) {
        int truth = i % CLASSES;
        bool right = ll_rng_uniform(rng, (uint64_t)(2 * i)) < m->score;
        predictions[i] =
            right ? truth
                  : (int32_t)((truth + 1 + (int)ll_rng_below(rng, (uint64_t)(2 * i + 1), 9)) % CLASSES);
        confusion[truth * CLASSES + predictions[i]] += 1.0;
    }
    numbers(r, "confusion", "samples", confusion, 2, CLASSES, CLASSES);
    ll_array array = {.type = LL_ARRAY_INT32, .rank = 1, .shape = {SAMPLES}, .data = predictions};
    if (r->status == LL_OK)
        r->status = ll_record_set_array(r->record, "predictions", "class", &array, r->error);
}

static ll_status add_metrics(world *w, const model *m, ll_error *error)
{
    const group *home = &w->groups[m->group];
    maker r = make("metrics", error);
    real(&r, "loss", "loss", m->loss);
    if (home->network) {
        real(&r, "accuracy", "", m->score);
        real(&r, "error", "percent", 100.0 * (1.0 - m->score));
        text(&r, "metric_names", "loss\naccuracy\nerror");
        text(&r, "metric_better", "lower\nhigher\nlower");
        text(&r, "metric_scale", "value\nscore\nerror");
        add_predictions(&r, m);
    } else {
        real(&r, "relative_error", "", m->score);
        text(&r, "metric_names", "loss\nrelative_error");
        text(&r, "metric_better", "lower\nlower");
        text(&r, "metric_scale", "value\nerror");
        add_solution(&r, m, home->beta);
    }
    return finish(w, "metrics", home->name, m->name, "", &r, NULL, error);
}

static void findings(maker *r, const char *prefix, double roughness)
{
    static const char *const checks[] = {"collinear_axes", "centre_not_lowest", "range_too_wide",
                                         "sample_noise"};
    for (int k = 0; k < 4; k++) {
        char name[64];
        bool doubt = k == 1 && roughness > 0.8;
        snprintf(name, sizeof name, "%s%s_verdict", prefix, checks[k]);
        text(r, name, doubt ? "doubt" : "pass");
        snprintf(name, sizeof name, "%s%s_number", prefix, checks[k]);
        real(r, name, "", 0.01 * (k + 1) * roughness);
        snprintf(name, sizeof name, "%s%s_sentence", prefix, checks[k]);
        text(r, name, doubt ? "a point of the plane is lower than the model itself" : "nothing to note");
        snprintf(name, sizeof name, "%s%s_next", prefix, checks[k]);
        text(r, name, doubt ? "train longer, or look at the path to the lower point" : "");
    }
}

/* A landscape of 1 to 3 axes, and, of the usual one, its topology. */
static ll_status add_landscape(world *w, model *m, int rank, int64_t side, const char *kind, ll_error *error)
{
    int64_t shape[3] = {side, rank > 1 ? side : 1, rank > 2 ? side : 1},
            count = shape[0] * shape[1] * shape[2];
    double *values = ll_allocate_array(4 * count, sizeof *values),
           *axis = ll_allocate_array(side, sizeof *axis);
    ll_status status = values != NULL && axis != NULL ? LL_OK : ll_fail_memory(error, "synthetic", 0);
    ll_rng rng = ll_rng_make(17, "noise", m->name);
    for (int64_t i = 0; i < side && status == LL_OK; i++)
        axis[i] = -1.0 + 2.0 * (double)i / (double)(side - 1);
    for (int64_t v = 0; v < count && status == LL_OK; v++) {
        int64_t i = v / (shape[1] * shape[2]), j = v / shape[2] % shape[1], k = v % shape[2];
        double value = loss_at(m, axis[i], rank > 1 ? axis[j] : 0.0, rank > 2 ? axis[k] : 0.0);
        double noise = 0.004 * ll_rng_normal(rng, (uint64_t)v);
        values[v] = value;
        values[count + v] = value + noise;
        values[2 * count + v] = value - noise;
        values[3 * count + v] = 100.0 * (1.0 - exp(-value));
    }
    const group *home = &w->groups[m->group];
    maker r = make("landscape", error);
    if (r.status == LL_OK) r.status = status;
    static const char *const sets[] = {"loss", "half_a_loss", "half_b_loss", "error"};
    text(&r, "problem", home->network ? "resnet20" : "convection");
    integer(&r, "parameters", PARAMETERS);
    integer(&r, "dimensions", rank);
    for (int k = 0; k < rank; k++) {
        char name[40];
        snprintf(name, sizeof name, "axis_%d", k);
        numbers(&r, name, "", axis, 1, side, 0);
        snprintf(name, sizeof name, "axis_%d_kind", k);
        text(&r, name, kind);
        snprintf(name, sizeof name, "axis_%d_normalisation", k);
        text(&r, name, strcmp(kind, "random") == 0 ? "filter" : "none");
    }
    text(&r, "form", "affine");
    integer(&r, "seed", m->member);
    text(&r, "batch_norm", home->network ? "re-estimate" : "keep");
    real(&r, "centre_loss", "loss", loss_at(m, 0, 0, 0));
    for (int s = 0; s < (home->network ? 4 : 3); s++) {
        ll_array array = {.type = LL_ARRAY_FLOAT64,
                          .rank = rank,
                          .shape = {shape[0], shape[1], shape[2]},
                          .data = values + s * count};
        if (r.status == LL_OK)
            r.status = ll_record_set_array(r.record, sets[s], s == 3 ? "percent" : "loss", &array, error);
    }
    if (rank == 2) {
        double path[12][2], residual[12];
        for (int t = 0; t < 12; t++) {
            double left = exp(-0.35 * t);
            path[t][0] = 0.85 * left * cos(0.3 * t + m->phase[0]);
            path[t][1] = 0.85 * left * sin(0.3 * t + m->phase[0]);
            residual[t] = 0.2 * left;
        }
        numbers(&r, "trajectory", "", path[0], 2, 12, 2);
        numbers(&r, "trajectory_residual", "", residual, 1, 12, 0);
    }
    findings(&r, "check_", m->roughness);
    int64_t job = 0;
    if (r.status == LL_OK) {
        status = finish(w, "landscape", home->name, m->name, "", &r, &job, error);
    } else {
        status = r.status;
        ll_record_destroy(r.record);
    }
    if (rank == 2 && m->landscape == 0) m->landscape = job;
    ll_grid_field field = {.type = LL_ARRAY_FLOAT64, .rank = rank, .values = values};
    for (int k = 0; k < rank; k++) {
        field.shape[k] = shape[k];
        field.coordinates[k] = axis;
    }
    ll_topology_record_options options = {.highest_dimension = 2,
                                          .source_record = job,
                                          .field = "loss",
                                          .half_a = values + count,
                                          .half_b = values + 2 * count};
    maker t = {.error = error, .status = status};
    if (t.status == LL_OK) t.status = ll_topology_record_of_grid(&field, &options, &t.record, error);
    if (t.status == LL_OK) status = finish(w, "topology", home->name, m->name, "", &t, NULL, error);
    else status = t.status;
    if (status == LL_OK && rank == 2 && w->trees[m - w->models].pairs == NULL)
        status = ll_merge_tree_of_grid(&field, NULL, &w->trees[m - w->models], error);
    ll_free(values);
    ll_free(axis);
    return status;
}

static ll_status add_curvature(world *w, const model *m, ll_error *error)
{
    enum { STEPS = 40, PROBES = 3, POINTS = 201 };
    const char *home = w->groups[m->group].name;
    double values[2 * EIGENPAIRS], residuals[2 * EIGENPAIRS], nodes[PROBES * STEPS], weights[PROBES * STEPS];
    double grid[POINTS], density[POINTS], error_of[POINTS], along[10], radii[5] = {0.01, 0.03, 0.1, 0.3, 1.0};
    ll_rng rng = ll_rng_make(19, "curvature", m->name);
    double trace = 0.0;
    for (int k = 0; k < EIGENPAIRS; k++) {
        values[k] = m->lambda * exp(-0.45 * k) * (1.0 + 0.1 * ll_rng_uniform(rng, (uint64_t)k));
        residuals[k] = 1e-5 * (1.0 + k);
        trace += values[k];
    }
    maker r = make("eigenpairs", error);
    text(&r, "operator", "hessian");
    text(&r, "end", "largest");
    text(&r, "reason", "converged");
    integer(&r, "converged", 1);
    numbers(&r, "eigenvalues", "", values, 1, EIGENPAIRS, 0);
    numbers(&r, "residuals", "", residuals, 1, EIGENPAIRS, 0);
    LL_TRY(finish(w, "eigenpairs", home, m->name, "", &r, NULL, error));
    r = make("trace", error);
    text(&r, "method", "hutch++");
    text(&r, "reason", "standard error reached");
    real(&r, "trace", "", 1.4 * trace);
    real(&r, "standard_error", "", 0.02 * trace);
    LL_TRY(finish(w, "trace", home, m->name, "", &r, NULL, error));
    for (int p = 0; p < PROBES * STEPS; p++) {
        nodes[p] = p % STEPS == 0
                       ? m->lambda
                       : m->lambda * 0.3 * ll_rng_normal(rng, (uint64_t)(100 + p)) / (1 + p % STEPS);
        weights[p] = 1.0 / STEPS;
    }
    for (int i = 0; i < POINTS; i++) {
        grid[i] = -0.3 * m->lambda + 1.4 * m->lambda * i / (POINTS - 1);
        density[i] = 0.95 * exp(-pow(grid[i] / (0.06 * m->lambda), 2)) +
                     0.01 * exp(-pow((grid[i] - m->lambda) / (0.06 * m->lambda), 2));
        error_of[i] = 0.05 * density[i];
    }
    r = make("density", error);
    integer(&r, "steps", STEPS);
    integer(&r, "probes", PROBES);
    numbers(&r, "nodes", "", nodes, 2, PROBES, STEPS);
    numbers(&r, "weights", "", weights, 2, PROBES, STEPS);
    numbers(&r, "grid", "", grid, 1, POINTS, 0);
    numbers(&r, "density", "", density, 1, POINTS, 0);
    numbers(&r, "density_standard_error", "", error_of, 1, POINTS, 0);
    real(&r, "width", "", 0.06 * m->lambda);
    real(&r, "negative_mass", "", 0.02 * m->roughness);
    real(&r, "negative_mass_standard_error", "", 0.002);
    LL_TRY(finish(w, "density", home, m->name, "", &r, NULL, error));
    for (int k = 0; k < 2; k++) {
        values[k] = -0.05 * m->lambda * m->roughness * (2 - k);
        for (int i = 0; i < 5; i++)
            along[5 * k + i] = m->loss + 0.5 * values[k] * radii[i] * radii[i] + pow(radii[i], 4);
    }
    r = make("negative_curvature", error);
    text(&r, "reason", "converged");
    numbers(&r, "eigenvalues", "", values, 1, EIGENPAIRS, 0);
    numbers(&r, "residuals", "", residuals, 1, EIGENPAIRS, 0);
    integer(&r, "negative_count", 2);
    real(&r, "ratio", "", 0.1 * m->roughness);
    numbers(&r, "radii", "", radii, 1, 5, 0);
    numbers(&r, "loss_along", "loss", along, 2, 2, 5);
    return finish(w, "negative_curvature", home, m->name, "", &r, NULL, error);
}

static ll_status add_pair(world *w, const model *a, const model *b, ll_error *error)
{
    enum { T = SAMPLES_OF_CURVE };
    double t[T], loss[T], linear[T], best = 0.0, worst = 0.0, worst_line = 0.0, mean = 0.0;
    double distance = w->distances[(a - w->models) * w->wanted->models + (b - w->models)];
    double height = 0.15 * distance * (a->roughness + b->roughness),
           bumps = 0.05 * (a->roughness + b->roughness);
    for (int i = 0; i < T; i++) {
        t[i] = (double)i / (T - 1);
        double base = (1.0 - t[i]) * a->loss + t[i] * b->loss, hill = sin(3.14159265358979 * t[i]);
        loss[i] = base + 0.2 * height * hill * hill + bumps * pow(sin(6.2831853 * t[i]), 2) * 0.3;
        linear[i] = base + 4.0 * height * hill * hill;
        worst = fmax(worst, loss[i] - base);
        worst_line = fmax(worst_line, linear[i] - base);
        mean += loss[i] / T;
    }
    best = 0.5 * (a->loss + b->loss) - loss[T / 2];
    maker r = make("curve", error);
    text(&r, "path", "bezier");
    text(&r, "batch_norm", "re-estimate");
    text(&r, "reason", worst < 0.05 ? "connected" : "no longer moving");
    integer(&r, "converged", worst < 0.4);
    numbers(&r, "t", "", t, 1, T, 0);
    numbers(&r, "loss", "loss", loss, 1, T, 0);
    numbers(&r, "linear_loss", "loss", linear, 1, T, 0);
    real(&r, "mean_loss", "loss", mean);
    real(&r, "mc_loss", "loss", best);
    real(&r, "mc_loss_t", "", 0.5);
    if (w->groups[a->group].network && w->groups[b->group].network)
        real(&r, "mc_error", "percent", 40.0 * best);
    real(&r, "barrier", "loss", worst);
    real(&r, "linear_barrier", "loss", worst_line);
    real(&r, "initial_loss", "loss", 2.5);
    real(&r, "relative_barrier", "", worst / 2.4);
    real(&r, "relative_linear_barrier", "", worst_line / 2.4);
    real(&r, "length", "", 3.0 + distance);
    real(&r, "straight_length", "", 2.0 + distance);
    const char *home = a->group == b->group ? w->groups[a->group].name : "";
    return finish(w, "pair", home, a->name, b->name, &r, NULL, error);
}

static bool is_pair(const world *w, int64_t i, int64_t j, bool within)
{
    return (w->models[i].group == w->models[j].group) == within;
}

static ll_status add_pairs(world *w, ll_error *error)
{
    int64_t n = w->wanted->models, left = w->wanted->pairs >= 0 ? w->wanted->pairs : INT64_MAX;
    for (int within = 1; within >= 0; within--) {
        for (int64_t step = 1; step < n; step++) {
            for (int64_t i = 0; i + step < n; i++) {
                if (!is_pair(w, i, i + step, within != 0)) continue;
                if (left-- <= 0) return LL_OK;
                LL_TRY(add_pair(w, &w->models[i], &w->models[i + step], error));
            }
        }
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- the whole study */

static ll_status add_similarity(world *w, ll_error *error)
{
    int64_t n = w->wanted->models, layers = n <= 50 ? LAYERS : 1, p = n * layers;
    double *matrix = ll_allocate_array(2 * p * p, sizeof *matrix);
    int64_t *entries = ll_allocate_array(2 * p, sizeof *entries);
    ll_status status = matrix != NULL && entries != NULL
                           ? LL_OK
                           : ll_fail_memory(error, "synthetic", (size_t)(2 * p * p) * 8);
    ll_text layer_names = {0};
    for (int64_t a = 0; a < p && status == LL_OK; a++) {
        entries[a] = a / layers;
        entries[p + a] = a % layers;
        ll_text_format(&layer_names, "%slayer_%lld", a > 0 ? "\n" : "", (long long)(a % layers));
        for (int64_t b = 0; b < p; b++) {
            double d = w->distances[a / layers * n + b / layers], apart = (double)(a % layers - b % layers);
            matrix[a * p + b] = exp(-0.25 * d * d * (1.0 + (double)(a % layers)) - 0.3 * apart * apart);
            matrix[p * p + a * p + b] = a == b ? 1.0 : 0.05;
        }
    }
    maker r = make("cka", error);
    if (r.status == LL_OK) r.status = status;
    text(&r, "variant", "debiased");
    integer(&r, "samples", 1000);
    integer(&r, "models", n);
    lines(&r, "model_names", &w->names);
    lines(&r, "layer_names", &layer_names);
    if (r.status == LL_OK) {
        ll_array of = {.type = LL_ARRAY_INT64, .rank = 1, .shape = {p}, .data = entries};
        r.status = ll_record_set_array(r.record, "entry_model", "", &of, error);
        of.data = entries + p;
        if (r.status == LL_OK) r.status = ll_record_set_array(r.record, "entry_layer", "", &of, error);
    }
    numbers(&r, "matrix", "", matrix, 2, p, p);
    numbers(&r, "baseline", "", matrix + p * p, 2, p, p);
    if (r.status == LL_OK) {
        memset(entries, 0, (size_t)p * sizeof *entries);
        ll_array flags = {.type = LL_ARRAY_INT32, .rank = 1, .shape = {p}, .data = entries};
        r.status = ll_record_set_array(r.record, "flags", "", &flags, error);
    }
    status = r.status == LL_OK ? finish(w, "similarity", "", "", "", &r, NULL, error) : r.status;
    ll_text_deinit(&layer_names);
    ll_free(matrix);
    ll_free(entries);
    return status;
}

static ll_status add_placements(world *w, ll_error *error)
{
    int64_t n = w->wanted->models;
    double *distances = ll_allocate_array(n * n, sizeof *distances),
           *positions = ll_allocate_array(2 * n, sizeof *positions);
    ll_status status = distances != NULL && positions != NULL
                           ? LL_OK
                           : ll_fail_memory(error, "synthetic", (size_t)(n * n) * 8);
    for (int64_t k = 0; k < n * n && status == LL_OK; k++)
        distances[k] = sqrt(fmax(0.0, 1.0 - exp(-0.25 * w->distances[k] * w->distances[k])));
    int methods = n <= 50 ? 3 : 1;
    static const char *const quality_names[] = {"stress", "Kullback-Leibler divergence", "cross entropy"};
    for (int k = 0; k < methods && status == LL_OK; k++) {
        ll_embedding_options options = {
            .method = (ll_embedding_method)k, .seed = 1, .iterations = n <= 250 ? 0 : 10};
        ll_embedding_result result;
        char subject[64];
        status = ll_embed(distances, n, &options, positions, &result, error);
        if (status != LL_OK) break;
        snprintf(subject, sizeof subject, "%s/layer_0", ll_embedding_name(options.method));
        maker r = make("placement", error);
        text(&r, "method", ll_embedding_name(options.method));
        text(&r, "layer", "layer_0");
        lines(&r, "models", &w->names);
        numbers(&r, "positions", "", positions, 2, n, 2);
        real(&r, "quality", "", result.quality);
        text(&r, "quality_name", quality_names[k]);
        status = finish(w, "placement", "", subject, "", &r, NULL, error);
    }
    ll_free(distances);
    ll_free(positions);
    return status;
}

static ll_status add_distances(world *w, ll_error *error)
{
    int64_t n = w->wanted->models;
    if (n > 250) return LL_OK;
    double *matrix = ll_allocate_array(n * n, sizeof *matrix);
    const ll_merge_tree **trees = ll_allocate_array(n, sizeof *trees);
    ll_status status =
        matrix != NULL && trees != NULL ? LL_OK : ll_fail_memory(error, "synthetic", (size_t)(n * n) * 8);
    for (int64_t i = 0; i < n && status == LL_OK; i++) trees[i] = &w->trees[i];
    for (int k = 0; k < 2 && status == LL_OK; k++) {
        double worst;
        ll_distance_options options = ll_distance_options_default();
        const char *name = ll_distance_kind_name((ll_distance_kind)k);
        status = ll_distance_matrix((ll_distance_kind)k, trees, n, &options, NULL, matrix, &worst, error);
        if (status != LL_OK) break;
        maker r = make("distances", error);
        text(&r, "kind", name);
        lines(&r, "models", &w->names);
        numbers(&r, "matrix", "value", matrix, 2, n, n);
        status = finish(w, "distances", "", name, "", &r, NULL, error);
    }
    ll_free(matrix);
    ll_free(trees);
    return status;
}

static ll_status add_taxonomy(world *w, int64_t g, ll_error *error)
{
    double hard = w->groups[g].network ? 0.35 : 0.1 + 0.9 * log(w->groups[g].beta) / log(50.0);
    maker r = make("taxonomy", error);
    text(&r, "label", hard < 0.3 ? "IV-B" : hard < 0.6 ? "IV-A" : "I");
    real(&r, "connectedness", "", 0.02 + 0.4 * hard);
    real(&r, "connectedness_threshold", "", 0.1);
    real(&r, "flatness", "", 20.0 * pow(60.0, hard));
    real(&r, "flatness_threshold", "", 100.0);
    real(&r, "similarity", "", 0.95 - 0.6 * hard);
    real(&r, "similarity_threshold", "", 0.6);
    real(&r, "share_bootstrap", "", 0.93);
    real(&r, "share_threshold", "", 0.88);
    text(&r, "sentence",
         hard < 0.3
             ? "Members are connected by paths of low loss, lie in flat regions and compute much the same."
             : "Members are separated by barriers and lie in sharp regions.");
    return finish(w, "taxonomy", w->groups[g].name, "", "", &r, NULL, error);
}

static ll_status add_comparison(world *w, ll_error *error)
{
    static const char *const metric_names[] = {"loss", "largest_eigenvalue", "mean_persistence"};
    int64_t n = w->wanted->models, groups = w->wanted->groups;
    double *values = ll_allocate_array(n + 4 * groups, sizeof *values);
    if (values == NULL) return ll_fail_memory(error, "synthetic", (size_t)n * 8);
    double *mean = values + n, *low = mean + groups, *high = low + groups, *count = high + groups;
    ll_text group_names = {0};
    for (int64_t g = 0; g < groups; g++)
        ll_text_format(&group_names, "%s%s", g > 0 ? "\n" : "", w->groups[g].name);
    maker r = make("comparison", error);
    text(&r, "metric_names", "loss\nlargest_eigenvalue\nmean_persistence");
    lines(&r, "group_names", &group_names);
    lines(&r, "model_names", &w->names);
    for (int k = 0; k < 3; k++) {
        char name[64];
        memset(mean, 0, (size_t)(4 * groups) * sizeof *mean);
        for (int64_t i = 0; i < n; i++) {
            const model *m = &w->models[i];
            values[i] = k == 0 ? m->loss : k == 1 ? m->lambda : m->roughness;
            mean[m->group] += values[i];
            low[m->group] += values[i] * values[i];
            count[m->group] += 1.0;
        }
        for (int64_t g = 0; g < groups; g++) {
            mean[g] /= count[g];
            double spread = sqrt(fmax(0.0, low[g] / count[g] - mean[g] * mean[g])) * 1.96 /
                            sqrt(fmax(1.0, count[g] - 1.0));
            low[g] = mean[g] - spread;
            high[g] = mean[g] + spread;
        }
        static const char *const parts[] = {"values", "mean", "low", "high", "count"};
        const double *const columns[] = {values, mean, low, high, count};
        for (int c = 0; c < 5; c++) {
            snprintf(name, sizeof name, "%s_%s", metric_names[k], parts[c]);
            numbers(&r, name, "", columns[c], 1, c == 0 ? n : groups, 0);
        }
    }
    ll_status status = r.status == LL_OK ? finish(w, "comparison", "", "", "", &r, NULL, error) : r.status;
    ll_text_deinit(&group_names);
    ll_free(values);
    return status;
}

static ll_status add_trust(world *w, ll_error *error)
{
    maker r = make("trust", error);
    text(&r, "check_names", "collinear_axes\ncentre_not_lowest\nrange_too_wide\nsample_noise");
    findings(&r, "", 1.0);
    return finish(w, "trust", "", "", "", &r, NULL, error);
}

/* What a landscape that failed had so far: every second point along both axes. */
static ll_status put_so_far(world *w, const model *m, int64_t id, ll_error *error)
{
    int64_t side = w->wanted->grid, done = 0;
    double *values = ll_allocate_array(side * side, sizeof *values),
           *axis = ll_allocate_array(side, sizeof *axis);
    uint8_t *state = ll_allocate_zeroed((size_t)(side * side));
    maker r = make("landscape", error);
    if (values == NULL || axis == NULL || state == NULL) r.status = ll_fail_memory(error, "synthetic", 0);
    for (int64_t i = 0; i < side && r.status == LL_OK; i++)
        axis[i] = -1.0 + 2.0 * (double)i / (double)(side - 1);
    for (int64_t v = 0; v < side * side && r.status == LL_OK; v++) {
        bool evaluated = v / side % 2 == 0 && v % side % 2 == 0;
        values[v] = evaluated ? loss_at(m, axis[v / side], axis[v % side], 0.0) : NAN;
        state[v] = evaluated;
        done += evaluated;
    }
    integer(&r, "dimensions", 2);
    for (int k = 0; k < 2; k++) {
        char name[40];
        snprintf(name, sizeof name, "axis_%d", k);
        numbers(&r, name, "", axis, 1, side, 0);
    }
    numbers(&r, "loss", "loss", values, 2, side, side);
    integer(&r, "points", side * side);
    integer(&r, "points_evaluated", done);
    integer(&r, "points_interpolated", 0);
    const ll_array states = {.type = LL_ARRAY_UINT8, .rank = 2, .shape = {side, side}, .data = state};
    if (r.status == LL_OK) r.status = ll_record_set_array(r.record, "state", "", &states, error);
    void *bytes = NULL;
    size_t count = 0;
    ll_store_sink *sink = NULL;
    if (r.status == LL_OK) r.status = ll_record_to_bytes(r.record, &bytes, &count, error);
    if (r.status == LL_OK) r.status = ll_store_sink_create(w->store, id, NULL, &sink, error);
    if (r.status == LL_OK)
        r.status = ll_sink_put(ll_store_sink_view(sink), LL_PIECE_SO_FAR, bytes, count, error);
    if (sink != NULL) ll_store_sink_destroy(sink);
    ll_free(bytes);
    ll_record_destroy(r.record);
    ll_free(values);
    ll_free(axis);
    ll_free(state);
    return r.status;
}

/* Two fields without a network, and jobs that failed or wait. */
static ll_status add_rest(world *w, ll_error *error)
{
    enum { SIDE = 33 };
    double values[SIDE * SIDE], axis[SIDE];
    for (int i = 0; i < SIDE; i++) axis[i] = -1.0 + 2.0 * i / (SIDE - 1);
    for (int f = 0; f < 2; f++) {
        char name[32];
        snprintf(name, sizeof name, "grids/wave_%d.npy", f);
        for (int v = 0; v < SIDE * SIDE; v++) {
            double x = axis[v / SIDE], y = axis[v % SIDE];
            values[v] = sin((3.0 + f) * 3.14159 * x) * cos(2.0 * 3.14159 * y) + 0.3 * x;
        }
        if (f == 1) values[5 * SIDE + 5] = NAN;
        maker r = make("field", error);
        integer(&r, "dimensions", 2);
        numbers(&r, "axis_0", "", axis, 1, SIDE, 0);
        numbers(&r, "axis_1", "", axis, 1, SIDE, 0);
        numbers(&r, "value", "", values, 2, SIDE, SIDE);
        int64_t job;
        LL_TRY(finish(w, "field", "grids", name, "", &r, &job, error));
        ll_grid_field field = {.type = LL_ARRAY_FLOAT64,
                               .rank = 2,
                               .shape = {SIDE, SIDE},
                               .values = values,
                               .coordinates = {axis, axis}};
        ll_topology_record_options options = {.highest_dimension = 1, .source_record = job, .field = "value"};
        maker t = {.error = error};
        LL_TRY(ll_topology_record_of_grid(&field, &options, &t.record, error));
        LL_TRY(finish(w, "topology", "grids", name, "", &t, NULL, error));
    }
    if (!w->wanted->unfinished) return LL_OK;
    const model *last = &w->models[w->wanted->models - 1];
    ll_store_job job = {.key = ll_store_key("landscape", "fails"),
                        .kind = "landscape",
                        .name = "second landscape",
                        .subject = last->name,
                        .group = w->groups[last->group].name,
                        .inputs = "fails"};
    int64_t id;
    LL_TRY(ll_store_add(w->store, &job, &id, error));
    LL_TRY(ll_store_begin(w->store, id, error));
    LL_TRY(put_so_far(w, last, id, error));
    LL_TRY(ll_store_fail(w->store, id,
                         w->wanted->hostile ? "got </script><script>alert(1)</script>"
                                            : "the checkpoint has 3 tensors; wanted 65",
                         error));
    job = (ll_store_job){.key = ll_store_key("density", "waits"),
                         .kind = "density",
                         .name = "second density",
                         .subject = last->name,
                         .group = w->groups[last->group].name,
                         .inputs = "waits"};
    return ll_store_add(w->store, &job, &id, error);
}

static ll_status add_all(world *w, ll_error *error)
{
    LL_TRY(ll_store_set_provenance(w->store, "study", "study: synthetic   # made for tests\neffort: quick\n",
                                   error));
    LL_TRY(ll_store_set_provenance(w->store, "version", "0.1.0", error));
    if (w->wanted->hostile)
        LL_TRY(ll_store_set_provenance(w->store, "note", "</script><script>alert(2)</script>", error));
    for (int64_t i = 0; i < w->wanted->models; i++) {
        model *m = &w->models[i];
        LL_TRY(add_model(w, m, error));
        LL_TRY(add_metrics(w, m, error));
        LL_TRY(add_landscape(w, m, 2, w->wanted->grid, "random", error));
        if (m->member == 0 && w->wanted->models <= 50) {
            LL_TRY(add_landscape(w, m, 2, 21, "hessian", error));
            LL_TRY(add_landscape(w, m, 1, 51, "random", error));
            LL_TRY(add_landscape(w, m, 3, 21, "random", error));
        }
        LL_TRY(add_curvature(w, m, error));
    }
    LL_TRY(add_pairs(w, error));
    LL_TRY(add_similarity(w, error));
    LL_TRY(add_placements(w, error));
    LL_TRY(add_distances(w, error));
    for (int64_t g = 0; g < w->wanted->groups; g++) LL_TRY(add_taxonomy(w, g, error));
    LL_TRY(add_comparison(w, error));
    LL_TRY(add_trust(w, error));
    return add_rest(w, error);
}

ll_synthetic synthetic_default(void)
{
    return (ll_synthetic){.models = 12, .groups = 3, .pairs = -1, .grid = 41, .unfinished = true};
}

ll_status synthetic_write(const char *path, const ll_synthetic *wanted, ll_error *error)
{
    int64_t n = wanted->models;
    world w = {.wanted = wanted};
    w.groups = ll_allocate_zeroed((size_t)wanted->groups * sizeof *w.groups);
    w.models = ll_allocate_zeroed((size_t)n * sizeof *w.models);
    w.trees = ll_allocate_zeroed((size_t)n * sizeof *w.trees);
    w.distances = ll_allocate_array(n * n, sizeof *w.distances);
    ll_status status = LL_OK;
    if (w.groups == NULL || w.models == NULL || w.trees == NULL || w.distances == NULL)
        status = ll_fail_memory(error, "synthetic", (size_t)(n * n) * 8);
    if (status == LL_OK)
        status = ll_store_open(path, &(ll_store_options){.access = LL_STORE_CREATE}, &w.store, error);
    if (status == LL_OK) {
        invent(&w);
        status = add_all(&w, error);
    }
    ll_store_destroy(w.store);
    ll_text_deinit(&w.names);
    for (int64_t i = 0; i < n && w.trees != NULL; i++) ll_merge_tree_deinit(&w.trees[i]);
    ll_free(w.groups);
    ll_free(w.models);
    ll_free(w.trees);
    ll_free(w.distances);
    return status;
}
