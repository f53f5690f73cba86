/*
 * Results as JSON: one object for each run.
 *
 * A key is always there; a value that does not exist is null.  Lists that
 * come in pages are written page by page, since a million sessions would not
 * fit comfortably into memory; if the daemon goes away in the middle, the
 * object is closed with an error in it and is still JSON.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/control_codec.h"
#include "tools/out.h"

#define OBJECT_FLAGS (JSON_INDENT(2))
#define ROW_FLAGS    (JSON_COMPACT)

struct out_json {
	struct ha_out out;
	bool open;               /* a paged list has begun */
	bool any;                /* it has an element */
	const char *unfinished;  /* what follows it when it can't be ended */
};

static struct out_json *
self_of(struct ha_out *out)
{
	return (struct out_json *)(void *)out;
}

/* --- values --- */

/* What is not UTF-8 is shown as '?' per byte. */
static json_t *
text(const char *s)
{
	json_t *value;
	char *copy;

	if (s == NULL)
		return json_null();
	value = json_string(s);
	if (value != NULL)
		return value;
	copy = malloc(strlen(s) + 1);
	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i <= strlen(s); i++)
		copy[i] = (unsigned char)s[i] < 0x80 ? s[i] : '?';
	value = json_string(copy);
	free(copy);
	return value;
}

static json_t *
number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static json_t *
optional(protobuf_c_boolean has, uint64_t v)
{
	return has ? number(v) : json_null();
}

static json_t *
hex(bool has, uint64_t v)
{
	char buf[17];

	if (!has)
		return json_null();
	snprintf(buf, sizeof(buf), "%016" PRIx64, v);
	return json_string(buf);
}

/* Jansson takes NULL for what could not be made, and leaves it out: without
 * memory the object is short of a key. */
static void
set(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static void
append(json_t *array, json_t *value)
{
	(void)json_array_append_new(array, value);
}

static void
show(struct ha_out *out, json_t *object)
{
	json_dumpf(object, out->stream, OBJECT_FLAGS);
	fputc('\n', out->stream);
	json_decref(object);
}

static json_t *
texts(size_t n, char *const *from)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		append(array, text(from[i]));
	return array;
}

static json_t *
numbers(size_t n, const uint32_t *from)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		append(array, number(from[i]));
	return array;
}

static json_t *
alarms(size_t n, Ha__Ctl__Alarm *const *from)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();

		set(o, "name", text(from[i]->name));
		set(o, "member", text(from[i]->member));
		set(o, "since_seconds", optional(from[i]->has_since_seconds,
		    from[i]->since_seconds));
		append(array, o);
	}
	return array;
}

/* --- members, state, links --- */

static json_t *
member(const Ha__Ctl__Member *m)
{
	json_t *o = json_object();

	set(o, "index", number(m->index));
	set(o, "serial", text(m->serial));
	set(o, "name", text(m->name));
	set(o, "site", text(m->site));
	set(o, "state", text(m->state));
	set(o, "ha4", text(m->ha4));
	set(o, "ha4_backup", text(m->ha4_backup));
	set(o, "synchronization", text(m->synchronization));
	set(o, "synchronization_percent", optional(
	    m->has_synchronization_percent, m->synchronization_percent));
	set(o, "sessions_owned", optional(m->has_sessions_owned,
	    m->sessions_owned));
	set(o, "version", text(m->version));
	set(o, "last_heard_ms", optional(m->has_last_heard_ms,
	    m->last_heard_ms));
	set(o, "local", json_boolean(m->local));
	return o;
}

static void
json_members(struct ha_out *out, const Ha__Ctl__Members *m)
{
	json_t *o = json_object(), *array = json_array();

	for (size_t i = 0; i < m->n_members; i++)
		append(array, member(m->members[i]));
	set(o, "cluster_id", number(m->cluster_id));
	set(o, "local", text(m->local));
	set(o, "table_version", optional(m->has_table_version,
	    m->table_version));
	set(o, "members", array);
	set(o, "alarms", alarms(m->n_alarms, m->alarms));
	show(out, o);
}

