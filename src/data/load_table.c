/* A table of text: one column is the label or the target, the others are the inputs. */
#include "data/load.h"

#include <math.h>
#include <string.h>

static bool are_classes(const ll_table *table, int64_t column)
{
    if (table->categories[column] != NULL) return true;
    for (int64_t row = 0; row < table->rows; row++) {
        double value = table->values[column * table->rows + row];
        if (!(value >= 0 && value < 10000 && value == floor(value))) return false;
    }
    return true;
}

static ll_status take_table(ll_dataset *dataset, const ll_table *table, int64_t target, const char *path,
                            ll_error *error)
{
    int64_t rows = table->rows, inputs = table->columns - 1;
    if (inputs < 1) return data_wrong(path, error, "a table of one column has no inputs");
    dataset->count = rows;
    dataset->values = ll_allocate_array(rows * inputs, sizeof *dataset->values);
    if (dataset->values == NULL) return ll_fail_memory(error, "data", (size_t)(rows * inputs) * 4);
    for (int64_t column = 0, at = 0; column < table->columns; column++) {
        if (column == target) continue;
        for (int64_t row = 0; row < rows; row++) {
            double value = table->values[column * rows + row];
            if (isnan(value)) {
                return ll_fail(error, LL_INVALID_FILE, "data", path,
                               "column '%s' has no number in row %lld of its values", table->names[column],
                               (long long)row + 1);
            }
            dataset->values[row * inputs + at] = (float)value;
        }
        at++;
    }
    const double *outputs = table->values + target * rows;
    if (are_classes(table, target)) {
        dataset->label_width = 1;
        dataset->classes = table->category_count[target];
        dataset->labels = ll_allocate_array(rows, sizeof *dataset->labels);
        if (dataset->labels == NULL) return ll_fail_memory(error, "data", (size_t)rows * 8);
        for (int64_t row = 0; row < rows; row++) dataset->labels[row] = (int64_t)outputs[row];
        LL_TRY(data_count_classes(dataset, path, error));
        if (table->categories[target] != NULL)
            LL_TRY(data_copy_names(dataset, (const char *const *)table->categories[target], error));
    } else {
        dataset->target_width = 1;
        dataset->targets = ll_allocate_array(rows, sizeof *dataset->targets);
        if (dataset->targets == NULL) return ll_fail_memory(error, "data", (size_t)rows * 4);
        for (int64_t row = 0; row < rows; row++) dataset->targets[row] = (float)outputs[row];
    }
    return data_set_shape(dataset, 1, &inputs, path, error);
}

ll_status data_load_csv(ll_dataset *dataset, const char *source, const ll_format_limits *limits,
                        ll_error *error)
{
    char *path = NULL, *column = NULL;
    ll_table table;
    if (strchr(source, '#') != NULL)
        LL_TRY(data_split_pair(source, '#', "csv:PATH#COLUMN", &path, &column, error));
    ll_status status = ll_csv_read(path != NULL ? path : source, limits, &table, error);
    if (status == LL_OK) {
        int64_t target = column != NULL ? ll_table_column(&table, column) : table.columns - 1;
        if (target < 0) {
            const char *near = ll_nearest_word(column, (const char *const *)table.names, table.columns);
            status = ll_fail(error, LL_NOT_FOUND, "data", path, "there is no column '%s'%s%s", column,
                             near != NULL ? "; did you mean " : "", near != NULL ? near : "");
        } else {
            status = take_table(dataset, &table, target, source, error);
        }
        ll_table_deinit(&table);
    }
    ll_free(path);
    ll_free(column);
    return status;
}
