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
#include "shared/fd.h"

// The copy's name: that of its bytes (build.ts), so that two versions are never one file.
#ifndef CARRIED_NAME
#define CARRIED_NAME PROGRAM_NAME "-" BUILD_ID
#endif
const char CARRIED_FILE[] = CARRIED_NAME;
#define HASH_DIGITS 32u

// The copy while it is written: locked by whoever writes it.
#define NEW_NAME "." PROGRAM_NAME ".new"
#define SECTIONS_MAX 256u
// What is copied or compared between two looks at the clock.
#define CHUNK_BYTES (256u << 10)

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

// Opens a file that may be anything; no descriptor of ours is one that Falco might print to.
static int open_file(int folder, const char *name, int flags) {
    return fd_raise(openat(folder, name, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0700));
}

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

// Opens the library and finds the program in it; closed where there is none.
static bool open_part(const char *library, struct part *part) {
    part->file = open_file(AT_FDCWD, library, O_RDONLY);
    if (part->file < 0) return false;
    if (find_section(part)) return true;
    close_fd(&part->file);
    errno = 0;
    return false;
}

void carried_create(struct carried *carried) {
    *carried = (struct carried){.copy = -1, .part = {.file = -1}, .opened = -1, .file = -1};
}

bool carried_by(struct carried *carried, const char *library) {
    struct part part;
    snprintf(carried->library, sizeof carried->library, "%s", library);
    if (!open_part(library, &part)) return false;
    const bool known = fstat(part.file, &carried->found) == 0;
    close(part.file);
    return known;
}

bool carried_into(struct carried *carried, const char *folder) {
    const int length = snprintf(carried->path, sizeof carried->path, "%s/" CARRIED_NAME, folder);
    if (length < 0 || (size_t)length >= sizeof carried->path) return false;
    snprintf(carried->folder, sizeof carried->folder, "%s", folder);
    return true;
}

static size_t chunk_at(const struct part *part, off_t at) {
    const off_t left = part->bytes - at;
    return left < (off_t)CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
}

// Whether the next piece of a file is the program's; `buffer` has room for two.
static bool same_chunk(const struct part *part, int file, off_t at, char *buffer) {
    const size_t bytes = chunk_at(part, at);
    return read_exactly(part->file, buffer, bytes, part->at + at) &&
           read_exactly(file, buffer + CHUNK_BYTES, bytes, at) && memcmp(buffer, buffer + CHUNK_BYTES, bytes) == 0;
}

