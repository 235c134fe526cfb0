/* Performance metrics and prediction disparity, as records (DEFINITIONS: performance). */
#include "losslens/similarity.h"

#include <math.h>
#include <string.h>

static const char *const module = "similarity";

enum { MAX_CLASSES = 10000 };

static double ratio(double part, double whole) { return whole > 0.0 ? part / whole : 0.0; }

static ll_status put_table(ll_record *record, const char *name, const int64_t *counts, int64_t rows,
                           int64_t columns, ll_error *error)
{
    ll_array array = {.type = LL_ARRAY_INT64, .rank = 2, .shape = {rows, columns}};
    ll_array copy;
    LL_TRY(ll_array_init(&copy, LL_ARRAY_INT64, 2, array.shape, error));
    memcpy(copy.data, counts, (size_t)(rows * columns) * sizeof *counts);
    ll_status status = ll_record_take_array(record, name, "samples", &copy, error);
    if (status != LL_OK) ll_array_deinit(&copy);
    return status;
}

static ll_status check_labels(const int64_t *labels, int64_t count, int64_t classes, ll_error *error)
{
    if (count < 1) return ll_fail(error, LL_INVALID_ARGUMENT, module, "samples", "there are none to judge");
    if (classes < 1 || classes > MAX_CLASSES)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "classes", "got %lld, wanted 1 to %d",
                       (long long)classes, MAX_CLASSES);
    for (int64_t i = 0; i < count; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return ll_fail(error, LL_INVALID_ARGUMENT, module, "labels",
                           "label %lld is %lld, wanted 0 to %lld", (long long)i, (long long)labels[i],
                           (long long)(classes - 1));
    return LL_OK;
}

/* Per-class and averaged scores from a confusion matrix [true][predicted]. `wrong`: samples without a
 * prediction. */
static ll_status put_scores(ll_record *record, const int64_t *confusion, int64_t classes, int64_t samples,
                            ll_error *error)
{
    double *table = ll_allocate_array(3 * classes, sizeof *table);
    if (table == NULL) return ll_fail_memory(error, module, (size_t)(3 * classes) * sizeof *table);
    double *precision = table, *recall = table + classes, *f1 = recall + classes, macro[3] = {0}, right = 0.0,
           predicted = 0.0;
    for (int64_t c = 0; c < classes; c++) {
        double hit = (double)confusion[c * classes + c], guessed = 0.0, present = 0.0;
        for (int64_t o = 0; o < classes; o++) {
            guessed += (double)confusion[o * classes + c];
            present += (double)confusion[c * classes + o];
        }
        precision[c] = ratio(hit, guessed);
        recall[c] = ratio(hit, present);
        f1[c] = ratio(2.0 * hit, guessed + present);
        macro[0] += precision[c] / (double)classes;
        macro[1] += recall[c] / (double)classes;
        macro[2] += f1[c] / (double)classes;
        right += hit;
        predicted += guessed;
    }
    const double micro[3] = {ratio(right, predicted), right / (double)samples,
                             ratio(2.0 * right, predicted + (double)samples)};
    const char *const names[] = {"precision", "recall", "f1"};
    ll_status status = LL_OK;
    for (int k = 0; k < 3 && status == LL_OK; k++) {
        char name[32] = "macro_";
        strcat(name, names[k]);
        status = ll_record_set_real(record, name, "", macro[k], error);
        memcpy(name, "micro_", 6);
        if (status == LL_OK) status = ll_record_set_real(record, name, "", micro[k], error);
        memcpy(name, "class_", 6);
        if (status == LL_OK)
            status = ll_record_set_reals(record, name, "", table + k * classes, classes, error);
    }
    ll_free(table);
    return status;
}

static double logit(const void *logits, ll_real type, int64_t i)
{
    return type == LL_REAL_FLOAT32 ? (double)((const float *)logits)[i] : ((const double *)logits)[i];
}

