/* The stack machine of Lib/pickletools.py, as data only. Cost O(opcodes); memory O(opcodes) in the arena. */
#include "formats/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef ll_pickle_value value;

typedef struct machine {
    const uint8_t *bytes;
    size_t size, at;
    const ll_format_limits *limits;
    ll_arena *arena;
    const char *place;
    ll_error *error;
    value *pool; /* nodes not yet used: the arena's own alignment would waste half of each */
    int64_t pool_left;
    value **stack;
    int64_t depth, stack_capacity;
    value **memo;
    int64_t memo_count, memo_capacity; /* memo_count: highest index in use + 1 */
    value *none, *yes, *no, *mark, *empty;
} machine;

static ll_status broken(machine *m, const char *what)
{
    return ll_fail(m->error, LL_INVALID_FILE, "formats", m->place, "pickle, byte %zu: %s", m->at, what);
}

static ll_status no_memory(machine *m, size_t bytes) { return ll_fail_memory(m->error, "formats", bytes); }

static value *make(machine *m, ll_pickle_kind kind)
{
    enum { POOL = 64 };
    if (m->pool_left == 0) {
        m->pool = ll_arena_allocate(m->arena, POOL * sizeof *m->pool);
        if (m->pool == NULL) return NULL;
        m->pool_left = POOL;
    }
    value *node = &m->pool[--m->pool_left];
    memset(node, 0, sizeof *node);
    node->kind = kind;
    return node;
}

static ll_status push(machine *m, value *node)
{
    if (node == NULL) return no_memory(m, sizeof *node);
    if (m->depth == m->stack_capacity) {
        int64_t wanted = m->stack_capacity > 0 ? m->stack_capacity * 2 : 256;
        value **grown = realloc(m->stack, (size_t)wanted * sizeof *grown);
        if (grown == NULL) return no_memory(m, (size_t)wanted * sizeof *grown);
        m->stack = grown;
        m->stack_capacity = wanted;
    }
    m->stack[m->depth++] = node;
    return LL_OK;
}

/* The top, which must be a value and no mark. */
static ll_status pop(machine *m, value **node)
{
    if (m->depth == 0 || m->stack[m->depth - 1]->kind == PICKLE_MARK) return broken(m, "the stack is empty");
    *node = m->stack[--m->depth];
    return LL_OK;
}

static ll_status top(machine *m, value **node)
{
    if (m->depth == 0 || m->stack[m->depth - 1]->kind == PICKLE_MARK) return broken(m, "the stack is empty");
    *node = m->stack[m->depth - 1];
    return LL_OK;
}

/* The values above the last mark; they and the mark leave the stack, yet stay readable until the next push. */
static ll_status pop_to_mark(machine *m, value ***items, int64_t *count)
{
    int64_t at = m->depth;
    while (at > 0 && m->stack[at - 1]->kind != PICKLE_MARK) at--;
    if (at == 0) return broken(m, "there is no mark on the stack");
    *items = m->stack + at;
    *count = m->depth - at;
    m->depth = at - 1;
    return LL_OK;
}

/* ------------------------------------------------------------------ operands */

static ll_status take(machine *m, uint64_t count, const uint8_t **bytes)
{
    if (count > m->size - m->at) return broken(m, "the pickle ends in the middle: it was cut short");
    *bytes = m->bytes + m->at;
    m->at += (size_t)count;
    return LL_OK;
}

static ll_status take_number(machine *m, int width, uint64_t *number)
{
    const uint8_t *bytes;
    LL_TRY(take(m, (uint64_t)width, &bytes));
    uint64_t result = 0;
    for (int i = 0; i < width; i++) result |= (uint64_t)bytes[i] << (8 * i);
    *number = result;
    return LL_OK;
}

static ll_status take_line(machine *m, const char **line, size_t *length)
{
    const uint8_t *start = m->bytes + m->at;
    const uint8_t *end = memchr(start, '\n', m->size - m->at);
    if (end == NULL) return broken(m, "a line without an end");
    *line = (const char *)start;
    *length = (size_t)(end - start);
    m->at += *length + 1;
    return LL_OK;
}

