// What a test's program expects, or it ends with a line that says what was not so.
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%d: %s does not hold: %s\n", __LINE__, #condition, strerror(errno)); \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)
