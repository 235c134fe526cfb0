/* Every view of every kind of record: what the panel then holds is what the record says; wrong records are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "losslens/figures_records.h"

#include <math.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
/* Fontconfig keeps its caches until the process ends; that is no leak of ours. */
LL_API const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libfontconfig"; }
#endif

static void set(ll_record *record, const char *name, const double *values, int rank, const int64_t *shape)
{
    ll_array array = {.type = LL_ARRAY_FLOAT64, .rank = rank, .data = (void *)(uintptr_t)values};
    for (int k = 0; k < rank; k++) array.shape[k] = shape[k];
    assert_int_equal(ll_record_set_array(record, name, "", &array, NULL), LL_OK);
}

static void set_line(ll_record *record, const char *name, const double *values, int64_t count)
{
    set(record, name, values, 1, &count);
}

static void draw(const ll_record_panel *panel)
{
    ll_text out = {0};
    ll_error error = {0};
    ll_figure_options options = ll_figure_options_default();
    if (ll_figure_render(&panel->panel, 1, &options, LL_FIGURE_SVG, &out, &error) != LL_OK)
        fail_msg("%s", error.message);
    assert_non_null(strstr(out.text, "</svg>"));
    ll_text_deinit(&out);
}

static ll_record_panel make(ll_view view, const ll_record *record)
{
    ll_record_panel panel = {0};
    ll_error error = {0};
    if (ll_record_panel_create(view, record, "title", NULL, &panel, &error) != LL_OK)
        fail_msg("%s: %s", ll_view_name(view), error.message);
    assert_string_equal(panel.panel.title, "title");
    draw(&panel);
    return panel;
}

static const double x[3] = {-1.0, 0.0, 1.0}, y[4] = {-2.0, -1.0, 1.0, 2.0};
/* Two minima, 1 at vertex 0 and 2 at vertex 11. Freudenthal has no diagonal from 5 to 3, so they meet at 7. */
static const double values[12] = {1, 6, 7, 8, 4, 5, 9, 9, 8, 7, 3, 2};

static ll_record *landscape(void)
{
    ll_record *record = ll_record_create("landscape");
    const int64_t shape[] = {3, 4}, path_shape[] = {2, 2};
    const double path[] = {-1.0, -2.0, 0.5, 1.0};
    set_line(record, "axis_0", x, 3);
    set_line(record, "axis_1", y, 4);
    assert_int_equal(ll_record_set_text(record, "axis_0_kind", "random", NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "axis_0_normalisation", "filter", NULL), LL_OK);
    set(record, "loss", values, 2, shape);
    set(record, "trajectory", path, 2, path_shape);
    return record;
}

static void planes(void **state)
{
    (void)state;
    ll_record *record = landscape();
    ll_record_panel contour = make(LL_VIEW_CONTOUR, record), surface = make(LL_VIEW_SURFACE, record);
    assert_int_equal(contour.panel.kind, LL_PANEL_CONTOUR);
    assert_int_equal(surface.panel.kind, LL_PANEL_SURFACE);
    assert_string_equal(contour.panel.x_label, "direction 1 (random, filter)");
    assert_string_equal(contour.panel.y_label, "axis 2");
    assert_int_equal(contour.panel.field.x_count, 3);
    assert_int_equal(contour.panel.field.y_count, 4);
    assert_int_equal(contour.panel.field.path_count, 2);
    assert_true(contour.panel.field.values[5] == 5.0);
    assert_int_equal(*contour.panel.scale, LL_SCALE_LINEAR);
    ll_record_panel_deinit(&contour);
    ll_record_panel_deinit(&surface);

    /* Over three decades: log; unless the caller's scale is to be taken. */
    double wide[12];
    const int64_t shape[] = {3, 4};
    for (int i = 0; i < 12; i++) wide[i] = pow(10.0, values[i] / 2.0);
    set(record, "loss", wide, 2, shape);
    contour = make(LL_VIEW_CONTOUR, record);
    assert_int_equal(*contour.panel.scale, LL_SCALE_LOG);
    ll_record_panel_deinit(&contour);

    /* The axes of principal components say how much of the path they hold. */
    assert_int_equal(ll_record_set_text(record, "axis_0_kind", "pca", NULL), LL_OK);
    set_line(record, "explained_variance", (const double[]){0.8125, 0.09}, 2);
    contour = make(LL_VIEW_CONTOUR, record);
    assert_string_equal(contour.panel.x_label, "direction 1 (pca, filter, 81.2 % of variance)");
    ll_record_panel_deinit(&contour);
    const ll_record_panel_options given = {.scale_given = true};
    assert_int_equal(ll_record_panel_create(LL_VIEW_CONTOUR, record, NULL, &given, &contour, NULL), LL_OK);
    assert_null(contour.panel.scale);
    ll_record_panel_deinit(&contour);
    ll_record_destroy(record);
}

