/*
 * cluster_conf: cluster.conf as one plain struct.
 *
 * ha_cluster_conf_load() reads a file, checks it whole and hands out either a
 * configuration that holds every rule of cluster.conf(5) or a report of all
 * that is wrong.  What the file leaves out has its default in the struct.
 *
 * Ownership  the caller owns *out and gives it to ha_cluster_conf_free().
 *            The struct has no pointers: it may be copied and compared.
 * Units      in the names; ports and zones in host order.
 * Blocking   loading reads one file; the rest is computation.
 * Errors     HA_ERR_CONFIG: the file is wrong, the report says where.
 *            HA_ERR_ABSENT, HA_ERR_PERM, HA_ERR_IO: it cannot be read, the
 *            report has one message of line 0.  *out is set on success only.
 *            A report may hold warnings on success, too.
 */
#ifndef HA_CONF_CLUSTER_CONF_H
#define HA_CONF_CLUSTER_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "conf/conf_report.h"
#include "core/settings.h"
#include "core/types.h"
#include "core/zone.h"
#include "proto/keys.h"

#define HA_CONF_PATH       "/etc/clusterd/cluster.conf"
#define HA_CONF_FILE_MAX   (256 * 1024) /* bytes of a file that is read */
#define HA_CONF_DIGEST_LEN 32

/* Lengths in bytes, terminator included. */
#define HA_CONF_SERIAL_LEN      32
#define HA_CONF_NAME_LEN        64
#define HA_CONF_DESCRIPTION_LEN 256
#define HA_CONF_ZONE_NAME_LEN   32
#define HA_CONF_PATH_LEN        256
#define HA_CONF_LISTEN_LEN      64
#define HA_CONF_INTERFACE_LEN   16
#define HA_CONF_ADDRESS_LEN     64 /* an address and its prefix as text */

#define HA_CONF_GROUPS_MAX      8  /* link groups, and path groups, of one */
#define HA_CONF_GROUP_ITEMS_MAX 16

#define HA_CONF_PREFIX_NONE 255 /* ha_conf_address.prefix: not given */

struct ha_conf_address {
	uint8_t bytes[16]; /* network order; IPv4: the first 4, then zeros */
	uint8_t family;    /* enum ha_family; 0: no address */
	uint8_t prefix;    /* bits, or HA_CONF_PREFIX_NONE */
};

struct ha_conf_link {
	uint16_t port;
	uint32_t keepalive_threshold_ms;
};

enum ha_conf_install {
	HA_CONF_INSTALL_EAGER,
	HA_CONF_INSTALL_ON_FAILOVER,
};

enum ha_conf_signal {
	HA_CONF_SIGNAL_LABEL,
	HA_CONF_SIGNAL_MARK,
};

struct ha_conf_sessions {
	enum ha_conf_install install;
	enum ha_conf_signal signal;
	uint8_t owner_bit;
	uint8_t replica_bit;
	bool rule;
	bool gate;
	uint32_t coalesce_us;
};

struct ha_conf_zone {
	char name[HA_CONF_ZONE_NAME_LEN];
	uint16_t conntrack_zone;
};

/* What may stand at the top of the file and again in a member block. */
struct ha_conf_local {
	uint32_t table_size;
	bool log_traffic;
	char web_listen[HA_CONF_LISTEN_LEN]; /* "": off */
	char notify[HA_CONF_PATH_LEN];       /* "": none */
	uint8_t n_zones;
	struct ha_conf_zone zones[HA_ZONES_MAX];
};

/* Which parts of its ha_conf_local a member block sets itself. */
enum {
	HA_CONF_OWN_TABLE_SIZE = 1 << 0,
	HA_CONF_OWN_LOG = 1 << 1,
	HA_CONF_OWN_WEB = 1 << 2,
	HA_CONF_OWN_NOTIFY = 1 << 3,
	HA_CONF_OWN_ZONES = 1 << 4,
};

enum ha_conf_failure_condition {
	HA_CONF_FAILURE_ANY,
	HA_CONF_FAILURE_ALL,
};

struct ha_conf_link_group {
	char name[HA_CONF_NAME_LEN];
	enum ha_conf_failure_condition failure_condition;
	uint8_t n_interfaces;
	char interfaces[HA_CONF_GROUP_ITEMS_MAX][HA_CONF_INTERFACE_LEN];
};

struct ha_conf_path_group {
	char name[HA_CONF_NAME_LEN];
	enum ha_conf_failure_condition failure_condition;
	uint32_t interval_ms;
	uint32_t count;
	uint8_t n_destinations;
	struct ha_conf_address destinations[HA_CONF_GROUP_ITEMS_MAX];
};

