#include "shell/files.h"

#include <stdio.h>
#include <string.h>

static int
load_identity(const char *path, struct ha_conf_report *report,
    struct ha_files *f)
{
	int rc = ha_identity_load(path, report, &f->identity);

	if (rc == HA_ERR_ABSENT)
		ha_conf_error(report, 0, "\"clusterctl identity init\" makes it");
	return rc;
}

static int
load_secret(const char *path, struct ha_conf_report *report,
    struct ha_files *f)
{
	int rc = ha_secret_load(path, report, &f->secret);

	if (rc == HA_ERR_ABSENT)
		ha_conf_error(report, 0, "copy it from another member, or make "
		    "the first with \"clusterctl secret init\"");
	return rc;
}

/* Which member this is, and what only it can know of its addresses.  The
 * digest is that of the file as written, so it comes first. */
static int
find_self(struct ha_conf_report *report, struct ha_files *f)
{
	int rc = ha_identity_find(f->identity, f->conf, report, &f->self);

	if (rc == HA_OK)
		rc = ha_cluster_conf_digest(f->conf, f->digest);
	if (rc == HA_OK)
		rc = ha_cluster_conf_localize(f->conf, f->self->index, report);
	return rc;
}

int
ha_files_load(const struct ha_options *o, struct ha_files_said *said,
    struct ha_files *out)
{
	struct ha_conf_report *report = said->report;
	struct ha_files f = { 0 };
	int conf, identity, secret, rc;

	*said = (struct ha_files_said){ .path = { o->conf, o->identity,
	    o->secret } };
	conf = ha_cluster_conf_load(o->conf, &report[HA_FILE_CONF], &f.conf);
	identity = load_identity(o->identity, &report[HA_FILE_IDENTITY], &f);
	secret = load_secret(o->secret, &report[HA_FILE_SECRET], &f);
	rc = conf != HA_OK ? conf : identity;
	if (rc == HA_OK)
		rc = find_self(&report[HA_FILE_CONF], &f);
	if (rc == HA_OK)
		rc = secret;
	report[HA_FILE_CONF].nomem |= rc == HA_ERR_NOMEM;
	if (rc != HA_OK) {
		ha_files_close(&f);
		return rc;
	}
	*out = f;
	return HA_OK;
}

void
ha_files_said_print(const struct ha_files_said *said, FILE *out)
{
	for (int i = 0; i < HA_FILE_MAX; i++)
		ha_conf_report_print(&said->report[i], said->path[i], out);
}

void
ha_files_said_free(struct ha_files_said *said)
{
	for (int i = 0; i < HA_FILE_MAX; i++)
		ha_conf_report_free(&said->report[i]);
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
