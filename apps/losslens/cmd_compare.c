/* losslens compare: distances between the topologies of several fields, and their pictures on one scale. */
#include "field_view.h"
#include "figure_options.h"
#include "json.h"
#include "options.h"

#include <stdlib.h>
#include <string.h>

typedef struct comparison {
    int64_t count;
    ll_field_view *views;
    const ll_merge_tree **trees;
    char (*titles)[256];
    double *matrices[LL_DISTANCE_KINDS];
    double worst_error[LL_DISTANCE_KINDS];
    bool wanted[LL_DISTANCE_KINDS];
} comparison;

static void comparison_free(comparison *c)
{
    for (int64_t i = 0; c->views != NULL && i < c->count; i++) ll_field_view_close(&c->views[i]);
    ll_free(c->views);
    ll_free(c->trees);
    ll_free(c->titles);
    for (int k = 0; k < LL_DISTANCE_KINDS; k++) ll_free(c->matrices[k]);
}

static ll_status comparison_make(comparison *c, char **paths, const ll_field_settings *settings,
                                 const ll_distance_options *distances, ll_error *error)
{
    c->views = ll_allocate_zeroed((size_t)c->count * sizeof *c->views);
    c->trees = ll_allocate_array(c->count, sizeof *c->trees);
    c->titles = ll_allocate_array(c->count, sizeof *c->titles);
    if (c->views == NULL || c->trees == NULL || c->titles == NULL)
        return ll_fail_memory(error, "losslens", (size_t)c->count * 4096);
    for (int64_t i = 0; i < c->count; i++) {
        LL_TRY(ll_field_view_open(&c->views[i], paths[i], settings, error));
        c->trees[i] = &c->views[i].tree;
        ll_field_title(paths[i], c->titles[i], sizeof c->titles[i]);
    }
    for (int k = 0; k < LL_DISTANCE_KINDS; k++) {
        if (!c->wanted[k]) continue;
        c->matrices[k] = ll_allocate_array(c->count * c->count, sizeof(double));
        if (c->matrices[k] == NULL)
            return ll_fail_memory(error, "losslens", (size_t)(c->count * c->count) * sizeof(double));
        LL_TRY(ll_distance_matrix((ll_distance_kind)k, c->trees, c->count, distances, settings->team,
                                  c->matrices[k], &c->worst_error[k], error));
    }
    return LL_OK;
}

/* ---------------------------------------------------------------- answers */

static bool print_json(const comparison *c, char **paths)
{
    ll_json json = {0};
    ll_json_open(&json, '{');
    ll_json_key(&json, "fields");
    ll_json_open(&json, '[');
    for (int64_t i = 0; i < c->count; i++) {
        const ll_merge_tree *tree = c->trees[i];
        ll_json_open(&json, '{');
        ll_json_add_text(&json, "field", paths[i]);
        ll_json_add_integer(&json, "vertices", tree->vertices);
        ll_json_add_integer(&json, "minima", tree->minima);
        ll_json_add_integer(&json, "saddles", tree->saddles);
        ll_json_add_integer(&json, "components", tree->components);
        ll_json_add_integer(&json, "excluded", tree->excluded);
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, ']');
    ll_json_add_text(&json, "connectivity", ll_connectivity_name(c->trees[0]->connectivity));
    ll_json_key(&json, "distances");
    ll_json_open(&json, '{');
    for (int k = 0; k < LL_DISTANCE_KINDS; k++) {
        if (!c->wanted[k]) continue;
        ll_json_key(&json, ll_distance_kind_name((ll_distance_kind)k));
        ll_json_open(&json, '{');
        ll_json_key(&json, "matrix");
        ll_json_open(&json, '[');
        for (int64_t i = 0; i < c->count; i++)
            ll_json_numbers(&json, c->matrices[k] + i * c->count, c->count);
        ll_json_close(&json, ']');
        ll_json_add_number(&json, "spread", ll_distance_spread(c->matrices[k], c->count));
        ll_json_add_number(&json, "relative_error", c->worst_error[k]);
        ll_json_close(&json, '}');
    }
    ll_json_close(&json, '}');
    ll_json_close(&json, '}');
    return ll_json_print(&json, stdout);
}

