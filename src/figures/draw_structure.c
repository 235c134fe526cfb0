/* The global structure of many models: glyphs of metrics and curvature, joined by mode connectivity, and the legend
 * that carries their scales. */
#include "canvas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN 6.283185307179586

enum {
    TRACK = 0xe4e4e4,
    INK = 0x222222,
    SCORE = 0x3b6ea5,
    ERROR_ARC = 0xc0504d,
    EIGENVALUE = 0x5a5a5a,
    NEGATIVE = 0xb2182b,
    EDGE = 0x707070,
    UNDER_TRAINED = 0x7b3294
};

/* What the glyphs' lengths mean, over all models of the panel. */
typedef struct scales {
    double error_high[6];                   /* longest error arc of each metric */
    double eigenvalue_high, eigenvalue_low; /* largest and smallest absolute value that is not 0 */
    bool eigenvalue_log;
    double worst_edge, small_edge; /* largest absolute connectivity; where a symlog scale becomes linear */
    bool edge_log;
} scales;

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static ll_status find_scales(const ll_figure_structure *s, scales *out, ll_error *error)
{
    scales found = {.eigenvalue_low = INFINITY};
    for (int64_t i = 0; i < s->model_count; i++) {
        for (int64_t m = 0; m < s->metric_count; m++) {
            double value = s->metrics[i * s->metric_count + m];
            if (s->metric_errors[m] && isfinite(value))
                found.error_high[m] = fmax(found.error_high[m], value);
        }
        for (int64_t k = 0; k < s->eigenvalue_count; k++) {
            double value = fabs(s->eigenvalues[i * s->eigenvalue_count + k]);
            if (!isfinite(value) || value == 0.0) continue;
            found.eigenvalue_high = fmax(found.eigenvalue_high, value);
            found.eigenvalue_low = fmin(found.eigenvalue_low, value);
        }
    }
    found.eigenvalue_log = found.eigenvalue_high > 100.0 * found.eigenvalue_low;
    double *sizes = ll_allocate_array(s->edge_count > 0 ? s->edge_count : 1, sizeof *sizes);
    if (sizes == NULL) return ll_fail_memory(error, "figures", (size_t)s->edge_count * sizeof *sizes);
    int64_t count = 0;
    for (int64_t e = 0; e < s->edge_count; e++) {
        if (isfinite(s->edges[e])) sizes[count++] = fabs(s->edges[e]);
    }
    qsort(sizes, (size_t)count, sizeof *sizes, compare);
    if (count > 0) {
        found.worst_edge = sizes[count - 1];
        found.small_edge = fmax(1e-3 * found.worst_edge, sizes[count / 10]);
        found.edge_log = found.worst_edge > 30.0 * sizes[count / 2];
    }
    ll_free(sizes);
    *out = found;
    return LL_OK;
}

/* 1: connected; 0: as badly as any. */
static double edge_quality(const scales *k, double value)
{
    double size = fabs(value);
    if (k->worst_edge <= 0.0) return 1.0;
    if (!k->edge_log) return 1.0 - size / k->worst_edge;
    return 1.0 - log1p(size / k->small_edge) / log1p(k->worst_edge / k->small_edge);
}

static double edge_at_quality(const scales *k, double quality)
{
    if (!k->edge_log) return (1.0 - quality) * k->worst_edge;
    return k->small_edge * expm1((1.0 - quality) * log1p(k->worst_edge / k->small_edge));
}

static double eigenvalue_length(const scales *k, double value)
{
    double size = fabs(value);
    if (size == 0.0 || k->eigenvalue_high <= 0.0) return 0.0;
    if (!k->eigenvalue_log) return size / k->eigenvalue_high;
    /* A tenth of the ring stays for the smallest, so that it is seen. */
    return 0.1 + 0.9 * log(size / k->eigenvalue_low) / log(k->eigenvalue_high / k->eigenvalue_low);
}

/* ---------------------------------------------------------------- glyph and edge */

