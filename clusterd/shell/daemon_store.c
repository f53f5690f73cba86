/* The daemon's database: opened, rebuilt when it is damaged, filled. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "shell/daemon_priv.h"
#include "shell/stamp.h"
#include "storage/formerdb.h"

const char *
ha_daemon_store_why(int rc)
{
	switch (rc) {
	case HA_ERR_NEWER:
		return "it was written by a later release of clusterd";
	case HA_ERR_AGAIN:
		return "another clusterd has it open";
	case HA_ERR_FULL:
		return "the disk is full";
	default:
		return ha_err_text(rc);
	}
}

static int
rebuild(struct ha_daemon *d, const char *path)
{
	struct ha_rebuilt how;
	int rc = ha_store_rebuild(path, &how, &d->store);

	if (rc != HA_OK)
		return rc;
	d->store_damaged = true;
	ha_log(d->log, HA_LOG_ERR, "storage.damaged",
	    "file=\"%s\" aside=\"%s%s\" rebuilt-from=%s", path,
	    how.aside[0] == '\0' ? "" : path, how.aside,
	    how.from_copy ? "copy" : "cluster-file");
	return HA_OK;
}

void
ha_daemon_takeover_text(const struct ha_takeover *t, char *text, size_t size)
{
	snprintf(text, size, "index %u is that of \"%s\" until it has been out "
	    "of the file for %d minutes, %d from now; if it is gone for good, "
	    "\"clusterctl forget %s\" ends the wait", t->index, t->former,
	    HA_FORMER_WAIT_S / 60, (int)(t->wait_s + 59) / 60, t->former);
}

int
ha_daemon_store_members(struct ha_daemon *d, const struct ha_files *files,
    struct ha_replaced *out)
{
	struct ha_member_row rows[HA_MEMBERDB_MAX];
	size_t n = ha_files_rows(files, rows);
	struct ha_store_time now = ha_stamp_now();

	return ha_memberdb_replace(d->store, rows, n, &now, out);
}

/* To forget somebody takes a daemon that runs. */
static void
fail_takeover(struct ha_daemon *d, const struct ha_takeover *t)
{
	char text[320], why[512];

	ha_daemon_takeover_text(t, text, sizeof(text));
	snprintf(why, sizeof(why), "%s, once clusterd has started without "
	    "\"%s\" in the file", text, t->serial);
	(void)ha_daemon_fail(d, t->serial, why, HA_ERR_CONFIG);
}

static int
fill(struct ha_daemon *d, const char *path)
{
	struct ha_replaced replaced;
	int rc = ha_daemon_store_members(d, &d->files, &replaced);

	if (rc == HA_OK)
		d->table_version = replaced.version;
	else if (rc != HA_ERR_CONFIG)
		return ha_daemon_fail(d, path, ha_daemon_store_why(rc), rc);
	for (size_t i = 0; i < replaced.n_refused; i++)
		fail_takeover(d, &replaced.refused[i]);
	return rc;
}

int
ha_daemon_open_store(struct ha_daemon *d)
{
	char path[512];
	int rc;

	if (mkdir(d->options->state_dir, 0700) != 0 && errno != EEXIST)
		return ha_daemon_fail(d, d->options->state_dir,
		    strerror(errno), HA_ERR_IO);
	snprintf(path, sizeof(path), "%s/%s", d->options->state_dir,
	    HA_STORE_FILE);
	rc = ha_store_open(path, &d->store);
	if (rc == HA_ERR_CORRUPT)
		rc = rebuild(d, path);
	if (rc != HA_OK)
		return ha_daemon_fail(d, path, ha_daemon_store_why(rc), rc);
	return fill(d, path);
}