static void print_text(const comparison *c, char **paths)
{
    char a[LL_NUMBER_TEXT], b[LL_NUMBER_TEXT], d[LL_NUMBER_TEXT];
    for (int64_t i = 0; i < c->count; i++) {
        const ll_merge_tree *tree = c->trees[i];
        ll_value_range range = ll_merge_tree_range(tree);
        printf("%3lld  %s: %s %s, values %s to %s\n", (long long)i + 1, paths[i],
               ll_print_count(tree->minima, a), tree->minima == 1 ? "minimum" : "minima",
               ll_print_number(range.lowest, 5, b), ll_print_number(range.highest, 5, d));
    }
    for (int k = 0; k < LL_DISTANCE_KINDS; k++) {
        if (!c->wanted[k]) continue;
        printf("\n%s distance", ll_distance_kind_name((ll_distance_kind)k));
        if (c->worst_error[k] > 0.0)
            printf(" (relative error up to %s)", ll_print_number(c->worst_error[k], 2, a));
        printf(", mean of pairs %s\n     ",
               ll_print_number(ll_distance_spread(c->matrices[k], c->count), 5, a));
        for (int64_t j = 0; j < c->count; j++) printf(" %11lld", (long long)j + 1);
        printf("\n");
        for (int64_t i = 0; i < c->count; i++) {
            printf("  %3lld", (long long)i + 1);
            for (int64_t j = 0; j < c->count; j++)
                printf(" %11s", ll_print_number(c->matrices[k][i * c->count + j], 5, a));
            printf("\n");
        }
    }
}

static ll_status draw(comparison *c, const char *path, const char *kind_name,
                      const ll_figure_options *options, ll_error *error)
{
    ll_panel_kind kind;
    ll_panel *panels = ll_allocate_zeroed((size_t)(c->count + LL_DISTANCE_KINDS) * sizeof *panels);
    const char **names = ll_allocate_array(c->count, sizeof *names);
    int64_t count = 0;
    ll_status status = panels == NULL || names == NULL
                           ? ll_fail_memory(error, "losslens", (size_t)c->count * sizeof *panels)
                           : LL_OK;
    char titles[LL_DISTANCE_KINDS][64];
    if (status == LL_OK && strcmp(kind_name, "distances") == 0) {
        for (int64_t i = 0; i < c->count; i++) names[i] = c->titles[i];
        for (int k = 0; k < LL_DISTANCE_KINDS; k++) {
            if (!c->wanted[k]) continue;
            snprintf(titles[k], sizeof titles[k], "%s distance", ll_distance_kind_name((ll_distance_kind)k));
            panels[count++] = (ll_panel){.kind = LL_PANEL_MATRIX,
                                         .title = titles[k],
                                         .value_label = "distance",
                                         .matrix = {.rows = c->count,
                                                    .columns = c->count,
                                                    .values = c->matrices[k],
                                                    .row_names = names,
                                                    .column_names = names}};
        }
    } else if (status == LL_OK) {
        (void)ll_panel_kind_parse(kind_name, &kind);
        for (int64_t i = 0; i < c->count && status == LL_OK; i++) {
            status = ll_field_view_panel(&c->views[i], kind, c->titles[i], &panels[count++], error);
        }
    }
    if (status == LL_OK) status = ll_figure_write(path, panels, count, options, error);
    ll_free(panels);
    ll_free(names);
    return status;
}

/* ---------------------------------------------------------------- the verb */

