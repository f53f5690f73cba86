/*
 * session brief, session show, session end.
 *
 * What can be wrong with a filter by its form alone (an address, a number) is
 * a wrong command line and said here; what needs the cluster (a serial, a
 * zone, a state) the daemon says.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>

#include "tools/ctl.h"

/* The names that people use; numbers and the system's table do for others. */
static const struct {
	const char *name;
	uint8_t number;
} PROTOCOLS[] = {
	{ "icmp", 1 },
	{ "tcp", 6 },
	{ "udp", 17 },
	{ "dccp", 33 },
	{ "gre", 47 },
	{ "esp", 50 },
	{ "icmpv6", 58 },
	{ "sctp", 132 },
	{ "udplite", 136 },
};

#define N_PROTOCOLS (sizeof(PROTOCOLS) / sizeof(PROTOCOLS[0]))

const char *
ha_out_protocol(uint32_t protocol, char buf[static 12])
{
	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		if (PROTOCOLS[i].number == protocol)
			return PROTOCOLS[i].name;
	}
	snprintf(buf, 12, "%u", protocol);
	return buf;
}

static int
parse_protocol(const char *text, uint32_t *out)
{
	const struct protoent *known;
	uint64_t number;

	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		if (strcasecmp(PROTOCOLS[i].name, text) == 0) {
			*out = PROTOCOLS[i].number;
			return HA_OK;
		}
	}
	if (ha_ctl_parse_number(text, 0, UINT8_MAX, &number) == HA_OK) {
		*out = (uint32_t)number;
		return HA_OK;
	}
	known = getprotobyname(text);
	if (known == NULL || known->p_proto < 0 || known->p_proto > UINT8_MAX)
		return HA_ERR_INVAL;
	*out = (uint32_t)known->p_proto;
	return HA_OK;
}

struct prefix {
	Ha__Ctl__Prefix message;
	uint8_t address[16];
};

/* ADDRESS or ADDRESS/BITS. */
static int
parse_prefix(const char *text, struct prefix *out)
{
	char address[HA_ADDRESS_TEXT];
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	size_t size;
	uint64_t bits;

	if (len >= sizeof(address))
		return HA_ERR_INVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, out->address) == 1)
		size = 4;
	else if (inet_pton(AF_INET6, address, out->address) == 1)
		size = 16;
	else
		return HA_ERR_INVAL;
	bits = 8 * size;
	if (slash != NULL &&
	    ha_ctl_parse_number(slash + 1, 0, 8 * size, &bits) != HA_OK)
		return HA_ERR_INVAL;
	ha__ctl__prefix__init(&out->message);
	out->message.address.data = out->address;
	out->message.address.len = size;
	out->message.length = (uint32_t)bits;
	return HA_OK;
}

static int
wrong_address(struct ha_ctl *ctl, const char *option, const char *text)
{
	return ha_ctl_usage(ctl, "%s needs an address, or an address and bits "
	    "like 10.0.0.0/8, not \"%s\"", option, text);
}

static char *
borrow(const char *text)
{
	return (char *)(uintptr_t)text;
}

static int
parse_role(struct ha_ctl *ctl, Ha__Ctl__AskSessions *ask)
{
	const char *role = ctl->options.role;

	if (role == NULL)
		return CTL_DONE;
	ask->has_cached = 1;
	ask->cached = strcmp(role, "cached") == 0;
	if (!ask->cached && strcmp(role, "owned") != 0)
		return ha_ctl_usage(ctl, "--role is owned or cached, "
		    "not \"%s\"", role);
	return CTL_DONE;
}

static int
parse_words(struct ha_ctl *ctl, Ha__Ctl__AskSessions *ask)
{
	const struct {
		const char *option;
		const char *value;
		char **to;
	} words[] = {
		{ "--owner", ctl->options.owner, &ask->owner },
		{ "--zone", ctl->options.zone, &ask->zone },
		{ "--state", ctl->options.state, &ask->state },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *value = words[i].value;

		if (value == NULL)
			continue;
		if (value[0] == '\0' || strlen(value) > HA_CONTROL_TEXT_MAX)
			return ha_ctl_usage(ctl, "%s needs a word of 1 to %d "
			    "letters", words[i].option, HA_CONTROL_TEXT_MAX);
		*words[i].to = borrow(value);
	}
	return CTL_DONE;
}

static int
parse_numbers(struct ha_ctl *ctl, Ha__Ctl__AskSessions *ask)
{
	const struct ha_ctl_options *o = &ctl->options;
	uint64_t limit;

	if (o->protocol != NULL) {
		ask->has_protocol = 1;
		if (parse_protocol(o->protocol, &ask->protocol) != HA_OK)
			return ha_ctl_usage(ctl, "--protocol needs a name "
			    "like tcp or a number from 0 to 255, not \"%s\"",
			    o->protocol);
	}
	if (o->limit != NULL) {
		if (ha_ctl_parse_number(o->limit, 0, UINT32_MAX, &limit) !=
		    HA_OK)
			return ha_ctl_usage(ctl, "--limit needs a number, "
			    "not \"%s\"", o->limit);
		ask->has_limit = 1;
		ask->limit = (uint32_t)limit;
	}
	return CTL_DONE;
}

