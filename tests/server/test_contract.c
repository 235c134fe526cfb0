/* Every route of a live server against docs/http_api.json: status, content type, and the shape of the answer.
 */
#define _POSIX_C_SOURCE 200809L
#include "support_client.h"
#include "support_synthetic.h"

#include "support_cmocka.h"

#include "losslens/formats.h"

#include <jansson.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static json_t *contract;
static ll_server *server;
static char study_path[80], field_path[80];

/* ---------------------------------------------------------------- shapes */

static bool fits(const json_t *value, const json_t *shape, char *where, size_t room);

static bool is_number(const json_t *value)
{
    const char *text = json_string_value(value);
    return json_is_number(value) ||
           (text != NULL &&
            (strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 || strcmp(text, "-Infinity") == 0));
}

static bool fits_name(const json_t *value, const char *name, char *where, size_t room)
{
    char plain[64];
    size_t length = strlen(name);
    bool nullable = length > 0 && name[length - 1] == '?';
    snprintf(plain, sizeof plain, "%.*s", (int)(length - nullable), name);
    if (nullable && json_is_null(value)) return true;
    if (plain[0] == '@') {
        const json_t *type = json_object_get(json_object_get(contract, "types"), plain + 1);
        return type != NULL && fits(value, type, where, room);
    }
    return strcmp(plain, "any") == 0 || (strcmp(plain, "text") == 0 && json_is_string(value)) ||
           (strcmp(plain, "integer") == 0 && json_is_integer(value)) ||
           (strcmp(plain, "number") == 0 && is_number(value)) ||
           (strcmp(plain, "boolean") == 0 && json_is_boolean(value));
}

static bool fits_object(const json_t *value, const json_t *shape, char *where, size_t room)
{
    const char *key;
    json_t *each, *items = json_object_get(shape, "*");
    char plain[64];
    size_t length = strlen(where);
    union {
        const json_t *in;
        json_t *out;
    } object = {.in = items != NULL ? value : shape}; /* jansson's iterators lack a const */
    if (!json_is_object(value)) return false;
    json_object_foreach(object.out, key, each)
    {
        bool optional = items == NULL && key[strlen(key) - 1] == '?';
        snprintf(plain, sizeof plain, "%.*s", (int)(strlen(key) - optional), key);
        const json_t *member = json_object_get(value, items != NULL ? key : plain);
        snprintf(where + length, room - length, ".%s", plain);
        if (member == NULL && optional) continue;
        if (member == NULL || !fits(member, items != NULL ? items : each, where, room)) return false;
    }
    where[length] = 0;
    return true;
}

/* Where it does not fit is left in `where`. */
static bool fits(const json_t *value, const json_t *shape, char *where, size_t room)
{
    size_t length = strlen(where);
    if (json_is_string(shape)) return fits_name(value, json_string_value(shape), where, room);
    if (json_is_object(shape)) return fits_object(value, shape, where, room);
    if (!json_is_array(value)) return false;
    for (size_t i = 0; i < json_array_size(value); i++) {
        snprintf(where + length, room - length, "[%zu]", i);
        if (!fits(json_array_get(value, i), json_array_get(shape, 0), where, room)) return false;
    }
    where[length] = 0;
    return true;
}

static void check(const char *route, const char *text, size_t count, const json_t *shape)
{
    json_error_t problem;
    char where[512];
    json_t *value = json_loadb(text, count, 0, &problem);
    if (value == NULL) fail_msg("%s: no JSON: %s: %.200s", route, problem.text, text);
    snprintf(where, sizeof where, "%s", route);
    if (!fits(value, shape, where, sizeof where))
        fail_msg("the answer does not fit the contract at %s: %.300s", where, text);
    json_decref(value);
}

/* ---------------------------------------------------------------- the server */

