// The messages between host and runtime, each whole or not at all: requests over a SOCK_SEQPACKET socket, as a descriptor
// may go with them; all that the runtime says over pipes in packet mode. Nothing but bytes comes out of a pipe: a descriptor
// that the host was sent it would have to close, and the last close of a socket that lingers takes as long as its sender
// chose.
#pragma once

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

// From the runtime on the answer pipe. `length` bytes of data stand in the mailbox at MAILBOX_ANSWER.
struct answer {
    uint32_t id;
    int32_t rc;
    uint64_t length;
    uint64_t value;
};
static_assert(sizeof(struct answer) == 24, "");

// What a pipe takes as one packet (PIPE_BUF, limits.h).
#define PACKET_MAX 4096

// From the runtime on the control pipe: a severity (u32), then text.
struct log_message {
    int32_t severity;
    char text[PACKET_MAX - sizeof(int32_t)];
};
static_assert(sizeof(struct log_message) == PACKET_MAX && PACKET_MAX <= LOG_MAX, "");

// All four: 0, or a number of bytes, or -1 with errno.

// A socket pair for requests, close-on-exec: what is sent into ends[0] comes out of ends[1], and nothing goes back.
int channel_requests(int ends[2]);
// A pipe for packets, both ends close-on-exec and never blocking: ends[0] is read. It holds `packets` where the kernel
// grants that, else 16.
int channel_packets(int ends[2], unsigned packets);

// Sends one request, with a file descriptor where `fd` >= 0. Never blocks.
int channel_send(int socket, const void *data, size_t bytes, int fd);
// Waits for one request of at most `max` bytes. The descriptor that comes with it goes to *fd (-1: none). 0 at the end of
// the connection.
ssize_t channel_receive(int socket, void *data, size_t max, int *fd);

// Puts one packet of at most PACKET_MAX bytes into a pipe. Never blocks: EAGAIN where there is no room.
int channel_write(int pipe, const void *data, size_t bytes);
// Takes one packet of at most `max` bytes; what is longer is cut. Never blocks (EAGAIN: nothing there). 0 once nobody can
// write any more.
ssize_t channel_read(int pipe, void *data, size_t max);
