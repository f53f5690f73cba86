/* What operators ask to be done: a changed file, a machine to forget. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/control_priv.h"

#define MESSAGE_HEAD 32 /* of one message, at most */

void
ha_control_refuse_act(struct ha_control_client *client)
{
	ha_control_refuse(client, "unsupported",
	    "This can't be done here.");
}

/* --- reload --- */

struct answer {
	Ha__Ctl__Reload body;
	Ha__Ctl__Error error;
	char why[600];
	char *serials[3][2 * HA_MEMBER_MAX];
	char *keys[HA_CONF_CHANGES_MAX + 2];
	size_t bytes; /* of messages, about */
	Ha__Ctl__FileMessage messages[HA_CONTROL_MESSAGES_MAX];
	Ha__Ctl__FileMessage *pointers[HA_CONTROL_MESSAGES_MAX];
};

static void
fill_members(const struct ha_reload *r, struct answer *a)
{
	size_t n[3] = { 0, 0, 0 };

	for (size_t i = 0; i < r->n_members; i++) {
		enum ha_reload_fate fate = r->members[i].fate;

		a->serials[fate][n[fate]++] =
		    ha_control_text(r->members[i].serial);
	}
	a->body.n_added = n[HA_RELOAD_ADDED];
	a->body.added = a->serials[HA_RELOAD_ADDED];
	a->body.n_removed = n[HA_RELOAD_REMOVED];
	a->body.removed = a->serials[HA_RELOAD_REMOVED];
	a->body.n_changed = n[HA_RELOAD_CHANGED];
	a->body.changed = a->serials[HA_RELOAD_CHANGED];
	for (size_t i = 0; i < r->n_keys; i++)
		a->keys[i] = ha_control_text(r->keys[i]);
	a->body.n_keys = r->n_keys;
	a->body.keys = a->keys;
}

/* Is there room for one more in an answer? */
static bool
take_room(struct answer *a, const char *path, const char *text)
{
	a->bytes += strlen(path) + strlen(text) + MESSAGE_HEAD;
	return a->bytes < HA_CONTROL_ANSWER_MAX / 2 &&
	    a->body.n_messages < HA_CONTROL_MESSAGES_MAX;
}

static void
fill_messages(const char *path, const struct ha_conf_report *report,
    struct answer *a)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct ha_conf_message *m = &report->messages[i];
		Ha__Ctl__FileMessage *to = &a->messages[a->body.n_messages];

		if (!take_room(a, path, m->text)) {
			a->body.has_left_out = 1;
			a->body.left_out++;
			continue;
		}
		ha__ctl__file_message__init(to);
		to->file = ha_control_text(path);
		to->has_line = m->line > 0;
		to->line = m->line;
		to->error = m->level == HA_CONF_ERROR;
		to->text = ha_control_text(m->text);
		a->pointers[a->body.n_messages++] = to;
	}
}

static void
fill_reload(const struct ha_reload *r, struct answer *a)
{
	ha__ctl__reload__init(&a->body);
	a->bytes = 0;
	a->body.table_version = r->version;
	a->body.messages = a->pointers;
	for (int i = 0; i < HA_FILE_MAX; i++)
		fill_messages(r->said.path[i], &r->said.report[i], a);
	if (r->done) {
		fill_members(r, a);
		return;
	}
	ha__ctl__error__init(&a->error);
	snprintf(a->why, sizeof(a->why), "Nothing has changed: %s.", r->why);
	a->error.code = ha_control_text(r->code);
	a->error.message = a->why;
	a->body.error = &a->error;
}

void
ha_control_reload(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	const struct ha_control_parts *parts = &client->control->parts;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	struct answer *a;
	struct ha_reload r;

	(void)request;
	a = parts->reload != NULL ? malloc(sizeof(*a)) : NULL;
	if (a == NULL) {
		ha_control_refuse_act(client);
		return;
	}
	parts->reload(parts->act_arg, &r);
	fill_reload(&r, a);
	answer.body_case = HA__CTL__ANSWER__BODY_RELOAD;
	answer.reload = &a->body;
	ha_control_say(client, &answer);
	ha_reload_free(&r);
	free(a);
}

/* --- forget --- */

void
ha_control_forget(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	const struct ha_control_parts *parts = &client->control->parts;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	Ha__Ctl__Forgotten body = HA__CTL__FORGOTTEN__INIT;
	char why[256];

	if (parts->forget == NULL) {
		ha_control_refuse_act(client);
		return;
	}
	if (!parts->forget(parts->act_arg, request->forget->serial, why,
	    sizeof(why))) {
		ha_control_refuse(client, "refused", "Not forgotten: %s.",
		    why);
		return;
	}
	body.serial = request->forget->serial;
	answer.body_case = HA__CTL__ANSWER__BODY_FORGOTTEN;
	answer.forgotten = &body;
	ha_control_say(client, &answer);
}
