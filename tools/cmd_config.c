/*
 * The verb check-config: the cluster file as the daemon would read it, and
 * what the ruleset has to let through.  It needs no daemon and no rights.
 *
 * Which member this firewall is stands in its identity, beside the file in
 * its own directory; where that can't be read, the rest is checked.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/cluster_conf.h"
#include "conf/identity.h"
#include "proto/keys.h"
#include "tools/ctl.h"

#define RULE_MAX 1024 /* bytes of a rule with the addresses of 16 members */

struct rules {
	char texts[HA_INPUT_RULES_MAX][RULE_MAX];
};

/* --- which member this firewall is --- */

/* "identity" in the directory of file. */
static void
beside(const char *file, char *path, size_t size)
{
	const char *slash = strrchr(file, '/');

	snprintf(path, size, "%.*sidentity",
	    slash == NULL ? 0 : (int)(slash + 1 - file), file);
}

/* HA_OK without a member: there is no identity to use. */
static int
find_self(const char *path, struct ha_cluster_conf *conf,
    struct ha_conf_report *report, struct ha_out_config *shown)
{
	struct ha_conf_report said = { 0 };
	struct ha_identity *identity = NULL;
	int err = ha_identity_load(path, &said, &identity);

	shown->identity = path;
	if (err != HA_OK && said.n > 0)
		memcpy(shown->why_nobody, said.messages[0].text,
		    sizeof(shown->why_nobody));
	ha_conf_report_free(&said);
	if (err != HA_OK)
		return err == HA_ERR_NOMEM ? err : HA_OK;
	err = ha_identity_find(identity, conf, report, &shown->self);
	ha_identity_free(identity);
	if (err == HA_OK)
		err = ha_cluster_conf_localize(conf, shown->self->index,
		    report);
	ha_conf_report_sort(report);
	return err;
}

/* --- what the ruleset must have --- */

static void
append(char *rule, const char *text)
{
	size_t at = strlen(rule);

	snprintf(rule + at, RULE_MAX - at, "%s", text);
}

/* What the links send is exempt from tracking, so that a rule for established
 * connections does not match the answers: they are let in by their source.
 * False: no member has that link. */
static bool
write_rule(const struct ha_cluster_conf *conf, int link, const char *port,
    char *rule)
{
	char text[HA_CONF_ADDRESS_LEN];

	rule[0] = '\0';
	for (size_t i = 0; i < conf->n_members; i++) {
		const struct ha_conf_member *m = &conf->members[i];
		const struct ha_conf_address *a = &m->address[link];

		if (!m->enabled || a->family == 0)
			continue;
		ha_conf_address_text(a, false, text);
		append(rule, rule[0] != '\0' ? ", " :
		    a->family == HA_IPV4 ? "ip saddr { " : "ip6 saddr { ");
		append(rule, text);
	}
	if (rule[0] == '\0')
		return false;
	snprintf(text, sizeof(text), " } tcp %s %u accept", port,
	    conf->link[link].port);
	append(rule, text);
	return true;
}

static void
write_rules(const struct ha_cluster_conf *conf, struct rules *rules,
    struct ha_out_config *shown)
{
	static const char *const PORTS[] = { "dport", "sport" };

	for (int link = 0; link < HA_LINK_MAX; link++) {
		for (int p = 0; p < 2; p++) {
			char *rule = rules->texts[shown->n_rules];

			if (write_rule(conf, link, PORTS[p], rule))
				shown->rules[shown->n_rules++] = rule;
		}
	}
}

/* --- the verb --- */

static int
check(const char *file, const char *identity, struct ha_conf_report *report,
    struct ha_out_config *shown, struct ha_cluster_conf **out)
{
	int err = ha_keys_init();

	if (err == HA_OK)
		err = ha_cluster_conf_load(file, report, out);
	if (err == HA_OK)
		err = find_self(identity, *out, report, shown);
	return err;
}

static void
say_failure(const char *file, const struct ha_conf_report *report, int err,
    char *out, size_t size)
{
	if (report->n_errors == 0)
		snprintf(out, size, "%s: %s.", file, ha_err_text(err));
	else
		snprintf(out, size, "%s: %zu error%s.", file, report->n_errors,
		    report->n_errors == 1 ? "" : "s");
}

int
ha_cmd_check_config(struct ha_ctl *ctl)
{
	const char *file = ctl->n_args > 0 ? ctl->args[0] : HA_CONF_PATH;
	struct ha_conf_report report;
	struct ha_cluster_conf *conf = NULL;
	struct ha_out_config shown = { .file = file, .report = &report };
	char identity[HA_CONF_PATH_LEN];
	char failure[HA_CONF_PATH_LEN + 64];
	struct rules rules;
	int err;

	ha_conf_report_init(&report);
	beside(file, identity, sizeof(identity));
	err = check(file, identity, &report, &shown, &conf);
	if (err == HA_OK) {
		write_rules(conf, &rules, &shown);
		shown.conf = conf;
	} else {
		say_failure(file, &report, err, failure, sizeof(failure));
		shown.failure = failure;
	}
	ctl->out->ops->config(ctl->out, &shown);
	if (shown.failure != NULL)
		fprintf(stderr, "clusterctl: %s\n", shown.failure);
	ha_cluster_conf_free(conf);
	ha_conf_report_free(&report);
	return err == HA_OK ? CTL_DONE : CTL_REFUSED;
}
