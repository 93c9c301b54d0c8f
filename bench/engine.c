// The engine of the benchmarks: a Docker Engine that sends one kind of event over a Unix socket, as fast or as evenly as
// a C program can, each in a chunk of its own, as moby does.
//   engine SOCKET BYTES ATTRIBUTES COUNT PER_SECOND ANSWERS [QUIET [KIND]]
// PER_SECOND 0: as fast as it goes. The stream's query `since` is ignored; after COUNT events the stream stays open.
// timeNano is the time at which the event was written. With QUIET the events begin that many ms after the headers.
// KIND: attach (the default); start, each of another container; exec_start, each of another exec. What is asked of an
// object is answered by the file of its kind in the folder ANSWERS: what a real engine said (20.10.24).
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONTAINERS 64

static size_t event_bytes;
static int attributes;
static long count, per_second, quiet_ms;
static const char *kind = "attach", *answers;

static uint64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void write_all(int socket, const char *bytes, size_t length) {
    while (length > 0) {
        const ssize_t written = send(socket, bytes, length, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) _exit(0);
        bytes += written;
        length -= (size_t)written;
    }
}

// One event's line, padded by a label to the wanted length. Returns its bytes, with the newline.
static size_t event_line(char *line, long number, uint64_t nano) {
    char id[65], name[64], labels[8192];
    const bool is_start = strcmp(kind, "start") == 0, is_exec = strcmp(kind, "exec_start") == 0;
    const long container = is_start ? number : number % CONTAINERS;
    snprintf(id, sizeof id, "%016lx%048x", container, 0x5eed);
    snprintf(name, sizeof name, "web-%ld", container);
    size_t used = 0;
    for (int i = 0; i < attributes - 3; i++)
        used +=
            (size_t)snprintf(labels + used, sizeof labels - used, "\"com.example.label-%02d\":\"value %02d\",", i, i);
    labels[used] = 0;
    if (is_exec) snprintf(labels + used, sizeof labels - used, "\"execID\":\"%064lx\",", number);
    static char padding[2 * 1024 * 1024];
    const char *const format =
        "{\"status\":\"%s\",\"id\":\"%s\",\"from\":\"alpine:3.20\",\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\","
        "\"Attributes\":{%s\"padding\":\"%s\",\"image\":\"alpine:3.20\",\"name\":\"%s\"}},\"scope\":\"local\",\"time\":%llu,"
        "\"timeNano\":%llu}\n";
    const char *action = is_exec ? "exec_start: sh -c id" : kind;
    padding[0] = 0;
    size_t bytes = (size_t)snprintf(line, sizeof padding, format, action, id, action, id, labels, padding, name,
                                    (unsigned long long)(nano / 1000000000u), (unsigned long long)nano);
    if (bytes < event_bytes) {
        memset(padding, 'x', event_bytes - bytes);
        padding[event_bytes - bytes] = 0;
        bytes = (size_t)snprintf(line, sizeof padding, format, action, id, action, id, labels, padding, name,
                                 (unsigned long long)(nano / 1000000000u), (unsigned long long)nano);
    }
    return bytes;
}

static size_t chunk(char *to, const char *line, size_t bytes) {
    const int head = sprintf(to, "%zx\r\n", bytes);
    memcpy(to + head, line, bytes);
    memcpy(to + head + bytes, "\r\n", 2);
    return (size_t)head + bytes + 2;
}

