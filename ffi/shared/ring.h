// The ring between the two processes: a sealed memfd with RING_DATA bytes of header and RING_BYTES of data. The data is
// mapped twice in a row, so that a record that runs over the end lies whole in memory. One producer (the runtime), one
// consumer (the host). Positions count bytes since the beginning and only grow.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "constants.h"

#define RING_MAP_BYTES ((size_t)RING_DATA + 2 * (size_t)RING_BYTES)

struct ring {
    int fd;
    uint8_t *map;
};

enum ring_wait { RING_WOKEN, RING_TIMED_OUT, RING_INTERRUPTED };

// Makes a memfd of `bytes` that nobody can shrink or grow: a truncated one would be a SIGBUS in the other process.
// Returns it, close-on-exec, or -1 with errno.
int memfd_sealed(const char *name, size_t bytes);
// Maps a memfd of exactly `bytes`, shared and writable. NULL with errno where it is none, not sealed, or not of that size.
void *memfd_map(int fd, size_t bytes);

// Both return 0, or -1 with errno and nothing left behind.
int ring_create(struct ring *ring);
int ring_map(struct ring *ring, int fd);
// Unmaps and closes; also right for a ring of all zeros with fd -1.
void ring_close(struct ring *ring);

uint64_t ring_head(const struct ring *ring);
uint64_t ring_tail(const struct ring *ring);
const uint8_t *ring_at(const struct ring *ring, uint64_t position);

// Consumer: gives everything below `tail` back to the producer.
void ring_release(struct ring *ring, uint64_t tail);
// Consumer: empties the ring at `position`, and forgets that it ended; only while no producer lives.
void ring_reset(struct ring *ring, uint64_t position);
// Consumer: waits until the head has reached `target`, a signal came, or the monotonic clock passed `deadline` (ns); where
// an end is possible, also for that. A producer that says one where there is none keeps nobody awake.
enum ring_wait ring_wait(struct ring *ring, uint64_t target, bool may_end, uint64_t deadline);

// Whether the producer has said that nothing comes after its head: read this before the head.
bool ring_ended(const struct ring *ring);
// How much of its source it has read, in hundredths of a percent: 0 to 10000.
uint32_t ring_progress(const struct ring *ring);

// Producer: makes everything below `head` visible and wakes the consumer if it waits for that much.
void ring_publish(struct ring *ring, uint64_t head);
// Producer: nothing comes after what is visible. Wakes the consumer.
void ring_end(struct ring *ring);
