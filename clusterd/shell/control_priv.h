/*
 * control_priv: what the files of the control server share.
 *
 * control.c has the clients, control_socket.c the socket file and who may use
 * it, control_answers.c and control_counters.c the answers of one frame,
 * control_sessions.c what shows sessions, control_ends.c what ends them,
 * control_history.c the events, control_acts.c what is done rather than shown.
 *
 * An answer is built on the stack from borrowed texts and encoded at once, so
 * nothing has to be freed.
 */
#ifndef HA_SHELL_CONTROL_PRIV_H
#define HA_SHELL_CONTROL_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"
#include "proto/control_codec.h"
#include "shell/control.h"
#include "storage/eventdb.h"

struct ucred;

/* A text that the answer borrows: protobuf-c's structs know no const, and
 * encoding does not write. */
static inline char *
ha_control_text(const char *text)
{
	return (char *)(uintptr_t)text;
}

#define HA_CONTROL_CLIENTS_MAX 32
#define HA_CONTROL_DELTAS_MAX  8
#define HA_CONTROL_SLICE       256 /* sessions looked at in one turn */
#define HA_CONTROL_EVENT_SLICE 256 /* events told in one turn */

enum {
	/* clang-format off */
#define HA_COUNTER(name, unit, sentence) HA_CONTROL_CORE_##name,
#include "core/counters.def"
#undef HA_COUNTER
#define HA_COUNTER(name, unit, sentence) HA_CONTROL_SHELL_##name,
#include "shell/counters.def"
#undef HA_COUNTER
	/* clang-format on */
	HA_CONTROL_COUNTERS,
};

/* The counters as one user was last told of them. */
struct ha_control_delta {
	bool used;
	uid_t uid;
	struct ha_time at;
	uint64_t values[HA_CONTROL_COUNTERS];
};

/* An address prefix; mask has a bit for each that counts. */
struct ha_control_prefix {
	bool given;
	uint8_t family;
	uint8_t address[16];
	uint8_t mask[16];
};

/* Compiled from Ha__Ctl__AskSessions: no text to look up per session. */
struct ha_control_filter {
	uint8_t owner;         /* member index; 0: any */
	bool has_role;
	enum ha_role role;
	bool has_zone;
	uint32_t zone; /* key */
	bool has_protocol;
	uint8_t protocol;
	const char *state;     /* a literal of session_state(); NULL: any */
	struct ha_control_prefix source;
	struct ha_control_prefix destination;
};

enum ha_control_walk_kind {
	HA_CONTROL_WALK_NONE,
	HA_CONTROL_WALK_SESSIONS,
	HA_CONTROL_WALK_ENDS, /* of the same sessions */
	HA_CONTROL_WALK_EVENTS,
};

/* An answer that takes more than one turn. */
struct ha_control_walk {
	enum ha_control_walk_kind kind;

	struct ha_control_filter filter;
	uint32_t cursor; /* of ha_view_next_session() */
	uint64_t limit;
	uint64_t total;  /* that matched so far */
	uint64_t refused; /* ENDS: of these */

	struct ha_event_row *events; /* owned by the walk */
	size_t n_events;
	size_t next_event;
};

struct ha_control_client {
	struct ha_list node;
	struct ha_control *control;
	struct bufferevent *bev;
	struct event *turn; /* goes on with the walk, or with the input */
	uid_t uid;
	bool ended;         /* its input has */
	bool closing;       /* when what is written has gone out */
	struct ha_control_walk walk;
};

struct ha_control {
	struct ha_control_parts parts;
	struct evconnlistener *listener;
	struct event *rest; /* of accepting, after an error */
	struct ha_list clients;
	unsigned int n_clients;
	bool has_group;
	gid_t group;
	bool bound; /* the socket file is ours */
	char path[108];
	struct ha_control_delta deltas[HA_CONTROL_DELTAS_MAX];
	struct ha_control_look look; /* of the request that is being answered */
	struct ha_view_stream streams[HA_MEMBER_MAX * HA_STREAM_MAX];
	uint8_t frame[HA_CONTROL_HEADER + HA_CONTROL_ANSWER_MAX];
};

