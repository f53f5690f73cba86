/*
 * Two ends in one process: member 1 dials, member 2 answers.  Each test takes
 * the messages in its own hands and so can lose, change and repeat them.
 *
 * The linker puts the two functions below in front of libsodium's, so that a
 * test can say how many key agreements a message has cost.
 */
#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/frame.h"
#include "proto/handshake.h"
#include "proto/keys.h"

#define DIALLER  1
#define ANSWERER 2

/* Places in the initiator's first block. */
#define HELLO_AT    HA_FRAME_HEAD
#define MAC1_AT     (HELLO_AT + HA_HELLO_LEN)
#define MESSAGE1_AT (MAC1_AT + HA_MAC1_LEN)
#define FIRST_LEN   (MESSAGE1_AT + HA_MESSAGE1_LEN)

int __wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n,
    const unsigned char *p);
int __real_crypto_scalarmult(unsigned char *q, const unsigned char *n,
    const unsigned char *p);
int __wrap_crypto_scalarmult_base(unsigned char *q, const unsigned char *n);
int __real_crypto_scalarmult_base(unsigned char *q, const unsigned char *n);

static unsigned int agreements;

int
__wrap_crypto_scalarmult(unsigned char *q, const unsigned char *n,
    const unsigned char *p)
{
	agreements++;
	return __real_crypto_scalarmult(q, n, p);
}

int
__wrap_crypto_scalarmult_base(unsigned char *q, const unsigned char *n)
{
	agreements++;
	return __real_crypto_scalarmult_base(q, n);
}

/* What one end has sent. */
struct wire {
	uint8_t data[4096];
	size_t len;
};

enum message {
	BANNER,
	FIRST, /* hello, mac1, message 1 */
	MESSAGE2,
	CONFIRM,
	READY,
	MESSAGES,
};

static struct ha_handshake_config config_a;
static struct ha_handshake_config config_b;
static struct ha_keypair pairs_a[HA_KEYS_MAX];
static struct ha_keypair pairs_b[HA_KEYS_MAX];
static uint8_t secrets[HA_KEYS_MAX][HA_KEY_LEN];
static struct ha_handshake *a; /* the initiator */
static struct ha_handshake *b;

static void
set_member(struct ha_handshake_config *c, uint8_t index, const char *serial,
    const struct ha_keypair *pair)
{
	struct ha_handshake_member *m = &c->members[index - 1];

	memset(m, 0, sizeof(*m));
	strcpy(m->serial, serial);
	m->n_keys = 1;
	memcpy(m->public_keys[0], pair->public_key, HA_KEY_LEN);
}

static void
set_greeting(struct ha_greeting *g, const char *version)
{
	memset(g, 0, sizeof(*g));
	randombytes_buf(g->boot_id, sizeof(g->boot_id));
	g->boot_counter = 41;
	g->boot_seen = 17;
	g->state = HA_STATE_ACTIVE;
	strcpy(g->version, version);
	strcpy(g->zones[0], "internal");
	strcpy(g->zones[1], "dmz");
	g->n_zones = 2;
	randombytes_buf(g->cluster_digest, sizeof(g->cluster_digest));
}

static void
set_config(struct ha_handshake_config *c, uint8_t self,
    const struct ha_keypair *own)
{
	memset(c, 0, sizeof(*c));
	c->cluster = 7;
	c->link = HA_LINK_HA4_BACKUP;
	c->self = self;
	c->protocol_min = HA_PROTOCOL_MIN;
	c->protocol_max = HA_PROTOCOL_MAX;
	c->n_secrets = 1;
	memcpy(c->secrets[0], secrets[0], HA_KEY_LEN);
	c->n_keypairs = 1;
	c->keypairs[0] = *own;
	set_member(c, DIALLER, "FW-A", &pairs_a[0]);
	set_member(c, ANSWERER, "FW-B", &pairs_b[0]);
}

static void
setup(void)
{
	for (int i = 0; i < HA_KEYS_MAX; i++) {
		ha_keypair_generate(&pairs_a[i]);
		ha_keypair_generate(&pairs_b[i]);
		ha_secret_generate(secrets[i]);
	}
	set_config(&config_a, DIALLER, &pairs_a[0]);
	set_config(&config_b, ANSWERER, &pairs_b[0]);
	config_a.peer = ANSWERER;
	set_greeting(&config_a.greeting, "1.2.3");
	set_greeting(&config_b.greeting, "1.3.0");
	config_a.greeting.generation = 99;
}

static void
hang_up(void)
{
	ha_handshake_free(a);
	ha_handshake_free(b);
	a = NULL;
	b = NULL;
}

static void
connect_ends(void)
{
	hang_up();
	ck_assert_int_eq(ha_handshake_new_initiator(&config_a, &a), HA_OK);
	ck_assert_int_eq(ha_handshake_new_responder(&config_b, &b), HA_OK);
}

static struct ha_handshake *
sender(enum message m)
{
	return m == FIRST || m == CONFIRM ? a : b;
}

static struct ha_handshake *
receiver(enum message m)
{
	return sender(m) == a ? b : a;
}

static enum ha_handshake_state
state(const struct ha_handshake *h)
{
	return ha_handshake_state(h);
}

