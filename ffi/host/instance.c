// The memory of an instance.
#define _GNU_SOURCE
#include "host/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "constants.h"
#include "shared/clock.h"

struct instance *instance_create(const char *params) {
    struct instance *instance = calloc(1, sizeof *instance);
    if (instance == NULL) return NULL;
    instance->ring.fd = -1;
    instance->opened_at = clock_now();
    instance->params = strdup(params == NULL ? "" : params);
    instance->is_finite = params != NULL && strncmp(params, FILE_SCHEME, sizeof FILE_SCHEME - 1) == 0;
    if (instance->params != NULL && batch_create(&instance->batch) == 0 && ring_create(&instance->ring) == 0)
        return instance;
    const int error = errno;
    instance_free(instance);
    errno = error;
    return NULL;
}

void instance_free(struct instance *instance) {
    if (instance == NULL) return;
    batch_free(&instance->batch);
    ring_close(&instance->ring);
    free(instance->params);
    free(instance);
}
