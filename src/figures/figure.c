/* From panels to a file: checks, common scales, layout, and the Cairo surface. */
#include "canvas.h"
#include "svg_ids.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    const ll_drawer *drawer;
} kinds[LL_PANEL_KINDS] = {
    [LL_PANEL_CONTOUR] = {"contour", &ll_draw_contour},
    [LL_PANEL_SURFACE] = {"surface", &ll_draw_surface},
    [LL_PANEL_DIAGRAM] = {"diagram", &ll_draw_diagram},
    [LL_PANEL_BARCODE] = {"barcode", &ll_draw_barcode},
    [LL_PANEL_TREE] = {"tree", &ll_draw_tree},
    [LL_PANEL_PROFILE] = {"profile", &ll_draw_profile},
    [LL_PANEL_CURVES] = {"curves", &ll_draw_curves},
    [LL_PANEL_MATRIX] = {"matrix", &ll_draw_matrix},
    [LL_PANEL_STRUCTURE] = {"structure", &ll_draw_structure},
};

const char *ll_panel_kind_name(ll_panel_kind kind)
{
    return (unsigned)kind < LL_PANEL_KINDS ? kinds[kind].name : "unknown";
}

bool ll_panel_kind_parse(const char *name, ll_panel_kind *kind)
{
    for (int i = 0; i < LL_PANEL_KINDS; i++) {
        if (strcmp(name, kinds[i].name) == 0) {
            *kind = (ll_panel_kind)i;
            return true;
        }
    }
    return false;
}

ll_figure_options ll_figure_options_default(void)
{
    return (ll_figure_options){.width_mm = 90.0,
                               .font_size = 8.0,
                               .dots_per_inch = 300.0,
                               .levels = 12,
                               .vmin = NAN,
                               .vmax = NAN,
                               .azimuth = -60.0,
                               .elevation = 35.0,
                               .shared = true};
}

ll_status ll_figure_format_of(const char *path, ll_figure_format *format, ll_error *error)
{
    const char *dot = strrchr(path, '.');
    if (dot != NULL && strcasecmp(dot, ".svg") == 0) {
        *format = LL_FIGURE_SVG;
    } else if (dot != NULL && strcasecmp(dot, ".pdf") == 0) {
        *format = LL_FIGURE_PDF;
    } else if (dot != NULL && strcasecmp(dot, ".png") == 0) {
        *format = LL_FIGURE_PNG;
    } else {
        return ll_fail(error, LL_INVALID_ARGUMENT, "figures", path,
                       "a figure's name must end in .svg, .pdf or .png");
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- checks */

static ll_status check_range(const char *name, double value, double low, double high, ll_error *error)
{
    if (value >= low && value <= high) return LL_OK;
    return ll_fail(error, LL_INVALID_ARGUMENT, "figures", name, "got %g; wanted %g to %g", value, low, high);
}

static ll_status check_options(const ll_figure_options *options, ll_error *error)
{
    LL_TRY(check_range("width_mm", options->width_mm, 20.0, 2000.0, error));
    if (options->height_mm != 0.0) LL_TRY(check_range("height_mm", options->height_mm, 15.0, 2000.0, error));
    LL_TRY(check_range("font_size", options->font_size, 3.0, 40.0, error));
    LL_TRY(check_range("dots_per_inch", options->dots_per_inch, 36.0, 1200.0, error));
    LL_TRY(check_range("levels", options->levels, 1.0, 200.0, error));
    LL_TRY(check_range("columns", options->columns, 0.0, 1000.0, error));
    LL_TRY(check_range("elevation", options->elevation, 0.0, 90.0, error));
    LL_TRY(check_range("azimuth", options->azimuth, -3600.0, 3600.0, error));
    if (options->vmin >= options->vmax) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "figures", "vmin",
                       "got vmin %g, vmax %g; wanted vmin < vmax", options->vmin, options->vmax);
    }
    if (isinf(options->vmin) || isinf(options->vmax)) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "figures", "vmin", "vmin and vmax must be finite");
    }
    if (options->scale == LL_SCALE_LOG && options->vmax <= 0.0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "figures", "vmax", "a log scale needs vmax > 0; got %g",
                       options->vmax);
    }
    return LL_OK;
}

static bool ascending_or_descending(const double *values, int64_t count)
{
    for (int64_t i = 0; values != NULL && i + 1 < count; i++) {
        bool rises = values[i + 1] > values[i], rose = values[1] > values[0];
        if (!isfinite(values[i]) || !isfinite(values[i + 1]) || rises != rose || values[i] == values[i + 1]) {
            return false;
        }
    }
    return true;
}