static struct wire
sent_by(struct ha_handshake *h)
{
	struct wire w;
	const uint8_t *data = ha_handshake_output(h, &w.len);

	ck_assert_uint_le(w.len, sizeof(w.data));
	memcpy(w.data, data, w.len);
	return w;
}

/* The message as it is sent: the caller's part is done where it is due. */
static struct wire
send_message(enum message m)
{
	if (m == CONFIRM || m == READY)
		ha_handshake_accept(sender(m));
	return sent_by(sender(m));
}

static size_t
deliver(enum message m, const struct wire *w)
{
	return ha_handshake_input(receiver(m), w->data, w->len);
}

/* Everything before m goes its way. */
static void
run_until(enum message m)
{
	connect_ends();
	for (int i = BANNER; i < (int)m; i++) {
		struct wire w = send_message((enum message)i);

		ck_assert_uint_gt(w.len, 0);
		ck_assert_uint_eq(deliver((enum message)i, &w), w.len);
	}
}

/* After a message that was tampered with: bytes go to and fro as long as
 * there are any. */
static void
let_run(void)
{
	for (int i = 0; i < 8; i++) {
		struct wire from_a = sent_by(a);
		struct wire from_b = sent_by(b);

		(void)!ha_handshake_input(b, from_a.data, from_a.len);
		(void)!ha_handshake_input(a, from_b.data, from_b.len);
	}
}

/* Did a message get its receiver further? */
static bool
convinced(enum message m)
{
	switch (m) {
	case BANNER:
	case FIRST:
	case MESSAGE2:
		return state(a) == HA_HANDSHAKE_GREETED;
	case CONFIRM:
		return state(b) == HA_HANDSHAKE_GREETED;
	case READY:
		return state(a) == HA_HANDSHAKE_DONE;
	case MESSAGES:
		break;
	}
	return false;
}

static void
expect_failure(const struct ha_handshake *h, enum ha_refusal reason,
    bool by_peer)
{
	struct ha_handshake_failure f = ha_handshake_failure(h);

	ck_assert_int_eq(state(h), HA_HANDSHAKE_FAILED);
	ck_assert_str_eq(ha_refusal_name(f.reason), ha_refusal_name(reason));
	ck_assert_int_eq(f.by_peer, by_peer);
	ck_assert_ptr_null(ha_handshake_peer(h));
	ck_assert_uint_eq(ha_handshake_peer_index(h), 0);
}

/* The whole way. */

static void
expect_talk(struct ha_seal *from, struct ha_seal *to)
{
	uint8_t record[HA_SEAL_SIZE(5)];
	size_t len;

	ck_assert_int_eq(ha_seal_seal(from, record, (const uint8_t *)"hello",
	    5), HA_OK);
	ck_assert_int_eq(ha_seal_open(to, record + HA_FRAME_HEAD,
	    sizeof(record) - HA_FRAME_HEAD, &len), HA_OK);
	ck_assert_uint_eq(len, 5);
	ck_assert_mem_eq(record + HA_FRAME_HEAD, "hello", 5);
}

START_TEST(two_members_that_agree_get_a_seal_each)
{
	struct ha_seal *seal_a;
	struct ha_seal *seal_b;

	run_until(MESSAGES);
	ck_assert_int_eq(state(a), HA_HANDSHAKE_DONE);
	ck_assert_int_eq(state(b), HA_HANDSHAKE_DONE);
	seal_a = ha_handshake_finish(a);
	seal_b = ha_handshake_finish(b);
	expect_talk(seal_a, seal_b);
	expect_talk(seal_b, seal_a);
	ha_seal_free(seal_a);
	ha_seal_free(seal_b);
}
END_TEST

START_TEST(each_end_learns_who_the_other_is)
{
	run_until(MESSAGES);
	ck_assert_uint_eq(ha_handshake_peer_index(a), ANSWERER);
	ck_assert_uint_eq(ha_handshake_peer_index(b), DIALLER);
	ck_assert_mem_eq(ha_handshake_peer(a), &config_b.greeting,
	    sizeof(struct ha_greeting));
	ck_assert_mem_eq(ha_handshake_peer(b), &config_a.greeting,
	    sizeof(struct ha_greeting));
	ck_assert_str_eq(ha_handshake_claim(b)->initiator_serial, "FW-A");
	ck_assert_uint_eq(ha_handshake_claim(a)->protocol, 1);
}
END_TEST

START_TEST(nobody_is_known_before_its_proof)
{
	for (int m = BANNER; m <= CONFIRM; m++) {
		run_until((enum message)m);
		ck_assert_ptr_null(ha_handshake_peer(b));
		ck_assert_uint_eq(ha_handshake_peer_index(b), 0);
		if (m <= MESSAGE2)
			ck_assert_ptr_null(ha_handshake_peer(a));
	}
}
END_TEST

START_TEST(bytes_may_come_one_by_one)
{
	connect_ends();
	for (int i = BANNER; i < MESSAGES; i++) {
		struct wire w = send_message((enum message)i);

		for (size_t k = 0; k < w.len; k++)
			ck_assert_uint_eq(ha_handshake_input(
			    receiver((enum message)i), w.data + k, 1), 1);
	}
	ck_assert_int_eq(state(a), HA_HANDSHAKE_DONE);
	ck_assert_int_eq(state(b), HA_HANDSHAKE_DONE);
}
END_TEST

