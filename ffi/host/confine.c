// Landlock, capabilities and the out-of-memory score, by raw system calls.
#define _GNU_SOURCE
#include "host/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/fd.h"

// Headers of glibc 2.17's days know none of this. The numbers of the calls are the same on every architecture.
#define SYSCALL_LANDLOCK_CREATE_RULESET 444
#define SYSCALL_LANDLOCK_ADD_RULE 445
#define SYSCALL_LANDLOCK_RESTRICT_SELF 446
#define SYSCALL_CLONE3 435
#define IOPRIO_PROCESS 1
#define LANDLOCK_VERSION 1u
#define LANDLOCK_RULE_PATH_BENEATH 1
#define FS_WRITE_FILE (1ull << 1)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_DIR (1ull << 7)
#define FS_MAKE_REG (1ull << 8)
#define FS_MAKE_SOCK (1ull << 9)
#define FS_TRUNCATE (1ull << 14)
#define FS_CHANGES_1 0x1ff2ull  // all that the first version knows but to execute and to read
#define FS_REFER (1ull << 13)
#define FS_IOCTL_DEV (1ull << 15)
#define NET_BIND_TCP (1ull << 0)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ull << 0)
#define SCOPE_SIGNAL (1ull << 1)

struct landlock_ruleset {
    uint64_t fs, net, scoped;
};

struct __attribute__((packed)) landlock_path {
    uint64_t allowed;
    int32_t parent_fd;
};

#ifndef PR_SET_NO_NEW_PRIVS  // Linux 3.5
#define PR_SET_NO_NEW_PRIVS 38
#endif
#ifndef PR_CAP_AMBIENT  // Linux 4.3
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_LOWER 3
#endif
#define CAPABILITY_DAC_OVERRIDE 1u
#define CAPABILITIES 64u
#define CAPABILITY_VERSION 0x20080522u  // the third: two words a set

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#define CALLS_END 0x40000000u  // above are those of x32 programs
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#define CALLS_END UINT32_MAX
#else
#error "x86-64 and arm64 only"
#endif

// Of two processes that need memory, the sensor's other half is the one to keep.
#define OOM_SCORE "500"
#define OOM_SCORE_NUMBER 500

struct capability_header {
    uint32_t version;
    int pid;
};

struct capability_sets {
    uint32_t effective, permitted, inheritable;
};

// What a kernel does not know may not be asked for; it ignores what is zero.
static struct landlock_ruleset rules_of(long version) {
    struct landlock_ruleset rules = {.fs = FS_CHANGES_1};
    if (version >= 2) rules.fs |= FS_REFER;
    if (version >= 3) rules.fs |= FS_TRUNCATE;
    if (version >= 4) rules.net = NET_BIND_TCP;
    if (version >= 5) rules.fs |= FS_IOCTL_DEV;
    if (version >= 6) rules.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    return rules;
}

static bool allow(int ruleset, const struct landlock_ruleset *rules, const char *path, int flags, uint64_t access) {
    const struct landlock_path rule = {
        .allowed = access & rules->fs,
        .parent_fd = fd_raise(open(path, O_PATH | O_CLOEXEC | flags)),
    };
    if (rule.parent_fd < 0) return false;
    const long rc = syscall(SYSCALL_LANDLOCK_ADD_RULE, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    close(rule.parent_fd);
    return rc == 0;
}

int confine_prepare(const char *folder, bool *granted) {
    *granted = false;
    const long version = syscall(SYSCALL_LANDLOCK_CREATE_RULESET, NULL, 0, LANDLOCK_VERSION);
    if (version < 1) return -1;
    const struct landlock_ruleset rules = rules_of(version);
    const int ruleset = fd_raise((int)syscall(SYSCALL_LANDLOCK_CREATE_RULESET, &rules, sizeof rules, 0));
    if (ruleset < 0) return -1;
    // Folders and sockets are for SSH connections that are shared.
    const uint64_t state = FS_WRITE_FILE | FS_TRUNCATE | FS_MAKE_REG | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_SOCK;
    if (folder != NULL) *granted = allow(ruleset, &rules, folder, O_DIRECTORY, state);
    allow(ruleset, &rules, "/dev/null", 0, FS_WRITE_FILE);
    return ruleset;
}

// A process of root's gets all that its bounding set holds at exec; one that was given privileges, what is inheritable
// or ambient. Where there is no CAP_SETPCAP the bounding set stays, and no_new_privs sees to it that exec gives nothing
// back.
static int drop_capabilities(void) {
    struct capability_header header = {.version = CAPABILITY_VERSION};
    struct capability_sets sets[2];
    if (syscall(SYS_capget, &header, sets) != 0) return -1;
    const uint32_t keep = 1u << CAPABILITY_DAC_OVERRIDE;
    const struct capability_sets kept = {
        .effective = sets[0].effective & keep,
        .permitted = sets[0].permitted & keep,
        .inheritable = sets[0].inheritable & keep,
    };
    // A host that has put its rights aside for the moment still drops them for good.
    for (int i = 0; i < 2; i++) sets[i].effective = sets[i].permitted;
    if (syscall(SYS_capset, &header, sets) != 0) return -1;
    for (unsigned capability = 0; capability < CAPABILITIES; capability++) {
        if (capability == CAPABILITY_DAC_OVERRIDE) continue;
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, capability, 0, 0);
        prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    }
    sets[0] = kept;
    sets[1] = (struct capability_sets){0};
    return (int)syscall(SYS_capset, &header, sets);
}

