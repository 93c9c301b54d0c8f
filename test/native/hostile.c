// The host's reader of the ring, while a hostile runtime writes into it at the same time: what was checked may have
// changed before it is used. A thread writes lies at all times, and the first record's size changes right after each
// copy out of the ring, so that whoever reads it again reads another one. The thread has a mapping of its own, as
// another process has: to ThreadSanitizer the two are different memory, so what it reports is a race of the host's own.
//   hostile ROUNDS SEED RECORD      exits 0; prints its seed
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "host/batch.h"
#include "host/extract.h"
#include "shared/record.h"

static void *copy_then_lie(void *to, const void *from, size_t bytes);
#define memcpy copy_then_lie
#include "host/batch.c"
#undef memcpy

static struct ring writers, readers;
static uint8_t usual[8192];
static size_t usual_bytes;
static uint8_t smallest[RECORD_MIN];
// Where the reader is; the writer ends after the last round.
static _Atomic uint64_t reading;
static _Atomic bool over;

// A generator for each thread (xorshift64*): a run is told by its seed alone, but for how the threads meet.
static uint64_t next_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1dull;
}

static uint32_t below(uint64_t *state, uint32_t bound) {
    return (uint32_t)(next_random(state) % bound);
}

static _Atomic uint32_t *word_at(uint64_t position) {
    return (_Atomic uint32_t *)(void *)(writers.map + RING_DATA + position % RING_BYTES);
}

// A number that breaks bounds where they are not checked.
static uint32_t nasty(uint64_t *state) {
    const uint32_t numbers[] = {0,
                                1,
                                RECORD_MIN,
                                RECORD_MIN - 8,
                                (uint32_t)usual_bytes,
                                RECORD_MAX,
                                BATCH_BYTES,
                                BATCH_BYTES + 8,
                                UINT32_MAX,
                                below(state, RECORD_MAX) & ~7u,
                                RECORD_MAX / RECORD_MIN * RECORD_MIN};
    return numbers[below(state, sizeof numbers / sizeof *numbers)];
}

// What `memcpy` is to batch.c: the first record's size is another one after each copy, as the first copy sees a lie or
// the truth.
static void *copy_then_lie(void *to, const void *from, size_t bytes) {
    static uint64_t random = 1;
    memcpy(to, from, bytes);
    if ((const uint8_t *)from < readers.map || (const uint8_t *)from >= readers.map + RING_MAP_BYTES) return to;
    _Atomic uint32_t *const size = word_at(atomic_load(&reading) + RECORD_SIZE);
    const bool lied = atomic_load(size) != RECORD_MIN;
    atomic_store(size, lied || below(&random, 4) == 0 ? (uint32_t)RECORD_MIN : nasty(&random));
    return to;
}

// Changes the words that the reader believes in, each for a moment and back again, so that most looks see what is valid.
static void *write_lies(void *seed) {
    uint64_t random = *(uint64_t *)seed;
    const uint32_t offsets[] = {RECORD_SIZE,       RECORD_INDEX,      RECORD_SLOTS,
                                RECORD_EVENT + 16, RECORD_EVENT + 20, RECORD_EVENT + 28};
    while (!atomic_load(&over)) {
        const uint64_t at = atomic_load(&reading);
        // The first record, whose size decides how much is copied, more often than those behind it.
        const uint64_t record = at + (below(&random, 4) != 0 ? 0 : (uint64_t)below(&random, BATCH_EVENTS) * RECORD_MIN);
        const uint32_t offset = below(&random, 3) != 0   ? RECORD_SIZE
                                : below(&random, 2) != 0 ? offsets[below(&random, 6)]
                                                         : below(&random, (uint32_t)(RECORD_MIN / 4)) * 4;
        _Atomic uint32_t *const word = word_at(record + offset);
        const uint32_t before = atomic_load_explicit(word, memory_order_relaxed);
        atomic_store_explicit(word, nasty(&random), memory_order_relaxed);
        // From far shorter to far longer than a copy takes.
        for (uint32_t spin = below(&random, 2u << below(&random, 18)); spin > 0; spin--)
            atomic_signal_fence(memory_order_seq_cst);
        atomic_store_explicit(word, before, memory_order_relaxed);
    }
    return NULL;
}

