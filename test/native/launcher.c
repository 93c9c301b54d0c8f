// What a library that a sanitizer watches carries: starts the runtime with the usual library, as sanitizers and
// JavaScriptCore do not share a process that was not made for both. As long as some pieces of an unpacking.
#include <unistd.h>

#include "check.h"

const char padding[3 << 20] = {1};

int main(void) {
    execl(USUAL_PROGRAM, "docker-plugin", "runtime", USUAL_LIBRARY, (char *)NULL);
    CHECK(padding[0] == 0);
}