static int begin(void **state)
{
    (void)state;
    char path[512];
    json_error_t problem;
    const char *source = getenv("LOSSLENS_SOURCE");
    snprintf(path, sizeof path, "%s/docs/http_api.json", source != NULL ? source : "..");
    contract = json_load_file(path, 0, &problem);
    if (contract == NULL) fail_msg("%s: %s", path, problem.text);
    ll_synthetic wanted = synthetic_default();
    wanted.grid = 11;
    wanted.hostile = true;
    snprintf(study_path, sizeof study_path, "/tmp/losslens_contract_%ld.db", (long)getpid());
    snprintf(field_path, sizeof field_path, "/tmp/losslens_contract_%ld.csv", (long)getpid());
    CHECK_OK(synthetic_write(study_path, &wanted, error));
    static const char csv[] = "1,2,3\n4,0,6\n7,8,9\n";
    CHECK_OK(ll_file_write(field_path, csv, sizeof csv - 1, error));
    CHECK_OK(ll_server_create(&(ll_server_options){.version = "test", .patience = 60.0}, &server, error));
    CHECK_OK(ll_server_add(server, study_path, error));
    CHECK_OK(ll_server_add(server, field_path, error));
    CHECK_OK(ll_server_start(server, error));
    return 0;
}

static int end(void **state)
{
    (void)state;
    ll_server_destroy(server);
    json_decref(contract);
    (void)remove(study_path);
    (void)remove(field_path);
    return 0;
}

static const json_t *route_named(const char *name)
{
    const json_t *routes = json_object_get(contract, "routes");
    for (size_t i = 0; i < json_array_size(routes); i++) {
        const json_t *route = json_array_get(routes, i);
        if (strcmp(json_string_value(json_object_get(route, "name")), name) == 0) return route;
    }
    fail_msg("the contract has no route %s", name);
    return NULL;
}

/* The path with {s}, {n} and {name} filled in. */
static const char *fill(const char *path, const char *study, const char *record, char target[512])
{
    size_t length = 0;
    while (*path != 0 && length < 400) {
        const char *put = strncmp(path, "{s}", 3) == 0      ? study
                          : strncmp(path, "{n}", 3) == 0    ? record
                          : strncmp(path, "{name}", 6) == 0 ? "resnet"
                                                            : NULL;
        if (put == NULL) {
            target[length++] = *path++;
            continue;
        }
        length += (size_t)snprintf(target + length, 512 - length, "%s", put);
        path = strchr(path, '}') + 1;
    }
    target[length] = 0;
    return target;
}

/* ---------------------------------------------------------------- tests */

static void check_binary(const char *route, const ll_reply *reply, const json_t *shape)
{
    uint32_t version = 0;
    uint64_t head = 0;
    assert_true(reply->length >= 16);
    assert_memory_equal(reply->body, "LLRB", 4);
    memcpy(&version, reply->body + 4, 4);
    memcpy(&head, reply->body + 8, 8);
    assert_int_equal(version, 1);
    assert_true(head % 8 == 0 && head <= reply->length - 16);
    check(route, reply->body + 16, head, shape);
    /* The arrays tile what follows the head, each at a multiple of 8. */
    json_t *value = json_loadb(reply->body + 16, head, 0, NULL), *field;
    size_t i, at = 0;
    json_array_foreach(json_object_get(value, "fields"), i, field)
    {
        const json_t *array = json_object_get(field, "array");
        if (array == NULL) continue;
        assert_int_equal(json_integer_value(json_object_get(array, "offset")), at);
        at += ((size_t)json_integer_value(json_object_get(array, "bytes")) + 7) / 8 * 8;
    }
    assert_int_equal(16 + head + at, reply->length);
    json_decref(value);
}

static void walk(const char *study, const char *record)
{
    size_t i;
    const json_t *routes = json_object_get(contract, "routes"), *route;
    for (i = 0; i < json_array_size(routes); i++) {
        route = json_array_get(routes, i);
        const char *name = json_string_value(json_object_get(route, "name")),
                   *content = json_string_value(json_object_get(route, "content"));
        const char *example = json_string_value(json_object_get(route, "example"));
        char target[512], type[512];
        if (strcmp(json_string_value(json_object_get(route, "method")), "GET") != 0 ||
            strcmp(name, "events") == 0)
            continue;
        fill(json_string_value(json_object_get(route, "path")), study, record, target);
        if (example != NULL)
            snprintf(target + strlen(target), sizeof target - strlen(target), "?%s", example);
        ll_reply reply = client_get(ll_server_url(server), target);
        if (reply.status != json_integer_value(json_object_get(route, "status")))
            fail_msg("%s: %d %s", target, reply.status, reply.body);
        assert_string_equal(reply_header(&reply, "Content-Type", type), content);
        if (json_object_get(route, "answer") != NULL)
            check(target, reply.body, reply.length, json_object_get(route, "answer"));
        if (json_object_get(route, "head") != NULL)
            check_binary(target, &reply, json_object_get(route, "head"));
        reply_deinit(&reply);
    }
}

