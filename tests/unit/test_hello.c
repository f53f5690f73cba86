#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/hello.h"

static struct ha_hello
sample(void)
{
	struct ha_hello h;

	memset(&h, 0, sizeof(h));
	h.protocol = 3;
	h.link = 1;
	h.initiator = 2;
	h.responder = 16;
	h.cluster = 0x01020304;
	strcpy(h.initiator_serial, "FW-A");
	strcpy(h.responder_serial, "0123456789012345678901234567890");
	memset(h.initiator_key, 0xaa, sizeof(h.initiator_key));
	memset(h.responder_key, 0xbb, sizeof(h.responder_key));
	return h;
}

START_TEST(a_hello_survives_the_wire)
{
	struct ha_hello h = sample();
	struct ha_hello back;
	uint8_t wire[HA_HELLO_LEN];

	memset(&back, 0, sizeof(back));
	ha_hello_encode(wire, &h);
	ck_assert_int_eq(ha_hello_decode(&back, wire), HA_OK);
	ck_assert_mem_eq(&back, &h, sizeof(h));
}
END_TEST

START_TEST(a_banner_survives_the_wire)
{
	struct ha_banner b = { .protocol_min = 2, .protocol_max = 9,
		.flags = 0x8001, .challenge = "0123456789abcde" };
	struct ha_banner back;
	uint8_t wire[HA_BANNER_LEN];

	ha_banner_encode(wire, &b);
	ck_assert(ha_banner_begins(wire[0]));
	ck_assert_int_eq(ha_banner_decode(&back, wire), HA_OK);
	ck_assert_uint_eq(back.protocol_min, 2);
	ck_assert_uint_eq(back.protocol_max, 9);
	ck_assert_uint_eq(back.flags, 0x8001);
	ck_assert_mem_eq(back.challenge, b.challenge, HA_CHALLENGE_LEN);
}
END_TEST

START_TEST(no_refusal_can_be_taken_for_a_banner)
{
	ck_assert(!ha_banner_begins(1));
}
END_TEST

static const struct {
	const char *why;
	size_t at;
	uint8_t value;
} bad_banners[] = {
	{ "another magic", 0, 0 },
	{ "another magic at its end", 3, '5' },
	{ "a minimum of 0", 4, 0 },
	{ "a minimum above the maximum", 4, 10 },
	{ "a maximum below the minimum", 5, 1 },
};

START_TEST(a_bad_banner_is_refused)
{
	struct ha_banner b = { .protocol_min = 2, .protocol_max = 9 };
	uint8_t wire[HA_BANNER_LEN];

	ha_banner_encode(wire, &b);
	wire[bad_banners[_i].at] = bad_banners[_i].value;
	ck_assert_msg(ha_banner_decode(&b, wire) == HA_ERR_CORRUPT,
	    "case: %s", bad_banners[_i].why);
}
END_TEST

static const struct {
	const char *why;
	size_t at;
	uint8_t value;
} bad_hellos[] = {
	{ "an initiator 0", 2, 0 },
	{ "an initiator 17", 2, 17 },
	{ "a responder 0", 3, 0 },
	{ "a responder 255", 3, 255 },
	{ "an empty serial", 8, '\0' },
	{ "a serial with an end of line", 9, '\n' },
	{ "a serial with a blank", 9, ' ' },
	{ "a serial with a byte above ASCII", 9, 0xc3 },
	{ "something behind the serial's end", 20, 'x' },
	{ "a serial without an end", 71, '1' },
};

START_TEST(a_bad_hello_is_refused_and_sets_nothing)
{
	struct ha_hello h = sample();
	struct ha_hello before = h;
	uint8_t wire[HA_HELLO_LEN];

	ha_hello_encode(wire, &h);
	wire[bad_hellos[_i].at] = bad_hellos[_i].value;
	ck_assert_msg(ha_hello_decode(&h, wire) == HA_ERR_CORRUPT, "case: %s",
	    bad_hellos[_i].why);
	ck_assert_mem_eq(&h, &before, sizeof(h));
}
END_TEST

/* Known answers hold the layout: a member of last year reads it too. */
START_TEST(the_layout_is_the_documented_one)
{
	struct ha_hello h = sample();
	uint8_t wire[HA_HELLO_LEN];

	ha_hello_encode(wire, &h);
	ck_assert_mem_eq(wire, "\x03\x01\x02\x10\x04\x03\x02\x01" "FW-A", 12);
	ck_assert_mem_eq(wire + 40, "0123456", 7);
	ck_assert_uint_eq(wire[72], 0xaa);
	ck_assert_uint_eq(wire[80], 0xbb);
}
END_TEST

#define ADD_TABLE(tc, test, rows)                                             \
	tcase_add_loop_test(tc, test, 0,                                      \
	    (int)(sizeof(rows) / sizeof((rows)[0])))

int
main(void)
{
	Suite *s = suite_create("hello");
	TCase *tc = tcase_create("blocks");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, a_hello_survives_the_wire);
	tcase_add_test(tc, a_banner_survives_the_wire);
	tcase_add_test(tc, no_refusal_can_be_taken_for_a_banner);
	ADD_TABLE(tc, a_bad_banner_is_refused, bad_banners);
	ADD_TABLE(tc, a_bad_hello_is_refused_and_sets_nothing, bad_hellos);
	tcase_add_test(tc, the_layout_is_the_documented_one);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
