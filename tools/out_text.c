/*
 * Results as text for people: tables that fit 80 columns when what is in them
 * does, and the word "none" where there is nothing.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/control_codec.h"
#include "tools/out.h"
#include "tools/table.h"
#include "tools/text.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct out_text {
	struct ha_out out;
	struct ha_table *pages; /* of a list that comes in pages */
	uint64_t n_paged;       /* rows of it so far */
};

static struct out_text *
self_of(struct ha_out *out)
{
	return (struct out_text *)(void *)out;
}

static void
print_alarms(FILE *stream, size_t n, Ha__Ctl__Alarm *const *alarms)
{
	if (n == 0)
		ha_text_line(stream, "Alarms", "none");
	for (size_t i = 0; i < n; i++) {
		const Ha__Ctl__Alarm *a = alarms[i];
		char buf[HA_TEXT_DURATION];

		fprintf(stream, "%-15s %s", i == 0 ? "Alarms" : "", a->name);
		if (a->member != NULL)
			fprintf(stream, " of %s", a->member);
		if (a->has_since_seconds)
			fprintf(stream, ", for %s",
			    ha_text_duration(a->since_seconds, buf));
		fputc('\n', stream);
	}
}

static void
print_table(struct ha_out *out, struct ha_table *table, size_t n)
{
	if (n == 0)
		fputs("none\n", out->stream);
	else
		ha_table_print(table);
	ha_table_free(table);
}

/* --- members --- */

static const char *
synchronization(const Ha__Ctl__Member *m, char buf[static 32])
{
	if (!m->has_synchronization_percent)
		return m->synchronization;
	snprintf(buf, 32, "%s %u%%", m->synchronization,
	    m->synchronization_percent);
	return buf;
}

static const char *
heard(const Ha__Ctl__Member *m, char buf[static HA_TEXT_DURATION])
{
	if (m->local || !m->has_last_heard_ms)
		return "-";
	if (m->last_heard_ms >= 10000)
		return ha_text_duration(m->last_heard_ms / 1000, buf);
	snprintf(buf, HA_TEXT_DURATION, "%u.%us",
	    (unsigned int)(m->last_heard_ms / 1000),
	    (unsigned int)(m->last_heard_ms % 1000 / 100));
	return buf;
}

static void
member_row(struct ha_table *t, const Ha__Ctl__Member *m)
{
	char sync[32], ago[HA_TEXT_DURATION];

	ha_table_row(t);
	ha_table_cell(t, "%u%s", m->index, m->local ? "*" : "");
	ha_table_cell(t, "%s", m->serial);
	ha_table_cell(t, "%s", ha_text_or_dash(m->name));
	ha_table_cell(t, "%s", ha_text_or_dash(m->site));
	ha_table_cell(t, "%s", m->state != NULL ? m->state : "unreachable");
	ha_table_cell(t, "%s", m->ha4);
	ha_table_cell(t, "%s", m->ha4_backup);
	ha_table_cell(t, "%s", synchronization(m, sync));
	if (m->has_sessions_owned)
		ha_table_cell(t, "%u", m->sessions_owned);
	else
		ha_table_cell(t, "-");
	ha_table_cell(t, "%s", ha_text_or_dash(m->version));
	ha_table_cell(t, "%s", heard(m, ago));
}

static void
text_members(struct ha_out *out, const Ha__Ctl__Members *m)
{
	static const struct ha_table_column COLUMNS[] = {
		{ "#", 0 },
		{ "SERIAL", 0 },
		{ "NAME", 0 },
		{ "SITE", 0 },
		{ "STATE", TABLE_WORD },
		{ "HA4", TABLE_WORD },
		{ "BACKUP", TABLE_WORD },
		{ "SYNC", TABLE_WORD },
		{ "OWNED", TABLE_RIGHT },
		{ "VERSION", 0 },
		{ "HEARD", TABLE_RIGHT },
	};
	struct ha_table *t = ha_table_new(out->stream, COLUMNS, N(COLUMNS));

	fprintf(out->stream, "%-15s %u\n", "Cluster", m->cluster_id);
	ha_text_line(out->stream, "This member", m->local);
	print_alarms(out->stream, m->n_alarms, m->alarms);
	fputc('\n', out->stream);
	for (size_t i = 0; i < m->n_members; i++)
		member_row(t, m->members[i]);
	print_table(out, t, m->n_members);
}

