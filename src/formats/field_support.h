/* What the readers of fields share. Private to the module. */
#ifndef LOSSLENS_FORMATS_FIELD_SUPPORT_H
#define LOSSLENS_FORMATS_FIELD_SUPPORT_H

#include "internal.h"
#include "losslens/formats_fields.h"

/* Text that is read number by number; never past `end`. */
typedef struct ll_cursor {
    const char *at, *end;
} ll_cursor;
void ll_cursor_skip_space(ll_cursor *cursor);
/* The next token up to white space or one of `stops` as a number ("nan" and "inf" too); false when it is not
 * one, or at the end. */
bool ll_cursor_number(ll_cursor *cursor, const char *stops, double *value);
/* The whole of a text as one number or integer. */
bool ll_text_number(const char *text, size_t length, double *value);
bool ll_text_integer(const char *text, int64_t *value);

/* Growing array of edges. */
typedef struct ll_edge_list {
    int64_t count, capacity;
    int64_t *ids;
} ll_edge_list;
/* LL_TOO_LARGE beyond the limits' unpacked bytes; LL_INVALID_FILE for an id outside 0..points-1. */
ll_status ll_edge_add(ll_edge_list *list, int64_t a, int64_t b, int64_t points,
                      const ll_format_limits *limits, const char *place, ll_error *error);

/* count * element_bytes as a block of ll_allocate within the limit on unpacked bytes. */
ll_status ll_field_block(int64_t count, size_t element_bytes, const ll_format_limits *limits,
                         const char *place, void **block, ll_error *error);

/* Points (count x dimension) with values that fill a regular grid, in any order: turns *data into that grid
 * (axes ascending, axis k = coordinate k) and returns true in *is_grid; else leaves it alone. */
ll_status ll_field_points_to_grid(ll_field_data *data, bool *is_grid, ll_error *error);

/* Which of `count` names is the field: `wanted`, else a well-known one, else the only one. -1 and a failure
 * that lists the names otherwise. */
ll_status ll_field_choose(const char *const *names, int64_t count, const char *wanted, const char *active,
                          const char *place, int64_t *chosen, ll_error *error);
void ll_field_set_name(ll_field_data *data, const char *name);

#endif