static void
json_state(struct ha_out *out, const Ha__Ctl__State *s)
{
	json_t *o = json_object();

	set(o, "serial", text(s->serial));
	set(o, "state", text(s->state));
	set(o, "reason", text(s->reason));
	set(o, "since_seconds", number(s->since_seconds));
	set(o, "waiting_for", texts(s->n_waiting_for, s->waiting_for));
	set(o, "flaps", number(s->flaps));
	set(o, "flap_max", number(s->flap_max));
	set(o, "alarms", alarms(s->n_alarms, s->alarms));
	show(out, o);
}

static json_t *
one_link(const char *name, const Ha__Ctl__Link *l)
{
	json_t *o = json_object();

	set(o, "link", json_string(name));
	set(o, "status", text(l->status));
	set(o, "since_seconds", optional(l->has_since_seconds,
	    l->since_seconds));
	set(o, "round_trip_us", optional(l->has_round_trip_us,
	    l->round_trip_us));
	set(o, "keepalives_sent", optional(l->has_keepalives_sent,
	    l->keepalives_sent));
	set(o, "keepalives_received", optional(l->has_keepalives_received,
	    l->keepalives_received));
	set(o, "keepalives_lost", optional(l->has_keepalives_lost,
	    l->keepalives_lost));
	set(o, "bytes_sent", optional(l->has_bytes_sent, l->bytes_sent));
	set(o, "bytes_received", optional(l->has_bytes_received,
	    l->bytes_received));
	set(o, "errors", optional(l->has_errors, l->errors));
	set(o, "last_error", text(l->last_error));
	set(o, "connection", optional(l->has_connection, l->connection));
	return o;
}

static json_t *
link_peer(const Ha__Ctl__LinkPeer *p)
{
	json_t *o = json_object(), *array = json_array();

	append(array, one_link("ha4", p->ha4));
	append(array, one_link("ha4-backup", p->ha4_backup));
	set(o, "index", number(p->index));
	set(o, "serial", text(p->serial));
	set(o, "name", text(p->name));
	set(o, "ha4", text(p->ha4->status));
	set(o, "ha4_backup", text(p->ha4_backup->status));
	set(o, "links", array);
	return o;
}

static json_t *
color(const char *word)
{
	json_t *o = json_object();

	set(o, "color", text(word));
	return o;
}

static void
json_links(struct ha_out *out, const Ha__Ctl__Links *l)
{
	json_t *o = json_object(), *array = json_array();

	for (size_t i = 0; i < l->n_peers; i++)
		append(array, link_peer(l->peers[i]));
	set(o, "ha4", color(l->ha4_color));
	set(o, "ha4_backup", color(l->ha4_backup_color));
	set(o, "peers", array);
	show(out, o);
}

/* --- statistics, counters --- */

static json_t *
fill(uint64_t used, uint64_t capacity)
{
	json_t *o = json_object();

	set(o, "used", number(used));
	set(o, "capacity", number(capacity));
	return o;
}

static json_t *
traffic(const Ha__Ctl__LinkTraffic *t)
{
	json_t *o = json_object();

	set(o, "link", text(t->link));
	set(o, "messages_sent", optional(t->has_messages_sent,
	    t->messages_sent));
	set(o, "messages_received", optional(t->has_messages_received,
	    t->messages_received));
	set(o, "bytes_sent", optional(t->has_bytes_sent, t->bytes_sent));
	set(o, "bytes_received", optional(t->has_bytes_received,
	    t->bytes_received));
	set(o, "errors", optional(t->has_errors, t->errors));
	return o;
}

static json_t *
statistics_peer(const Ha__Ctl__StatisticsPeer *p)
{
	json_t *o = json_object(), *array = json_array();

	for (size_t i = 0; i < p->n_links; i++)
		append(array, traffic(p->links[i]));
	set(o, "index", number(p->index));
	set(o, "serial", text(p->serial));
	set(o, "name", text(p->name));
	set(o, "synchronization", text(p->synchronization));
	set(o, "sessions_owned", optional(p->has_sessions_owned,
	    p->sessions_owned));
	set(o, "links", array);
	return o;
}

