/* Scales, ticks, colours against their definitions; every kind of panel drawn in every format, with nothing in it,
 * with holes, with one value, and with shared scales; what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "figures/axis.h"
#include "losslens/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
/* Fontconfig keeps its caches until the process ends; that is no leak of ours. */
LL_API const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig"; }
#endif

/* ---------------------------------------------------------------- scales */

static void ticks_are_round_and_inside(void **state)
{
    static const double ranges[][2] = {{0, 1},      {-3.7, 12.9}, {1e-7, 3e-7}, {2.3, 2.31},
                                       {-1e9, 4e9}, {0.02, 7.4},  {5, 5}};
    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        for (int type = 0; type < LL_SCALE_TYPES; type++) {
            ll_axis axis = ll_axis_make((ll_scale_type)type, ranges[i][0], ranges[i][1], 1e-8);
            ll_ticks ticks;
            assert_true(axis.low < axis.high);
            ll_axis_ticks(&axis, 6, &ticks);
            assert_in_range(ticks.count, 2, LL_TICKS_LIMIT);
            int labelled = 0;
            for (int k = 0; k < ticks.count; k++) {
                double position = ll_axis_position(&axis, ticks.values[k]);
                assert_true(position >= -1e-6 && position <= 1.0 + 1e-6);
                labelled += ticks.labels[k][0] != 0;
            }
            assert_in_range(labelled, 1, 16);
        }
    }
}

/* However few are wanted, one number alone is no scale. */
static void ticks_are_never_one(void **state)
{
    static const double ranges[][2] = {{0.4, 1.6},  {0.9, 2.6},  {1.7, 4.1},
                                       {-0.3, 0.8}, {7.0, 13.0}, {0.06, 0.17}};
    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        for (int wanted = 2; wanted <= 4; wanted++) {
            ll_axis axis = ll_axis_make(LL_SCALE_LINEAR, ranges[i][0], ranges[i][1], 1e-8);
            ll_ticks ticks;
            ll_axis_ticks(&axis, wanted, &ticks);
            assert_in_range(ticks.count, 2, 8);
        }
}

static void ticks_have_the_expected_labels(void **state)
{
    (void)state;
    ll_ticks ticks;
    ll_axis axis = ll_axis_make(LL_SCALE_LINEAR, -1.0, 1.0, 1.0);
    ll_axis_ticks(&axis, 4, &ticks);
    assert_int_equal(ticks.count, 5);
    assert_string_equal(ticks.labels[0], "−1.0");
    assert_string_equal(ticks.labels[1], "−0.5");
    assert_string_equal(ticks.labels[2], "0.0");
    axis = ll_axis_make(LL_SCALE_LINEAR, 0.0, 4e-6, 1e-6);
    ll_axis_ticks(&axis, 4, &ticks);
    assert_string_equal(ticks.factor, "×10⁻⁶");
    assert_string_equal(ticks.labels[1], "1");
    axis = ll_axis_make(LL_SCALE_LOG, 0.01, 100.0, 0.01);
    ll_axis_ticks(&axis, 6, &ticks);
    int found = 0;
    for (int k = 0; k < ticks.count; k++) {
        if (ticks.values[k] == 0.01) found += strcmp(ticks.labels[k], "10⁻²") == 0;
        if (ticks.values[k] == 100.0) found += strcmp(ticks.labels[k], "10²") == 0;
        if (fabs(ticks.values[k] - 0.2) < 1e-12) found += ticks.labels[k][0] == 0;
    }
    assert_int_equal(found, 3);
}

static void positions_go_back_and_forth(void **state)
{
    (void)state;
    for (int type = 0; type < LL_SCALE_TYPES; type++) {
        ll_axis axis = ll_axis_make((ll_scale_type)type, type == LL_SCALE_LOG ? 1e-3 : -50.0, 2000.0, 1e-3);
        for (int i = 0; i <= 20; i++) {
            double value = ll_axis_value(&axis, i / 20.0);
            assert_true(fabs(ll_axis_position(&axis, value) - i / 20.0) < 1e-12);
        }
        assert_true(fabs(ll_axis_value(&axis, 1.0) - 2000.0) < 1e-6);
    }
    ll_axis log = ll_axis_make(LL_SCALE_LOG, -1.0, 10.0, 0.5);
    assert_true(log.low == 0.5); /* the smallest positive value */
    assert_true(isnan(ll_axis_position(&log, -1.0)));
    assert_true(fabs(ll_axis_position(&log, sqrt(5.0)) - 0.5) < 1e-12);
}

