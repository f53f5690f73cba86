/*
 * The links of real members over real sockets on the loopback device, and
 * what strangers and broken members can do to them.
 *
 * "fw 1", "fw 2" and so on are the links of a member as the daemon has them;
 * a caller is the test itself, playing a member by hand.
 */
#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/handshake.h"
#include "shell/clock.h"
#include "shell/links.h"
#include "shell/loop.h"

#define MEMBERS   3
#define FRAME_MAX 60000
#define PATIENCE  8 /* seconds that anything may take */

struct fw {
	uint8_t index;
	struct ha_links *links;
	struct ha_shell_counters n;
	struct ha_links_name name[MEMBERS + 1][HA_LINK_MAX]; /* last up */
	bool up[MEMBERS + 1][HA_LINK_MAX];
	unsigned int ups, downs;
	struct ha_greeting heard[MEMBERS + 1];
	unsigned int greetings; /* told anew */
	uint64_t behind;
	bool walks[HA_LINK_MAX];
	bool condition[MEMBERS + 1][HA_LINKS_CONDITIONS];
	unsigned int renewed; /* ups over a link that was up */
	uint8_t first_renewed; /* the link */

	/* frames: how many, and the first bytes of the last few */
	unsigned int frames;
	uint64_t bytes;
	uint8_t first[64];
	unsigned int rooms;
	bool refuse_frames;
};

static struct event_base *base;
static struct ha_cluster_conf conf;
static struct ha_identity ids[MEMBERS + 1];
static struct ha_secret secret;
static struct ha_dur handshake_every;
static struct ha_dur quarantine;
static uint8_t id_salt; /* another id with the same counter */
static struct fw fws[MEMBERS + 1];

/* --- members --- */

static void
on_up(void *arg, const struct ha_links_name *name,
    const struct ha_greeting *peer)
{
	struct fw *f = arg;

	f->ups++;
	if (f->up[name->peer][name->link] && f->renewed++ == 0)
		f->first_renewed = name->link;
	f->up[name->peer][name->link] = true;
	f->name[name->peer][name->link] = *name;
	f->heard[name->peer] = *peer;
}

static void
on_down(void *arg, const struct ha_links_name *name)
{
	struct fw *f = arg;

	f->downs++;
	f->up[name->peer][name->link] = false;
	ck_assert_uint_eq(f->name[name->peer][name->link].generation,
	    name->generation);
}

static bool
on_frame(void *arg, const struct ha_links_name *name, const uint8_t *plain,
    size_t len)
{
	struct fw *f = arg;

	ck_assert(f->up[name->peer][name->link]);
	f->first[f->frames++ % sizeof(f->first)] = plain[0];
	f->bytes += len;
	return !f->refuse_frames;
}

static void
on_room(void *arg, const struct ha_links_name *name, unsigned int n)
{
	struct fw *f = arg;

	(void)name;
	f->rooms += n;
}

static void
on_greeting(void *arg, const struct ha_links_name *name,
    const struct ha_greeting *peer)
{
	struct fw *f = arg;

	f->greetings++;
	f->heard[name->peer] = *peer;
}

static void
on_condition(void *arg, enum ha_links_condition what, uint8_t peer,
    bool holds)
{
	struct fw *f = arg;

	f->condition[peer][what] = holds;
}

static bool
has_walks(void *arg, const struct ha_links_name *name)
{
	const struct fw *f = arg;

	return f->walks[name->link];
}

static void
on_behind(void *arg, uint8_t peer, uint64_t seen)
{
	struct fw *f = arg;

	(void)peer;
	f->behind = seen;
}

static void
start_with(uint8_t index, const struct ha_secret *s, uint64_t boot_counter)
{
	struct fw *f = &fws[index];
	struct ha_links_config config = { .conf = &conf, .self = index,
		.identity = &ids[index], .secret = s, .seed = index,
		.handshake_every = handshake_every,
		.quarantine = quarantine };
	const struct ha_links_events events = { .arg = f, .up = on_up,
		.down = on_down, .frame = on_frame, .room = on_room,
		.greeting = on_greeting, .has_walks = has_walks,
		.condition = on_condition,
		.behind = on_behind };

	memset(f, 0, sizeof(*f));
	f->index = index;
	memset(config.greeting.boot_id, index, HA_BOOT_ID_LEN);
	config.greeting.boot_id[6] = id_salt;
	config.greeting.boot_id[7] = (uint8_t)boot_counter;
	config.greeting.boot_counter = boot_counter;
	strcpy(config.greeting.version, "test");
	ck_assert_int_eq(ha_links_open(base, NULL, &f->n, &config, &events,
	    &f->links), HA_OK);
}

static void
start(uint8_t index)
{
	start_with(index, &secret, 1);
}

static void
stop(uint8_t index)
{
	ha_links_close(fws[index].links);
	fws[index].links = NULL;
}

/* --- time --- */

typedef bool (*condition)(void *arg);

static void
turn(void)
{
	for (int i = 1; i <= MEMBERS; i++) {
		if (fws[i].links != NULL)
			ha_links_flush(fws[i].links);
	}
	event_base_loop(base, EVLOOP_NONBLOCK);
	usleep(1000);
}

static bool
holds_within(condition c, void *arg, struct ha_dur time)
{
	struct ha_time end = ha_time_add(ha_clock_now(), time);

	while (!ha_time_reached(ha_clock_now(), end)) {
		if (c(arg))
			return true;
		turn();
	}
	return c(arg);
}

#define WAIT_FOR(c, arg) ck_assert(holds_within(c, arg, ha_dur_s(PATIENCE)))

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

static void
let_pass(int64_t ms)
{
	(void)holds_within(never, NULL, ha_dur_ms(ms));
}

static bool
both_up(void *arg)
{
	uint8_t *pair = arg;
	struct fw *a = &fws[pair[0]], *b = &fws[pair[1]];

	for (int l = 0; l < HA_LINK_MAX; l++) {
		if (!a->up[b->index][l] || !b->up[a->index][l])
			return false;
	}
	return true;
}

static uint8_t ONE_AND_TWO[] = { 1, 2 };

static bool
counted(void *arg)
{
	const uint64_t *counter = arg;

	return *counter > 0;
}

/* --- fixture --- */

/* A port that is free at the addresses of all. */
static uint16_t
free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static void
make_member(uint8_t index)
{
	struct ha_conf_member *m = &conf.members[conf.n_members++];
	struct ha_keypair pair;

	ha_keypair_generate(&pair);
	memcpy(ids[index].private_key, pair.private_key, HA_KEY_LEN);
	memcpy(ids[index].public_key, pair.public_key, HA_KEY_LEN);
	m->index = index;
	m->enabled = true;
	m->serial[0] = 'F';
	m->serial[1] = (char)('0' + index);
	memcpy(m->public_key, pair.public_key, HA_KEY_LEN);
	for (uint8_t l = 0; l < HA_LINK_MAX; l++) {
		const uint8_t address[4] = { 127, (uint8_t)(4 + l), 0, index };

		m->address[l].family = HA_IPV4;
		m->address[l].prefix = 24;
		memcpy(m->address[l].bytes, address, 4);
	}
}

