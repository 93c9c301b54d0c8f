// The two processes' shared code in one, for ThreadSanitizer: the listener thread of bridge.c, a thread that plays the
// runtime's event loop, and one that plays the host. The host reads the ring through the guest's own mapping, as the
// sanitizer knows addresses and not the memory behind them.
//   guest RECORDS      exits 0; a race ends it with ThreadSanitizer's own code
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "guest/bridge.h"
#include "host/batch.h"
#include "host/extract.h"
#include "shared/channel.h"
#include "shared/clock.h"
#include "shared/record.h"

// The event loop: what the listener hands over, in order, as Bun does with its threadsafe callbacks ------------------

struct task {
    enum { NONE, CONFIGURE, OPEN, CLOSE, EXTRACT, END } what;
    uint32_t id, instance;
};

static struct {
    pthread_mutex_t lock;
    struct task tasks[64];
    unsigned first, count;
} loop = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void hand_over(struct task task) {
    pthread_mutex_lock(&loop.lock);
    CHECK(loop.count < 64);
    loop.tasks[(loop.first + loop.count++) % 64] = task;
    pthread_mutex_unlock(&loop.lock);
}

static struct task next_task(void) {
    struct task task = {0};
    pthread_mutex_lock(&loop.lock);
    if (loop.count > 0) {
        task = loop.tasks[loop.first++ % 64];
        loop.count--;
    }
    pthread_mutex_unlock(&loop.lock);
    return task;
}

static void on_configure(uint32_t id, uint32_t length) {
    (void)length;
    hand_over((struct task){.what = CONFIGURE, .id = id});
}
static void on_open(uint32_t id, uint32_t instance, uint32_t resume, uint32_t length) {
    (void)resume, (void)length;
    hand_over((struct task){.what = OPEN, .id = id, .instance = instance});
}
static void on_close(uint32_t id, uint32_t instance) {
    hand_over((struct task){.what = CLOSE, .id = id, .instance = instance});
}
static void on_extract(uint32_t id, uint32_t length) {
    (void)length;
    hand_over((struct task){.what = EXTRACT, .id = id});
}
static void on_list(uint32_t id) {
    hand_over((struct task){.what = END, .id = id});
}

static void on_abandoned(void) {
}

static uint8_t record[8192];
static size_t record_bytes;

static void *run_loop(void *unused) {
    (void)unused;
    uint8_t *data = NULL;
    uint64_t head = 0;
    for (uint32_t turn = 0;; turn++) {
        const struct task task = next_task();
        if (task.what == OPEN) {
            data = (uint8_t *)docker_bridge_ring(task.instance) + RING_DATA;
            head = docker_bridge_ring_head(task.instance);
        }
        if (task.what == CLOSE) {
            docker_bridge_ring_close(task.instance);
            data = NULL;
        }
        if (task.what == END) docker_bridge_ring_end(0);
        if (task.what == EXTRACT) memcpy((uint8_t *)docker_bridge_mailbox() + MAILBOX_ANSWER, record, record_bytes);
        if (task.what != NONE) docker_bridge_answer(task.id, 0, task.what == EXTRACT ? record_bytes : 0, 0);
        if (turn % 1000 == 0) docker_bridge_log(FALCO_INFO, "a line", 6);
        if (data == NULL || head - docker_bridge_ring_tail(0) > RING_BYTES - sizeof record) continue;
        memcpy(data + head % RING_BYTES, record, record_bytes);
        head += record_bytes;
        docker_bridge_ring_publish(0, head);
    }
    return NULL;
}

// The host ------------------------------------------------------------------------------------------------------------

static int control, request, answers;
static uint32_t request_id;

static void tell(uint32_t kind, int fd) {
    const struct request message = {.kind = kind, .id = ++request_id, .length = 0};
    CHECK(channel_send(request, &message, sizeof message, fd) == 0);
}

static void await_answer(void) {
    struct answer answer = {0};
    while (answer.id != request_id) {
        CHECK(poll(&(struct pollfd){.fd = answers, .events = POLLIN}, 1, 60000) == 1);
        CHECK(channel_read(answers, &answer, sizeof answer) == sizeof answer);
    }
    CHECK(answer.rc == 0);
    // The sanitizer does not know that what comes out of a pipe went into it before.
    pthread_mutex_lock(&loop.lock);
    pthread_mutex_unlock(&loop.lock);
}

static void ask(uint32_t kind, int fd) {
    tell(kind, fd);
    await_answer();
}

static void read_lines(void) {
    struct log_message line;
    while (channel_read(control, &line, sizeof line) > 0) continue;
}

static void play_host(long records) {
    struct ring own, seen;
    struct batch batch;
    static struct extract_cells cells;
    CHECK(ring_create(&own) == 0 && batch_create(&batch) == 0);
    ask(REQUEST_CONFIGURE, -1);
    ask(REQUEST_OPEN, own.fd);
    seen = (struct ring){.fd = -1, .map = docker_bridge_ring(0)};
    uint64_t tail = 0;
    for (long taken = 0; taken < records;) {
        ring_wait(&seen, tail + 1, false, clock_now() + 50 * NS_PER_MS);
        const uint64_t head = ring_head(&seen);
        if (head == tail) continue;
        const size_t bytes = batch_take(&batch, &seen, tail, head);
        CHECK(bytes > 0);
        tail += bytes;
        ring_release(&seen, tail);
        taken += batch.count;
        for (uint32_t i = 0; i < batch.count; i++) {
            struct falco_extract_field field = {.field_id = FIELD_DOCKER_TYPE};
            cells.used = 0;
            extract_field(batch_record(&batch, batch.events[i]), &field, &cells);
            CHECK(field.res_len == 1 && strcmp(cells.cell[0].string, "container") == 0);
        }
        if (taken % 7 == 0) ask(REQUEST_EXTRACT, -1);
        read_lines();
    }
    // Its end wakes whoever waits for more than will ever come.
    CHECK(!ring_ended(&seen));
    tell(REQUEST_LIST, -1);
    CHECK(ring_wait(&seen, UINT64_MAX - 1, true, clock_now() + 60 * NS_PER_S) == RING_WOKEN && ring_ended(&seen));
    await_answer();
    ask(REQUEST_CLOSE, -1);
    batch_free(&batch);
    ring_close(&own);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    FILE *seed = fopen(argv[2], "rb");
    CHECK(seed != NULL && fgetc(seed) == 1);
    record_bytes = fread(record, 1, sizeof record, seed);
    fclose(seed);
    CHECK(record_bytes >= RECORD_MIN && record_valid(record, record_bytes));

    int controls[2], requests[2], replies[2];
    CHECK(channel_packets(controls, 256) == 0 && channel_requests(requests) == 0 && channel_packets(replies, 16) == 0);
    const int mailbox = memfd_sealed("mailbox", MAILBOX_BYTES);
    CHECK(mailbox >= 0);
    control = controls[0];
    request = requests[0];
    answers = replies[0];
    // The guest finds its ends at fixed places.
    const int guests[] = {controls[1], replies[1], requests[1], mailbox};
    for (int i = 0; i < 4; i++) CHECK(dup2(guests[i], CONTROL_FD + i) == CONTROL_FD + i);
    const struct bridge_callbacks callbacks = {on_configure, on_open, on_close, on_extract, on_list, on_abandoned};
    CHECK(docker_bridge_start(&callbacks) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run_loop, NULL) == 0);
    play_host(atol(argv[1]));
    _exit(0);
}
