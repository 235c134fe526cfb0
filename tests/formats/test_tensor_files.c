/* Files of tensors against what numpy and PyTorch read from them (tests/generate/formats.py), and files that must
 * be refused, with the message. */
#include "support_files.h"

#include <math.h>

static void assert_near(double got, double wanted, const char *where)
{
    if (isnan(wanted) && isnan(got)) return;
    if (got == wanted || fabs(got - wanted) <= 1e-9 * fmax(fabs(wanted), 1.0)) return;
    fail_msg("%s: got %.17g, wanted %.17g", where, got, wanted);
}

/* Reads every file that the manifest lists and compares each tensor in it. Returns how many tensors. */
static int check_manifest(const char *manifest_name, const char *root)
{
    char path[1200], line[4096], file_path[600] = "";
    source_path(path, sizeof path, manifest_name);
    FILE *manifest = fopen(path, "r");
    assert_non_null(manifest);
    ll_tensor_file *file = NULL;
    int count = 0;
    while (next_line(manifest, line, sizeof line) != NULL) {
        if (strncmp(line, "FILE ", 5) == 0) {
            ll_error error = {0};
            snprintf(file_path, sizeof file_path, "%.590s", line + 5);
            snprintf(path, sizeof path, "%s/%s", root, file_path);
            ll_tensor_file_destroy(file);
            if (ll_tensor_file_read(path, NULL, &file, &error) != LL_OK)
                fail_msg("%s: %s", path, error.message);
            continue;
        }
        double squares = strtod(cut(line, true), NULL), weighted = strtod(cut(line, true), NULL);
        char *shape = cut(line, true), *type = cut(line, true);
        const ll_tensor *tensor = ll_tensor_file_find(file, line);
        if (tensor == NULL) fail_msg("%s has no tensor '%s'", file_path, line);
        char got_shape[256] = "";
        for (int axis = 0; axis < tensor->rank; axis++) {
            snprintf(got_shape + strlen(got_shape), sizeof got_shape - strlen(got_shape), "%s%lld",
                     axis > 0 ? "," : "", (long long)tensor->shape[axis]);
        }
        assert_string_equal(ll_tensor_type_name(tensor->type), type);
        assert_string_equal(got_shape, shape);
        double got_weighted, got_squares;
        tensor_sums(tensor, &got_weighted, &got_squares);
        char where[1200];
        snprintf(where, sizeof where, "%.500s %.500s", file_path, line);
        assert_near(got_weighted, weighted, where);
        assert_near(got_squares, squares, where);
        count++;
    }
    ll_tensor_file_destroy(file);
    fclose(manifest);
    return count;
}

static void files_of_other_tools(void **state)
{
    (void)state;
    char root[1024];
    source_path(root, sizeof root, "files");
    assert_true(check_manifest("files.txt", root) > 90);
}

static void files_of_the_shared_folder(void **state)
{
    (void)state;
    const char *shared = getenv("LOSSLENS_SHARED");
    if (shared == NULL) {
        print_message("skipped: LOSSLENS_SHARED is not set\n");
        skip();
    }
    int count = check_manifest("shared.txt", shared);
    print_message("%d tensors compared\n", count);
    assert_true(count > 1700);
}

static void refused_files(void **state)
{
    (void)state;
    char path[1200], line[1024];
    source_path(path, sizeof path, "refused.txt");
    FILE *manifest = fopen(path, "r");
    assert_non_null(manifest);
    int count = 0;
    while (next_line(manifest, line, sizeof line) != NULL) {
        char *status = cut(line, false), *message = cut(status, false), name[300];
        snprintf(name, sizeof name, "refused/%.200s", line);
        source_path(path, sizeof path, name);
        ll_tensor_file *file = (ll_tensor_file *)(uintptr_t)1;
        ll_error error = {0};
        ll_status got = ll_tensor_file_read(path, NULL, &file, &error);
        if (got == LL_OK) fail_msg("%s was read", line);
        if (strcmp(ll_status_name(got), status) != 0 || strstr(error.message, message) == NULL) {
            fail_msg("%s: got %s \"%s\"; wanted %s \"%s\"", line, ll_status_name(got), error.message, status,
                     message);
        }
        assert_int_equal((uintptr_t)file, 1); /* outputs untouched */
        assert_true(error.place[0] != 0);
        count++;
    }
    fclose(manifest);
    assert_true(count > 50);
}

/* Every prefix of a good file is refused or, where the format cannot know, at least read without harm. */
static void every_prefix(void **state)
{
    (void)state;
    static const char *const names[] = {"files/views_zip.pt",  "files/views_legacy.pt",
                                        "files/deflated.npz",  "files/fortran.npy",
                                        "files/plain2.pickle", "files/brain.safetensors.odd"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[1200];
        ll_file_bytes bytes = {0};
        source_path(path, sizeof path, names[i]);
        assert_int_equal(ll_file_map(path, &bytes, NULL), LL_OK);
        for (size_t size = 0; size < bytes.size; size++) {
            ll_tensor_file *file;
            uint8_t *copy = malloc(size > 0 ? size : 1);
            memcpy(copy, bytes.bytes, size);
            if (ll_tensor_file_parse(copy, size, "prefix", NULL, &file, NULL) == LL_OK) {
                fail_msg("%s: %zu of %zu bytes were read as a whole", names[i], size, bytes.size);
            }
            free(copy);
        }
        ll_file_unmap(&bytes);
    }
}