static void
setup(void)
{
	ck_assert_int_eq(ha_keys_init(), HA_OK);
	base = event_base_new();
	memset(&conf, 0, sizeof(conf));
	memset(ids, 0, sizeof(ids));
	memset(&secret, 0, sizeof(secret));
	memset(fws, 0, sizeof(fws));
	handshake_every = (struct ha_dur){ 0 };
	quarantine = (struct ha_dur){ 0 };
	id_salt = 0;
	ha_secret_generate(secret.current);
	conf.id = 7;
	for (uint8_t i = 1; i <= MEMBERS; i++)
		make_member(i);
	for (int l = 0; l < HA_LINK_MAX; l++) {
		conf.link[l].port = free_port();
		conf.link[l].keepalive_threshold_ms = 1000;
	}
}

static void
teardown(void)
{
	for (uint8_t i = 1; i <= MEMBERS; i++)
		stop(i);
	event_base_free(base);
}

/* --- callers --- */

struct caller {
	int fd;
	struct ha_handshake *handshake;
	struct ha_seal *seal;
	uint64_t boot_seen; /* of the caller, as it was told */
};

static int
socket_at_port(const char *from, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)), 0);
	ck_assert_int_eq(inet_pton(AF_INET, from, &a.sin_addr), 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int
socket_at(const char *from)
{
	return socket_at_port(from, 0);
}

/* To that link of fw to. */
static void
connect_to_link(int fd, uint8_t to, uint8_t link)
{
	struct sockaddr_in a = { .sin_family = AF_INET };

	memcpy(&a.sin_addr, conf.members[to - 1].address[link].bytes, 4);
	a.sin_port = htons(conf.link[link].port);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
}

static void
connect_to(int fd, uint8_t to)
{
	connect_to_link(fd, to, 0);
}

static int
call_from(const char *from, uint8_t to)
{
	int fd = socket_at(from);

	connect_to(fd, to);
	return fd;
}

static void
fill_call(struct ha_handshake_config *c, uint8_t from, uint8_t to,
    uint64_t generation)
{
	memset(c, 0, sizeof(*c));
	c->cluster = conf.id;
	c->self = from;
	c->peer = to;
	c->protocol_min = HA_PROTOCOL_MIN;
	c->protocol_max = HA_PROTOCOL_MAX;
	c->n_secrets = 1;
	memcpy(c->secrets[0], secret.current, HA_KEY_LEN);
	c->n_keypairs = 1;
	memcpy(c->keypairs[0].private_key, ids[from].private_key, HA_KEY_LEN);
	memcpy(c->keypairs[0].public_key, ids[from].public_key, HA_KEY_LEN);
	for (int i = 0; i < MEMBERS; i++) {
		strcpy(c->members[i].serial, conf.members[i].serial);
		c->members[i].n_keys = 1;
		memcpy(c->members[i].public_keys[0],
		    conf.members[i].public_key, HA_KEY_LEN);
	}
	memset(c->greeting.boot_id, from, HA_BOOT_ID_LEN);
	c->greeting.boot_counter = 1;
	c->greeting.generation = generation;
	strcpy(c->greeting.version, "test");
}

/* False: it is over, for good or bad. */
static bool
follow(struct caller *c)
{
	size_t len;
	const uint8_t *out = ha_handshake_output(c->handshake, &len);

	if (len > 0)
		ck_assert_int_eq(write(c->fd, out, len), (ssize_t)len);
	if (ha_handshake_state(c->handshake) != HA_HANDSHAKE_GREETED)
		return false;
	c->boot_seen = ha_handshake_peer(c->handshake)->boot_seen;
	ha_handshake_accept(c->handshake);
	return true;
}

static bool
handshake_over(void *arg)
{
	struct caller *c = arg;
	uint8_t buf[4096];
	ssize_t n = read(c->fd, buf, sizeof(buf));
	size_t at = 0;

	if (n == 0 || (n < 0 && errno != EAGAIN))
		return true;
	while (n > 0 && at < (size_t)n) {
		size_t used = ha_handshake_input(c->handshake, buf + at,
		    (size_t)n - at);

		at += used;
		while (follow(c))
			;
		if (used == 0)
			break;
	}
	return ha_handshake_state(c->handshake) == HA_HANDSHAKE_DONE ||
	    ha_handshake_state(c->handshake) == HA_HANDSHAKE_FAILED;
}

/* Shake hands with fw to as member 1, and as configured. */
static void
call(struct caller *c, uint8_t to, const struct ha_handshake_config *config)
{
	memset(c, 0, sizeof(*c));
	c->fd = socket_at(config->link == 0 ? "127.4.0.1" : "127.5.0.1");
	connect_to_link(c->fd, to, config->link);
	ck_assert_int_eq(ha_handshake_new_initiator(config, &c->handshake),
	    HA_OK);
	WAIT_FOR(handshake_over, c);
	if (ha_handshake_state(c->handshake) == HA_HANDSHAKE_DONE)
		c->seal = ha_handshake_finish(c->handshake);
}

static void
call_plain(struct caller *c, uint8_t to, uint64_t generation)
{
	struct ha_handshake_config config;

	fill_call(&config, 1, to, generation);
	call(c, to, &config);
}

static void
hang_up(struct caller *c)
{
	if (c->fd >= 0)
		close(c->fd);
	ha_handshake_free(c->handshake);
	ha_seal_free(c->seal);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

static bool
closed(void *arg)
{
	int *fd = arg;
	uint8_t buf[512];
	ssize_t n;

	do {
		n = read(*fd, buf, sizeof(buf));
	} while (n > 0);
	return n == 0 || errno == ECONNRESET;
}

/* --- links between members --- */

START_TEST(two_members_get_both_links)
{
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	ck_assert_uint_eq(fws[1].heard[2].boot_counter, 1);
	ck_assert_uint_eq(fws[2].heard[1].boot_id[0], 1);
	ck_assert_str_eq(fws[2].heard[1].version, "test");
}
END_TEST

START_TEST(three_members_get_six_links)
{
	uint8_t one_three[] = { 1, 3 }, two_three[] = { 2, 3 };

	start(3);
	start(2);
	start(1);
	WAIT_FOR(both_up, ONE_AND_TWO);
	WAIT_FOR(both_up, one_three);
	WAIT_FOR(both_up, two_three);
}
END_TEST

START_TEST(a_member_that_comes_later_is_found_soon)
{
	struct ha_time before;

	start(1);
	let_pass(1000);
	before = ha_clock_now();
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	ck_assert_int_lt(ha_time_since(ha_clock_now(), before).ns,
	    ha_dur_ms(4500).ns);
}
END_TEST

START_TEST(a_member_that_comes_back_replaces_its_links)
{
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	stop(2);
	start_with(2, &secret, 2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	ck_assert_uint_eq(fws[1].downs, 2);
	ck_assert_uint_eq(fws[1].heard[2].boot_counter, 2);
}
END_TEST

START_TEST(a_member_that_is_behind_learns_it_whoever_dials)
{
	uint8_t late = (uint8_t)(_i + 1);
	uint8_t early = (uint8_t)(2 - _i);
	const uint8_t new_id[HA_BOOT_ID_LEN] = { 1, 2, 3 };

	start_with(late, &secret, 5);
	ha_links_raise_seen(fws[late].links, early, 9);
	start_with(early, &secret, 3);
	WAIT_FOR(counted, &fws[early].behind);
	ck_assert_uint_eq(fws[early].behind, 9);
	ck_assert_uint_eq(fws[late].ups, 0);
	ha_links_set_boot(fws[early].links, new_id, 10);
	WAIT_FOR(both_up, ONE_AND_TWO);
}
END_TEST

static bool
frames_came(void *arg)
{
	const unsigned int *want = arg;

	return fws[2].frames >= *want;
}

START_TEST(urgent_frames_pass_those_that_wait)
{
	static const uint8_t BATCH[1000] = { 'b' };
	const uint8_t control = 'c', keepalive = 'k';
	unsigned int want = 4;

	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(ha_links_send(fws[1].links,
		    &fws[1].name[2][0], HA_URGENCY_BATCH, BATCH,
		    sizeof(BATCH)), HA_OK);
	ck_assert_int_eq(ha_links_send(fws[1].links, &fws[1].name[2][0],
	    HA_URGENCY_CONTROL, &control, 1), HA_OK);
	ck_assert_int_eq(ha_links_send(fws[1].links, &fws[1].name[2][0],
	    HA_URGENCY_KEEPALIVE, &keepalive, 1), HA_OK);
	WAIT_FOR(frames_came, &want);
	ck_assert_mem_eq(fws[2].first, "kcbb", 4);
	ck_assert_uint_eq(fws[1].rooms, 2);
}
END_TEST

START_TEST(much_arrives_whole_and_in_order)
{
	static uint8_t data[FRAME_MAX];
	unsigned int want = 500, sent = 0;

	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	while (sent < want) {
		data[0] = (uint8_t)(0x80 | sent);
		if (ha_links_send(fws[1].links, &fws[1].name[2][0],
		    HA_URGENCY_BATCH, data, sizeof(data)) == HA_OK)
			sent++;
		else
			turn();
	}
	WAIT_FOR(frames_came, &want);
	ck_assert_uint_eq(fws[2].bytes, (uint64_t)want * FRAME_MAX);
	ck_assert_uint_eq(fws[1].rooms, want);
	for (unsigned int i = want - 64; i < want; i++)
		ck_assert_uint_eq(fws[2].first[i % 64],
		    (uint8_t)(0x80 | i));
}
END_TEST

START_TEST(what_is_said_to_an_old_connection_goes_nowhere)
{
	struct ha_links_name old;
	const uint8_t byte = 0;

	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	old = fws[1].name[2][0];
	ha_links_drop(fws[1].links, &old, "test");
	ck_assert_int_eq(ha_links_send(fws[1].links, &old,
	    HA_URGENCY_CONTROL, &byte, 1), HA_ERR_STALE);
	fws[1].up[2][0] = false;
	WAIT_FOR(both_up, ONE_AND_TWO);
	ck_assert_int_eq(ha_links_send(fws[1].links, &old,
	    HA_URGENCY_CONTROL, &byte, 1), HA_ERR_STALE);
	ck_assert_uint_gt(fws[1].name[2][0].generation, old.generation);
}
END_TEST

START_TEST(a_queue_that_nobody_reads_is_bounded)
{
	static const uint8_t DATA[FRAME_MAX];
	struct caller c;
	int rc = HA_OK;

	start(2);
	call_plain(&c, 2, 1);
	ck_assert_ptr_nonnull(c.seal);
	for (int i = 0; i < 1000 && rc == HA_OK; i++) {
		rc = ha_links_send(fws[2].links, &fws[2].name[1][0],
		    HA_URGENCY_BATCH, DATA, sizeof(DATA));
		turn();
	}
	ck_assert_int_eq(rc, HA_ERR_FULL);
	ck_assert_uint_lt(ha_links_queued(fws[2].links, &fws[2].name[1][0]),
	    5 * 1024 * 1024);
	hang_up(&c);
}
END_TEST

START_TEST(another_secret_gets_no_link_and_is_counted)
{
	struct ha_secret other = { .has_next = false };

	ha_secret_generate(other.current);
	start_with(1, &other, 1);
	start(2);
	WAIT_FOR(counted, &fws[2].n.refused_secret);
	WAIT_FOR(counted, &fws[1].n.handshake_refused);
	ck_assert_uint_eq(fws[1].ups + fws[2].ups, 0);
}
END_TEST

START_TEST(another_key_gets_no_link_and_is_counted)
{
	struct ha_keypair pair;

	start(2);
	ha_keypair_generate(&pair);
	memcpy(ids[1].private_key, pair.private_key, HA_KEY_LEN);
	memcpy(ids[1].public_key, pair.public_key, HA_KEY_LEN);
	start(1);
	WAIT_FOR(counted, &fws[2].n.refused_key);
	ck_assert_uint_eq(fws[1].ups + fws[2].ups, 0);
}
END_TEST

START_TEST(a_port_in_use_is_an_error)
{
	struct ha_links_config config = { .conf = &conf, .self = 2,
		.identity = &ids[2], .secret = &secret };
	const struct ha_links_events none = { .arg = NULL };
	struct ha_links *second = NULL;

	start(2);
	ck_assert_int_eq(ha_links_open(base, NULL, &fws[1].n, &config,
	    &none, &second), HA_ERR_EXISTS);
	ck_assert_ptr_null(second);
}
END_TEST

/* --- connections made anew --- */

static bool
renewed_both_ways(void *arg)
{
	const unsigned int *want = arg;

	return fws[1].renewed >= *want && fws[2].renewed >= *want;
}

static void
check_nothing_was_down(void)
{
	ck_assert_uint_eq(fws[1].downs + fws[2].downs, 0);
	ck_assert_uint_eq(fws[1].n.link_closed + fws[2].n.link_closed, 0);
	ck_assert(both_up(ONE_AND_TWO));
}

START_TEST(a_connection_is_made_anew_in_time_and_never_down)
{
	const uint8_t byte = 'x';
	unsigned int want = 6, frames;

	handshake_every = ha_dur_ms(400);
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	WAIT_FOR(renewed_both_ways, &want);
	check_nothing_was_down();
	frames = fws[2].frames + 1;
	ck_assert_int_eq(ha_links_send(fws[1].links, &fws[1].name[2][0],
	    HA_URGENCY_CONTROL, &byte, 1), HA_OK);
	WAIT_FOR(frames_came, &frames);
	ck_assert_uint_lt(fws[1].n.link_dials, 2 + 2 * 10);
}
END_TEST

START_TEST(the_link_without_walks_is_made_anew_first)
{
	unsigned int want = 1;

	handshake_every = ha_dur_ms(1000);
	start(1);
	start(2);
	fws[1].walks[_i] = true;
	WAIT_FOR(both_up, ONE_AND_TWO);
	WAIT_FOR(renewed_both_ways, &want);
	ck_assert_uint_eq(fws[1].first_renewed, 1 - _i);
	want = 2;
	WAIT_FOR(renewed_both_ways, &want);
	check_nothing_was_down();
}
END_TEST

static bool
no_link_left(void *arg)
{
	(void)arg;
	for (int l = 0; l < HA_LINK_MAX; l++) {
		if (fws[1].up[2][l] || fws[2].up[1][l])
			return false;
	}
	return true;
}

START_TEST(what_cannot_be_made_anew_ends_a_little_later)
{
	uint8_t changed = (uint8_t)(_i + 1);
	struct ha_secret other = { .has_next = false };
	struct ha_time before;

	handshake_every = ha_dur_ms(2000);
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	before = ha_clock_now();
	ha_secret_generate(other.current);
	ha_links_set_keys(fws[changed].links, &conf, &ids[changed], &other);
	let_pass(1800);
	check_nothing_was_down();
	WAIT_FOR(counted, &fws[2].n.refused_secret);
	WAIT_FOR(no_link_left, NULL);
	ck_assert_int_lt(ha_time_since(ha_clock_now(), before).ns,
	    ha_dur_ms(2800).ns);
	ck_assert_uint_gt(fws[1].n.link_old + fws[2].n.link_old, 0);
}
END_TEST

START_TEST(what_nothing_can_follow_is_kept)
{
	handshake_every = ha_dur_ms(500);
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	conf.link[0].port = free_port(); /* where nobody listens */
	conf.link[1].port = free_port();
	let_pass(2000);
	ck_assert_uint_gt(fws[1].n.link_dial_failures, 2);
	ck_assert_uint_eq(fws[1].renewed, 0);
	check_nothing_was_down();
}
END_TEST

/* --- other keys --- */

/* A member's key, and with how much of it the others' file agrees. */
static void
list_keys(struct ha_cluster_conf *file, uint8_t member,
    const struct ha_keypair *now, const struct ha_keypair *next)
{
	struct ha_conf_member *m = &file->members[member - 1];

	*file = conf;
	memcpy(m->public_key, now->public_key, HA_KEY_LEN);
	m->has_next_public_key = next != NULL;
	if (next != NULL)
		memcpy(m->next_public_key, next->public_key, HA_KEY_LEN);
}

static void
own_keys(uint8_t member, const struct ha_keypair *now,
    const struct ha_keypair *next)
{
	struct ha_identity *id = &ids[member];

	memcpy(id->private_key, now->private_key, HA_KEY_LEN);
	memcpy(id->public_key, now->public_key, HA_KEY_LEN);
	id->has_next = next != NULL;
	if (next == NULL)
		return;
	memcpy(id->next_private_key, next->private_key, HA_KEY_LEN);
	memcpy(id->next_public_key, next->public_key, HA_KEY_LEN);
}

static void
take_over(uint8_t member, const struct ha_cluster_conf *file)
{
	ha_links_set_keys(fws[member].links, file, &ids[member], &secret);
	let_pass(900); /* what is revoked has gone by then */
	check_nothing_was_down();
}

static const struct {
	const char *why;
	uint8_t rotated;
	bool commits_last; /* after the file without the old key is there */
} key_rotations[] = {
	{ "the dialling end's key, committed first", 1, false },
	{ "the dialling end's key, committed last", 1, true },
	{ "the other end's key, committed first", 2, false },
	{ "the other end's key, committed last", 2, true },
};

START_TEST(a_key_is_rotated_and_no_link_goes_down)
{
	uint8_t a = key_rotations[_i].rotated, b = (uint8_t)(3 - a);
	struct ha_cluster_conf both, after;
	struct ha_keypair old, new;
	unsigned int want = 2;

	memcpy(old.private_key, ids[a].private_key, HA_KEY_LEN);
	memcpy(old.public_key, ids[a].public_key, HA_KEY_LEN);
	ha_keypair_generate(&new);
	list_keys(&both, a, &old, &new);
	list_keys(&after, a, &new, NULL);
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);

	own_keys(a, &old, &new);
	take_over(a, &both);
	take_over(b, &both);
	if (key_rotations[_i].commits_last)
		take_over(b, &after);
	own_keys(a, &new, NULL);
	take_over(a, &after);
	if (!key_rotations[_i].commits_last)
		take_over(b, &after);
	ck_assert_msg(renewed_both_ways(&want), "case: %s",
	    key_rotations[_i].why);
	ck_assert_uint_eq(fws[1].n.link_revoked + fws[2].n.link_revoked, 0);
	ck_assert_uint_eq(fws[2].n.refused_key + fws[2].n.refused_my_key, 0);
}
END_TEST

/* As a reload does it. */
static void
reload(uint8_t member, const struct ha_cluster_conf *file, uint8_t digest)
{
	struct ha_greeting g = { .version = "test" };

	memset(g.cluster_digest, digest, sizeof(g.cluster_digest));
	ha_links_set_keys(fws[member].links, file, &ids[member], &secret);
	ha_links_set_greeting(fws[member].links, &g);
	let_pass(300);
	check_nothing_was_down();
}

static const struct {
	const char *why;
	uint8_t rotated;
	uint8_t first; /* to reload */
} early_rotations[] = {
	{ "the dialling end's key, which reloads first", 1, 1 },
	{ "the dialling end's key, which reloads last", 1, 2 },
	{ "the other end's key, which reloads first", 2, 2 },
	{ "the other end's key, which reloads last", 2, 1 },
};

START_TEST(the_next_keys_are_in_use_before_the_old_ones_go)
{
	uint8_t a = early_rotations[_i].rotated;
	uint8_t first = early_rotations[_i].first, last = (uint8_t)(3 - first);
	struct ha_cluster_conf both, after;
	struct ha_keypair old, new;

	memcpy(old.private_key, ids[a].private_key, HA_KEY_LEN);
	memcpy(old.public_key, ids[a].public_key, HA_KEY_LEN);
	ha_keypair_generate(&new);
	list_keys(&both, a, &old, &new);
	list_keys(&after, a, &new, NULL);
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);

	own_keys(a, &old, &new);
	reload(first, &both, 1);
	ck_assert_uint_eq(fws[1].renewed, 0); /* one of them alone knows it */
	reload(last, &both, 1);
	ck_assert_msg(fws[1].renewed == 2 && fws[2].renewed == 2, "case: %s",
	    early_rotations[_i].why);
	own_keys(a, &new, NULL);
	reload(a, &both, 1);
	reload(first, &after, 2);
	reload(last, &after, 2);
	ck_assert_uint_eq(fws[1].renewed, 2);
	ck_assert_uint_eq(fws[2].n.refused_key + fws[2].n.refused_my_key, 0);
}
END_TEST

START_TEST(a_next_key_that_is_nowhere_is_tried_once)
{
	struct ha_cluster_conf both;
	struct ha_keypair old, new;

	memcpy(old.public_key, ids[2].public_key, HA_KEY_LEN);
	ha_keypair_generate(&new);
	list_keys(&both, 2, &old, &new);
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	reload(1, &both, 1);
	reload(2, &both, 1);
	let_pass(500);
	ck_assert_uint_eq(fws[2].n.refused_my_key, 2); /* on each link */
	ck_assert_uint_eq(fws[1].renewed, 0);
	check_nothing_was_down();
}
END_TEST

START_TEST(the_secret_is_rotated_and_no_link_goes_down)
{
	struct ha_secret both = secret, after = { .has_next = false };
	const struct ha_secret *steps[][2] = { { &both, &secret },
		{ &both, &both }, { &after, &both }, { &after, &after } };

	handshake_every = ha_dur_ms(700);
	ha_secret_generate(after.current);
	memcpy(both.next, after.current, HA_KEY_LEN);
	both.has_next = true;
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	for (int i = 0; i < 4; i++) {
		unsigned int want = fws[1].renewed + 4;

		for (uint8_t m = 1; m <= 2; m++)
			ha_links_set_keys(fws[m].links, &conf, &ids[m],
			    steps[i][_i == 0 ? m - 1 : 2 - m]);
		WAIT_FOR(renewed_both_ways, &want);
		check_nothing_was_down();
	}
}
END_TEST

START_TEST(a_revoked_key_is_gone_within_a_second_and_stays_out)
{
	uint8_t revoker = (uint8_t)(_i + 1), revoked = (uint8_t)(2 - _i);
	struct ha_cluster_conf after;
	struct ha_keypair other;
	struct ha_time before;

	ha_keypair_generate(&other);
	list_keys(&after, revoked, &other, NULL);
	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	before = ha_clock_now();
	ha_links_set_keys(fws[revoker].links, &after, &ids[revoker], &secret);
	WAIT_FOR(no_link_left, NULL);
	ck_assert_int_lt(ha_time_since(ha_clock_now(), before).ns,
	    ha_dur_ms(1000).ns);
	let_pass(1000);
	ck_assert(no_link_left(NULL));
	ck_assert_uint_eq(fws[revoker].n.link_revoked, 2);
	ck_assert_uint_gt(fws[2].n.refused_key + fws[2].n.refused_my_key, 0);
}
END_TEST

static bool
greeting_came(void *arg)
{
	struct fw *f = arg;

	return f->greetings > 0;
}

START_TEST(who_is_connected_hears_of_another_file)
{
	struct ha_greeting g = { .n_zones = 1, .version = "later" };

	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	strcpy(g.zones[0], "dmz");
	memset(g.cluster_digest, 0x5a, sizeof(g.cluster_digest));
	ha_links_set_greeting(fws[1].links, &g);
	ck_assert_uint_eq(fws[1].greetings, 2); /* to compare with */
	ck_assert_str_eq(fws[1].heard[2].version, "test");
	WAIT_FOR(greeting_came, &fws[2]);
	ck_assert_uint_eq(fws[2].heard[1].cluster_digest[31], 0x5a);
	ck_assert_str_eq(fws[2].heard[1].zones[0], "dmz");
	ck_assert_uint_eq(fws[2].heard[1].boot_counter, 1);
	check_nothing_was_down();
}
END_TEST

/* --- strangers --- */

START_TEST(a_stranger_is_closed_at_once)
{
	int fd;

	start(2);
	fd = call_from("127.4.0.99", 2);
	WAIT_FOR(closed, &fd);
	ck_assert_uint_eq(fws[2].n.link_refused_source, 1);
	close(fd);
}
END_TEST

START_TEST(who_should_be_dialled_may_not_dial)
{
	int fd;

	start(2);
	fd = call_from("127.4.0.3", 2);
	WAIT_FOR(closed, &fd);
	ck_assert_uint_eq(fws[2].n.link_refused_source, 1);
	close(fd);
}
END_TEST

START_TEST(junk_is_closed_and_counted)
{
	uint8_t junk[700];
	int fd;

	memset(junk, 0x41 + _i, sizeof(junk));
	start(2);
	fd = call_from("127.4.0.1", 2);
	ck_assert_int_eq(write(fd, junk, sizeof(junk)), sizeof(junk));
	WAIT_FOR(closed, &fd);
	ck_assert_uint_eq(fws[2].n.refused_malformed +
	    fws[2].n.refused_secret + fws[2].n.refused_cluster, 1);
	close(fd);
}
END_TEST

START_TEST(half_a_hello_is_closed_after_three_seconds)
{
	struct ha_time before = ha_clock_now();
	uint8_t byte = 0;
	int fd;

	start(2);
	fd = call_from("127.4.0.1", 2);
	ck_assert_int_eq(write(fd, &byte, 1), 1);
	WAIT_FOR(closed, &fd);
	ck_assert_int_ge(ha_time_since(ha_clock_now(), before).ns,
	    ha_dur_ms(2900).ns);
	ck_assert_uint_eq(fws[2].n.handshake_timeout, 1);
	close(fd);
}
END_TEST

START_TEST(a_fifth_half_open_connection_is_turned_away)
{
	int fds[5];

	start(2);
	for (int i = 0; i < 5; i++)
		fds[i] = call_from("127.4.0.1", 2);
	WAIT_FOR(counted, &fws[2].n.link_refused_from_source);
	ck_assert_uint_eq(fws[2].n.link_refused_from_source, 1);
	WAIT_FOR(closed, &fds[4]);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}
END_TEST

START_TEST(junk_from_a_member_does_not_touch_its_links)
{
	static const uint8_t JUNK[100] = { 1, 2, 3 };
	const uint8_t byte = 'x';
	unsigned int want = 1;

	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	for (int i = 0; i < 200; i++) {
		int fd = call_from("127.4.0.1", 2);

		(void)!write(fd, JUNK, sizeof(JUNK));
		turn();
		close(fd);
	}
	ck_assert_int_eq(ha_links_send(fws[1].links, &fws[1].name[2][0],
	    HA_URGENCY_CONTROL, &byte, 1), HA_OK);
	WAIT_FOR(frames_came, &want);
	ck_assert_uint_eq(fws[1].downs + fws[2].downs, 0);
}
END_TEST

START_TEST(without_a_descriptor_accepting_pauses_and_links_go_on)
{
	struct rlimit all, few;
	const uint8_t byte = 'x';
	unsigned int want = 1;
	int fd;

	start(1);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	fd = socket_at("127.4.0.99");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	few.rlim_cur = (rlim_t)fd + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	connect_to(fd, 2);
	WAIT_FOR(counted, &fws[2].n.link_refused_descriptors);
	let_pass(500);
	ck_assert_uint_eq(fws[2].n.link_refused_descriptors, 1);
	ck_assert_int_eq(ha_links_send(fws[1].links, &fws[1].name[2][0],
	    HA_URGENCY_CONTROL, &byte, 1), HA_OK);
	WAIT_FOR(frames_came, &want);

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	WAIT_FOR(counted, &fws[2].n.link_refused_source);
	ck_assert_uint_eq(fws[1].downs + fws[2].downs, 0);
	close(fd);
}
END_TEST

/* --- members of another release --- */

static bool
lacks_protocol(void *arg)
{
	const uint8_t *at_and_of = arg;

	return fws[at_and_of[0]].condition[at_and_of[1]]
	    [HA_LINKS_NO_PROTOCOL];
}

static bool
no_alarm(void *arg)
{
	return !lacks_protocol(arg);
}

/* Plays member 2 on HA4, once, and speaks a later version only. */
static void
answer_later(void)
{
	struct ha_handshake_config config;
	struct caller c = { .fd = -1 };
	int fd = socket_at_port("127.4.0.2", conf.link[0].port);

	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	fill_call(&config, 2, 1, 0);
	config.protocol_min = config.protocol_max = HA_PROTOCOL_MAX + 1;
	ck_assert_int_eq(ha_handshake_new_responder(&config, &c.handshake),
	    HA_OK);
	while (c.fd < 0) {
		c.fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK);
		turn();
	}
	(void)follow(&c);
	WAIT_FOR(handshake_over, &c);
	hang_up(&c);
	close(fd);
}

