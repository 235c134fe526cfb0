/* confine.h - a child process that sees the system's libraries, its own program and one folder, and no
 * network. */
#ifndef LOSSLENS_SERVER_CONFINE_H
#define LOSSLENS_SERVER_CONFINE_H

#include "losslens/base.h"

typedef struct ll_confinement {
    int rules;  /* Landlock's ruleset; -1: the kernel has none */
    int output; /* standard output and error of the child: a file in memory */
} ll_confinement;

/* Opened before fork, because a child of a threaded process may only make system calls. */
void ll_confinement_init(ll_confinement *confinement, const char *folder, const char *program);
void ll_confinement_deinit(ll_confinement *confinement); /* not `output` */

/* In the child: system calls only. False: it must not go on. */
bool ll_confine(const ll_confinement *confinement);

#endif
