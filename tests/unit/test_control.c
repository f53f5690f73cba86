/*
 * The control socket from end to end: a real server that looks at a real core
 * answers the real clusterctl, and what that prints is read.
 *
 * Member 1 of the pair is asked.  Member 2 is connected on HA4; member 3 is
 * in the file and never seen; member 4 is disabled.
 */
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core_pair.h"
#include "proto/control_codec.h"
#include "proto/keys.h"
#include "shell/control.h"
#include "storage/eventdb.h"
#include "storage/store.h"

#define OUTPUT_MAX (4 * 1024 * 1024)

static struct event_base *base;
static struct ha_control *control;
static struct ha_cluster_conf *conf;
static struct ha_store *store;
static struct core_pair *pair;
static struct ha_shell_counters shell_counters;
static bool refuses; /* whatever is asked of the core */
static char dir[64];
static char path[96];

/* --- the world that is looked at --- */

static const char CONF[] =
    "cluster { id = 7 }\n"
    "sessions { table-size = 4096 }\n"
    "zone \"internal\" { conntrack-zone = 0 }\n"
    "member \"FW-A\" { index = 1 name = \"fw-a\" site = \"dc1\"\n"
    "  ha4-address = \"10.4.0.1/24\" ha4-backup-address = \"10.5.0.1/24\"\n"
    "  public-key = \"%s\" }\n"
    "member \"FW-B\" { index = 2 name = \"fw-b\"\n"
    "  ha4-address = \"10.4.0.2/24\" ha4-backup-address = \"10.5.0.2/24\"\n"
    "  public-key = \"%s\" }\n"
    "member \"FW-C\" { index = 3 name = \"fw-c\"\n"
    "  ha4-address = \"10.4.0.3/24\" ha4-backup-address = \"10.5.0.3/24\"\n"
    "  public-key = \"%s\" }\n"
    "member \"FW-D\" { index = 4 enabled = false name = \"fw-d\"\n"
    "  ha4-address = \"10.4.0.4/24\" ha4-backup-address = \"10.5.0.4/24\"\n"
    "  public-key = \"%s\" }\n";

static void
load_conf(void)
{
	struct ha_conf_report report;
	char keys[4][HA_KEY_TEXT_LEN];
	char text[2048];
	int len;

	ck_assert_int_eq(ha_keys_init(), HA_OK);
	for (int i = 0; i < 4; i++) {
		struct ha_keypair pair_of_keys;

		ha_keypair_generate(&pair_of_keys);
		ha_key_to_text(keys[i], pair_of_keys.public_key);
	}
	len = snprintf(text, sizeof(text), CONF, keys[0], keys[1], keys[2],
	    keys[3]);
	ha_conf_report_init(&report);
	ck_assert_msg(ha_cluster_conf_parse(text, (size_t)len, &report,
	    &conf) == HA_OK, "%s", report.n > 0 ? report.messages[0].text :
	    "?");
	ha_conf_report_free(&report);
}

static void
look(void *arg, struct ha_control_look *out)
{
	(void)arg;
	memset(out, 0, sizeof(*out));
	out->now = core_pair_now(pair);
	out->core = core_pair_core(pair, 1);
	out->counters = &shell_counters;
	out->peers[1].known = true;
	snprintf(out->peers[1].software, sizeof(out->peers[1].software),
	    "0.9-test");
	out->links[1][HA_LINK_HA4].bytes_sent = 5000;
	out->links[1][HA_LINK_HA4].failures = 2;
	out->n_alarms = 1;
	out->alarms[0] = (struct ha_alarm){ .name = "member-lost",
		.member = 3, .since = out->now };
}

/* What the next reload comes to. */
static struct {
	bool done;
	size_t n_members;
	struct ha_reload_member members[3];
	const char *key;
	size_t n_errors;
} next_reload;

static const uint64_t table_version = 8;

static void
say_errors(struct ha_reload *r)
{
	struct ha_conf_report *report = &r->said.report[HA_FILE_CONF];

	for (size_t i = 0; i < next_reload.n_errors; i++)
		ha_conf_error(report, (unsigned int)i, "wrong in many ways, "
		    "each of which takes a long sentence to say, number %zu",
		    i);
}

static void
reload(void *arg, struct ha_reload *out)
{
	(void)arg;
	memset(out, 0, sizeof(*out));
	out->done = next_reload.done;
	out->version = table_version;
	for (int i = 0; i < HA_FILE_MAX; i++)
		out->said.path[i] = "cluster.conf";
	out->n_members = next_reload.n_members;
	memcpy(out->members, next_reload.members,
	    sizeof(next_reload.members));
	if (next_reload.key != NULL)
		snprintf(out->keys[out->n_keys++], HA_RELOAD_KEY_LEN, "%s",
		    next_reload.key);
	ha_conf_warning(&out->said.report[HA_FILE_CONF], 3, "look at this");
	say_errors(out);
	if (!out->done)
		ck_assert(ha_reload_refuse_files(out));
}

static bool
forget(void *arg, const char *serial, char *why, size_t size)
{
	(void)arg;
	if (strcmp(serial, "FW-C") == 0)
		return true;
	snprintf(why, size, "%s answers", serial);
	return false;
}

static int
admin(void *arg, const struct ha_in_admin *ask)
{
	(void)arg;
	return refuses ? HA_ERR_AGAIN : core_pair_admin(pair, 1, ask);
}

static void
open_pair(void)
{
	struct ha_settings settings[2];

	for (uint8_t m = 1; m <= 2; m++) {
		ha_cluster_conf_settings(conf, m, &settings[m - 1]);
		settings[m - 1].boot = (struct ha_boot){ 0x1000u + m, 1 };
		settings[m - 1].start = HA_START_FIRST;
	}
	pair = core_pair_open(settings);
	core_pair_connect(pair);
	core_pair_run(pair, 30000);
}

static void
setup(void)
{
	struct ha_control_parts parts = { .look = look, .version = "1.2.3",
		.table_version = &table_version, .reload = reload,
		.forget = forget, .admin = admin };

	signal(SIGPIPE, SIG_IGN); /* as in the daemon */
	snprintf(dir, sizeof(dir), "/tmp/ha-test-control-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/control.sock", dir);
	shell_counters = (struct ha_shell_counters){ 0 };
	memset(&next_reload, 0, sizeof(next_reload));
	refuses = false;
	load_conf();
	open_pair();
	ck_assert_int_eq(ha_store_open(":memory:", &store), HA_OK);
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	parts.base = base;
	parts.conf = conf;
	parts.store = store;
	ck_assert_int_eq(ha_control_open(&parts, path, NULL, &control),
	    HA_OK);
}

static void
teardown(void)
{
	ha_control_close(control);
	event_base_free(base);
	ha_store_close(store);
	core_pair_close(pair);
	ha_cluster_conf_free(conf);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* --- running clusterctl --- */

static char output[OUTPUT_MAX];
static size_t output_len;

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct event_base *b = arg;
	ssize_t n = read(fd, output + output_len,
	    sizeof(output) - 1 - output_len);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		event_base_loopbreak(b);
		return;
	}
	output_len += (size_t)n;
}