static void routes_that_read(void **state)
{
    (void)state;
    walk("s0", "3");
    walk("s1", "1");
}

/* Every record of the synthetic study: its head, its data. */
static void every_record(void **state)
{
    (void)state;
    const json_t *answer = json_object_get(route_named("record"), "answer"),
                 *head = json_object_get(route_named("data"), "head");
    ll_reply reply = client_get(ll_server_url(server), "/api/studies/s0/jobs?state=done");
    json_t *jobs = json_loadb(reply.body, reply.length, 0, NULL), *job;
    size_t i, seen = 0;
    assert_int_equal(reply.status, 200);
    reply_deinit(&reply);
    json_array_foreach(json_object_get(jobs, "jobs"), i, job)
    {
        char target[128];
        if (strcmp(json_string_value(json_object_get(job, "kind")), "pair") == 0 && i % 10 != 0) continue;
        snprintf(target, sizeof target, "/api/studies/s0/records/%lld",
                 (long long)json_integer_value(json_object_get(job, "id")));
        reply = client_get(ll_server_url(server), target);
        assert_int_equal(reply.status, 200);
        check(target, reply.body, reply.length, answer);
        reply_deinit(&reply);
        snprintf(target + strlen(target), sizeof target - strlen(target), "/data");
        reply = client_get(ll_server_url(server), target);
        assert_int_equal(reply.status, 200);
        check_binary(target, &reply, head);
        reply_deinit(&reply);
        seen++;
    }
    assert_true(seen > 100);
    json_decref(jobs);
}

/* The bytes are those of the store. */
static void data_are_the_stored_numbers(void **state)
{
    (void)state;
    ll_store *store;
    ll_array loss;
    uint64_t head;
    CHECK_OK(ll_store_open(study_path, NULL, &store, error));
    CHECK_OK(ll_store_read_array(store, 3, "loss", &loss, error));
    ll_reply reply = client_get(ll_server_url(server), "/api/studies/s0/records/3/data?fields=loss");
    assert_int_equal(reply.status, 200);
    memcpy(&head, reply.body + 8, 8);
    assert_int_equal(reply.length, 16 + head + ll_array_bytes(&loss));
    assert_memory_equal(reply.body + 16 + head, loss.data, ll_array_bytes(&loss));
    reply_deinit(&reply);
    ll_array_deinit(&loss);
    ll_store_destroy(store);
}

/* Of several names those that are there; none of them: refused with the names. */
static void fields_that_are_there(void **state)
{
    (void)state;
    uint64_t head;
    ll_reply reply =
        client_get(ll_server_url(server), "/api/studies/s0/records/3/data?fields=loss,absent,axis_0");
    assert_int_equal(reply.status, 200);
    memcpy(&head, reply.body + 8, 8);
    json_t *value = json_loadb(reply.body + 16, head, 0, NULL), *fields = json_object_get(value, "fields");
    assert_int_equal(json_array_size(fields), 2);
    for (size_t i = 0; i < 2; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(fields, i), "name"));
        assert_true(strcmp(name, "loss") == 0 || strcmp(name, "axis_0") == 0);
    }
    json_decref(value);
    reply_deinit(&reply);
    reply = client_get(ll_server_url(server), "/api/studies/s0/records/3/data?fields=absent,none");
    assert_int_equal(reply.status, 404);
    assert_non_null(strstr(reply.body, "absent,none"));
    reply_deinit(&reply);
}

static double at(const json_t *columns, const char *name, size_t row)
{
    return json_number_value(json_array_get(json_object_get(columns, name), row));
}

/* The overview's pairs against their records, one by one; the similarity against the matrix, layer by layer.
 */
