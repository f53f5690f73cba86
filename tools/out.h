/*
 * out: how results are shown: as text for people or as JSON for programs.
 *
 * A verb calls one function per result and does not know which it is.  Lists
 * that may be long come in pages and are written as they come.  Keys and
 * words of the JSON are a contract (clusterctl(8)).
 *
 * Ownership  what is passed in is borrowed for the call.
 * Errors     those of writing are found by ha_out_finish().
 */
#ifndef HA_TOOLS_OUT_H
#define HA_TOOLS_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "conf/cluster_conf.h"
#include "conf/conf_report.h"
#include "proto/control.pb-c.h"

struct ha_out;

/* How one member has one stream, and what verify thinks of it. */
struct ha_verify_member {
	const char *serial;
	bool reachable;
	bool has_complete;
	uint64_t complete;
	bool has_digest;
	uint64_t count;
	uint64_t digest;
	bool judged; /* there was something to compare it with */
	bool equal;
};

struct ha_verify_stream {
	const char *owner;
	uint64_t boot;
	bool current; /* of the owner's start that is running */
	size_t n_members;
	struct ha_verify_member members[16];
};

enum ha_verify_verdict {
	VERIFY_EQUAL,
	VERIFY_DIFFERENT,
	VERIFY_UNSETTLED, /* some member had no digest to compare in time */
};

struct ha_out_identity {
	const char *serial;
	const char *file;
	const char *public_key;
	const char *member_block;
};

#define HA_ROTATION_STEPS_MAX 3

/* What was done to the file of a key or secret, and what is left to do. */
struct ha_out_rotation {
	const char *file;
	const char *done;            /* goes on behind the file's name */
	const char *serial;          /* NULL: it is the secret */
	const char *public_key;
	const char *next_public_key; /* NULL: none */
	size_t n_steps;
	struct {
		const char *words;
		const char *line; /* to paste; NULL: none */
	} steps[HA_ROTATION_STEPS_MAX];
};

#define HA_INPUT_RULES_MAX 4 /* to and from the port of each link */

struct ha_out_config {
	const char *file;
	const struct ha_conf_report *report;
	const struct ha_cluster_conf *conf; /* NULL: it is wrong */
	const char *failure;                /* a sentence, when it is wrong */
	const struct ha_conf_member *self;  /* NULL: nobody can tell */
	const char *identity;               /* the file that tells */
	char why_nobody[HA_CONF_TEXT_LEN];
	size_t n_rules;
	const char *rules[HA_INPUT_RULES_MAX]; /* of the input chain */
};

struct ha_out_ops {
	void (*members)(struct ha_out *out, const Ha__Ctl__Members *m);
	void (*state)(struct ha_out *out, const Ha__Ctl__State *s);
	void (*links)(struct ha_out *out, const Ha__Ctl__Links *l);
	void (*statistics)(struct ha_out *out, const Ha__Ctl__Statistics *s);
	void (*counters)(struct ha_out *out, const Ha__Ctl__Counters *c,
	    bool delta);
	void (*sessions)(struct ha_out *out, const Ha__Ctl__Sessions *page,
	    bool last);
	void (*session)(struct ha_out *out, const Ha__Ctl__SessionDetail *s);
	void (*ended)(struct ha_out *out, const Ha__Ctl__Ended *e);
	void (*events)(struct ha_out *out, const Ha__Ctl__Events *page,
	    bool last);
	void (*verify)(struct ha_out *out, const struct ha_verify_stream *s,
	    size_t n, enum ha_verify_verdict verdict);
	void (*reload)(struct ha_out *out, const Ha__Ctl__Reload *r);
	void (*forgotten)(struct ha_out *out, const Ha__Ctl__Forgotten *f);
	void (*identity)(struct ha_out *out, const struct ha_out_identity *i);
	void (*secret)(struct ha_out *out, const char *file);
	void (*rotation)(struct ha_out *out, const struct ha_out_rotation *r);
	void (*config)(struct ha_out *out, const struct ha_out_config *c);
	void (*version)(struct ha_out *out, const char *version,
	    const char *daemon_version);
	void (*error)(struct ha_out *out, const char *code,
	    const char *message);
	void (*free)(struct ha_out *out);
};

/* The common part of both kinds. */
struct ha_out {
	const struct ha_out_ops *ops;
	FILE *stream;
};

/* NULL: no memory. */
struct ha_out *ha_out_text_new(FILE *stream);
struct ha_out *ha_out_json_new(FILE *stream);

/* Write what is left, and free.  HA_ERR_IO: not all could be written. */
HA_MUST_USE int ha_out_finish(struct ha_out *out);

/* --- words that both kinds need --- */

#define HA_ADDRESS_TEXT 46 /* an IPv6 address and the terminator */

/* An address of 4 or 16 bytes; else "?". */
void ha_out_address(const ProtobufCBinaryData *address,
    char text[static HA_ADDRESS_TEXT]);

/* "tcp", "udp" ... or the number, written to buf. */
const char *ha_out_protocol(uint32_t protocol, char buf[static 12]);

#endif /* HA_TOOLS_OUT_H */
