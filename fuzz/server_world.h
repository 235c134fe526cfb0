/* A server without sockets, with a small study and a field, for the fuzzers of requests. */
#ifndef LOSSLENS_FUZZ_SERVER_WORLD_H
#define LOSSLENS_FUZZ_SERVER_WORLD_H

#include "losslens/formats.h"
#include "server/events.h"
#include "server/internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ll_server *world_server;
static char world_folder[256];

static void world_need(bool good)
{
    if (!good) abort(); /* the fuzzer's own fault */
}

static void world_write_study(const char *path)
{
    static const char study[] = "study: s\ngroups:\n  - name: g\n    network: resnet20\n    data: none.npz\n "
                                "   checkpoints: ['*.pt']\nanalyses:\n  metrics: true\n";
    static const double values[9] = {4, 3, 2, 5, 0, 1, 6, 7, 8}, axis[3] = {-1, 0, 1};
    ll_store *store;
    int64_t id;
    ll_store_job job = {.key = ll_store_key("landscape", "1"),
                        .kind = "landscape",
                        .name = "a",
                        .group = "g",
                        .subject = "g/0",
                        .inputs = "1"};
    ll_record *record = ll_record_create("landscape");
    ll_array array = {.type = LL_ARRAY_FLOAT64, .rank = 2, .shape = {3, 3}};
    union {
        const double *in;
        void *out;
    } data = {.in = values};
    array.data = data.out;
    world_need(record != NULL && ll_record_set_array(record, "loss", "loss", &array, NULL) == LL_OK);
    world_need(ll_record_set_reals(record, "axis_0", "", axis, 3, NULL) == LL_OK &&
               ll_record_set_text(record, "word", "<b>", NULL) == LL_OK);
    world_need(ll_store_open(path, &(ll_store_options){.access = LL_STORE_CREATE}, &store, NULL) == LL_OK);
    world_need(ll_store_set_provenance(store, "study", study, NULL) == LL_OK);
    world_need(ll_store_add(store, &job, &id, NULL) == LL_OK &&
               ll_store_finish(store, id, record, NULL, NULL) == LL_OK);
    ll_store_destroy(store);
    ll_record_destroy(record);
}

static void world_end(void)
{
    ll_server_destroy(world_server);
    world_server = NULL;
    DIR *folder = opendir(world_folder);
    for (struct dirent *each; folder != NULL && (each = readdir(folder)) != NULL;) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", world_folder, each->d_name);
        if (each->d_name[0] != '.') (void)remove(path);
    }
    if (folder != NULL) closedir(folder);
    (void)rmdir(world_folder);
}

/* Made at the first use, and again when uploads have changed it. */
static ll_server *world(void)
{
    if (world_server != NULL && world_server->uploads == 0) return world_server;
    char path[300], csv[300];
    const char *temporary = getenv("TMPDIR");
    if (world_folder[0] == 0) {
        snprintf(world_folder, sizeof world_folder, "%s/losslens_world_%ld",
                 temporary != NULL ? temporary : "/tmp", (long)getpid());
        world_need(mkdir(world_folder, 0700) == 0);
        (void)atexit(world_end);
        snprintf(path, sizeof path, "%s/s.db", world_folder);
        world_write_study(path);
        snprintf(csv, sizeof csv, "%s/f.csv", world_folder);
        world_need(ll_file_write(csv, "1,2\n0,3\n", 8, NULL) == LL_OK);
    }
    ll_server_destroy(world_server);
    snprintf(path, sizeof path, "%s/s.db", world_folder);
    snprintf(csv, sizeof csv, "%s/f.csv", world_folder);
    const ll_server_options options = {
        .web = world_folder, .upload_bytes = (size_t)8 << 20, .topology_bytes = (size_t)64 << 20};
    world_need(ll_server_create(&options, &world_server, NULL) == LL_OK);
    world_need(ll_server_add(world_server, path, NULL) == LL_OK &&
               ll_server_add(world_server, csv, NULL) == LL_OK);
    world_need(ll_guard_init(&world_server->guard, "127.0.0.1", 8080, NULL) == LL_OK);
    return world_server;
}

/* From the target to the answer, as the transport does it. Takes request->body. */
static void world_answer(ll_server *server, ll_request *request, const char *method, const char *target)
{
    const ll_route *route;
    const char *what;
    ll_answer answer = {0};
    int status;
    size_t most;
    if (ll_request_parse(request, method, target, &status, &what) &&
        ll_route_admit(server, request, &route, &most, &answer) && request->body_bytes <= most) {
        ll_route_handle(server, route, request, &answer);
        if (answer.status < 200 || answer.status > 599) abort();
        for (int64_t i = 0; i < answer.piece_count; i++) {
            /* Reads what would be sent. */
            volatile unsigned char last = 0;
            if (answer.pieces[i].count > 0)
                last = ((const unsigned char *)answer.pieces[i].bytes)[answer.pieces[i].count - 1];
            (void)last;
        }
    }
    if (answer.stream != NULL) ll_stream_destroy(answer.stream);
    ll_answer_deinit(&answer);
    free(request->body);
    request->body = NULL;
}

#endif
