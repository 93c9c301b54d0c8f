#define _GNU_SOURCE
#include "supervisor.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "spawn.h"

#define LOOK_MS 100u  // between two looks while events flow
#ifndef HEARTBEAT_MS
#define HEARTBEAT_MS 10000u  // without one, the runtime hangs
#endif
#define HEALTHY_MS 10000u  // a run of this length forgives all failures before
#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 10000u
#define SLOWED_MAX 3u  // failures that slow down the next start of a runtime that was ready

#define PROGRAM_NAME "docker-plugin"
#define PROGRAM_VARIABLE "DOCKER_PLUGIN_RUNTIME"

bool fail(struct runtime *runtime, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(runtime->error, sizeof runtime->error, format, arguments);
    va_end(arguments);
    log_clean(runtime->error);
    return false;
}

// Death ----------------------------------------------------------------------------------------------------------------

// Ends the process, if there is one, and says how it ended.
void stop(struct runtime *runtime, unsigned patience_ms, char *how, size_t how_max) {
    int status = -1;
    if (runtime->link.control >= 0) link_read_log(&runtime->link, &runtime->logger);
    link_cut(&runtime->link);
    if (runtime->pid > 0) spawn_end(runtime->pid, patience_ms, &status);
    runtime->pid = -1;
    runtime->phase = RUNTIME_DOWN;
    if (how == NULL) return;
    if (status != -1 && WIFSIGNALED(status)) snprintf(how, how_max, "killed by signal %d", WTERMSIG(status));
    else if (status != -1 && WIFEXITED(status)) snprintf(how, how_max, "exited with code %d", WEXITSTATUS(status));
    else snprintf(how, how_max, "gone");
}

// The runtime is lost; the next one may start at once, or later where this one never got ready or not for long.
void replace(struct runtime *runtime, const char *why) {
    char how[64];
    const uint64_t now = clock_now();
    const bool was_ready = runtime->phase == RUNTIME_READY;
    stop(runtime, 0, how, sizeof how);
    if (was_ready && now - runtime->ready_at >= HEALTHY_MS * NS_PER_MS) runtime->failures = 0;
    // One that was ready is only slowed down: next_batch fails only where starting leads nowhere.
    if (!was_ready || runtime->failures < SLOWED_MAX) runtime->failures++;
    uint64_t delay_ms = 0;
    if (runtime->failures > 1) {
        const uint32_t doublings = runtime->failures - 2 < 16 ? runtime->failures - 2 : 16;
        delay_ms = (uint64_t)BACKOFF_MIN_MS << doublings;
        if (delay_ms > BACKOFF_MAX_MS) delay_ms = BACKOFF_MAX_MS;
    }
    runtime->not_before = now + delay_ms * NS_PER_MS;
    log_line(&runtime->logger, FALCO_ERROR, "docker: the runtime was lost: %s (%s); starting it again in %llu ms", why, how,
             (unsigned long long)delay_ms);
}

// Start ------------------------------------------------------------------------------------------------------------

// The folder of this library, found through an address inside it, and the program beside it.
bool find_program(struct runtime *runtime) {
    Dl_info self;
    char path[PATH_MAX];
    if (dladdr((const void *)&runtime_begin, &self) == 0 || realpath(self.dli_fname, path) == NULL)
        return fail(runtime, "cannot find the path of libdocker.so: %s", strerror(errno));
    runtime->library = strdup(path);
    const char *named = secure_getenv(PROGRAM_VARIABLE);
    if (named != NULL && *named != 0) {
        runtime->program = strdup(named);
    } else {
        char *slash = strrchr(path, '/');
        snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path), PROGRAM_NAME);
        runtime->program = strdup(path);
    }
    if (runtime->library == NULL || runtime->program == NULL) return fail(runtime, "out of memory");
    if (*runtime->program != '/')
        return fail(runtime, "%s is \"%s\": expected an absolute path of docker-plugin", PROGRAM_VARIABLE,
                    runtime->program);
    return true;
}

static bool explain_start(struct runtime *runtime, int error) {
    if (error == ENOENT)
        return fail(runtime,
                    "%s is missing: install " PROGRAM_NAME " in the folder of libdocker.so, or name another place in "
                    "the environment variable " PROGRAM_VARIABLE,
                    runtime->program);
    if (error == EACCES || error == EPERM)
        return fail(runtime,
                    "%s is not executable: chmod 755 it, and see that its file system is not mounted noexec",
                    runtime->program);
    return fail(runtime, "%s cannot be started: %s", runtime->program, strerror(error));
}

