/* Numbers rounded to what their spread allows, against the rules written out by hand; tables of a small study in every
 * format, with names that would break the format. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "losslens/study_table.h"

#include "support_store.h"

#include <math.h>
#include <string.h>

static void numbers(void **state)
{
    (void)state;
    const struct {
        double value, spread;
        ll_table_format format;
        const char *wanted;
    } cases[] = {
        {0.91342, 0.00421, LL_TABLE_TEXT, "0.913 ± 0.004"},
        {0.91342, 0.00142, LL_TABLE_TEXT, "0.9134 ± 0.0014"},
        {0.91342, NAN, LL_TABLE_TEXT, "0.9134"},
        {0.91342, 0.0, LL_TABLE_TEXT, "0.9134"},
        {12345.0, 678.0, LL_TABLE_TEXT, "12300 ± 700"},
        {1250.0, 115.0, LL_TABLE_TEXT, "1250 ± 120"},
        {2.1906e-4, 8.1e-6, LL_TABLE_TEXT, "(2.19 ± 0.08)e-4"},
        {2.1906e-4, 8.1e-6, LL_TABLE_LATEX, "$(2.19 \\pm 0.08) \\times 10^{-4}$"},
        {-0.0432, 0.0021, LL_TABLE_LATEX, "$-0.043 \\pm 0.002$"},
        {1.5e-7, NAN, LL_TABLE_HTML, "1.5 × 10<sup>-7</sup>"},
        {NAN, NAN, LL_TABLE_TEXT, "–"},
        {NAN, NAN, LL_TABLE_LATEX, "--"},
        {-INFINITY, NAN, LL_TABLE_TEXT, "-inf"},
        {18.0, NAN, LL_TABLE_TEXT, "18"},
        {999999.9, NAN, LL_TABLE_TEXT, "1000000"},
        {0.0, 0.5, LL_TABLE_TEXT, "0.0 ± 0.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[128];
        ll_number_print(cases[i].value, cases[i].spread, cases[i].format, text, sizeof text);
        assert_string_equal(text, cases[i].wanted);
    }
}

static void tables(void **state)
{
    (void)state;
    scratch_store s;
    ll_error error = {0};
    scratch_store_open(&s);
    /* Means 2 and 10; the sample deviation of 1, 2, 3 is 1. */
    scratch_store_add_loss(&s, "a_b<|&>", 0, 1.0);
    scratch_store_add_loss(&s, "a_b<|&>", 1, 2.0);
    scratch_store_add_loss(&s, "a_b<|&>", 2, 3.0);
    scratch_store_add_loss(&s, "one", 0, 10.0);
    ll_overview overview;
    assert_int_equal(ll_overview_read(s.store, &overview, &error), LL_OK);
    ll_number_table table;
    assert_int_equal(ll_number_table_make(s.store, &overview, NULL, 0, true, &table, &error), LL_OK);
    assert_int_equal(table.rows, 2);
    assert_int_equal(table.columns, 1);
    assert_true(table.mean[0] == 2.0 && table.spread[0] == 1.0 && table.count[0] == 3);
    assert_true(table.mean[1] == 10.0 && isnan(table.spread[1]) && table.count[1] == 1);
    const struct {
        ll_table_format format;
        const char *wanted;
    } cases[] = {
        {LL_TABLE_TEXT, "group         loss\na_b<|&>  2.0 ± 1.0\none             10\nmean ± standard "
                        "deviation over the members\n"},
        {LL_TABLE_CSV, "group,loss,loss_sd,loss_n\n\"a_b<|&>\",2,1,3\n\"one\",10,,1\n"},
        {LL_TABLE_MARKDOWN, "| group | loss |\n|---|---:|\n| a_b<\\|&> | 2.0 ± 1.0 |\n| one | 10 |\n"},
        {LL_TABLE_LATEX, "\\begin{tabular}{lr}\n\\toprule\ngroup & loss \\\\\n\\midrule\na\\_b<|\\&> & $2.0 "
                         "\\pm 1.0$ \\\\\none & $10$ \\\\\n"
                         "\\bottomrule\n\\end{tabular}\n"},
        {LL_TABLE_HTML, "<table>\n<tr><th>group</th><th>loss</th></tr>\n<tr><th>a_b&lt;|&amp;&gt;</"
                        "th><td>2.0 ± 1.0</td></tr>\n"
                        "<tr><th>one</th><td>10</td></tr>\n</table>\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ll_text out = {0};
        ll_number_table_write(&table, cases[i].format, &out);
        assert_string_equal(out.text, cases[i].wanted);
        ll_text_deinit(&out);
    }
    ll_number_table_deinit(&table);
    /* More numbers than rows: upright on a page, a line a number; names break where they are put together. */
    const double wide[] = {1.0, 2.0, 3.0}, none[] = {NAN, NAN, NAN};
    const char *rows[] = {"g(x=1)/0"}, *columns[] = {"loss", "topology.minima", "error"};
    int64_t one[] = {1, 1, 1};
    ll_number_table upright = table;
    upright.rows = 1;
    upright.columns = 3;
    upright.by_group = false;
    upright.row_names = rows;
    upright.column_names = columns;
    upright.mean = (double *)(uintptr_t)wide;
    upright.spread = (double *)(uintptr_t)none;
    upright.count = one;
    ll_text page = {0};
    ll_number_table_write(&upright, LL_TABLE_HTML, &page);
    assert_string_equal(page.text, "<table>\n<tr><th></th><th>g(<wbr>x=1)<wbr>/0</th></tr>\n"
                                   "<tr><th>loss</th><td>1</td></tr>\n"
                                   "<tr><th>topology.<wbr>minima</th><td>2</td></tr>\n"
                                   "<tr><th>error</th><td>3</td></tr>\n</table>\n");
    ll_text_deinit(&page);
    const char *const names[] = {"los"};
    assert_int_equal(ll_number_table_make(s.store, &overview, names, 1, false, &table, &error), LL_NOT_FOUND);
    assert_non_null(strstr(error.message, "did you mean loss"));
    ll_overview_deinit(&overview);
    scratch_store_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(tables)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
