/*
 * dataplane: puts the four sockets together, in the order that loses nothing.
 *
 *   1. the socket that writes, for its port id
 *   2. the socket that listens, which drops what that one causes
 *   3. nf_conntrack_events = 1: by default the kernel raises events only for
 *      entries that were made while somebody listened, and not even the end
 *      of an older one
 *   4. the table: with its first rule on labels the kernel gives every new
 *      entry room for them, and with its first rule on connections a fresh
 *      network namespace begins to track at all
 *   5. the dump, when the core asks
 *
 * Entries older than the rule have no room for our bits and will never
 * signal.  Where the table was not there at start, the first dump takes those
 * that this host forwards as ours; at every later one they are told with
 * unknown bits.
 */
#include "dataplane/dataplane.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dataplane/conntrack_dump.h"
#include "dataplane/conntrack_event.h"
#include "dataplane/conntrack_install.h"
#include "dataplane/conntrack_msg.h"
#include "dataplane/host.h"
#include "dataplane/local_address.h"
#include "dataplane/nft_table.h"

#define EVENT_BUFFER_BYTES (128u * 1024 * 1024)
#define SIGN_MAX           256
#define READ_MAX           64
#define BREAKS_MAX         3

struct ha_dataplane {
	struct ha_dataplane_config config;
	struct ha_dataplane_start start;
	struct ha_dataplane_stats stats;
	struct ha_zones zones_before; /* the last change */
	struct ha_ct_install *install;
	struct ha_ct_event *event;
	struct ha_ct_dump *dump;
	struct ha_nft_table *table;

	bool adopting;  /* the next dump, or this one, is the first */
	bool announced; /* the core knows of the dump that runs */
	int breaks;     /* times in a row that a dump broke off */
	struct ha_local_addresses local;
	size_t n_sign;
	struct ha_tuple sign[SIGN_MAX];

	size_t n_read; /* entries of which no event tells all */
	struct ha_tuple read[READ_MAX];
};

/* ---- from the sockets to the core ---- */

/* The core hears of them as if in a dump. */
static void
read_entries(struct ha_dataplane *dp)
{
	struct ha_ct_entry e;

	for (size_t i = 0; i < dp->n_read; i++)
		if (ha_ct_install_read(dp->install, &dp->read[i], &e) == HA_OK)
			dp->config.calls.on_session(dp->config.calls.ctx,
			    &e.session);
	dp->n_read = 0;
}

/* Not now: the packet that raised the event may be under the hand of a
 * helper still. */
static void
read_later(struct ha_dataplane *dp, const struct ha_tuple *orig)
{
	for (size_t i = 0; i < dp->n_read; i++)
		if (ha_tuple_equal(&dp->read[i], orig))
			return;
	if (dp->n_read == READ_MAX)
		read_entries(dp);
	dp->read[dp->n_read++] = *orig;
}

static void
event_entry(void *ctx, const struct ha_ct_entry *e)
{
	const struct ha_in_session *s = &e->session;
	struct ha_dataplane *dp = ctx;

	ha_ct_dump_note(dp->dump, e);
	dp->config.calls.on_session(dp->config.calls.ctx, s);
	if (s->event == HA_SESSION_UPDATE && !s->seq_told &&
	    (s->record.status & HA_STATUS_SEQ_ADJUST) != 0)
		read_later(dp, &s->record.orig);
}

/* Whoever makes an expectation has often made its packet longer. */
static void
event_expect(void *ctx, const struct ha_tuple *master)
{
	read_later(ctx, master);
}

static void
work_done(void *ctx, uint64_t ticket, int result)
{
	struct ha_dataplane *dp = ctx;

	dp->config.calls.on_done(dp->config.calls.ctx, ticket, result);
}

static void
event_lost(void *ctx)
{
	struct ha_dataplane *dp = ctx;

	dp->config.calls.on_dump(dp->config.calls.ctx, HA_DUMP_LOST);
}

static void
sign_adopted(struct ha_dataplane *dp)
{
	ha_ct_install_sign(dp->install, dp->sign, dp->n_sign);
	dp->n_sign = 0;
}

static void
adopt(struct ha_dataplane *dp, const struct ha_ct_entry *e,
    struct ha_in_session *s)
{
	if (s->owner_bit || s->replica_bit ||
	    !ha_local_forwards(&dp->local, &s->record))
		return;
	s->bits_known = true;
	s->owner_bit = true;
	dp->stats.adopted++;
	if (!e->has_room)
		return;
	if (dp->n_sign == SIGN_MAX)
		sign_adopted(dp);
	dp->sign[dp->n_sign++] = s->record.orig;
}

