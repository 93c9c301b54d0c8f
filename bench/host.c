// Plays Falco for the benchmarks, and prints what it measured: a name and numbers a line, times in nanoseconds.
//   host WHAT LIBRARY ADDRESS [N] [MORE]
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "constants.h"
#include "shared/falco_abi.h"

static struct {
    void *(*init)(const struct falco_init_input *, int32_t *);
    void (*destroy)(void *);
    const char *(*get_last_error)(void *);
    void *(*open)(void *, const char *, int32_t *);
    void (*close)(void *, void *);
    int32_t (*next_batch)(void *, void *, uint32_t *, struct falco_event ***);
    int32_t (*extract_fields)(void *, const struct falco_event_input *, const struct falco_extract_input *);
} api;

static const char *config = "{\"statefile\": \"\", \"inspect\": false}";
static void *state, *instance;

static uint64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void die(const char *what, const char *why) {
    fprintf(stderr, "host: %s: %s\n", what, why);
    exit(1);
}

static void load(const char *library) {
    void *l = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (l == NULL) die(library, dlerror());
    api.init = dlsym(l, "plugin_init");
    api.destroy = dlsym(l, "plugin_destroy");
    api.get_last_error = dlsym(l, "plugin_get_last_error");
    api.open = dlsym(l, "plugin_open");
    api.close = dlsym(l, "plugin_close");
    api.next_batch = dlsym(l, "plugin_next_batch");
    api.extract_fields = dlsym(l, "plugin_extract_fields");
}

static void init(void) {
    int32_t rc;
    const struct falco_init_input input = {.config = config};
    state = api.init(&input, &rc);
    if (rc != 0) die("init", api.get_last_error(state));
}

static void start(const char *address) {
    init();
    int32_t rc;
    instance = api.open(state, address, &rc);
    if (rc != 0) die("open", api.get_last_error(state));
}

static struct falco_event **batch(uint32_t *count) {
    struct falco_event **events;
    for (;;) {
        const int32_t rc = api.next_batch(state, instance, count, &events);
        if (rc != 0 && rc != FALCO_TIMEOUT) die("next_batch", api.get_last_error(state));
        if (*count > 0) return events;
    }
}

static void end(void) {
    api.close(state, instance);
    api.destroy(state);
}

// The runtime's process: the only child.
static pid_t runtime(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "r");
    int pid = -1;
    if (file == NULL || fscanf(file, "%d", &pid) != 1) die("runtime", "no child");
    fclose(file);
    return pid;
}

static uint64_t cpu_of(pid_t pid) {
    char path[64], text[2048];
    uint64_t total = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL) return 0;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] == '.') continue;
        snprintf(text, sizeof text, "/proc/%d/task/%s/schedstat", (int)pid, task->d_name);
        FILE *file = fopen(text, "r");
        unsigned long long ran = 0;
        if (file != NULL && fscanf(file, "%llu", &ran) == 1) total += ran;
        if (file != NULL) fclose(file);
    }
    closedir(tasks);
    return total;
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void quantiles(uint64_t *values, long count) {
    qsort(values, (size_t)count, sizeof *values, ascending);
    printf("p50 %llu\np99 %llu\nmax %llu\n", (unsigned long long)values[count / 2],
           (unsigned long long)values[count * 99 / 100], (unsigned long long)values[count - 1]);
}

// One call, asked for one field ---------------------------------------------------------------------------------------

static struct falco_extract_field asked(const char *name, uint32_t id, const char *key) {
    return (struct falco_extract_field){
        .field_id = id, .field = name, .arg_key = key, .arg_present = key != NULL, .ftype = 9};
}

static int32_t nothing(void *s, const struct falco_event_input *event, const struct falco_extract_input *input) {
    __asm__ volatile("" ::"r"(s), "r"(event), "r"(input) : "memory");
    return 0;
}

static double per_call(int32_t (*volatile call)(void *, const struct falco_event_input *,
                                                const struct falco_extract_input *),
                       const struct falco_event_input *event, const struct falco_extract_input *input, long calls) {
    const uint64_t began = now(CLOCK_MONOTONIC);
    for (long i = 0; i < calls; i++) call(state, event, input);
    return (double)(now(CLOCK_MONOTONIC) - began) / (double)calls;
}

