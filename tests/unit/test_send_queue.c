#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "shell/send_queue.h"

#define LIMIT 100

static struct ha_send_queue q;

static void
setup(void)
{
	ha_send_queue_init(&q, LIMIT);
}

static void
teardown(void)
{
	ha_send_queue_clear(&q);
}

static int
push(enum ha_urgency urgency, const char *text)
{
	return ha_send_queue_push(&q, urgency, (const uint8_t *)text,
	    strlen(text));
}

static void
expect_pop(const char *text)
{
	struct ha_send_item *item = ha_send_queue_pop(&q);

	ck_assert_ptr_nonnull(item);
	ck_assert_uint_eq(item->len, strlen(text));
	ck_assert_mem_eq(item->bytes, text, item->len);
	free(item);
}

START_TEST(what_is_urgent_passes_what_waits)
{
	ck_assert_int_eq(push(HA_URGENCY_BATCH, "batch"), HA_OK);
	ck_assert_int_eq(push(HA_URGENCY_CONTROL, "control"), HA_OK);
	ck_assert_int_eq(push(HA_URGENCY_KEEPALIVE, "keepalive"), HA_OK);
	expect_pop("keepalive");
	expect_pop("control");
	expect_pop("batch");
	ck_assert_ptr_null(ha_send_queue_pop(&q));
}
END_TEST

START_TEST(frames_of_one_urgency_keep_their_order)
{
	ck_assert_int_eq(push(HA_URGENCY_BATCH, "1"), HA_OK);
	ck_assert_int_eq(push(HA_URGENCY_BATCH, "2"), HA_OK);
	expect_pop("1");
	ck_assert_int_eq(push(HA_URGENCY_BATCH, "3"), HA_OK);
	expect_pop("2");
	expect_pop("3");
}
END_TEST

START_TEST(a_full_queue_takes_nothing_and_keeps_what_it_has)
{
	static const uint8_t BIG[LIMIT + 1];

	ck_assert_int_eq(ha_send_queue_push(&q, HA_URGENCY_BATCH, BIG,
	    sizeof(BIG)), HA_ERR_FULL);
	ck_assert_int_eq(push(HA_URGENCY_CONTROL, "kept"), HA_OK);
	ck_assert_int_eq(ha_send_queue_push(&q, HA_URGENCY_KEEPALIVE, BIG,
	    LIMIT - 3), HA_ERR_FULL);
	ck_assert_uint_eq(q.bytes, 4);
	expect_pop("kept");
}
END_TEST

START_TEST(a_queue_that_was_emptied_has_its_whole_room_again)
{
	static const uint8_t ALL[LIMIT];

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(ha_send_queue_push(&q, HA_URGENCY_BATCH, ALL,
		    sizeof(ALL)), HA_OK);
		ha_send_queue_clear(&q);
		ck_assert_uint_eq(q.bytes, 0);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("send_queue");
	TCase *tc = tcase_create("order and limit");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_urgent_passes_what_waits);
	tcase_add_test(tc, frames_of_one_urgency_keep_their_order);
	tcase_add_test(tc, a_full_queue_takes_nothing_and_keeps_what_it_has);
	tcase_add_test(tc, a_queue_that_was_emptied_has_its_whole_room_again);
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