/* --- state --- */

static void
text_state(struct ha_out *out, const Ha__Ctl__State *s)
{
	char buf[HA_TEXT_DURATION];

	ha_text_line(out->stream, "Member", s->serial);
	ha_text_word(out->stream, "State", s->state);
	ha_text_line(out->stream, "Reason",
	    s->reason == NULL ? "none" : s->reason);
	ha_text_line(out->stream, "For",
	    ha_text_duration(s->since_seconds, buf));
	ha_text_words(out->stream, "Waiting for", s->n_waiting_for,
	    s->waiting_for);
	if (s->flap_max == 0)
		fprintf(out->stream, "%-15s %u, not limited\n", "Flaps",
		    s->flaps);
	else
		fprintf(out->stream, "%-15s %u of %u\n", "Flaps", s->flaps,
		    s->flap_max);
	print_alarms(out->stream, s->n_alarms, s->alarms);
}

/* --- links --- */

static void
optional_cell(struct ha_table *t, protobuf_c_boolean has, uint64_t value)
{
	if (has)
		ha_table_cell(t, "%" PRIu64, value);
	else
		ha_table_cell(t, "-");
}

static void
size_cell(struct ha_table *t, protobuf_c_boolean has, uint64_t bytes)
{
	char buf[HA_TEXT_SIZE];

	ha_table_cell(t, "%s", has ? ha_text_size(bytes, buf) : "-");
}

static void
link_row(struct ha_table *t, const char *serial, const char *name,
    const Ha__Ctl__Link *l)
{
	char buf[HA_TEXT_DURATION];

	ha_table_row(t);
	ha_table_cell(t, "%s", serial);
	ha_table_cell(t, "%s", name);
	ha_table_cell(t, "%s", l->status);
	ha_table_cell(t, "%s", l->has_since_seconds ?
	    ha_text_duration(l->since_seconds, buf) : "-");
	if (l->has_round_trip_us)
		ha_table_cell(t, "%.1f ms", (double)l->round_trip_us / 1000);
	else
		ha_table_cell(t, "-");
	optional_cell(t, l->has_keepalives_lost, l->keepalives_lost);
	size_cell(t, l->has_bytes_sent, l->bytes_sent);
	size_cell(t, l->has_bytes_received, l->bytes_received);
	optional_cell(t, l->has_errors, l->errors);
}

/* Why a link that should be up is not. */
static void
print_link_error(FILE *stream, const char *serial, const char *name,
    const Ha__Ctl__Link *l)
{
	if (l->last_error != NULL && strcmp(l->status, "down") == 0)
		fprintf(stream, "%s to %s: %s\n", name, serial, l->last_error);
}

static void
text_links(struct ha_out *out, const Ha__Ctl__Links *l)
{
	static const struct ha_table_column COLUMNS[] = {
		{ "PEER", 0 },
		{ "LINK", 0 },
		{ "STATUS", TABLE_WORD },
		{ "FOR", TABLE_RIGHT },
		{ "RTT", TABLE_RIGHT },
		{ "LOST", TABLE_RIGHT },
		{ "SENT", TABLE_RIGHT },
		{ "RECEIVED", TABLE_RIGHT },
		{ "ERRORS", TABLE_RIGHT },
	};
	struct ha_table *t = ha_table_new(out->stream, COLUMNS, N(COLUMNS));

	ha_text_word(out->stream, "HA4", l->ha4_color);
	ha_text_word(out->stream, "HA4-backup", l->ha4_backup_color);
	fputc('\n', out->stream);
	for (size_t i = 0; i < l->n_peers; i++) {
		const Ha__Ctl__LinkPeer *p = l->peers[i];

		link_row(t, p->serial, "ha4", p->ha4);
		link_row(t, p->serial, "ha4-backup", p->ha4_backup);
	}
	print_table(out, t, l->n_peers);
	for (size_t i = 0; i < l->n_peers; i++) {
		const Ha__Ctl__LinkPeer *p = l->peers[i];

		print_link_error(out->stream, p->serial, "ha4", p->ha4);
		print_link_error(out->stream, p->serial, "ha4-backup",
		    p->ha4_backup);
	}
}

