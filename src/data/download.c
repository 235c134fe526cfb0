/* Fetching with libcurl: limited to the size that is known, continued where it stopped, named when its
 * checksum is right. */
#define _POSIX_C_SOURCE 200809L
#include "losslens/data_download.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };

#define TORONTO "https://www.cs.toronto.edu/~kriz"
#define MNIST "https://ossci-datasets.s3.amazonaws.com/mnist"
#define FASHION "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com"

static const ll_remote_file files[] = {
    {"cifar10", "cifar-10-binary.tar.gz", TORONTO, "c32a1d4ab5d03f1284b67883e8d87530", 170052171},
    {"cifar100", "cifar-100-binary.tar.gz", TORONTO, "03b5dce01913d631647c71ecec9e9cb8", 168513733},
    {"mnist", "train-images-idx3-ubyte.gz", MNIST, "f68b3c2dcbeaaa9fbdd348bbdeb94873", 9912422},
    {"mnist", "train-labels-idx1-ubyte.gz", MNIST, "d53e105ee54ea40749a09fcbcd1e9432", 28881},
    {"mnist", "t10k-images-idx3-ubyte.gz", MNIST, "9fb629c4189551a2d022fa330f9573f3", 1648877},
    {"mnist", "t10k-labels-idx1-ubyte.gz", MNIST, "ec29112dd5afa0611ce80d1b7f02629c", 4542},
    {"fashion-mnist", "train-images-idx3-ubyte.gz", FASHION, "8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26421880},
    {"fashion-mnist", "train-labels-idx1-ubyte.gz", FASHION, "25c81989df183df01b3e8a0aad5dffbe", 29515},
    {"fashion-mnist", "t10k-images-idx3-ubyte.gz", FASHION, "bef4ecab320f06d8554ea6380940ec79", 4422102},
    {"fashion-mnist", "t10k-labels-idx1-ubyte.gz", FASHION, "bb300cfdad3c16e7a12a480ee83cd310", 5148},
};
enum { FILES = sizeof files / sizeof *files };

const ll_remote_file *ll_remote_file_at(int64_t index)
{
    return index >= 0 && index < FILES ? &files[index] : NULL;
}

ll_status ll_data_folder(char *path, size_t capacity, ll_error *error)
{
    static const struct {
        const char *variable, *below;
    } places[] = {{"LOSSLENS_DATA", ""}, {"XDG_DATA_HOME", "/losslens"}, {"HOME", "/.local/share/losslens"}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = getenv(places[i].variable);
        if (value == NULL || *value == 0) continue;
        char made[PATH_BYTES];
        int length = snprintf(made, sizeof made, "%s%s", value, places[i].below);
        if (length >= (int)sizeof made || (size_t)length >= capacity)
            return ll_fail(error, LL_TOO_LARGE, "data", places[i].variable, "the path is too long");
        memcpy(path, made, (size_t)length + 1);
        return LL_OK;
    }
    return ll_fail(error, LL_NOT_FOUND, "data", NULL,
                   "no folder for data sets: none of LOSSLENS_DATA, XDG_DATA_HOME, HOME is set");
}

/* The folder and those above it. */
static ll_status make_folder(const char *path, ll_error *error)
{
    char made[PATH_BYTES];
    if (snprintf(made, sizeof made, "%s", path) >= (int)sizeof made)
        return ll_fail(error, LL_TOO_LARGE, "data", path, "the path is too long");
    for (char *slash = made + 1;; slash++) {
        if (*slash != '/' && *slash != 0) continue;
        char kept = *slash;
        *slash = 0;
        if (mkdir(made, 0777) != 0 && errno != EEXIST)
            return ll_fail(error, LL_IO, "data", made, "cannot make the folder: %s", strerror(errno));
        *slash = kept;
        if (kept == 0) return LL_OK;
    }
}

typedef struct transfer {
    const ll_remote_file *file;
    const ll_download_options *options;
    FILE *out;
    int64_t start, written; /* bytes before this call; of it */
    bool stopped, too_long;
} transfer;

static size_t take_bytes(char *bytes, size_t size, size_t count, void *context)
{
    transfer *t = context;
    size_t all = size * count;
    if (t->start + t->written + (int64_t)all > t->file->bytes) {
        t->too_long = true;
        return 0;
    }
    size_t written = fwrite(bytes, 1, all, t->out);
    t->written += (int64_t)written;
    return written;
}

static int tell_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
                         curl_off_t up_now)
{
    transfer *t = context;
    (void)total, (void)now, (void)up_total, (void)up_now;
    if (t->options->progress == NULL) return 0;
    t->stopped =
        !t->options->progress(t->options->context, t->file->file, t->start + t->written, t->file->bytes);
    return t->stopped ? 1 : 0;
}

