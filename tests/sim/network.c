#include "tests/sim/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/rng.h"

/*
 * A connection (struct conn) has two ends, 0 at the dialler, and two pipes,
 * 0 from the dialler.  A pipe is, from sender to receiver:
 *
 *   waiting[]  what has not left yet, one queue for each urgency
 *   (departing: one frame; the event of its departure carries it)
 *   (in flight: each in the event of its arrival)
 *   stalled    what came to a blocked direction or a frozen handshake, in
 *              order; the opening releases it
 *
 * Handshake legs and the closing of an end travel as frames, too, so that
 * everything that delays frames delays them.  Events name a connection by
 * its id; an id that is not found any more was closed at both ends.
 */

#define HANDSHAKE_LEGS    6
#define HANDSHAKE_TIMEOUT ha_dur_s(3)
#define SOCKET_BUFFER     65536
#define MEMBERS           (HA_MEMBER_MAX + 1)

enum frame_kind { FRAME_LEG, FRAME_DATA, FRAME_CLOSED };

struct frame {
	struct ha_list list;
	enum frame_kind kind;
	enum network_urgency urgency;
	uint8_t leg;
	bool lose;
	size_t len;
	unsigned char data[];
};

struct pipe {
	struct ha_list waiting[2]; /* by enum network_urgency */
	struct ha_list stalled;
	size_t stalled_bytes;
	struct ha_time last_arrival;
	bool busy; /* a frame is departing */
};

struct conn {
	struct ha_list list; /* in pair->conns */
	struct pair *pair;
	uint64_t id;
	uint64_t generation;
	bool open[2];
	bool up[2];
	bool severed; /* nothing arrives any more */
	struct ha_boot boot[2];
	uint8_t state[2];
	struct pipe pipe[2];
};

/* One link between two members; end 0 is the lower index. */
struct pair {
	uint8_t member[2];
	uint8_t link;
	struct ha_list conns;
	struct ha_dur backoff;
	bool dial_due; /* an event of it is on its way */
	uint64_t dials;
	bool blocked[2]; /* by pipe */
	struct ha_time changed[2];
	uint64_t rate[2];
	bool lose[2];
};

struct host {
	bool powered;
	bool running;
	bool frozen;
	struct ha_boot boot;
	uint8_t state;
	ha_member_set admitted;
};

struct network {
	struct event_queue *queue;
	struct network_settings settings;
	struct network_calls calls;
	struct ha_rng rng;
	struct ha_time now;
	uint64_t next_id;
	struct host hosts[MEMBERS];
	struct pair *pairs; /* [(a * MEMBERS + b) * HA_LINK_MAX + link] */
};

static struct pair *
pair_of(const struct network *n, uint8_t x, uint8_t y, uint8_t link)
{
	uint8_t a = x < y ? x : y;
	uint8_t b = x < y ? y : x;

	return &n->pairs[(a * MEMBERS + b) * HA_LINK_MAX + link];
}

struct network *
network_new(struct event_queue *queue, const struct network_settings *settings,
    const struct network_calls *calls)
{
	struct network *n = calloc(1, sizeof(*n));

	HA_CHECK(n != NULL);
	n->pairs = calloc(MEMBERS * MEMBERS * HA_LINK_MAX, sizeof(*n->pairs));
	HA_CHECK(n->pairs != NULL);
	n->queue = queue;
	n->settings = *settings;
	n->calls = *calls;
	n->rng.state = settings->seed;
	n->next_id = 1;
	for (uint8_t a = 1; a <= HA_MEMBER_MAX; a++) {
		n->hosts[a].admitted = (ha_member_set)~0u;
		for (uint8_t b = (uint8_t)(a + 1); b <= HA_MEMBER_MAX; b++) {
			for (uint8_t l = 0; l < HA_LINK_MAX; l++) {
				struct pair *p = pair_of(n, a, b, l);

				p->member[0] = a;
				p->member[1] = b;
				p->link = l;
				p->backoff = settings->backoff_first;
				ha_list_init(&p->conns);
			}
		}
	}
	return n;
}

static void
free_frames(struct ha_list *head)
{
	struct ha_list *node;
	struct ha_list *tmp;

	HA_LIST_FOREACH_SAFE(node, tmp, head)
		free(HA_LIST_ENTRY(node, struct frame, list));
	ha_list_init(head);
}

