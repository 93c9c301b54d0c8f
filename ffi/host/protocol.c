// Requests, answers and log lines over a socket, two pipes and the mailbox.
#define _GNU_SOURCE
#include "host/protocol.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/ring.h"

#define MESSAGES_MAX 1000u  // read in one go: a runtime that floods us must not hold Falco
// What the pipes hold: a burst of log lines between two looks; an answer each that was given up.
#define LOG_PACKETS 256u
#define ANSWER_PACKETS 16u
#define DROPS_TOLD_NS (60 * NS_PER_S)

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

int link_create(struct link *link) {
    *link = (struct link){.control = -1,
                          .request = -1,
                          .answer = -1,
                          .errors = {.fd = -1},
                          .mailbox_fd = -1,
                          .lines = LOG_BURST,
                          .lines_at = clock_now()};
    link->mailbox_fd = memfd_sealed("falco-docker-mailbox", MAILBOX_BYTES);
    if (link->mailbox_fd >= 0) link->mailbox = memfd_map(link->mailbox_fd, MAILBOX_BYTES);
    return link->mailbox == NULL ? -1 : 0;
}

int link_connect(struct link *link, struct link_ends *theirs) {
    int control[2] = {-1, -1}, request[2] = {-1, -1}, answer[2] = {-1, -1};
    *theirs = (struct link_ends){-1, -1, -1, -1};
    const bool made = channel_packets(control, LOG_PACKETS) == 0 && channel_requests(request) == 0 &&
                      channel_packets(answer, ANSWER_PACKETS) == 0 && stderr_open(&link->errors, &theirs->errors) == 0;
    const int error = errno;
    link->control = control[0];
    link->request = request[0];
    link->answer = answer[0];
    theirs->control = control[1];
    theirs->request = request[1];
    theirs->answer = answer[1];
    if (made) return 0;
    link_cut(link);
    link_ends_close(theirs);
    errno = error;
    return -1;
}

void link_ends_close(struct link_ends *theirs) {
    close_fd(&theirs->control);
    close_fd(&theirs->request);
    close_fd(&theirs->answer);
    close_fd(&theirs->errors);
}

void link_bury(struct link *link, const struct logger *logger) {
    stderr_close(&link->errors, logger, &link->lines);
}

void link_cut(struct link *link) {
    close_fd(&link->control);
    close_fd(&link->request);
    close_fd(&link->answer);
}

void link_free(struct link *link) {
    link_cut(link);
    close_fd(&link->errors.fd);
    if (link->mailbox != NULL) munmap(link->mailbox, MAILBOX_BYTES);
    link->mailbox = NULL;
    close_fd(&link->mailbox_fd);
}

uint64_t link_u64(const struct link *link, size_t offset) {
    return atomic_load_explicit((_Atomic uint64_t *)(void *)(link->mailbox + offset), memory_order_relaxed);
}

void link_set_u64(struct link *link, size_t offset, uint64_t value) {
    atomic_store_explicit((_Atomic uint64_t *)(void *)(link->mailbox + offset), value, memory_order_relaxed);
}

int link_send(struct link *link, struct request request, const void *data, int fd) {
    if (request.length > RECORD_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    if (request.length > 0) memcpy(link->mailbox + MAILBOX_REQUEST, data, request.length);
    request.id = ++link->request_id;
    return channel_send(link->request, &request, sizeof request, fd);
}

enum received link_receive(struct link *link, struct answer *answer) {
    for (uint32_t i = 0; i < MESSAGES_MAX; i++) {
        const ssize_t bytes = channel_read(link->answer, answer, sizeof *answer);
        if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return NOTHING_YET;
        if (bytes != (ssize_t)sizeof *answer || answer->length > RECORD_MAX) return RUNTIME_GONE;
        if (answer->id == link->request_id) return RECEIVED;
    }
    return NOTHING_YET;
}

size_t link_data(const struct link *link, const struct answer *answer, void *out, size_t max) {
    assert(answer->length <= RECORD_MAX);  // link_receive hands out no other
    const size_t length = answer->length < max ? (size_t)answer->length : max;
    memcpy(out, link->mailbox + MAILBOX_ANSWER, length);
    return length;
}

void link_text(const struct link *link, const struct answer *answer, char *text, size_t max) {
    text[link_data(link, answer, text, max - 1)] = 0;
    log_clean(text);
}

// How many lines may be handed over now.
static uint32_t refill(struct link *link, uint64_t now) {
    assert(link->lines <= LOG_BURST);
    const uint64_t earned = (now - link->lines_at) * LOG_PER_SECOND / NS_PER_S;
    if (earned > 0) {
        link->lines = earned < LOG_BURST - link->lines ? link->lines + (uint32_t)earned : LOG_BURST;
        link->lines_at = now;
    }
    return link->lines;
}

bool link_may_log(struct link *link, uint64_t now) {
    return refill(link, now) > 0 && link->control >= 0;
}

// Says how many lines of the runtime's there was no room for; at most once a minute, as it may be many times.
static void tell_of_drops(struct link *link, const struct logger *logger, uint64_t now) {
    const uint64_t dropped = link_u64(link, MAILBOX_METRICS + (size_t)METRIC_LOG_LINES_DROPPED * 8);
    if (dropped <= link->dropped || (link->told_of_drops != 0 && now - link->told_of_drops < DROPS_TOLD_NS)) return;
    log_line(logger, FALCO_WARNING, "%llu lines of the runtime's log were dropped: there were too many",
             (unsigned long long)(dropped - link->dropped));
    link->dropped = dropped;
    link->told_of_drops = now;
}

void link_read_log(struct link *link, const struct logger *logger) {
    const uint64_t now = clock_now();
    tell_of_drops(link, logger, now);
    struct log_message message;
    while (link_may_log(link, now)) {
        const ssize_t bytes = channel_read(link->control, &message, sizeof message);
        if (bytes == 0) close_fd(&link->control);  // its end, which poll would tell of again and again
        if (bytes <= 0) break;
        // What is too short to be a line costs as much as one.
        link->lines--;
        if ((size_t)bytes <= offsetof(struct log_message, text)) continue;
        const int length = (int)((size_t)bytes - offsetof(struct log_message, text));
        int severity = message.severity;
        if (severity < FALCO_CRITICAL || severity > FALCO_DEBUG) severity = FALCO_ERROR;
        log_line(logger, (enum falco_severity)severity, "%.*s", length, message.text);
    }
    stderr_read(&link->errors, logger, &link->lines);
}

void link_await(struct link *link, const struct logger *logger, uint64_t deadline) {
    const uint64_t now = clock_now();
    // poll passes over a negative descriptor.
    struct pollfd pipes[] = {
        {.fd = link->answer, .events = POLLIN},
        {.fd = link_may_log(link, now) ? link->control : -1, .events = POLLIN},
    };
    poll(pipes, 2, clock_poll_ms(now, deadline));
    if (pipes[1].revents != 0) link_read_log(link, logger);
}

bool link_has_ended(const struct link *link) {
    if (link->control < 0) return true;
    struct pollfd pipe = {.fd = link->control, .events = 0};
    return poll(&pipe, 1, 0) > 0 && (pipe.revents & (POLLHUP | POLLERR)) != 0;
}