START_TEST(who_dials_sees_that_no_version_is_common)
{
	uint8_t one_of_two[] = { 1, 2 };

	start(1);
	answer_later();
	WAIT_FOR(lacks_protocol, one_of_two);
	ck_assert_uint_gt(fws[1].n.refused_protocol, 0);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	ck_assert(no_alarm(one_of_two));
}
END_TEST

START_TEST(who_is_dialled_sees_it_in_the_hello_alone)
{
	uint8_t two_of_one[] = { 2, 1 };
	uint8_t record[HA_FRAME_HEAD + 168] = { 168, 0,
		HA_PROTOCOL_MAX + 1 };
	struct ha_handshake_config config;
	struct caller c;
	int fd;

	start(2);
	fill_call(&config, 1, 2, 1);
	config.protocol_min = config.protocol_max = HA_PROTOCOL_MAX + 1;
	call(&c, 2, &config);
	hang_up(&c);
	WAIT_FOR(counted, &fws[2].n.handshake_refused);
	ck_assert(no_alarm(two_of_one)); /* nobody vouches for that byte */

	fd = call_from("127.4.0.1", 2);
	ck_assert_int_eq(write(fd, record, sizeof(record)), sizeof(record));
	WAIT_FOR(lacks_protocol, two_of_one);
	ck_assert_uint_eq(fws[2].n.refused_protocol, 1);
	close(fd);
}
END_TEST

