/*
 * One turn of the loop, from the driver's point of view:
 *
 *     a socket, the kernel or a timer has something
 *         the first in this turn opens it: have we overslept?
 *         every event becomes an input, one step each
 *     the end of the turn, behind all of them
 *         after a stall: everything that waits in the links comes first
 *         HA_IN_TICK: the core puts out batches and kernel operations
 *         the links write, which may make room for more
 *         the deadline is set; if events come fast, a short rest
 *
 * What is hard here: outputs are borrowed until the next step, so nothing
 * that performing one of them leads to may become an input at once.  Links
 * and dataplane never call back from inside a request; what the driver itself
 * concludes waits in d->after until the outputs are done.
 */
#include "shell/driver.h"

#include <event2/event.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "shell/driver_priv.h"
#include "shell/likeness.h"
#include "storage/bootdb.h"

static const struct ha_dur FLUSH_ALARM = { INT64_C(60) * 1000000000 };

/* --- steps --- */

static void
step(struct ha_driver *d, struct ha_input *in)
{
	int rc;

	HA_CHECK(!d->stepping);
	d->stepping = true;
	in->now = ha_clock_now();
	rc = ha_core_step(d->core, in);
	if (rc != HA_OK)
		ha_log_limited(d->parts.log, HA_LOG_ERR, "core.error",
		    (uint32_t)in->kind, "input=%d why=\"%s\"", (int)in->kind,
		    ha_err_text(rc));
	ha_driver_perform(d);
	d->stepping = false;
}

static struct ha_input
link_down(const struct ha_links_name *name)
{
	return (struct ha_input){ .kind = HA_IN_LINK,
		.u.link = { .event = HA_LINK_DOWN, .peer = name->peer,
			.link = name->link,
			.generation = name->generation } };
}

/* What outputs led to; that may lead to more. */
static void
step_after(struct ha_driver *d)
{
	struct ha_driver_after *a = &d->after;

	while (a->n_done > 0 || a->n_down > 0) {
		struct ha_input in = { .kind = HA_IN_DONE };

		if (a->n_down > 0)
			in = link_down(&a->down[--a->n_down]);
		else
			in.u.done = a->done[--a->n_done];
		step(d, &in);
	}
}

void
ha_driver_feed(struct ha_driver *d, struct ha_input *in)
{
	step(d, in);
	step_after(d);
}

/* --- turns --- */

static void
set_timer(struct ha_driver *d, struct ha_time now)
{
	struct ha_time deadline = ha_core_deadline(d->core);
	struct timeval tv;

	for (int i = 0; i < HA_DATAPLANE_FD_MAX; i++) {
		if (d->fds[i].more)
			deadline = now;
	}
	if (ha_time_is_never(deadline))
		deadline = ha_time_add(now, ha_dur_s(1));
	tv = ha_loop_timeval(ha_time_since(deadline, now));
	evtimer_add(d->timer, &tv);
	ha_stall_sleep(&d->stall, now, deadline);
}

static void
feel_stall(struct ha_driver *d, struct ha_time now)
{
	struct ha_input in = { .kind = HA_IN_STALL };

	if (!ha_stall_wake(&d->stall, now) || d->stalled)
		return;
	d->stalled = true;
	d->parts.counters->loop_stalls++;
	ha_log_limited(d->parts.log, HA_LOG_WARN, "loop.stall", 0,
	    "why=\"this process did not run for a while\"");
	ha_driver_feed(d, &in);
}

/* To be called before the first input of whatever the loop calls. */
static void
open_turn(struct ha_driver *d)
{
	if (d->in_turn)
		return;
	d->in_turn = true;
	d->parts.counters->loop_turns++;
	d->turn_began = ha_clock_now();
	event_active(d->turn, 0, 0);
	feel_stall(d, d->turn_began);
}

