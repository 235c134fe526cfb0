#include "losslens/base_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void before_value(ll_json *json)
{
    if (json->comma && !json->after_key) ll_text_append_bytes(&json->text, ",", 1);
    json->after_key = false;
    json->comma = true;
}

/* Length of the valid UTF-8 sequence at `s`, or 0. Overlong forms and surrogates are invalid. */
static int utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80) return 1;
    int length = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
                 : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
                 : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                                : 0;
    for (int i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
    }
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
        (s[0] == 0xF4 && s[1] > 0x8F)) {
        return 0;
    }
    return length;
}

static bool stands_for_itself(unsigned char c)
{
    return c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

static void append_quoted(ll_text *text, const char *string)
{
    ll_text_append_bytes(text, "\"", 1);
    for (const unsigned char *s = (const unsigned char *)string; *s != 0;) {
        size_t run = 0;
        while (stands_for_itself(s[run])) run++;
        if (run > 0) {
            ll_text_append_bytes(text, s, run);
            s += run;
            continue;
        }
        int length = utf8_length(s);
        if (length == 0) {
            ll_text_append(text, "\\ufffd");
            s++;
            continue;
        }
        if (*s == '"' || *s == '\\') {
            ll_text_format(text, "\\%c", *s);
        } else if (*s == '\n') {
            ll_text_append(text, "\\n");
        } else if (*s == '\t') {
            ll_text_append(text, "\\t");
        } else if (length == 1) {
            ll_text_format(text, "\\u%04x", *s);
        } else {
            ll_text_append_bytes(text, s, (size_t)length);
        }
        s += length;
    }
    ll_text_append_bytes(text, "\"", 1);
}

void ll_json_open(ll_json *json, char bracket)
{
    before_value(json);
    ll_text_append_bytes(&json->text, &bracket, 1);
    json->comma = false;
}

void ll_json_close(ll_json *json, char bracket)
{
    ll_text_append_bytes(&json->text, &bracket, 1);
    json->comma = true;
    json->after_key = false;
}

void ll_json_key(ll_json *json, const char *key)
{
    before_value(json);
    append_quoted(&json->text, key);
    ll_text_append_bytes(&json->text, ":", 1);
    json->after_key = true;
}

void ll_json_number(ll_json *json, double value)
{
    before_value(json);
    char buffer[LL_NUMBER_TEXT];
    if (!isfinite(value)) {
        const char *text = isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
        ll_text_append(&json->text, json->nonfinite_texts ? text : "null");
        return;
    }
    int length =
        json->digits > 0 ? ll_number_digits(value, json->digits, buffer) : ll_number_text(value, buffer);
    ll_text_append_bytes(&json->text, buffer, (size_t)length);
}

void ll_json_integer(ll_json *json, int64_t value)
{
    char buffer[LL_NUMBER_TEXT], *end = buffer + sizeof buffer, *first = end;
    uint64_t size = value < 0 ? UINT64_C(0) - (uint64_t)value : (uint64_t)value;
    do *--first = (char)('0' + size % 10);
    while ((size /= 10) > 0);
    if (value < 0) *--first = '-';
    before_value(json);
    ll_text_append_bytes(&json->text, first, (size_t)(end - first));
}

void ll_json_boolean(ll_json *json, bool value)
{
    before_value(json);
    ll_text_append(&json->text, value ? "true" : "false");
}

void ll_json_null(ll_json *json)
{
    before_value(json);
    ll_text_append(&json->text, "null");
}

void ll_json_text(ll_json *json, const char *text)
{
    before_value(json);
    if (text == NULL) {
        ll_text_append(&json->text, "null");
    } else {
        append_quoted(&json->text, text);
    }
}

void ll_json_numbers(ll_json *json, const double *values, int64_t count)
{
    ll_json_open(json, '[');
    for (int64_t i = 0; i < count; i++) ll_json_number(json, values[i]);
    ll_json_close(json, ']');
}

void ll_json_raw(ll_json *json, const char *value, size_t length)
{
    before_value(json);
    ll_text_append_bytes(&json->text, value, length);
}

void ll_json_add_number(ll_json *json, const char *key, double value)
{
    ll_json_key(json, key);
    ll_json_number(json, value);
}

void ll_json_add_integer(ll_json *json, const char *key, int64_t value)
{
    ll_json_key(json, key);
    ll_json_integer(json, value);
}

void ll_json_add_boolean(ll_json *json, const char *key, bool value)
{
    ll_json_key(json, key);
    ll_json_boolean(json, value);
}

void ll_json_add_text(ll_json *json, const char *key, const char *text)
{
    ll_json_key(json, key);
    ll_json_text(json, text);
}
