/*
 * The answers of one frame: members, state, links, streams, version.
 *
 * What a person sees of a member comes from three places: the file (name,
 * site), the core (state, links, sessions) and the handshakes (version).  A
 * member that is disabled in the file is not shown, as if it were not there.
 */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "shell/control_priv.h"

const char *
ha_control_serial(const struct ha_control *control, unsigned int index,
    char buf[static HA_CONTROL_SERIAL_BUF])
{
	const struct ha_conf_member *m =
	    ha_cluster_conf_find_index(control->parts.conf, index);

	if (m != NULL)
		return m->serial;
	snprintf(buf, HA_CONTROL_SERIAL_BUF, "member-%u", index);
	return buf;
}

uint64_t
ha_control_seconds_since(const struct ha_control *control, struct ha_time t)
{
	int64_t ns;

	if (!ha_time_reached(control->look.now, t))
		return 0;
	ns = ha_time_since(control->look.now, t).ns;
	return (uint64_t)ns / 1000000000;
}

const char *
ha_control_sync_word(enum ha_sync sync)
{
	switch (sync) {
	case HA_SYNC_OFF:
		return "off";
	case HA_SYNC_WAITING:
		return "waiting";
	case HA_SYNC_RUNNING:
		return "running";
	case HA_SYNC_COMPLETE:
		return "complete";
	}
	return "off";
}

static void
look_at_self(const struct ha_control *control, struct ha_view_self *self)
{
	ha_view_self(control->look.core, self);
}

/* "" stands for a text that is not in the file. */
static char *
optional_text(const char *text)
{
	return text[0] == '\0' ? NULL : ha_control_text(text);
}

/* --- alarms --- */

struct alarms {
	size_t n;
	Ha__Ctl__Alarm alarms[HA_ALARM_MAX];
	Ha__Ctl__Alarm *pointers[HA_ALARM_MAX];
	char serials[HA_ALARM_MAX][HA_CONTROL_SERIAL_BUF];
};

static void
fill_alarms(const struct ha_control *control, struct alarms *a)
{
	a->n = control->look.n_alarms;
	HA_CHECK(a->n <= HA_ALARM_MAX);
	for (size_t i = 0; i < a->n; i++) {
		const struct ha_alarm *from = &control->look.alarms[i];
		Ha__Ctl__Alarm *to = &a->alarms[i];

		ha__ctl__alarm__init(to);
		to->name = ha_control_text(from->name);
		if (from->member != 0)
			to->member = ha_control_text(ha_control_serial(control,
			    from->member, a->serials[i]));
		to->has_since_seconds = 1;
		to->since_seconds = ha_control_seconds_since(control,
		    from->since);
		a->pointers[i] = to;
	}
}

/* --- members --- */

static const char *
link_word(const struct ha_view_link *link)
{
	if (!link->configured)
		return "none";
	return link->up ? "up" : "down";
}

/* A member's own link is up when it is up to anybody. */
static const char *
own_link_word(const struct ha_control *control, enum ha_link_id id)
{
	const char *word = "none";
	struct ha_view_peer peer;

	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		if (ha_view_peer(control->look.core, i, &peer) != HA_OK ||
		    !peer.present || !peer.links[id].configured)
			continue;
		if (peer.links[id].up)
			return "up";
		word = "down";
	}
	return word;
}

static void
fill_local_member(const struct ha_control *control,
    const struct ha_conf_member *conf, Ha__Ctl__Member *m)
{
	struct ha_view_self self;

	look_at_self(control, &self);
	m->local = 1;
	m->state = ha_control_text(ha_state_name(self.state));
	m->ha4 = ha_control_text(own_link_word(control, HA_LINK_HA4));
	m->ha4_backup = ha_control_text(own_link_word(control,
	    HA_LINK_HA4_BACKUP));
	m->synchronization = ha_control_text(ha_control_sync_word(
	    conf->session_synchronization ? HA_SYNC_COMPLETE : HA_SYNC_OFF));
	m->has_sessions_owned = 1;
	m->sessions_owned = self.table_owned;
	m->version = ha_control_text(control->parts.version);
	m->has_last_heard_ms = 1;
}

/* What was last heard of a member that is down is no state of it now. */
static void
fill_remote_state(const struct ha_view_peer *peer, Ha__Ctl__Member *m)
{
	if (!peer->up)
		return;
	m->state = ha_control_text(ha_state_name(peer->state));
	m->has_sessions_owned = 1;
	m->sessions_owned = peer->sessions_owned;
}

