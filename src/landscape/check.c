/* "Is my plot right?": each check reads the record of a landscape, and nothing else, and says in plain words
 * what it found and what to run next. The thresholds stand at the top. */
#include "losslens/landscape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const module = "landscape";

static const double COLLINEAR_FAIL = 0.99, COLLINEAR_DOUBT = 0.2; /* |cos| between two axes */
static const double CENTRE_SHARE =
    0.01;                               /* of the range: the centre may be this much above the lowest point */
static const double WIDE_SHARE = 0.5;   /* of points beyond ten times the median rise: a cliff, not a basin */
static const double NARROW_RISE = 1e-3; /* range of the loss relative to its size */
static const double VARIANCE_FAIL = 0.10, VARIANCE_DOUBT = 0.5;
static const double NOISE_FAIL = 0.5, NOISE_DOUBT = 0.1; /* noise of the field relative to its range */
static const double EXPLOSION = 1e3; /* highest loss relative to the centre's: only cliffs are visible */

const char *ll_finding_name(ll_finding_check check)
{
    static const char *const names[] = {
#define FINDING_NAME(name, text) text,
        LL_FINDING_LIST(FINDING_NAME)
#undef FINDING_NAME
    };
    return (int)check >= 0 && check < LL_FINDINGS ? names[check] : "unknown";
}

const char *ll_verdict_name(ll_verdict verdict)
{
    return verdict == LL_VERDICT_PASS ? "pass" : verdict == LL_VERDICT_DOUBT ? "doubt" : "fail";
}

/* What the checks look at. */
typedef struct picture {
    const ll_record *record;
    const ll_array *loss;
    int64_t count;
    double *sorted; /* finite values, ascending */
    int64_t finite, missing;
    double lowest, highest, range, median;
    double centre; /* loss at the centre that the grid's values must be compared with */
} picture;

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int64_t integer_or(const ll_record *record, const char *name, int64_t otherwise)
{
    int64_t value;
    return ll_record_get_integer(record, name, &value, NULL) == LL_OK ? value : otherwise;
}

static double real_or(const ll_record *record, const char *name, double otherwise)
{
    double value;
    return ll_record_get_real(record, name, &value, NULL) == LL_OK ? value : otherwise;
}

static const char *text_or(const ll_record *record, const char *name, const char *otherwise)
{
    const char *value;
    return ll_record_get_text(record, name, &value, NULL) == LL_OK ? value : otherwise;
}

static ll_status look(const ll_record *record, picture *view, ll_error *error)
{
    if (strcmp(ll_record_kind(record), "landscape") != 0)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "check",
                       "got a record of kind %s, wanted landscape", ll_record_kind(record));
    *view = (picture){.record = record};
    LL_TRY(ll_record_get_array(record, "loss", &view->loss, error));
    view->count = ll_array_count(view->loss);
    const ll_array *state = NULL;
    if (ll_record_get_array(record, "state", &state, NULL) != LL_OK || ll_array_count(state) != view->count)
        state = NULL;
    view->sorted = ll_allocate_array(ll_max_int64(view->count, 1), sizeof *view->sorted);
    if (view->sorted == NULL)
        return ll_fail_memory(error, module, (size_t)view->count * sizeof *view->sorted);
    for (int64_t p = 0; p < view->count; p++) {
        double value = ll_array_get(view->loss, p);
        if (state != NULL && ll_array_get(state, p) == 0.0) view->missing++;
        else if (isfinite(value)) view->sorted[view->finite++] = value;
    }
    qsort(view->sorted, (size_t)view->finite, sizeof *view->sorted, compare_doubles);
    view->lowest = view->finite > 0 ? view->sorted[0] : NAN;
    view->highest = view->finite > 0 ? view->sorted[view->finite - 1] : NAN;
    view->median = view->finite > 0 ? view->sorted[view->finite / 2] : NAN;
    view->range = view->highest - view->lowest;
    view->centre = real_or(record, "centre_reestimated_loss", real_or(record, "centre_loss", NAN));
    return LL_OK;
}

