#define _GNU_SOURCE
#include "runtime.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "spawn.h"

#define START_MS 10000u      // init and open: until the runtime's word
#define LOOK_MS 100u         // between two looks while events flow
#ifndef HEARTBEAT_MS
#define HEARTBEAT_MS 10000u  // without one, the runtime hangs
#endif
#define HEALTHY_MS 10000u    // a run of this length forgives all failures before
#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 10000u
#define SLOWED_MAX 3u         // failures that slow down the next start of a runtime that was ready
#define CLOSE_MS 250u
#define RESCUE_MS 400u       // at close: until a new runtime has done what the last one could not
#define END_PATIENCE_MS 300u
#define MESSAGES_MAX 1000u   // read in one go: a runtime that floods us must not hold Falco

#define PROGRAM_NAME "docker-plugin"
#define PROGRAM_VARIABLE "DOCKER_PLUGIN_RUNTIME"

static bool fail(struct runtime *runtime, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool fail(struct runtime *runtime, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(runtime->error, sizeof runtime->error, format, arguments);
    va_end(arguments);
    log_clean(runtime->error);
    return false;
}

// Turns ------------------------------------------------------------------------------------------------------------

static bool turn_try(struct turn *turn) {
    return atomic_exchange_explicit(&turn->taken, 1, memory_order_acquire) == 0;
}

// Whoever holds the turn holds it for a bounded request, so this wait has a bound too.
static bool turn_take(struct turn *turn, uint64_t deadline) {
    while (!turn_try(turn)) {
        if (clock_now() >= deadline) return false;
        nanosleep(&(struct timespec){.tv_nsec = (long)(NS_PER_MS / 5)}, NULL);
    }
    return true;
}

static void turn_give(struct turn *turn) {
    atomic_store_explicit(&turn->taken, 0, memory_order_release);
}

// The shared page --------------------------------------------------------------------------------------------------

static uint64_t shared_u64(const struct runtime *runtime, size_t offset) {
    return atomic_load_explicit((_Atomic uint64_t *)(void *)(runtime->mailbox + offset), memory_order_relaxed);
}

uint64_t runtime_metric(const struct runtime *runtime, uint32_t metric) {
    return runtime->mailbox == NULL ? 0 : shared_u64(runtime, MAILBOX_METRICS + (size_t)metric * 8);
}

// Death ------------------------------------------------------------------------------------------------------------

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static void read_log(struct runtime *runtime) {
    struct log_message message;
    for (uint32_t i = 0; i < MESSAGES_MAX; i++) {
        const ssize_t bytes = channel_receive(runtime->control, &message, sizeof message - 1, NULL, false);
        if (bytes <= 0) return;
        if ((size_t)bytes <= offsetof(struct log_message, text)) continue;
        ((char *)&message)[bytes] = 0;
        int severity = message.severity;
        if (severity < FALCO_CRITICAL || severity > FALCO_DEBUG) severity = FALCO_ERROR;
        log_line(&runtime->logger, (enum falco_severity)severity, "%s", message.text);
    }
}

// Ends the process, if there is one, and says how it ended.
static void stop(struct runtime *runtime, unsigned patience_ms, char *how, size_t how_max) {
    int status = -1;
    if (runtime->control >= 0) read_log(runtime);
    close_fd(&runtime->control);
    close_fd(&runtime->request);
    if (runtime->pid > 0) spawn_end(runtime->pid, patience_ms, &status);
    runtime->pid = -1;
    runtime->phase = RUNTIME_DOWN;
    if (how == NULL) return;
    if (status != -1 && WIFSIGNALED(status)) snprintf(how, how_max, "killed by signal %d", WTERMSIG(status));
    else if (status != -1 && WIFEXITED(status)) snprintf(how, how_max, "exited with code %d", WEXITSTATUS(status));
    else snprintf(how, how_max, "gone");
}

// The runtime is lost; the next one may start at once, or later where this one never got ready or not for long.
static void lose(struct runtime *runtime, const char *why) {
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
    log_line(&runtime->logger, FALCO_ERROR, "the runtime was lost: %s (%s); starting it again in %llu ms", why, how,
             (unsigned long long)delay_ms);
}

bool runtime_distrust(struct runtime *runtime, const char *why) {
    if (!turn_try(&runtime->turn)) return false;
    if (runtime->phase != RUNTIME_DOWN) {
        kill(runtime->pid, SIGKILL);
        lose(runtime, why);
    }
    turn_give(&runtime->turn);
    return true;
}

// Start ------------------------------------------------------------------------------------------------------------

// The folder of this library, found through an address inside it, and the program beside it.
static bool find_program(struct runtime *runtime) {
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

// A close-on-exec socket pair, both ends clear of the descriptors that the program gets.
static bool make_pair(int pair[2]) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return false;
    pair[0] = fd_raise(pair[0]);
    pair[1] = fd_raise(pair[1]);
    if (pair[0] >= 0 && pair[1] >= 0) return true;
    close_fd(&pair[0]);
    close_fd(&pair[1]);
    return false;
}

static bool start(struct runtime *runtime) {
    int control[2], request[2] = {-1, -1};
    if (!make_pair(control)) return fail(runtime, "cannot make a socket pair: %s", strerror(errno));
    if (!make_pair(request)) {
        close_fd(&control[0]);
        close_fd(&control[1]);
        return fail(runtime, "cannot make a socket pair: %s", strerror(errno));
    }
    // All that the runtime gets of Falco's environment; GC_TIMER: no wake-ups while nothing happens.
    char docker_host[PATH_MAX + 16];
    char *envp[] = {"BUN_GC_TIMER_DISABLE=1", NULL, NULL};
    const char *host = getenv("DOCKER_HOST");
    if (host != NULL && snprintf(docker_host, sizeof docker_host, "DOCKER_HOST=%s", host) < (int)sizeof docker_host)
        envp[1] = docker_host;
    char *argv[] = {PROGRAM_NAME, "runtime", runtime->library, NULL};
    const int fds[] = {control[1], request[1], runtime->mailbox_fd};
    static_assert(CONTROL_FD == 3 && REQUEST_FD == 4 && MAILBOX_FD == 5, "the order of fds");
    const struct spawn spawn = {.path = runtime->program, .argv = argv, .envp = envp, .fds = fds, .fd_count = 3};
    const pid_t pid = spawn_start(&spawn);
    const int error = errno;
    close_fd(&control[1]);
    close_fd(&request[1]);
    if (pid < 0) {
        close_fd(&control[0]);
        close_fd(&request[0]);
        return explain_start(runtime, error);
    }
    runtime->pid = pid;
    runtime->control = control[0];
    runtime->request = request[0];
    runtime->phase = RUNTIME_GREETING;
    runtime->phase_deadline = clock_now() + START_MS * NS_PER_MS;
    return true;
}

// Requests ---------------------------------------------------------------------------------------------------------

static bool send_request(struct runtime *runtime, uint32_t kind, const struct stream *stream, bool resume,
                         const void *data, size_t length) {
    if (length > RECORD_MAX) return fail(runtime, "a request of %zu bytes is too long", length);
    if (length > 0) memcpy(runtime->mailbox + MAILBOX_REQUEST, data, length);
    const struct request request = {
        .kind = kind,
        .id = ++runtime->request_id,
        .instance = stream == NULL ? 0 : stream->slot,
        .resume = resume,
        .length = length,
    };
    if (channel_send(runtime->request, &request, sizeof request, kind == REQUEST_OPEN ? stream->ring.fd : -1) == 0)
        return true;
    return fail(runtime, "the runtime does not take requests: %s", strerror(errno));
}

enum received { RECEIVED, NOTHING_YET, RUNTIME_GONE };

// The answer to the last request, without waiting. Answers to requests that were given up are passed over.
static enum received receive_answer(struct runtime *runtime, struct answer *answer) {
    for (uint32_t i = 0; i < MESSAGES_MAX; i++) {
        const ssize_t bytes = channel_receive(runtime->request, answer, sizeof *answer, NULL, false);
        if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return NOTHING_YET;
        if (bytes != (ssize_t)sizeof *answer || answer->length > RECORD_MAX) return RUNTIME_GONE;
        if (answer->id == runtime->request_id) return RECEIVED;
    }
    return NOTHING_YET;
}

// Copies an answer's data out of the shared memory, as a string.
static void answer_text(struct runtime *runtime, const struct answer *answer, char *text, size_t max) {
    const size_t length = answer->length < max - 1 ? (size_t)answer->length : max - 1;
    memcpy(text, runtime->mailbox + MAILBOX_ANSWER, length);
    text[length] = 0;
}

static void answer_error(struct runtime *runtime, const struct answer *answer) {
    answer_text(runtime, answer, runtime->error, sizeof runtime->error);
    log_clean(runtime->error);
}

static void take_flush_interval(struct runtime *runtime, const struct answer *answer) {
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
    runtime->silent_ns = 0;
    return true;
}

static bool greeted(struct runtime *runtime) {
    char version[128];
    const ssize_t bytes = channel_receive(runtime->request, version, sizeof version - 1, NULL, false);
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
static bool advance(struct runtime *runtime) {
    for (;;) {
        const enum runtime_phase before = runtime->phase;
        if (before == RUNTIME_DOWN) return fail(runtime, "the runtime is not there");
        if (before == RUNTIME_READY) return true;
        if (before == RUNTIME_GREETING) {
            if (!greeted(runtime)) return false;
        } else {
            struct answer answer;
            const enum received received = receive_answer(runtime, &answer);
            if (received == RUNTIME_GONE) return fail(runtime, "the runtime ended while it started");
            if (received == RECEIVED && answer.rc != 0) {
                answer_error(runtime, &answer);
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

// Sleeps until the runtime has said something or `deadline` has passed.
static void await_message(struct runtime *runtime, uint64_t deadline) {
    struct pollfd sockets[] = {{.fd = runtime->request, .events = POLLIN}, {.fd = runtime->control, .events = POLLIN}};
    poll(sockets, 2, clock_poll_ms(clock_now(), deadline));
    if (sockets[1].revents != 0) read_log(runtime);
}

static bool is_ready(struct runtime *runtime, uint64_t deadline) {
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
                lose(runtime, runtime->error);
                return false;
            }
        }
        await_message(runtime, deadline < runtime->phase_deadline ? deadline : runtime->phase_deadline);
        if (!advance(runtime)) {
            lose(runtime, runtime->error);
            return false;
        }
    }
    return true;
}

// With the turn taken: sends a request and waits for its answer.
static int ask(struct runtime *runtime, uint32_t kind, const struct stream *stream, const void *data, size_t length,
               uint64_t deadline, struct answer *answer) {
    if (!is_ready(runtime, deadline)) return FALCO_FAILURE;
    if (!send_request(runtime, kind, stream, false, data, length)) {
        lose(runtime, runtime->error);
        return FALCO_FAILURE;
    }
    for (;;) {
        await_message(runtime, deadline);
        const enum received received = receive_answer(runtime, answer);
        if (received == RECEIVED) break;
        if (received == RUNTIME_GONE) {
            fail(runtime, "the runtime ended in the middle of a request");
            lose(runtime, runtime->error);
            return FALCO_FAILURE;
        }
        if (clock_now() >= deadline) {
            fail(runtime, "the runtime does not answer");
            return FALCO_TIMEOUT;
        }
    }
    if (answer->rc == 0) return FALCO_SUCCESS;
    answer_error(runtime, answer);
    return FALCO_FAILURE;
}

int runtime_ask(struct runtime *runtime, uint32_t kind, const void *data, size_t length, unsigned timeout_ms, void *out,
                size_t out_max, size_t *out_length) {
    const uint64_t deadline = clock_now() + timeout_ms * NS_PER_MS;
    struct answer answer;
    if (!turn_take(&runtime->turn, deadline)) {
        fail(runtime, "the runtime is busy");
        return FALCO_TIMEOUT;
    }
    int rc = ask(runtime, kind, NULL, data, length, deadline, &answer);
    if (rc == FALCO_SUCCESS) {
        *out_length = answer.length < out_max ? (size_t)answer.length : out_max;
        memcpy(out, runtime->mailbox + MAILBOX_ANSWER, *out_length);
    }
    turn_give(&runtime->turn);
    return rc;
}

// The life of it ---------------------------------------------------------------------------------------------------

bool runtime_begin(struct runtime *runtime, const char *config, struct logger logger) {
    *runtime = (struct runtime){.logger = logger, .pid = -1, .control = -1, .request = -1, .mailbox_fd = -1};
    runtime->config = strdup(config == NULL ? "" : config);
    if (runtime->config == NULL) return fail(runtime, "out of memory");
    if (!find_program(runtime)) return false;
    runtime->mailbox_fd = memfd_sealed("falco-docker-mailbox", MAILBOX_BYTES);
    if (runtime->mailbox_fd >= 0) runtime->mailbox = memfd_map(runtime->mailbox_fd, MAILBOX_BYTES);
    if (runtime->mailbox == NULL) return fail(runtime, "cannot make shared memory: %s", strerror(errno));

    const uint64_t deadline = clock_now() + START_MS * NS_PER_MS;
    if (!start(runtime)) return false;
    while (runtime->phase != RUNTIME_READY) {
        await_message(runtime, deadline);
        if (!advance(runtime)) return false;
    }
    return true;
}

void runtime_end(struct runtime *runtime) {
    stop(runtime, END_PATIENCE_MS, NULL, 0);
    if (runtime->mailbox != NULL) munmap(runtime->mailbox, MAILBOX_BYTES);
    close_fd(&runtime->mailbox_fd);
    free(runtime->program);
    free(runtime->library);
    free(runtime->config);
    *runtime = (struct runtime){.pid = -1, .control = -1, .request = -1, .mailbox_fd = -1};
}

bool runtime_open(struct runtime *runtime, struct stream *stream) {
    const uint64_t deadline = clock_now() + START_MS * NS_PER_MS;
    if (!turn_take(&runtime->turn, deadline)) return fail(runtime, "the runtime is busy");
    uint32_t slot = 0;
    while (slot < INSTANCES_MAX && runtime->streams[slot] != NULL) slot++;
    bool opened = slot < INSTANCES_MAX;
    if (!opened) fail(runtime, "at most %d instances can be open at a time", INSTANCES_MAX);
    struct answer answer;
    stream->slot = slot;
    if (opened)
        opened = ask(runtime, REQUEST_OPEN, stream, stream->params, strlen(stream->params), deadline, &answer) == 0;
    if (opened) runtime->streams[slot] = stream;
    turn_give(&runtime->turn);
    return opened;
}

// Asks to let go of a stream, and to keep what the next start of Falco needs to go on there. False where a runtime does
// not do so in time: that one is killed, or it would go on writing to an instance that is gone.
static bool let_go(struct runtime *runtime, const struct stream *stream, unsigned ms) {
    struct answer answer;
    const int rc = ask(runtime, REQUEST_CLOSE, stream, NULL, 0, clock_now() + ms * NS_PER_MS, &answer);
    if (rc == FALCO_SUCCESS) return true;
    if (runtime->phase != RUNTIME_DOWN) {
        kill(runtime->pid, SIGKILL);
        lose(runtime, "it does not let go of a stream");
    }
    return false;
}

void runtime_close(struct runtime *runtime, struct stream *stream) {
    if (!turn_take(&runtime->turn, clock_now() + CLOSE_MS * NS_PER_MS)) return;
    bool kept = runtime->phase == RUNTIME_READY && let_go(runtime, stream, CLOSE_MS);
    if (!kept && !runtime->hopeless) {
        // The ring still knows what was delivered: a new runtime reads it there, and keeps it.
        runtime->not_before = 0;
        kept = let_go(runtime, stream, RESCUE_MS);
        runtime->hopeless = !kept;
    }
    runtime->streams[stream->slot] = NULL;
    turn_give(&runtime->turn);
}

bool runtime_configure(struct runtime *runtime, const char *config) {
    const uint64_t deadline = clock_now() + START_MS * NS_PER_MS;
    struct answer answer;
    char *copy = strdup(config == NULL ? "" : config);
    if (copy == NULL) return fail(runtime, "out of memory");
    bool configured = turn_take(&runtime->turn, deadline);
    if (configured) {
        configured = ask(runtime, REQUEST_CONFIGURE, NULL, copy, strlen(copy), deadline, &answer) == 0;
        if (configured) {
            char *old = runtime->config;
            runtime->config = copy;
            copy = old;
            take_flush_interval(runtime, &answer);
        }
        turn_give(&runtime->turn);
    } else {
        fail(runtime, "the runtime is busy");
    }
    free(copy);
    return configured;
}

// Care -------------------------------------------------------------------------------------------------------------

bool runtime_look_is_due(const struct runtime *runtime, uint64_t now) {
    return now - runtime->looked_at >= LOOK_MS * NS_PER_MS || runtime->phase != RUNTIME_READY ||
           shared_u64(runtime, MAILBOX_LOGGED) != runtime->logged;
}

// Whether the runtime's event loop still turns. A Falco that is slow looks rarely, and a runtime that hangs shows all the
// same; but the whole machine may have stood still, the runtime too. So one pause, however long, is no proof: it counts
// as a third of what is allowed, and the rest is time in which a runtime that is well moves its heartbeat.
static bool is_alive(struct runtime *runtime, uint64_t since_last_look) {
    const uint64_t allowed = HEARTBEAT_MS * NS_PER_MS;
    const uint64_t heartbeat = shared_u64(runtime, MAILBOX_HEARTBEAT);
    if (heartbeat != runtime->heartbeat) runtime->silent_ns = 0;
    else runtime->silent_ns += since_last_look < allowed / 3 ? since_last_look : allowed / 3;
    runtime->heartbeat = heartbeat;
    return runtime->silent_ns < allowed;
}

static bool has_ended(struct runtime *runtime) {
    struct pollfd socket = {.fd = runtime->control, .events = 0};
    return poll(&socket, 1, 0) > 0 && (socket.revents & (POLLHUP | POLLERR)) != 0;
}

static void look(struct runtime *runtime, uint64_t now) {
    const uint64_t since_last_look = now - runtime->looked_at;
    runtime->looked_at = now;
    if (runtime->phase == RUNTIME_DOWN) {
        if (now < runtime->not_before || runtime->failures >= RUNTIME_TRIES) return;
        atomic_fetch_add(&runtime->restarts, 1);
        if (!start(runtime)) lose(runtime, runtime->error);
        return;
    }
    runtime->logged = shared_u64(runtime, MAILBOX_LOGGED);
    const bool ended = has_ended(runtime);
    read_log(runtime);
    if (runtime->phase != RUNTIME_READY) {
        if (!advance(runtime)) lose(runtime, runtime->error);
    } else if (ended) {
        lose(runtime, "it ended");
    } else if (!is_alive(runtime, since_last_look)) {
        kill(runtime->pid, SIGKILL);
        lose(runtime, "it hung: no heartbeat for 10 s");
    } else if (runtime->failures > 0 && now - runtime->ready_at >= HEALTHY_MS * NS_PER_MS) {
        runtime->failures = 0;
    }
}

bool runtime_look_after(struct runtime *runtime, uint64_t now) {
    if (!turn_try(&runtime->turn)) return true;
    look(runtime, now);
    const bool lost = runtime->failures >= RUNTIME_TRIES && runtime->phase == RUNTIME_DOWN;
    turn_give(&runtime->turn);
    return !lost;
}