/* --- statistics, counters --- */

static void
print_fill(FILE *stream, const char *what, uint32_t used, uint32_t capacity)
{
	double percent = capacity == 0 ? 0 :
	    100.0 * (double)used / (double)capacity;

	fprintf(stream, "%-15s %u of %u places, %.1f %%\n", what, used,
	    capacity, percent);
}

static void
traffic_rows(struct ha_table *t, const Ha__Ctl__StatisticsPeer *p)
{
	for (size_t i = 0; i < p->n_links; i++) {
		const Ha__Ctl__LinkTraffic *l = p->links[i];

		ha_table_row(t);
		ha_table_cell(t, "%s", p->serial);
		ha_table_cell(t, "%s", l->link);
		optional_cell(t, l->has_messages_sent, l->messages_sent);
		optional_cell(t, l->has_messages_received,
		    l->messages_received);
		size_cell(t, l->has_bytes_sent, l->bytes_sent);
		size_cell(t, l->has_bytes_received, l->bytes_received);
		optional_cell(t, l->has_errors, l->errors);
	}
}

static void
print_traffic(struct ha_out *out, const Ha__Ctl__Statistics *s)
{
	static const struct ha_table_column COLUMNS[] = {
		{ "PEER", 0 },
		{ "LINK", 0 },
		{ "MESSAGES OUT", TABLE_RIGHT },
		{ "IN", TABLE_RIGHT },
		{ "BYTES OUT", TABLE_RIGHT },
		{ "IN", TABLE_RIGHT },
		{ "ERRORS", TABLE_RIGHT },
	};
	struct ha_table *t = ha_table_new(out->stream, COLUMNS, N(COLUMNS));
	size_t n = 0;

	for (size_t i = 0; i < s->n_peers; i++) {
		traffic_rows(t, s->peers[i]);
		n += s->peers[i]->n_links;
	}
	fputs("\nTraffic\n", out->stream);
	print_table(out, t, n);
}

static void
text_statistics(struct ha_out *out, const Ha__Ctl__Statistics *s)
{
	static const struct ha_table_column COLUMNS[] = {
		{ "COUNTER", 0 },
		{ "VALUE", TABLE_RIGHT },
	};
	struct ha_table *t = ha_table_new(out->stream, COLUMNS, N(COLUMNS));
	size_t n = 0;

	print_fill(out->stream, "Session table", s->owned, s->capacity);
	print_fill(out->stream, "Session cache", s->cached, s->capacity);
	print_traffic(out, s);
	for (size_t i = 0; i < s->n_counters; i++) {
		if (s->counters[i]->value == 0)
			continue;
		ha_table_row(t);
		ha_table_cell(t, "%s", s->counters[i]->name);
		ha_table_cell(t, "%" PRIu64, s->counters[i]->value);
		n++;
	}
	fputs("\nCounters that are not 0 (\"clusterctl counters\" explains "
	    "them)\n", out->stream);
	print_table(out, t, n);
}