START_TEST(what_follows_ready_is_left_for_the_seal)
{
	struct wire w;
	struct ha_seal *seal_b;
	size_t ready_len;

	run_until(READY);
	w = send_message(READY);
	ready_len = w.len;
	seal_b = ha_handshake_finish(b);
	ck_assert_int_eq(ha_seal_seal(seal_b, w.data + w.len,
	    (const uint8_t *)"first", 5), HA_OK);
	w.len += HA_SEAL_SIZE(5);
	ck_assert_uint_eq(deliver(READY, &w), ready_len);
	ck_assert_int_eq(state(a), HA_HANDSHAKE_DONE);
	ha_seal_free(seal_b);
}
END_TEST

START_TEST(what_follows_message_2_waits_for_the_caller)
{
	struct wire w;
	size_t len;

	run_until(MESSAGE2);
	w = send_message(MESSAGE2);
	len = w.len;
	w.len += 20;
	memset(w.data + len, 0x55, 20);
	ck_assert_uint_eq(deliver(MESSAGE2, &w), len);
	ck_assert_int_eq(state(a), HA_HANDSHAKE_GREETED);
	ck_assert_uint_eq(ha_handshake_input(a, w.data + len, 20), 0);
}
END_TEST

START_TEST(the_first_block_has_the_size_that_is_documented)
{
	run_until(FIRST);
	ck_assert_uint_eq(send_message(FIRST).len, FIRST_LEN);
}
END_TEST

/* Tampering: _i is a message. */

START_TEST(any_flipped_bit_of_a_message_stops_the_handshake)
{
	enum message m = (enum message)_i;
	size_t bits = 8;

	for (size_t bit = 0; bit < bits; bit++) {
		struct wire w;

		run_until(m);
		w = send_message(m);
		bits = 8 * w.len;
		w.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		(void)!deliver(m, &w);
		let_run();
		ck_assert_msg(!convinced(m), "bit %zu was not noticed", bit);
		if (m < READY)
			ck_assert_ptr_null(ha_handshake_peer(b));
	}
}
END_TEST

START_TEST(a_message_that_stops_short_is_waited_for)
{
	enum message m = (enum message)_i;
	struct wire w;
	size_t out_len;

	run_until(m);
	w = send_message(m);
	for (size_t k = 0; k + 1 < w.len; k++) {
		ck_assert_uint_eq(ha_handshake_input(receiver(m), w.data + k,
		    1), 1);
		ck_assert_int_eq(state(receiver(m)), HA_HANDSHAKE_RUNNING);
		(void)ha_handshake_output(receiver(m), &out_len);
		ck_assert_uint_eq(out_len, 0);
	}
	ck_assert(!convinced(m));
}
END_TEST

/* The record says of itself that it is shorter: it lacks its end. */
START_TEST(a_record_that_was_cut_stops_the_handshake)
{
	enum message m = (enum message)_i;
	size_t body_max = 2;

	for (size_t body = 1; body < body_max; body++) {
		struct wire w;

		run_until(m);
		w = send_message(m);
		body_max = w.len - HA_FRAME_HEAD;
		w.len = HA_FRAME_HEAD + body;
		ha_put_u16(w.data, (uint16_t)body);
		(void)!deliver(m, &w);
		ck_assert_int_eq(state(receiver(m)), HA_HANDSHAKE_FAILED);
		ck_assert(!convinced(m));
	}
}
END_TEST

START_TEST(the_responder_is_mute_until_it_is_convinced)
{
	struct wire w;

	run_until(CONFIRM);
	ck_assert_uint_eq(sent_by(b).len, 0);
	w = send_message(CONFIRM);
	w.data[w.len - 1] ^= 1;
	(void)!deliver(CONFIRM, &w);
	expect_failure(b, HA_REFUSE_SEALED, false);
	ck_assert_uint_eq(sent_by(b).len, 0);
}
END_TEST

/* Strangers. */

START_TEST(a_replayed_hello_costs_no_key_agreement)
{
	struct wire recorded;

	run_until(FIRST);
	recorded = send_message(FIRST);
	connect_ends();
	agreements = 0;
	(void)!deliver(FIRST, &recorded);
	expect_failure(b, HA_REFUSE_SECRET, false);
	ck_assert_uint_eq(agreements, 0);
}
END_TEST

/* Both ends would take version 1 as well as 2. */
static void
offer_two_versions(void)
{
	config_a.protocol_max = 2;
	config_b.protocol_max = 2;
}

START_TEST(a_changed_hello_costs_no_key_agreement)
{
	struct wire w;

	offer_two_versions();
	run_until(FIRST);
	w = send_message(FIRST);
	w.data[HELLO_AT] = 1;
	agreements = 0;
	(void)!deliver(FIRST, &w);
	expect_failure(b, HA_REFUSE_SECRET, false);
	ck_assert_uint_eq(agreements, 0);
}
END_TEST