static void
dump_entry(void *ctx, const struct ha_ct_entry *e)
{
	struct ha_dataplane *dp = ctx;
	struct ha_in_session s = e->session;

	if (dp->adopting)
		adopt(dp, e, &s);
	dp->config.calls.on_session(dp->config.calls.ctx, &s);
}

static void
dump_end(void *ctx)
{
	struct ha_dataplane *dp = ctx;

	sign_adopted(dp);
	dp->breaks = 0;
	dp->adopting = false;
	ha_local_free(&dp->local);
	dp->config.calls.on_dump(dp->config.calls.ctx, HA_DUMP_END);
}

/* Half a dump must not pass for a whole one: it begins again. */
static void
dump_broken(void *ctx)
{
	struct ha_dataplane *dp = ctx;

	sign_adopted(dp);
	dp->announced = false;
	if (dp->breaks++ < BREAKS_MAX && ha_ct_dump_start(dp->dump) == HA_OK)
		return;
	dp->breaks = 0;
	dp->config.calls.on_dump(dp->config.calls.ctx, HA_DUMP_LOST);
}

/* Whatever came up after a dump began must reach the core after BEGIN: it is
 * not missed if the dump had passed its place. */
static void
announce_dump(struct ha_dataplane *dp)
{
	if (dp->announced || !ha_ct_dump_running(dp->dump))
		return;
	dp->announced = true;
	dp->config.calls.on_dump(dp->config.calls.ctx, HA_DUMP_BEGIN);
}

/* ---- opening ---- */

static struct ha_ct_bits
bits_of(const struct ha_dataplane_config *c)
{
	return (struct ha_ct_bits){ c->signal, c->owner_bit, c->replica_bit };
}

/* They change with the configuration. */
static struct ha_ct_terms
terms_of(const struct ha_dataplane *dp)
{
	return (struct ha_ct_terms){ bits_of(&dp->config), &dp->config.zones,
		&dp->zones_before };
}

static int
check_config(const struct ha_dataplane_config *c, struct ha_why *why)
{
	unsigned int end = c->signal == HA_SIGNAL_MARK ? 32 : 128;

	if (c->owner_bit < end && c->replica_bit < end &&
	    c->owner_bit != c->replica_bit)
		return HA_OK;
	ha_why_set(why, "owner-bit and replica-bit must be two different "
	    "numbers from 0 to %u", end - 1);
	return HA_ERR_INVAL;
}

static int
explain(int rc, const char *what, struct ha_why *why)
{
	switch (rc) {
	case HA_OK:
		break;
	case HA_ERR_PERM:
		ha_why_set(why, "no right to %s: run as root or with "
		    "CAP_NET_ADMIN", what);
		break;
	case HA_ERR_EXISTS:
		ha_why_set(why, "another process holds the nftables table "
		    "\"inet clusterd\": is clusterd running already?");
		break;
	case HA_ERR_UNSUPPORTED:
	case HA_ERR_ABSENT:
	case HA_ERR_INVAL: /* nobody there who knows such a message */
		ha_why_set(why, "this kernel can't %s: run \"modprobe -a "
		    "nf_conntrack nf_conntrack_netlink nf_tables nft_ct\"",
		    what);
		return HA_ERR_UNSUPPORTED;
	default:
		ha_why_set(why, "can't %s: %s", what, ha_err_text(rc));
		break;
	}
	return rc;
}

static int
open_listener(struct ha_dataplane *dp)
{
	const struct ha_ct_event_calls calls = { dp, event_entry, event_lost,
		event_expect };
	const struct ha_ct_terms terms = terms_of(dp);
	uint32_t want = dp->config.event_buffer_bytes;
	int rc = ha_ct_event_open(&terms, ha_ct_install_port_id(dp->install),
	    want > 0 ? want : EVENT_BUFFER_BYTES, &calls, &dp->stats,
	    &dp->event);

	if (rc == HA_OK)
		dp->start.buffer_forced = ha_ct_event_buffer(dp->event,
		    &dp->start.event_buffer_bytes);
	return rc;
}

/* The default, 2, serves us too, but for what was there before us. */
static int
raise_events(struct ha_dataplane *dp)
{
	uint32_t now;
	int rc = ha_setting_write("nf_conntrack_events", 1);

	dp->start.events_forced = rc == HA_OK;
	if (rc == HA_OK || ha_setting_read("nf_conntrack_events", &now) < 0)
		return rc;
	dp->start.events_forced = now == 1;
	return now != 0 ? HA_OK : rc;
}

