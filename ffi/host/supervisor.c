// The life of the runtime's process: start, greeting, configuration, reopened instances, health, end, and the next one.
#define _GNU_SOURCE
#include "host/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/carried.h"
#include "host/explain.h"
#include "host/launch.h"
#include "host/paths.h"
#include "host/spawn.h"
#include "shared/clock.h"

#ifndef HANG_MS
#define HANG_MS 10000u  // without one, the runtime hangs
#endif
#define BACKOFF_MIN_MS 100u
#define BACKOFF_MAX_MS 10000u
#define FORGIVE_MS 500u  // a run of this length makes up for one death
#define HEALTHY_MS 10000u  // after one of this length the next death is told of as the first
#define UNPACK_MS 20u  // of unpacking at a time: next_batch does it, too
#define CRASHES_MAX 9u  // with these the delay has reached its bound: more would only be harder to forgive

// There is a process in every phase but two.
static bool is_coherent(const struct runtime *runtime) {
    return (runtime->phase == RUNTIME_DOWN || runtime->phase == RUNTIME_UNPACKING) == (runtime->pid < 0);
}

// Death ----------------------------------------------------------------------------------------------------------------

// Notes what the runtime was working on when it ended.
static void note_suspects(struct runtime *runtime) {
    struct link *link = &runtime->link;
    suspects_note(&runtime->lines, link_u64(link, MAILBOX_LINE));
    suspects_note(&runtime->inspections, link_u64(link, MAILBOX_INSPECTION));
    const uint64_t id = link_u64(link, MAILBOX_QUESTION);
    if (id != 0 && runtime->asked[id % ASKED_MAX].id == id)
        suspects_note(&runtime->questions, runtime->asked[id % ASKED_MAX].hash);
}

// Tells the next runtime what to pass over: a line that ended one twice, an answer that did so once, as an event goes
// without.
static void tell_suspects(struct runtime *runtime) {
    struct link *link = &runtime->link;
    link_set_u64(link, MAILBOX_LINE, 0);
    link_set_u64(link, MAILBOX_INSPECTION, 0);
    link_set_u64(link, MAILBOX_QUESTION, 0);
    for (uint32_t i = 0; i < SUSPECTS_MAX; i++) {
        const struct suspect line = runtime->lines.suspect[i];
        link_set_u64(link, MAILBOX_BAD_LINES + i * 8, line.deaths >= 2 ? line.hash : 0);
        link_set_u64(link, MAILBOX_BAD_INSPECTIONS + i * 8, runtime->inspections.suspect[i].hash);
    }
}

void stop(struct runtime *runtime, unsigned patience_ms) {
    assert(lock_held(&runtime->lock));
    carried_stop(&runtime->carried);
    runtime->phase = RUNTIME_DOWN;
    if (runtime->pid < 0) return;
    int status;
    link_read_log(&runtime->link, &runtime->logger);
    link_cut(&runtime->link);
    spawn_end(runtime->pid, patience_ms, &status, &runtime->unreaped);
    link_bury(&runtime->link, &runtime->logger);
    runtime->pid = -1;
    explain_end(status, runtime->how, sizeof runtime->how);
}

