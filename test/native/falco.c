// Plays Falco's ways with libdocker.so from C, where JavaScript cannot: threads, signals, unloading, closed descriptors.
//   falco SCENARIO LIBRARY SOCKET      exits 0, or 1 with what was wrong on stderr
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "constants.h"
#include "shared/falco_abi.h"

#define CHECK(condition, ...)                                    \
    do {                                                         \
        if (!(condition)) {                                      \
            fprintf(stderr, "%s:%d: ", __FILE_NAME__, __LINE__); \
            fprintf(stderr, __VA_ARGS__);                        \
            fputc('\n', stderr);                                 \
            exit(1);                                             \
        }                                                        \
    } while (0)
#define PR_SET_MDWE_ 65  // Linux 6.3
#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif

struct api {
    void *library;
    void *(*init)(const struct falco_init_input *, int32_t *);
    void (*destroy)(void *);
    const char *(*get_last_error)(void *);
    void *(*open)(void *, const char *, int32_t *);
    void (*close)(void *, void *);
    int32_t (*next_batch)(void *, void *, uint32_t *, struct falco_event ***);
    int32_t (*extract_fields)(void *, const struct falco_event_input *, const struct falco_extract_input *);
    struct falco_metric *(*get_metrics)(void *, uint32_t *);
    const char *(*get_name)(void);
};

static const char *library_path, *address;

static void *symbol(void *library, const char *name) {
    void *found = dlsym(library, name);
    CHECK(found != NULL, "no symbol %s", name);
    return found;
}

static struct api load(void) {
    void *l = dlopen(library_path, RTLD_LOCAL | RTLD_NOW);
    CHECK(l != NULL, "%s", dlerror());
    return (struct api){
        .library = l,
        .init = symbol(l, "plugin_init"),
        .destroy = symbol(l, "plugin_destroy"),
        .get_last_error = symbol(l, "plugin_get_last_error"),
        .open = symbol(l, "plugin_open"),
        .close = symbol(l, "plugin_close"),
        .next_batch = symbol(l, "plugin_next_batch"),
        .extract_fields = symbol(l, "plugin_extract_fields"),
        .get_metrics = symbol(l, "plugin_get_metrics"),
        .get_name = symbol(l, "plugin_get_name"),
    };
}

static void print_log(void *owner, const char *component, const char *message, int32_t severity) {
    (void)owner, (void)component;
    fprintf(stderr, "log %d: %s\n", severity, message);
}

static void *init(const struct api *api) {
    int32_t rc;
    const char *config = getenv("INIT_CONFIG");
    const struct falco_init_input input = {.config = config == NULL ? "{\"statefile\": \"\"}" : config,
                                           .log_fn = print_log};
    void *state = api->init(&input, &rc);
    CHECK(rc == FALCO_SUCCESS, "init: %s", api->get_last_error(state));
    return state;
}

static void *open_instance(const struct api *api, void *state) {
    int32_t rc;
    void *instance = api->open(state, address, &rc);
    CHECK(rc == FALCO_SUCCESS, "open: %s", api->get_last_error(state));
    return instance;
}

// What comes at all has come by then, s: on a busy machine, and under valgrind too. The test's own bound is beyond it.
#define PATIENCE_S 50
// What takes a second at most, and what a busy machine adds; what would wait for the runtime takes ten.
#define AT_ONCE_S 3

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// The value of field 0, docker.status, of an event.
static const char *status_of(const struct api *api, void *state, const struct falco_event *event) {
    struct falco_extract_field field = {.field_id = 0, .field = "docker.status", .arg_index = UINT64_MAX, .ftype = 9};
    const struct falco_event_input event_input = {.evt = event, .evtnum = 1, .source = "docker"};
    const struct falco_extract_input input = {.num_fields = 1, .fields = &field};
    CHECK(api->extract_fields(state, &event_input, &input) == FALCO_SUCCESS, "extract_fields failed");
    return field.res_len == 0 ? NULL : *(const char *const *)field.res;
}

