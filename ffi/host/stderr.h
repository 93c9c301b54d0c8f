// What the runtime says on its standard error, as lines of Falco's log: there a crash says why.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "shared/log.h"

// What is longer comes as several lines.
#define STDERR_LINE_MAX 1024

struct stderr_pipe {
    int fd;  // -1: none
    size_t used;
    char text[STDERR_LINE_MAX + 1];
};

// Makes the pipe; the runtime's end, close-on-exec, goes to *theirs. Who fills it loses what it does not take, and neither
// side ever waits. 0, or -1 with errno.
int stderr_open(struct stderr_pipe *pipe, int *theirs);
// Hands the whole lines that are there to Falco, at most *budget, which becomes less by as many.
void stderr_read(struct stderr_pipe *pipe, const struct logger *logger, uint32_t *budget);
// The same with what ended in the middle of a line, and closes the pipe: once the runtime is gone.
void stderr_close(struct stderr_pipe *pipe, const struct logger *logger, uint32_t *budget);
