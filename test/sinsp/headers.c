// ffi/shared/falco_abi.h and the generated constants beside libsinsp's own headers. Nothing here runs: that it
// compiles is the test.
#include <driver/ppm_events_public.h>
#include <plugin/plugin_api.h>

#include "constants.h"
#include "host/extract.h"
#include "shared/falco_abi.h"

// Structs -----------------------------------------------------------------------------------------------------------

#define SIZE(ours, real) static_assert(sizeof(ours) == sizeof(real), "the size of " #real)
#define MEMBER(ours, our_member, real, real_member)                                                        \
    static_assert(offsetof(ours, our_member) == offsetof(real, real_member), "where " #real_member " is"); \
    static_assert(sizeof(((ours *)0)->our_member) == sizeof(((real *)0)->real_member), "the size of " #real_member)

#define EVENT(member) MEMBER(struct falco_event, member, ss_plugin_event, member)
EVENT(ts);
EVENT(tid);
EVENT(len);
EVENT(type);
EVENT(nparams);
static_assert(offsetof(struct falco_event, param_len) == sizeof(ss_plugin_event), "parameters follow the header");
static_assert(sizeof(ss_plugin_event) == sizeof(struct ppm_evt_hdr), "the header is libscap's");
static_assert(offsetof(struct falco_event, payload) == PLUGIN_EVENT_PAYLOAD_OFFSET, "where the payload is");
static_assert(EVENT_PAYLOAD == PLUGIN_EVENT_PAYLOAD_OFFSET, "where the runtime writes the payload");
static_assert(EVENT_TYPE == PPME_PLUGINEVENT_E, "the type of a plugin's event");

SIZE(struct falco_event_input, ss_plugin_event_input);
MEMBER(struct falco_event_input, evt, ss_plugin_event_input, evt);
MEMBER(struct falco_event_input, evtnum, ss_plugin_event_input, evtnum);
MEMBER(struct falco_event_input, source, ss_plugin_event_input, evtsrc);

#define FIELD(member) MEMBER(struct falco_extract_field, member, ss_plugin_extract_field, member)
SIZE(struct falco_extract_field, ss_plugin_extract_field);
FIELD(res);
FIELD(res_len);
FIELD(field_id);
FIELD(field);
FIELD(arg_key);
FIELD(arg_index);
FIELD(arg_present);
FIELD(ftype);
FIELD(flist);

#define EXTRACT(member) MEMBER(struct falco_extract_input, member, ss_plugin_field_extract_input, member)
EXTRACT(owner);
EXTRACT(get_owner_last_error);
EXTRACT(num_fields);
EXTRACT(fields);
// The real one may grow at its end; what we read of it lies before that.
static_assert(sizeof(struct falco_extract_input) <= sizeof(ss_plugin_field_extract_input), "we read past its end");

#define INIT(member) MEMBER(struct falco_init_input, member, ss_plugin_init_input, member)
SIZE(struct falco_init_input, ss_plugin_init_input);
INIT(config);
INIT(owner);
INIT(get_owner_last_error);
INIT(tables);
INIT(log_fn);

SIZE(struct falco_set_config_input, ss_plugin_set_config_input);
MEMBER(struct falco_set_config_input, config, ss_plugin_set_config_input, config);

#define METRIC(member) MEMBER(struct falco_metric, member, ss_plugin_metric, member)
SIZE(struct falco_metric, ss_plugin_metric);
METRIC(name);
METRIC(type);
METRIC(value);
METRIC(value_type);

// One value of an answer.
static_assert(sizeof(union extract_cell) == sizeof(*((ss_plugin_extract_field *)0)->res.str), "an answer's texts");
static_assert(sizeof(union extract_cell) == sizeof(*((ss_plugin_extract_field *)0)->res.u64), "an answer's numbers");
static_assert(sizeof(((union extract_cell *)0)->boolean) == sizeof(ss_plugin_bool), "an answer's bool");

// Numbers -----------------------------------------------------------------------------------------------------------

#define NUMBER(ours, real) static_assert((int64_t)(ours) == (int64_t)(real), #ours " is " #real)
NUMBER(FALCO_SUCCESS, SS_PLUGIN_SUCCESS);
NUMBER(FALCO_FAILURE, SS_PLUGIN_FAILURE);
NUMBER(FALCO_TIMEOUT, SS_PLUGIN_TIMEOUT);
NUMBER(FALCO_EOF, SS_PLUGIN_EOF);
NUMBER(FALCO_NOT_SUPPORTED, SS_PLUGIN_NOT_SUPPORTED);

NUMBER(FALCO_CRITICAL, SS_PLUGIN_LOG_SEV_CRITICAL);
NUMBER(FALCO_ERROR, SS_PLUGIN_LOG_SEV_ERROR);
NUMBER(FALCO_WARNING, SS_PLUGIN_LOG_SEV_WARNING);
NUMBER(FALCO_NOTICE, SS_PLUGIN_LOG_SEV_NOTICE);
NUMBER(FALCO_INFO, SS_PLUGIN_LOG_SEV_INFO);
NUMBER(FALCO_DEBUG, SS_PLUGIN_LOG_SEV_DEBUG);

NUMBER(FALCO_METRIC_MONOTONIC, SS_PLUGIN_METRIC_TYPE_MONOTONIC);
NUMBER(FALCO_METRIC_NON_MONOTONIC, SS_PLUGIN_METRIC_TYPE_NON_MONOTONIC);
NUMBER(FALCO_METRIC_U64, SS_PLUGIN_METRIC_VALUE_TYPE_U64);
NUMBER(FALCO_SCHEMA_JSON, SS_PLUGIN_SCHEMA_JSON);

NUMBER(FIELD_UINT64, FTYPE_UINT64);
NUMBER(FIELD_STRING, FTYPE_STRING);
NUMBER(FIELD_ABSTIME, FTYPE_ABSTIME);
NUMBER(FIELD_BOOL, FTYPE_BOOL);

// Functions ---------------------------------------------------------------------------------------------------------

// Each prototype is said once, with the names of one side's types put in: ours_… and real_….
typedef int32_t ours_rc;
typedef ss_plugin_rc real_rc;
typedef uint32_t ours_schema_type;
typedef ss_plugin_schema_type real_schema_type;
typedef struct falco_event ours_event;
typedef ss_plugin_event real_event;
typedef struct falco_event_input ours_event_input;
typedef ss_plugin_event_input real_event_input;
typedef struct falco_extract_input ours_extract_input;
typedef ss_plugin_field_extract_input real_extract_input;
typedef struct falco_init_input ours_init_input;
typedef ss_plugin_init_input real_init_input;
typedef struct falco_set_config_input ours_set_config_input;
typedef ss_plugin_set_config_input real_set_config_input;
typedef struct falco_metric ours_metric;
typedef ss_plugin_metric real_metric;

#define FUNCTIONS(IS, side)                                                                            \
    IS(get_required_api_version, const char *, (void));                                                \
    IS(get_name, const char *, (void));                                                                \
    IS(get_description, const char *, (void));                                                         \
    IS(get_contact, const char *, (void));                                                             \
    IS(get_version, const char *, (void));                                                             \
    IS(get_init_schema, const char *, (side##_schema_type *));                                         \
    IS(init, void *, (const side##_init_input *, side##_rc *));                                        \
    IS(destroy, void, (void *));                                                                       \
    IS(get_last_error, const char *, (void *));                                                        \
    IS(get_id, uint32_t, (void));                                                                      \
    IS(get_event_source, const char *, (void));                                                        \
    IS(open, void *, (void *, const char *, side##_rc *));                                             \
    IS(close, void, (void *, void *));                                                                 \
    IS(list_open_params, const char *, (void *, side##_rc *));                                         \
    IS(get_progress, const char *, (void *, void *, uint32_t *));                                      \
    IS(event_to_string, const char *, (void *, const side##_event_input *));                           \
    IS(next_batch, side##_rc, (void *, void *, uint32_t *, side##_event ***));                         \
    IS(get_fields, const char *, (void));                                                              \
    IS(extract_fields, side##_rc, (void *, const side##_event_input *, const side##_extract_input *)); \
    IS(set_config, side##_rc, (void *, const side##_set_config_input *));                              \
    IS(get_metrics, side##_metric *, (void *, uint32_t *))

#define IS_OURS(name, result, arguments) \
    static_assert(__builtin_types_compatible_p(__typeof__(&plugin_##name), result(*) arguments), "ours: " #name)
#define IS_REAL(name, result, arguments)                                                                  \
    static_assert(__builtin_types_compatible_p(__typeof__(((plugin_api *)0)->name), result(*) arguments), \
                  "real: " #name)
FUNCTIONS(IS_OURS, ours);
FUNCTIONS(IS_REAL, real);

// The log function: what its owner gives is what we call.
static_assert(__builtin_types_compatible_p(ss_plugin_log_fn_t,
                                           void (*)(void *, const char *, const char *, ss_plugin_log_severity)),
              "real: log_fn");
static_assert(sizeof(ss_plugin_log_severity) == sizeof(int32_t), "a severity");
