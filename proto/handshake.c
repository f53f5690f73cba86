/*
 * One struct for both roles; a step says what is waited for.  Input is cut
 * into the banner and into records, each record goes to the function of its
 * step, and that either moves on or refuses.
 *
 * What costs what: until mac1 verified, the other end has cost two hashes at
 * most (one for each secret that is valid).  Index, serial, link and key ids
 * are looked at before that, although nobody vouches for them yet: so that
 * who set up something wrong learns what it is.  The ids tell a stranger at
 * most which of them are right, and a stranger is one that sits at the address
 * of a member.
 *
 * What is bound: the prologue holds the banner and the hello, so both ends
 * know that they mean the same cluster, members, link, keys and versions, or
 * message 1 does not verify.  The banner's challenge makes each hello good
 * for one connection.
 *
 * Message 1 may still be the work of one who has stolen a member's key long
 * ago; only CONFIRM shows that the initiator is there now.  So the responder
 * is mute between message 2 and CONFIRM, and its caller does nothing before
 * GREETED.
 *
 * Invariants: FAILED has neither noise nor seal; GREETED and later have a
 * seal and a peer; nothing is put out after FAILED but the reason.
 */
#include "proto/handshake.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "config.h"
#include "proto/frame.h"
#include "proto/handshake_priv.h"
#include "proto/noise.h"
#include "proto/seal_priv.h"

#ifdef HA_FAST_REKEY
#define REKEY_EVERY 100
#else
#define REKEY_EVERY (UINT64_C(1) << 20)
#endif

#define PROTOCOL_NAME "Noise_KKpsk0_25519_ChaChaPoly_BLAKE2b"

#define FIRST_LEN    (HA_HELLO_LEN + HA_MAC1_LEN + HA_MESSAGE1_LEN)
#define PREFIX_LEN   (sizeof(PREFIX) - 1)
#define OUT_MAX      4096
#define PROLOGUE_LEN (PREFIX_LEN + HA_BANNER_LEN + HA_HELLO_LEN)

static const char PREFIX[] = "clusterd HA4";

enum step {
	WAIT_BANNER,   /* initiator */
	WAIT_HELLO,    /* responder */
	WAIT_MESSAGE2, /* initiator */
	WAIT_CONFIRM,  /* responder */
	WAIT_CALLER,   /* GREETED: accept or refuse */
	WAIT_READY,    /* initiator */
	DONE,
	FAILED,
};

struct ha_handshake {
	struct ha_handshake_config config;
	bool initiator;
	enum step step;
	struct ha_handshake_failure failure;

	uint8_t banner[HA_BANNER_LEN];
	size_t banner_have;
	uint8_t hello_bytes[HA_HELLO_LEN];
	struct ha_hello hello;
	bool hello_known;
	uint8_t peer_min; /* protocol versions; 0: not told */
	uint8_t peer_max;

	const uint8_t *secret; /* of config; NULL: not chosen yet */
	struct ha_noise *noise;
	struct ha_seal *seal;
	struct ha_greeting peer;

	struct ha_frame_reader reader;
	uint8_t in[HA_HANDSHAKE_MAX];
	uint8_t out[OUT_MAX];
	size_t out_len;
};

/* Output. */

static uint8_t *
out_room(struct ha_handshake *h, size_t len)
{
	HA_CHECK(len <= OUT_MAX - h->out_len);
	return h->out + h->out_len;
}

static void
put_banner(struct ha_handshake *h)
{
	struct ha_banner b = {
		.protocol_min = h->config.protocol_min,
		.protocol_max = h->config.protocol_max,
	};

	randombytes_buf(b.challenge, sizeof(b.challenge));
	ha_banner_encode(h->banner, &b);
	memcpy(out_room(h, HA_BANNER_LEN), h->banner, HA_BANNER_LEN);
	h->out_len += HA_BANNER_LEN;
}

/* Body of len bytes was written behind the room for its head. */
static void
put_head(struct ha_handshake *h, size_t len)
{
	ha_frame_put_head(out_room(h, HA_FRAME_HEAD + len), len);
	h->out_len += HA_FRAME_HEAD + len;
}

