/* Verbs that ask one question and show the answer. */
#include "config.h"
#include "tools/ctl.h"

static void
take_members(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	(void)arg;
	ctl->out->ops->members(ctl->out, answer->members);
}

int
ha_cmd_members(struct ha_ctl *ctl)
{
	Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;
	Ha__Ctl__Request request;

	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_MEMBERS;
	request.members = &plain;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_MEMBERS,
	    take_members, NULL);
}

static void
take_state(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	(void)arg;
	ctl->out->ops->state(ctl->out, answer->state);
}

int
ha_cmd_state(struct ha_ctl *ctl)
{
	Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;
	Ha__Ctl__Request request;

	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_STATE;
	request.state = &plain;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_STATE,
	    take_state, NULL);
}

static void
take_links(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	(void)arg;
	ctl->out->ops->links(ctl->out, answer->links);
}

int
ha_cmd_links(struct ha_ctl *ctl)
{
	Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;
	Ha__Ctl__Request request;

	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_LINKS;
	request.links = &plain;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_LINKS,
	    take_links, NULL);
}

static void
take_statistics(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	(void)arg;
	ctl->out->ops->statistics(ctl->out, answer->statistics);
}

int
ha_cmd_statistics(struct ha_ctl *ctl)
{
	Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;
	Ha__Ctl__Request request;

	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_STATISTICS;
	request.statistics = &plain;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_STATISTICS,
	    take_statistics, NULL);
}

static void
take_counters(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	const bool *delta = arg;

	ctl->out->ops->counters(ctl->out, answer->counters, *delta);
}

int
ha_cmd_counters(struct ha_ctl *ctl)
{
	Ha__Ctl__AskCounters ask = HA__CTL__ASK_COUNTERS__INIT;
	Ha__Ctl__Request request;
	bool delta = (ctl->options.given & CTL_OPT_DELTA) != 0;

	ask.has_delta = 1;
	ask.delta = delta;
	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_COUNTERS;
	request.counters = &ask;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_COUNTERS,
	    take_counters, &delta);
}

static void
take_events(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	(void)arg;
	ctl->out->ops->events(ctl->out, answer->events,
	    !(answer->has_more && answer->more));
}

int
ha_cmd_events(struct ha_ctl *ctl)
{
	Ha__Ctl__AskEvents ask = HA__CTL__ASK_EVENTS__INIT;
	Ha__Ctl__Request request;
	uint64_t count;

	if (ctl->options.count != NULL) {
		if (ha_ctl_parse_number(ctl->options.count, 1, UINT32_MAX,
		    &count) != HA_OK)
			return ha_ctl_usage(ctl, "-n needs a number of events,"
			    " 1 or more, not \"%s\"", ctl->options.count);
		ask.has_count = 1;
		ask.count = (uint32_t)count;
	}
	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_EVENTS;
	request.events = &ask;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_EVENTS,
	    take_events, NULL);
}

static void
take_version(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	(void)arg;
	ctl->out->ops->version(ctl->out, PACKAGE_VERSION,
	    answer->version->version);
}

/* Without a daemon there is still the version of this program. */
int
ha_cmd_version(struct ha_ctl *ctl)
{
	Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;
	Ha__Ctl__Request request;

	if (!ha_ctl_daemon_is_there(ctl)) {
		ctl->out->ops->version(ctl->out, PACKAGE_VERSION, NULL);
		return CTL_DONE;
	}
	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_VERSION;
	request.version = &plain;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_VERSION,
	    take_version, NULL);
}
