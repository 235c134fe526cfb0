/* Products that the library's eigensolver spends on the spectra of bench/peers/eigensolvers.py, by basis and
 * block size. Counts, not times: they are exact and the same on every machine. */
#include "losslens/curvature.h"

#include <math.h>
#include <stdio.h>

enum { N = 2000 };

static void spectrum(int which, double *values)
{
    ll_rng rng = ll_rng_make(0, "bench", "bulk");
    for (int i = 0; i < N; i++) {
        double noise = ll_rng_normal(rng, (uint64_t)i), x = (double)i;
        switch (which) {
        case 0: values[i] = i < 10 ? 100 * pow(0.75, x) : 0.3 * noise; break;
        case 1: values[i] = i < 200 ? 50 / (1 + x) : 0.1 * noise; break;
        case 2: values[i] = 3000 * exp(-0.45 * x); break;
        case 3: values[i] = i < 10 ? 10 - 0.01 * x : 5 * x / N; break;
        default: values[i] = 10 * pow(1 - x / N, 3); break;
        }
    }
}

int main(void)
{
    static const char *const names[] = {"network", "power law", "pinn", "clustered", "small gaps"};
    static double values[N];
    printf("top 10, residual 1e-3; products in all (of these 10 measure the residuals, 8 confirm)\n");
    printf("%-12s %8s %8s %8s %8s %8s %8s\n", "spectrum", "m=20", "m=30", "m=40", "m=60", "block 2",
           "block 4");
    for (int which = 0; which < 5; which++) {
        spectrum(which, values);
        printf("%-12s", names[which]);
        static const int64_t basis[] = {20, 30, 40, 60, 30, 30}, block[] = {1, 1, 1, 1, 2, 4};
        for (int c = 0; c < 6; c++) {
            ll_problem *problem = NULL;
            ll_record *record = NULL;
            ll_error error = {0};
            ll_analytic_options options = {.kind = LL_ANALYTIC_QUADRATIC,
                                           .type = LL_REAL_FLOAT32,
                                           .dimensions = N,
                                           .values = values,
                                           .seed = 1};
            ll_eigen_options eigen = {.basis = basis[c], .block = block[c], .sampling_subsets = -1};
            int64_t products = -1, converged = 0;
            if (ll_problem_create_analytic(&options, &problem, &error) == LL_OK &&
                ll_curvature_eigenpairs(&(ll_curvature_target){.problem = problem}, &eigen, NULL, &record,
                                        &error) == LL_OK &&
                ll_record_get_integer(record, "products", &products, &error) == LL_OK &&
                ll_record_get_integer(record, "converged", &converged, &error) == LL_OK)
                printf(" %7lld%s", (long long)products, converged != 0 ? " " : "!");
            else printf(" %s", error.message);
            ll_record_destroy(record);
            ll_problem_destroy(problem);
        }
        printf("\n");
    }
    return 0;
}