// Reads all that Falco would of an event. Returns the bytes of its strings.
static uint64_t read_event(const uint8_t *record) {
    static struct extract_cells cells;
    uint64_t bytes = 0;
    for (uint32_t id = 0; id < FIELD_COUNT; id++) {
        struct falco_extract_field field = {.field_id = id, .arg_key = "name", .arg_present = FIELD_SHAPES[id].keyed};
        uint64_t sum = 0;
        cells.used = 0;
        extract_field(record, &field, &cells);
        CHECK(field.res_len <= EXTRACT_CELLS);
        if (FIELD_SHAPES[id].type == FIELD_STRING)
            for (uint64_t i = 0; i < field.res_len; i++) sum += strlen(((const char *const *)field.res)[i]);
        CHECK(sum < record_size(record));
        bytes += sum;
    }
    return bytes;
}

// Fills the ring from `position` on with records of the kind of the round. Returns the head behind them.
static uint64_t fill(uint64_t position, uint64_t *random) {
    const uint32_t kind = below(random, 3);
    const uint64_t room = kind == 0 ? RING_BYTES : BATCH_BYTES + below(random, BATCH_BYTES);
    uint64_t head = position;
    for (uint64_t n = 0;; n++) {
        const bool small = kind == 0 || (kind == 1 && n % 2 == 0);
        const size_t bytes = small ? RECORD_MIN : usual_bytes;
        if (head + bytes - position > room) return head;
        memcpy(writers.map + RING_DATA + head % RING_BYTES, small ? smallest : usual, bytes);
        head += bytes;
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 4);
    uint64_t seed = strtoull(argv[2], NULL, 10) | 1;
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    FILE *file = fopen(argv[3], "rb");
    CHECK(file != NULL && fgetc(file) == 1);
    usual_bytes = fread(usual, 1, sizeof usual, file);
    fclose(file);
    CHECK(usual_bytes >= RECORD_MIN && record_valid(usual, usual_bytes));
    const uint32_t size = RECORD_MIN, index = RECORD_ALIGNED(RECORD_EVENT + EVENT_PAYLOAD), slots = OWN_SLOTS_MIN;
    memcpy(smallest + RECORD_SIZE, &size, sizeof size);
    memcpy(smallest + RECORD_INDEX, &index, sizeof index);
    memcpy(smallest + RECORD_SLOTS, &slots, sizeof slots);
    *record_event(smallest) = (struct falco_event){
        .len = EVENT_PAYLOAD, .type = EVENT_TYPE, .nparams = 2, .param_len = {4, 0}, .plugin_id = PLUGIN_ID};
    CHECK(record_valid(smallest, sizeof smallest));

    struct batch batch;
    CHECK(ring_create(&readers) == 0 && batch_create(&batch) == 0);
    CHECK(ring_map(&writers, dup(readers.fd)) == 0);
    uint64_t random = seed, position = 0, taken_events = 0, refused = 0, bytes = 0;
    uint64_t writer_seed = seed ^ 0x9e3779b97f4a7c15ull;
    pthread_t writer;
    for (long rounds = atol(argv[1]); rounds > 0; rounds--) {
        const uint64_t head = fill(position, &random);
        atomic_store(&reading, position);
        atomic_store(&over, false);
        CHECK(pthread_create(&writer, NULL, write_lies, &writer_seed) == 0);
        for (int look = 0; look < 50; look++) {
            const size_t taken = batch_take(&batch, &readers, position, head);
            CHECK(taken <= head - position && batch.count <= BATCH_EVENTS);
            if (taken == 0) refused++;
            else CHECK(batch.count > 0 && batch_end(&batch, batch.count - 1) == position + taken);
            for (uint32_t i = 0; taken > 0 && i < batch.count; i += 1 + batch.count / 16) {
                const uint8_t *record = batch_record(&batch, batch.events[i]);
                CHECK(record != NULL && batch_end(&batch, i) <= position + taken);
                bytes += read_event(record);
                taken_events++;
            }
        }
        atomic_store(&over, true);
        pthread_join(writer, NULL);
        writer_seed = next_random(&random) | 1;
        position = (head + below(&random, 4096)) & ~(uint64_t)7;
    }
    printf("%llu events read, %llu bytes, %llu looks refused\n", (unsigned long long)taken_events,
           (unsigned long long)bytes, (unsigned long long)refused);
    CHECK(taken_events > 0 && refused > 0);
    batch_free(&batch);
    ring_close(&readers);
    ring_close(&writers);
}
