/* Which samples: splits, stratified subsets, and what two choices share. */
#include "losslens/data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ll_subset_deinit(ll_subset *subset)
{
    ll_free(subset->indices);
    *subset = (ll_subset){0};
}

static int by_value(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

static int64_t base_of(const ll_dataset *dataset, int64_t index)
{
    return dataset->base != NULL ? dataset->base[index] : index;
}

/* Stratified needs one class a sample. */
static bool has_classes(const ll_dataset *dataset)
{
    return dataset->labels != NULL && dataset->label_width == 1;
}

static int64_t class_of(const ll_dataset *dataset, int64_t index)
{
    return has_classes(dataset) ? dataset->labels[index] : 0;
}

/* `wanted` of the `count` candidates, class by class: largest remainders decide how many of each, a
 * permutation keyed by (seed, purpose, class) which. Overwrites the front of `candidates`; the result is
 * ascending. */
static ll_status choose_stratified(const ll_dataset *dataset, int64_t *candidates, int64_t count,
                                   int64_t wanted, uint64_t seed, const char *purpose, ll_error *error)
{
    int64_t classes = has_classes(dataset) ? dataset->classes : 1;
    int64_t *size = ll_allocate_zeroed((size_t)classes * sizeof *size);
    int64_t *take = ll_allocate_zeroed((size_t)classes * sizeof *take);
    int64_t *members = ll_allocate_array(count, sizeof *members),
            *order = ll_allocate_array(count, sizeof *order);
    if (size == NULL || take == NULL || members == NULL || order == NULL) {
        ll_free(size);
        ll_free(take);
        ll_free(members);
        ll_free(order);
        return ll_fail_memory(error, "data", (size_t)count * 16);
    }
    for (int64_t i = 0; i < count; i++) size[class_of(dataset, candidates[i])]++;
    /* Products of two sample counts: far below 2^63. */
    int64_t given = 0;
    for (int64_t c = 0; c < classes; c++) {
        take[c] = wanted * size[c] / count;
        given += take[c];
    }
    /* Remainders wanted * size mod count, largest first; ties to the lower class. */
    while (given < wanted) {
        int64_t best = -1, best_rest = -1;
        for (int64_t c = 0; c < classes; c++) {
            int64_t floor_share = wanted * size[c] / count;
            int64_t rest = wanted * size[c] % count;
            if (take[c] == floor_share && take[c] < size[c] && rest > best_rest) best = c, best_rest = rest;
        }
        take[best]++;
        given++;
    }
    int64_t filled = 0;
    int64_t *chosen = order; /* reused once a class's order is done */
    int64_t *result = ll_allocate_array(wanted, sizeof *result);
    for (int64_t c = 0; c < classes && result != NULL; c++) {
        char name[32];
        int64_t found = 0;
        for (int64_t i = 0; i < count; i++) {
            if (class_of(dataset, candidates[i]) == c) members[found++] = candidates[i];
        }
        snprintf(name, sizeof name, "class %lld", (long long)c);
        ll_rng_permutation(ll_rng_make(seed, purpose, name), found, chosen);
        for (int64_t i = 0; i < take[c]; i++) result[filled++] = members[chosen[i]];
    }
    ll_status status = result != NULL ? LL_OK : ll_fail_memory(error, "data", (size_t)wanted * 8);
    if (status == LL_OK) {
        qsort(result, (size_t)wanted, sizeof *result, by_value);
        memcpy(candidates, result, (size_t)wanted * sizeof *result);
    }
    ll_free(result);
    ll_free(size);
    ll_free(take);
    ll_free(members);
    ll_free(order);
    return status;
}

bool ll_dataset_has_test(const ll_dataset *dataset)
{
    bool test = false, train = false;
    for (int64_t i = 0; dataset->is_test != NULL && i < dataset->count; i++) {
        test = test || dataset->is_test[i] != 0;
        train = train || dataset->is_test[i] == 0;
    }
    return test && train;
}

/* Marks the test side of a source that has one split. Base images are divided; what was made of one follows.
 */
static ll_status divide(const ll_dataset *dataset, const ll_subset_request *request, uint8_t *test,
                        ll_error *error)
{
    double fraction = request->test_fraction > 0 ? request->test_fraction : 0.2;
    int64_t bases = 0;
    for (int64_t i = 0; i < dataset->count; i++) bases = ll_max_int64(bases, base_of(dataset, i) + 1);
    int64_t *candidates = ll_allocate_array(dataset->count, sizeof *candidates);
    uint8_t *base_seen = ll_allocate_zeroed((size_t)bases), *base_test = ll_allocate_zeroed((size_t)bases);
    ll_status status = candidates != NULL && base_seen != NULL && base_test != NULL
                           ? LL_OK
                           : ll_fail_memory(error, "data", (size_t)dataset->count * 8);
    int64_t count = 0;
    for (int64_t i = 0; i < dataset->count && status == LL_OK; i++) {
        int64_t base = base_of(dataset, i);
        if (base_seen[base]) continue;
        base_seen[base] = 1;
        candidates[count++] = i;
    }
    int64_t wanted = status == LL_OK ? (int64_t)llround(fraction * (double)count) : 0;
    if (status == LL_OK && (fraction >= 1 || wanted < 1 || wanted >= count)) {
        status = ll_fail(error, LL_INVALID_ARGUMENT, "data", dataset->name,
                         "%lld different samples cannot be divided with a test fraction of %g",
                         (long long)count, fraction);
    }
    if (status == LL_OK)
        status = choose_stratified(dataset, candidates, count, wanted, request->seed, "divide", error);
    for (int64_t i = 0; i < wanted && status == LL_OK; i++) base_test[base_of(dataset, candidates[i])] = 1;
    for (int64_t i = 0; i < dataset->count && status == LL_OK; i++) test[i] = base_test[base_of(dataset, i)];
    ll_free(candidates);
    ll_free(base_seen);
    ll_free(base_test);
    return status;
}

static ll_status choose(const ll_dataset *dataset, const ll_subset_request *request, int64_t *candidates,
                        uint8_t *test, int64_t *chosen, bool *was_divided, ll_error *error)
{
    static const char *const names[] = {"samples", "training samples", "test samples"};
    *was_divided = false;
    if (request->split != LL_SPLIT_ALL) {
        if (ll_dataset_has_test(dataset)) {
            memcpy(test, dataset->is_test, (size_t)dataset->count);
        } else {
            LL_TRY(divide(dataset, request, test, error));
            *was_divided = true;
        }
    }
    int64_t count = 0;
    for (int64_t i = 0; i < dataset->count; i++) {
        if (request->split == LL_SPLIT_ALL || (test[i] != 0) == (request->split == LL_SPLIT_TEST))
            candidates[count++] = i;
    }
    int64_t available = count - request->first, wanted = request->count > 0 ? request->count : available;
    if (request->first < 0 || request->count < 0 || available < 1 || wanted > available) {
        if (request->first == 0 && request->count > 0) {
            return ll_fail(error, LL_INVALID_ARGUMENT, "data", dataset->name,
                           "%lld %s wanted; there are %lld", (long long)request->count, names[request->split],
                           (long long)count);
        }
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", dataset->name,
                       "%lld %s wanted after the first %lld; there are %lld in all",
                       (long long)request->count, names[request->split], (long long)request->first,
                       (long long)count);
    }
    memmove(candidates, candidates + request->first, (size_t)available * sizeof *candidates);
    if (wanted < available && !request->in_order) {
        LL_TRY(choose_stratified(dataset, candidates, available, wanted, request->seed, "subset", error));
    }
    *chosen = wanted;
    return LL_OK;
}

