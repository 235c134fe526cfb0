#include "support_files.h"

void source_path(char *path, size_t capacity, const char *name)
{
    const char *source = getenv("LOSSLENS_SOURCE");
    assert_non_null(source);
    snprintf(path, capacity, "%s/tests/formats/%s", source, name);
}

char *next_line(FILE *file, char *line, int capacity)
{
    if (fgets(line, capacity, file) == NULL) return NULL;
    line[strcspn(line, "\n")] = 0;
    return line;
}

char *cut(char *text, bool last)
{
    char *bar = last ? strrchr(text, '|') : strchr(text, '|');
    assert_non_null(bar);
    *bar = 0;
    return bar + 1;
}

void tensor_sums(const ll_tensor *tensor, double *weighted, double *squares)
{
    int64_t count = ll_tensor_count(tensor);
    *weighted = *squares = 0;
    for (int64_t k = 0; k < count; k++) {
        double value = ll_tensor_get(tensor, k);
        *weighted += value * (double)(k % 97 + 1);
        *squares += value * value;
    }
}