static void
json_statistics(struct ha_out *out, const Ha__Ctl__Statistics *s)
{
	json_t *o = json_object(), *counters = json_object();
	json_t *peers = json_array();

	for (size_t i = 0; i < s->n_counters; i++)
		set(counters, s->counters[i]->name,
		    number(s->counters[i]->value));
	for (size_t i = 0; i < s->n_peers; i++)
		append(peers, statistics_peer(s->peers[i]));
	set(o, "session_table", fill(s->owned, s->capacity));
	set(o, "session_cache", fill(s->cached, s->capacity));
	set(o, "counters", counters);
	set(o, "peers", peers);
	show(out, o);
}

static void
json_counters(struct ha_out *out, const Ha__Ctl__Counters *c, bool delta)
{
	json_t *o = json_object(), *array = json_array();

	(void)delta;
	for (size_t i = 0; i < c->n_counters; i++) {
		const Ha__Ctl__Counter *from = c->counters[i];
		json_t *row = json_object();

		set(row, "name", text(from->name));
		set(row, "value", number(from->value));
		set(row, "delta", optional(from->has_delta, from->delta));
		set(row, "unit", text(from->unit));
		set(row, "description", text(from->description));
		append(array, row);
	}
	set(o, "counters", array);
	set(o, "since_seconds", optional(c->has_since_seconds,
	    c->since_seconds));
	show(out, o);
}

/* --- sessions --- */

static json_t *
address(bool has, const ProtobufCBinaryData *a)
{
	char buf[HA_ADDRESS_TEXT];

	if (!has)
		return json_null();
	ha_out_address(a, buf);
	return json_string(buf);
}

static json_t *
uid_text(const Ha__Ctl__Uid *from)
{
	struct ha_uid uid = { .creator = (uint8_t)from->creator,
		.boot = from->boot, .number = from->number };
	char buf[HA_CONTROL_UID_TEXT];

	ha_control_format_uid(&uid, buf);
	return json_string(buf);
}

static json_t *
session(const Ha__Ctl__Session *s)
{
	json_t *o = json_object();
	char buf[12];

	set(o, "uid", uid_text(s->uid));
	set(o, "owner", text(s->owner));
	set(o, "role", json_string(s->cached ? "cached" : "owned"));
	set(o, "protocol", json_string(ha_out_protocol(s->protocol, buf)));
	set(o, "state", text(s->state));
	set(o, "source", address(true, &s->source));
	set(o, "source_port", optional(s->has_source_port, s->source_port));
	set(o, "destination", address(true, &s->destination));
	set(o, "destination_port", optional(s->has_destination_port,
	    s->destination_port));
	set(o, "translated_source", address(s->has_translated_source,
	    &s->translated_source));
	set(o, "translated_source_port", optional(
	    s->has_translated_source_port, s->translated_source_port));
	set(o, "translated_destination", address(
	    s->has_translated_destination, &s->translated_destination));
	set(o, "translated_destination_port", optional(
	    s->has_translated_destination_port,
	    s->translated_destination_port));
	set(o, "zone", text(s->zone));
	set(o, "copies", number(s->copies));
	set(o, "age_seconds", number(s->age_seconds));
	return o;
}

static void
page_begin(struct out_json *self, const char *key, const char *unfinished)
{
	if (!self->open)
		fprintf(self->out.stream, "{\"%s\": [", key);
	self->open = true;
	self->unfinished = unfinished;
}

static void
page_row(struct out_json *self, json_t *row)
{
	fputs(self->any ? ",\n  " : "\n  ", self->out.stream);
	json_dumpf(row, self->out.stream, ROW_FLAGS);
	json_decref(row);
	self->any = true;
}

static void
json_sessions(struct ha_out *out, const Ha__Ctl__Sessions *page, bool last)
{
	struct out_json *self = self_of(out);

	page_begin(self, "sessions", "\"total\": null, ");
	for (size_t i = 0; i < page->n_sessions; i++)
		page_row(self, session(page->sessions[i]));
	if (!last)
		return;
	fprintf(out->stream, "%s], \"total\": %" PRIu64 "}\n",
	    self->any ? "\n" : "", page->total);
	self->open = false;
}

static void
json_session(struct ha_out *out, const Ha__Ctl__SessionDetail *s)
{
	json_t *o = session(s->session);

	set(o, "epoch", number(s->epoch));
	set(o, "revision", hex(true, s->revision));
	set(o, "owners", texts(s->n_owners, s->owners));
	set(o, "flags", texts(s->n_flags, s->flags));
	set(o, "mark", number(s->mark));
	set(o, "conntrack_zone", s->has_conntrack_zone ?
	    number(s->conntrack_zone) : json_null());
	set(o, "changed_seconds", number(s->changed_seconds));
	set(o, "labels", numbers(s->n_labels, s->labels));
	set(o, "helper", text(s->helper));
	set(o, "master", s->master == NULL ? json_null() :
	    uid_text(s->master));
	show(out, o);
}