START_TEST(a_changed_message_1_costs_no_key_agreement)
{
	for (size_t at = MESSAGE1_AT; at < FIRST_LEN; at++) {
		struct wire w;

		run_until(FIRST);
		w = send_message(FIRST);
		w.data[at] ^= 1;
		agreements = 0;
		(void)!deliver(FIRST, &w);
		expect_failure(b, HA_REFUSE_SECRET, false);
		ck_assert_uint_eq(agreements, 0);
	}
}
END_TEST

/* What a member could do to two others: it has the secret for mac1, but not
 * their keys. */
static void
forge_mac1(struct wire *first, const struct wire *banner)
{
	uint8_t key[HA_KEY_LEN];

	ha_secret_derive(key, secrets[0], HA_SECRET_MAC1);
	ha_mac1(first->data + MAC1_AT, key, banner->data,
	    first->data + HELLO_AT, first->data + MESSAGE1_AT);
}

START_TEST(a_third_member_cant_change_a_hello)
{
	struct wire banner;
	struct wire w;

	offer_two_versions();
	connect_ends();
	banner = send_message(BANNER);
	(void)!deliver(BANNER, &banner);
	w = send_message(FIRST);
	w.data[HELLO_AT] = 1;
	forge_mac1(&w, &banner);
	(void)!deliver(FIRST, &w);
	expect_failure(b, HA_REFUSE_SEALED, false);
}
END_TEST

START_TEST(a_third_member_cant_lower_the_version_by_the_banner)
{
	struct wire banner;
	struct wire lower;
	struct wire w;

	offer_two_versions();
	connect_ends();
	banner = send_message(BANNER);
	lower = banner;
	lower.data[5] = 1; /* the maximum */
	(void)!deliver(BANNER, &lower);
	w = send_message(FIRST);
	ck_assert_uint_eq(w.data[HELLO_AT], 1);
	forge_mac1(&w, &banner);
	(void)!deliver(FIRST, &w);
	expect_failure(b, HA_REFUSE_SEALED, false);
}
END_TEST

START_TEST(the_true_hello_does_cost_some)
{
	struct wire w;

	run_until(FIRST);
	w = send_message(FIRST);
	agreements = 0;
	(void)!deliver(FIRST, &w);
	ck_assert_uint_gt(agreements, 0);
}
END_TEST

START_TEST(junk_costs_no_key_agreement)
{
	for (int round = 0; round < 1000; round++) {
		struct wire w = { .len = FIRST_LEN };

		connect_ends();
		randombytes_buf(w.data, w.len);
		if (round % 2 == 0)
			ha_put_u16(w.data, FIRST_LEN - HA_FRAME_HEAD);
		agreements = 0;
		(void)!deliver(FIRST, &w);
		ck_assert_int_ne(state(b), HA_HANDSHAKE_GREETED);
		ck_assert_uint_eq(agreements, 0);
	}
}
END_TEST

START_TEST(a_confirm_of_another_connection_does_not_convince)
{
	struct wire recorded;

	run_until(CONFIRM);
	recorded = send_message(CONFIRM);
	run_until(CONFIRM);
	(void)!deliver(CONFIRM, &recorded);
	expect_failure(b, HA_REFUSE_SEALED, false);
}
END_TEST

static const struct {
	const char *why;
	enum message wait; /* the receiver of this one */
	uint16_t len;
	bool taken;
} limits[] = {
	{ "first, largest", FIRST, HA_HANDSHAKE_FIRST_MAX, true },
	{ "first, too large", FIRST, HA_HANDSHAKE_FIRST_MAX + 1, false },
	{ "instead of a banner, too large", BANNER,
	    HA_HANDSHAKE_FIRST_MAX + 1, false },
	{ "CONFIRM, largest", CONFIRM, HA_HANDSHAKE_MAX, true },
	{ "CONFIRM, too large", CONFIRM, HA_HANDSHAKE_MAX + 1, false },
	{ "message 2, largest", MESSAGE2, HA_HANDSHAKE_MAX, true },
	{ "message 2, too large", MESSAGE2, HA_HANDSHAKE_MAX + 1, false },
	{ "READY, too large", READY, HA_FRAME_MAX, false },
	{ "empty", FIRST, 0, false },
};

START_TEST(a_record_above_its_limit_is_refused_by_its_length)
{
	struct wire w = { .len = HA_FRAME_HEAD };

	run_until(limits[_i].wait);
	if (limits[_i].wait == READY)
		(void)send_message(READY);
	ha_put_u16(w.data, limits[_i].len);
	(void)!deliver(limits[_i].wait, &w);
	ck_assert_msg((state(receiver(limits[_i].wait)) ==
	    HA_HANDSHAKE_RUNNING) == limits[_i].taken, "case: %s",
	    limits[_i].why);
	if (!limits[_i].taken)
		expect_failure(receiver(limits[_i].wait), HA_REFUSE_MALFORMED,
		    false);
}
END_TEST

/* Mismatches. */

static void
other_cluster(void)
{
	config_a.cluster = 8;
}

static void
other_secret(void)
{
	memcpy(config_a.secrets[0], secrets[1], HA_KEY_LEN);
}

static void
other_own_key(void)
{
	config_a.keypairs[0] = pairs_a[1];
}

static void
other_peer_key(void)
{
	set_member(&config_a, ANSWERER, "FW-B", &pairs_b[1]);
}