static pid_t
start_child(char *const *argv, int *out)
{
	const char *build = getenv("top_builddir");
	char program[512];
	int fds[2];
	pid_t pid;

	snprintf(program, sizeof(program), "%s/tools/clusterctl",
	    build == NULL ? "." : build);
	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(fds[1], STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(fds[0]);
		execv(program, argv);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* Run clusterctl while the server serves; its exit code, and its standard
 * output in output[]. */
static int
ctl(const char *const *words)
{
	char *argv[24] = { (char *)(uintptr_t)"clusterctl",
		(char *)(uintptr_t)"-s", path };
	struct event *ev;
	int n = 3, fd, status;
	pid_t pid;

	for (; *words != NULL; words++)
		argv[n++] = (char *)(uintptr_t)*words;
	pid = start_child(argv, &fd);
	output_len = 0;
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	ev = event_new(base, fd, EV_READ | EV_PERSIST, on_output, base);
	ck_assert_ptr_nonnull(ev);
	event_add(ev, NULL);
	event_base_dispatch(base);
	event_free(ev);
	close(fd);
	output[output_len] = '\0';
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define CTL(...) ctl((const char *const[]){ __VA_ARGS__, NULL })

static json_t *
parse_output(void)
{
	json_error_t error;
	json_t *o = json_loads(output, JSON_REJECT_DUPLICATES, &error);

	ck_assert_msg(o != NULL, "%s in: %s", error.text, output);
	return o;
}

/* The object has exactly these keys; others depend on it. */
static void
check_keys(const json_t *object, const char *keys)
{
	char copy[512], *word, *rest = copy;
	size_t n = 0;

	ck_assert_msg(json_is_object(object), "no object for: %s", keys);
	snprintf(copy, sizeof(copy), "%s", keys);
	while ((word = strtok_r(rest, " ", &rest)) != NULL) {
		ck_assert_msg(json_object_get(object, word) != NULL,
		    "no key %s", word);
		n++;
	}
	ck_assert_uint_eq(json_object_size(object), n);
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	ck_assert_msg(text != NULL, "no text %s", key);
	return text;
}

static json_int_t
number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	ck_assert_msg(json_is_integer(value), "no number %s", key);
	return json_integer_value(value);
}

static bool
is_null(const json_t *object, const char *key)
{
	return json_is_null(json_object_get(object, key));
}

/* --- sessions to show --- */

static struct ha_record
tcp_record(uint8_t host, uint16_t port)
{
	struct ha_record r = { .status = HA_STATUS_SEEN_REPLY |
		HA_STATUS_ASSURED, .tcp_state = HA_TCP_ESTABLISHED };

	r.orig = (struct ha_tuple){ .src = { 10, 0, 0, host },
		.dst = { 192, 0, 2, 1 }, .src_port = port, .dst_port = 443,
		.zone = ha_zone_key("internal"), .family = HA_IPV4,
		.protocol = IPPROTO_TCP };
	r.reply = ha_tuple_invert(&r.orig);
	return r;
}

/* A masqueraded one: 203.0.113.9:61000 outside. */
static struct ha_record
nat_record(uint8_t host, uint16_t port)
{
	struct ha_record r = tcp_record(host, port);

	r.status |= HA_STATUS_SRC_NAT;
	memcpy(r.reply.dst, (uint8_t[]){ 203, 0, 113, 9 }, 4);
	r.reply.dst_port = 61000;
	return r;
}

static struct ha_record
udp6_record(void)
{
	struct ha_record r = { .status = HA_STATUS_SEEN_REPLY };

	r.orig = (struct ha_tuple){ .src = { 0x20, 1, 0xd, 0xb8, [15] = 1 },
		.dst = { 0x20, 1, 0xd, 0xb8, [15] = 2 }, .src_port = 5353,
		.dst_port = 53, .zone = 5, .family = HA_IPV6,
		.protocol = IPPROTO_UDP };
	r.reply = ha_tuple_invert(&r.orig);
	return r;
}

static struct ha_record
icmp_record(void)
{
	struct ha_record r = { .status = HA_STATUS_SEEN_REPLY };

	r.orig = (struct ha_tuple){ .src = { 10, 0, 0, 9 },
		.dst = { 192, 0, 2, 7 }, .src_port = 77, .dst_port = 8 << 8,
		.zone = ha_zone_key("internal"), .family = HA_IPV4,
		.protocol = IPPROTO_ICMP };
	r.reply = ha_tuple_invert(&r.orig);
	return r;
}

/* Two own sessions here (one translated), one UDP, one ICMP; one at 2. */
static void
add_sessions(void)
{
	struct ha_record records[] = { tcp_record(1, 40000),
		nat_record(2, 40001), udp6_record(), icmp_record() };
	struct ha_record remote = tcp_record(3, 40002);
	const struct ha_extra extra = { .label = { 1 << 3, 1 << 6 },
		.helper = "ftp", .master = { .src = { 10, 0, 0, 1 },
		    .dst = { 192, 0, 2, 1 }, .src_port = 40000,
		    .dst_port = 443, .family = HA_IPV4,
		    .protocol = IPPROTO_TCP } };

	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		core_pair_session(pair, 1, &records[i],
		    i == 1 ? &extra : NULL);
	core_pair_session(pair, 2, &remote, NULL);
	core_pair_run(pair, 2000);
}

/* --- each verb has the keys of the contract --- */

START_TEST(members_has_its_keys_and_absent_values_are_null)
{
	json_t *o, *list, *a, *b, *c;

	ck_assert_int_eq(CTL("members", "--json"), 0);
	o = parse_output();
	check_keys(o, "cluster_id local table_version members alarms");
	ck_assert_int_eq(number_of(o, "cluster_id"), 7);
	ck_assert_int_eq(number_of(o, "table_version"), 8);
	ck_assert_str_eq(text_of(o, "local"), "FW-A");

	list = json_object_get(o, "members");
	ck_assert_uint_eq(json_array_size(list), 3); /* FW-D is disabled */
	a = json_array_get(list, 0);
	b = json_array_get(list, 1);
	c = json_array_get(list, 2);
	for (size_t i = 0; i < 3; i++)
		check_keys(json_array_get(list, i), "index serial name site "
		    "state ha4 ha4_backup synchronization "
		    "synchronization_percent sessions_owned version "
		    "last_heard_ms local");
	ck_assert(json_is_true(json_object_get(a, "local")));
	ck_assert_str_eq(text_of(a, "state"), "active");
	ck_assert_str_eq(text_of(a, "version"), "1.2.3");
	ck_assert_str_eq(text_of(b, "ha4"), "up");
	ck_assert_str_eq(text_of(b, "ha4_backup"), "down");
	ck_assert_str_eq(text_of(b, "synchronization"), "complete");
	ck_assert(is_null(b, "synchronization_percent"));
	ck_assert(is_null(b, "site"));
	ck_assert_str_eq(text_of(b, "version"), "0.9-test");
	ck_assert_str_eq(text_of(c, "ha4"), "down");
	ck_assert(is_null(c, "state"));
	ck_assert(is_null(c, "version"));
	ck_assert(is_null(c, "last_heard_ms"));
	ck_assert(is_null(c, "sessions_owned"));
	json_decref(o);
}
END_TEST

START_TEST(state_has_its_keys)
{
	json_t *o, *alarm;

	ck_assert_int_eq(CTL("--json", "state"), 0);
	o = parse_output();
	check_keys(o, "serial state reason since_seconds waiting_for flaps "
	    "flap_max alarms");
	ck_assert_str_eq(text_of(o, "serial"), "FW-A");
	ck_assert_str_eq(text_of(o, "state"), "active");
	ck_assert_uint_eq(json_array_size(json_object_get(o,
	    "waiting_for")), 0);
	ck_assert_int_eq(number_of(o, "flap_max"), 3);
	alarm = json_array_get(json_object_get(o, "alarms"), 0);
	check_keys(alarm, "name member since_seconds");
	ck_assert_str_eq(text_of(alarm, "member"), "FW-C");
	json_decref(o);
}
END_TEST

START_TEST(links_has_its_keys_and_colours)
{
	json_t *o, *peer, *link;

	ck_assert_int_eq(CTL("links", "--json"), 0);
	o = parse_output();
	check_keys(o, "ha4 ha4_backup peers");
	/* To FW-B, but not to FW-C; to nobody. */
	ck_assert_str_eq(text_of(json_object_get(o, "ha4"), "color"),
	    "yellow");
	ck_assert_str_eq(text_of(json_object_get(o, "ha4_backup"), "color"),
	    "red");
	ck_assert_uint_eq(json_array_size(json_object_get(o, "peers")), 2);
	peer = json_array_get(json_object_get(o, "peers"), 0);
	check_keys(peer, "index serial name ha4 ha4_backup links");
	ck_assert_str_eq(text_of(peer, "serial"), "FW-B");
	ck_assert_str_eq(text_of(peer, "ha4"), "up");
	link = json_array_get(json_object_get(peer, "links"), 0);
	check_keys(link, "link status since_seconds round_trip_us "
	    "keepalives_sent keepalives_received keepalives_lost bytes_sent "
	    "bytes_received errors last_error connection");
	ck_assert_int_eq(number_of(link, "bytes_sent"), 5000);
	ck_assert_int_eq(number_of(link, "errors"), 2);
	ck_assert_int_gt(number_of(link, "keepalives_received"), 0);
	ck_assert(is_null(link, "last_error"));
	json_decref(o);
}
END_TEST

START_TEST(statistics_has_its_keys)
{
	json_t *o, *peer;

	add_sessions();
	ck_assert_int_eq(CTL("statistics", "--json"), 0);
	o = parse_output();
	check_keys(o, "session_table session_cache counters peers");
	check_keys(json_object_get(o, "session_table"), "used capacity");
	ck_assert_int_eq(number_of(json_object_get(o, "session_table"),
	    "used"), 4);
	ck_assert_int_eq(number_of(json_object_get(o, "session_cache"),
	    "used"), 1);
	ck_assert_int_eq(number_of(json_object_get(o, "session_cache"),
	    "capacity"), 4096);
	ck_assert_int_gt(number_of(json_object_get(o, "counters"),
	    "entries_sent"), 0);
	peer = json_array_get(json_object_get(o, "peers"), 0);
	check_keys(peer, "index serial name synchronization sessions_owned "
	    "links");
	check_keys(json_array_get(json_object_get(peer, "links"), 0),
	    "link messages_sent messages_received bytes_sent bytes_received "
	    "errors");
	json_decref(o);
}
END_TEST

/* The counter of that name; NULL: not told. */
static json_t *
find_counter(json_t *o, const char *name)
{
	size_t i;
	json_t *c;

	json_array_foreach(json_object_get(o, "counters"), i, c) {
		if (strcmp(text_of(c, "name"), name) == 0)
			return c;
	}
	return NULL;
}

START_TEST(counters_are_told_with_their_sentences)
{
	json_t *o, *c;

	shell_counters.loop_turns = 12;
	ck_assert_int_eq(CTL("counters", "--json"), 0);
	o = parse_output();
	check_keys(o, "counters since_seconds");
	ck_assert(is_null(o, "since_seconds"));
	c = find_counter(o, "loop_turns");
	check_keys(c, "name value delta unit description");
	ck_assert_int_eq(number_of(c, "value"), 12);
	ck_assert_str_eq(text_of(c, "unit"), "turns");
	ck_assert(is_null(c, "delta"));
	ck_assert_ptr_nonnull(find_counter(o, "claims")); /* though 0 */
	json_decref(o);
}
END_TEST

START_TEST(delta_tells_what_moved_since_the_last_call)
{
	json_t *o, *c;

	shell_counters.loop_turns = 12;
	ck_assert_int_eq(CTL("counters", "--delta", "--json"), 0);
	o = parse_output();
	ck_assert(is_null(o, "since_seconds"));
	ck_assert_int_eq(number_of(find_counter(o, "loop_turns"), "delta"),
	    12);
	json_decref(o);

	core_pair_run(pair, 3000);
	shell_counters.loop_turns = 15;
	ck_assert_int_eq(CTL("counters", "--delta", "--json"), 0);
	o = parse_output();
	ck_assert_int_eq(number_of(o, "since_seconds"), 3);
	c = find_counter(o, "loop_turns");
	ck_assert_int_eq(number_of(c, "delta"), 3);
	ck_assert_int_eq(number_of(c, "value"), 15);
	ck_assert_ptr_null(find_counter(o, "loop_stalls"));
	json_decref(o);
}
END_TEST

static const char SESSION_KEYS[] =
    "uid owner role protocol state source source_port destination "
    "destination_port translated_source translated_source_port "
    "translated_destination translated_destination_port zone copies "
    "age_seconds";

/* The session from that source; NULL: not told. */
static json_t *
find_session(json_t *o, const char *source)
{
	size_t i;
	json_t *s;

	json_array_foreach(json_object_get(o, "sessions"), i, s) {
		if (strcmp(text_of(s, "source"), source) == 0)
			return s;
	}
	return NULL;
}

START_TEST(session_brief_tells_own_and_cached_sessions)
{
	json_t *o, *s;
	size_t i;

	add_sessions();
	ck_assert_int_eq(CTL("session", "brief", "--json"), 0);
	o = parse_output();
	check_keys(o, "sessions total");
	ck_assert_int_eq(number_of(o, "total"), 5);
	json_array_foreach(json_object_get(o, "sessions"), i, s)
		check_keys(s, SESSION_KEYS);

	s = find_session(o, "10.0.0.1");
	ck_assert_str_eq(text_of(s, "owner"), "FW-A");
	ck_assert_str_eq(text_of(s, "role"), "owned");
	ck_assert_str_eq(text_of(s, "protocol"), "tcp");
	ck_assert_str_eq(text_of(s, "state"), "ESTABLISHED");
	ck_assert_str_eq(text_of(s, "zone"), "internal");
	ck_assert_int_eq(number_of(s, "source_port"), 40000);
	ck_assert_int_eq(number_of(s, "destination_port"), 443);
	ck_assert_int_eq(number_of(s, "copies"), 2);
	ck_assert_int_eq(number_of(s, "age_seconds"), 2);
	ck_assert(is_null(s, "translated_source"));
	ck_assert(is_null(s, "translated_source_port"));
	ck_assert(is_null(s, "translated_destination"));
	ck_assert_ptr_eq(strstr(text_of(s, "uid"), "1-0000000000001001-"),
	    text_of(s, "uid"));

	s = find_session(o, "10.0.0.3");
	ck_assert_str_eq(text_of(s, "owner"), "FW-B");
	ck_assert_str_eq(text_of(s, "role"), "cached");
	json_decref(o);
}
END_TEST

START_TEST(a_translation_is_shown_where_there_is_one)
{
	json_t *o, *s;

	add_sessions();
	ck_assert_int_eq(CTL("session", "brief", "--json"), 0);
	o = parse_output();
	s = find_session(o, "10.0.0.2");
	ck_assert_str_eq(text_of(s, "translated_source"), "203.0.113.9");
	ck_assert_int_eq(number_of(s, "translated_source_port"), 61000);
	ck_assert(is_null(s, "translated_destination"));

	s = find_session(o, "2001:db8::1");
	ck_assert_str_eq(text_of(s, "destination"), "2001:db8::2");
	ck_assert_str_eq(text_of(s, "protocol"), "udp");
	ck_assert_str_eq(text_of(s, "state"), "REPLIED");
	ck_assert_str_eq(text_of(s, "zone"), "5"); /* it has no name */

	s = find_session(o, "10.0.0.9");
	ck_assert_str_eq(text_of(s, "protocol"), "icmp");
	ck_assert_int_eq(number_of(s, "source_port"), 77);
	ck_assert(is_null(s, "destination_port"));
	ck_assert(is_null(s, "translated_source"));
	ck_assert(is_null(s, "translated_destination"));
	json_decref(o);
}
END_TEST

static const struct {
	const char *why;
	const char *option;
	const char *value;
	json_int_t total;
} filter_cases[] = {
	{ "all that FW-B owns", "--owner", "FW-B", 1 },
	{ "nothing of FW-C", "--owner", "FW-C", 0 },
	{ "what is cached here", "--role", "cached", 1 },
	{ "what is owned here", "--role", "owned", 4 },
	{ "a zone by its name", "--zone", "internal", 4 },
	{ "a zone by its number", "--zone", "5", 1 },
	{ "a protocol by its name", "--protocol", "TCP", 3 },
	{ "a protocol by its number", "--protocol", "17", 1 },
	{ "a source address", "--source", "10.0.0.3", 1 },
	{ "a source network", "--source", "10.0.0.0/30", 3 },
	{ "bits behind the prefix do not count", "--source", "10.0.0.3/30",
	    3 },
	{ "a translated source", "--source", "203.0.113.0/24", 1 },
	{ "any IPv4 source", "--source", "0.0.0.0/0", 4 },
	{ "an IPv6 network", "--source", "2001:db8::/32", 1 },
	{ "a destination", "--destination", "192.0.2.7", 1 },
	{ "a TCP state", "--state", "established", 3 },
	{ "a state of the others", "--state", "REPLIED", 2 },
	{ "the limit does not change the total", "--limit", "1", 5 },
};

START_TEST(filters_choose_sessions)
{
	json_t *o;
	json_int_t shown;

	add_sessions();
	ck_assert_int_eq(CTL("session", "brief", filter_cases[_i].option,
	    filter_cases[_i].value, "--json"), 0);
	o = parse_output();
	ck_assert_msg(number_of(o, "total") == filter_cases[_i].total,
	    "case: %s", filter_cases[_i].why);
	shown = (json_int_t)json_array_size(json_object_get(o, "sessions"));
	if (strcmp(filter_cases[_i].option, "--limit") == 0)
		ck_assert_int_eq(shown, 1);
	else
		ck_assert_int_eq(shown, filter_cases[_i].total);
	json_decref(o);
}
END_TEST

static const struct {
	const char *why;
	const char *option;
	const char *value;
	int exit_code;
	const char *code;
} refusals[] = {
	{ "no such member", "--owner", "FW-X", 1, "unknown-member" },
	{ "no such zone", "--zone", "dmz", 1, "unknown-zone" },
	{ "no such state", "--state", "HAPPY", 1, "unknown-state" },
	{ "no address", "--source", "fw-a", 2, "usage" },
	{ "too many bits", "--source", "10.0.0.0/33", 2, "usage" },
	{ "no number", "--limit", "-1", 2, "usage" },
	{ "an option of another verb", "--delta", "--json", 2, "usage" },
};

START_TEST(wrong_filters_are_refused_with_an_error_object)
{
	json_t *o, *error;

	ck_assert_msg(CTL("session", "brief", refusals[_i].option,
	    refusals[_i].value, "--json") == refusals[_i].exit_code,
	    "case: %s", refusals[_i].why);
	o = parse_output();
	check_keys(o, "error");
	error = json_object_get(o, "error");
	check_keys(error, "code message");
	ck_assert_str_eq(text_of(error, "code"), refusals[_i].code);
	json_decref(o);
}
END_TEST

START_TEST(session_show_tells_all_of_one)
{
	json_t *o, *brief;
	char uid[HA_CONTROL_UID_TEXT];

	add_sessions();
	ck_assert_int_eq(CTL("session", "brief", "--json"), 0);
	brief = parse_output();
	snprintf(uid, sizeof(uid), "%s", text_of(find_session(brief,
	    "10.0.0.3"), "uid"));
	json_decref(brief);

	ck_assert_int_eq(CTL("session", "show", uid, "--json"), 0);
	o = parse_output();
	check_keys(o, "uid owner role protocol state source source_port "
	    "destination destination_port translated_source "
	    "translated_source_port translated_destination "
	    "translated_destination_port zone copies age_seconds epoch "
	    "revision owners flags mark conntrack_zone changed_seconds "
	    "labels helper master");
	ck_assert_str_eq(text_of(o, "uid"), uid);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(o,
	    "owners"), 0)), "FW-B");
	ck_assert(is_null(o, "helper") && is_null(o, "master"));
	ck_assert_uint_eq(json_array_size(json_object_get(o, "labels")), 0);
	json_decref(o);

	ck_assert_int_eq(CTL("session", "show", "2-00-1", "--json"), 1);
	o = parse_output();
	ck_assert_str_eq(text_of(json_object_get(o, "error"), "code"),
	    "no-session");
	json_decref(o);
}
END_TEST