/* A peer knows of a later start: become a start that is later still. */
static int
heal_boot(struct ha_driver *d)
{
	uint64_t seen = d->behind;
	uint8_t id[HA_BOOT_ID_LEN];
	struct ha_core *core;
	uint64_t counter;
	int rc = HA_ERR_UNSUPPORTED;

	d->behind = 0;
	if (seen <= d->settings.boot.counter)
		return HA_OK;
	if (d->parts.store != NULL)
		rc = ha_bootdb_raise(d->parts.store, seen, &counter);
	if (rc != HA_OK)
		return rc;
	randombytes_buf(id, sizeof(id));
	d->settings.boot = (struct ha_boot){ .id = ha_get_u64(id),
		.counter = counter };
	d->settings.start = HA_START_RESTART;
	d->settings.gate_open = d->gate_open;
	core = ha_core_new(&d->settings, d->seed, ha_clock_now());
	if (core == NULL)
		return HA_ERR_NOMEM;
	ha_core_free(d->core);
	d->core = core;
	ha_driver_end_peer_alarms(d);
	ha_links_set_boot(d->links, id, counter);
	d->parts.counters->boot_counter_healed++;
	ha_driver_event(d, HA_LOG_WARN, "boot.healed",
	    "seen=%" PRIu64 " counter=%" PRIu64
	    " why=\"a peer knows a later start of this member\"", seen,
	    counter);
	return HA_OK;
}

static void
end_flush_alarm(struct ha_driver *d)
{
	if (!ha_time_reached(ha_clock_now(), d->flush_alarm_until))
		return;
	d->flush_alarm_until = HA_TIME_NEVER;
	ha_driver_alarm(d, "ruleset-flushed", 0, false);
}

static void
take_rest(struct ha_driver *d)
{
	struct ha_time now = ha_clock_now();
	struct ha_dur rest = { 0 };

	if (d->busy && d->kernel_ops == 0 && !ha_time_reached(now,
	    ha_core_deadline(d->core)))
		rest = ha_rest_after(&d->rest, d->turn_began, now);
	d->busy = false;
	if (rest.ns > 0) {
		struct timespec ts = { .tv_nsec = (long)rest.ns };

		d->parts.counters->loop_rests++;
		(void)nanosleep(&ts, NULL);
		now = ha_clock_now();
	}
	ha_rest_ended(&d->rest, now);
}

static void
on_turn_end(evutil_socket_t fd, short what, void *arg)
{
	struct ha_driver *d = arg;
	struct ha_input tick = { .kind = HA_IN_TICK };

	(void)fd;
	(void)what;
	if (d->behind != 0) {
		int rc = heal_boot(d);

		if (rc != HA_OK) {
			ha_log(d->parts.log, HA_LOG_ERR, "boot.not-healed",
			    "why=\"%s\"", ha_err_text(rc));
			ha_loop_stop(d->parts.loop, 1);
			return;
		}
	}
	feel_stall(d, ha_clock_now());
	if (d->stalled)
		ha_links_drain(d->links);
	d->stalled = false;
	ha_driver_feed(d, &tick);
	ha_links_flush(d->links);
	end_flush_alarm(d);
	ha_driver_tend_store(d);
	take_rest(d);
	d->in_turn = false;
	set_timer(d, ha_clock_now());
}

static void
read_dataplane(struct ha_driver *d, struct ha_driver_fd *f)
{
	open_turn(d);
	f->more = ha_dataplane_readable(d->dataplane, f->which);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct ha_driver *d = arg;

	(void)fd;
	(void)what;
	open_turn(d);
	for (int i = 0; i < HA_DATAPLANE_FD_MAX; i++) {
		if (d->fds[i].more)
			read_dataplane(d, &d->fds[i]);
	}
}

static void
on_dataplane(evutil_socket_t fd, short what, void *arg)
{
	struct ha_driver_fd *f = arg;

	(void)fd;
	(void)what;
	read_dataplane(f->driver, f);
}

/* --- what the kernel says --- */

static void
on_session(void *ctx, const struct ha_in_session *session)
{
	struct ha_driver *d = ctx;
	struct ha_input in = { .kind = HA_IN_SESSION, .u.session = *session };

	d->busy = true;
	ha_driver_feed(d, &in);
}

static void
on_dump(void *ctx, enum ha_dump_event event)
{
	struct ha_input in = { .kind = HA_IN_DUMP, .u.dump.event = event };

	ha_driver_feed(ctx, &in);
}

