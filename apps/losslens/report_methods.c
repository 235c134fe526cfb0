#include "report_methods.h"

#include "config.h"
#include "options.h"

#include <string.h>

/* ---------------------------------------------------------------- references */

typedef struct reference {
    const char *key, *entry;
} reference;

static const reference references_known[] = {
    {"li2018", "@inproceedings{li2018,\n  author = {Li, Hao and Xu, Zheng and Taylor, Gavin and Studer, "
               "Christoph and Goldstein, Tom},\n"
               "  title = {Visualizing the Loss Landscape of Neural Nets},\n  booktitle = {Advances in "
               "Neural Information Processing Systems},\n  year = {2018}\n}\n"},
    {"garipov2018", "@inproceedings{garipov2018,\n  author = {Garipov, Timur and Izmailov, Pavel and "
                    "Podoprikhin, Dmitrii and Vetrov, Dmitry and Wilson, Andrew Gordon},\n"
                    "  title = {Loss Surfaces, Mode Connectivity, and Fast Ensembling of {DNNs}},\n  "
                    "booktitle = {Advances in Neural Information Processing Systems},\n  year = {2018}\n}\n"},
    {"kornblith2019", "@inproceedings{kornblith2019,\n  author = {Kornblith, Simon and Norouzi, Mohammad and "
                      "Lee, Honglak and Hinton, Geoffrey},\n"
                      "  title = {Similarity of Neural Network Representations Revisited},\n  booktitle = "
                      "{International Conference on Machine Learning},\n  year = {2019}\n}\n"},
    {"yang2021",
     "@inproceedings{yang2021,\n  author = {Yang, Yaoqing and Hodgkinson, Liam and Theisen, Ryan and Zou, "
     "Joe and Gonzalez, Joseph E. and Ramchandran, Kannan and Mahoney, Michael W.},\n"
     "  title = {Taxonomizing Local versus Global Structure in Neural Network Loss Landscapes},\n  booktitle "
     "= {Advances in Neural Information Processing Systems},\n  year = {2021}\n}\n"},
    {"krishnapriyan2021",
     "@inproceedings{krishnapriyan2021,\n  author = {Krishnapriyan, Aditi S. and Gholami, Amir and Zhe, "
     "Shandian and Kirby, Robert M. and Mahoney, Michael W.},\n"
     "  title = {Characterizing Possible Failure Modes in Physics-Informed Neural Networks},\n  booktitle = "
     "{Advances in Neural Information Processing Systems},\n  year = {2021}\n}\n"},
    {"edelsbrunner2002", "@article{edelsbrunner2002,\n  author = {Edelsbrunner, Herbert and Letscher, David "
                         "and Zomorodian, Afra},\n"
                         "  title = {Topological Persistence and Simplification},\n  journal = {Discrete \\& "
                         "Computational Geometry},\n  volume = {28},\n  year = {2002}\n}\n"},
    {"oesterling2013",
     "@inproceedings{oesterling2013,\n  author = {Oesterling, Patrick and Heine, Christian and Weber, "
     "Gunther H. and Scheuermann, Gerik},\n"
     "  title = {Visualizing {nD} Point Clouds as Topological Landscape Profiles to Guide Local Data "
     "Analysis},\n"
     "  journal = {IEEE Transactions on Visualization and Computer Graphics},\n  year = {2013}\n}\n"},
    {"losslens", "@software{losslens,\n  title = {losslens: the shape of neural loss landscapes},\n  version "
                 "= {" LOSSLENS_VERSION "}\n}\n"},
};

static void cite(ll_text *references, const char *key)
{
    char head[64];
    snprintf(head, sizeof head, "{%s,", key);
    if (references->text != NULL && strstr(references->text, head) != NULL) return;
    for (int i = 0; i < LL_COUNT(references_known); i++)
        if (strcmp(references_known[i].key, key) == 0) ll_text_append(references, references_known[i].entry);
}

/* ---------------------------------------------------------------- what records say */

