#include "losslens/base.h"

#include <stdio.h>
#include <string.h>

const char *ll_status_name(ll_status status)
{
    switch (status) {
#define LL_STATUS_CASE(name, value, text)                                                                    \
    case LL_##name: return #name;
        LL_STATUS_LIST(LL_STATUS_CASE)
#undef LL_STATUS_CASE
    }
    return "UNKNOWN";
}

const char *ll_status_text(ll_status status)
{
    switch (status) {
#define LL_STATUS_CASE(name, value, text)                                                                    \
    case LL_##name: return text;
        LL_STATUS_LIST(LL_STATUS_CASE)
#undef LL_STATUS_CASE
    }
    return "unknown status";
}

/* Marks that text was cut, without splitting a UTF-8 sequence: steps back over continuation
 * bytes to the start of a character before the dots are written. */
static void mark_cut(char *text, size_t capacity)
{
    size_t end = capacity - 4;
    while (end > 0 && ((unsigned char)text[end] & 0xC0U) == 0x80U) end--;
    memcpy(text + end, "...", 4);
}

static void copy_cut(char *target, size_t capacity, const char *source)
{
    size_t length = source != NULL ? strlen(source) : 0;
    size_t kept = length < capacity ? length : capacity - 1;
    if (kept > 0) memcpy(target, source, kept);
    target[kept] = 0;
    if (kept < length) mark_cut(target, capacity);
}

/* In brackets: for the static analyser these names are macros too. */
ll_status(ll_fail)(ll_error *error, ll_status status, const char *module, const char *place,
                   const char *format, ...)
{
    if (error == NULL) return status;
    /* Arguments may point into *error itself (a message being wrapped), so format first. */
    char message[sizeof error->message];
    char place_copy[sizeof error->place];
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (written < 0) message[0] = 0;
    if (written >= (int)sizeof message) mark_cut(message, sizeof message);
    copy_cut(place_copy, sizeof place_copy, place);
    copy_cut(error->module, sizeof error->module, module);
    memcpy(error->place, place_copy, sizeof place_copy);
    memcpy(error->message, message, sizeof message);
    error->status = status;
    return status;
}

void ll_error_prefix(ll_error *error, const char *format, ...)
{
    if (error == NULL) return;
    char joined[sizeof error->message];
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(joined, sizeof joined, format, arguments);
    va_end(arguments);
    if (written < 0 || written >= (int)sizeof joined - 3) return;
    size_t length = (size_t)written;
    memcpy(joined + length, ": ", 2);
    copy_cut(joined + length + 2, sizeof joined - length - 2, error->message);
    memcpy(error->message, joined, sizeof joined);
}

ll_status(ll_fail_memory)(ll_error *error, const char *module, size_t bytes)
{
    return ll_fail(error, LL_OUT_OF_MEMORY, module, NULL, "no memory for %zu bytes", bytes);
}
