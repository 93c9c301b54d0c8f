// Copies records out of the ring, and checks the copies.
#define _GNU_SOURCE
#include "host/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shared/record.h"

#define BATCH_EVENTS (BATCH_BYTES / RECORD_MIN)

static_assert(BATCH_BYTES % PAGE_BYTES == 0, "pages beyond a usual batch are given back");
static_assert(BATCH_EVENTS * RECORD_MIN <= BATCH_BYTES, "so many records of a usual batch, and no more");
static_assert(BATCH_BYTES <= RECORD_MAX, "a usual batch fits the reserve");

int batch_create(struct batch *batch) {
    *batch = (struct batch){0};
    void *memory = mmap(NULL, RECORD_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return -1;
    batch->events = malloc(BATCH_EVENTS * sizeof *batch->events);
    if (batch->events == NULL) {
        munmap(memory, RECORD_MAX);
        return -1;
    }
    batch->memory = memory;
    return 0;
}

void batch_free(struct batch *batch) {
    if (batch->memory != NULL) munmap(batch->memory, RECORD_MAX);
    free(batch->events);
    *batch = (struct batch){0};
}

size_t batch_take(struct batch *batch, const struct ring *ring, uint64_t tail, uint64_t head) {
    size_t available = (size_t)(head - tail);
    size_t copied = available < BATCH_BYTES ? available : BATCH_BYTES;
    if (batch->used > BATCH_BYTES) madvise(batch->memory + BATCH_BYTES, RECORD_MAX - BATCH_BYTES, MADV_DONTNEED);
    batch->count = batch->last = batch->delivered = 0;
    batch->used = 0;
    batch->start = tail;
    // A head that is behind the tail, or further ahead than the ring is long, is none.
    if (copied < RECORD_MIN || available > RING_BYTES) return 0;

    memcpy(batch->memory, ring_at(ring, tail), copied);
    size_t first = record_size(batch->memory);
    if (first > copied && first <= available) {
        // Only what is missing: a second copy of what was read could be another one than what was looked at.
        memcpy(batch->memory + copied, ring_at(ring, tail + copied), first - copied);
        copied = first;
    }
    size_t used = 0;
    while (copied - used >= RECORD_MIN) {
        uint8_t *record = batch->memory + used;
        size_t size = record_size(record);
        // The copy may end in the middle of a record: it comes with the next batch.
        if (size > copied - used && copied < available && used > 0) break;
        if (!record_valid(record, copied - used)) return 0;
        assert(batch->count < BATCH_EVENTS);
        batch->events[batch->count++] = record_event(record);
        used += size;
    }
    assert(used <= copied && copied <= RECORD_MAX);
    batch->used = used;
    return used;
}

const uint8_t *batch_record(struct batch *batch, const struct falco_event *event) {
    const uint8_t *at = (const uint8_t *)event;
    if (at < batch->memory || at >= batch->memory + batch->used) return NULL;
    uint32_t low = batch->last;
    if (batch->events[low] != event) {
        if (low + 1 < batch->count && batch->events[low + 1] == event) {
            low++;
        } else {
            uint32_t high = batch->count;
            for (low = 0; low + 1 < high;) {
                uint32_t middle = low + (high - low) / 2;
                if ((const uint8_t *)batch->events[middle] <= at) low = middle;
                else high = middle;
            }
            if (batch->events[low] != event) return NULL;
        }
        batch->last = low;
    }
    return at - RECORD_EVENT;
}

uint64_t batch_end(const struct batch *batch, uint32_t event) {
    assert(event < batch->count);
    const uint8_t *record = (const uint8_t *)batch->events[event] - RECORD_EVENT;
    return batch->start + (uint64_t)(record - batch->memory) + record_size(record);
}