START_TEST(session_show_tells_what_few_sessions_have)
{
	char uid[HA_CONTROL_UID_TEXT], master[HA_CONTROL_UID_TEXT];
	json_t *o, *brief, *labels;

	add_sessions();
	ck_assert_int_eq(CTL("session", "brief", "--json"), 0);
	brief = parse_output();
	snprintf(uid, sizeof(uid), "%s", text_of(find_session(brief,
	    "10.0.0.2"), "uid"));
	snprintf(master, sizeof(master), "%s", text_of(find_session(brief,
	    "10.0.0.1"), "uid"));
	json_decref(brief);

	ck_assert_int_eq(CTL("session", "show", uid, "--json"), 0);
	o = parse_output();
	ck_assert_str_eq(text_of(o, "helper"), "ftp");
	ck_assert_str_eq(text_of(o, "master"), master);
	labels = json_object_get(o, "labels");
	ck_assert_uint_eq(json_array_size(labels), 2);
	ck_assert_int_eq(json_integer_value(json_array_get(labels, 0)), 3);
	ck_assert_int_eq(json_integer_value(json_array_get(labels, 1)), 70);
	json_decref(o);

	ck_assert_int_eq(CTL("session", "show", uid), 0);
	ck_assert_ptr_nonnull(strstr(output, "Labels          3, 70\n"));
	ck_assert_ptr_nonnull(strstr(output, "Helper          ftp\n"));
	ck_assert_ptr_nonnull(strstr(output, "Announced by    1-"));
	ck_assert_ptr_nonnull(strstr(output, "expected"));
}
END_TEST