static void
text_counters(struct ha_out *out, const Ha__Ctl__Counters *c, bool delta)
{
	static const struct ha_table_column COLUMNS[] = {
		{ "COUNTER", 0 },
		{ "VALUE", TABLE_RIGHT },
		{ "UNIT", 0 },
		{ "DESCRIPTION", TABLE_WRAP },
	};
	struct ha_table *t = ha_table_new(out->stream, COLUMNS, N(COLUMNS));
	char buf[HA_TEXT_DURATION];

	if (delta && c->has_since_seconds)
		fprintf(out->stream, "Moved within the last %s:\n\n",
		    ha_text_duration(c->since_seconds, buf));
	else if (delta)
		fputs("Since the daemon began (the next call shows what moved "
		    "since this one):\n\n", out->stream);
	for (size_t i = 0; i < c->n_counters; i++) {
		const Ha__Ctl__Counter *from = c->counters[i];

		ha_table_row(t);
		ha_table_cell(t, "%s", from->name);
		if (from->has_delta)
			ha_table_cell(t, "+%" PRIu64, from->delta);
		else
			ha_table_cell(t, "%" PRIu64, from->value);
		ha_table_cell(t, "%s", ha_text_or_dash(from->unit));
		ha_table_cell(t, "%s", ha_text_or_dash(from->description));
	}
	print_table(out, t, c->n_counters);
}

/* --- sessions --- */

#define END_TEXT (2 * (HA_ADDRESS_TEXT + 9))

static void
one_end(const ProtobufCBinaryData *address, bool has_port, uint32_t port,
    char *buf, size_t size)
{
	char text[HA_ADDRESS_TEXT];

	ha_out_address(address, text);
	if (!has_port)
		snprintf(buf, size, "%s", text);
	else if (address->len == 16)
		snprintf(buf, size, "[%s]:%u", text, port % 65536);
	else
		snprintf(buf, size, "%s:%u", text, port % 65536);
}

/* "10.0.0.1:40000>203.0.113.1:40000" with a translation. */
static const char *
source_text(const Ha__Ctl__Session *s, char buf[static END_TEXT])
{
	size_t used;

	one_end(&s->source, s->has_source_port, s->source_port, buf,
	    END_TEXT);
	if (s->has_translated_source) {
		used = strlen(buf);
		buf[used++] = '>';
		one_end(&s->translated_source, s->has_translated_source_port,
		    s->translated_source_port, buf + used, END_TEXT - used);
	}
	return buf;
}

static const char *
destination_text(const Ha__Ctl__Session *s, char buf[static END_TEXT])
{
	size_t used;

	one_end(&s->destination, s->has_destination_port,
	    s->destination_port, buf, END_TEXT);
	if (s->has_translated_destination) {
		used = strlen(buf);
		buf[used++] = '>';
		one_end(&s->translated_destination,
		    s->has_translated_destination_port,
		    s->translated_destination_port, buf + used,
		    END_TEXT - used);
	}
	return buf;
}

static const char *
uid_text(const Ha__Ctl__Uid *from, char buf[static HA_CONTROL_UID_TEXT])
{
	struct ha_uid uid = { .creator = (uint8_t)from->creator,
		.boot = from->boot, .number = from->number };

	ha_control_format_uid(&uid, buf);
	return buf;
}

static void
session_row(struct ha_table *t, const Ha__Ctl__Session *s)
{
	char uid[HA_CONTROL_UID_TEXT], end[END_TEXT], age[HA_TEXT_DURATION];
	char protocol[12];

	ha_table_row(t);
	ha_table_cell(t, "%s", uid_text(s->uid, uid));
	ha_table_cell(t, "%s", ha_text_or_dash(s->owner));
	ha_table_cell(t, "%s", s->cached ? "cached" : "owned");
	ha_table_cell(t, "%s", ha_out_protocol(s->protocol, protocol));
	ha_table_cell(t, "%s", s->state);
	ha_table_cell(t, "%s", source_text(s, end));
	ha_table_cell(t, "%s", destination_text(s, end));
	ha_table_cell(t, "%s", s->zone);
	ha_table_cell(t, "%u", s->copies);
	ha_table_cell(t, "%s", ha_text_duration(s->age_seconds, age));
}

