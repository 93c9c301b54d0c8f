// What Falco's calls ask of the runtime, one at a time: the lock is taken and given back in this file alone.
#define _GNU_SOURCE
#include "host/runtime.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/launch.h"
#include "host/paths.h"
#include "host/supervisor.h"
#include "shared/clock.h"

#define CLOSE_MS 250u
#define RESCUE_MS 850u  // at close, of a second in all: until a new runtime has done what the last one could not
#define END_PATIENCE_MS 300u
#define REAP_MS 300u  // at the end, for children that hang in the kernel

static void tell(const char *why, char *error) {
    if (error != NULL) snprintf(error, ERROR_MAX, "%s", why);
}

// Requests ---------------------------------------------------------------------------------------------------------

struct question {
    uint32_t kind;
    const struct instance *instance;
    const void *data;
    size_t length;
};

// Whether the runtime is another one afterwards: what was given up must not come into effect later.
static bool leaves_state(const struct question *question) {
    return question->kind == REQUEST_OPEN || question->kind == REQUEST_CLOSE || question->kind == REQUEST_CONFIGURE;
}

static uint64_t hash_of(const struct question *question) {
    return question->kind == REQUEST_EXTRACT ? hash_bytes(question->data, question->length) : 0;
}

static enum outcome lose(struct runtime *runtime, const char *why) {
    fail(runtime, "%s", why);
    replace(runtime, why);
    return GONE;
}

// Sends a question and waits for its answer, and for a runtime before that.
static enum outcome ask_once(struct runtime *runtime, const struct question *question, uint64_t deadline,
                             struct answer *answer) {
    assert(lock_held(&runtime->lock));
    // Nobody may have looked for long: one that died meanwhile is replaced first.
    if (runtime->phase == RUNTIME_READY) supervise(runtime);
    if (!await_ready(runtime, deadline)) return GONE;
    const uint32_t id = runtime->link.request_id + 1;
    runtime->asked[id % ASKED_MAX].id = id;
    runtime->asked[id % ASKED_MAX].hash = hash_of(question);
    if (!send_request(runtime, question->kind, question->instance, false, question->data, question->length))
        return lose(runtime, "the runtime does not take requests");
    for (;;) {
        const uint64_t now = clock_now(), look = now + LOOK_MS * NS_PER_MS;
        link_await(&runtime->link, &runtime->logger, earlier(look, deadline));
        const enum received received = link_receive(&runtime->link, answer);
        if (received == RUNTIME_GONE) return lose(runtime, "the runtime ended in the middle of a request");
        if (received == RECEIVED && answer->rc == 0) return ANSWERED;
        if (received == RECEIVED) {
            link_text(&runtime->link, answer, runtime->error, sizeof runtime->error);
            return REFUSED;
        }
        if (clock_now() >= deadline) {
            fail(runtime, "the runtime does not answer");
            return LATE;
        }
        if (clock_now() >= look) supervise(runtime);
        if (runtime->phase != RUNTIME_READY) {
            fail(runtime, "the runtime was lost in the middle of a request");
            return GONE;
        }
    }
}

// With the lock held: a question with its answer. A runtime that goes meanwhile is replaced, and the next one asked, once.
static enum outcome ask(struct runtime *runtime, const struct question *question, uint64_t deadline,
                        struct answer *answer) {
    const uint64_t known = hash_of(question);
    if (suspects_deaths(&runtime->questions, known) > 0) {
        fail(runtime, "this question ended a runtime before");
        return REFUSED;
    }
    enum outcome outcome = ask_once(runtime, question, deadline, answer);
    const bool again = outcome == GONE && suspects_deaths(&runtime->questions, known) == 0;
    if (again && clock_now() < deadline) outcome = ask_once(runtime, question, deadline, answer);
    if (outcome == LATE && leaves_state(question) && runtime->pid >= 0) replace(runtime, "it does not answer");
    return outcome;
}

// Instances that Falco closed ---------------------------------------------------------------------------------------