static ll_status push_text(machine *m, ll_pickle_kind kind, const char *text, size_t length)
{
    value *node = make(m, kind);
    if (node != NULL) {
        node->text = text;
        node->length = length;
    }
    return push(m, node);
}

/* Text or bytes whose length stands in front of them in `width` bytes. */
static ll_status push_counted(machine *m, ll_pickle_kind kind, int width)
{
    uint64_t length;
    const uint8_t *bytes;
    LL_TRY(take_number(m, width, &length));
    LL_TRY(take(m, length, &bytes));
    return push_text(m, kind, (const char *)bytes, (size_t)length);
}

static ll_status push_integer(machine *m, int64_t integer)
{
    value *node = make(m, PICKLE_INTEGER);
    if (node != NULL) node->integer = integer;
    return push(m, node);
}

static ll_status push_real(machine *m, double real)
{
    value *node = make(m, PICKLE_REAL);
    if (node != NULL) node->real = real;
    return push(m, node);
}

/* Little-endian two's complement of any length. */
static ll_status push_long(machine *m, int width)
{
    uint64_t length;
    const uint8_t *bytes;
    LL_TRY(take_number(m, width, &length));
    if (length > INT32_MAX) return broken(m, "an integer of impossible length");
    LL_TRY(take(m, length, &bytes));
    if (length > 8) return push(m, make(m, PICKLE_BIG_INTEGER));
    uint64_t bits = length > 0 && (bytes[length - 1] & 0x80) != 0 ? ~(uint64_t)0 : 0;
    for (uint64_t i = length; i-- > 0;) bits = bits << 8 | bytes[i];
    return push_integer(m, (int64_t)bits);
}

static bool parse_decimal(const char *text, size_t length, int64_t *integer)
{
    bool negative = length > 0 && *text == '-';
    int64_t result = 0;
    if (negative) text++, length--;
    if (length == 0) return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') return false;
        if (!ll_multiply_int64(result, 10, &result) || __builtin_sub_overflow(result, text[i] - '0', &result))
            return false;
    }
    if (!negative && result == INT64_MIN) return false;
    *integer = negative ? result : -result;
    return true;
}

static ll_status push_decimal(machine *m, bool is_long)
{
    const char *line;
    size_t length;
    int64_t integer;
    LL_TRY(take_line(m, &line, &length));
    if (!is_long && length == 2 && line[0] == '0' && (line[1] == '0' || line[1] == '1')) {
        return push(m, line[1] == '1' ? m->yes : m->no);
    }
    if (length > 0 && line[length - 1] == 'L') length--;
    if (parse_decimal(line, length, &integer)) return push_integer(m, integer);
    bool digits = length > 0;
    for (size_t i = line[0] == '-'; i < length; i++) digits = digits && line[i] >= '0' && line[i] <= '9';
    return digits ? push(m, make(m, PICKLE_BIG_INTEGER))
                  : broken(m, "a line that should be an integer is none");
}

static ll_status push_decimal_real(machine *m)
{
    const char *line;
    size_t length;
    char copy[64], *end;
    LL_TRY(take_line(m, &line, &length));
    if (length == 0 || length >= sizeof copy) return broken(m, "a line that should be a number is none");
    memcpy(copy, line, length);
    copy[length] = 0;
    double real = strtod(copy, &end);
    return *end == 0 ? push_real(m, real) : broken(m, "a line that should be a number is none");
}

static int digit_of(char letter)
{
    if (letter >= '0' && letter <= '9') return letter - '0';
    if (letter >= 'a' && letter <= 'f') return letter - 'a' + 10;
    if (letter >= 'A' && letter <= 'F') return letter - 'A' + 10;
    return -1;
}