static void
text_sessions(struct ha_out *out, const Ha__Ctl__Sessions *page, bool last)
{
	static const struct ha_table_column COLUMNS[] = {
		{ "UID", 0 },
		{ "OWNER", 0 },
		{ "ROLE", 0 },
		{ "PROTO", 0 },
		{ "STATE", 0 },
		{ "SOURCE", 0 },
		{ "DESTINATION", 0 },
		{ "ZONE", 0 },
		{ "COPIES", TABLE_RIGHT },
		{ "AGE", TABLE_RIGHT },
	};
	struct out_text *self = self_of(out);

	if (self->pages == NULL)
		self->pages = ha_table_new(out->stream, COLUMNS, N(COLUMNS));
	for (size_t i = 0; i < page->n_sessions; i++)
		session_row(self->pages, page->sessions[i]);
	self->n_paged += page->n_sessions;
	if (page->n_sessions > 0)
		ha_table_print(self->pages);
	if (!last)
		return;
	if (self->n_paged == 0)
		fputs("none\n", out->stream);
	fprintf(out->stream, "%sTotal: %" PRIu64 "\n",
	    self->n_paged == 0 ? "" : "\n", page->total);
}

static void
text_labels(FILE *f, const Ha__Ctl__SessionDetail *d)
{
	fprintf(f, "%-15s ", "Labels");
	for (size_t i = 0; i < d->n_labels; i++)
		fprintf(f, "%s%u", i == 0 ? "" : ", ", d->labels[i]);
	fputs(d->n_labels == 0 ? "none\n" : "\n", f);
}

static void
text_session(struct ha_out *out, const Ha__Ctl__SessionDetail *d)
{
	const Ha__Ctl__Session *s = d->session;
	FILE *f = out->stream;
	char uid[HA_CONTROL_UID_TEXT], end[END_TEXT], buf[HA_TEXT_DURATION];
	char protocol[12];

	ha_text_line(f, "Session", uid_text(s->uid, uid));
	ha_text_line(f, "Owner", ha_text_or_dash(s->owner));
	ha_text_line(f, "Role", s->cached ? "cached" : "owned");
	ha_text_words(f, "Owners so far", d->n_owners, d->owners);
	ha_text_line(f, "Protocol", ha_out_protocol(s->protocol, protocol));
	ha_text_line(f, "State", s->state);
	ha_text_line(f, "Source", source_text(s, end));
	ha_text_line(f, "Destination", destination_text(s, end));
	if (d->has_conntrack_zone)
		fprintf(f, "%-15s %s (conntrack zone %u)\n", "Zone", s->zone,
		    d->conntrack_zone);
	else
		fprintf(f, "%-15s %s (not a zone of this member)\n", "Zone",
		    s->zone);
	fprintf(f, "%-15s 0x%08x\n", "Mark", d->mark);
	text_labels(f, d);
	ha_text_line(f, "Helper", d->helper == NULL ? "none" : d->helper);
	if (d->master != NULL)
		ha_text_line(f, "Announced by", uid_text(d->master, uid));
	ha_text_words(f, "Flags", d->n_flags, d->flags);
	fprintf(f, "%-15s %u\n", "Copies", s->copies);
	fprintf(f, "%-15s epoch %u, revision %016" PRIx64 "\n", "Version",
	    d->epoch, d->revision);
	ha_text_line(f, "Known here for",
	    ha_text_duration(s->age_seconds, buf));
	fprintf(f, "%-15s %s ago\n", "Changed",
	    ha_text_duration(d->changed_seconds, buf));
}

static void
text_ended(struct ha_out *out, const Ha__Ctl__Ended *e)
{
	fprintf(out->stream, "Ended: %" PRIu64 "\n", e->ended);
	if (e->refused > 0)
		fprintf(out->stream, "Not ended, since their owners can't be "
		    "reached from here now: %" PRIu64 "\n", e->refused);
}

/* --- events --- */

static const char *
time_text(int64_t ms, char buf[static 32])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (localtime_r(&s, &tm) == NULL)
		return "-";
	strftime(buf, 32, "%Y-%m-%d %H:%M:%S", &tm);
	return buf;
}