static void
free_conn(struct conn *c)
{
	ha_list_remove(&c->list);
	for (int dir = 0; dir < 2; dir++) {
		free_frames(&c->pipe[dir].waiting[NETWORK_URGENT]);
		free_frames(&c->pipe[dir].waiting[NETWORK_BULK]);
		free_frames(&c->pipe[dir].stalled);
	}
	free(c);
}

void
network_free(struct network *n)
{
	if (n == NULL)
		return;
	for (size_t i = 0; i < MEMBERS * MEMBERS * HA_LINK_MAX; i++) {
		struct pair *p = &n->pairs[i];

		while (p->member[0] != 0 && !ha_list_empty(&p->conns))
			free_conn(HA_LIST_ENTRY(p->conns.next, struct conn,
			    list));
	}
	free(n->pairs);
	free(n);
}

void
network_now(struct network *n, struct ha_time now)
{
	n->now = now;
}

/* ---- helpers ---- */

static struct ha_dur
between(struct network *n, struct ha_dur min, struct ha_dur max)
{
	uint64_t span = (uint64_t)(max.ns - min.ns) + 1;

	return (struct ha_dur){ min.ns +
		(int64_t)ha_rng_below(&n->rng, span) };
}

static struct network_end
end_of(const struct conn *c, int end)
{
	return (struct network_end){
		.self = c->pair->member[end],
		.peer = c->pair->member[!end],
		.link = c->pair->link,
		.generation = c->generation,
	};
}

static struct conn *
find_conn(const struct pair *p, uint64_t id)
{
	struct ha_list *node;

	HA_LIST_FOREACH(node, &p->conns) {
		struct conn *c = HA_LIST_ENTRY(node, struct conn, list);

		if (c->id == id)
			return c;
	}
	return NULL;
}

/* The connection in use at one end. */
static struct conn *
find_up(const struct pair *p, int end)
{
	struct ha_list *node;

	HA_LIST_FOREACH(node, &p->conns) {
		struct conn *c = HA_LIST_ENTRY(node, struct conn, list);

		if (c->up[end])
			return c;
	}
	return NULL;
}

static struct conn *
find_end(const struct network *n, const struct network_end *e, int *end)
{
	const struct pair *p = pair_of(n, e->self, e->peer, e->link);
	struct ha_list *node;

	*end = e->self < e->peer ? 0 : 1;
	HA_LIST_FOREACH(node, &p->conns) {
		struct conn *c = HA_LIST_ENTRY(node, struct conn, list);

		if (c->generation == e->generation && c->up[*end])
			return c;
	}
	return NULL;
}

static void
add_event(struct network *n, struct ha_dur after,
    void (*run)(void *, const struct sim_event *), const struct pair *p,
    uint64_t id, uint64_t detail, void *data)
{
	event_queue_add(n->queue, (struct sim_event){
		.at = ha_time_add(n->now, after),
		.run = run,
		.ctx = n,
		.a = (uint64_t)p->member[0] << 16 |
		    (uint64_t)p->member[1] << 8 | p->link,
		.b = id,
		.c = detail,
		.data = data,
	});
}

static struct pair *
pair_of_event(struct network *n, const struct sim_event *e)
{
	return pair_of(n, (uint8_t)(e->a >> 16), (uint8_t)(e->a >> 8),
	    (uint8_t)e->a);
}

/* ---- sending ---- */

static void depart(void *ctx, const struct sim_event *e);
static void arrive(void *ctx, const struct sim_event *e);

static struct frame *
new_frame(enum frame_kind kind, enum network_urgency urgency,
    const void *data, size_t len)
{
	struct frame *f = calloc(1, sizeof(*f) + len);

	HA_CHECK(f != NULL);
	f->kind = kind;
	f->urgency = urgency;
	f->len = len;
	if (len > 0)
		memcpy(f->data, data, len);
	return f;
}

static struct frame *
next_waiting(struct pipe *pipe)
{
	for (int u = NETWORK_URGENT; u <= NETWORK_BULK; u++) {
		struct ha_list *head = &pipe->waiting[u];

		if (!ha_list_empty(head))
			return HA_LIST_ENTRY(head->next, struct frame, list);
	}
	return NULL;
}