static void trees(void **state)
{
    (void)state;
    ll_record *record = landscape();
    for (int view = LL_VIEW_DIAGRAM; view <= LL_VIEW_PROFILE; view++) {
        ll_record_panel panel = make((ll_view)view, record);
        if (view == LL_VIEW_DIAGRAM || view == LL_VIEW_BARCODE) {
            assert_int_equal(panel.panel.pairs.count, 2);
            assert_true(panel.panel.pairs.pairs[0].birth_value == 1.0 &&
                        panel.panel.pairs.pairs[0].essential);
            assert_true(panel.panel.pairs.pairs[1].birth_value == 2.0 &&
                        panel.panel.pairs.pairs[1].death_value == 7.0);
        }
        ll_record_panel_deinit(&panel);
    }
    /* 5 of a range of 8 is the second pair's persistence. */
    const ll_record_panel_options simple = {.simplify = 0.7};
    ll_record_panel panel;
    assert_int_equal(ll_record_panel_create(LL_VIEW_DIAGRAM, record, NULL, &simple, &panel, NULL), LL_OK);
    assert_int_equal(panel.panel.pairs.count, 1);
    ll_record_panel_deinit(&panel);
    ll_record_destroy(record);
}

static void lines_and_matrices(void **state)
{
    (void)state;
    const int64_t square[] = {2, 2};
    const double matrix[] = {1.0, 0.5, 0.5, 1.0}, small[] = {0.1, 0.2, 0.1};
    struct {
        ll_view view;
        const char *kind, *names[4];
    } cases[] = {{LL_VIEW_DENSITY, "density", {"grid", "density", "density_standard_error", NULL}},
                 {LL_VIEW_EIGENVALUES, "eigenpairs", {"eigenvalues", "residuals", NULL, NULL}},
                 {LL_VIEW_LAYERS, "trace", {"tensor_trace", "tensor_standard_error", NULL, NULL}},
                 {LL_VIEW_CURVE, "curve", {"t", "loss", "linear_loss", NULL}},
                 {LL_VIEW_TRAINING, "training", {"loss", "evaluated_epochs", "evaluation_loss", NULL}},
                 {LL_VIEW_LINE, "landscape", {"axis_0", "loss", NULL, NULL}}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ll_record *record = ll_record_create(cases[i].kind);
        for (int k = 0; k < 4 && cases[i].names[k] != NULL; k++)
            set_line(record, cases[i].names[k], k == 1 ? small : x, 3);
        ll_record_panel panel = make(cases[i].view, record);
        assert_int_equal(panel.panel.kind, LL_PANEL_CURVES);
        ll_record_panel_deinit(&panel);
        /* Without its second array it is refused by name. */
        ll_record *bare = ll_record_create(cases[i].kind);
        ll_error error = {0};
        set_line(bare, cases[i].names[0], x, 3);
        if (strcmp(cases[i].kind, "training") != 0)
            assert_int_equal(ll_record_panel_create(cases[i].view, bare, NULL, NULL, &panel, &error),
                             LL_NOT_FOUND);
        ll_record_destroy(bare);
        ll_record_destroy(record);
    }
    ll_record *record = ll_record_create("cka");
    set(record, "matrix", matrix, 2, square);
    assert_int_equal(ll_record_set_text(record, "layer_names", "conv1\nfc", NULL), LL_OK);
    ll_record_panel panel = make(LL_VIEW_CKA, record);
    assert_string_equal(panel.panel.matrix.row_names[0], "conv1");
    assert_string_equal(panel.panel.matrix.row_names[1], "fc");
    assert_true(panel.panel.matrix.values[1] == 0.5);
    ll_record_panel_deinit(&panel);
    /* Entries of two models carry the model's name; those of one need not. */
    const int64_t owners[] = {0, 1}, two = 2;
    ll_array owner = {.type = LL_ARRAY_INT64, .rank = 1, .shape = {two}, .data = (void *)(uintptr_t)owners};
    assert_int_equal(ll_record_set_array(record, "entry_model", "", &owner, NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "model_names", "a/0\nb/0", NULL), LL_OK);
    panel = make(LL_VIEW_CKA, record);
    assert_string_equal(panel.panel.matrix.row_names[1], "b/0 fc");
    ll_record_panel_deinit(&panel);
    ll_record_destroy(record);
}