/* Protocol 0's string: what Python's repr() prints, quotes and escapes included. */
static ll_status push_quoted(machine *m)
{
    const char *line;
    size_t length;
    LL_TRY(take_line(m, &line, &length));
    if (length < 2 || (line[0] != '\'' && line[0] != '"') || line[length - 1] != line[0]) {
        return broken(m, "a string without its quotes");
    }
    char *text = ll_arena_allocate(m->arena, length);
    if (text == NULL) return no_memory(m, length);
    size_t used = 0;
    for (size_t i = 1; i + 1 < length; i++) {
        char letter = line[i];
        if (letter == '\\' && i + 2 < length) {
            letter = line[++i];
            int high, low;
            if (letter == 'n') {
                letter = '\n';
            } else if (letter == 't') {
                letter = '\t';
            } else if (letter == 'r') {
                letter = '\r';
            } else if (letter == 'x' && i + 3 < length && (high = digit_of(line[i + 1])) >= 0 &&
                       (low = digit_of(line[i + 2])) >= 0) {
                letter = (char)(unsigned char)(high << 4 | low);
                i += 2;
            }
        }
        text[used++] = letter;
    }
    return push_text(m, PICKLE_TEXT, text, used);
}

static size_t put_utf8(char *target, uint32_t code)
{
    uint8_t *to = (uint8_t *)target;
    if (code < 0x80) {
        to[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (uint8_t)(0xC0 | code >> 6);
        to[1] = (uint8_t)(0x80 | (code & 0x3F));
        return 2;
    }
    to[0] =
        (uint8_t)(0xE0 | (code >> 12 & 0xF)); /* beyond the first plane: the low bits, still a valid form */
    to[1] = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    to[2] = (uint8_t)(0x80 | (code & 0x3F));
    return 3;
}

/* Protocol 0's text: Latin-1 with \uXXXX for what that lacks ("raw-unicode-escape"). Becomes UTF-8. */
static ll_status push_escaped(machine *m)
{
    const char *line;
    size_t length, used = 0;
    LL_TRY(take_line(m, &line, &length));
    char *text = ll_arena_allocate(m->arena, 2 * length + 4); /* a byte grows to two at most, six to three */
    if (text == NULL) return no_memory(m, 2 * length);
    for (size_t i = 0; i < length; i++) {
        uint32_t code = (uint8_t)line[i];
        size_t digits = code != '\\' || i + 1 == length ? 0
                        : line[i + 1] == 'u'            ? 4
                        : line[i + 1] == 'U'            ? 8
                                                        : 0;
        if (digits > 0) {
            if (length - i - 2 < digits) return broken(m, "an escaped letter without its digits");
            code = 0;
            for (size_t k = 0; k < digits; k++) {
                int digit = digit_of(line[i + 2 + k]);
                if (digit < 0) return broken(m, "an escaped letter without its digits");
                code = code << 4 | (uint32_t)digit;
            }
            i += 1 + digits;
        }
        used += put_utf8(text + used, code);
    }
    return push_text(m, PICKLE_TEXT, text, used);
}

/* ------------------------------------------------------------------ containers */

static ll_status append(machine *m, value *container, value *const *items, int64_t count)
{
    int64_t wanted = container->count + count;
    if (wanted > container->capacity) {
        int64_t capacity = ll_max_int64(wanted, container->capacity * 2);
        value **grown = ll_arena_allocate(m->arena, (size_t)capacity * sizeof *grown);
        if (grown == NULL) return no_memory(m, (size_t)capacity * sizeof *grown);
        if (container->count > 0) memcpy(grown, container->items, (size_t)container->count * sizeof *grown);
        container->items = grown;
        container->capacity = capacity;
    }
    if (count > 0) memcpy(container->items + container->count, items, (size_t)count * sizeof *items);
    container->count = wanted;
    return LL_OK;
}

static ll_status push_container(machine *m, ll_pickle_kind kind, value *const *items, int64_t count)
{
    value *node = make(m, kind);
    if (node == NULL) return no_memory(m, sizeof *node);
    LL_TRY(append(m, node, items, count)); /* before the push, which may move the stack under `items` */
    return push(m, node);
}

static ll_status push_tuple_of(machine *m, int64_t count)
{
    if (m->depth < count) return broken(m, "the stack is empty");
    for (int64_t i = 1; i <= count; i++) {
        if (m->stack[m->depth - i]->kind == PICKLE_MARK) return broken(m, "the stack is empty");
    }
    m->depth -= count;
    return push_container(m, PICKLE_TUPLE, m->stack + m->depth, count);
}

static ll_status marked_container(machine *m, ll_pickle_kind kind)
{
    value **items;
    int64_t count;
    LL_TRY(pop_to_mark(m, &items, &count));
    if (kind == PICKLE_DICT && count % 2 != 0) return broken(m, "a dictionary with a key and no value");
    return push_container(m, kind, items, count);
}

/* What appended items go into: a container itself, or an object's own list or dictionary (subclasses of
 * list and dict are pickled so). */
static ll_status target_of(machine *m, bool pairs, value **target)
{
    value *node;
    LL_TRY(top(m, &node));
    if (node->kind == PICKLE_OBJECT) {
        value **own = pairs ? &node->object.dict : &node->object.list;
        if (*own == NULL) *own = make(m, pairs ? PICKLE_DICT : PICKLE_LIST);
        if (*own == NULL) return no_memory(m, sizeof *node);
        node = *own;
    } else if (pairs ? node->kind != PICKLE_DICT : node->kind != PICKLE_LIST && node->kind != PICKLE_SET) {
        return broken(m, pairs ? "items are set in something that is no dictionary"
                               : "items are appended to something that is no list");
    }
    *target = node;
    return LL_OK;
}

static ll_status extend(machine *m, bool pairs)
{
    value **items, *target;
    int64_t count;
    LL_TRY(pop_to_mark(m, &items, &count));
    if (pairs && count % 2 != 0) return broken(m, "a dictionary with a key and no value");
    LL_TRY(target_of(m, pairs, &target));
    return append(m, target, items, count);
}

static ll_status extend_by(machine *m, int64_t count)
{
    value *items[2] = {NULL, NULL}, *target;
    for (int64_t i = count; i-- > 0;) LL_TRY(pop(m, &items[i]));
    LL_TRY(target_of(m, count == 2, &target));
    return append(m, target, items, count);
}

/* ------------------------------------------------------------------ classes and objects */

static ll_status push_class(machine *m, const char *module, size_t module_length, const char *name,
                            size_t name_length)
{
    enum { LONGEST = 1024 };
    if (module_length > LONGEST || name_length > LONGEST) return broken(m, "a class with an impossible name");
    char *text = ll_arena_allocate(m->arena, module_length + name_length + 2);
    if (text == NULL) return no_memory(m, module_length + name_length + 2);
    memcpy(text, module, module_length);
    text[module_length] = '.';
    memcpy(text + module_length + 1, name, name_length);
    text[module_length + 1 + name_length] = 0;
    return push_text(m, PICKLE_CLASS, text, module_length + name_length + 1);
}

static ll_status push_global(machine *m)
{
    const char *module, *name;
    size_t module_length, name_length;
    LL_TRY(take_line(m, &module, &module_length));
    LL_TRY(take_line(m, &name, &name_length));
    return push_class(m, module, module_length, name, name_length);
}

static ll_status push_stack_global(machine *m)
{
    value *name, *module;
    LL_TRY(pop(m, &name));
    LL_TRY(pop(m, &module));
    if (name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT)
        return broken(m, "a class whose name is no text");
    return push_class(m, module->text, module->length, name->text, name->length);
}

/* _codecs.encode(text, "latin1"): how Python 3 writes bytes in protocols below 3. */
static ll_status push_latin1(machine *m, const value *text)
{
    uint8_t *bytes = ll_arena_allocate(m->arena, text->length);
    if (bytes == NULL) return no_memory(m, text->length);
    size_t used = 0;
    for (size_t i = 0; i < text->length; i++) {
        uint8_t byte = (uint8_t)text->text[i];
        if (byte >= 0x80) {
            if ((byte & 0xFC) != 0xC0 || i + 1 == text->length)
                return broken(m, "bytes spelled as text that is not Latin-1");
            byte = (uint8_t)((byte & 3) << 6 | ((uint8_t)text->text[++i] & 0x3F));
        }
        bytes[used++] = byte;
    }
    return push_text(m, PICKLE_BYTES, (const char *)bytes, used);
}

/* A call that Python would make. A few make plain containers; all others are remembered as objects. */
static ll_status push_call(machine *m, value *callable, value *arguments)
{
    static const struct {
        const char *name;
        ll_pickle_kind kind;
    } plain[] = {
        {"collections.OrderedDict", PICKLE_DICT}, {"collections.defaultdict", PICKLE_DICT},
        {"collections.Counter", PICKLE_DICT},     {"builtins.dict", PICKLE_DICT},
        {"__builtin__.dict", PICKLE_DICT},        {"builtins.list", PICKLE_LIST},
        {"__builtin__.list", PICKLE_LIST},        {"builtins.set", PICKLE_SET},
        {"__builtin__.set", PICKLE_SET},          {"builtins.frozenset", PICKLE_SET},
        {"__builtin__.frozenset", PICKLE_SET},
    };
    bool tuple = arguments != NULL && arguments->kind == PICKLE_TUPLE;
    if (callable->kind == PICKLE_CLASS && tuple) {
        const value *first = arguments->count > 0 ? arguments->items[0] : NULL;
        if (strcmp(callable->text, "_codecs.encode") == 0 && first != NULL && first->kind == PICKLE_TEXT) {
            return push_latin1(m, first);
        }
        if (strcmp(callable->text, "builtins.bytearray") == 0 && first != NULL &&
            first->kind == PICKLE_BYTES) {
            return push(m, arguments->items[0]);
        }
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
            if (strcmp(callable->text, plain[i].name) != 0) continue;
            value *node = make(m, plain[i].kind);
            if (node == NULL) return no_memory(m, sizeof *node);
            if (first != NULL && first->kind == PICKLE_LIST) {
                if (plain[i].kind != PICKLE_DICT) {
                    LL_TRY(append(m, node, first->items, first->count));
                } else { /* a list of pairs */
                    for (int64_t j = 0; j < first->count; j++) {
                        const value *pair = first->items[j];
                        bool fits =
                            (pair->kind == PICKLE_LIST || pair->kind == PICKLE_TUPLE) && pair->count == 2;
                        if (fits) LL_TRY(append(m, node, pair->items, 2));
                    }
                }
            } else if (first != NULL && first->kind == PICKLE_DICT && node->kind == PICKLE_DICT) {
                LL_TRY(append(m, node, first->items, first->count));
            }
            return push(m, node);
        }
    }
    value *node = make(m, PICKLE_OBJECT);
    if (node == NULL) return no_memory(m, sizeof *node);
    node->object.callable = callable;
    node->object.arguments = arguments;
    return push(m, node);
}