static void reply(int socket, const char *body) {
    static char text[32 * 1024];
    const int bytes = snprintf(text, sizeof text,
                               "HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nServer: Docker/28.5.2 (linux)\r\n"
                               "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                               strlen(body), body);
    write_all(socket, text, (size_t)bytes);
}

// What is answered to a question about an object, read when it is first asked.
static const char *answer_to(const char *request) {
    static const char *const kinds[][2] = {
        {"/containers/", "container"}, {"/exec/", "exec"}, {"/images/", "image"}, {"/volumes/", "volume"}};
    static char bodies[sizeof kinds / sizeof *kinds + 1][16 * 1024];
    size_t at = 0;
    while (at < sizeof kinds / sizeof *kinds && strstr(request, kinds[at][0]) == NULL) at++;
    char *body = bodies[at], path[4096];
    if (*body != 0) return body;
    snprintf(path, sizeof path, "%s/%s.json", answers, at < sizeof kinds / sizeof *kinds ? kinds[at][1] : "info");
    FILE *file = fopen(path, "r");
    if (file == NULL || fread(body, 1, sizeof *bodies - 1, file) == 0) {
        perror(path);
        _exit(1);
    }
    fclose(file);
    return body;
}

static void stream(int socket) {
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    write_all(socket, head, sizeof head - 1);
    usleep((useconds_t)quiet_ms * 1000);
    const uint64_t began = now_ns(CLOCK_MONOTONIC);
    char *line = malloc(3 * 1024 * 1024);
    // A flood is made before it is sent, so that making it costs the benchmark nothing.
    const size_t room = 32 * 1024 * 1024;
    char *flood = malloc(room);
    long made = 0;
    size_t used = 0;
    for (long i = 0; i < count;) {
        if (per_second > 0) {
            const uint64_t due = began + (uint64_t)((double)i / (double)per_second * 1e9);
            while (now_ns(CLOCK_MONOTONIC) < due) {
                const struct timespec until = {.tv_sec = (time_t)(due / 1000000000u),
                                               .tv_nsec = (long)(due % 1000000000u)};
                clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
            }
            const size_t bytes = event_line(line, i, now_ns(CLOCK_REALTIME));
            write_all(socket, flood, chunk(flood, line, bytes));
            i++;
            continue;
        }
        if (made == 0) {
            const uint64_t nano = now_ns(CLOCK_REALTIME);
            while (used + event_bytes + 8192 < room && made < 32768 && made < count) {
                used += chunk(flood + used, line, event_line(line, made, nano + (uint64_t)made));
                made++;
            }
        }
        if (count - i >= made) {
            write_all(socket, flood, used);
            i += made;
        } else {
            size_t at = 0;
            for (; i < count; i++)
                at += strtoul(flood + at, NULL, 16) + (size_t)(strchr(flood + at, '\n') - (flood + at)) + 3;
            write_all(socket, flood, at);
        }
    }
    for (;;) pause();
}

static void serve(int socket) {
    char request[16384];
    size_t used = 0;
    for (;;) {
        const ssize_t got = recv(socket, request + used, sizeof request - 1 - used, 0);
        if (got <= 0) _exit(0);
        used += (size_t)got;
        request[used] = 0;
        char *end;
        while ((end = strstr(request, "\r\n\r\n")) != NULL) {
            *end = 0;
            const bool history = strstr(request, "until=") != NULL;
            if (strstr(request, "/_ping ") != NULL) reply(socket, "OK");
            else if (strstr(request, "/events?") != NULL && history) reply(socket, "");
            else if (strstr(request, "/events?") != NULL) stream(socket);
            else if (strstr(request, "/containers/json") != NULL) reply(socket, "[]");
            else reply(socket, answer_to(request));
            used -= (size_t)(end + 4 - request);
            memmove(request, end + 4, used + 1);
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    event_bytes = strtoul(argv[2], NULL, 10);
    attributes = atoi(argv[3]);
    count = atol(argv[4]);
    per_second = atol(argv[5]);
    answers = argv[6];
    quiet_ms = argc > 7 ? atol(argv[7]) : 0;
    if (argc > 8) kind = argv[8];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(argv[1]);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 64) != 0) return 1;
    signal(SIGCHLD, SIG_IGN);
    printf("up\n");
    fflush(stdout);
    const pid_t self = getpid();
    for (;;) {
        const int connection = accept(listener, NULL, NULL);
        if (connection < 0) continue;
        if (fork() == 0) {
            close(listener);
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() == self) serve(connection);
            _exit(0);
        }
        close(connection);
    }
}