ll_status ll_metrics_classification(const void *logits, ll_real type, int64_t samples, int64_t classes,
                                    const int64_t *labels, ll_record **record, ll_error *error)
{
    LL_TRY(check_labels(labels, samples, classes, error));
    int64_t *confusion = ll_allocate_zeroed((size_t)(classes * classes) * sizeof *confusion);
    ll_record *made = ll_record_create("classification");
    int64_t first = 0, five = 0, none = 0;
    ll_status status = confusion == NULL || made == NULL
                           ? ll_fail_memory(error, module, (size_t)(classes * classes) * 8)
                           : LL_OK;
    for (int64_t i = 0; i < samples && status == LL_OK; i++) {
        int64_t row = i * classes, best = 0, above = 0;
        bool defined = true;
        double own = logit(logits, type, row + labels[i]);
        for (int64_t c = 0; c < classes; c++) {
            double value = logit(logits, type, row + c);
            if (isnan(value)) defined = false;
            if (value > logit(logits, type, row + best)) best = c;
            if (value > own || (value == own && c < labels[i])) above++;
        }
        if (!defined) {
            none++;
            continue;
        }
        confusion[labels[i] * classes + best]++;
        first += best == labels[i];
        five += above < 5;
    }
    if (status == LL_OK) status = ll_record_set_integer(made, "samples", "samples", samples, error);
    if (status == LL_OK)
        status = ll_record_set_integer(made, "undefined_predictions", "samples", none, error);
    if (status == LL_OK)
        status = ll_record_set_real(made, "top1", "", (double)first / (double)samples, error);
    if (status == LL_OK) status = ll_record_set_real(made, "top5", "", (double)five / (double)samples, error);
    if (status == LL_OK) status = put_scores(made, confusion, classes, samples, error);
    if (status == LL_OK) status = put_table(made, "confusion", confusion, classes, classes, error);
    ll_free(confusion);
    if (status != LL_OK) ll_record_destroy(made);
    else *record = made;
    return status;
}

static ll_status put_overlaps(ll_record *record, const int64_t *confusion, int64_t classes, ll_error *error)
{
    double *iou = ll_allocate_array(3 * classes, sizeof *iou);
    if (iou == NULL) return ll_fail_memory(error, module, (size_t)(3 * classes) * sizeof *iou);
    double *dice = iou + classes, *occurs = dice + classes, mean[2] = {0}, present_classes = 0.0;
    for (int64_t c = 0; c < classes; c++) {
        double hit = (double)confusion[c * classes + c], guessed = 0.0, present = 0.0;
        for (int64_t o = 0; o < classes; o++) {
            guessed += (double)confusion[o * classes + c];
            present += (double)confusion[c * classes + o];
        }
        occurs[c] = guessed + present > 0.0;
        iou[c] = occurs[c] != 0.0 ? hit / (guessed + present - hit) : NAN;
        dice[c] = occurs[c] != 0.0 ? 2.0 * hit / (guessed + present) : NAN;
        if (occurs[c] == 0.0) continue;
        mean[0] += iou[c];
        mean[1] += dice[c];
        present_classes += 1.0;
    }
    ll_status status = ll_record_set_real(record, "mean_iou", "", ratio(mean[0], present_classes), error);
    if (status == LL_OK)
        status = ll_record_set_real(record, "mean_dice", "", ratio(mean[1], present_classes), error);
    if (status == LL_OK) status = ll_record_set_reals(record, "class_iou", "", iou, classes, error);
    if (status == LL_OK) status = ll_record_set_reals(record, "class_dice", "", dice, classes, error);
    if (status == LL_OK) status = ll_record_set_reals(record, "class_occurs", "", occurs, classes, error);
    ll_free(iou);
    return status;
}

ll_status ll_metrics_segmentation(const int64_t *predicted, const int64_t *truth, int64_t pixels,
                                  int64_t classes, int64_t ignore, ll_record **record, ll_error *error)
{
    if (classes < 1 || classes > MAX_CLASSES)
        return ll_fail(error, LL_INVALID_ARGUMENT, module, "classes", "got %lld, wanted 1 to %d",
                       (long long)classes, MAX_CLASSES);
    int64_t *confusion = ll_allocate_zeroed((size_t)(classes * classes) * sizeof *confusion);
    ll_record *made = ll_record_create("segmentation");
    ll_status status = confusion == NULL || made == NULL
                           ? ll_fail_memory(error, module, (size_t)(classes * classes) * 8)
                           : LL_OK;
    int64_t valid = 0, right = 0;
    for (int64_t i = 0; i < pixels && status == LL_OK; i++) {
        if (truth[i] == ignore) continue;
        if (truth[i] < 0 || truth[i] >= classes || predicted[i] < 0 || predicted[i] >= classes) {
            status = ll_fail(error, LL_INVALID_ARGUMENT, module, "pixels",
                             "pixel %lld has class %lld, prediction %lld; wanted 0 to %lld", (long long)i,
                             (long long)truth[i], (long long)predicted[i], (long long)(classes - 1));
            break;
        }
        confusion[truth[i] * classes + predicted[i]]++;
        valid++;
        right += truth[i] == predicted[i];
    }
    if (status == LL_OK && valid == 0)
        status = ll_fail(error, LL_INVALID_ARGUMENT, module, "pixels", "none of %lld pixels is valid",
                         (long long)pixels);
    if (status == LL_OK) status = ll_record_set_integer(made, "pixels", "pixels", valid, error);
    if (status == LL_OK)
        status = ll_record_set_real(made, "pixel_accuracy", "", (double)right / (double)valid, error);
    if (status == LL_OK) status = put_overlaps(made, confusion, classes, error);
    if (status == LL_OK) status = put_table(made, "confusion", confusion, classes, classes, error);
    ll_free(confusion);
    if (status != LL_OK) ll_record_destroy(made);
    else *record = made;
    return status;
}

