#include "support_fields.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool adjacent(ll_connectivity connectivity, int rank, const int64_t *a, const int64_t *b)
{
    int moved = 0, ups = 0, downs = 0;
    for (int axis = 0; axis < rank; axis++) {
        int64_t step = b[axis] - a[axis];
        if (step < -1 || step > 1) return false;
        if (connectivity == LL_CONNECTIVITY_FREUDENTHAL && axis == rank - 1) step = -step;
        moved += step != 0;
        ups += step > 0;
        downs += step < 0;
    }
    if (moved == 0) return false;
    if (connectivity == LL_CONNECTIVITY_AXIS) return moved == 1;
    if (connectivity == LL_CONNECTIVITY_BOX) return true;
    return ups == 0 || downs == 0;
}

static void coordinates_of(const ll_grid_field *field, int64_t v, int64_t *place)
{
    for (int axis = field->rank - 1; axis >= 0; axis--) {
        place[axis] = v % field->shape[axis];
        v /= field->shape[axis];
    }
}

void twin_domain_of_grid(twin_domain *domain, const ll_grid_field *field, ll_connectivity connectivity,
                         bool superlevel, const double *values)
{
    int64_t n = ll_grid_field_vertices(field);
    *domain = (twin_domain){.vertices = n, .values = values, .superlevel = superlevel};
    domain->offsets = calloc((size_t)n + 1, sizeof *domain->offsets);
    domain->neighbours = malloc(((size_t)n * 729 + 1) * sizeof *domain->neighbours);
    int64_t count = 0;
    for (int64_t u = 0; u < n; u++) {
        int64_t here[LL_FIELD_MAX_RANK], there[LL_FIELD_MAX_RANK];
        coordinates_of(field, u, here);
        for (int64_t v = 0; v < n; v++) {
            coordinates_of(field, v, there);
            if (adjacent(connectivity, field->rank, here, there)) domain->neighbours[count++] = (int32_t)v;
        }
        domain->offsets[u + 1] = count;
    }
}

void twin_domain_deinit(twin_domain *domain)
{
    free(domain->offsets);
    free(domain->neighbours);
}

bool twin_before(const twin_domain *domain, int64_t u, int64_t v)
{
    double a = domain->values[u], b = domain->values[v];
    if (domain->superlevel) return a > b || (a == b && u < v);
    return a < b || (a == b && u < v);
}

static bool inside(const twin_domain *domain, int64_t v) { return isfinite(domain->values[v]); }

/* Marks with `mark` the component of `start` among the vertices that are not above `level`, `without` left
 * out; returns its lowest vertex. */
static int64_t flood(const twin_domain *domain, int64_t start, int64_t level, int64_t without, int64_t mark,
                     int64_t *marks, int64_t *stack, int64_t *size, int64_t *highest)
{
    int64_t depth = 0, lowest = start, count = 0;
    *highest = start;
    stack[depth++] = start;
    marks[start] = mark;
    while (depth > 0) {
        int64_t u = stack[--depth];
        count++;
        if (twin_before(domain, u, lowest)) lowest = u;
        if (twin_before(domain, *highest, u)) *highest = u;
        for (int64_t e = domain->offsets[u]; e < domain->offsets[u + 1]; e++) {
            int64_t w = domain->neighbours[e];
            if (w == without || !inside(domain, w) || marks[w] == mark) continue;
            if (w != level && !twin_before(domain, w, level)) continue;
            marks[w] = mark;
            stack[depth++] = w;
        }
    }
    *size = count;
    return lowest;
}

