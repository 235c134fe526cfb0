/* The topology of a field as a record: small fields whose pairs can be read off. */
#include "support_cmocka.h"

#include "losslens/topology_record.h"

#include <math.h>
#include <string.h>

static const ll_array *array_of(const ll_record *record, const char *name, int64_t count)
{
    const ll_array *array;
    CHECK_OK(ll_record_get_array(record, name, &array, error));
    assert_int_equal(ll_array_count(array), count);
    return array;
}

static void expect(const ll_record *record, const char *name, const double *wanted, int64_t count)
{
    const ll_array *array = array_of(record, name, count);
    for (int64_t i = 0; i < count; i++) {
        if (ll_array_get(array, i) != wanted[i])
            fail_msg("%s[%d] is %g, wanted %g", name, (int)i, ll_array_get(array, i), wanted[i]);
    }
}

/* 1 3 0 2 -1: the 0 ends at the 2, the 1 at the 3, the -1 lives on. The halves differ by 3 at the 0 and
 * the 2. */
static void a_line(void **state)
{
    (void)state;
    static const double values[5] = {1, 3, 0, 2, -1}, other[5] = {1, 3, 3, 5, -1}, axis[5] = {0, 1, 2, 3, 4};
    ll_grid_field field = {
        .type = LL_ARRAY_FLOAT64, .rank = 1, .shape = {5}, .values = values, .coordinates = {axis}};
    ll_topology_record_options options = {
        .highest_dimension = 2, .source_record = 7, .field = "loss", .half_a = values, .half_b = other};
    ll_record *record;
    double minima;
    int64_t number;
    const char *text;
    CHECK_OK(ll_topology_record_of_grid(&field, &options, &record, error));
    assert_string_equal(ll_record_kind(record), "topology");
    expect(record, "pair_birth", (double[]){0, 2, 4}, 3);
    expect(record, "pair_death", (double[]){1, 3, 1}, 3);
    expect(record, "pair_birth_value", (double[]){1, 0, -1}, 3);
    expect(record, "pair_death_value", (double[]){3, 2, 3}, 3);
    expect(record, "pair_elder", (double[]){2, 2, -1}, 3);
    expect(record, "pair_dimension", (double[]){0, 0, 0}, 3);
    expect(record, "pair_essential", (double[]){0, 0, 1}, 3);
    expect(record, "pair_resolved", (double[]){1, 0, 1}, 3);
    expect(record, "node_vertex", (double[]){0, 2, 4, 3, 1}, 5);
    expect(record, "node_parent", (double[]){4, 3, 3, 4, -1}, 5);
    expect(record, "basins", (double[]){0, 2, 2, 4, 4}, 5);
    expect(record, "axis_0", axis, 5);
    CHECK_OK(ll_record_get_real(record, "minima", &minima, error));
    assert_true(minima == 3.0);
    CHECK_OK(ll_record_get_integer(record, "source_record", &number, error));
    assert_int_equal(number, 7);
    CHECK_OK(ll_record_get_integer(record, "highest_dimension", &number, error));
    assert_int_equal(number, 0); /* a line has no loops */
    CHECK_OK(ll_record_get_text(record, "field", &text, error));
    assert_string_equal(text, "loss");
    ll_record_destroy(record);
}

/* A ring of zeros around a 5: one component, and one loop that the 5 fills. */
static void a_ring(void **state)
{
    (void)state;
    static const double values[9] = {0, 0, 0, 0, 5, 0, 0, 0, 0};
    ll_grid_field field = {.type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {3, 3}, .values = values};
    ll_record *record;
    CHECK_OK(ll_topology_record_of_grid(&field, &(ll_topology_record_options){.highest_dimension = 2},
                                        &record, error));
    expect(record, "pair_dimension", (double[]){0, 1}, 2);
    expect(record, "pair_death", (double[]){4, 4},
           2); /* the component's highest vertex; what fills the loop */
    expect(record, "pair_death_value", (double[]){5, 5}, 2);
    expect(record, "pair_essential", (double[]){1, 0}, 2);
    assert_null(ll_record_find(record, "pair_resolved")); /* nobody gave halves */
    assert_null(ll_record_find(record, "axis_0"));
    ll_record_destroy(record);
    CHECK_OK(ll_topology_record_of_grid(&field, NULL, &record, error)); /* components alone */
    expect(record, "pair_dimension", (double[]){0}, 1);
    ll_record_destroy(record);
}

/* The line again as a graph; and fields that are refused. */
static void a_graph_and_refusals(void **state)
{
    (void)state;
    static const double values[5] = {1, 3, 0, 2, -1};
    static const int64_t edges[8] = {0, 1, 1, 2, 2, 3, 3, 4};
    ll_graph graph;
    ll_record *record = NULL;
    ll_error why = {0};
    CHECK_OK(ll_graph_of_edges(5, edges, 4, &graph, error));
    ll_graph_field field = ll_graph_field_view(&graph, LL_ARRAY_FLOAT64, values, NULL);
    CHECK_OK(ll_topology_record_of_graph(&field, NULL, &record, error));
    expect(record, "pair_death", (double[]){1, 3, 1}, 3);
    expect(record, "basins", (double[]){0, 2, 2, 4, 4}, 5);
    ll_record_destroy(record);
    record = NULL;
    ll_graph_deinit(&graph);
    ll_grid_field wrong = {.type = LL_ARRAY_INT32, .rank = 1, .shape = {5}, .values = values};
    assert_int_not_equal(ll_topology_record_of_grid(&wrong, NULL, &record, &why), LL_OK);
    wrong.type = LL_ARRAY_FLOAT64;
    assert_int_equal(
        ll_topology_record_of_grid(&wrong, &(ll_topology_record_options){.memory_limit = 16}, &record, &why),
        LL_TOO_LARGE);
    assert_null(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_line), cmocka_unit_test(a_ring),
                                       cmocka_unit_test(a_graph_and_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