/* --- control.c --- */

/* Queue one frame for the client. */
void ha_control_say(struct ha_control_client *client,
    const Ha__Ctl__Answer *answer);

/* Answer with an error: code for programs, a sentence for people. */
void ha_control_refuse(struct ha_control_client *client, const char *code,
    const char *fmt, ...) HA_PRINTF(3, 4);

/* --- control_socket.c --- */

/* Bind a socket at control->path and give it to the group. */
HA_MUST_USE int ha_control_open_socket(struct ha_control *control,
    const char *group, int *out);

/* Root, the daemon's own user, and the members of the group. */
bool ha_control_may_ask(const struct ha_control *control, int fd,
    const struct ucred *peer);

/* --- control_answers.c --- */

void ha_control_tell_members(struct ha_control_client *client,
    const Ha__Ctl__Request *request);
void ha_control_tell_state(struct ha_control_client *client,
    const Ha__Ctl__Request *request);
void ha_control_tell_links(struct ha_control_client *client,
    const Ha__Ctl__Request *request);
void ha_control_tell_streams(struct ha_control_client *client,
    const Ha__Ctl__Request *request);
void ha_control_tell_version(struct ha_control_client *client,
    const Ha__Ctl__Request *request);

/* Serial of a member; of one that is gone from the file "member-N", written
 * to buf. */
#define HA_CONTROL_SERIAL_BUF 16
const char *ha_control_serial(const struct ha_control *control,
    unsigned int index, char buf[static HA_CONTROL_SERIAL_BUF]);

/* Seconds from t to the time of the look; a time to come is 0. */
uint64_t ha_control_seconds_since(const struct ha_control *control,
    struct ha_time t);

/* "complete", "running", "waiting", "off". */
const char *ha_control_sync_word(enum ha_sync sync);

/* --- control_counters.c --- */

void ha_control_tell_counters(struct ha_control_client *client,
    const Ha__Ctl__Request *request);
void ha_control_tell_statistics(struct ha_control_client *client,
    const Ha__Ctl__Request *request);

/* --- control_sessions.c --- */

void ha_control_tell_sessions(struct ha_control_client *client,
    const Ha__Ctl__Request *request);
void ha_control_tell_session(struct ha_control_client *client,
    const Ha__Ctl__Request *request);

/* Tell the next slice; ends the walk behind the last. */
void ha_control_walk_sessions(struct ha_control_client *client);

/* Begin a walk over what matches; false: the client was told what is wrong
 * with the filter. */
bool ha_control_begin_walk(struct ha_control_client *client,
    const Ha__Ctl__AskSessions *ask);
bool ha_control_matches(const struct ha_control_filter *filter,
    const struct ha_view_session *view);

struct ha_uid ha_control_uid(const Ha__Ctl__Uid *uid);
void ha_control_refuse_uid(struct ha_control_client *client,
    const struct ha_uid *uid);

/* --- control_ends.c --- */

void ha_control_end_sessions(struct ha_control_client *client,
    const Ha__Ctl__Request *request);

void ha_control_walk_ends(struct ha_control_client *client);

/* --- control_history.c --- */

void ha_control_tell_events(struct ha_control_client *client,
    const Ha__Ctl__Request *request);

void ha_control_walk_events(struct ha_control_client *client);

/* --- control_acts.c --- */

/* There is nobody who could do it. */
void ha_control_refuse_act(struct ha_control_client *client);

void ha_control_reload(struct ha_control_client *client,
    const Ha__Ctl__Request *request);
void ha_control_forget(struct ha_control_client *client,
    const Ha__Ctl__Request *request);

#endif /* HA_SHELL_CONTROL_PRIV_H */
