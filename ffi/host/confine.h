// What the runtime is not allowed to do. It reads what an engine sends, so it may one day be somebody else's; what it
// must not reach then is the process that guards the host.
#pragma once

#include <stdbool.h>

// A Landlock ruleset, close-on-exec: no writes but in `folder`, of files, folders and sockets (it must exist; NULL: none
// at all), no debugging of processes outside, no signals to them (Linux 6.12), no TCP port to listen at (6.7).
// Returns its descriptor, or -1 with errno where the kernel has no Landlock (before 5.13, or switched off).
// *granted says whether the folder could be opened.
int confine_prepare(const char *folder, bool *granted);

// For the program that this thread is about to become: no capability but CAP_DAC_OVERRIDE, no new privileges, no say in
// the limits and priorities of other processes, no way out of its process group for what it starts, the first to die
// where memory is short, and what `ruleset` says (-1: nothing). Safe between vfork and exec. 0, or -1 with errno.
int confine_enter(int ruleset);
