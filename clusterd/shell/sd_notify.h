/*
 * sd_notify: tell a service manager how we are.
 *
 * One datagram to the socket that the environment names; without one every
 * call does nothing.
 *
 * Ownership  ha_sd_open() and ha_sd_close() pair.
 * Blocking   never.
 * Errors     none: nobody listening is no reason to stop.
 */
#ifndef HA_SHELL_SD_NOTIFY_H
#define HA_SHELL_SD_NOTIFY_H

#include "base/err.h"
#include "base/mono.h"

struct ha_sd;

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and removes them from
 * the environment.  NULL: no memory. */
struct ha_sd *ha_sd_open(void);

/* NULL is allowed, here and below. */
void ha_sd_close(struct ha_sd *sd);

/* "READY=1", "STATUS=...": assignments, one a line. */
void ha_sd_say(struct ha_sd *sd, const char *fmt, ...) HA_PRINTF(2, 3);

/* How often to say WATCHDOG=1; 0: nobody waits for it. */
struct ha_dur ha_sd_watchdog(const struct ha_sd *sd);

#endif /* HA_SHELL_SD_NOTIFY_H */