static const char *text_of(const ll_record *record, const char *name, const char *otherwise)
{
    const char *text;
    return ll_record_find(record, name) != NULL && ll_record_get_text(record, name, &text, NULL) == LL_OK
               ? text
               : otherwise;
}

static double number_of(const ll_record *record, const char *name)
{
    double value;
    return ll_record_find(record, name) != NULL && ll_record_get_real(record, name, &value, NULL) == LL_OK
               ? value
               : NAN;
}

/* The first result of that kind of any model; *record NULL: there is none. */
static ll_status first_of(ll_store *store, const ll_overview *o, const char *kind, ll_record **record,
                          ll_error *error)
{
    *record = NULL;
    for (int64_t m = 0; m < o->model_count; m++) {
        int64_t id = ll_overview_record_of(&o->models[m], kind);
        if (id != LL_NO_RECORD) return ll_store_read_record(store, id, record, error);
    }
    return LL_OK;
}

static void say_landscape(const ll_record *record, ll_text *paragraph, ll_text *references)
{
    const ll_array *loss, *axis;
    char low[LL_NUMBER_TEXT], high[LL_NUMBER_TEXT];
    if (ll_record_get_array(record, "loss", &loss, NULL) != LL_OK ||
        ll_record_get_array(record, "axis_0", &axis, NULL) != LL_OK)
        return;
    const double *positions = axis->data;
    int64_t last = ll_array_count(axis) - 1;
    if (axis->type != LL_ARRAY_FLOAT64 || last < 0) return;
    ll_text_append(paragraph, "The loss was sampled on a grid of ");
    for (int k = 0; k < loss->rank; k++)
        ll_text_format(paragraph, "%s%lld", k > 0 ? " x " : "", (long long)loss->shape[k]);
    ll_text_format(paragraph, " points, from %s to %s along %s directions",
                   ll_print_number(positions[0], 3, low), ll_print_number(positions[last], 3, high),
                   text_of(record, "axis_0_kind", "given"));
    const char *normalisation = text_of(record, "axis_0_normalisation", "none");
    if (strcmp(normalisation, "none") != 0) {
        ll_text_format(paragraph, " with %s normalisation [li2018]", normalisation);
        cite(references, "li2018");
    }
    double samples = number_of(record, "set_0_samples");
    if (isfinite(samples)) ll_text_format(paragraph, ", over %.0f samples", samples);
    if (number_of(record, "buffers") > 0.0)
        ll_text_format(paragraph, "; batch-norm statistics: %s", text_of(record, "batch_norm", "keep"));
    ll_text_append(paragraph, ". ");
}

/* Each way of sampling once: random directions and those of a path, the grids of several groups. */
static ll_status say_landscapes(ll_store *store, const ll_overview *o, ll_text *paragraph,
                                ll_text *references, ll_error *error)
{
    enum { MOST_READ = 48 };
    int read = 0;
    for (int64_t m = 0; m < o->model_count; m++) {
        for (int64_t i = 0; i < o->models[m].record_count && read < MOST_READ; i++) {
            if (strcmp(o->models[m].records[i].kind, "landscape") != 0) continue;
            ll_record *record;
            LL_TRY(ll_store_read_record(store, o->models[m].records[i].id, &record, error));
            ll_text sentence = {0};
            say_landscape(record, &sentence, references);
            if (sentence.text != NULL &&
                (paragraph->text == NULL || strstr(paragraph->text, sentence.text) == NULL))
                ll_text_append(paragraph, sentence.text);
            ll_text_deinit(&sentence);
            ll_record_destroy(record);
            read++;
        }
    }
    return LL_OK;
}

static void say_topology(const ll_record *record, ll_text *paragraph, ll_text *references)
{
    ll_text_format(paragraph,
                   "Merge trees and persistence pairs [edelsbrunner2002] of the sampled field were computed "
                   "with the %s neighbourhood, "
                   "ties broken by position; landscape profiles follow [oesterling2013]. ",
                   text_of(record, "connectivity", "freudenthal"));
    cite(references, "edelsbrunner2002");
    cite(references, "oesterling2013");
}

