/*
 * ctl: what the files of clusterctl share.
 *
 * clusterctl.c reads the command line and picks a verb; a verb lives in a
 * cmd_*.c and is one row of a const table; ctl_client.c talks to the daemon;
 * out.h is how results are shown.
 *
 * Ownership  struct ha_ctl lives in main(); verbs borrow it.
 * Errors     verbs return an exit code, and have said why when it is not
 *            CTL_DONE.
 */
#ifndef HA_TOOLS_CTL_H
#define HA_TOOLS_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/control_codec.h"
#include "tools/out.h"

/* Exit codes: other people's scripts depend on them. */
enum ha_ctl_exit {
	CTL_DONE = 0,
	CTL_REFUSED = 1, /* refused, failed, or different */
	CTL_USAGE = 2,
	CTL_NO_DAEMON = 3,
};

/* Options of a verb, beside --json and -s. */
enum {
	CTL_OPT_DELTA = 1 << 0,
	CTL_OPT_COUNT = 1 << 1,
	CTL_OPT_OWNER = 1 << 2,
	CTL_OPT_ROLE = 1 << 3,
	CTL_OPT_ZONE = 1 << 4,
	CTL_OPT_PROTOCOL = 1 << 5,
	CTL_OPT_SOURCE = 1 << 6,
	CTL_OPT_DESTINATION = 1 << 7,
	CTL_OPT_STATE = 1 << 8,
	CTL_OPT_LIMIT = 1 << 9,
	CTL_OPT_FILTERS = CTL_OPT_OWNER | CTL_OPT_ROLE | CTL_OPT_ZONE |
	    CTL_OPT_PROTOCOL | CTL_OPT_SOURCE | CTL_OPT_DESTINATION |
	    CTL_OPT_STATE | CTL_OPT_LIMIT,
};

/* As on the command line; NULL: not given. */
struct ha_ctl_options {
	unsigned int given; /* CTL_OPT_* */
	const char *socket;
	const char *count;
	const char *owner;
	const char *role;
	const char *zone;
	const char *protocol;
	const char *source;
	const char *destination;
	const char *state;
	const char *limit;
};

struct ha_ctl {
	struct ha_ctl_options options;
	struct ha_out *out;
	int fd; /* of the connection; -1: none yet */
	int n_args;
	char *const *args; /* behind the verb */
};

struct ha_ctl_verb {
	const char *name;  /* one word or two */
	const char *args;  /* for people */
	const char *summary;
	int args_min;
	int args_max;
	unsigned int options; /* CTL_OPT_* */
	int (*run)(struct ha_ctl *ctl);
};

/* --- clusterctl.c --- */

/* Say why and return code. */
int ha_ctl_fail(struct ha_ctl *ctl, enum ha_ctl_exit exit_code,
    const char *code, const char *fmt, ...) HA_PRINTF(4, 5);

/* The same for a wrong command line, with a hint where to read on. */
int ha_ctl_usage(struct ha_ctl *ctl, const char *fmt, ...) HA_PRINTF(2, 3);

/* --- ctl_client.c --- */

/* Takes one frame of an answer; false: enough, stop. */
typedef void (*ha_ctl_take_fn)(struct ha_ctl *ctl,
    const Ha__Ctl__Answer *answer, void *arg);

/* An empty request with the protocol's number. */
void ha_ctl_request_init(Ha__Ctl__Request *request);

/* Ask, and hand every frame of the answer, which has the body want, to take.
 * What goes wrong is said, and its exit code returned. */
int ha_ctl_ask(struct ha_ctl *ctl, const Ha__Ctl__Request *request,
    Ha__Ctl__Answer__BodyCase want, ha_ctl_take_fn take, void *arg);

/* Is there a daemon to ask?  Says nothing. */
bool ha_ctl_daemon_is_there(struct ha_ctl *ctl);

void ha_ctl_disconnect(struct ha_ctl *ctl);

/* --- the verbs --- */

int ha_cmd_members(struct ha_ctl *ctl);
int ha_cmd_state(struct ha_ctl *ctl);
int ha_cmd_links(struct ha_ctl *ctl);
int ha_cmd_statistics(struct ha_ctl *ctl);
int ha_cmd_counters(struct ha_ctl *ctl);
int ha_cmd_events(struct ha_ctl *ctl);
int ha_cmd_session_brief(struct ha_ctl *ctl);
int ha_cmd_session_show(struct ha_ctl *ctl);
int ha_cmd_session_end(struct ha_ctl *ctl);
int ha_cmd_verify(struct ha_ctl *ctl);
int ha_cmd_reload(struct ha_ctl *ctl);
int ha_cmd_forget(struct ha_ctl *ctl);
int ha_cmd_identity_init(struct ha_ctl *ctl);
int ha_cmd_secret_init(struct ha_ctl *ctl);
int ha_cmd_identity_rotate(struct ha_ctl *ctl);
int ha_cmd_identity_commit(struct ha_ctl *ctl);
int ha_cmd_secret_rotate(struct ha_ctl *ctl);
int ha_cmd_secret_commit(struct ha_ctl *ctl);
int ha_cmd_check_config(struct ha_ctl *ctl);
int ha_cmd_version(struct ha_ctl *ctl);

/* A number in decimal from min to max, in full.  HA_ERR_INVAL. */
HA_MUST_USE int ha_ctl_parse_number(const char *text, uint64_t min,
    uint64_t max, uint64_t *out);

#endif /* HA_TOOLS_CTL_H */
