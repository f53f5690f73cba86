/*
 * What comes from the wire is put together here field by field, since our
 * own encoder can't write what must be refused.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/greeting.h"

enum field {
	BOOT_ID = 1,
	BOOT_COUNTER = 2,
	VERSION = 4,
	ZONE = 5,
	DIGEST = 6,
	STATE = 7,
};

static uint8_t wire[65536];
static size_t wire_len;

static void
put_number(enum field f, uint8_t value)
{
	wire[wire_len++] = (uint8_t)(f << 3);
	wire[wire_len++] = value; /* below 128: one byte */
}

static void
put_bytes(unsigned int f, const void *data, size_t len)
{
	wire[wire_len++] = (uint8_t)(f << 3 | 2);
	wire[wire_len++] = (uint8_t)len; /* below 128 */
	memcpy(wire + wire_len, data, len);
	wire_len += len;
}

static void
put_text(enum field f, const char *text)
{
	put_bytes(f, text, strlen(text));
}

/* The least that is a greeting. */
static void
setup(void)
{
	wire_len = 0;
	put_bytes(BOOT_ID, "0123456789abcdef", HA_BOOT_ID_LEN);
	put_number(BOOT_COUNTER, 1);
	put_text(VERSION, "1.0");
	put_bytes(DIGEST, "0123456789abcdef0123456789abcdef", HA_DIGEST_LEN);
}

static int
decode(struct ha_greeting *g)
{
	return ha_greeting_decode(g, wire, wire_len);
}

static struct ha_greeting
largest(void)
{
	struct ha_greeting g;

	memset(&g, 0, sizeof(g));
	memset(g.boot_id, 0xff, sizeof(g.boot_id));
	memset(g.cluster_digest, 0xff, sizeof(g.cluster_digest));
	memset(g.version, 'v', sizeof(g.version) - 1);
	g.boot_counter = UINT64_MAX;
	g.boot_seen = UINT64_MAX;
	g.generation = UINT64_MAX;
	g.state = HA_STATE_MAX - 1;
	g.n_zones = HA_ZONES_MAX;
	for (size_t i = 0; i < HA_ZONES_MAX; i++)
		memset(g.zones[i], 'z', HA_ZONE_LEN - 1);
	return g;
}

START_TEST(the_largest_greeting_survives_the_wire)
{
	struct ha_greeting g = largest();
	struct ha_greeting back;
	uint8_t out[HA_GREETING_MAX];
	size_t len;

	ck_assert_int_eq(ha_greeting_encode(out, &len, &g), HA_OK);
	ck_assert_int_eq(ha_greeting_decode(&back, out, len), HA_OK);
	ck_assert_mem_eq(&back, &g, sizeof(g));
}
END_TEST

START_TEST(the_least_greeting_is_taken)
{
	struct ha_greeting g;

	ck_assert_int_eq(decode(&g), HA_OK);
	ck_assert_uint_eq(g.boot_counter, 1);
	ck_assert_uint_eq(g.n_zones, 0);
	ck_assert_uint_eq(g.state, HA_STATE_INITIAL);
	ck_assert_str_eq(g.version, "1.0");
}
END_TEST

START_TEST(the_cores_boot_is_the_start_of_the_boot_id)
{
	struct ha_greeting g = largest();

	memcpy(g.boot_id, "\x01\0\0\0\0\0\0\x80", 8);
	g.boot_counter = 5;
	ck_assert_uint_eq(ha_greeting_boot(&g).id, 0x8000000000000001);
	ck_assert_uint_eq(ha_greeting_boot(&g).counter, 5);
}
END_TEST

START_TEST(fields_of_a_later_version_are_ignored)
{
	struct ha_greeting g;

	put_bytes(15, "later", 5);
	put_bytes(14, "more", 4);
	ck_assert_int_eq(decode(&g), HA_OK);
}
END_TEST

/* Each case adds to the least greeting what spoils it; the last of a field
 * that comes twice counts. */

static void
short_boot_id(void)
{
	put_bytes(BOOT_ID, "0123456789abcde", 15);
}

static void
zero_boot_id(void)
{
	put_bytes(BOOT_ID, "\0\0\0\0\0\0\0\0 9abcde", 16);
}

