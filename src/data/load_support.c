/* What the readers of data sets share. */
#define _POSIX_C_SOURCE 200809L
#include "data/load.h"

#include <string.h>
#include <sys/stat.h>

bool data_is_folder(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 && S_ISDIR(state.st_mode);
}

bool data_exists(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0;
}

ll_status data_wrong(const char *place, ll_error *error, const char *what)
{
    return ll_fail(error, LL_INVALID_FILE, "data", place, "%s", what);
}

ll_status data_set_shape(ll_dataset *dataset, int rank, const int64_t *shape, const char *place,
                         ll_error *error)
{
    int64_t width;
    if (!ll_shape_count(shape, rank, &width))
        return data_wrong(place, error, "the shape of a sample overflows");
    dataset->rank = rank;
    for (int axis = 0; axis < rank; axis++) dataset->shape[axis] = shape[axis];
    dataset->width = width;
    return LL_OK;
}

ll_status data_copy_names(ll_dataset *dataset, const char *const *names, ll_error *error)
{
    dataset->class_names = ll_allocate_zeroed((size_t)dataset->classes * sizeof *dataset->class_names);
    if (dataset->class_names == NULL) return ll_fail_memory(error, "data", 64);
    for (int64_t i = 0; i < dataset->classes; i++) {
        dataset->class_names[i] = ll_text_copy(names[i]);
        if (dataset->class_names[i] == NULL) return ll_fail_memory(error, "data", 64);
    }
    return LL_OK;
}

ll_status data_count_classes(ll_dataset *dataset, const char *place, ll_error *error)
{
    enum { MOST_CLASSES = 1000000 };
    int64_t highest = 0;
    for (int64_t i = 0; i < dataset->count * dataset->label_width; i++) {
        int64_t label = dataset->labels[i];
        if (label < 0 || label >= MOST_CLASSES) {
            return ll_fail(error, LL_INVALID_FILE, "data", place, "label %lld is %lld; 0 to %d is possible",
                           (long long)i, (long long)label, MOST_CLASSES - 1);
        }
        highest = ll_max_int64(highest, label);
    }
    dataset->classes = ll_max_int64(dataset->classes, highest + 1);
    return LL_OK;
}

ll_status data_split_pair(const char *text, char separator, const char *wanted, char **first, char **second,
                          ll_error *error)
{
    const char *at = strchr(text, separator);
    if (at == NULL || at == text || at[1] == 0) {
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", text, "%s is wanted", wanted);
    }
    *first = ll_text_copy(text);
    *second = ll_text_copy(at + 1);
    if (*first == NULL || *second == NULL) {
        ll_free(*first);
        ll_free(*second);
        return ll_fail_memory(error, "data", strlen(text));
    }
    (*first)[at - text] = 0;
    return LL_OK;
}
