#include "conf/conf_rules.h"

#include <string.h>

#include "conf/cluster_conf.h"

#define AT(type, field)                                                       \
	.at = offsetof(struct type, field),                                   \
	.size = sizeof(((struct type *)0)->field)
#define END { .name = NULL }

static const char *const INSTALL[] = { "eager", "on-failover", NULL };
static const char *const SIGNAL[] = { "label", "mark", NULL };
static const char *const FAILURE[] = { "any", "all", NULL };

static const char NO_MONITORS[] = "this version monitors no links and paths";
static const char NO_STATES[] = "this version has no such state";
static const char NO_PAGE[] = "this version has no status page";
static const char NO_LOG[] = "this version writes no traffic log";
static const char NO_NOTIFY[] = "this version runs no program";

static const struct ha_rule CLUSTER[] = {
	{ "id", HA_RULE_NUMBER, AT(ha_cluster_conf, id), .min = 1, .max = 99,
	    .restart = true },
	{ "description", HA_RULE_TEXT, AT(ha_cluster_conf, description),
	    .initial = "" },
	{ "synchronization-timeout", HA_RULE_NUMBER,
	    AT(ha_cluster_conf, synchronization_timeout_min), .max = 30,
	    .unit = "minutes", .initial = "0" },
	{ "monitor-fail-hold-down", HA_RULE_NUMBER,
	    AT(ha_cluster_conf, monitor_fail_hold_down_min), .min = 1,
	    .max = 60, .unit = "minutes", .initial = "1",
	    .later = NO_MONITORS },
	{ "tentative-hold", HA_RULE_NUMBER,
	    AT(ha_cluster_conf, tentative_hold_s), .min = 10, .max = 600,
	    .or_zero = true, .unit = "seconds", .initial = "60",
	    .later = NO_STATES },
	{ "flap-max", HA_RULE_NUMBER, AT(ha_cluster_conf, flap_max),
	    .max = 16, .initial = "3", .later = NO_STATES },
	{ "handoff-idle", HA_RULE_NUMBER, AT(ha_cluster_conf, handoff_idle_ms),
	    .min = 100, .max = 60000, .unit = "milliseconds",
	    .initial = "1000" },
	END
};

#define LINK_RULES(link_id, default_port)                                     \
	{ "port", HA_RULE_NUMBER, AT(ha_cluster_conf, link[link_id].port),    \
	    .min = 1, .max = 65535, .initial = default_port },                \
	{ "keepalive-threshold", HA_RULE_NUMBER,                              \
	    AT(ha_cluster_conf, link[link_id].keepalive_threshold_ms),        \
	    .min = 1000, .max = 60000, .unit = "milliseconds",                \
	    .initial = "10000" }

static const struct ha_rule HA4[] = { LINK_RULES(HA_LINK_HA4, "7404"), END };
static const struct ha_rule HA4_BACKUP[] = {
	LINK_RULES(HA_LINK_HA4_BACKUP, "7405"), END
};

#define TABLE_SIZE(type)                                                      \
	{ "table-size", HA_RULE_NUMBER, AT(type, local.table_size),           \
	    .min = 64, .max = 16777216, .unit = "sessions",                   \
	    .initial = "262144", .restart = true }

static const struct ha_rule SESSIONS[] = {
	TABLE_SIZE(ha_cluster_conf),
	{ "install", HA_RULE_CHOICE, AT(ha_cluster_conf, sessions.install),
	    .words = INSTALL, .initial = "eager", .restart = true,
	    .later = "this version installs every session at once" },
	{ "signal", HA_RULE_CHOICE, AT(ha_cluster_conf, sessions.signal),
	    .words = SIGNAL, .initial = "label", .restart = true,
	    .later = "this version uses the label" },
	{ "owner-bit", HA_RULE_NUMBER,
	    AT(ha_cluster_conf, sessions.owner_bit), .max = 127,
	    .initial = "126", .restart = true },
	{ "replica-bit", HA_RULE_NUMBER,
	    AT(ha_cluster_conf, sessions.replica_bit), .max = 127,
	    .initial = "127", .restart = true },
	{ "rule", HA_RULE_BOOLEAN, AT(ha_cluster_conf, sessions.rule),
	    .initial = "true" },
	{ "gate", HA_RULE_BOOLEAN, AT(ha_cluster_conf, sessions.gate),
	    .initial = "true" },
	{ "coalesce", HA_RULE_NUMBER,
	    AT(ha_cluster_conf, sessions.coalesce_us), .max = 10000,
	    .unit = "microseconds", .initial = "1000" },
	END
};

static const struct ha_rule ZONE[] = {
	{ "conntrack-zone", HA_RULE_NUMBER, AT(ha_conf_zone, conntrack_zone),
	    .max = 65535 },
	END
};

#define LOG_RULES(type)                                                       \
	{ "traffic", HA_RULE_BOOLEAN, AT(type, local.log_traffic),            \
	    .initial = "true" }
#define WEB_RULES(type)                                                       \
	{ "listen", HA_RULE_LISTEN, AT(type, local.web_listen),               \
	    .initial = "127.0.0.1:7480" }
#define NOTIFY_RULE(type)                                                     \
	{ "notify", HA_RULE_PATH, AT(type, local.notify), .initial = "",      \
	    .own = HA_CONF_OWN_NOTIFY, .one_member = true,                    \
	    .later = NO_NOTIFY }