static void
json_ended(struct ha_out *out, const Ha__Ctl__Ended *e)
{
	json_t *o = json_object();

	set(o, "ended", number(e->ended));
	set(o, "refused", number(e->refused));
	show(out, o);
}

/* --- events --- */

/* RFC 3339 in UTC. */
static json_t *
time_text(int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char date[32], buf[48];

	if (ms < 0 || gmtime_r(&s, &tm) == NULL)
		return json_null();
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf, sizeof(buf), "%s.%03dZ", date, (int)(ms % 1000));
	return json_string(buf);
}

static void
json_events(struct ha_out *out, const Ha__Ctl__Events *page, bool last)
{
	struct out_json *self = self_of(out);

	page_begin(self, "events", "");
	for (size_t i = 0; i < page->n_events; i++) {
		const Ha__Ctl__Event *e = page->events[i];
		json_t *row = json_object();

		set(row, "number", number(e->number));
		set(row, "time", time_text(e->time_ms));
		set(row, "name", text(e->name));
		set(row, "text", text(e->text));
		page_row(self, row);
	}
	if (!last)
		return;
	fprintf(out->stream, "%s]}\n", self->any ? "\n" : "");
	self->open = false;
}

/* --- verify --- */

static json_t *
verify_member(const struct ha_verify_member *m)
{
	json_t *o = json_object();

	set(o, "serial", text(m->serial));
	set(o, "reachable", json_boolean(m->reachable));
	set(o, "complete", optional(m->has_complete, m->complete));
	set(o, "sessions", optional(m->has_digest, m->count));
	set(o, "digest", hex(m->has_digest, m->digest));
	set(o, "equal", m->judged ? json_boolean(m->equal) : json_null());
	return o;
}

static void
json_verify(struct ha_out *out, const struct ha_verify_stream *s, size_t n,
    enum ha_verify_verdict verdict)
{
	json_t *o = json_object(), *owners = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *owner = json_object(), *members = json_array();

		for (size_t j = 0; j < s[i].n_members; j++)
			append(members, verify_member(&s[i].members[j]));
		set(owner, "owner", text(s[i].owner));
		set(owner, "boot", hex(true, s[i].boot));
		set(owner, "current", json_boolean(s[i].current));
		set(owner, "members", members);
		append(owners, owner);
	}
	set(o, "equal", verdict == VERIFY_UNSETTLED ? json_null() :
	    json_boolean(verdict == VERIFY_EQUAL));
	set(o, "owners", owners);
	show(out, o);
}

/* --- without a daemon --- */

static void
json_identity(struct ha_out *out, const struct ha_out_identity *i)
{
	json_t *o = json_object();

	set(o, "serial", text(i->serial));
	set(o, "file", text(i->file));
	set(o, "public_key", text(i->public_key));
	set(o, "member_block", text(i->member_block));
	show(out, o);
}

static void
json_secret(struct ha_out *out, const char *file)
{
	json_t *o = json_object();

	set(o, "file", text(file));
	show(out, o);
}

static void
json_rotation(struct ha_out *out, const struct ha_out_rotation *r)
{
	json_t *o = json_object();
	json_t *steps = json_array();

	set(o, "file", text(r->file));
	if (r->serial != NULL) {
		set(o, "serial", text(r->serial));
		set(o, "public_key", text(r->public_key));
		set(o, "next_public_key", text(r->next_public_key));
	}
	for (size_t i = 0; i < r->n_steps; i++) {
		json_t *step = json_object();

		set(step, "step", text(r->steps[i].words));
		set(step, "line", text(r->steps[i].line));
		append(steps, step);
	}
	set(o, "steps", steps);
	show(out, o);
}

static json_t *
error_object(const char *code, const char *message)
{
	json_t *o = json_object();

	set(o, "code", text(code));
	set(o, "message", text(message));
	return o;
}

