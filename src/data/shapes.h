/* shapes.h - generated images for segmentation. */
#ifndef LOSSLENS_SRC_DATA_SHAPES_H
#define LOSSLENS_SRC_DATA_SHAPES_H

#include "losslens/data.h"

/* "COUNT[,SIDE[,SEED]]" into an empty data set: colour images [3, SIDE, SIDE] (64 by default) of one to four
 * shapes on a shaded ground, under noise; a label for each pixel: 0 the ground, 1 discs, 2 rectangles turned
 * by any angle. A shape hides what was drawn before it. Image i depends on (seed, i) alone. */
ll_status data_make_shapes(ll_dataset *dataset, const char *request, ll_error *error);

#endif