static void
check_ended(json_int_t ended, json_int_t refused)
{
	json_t *o = parse_output();

	check_keys(o, "ended refused");
	ck_assert_int_eq(number_of(o, "ended"), ended);
	ck_assert_int_eq(number_of(o, "refused"), refused);
	json_decref(o);
}

static uint32_t
held_by(uint8_t member)
{
	struct ha_view_self self;

	ha_view_self(core_pair_core(pair, member), &self);
	return self.table_owned + self.table_cached;
}

START_TEST(session_end_ends_what_matches_on_every_member)
{
	add_sessions();
	ck_assert_uint_eq(held_by(1), 5);
	ck_assert_int_eq(CTL("session", "end", "--protocol", "tcp", "--limit",
	    "1", "--json"), 0);
	check_ended(1, 0);
	core_pair_run(pair, 1000);
	ck_assert_uint_eq(held_by(1), 4);
	ck_assert_uint_eq(held_by(2), 4);
	ck_assert_int_eq(CTL("session", "end", "--protocol", "tcp", "--json"),
	    0);
	check_ended(2, 0);
	core_pair_run(pair, 1000);
	ck_assert_uint_eq(held_by(1), 2);
	ck_assert_uint_eq(held_by(2), 2);
}
END_TEST

START_TEST(session_end_ends_one_by_its_name)
{
	json_t *o, *brief;
	char uid[HA_CONTROL_UID_TEXT];

	add_sessions();
	ck_assert_int_eq(CTL("session", "brief", "--json"), 0);
	brief = parse_output();
	snprintf(uid, sizeof(uid), "%s", text_of(find_session(brief,
	    "10.0.0.3"), "uid"));
	json_decref(brief);

	refuses = true;
	ck_assert_int_eq(CTL("session", "end", uid, "--json"), 1);
	check_ended(0, 1);
	refuses = false;
	ck_assert_int_eq(CTL("session", "end", uid, "--json"), 0);
	check_ended(1, 0);
	core_pair_run(pair, 1000);
	ck_assert_uint_eq(held_by(2), 4);
	ck_assert_int_eq(CTL("session", "end", uid, "--json"), 1);
	o = parse_output();
	ck_assert_str_eq(text_of(json_object_get(o, "error"), "code"),
	    "no-session");
	json_decref(o);
}
END_TEST

