// What docker-plugin calls through bun:ffi (src/ipc/bridge.ts), and what it is called back for.
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

// All but docker_bridge_start and docker_bridge_mailbox: from the event loop's thread alone. `instance` is the number that
// `open` brought, open since then where nothing else is said; positions are the ring's (ring.h).

// Starts listening; the callbacks are copied. 0; 1 where the mailbox cannot be mapped, 2 where no thread can be started.
int docker_bridge_start(const struct bridge_callbacks *callbacks);
// The mailbox's MAILBOX_BYTES.
void *docker_bridge_mailbox(void);
// The ring of an open instance: RING_DATA bytes of header, then twice the same RING_BYTES of data.
void *docker_bridge_ring(uint32_t instance);
uint64_t docker_bridge_ring_head(uint32_t instance);
uint64_t docker_bridge_ring_tail(uint32_t instance);
// Makes everything below `head` visible to the host, and wakes it if it waits for that much.
void docker_bridge_ring_publish(uint32_t instance, uint64_t head);
// Tells the host that nothing comes after what is visible, and wakes it.
void docker_bridge_ring_end(uint32_t instance);
// Unmaps the ring, where it is open.
void docker_bridge_ring_close(uint32_t instance);
// Answers a request; `length` bytes (at most RECORD_MAX) stand at MAILBOX_ANSWER. rc 0: it was done. Never waits.
void docker_bridge_answer(uint32_t id, int32_t rc, uint64_t length, uint64_t value);
// A line for Falco's log, cut at what a packet takes (channel.h). Never waits: where the host does not read, it is
// dropped and counted.
void docker_bridge_log(int32_t severity, const char *text, uint64_t length);
