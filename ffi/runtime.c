#define _GNU_SOURCE
#include "runtime.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "supervisor.h"

#define CLOSE_MS 250u
#define RESCUE_MS 400u  // at close: until a new runtime has done what the last one could not
#define END_PATIENCE_MS 300u

uint64_t runtime_metric(const struct runtime *runtime, uint32_t metric) {
    return runtime->link.mailbox == NULL ? 0 : link_u64(&runtime->link, MAILBOX_METRICS + (size_t)metric * 8);
}

void runtime_distrust(struct runtime *runtime, const char *why) {
    if (!lock_take(&runtime->lock, clock_now() + START_MS * NS_PER_MS)) return;
    if (runtime->phase != RUNTIME_DOWN) {
        kill(runtime->pid, SIGKILL);
        replace(runtime, why);
    }
    lock_give(&runtime->lock);
}

// With the lock held: sends a request and waits for its answer.
static int ask(struct runtime *runtime, uint32_t kind, const struct stream *stream, const void *data, size_t length,
               uint64_t deadline, struct answer *answer) {
    if (!await_ready(runtime, deadline)) return FALCO_FAILURE;
    if (!send_request(runtime, kind, stream, false, data, length)) {
        replace(runtime, runtime->error);
        return FALCO_FAILURE;
    }
    for (;;) {
        link_await(&runtime->link, &runtime->logger, deadline);
        const enum received received = link_receive(&runtime->link, answer);
        if (received == RECEIVED) break;
        if (received == RUNTIME_GONE) {
            fail(runtime, "the runtime ended in the middle of a request");
            replace(runtime, runtime->error);
            return FALCO_FAILURE;
        }
        if (clock_now() >= deadline) {
            fail(runtime, "the runtime does not answer");
            return FALCO_TIMEOUT;
        }
    }
    if (answer->rc == 0) return FALCO_SUCCESS;
    link_text(&runtime->link, answer, runtime->error, sizeof runtime->error);
    return FALCO_FAILURE;
}

int runtime_ask(struct runtime *runtime, uint32_t kind, const void *data, size_t length, unsigned timeout_ms, void *out,
                size_t out_max, size_t *out_length) {
    const uint64_t deadline = clock_now() + timeout_ms * NS_PER_MS;
    struct answer answer;
    if (!lock_take(&runtime->lock, deadline)) {
        fail(runtime, "the runtime is busy");
        return FALCO_TIMEOUT;
    }
    int rc = ask(runtime, kind, NULL, data, length, deadline, &answer);
    if (rc == FALCO_SUCCESS) *out_length = link_data(&runtime->link, &answer, out, out_max);
    lock_give(&runtime->lock);
    return rc;
}

bool runtime_begin(struct runtime *runtime, const char *config, struct logger logger) {
    *runtime = (struct runtime){.logger = logger, .pid = -1};
    const bool linked = link_create(&runtime->link) == 0;
    const int error = errno;
    runtime->config = strdup(config == NULL ? "" : config);
    if (runtime->config == NULL) return fail(runtime, "out of memory");
    if (!find_program(runtime)) return false;
    if (!linked) return fail(runtime, "cannot make shared memory: %s", strerror(error));

    const uint64_t deadline = clock_now() + START_MS * NS_PER_MS;
    if (!start(runtime)) return false;
    while (runtime->phase != RUNTIME_READY) {
        link_await(&runtime->link, &runtime->logger, deadline);
        if (!advance(runtime)) return false;
    }
    return true;
}

void runtime_end(struct runtime *runtime) {
    stop(runtime, END_PATIENCE_MS, NULL, 0);
    link_free(&runtime->link);
    free(runtime->program);
    free(runtime->library);
    free(runtime->config);
    *runtime = (struct runtime){.pid = -1};
}

bool runtime_open(struct runtime *runtime, struct stream *stream) {
    const uint64_t deadline = clock_now() + START_MS * NS_PER_MS;
    if (!lock_take(&runtime->lock, deadline)) return fail(runtime, "the runtime is busy");
    uint32_t slot = 0;
    while (slot < INSTANCES_MAX && runtime->streams[slot] != NULL) slot++;
    bool opened = slot < INSTANCES_MAX;
    if (!opened) fail(runtime, "at most %d instances can be open at a time", INSTANCES_MAX);
    struct answer answer;
    stream->slot = slot;
    if (opened)
        opened = ask(runtime, REQUEST_OPEN, stream, stream->params, strlen(stream->params), deadline, &answer) == 0;
    if (opened) runtime->streams[slot] = stream;
    lock_give(&runtime->lock);
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
        replace(runtime, "it does not let go of a stream");
    }
    return false;
}

void runtime_close(struct runtime *runtime, struct stream *stream) {
    if (!lock_take(&runtime->lock, clock_now() + CLOSE_MS * NS_PER_MS)) return;
    bool kept = runtime->phase == RUNTIME_READY && let_go(runtime, stream, CLOSE_MS);
    if (!kept && !runtime->hopeless) {
        // The ring still knows what was delivered: a new runtime reads it there, and keeps it.
        runtime->not_before = 0;
        kept = let_go(runtime, stream, RESCUE_MS);
        runtime->hopeless = !kept;
    }
    runtime->streams[stream->slot] = NULL;
    lock_give(&runtime->lock);
}

bool runtime_configure(struct runtime *runtime, const char *config) {
    const uint64_t deadline = clock_now() + START_MS * NS_PER_MS;
    struct answer answer;
    char *copy = strdup(config == NULL ? "" : config);
    if (copy == NULL) return fail(runtime, "out of memory");
    bool configured = lock_take(&runtime->lock, deadline);
    if (configured) {
        configured = ask(runtime, REQUEST_CONFIGURE, NULL, copy, strlen(copy), deadline, &answer) == 0;
        if (configured) {
            char *old = runtime->config;
            runtime->config = copy;
            copy = old;
            take_flush_interval(runtime, &answer);
        }
        lock_give(&runtime->lock);
    } else {
        fail(runtime, "the runtime is busy");
    }
    free(copy);
    return configured;
}

bool runtime_look_after(struct runtime *runtime, uint64_t now) {
    if (!lock_try(&runtime->lock)) return true;
    supervise(runtime, now);
    const bool lost = runtime->failures >= RUNTIME_TRIES && runtime->phase == RUNTIME_DOWN;
    lock_give(&runtime->lock);
    return !lost;
}
