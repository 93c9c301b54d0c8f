// libdocker.so, which this is linked to, with its extractions counted: their number is printed at the end.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <inttypes.h>
#include <stdio.h>

#include "shared/falco_abi.h"

static uint64_t calls;
static uint64_t fields;

__attribute__((visibility("default"))) int32_t plugin_extract_fields(void *state, const struct falco_event_input *event,
                                                                     const struct falco_extract_input *input) {
    static int32_t (*next)(void *, const struct falco_event_input *, const struct falco_extract_input *);
    if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "plugin_extract_fields");
    calls++;
    fields += input->num_fields;
    return next(state, event, input);
}

__attribute__((destructor)) static void tell(void) {
    fprintf(stderr, "calls %" PRIu64 "\nfields %" PRIu64 "\n", calls, fields);
}
