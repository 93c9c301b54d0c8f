// The part of Falco's plugin ABI that this plugin speaks, for plugin API 3.4.0 on 64-bit Linux
// (falcosecurity/libs: userspace/plugin/plugin_api.h and plugin_types.h). The asserts are the contract.
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
