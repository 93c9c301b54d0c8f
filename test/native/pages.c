// The shared memory on a kernel whose pages have another size: ring.c and batch.c with system calls that refuse what such
// a kernel refuses.
//   pages BYTES      exits 0 where a ring and a batch of events fit pages of that size
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "shared/ring.h"

static size_t page;

// Reserved memory begins at a page, as there; what is fixed, or given by its place in a file, has to.
static void *paged_mmap(void *at, size_t bytes, int access, int flags, int fd, off_t offset) {
    if ((size_t)offset % page != 0 || ((flags & MAP_FIXED) != 0 && (uintptr_t)at % page != 0)) {
        errno = EINVAL;
        return MAP_FAILED;
    }
    if ((flags & MAP_FIXED) != 0) return mmap(at, bytes, access, flags, fd, offset);
    void *found = mmap(NULL, bytes + page, access, flags, fd, offset);
    return found == MAP_FAILED ? found : (void *)(((uintptr_t)found + page - 1) & ~(page - 1));
}

static int paged_madvise(void *at, size_t bytes, int advice) {
    if ((uintptr_t)at % page == 0) return madvise(at, bytes, advice);
    errno = EINVAL;
    return -1;
}

#define mmap paged_mmap
#define madvise paged_madvise
#include "host/batch.c"
#include "shared/ring.c"

int main(int argc, char **argv) {
    page = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
    struct ring ring;
    struct batch batch;
    if (page == 0 || ring_create(&ring) != 0 || batch_create(&batch) != 0) {
        fprintf(stderr, "pages of %zu bytes: %m\n", page);
        return 1;
    }
    // The data lies twice in a row, and the pages behind a usual batch can be given back.
    ring.map[RING_DATA] = 7;
    if (ring.map[RING_DATA + RING_BYTES] != 7) return 2;
    return paged_madvise(batch.memory + BATCH_BYTES, RECORD_MAX - BATCH_BYTES, MADV_DONTNEED) == 0 ? 0 : 3;
}
