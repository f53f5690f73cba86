/*
 * The public vectors of the suite in both roles, and what they don't test:
 * that a message which was tampered with fails and leaves no trace.
 */
#include <check.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cipher.h"
#include "proto/keys.h"
#include "proto/noise.h"
#include "proto/noise_priv.h"

#define VECTORS     14
#define TEXT_MAX    512
#define KKPSK0_ROW  0
#define XX_ROW      9
#define NAME_KKPSK0 "Noise_KKpsk0_25519_ChaChaPoly_BLAKE2b"

struct bytes {
	uint8_t data[TEXT_MAX];
	size_t len;
};

/* One end as a vector describes it, and its object. */
struct end {
	struct bytes prologue;
	struct ha_keypair own;
	uint8_t peer[HA_KEY_LEN];
	bool peer_known;
	uint8_t psks[HA_NOISE_PSKS_MAX][HA_KEY_LEN];
	size_t n_psks;
	uint8_t ephemeral[HA_KEY_LEN];
	struct ha_noise *noise;
	struct ha_cipher send;
	struct ha_cipher receive;
};

static json_t *root;
static struct end ends[2]; /* initiator, responder */

static const json_t *
vector(int row)
{
	const json_t *v = json_array_get(json_object_get(root, "vectors"),
	    (size_t)row);

	ck_assert_ptr_nonnull(v);
	return v;
}

static const char *
text_of(const json_t *v, const char *key)
{
	return json_string_value(json_object_get(v, key));
}

static struct bytes
unhex(const char *hex)
{
	struct bytes b = { .len = 0 };

	ck_assert_ptr_nonnull(hex);
	ck_assert_int_eq(sodium_hex2bin(b.data, sizeof(b.data), hex,
	    strlen(hex), NULL, &b.len, NULL), 0);
	return b;
}

static void
key_of(uint8_t out[static HA_KEY_LEN], const char *hex)
{
	struct bytes b = unhex(hex);

	ck_assert_uint_eq(b.len, HA_KEY_LEN);
	memcpy(out, b.data, HA_KEY_LEN);
}

static const char *
field(const json_t *v, bool initiator, const char *name)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_%s", initiator ? "init" : "resp", name);
	return text_of(v, key);
}

static void
read_end(struct end *e, const json_t *v, bool initiator)
{
	const json_t *psks = json_object_get(v,
	    initiator ? "init_psks" : "resp_psks");
	const char *peer = field(v, initiator, "remote_static");
	uint8_t private_key[HA_KEY_LEN];

	memset(e, 0, sizeof(*e));
	e->prologue = unhex(field(v, initiator, "prologue"));
	key_of(private_key, field(v, initiator, "static"));
	ck_assert_int_eq(ha_keypair_from_private(&e->own, private_key), 0);
	key_of(e->ephemeral, field(v, initiator, "ephemeral"));
	e->peer_known = peer != NULL;
	if (e->peer_known)
		key_of(e->peer, peer);
	e->n_psks = json_array_size(psks);
	ck_assert_uint_le(e->n_psks, HA_NOISE_PSKS_MAX);
	for (size_t i = 0; i < e->n_psks; i++)
		key_of(e->psks[i], json_string_value(json_array_get(psks, i)));
}

static int
start_end(struct end *e, const char *protocol, bool initiator)
{
	struct ha_noise_setup setup = {
		.protocol = protocol,
		.initiator = initiator,
		.prologue = e->prologue.data,
		.prologue_len = e->prologue.len,
		.own = &e->own,
		.peer = e->peer_known ? e->peer : NULL,
		.psks = (const uint8_t(*)[HA_KEY_LEN])e->psks,
		.n_psks = e->n_psks,
	};
	int rc = ha_noise_new(&setup, &e->noise);

	if (rc == HA_OK)
		ha_noise_set_ephemeral(e->noise, e->ephemeral);
	return rc;
}

static void
start(int row)
{
	const json_t *v = vector(row);

	for (int i = 0; i < 2; i++) {
		read_end(&ends[i], v, i == 0);
		ck_assert_int_eq(start_end(&ends[i],
		    text_of(v, "protocol_name"), i == 0), HA_OK);
	}
}

static void
teardown(void)
{
	for (int i = 0; i < 2; i++)
		ha_noise_free(ends[i].noise);
	memset(ends, 0, sizeof(ends));
}

