// Finds the program in the library's own file, and keeps its copy on disk as it should be.
#define _GNU_SOURCE
#include "host/carried.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "constants.h"
#include "host/explain.h"
#include "shared/clock.h"

// The copy's name: that of its bytes (build.ts), so that two versions are never one file.
#ifndef CARRIED_NAME
#define CARRIED_NAME PROGRAM_NAME "-" BUILD_ID
#endif

// The copy while it is written.
#define NEW_NAME ".new"
#define SECTIONS_MAX 256u
#define CHUNK_BYTES (1u << 20)

// Where the program lies in the library's file.
struct part {
    int file;
    off_t at;
    off_t bytes;
};

static bool read_exactly(int file, void *to, size_t bytes, off_t at) {
    return pread(file, to, bytes, at) == (ssize_t)bytes;
}

static bool has_name(int file, const Elf64_Shdr *names, const Elf64_Shdr *section) {
    char name[sizeof CARRIED_SECTION];
    return section->sh_name < names->sh_size &&
           read_exactly(file, name, sizeof name, (off_t)(names->sh_offset + section->sh_name)) &&
           memcmp(name, CARRIED_SECTION, sizeof name) == 0;
}

static bool find_section(struct part *part) {
    Elf64_Ehdr header;
    Elf64_Shdr names, section;
    struct stat found;
    if (!read_exactly(part->file, &header, sizeof header, 0) || fstat(part->file, &found) != 0) return false;
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_shentsize != sizeof section) return false;
    if (header.e_shnum > SECTIONS_MAX || header.e_shstrndx >= header.e_shnum) return false;
    const off_t table = (off_t)header.e_shoff;
    if (!read_exactly(part->file, &names, sizeof names, table + header.e_shstrndx * (off_t)sizeof names)) return false;
    for (unsigned i = 0; i < header.e_shnum; i++) {
        if (!read_exactly(part->file, &section, sizeof section, table + i * (off_t)sizeof section)) return false;
        if (section.sh_type != SHT_PROGBITS || !has_name(part->file, &names, &section)) continue;
        const uint64_t size = (uint64_t)found.st_size;
        if (section.sh_offset > size || section.sh_size > size - section.sh_offset) return false;
        part->at = (off_t)section.sh_offset;
        part->bytes = (off_t)section.sh_size;
        return part->bytes > 0;
    }
    return false;
}

