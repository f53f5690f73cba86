/*
 * oracle: does what was promised hold?
 *
 * It is told everything that happens in a simulated cluster - what members
 * send and get, what their cores trace, what their tables show, what is done
 * to their kernels - and compares it with its own books.  It shares nothing
 * with the core but the types: it orders versions by a comparison of its own.
 *
 * Each invariant is one function, named after its number in the list below.
 * The first that is broken is kept; a run ends with it.
 *
 *   S1   a version is made once: all copies are the same
 *   S2   what a member holds of a session never gets older
 *   S3   complete never goes down, nor beyond what its owner made
 *   S4   complete means complete: nothing up to it is missing
 *   S5   complete takes only values of CAUGHT_UP
 *   S6   batches are applied of the current walk, at its cursor only; a walk
 *        resumes from what both ends have
 *   S7   every session was made by who saw it, every version by its owner
 *   S8   no live session goes but through limbo
 *   S9   what was closed or deleted does not come back
 *   S10  a walk from below the floor is a full one
 *   S11  two owners of one session have not heard of each other
 *   S12  who claims had the right to
 *   S13  nobody claims one session more than 3 times in 60 s
 *   S14  an entry that carries traffic is replaced by none, unless its
 *        session was lost; then it is
 *   S15  a record goes by its owner's end, limbo or age only
 *   S23  digests and counts are right
 *   S27  packets of a session that is held are let through
 *   L1   a broken link goes down in time, a sound one never
 *   L2   every link that can be is up
 *   L3   every member has all of every stream
 *   L4   every session has one owner, the one with its traffic
 *
 * S25, the same seed gives the same run, is checked by running twice.
 *
 * Ownership  copies what it keeps, but for a delivered message, which must
 *            live until oracle_stepped().
 */
#ifndef HA_SIM_ORACLE_H
#define HA_SIM_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"
#include "core/message.h"
#include "core/output.h"
#include "core/settings.h"
#include "core/views.h"

struct oracle_settings {
	uint8_t n_members;
	uint32_t table_size;
	struct ha_timeouts timeouts;
	struct ha_dur threshold[HA_LINK_MAX];
	struct ha_dur interval[HA_LINK_MAX];
};

struct oracle;

struct oracle *oracle_new(const struct oracle_settings *settings);
void oracle_free(struct oracle *o);

/* What was broken first, in words; NULL: nothing. */
const char *oracle_violation(const struct oracle *o);

/* Time stands at now for all that follows. */
void oracle_now(struct oracle *o, struct ha_time now);

void oracle_started(struct oracle *o, uint8_t member, struct ha_boot boot);
void oracle_stopped(struct oracle *o, uint8_t member);
/* Its kernel forgets everything. */
void oracle_powered_off(struct oracle *o, uint8_t member);

/* ---- between members ---- */

void oracle_sent(struct oracle *o, uint8_t member, uint8_t peer,
    const struct ha_message *m);

/* Before the step that takes the message ... */
void oracle_delivered(struct oracle *o, uint8_t member, uint8_t peer,
    const struct ha_message *m);

/* ... and after any step. */
void oracle_stepped(struct oracle *o, uint8_t member,
    const struct ha_counters *counters);

void oracle_traced(struct oracle *o, uint8_t member,
    const struct ha_out_trace *t);

/* The member ended a session, or saw it age out. */
void oracle_ended(struct oracle *o, uint8_t member, const struct ha_uid *uid,
    enum ha_end_reason reason);

/* ---- what a member shows, all at one moment ---- */

void oracle_sweep_begin(struct oracle *o, uint8_t member);
void oracle_sees_peer(struct oracle *o, uint8_t member,
    const struct ha_view_peer *v);
void oracle_sees_stream(struct oracle *o, uint8_t member,
    const struct ha_view_stream *v);
void oracle_sees_session(struct oracle *o, uint8_t member,
    const struct ha_view_session *v);
void oracle_sweep_end(struct oracle *o, uint8_t member);

/* Every member has just been swept. */
void oracle_check_owners(struct oracle *o);

/* ---- kernels ---- */

/* The kernel of a member told its daemon of an entry. */
void oracle_kernel_told(struct oracle *o, uint8_t member,
    const struct ha_record *r);

/* An entry that carried packets ended while no daemon ran there. */
void oracle_ended_unseen(struct oracle *o, uint8_t member,
    const struct ha_record *r);

/* The daemon removed an entry.  carries: with traffic, of which it had been
 * told when it asked for that. */
void oracle_kernel_removed(struct oracle *o, uint8_t member,
    const struct ha_record *r, bool carries);
void oracle_kernel_installed(struct oracle *o, uint8_t member,
    const struct ha_record *r);

/* The kernel of a member that is left alone has this entry, which saw its
 * first packet then. */
void oracle_kernel_entry(struct oracle *o, uint8_t member,
    const struct ha_record *r, struct ha_time touched);

/* ---- links ---- */

/* For how long the link is broken in a direction, or sound in both; one of
 * them is 0. */
void oracle_link(struct oracle *o, uint8_t member, uint8_t peer, uint8_t link,
    bool up, struct ha_dur broken, struct ha_dur sound);

/* The member closed a link as silent that was sound for so long. */
void oracle_silent(struct oracle *o, uint8_t member, uint8_t peer,
    uint8_t link, struct ha_dur sound);

/* ---- packets ---- */

/* A packet of a flow that had been established was dropped at a member
 * which holds its session, undisturbed. */
void oracle_dropped(struct oracle *o, uint8_t member,
    const struct ha_tuple *orig, const char *why);

/* A flow that had gone on is stuck; its packets go to member. */
void oracle_stuck(struct oracle *o, uint8_t member,
    const struct ha_tuple *orig, const struct ha_tuple *reply,
    struct ha_dur since);

/* ---- at the end, when all has settled and been swept ---- */

/* true: what is still to come may come; ask again a little later.  final:
 * what does not hold is broken. */
bool oracle_check_settled(struct oracle *o, bool final);

/* The packets of a flow go to member, and have for long. */
bool oracle_check_flow(struct oracle *o, uint8_t member,
    const struct ha_tuple *orig, bool final);

/* Something else that must not be. */
void oracle_broken(struct oracle *o, const char *what);

#endif /* HA_SIM_ORACLE_H */