static int
parse_prefixes(struct ha_ctl *ctl, Ha__Ctl__AskSessions *ask,
    struct prefix *source, struct prefix *destination)
{
	const struct ha_ctl_options *o = &ctl->options;

	if (o->source != NULL) {
		if (parse_prefix(o->source, source) != HA_OK)
			return wrong_address(ctl, "--source", o->source);
		ask->source = &source->message;
	}
	if (o->destination != NULL) {
		if (parse_prefix(o->destination, destination) != HA_OK)
			return wrong_address(ctl, "--destination",
			    o->destination);
		ask->destination = &destination->message;
	}
	return CTL_DONE;
}

struct filters {
	Ha__Ctl__AskSessions ask; /* borrows the two prefixes */
	struct prefix source;
	struct prefix destination;
};

static int
parse_filters(struct ha_ctl *ctl, struct filters *f)
{
	int rc;

	ha__ctl__ask_sessions__init(&f->ask);
	rc = parse_words(ctl, &f->ask);
	if (rc == CTL_DONE)
		rc = parse_role(ctl, &f->ask);
	if (rc == CTL_DONE)
		rc = parse_numbers(ctl, &f->ask);
	if (rc == CTL_DONE)
		rc = parse_prefixes(ctl, &f->ask, &f->source,
		    &f->destination);
	return rc;
}

/* --- brief --- */

static void
take_sessions(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	(void)arg;
	ctl->out->ops->sessions(ctl->out, answer->sessions,
	    !(answer->has_more && answer->more));
}

int
ha_cmd_session_brief(struct ha_ctl *ctl)
{
	Ha__Ctl__Request request;
	struct filters filters;
	int rc = parse_filters(ctl, &filters);

	if (rc != CTL_DONE)
		return rc;
	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_SESSIONS;
	request.sessions = &filters.ask;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_SESSIONS,
	    take_sessions, NULL);
}

/* --- show --- */

static int
parse_uid(struct ha_ctl *ctl, Ha__Ctl__Uid *ask)
{
	struct ha_uid uid;

	if (ha_control_parse_uid(ctl->args[0], &uid) != HA_OK)
		return ha_ctl_usage(ctl, "\"%s\" is no session: a uid is "
		    "INDEX-BOOTID-NUMBER, as \"session brief\" shows it",
		    ctl->args[0]);
	ha__ctl__uid__init(ask);
	ask->creator = uid.creator;
	ask->boot = uid.boot;
	ask->number = uid.number;
	return CTL_DONE;
}

static void
take_session(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	(void)arg;
	ctl->out->ops->session(ctl->out, answer->session);
}

int
ha_cmd_session_show(struct ha_ctl *ctl)
{
	Ha__Ctl__Request request;
	Ha__Ctl__Uid ask;
	int rc = parse_uid(ctl, &ask);

	if (rc != CTL_DONE)
		return rc;
	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_SESSION;
	request.session = &ask;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_SESSION,
	    take_session, NULL);
}

/* --- end --- */

static void
take_ended(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	bool *all = arg;

	*all = answer->ended->refused == 0;
	ctl->out->ops->ended(ctl->out, answer->ended);
}

/* Without a filter it would be all of them: that has to be said. */
static int
parse_which(struct ha_ctl *ctl, Ha__Ctl__AskEnd *ask, Ha__Ctl__Uid *uid,
    struct filters *filters)
{
	bool filtered = (ctl->options.given & ~(unsigned int)CTL_OPT_LIMIT) !=
	    0;

	if ((ctl->n_args > 0) == filtered || (ctl->n_args > 0 &&
	    ctl->options.limit != NULL))
		return ha_ctl_usage(ctl, "\"session end\" needs a UID or "
		    "filters, --limit alone is none");
	if (ctl->n_args > 0) {
		ask->session = uid;
		return parse_uid(ctl, uid);
	}
	ask->sessions = &filters->ask;
	return parse_filters(ctl, filters);
}

int
ha_cmd_session_end(struct ha_ctl *ctl)
{
	Ha__Ctl__AskEnd ask = HA__CTL__ASK_END__INIT;
	Ha__Ctl__Request request;
	struct filters filters;
	Ha__Ctl__Uid uid;
	bool all = false;
	int rc = parse_which(ctl, &ask, &uid, &filters);

	if (rc != CTL_DONE)
		return rc;
	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_END;
	request.end = &ask;
	rc = ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_ENDED,
	    take_ended, &all);
	return rc == CTL_DONE && !all ? CTL_REFUSED : rc;
}
