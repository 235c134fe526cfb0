/* Writes a synthetic study:   server_full_synthetic OUT.db [--models N] [--groups N] [--pairs N] [--grid N]
 * [--hostile] (build it with: ninja -C BUILD server_full_synthetic). 12 models in 3 groups unless told.
 * Without a path, as in the tests: that it can be written, verified and read back. */
#define _POSIX_C_SOURCE 200809L
#include "support_synthetic.h"

#include "support_cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failed(const ll_error *error)
{
    fprintf(stderr, "%s: %s\n", error->place, error->message);
    return 1;
}

static int check(void)
{
    ll_error error = {0};
    ll_synthetic wanted = synthetic_default();
    ll_store *store;
    char path[64];
    snprintf(path, sizeof path, "/tmp/losslens_synthetic_%ld.db", (long)getpid());
    wanted.grid = 15;
    if (synthetic_write(path, &wanted, &error) != LL_OK || ll_store_open(path, NULL, &store, &error) != LL_OK)
        return failed(&error);
    ll_status status = ll_store_verify(store, &error);
    ll_store_destroy(store);
    (void)remove(path);
    return status == LL_OK ? 0 : failed(&error);
}

int main(int argc, char **argv)
{
    if (argc < 2) return check();
    ll_synthetic wanted = synthetic_default();
    bool groups = false;
    for (int i = 2; i < argc; i++) {
        static const char *const names[] = {"--models", "--groups", "--pairs", "--grid"};
        int64_t *const values[] = {&wanted.models, &wanted.groups, &wanted.pairs, &wanted.grid};
        bool known = strcmp(argv[i], "--hostile") == 0;
        wanted.hostile = wanted.hostile || known;
        for (int k = 0; k < 4 && !known && i + 1 < argc; k++) {
            if (strcmp(argv[i], names[k]) != 0) continue;
            *values[k] = strtoll(argv[++i], NULL, 10);
            groups = groups || k == 1;
            known = true;
        }
        if (!known) {
            fprintf(stderr, "usage: %s OUT.db [--models N] [--groups N] [--pairs N] [--grid N] [--hostile]\n",
                    argv[0]);
            return 2;
        }
    }
    if (!groups && wanted.models > 50) wanted.groups = wanted.models <= 250 ? 2 : 50;
    if (wanted.models < wanted.groups || wanted.groups < 1 || wanted.grid < 3) return 2;
    ll_error error = {0};
    if (synthetic_write(argv[1], &wanted, &error) != LL_OK) return failed(&error);
    printf("%s\n", argv[1]);
    return 0;
}
