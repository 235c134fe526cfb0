/* The surface files of Li et al.'s loss-landscape code: xcoordinates, ycoordinates, and one array of numbers
 * for each quantity (train_loss, train_acc, test_loss ...). Any HDF5 file whose root holds an array will do.
 *
 * That code walks over meshgrid(x, y), so the numbers lie in memory with x fastest whatever the shape that the
 * array declares (for grids that are not square the two differ): axis 0 here is y, axis 1 is x. It writes -1
 * for what was not computed yet, which becomes NaN in the arrays that it names (losses and accuracies). */
#include "hdf5_file.h"

#include <math.h>
#include <string.h>

static const ll_hdf5_link *find_link(const ll_hdf5_file *file, const char *name)
{
    for (int i = 0; i < file->link_count; i++) {
        if (strcmp(file->links[i].name, name) == 0) return &file->links[i];
    }
    return NULL;
}

static ll_status read_axis(ll_hdf5_file *file, const char *name, double **values, int64_t *count)
{
    const ll_hdf5_link *link = find_link(file, name);
    if (link == NULL) return LL_OK;
    ll_hdf5_dataset dataset;
    LL_TRY(ll_hdf5_read(file, link, &dataset));
    if (dataset.rank != 1) {
        ll_free(dataset.values);
        return ll_fail(file->error, LL_SHAPE, "formats", file->place, "'%s' has %d axes; wanted 1", name,
                       dataset.rank);
    }
    *values = dataset.values;
    *count = dataset.shape[0];
    return LL_OK;
}

static bool ends_with(const char *name, const char *tail)
{
    size_t length = strlen(name), tail_length = strlen(tail);
    return length >= tail_length && strcmp(name + length - tail_length, tail) == 0;
}

/* Takes over the axes that it uses, and sets them to NULL. */
static ll_status assemble(ll_hdf5_file *file, ll_hdf5_dataset *dataset, const char *name, double *axes[2],
                          const int64_t counts[2], ll_field_data *data)
{
    int64_t count = 1;
    if (dataset->rank < 1 || dataset->rank > LL_FIELD_DATA_MAX_RANK) {
        return ll_fail(file->error, LL_UNSUPPORTED, "formats", file->place,
                       "array '%s' has %d axes; wanted 1 to %d", name, dataset->rank, LL_FIELD_DATA_MAX_RANK);
    }
    for (int k = 0; k < dataset->rank; k++) {
        data->shape[k] = dataset->shape[k];
        count *= dataset->shape[k];
    }
    data->rank = dataset->rank;
    data->count = count;
    data->values = dataset->values;
    dataset->values = NULL;
    ll_field_set_name(data, name);
    bool surface = axes[0] != NULL;
    if (surface && dataset->rank == 2 && axes[1] != NULL && counts[0] * counts[1] == count) {
        data->shape[0] = counts[1];
        data->shape[1] = counts[0];
        data->axes[0] = axes[1];
        data->axes[1] = axes[0];
        axes[0] = axes[1] = NULL;
        data->x_last = true;
    } else if (surface && dataset->rank == 1 && counts[0] == count) {
        data->axes[0] = axes[0];
        axes[0] = NULL;
    } else if (surface) {
        return ll_fail(file->error, LL_SHAPE, "formats", file->place,
                       "'xcoordinates' and 'ycoordinates' do not fit array '%s'", name);
    }
    if (surface && (ends_with(name, "_loss") || ends_with(name, "_acc"))) {
        double *values = data->values;
        for (int64_t i = 0; i < count; i++) {
            if (values[i] == -1.0) values[i] = NAN;
        }
    }
    return LL_OK;
}

static ll_status read_field(ll_hdf5_file *file, const ll_field_read_options *options, ll_field_data *data)
{
    const char *names[LL_HDF5_LINKS];
    const ll_hdf5_link *links[LL_HDF5_LINKS];
    int64_t count = 0, chosen = 0, counts[2] = {0, 0};
    LL_TRY(ll_hdf5_open(file));
    for (int i = 0; i < file->link_count; i++) {
        const char *name = file->links[i].name;
        bool axis = strcmp(name, "xcoordinates") == 0 || strcmp(name, "ycoordinates") == 0 ||
                    strcmp(name, "dir_file") == 0;
        if (axis && options->array == NULL) continue;
        links[count] = &file->links[i];
        names[count++] = name;
    }
    LL_TRY(ll_field_choose(names, count, options->array, NULL, file->place, &chosen, file->error));
    ll_hdf5_dataset dataset;
    ll_status status = ll_hdf5_read(file, links[chosen], &dataset);
    if (status == LL_NOT_FOUND) {
        return ll_fail(file->error, LL_UNSUPPORTED, "formats", file->place, "'%s' is a group, not an array",
                       names[chosen]);
    }
    LL_TRY(status);
    double *axes[2] = {NULL, NULL};
    status = read_axis(file, "xcoordinates", &axes[0], &counts[0]);
    if (status == LL_OK) status = read_axis(file, "ycoordinates", &axes[1], &counts[1]);
    if (status == LL_OK) status = assemble(file, &dataset, names[chosen], axes, counts, data);
    ll_free(dataset.values);
    ll_free(axes[0]);
    ll_free(axes[1]);
    if (status == LL_NOT_FOUND)
        return ll_fail(file->error, LL_INVALID_FILE, "formats", file->place, "the coordinates are no array");
    return status;
}

ll_status ll_hdf5_field_parse(const void *bytes, size_t size, const char *place,
                              const ll_field_read_options *options, ll_field_data *data, ll_error *error)
{
    const ll_field_read_options defaults = {0};
    if (options == NULL) options = &defaults;
    ll_hdf5_file *file = ll_allocate_zeroed(sizeof *file);
    if (file == NULL) return ll_fail_memory(error, "formats", sizeof *file);
    file->bytes = bytes;
    file->size = size;
    file->place = place;
    file->error = error;
    ll_budget_init(&file->budget, options->limits, size);
    ll_field_data made = {.format = "hdf5"};
    ll_status status = read_field(file, options, &made);
    ll_free(file);
    if (status != LL_OK) {
        ll_field_data_deinit(&made);
        return status;
    }
    *data = made;
    return LL_OK;
}