static void solutions(void **state)
{
    (void)state;
    ll_record *record = ll_record_create("metrics");
    const int64_t shape[] = {3, 4};
    double exact[12];
    for (int i = 0; i < 12; i++) exact[i] = values[i] - 0.25;
    set(record, "solution", values, 2, shape);
    set(record, "exact", exact, 2, shape);
    set_line(record, "axis_0", x, 3);
    set_line(record, "axis_1", y, 4);
    ll_record_panel panel = make(LL_VIEW_SOLUTION_ERROR, record);
    for (int i = 0; i < 12; i++) assert_true(panel.panel.field.values[i] == 0.25);
    ll_record_panel_deinit(&panel);
    panel = make(LL_VIEW_SOLUTION, record);
    ll_record_panel_deinit(&panel);
    ll_record_destroy(record);
}

static void refuses(void **state)
{
    (void)state;
    ll_record *record = landscape(), *curve = ll_record_create("curve");
    ll_record_panel panel = {0};
    ll_error error = {0};
    assert_int_equal(ll_record_panel_create(LL_VIEW_CONTOUR, curve, NULL, NULL, &panel, &error),
                     LL_UNSUPPORTED);
    assert_int_equal(ll_record_panel_create(LL_VIEW_LINE, record, NULL, NULL, &panel, &error),
                     LL_UNSUPPORTED);
    const ll_record_panel_options other = {.field = "gradient_norm"};
    assert_int_equal(ll_record_panel_create(LL_VIEW_CONTOUR, record, NULL, &other, &panel, &error),
                     LL_NOT_FOUND);
    set_line(record, "axis_1", x, 3);
    assert_int_equal(ll_record_panel_create(LL_VIEW_CONTOUR, record, NULL, NULL, &panel, &error), LL_SHAPE);
    assert_null(panel.memory);
    assert_false(ll_view_shows(LL_VIEW_CONTOUR, "land"));
    assert_false(ll_view_shows(LL_VIEW_CONTOUR, ""));
    assert_true(ll_view_shows(LL_VIEW_CONTOUR, "field"));
    for (int i = 0; i < LL_VIEWS; i++) {
        ll_view found = LL_VIEWS;
        assert_true(ll_view_parse(ll_view_name((ll_view)i), &found));
        assert_int_equal(found, i);
    }
    ll_record_destroy(record);
    ll_record_destroy(curve);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planes),    cmocka_unit_test(trees),   cmocka_unit_test(lines_and_matrices),
        cmocka_unit_test(solutions), cmocka_unit_test(refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
