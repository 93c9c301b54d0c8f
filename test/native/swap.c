// Somebody who owns a folder exchanges two names in it, again and again, until its standard input ends.
//   swap ONE OTHER      prints a line once it has begun
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define EXCHANGE 2  // RENAME_EXCHANGE, Linux 3.15

int main(int argc, char **argv) {
    CHECK(argc == 3);
    struct pollfd input = {.fd = 0, .events = POLLIN};
    for (unsigned long i = 0; poll(&input, 1, 0) == 0; i++) {
        CHECK(syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], EXCHANGE) == 0);
        if (i == 0) {
            puts("begun");
            fflush(stdout);
        }
    }
}