static void
false_private_key(void)
{
	memcpy(config_a.keypairs[0].private_key, pairs_a[1].private_key,
	    HA_KEY_LEN);
}

static void
other_initiator_serial(void)
{
	set_member(&config_a, DIALLER, "FW\"X", &pairs_a[0]);
}

static void
initiator_not_in_file(void)
{
	memset(&config_b.members[DIALLER - 1], 0,
	    sizeof(struct ha_handshake_member));
}

static void
other_responder_serial(void)
{
	set_member(&config_a, ANSWERER, "FW-X", &pairs_b[0]);
}

static void
other_responder_index(void)
{
	set_member(&config_a, 3, "FW-B", &pairs_b[0]);
	config_a.peer = 3;
}

static void
other_link(void)
{
	config_a.link = HA_LINK_HA4;
}

/* Member 3 answers, and expects member 2 from that address. */
static void
other_member_at_address(void)
{
	other_responder_index();
	config_b.self = 3;
	set_member(&config_b, 3, "FW-B", &pairs_b[0]);
	config_b.peer = ANSWERER;
}

/* What each end says; "KEY-A1" is base64 of the second key of member 1. */
static const struct {
	const char *why;
	void (*make)(void);
	enum ha_refusal reason;
	const char *here;  /* the end of the sentence at the responder */
	const char *there; /* at the initiator */
} mismatches[] = {
	{ "another cluster id", other_cluster, HA_REFUSE_CLUSTER,
	    "cluster id: 8 there, 7 here", "not ours: ours is 8" },
	{ "another secret", other_secret, HA_REFUSE_SECRET,
	    "another cluster secret, or somebody replays it",
	    "our cluster secret is not its own" },
	{ "a key of its own that nobody knows", other_own_key,
	    HA_REFUSE_KEY, "not in our cluster file: that has KEY-A0",
	    "not in its cluster file: it is KEY-A1" },
	{ "another key of the responder", other_peer_key, HA_REFUSE_MY_KEY,
	    "that is not ours: ours is KEY-B0",
	    "not as our file has it: that has KEY-B1" },
	{ "a public key without its private one", false_private_key,
	    HA_REFUSE_SEALED, "or changed on the way",
	    "a message of ours does not verify" },
	{ "another serial of its own", other_initiator_serial,
	    HA_REFUSE_SERIAL, "has them: 1 FW?X, where 1 is FW-A",
	    "its file has them: 1 FW?X" },
	{ "an index that is not in the file", initiator_not_in_file,
	    HA_REFUSE_SERIAL, "our cluster file has them: 1 FW-A",
	    "its file has them: 1 FW-A" },
	{ "another serial of the responder", other_responder_serial,
	    HA_REFUSE_NOT_ME, "or serial: 2 FW-X, this is 2 FW-B",
	    "that we took it for: 2 FW-X" },
	{ "another index of the responder", other_responder_index,
	    HA_REFUSE_NOT_ME, "or serial: 3 FW-B, this is 2 FW-B",
	    "that we took it for: 3 FW-B" },
	{ "the other link", other_link, HA_REFUSE_LINK,
	    "the other link: this is ha4-backup",
	    "the other link's address or port" },
	{ "another member at this address", other_member_at_address,
	    HA_REFUSE_SERIAL,
	    "has them: 1 FW-A, where 1 is FW-A, at the address of FW-B",
	    "its file has them: 1 FW-A" },
};

static const uint8_t *
key_named(const char *name)
{
	int n = name[5] - '0';

	return name[4] == 'A' ? pairs_a[n].public_key : pairs_b[n].public_key;
}

static void
expect_words(struct ha_handshake *h, const char *end)
{
	char text[HA_HANDSHAKE_TEXT_LEN], want[HA_HANDSHAKE_TEXT_LEN];
	char *key;
	size_t at;

	strcpy(want, end);
	key = strstr(want, "KEY-");
	if (key != NULL)
		ha_key_to_text(key, key_named(key));
	ha_handshake_explain(h, text, sizeof(text));
	at = strlen(text) < strlen(want) ? 0 : strlen(text) - strlen(want);
	ck_assert_str_eq(text + at, want);
}

START_TEST(a_mismatch_has_its_own_reason_at_both_ends)
{
	ck_assert_str_ne(mismatches[_i].why, "");
	mismatches[_i].make();
	connect_ends();
	let_run();
	expect_failure(b, mismatches[_i].reason, false);
	expect_failure(a, mismatches[_i].reason, true);
}
END_TEST

START_TEST(each_end_says_what_it_sees)
{
	mismatches[_i].make();
	connect_ends();
	let_run();
	expect_words(b, mismatches[_i].here);
	expect_words(a, mismatches[_i].there);
}
END_TEST

START_TEST(the_higher_index_does_not_dial)
{
	struct wire w;

	run_until(FIRST);
	w = send_message(FIRST);
	w.data[HELLO_AT + 2] = 5; /* the initiator's index */
	(void)!deliver(FIRST, &w);
	expect_failure(b, HA_REFUSE_DIRECTION, false);
}
END_TEST

