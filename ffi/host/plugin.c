// The symbols that Falco calls. Every pointer that goes out stays valid until the next call of the same kind.
#define _GNU_SOURCE
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "host/batch.h"
#include "shared/clock.h"
#include "constants.h"
#include "host/extract.h"
#include "shared/falco_abi.h"
#include "shared/record.h"
#include "shared/ring.h"
#include "host/runtime.h"

#define EXPORT __attribute__((visibility("default")))

// How long a replayed event may take; longer, and its fields are absent.
#define EXTRACT_MS 1000u
#define LIST_MS 2000u
#define LIST_MAX (64 * 1024)
#define TEXT_MAX 1024
// next_batch looks this often while the runtime starts.
#define STARTING_WAIT_MS 5u

struct instance {
    struct stream stream;
    struct batch batch;
    uint64_t taken;  // the ring's position behind the batch; its tail, up to where events are delivered, comes after
    uint64_t flushed_at;
};

// The fields of the last event that was not in a batch: its payload, to know it again, and its record.
struct replay {
    uint8_t *payload;  // RECORD_MAX bytes of address space
    size_t length;
    uint8_t *record;  // RECORD_MAX bytes of address space
    size_t size;      // 0: the runtime has no fields for this event
    bool filled;
};

struct plugin {
    struct runtime runtime;
    struct instance *_Atomic instances[INSTANCES_MAX];
    struct replay replay;
    struct extract_cells cells;
    // By the instance's slot, as each has one thread that counts; over the lives of all instances of a slot.
    _Atomic uint64_t delivered[INSTANCES_MAX];
    _Atomic uint64_t extract_failures;
    struct falco_metric metrics[METRIC_COUNT];
    char text[TEXT_MAX];
    char list[LIST_MAX];
    char error[ERROR_MAX];
};

// Identity ---------------------------------------------------------------------------------------------------------

EXPORT const char *plugin_get_required_api_version(void) {
    return PLUGIN_REQUIRED_API_VERSION;
}

EXPORT const char *plugin_get_name(void) {
    return PLUGIN_NAME;
}

EXPORT const char *plugin_get_description(void) {
    return PLUGIN_DESCRIPTION;
}

EXPORT const char *plugin_get_contact(void) {
    return PLUGIN_CONTACT;
}

EXPORT const char *plugin_get_version(void) {
    return PLUGIN_VERSION;
}

EXPORT uint32_t plugin_get_id(void) {
    return PLUGIN_ID;
}

EXPORT const char *plugin_get_event_source(void) {
    return PLUGIN_EVENT_SOURCE;
}

EXPORT const char *plugin_get_fields(void) {
    return FIELDS_JSON;
}

EXPORT const char *plugin_get_init_schema(uint32_t *schema_type) {
    *schema_type = FALCO_SCHEMA_JSON;
    return INIT_SCHEMA_JSON;
}

// State ------------------------------------------------------------------------------------------------------------

static uint8_t *reserve(void) {
    void *memory = mmap(NULL, RECORD_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

EXPORT void *plugin_init(const struct falco_init_input *input, int32_t *rc) {
    *rc = FALCO_FAILURE;
    struct plugin *plugin = calloc(1, sizeof *plugin);
    if (plugin == NULL) return NULL;
    const struct logger logger = {.write = input->log_fn, .owner = input->owner};
    for (uint32_t i = 0; i < METRIC_COUNT; i++)
        plugin->metrics[i] = (struct falco_metric){
            .name = METRIC_NAMES[i], .type = METRIC_TYPES[i], .value_type = FALCO_METRIC_U64};
    plugin->replay.payload = reserve();
    plugin->replay.record = reserve();
    const bool begun = runtime_begin(&plugin->runtime, input->config, logger, plugin->error);
    if (begun && (plugin->replay.payload == NULL || plugin->replay.record == NULL))
        snprintf(plugin->error, sizeof plugin->error, "out of memory");
    else if (begun) *rc = FALCO_SUCCESS;
    return plugin;
}

EXPORT void plugin_destroy(void *state) {
    struct plugin *plugin = state;
    if (plugin == NULL) return;
    for (uint32_t i = 0; i < INSTANCES_MAX; i++) plugin_close(plugin, plugin->instances[i]);
    runtime_end(&plugin->runtime);
    if (plugin->replay.payload != NULL) munmap(plugin->replay.payload, RECORD_MAX);
    if (plugin->replay.record != NULL) munmap(plugin->replay.record, RECORD_MAX);
    free(plugin);
}

EXPORT const char *plugin_get_last_error(void *state) {
    const struct plugin *plugin = state;
    return plugin == NULL ? "the plugin could not be set up: out of memory" : plugin->error;
}

EXPORT int32_t plugin_set_config(void *state, const struct falco_set_config_input *input) {
    struct plugin *plugin = state;
    return runtime_configure(&plugin->runtime, input->config, plugin->error) ? FALCO_SUCCESS : FALCO_FAILURE;
}

static uint64_t delivered_events(struct plugin *plugin) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < INSTANCES_MAX; i++)
        sum += atomic_load_explicit(&plugin->delivered[i], memory_order_relaxed);
    return sum;
}