static ll_status call(machine *m, bool with_keywords)
{
    value *callable, *arguments, *keywords;
    if (with_keywords) LL_TRY(pop(m, &keywords));
    LL_TRY(pop(m, &arguments));
    LL_TRY(pop(m, &callable));
    return push_call(m, callable, arguments);
}

/* Protocol 0's way to make an instance: arguments up to the mark; the class first among them, or in the text. */
static ll_status call_marked(machine *m, bool class_in_text)
{
    value **items, *callable = NULL;
    int64_t count;
    if (class_in_text) {
        LL_TRY(push_global(m));
        LL_TRY(pop(m, &callable));
    }
    LL_TRY(pop_to_mark(m, &items, &count));
    if (!class_in_text) {
        if (count == 0) return broken(m, "an instance of no class");
        callable = *items++;
        count--;
    }
    value *arguments = make(m, PICKLE_TUPLE);
    if (arguments == NULL) return no_memory(m, sizeof *arguments);
    LL_TRY(append(m, arguments, items, count));
    return push_call(m, callable, arguments);
}

static ll_status build(machine *m)
{
    value *state, *target;
    LL_TRY(pop(m, &state));
    LL_TRY(top(m, &target));
    /* A plain container may carry attributes too (a state dict's _metadata): they are not needed. */
    if (target->kind == PICKLE_OBJECT) target->object.state = state;
    return LL_OK;
}

