// Why the runtime does not start, in words that say what to do.
#pragma once

#include <stddef.h>

#include "host/spawn.h"

#define PROGRAM_NAME "docker-plugin"
#define PROGRAM_VARIABLE "DOCKER_PLUGIN_RUNTIME"

// Why spawn_start failed at `step` with `error`.
void explain_start(const char *program, enum spawn_step step, int error, char *text, size_t max);

// How a process ended, from what waitpid said of it; -1: nothing.
void explain_end(int status, char *text, size_t max);

// What this process is refused that its runtime needs, begun with ": "; empty for nothing. For a runtime that ended
// early: it inherits the refusal.
const char *explain_refusals(void);
