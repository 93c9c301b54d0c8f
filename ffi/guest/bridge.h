// What docker-plugin calls through bun:ffi (src/runtime/bridge.ts), and what it is called back for.
#pragma once

#include <stdint.h>

// What JavaScript registers. They are called on the listener thread and only pass numbers on to the event loop.
struct bridge_callbacks {
    void (*configure)(uint32_t id, uint32_t length);
    void (*open)(uint32_t id, uint32_t instance, uint32_t resume, uint32_t length);
    void (*close)(uint32_t id, uint32_t instance);
    void (*extract)(uint32_t id, uint32_t length);
    void (*list)(uint32_t id);
    void (*abandoned)(void);
};

int docker_bridge_start(const struct bridge_callbacks *callbacks);
void *docker_bridge_mailbox(void);
void *docker_bridge_ring(uint32_t instance);
uint64_t docker_bridge_ring_head(uint32_t instance);
uint64_t docker_bridge_ring_tail(uint32_t instance);
void docker_bridge_ring_publish(uint32_t instance, uint64_t head);
void docker_bridge_ring_close(uint32_t instance);
void docker_bridge_answer(uint32_t id, int32_t rc, uint64_t length, uint64_t value);
void docker_bridge_log(int32_t severity, const char *text, uint64_t length);
