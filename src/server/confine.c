/* Landlock (Linux 5.13) keeps the child inside its folders, a seccomp filter keeps it off the network. Where
 * the kernel has no Landlock, what the study may name is checked before (run.c); that check is there in any
 * case, for its better words. */
#define _GNU_SOURCE
#include "server/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READING (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
/* All rights of Landlock's first version. */
#define EVERYTHING                                                                                           \
    (READING | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |           \
     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |             \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static void allow(int rules, const char *path, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = rights,
                                              .parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0) return; /* a folder that this system lacks */
    (void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
}

void ll_confinement_init(ll_confinement *confinement, const char *folder, const char *program)
{
    static const char *const readable[] = {"/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/sys"};
    struct landlock_ruleset_attr attributes = {.handled_access_fs = EVERYTHING};
    char beside[4096];
    confinement->output = memfd_create("losslens run", MFD_CLOEXEC);
    confinement->rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (confinement->rules < 0) return;
    for (size_t i = 0; i < sizeof readable / sizeof readable[0]; i++)
        allow(confinement->rules, readable[i], READING);
    allow(confinement->rules, "/dev", READING | LANDLOCK_ACCESS_FS_WRITE_FILE);
    /* bin/losslens with lib/ beside bin/, or a build folder. */
    snprintf(beside, sizeof beside, "%s", program);
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(beside, '/');
        if (slash == NULL || slash == beside) break;
        *slash = 0;
        size_t length = strlen(beside);
        if (up == 1 && length + 5 < sizeof beside) memcpy(beside + length, "/lib", 5);
        allow(confinement->rules, beside, READING);
        beside[length] = 0;
    }
    allow(confinement->rules, folder[0] != 0 ? folder : ".", EVERYTHING);
}

void ll_confinement_deinit(ll_confinement *confinement)
{
    if (confinement->rules >= 0) close(confinement->rules);
    confinement->rules = -1;
}

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static bool no_network(void)
{
#ifdef NATIVE
    /* socket(AF_INET or AF_INET6, ...) and io_uring, which could do the same, fail; anything foreign to this
     * machine too. */
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 0, 6),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 || errno == EINVAL;
#else
    return true;
#endif
}

bool ll_confine(const ll_confinement *confinement)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
    if (confinement->rules >= 0 && syscall(SYS_landlock_restrict_self, confinement->rules, 0) != 0)
        return false;
    return no_network();
}