static void pairs_are_those_of_the_records(void **state)
{
    (void)state;
    ll_store *store;
    ll_record *cka;
    const ll_array *matrix;
    CHECK_OK(ll_store_open(study_path, NULL, &store, error));
    ll_reply reply = client_get(ll_server_url(server), "/api/studies/s0");
    json_t *overview = json_loadb(reply.body, reply.length, 0, NULL);
    const json_t *pairs = json_object_get(overview, "pairs"), *models = json_object_get(overview, "models");
    size_t count = json_array_size(json_object_get(pairs, "a"));
    assert_int_equal(count, 12 * 11 / 2);
    CHECK_OK(ll_store_read_record(store,
                                  (int64_t)json_integer_value(json_object_get(
                                      json_object_get(overview, "study_records"), "similarity")),
                                  &cka, error));
    CHECK_OK(ll_record_get_array(cka, "matrix", &matrix, error));
    for (size_t i = 0; i < count; i++) {
        ll_record *record;
        ll_store_listing row;
        double wanted, similarity = 0.0;
        int64_t id = (int64_t)at(pairs, "record", i), a = (int64_t)at(pairs, "a", i),
                b = (int64_t)at(pairs, "b", i);
        CHECK_OK(ll_store_read_record(store, id, &record, error));
        CHECK_OK(ll_store_get(store, id, &row, error));
        assert_string_equal(json_string_value(json_object_get(json_array_get(models, (size_t)a), "name")),
                            row.rows[0].subject);
        assert_string_equal(json_string_value(json_object_get(json_array_get(models, (size_t)b), "name")),
                            row.rows[0].other);
        static const char *const names[] = {"mc_loss", "barrier", "relative_barrier", "mean_loss",
                                            "converged"};
        for (int k = 0; k < 5; k++) {
            CHECK_OK(ll_record_get_real(record, names[k], &wanted, error));
            CHECK_NEAR(at(pairs, names[k], i), wanted, 1e-8 * fabs(wanted));
        }
        /* Three layers a model, models in the order of the study. */
        for (int64_t layer = 0; layer < 3; layer++)
            similarity += ll_array_get(matrix, (3 * a + layer) * 36 + 3 * b + layer) / 3.0;
        CHECK_NEAR(at(pairs, "cka", i), similarity, 1e-8);
        ll_store_listing_deinit(&row);
        ll_record_destroy(record);
    }
    ll_record_destroy(cka);
    json_decref(overview);
    reply_deinit(&reply);
    ll_store_destroy(store);
}

/* A topology asked for is the stored one, byte for byte, but for what the stored one alone knows of the
 * halves. */
static void topology_on_request(void **state)
{
    (void)state;
    ll_reply stored =
        client_get(ll_server_url(server),
                   "/api/studies/s0/records/4/data?fields=pair_birth,pair_death_value,basins,arcs,node_size");
    ll_reply asked =
        client_get(ll_server_url(server), "/api/studies/s0/records/3/"
                                          "topology?field=loss&connectivity=freudenthal&superlevel=0&fields="
                                          "pair_birth,pair_death_value,basins,arcs,node_size");
    ll_reply other = client_get(
        ll_server_url(server), "/api/studies/s0/records/3/topology?field=loss&connectivity=box&superlevel=1");
    assert_int_equal(stored.status, 200);
    assert_int_equal(asked.status, 200);
    assert_int_equal(other.status, 200);
    uint64_t head_stored, head_asked;
    memcpy(&head_stored, stored.body + 8, 8);
    memcpy(&head_asked, asked.body + 8, 8);
    assert_int_equal(stored.length - head_stored, asked.length - head_asked);
    assert_memory_equal(stored.body + 16 + head_stored, asked.body + 16 + head_asked,
                        stored.length - 16 - head_stored);
    reply_deinit(&stored);
    reply_deinit(&asked);
    reply_deinit(&other);
}

static json_t *json_of(const char *target, int wanted_status)
{
    ll_reply reply = client_get(ll_server_url(server), target);
    json_t *value = json_loadb(reply.body, reply.length, 0, NULL);
    assert_int_equal(reply.status, wanted_status);
    assert_non_null(value);
    reply_deinit(&reply);
    return value;
}

