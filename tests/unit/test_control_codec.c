#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "proto/control_codec.h"

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static uint8_t frame[HA_CONTROL_HEADER + HA_CONTROL_ANSWER_MAX];

static Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;

static Ha__Ctl__Request
new_request(void)
{
	Ha__Ctl__Request r = HA__CTL__REQUEST__INIT;

	r.protocol = HA_CONTROL_PROTOCOL;
	r.verb_case = HA__CTL__REQUEST__VERB_MEMBERS;
	r.members = &plain;
	return r;
}

/* Encode r, and decode what came out. */
static int
there_and_back(const Ha__Ctl__Request *r, Ha__Ctl__Request **out)
{
	size_t len = 0, body = 0;

	ck_assert_int_eq(ha_control_encode_request(r, frame, sizeof(frame),
	    &len), HA_OK);
	ck_assert_int_eq(ha_control_frame_length(frame, HA_CONTROL_REQUEST_MAX,
	    &body), HA_OK);
	ck_assert_uint_eq(len, body + HA_CONTROL_HEADER);
	return ha_control_decode_request(frame + HA_CONTROL_HEADER, body, out);
}

START_TEST(a_request_comes_back_as_it_was)
{
	Ha__Ctl__Request r = new_request();
	Ha__Ctl__AskSessions ask = HA__CTL__ASK_SESSIONS__INIT;
	Ha__Ctl__Request *got = NULL;
	char owner[] = "FW-A";

	ask.owner = owner;
	ask.has_limit = 1;
	ask.limit = 12;
	r.verb_case = HA__CTL__REQUEST__VERB_SESSIONS;
	r.sessions = &ask;

	ck_assert_int_eq(there_and_back(&r, &got), HA_OK);
	ck_assert_int_eq((int)got->verb_case, HA__CTL__REQUEST__VERB_SESSIONS);
	ck_assert_str_eq(got->sessions->owner, "FW-A");
	ck_assert_uint_eq(got->sessions->limit, 12);
	ck_assert(!got->sessions->has_cached);
	ck_assert_ptr_null(got->sessions->zone);
	ha_control_free_request(got);
}
END_TEST

START_TEST(an_answer_comes_back_as_it_was)
{
	Ha__Ctl__Answer a = HA__CTL__ANSWER__INIT;
	Ha__Ctl__Error error = HA__CTL__ERROR__INIT;
	Ha__Ctl__Answer *got = NULL;
	char code[] = "no-session", text[] = "No such session.";
	size_t len = 0;

	error.code = code;
	error.message = text;
	a.body_case = HA__CTL__ANSWER__BODY_ERROR;
	a.error = &error;

	ck_assert_int_eq(ha_control_encode_answer(&a, frame, sizeof(frame),
	    &len), HA_OK);
	ck_assert_int_eq(ha_control_decode_answer(frame + HA_CONTROL_HEADER,
	    len - HA_CONTROL_HEADER, &got), HA_OK);
	ck_assert_int_eq((int)got->body_case, HA__CTL__ANSWER__BODY_ERROR);
	ck_assert_str_eq(got->error->message, text);
	ck_assert(!got->more);
	ha_control_free_answer(got);
}
END_TEST

START_TEST(another_protocol_or_verb_is_not_supported)
{
	Ha__Ctl__Request r = new_request();
	Ha__Ctl__Request *got = NULL;

	r.protocol = HA_CONTROL_PROTOCOL + 1;
	ck_assert_int_eq(there_and_back(&r, &got), HA_ERR_UNSUPPORTED);

	r = new_request();
	r.verb_case = HA__CTL__REQUEST__VERB__NOT_SET;
	ck_assert_int_eq(there_and_back(&r, &got), HA_ERR_UNSUPPORTED);
	ck_assert_ptr_null(got);
}
END_TEST

static uint8_t bytes16[17];

static const struct {
	const char *why;
	size_t address_len;
	uint32_t length;
	int want;
} prefix_cases[] = {
	{ "an IPv4 address", 4, 32, HA_OK },
	{ "everything", 4, 0, HA_OK },
	{ "an IPv6 network", 16, 64, HA_OK },
	{ "more bits than IPv4 has", 4, 33, HA_ERR_INVAL },
	{ "more bits than IPv6 has", 16, 129, HA_ERR_INVAL },
	{ "no address", 0, 0, HA_ERR_INVAL },
	{ "an address of another size", 17, 8, HA_ERR_INVAL },
};