/* Let the next frame leave, unless one is leaving or the buffer is full. */
static void
pump(struct network *n, struct conn *c, int dir)
{
	struct pipe *pipe = &c->pipe[dir];
	struct frame *f = next_waiting(pipe);
	uint64_t rate = c->pair->rate[dir] != 0 ? c->pair->rate[dir] :
	    n->settings.rate;

	if (pipe->busy || f == NULL || pipe->stalled_bytes >= SOCKET_BUFFER)
		return;
	ha_list_remove(&f->list);
	pipe->busy = true;
	add_event(n,
	    (struct ha_dur){ (int64_t)((f->len + 60) * 1000000000 / rate) },
	    depart, c->pair, c->id, (uint64_t)dir, f);
}

static struct ha_time
arrival_time(struct network *n, struct pipe *pipe)
{
	struct ha_time at = ha_time_add(n->now,
	    between(n, n->settings.delay_min, n->settings.delay_max));

	if (ha_rng_below(&n->rng, 1000) < n->settings.loss_permille)
		at = ha_time_add(at, between(n, ha_dur_ms(200),
		    ha_dur_ms(400)));
	if (ha_time_before(at, pipe->last_arrival))
		at = pipe->last_arrival;
	pipe->last_arrival = at;
	return at;
}

static void
fly(struct network *n, struct conn *c, int dir, struct frame *f)
{
	struct ha_time at = arrival_time(n, &c->pipe[dir]);

	add_event(n, ha_time_since(at, n->now), arrive, c->pair, c->id,
	    (uint64_t)dir, f);
}

static void
depart(void *ctx, const struct sim_event *e)
{
	struct network *n = ctx;
	struct pair *p = pair_of_event(n, e);
	struct conn *c = find_conn(p, e->b);
	int dir = (int)e->c;
	struct frame *f = e->data;
	struct network_end end;
	bool room;

	if (c == NULL || !c->open[dir]) {
		free(f);
		return;
	}
	c->pipe[dir].busy = false;
	room = f->kind == FRAME_DATA && f->urgency == NETWORK_BULK;
	if (room && p->lose[dir]) {
		p->lose[dir] = false;
		f->lose = true;
	}
	fly(n, c, dir, f);
	pump(n, c, dir);
	end = end_of(c, dir);
	if (room)
		n->calls.room(n->calls.ctx, &end);
}

static void
send_frame(struct network *n, struct conn *c, int dir, struct frame *f)
{
	ha_list_append(&c->pipe[dir].waiting[f->urgency], &f->list);
	pump(n, c, dir);
}

static void
send_leg(struct network *n, struct conn *c, uint8_t leg)
{
	struct frame *f = new_frame(FRAME_LEG, NETWORK_URGENT, NULL, 0);

	f->leg = leg;
	send_frame(n, c, leg % 2 == 1 ? 0 : 1, f);
}

/* ---- closing and dialling ---- */

static void dial(void *ctx, const struct sim_event *e);

static bool
is_dialling(const struct pair *p)
{
	struct ha_list *node;

	HA_LIST_FOREACH(node, &p->conns)
		if (HA_LIST_ENTRY(node, struct conn, list)->open[0])
			return true;
	return false;
}

/* The dialler tries again, later each time. */
static void
want_dial(struct network *n, struct pair *p)
{
	struct ha_dur wait = between(n, ha_dur_ms(1), p->backoff);

	if (!n->hosts[p->member[0]].running || p->dial_due || is_dialling(p))
		return;
	p->dial_due = true;
	p->backoff.ns *= 2;
	if (p->backoff.ns > n->settings.backoff_max.ns)
		p->backoff = n->settings.backoff_max;
	add_event(n, wait, dial, p, 0, 0, NULL);
}

static void
drop_waiting(struct conn *c, int dir)
{
	free_frames(&c->pipe[dir].waiting[NETWORK_URGENT]);
	free_frames(&c->pipe[dir].waiting[NETWORK_BULK]);
}

/* Close one end.  tell: the other end hears of it, when it can. */
static void
close_end(struct network *n, struct conn *c, int end, bool tell)
{
	struct pair *p = c->pair;

	if (!c->open[end])
		return;
	c->open[end] = false;
	c->up[end] = false;
	drop_waiting(c, end);
	if (c->open[!end] && tell && !c->severed &&
	    ha_rng_below(&n->rng, 100) >= n->settings.lost_close_percent)
		fly(n, c, end, new_frame(FRAME_CLOSED, NETWORK_URGENT, NULL,
		    0));
	if (!c->open[!end])
		free_conn(c);
	if (end == 0)
		want_dial(n, p);
}

