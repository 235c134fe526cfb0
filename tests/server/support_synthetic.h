/* A synthetic study with every kind of record of docs/study.md: smooth landscapes with several minima, their
 * true topology, curves, similarities and placements that fit each other. What the server and the web
 * application are tested with where no real study is at hand. */
#ifndef LOSSLENS_TESTS_SYNTHETIC_H
#define LOSSLENS_TESTS_SYNTHETIC_H

#include "losslens/store.h"

typedef struct ll_synthetic {
    int64_t models; /* 12: two PINN groups and a network's; more: PINN groups alone */
    int64_t groups;
    int64_t pairs;   /* at most this many: those within groups first; -1: all */
    int64_t grid;    /* points a side of landscapes */
    bool hostile;    /* a group's name, a message and provenance that try to be markup */
    bool unfinished; /* a job failed, one waits */
} ll_synthetic;

/* 12 models in 3 groups, all pairs, 41 x 41. */
ll_synthetic synthetic_default(void);
ll_status synthetic_write(const char *path, const ll_synthetic *wanted, ll_error *error);

#endif
