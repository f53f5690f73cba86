/* Zones by name: the keys, and a member that lacks one. */
#include <check.h>
#include <stdlib.h>

#include "core/zone.h"
#include "core_rig.h"

static const struct ha_zones ZONES = { 2, { { 0x80000001, 0 },
    { 0x80000002, 7 } } };

START_TEST(a_key_follows_from_the_name_alone)
{
	/* on the wire, so the same for ever */
	ck_assert_uint_eq(ha_zone_key("default"), 0xc3d91dc6);
	ck_assert_uint_eq(ha_zone_key("internal"), 0xc6ba1f86);
	ck_assert(!ha_zone_is_number(ha_zone_key("5")));
}
END_TEST

START_TEST(a_zone_without_a_name_goes_by_its_number)
{
	uint16_t number;

	ck_assert_uint_eq(ha_zone_key_of(&ZONES, 7), 0x80000002);
	ck_assert_uint_eq(ha_zone_key_of(&ZONES, 8), 8);
	ck_assert(ha_zone_find(&ZONES, 0x80000002, &number));
	ck_assert_uint_eq(number, 7);
	ck_assert(ha_zone_find(&ZONES, 65535, &number));
	ck_assert_uint_eq(number, 65535);
	ck_assert(!ha_zone_find(&ZONES, 7, &number)); /* it has a name */
	ck_assert(!ha_zone_find(&ZONES, 65536, &number));
	ck_assert(!ha_zone_find(&ZONES, 0x80000003, &number));
}
END_TEST

static void
setup(void)
{
	rig_begin();
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		rig.m[m].settings.zones = ZONES;
	rig.m[2].settings.zones.n = 1; /* lacks the second */
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		rig_start(m, HA_START_FIRST);
	rig_connect(1, 2);
	rig_connect(1, 3);
	rig_connect(2, 3);
	rig_run_ms(500);
}

static void
teardown(void)
{
	rig_end();
}

static void
flow_in(uint16_t port, uint32_t zone)
{
	struct ha_input in = rig_event(HA_SESSION_NEW, port);

	in.u.session.record.orig.zone = zone;
	in.u.session.record.reply.zone = zone;
	rig.m[1].kernel[port] = RIG_CARRIED;
	rig_feed(1, &in);
}

static void
change_zones(uint8_t m, uint8_t n)
{
	struct ha_settings s = rig.m[m].settings;

	s.zones = ZONES;
	s.zones.n = n;
	rig.m[m].settings = s;
	rig_feed(m, &(struct ha_input){ .kind = HA_IN_SETTINGS,
		.u.settings = { &s, 0 } });
}

START_TEST(who_lacks_a_zone_keeps_its_sessions_and_hands_them_on)
{
	struct ha_view_session v;

	rig_kill(3);
	flow_in(100, 0x80000001);
	flow_in(200, 0x80000002);
	rig_run_ms(2000);
	ck_assert_int_eq(rig.m[2].kernel[100], RIG_REPLICA);
	ck_assert_int_eq(rig.m[2].kernel[200], RIG_NONE);
	ck_assert(rig_find(2, 200, &v));
	ck_assert(!v.zone_here && !v.installed);
	ck_assert_uint_eq(ha_view_counters(rig.m[2].core)->sessions_zoneless,
	    1);

	rig_kill(1);
	rig_start(3, HA_START_FIRST);
	rig_connect(2, 3);
	rig_run_ms(5000);
	ck_assert_int_eq(rig.m[3].kernel[200], RIG_REPLICA);
	ck_assert(rig_find(3, 200, &v) && v.zone_here);
	ck_assert_uint_eq(v.zone_number, 7);
}
END_TEST

START_TEST(a_zone_that_comes_is_filled_and_one_that_goes_is_emptied)
{
	flow_in(200, 0x80000002);
	rig_run_ms(1000);
	ck_assert_int_eq(rig.m[2].kernel[200], RIG_NONE);
	change_zones(2, 2);
	rig_run_ms(1000);
	ck_assert_int_eq(rig.m[2].kernel[200], RIG_REPLICA);
	change_zones(2, 1);
	rig_run_ms(1000);
	ck_assert_int_eq(rig.m[2].kernel[200], RIG_NONE);
	ck_assert_uint_eq(rig_sessions(2), 1);
}
END_TEST

START_TEST(of_a_zone_that_is_lacking_nothing_is_claimed)
{
	struct ha_view_session v;

	flow_in(200, 0x80000002);
	rig_run_ms(1000);
	rig_kill(1);
	rig_run_ms(5000);
	ck_assert(rig_find(2, 200, &v));
	ck_assert_int_eq(v.role, HA_ROLE_CACHED);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("zone");
	TCase *keys = tcase_create("keys");
	TCase *tc = tcase_create("members");
	SRunner *sr;
	int failed;

	tcase_add_test(keys, a_key_follows_from_the_name_alone);
	tcase_add_test(keys, a_zone_without_a_name_goes_by_its_number);
	suite_add_tcase(s, keys);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
	    who_lacks_a_zone_keeps_its_sessions_and_hands_them_on);
	tcase_add_test(tc,
	    a_zone_that_comes_is_filled_and_one_that_goes_is_emptied);
	tcase_add_test(tc, of_a_zone_that_is_lacking_nothing_is_claimed);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