static LL_PRINTF(4, 5) void say(ll_finding *finding, ll_verdict verdict, double number, const char *format,
                                ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->sentence, sizeof finding->sentence, format, arguments);
    va_end(arguments);
    finding->verdict = verdict;
    finding->number = number;
    finding->next[0] = 0;
}

static void advise(ll_finding *finding, const char *text)
{
    snprintf(finding->next, sizeof finding->next, "%s", text);
}

static void check_collinear(const picture *view, ll_finding *finding)
{
    const ll_array *cosines;
    int64_t dimensions = integer_or(view->record, "dimensions", 1);
    if (dimensions < 2 || ll_record_get_array(view->record, "direction_cosines", &cosines, NULL) != LL_OK) {
        say(finding, LL_VERDICT_PASS, NAN, "There is one axis only.");
        return;
    }
    double largest = 0.0;
    for (int64_t i = 0; i < dimensions; i++)
        for (int64_t j = 0; j < i; j++)
            largest = fmax(largest, fabs(ll_array_get(cosines, i * cosines->shape[1] + j)));
    if (largest > COLLINEAR_FAIL) {
        say(finding, LL_VERDICT_FAIL, largest,
            "Two axes point the same way (|cos| = %.4f): this plane is a line drawn twice.", largest);
        advise(finding, "use other directions, or orthogonalise them (--orthogonal)");
    } else if (largest > COLLINEAR_DOUBT &&
               strcmp(text_or(view->record, "axis_0_kind", ""), "barycentric") != 0 &&
               strcmp(text_or(view->record, "axis_0_kind", ""), "bilinear") != 0) {
        say(finding, LL_VERDICT_DOUBT, largest,
            "The axes are not at a right angle (|cos| = %.3f): shapes look sheared.", largest);
        advise(finding, "orthogonalise the axes (--orthogonal)");
    } else {
        say(finding, LL_VERDICT_PASS, largest, "The axes are independent (largest |cos| = %.3g).", largest);
    }
}

static void check_centre(const picture *view, ll_finding *finding)
{
    double above = view->centre - view->lowest;
    if (!isfinite(above)) {
        say(finding, view->finite > 0 ? LL_VERDICT_DOUBT : LL_VERDICT_FAIL, NAN,
            "The loss at the centre is not a finite number, or was not computed.");
        advise(finding, "evaluate the checkpoint itself first (losslens eval)");
    } else if (above > CENTRE_SHARE * view->range && view->range > 0.0) {
        say(finding, LL_VERDICT_FAIL, above,
            "A sampled point is lower than the centre by %.3g (%.1f %% of the range): the centre is not a "
            "minimum of this picture.",
            above, 100.0 * above / view->range);
        advise(finding, "check weights, data, normalisation and batch norm; if they are right, training has "
                        "not converged");
    } else {
        say(finding, LL_VERDICT_PASS, above > 0.0 ? above : 0.0,
            "No sampled point is clearly lower than the centre.");
    }
}

static void check_wide(const picture *view, ll_finding *finding)
{
    if (view->finite < 2 || !isfinite(view->centre)) {
        say(finding, LL_VERDICT_PASS, NAN, "Too few finite points to tell.");
        return;
    }
    /* A basin that fills the picture rises steadily; seen from too far it is a pinhole in a plain of large
     * values. */
    int64_t small = 0;
    double level = view->lowest + 0.02 * view->range;
    while (small < view->finite && view->sorted[small] <= level) small++;
    double share = (double)small / (double)view->finite;
    double size = fmax(fabs(view->centre), 1e-12), explosion = view->highest / size;
    bool pinhole = explosion > EXPLOSION && share > WIDE_SHARE;
    if (pinhole ||
        (view->finite >= 25 && view->median > view->lowest + 0.9 * view->range && view->range > size)) {
        say(finding, LL_VERDICT_DOUBT, explosion,
            "Most of the picture is %s: the highest loss is %.3g times the centre's, so the basin is too "
            "small to see.",
            pinhole ? "dwarfed by a few cliffs" : "a plateau", explosion);
        advise(finding, "use a narrower range (--range), or a logarithmic colour scale");
    } else {
        say(finding, LL_VERDICT_PASS, explosion,
            "The range is not too wide: values are spread over the picture.");
    }
}