static int
open_conntrack(struct ha_dataplane *dp, struct ha_why *why)
{
	const struct ha_ct_dump_calls calls = { dp, dump_entry, dump_end,
		dump_broken };
	const struct ha_ct_terms terms = terms_of(dp);
	int rc;

	rc = ha_ct_install_open(&terms, &dp->stats, &dp->install);
	if (rc == HA_OK)
		rc = open_listener(dp);
	if (rc != HA_OK)
		return explain(rc, "tell of its connections", why);
	rc = raise_events(dp);
	if (rc != HA_OK)
		return explain(rc, "raise events of connections "
		    "(net.netfilter.nf_conntrack_events=1)", why);
	rc = ha_ct_dump_open(&terms, &calls, &dp->stats, &dp->dump);
	return explain(rc, "list its connections", why);
}

/* An entry with our bits and no table: it was flushed away while nobody
 * looked, and with it went the gate, which therefore stood open since. */
static int
find_traces(struct ha_dataplane *dp)
{
	const struct ha_ct_terms terms = terms_of(dp);
	struct ha_dataplane_start *start = &dp->start;
	struct ha_nft_found found;
	int rc = ha_nft_table_find(dp->table, &found);

	if (rc != HA_OK)
		return rc;
	start->table_found = found.present;
	start->entries_found = false;
	if (!found.present)
		rc = ha_ct_dump_peek(&terms, &start->entries_found);
	if (rc != HA_OK)
		return rc;
	if (found.present)
		start->gate_closed = found.gate_closed;
	else
		start->gate_closed = dp->config.gate_closed_at_boot &&
		    !start->entries_found;
	start->gate_closed = start->gate_closed && dp->config.gate;
	dp->adopting = !found.present;
	return HA_OK;
}

static struct ha_nft_config
table_of(const struct ha_dataplane_config *c)
{
	struct ha_nft_config nft = {
		.bits = bits_of(c),
		.rule = c->rule,
		.gate = c->gate,
		.shared = c->table_shared,
		.n_untracked = c->n_untracked,
	};

	HA_CHECK(c->n_untracked <= HA_UNTRACKED_MAX);
	memcpy(nft.untracked, c->untracked, sizeof(nft.untracked));
	return nft;
}

static int
open_table(struct ha_dataplane *dp, struct ha_why *why)
{
	const struct ha_nft_config nft = table_of(&dp->config);
	int rc = ha_nft_table_open(&nft, &dp->table);

	if (rc == HA_OK)
		rc = find_traces(dp);
	if (rc == HA_OK)
		rc = ha_nft_table_load(dp->table, dp->start.gate_closed);
	if (rc == HA_OK)
		rc = ha_nft_table_remove_boot(dp->table);
	if (rc == HA_OK)
		dp->start.table_owned = ha_nft_table_owned(dp->table);
	return explain(rc, "load the nftables table \"inet clusterd\"", why);
}

int
ha_dataplane_open(const struct ha_dataplane_config *config,
    struct ha_why *why, struct ha_dataplane **out)
{
	struct ha_dataplane *dp;
	int rc = check_config(config, why);

	if (rc != HA_OK)
		return rc;
	dp = calloc(1, sizeof(*dp));
	if (dp == NULL)
		return explain(HA_ERR_NOMEM, "watch connections", why);
	dp->config = *config;
	dp->zones_before = config->zones;
	rc = open_conntrack(dp, why);
	if (rc == HA_OK)
		rc = open_table(dp, why);
	if (rc != HA_OK) {
		ha_dataplane_close(dp);
		return rc;
	}
	*out = dp;
	return HA_OK;
}

int
ha_dataplane_change(struct ha_dataplane *dp,
    const struct ha_dataplane_config *config, struct ha_why *why)
{
	struct ha_dataplane_config c = dp->config;
	struct ha_nft_config nft;
	int rc;

	c.zones = config->zones;
	c.rule = config->rule;
	c.gate = config->gate;
	c.n_untracked = config->n_untracked;
	memcpy(c.untracked, config->untracked, sizeof(c.untracked));
	nft = table_of(&c);
	rc = ha_nft_table_change(dp->table, &nft);
	if (rc == HA_OK) {
		dp->zones_before = dp->config.zones;
		dp->config = c;
	}
	return explain(rc, "load the nftables table \"inet clusterd\"", why);
}