static uint64_t backoff_ms(uint32_t failures) {
    if (failures <= 1) return 0;
    const uint32_t doublings = failures - 2 < 16 ? failures - 2 : 16;
    const uint64_t ms = (uint64_t)BACKOFF_MIN_MS << doublings;
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

void replace(struct runtime *runtime, const char *why) {
    assert(lock_held(&runtime->lock) && is_coherent(runtime));
    const uint64_t now = clock_now();
    if (runtime->phase == RUNTIME_READY) {
        const uint64_t ran_ms = (now - runtime->ready_at) / NS_PER_MS, forgiven = ran_ms / FORGIVE_MS;
        runtime->crashes -= forgiven < runtime->crashes ? (uint32_t)forgiven : runtime->crashes;
        if (ran_ms >= HEALTHY_MS) runtime->deaths = 0;
        runtime->crashes++;
    } else {
        runtime->barren++;
    }
    if (runtime->crashes > CRASHES_MAX) runtime->crashes = CRASHES_MAX;
    char how[sizeof runtime->how + 4] = "";
    const bool ran = runtime->pid >= 0;
    stop(runtime, 0);
    if (ran) snprintf(how, sizeof how, " (%s)", runtime->how);
    note_suspects(runtime);
    const uint64_t delay_ms = backoff_ms(runtime->crashes + runtime->barren);
    runtime->not_before = now + delay_ms * NS_PER_MS;
    // One that ends for ever is not told of for ever: the first ones, then at growing intervals.
    const uint32_t deaths = ++runtime->deaths;
    if (deaths > 3 && (deaths & (deaths - 1)) != 0 && deaths % 256 != 0) return;
    log_line(&runtime->logger, FALCO_ERROR, "the runtime was lost: %s%s; starting it again in %llu ms", why, how,
             (unsigned long long)delay_ms);
    if (deaths > 3) log_line(&runtime->logger, FALCO_ERROR, "the runtime was lost %u times by now", deaths);
}

// Start ------------------------------------------------------------------------------------------------------------

// Goes on putting the program where it can be started, and starts it there.
static bool unpack(struct runtime *runtime) {
    int opened;
    const uint64_t until = clock_now() + UNPACK_MS * NS_PER_MS;
    const enum carried_state state = carried_unpack(&runtime->carried, until, &opened, runtime->error);
    if (state == CARRIED_WORKING) return true;
    if (state == CARRIED_FAILED) {
        log_clean(runtime->error);
        return false;
    }
    const bool launched = launch(runtime, opened);
    close(opened);
    return launched;
}

bool start(struct runtime *runtime) {
    assert(lock_held(&runtime->lock) && is_coherent(runtime) && runtime->phase == RUNTIME_DOWN);
    // Those that the kernel does not let go of take memory and processes: there must not be ever more of them.
    if (!spawn_reap(&runtime->unreaped, 0) && runtime->unreaped.count >= UNREAPED_MAX - 1)
        return fail(runtime, "%zu runtimes that were killed have not ended: the kernel holds them",
                    runtime->unreaped.count);
    tell_suspects(runtime);
    if (!runtime->carries) return launch(runtime, -1);
    runtime->phase = RUNTIME_UNPACKING;
    runtime->phase_deadline = clock_now() + START_MS * NS_PER_MS;
    return unpack(runtime);
}

void await(struct runtime *runtime, uint64_t deadline) {
    // That is work of our own.
    if (runtime->phase != RUNTIME_UNPACKING) link_await(&runtime->link, &runtime->logger, deadline);
}

// For how long Falco has had an instance open, s, rounded up.
static uint32_t seconds_open(const struct instance *instance) {
    const uint64_t seconds = (clock_now() - instance->opened_at) / NS_PER_S + 1;
    return seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX;
}

bool send_request(struct runtime *runtime, uint32_t kind, const struct instance *instance, bool resume,
                  const void *data, size_t length) {
    assert(lock_held(&runtime->lock) && (instance == NULL || instance->slot < INSTANCES_MAX));
    if (length > RECORD_MAX) return fail(runtime, "a request of %zu bytes is too long", length);
    const struct request request = {
        .kind = kind,
        .instance = instance == NULL ? 0 : instance->slot,
        .resume = resume ? seconds_open(instance) : 0,
        .length = length,
    };
    if (link_send(&runtime->link, request, data, kind == REQUEST_OPEN ? instance->ring.fd : -1) == 0) return true;
    return fail(runtime, "the runtime does not take requests: %s", strerror(errno));
}

void take_flush_interval(struct runtime *runtime, const struct answer *answer) {
    const uint64_t ms = answer->value < FLUSH_INTERVAL_MAX_MS ? answer->value : FLUSH_INTERVAL_MAX_MS;
    atomic_store(&runtime->flush_interval_ns, ms * NS_PER_MS);
}

static void answer_folder(const struct runtime *runtime, const struct answer *answer, char folder[PATH_MAX]) {
    folder[link_data(&runtime->link, answer, folder, PATH_MAX - 1)] = 0;
}

bool is_folder_apart(struct runtime *runtime, const struct answer *answer) {
    char folder[PATH_MAX];
    answer_folder(runtime, answer, folder);
    return *folder != '/' || is_apart(runtime, folder);
}

bool lacks_folder(const struct runtime *runtime, const struct answer *answer) {
    char folder[PATH_MAX];
    answer_folder(runtime, answer, folder);
    return runtime->confined && *folder == '/' && !(runtime->folder_granted && strcmp(folder, runtime->folder) == 0);
}

// The configuration says where the state lies, and only the runtime understands it. Its word is taken once, from one that
// has opened nothing yet: a later one may be that of a runtime that was taken over. True where a new start gives it the
// right to write there.
static bool settle_folder(struct runtime *runtime, const struct answer *answer) {
    if (runtime->folder_settled) return false;
    runtime->folder_settled = true;
    if (!lacks_folder(runtime, answer)) return false;
    char folder[PATH_MAX];
    answer_folder(runtime, answer, folder);
    char *copy = strdup(folder);
    if (copy == NULL) return false;
    free(runtime->folder);
    runtime->folder = copy;
    make_folder(folder);
    struct stat found;
    return stat(folder, &found) == 0 && S_ISDIR(found.st_mode);
}

// The runtime ended before it was ready.
static bool ended_early(struct runtime *runtime, const char *what) {
    stop(runtime, 0);
    return fail(runtime, "%s (%s)%s", what, runtime->how, explain_refusals());
}

// Sends what the start needs next: one that has ended by then is told of as what it is, and not as one that takes nothing.
static bool send_early(struct runtime *runtime, uint32_t kind, const struct instance *instance, const char *text) {
    if (send_request(runtime, kind, instance, instance != NULL, text, strlen(text))) return true;
    return link_has_ended(&runtime->link) && ended_early(runtime, "the runtime ended while it started");
}

// Opens the first instance at or after `slot` again, or is ready.
static bool open_next(struct runtime *runtime, uint32_t slot) {
    while (slot < INSTANCES_MAX && runtime->instances[slot] == NULL) slot++;
    const uint64_t now = clock_now();
    runtime->opening = slot;
    runtime->phase_deadline = now + START_MS * NS_PER_MS;
    if (slot < INSTANCES_MAX) {
        const struct instance *instance = runtime->instances[slot];
        runtime->phase = RUNTIME_OPENING;
        return send_early(runtime, REQUEST_OPEN, instance, instance->params);
    }
    runtime->phase = RUNTIME_READY;
    runtime->ready_at = now;
    runtime->hopeless = false;
    // Starts that came to nothing do not slow down what came after them.
    runtime->barren = 0;
    // Its silence is counted from here on, and not from the last look at the one before.
    runtime->silent_ns = 0;
    runtime->looked_at = now;
    return true;
}

static bool greeted(struct runtime *runtime) {
    char version[128];
    const ssize_t bytes = channel_read(runtime->link.answer, version, sizeof version - 1);
    if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (bytes <= 0) {
        char what[2 * PATH_MAX + 80];
        snprintf(what, sizeof what, "%s ended before it said anything; try `%s --version`", runtime->program,
                 runtime->program);
        return ended_early(runtime, what);
    }
    version[bytes] = 0;
    log_clean(version);
    if (strcmp(version, BUILD_ID) != 0)
        return fail(runtime, "%s is version %s and libdocker.so is %s: install both from one release", runtime->program,
                    version, BUILD_ID);
    runtime->phase = RUNTIME_CONFIGURING;
    return send_early(runtime, REQUEST_CONFIGURE, NULL, runtime->config);
}

// The answer to the configuration, or to an open.
static bool answered(struct runtime *runtime) {
    struct answer answer;
    const enum received received = link_receive(&runtime->link, &answer);
    if (received == NOTHING_YET) return true;
    if (received == RUNTIME_GONE) return ended_early(runtime, "the runtime ended while it started");
    if (answer.rc != 0) {
        link_text(&runtime->link, &answer, runtime->error, sizeof runtime->error);
        return false;
    }
    if (runtime->phase == RUNTIME_OPENING) return open_next(runtime, runtime->opening + 1);
    take_flush_interval(runtime, &answer);
    if (!settle_folder(runtime, &answer)) return open_next(runtime, 0);
    // What may be written to is settled before a program begins. This one has opened nothing yet.
    stop(runtime, 0);
    return start(runtime);
}

// What the phase did not get to in its time. Always false.
static bool is_late(struct runtime *runtime) {
    if (runtime->phase == RUNTIME_UNPACKING)
        return fail(runtime,
                    "%s is too slow, or another process writes to it: the program could not be put there in %u s",
                    runtime->carried.folder, START_MS / 1000);
    return fail(runtime, "%s did not get ready within %u s", runtime->program, START_MS / 1000);
}

// As far as the phase's next step.
static bool step(struct runtime *runtime) {
    if (runtime->phase == RUNTIME_UNPACKING) return unpack(runtime);
    return runtime->phase == RUNTIME_GREETING ? greeted(runtime) : answered(runtime);
}

bool advance(struct runtime *runtime) {
    assert(lock_held(&runtime->lock));
    for (;;) {
        const enum runtime_phase before = runtime->phase;
        if (before == RUNTIME_DOWN) return fail(runtime, "the runtime is not there");
        if (before == RUNTIME_READY) return true;
        if (!step(runtime)) return false;
        if (runtime->phase == RUNTIME_READY) return true;
        if (runtime->phase != before) continue;
        if (clock_now() < runtime->phase_deadline) return true;
        return is_late(runtime);
    }
}

static bool start_anew(struct runtime *runtime) {
    atomic_fetch_add(&runtime->restarts, 1);
    if (start(runtime)) return true;
    replace(runtime, runtime->error);
    return false;
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
            if (!start_anew(runtime)) return false;
        }
        await(runtime, earlier(deadline, runtime->phase_deadline));
        if (!advance(runtime)) {
            replace(runtime, runtime->error);
            return false;
        }
    }
    return true;
}

