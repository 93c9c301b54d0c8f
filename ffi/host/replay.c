// Asks the runtime for the fields of events that it did not write itself, once for the same bytes in a row.
#define _GNU_SOURCE
#include "host/replay.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "shared/record.h"

// How long a replayed event may take; longer, and its fields are absent.
#define EXTRACT_MS 1000u

static uint8_t *reserve(void) {
    void *memory = mmap(NULL, RECORD_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

int replay_create(struct replay *replay) {
    *replay = (struct replay){.payload = reserve(), .record = reserve()};
    return replay->payload == NULL || replay->record == NULL ? -1 : 0;
}

void replay_free(struct replay *replay) {
    if (replay->payload != NULL) munmap(replay->payload, RECORD_MAX);
    if (replay->record != NULL) munmap(replay->record, RECORD_MAX);
    *replay = (struct replay){0};
}

// Falco reads the events of a capture into one and the same buffer, so only equal bytes prove that the last answer is
// still the right one.
const uint8_t *replay_record(struct replay *replay, struct runtime *runtime, const struct falco_event *event,
                             _Atomic uint64_t *failures) {
    // One of a capture may be shorter than its header.
    if (event->len < EVENT_PAYLOAD || event->type != EVENT_TYPE || event->nparams != EVENT_PARAMS) return NULL;
    const uint32_t length = event->param_len[1];
    if (event->param_len[0] != PLUGIN_ID_BYTES || length != event->len - EVENT_PAYLOAD || length > RECORD_MAX)
        return NULL;
    if (!replay->filled || replay->length != length || memcmp(replay->payload, event->payload, length) != 0) {
        memcpy(replay->payload, event->payload, length);
        replay->length = length;
        replay->size = 0;
        const enum outcome outcome = runtime_ask(runtime, REQUEST_EXTRACT, event->payload, length, EXTRACT_MS,
                                                 replay->record, RECORD_MAX, &replay->size, NULL);
        assert(replay->size <= RECORD_MAX);
        if (outcome != ANSWERED || replay->size < RECORD_MIN || !record_valid(replay->record, replay->size)) {
            replay->size = 0;
            atomic_fetch_add(failures, 1);
        }
        // A runtime that was too slow, or is gone, may answer the next time; an event that is none stays none.
        replay->filled = outcome == ANSWERED || outcome == REFUSED;
    }
    return replay->size == 0 ? NULL : replay->record;
}
