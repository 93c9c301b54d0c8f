// Linked into the library with --wrap=batch_record: whoever looks an event up does so late, as a thread may that the kernel
// puts aside. Another one has closed an instance by then.
#define _GNU_SOURCE
#include "host/batch.h"
#include "shared/clock.h"

const uint8_t *__wrap_batch_record(struct batch *batch, const struct falco_event *event);
const uint8_t *__real_batch_record(struct batch *batch, const struct falco_event *event);

const uint8_t *__wrap_batch_record(struct batch *batch, const struct falco_event *event) {
    clock_sleep(30);
    return __real_batch_record(batch, event);
}