START_TEST(sessions_that_can_not_be_ended_are_counted)
{
	add_sessions();
	refuses = true;
	ck_assert_int_eq(CTL("session", "end", "--role", "owned", "--json"),
	    1);
	check_ended(0, 4);
	ck_assert_int_eq(CTL("session", "end", "--owner", "FW-X"), 1);
	core_pair_run(pair, 1000);
	ck_assert_uint_eq(held_by(1), 5);
}
END_TEST

START_TEST(events_are_told_oldest_first_and_at_most_so_many)
{
	json_t *o, *list;

	for (int i = 0; i < 600; i++)
		ck_assert_int_eq(ha_eventdb_append(store,
		    1700000000000 + i, "link.up", "peer=2"), HA_OK);
	ck_assert_int_eq(CTL("events", "-n", "500", "--json"), 0);
	o = parse_output();
	check_keys(o, "events");
	list = json_object_get(o, "events");
	ck_assert_uint_eq(json_array_size(list), 500);
	check_keys(json_array_get(list, 0), "number time name text");
	ck_assert_int_eq(number_of(json_array_get(list, 0), "number"), 101);
	ck_assert_str_eq(text_of(json_array_get(list, 499), "time"),
	    "2023-11-14T22:13:20.599Z");
	json_decref(o);
}
END_TEST

START_TEST(nothing_to_tell_is_an_empty_list_and_the_word_none)
{
	json_t *o;

	ck_assert_int_eq(CTL("events", "--json"), 0);
	o = parse_output();
	ck_assert_uint_eq(json_array_size(json_object_get(o, "events")), 0);
	json_decref(o);
	ck_assert_int_eq(CTL("session", "brief", "--json"), 0);
	o = parse_output();
	ck_assert_int_eq(number_of(o, "total"), 0);
	json_decref(o);
	ck_assert_int_eq(CTL("events"), 0);
	ck_assert_str_eq(output, "none\n");
	ck_assert_int_eq(CTL("session", "brief"), 0);
	ck_assert_str_eq(output, "none\nTotal: 0\n");
}
END_TEST

START_TEST(verify_compares_what_reachable_members_hold)
{
	json_t *o, *owner, *members, *m;
	size_t i;

	add_sessions();
	ck_assert_int_eq(CTL("verify", "--json"), 0);
	o = parse_output();
	check_keys(o, "equal owners");
	ck_assert(json_is_true(json_object_get(o, "equal")));
	json_array_foreach(json_object_get(o, "owners"), i, owner) {
		check_keys(owner, "owner boot current members");
		members = json_object_get(owner, "members");
		ck_assert_uint_eq(json_array_size(members), 3);
		m = json_array_get(members, 1);
		check_keys(m, "serial reachable complete sessions digest "
		    "equal");
		ck_assert(json_is_true(json_object_get(m, "equal")));
		ck_assert_str_eq(text_of(m, "digest"), text_of(
		    json_array_get(members, 0), "digest"));
		ck_assert(is_null(json_array_get(members, 2), "equal"));
	}
	ck_assert_uint_eq(i, 2);
	json_decref(o);
}
END_TEST

/* Member 2 announces another digest of member 1's sessions than that has. */
static void
forge_digest(void)
{
	static struct ha_view_stream streams[HA_MEMBER_MAX * HA_STREAM_MAX];
	struct ha_core *core = core_pair_core(pair, 1);
	struct ha_message m = { .kind = HA_MSG_KEEPALIVE };
	struct ha_input in = { .kind = HA_IN_MESSAGE,
		.now = core_pair_now(pair),
		.u.message = { .peer = 2, .link = HA_LINK_HA4,
			.generation = 1, .message = &m } };
	size_t n = ha_view_streams(core, streams, HA_MEMBER_MAX *
	    HA_STREAM_MAX);

	m.u.keepalive.counter = 1u << 20;
	m.u.keepalive.state = HA_STATE_ACTIVE;
	m.u.keepalive.n_streams = 1;
	for (size_t i = 0; i < n; i++) {
		if (streams[i].member == 1 &&
		    streams[i].status.stream.owner == 1)
			m.u.keepalive.streams[0] = streams[i].status;
	}
	m.u.keepalive.streams[0].digest ^= 1;
	ck_assert_int_eq(ha_core_step(core, &in), HA_OK);
}

