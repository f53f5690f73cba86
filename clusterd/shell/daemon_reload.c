/*
 * A changed file, taken over as a whole or not at all.
 *
 *     read       all three files, as at the start; then what changed
 *     listen     where the file newly wants it, beside where it is done
 *     kernel     our nftables table, if it is another, in one transaction
 *     database   the membership table, in one transaction
 *     ----       nothing that follows can fail
 *     in force   the configuration that everybody borrows, the core, the links
 *
 * Whatever fails above the line undoes what stands above it, and the daemon
 * goes on as if nobody had asked.  A kill at any moment leaves the file, which
 * the next start reads, and a table of before or of after.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf_diff.h"
#include "shell/daemon_priv.h"
#include "shell/sock.h"
#include "shell/stamp.h"

#define TOLD_MAX 100 /* lines of the log for one reload */

static struct ha_conf_report *
conf_report(struct ha_reload *r)
{
	return &r->said.report[HA_FILE_CONF];
}

/* --- what changed --- */

static bool
takes_restart(struct ha_reload *r, const struct ha_conf_diff *diff)
{
	char names[512];

	if (!ha_conf_diff_needs_restart(diff))
		return false;
	ha_conf_diff_names(diff, true, names, sizeof(names));
	ha_conf_error(conf_report(r), 0, "a running clusterd can't change "
	    "this: %s", names);
	ha_reload_refuse(r, "restart", "a restart is needed for %s", names);
	return true;
}

static bool
same(const uint8_t a[static HA_KEY_LEN], const uint8_t b[static HA_KEY_LEN])
{
	return sodium_memcmp(a, b, HA_KEY_LEN) == 0;
}

static bool
same_identity(const struct ha_identity *a, const struct ha_identity *b)
{
	return a->has_next == b->has_next &&
	    same(a->private_key, b->private_key) &&
	    (!a->has_next || same(a->next_private_key, b->next_private_key));
}

static bool
same_secret(const struct ha_secret *a, const struct ha_secret *b)
{
	return a->has_next == b->has_next && same(a->current, b->current) &&
	    (!a->has_next || same(a->next, b->next));
}

static void
add_key(struct ha_reload *r, const char *block, const char *key)
{
	bool both = block[0] != '\0' && key[0] != '\0';

	snprintf(r->keys[r->n_keys++], HA_RELOAD_KEY_LEN, "%s%s%s", block,
	    both ? " " : "", key);
}

static void
add_member(struct ha_reload *r, enum ha_reload_fate fate,
    const struct ha_conf_member *m)
{
	struct ha_reload_member *out = &r->members[r->n_members++];

	out->fate = fate;
	memcpy(out->serial, m->serial, sizeof(out->serial));
}

static void
name_member(struct ha_reload *r, const struct ha_conf_member_diff *diff,
    const struct ha_conf_member *from, const struct ha_conf_member *to)
{
	switch (diff->fate) {
	case HA_CONF_FATE_FREE:
		break;
	case HA_CONF_FATE_KEPT:
		if (diff->changed != 0)
			add_member(r, HA_RELOAD_CHANGED, to);
		break;
	case HA_CONF_FATE_ADDED:
		add_member(r, HA_RELOAD_ADDED, to);
		break;
	case HA_CONF_FATE_REMOVED:
		add_member(r, HA_RELOAD_REMOVED, from);
		break;
	case HA_CONF_FATE_REPLACED:
		add_member(r, HA_RELOAD_REMOVED, from);
		add_member(r, HA_RELOAD_ADDED, to);
		break;
	}
}

/* false: nothing is another. */
static bool
name_changes(const struct ha_daemon *d, const struct ha_files *files,
    const struct ha_conf_diff *diff, struct ha_reload *r)
{
	for (size_t i = 0; i < diff->n_changes; i++)
		add_key(r, diff->changes[i].block,
		    diff->changes[i].key == NULL ? "" : diff->changes[i].key);
	if (!same_identity(d->files.identity, files->identity))
		add_key(r, "identity", "");
	if (!same_secret(d->files.secret, files->secret))
		add_key(r, "secret", "");
	for (unsigned int i = 1; i <= HA_MEMBER_MAX; i++)
		name_member(r, &diff->members[i - 1],
		    ha_cluster_conf_find_index(d->files.conf, i),
		    ha_cluster_conf_find_index(files->conf, i));
	return r->n_members > 0 || r->n_keys > 0;
}

static ha_member_set
replaced_in(const struct ha_conf_diff *diff)
{
	ha_member_set set = 0;

	for (unsigned int i = 1; i <= HA_MEMBER_MAX; i++)
		if (diff->members[i - 1].fate == HA_CONF_FATE_REPLACED)
			set |= ha_member_bit(i);
	return set;
}

/* --- what may fail --- */

