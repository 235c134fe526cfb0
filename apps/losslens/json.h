/* json.h - the verbs' --json output: the writer of losslens/base_json.h, printed. */
#ifndef LOSSLENS_APP_JSON_H
#define LOSSLENS_APP_JSON_H

#include "losslens/base_json.h"

#include <stdio.h>

/* Adds a newline, writes and frees; false on no memory or a full disk. */
bool ll_json_print(ll_json *json, FILE *file);

#endif