/* A difference has to stay before it is believed, so this takes its time. */
START_TEST(verify_tells_different_members_by_its_exit_code)
{
	json_t *o, *owner, *members;

	add_sessions();
	forge_digest();
	ck_assert_int_eq(CTL("verify", "--json"), 1);
	o = parse_output();
	ck_assert(json_is_false(json_object_get(o, "equal")));
	owner = json_array_get(json_object_get(o, "owners"), 0);
	ck_assert_str_eq(text_of(owner, "owner"), "FW-A");
	members = json_object_get(owner, "members");
	ck_assert(json_is_true(json_object_get(json_array_get(members, 0),
	    "equal")));
	ck_assert(json_is_false(json_object_get(json_array_get(members, 1),
	    "equal")));
	json_decref(o);
}
END_TEST

START_TEST(version_names_both_programs)
{
	json_t *o;

	ck_assert_int_eq(CTL("version", "--json"), 0);
	o = parse_output();
	check_keys(o, "version daemon_version control_protocol");
	ck_assert_str_eq(text_of(o, "daemon_version"), "1.2.3");
	json_decref(o);
}
END_TEST

/* --- what is done --- */

START_TEST(a_reload_tells_what_became_of_whom)
{
	json_t *o;

	next_reload.done = true;
	next_reload.n_members = 3;
	next_reload.members[0] = (struct ha_reload_member){ HA_RELOAD_REMOVED,
		"FW-B" };
	next_reload.members[1] = (struct ha_reload_member){ HA_RELOAD_ADDED,
		"FW-E" };
	next_reload.members[2] = (struct ha_reload_member){ HA_RELOAD_ADDED,
		"FW-F" };
	next_reload.key = "ha4 port";
	ck_assert_int_eq(CTL("reload", "--json"), 0);
	o = parse_output();
	check_keys(o, "table_version added removed changed keys messages "
	    "left_out error");
	ck_assert_int_eq(number_of(o, "table_version"), 8);
	ck_assert_uint_eq(json_array_size(json_object_get(o, "added")), 2);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(o,
	    "added"), 1)), "FW-F");
	ck_assert_uint_eq(json_array_size(json_object_get(o, "removed")), 1);
	ck_assert_uint_eq(json_array_size(json_object_get(o, "changed")), 0);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(o,
	    "keys"), 0)), "ha4 port");
	ck_assert_uint_eq(json_array_size(json_object_get(o, "messages")), 1);
	check_keys(json_array_get(json_object_get(o, "messages"), 0),
	    "file line level text");
	ck_assert(is_null(o, "error"));
	json_decref(o);
}
END_TEST

START_TEST(a_reload_that_changes_nothing_says_so)
{
	next_reload.done = true;
	ck_assert_int_eq(CTL("reload"), 0);
	ck_assert_str_eq(output, "Nothing has changed: the membership table "
	    "has version 8.\n");
}
END_TEST

/* Of very many errors as many as an answer takes; the rest is counted. */
static const struct {
	size_t n;
	bool all;
} error_cases[] = { { 1, true }, { 40, true }, { 5000, false } };

START_TEST(a_refused_reload_tells_every_error)
{
	json_t *o;
	size_t told;

	next_reload.n_errors = error_cases[_i].n;
	ck_assert_int_eq(CTL("reload", "--json"), 1);
	o = parse_output();
	check_keys(json_object_get(o, "error"), "code message");
	ck_assert_str_eq(text_of(json_object_get(o, "error"), "code"),
	    "config");
	told = json_array_size(json_object_get(o, "messages"));
	ck_assert_uint_eq(told + (size_t)number_of(o, "left_out"),
	    error_cases[_i].n + 1);
	ck_assert_int_eq(number_of(o, "left_out") == 0, error_cases[_i].all);
	json_decref(o);
}
END_TEST

START_TEST(a_machine_is_forgotten_or_not)
{
	json_t *o;

	ck_assert_int_eq(CTL("forget", "FW-C", "--json"), 0);
	o = parse_output();
	check_keys(o, "serial");
	ck_assert_str_eq(text_of(o, "serial"), "FW-C");
	json_decref(o);
	ck_assert_int_eq(CTL("forget", "FW-B", "--json"), 1);
	o = parse_output();
	ck_assert_str_eq(text_of(json_object_get(o, "error"), "message"),
	    "Not forgotten: FW-B answers.");
	json_decref(o);
}
END_TEST

static const char *const text_verbs[] = { "members", "state", "links",
	"statistics", "counters", "events", "verify", "version" };

START_TEST(text_that_is_piped_has_no_colours)
{
	ck_assert_int_eq(CTL(text_verbs[_i]), 0);
	ck_assert_uint_gt(output_len, 0);
	ck_assert_ptr_null(strchr(output, '\033'));
}
END_TEST

/* --- many and slow clients --- */

/* More sessions than a slice, so that frames follow each other. */
START_TEST(a_long_answer_comes_in_slices_and_whole)
{
	json_t *o;

	for (unsigned int i = 0; i < 3000; i++) {
		struct ha_record r = tcp_record(1, (uint16_t)(10000 + i));

		core_pair_session(pair, 1, &r, NULL);
		if (i % 200 == 0)
			core_pair_run(pair, 10);
	}
	ck_assert_int_eq(CTL("session", "brief", "--json"), 0);
	o = parse_output();
	ck_assert_int_eq(number_of(o, "total"), 3000);
	ck_assert_uint_eq(json_array_size(json_object_get(o, "sessions")),
	    3000);
	json_decref(o);
}
END_TEST

static int
connect_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, path, sizeof(path));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&addr,
	    sizeof(addr)), 0);
	return fd;
}

static void
send_request(int fd, const Ha__Ctl__Request *request)
{
	uint8_t frame[HA_CONTROL_HEADER + HA_CONTROL_REQUEST_MAX];
	size_t len = 0;

	ck_assert_int_eq(ha_control_encode_request(request, frame,
	    sizeof(frame), &len), HA_OK);
	ck_assert_int_eq(send(fd, frame, len, MSG_NOSIGNAL), (ssize_t)len);
}

