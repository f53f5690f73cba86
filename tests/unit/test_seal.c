#include <check.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "config.h"
#include "proto/keys.h"
#include "proto/seal.h"
#include "proto/seal_priv.h"

#define REKEY_EVERY 5
#define TEXT        "2001:db8::7 goes to 2001:db8::9"
#define TEXT_LEN    (sizeof(TEXT) - 1)

#ifdef HA_INSECURE_WIRE
#define WIRE_IS_CLEAR true
#else
#define WIRE_IS_CLEAR false
#endif

struct record {
	uint8_t bytes[HA_SEAL_SIZE(TEXT_LEN)];
};

static struct ha_seal *a;
static struct ha_seal *b;
static struct ha_cipher a_to_b; /* as both ends start */
static struct ha_cipher b_to_a;

static void
setup(void)
{
	memset(&a_to_b, 0, sizeof(a_to_b));
	memset(&b_to_a, 0, sizeof(b_to_a));
	randombytes_buf(a_to_b.key, sizeof(a_to_b.key));
	randombytes_buf(b_to_a.key, sizeof(b_to_a.key));
	a = ha_seal_new(&a_to_b, &b_to_a, REKEY_EVERY);
	b = ha_seal_new(&b_to_a, &a_to_b, REKEY_EVERY);
	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
}

static void
teardown(void)
{
	ha_seal_free(a);
	ha_seal_free(b);
}

static struct record
seal(struct ha_seal *s)
{
	struct record r;

	ck_assert_int_eq(ha_seal_seal(s, r.bytes, (const uint8_t *)TEXT,
	    TEXT_LEN), HA_OK);
	return r;
}

static int
open_len(struct ha_seal *s, struct record r, size_t body_len)
{
	uint8_t *body = r.bytes + HA_FRAME_HEAD;
	size_t len;
	int rc = ha_seal_open(s, body, body_len, &len);

	if (rc == HA_OK) {
		ck_assert_uint_eq(len, TEXT_LEN);
		ck_assert_mem_eq(body, TEXT, TEXT_LEN);
	}
	return rc;
}

static int
open_it(struct ha_seal *s, struct record r)
{
	return open_len(s, r, sizeof(r.bytes) - HA_FRAME_HEAD);
}

START_TEST(what_one_end_seals_the_other_opens)
{
	struct record r = seal(a);

	ck_assert_uint_eq(ha_get_u16(r.bytes), TEXT_LEN + HA_SEAL_TAG);
	ck_assert_int_eq(open_it(b, r), HA_OK);
	ck_assert_int_eq(open_it(a, seal(b)), HA_OK);
}
END_TEST

START_TEST(records_hide_their_text_unless_built_not_to)
{
	struct record r = seal(a);
	bool clear = false;

	for (size_t i = 0; i + TEXT_LEN <= sizeof(r.bytes); i++)
		clear |= memcmp(r.bytes + i, TEXT, TEXT_LEN) == 0;
	ck_assert_int_eq(clear, WIRE_IS_CLEAR);
}
END_TEST

START_TEST(a_flipped_bit_does_not_open_and_changes_nothing)
{
	struct record good = seal(a);

	for (size_t bit = 8 * HA_FRAME_HEAD; bit < 8 * sizeof(good); bit++) {
		struct record bad = good;

		bad.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(open_it(b, bad) == HA_ERR_AUTH,
		    "bit %zu was not noticed", bit);
	}
	ck_assert_int_eq(open_it(b, good), HA_OK);
}
END_TEST

START_TEST(a_cut_record_does_not_open_and_changes_nothing)
{
	struct record good = seal(a);

	for (size_t len = 0; len < sizeof(good) - HA_FRAME_HEAD; len++)
		ck_assert_msg(open_len(b, good, len) == HA_ERR_AUTH,
		    "cut at %zu was not noticed", len);
	ck_assert_int_eq(open_it(b, good), HA_OK);
}
END_TEST

START_TEST(records_open_once_and_in_order_only)
{
	struct record first = seal(a);
	struct record second = seal(a);

	ck_assert_int_eq(open_it(b, second), HA_ERR_AUTH);
	ck_assert_int_eq(open_it(b, first), HA_OK);
	ck_assert_int_eq(open_it(b, first), HA_ERR_AUTH);
	ck_assert_int_eq(open_it(b, second), HA_OK);
}
END_TEST

START_TEST(a_record_sent_back_does_not_open)
{
	ck_assert_int_eq(open_it(a, seal(a)), HA_ERR_AUTH);
}
END_TEST

