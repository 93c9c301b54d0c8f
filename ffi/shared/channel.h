// The messages between host and runtime, over SOCK_SEQPACKET socket pairs: one message a packet, whole or not at all.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "constants.h"

// From the host on the request socket. `length` bytes of data stand in the mailbox at MAILBOX_REQUEST.
struct request {
    uint32_t kind;  // REQUEST_…
    uint32_t id;
    uint32_t instance;
    // REQUEST_OPEN: the instance was open in a runtime before, and the stream goes on: so many seconds ago it was opened,
    // at least 1. 0: it is new.
    uint32_t resume;
    uint64_t length;
};
static_assert(sizeof(struct request) == 24, "");

// From the runtime on the request socket. `length` bytes of data stand in the mailbox at MAILBOX_ANSWER.
struct answer {
    uint32_t id;
    int32_t rc;
    uint64_t length;
    uint64_t value;
};
static_assert(sizeof(struct answer) == 24, "");

// From the runtime on the control socket: a severity (u32), then text.
struct log_message {
    int32_t severity;
    char text[LOG_MAX];
};

// Sends one packet, with a file descriptor where `fd` >= 0. Never blocks. 0, or -1 with errno.
int channel_send(int socket, const void *data, size_t bytes, int fd);

// Takes one packet of at most `max` bytes. Never blocks unless `wait`. A descriptor that comes with it goes to *fd
// (-1 where none does; NULL: none is wanted, one that comes is closed).
// Returns its bytes, 0 at the end of the connection, -1 with errno (EAGAIN: nothing there).
ssize_t channel_receive(int socket, void *data, size_t max, int *fd, bool wait);