/* --- members that are broken, or somebody between --- */

static bool
fw2_down(void *arg)
{
	(void)arg;
	return fws[2].downs == 1;
}

static void
spoil_nothing(uint8_t *record, size_t *len)
{
	(void)record;
	(void)len;
}

static void
spoil_bit(uint8_t *record, size_t *len)
{
	record[*len - 1] ^= 1;
}

static void
spoil_head(uint8_t *record, size_t *len)
{
	record[0] ^= 1;
	(*len)++;
}

static void
empty_body(uint8_t *record, size_t *len)
{
	record[0] = record[1] = 0;
	*len = 2;
}

static void
only_a_tag(uint8_t *record, size_t *len)
{
	record[0] = 15;
	record[1] = 0;
	*len = 17;
}

static const struct {
	const char *why;
	void (*spoil)(uint8_t *record, size_t *len);
	bool makes_no_sense;
	size_t counter;
} frame_cases[] = {
	{ "a changed bit", spoil_bit, false,
	    offsetof(struct ha_shell_counters, drop_frame) },
	{ "another length", spoil_head, false,
	    offsetof(struct ha_shell_counters, drop_frame) },
	{ "no body", empty_body, false,
	    offsetof(struct ha_shell_counters, drop_frame) },
	{ "shorter than a seal", only_a_tag, false,
	    offsetof(struct ha_shell_counters, drop_frame) },
	{ "sealed well, but no message", spoil_nothing, true,
	    offsetof(struct ha_shell_counters, drop_message) },
};