static void check_narrow(const picture *view, ll_finding *finding)
{
    if (view->finite < 2) {
        say(finding, LL_VERDICT_PASS, NAN, "Too few finite points to tell.");
        return;
    }
    double size = fmax(fmax(fabs(view->lowest), fabs(view->highest)), 1e-300);
    double rise = view->range / size;
    if (view->range == 0.0) {
        say(finding, LL_VERDICT_FAIL, 0.0,
            "All finite points have exactly the same loss: nothing was varied, or nothing was measured.");
        advise(finding, "check that the directions are not zero and that the data are the ones you meant");
    } else if (rise < NARROW_RISE) {
        say(finding, LL_VERDICT_DOUBT, rise,
            "The loss varies by only %.2g of its size: the picture magnifies rounding and noise.", rise);
        advise(finding, "use a wider range (--range)");
    } else {
        say(finding, LL_VERDICT_PASS, rise, "The loss varies by %.3g of its size over the picture.", rise);
    }
}

static void check_batch_norm(const picture *view, ll_finding *finding)
{
    const char *mode = text_or(view->record, "batch_norm", "keep");
    if (integer_or(view->record, "buffers", 0) == 0) {
        say(finding, LL_VERDICT_PASS, NAN, "The network has no batch-norm statistics.");
    } else if (strcmp(mode, "re-estimate") == 0) {
        double own = real_or(view->record, "centre_loss", NAN);
        say(finding, LL_VERDICT_PASS, view->centre - own,
            "Batch norm was re-estimated at every point; the centre's loss became %.4g (the checkpoint's own "
            "is %.4g).",
            view->centre, own);
    } else if (strcmp(mode, "keep") == 0 &&
               strcmp(text_or(view->record, "axis_0_kind", ""), "hessian") != 0) {
        say(finding, LL_VERDICT_DOUBT, NAN,
            "Batch norm was not re-estimated%s: away from the centre its statistics do not belong to the "
            "weights.",
            integer_or(view->record, "reestimate_refused", 0) != 0
                ? " (no calibration samples, or the problem cannot)"
                : "");
        advise(finding, "repeat with --batch-norm re-estimate, and compare");
    } else {
        say(finding, LL_VERDICT_PASS, NAN, "Batch norm was treated as \"%s\", which suits these directions.",
            mode);
    }
}

static void check_variance(const picture *view, ll_finding *finding)
{
    const ll_array *explained;
    if (ll_record_get_array(view->record, "explained_variance", &explained, NULL) != LL_OK) {
        double projected = real_or(view->record, "trajectory_explained_variance", NAN);
        if (isnan(projected)) {
            say(finding, LL_VERDICT_PASS, NAN, "There is no trajectory on this landscape.");
            return;
        }
        if (projected < VARIANCE_FAIL) {
            say(finding, LL_VERDICT_FAIL, projected,
                "The plane holds %.1f %% of the trajectory's variance: the path drawn on it is a shadow.",
                100.0 * projected);
            advise(finding, "use the trajectory's own plane: --direction pca");
        } else {
            say(finding, LL_VERDICT_PASS, projected, "The plane holds %.1f %% of the trajectory's variance.",
                100.0 * projected);
        }
        return;
    }
    double sum = 0.0;
    for (int64_t d = 0; d < ll_array_count(explained); d++) sum += ll_array_get(explained, d);
    if (sum < VARIANCE_FAIL) {
        say(finding, LL_VERDICT_FAIL, sum,
            "The plane explains %.1f %% of the trajectory's variance: the path drawn on it is a shadow.",
            100.0 * sum);
        advise(finding, "use the trajectory's own plane: --direction pca");
    } else if (sum < VARIANCE_DOUBT) {
        say(finding, LL_VERDICT_DOUBT, sum,
            "The plane explains %.1f %% of the trajectory's variance; much of the path is off the plane.",
            100.0 * sum);
        advise(finding, "look at the residual distances, or use a shorter part of the path");
    } else {
        say(finding, LL_VERDICT_PASS, sum, "The plane explains %.1f %% of the trajectory's variance.",
            100.0 * sum);
    }
}

