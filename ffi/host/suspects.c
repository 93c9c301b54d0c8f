// A short memory of hashes; the oldest gives way.
#include "host/suspects.h"

#include <assert.h>
#include <stddef.h>

static struct suspect *find(struct suspects *suspects, uint64_t hash) {
    for (uint32_t i = 0; i < SUSPECTS_MAX; i++)
        if (suspects->suspect[i].hash == hash) return &suspects->suspect[i];
    return NULL;
}

void suspects_note(struct suspects *suspects, uint64_t hash) {
    if (hash == 0) return;
    struct suspect *suspect = find(suspects, hash);
    if (suspect == NULL) {
        assert(suspects->next < SUSPECTS_MAX);
        suspect = &suspects->suspect[suspects->next];
        suspects->next = (suspects->next + 1) % SUSPECTS_MAX;
        *suspect = (struct suspect){.hash = hash};
    }
    if (suspect->deaths < UINT32_MAX) suspect->deaths++;
}

uint32_t suspects_deaths(const struct suspects *suspects, uint64_t hash) {
    for (uint32_t i = 0; i < SUSPECTS_MAX; i++)
        if (hash != 0 && suspects->suspect[i].hash == hash) return suspects->suspect[i].deaths;
    return 0;
}

uint64_t hash_bytes(const void *data, size_t bytes) {
    const uint8_t *byte = data;
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ byte[i]) * 0x100000001b3ull;
    return hash == 0 ? 1 : hash;
}