START_TEST(a_bad_frame_closes_its_connection_and_no_other)
{
	uint8_t two_three[] = { 2, 3 };
	static const uint8_t frame[100] = { 0x80 };
	uint8_t record[200] = { 0 };
	size_t len = HA_SEAL_SIZE(100);
	const uint64_t *counter;
	struct caller c;

	start(2);
	start(3);
	WAIT_FOR(both_up, two_three);
	call_plain(&c, 2, 1);
	ck_assert_ptr_nonnull(c.seal);
	fws[2].refuse_frames = frame_cases[_i].makes_no_sense;
	ck_assert_int_eq(ha_seal_seal(c.seal, record, frame, sizeof(frame)),
	    HA_OK);
	frame_cases[_i].spoil(record, &len);
	ck_assert_int_eq(write(c.fd, record, len), (ssize_t)len);
	WAIT_FOR(fw2_down, NULL);
	counter = (const uint64_t *)(const void *)((const char *)&fws[2].n +
	    frame_cases[_i].counter);
	ck_assert_msg(*counter == 1, "case: %s", frame_cases[_i].why);
	ck_assert(both_up(two_three));
	hang_up(&c);
}
END_TEST

static const struct {
	const char *why;
	uint8_t frame[2];
	size_t len;
	bool other_boot; /* a whole greeting follows, of another start */
	bool is_good;
} own_frames[] = {
	{ "who dials need not ask for it", { 1 }, 1, false, false },
	{ "a greeting without anything", { 2 }, 1, false, false },
	{ "no greeting", { 2, 0xff }, 2, false, false },
	{ "the greeting of another start", { 2 }, 1, true, false },
	{ "of a later release", { 15, 1 }, 2, false, true },
};