/* The samples of a list, ascending. */
static ll_status take_listed(const ll_dataset *dataset, const ll_subset_request *request, ll_subset *subset,
                             ll_error *error)
{
    int64_t count = request->count;
    if (count < 1)
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", dataset->name, "the list of samples is empty");
    int64_t *sorted = ll_allocate_array(count, sizeof *sorted);
    if (sorted == NULL) return ll_fail_memory(error, "data", (size_t)count * sizeof *sorted);
    memcpy(sorted, request->indices, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_value);
    ll_status status = LL_OK;
    if (sorted[0] < 0 || sorted[count - 1] >= dataset->count) {
        status = ll_fail(error, LL_INVALID_ARGUMENT, "data", dataset->name,
                         "the list has sample %lld; there are 0 to %lld",
                         (long long)(sorted[0] < 0 ? sorted[0] : sorted[count - 1]),
                         (long long)dataset->count - 1);
    }
    for (int64_t i = 1; i < count && status == LL_OK; i++) {
        if (sorted[i] == sorted[i - 1]) {
            status = ll_fail(error, LL_INVALID_ARGUMENT, "data", dataset->name,
                             "the list has sample %lld twice", (long long)sorted[i]);
        }
    }
    if (status != LL_OK) {
        ll_free(sorted);
        return status;
    }
    *subset = (ll_subset){count, sorted};
    return LL_OK;
}

