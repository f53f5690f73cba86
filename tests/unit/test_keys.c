#include <check.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "proto/keys.h"

/* RFC 7748, 6.1: Alice's. */
START_TEST(a_private_key_gives_the_public_key_of_the_standard)
{
	static const uint8_t private_key[HA_KEY_LEN] = {
		0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d,
		0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
		0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a,
		0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
	};
	static const uint8_t public_key[HA_KEY_LEN] = {
		0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54,
		0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a,
		0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4,
		0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a,
	};
	struct ha_keypair pair;

	ck_assert_int_eq(ha_keypair_from_private(&pair, private_key), HA_OK);
	ck_assert_mem_eq(pair.private_key, private_key, HA_KEY_LEN);
	ck_assert_mem_eq(pair.public_key, public_key, HA_KEY_LEN);
}
END_TEST

START_TEST(generated_pairs_are_whole_and_differ)
{
	struct ha_keypair a;
	struct ha_keypair b;

	ha_keypair_generate(&a);
	ck_assert_int_eq(ha_keypair_from_private(&b, a.private_key), HA_OK);
	ck_assert_mem_eq(a.public_key, b.public_key, HA_KEY_LEN);
	ha_keypair_generate(&b);
	ck_assert_mem_ne(a.private_key, b.private_key, HA_KEY_LEN);
}
END_TEST

START_TEST(no_private_key_is_all_zeros)
{
	static const uint8_t zeros[HA_KEY_LEN];
	struct ha_keypair pair;

	ck_assert_int_eq(ha_keypair_from_private(&pair, zeros), HA_ERR_INVAL);
}
END_TEST

START_TEST(a_key_survives_being_text)
{
	uint8_t key[HA_KEY_LEN];
	uint8_t back[HA_KEY_LEN];
	char text[HA_KEY_TEXT_LEN];

	for (int round = 0; round < 100; round++) {
		ha_secret_generate(key);
		ha_key_to_text(text, key);
		ck_assert_uint_eq(strlen(text), HA_KEY_TEXT_LEN - 1);
		ck_assert_int_eq(ha_key_from_text(back, text), HA_OK);
		ck_assert_mem_eq(back, key, HA_KEY_LEN);
	}
}
END_TEST

static const struct {
	const char *why;
	const char *text;
	int want;
} texts[] = {
	{ "a key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=", HA_OK },
	{ "nothing", "", HA_ERR_INVAL },
	{ "a byte short", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAQ==",
	    HA_ERR_INVAL },
	{ "a byte long", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB",
	    HA_ERR_INVAL },
	{ "no padding", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
	    HA_ERR_INVAL },
	{ "an end of line", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n",
	    HA_ERR_INVAL },
	{ "a blank within", "AAAA AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=",
	    HA_ERR_INVAL },
	{ "the alphabet of addresses",
	    "AAAA-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=", HA_ERR_INVAL },
	{ "bits that no byte has",
	    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAF=", HA_ERR_INVAL },
};

START_TEST(only_the_one_text_of_a_key_is_taken)
{
	uint8_t key[HA_KEY_LEN];
	uint8_t before[HA_KEY_LEN];

	randombytes_buf(key, sizeof(key));
	memcpy(before, key, sizeof(before));
	ck_assert_msg(ha_key_from_text(key, texts[_i].text) == texts[_i].want,
	    "case: %s", texts[_i].why);
	if (texts[_i].want != HA_OK)
		ck_assert_mem_eq(key, before, sizeof(key));
}
END_TEST

START_TEST(each_use_of_a_secret_has_its_own_key)
{
	uint8_t secret[HA_KEY_LEN];
	uint8_t psk[HA_KEY_LEN];
	uint8_t mac1[HA_KEY_LEN];
	uint8_t again[HA_KEY_LEN];

	ha_secret_generate(secret);
	ha_secret_derive(psk, secret, HA_SECRET_PSK);
	ha_secret_derive(mac1, secret, HA_SECRET_MAC1);
	ha_secret_derive(again, secret, HA_SECRET_PSK);
	ck_assert_mem_eq(psk, again, HA_KEY_LEN);
	ck_assert_mem_ne(psk, mac1, HA_KEY_LEN);
	ck_assert_mem_ne(psk, secret, HA_KEY_LEN);

	secret[0] ^= 1;
	ha_secret_derive(again, secret, HA_SECRET_PSK);
	ck_assert_mem_ne(psk, again, HA_KEY_LEN);
}
END_TEST

START_TEST(a_key_id_is_the_start_of_the_keys_hash)
{
	uint8_t key[HA_KEY_LEN] = { 0 };
	uint8_t id[HA_KEY_ID_LEN];
	uint8_t hash[32];

	crypto_generichash(hash, sizeof(hash), key, sizeof(key), NULL, 0);
	ha_key_id(id, key);
	ck_assert_mem_eq(id, hash, sizeof(id));
}
END_TEST

START_TEST(points_of_small_order_are_no_public_keys)
{
	uint8_t key[HA_KEY_LEN] = { 0 };
	struct ha_keypair pair;

	ck_assert(!ha_public_key_valid(key));
	key[0] = 1;
	ck_assert(!ha_public_key_valid(key));
	ha_keypair_generate(&pair);
	ck_assert(ha_public_key_valid(pair.public_key));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("keys");
	TCase *tc = tcase_create("keys");
	SRunner *sr;
	int failed;

	if (ha_keys_init() != HA_OK)
		return EXIT_FAILURE;
	tcase_add_test(tc,
	    a_private_key_gives_the_public_key_of_the_standard);
	tcase_add_test(tc, generated_pairs_are_whole_and_differ);
	tcase_add_test(tc, no_private_key_is_all_zeros);
	tcase_add_test(tc, a_key_survives_being_text);
	tcase_add_loop_test(tc, only_the_one_text_of_a_key_is_taken, 0,
	    (int)(sizeof(texts) / sizeof(texts[0])));
	tcase_add_test(tc, each_use_of_a_secret_has_its_own_key);
	tcase_add_test(tc, a_key_id_is_the_start_of_the_keys_hash);
	tcase_add_test(tc, points_of_small_order_are_no_public_keys);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