START_TEST(clients_that_read_nothing_hold_up_nobody)
{
	Ha__Ctl__Request request = HA__CTL__REQUEST__INIT;
	Ha__Ctl__AskSessions ask = HA__CTL__ASK_SESSIONS__INIT;
	int sleepers[8];

	for (unsigned int i = 0; i < 4000; i++) {
		struct ha_record r = tcp_record(1, (uint16_t)(10000 + i));

		core_pair_session(pair, 1, &r, NULL);
		if (i % 200 == 0)
			core_pair_run(pair, 10);
	}
	request.protocol = HA_CONTROL_PROTOCOL;
	request.verb_case = HA__CTL__REQUEST__VERB_SESSIONS;
	request.sessions = &ask;
	for (int i = 0; i < 8; i++) {
		sleepers[i] = connect_raw();
		send_request(sleepers[i], &request);
	}
	ck_assert_int_eq(CTL("members", "--json"), 0);
	for (int i = 0; i < 8; i++)
		close(sleepers[i]);
	ck_assert_int_eq(CTL("members", "--json"), 0);
}
END_TEST

static const struct {
	const char *why;
	const char *bytes;
	size_t len;
} junk[] = {
	{ "a length of nothing", "\0\0\0\0", 4 },
	{ "a length of 4 GB", "\377\377\377\377", 4 },
	{ "no protobuf", "\4\0\0\0\377\377\377\377", 8 },
	{ "an empty request with a long tail", "\2\0\0\0\10\1xxxxxxxx", 14 },
	{ "HTTP", "GET / HTTP/1.0\r\n\r\n", 18 },
};

/* The error that comes back; the connection is closed behind it. */
START_TEST(junk_is_answered_with_an_error)
{
	uint8_t frame[1024];
	Ha__Ctl__Answer *answer = NULL;
	size_t body = 0;
	int fd = connect_raw();
	ssize_t n;

	ck_assert_int_eq(send(fd, junk[_i].bytes, junk[_i].len, MSG_NOSIGNAL),
	    (ssize_t)junk[_i].len);
	ck_assert_int_eq(CTL("state", "--json"), 0); /* others go on */
	n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT);
	ck_assert_msg(n > HA_CONTROL_HEADER, "case: %s", junk[_i].why);
	ck_assert_int_eq(ha_control_frame_length(frame, sizeof(frame), &body),
	    HA_OK);
	ck_assert_int_eq(ha_control_decode_answer(frame + HA_CONTROL_HEADER,
	    body, &answer), HA_OK);
	ck_assert_int_eq((int)answer->body_case, HA__CTL__ANSWER__BODY_ERROR);
	ha_control_free_answer(answer);
	close(fd);
}
END_TEST

START_TEST(more_clients_than_there_is_room_for_are_told_so)
{
	int crowd[40];
	json_t *o;

	for (int i = 0; i < 40; i++) {
		crowd[i] = connect_raw();
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
	ck_assert_int_eq(CTL("state", "--json"), 1);
	o = parse_output();
	ck_assert_str_eq(text_of(json_object_get(o, "error"), "code"),
	    "busy");
	json_decref(o);
	for (int i = 0; i < 40; i++)
		close(crowd[i]);
	event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert_int_eq(CTL("state", "--json"), 0);
}
END_TEST

START_TEST(two_requests_at_once_are_both_answered)
{
	Ha__Ctl__Request request = HA__CTL__REQUEST__INIT;
	Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;
	uint8_t buf[4096];
	size_t first = 0, second = 0;
	int fd = connect_raw();
	ssize_t n;

	request.protocol = HA_CONTROL_PROTOCOL;
	request.verb_case = HA__CTL__REQUEST__VERB_VERSION;
	request.version = &plain;
	send_request(fd, &request);
	send_request(fd, &request);
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 20; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	ck_assert_int_gt(n, HA_CONTROL_HEADER);
	ck_assert_int_eq(ha_control_frame_length(buf, sizeof(buf), &first),
	    HA_OK);
	ck_assert_int_eq(ha_control_frame_length(buf + HA_CONTROL_HEADER +
	    first, sizeof(buf), &second), HA_OK);
	ck_assert_uint_eq((size_t)n, 2 * HA_CONTROL_HEADER + first + second);
	close(fd);
}
END_TEST

/* --- who may ask --- */

#define TEST_GROUP 1 /* "daemon" nearly everywhere */
#define OTHER_ID   4242

static const struct {
	const char *why;
	uid_t uid;
	gid_t gid;
	gid_t supplementary;
	bool may;
} askers[] = {
	{ "root", 0, 0, 0, true },
	{ "a member of the group", OTHER_ID, TEST_GROUP, OTHER_ID, true },
	{ "a member of the group beside others", OTHER_ID, OTHER_ID,
	    TEST_GROUP, true },
	{ "a stranger", OTHER_ID, OTHER_ID, OTHER_ID, false },
	{ "root's group alone", OTHER_ID, 0, OTHER_ID, false },
};

/* In a child: become somebody, ask, and exit 0 when served, 1 when refused
 * with the reason, 2 for all else. */
static void
ask_as(int i)
{
	uint8_t frame[1024];
	Ha__Ctl__Request request = HA__CTL__REQUEST__INIT;
	Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;
	Ha__Ctl__Answer *answer;
	size_t len;
	ssize_t n;
	int fd;

	if (setgroups(1, &askers[i].supplementary) != 0 ||
	    setgid(askers[i].gid) != 0 || setuid(askers[i].uid) != 0)
		_exit(2);
	fd = connect_raw();
	request.protocol = HA_CONTROL_PROTOCOL;
	request.verb_case = HA__CTL__REQUEST__VERB_VERSION;
	request.version = &plain;
	if (ha_control_encode_request(&request, frame, sizeof(frame), &len) !=
	    HA_OK)
		_exit(2);
	(void)send(fd, frame, len, MSG_NOSIGNAL); /* it may be closed already */
	n = recv(fd, frame, sizeof(frame), 0);
	if (n < HA_CONTROL_HEADER ||
	    ha_control_frame_length(frame, sizeof(frame), &len) != HA_OK ||
	    ha_control_decode_answer(frame + HA_CONTROL_HEADER, len,
	    &answer) != HA_OK)
		_exit(2);
	if (answer->body_case == HA__CTL__ANSWER__BODY_VERSION)
		_exit(0);
	_exit(answer->body_case == HA__CTL__ANSWER__BODY_ERROR &&
	    strcmp(answer->error->code, "not-permitted") == 0 ? 1 : 2);
}

/* The file's mode is opened for all, so that the second door is tried. */
START_TEST(only_root_the_own_user_and_the_group_are_served)
{
	const struct group *group = getgrgid(TEST_GROUP);
	struct ha_control_parts parts = { .base = base, .conf = conf,
		.look = look, .version = "2.0" };
	int status = 0;
	pid_t pid;

	if (geteuid() != 0 || group == NULL)
		return; /* nobody else to be */
	ha_control_close(control);
	ck_assert_int_eq(ha_control_open(&parts, path, group->gr_name,
	    &control), HA_OK);
	ck_assert_int_eq(chmod(path, 0666), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		ask_as(_i);
	while (waitpid(pid, &status, WNOHANG) == 0)
		event_base_loop(base, EVLOOP_NONBLOCK);
	ck_assert(WIFEXITED(status));
	ck_assert_msg(WEXITSTATUS(status) == (askers[_i].may ? 0 : 1),
	    "case: %s: %d", askers[_i].why, WEXITSTATUS(status));
}
END_TEST

START_TEST(the_socket_is_given_to_the_group)
{
	const struct group *group = getgrgid(TEST_GROUP);
	struct ha_control_parts parts = { .base = base, .conf = conf,
		.look = look, .version = "2.0" };
	struct stat st;

	if (geteuid() != 0 || group == NULL)
		return;
	ha_control_close(control);
	ck_assert_int_eq(ha_control_open(&parts, path, group->gr_name,
	    &control), HA_OK);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_gid, TEST_GROUP);
	ck_assert_int_eq((int)(st.st_mode & 07777), 0660);
}
END_TEST

/* --- the socket --- */

START_TEST(the_socket_is_for_owner_and_group_only)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_int_eq((int)(st.st_mode & 07777), 0660);
}
END_TEST

