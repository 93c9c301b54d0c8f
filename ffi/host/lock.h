// One at a time works on the runtime: open and close come from Falco's main thread while next_batch runs on another.
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "shared/clock.h"

struct lock {
    _Atomic uint32_t taken;
};

// All orders are sequential: who gives the lock back then looks for work that was left, and who leaves work then tries
// the lock (runtime_close). One of the two sees the other.
static inline bool lock_try(struct lock *lock) {
    return atomic_exchange(&lock->taken, 1) == 0;
}

// Whoever holds the lock holds it for a bounded request, so this wait has a bound too. False where `deadline` (ns on the
// monotonic clock) passed.
static inline bool lock_take(struct lock *lock, uint64_t deadline) {
    while (!lock_try(lock)) {
        if (clock_now() >= deadline) return false;
        nanosleep(&(struct timespec){.tv_nsec = (long)(NS_PER_MS / 5)}, NULL);
    }
    return true;
}

// Whether somebody holds the lock: for what may be done with it held alone.
static inline bool lock_held(const struct lock *lock) {
    return atomic_load(&lock->taken) != 0;
}

static inline void lock_give(struct lock *lock) {
    assert(lock_held(lock));
    atomic_store(&lock->taken, 0);
}
