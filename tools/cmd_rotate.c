/*
 * Verbs that rotate what handshakes are made with, and need no daemon:
 * identity rotate and commit, secret rotate and commit.
 *
 * Each changes one file here; the rest is the operator's, who is told.
 */
#include <stdio.h>

#include "conf/identity.h"
#include "conf/secret.h"
#include "proto/keys.h"
#include "tools/ctl.h"

#define LINE_LEN 96

#define COPY_CONF "Copy cluster.conf to every member, and run \"clusterctl " \
	"reload\" on each"

static const char *
code_of(int err)
{
	switch (err) {
	case HA_ERR_EXISTS:
		return "exists";
	case HA_ERR_ABSENT:
		return "absent";
	case HA_ERR_PERM:
		return "not-permitted";
	case HA_ERR_CONFIG:
		return "wrong";
	default:
		return "failed";
	}
}

static int
rotation_failed(struct ha_ctl *ctl, const char *file,
    const struct ha_conf_report *report, int err)
{
	return ha_ctl_fail(ctl, CTL_REFUSED, code_of(err), "%s %s.", file,
	    report->n > 0 ? report->messages[0].text : ha_err_text(err));
}

static void
show(struct ha_ctl *ctl, const struct ha_out_rotation *shown)
{
	ctl->out->ops->rotation(ctl->out, shown);
}

static const char *
file_of(const struct ha_ctl *ctl, const char *usual)
{
	return ctl->n_args > 0 ? ctl->args[0] : usual;
}

/* --- identity --- */

static void
show_identity(struct ha_ctl *ctl, const char *file,
    const struct ha_identity *id)
{
	char key[HA_KEY_TEXT_LEN];
	char next[HA_KEY_TEXT_LEN];
	char where[LINE_LEN];
	char line[LINE_LEN];
	struct ha_out_rotation shown = { .file = file, .serial = id->serial,
		.public_key = key, .next_public_key = id->has_next ? next :
		NULL };

	ha_key_to_text(key, id->public_key);
	ha_key_to_text(next, id->next_public_key);
	snprintf(line, sizeof(line), "%spublic-key = \"%s\"",
	    id->has_next ? "next-" : "", id->has_next ? next : key);
	snprintf(where, sizeof(where), "In cluster.conf, %s the block of "
	    "\"%s\"%s", id->has_next ? "add to" : "let", id->serial,
	    id->has_next ? "" : " have this key alone");
	if (id->has_next) {
		shown.done = "now has a next key beside the current one";
		shown.steps[0].words = where;
		shown.steps[0].line = line;
		shown.steps[1].words = COPY_CONF;
		shown.steps[2].words = "When all have it, here: clusterctl "
		    "identity commit";
		shown.n_steps = 3;
	} else {
		shown.done = "now has the next key alone";
		shown.steps[0].words = "Here: clusterctl reload";
		shown.steps[1].words = where;
		shown.steps[1].line = line;
		shown.steps[2].words = COPY_CONF;
		shown.n_steps = 3;
	}
	show(ctl, &shown);
}

static int
change_identity(struct ha_ctl *ctl, int (*change)(const char *path,
    struct ha_conf_report *report, struct ha_identity **out))
{
	const char *file = file_of(ctl, HA_IDENTITY_PATH);
	struct ha_conf_report report;
	struct ha_identity *id = NULL;
	int rc = CTL_DONE;
	int err;

	ha_conf_report_init(&report);
	err = change(file, &report, &id);
	if (err != HA_OK)
		rc = rotation_failed(ctl, file, &report, err);
	else
		show_identity(ctl, file, id);
	ha_identity_free(id);
	ha_conf_report_free(&report);
	return rc;
}

int
ha_cmd_identity_rotate(struct ha_ctl *ctl)
{
	return change_identity(ctl, ha_identity_rotate);
}

int
ha_cmd_identity_commit(struct ha_ctl *ctl)
{
	return change_identity(ctl, ha_identity_commit);
}

/* --- secret --- */

static int
change_secret(struct ha_ctl *ctl, int (*change)(const char *path,
    struct ha_conf_report *report), struct ha_out_rotation *shown)
{
	struct ha_conf_report report;
	int rc = CTL_DONE;
	int err;

	shown->file = file_of(ctl, HA_SECRET_PATH);
	ha_conf_report_init(&report);
	err = change(shown->file, &report);
	if (err != HA_OK)
		rc = rotation_failed(ctl, shown->file, &report, err);
	else
		show(ctl, shown);
	ha_conf_report_free(&report);
	return rc;
}

int
ha_cmd_secret_rotate(struct ha_ctl *ctl)
{
	struct ha_out_rotation shown = {
		.done = "now has a next secret behind the current one",
		.n_steps = 3,
		.steps = {
			{ "Copy it to every member, over a channel that nobody "
			  "can read along", NULL },
			{ "Run \"clusterctl reload\" on each, this one "
			  "included", NULL },
			{ "When all have it, here: clusterctl secret commit",
			  NULL },
		},
	};

	return change_secret(ctl, ha_secret_rotate, &shown);
}

int
ha_cmd_secret_commit(struct ha_ctl *ctl)
{
	struct ha_out_rotation shown = {
		.done = "now has the next secret alone",
		.n_steps = 2,
		.steps = {
			{ "Copy it to every member again", NULL },
			{ "Run \"clusterctl reload\" on each: then the old "
			  "secret is refused", NULL },
		},
	};

	return change_secret(ctl, ha_secret_commit, &shown);
}
