/*
 * The framework's three layers, bottom up: the symmetric state (a chaining
 * key, a running hash and a cipher), tokens that feed it, and patterns, which
 * are lists of tokens.  A message is a walk over its tokens and then its
 * payload; what differs between the two roles is only which keys a token
 * names.
 *
 * All that a message changes is in struct progress.  A message works on a
 * copy, which takes the place of the original when everything went well: a
 * forged message leaves no trace, not even a half mixed key.
 *
 * HKDF is built on HMAC-BLAKE2b with a block of 128 bytes, as the framework
 * wants it; BLAKE2b's own keyed mode is something else.  libsodium has no
 * such HMAC, so it is made here from two hashes.
 */
#include "proto/noise.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "proto/noise_priv.h"

#define HASH_LEN     HA_NOISE_HASH_LEN
#define BLOCK_LEN    128
#define MESSAGES_MAX 3
#define TOKENS_MAX   6 /* of a message: four, and psks before and behind */

enum token {
	END,
	E,
	S,
	EE,
	ES,
	SE,
	SS,
	PSK,
};

enum known {
	NO_KEY = 0,
	INITIATOR_KEY = 1 << 0,
	RESPONDER_KEY = 1 << 1,
};

/* Who knows whose static key beforehand, and what the messages carry. */
static const struct pattern {
	char name[3];
	uint8_t known; /* enum known */
	uint8_t n_messages;
	uint8_t messages[MESSAGES_MAX][TOKENS_MAX]; /* enum token */
} PATTERNS[] = {
	{ "KK", INITIATOR_KEY | RESPONDER_KEY, 2,
	    { { E, ES, SS }, { E, EE, SE } } },
	{ "IK", RESPONDER_KEY, 2, { { E, ES, S, SS }, { E, EE, SE } } },
	{ "XX", NO_KEY, 3, { { E }, { E, EE, S, ES }, { S, SE } } },
	{ "XK", RESPONDER_KEY, 3, { { E, ES }, { E, EE }, { S, SE } } },
};

static const char PREFIX[] = "Noise_";
static const char SUITE[] = "_25519_ChaChaPoly_BLAKE2b";

struct symmetric {
	uint8_t chaining_key[HASH_LEN];
	uint8_t hash[HASH_LEN];
	struct ha_cipher cipher;
	bool keyed; /* the cipher has a key */
};

struct progress {
	struct symmetric sym;
	struct ha_keypair ephemeral;
	uint8_t peer_ephemeral[HA_KEY_LEN];
	uint8_t peer_static[HA_KEY_LEN];
	uint8_t messages_done;
	uint8_t psks_used;
};

struct ha_noise {
	struct pattern pattern;
	bool initiator;
	bool ephemeral_set;
	uint8_t n_psks;
	uint8_t psks[HA_NOISE_PSKS_MAX][HA_KEY_LEN];
	struct ha_keypair own;
	struct progress now;
	struct progress trial; /* wiped between messages */
};

/* Symmetric state. */

static void
hash_two(uint8_t out[static HASH_LEN], const uint8_t *a, size_t a_len,
    const uint8_t *b, size_t b_len)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, HASH_LEN);
	crypto_generichash_update(&st, a, a_len);
	crypto_generichash_update(&st, b, b_len);
	crypto_generichash_final(&st, out, HASH_LEN);
	sodium_memzero(&st, sizeof(st));
}

static void
hmac(uint8_t out[static HASH_LEN], const uint8_t key[static HASH_LEN],
    const uint8_t *data, size_t len)
{
	uint8_t inner[BLOCK_LEN];
	uint8_t outer[BLOCK_LEN];
	uint8_t digest[HASH_LEN];

	memset(inner, 0x36, sizeof(inner));
	memset(outer, 0x5c, sizeof(outer));
	for (size_t i = 0; i < HASH_LEN; i++) {
		inner[i] ^= key[i];
		outer[i] ^= key[i];
	}
	hash_two(digest, inner, sizeof(inner), data, len);
	hash_two(out, outer, sizeof(outer), digest, sizeof(digest));

	sodium_memzero(inner, sizeof(inner));
	sodium_memzero(outer, sizeof(outer));
	sodium_memzero(digest, sizeof(digest));
}

