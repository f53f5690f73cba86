/* What only some sessions have, in the core. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core_rig.h"

static const struct ha_extra FTP = { .label = { 1, 0 }, .helper = "ftp",
	.seq = { { 100, 0, 2 } } };

static struct ha_extra data; /* announced by the session of port 21 */

static void
setup(void)
{
	struct ha_input control = rig_event(HA_SESSION_NEW, 21);

	rig_begin();
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		rig_start(m, HA_START_FIRST);
	rig_connect(1, 2);
	rig_connect(1, 3);
	rig_connect(2, 3);
	rig_run_ms(500);
	data = (struct ha_extra){ .master = control.u.session.record.orig };
}

static void
teardown(void)
{
	rig_end();
}

static void
tell(uint8_t m, enum ha_session_event event, uint16_t port,
    const struct ha_extra *x)
{
	struct ha_input in = rig_event(event, port);

	in.u.session.extra = *x;
	rig.m[m].kernel[port] = RIG_CARRIED;
	rig_feed(m, &in);
}

static void
holds(uint8_t m, uint16_t port, const struct ha_extra *want)
{
	struct ha_view_session v;

	ck_assert(rig_find(m, port, &v));
	ck_assert_msg(ha_extra_equal(&v.extra, want), "member %u", m);
}

/* What all members have as the digest of member 1. */
static uint64_t
digest_of_all(void)
{
	struct ha_view_stream v[3 * RIG_MEMBERS];
	size_t n = ha_view_streams(rig.m[2].core, v, 3 * RIG_MEMBERS);
	uint64_t digest = 0;

	for (size_t i = 0; i < n; i++) {
		if (v[i].status.stream.owner != 1)
			continue;
		if (digest == 0)
			digest = v[i].status.digest;
		ck_assert_uint_eq(v[i].status.digest, digest);
	}
	ck_assert_uint_ne(digest, 0);
	return digest;
}

START_TEST(it_gets_into_every_kernel_and_every_digest)
{
	tell(1, HA_SESSION_NEW, 21, &FTP);
	rig_run_ms(2500);
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		holds(m, 21, &FTP);
	ck_assert(ha_extra_equal(&rig.m[2].extra[21], &FTP));
	ck_assert(ha_extra_equal(&rig.m[3].extra[21], &FTP));
	(void)digest_of_all();
}
END_TEST

START_TEST(a_digest_tells_who_lacks_it)
{
	static const struct ha_extra NOTHING;
	uint64_t with, without;

	tell(1, HA_SESSION_NEW, 21, &FTP);
	rig_run_ms(2500);
	with = digest_of_all();
	teardown();
	setup();
	tell(1, HA_SESSION_NEW, 21, &NOTHING);
	rig_run_ms(2500);
	without = digest_of_all();
	ck_assert_uint_ne(with, without);
}
END_TEST

START_TEST(every_part_of_it_counts)
{
	const struct ha_extra variants[] = {
		{ .label = { 1 } },
		{ .label = { 0, 1 } },
		{ .helper = "1" },
		{ .seq = { { 1, 0, 0 } } },
		{ .seq = { { 0, 1, 0 } } },
		{ .seq = { { 0, 0, 1 } } },
		{ .seq = { { 0 }, { 1, 0, 0 } } },
		{ .seq = { { 0 }, { 0, 1, 0 } } },
		{ .seq = { { 0 }, { 0, 0, 1 } } },
		{ .synproxy = { 1, 0, 0 } },
		{ .synproxy = { 0, 1, 0 } },
		{ .synproxy = { 0, 0, 1 } },
		{ .master = { .family = HA_IPV4 } },
		{ .master = { .family = HA_IPV6 } },
	};
	const size_t n = sizeof(variants) / sizeof(variants[0]);

	ck_assert(ha_extra_is_nothing(NULL));
	ck_assert_uint_eq(ha_extra_hash(NULL), 0);
	for (size_t i = 0; i < n; i++) {
		ck_assert(ha_extra_valid(&variants[i]));
		ck_assert(!ha_extra_is_nothing(&variants[i]));
		ck_assert_uint_ne(ha_extra_hash(&variants[i]), 0);
		for (size_t k = 0; k < i; k++) {
			ck_assert(!ha_extra_equal(&variants[i], &variants[k]));
			ck_assert_uint_ne(ha_extra_hash(&variants[i]),
			    ha_extra_hash(&variants[k]));
		}
	}
}
END_TEST

