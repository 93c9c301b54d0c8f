// Lines to Falco's log. Only from inside Falco's calls: the function belongs to its owner's threads.
#pragma once

#include "shared/falco_abi.h"

struct logger {
    falco_log_fn write;  // NULL: nobody listens
    void *owner;
};

// One line of at most LOG_MAX bytes; control characters become spaces.
void log_line(const struct logger *logger, enum falco_severity severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Makes a text one harmless line, in place, and takes away a character that was cut at its end (UTF-8).
void log_clean(char *text);