/* Fill out[0] to out[n - 1], n at most 3. */
static void
hkdf(uint8_t (*out)[HASH_LEN], size_t n,
    const uint8_t chaining_key[static HASH_LEN], const uint8_t *input,
    size_t len)
{
	uint8_t temp[HASH_LEN];
	uint8_t block[HASH_LEN + 1]; /* the output before, and a count */
	size_t before = 0;

	hmac(temp, chaining_key, input, len);
	for (size_t i = 0; i < n; i++) {
		block[before] = (uint8_t)(i + 1);
		hmac(out[i], temp, block, before + 1);
		memcpy(block, out[i], HASH_LEN);
		before = HASH_LEN;
	}
	sodium_memzero(temp, sizeof(temp));
	sodium_memzero(block, sizeof(block));
}

static void
mix_hash(struct symmetric *sym, const uint8_t *data, size_t len)
{
	hash_two(sym->hash, sym->hash, sizeof(sym->hash), data, len);
}

static void
set_key(struct symmetric *sym, const uint8_t key[static HA_KEY_LEN])
{
	memcpy(sym->cipher.key, key, HA_KEY_LEN);
	sym->cipher.n = 0;
	sym->keyed = true;
}

static void
mix_key(struct symmetric *sym, const uint8_t key[static HA_KEY_LEN])
{
	uint8_t out[2][HASH_LEN];

	hkdf(out, 2, sym->chaining_key, key, HA_KEY_LEN);
	memcpy(sym->chaining_key, out[0], HASH_LEN);
	set_key(sym, out[1]);
	sodium_memzero(out, sizeof(out));
}

static void
mix_key_and_hash(struct symmetric *sym, const uint8_t psk[static HA_KEY_LEN])
{
	uint8_t out[3][HASH_LEN];

	hkdf(out, 3, sym->chaining_key, psk, HA_KEY_LEN);
	memcpy(sym->chaining_key, out[0], HASH_LEN);
	mix_hash(sym, out[1], HASH_LEN);
	set_key(sym, out[2]);
	sodium_memzero(out, sizeof(out));
}

static size_t
tag_len(const struct symmetric *sym)
{
	return sym->keyed ? HA_CIPHER_TAG : 0;
}

/* Write len + tag_len() bytes. */
static int
encrypt_and_hash(struct symmetric *sym, uint8_t *out, const uint8_t *plain,
    size_t len)
{
	struct ha_cipher_ad ad = { sym->hash, sizeof(sym->hash) };
	size_t tag = tag_len(sym);
	int rc = HA_OK;

	if (sym->keyed)
		rc = ha_cipher_encrypt(&sym->cipher, out, ad, plain, len);
	else if (len > 0)
		memmove(out, plain, len);
	if (rc == HA_OK)
		mix_hash(sym, out, len + tag);
	return rc;
}

/* Write len - tag_len() bytes. */
static int
decrypt_and_hash(struct symmetric *sym, uint8_t *out, const uint8_t *in,
    size_t len)
{
	struct ha_cipher_ad ad = { sym->hash, sizeof(sym->hash) };
	int rc = HA_OK;

	if (sym->keyed)
		rc = ha_cipher_decrypt(&sym->cipher, out, ad, in, len);
	else if (len > 0)
		memmove(out, in, len);
	if (rc == HA_OK)
		mix_hash(sym, in, len);
	return rc;
}

/* Tokens. */

/* Bytes of a message: still to be read, or written so far. */
struct cursor {
	const uint8_t *in; /* reading */
	size_t left;
	uint8_t *out; /* writing */
	size_t len;
};

