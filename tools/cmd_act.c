/* Verbs that have the daemon do something. */
#include <string.h>

#include "tools/ctl.h"

/* What was refused is shown whole, and is refused all the same. */
static void
take_reload(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	const Ha__Ctl__Error *error = answer->reload->error;
	int *rc = arg;

	ctl->out->ops->reload(ctl->out, answer->reload);
	if (error == NULL)
		return;
	fprintf(stderr, "clusterctl: %s\n", error->message);
	*rc = CTL_REFUSED;
}

int
ha_cmd_reload(struct ha_ctl *ctl)
{
	Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;
	Ha__Ctl__Request request;
	int refused = CTL_DONE;
	int rc;

	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_RELOAD;
	request.reload = &plain;
	rc = ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_RELOAD,
	    take_reload, &refused);
	return rc == CTL_DONE ? refused : rc;
}

static void
take_forgotten(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	(void)arg;
	ctl->out->ops->forgotten(ctl->out, answer->forgotten);
}

int
ha_cmd_forget(struct ha_ctl *ctl)
{
	Ha__Ctl__AskForget ask = HA__CTL__ASK_FORGET__INIT;
	Ha__Ctl__Request request;
	char serial[HA_CONF_SERIAL_LEN];

	if (ctl->args[0][0] == '\0' ||
	    strlen(ctl->args[0]) >= sizeof(serial))
		return ha_ctl_usage(ctl, "\"%s\" can be no serial: it has 1 "
		    "to %d characters", ctl->args[0], HA_CONF_SERIAL_LEN - 1);
	memcpy(serial, ctl->args[0], strlen(ctl->args[0]) + 1);
	ask.serial = serial;
	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_FORGET;
	request.forget = &ask;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_FORGOTTEN,
	    take_forgotten, NULL);
}