// Takes at least `count` events, and looks at each.
static void take(const struct api *api, void *state, void *instance, uint32_t count) {
    const double end = seconds() + PATIENCE_S;
    for (uint32_t taken = 0; taken < count;) {
        CHECK(seconds() < end, "only %u of %u events came", taken, count);
        uint32_t n;
        struct falco_event **events;
        int32_t rc = api->next_batch(state, instance, &n, &events);
        CHECK(rc == FALCO_SUCCESS || rc == FALCO_TIMEOUT, "next_batch %d: %s", rc, api->get_last_error(state));
        CHECK(rc != FALCO_SUCCESS || n > 0, "success without an event");
        for (uint32_t i = 0; i < n; i++) {
            events[i]->tid = 42;
            const char *status = status_of(api, state, events[i]);
            // A runtime that was killed may have missed events: that is announced by an event without status.
            if (memmem(events[i]->payload, events[i]->param_len[1], "events_lost", 11) != NULL) continue;
            CHECK(status != NULL && strcmp(status, "start") == 0, "status is %s", status);
        }
        taken += n;
    }
}

static unsigned entries(const char *path) {
    DIR *dir = opendir(path);
    unsigned count = 0;
    while (readdir(dir) != NULL) count++;
    closedir(dir);
    return count;
}

static unsigned mappings(const char *of) {
    char line[4096];
    unsigned count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps) != NULL) count += strstr(line, of) != NULL;
    fclose(maps);
    return count;
}

static void no_child_left(void) {
    CHECK(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "a child is left");
}

// A whole life: everything that was there before is there after, and the library is gone from the process.
static void scenario_unload(void) {
    for (int round = 0; round < 3; round++) {
        const unsigned fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");
        struct api api = load();
        CHECK(strcmp(api.get_name(), "docker") == 0, "name");
        void *state = init(&api);
        void *instance = open_instance(&api, state);
        take(&api, state, instance, 100);
        CHECK(entries("/proc/self/task") == threads, "the plugin made a thread");
        api.close(state, instance);
        api.destroy(state);
        dlclose(api.library);
        CHECK(mappings("libdocker.so") == 0, "the library is still mapped");
        CHECK(mappings("falco-docker") == 0, "shared memory is still mapped");
        CHECK(entries("/proc/self/fd") == fds, "%u descriptors before, %u after", fds, entries("/proc/self/fd"));
        no_child_left();
    }
}

// Many lives: nothing grows.
static void scenario_cycles(void) {
    struct api api = load();
    unsigned fds = 0, maps = 0;
    for (int round = 0; round < 40; round++) {
        void *state = init(&api);
        void *a = open_instance(&api, state), *b = open_instance(&api, state);
        take(&api, state, a, 5);
        api.close(state, a);
        if (round % 2 == 0) api.close(state, b);
        api.destroy(state);
        if (round == 2) fds = entries("/proc/self/fd"), maps = mappings("");
        CHECK(round <= 2 || entries("/proc/self/fd") == fds, "descriptors grow");
        CHECK(round <= 2 || mappings("") <= maps + 2, "mappings grow from %u to %u", maps, mappings(""));
    }
    no_child_left();
}

struct shared {
    struct api api;
    void *state;
    _Atomic bool stop;
};

static void *init_and_destroy(void *argument) {
    struct shared *shared = argument;
    for (int i = 0; i < 8; i++) shared->api.destroy(init(&shared->api));
    atomic_store(&shared->stop, true);
    return NULL;
}

// A hot restart's dry run: init and destroy on another thread while events flow here.
static void scenario_second_thread(void) {
    struct shared shared = {.api = load()};
    void *state = init(&shared.api);
    void *instance = open_instance(&shared.api, state);
    pthread_t thread;
    pthread_create(&thread, NULL, init_and_destroy, &shared);
    while (!atomic_load(&shared.stop)) take(&shared.api, state, instance, 50);
    pthread_join(thread, NULL);
    take(&shared.api, state, instance, 50);
    shared.api.destroy(state);
    no_child_left();
}

