// The runtime's side, called by docker-plugin through bun:ffi: a listener thread takes the host's requests and calls
// JavaScript; JavaScript answers, publishes records and logs. Falco's process never calls anything here.
#define _GNU_SOURCE
#include "guest/bridge.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "constants.h"
#include "shared/channel.h"
#include "shared/clock.h"
#include "shared/ring.h"

#define EXPORT __attribute__((visibility("default")))

// How long JavaScript has to keep what the next start of Falco needs, where this one died without closing.
#define ABANDONED_MS 500

static struct {
    struct bridge_callbacks callbacks;
    uint8_t *mailbox;
    struct ring rings[INSTANCES_MAX];
} bridge;

static _Atomic uint64_t *shared(size_t offset) {
    return (_Atomic uint64_t *)(void *)(bridge.mailbox + offset);
}

// The ring of an open instance. A mistake of docker-plugin's ends it with the assert's line, and the host starts another.
static struct ring *open_ring(uint32_t instance) {
    assert(instance < INSTANCES_MAX && bridge.rings[instance].map != NULL);
    return &bridge.rings[instance];
}

static int refuse(const struct request *request, const char *why) {
    const struct answer answer = {.id = request->id, .rc = 1, .length = strlen(why)};
    memcpy(bridge.mailbox + MAILBOX_ANSWER, why, answer.length);
    return channel_write(ANSWER_FD, &answer, sizeof answer);
}

static void dispatch(const struct request *request, int fd) {
    const struct bridge_callbacks *call = &bridge.callbacks;
    const bool known = request->instance < INSTANCES_MAX && request->length <= RECORD_MAX;
    if (request->kind == REQUEST_OPEN && known && fd >= 0) {
        if (ring_map(&bridge.rings[request->instance], fd) != 0) {
            close(fd);
            refuse(request, "the runtime cannot map the ring");
            return;
        }
        call->open(request->id, request->instance, request->resume, (uint32_t)request->length);
        return;
    }
    if (fd >= 0) close(fd);
    if (!known) refuse(request, "the runtime does not understand the request");
    else if (request->kind == REQUEST_CONFIGURE) call->configure(request->id, (uint32_t)request->length);
    else if (request->kind == REQUEST_CLOSE) call->close(request->id, request->instance);
    else if (request->kind == REQUEST_EXTRACT) call->extract(request->id, (uint32_t)request->length);
    else if (request->kind == REQUEST_LIST) call->list(request->id);
    else refuse(request, "the runtime does not understand the request");
}

static void *listen_to_host(void *unused) {
    (void)unused;
    for (;;) {
        struct request request;
        int fd;
        const ssize_t bytes = channel_receive(REQUEST_FD, &request, sizeof request, &fd);
        if (bytes != (ssize_t)sizeof request) {
            // The host is gone or has let go of us. The event loop may hang, so this thread ends the process.
            bridge.callbacks.abandoned();
            nanosleep(&(struct timespec){.tv_nsec = ABANDONED_MS * NS_PER_MS}, NULL);
            _exit(0);
        }
        dispatch(&request, fd);
    }
}

EXPORT int docker_bridge_start(const struct bridge_callbacks *callbacks) {
    bridge.callbacks = *callbacks;
    for (size_t i = 0; i < INSTANCES_MAX; i++) bridge.rings[i].fd = -1;
    bridge.mailbox = memfd_map(MAILBOX_FD, MAILBOX_BYTES);
    if (bridge.mailbox == NULL) return 1;
    // Once more after JavaScript's own start: the host is the one that ends us.
    const int ignored[] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
    pthread_t listener;
    return pthread_create(&listener, NULL, listen_to_host, NULL) == 0 ? 0 : 2;
}

EXPORT void *docker_bridge_mailbox(void) {
    return bridge.mailbox;
}

EXPORT void *docker_bridge_ring(uint32_t instance) {
    return open_ring(instance)->map;
}

EXPORT uint64_t docker_bridge_ring_head(uint32_t instance) {
    return ring_head(open_ring(instance));
}

EXPORT uint64_t docker_bridge_ring_tail(uint32_t instance) {
    return ring_tail(open_ring(instance));
}

EXPORT void docker_bridge_ring_publish(uint32_t instance, uint64_t head) {
    ring_publish(open_ring(instance), head);
}

EXPORT void docker_bridge_ring_end(uint32_t instance) {
    ring_end(open_ring(instance));
}

EXPORT void docker_bridge_ring_close(uint32_t instance) {
    assert(instance < INSTANCES_MAX);
    ring_close(&bridge.rings[instance]);
}

// A host that does not read is about to end us.
EXPORT void docker_bridge_answer(uint32_t id, int32_t rc, uint64_t length, uint64_t value) {
    const struct answer answer = {.id = id, .rc = rc, .length = length, .value = value};
    channel_write(ANSWER_FD, &answer, sizeof answer);
}

EXPORT void docker_bridge_log(int32_t severity, const char *text, uint64_t length) {
    struct log_message message = {.severity = severity};
    if (length > sizeof message.text) length = sizeof message.text;
    memcpy(message.text, text, length);
    if (channel_write(CONTROL_FD, &message, offsetof(struct log_message, text) + length) == 0)
        atomic_fetch_add(shared(MAILBOX_LOGGED), 1);
    else atomic_fetch_add(shared(MAILBOX_METRICS + METRIC_LOG_LINES_DROPPED * 8), 1);
}