static int
write_key(struct symmetric *sym, struct cursor *at,
    const uint8_t key[static HA_KEY_LEN])
{
	size_t len = HA_KEY_LEN + tag_len(sym);
	int rc = encrypt_and_hash(sym, at->out + at->len, key, HA_KEY_LEN);

	if (rc == HA_OK)
		at->len += len;
	return rc;
}

static int
read_key(struct symmetric *sym, struct cursor *at,
    uint8_t key[static HA_KEY_LEN])
{
	size_t len = HA_KEY_LEN + tag_len(sym);
	int rc;

	if (at->left < len)
		return HA_ERR_AUTH;
	rc = decrypt_and_hash(sym, key, at->in, len);
	at->in += len;
	at->left -= len;
	return rc;
}

/* The ephemeral key travels in clear, whether there is a key or not. */
static void
write_ephemeral(const struct ha_noise *n, struct progress *p,
    struct cursor *at)
{
	uint8_t *out = at->out + at->len;

	if (!n->ephemeral_set)
		ha_keypair_generate(&p->ephemeral);
	memcpy(out, p->ephemeral.public_key, HA_KEY_LEN);
	mix_hash(&p->sym, out, HA_KEY_LEN);
	if (n->n_psks > 0)
		mix_key(&p->sym, out);
	at->len += HA_KEY_LEN;
}

static int
read_ephemeral(const struct ha_noise *n, struct progress *p,
    struct cursor *at)
{
	if (at->left < HA_KEY_LEN)
		return HA_ERR_AUTH;
	memcpy(p->peer_ephemeral, at->in, HA_KEY_LEN);
	mix_hash(&p->sym, at->in, HA_KEY_LEN);
	if (n->n_psks > 0)
		mix_key(&p->sym, at->in);
	at->in += HA_KEY_LEN;
	at->left -= HA_KEY_LEN;
	return HA_OK;
}

static int
mix_dh(struct symmetric *sym, const struct ha_keypair *own,
    const uint8_t peer[static HA_KEY_LEN])
{
	uint8_t shared[crypto_scalarmult_BYTES];
	int rc = crypto_scalarmult(shared, own->private_key, peer);

	if (rc == 0)
		mix_key(sym, shared);
	sodium_memzero(shared, sizeof(shared));
	return rc == 0 ? HA_OK : HA_ERR_AUTH;
}

/* In a token of two letters the first names the initiator's key. */
static int
mix_pair(const struct ha_noise *n, struct progress *p, bool initiator_static,
    bool responder_static)
{
	bool own_static = n->initiator ? initiator_static : responder_static;
	bool peer_static = n->initiator ? responder_static : initiator_static;

	return mix_dh(&p->sym, own_static ? &n->own : &p->ephemeral,
	    peer_static ? p->peer_static : p->peer_ephemeral);
}

static int
run_token(const struct ha_noise *n, struct progress *p, struct cursor *at,
    enum token t)
{
	bool writing = at->out != NULL;

	switch (t) {
	case END:
		return HA_OK;
	case E:
		if (!writing)
			return read_ephemeral(n, p, at);
		write_ephemeral(n, p, at);
		return HA_OK;
	case S:
		return writing ? write_key(&p->sym, at, n->own.public_key)
		               : read_key(&p->sym, at, p->peer_static);
	case EE:
		return mix_pair(n, p, false, false);
	case ES:
		return mix_pair(n, p, false, true);
	case SE:
		return mix_pair(n, p, true, false);
	case SS:
		return mix_pair(n, p, true, true);
	case PSK:
		mix_key_and_hash(&p->sym, n->psks[p->psks_used++]);
		return HA_OK;
	}
	return HA_ERR_INVAL;
}

static int
run_tokens(const struct ha_noise *n, struct progress *p, struct cursor *at)
{
	const uint8_t *tokens = n->pattern.messages[p->messages_done];
	int rc = HA_OK;

	for (size_t i = 0; rc == HA_OK && i < TOKENS_MAX; i++)
		rc = run_token(n, p, at, (enum token)tokens[i]);
	return rc;
}

/* Patterns. */

