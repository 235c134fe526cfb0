/* landscape_axes.h - the directions of `losslens landscape`: which vectors span it, the checkpoints of paths,
 * and where those lie in the plane. */
#ifndef LOSSLENS_APP_LANDSCAPE_AXES_H
#define LOSSLENS_APP_LANDSCAPE_AXES_H

#include "setup_flags.h"

#include "losslens/landscape.h"

enum { LL_MOST_CHECKPOINTS = 4 * LL_LIST_LIMIT };

/* What spans the landscape, as on the command line. */
typedef struct ll_axes_settings {
    const char *kind; /* random, hessian, pca, between, gradient, coordinates, file, adam */
    const char *normalise, *small, *moments;
    ll_texts trajectory, to, files;
    bool orthogonal, uncentred, barycentric;
    int64_t seed;
} ll_axes_settings;

/* Directions around one network, and the paths on them. Zero-initialise; end with deinit. */
typedef struct ll_axes_work {
    ll_setup *setup; /* borrowed; NULL for closed forms */
    ll_problem *problem;
    const void *origin, *origin_buffers; /* the network at the centre */
    void *theta[LL_MOST_CHECKPOINTS], *buffers[LL_MOST_CHECKPOINTS];
    double epoch[LL_MOST_CHECKPOINTS]; /* as stored in the files; NaN where not */
    int loaded;
    int64_t path_length[LL_LIST_LIMIT];
    int paths;
    void *vectors; /* eigenvectors, a gradient ... in the problem's type */
    double *coordinates, *residuals;
    int64_t points; /* of all paths together, or the corners of a plane */
    ll_axes axes;
} ll_axes_work;

void ll_axes_work_deinit(ll_axes_work *w);
/* Loads what the settings name and fills axes (and coordinates, residuals, points, paths). */
ll_status ll_axes_work_make(const ll_axes_settings *s, ll_axes_work *w, int dimensions, ll_error *error);
/* The paths in a record "landscape": trajectory, trajectory_residual, trajectory_lengths, trajectory_epochs,
 * trajectory_explained_variance. */
ll_status ll_axes_work_put(const ll_axes_work *w, ll_record *record, ll_error *error);
/* How a user asks for random axes; kept for landscapes over several planes. */
ll_axes_options ll_axes_settings_random(const ll_axes_settings *s, int dimensions);

#endif
