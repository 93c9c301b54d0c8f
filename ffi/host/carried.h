// The program that the library's file may carry: in a section that is never loaded, so that one file can be installed.
// It is copied once into a folder of its own, from where it can be started.
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define CARRIED_SECTION ".docker_plugin"

// Where the program lies in the library's file.
struct part {
    int file;
    off_t at, bytes;
};

struct carried {
    char library[PATH_MAX];
    struct stat found;  // the library's file, when the host looked at it first
    char folder[PATH_MAX];
    char path[PATH_MAX];  // of the copy
    // The copy whose bytes were compared; locked, so that no other version removes it. -1: none.
    int copy;
    struct stat seen;  // of that copy, when it was compared; of what is there, while one is looked for

    // What is going on at the moment.
    enum { UNPACK_NOTHING, UNPACK_FIND, UNPACK_WRITE, UNPACK_COMPARE } step;
    struct part part;
    int opened;  // the folder
    int file;  // the copy that is written or compared
    off_t at;  // so far
    bool by_kernel;  // it copies
    bool fresh;  // this very unpacking wrote what is compared
    char *buffer;
};

// What comes before all else: nothing is open.
void carried_create(struct carried *carried);
// Looks for a program in the library's file. False where there is none, with errno 0, or the file cannot be read.
bool carried_by(struct carried *carried, const char *library);
// Whether the file at `path` can be started and has the very bytes of the carried program; not where `deadline` (clock.h)
// passes before that is known.
bool carried_equals(const struct carried *carried, const char *path, uint64_t deadline);
// Says where the program is to go. False where the path is too long.
bool carried_into(struct carried *carried, const char *folder);

enum carried_state {
    CARRIED_READY,
    CARRIED_WORKING,
    CARRIED_FAILED,
};

// Sees to it that the folder holds the program, byte for byte, and nobody else can write to it: at once where nothing has
// touched it since that was last seen, and else a piece at a time, for about as long as `until` (clock.h), as a call of
// Falco's may not take as long as all of it. Makes the folder, removes copies of other versions that no Falco uses, waits
// for another process that does the same. READY: *opened is the folder itself, in which the program is to be started,
// whatever becomes of its path; the caller closes it. FAILED: why is in `error` (ERROR_MAX bytes).
enum carried_state carried_unpack(struct carried *carried, uint64_t until, int *opened, char *error);
// Gives up what is going on, and leaves no part of it.
void carried_stop(struct carried *carried);
// The same, and lets go of the copy.
void carried_free(struct carried *carried);

// The copy's name in its folder.
extern const char CARRIED_FILE[];
