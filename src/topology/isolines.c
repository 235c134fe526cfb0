/* Isolines and filled bands of a 2-D field by marching squares.
 *
 * A cell is four finite corners. Its part {f >= level} is bounded by pieces of its sides and by cuts between
 * sides, taken with that part to the left. A cut is joined to the next at their common point on a grid side;
 * so are border pieces, which lie on sides that belong to one cell only. Each point is named by the corner or
 * side that it lies on, so joining is exact. */
#include "topology/chains.h"
#include "topology/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ levels */

static double finite_range(const ll_grid_field *field, int64_t vertices, double *lowest)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t v = 0; v < vertices; v++) {
        const double value = ll_grid_field_value(field, v);
        if (!isfinite(value)) continue;
        low = fmin(low, value), high = fmax(high, value);
    }
    *lowest = low;
    return high;
}

ll_status ll_contour_levels(const ll_grid_field *field, ll_level_scale scale, int64_t count, double *levels,
                            int64_t *levels_count, ll_error *error)
{
    LL_TRY(ll_grid_field_check(field, error));
    if (count < 0 || count > 100000)
        return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "levels",
                       "%lld levels; 0 to 100000 are possible", (long long)count);
    const int64_t vertices = ll_grid_field_vertices(field);
    double low;
    const double high = finite_range(field, vertices, &low);
    if (scale == LL_LEVELS_LOG && low <= 0)
        return ll_fail(error, LL_NUMERIC, TOPOLOGY, "levels",
                       "logarithmic levels want positive values; the lowest is %g", low);
    uint32_t *sorted = NULL;
    int64_t valid = 0, made = 0;
    if (scale == LL_LEVELS_QUANTILE)
        LL_TRY(topology_order_vertices(field->type, field->values, vertices, false, &sorted, &valid, error));
    for (int64_t i = 1; i <= count && low < high; i++) {
        const double share = (double)i / (double)(count + 1);
        double level;
        if (scale == LL_LEVELS_LOG) level = exp(log(low) + share * (log(high) - log(low)));
        else if (scale == LL_LEVELS_QUANTILE)
            level = ll_grid_field_value(field, sorted[(int64_t)(share * (double)(valid - 1))]);
        else level = low * (1 - share) + high * share;
        if (level > (made > 0 ? levels[made - 1] : low) && level < high) levels[made++] = level;
    }
    ll_free(sorted);
    *levels_count = made;
    return LL_OK;
}

/* ------------------------------------------------------------------ marching squares */

/* Points have names: 3 * vertex for a corner, + 1 for the side towards the next column, + 2 for the side
 * towards the next row. */
struct marching {
    const ll_grid_field *field;
    int64_t rows, columns;
    bool *cells; /* (rows - 1) x (columns - 1): all corners finite */
    double level;
    bool border;        /* rings of {f >= level} with borders; else cuts only */
    int64_t *from, *to; /* directed pieces by the names of their ends */
    int64_t count, capacity;
    topology_chains out;
};

static double axis_at(const ll_grid_field *field, int axis, int64_t i)
{
    return field->coordinates[axis] ? field->coordinates[axis][i] : (double)i;
}

static double value_at(const struct marching *m, int64_t row, int64_t column)
{
    return ll_grid_field_value(m->field, row * m->columns + column);
}

static bool cell_at(const struct marching *m, int64_t row, int64_t column)
{
    return row >= 0 && column >= 0 && row < m->rows - 1 && column < m->columns - 1 &&
           m->cells[row * (m->columns - 1) + column];
}

static ll_status add_piece(struct marching *m, int64_t from, int64_t to, ll_error *error)
{
    if (m->count == m->capacity) {
        const int64_t capacity = m->capacity ? 2 * m->capacity : 1024;
        int64_t *grown = ll_allocate_array(2 * capacity, sizeof *grown);
        if (!grown) return ll_fail_memory(error, TOPOLOGY, (size_t)capacity * 16);
        if (m->count > 0) {
            memcpy(grown, m->from, (size_t)m->count * sizeof *grown);
            memcpy(grown + capacity, m->to, (size_t)m->count * sizeof *grown);
        }
        ll_free(m->from);
        m->from = grown;
        m->to = grown + capacity;
        m->capacity = capacity;
    }
    m->from[m->count] = from;
    m->to[m->count++] = to;
    return LL_OK;
}

/* Corners and sides of a cell counter-clockwise (x to the right along columns, y upwards along rows):
 * corner k is followed by side k. */
static const int corner_row[4] = {0, 0, 1, 1}, corner_column[4] = {0, 1, 1, 0};

