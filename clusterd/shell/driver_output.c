/*
 * The driver's other half: doing what the core asks for.  Nothing here steps
 * the core, see the essay in driver.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "shell/driver_priv.h"
#include "shell/sd_notify.h"

/* More than this in a send queue: what can be lost is left out. */
#define QUEUE_MUCH (1024 * 1024)

static enum ha_urgency
urgency_of(enum ha_message_kind kind)
{
	switch (kind) {
	case HA_MSG_KEEPALIVE:
		return HA_URGENCY_KEEPALIVE;
	case HA_MSG_BATCH:
		return HA_URGENCY_BATCH;
	case HA_MSG_FEED_REQUEST:
	case HA_MSG_WALK_VOID:
	case HA_MSG_TOUCH:
	case HA_MSG_GRANT:
	case HA_MSG_END:
	case HA_MSG_MAX:
		break;
	}
	return HA_URGENCY_CONTROL;
}

/* Asked again when it is lost (doc/ownership.md). */
static bool
may_be_lost(enum ha_message_kind kind)
{
	return kind == HA_MSG_TOUCH || kind == HA_MSG_GRANT;
}

static int
encode(struct ha_driver *d, const struct ha_message *m, size_t *len)
{
	int rc;

	if (m->kind != HA_MSG_BATCH)
		return ha_codec_encode(m, NULL, d->frame, HA_CODEC_FRAME_MAX,
		    len);
	if (!ha_codec_body_fits(d->body, &m->u.batch)) {
		rc = ha_codec_encode_body(&m->u.batch, d->body);
		if (rc != HA_OK)
			return rc;
	}
	return ha_codec_encode(m, d->body, d->frame, HA_CODEC_FRAME_MAX, len);
}

static void
give_up_link(struct ha_driver *d, const struct ha_links_name *name,
    const char *why)
{
	ha_links_drop(d->links, name, why);
	HA_CHECK(d->after.n_down < HA_DRIVER_DOWN_MAX);
	d->after.down[d->after.n_down++] = *name;
}

static void
do_send(struct ha_driver *d, const struct ha_out_send *o)
{
	const struct ha_links_name name = { .peer = o->peer, .link = o->link,
		.generation = o->generation };
	enum ha_message_kind kind = o->message->kind;
	size_t len;
	int rc;

	if (may_be_lost(kind) &&
	    ha_links_queued(d->links, &name) > QUEUE_MUCH) {
		d->parts.counters->drop_crowded++;
		return;
	}
	rc = encode(d, o->message, &len);
	if (rc == HA_OK)
		rc = ha_links_send(d->links, &name, urgency_of(kind),
		    d->frame, len);
	if (rc == HA_OK)
		return;
	if (rc == HA_ERR_STALE) {
		d->parts.counters->drop_stale_send++;
		return;
	}
	d->parts.counters->drop_queue_full++;
	give_up_link(d, &name, rc == HA_ERR_FULL ?
	    "the peer reads too slowly" : ha_err_text(rc));
}

static void
do_close(struct ha_driver *d, const struct ha_out_close *o)
{
	const struct ha_links_name name = { .peer = o->peer, .link = o->link,
		.generation = o->generation };
	const char *why = "silent for longer than the keepalive threshold";

	switch (o->reason) {
	case HA_CLOSE_SILENT:
		break;
	case HA_CLOSE_REMOVED:
		why = "no member any more";
		break;
	case HA_CLOSE_OLD_BOOT:
		why = "of an earlier start of the peer";
		break;
	}
	ha_links_drop(d->links, &name, why);
}

static void
do_kernel(struct ha_driver *d, const struct ha_out_kernel *o)
{
	int rc = HA_ERR_UNSUPPORTED;

	if (d->dataplane != NULL)
		rc = ha_dataplane_do(d->dataplane, o->ops, o->n_ops);
	if (rc == HA_OK) {
		d->kernel_ops += o->n_ops;
		return;
	}
	for (uint16_t i = 0; i < o->n_ops; i++) {
		HA_CHECK(d->after.n_done < HA_DRIVER_DONE_MAX);
		d->after.done[d->after.n_done++] = (struct ha_in_done){
			.ticket = o->ops[i].ticket, .result = rc };
	}
}

static void
do_dump(struct ha_driver *d)
{
	int rc = HA_ERR_UNSUPPORTED;

	if (d->dataplane != NULL)
		rc = ha_dataplane_dump(d->dataplane);
	if (rc != HA_OK && rc != HA_ERR_AGAIN)
		ha_log_limited(d->parts.log, HA_LOG_ERR, "kernel.dump-failed",
		    0, "why=\"%s\"", ha_err_text(rc));
}

static void
do_state(struct ha_driver *d, const struct ha_out_state *o)
{
	const char *to = ha_state_name((enum ha_state)o->to);

	ha_driver_event(d, HA_LOG_NOTICE, "member.state",
	    "from=%s to=%s why=\"%s\"",
	    ha_state_name((enum ha_state)o->from), to, o->reason);
	ha_links_set_state(d->links, (enum ha_state)o->to);
	ha_sd_say(d->parts.sd, "STATUS=%s: %s", to, o->reason);
	d->settings.suspended = o->to == HA_STATE_SUSPENDED &&
	    o->cause == HA_CAUSE_OPERATOR;
	ha_driver_keep_state(d, to, ha_cause_name(o->cause));
}

