// Finds the program of the runtime, and starts it as a process of its own. With the runtime's lock held.
#pragma once

#include <stdbool.h>

#include "host/runtime.h"

#define START_MS 10000u  // init and open: until the runtime's word

// Puts the reason of a failure into runtime->error. Always false.
bool fail(struct runtime *runtime, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Whether what Falco starts and loads lies outside of a folder that the runtime may write to, which may be somebody else's
// one day. False with runtime->error.
bool is_apart(struct runtime *runtime, const char *folder);

// Finds docker-plugin. False with runtime->error.
bool find_program(struct runtime *runtime);
// Starts the program, in the folder `opened` where there is one (>= 0); its greeting is due then. False with
// runtime->error.
bool launch(struct runtime *runtime, int opened);
