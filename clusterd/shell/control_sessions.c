/*
 * Sessions: filters, rows, and the walk over the table.
 *
 * A filter is compiled once, when it is asked for, so that what is done per
 * session is a few comparisons of numbers.  A slice looks at so many sessions
 * at most, whether they match or not.  The walk goes on behind the limit, to
 * count what matches.
 *
 * The kernel knows a session by two tuples: the original direction before,
 * and the reply direction after translation.  People want it as source and
 * destination, each with what it was translated to, when it was.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "shell/control_priv.h"

/* The names that conntrack gives to the kernel's numbers. */
static const char *const TCP_STATES[HA_TCP_STATE_MAX] = {
	[HA_TCP_NONE] = "NONE",
	[HA_TCP_SYN_SENT] = "SYN_SENT",
	[HA_TCP_SYN_RECV] = "SYN_RECV",
	[HA_TCP_ESTABLISHED] = "ESTABLISHED",
	[HA_TCP_FIN_WAIT] = "FIN_WAIT",
	[HA_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
	[HA_TCP_LAST_ACK] = "LAST_ACK",
	[HA_TCP_TIME_WAIT] = "TIME_WAIT",
	[HA_TCP_CLOSE] = "CLOSE",
	[HA_TCP_SYN_SENT2] = "SYN_SENT2",
};

/* Of what is not TCP: how much the kernel has seen of it. */
enum { UNREPLIED, REPLIED, ASSURED, OTHER_STATES };
static const char *const OTHER[OTHER_STATES] = {
	[UNREPLIED] = "UNREPLIED",
	[REPLIED] = "REPLIED",
	[ASSURED] = "ASSURED",
};

/* One of the literals above. */
static const char *
session_state(const struct ha_record *r)
{
	if (r->orig.protocol == IPPROTO_TCP)
		return TCP_STATES[r->tcp_state < HA_TCP_STATE_MAX ?
		    r->tcp_state : HA_TCP_NONE];
	if ((r->status & HA_STATUS_ASSURED) != 0)
		return OTHER[ASSURED];
	return OTHER[(r->status & HA_STATUS_SEEN_REPLY) != 0 ? REPLIED :
	    UNREPLIED];
}

static const char *
find_state(const char *text)
{
	for (int i = 0; i < HA_TCP_STATE_MAX; i++) {
		if (strcasecmp(text, TCP_STATES[i]) == 0)
			return TCP_STATES[i];
	}
	for (int i = 0; i < OTHER_STATES; i++) {
		if (strcasecmp(text, OTHER[i]) == 0)
			return OTHER[i];
	}
	return NULL;
}

/* --- one end of a session --- */

struct end {
	const uint8_t *address;
	bool has_port;
	uint16_t port;
};

static bool
is_icmp(uint8_t protocol)
{
	return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static bool
has_ports(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return true;
	default:
		return false;
	}
}

static struct end
source_of(const struct ha_tuple *t)
{
	return (struct end){ t->src,
		has_ports(t->protocol) || is_icmp(t->protocol), t->src_port };
}

static struct end
destination_of(const struct ha_tuple *t)
{
	return (struct end){ t->dst, has_ports(t->protocol), t->dst_port };
}

/* The source after translation is where the reply goes.  The identifier of
 * ICMP is the same number in both directions. */
static struct end
translated_source_of(const struct ha_tuple *reply)
{
	struct end e = destination_of(reply);

	if (is_icmp(reply->protocol)) {
		e.has_port = true;
		e.port = reply->src_port;
	}
	return e;
}

static struct end
translated_destination_of(const struct ha_tuple *reply)
{
	return (struct end){ reply->src, has_ports(reply->protocol),
		reply->src_port };
}

static bool
end_equal(const struct end *a, const struct end *b)
{
	return memcmp(a->address, b->address, 16) == 0 &&
	    (!a->has_port || a->port == b->port);
}

static size_t
address_len(const struct ha_tuple *t)
{
	return t->family == HA_IPV4 ? 4 : 16;
}

/* --- rows --- */

enum { ZONE_TEXT = 12 };

struct row {
	Ha__Ctl__Session session;
	Ha__Ctl__Uid uid;
	struct ha_record record; /* whose addresses the row borrows */
	char owner[HA_CONTROL_SERIAL_BUF];
	char zone[ZONE_TEXT];
};

static ProtobufCBinaryData
address_data(const struct end *e, size_t len)
{
	return (ProtobufCBinaryData){ len,
		(uint8_t *)(uintptr_t)e->address };
}

static const char *
find_zone(const struct ha_conf_local *local, uint32_t key)
{
	for (int i = 0; i < local->n_zones; i++)
		if (ha_zone_key(local->zones[i].name) == key)
			return local->zones[i].name;
	return NULL;
}

/* What its zone is called: here, else at some member, which has one that this
 * one lacks; else its number. */
static const char *
zone_name(const struct ha_control *control, uint8_t self, uint32_t key,
    char buf[static ZONE_TEXT])
{
	const struct ha_cluster_conf *conf = control->parts.conf;
	const struct ha_conf_member *own =
	    ha_cluster_conf_find_index(conf, self);
	const char *name = own == NULL ? NULL : find_zone(&own->local, key);

	for (size_t i = 0; name == NULL && i < conf->n_members; i++)
		name = find_zone(&conf->members[i].local, key);
	if (name != NULL)
		return name;
	snprintf(buf, ZONE_TEXT, ha_zone_is_number(key) ? "%u" : "%#x", key);
	return buf;
}

static void
fill_ends(struct row *row)
{
	const struct ha_tuple *orig = &row->record.orig;
	const struct ha_tuple *reply = &row->record.reply;
	struct end from = source_of(orig), to = destination_of(orig);
	struct end nat_from = translated_source_of(reply);
	struct end nat_to = translated_destination_of(reply);
	Ha__Ctl__Session *s = &row->session;
	size_t len = address_len(orig);

	s->source = address_data(&from, len);
	s->has_source_port = from.has_port;
	s->source_port = from.port;
	s->destination = address_data(&to, len);
	s->has_destination_port = to.has_port;
	s->destination_port = to.port;
	if (!end_equal(&from, &nat_from)) {
		s->has_translated_source = 1;
		s->translated_source = address_data(&nat_from, len);
		s->has_translated_source_port = nat_from.has_port;
		s->translated_source_port = nat_from.port;
	}
	if (!end_equal(&to, &nat_to)) {
		s->has_translated_destination = 1;
		s->translated_destination = address_data(&nat_to, len);
		s->has_translated_destination_port = nat_to.has_port;
		s->translated_destination_port = nat_to.port;
	}
}

static Ha__Ctl__Uid
wire_uid(const struct ha_uid *uid)
{
	Ha__Ctl__Uid w = HA__CTL__UID__INIT;

	w.creator = uid->creator;
	w.boot = uid->boot;
	w.number = uid->number;
	return w;
}

static void
fill_row(const struct ha_control *control, uint8_t self,
    const struct ha_view_session *view, struct row *row)
{
	Ha__Ctl__Session *s = &row->session;

	row->record = view->record;
	row->uid = wire_uid(&view->uid);
	ha__ctl__session__init(s);
	s->uid = &row->uid;
	s->owner = ha_control_text(ha_control_serial(control,
	    view->version.owner, row->owner));
	s->cached = view->role == HA_ROLE_CACHED;
	s->protocol = row->record.orig.protocol;
	s->state = ha_control_text(session_state(&row->record));
	s->zone = ha_control_text(zone_name(control, self,
	    row->record.orig.zone, row->zone));
	s->copies = view->copies;
	s->age_seconds = ha_control_seconds_since(control, view->created);
	fill_ends(row);
}

static uint8_t
own_index(const struct ha_control *control)
{
	struct ha_view_self self;

	ha_view_self(control->look.core, &self);
	return self.index;
}

/* --- filters --- */

static void
compile_prefix(const Ha__Ctl__Prefix *ask, struct ha_control_prefix *p)
{
	if (ask == NULL)
		return;
	p->given = true;
	p->family = ask->address.len == 4 ? HA_IPV4 : HA_IPV6;
	memcpy(p->address, ask->address.data, ask->address.len);
	for (uint32_t bit = 0; bit < ask->length; bit++)
		p->mask[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
}

static bool
prefix_covers(const struct ha_control_prefix *p, const uint8_t *address)
{
	for (int i = 0; i < 16; i++) {
		if (((p->address[i] ^ address[i]) & p->mask[i]) != 0)
			return false;
	}
	return true;
}

static bool
prefix_matches(const struct ha_control_prefix *p, uint8_t family,
    const uint8_t *address, const uint8_t *translated)
{
	if (!p->given)
		return true;
	return p->family == family && (prefix_covers(p, address) ||
	    prefix_covers(p, translated));
}

bool
ha_control_matches(const struct ha_control_filter *f,
    const struct ha_view_session *v)
{
	const struct ha_record *r = &v->record;

	return (f->owner == 0 || f->owner == v->version.owner) &&
	    (!f->has_role || f->role == v->role) &&
	    (!f->has_zone || f->zone == r->orig.zone) &&
	    (!f->has_protocol || f->protocol == r->orig.protocol) &&
	    (f->state == NULL || f->state == session_state(r)) &&
	    prefix_matches(&f->source, r->orig.family, r->orig.src,
	    r->reply.dst) &&
	    prefix_matches(&f->destination, r->orig.family, r->orig.dst,
	    r->reply.src);
}

static bool
compile_owner(const struct ha_control *control, const char *serial,
    struct ha_control_filter *f)
{
	const struct ha_conf_member *m;

	if (serial == NULL)
		return true;
	m = ha_cluster_conf_find_serial(control->parts.conf, serial);
	if (m == NULL)
		return false;
	f->owner = m->index;
	return true;
}

/* A number in full, up to 65535. */
static bool
parse_zone_number(const char *text, uint16_t *out)
{
	unsigned int v = 0;

	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9')
			return false;
		v = v * 10 + (unsigned int)(*p - '0');
		if (v > UINT16_MAX)
			return false;
	}
	*out = (uint16_t)v;
	return true;
}

/* A name that any member has, or a number of this one. */
static bool
compile_zone(const struct ha_control *control, const char *zone,
    struct ha_control_filter *f)
{
	const struct ha_cluster_conf *conf = control->parts.conf;
	const struct ha_conf_member *own =
	    ha_cluster_conf_find_index(conf, own_index(control));
	struct ha_zones zones;
	uint16_t number;

	if (zone == NULL)
		return true;
	f->has_zone = true;
	f->zone = ha_zone_key(zone);
	for (size_t i = 0; i < conf->n_members; i++)
		if (find_zone(&conf->members[i].local, f->zone) != NULL)
			return true;
	if (own == NULL || !parse_zone_number(zone, &number))
		return false;
	zones = ha_conf_zones(&own->local);
	f->zone = ha_zone_key_of(&zones, number);
	return true;
}

/* False: the client was told what is wrong. */
static bool
compile(struct ha_control_client *client, const Ha__Ctl__AskSessions *ask,
    struct ha_control_filter *f)
{
	*f = (struct ha_control_filter){ 0 };
	if (!compile_owner(client->control, ask->owner, f)) {
		ha_control_refuse(client, "unknown-member",
		    "No member has the serial \"%s\".", ask->owner);
		return false;
	}
	if (!compile_zone(client->control, ask->zone, f)) {
		ha_control_refuse(client, "unknown-zone",
		    "There is no zone \"%s\" at this member.", ask->zone);
		return false;
	}
	if (ask->state != NULL) {
		f->state = find_state(ask->state);
		if (f->state == NULL) {
			ha_control_refuse(client, "unknown-state",
			    "No session can be in a state \"%s\".",
			    ask->state);
			return false;
		}
	}
	f->has_role = ask->has_cached;
	f->role = ask->cached ? HA_ROLE_CACHED : HA_ROLE_OWNED;
	f->has_protocol = ask->has_protocol;
	f->protocol = (uint8_t)ask->protocol;
	compile_prefix(ask->source, &f->source);
	compile_prefix(ask->destination, &f->destination);
	return true;
}

/* --- the walk --- */

bool
ha_control_begin_walk(struct ha_control_client *client,
    const Ha__Ctl__AskSessions *ask)
{
	struct ha_control_walk *walk = &client->walk;

	if (!compile(client, ask, &walk->filter))
		return false;
	walk->limit = ask->has_limit ? ask->limit : UINT64_MAX;
	return true;
}

void
ha_control_tell_sessions(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	if (ha_control_begin_walk(client, request->sessions))
		client->walk.kind = HA_CONTROL_WALK_SESSIONS;
}

void
ha_control_walk_sessions(struct ha_control_client *client)
{
	const struct ha_control *control = client->control;
	struct ha_control_walk *walk = &client->walk;
	struct row rows[HA_CONTROL_SLICE];
	Ha__Ctl__Session *pointers[HA_CONTROL_SLICE];
	Ha__Ctl__Sessions body = HA__CTL__SESSIONS__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	struct ha_view_session view;
	uint8_t self = own_index(control);
	bool more = true;

	for (int i = 0; i < HA_CONTROL_SLICE && more; i++) {
		more = ha_view_next_session(control->look.core, &walk->cursor,
		    &view);
		if (!more || !ha_control_matches(&walk->filter, &view))
			continue;
		if (walk->total++ >= walk->limit)
			continue;
		fill_row(control, self, &view, &rows[body.n_sessions]);
		pointers[body.n_sessions] = &rows[body.n_sessions].session;
		body.n_sessions++;
	}
	body.sessions = pointers;
	if (more && body.n_sessions == 0)
		return; /* nothing to tell in this slice */
	answer.has_more = answer.more = more;
	if (!more) {
		body.has_total = 1;
		body.total = walk->total;
		walk->kind = HA_CONTROL_WALK_NONE;
	}
	answer.body_case = HA__CTL__ANSWER__BODY_SESSIONS;
	answer.sessions = &body;
	ha_control_say(client, &answer);
}

/* --- one session --- */

enum { FLAGS_MAX = 12, LABELS_MAX = 128 };

static size_t
fill_flags(const struct ha_view_session *v, char *flags[static FLAGS_MAX])
{
	const struct {
		bool holds;
		const char *word;
	} all[] = {
		{ v->published, "published" },
		{ v->installed, "installed" },
		{ v->traffic, "traffic" },
		{ v->asymmetric, "asymmetric" },
		{ v->conflict, "conflict" },
		{ v->limbo, "limbo" },
		{ (v->record.flags & HA_RECORD_UNTOUCHED) != 0, "untouched" },
		{ (v->record.status & HA_STATUS_ASSURED) != 0, "assured" },
		{ v->extra.master.family != 0, "expected" },
		{ (v->record.status & HA_STATUS_SEQ_ADJUST) != 0,
		    "sequence-adjusted" },
		{ v->bare && v->installed, "bare" },
		{ !v->zone_here, "zone-missing" },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].holds)
			flags[n++] = ha_control_text(all[i].word);
	}
	return n;
}

