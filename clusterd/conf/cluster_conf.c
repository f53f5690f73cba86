/*
 * The path of a file: bytes are read here (libConfuse would end the process
 * on a read error), conf_text makes them fit for the library, conf_tree has
 * it parse them, conf_read takes the values, conf_check compares them.  The
 * result is one plain struct, and the print of it is the canonical text over
 * which the digest is made.
 */
#include "conf/cluster_conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "conf/conf_check.h"
#include "conf/conf_draft.h"
#include "conf/conf_rules.h"
#include "conf/conf_tree.h"
#include "conf/conf_value.h"
#include "proto/hello.h"

_Static_assert(HA_CONF_SERIAL_LEN == HA_SERIAL_LEN,
    "a serial of the file fits into a hello");

static int
compare_members(const void *a, const void *b)
{
	const struct ha_conf_member *ma = a;
	const struct ha_conf_member *mb = b;

	return (int)ma->index - (int)mb->index;
}

static int
compare_zones(const void *a, const void *b)
{
	const struct ha_conf_zone *za = a;
	const struct ha_conf_zone *zb = b;

	return (int)za->conntrack_zone - (int)zb->conntrack_zone;
}

static void
sort_zones(struct ha_conf_local *local)
{
	qsort(local->zones, local->n_zones, sizeof(local->zones[0]),
	    compare_zones);
}

/* One order, whatever that of the file was. */
static void
put_in_order(struct ha_cluster_conf *conf)
{
	sort_zones(&conf->local);
	for (size_t i = 0; i < conf->n_members; i++)
		sort_zones(&conf->members[i].local);
	qsort(conf->members, conf->n_members, sizeof(conf->members[0]),
	    compare_members);
}

int
ha_cluster_conf_parse(const char *text, size_t len,
    struct ha_conf_report *report, struct ha_cluster_conf **out)
{
	struct ha_conf_draft draft = { 0 };
	struct ha_conf_tree *tree = NULL;
	int rc = ha_keys_init();

	if (rc == HA_OK)
		rc = ha_conf_tree_parse(text, len, &HA_CONF_RULES, report,
		    &tree);
	if (rc != HA_OK)
		return rc;
	draft.cut = ha_conf_tree_is_cut(tree);
	draft.conf = calloc(1, sizeof(*draft.conf));
	if (draft.conf == NULL) {
		rc = HA_ERR_NOMEM;
		goto fail;
	}
	ha_conf_read(ha_conf_tree_root(tree), report, &draft);
	ha_conf_check(&draft, report);
	ha_conf_report_sort(report);
	rc = ha_conf_report_result(report);
	if (rc != HA_OK)
		goto fail;
	put_in_order(draft.conf);
	ha_conf_tree_free(tree);
	*out = draft.conf;
	return HA_OK;

fail:
	ha_conf_tree_free(tree);
	ha_cluster_conf_free(draft.conf);
	return rc;
}

static int
report_errno(struct ha_conf_report *report, int error)
{
	ha_conf_error(report, 0, "can't be read: %s%s", strerror(error),
	    error == ENOENT ? "; cluster.conf(5) shows what goes into it" :
	    "");
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return HA_ERR_ABSENT;
	case EACCES:
	case EPERM:
		return HA_ERR_PERM;
	case ENOMEM:
		return HA_ERR_NOMEM;
	default:
		return HA_ERR_IO;
	}
}

/* One byte more than may be there tells a file that is too long. */
static int
read_file(const char *path, struct ha_conf_report *report, char *text,
    size_t *len)
{
	FILE *file = fopen(path, "re");
	size_t n;
	int rc = HA_OK;

	if (file == NULL)
		return report_errno(report, errno);
	errno = 0;
	n = fread(text, 1, HA_CONF_FILE_MAX + 1, file);
	if (ferror(file)) {
		rc = report_errno(report, errno);
	} else if (n > HA_CONF_FILE_MAX) {
		ha_conf_error(report, 0, "is longer than %d bytes",
		    HA_CONF_FILE_MAX);
		rc = HA_ERR_CONFIG;
	}
	fclose(file);
	if (rc == HA_OK)
		*len = n;
	return rc;
}

int
ha_cluster_conf_load(const char *path, struct ha_conf_report *report,
    struct ha_cluster_conf **out)
{
	char *text = malloc(HA_CONF_FILE_MAX + 1);
	size_t len = 0;
	int rc;

	if (text == NULL)
		return HA_ERR_NOMEM;
	rc = read_file(path, report, text, &len);
	if (rc == HA_OK)
		rc = ha_cluster_conf_parse(text, len, report, out);
	free(text);
	return rc;
}

void
ha_cluster_conf_free(struct ha_cluster_conf *conf)
{
	free(conf);
}

const struct ha_conf_member *
ha_cluster_conf_find_serial(const struct ha_cluster_conf *conf,
    const char *serial)
{
	for (size_t i = 0; i < conf->n_members; i++)
		if (strcmp(conf->members[i].serial, serial) == 0)
			return &conf->members[i];
	return NULL;
}

const struct ha_conf_member *
ha_cluster_conf_find_index(const struct ha_cluster_conf *conf,
    unsigned int index)
{
	for (size_t i = 0; i < conf->n_members; i++)
		if (conf->members[i].index == index)
			return &conf->members[i];
	return NULL;
}

static struct ha_member_settings
member_settings(const struct ha_conf_member *m)
{
	return (struct ha_member_settings){
		.present = m->enabled,
		.synchronization = m->enabled && m->session_synchronization,
	};
}

struct ha_zones
ha_conf_zones(const struct ha_conf_local *local)
{
	struct ha_zones z = { .n = local->n_zones };

	for (int i = 0; i < z.n; i++) {
		z.zone[i].key = ha_zone_key(local->zones[i].name);
		z.zone[i].number = local->zones[i].conntrack_zone;
	}
	return z;
}

void
ha_cluster_conf_settings(const struct ha_cluster_conf *conf,
    unsigned int self, struct ha_settings *out)
{
	const struct ha_conf_member *own =
	    ha_cluster_conf_find_index(conf, self);
	struct ha_settings s = { 0 };

	HA_CHECK(own != NULL);
	s.self = own->index;
	for (size_t i = 0; i < conf->n_members; i++)
		s.members[conf->members[i].index - 1] =
		    member_settings(&conf->members[i]);
	for (int l = 0; l < HA_LINK_MAX; l++) {
		s.threshold[l] =
		    ha_dur_ms(conf->link[l].keepalive_threshold_ms);
		s.link_configured[l] = own->address[l].family != 0;
	}
	s.synchronization_timeout =
	    ha_dur_s((int64_t)conf->synchronization_timeout_min * 60);
	s.handoff_idle = ha_dur_ms(conf->handoff_idle_ms);
	s.table_size = own->local.table_size;
	s.timeouts = ha_timeouts_default();
	s.zones = ha_conf_zones(&own->local);
	*out = s;
}