static void
text_events(struct ha_out *out, const Ha__Ctl__Events *page, bool last)
{
	static const struct ha_table_column COLUMNS[] = {
		{ "TIME", 0 },
		{ "EVENT", 0 },
		{ "DETAILS", TABLE_WRAP },
	};
	struct out_text *self = self_of(out);
	char buf[32];

	if (self->pages == NULL)
		self->pages = ha_table_new(out->stream, COLUMNS, N(COLUMNS));
	for (size_t i = 0; i < page->n_events; i++) {
		const Ha__Ctl__Event *e = page->events[i];

		ha_table_row(self->pages);
		ha_table_cell(self->pages, "%s", time_text(e->time_ms, buf));
		ha_table_cell(self->pages, "%s", e->name);
		ha_table_cell(self->pages, "%s", ha_text_or_dash(e->text));
	}
	self->n_paged += page->n_events;
	if (page->n_events > 0)
		ha_table_print(self->pages);
	if (last && self->n_paged == 0)
		fputs("none\n", out->stream);
}

/* --- verify --- */

static const char *
verdict_of(const struct ha_verify_member *m)
{
	if (!m->reachable)
		return "unreachable";
	if (!m->judged)
		return "waiting";
	return m->equal ? "equal" : "different";
}

static void
verify_row(struct ha_table *t, const struct ha_verify_stream *s,
    const struct ha_verify_member *m)
{
	ha_table_row(t);
	ha_table_cell(t, "%s%s", s->owner, s->current ? "" : " (before)");
	ha_table_cell(t, "%s", m->serial);
	optional_cell(t, m->has_complete, m->complete);
	optional_cell(t, m->has_digest, m->count);
	if (m->has_digest)
		ha_table_cell(t, "%016" PRIx64, m->digest);
	else
		ha_table_cell(t, "-");
	ha_table_cell(t, "%s", verdict_of(m));
}

static void
text_verify(struct ha_out *out, const struct ha_verify_stream *s, size_t n,
    enum ha_verify_verdict verdict)
{
	static const struct ha_table_column COLUMNS[] = {
		{ "OWNER", 0 },
		{ "MEMBER", 0 },
		{ "COMPLETE", TABLE_RIGHT },
		{ "SESSIONS", TABLE_RIGHT },
		{ "DIGEST", 0 },
		{ "RESULT", TABLE_WORD },
	};
	static const char *const SENTENCES[] = {
		[VERIFY_EQUAL] =
		    "Equal: all reachable members hold the same sessions.",
		[VERIFY_DIFFERENT] = "Different: see above.",
		[VERIFY_UNSETTLED] = "Not settled: the members could not be "
		    "compared in time; try again.",
	};
	struct ha_table *t = ha_table_new(out->stream, COLUMNS, N(COLUMNS));

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < s[i].n_members; j++)
			verify_row(t, &s[i], &s[i].members[j]);
	}
	print_table(out, t, n);
	fprintf(out->stream, "\n%s\n", SENTENCES[verdict]);
}

/* --- what was done --- */

static void
file_message(const Ha__Ctl__FileMessage *m)
{
	const char *level = m->error ? "error" : "warning";

	if (m->has_line)
		fprintf(stderr, "%s:%u: %s: %s\n", m->file, m->line, level,
		    m->text);
	else
		fprintf(stderr, "%s: %s: %s\n", m->file, level, m->text);
}

static void
some_words(FILE *stream, const char *what, size_t n, char *const *words)
{
	if (n > 0)
		ha_text_words(stream, what, n, words);
}

static void
text_reload(struct ha_out *out, const Ha__Ctl__Reload *r)
{
	bool any = r->n_added + r->n_removed + r->n_changed + r->n_keys > 0;

	fflush(out->stream);
	for (size_t i = 0; i < r->n_messages; i++)
		file_message(r->messages[i]);
	if (r->has_left_out)
		fprintf(stderr, "and %" PRIu64 " more\n", r->left_out);
	if (r->error != NULL)
		return;
	fprintf(out->stream, "%s: the membership table has version %" PRIu64
	    ".\n", any ? "Done" : "Nothing has changed", r->table_version);
	some_words(out->stream, "added", r->n_added, r->added);
	some_words(out->stream, "removed", r->n_removed, r->removed);
	some_words(out->stream, "changed", r->n_changed, r->changed);
	some_words(out->stream, "keys", r->n_keys, r->keys);
}

