// The symbols that Falco calls, over the runtime, its instances and their batches. Every pointer that goes out stays valid
// until the next call of the same kind.
#define _GNU_SOURCE
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "constants.h"
#include "host/batch.h"
#include "host/errors.h"
#include "host/extract.h"
#include "host/instance.h"
#include "host/replay.h"
#include "host/runtime.h"
#include "shared/clock.h"
#include "shared/falco_abi.h"
#include "shared/ring.h"

#define EXPORT __attribute__((visibility("default")))

#define LIST_MS 2000u
#define LIST_MAX (64 * 1024)
#define TEXT_MAX 1024
// next_batch looks this often while the runtime starts.
#define STARTING_WAIT_MS 5u

struct plugin {
    struct runtime runtime;
    struct instance *_Atomic instances[INSTANCES_MAX];
    // Where the events of each lie, NULL for none: an instance may be closed while another thread looks for an event that is
    // of another one, and is freed then.
    const uint8_t *_Atomic memory[INSTANCES_MAX];
    struct replay replay;
    struct extract_cells cells;
    // By the instance's slot, as each has one thread that counts; over the lives of all instances of a slot.
    _Atomic uint64_t delivered[INSTANCES_MAX];
    _Atomic uint64_t extract_failures;
    struct falco_metric metrics[METRIC_COUNT];
    char text[TEXT_MAX];
    char list[LIST_MAX];
    struct errors errors;
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

EXPORT void *plugin_init(const struct falco_init_input *input, int32_t *rc) {
    *rc = FALCO_FAILURE;
    struct plugin *plugin = calloc(1, sizeof *plugin);
    if (plugin == NULL) return NULL;
    const struct logger logger = {.write = input->log_fn, .owner = input->owner};
    for (uint32_t i = 0; i < METRIC_COUNT; i++)
        plugin->metrics[i] =
            (struct falco_metric){.name = METRIC_NAMES[i], .type = METRIC_TYPES[i], .value_type = FALCO_METRIC_U64};
    const bool reserved = replay_create(&plugin->replay) == 0;
    char error[ERROR_MAX];
    const bool begun = runtime_begin(&plugin->runtime, input->config, logger, error);
    if (begun && reserved) *rc = FALCO_SUCCESS;
    else errors_tell(&plugin->errors, begun ? "out of memory" : error);
    return plugin;
}

EXPORT void plugin_destroy(void *state) {
    struct plugin *plugin = state;
    if (plugin == NULL) return;
    for (uint32_t i = 0; i < INSTANCES_MAX; i++) plugin_close(plugin, plugin->instances[i]);
    runtime_end(&plugin->runtime);
    replay_free(&plugin->replay);
    free(plugin);
}

EXPORT const char *plugin_get_last_error(void *state) {
    struct plugin *plugin = state;
    return plugin == NULL ? "the plugin could not be set up: out of memory" : errors_last(&plugin->errors);
}

EXPORT int32_t plugin_set_config(void *state, const struct falco_set_config_input *input) {
    struct plugin *plugin = state;
    char error[ERROR_MAX];
    if (runtime_configure(&plugin->runtime, input->config, error)) return FALCO_SUCCESS;
    errors_tell(&plugin->errors, error);
    return FALCO_FAILURE;
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

EXPORT void *plugin_open(void *state, const char *params, int32_t *rc) {
    struct plugin *plugin = state;
    *rc = FALCO_FAILURE;
    char error[ERROR_MAX];
    struct instance *instance = instance_create(params);
    if (instance == NULL) {
        snprintf(error, sizeof error, "cannot make the instance's memory: %m");
        errors_tell(&plugin->errors, error);
        return NULL;
    }
    if (!runtime_open(&plugin->runtime, instance, error)) {
        errors_tell(&plugin->errors, error);
        instance_free(instance);
        return NULL;
    }
    assert(instance->slot < INSTANCES_MAX);
    plugin->instances[instance->slot] = instance;
    plugin->memory[instance->slot] = instance->batch.memory;
    *rc = FALCO_SUCCESS;
    return instance;
}

EXPORT void plugin_close(void *state, void *handle) {
    struct plugin *plugin = state;
    struct instance *instance = handle;
    if (instance == NULL) return;
    plugin->memory[instance->slot] = NULL;
    plugin->instances[instance->slot] = NULL;
    runtime_close(&plugin->runtime, instance);
}

// Events -----------------------------------------------------------------------------------------------------------

// The first `count` events of the batch have reached Falco: the ring gives them up. What is above its tail when the
// instance is closed, or when Falco is killed, the runtime keeps for the next one.
static void deliver(struct plugin *plugin, struct instance *instance, uint32_t count) {
    struct batch *batch = &instance->batch;
    assert(count > batch->delivered && count <= batch->count);
    _Atomic uint64_t *delivered = &plugin->delivered[instance->slot];
    const uint64_t sum = atomic_load_explicit(delivered, memory_order_relaxed) + count - batch->delivered;
    atomic_store_explicit(delivered, sum, memory_order_relaxed);
    batch->delivered = count;
    ring_release(&instance->ring, batch_end(batch, count - 1));
}

// Copies what is in the ring into the batch. False where the ring does not hold what the runtime has to write there.
static bool take(struct instance *instance, uint64_t head) {
    const size_t taken = batch_take(&instance->batch, &instance->ring, instance->taken, head);
    instance->taken += taken;
    return taken > 0;
}

EXPORT int32_t plugin_next_batch(void *state, void *handle, uint32_t *count, struct falco_event ***events) {
    struct plugin *plugin = state;
    struct instance *instance = handle;
    struct runtime *runtime = &plugin->runtime;
    struct ring *ring = &instance->ring;
    *count = 0;
    *events = NULL;
    char error[ERROR_MAX];
    uint64_t now = clock_now();
    const uint64_t deadline = now + BATCH_WAIT_MS * NS_PER_MS;
    // Falco asks for more: it went on from all that it has, also from what no rule wanted a field of.
    if (instance->batch.delivered < instance->batch.count) deliver(plugin, instance, instance->batch.count);
    for (;;) {
        const enum runtime_state runtime_state = runtime_supervise(runtime, error);
        // A runtime of an engine's stream may say what it wants: that has no end.
        const bool ended = instance->is_finite && ring_ended(ring);
        const uint64_t head = ring_head(ring);
        if (ended && head == instance->taken) return FALCO_EOF;
        if (runtime_state == RUNTIME_FAILED) {
            errors_tell(&plugin->errors, error);
            return FALCO_FAILURE;
        }
        uint64_t target = instance->taken + 1;
        uint64_t until = deadline;
        if (head != instance->taken) {
            const uint64_t due = instance->flushed_at + runtime->flush_interval_ns;
            if (now >= due || ended || head - instance->taken >= BATCH_BYTES) {
                if (take(instance, head)) {
                    instance->flushed_at = now;
                    *count = instance->batch.count;
                    *events = instance->batch.events;
                    return FALCO_SUCCESS;
                }
                if (runtime_replace(runtime, "it wrote no valid record")) {
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
        if (ring_wait(ring, target, instance->is_finite, until) == RING_INTERRUPTED) return FALCO_TIMEOUT;
        now = clock_now();
    }
}

EXPORT const char *plugin_get_progress(void *state, void *handle, uint32_t *progress) {
    (void)state;
    struct instance *instance = handle;
    const bool all =
        instance->is_finite && ring_ended(&instance->ring) && ring_head(&instance->ring) == instance->taken;
    *progress = all ? PROGRESS_MAX : 0;
    if (!instance->is_finite) return "a live stream has no end";
    // What has been read and has not come to Falco yet leaves something to do.
    const uint32_t read = ring_progress(&instance->ring);
    if (!all) *progress = read < PROGRESS_MAX ? read : PROGRESS_MAX - 1;
    snprintf(instance->progress, sizeof instance->progress, "%u.%02u%%", *progress / 100, *progress % 100);
    return instance->progress;
}

EXPORT const char *plugin_list_open_params(void *state, int32_t *rc) {
    struct plugin *plugin = state;
    size_t length = 0;
    char error[ERROR_MAX];
    const enum outcome outcome = runtime_ask(&plugin->runtime, REQUEST_LIST, NULL, 0, LIST_MS, plugin->list,
                                             sizeof plugin->list - 1, &length, error);
    plugin->list[length] = 0;
    if (outcome != ANSWERED) errors_tell(&plugin->errors, error);
    *rc = outcome == ANSWERED ? FALCO_SUCCESS : FALCO_FAILURE;
    return outcome == ANSWERED ? plugin->list : NULL;
}

// Fields -----------------------------------------------------------------------------------------------------------

static const uint8_t *find_record(struct plugin *plugin, const struct falco_event *event) {
    for (uint32_t i = 0; i < INSTANCES_MAX; i++) {
        const uint8_t *memory = plugin->memory[i];
        if (memory == NULL || (uintptr_t)event - (uintptr_t)memory >= RECORD_MAX) continue;
        // It is of this one, which Falco does not close as long as it asks for its events.
        struct instance *instance = plugin->instances[i];
        const uint8_t *record = instance == NULL ? NULL : batch_record(&instance->batch, event);
        if (record == NULL) continue;
        // Falco is at this event: it went on from those before it, and cannot hand this one back.
        if (instance->batch.last >= instance->batch.delivered) deliver(plugin, instance, instance->batch.last + 1);
        return record;
    }
    return replay_record(&plugin->replay, &plugin->runtime, event, &plugin->extract_failures);
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
        {FIELD_DOCKER_TYPE, ""},      {FIELD_DOCKER_ACTION, ""}, {FIELD_DOCKER_ATTRIBUTES_NAME, "name="},
        {FIELD_DOCKER_FROM, "from="}, {FIELD_DOCKER_ID, "id="},  {FIELD_DOCKER_SCOPE, "scope="},
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