START_TEST(frames_about_the_connection_are_examined_too)
{
	uint8_t frame[1 + HA_GREETING_MAX];
	uint8_t record[HA_SEAL_SIZE(sizeof(frame))];
	size_t len = own_frames[_i].len, more;
	struct ha_handshake_config config;
	struct caller c;

	start(2);
	fill_call(&config, 1, 2, 1);
	call(&c, 2, &config);
	ck_assert_ptr_nonnull(c.seal);
	memcpy(frame, own_frames[_i].frame, len);
	if (own_frames[_i].other_boot) {
		config.greeting.boot_id[3] ^= 1;
		ck_assert_int_eq(ha_greeting_encode(frame + 1, &more,
		    &config.greeting), HA_OK);
		len += more;
	}
	ck_assert_int_eq(ha_seal_seal(c.seal, record, frame, len), HA_OK);
	ck_assert_int_eq(write(c.fd, record, HA_SEAL_SIZE(len)),
	    (ssize_t)HA_SEAL_SIZE(len));
	if (own_frames[_i].is_good) {
		let_pass(100);
		ck_assert(fws[2].up[1][0]);
		ck_assert_uint_eq(fws[2].frames, 0);
	} else {
		WAIT_FOR(fw2_down, NULL);
		ck_assert_msg(fws[2].n.drop_message == 1, "case: %s",
		    own_frames[_i].why);
	}
	ck_assert_uint_eq(fws[2].greetings, 0);
	hang_up(&c);
}
END_TEST

START_TEST(a_record_cut_short_is_no_frame)
{
	uint8_t record[HA_SEAL_SIZE(100)];
	struct caller c;

	start(2);
	call_plain(&c, 2, 1);
	ck_assert_int_eq(ha_seal_seal(c.seal, record,
	    (const uint8_t *)&conf, 100), HA_OK);
	ck_assert_int_eq(write(c.fd, record, 50), 50);
	let_pass(50);
	close(c.fd);
	c.fd = -1;
	WAIT_FOR(fw2_down, NULL);
	ck_assert_uint_eq(fws[2].frames, 0);
	ck_assert_uint_eq(fws[2].n.link_closed, 1);
	hang_up(&c);
}
END_TEST

START_TEST(a_later_connection_replaces_and_an_earlier_one_does_not)
{
	struct caller first, later, earlier;

	start(2);
	call_plain(&first, 2, 5);
	ck_assert_ptr_nonnull(first.seal);
	call_plain(&later, 2, 6);
	ck_assert_ptr_nonnull(later.seal);
	let_pass(500);
	ck_assert(!closed(&first.fd)); /* that is for who dialled */
	WAIT_FOR(closed, &first.fd);
	ck_assert_uint_eq(fws[2].ups, 2);
	ck_assert_uint_eq(fws[2].downs, 0);
	call_plain(&earlier, 2, 5);
	ck_assert_ptr_null(earlier.seal);
	ck_assert_uint_eq(fws[2].n.refused_stale, 1);
	ck_assert_uint_eq(fws[2].downs, 0);
	ck_assert(fws[2].up[1][0]);
	hang_up(&first);
	hang_up(&later);
	hang_up(&earlier);
}
END_TEST