static ll_status push_reference(machine *m, bool in_text)
{
    value *id;
    if (in_text) {
        const char *line;
        size_t length;
        LL_TRY(take_line(m, &line, &length));
        LL_TRY(push_text(m, PICKLE_TEXT, line, length));
    }
    LL_TRY(pop(m, &id));
    value *node = make(m, PICKLE_REFERENCE);
    if (node != NULL) node->object.arguments = id;
    return push(m, node);
}

static ll_status push_extension(machine *m, int width)
{
    uint64_t code;
    char name[32];
    LL_TRY(take_number(m, width, &code));
    int length = snprintf(name, sizeof name, "%llu", (unsigned long long)code);
    return push_class(m, "copyreg_extension", 17, name, (size_t)length);
}

/* ------------------------------------------------------------------ memo */

static ll_status memo_put(machine *m, uint64_t index)
{
    value *node;
    LL_TRY(top(m, &node));
    if (index >= (uint64_t)m->limits->pickle_memo) {
        return ll_fail(m->error, LL_TOO_LARGE, "formats", m->place,
                       "pickle, byte %zu: memo index %llu is over the limit of %lld (pickle_memo)", m->at,
                       (unsigned long long)index, (long long)m->limits->pickle_memo);
    }
    if ((int64_t)index >= m->memo_capacity) {
        int64_t wanted = ll_max_int64((int64_t)index + 1, m->memo_capacity * 2);
        wanted = ll_min_int64(ll_max_int64(wanted, 256), m->limits->pickle_memo);
        value **grown = realloc(m->memo, (size_t)wanted * sizeof *grown);
        if (grown == NULL) return no_memory(m, (size_t)wanted * sizeof *grown);
        memset(grown + m->memo_capacity, 0, (size_t)(wanted - m->memo_capacity) * sizeof *grown);
        m->memo = grown;
        m->memo_capacity = wanted;
    }
    m->memo[index] = node;
    m->memo_count++; /* MEMOIZE numbers by how many there are; nobody mixes it with PUT */
    return LL_OK;
}

