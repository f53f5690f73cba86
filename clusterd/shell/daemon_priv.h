/*
 * daemon_priv: what the files of the daemon share.
 */
#ifndef HA_SHELL_DAEMON_PRIV_H
#define HA_SHELL_DAEMON_PRIV_H

#include "dataplane/dataplane.h"
#include "proto/greeting.h"
#include "shell/control.h"
#include "shell/daemon.h"
#include "shell/driver.h"
#include "shell/files.h"
#include "shell/link_stats.h"
#include "shell/links.h"
#include "shell/loop.h"
#include "shell/reload.h"
#include "shell/sd_notify.h"
#include "storage/memberdb.h"
#include "storage/store.h"

#define HA_SIGNALS 4

struct event;

struct ha_daemon {
	const struct ha_options *options;
	struct ha_log *log;
	struct ha_files files;
	struct ha_store *store;
	bool store_damaged; /* it was, and has been rebuilt */
	uint64_t table_version; /* of the membership table */
	struct ha_host host;
	struct ha_shell_counters counters;
	struct ha_loop *loop;
	struct ha_sd *sd;
	struct ha_driver *driver;
	struct ha_dataplane *dataplane;
	struct ha_links *links;
	struct ha_control *control;
	struct ha_settings settings;
	struct ha_greeting greeting;
	struct event *signals[HA_SIGNALS];
	struct event *watchdog;
};

/* One line for the operator; returns rc. */
int ha_daemon_fail(struct ha_daemon *d, const char *what, const char *why,
    int rc);

/* Open the database, rebuilt when it is damaged, and put the members in. */
HA_MUST_USE int ha_daemon_open_store(struct ha_daemon *d);

/* Make the members of files the membership table.  HA_ERR_CONFIG: some would
 * take over an index too early, see ha_memberdb_replace(). */
HA_MUST_USE int ha_daemon_store_members(struct ha_daemon *d,
    const struct ha_files *files, struct ha_replaced *out);

/* Why that is refused, and what can be done about it. */
void ha_daemon_takeover_text(const struct ha_takeover *takeover, char *text,
    size_t size);

/* Why the database does not do what it should. */
const char *ha_daemon_store_why(int rc);

/* Look at the host and open its sessions; says how this start began. */
HA_MUST_USE int ha_daemon_open_kernel(struct ha_daemon *d);

/* Load our nftables table as the latter files want it, if that is another one
 * than the former did.  On error nothing has changed. */
HA_MUST_USE int ha_daemon_change_kernel(struct ha_daemon *d,
    const struct ha_files *from, const struct ha_files *to,
    struct ha_why *why);

/* For the traffic log, if there is one. */
void ha_daemon_keep_accounts(struct ha_daemon *d);

/* What of the greeting the files say. */
void ha_daemon_fill_greeting(struct ha_daemon *d);

struct ha_dur ha_daemon_coalesce(const struct ha_daemon *d);

/* Take over changed files, or say why not; also to the log.  arg: the
 * daemon. */
void ha_daemon_reload(void *arg, struct ha_reload *out);

/* Let the index of a machine that is gone for good go to another.  False: why
 * not. */
bool ha_daemon_forget(void *arg, const char *serial, char *why, size_t size);

#endif /* HA_SHELL_DAEMON_PRIV_H */