static struct bytes
write_message(struct end *e, const struct bytes *payload)
{
	struct bytes out = { .len = 0 };

	ck_assert_int_eq(ha_noise_write(e->noise, out.data, payload->data,
	    payload->len, &out.len), HA_OK);
	return out;
}

static int
read_message(struct end *e, const struct bytes *message, struct bytes *payload)
{
	return ha_noise_read(e->noise, payload->data, message->data,
	    message->len, &payload->len);
}

static void
expect_same(const struct bytes *got, const struct bytes *want)
{
	ck_assert_uint_eq(got->len, want->len);
	ck_assert_mem_eq(got->data, want->data, want->len);
}

static void
replay_handshake(struct end *from, struct end *to, const struct bytes *payload,
    const struct bytes *want)
{
	struct bytes sent = write_message(from, payload);
	struct bytes got = { .len = 0 };

	expect_same(&sent, want);
	ck_assert_int_eq(read_message(to, want, &got), HA_OK);
	expect_same(&got, payload);
}

static void
replay_transport(struct end *from, struct end *to, const struct bytes *payload,
    const struct bytes *want)
{
	struct bytes sent = { .len = payload->len + HA_CIPHER_TAG };
	struct bytes got = { .len = payload->len };
	struct ha_cipher_ad none = { NULL, 0 };

	ck_assert_int_eq(ha_cipher_encrypt(&from->send, sent.data, none,
	    payload->data, payload->len), HA_OK);
	expect_same(&sent, want);
	ck_assert_int_eq(ha_cipher_decrypt(&to->receive, got.data, none,
	    want->data, want->len), HA_OK);
	expect_same(&got, payload);
}

static void
finish_end(struct end *e, const char *hash_hex)
{
	uint8_t hash[HA_NOISE_HASH_LEN];

	ck_assert(ha_noise_done(e->noise));
	ha_noise_split(e->noise, &e->send, &e->receive);
	ha_noise_hash(e->noise, hash);
	if (hash_hex != NULL)
		ck_assert_mem_eq(hash, unhex(hash_hex).data, sizeof(hash));
}

START_TEST(every_vector_comes_out_the_same_in_both_roles)
{
	const json_t *v = vector(_i);
	const json_t *message;
	bool in_handshake = true;
	size_t i;

	start(_i);
	json_array_foreach (json_object_get(v, "messages"), i, message) {
		struct bytes payload = unhex(text_of(message, "payload"));
		struct bytes want = unhex(text_of(message, "ciphertext"));
		struct end *from = &ends[i % 2];
		struct end *to = &ends[1 - i % 2];

		if (in_handshake)
			replay_handshake(from, to, &payload, &want);
		else
			replay_transport(from, to, &payload, &want);
		if (in_handshake && ha_noise_done(from->noise)) {
			finish_end(from, text_of(v, "handshake_hash"));
			finish_end(to, text_of(v, "handshake_hash"));
			in_handshake = false;
		}
	}
	ck_assert(!in_handshake);
	ck_assert_uint_ge(i, 4);
}
END_TEST

START_TEST(all_vectors_are_there)
{
	ck_assert_uint_eq(json_array_size(json_object_get(root, "vectors")),
	    VECTORS);
	ck_assert_str_eq(text_of(vector(KKPSK0_ROW), "protocol_name"),
	    NAME_KKPSK0);
	ck_assert_str_eq(text_of(vector(XX_ROW), "protocol_name"),
	    "Noise_XX_25519_ChaChaPoly_BLAKE2b");
}
END_TEST

/* Feed every message that is one bit or some bytes off, then the true one. */
static void
assault(struct end *to, const struct bytes *message,
    const struct bytes *payload)
{
	struct bytes got = { .len = 0 };

	for (size_t bit = 0; bit < message->len * 8; bit++) {
		struct bytes bad = *message;

		bad.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(read_message(to, &bad, &got) == HA_ERR_AUTH,
		    "bit %zu was not noticed", bit);
	}
	for (size_t len = 0; len < message->len; len++) {
		struct bytes bad = *message;

		bad.len = len;
		ck_assert_msg(read_message(to, &bad, &got) == HA_ERR_AUTH,
		    "cut at %zu was not noticed", len);
	}
	ck_assert_int_eq(read_message(to, message, &got), HA_OK);
	expect_same(&got, payload);
}

