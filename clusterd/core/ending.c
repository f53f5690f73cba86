/*
 * The end of a session by the operator's word.
 *
 * Only its owner ends a session.  Who is asked and does not own it hands the
 * word on to the owner; what a lost member owned is claimed first, as it may
 * be by anybody.  When the session has moved on while the word was under way,
 * who had it knows the later version and hands the word on in turn; versions
 * ascend, so it never goes round.
 *
 * At the owner it is as if a person had removed the kernel's entry: the
 * kernel tells of it with the last that is to be known of the session.
 */
#include "core/core_priv.h"

static int
hand_on(struct ha_core *c, const struct session *s)
{
	struct peer *p = peer_at(c, s->version.owner);
	struct ha_message *m;

	m = out_send(c, p, link_wanted(c, p), HA_MSG_END);
	if (m == NULL)
		return HA_ERR_AGAIN;
	m->u.end.uid = s->uid;
	m->u.end.version = s->version;
	return HA_OK;
}

int
ending_asked(struct ha_core *c, const struct ha_uid *uid)
{
	struct session *s = table_find(c, uid);

	if (s == NULL || s->place == PLACE_ORPHAN)
		return HA_ERR_ABSENT;
	if (!lifecycle_running(c))
		return HA_ERR_AGAIN;
	if (!owner_is_self(c, s)) {
		if (s->version.owner != c->settings.self &&
		    peer_look(c, s->version.owner)->up)
			return hand_on(c, s);
		if (!owner_is_free(c, s) || !owner_claim(c, s))
			return HA_ERR_AGAIN;
	}
	kernel_end(c, s);
	return HA_OK;
}

/* Another member was told so of a session that it takes for ours. */
void
ending_received(struct ha_core *c, const struct ha_in_message *in)
{
	const struct ha_msg_session *e = &in->message->u.end;
	struct session *s = table_find(c, &e->uid);

	if (s == NULL || !lifecycle_running(c))
		return;
	if (s->stream == c->own)
		kernel_end(c, s);
	else if (s->version.owner != c->settings.self &&
	    ha_version_cmp(&s->version, &e->version) > 0)
		(void)!hand_on(c, s);
}
