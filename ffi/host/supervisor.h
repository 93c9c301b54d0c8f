// Starts the runtime, watches it, and replaces it. All of this with the runtime's lock held.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host/runtime.h"

#define LOOK_MS 100u     // between two looks at the runtime's health

// Starts a runtime where there is none. False with runtime->error.
bool start(struct runtime *runtime);
// Goes as far as the runtime's messages allow, without waiting. False, with the reason, where it is lost.
bool advance(struct runtime *runtime);
// Sleeps until the runtime has said something or `deadline` has passed; not at all while there is work to do.
void await(struct runtime *runtime, uint64_t deadline);
// Starts a runtime where there is none, and waits until it is ready. False with runtime->error.
bool await_ready(struct runtime *runtime, uint64_t deadline);

// Looks at the runtime's health and log, without waiting; starts one where there is none and it is time for it.
void supervise(struct runtime *runtime);
// Whether it is time for that.
bool look_is_due(struct runtime *runtime);
// Ends the process, if there is one; runtime->how says how it ended.
void stop(struct runtime *runtime, unsigned patience_ms);
// Ends a runtime that is lost; the next one may start at once, or later where this one was not the first.
void replace(struct runtime *runtime, const char *why);

// Sends a request. False with runtime->error.
bool send_request(struct runtime *runtime, uint32_t kind, const struct instance *instance, bool resume,
                  const void *data, size_t length);
// What a runtime says to a configuration: the interval of flushes, and the folder of its state.
void take_flush_interval(struct runtime *runtime, const struct answer *answer);
// Whether that folder may be the runtime's to write to. False with runtime->error.
bool is_folder_apart(struct runtime *runtime, const struct answer *answer);
// Whether that folder is one that it may not write to.
bool lacks_folder(const struct runtime *runtime, const struct answer *answer);