static const struct {
	const char *why;
	uint8_t a_min, a_max, b_min, b_max;
	uint8_t want; /* 0: none in common */
	const char *words_a, *words_b;
} versions[] = {
	{ "the same", 1, 1, 1, 1, 1 },
	{ "the initiator is ahead", 1, 2, 1, 1, 1 },
	{ "the responder is ahead", 1, 1, 1, 2, 1 },
	{ "both know more", 1, 3, 2, 4, 3 },
	{ "the initiator is too new", 2, 3, 1, 1, 0,
	    "speaks: 1 to 1 there, 2 to 3 here", "speaks: 1 to 1 here" },
	{ "the responder is too new", 1, 1, 2, 3, 0,
	    "speaks: 2 to 3 there, 1 to 1 here", "speaks: 2 to 3 here" },
};

START_TEST(the_highest_common_version_is_chosen)
{
	config_a.protocol_min = versions[_i].a_min;
	config_a.protocol_max = versions[_i].a_max;
	config_b.protocol_min = versions[_i].b_min;
	config_b.protocol_max = versions[_i].b_max;
	connect_ends();
	let_run();
	if (versions[_i].want == 0) {
		expect_failure(a, HA_REFUSE_PROTOCOL, false);
		expect_failure(b, HA_REFUSE_PROTOCOL, true);
		expect_words(a, versions[_i].words_a);
		expect_words(b, versions[_i].words_b);
		return;
	}
	ck_assert_msg(ha_handshake_claim(b)->protocol == versions[_i].want,
	    "case: %s", versions[_i].why);
	ck_assert_int_eq(state(a), HA_HANDSHAKE_GREETED);
}
END_TEST

START_TEST(a_version_outside_the_offer_is_refused)
{
	struct wire w;

	run_until(FIRST);
	w = send_message(FIRST);
	w.data[HELLO_AT] = 2;
	(void)!deliver(FIRST, &w);
	expect_failure(b, HA_REFUSE_PROTOCOL, false);
	expect_words(b, "speaks: 2 to 2 there, 1 to 1 here");
}
END_TEST

/* Refusals by the caller. */

START_TEST(a_newer_connection_turns_the_older_away)
{
	struct wire w;

	run_until(READY);
	ha_handshake_refuse(b, HA_REFUSE_STALE);
	w = sent_by(b);
	ck_assert_uint_eq(w.len, HA_REFUSAL_LEN);
	(void)!deliver(READY, &w);
	expect_failure(a, HA_REFUSE_STALE, true);
	expect_failure(b, HA_REFUSE_STALE, false);
}
END_TEST

START_TEST(a_busy_responder_may_answer_without_a_banner)
{
	struct wire w = { .len = HA_REFUSAL_LEN };

	connect_ends();
	ha_refusal_encode(w.data, HA_REFUSE_BUSY);
	ck_assert_uint_eq(deliver(BANNER, &w), HA_REFUSAL_LEN);
	expect_failure(a, HA_REFUSE_BUSY, true);
	ck_assert_uint_eq(sent_by(a).len, 0);
}
END_TEST

START_TEST(a_refusal_with_an_unknown_reason_is_one_all_the_same)
{
	struct wire w = { .data = { 1, 0, 0xfe }, .len = HA_REFUSAL_LEN };

	connect_ends();
	(void)!deliver(BANNER, &w);
	ck_assert_int_eq(state(a), HA_HANDSHAKE_FAILED);
	ck_assert_str_eq(ha_refusal_name(ha_handshake_failure(a).reason),
	    "unknown");
}
END_TEST

START_TEST(a_failed_handshake_takes_and_gives_nothing_more)
{
	uint8_t byte = 0;

	connect_ends();
	ha_handshake_refuse(a, HA_REFUSE_BUSY);
	ck_assert_uint_eq(sent_by(a).len, HA_REFUSAL_LEN);
	ck_assert_uint_eq(ha_handshake_input(a, &byte, 1), 0);
	ha_handshake_refuse(a, HA_REFUSE_STALE);
	ck_assert_uint_eq(sent_by(a).len, 0);
	expect_failure(a, HA_REFUSE_BUSY, false);
}
END_TEST

/* Rotation: what each end has of a pair of old and new. */

enum held {
	OLD = 1 << 0,
	NEW = 1 << 1,
	BOTH = OLD | NEW,
};

static uint8_t
hold_secrets(struct ha_handshake_config *c, enum held held)
{
	c->n_secrets = 0;
	for (int i = 0; i < 2; i++)
		if (held & 1 << i)
			memcpy(c->secrets[c->n_secrets++], secrets[i],
			    HA_KEY_LEN);
	return c->n_secrets;
}

static void
hold_keypairs(struct ha_handshake_config *c, enum held held,
    const struct ha_keypair pairs[static HA_KEYS_MAX])
{
	c->n_keypairs = 0;
	for (int i = 0; i < 2; i++)
		if (held & 1 << i)
			c->keypairs[c->n_keypairs++] = pairs[i];
}

static void
know_keys(struct ha_handshake_config *c, uint8_t index, enum held held,
    const struct ha_keypair pairs[static HA_KEYS_MAX])
{
	struct ha_handshake_member *m = &c->members[index - 1];

	m->n_keys = 0;
	for (int i = 0; i < 2; i++)
		if (held & 1 << i)
			memcpy(m->public_keys[m->n_keys++],
			    pairs[i].public_key, HA_KEY_LEN);
}

