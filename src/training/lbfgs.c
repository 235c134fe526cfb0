/* L-BFGS: J. Nocedal, "Updating quasi-Newton matrices with limited storage" (1980), D. Liu & J. Nocedal
 * (1989): the two-loop recursion with H_0 = (s'y / y'y) I of the newest pair. Line search for the strong
 * Wolfe conditions by bracketing and zooming with cubic interpolation: J. Nocedal & S. Wright, Numerical
 * Optimization, algorithms 3.5, 3.6. First step min(1, 1/|g|_1) times the rate; pairs with s'y <= 1e-10 y'y
 * are not taken (curvature lost in rounding).
 *
 * A loss that is not finite inside a line search is a point that is too far, not an error. */
#include "training/optimiser_internal.h"

#include <math.h>
#include <string.h>

static const double sufficient_decrease = 1e-4, curvature = 0.9;

typedef struct point {
    double along, loss, slope; /* theta + along d */
} point;

typedef struct line {
    ll_optimiser *o;
    const ll_objective *objective;
    const void *theta;
    /* gradient: at the newest point; best_gradient: at `low` */
    void *direction, *trial, *gradient, *best_gradient;
    double loss, slope; /* at along = 0 */
    int64_t evaluations;
} line;

static void *scratch(const ll_optimiser *o, int64_t i) { return optimiser_vector(o, o->state_vectors + i); }
static void *step_of(const ll_optimiser *o, int64_t slot)
{
    return optimiser_vector(o, LBFGS_PAIRS + 2 * slot);
}
static void *change_of(const ll_optimiser *o, int64_t slot)
{
    return optimiser_vector(o, LBFGS_PAIRS + 2 * slot + 1);
}

static ll_status look(line *l, double along, point *p, ll_error *error)
{
    ll_optimiser *o = l->o;
    const void *direction = l->direction;
    ll_vector_combine(o->type, o->n, l->theta, 1, &direction, &along, l->trial);
    LL_TRY(l->objective->evaluate(l->objective->context, l->trial, &p->loss, l->gradient, error));
    p->along = along;
    p->slope = ll_vector_dot(o->type, o->n, l->gradient, l->direction);
    if (!isfinite(p->loss) || !isfinite(p->slope)) p->loss = INFINITY;
    l->evaluations++;
    return LL_OK;
}

static void keep(line *l) { ll_vector_copy(l->o->type, l->o->n, l->gradient, l->best_gradient); }

/* Minimum of the cubic through two points with slopes, kept within [low, high]; their middle when there is
 * none. */
static double cubic(point a, point b, double low, double high)
{
    if (!isfinite(a.loss) || !isfinite(b.loss)) return 0.5 * (low + high);
    double d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.along - b.along);
    double square = d1 * d1 - a.slope * b.slope;
    if (!(square >= 0)) return 0.5 * (low + high);
    double d2 = copysign(sqrt(square), b.along - a.along);
    double at = b.along - (b.along - a.along) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2));
    return isfinite(at) ? fmin(fmax(at, low), high) : 0.5 * (low + high);
}

static bool too_high(const line *l, point p)
{
    return !(p.loss <= l->loss + sufficient_decrease * p.along * l->slope);
}
static bool flat_enough(const line *l, point p) { return fabs(p.slope) <= -curvature * l->slope; }

/* Between `low`, the best point so far (its gradient kept), and `high`. *found: the accepted or best point.
 */
static ll_status zoom(line *l, point low, point high, point *found, ll_error *error)
{
    double largest = ll_vector_max_abs(l->o->type, l->o->n, l->direction);
    while (l->evaluations < l->o->options.line_search &&
           fabs(high.along - low.along) * largest > 1e-2 * l->o->options.tolerance_change) {
        double left = fmin(low.along, high.along), right = fmax(low.along, high.along),
               margin = 0.1 * (right - left);
        point p;
        LL_TRY(look(l, cubic(low, high, left + margin, right - margin), &p, error));
        if (too_high(l, p) || p.loss >= low.loss) {
            high = p;
            continue;
        }
        if (p.slope * (high.along - low.along) >= 0) high = low;
        low = p;
        keep(l);
        if (flat_enough(l, p)) break;
    }
    *found = low;
    return LL_OK;
}

/* along = 0 in *found means that no lower point was found. */
static ll_status search(line *l, double first, point *found, ll_error *error)
{
    point start = {0, l->loss, l->slope}, before = start;
    double along = first;
    *found = start;
    while (l->evaluations < l->o->options.line_search) {
        point p;
        LL_TRY(look(l, along, &p, error));
        if (too_high(l, p) || (before.along > 0 && p.loss >= before.loss))
            return zoom(l, before, p, found, error);
        keep(l);
        *found = p;
        if (flat_enough(l, p)) return LL_OK;
        if (p.slope >= 0) return zoom(l, p, before, found, error);
        along = cubic(before, p, p.along + 0.1 * (p.along - before.along), 10.0 * p.along);
        before = p;
    }
    return LL_OK;
}