/* A landscape that is not finished shows what there is, and has no topology; other jobs show nothing. */
static void what_there_is_so_far(void **state)
{
    (void)state;
    char target[160];
    json_t *list = json_of("/api/studies/s0/jobs?state=failed&kind=landscape", 200);
    long long id =
        json_integer_value(json_object_get(json_array_get(json_object_get(list, "jobs"), 0), "id"));
    json_decref(list);
    snprintf(target, sizeof target, "/api/studies/s0/records/%lld", id);
    json_t *head = json_of(target, 200), *field;
    size_t i;
    double points = 0.0, done = 0.0;
    assert_true(json_is_true(json_object_get(head, "unfinished")));
    assert_string_equal(json_string_value(json_object_get(head, "kind")), "landscape");
    json_array_foreach(json_object_get(head, "fields"), i, field)
    {
        const char *name = json_string_value(json_object_get(field, "name"));
        if (strcmp(name, "points") == 0) points = json_number_value(json_object_get(field, "value"));
        if (strcmp(name, "points_evaluated") == 0) done = json_number_value(json_object_get(field, "value"));
    }
    json_decref(head);
    assert_true(done > 0.0 && done < points);
    snprintf(target, sizeof target, "/api/studies/s0/records/%lld/data?fields=loss,state", id);
    ll_reply data = client_get(ll_server_url(server), target);
    uint64_t length;
    assert_int_equal(data.status, 200);
    memcpy(&length, data.body + 8, 8);
    size_t loss_bytes = 8 * (size_t)points, found = 0;
    for (size_t v = 0; v < (size_t)points; v++) {
        double loss;
        memcpy(&loss, data.body + 16 + length + 8 * v, sizeof loss);
        bool evaluated = data.body[16 + length + loss_bytes + v] == 1;
        assert_int_equal(evaluated, !isnan(loss));
        found += evaluated;
    }
    assert_int_equal(found, (size_t)done);
    reply_deinit(&data);
    snprintf(target, sizeof target, "/api/studies/s0/records/%lld/topology?field=loss", id);
    json_decref(json_of(target, 409));
    list = json_of("/api/studies/s0/jobs?state=waiting", 200);
    id = json_integer_value(json_object_get(json_array_get(json_object_get(list, "jobs"), 0), "id"));
    json_decref(list);
    snprintf(target, sizeof target, "/api/studies/s0/records/%lld", id);
    json_decref(json_of(target, 404));
    head = json_of("/api/studies/s0/records/3", 200);
    assert_null(json_object_get(head, "unfinished"));
    json_decref(head);
}

/* 3 x 3 with minima 1 (a corner) and 0 (the middle): the shell of 1 2 4 joins the middle at 2. */
static void field_of_the_command_line(void **state)
{
    (void)state;
    ll_reply reply = client_get(ll_server_url(server), "/api/studies/s1/records/2");
    json_t *record = json_loadb(reply.body, reply.length, 0, NULL), *field;
    size_t i;
    double minima = -1.0;
    assert_int_equal(reply.status, 200);
    json_array_foreach(json_object_get(record, "fields"), i, field)
    {
        if (strcmp(json_string_value(json_object_get(field, "name")), "minima") == 0)
            minima = json_number_value(json_object_get(field, "value"));
    }
    assert_true(minima == 2.0);
    json_decref(record);
    reply_deinit(&reply);
}

static void upload(void **state)
{
    (void)state;
    const json_t *route = route_named("field");
    static const char csv[] = "1,2,3\n4,0,6\n7,8,9\n";
    char target[512];
    ll_reply reply = client_ask(ll_server_url(server), "POST", "/api/fields?file=small.csv", csv,
                                sizeof csv - 1, "application/octet-stream");
    assert_int_equal(reply.status, json_integer_value(json_object_get(route, "status")));
    check("upload", reply.body, reply.length, json_object_get(route, "answer"));
    json_t *answer = json_loadb(reply.body, reply.length, 0, NULL);
    walk(json_string_value(json_object_get(answer, "study")), "1");
    snprintf(target, sizeof target, "/api/studies/%s/records/2/data?fields=basins",
             json_string_value(json_object_get(answer, "study")));
    reply_deinit(&reply);
    reply = client_get(ll_server_url(server), target);
    assert_int_equal(reply.status, 200);
    uint64_t head;
    memcpy(&head, reply.body + 8, 8);
    /* A line of numbers reads x along the second axis; everything but the corner 1 flows to the 0. */
    int32_t basins[9];
    memcpy(basins, reply.body + 16 + head, sizeof basins);
    assert_int_equal(basins[4], 4);
    assert_int_equal(basins[0], 0);
    assert_int_equal(basins[8], 4);
    json_decref(answer);
    reply_deinit(&reply);
}

