// An instance: what one plugin_open made, until its plugin_close. It outlives the runtimes that fill its ring.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "host/batch.h"
#include "shared/ring.h"

struct instance {
    // The runtime's supervisor opens it again in a new runtime with these.
    struct ring ring;
    char *params;
    uint64_t opened_at;  // ns on the monotonic clock
    bool is_finite;  // it plays a recording, which ends: said by Falco, and not by a runtime
    uint32_t slot;                  // its place in runtime.instances and its number in requests, below INSTANCES_MAX
    struct instance *next_closing;  // in runtime.closing

    // These belong to Falco's thread that calls next_batch and extract_fields.
    struct batch batch;
    uint64_t taken;  // the ring's position behind the batch; its tail, up to where events are delivered, comes after
    char progress[32];
    uint64_t flushed_at;  // when the last batch was handed over, ns on the monotonic clock
};

// Makes an instance with its ring and batch, not yet open in a runtime; `params` is copied (NULL: empty). NULL with errno.
struct instance *instance_create(const char *params);
// Frees it with all that it holds, once neither Falco nor the runtime's supervisor uses it any more. NULL is none.
void instance_free(struct instance *instance);