struct ha_conf_member {
	uint8_t index; /* 1 to HA_MEMBER_MAX */
	bool enabled;
	bool session_synchronization;
	bool has_next_public_key;
	unsigned int line; /* where its block begins; 0 for the print */
	char serial[HA_CONF_SERIAL_LEN];
	char name[HA_CONF_NAME_LEN];
	char site[HA_CONF_NAME_LEN];
	char description[HA_CONF_DESCRIPTION_LEN];
	struct ha_conf_address address[HA_LINK_MAX];
	uint8_t public_key[HA_KEY_LEN];
	uint8_t next_public_key[HA_KEY_LEN]; /* zeros without one */
	uint8_t own;                /* HA_CONF_OWN_* */
	struct ha_conf_local local; /* in force here: own, else the file's */
	uint8_t n_link_groups;
	uint8_t n_path_groups;
	struct ha_conf_link_group link_groups[HA_CONF_GROUPS_MAX];
	struct ha_conf_path_group path_groups[HA_CONF_GROUPS_MAX];
};

struct ha_cluster_conf {
	uint8_t id; /* 1 to 99 */
	char description[HA_CONF_DESCRIPTION_LEN];
	uint32_t synchronization_timeout_min;
	uint32_t monitor_fail_hold_down_min;
	uint32_t tentative_hold_s;
	uint32_t flap_max; /* 0: off */
	uint32_t handoff_idle_ms;
	struct ha_conf_link link[HA_LINK_MAX];
	struct ha_conf_sessions sessions;
	struct ha_conf_local local; /* for members that say nothing else */
	size_t n_members;
	struct ha_conf_member members[HA_MEMBER_MAX]; /* lowest index first */
};

/* Read and check the file at path. */
HA_MUST_USE int ha_cluster_conf_load(const char *path,
    struct ha_conf_report *report, struct ha_cluster_conf **out);

/* The same for len bytes of text that somebody else has read. */
HA_MUST_USE int ha_cluster_conf_parse(const char *text, size_t len,
    struct ha_conf_report *report, struct ha_cluster_conf **out);

/* NULL is allowed. */
void ha_cluster_conf_free(struct ha_cluster_conf *conf);

/* The member with that serial or index; NULL when there is none. */
const struct ha_conf_member *ha_cluster_conf_find_serial(
    const struct ha_cluster_conf *conf, const char *serial);
const struct ha_conf_member *ha_cluster_conf_find_index(
    const struct ha_cluster_conf *conf, unsigned int index);

/* Write the effective configuration in the syntax of the file, with every
 * default; parsing that gives an equal configuration.  HA_ERR_IO. */
HA_MUST_USE int ha_cluster_conf_print(const struct ha_cluster_conf *conf,
    FILE *out);

/* BLAKE2b of what the members have to agree on: everything but web, notify,
 * log and the groups, which are the business of one member.  Comments, order
 * and defaults that are spelled out make no difference. */
HA_MUST_USE int ha_cluster_conf_digest(const struct ha_cluster_conf *conf,
    uint8_t digest[static HA_CONF_DIGEST_LEN]);

/* What a member calls its zones. */
struct ha_zones ha_conf_zones(const struct ha_conf_local *local);

/* The core's settings for the member with index self, which must exist.
 * The host's part is left for the caller: boot, start, boot_seen and
 * kernel_max are zero, the timeouts are the kernel's defaults. */
void ha_cluster_conf_settings(const struct ha_cluster_conf *conf,
    unsigned int self, struct ha_settings *out);

/* Give the addresses of member self that have no prefix that of the local
 * interface with the address.  HA_ERR_CONFIG: there is none, or both links
 * are in one subnet after all.  The others' addresses can't be looked up; the
 * digest is that of the file as written, so make it before. */
HA_MUST_USE int ha_cluster_conf_localize(struct ha_cluster_conf *conf,
    unsigned int self, struct ha_conf_report *report);

/* "10.4.0.1/24", or "" for no address.  with_prefix = false leaves it out. */
void ha_conf_address_text(const struct ha_conf_address *address,
    bool with_prefix, char text[static HA_CONF_ADDRESS_LEN]);

/* Whether two addresses are one, whatever their prefixes. */
bool ha_conf_same_host(const struct ha_conf_address *a,
    const struct ha_conf_address *b);

#endif /* HA_CONF_CLUSTER_CONF_H */