ll_status ll_metrics_regression(const double *predicted, const double *exact, int64_t count,
                                ll_record **record, ll_error *error)
{
    if (count < 1) return ll_fail(error, LL_INVALID_ARGUMENT, module, "values", "there are none to judge");
    double squares = 0.0, absolute = 0.0, reference = 0.0, worst = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double off = predicted[i] - exact[i];
        squares += off * off;
        absolute += fabs(off);
        reference += exact[i] * exact[i];
        if (!(fabs(off) <= worst)) worst = fabs(off); /* a NaN stays */
    }
    ll_record *made = ll_record_create("regression");
    if (made == NULL) return ll_fail_memory(error, module, 1024);
    ll_status status = ll_record_set_integer(made, "values", "", count, error);
    if (status == LL_OK) status = ll_record_set_real(made, "mse", "", squares / (double)count, error);
    if (status == LL_OK) status = ll_record_set_real(made, "mae", "", absolute / (double)count, error);
    if (status == LL_OK)
        status = ll_record_set_real(made, "relative_l2", "", sqrt(squares / reference), error);
    if (status == LL_OK)
        status = ll_record_set_real(made, "l_infinity", "", isnan(squares) ? NAN : worst, error);
    if (status != LL_OK) ll_record_destroy(made);
    else *record = made;
    return status;
}

ll_status ll_metrics_disparity(const int64_t *predicted_a, const int64_t *predicted_b, const int64_t *labels,
                               int64_t samples, int64_t classes, ll_record **record, ll_error *error)
{
    LL_TRY(check_labels(labels, samples, classes, error));
    int64_t *counts = ll_allocate_zeroed((size_t)(4 * classes) * sizeof *counts);
    ll_record *made = ll_record_create("disparity");
    ll_status status =
        counts == NULL || made == NULL ? ll_fail_memory(error, module, (size_t)(4 * classes) * 8) : LL_OK;
    int64_t different = 0, only[2] = {0};
    for (int64_t i = 0; i < samples && status == LL_OK; i++) {
        bool a = predicted_a[i] == labels[i], b = predicted_b[i] == labels[i];
        counts[4 * labels[i] + (a && b ? 0 : a ? 1 : b ? 2 : 3)]++;
        different += predicted_a[i] != predicted_b[i];
        only[0] += a && !b;
        only[1] += b && !a;
    }
    if (status == LL_OK) status = ll_record_set_integer(made, "samples", "samples", samples, error);
    if (status == LL_OK)
        status = ll_record_set_real(made, "disagreement", "", (double)different / (double)samples, error);
    if (status == LL_OK) status = ll_record_set_integer(made, "only_a", "samples", only[0], error);
    if (status == LL_OK) status = ll_record_set_integer(made, "only_b", "samples", only[1], error);
    if (status == LL_OK) status = put_table(made, "contingency", counts, classes, 4, error);
    ll_free(counts);
    if (status != LL_OK) ll_record_destroy(made);
    else *record = made;
    return status;
}

ll_status ll_metrics_difference(const double *predicted_a, const double *predicted_b, int64_t count,
                                ll_record **record, ll_error *error)
{
    if (count < 1) return ll_fail(error, LL_INVALID_ARGUMENT, module, "values", "there are none to compare");
    ll_array field;
    LL_TRY(ll_array_init(&field, LL_ARRAY_FLOAT64, 1, &count, error));
    double *difference = field.data, squares = 0.0, reference = 0.0, worst = 0.0;
    for (int64_t i = 0; i < count; i++) {
        difference[i] = predicted_a[i] - predicted_b[i];
        squares += difference[i] * difference[i];
        reference += predicted_b[i] * predicted_b[i];
        if (!(fabs(difference[i]) <= worst)) worst = fabs(difference[i]); /* a NaN stays */
    }
    ll_record *made = ll_record_create("difference");
    ll_status status = made == NULL ? ll_fail_memory(error, module, 1024) : LL_OK;
    if (status == LL_OK) status = ll_record_set_integer(made, "values", "", count, error);
    if (status == LL_OK)
        status = ll_record_set_real(made, "root_mean_square", "", sqrt(squares / (double)count), error);
    if (status == LL_OK)
        status = ll_record_set_real(made, "relative_l2", "",
                                    reference > 0.0 ? sqrt(squares / reference) : NAN, error);
    if (status == LL_OK)
        status = ll_record_set_real(made, "l_infinity", "", isnan(squares) ? NAN : worst, error);
    if (status == LL_OK) status = ll_record_take_array(made, "difference", "", &field, error);
    if (status != LL_OK) {
        ll_array_deinit(&field);
        ll_record_destroy(made);
        return status;
    }
    *record = made;
    return LL_OK;
}