static unsigned int
successes_of_8_choices(void)
{
	unsigned int n = 0;

	for (config_a.choice = 0; config_a.choice < 8; config_a.choice++) {
		connect_ends();
		let_run();
		n += state(a) == HA_HANDSHAKE_GREETED;
	}
	return n;
}

static const struct {
	const char *why;
	enum held at_a;
	enum held at_b;
	bool works;
} rotations[] = {
	{ "before", OLD, OLD, true },
	{ "the responder has begun", OLD, BOTH, true },
	{ "the initiator has begun", BOTH, OLD, true },
	{ "in the middle", BOTH, BOTH, true },
	{ "the responder has ended", BOTH, NEW, true },
	{ "the initiator has ended", NEW, BOTH, true },
	{ "after", NEW, NEW, true },
	{ "the responder was left out", NEW, OLD, false },
	{ "the initiator was left out", OLD, NEW, false },
};

START_TEST(secrets_may_be_rotated_without_a_break)
{
	hold_secrets(&config_a, rotations[_i].at_a);
	hold_secrets(&config_b, rotations[_i].at_b);
	ck_assert_msg((successes_of_8_choices() > 0) == rotations[_i].works,
	    "case: %s", rotations[_i].why);
}
END_TEST

START_TEST(the_initiators_key_may_be_rotated_without_a_break)
{
	hold_keypairs(&config_a, rotations[_i].at_a, pairs_a);
	know_keys(&config_b, DIALLER, rotations[_i].at_b, pairs_a);
	ck_assert_msg((successes_of_8_choices() > 0) == rotations[_i].works,
	    "case: %s", rotations[_i].why);
}
END_TEST

START_TEST(the_responders_key_may_be_rotated_without_a_break)
{
	know_keys(&config_a, ANSWERER, rotations[_i].at_a, pairs_b);
	hold_keypairs(&config_b, rotations[_i].at_b, pairs_b);
	ck_assert_msg((successes_of_8_choices() > 0) == rotations[_i].works,
	    "case: %s", rotations[_i].why);
}
END_TEST

START_TEST(eight_choices_are_every_combination)
{
	hold_secrets(&config_a, BOTH);
	hold_keypairs(&config_a, BOTH, pairs_a);
	know_keys(&config_a, ANSWERER, BOTH, pairs_b);
	hold_secrets(&config_b, NEW);
	know_keys(&config_b, DIALLER, NEW, pairs_a);
	hold_keypairs(&config_b, NEW, pairs_b);
	ck_assert_uint_eq(successes_of_8_choices(), 1);
}
END_TEST

/* Configurations that can't be right. */

static void
no_secret(void)
{
	config_a.n_secrets = 0;
}

static void
no_keypair(void)
{
	config_a.n_keypairs = 0;
}

static void
peer_is_lower(void)
{
	config_a.self = ANSWERER;
	config_a.peer = DIALLER;
}

static void
peer_is_absent(void)
{
	config_a.peer = 9;
}

static void
peer_is_nobody(void)
{
	config_a.peer = 0;
}

static void
bad_serial(void)
{
	config_a.members[4].n_keys = 1;
	strcpy(config_a.members[4].serial, "two words");
}

static void
bad_link(void)
{
	config_a.link = HA_LINK_MAX;
}

static void
bad_greeting(void)
{
	config_a.greeting.state = HA_STATE_MAX;
}

static void
bad_versions(void)
{
	config_a.protocol_min = 2;
}

static const struct {
	const char *why;
	void (*make)(void);
} bad_configs[] = {
	{ "no secret", no_secret },
	{ "no key pair", no_keypair },
	{ "dials downwards", peer_is_lower },
	{ "dials a member that is not there", peer_is_absent },
	{ "dials nobody", peer_is_nobody },
	{ "a serial with a blank", bad_serial },
	{ "a third link", bad_link },
	{ "a state that is none", bad_greeting },
	{ "no version at all", bad_versions },
};

START_TEST(a_configuration_that_cant_be_right_is_refused)
{
	struct ha_handshake *h = NULL;

	bad_configs[_i].make();
	ck_assert_msg(ha_handshake_new_initiator(&config_a, &h) ==
	    HA_ERR_INVAL, "case: %s", bad_configs[_i].why);
	ck_assert_ptr_null(h);
}
END_TEST

START_TEST(every_reason_has_words_for_both_ends)
{
	for (int r = 0; r < HA_REFUSE_MAX; r++) {
		ck_assert_ptr_nonnull(ha_refusal_name((enum ha_refusal)r));
		ck_assert_ptr_nonnull(ha_refusal_sentence((enum ha_refusal)r));
		ck_assert_ptr_nonnull(ha_refusal_heard((enum ha_refusal)r));
	}
}
END_TEST

static void
forget_secret(void)
{
	hold_secrets(&config_b, NEW);
}

static void
forget_own_key(void)
{
	hold_keypairs(&config_b, NEW, pairs_b);
}

static void
forget_peer_key(void)
{
	know_keys(&config_b, DIALLER, NEW, pairs_a);
}