static int
put_sealed(struct ha_handshake *h, const uint8_t *plain, size_t len)
{
	int rc = ha_seal_seal(h->seal, out_room(h, HA_SEAL_SIZE(len)), plain,
	    len);

	if (rc == HA_OK)
		h->out_len += HA_SEAL_SIZE(len);
	return rc;
}

/* Failure. */

static void
drop_keys(struct ha_handshake *h)
{
	ha_noise_free(h->noise);
	ha_seal_free(h->seal);
	h->noise = NULL;
	h->seal = NULL;
}

static void
fail(struct ha_handshake *h, enum ha_refusal reason, bool by_peer)
{
	drop_keys(h);
	h->failure.reason = reason;
	h->failure.by_peer = by_peer;
	h->step = FAILED;
}

/* Say why, and fail; but say nothing between message 2 and CONFIRM. */
static void
refuse(struct ha_handshake *h, enum ha_refusal reason)
{
	if (h->step != WAIT_CONFIRM) {
		ha_refusal_encode(out_room(h, HA_REFUSAL_LEN), reason);
		h->out_len += HA_REFUSAL_LEN;
	}
	fail(h, reason, false);
}

/* Keys. */

static const struct ha_handshake_member *
member_of(const struct ha_handshake *h, uint8_t index)
{
	return &h->config.members[index - 1];
}

static uint8_t
peer_index(const struct ha_handshake *h)
{
	return h->initiator ? h->hello.responder : h->hello.initiator;
}

static void
compute_mac1(const struct ha_handshake *h, uint8_t out[static HA_MAC1_LEN],
    const uint8_t secret[static HA_KEY_LEN],
    const uint8_t message1[static HA_MESSAGE1_LEN])
{
	uint8_t key[HA_KEY_LEN];

	ha_secret_derive(key, secret, HA_SECRET_MAC1);
	ha_mac1(out, key, h->banner, h->hello_bytes, message1);
	sodium_memzero(key, sizeof(key));
}

/* The secret that mac1 was made with; NULL: none of ours. */
static const uint8_t *
find_secret(const struct ha_handshake *h,
    const uint8_t mac1[static HA_MAC1_LEN],
    const uint8_t message1[static HA_MESSAGE1_LEN])
{
	const struct ha_handshake_config *c = &h->config;
	uint8_t want[HA_MAC1_LEN];

	for (size_t i = 0; i < c->n_secrets; i++) {
		compute_mac1(h, want, c->secrets[i], message1);
		if (sodium_memcmp(want, mac1, sizeof(want)) == 0)
			return c->secrets[i];
	}
	return NULL;
}

static int
start_noise(struct ha_handshake *h, const struct ha_handshake_choice *chosen)
{
	uint8_t prologue[PROLOGUE_LEN];
	uint8_t psk[1][HA_KEY_LEN];
	struct ha_noise_setup setup = {
		.protocol = PROTOCOL_NAME,
		.initiator = h->initiator,
		.prologue = prologue,
		.prologue_len = sizeof(prologue),
		.own = chosen->own,
		.peer = chosen->peer,
		.psks = (const uint8_t(*)[HA_KEY_LEN])psk,
		.n_psks = 1,
	};
	uint8_t *at = prologue;
	int rc;

	memcpy(at, PREFIX, PREFIX_LEN);
	at += PREFIX_LEN;
	memcpy(at, h->banner, HA_BANNER_LEN);
	memcpy(at + HA_BANNER_LEN, h->hello_bytes, HA_HELLO_LEN);
	h->secret = chosen->secret;
	ha_secret_derive(psk[0], chosen->secret, HA_SECRET_PSK);
	rc = ha_noise_new(&setup, &h->noise);
	sodium_memzero(psk, sizeof(psk));
	return rc;
}

/* Both Noise messages are through: from here on there are records. */
static int
start_seal(struct ha_handshake *h)
{
	struct ha_cipher send;
	struct ha_cipher receive;

	ha_noise_split(h->noise, &send, &receive);
	h->seal = ha_seal_new(&send, &receive, REKEY_EVERY);
	sodium_memzero(&send, sizeof(send));
	sodium_memzero(&receive, sizeof(receive));
	ha_noise_free(h->noise);
	h->noise = NULL;
	return h->seal != NULL ? HA_OK : HA_ERR_NOMEM;
}