START_TEST(a_prefix_is_an_address_and_its_bits)
{
	Ha__Ctl__Request r = new_request();
	Ha__Ctl__AskSessions ask = HA__CTL__ASK_SESSIONS__INIT;
	Ha__Ctl__Prefix prefix = HA__CTL__PREFIX__INIT;
	Ha__Ctl__Request *got = NULL;

	prefix.address.data = bytes16;
	prefix.address.len = prefix_cases[_i].address_len;
	prefix.length = prefix_cases[_i].length;
	ask.destination = &prefix;
	r.verb_case = HA__CTL__REQUEST__VERB_SESSIONS;
	r.sessions = &ask;
	ck_assert_msg(there_and_back(&r, &got) == prefix_cases[_i].want,
	    "case: %s", prefix_cases[_i].why);
	ha_control_free_request(got);
}
END_TEST

START_TEST(a_word_of_a_filter_is_not_empty_and_not_long)
{
	Ha__Ctl__Request r = new_request();
	Ha__Ctl__AskSessions ask = HA__CTL__ASK_SESSIONS__INIT;
	Ha__Ctl__Request *got = NULL;
	char text[HA_CONTROL_TEXT_MAX + 2];

	memset(text, 'x', sizeof(text));
	text[HA_CONTROL_TEXT_MAX + 1] = '\0';
	ask.zone = text;
	r.verb_case = HA__CTL__REQUEST__VERB_SESSIONS;
	r.sessions = &ask;
	ck_assert_int_eq(there_and_back(&r, &got), HA_ERR_INVAL);
	text[0] = '\0';
	ck_assert_int_eq(there_and_back(&r, &got), HA_ERR_INVAL);
	text[0] = 'x';
	text[HA_CONTROL_TEXT_MAX] = '\0';
	ck_assert_int_eq(there_and_back(&r, &got), HA_OK);
	ha_control_free_request(got);
}
END_TEST

START_TEST(an_end_is_of_one_session_or_of_those_that_match)
{
	Ha__Ctl__Request r = new_request();
	Ha__Ctl__AskEnd ask = HA__CTL__ASK_END__INIT;
	Ha__Ctl__AskSessions filters = HA__CTL__ASK_SESSIONS__INIT;
	Ha__Ctl__Uid uid = HA__CTL__UID__INIT;
	Ha__Ctl__Request *got = NULL;

	r.verb_case = HA__CTL__REQUEST__VERB_END;
	r.end = &ask;
	ck_assert_int_eq(there_and_back(&r, &got), HA_ERR_INVAL);
	ask.session = &uid;
	ck_assert_int_eq(there_and_back(&r, &got), HA_ERR_INVAL);
	uid.creator = 1;
	ck_assert_int_eq(there_and_back(&r, &got), HA_OK);
	ha_control_free_request(got);
	ask.sessions = &filters;
	filters.has_protocol = 1;
	filters.protocol = 6;
	ck_assert_int_eq(there_and_back(&r, &got), HA_ERR_INVAL);
	ask.session = NULL;
	ck_assert_int_eq(there_and_back(&r, &got), HA_OK);
	ha_control_free_request(got);
	filters.has_protocol = 0;
	filters.has_limit = 1;
	filters.limit = 3; /* of all that there are */
	ck_assert_int_eq(there_and_back(&r, &got), HA_ERR_INVAL);
}
END_TEST

static const struct {
	const char *why;
	uint8_t header[HA_CONTROL_HEADER];
	int want;
} length_cases[] = {
	{ "one byte", { 1, 0, 0, 0 }, HA_OK },
	{ "the most", { 0, 16, 0, 0 }, HA_OK },
	{ "one more", { 1, 16, 0, 0 }, HA_ERR_CORRUPT },
	{ "nothing", { 0, 0, 0, 0 }, HA_ERR_CORRUPT },
	{ "all bits", { 255, 255, 255, 255 }, HA_ERR_CORRUPT },
};

START_TEST(a_frame_is_measured_before_it_is_read)
{
	size_t len = 0;

	ck_assert_msg(ha_control_frame_length(length_cases[_i].header,
	    HA_CONTROL_REQUEST_MAX, &len) == length_cases[_i].want,
	    "case: %s", length_cases[_i].why);
}
END_TEST

START_TEST(what_does_not_fit_is_not_written)
{
	Ha__Ctl__Request r = new_request();
	uint8_t small[HA_CONTROL_HEADER + 3];
	size_t len = 77;

	ck_assert_int_eq(ha_control_encode_request(&r, small, sizeof(small),
	    &len), HA_ERR_FULL);
	ck_assert_int_eq(ha_control_encode_request(&r, small, 2, &len),
	    HA_ERR_FULL);
	ck_assert_uint_eq(len, 77);
}
END_TEST

/* Every truncation and every flipped bit either decodes to a request that is
 * allowed or is refused; the sanitizers watch. */
