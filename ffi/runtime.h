// The runtime as the host sees it: a child process that is started, asked, watched and replaced. All of it happens
// inside Falco's calls; the host has no thread of its own.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "channel.h"
#include "constants.h"
#include "log.h"
#include "ring.h"

// One at a time works on the runtime: open and close come from Falco's main thread while next_batch runs on another.
struct turn {
    _Atomic uint32_t taken;
};

// What an open instance needs to be opened again in a new runtime.
struct stream {
    struct ring ring;
    char *params;
    uint32_t slot;  // its place in runtime.streams
};

enum runtime_phase {
    RUNTIME_DOWN,         // no process; it may start at `not_before`
    RUNTIME_GREETING,     // started; its greeting is due
    RUNTIME_CONFIGURING,  // told its configuration
    RUNTIME_OPENING,      // told to open streams[opening] again
    RUNTIME_READY,
};

struct runtime {
    struct logger logger;
    char *program;  // the path of docker-plugin
    char *library;  // the path of libdocker.so
    char *config;
    uint64_t flush_interval_ns;

    struct turn turn;
    enum runtime_phase phase;
    pid_t pid;
    int control;
    int request;
    int mailbox_fd;
    uint8_t *mailbox;
    struct stream *streams[INSTANCES_MAX];
    uint32_t opening;
    uint32_t request_id;
    uint64_t phase_deadline;  // when the phase counts as failed

    uint64_t not_before;  // the next start
    uint64_t ready_at;
    uint32_t failures;  // starts that came to nothing, in a row
    bool hopeless;      // a start at a close came to nothing: the next close does not try it again
    _Atomic uint64_t restarts;
    uint64_t looked_at;  // the last look at the runtime's health
    uint64_t heartbeat;
    uint64_t silent_ns;  // for how long the heartbeat has not moved, as far as that was seen
    uint64_t logged;
    char error[ERROR_MAX];  // why the last start or request failed
};

// How often a runtime that does not get ready is started before next_batch fails.
#define RUNTIME_TRIES 10

// Prepares and starts the runtime, hands it the configuration, and waits for its word (at most 10 s).
// False, with runtime->error, where that failed; runtime_end is due in any case.
bool runtime_begin(struct runtime *runtime, const char *config, struct logger logger);
// Ends the process and frees everything, within a second.
void runtime_end(struct runtime *runtime);

// Opens a stream in the runtime; stays responsible for it, over restarts, until runtime_close. False with runtime->error.
bool runtime_open(struct runtime *runtime, struct stream *stream);
void runtime_close(struct runtime *runtime, struct stream *stream);

// A request with its answer, within `timeout_ms`. The data of the answer is copied to `out` (at most `out_max` bytes;
// *out_length says how many). 0 is success; a failure leaves its reason in runtime->error.
int runtime_ask(struct runtime *runtime, uint32_t kind, const void *data, size_t length, unsigned timeout_ms, void *out,
                size_t out_max, size_t *out_length);

// Gives the runtime a new configuration, now and after restarts. False with runtime->error, and the old one stays.
bool runtime_configure(struct runtime *runtime, const char *config);

// Reads log lines, notices the death of the runtime, starts it anew. Never blocks. False where it failed for good.
bool runtime_look_after(struct runtime *runtime, uint64_t now);
// Whether it is time for the next look.
bool runtime_look_is_due(const struct runtime *runtime, uint64_t now);

// The runtime broke the rules of the shared memory: it is killed, and another is started. Never waits for its turn: false
// where another thread works on the runtime, and nothing was done.
bool runtime_distrust(struct runtime *runtime, const char *why);

// A counter of the runtime.
uint64_t runtime_metric(const struct runtime *runtime, uint32_t metric);
