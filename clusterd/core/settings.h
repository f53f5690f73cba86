/*
 * settings: what the operator decided and the host can do, for one start.
 *
 * Ownership  plain data; ha_core_new() copies it.
 */
#ifndef HA_CORE_SETTINGS_H
#define HA_CORE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/mono.h"
#include "core/types.h"
#include "core/zone.h"

/* How long the kernel keeps an idle entry: its nf_conntrack_*_timeout_*. */
struct ha_timeouts {
	uint32_t tcp_s[HA_TCP_STATE_MAX];
	uint32_t udp_s;
	uint32_t udp_stream_s; /* UDP that is assured */
	uint32_t icmp_s;
	uint32_t icmpv6_s;
	uint32_t generic_s;
};

struct ha_member_settings {
	bool present;         /* a member of this cluster, and enabled */
	bool synchronization; /* sessions go to it and come from it */
	uint64_t boot_seen;   /* highest boot counter heard of; 0: none */
};

/* What the host was like when this daemon started (doc/ownership.md). */
enum ha_start {
	HA_START_FIRST,   /* never ran here */
	HA_START_BOOT,    /* the host has booted since the last run */
	HA_START_RESTART, /* same kernel: entries of the last run live on */
};

struct ha_settings {
	uint8_t self; /* own member index */
	struct ha_boot boot;
	enum ha_start start;
	struct ha_member_settings members[HA_MEMBER_MAX]; /* [index - 1] */
	struct ha_dur threshold[HA_LINK_MAX];   /* keepalive threshold */
	bool link_configured[HA_LINK_MAX];
	struct ha_dur synchronization_timeout;
	struct ha_dur monitor_fail_hold_down;
	struct ha_dur tentative_hold;
	uint8_t flap_max; /* 0: no limit; at most HA_FLAP_MAX */
	bool suspended;   /* at the start: an operator did it, before */
	bool gate_open;   /* at the start: as found */
	struct ha_dur handoff_idle;
	uint32_t table_size; /* sessions of all members together */
	uint32_t kernel_max; /* nf_conntrack_max; 0: unknown */
	struct ha_timeouts timeouts;
	struct ha_zones zones; /* of this member */
};

/* The kernel's own default timeouts. */
struct ha_timeouts ha_timeouts_default(void);

/* The timeout of an idle session like r. */
struct ha_dur ha_timeouts_of(const struct ha_timeouts *t,
    const struct ha_record *r);

#endif /* HA_CORE_SETTINGS_H */