// Metrics come from two threads at once: the values are moved atomically, all else was written at init.
EXPORT struct falco_metric *plugin_get_metrics(void *state, uint32_t *count) {
    struct plugin *plugin = state;
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        uint64_t value = runtime_metric(&plugin->runtime, i);
        if (i == METRIC_DELIVERED) value = delivered_events(plugin);
        if (i == METRIC_RUNTIME_RESTARTS) value = atomic_load(&plugin->runtime.restarts);
        if (i == METRIC_EXTRACT_FAILURES) value = atomic_load(&plugin->extract_failures);
        __atomic_store_n(&plugin->metrics[i].value, value, __ATOMIC_RELAXED);
    }
    *count = METRIC_COUNT;
    return plugin->metrics;
}

// Instances --------------------------------------------------------------------------------------------------------

// The runtime calls this once nobody uses the instance any more.
static void instance_free(struct stream *stream) {
    struct instance *instance = (struct instance *)(void *)((char *)stream - offsetof(struct instance, stream));
    batch_free(&instance->batch);
    ring_close(&instance->stream.ring);
    free(instance->stream.params);
    free(instance);
}

EXPORT void *plugin_open(void *state, const char *params, int32_t *rc) {
    struct plugin *plugin = state;
    *rc = FALCO_FAILURE;
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) {
        snprintf(plugin->error, sizeof plugin->error, "out of memory");
        return NULL;
    }
    instance->stream.ring.fd = -1;
    instance->stream.free = instance_free;
    instance->stream.params = strdup(params == NULL ? "" : params);
    if (instance->stream.params == NULL || batch_create(&instance->batch) != 0 ||
        ring_create(&instance->stream.ring) != 0) {
        snprintf(plugin->error, sizeof plugin->error, "cannot make the instance's memory: %m");
        instance_free(&instance->stream);
        return NULL;
    }
    if (!runtime_open(&plugin->runtime, &instance->stream, plugin->error)) {
        instance_free(&instance->stream);
        return NULL;
    }
    plugin->instances[instance->stream.slot] = instance;
    *rc = FALCO_SUCCESS;
    return instance;
}

EXPORT void plugin_close(void *state, void *handle) {
    struct plugin *plugin = state;
    struct instance *instance = handle;
    if (instance == NULL) return;
    plugin->instances[instance->stream.slot] = NULL;
    runtime_close(&plugin->runtime, &instance->stream);
}

// Events -----------------------------------------------------------------------------------------------------------

// The first `count` events of the batch have reached Falco: the ring gives them up. What is above its tail when the
// instance is closed, or when Falco is killed, the runtime keeps for the next one.
static void deliver(struct plugin *plugin, struct instance *instance, uint32_t count) {
    struct batch *batch = &instance->batch;
    assert(count > batch->delivered && count <= batch->count);
    _Atomic uint64_t *delivered = &plugin->delivered[instance->stream.slot];
    const uint64_t sum = atomic_load_explicit(delivered, memory_order_relaxed) + count - batch->delivered;
    atomic_store_explicit(delivered, sum, memory_order_relaxed);
    batch->delivered = count;
    ring_release(&instance->stream.ring, batch_end(batch, count - 1));
}