/* The standard error of the whole field from its two halves: rms difference / 2. */
static void check_noise(const picture *view, ll_finding *finding)
{
    const ll_array *a, *b;
    if (ll_record_get_array(view->record, "half_a_loss", &a, NULL) != LL_OK ||
        ll_record_get_array(view->record, "half_b_loss", &b, NULL) != LL_OK) {
        say(finding, LL_VERDICT_DOUBT, NAN, "The noise of the data was not measured.");
        advise(finding, "repeat with two halves of the data (--halves)");
        return;
    }
    double squares = 0.0;
    int64_t count = 0;
    for (int64_t p = 0; p < view->count; p++) {
        double difference = ll_array_get(a, p) - ll_array_get(b, p);
        if (!isfinite(difference)) continue;
        squares += difference * difference;
        count++;
    }
    double noise = count > 0 ? 0.5 * sqrt(squares / (double)count) : NAN;
    double share = view->range > 0.0 ? noise / view->range : NAN;
    if (!(share <= NOISE_FAIL)) {
        say(finding, LL_VERDICT_FAIL, noise,
            "Two halves of the data differ as much as the picture does: it shows noise.");
        advise(finding, "use more samples (--samples), or a wider range");
    } else if (share > NOISE_DOUBT) {
        say(finding, LL_VERDICT_DOUBT, noise,
            "Sampling noise is %.1f %% of the picture's range: small features are not resolved.",
            100.0 * share);
        advise(finding, "use more samples (--samples); ignore features smaller than the noise");
    } else {
        say(finding, LL_VERDICT_PASS, noise, "Sampling noise is %.2g %% of the picture's range.",
            100.0 * share);
    }
}

static void check_planes(const picture *view, ll_finding *finding)
{
    bool random = false;
    for (int64_t d = 0; d < integer_or(view->record, "dimensions", 0); d++) {
        char name[32];
        snprintf(name, sizeof name, "axis_%lld_kind", (long long)d);
        if (strcmp(text_or(view->record, name, ""), "random") == 0) random = true;
    }
    if (!random) {
        say(finding, LL_VERDICT_PASS, NAN, "The directions are not random.");
        return;
    }
    say(finding, LL_VERDICT_DOUBT, 1.0, "One random plane was sampled: numbers of another plane may differ.");
    advise(finding, "repeat over several seeds (--planes 10) before comparing models");
}

static void check_finite(const picture *view, ll_finding *finding)
{
    int64_t bad = view->count - view->finite - view->missing;
    int64_t done = view->count - view->missing;
    if (done > 0 && bad == done) {
        say(finding, LL_VERDICT_FAIL, (double)bad,
            "Every point is NaN or infinite: there is no landscape here.");
        advise(finding, "evaluate the checkpoint itself first (losslens eval); check data and normalisation");
    } else if (bad > 0) {
        say(finding, LL_VERDICT_DOUBT, (double)bad,
            "%lld of %lld points are NaN or infinite; they are shown as such.", (long long)bad,
            (long long)done);
        advise(finding, "use a narrower range (--range)");
    } else {
        say(finding, LL_VERDICT_PASS, 0.0, "All points are finite.");
    }
}