// Never lowers the score, which only root may. /proc may be missing: then it stays what it is.
static void offer_to_the_oom_killer(void) {
    const int file = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    char text[8] = {0};
    int score = 0;
    if (read(file, text, sizeof text - 1) > 0)
        for (const char *c = text; *c >= '0' && *c <= '9'; c++) score = score * 10 + (*c - '0');
    if (score < OOM_SCORE_NUMBER && pwrite(file, OOM_SCORE, sizeof OOM_SCORE - 1, 0) < 0) errno = 0;
    close(file);
}

// Where a call has its argument; a process id is the lower half of it (both processors are little-endian).
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + (n) * sizeof(uint64_t))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
// A call whose first argument says which process it is for: 0, the caller itself, and nothing else.
#define FOR_ITSELF(call)                                                      \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 4), LOAD(ARGUMENT(0)), \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), ALLOW, REFUSE
// The same of a call whose first argument says what the second one is a number of: with 0, the caller's user would be all
// of root's processes.
#define FOR_PROCESS_ITSELF(call, process)                                      \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 6), LOAD(ARGUMENT(0)),  \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, process, 0, 3), LOAD(ARGUMENT(1)), \
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1), ALLOW, REFUSE
#define NEVER(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1), REFUSE

// The kernel asks for no capability where both processes are the same user's: with a limit on processor time, the runtime
// could end its host. And what it starts stays in its process group, or it would outlive the runtime, with the memory that
// the next one shares with the host; and is no child of the host's, which nobody would reap. What is read from a pipe
// waits for a writer that the kernel holds in a page fault, so no page's content may come from a process: not by
// userfaultfd, and not by a FUSE of a user namespace. A kernel that was built without such filters goes without this one.
static void refuse_calls(void) {
    static struct sock_filter filter[] = {
        LOAD(offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
        REFUSE,
        LOAD(offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, CALLS_END, 0, 1),
        REFUSE,
        FOR_ITSELF(prlimit64),
        FOR_ITSELF(sched_setaffinity),
        FOR_ITSELF(sched_setparam),
        FOR_ITSELF(sched_setscheduler),
        FOR_ITSELF(sched_setattr),
        FOR_PROCESS_ITSELF(setpriority, PRIO_PROCESS),
        FOR_PROCESS_ITSELF(ioprio_set, IOPRIO_PROCESS),
        NEVER(setsid),
        NEVER(setpgid),
        NEVER(userfaultfd),
        NEVER(unshare),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4),
        LOAD(ARGUMENT(0)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_PARENT | CLONE_NEWUSER, 0, 1),
        REFUSE,
        ALLOW,
        // Its flags lie in memory, where no filter sees them; C libraries take clone where a kernel does not know it.
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYSCALL_CLONE3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        ALLOW,
    };
    const struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

int confine_enter(int ruleset) {
    offer_to_the_oom_killer();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    if (drop_capabilities() != 0) return -1;
    refuse_calls();
    return ruleset < 0 ? 0 : (int)syscall(SYSCALL_LANDLOCK_RESTRICT_SELF, ruleset, 0);
}
