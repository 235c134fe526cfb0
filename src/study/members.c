/* Which models and fields a study has: seeds, files that fit patterns, and what is in the files. Contents are
 * hashed, never names and dates: a copied study is the same study. */
#define _XOPEN_SOURCE 700
#include "study/internal.h"

#include "losslens/data_download.h"

#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_FILES = 1000000, PATH_BYTES = 4096 };

/* ---------------------------------------------------------------- files */

static ll_status hash_file(const char *path, ll_hash *hash, ll_error *error)
{
    ll_file_bytes file = {0};
    LL_TRY(ll_file_map(path, &file, error));
    *hash = ll_hash_bytes(file.bytes, file.size);
    ll_file_unmap(&file);
    return LL_OK;
}

static int natural(const void *a, const void *b)
{
    return ll_natural_compare(*(char *const *)a, *(char *const *)b);
}

/* Files that fit the pattern, in natural order, appended to `files`; none is an error. */
typedef struct file_list {
    const char **path;
    int64_t count, capacity;
} file_list;

static ll_status append(file_list *files, ll_arena *memory, const char *path, ll_error *error)
{
    if (files->count == files->capacity) {
        int64_t capacity = files->capacity > 0 ? 2 * files->capacity : 16;
        const char **grown = ll_arena_allocate(memory, (size_t)capacity * sizeof *grown);
        if (grown == NULL || capacity > MOST_FILES)
            return ll_fail_memory(error, LL_STUDY, (size_t)capacity * sizeof *grown);
        if (files->count > 0) memcpy(grown, files->path, (size_t)files->count * sizeof *grown);
        files->path = grown;
        files->capacity = capacity;
    }
    files->path[files->count] = ll_arena_text(memory, path);
    return files->path[files->count++] != NULL ? LL_OK : ll_fail_memory(error, LL_STUDY, strlen(path));
}

static ll_status find_files(const ll_study *study, ll_arena *memory, const char *pattern, file_list *files,
                            ll_error *error)
{
    const char *path = ll_study_path(study, pattern, memory);
    struct stat about;
    if (path == NULL) return ll_fail_memory(error, LL_STUDY, 256);
    if (stat(path, &about) == 0 && S_ISREG(about.st_mode)) return append(files, memory, path, error);
    glob_t found;
    int code = strpbrk(path, "*?[") != NULL ? glob(path, 0, NULL, &found) : GLOB_NOMATCH;
    if (code != 0)
        return ll_fail(error, LL_NOT_FOUND, LL_STUDY, pattern,
                       code == GLOB_NOMATCH ? "no file fits (looked for %s)" : "cannot look for %s", path);
    qsort(found.gl_pathv, found.gl_pathc, sizeof *found.gl_pathv, natural);
    ll_status status = LL_OK;
    for (size_t i = 0; i < found.gl_pathc && status == LL_OK; i++)
        status = append(files, memory, found.gl_pathv[i], error);
    globfree(&found);
    return status;
}

/* ---------------------------------------------------------------- data */

static ll_status hash_path(ll_hasher *hasher, const char *path, int depth, ll_error *error)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return ll_fail(error, LL_NOT_FOUND, LL_STUDY, path, "cannot read the data: %s", strerror(errno));
    if (!S_ISDIR(about.st_mode)) {
        ll_hash hash;
        LL_TRY(hash_file(path, &hash, error));
        ll_hasher_add(hasher, &hash, sizeof hash);
        return LL_OK;
    }
    if (depth > 8)
        return ll_fail(error, LL_TOO_LARGE, LL_STUDY, path, "folders of data are nested too deeply");
    struct dirent **entry;
    int count = scandir(path, &entry, NULL, alphasort);
    if (count < 0)
        return ll_fail(error, LL_IO, LL_STUDY, path, "cannot read the folder: %s", strerror(errno));
    ll_status status = LL_OK;
    for (int i = 0; i < count; i++) {
        if (entry[i]->d_name[0] != '.' && status == LL_OK) {
            char inner[PATH_BYTES];
            snprintf(inner, sizeof inner, "%s/%s", path, entry[i]->d_name);
            ll_hasher_add(hasher, entry[i]->d_name, strlen(entry[i]->d_name) + 1);
            status = hash_path(hasher, inner, depth + 1, error);
        }
        free(entry[i]);
    }
    free(entry);
    return status;
}

