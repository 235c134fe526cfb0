/* A reader of Python pickles, protocols 0 to 5, that runs nothing: where Python would import and call, a class is
 * only its name and a call only an object that remembers what was to be called with what. The result is a graph
 * of values in an arena. Private to the module. */
#ifndef LOSSLENS_FORMATS_PICKLE_H
#define LOSSLENS_FORMATS_PICKLE_H

#include "formats/internal.h"

typedef enum ll_pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INTEGER,
    PICKLE_BIG_INTEGER, /* beyond 64 bits; only that is known of it */
    PICKLE_REAL,
    PICKLE_TEXT, /* also Python 2's strings, which may be bytes */
    PICKLE_BYTES,
    PICKLE_LIST,
    PICKLE_TUPLE,
    PICKLE_SET,
    PICKLE_DICT,      /* items are key, value, key, value ... */
    PICKLE_CLASS,     /* text is "module.name", 0-terminated: a class or a function */
    PICKLE_OBJECT,    /* what would be made by calling a class or function */
    PICKLE_REFERENCE, /* a persistent id: what PyTorch calls a storage; in object.arguments */
    PICKLE_MARK       /* the machine's own, never seen outside */
} ll_pickle_kind;

typedef struct ll_pickle_value ll_pickle_value;
struct ll_pickle_value {
    ll_pickle_kind kind;
    bool busy; /* for who walks the graph: is on the path from the root */
    union {
        int64_t integer; /* BOOL, INTEGER */
        double real;
        struct {
            const char
                *text; /* TEXT, BYTES, CLASS: in the file or in the arena; TEXT, BYTES not 0-terminated */
            size_t length;
        };
        struct {
            ll_pickle_value **items;
            int64_t count, capacity;
        };
        struct {
            ll_pickle_value *callable;    /* usually a CLASS */
            ll_pickle_value *arguments;   /* a TUPLE, or NULL; REFERENCE: the id, any kind */
            ll_pickle_value *state;       /* what BUILD brought, or NULL */
            ll_pickle_value *list, *dict; /* what was appended or set, or NULL */
            const ll_tensor *tensor;      /* for who walks the graph: what it was resolved to */
        } object;
    };
};

typedef struct ll_pickle {
    ll_pickle_value *root;
    size_t consumed; /* bytes, STOP included */
} ll_pickle;

/* Parses one pickle at the start of `bytes`. Text points into `bytes`. */
ll_status ll_pickle_parse(const uint8_t *bytes, size_t size, const ll_format_limits *limits, ll_arena *arena,
                          const char *place, ll_pickle *pickle, ll_error *error);

/* Is `value` a CLASS (or TEXT) of exactly this name? NULL is nothing. */
bool ll_pickle_is_class(const ll_pickle_value *value, const char *name);
bool ll_pickle_is_text(const ll_pickle_value *value, const char *text);
/* An OBJECT's callable is the CLASS `name`. */
bool ll_pickle_is_call(const ll_pickle_value *value, const char *name);
/* Argument `index` of an OBJECT, or NULL. */
const ll_pickle_value *ll_pickle_argument(const ll_pickle_value *object, int64_t index);
/* A DICT's value by text key, or NULL. */
ll_pickle_value *ll_pickle_get(const ll_pickle_value *dict, const char *key);
bool ll_pickle_integer(const ll_pickle_value *value, int64_t *integer);

#endif