static void say_curvature(const ll_record *record, ll_text *paragraph)
{
    char tolerance[LL_NUMBER_TEXT];
    const ll_array *values;
    if (ll_record_get_array(record, "eigenvalues", &values, NULL) != LL_OK) return;
    ll_text_format(paragraph,
                   "The %lld outermost eigenvalues of the %s were found by a block Krylov method to a "
                   "relative residual of %s",
                   (long long)ll_array_count(values),
                   strcmp(text_of(record, "operator", "hessian"), "ggn") == 0
                       ? "generalised Gauss-Newton matrix"
                       : "Hessian",
                   ll_print_number(number_of(record, "tolerance"), 2, tolerance));
    double samples = number_of(record, "samples");
    if (isfinite(samples)) ll_text_format(paragraph, " over %.0f samples", samples);
    ll_text_append(paragraph, ". ");
}

static void say_pairs(const ll_overview *o, const ll_record *record, ll_text *paragraph, ll_text *references)
{
    int64_t converged = 0;
    for (int64_t p = 0; p < o->pair_count; p++) converged += o->pairs[p].converged;
    ll_text_format(paragraph,
                   "Minima were joined by %s curves [garipov2018] trained until connected or no longer "
                   "moving (%lld of %lld pairs converged); "
                   "mode connectivity is the largest deviation of the loss from the mean of the ends. ",
                   text_of(record, "path", "bezier"), (long long)converged, (long long)o->pair_count);
    cite(references, "garipov2018");
}

static ll_status say_rest(ll_store *store, const ll_overview *o, ll_text *paragraph, ll_text *references,
                          ll_error *error)
{
    for (int64_t i = 0; i < o->record_count; i++) {
        if (strcmp(o->records[i].kind, "similarity") != 0) continue;
        ll_record *record;
        LL_TRY(ll_store_read_record(store, o->records[i].id, &record, error));
        ll_text_format(
            paragraph,
            "Models were compared by %s linear CKA [kornblith2019] of their features on %.0f samples",
            text_of(record, "variant", "debiased"), number_of(record, "samples"));
        ll_text_append(paragraph, o->placement_count > 0 ? " and placed by 1 - CKA. " : ". ");
        cite(references, "kornblith2019");
        ll_record_destroy(record);
        break;
    }
    for (int64_t g = 0; g < o->group_count; g++) {
        if (o->groups[g].taxonomy == LL_NO_RECORD) continue;
        ll_text_append(paragraph, "Groups were labelled by the taxonomy of [yang2021]. ");
        cite(references, "yang2021");
        break;
    }
    return LL_OK;
}

ll_status ll_report_methods(ll_store *store, const ll_overview *o, ll_text *paragraph, ll_text *references,
                            ll_error *error)
{
    ll_text_format(paragraph, "All results were computed with losslens %s [losslens]. ", LOSSLENS_VERSION);
    cite(references, "losslens");
    ll_record *record;
    LL_TRY(first_of(store, o, "model", &record, error));
    if (record != NULL && strstr(text_of(record, "problem", ""), "convection") != NULL) {
        ll_text_append(paragraph, "The physics-informed problems are those of [krishnapriyan2021]. ");
        cite(references, "krishnapriyan2021");
    }
    ll_record_destroy(record);
    LL_TRY(say_landscapes(store, o, paragraph, references, error));
    LL_TRY(first_of(store, o, "topology", &record, error));
    if (record != NULL) say_topology(record, paragraph, references);
    ll_record_destroy(record);
    LL_TRY(first_of(store, o, "eigenpairs", &record, error));
    if (record != NULL) say_curvature(record, paragraph);
    ll_record_destroy(record);
    if (o->pair_count > 0) {
        LL_TRY(ll_store_read_record(store, o->pairs[0].record, &record, error));
        say_pairs(o, record, paragraph, references);
        ll_record_destroy(record);
    }
    return say_rest(store, o, paragraph, references, error);
}