/* The initiator's steps. */

static void
make_hello(struct ha_handshake *h, uint8_t protocol,
    const struct ha_handshake_choice *chosen)
{
	const struct ha_handshake_config *c = &h->config;
	struct ha_hello *hello = &h->hello;

	hello->protocol = protocol;
	hello->link = c->link;
	hello->initiator = c->self;
	hello->responder = c->peer;
	hello->cluster = c->cluster;
	memcpy(hello->initiator_serial, member_of(h, c->self)->serial,
	    HA_SERIAL_LEN);
	memcpy(hello->responder_serial, member_of(h, c->peer)->serial,
	    HA_SERIAL_LEN);
	ha_key_id(hello->initiator_key, chosen->own->public_key);
	ha_key_id(hello->responder_key, chosen->peer);
	ha_hello_encode(h->hello_bytes, hello);
	h->hello_known = true;
}

static int
put_hello(struct ha_handshake *h, const struct ha_handshake_choice *chosen)
{
	uint8_t *hello = out_room(h, HA_FRAME_HEAD + FIRST_LEN) + HA_FRAME_HEAD;
	uint8_t *mac1 = hello + HA_HELLO_LEN;
	uint8_t message1[HA_NOISE_OVERHEAD];
	size_t len;
	int rc = ha_noise_write(h->noise, message1, NULL, 0, &len);

	if (rc != HA_OK)
		return rc;
	HA_CHECK(len == HA_MESSAGE1_LEN);
	memcpy(hello, h->hello_bytes, HA_HELLO_LEN);
	compute_mac1(h, mac1, chosen->secret, message1);
	memcpy(mac1 + HA_MAC1_LEN, message1, HA_MESSAGE1_LEN);
	put_head(h, FIRST_LEN);
	return HA_OK;
}

static void
got_banner(struct ha_handshake *h)
{
	const struct ha_handshake_config *c = &h->config;
	struct ha_handshake_choice chosen = ha_handshake_choose(c);
	struct ha_banner b;
	uint8_t protocol;

	if (ha_banner_decode(&b, h->banner) != HA_OK) {
		refuse(h, HA_REFUSE_MALFORMED);
		return;
	}
	h->peer_min = b.protocol_min;
	h->peer_max = b.protocol_max;
	protocol = ha_protocol_choose(b.protocol_min, b.protocol_max,
	    c->protocol_min, c->protocol_max);
	if (protocol == 0) {
		refuse(h, HA_REFUSE_PROTOCOL);
		return;
	}
	make_hello(h, protocol, &chosen);
	if (start_noise(h, &chosen) != HA_OK ||
	    put_hello(h, &chosen) != HA_OK) {
		refuse(h, HA_REFUSE_UNABLE);
		return;
	}
	h->reader.limit = HA_HANDSHAKE_MAX;
	h->step = WAIT_MESSAGE2;
}

static void
got_message2(struct ha_handshake *h, const uint8_t *body, size_t len)
{
	uint8_t payload[HA_HANDSHAKE_MAX];
	size_t payload_len;

	if (ha_noise_read(h->noise, payload, body, len, &payload_len) !=
	    HA_OK) {
		refuse(h, HA_REFUSE_SEALED);
	} else if (ha_greeting_decode(&h->peer, payload, payload_len) !=
	    HA_OK) {
		refuse(h, HA_REFUSE_MALFORMED);
	} else if (start_seal(h) != HA_OK) {
		refuse(h, HA_REFUSE_UNABLE);
	} else {
		h->step = WAIT_CALLER;
	}
}

static int
put_confirm(struct ha_handshake *h)
{
	uint8_t plain[HA_GREETING_MAX];
	size_t len;
	int rc = ha_greeting_encode(plain, &len, &h->config.greeting);

	return rc == HA_OK ? put_sealed(h, plain, len) : rc;
}

