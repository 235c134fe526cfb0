/* Makes the study that test_python.sh reads; without a path, only checks that it can be made. */
#include "support_records.h"

#include "support_cmocka.h"

#include <math.h>
#include <string.h>

static void make(const char *path)
{
    ll_store *store = store_open(path, LL_STORE_CREATE, false);
    ll_store_job job = {.key = ll_store_key("sample", "1"), .kind = "sample", .name = "sample"};
    int64_t id;
    assert_int_equal(ll_store_add(store, &job, &id, NULL), LL_OK);
    ll_record *record = ll_record_create("sample");
    ll_array ramp, zeros;
    assert_int_equal(ll_array_init(&ramp, LL_ARRAY_FLOAT64, 2, (int64_t[]){300, 7000}, NULL), LL_OK);
    assert_int_equal(ll_array_init(&zeros, LL_ARRAY_UINT8, 1, (int64_t[]){1000}, NULL), LL_OK);
    for (int64_t i = 0; i < 2100000; i++) ((double *)ramp.data)[i] = (double)i;
    memset(zeros.data, 0, 1000);
    assert_int_equal(ll_record_take_array(record, "ramp", "", &ramp, NULL), LL_OK);
    assert_int_equal(ll_record_take_array(record, "zeros", "", &zeros, NULL), LL_OK);
    assert_int_equal(ll_record_set_integer(record, "answer", "", 42, NULL), LL_OK);
    assert_int_equal(ll_record_set_text(record, "word", "hello", NULL), LL_OK);
    assert_int_equal(ll_record_set_real(record, "missing", "loss", NAN, NULL), LL_OK);
    assert_int_equal(ll_store_finish(store, id, record, NULL, NULL), LL_OK);
    ll_record_destroy(record);
    assert_int_equal(ll_store_verify(store, NULL), LL_OK);
    ll_store_destroy(store);
}

int main(int argc, char **argv)
{
    char path[256];
    store_path("sample", path);
    make(argc > 1 ? argv[1] : path);
    store_remove(path);
    return 0;
}
