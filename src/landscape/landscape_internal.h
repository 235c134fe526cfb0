/* What the files behind ll_landscape share. */
#ifndef LL_LANDSCAPE_INTERNAL_H
#define LL_LANDSCAPE_INTERNAL_H

#include "losslens/landscape.h"
#include "losslens/problem_vectors.h"

#define LL_LANDSCAPE_MODULE "landscape"
#define LL_CALIBRATION_DEFAULT 1000
#define LL_BATCH_DEFAULT 500
#define LL_EIGENVALUE_COLUMNS 4 /* largest, smallest, and their residuals */

typedef enum ll_point_state {
    LL_POINT_MISSING = 0,
    LL_POINT_EVALUATED = 1,
    LL_POINT_INTERPOLATED = 2
} ll_point_state;

/* One stored quantity: a column of the table of values. */
typedef struct ll_column {
    char name[96];
    char unit[16];
    bool idle; /* a term of weight 0 that was not asked for: not evaluated, not stored */
} ll_column;

struct ll_landscape {
    ll_problem *problem;
    const ll_problem_info *info;
    ll_landscape_options options; /* defaults filled in, batch_norm never auto */
    ll_arena *arena;              /* names, sample lists, columns */
    ll_samples *calibration;      /* one a term; NULL unless re-estimated */
    bool weighted_only;           /* terms of weight 0 are left out, and so are metrics */
    bool reestimate_refused;      /* auto wanted to re-estimate and could not */
    int64_t points, tile, tiles, columns;
    int64_t set_columns; /* columns of one set */
    ll_column *column;
    int64_t *order;             /* point ids in progressive order */
    double *values;             /* points x columns; NaN where missing */
    uint8_t *state;             /* ll_point_state */
    double *centre;             /* columns of the sets: the origin with its own buffers */
    double *centre_reestimated; /* the same with re-estimated buffers; unused otherwise */
    bool centre_done;
    ll_hash digest;
    bool data_known; /* digest covers the data */
    /* adaptive mode */
    double *error_estimate; /* per point; NULL unless adaptive */
    double measured_error_max, measured_error_rms;
    int64_t measured_points;
};

/* alpha of a point, and the coefficients of the axes' directions there. */
void ll_landscape_position(const ll_landscape *landscape, int64_t point,
                           double alpha[LL_LANDSCAPE_MAX_DIMENSIONS]);
void ll_landscape_coefficients(const ll_axes *axes, const double *alpha, double *coefficients);

/* rows: count x columns. Evaluates the points directly. */
ll_status ll_landscape_evaluate(const ll_landscape *landscape, const int64_t *points, int64_t count,
                                double *rows, ll_error *error);
/* Fills centre and centre_reestimated (columns of the sets). */
ll_status ll_landscape_evaluate_centre(const ll_landscape *landscape, double *centre,
                                       double *centre_reestimated, ll_error *error);
/* The refusals that the first evaluation would meet. */
ll_status ll_landscape_check_requests(const ll_landscape *landscape, ll_error *error);
ll_status ll_landscape_request_memory(const ll_landscape *landscape, size_t *bytes, ll_error *error);

/* Takes the piece from the sink, or computes and hands over `count` points; stores rows and states. */
ll_status ll_landscape_piece(ll_landscape *landscape, const char *name, const int64_t *points, int64_t count,
                             const ll_sink *sink, ll_error *error);
ll_status ll_landscape_run_adaptive(ll_landscape *landscape, const ll_sink *sink, ll_error *error);

#endif
