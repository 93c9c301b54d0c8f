// A place for each thread that failed. No thread-local memory: a library that is loaded late may find no room for it.
#define _GNU_SOURCE
#include "host/errors.h"

#include <stdio.h>

#include "shared/clock.h"

// Whoever holds the lock copies a text.
#define LOCK_MS 100u

// The calling thread's place, or that of the last failure.
static uint32_t find(const struct errors *errors, bool *own) {
    const uint32_t used = errors->count < ERRORS_MAX ? errors->count : ERRORS_MAX;
    *own = true;
    for (uint32_t i = 0; i < used; i++)
        if (pthread_equal(errors->of[i].thread, pthread_self())) return i;
    *own = false;
    return errors->last;
}

void errors_tell(struct errors *errors, const char *why) {
    if (!lock_take(&errors->lock, clock_now() + LOCK_MS * NS_PER_MS)) return;
    bool own;
    uint32_t place = find(errors, &own);
    if (!own) place = errors->count++ % ERRORS_MAX;
    errors->of[place].thread = pthread_self();
    snprintf(errors->of[place].why, ERROR_MAX, "%s", why);
    errors->last = place;
    lock_give(&errors->lock);
}

const char *errors_last(struct errors *errors) {
    bool own;
    if (!lock_take(&errors->lock, clock_now() + LOCK_MS * NS_PER_MS)) return "";
    const uint32_t place = find(errors, &own);
    lock_give(&errors->lock);
    return errors->of[place].why;
}