/* Somebody who moves this member to an address that is nowhere yet would cut
 * it off. */
static bool
has_addresses(const struct ha_daemon *d, const struct ha_files *files,
    struct ha_reload *r)
{
	char text[HA_CONF_ADDRESS_LEN];

	for (int l = 0; l < HA_LINK_MAX; l++) {
		const struct ha_conf_address *a = &files->self->address[l];

		if (a->family == 0 || ha_sock_is_here(a) ||
		    ha_conf_same_host(a, &d->files.self->address[l]))
			continue;
		ha_conf_address_text(a, false, text);
		ha_conf_error(conf_report(r), files->self->line, "member "
		    "\"%s\" is this firewall, and no interface here has %s: "
		    "give it to one first", files->self->serial, text);
	}
	return !ha_reload_refuse_files(r);
}

static bool
prepare_links(struct ha_daemon *d, const struct ha_files *files,
    struct ha_reload *r)
{
	uint8_t link = 0;
	int rc = ha_links_prepare(d->links, files->conf, &link);

	if (rc == HA_OK)
		return true;
	ha_reload_refuse(r, "links", "can't listen for %s on port %u: %s",
	    ha_link_name(link), files->conf->link[link].port,
	    rc == HA_ERR_EXISTS ? "it is in use" : ha_err_text(rc));
	return false;
}

static bool
prepare_kernel(struct ha_daemon *d, const struct ha_files *files,
    struct ha_reload *r)
{
	struct ha_why why = { "" };

	if (ha_daemon_change_kernel(d, &d->files, files, &why) == HA_OK)
		return true;
	ha_reload_refuse(r, "kernel", "%s", why.text);
	return false;
}

static unsigned int
line_of(const struct ha_files *files, const char *serial)
{
	const struct ha_conf_member *m =
	    ha_cluster_conf_find_serial(files->conf, serial);

	return m != NULL ? m->line : 0;
}

static bool
store_members(struct ha_daemon *d, const struct ha_files *files,
    struct ha_reload *r)
{
	struct ha_replaced replaced;
	char why[512];
	int rc = ha_daemon_store_members(d, files, &replaced);

	if (rc == HA_OK) {
		r->version = d->table_version = replaced.version;
		return true;
	}
	if (rc != HA_ERR_CONFIG) {
		ha_reload_refuse(r, "storage", "the database: %s",
		    ha_daemon_store_why(rc));
		return false;
	}
	for (size_t i = 0; i < replaced.n_refused; i++) {
		const struct ha_takeover *t = &replaced.refused[i];

		ha_daemon_takeover_text(t, why, sizeof(why));
		ha_conf_error(conf_report(r), line_of(files, t->serial),
		    "member \"%s\": %s", t->serial, why);
	}
	return !ha_reload_refuse_files(r);
}

/* All of it, or nothing. */
static bool
prepare(struct ha_daemon *d, const struct ha_files *files,
    struct ha_reload *r)
{
	struct ha_why why;

	if (!has_addresses(d, files, r) || !prepare_links(d, files, r))
		return false;
	if (prepare_kernel(d, files, r)) {
		if (store_members(d, files, r))
			return true;
		if (ha_daemon_change_kernel(d, files, &d->files, &why) !=
		    HA_OK)
			ha_driver_alarm(d->driver, "table-lost", 0, true);
	}
	ha_links_abandon(d->links);
	return false;
}

/* --- what can't --- */

/* Who borrows the configuration has the new one from here on. */
static void
put_in_force(struct ha_daemon *d, struct ha_files *take)
{
	struct ha_cluster_conf *borrowed = d->files.conf;

	*borrowed = *take->conf;
	ha_cluster_conf_free(take->conf);
	ha_identity_free(d->files.identity);
	ha_secret_free(d->files.secret);
	d->files = *take;
	d->files.conf = borrowed;
	d->files.self = ha_cluster_conf_find_index(borrowed,
	    d->settings.self);
	memset(take, 0, sizeof(*take));
}

static void
tell_all(struct ha_daemon *d, ha_member_set replaced)
{
	const struct ha_files *f = &d->files;

	ha_cluster_conf_settings(f->conf, f->self->index, &d->settings);
	ha_daemon_fill_greeting(d);
	ha_driver_change(d->driver, &d->settings, replaced,
	    ha_daemon_coalesce(d));
	ha_links_set_members(d->links);
	ha_links_set_keys(d->links, f->conf, f->identity, f->secret);
	ha_links_set_greeting(d->links, &d->greeting);
	ha_daemon_keep_accounts(d);
}

/* The file is as the table; an earlier one, which was refused, was not. */
static bool
confirm_members(struct ha_daemon *d, struct ha_reload *r)
{
	int rc = ha_memberdb_confirm(d->store);

	if (rc != HA_OK)
		ha_reload_refuse(r, "storage", "the database: %s",
		    ha_daemon_store_why(rc));
	return rc == HA_OK;
}

