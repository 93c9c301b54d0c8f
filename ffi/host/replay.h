// Records of events that no batch holds, as from a capture file: the runtime makes them from the event's payload.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/runtime.h"
#include "shared/falco_abi.h"

// The last event that was asked for: its payload, to know it again, and its record.
struct replay {
    uint8_t *payload;  // RECORD_MAX bytes of address space
    size_t length;
    uint8_t *record;  // RECORD_MAX bytes of address space
    size_t size;      // 0: the runtime has no fields for this event
    bool filled;
};

// 0, or -1 with errno; replay_free is due in any case.
int replay_create(struct replay *replay);
void replay_free(struct replay *replay);

// The record of an event that may come from another version of the plugin: asks the runtime, within a second. NULL where
// the event is none of ours, or has no fields; *failures counts each event of ours that its runtime had no record for.
// The record stays until the next call.
const uint8_t *replay_record(struct replay *replay, struct runtime *runtime, const struct falco_event *event,
                             _Atomic uint64_t *failures);