static void
on_done(void *ctx, uint64_t ticket, int result)
{
	struct ha_driver *d = ctx;
	struct ha_input in = { .kind = HA_IN_DONE,
		.u.done = { .ticket = ticket, .result = result } };

	HA_CHECK(d->kernel_ops > 0);
	d->kernel_ops--;
	ha_driver_feed(d, &in);
}

static void
on_table(void *ctx, enum ha_table_event event)
{
	struct ha_driver *d = ctx;

	switch (event) {
	case HA_TABLE_RELOADED:
		ha_driver_event(d, HA_LOG_WARN, "table.reloaded",
		    "why=\"somebody removed the table inet clusterd\"");
		d->flush_alarm_until = ha_time_add(ha_clock_now(),
		    FLUSH_ALARM);
		ha_driver_alarm(d, "ruleset-flushed", 0, true);
		ha_driver_alarm(d, "table-lost", 0, false);
		break;
	case HA_TABLE_LOST:
		ha_driver_alarm(d, "table-lost", 0, true);
		break;
	}
}

void
ha_driver_dataplane_calls(struct ha_driver *d,
    struct ha_dataplane_calls *out)
{
	*out = (struct ha_dataplane_calls){ .ctx = d,
		.on_session = on_session, .on_dump = on_dump,
		.on_done = on_done, .on_table = on_table };
}

/* --- what the links say --- */

static void
tell_unlike(struct ha_driver *d, uint8_t peer, const struct ha_greeting *g,
    enum ha_unlike what)
{
	char here[HA_UNLIKE_DETAIL_LEN], there[HA_UNLIKE_DETAIL_LEN];
	char here_quoted[2 * HA_UNLIKE_DETAIL_LEN];
	char there_quoted[2 * HA_UNLIKE_DETAIL_LEN];

	ha_log(d->parts.log, HA_LOG_WARN, "peer.unlike",
	    "peer=%s why=\"%s\" here=%s there=%s",
	    ha_links_serial(d->links, peer), ha_unlike_sentence(what),
	    ha_log_quote(here_quoted, sizeof(here_quoted),
	        ha_unlike_detail(d->parts.greeting, what, here)),
	    ha_log_quote(there_quoted, sizeof(there_quoted),
	        ha_unlike_detail(g, what, there)));
}

/* Told when it begins, shown while it lasts. */
static void
compare(struct ha_driver *d, uint8_t peer, const struct ha_greeting *g)
{
	for (int i = 0; i < HA_UNLIKE_MAX; i++) {
		enum ha_unlike what = (enum ha_unlike)i;
		bool unlike = ha_unlike(d->parts.greeting, g, what);
		const char *alarm = ha_unlike_alarm(what);

		if (unlike && !ha_driver_alarm_holds(d, alarm, peer))
			tell_unlike(d, peer, g, what);
		ha_driver_alarm(d, alarm, peer, unlike);
	}
}

static void
learn_peer(struct ha_driver *d, uint8_t peer, const struct ha_greeting *g)
{
	struct ha_peer_info *info = &d->peers[peer - 1];

	info->known = true;
	memcpy(info->software, g->version, sizeof(info->software));
	info->conf_digest = ha_get_u64(g->cluster_digest);
	compare(d, peer, g);
}

static void
on_up(void *arg, const struct ha_links_name *name,
    const struct ha_greeting *g)
{
	struct ha_driver *d = arg;
	struct ha_input in = { .kind = HA_IN_LINK,
		.u.link = { .event = HA_LINK_UP, .peer = name->peer,
			.link = name->link, .generation = name->generation,
			.boot = ha_greeting_boot(g), .state = g->state } };

	open_turn(d);
	learn_peer(d, name->peer, g);
	ha_driver_feed(d, &in);
}

static void
on_greeting(void *arg, const struct ha_links_name *name,
    const struct ha_greeting *g)
{
	struct ha_driver *d = arg;

	learn_peer(d, name->peer, g);
}