START_TEST(a_changed_message_fails_and_the_true_one_still_works)
{
	struct bytes payload = { "to be guarded", 13 };
	struct bytes message;

	start(KKPSK0_ROW);
	message = write_message(&ends[0], &payload);
	assault(&ends[1], &message, &payload);
	message = write_message(&ends[1], &payload);
	assault(&ends[0], &message, &payload);
	finish_end(&ends[0], NULL);
	finish_end(&ends[1], NULL);
	ck_assert_mem_eq(ends[0].send.key, ends[1].receive.key, HA_KEY_LEN);
	ck_assert_mem_eq(ends[1].send.key, ends[0].receive.key, HA_KEY_LEN);
	ck_assert_mem_ne(ends[0].send.key, ends[0].receive.key, HA_KEY_LEN);
}
END_TEST

/* XX takes any first message, so that the agreement is all that can fail. */
START_TEST(an_ephemeral_key_of_small_order_is_refused)
{
	struct bytes message = { .len = HA_KEY_LEN };
	struct bytes got;
	size_t len;

	start(XX_ROW);
	ck_assert_int_eq(read_message(&ends[1], &message, &got), HA_OK);
	ck_assert_int_eq(ha_noise_write(ends[1].noise, message.data, NULL, 0,
	    &len), HA_ERR_AUTH);
}
END_TEST

enum difference {
	OTHER_PSK,
	OTHER_PROLOGUE,
	LONGER_PROLOGUE,
	OTHER_STATIC,
	OTHER_PEER,
};

static const struct {
	const char *why;
	enum difference what;
} differences[] = {
	{ "another pre-shared key", OTHER_PSK },
	{ "another prologue", OTHER_PROLOGUE },
	{ "a longer prologue", LONGER_PROLOGUE },
	{ "another static key of its own", OTHER_STATIC },
	{ "another static key of the peer", OTHER_PEER },
};

static void
make_different(struct end *e, enum difference what)
{
	struct ha_keypair stranger;

	ha_keypair_generate(&stranger);
	switch (what) {
	case OTHER_PSK:
		e->psks[0][31] ^= 1;
		break;
	case OTHER_PROLOGUE:
		e->prologue.data[0] ^= 1;
		break;
	case LONGER_PROLOGUE:
		e->prologue.len++;
		break;
	case OTHER_STATIC:
		e->own = stranger;
		break;
	case OTHER_PEER:
		memcpy(e->peer, stranger.public_key, HA_KEY_LEN);
		break;
	}
}

START_TEST(ends_that_differ_do_not_understand_each_other)
{
	struct bytes payload = { .len = 0 };
	struct bytes message;
	struct bytes got;

	start(KKPSK0_ROW);
	ha_noise_free(ends[1].noise);
	make_different(&ends[1], differences[_i].what);
	ck_assert_int_eq(start_end(&ends[1], NAME_KKPSK0, false), HA_OK);

	message = write_message(&ends[0], &payload);
	ck_assert_msg(read_message(&ends[1], &message, &got) == HA_ERR_AUTH,
	    "case: %s", differences[_i].why);
}
END_TEST

static const struct {
	const char *why;
	const char *name;
	int want;
} names[] = {
	{ "the product's", NAME_KKPSK0, HA_OK },
	{ "one psk too many in the name",
	    "Noise_KKpsk0+psk2_25519_ChaChaPoly_BLAKE2b", HA_ERR_INVAL },
	{ "no psk in the name", "Noise_KK_25519_ChaChaPoly_BLAKE2b",
	    HA_ERR_INVAL },
	{ "another suite", "Noise_KKpsk0_25519_AESGCM_BLAKE2b",
	    HA_ERR_UNSUPPORTED },
	{ "another pattern", "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2b",
	    HA_ERR_UNSUPPORTED },
	{ "a modifier behind the last message",
	    "Noise_KKpsk3_25519_ChaChaPoly_BLAKE2b", HA_ERR_UNSUPPORTED },
	{ "a modifier that is none", "Noise_KKhfs_25519_ChaChaPoly_BLAKE2b",
	    HA_ERR_UNSUPPORTED },
	{ "a list that goes on", "Noise_KKpsk0+_25519_ChaChaPoly_BLAKE2b",
	    HA_ERR_UNSUPPORTED },
	{ "three psks",
	    "Noise_KKpsk0+psk1+psk2_25519_ChaChaPoly_BLAKE2b",
	    HA_ERR_UNSUPPORTED },
	{ "nothing", "", HA_ERR_UNSUPPORTED },
};