static void check_data(const picture *view, ll_finding *finding)
{
    int64_t sets = integer_or(view->record, "sets", 0), least = INT64_MAX;
    for (int64_t s = 0; s < sets; s++) {
        char name[40];
        snprintf(name, sizeof name, "set_%lld_samples", (long long)s);
        least = ll_min_int64(least, integer_or(view->record, name, 0));
    }
    /* What was asked for is the first set; others are parts of it (halves) or other data. */
    int64_t wanted = integer_or(view->record, "samples_requested", 0),
            first = integer_or(view->record, "set_0_samples", 0);
    if (sets == 0 || least == 0) {
        say(finding, LL_VERDICT_FAIL, 0.0, "No samples were evaluated: the data are exhausted.");
        advise(finding, "check the data set and the split");
    } else if (wanted > first) {
        say(finding, LL_VERDICT_FAIL, (double)first,
            "%lld samples were asked for, %lld exist: the data are exhausted.", (long long)wanted,
            (long long)first);
        advise(finding, "add data, or ask for fewer samples");
    } else if (view->missing > 0) {
        say(finding, LL_VERDICT_DOUBT, (double)view->missing, "%lld of %lld points are not computed yet.",
            (long long)view->missing, (long long)view->count);
        advise(finding, "run again: it continues where it stopped");
    } else {
        say(finding, LL_VERDICT_PASS, (double)first, "Every point was evaluated on the same %lld samples.",
            (long long)first);
    }
}

ll_status ll_landscape_check(const ll_record *landscape, ll_finding *findings, ll_error *error)
{
    static void (*const checks[LL_FINDINGS])(const picture *, ll_finding *) = {
        [LL_FINDING_COLLINEAR_AXES] = check_collinear, [LL_FINDING_CENTRE_NOT_LOWEST] = check_centre,
        [LL_FINDING_RANGE_TOO_WIDE] = check_wide,      [LL_FINDING_RANGE_TOO_NARROW] = check_narrow,
        [LL_FINDING_BATCH_NORM] = check_batch_norm,    [LL_FINDING_EXPLAINED_VARIANCE] = check_variance,
        [LL_FINDING_SAMPLE_NOISE] = check_noise,       [LL_FINDING_ONE_RANDOM_PLANE] = check_planes,
        [LL_FINDING_NON_FINITE] = check_finite,        [LL_FINDING_EXHAUSTED_DATA] = check_data,
    };
    picture view;
    LL_TRY(look(landscape, &view, error));
    for (int c = 0; c < LL_FINDINGS; c++) {
        findings[c] = (ll_finding){.check = (ll_finding_check)c};
        checks[c](&view, &findings[c]);
    }
    ll_free(view.sorted);
    return LL_OK;
}

ll_status ll_landscape_check_record(const ll_record *landscape, ll_record **record, ll_error *error)
{
    ll_finding findings[LL_FINDINGS];
    LL_TRY(ll_landscape_check(landscape, findings, error));
    ll_record *made = ll_record_create("plot_check");
    ll_status status = made == NULL ? ll_fail_memory(error, module, 1024) : LL_OK;
    for (int c = 0; c < LL_FINDINGS && status == LL_OK; c++) {
        char name[64];
        const char *check = ll_finding_name(findings[c].check);
        snprintf(name, sizeof name, "%s_verdict", check);
        status = ll_record_set_text(made, name, ll_verdict_name(findings[c].verdict), error);
        snprintf(name, sizeof name, "%s_number", check);
        if (status == LL_OK) status = ll_record_set_real(made, name, "", findings[c].number, error);
        snprintf(name, sizeof name, "%s_sentence", check);
        if (status == LL_OK) status = ll_record_set_text(made, name, findings[c].sentence, error);
        snprintf(name, sizeof name, "%s_next", check);
        if (status == LL_OK) status = ll_record_set_text(made, name, findings[c].next, error);
    }
    if (status != LL_OK) {
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}
