/* losslens/study_table.h - a table of a study's numbers by model or by group, and its text in the formats of papers. */
#ifndef LOSSLENS_STUDY_TABLE_H
#define LOSSLENS_STUDY_TABLE_H

#include "losslens/study_overview.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ll_number_table {
    bool by_group;
    int64_t rows, columns;
    const char **row_names, **column_names;
    /* rows x columns; spread: standard deviation over members, or the number's own standard error (NaN: there is
     * none); mean NaN: not known */
    double *mean, *spread;
    int64_t *count; /* members behind a mean */
    ll_arena *memory;
} ll_number_table;

/* names: metrics, lambda_1 (largest eigenvalue), trace, mc_loss, mc_error, barrier, relative_barrier (means over a model's
 * pairs), setting.KEY (a number that the study file gives the model's group), or KIND.FIELD for a number of any result
 * (topology.minima, landscape.centre_loss). count 0: all that the study
 * has of a usual choice. LL_NOT_FOUND: a name that no model has, with the nearest one. */
LL_API ll_status ll_number_table_make(ll_store *store, const ll_overview *overview, const char *const *names,
                                      int count, bool by_group, ll_number_table *table,
                                      ll_error *error) LL_MUST_CHECK;
LL_API void ll_number_table_deinit(ll_number_table *table);

typedef enum ll_table_format {
    LL_TABLE_TEXT,
    LL_TABLE_CSV,
    LL_TABLE_MARKDOWN,
    LL_TABLE_LATEX,
    LL_TABLE_HTML
} ll_table_format;
/* csv keeps all digits, in three columns a number (mean, spread, n); the others round to what the spread allows. */
LL_API void ll_number_table_write(const ll_number_table *table, ll_table_format format, ll_text *out);

/* "0.913 ± 0.004": the spread to one digit, two if the first is 1, the value to the same place; a common power of ten for
 * large and small numbers; without a spread four digits; "–" for NaN. LaTeX gets math, CSV is as text. */
LL_API void ll_number_print(double value, double spread, ll_table_format format, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
