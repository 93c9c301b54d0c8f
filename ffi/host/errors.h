// Why calls failed. Falco's threads fail at once, each for a reason of its own, and each asks for that.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "constants.h"
#include "host/lock.h"

// Falco has a thread for each event source and a few more. Where more fail, the one that was first gives way.
#define ERRORS_MAX 16

struct errors {
    struct lock lock;
    uint32_t count;  // threads that have failed; each has the place of its number
    uint32_t last;
    struct {
        pthread_t thread;
        char why[ERROR_MAX];
    } of[ERRORS_MAX];
};

// Notes why the calling thread's call fails; cut at ERROR_MAX.
void errors_tell(struct errors *errors, const char *why);
// Why the calling thread's last call failed; where none did, the last one of any thread; empty where there is none. It
// stays as it is until the same thread's next failure.
const char *errors_last(struct errors *errors);
