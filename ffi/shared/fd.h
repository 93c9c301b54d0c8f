// File descriptors that stay out of the way.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

// Descriptors of ours stay clear of the numbers a program expects its own files at: a host may have closed 0, 1 and 2,
// and what it prints must not end up in our memory.
#define FD_MIN 16

// Moves a descriptor up to FD_MIN or above, close-on-exec. Returns the new one, or -1 with errno and both closed; an
// invalid one stays what it is.
static inline int fd_raise(int fd) {
    if (fd < 0) return -1;
    const int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
    const int error = errno;
    close(fd);
    errno = error;
    return high;
}

// Raises both ends of a pipe or a socket pair. 0, or -1 with errno and both closed and -1.
static inline int fd_raise_both(int ends[2]) {
    ends[0] = fd_raise(ends[0]);
    int error = errno;
    ends[1] = fd_raise(ends[1]);
    if (ends[0] >= 0 && ends[1] >= 0) return 0;
    if (ends[1] < 0) error = errno;
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0) close(ends[i]);
        ends[i] = -1;
    }
    errno = error;
    return -1;
}