START_TEST(an_update_is_about_what_it_tells)
{
	struct ha_input in = rig_event(HA_SESSION_UPDATE, 21);
	struct ha_extra want = FTP;

	tell(1, HA_SESSION_NEW, 21, &FTP);
	rig_run_ms(100);
	memcpy(in.u.session.extra.helper, FTP.helper, HA_HELPER_LEN);
	in.u.session.record.tcp_state = HA_TCP_NONE;
	rig_feed(1, &in);
	rig_run_ms(100);
	holds(2, 21, &want);
	ck_assert_uint_eq(rig.m[2].changes[21], 0);

	in.u.session.label_told = true;
	in.u.session.extra.label[1] = 7;
	rig_feed(1, &in);
	rig_run_ms(100);
	want.label[0] = 0;
	want.label[1] = 7;
	holds(2, 21, &want);
	ck_assert_uint_eq(rig.m[2].changes[21], HA_CHANGE_LABEL);
	ck_assert(ha_extra_equal(&rig.m[2].extra[21], &want));
}
END_TEST

START_TEST(a_shift_reaches_the_replicas)
{
	struct ha_extra shifted = FTP;

	tell(1, HA_SESSION_NEW, 21, &FTP);
	rig_run_ms(100);
	shifted.seq[0] = (struct ha_seq_adjust){ 200, 2, 4 };
	tell(1, HA_SESSION_DUMPED, 21, &shifted);
	rig_run_ms(100);
	ck_assert_uint_eq(rig.m[3].changes[21], HA_CHANGE_SEQUENCE);
	ck_assert(ha_extra_equal(&rig.m[3].extra[21], &shifted));
	holds(3, 21, &shifted);
}
END_TEST

START_TEST(another_helper_takes_another_entry)
{
	struct ha_extra other = FTP;
	unsigned int removals;

	tell(1, HA_SESSION_NEW, 21, &FTP);
	rig_run_ms(100);
	removals = rig.m[2].removals;
	memcpy(other.helper, "sip", sizeof("sip"));
	tell(1, HA_SESSION_DUMPED, 21, &other);
	rig_run_ms(100);
	ck_assert_uint_eq(rig.m[2].removals, removals + 1);
	ck_assert_int_eq(rig.m[2].kernel[21], RIG_REPLICA);
	ck_assert_str_eq(rig.m[2].extra[21].helper, "sip");
}
END_TEST

START_TEST(what_goes_away_leaves_nothing)
{
	static const struct ha_extra NOTHING;

	tell(1, HA_SESSION_NEW, 21, &FTP);
	rig_run_ms(100);
	tell(1, HA_SESSION_DUMPED, 21, &NOTHING);
	rig_run_ms(2500);
	for (uint8_t m = 1; m <= RIG_MEMBERS; m++)
		holds(m, 21, &NOTHING);
	(void)digest_of_all();
}
END_TEST

/* Its own kernel knew more than the last record of the owner that died. */
START_TEST(a_claim_publishes_what_the_own_kernel_knows)
{
	struct ha_extra shifted = FTP;
	struct ha_input in = rig_event(HA_SESSION_UPDATE, 21);

	tell(1, HA_SESSION_NEW, 21, &FTP);
	rig_run_ms(100);
	rig_kill(1);
	rig.m[2].kernel[21] = RIG_CARRIED;
	in.u.session.extra = FTP;
	in.u.session.seq_told = true;
	in.u.session.extra.seq[1].after = shifted.seq[1].after = -5;
	rig_feed(2, &in);
	rig_run_ms(5000);
	holds(2, 21, &shifted);
	holds(3, 21, &shifted);
	ck_assert(ha_extra_equal(&rig.m[3].extra[21], &shifted));
}
END_TEST