static void
fill_remote_member(const struct ha_control *control,
    const struct ha_view_peer *peer, Ha__Ctl__Member *m)
{
	const struct ha_peer_info *info =
	    &control->look.peers[peer->index - 1];

	m->ha4 = ha_control_text(link_word(&peer->links[HA_LINK_HA4]));
	m->ha4_backup = ha_control_text(link_word(
	    &peer->links[HA_LINK_HA4_BACKUP]));
	m->synchronization = ha_control_text(ha_control_sync_word(peer->sync));
	m->has_synchronization_percent = peer->sync == HA_SYNC_RUNNING;
	m->synchronization_percent = peer->sync_percent;
	fill_remote_state(peer, m);
	if (info->known)
		m->version = optional_text(info->software);
	if (!ha_time_is_never(peer->heard)) {
		m->has_last_heard_ms = 1;
		m->last_heard_ms = (uint64_t)ha_dur_to_ms(ha_time_since(
		    control->look.now, peer->heard));
	}
}

/* False: the core does not know it (the file has it disabled). */
static bool
fill_member(const struct ha_control *control,
    const struct ha_conf_member *conf, uint8_t self, Ha__Ctl__Member *m)
{
	struct ha_view_peer peer;

	ha__ctl__member__init(m);
	m->index = conf->index;
	m->serial = ha_control_text(conf->serial);
	m->name = optional_text(conf->name);
	m->site = optional_text(conf->site);
	if (conf->index == self) {
		fill_local_member(control, conf, m);
		return true;
	}
	if (ha_view_peer(control->look.core, conf->index, &peer) != HA_OK ||
	    !peer.present)
		return false;
	fill_remote_member(control, &peer, m);
	return true;
}

void
ha_control_tell_members(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	const struct ha_control *control = client->control;
	const struct ha_cluster_conf *conf = control->parts.conf;
	Ha__Ctl__Member members[HA_MEMBER_MAX], *pointers[HA_MEMBER_MAX];
	Ha__Ctl__Members body = HA__CTL__MEMBERS__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	char buf[HA_CONTROL_SERIAL_BUF];
	struct ha_view_self self;
	struct alarms alarms;

	(void)request;
	look_at_self(control, &self);
	fill_alarms(control, &alarms);
	body.cluster_id = conf->id;
	body.local = ha_control_text(ha_control_serial(control, self.index,
	    buf));
	body.has_table_version = control->parts.table_version != NULL;
	if (body.has_table_version)
		body.table_version = *control->parts.table_version;
	for (size_t i = 0; i < conf->n_members; i++) {
		Ha__Ctl__Member *m = &members[body.n_members];

		if (fill_member(control, &conf->members[i], self.index, m))
			pointers[body.n_members++] = m;
	}
	body.members = pointers;
	body.n_alarms = alarms.n;
	body.alarms = alarms.pointers;
	answer.body_case = HA__CTL__ANSWER__BODY_MEMBERS;
	answer.members = &body;
	ha_control_say(client, &answer);
}

/* --- state --- */

void
ha_control_tell_state(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	const struct ha_control *control = client->control;
	char own[HA_CONTROL_SERIAL_BUF];
	char bufs[HA_MEMBER_MAX][HA_CONTROL_SERIAL_BUF];
	char *waiting_for[HA_MEMBER_MAX];
	Ha__Ctl__State body = HA__CTL__STATE__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	struct ha_view_self self;
	struct alarms alarms;

	(void)request;
	look_at_self(control, &self);
	fill_alarms(control, &alarms);
	body.serial = ha_control_text(ha_control_serial(control, self.index,
	    own));
	body.state = ha_control_text(ha_state_name(self.state));
	body.reason = ha_control_text(self.reason);
	body.since_seconds = ha_control_seconds_since(control, self.since);
	for (unsigned int i = 1; i <= HA_MEMBER_MAX; i++) {
		if ((self.waiting_for & ha_member_bit(i)) == 0)
			continue;
		waiting_for[body.n_waiting_for++] = ha_control_text(
		    ha_control_serial(control, i, bufs[i - 1]));
	}
	body.waiting_for = waiting_for;
	body.flaps = self.flaps;
	body.flap_max = control->parts.conf->flap_max;
	body.n_alarms = alarms.n;
	body.alarms = alarms.pointers;
	answer.body_case = HA__CTL__ANSWER__BODY_STATE;
	answer.state = &body;
	ha_control_say(client, &answer);
}

/* --- links --- */

