// Processes that unpack the same program into the same folder at once, as Falcos do that share it; each looks at the lock
// of what another one writes at the worst moment.
//   unpack LIBRARY FOLDER ROUNDS      exits 0; compiled with -Dflock=late_flock, together with carried.c
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "constants.h"
#include "host/carried.h"
#include "shared/clock.h"

#define PROCESSES 6
#define PATIENCE_MS 10000u

int late_flock(int file, int how) {
    clock_sleep((unsigned)rand() % 4);
    const int rc = (int)syscall(SYS_flock, file, how);
    const int error = errno;
    clock_sleep((unsigned)rand() % 4);
    errno = error;
    return rc;
}

// 0, or 1 with why on its standard error.
static int unpack(const char *library, const char *folder) {
    struct carried carried;
    char error[ERROR_MAX] = "it was not done in time";
    int opened = -1;
    carried_create(&carried);
    CHECK(carried_by(&carried, library) && carried_into(&carried, folder));
    const uint64_t deadline = clock_now() + PATIENCE_MS * NS_PER_MS;
    enum carried_state state;
    do state = carried_unpack(&carried, clock_now() + NS_PER_MS, &opened, error);
    while (state == CARRIED_WORKING && clock_now() < deadline);
    if (state != CARRIED_READY) fprintf(stderr, "%s\n", error);
    carried_free(&carried);
    return state != CARRIED_READY;
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    int failed = 0;
    for (int round = 0; round < atoi(argv[3]); round++) {
        char copy[512];
        snprintf(copy, sizeof copy, "%s/%s", argv[2], CARRIED_FILE);
        unlink(copy);
        // In every other round there is one that is not right.
        const int file = round % 2 == 0 ? -1 : open(copy, O_WRONLY | O_CREAT | O_EXCL, 0700);
        if (file >= 0) CHECK(write(file, "wrong", 5) == 5 && close(file) == 0);
        for (int i = 0; i < PROCESSES; i++) {
            if (fork() != 0) continue;
            srand((unsigned)(round * PROCESSES + i));
            _exit(unpack(argv[1], argv[2]));
        }
        for (int i = 0, status; i < PROCESSES; i++) failed += wait(&status) > 0 && status != 0;
    }
    return failed > 0;
}