static bool
is_our_turn(const struct ha_noise *n)
{
	return (n->now.messages_done % 2 == 0) == n->initiator;
}

/* psk0 stands before the first message, psk1 behind it, psk2 behind the
 * second, and so on. */
static bool
add_psk(struct pattern *p, unsigned int place)
{
	uint8_t *tokens = p->messages[place == 0 ? 0 : place - 1];
	size_t n = 0;

	if (place > p->n_messages)
		return false;
	while (n < TOKENS_MAX && tokens[n] != END)
		n++;
	if (n == TOKENS_MAX)
		return false;
	if (place == 0)
		memmove(tokens + 1, tokens, n);
	tokens[place == 0 ? 0 : n] = PSK;
	return true;
}

/* "psk0+psk2" and the like, len bytes of it. */
static int
add_psks(struct ha_noise *n, const char *text, size_t len)
{
	while (len > 0) {
		if (len < 4 || memcmp(text, "psk", 3) != 0 || text[3] < '0' ||
		    n->n_psks == HA_NOISE_PSKS_MAX ||
		    !add_psk(&n->pattern, (unsigned int)(text[3] - '0')))
			return HA_ERR_UNSUPPORTED;
		n->n_psks++;
		text += 4;
		len -= 4;
		if (len == 0)
			return HA_OK;
		if (*text != '+' || len == 1)
			return HA_ERR_UNSUPPORTED;
		text++;
		len--;
	}
	return HA_OK;
}

static int
parse_protocol(struct ha_noise *n, const char *name)
{
	size_t len = strlen(name);
	size_t around = strlen(PREFIX) + 2 + strlen(SUITE);

	if (len < around || len > HASH_LEN ||
	    memcmp(name, PREFIX, strlen(PREFIX)) != 0 ||
	    strcmp(name + len - strlen(SUITE), SUITE) != 0)
		return HA_ERR_UNSUPPORTED;

	name += strlen(PREFIX);
	for (size_t i = 0; i < sizeof(PATTERNS) / sizeof(PATTERNS[0]); i++) {
		if (memcmp(name, PATTERNS[i].name, 2) == 0) {
			n->pattern = PATTERNS[i];
			return add_psks(n, name + 2, len - around);
		}
	}
	return HA_ERR_UNSUPPORTED;
}

static int
copy_keys(struct ha_noise *n, const struct ha_noise_setup *setup)
{
	uint8_t peer_key = setup->initiator ? RESPONDER_KEY : INITIATOR_KEY;
	bool peer_known = (n->pattern.known & peer_key) != 0;

	if (setup->own == NULL || setup->n_psks != n->n_psks ||
	    peer_known != (setup->peer != NULL))
		return HA_ERR_INVAL;
	n->initiator = setup->initiator;
	n->own = *setup->own;
	for (size_t i = 0; i < n->n_psks; i++)
		memcpy(n->psks[i], setup->psks[i], HA_KEY_LEN);
	if (peer_known)
		memcpy(n->now.peer_static, setup->peer, HA_KEY_LEN);
	return HA_OK;
}

/* The protocol's name, the prologue, and the keys known beforehand. */
static void
start_hash(struct ha_noise *n, const struct ha_noise_setup *setup)
{
	struct symmetric *sym = &n->now.sym;
	const uint8_t *own = n->own.public_key;
	const uint8_t *peer = n->now.peer_static;

	memcpy(sym->hash, setup->protocol, strlen(setup->protocol));
	memcpy(sym->chaining_key, sym->hash, sizeof(sym->chaining_key));
	mix_hash(sym, setup->prologue, setup->prologue_len);
	if (n->pattern.known & INITIATOR_KEY)
		mix_hash(sym, n->initiator ? own : peer, HA_KEY_LEN);
	if (n->pattern.known & RESPONDER_KEY)
		mix_hash(sym, n->initiator ? peer : own, HA_KEY_LEN);
}