/* A data set that is named alone: where the data module looks for it. */
static ll_status hash_named(ll_hasher *hasher, const char *set, ll_error *error)
{
    char folder[PATH_BYTES - 256], path[PATH_BYTES];
    struct stat about;
    if (strcmp(set, "fashion-mnist") == 0 && stat(LL_FASHION_FOLDER, &about) == 0)
        return hash_path(hasher, LL_FASHION_FOLDER, 0, error);
    LL_TRY(ll_data_folder(folder, sizeof folder, error));
    snprintf(path, sizeof path, "%s/%s", folder, set);
    if (stat(path, &about) != 0)
        return ll_fail(error, LL_NOT_FOUND, LL_STUDY, set,
                       "the data set is not here (looked in %s); `losslens data %s` fetches it", path, set);
    return hash_path(hasher, path, 0, error);
}

/* "xy:a.npy,b.npy" with its paths from the study's folder. Hashes them where hasher is not NULL. */
ll_status ll_study_source(const ll_study *study, const char *source, ll_hasher *hasher, ll_text *resolved,
                          ll_error *error)
{
    static const char *const words[] = {"cifar10", "cifar100",     "fashion-mnist", "mnist", "idx",
                                        "xy",      "segmentation", "folder",        "csv"};
    const char *paths = source;
    bool several = false;
    if (strncmp(source, "shapes:", 7) == 0) { /* generated: the words are the data */
        ll_text_append(resolved, source);
        if (hasher != NULL) ll_hasher_add(hasher, source, strlen(source));
        return resolved->failed ? ll_fail_memory(error, LL_STUDY, 256) : LL_OK;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t length = strlen(words[i]);
        if (strncmp(source, words[i], length) != 0 || (source[length] != ':' && source[length] != 0))
            continue;
        ll_text_append(resolved, words[i]);
        if (source[length] == 0) return hasher != NULL ? hash_named(hasher, words[i], error) : LL_OK;
        ll_text_append(resolved, ":");
        paths = source + length + 1;
        several = i >= 4 && i <= 6;
    }
    while (*paths != 0) {
        char path[PATH_BYTES];
        size_t length = several ? strcspn(paths, ",") : strlen(paths);
        bool relative = paths[0] != '/' && study->folder[0] != 0;
        if (snprintf(path, sizeof path, "%s%s%.*s", relative ? study->folder : "", relative ? "/" : "",
                     (int)length, paths) >= (int)sizeof path)
            return ll_fail(error, LL_TOO_LARGE, LL_STUDY, source, "the path is too long");
        ll_text_append(resolved, path);
        char *hash_sign = strncmp(source, "csv:", 4) == 0 ? strchr(path, '#') : NULL;
        if (hash_sign != NULL) *hash_sign = 0;
        if (hasher != NULL) LL_TRY(hash_path(hasher, path, 0, error));
        paths += length;
        if (*paths == ',') ll_text_append_bytes(resolved, paths++, 1);
    }
    return resolved->failed ? ll_fail_memory(error, LL_STUDY, 256) : LL_OK;
}

static const char *const data_keys[] = {"data", "train_data", "network_file"};

static bool same_data(const ll_study *study, int64_t a, int64_t b)
{
    for (int k = 0; k < 3; k++) {
        const char *x = ll_group_text(study, a, data_keys[k]), *y = ll_group_text(study, b, data_keys[k]);
        if (x != y && (x == NULL || y == NULL || strcmp(x, y) != 0)) return false;
    }
    return true;
}

