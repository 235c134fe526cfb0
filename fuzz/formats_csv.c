/* CSV as a table, and as a field. */
#include "formats_field.h"
#include "formats_tensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ll_table table;
    if (ll_csv_parse(data, size, "fuzz", NULL, &table, NULL) == LL_OK) {
        for (int64_t c = 0; c < table.columns; c++) {
            if (ll_table_column(&table, table.names[c]) < 0) abort();
            for (int64_t r = 0; table.categories[c] != NULL && r < table.rows; r++) {
                double code = table.values[c * table.rows + r];
                if (!(code >= 0 && code < (double)table.category_count[c])) abort();
            }
        }
        ll_table_deinit(&table);
    }
    touch_field(ll_csv_field_parse, data, size);
    return 0;
}