static void *ask_metrics(void *argument) {
    struct shared *shared = argument;
    uint64_t last = 0;
    while (!atomic_load(&shared->stop)) {
        uint32_t count;
        const struct falco_metric *metrics = shared->api.get_metrics(shared->state, &count);
        for (uint32_t i = 0; i < count; i++) {
            CHECK(metrics[i].value_type == FALCO_METRIC_U64, "type of a metric");
            if (strcmp(metrics[i].name, "delivered") != 0) continue;
            const uint64_t value = __atomic_load_n(&metrics[i].value, __ATOMIC_RELAXED);
            CHECK(value + 100000 > last, "delivered went from %llu to %llu", (unsigned long long)last,
                  (unsigned long long)value);
            last = value;
        }
    }
    CHECK(last > 0, "nothing was counted");
    return NULL;
}

// The webserver and the event thread ask for metrics at once, with no lock, while events flow.
static void scenario_metrics(void) {
    struct shared shared = {.api = load()};
    shared.state = init(&shared.api);
    void *instance = open_instance(&shared.api, shared.state);
    take(&shared.api, shared.state, instance, 10);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, ask_metrics, &shared);
    take(&shared.api, shared.state, instance, 2000);
    atomic_store(&shared.stop, true);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    shared.api.destroy(shared.state);
}

static _Atomic int signals;

static void count_signal(int signal) {
    (void)signal;
    atomic_fetch_add(&signals, 1);
}

// A signal ends a wait at once, with a timeout and no failure: Falco looks at its flags only between calls.
static void scenario_signal(void) {
    struct api api = load();
    void *state = init(&api);
    void *instance = open_instance(&api, state);
    const struct sigaction action = {.sa_handler = count_signal};
    sigaction(SIGALRM, &action, NULL);
    uint32_t left;
    struct falco_event **events_left;
    while (api.next_batch(state, instance, &left, &events_left) == FALCO_SUCCESS);
    int late = 0;
    for (int i = 0; i < 10; i++) {
        const struct timespec delay = {.tv_nsec = 20000000};
        const struct itimerspec once = {.it_value = delay};
        timer_t timer;
        timer_create(CLOCK_MONOTONIC, &(struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM}, &timer);
        timer_settime(timer, 0, &once, NULL);
        const double began = seconds();
        uint32_t n;
        struct falco_event **events;
        const int32_t rc = api.next_batch(state, instance, &n, &events);
        const double took = seconds() - began;
        CHECK(rc == FALCO_TIMEOUT && n == 0, "next_batch returned %d", rc);
        // On a busy machine some are late; a wait that no signal ends would be as long as BATCH_WAIT_MS each time.
        if (took > 0.08) late++;
        timer_delete(timer);
    }
    CHECK(late <= 5, "of 10 waits %d went on after their signal", late);
    CHECK(signals == 10, "%d signals", signals);
    struct sigaction now;
    sigaction(SIGTERM, NULL, &now);
    CHECK(now.sa_handler == SIG_DFL, "a signal handler was installed");
    api.destroy(state);
}

// Several states with several instances each, in one process at a time.
static void scenario_many(void) {
    struct api api = load();
    void *state[3], *instance[3][3];
    for (int s = 0; s < 3; s++) {
        state[s] = init(&api);
        for (int i = 0; i < 3; i++) instance[s][i] = open_instance(&api, state[s]);
    }
    for (int s = 0; s < 3; s++)
        for (int i = 0; i < 3; i++) take(&api, state[s], instance[s][i], 50);
    api.close(state[1], instance[1][1]);
    take(&api, state[1], instance[1][2], 50);
    for (int s = 0; s < 3; s++) api.destroy(state[s]);
    no_child_left();
}

