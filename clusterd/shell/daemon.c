/*
 * The order of a start, and why it is this one:
 *
 *     files      everything that the operator can get wrong, before anything
 *                is touched
 *     database   damaged ones are rebuilt; one process at a time
 *     kernel     what it finds decides what kind of start this is
 *     boot       the counter is on disk before anybody hears of it
 *     links      a port in use ends the start
 *     driver     the core begins
 *     control    people may ask
 *     rights     all but one are given up
 */
#include "shell/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "shell/daemon_priv.h"
#include "shell/privs.h"
#include "storage/bootdb.h"

#define CONTROL_GROUP "clusterd"

int
ha_daemon_fail(struct ha_daemon *d, const char *what, const char *why,
    int rc)
{
	char text[512];

	ha_log(d->log, HA_LOG_ERR, "start.failed", "what=\"%s\" why=%s", what,
	    ha_log_quote(text, sizeof(text), why));
	return rc;
}

/* --- the boot and the greeting --- */

static int
begin_boot(struct ha_daemon *d)
{
	struct ha_boot_row row;
	uint64_t seen[HA_MEMBERDB_MAX];
	int rc = ha_bootdb_next(d->store, &row);

	if (rc == HA_OK)
		rc = ha_memberdb_boots(d->store, seen);
	if (rc != HA_OK)
		return ha_daemon_fail(d, "boot counter", ha_err_text(rc), rc);
	randombytes_buf(d->greeting.boot_id, sizeof(d->greeting.boot_id));
	d->greeting.boot_counter = row.counter;
	d->settings.boot = ha_greeting_boot(&d->greeting);
	for (int i = 0; i < HA_MEMBER_MAX; i++)
		d->settings.members[i].boot_seen = seen[i];
	return HA_OK;
}

void
ha_daemon_fill_greeting(struct ha_daemon *d)
{
	const struct ha_conf_local *local = &d->files.self->local;
	struct ha_greeting *g = &d->greeting;

	snprintf(g->version, sizeof(g->version), "%s", PACKAGE_VERSION);
	g->n_zones = local->n_zones;
	for (int i = 0; i < local->n_zones; i++)
		snprintf(g->zones[i], sizeof(g->zones[i]), "%s",
		    local->zones[i].name);
	memcpy(g->cluster_digest, d->files.digest, sizeof(g->cluster_digest));
}

/* --- parts --- */

static int
open_links(struct ha_daemon *d)
{
	struct ha_links_config config = { .conf = d->files.conf,
		.self = d->files.self->index,
		.identity = d->files.identity, .secret = d->files.secret,
		.greeting = d->greeting };
	struct ha_links_events events;
	int rc;

	for (int i = 0; i < HA_MEMBER_MAX; i++)
		config.boot_seen[i] = d->settings.members[i].boot_seen;
	randombytes_buf(&config.seed, sizeof(config.seed));
	ha_driver_links_events(d->driver, &events);
	rc = ha_links_open(ha_loop_base(d->loop), d->log, &d->counters,
	    &config, &events, &d->links);
	if (rc != HA_OK)
		return ha_daemon_fail(d, "HA4 links",
		    rc == HA_ERR_EXISTS ? "a port is in use" :
		    ha_err_text(rc), rc);
	return HA_OK;
}

static const char *
control_why(int rc)
{
	switch (rc) {
	case HA_ERR_EXISTS:
		return "another clusterd answers there";
	case HA_ERR_INVAL:
		return "this path is too long for a socket: choose a shorter "
		    "directory with -r";
	default:
		return ha_err_text(rc);
	}
}

static int
admin(void *arg, const struct ha_in_admin *in)
{
	struct ha_daemon *d = arg;

	return ha_driver_admin(d->driver, in);
}

static int
open_control(struct ha_daemon *d)
{
	const struct ha_control_parts parts = {
		.base = ha_loop_base(d->loop), .conf = d->files.conf,
		.store = d->store, .log = d->log,
		.look = ha_control_look_at_driver, .look_arg = d->driver,
		.table_version = &d->table_version,
		.reload = ha_daemon_reload, .forget = ha_daemon_forget,
		.admin = admin, .act_arg = d,
		.version = PACKAGE_VERSION };
	char path[256];
	int rc;

	if (mkdir(d->options->run_dir, 0755) != 0 && errno != EEXIST)
		return ha_daemon_fail(d, d->options->run_dir, strerror(errno),
		    HA_ERR_IO);
	snprintf(path, sizeof(path), "%s/control.sock", d->options->run_dir);
	rc = ha_control_open(&parts, path, CONTROL_GROUP, &d->control);
	if (rc != HA_OK)
		return ha_daemon_fail(d, path, control_why(rc), rc);
	return HA_OK;
}

struct ha_dur
ha_daemon_coalesce(const struct ha_daemon *d)
{
	return (struct ha_dur){
		(int64_t)d->files.conf->sessions.coalesce_us * 1000 };
}

static int
make_driver(struct ha_daemon *d)
{
	struct ha_driver_parts parts = { .log = d->log, .store = d->store,
		.counters = &d->counters, .greeting = &d->greeting,
		.coalesce = ha_daemon_coalesce(d) };

	d->loop = ha_loop_new();
	d->sd = ha_sd_open();
	if (d->loop == NULL || d->sd == NULL)
		return HA_ERR_NOMEM;
	parts.loop = d->loop;
	parts.sd = d->sd;
	return ha_driver_new(&parts, &d->driver);
}

/* --- signals and the watchdog --- */

