#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shell/likeness.h"

static struct ha_greeting
sample(void)
{
	struct ha_greeting g;

	memset(&g, 0, sizeof(g));
	strcpy(g.version, "1.2.3");
	memset(g.cluster_digest, 7, sizeof(g.cluster_digest));
	g.n_zones = 2;
	strcpy(g.zones[0], "internal");
	strcpy(g.zones[1], "guests");
	return g;
}

static void
change_nothing(struct ha_greeting *g)
{
	(void)g;
}

static void
change_what_always_differs(struct ha_greeting *g)
{
	memset(g->boot_id, 9, sizeof(g->boot_id));
	g->boot_counter = 99;
	g->generation = 3;
	g->state = HA_STATE_ACTIVE;
}

static void
change_order_of_zones(struct ha_greeting *g)
{
	strcpy(g->zones[0], "guests");
	strcpy(g->zones[1], "internal");
}

static void
change_digest(struct ha_greeting *g)
{
	g->cluster_digest[31] ^= 1;
}

static void
change_version(struct ha_greeting *g)
{
	g->version[4] = '4';
}

static void
change_zone(struct ha_greeting *g)
{
	g->zones[1][0] = 'G';
}

static void
drop_zone(struct ha_greeting *g)
{
	g->n_zones = 1;
}

static void
add_zone(struct ha_greeting *g)
{
	g->n_zones = 3;
	strcpy(g->zones[2], "more");
}

static const struct {
	const char *why;
	void (*change)(struct ha_greeting *g);
	int unlike; /* the one that differs; HA_UNLIKE_MAX: none */
} cases[] = {
	{ "equal", change_nothing, HA_UNLIKE_MAX },
	{ "boot and state", change_what_always_differs, HA_UNLIKE_MAX },
	{ "zones in another order", change_order_of_zones, HA_UNLIKE_MAX },
	{ "one bit of the digest", change_digest, HA_UNLIKE_FILE },
	{ "a release", change_version, HA_UNLIKE_VERSION },
	{ "a zone's name", change_zone, HA_UNLIKE_ZONES },
	{ "a zone less", drop_zone, HA_UNLIKE_ZONES },
	{ "a zone more", add_zone, HA_UNLIKE_ZONES },
};

START_TEST(both_ends_find_the_same_difference)
{
	struct ha_greeting a = sample(), b = sample();

	cases[_i].change(&b);
	for (int i = 0; i < HA_UNLIKE_MAX; i++) {
		bool want = i == cases[_i].unlike;

		ck_assert_msg(ha_unlike(&a, &b, (enum ha_unlike)i) == want,
		    "case %s, %d", cases[_i].why, i);
		ck_assert_msg(ha_unlike(&b, &a, (enum ha_unlike)i) == want,
		    "case %s, %d, the other end", cases[_i].why, i);
	}
}
END_TEST

static void
expect_detail(const struct ha_greeting *g, enum ha_unlike what,
    const char *want)
{
	char text[HA_UNLIKE_DETAIL_LEN];

	ck_assert_str_eq(ha_unlike_detail(g, what, text), want);
}

START_TEST(what_differs_is_told_in_a_word)
{
	struct ha_greeting g = sample();

	expect_detail(&g, HA_UNLIKE_FILE, "0707070707070707");
	expect_detail(&g, HA_UNLIKE_VERSION, "1.2.3");
	expect_detail(&g, HA_UNLIKE_ZONES, "internal,guests");
	g.n_zones = 0;
	expect_detail(&g, HA_UNLIKE_ZONES, "none");
	g.n_zones = 4;
	for (int i = 0; i < 4; i++)
		memset(g.zones[i], 'a' + i, HA_ZONE_LEN - 1);
	expect_detail(&g, HA_UNLIKE_ZONES, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,"
	    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("likeness");
	TCase *tc = tcase_create("greetings");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, both_ends_find_the_same_difference, 0,
	    (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, what_differs_is_told_in_a_word);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