// The child of any of our threads; -1 for none.
static pid_t runtime(void) {
    pid_t found = -1;
    DIR *threads = opendir("/proc/self/task");
    for (const struct dirent *thread; found < 0 && (thread = readdir(threads)) != NULL;) {
        char name[300];
        snprintf(name, sizeof name, "/proc/self/task/%s/children", thread->d_name);
        FILE *children = thread->d_name[0] == '.' ? NULL : fopen(name, "r");
        if (children == NULL) continue;
        if (fscanf(children, "%d", &found) != 1) found = -1;
        fclose(children);
    }
    closedir(threads);
    return found;
}

// Kills the runtime. There must be one: -1 would be every process that there is.
static void kill_runtime(void) {
    const pid_t pid = runtime();
    CHECK(pid > 1, "no runtime");
    kill(pid, SIGKILL);
}

// destroy returns within a second, whatever state the runtime is in.
static void scenario_destroy(void) {
    struct api api = load();
    const int signal[] = {0, SIGSTOP, SIGKILL};
    for (int i = 0; i < 6; i++) {
        void *state = init(&api);
        if (i >= 3) open_instance(&api, state);
        const pid_t pid = runtime();
        CHECK(pid > 1, "no runtime");
        if (signal[i % 3] != 0) kill(pid, signal[i % 3]);
        const double began = seconds();
        api.destroy(state);
        CHECK(seconds() - began < AT_ONCE_S, "destroy took %.0f ms", (seconds() - began) * 1000);
        no_child_left();
    }
}

// A host that ignores SIGCHLD has its children taken away by the kernel.
static void scenario_sigchld(void) {
    signal(SIGCHLD, SIG_IGN);
    struct api api = load();
    for (int i = 0; i < 3; i++) {
        void *state = init(&api);
        void *instance = open_instance(&api, state);
        take(&api, state, instance, 10);
        kill_runtime();
        take(&api, state, instance, 500);
        api.destroy(state);
    }
    CHECK(runtime() < 0, "a runtime is left");
}

// A daemon without stdin, stdout and stderr: the sockets must not land on the numbers that the runtime's files get.
static void scenario_closed_fds(void) {
    for (int fd = 0; fd < 3; fd++) close(fd);
    struct api api = load();
    void *state = init(&api);
    void *instance = open_instance(&api, state);
    take(&api, state, instance, 10);
    CHECK(fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0, "a descriptor was left on 0 or 1");
    api.destroy(state);
}

// Stays until it is ended from outside; prints the runtime's pid.
static void scenario_stay(void) {
    struct api api = load();
    void *state = init(&api);
    void *instance = open_instance(&api, state);
    take(&api, state, instance, 1);
    printf("%d\n", (int)runtime());
    fflush(stdout);
    for (;;) take(&api, state, instance, 1);
}

// Takes a batch of some events, looks at the first half of them, and stays so until it is ended from outside; prints `0`
// once it is open, and then the number of the last event that it has looked at.
static void scenario_hold(void) {
    struct api api = load();
    void *state = init(&api);
    void *instance = open_instance(&api, state);
    printf("0\n");
    fflush(stdout);
    const char *last = NULL;
    for (const double end = seconds() + PATIENCE_S;;) {
        CHECK(seconds() < end, "no batch of several events came");
        uint32_t n;
        struct falco_event **events;
        api.next_batch(state, instance, &n, &events);
        const uint32_t looks = n > 1 ? n / 2 : n;
        for (uint32_t i = 0; i < looks; i++) status_of(&api, state, events[i]);
        if (n > 1) {
            last = memmem(events[looks - 1]->payload, events[looks - 1]->param_len[1], "event-", 6);
            break;
        }
    }
    CHECK(last != NULL, "an event of no number");
    printf("%d\n", atoi(last + 6));
    fflush(stdout);
    for (;;) pause();
}

static volatile sig_atomic_t stopping;

static void stop(int signal) {
    (void)signal;
    stopping = 1;
}