static ll_status march_cell(struct marching *m, int64_t row, int64_t column, ll_error *error)
{
    int64_t corner[4], side[4];
    bool inside[4];
    int count = 0;
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        const int64_t r = row + corner_row[k], c = column + corner_column[k];
        const double value = value_at(m, r, c);
        corner[k] = 3 * (r * m->columns + c);
        inside[k] = value >= m->level;
        count += inside[k];
        sum += value / 4;
    }
    side[0] = corner[0] + 1, side[1] = corner[1] + 2, side[2] = corner[3] + 1, side[3] = corner[0] + 2;
    if (m->border && count > 0) {
        const bool neighbour[4] = {cell_at(m, row - 1, column), cell_at(m, row, column + 1),
                                   cell_at(m, row + 1, column), cell_at(m, row, column - 1)};
        for (int k = 0; k < 4; k++) {
            if (neighbour[k]) continue;
            const int next = (k + 1) & 3;
            if (inside[k] && inside[next]) LL_TRY(add_piece(m, corner[k], corner[next], error));
            if (inside[k] && !inside[next]) LL_TRY(add_piece(m, corner[k], side[k], error));
            if (!inside[k] && inside[next]) LL_TRY(add_piece(m, side[k], corner[next], error));
        }
    }
    if (count == 0 || count == 4) return LL_OK;
    /* Walking around, the part is left over a side k (inside -> outside) and entered again over another; the
     * cut leads from where it is left to where it is entered: to the next entry around, or, if the two inside
     * corners of a two-diagonal cell are apart, to the entry before that cuts off the single corner. */
    const bool apart = count == 2 && inside[0] == inside[2] && sum < m->level;
    for (int k = 0; k < 4; k++) { /* the part is left over side k */
        if (!inside[k] || inside[(k + 1) & 3]) continue;
        int entry = k;
        if (apart) {
            entry = (k + 3) & 3; /* the inside corner k alone: entered over the side before it */
        } else {
            do entry = (entry + 1) & 3;
            while (inside[entry] || !inside[(entry + 1) & 3]);
        }
        LL_TRY(add_piece(m, side[k], side[entry], error));
    }
    return LL_OK;
}

/* ------------------------------------------------------------------ joining */

static ll_status emit_point(struct marching *m, int64_t name, ll_error *error)
{
    const int64_t vertex = name / 3, row = vertex / m->columns, column = vertex % m->columns;
    double x = axis_at(m->field, 1, column), y = axis_at(m->field, 0, row);
    const int kind = (int)(name % 3);
    if (kind != 0) {
        const double a = value_at(m, row, column);
        const double b = kind == 1 ? value_at(m, row, column + 1) : value_at(m, row + 1, column);
        double t = (m->level - a) / (b - a); /* a and b are on different sides of the level */
        if (!isfinite(t)) t = (m->level / 2 - a / 2) / (b / 2 - a / 2);
        if (kind == 1) x = x * (1 - t) + axis_at(m->field, 1, column + 1) * t;
        else y = y * (1 - t) + axis_at(m->field, 0, row + 1) * t;
    }
    if (topology_chains_open(&m->out) > 0) { /* a level through a corner gives the same point several times */
        const double *last = m->out.chains.points + 2 * (m->out.points - 1);
        if (last[0] == x && last[1] == y) return LL_OK;
    }
    return topology_chains_point(&m->out, x, y, error);
}

static ll_status emit_chain(struct marching *m, const uint32_t *pieces, int64_t length, bool closed,
                            int64_t item, double value, ll_error *error)
{
    for (int64_t i = 0; i < length; i++) LL_TRY(emit_point(m, m->from[pieces[i]], error));
    if (!closed) LL_TRY(emit_point(m, m->to[pieces[length - 1]], error));
    const int64_t open = topology_chains_open(&m->out);
    if (closed && open > 1) { /* the seam */
        const double *first = m->out.chains.points + 2 * (m->out.points - open);
        const double *last = m->out.chains.points + 2 * (m->out.points - 1);
        if (first[0] == last[0] && first[1] == last[1]) m->out.points--;
    }
    if (topology_chains_open(&m->out) < (closed ? 3 : 2)) { /* shrunk to a point or a line of no area */
        m->out.points -= topology_chains_open(&m->out);
        return LL_OK;
    }
    return topology_chains_end(&m->out, value, item, closed, error);
}

/* Pieces sorted by where they start; a piece's follower starts where it ends. Two pieces can start at one
 * corner where cells meet in that corner only: any pairing gives closed rings. */
