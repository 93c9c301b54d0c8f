// Starts a program from a process with many threads, as Falco is, and ends it again.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct spawn {
    const char *path;
    int folder;  // where `name` is what is started, whatever `path` leads to by now; at least FD_MIN; -1: none
    const char *name;
    char *const *argv;
    char *const *envp;
    int error_fd;  // becomes its stderr; at least FD_MIN
    const int *fds;  // they become 3, 4, … of the program; each at least FD_MIN (fd.h)
    size_t fd_count;
    int ruleset;  // confine.h; -1: none
};

// Where a start failed.
enum spawn_step { SPAWN_NULL_DEVICE, SPAWN_FORK, SPAWN_CONFINE, SPAWN_FILES, SPAWN_EXEC };

// Starts the program in `/`, in a process group of its own, confined (confine.h), with no descriptor but those named,
// stdin and stdout on /dev/null, default signal handling but for SIGTERM, SIGINT, SIGHUP and SIGPIPE, which it ignores.
// Returns its pid, or -1 with errno and *step.
pid_t spawn_start(const struct spawn *spawn, enum spawn_step *step);

// Children that were told to end and have not yet: one that hangs in the kernel ends when that lets go of it.
#define UNREAPED_MAX 8
struct unreaped {
    pid_t pids[UNREAPED_MAX];
    size_t count;
};

// Waits up to `patience_ms` for the program to end by itself, then kills it and waits for another 50 ms; what it has
// started in its process group ends with it. Its status, as
// waitpid gives it, goes to *status (-1 where it has not ended, or the host ignores SIGCHLD). What has not ended by then
// is put with the others in *unreaped, which must have room.
void spawn_end(pid_t pid, unsigned patience_ms, int *status, struct unreaped *unreaped);

// Reaps what has ended by now, or within `patience_ms`. Whether none is left.
bool spawn_reap(struct unreaped *unreaped, unsigned patience_ms);