// Asks to let go of an instance, and to keep what the next start of Falco needs to go on there. False where a runtime does
// not do so in time: that one is replaced, or it would go on writing to an instance that is gone.
static bool ask_close(struct runtime *runtime, const struct instance *instance, uint64_t deadline) {
    const struct question question = {.kind = REQUEST_CLOSE, .instance = instance};
    struct answer answer;
    const enum outcome outcome = ask_once(runtime, &question, deadline, &answer);
    if (outcome == ANSWERED) return true;
    if (runtime->pid >= 0) replace(runtime, "it does not let go of a stream");
    return false;
}

static void close_instance(struct runtime *runtime, struct instance *instance) {
    assert(lock_held(&runtime->lock) && runtime->instances[instance->slot] == instance);
    const uint64_t now = clock_now();
    bool kept = runtime->phase == RUNTIME_READY && !link_has_ended(&runtime->link) &&
                ask_close(runtime, instance, now + CLOSE_MS * NS_PER_MS);
    if (!kept && !runtime->hopeless) {
        // The ring still knows what was delivered: a new runtime reads it there, and keeps it.
        runtime->not_before = 0;
        kept = ask_close(runtime, instance, now + RESCUE_MS * NS_PER_MS);
        runtime->hopeless = !kept;
    }
    runtime->instances[instance->slot] = NULL;
    instance_free(instance);
}

static void close_all_left(struct runtime *runtime) {
    struct instance *instance = atomic_exchange(&runtime->closing, NULL);
    while (instance != NULL) {
        struct instance *next = instance->next_closing;
        close_instance(runtime, instance);
        instance = next;
    }
}

// Gives the lock back, and before that closes the instances that were left meanwhile.
static void give_lock(struct runtime *runtime) {
    do {
        close_all_left(runtime);
        lock_give(&runtime->lock);
    } while (atomic_load(&runtime->closing) != NULL && lock_try(&runtime->lock));
}

void runtime_close(struct runtime *runtime, struct instance *instance) {
    // Left for whoever has the lock, which may be one that waits for a runtime to open another instance.
    instance->next_closing = atomic_load(&runtime->closing);
    while (!atomic_compare_exchange_weak(&runtime->closing, &instance->next_closing, instance)) continue;
    if (lock_take(&runtime->lock, clock_now() + CLOSE_MS * NS_PER_MS)) give_lock(runtime);
}

// The life of it ---------------------------------------------------------------------------------------------------

bool runtime_begin(struct runtime *runtime, const char *config, struct logger logger, char *error) {
    *runtime = (struct runtime){.logger = logger, .pid = -1};
    carried_create(&runtime->carried);
    lock_try(&runtime->lock);  // nobody else knows it yet
    const bool linked = link_create(&runtime->link) == 0;
    const int why = errno;
    runtime->config = strdup(config == NULL ? "" : config);
    runtime->folder = guess_folder(config == NULL ? "" : config);
    bool begun = linked || fail(runtime, "cannot make shared memory: %s", strerror(why));
    if (runtime->config == NULL || runtime->folder == NULL) begun = fail(runtime, "out of memory");
    begun = begun && find_program(runtime) && start(runtime);
    uint64_t deadline = 0;
    while (begun && runtime->phase != RUNTIME_READY) {
        // Unpacking has a bound of its own.
        if (deadline == 0 && runtime->phase != RUNTIME_UNPACKING) deadline = clock_now() + START_MS * NS_PER_MS;
        await(runtime, deadline);
        begun = advance(runtime);
        if (begun && runtime->phase != RUNTIME_READY && deadline != 0 && clock_now() >= deadline)
            begun = fail(runtime, "%s did not get ready within %u s", runtime->program, START_MS / 1000);
    }
    if (!begun) tell(runtime->error, error);
    lock_give(&runtime->lock);
    return begun;
}

void runtime_end(struct runtime *runtime) {
    lock_try(&runtime->lock);  // nobody else may use it any more
    close_all_left(runtime);
    stop(runtime, END_PATIENCE_MS);
    carried_free(&runtime->carried);
    spawn_reap(&runtime->unreaped, REAP_MS);
    link_free(&runtime->link);
    free(runtime->program);
    free(runtime->library);
    free(runtime->config);
    free(runtime->folder);
    *runtime = (struct runtime){.pid = -1};
    carried_create(&runtime->carried);
}