static size_t
fill_labels(const struct ha_view_session *v,
    uint32_t labels[static LABELS_MAX])
{
	size_t n = 0;

	for (uint32_t bit = 0; bit < LABELS_MAX; bit++)
		if ((v->extra.label[bit / 64] >> bit % 64 & 1) != 0)
			labels[n++] = bit;
	return n;
}

static void
say_detail(struct ha_control_client *client,
    const struct ha_view_session *view)
{
	const struct ha_control *control = client->control;
	Ha__Ctl__SessionDetail body = HA__CTL__SESSION_DETAIL__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	char bufs[HA_MEMBER_MAX][HA_CONTROL_SERIAL_BUF];
	char *owners[HA_MEMBER_MAX], *flags[FLAGS_MAX];
	uint32_t labels[LABELS_MAX];
	Ha__Ctl__Uid master = wire_uid(&view->master);
	struct row row;

	fill_row(control, own_index(control), view, &row);
	body.session = &row.session;
	body.epoch = view->version.epoch;
	body.revision = view->version.revision;
	for (unsigned int i = 1; i <= HA_MEMBER_MAX; i++) {
		if ((view->owners & ha_member_bit(i)) != 0)
			owners[body.n_owners++] = ha_control_text(
			    ha_control_serial(control, i, bufs[i - 1]));
	}
	body.owners = owners;
	body.n_flags = fill_flags(view, flags);
	body.flags = flags;
	body.mark = view->record.mark;
	body.has_conntrack_zone = view->zone_here;
	body.conntrack_zone = view->zone_number;
	body.changed_seconds = ha_control_seconds_since(control,
	    view->changed);
	body.n_labels = fill_labels(view, labels);
	body.labels = labels;
	if (view->extra.helper[0] != '\0')
		body.helper = ha_control_text(view->extra.helper);
	if (view->master.number != 0)
		body.master = &master;
	answer.body_case = HA__CTL__ANSWER__BODY_SESSION;
	answer.session = &body;
	ha_control_say(client, &answer);
}

struct ha_uid
ha_control_uid(const Ha__Ctl__Uid *uid)
{
	return (struct ha_uid){ .creator = (uint8_t)uid->creator,
		.boot = uid->boot, .number = uid->number };
}

void
ha_control_refuse_uid(struct ha_control_client *client,
    const struct ha_uid *uid)
{
	char text[HA_CONTROL_UID_TEXT];

	ha_control_format_uid(uid, text);
	ha_control_refuse(client, "no-session",
	    "This member has no session %s.", text);
}

void
ha_control_tell_session(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	struct ha_uid uid = ha_control_uid(request->session);
	struct ha_view_session view;

	if (ha_view_find_session(client->control->look.core, &uid, &view) ==
	    HA_OK)
		say_detail(client, &view);
	else
		ha_control_refuse_uid(client, &uid);
}
