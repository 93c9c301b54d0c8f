// Paths in a configuration that nobody has understood yet, and the folders that they name.
#pragma once

#include <stdbool.h>

// Where the value of a setting begins (`key` with its quotes), as far as it shows without understanding the configuration.
// NULL where it does not.
const char *setting_in(const char *config, const char *key);
// The value of a setting that is an absolute path, in the same way. NULL also where there is no memory.
char *path_in(const char *config, const char *key);
// Where a configuration seems to put the state; its runtime says where it does, and is started again where that is
// elsewhere. NULL where there is no memory.
char *guess_folder(const char *config);

// Makes a folder and those above it, for their owner alone.
void make_folder(const char *path);
// Whether a file, or a link on the way to it, lies in a folder or anywhere below it, whatever links lead to either.
// Not where one of the two is not there.
bool lies_in(const char *file, const char *folder);
