// The part of Falco's plugin ABI that this plugin speaks, for plugin API 3.4.0 on 64-bit Linux
// (falcosecurity/libs 0.23.2: userspace/plugin/plugin_api.h and plugin_types.h). The asserts are the contract.
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum falco_rc {
    FALCO_SUCCESS = 0,
    FALCO_FAILURE = 1,
    FALCO_TIMEOUT = -1,
    FALCO_EOF = 2,
    FALCO_NOT_SUPPORTED = 3,
};

enum falco_severity {
    FALCO_CRITICAL = 2,
    FALCO_ERROR = 3,
    FALCO_WARNING = 4,
    FALCO_NOTICE = 5,
    FALCO_INFO = 6,
    FALCO_DEBUG = 7,
};

// A plugin event: this header, two parameter lengths (u32), the plugin's id (u32), the payload.
struct __attribute__((packed)) falco_event {
    uint64_t ts;
    uint64_t tid;
    uint32_t len;
    uint16_t type;
    uint32_t nparams;
    uint32_t param_len[2];
    uint32_t plugin_id;
    uint8_t payload[];
};
static_assert(offsetof(struct falco_event, tid) == 8, "");
static_assert(offsetof(struct falco_event, len) == 16, "");
static_assert(offsetof(struct falco_event, type) == 20, "");
static_assert(offsetof(struct falco_event, nparams) == 22, "");
static_assert(offsetof(struct falco_event, param_len) == 26, "");
static_assert(offsetof(struct falco_event, plugin_id) == 34, "");
static_assert(offsetof(struct falco_event, payload) == 38, "");

struct falco_event_input {
    const struct falco_event *evt;
    uint64_t evtnum;
    const char *source;
};
static_assert(sizeof(struct falco_event_input) == 24, "");

struct falco_extract_field {
    const void *res;
    uint64_t res_len;
    uint32_t field_id;
    const char *field;
    const char *arg_key;
    uint64_t arg_index;
    uint32_t arg_present;
    uint32_t ftype;
    uint32_t flist;
};
static_assert(sizeof(struct falco_extract_field) == 64, "");
static_assert(offsetof(struct falco_extract_field, res_len) == 8, "");
static_assert(offsetof(struct falco_extract_field, field_id) == 16, "");
static_assert(offsetof(struct falco_extract_field, field) == 24, "");
static_assert(offsetof(struct falco_extract_field, arg_key) == 32, "");
static_assert(offsetof(struct falco_extract_field, arg_index) == 40, "");
static_assert(offsetof(struct falco_extract_field, arg_present) == 48, "");
static_assert(offsetof(struct falco_extract_field, ftype) == 52, "");
static_assert(offsetof(struct falco_extract_field, flist) == 56, "");

// Only what an API 3.4.0 host fills: members after `fields` must not be read.
struct falco_extract_input {
    void *owner;
    const char *(*get_owner_last_error)(void *);
    uint32_t num_fields;
    struct falco_extract_field *fields;
    void *reserved[6];
};
static_assert(sizeof(struct falco_extract_input) == 80, "");
static_assert(offsetof(struct falco_extract_input, num_fields) == 16, "");
static_assert(offsetof(struct falco_extract_input, fields) == 24, "");

typedef void (*falco_log_fn)(void *owner, const char *component, const char *message, int32_t severity);

struct falco_init_input {
    const char *config;
    void *owner;
    const char *(*get_owner_last_error)(void *);
    const void *tables;
    falco_log_fn log_fn;
};
static_assert(sizeof(struct falco_init_input) == 40, "");
static_assert(offsetof(struct falco_init_input, owner) == 8, "");
static_assert(offsetof(struct falco_init_input, log_fn) == 32, "");

struct falco_set_config_input {
    const char *config;
};
static_assert(sizeof(struct falco_set_config_input) == 8, "");

enum falco_metric_type { FALCO_METRIC_MONOTONIC = 0, FALCO_METRIC_NON_MONOTONIC = 1 };
enum falco_metric_value_type { FALCO_METRIC_U64 = 2 };

struct falco_metric {
    const char *name;
    uint32_t type;
    uint64_t value;
    uint32_t value_type;
};
static_assert(sizeof(struct falco_metric) == 32, "");
static_assert(offsetof(struct falco_metric, type) == 8, "");
static_assert(offsetof(struct falco_metric, value) == 16, "");
static_assert(offsetof(struct falco_metric, value_type) == 24, "");

enum { FALCO_SCHEMA_JSON = 1 };

// The symbols of this plugin that Falco looks up; what each does is plugin_api.h's to say. `state` is what plugin_init
// returned, `instance` what plugin_open did; what is returned stays valid until the next call of the same symbol, and
// what describes the plugin for ever. An int32_t, returned or in *rc, is one of enum falco_rc.
const char *plugin_get_required_api_version(void);
const char *plugin_get_name(void);
const char *plugin_get_description(void);
const char *plugin_get_contact(void);
const char *plugin_get_version(void);
uint32_t plugin_get_id(void);
const char *plugin_get_event_source(void);
const char *plugin_get_fields(void);
const char *plugin_get_init_schema(uint32_t *schema_type);

void *plugin_init(const struct falco_init_input *input, int32_t *rc);
void plugin_destroy(void *state);
const char *plugin_get_last_error(void *state);
int32_t plugin_set_config(void *state, const struct falco_set_config_input *input);
struct falco_metric *plugin_get_metrics(void *state, uint32_t *count);

const char *plugin_list_open_params(void *state, int32_t *rc);
void *plugin_open(void *state, const char *params, int32_t *rc);
void plugin_close(void *state, void *instance);
int32_t plugin_next_batch(void *state, void *instance, uint32_t *count, struct falco_event ***events);
const char *plugin_get_progress(void *state, void *instance, uint32_t *progress);

int32_t plugin_extract_fields(void *state, const struct falco_event_input *event,
                              const struct falco_extract_input *input);
const char *plugin_event_to_string(void *state, const struct falco_event_input *event);