// Opens the library and finds the program in it; closed where there is none.
static bool open_part(const char *library, struct part *part) {
    part->file = open(library, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (part->file < 0) return false;
    if (find_section(part)) return true;
    close(part->file);
    return false;
}

bool carried_by(const char *library) {
    struct part part;
    if (!open_part(library, &part)) return false;
    close(part.file);
    return true;
}

// Whether a file has the program's bytes, and no more.
static bool same_bytes(const struct part *part, int file) {
    struct stat found;
    if (fstat(file, &found) != 0 || !S_ISREG(found.st_mode) || found.st_size != part->bytes) return false;
    char *mine = malloc(2 * (size_t)CHUNK_BYTES);
    if (mine == NULL) return false;
    char *theirs = mine + CHUNK_BYTES;
    bool same = true;
    for (off_t at = 0; same && at < part->bytes;) {
        const off_t left = part->bytes - at;
        const size_t bytes = left < (off_t)CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
        same = read_exactly(part->file, mine, bytes, part->at + at) && read_exactly(file, theirs, bytes, at) &&
               memcmp(mine, theirs, bytes) == 0;
        at += (off_t)bytes;
    }
    free(mine);
    return same;
}

bool carried_equals(const char *library, const char *path) {
    struct part part;
    if (access(path, X_OK) != 0 || !open_part(library, &part)) return false;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    const bool same = file >= 0 && same_bytes(&part, file);
    if (file >= 0) close(file);
    close(part.file);
    return same;
}

// Copies the program; the file system shares the bytes where it can. 0, or an errno.
static int copy_to(const struct part *part, int file, uint64_t deadline) {
    off_t from = part->at, to = 0;
    bool by_kernel = true;
    char *buffer = NULL;
    int error = 0;
    while (error == 0 && to < part->bytes) {
        const off_t left = part->bytes - to;
        size_t bytes = left < 16 * (off_t)CHUNK_BYTES ? (size_t)left : 16 * (size_t)CHUNK_BYTES;
        ssize_t copied;
        if (by_kernel) {
            copied = (ssize_t)syscall(SYS_copy_file_range, part->file, &from, file, &to, bytes, 0);
            if (copied > 0) continue;
            // Another file system, an old kernel, a library that was cut: what reads and writes do says which.
            by_kernel = false;
            buffer = malloc(CHUNK_BYTES);
            if (buffer == NULL) return ENOMEM;
        }
        if (bytes > CHUNK_BYTES) bytes = CHUNK_BYTES;
        copied = pread(part->file, buffer, bytes, from);
        if (copied > 0) copied = pwrite(file, buffer, (size_t)copied, to);
        if (copied < 0) error = errno;
        else if (copied == 0) error = EIO;
        else {
            from += copied;
            to += copied;
        }
        if (clock_now() >= deadline) error = ETIMEDOUT;
    }
    free(buffer);
    return error;
}

// Whether only this user can have written the file, or can yet.
static bool is_ours(const struct stat *found) {
    return S_ISREG(found->st_mode) && found->st_uid == geteuid() && found->st_nlink == 1 &&
           (found->st_mode & 07777) == 0700;
}

// Whether the folder has the copy as it should be, which is then what carried->seen tells of.
static bool has_copy(struct carried *carried, const struct part *part, int folder) {
    const int file = openat(folder, CARRIED_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return false;
    const bool good = fstat(file, &carried->seen) == 0 && is_ours(&carried->seen) && same_bytes(part, file);
    close(file);
    return good;
}

// Removes what other versions left, and a copy that was never finished.
static void remove_others(int folder) {
    DIR *entries = fdopendir(dup(folder));
    if (entries == NULL) return;
    rewinddir(entries);
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        const char *name = entry->d_name;
        const bool old = strncmp(name, PROGRAM_NAME "-", sizeof PROGRAM_NAME) == 0 && strcmp(name, CARRIED_NAME) != 0;
        if (old || strcmp(name, NEW_NAME) == 0) unlinkat(folder, name, 0);
    }
    closedir(entries);
}

static bool refuse(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(char *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, ERROR_MAX, format, arguments);
    va_end(arguments);
    return false;
}

#define ELSEWHERE "; name another folder in the setting programdir, or put " PROGRAM_NAME " beside libdocker.so"

static bool make_copy(struct carried *carried, const struct part *part, int folder, const char *name, uint64_t deadline,
                      char *error) {
    remove_others(folder);
    const int file = openat(folder, NEW_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0700);
    if (file < 0) return refuse(error, "cannot write to %s: %s" ELSEWHERE, name, strerror(errno));
    int why = fchmod(file, 0700) == 0 ? copy_to(part, file, deadline) : errno;
    close(file);
    if (why == 0 && renameat(folder, NEW_NAME, folder, CARRIED_NAME) != 0) why = errno;
    if (why != 0) unlinkat(folder, NEW_NAME, 0);
    if (why == ENOSPC || why == EDQUOT)
        return refuse(error, "%s has no room for the %lld MiB of " PROGRAM_NAME ELSEWHERE, name,
                      (long long)(part->bytes >> 20) + 1);
    if (why == ETIMEDOUT)
        return refuse(error, "%s is too slow: " PROGRAM_NAME " could not be written there in time", name);
    if (why != 0) return refuse(error, "cannot put " PROGRAM_NAME " into %s: %s" ELSEWHERE, name, strerror(why));
    if (has_copy(carried, part, folder)) return true;
    return refuse(error, "what was written to %s is not what is there: is somebody else writing to it?", name);
}

// The folder, for this user alone to write to. Its descriptor, or -1 with why.
static int open_folder(const char *name, char *error) {
    if (mkdir(name, 0700) != 0 && errno != EEXIST) {
        refuse(error, "cannot make the folder %s: %s" ELSEWHERE, name, strerror(errno));
        return -1;
    }
    const int folder = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat found;
    struct statvfs mounted;
    if (folder < 0) {
        const char *why = errno == ENOTDIR || errno == ELOOP ? "it is no folder, or a link to one" : strerror(errno);
        refuse(error, "%s cannot be used: %s" ELSEWHERE, name, why);
    } else if (fstat(folder, &found) != 0 || found.st_uid != geteuid() || (found.st_mode & 022) != 0) {
        refuse(error, "others than Falco's user may write to %s: it does not start a program from there" ELSEWHERE,
               name);
    } else if (fstatvfs(folder, &mounted) == 0 && (mounted.f_flag & ST_NOEXEC) != 0) {
        refuse(error, "%s lies in a file system that is mounted noexec" ELSEWHERE, name);
    } else {
        return folder;
    }
    if (folder >= 0) close(folder);
    return -1;
}

// Two Falcos that start at once: the second one finds what the first has made. The kernel unlocks with the descriptor.
static bool lock_folder(int folder, const char *name, uint64_t deadline, char *error) {
    while (flock(folder, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return refuse(error, "%s cannot be locked: %s" ELSEWHERE, name, strerror(errno));
        if (clock_now() >= deadline) return refuse(error, "another process holds %s: it does not end", name);
        clock_sleep(5);
    }
    return true;
}

bool carried_unpack(struct carried *carried, const char *library, const char *folder, uint64_t deadline, char *error) {
    struct part part;
    const int length = snprintf(carried->path, sizeof carried->path, "%s/" CARRIED_NAME, folder);
    if (length < 0 || (size_t)length >= sizeof carried->path)
        return refuse(error, "the path of programdir is too long");
    if (!open_part(library, &part)) return refuse(error, "%s no longer carries its program: was it replaced?", library);
    const int opened = open_folder(folder, error);
    const bool there = opened >= 0 && lock_folder(opened, folder, deadline, error) &&
                       (has_copy(carried, &part, opened) || make_copy(carried, &part, opened, folder, deadline, error));
    if (opened >= 0) close(opened);
    close(part.file);
    return there;
}

bool carried_untouched(const struct carried *carried) {
    struct stat now;
    const struct stat *seen = &carried->seen;
    return lstat(carried->path, &now) == 0 && now.st_dev == seen->st_dev && now.st_ino == seen->st_ino &&
           now.st_size == seen->st_size && now.st_mode == seen->st_mode && now.st_uid == seen->st_uid &&
           now.st_nlink == seen->st_nlink && now.st_ctim.tv_sec == seen->st_ctim.tv_sec &&
           now.st_ctim.tv_nsec == seen->st_ctim.tv_nsec;
}