static void
learn_all(void)
{
	hold_secrets(&config_b, BOTH);
	hold_keypairs(&config_b, BOTH, pairs_b);
	know_keys(&config_b, DIALLER, BOTH, pairs_a);
}

static const struct {
	const char *why;
	void (*change)(void);
	bool agrees;
} changes[] = {
	{ "others beside them", learn_all, true },
	{ "the secret", forget_secret, false },
	{ "the own key", forget_own_key, false },
	{ "the key of the peer", forget_peer_key, false },
	{ "the peer", initiator_not_in_file, false },
};

START_TEST(a_handshake_knows_whether_its_keys_still_hold)
{
	run_until(READY);
	ck_assert(ha_handshake_agrees(a, &config_a));
	ck_assert(ha_handshake_agrees(b, &config_b));
	changes[_i].change();
	ck_assert_msg(ha_handshake_agrees(b, &config_b) == changes[_i].agrees,
	    "case: %s", changes[_i].why);
}
END_TEST

/* One run of the test for each row. */
#define ADD_TABLE(tc, test, rows)                                             \
	tcase_add_loop_test(tc, test, 0,                                      \
	    (int)(sizeof(rows) / sizeof((rows)[0])))

static TCase *
add_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, hang_up);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return tc;
}

static void
add_way(TCase *tc)
{
	tcase_add_test(tc, two_members_that_agree_get_a_seal_each);
	tcase_add_test(tc, each_end_learns_who_the_other_is);
	tcase_add_test(tc, nobody_is_known_before_its_proof);
	tcase_add_test(tc, bytes_may_come_one_by_one);
	tcase_add_test(tc, what_follows_ready_is_left_for_the_seal);
	tcase_add_test(tc, what_follows_message_2_waits_for_the_caller);
	tcase_add_test(tc, the_first_block_has_the_size_that_is_documented);
}

static void
add_tampering(TCase *tc)
{
	tcase_add_loop_test(tc,
	    any_flipped_bit_of_a_message_stops_the_handshake, BANNER,
	    MESSAGES);
	tcase_add_loop_test(tc, a_message_that_stops_short_is_waited_for,
	    BANNER, MESSAGES);
	tcase_add_loop_test(tc, a_record_that_was_cut_stops_the_handshake,
	    FIRST, MESSAGES);
	tcase_add_test(tc, the_responder_is_mute_until_it_is_convinced);
}

static void
add_strangers(TCase *tc)
{
	tcase_add_test(tc, a_replayed_hello_costs_no_key_agreement);
	tcase_add_test(tc, a_changed_hello_costs_no_key_agreement);
	tcase_add_test(tc, a_changed_message_1_costs_no_key_agreement);
	tcase_add_test(tc, a_third_member_cant_change_a_hello);
	tcase_add_test(tc,
	    a_third_member_cant_lower_the_version_by_the_banner);
	tcase_add_test(tc, the_true_hello_does_cost_some);
	tcase_add_test(tc, junk_costs_no_key_agreement);
	tcase_add_test(tc, a_confirm_of_another_connection_does_not_convince);
	ADD_TABLE(tc, a_record_above_its_limit_is_refused_by_its_length,
	    limits);
}

static void
add_refusals(TCase *tc)
{
	ADD_TABLE(tc, a_mismatch_has_its_own_reason_at_both_ends,
	    mismatches);
	ADD_TABLE(tc, each_end_says_what_it_sees, mismatches);
	tcase_add_test(tc, the_higher_index_does_not_dial);
	ADD_TABLE(tc, the_highest_common_version_is_chosen,
	    versions);
	tcase_add_test(tc, a_version_outside_the_offer_is_refused);
	tcase_add_test(tc, a_newer_connection_turns_the_older_away);
	tcase_add_test(tc, a_busy_responder_may_answer_without_a_banner);
	tcase_add_test(tc,
	    a_refusal_with_an_unknown_reason_is_one_all_the_same);
	tcase_add_test(tc, a_failed_handshake_takes_and_gives_nothing_more);
	tcase_add_test(tc, every_reason_has_words_for_both_ends);
}

static void
add_keys(TCase *tc)
{
	ADD_TABLE(tc, secrets_may_be_rotated_without_a_break,
	    rotations);
	ADD_TABLE(tc, the_initiators_key_may_be_rotated_without_a_break,
	    rotations);
	ADD_TABLE(tc, the_responders_key_may_be_rotated_without_a_break,
	    rotations);
	tcase_add_test(tc, eight_choices_are_every_combination);
	ADD_TABLE(tc, a_handshake_knows_whether_its_keys_still_hold, changes);
	ADD_TABLE(tc, a_configuration_that_cant_be_right_is_refused,
	    bad_configs);
}

int
main(void)
{
	Suite *s = suite_create("handshake");
	SRunner *sr;
	int failed;

	if (ha_keys_init() != HA_OK)
		return EXIT_FAILURE;
	add_way(add_case(s, "the whole way"));
	add_tampering(add_case(s, "tampering"));
	add_strangers(add_case(s, "strangers"));
	add_refusals(add_case(s, "refusals"));
	add_keys(add_case(s, "keys"));

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
