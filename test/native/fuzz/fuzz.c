// libFuzzer target: what a hostile runtime can write into the ring and into the pipes, read by the host's own code.
// The first byte of an input says where it goes. clang -fsanitize=fuzzer,address,undefined; see run.ts.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/batch.h"
#include "host/extract.h"
#include "host/supervisor.h"
#include "shared/clock.h"
#include "shared/record.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ring ring;
static struct batch batch;
static struct runtime runtime;
static struct link_ends peer;
static uint64_t lines;

static void count_line(void *owner, const char *component, const char *text, int32_t severity) {
    (void)owner, (void)component, (void)severity;
    for (; *text != 0; text++)
        if ((unsigned char)*text < ' ') __builtin_trap();
    lines++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    if (ring_create(&ring) != 0 || batch_create(&batch) != 0) abort();
    runtime = (struct runtime){.pid = -1, .confined = true, .folder_granted = true, .folder = "/run"};
    lock_try(&runtime.lock);
    if (link_create(&runtime.link) != 0 || link_connect(&runtime.link, &peer) != 0) abort();
    runtime.logger.write = count_line;
    runtime.program = "docker-plugin";
    runtime.config = "";
    return 0;
}

// Reads every byte of an answer as Falco does.
static uint64_t read_values(const struct falco_extract_field *field, uint32_t type) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < field->res_len; i++) {
        const union extract_cell *cell = (const union extract_cell *)field->res + i;
        sum += type == FIELD_STRING ? strlen(cell->string) : cell->u64;
    }
    return sum;
}

static uint64_t extract_all(const uint8_t *record) {
    static struct extract_cells cells;
    static const char *const keys[] = {"", "name", "k", NULL};
    uint64_t sum = 0;
    for (uint32_t id = 0; id < FIELD_COUNT + 1; id++) {
        const char *key = keys[id % 4];
        struct falco_extract_field field = {.field_id = id, .field = "", .arg_key = key, .arg_present = key != NULL};
        cells.used = id % 3 == 0 ? EXTRACT_CELLS - 2 : 0;
        extract_field(record, &field, &cells);
        if (id < FIELD_COUNT) sum += read_values(&field, FIELD_SHAPES[id].type);
    }
    const char *text = extract_string(record, FIELD_DOCKER_TYPE);
    return sum + (text == NULL ? 0 : strlen(text));
}

// In the ring, `data` lies at a position that the two bytes before it choose, the end of the first mapping included.
static void fuzz_ring(const uint8_t *data, size_t size) {
    if (size < 4) return;
    const uint64_t tail = RING_BYTES - 4096 + (uint64_t)((data[0] | data[1] << 8) % 1024) * 8;
    const uint64_t beyond = (uint64_t)(data[2] | data[3] << 8) * 8;
    data += 4;
    size -= 4;
    uint8_t *at = ring.map + RING_DATA + tail % RING_BYTES;
    memcpy(at, data, size);
    uint64_t position = tail;
    // The head may claim more than was written, and the ring more than a batch.
    const uint64_t head = tail + (size + 7) / 8 * 8 + (beyond > 65000 ? beyond * 64 : beyond % 4096);
    uint64_t sum = 0;
    for (size_t taken; position < head && (taken = batch_take(&batch, &ring, position, head)) > 0; position += taken) {
        if (taken > head - position || taken > RECORD_MAX) __builtin_trap();
        for (uint32_t i = 0; i < batch.count; i++) {
            struct falco_event *event = batch.events[i];
            event->tid = 1;
            const uint8_t *record = batch_record(&batch, event);
            if (record == NULL || batch_record(&batch, (void *)((uint8_t *)event + 1)) != NULL) __builtin_trap();
            sum += extract_all(record);
        }
    }
    __asm__ volatile("" ::"r"(sum));
    memset(at, 0, size);
}

static void fuzz_record(const uint8_t *data, size_t size) {
    if (size < RECORD_MIN) return;
    uint8_t *record = malloc(size);
    memcpy(record, data, size);
    if (record_valid(record, size)) {
        const uint64_t sum = extract_all(record);
        __asm__ volatile("" ::"r"(sum));
    }
    free(record);
}

// As a packet, or as bytes that come in any pieces: the pipe's mode is the runtime's to change.
static void put(int pipe, const uint8_t *data, size_t size) {
    const int flags = fcntl(pipe, F_GETFL);
    if (size > 0 && data[0] % 2 != 0) fcntl(pipe, F_SETFL, flags & ~O_DIRECT);
    if (write(pipe, data, size) < 0 && errno != EAGAIN) abort();
    fcntl(pipe, F_SETFL, flags);
}

static void fuzz_log(const uint8_t *data, size_t size) {
    put(peer.control, data, size);
    put(peer.control, data + size / 2, size - size / 2);
    if (write(peer.errors, data, size) < 0 && errno != EAGAIN) abort();
    runtime.link.lines = LOG_BURST;
    link_read_log(&runtime.link, &runtime.logger);
}

static void fuzz_answer(const uint8_t *data, size_t size) {
    struct answer answer;
    memcpy(runtime.link.mailbox + MAILBOX_ANSWER, data, size < 4096 ? size : 4096);
    runtime.link.request_id = 1;
    put(peer.answer, data, size < sizeof answer ? size : sizeof answer);
    put(peer.answer, data, size < 100 ? size : 100);
    while (link_receive(&runtime.link, &answer) == RECEIVED) {
        link_text(&runtime.link, &answer, runtime.error, sizeof runtime.error);
        take_flush_interval(&runtime, &answer);
        if (lacks_folder(&runtime, &answer) && runtime.link.mailbox[MAILBOX_ANSWER] != '/') __builtin_trap();
        if (answer.length > RECORD_MAX || strlen(runtime.error) >= ERROR_MAX) __builtin_trap();
        if (runtime.flush_interval_ns > FLUSH_INTERVAL_MAX_MS * NS_PER_MS) __builtin_trap();
    }
    while (link_receive(&runtime.link, &answer) != NOTHING_YET) continue;
}

static void fuzz_greeting(const uint8_t *data, size_t size) {
    struct request request;
    runtime.phase = RUNTIME_GREETING;
    runtime.phase_deadline = UINT64_MAX;
    put(peer.answer, data, size);
    if (advance(&runtime) && runtime.phase == RUNTIME_CONFIGURING)
        if (recv(peer.request, &request, sizeof request, MSG_DONTWAIT) != (ssize_t)sizeof request) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const readers[])(const uint8_t *, size_t) = {fuzz_ring, fuzz_record, fuzz_log, fuzz_answer,
                                                               fuzz_greeting};
    // The lowest free descriptor stays low: nothing that came with a packet is left open. (libFuzzer opens some itself.)
    static int free_fd = -1;
    if (size > 0) readers[data[0] % (sizeof readers / sizeof *readers)](data + 1, size - 1);
    const int fd = dup(peer.control);
    close(fd);
    if (free_fd < 0) free_fd = fd;
    if (fd > free_fd + 50) __builtin_trap();
    return 0;
}