/* The same, and tell the member that its link is down. */
static void
lose_end(struct network *n, struct conn *c, int end, bool tell)
{
	struct network_end e = end_of(c, end);
	bool was_up = c->up[end];

	close_end(n, c, end, tell);
	if (was_up)
		n->calls.down(n->calls.ctx, &e);
}

/* Does this end of the pair want the other one? */
static bool
admits(const struct network *n, const struct pair *p, int end)
{
	return (n->hosts[p->member[end]].admitted &
	    ha_member_bit(p->member[!end])) != 0;
}

/* The deadline of a handshake at one end. */
static void
give_up(void *ctx, const struct sim_event *e)
{
	struct network *n = ctx;
	struct conn *c = find_conn(pair_of_event(n, e), e->b);
	int end = (int)e->c;

	if (c != NULL && c->open[end] && !c->up[end])
		close_end(n, c, end, true);
}

static void
dial(void *ctx, const struct sim_event *e)
{
	struct network *n = ctx;
	struct pair *p = pair_of_event(n, e);
	const struct host *h = &n->hosts[p->member[0]];
	struct conn *c;

	p->dial_due = false;
	if (!h->running)
		return;
	if (h->frozen || !admits(n, p, 0)) {
		want_dial(n, p);
		return;
	}
	c = calloc(1, sizeof(*c));
	HA_CHECK(c != NULL);
	c->pair = p;
	c->id = n->next_id++;
	p->dials++;
	c->generation = n->settings.generations_restart ? p->dials :
	    h->boot.counter << 32 | p->dials;
	c->open[0] = true;
	for (int dir = 0; dir < 2; dir++) {
		ha_list_init(&c->pipe[dir].waiting[NETWORK_URGENT]);
		ha_list_init(&c->pipe[dir].waiting[NETWORK_BULK]);
		ha_list_init(&c->pipe[dir].stalled);
	}
	ha_list_append(&p->conns, &c->list);
	add_event(n, HANDSHAKE_TIMEOUT, give_up, p, c->id, 0, NULL);
	send_leg(n, c, 1);
}

/* ---- arriving ---- */

/* A new connection takes the place of the one that this end still has.
 * Which of the two events comes first is not promised, unless only the order
 * could tell them apart. */
static void
bring_up(struct network *n, struct conn *c, int end)
{
	struct pair *p = c->pair;
	struct conn *old = find_up(p, end);
	uint64_t old_id = old == NULL ? 0 : old->id;
	struct network_end e = end_of(c, end);
	bool down_first = old != NULL &&
	    (ha_rng_below(&n->rng, 2) == 0 ||
	        old->generation >= c->generation);

	if (down_first)
		lose_end(n, old, end, true);
	c->up[end] = true;
	if (end == 0)
		p->backoff = n->settings.backoff_first;
	n->calls.up(n->calls.ctx, &e, c->boot[!end], c->state[!end]);
	old = find_conn(p, old_id);
	if (old != NULL && !down_first)
		lose_end(n, old, end, true);
}

static void
take_leg(struct network *n, struct conn *c, int end, uint8_t leg)
{
	const struct host *h = &n->hosts[c->pair->member[end]];

	if (!admits(n, c->pair, end)) {
		c->open[end] = true;
		close_end(n, c, end, true);
		return;
	}
	if (leg == 1) {
		c->open[1] = true;
		add_event(n, HANDSHAKE_TIMEOUT, give_up, c->pair, c->id, 1,
		    NULL);
	}
	if (leg == 3 || leg == 4) { /* the answer tells who answers */
		c->boot[end] = h->boot;
		c->state[end] = h->state;
	}
	if (leg < HANDSHAKE_LEGS)
		send_leg(n, c, (uint8_t)(leg + 1));
	if (leg >= HANDSHAKE_LEGS - 1)
		bring_up(n, c, end);
}

/* Nobody is there: the kernel says so to the sender. */
static void
refuse(struct network *n, struct conn *c, int end)
{
	if (c->open[!end])
		fly(n, c, end, new_frame(FRAME_CLOSED, NETWORK_URGENT, NULL,
		    0));
}