static void
on_condition(void *arg, enum ha_links_condition what, uint8_t member,
    bool holds)
{
	static const char *const ALARMS[] = {
		[HA_LINKS_NO_PROTOCOL] = "no-common-protocol",
		[HA_LINKS_TWINS] = "duplicate-serial",
	};
	struct ha_driver *d = arg;

	ha_driver_alarm(d, ALARMS[what],
	    member == d->settings.self ? 0 : member, holds);
}

static bool
has_walks(void *arg, const struct ha_links_name *name)
{
	const struct ha_driver *d = arg;
	struct ha_view_peer v;

	return ha_view_peer(d->core, name->peer, &v) == HA_OK &&
	    v.links[name->link].walks;
}

static void
on_down(void *arg, const struct ha_links_name *name)
{
	struct ha_driver *d = arg;
	struct ha_input in = link_down(name);

	open_turn(d);
	ha_driver_feed(d, &in);
}

static bool
on_frame(void *arg, const struct ha_links_name *name, const uint8_t *plain,
    size_t len)
{
	struct ha_driver *d = arg;
	const struct ha_message *m;
	int rc = ha_codec_decode(d->codec, plain, len, &m);
	struct ha_input in;

	open_turn(d);
	if (rc == HA_ERR_UNSUPPORTED)
		return true; /* of a later release: not for us */
	if (rc != HA_OK)
		return false;
	in = (struct ha_input){ .kind = HA_IN_MESSAGE,
		.u.message = { .peer = name->peer, .link = name->link,
			.generation = name->generation, .message = m } };
	d->busy = d->busy || m->kind == HA_MSG_BATCH;
	ha_driver_feed(d, &in);
	return true;
}

static void
on_room(void *arg, const struct ha_links_name *name, unsigned int n)
{
	struct ha_driver *d = arg;

	open_turn(d);
	while (n-- > 0) {
		struct ha_input in = { .kind = HA_IN_LINK,
			.u.link = { .event = HA_LINK_ROOM,
				.peer = name->peer, .link = name->link,
				.generation = name->generation } };

		ha_driver_feed(d, &in);
	}
}

static void
on_behind(void *arg, uint8_t peer, uint64_t seen)
{
	struct ha_driver *d = arg;

	(void)peer;
	open_turn(d);
	if (seen > d->behind)
		d->behind = seen;
}

void
ha_driver_links_events(struct ha_driver *d, struct ha_links_events *out)
{
	*out = (struct ha_links_events){ .arg = d, .up = on_up,
		.down = on_down, .frame = on_frame, .room = on_room,
		.greeting = on_greeting, .has_walks = has_walks,
		.condition = on_condition,
		.behind = on_behind };
}

/* --- making and unmaking --- */

int
ha_driver_new(const struct ha_driver_parts *parts, struct ha_driver **out)
{
	struct event_base *base = ha_loop_base(parts->loop);
	struct ha_driver *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return HA_ERR_NOMEM;
	d->parts = *parts;
	d->started = ha_clock_now();
	d->flush_alarm_until = HA_TIME_NEVER;
	randombytes_buf(&d->seed, sizeof(d->seed));
	ha_rest_init(&d->rest, parts->coalesce, d->started);
	d->codec = ha_codec_new(HA_CODEC_ARENA);
	d->body = calloc(1, sizeof(*d->body));
	d->frame = malloc(HA_CODEC_FRAME_MAX);
	d->turn = event_new(base, -1, 0, on_turn_end, d);
	d->timer = evtimer_new(base, on_timer, d);
	if (d->codec == NULL || d->body == NULL || d->frame == NULL ||
	    d->turn == NULL || d->timer == NULL) {
		ha_driver_free(d);
		return HA_ERR_NOMEM;
	}
	*out = d;
	return HA_OK;
}

static int
watch_dataplane(struct ha_driver *d)
{
	for (int i = 0; i < HA_DATAPLANE_FD_MAX; i++) {
		struct ha_driver_fd *f = &d->fds[i];
		int fd;

		f->driver = d;
		f->which = (enum ha_dataplane_fd)i;
		fd = ha_dataplane_fd(d->dataplane, f->which);
		if (fd < 0)
			continue;
		f->readable = event_new(ha_loop_base(d->parts.loop), fd,
		    EV_READ | EV_PERSIST, on_dataplane, f);
		if (f->readable == NULL)
			return HA_ERR_NOMEM;
		event_add(f->readable, NULL);
	}
	return HA_OK;
}