// Care -------------------------------------------------------------------------------------------------------------

bool look_is_due(struct runtime *runtime) {
    const uint64_t now = clock_now();
    return now - runtime->looked_at >= LOOK_MS * NS_PER_MS || runtime->phase != RUNTIME_READY ||
           (link_u64(&runtime->link, MAILBOX_LOGGED) != runtime->logged && link_may_log(&runtime->link, now));
}

// Whether the runtime's event loop still turns. A Falco that is slow looks rarely, and a runtime that hangs shows all the
// same; but the whole machine may have stood still, the runtime too. So one pause, however long, is no proof: it counts
// as a third of what is allowed, and the rest is time in which a runtime that is well moves its heartbeat.
static bool is_alive(struct runtime *runtime, uint64_t since_last_look) {
    const uint64_t allowed = HANG_MS * NS_PER_MS;
    const uint64_t heartbeat = link_u64(&runtime->link, MAILBOX_HEARTBEAT);
    if (heartbeat != runtime->heartbeat) runtime->silent_ns = 0;
    else runtime->silent_ns += since_last_look < allowed / 3 ? since_last_look : allowed / 3;
    runtime->heartbeat = heartbeat;
    return runtime->silent_ns < allowed;
}

void supervise(struct runtime *runtime) {
    assert(lock_held(&runtime->lock) && is_coherent(runtime));
    const uint64_t now = clock_now();
    const uint64_t since_last_look = now - runtime->looked_at;
    runtime->looked_at = now;
    spawn_reap(&runtime->unreaped, 0);
    if (runtime->phase == RUNTIME_DOWN) {
        if (now >= runtime->not_before && runtime->barren < RUNTIME_TRIES) start_anew(runtime);
        return;
    }
    runtime->logged = link_u64(&runtime->link, MAILBOX_LOGGED);
    const bool ended = link_has_ended(&runtime->link);
    link_read_log(&runtime->link, &runtime->logger);
    if (runtime->phase != RUNTIME_READY) {
        if (!advance(runtime)) replace(runtime, runtime->error);
    } else if (ended) {
        replace(runtime, "it ended");
    } else if (!is_alive(runtime, since_last_look)) {
        replace(runtime, "it hung: no heartbeat for 10 s");
    }
}