static ll_status memo_get(machine *m, uint64_t index)
{
    if (index >= (uint64_t)m->memo_capacity || m->memo[index] == NULL)
        return broken(m, "a memo that was never put");
    return push(m, m->memo[index]);
}

static ll_status memo_line(machine *m, bool put)
{
    const char *line;
    size_t length;
    int64_t index;
    LL_TRY(take_line(m, &line, &length));
    if (!parse_decimal(line, length, &index) || index < 0) return broken(m, "a memo index that is no number");
    return put ? memo_put(m, (uint64_t)index) : memo_get(m, (uint64_t)index);
}

/* ------------------------------------------------------------------ the machine */

static ll_status step(machine *m, uint8_t opcode)
{
    value *node;
    uint64_t number;
    const uint8_t *bytes;
    switch (opcode) {
    case '(': return push(m, m->mark);
    case '0':
        if (m->depth > 0) {
            m->depth--;
            return LL_OK;
        }
        return broken(m, "the stack is empty");
    case '1': {
        value **items;
        int64_t count;
        return pop_to_mark(m, &items, &count);
    }
    case '2': LL_TRY(top(m, &node)); return push(m, node);
    case 'N': return push(m, m->none);
    case 0x88: return push(m, m->yes);
    case 0x89: return push(m, m->no);
    /* numbers */
    case 'I': return push_decimal(m, false);
    case 'L': return push_decimal(m, true);
    case 'F': return push_decimal_real(m);
    case 'K': LL_TRY(take_number(m, 1, &number)); return push_integer(m, (int64_t)number);
    case 'M': LL_TRY(take_number(m, 2, &number)); return push_integer(m, (int64_t)number);
    case 'J': LL_TRY(take_number(m, 4, &number)); return push_integer(m, (int32_t)(uint32_t)number);
    case 0x8A: return push_long(m, 1);
    case 0x8B: return push_long(m, 4);
    case 'G': {
        LL_TRY(take(m, 8, &bytes));
        uint64_t bits = read_u64_big(bytes);
        double real;
        memcpy(&real, &bits, sizeof real);
        return push_real(m, real);
    }
    /* text and bytes */
    case 'S': return push_quoted(m);
    case 'V': return push_escaped(m);
    case 'T': return push_counted(m, PICKLE_TEXT, 4);
    case 'U': return push_counted(m, PICKLE_TEXT, 1);
    case 'X': return push_counted(m, PICKLE_TEXT, 4);
    case 0x8C: return push_counted(m, PICKLE_TEXT, 1);
    case 0x8D: return push_counted(m, PICKLE_TEXT, 8);
    case 'B': return push_counted(m, PICKLE_BYTES, 4);
    case 'C': return push_counted(m, PICKLE_BYTES, 1);
    case 0x8E: return push_counted(m, PICKLE_BYTES, 8);
    case 0x96: return push_counted(m, PICKLE_BYTES, 8);
    /* containers */
    case ']': return push_container(m, PICKLE_LIST, NULL, 0);
    case '}': return push_container(m, PICKLE_DICT, NULL, 0);
    case 0x8F: return push_container(m, PICKLE_SET, NULL, 0);
    case ')': return push(m, m->empty);
    case 'l': return marked_container(m, PICKLE_LIST);
    case 'd': return marked_container(m, PICKLE_DICT);
    case 't': return marked_container(m, PICKLE_TUPLE);
    case 0x91: return marked_container(m, PICKLE_SET);
    case 0x85: return push_tuple_of(m, 1);
    case 0x86: return push_tuple_of(m, 2);
    case 0x87: return push_tuple_of(m, 3);
    case 'a': return extend_by(m, 1);
    case 's': return extend_by(m, 2);
    case 'e': return extend(m, false);
    case 0x90: return extend(m, false);
    case 'u': return extend(m, true);
    /* classes and objects */
    case 'c': return push_global(m);
    case 0x93: return push_stack_global(m);
    case 0x82: return push_extension(m, 1);
    case 0x83: return push_extension(m, 2);
    case 0x84: return push_extension(m, 4);
    case 'R': return call(m, false);
    case 0x81: return call(m, false);
    case 0x92: return call(m, true);
    case 'i': return call_marked(m, true);
    case 'o': return call_marked(m, false);
    case 'b': return build(m);
    case 'P': return push_reference(m, true);
    case 'Q': return push_reference(m, false);
    /* memo */
    case 'p': return memo_line(m, true);
    case 'g': return memo_line(m, false);
    case 'q': LL_TRY(take_number(m, 1, &number)); return memo_put(m, number);
    case 'r': LL_TRY(take_number(m, 4, &number)); return memo_put(m, number);
    case 'h': LL_TRY(take_number(m, 1, &number)); return memo_get(m, number);
    case 'j': LL_TRY(take_number(m, 4, &number)); return memo_get(m, number);
    case 0x94: return memo_put(m, (uint64_t)m->memo_count);
    /* framing */
    case 0x80:
        LL_TRY(take_number(m, 1, &number));
        return number <= 5 ? LL_OK : broken(m, "a protocol above 5");
    case 0x95: return take_number(m, 8, &number); /* a frame's length is only a hint for reading */
    case 0x97:
    case 0x98: return broken(m, "data outside the pickle (out-of-band buffers)");
    default: m->at--; return broken(m, "an unknown opcode");
    }
}