static void extract(const char *address, long calls) {
    start(address);
    uint32_t count;
    struct falco_event **events = batch(&count);
    const struct falco_event_input event = {.evt = events[0], .evtnum = 1, .source = "docker"};
    struct falco_extract_field field = asked("docker.action", FIELD_DOCKER_ACTION, NULL);
    const struct falco_extract_input input = {.num_fields = 1, .fields = &field};
    per_call(api.extract_fields, &event, &input, 1000);
    const double one = per_call(api.extract_fields, &event, &input, calls);
    if (field.res_len != 1) die("extract", "no value");
    field = asked("docker.attributes", FIELD_DOCKER_ATTRIBUTES, "com.example.label-26");
    const double keyed = per_call(api.extract_fields, &event, &input, calls);
    if (field.res_len != 1) die("extract", "no attribute");
    field = asked("docker.container.runtime", FIELD_DOCKER_CONTAINER_RUNTIME, NULL);
    const double fact = per_call(api.extract_fields, &event, &input, calls);
    printf("facts %d\n", (int)field.res_len);
    const double empty = per_call(nothing, &event, &input, calls);
    printf("field %f\nattribute %f\nfact %f\nempty %f\n", one, keyed, fact, empty);
    end();
}

// Only calls of extract_fields, for a count of instructions; KEY: the attribute's.
static void extract_only(const char *address, long calls, bool keyed) {
    start(address);
    uint32_t count;
    struct falco_event **events = batch(&count);
    const struct falco_event_input event = {.evt = events[0], .evtnum = 1, .source = "docker"};
    struct falco_extract_field field = keyed
                                           ? asked("docker.attributes", FIELD_DOCKER_ATTRIBUTES, "com.example.label-26")
                                           : asked("docker.action", FIELD_DOCKER_ACTION, NULL);
    const struct falco_extract_input input = {.num_fields = 1, .fields = &field};
    per_call(api.extract_fields, &event, &input, calls);
    end();
}

// Events in other memory, each another one, all fields at once ---------------------------------------------------------

static void replay(long events) {
    init();
    static const char line[] =
        "{\"status\":\"start\",\"id\":\"2b8e2040fe1c764a222bdc4a8cceff3af7db092ead949f35ba805441bf88e57c\",\"from\":\"alpine:3.20\","
        "\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"2b8e2040fe1c764a222bdc4a8cceff3af7db092ead949f35ba805441bf88e57c\","
        "\"Attributes\":{\"com.docker.compose.config-hash\":\"3f1b3f0c5b5d1e0e2f7b1f7a4f9d1c2b\",\"com.docker.compose.project\":\"shop\","
        "\"com.docker.compose.service\":\"web\",\"com.docker.compose.version\":\"2.29.1\",\"maintainer\":\"team@example.com\","
        "\"org.opencontainers.image.title\":\"web\",\"image\":\"alpine:3.20\",\"name\":\"shop-web-1\"}},\"scope\":\"local\","
        "\"time\":1795427240,\"timeNano\":1795427240000000000}";
    const uint32_t payload = sizeof line - 1;
    struct falco_event *event = malloc(sizeof *event + payload);
    *event = (struct falco_event){.ts = 1,
                                  .tid = UINT64_MAX,
                                  .len = (uint32_t)sizeof *event + payload,
                                  .type = EVENT_TYPE,
                                  .nparams = 2,
                                  .param_len = {4, payload},
                                  .plugin_id = PLUGIN_ID};
    memcpy(event->payload, line, payload);
    const struct falco_event_input input = {.evt = event, .evtnum = 1, .source = "docker"};
    struct falco_extract_field fields[FIELD_COUNT];
    for (uint32_t i = 0; i < FIELD_COUNT; i++) fields[i] = asked("", i, FIELD_SHAPES[i].keyed ? "name" : NULL);
    const struct falco_extract_input all = {.num_fields = FIELD_COUNT, .fields = fields};
    uint64_t *took = malloc((size_t)events * sizeof *took);
    for (long i = 0; i < events; i++) {
        // Another timeNano each time, so that nothing kept serves.
        char digits[16];
        snprintf(digits, sizeof digits, "%09ld", i % 1000000000);
        memcpy(event->payload + payload - 10, digits, 9);
        const uint64_t before = now(CLOCK_MONOTONIC);
        api.extract_fields(state, &input, &all);
        took[i] = now(CLOCK_MONOTONIC) - before;
        if (fields[FIELD_DOCKER_ACTION].res_len != 1) die("replay", "no value");
    }
    quantiles(took, events);
}

// A full ring ----------------------------------------------------------------------------------------------------------