static json_t *
messages(const struct ha_conf_report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->n; i++) {
		const struct ha_conf_message *m = &report->messages[i];
		json_t *o = json_object();

		set(o, "line", optional(m->line != 0, m->line));
		set(o, "level", json_string(m->level == HA_CONF_ERROR ?
		    "error" : "warning"));
		set(o, "text", text(m->text));
		append(array, o);
	}
	return array;
}

static void
json_config(struct ha_out *out, const struct ha_out_config *c)
{
	json_t *o = json_object();
	json_t *rules = json_array();
	bool valid = c->conf != NULL;

	set(o, "file", text(c->file));
	set(o, "valid", json_boolean(valid));
	set(o, "cluster_id", optional(valid, valid ? c->conf->id : 0));
	set(o, "members", optional(valid, valid ? c->conf->n_members : 0));
	set(o, "serial", text(c->self == NULL ? NULL : c->self->serial));
	for (size_t i = 0; i < c->n_rules; i++)
		append(rules, text(c->rules[i]));
	set(o, "input_rules", rules);
	set(o, "messages", messages(c->report));
	set(o, "error", valid ? json_null() :
	    error_object("config", c->failure));
	show(out, o);
}

static json_t *
file_messages(const Ha__Ctl__Reload *r)
{
	json_t *array = json_array();

	for (size_t i = 0; i < r->n_messages; i++) {
		const Ha__Ctl__FileMessage *m = r->messages[i];
		json_t *o = json_object();

		set(o, "file", text(m->file));
		set(o, "line", optional(m->has_line, m->line));
		set(o, "level", json_string(m->error ? "error" : "warning"));
		set(o, "text", text(m->text));
		append(array, o);
	}
	return array;
}

static void
json_reload(struct ha_out *out, const Ha__Ctl__Reload *r)
{
	json_t *o = json_object();

	set(o, "table_version", number(r->table_version));
	set(o, "added", texts(r->n_added, r->added));
	set(o, "removed", texts(r->n_removed, r->removed));
	set(o, "changed", texts(r->n_changed, r->changed));
	set(o, "keys", texts(r->n_keys, r->keys));
	set(o, "messages", file_messages(r));
	set(o, "left_out", number(r->left_out));
	set(o, "error", r->error == NULL ? json_null() :
	    error_object(r->error->code, r->error->message));
	show(out, o);
}

static void
json_forgotten(struct ha_out *out, const Ha__Ctl__Forgotten *f)
{
	json_t *o = json_object();

	set(o, "serial", text(f->serial));
	show(out, o);
}

static void
json_version(struct ha_out *out, const char *version,
    const char *daemon_version)
{
	json_t *o = json_object();

	set(o, "version", text(version));
	set(o, "daemon_version", text(daemon_version));
	set(o, "control_protocol", number(HA_CONTROL_PROTOCOL));
	show(out, o);
}

/* An error in the middle of a paged list closes it. */
static void
json_error(struct ha_out *out, const char *code, const char *message)
{
	struct out_json *self = self_of(out);
	json_t *o;

	if (self->open) {
		fprintf(out->stream, "\n], %s\"error\": ", self->unfinished);
		o = error_object(code, message);
		json_dumpf(o, out->stream, ROW_FLAGS);
		fputs("}\n", out->stream);
		json_decref(o);
		self->open = false;
		return;
	}
	o = json_object();
	set(o, "error", error_object(code, message));
	show(out, o);
}

static void
json_free(struct ha_out *out)
{
	free(self_of(out));
}

static const struct ha_out_ops JSON_OPS = {
	.members = json_members,
	.state = json_state,
	.links = json_links,
	.statistics = json_statistics,
	.counters = json_counters,
	.sessions = json_sessions,
	.session = json_session,
	.ended = json_ended,
	.events = json_events,
	.verify = json_verify,
	.reload = json_reload,
	.forgotten = json_forgotten,
	.identity = json_identity,
	.secret = json_secret,
	.rotation = json_rotation,
	.config = json_config,
	.version = json_version,
	.error = json_error,
	.free = json_free,
};

struct ha_out *
ha_out_json_new(FILE *stream)
{
	struct out_json *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return NULL;
	self->out.ops = &JSON_OPS;
	self->out.stream = stream;
	return &self->out;
}
