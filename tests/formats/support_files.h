#ifndef LOSSLENS_TESTS_FORMATS_SUPPORT_FILES_H
#define LOSSLENS_TESTS_FORMATS_SUPPORT_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "losslens/formats.h"

/* "<source>/tests/formats/<name>" */
void source_path(char *path, size_t capacity, const char *name);
/* Next line without its end; NULL at the end of the file. */
char *next_line(FILE *file, char *line, int capacity);
/* Cuts at the first '|' (from the end when `last`), returns what is behind it. */
char *cut(char *text, bool last);
/* sum of x[k] (k mod 97 + 1) and sum of squares, as the generator computes them */
void tensor_sums(const ll_tensor *tensor, double *weighted, double *squares);

#endif