static void draw_edge(ll_canvas *canvas, double x0, double y0, double x1, double y1, double quality,
                      bool under_trained, bool converged)
{
    static const double dashes[] = {2.5, 2.0};
    cairo_t *cairo = canvas->cairo;
    double bend = under_trained ? 0.0 : 0.36 * (1.0 - quality), dx = x1 - x0, dy = y1 - y0;
    if (under_trained) quality = 1.0;
    double mx = (x0 + x1) / 2.0 - bend * dy, my = (y0 + y1) / 2.0 + bend * dx;
    cairo_new_path(cairo);
    cairo_move_to(cairo, x0, y0);
    cairo_curve_to(cairo, x0 + (mx - x0) * 2.0 / 3.0, y0 + (my - y0) * 2.0 / 3.0, x1 + (mx - x1) * 2.0 / 3.0,
                   y1 + (my - y1) * 2.0 / 3.0, x1, y1);
    ll_canvas_color(canvas, under_trained ? UNDER_TRAINED : EDGE, 0.3 + 0.45 * quality);
    cairo_set_line_width(cairo, 0.3 + 1.5 * quality * quality);
    if (!converged) cairo_set_dash(cairo, dashes, 2, 0.0);
    cairo_stroke(cairo);
    cairo_set_dash(cairo, NULL, 0, 0.0);
}

static void arc_band(ll_canvas *canvas, double x, double y, double inner, double outer, double from,
                     double to, uint32_t color)
{
    cairo_t *cairo = canvas->cairo;
    if (to <= from) return;
    cairo_new_path(cairo);
    cairo_arc(cairo, x, y, outer, from, to);
    cairo_arc_negative(cairo, x, y, inner, to, from);
    cairo_close_path(cairo);
    ll_canvas_color(canvas, color, 1.0);
    cairo_fill(cairo);
}

static uint32_t group_color(int64_t group)
{
    double rgb[3];
    ll_series_color(group, rgb);
    return (uint32_t)lround(rgb[0] * 255) << 16 | (uint32_t)lround(rgb[1] * 255) << 8 |
           (uint32_t)lround(rgb[2] * 255);
}

static void draw_glyph(ll_canvas *canvas, const ll_figure_structure *s, const scales *k, int64_t model,
                       double x, double y, double radius)
{
    cairo_t *cairo = canvas->cairo;
    const double disc = 0.40 * radius, bars = 0.74 * radius, ring = 0.80 * radius;
    cairo_new_path(cairo);
    cairo_arc(cairo, x, y, radius + 0.6, 0.0, TURN);
    ll_canvas_color(canvas, 0xffffff, 1.0);
    cairo_fill(cairo);
    const double sector = s->metric_count > 0 ? TURN / (double)s->metric_count : TURN,
                 gap = s->metric_count > 1 ? 0.16 : 0.0;
    for (int64_t m = 0; m < s->metric_count; m++) {
        double from = -TURN / 4.0 + (double)m * sector + gap / 2.0, whole = sector - gap;
        double value = s->metrics[model * s->metric_count + m];
        double share =
            s->metric_errors[m] ? (k->error_high[m] > 0.0 ? value / k->error_high[m] : 0.0) : value;
        arc_band(canvas, x, y, ring, radius, from, from + whole, TRACK);
        if (isfinite(share)) {
            arc_band(canvas, x, y, ring, radius, from, from + whole * fmin(1.0, fmax(0.0, share)),
                     s->metric_errors[m] ? ERROR_ARC : SCORE);
        }
    }
    const double step = s->eigenvalue_count > 0 ? TURN / (double)s->eigenvalue_count : TURN;
    for (int64_t j = 0; j < s->eigenvalue_count; j++) {
        double value = s->eigenvalues[model * s->eigenvalue_count + j];
        if (!isfinite(value)) continue;
        double from = -TURN / 4.0 + ((double)j + 0.14) * step, to = from + 0.72 * step;
        double high = disc + 0.06 * radius + (bars - disc - 0.06 * radius) * eigenvalue_length(k, value);
        arc_band(canvas, x, y, disc + 0.06 * radius, high, from, to, value < 0.0 ? NEGATIVE : EIGENVALUE);
    }
    cairo_new_path(cairo);
    cairo_arc(cairo, x, y, disc, 0.0, TURN);
    ll_canvas_color(canvas, group_color(s->groups[model]), 1.0);
    cairo_fill(cairo);
}

/* ---------------------------------------------------------------- legend */

typedef struct pen {
    double x, y, width, line;
} pen;