START_TEST(a_socket_in_use_is_left_alone)
{
	struct ha_control_parts parts = { .base = base, .conf = conf,
		.look = look, .version = "2" };
	struct ha_control *other = NULL;

	ck_assert_int_eq(ha_control_open(&parts, path, NULL, &other),
	    HA_ERR_EXISTS);
	ck_assert_int_eq(CTL("version", "--json"), 0);
	ck_assert_ptr_nonnull(strstr(output, "1.2.3"));
}
END_TEST

START_TEST(a_socket_that_was_left_behind_is_replaced)
{
	struct ha_control_parts parts = { .base = base, .conf = conf,
		.look = look, .version = "2.0" };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ha_control_close(control);
	memcpy(addr.sun_path, path, sizeof(path));
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&addr,
	    sizeof(addr)), 0);
	close(fd);
	ck_assert_int_eq(ha_control_open(&parts, path, NULL, &control),
	    HA_OK);
	ck_assert_int_eq(CTL("version", "--json"), 0);
	ck_assert_ptr_nonnull(strstr(output, "2.0"));
}
END_TEST

START_TEST(what_is_no_socket_is_not_removed)
{
	struct ha_control_parts parts = { .base = base, .conf = conf,
		.look = look, .version = "2" };
	struct ha_control *other = NULL;
	char file[128];
	int fd;

	snprintf(file, sizeof(file), "%s/file", dir);
	fd = open(file, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(ha_control_open(&parts, file, NULL, &other),
	    HA_ERR_EXISTS);
	ck_assert_int_eq(unlink(file), 0);
}
END_TEST

START_TEST(a_path_that_no_socket_can_have_is_refused)
{
	struct ha_control_parts parts = { .base = base, .conf = conf,
		.look = look, .version = "2" };
	struct ha_control *other = NULL;
	char deep[300];

	memset(deep, 'a', sizeof(deep));
	deep[0] = '/';
	deep[sizeof(deep) - 1] = '\0';
	ck_assert_int_eq(ha_control_open(&parts, deep, NULL, &other),
	    HA_ERR_INVAL);
	snprintf(deep, sizeof(deep), "%s/none/control.sock", dir);
	ck_assert_int_eq(ha_control_open(&parts, deep, NULL, &other),
	    HA_ERR_ABSENT);
}
END_TEST

START_TEST(without_a_daemon_the_exit_code_is_3)
{
	json_t *o;

	ha_control_close(control);
	control = NULL;
	ck_assert_int_eq(CTL("members", "--json"), 3);
	o = parse_output();
	ck_assert_str_eq(text_of(json_object_get(o, "error"), "code"),
	    "no-daemon");
	json_decref(o);
	ck_assert_int_eq(CTL("version", "--json"), 0);
	o = parse_output();
	ck_assert(is_null(o, "daemon_version"));
	json_decref(o);
}
END_TEST

#define N(array) ((int)(sizeof(array) / sizeof((array)[0])))

static TCase *
new_tcase(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return tc;
}

int
main(void)
{
	Suite *s = suite_create("control");
	TCase *tc;
	SRunner *sr;
	int failed;

	tc = new_tcase(s, "verbs");
	tcase_add_test(tc,
	    members_has_its_keys_and_absent_values_are_null);
	tcase_add_test(tc, state_has_its_keys);
	tcase_add_test(tc, links_has_its_keys_and_colours);
	tcase_add_test(tc, statistics_has_its_keys);
	tcase_add_test(tc, counters_are_told_with_their_sentences);
	tcase_add_test(tc, delta_tells_what_moved_since_the_last_call);
	tcase_add_test(tc, session_brief_tells_own_and_cached_sessions);
	tcase_add_test(tc, a_translation_is_shown_where_there_is_one);
	tcase_add_loop_test(tc, filters_choose_sessions, 0, N(filter_cases));
	tcase_add_loop_test(tc,
	    wrong_filters_are_refused_with_an_error_object, 0, N(refusals));
	tcase_add_test(tc, session_show_tells_all_of_one);
	tcase_add_test(tc, session_show_tells_what_few_sessions_have);
	tcase_add_test(tc, session_end_ends_what_matches_on_every_member);
	tcase_add_test(tc, session_end_ends_one_by_its_name);
	tcase_add_test(tc, sessions_that_can_not_be_ended_are_counted);
	tcase_add_test(tc, events_are_told_oldest_first_and_at_most_so_many);
	tcase_add_test(tc,
	    nothing_to_tell_is_an_empty_list_and_the_word_none);
	tcase_add_test(tc, verify_compares_what_reachable_members_hold);
	tcase_add_test(tc,
	    verify_tells_different_members_by_its_exit_code);
	tcase_add_test(tc, version_names_both_programs);
	tcase_add_loop_test(tc, text_that_is_piped_has_no_colours, 0,
	    N(text_verbs));

	tc = new_tcase(s, "acts");
	tcase_add_test(tc, a_reload_tells_what_became_of_whom);
	tcase_add_test(tc, a_reload_that_changes_nothing_says_so);
	tcase_add_loop_test(tc, a_refused_reload_tells_every_error, 0,
	    N(error_cases));
	tcase_add_test(tc, a_machine_is_forgotten_or_not);

	tc = new_tcase(s, "clients");
	tcase_add_test(tc, a_long_answer_comes_in_slices_and_whole);
	tcase_add_test(tc, clients_that_read_nothing_hold_up_nobody);
	tcase_add_loop_test(tc, junk_is_answered_with_an_error, 0, N(junk));
	tcase_add_test(tc, more_clients_than_there_is_room_for_are_told_so);
	tcase_add_test(tc, two_requests_at_once_are_both_answered);

	tc = new_tcase(s, "socket");
	tcase_add_loop_test(tc,
	    only_root_the_own_user_and_the_group_are_served, 0, N(askers));
	tcase_add_test(tc, the_socket_is_given_to_the_group);
	tcase_add_test(tc, the_socket_is_for_owner_and_group_only);
	tcase_add_test(tc, a_socket_in_use_is_left_alone);
	tcase_add_test(tc, a_socket_that_was_left_behind_is_replaced);
	tcase_add_test(tc, what_is_no_socket_is_not_removed);
	tcase_add_test(tc, a_path_that_no_socket_can_have_is_refused);
	tcase_add_test(tc, without_a_daemon_the_exit_code_is_3);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
