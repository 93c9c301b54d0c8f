#define _GNU_SOURCE
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"

// Linux 5.9; older kernels answer ENOSYS. The number is the same on every architecture.
#define SYSCALL_CLOSE_RANGE 436
// Linux 3.5.
#ifndef PR_SET_NO_NEW_PRIVS
#define PR_SET_NO_NEW_PRIVS 38
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

// Runs in the child, in the parent's memory: it may change nothing there but *error.
ACROSS_VFORK static void __attribute__((noreturn)) become(const struct spawn *spawn, int null_fd, volatile int *error) {
    reset_signals();
    setpgid(0, 0);
    int ok = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && chdir("/") == 0;
    ok = ok && dup2(null_fd, 0) == 0 && dup2(null_fd, 1) == 1;
    if (ok && fcntl(2, F_GETFD) < 0) ok = dup2(null_fd, 2) == 2;
    for (size_t i = 0; ok && i < spawn->fd_count; i++) ok = dup2(spawn->fds[i], 3 + (int)i) == 3 + (int)i;
    if (ok) {
        close_from(3 + (int)spawn->fd_count);
        execve(spawn->path, spawn->argv, spawn->envp);
    }
    *error = errno;
    _exit(127);
}

ACROSS_VFORK pid_t spawn_start(const struct spawn *spawn) {
    int null_fd = fd_raise(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (null_fd < 0) return -1;
    volatile int error = 0;
    sigset_t all, before;
    sigfillset(&all);
    // A handler of the host must not run in the child: it would do so in the host's memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = vfork();
    if (pid == 0) become(spawn, null_fd, &error);
    if (pid < 0) error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(null_fd);
    if (error == 0) return pid;
    if (pid > 0) waitpid(pid, NULL, 0);
    errno = error;
    return -1;
}

bool spawn_ended(pid_t pid, int *status) {
    *status = -1;
    pid_t ended;
    do ended = waitpid(pid, status, WNOHANG);
    while (ended < 0 && errno == EINTR);
    // ECHILD: the host ignores SIGCHLD, or waits for any child itself; the kernel has let go of it.
    return ended == pid || (ended < 0 && errno == ECHILD);
}

static bool ended_within(pid_t pid, unsigned ms, int *status) {
    const uint64_t deadline = clock_now() + ms * NS_PER_MS;
    while (!spawn_ended(pid, status)) {
        if (clock_now() >= deadline) return false;
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    }
    return true;
}

void spawn_end(pid_t pid, unsigned patience_ms, int *status) {
    if (ended_within(pid, patience_ms, status)) return;
    kill(pid, SIGKILL);
    ended_within(pid, 400, status);
}