START_TEST(rekeying_goes_unnoticed_in_both_directions)
{
	for (int i = 0; i < 4 * REKEY_EVERY; i++) {
		ck_assert_int_eq(open_it(b, seal(a)), HA_OK);
		if (i % 3 == 0)
			ck_assert_int_eq(open_it(a, seal(b)), HA_OK);
	}
	ck_assert_uint_eq(ha_seal_rekeys(a), 4 + 1);
	ck_assert_uint_eq(ha_seal_rekeys(b), 4 + 1);
}
END_TEST

/* A seal that never rekeys follows exactly as far as the first key goes. */
START_TEST(a_key_serves_for_its_number_of_records_only)
{
	struct ha_seal *first_key = ha_seal_new(&b_to_a, &a_to_b, UINT64_MAX);

	for (int i = 0; i < REKEY_EVERY; i++)
		ck_assert_int_eq(open_it(first_key, seal(a)), HA_OK);
	ck_assert_int_eq(open_it(first_key, seal(a)), HA_ERR_AUTH);
	ha_seal_free(first_key);
}
END_TEST

/* The n-th record, by hand: the count goes on where the key changes. */
START_TEST(the_count_goes_on_over_a_rekey)
{
	struct ha_cipher by_hand = a_to_b;
	struct ha_seal *late;

	for (int i = 0; i < REKEY_EVERY; i++)
		seal(a);
	by_hand.n = REKEY_EVERY;
	ha_cipher_rekey(&by_hand);
	late = ha_seal_new(&b_to_a, &by_hand, REKEY_EVERY);
	ck_assert_int_eq(open_it(late, seal(a)), HA_OK);
	ha_seal_free(late);
}
END_TEST

START_TEST(no_record_goes_out_under_the_last_nonce)
{
	struct ha_cipher worn = a_to_b;
	struct ha_seal *s;
	struct record r;

	worn.n = UINT64_MAX;
	s = ha_seal_new(&worn, &worn, REKEY_EVERY);
	ck_assert_int_eq(ha_seal_seal(s, r.bytes, (const uint8_t *)TEXT,
	    TEXT_LEN), HA_ERR_FULL);
	ha_seal_free(s);
}
END_TEST

static const struct {
	const char *why;
	size_t len;
	int want;
} sizes[] = {
	{ "nothing", 0, HA_OK },
	{ "one byte", 1, HA_OK },
	{ "the largest", HA_SEAL_PLAIN_MAX, HA_OK },
	{ "one too large", HA_SEAL_PLAIN_MAX + 1, HA_ERR_INVAL },
};

START_TEST(a_record_holds_up_to_its_limit)
{
	size_t len = sizes[_i].len;
	uint8_t *plain = calloc(1, HA_SEAL_PLAIN_MAX + 1);
	uint8_t *record = malloc(HA_SEAL_SIZE(HA_SEAL_PLAIN_MAX));
	size_t got = 1;

	ck_assert_msg(ha_seal_seal(a, record, plain, len) == sizes[_i].want,
	    "case: %s", sizes[_i].why);
	if (sizes[_i].want == HA_OK) {
		ck_assert_uint_eq(ha_get_u16(record), len + HA_SEAL_TAG);
		ck_assert_int_eq(ha_seal_open(b, record + HA_FRAME_HEAD,
		    len + HA_SEAL_TAG, &got), HA_OK);
		ck_assert_uint_eq(got, len);
		ck_assert_mem_eq(record + HA_FRAME_HEAD, plain, len);
	}
	free(record);
	free(plain);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("seal");
	TCase *tc = tcase_create("records");
	SRunner *sr;
	int failed;

	if (ha_keys_init() != HA_OK)
		return EXIT_FAILURE;
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_one_end_seals_the_other_opens);
	tcase_add_test(tc, records_hide_their_text_unless_built_not_to);
	tcase_add_test(tc, a_flipped_bit_does_not_open_and_changes_nothing);
	tcase_add_test(tc, a_cut_record_does_not_open_and_changes_nothing);
	tcase_add_test(tc, records_open_once_and_in_order_only);
	tcase_add_test(tc, a_record_sent_back_does_not_open);
	tcase_add_test(tc, rekeying_goes_unnoticed_in_both_directions);
	tcase_add_test(tc, a_key_serves_for_its_number_of_records_only);
	tcase_add_test(tc, the_count_goes_on_over_a_rekey);
	tcase_add_test(tc, no_record_goes_out_under_the_last_nonce);
	tcase_add_loop_test(tc, a_record_holds_up_to_its_limit, 0,
	    (int)(sizeof(sizes) / sizeof(sizes[0])));
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