/* What READY may carry one day is not for this version. */
static void
got_ready(struct ha_handshake *h, uint8_t *body, size_t len)
{
	size_t ignored;

	if (ha_seal_open(h->seal, body, len, &ignored) != HA_OK)
		refuse(h, HA_REFUSE_SEALED);
	else
		h->step = DONE;
}

/* The responder's steps. */

/* What can be said of a hello before anybody vouches for it. */
static enum ha_refusal
judge_hello(const struct ha_handshake *h, struct ha_handshake_choice *chosen)
{
	const struct ha_handshake_config *c = &h->config;
	const struct ha_hello *hello = &h->hello;
	const struct ha_handshake_member *own = member_of(h, c->self);
	const struct ha_handshake_member *peer = member_of(h, hello->initiator);

	if (hello->cluster != c->cluster)
		return HA_REFUSE_CLUSTER;
	if (hello->responder != c->self ||
	    strcmp(hello->responder_serial, own->serial) != 0)
		return HA_REFUSE_NOT_ME;
	if (hello->link != c->link)
		return HA_REFUSE_LINK;
	if (hello->initiator >= c->self)
		return HA_REFUSE_DIRECTION;
	if (peer->n_keys == 0 ||
	    (c->peer != 0 && c->peer != hello->initiator) ||
	    strcmp(hello->initiator_serial, peer->serial) != 0)
		return HA_REFUSE_SERIAL;

	chosen->peer = ha_handshake_find_key(peer, hello->initiator_key);
	if (chosen->peer == NULL)
		return HA_REFUSE_KEY;
	chosen->own = ha_handshake_find_keypair(c, hello->responder_key);
	return chosen->own == NULL ? HA_REFUSE_MY_KEY : HA_REFUSE_NONE;
}

static int
put_message2(struct ha_handshake *h)
{
	uint8_t plain[HA_GREETING_MAX];
	size_t max = HA_FRAME_HEAD + HA_GREETING_MAX + HA_NOISE_OVERHEAD;
	uint8_t *body = out_room(h, max) + HA_FRAME_HEAD;
	size_t len;
	int rc = ha_greeting_encode(plain, &len, &h->config.greeting);

	if (rc == HA_OK)
		rc = ha_noise_write(h->noise, body, plain, len, &len);
	if (rc == HA_OK)
		put_head(h, len);
	return rc;
}

static enum ha_refusal
read_first(struct ha_handshake *h, const uint8_t *body, size_t len)
{
	const struct ha_handshake_config *c = &h->config;
	const uint8_t *mac1 = body + HA_HELLO_LEN;
	const uint8_t *message1 = mac1 + HA_MAC1_LEN;
	struct ha_handshake_choice chosen = { NULL, NULL, NULL };
	uint8_t nothing[HA_MESSAGE1_LEN];
	enum ha_refusal reason;
	size_t nothing_len;

	/* Of another version nothing but the first byte is known. */
	h->peer_min = h->peer_max = body[0];
	if (body[0] < c->protocol_min || body[0] > c->protocol_max)
		return HA_REFUSE_PROTOCOL;
	if (len != FIRST_LEN || ha_hello_decode(&h->hello, body) != HA_OK)
		return HA_REFUSE_MALFORMED;
	memcpy(h->hello_bytes, body, HA_HELLO_LEN);
	h->hello_known = true;

	reason = judge_hello(h, &chosen);
	if (reason != HA_REFUSE_NONE)
		return reason;
	chosen.secret = find_secret(h, mac1, message1);
	if (chosen.secret == NULL)
		return HA_REFUSE_SECRET;
	if (start_noise(h, &chosen) != HA_OK)
		return HA_REFUSE_UNABLE;
	if (ha_noise_read(h->noise, nothing, message1, HA_MESSAGE1_LEN,
	        &nothing_len) != HA_OK)
		return HA_REFUSE_SEALED;
	return HA_REFUSE_NONE;
}

static void
got_first(struct ha_handshake *h, const uint8_t *body, size_t len)
{
	enum ha_refusal reason = read_first(h, body, len);

	if (reason != HA_REFUSE_NONE) {
		refuse(h, reason);
		return;
	}
	if (put_message2(h) != HA_OK || start_seal(h) != HA_OK) {
		refuse(h, HA_REFUSE_UNABLE);
		return;
	}
	h->reader.limit = HA_HANDSHAKE_MAX;
	h->step = WAIT_CONFIRM;
}

