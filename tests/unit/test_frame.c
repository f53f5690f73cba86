#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/frame.h"

#define LIMIT 300

static struct ha_frame_reader reader;
static uint8_t buf[LIMIT];

static void
setup(void)
{
	ha_frame_init(&reader, buf, sizeof(buf));
}

static int
feed(const uint8_t *data, size_t len, size_t *used)
{
	return ha_frame_feed(&reader, data, len, used);
}

static void
expect_body(const char *want)
{
	size_t len;
	const uint8_t *body = ha_frame_body(&reader, &len);

	ck_assert_uint_eq(len, strlen(want));
	ck_assert_mem_eq(body, want, len);
}

static const uint8_t STREAM[] = { 3, 0, 'o', 'n', 'e', 5, 0, 't', 'h', 'r',
	'e', 'e', 1, 0, '!' };
static const char *const BODIES[] = { "one", "three", "!" };

/* _i: how many bytes come at once. */
START_TEST(records_are_the_same_however_the_bytes_come)
{
	size_t step = (size_t)_i;
	size_t found = 0;

	for (size_t at = 0; at < sizeof(STREAM); at += step) {
		const uint8_t *data = STREAM + at;
		size_t left = sizeof(STREAM) - at;
		size_t used;

		if (left > step)
			left = step;
		while (feed(data, left, &used) == HA_OK) {
			ck_assert_uint_lt(found, 3);
			expect_body(BODIES[found++]);
			ha_frame_next(&reader);
			data += used;
			left -= used;
		}
		ck_assert_uint_eq(used, left);
	}
	ck_assert_uint_eq(found, 3);
}
END_TEST

START_TEST(a_whole_record_takes_nothing_of_the_next)
{
	size_t used;

	ck_assert_int_eq(feed(STREAM, sizeof(STREAM), &used), HA_OK);
	ck_assert_uint_eq(used, 5);
	ck_assert_int_eq(feed(STREAM + used, 4, &used), HA_OK);
	ck_assert_uint_eq(used, 0);
	expect_body("one");
}
END_TEST

static const struct {
	const char *why;
	uint8_t head[HA_FRAME_HEAD];
	int want;
} heads[] = {
	{ "empty", { 0, 0 }, HA_ERR_CORRUPT },
	{ "the smallest", { 1, 0 }, HA_ERR_SHORT },
	{ "the largest", { LIMIT & 0xff, LIMIT >> 8 }, HA_ERR_SHORT },
	{ "one too large", { (LIMIT + 1) & 0xff, LIMIT >> 8 }, HA_ERR_FULL },
	{ "the largest of all", { 0xff, 0xff }, HA_ERR_FULL },
};

START_TEST(a_bad_length_is_told_before_any_body_comes)
{
	size_t used;

	ck_assert_msg(feed(heads[_i].head, HA_FRAME_HEAD, &used) ==
	    heads[_i].want, "case: %s", heads[_i].why);
	ck_assert_uint_eq(used, HA_FRAME_HEAD);
}
END_TEST

START_TEST(nothing_at_all_is_only_short)
{
	size_t used = 7;

	ck_assert_int_eq(feed(NULL, 0, &used), HA_ERR_SHORT);
	ck_assert_uint_eq(used, 0);
}
END_TEST

START_TEST(a_head_is_low_byte_first)
{
	uint8_t head[HA_FRAME_HEAD];

	ha_frame_put_head(head, 0x1234);
	ck_assert_uint_eq(head[0], 0x34);
	ck_assert_uint_eq(head[1], 0x12);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frame");
	TCase *tc = tcase_create("reader");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, records_are_the_same_however_the_bytes_come, 1,
	    (int)sizeof(STREAM) + 1);
	tcase_add_test(tc, a_whole_record_takes_nothing_of_the_next);
	tcase_add_loop_test(tc, a_bad_length_is_told_before_any_body_comes, 0,
	    (int)(sizeof(heads) / sizeof(heads[0])));
	tcase_add_test(tc, nothing_at_all_is_only_short);
	tcase_add_test(tc, a_head_is_low_byte_first);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