ll_status ll_dataset_choose(const ll_dataset *dataset, const ll_subset_request *request, ll_subset *subset,
                            bool *divided, ll_error *error)
{
    if (request->indices != NULL) {
        LL_TRY(take_listed(dataset, request, subset, error));
        if (divided != NULL) *divided = false;
        return LL_OK;
    }
    int64_t *candidates = ll_allocate_array(dataset->count, sizeof *candidates), count = 0;
    uint8_t *test = ll_allocate_zeroed((size_t)dataset->count);
    bool was_divided = false;
    ll_status status = candidates != NULL && test != NULL
                           ? LL_OK
                           : ll_fail_memory(error, "data", (size_t)dataset->count * 9);
    if (status == LL_OK) status = choose(dataset, request, candidates, test, &count, &was_divided, error);
    ll_free(test);
    if (status != LL_OK) {
        ll_free(candidates);
        return status;
    }
    *subset = (ll_subset){count, candidates};
    if (divided != NULL) *divided = was_divided;
    return LL_OK;
}

/* ------------------------------------------------------------------ identity */

static const void *input_bytes(const ll_dataset *dataset, int64_t index, size_t *size)
{
    size_t width = (size_t)dataset->width;
    *size = dataset->pixels != NULL ? width : width * sizeof(float);
    return dataset->pixels != NULL ? (const void *)(dataset->pixels + index * dataset->width)
                                   : (const void *)(dataset->values + index * dataset->width);
}

ll_hash ll_dataset_hash(const ll_dataset *dataset, const int64_t *indices, int64_t count)
{
    /* Sample hashes are chained, so that no memory is needed and order matters. */
    if (indices == NULL) count = dataset->count;
    int64_t head[3] = {count, dataset->width, dataset->classes};
    ll_hash state = ll_hash_bytes(head, sizeof head);
    for (int64_t i = 0; i < count; i++) {
        int64_t index = indices != NULL ? indices[i] : i;
        size_t size;
        const void *bytes = input_bytes(dataset, index, &size);
        ll_hash parts[4] = {state, ll_hash_bytes(bytes, size), {0, 0}, {0, 0}};
        if (dataset->labels != NULL) {
            parts[2] = ll_hash_bytes(dataset->labels + index * dataset->label_width,
                                     (size_t)dataset->label_width * sizeof *dataset->labels);
        }
        if (dataset->targets != NULL) {
            parts[3] = ll_hash_bytes(dataset->targets + index * dataset->target_width,
                                     (size_t)dataset->target_width * sizeof *dataset->targets);
        }
        state = ll_hash_bytes(parts, sizeof parts);
    }
    return state;
}

static int by_hash(const void *left, const void *right)
{
    const ll_hash *a = left, *b = right;
    if (a->high != b->high) return a->high < b->high ? -1 : 1;
    return (a->low > b->low) - (a->low < b->low);
}

static ll_hash clean_hash(const ll_dataset *dataset, int64_t index)
{
    if (dataset->base_hashes != NULL) return dataset->base_hashes[index];
    size_t size;
    const void *bytes = input_bytes(dataset, index, &size);
    return ll_hash_bytes(bytes, size);
}

ll_status ll_dataset_overlap(const ll_dataset *first, const ll_subset *first_subset, const ll_dataset *second,
                             const ll_subset *second_subset, int64_t *shared, ll_error *error)
{
    int64_t count = first_subset->count, found = 0;
    ll_hash *hashes = ll_allocate_array(count, sizeof *hashes);
    if (hashes == NULL) return ll_fail_memory(error, "data", (size_t)count * sizeof *hashes);
    for (int64_t i = 0; i < count; i++) hashes[i] = clean_hash(first, first_subset->indices[i]);
    if (count > 0) qsort(hashes, (size_t)count, sizeof *hashes, by_hash);
    for (int64_t i = 0; i < second_subset->count && count > 0; i++) {
        ll_hash hash = clean_hash(second, second_subset->indices[i]);
        found += bsearch(&hash, hashes, (size_t)count, sizeof *hashes, by_hash) != NULL;
    }
    ll_free(hashes);
    *shared = found;
    return LL_OK;
}