/* An open stream of a study's events. */
static int listen_to(const char *study)
{
    char request[512];
    const char *url = ll_server_url(server);
    int socket = client_connect(url_port(url));
    snprintf(request, sizeof request,
             "GET /api/studies/%s/events HTTP/1.0\r\nHost: localhost\r\nCookie: losslens=%s\r\n\r\n", study,
             url_token(url));
    client_send(socket, request, strlen(request));
    return socket;
}

/* Reads on until an event of that kind, with `inside` in its data, has come; checks its shape. */
static void await(int socket, ll_text *seen, const char *kind, const char *inside)
{
    char start[64];
    struct pollfd ready = {.fd = socket, .events = POLLIN};
    double deadline = ll_clock_seconds() + 60.0;
    const json_t *shapes = json_object_get(route_named("events"), "events");
    snprintf(start, sizeof start, "event: %s\ndata: ", kind);
    while (ll_clock_seconds() < deadline) {
        const char *data = seen->text != NULL ? strstr(seen->text, start) : NULL;
        for (; data != NULL; data = strstr(data, start)) {
            data += strlen(start);
            const char *end_of = strchr(data, '\n'), *found = strstr(data, inside);
            if (end_of == NULL || found == NULL || found > end_of) continue;
            check(kind, data, (size_t)(end_of - data), json_object_get(shapes, kind));
            return;
        }
        char part[4096];
        ssize_t got = poll(&ready, 1, 100) > 0 ? recv(socket, part, sizeof part, 0) : 0;
        if (got > 0) ll_text_append_bytes(seen, part, (size_t)got);
    }
    fail_msg("no event %s with %s in: %s", kind, inside, seen->text != NULL ? seen->text : "");
}

static void events(void **state)
{
    (void)state;
    ll_text seen = {0};
    int socket = listen_to("s0");
    await(socket, &seen, "state", "\"failed\":1");
    assert_memory_equal(seen.text, "HTTP/1.", 7);
    assert_non_null(strstr(seen.text, "Content-Type: text/event-stream"));
    close(socket);
    ll_text_deinit(&seen);
}

/* What happens while somebody listens is told: a writer, progress, results, failures. */
static void events_of_a_run(void **state)
{
    (void)state;
    ll_store *store;
    ll_store_sink *sink;
    ll_text seen = {0};
    ll_record *record = ll_record_create("trace");
    ll_store_job job = {.key = ll_store_key("trace", "later"),
                        .kind = "trace",
                        .name = "later",
                        .subject = "grids/wave_0.npy",
                        .group = "grids",
                        .inputs = "later"};
    int64_t id;
    int socket = listen_to("s0");
    await(socket, &seen, "state", "\"running\":false");
    CHECK_OK(ll_store_open(study_path, &(ll_store_options){.access = LL_STORE_WRITE}, &store, error));
    CHECK_OK(ll_store_add(store, &job, &id, error));
    CHECK_OK(ll_store_begin(store, id, error));
    await(socket, &seen, "state", "\"running\":true");
    CHECK_OK(ll_store_sink_create(store, id, NULL, &sink, error));
    for (int64_t k = 0; k < 15; k++) { /* noted at most once a second */
        ll_sink_progress(
            ll_store_sink_view(sink),
            &(ll_progress){.what = "trace", .done = k, .total = 15, .value = 0.5, .value_name = "error"});
        (void)poll(NULL, 0, 100);
    }
    await(socket, &seen, "progress", "\"value_name\":\"error\"");
    ll_store_sink_destroy(sink);
    CHECK_OK(ll_record_set_real(record, "trace", "", 1.0, error));
    CHECK_OK(ll_store_finish(store, id, record, NULL, error));
    await(socket, &seen, "done", "\"subject\":\"grids/wave_0.npy\"");
    job.key = ll_store_key("trace", "fails");
    CHECK_OK(ll_store_add(store, &job, &id, error));
    CHECK_OK(ll_store_begin(store, id, error));
    CHECK_OK(ll_store_fail(store, id, "it </script> failed", error));
    await(socket, &seen, "failed", "it \\u003c/script\\u003e failed");
    ll_store_destroy(store);
    ll_record_destroy(record);
    close(socket);
    ll_text_deinit(&seen);
}