static void
zero_counter(void)
{
	put_number(BOOT_COUNTER, 0);
}

static void
no_version(void)
{
	put_text(VERSION, "");
}

static void
long_version(void)
{
	put_text(VERSION, "01234567890123456789012345678901");
}

static void
version_with_escape(void)
{
	put_text(VERSION, "1.0\033[31m");
}

static void
long_zone(void)
{
	put_text(ZONE, "01234567890123456789012345678901");
}

static void
empty_zone(void)
{
	put_text(ZONE, "");
}

static void
zone_with_end_of_line(void)
{
	put_text(ZONE, "in\nout");
}

static void
too_many_zones(void)
{
	for (int i = 0; i <= HA_ZONES_MAX; i++)
		put_text(ZONE, "z");
}

static void
long_digest(void)
{
	put_bytes(DIGEST, "0123456789abcdef0123456789abcdef0", 33);
}

static void
unknown_state(void)
{
	put_number(STATE, HA_STATE_MAX);
}

static void
cut_short(void)
{
	wire_len--;
}

static void
length_beyond_the_end(void)
{
	put_text(VERSION, "1.0");
	wire[wire_len - 4] = 100;
}

static void
more_fields_than_memory(void)
{
	for (int i = 0; i < 4000; i++)
		put_number((enum field)15, 1);
}

static void
more_zones_than_memory(void)
{
	for (int i = 0; i < 2000; i++)
		put_text(ZONE, "zz");
}

static void
a_nest(void)
{
	for (int i = 0; i < 1000; i++)
		wire[wire_len++] = 15 << 3 | 3; /* a group begins */
}

static void
nothing(void)
{
	wire_len = 0;
}

static const struct {
	const char *why;
	void (*spoil)(void);
} bad[] = {
	{ "a short boot id", short_boot_id },
	{ "a boot id that the core takes for none", zero_boot_id },
	{ "a boot counter of 0", zero_counter },
	{ "no version", no_version },
	{ "a long version", long_version },
	{ "a version that colours a terminal", version_with_escape },
	{ "a long zone", long_zone },
	{ "an empty zone", empty_zone },
	{ "a zone that forges a log line", zone_with_end_of_line },
	{ "33 zones", too_many_zones },
	{ "a long digest", long_digest },
	{ "a state that is none", unknown_state },
	{ "cut short", cut_short },
	{ "a length beyond the end", length_beyond_the_end },
	{ "more unknown fields than memory", more_fields_than_memory },
	{ "more zones than memory", more_zones_than_memory },
	{ "groups in groups", a_nest },
	{ "nothing", nothing },
};

START_TEST(a_bad_greeting_is_refused_and_sets_nothing)
{
	struct ha_greeting g = largest();
	struct ha_greeting before = g;

	bad[_i].spoil();
	ck_assert_msg(decode(&g) == HA_ERR_CORRUPT, "case: %s", bad[_i].why);
	ck_assert_mem_eq(&g, &before, sizeof(g));
}
END_TEST

START_TEST(what_would_be_refused_is_not_sent)
{
	struct ha_greeting g = largest();
	uint8_t out[HA_GREETING_MAX];
	size_t len;

	g.state = HA_STATE_MAX;
	ck_assert_int_eq(ha_greeting_encode(out, &len, &g), HA_ERR_INVAL);
	g = largest();
	g.n_zones = HA_ZONES_MAX + 1;
	ck_assert_int_eq(ha_greeting_encode(out, &len, &g), HA_ERR_INVAL);
	g = largest();
	g.version[HA_VERSION_LEN - 1] = 'v';
	ck_assert_int_eq(ha_greeting_encode(out, &len, &g), HA_ERR_INVAL);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("greeting");
	TCase *tc = tcase_create("codec");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, the_largest_greeting_survives_the_wire);
	tcase_add_test(tc, the_least_greeting_is_taken);
	tcase_add_test(tc, the_cores_boot_is_the_start_of_the_boot_id);
	tcase_add_test(tc, fields_of_a_later_version_are_ignored);
	tcase_add_loop_test(tc, a_bad_greeting_is_refused_and_sets_nothing, 0,
	    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, what_would_be_refused_is_not_sent);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