START_TEST(damaged_requests_do_no_harm)
{
	Ha__Ctl__Request r = new_request();
	Ha__Ctl__Uid uid = HA__CTL__UID__INIT;
	Ha__Ctl__Request *got;
	uint8_t copy[64];
	size_t len = 0, refused = 0;

	uid.creator = 16;
	uid.boot = 5;
	uid.number = 1u << 20;
	r.verb_case = HA__CTL__REQUEST__VERB_SESSION;
	r.session = &uid;
	ck_assert_int_eq(ha_control_encode_request(&r, copy, sizeof(copy),
	    &len), HA_OK);

	for (size_t cut = HA_CONTROL_HEADER; cut < len; cut++) {
		ck_assert_int_ne(ha_control_decode_request(
		    copy + HA_CONTROL_HEADER, cut - HA_CONTROL_HEADER, &got),
		    HA_OK);
	}
	for (size_t bit = 8 * HA_CONTROL_HEADER; bit < 8 * len; bit++) {
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
		got = NULL;
		if (ha_control_decode_request(copy + HA_CONTROL_HEADER,
		    len - HA_CONTROL_HEADER, &got) != HA_OK)
			refused++;
		ha_control_free_request(got);
		copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_uint_gt(refused, 0);
}
END_TEST

START_TEST(junk_is_refused_on_both_sides)
{
	struct ha_rng rng = { 7 };
	uint8_t junk[256];

	for (int round = 0; round < 2000; round++) {
		Ha__Ctl__Request *request = NULL;
		Ha__Ctl__Answer *answer = NULL;

		for (size_t i = 0; i < sizeof(junk); i++)
			junk[i] = (uint8_t)ha_rng_next(&rng);
		ck_assert_int_ne(ha_control_decode_request(junk, sizeof(junk),
		    &request), HA_OK);
		if (ha_control_decode_answer(junk, sizeof(junk), &answer) ==
		    HA_OK)
			ha_control_free_answer(answer);
	}
	ck_assert_int_eq(ha_control_decode_request(frame,
	    HA_CONTROL_REQUEST_MAX + 1, &(Ha__Ctl__Request *){ NULL }),
	    HA_ERR_FULL);
}
END_TEST

START_TEST(a_uid_is_read_as_it_is_shown)
{
	struct ha_uid uid = { .creator = 16, .boot = UINT64_MAX,
		.number = UINT64_MAX };
	struct ha_uid got = { 0 };
	char text[HA_CONTROL_UID_TEXT];

	ha_control_format_uid(&uid, text);
	ck_assert_str_eq(text, "16-ffffffffffffffff-18446744073709551615");
	ck_assert_int_eq(ha_control_parse_uid(text, &got), HA_OK);
	ck_assert(ha_uid_equal(&uid, &got));

	uid = (struct ha_uid){ .creator = 1, .boot = 0xab, .number = 7 };
	ha_control_format_uid(&uid, text);
	ck_assert_str_eq(text, "1-00000000000000ab-7");
}
END_TEST

static const struct {
	const char *why;
	const char *text;
} bad_uids[] = {
	{ "nothing", "" },
	{ "no number", "1-00000000000000ab" },
	{ "an empty number", "1-00000000000000ab-" },
	{ "no such member", "17-00000000000000ab-1" },
	{ "member 0", "0-00000000000000ab-1" },
	{ "not hexadecimal", "1-00000000000000xy-1" },
	{ "a boot of more than 64 bits", "1-10000000000000000-1" },
	{ "a number of more than 64 bits", "1-0-18446744073709551616" },
	{ "a sign", "1-0-+1" },
	{ "a space", "1-0-1 " },
	{ "something behind", "1-0-1-1" },
};

START_TEST(what_is_no_uid_is_refused)
{
	struct ha_uid got;

	ck_assert_msg(ha_control_parse_uid(bad_uids[_i].text, &got) ==
	    HA_ERR_INVAL, "case: %s", bad_uids[_i].why);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control_codec");
	TCase *tc = tcase_create("all");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, a_request_comes_back_as_it_was);
	tcase_add_test(tc, an_answer_comes_back_as_it_was);
	tcase_add_test(tc, another_protocol_or_verb_is_not_supported);
	tcase_add_loop_test(tc, a_prefix_is_an_address_and_its_bits, 0,
	    N(prefix_cases));
	tcase_add_test(tc, a_word_of_a_filter_is_not_empty_and_not_long);
	tcase_add_test(tc, an_end_is_of_one_session_or_of_those_that_match);
	tcase_add_loop_test(tc, a_frame_is_measured_before_it_is_read, 0,
	    N(length_cases));
	tcase_add_test(tc, what_does_not_fit_is_not_written);
	tcase_add_test(tc, damaged_requests_do_no_harm);
	tcase_add_test(tc, junk_is_refused_on_both_sides);
	tcase_add_test(tc, a_uid_is_read_as_it_is_shown);
	tcase_add_loop_test(tc, what_is_no_uid_is_refused, 0, N(bad_uids));
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