static void
text_forgotten(struct ha_out *out, const Ha__Ctl__Forgotten *f)
{
	fprintf(out->stream, "%s is forgotten here: the next reload may give "
	    "its index to another machine.\n", f->serial);
}

/* --- without a daemon --- */

static void
text_identity(struct ha_out *out, const struct ha_out_identity *i)
{
	fprintf(out->stream,
	    "# %s now holds the private key of %s.  This goes into the\n"
	    "# cluster.conf of every member:\n%s", i->file, i->serial,
	    i->member_block);
}

static void
text_secret(struct ha_out *out, const char *file)
{
	fprintf(out->stream,
	    "%s now holds the secret of the cluster.  Copy it to every\n"
	    "member, over a channel that nobody can read along.\n", file);
}

static void
text_rotation(struct ha_out *out, const struct ha_out_rotation *r)
{
	fprintf(out->stream, "%s %s.  What is left to do:\n\n", r->file,
	    r->done);
	for (size_t i = 0; i < r->n_steps; i++) {
		fprintf(out->stream, "  %zu. %s%s\n", i + 1,
		    r->steps[i].words, r->steps[i].line != NULL ? ":" : ".");
		if (r->steps[i].line != NULL)
			fprintf(out->stream, "       %s\n", r->steps[i].line);
	}
}

static void
text_config(struct ha_out *out, const struct ha_out_config *c)
{
	ha_conf_report_print(c->report, c->file, stderr);
	if (c->conf == NULL)
		return;
	fprintf(out->stream, "%s is right: cluster %u, %zu member%s.\n",
	    c->file, c->conf->id, c->conf->n_members,
	    c->conf->n_members == 1 ? "" : "s");
	if (c->self != NULL)
		fprintf(out->stream, "This firewall is member %u, %s.\n",
		    c->self->index, c->self->serial);
	else
		fprintf(out->stream, "Which of them this firewall is was not "
		    "checked: %s %s.\n", c->identity, c->why_nobody);
	fputs("The input chain of every member has to let the others in:\n",
	    out->stream);
	for (size_t i = 0; i < c->n_rules; i++)
		fprintf(out->stream, "    %s\n", c->rules[i]);
}

static void
text_version(struct ha_out *out, const char *version,
    const char *daemon_version)
{
	ha_text_line(out->stream, "clusterctl", version);
	ha_text_line(out->stream, "clusterd", daemon_version == NULL ?
	    "none" : daemon_version);
}

/* The sentence on standard error is enough for people. */
static void
text_error(struct ha_out *out, const char *code, const char *message)
{
	(void)code;
	(void)message;
	fflush(out->stream);
}

static void
text_free(struct ha_out *out)
{
	struct out_text *self = self_of(out);

	ha_table_free(self->pages);
	free(self);
}

static const struct ha_out_ops TEXT_OPS = {
	.members = text_members,
	.state = text_state,
	.links = text_links,
	.statistics = text_statistics,
	.counters = text_counters,
	.sessions = text_sessions,
	.session = text_session,
	.ended = text_ended,
	.events = text_events,
	.verify = text_verify,
	.reload = text_reload,
	.forgotten = text_forgotten,
	.identity = text_identity,
	.secret = text_secret,
	.rotation = text_rotation,
	.config = text_config,
	.version = text_version,
	.error = text_error,
	.free = text_free,
};

struct ha_out *
ha_out_text_new(FILE *stream)
{
	struct out_text *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return NULL;
	self->out.ops = &TEXT_OPS;
	self->out.stream = stream;
	return &self->out;
}
