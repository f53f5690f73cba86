/*
 * oracle_priv: the books of the oracle, shared by its files.
 *
 *   oracle        books: names, streams, members, versions
 *   oracle_wire   what members say to each other, and what they trace
 *   oracle_table  what members show
 *   oracle_end    kernels, links and packets; what holds when all settled
 *
 * A *name* is a session under its uid.  A *strand* is all that one stream
 * ever said of one name, by change.  What one member does about a name is a
 * *held*, what it does about a stream is a *progress*.
 */
#ifndef HA_SIM_ORACLE_PRIV_H
#define HA_SIM_ORACLE_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/map.h"
#include "tests/sim/oracle.h"

#define MEMBERS    (HA_MEMBER_MAX + 1)
#define CLAIMS_MAX 3 /* in CLAIM_TIME, of one session by one member */
#define CLAIM_TIME ha_dur_s(60)

struct said {
	uint64_t change;
	struct ha_version version;
	struct ha_dur timeout; /* of an idle session like this */
	enum ha_entry_kind kind;
	uint8_t reason;
	bool moved; /* not there any more: told later, or over and forgotten */
	struct ha_time at;
};

struct strand {
	struct stream *stream;
	struct name *name;
	struct said *said; /* ascending by change */
	size_t n;
	size_t room;
};

struct held {
	bool present;
	bool limbo;
	bool published;
	enum ha_role role;
	struct ha_version version;
	struct ha_record record;
	uint64_t sweep; /* the last that showed it */
	struct ha_time limbo_at; /* NEVER: not in limbo */
	struct ha_version ended; /* an end of it came by; epoch 0: none */
	bool end_done;           /* it was traced as ended */
	bool aged;               /* by its owner's loss */
	bool gone_hard;          /* closed or deleted at this version: */
	struct ha_version gone_version;
	const struct stream *gone_stream; /* that said so */
	uint64_t gone_change; /* 0: not told to anybody */
	uint64_t gone_tombstones;
	struct ha_version granted; /* epoch 0: not */
	struct ha_time claims[CLAIMS_MAX];
	struct ha_time yielded; /* as traced */
	struct ha_time lost;     /* it was owned, and is not; NEVER: no */
	struct ha_time owned_at; /* the last time before */
	struct ha_time claim_pending; /* traced, not yet shown; NEVER: no */
	uint8_t claimed_from;
};

struct name {
	uint64_t id;
	bool aged; /* somewhere, by its owner's loss */
	struct ha_version ended; /* by an owner, told or not; epoch 0: not */
	struct ha_uid uid;
	bool has_tuples;
	struct ha_tuple orig;
	struct ha_tuple reply;
	struct name *same; /* another with the same original tuple */
	struct strand **strands;
	size_t n_strands;
	struct held held[MEMBERS];
};

struct progress {
	uint64_t shown;    /* complete, as the member last showed it */
	uint64_t vouched;  /* the largest of CAUGHT_UP that was applied */
	uint64_t *caught;  /* all of them, ascending */
	size_t n_caught;
	size_t room;
	uint64_t walk; /* 0: none */
	uint8_t source;
	uint64_t source_boot;
	uint64_t after;
	uint64_t cursor;
	struct ha_stream_status status;
	uint64_t sweep; /* the last that showed it */
	bool is_shown;
};

struct stream {
	uint64_t id;
	struct ha_stream_id stream;
	uint64_t boot_counter;
	uint64_t tail; /* the highest change that its owner made */
	uint64_t floor; /* as its owner said last */
	uint64_t tombstones;
	struct strand **strands;
	size_t n_strands;
	size_t room;
	bool taken; /* a later boot of its owner replaced it ... */
	uint64_t taken_complete; /* ... up to there */
	struct progress progress[MEMBERS];
};

struct member {
	bool running;
	struct ha_boot boot;
	uint64_t sweep;
	uint64_t batches; /* applied, as counted by itself */
	uint64_t refused; /* sessions that found no place */
	uint64_t mismatches;
	const struct ha_msg_batch *pending; /* delivered, step not done */
	uint8_t pending_from;
	bool pending_fits;
	struct ha_view_peer peers[MEMBERS];
	struct ha_time lost_at[MEMBERS]; /* NEVER: not lost */
	struct map told;    /* tuples that its kernel told of, this start */
	struct map unseen;  /* tuples whose entry ended without a daemon */
	struct map removed; /* tuple -> struct removal */
	struct map walks;   /* that it was asked for -> struct served */
};

/* A walk that a member serves. */
struct served {
	uint64_t after;
	bool begun;
};

/* An entry with traffic that a daemon removed. */
struct removal {
	struct ha_time at;
};

/* All names with one original tuple, the newest first. */
struct tuple_names {
	struct name *first;
};

struct oracle {
	struct oracle_settings settings;
	struct ha_time now;
	char violation[512];
	struct member members[MEMBERS];
	struct map names;    /* uid -> struct name */
	struct map traced;   /* uid as a trace has it -> struct name */
	struct map streams;  /* owner, boot -> struct stream */
	struct map strands;  /* stream, name -> struct strand */
	struct map tuples;   /* original tuple -> struct tuple_names */
	struct map versions; /* name, owner and epoch, revision -> hashes */
	struct ha_time last_claim;
};

/* The first violation is kept. */
void oracle_violate(struct oracle *o, const char *invariant,
    const char *format, ...) HA_PRINTF(3, 4);

/* A comparison of the oracle's own: which version is newer? */
int oracle_compare(const struct ha_version *a, const struct ha_version *b);

struct name *oracle_name(struct oracle *o, const struct ha_uid *uid);
struct name *oracle_find_name(struct oracle *o, const struct ha_uid *uid);
struct name *oracle_names_with(const struct oracle *o,
    const struct ha_tuple *orig);
struct stream *oracle_stream(struct oracle *o, const struct ha_stream_id *id);
struct stream *oracle_find_stream(struct oracle *o,
    const struct ha_stream_id *id);
struct strand *oracle_strand(struct oracle *o, struct stream *s,
    struct name *n);
struct strand *oracle_find_strand(struct oracle *o, const struct stream *s,
    const struct name *n);

/* The last that a strand says at or below a change; NULL: nothing. */
const struct said *oracle_said_at(const struct strand *s, uint64_t change);

/* Is this the stream of what the member runs now? */
bool oracle_is_own(const struct oracle *o, uint8_t member,
    const struct stream *s);

/* How far a member has a stream; its own: wholly. */
uint64_t oracle_complete(const struct oracle *o, uint8_t member,
    const struct stream *s);

/* S1, S7: note a version with its payload where it is seen. */
void oracle_note_version(struct oracle *o, uint8_t member, struct name *n,
    const struct ha_version *v, const struct ha_record *r, bool tuples);

/* S13: a claim of this name was made. */
void oracle_claimed(struct oracle *o, uint8_t member, struct name *n);

/* The protocol's own time of a record with these tuples. */
struct ha_dur oracle_timeout(const struct oracle *o, const struct name *n,
    const struct ha_record *r);

/* "3/1a2b/17": creator, boot, number. */
const char *oracle_uid_text(const struct ha_uid *u, char out[48]);
const char *oracle_version_text(const struct ha_version *v, char out[64]);

#endif /* HA_SIM_ORACLE_PRIV_H */