/* ---------------------------------------------------------------- colours */

static double lightness(const double rgb[3])
{
    double linear[3];
    for (int c = 0; c < 3; c++)
        linear[c] = rgb[c] <= 0.04045 ? rgb[c] / 12.92 : pow((rgb[c] + 0.055) / 1.055, 2.4);
    double y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
    return y > 0.008856 ? 116.0 * cbrt(y) - 16.0 : 903.3 * y;
}

static void lightness_rises_with_value(void **state)
{
    static const ll_colormap maps[] = {LL_COLORMAP_VIRIDIS, LL_COLORMAP_CIVIDIS, LL_COLORMAP_MAGMA,
                                       LL_COLORMAP_BROWN, LL_COLORMAP_GREY};
    (void)state;
    for (size_t m = 0; m < sizeof maps / sizeof maps[0]; m++) {
        double before = -1.0, smallest = INFINITY, largest = 0.0;
        for (int i = 0; i <= 9; i++) {
            double rgb[3];
            ll_colormap_at(maps[m], i / 9.0, rgb);
            double now = lightness(rgb);
            assert_true(now > before);
            if (i > 0) {
                smallest = fmin(smallest, now - before);
                largest = fmax(largest, now - before);
            }
            before = now;
        }
        /* Even steps: perceptually uniform within a factor. */
        if (largest >= 3.0 * smallest) fail_msg("%s: %g to %g", ll_colormap_name(maps[m]), smallest, largest);
    }
    double rgb[3], middle[3];
    ll_colormap_at(LL_COLORMAP_VIRIDIS, 0.0, rgb);
    assert_true(fabs(rgb[0] - 0x44 / 255.0) < 1e-12 && fabs(rgb[2] - 0x54 / 255.0) < 1e-12);
    ll_colormap_at(LL_COLORMAP_BALANCE, 0.5, middle);
    assert_true(lightness(middle) > 90.0);
    ll_colormap_at(LL_COLORMAP_VIRIDIS, NAN, middle);
    assert_memory_equal(rgb, middle, sizeof rgb);
}

/* ---------------------------------------------------------------- panels */

static bool begins_and_ends(const ll_text *out, ll_figure_format format)
{
    switch (format) {
    case LL_FIGURE_SVG:
        return strncmp(out->text, "<?xml", 5) == 0 && strcmp(out->text + out->length - 7, "</svg>\n") == 0;
    case LL_FIGURE_PDF:
        return strncmp(out->text, "%PDF", 4) == 0 && strncmp(out->text + out->length - 6, "%%EOF\n", 6) == 0;
    case LL_FIGURE_PNG:
        return memcmp(out->text, "\x89PNG", 4) == 0 && memcmp(out->text + out->length - 8, "IEND", 4) == 0;
    }
    return false;
}

static void render_all(const ll_panel *panels, int64_t count, const ll_figure_options *base)
{
    for (int format = LL_FIGURE_SVG; format <= LL_FIGURE_PNG; format++) {
        for (int scale = 0; scale < LL_SCALE_TYPES; scale++) {
            ll_figure_options options = *base;
            ll_text once = {0}, twice = {0};
            ll_error error = {0};
            options.scale = (ll_scale_type)scale;
            options.dots_per_inch = 72.0;
            if (ll_figure_render(panels, count, &options, (ll_figure_format)format, &once, &error) != LL_OK) {
                fail_msg("%s: %s", ll_panel_kind_name(panels[0].kind), error.message);
            }
            assert_int_equal(
                ll_figure_render(panels, count, &options, (ll_figure_format)format, &twice, &error), LL_OK);
            assert_true(begins_and_ends(&once, (ll_figure_format)format));
            assert_int_equal(once.length, twice.length);
            assert_memory_equal(once.text, twice.text, once.length);
            ll_text_deinit(&once);
            ll_text_deinit(&twice);
        }
    }
}

enum { N = 9 };
typedef struct field_fixture {
    float values[N * N];
    double doubles[N * N];
    ll_merge_tree tree;
    ll_tree_layout layout;
    ll_profile profile;
} field_fixture;

