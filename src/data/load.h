/* load.h - what the readers of data sets share, and the readers that ll_dataset_load chooses from. Each fills
 * an empty data set; what it has filled when it fails is freed with the data set. */
#ifndef LOSSLENS_SRC_DATA_LOAD_H
#define LOSSLENS_SRC_DATA_LOAD_H

#include "losslens/data.h"

bool data_exists(const char *path);
bool data_is_folder(const char *path);
/* LL_INVALID_FILE. */
ll_status data_wrong(const char *place, ll_error *error, const char *what);
/* Shape and width of a sample. */
ll_status data_set_shape(ll_dataset *dataset, int rank, const int64_t *shape, const char *place,
                         ll_error *error);
/* As many names as there are classes. */
ll_status data_copy_names(ll_dataset *dataset, const char *const *names, ll_error *error);
/* Class numbers: 0 and above, and no gap so large that it must be a mistake. */
ll_status data_count_classes(ll_dataset *dataset, const char *place, ll_error *error);
/* "A,B" or "A#B" -> two texts of the caller's to free; `wanted` says what should have been there. */
ll_status data_split_pair(const char *text, char separator, const char *wanted, char **first, char **second,
                          ll_error *error);

/* A file with x and y; two files of one tensor each (load_tensors.c). */
ll_status data_load_pair_file(ll_dataset *dataset, const char *path, const ll_format_limits *limits,
                              ll_error *error);
ll_status data_load_two_files(ll_dataset *dataset, const char *x_path, const char *y_path,
                              const ll_format_limits *limits, ll_error *error);
/* Folders of images: a class a folder; images and masks (load_folders.c). */
ll_status data_load_folder(ll_dataset *dataset, const char *path, const ll_format_limits *limits,
                           ll_error *error);
ll_status data_load_segmentation(ll_dataset *dataset, const char *images_path, const char *masks_path,
                                 const ll_format_limits *limits, ll_error *error);
/* PATH[#COLUMN] of a table (load_table.c). */
ll_status data_load_csv(ll_dataset *dataset, const char *source, const ll_format_limits *limits,
                        ll_error *error);

#endif
