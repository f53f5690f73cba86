#include "shell/files.h"

#include <stdio.h>
#include <string.h>

static void
print_report(const char *path, const struct ha_conf_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct ha_conf_message *m = &report->messages[i];
		const char *what = m->level == HA_CONF_WARNING ?
		    "warning: " : "";

		if (m->line > 0)
			fprintf(stderr, "clusterd: %s:%u: %s%s\n", path,
			    m->line, what, m->text);
		else
			fprintf(stderr, "clusterd: %s: %s%s\n", path, what,
			    m->text);
	}
	if (report->nomem)
		fprintf(stderr, "clusterd: %s: no memory\n", path);
}

/* What to do about a file that is not there. */
static void
print_hint(const char *path, int rc, const char *hint)
{
	if (rc == HA_ERR_ABSENT)
		fprintf(stderr, "clusterd: %s: %s\n", path, hint);
}

static int
load_conf(const char *path, struct ha_files *f)
{
	struct ha_conf_report report;
	int rc;

	ha_conf_report_init(&report);
	rc = ha_cluster_conf_load(path, &report, &f->conf);
	print_report(path, &report);
	print_hint(path, rc, "cluster.conf(5) shows what goes into it");
	ha_conf_report_free(&report);
	return rc;
}

static int
load_identity(const char *path, struct ha_files *f)
{
	struct ha_conf_report report;
	int rc;

	ha_conf_report_init(&report);
	rc = ha_identity_load(path, &report, &f->identity);
	print_report(path, &report);
	print_hint(path, rc, "\"clusterctl identity init\" makes it");
	ha_conf_report_free(&report);
	return rc;
}

static int
load_secret(const char *path, struct ha_files *f)
{
	struct ha_conf_report report;
	int rc;

	ha_conf_report_init(&report);
	rc = ha_secret_load(path, &report, &f->secret);
	print_report(path, &report);
	print_hint(path, rc, "copy it from another member, or make the first "
	    "with \"clusterctl secret init\"");
	ha_conf_report_free(&report);
	return rc;
}

static int
find_self(const char *conf_path, struct ha_files *f)
{
	struct ha_conf_report report;
	int rc;

	ha_conf_report_init(&report);
	rc = ha_identity_find(f->identity, f->conf, &report, &f->self);
	print_report(conf_path, &report);
	ha_conf_report_free(&report);
	return rc;
}

int
ha_files_load(const struct ha_options *o, struct ha_files *out)
{
	struct ha_files f = { 0 };
	int conf = load_conf(o->conf, &f);
	int identity = load_identity(o->identity, &f);
	int secret = load_secret(o->secret, &f);
	int rc = conf != HA_OK ? conf : identity != HA_OK ? identity : secret;

	if (rc == HA_OK)
		rc = find_self(o->conf, &f);
	if (rc != HA_OK) {
		ha_files_close(&f);
		return rc;
	}
	*out = f;
	return HA_OK;
}

void
ha_files_close(struct ha_files *f)
{
	ha_secret_free(f->secret);
	ha_identity_free(f->identity);
	ha_cluster_conf_free(f->conf);
	memset(f, 0, sizeof(*f));
}

static void
fill_row(const struct ha_conf_member *m, struct ha_member_row *row)
{
	memset(row, 0, sizeof(*row));
	row->index = m->index;
	row->enabled = m->enabled;
	row->session_synchronization = m->session_synchronization;
	row->has_next_public_key = m->has_next_public_key;
	snprintf(row->serial, sizeof(row->serial), "%s", m->serial);
	snprintf(row->name, sizeof(row->name), "%s", m->name);
	snprintf(row->site, sizeof(row->site), "%s", m->site);
	snprintf(row->description, sizeof(row->description), "%s",
	    m->description);
	ha_conf_address_text(&m->address[HA_LINK_HA4], true,
	    row->ha4_address);
	ha_conf_address_text(&m->address[HA_LINK_HA4_BACKUP], true,
	    row->ha4_backup_address);
	memcpy(row->public_key, m->public_key, sizeof(row->public_key));
	memcpy(row->next_public_key, m->next_public_key,
	    sizeof(row->next_public_key));
}

size_t
ha_files_rows(const struct ha_files *f,
    struct ha_member_row rows[static HA_MEMBERDB_MAX])
{
	for (size_t i = 0; i < f->conf->n_members; i++)
		fill_row(&f->conf->members[i], &rows[i]);
	return f->conf->n_members;
}
