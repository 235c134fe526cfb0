/* axis.h - a scale between values and positions, its ticks and their labels. */
#ifndef LOSSLENS_FIGURES_AXIS_H
#define LOSSLENS_FIGURES_AXIS_H

#include "losslens/figures.h"

/* low < high after ll_axis_make; position runs from 0 (low) to 1 (high). */
typedef struct ll_axis {
    ll_scale_type type;
    double low, high;
    double threshold; /* symlog: linear below it */
} ll_axis;

/* An axis over low..high that can be drawn: an empty or reversed range is widened; a log axis is cut to its
 * positive part (smallest_positive, when low is not). */
ll_axis ll_axis_make(ll_scale_type type, double low, double high, double smallest_positive);

/* The same axis, longer by these shares of its length below and above; a margin for marks. */
ll_axis ll_axis_widen(const ll_axis *axis, double below, double above);

/* Position of a value: outside 0..1 for values outside; NaN for what the scale cannot show. */
double ll_axis_position(const ll_axis *axis, double value);
double ll_axis_value(const ll_axis *axis, double position);

enum { LL_TICKS_LIMIT = 64, LL_TICK_TEXT = 32 };
typedef struct ll_ticks {
    int count;
    double values[LL_TICKS_LIMIT];
    char labels[LL_TICKS_LIMIT][LL_TICK_TEXT]; /* "" for a minor tick */
    char factor[LL_TICK_TEXT];                 /* "×10⁻³" for all labels, or "" */
} ll_ticks;

/* About `wanted` labelled ticks at round values inside the range. */
void ll_axis_ticks(const ll_axis *axis, int wanted, ll_ticks *ticks);

/* `levels` values that cut the range: round ones on a linear scale; *count <= limit. */
void ll_axis_levels(const ll_axis *axis, int levels, double *values, int limit, int *count);

/* 10^exponent as text with superscript digits. */
void ll_power_text(int exponent, char text[LL_TICK_TEXT]);

#endif
