#include "core_pair.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/kept_message.h"

#define TURN_MS   10
#define QUEUE_MAX 64

/* A step of the sender ends the life of its own messages. */
struct parcel {
	struct kept_message kept;
	uint8_t from;
	uint8_t link;
	uint64_t generation;
};

struct core_pair {
	struct ha_time now;
	struct ha_boot boots[3];
	struct ha_core *cores[3]; /* [member] */
	size_t n_queue;
	struct parcel queue[QUEUE_MAX];
	struct parcel box; /* of what is being delivered */
};

static void feed(struct core_pair *pair, uint8_t member, struct ha_input *in);

static void
post(struct core_pair *pair, uint8_t from, const struct ha_out_send *send)
{
	struct parcel *p = &pair->queue[pair->n_queue];

	if (send->peer != 3 - from)
		return; /* a member that nobody plays */
	ck_assert_uint_lt(pair->n_queue++, QUEUE_MAX);
	keep_message(&p->kept, send->message);
	p->from = from;
	p->link = send->link;
	p->generation = send->generation;
}

static void
feed_dump(struct core_pair *pair, uint8_t member)
{
	feed(pair, member, &(struct ha_input){ .kind = HA_IN_DUMP,
		.u.dump.event = HA_DUMP_BEGIN });
	feed(pair, member, &(struct ha_input){ .kind = HA_IN_DUMP,
		.u.dump.event = HA_DUMP_END });
}

static void
perform(struct core_pair *pair, uint8_t member)
{
	size_t n, n_tickets = 0;
	const struct ha_output *out =
	    ha_core_outputs(pair->cores[member], &n);
	uint64_t tickets[HA_KERNEL_OPS_MAX];
	bool dump = false;

	for (size_t i = 0; i < n; i++) {
		if (out[i].kind == HA_OUT_SEND)
			post(pair, member, &out[i].u.send);
		if (out[i].kind == HA_OUT_DUMP)
			dump = true;
		for (int k = 0; out[i].kind == HA_OUT_KERNEL &&
		    k < out[i].u.kernel.n_ops; k++)
			tickets[n_tickets++] = out[i].u.kernel.ops[k].ticket;
	}
	for (size_t i = 0; i < n_tickets; i++)
		feed(pair, member, &(struct ha_input){ .kind = HA_IN_DONE,
			.u.done = { tickets[i], HA_OK } });
	if (dump)
		feed_dump(pair, member);
}

static void
feed(struct core_pair *pair, uint8_t member, struct ha_input *in)
{
	in->now = pair->now;
	ck_assert_int_eq(ha_core_step(pair->cores[member], in), HA_OK);
	perform(pair, member);
}

static void
deliver_one(struct core_pair *pair, const struct parcel *from)
{
	struct parcel *p = &pair->box;
	uint8_t to = (uint8_t)(3 - from->from);

	*p = *from;
	feed(pair, p->from, &(struct ha_input){ .kind = HA_IN_LINK,
		.u.link = { .event = HA_LINK_ROOM, .peer = to,
			.link = p->link, .generation = p->generation } });
	feed(pair, to, &(struct ha_input){ .kind = HA_IN_MESSAGE,
		.u.message = { .peer = p->from, .link = p->link,
			.generation = p->generation,
			.message = kept_message(&p->kept) } });
}

static void
deliver(struct core_pair *pair)
{
	for (size_t i = 0; i < pair->n_queue; i++)
		deliver_one(pair, &pair->queue[i]);
	pair->n_queue = 0;
}

struct core_pair *
core_pair_open(const struct ha_settings settings[static 2])
{
	struct core_pair *pair = calloc(1, sizeof(*pair));

	ck_assert_ptr_nonnull(pair);
	pair->now = (struct ha_time){ 1000 };
	for (uint8_t m = 1; m <= 2; m++) {
		pair->boots[m] = settings[m - 1].boot;
		pair->cores[m] = ha_core_new(&settings[m - 1], m, pair->now);
		ck_assert_ptr_nonnull(pair->cores[m]);
	}
	return pair;
}

void
core_pair_close(struct core_pair *pair)
{
	if (pair == NULL)
		return;
	ha_core_free(pair->cores[1]);
	ha_core_free(pair->cores[2]);
	free(pair);
}

struct ha_core *
core_pair_core(struct core_pair *pair, uint8_t member)
{
	return pair->cores[member];
}

struct ha_time
core_pair_now(const struct core_pair *pair)
{
	return pair->now;
}

void
core_pair_connect(struct core_pair *pair)
{
	for (uint8_t m = 1; m <= 2; m++)
		feed(pair, m, &(struct ha_input){ .kind = HA_IN_LINK,
			.u.link = { .event = HA_LINK_UP,
				.peer = (uint8_t)(3 - m), .link = HA_LINK_HA4,
				.generation = 1,
				.boot = pair->boots[3 - m] } });
}

void
core_pair_run(struct core_pair *pair, int ms)
{
	for (int i = 0; i < ms; i += TURN_MS) {
		pair->now = ha_time_add(pair->now, ha_dur_ms(TURN_MS));
		for (uint8_t m = 1; m <= 2; m++)
			feed(pair, m,
			    &(struct ha_input){ .kind = HA_IN_TICK });
		deliver(pair);
	}
}

int
core_pair_admin(struct core_pair *pair, uint8_t member,
    const struct ha_in_admin *admin)
{
	const struct ha_input in = { .kind = HA_IN_ADMIN, .now = pair->now,
		.u.admin = *admin };
	int rc = ha_core_step(pair->cores[member], &in);

	perform(pair, member);
	return rc;
}

void
core_pair_session(struct core_pair *pair, uint8_t member,
    const struct ha_record *record, const struct ha_extra *extra)
{
	struct ha_input in = { .kind = HA_IN_SESSION,
		.u.session = { .event = HA_SESSION_NEW, .record = *record,
			.bits_known = true, .owner_bit = true } };

	if (extra != NULL)
		in.u.session.extra = *extra;
	feed(pair, member, &in);
}
