/* What cmocka needs before its own header, and how tests report an ll_error. */
#ifndef LOSSLENS_TESTS_SUPPORT_CMOCKA_H
#define LOSSLENS_TESTS_SUPPORT_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h must follow the four above */
#include <cmocka.h>

#include "losslens/base.h"

/* Fails the test with the library's own words. */
#define CHECK_OK(expression)                                                                                 \
    do {                                                                                                     \
        ll_error check_error_ = {0};                                                                         \
        ll_error *error = &check_error_;                                                                     \
        ll_status check_status_ = (expression);                                                              \
        (void)error;                                                                                         \
        if (check_status_ != LL_OK)                                                                          \
            fail_msg("%s: %s: %s: %s", #expression, ll_status_name(check_status_), check_error_.place,       \
                     check_error_.message);                                                                  \
    } while (0)

#define CHECK_NEAR(got, wanted, tolerance)                                                                   \
    do {                                                                                                     \
        double check_got_ = (got), check_wanted_ = (wanted);                                                 \
        if (!(fabs(check_got_ - check_wanted_) <= (tolerance)))                                              \
            fail_msg("%s is %.17g, wanted %.17g within %g", #got, check_got_, check_wanted_,                 \
                     (double)(tolerance));                                                                   \
    } while (0)

#endif
