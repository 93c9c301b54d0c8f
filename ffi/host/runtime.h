// The runtime as the host sees it: a child process that is started, asked, watched and replaced. All of it happens
// inside Falco's calls; the host has no thread of its own.
//
// Every function but runtime_begin and runtime_end may be called from several threads at once. `error` takes the reason
// of a failure, ERROR_MAX bytes.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "constants.h"
#include "host/carried.h"
#include "host/instance.h"
#include "host/lock.h"
#include "host/protocol.h"
#include "host/spawn.h"
#include "host/suspects.h"
#include "shared/log.h"

enum runtime_phase {
    RUNTIME_DOWN,  // no process; it may start at `not_before`
    RUNTIME_UNPACKING,  // no process; its program is put where it can be started
    RUNTIME_GREETING,  // started; its greeting is due
    RUNTIME_CONFIGURING,  // told its configuration
    RUNTIME_OPENING,  // told to open instances[opening] again
    RUNTIME_READY,
};

// What came of a request.
enum outcome {
    ANSWERED,
    REFUSED,  // the runtime said no: asked again it says the same
    GONE,  // there was no runtime, or it ended meanwhile
    LATE,  // it lives, and did not answer in time
};

// The questions that a runtime may have in hand when it hangs: a second each, and it is replaced after ten.
#define ASKED_MAX 16

struct runtime {
    // Written by runtime_begin alone.
    struct logger logger;
    char *program;  // the path of docker-plugin
    char *library;  // the path of libdocker.so

    // Any thread, any time.
    _Atomic uint64_t flush_interval_ns;
    _Atomic uint64_t restarts;
    struct instance *_Atomic closing;  // a list: closed by Falco; who gives the lock back closes them in the runtime

    struct lock lock;
    // All below belongs to whoever holds the lock (but for the mailbox's memory, whose numbers are atomics).
    struct link link;
    char *config;
    char *folder;  // where the runtime keeps its state
    bool carries;  // the program is the copy of what the library carries
    struct carried carried;
    bool folder_settled;  // a runtime with this configuration has said so
    bool folder_granted;  // this runtime may write there
    bool confined;  // it may write nowhere else: the kernel sees to that

    enum runtime_phase phase;
    pid_t pid;  // -1: none
    uint64_t phase_deadline;  // when the phase counts as failed
    struct instance *instances[INSTANCES_MAX];
    uint32_t opening;

    uint64_t not_before;  // the next start
    uint64_t ready_at;
    uint32_t barren;  // starts in a row that came to nothing
    uint32_t crashes;  // ends of runtimes that were ready; each half second of a run makes up for one
    uint32_t deaths;  // all of these, since the last long run
    bool hopeless;  // a start at a close came to nothing: the next close does not try it again
    uint64_t looked_at;  // the last look at the runtime's health
    uint64_t heartbeat;
    uint64_t silent_ns;  // for how long the heartbeat has not moved, as far as that was seen
    uint64_t logged;
    struct unreaped unreaped;

    struct suspects lines, inspections, questions;
    struct {
        uint32_t id;
        uint64_t hash;
    } asked[ASKED_MAX];

    char how[96];  // how the last runtime ended
    char error[ERROR_MAX];  // why the last start or request failed
};

// How often a runtime that does not get ready is started before next_batch fails.
#define RUNTIME_TRIES 10

// Prepares and starts the runtime, hands it the configuration, and waits for its word (at most 10 s, and as
// long for the program where that is to be unpacked).
// False where that failed; runtime_end is due in any case.
bool runtime_begin(struct runtime *runtime, const char *config, struct logger logger, char *error);
// Ends the process and frees everything, also instances that were left to be closed, within a second where none is.
void runtime_end(struct runtime *runtime);

// Opens an instance in the runtime, within 10 s; stays responsible for it, over restarts, until runtime_close.
// False where that failed: the instance is the caller's.
bool runtime_open(struct runtime *runtime, struct instance *instance, char *error);
// Lets go of an instance and frees it: at once, or where another call is at work on the runtime, after that.
void runtime_close(struct runtime *runtime, struct instance *instance);

// A question with its answer, within `timeout_ms`: REQUEST_EXTRACT or REQUEST_LIST. The data of the answer is copied to
// `out` (at most `out_max` bytes; *out_length says how many). A question that ended a runtime is refused from then on.
enum outcome runtime_ask(struct runtime *runtime, uint32_t kind, const void *data, size_t length, unsigned timeout_ms,
                         void *out, size_t out_max, size_t *out_length, char *error);

// Gives the runtime a new configuration, now and after restarts. False where that failed, and the old one stays.
bool runtime_configure(struct runtime *runtime, const char *config, char *error);

enum runtime_state {
    RUNTIME_WELL,  // as far as is known
    RUNTIME_STARTING,  // look again soon
    RUNTIME_FAILED,  // for good
};

// Reads log lines, notices the death of the runtime, starts it anew, where it is time for that. Never waits.
enum runtime_state runtime_supervise(struct runtime *runtime, char *error);

// The runtime broke the rules of the shared memory: it is killed, and another is started. Never waits for the lock: false
// where another thread works on the runtime, and nothing was done.
bool runtime_replace(struct runtime *runtime, const char *why);

// A counter of the runtime.
uint64_t runtime_metric(const struct runtime *runtime, uint32_t metric);