START_TEST(a_name_is_taken_only_as_a_whole)
{
	start(KKPSK0_ROW);
	ha_noise_free(ends[0].noise);
	ends[0].noise = NULL;
	ck_assert_msg(start_end(&ends[0], names[_i].name, true) ==
	    names[_i].want, "case: %s", names[_i].why);
}
END_TEST

START_TEST(two_handshakes_of_the_same_ends_share_no_key)
{
	struct bytes payload = { .len = 0 };
	struct bytes messages[2];

	for (int round = 0; round < 2; round++) {
		struct ha_noise_setup setup = { .protocol = NAME_KKPSK0,
			.initiator = true, .n_psks = 1 };

		read_end(&ends[0], vector(KKPSK0_ROW), true);
		setup.own = &ends[0].own;
		setup.peer = ends[0].peer;
		setup.psks = (const uint8_t(*)[HA_KEY_LEN])ends[0].psks;
		ck_assert_int_eq(ha_noise_new(&setup, &ends[0].noise), HA_OK);
		messages[round] = write_message(&ends[0], &payload);
		ha_noise_free(ends[0].noise);
		ends[0].noise = NULL;
	}
	ck_assert_mem_ne(messages[0].data, messages[1].data, HA_KEY_LEN);
}
END_TEST

/* Noise, 4.2, spelled out: 32 zeros under the highest nonce. */
START_TEST(a_rekey_is_the_one_of_the_framework)
{
	static const uint8_t nonce[12] = { 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff };
	static const uint8_t zeros[HA_KEY_LEN];
	struct ha_cipher c = { .n = 7 };
	uint8_t want[HA_KEY_LEN + HA_CIPHER_TAG];

	randombytes_buf(c.key, sizeof(c.key));
	crypto_aead_chacha20poly1305_ietf_encrypt(want, NULL, zeros,
	    sizeof(zeros), NULL, 0, NULL, nonce, c.key);
	ha_cipher_rekey(&c);
	ck_assert_mem_eq(c.key, want, HA_KEY_LEN);
	ck_assert_uint_eq(c.n, 7);
}
END_TEST

START_TEST(the_last_nonce_is_never_used_for_a_message)
{
	struct ha_cipher c = { .n = UINT64_MAX - 1 };
	struct ha_cipher_ad none = { NULL, 0 };
	uint8_t text[HA_CIPHER_TAG];

	ck_assert_int_eq(ha_cipher_encrypt(&c, text, none, NULL, 0), HA_OK);
	ck_assert_int_eq(ha_cipher_encrypt(&c, text, none, NULL, 0),
	    HA_ERR_FULL);
	ck_assert_int_eq(ha_cipher_decrypt(&c, text, none, text,
	    sizeof(text)), HA_ERR_FULL);
}
END_TEST

static Suite *
noise_suite(void)
{
	Suite *s = suite_create("noise");
	TCase *tc = tcase_create("framework");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, all_vectors_are_there);
	tcase_add_loop_test(tc, every_vector_comes_out_the_same_in_both_roles,
	    0, VECTORS);
	tcase_add_test(tc,
	    a_changed_message_fails_and_the_true_one_still_works);
	tcase_add_test(tc, an_ephemeral_key_of_small_order_is_refused);
	tcase_add_loop_test(tc, ends_that_differ_do_not_understand_each_other,
	    0, (int)(sizeof(differences) / sizeof(differences[0])));
	tcase_add_loop_test(tc, a_name_is_taken_only_as_a_whole, 0,
	    (int)(sizeof(names) / sizeof(names[0])));
	tcase_add_test(tc, two_handshakes_of_the_same_ends_share_no_key);
	tcase_add_test(tc, a_rekey_is_the_one_of_the_framework);
	tcase_add_test(tc, the_last_nonce_is_never_used_for_a_message);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	SRunner *sr;
	int failed;

	snprintf(path, sizeof(path), "%s/tests/vectors/noise-vectors.json",
	    top != NULL ? top : ".");
	root = json_load_file(path, 0, NULL);
	if (root == NULL || ha_keys_init() != HA_OK) {
		fprintf(stderr, "can't read %s\n", path);
		return EXIT_FAILURE;
	}

	sr = srunner_create(noise_suite());
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	json_decref(root);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