static const struct ha_rule LOG[] = { LOG_RULES(ha_cluster_conf), END };
static const struct ha_rule WEB[] = { WEB_RULES(ha_cluster_conf), END };
static const struct ha_rule TOP[] = { NOTIFY_RULE(ha_cluster_conf), END };

static const struct ha_rule MEMBER_SESSIONS[] = {
	TABLE_SIZE(ha_conf_member), END
};
static const struct ha_rule MEMBER_LOG[] = { LOG_RULES(ha_conf_member), END };
static const struct ha_rule MEMBER_WEB[] = { WEB_RULES(ha_conf_member), END };

static const struct ha_rule MEMBER[] = {
	{ "index", HA_RULE_NUMBER, AT(ha_conf_member, index), .min = 1,
	    .max = HA_MEMBER_MAX },
	{ "name", HA_RULE_TEXT, AT(ha_conf_member, name), .initial = "" },
	{ "site", HA_RULE_TEXT, AT(ha_conf_member, site), .initial = "" },
	{ "description", HA_RULE_TEXT, AT(ha_conf_member, description),
	    .initial = "" },
	{ "ha4-address", HA_RULE_ADDRESS,
	    AT(ha_conf_member, address[HA_LINK_HA4]) },
	{ "ha4-backup-address", HA_RULE_ADDRESS,
	    AT(ha_conf_member, address[HA_LINK_HA4_BACKUP]), .initial = "" },
	{ "public-key", HA_RULE_PUBLIC_KEY, AT(ha_conf_member, public_key) },
	{ "next-public-key", HA_RULE_PUBLIC_KEY,
	    AT(ha_conf_member, next_public_key), .initial = "" },
	{ "enabled", HA_RULE_BOOLEAN, AT(ha_conf_member, enabled),
	    .initial = "true" },
	{ "session-synchronization", HA_RULE_BOOLEAN,
	    AT(ha_conf_member, session_synchronization), .initial = "true" },
	NOTIFY_RULE(ha_conf_member),
	END
};

static const struct ha_rule LINK_GROUP[] = {
	{ "interfaces", HA_RULE_INTERFACES,
	    AT(ha_conf_link_group, interfaces) },
	{ "failure-condition", HA_RULE_CHOICE,
	    AT(ha_conf_link_group, failure_condition), .words = FAILURE,
	    .initial = "any" },
	END
};

static const struct ha_rule PATH_GROUP[] = {
	{ "destinations", HA_RULE_DESTINATIONS,
	    AT(ha_conf_path_group, destinations) },
	{ "interval", HA_RULE_NUMBER, AT(ha_conf_path_group, interval_ms),
	    .min = 200, .max = 60000, .unit = "milliseconds",
	    .initial = "200" },
	{ "count", HA_RULE_NUMBER, AT(ha_conf_path_group, count), .min = 3,
	    .max = 100, .initial = "10" },
	{ "failure-condition", HA_RULE_CHOICE,
	    AT(ha_conf_path_group, failure_condition), .words = FAILURE,
	    .initial = "any" },
	END
};

static const struct ha_block_rule MEMBER_BLOCKS[] = {
	{ "sessions", .keys = MEMBER_SESSIONS, .own = HA_CONF_OWN_TABLE_SIZE },
	{ "zone", HA_BLOCK_ZONE, .keys = ZONE, .own = HA_CONF_OWN_ZONES },
	{ "log", .keys = MEMBER_LOG, .own = HA_CONF_OWN_LOG,
	    .one_member = true, .later = NO_LOG },
	{ "web", .keys = MEMBER_WEB, .own = HA_CONF_OWN_WEB,
	    .one_member = true, .later = NO_PAGE },
	{ "link-group", HA_BLOCK_LINK_GROUP, .keys = LINK_GROUP,
	    .one_member = true, .later = NO_MONITORS },
	{ "path-group", HA_BLOCK_PATH_GROUP, .keys = PATH_GROUP,
	    .one_member = true, .later = NO_MONITORS },
	END
};

static const struct ha_block_rule BLOCKS[] = {
	{ "cluster", .keys = CLUSTER },
	{ "ha4", .keys = HA4 },
	{ "ha4-backup", .keys = HA4_BACKUP },
	{ "sessions", .keys = SESSIONS },
	{ "zone", HA_BLOCK_ZONE, .keys = ZONE },
	{ "log", .keys = LOG, .one_member = true, .later = NO_LOG },
	{ "web", .keys = WEB, .one_member = true, .later = NO_PAGE },
	{ "member", HA_BLOCK_MEMBER, .keys = MEMBER, .blocks = MEMBER_BLOCKS },
	END
};

const struct ha_block_rule HA_CONF_RULES = {
	.name = "", .keys = TOP, .blocks = BLOCKS
};

const struct ha_rule *
ha_rule_find(const struct ha_rule *keys, const char *name)
{
	for (const struct ha_rule *r = keys; r->name != NULL; r++)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

const struct ha_block_rule *
ha_block_rule_find(const struct ha_block_rule *blocks, const char *name)
{
	if (blocks == NULL)
		return NULL;
	for (const struct ha_block_rule *b = blocks; b->name != NULL; b++)
		if (strcmp(b->name, name) == 0)
			return b;
	return NULL;
}
