/*
 * What went wrong with a handshake, as this end sees it: the sentence of the
 * reason, and what is here and there.  What the other end claims is nobody's
 * word yet, and is for people only.
 */
#include <stdio.h>
#include <string.h>

#include "proto/handshake_priv.h"

#define DETAIL_LEN 144 /* three serials and the words between */

struct serial {
	char text[HA_SERIAL_LEN];
};

/* Fit for a quoted text in a log line, whoever chose it. */
static struct serial
serial(const char text[static HA_SERIAL_LEN])
{
	struct serial s;

	memcpy(s.text, text, sizeof(s.text));
	for (char *c = s.text; *c != '\0'; c++)
		if (*c == '"' || *c == '\\')
			*c = '?';
	return s;
}

static struct serial
serial_of(const struct ha_handshake_facts *f, uint8_t index)
{
	return serial(f->config->members[index - 1].serial);
}

static void
say_key(const char *before, const uint8_t *key,
    char out[static DETAIL_LEN])
{
	char text[HA_KEY_TEXT_LEN];

	if (key == NULL)
		return;
	ha_key_to_text(text, key);
	snprintf(out, DETAIL_LEN, "%s %s", before, text);
}

static const uint8_t *
own_key(const struct ha_handshake_facts *f)
{
	const struct ha_keypair *pair = NULL;

	if (f->initiator)
		pair = ha_handshake_find_keypair(f->config,
		    f->hello->initiator_key);
	if (pair == NULL)
		pair = &f->config->keypairs[0];
	return pair->public_key;
}

static void
say_versions(const struct ha_handshake_facts *f, char out[static DETAIL_LEN])
{
	const struct ha_handshake_config *c = f->config;
	int n = 0;

	if (f->peer_max > 0)
		n = snprintf(out, DETAIL_LEN, "%u to %u there, ", f->peer_min,
		    f->peer_max);
	snprintf(out + n, DETAIL_LEN - (size_t)n, "%u to %u here",
	    c->protocol_min, c->protocol_max);
}

static void
say_stranger(const struct ha_handshake_facts *f, char out[static DETAIL_LEN])
{
	const struct ha_handshake_config *c = f->config;
	uint8_t index = f->hello->initiator;
	int n = snprintf(out, DETAIL_LEN, "%u %s", index,
	    serial(f->hello->initiator_serial).text);

	if (c->members[index - 1].n_keys > 0)
		n += snprintf(out + n, DETAIL_LEN - (size_t)n,
		    ", where %u is %s", index, serial_of(f, index).text);
	if (c->peer != 0 && c->peer != index)
		snprintf(out + n, DETAIL_LEN - (size_t)n,
		    ", at the address of %s", serial_of(f, c->peer).text);
}

/* This end refuses. */
static void
say_seen(const struct ha_handshake_facts *f, enum ha_refusal reason,
    char out[static DETAIL_LEN])
{
	const struct ha_handshake_config *c = f->config;
	const struct ha_hello *hello = f->hello;

	if (reason == HA_REFUSE_PROTOCOL)
		say_versions(f, out);
	if (hello == NULL)
		return;
	switch (reason) {
	case HA_REFUSE_CLUSTER:
		snprintf(out, DETAIL_LEN, "%u there, %u here", hello->cluster,
		    c->cluster);
		break;
	case HA_REFUSE_NOT_ME:
		snprintf(out, DETAIL_LEN, "%u %s, this is %u %s",
		    hello->responder, serial(hello->responder_serial).text,
		    c->self, serial_of(f, c->self).text);
		break;
	case HA_REFUSE_SERIAL:
		say_stranger(f, out);
		break;
	case HA_REFUSE_DIRECTION:
		snprintf(out, DETAIL_LEN, "%u there, %u here",
		    hello->initiator, c->self);
		break;
	case HA_REFUSE_LINK:
		snprintf(out, DETAIL_LEN, "this is %s", ha_link_name(c->link));
		break;
	case HA_REFUSE_KEY:
		say_key("that has",
		    c->members[hello->initiator - 1].public_keys[0], out);
		break;
	case HA_REFUSE_MY_KEY:
		say_key("ours is", own_key(f), out);
		break;
	case HA_REFUSE_NONE:
	case HA_REFUSE_PROTOCOL:
	case HA_REFUSE_SECRET:
	case HA_REFUSE_SEALED:
	case HA_REFUSE_MALFORMED:
	case HA_REFUSE_BUSY:
	case HA_REFUSE_STALE:
	case HA_REFUSE_UNABLE:
	case HA_REFUSE_DUPLICATE:
	case HA_REFUSE_MAX:
		break;
	}
}

/* The other end has refused: what it may have looked at. */
static void
say_heard(const struct ha_handshake_facts *f, enum ha_refusal reason,
    char out[static DETAIL_LEN])
{
	const struct ha_handshake_config *c = f->config;
	const struct ha_hello *hello = f->hello;

	if (reason == HA_REFUSE_PROTOCOL)
		say_versions(f, out);
	if (hello == NULL || !f->initiator)
		return;
	switch (reason) {
	case HA_REFUSE_CLUSTER:
		snprintf(out, DETAIL_LEN, "ours is %u", c->cluster);
		break;
	case HA_REFUSE_NOT_ME:
		snprintf(out, DETAIL_LEN, "%u %s", c->peer,
		    serial_of(f, c->peer).text);
		break;
	case HA_REFUSE_SERIAL:
		snprintf(out, DETAIL_LEN, "%u %s", c->self,
		    serial_of(f, c->self).text);
		break;
	case HA_REFUSE_KEY:
		say_key("it is", own_key(f), out);
		break;
	case HA_REFUSE_MY_KEY:
		say_key("that has", ha_handshake_find_key(
		    &c->members[c->peer - 1], hello->responder_key), out);
		break;
	case HA_REFUSE_NONE:
	case HA_REFUSE_PROTOCOL:
	case HA_REFUSE_DIRECTION:
	case HA_REFUSE_LINK:
	case HA_REFUSE_SECRET:
	case HA_REFUSE_SEALED:
	case HA_REFUSE_MALFORMED:
	case HA_REFUSE_BUSY:
	case HA_REFUSE_STALE:
	case HA_REFUSE_UNABLE:
	case HA_REFUSE_DUPLICATE:
	case HA_REFUSE_MAX:
		break;
	}
}

void
ha_handshake_explain(const struct ha_handshake *h, char *out, size_t size)
{
	struct ha_handshake_failure failure = ha_handshake_failure(h);
	struct ha_handshake_facts f = ha_handshake_facts(h);
	char detail[DETAIL_LEN] = "";

	if (failure.by_peer)
		say_heard(&f, failure.reason, detail);
	else
		say_seen(&f, failure.reason, detail);
	snprintf(out, size, "%s%s%s", failure.by_peer ?
	    ha_refusal_heard(failure.reason) :
	    ha_refusal_sentence(failure.reason),
	    detail[0] != '\0' ? ": " : "", detail);
}
