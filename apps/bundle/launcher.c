/* The `losslens` of a bundle: a static program that starts the real one with the bundle's own loader and libraries, so that
 * nothing of the host's is needed. It finds its folder by the path that the kernel started it with. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static int fail(const char *what, const char *path)
{
    fprintf(stderr, "losslens: %s %s: %s\n", what, path, strerror(errno));
    return 1;
}

/* The folder that this program lies in, links resolved; a chroot may lack /proc. */
static int find_folder(char folder[PATH_MAX])
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = 0;
    } else {
        const char *started = (const char *)getauxval(AT_EXECFN);
        if (started == NULL || realpath(started, path) == NULL) return -1;
    }
    char *slash = strrchr(path, '/');
    if (slash == NULL) return -1;
    *slash = 0;
    snprintf(folder, PATH_MAX, "%s", path[0] != 0 ? path : "/");
    return 0;
}

static void set_default(const char *name, const char *value) { setenv(name, value, 0); }

int main(int argc, char **argv)
{
    char folder[PATH_MAX], loader[PATH_MAX + 64], libraries[PATH_MAX + 64], program[PATH_MAX + 64],
        text[PATH_MAX + 64];
    if (find_folder(folder) != 0) return fail("cannot find its own folder from", argv[0]);
    snprintf(loader, sizeof loader, "%s/lib/ld-linux-x86-64.so.2", folder);
    snprintf(libraries, sizeof libraries, "%s/lib", folder);
    snprintf(program, sizeof program, "%s/bin/losslens", folder);
    snprintf(text, sizeof text, "%s/losslens", folder);
    set_default("LOSSLENS_PROGRAM", text);
    snprintf(text, sizeof text, "%s/share/losslens/web", folder);
    set_default("LOSSLENS_WEB", text);
    snprintf(text, sizeof text, "%s/share/fonts/fonts.conf", folder);
    set_default("FONTCONFIG_FILE", text);
    char **arguments = calloc((size_t)argc + 8, sizeof *arguments);
    if (arguments == NULL) return fail("cannot start", program);
    int count = 0;
    arguments[count++] = loader;
    arguments[count++] = (char *)"--inhibit-cache";
    arguments[count++] = (char *)"--library-path";
    arguments[count++] = libraries;
    arguments[count++] = program;
    for (int i = 1; i < argc; i++) arguments[count++] = argv[i];
    execv(loader, arguments);
    return fail("cannot start", loader);
}
