/* The daemon's kernel: what it is set to, and its sessions. */
#include <string.h>

#include "shell/daemon_priv.h"
#include "shell/privs.h"
#include "storage/memberdb.h"

/* What would help, with the command. */
static void
advise(struct ha_daemon *d)
{
	struct ha_host_advice advice[HA_HOST_ADVICE_MAX];
	size_t n = ha_host_advise(&d->host, d->settings.table_size, advice);

	for (size_t i = 0; i < n; i++)
		ha_log(d->log, HA_LOG_WARN, advice[i].name,
		    "why=\"%s\" run=\"%s\"", advice[i].why, advice[i].run);
}

void
ha_daemon_keep_accounts(struct ha_daemon *d)
{
	struct ha_why why = { "" };

	if (d->files.self->local.log_traffic &&
	    ha_host_keep_accounts(&why) != HA_OK)
		ha_log(d->log, HA_LOG_WARN, "host.accounts", "why=\"%s\"",
		    why.text);
}

static int
look_at_host(struct ha_daemon *d)
{
	struct ha_why why = { "" };
	int rc;

	if (!ha_privs_enough())
		return ha_daemon_fail(d, "privileges",
		    "clusterd needs CAP_NET_ADMIN: start it as root",
		    HA_ERR_PERM);
	rc = ha_host_read(&d->host, &why);
	if (rc != HA_OK)
		return ha_daemon_fail(d, "kernel", why.text, rc);
	ha_daemon_keep_accounts(d);
	d->settings.kernel_max = d->host.conntrack_max;
	d->settings.timeouts = d->host.timeouts;
	advise(d);
	return HA_OK;
}

static void
add_untracked(const struct ha_files *files, struct ha_dataplane_config *c,
    int link)
{
	const struct ha_conf_address *a = &files->self->address[link];
	struct ha_untracked *u;

	if (a->family == 0)
		return;
	u = &c->untracked[c->n_untracked++];
	u->family = a->family;
	memcpy(u->address, a->bytes, sizeof(u->address));
	u->port = files->conf->link[link].port;
}

/* What the files say of it. */
static void
fill_config(const struct ha_files *files, struct ha_dataplane_config *c)
{
	const struct ha_conf_sessions *s = &files->conf->sessions;

	memset(c, 0, sizeof(*c));
	c->signal = s->signal == HA_CONF_SIGNAL_MARK ? HA_SIGNAL_MARK :
	    HA_SIGNAL_LABEL;
	c->owner_bit = s->owner_bit;
	c->replica_bit = s->replica_bit;
	c->zones = ha_conf_zones(&files->self->local);
	c->rule = s->rule;
	c->gate = s->gate;
	add_untracked(files, c, HA_LINK_HA4);
	add_untracked(files, c, HA_LINK_HA4_BACKUP);
}

static bool
same_kernel(const struct ha_dataplane_config *a,
    const struct ha_dataplane_config *b)
{
	if (a->rule != b->rule || a->gate != b->gate ||
	    a->n_untracked != b->n_untracked ||
	    !ha_zones_equal(&a->zones, &b->zones))
		return false;
	for (int i = 0; i < a->n_untracked; i++) {
		const struct ha_untracked *u = &a->untracked[i];
		const struct ha_untracked *v = &b->untracked[i];

		if (u->family != v->family || u->port != v->port ||
		    memcmp(u->address, v->address, sizeof(u->address)) != 0)
			return false;
	}
	return true;
}

int
ha_daemon_change_kernel(struct ha_daemon *d, const struct ha_files *from,
    const struct ha_files *to, struct ha_why *why)
{
	struct ha_dataplane_config before, now;

	fill_config(from, &before);
	fill_config(to, &now);
	return same_kernel(&before, &now) ? HA_OK :
	    ha_dataplane_change(d->dataplane, &now, why);
}

/* Was this member ever more than started?  Then the host has booted, and
 * the gate is closed until the sessions are here. */
static bool
is_known(struct ha_daemon *d)
{
	struct ha_last_state last;

	return ha_memberdb_last_state(d->store, &last) == HA_OK;
}

int
ha_daemon_open_kernel(struct ha_daemon *d)
{
	struct ha_dataplane_config config;
	const struct ha_dataplane_start *start;
	struct ha_why why = { "" };
	bool known = is_known(d);
	int rc = look_at_host(d);

	if (rc != HA_OK)
		return rc;
	fill_config(&d->files, &config);
	config.gate_closed_at_boot = known;
	ha_driver_dataplane_calls(d->driver, &config.calls);
	rc = ha_dataplane_open(&config, &why, &d->dataplane);
	if (rc != HA_OK)
		return ha_daemon_fail(d, "kernel", why.text, rc);
	start = ha_dataplane_start(d->dataplane);
	if (!start->events_forced)
		ha_log(d->log, HA_LOG_WARN, "host.events",
		    "why=\"connections that are there already raise no "
		    "events\" run=\"sysctl -w "
		    "net.netfilter.nf_conntrack_events=1\"");
	d->settings.start = HA_START_FIRST;
	if (start->table_found || start->entries_found)
		d->settings.start = HA_START_RESTART;
	else if (known)
		d->settings.start = HA_START_BOOT;
	ha_log(d->log, HA_LOG_INFO, "kernel.open",
	    "table-found=%d entries-found=%d gate=%s table-owned=%d "
	    "event-buffer=%u forced=%d", start->table_found,
	    start->entries_found, start->gate_closed ? "closed" : "open",
	    start->table_owned, start->event_buffer_bytes,
	    start->buffer_forced);
	return HA_OK;
}
