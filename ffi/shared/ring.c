// The ring's memory, its positions, and the wake-up between the two processes (a futex).
#define _GNU_SOURCE
#include "shared/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shared/clock.h"
#include "shared/fd.h"

// Not in glibc 2.17's headers.
#ifndef MFD_CLOEXEC
#define MFD_CLOEXEC 1u
#define MFD_ALLOW_SEALING 2u
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#endif
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)

static_assert((RING_BYTES & (RING_BYTES - 1)) == 0, "positions wrap by a mask");
static_assert(RING_DATA % PAGE_BYTES == 0 && RING_BYTES % PAGE_BYTES == 0, "mapped by pages");
static_assert(RECORD_MAX == RING_BYTES, "the largest record lies whole in the ring");
static_assert(RING_PROGRESS + 8 <= RING_ENGINES && RING_ENGINES + ENGINES_MAX * ENGINE_BYTES <= RING_JOURNALS &&
                  RING_JOURNALS + ENGINES_MAX * JOURNAL_ENTRIES * JOURNAL_ENTRY_BYTES <= RING_DATA,
              "the parts of the header lie one behind the other");

#define NOT_WAITING UINT64_MAX

static _Atomic uint64_t *word(const struct ring *ring, size_t offset) {
    return (_Atomic uint64_t *)(void *)(ring->map + offset);
}

static _Atomic uint32_t *futex_word(const struct ring *ring) {
    return (_Atomic uint32_t *)(void *)(ring->map + RING_FUTEX);
}

int memfd_sealed(const char *name, size_t bytes) {
    int fd = fd_raise((int)syscall(SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (fd < 0) return -1;
    if (ftruncate(fd, (off_t)bytes) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int memfd_check(int fd, size_t bytes) {
    // Not fstat: before glibc 2.33 it is no symbol of the library, and the copy that is linked in brings an errno along.
    const int seals = fcntl(fd, F_GET_SEALS);
    const off_t size = lseek(fd, 0, SEEK_END);
    if (seals < 0 || size < 0) return -1;
    if ((seals & SEALS) == SEALS && size == (off_t)bytes) return 0;
    errno = EINVAL;
    return -1;
}

void *memfd_map(int fd, size_t bytes) {
    if (memfd_check(fd, bytes) != 0) return NULL;
    void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return map == MAP_FAILED ? NULL : map;
}

int ring_map(struct ring *ring, int fd) {
    const int shared = MAP_SHARED | MAP_FIXED;
    const int access = PROT_READ | PROT_WRITE;
    if (memfd_check(fd, (size_t)RING_DATA + RING_BYTES) != 0) return -1;
    uint8_t *map = mmap(NULL, RING_MAP_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return -1;
    if (mmap(map, RING_DATA + RING_BYTES, access, shared, fd, 0) == MAP_FAILED ||
        mmap(map + RING_DATA + RING_BYTES, RING_BYTES, access, shared, fd, RING_DATA) == MAP_FAILED) {
        int error = errno;
        munmap(map, RING_MAP_BYTES);
        errno = error;
        return -1;
    }
    *ring = (struct ring){.fd = fd, .map = map};
    return 0;
}

int ring_create(struct ring *ring) {
    int fd = memfd_sealed("falco-docker-ring", (size_t)RING_DATA + RING_BYTES);
    if (fd < 0) return -1;
    if (ring_map(ring, fd) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    atomic_store(word(ring, RING_WAKE_AT), NOT_WAITING);
    return 0;
}

void ring_close(struct ring *ring) {
    if (ring->map != NULL) munmap(ring->map, RING_MAP_BYTES);
    if (ring->fd >= 0) close(ring->fd);
    *ring = (struct ring){.fd = -1, .map = NULL};
}

uint64_t ring_head(const struct ring *ring) {
    return atomic_load_explicit(word(ring, RING_HEAD), memory_order_acquire);
}

uint64_t ring_tail(const struct ring *ring) {
    return atomic_load_explicit(word(ring, RING_TAIL), memory_order_acquire);
}

bool ring_ended(const struct ring *ring) {
    return atomic_load_explicit(word(ring, RING_ENDED), memory_order_acquire) != 0;
}

uint32_t ring_progress(const struct ring *ring) {
    const uint64_t progress = atomic_load_explicit(word(ring, RING_PROGRESS), memory_order_relaxed);
    return progress < PROGRESS_MAX ? (uint32_t)progress : PROGRESS_MAX;
}

const uint8_t *ring_at(const struct ring *ring, uint64_t position) {
    return ring->map + RING_DATA + (position & (RING_BYTES - 1));
}

void ring_release(struct ring *ring, uint64_t tail) {
    atomic_store_explicit(word(ring, RING_TAIL), tail, memory_order_release);
}

void ring_reset(struct ring *ring, uint64_t position) {
    atomic_store(word(ring, RING_HEAD), position);
    atomic_store(word(ring, RING_TAIL), position);
    atomic_store(word(ring, RING_ENDED), 0);
    atomic_store(word(ring, RING_WAKE_AT), NOT_WAITING);
}

enum ring_wait ring_wait(struct ring *ring, uint64_t target, bool may_end, uint64_t deadline) {
    enum ring_wait outcome = RING_WOKEN;
    uint32_t seen = atomic_load(futex_word(ring));
    // The producer stores the head, or its end, and then looks here; we store here and then look at these. Both with a
    // full fence between, so one of the two sees the other, and the futex word read before closes what is left.
    atomic_store(word(ring, RING_WAKE_AT), target);
    atomic_thread_fence(memory_order_seq_cst);
    if (ring_head(ring) < target && !(may_end && ring_ended(ring))) {
        struct timespec until = {.tv_sec = (time_t)(deadline / NS_PER_S), .tv_nsec = (long)(deadline % NS_PER_S)};
        // The bitset form takes an absolute time on the monotonic clock.
        if (syscall(SYS_futex, futex_word(ring), FUTEX_WAIT_BITSET, seen, &until, NULL, FUTEX_BITSET_MATCH_ANY) != 0) {
            if (errno == ETIMEDOUT) outcome = RING_TIMED_OUT;
            if (errno == EINTR) outcome = RING_INTERRUPTED;
        }
    }
    atomic_store(word(ring, RING_WAKE_AT), NOT_WAITING);
    return outcome;
}

// Wakes the consumer if it waits for something at or below `position`, after what it waits for was stored.
static void wake(struct ring *ring, uint64_t position) {
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t wake_at = atomic_load_explicit(word(ring, RING_WAKE_AT), memory_order_relaxed);
    if (wake_at == NOT_WAITING || position < wake_at) return;
    // Once a wait: while the host is on its way, more events need no more calls into the kernel.
    if (!atomic_compare_exchange_strong(word(ring, RING_WAKE_AT), &wake_at, NOT_WAITING)) return;
    atomic_fetch_add(futex_word(ring), 1);
    syscall(SYS_futex, futex_word(ring), FUTEX_WAKE, 1, NULL, NULL, 0);
}

void ring_publish(struct ring *ring, uint64_t head) {
    atomic_store_explicit(word(ring, RING_HEAD), head, memory_order_release);
    wake(ring, head);
}

void ring_end(struct ring *ring) {
    atomic_store_explicit(word(ring, RING_ENDED), 1, memory_order_release);
    wake(ring, UINT64_MAX);
}