static ll_tensor_file *read_fixture(const char *name)
{
    char path[1200];
    ll_tensor_file *file = NULL;
    ll_error error = {0};
    source_path(path, sizeof path, name);
    if (ll_tensor_file_read(path, NULL, &file, &error) != LL_OK) fail_msg("%s: %s", path, error.message);
    return file;
}

static void scalars_prefixes_and_opaques(void **state)
{
    (void)state;
    ll_tensor_file *file = read_fixture("files/lightning.ckpt");
    assert_string_equal(ll_tensor_file_format(file), "pytorch zip");
    assert_string_equal(ll_tensor_file_weights_prefix(file), "state_dict.model.");
    const ll_scalar *epoch = ll_tensor_file_find_scalar(file, "epoch"),
                    *best = ll_tensor_file_find_scalar(file, "best");
    assert_true(epoch != NULL && epoch->type == LL_SCALAR_INTEGER && epoch->integer == 3);
    assert_true(best != NULL && best->type == LL_SCALAR_REAL && best->real == 88.25);
    assert_string_equal(ll_tensor_file_find_scalar(file, "name")->text, "run");
    const ll_tensor *sizes = ll_tensor_file_find(file, "hyper_parameters.sizes");
    assert_true(sizes != NULL && sizes->from_list && sizes->shape[0] == 2 && ll_tensor_get(sizes, 1) == 4);
    bool device = false;
    for (int64_t i = 0; i < ll_tensor_file_opaque_count(file); i++) {
        const ll_opaque *opaque = ll_tensor_file_opaque(file, i);
        device = device || (strcmp(opaque->name, "hyper_parameters.device") == 0 &&
                            strstr(opaque->what, "torch.device") != NULL);
    }
    assert_true(device);
    ll_tensor_file_destroy(file);

    file = read_fixture("files/parallel.pth");
    assert_string_equal(ll_tensor_file_weights_prefix(file), "state_dict.module.");
    assert_true(ll_tensor_file_find_scalar(file, "best_prec1")->real == 91.5);
    ll_tensor_file_destroy(file);

    file = read_fixture("files/complex.pt"); /* what is not read does not spoil the rest */
    assert_int_equal(ll_tensor_file_count(file), 1);
    assert_int_equal(ll_tensor_file_opaque_count(file), 1);
    assert_non_null(strstr(ll_tensor_file_opaque(file, 0)->what, "ComplexFloatStorage"));
    ll_tensor_file_destroy(file);

    file = read_fixture("files/brain.safetensors.odd");
    const ll_tensor *brain = ll_tensor_file_find(file, "x");
    assert_true(brain->type == LL_TENSOR_BFLOAT16 && ll_tensor_get(brain, 0) == 1.0 &&
                ll_tensor_get(brain, 1) == -2.5);
    assert_int_equal(ll_tensor_file_opaque_count(file), 1);
    ll_tensor_file_destroy(file);
}

/* A tensor met under two names is one piece of memory. */
static void tied_weights_share(void **state)
{
    (void)state;
    ll_tensor_file *file = read_fixture("files/module.pt");
    const ll_tensor *first = ll_tensor_file_find(file, "0.first.weight"),
                    *tied = ll_tensor_file_find(file, "0.tied.weight");
    assert_true(first != NULL && tied != NULL && first->data == tied->data);
    ll_tensor_file_destroy(file);
}

static void limits_are_the_callers(void **state)
{
    (void)state;
    ll_format_limits limits = ll_format_limits_default();
    char path[1200];
    ll_tensor_file *file;
    ll_error error = {0};
    source_path(path, sizeof path, "refused/bomb.npz");
    limits.unpacked_ratio = 100000;
    assert_int_equal(ll_tensor_file_read(path, &limits, &file, &error), LL_OK);
    assert_int_equal(ll_tensor_count(ll_tensor_file_tensor(file, 0)), 4000000);
    ll_tensor_file_destroy(file);
    limits.unpacked_bytes = 3999999;
    assert_int_equal(ll_tensor_file_read(path, &limits, &file, &error), LL_TOO_LARGE);
    assert_non_null(strstr(error.message, "unpacked_bytes"));
    source_path(path, sizeof path, "files/views_zip.pt");
    limits = ll_format_limits_default();
    limits.pickle_opcodes = 20;
    assert_int_equal(ll_tensor_file_read(path, &limits, &file, &error), LL_TOO_LARGE);
    assert_non_null(strstr(error.message, "pickle_opcodes"));
    assert_int_equal(ll_tensor_file_read("no/such/file", NULL, &file, &error), LL_NOT_FOUND);
    assert_int_equal(ll_tensor_file_read("/", NULL, &file, &error), LL_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_other_tools),
        cmocka_unit_test(files_of_the_shared_folder),
        cmocka_unit_test(refused_files),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(scalars_prefixes_and_opaques),
        cmocka_unit_test(tied_weights_share),
        cmocka_unit_test(limits_are_the_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