/* The table of routes and the contract name the same ones. */
static void errors_have_their_shape(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target, *body;
        int status;
    } cases[] = {
        {"GET", "/api/nothing", NULL, 404},
        {"GET", "/api/studies/s9", NULL, 404},
        {"GET", "/api/studies/s0/records/0", NULL, 404},
        {"GET", "/api/studies/s0/records/99999", NULL, 404},
        {"GET", "/api/studies/s0/records/-1", NULL, 404},
        {"GET", "/api/studies/s0/records/1e3", NULL, 404},
        {"GET", "/api/studies/s0/records/197", NULL, 404},                     /* waits: no result */
        {"GET", "/api/studies/s0/records/196/topology?field=loss", NULL, 409}, /* failed half-way */
        {"GET", "/api/studies/s0/records/3/data?fields=nothing", NULL, 404},
        {"GET", "/api/studies/s0/records/3/topology?connectivity=delaunay", NULL, 400},
        {"GET", "/api/studies/s0/records/3/topology?superlevel=2", NULL, 400},
        {"GET", "/api/studies/s0/records/3/topology?field=problem", NULL, 400},
        {"GET", "/api/studies/s0/records/3/export?format=exe", NULL, 400},
        {"GET", "/api/studies/s0/records/3/export", NULL, 400},
        {"GET", "/api/studies/s0/records/11/export?format=vti", NULL, 404},
        {"GET", "/api/studies/s0/jobs?state=lost", NULL, 400},
        {"GET", "/api/studies/s0/jobs?first=-1", NULL, 400},
        {"GET", "/api/studies/s0/jobs?most=99999999", NULL, 400},
        {"POST", "/api/studies", "{}", 405},
        {"DELETE", "/api/studies/s0", NULL, 405},
        {"POST", "/api/studies/s0/run", "{}", 422}, /* this server has no program to start */
        {"POST", "/api/fields", "1,2", 400},
        {"POST", "/api/fields?file=a/b.csv", "1,2", 400},
        {"POST", "/api/fields?file=a.npy", "\x93NUMPY rest is wrong", 422},
        {"POST", "/api/fields?file=a.csv", "1,2\n3\n", 400},
        {"GET", "/index.js", NULL, 404},
    };
    const json_t *shape = json_object_get(json_object_get(contract, "types"), "error");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ll_reply reply = client_ask(ll_server_url(server), cases[i].method, cases[i].target, cases[i].body,
                                    cases[i].body != NULL ? strlen(cases[i].body) : 0, NULL);
        if (reply.status != cases[i].status)
            fail_msg("%s %s: got %d, wanted %d: %s", cases[i].method, cases[i].target, reply.status,
                     cases[i].status, reply.body);
        check(cases[i].target, reply.body, reply.length, shape);
        reply_deinit(&reply);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(routes_that_read),
                                       cmocka_unit_test(every_record),
                                       cmocka_unit_test(fields_that_are_there),
                                       cmocka_unit_test(data_are_the_stored_numbers),
                                       cmocka_unit_test(pairs_are_those_of_the_records),
                                       cmocka_unit_test(topology_on_request),
                                       cmocka_unit_test(what_there_is_so_far),
                                       cmocka_unit_test(field_of_the_command_line),
                                       cmocka_unit_test(upload),
                                       cmocka_unit_test(events),
                                       cmocka_unit_test(events_of_a_run),
                                       cmocka_unit_test(errors_have_their_shape)};
    return cmocka_run_group_tests(tests, begin, end);
}