enum outcome runtime_ask(struct runtime *runtime, uint32_t kind, const void *data, size_t length, unsigned timeout_ms,
                         void *out, size_t out_max, size_t *out_length, char *error) {
    const uint64_t deadline = clock_now() + timeout_ms * NS_PER_MS;
    const struct question question = {.kind = kind, .data = data, .length = length};
    struct answer answer;
    if (!lock_take(&runtime->lock, deadline)) {
        tell("the runtime is busy", error);
        return LATE;
    }
    const enum outcome outcome = ask(runtime, &question, deadline, &answer);
    if (outcome == ANSWERED) *out_length = link_data(&runtime->link, &answer, out, out_max);
    else tell(runtime->error, error);
    give_lock(runtime);
    return outcome;
}

bool runtime_open(struct runtime *runtime, struct instance *instance, char *error) {
    const uint64_t deadline = clock_now() + START_MS * NS_PER_MS;
    if (!lock_take(&runtime->lock, deadline)) {
        tell("the runtime is busy", error);
        return false;
    }
    uint32_t slot = 0;
    while (slot < INSTANCES_MAX && runtime->instances[slot] != NULL) slot++;
    instance->slot = slot;
    const struct question question = {
        .kind = REQUEST_OPEN, .instance = instance, .data = instance->params, .length = strlen(instance->params)};
    struct answer answer;
    bool opened = slot < INSTANCES_MAX || fail(runtime, "at most %d instances can be open at a time", INSTANCES_MAX);
    opened = opened && ask(runtime, &question, deadline, &answer) == ANSWERED;
    if (opened) runtime->instances[slot] = instance;
    else tell(runtime->error, error);
    give_lock(runtime);
    return opened;
}

bool runtime_configure(struct runtime *runtime, const char *config, char *error) {
    const uint64_t deadline = clock_now() + START_MS * NS_PER_MS;
    char *copy = strdup(config == NULL ? "" : config);
    if (copy == NULL || !lock_take(&runtime->lock, deadline)) {
        tell(copy == NULL ? "out of memory" : "the runtime is busy", error);
        free(copy);
        return false;
    }
    const struct question question = {.kind = REQUEST_CONFIGURE, .data = copy, .length = strlen(copy)};
    struct answer answer;
    bool configured = ask(runtime, &question, deadline, &answer) == ANSWERED;
    if (configured && !is_folder_apart(runtime, &answer)) {
        // It has taken the configuration; the next one gets the old one.
        stop(runtime, 0);
        runtime->not_before = 0;
        configured = false;
    }
    if (configured) {
        char *old = runtime->config;
        runtime->config = copy;
        copy = old;
        take_flush_interval(runtime, &answer);
        if (lacks_folder(runtime, &answer)) {
            // Only a new one can be given the right to write there, and only its word is taken for where that is.
            stop(runtime, 0);
            runtime->folder_settled = false;
            runtime->not_before = 0;
        }
    } else {
        tell(runtime->error, error);
    }
    give_lock(runtime);
    free(copy);
    return configured;
}

enum runtime_state runtime_supervise(struct runtime *runtime, char *error) {
    // Whoever works on it looks after it.
    if (!lock_try(&runtime->lock)) return RUNTIME_WELL;
    if (look_is_due(runtime)) supervise(runtime);
    enum runtime_state state = runtime->phase == RUNTIME_READY ? RUNTIME_WELL : RUNTIME_STARTING;
    if (runtime->barren >= RUNTIME_TRIES && runtime->phase == RUNTIME_DOWN) state = RUNTIME_FAILED;
    if (state == RUNTIME_FAILED) tell(runtime->error, error);
    give_lock(runtime);
    return state;
}

bool runtime_replace(struct runtime *runtime, const char *why) {
    if (!lock_try(&runtime->lock)) return false;
    if (runtime->pid >= 0) replace(runtime, why);
    give_lock(runtime);
    return true;
}

uint64_t runtime_metric(const struct runtime *runtime, uint32_t metric) {
    return runtime->link.mailbox == NULL ? 0 : link_u64(&runtime->link, MAILBOX_METRICS + (size_t)metric * 8);
}
