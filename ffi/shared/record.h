// A record: its header, the finished Falco event, and the index of the event's values (src/ipc/record.ts writes
// it). Everything read here lies in the host's private memory, but the bytes came from another process.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "constants.h"
#include "shared/falco_abi.h"

// The slots of the event's own block that every record has.
#define INDEX_BYTES (OWN_SLOTS_MIN * SLOT_BYTES)
#define RECORD_ALIGNED(bytes) (((bytes) + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN)
// A record of an empty payload: aligned end of the event, the slots, at least one NUL.
#define RECORD_MIN (RECORD_ALIGNED(RECORD_EVENT + EVENT_PAYLOAD) + RECORD_ALIGNED(INDEX_BYTES + 1))

static_assert(EVENT_PAYLOAD == sizeof(struct falco_event), "the runtime writes the header that Falco reads");
static_assert(PLUGIN_ID_BYTES == sizeof((struct falco_event){0}.plugin_id), "and the first of its parameters");
static_assert(EVENT_PARAMS == sizeof((struct falco_event){0}.param_len) / sizeof(uint32_t), "and their number");
static_assert(EVENT_LENGTH == offsetof(struct falco_event, len), "the runtime reads where an event ends");
static_assert(SHARED_BLOCKS <= OWN_SLOTS_MIN, "every record tells where its other blocks lie");
static_assert(RECORD_EVENT % RECORD_ALIGN == 0, "Falco reads the event where it lies");

static inline uint32_t record_u32(const uint8_t *record, size_t offset) {
    uint32_t value;
    memcpy(&value, record + offset, sizeof value);
    return value;
}

static inline uint32_t record_size(const uint8_t *record) {
    return record_u32(record, RECORD_SIZE);
}

static inline struct falco_event *record_event(uint8_t *record) {
    return (struct falco_event *)(void *)(record + RECORD_EVENT);
}

// Whether a record of at most `available` bytes (at least RECORD_MIN) is what it says: sizes in order, the event's
// header the one that Falco expects, and a NUL at its end, so that no string inside runs out of it.
static inline bool record_valid(const uint8_t *record, size_t available) {
    size_t size = record_size(record);
    size_t index = record_u32(record, RECORD_INDEX);
    size_t slots = record_u32(record, RECORD_SLOTS);
    const struct falco_event *event = (const struct falco_event *)(const void *)(record + RECORD_EVENT);
    size_t length = event->len;
    return size >= RECORD_MIN && size <= available && size % RECORD_ALIGN == 0 &&         //
           slots >= OWN_SLOTS_MIN && slots <= OWN_SLOTS &&                                 //
           index % RECORD_ALIGN == 0 && index < size && size - index > slots * SLOT_BYTES && //
           length >= EVENT_PAYLOAD && length <= index && RECORD_EVENT + length <= index && //
           event->type == EVENT_TYPE && event->nparams == EVENT_PARAMS && event->param_len[0] == PLUGIN_ID_BYTES &&  //
           event->param_len[1] == length - EVENT_PAYLOAD && event->plugin_id == PLUGIN_ID && record[size - 1] == 0;
}