static struct ha_dur
stall_limit(const struct ha_settings *s)
{
	struct ha_dur least = ha_dur_s(60);

	for (int i = 0; i < HA_LINK_MAX; i++) {
		if (s->link_configured[i] &&
		    ha_dur_less(s->threshold[i], least))
			least = s->threshold[i];
	}
	return (struct ha_dur){ least.ns / 4 };
}

int
ha_driver_start(struct ha_driver *d, const struct ha_settings *settings,
    struct ha_dataplane *dataplane, struct ha_links *links)
{
	struct ha_time now = ha_clock_now();

	d->settings = *settings;
	d->dataplane = dataplane;
	d->links = links;
	ha_driver_recall_state(d);
	if (dataplane != NULL)
		d->gate_open = !ha_dataplane_start(dataplane)->gate_closed;
	d->settings.gate_open = d->gate_open;
	d->core = ha_core_new(&d->settings, d->seed, now);
	if (d->core == NULL)
		return HA_ERR_NOMEM;
	ha_stall_init(&d->stall, stall_limit(settings), now);
	if (dataplane != NULL && watch_dataplane(d) != HA_OK)
		return HA_ERR_NOMEM;
	open_turn(d);
	return HA_OK;
}

/* What the file can't know. */
static void
keep_facts(const struct ha_settings *from, struct ha_settings *to)
{
	to->boot = from->boot;
	to->start = from->start;
	to->suspended = from->suspended;
	to->gate_open = from->gate_open;
	to->kernel_max = from->kernel_max;
	to->timeouts = from->timeouts;
	for (int i = 0; i < HA_MEMBER_MAX; i++)
		to->members[i].boot_seen = from->members[i].boot_seen;
}

static void
forget_peers(struct ha_driver *d, const struct ha_settings *s,
    ha_member_set replaced)
{
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		if (s->members[i - 1].present &&
		    (replaced & ha_member_bit(i)) == 0)
			continue;
		ha_driver_end_alarms_about(d, i);
		d->peers[i - 1] = (struct ha_peer_info){ .known = false };
	}
}

void
ha_driver_change(struct ha_driver *d, const struct ha_settings *settings,
    ha_member_set replaced, struct ha_dur coalesce)
{
	struct ha_input in = { .kind = HA_IN_SETTINGS,
		.u.settings = { &d->settings, replaced } };
	struct ha_settings s = *settings;
	struct ha_time now = ha_clock_now();

	open_turn(d);
	keep_facts(&d->settings, &s);
	forget_peers(d, &s, replaced);
	d->settings = s;
	d->parts.coalesce = coalesce;
	ha_rest_init(&d->rest, coalesce, now);
	ha_stall_init(&d->stall, stall_limit(&s), now);
	ha_driver_feed(d, &in);
}

void
ha_driver_free(struct ha_driver *d)
{
	if (d == NULL)
		return;
	for (int i = 0; i < HA_DATAPLANE_FD_MAX; i++) {
		if (d->fds[i].readable != NULL)
			event_free(d->fds[i].readable);
	}
	if (d->turn != NULL)
		event_free(d->turn);
	if (d->timer != NULL)
		event_free(d->timer);
	ha_core_free(d->core);
	ha_codec_free(d->codec);
	free(d->body);
	free(d->frame);
	free(d);
}

int
ha_driver_admin(struct ha_driver *d, const struct ha_in_admin *admin)
{
	struct ha_input in = { .kind = HA_IN_ADMIN, .u.admin = *admin };
	int rc;

	open_turn(d);
	HA_CHECK(!d->stepping);
	d->stepping = true;
	in.now = ha_clock_now();
	rc = ha_core_step(d->core, &in);
	ha_driver_perform(d);
	d->stepping = false;
	step_after(d);
	return rc;
}