bool carried_equals(const struct carried *carried, const char *path, uint64_t deadline) {
    struct part part;
    struct stat found;
    if (access(path, X_OK) != 0 || !open_part(carried->library, &part)) return false;
    const int file = open_file(AT_FDCWD, path, O_RDONLY);
    char *buffer = malloc(2 * (size_t)CHUNK_BYTES);
    bool same = file >= 0 && buffer != NULL && fstat(file, &found) == 0 && S_ISREG(found.st_mode) &&
                found.st_size == part.bytes;
    for (off_t at = 0; same && at < part.bytes; at += (off_t)chunk_at(&part, at))
        same = same_chunk(&part, file, at, buffer) && clock_now() < deadline;
    free(buffer);
    if (file >= 0) close(file);
    close(part.file);
    return same;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

// Whether nothing has touched the file in between.
static bool untouched(const struct stat *a, const struct stat *b) {
    return same_file(a, b) && a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_nlink == b->st_nlink &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

// Whether only this user can have written the file, or can yet.
static bool is_ours(const struct stat *found) {
    return S_ISREG(found->st_mode) && found->st_uid == geteuid() && found->st_nlink == 1 &&
           (found->st_mode & 07777) == 0700;
}

// Whether the copy in the folder is the one that `seen` tells of.
static bool is_seen(const struct carried *carried, int folder) {
    struct stat now;
    return fstatat(folder, CARRIED_NAME, &now, AT_SYMLINK_NOFOLLOW) == 0 && untouched(&now, &carried->seen);
}

static enum carried_state refuse(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static enum carried_state refuse(char *error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, ERROR_MAX, format, arguments);
    va_end(arguments);
    return CARRIED_FAILED;
}

#define ELSEWHERE "; name another folder in the setting programdir, or put " PROGRAM_NAME " beside libdocker.so"

// The folder, for this user alone to write to. Its descriptor, or -1 with why.
static int open_folder(const char *name, char *error) {
    if (mkdir(name, 0700) != 0 && errno != EEXIST) {
        refuse(error, "cannot make the folder %s: %s" ELSEWHERE, name, strerror(errno));
        return -1;
    }
    int folder = open_file(AT_FDCWD, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
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
    close_fd(&folder);
    return -1;
}

// Whether the name still is that of the open file.
static bool is_named(int folder, const char *name, int file) {
    struct stat named, opened;
    return fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(file, &opened) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

// Removes a file that nobody has locked: who uses or writes it would have. It stays locked here until it is gone, or the
// name might be another file's by then. False with errno 0 where it is in use or was replaced, else with why.
static bool remove_left(int folder, const char *name) {
    const int file = open_file(folder, name, O_RDONLY | O_NOFOLLOW);
    if (file < 0) return false;
    const bool left = flock(file, LOCK_EX | LOCK_NB) == 0 && is_named(folder, name, file);
    errno = 0;
    const bool removed = left && unlinkat(folder, name, 0) == 0;
    const int error = errno;
    close(file);
    errno = error;
    return removed;
}

// Whether a name is that of some version's copy, and nothing that somebody else may have put there.
static bool is_copy(const char *name) {
    const size_t prefix = sizeof PROGRAM_NAME;  // with the dash
    return strncmp(name, PROGRAM_NAME "-", prefix) == 0 && strlen(name) == prefix + HASH_DIGITS &&
           strspn(name + prefix, "0123456789abcdef") == HASH_DIGITS;
}

// Removes what other versions left, and no Falco uses.
static void remove_others(int folder) {
    const int copy = fd_raise(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (entries == NULL) {
        if (copy >= 0) close(copy);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        const char *name = entry->d_name;
        if (is_copy(name) && strcmp(name, CARRIED_NAME) != 0) remove_left(folder, name);
    }
    closedir(entries);
}

// The steps ------------------------------------------------------------------------------------------------------------

static enum carried_state begin(struct carried *carried, char *error) {
    struct stat now;
    const bool found = open_part(carried->library, &carried->part);
    if (!found && errno != 0) return refuse(error, "%s cannot be read: %s", carried->library, strerror(errno));
    if (!found || fstat(carried->part.file, &now) != 0 || !same_file(&now, &carried->found))
        return refuse(error, "%s was replaced: restart Falco, which still has the one before", carried->library);
    carried->opened = open_folder(carried->folder, error);
    if (carried->opened < 0) return CARRIED_FAILED;
    carried->buffer = malloc(2 * (size_t)CHUNK_BYTES);
    if (carried->buffer == NULL) return refuse(error, "out of memory");
    carried->fresh = false;
    carried->step = UNPACK_FIND;
    return CARRIED_WORKING;
}

// Whether another copy is there than `seen` tells of.
static bool has_changed(const struct carried *carried) {
    struct stat now;
    return fstatat(carried->opened, CARRIED_NAME, &now, AT_SYMLINK_NOFOLLOW) == 0 && !untouched(&now, &carried->seen);
}

// Begins to write a copy, where no other process does.
static enum carried_state begin_new(struct carried *carried, char *error) {
    carried->step = UNPACK_FIND;
    carried->file = open_file(carried->opened, NEW_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (carried->file < 0 && errno == EEXIST) {
        if (remove_left(carried->opened, NEW_NAME)) return CARRIED_WORKING;
        if (errno != 0 && errno != ENOENT)
            return refuse(error, "cannot remove %s/" NEW_NAME ": %s", carried->folder, strerror(errno));
        clock_sleep(5);
        return CARRIED_WORKING;
    }
    if (carried->file < 0) return refuse(error, "cannot write to %s: %s" ELSEWHERE, carried->folder, strerror(errno));
    const bool locked = flock(carried->file, LOCK_EX | LOCK_NB) == 0;
    const bool is_taken = locked ? !is_named(carried->opened, NEW_NAME, carried->file) : errno == EWOULDBLOCK;
    if (is_taken) {
        // By one that took it for left: that removes it, or has.
        close_fd(&carried->file);
        return CARRIED_WORKING;
    }
    carried->step = UNPACK_WRITE;
    carried->at = 0;
    carried->by_kernel = true;
    if (!locked) return refuse(error, "%s cannot be locked: %s" ELSEWHERE, carried->folder, strerror(errno));
    // As long as it is locked nobody else puts a copy there; before that somebody may have.
    if (has_changed(carried)) {
        unlinkat(carried->opened, NEW_NAME, 0);
        close_fd(&carried->file);
        carried->step = UNPACK_FIND;
        return CARRIED_WORKING;
    }
    if (fchmod(carried->file, 0700) != 0)
        return refuse(error, "cannot write to %s: %s" ELSEWHERE, carried->folder, strerror(errno));
    remove_others(carried->opened);
    return CARRIED_WORKING;
}

static enum carried_state refuse_fresh(const struct carried *carried, char *error) {
    return refuse(error, "what was written to %s is not what is there: is somebody else writing to it?",
                  carried->folder);
}

// Looks at the copy that is there.
static enum carried_state find(struct carried *carried, char *error) {
    struct stat now;
    if (fstatat(carried->opened, CARRIED_NAME, &carried->seen, AT_SYMLINK_NOFOLLOW) != 0)
        carried->seen = (struct stat){0};
    carried->file = open_file(carried->opened, CARRIED_NAME, O_RDONLY | O_NOFOLLOW);
    if (carried->file >= 0 && fstat(carried->file, &now) == 0 && untouched(&now, &carried->seen) &&
        is_ours(&carried->seen) && carried->seen.st_size == carried->part.bytes) {
        // Where that is not possible it is removed under our hands, at worst, and unpacked again.
        flock(carried->file, LOCK_SH | LOCK_NB);
        carried->at = 0;
        carried->step = UNPACK_COMPARE;
        return CARRIED_WORKING;
    }
    if (carried->file >= 0 && carried->fresh) return refuse_fresh(carried, error);
    close_fd(&carried->file);
    return begin_new(carried, error);
}

static enum carried_state compare(struct carried *carried, char *error) {
    if (carried->at < carried->part.bytes && same_chunk(&carried->part, carried->file, carried->at, carried->buffer)) {
        carried->at += (off_t)chunk_at(&carried->part, carried->at);
        return CARRIED_WORKING;
    }
    if (carried->at == carried->part.bytes && is_seen(carried, carried->opened)) return CARRIED_READY;
    // Another version's Falco may have taken it for one that nobody uses, before it was locked.
    const bool is_there = is_named(carried->opened, CARRIED_NAME, carried->file);
    close_fd(&carried->file);
    return carried->fresh && is_there ? refuse_fresh(carried, error) : begin_new(carried, error);
}

// Copies the next piece; the file system shares the bytes where it can. 0, or an errno.
static int copy_chunk(struct carried *carried) {
    const struct part *part = &carried->part;
    off_t from = part->at + carried->at, to = carried->at;
    const size_t bytes = chunk_at(part, to);
    if (carried->by_kernel) {
        const long copied = syscall(SYS_copy_file_range, part->file, &from, carried->file, &to, bytes, 0);
        if (copied > 0) {
            carried->at += copied;
            return 0;
        }
        // Another file system, an old kernel, a library that was cut: what reads and writes do says which.
        carried->by_kernel = false;
    }
    ssize_t copied = pread(part->file, carried->buffer, bytes, from);
    if (copied > 0) copied = pwrite(carried->file, carried->buffer, (size_t)copied, to);
    if (copied <= 0) return copied < 0 ? errno : EIO;
    carried->at += copied;
    return 0;
}

static enum carried_state write_new(struct carried *carried, char *error) {
    int why = copy_chunk(carried);
    if (why == 0 && carried->at < carried->part.bytes) return CARRIED_WORKING;
    if (why == 0 && renameat(carried->opened, NEW_NAME, carried->opened, CARRIED_NAME) != 0) why = errno;
    if (why == ENOSPC || why == EDQUOT)
        return refuse(error, "%s has no room for the %lld MiB of " PROGRAM_NAME ELSEWHERE, carried->folder,
                      (long long)(carried->part.bytes >> 20) + 1);
    if (why != 0)
        return refuse(error, "cannot put " PROGRAM_NAME " into %s: %s" ELSEWHERE, carried->folder, strerror(why));
    // It cannot be started as long as it may be written to.
    close_fd(&carried->file);
    carried->fresh = true;
    carried->step = UNPACK_FIND;
    return CARRIED_WORKING;
}

static enum carried_state go_on(struct carried *carried, char *error) {
    switch (carried->step) {
        case UNPACK_FIND:
            return find(carried, error);
        case UNPACK_WRITE:
            return write_new(carried, error);
        case UNPACK_COMPARE:
            return compare(carried, error);
        case UNPACK_NOTHING:
            break;
    }
    return begin(carried, error);
}

// Hands out the folder, if it still has the copy that was compared.
static bool is_ready(const struct carried *carried, int *opened, char *error) {
    if (carried->copy < 0) return false;
    *opened = open_folder(carried->folder, error);
    if (*opened >= 0 && is_seen(carried, *opened)) return true;
    close_fd(opened);
    return false;
}

enum carried_state carried_unpack(struct carried *carried, uint64_t until, int *opened, char *error) {
    if (carried->step == UNPACK_NOTHING) {
        if (is_ready(carried, opened, error)) return CARRIED_READY;
        close_fd(&carried->copy);
    }
    enum carried_state state;
    do state = go_on(carried, error);
    while (state == CARRIED_WORKING && clock_now() < until);
    if (state == CARRIED_WORKING) return state;
    if (state == CARRIED_READY) {
        carried->copy = carried->file;
        *opened = carried->opened;
        carried->file = carried->opened = -1;
    }
    carried_stop(carried);
    return state;
}

void carried_stop(struct carried *carried) {
    if (carried->step == UNPACK_WRITE) unlinkat(carried->opened, NEW_NAME, 0);
    carried->step = UNPACK_NOTHING;
    close_fd(&carried->file);
    close_fd(&carried->opened);
    close_fd(&carried->part.file);
    free(carried->buffer);
    carried->buffer = NULL;
}

void carried_free(struct carried *carried) {
    carried_stop(carried);
    close_fd(&carried->copy);
}