static ll_status run(machine *m, value **root)
{
    m->none = make(m, PICKLE_NONE);
    m->yes = make(m, PICKLE_BOOL);
    m->no = make(m, PICKLE_BOOL);
    m->mark = make(m, PICKLE_MARK);
    m->empty = make(m, PICKLE_TUPLE);
    if (m->none == NULL || m->yes == NULL || m->no == NULL || m->mark == NULL || m->empty == NULL) {
        return no_memory(m, sizeof(value));
    }
    m->yes->integer = 1;
    /* An honest pickle builds some 60 bytes of values an opcode. One that copies one list again and again
     * builds the square of its length. */
    size_t start = ll_arena_bytes(m->arena), allowed;
    if (!ll_multiply_size(m->size, 256, &allowed)) allowed = SIZE_MAX / 2;
    allowed += (size_t)16 << 20;
    for (int64_t opcodes = 0; m->at < m->size; opcodes++) {
        if (opcodes == m->limits->pickle_opcodes) {
            return ll_fail(m->error, LL_TOO_LARGE, "formats", m->place,
                           "pickle has more than the limit of %lld opcodes (pickle_opcodes)",
                           (long long)m->limits->pickle_opcodes);
        }
        uint8_t opcode = m->bytes[m->at++];
        if (opcode == '.') return pop(m, root);
        LL_TRY(step(m, opcode));
        if (ll_arena_bytes(m->arena) - start > allowed) {
            return ll_fail(m->error, LL_TOO_LARGE, "formats", m->place,
                           "pickle, byte %zu: %zu bytes of pickle build more than %zu bytes of values", m->at,
                           m->size, allowed);
        }
    }
    return broken(m, "the pickle has no end: it was cut short");
}