bool start(struct runtime *runtime) {
    int theirs[2];
    if (link_connect(&runtime->link, theirs) != 0)
        return fail(runtime, "cannot make a socket pair: %s", strerror(errno));
    // All that the runtime gets of Falco's environment; GC_TIMER: no wake-ups while nothing happens.
    char docker_host[PATH_MAX + 16];
    char *envp[] = {"BUN_GC_TIMER_DISABLE=1", NULL, NULL};
    const char *host = getenv("DOCKER_HOST");
    if (host != NULL && snprintf(docker_host, sizeof docker_host, "DOCKER_HOST=%s", host) < (int)sizeof docker_host)
        envp[1] = docker_host;
    char *argv[] = {PROGRAM_NAME, "runtime", runtime->library, NULL};
    const int fds[] = {theirs[0], theirs[1], runtime->link.mailbox_fd};
    static_assert(CONTROL_FD == 3 && REQUEST_FD == 4 && MAILBOX_FD == 5, "the order of fds");
    const struct spawn spawn = {.path = runtime->program, .argv = argv, .envp = envp, .fds = fds, .fd_count = 3};
    const pid_t pid = spawn_start(&spawn);
    const int error = errno;
    close(theirs[0]);
    close(theirs[1]);
    if (pid < 0) {
        link_cut(&runtime->link);
        return explain_start(runtime, error);
    }
    runtime->pid = pid;
    runtime->phase = RUNTIME_GREETING;
    runtime->phase_deadline = clock_now() + START_MS * NS_PER_MS;
    return true;
}

bool send_request(struct runtime *runtime, uint32_t kind, const struct stream *stream, bool resume, const void *data,
                  size_t length) {
    if (length > RECORD_MAX) return fail(runtime, "a request of %zu bytes is too long", length);
    const struct request request = {
        .kind = kind,
        .instance = stream == NULL ? 0 : stream->slot,
        .resume = resume,
        .length = length,
    };
    if (link_send(&runtime->link, request, data, kind == REQUEST_OPEN ? stream->ring.fd : -1) == 0) return true;
    return fail(runtime, "the runtime does not take requests: %s", strerror(errno));
}

void take_flush_interval(struct runtime *runtime, const struct answer *answer) {
    const uint64_t ms = answer->value < FLUSH_INTERVAL_MAX_MS ? answer->value : FLUSH_INTERVAL_MAX_MS;
    runtime->flush_interval_ns = ms * NS_PER_MS;
}

// Sends the first stream at or after `slot` again, or is ready.
static bool open_next(struct runtime *runtime, uint32_t slot) {
    while (slot < INSTANCES_MAX && runtime->streams[slot] == NULL) slot++;
    runtime->opening = slot;
    runtime->phase_deadline = clock_now() + START_MS * NS_PER_MS;
    if (slot < INSTANCES_MAX) {
        const struct stream *stream = runtime->streams[slot];
        runtime->phase = RUNTIME_OPENING;
        return send_request(runtime, REQUEST_OPEN, stream, true, stream->params, strlen(stream->params));
    }
    const uint64_t now = clock_now();
    runtime->phase = RUNTIME_READY;
    runtime->ready_at = now;
    runtime->hopeless = false;
    // Starts that came to nothing do not slow down what came after them.
    if (runtime->failures > SLOWED_MAX) runtime->failures = SLOWED_MAX;
    runtime->heartbeat_at = now;
    return true;
}

static bool greeted(struct runtime *runtime) {
    char version[128];
    const ssize_t bytes = channel_receive(runtime->link.request, version, sizeof version - 1, NULL, false);
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (bytes <= 0) return fail(runtime, "%s ended before it said anything; try `%s --version`", runtime->program,
                                runtime->program);
    version[bytes] = 0;
    log_clean(version);
    if (strcmp(version, BUILD_ID) != 0)
        return fail(runtime, "%s is version %s and libdocker.so is %s: install both from one release", runtime->program,
                    version, BUILD_ID);
    runtime->phase = RUNTIME_CONFIGURING;
    return send_request(runtime, REQUEST_CONFIGURE, NULL, false, runtime->config, strlen(runtime->config));
}