static void
on_stop(evutil_socket_t number, short what, void *arg)
{
	struct ha_daemon *d = arg;

	(void)what;
	ha_driver_event(d->driver, HA_LOG_NOTICE, "daemon.stop",
	    "signal=%d", (int)number);
	ha_sd_say(d->sd, "STOPPING=1");
	ha_loop_stop(d->loop, 0);
}

static void
on_reload(evutil_socket_t number, short what, void *arg)
{
	struct ha_reload reload;

	(void)number;
	(void)what;
	ha_daemon_reload(arg, &reload);
	ha_reload_free(&reload);
}

static void
on_nothing(evutil_socket_t number, short what, void *arg)
{
	(void)number;
	(void)what;
	(void)arg;
}

static void
on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct ha_daemon *d = arg;

	(void)fd;
	(void)what;
	ha_sd_say(d->sd, "WATCHDOG=1");
}

static int
catch_signals(struct ha_daemon *d)
{
	static const struct {
		int number;
		event_callback_fn call;
	} SIGNALS[HA_SIGNALS] = {
		{ SIGTERM, on_stop },
		{ SIGINT, on_stop },
		{ SIGHUP, on_reload },
		{ SIGUSR1, on_nothing }, /* the traffic log is opened anew */
	};
	struct ha_dur watchdog = ha_sd_watchdog(d->sd);
	struct timeval tv = ha_loop_timeval(watchdog);

	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < HA_SIGNALS; i++) {
		d->signals[i] = evsignal_new(ha_loop_base(d->loop),
		    SIGNALS[i].number, SIGNALS[i].call, d);
		if (d->signals[i] == NULL)
			return HA_ERR_NOMEM;
		evsignal_add(d->signals[i], NULL);
	}
	if (watchdog.ns == 0)
		return HA_OK;
	d->watchdog = event_new(ha_loop_base(d->loop), -1, EV_PERSIST,
	    on_watchdog, d);
	if (d->watchdog == NULL)
		return HA_ERR_NOMEM;
	event_add(d->watchdog, &tv);
	return HA_OK;
}

/* --- all of it --- */

static const char *
start_name(enum ha_start start)
{
	switch (start) {
	case HA_START_FIRST:
		return "first";
	case HA_START_BOOT:
		return "boot";
	case HA_START_RESTART:
		return "restart";
	}
	return "unknown";
}

static int
begin(struct ha_daemon *d)
{
	const struct ha_conf_member *self = d->files.self;
	int rc = ha_driver_start(d->driver, &d->settings, d->dataplane,
	    d->links);

	if (rc != HA_OK)
		return ha_daemon_fail(d, "session table", ha_err_text(rc), rc);
	ha_driver_event(d->driver, HA_LOG_NOTICE, "daemon.start",
	    "version=%s serial=%s index=%u boot=%016" PRIx64
	    " counter=%" PRIu64 " kind=%s", PACKAGE_VERSION, self->serial,
	    self->index, d->settings.boot.id, d->settings.boot.counter,
	    start_name(d->settings.start));
	if (d->store_damaged)
		ha_driver_alarm(d->driver, "database-rebuilt", 0, true);
	return HA_OK;
}

static int
open_parts(struct ha_daemon *d)
{
	int rc;

	ha_cluster_conf_settings(d->files.conf, d->files.self->index,
	    &d->settings);
	rc = ha_daemon_open_store(d);
	if (rc != HA_OK)
		return rc;
	ha_daemon_fill_greeting(d);
	d->greeting.state = HA_STATE_INITIAL;
	rc = make_driver(d);
	if (rc != HA_OK)
		return ha_daemon_fail(d, "start", ha_err_text(rc), rc);
	rc = ha_daemon_open_kernel(d);
	if (rc == HA_OK)
		rc = begin_boot(d);
	if (rc == HA_OK)
		rc = open_links(d);
	if (rc == HA_OK)
		rc = begin(d);
	if (rc == HA_OK)
		rc = open_control(d);
	if (rc == HA_OK)
		rc = catch_signals(d);
	return rc;
}

int
ha_daemon_open(const struct ha_options *options, struct ha_log *log,
    struct ha_daemon **out)
{
	struct ha_daemon *d = calloc(1, sizeof(*d));
	struct ha_files_said said;
	int rc;

	if (d == NULL)
		return HA_ERR_NOMEM;
	d->options = options;
	d->log = log;
	rc = ha_files_load(options, &said, &d->files);
	ha_files_said_print(&said, stderr);
	ha_files_said_free(&said);
	if (rc == HA_OK)
		rc = open_parts(d);
	if (rc != HA_OK) {
		ha_daemon_close(d);
		return rc;
	}
	if (ha_privs_drop() != HA_OK)
		ha_log(log, HA_LOG_WARN, "privileges.kept",
		    "why=\"this system does not let them go\"");
	*out = d;
	return HA_OK;
}

int
ha_daemon_run(struct ha_daemon *d)
{
	ha_sd_say(d->sd, "READY=1");
	return ha_loop_run(d->loop);
}

void
ha_daemon_close(struct ha_daemon *d)
{
	if (d == NULL)
		return;
	ha_control_close(d->control);
	ha_links_close(d->links);
	ha_dataplane_close(d->dataplane);
	ha_driver_free(d->driver);
	for (int i = 0; i < HA_SIGNALS; i++) {
		if (d->signals[i] != NULL)
			event_free(d->signals[i]);
	}
	if (d->watchdog != NULL)
		event_free(d->watchdog);
	ha_loop_free(d->loop);
	ha_sd_close(d->sd);
	ha_store_close(d->store);
	ha_files_close(&d->files);
	free(d);
}