static ll_status check_structure(const ll_figure_structure *s, const char *place, ll_error *error)
{
    if (s->metric_count < 0 || s->metric_count > 6 || s->eigenvalue_count < 0 || s->eigenvalue_count > 40) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "figures", place,
                       "got %lld metrics and %lld eigenvalues a model; at most 6 and 40",
                       (long long)s->metric_count, (long long)s->eigenvalue_count);
    }
    for (int64_t i = 0; i < s->model_count; i++) {
        if (s->groups[i] < 0 || s->groups[i] >= s->group_count) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "figures", place,
                           "model %lld is in group %lld of %lld", (long long)i, (long long)s->groups[i],
                           (long long)s->group_count);
        }
    }
    for (int64_t i = 0; i < 2 * s->edge_count; i++) {
        if (s->ends[i] < 0 || s->ends[i] >= s->model_count) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "figures", place,
                           "edge %lld ends at model %lld of %lld", (long long)(i / 2), (long long)s->ends[i],
                           (long long)s->model_count);
        }
    }
    return LL_OK;
}

static ll_status check_panel(const ll_panel *panel, int64_t index, ll_error *error)
{
    char place[32];
    snprintf(place, sizeof place, "panel %lld", (long long)index);
    if ((unsigned)panel->kind >= LL_PANEL_KINDS) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "figures", place, "there is no kind %d", (int)panel->kind);
    }
    if (panel->kind == LL_PANEL_CONTOUR || panel->kind == LL_PANEL_SURFACE) {
        const ll_figure_field *field = &panel->field;
        if (field->x_count < 2 || field->y_count < 2) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "figures", place,
                           "a %s needs at least 2 x 2 values; got %lld x %lld", kinds[panel->kind].name,
                           (long long)field->x_count, (long long)field->y_count);
        }
        if (!ascending_or_descending(field->x, field->x_count) ||
            !ascending_or_descending(field->y, field->y_count)) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "figures", place,
                           "the coordinates of an axis must be finite and strictly ascending or descending");
        }
    }
    if (panel->wide < 0 || panel->high < 0 || panel->wide > 100 || panel->high > 100) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "figures", place,
                       "it covers %d x %d cells; wanted 1 to 100 each way", panel->wide, panel->high);
    }
    if (panel->kind == LL_PANEL_STRUCTURE) LL_TRY(check_structure(&panel->structure, place, error));
    return LL_OK;
}

/* ---------------------------------------------------------------- layout */

/* The place of each panel in a grid of `columns`. */
typedef struct place {
    int64_t column, row;
    int wide, high;
} place;

static bool is_free(const place *places, int64_t count, const place *wanted)
{
    for (int64_t i = 0; i < count; i++) {
        const place *p = &places[i];
        if (wanted->column < p->column + p->wide && p->column < wanted->column + wanted->wide &&
            wanted->row < p->row + p->high && p->row < wanted->row + wanted->high) {
            return false;
        }
    }
    return true;
}

/* Row by row, where there is room; returns the number of rows. */
static int64_t place_panels(const ll_panel *panels, int64_t count, int64_t columns, place *places)
{
    int64_t rows = 0, row = 0, column = 0;
    for (int64_t i = 0; i < count; i++) {
        place p = {.wide = (int)ll_min_int64(panels[i].wide > 1 ? panels[i].wide : 1, columns),
                   .high = panels[i].high > 1 ? panels[i].high : 1};
        for (;; column++) {
            if (column + p.wide > columns) {
                column = 0;
                row++;
            }
            p.column = column;
            p.row = row;
            if (is_free(places, i, &p)) break;
        }
        places[i] = p;
        column += p.wide;
        rows = ll_max_int64(rows, p.row + p.high);
    }
    return rows;
}

static ll_figure_options options_of(const ll_panel *panel, const ll_figure_options *options)
{
    ll_figure_options own = *options;
    if (panel->scale != NULL) own.scale = *panel->scale;
    if (panel->colormap != NULL) own.colormap = *panel->colormap;
    return own;
}

/* What panel `index` spans: its own data, or that of all panels of its kind. */
static ll_measure measure_panel(const ll_panel *panels, int64_t count, int64_t index,
                                const ll_figure_options *options)
{
    ll_measure all = {.x = LL_EXTENT_NONE, .y = LL_EXTENT_NONE, .value = LL_EXTENT_NONE};
    for (int64_t i = 0; i < count; i++) {
        if (i != index && (!options->shared || panels[i].kind != panels[index].kind)) continue;
        ll_measure one = {.x = LL_EXTENT_NONE, .y = LL_EXTENT_NONE, .value = LL_EXTENT_NONE};
        ll_figure_options own = options_of(&panels[i], options);
        kinds[panels[i].kind].drawer->measure(&panels[i], &own, &one);
        ll_extent_merge(&all.x, &one.x);
        ll_extent_merge(&all.y, &one.y);
        ll_extent_merge(&all.value, &one.value);
        if (i == index) {
            all.incomplete = one.incomplete;
            all.essential = one.essential;
        }
    }
    return all;
}