static void make_fixture(field_fixture *f, int kind)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            double x = i - 4.0, y = j - 4.0, value = x * x + y * y + 6.0 * cos(2.0 * x) * cos(2.0 * y);
            if (kind == 1) value = NAN;
            if (kind == 2) value = 3.0;
            if (kind == 3 && i > 5) value = j % 2 == 0 ? NAN : INFINITY;
            f->values[i * N + j] = (float)value;
            f->doubles[i * N + j] = value;
        }
    }
    ll_grid_field grid = {.type = LL_ARRAY_FLOAT32, .rank = 2, .shape = {N, N}, .values = f->values};
    ll_topology_options options = ll_topology_options_default();
    options.outputs = LL_TOPOLOGY_TREE | LL_TOPOLOGY_SIZES | LL_TOPOLOGY_ARCS;
    f->tree = (ll_merge_tree){0};
    f->layout = (ll_tree_layout){0};
    f->profile = (ll_profile){0};
    assert_int_equal(ll_merge_tree_of_grid(&grid, &options, &f->tree, NULL), LL_OK);
    assert_int_equal(ll_tree_layout_create(&f->tree, &f->layout, NULL), LL_OK);
    assert_int_equal(ll_profile_create(&f->tree, LL_ARRAY_FLOAT32, f->values, -1.0, false, &f->profile, NULL),
                     LL_OK);
}

static void free_fixture(field_fixture *f)
{
    ll_profile_deinit(&f->profile);
    ll_tree_layout_deinit(&f->layout);
    ll_merge_tree_deinit(&f->tree);
}

static void panels_of(const field_fixture *f, ll_panel panels[6])
{
    static const double path[] = {-3, -3, -1, 0, NAN, 2, 1, 1, 99, 99};
    ll_figure_field field = {.x_count = N, .y_count = N, .values = f->doubles, .path_count = 5, .path = path};
    panels[0] = (ll_panel){.kind = LL_PANEL_CONTOUR,
                           .title = "a title that is far too long for the panel that it has",
                           .field = field};
    panels[1] = (ll_panel){.kind = LL_PANEL_SURFACE, .title = "<&> \"ä\"", .field = field};
    panels[2] = (ll_panel){.kind = LL_PANEL_DIAGRAM, .pairs = {f->tree.pairs, f->tree.minima}};
    panels[3] = (ll_panel){.kind = LL_PANEL_BARCODE, .pairs = {f->tree.pairs, f->tree.minima}};
    panels[4] = (ll_panel){.kind = LL_PANEL_TREE, .tree = {&f->layout}};
    panels[5] = (ll_panel){.kind = LL_PANEL_PROFILE, .profile = {&f->profile}};
}

static void draws_fields_of_every_sort(void **state)
{
    (void)state;
    ll_figure_options options = ll_figure_options_default();
    for (int kind = 0; kind < 4; kind++) { /* ripples, all NaN, constant, with holes */
        field_fixture f;
        ll_panel panels[6];
        make_fixture(&f, kind);
        panels_of(&f, panels);
        for (int k = 0; k < 6; k++) render_all(&panels[k], 1, &options);
        free_fixture(&f);
    }
}

static void draws_panels_together(void **state)
{
    (void)state;
    field_fixture f, g;
    ll_panel panels[12];
    make_fixture(&f, 0);
    make_fixture(&g, 3);
    panels_of(&f, panels);
    panels_of(&g, panels + 6);
    ll_figure_options options = ll_figure_options_default();
    options.letters = true;
    options.fractions = true;
    options.width_mm = 20.0; /* far too small: nothing may break */
    render_all(panels, 12, &options);
    options.width_mm = 180.0;
    options.vmin = 1.0;
    options.vmax = 7.0;
    options.shared = false;
    render_all(panels, 12, &options);
    free_fixture(&f);
    free_fixture(&g);
}

