// What the runtime was working on when it died: things to be passed over by the next one.
#pragma once

#include <stdint.h>

#include "constants.h"

struct suspects {
    struct suspect {
        uint64_t hash;  // 0: none
        uint32_t deaths;
    } suspect[SUSPECTS_MAX];
    uint32_t next;  // the oldest: it gives way
};

// Notes that the runtime died of this; 0 is nothing.
void suspects_note(struct suspects *suspects, uint64_t hash);
// How often the runtime died of this, as far as it is remembered.
uint32_t suspects_deaths(const struct suspects *suspects, uint64_t hash);

// A hash that is not 0 (FNV-1a, 64 bits).
uint64_t hash_bytes(const void *data, size_t bytes);
