/* losslens/base_parameters.h - the tables that say what a flat parameter vector and a flat buffer vector
 * consist of. Made by networks, carried by problem, read by every analysis.
 */
#ifndef LOSSLENS_BASE_PARAMETERS_H
#define LOSSLENS_BASE_PARAMETERS_H

#include "losslens/base.h"

#define LL_PARAMETER_MAX_RANK 8

typedef enum ll_parameter_role {
    LL_ROLE_FILTER, /* convolution kernel */
    LL_ROLE_LINEAR, /* matrix of a linear layer */
    LL_ROLE_BIAS,
    LL_ROLE_NORM,      /* scale or shift of a normalisation */
    LL_ROLE_EMBEDDING, /* embedding and position tables */
    LL_ROLE_SCALAR
} ll_parameter_role;

typedef struct ll_parameter {
    const char *name;
    int rank;
    int64_t shape[LL_PARAMETER_MAX_RANK];
    int64_t offset, count; /* elements of theta */
    int output_axis;       /* slices along it are the filters of filter normalisation; -1: none */
    ll_parameter_role role;
    bool decays; /* takes part in weight decay */
} ll_parameter;

typedef struct ll_buffer_entry {
    const char *name;
    int64_t offset, count; /* elements of the buffer vector */
} ll_buffer_entry;

#endif
