/* What the driver shows to people and programs, and what it tells them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "shell/driver_priv.h"
#include "storage/eventdb.h"

void
ha_driver_event(struct ha_driver *d, int level, const char *name,
    const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ha_log(d->parts.log, (enum ha_log_level)level, name, "%s", text);
	if (d->parts.store != NULL &&
	    ha_eventdb_append(d->parts.store, ha_clock_wall_ms(), name,
	    text) != HA_OK)
		d->parts.counters->events_not_stored++;
}

static struct ha_alarm *
find_alarm(struct ha_driver *d, const char *name, uint8_t member)
{
	for (size_t i = 0; i < d->n_alarms; i++) {
		if (d->alarms[i].member == member &&
		    strcmp(d->alarms[i].name, name) == 0)
			return &d->alarms[i];
	}
	return NULL;
}

bool
ha_driver_alarm_holds(struct ha_driver *d, const char *name, uint8_t member)
{
	return find_alarm(d, name, member) != NULL;
}

static const char *
alarm_member(const struct ha_driver *d, uint8_t member)
{
	return ha_links_serial(d->links,
	    member != 0 ? member : d->settings.self);
}

static void
begin_alarm(struct ha_driver *d, const char *name, uint8_t member)
{
	if (d->n_alarms == HA_ALARM_MAX)
		return;
	d->alarms[d->n_alarms++] = (struct ha_alarm){ .name = name,
		.member = member, .since = ha_clock_now(),
		.since_wall_ms = ha_clock_wall_ms() };
	ha_driver_event(d, HA_LOG_WARN, "alarm.begin", "name=%s member=%s",
	    name, alarm_member(d, member));
}

static void
end_alarm(struct ha_driver *d, struct ha_alarm *a)
{
	const struct ha_alarm was = *a;

	d->n_alarms--;
	memmove(a, a + 1, (size_t)(&d->alarms[d->n_alarms] - a) * sizeof(*a));
	ha_driver_event(d, HA_LOG_NOTICE, "alarm.end", "name=%s member=%s",
	    was.name, alarm_member(d, was.member));
}

void
ha_driver_alarm(struct ha_driver *d, const char *name, uint8_t member,
    bool active)
{
	struct ha_alarm *a = find_alarm(d, name, member);

	if (active && a == NULL)
		begin_alarm(d, name, member);
	else if (!active && a != NULL)
		end_alarm(d, a);
}

void
ha_driver_end_peer_alarms(struct ha_driver *d)
{
	for (size_t i = d->n_alarms; i-- > 0;) {
		if (d->alarms[i].member != 0)
			end_alarm(d, &d->alarms[i]);
	}
}

void
ha_driver_end_alarms_about(struct ha_driver *d, uint8_t member)
{
	for (size_t i = d->n_alarms; i-- > 0;) {
		if (d->alarms[i].member == member)
			end_alarm(d, &d->alarms[i]);
	}
}

const struct ha_core *
ha_driver_core(const struct ha_driver *d)
{
	return d->core;
}

struct ha_time
ha_driver_now(const struct ha_driver *d)
{
	(void)d;
	return ha_clock_now();
}

struct ha_time
ha_driver_started(const struct ha_driver *d)
{
	return d->started;
}

const struct ha_shell_counters *
ha_driver_counters(const struct ha_driver *d)
{
	return d->parts.counters;
}

int
ha_driver_link_stats(const struct ha_driver *d, uint8_t peer,
    enum ha_link_id link, struct ha_link_stats *out)
{
	return ha_links_stats(d->links, peer, (uint8_t)link, out);
}

int
ha_driver_peer_info(const struct ha_driver *d, uint8_t peer,
    struct ha_peer_info *out)
{
	if (peer < 1 || peer > HA_MEMBER_MAX || peer == d->settings.self ||
	    !d->settings.members[peer - 1].present)
		return HA_ERR_ABSENT;
	*out = d->peers[peer - 1];
	return HA_OK;
}

size_t
ha_driver_alarms(const struct ha_driver *d,
    struct ha_alarm out[static HA_ALARM_MAX])
{
	memcpy(out, d->alarms, d->n_alarms * sizeof(d->alarms[0]));
	return d->n_alarms;
}

bool
ha_driver_gate_open(const struct ha_driver *d, bool *known)
{
	*known = d->dataplane != NULL;
	return d->gate_open;
}
