// The program that the library's file may carry: in a section that is never loaded, so that one file can be installed.
// It is copied once into a folder of its own, from where it can be started.
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define CARRIED_SECTION ".docker_plugin"

struct carried {
    char path[PATH_MAX];  // of the copy
    struct stat seen;  // of the copy, when its bytes were last compared
};

// Whether the library's file at `library` carries a program.
bool carried_by(const char *library);

// Whether the file at `path` can be started and has the very bytes of the program that `library` carries.
bool carried_equals(const char *library, const char *path);

// Sees to it that `folder` holds the program that `library` carries, byte for byte, and nobody else can write to it; says
// where in carried->path. Makes the folder, removes copies of other versions. Waits for another process that does the same.
// False with why in `error` (ERROR_MAX bytes), `deadline` (clock.h) having passed among the reasons.
bool carried_unpack(struct carried *carried, const char *library, const char *folder, uint64_t deadline, char *error);

// Whether the copy is the one that was compared: nothing has touched it since.
bool carried_untouched(const struct carried *carried);