static void say(ll_canvas *canvas, pen *p, double size, const char *text)
{
    ll_canvas_color(canvas, INK, 1.0);
    ll_canvas_text_fit(canvas, p->x, p->y + p->line / 2.0, size, LL_ALIGN_LEFT, p->width, text);
    p->y += p->line;
}

static void say_beside(ll_canvas *canvas, pen *p, double size, double indent, const char *text)
{
    ll_canvas_color(canvas, INK, 1.0);
    ll_canvas_text_fit(canvas, p->x + indent, p->y + p->line / 2.0, size, LL_ALIGN_LEFT, p->width - indent,
                       text);
    p->y += p->line;
}

/* "name  type II": the type goes under the name where both do not fit. */
static void say_group(ll_canvas *canvas, pen *p, double size, double indent, const char *text)
{
    char name[256];
    const char *type = strstr(text, "  type ");
    size_t length = type != NULL ? (size_t)(type - text) : 0;
    if (type == NULL || length >= sizeof name ||
        ll_canvas_text_width(canvas, size, text) <= p->width - indent) {
        say_beside(canvas, p, size, indent, text);
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    say_beside(canvas, p, size, indent, name);
    say_beside(canvas, p, size, indent, type + 2);
}

/* "0.0123", "1.2×10⁻⁵": three digits. */
static void number_text(double value, char *text, size_t size)
{
    double magnitude = fabs(value);
    if (value == 0.0 || (magnitude >= 1e-3 && magnitude < 1e4)) {
        snprintf(text, size, magnitude >= 999.5 ? "%s%.0f" : "%s%.3g", value < 0.0 ? "−" : "", magnitude);
        return;
    }
    char power[LL_TICK_TEXT];
    int exponent = (int)floor(log10(magnitude));
    ll_power_text(exponent, power);
    snprintf(text, size, "%s%.2g×%s", value < 0.0 ? "−" : "", magnitude / pow(10.0, exponent), power);
}

static void legend_rings(ll_canvas *canvas, const ll_figure_structure *s, const scales *k, pen *p,
                         double small)
{
    char text[160], low[48], high[48];
    const double mark = 0.9 * canvas->font;
    bool any_error = false;
    for (int64_t m = 0; m < s->metric_count; m++) {
        number_text(s->metric_errors[m] ? k->error_high[m] : 1.0, high, sizeof high);
        snprintf(text, sizeof text, "%s, 0 to %s", s->metric_names[m], high);
        any_error = any_error || s->metric_errors[m];
        /* The place of the metric's arc on the ring. */
        double x = p->x + mark / 2.0, y = p->y + p->line / 2.0, sector = TURN / (double)s->metric_count;
        arc_band(canvas, x, y, 0.32 * mark, 0.5 * mark, 0.0, TURN, TRACK);
        arc_band(canvas, x, y, 0.32 * mark, 0.5 * mark, -TURN / 4.0 + (double)m * sector,
                 -TURN / 4.0 + (double)(m + 1) * sector, s->metric_errors[m] ? ERROR_ARC : SCORE);
        say_beside(canvas, p, small, 1.4 * mark, text);
    }
    if (any_error) say_beside(canvas, p, small, 1.4 * mark, "red: longer is worse");
    if (s->eigenvalue_count > 0 && k->eigenvalue_high > 0.0) {
        number_text(k->eigenvalue_low, low, sizeof low);
        number_text(k->eigenvalue_high, high, sizeof high);
        snprintf(text, sizeof text, "top %lld eigenvalues, clockwise", (long long)s->eigenvalue_count);
        arc_band(canvas, p->x + mark / 2.0, p->y + p->line / 2.0, 0.05 * mark, 0.45 * mark, -TURN / 4.0, 0.0,
                 EIGENVALUE);
        say_beside(canvas, p, small, 1.4 * mark, text);
        snprintf(text, sizeof text, "%s to %s, %s", k->eigenvalue_log ? low : "0", high,
                 k->eigenvalue_log ? "log scale" : "linear");
        say_beside(canvas, p, small, 1.4 * mark, text);
    }
}

static void legend_edges(ll_canvas *canvas, const ll_figure_structure *s, const scales *k, pen *p,
                         double small)
{
    if (s->edge_count == 0) return;
    p->y += 0.5 * p->line;
    say(canvas, p, small, s->edge_label != NULL ? s->edge_label : "mode connectivity");
    const double length = fmin(0.35 * p->width, 4.0 * canvas->font);
    char text[160], value[48];
    for (int i = 0; i < 3; i++) {
        double quality = 1.0 - (double)i / 2.0;
        double y = p->y + p->line / 2.0;
        draw_edge(canvas, p->x, y - 0.15 * p->line, p->x + length, y - 0.15 * p->line, quality, false, true);
        number_text(edge_at_quality(k, quality), value, sizeof value);
        snprintf(text, sizeof text, "%s%s", i == 0 ? "" : "−", value);
        say_beside(canvas, p, small, length + 0.6 * canvas->font, text);
    }
    bool positive = false, loose = false;
    for (int64_t e = 0; e < s->edge_count; e++) {
        positive = positive || s->edges[e] > 0.01 * k->worst_edge;
        loose = loose || (s->converged != NULL && !s->converged[e]);
    }
    if (positive) {
        draw_edge(canvas, p->x, p->y + p->line / 2.0, p->x + length, p->y + p->line / 2.0, 1.0, true, true);
        say_beside(canvas, p, small, length + 0.6 * canvas->font, "> 0: under-trained");
    }
    if (loose) {
        draw_edge(canvas, p->x, p->y + p->line / 2.0, p->x + length, p->y + p->line / 2.0, 0.5, false, false);
        say_beside(canvas, p, small, length + 0.6 * canvas->font, "unconverged: a bound");
    }
}

static void draw_legend(ll_canvas *canvas, const ll_figure_structure *s, const scales *k, ll_rect box,
                        int64_t missing)
{
    int64_t shown = 0;
    const double small = 0.88 * canvas->font;
    pen p = {box.x, box.y, box.width, 1.45 * small};
    for (int64_t g = 0; g < s->group_count && shown < 24; g++) {
        bool empty = true;
        for (int64_t i = 0; i < s->model_count && empty; i++) empty = s->groups[i] != g;
        if (empty) continue;
        shown++;
        ll_canvas_mark(canvas, LL_SHAPE_DISC, p.x + 0.45 * canvas->font, p.y + p.line / 2.0,
                       0.4 * canvas->font, group_color(g), 0xffffff);
        say_group(canvas, &p, small, 1.26 * canvas->font, s->group_names[g]);
    }
    if (s->group_count > 24) say(canvas, &p, small, "… and more groups");
    p.y += 0.5 * p.line;
    legend_rings(canvas, s, k, &p, small);
    legend_edges(canvas, s, k, &p, small);
    if (missing > 0) {
        char text[80];
        snprintf(text, sizeof text, "%lld %s without a place", (long long)missing,
                 missing == 1 ? "model" : "models");
        p.y += 0.5 * p.line;
        say(canvas, &p, small, text);
    }
}

/* ---------------------------------------------------------------- the panel */

static void measure(const ll_panel *panel, const ll_figure_options *options, ll_measure *measure)
{
    (void)options;
    for (int64_t i = 0; i < panel->structure.model_count; i++) {
        ll_extent_add(&measure->x, panel->structure.positions[2 * i]);
        ll_extent_add(&measure->y, panel->structure.positions[2 * i + 1]);
    }
}

static double glyph_radius(const ll_canvas *canvas, const ll_figure_structure *s, const double *place,
                           ll_rect plot)
{
    double nearest = INFINITY;
    int64_t placed = 0;
    for (int64_t i = 0; i < s->model_count; i++) {
        if (!isfinite(place[2 * i])) continue;
        placed++;
        for (int64_t j = 0; j < i && s->model_count <= 2000; j++) {
            double distance = hypot(place[2 * i] - place[2 * j], place[2 * i + 1] - place[2 * j + 1]);
            if (isfinite(distance)) nearest = fmin(nearest, distance);
        }
    }
    double room = 0.26 * fmin(plot.width, plot.height) / sqrt(fmax(1.0, (double)placed));
    return fmax(fmin(room, 0.6 * nearest), fmin(0.6 * room, 1.1 * canvas->font));
}

typedef struct ranked_edge {
    double quality;
    int64_t index;
} ranked_edge;

static int worst_first(const void *left, const void *right)
{
    const ranked_edge *a = left, *b = right;
    if (a->quality != b->quality) return a->quality < b->quality ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static ll_status draw_edges(ll_canvas *canvas, const ll_figure_structure *s, const scales *k,
                            const double *place, ll_error *error)
{
    ranked_edge *order = ll_allocate_array(s->edge_count > 0 ? s->edge_count : 1, sizeof *order);
    if (order == NULL) return ll_fail_memory(error, "figures", (size_t)s->edge_count * sizeof *order);
    int64_t count = 0;
    for (int64_t e = 0; e < s->edge_count; e++) {
        if (isfinite(s->edges[e])) order[count++] = (ranked_edge){edge_quality(k, s->edges[e]), e};
    }
    qsort(order, (size_t)count, sizeof *order, worst_first);
    for (int64_t i = 0; i < count; i++) {
        int64_t e = order[i].index, a = s->ends[2 * e], b = s->ends[2 * e + 1];
        if (!isfinite(place[2 * a]) || !isfinite(place[2 * b])) continue;
        draw_edge(canvas, place[2 * a], place[2 * a + 1], place[2 * b], place[2 * b + 1], order[i].quality,
                  s->edges[e] > 0.01 * k->worst_edge, s->converged == NULL || s->converged[e]);
    }
    ll_free(order);
    return LL_OK;
}

/* How much of `box` lies under glyphs and names, or outside the plot. */
static double covered(ll_rect box, const ll_figure_structure *s, const double *place, double radius,
                      const ll_rect *names, int64_t count, ll_rect plot)
{
    double sum = 0.0, middle_x = box.x + box.width / 2.0, middle_y = box.y + box.height / 2.0;
    for (int64_t i = 0; i < s->model_count; i++) {
        double dx = fmax(0.0, fabs(place[2 * i] - middle_x) - box.width / 2.0);
        double dy = fmax(0.0, fabs(place[2 * i + 1] - middle_y) - box.height / 2.0);
        if (hypot(dx, dy) < radius) sum += radius - hypot(dx, dy);
    }
    for (int64_t i = 0; i < count; i++) {
        double w = fmin(box.x + box.width, names[i].x + names[i].width) - fmax(box.x, names[i].x);
        double h = fmin(box.y + box.height, names[i].y + names[i].height) - fmax(box.y, names[i].y);
        if (w > 0.0 && h > 0.0) sum += w + h;
    }
    sum += 4.0 * (fmax(0.0, plot.x - box.x) + fmax(0.0, box.x + box.width - plot.x - plot.width));
    return sum + 4.0 * (fmax(0.0, plot.y - box.y) + fmax(0.0, box.y + box.height - plot.y - plot.height));
}

enum { NAMES_UP_TO = 40, SIDES = 8 };

/* Each name goes to that side of its glyph where it covers least. */
static void draw_names(ll_canvas *canvas, const ll_figure_structure *s, const double *place, double radius,
                       ll_rect plot)
{
    static const double sides[SIDES][2] = {{0, 1},     {0, -1},     {1, 0},      {-1, 0},
                                           {0.7, 0.7}, {-0.7, 0.7}, {0.7, -0.7}, {-0.7, -0.7}};
    const double small = 0.8 * canvas->font, gap = radius + 0.15 * canvas->font;
    ll_rect names[NAMES_UP_TO];
    int64_t count = 0;
    if (s->names == NULL || s->model_count > NAMES_UP_TO) return;
    for (int64_t i = 0; i < s->model_count; i++) {
        if (!isfinite(place[2 * i])) continue;
        ll_rect best = {0};
        double least = INFINITY;
        for (int k = 0; k < SIDES; k++) {
            ll_rect box = {.width = ll_canvas_text_width(canvas, small, s->names[i]) + 2.0,
                           .height = 1.1 * small};
            box.x = place[2 * i] + sides[k][0] * (gap + box.width / 2.0) - box.width / 2.0;
            box.y = place[2 * i + 1] + sides[k][1] * (gap + box.height / 2.0) - box.height / 2.0;
            double cost = covered(box, s, place, radius, names, count, plot);
            if (cost < least) {
                least = cost;
                best = box;
            }
        }
        names[count++] = best;
        cairo_rectangle(canvas->cairo, best.x, best.y, best.width, best.height);
        ll_canvas_color(canvas, 0xffffff, 0.75);
        cairo_fill(canvas->cairo);
        ll_canvas_color(canvas, INK, 1.0);
        ll_canvas_text(canvas, best.x + best.width / 2.0, best.y + best.height / 2.0, small, LL_ALIGN_CENTER,
                       false, s->names[i]);
    }
}

static ll_status draw(ll_canvas *canvas, const ll_panel *panel, ll_rect outer, const ll_measure *measured,
                      bool with_bar, ll_error *error)
{
    (void)with_bar;
    const ll_figure_structure *s = &panel->structure;
    const double font = canvas->font, title = panel->title != NULL ? 1.7 * font : 0.0;
    const double legend = fmin(17.0 * font, 0.4 * outer.width),
                 small_print = s->placement != NULL ? 1.3 * font : 0.0;
    scales k;
    LL_TRY(find_scales(s, &k, error));
    if (panel->title != NULL) {
        ll_canvas_color(canvas, INK, 1.0);
        ll_frame_title(canvas, panel->title, outer.x, outer.y + title / 2.0, outer.width);
    }
    ll_rect plot = {outer.x, outer.y + title, outer.width - legend - font,
                    outer.height - title - small_print};
    double *place = ll_allocate_array(s->model_count > 0 ? 2 * s->model_count : 1, sizeof *place);
    if (place == NULL) return ll_fail_memory(error, "figures", (size_t)s->model_count * 2 * sizeof *place);
    /* One unit both ways: distances are what the embedding says. */
    double spread_x = ll_extent_empty(&measured->x) ? 0.0 : measured->x.high - measured->x.low;
    double spread_y = ll_extent_empty(&measured->y) ? 0.0 : measured->y.high - measured->y.low;
    double margin = fmin(0.16 * fmin(plot.width, plot.height), 4.5 * font);
    double unit = fmin((plot.width - 2.0 * margin) / fmax(spread_x, 1e-300),
                       (plot.height - 2.0 * margin) / fmax(spread_y, 1e-300));
    if (!(spread_x > 0.0 || spread_y > 0.0)) unit = 0.0;
    int64_t missing = 0;
    for (int64_t i = 0; i < s->model_count; i++) {
        place[2 * i] = plot.x + plot.width / 2.0 +
                       unit * (s->positions[2 * i] - (measured->x.low + measured->x.high) / 2.0);
        place[2 * i + 1] = plot.y + plot.height / 2.0 -
                           unit * (s->positions[2 * i + 1] - (measured->y.low + measured->y.high) / 2.0);
        if (!isfinite(place[2 * i]) || !isfinite(place[2 * i + 1])) {
            place[2 * i] = NAN;
            missing++;
        }
    }
    double radius = glyph_radius(canvas, s, place, plot);
    ll_status status = draw_edges(canvas, s, &k, place, error);
    for (int64_t i = 0; i < s->model_count && status == LL_OK; i++) {
        if (isfinite(place[2 * i])) draw_glyph(canvas, s, &k, i, place[2 * i], place[2 * i + 1], radius);
    }
    if (status == LL_OK) {
        draw_names(canvas, s, place, radius, plot);
        ll_rect box = {outer.x + outer.width - legend, outer.y + title + 0.3 * font, legend,
                       outer.height - title};
        draw_legend(canvas, s, &k, box, missing);
        if (s->placement != NULL) {
            ll_canvas_color(canvas, 0x555555, 1.0);
            ll_canvas_text_fit(canvas, plot.x, outer.y + outer.height - 0.6 * font, 0.8 * font, LL_ALIGN_LEFT,
                               plot.width, s->placement);
        }
        if (s->model_count == missing) {
            ll_canvas_color(canvas, 0x555555, 1.0);
            ll_canvas_text(canvas, plot.x + plot.width / 2.0, plot.y + plot.height / 2.0, font,
                           LL_ALIGN_CENTER, false, "no model has a place yet");
        }
    }
    ll_free(place);
    return status;
}

const ll_drawer ll_draw_structure = {measure, draw, false, 0.62};
