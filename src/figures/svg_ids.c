/* Cairo names the parts of an SVG by counters of the process, so that the same figure drawn twice differs, and
 * two figures in one HTML page use the same names. Here they are numbered by appearance, behind a prefix that
 * is a hash of the figure's contents. */
#include "svg_ids.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAMES_LIMIT = 8192 };

typedef struct name {
    const char *text;
    size_t length;
} name;

/* Length of the name at `at`. */
static size_t name_length(const char *at)
{
    size_t length = 0;
    while (isalnum((unsigned char)at[length]) || at[length] == '-' || at[length] == '_') length++;
    return length;
}

static int64_t number_of(name *names, int64_t *count, const char *text, size_t length)
{
    for (int64_t i = 0; i < *count; i++) {
        if (names[i].length == length && memcmp(names[i].text, text, length) == 0) return i;
    }
    if (*count == NAMES_LIMIT) return -1; /* left as it is */
    names[*count] = (name){text, length};
    return (*count)++;
}

static void rename_all(const char *svg, size_t size, const char *prefix, name *names, ll_text *out)
{
    static const char *const before[] = {" id=\"", "url(#", "href=\"#"};
    int64_t count = 0;
    size_t at = 0, copied = 0;
    while (at < size) {
        size_t skip = 0;
        if (svg[at] == ' ' || svg[at] == 'u' || svg[at] == 'h') {
            for (int k = 0; k < 3 && skip == 0; k++) {
                size_t length = strlen(before[k]);
                if (size - at > length && memcmp(svg + at, before[k], length) == 0) skip = length;
            }
        }
        if (skip == 0) {
            at++;
            continue;
        }
        at += skip;
        size_t length = name_length(svg + at);
        int64_t number = number_of(names, &count, svg + at, length);
        if (number >= 0) {
            ll_text_append_bytes(out, svg + copied, at - copied);
            ll_text_format(out, "%s%lld", prefix, (long long)number);
            copied = at + length;
        }
        at += length;
    }
    ll_text_append_bytes(out, svg + copied, size - copied);
}

ll_status ll_svg_rename_ids(ll_text *svg, size_t start, ll_error *error)
{
    name *names = ll_allocate_array(NAMES_LIMIT, sizeof *names);
    ll_text plain = {0}, named = {0};
    ll_status status = LL_OK;
    if (names != NULL) {
        char prefix[40], digits[33];
        rename_all(svg->text + start, svg->length - start, "n", names, &plain);
        ll_hash_text(ll_hash_bytes(plain.text, plain.failed ? 0 : plain.length), digits);
        snprintf(prefix, sizeof prefix, "f%.8s-", digits);
        rename_all(svg->text + start, svg->length - start, prefix, names, &named);
    }
    if (names == NULL || plain.failed || named.failed) {
        status = ll_fail_memory(error, "figures", svg->length);
    } else {
        svg->length = start;
        ll_text_append_bytes(svg, named.text, named.length);
    }
    ll_free(names);
    ll_text_deinit(&plain);
    ll_text_deinit(&named);
    return status;
}
