/* config.h - a verb's options from a YAML (or JSON) file: `losslens VERB --config FILE ...`.
 *
 * Keys are the names of the verb's options, dashes or underscores; a list becomes values with commas between,
 * a map as many options of KEY=VALUE (options: {depth: 6}, roles: {fit: train}), true a flag, false and null
 * nothing; `file` or `files` are the words of the line. What stands on the line itself comes later and wins.
 * Paths are those of the line.
 */
#ifndef LOSSLENS_APP_CONFIG_H
#define LOSSLENS_APP_CONFIG_H

#include <stdbool.h>

typedef struct ll_config {
    int argc;
    char **argv;  /* the whole line, with each --config replaced by what it holds */
    char **owned; /* NULL-terminated; free with ll_config_deinit */
} ll_config;

/* argv[0] is the verb. false: said why; return *exit_code. Without --config the line is taken as it is. */
bool ll_config_expand(int argc, char **argv, ll_config *config, int *exit_code);
void ll_config_deinit(ll_config *config);

#endif