static ll_status hash_data(const ll_study *study, int64_t group, ll_hash *hash, ll_error *error)
{
    ll_hasher *hasher = ll_hasher_create();
    if (hasher == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    ll_status status = LL_OK;
    for (int k = 0; k < 3 && status == LL_OK; k++) {
        const char *source = ll_group_text(study, group, data_keys[k]);
        ll_text resolved = {0};
        if (source != NULL && k < 2) status = ll_study_source(study, source, hasher, &resolved, error);
        if (source != NULL && k == 2) {
            ll_arena *scratch = ll_arena_create(0);
            const char *path = scratch != NULL ? ll_study_path(study, source, scratch) : NULL;
            status = path != NULL ? hash_path(hasher, path, 0, error) : ll_fail_memory(error, LL_STUDY, 256);
            ll_arena_destroy(scratch);
        }
        ll_text_deinit(&resolved);
        ll_hasher_add(hasher, &k, sizeof k);
    }
    *hash = ll_hasher_value(hasher);
    ll_hasher_destroy(hasher);
    return status;
}

/* ---------------------------------------------------------------- members */

typedef struct finding {
    const ll_study *study;
    ll_members *members;
    int64_t capacity;
} finding;

static ll_status add(finding *f, const ll_member *member, ll_error *error)
{
    ll_members *m = f->members;
    if (m->count == f->capacity) {
        int64_t capacity = f->capacity > 0 ? 2 * f->capacity : 64;
        ll_member *grown = ll_arena_allocate(m->memory, (size_t)capacity * sizeof *grown);
        if (grown == NULL) return ll_fail_memory(error, LL_STUDY, (size_t)capacity * sizeof *grown);
        if (m->count > 0) memcpy(grown, m->member, (size_t)m->count * sizeof *grown);
        m->member = grown;
        f->capacity = capacity;
    }
    m->member[m->count] = *member;
    if (member->name == NULL) {
        char name[700];
        snprintf(name, sizeof name, "%s/%lld", f->study->groups[member->group].view.name,
                 (long long)(m->count - m->first[member->group]));
        m->member[m->count].name = ll_arena_text(m->memory, name);
        if (m->member[m->count].name == NULL) return ll_fail_memory(error, LL_STUDY, sizeof name);
    }
    m->count++;
    return LL_OK;
}

/* "runs/resnet20_7.pt" -> "resnet20_7". */
static void stem_of(const char *path, char *stem, size_t capacity)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path,
               *dot = strrchr(name, '.');
    snprintf(stem, capacity, "%.*s", (int)(dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name)),
             name);
}

/* {member} and {stem} filled in. */
static void fill_pattern(const char *pattern, int64_t number, const char *file, ll_text *text)
{
    char stem[512];
    stem_of(file, stem, sizeof stem);
    for (const char *at = pattern; *at != 0;) {
        if (strncmp(at, "{member}", 8) == 0) {
            ll_text_format(text, "%lld", (long long)number);
            at += 8;
        } else if (strncmp(at, "{stem}", 6) == 0) {
            ll_text_append(text, stem);
            at += 6;
        } else {
            ll_text_append_bytes(text, at++, 1);
        }
    }
    ll_text_append(text, "");
}

static ll_status find_trajectory(finding *f, ll_member *member, const char *pattern, ll_error *error)
{
    ll_text text = {0};
    file_list files = {0};
    fill_pattern(pattern, f->members->count - f->members->first[member->group], member->file, &text);
    ll_status status = text.failed ? ll_fail_memory(error, LL_STUDY, 256)
                                   : find_files(f->study, f->members->memory, text.text, &files, error);
    ll_text_deinit(&text);
    LL_TRY(status);
    member->trajectory = files.path;
    member->trajectory_count = files.count;
    ll_hasher *hasher = ll_hasher_create();
    if (hasher == NULL) return ll_fail_memory(error, LL_STUDY, 1024);
    for (int64_t i = 0; i < files.count && status == LL_OK; i++) {
        ll_hash hash = {0, 0};
        status = hash_file(files.path[i], &hash, error);
        ll_hasher_add(hasher, &hash, sizeof hash);
    }
    member->trajectory_hash = ll_hasher_value(hasher);
    ll_hasher_destroy(hasher);
    return status;
}

