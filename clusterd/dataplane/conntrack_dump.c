/*
 * conntrack_dump: one socket that asks for the whole table.
 *
 * The kernel fills one buffer of some 130 entries each time that the one
 * before was fetched.  So what is fetched now was written a turn of the loop
 * ago, and events that came meanwhile have been told already: an entry in
 * the buffer may have ended since, or got its bit.  A small table, indexed
 * by the kernel's own id of an entry, keeps what the latest events said;
 * entries that ended are left out of the dump, and bits are corrected.  The
 * table forgets by overwriting: only the last turn's events matter, and they
 * are far fewer than its places.
 */
#include "dataplane/conntrack_dump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dataplane/netlink.h"

#define DUMP_BUF     (64 * 1024) /* the kernel fills at most 32 KiB */
#define SLICE        3           /* buffers a slice */
#define NOTES        8192        /* a power of two */
#define RECEIVE_BYTES (1024 * 1024)

struct note {
	uint32_t id; /* 0: free */
	bool ended;
	bool bits_known;
	bool owner_bit;
	bool replica_bit;
};

struct ha_ct_dump {
	struct mnl_socket *nl;
	struct ha_ct_terms terms;
	struct ha_ct_dump_calls calls;
	struct ha_dataplane_stats *stats;
	uint32_t seq;
	bool running;
	struct note notes[NOTES];
	_Alignas(8) uint8_t buf[DUMP_BUF];
};

int
ha_ct_dump_open(const struct ha_ct_terms *terms,
    const struct ha_ct_dump_calls *calls, struct ha_dataplane_stats *stats,
    struct ha_ct_dump **out)
{
	struct ha_ct_dump *d = calloc(1, sizeof(*d));
	uint32_t got;
	int rc;

	if (d == NULL)
		return HA_ERR_NOMEM;
	d->terms = *terms;
	d->calls = *calls;
	d->stats = stats;
	rc = ha_netlink_open(&d->nl);
	if (rc != HA_OK) {
		free(d);
		return rc;
	}
	(void)ha_netlink_receive_buffer(d->nl, RECEIVE_BYTES, &got);
	*out = d;
	return HA_OK;
}

void
ha_ct_dump_close(struct ha_ct_dump *d)
{
	if (d == NULL)
		return;
	ha_netlink_close(d->nl);
	free(d);
}

int
ha_ct_dump_fd(const struct ha_ct_dump *d)
{
	return mnl_socket_get_fd(d->nl);
}

bool
ha_ct_dump_running(const struct ha_ct_dump *d)
{
	return d->running;
}

int
ha_ct_dump_start(struct ha_ct_dump *d)
{
	uint8_t msg[HA_CT_MSG_MAX];
	int rc;

	if (d->running)
		return HA_ERR_AGAIN;
	d->seq++;
	rc = ha_netlink_send(d->nl, msg, ha_ct_build_dump(msg, d->seq));
	if (rc != HA_OK)
		return rc;
	memset(d->notes, 0, sizeof(d->notes));
	d->running = true;
	return HA_OK;
}

void
ha_ct_dump_note(struct ha_ct_dump *d, const struct ha_ct_entry *e)
{
	struct note *n = &d->notes[e->id % NOTES];
	const struct ha_in_session *s = &e->session;
	bool ended = s->event == HA_SESSION_END;

	if (!d->running || e->id == 0)
		return;
	if (!ended && !s->bits_known && n->id != e->id)
		return;
	if (n->id != e->id)
		*n = (struct note){ .id = e->id };
	n->ended = ended;
	if (s->bits_known) {
		n->bits_known = true;
		n->owner_bit = s->owner_bit;
		n->replica_bit = s->replica_bit;
	}
}

/* False: the entry is no more. */
static bool
correct(const struct ha_ct_dump *d, struct ha_ct_entry *e)
{
	const struct note *n = &d->notes[e->id % NOTES];

	if (e->id == 0 || n->id != e->id)
		return true;
	if (n->ended)
		return false;
	if (n->bits_known) {
		e->session.bits_known = true;
		e->session.owner_bit = n->owner_bit;
		e->session.replica_bit = n->replica_bit;
	}
	return true;
}

static void
take(struct ha_ct_dump *d, const struct nlmsghdr *h)
{
	struct ha_ct_entry e;

	switch (ha_ct_parse(h, h->nlmsg_len, true, &d->terms, &e)) {
	case HA_OK:
		d->stats->dumped++;
		if (correct(d, &e))
			d->calls.on_entry(d->calls.ctx, &e);
		break;
	case HA_ERR_UNSUPPORTED:
		d->stats->skipped++;
		break;
	default:
		d->stats->malformed++;
		break;
	}
}

static void
finish(struct ha_ct_dump *d, bool whole)
{
	d->running = false;
	if (!whole) {
		d->calls.on_broken(d->calls.ctx);
		return;
	}
	d->stats->dumps++;
	d->calls.on_end(d->calls.ctx);
}

/* The end of a dump carries the kernel's error, if there was one, where an
 * error message has it. */
static void
take_all(struct ha_ct_dump *d, size_t len)
{
	const struct nlmsghdr *h = (const void *)d->buf;
	int left = (int)len;

	for (; mnl_nlmsg_ok(h, left); h = mnl_nlmsg_next(h, &left)) {
		if (h->nlmsg_seq != d->seq)
			continue;
		switch (h->nlmsg_type) {
		case NLMSG_DONE:
		case NLMSG_ERROR:
			finish(d, h->nlmsg_type == NLMSG_DONE &&
			    ha_netlink_errno(h) == 0);
			return;
		default:
			take(d, h);
			break;
		}
	}
}

bool
ha_ct_dump_read(struct ha_ct_dump *d)
{
	for (int i = 0; i < SLICE; i++) {
		ssize_t n = recv(ha_ct_dump_fd(d), d->buf, sizeof(d->buf),
		    MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS && d->running)
			finish(d, false);
		if (n <= 0)
			return false;
		take_all(d, (size_t)n);
	}
	return true;
}

struct peek {
	bool found;
	bool ended;
	bool broken;
};

static void
peek_entry(void *ctx, const struct ha_ct_entry *e)
{
	struct peek *p = ctx;

	p->found |= e->session.owner_bit || e->session.replica_bit;
}

static void
peek_end(void *ctx)
{
	((struct peek *)ctx)->ended = true;
}

static void
peek_broken(void *ctx)
{
	((struct peek *)ctx)->broken = true;
}

int
ha_ct_dump_peek(const struct ha_ct_terms *terms, bool *found)
{
	struct peek p = { .found = false };
	const struct ha_ct_dump_calls calls = { &p, peek_entry, peek_end,
		peek_broken };
	struct ha_dataplane_stats stats = { 0 };
	struct ha_ct_dump *d;
	int rc;

	rc = ha_ct_dump_open(terms, &calls, &stats, &d);
	if (rc != HA_OK)
		return rc;
	rc = ha_ct_dump_start(d);
	while (rc == HA_OK && !p.found && !p.ended && !p.broken) {
		rc = ha_netlink_wait(d->nl);
		if (rc == HA_OK)
			ha_ct_dump_read(d);
	}
	ha_ct_dump_close(d);
	if (rc == HA_OK && p.broken)
		rc = HA_ERR_IO;
	if (rc == HA_OK)
		*found = p.found;
	return rc;
}
