/* Edges of the Delaunay triangulation by qhull (Barber, Dobkin, Huhdanpaa 1996). */
#define _POSIX_C_SOURCE 200809L /* open_memstream: qhull reports through a FILE */
#include "topology/graph.h"

#include <libqhull_r/qhull_ra.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct edges {
    int64_t *pairs;
    int64_t count, capacity;
};

static ll_status add(struct edges *edges, int64_t a, int64_t b, ll_error *error)
{
    if (edges->count == edges->capacity) {
        int64_t capacity = edges->capacity ? 2 * edges->capacity : 4096;
        int64_t *pairs = ll_allocate_array(2 * capacity, sizeof *pairs);
        if (!pairs) return ll_fail_memory(error, TOPOLOGY, (size_t)capacity * 2 * sizeof *pairs);
        if (edges->count) memcpy(pairs, edges->pairs, (size_t)edges->count * 2 * sizeof *pairs);
        ll_free(edges->pairs);
        edges->pairs = pairs;
        edges->capacity = capacity;
    }
    edges->pairs[2 * edges->count] = a;
    edges->pairs[2 * edges->count++ + 1] = b;
    return LL_OK;
}

/* All pairs of corners of each lower simplex, and for points that qhull left out (they coincide with a
 * corner, or nearly so) a link to the nearest corner. */
static ll_status collect(qhT *qh, int64_t count, struct edges *edges, int64_t *simplices, int64_t *ambiguous,
                         ll_error *error)
{
    facetT *facet;
    vertexT *vertex, **vertexp, *other, **otherp;
    pointT *point, **pointp;
    *simplices = *ambiguous = 0;
    FORALLfacets
    {
        if (facet->upperdelaunay) continue;
        ++*simplices;
        *ambiguous += facet->tricoplanar || !facet->simplicial;
        FOREACHvertex_(facet->vertices)
        {
            int64_t a = qh_pointid(qh, vertex->point);
            FOREACHsetelement_(vertexT, facet->vertices, other)
            {
                int64_t b = qh_pointid(qh, other->point);
                if (a < b && a >= 0 && b < count) LL_TRY(add(edges, a, b, error));
            }
        }
        if (!facet->coplanarset) continue;
        FOREACHpoint_(facet->coplanarset)
        {
            double distance;
            int64_t a = qh_pointid(qh, point);
            vertexT *nearest = qh_nearvertex(qh, facet, point, &distance);
            int64_t b = qh_pointid(qh, nearest->point);
            if (a >= 0 && a < count && b >= 0 && b < count) LL_TRY(add(edges, a, b, error));
        }
    }
    return LL_OK;
}

/* The first line of qhull's report without its code ("QH6154 qhull precision error: ..."). */
static ll_status refuse(const char *report, ll_error *error)
{
    const char *start = report ? report : "";
    while (*start == '\n' || *start == ' ') start++;
    if (strncmp(start, "QH", 2) == 0 && strchr(start, ' ')) start = strchr(start, ' ') + 1;
    int length = (int)strcspn(start, "\n");
    return ll_fail(
        error, LL_NUMERIC, TOPOLOGY, "delaunay",
        "the points have no Delaunay triangulation in their space (%.*s); they must not lie in a common "
        "hyperplane or on a common sphere of fewer dimensions",
        length > 200 ? 200 : length, start);
}

static ll_status triangulate(const ll_points *points, struct edges *edges, int64_t *simplices,
                             int64_t *ambiguous, ll_error *error)
{
    const int d = points->dimension;
    const size_t bytes = (size_t)points->count * (size_t)d * sizeof(double);
    coordT *copy = malloc(bytes); /* qhull may scale in place, and frees with free() */
    if (!copy) return ll_fail_memory(error, TOPOLOGY, bytes);
    memcpy(copy, points->coordinates, bytes);
    char *report = NULL;
    size_t report_bytes = 0;
    FILE *stream = open_memstream(&report, &report_bytes);
    if (!stream) {
        free(copy);
        return ll_fail_memory(error, TOPOLOGY, 4096);
    }
    qhT state;
    qhT *qh = &state;
    qh_zero(qh, stream);
    char command[64]; /* qhull writes into it */
    snprintf(command, sizeof command, "qhull d Qt Qbb Qc Qz Q12%s", d > 4 ? " Qx" : "");
    int failed = qh_new_qhull(qh, d, (int)points->count, copy, True, command, NULL, stream);
    fflush(stream);
    ll_status status =
        failed ? refuse(report, error) : collect(qh, points->count, edges, simplices, ambiguous, error);
    int current, total;
    qh_freeqhull(qh, !qh_ALL);
    qh_memfreeshort(qh, &current, &total);
    fclose(stream);
    free(report);
    return status;
}

static int by_coordinate(const void *a, const void *b)
{
    const double *const *x = a, *const *y = b;
    if (**x != **y) return **x < **y ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

/* On a line, neighbours in space are neighbours in order. */
static ll_status line(const ll_points *points, struct edges *edges, ll_error *error)
{
    const double **order = ll_allocate_array(points->count, sizeof *order);
    if (!order) return ll_fail_memory(error, TOPOLOGY, (size_t)points->count * sizeof *order);
    for (int64_t i = 0; i < points->count; i++) order[i] = points->coordinates + i;
    qsort(order, (size_t)points->count, sizeof *order, by_coordinate);
    ll_status status = LL_OK;
    for (int64_t i = 1; i < points->count && status == LL_OK; i++)
        status = add(edges, order[i - 1] - points->coordinates, order[i] - points->coordinates, error);
    ll_free(order);
    return status;
}

ll_status topology_graph_delaunay(const ll_points *points, ll_graph *graph, ll_error *error)
{
    const int64_t n = points->count;
    const int d = points->dimension;
    if (d > LL_DELAUNAY_MAX_DIMENSION)
        return ll_fail(error, LL_UNSUPPORTED, TOPOLOGY, "delaunay",
                       "%d dimensions; a triangulation is out of reach beyond %d: use gabriel or knn", d,
                       LL_DELAUNAY_MAX_DIMENSION);
    if (n > INT32_MAX / 8)
        return ll_fail(error, LL_TOO_LARGE, TOPOLOGY, "delaunay", "%lld points; at most %d are possible",
                       (long long)n, INT32_MAX / 8);
    struct edges edges = {0};
    int64_t simplices = 0, ambiguous = 0;
    ll_status status = LL_OK;
    if (d == 1 || n <= 2) {
        if (d == 1) status = line(points, &edges, error);
        else if (n == 2) status = add(&edges, 0, 1, error);
    } else if (n <= d) {
        status = ll_fail(error, LL_NUMERIC, TOPOLOGY, "delaunay",
                         "%lld points in %d dimensions lie in a common hyperplane; at least %d are wanted",
                         (long long)n, d, d + 1);
    } else {
        status = triangulate(points, &edges, &simplices, &ambiguous, error);
    }
    ll_graph result;
    if (status == LL_OK) status = ll_graph_of_edges(n, edges.pairs, edges.count, &result, error);
    ll_free(edges.pairs);
    LL_TRY(status);
    result.ignored = 0; /* edges shared by simplices, not the caller's */
    result.ambiguous = ambiguous > 0;
    if (ambiguous > 0)
        snprintf(
            result.warning, sizeof result.warning,
            "%lld of %lld simplices share an empty sphere with others, as on a regular grid: the Delaunay "
            "triangulation is one of several; a grid connectivity or gabriel is unique",
            (long long)ambiguous, (long long)simplices);
    *graph = result;
    return LL_OK;
}
