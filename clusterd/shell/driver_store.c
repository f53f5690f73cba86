/*
 * What the database should hold of this run.  It is kept here as well: while
 * the disk is full or broken nothing waits for it, and when it is well again
 * what is missing is written.
 */
#include <stdio.h>
#include <string.h>

#include "shell/driver_priv.h"

static const struct ha_dur RETRY = { INT64_C(10) * 1000000000 };

/* A member that a person took out stays out. */
void
ha_driver_recall_state(struct ha_driver *d)
{
	const struct ha_last_state *last = &d->last_state;

	if (d->parts.store == NULL ||
	    ha_memberdb_last_state(d->parts.store, &d->last_state) != HA_OK)
		return;
	d->settings.suspended =
	    strcmp(last->state, ha_state_name(HA_STATE_SUSPENDED)) == 0 &&
	    strcmp(last->reason, ha_cause_name(HA_CAUSE_OPERATOR)) == 0;
}

void
ha_driver_keep_state(struct ha_driver *d, const char *state,
    const char *reason)
{
	struct ha_last_state *last = &d->last_state;

	last->at_s = ha_clock_wall_ms() / 1000;
	snprintf(last->state, sizeof(last->state), "%s", state);
	snprintf(last->reason, sizeof(last->reason), "%s", reason);
	if (d->parts.store != NULL)
		(void)!ha_memberdb_save_state(d->parts.store, last);
}

void
ha_driver_keep_boot(struct ha_driver *d, uint8_t member, uint64_t counter)
{
	d->settings.members[member - 1].boot_seen = counter;
	if (d->parts.store != NULL)
		(void)!ha_memberdb_raise_boot(d->parts.store, member,
		    counter);
}

/* With the state goes a new copy, in any case. */
static void
write_again(struct ha_driver *d)
{
	struct ha_store *store = d->parts.store;

	for (unsigned int i = 1; i <= HA_MEMBER_MAX; i++)
		(void)!ha_memberdb_raise_boot(store, i,
		    d->settings.members[i - 1].boot_seen);
	if (d->last_state.state[0] != '\0')
		(void)!ha_memberdb_save_state(store, &d->last_state);
}

void
ha_driver_tend_store(struct ha_driver *d)
{
	struct ha_time now = ha_clock_now();
	int health;

	if (d->parts.store == NULL)
		return;
	health = ha_store_health(d->parts.store);
	if (health != HA_OK && ha_time_reached(now, d->store_retry)) {
		write_again(d);
		health = ha_store_health(d->parts.store);
		d->store_retry = ha_time_add(now, RETRY);
	}
	if (health != HA_OK)
		ha_log_limited(d->parts.log, HA_LOG_ERR, "storage.failed", 0,
		    "why=\"%s\"", health == HA_ERR_FULL ? "the disk is full" :
		    ha_err_text(health));
	ha_driver_alarm(d, "database-not-written", 0, health != HA_OK);
}