static void
take_frame(struct network *n, struct conn *c, int end, struct frame *f)
{
	const struct host *h = &n->hosts[c->pair->member[end]];
	struct network_end e = end_of(c, end);
	bool first_leg = f->kind == FRAME_LEG && f->leg == 1;

	if (!h->powered || c->severed || f->lose)
		return;
	if (first_leg ? !h->running : !c->open[end]) {
		if (f->kind != FRAME_CLOSED)
			refuse(n, c, end);
		return;
	}
	switch (f->kind) {
	case FRAME_LEG:
		take_leg(n, c, end, f->leg);
		break;
	case FRAME_DATA:
		if (c->up[end])
			n->calls.frame(n->calls.ctx, &e, f->data, f->len);
		break;
	case FRAME_CLOSED:
		lose_end(n, c, end, false);
		break;
	}
}

static bool
must_stall(const struct network *n, const struct conn *c, int dir,
    const struct frame *f)
{
	const struct host *h = &n->hosts[c->pair->member[!dir]];

	return c->pair->blocked[dir] ||
	    !ha_list_empty(&c->pipe[dir].stalled) ||
	    (f->kind == FRAME_LEG && h->frozen);
}

static void
arrive(void *ctx, const struct sim_event *e)
{
	struct network *n = ctx;
	struct conn *c = find_conn(pair_of_event(n, e), e->b);
	int dir = (int)e->c;
	struct frame *f = e->data;

	if (c == NULL) {
		free(f);
		return;
	}
	if (must_stall(n, c, dir, f)) {
		ha_list_append(&c->pipe[dir].stalled, &f->list);
		c->pipe[dir].stalled_bytes += f->len;
		return;
	}
	take_frame(n, c, !dir, f);
	free(f);
}

/* What was held back comes in at last, unless the way is shut again. */
static void
deliver_stalled(void *ctx, const struct sim_event *e)
{
	struct network *n = ctx;
	struct pair *p = pair_of_event(n, e);
	int dir = (int)e->c;
	struct conn *c;

	while ((c = find_conn(p, e->b)) != NULL && !p->blocked[dir] &&
	    !ha_list_empty(&c->pipe[dir].stalled)) {
		struct pipe *pipe = &c->pipe[dir];
		struct frame *f = HA_LIST_ENTRY(pipe->stalled.next,
		    struct frame, list);

		if (f->kind == FRAME_LEG && n->hosts[p->member[!dir]].frozen)
			return;
		ha_list_remove(&f->list);
		pipe->stalled_bytes -= f->len;
		pump(n, c, dir);
		take_frame(n, c, !dir, f);
		free(f);
	}
}

/* After a retransmission. */
static void
release_stalled(struct network *n, struct conn *c, int dir)
{
	add_event(n, between(n, ha_dur_ms(1), ha_dur_ms(400)),
	    deliver_stalled, c->pair, c->id, (uint64_t)dir, NULL);
}

/* ---- members ---- */

static void
for_each_conn(struct network *n, uint8_t member,
    void (*fn)(struct network *, struct conn *, int end))
{
	for (uint8_t other = 1; other <= HA_MEMBER_MAX; other++) {
		if (other == member)
			continue;
		for (uint8_t l = 0; l < HA_LINK_MAX; l++) {
			struct pair *p = pair_of(n, member, other, l);
			struct ha_list *node;
			struct ha_list *tmp;

			HA_LIST_FOREACH_SAFE(node, tmp, &p->conns)
				fn(n, HA_LIST_ENTRY(node, struct conn, list),
				    member < other ? 0 : 1);
		}
	}
}

void
network_start(struct network *n, uint8_t member, struct ha_boot boot)
{
	struct host *h = &n->hosts[member];

	h->powered = true;
	h->running = true;
	h->frozen = false;
	h->boot = boot;
	h->state = HA_STATE_INITIAL;
	for (uint8_t b = (uint8_t)(member + 1); b <= n->settings.n_members;
	    b++) {
		for (uint8_t l = 0; l < HA_LINK_MAX; l++) {
			struct pair *p = pair_of(n, member, b, l);

			if (n->settings.generations_restart)
				p->dials = 0;
			p->backoff = n->settings.backoff_first;
			if (n->settings.links[l])
				want_dial(n, p);
		}
	}
}

static void
close_telling(struct network *n, struct conn *c, int end)
{
	close_end(n, c, end, true);
}