static void set_up(CURL *curl, transfer *t, const char *address, char *reason)
{
    curl_easy_setopt(curl, CURLOPT_URL, address);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 100L); /* bytes a second */
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "losslens");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, tell_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    if (t->start > 0) curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->start);
}

static int64_t size_of(const char *path)
{
    struct stat state;
    return stat(path, &state) == 0 && S_ISREG(state.st_mode) ? (int64_t)state.st_size : -1;
}

/* From byte `start` to the end, or as far as it goes; what came stays in the part file. *refused: the server
 * does not continue a file. */
static ll_status fetch_from(const ll_remote_file *file, const ll_download_options *options, const char *part,
                            int64_t start, bool *refused, ll_error *error)
{
    char address[PATH_BYTES], reason[CURL_ERROR_SIZE] = "";
    transfer t = {.file = file, .options = options, .start = start};
    if (snprintf(address, sizeof address, "%s/%s", options->from != NULL ? options->from : file->address,
                 file->file) >= (int)sizeof address)
        return ll_fail(error, LL_TOO_LARGE, "data", file->file, "the address is too long");
    t.out = fopen(part, start > 0 ? "ab" : "wb");
    if (t.out == NULL) return ll_fail(error, LL_IO, "data", part, "cannot write: %s", strerror(errno));
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_FAILED_INIT;
    if (curl != NULL) {
        set_up(curl, &t, address, reason);
        code = curl_easy_perform(curl);
        curl_easy_cleanup(curl);
    }
    int write_error = ferror(t.out) ? errno : 0;
    if (fclose(t.out) != 0 && write_error == 0) write_error = errno;
    *refused = code == CURLE_RANGE_ERROR;
    if (size_of(part) == 0) (void)remove(part);
    if (write_error != 0)
        return ll_fail(error, LL_IO, "data", part, "cannot write: %s", strerror(write_error));
    if (t.too_long) {
        (void)remove(part);
        return ll_fail(error, LL_INVALID_FILE, "data", address,
                       "has more than the %lld bytes that the file should have", (long long)file->bytes);
    }
    if (t.stopped) return ll_fail(error, LL_CANCELLED, "data", address, "stopped; the next call continues");
    if (code == CURLE_OK) return LL_OK;
    return ll_fail(error, LL_IO, "data", address,
                   "%s. Without a network, put this file (%lld bytes, MD5 %s) into %s",
                   reason[0] != 0 ? reason : curl_easy_strerror(code), (long long)file->bytes, file->md5,
                   options->folder);
}

static ll_status check(const ll_remote_file *file, const char *path, ll_error *error)
{
    char md5[33];
    int64_t bytes = size_of(path);
    if (bytes != file->bytes) {
        return ll_fail(error, LL_INVALID_FILE, "data", path, "has %lld bytes; wanted %lld", (long long)bytes,
                       (long long)file->bytes);
    }
    LL_TRY(ll_file_md5(path, md5, error));
    if (strcmp(md5, file->md5) == 0) return LL_OK;
    return ll_fail(error, LL_INVALID_FILE, "data", path, "has the MD5 %s; wanted %s", md5, file->md5);
}

ll_status ll_download(const ll_remote_file *file, const ll_download_options *options, ll_error *error)
{
    char path[PATH_BYTES], part[PATH_BYTES + 8];
    if (options->folder == NULL)
        return ll_fail(error, LL_INVALID_ARGUMENT, "data", file->file, "a folder is wanted");
    if (snprintf(path, sizeof path, "%s/%s", options->folder, file->file) >= (int)sizeof path)
        return ll_fail(error, LL_TOO_LARGE, "data", options->folder, "the path is too long");
    snprintf(part, sizeof part, "%s.part", path);
    if (size_of(path) >= 0) {
        LL_TRY(check(file, path, error));
        return LL_OK;
    }
    LL_TRY(make_folder(options->folder, error));
    int64_t start = ll_max_int64(size_of(part), 0);
    bool refused = false;
    if (start > file->bytes) start = 0;
    if (start < file->bytes) {
        ll_status status = fetch_from(file, options, part, start, &refused, error);
        if (status != LL_OK && refused && start > 0)
            status = fetch_from(file, options, part, 0, &refused, error);
        LL_TRY(status);
    }
    ll_status status = check(file, part, error);
    if (status != LL_OK) {
        (void)remove(part); /* a wrong beginning must not be continued for ever */
        return status;
    }
    if (rename(part, path) != 0)
        return ll_fail(error, LL_IO, "data", path, "cannot rename: %s", strerror(errno));
    return LL_OK;
}