static void
do_peer(struct ha_driver *d, const struct ha_out_peer *o)
{
	const char *serial = ha_links_serial(d->links, o->peer);

	switch (o->event) {
	case HA_PEER_UP:
		ha_driver_event(d, HA_LOG_NOTICE, "peer.up", "peer=%s",
		    serial);
		break;
	case HA_PEER_DOWN:
		ha_driver_event(d, HA_LOG_WARN, "peer.down", "peer=%s",
		    serial);
		break;
	case HA_PEER_LOST:
		ha_driver_event(d, HA_LOG_WARN, "peer.lost",
		    "peer=%s why=\"no reachable member sees it\"", serial);
		break;
	}
}

static void
do_gate(struct ha_driver *d, const struct ha_out_gate *o)
{
	int rc;

	if (d->dataplane == NULL || d->gate_open == o->open)
		return;
	rc = ha_dataplane_gate(d->dataplane, o->open);
	if (rc != HA_OK) {
		ha_driver_event(d, HA_LOG_ERR, "gate.failed",
		    "want=%s why=\"%s\"", o->open ? "open" : "closed",
		    ha_err_text(rc));
		return;
	}
	d->gate_open = o->open;
	ha_driver_event(d, HA_LOG_NOTICE, "gate.moved", "to=%s",
	    o->open ? "open" : "closed");
}

static void
do_save(struct ha_driver *d, const struct ha_out_save *o)
{
	ha_links_raise_seen(d->links, o->member, o->boot_counter);
	ha_driver_keep_boot(d, o->member, o->boot_counter);
}

static void
do_ended(struct ha_driver *d, const struct ha_out_ended *o)
{
	if (!ha_log_wants(d->parts.log, HA_LOG_DEBUG))
		return;
	ha_log(d->parts.log, HA_LOG_DEBUG, "session.ended",
	    "uid=%u-%016" PRIx64 "-%" PRIu64 " reason=%s owners=%#x",
	    o->uid.creator, o->uid.boot, o->uid.number,
	    ha_end_reason_name(o->reason), o->owners);
}

static const char *
trace_name(enum ha_trace what)
{
	switch (what) {
	case HA_TRACE_LINK:
		return "trace.link";
	case HA_TRACE_STATE:
		return "trace.state";
	case HA_TRACE_LOST:
		return "trace.lost";
	case HA_TRACE_WALK:
		return "trace.walk";
	case HA_TRACE_CAUGHT_UP:
		return "trace.caught-up";
	case HA_TRACE_CLAIM:
		return "trace.claim";
	case HA_TRACE_YIELD:
		return "trace.yield";
	case HA_TRACE_GRANT:
		return "trace.grant";
	case HA_TRACE_LIMBO:
		return "trace.limbo";
	case HA_TRACE_END:
		return "trace.end";
	case HA_TRACE_DROP:
		return "trace.drop";
	}
	return "trace.unknown";
}

static void
do_trace(struct ha_driver *d, const struct ha_out_trace *o)
{
	if (ha_log_wants(d->parts.log, HA_LOG_DEBUG))
		ha_log(d->parts.log, HA_LOG_DEBUG, trace_name(o->what),
		    "a=%" PRIu32 " b=%" PRIu32 " c=%" PRIu64, o->a, o->b,
		    o->c);
}

static void
perform(struct ha_driver *d, const struct ha_output *o)
{
	switch (o->kind) {
	case HA_OUT_SEND:
		do_send(d, &o->u.send);
		break;
	case HA_OUT_CLOSE:
		do_close(d, &o->u.close);
		break;
	case HA_OUT_KERNEL:
		do_kernel(d, &o->u.kernel);
		break;
	case HA_OUT_DUMP:
		do_dump(d);
		break;
	case HA_OUT_STATE:
		do_state(d, &o->u.state);
		break;
	case HA_OUT_PEER:
		do_peer(d, &o->u.peer);
		break;
	case HA_OUT_GATE:
		do_gate(d, &o->u.gate);
		break;
	case HA_OUT_SAVE:
		do_save(d, &o->u.save);
		break;
	case HA_OUT_ALARM:
		ha_driver_alarm(d, o->u.alarm.name, o->u.alarm.member,
		    o->u.alarm.active);
		break;
	case HA_OUT_ENDED:
		do_ended(d, &o->u.ended);
		break;
	case HA_OUT_TRACE:
		do_trace(d, &o->u.trace);
		break;
	}
}

void
ha_driver_perform(struct ha_driver *d)
{
	size_t n;
	const struct ha_output *out = ha_core_outputs(d->core, &n);

	d->body->id = 0;
	for (size_t i = 0; i < n; i++)
		perform(d, &out[i]);
}
