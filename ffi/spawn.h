// Starts a program from a process with many threads, as Falco is, and ends it again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct spawn {
    const char *path;
    char *const *argv;
    char *const *envp;
    const int *fds;  // they become 3, 4, … of the program; each at least FD_MIN (fd.h)
    size_t fd_count;
};

// Starts the program in `/`, in a process group of its own, with no new privileges, no descriptor but those named,
// stdin and stdout on /dev/null, default signal handling but for SIGTERM, SIGINT, SIGHUP and SIGPIPE, which it ignores.
// Returns its pid, or -1 with errno.
pid_t spawn_start(const struct spawn *spawn);

// Whether the program has ended; its status, as waitpid gives it, in *status (-1 where the host ignores SIGCHLD).
bool spawn_ended(pid_t pid, int *status);

// Waits up to `patience_ms` for the program to end by itself, then kills it; returns within another 400 ms.
void spawn_end(pid_t pid, unsigned patience_ms, int *status);