static void
close_silently(struct network *n, struct conn *c, int end)
{
	close_end(n, c, end, false);
}

void
network_stop(struct network *n, uint8_t member)
{
	n->hosts[member].running = false;
	n->hosts[member].frozen = false;
	for_each_conn(n, member, close_telling);
}

/* Whoever still has a connection to what was lost is told at its next try. */
static void
answer_unknown(struct network *n, struct conn *c, int end)
{
	if (!c->open[end])
		refuse(n, c, end);
}

void
network_power(struct network *n, uint8_t member, bool on)
{
	n->hosts[member].powered = on;
	if (on) {
		for_each_conn(n, member, answer_unknown);
		return;
	}
	n->hosts[member].running = false;
	n->hosts[member].frozen = false;
	for_each_conn(n, member, close_silently);
}

static void
release_legs(struct network *n, struct conn *c, int end)
{
	release_stalled(n, c, !end);
}

void
network_freeze(struct network *n, uint8_t member, bool frozen)
{
	n->hosts[member].frozen = frozen;
	if (!frozen)
		for_each_conn(n, member, release_legs);
}

void
network_admit(struct network *n, uint8_t member, ha_member_set who)
{
	n->hosts[member].admitted = who;
}

void
network_set_state(struct network *n, uint8_t member, uint8_t state)
{
	n->hosts[member].state = state;
}

/* ---- use ---- */

void
network_send(struct network *n, const struct network_end *e,
    enum network_urgency urgency, const void *data, size_t len)
{
	int end;
	struct conn *c = find_end(n, e, &end);

	if (c != NULL)
		send_frame(n, c, end, new_frame(FRAME_DATA, urgency, data,
		    len));
}

void
network_close(struct network *n, const struct network_end *e)
{
	int end;
	struct conn *c = find_end(n, e, &end);

	if (c != NULL)
		close_end(n, c, end, true);
}

bool
network_is_up(const struct network *n, uint8_t self, uint8_t peer,
    uint8_t link)
{
	return find_up(pair_of(n, self, peer, link), self < peer ? 0 : 1) !=
	    NULL;
}

/* ---- faults ---- */

void
network_block(struct network *n, uint8_t from, uint8_t to, uint8_t link,
    bool blocked)
{
	struct pair *p = pair_of(n, from, to, link);
	int dir = from < to ? 0 : 1;
	struct ha_list *node;

	if (p->blocked[dir] == blocked)
		return;
	p->blocked[dir] = blocked;
	p->changed[dir] = n->now;
	if (blocked)
		return;
	HA_LIST_FOREACH(node, &p->conns)
		release_stalled(n, HA_LIST_ENTRY(node, struct conn, list),
		    dir);
}

bool
network_is_blocked(const struct network *n, uint8_t from, uint8_t to,
    uint8_t link)
{
	return pair_of(n, from, to, link)->blocked[from < to ? 0 : 1];
}

struct ha_time
network_changed(const struct network *n, uint8_t from, uint8_t to,
    uint8_t link)
{
	return pair_of(n, from, to, link)->changed[from < to ? 0 : 1];
}

static void
reset_end(void *ctx, const struct sim_event *e)
{
	struct network *n = ctx;
	struct conn *c = find_conn(pair_of_event(n, e), e->b);

	if (c != NULL && c->open[e->c])
		lose_end(n, c, (int)e->c, false);
}

void
network_cut(struct network *n, uint8_t a, uint8_t b, uint8_t link)
{
	struct pair *p = pair_of(n, a, b, link);
	struct ha_list *node;

	HA_LIST_FOREACH(node, &p->conns) {
		struct conn *c = HA_LIST_ENTRY(node, struct conn, list);

		c->severed = true;
		for (uint64_t end = 0; end < 2; end++)
			add_event(n, between(n, ha_dur_ms(0), ha_dur_ms(50)),
			    reset_end, p, c->id, end, NULL);
	}
}

void
network_slow(struct network *n, uint8_t from, uint8_t to, uint8_t link,
    uint64_t rate)
{
	pair_of(n, from, to, link)->rate[from < to ? 0 : 1] = rate;
}

void
network_lose_one(struct network *n, uint8_t from, uint8_t to, uint8_t link)
{
	pair_of(n, from, to, link)->lose[from < to ? 0 : 1] = true;
}
