// A runtime that has been taken over and tries what it must not be able to do; it says what came of each attempt in the
// place of its version, so that the host's error tells it.
//   docker-plugin runtime LIBRARY      WHERE, defined at compile time: a folder that it has no business in
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include "constants.h"

#define IOPRIO_USER 3
#define IOPRIO_NONE (7 << 13)  // a class that there is not: where it may try, it is told so

// Sends the host a descriptor, beside a message that is too short to be believed.
static ssize_t send_descriptor(int socket) {
    const int gift = REQUEST_FD;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)&gift, .iov_len = 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof gift)};
    memcpy(CMSG_DATA(header), &gift, sizeof gift);
    return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// What a process that the runtime has started may do: its error's number. The runtime itself leads its group.
static int in_child(int (*call)(void)) {
    const pid_t child = fork();
    if (child == 0) _exit(call() < 0 ? errno : 0);
    int status = 0;
    waitpid(child, &status, 0);
    errno = WEXITSTATUS(status);
    return errno == 0 ? 0 : -1;
}

static int leave_session(void) {
    return setsid();
}

static int leave_group(void) {
    return setpgid(0, 0);
}

// Bears a child in a way that a filter may refuse; the call is raw, as a C library would not.
static int bear(int how) {
    const long child = syscall(SYS_clone, how | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    return (int)child;
}

int main(int argc, char **argv) {
    const pid_t host = getppid();
    char text[127], path[256];
    char byte = 0;
    const struct iovec own = {&byte, 1}, its = {(void *)(uintptr_t)main, 1};
    size_t used = 0;
    int gifts = 0;
    // The error's number, 0 for none; the test knows the names, as there is little room.
#define TRY(name, call) used += (size_t)snprintf(text + used, sizeof text - used, "%d ", (long)(call) < 0 ? errno : 0)
    if (argc != 3) return 2;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)host);
    used += (size_t)snprintf(text, sizeof text, "%ld ", syscall(444, NULL, 0, 1));
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
    // Of all processes of its user; here each keeps what it has.
    TRY("all", setpriority(PRIO_USER, 0, getpriority(PRIO_USER, 0)));
    TRY("io", syscall(SYS_ioprio_set, IOPRIO_USER, 0, IOPRIO_NONE));
    TRY("sid", in_child(leave_session));
    TRY("pgid", in_child(leave_group));
    TRY("bear", bear(CLONE_PARENT));
    // What a host closes may keep it waiting, as a socket that lingers does.
    const int ways[] = {2, CONTROL_FD, REQUEST_FD, ANSWER_FD};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (send_descriptor(ways[i]) >= 0 || (errno != ENOTSOCK && errno != EPIPE)) gifts++;
    used += (size_t)snprintf(text + used, sizeof text - used, "%d ", gifts);
    // As may one that reads a pipe whose writer waits for a page.
    TRY("page", syscall(SYS_userfaultfd, O_CLOEXEC));
    TRY("ns", unshare(CLONE_NEWUSER));
    TRY("ns2", bear(CLONE_NEWUSER));
    // The last, as a host that is traced stops at each signal; the end of this process lets it go again.
    TRY("trace", ptrace(PTRACE_SEIZE, host, 0, 0));
    return write(ANSWER_FD, text, used) < 0;
}