static void draws_curves_and_matrices(void **state)
{
    (void)state;
    static const double x[] = {0, 0.5, 1, 2}, y[] = {1, NAN, 0.1, -3}, low[] = {0.5, NAN, 0, -4},
                        high[] = {2, NAN, 1, 0};
    static const char *const names[] = {"a", "a longer name of a model, with a tail", "c"};
    static const double cells[] = {0, 1, NAN, 1, 0, 2, INFINITY, 2, 0};
    const ll_figure_series series[] = {
        {.name = "one", .count = 4, .x = x, .y = y, .low = low, .high = high, .markers = true},
        {.name = "none", .x = x, .y = y, .dashed = true}};
    ll_panel panels[] = {
        {.kind = LL_PANEL_CURVES, .curves = {.series_count = 2, .series = series, .x_scale = LL_SCALE_LOG}},
        {.kind = LL_PANEL_CURVES, .curves = {0}},
        {.kind = LL_PANEL_MATRIX, .matrix = {3, 3, cells, names, names}},
        {.kind = LL_PANEL_MATRIX, .matrix = {0, 0, NULL, NULL, NULL}},
        {.kind = LL_PANEL_MATRIX, .matrix = {1, 9, cells, NULL, NULL}, .x_label = "x", .y_label = "y"}};
    ll_figure_options options = ll_figure_options_default();
    for (int k = 0; k < 5; k++) render_all(&panels[k], 1, &options);
    render_all(panels, 5, &options);
}

/* Two groups, one model without a place, edges of every sort; and nothing at all. */
static void structures_are_drawn(void **state)
{
    (void)state;
    const double positions[] = {0.0, 0.0, 1.0, 0.1, 0.4, 0.9, NAN, NAN};
    const int64_t groups[] = {0, 0, 1, 1}, ends[] = {0, 1, 0, 2, 1, 2, 2, 3};
    const char *const names[] = {"plain/0", "plain/1", "residual/0", "residual/1"};
    const char *const group_names[] = {"plain", "residual"}, *const metric_names[] = {"accuracy", "error"};
    const bool errors[] = {false, true}, converged[] = {true, true, false, true};
    const double metrics[] = {0.9, 0.1, 0.8, 0.2, 0.7, NAN, 0.6, 0.4};
    const double eigenvalues[] = {40, 3, -1, 30, 2, 1, NAN, NAN, NAN, 8, 4, 2};
    const double edges[] = {-0.02, -3.0, 0.5, NAN};
    ll_panel panel = {.kind = LL_PANEL_STRUCTURE,
                      .title = "Global structure",
                      .wide = 2,
                      .structure = {.model_count = 4,
                                    .positions = positions,
                                    .names = names,
                                    .group_count = 2,
                                    .groups = groups,
                                    .group_names = group_names,
                                    .metric_count = 2,
                                    .metric_names = metric_names,
                                    .metric_errors = errors,
                                    .metrics = metrics,
                                    .eigenvalue_count = 3,
                                    .eigenvalues = eigenvalues,
                                    .edge_count = 4,
                                    .ends = ends,
                                    .edges = edges,
                                    .converged = converged,
                                    .edge_label = "mode connectivity (loss)",
                                    .placement = "MDS of 1 - CKA"}};
    ll_panel nothing = {.kind = LL_PANEL_STRUCTURE};
    ll_figure_options options = ll_figure_options_default();
    render_all(&panel, 1, &options);
    render_all(&nothing, 1, &options);
    ll_panel both[] = {panel, nothing, panel};
    render_all(both, 3, &options);

    ll_text out = {0};
    ll_error error = {0};
    assert_int_equal(ll_figure_render(&panel, 1, &options, LL_FIGURE_SVG, &out, &error), LL_OK);
    assert_non_null(strstr(out.text, "<svg"));
    ll_text_deinit(&out);
    const int64_t stray[] = {0, 1, 0, 4, 1, 2, 2, 3};
    panel.structure.ends = stray;
    assert_int_equal(ll_figure_render(&panel, 1, &options, LL_FIGURE_SVG, &out, &error), LL_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "model 4 of 4"));
    assert_int_equal(out.length, 0);
    ll_text_deinit(&out);
}

/* A panel that covers several cells pushes the others aside; none is drawn over another. */
static void panels_find_their_places(void **state)
{
    (void)state;
    double values[4] = {0.0, 1.0, 2.0, 3.0};
    const ll_panel small = {.kind = LL_PANEL_CONTOUR,
                            .field = {.x_count = 2, .y_count = 2, .values = values}};
    ll_panel panels[4] = {small, small, small, small};
    panels[0].wide = 2;
    panels[0].high = 2;
    const ll_scale_type scale = LL_SCALE_SYMLOG;
    const ll_colormap map = LL_COLORMAP_BALANCE;
    panels[1].scale = &scale;
    panels[1].colormap = &map;
    ll_figure_options options = ll_figure_options_default();
    options.columns = 3;
    render_all(panels, 4, &options);
    panels[0].high = -1;
    ll_text out = {0};
    ll_error error = {0};
    assert_int_equal(ll_figure_render(panels, 4, &options, LL_FIGURE_SVG, &out, &error), LL_INVALID_ARGUMENT);
    ll_text_deinit(&out);
}

