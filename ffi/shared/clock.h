// The monotonic clock. Every time and deadline of the C side is in its nanoseconds.
#pragma once

#include <stdint.h>
#include <time.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

// Nanoseconds on the monotonic clock.
static inline uint64_t clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static inline uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

// Sleeps for less than a second; a signal ends it early.
static inline void clock_sleep(unsigned ms) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(ms * NS_PER_MS)}, NULL);
}

// What is left until `deadline`, in whole milliseconds rounded up, for poll(2); 0 when it is over.
static inline int clock_poll_ms(uint64_t now, uint64_t deadline) {
    return now >= deadline ? 0 : (int)((deadline - now + NS_PER_MS - 1) / NS_PER_MS);
}