static int run(int argc, char **argv)
{
    ll_field_settings settings = {.connectivity = "freudenthal"};
    ll_figure_settings figure = ll_figure_settings_default();
    ll_distance_options distances = ll_distance_options_default();
    bool json = false;
    const char *kind = "profile", *distance = "all";
    int64_t threads = 0;
    figure.width = 180.0;
    const ll_option options[] = {
        {"distance", LL_OPTION_CHOICE, &distance, "all|bottleneck|wasserstein|tree", "which distances", 0, 0,
         NULL},
        {"power", LL_OPTION_REAL, &distances.power, "P", "p of the Wasserstein distance", 1.0, 100.0, NULL},
        {"connectivity", LL_OPTION_CHOICE, &settings.connectivity, "freudenthal|freudenthal-plus|axis|box",
         "which vertices of a grid are neighbours", 0, 0, NULL},
        {"graph", LL_OPTION_TEXT, &settings.graph, "GRAPH",
         "neighbours of scattered points: knn:8, delaunay, gabriel", 0, 0, NULL},
        {"array", LL_OPTION_TEXT, &settings.array, "NAME", "which array of the files", 0, 0, NULL},
        {"shape", LL_OPTION_REALS, &settings.shape, "N,M,...", "read the values as a grid of these extents",
         0, 0, NULL},
        {"simplify", LL_OPTION_TEXT, &settings.simplify, "E",
         "drop pairs of persistence up to E, or up to 5% of the range", 0, 0, NULL},
        {"superlevel", LL_OPTION_FLAG, &settings.superlevel, NULL, "maxima and split trees instead", 0, 0,
         NULL},
        {"memory", LL_OPTION_BYTES, &settings.memory, "SIZE",
         "refuse to need more than this for a tree, e.g. 1GiB", 0, 0, NULL},
        LL_OPTION_THREADS(&threads),
        LL_OPTION_JSON(&json),
        {"kind", LL_OPTION_CHOICE, &kind, "profile|tree|diagram|barcode|contour|surface|distances",
         "what the figure shows", 0, 0, NULL},
        LL_FIGURE_OPTIONS(&figure),
    };
    const ll_command command = {
        .verb = "compare",
        .usage = "FIELD FIELD ... [options]",
        .about = "Distances between the merge trees and persistence diagrams of several fields, and their "
                 "pictures on\n"
                 "the same scales.",
        .example = "losslens compare seed0.npy seed1.npy seed2.npy\n"
                   "losslens compare skip.npy noskip.npy --figure profiles.pdf --kind profile --scale log\n"
                   "losslens compare *.npy --figure distances.svg --kind distances",
        .options = options,
        .option_count = LL_COUNT(options),
        .least_words = 2,
        .most_words = 1000};
    ll_words words;
    ll_figure_options figure_options;
    int code;
    if (!ll_command_parse(&command, argc, argv, &words, &code)) return code;
    if (!ll_figure_settings_apply(&command, &figure, &figure_options, &code)) return code;

    ll_panel_kind panel_kind;
    settings.outputs = LL_TOPOLOGY_TREE;
    if (figure.path != NULL && ll_panel_kind_parse(kind, &panel_kind))
        settings.outputs |= ll_field_outputs_of(panel_kind);
    comparison c = {.count = words.count};
    for (int k = 0; k < LL_DISTANCE_KINDS; k++) {
        c.wanted[k] =
            strcmp(distance, "all") == 0 || strcmp(distance, ll_distance_kind_name((ll_distance_kind)k)) == 0;
    }
    ll_error error = {0};
    if (ll_team_create((int)threads, &settings.team, &error) != LL_OK)
        return ll_command_failure(&command, &error);
    ll_status status = comparison_make(&c, words.items, &settings, &distances, &error);
    if (status == LL_OK && figure.path != NULL) status = draw(&c, figure.path, kind, &figure_options, &error);
    if (status == LL_OK && json && !print_json(&c, words.items)) {
        status = ll_fail(&error, LL_IO, "losslens", NULL, "the answer could not be written");
    }
    if (status == LL_OK && !json) print_text(&c, words.items);
    comparison_free(&c);
    ll_team_destroy(settings.team);
    return status == LL_OK ? LL_EXIT_OK : ll_command_failure(&command, &error);
}

const ll_verb ll_verb_compare = {"compare", "distances between the topologies of fields, side by side", run};