// Copies what is in the ring into the batch. False where the ring does not hold what the runtime has to write there.
static bool take(struct instance *instance, uint64_t head) {
    const size_t taken = batch_take(&instance->batch, &instance->stream.ring, instance->taken, head);
    instance->taken += taken;
    return taken > 0;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

EXPORT int32_t plugin_next_batch(void *state, void *handle, uint32_t *count, struct falco_event ***events) {
    struct plugin *plugin = state;
    struct instance *instance = handle;
    struct runtime *runtime = &plugin->runtime;
    struct ring *ring = &instance->stream.ring;
    *count = 0;
    *events = NULL;
    uint64_t now = clock_now();
    const uint64_t deadline = now + BATCH_WAIT_MS * NS_PER_MS;
    // Falco asks for more: it went on from all that it has, also from what no rule wanted a field of.
    if (instance->batch.delivered < instance->batch.count) deliver(plugin, instance, instance->batch.count);
    for (;;) {
        const enum runtime_state runtime_state = runtime_look_after(runtime, plugin->error);
        if (runtime_state == RUNTIME_FAILED) return FALCO_FAILURE;
        const uint64_t head = ring_head(ring);
        uint64_t target = instance->taken + 1;
        uint64_t until = deadline;
        if (head != instance->taken) {
            const uint64_t due = instance->flushed_at + runtime->flush_interval_ns;
            if (now >= due || head - instance->taken >= BATCH_BYTES) {
                if (take(instance, head)) {
                    instance->flushed_at = now;
                    *count = instance->batch.count;
                    *events = instance->batch.events;
                    return FALCO_SUCCESS;
                }
                if (runtime_distrust(runtime, "it wrote no valid record")) {
                    ring_reset(ring, instance->taken);
                    return FALCO_TIMEOUT;
                }
                // Another of Falco's threads works on the runtime. Nothing of it is read meanwhile.
                if (now >= deadline) return FALCO_TIMEOUT;
                clock_sleep(STARTING_WAIT_MS);
                now = clock_now();
                continue;
            }
            target = instance->taken + BATCH_BYTES;
            until = earlier(due, deadline);
        }
        if (now >= deadline) return FALCO_TIMEOUT;
        if (runtime_state == RUNTIME_STARTING) until = earlier(until, now + STARTING_WAIT_MS * NS_PER_MS);
        // After a signal Falco wants to look at its flags.
        if (ring_wait(ring, target, until) == RING_INTERRUPTED) return FALCO_TIMEOUT;
        now = clock_now();
    }
}

EXPORT const char *plugin_get_progress(void *state, void *handle, uint32_t *progress) {
    (void)state, (void)handle;
    *progress = 0;
    return "a live stream has no end";
}

EXPORT const char *plugin_list_open_params(void *state, int32_t *rc) {
    struct plugin *plugin = state;
    size_t length = 0;
    const enum outcome outcome = runtime_ask(&plugin->runtime, REQUEST_LIST, NULL, 0, LIST_MS, plugin->list,
                                             sizeof plugin->list - 1, &length, plugin->error);
    plugin->list[length] = 0;
    *rc = outcome == ANSWERED ? FALCO_SUCCESS : FALCO_FAILURE;
    return outcome == ANSWERED ? plugin->list : NULL;
}

// Fields -----------------------------------------------------------------------------------------------------------

// The record of an event that no batch holds: from a capture file, perhaps of another version of the plugin. Falco
// reads those into one and the same buffer, so only equal bytes prove that the last answer is still the right one.
static const uint8_t *replayed_record(struct plugin *plugin, const struct falco_event *event) {
    struct replay *replay = &plugin->replay;
    const uint32_t length = event->param_len[1];
    if (event->type != EVENT_TYPE || event->nparams != 2 || event->param_len[0] != sizeof event->plugin_id ||
        event->len < EVENT_PAYLOAD || length != event->len - EVENT_PAYLOAD || length > RECORD_MAX)
        return NULL;
    if (!replay->filled || replay->length != length || memcmp(replay->payload, event->payload, length) != 0) {
        memcpy(replay->payload, event->payload, length);
        replay->length = length;
        replay->size = 0;
        const enum outcome outcome = runtime_ask(&plugin->runtime, REQUEST_EXTRACT, event->payload, length, EXTRACT_MS,
                                                 replay->record, RECORD_MAX, &replay->size, NULL);
        if (outcome != ANSWERED || replay->size < RECORD_MIN || !record_valid(replay->record, replay->size)) {
            replay->size = 0;
            atomic_fetch_add(&plugin->extract_failures, 1);
        }
        // A runtime that was too slow, or is gone, may answer the next time; an event that is none stays none.
        replay->filled = outcome == ANSWERED || outcome == REFUSED;
    }
    return replay->size == 0 ? NULL : replay->record;
}

static const uint8_t *find_record(struct plugin *plugin, const struct falco_event *event) {
    for (uint32_t i = 0; i < INSTANCES_MAX; i++) {
        struct instance *instance = plugin->instances[i];
        const uint8_t *record = instance == NULL ? NULL : batch_record(&instance->batch, event);
        if (record == NULL) continue;
        // Falco is at this event: it went on from those before it, and cannot hand this one back.
        if (instance->batch.last >= instance->batch.delivered) deliver(plugin, instance, instance->batch.last + 1);
        return record;
    }
    return replayed_record(plugin, event);
}

EXPORT int32_t plugin_extract_fields(void *state, const struct falco_event_input *event,
                                     const struct falco_extract_input *input) {
    struct plugin *plugin = state;
    const uint8_t *record = find_record(plugin, event->evt);
    plugin->cells.used = 0;
    for (uint32_t i = 0; i < input->num_fields; i++) {
        if (record != NULL) extract_field(record, &input->fields[i], &plugin->cells);
        else extract_absent(&input->fields[i]);
    }
    return FALCO_SUCCESS;
}

EXPORT const char *plugin_event_to_string(void *state, const struct falco_event_input *event) {
    static const struct {
        uint32_t field;
        const char *label;
    } parts[] = {
        {FIELD_DOCKER_TYPE, ""},
        {FIELD_DOCKER_ACTION, ""},
        {FIELD_DOCKER_ATTRIBUTES_NAME, "name="},
        {FIELD_DOCKER_FROM, "from="},
        {FIELD_DOCKER_ID, "id="},
        {FIELD_DOCKER_SCOPE, "scope="},
    };
    struct plugin *plugin = state;
    const uint8_t *record = find_record(plugin, event->evt);
    if (record == NULL) return "not a Docker event";
    size_t used = 0;
    plugin->text[0] = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts && used < sizeof plugin->text; i++) {
        const char *value = extract_string(record, parts[i].field);
        if (value == NULL) continue;
        used += (size_t)snprintf(plugin->text + used, sizeof plugin->text - used, "%s%s%s", used == 0 ? "" : " ",
                                 parts[i].label, value);
    }
    log_clean(plugin->text);
    return plugin->text;
}