static void full_ring(const char *address) {
    start(address);
    static uint8_t copies[BATCH_BYTES], source[RING_BYTES];
    memset(source, 1, sizeof source);
    memset(copies, 1, sizeof copies);
    uint64_t spent = 0, events = 0, bytes = 0;
    // The first lap touches the ring's memory for the first time.
    for (int lap = 0; lap < 2; lap++) {
        sleep(2);
        spent = events = bytes = 0;
        while (bytes < RING_BYTES / 4 * 3) {
            uint32_t count;
            struct falco_event **got;
            const uint64_t began = now(CLOCK_MONOTONIC);
            api.next_batch(state, instance, &count, &got);
            spent += now(CLOCK_MONOTONIC) - began;
            if (count < 2) die("batch", "the ring was not full");
            events += count;
            // Records lie one behind the other.
            bytes += (uint64_t)((uint8_t *)got[count - 1] - (uint8_t *)got[0]) / (count - 1) * count;
        }
    }
    const uint64_t began = now(CLOCK_MONOTONIC);
    for (uint64_t at = 0; at + BATCH_BYTES <= bytes; at += BATCH_BYTES) {
        memcpy(copies, source + at, BATCH_BYTES);
        __asm__ volatile("" ::"r"(copies) : "memory");
    }
    const uint64_t copied = now(CLOCK_MONOTONIC) - began;
    printf("event %f\nmemcpy %f\nbytes %f\n", (double)spent / (double)events, (double)copied / (double)events,
           (double)bytes / (double)events);
    end();
}

// From the socket ------------------------------------------------------------------------------------------------------

// CPU an event of both processes, as the stream goes on: from each of these counts to the next.
static const long windows[] = {0, 1000, 10000, 100000, 400000, 700000, 1000000};

static void flood(const char *address, long events) {
    start(address);
    const pid_t pid = runtime();
    uint32_t count;
    batch(&count);
    const uint64_t began = now(CLOCK_MONOTONIC);
    events -= count;
    uint64_t spent = cpu_of(pid) + now(CLOCK_PROCESS_CPUTIME_ID), half = 0;
    long taken = 0, from = 0, half_at = 0;
    for (size_t window = 1; taken < events;) {
        batch(&count);
        taken += count;
        if (half == 0 && taken >= events / 2) {
            half = cpu_of(pid) + now(CLOCK_PROCESS_CPUTIME_ID);
            half_at = taken;
        }
        if (window == sizeof windows / sizeof *windows || taken < windows[window] * 99 / 100) continue;
        const uint64_t total = cpu_of(pid) + now(CLOCK_PROCESS_CPUTIME_ID);
        printf("from%ld %f\n", windows[window - 1], (double)(total - spent) / (double)(taken - from));
        spent = total;
        from = taken;
        window++;
    }
    const double seconds = (double)(now(CLOCK_MONOTONIC) - began) / 1e9;
    const uint64_t total = cpu_of(pid) + now(CLOCK_PROCESS_CPUTIME_ID);
    printf("rate %f\nlate %f\n", (double)taken / seconds, (double)(total - half) / (double)(taken - half_at));
    end();
}

static void latency(const char *address, long events) {
    start(address);
    const pid_t pid = runtime();
    uint64_t *took = malloc((size_t)events * sizeof *took);
    uint64_t cpu = 0, own = 0;
    long measured = 1;
    for (long taken = 0; taken < events;) {
        uint32_t count;
        struct falco_event **got = batch(&count);
        const uint64_t at = now(CLOCK_REALTIME);
        // The first half is for the compiler of the runtime's code.
        if (cpu == 0 && taken + count > events / 2) {
            measured = events - taken - count;
            cpu = cpu_of(pid);
            own = now(CLOCK_PROCESS_CPUTIME_ID);
        }
        for (uint32_t i = 0; i < count && taken < events; i++) took[taken++] = at - got[i]->ts;
    }
    printf("cpu %f\nhostcpu %f\n", (double)(cpu_of(pid) - cpu) / (double)measured,
           (double)(now(CLOCK_PROCESS_CPUTIME_ID) - own) / (double)measured);
    quantiles(took, events);
    end();
}

// KiB of a process that are its own.
static long private_of(pid_t pid) {
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Private_Dirty: %ld", &kib) == 1) break;
    if (file != NULL) fclose(file);
    return kib;
}

