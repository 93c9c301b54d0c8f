// The private copy of what was taken from the ring: the events Falco sees, which no other process can change.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "shared/falco_abi.h"
#include "shared/ring.h"

struct batch {
    uint8_t *memory;  // RECORD_MAX bytes of address space
    size_t used;
    uint64_t start;   // where in the ring the first event's record began
    struct falco_event **events;  // BATCH_EVENTS of them
    uint32_t count;
    uint32_t last;       // where the last look-up ended: Falco asks for events in order
    uint32_t delivered;  // so many of the events, from the first on, are known to have reached Falco
};

// 0, or -1 with errno and nothing left behind.
int batch_create(struct batch *batch);
void batch_free(struct batch *batch);

// Copies up to BATCH_BYTES of whole records between the positions `tail` and `head` (a single one may be larger); the
// ring keeps them until ring_release. The other side may write while this reads: each byte is read once, and what was
// read is what is checked and used.
// Returns the bytes taken, or 0 where the ring holds no valid record at `tail`. The events of the last batch are gone.
size_t batch_take(struct batch *batch, const struct ring *ring, uint64_t tail, uint64_t head);

// The record of an event that this batch holds, or NULL for any other memory.
const uint8_t *batch_record(struct batch *batch, const struct falco_event *event);

// Where in the ring the record of the event number `event` (below `count`) ended.
uint64_t batch_end(const struct batch *batch, uint32_t event);