ll_status ll_pickle_parse(const uint8_t *bytes, size_t size, const ll_format_limits *limits, ll_arena *arena,
                          const char *place, ll_pickle *pickle, ll_error *error)
{
    machine m = {
        .bytes = bytes, .size = size, .limits = limits, .arena = arena, .place = place, .error = error};
    value *root;
    ll_status status = run(&m, &root);
    free(m.stack);
    free(m.memo);
    if (status == LL_OK) *pickle = (ll_pickle){.root = root, .consumed = m.at};
    return status;
}

/* ------------------------------------------------------------------ questions */

bool ll_pickle_is_class(const ll_pickle_value *node, const char *name)
{
    return node != NULL && node->kind == PICKLE_CLASS && strcmp(node->text, name) == 0;
}

bool ll_pickle_is_text(const ll_pickle_value *node, const char *text)
{
    return node != NULL && (node->kind == PICKLE_TEXT || node->kind == PICKLE_BYTES) &&
           node->length == strlen(text) && memcmp(node->text, text, node->length) == 0;
}

bool ll_pickle_is_call(const ll_pickle_value *node, const char *name)
{
    return node != NULL && node->kind == PICKLE_OBJECT && ll_pickle_is_class(node->object.callable, name);
}

const ll_pickle_value *ll_pickle_argument(const ll_pickle_value *object, int64_t index)
{
    const ll_pickle_value *arguments = object->object.arguments;
    if (arguments == NULL || arguments->kind != PICKLE_TUPLE || index >= arguments->count) return NULL;
    return arguments->items[index];
}

ll_pickle_value *ll_pickle_get(const ll_pickle_value *dict, const char *key)
{
    if (dict == NULL || dict->kind != PICKLE_DICT) return NULL;
    for (int64_t i = 0; i + 1 < dict->count; i += 2) {
        if (ll_pickle_is_text(dict->items[i], key)) return dict->items[i + 1];
    }
    return NULL;
}

bool ll_pickle_integer(const ll_pickle_value *node, int64_t *integer)
{
    if (node == NULL || (node->kind != PICKLE_INTEGER && node->kind != PICKLE_BOOL)) return false;
    *integer = node->integer;
    return true;
}
