// A short memory of fingerprints; the oldest gives way.
#include "host/suspects.h"

#include <assert.h>
#include <stddef.h>

static struct suspect *find(struct suspects *suspects, uint64_t fingerprint) {
    for (uint32_t i = 0; i < SUSPECTS_MAX; i++)
        if (suspects->suspect[i].fingerprint == fingerprint) return &suspects->suspect[i];
    return NULL;
}

void suspects_note(struct suspects *suspects, uint64_t fingerprint) {
    if (fingerprint == 0) return;
    struct suspect *suspect = find(suspects, fingerprint);
    if (suspect == NULL) {
        assert(suspects->next < SUSPECTS_MAX);
        suspect = &suspects->suspect[suspects->next];
        suspects->next = (suspects->next + 1) % SUSPECTS_MAX;
        *suspect = (struct suspect){.fingerprint = fingerprint};
    }
    if (suspect->deaths < UINT32_MAX) suspect->deaths++;
}

uint32_t suspects_deaths(const struct suspects *suspects, uint64_t fingerprint) {
    for (uint32_t i = 0; i < SUSPECTS_MAX; i++)
        if (fingerprint != 0 && suspects->suspect[i].fingerprint == fingerprint) return suspects->suspect[i].deaths;
    return 0;
}

uint64_t fingerprint_of(const void *data, size_t bytes) {
    const uint8_t *byte = data;
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ byte[i]) * 0x100000001b3ull;
    return hash == 0 ? 1 : hash;
}
