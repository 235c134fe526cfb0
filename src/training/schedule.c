/* Multiples of the learning rate over a run. */
#include "losslens/training.h"

#include <math.h>

double ll_schedule_factor(const ll_schedule *schedule, int64_t step, int64_t total)
{
    if (schedule->warm_up > 0 && step < schedule->warm_up)
        return (double)(step + 1) / (double)schedule->warm_up;
    int64_t done = step - schedule->warm_up, steps = ll_max_int64(1, total - schedule->warm_up);
    double progress = (double)done / (double)steps;
    switch (schedule->kind) {
    case LL_SCHEDULE_STEP:
        if (schedule->every <= 0) return 1.0;
        return pow(schedule->factor != 0 ? schedule->factor : 0.1, (double)(done / schedule->every));
    case LL_SCHEDULE_COSINE:
        return schedule->final +
               0.5 * (1.0 - schedule->final) * (1.0 + cos(3.14159265358979323846 * progress));
    case LL_SCHEDULE_CURVE:
        if (progress <= 0.5) return 1.0;
        if (progress <= 0.9) return 1.0 - 0.99 * (progress - 0.5) / 0.4;
        return 0.01;
    default: return 1.0;
    }
}