// Several engines, one of which may flood (its socket is called flood.sock): how long the events of the others take, and
// what all of them cost. Ends when so many of the others' have come, or long after they should have.
static void engines(const char *addresses, long quiet) {
    start(addresses);
    const pid_t pid = runtime();
    uint64_t *took = malloc((size_t)quiet * sizeof *took);
    long taken = 0, flooded = 0, lost = 0;
    uint64_t began = 0, cpu = 0, own = 0;
    const uint64_t deadline = now(CLOCK_MONOTONIC) + 60000000000u;
    while (taken < quiet && now(CLOCK_MONOTONIC) < deadline) {
        uint32_t count;
        struct falco_event **got;
        const int32_t rc = api.next_batch(state, instance, &count, &got);
        if (rc != 0 && rc != FALCO_TIMEOUT) die("next_batch", api.get_last_error(state));
        const uint64_t at = now(CLOCK_REALTIME);
        if (began == 0 && count > 0) {
            began = now(CLOCK_MONOTONIC);
            cpu = cpu_of(pid);
            own = now(CLOCK_PROCESS_CPUTIME_ID);
        }
        for (uint32_t i = 0; i < count && taken < quiet; i++) {
            const uint32_t bytes = got[i]->param_len[1];
            if (memmem(got[i]->payload, bytes, "events_lost", 11) != NULL) lost++;
            else if (memmem(got[i]->payload, bytes, "/flood.sock", 11) != NULL) flooded++;
            else took[taken++] = at - got[i]->ts;
        }
    }
    const double seconds = (double)(now(CLOCK_MONOTONIC) - began) / 1e9;
    const double spent = (double)(cpu_of(pid) - cpu + now(CLOCK_PROCESS_CPUTIME_ID) - own);
    printf("missing %ld\nlost %ld\nflooded %f\ncpu %f\nevent %f\nprivate %ld\n", quiet - taken, lost,
           (double)flooded / seconds, spent / seconds / 1e7, spent / (double)(taken + flooded), private_of(pid));
    quantiles(took, taken);
    end();
}

// A byte over a Unix socket to a second process, and from there by futex to a third.
static void bare_latency(long events) {
    struct shared {
        _Atomic uint32_t word;
        uint64_t sent;
    } *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) die("bare", "no sockets");
    const pid_t sender = fork();
    if (sender == 0) {
        for (long i = 0; i < events; i++) {
            usleep(10000);
            shared->sent = now(CLOCK_MONOTONIC);
            if (write(pair[0], "x", 1) != 1) _exit(1);
        }
        _exit(0);
    }
    const pid_t middle = fork();
    if (middle == 0) {
        char byte;
        for (long i = 0; i < events && read(pair[1], &byte, 1) == 1; i++) {
            atomic_fetch_add(&shared->word, 1);
            syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1, NULL, NULL, 0);
        }
        _exit(0);
    }
    uint64_t *took = malloc((size_t)events * sizeof *took);
    for (long i = 0; i < events; i++) {
        while (atomic_load(&shared->word) == (uint32_t)i)
            syscall(SYS_futex, &shared->word, FUTEX_WAIT, (uint32_t)i, NULL, NULL, 0);
        took[i] = now(CLOCK_MONOTONIC) - shared->sent;
    }
    quantiles(took, events);
    waitpid(sender, NULL, 0);
    waitpid(middle, NULL, 0);
}

static void init_time(long times) {
    uint64_t *took = malloc((size_t)times * sizeof *took);
    for (long i = 0; i < times; i++) {
        const uint64_t began = now(CLOCK_MONOTONIC);
        init();
        took[i] = now(CLOCK_MONOTONIC) - began;
        api.destroy(state);
    }
    quantiles(took, times);
}

// Says who the runtime is, and goes on as Falco does until it is ended; each line on stdin asks for a report.
static void hold(const char *address) {
    start(address);
    printf("runtime %d\n", (int)runtime());
    fflush(stdout);
    for (uint64_t taken = 0;;) {
        struct falco_event **got;
        uint32_t count;
        const int32_t rc = api.next_batch(state, instance, &count, &got);
        if (rc != 0 && rc != FALCO_TIMEOUT) die("next_batch", api.get_last_error(state));
        const uint64_t before = taken;
        taken += count;
        // Every 1000th and each after a quiet time: the reader wants to know when all is through.
        if (taken / 1000 != before / 1000 || (count > 0 && count < 10)) {
            printf("taken %llu\n", (unsigned long long)taken);
            fflush(stdout);
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    const char *what = argv[1], *address = argv[3];
    const long n = argc > 4 ? atol(argv[4]) : 0;
    if (argc > 5) config = argv[5];
    if (strcmp(what, "bare") == 0) {
        bare_latency(n);
        return 0;
    }
    load(argv[2]);
    if (strcmp(what, "extract") == 0) extract(address, n);
    else if (strcmp(what, "extract-field") == 0) extract_only(address, n, false);
    else if (strcmp(what, "extract-attribute") == 0) extract_only(address, n, true);
    else if (strcmp(what, "replay") == 0) replay(n);
    else if (strcmp(what, "batch") == 0) full_ring(address);
    else if (strcmp(what, "flood") == 0) flood(address, n);
    else if (strcmp(what, "latency") == 0) latency(address, n);
    else if (strcmp(what, "engines") == 0) engines(address, n);
    else if (strcmp(what, "init") == 0) init_time(n);
    else if (strcmp(what, "hold") == 0) hold(address);
    else return 2;
    return 0;
}
