#include "proto/codec_check.h"

static bool
member_valid(unsigned int index)
{
	return index >= 1 && index <= HA_MEMBER_MAX;
}

static bool
keepalive_valid(const struct ha_msg_keepalive *k)
{
	if (k->counter == 0 || k->state >= HA_STATE_MAX ||
	    k->table_permille > 1000 || k->n_streams > HA_STREAM_MAX)
		return false;
	for (int i = 0; i < k->n_streams; i++) {
		if (!member_valid(k->streams[i].stream.owner))
			return false;
	}
	return true;
}

static bool
session_valid(const struct ha_uid *u, const struct ha_version *v)
{
	return member_valid(u->creator) && u->number != 0 &&
	    member_valid(v->owner);
}

static bool
batch_valid(const struct ha_msg_batch *b)
{
	const int known = HA_BATCH_FULL | HA_BATCH_CAUGHT_UP |
	    HA_BATCH_AGED;

	return b->walk != 0 && member_valid(b->stream.owner) &&
	    b->from <= b->to && (b->flags & ~known) == 0 &&
	    b->n_took <= HA_BOOTS_MAX && b->n_entries <= HA_BATCH_MAX;
}

bool
ha_codec_head_valid(const struct ha_message *m)
{
	switch (m->kind) {
	case HA_MSG_KEEPALIVE:
		return keepalive_valid(&m->u.keepalive);
	case HA_MSG_FEED_REQUEST:
		return m->u.feed_request.walk != 0 &&
		    member_valid(m->u.feed_request.stream.owner);
	case HA_MSG_WALK_VOID:
		return m->u.walk_void.walk != 0 &&
		    member_valid(m->u.walk_void.stream.owner);
	case HA_MSG_TOUCH:
		return session_valid(&m->u.touch.uid, &m->u.touch.version);
	case HA_MSG_GRANT:
		return session_valid(&m->u.grant.uid, &m->u.grant.version);
	case HA_MSG_END:
		return session_valid(&m->u.end.uid, &m->u.end.version);
	case HA_MSG_BATCH:
		return batch_valid(&m->u.batch);
	case HA_MSG_MAX:
		break;
	}
	return false;
}

/* A record whose tuples are of no account. */
static bool
rest_valid(const struct ha_record *r)
{
	struct ha_record rest = *r;

	rest.orig = (struct ha_tuple){ .family = HA_IPV4 };
	rest.reply = rest.orig;
	return ha_record_valid(&rest);
}

bool
ha_codec_entry_valid(const struct ha_entry *e)
{
	if (!session_valid(&e->uid, &e->version))
		return false;
	switch (e->kind) {
	case HA_ENTRY_FULL:
		return ha_record_valid(&e->record) && ha_extra_valid(e->extra);
	case HA_ENTRY_UPDATE:
		return rest_valid(&e->record) && ha_extra_valid(e->extra);
	case HA_ENTRY_END:
		return e->end_reason < HA_END_MAX;
	case HA_ENTRY_LEFT:
		return true;
	}
	return false;
}

bool
ha_codec_span_valid(const struct ha_msg_batch *b, uint64_t first,
    uint64_t last)
{
	return b->n_entries == 0 || (first > b->from && last <= b->to);
}