static ll_status join(struct marching *m, int64_t item, double value, ll_error *error)
{
    const int64_t n = m->count;
    if (n == 0) return LL_OK;
    uint64_t *keys = ll_allocate_array(2 * n, sizeof *keys);
    uint32_t *order = ll_allocate_array(2 * n, sizeof *order);
    int64_t *next = ll_allocate_array(n, sizeof *next);
    uint32_t *path = ll_allocate_array(n, sizeof *path);
    bool *started = ll_allocate_zeroed((size_t)n), *reached = ll_allocate_zeroed((size_t)n);
    ll_status status = LL_OK;
    if (!keys || !order || !next || !path || !started || !reached)
        status = ll_fail_memory(error, TOPOLOGY, (size_t)n * 48);
    if (status == LL_OK) {
        for (int64_t i = 0; i < n; i++) keys[i] = (uint64_t)m->from[i], order[i] = (uint32_t)i;
        topology_sort_keys(keys, order, keys + n, order + n, n);
        for (int64_t i = 0; i < n; i++) {
            int64_t low = 0, high = n;
            while (low < high) {
                const int64_t middle = low + (high - low) / 2;
                if (keys[middle] < (uint64_t)m->to[i]) low = middle + 1;
                else high = middle;
            }
            while (low < n && keys[low] == (uint64_t)m->to[i] && reached[order[low]]) low++;
            next[i] = low < n && keys[low] == (uint64_t)m->to[i] ? (int64_t)order[low] : -1;
            if (next[i] >= 0) reached[next[i]] = true;
        }
    }
    /* Open chains first: they start at a piece that nothing leads to. */
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < n && status == LL_OK; i++) {
            if (started[i] || (pass == 0 && reached[i])) continue;
            int64_t length = 0, at = i;
            while (at >= 0 && !started[at]) {
                started[at] = true;
                path[length++] = (uint32_t)at;
                at = next[at];
            }
            status = emit_chain(m, path, length, at >= 0, item, value, error);
        }
    ll_free(keys), ll_free(order), ll_free(next), ll_free(path), ll_free(started), ll_free(reached);
    return status;
}

static ll_status march(struct marching *m, int64_t item, double value, ll_error *error)
{
    m->count = 0;
    for (int64_t row = 0; row + 1 < m->rows; row++)
        for (int64_t column = 0; column + 1 < m->columns; column++)
            if (cell_at(m, row, column)) LL_TRY(march_cell(m, row, column, error));
    return join(m, item, value, error);
}

static ll_status trace(const ll_grid_field *field, const double *levels, int64_t count, bool border,
                       ll_chains *result, ll_error *error)
{
    LL_TRY(ll_grid_field_check(field, error));
    if (field->rank != 2)
        return ll_fail(error, LL_SHAPE, TOPOLOGY, "isolines", "a field of rank %d; rank 2 is wanted",
                       field->rank);
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(levels[i]))
            return ll_fail(error, LL_INVALID_ARGUMENT, TOPOLOGY, "isolines", "level %lld is not finite",
                           (long long)i);
    struct marching m = {
        .field = field, .rows = field->shape[0], .columns = field->shape[1], .border = border};
    const int64_t cell_rows = ll_max_int64(m.rows - 1, 0), cell_columns = ll_max_int64(m.columns - 1, 0);
    m.cells = ll_allocate_array(cell_rows * cell_columns, sizeof *m.cells);
    if (!m.cells) return ll_fail_memory(error, TOPOLOGY, (size_t)(cell_rows * cell_columns));
    for (int64_t r = 0; r < cell_rows; r++)
        for (int64_t c = 0; c < cell_columns; c++)
            m.cells[r * cell_columns + c] =
                isfinite(value_at(&m, r, c)) && isfinite(value_at(&m, r, c + 1)) &&
                isfinite(value_at(&m, r + 1, c)) && isfinite(value_at(&m, r + 1, c + 1));
    double lowest;
    ll_status status = LL_OK;
    if (isfinite(finite_range(field, ll_grid_field_vertices(field), &lowest)) && border) {
        m.level = lowest;
        status = march(&m, -1, lowest, error);
    }
    for (int64_t i = 0; i < count && status == LL_OK; i++) {
        m.level = levels[i];
        status = march(&m, i, levels[i], error);
    }
    if (status == LL_OK) status = topology_chains_take(&m.out, result, error);
    ll_free(m.cells), ll_free(m.from);
    topology_chains_deinit(&m.out);
    return status;
}

ll_status ll_isolines(const ll_grid_field *field, const double *levels, int64_t count, ll_chains *lines,
                      ll_error *error)
{
    return trace(field, levels, count, false, lines, error);
}

ll_status ll_filled_bands(const ll_grid_field *field, const double *levels, int64_t count, ll_chains *rings,
                          ll_error *error)
{
    return trace(field, levels, count, true, rings, error);
}