int
ha_noise_new(const struct ha_noise_setup *setup, struct ha_noise **out)
{
	struct ha_noise *n = sodium_malloc(sizeof(*n));
	int rc;

	if (n == NULL)
		return HA_ERR_NOMEM;
	memset(n, 0, sizeof(*n));

	rc = parse_protocol(n, setup->protocol);
	if (rc == HA_OK)
		rc = copy_keys(n, setup);
	if (rc != HA_OK)
		goto fail;
	start_hash(n, setup);
	*out = n;
	return HA_OK;

fail:
	ha_noise_free(n);
	return rc;
}

void
ha_noise_free(struct ha_noise *n)
{
	sodium_free(n); /* wipes; NULL is allowed */
}

void
ha_noise_set_ephemeral(struct ha_noise *n,
    const uint8_t private_key[static HA_KEY_LEN])
{
	int rc = ha_keypair_from_private(&n->now.ephemeral, private_key);

	HA_CHECK(rc == HA_OK);
	n->ephemeral_set = true;
}

/* Keep what the trial has become, or forget it. */
static int
end_trial(struct ha_noise *n, int rc)
{
	if (rc == HA_OK) {
		n->now = n->trial;
		n->now.messages_done++;
	}
	sodium_memzero(&n->trial, sizeof(n->trial));
	return rc;
}

int
ha_noise_write(struct ha_noise *n, uint8_t *out, const uint8_t *payload,
    size_t payload_len, size_t *out_len)
{
	struct cursor at = { .out = out };
	struct symmetric *sym = &n->trial.sym;
	int rc;

	HA_CHECK(!ha_noise_done(n) && is_our_turn(n));
	if (payload_len > HA_NOISE_PAYLOAD_MAX)
		return HA_ERR_INVAL;

	n->trial = n->now;
	rc = run_tokens(n, &n->trial, &at);
	if (rc == HA_OK) {
		at.len += payload_len + tag_len(sym);
		rc = encrypt_and_hash(sym, out + at.len - payload_len -
		    tag_len(sym), payload, payload_len);
	}
	rc = end_trial(n, rc);
	if (rc == HA_OK)
		*out_len = at.len;
	return rc;
}

int
ha_noise_read(struct ha_noise *n, uint8_t *payload, const uint8_t *message,
    size_t len, size_t *payload_len)
{
	struct cursor at = { .in = message, .left = len };
	struct symmetric *sym = &n->trial.sym;
	size_t tag = 0;
	int rc;

	HA_CHECK(!ha_noise_done(n) && !is_our_turn(n));
	if (len > HA_NOISE_MESSAGE_MAX)
		return HA_ERR_AUTH;

	n->trial = n->now;
	rc = run_tokens(n, &n->trial, &at);
	if (rc == HA_OK) {
		tag = tag_len(sym);
		rc = at.left < tag ? HA_ERR_AUTH
		    : decrypt_and_hash(sym, payload, at.in, at.left);
	}
	rc = end_trial(n, rc);
	if (rc == HA_OK)
		*payload_len = at.left - tag;
	return rc;
}

bool
ha_noise_done(const struct ha_noise *n)
{
	return n->now.messages_done == n->pattern.n_messages;
}

void
ha_noise_split(const struct ha_noise *n, struct ha_cipher *send,
    struct ha_cipher *receive)
{
	uint8_t out[2][HASH_LEN];
	size_t mine = n->initiator ? 0 : 1;

	HA_CHECK(ha_noise_done(n));
	hkdf(out, 2, n->now.sym.chaining_key, NULL, 0);
	memcpy(send->key, out[mine], HA_KEY_LEN);
	memcpy(receive->key, out[1 - mine], HA_KEY_LEN);
	send->n = 0;
	receive->n = 0;
	sodium_memzero(out, sizeof(out));
}

void
ha_noise_hash(const struct ha_noise *n, uint8_t out[static HA_NOISE_HASH_LEN])
{
	HA_CHECK(ha_noise_done(n));
	memcpy(out, n->now.sym.hash, HA_NOISE_HASH_LEN);
}