/* false: there is nothing to tell anybody. */
static bool
take_over(struct ha_daemon *d, struct ha_files *files,
    const struct ha_conf_diff *diff, struct ha_reload *r)
{
	if (takes_restart(r, diff))
		return false;
	if (!name_changes(d, files, diff, r)) {
		r->done = confirm_members(d, r);
		return false;
	}
	if (!prepare(d, files, r))
		return false;
	put_in_force(d, files);
	r->done = true;
	return true;
}

/* --- for the log --- */

static void
tell_messages(const struct ha_daemon *d, const struct ha_reload *r)
{
	size_t told = 0, n = 0;

	for (int i = 0; i < HA_FILE_MAX; i++) {
		const struct ha_conf_report *report = &r->said.report[i];

		n += report->n;
		for (size_t k = 0; k < report->n && told < TOLD_MAX; k++) {
			const struct ha_conf_message *m = &report->messages[k];
			bool error = m->level == HA_CONF_ERROR;
			char why[2 * HA_CONF_TEXT_LEN];

			ha_log(d->log, error ? HA_LOG_ERR : HA_LOG_WARN,
			    error ? "reload.error" : "reload.warning",
			    "file=\"%s\" line=%u why=%s", r->said.path[i],
			    m->line, ha_log_quote(why, sizeof(why), m->text));
			told++;
		}
	}
	if (told < n)
		ha_log(d->log, HA_LOG_ERR, "reload.error", "left-out=%zu",
		    n - told);
}

static void
tell(struct ha_daemon *d, const struct ha_reload *r)
{
	char added[600], removed[600], changed[600], keys[600];

	tell_messages(d, r);
	if (!r->done) {
		ha_driver_event(d->driver, HA_LOG_ERR, "reload.refused",
		    "why=\"%s\"", r->why);
		return;
	}
	ha_reload_names(r, HA_RELOAD_ADDED, added, sizeof(added));
	ha_reload_names(r, HA_RELOAD_REMOVED, removed, sizeof(removed));
	ha_reload_names(r, HA_RELOAD_CHANGED, changed, sizeof(changed));
	ha_reload_keys(r, keys, sizeof(keys));
	ha_driver_event(d->driver, HA_LOG_NOTICE, "daemon.reload",
	    "table-version=%" PRIu64 " added=\"%s\" removed=\"%s\" "
	    "changed=\"%s\" keys=\"%s\"", r->version, added, removed, changed,
	    keys);
}

/* --- what others call --- */

void
ha_daemon_reload(void *arg, struct ha_reload *out)
{
	struct ha_daemon *d = arg;
	struct ha_conf_diff diff;
	struct ha_files files;
	bool changed = false;
	int rc;

	memset(out, 0, sizeof(*out));
	out->version = d->table_version;
	rc = ha_files_load(d->options, &out->said, &files);
	if (rc == HA_OK) {
		ha_conf_diff(d->files.conf, d->files.self, files.conf,
		    files.self, &diff);
		changed = take_over(d, &files, &diff, out);
		ha_files_close(&files);
	} else if (!ha_reload_refuse_files(out)) {
		ha_reload_refuse(out, "failed", "%s", ha_err_text(rc));
	}
	tell(d, out);
	if (changed)
		tell_all(d, replaced_in(&diff));
	if (out->done)
		ha_links_end_quarantine(d->links);
}

/* A machine that answers is no broken one. */
static bool
is_alive(const struct ha_daemon *d, const struct ha_conf_member *m)
{
	struct ha_view_peer v;

	return ha_view_peer(ha_driver_core(d->driver), m->index, &v) ==
	    HA_OK && v.up;
}

bool
ha_daemon_forget(void *arg, const char *serial, char *why, size_t size)
{
	struct ha_daemon *d = arg;
	const struct ha_conf_member *m =
	    ha_cluster_conf_find_serial(d->files.conf, serial);
	struct ha_store_time now = ha_stamp_now();
	int rc;

	if (m == d->files.self) {
		snprintf(why, size, "%s is this firewall", serial);
		return false;
	}
	if (m != NULL && is_alive(d, m)) {
		snprintf(why, size, "%s is a member and answers: stop its "
		    "clusterd, or take it out of the file, first", serial);
		return false;
	}
	rc = ha_memberdb_forget(d->store, serial, &now);
	if (rc == HA_OK) {
		ha_driver_event(d->driver, HA_LOG_NOTICE, "member.forgotten",
		    "serial=%s", serial);
		return true;
	}
	if (rc == HA_ERR_ABSENT)
		snprintf(why, size, "no index was last in the hands of %s: "
		    "there is nothing to forget", serial);
	else
		snprintf(why, size, "the database: %s",
		    ha_daemon_store_why(rc));
	return false;
}