START_TEST(an_earlier_start_of_a_member_is_refused)
{
	struct ha_handshake_config config;
	struct caller now, before;

	start(2);
	fill_call(&config, 1, 2, 1);
	config.greeting.boot_counter = 8;
	call(&now, 2, &config);
	ck_assert_ptr_nonnull(now.seal);
	config.greeting.boot_counter = 7;
	config.greeting.generation = 2;
	call(&before, 2, &config);
	ck_assert_ptr_null(before.seal);
	ck_assert_uint_eq(before.boot_seen, 8);
	ck_assert(fws[2].up[1][0]);
	hang_up(&now);
	hang_up(&before);
}
END_TEST

START_TEST(of_two_starts_with_one_counter_the_later_must_step_over)
{
	struct ha_handshake_config config;
	struct caller now, clone;

	start(2);
	fill_call(&config, 1, 2, 1);
	call(&now, 2, &config);
	ck_assert_ptr_nonnull(now.seal);
	config.greeting.boot_id[0] ^= 0xff;
	config.greeting.generation = 2;
	call(&clone, 2, &config);
	ck_assert_ptr_null(clone.seal);
	hang_up(&clone);
	call(&clone, 2, &config);
	ck_assert_uint_eq(clone.boot_seen, 2);
	hang_up(&now);
	hang_up(&clone);
}
END_TEST

/* --- two machines, one serial --- */

/* A start of member 1: "a" has counter 5, "b" 6 and so on. */
static bool
call_as_start(struct caller *c, char name)
{
	static uint64_t generations;
	struct ha_handshake_config config;

	fill_call(&config, 1, 2, ++generations);
	config.greeting.boot_id[0] = (uint8_t)name;
	config.greeting.boot_counter = (uint64_t)(5 + name - 'a');
	call(c, 2, &config);
	return c->seal != NULL;
}

static const struct {
	const char *why;
	const char *starts; /* one after the other */
	bool twins;
} appearances[] = {
	{ "one that starts again and again", "abcdefg", false },
	{ "the first comes back", "aba", true },
	{ "the one before comes back", "abcb", true },
	{ "the first after three others", "abcda", true },
	{ "one that was never let in", "bab", false },
	{ "always the same", "aaaa", false },
};

START_TEST(two_that_live_at_once_are_known_by_one_that_comes_back)
{
	const char *starts = appearances[_i].starts;
	struct caller c[8];
	size_t n = strlen(starts);
	uint8_t two_three[] = { 2, 3 };

	start(2);
	start(3);
	WAIT_FOR(both_up, two_three);
	for (size_t i = 0; i < n; i++) {
		ck_assert_uint_eq(fws[2].n.twins_found, 0);
		(void)call_as_start(&c[i], starts[i]);
		let_pass(20);
	}
	ck_assert_msg(fws[2].condition[1][HA_LINKS_TWINS] ==
	    appearances[_i].twins, "case: %s", appearances[_i].why);
	ck_assert(fws[2].up[1][0] != appearances[_i].twins);
	ck_assert(both_up(two_three));
	ck_assert(!fws[2].condition[3][HA_LINKS_TWINS]);
	for (size_t i = 0; i < n; i++)
		hang_up(&c[i]);
}
END_TEST

static void
quarantine_member_1(void)
{
	struct caller c[3];

	start(2);
	for (int i = 0; i < 3; i++)
		(void)call_as_start(&c[i], "aba"[i]);
	WAIT_FOR(closed, &c[1].fd);
	ck_assert(fws[2].condition[1][HA_LINKS_TWINS]);
	for (int i = 0; i < 3; i++)
		hang_up(&c[i]);
}

START_TEST(both_stay_outside_until_the_operator_reloads)
{
	struct caller c;

	quarantine_member_1();
	for (int i = 0; i < 2; i++) {
		ck_assert(!call_as_start(&c, "ab"[i]));
		ck_assert_int_eq(ha_handshake_failure(c.handshake).reason,
		    HA_REFUSE_DUPLICATE);
		hang_up(&c);
	}
	ck_assert_uint_eq(fws[2].n.link_refused_twin, 2);
	ha_links_end_quarantine(fws[2].links);
	ck_assert(!fws[2].condition[1][HA_LINKS_TWINS]);
	ck_assert(!call_as_start(&c, 'a')); /* it has to step over b */
	ck_assert_uint_eq(c.boot_seen, 6);
	hang_up(&c);
	ck_assert(call_as_start(&c, 'b'));
	ck_assert_uint_eq(fws[2].n.twins_found, 1);
	hang_up(&c);
}
END_TEST

START_TEST(or_until_a_while_has_passed)
{
	struct caller c;

	quarantine = ha_dur_ms(1000);
	quarantine_member_1();
	let_pass(500);
	ck_assert(!call_as_start(&c, 'b'));
	hang_up(&c);
	let_pass(700);
	ck_assert(!fws[2].condition[1][HA_LINKS_TWINS]);
	ck_assert(call_as_start(&c, 'b'));
	hang_up(&c);
}
END_TEST

static bool
knows_twin_of_2(void *arg)
{
	(void)arg;
	return fws[1].condition[2][HA_LINKS_TWINS];
}

START_TEST(they_are_not_dialled_either)
{
	static const uint64_t STARTS[] = { 5, 6, 5 };

	start(1);
	for (int i = 0; i < 3; i++) {
		start_with(2, &secret, STARTS[i]);
		if (i < 2)
			WAIT_FOR(both_up, ONE_AND_TWO);
		else
			WAIT_FOR(knows_twin_of_2, NULL);
		stop(2);
		let_pass(100);
	}
	start_with(2, &secret, 7);
	let_pass(3500);
	ck_assert_uint_eq(fws[2].n.link_accepts, 0);
	ha_links_end_quarantine(fws[1].links);
	WAIT_FOR(both_up, ONE_AND_TWO);
}
END_TEST

static bool
knows_own_twin(void *arg)
{
	(void)arg;
	return fws[1].condition[1][HA_LINKS_TWINS];
}

static bool
frame_came_to_1(void *arg)
{
	const unsigned int *want = arg;

	return fws[1].frames >= *want;
}

/* What one link knows, the other one does, too. */
START_TEST(two_starts_with_one_counter_are_two_on_any_link)
{
	struct ha_handshake_config config;
	struct caller first, again;

	start(2);
	fill_call(&config, 1, 2, 1);
	call(&first, 2, &config);
	ck_assert_ptr_nonnull(first.seal);
	hang_up(&first);
	config.link = 1;
	config.greeting.boot_id[0] ^= 0xff;
	call(&again, 2, &config);
	ck_assert_ptr_null(again.seal);
	hang_up(&again);
	call(&again, 2, &config);
	ck_assert_uint_eq(again.boot_seen, 2);
	hang_up(&again);
}
END_TEST

