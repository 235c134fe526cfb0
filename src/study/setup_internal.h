/* A setup in two halves: the samples of its roles (setup_data.c), and the model, weights and Problem (setup.c). */
#ifndef LOSSLENS_SRC_STUDY_SETUP_INTERNAL_H
#define LOSSLENS_SRC_STUDY_SETUP_INTERNAL_H

#include "losslens/study_setup.h"

enum { SETUP_TABLES = 20, SETUP_ROLES = 8, SETUP_OVERLAPS = SETUP_ROLES * (SETUP_ROLES - 1) / 2 };

/* Rows of the tables that belong to a role: one behind the other in the order of the roles. */
typedef struct setup_part {
    char role[32];
    const ll_dataset *dataset;
    ll_subset subset;
    int64_t first; /* row */
} setup_part;

struct ll_setup {
    ll_problem *problem;
    const ll_model_info *model_info;
    ll_model *model; /* owned by the problem once that exists */
    ll_dataset *datasets[2];
    ll_normalisation normalisation;
    setup_part parts[SETUP_ROLES];
    ll_setup_samples samples[SETUP_ROLES]; /* the parts as others see them */
    ll_setup_overlap overlaps[SETUP_OVERLAPS];
    int64_t part_count, overlap_count, rows, classes;
    void *inputs; /* [rows, width] in the model's type */
    int64_t *labels;
    void *targets;
    ll_pinn_samples points[LL_PINN_TERMS]; /* of the family */
    ll_pinn_samples *tables;               /* of an equation, one a term */
    int64_t table_count;
    void *converted[SETUP_TABLES]; /* the points in the model's type */
    bool by_order;
    const ll_format_limits *limits;
    ll_text report, notes;
};

/* Reads the data, chooses the samples of each role, looks for overlaps, and fills inputs, labels and targets. */
/* `file`: the checkpoint, which may know how its inputs were normalised; or NULL. */
ll_status setup_read_data(ll_setup *setup, const ll_setup_options *options, const ll_tensor_file *file,
                          ll_error *error);
void setup_free_data(ll_setup *setup);

#endif