static ll_status from_files(finding *f, int64_t group, const char *patterns, ll_error *error)
{
    bool fields = f->study->groups[group].view.kind == LL_GROUP_FIELD;
    const char *trajectory = fields ? NULL : ll_group_text(f->study, group, "trajectory");
    file_list files = {0};
    for (int64_t i = 0; i < ll_lines_count(patterns); i++) {
        char pattern[PATH_BYTES];
        LL_TRY(find_files(f->study, f->members->memory, ll_lines_item(patterns, i, pattern, sizeof pattern),
                          &files, error));
    }
    for (int64_t i = 0; i < files.count; i++) {
        ll_member member = {.group = group, .file = files.path[i]};
        LL_TRY(hash_file(files.path[i], &member.hash, error));
        if (trajectory != NULL) LL_TRY(find_trajectory(f, &member, trajectory, error));
        if (fields) {
            char stem[512], name[1300];
            stem_of(files.path[i], stem, sizeof stem);
            snprintf(name, sizeof name, "%s/%s", f->study->groups[group].view.name, stem);
            bool taken = false;
            for (int64_t k = f->members->first[group]; k < f->members->count; k++)
                taken = taken || strcmp(f->members->member[k].name, name) == 0;
            if (!taken) member.name = ll_arena_text(f->members->memory, name);
        }
        LL_TRY(add(f, &member, error));
    }
    return LL_OK;
}

static ll_status find_group(finding *f, int64_t group, ll_error *error)
{
    const ll_study *study = f->study;
    const char *fields = ll_group_text(study, group, "fields"),
               *files = ll_group_text(study, group, "checkpoints");
    f->members->first[group] = f->members->count;
    if (fields != NULL || files != NULL) {
        LL_TRY(from_files(f, group, fields != NULL ? fields : files, error));
        if (study->groups[group].more[0] != 0) LL_TRY(from_files(f, group, study->groups[group].more, error));
    } else {
        int64_t *seeds, count;
        LL_TRY(ll_parse_seeds(ll_group_text(study, group, "train.seeds"), f->members->memory, &seeds, &count,
                              error));
        for (int64_t i = 0; i < count; i++) {
            for (int64_t k = 0; k < i; k++)
                if (seeds[k] == seeds[i])
                    return ll_fail(error, LL_INVALID_ARGUMENT, LL_STUDY, study->groups[group].view.name,
                                   "seed %lld is given twice", (long long)seeds[i]);
            LL_TRY(add(f, &(ll_member){.group = group, .seed = seeds[i]}, error));
        }
    }
    for (int64_t g = 0; g < group; g++)
        if (same_data(study, g, group)) {
            f->members->data[group] = f->members->data[g];
            return LL_OK;
        }
    return hash_data(study, group, &f->members->data[group], error);
}

ll_status ll_members_find(const ll_study *study, ll_members *members, ll_error *error)
{
    ll_members made = {.memory = ll_arena_create(0)};
    finding f = {.study = study, .members = &made};
    ll_status status = LL_OK;
    if (made.memory != NULL) {
        made.first = ll_arena_allocate(made.memory, (size_t)(study->group_count + 1) * sizeof *made.first);
        made.data = ll_arena_allocate(made.memory, (size_t)study->group_count * sizeof *made.data);
    }
    if (made.first == NULL || made.data == NULL) status = ll_fail_memory(error, LL_STUDY, 1024);
    for (int64_t g = 0; g < study->group_count && status == LL_OK; g++) {
        status = find_group(&f, g, error);
        if (status != LL_OK) ll_error_prefix(error, "group %s", study->groups[g].view.name);
    }
    if (status != LL_OK) {
        ll_members_deinit(&made);
        return status;
    }
    made.first[study->group_count] = made.count;
    *members = made;
    return LL_OK;
}

void ll_members_deinit(ll_members *members)
{
    if (members == NULL) return;
    ll_arena_destroy(members->memory);
    *members = (ll_members){0};
}
