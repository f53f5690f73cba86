/*
 * The end of sessions, by the operator's word.
 *
 * One by its name is ended at once.  Those that match a filter are ended in
 * the slices of a walk, as they are told in one.
 */
#include <inttypes.h>

#include "shell/control_priv.h"
#include "shell/log.h"

static int
end_session(const struct ha_control *control, const struct ha_uid *uid)
{
	const struct ha_in_admin admin = { .verb = HA_ADMIN_END,
		.uid = *uid };

	return control->parts.admin(control->parts.act_arg, &admin);
}

static void
say_ended(struct ha_control_client *client, uint64_t ended, uint64_t refused)
{
	Ha__Ctl__Ended body = HA__CTL__ENDED__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;

	ha_log(client->control->parts.log, HA_LOG_NOTICE, "session.end",
	    "ended=%" PRIu64 " refused=%" PRIu64 " user=%lu", ended, refused,
	    (unsigned long)client->uid);
	body.ended = ended;
	body.refused = refused;
	answer.body_case = HA__CTL__ANSWER__BODY_ENDED;
	answer.ended = &body;
	ha_control_say(client, &answer);
}

static void
end_one(struct ha_control_client *client, const struct ha_uid *uid)
{
	int rc = end_session(client->control, uid);

	if (rc == HA_ERR_ABSENT)
		ha_control_refuse_uid(client, uid);
	else
		say_ended(client, rc == HA_OK, rc != HA_OK);
}

void
ha_control_end_sessions(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	const Ha__Ctl__AskEnd *ask = request->end;
	struct ha_uid uid;

	if (client->control->parts.admin == NULL) {
		ha_control_refuse_act(client);
	} else if (ask->session != NULL) {
		uid = ha_control_uid(ask->session);
		end_one(client, &uid);
	} else if (ha_control_begin_walk(client, ask->sessions)) {
		client->walk.kind = HA_CONTROL_WALK_ENDS;
	}
}

void
ha_control_walk_ends(struct ha_control_client *client)
{
	const struct ha_control *control = client->control;
	struct ha_control_walk *walk = &client->walk;
	struct ha_view_session view;
	bool more = true;

	for (int i = 0; i < HA_CONTROL_SLICE && more; i++) {
		more = walk->total < walk->limit && ha_view_next_session(
		    control->look.core, &walk->cursor, &view);
		if (!more || !ha_control_matches(&walk->filter, &view))
			continue;
		walk->total++;
		if (end_session(control, &view.uid) != HA_OK)
			walk->refused++;
	}
	if (more)
		return;
	say_ended(client, walk->total - walk->refused, walk->refused);
	walk->kind = HA_CONTROL_WALK_NONE;
}
