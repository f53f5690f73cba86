/*
 * daemon: everything that runs, put together in the one order that is safe.
 *
 * Ownership  ha_daemon_open() and ha_daemon_close() pair; the options and
 *            the log are borrowed and outlive the daemon.
 * Blocking   opening waits for disk and kernel.
 * Errors     HA_ERR_*; the sentence for the operator has been logged.
 */
#ifndef HA_SHELL_DAEMON_H
#define HA_SHELL_DAEMON_H

#include "base/err.h"
#include "shell/log.h"
#include "shell/options.h"

struct ha_daemon;

HA_MUST_USE int ha_daemon_open(const struct ha_options *options,
    struct ha_log *log, struct ha_daemon **out);

/* Until a signal; returns the exit code. */
int ha_daemon_run(struct ha_daemon *d);

/* The gate, the rule and the sessions stay in the kernel.  NULL is
 * allowed. */
void ha_daemon_close(struct ha_daemon *d);

#endif /* HA_SHELL_DAEMON_H */
