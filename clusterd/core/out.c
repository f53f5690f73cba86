#include "core/core_priv.h"

void
out_begin(struct ha_core *c)
{
	c->n_out = 0;
	c->n_messages = 0;
	c->more = false;
	for (int i = 0; i < BODY_MAX; i++)
		c->bodies[i].stream = NULL;
}

/* Room for work that can wait for the next turn. */
bool
out_has_room(const struct ha_core *c)
{
	return c->n_out + OUT_RESERVE < OUT_MAX &&
	    c->n_messages + MESSAGE_MAX / 2 < MESSAGE_MAX;
}

struct ha_output *
out_add(struct ha_core *c, enum ha_output_kind kind)
{
	struct ha_output *o;

	HA_CHECK(c->n_out < OUT_MAX);
	o = &c->out[c->n_out++];
	o->kind = kind;
	return o;
}

/* NULL: no link, or no room; the protocol bears the loss of any message. */
struct ha_message *
out_send(struct ha_core *c, struct peer *p, int link,
    enum ha_message_kind kind)
{
	struct ha_message *m;
	struct ha_output *o;

	if (link < 0 || !p->links[link].up || c->n_messages == MESSAGE_MAX ||
	    c->n_out + 8 >= OUT_MAX)
		return NULL;
	m = &c->messages[c->n_messages++];
	m->kind = kind;
	o = out_add(c, HA_OUT_SEND);
	o->u.send.peer = p->index;
	o->u.send.link = (uint8_t)link;
	o->u.send.generation = p->links[link].generation;
	o->u.send.message = m;
	return m;
}

void
out_trace(struct ha_core *c, enum ha_trace what, uint32_t a, uint32_t b,
    uint64_t detail)
{
	struct ha_output *o;

	if (!out_has_room(c))
		return;
	o = out_add(c, HA_OUT_TRACE);
	o->u.trace = (struct ha_out_trace){ what, a, b, detail };
}

void
out_alarm(struct ha_core *c, const char *name, uint8_t member, bool on)
{
	struct ha_output *o = out_add(c, HA_OUT_ALARM);

	o->u.alarm = (struct ha_out_alarm){ name, member, on };
}
