/*
 * The event history.  It is read from the disk whole, at once, as it was when
 * it was asked for, and told in slices.
 */
#include <stdlib.h>

#include "shell/control_priv.h"

#define EVENTS_DEFAULT 25

void
ha_control_tell_events(struct ha_control_client *client,
    const Ha__Ctl__Request *request)
{
	struct ha_store *store = client->control->parts.store;
	struct ha_control_walk *walk = &client->walk;
	size_t max = request->events->has_count ? request->events->count :
	    EVENTS_DEFAULT;
	int err = HA_OK;

	if (max > HA_EVENTDB_MAX)
		max = HA_EVENTDB_MAX;
	if (store != NULL && max > 0) {
		walk->events = calloc(max, sizeof(*walk->events));
		err = walk->events == NULL ? HA_ERR_NOMEM :
		    ha_eventdb_list(store, walk->events, max,
		    &walk->n_events);
	}
	if (err != HA_OK) {
		free(walk->events);
		walk->events = NULL;
		ha_control_refuse(client, "history",
		    "The event history can't be read: %s.", ha_err_text(err));
		return;
	}
	walk->kind = HA_CONTROL_WALK_EVENTS;
}

static void
fill_event(const struct ha_event_row *row, Ha__Ctl__Event *e)
{
	ha__ctl__event__init(e);
	e->number = row->number;
	e->time_ms = row->at_ms;
	e->name = ha_control_text(row->name);
	e->text = ha_control_text(row->text);
}

void
ha_control_walk_events(struct ha_control_client *client)
{
	struct ha_control_walk *walk = &client->walk;
	Ha__Ctl__Event events[HA_CONTROL_EVENT_SLICE];
	Ha__Ctl__Event *pointers[HA_CONTROL_EVENT_SLICE];
	Ha__Ctl__Events body = HA__CTL__EVENTS__INIT;
	Ha__Ctl__Answer answer = HA__CTL__ANSWER__INIT;

	while (body.n_events < HA_CONTROL_EVENT_SLICE &&
	    walk->next_event < walk->n_events) {
		Ha__Ctl__Event *e = &events[body.n_events];

		fill_event(&walk->events[walk->next_event++], e);
		pointers[body.n_events++] = e;
	}
	body.events = pointers;
	answer.has_more = answer.more = walk->next_event < walk->n_events;
	if (!answer.more)
		walk->kind = HA_CONTROL_WALK_NONE;
	answer.body_case = HA__CTL__ANSWER__BODY_EVENTS;
	answer.events = &body;
	ha_control_say(client, &answer);
}
