#include "losslens/base.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(ll_text *text, size_t extra)
{
    size_t wanted;
    if (text->failed) return false;
    if (!ll_add_size(text->length, extra, &wanted) || !ll_add_size(wanted, 1, &wanted)) {
        text->failed = true;
        return false;
    }
    if (wanted <= text->capacity) return true;
    size_t capacity = text->capacity < 128 ? 256 : text->capacity + text->capacity / 2;
    if (capacity < wanted) capacity = wanted;
    char *grown = realloc(text->text, capacity);
    if (grown == NULL) {
        text->failed = true;
        return false;
    }
    text->text = grown;
    text->capacity = capacity;
    return true;
}

void ll_text_append_bytes(ll_text *text, const void *bytes, size_t count)
{
    if (!reserve(text, count)) return;
    if (count > 0) memcpy(text->text + text->length, bytes, count);
    text->length += count;
    text->text[text->length] = 0;
}

void ll_text_append(ll_text *text, const char *string) { ll_text_append_bytes(text, string, strlen(string)); }

void ll_text_format(ll_text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text->failed = true;
    } else if (reserve(text, (size_t)length)) {
        vsnprintf(text->text + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void ll_text_deinit(ll_text *text)
{
    free(text->text);
    *text = (ll_text){0};
}

const char *ll_nearest_word(const char *word, const char *const *candidates, int64_t count)
{
    enum { LONGEST = 64 };
    size_t length = strlen(word);
    if (length == 0 || length > LONGEST) return NULL;
    const char *best = NULL;
    size_t best_distance = length / 3 + 1; /* a farther word is no help */
    for (int64_t i = 0; i < count; i++) {
        const char *other = candidates[i];
        size_t other_length = strlen(other);
        if (other_length > LONGEST) continue;
        size_t row[LONGEST + 1]; /* one row of the Levenshtein table */
        for (size_t j = 0; j <= other_length; j++) row[j] = j;
        for (size_t a = 1; a <= length; a++) {
            size_t diagonal = row[0];
            row[0] = a;
            for (size_t b = 1; b <= other_length; b++) {
                bool same = tolower((unsigned char)word[a - 1]) == tolower((unsigned char)other[b - 1]);
                size_t change = diagonal + (same ? 0 : 1);
                diagonal = row[b];
                size_t insert = row[b] + 1, delete = row[b - 1] + 1;
                size_t least = insert < delete ? insert : delete;
                row[b] = change < least ? change : least;
            }
        }
        if (row[other_length] < best_distance || (best == NULL && row[other_length] == best_distance)) {
            best_distance = row[other_length];
            best = other;
        }
    }
    return best;
}

int ll_natural_compare(const char *a, const char *b)
{
    while (*a != 0 && *b != 0) {
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            const char *start_a = a, *start_b = b;
            while (*a == '0') a++;
            while (*b == '0') b++;
            size_t digits_a = strspn(a, "0123456789"), digits_b = strspn(b, "0123456789");
            if (digits_a != digits_b) return digits_a < digits_b ? -1 : 1;
            int order = memcmp(a, b, digits_a);
            if (order != 0) return order;
            a += digits_a;
            b += digits_b;
            /* "07" and "7" are the same number; fewer zeros first, to keep the order total. */
            if (a - start_a != b - start_b && strcmp(a, b) == 0) return a - start_a < b - start_b ? -1 : 1;
        } else {
            if (*a != *b) return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
            a++;
            b++;
        }
    }
    return (*a != 0) - (*b != 0);
}