void twin_check_tree(const twin_domain *domain, const ll_merge_tree *tree, const char *what)
{
    int64_t n = domain->vertices, excluded = 0, minima = 0, saddles = 0, components = 0;
    size_t room = (size_t)n + 1;
    int64_t *marks = malloc(room * 8), *stack = malloc(room * 8), *death = malloc(room * 8),
            *elder = malloc(room * 8);
    int64_t *pair_of = malloc(room * 8), *node_of = malloc(room * 8);
    int64_t mark = 0, size, highest;
#define EXPECT(condition)                                                                                    \
    do {                                                                                                     \
        if (!(condition)) fail_msg("%s: %s (line %d)", what, #condition, __LINE__);                          \
    } while (0)
    for (int64_t v = 0; v < n; v++) {
        marks[v] = -1;
        death[v] = elder[v] = pair_of[v] = node_of[v] = -1;
    }
    for (int64_t i = 0; i < tree->minima; i++) {
        EXPECT(tree->pairs[i].birth >= 0 && tree->pairs[i].birth < n);
        EXPECT(i == 0 || tree->pairs[i].birth > tree->pairs[i - 1].birth);
        pair_of[tree->pairs[i].birth] = i;
    }
    for (int64_t node = 0; node < tree->node_count; node++) {
        EXPECT(node_of[tree->nodes[node].vertex] == -1);
        EXPECT(tree->nodes[node].value == domain->values[tree->nodes[node].vertex]);
        node_of[tree->nodes[node].vertex] = node;
    }
    for (int64_t v = 0; v < n; v++) {
        if (!inside(domain, v)) {
            excluded++;
            EXPECT(pair_of[v] == -1 && node_of[v] == -1);
            if (tree->basins != NULL) EXPECT(tree->basins[v] == -1);
            if (tree->arcs != NULL) EXPECT(tree->arcs[v] == -1);
            continue;
        }
        /* Components among the vertices below v that touch v. */
        int64_t branches = 0, lowest_of[729], first = ++mark, steepest = -1;
        for (int64_t e = domain->offsets[v]; e < domain->offsets[v + 1]; e++) {
            int64_t w = domain->neighbours[e];
            if (!inside(domain, w) || !twin_before(domain, w, v)) continue;
            if (steepest < 0 || twin_before(domain, w, steepest)) steepest = w;
            if (marks[w] >= first) continue;
            lowest_of[branches++] = flood(domain, w, v, v, mark++, marks, stack, &size, &highest);
        }
        mark++;
        int64_t survivor = branches > 0 ? lowest_of[0] : v;
        for (int64_t b = 1; b < branches; b++) {
            if (twin_before(domain, lowest_of[b], survivor)) survivor = lowest_of[b];
        }
        for (int64_t b = 0; b < branches; b++) {
            if (lowest_of[b] == survivor) continue;
            death[lowest_of[b]] = v;
            elder[lowest_of[b]] = survivor;
        }
        minima += branches == 0;
        saddles += branches >= 2;
        EXPECT((pair_of[v] >= 0) == (branches == 0));
        if (tree->basins != NULL) {
            EXPECT(tree->basins[v] == (steepest < 0   ? v
                                       : steepest < v ? tree->basins[steepest]
                                                      : tree->basins[v]));
            if (steepest > v) EXPECT(tree->basins[v] == tree->basins[steepest]);
        }
    }
    /* Components of the whole domain, and their last vertices. */
    int64_t *component_last = malloc(room * 8);
    for (int64_t v = 0; v < n; v++) component_last[v] = -1;
    int64_t top = -1;
    for (int64_t v = 0; v < n; v++) {
        if (inside(domain, v) && (top < 0 || twin_before(domain, top, v))) top = v;
    }
    int64_t first_mark = ++mark;
    for (int64_t v = 0; v < n; v++) {
        if (!inside(domain, v) || marks[v] >= first_mark) continue;
        int64_t lowest = flood(domain, v, top, -1, mark++, marks, stack, &size, &highest);
        components++;
        component_last[lowest] = highest;
        EXPECT(pair_of[lowest] >= 0);
        const ll_persistence_pair *pair = &tree->pairs[pair_of[lowest]];
        EXPECT(pair->essential && pair->death == highest && pair->elder == -1);
        if (tree->node_count > 0) {
            EXPECT(node_of[highest] >= 0 && tree->nodes[node_of[highest]].parent == -1);
        }
    }
    EXPECT(tree->vertices == n && tree->excluded == excluded && tree->minima == minima &&
           tree->saddles == saddles);
    EXPECT(tree->components == components && tree->merges == minima - components);
    for (int64_t i = 0; i < tree->minima; i++) {
        const ll_persistence_pair *pair = &tree->pairs[i];
        EXPECT(pair->dimension == 0);
        EXPECT(pair->birth_value == domain->values[pair->birth] &&
               pair->death_value == domain->values[pair->death]);
        if (pair->essential) {
            EXPECT(component_last[pair->birth] == pair->death);
            continue;
        }
        EXPECT(pair->death == death[pair->birth]);
        EXPECT(pair->elder >= 0 && tree->pairs[pair->elder].birth == elder[pair->birth]);
    }
    /* The tree: the parent of a node is the next node of its component going up; the arc of a vertex is the
     * highest node not above it in its component among the vertices not above it. */
    if (tree->node_count > 0) {
        int64_t *sizes = calloc((size_t)tree->node_count, 8), plain = 0;
        for (int64_t v = 0; v < n; v++) {
            if (!inside(domain, v)) continue;
            int64_t here = ++mark, best = -1;
            flood(domain, v, v, -1, here, marks, stack, &size, &highest);
            for (int64_t w = 0; w < n; w++) {
                if (marks[w] == here && node_of[w] >= 0 && (best < 0 || twin_before(domain, best, w)))
                    best = w;
            }
            EXPECT(best >= 0);
            sizes[node_of[best]]++;
            if (tree->arcs != NULL) EXPECT(tree->arcs[v] == node_of[best]);
            if (node_of[v] < 0) continue;
            const ll_tree_node *node = &tree->nodes[node_of[v]];
            /* The parent: lowest node above v whose component holds v. */
            int64_t parent = -1;
            for (int64_t w = 0; w < n; w++) {
                if (!inside(domain, w) || node_of[w] < 0 || !twin_before(domain, v, w)) continue;
                if (parent >= 0 && twin_before(domain, parent, w)) continue;
                int64_t other = ++mark;
                flood(domain, w, w, -1, other, marks, stack, &size, &highest);
                if (marks[v] == other) parent = w;
            }
            EXPECT(node->parent == (parent < 0 ? -1 : node_of[parent]));
            EXPECT(node->parent == -1 || node->parent > node_of[v]);
            int64_t kind = node_of[v] < minima ? 0 : node_of[v] < minima + saddles ? 1 : 2;
            EXPECT((kind == 0) == (pair_of[v] >= 0));
            if (node_of[v] > minima && node_of[v] < minima + saddles) {
                EXPECT(twin_before(domain, tree->nodes[node_of[v] - 1].vertex, v));
            }
            plain += kind == 2;
        }
        for (int64_t node = 0; tree->has_sizes && node < tree->node_count; node++) {
            EXPECT(sizes[node] == tree->nodes[node].size);
        }
        EXPECT(tree->node_count == minima + saddles + plain);
        free(sizes);
    }
#undef EXPECT
    free(component_last);
    free(marks);
    free(stack);
    free(death);
    free(elder);
    free(pair_of);
    free(node_of);
}

void same_trees(const ll_merge_tree *a, const ll_merge_tree *b, const char *what)
{
#define SAME(member)                                                                                         \
    if (a->member != b->member)                                                                              \
    fail_msg("%s: %s is %lld and %lld", what, #member, (long long)a->member, (long long)b->member)
    SAME(vertices);
    SAME(excluded);
    SAME(minima);
    SAME(saddles);
    SAME(merges);
    SAME(components);
    SAME(node_count);
    SAME(has_sizes);
    SAME(superlevel);
#undef SAME
    for (int64_t i = 0; i < a->minima; i++) {
        const ll_persistence_pair *p = &a->pairs[i], *q = &b->pairs[i];
        bool same = p->birth == q->birth && p->death == q->death && p->elder == q->elder &&
                    p->essential == q->essential && p->dimension == q->dimension &&
                    memcmp(&p->birth_value, &q->birth_value, 8) == 0 &&
                    memcmp(&p->death_value, &q->death_value, 8) == 0;
        if (!same) {
            fail_msg("%s: pair %lld: (%lld,%lld,%lld) and (%lld,%lld,%lld)", what, (long long)i,
                     (long long)p->birth, (long long)p->death, (long long)p->elder, (long long)q->birth,
                     (long long)q->death, (long long)q->elder);
        }
    }
    for (int64_t i = 0; i < a->node_count; i++) {
        const ll_tree_node *p = &a->nodes[i], *q = &b->nodes[i];
        bool same = p->vertex == q->vertex && p->parent == q->parent && p->size == q->size &&
                    memcmp(&p->value, &q->value, 8) == 0;
        if (!same) {
            fail_msg("%s: node %lld: (%lld,%lld,%lld) and (%lld,%lld,%lld)", what, (long long)i,
                     (long long)p->vertex, (long long)p->parent, (long long)p->size, (long long)q->vertex,
                     (long long)q->parent, (long long)q->size);
        }
    }
    bool basins = (a->basins == NULL) == (b->basins == NULL) &&
                  (a->basins == NULL || memcmp(a->basins, b->basins, (size_t)a->vertices * 4) == 0);
    bool arcs = (a->arcs == NULL) == (b->arcs == NULL) &&
                (a->arcs == NULL || memcmp(a->arcs, b->arcs, (size_t)a->vertices * 4) == 0);
    if (!basins) fail_msg("%s: basins differ", what);
    if (!arcs) fail_msg("%s: arcs differ", what);
}
