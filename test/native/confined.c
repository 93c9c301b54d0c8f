// A runtime that has been taken over and tries what it must not be able to do; it says what came of each attempt in the
// place of its version, so that the host's error tells it.
//   docker-plugin runtime LIBRARY      WHERE, defined at compile time: a folder that it has no business in
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "constants.h"

// Sends the host a descriptor, beside a message that is too short to be believed.
static ssize_t send_descriptor(int socket) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = &socket, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof socket)};
    memcpy(CMSG_DATA(header), &socket, sizeof socket);
    return sendmsg(socket, &message, MSG_DONTWAIT);
}

int main(int argc, char **argv) {
    const pid_t host = getppid();
    char text[120], path[256];
    char byte = 0;
    const struct iovec own = {&byte, 1}, its = {(void *)(uintptr_t)main, 1};
    size_t used = 0;
    // The error's number, 0 for none.
#define TRY(name, call) \
    used += (size_t)snprintf(text + used, sizeof text - used, "%s=%d ", name, (long)(call) < 0 ? errno : 0)
    if (argc != 3) return 2;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)host);
    used += (size_t)snprintf(text, sizeof text, "landlock=%ld ", syscall(444, NULL, 0, 1));
    TRY("mem", open(path, O_RDWR));
    TRY("peek", process_vm_readv(host, &own, 1, &its, 1, 0));
    TRY("poke", process_vm_writev(host, &own, 1, &its, 1, 0));
    TRY("kill", kill(host, SIGCONT));
    TRY("library", open(argv[2], O_WRONLY));
    snprintf(path, sizeof path, WHERE "/made-by-%d", (int)getuid());
    TRY("file", open(path, O_WRONLY | O_CREAT, 0600));
    // Its limits, as one on processor time would end it; here they stay what they are.
    struct rlimit limit;
    TRY("limit", syscall(SYS_prlimit64, host, RLIMIT_CPU, NULL, &limit) < 0
                     ? -1
                     : syscall(SYS_prlimit64, host, RLIMIT_CPU, &limit, NULL));
    TRY("nice", setpriority(PRIO_PROCESS, (id_t)host, getpriority(PRIO_PROCESS, (id_t)host)));
    // What a host closes may keep it waiting, as a socket that lingers does.
    TRY("gift", send_descriptor(CONTROL_FD));
    // The last, as a host that is traced stops at each signal; the end of this process lets it go again.
    TRY("trace", ptrace(PTRACE_SEIZE, host, 0, 0));
    return write(REQUEST_FD, text, used) < 0;
}