static void
got_confirm(struct ha_handshake *h, uint8_t *body, size_t len)
{
	size_t plain_len;

	if (ha_seal_open(h->seal, body, len, &plain_len) != HA_OK)
		refuse(h, HA_REFUSE_SEALED);
	else if (ha_greeting_decode(&h->peer, body, plain_len) != HA_OK)
		refuse(h, HA_REFUSE_MALFORMED);
	else
		h->step = WAIT_CALLER;
}

/* Input. */

static void
got_record(struct ha_handshake *h)
{
	size_t len;
	uint8_t *body = ha_frame_body(&h->reader, &len);

	if (len == HA_REFUSAL_LEN - HA_FRAME_HEAD) {
		fail(h, (enum ha_refusal)body[0], true);
		return;
	}
	switch (h->step) {
	case WAIT_BANNER:
		refuse(h, HA_REFUSE_MALFORMED);
		break;
	case WAIT_HELLO:
		got_first(h, body, len);
		break;
	case WAIT_MESSAGE2:
		got_message2(h, body, len);
		break;
	case WAIT_CONFIRM:
		got_confirm(h, body, len);
		break;
	case WAIT_READY:
		got_ready(h, body, len);
		break;
	case WAIT_CALLER:
	case DONE:
	case FAILED:
		break; /* wants_input() keeps them away */
	}
}

static size_t
take_record(struct ha_handshake *h, const uint8_t *data, size_t len)
{
	size_t used;
	int rc = ha_frame_feed(&h->reader, data, len, &used);

	if (rc == HA_OK) {
		got_record(h);
		ha_frame_next(&h->reader);
	} else if (rc != HA_ERR_SHORT) {
		refuse(h, HA_REFUSE_MALFORMED);
	}
	return used;
}

static size_t
take_banner(struct ha_handshake *h, const uint8_t *data, size_t len)
{
	size_t n = HA_BANNER_LEN - h->banner_have;

	if (n > len)
		n = len;
	memcpy(h->banner + h->banner_have, data, n);
	h->banner_have += n;
	if (h->banner_have == HA_BANNER_LEN)
		got_banner(h);
	return n;
}

/* A responder that refuses at once sends its reason instead of a banner. */
static bool
banner_comes(const struct ha_handshake *h, uint8_t next)
{
	return h->step == WAIT_BANNER && h->reader.have == 0 &&
	    (h->banner_have > 0 || ha_banner_begins(next));
}

static bool
wants_input(const struct ha_handshake *h)
{
	return h->step != WAIT_CALLER && h->step != DONE && h->step != FAILED;
}

size_t
ha_handshake_input(struct ha_handshake *h, const uint8_t *data, size_t len)
{
	size_t used = 0;

	while (used < len && wants_input(h)) {
		if (banner_comes(h, data[used]))
			used += take_banner(h, data + used, len - used);
		else
			used += take_record(h, data + used, len - used);
	}
	return used;
}

const uint8_t *
ha_handshake_output(struct ha_handshake *h, size_t *len)
{
	*len = h->out_len;
	h->out_len = 0;
	return h->out;
}

/* Life and death. */

static int
new_handshake(const struct ha_handshake_config *config, bool initiator,
    struct ha_handshake **out)
{
	struct ha_handshake *h;

	if (!ha_handshake_config_valid(config, initiator))
		return HA_ERR_INVAL;
	h = sodium_malloc(sizeof(*h));
	if (h == NULL)
		return HA_ERR_NOMEM;
	memset(h, 0, sizeof(*h));
	h->config = *config;
	h->initiator = initiator;
	h->step = initiator ? WAIT_BANNER : WAIT_HELLO;
	ha_frame_init(&h->reader, h->in, HA_HANDSHAKE_FIRST_MAX);
	if (!initiator)
		put_banner(h);
	*out = h;
	return HA_OK;
}

int
ha_handshake_new_initiator(const struct ha_handshake_config *config,
    struct ha_handshake **out)
{
	return new_handshake(config, true, out);
}