// Goes as far as the runtime's messages allow, without waiting. False, with the reason, where it is lost.
bool advance(struct runtime *runtime) {
    for (;;) {
        const enum runtime_phase before = runtime->phase;
        if (before == RUNTIME_DOWN) return fail(runtime, "the runtime is not there");
        if (before == RUNTIME_READY) return true;
        if (before == RUNTIME_GREETING) {
            if (!greeted(runtime)) return false;
        } else {
            struct answer answer;
            const enum received received = link_receive(&runtime->link, &answer);
            if (received == RUNTIME_GONE) return fail(runtime, "the runtime ended while it started");
            if (received == RECEIVED && answer.rc != 0) {
                link_text(&runtime->link, &answer, runtime->error, sizeof runtime->error);
                return false;
            }
            if (received == RECEIVED && before == RUNTIME_CONFIGURING) take_flush_interval(runtime, &answer);
            if (received == RECEIVED && !open_next(runtime, before == RUNTIME_OPENING ? runtime->opening + 1 : 0))
                return false;
        }
        if (runtime->phase == before) {
            if (clock_now() < runtime->phase_deadline) return true;
            return fail(runtime, "%s did not get ready within %u s", runtime->program, START_MS / 1000);
        }
        if (runtime->phase == RUNTIME_READY) return true;
    }
}

bool await_ready(struct runtime *runtime, uint64_t deadline) {
    while (runtime->phase != RUNTIME_READY) {
        const uint64_t now = clock_now();
        if (now >= deadline) return fail(runtime, "the runtime is not ready");
        if (runtime->phase == RUNTIME_DOWN) {
            if (now < runtime->not_before) {
                nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
                continue;
            }
            atomic_fetch_add(&runtime->restarts, 1);
            if (!start(runtime)) {
                replace(runtime, runtime->error);
                return false;
            }
        }
        link_await(&runtime->link, &runtime->logger, deadline < runtime->phase_deadline ? deadline : runtime->phase_deadline);
        if (!advance(runtime)) {
            replace(runtime, runtime->error);
            return false;
        }
    }
    return true;
}

// Care -------------------------------------------------------------------------------------------------------------

bool runtime_look_is_due(const struct runtime *runtime, uint64_t now) {
    return now - runtime->looked_at >= LOOK_MS * NS_PER_MS || runtime->phase != RUNTIME_READY ||
           link_u64(&runtime->link, MAILBOX_LOGGED) != runtime->logged;
}

// Whether the runtime's event loop still turns. Time in which the host itself stood still does not count.
static bool is_alive(struct runtime *runtime, uint64_t now, uint64_t since_last_look) {
    const uint64_t heartbeat = link_u64(&runtime->link, MAILBOX_HEARTBEAT);
    if (heartbeat != runtime->heartbeat || since_last_look > NS_PER_S) {
        runtime->heartbeat = heartbeat;
        runtime->heartbeat_at = now;
    }
    return now - runtime->heartbeat_at < HEARTBEAT_MS * NS_PER_MS;
}

void supervise(struct runtime *runtime, uint64_t now) {
    const uint64_t since_last_look = now - runtime->looked_at;
    runtime->looked_at = now;
    if (runtime->phase == RUNTIME_DOWN) {
        if (now < runtime->not_before || runtime->failures >= RUNTIME_TRIES) return;
        atomic_fetch_add(&runtime->restarts, 1);
        if (!start(runtime)) replace(runtime, runtime->error);
        return;
    }
    runtime->logged = link_u64(&runtime->link, MAILBOX_LOGGED);
    const bool ended = link_has_ended(&runtime->link);
    link_read_log(&runtime->link, &runtime->logger);
    if (runtime->phase != RUNTIME_READY) {
        if (!advance(runtime)) replace(runtime, runtime->error);
    } else if (ended) {
        replace(runtime, "it ended");
    } else if (!is_alive(runtime, now, since_last_look)) {
        kill(runtime->pid, SIGKILL);
        replace(runtime, "it hung: no heartbeat for 10 s");
    } else if (runtime->failures > 0 && now - runtime->ready_at >= HEALTHY_MS * NS_PER_MS) {
        runtime->failures = 0;
    }
}
