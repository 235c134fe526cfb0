/* Any bytes as a physics-informed problem in a file: its points are drawn and its graph is built as far as it
 * goes. */
#define _POSIX_C_SOURCE 200809L
#include "study/equation.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *folder = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/losslens_fuzz_%ld.yaml", folder != NULL ? folder : "/tmp",
             (long)getpid());
    FILE *file = fopen(path, "wb");
    /* The reader takes a path; without a file nothing would be tested, and nobody would see it. */
    if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) abort();
    ll_model *model;
    ll_pinn_samples *tables;
    int64_t count;
    ll_error error = {0};
    if (equation_read(path, NULL, LL_F32, 0, &model, &tables, &count, &error) == LL_OK) {
        equation_free_tables(tables, count);
        ll_model_destroy(model);
    }
    (void)remove(path);
    return 0;
}