/* Share of the height that each row needs: what suits its panels; one that covers several rows gets what is missing from
 * them in equal parts. tops: rows + 1 places from 0; returns the sum in widths of a column. */
static double row_tops(const ll_panel *panels, const place *places, int64_t count, int64_t rows, double *tops)
{
    for (int64_t r = 0; r <= rows; r++) tops[r] = 0.0;
    for (int high = 1; high <= 100; high++) {
        for (int64_t i = 0; i < count; i++) {
            const place *p = &places[i];
            if (p->high != high) continue;
            double need = kinds[panels[i].kind].drawer->aspect * p->wide, there = 0.0;
            for (int64_t r = p->row; r < p->row + high; r++) there += tops[r + 1];
            for (int64_t r = p->row; r < p->row + high && there < need; r++)
                tops[r + 1] += (need - there) / high;
        }
    }
    for (int64_t r = 0; r < rows; r++) tops[r + 1] = tops[r] + fmax(tops[r + 1], 0.05);
    return tops[rows];
}

static ll_status draw_panels(ll_canvas *canvas, const ll_panel *panels, const place *places, int64_t count,
                             int64_t columns, int64_t rows, const double *tops, double width, double height,
                             ll_error *error)
{
    const ll_figure_options *options = canvas->options;
    double gap = 0.8 * canvas->font;
    double cell_width = (width - gap * (double)(columns - 1)) / (double)columns;
    double unit = (height - gap * (double)(rows - 1)) / tops[rows];
    for (int64_t i = 0; i < count; i++) {
        const ll_drawer *drawer = kinds[panels[i].kind].drawer;
        const place *p = &places[i];
        ll_rect outer = {(double)p->column * (cell_width + gap), tops[p->row] * unit + (double)p->row * gap,
                         cell_width * p->wide + gap * (p->wide - 1),
                         (tops[p->row + p->high] - tops[p->row]) * unit + gap * (p->high - 1)};
        ll_measure measured = measure_panel(panels, count, i, options);
        ll_panel panel = panels[i];
        ll_figure_options own = options_of(&panel, options);
        canvas->options = &own;
        char title[512];
        if (options->letters) {
            snprintf(title, sizeof title, "(%c)%s%s", (char)('a' + i % 26), panel.title != NULL ? " " : "",
                     panel.title != NULL ? panel.title : "");
            panel.title = title;
        }
        cairo_save(canvas->cairo);
        ll_status status =
            drawer->draw(canvas, &panel, outer, &measured, drawer->has_bar && !options->no_colorbar, error);
        canvas->options = options;
        cairo_restore(canvas->cairo);
        cairo_new_path(canvas->cairo);
        LL_TRY(status);
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- output */

static cairo_status_t take_bytes(void *context, const unsigned char *bytes, unsigned int count)
{
    ll_text *out = context;
    ll_text_append_bytes(out, bytes, count);
    return out->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static cairo_surface_t *make_surface(ll_figure_format format, double width, double height, double dots,
                                     ll_text *out)
{
    cairo_surface_t *surface;
    switch (format) {
    case LL_FIGURE_PDF:
        surface = cairo_pdf_surface_create_for_stream(take_bytes, out, width, height);
        /* A fixed date: the same input gives the same bytes. */
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "losslens");
        return surface;
    case LL_FIGURE_PNG:
        surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(width * dots / 72.0),
                                             (int)ceil(height * dots / 72.0));
        cairo_surface_set_device_scale(surface, dots / 72.0, dots / 72.0);
        return surface;
    case LL_FIGURE_SVG: break;
    }
    surface = cairo_svg_surface_create_for_stream(take_bytes, out, width, height);
    cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PT);
    return surface;
}

