// The program's file, what its process gets of Falco's, and its start.
#define _GNU_SOURCE
#include "host/launch.h"

#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/carried.h"
#include "host/confine.h"
#include "host/explain.h"
#include "host/paths.h"
#include "host/spawn.h"
#include "shared/clock.h"

bool fail(struct runtime *runtime, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(runtime->error, sizeof runtime->error, format, arguments);
    va_end(arguments);
    log_clean(runtime->error);
    return false;
}

// Where the program is to go, for the whole life of the plugin. False with runtime->error.
static bool settle_programs(struct runtime *runtime) {
    char *folder = path_in(runtime->config, "\"programdir\"");
    const char *value = setting_in(runtime->config, "\"programdir\"");
    // What is no absolute path at all the runtime tells of.
    if (folder == NULL && value != NULL && strncmp(value, "\"/", 2) == 0)
        return fail(runtime, "programdir: the path is read before JSON is: write it without a backslash");
    const bool settled = carried_into(&runtime->carried, folder == NULL ? PROGRAM_FOLDER : folder);
    free(folder);
    return settled || fail(runtime, "the path of programdir is too long");
}

// The folder of this library, found through an address inside it, and the program: what the environment names, or lies
// beside the library, or what the library carries where another version or none lies there.
bool find_program(struct runtime *runtime) {
    Dl_info self;
    char path[PATH_MAX];
    if (dladdr((const void *)&runtime_begin, &self) == 0 || realpath(self.dli_fname, path) == NULL)
        return fail(runtime, "cannot find the path of libdocker.so: %s", strerror(errno));
    runtime->library = strdup(path);
    if (runtime->library == NULL) return fail(runtime, "out of memory");
    const char *named = secure_getenv(PROGRAM_VARIABLE);
    if (named != NULL && *named != 0) {
        runtime->program = strdup(named);
    } else {
        char *slash = strrchr(path, '/');
        snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path), PROGRAM_NAME);
        const uint64_t deadline = clock_now() + START_MS * NS_PER_MS;
        runtime->carries = carried_by(&runtime->carried, runtime->library);
        if (!runtime->carries && errno != 0 && access(path, F_OK) != 0)
            return fail(runtime, "%s cannot be read: %s", runtime->library, strerror(errno));
        if (runtime->carries) runtime->carries = !carried_equals(&runtime->carried, path, deadline);
        if (runtime->carries && !settle_programs(runtime)) return false;
        runtime->program = strdup(runtime->carries ? runtime->carried.path : path);
    }
    if (runtime->program == NULL) return fail(runtime, "out of memory");
    if (*runtime->program != '/')
        return fail(runtime, "%s is \"%s\": expected an absolute path of docker-plugin", PROGRAM_VARIABLE,
                    runtime->program);
    return true;
}

#define HANDED_OVER_COUNT (sizeof HANDED_OVER / sizeof *HANDED_OVER)

// The entry of the environment for a variable, NULL where it is not set.
static char *entry_of(const char *name) {
    const size_t length = strlen(name);
    for (char *const *entry = environ; entry != NULL && *entry != NULL; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return *entry;
    return NULL;
}

bool is_apart(struct runtime *runtime, const char *folder) {
    // Also where Falco's configuration names it, which may be a link.
    Dl_info self = {0};
    dladdr((const void *)&runtime_begin, &self);
    const char *const started[] = {runtime->program, runtime->library, self.dli_fname};
    for (size_t i = 0; i < sizeof started / sizeof *started; i++)
        if (started[i] != NULL && lies_in(started[i], folder))
            return fail(runtime,
                        "init_config: statefile: the runtime may write to all of %s, and %s is in there: name a file "
                        "in a folder of its own, such as " STATE_FOLDER "/resume",
                        folder, started[i]);
    return true;
}

// Starts the process: the program in the folder `opened`, where there is one.
bool launch(struct runtime *runtime, int opened) {
    struct link_ends theirs;
    if (!is_apart(runtime, runtime->folder)) return false;
    if (link_connect(&runtime->link, &theirs) != 0)
        return fail(runtime, "cannot make pipes and sockets: %s", strerror(errno));
    // All that the runtime gets of Falco's environment. GC_TIMER: no wake-ups while nothing happens. PURGE_DELAY, ms: memory
    // that each event needs again is not given back to the kernel after each (a tenth of an event's CPU at 100 events/s).
    // RAM_SIZE, bytes: garbage is looked for as on a small machine; with the RAM of a large one half of what 20,000 starts
    // leave would be garbage.
    char *envp[3 + HANDED_OVER_COUNT + 1] = {"BUN_GC_TIMER_DISABLE=1", "MIMALLOC_PURGE_DELAY=10000",
                                             "BUN_JSC_forceRAMSize=268435456"};
    size_t used = 3;
    for (size_t i = 0; i < HANDED_OVER_COUNT; i++)
        if ((envp[used] = entry_of(HANDED_OVER[i])) != NULL) used++;
    char *argv[] = {PROGRAM_NAME, "runtime", runtime->library, NULL};
    const int fds[] = {theirs.control, theirs.answer, theirs.request, runtime->link.mailbox_fd};
    static_assert(CONTROL_FD == 3 && ANSWER_FD == 4 && REQUEST_FD == 5 && MAILBOX_FD == 6, "the order of fds");
    const int ruleset = confine_prepare(runtime->folder, &runtime->folder_granted);
    runtime->confined = ruleset >= 0;
    const struct spawn spawn = {.path = runtime->program,
                                .folder = opened,
                                .name = CARRIED_FILE,
                                .argv = argv,
                                .envp = envp,
                                .error_fd = theirs.errors,
                                .fds = fds,
                                .fd_count = sizeof fds / sizeof *fds,
                                .ruleset = ruleset};
    enum spawn_step step;
    const pid_t pid = spawn_start(&spawn, &step);
    const int error = errno;
    if (ruleset >= 0) close(ruleset);
    link_ends_close(&theirs);
    if (pid < 0) {
        link_cut(&runtime->link);
        link_bury(&runtime->link, &runtime->logger);
        explain_start(runtime->program, step, error, runtime->error, sizeof runtime->error);
        return false;
    }
    runtime->pid = pid;
    runtime->phase = RUNTIME_GREETING;
    runtime->phase_deadline = clock_now() + START_MS * NS_PER_MS;
    return true;
}
