/*
 * Counters and statistics.
 *
 * The counters of the core and of the shell are one list here, in the order
 * of their two files.  What a user was last told with "delta" is remembered
 * per user id, for a few users: two people who look do not disturb each
 * other.  The user who has not looked for longest gives way.
 */
#include <string.h>

#include "base/check.h"
#include "shell/control_priv.h"

struct counter_info {
	const char *name;
	const char *unit;
	const char *sentence;
};

static const struct counter_info INFO[HA_CONTROL_COUNTERS] = {
#define HA_COUNTER(name, unit, sentence) { #name, unit, sentence },
#include "core/counters.def"
#include "shell/counters.def"
#undef HA_COUNTER
};

static void
read_counters(const struct ha_control *control,
    uint64_t values[static HA_CONTROL_COUNTERS])
{
	const struct ha_counters *core = ha_view_counters(control->look.core);
	const struct ha_shell_counters *shell = control->look.counters;
	size_t n = 0;

#define HA_COUNTER(name, unit, sentence) values[n++] = core->name;
#include "core/counters.def"
#undef HA_COUNTER
#define HA_COUNTER(name, unit, sentence) values[n++] = shell->name;
#include "shell/counters.def"
#undef HA_COUNTER
	HA_CHECK(n == HA_CONTROL_COUNTERS);
}

static struct ha_control_delta *
find_delta(struct ha_control *control, uid_t uid)
{
	struct ha_control_delta *oldest = &control->deltas[0];

	for (int i = 0; i < HA_CONTROL_DELTAS_MAX; i++) {
		struct ha_control_delta *d = &control->deltas[i];

		if (d->used && d->uid == uid)
			return d;
		if (!d->used || (oldest->used &&
		    ha_time_before(d->at, oldest->at)))
			oldest = d;
	}
	*oldest = (struct ha_control_delta){ .uid = uid };
	return oldest;
}

/* Counters that moved, or all, with what people need to read them. */
static void
fill_counters(const uint64_t *values, const struct ha_control_delta *delta,
    Ha__Ctl__Counter *counters, Ha__Ctl__Counters *body)
{
	for (size_t i = 0; i < HA_CONTROL_COUNTERS; i++) {
		Ha__Ctl__Counter *c = &counters[body->n_counters];

		if (delta != NULL && values[i] == delta->values[i])
			continue;
		ha__ctl__counter__init(c);
		c->name = ha_control_text(INFO[i].name);
		c->unit = ha_control_text(INFO[i].unit);
		c->description = ha_control_text(INFO[i].sentence);
		c->value = values[i];
		c->has_delta = delta != NULL;
		if (delta != NULL)
			c->delta = values[i] - delta->values[i];
		body->counters[body->n_counters++] = c;
	}
}

void
ha_control_tell_counters(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	struct ha_control *control = client->control;
	uint64_t values[HA_CONTROL_COUNTERS];
	Ha__Ctl__Counter counters[HA_CONTROL_COUNTERS];
	Ha__Ctl__Counter *pointers[HA_CONTROL_COUNTERS];
	Ha__Ctl__Counters body = HA__CTL__COUNTERS__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	struct ha_control_delta *delta = NULL;

	read_counters(control, values);
	body.counters = pointers;
	if (request->counters->has_delta && request->counters->delta)
		delta = find_delta(control, client->uid);
	fill_counters(values, delta, counters, &body);
	if (delta != NULL) {
		body.has_since_seconds = delta->used;
		if (delta->used)
			body.since_seconds = ha_control_seconds_since(control,
			    delta->at);
		delta->used = true;
		delta->at = control->look.now;
		memcpy(delta->values, values, sizeof(values));
	}
	answer.body_case = HA__CTL__ANSWER__BODY_COUNTERS;
	answer.counters = &body;
	ha_control_say(client, &answer);
}

/* --- statistics --- */

