/* losslens/runtime.h - a plan: a graph made ready to run, and its execution.
 *
 * What a run does. The samples of a run are cut into micro-batches, whose size is fixed when the plan is made
 * (from the size of a core's L2 cache, not from the machine's), and these into chunks. Nodes without a sample axis
 * are computed once a run (weight preparation is part of that); then every thread walks its chunks micro-batch by
 * micro-batch, depth first through all nodes that have one. Nodes that sum over the samples (loss, gradients, batch
 * statistics) are added up over the micro-batches of a chunk and then over the chunks, in double precision, in an
 * order that depends on the numbers of samples and the plan alone: the same bits for any number of threads.
 * What needs such a sum and the samples again (batch statistics, then normalisation) is done in further passes over
 * the samples; tensors needed in a later pass are kept for all samples.
 *
 * Memory. Every tensor has its place, by liveness, in one block a thread; ll_plan_memory tells the total, and a
 * limit is checked, before anything runs. A second run of the same or a smaller size allocates nothing.
 *
 * Kernels. Fused element-wise chains and blocked convolutions are built in; every other node is computed by the
 * first provider of losslens/kernels.h that supports it. LOSSLENS_BACKEND=name[,name] restricts providers
 * ("native" there stands for fusion and blocked layouts too; reference is always the last resort);
 * LOSSLENS_VERBOSE=1 writes a line per step to options.log.
 */
#ifndef LOSSLENS_RUNTIME_H
#define LOSSLENS_RUNTIME_H

#include "losslens/kernels.h"
#include "losslens/parallel.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ll_plan ll_plan;

typedef struct ll_plan_options { /* zero-initialised: all defaults */
    int64_t samples;             /* typical number of samples of a run; 0: 1 */
    int64_t micro_batch;         /* samples; 0: chosen so that the working set fits cache_bytes */
    size_t cache_bytes;          /* 0: 1 MiB */
    size_t memory_limit; /* bytes; 0: none. LL_TOO_LARGE from create or run when the plan needs more */
    int threads;         /* most threads that will run it at once; 0: ll_usable_cores() */
    const char *backend; /* as LOSSLENS_BACKEND, which is read when this is NULL */
    /* "direct": no Winograd convolutions, which round about twice as much; "winograd": where they are faster; as
     * LOSSLENS_CONVOLUTION, which is read when this is NULL; neither: "winograd". */
    const char *convolution;
    ll_cpu_level cpu;  /* not above ll_cpu_detect(); LL_CPU_PORTABLE (0) stands for "what there is" */
    bool profile;      /* time every step (ll_plan_profile) */
    const ll_log *log; /* lines of LOSSLENS_VERBOSE; must outlive the plan; NULL: none */
    /* Fixed inputs (no sample axis) that change from run to run while all else often stays: the vectors of Hessian
     * products at one point. With `keep`, what does not depend on them is computed in passes of its own, kept for all
     * samples, and used again by a run that finds everything else unchanged. The bits are the same without. Copied. */
    const ll_node *varying;
    int64_t varying_count;
    bool keep;
} ll_plan_options;

/* Plans the computation of `outputs`. The graph must outlive the plan and may grow meanwhile, but one thread at a
 * time touches it. Errors name the node. */
LL_API ll_status ll_plan_create(const ll_graph *graph, const ll_node *outputs, int64_t output_count,
                                const ll_plan_options *options, ll_plan **plan,
                                ll_error *error) LL_MUST_CHECK;
LL_API void ll_plan_destroy(ll_plan *plan);

/* What was decided; part of the numeric environment of a result. */
typedef struct ll_plan_info {
    int64_t micro_batch, chunk_samples; /* chunk_samples: for options.samples samples */
    int passes;                         /* over the samples; 0: no node has a sample axis */
    int kept_passes;                    /* the first ones, whose results later runs use again */
    int64_t reused;                     /* points that used what was kept, since it was last released */
    int64_t steps, fused_nodes, nodes;  /* steps run; graph nodes computed inside fused steps; all nodes */
    ll_cpu_level cpu;
} ll_plan_info;
LL_API ll_plan_info ll_plan_view(const ll_plan *plan);

/* Frees what runs hold, results kept for later runs included; the next run allocates it again. */
LL_API void ll_plan_release(ll_plan *plan);

/* Bytes that a run of so many samples on so many threads holds, besides the caller's. With several points, a thread may
 * take whole points and hold a fixed block, stash and accumulators of its own, if the limit (without one: 256 MiB more)
 * allows it. */
LL_API ll_status ll_plan_memory(const ll_plan *plan, int64_t samples, int threads, size_t *bytes,
                                ll_error *error) LL_MUST_CHECK;

/* One run: `points` evaluations of the outputs over the same samples, which differ in the values of some inputs.
 * Sample inputs are arrays of rows; row indices[i] (or i) is sample i of the run. LL_INPUT_SAMPLE_COUNT is `samples`
 * unless bound, LL_INPUT_SAMPLE_INDEX is indices[i] (or i) unless bound (then as many values as samples, read in
 * order). Every other input that the outputs need must be bound. */
typedef struct ll_run {
    int64_t samples;
    const int64_t *indices;     /* [samples] or NULL */
    const ll_binding *bindings; /* shared by all points */
    int64_t binding_count;
    int64_t points; /* 0 counts as 1 */
    const ll_node *point_inputs;
    int64_t point_input_count;
    const void *const *point_data; /* [points][point_input_count] */
    /* [points][outputs]: dense, C order, ll_graph_elements(output, samples) elements; NULL: not wanted. */
    void *const *results;
} ll_run;

/* With options.keep, what was kept is used where a point's other fixed inputs, the indices and the rows of the sample
 * inputs that they name have the bytes they had (fixed inputs and indices are compared, rows by a hash of 128 bits), at
 * whatever address: an array changed in place is noticed.
 * team NULL: the calling thread alone. One run at a time on one plan. LL_NOT_FOUND names an unbound input;
 * LL_INVALID_ARGUMENT a negative number of samples; LL_TOO_LARGE, LL_OUT_OF_MEMORY before anything starts. */
LL_API ll_status ll_plan_run(ll_plan *plan, ll_team *team, const ll_run *run, ll_error *error) LL_MUST_CHECK;

/* Appends, per kind of step, its runs, seconds (summed over threads) and share, largest first. Empty without
 * options.profile or LOSSLENS_VERBOSE. */
LL_API void ll_plan_profile(const ll_plan *plan, ll_text *text);
/* One line a step: what it computes, how, where its result lies, and, where it was timed, for how long. */
LL_API void ll_plan_dump(const ll_plan *plan, ll_text *text);

#ifdef __cplusplus
}
#endif
#endif