static void
fill_link(const struct ha_control *control, const struct ha_view_link *view,
    const struct ha_link_stats *stats, Ha__Ctl__Link *l)
{
	ha__ctl__link__init(l);
	l->status = ha_control_text(link_word(view));
	if (!view->configured)
		return;
	l->has_since_seconds = 1;
	l->since_seconds = ha_control_seconds_since(control, view->since);
	l->has_round_trip_us = view->up && view->round_trip.ns > 0;
	l->round_trip_us = (uint64_t)view->round_trip.ns / 1000;
	l->has_keepalives_sent = 1;
	l->keepalives_sent = view->keepalives_sent;
	l->has_keepalives_received = 1;
	l->keepalives_received = view->keepalives_received;
	l->has_keepalives_lost = 1;
	l->keepalives_lost = view->keepalives_lost;
	l->has_bytes_sent = 1;
	l->bytes_sent = stats->bytes_sent;
	l->has_bytes_received = 1;
	l->bytes_received = stats->bytes_received;
	l->has_errors = 1;
	l->errors = stats->failures + stats->frames_malformed;
	l->last_error = optional_text(stats->last_error);
	l->has_connection = view->up;
	l->connection = stats->generation;
}

struct colour_count {
	unsigned int configured;
	unsigned int up;
};

static void
count_link(struct colour_count *count, const struct ha_view_link *link)
{
	count->configured += link->configured;
	count->up += link->configured && link->up;
}

static const char *
colour(const struct colour_count *count)
{
	if (count->configured == 0)
		return "grey";
	if (count->up == 0)
		return "red";
	return count->up == count->configured ? "green" : "yellow";
}

struct link_peer {
	Ha__Ctl__LinkPeer peer;
	Ha__Ctl__Link links[HA_LINK_MAX];
};

static void
fill_link_peer(const struct ha_control *control,
    const struct ha_conf_member *conf, const struct ha_view_peer *view,
    struct link_peer *p)
{
	for (int l = 0; l < HA_LINK_MAX; l++)
		fill_link(control, &view->links[l],
		    &control->look.links[conf->index - 1][l], &p->links[l]);
	ha__ctl__link_peer__init(&p->peer);
	p->peer.index = conf->index;
	p->peer.serial = ha_control_text(conf->serial);
	p->peer.name = optional_text(conf->name);
	p->peer.ha4 = &p->links[HA_LINK_HA4];
	p->peer.ha4_backup = &p->links[HA_LINK_HA4_BACKUP];
}

void
ha_control_tell_links(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	const struct ha_control *control = client->control;
	const struct ha_cluster_conf *conf = control->parts.conf;
	struct colour_count counts[HA_LINK_MAX] = { { 0, 0 } };
	struct link_peer peers[HA_MEMBER_MAX];
	Ha__Ctl__LinkPeer *pointers[HA_MEMBER_MAX];
	Ha__Ctl__Links body = HA__CTL__LINKS__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;

	(void)request;
	for (size_t i = 0; i < conf->n_members; i++) {
		struct ha_view_peer view;
		struct link_peer *p = &peers[body.n_peers];

		if (ha_view_peer(control->look.core, conf->members[i].index,
		    &view) != HA_OK || !view.present)
			continue;
		for (int l = 0; l < HA_LINK_MAX; l++)
			count_link(&counts[l], &view.links[l]);
		fill_link_peer(control, &conf->members[i], &view, p);
		pointers[body.n_peers++] = &p->peer;
	}
	body.peers = pointers;
	body.ha4_color = ha_control_text(colour(&counts[HA_LINK_HA4]));
	body.ha4_backup_color = ha_control_text(
	    colour(&counts[HA_LINK_HA4_BACKUP]));
	answer.body_case = HA__CTL__ANSWER__BODY_LINKS;
	answer.links = &body;
	ha_control_say(client, &answer);
}

/* --- streams --- */

struct stream {
	Ha__Ctl__Stream stream;
	Ha__Ctl__Holder holders[HA_MEMBER_MAX];
	Ha__Ctl__Holder *pointers[HA_MEMBER_MAX];
	char owner[HA_CONTROL_SERIAL_BUF];
};

/* Of the owner's start that is running, as far as this member knows. */
static bool
is_current(const struct ha_control *control, const struct ha_view_self *self,
    const struct ha_stream_id *id)
{
	struct ha_view_peer peer;

	if (id->owner == self->index)
		return id->boot == self->boot.id;
	return ha_view_peer(control->look.core, id->owner, &peer) == HA_OK &&
	    id->boot == peer.boot.id;
}

