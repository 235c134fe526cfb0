/* setups.h - between the walk over the jobs and the jobs: set-ups and weights that are kept open, and training. */
#ifndef LOSSLENS_STUDY_SETUPS_H
#define LOSSLENS_STUDY_SETUPS_H

#include "study/internal.h"

#include "losslens/training.h"

enum { LL_MOST_SETUPS = 8, LL_MOST_TOGETHER = 256 }; /* that stay open; that are trained at a time */
void ll_runner_release(ll_runner *runner);           /* closes what is kept */
/* Members that can be trained by ll_training_run_together: on all samples at every step. */
bool ll_trains_together(const ll_runner *runner, int64_t member);
/* job_model.c; records: [count]. */
ll_status ll_train_together(ll_runner *runner, const int64_t *members, int64_t count, const ll_sink *sink,
                            ll_record **records, ll_error *error) LL_MUST_CHECK;
/* job_metrics.c: is a result of the kind "metrics" as the group expects? record NULL: read from the store. Other jobs pass. */
ll_status ll_check_expected(ll_runner *runner, const ll_job *job, const ll_record *record,
                            ll_error *error) LL_MUST_CHECK;

#endif
