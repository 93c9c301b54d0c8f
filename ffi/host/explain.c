// Looks at the program, the file system and this process for the cause of what the kernel only gives a number for.
#define _GNU_SOURCE
#include "host/explain.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#error "x86-64 and arm64 only"
#endif

#define INTERPRETER_MAX 256

// The beginning of a program's file: its ELF header, or whatever is there instead. How many bytes that is.
static size_t read_header(const char *program, Elf64_Ehdr *header) {
    const int file = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) return 0;
    const ssize_t bytes = pread(file, header, sizeof *header, 0);
    close(file);
    return bytes < 0 ? 0 : (size_t)bytes;
}

static bool is_elf(const Elf64_Ehdr *header, size_t bytes) {
    return bytes == sizeof *header && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0;
}

// What loads a program: the path of its dynamic loader, or that of a script's interpreter. Empty where there is none.
static void find_interpreter(const char *program, char name[INTERPRETER_MAX]) {
    Elf64_Ehdr header;
    const size_t bytes = read_header(program, &header);
    const int file = open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t length = 0;
    off_t at = 2;
    if (is_elf(&header, bytes) && header.e_phentsize == sizeof(Elf64_Phdr)) {
        at = 0;
        for (unsigned i = 0; i < header.e_phnum; i++) {
            Elf64_Phdr part;
            const off_t place = (off_t)(header.e_phoff + i * sizeof part);
            if (pread(file, &part, sizeof part, place) != sizeof part) break;
            if (part.p_type == PT_INTERP) at = (off_t)part.p_offset;
        }
    }
    const bool is_script = bytes > 2 && memcmp(&header, "#!", 2) == 0;
    if (at > 2 || is_script) length = pread(file, name, INTERPRETER_MAX - 1, at);
    name[length < 0 ? 0 : length] = 0;
    if (is_script) name[strcspn(name + strspn(name, " \t"), " \t\n") + strspn(name, " \t")] = 0;
    if (file >= 0) close(file);
}

static void explain_missing(const char *program, char *text, size_t max) {
    if (access(program, F_OK) != 0) {
        snprintf(text, max,
                 "%s is missing: install " PROGRAM_NAME
                 " in the folder of libdocker.so, or name another place in the "
                 "environment variable " PROGRAM_VARIABLE,
                 program);
        return;
    }
    char interpreter[INTERPRETER_MAX];
    find_interpreter(program, interpreter);
    snprintf(text, max,
             "%s is there, but what loads it is missing here (%s): " PROGRAM_NAME
             " needs a system with glibc, so not "
             "Alpine or another one with musl",
             program, *interpreter == 0 ? "unknown" : interpreter + strspn(interpreter, " \t"));
}

static void explain_denied(const char *program, int error, char *text, size_t max) {
    struct stat found;
    struct statvfs mounted;
    if (stat(program, &found) != 0)
        snprintf(text, max, "%s cannot be reached: %s; may Falco search each folder above it?", program,
                 strerror(errno));
    else if (!S_ISREG(found.st_mode))
        snprintf(text, max, "%s is no file: put the program " PROGRAM_NAME " there", program);
    else if (access(program, X_OK) != 0 && (found.st_mode & 0111) != 0111)
        snprintf(text, max, "%s is not executable: chmod 755 it", program);
    else if (statvfs(program, &mounted) == 0 && (mounted.f_flag & ST_NOEXEC) != 0)
        snprintf(text, max, "%s lies in a file system that is mounted noexec: move it, and libdocker.so with it",
                 program);
    else
        snprintf(text, max,
                 "%s may not be started: %s; a security module or a seccomp filter forbids it (with systemd, see "
                 "NoExecPaths= and SystemCallFilter= of Falco's unit)",
                 program, strerror(error));
}

static void explain_no_program(const char *program, char *text, size_t max) {
    Elf64_Ehdr header;
    const size_t bytes = read_header(program, &header);
    if (is_elf(&header, bytes) && header.e_machine != OWN_MACHINE)
        snprintf(text, max, "%s is made for another processor: install the release for this machine's", program);
    else snprintf(text, max, "%s is no program that this machine could start: install it again", program);
}

void explain_start(const char *program, enum spawn_step step, int error, char *text, size_t max) {
    const char *why = strerror(error);
    if (step == SPAWN_NULL_DEVICE && error == ENOENT)
        snprintf(text, max, "/dev/null is missing, and " PROGRAM_NAME " needs it: mount a /dev");
    else if (step == SPAWN_NULL_DEVICE && error != EMFILE && error != ENFILE)
        snprintf(text, max, "/dev/null cannot be opened: %s; " PROGRAM_NAME " needs it", why);
    else if (error == EMFILE || error == ENFILE)
        snprintf(text, max, "%s cannot be started: %s; raise the limit (with systemd, LimitNOFILE=)", program, why);
    else if (error == ENOMEM) snprintf(text, max, "%s cannot be started: there is no memory for it", program);
    else if (error == EAGAIN)
        snprintf(text, max,
                 "%s cannot be started: there may be no more processes (see ulimit -u, and with systemd TasksMax=)",
                 program);
    else if (step == SPAWN_FORK)
        snprintf(text, max, "no process may be made: %s; a seccomp filter? (with systemd, see SystemCallFilter=)", why);
    else if (step == SPAWN_CONFINE)
        snprintf(text, max, "%s cannot be confined: %s; it is not started with more rights than it needs", program,
                 why);
    else if (step == SPAWN_EXEC && error == ENOENT) explain_missing(program, text, max);
    else if (step == SPAWN_EXEC && (error == EACCES || error == EPERM)) explain_denied(program, error, text, max);
    else if (step == SPAWN_EXEC && (error == ENOEXEC || error == ELIBBAD)) explain_no_program(program, text, max);
    else snprintf(text, max, "%s cannot be started: %s", program, why);
}

void explain_end(int status, char *text, size_t max) {
    if (status == -1) snprintf(text, max, "gone");
    else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        snprintf(text, max, "killed by a seccomp filter: see SystemCallFilter= of Falco's unit");
    else if (WIFSIGNALED(status)) snprintf(text, max, "killed by signal %d", WTERMSIG(status));
    else snprintf(text, max, "exited with code %d", WEXITSTATUS(status));
}

const char *explain_refusals(void) {
    // As the runtime's just-in-time compiler does. Linux's own switch and systemd's filter are both inherited.
    const size_t bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, bytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED) {
        munmap(page, bytes);
        return "";
    }
    if (errno == ENOMEM) return ": there is no memory for it";
    return ": memory that is written and then executed is refused to Falco, and " PROGRAM_NAME
           " needs it; with systemd, set MemoryDenyWriteExecute=no in Falco's unit";
}