/* Whoever dials. */
START_TEST(a_database_that_was_put_back_is_no_second_machine)
{
	uint8_t back = (uint8_t)(_i + 1), other = (uint8_t)(2 - _i);
	const uint8_t new_id[HA_BOOT_ID_LEN] = { 1, 2, 3 };

	start_with(back, &secret, 4);
	start(other);
	WAIT_FOR(both_up, ONE_AND_TWO);
	stop(back);
	id_salt = 1;
	start_with(back, &secret, 4);
	WAIT_FOR(counted, &fws[back].behind);
	ck_assert_uint_eq(fws[back].behind, 5);
	ck_assert_uint_eq(fws[back].ups, 0);
	ha_links_set_boot(fws[back].links, new_id, 6);
	WAIT_FOR(both_up, ONE_AND_TWO);
	ck_assert_uint_eq(fws[1].n.twins_found + fws[2].n.twins_found, 0);
}
END_TEST

START_TEST(one_of_them_knows_it_and_does_not_step_over_the_other)
{
	const uint8_t new_id[HA_BOOT_ID_LEN] = { 1, 2, 3 };
	const uint8_t byte = 'x';
	unsigned int want;

	quarantine = ha_dur_ms(3000);
	start_with(1, &secret, 5);
	start(2);
	WAIT_FOR(both_up, ONE_AND_TWO);
	ck_assert_int_eq(ha_links_send(fws[2].links, &fws[2].name[1][0],
	    HA_URGENCY_CONTROL, &byte, 1), HA_OK);
	want = fws[1].frames + 1;
	WAIT_FOR(frame_came_to_1, &want);
	/* What the other one did there. */
	ha_links_raise_seen(fws[2].links, 1, 9);
	ha_links_drop(fws[2].links, &fws[2].name[1][0], "test");
	WAIT_FOR(knows_own_twin, NULL);
	let_pass(1000);
	ck_assert_uint_eq(fws[1].behind, 0);
	ck_assert(!fws[1].up[2][0]);
	WAIT_FOR(counted, &fws[1].behind);
	ck_assert(!knows_own_twin(NULL));
	ha_links_set_boot(fws[1].links, new_id, 10);
	memset(fws[1].up, 0, sizeof(fws[1].up));
	WAIT_FOR(both_up, ONE_AND_TWO);
}
END_TEST

static Suite *
links_suite(void)
{
	Suite *s = suite_create("links");
	TCase *members = tcase_create("members");
	TCase *anew = tcase_create("made anew");
	TCase *strangers = tcase_create("strangers");
	TCase *broken = tcase_create("broken");
	TCase *twins = tcase_create("twins");

	tcase_add_checked_fixture(members, setup, teardown);
	tcase_set_timeout(members, 60);
	tcase_add_test(members, two_members_get_both_links);
	tcase_add_test(members, three_members_get_six_links);
	tcase_add_test(members, a_member_that_comes_later_is_found_soon);
	tcase_add_test(members, a_member_that_comes_back_replaces_its_links);
	tcase_add_loop_test(members,
	    a_member_that_is_behind_learns_it_whoever_dials, 0, 2);
	tcase_add_test(members, urgent_frames_pass_those_that_wait);
	tcase_add_test(members, much_arrives_whole_and_in_order);
	tcase_add_test(members,
	    what_is_said_to_an_old_connection_goes_nowhere);
	tcase_add_test(members, a_queue_that_nobody_reads_is_bounded);
	tcase_add_test(members, another_secret_gets_no_link_and_is_counted);
	tcase_add_test(members, another_key_gets_no_link_and_is_counted);
	tcase_add_test(members, a_port_in_use_is_an_error);
	suite_add_tcase(s, members);

	tcase_add_checked_fixture(anew, setup, teardown);
	tcase_set_timeout(anew, 60);
	tcase_add_test(anew, a_connection_is_made_anew_in_time_and_never_down);
	tcase_add_loop_test(anew, the_link_without_walks_is_made_anew_first,
	    0, 2);
	tcase_add_loop_test(anew,
	    what_cannot_be_made_anew_ends_a_little_later, 0, 2);
	tcase_add_test(anew, what_nothing_can_follow_is_kept);
	tcase_add_loop_test(anew, a_key_is_rotated_and_no_link_goes_down, 0,
	    (int)(sizeof(key_rotations) / sizeof(key_rotations[0])));
	tcase_add_loop_test(anew,
	    the_next_keys_are_in_use_before_the_old_ones_go, 0,
	    (int)(sizeof(early_rotations) / sizeof(early_rotations[0])));
	tcase_add_test(anew, a_next_key_that_is_nowhere_is_tried_once);
	tcase_add_loop_test(anew, the_secret_is_rotated_and_no_link_goes_down,
	    0, 2);
	tcase_add_loop_test(anew,
	    a_revoked_key_is_gone_within_a_second_and_stays_out, 0, 2);
	tcase_add_test(anew, who_is_connected_hears_of_another_file);
	suite_add_tcase(s, anew);

	tcase_add_checked_fixture(strangers, setup, teardown);
	tcase_set_timeout(strangers, 60);
	tcase_add_test(strangers, a_stranger_is_closed_at_once);
	tcase_add_test(strangers, who_should_be_dialled_may_not_dial);
	tcase_add_loop_test(strangers, junk_is_closed_and_counted, 0, 3);
	tcase_add_test(strangers, half_a_hello_is_closed_after_three_seconds);
	tcase_add_test(strangers, a_fifth_half_open_connection_is_turned_away);
	tcase_add_test(strangers,
	    junk_from_a_member_does_not_touch_its_links);
	tcase_add_test(strangers,
	    without_a_descriptor_accepting_pauses_and_links_go_on);
	suite_add_tcase(s, strangers);

	tcase_add_test(strangers, who_dials_sees_that_no_version_is_common);
	tcase_add_test(strangers, who_is_dialled_sees_it_in_the_hello_alone);

	tcase_add_checked_fixture(broken, setup, teardown);
	tcase_set_timeout(broken, 60);
	tcase_add_loop_test(broken,
	    a_bad_frame_closes_its_connection_and_no_other, 0,
	    (int)(sizeof(frame_cases) / sizeof(frame_cases[0])));
	tcase_add_loop_test(broken,
	    frames_about_the_connection_are_examined_too, 0,
	    (int)(sizeof(own_frames) / sizeof(own_frames[0])));
	tcase_add_test(broken, a_record_cut_short_is_no_frame);
	tcase_add_test(broken,
	    a_later_connection_replaces_and_an_earlier_one_does_not);
	tcase_add_test(broken, an_earlier_start_of_a_member_is_refused);
	tcase_add_test(broken,
	    of_two_starts_with_one_counter_the_later_must_step_over);
	suite_add_tcase(s, broken);

	tcase_add_checked_fixture(twins, setup, teardown);
	tcase_set_timeout(twins, 60);
	tcase_add_loop_test(twins,
	    two_that_live_at_once_are_known_by_one_that_comes_back, 0,
	    (int)(sizeof(appearances) / sizeof(appearances[0])));
	tcase_add_test(twins, both_stay_outside_until_the_operator_reloads);
	tcase_add_test(twins, or_until_a_while_has_passed);
	tcase_add_test(twins, they_are_not_dialled_either);
	tcase_add_test(twins,
	    two_starts_with_one_counter_are_two_on_any_link);
	tcase_add_loop_test(twins,
	    a_database_that_was_put_back_is_no_second_machine, 0, 2);
	tcase_add_test(twins,
	    one_of_them_knows_it_and_does_not_step_over_the_other);
	suite_add_tcase(s, twins);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(links_suite());
	int failed;

	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
