// Packets over a socket and over pipes.
#define _GNU_SOURCE
#include "shared/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shared/fd.h"

static_assert(PACKET_MAX <= PIPE_BUF, "a packet is written whole or not at all");

union fd_buffer {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
};

int channel_requests(int ends[2]) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    if (fd_raise_both(ends) != 0) return -1;
    // What the other end sends is refused from now on, and nothing that it does brings that back.
    return shutdown(ends[0], SHUT_RD);
}

int channel_packets(int ends[2], unsigned packets) {
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK | O_DIRECT) != 0) return -1;
    if (fd_raise_both(ends) != 0) return -1;
    fcntl(ends[1], F_SETPIPE_SZ, (int)(packets * (unsigned)sysconf(_SC_PAGESIZE)));
    return 0;
}

int channel_send(int socket, const void *data, size_t bytes, int fd) {
    union fd_buffer control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}

ssize_t channel_receive(int socket, void *data, size_t max, int *fd) {
    union fd_buffer control = {0};
    struct iovec part = {.iov_base = data, .iov_len = max};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t received;
    do received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    *fd = -1;
    if (received < 0) return errno == ECONNRESET ? 0 : received;
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(header), sizeof *fd);
    return received;
}

int channel_write(int pipe, const void *data, size_t bytes) {
    ssize_t written;
    do written = write(pipe, data, bytes);
    while (written < 0 && errno == EINTR);
    return written == (ssize_t)bytes ? 0 : -1;
}

ssize_t channel_read(int pipe, void *data, size_t max) {
    ssize_t bytes;
    do bytes = read(pipe, data, max);
    while (bytes < 0 && errno == EINTR);
    return bytes;
}