ll_status ll_figure_render(const ll_panel *panels, int64_t count, const ll_figure_options *options,
                           ll_figure_format format, ll_text *out, ll_error *error)
{
    ll_figure_options defaults = ll_figure_options_default();
    if (options == NULL) options = &defaults;
    if (panels == NULL || count < 1 || count > 10000) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "figures", NULL, "got %lld panels; wanted 1 to 10000",
                       (long long)count);
    }
    LL_TRY(check_options(options, error));
    for (int64_t i = 0; i < count; i++) LL_TRY(check_panel(&panels[i], i, error));

    int64_t columns = options->columns > 0 ? options->columns : count < 3 ? count : count == 4 ? 2 : 3;
    if (columns > count) columns = count;
    for (int64_t i = 0; i < count; i++) columns = ll_max_int64(columns, panels[i].wide);
    place *places = ll_allocate_array(count, sizeof *places);
    if (places == NULL) return ll_fail_memory(error, "figures", (size_t)count * sizeof *places);
    int64_t rows = place_panels(panels, count, columns, places);
    double margin = 2.0, width = options->width_mm * 72.0 / 25.4;
    double *tops = ll_allocate_array(rows + 1, sizeof *tops);
    if (tops == NULL) {
        ll_free(places);
        return ll_fail_memory(error, "figures", (size_t)rows * sizeof *tops);
    }
    double rows_high = row_tops(panels, places, count, rows, tops);
    double height =
        options->height_mm > 0.0 ? options->height_mm * 72.0 / 25.4 : width / (double)columns * rows_high;
    double dots = options->dots_per_inch;
    if (format == LL_FIGURE_PNG && (width * dots > 72.0 * 32000.0 || height * dots > 72.0 * 32000.0)) {
        ll_free(places);
        ll_free(tops);
        return ll_fail(error, LL_TOO_LARGE, "figures", NULL,
                       "the image would be %.0f x %.0f pixels; at most 32000", width * dots / 72.0,
                       height * dots / 72.0);
    }

    size_t start = out->length;
    ll_canvas canvas = {.options = options, .font = options->font_size};
    canvas.surface = make_surface(format, width, height, dots, out);
    canvas.cairo = cairo_create(canvas.surface);
    cairo_t *cairo = canvas.cairo;
    cairo_font_options_t *font = cairo_font_options_create();
    cairo_font_options_set_hint_style(font, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(font, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(font, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(cairo, font);
    cairo_font_options_destroy(font);
    cairo_select_font_face(cairo, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_source_rgb(cairo, 1.0, 1.0, 1.0);
    cairo_paint(cairo);
    cairo_translate(cairo, margin, margin);
    ll_status status = draw_panels(&canvas, panels, places, count, columns, rows, tops, width - 2.0 * margin,
                                   height - 2.0 * margin, error);
    ll_free(places);
    ll_free(tops);
    cairo_status_t drawn = cairo_status(cairo);
    cairo_destroy(cairo);
    if (drawn == CAIRO_STATUS_SUCCESS && status == LL_OK && format == LL_FIGURE_PNG) {
        drawn = cairo_surface_write_to_png_stream(canvas.surface, take_bytes, out);
    }
    cairo_surface_finish(canvas.surface);
    if (drawn == CAIRO_STATUS_SUCCESS) drawn = cairo_surface_status(canvas.surface);
    cairo_surface_destroy(canvas.surface);
    if (status == LL_OK && (drawn == CAIRO_STATUS_NO_MEMORY || out->failed)) {
        status = ll_fail_memory(error, "figures", out->length);
    } else if (status == LL_OK && drawn != CAIRO_STATUS_SUCCESS) {
        status =
            ll_fail(error, LL_INTERNAL, "figures", NULL, "drawing failed: %s", cairo_status_to_string(drawn));
    }
    if (status == LL_OK && format == LL_FIGURE_SVG) status = ll_svg_rename_ids(out, start, error);
    if (status != LL_OK && out->text != NULL) {
        out->length = start;
        out->text[start] = 0;
    }
    return status;
}

ll_status ll_figure_write(const char *path, const ll_panel *panels, int64_t count,
                          const ll_figure_options *options, ll_error *error)
{
    ll_figure_format format;
    LL_TRY(ll_figure_format_of(path, &format, error));
    ll_text bytes = {0};
    ll_status status = ll_figure_render(panels, count, options, format, &bytes, error);
    if (status == LL_OK) {
        /* Beside the target first, then renamed over it: never half a figure. */
        ll_text partial = {0};
        ll_text_format(&partial, "%s.partial", path);
        FILE *file = partial.failed ? NULL : fopen(partial.text, "wb");
        bool good = file != NULL && fwrite(bytes.text, 1, bytes.length, file) == bytes.length;
        if (file != NULL) good = fclose(file) == 0 && good;
        if (!good || rename(partial.text, path) != 0) {
            status =
                ll_fail(error, LL_IO, "figures", path, "the figure cannot be written: %s", strerror(errno));
            if (file != NULL) remove(partial.text);
        }
        ll_text_deinit(&partial);
    }
    ll_text_deinit(&bytes);
    return status;
}