// SIGTERM reaches the whole group, as systemd sends it: what is on its way still arrives, and nothing is restarted.
static void scenario_sigterm(void) {
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
    struct api api = load();
    void *state = init(&api);
    void *instance = open_instance(&api, state);
    take(&api, state, instance, 10);
    const pid_t pid = runtime();
    printf("%d\n", (int)pid);
    fflush(stdout);
    while (!stopping) take(&api, state, instance, 1);
    take(&api, state, instance, 200);
    uint32_t count;
    const struct falco_metric *metrics = api.get_metrics(state, &count);
    for (uint32_t i = 0; i < count; i++)
        CHECK(strcmp(metrics[i].name, "runtime_restarts") != 0 || metrics[i].value == 0, "the runtime was restarted");
    CHECK(runtime() == pid, "another runtime");
    api.destroy(state);
}

static void *open_in_vain(void *argument) {
    struct shared *shared = argument;
    int32_t rc;
    shared->api.open(shared->state, "slow", &rc);
    CHECK(rc != FALCO_SUCCESS, "a runtime that does not answer opened a stream");
    atomic_store(&shared->stop, true);
    return NULL;
}

// The ring holds garbage while another thread waits for the same runtime: next_batch keeps its bound, and the runtime is
// replaced once that thread lets go of it. The runtime is hostile_runtime.ts.
static void scenario_busy(void) {
    struct shared shared = {.api = load()};
    shared.state = init(&shared.api);
    void *instance = open_instance(&shared.api, shared.state);
    pthread_t thread;
    pthread_create(&thread, NULL, open_in_vain, &shared);
    const double end = seconds() + PATIENCE_S;
    while (!atomic_load(&shared.stop)) {
        CHECK(seconds() < end, "open never came back");
        uint32_t n;
        struct falco_event **events;
        const double began = seconds();
        const int32_t rc = shared.api.next_batch(shared.state, instance, &n, &events);
        const double took = seconds() - began;
        CHECK(rc == FALCO_TIMEOUT && n == 0, "next_batch returned %d", rc);
        // Far less than what the other thread waits for.
        CHECK(took < 2, "next_batch took %.0f ms", took * 1000);
    }
    pthread_join(thread, NULL);
    const pid_t pid = runtime();
    while (runtime() == pid) {
        CHECK(seconds() < end, "the runtime was not replaced");
        uint32_t n;
        struct falco_event **events;
        shared.api.next_batch(shared.state, instance, &n, &events);
    }
    shared.api.destroy(shared.state);
    no_child_left();
}

// A runtime that says that an engine's stream has ended: next_batch sleeps all the same, and says nothing.
static void scenario_endless(void) {
    struct api api = load();
    void *state = init(&api);
    void *instance = open_instance(&api, state);
    struct rusage before, after;
    for (int i = 0; i < 20; i++) {
        uint32_t n;
        struct falco_event **events;
        getrusage(RUSAGE_THREAD, &before);
        const int32_t rc = api.next_batch(state, instance, &n, &events);
        getrusage(RUSAGE_THREAD, &after);
        CHECK(rc == FALCO_TIMEOUT && n == 0, "next_batch returned %d", rc);
        CHECK(after.ru_nvcsw > before.ru_nvcsw, "next_batch never slept");
    }
    api.close(state, instance);
    api.destroy(state);
    no_child_left();
}

// An event of a damaged capture: it says what ours say, and ends before the lengths of its parameters.
static void ask_short_event(const struct api *api, void *state) {
    const struct falco_event event = {
        .len = offsetof(struct falco_event, param_len), .type = EVENT_TYPE, .nparams = EVENT_PARAMS};
    void *memory = malloc(event.len);
    CHECK(memory != NULL, "no memory");
    memcpy(memory, &event, event.len);
    CHECK(status_of(api, state, memory) == NULL, "a value of no event");
    free(memory);
}

// Events by the thousand: for valgrind and the sanitizers.
static void scenario_events(void) {
    struct api api = load();
    void *state = init(&api);
    void *instance = open_instance(&api, state);
    const char *count = getenv("EVENTS");
    ask_short_event(&api, state);
    take(&api, state, instance, count == NULL ? 1000 : (uint32_t)atoi(count));
    api.close(state, instance);
    api.destroy(state);
    no_child_left();
    dlclose(api.library);
}

