// What host and runtime say to each other, as the host sees it: requests with their answers, log lines, the mailbox.
// All that comes from the runtime is copied once, and then checked.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "constants.h"
#include "host/stderr.h"
#include "shared/channel.h"
#include "shared/log.h"

// The host's end of what it shares with one runtime; the mailbox outlives it.
struct link {
    int control;  // log lines; -1: there is no runtime
    int request;
    int answer;
    struct stderr_pipe errors;
    int mailbox_fd;
    uint8_t *mailbox;
    uint32_t request_id;  // the last one sent
    // The budget of log lines: what is beyond it stays in the pipe, and what the pipe does not take the runtime counts.
    uint32_t lines;
    uint64_t lines_at;
    uint64_t dropped;  // what of the runtime's count Falco's log knows
    uint64_t told_of_drops;  // when it was told last
};

// Both return 0, or -1 with errno.
int link_create(struct link *link);
// The runtime's ends of a new link, close-on-exec.
struct link_ends {
    int control, request, answer, errors;
};
// Makes the socket pair and the pipes of a new runtime.
int link_connect(struct link *link, struct link_ends *theirs);
// Closes its ends, once the runtime has them or will never need them.
void link_ends_close(struct link_ends *theirs);
// Closes the socket, which ends the runtime, and the pipes but for its standard error.
void link_cut(struct link *link);
// Hands over what the runtime said last, once it is gone.
void link_bury(struct link *link, const struct logger *logger);
void link_free(struct link *link);

// A number of the shared page.
uint64_t link_u64(const struct link *link, size_t offset);
void link_set_u64(struct link *link, size_t offset, uint64_t value);

// Sends a request, with a descriptor where `fd` >= 0. 0, or -1 with errno.
int link_send(struct link *link, struct request request, const void *data, int fd);

enum received { RECEIVED, NOTHING_YET, RUNTIME_GONE };

// The answer to the last request, without waiting. Answers to requests that were given up are passed over.
enum received link_receive(struct link *link, struct answer *answer);

// Copies an answer's data out of the shared memory: at most `max` bytes. Returns how many.
size_t link_data(const struct link *link, const struct answer *answer, void *out, size_t max);
// The same as a string, harmless in a log.
void link_text(const struct link *link, const struct answer *answer, char *text, size_t max);

// Whether the runtime's log lines may be read: there is a pipe, and something left of their budget.
bool link_may_log(struct link *link, uint64_t now);
// Hands the runtime's log lines to Falco, and what stands on its standard error, within their budget. Closes the control
// pipe where the runtime has let go of it.
void link_read_log(struct link *link, const struct logger *logger);

// Sleeps until the runtime has said something or `deadline` has passed; log lines are handed on.
void link_await(struct link *link, const struct logger *logger, uint64_t deadline);
// Whether the runtime has let go of its end of the control pipe.
bool link_has_ended(const struct link *link);
