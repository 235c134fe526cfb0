/* A peer in another program, run in alternation with ours: it loads what we saved, says "ready", and answers every line
 * with numbers. */
#ifndef LOSSLENS_BENCH_PEER_H
#define LOSSLENS_BENCH_PEER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct peer {
    FILE *to, *from;
    pid_t process;
    bool there; /* false once it has not answered: not installed, or ended */
} peer;

/* Starts `interpreter` on bench/peers/<script> with up to four words. */
static inline void peer_start(peer *it, const char *interpreter, const char *script, int threads,
                              const char *const *words)
{
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0) return;
    it->process = fork();
    if (it->process == 0) {
        char count[16], path[512];
        const char *source = getenv("LOSSLENS_SOURCE");
        snprintf(path, sizeof path, "%s/bench/peers/%s", source ? source : ".", script);
        snprintf(count, sizeof count, "%d", threads);
        /* PyTorch's backward passes run beside the thread that set_num_threads is for. */
        setenv("OMP_NUM_THREADS", count, 1);
        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        execl(interpreter, interpreter, path, words[0], words[1], words[2], words[3], (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    it->to = fdopen(in[1], "w");
    it->from = fdopen(out[0], "r");
    char line[128] = "";
    it->there = it->to && it->from && fgets(line, sizeof line, it->from) && strncmp(line, "ready", 5) == 0;
}

/* Sends a line and reads `count` numbers; false where there is no answer. */
static inline bool peer_ask(peer *it, const char *request, double *numbers, int count)
{
    char line[256] = "", *at = line;
    if (!it->there) return false;
    fprintf(it->to, "%s\n", request);
    fflush(it->to);
    it->there = fgets(line, sizeof line, it->from) != NULL;
    for (int i = 0; i < count && it->there; i++) {
        char *end;
        numbers[i] = strtod(at, &end);
        it->there = end != at;
        at = end;
    }
    return it->there;
}

/* Its threads wait for more work for some 100 milliseconds, on the processors that ours are about to use. */
static inline void peer_rest(const peer *it)
{
    if (it->there) nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
}

static inline void peer_stop(peer *it)
{
    if (it->to) fclose(it->to);
    if (it->from) fclose(it->from);
    if (it->process > 0) waitpid(it->process, NULL, 0);
}

#endif