struct statistics_peer {
	Ha__Ctl__StatisticsPeer peer;
	Ha__Ctl__LinkTraffic links[HA_LINK_MAX];
	Ha__Ctl__LinkTraffic *pointers[HA_LINK_MAX];
};

static void
fill_traffic(enum ha_link_id id, const struct ha_link_stats *stats,
    Ha__Ctl__LinkTraffic *t)
{
	ha__ctl__link_traffic__init(t);
	t->link = ha_control_text(ha_link_name(id));
	t->has_messages_sent = t->has_messages_received = 1;
	t->messages_sent = stats->frames_sent;
	t->messages_received = stats->frames_received;
	t->has_bytes_sent = t->has_bytes_received = 1;
	t->bytes_sent = stats->bytes_sent;
	t->bytes_received = stats->bytes_received;
	t->has_errors = 1;
	t->errors = stats->failures + stats->frames_malformed;
}

static void
fill_statistics_peer(const struct ha_control *control,
    const struct ha_conf_member *conf, const struct ha_view_peer *view,
    struct statistics_peer *p)
{
	ha__ctl__statistics_peer__init(&p->peer);
	p->peer.index = conf->index;
	p->peer.serial = ha_control_text(conf->serial);
	if (conf->name[0] != '\0')
		p->peer.name = ha_control_text(conf->name);
	p->peer.synchronization = ha_control_text(
	    ha_control_sync_word(view->sync));
	p->peer.has_sessions_owned = view->up;
	p->peer.sessions_owned = view->sessions_owned;
	p->peer.links = p->pointers;
	for (int l = 0; l < HA_LINK_MAX; l++) {
		if (!view->links[l].configured)
			continue;
		fill_traffic((enum ha_link_id)l,
		    &control->look.links[conf->index - 1][l], &p->links[l]);
		p->pointers[p->peer.n_links++] = &p->links[l];
	}
}

static size_t
fill_statistics_peers(const struct ha_control *control,
    struct statistics_peer *peers, Ha__Ctl__StatisticsPeer **pointers)
{
	const struct ha_cluster_conf *conf = control->parts.conf;
	size_t n = 0;

	for (size_t i = 0; i < conf->n_members; i++) {
		struct ha_view_peer view;

		if (ha_view_peer(control->look.core, conf->members[i].index,
		    &view) != HA_OK || !view.present)
			continue;
		fill_statistics_peer(control, &conf->members[i], &view,
		    &peers[n]);
		pointers[n] = &peers[n].peer;
		n++;
	}
	return n;
}

void
ha_control_tell_statistics(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	const struct ha_control *control = client->control;
	uint64_t values[HA_CONTROL_COUNTERS];
	Ha__Ctl__Counter counters[HA_CONTROL_COUNTERS];
	Ha__Ctl__Counter *counter_pointers[HA_CONTROL_COUNTERS];
	struct statistics_peer peers[HA_MEMBER_MAX];
	Ha__Ctl__StatisticsPeer *peer_pointers[HA_MEMBER_MAX];
	Ha__Ctl__Statistics body = HA__CTL__STATISTICS__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	struct ha_view_self self;

	(void)request;
	ha_view_self(control->look.core, &self);
	body.capacity = self.table_capacity;
	body.owned = self.table_owned;
	body.cached = self.table_cached;
	read_counters(control, values);
	for (size_t i = 0; i < HA_CONTROL_COUNTERS; i++) {
		ha__ctl__counter__init(&counters[i]);
		counters[i].name = ha_control_text(INFO[i].name);
		counters[i].value = values[i];
		counter_pointers[i] = &counters[i];
	}
	body.n_counters = HA_CONTROL_COUNTERS;
	body.counters = counter_pointers;
	body.n_peers = fill_statistics_peers(control, peers, peer_pointers);
	body.peers = peer_pointers;
	answer.body_case = HA__CTL__ANSWER__BODY_STATISTICS;
	answer.statistics = &body;
	ha_control_say(client, &answer);
}
