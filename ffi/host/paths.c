// Looks for two settings in the text of a configuration, and at folders through the kernel.
#define _GNU_SOURCE
#include "host/paths.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "constants.h"
#include "shared/fd.h"

// Folders between one and the root: more do not fit a path.
#define DEPTH_MAX (PATH_MAX / 2)

const char *setting_in(const char *config, const char *key) {
    static const char space[] = " \t\r\n";
    for (const char *at = config; (at = strcasestr(at, key)) != NULL;) {
        at += strlen(key);
        const char *colon = at + strspn(at, space);
        // Or it is a value that reads as the key does.
        if (*colon == ':') return colon + 1 + strspn(colon + 1, space);
    }
    return NULL;
}

char *path_in(const char *config, const char *key) {
    const char *at = setting_in(config, key);
    if (at == NULL) return NULL;
    const char *end = *at == '"' ? at + 1 + strcspn(at + 1, "\"\\") : at;
    return *end == '"' && at[1] == '/' ? strndup(at + 1, (size_t)(end - at - 1)) : NULL;
}

char *guess_folder(const char *config) {
    char *file = path_in(config, "\"statefile\"");
    if (file == NULL) return strdup(STATE_FOLDER);
    char *slash = strrchr(file, '/');
    slash[slash == file ? 1 : 0] = 0;
    return file;
}

void make_folder(const char *path) {
    char copy[PATH_MAX];
    if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) return;
    for (char *c = copy + 1; *c != 0; c++) {
        if (*c != '/') continue;
        *c = 0;
        mkdir(copy, 0700);
        *c = '/';
    }
    mkdir(copy, 0700);
}

static bool is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

// Whether a folder is another one, or lies below it. Names would not do: a folder has as many as links lead to it.
static bool is_below(const char *path, const struct stat *above) {
    int at = fd_raise(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat here, before = {0};
    bool found = false;
    for (unsigned depth = 0; !found && at >= 0 && depth < DEPTH_MAX; depth++) {
        // The root's parent is the root.
        if (fstat(at, &here) != 0 || (depth > 0 && is_same(&here, &before))) break;
        found = is_same(&here, above);
        before = here;
        const int parent = fd_raise(openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
        close(at);
        at = parent;
    }
    if (at >= 0) close(at);
    return found;
}

bool lies_in(const char *file, const char *folder) {
    struct stat above;
    char real[PATH_MAX], named[PATH_MAX];
    if (stat(folder, &above) != 0) return false;
    const bool is_there = realpath(file, real) != NULL;
    snprintf(named, sizeof named, "%s", file);
    // By where it is, and by where its name is, which may be a link that can be replaced.
    char *const paths[] = {named, real};
    for (int i = 0; i < (is_there ? 2 : 1); i++) {
        char *slash = strrchr(paths[i], '/');
        if (slash == NULL) continue;
        slash[slash == paths[i] ? 1 : 0] = 0;
        if (is_below(paths[i], &above)) return true;
    }
    return false;
}