/* A constant picture has the colour of its value, and a hole has not: pixels of a PNG would say so, but a filled
 * SVG path says it in words. */
static void colours_are_those_of_the_values(void **state)
{
    (void)state;
    double values[4] = {0.5, 0.5, 0.5, 0.5};
    ll_panel panel = {.kind = LL_PANEL_CONTOUR, .field = {.x_count = 2, .y_count = 2, .values = values}};
    ll_figure_options options = ll_figure_options_default();
    ll_text out = {0};
    options.vmin = 0.0;
    options.vmax = 1.0;
    options.levels =
        1; /* one level at 1/2: two bands, and 1/2 belongs to the upper one, whose middle is 3/4 */
    options.no_colorbar = true;
    assert_int_equal(ll_figure_render(&panel, 1, &options, LL_FIGURE_SVG, &out, NULL), LL_OK);
    double rgb[3];
    char wanted[64];
    ll_colormap_at(LL_COLORMAP_VIRIDIS, 0.75, rgb);
    snprintf(wanted, sizeof wanted, "rgb(%.3f", 100.0 * rgb[0]);
    if (strstr(out.text, wanted) == NULL) fail_msg("no fill of %s", wanted);
    ll_text_deinit(&out);
}

static void refuses(void **state)
{
    (void)state;
    double values[4] = {1, 2, 3, 4}, bent[2] = {1, 1};
    ll_panel good = {.kind = LL_PANEL_CONTOUR, .field = {.x_count = 2, .y_count = 2, .values = values}};
    ll_panel thin = good, flat = good;
    thin.field.x_count = 1;
    flat.field.x = bent;
    ll_text out = {0};
    ll_error error = {0};
    ll_figure_options options = ll_figure_options_default();
    assert_int_equal(ll_figure_render(&good, 0, NULL, LL_FIGURE_SVG, &out, &error), LL_INVALID_ARGUMENT);
    assert_int_equal(ll_figure_render(&thin, 1, NULL, LL_FIGURE_SVG, &out, &error), LL_INVALID_ARGUMENT);
    assert_non_null(strstr(error.message, "2 x 2"));
    assert_int_equal(ll_figure_render(&flat, 1, NULL, LL_FIGURE_SVG, &out, &error), LL_INVALID_ARGUMENT);
    options.vmin = 2.0;
    options.vmax = 1.0;
    assert_int_equal(ll_figure_render(&good, 1, &options, LL_FIGURE_SVG, &out, &error), LL_INVALID_ARGUMENT);
    assert_string_equal(error.place, "vmin");
    options = ll_figure_options_default();
    options.width_mm = NAN;
    assert_int_equal(ll_figure_render(&good, 1, &options, LL_FIGURE_SVG, &out, &error), LL_INVALID_ARGUMENT);
    assert_string_equal(error.place, "width_mm");
    options = ll_figure_options_default();
    options.width_mm = 2000.0;
    options.dots_per_inch = 1200.0;
    assert_int_equal(ll_figure_render(&good, 1, &options, LL_FIGURE_PNG, &out, &error), LL_TOO_LARGE);
    assert_int_equal(out.length, 0);
    assert_int_equal(ll_figure_write("figure.jpeg", &good, 1, NULL, &error), LL_INVALID_ARGUMENT);
    assert_int_equal(ll_figure_write("no/such/folder/figure.svg", &good, 1, NULL, &error), LL_IO);
    ll_text_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_round_and_inside),      cmocka_unit_test(ticks_are_never_one),
        cmocka_unit_test(ticks_have_the_expected_labels),  cmocka_unit_test(positions_go_back_and_forth),
        cmocka_unit_test(lightness_rises_with_value),      cmocka_unit_test(draws_fields_of_every_sort),
        cmocka_unit_test(draws_panels_together),           cmocka_unit_test(draws_curves_and_matrices),
        cmocka_unit_test(colours_are_those_of_the_values), cmocka_unit_test(structures_are_drawn),
        cmocka_unit_test(panels_find_their_places),        cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