void
ha_dataplane_close(struct ha_dataplane *dp)
{
	if (dp == NULL)
		return;
	ha_nft_table_close(dp->table);
	ha_ct_dump_close(dp->dump);
	ha_ct_event_close(dp->event);
	ha_ct_install_close(dp->install);
	ha_local_free(&dp->local);
	free(dp);
}

const struct ha_dataplane_start *
ha_dataplane_start(const struct ha_dataplane *dp)
{
	return &dp->start;
}

const struct ha_dataplane_stats *
ha_dataplane_stats(const struct ha_dataplane *dp)
{
	return &dp->stats;
}

/* ---- the loop's side ---- */

int
ha_dataplane_fd(const struct ha_dataplane *dp, enum ha_dataplane_fd which)
{
	switch (which) {
	case HA_DATAPLANE_FD_EVENTS:
		return ha_ct_event_fd(dp->event);
	case HA_DATAPLANE_FD_DUMP:
		return ha_ct_dump_fd(dp->dump);
	case HA_DATAPLANE_FD_WORK:
		return ha_ct_install_fd(dp->install);
	case HA_DATAPLANE_FD_TABLE:
		return ha_nft_table_fd(dp->table);
	case HA_DATAPLANE_FD_MAX:
		break;
	}
	return -1;
}

static void
watch_table(struct ha_dataplane *dp)
{
	const struct ha_dataplane_calls *calls = &dp->config.calls;

	switch (ha_nft_table_watch(dp->table)) {
	case HA_NFT_UNTOUCHED:
		break;
	case HA_NFT_RELOADED:
		dp->stats.table_reloads++;
		calls->on_table(calls->ctx, HA_TABLE_RELOADED);
		calls->on_dump(calls->ctx, HA_DUMP_LOST);
		break;
	case HA_NFT_LOST:
		calls->on_table(calls->ctx, HA_TABLE_LOST);
		break;
	}
}

bool
ha_dataplane_readable(struct ha_dataplane *dp, enum ha_dataplane_fd which)
{
	const struct ha_ct_install_calls work = { dp, event_entry, work_done };
	bool more;

	announce_dump(dp);
	switch (which) {
	case HA_DATAPLANE_FD_EVENTS:
		more = ha_ct_event_read(dp->event);
		read_entries(dp);
		return more;
	case HA_DATAPLANE_FD_DUMP:
		return ha_ct_dump_read(dp->dump);
	case HA_DATAPLANE_FD_WORK:
		return ha_ct_install_results(dp->install, &work);
	case HA_DATAPLANE_FD_TABLE:
		watch_table(dp);
		return false;
	case HA_DATAPLANE_FD_MAX:
		break;
	}
	return false;
}

int
ha_dataplane_dump(struct ha_dataplane *dp)
{
	int rc;

	if (ha_ct_dump_running(dp->dump))
		return HA_ERR_AGAIN;
	if (dp->adopting) {
		ha_local_free(&dp->local);
		rc = ha_local_load(&dp->local);
		if (rc != HA_OK)
			return rc;
	}
	dp->announced = false;
	return ha_ct_dump_start(dp->dump);
}

int
ha_dataplane_do(struct ha_dataplane *dp, const struct ha_kernel_op *ops,
    size_t n)
{
	return ha_ct_install_do(dp->install, ops, n);
}

int
ha_dataplane_gate(struct ha_dataplane *dp, bool open)
{
	return ha_nft_table_gate(dp->table, !open);
}

int
ha_dataplane_gate_read(struct ha_dataplane *dp, bool *open)
{
	struct ha_nft_found found;
	int rc = ha_nft_table_find(dp->table, &found);

	if (rc == HA_OK)
		*open = !found.gate_closed;
	return rc;
}

int
ha_dataplane_traffic(struct ha_dataplane *dp, struct ha_dataplane_traffic *out)
{
	return ha_nft_table_traffic(dp->table, out);
}

int
ha_dataplane_gate_open_alone(struct ha_why *why)
{
	int rc = ha_nft_table_open_gate_alone();

	if (rc == HA_ERR_ABSENT) {
		ha_why_set(why, "there is no table \"inet clusterd\": "
		    "nothing is closed");
		return rc;
	}
	return explain(rc, "open the gate", why);
}

int
ha_dataplane_table_remove_alone(struct ha_why *why)
{
	int rc = ha_nft_table_remove_alone();

	if (rc == HA_ERR_ABSENT) {
		ha_why_set(why, "there is no table \"inet clusterd\"");
		return rc;
	}
	return explain(rc, "remove the table \"inet clusterd\"", why);
}