/* direction = -H g by the two loops, newest pair first. */
static void two_loops(ll_optimiser *o, void *direction)
{
    const optimiser_scalars *s = &o->scalars;
    double *alpha = o->rho + o->options.history;
    ll_vector_copy(o->type, o->n, optimiser_vector(o, LBFGS_GRADIENT), direction);
    ll_vector_scale(o->type, o->n, -1.0, direction);
    for (int64_t i = 0; i < s->held; i++) {
        int64_t slot = (s->newest - i + o->options.history) % o->options.history;
        alpha[slot] = o->rho[slot] * ll_vector_dot(o->type, o->n, step_of(o, slot), direction);
        ll_vector_add(o->type, o->n, -alpha[slot], change_of(o, slot), direction);
    }
    if (s->held > 0) ll_vector_scale(o->type, o->n, s->scale, direction);
    for (int64_t i = s->held - 1; i >= 0; i--) {
        int64_t slot = (s->newest - i + o->options.history) % o->options.history;
        double beta = o->rho[slot] * ll_vector_dot(o->type, o->n, change_of(o, slot), direction);
        ll_vector_add(o->type, o->n, alpha[slot] - beta, step_of(o, slot), direction);
    }
}

/* Takes s = along d and y = new gradient - old one into the history, if they show positive curvature. */
static void remember(ll_optimiser *o, double along, const void *direction, const void *new_gradient)
{
    optimiser_scalars *s = &o->scalars;
    int64_t slot = s->held == 0 ? 0 : (s->newest + 1) % o->options.history;
    void *step = step_of(o, slot), *change = change_of(o, slot);
    /* The slot may hold the oldest pair: it is overwritten only if the new one is good. */
    double yy = 0, sy = 0;
    const void *old = optimiser_vector(o, LBFGS_GRADIENT);
    for (int64_t i = 0; i < o->n; i++) {
        double y = ll_vector_get(o->type, new_gradient, i) - ll_vector_get(o->type, old, i);
        yy += y * y;
        sy += y * along * ll_vector_get(o->type, direction, i);
    }
    if (!(sy > 1e-10 * yy) || yy == 0) return;
    ll_vector_copy(o->type, o->n, direction, step);
    ll_vector_scale(o->type, o->n, along, step);
    ll_vector_copy(o->type, o->n, new_gradient, change);
    ll_vector_add(o->type, o->n, -1.0, old, change);
    o->rho[slot] = 1.0 / sy;
    s->scale = sy / yy;
    s->newest = slot;
    s->held = ll_min_int64(s->held + 1, o->options.history);
}

static ll_status ensure_known(ll_optimiser *o, const ll_objective *objective, const void *theta,
                              int64_t *evaluations, ll_error *error)
{
    if (o->scalars.known != 0) return LL_OK;
    LL_TRY(objective->evaluate(objective->context, theta, &o->scalars.loss,
                               optimiser_vector(o, LBFGS_GRADIENT), error));
    o->scalars.known = 1;
    ++*evaluations;
    return LL_OK;
}

ll_status lbfgs_iterate(ll_optimiser *o, double rate, const ll_objective *objective, void *theta,
                        ll_step *step, ll_error *error)
{
    optimiser_scalars *s = &o->scalars;
    void *gradient = optimiser_vector(o, LBFGS_GRADIENT);
    *step = (ll_step){.reason = LL_STEP_GOING};
    LL_TRY(ensure_known(o, objective, theta, &step->evaluations, error));
    step->loss = s->loss;
    step->gradient_norm = ll_vector_norm(o->type, o->n, gradient);
    if (!isfinite(s->loss) || !isfinite(step->gradient_norm)) {
        step->reason = LL_STEP_NOT_FINITE;
        return LL_OK;
    }
    if (ll_vector_max_abs(o->type, o->n, gradient) <= o->options.tolerance_gradient) {
        step->reason = LL_STEP_GRADIENT;
        return LL_OK;
    }
    line l = {.o = o,
              .objective = objective,
              .theta = theta,
              .direction = scratch(o, 0),
              .trial = scratch(o, 1),
              .gradient = scratch(o, 2),
              .best_gradient = scratch(o, 3),
              .loss = s->loss};
    point found = {0};
    for (;;) {
        two_loops(o, l.direction);
        l.slope = ll_vector_dot(o->type, o->n, gradient, l.direction);
        l.evaluations = 0;
        bool steepest = s->held == 0;
        double first = steepest ? fmin(1.0, 1.0 / ll_vector_abs_sum(o->type, o->n, gradient)) * rate : rate;
        if (l.slope < 0) LL_TRY(search(&l, first, &found, error));
        step->evaluations += l.evaluations;
        if (l.slope < 0 && found.along > 0) break;
        if (steepest) {
            step->reason = LL_STEP_STALLED;
            return LL_OK;
        }
        s->held = 0; /* the history misleads: once more along the steepest descent */
    }
    remember(o, found.along, l.direction, l.best_gradient);
    const void *direction = l.direction;
    ll_vector_combine(o->type, o->n, theta, 1, &direction, &found.along, theta);
    ll_vector_copy(o->type, o->n, l.best_gradient, gradient);
    double change = found.along * ll_vector_max_abs(o->type, o->n, l.direction),
           drop = fabs(s->loss - found.loss);
    s->loss = found.loss;
    s->steps++;
    step->loss = found.loss;
    if (ll_vector_max_abs(o->type, o->n, gradient) <= o->options.tolerance_gradient)
        step->reason = LL_STEP_GRADIENT;
    else if (change <= o->options.tolerance_change || drop < o->options.tolerance_change)
        step->reason = LL_STEP_CHANGE;
    return LL_OK;
}
