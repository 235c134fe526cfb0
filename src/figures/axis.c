#include "axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const scale_names[] = {"linear", "log", "symlog"};

const char *ll_scale_name(ll_scale_type type)
{
    return (unsigned)type < LL_SCALE_TYPES ? scale_names[type] : "unknown";
}

bool ll_scale_parse(const char *name, ll_scale_type *type)
{
    for (int i = 0; i < LL_SCALE_TYPES; i++) {
        if (strcmp(name, scale_names[i]) == 0) {
            *type = (ll_scale_type)i;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- the map */

ll_axis ll_axis_make(ll_scale_type type, double low, double high, double smallest_positive)
{
    ll_axis axis = {.type = type, .low = low, .high = high};
    if (!isfinite(low) || !isfinite(high)) {
        axis.low = 0.0;
        axis.high = 1.0;
    } else if (high < low) {
        axis.low = high;
        axis.high = low;
    }
    if (type == LL_SCALE_LOG) {
        if (!(axis.high > 0.0)) {
            axis.low = 0.1;
            axis.high = 1.0;
        }
        if (!(axis.low > 0.0)) {
            axis.low = smallest_positive > 0.0 && smallest_positive <= axis.high ? smallest_positive
                                                                                 : axis.high * 1e-6;
        }
        if (axis.high / axis.low < 1.0 + 1e-9) {
            axis.low /= 1.5;
            axis.high *= 1.5;
        }
        return axis;
    }
    double span = axis.high - axis.low, size = fmax(fabs(axis.low), fabs(axis.high));
    if (!(span > size * 1e-12)) {
        /* One value: give it room in proportion. */
        double half = size > 0.0 ? size * 0.1 : 0.5;
        axis.low -= half;
        axis.high += half;
    }
    if (type == LL_SCALE_SYMLOG) {
        double largest = fmax(fabs(axis.low), fabs(axis.high));
        /* Linear within three decades of the largest size, or down to the smallest value there is. */
        axis.threshold = largest * 1e-3;
        if (smallest_positive > 0.0 && smallest_positive < largest) {
            axis.threshold = fmax(smallest_positive, largest * 1e-6);
        }
        axis.threshold = pow(10.0, floor(log10(axis.threshold)));
    }
    return axis;
}

static double forward(const ll_axis *axis, double value)
{
    switch (axis->type) {
    case LL_SCALE_LOG: return value > 0.0 ? log10(value) : NAN;
    case LL_SCALE_SYMLOG: return copysign(log10(1.0 + fabs(value) / axis->threshold), value);
    case LL_SCALE_LINEAR:
    case LL_SCALE_TYPES: break;
    }
    return value;
}

static double backward(const ll_axis *axis, double mapped)
{
    switch (axis->type) {
    case LL_SCALE_LOG: return pow(10.0, mapped);
    case LL_SCALE_SYMLOG: return copysign((pow(10.0, fabs(mapped)) - 1.0) * axis->threshold, mapped);
    case LL_SCALE_LINEAR:
    case LL_SCALE_TYPES: break;
    }
    return mapped;
}

double ll_axis_position(const ll_axis *axis, double value)
{
    double low = forward(axis, axis->low), high = forward(axis, axis->high);
    return (forward(axis, value) - low) / (high - low);
}

double ll_axis_value(const ll_axis *axis, double position)
{
    double low = forward(axis, axis->low), high = forward(axis, axis->high);
    return backward(axis, low + position * (high - low));
}

ll_axis ll_axis_widen(const ll_axis *axis, double below, double above)
{
    ll_axis wide = *axis;
    wide.low = ll_axis_value(axis, -below);
    wide.high = ll_axis_value(axis, 1.0 + above);
    return wide;
}

/* ---------------------------------------------------------------- ticks */

/* The step of 1, 2, 2.5 or 5 times a power of ten that gives at most `wanted` intervals. */
static double nice_step(double span, int wanted)
{
    double raw = span / (wanted > 1 ? wanted : 1);
    double power = pow(10.0, floor(log10(raw)));
    static const double multiples[] = {1.0, 2.0, 2.5, 5.0, 10.0};
    for (int i = 0; i < 5; i++) {
        if (multiples[i] * power >= raw * (1.0 - 1e-9)) return multiples[i] * power;
    }
    return 10.0 * power;
}

void ll_power_text(int exponent, char text[LL_TICK_TEXT])
{
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char plain[16];
    snprintf(plain, sizeof plain, "%d", exponent);
    strcpy(text, "10");
    for (const char *c = plain; *c != 0; c++) strcat(text, *c == '-' ? "⁻" : digits[*c - '0']);
}

/* A true minus sign instead of a hyphen. */
static void set_label(char label[LL_TICK_TEXT], const char *plain)
{
    size_t to = 0;
    for (const char *c = plain; *c != 0 && to + 4 < LL_TICK_TEXT; c++) {
        if (*c == '-') {
            memcpy(label + to, "−", 3);
            to += 3;
        } else {
            label[to++] = *c;
        }
    }
    label[to] = 0;
}

static void linear_ticks(const ll_axis *axis, int wanted, ll_ticks *ticks)
{
    double step, first, last;
    do { /* one tick alone is no scale: at 1.0, 0.4 to 1.6 could be anything */
        step = nice_step(axis->high - axis->low, wanted++);
        first = ceil(axis->low / step - 1e-9);
        last = floor(axis->high / step + 1e-9);
    } while (last - first < 1.0 && wanted < 12);
    double largest = fmax(fabs(axis->low), fabs(axis->high));
    /* One power of ten for all labels when they would be long otherwise. */
    int exponent = 0;
    if (largest > 0.0 && (largest >= 1e5 || largest < 1e-2)) exponent = (int)floor(log10(largest) + 1e-9);
    double factor = pow(10.0, exponent);
    if (exponent != 0) {
        char power[LL_TICK_TEXT];
        ll_power_text(exponent, power);
        snprintf(ticks->factor, sizeof ticks->factor, "×%.20s", power);
    }
    int decimals = 0;
    while (decimals < 9) {
        double scaled = step / factor * pow(10.0, decimals);
        if (fabs(scaled - round(scaled)) < 1e-6 * scaled) break;
        decimals++;
    }
    for (double k = first; k <= last && ticks->count < LL_TICKS_LIMIT; k += 1.0) {
        char plain[64];
        double value = k * step;
        if (k == 0.0) value = 0.0;
        ticks->values[ticks->count] = value;
        snprintf(plain, sizeof plain, "%.*f", decimals, value / factor + 0.0);
        set_label(ticks->labels[ticks->count++], plain);
    }
}

static void add_tick(ll_ticks *ticks, const ll_axis *axis, double value, const char *label)
{
    if (ticks->count >= LL_TICKS_LIMIT) return;
    double margin = 1e-9;
    double position = ll_axis_position(axis, value);
    if (!(position >= -margin && position <= 1.0 + margin)) return;
    ticks->values[ticks->count] = value;
    snprintf(ticks->labels[ticks->count++], LL_TICK_TEXT, "%s", label);
}

static void log_ticks(const ll_axis *axis, int wanted, ll_ticks *ticks)
{
    double low = log10(axis->low), high = log10(axis->high);
    int first = (int)ceil(low - 1e-9), last = (int)floor(high + 1e-9);
    if (last - first < 1) {
        /* Within about a decade: 1, 2, 5 times the power, or plain round numbers. */
        int count = 0;
        static const double marks[] = {1.0, 2.0, 3.0, 5.0, 7.0};
        for (int e = first - 1; e <= last; e++) {
            for (int m = 0; m < 5; m++) {
                double value = marks[m] * pow(10.0, e);
                count += value >= axis->low && value <= axis->high;
            }
        }
        if (count < 3) {
            linear_ticks(axis, wanted, ticks);
            return;
        }
        for (int e = first - 1; e <= last; e++) {
            for (int m = 0; m < 5; m++) {
                char plain[LL_TICK_TEXT];
                double value = marks[m] * pow(10.0, e);
                snprintf(plain, sizeof plain, "%.3g", value);
                add_tick(ticks, axis, value, plain);
            }
        }
        return;
    }
    int stride = (last - first) / (wanted > 0 ? wanted : 1) + 1;
    bool minor = last - first <= 6;
    for (int e = first - 1; e <= last; e++) {
        double power = pow(10.0, e);
        char text[LL_TICK_TEXT] = "";
        if ((e - first) % stride == 0) ll_power_text(e, text);
        if (e >= first) add_tick(ticks, axis, power, text);
        for (int m = 2; minor && m <= 9; m++) add_tick(ticks, axis, m * power, "");
    }
}

static void symlog_ticks(const ll_axis *axis, int wanted, ll_ticks *ticks)
{
    double largest = fmax(fabs(axis->low), fabs(axis->high));
    int first = (int)lround(log10(axis->threshold)), last = (int)floor(log10(largest) + 1e-9);
    int sides = axis->low < 0.0 && axis->high > 0.0 ? 2 : 1;
    int stride = (last - first + 1) * sides / (wanted > 0 ? wanted : 1) + 1;
    for (int e = last; e >= first; e--) {
        char text[LL_TICK_TEXT], label[LL_TICK_TEXT + 4] = "−";
        bool labelled = (last - e) % stride == 0;
        ll_power_text(e, text);
        strcat(label, text);
        add_tick(ticks, axis, pow(10.0, e), labelled ? text : "");
        add_tick(ticks, axis, -pow(10.0, e), labelled ? label : "");
    }
    add_tick(ticks, axis, 0.0, "0");
    if (ticks->count < 2) { /* far from zero, within a decade */
        *ticks = (ll_ticks){0};
        linear_ticks(axis, wanted, ticks);
    }
}

void ll_axis_ticks(const ll_axis *axis, int wanted, ll_ticks *ticks)
{
    *ticks = (ll_ticks){0};
    if (wanted < 2) wanted = 2;
    switch (axis->type) {
    case LL_SCALE_LOG: log_ticks(axis, wanted, ticks); return;
    case LL_SCALE_SYMLOG: symlog_ticks(axis, wanted, ticks); return;
    case LL_SCALE_LINEAR:
    case LL_SCALE_TYPES: break;
    }
    linear_ticks(axis, wanted, ticks);
}

void ll_axis_levels(const ll_axis *axis, int levels, double *values, int limit, int *count)
{
    *count = 0;
    if (axis->type == LL_SCALE_LINEAR) {
        double step = nice_step(axis->high - axis->low, levels + 1);
        double first = floor(axis->low / step + 1e-9) + 1.0;
        for (double k = first; k * step < axis->high - 1e-9 * step && *count < limit; k += 1.0) {
            values[(*count)++] = k == 0.0 ? 0.0 : k * step;
        }
        return;
    }
    for (int i = 1; i <= levels && *count < limit; i++) {
        values[(*count)++] = ll_axis_value(axis, (double)i / (levels + 1));
    }
}