/* How member holds the stream; NULL: it did not say. */
static const struct ha_stream_status *
find_status(const struct ha_control *control, size_t n, unsigned int member,
    const struct ha_stream_id *id)
{
	for (size_t i = 0; i < n; i++) {
		const struct ha_view_stream *s = &control->streams[i];

		if (s->member == member &&
		    ha_stream_equal(&s->status.stream, id))
			return &s->status;
	}
	return NULL;
}

static void
fill_holder(const struct ha_conf_member *conf, bool reachable,
    const struct ha_stream_status *status, Ha__Ctl__Holder *h)
{
	ha__ctl__holder__init(h);
	h->serial = ha_control_text(conf->serial);
	h->reachable = reachable;
	if (!reachable || status == NULL)
		return;
	h->has_complete = 1;
	h->complete = status->complete;
	h->has_count = h->has_digest = status->caught_up;
	h->count = status->count;
	h->digest = status->digest;
}

/* Every member that synchronises is a holder, reachable or not. */
static void
fill_holders(const struct ha_control *control, size_t n,
    const struct ha_view_self *self, const struct ha_stream_id *id,
    struct stream *s)
{
	const struct ha_cluster_conf *conf = control->parts.conf;

	for (size_t i = 0; i < conf->n_members; i++) {
		const struct ha_conf_member *m = &conf->members[i];
		Ha__Ctl__Holder *h = &s->holders[s->stream.n_holders];
		struct ha_view_peer peer = { .up = true };

		if (!m->session_synchronization)
			continue;
		if (m->index != self->index &&
		    (ha_view_peer(control->look.core, m->index, &peer) !=
		    HA_OK || !peer.present))
			continue;
		fill_holder(m, peer.up, find_status(control, n, m->index, id),
		    h);
		s->pointers[s->stream.n_holders++] = h;
	}
	s->stream.holders = s->pointers;
}

/* What is here of an owner that shares nothing with us stands still where it
 * was when that began: there is nothing to compare it with. */
static bool
is_shared(const struct ha_control *control, uint8_t owner)
{
	struct ha_view_peer peer;

	return ha_view_peer(control->look.core, owner, &peer) != HA_OK ||
	    peer.sync != HA_SYNC_OFF;
}

/* One frame for one stream; the last has no more = true. */
static void
tell_stream(struct ha_control_client *client, size_t n,
    const struct ha_view_self *self, const struct ha_stream_id *id)
{
	const struct ha_control *control = client->control;
	Ha__Ctl__Streams body = HA__CTL__STREAMS__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	struct stream s;
	Ha__Ctl__Stream *pointer = &s.stream;

	ha__ctl__stream__init(&s.stream);
	s.stream.owner = ha_control_text(ha_control_serial(control, id->owner,
	    s.owner));
	s.stream.boot = id->boot;
	s.stream.current = is_current(control, self, id);
	fill_holders(control, n, self, id, &s);
	body.n_streams = 1;
	body.streams = &pointer;
	answer.has_more = answer.more = 1;
	answer.body_case = HA__CTL__ANSWER__BODY_STREAMS;
	answer.streams = &body;
	ha_control_say(client, &answer);
}

void
ha_control_tell_streams(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	struct ha_control *control = client->control;
	Ha__Ctl__Streams body = HA__CTL__STREAMS__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	struct ha_view_self self;
	size_t n;

	(void)request;
	look_at_self(control, &self);
	n = ha_view_streams(control->look.core, control->streams,
	    sizeof(control->streams) / sizeof(control->streams[0]));
	for (size_t i = 0; i < n; i++) {
		const struct ha_stream_id *id =
		    &control->streams[i].status.stream;
		bool told = false;

		for (size_t j = 0; j < i && !told; j++)
			told = ha_stream_equal(id,
			    &control->streams[j].status.stream);
		if (!told && is_shared(control, id->owner))
			tell_stream(client, n, &self, id);
	}
	answer.body_case = HA__CTL__ANSWER__BODY_STREAMS;
	answer.streams = &body;
	ha_control_say(client, &answer);
}

/* --- version --- */

void
ha_control_tell_version(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	Ha__Ctl__Version body = HA__CTL__VERSION__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;

	(void)request;
	body.version = ha_control_text(client->control->parts.version);
	body.protocol = HA_CONTROL_PROTOCOL;
	answer.body_case = HA__CTL__ANSWER__BODY_VERSION;
	answer.version = &body;
	ha_control_say(client, &answer);
}