int
ha_handshake_new_responder(const struct ha_handshake_config *config,
    struct ha_handshake **out)
{
	return new_handshake(config, false, out);
}

void
ha_handshake_free(struct ha_handshake *h)
{
	if (h == NULL)
		return;
	drop_keys(h);
	sodium_free(h);
}

/* The caller's part. */

void
ha_handshake_set_seen(struct ha_handshake *h, uint64_t boot_seen)
{
	HA_CHECK(h->step == WAIT_CALLER);
	h->config.greeting.boot_seen = boot_seen;
}

void
ha_handshake_accept(struct ha_handshake *h)
{
	int rc;

	HA_CHECK(h->step == WAIT_CALLER);
	rc = h->initiator ? put_confirm(h) : put_sealed(h, NULL, 0);
	HA_CHECK(rc == HA_OK);
	h->step = h->initiator ? WAIT_READY : DONE;
}

void
ha_handshake_refuse(struct ha_handshake *h, enum ha_refusal reason)
{
	HA_CHECK(h->step != DONE);
	if (h->step != FAILED)
		refuse(h, reason);
}

struct ha_seal *
ha_handshake_finish(struct ha_handshake *h)
{
	struct ha_seal *s = h->seal;

	HA_CHECK(h->step == DONE && s != NULL);
	h->seal = NULL;
	return s;
}

/* Questions. */

enum ha_handshake_state
ha_handshake_state(const struct ha_handshake *h)
{
	switch (h->step) {
	case WAIT_CALLER:
		return HA_HANDSHAKE_GREETED;
	case DONE:
		return HA_HANDSHAKE_DONE;
	case FAILED:
		return HA_HANDSHAKE_FAILED;
	case WAIT_BANNER:
	case WAIT_HELLO:
	case WAIT_MESSAGE2:
	case WAIT_CONFIRM:
	case WAIT_READY:
		break;
	}
	return HA_HANDSHAKE_RUNNING;
}

static bool
peer_known(const struct ha_handshake *h)
{
	return h->step == WAIT_CALLER || h->step == WAIT_READY ||
	    h->step == DONE;
}

uint8_t
ha_handshake_peer_index(const struct ha_handshake *h)
{
	return peer_known(h) ? peer_index(h) : 0;
}

const uint8_t *
ha_handshake_own_key(const struct ha_handshake *h)
{
	if (!peer_known(h))
		return NULL;
	return h->initiator ? h->hello.initiator_key : h->hello.responder_key;
}

const uint8_t *
ha_handshake_peer_key(const struct ha_handshake *h)
{
	if (!peer_known(h))
		return NULL;
	return h->initiator ? h->hello.responder_key : h->hello.initiator_key;
}

static bool
has_secret(const struct ha_handshake_config *c,
    const uint8_t secret[static HA_KEY_LEN])
{
	bool found = false;

	for (size_t i = 0; i < c->n_secrets; i++)
		found |= sodium_memcmp(c->secrets[i], secret, HA_KEY_LEN) == 0;
	return found;
}

bool
ha_handshake_agrees(const struct ha_handshake *h,
    const struct ha_handshake_config *config)
{
	HA_CHECK(peer_known(h));
	return has_secret(config, h->secret) &&
	    ha_handshake_find_keypair(config, ha_handshake_own_key(h)) !=
	    NULL &&
	    ha_handshake_has_key(&config->members[peer_index(h) - 1],
	        ha_handshake_peer_key(h));
}

const struct ha_greeting *
ha_handshake_peer(const struct ha_handshake *h)
{
	return peer_known(h) ? &h->peer : NULL;
}

const struct ha_hello *
ha_handshake_claim(const struct ha_handshake *h)
{
	return h->hello_known ? &h->hello : NULL;
}

struct ha_handshake_facts
ha_handshake_facts(const struct ha_handshake *h)
{
	return (struct ha_handshake_facts){ .config = &h->config,
		.hello = ha_handshake_claim(h), .initiator = h->initiator,
		.peer_min = h->peer_min, .peer_max = h->peer_max };
}

struct ha_handshake_failure
ha_handshake_failure(const struct ha_handshake *h)
{
	return h->failure;
}