static char silent[64];

// An address where connections are taken and nobody ever answers.
static void listen_silently(void) {
    const int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    CHECK(bind(server, (void *)&at, size) == 0 && listen(server, 16) == 0, "no socket to listen at");
    getsockname(server, (void *)&at, &size);
    snprintf(silent, sizeof silent, "tcp://127.0.0.1:%d", ntohs(at.sin_port));
}

static void *open_slowly(void *argument) {
    struct shared *shared = argument;
    int32_t rc;
    void *instance = shared->api.open(shared->state, silent, &rc);
    CHECK(rc == FALCO_SUCCESS, "open: %s", shared->api.get_last_error(shared->state));
    return instance;
}

static void *fail_to_open(void *argument) {
    const struct shared *shared = argument;
    for (int i = 0; i < 100; i++) {
        int32_t rc;
        char wrong[40];
        snprintf(wrong, sizeof wrong, "nonsense-%lx-%d", (unsigned long)pthread_self(), i);
        CHECK(shared->api.open(shared->state, wrong, &rc) == NULL && rc == FALCO_FAILURE, "open did not fail");
        const char *why = shared->api.get_last_error(shared->state);
        CHECK(strstr(why, wrong) != NULL || strstr(why, "busy") != NULL, "the error of %s is \"%s\"", wrong, why);
    }
    return NULL;
}

// Calls that fail on several threads at once, each of which is told its own reason.
static void scenario_errors(void) {
    struct shared shared = {.api = load()};
    shared.state = init(&shared.api);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, fail_to_open, &shared);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    shared.api.destroy(shared.state);
}

// close while another instance's open is at work: it returns soon, and what it closed is let go of after that.
static void scenario_left(void) {
    listen_silently();
    struct shared shared = {.api = load()};
    const struct api *api = &shared.api;
    void *state = shared.state = init(api);
    void *instance = open_instance(api, state);
    const unsigned maps = mappings("falco-docker-ring");
    pthread_t thread;
    pthread_create(&thread, NULL, open_slowly, &shared);
    while (mappings("falco-docker-ring") == maps) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    const double began = seconds();
    api->close(state, instance);
    CHECK(seconds() - began < AT_ONCE_S, "close took %.0f ms", (seconds() - began) * 1000);
    pthread_join(thread, &instance);
    CHECK(mappings("falco-docker-ring") == maps, "%u mappings of rings before, %u after", maps,
          mappings("falco-docker-ring"));
    // The next runtime is told to open all that is open.
    kill_runtime();
    for (int i = 0; i < 30; i++) {
        uint32_t n;
        struct falco_event **events;
        CHECK(api->next_batch(state, instance, &n, &events) == FALCO_TIMEOUT, "next_batch");
    }
    CHECK(runtime() > 0, "no runtime");
    api->destroy(state);
    no_child_left();
}

struct reader {
    struct shared *shared;
    void *instance;
};

static void *read_batches(void *argument) {
    const struct reader *reader = argument;
    while (!atomic_load(&reader->shared->stop)) {
        uint32_t n;
        struct falco_event **events;
        const int32_t rc = reader->shared->api.next_batch(reader->shared->state, reader->instance, &n, &events);
        CHECK(rc == FALCO_SUCCESS || rc == FALCO_TIMEOUT, "next_batch %d", rc);
    }
    return NULL;
}

// Two instances on two threads, while their runtime dies and is replaced.
static void scenario_two(void) {
    struct shared shared = {.api = load()};
    shared.state = init(&shared.api);
    struct reader readers[2];
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        readers[i] = (struct reader){&shared, open_instance(&shared.api, shared.state)};
        pthread_create(&threads[i], NULL, read_batches, &readers[i]);
    }
    for (int round = 0; round < 3; round++) {
        const pid_t pid = runtime();
        CHECK(pid > 1, "no runtime");
        kill(pid, SIGKILL);
        const double end = seconds() + PATIENCE_S;
        while (runtime() == pid || runtime() < 0) CHECK(seconds() < end, "no new runtime");
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    }
    atomic_store(&shared.stop, true);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    shared.api.destroy(shared.state);
    no_child_left();
}

