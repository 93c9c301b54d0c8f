// A pipe that nobody waits for, and the lines in it.
#define _GNU_SOURCE
#include "host/stderr.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "shared/fd.h"

int stderr_open(struct stderr_pipe *pipe, int *theirs) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
    const int rc = fd_raise_both(ends);
    pipe->fd = ends[0];
    *theirs = ends[1];
    pipe->used = 0;
    return rc;
}

// Hands over the first `length` bytes, and forgets them with the newline behind them.
static void tell(struct stderr_pipe *pipe, const struct logger *logger, size_t length, size_t with_end) {
    assert(length <= with_end && with_end <= pipe->used && pipe->used <= STDERR_LINE_MAX);
    for (size_t i = 0; i < length; i++)
        if (pipe->text[i] == 0) pipe->text[i] = ' ';
    if (length > 0) log_line(logger, FALCO_ERROR, "the runtime's standard error: %.*s", (int)length, pipe->text);
    pipe->used -= with_end;
    memmove(pipe->text, pipe->text + with_end, pipe->used);
}

void stderr_read(struct stderr_pipe *pipe, const struct logger *logger, uint32_t *budget) {
    if (pipe->fd < 0) return;
    while (*budget > 0) {
        const char *end = memchr(pipe->text, '\n', pipe->used);
        if (end != NULL || pipe->used == STDERR_LINE_MAX) {
            const size_t length = end == NULL ? pipe->used : (size_t)(end - pipe->text);
            // An empty one is passed over and costs as much.
            tell(pipe, logger, length, end == NULL ? length : length + 1);
            --*budget;
            continue;
        }
        const ssize_t bytes = read(pipe->fd, pipe->text + pipe->used, STDERR_LINE_MAX - pipe->used);
        if (bytes <= 0) return;
        pipe->used += (size_t)bytes;
    }
}

void stderr_close(struct stderr_pipe *pipe, const struct logger *logger, uint32_t *budget) {
    stderr_read(pipe, logger, budget);
    if (pipe->fd >= 0 && *budget > 0 && pipe->used > 0) {
        tell(pipe, logger, pipe->used, pipe->used);
        --*budget;
    }
    if (pipe->fd >= 0) close(pipe->fd);
    pipe->fd = -1;
    pipe->used = 0;
}