START_TEST(who_announced_a_session_is_created_before_it)
{
	struct ha_view_session control, v;
	struct ha_extra shifted = FTP;

	rig_kill(3);
	tell(1, HA_SESSION_NEW, 21, &FTP);
	tell(1, HA_SESSION_NEW, 2000, &data);
	shifted.seq[0].after = 4;
	tell(1, HA_SESSION_DUMPED, 21, &shifted); /* goes to the tail */
	rig_run_ms(200);
	rig_start(3, HA_START_FIRST);
	rig_connect(1, 3);
	rig_connect(2, 3);
	rig_run_ms(2000);
	ck_assert_uint_gt(rig.m[3].order[21], 0);
	ck_assert_uint_gt(rig.m[3].order[2000], rig.m[3].order[21]);
	ck_assert(rig_find(3, 21, &control) && rig_find(3, 2000, &v));
	ck_assert(ha_uid_equal(&v.master, &control.uid));
	ck_assert(!v.bare);
}
END_TEST

static unsigned int refusals;
static bool taken_bare;

static int
lack_master(const struct ha_kernel_op *op)
{
	if (op->verb != HA_KERNEL_INSTALL || op->extra == NULL ||
	    op->extra->master.family == 0)
		return HA_OK;
	taken_bare |= op->bare;
	refusals += !op->bare;
	return op->bare ? HA_OK : HA_ERR_ABSENT;
}

START_TEST(without_its_master_a_session_is_created_at_the_third_try)
{
	struct ha_view_session v;

	refusals = 0;
	taken_bare = false;
	rig_kill(3);
	rig.answer = lack_master;
	tell(1, HA_SESSION_NEW, 2000, &data);
	rig_run_ms(5000);
	ck_assert_uint_eq(refusals, 3);
	ck_assert(taken_bare);
	ck_assert_int_eq(rig.m[2].kernel[2000], RIG_REPLICA);
	ck_assert(rig_find(2, 2000, &v));
	ck_assert(v.bare && v.installed && v.master.number == 0);
}
END_TEST

static int
lack_helper(const struct ha_kernel_op *op)
{
	if (op->verb == HA_KERNEL_INSTALL && !op->bare)
		return HA_ERR_UNSUPPORTED;
	return HA_OK;
}

START_TEST(a_session_is_created_without_a_helper_that_is_not_there)
{
	struct ha_view_session v;

	rig.answer = lack_helper;
	tell(1, HA_SESSION_NEW, 21, &FTP);
	tell(1, HA_SESSION_NEW, 22, &(struct ha_extra){ .label = { 1 } });
	rig_run_ms(3000);
	ck_assert_int_eq(rig.m[2].kernel[21], RIG_REPLICA);
	ck_assert(rig_find(2, 21, &v) && v.bare);
	ck_assert_int_eq(rig.m[2].kernel[22], RIG_NONE); /* no help in that */
}
END_TEST

/* Twice as many as there are places in the session table, one by one. */
START_TEST(places_come_back)
{
	struct ha_input in;

	for (int round = 0; round < 50; round++) {
		for (uint16_t port = 1; port <= 100; port++)
			tell(1, HA_SESSION_NEW, port, &FTP);
		rig_run_ms(50);
		for (uint16_t port = 1; port <= 100; port++) {
			in = rig_event(HA_SESSION_END, port);
			in.u.session.foreign = true;
			rig.m[1].kernel[port] = RIG_NONE;
			rig_feed(1, &in);
		}
		rig_run_ms(50);
	}
	ck_assert_uint_eq(rig_sessions(2), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("extra");
	TCase *tc = tcase_create("three members");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, it_gets_into_every_kernel_and_every_digest);
	tcase_add_test(tc, a_digest_tells_who_lacks_it);
	tcase_add_test(tc, every_part_of_it_counts);
	tcase_add_test(tc, an_update_is_about_what_it_tells);
	tcase_add_test(tc, a_shift_reaches_the_replicas);
	tcase_add_test(tc, another_helper_takes_another_entry);
	tcase_add_test(tc, what_goes_away_leaves_nothing);
	tcase_add_test(tc, a_claim_publishes_what_the_own_kernel_knows);
	tcase_add_test(tc, who_announced_a_session_is_created_before_it);
	tcase_add_test(tc,
	    without_its_master_a_session_is_created_at_the_third_try);
	tcase_add_test(tc,
	    a_session_is_created_without_a_helper_that_is_not_there);
	tcase_add_test(tc, places_come_back);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
