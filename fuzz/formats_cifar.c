/* CIFAR batches: the input as a file (binary batch, pickle, tar), and as the members of a sound tar archive, whose
 * checksums would stop most mutations. A byte after each 64 stands for 48: batches are long and dull. */
#include "formats_tensors.h"

#include <stdio.h>

static void try_parse(const uint8_t *bytes, size_t size)
{
    ll_format_limits limits = ll_format_limits_default();
    limits.unpacked_bytes = (uint64_t)64 << 20;
    ll_image_set set;
    if (ll_cifar_parse(bytes, size, "test.bin", &limits, &set, NULL) != LL_OK) return;
    for (int64_t i = 0; i < set.count; i++) {
        if (set.labels[i] < 0 || set.labels[i] >= set.classes) abort();
    }
    ll_image_set_deinit(&set);
}

static void put_member(ll_text *tar, const char *name, const uint8_t *bytes, size_t size)
{
    char header[513] = {0};
    snprintf(header, 100, "cifar/%s", name);
    snprintf(header + 124, 12, "%011o", (unsigned)size);
    header[156] = '0';
    memcpy(header + 257, "ustar", 6);
    memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++) sum += (unsigned char)header[i];
    snprintf(header + 148, 7, "%06o", sum);
    ll_text_append_bytes(tar, header, 512);
    ll_text_append_bytes(tar, bytes, size);
    static const uint8_t zeros[512];
    ll_text_append_bytes(tar, zeros, (512 - size % 512) % 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"data_batch_1.bin", "data_batch_1", "batches.meta",
                                        "batches.meta.txt", "test"};
    ll_text long_form = {0}, tar = {0};
    try_parse(data, size);
    for (size_t i = 0; i < size; i++) {
        int repeat = i % 65 == 64 ? 48 : 1;
        for (int k = 0; k < repeat; k++) ll_text_append_bytes(&long_form, data + i, 1);
    }
    if (long_form.text != NULL) {
        size_t whole = long_form.length / 3073 * 3073;
        try_parse((const uint8_t *)long_form.text, whole > 0 ? whole : long_form.length);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put_member(&tar, names[i], data + size * i / 5, size * (i + 1) / 5 - size * i / 5);
    }
    if (!tar.failed) try_parse((const uint8_t *)tar.text, tar.length);
    put_member(&tar, "data_batch_2", data, size);
    if (!tar.failed) try_parse((const uint8_t *)tar.text, tar.length);
    ll_text_deinit(&tar);
    ll_text_deinit(&long_form);
    return 0;
}
