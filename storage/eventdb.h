/*
 * eventdb: what happened to this member, for people to read.
 *
 * The newest HA_EVENTDB_MAX events stay; older ones go.  Events alone do not
 * renew PATH.good: the history rides along with the next change that does.
 *
 * Ownership  texts are copied both ways, and cut to what a row holds.
 * Units      at_ms is wall-clock milliseconds since the Unix epoch.
 * Blocking   waits for the disk.
 * Errors     those of storage/store.h; outputs are set only on success.
 */
#ifndef HA_STORAGE_EVENTDB_H
#define HA_STORAGE_EVENTDB_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ha_store;

#define HA_EVENTDB_MAX 10000 /* rows kept */

struct ha_event_row {
	uint64_t number; /* counts from 1, never reused */
	int64_t at_ms;
	char name[64];  /* "member.state" */
	char text[256]; /* "from=initial to=active why=alone" */
};

HA_MUST_USE int ha_eventdb_append(struct ha_store *store, int64_t at_ms,
    const char *name, const char *text);

/* Copy the newest events, at most max, oldest of them first. */
HA_MUST_USE int ha_eventdb_list(struct ha_store *store,
    struct ha_event_row *rows, size_t max, size_t *n);

#endif /* HA_STORAGE_EVENTDB_H */
