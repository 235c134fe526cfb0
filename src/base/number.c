/* Numbers as text. */
#include "losslens/base.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ll_number_text(double value, char buffer[LL_NUMBER_TEXT])
{
    if (isnan(value)) return snprintf(buffer, LL_NUMBER_TEXT, "nan");
    if (isinf(value)) return snprintf(buffer, LL_NUMBER_TEXT, value > 0 ? "inf" : "-inf");
    /* 17 significant digits always read back, 15 or fewer that a number was written with come back with 15; so one or two
     * trials tell how many there are, and the zeros behind them are dropped. Subnormal numbers have fewer than 15. */
    int digits = fabs(value) >= DBL_MIN ? 15 : 1, length;
    for (;; digits++) {
        length = snprintf(buffer, LL_NUMBER_TEXT, "%.*g", digits, value);
        /* A locale with a decimal comma affects snprintf and strtod alike; the comma goes last. */
        if (digits == 17 || strtod(buffer, NULL) == value) break;
    }
    if (digits == 15) {
        snprintf(buffer, LL_NUMBER_TEXT, "%.14e", value);
        while (digits > 1 && buffer[digits + (signbit(value) ? 1 : 0)] == '0') digits--;
        length = snprintf(buffer, LL_NUMBER_TEXT, "%.*g", digits, value);
    }
    for (int i = 0; i < length; i++) {
        if (buffer[i] == ',') buffer[i] = '.';
    }
    return length;
}

/* ---------------------------------------------------------------- a given number of digits */

__extension__ typedef unsigned __int128 wide;

enum { MOST_DIGITS = 17, MOST_POWER = 27 };

static const uint64_t fives[MOST_POWER + 1] = {
    UINT64_C(1),
    UINT64_C(5),
    UINT64_C(25),
    UINT64_C(125),
    UINT64_C(625),
    UINT64_C(3125),
    UINT64_C(15625),
    UINT64_C(78125),
    UINT64_C(390625),
    UINT64_C(1953125),
    UINT64_C(9765625),
    UINT64_C(48828125),
    UINT64_C(244140625),
    UINT64_C(1220703125),
    UINT64_C(6103515625),
    UINT64_C(30517578125),
    UINT64_C(152587890625),
    UINT64_C(762939453125),
    UINT64_C(3814697265625),
    UINT64_C(19073486328125),
    UINT64_C(95367431640625),
    UINT64_C(476837158203125),
    UINT64_C(2384185791015625),
    UINT64_C(11920928955078125),
    UINT64_C(59604644775390625),
    UINT64_C(298023223876953125),
    UINT64_C(1490116119384765625),
    UINT64_C(7450580596923828125),
};

/* |value| = mantissa 2^exponent, times 10^power, rounded half to even; exact: mantissa 5^power has at most 53 + 63 bits.
 * The result must lie below 2^63. */
static uint64_t scaled(uint64_t mantissa, int exponent, int power)
{
    wide product = (wide)mantissa * fives[power];
    int shift = -(exponent + power);
    if (shift <= 0) return (uint64_t)(product << -shift);
    uint64_t whole = (uint64_t)(product >> shift);
    wide rest = product & (((wide)1 << shift) - 1), half = (wide)1 << (shift - 1);
    return whole + (rest > half || (rest == half && (whole & 1) != 0));
}

/* Significant digits and the exponent of the first. False: outside of what 128 bits can do. */
static bool find_digits(double value, int digits, uint64_t *number, int *first)
{
    uint64_t bits, limit = 1;
    memcpy(&bits, &value, sizeof bits);
    int exponent = (int)(bits >> 52 & 0x7FF) - 1075;
    uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    if (exponent < -127 || exponent > 20) return false; /* and no subnormal or infinite one is left */
    for (int i = 0; i < digits; i++) limit *= 10;
    /* At most one too small, which shows in a digit too many; so does 9.99... that was rounded up to ten. */
    int guess = (int)floor(0.30102999566398119521 * (exponent + 52));
    for (int place = guess; place <= guess + 1; place++) {
        int power = digits - 1 - place;
        if (power < 0 || power > MOST_POWER) return false;
        *number = scaled(mantissa, exponent, power);
        *first = place;
        if (*number < limit) return true;
    }
    return false;
}

/* As %g: fixed from 1e-4 to the number of digits, no zeros at the end. */
static int lay_out(bool negative, uint64_t number, int first, int digits, char *buffer)
{
    char text[MOST_DIGITS + 1], *out = buffer;
    int count = digits;
    for (int i = digits - 1; i >= 0; i--, number /= 10) text[i] = (char)('0' + number % 10);
    while (count > 1 && text[count - 1] == '0') count--;
    if (negative) *out++ = '-';
    bool scientific = first < -4 || first >= digits;
    int before = scientific ? 1 : first + 1; /* digits in front of the point */
    if (before <= 0) {
        *out++ = '0';
        *out++ = '.';
        for (int i = before; i < 0; i++) *out++ = '0';
    }
    for (int i = 0; i < count || i < before; i++) {
        if (i == before && i > 0) *out++ = '.';
        *out++ = i < count ? text[i] : '0';
    }
    if (scientific) {
        int size = abs(first);
        *out++ = 'e';
        *out++ = first < 0 ? '-' : '+';
        if (size >= 100) *out++ = (char)('0' + size / 100);
        *out++ = (char)('0' + size / 10 % 10);
        *out++ = (char)('0' + size % 10);
    }
    *out = 0;
    return (int)(out - buffer);
}

int ll_number_digits(double value, int digits, char buffer[LL_NUMBER_TEXT])
{
    uint64_t number;
    int first;
    digits = (int)ll_max_int64(1, ll_min_int64(digits, MOST_DIGITS));
    if (find_digits(value, digits, &number, &first))
        return lay_out(signbit(value) != 0, number, first, digits, buffer);
    if (!isfinite(value)) return ll_number_text(value, buffer);
    int length = snprintf(buffer, LL_NUMBER_TEXT, "%.*g", digits, value);
    for (int i = 0; i < length; i++) {
        if (buffer[i] == ',') buffer[i] = '.'; /* of a locale */
    }
    return length;
}
