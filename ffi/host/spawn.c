// vfork and exec, with nothing in between that is not safe there; reaping.
#define _GNU_SOURCE
#include "host/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/confine.h"
#include "shared/clock.h"
#include "shared/fd.h"

// How long a killed process is waited for: next_batch may do so within its own bound. One that the kernel holds is reaped
// later.
#define KILLED_MS 50u

// Linux 5.9; older kernels answer ENOSYS. The number is the same on every architecture.
#define SYSCALL_CLOSE_RANGE 436

// Linux 3.19; older kernels answer ENOSYS.
#if defined(__x86_64__)
#define SYSCALL_EXECVEAT 322
#elif defined(__aarch64__)
#define SYSCALL_EXECVEAT 281
#else
#error "x86-64 and arm64 only"
#endif

struct directory_entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

// Closes every descriptor from `first` on. Only calls that are safe between vfork and exec: no opendir, it allocates.
static void close_from(int first) {
    if (syscall(SYSCALL_CLOSE_RANGE, (unsigned)first, ~0u, 0) == 0) return;
    int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return;
    _Alignas(8) char buffer[2048];
    long bytes;
    while ((bytes = syscall(SYS_getdents64, dir, buffer, sizeof buffer)) > 0) {
        for (long at = 0; at < bytes;) {
            const struct directory_entry *entry = (const void *)(buffer + at);
            int fd = 0;
            const char *c = entry->name;
            for (; *c >= '0' && *c <= '9'; c++) fd = fd * 10 + (*c - '0');
            if (*c == 0 && fd >= first && fd != dir) close(fd);
            at += entry->length;
        }
    }
    close(dir);
}

static void reset_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < NSIG; signal++) sigaction(signal, &action, NULL);
    // systemd and Ctrl-C signal the whole group of Falco; a runtime that died first would lose the last events.
    action.sa_handler = SIG_IGN;
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) sigaction(ignored[i], &action, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// AddressSanitizer's marks on the stack would be the child's, in the parent's memory.
#define ACROSS_VFORK __attribute__((no_sanitize("address")))

struct failure {
    int error;
    enum spawn_step step;
};

// Runs in the child, in the parent's memory: it may change nothing there but *failure.
ACROSS_VFORK static void __attribute__((noreturn)) become(const struct spawn *spawn, int null_fd,
                                                          volatile struct failure *failure) {
    reset_signals();
    setpgid(0, 0);
    failure->step = SPAWN_CONFINE;
    int ok = chdir("/") == 0 && confine_enter(spawn->ruleset) == 0;
    if (ok) failure->step = SPAWN_FILES;
    ok = ok && dup2(null_fd, 0) == 0 && dup2(null_fd, 1) == 1 && dup2(spawn->error_fd, 2) == 2;
    for (size_t i = 0; ok && i < spawn->fd_count; i++) ok = dup2(spawn->fds[i], 3 + (int)i) == 3 + (int)i;
    const int folder_fd = 3 + (int)spawn->fd_count;
    if (ok && spawn->folder >= 0) ok = dup3(spawn->folder, folder_fd, O_CLOEXEC) == folder_fd;
    if (ok) {
        failure->step = SPAWN_EXEC;
        close_from(folder_fd + (spawn->folder >= 0));
        if (spawn->folder >= 0) syscall(SYSCALL_EXECVEAT, folder_fd, spawn->name, spawn->argv, spawn->envp, 0);
        if (spawn->folder < 0 || errno == ENOSYS) execve(spawn->path, spawn->argv, spawn->envp);
    }
    failure->error = errno;
    _exit(127);
}

// waitpid that no signal of the host's ends.
static pid_t reap(pid_t pid, int *status, int options) {
    pid_t ended;
    do ended = waitpid(pid, status, options);
    while (ended < 0 && errno == EINTR);
    return ended;
}

ACROSS_VFORK pid_t spawn_start(const struct spawn *spawn, enum spawn_step *step) {
    *step = SPAWN_NULL_DEVICE;
    int null_fd = fd_raise(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (null_fd < 0) return -1;
    volatile struct failure failure = {.step = SPAWN_FORK};
    sigset_t all, before;
    sigfillset(&all);
    // A handler of the host must not run in the child: it would do so in the host's memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0) become(spawn, null_fd, &failure);
    if (pid < 0) failure.error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(null_fd);
    if (failure.error == 0) return pid;
    if (pid > 0) reap(pid, NULL, 0);
    *step = failure.step;
    errno = failure.error;
    return -1;
}

// The only place that ends a process: a program, and what it has started in its group, whose number is nobody else's as
// long as the program is not reaped. 0 and what is below mean groups or all there are, 1 is the system's own.
static void end(pid_t pid) {
    assert(pid > 1);
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
}

// Whether the program has ended; its status in *status (-1 where the host ignores SIGCHLD). What it has started is ended
// with it: an ssh that it left would be nobody's.
static bool has_ended(pid_t pid, int *status) {
    *status = -1;
    siginfo_t info = {0};
    int rc;
    do rc = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    while (rc < 0 && errno == EINTR);
    // ECHILD: the host ignores SIGCHLD, or waits for any child itself; the kernel has let go of it, and perhaps given its
    // number to another group. What it has started ends by itself then, as nobody feeds it any more.
    if (rc < 0) return errno == ECHILD;
    if (info.si_pid != pid) return false;
    end(pid);
    const pid_t ended = reap(pid, status, WNOHANG);
    return ended == pid || (ended < 0 && errno == ECHILD);
}

static bool ended_within(pid_t pid, unsigned ms, int *status) {
    const uint64_t deadline = clock_now() + ms * NS_PER_MS;
    while (!has_ended(pid, status)) {
        if (clock_now() >= deadline) return false;
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    return true;
}

void spawn_end(pid_t pid, unsigned patience_ms, int *status, struct unreaped *unreaped) {
    assert(pid > 1 && unreaped->count < UNREAPED_MAX);
    if (ended_within(pid, patience_ms, status)) return;
    end(pid);
    if (!ended_within(pid, KILLED_MS, status)) unreaped->pids[unreaped->count++] = pid;
}

bool spawn_reap(struct unreaped *unreaped, unsigned patience_ms) {
    const uint64_t deadline = clock_now() + patience_ms * NS_PER_MS;
    for (;;) {
        for (size_t i = unreaped->count; i-- > 0;) {
            int status;
            if (has_ended(unreaped->pids[i], &status)) unreaped->pids[i] = unreaped->pids[--unreaped->count];
        }
        if (unreaped->count == 0 || clock_now() >= deadline) return unreaped->count == 0;
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
}
