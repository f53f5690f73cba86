/*
 * A message from a client of the control socket, and one from a daemon.  What
 * is taken for a request must be one: it encodes, and comes back the same.
 * (With fields that nobody knows it need not come back: protobuf-c keeps them
 * as they were, also those with number 0, which it does not take again.)
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "proto/control_codec.h"
#include "tests/fuzz/fuzz.h"

static void
must(bool what)
{
	if (!what)
		abort();
}

static bool
filters_have_unknown(const Ha__Ctl__AskSessions *s)
{
	return s->base.n_unknown_fields > 0 || (s->source != NULL &&
	    s->source->base.n_unknown_fields > 0) ||
	    (s->destination != NULL &&
	    s->destination->base.n_unknown_fields > 0);
}

static bool
end_has_unknown(const Ha__Ctl__AskEnd *e)
{
	return e->base.n_unknown_fields > 0 || (e->session != NULL &&
	    e->session->base.n_unknown_fields > 0) ||
	    (e->sessions != NULL && filters_have_unknown(e->sessions));
}

static bool
has_unknown(const Ha__Ctl__Request *r)
{
	if (r->base.n_unknown_fields > 0)
		return true;
	if (r->verb_case == HA__CTL__REQUEST__VERB_SESSIONS)
		return filters_have_unknown(r->sessions);
	if (r->verb_case == HA__CTL__REQUEST__VERB_END)
		return end_has_unknown(r->end);
	/* All others have the same head and no message within. */
	return r->members->base.n_unknown_fields > 0;
}

static void
come_back(const Ha__Ctl__Request *request)
{
	uint8_t frame[HA_CONTROL_HEADER + HA_CONTROL_REQUEST_MAX];
	Ha__Ctl__Request *again;
	size_t len;

	must(ha_control_encode_request(request, frame, sizeof(frame), &len) ==
	    HA_OK);
	if (ha_control_decode_request(frame + HA_CONTROL_HEADER,
	    len - HA_CONTROL_HEADER, &again) != HA_OK) {
		must(has_unknown(request));
		return;
	}
	must(again->verb_case == request->verb_case);
	ha_control_free_request(again);
}

void
ha_fuzz_one(const uint8_t *data, size_t len)
{
	Ha__Ctl__Request *request;
	Ha__Ctl__Answer *answer;

	if (ha_control_decode_request(data, len, &request) == HA_OK) {
		come_back(request);
		ha_control_free_request(request);
	}
	if (ha_control_decode_answer(data, len, &answer) == HA_OK)
		ha_control_free_answer(answer);
}

/* --- good input --- */

static size_t
encode_request(const Ha__Ctl__Request *request, uint8_t *out, size_t cap)
{
	uint8_t frame[HA_CONTROL_HEADER + HA_CONTROL_REQUEST_MAX];
	size_t len;

	must(ha_control_encode_request(request, frame, sizeof(frame), &len) ==
	    HA_OK);
	len -= HA_CONTROL_HEADER;
	must(len <= cap);
	memcpy(out, frame + HA_CONTROL_HEADER, len);
	return len;
}

static size_t
seed_sessions(uint8_t *out, size_t cap)
{
	Ha__Ctl__Request request = HA__CTL__REQUEST__INIT;
	Ha__Ctl__AskSessions ask = HA__CTL__ASK_SESSIONS__INIT;
	Ha__Ctl__Prefix source = HA__CTL__PREFIX__INIT;
	Ha__Ctl__Prefix destination = HA__CTL__PREFIX__INIT;
	char owner[] = "FW-A", zone[] = "internal", state[] = "ESTABLISHED";
	uint8_t address[16] = { 0x20, 1, 0xd, 0xb8 };

	source.address = (ProtobufCBinaryData){ 4, address };
	source.length = 32;
	destination.address = (ProtobufCBinaryData){ 16, address };
	destination.length = 48;
	ask.owner = owner;
	ask.zone = zone;
	ask.state = state;
	ask.has_protocol = ask.has_cached = ask.has_limit = 1;
	ask.protocol = 6;
	ask.limit = 100;
	ask.source = &source;
	ask.destination = &destination;
	request.protocol = HA_CONTROL_PROTOCOL;
	request.verb_case = HA__CTL__REQUEST__VERB_SESSIONS;
	request.sessions = &ask;
	return encode_request(&request, out, cap);
}

static size_t
seed_session(uint8_t *out, size_t cap)
{
	Ha__Ctl__Request request = HA__CTL__REQUEST__INIT;
	Ha__Ctl__Uid uid = HA__CTL__UID__INIT;

	uid.creator = 16;
	uid.boot = UINT64_MAX;
	uid.number = 1;
	request.protocol = HA_CONTROL_PROTOCOL;
	request.verb_case = HA__CTL__REQUEST__VERB_SESSION;
	request.session = &uid;
	return encode_request(&request, out, cap);
}

static size_t
seed_end(uint8_t *out, size_t cap)
{
	Ha__Ctl__Request request = HA__CTL__REQUEST__INIT;
	Ha__Ctl__AskEnd ask = HA__CTL__ASK_END__INIT;
	Ha__Ctl__AskSessions sessions = HA__CTL__ASK_SESSIONS__INIT;

	sessions.has_cached = sessions.cached = 1;
	ask.sessions = &sessions;
	request.protocol = HA_CONTROL_PROTOCOL;
	request.verb_case = HA__CTL__REQUEST__VERB_END;
	request.end = &ask;
	return encode_request(&request, out, cap);
}

static size_t
seed_answer(uint8_t *out, size_t cap)
{
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;
	Ha__Ctl__Members members = HA__CTL__MEMBERS__INIT;
	Ha__Ctl__Member member = HA__CTL__MEMBER__INIT;
	Ha__Ctl__Member *list[] = { &member, &member };
	char word[] = "FW-A";
	uint8_t frame[HA_CONTROL_HEADER + 512];
	size_t len;

	member.serial = member.ha4 = member.ha4_backup = word;
	member.synchronization = word;
	members.local = word;
	members.n_members = 2;
	members.members = list;
	answer.body_case = HA__CTL__ANSWER__BODY_MEMBERS;
	answer.members = &members;
	must(ha_control_encode_answer(&answer, frame, sizeof(frame), &len) ==
	    HA_OK);
	len -= HA_CONTROL_HEADER;
	must(len <= cap);
	memcpy(out, frame + HA_CONTROL_HEADER, len);
	return len;
}

size_t
ha_fuzz_seed(unsigned int i, uint8_t *out, size_t cap)
{
	static size_t (*const SEEDS[])(uint8_t *, size_t) = {
		seed_sessions,
		seed_session,
		seed_end,
		seed_answer,
	};

	if (i >= sizeof(SEEDS) / sizeof(SEEDS[0]))
		return 0;
	return SEEDS[i](out, cap);
}
