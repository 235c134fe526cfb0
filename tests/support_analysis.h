/* What the tests of analyses share: fields of records that must be there, records compared byte for byte,
 * closed forms. */
#ifndef LOSSLENS_TESTS_SUPPORT_ANALYSIS_H
#define LOSSLENS_TESTS_SUPPORT_ANALYSIS_H

#include "support_cmocka.h"

#include "losslens/problem.h"
#include "losslens/records.h"

static inline double real_of(const ll_record *record, const char *name)
{
    double value = 0;
    CHECK_OK(ll_record_get_real(record, name, &value, error));
    return value;
}

static inline int64_t integer_of(const ll_record *record, const char *name)
{
    int64_t value = 0;
    CHECK_OK(ll_record_get_integer(record, name, &value, error));
    return value;
}

static inline const ll_array *array_of(const ll_record *record, const char *name)
{
    const ll_array *array = NULL;
    CHECK_OK(ll_record_get_array(record, name, &array, error));
    return array;
}

static inline const char *text_of(const ll_record *record, const char *name)
{
    const char *text = NULL;
    CHECK_OK(ll_record_get_text(record, name, &text, error));
    return text;
}

static inline void check_reason(const ll_record *record, const char *wanted)
{
    assert_string_equal(text_of(record, "reason"), wanted);
}

static inline void check_same_bytes(const ll_record *a, const ll_record *b)
{
    void *left = NULL, *right = NULL;
    size_t left_count = 0, right_count = 0;
    CHECK_OK(ll_record_to_bytes(a, &left, &left_count, error));
    CHECK_OK(ll_record_to_bytes(b, &right, &right_count, error));
    assert_int_equal(left_count, right_count);
    assert_memory_equal(left, right, left_count);
    ll_free(left);
    ll_free(right);
}

static inline ll_problem *analytic_problem(ll_analytic_kind kind, ll_real type, int64_t n,
                                           const double *values, uint64_t seed)
{
    ll_problem *problem = NULL;
    const ll_analytic_options options = {
        .kind = kind, .type = type, .dimensions = n, .values = values, .seed = seed};
    CHECK_OK(ll_problem_create_analytic(&options, &problem, error));
    return problem;
}

#endif