struct asker {
    struct shared *shared;
    struct falco_event **events;
    uint32_t count;
};

static void *ask_fields(void *argument) {
    const struct asker *asker = argument;
    for (uint32_t i = 0; !atomic_load_explicit(&asker->shared->stop, memory_order_relaxed); i++)
        status_of(&asker->shared->api, asker->shared->state, asker->events[i % asker->count]);
    return NULL;
}

// An instance is opened and closed again and again while another thread asks for fields of another one's events.
static void scenario_beside(void) {
    struct shared shared = {.api = load()};
    const struct api *api = &shared.api;
    shared.state = init(api);
    // The first one has the place that is looked at first.
    void *first = open_instance(api, shared.state);
    void *second = open_instance(api, shared.state);
    struct asker asker = {.shared = &shared};
    while (asker.count == 0)
        CHECK(api->next_batch(shared.state, second, &asker.count, &asker.events) <= FALCO_SUCCESS, "next_batch");
    pthread_t thread;
    pthread_create(&thread, NULL, ask_fields, &asker);
    for (int round = 0; round < 20; round++) {
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        api->close(shared.state, first);
        first = open_instance(api, shared.state);
    }
    atomic_store(&shared.stop, true);
    pthread_join(thread, NULL);
    api->destroy(shared.state);
    no_child_left();
}

// Starts that fail, in a host that signals interrupt all the time: no child is left.
static void scenario_zombies(void) {
    struct api api = load();
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = count_signal}, NULL);
    const struct itimerval often = {{0, 50}, {0, 50}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 3000; i++) {
        int32_t rc;
        const struct falco_init_input input = {.config = "{}"};
        void *state = api.init(&input, &rc);
        CHECK(rc == FALCO_FAILURE, "init worked");
        api.destroy(state);
    }
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    CHECK(signals > 1000, "only %d signals", signals);
    no_child_left();
}

// Says why init fails, or nothing where it does not. REFUSE_MEMORY: with systemd's MemoryDenyWriteExecute.
static void scenario_words(void) {
    if (getenv("REFUSE_MEMORY") != NULL) CHECK(prctl(PR_SET_MDWE_, 1, 0, 0, 0) == 0, "the kernel does not know MDWE");
    struct api api = load();
    int32_t rc;
    const char *config = getenv("INIT_CONFIG");
    const struct falco_init_input input = {.config = config == NULL ? "{\"statefile\": \"\"}" : config};
    void *state = api.init(&input, &rc);
    printf("%s\n", rc == FALCO_SUCCESS ? "" : api.get_last_error(state));
    api.destroy(state);
    no_child_left();
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(void);
    } scenarios[] = {
        {"unload", scenario_unload},   {"cycles", scenario_cycles},   {"second_thread", scenario_second_thread},
        {"metrics", scenario_metrics}, {"signal", scenario_signal},   {"many", scenario_many},
        {"destroy", scenario_destroy}, {"sigchld", scenario_sigchld}, {"closed_fds", scenario_closed_fds},
        {"stay", scenario_stay},       {"sigterm", scenario_sigterm}, {"events", scenario_events},
        {"errors", scenario_errors},   {"left", scenario_left},       {"two", scenario_two},
        {"zombies", scenario_zombies}, {"words", scenario_words},     {"busy", scenario_busy},
        {"hold", scenario_hold},       {"endless", scenario_endless}, {"beside", scenario_beside},
    };
    CHECK(argc == 4, "usage: falco SCENARIO LIBRARY ADDRESS");
    library_path = argv[2];
    address = argv[3];
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(argv[1], scenarios[i].name) != 0) continue;
        scenarios[i].run();
        return 0;
    }
    CHECK(false, "no scenario %s", argv[1]);
}
