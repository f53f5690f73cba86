/*
 * host: what this kernel's connection tracking is set to.
 *
 * /proc/sys/net shows the network namespace of the process, so each daemon
 * of a lab sees its own.  The limits are the whole machine's.
 */
#define _GNU_SOURCE
#include "dataplane/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DIR "/proc/sys/net/netfilter/"

/* The kernel searches a chain per bucket: more than so many entries in one
 * are slow to look up and to make. */
#define ENTRIES_PER_BUCKET 4

void
ha_why_set(struct ha_why *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why->text, sizeof(why->text), format, ap);
	va_end(ap);
}

static int
err_of_file(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
		return HA_ERR_ABSENT;
	case EACCES:
	case EPERM:
	case EROFS:
		return HA_ERR_PERM;
	default:
		return HA_ERR_IO;
	}
}

static int
open_setting(const char *name, int how)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), DIR "%s", name);
	fd = open(path, how | O_CLOEXEC);
	return fd < 0 ? err_of_file(errno) : fd;
}

int
ha_setting_read(const char *name, uint32_t *out)
{
	char text[32];
	char *end;
	unsigned long v;
	ssize_t n;
	int fd = open_setting(name, O_RDONLY);

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return HA_ERR_IO;
	text[n] = '\0';
	v = strtoul(text, &end, 10);
	if (end == text || v > UINT32_MAX)
		return HA_ERR_IO;
	*out = (uint32_t)v;
	return HA_OK;
}

int
ha_setting_write(const char *name, uint32_t value)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u\n", value);
	int rc = HA_OK;
	int fd = open_setting(name, O_WRONLY);

	if (fd < 0)
		return fd;
	if (write(fd, text, (size_t)len) != len)
		rc = err_of_file(errno);
	close(fd);
	return rc;
}

static void
read_flag(const char *name, bool *out)
{
	uint32_t v;

	if (ha_setting_read(name, &v) == HA_OK)
		*out = v != 0;
}

static void
read_number(const char *name, uint32_t *out)
{
	uint32_t v;

	if (ha_setting_read(name, &v) == HA_OK)
		*out = v;
}

/* What a kernel does not show stays at the kernel's usual value. */
static void
read_timeouts(struct ha_timeouts *t)
{
	static const struct {
		const char *name;
		uint8_t state;
	} TCP[] = {
		{ "nf_conntrack_tcp_timeout_syn_sent", HA_TCP_SYN_SENT },
		{ "nf_conntrack_tcp_timeout_syn_sent", HA_TCP_SYN_SENT2 },
		{ "nf_conntrack_tcp_timeout_syn_recv", HA_TCP_SYN_RECV },
		{ "nf_conntrack_tcp_timeout_established",
		    HA_TCP_ESTABLISHED },
		{ "nf_conntrack_tcp_timeout_fin_wait", HA_TCP_FIN_WAIT },
		{ "nf_conntrack_tcp_timeout_close_wait", HA_TCP_CLOSE_WAIT },
		{ "nf_conntrack_tcp_timeout_last_ack", HA_TCP_LAST_ACK },
		{ "nf_conntrack_tcp_timeout_time_wait", HA_TCP_TIME_WAIT },
		{ "nf_conntrack_tcp_timeout_close", HA_TCP_CLOSE },
	};

	for (size_t i = 0; i < sizeof(TCP) / sizeof(TCP[0]); i++)
		read_number(TCP[i].name, &t->tcp_s[TCP[i].state]);
	read_number("nf_conntrack_udp_timeout", &t->udp_s);
	read_number("nf_conntrack_udp_timeout_stream", &t->udp_stream_s);
	read_number("nf_conntrack_icmp_timeout", &t->icmp_s);
	read_number("nf_conntrack_icmpv6_timeout", &t->icmpv6_s);
	read_number("nf_conntrack_generic_timeout", &t->generic_s);
}

int
ha_host_read(struct ha_host *out, struct ha_why *why)
{
	struct ha_host h = { .timeouts = ha_timeouts_default() };
	int rc = ha_setting_read("nf_conntrack_max", &h.conntrack_max);

	if (rc == HA_ERR_ABSENT) {
		ha_why_set(why, "this kernel tracks no connections: "
		    "run \"modprobe nf_conntrack\"");
		return HA_ERR_UNSUPPORTED;
	}
	if (rc != HA_OK) {
		ha_why_set(why, "can't read " DIR "nf_conntrack_max: %s",
		    ha_err_text(rc));
		return rc;
	}
	read_number("nf_conntrack_buckets", &h.buckets);
	read_flag("nf_conntrack_acct", &h.acct);
	read_flag("nf_conntrack_timestamp", &h.timestamp);
	read_flag("nf_conntrack_tcp_be_liberal", &h.tcp_liberal);
	read_flag("nf_conntrack_tcp_loose", &h.tcp_loose);
	read_timeouts(&h.timeouts);
	*out = h;
	return HA_OK;
}

static void HA_PRINTF(4, 5)
advise(struct ha_host_advice *a, const char *setting, uint32_t value,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(a->why, sizeof(a->why), format, ap);
	va_end(ap);
	(void)snprintf(a->run, sizeof(a->run),
	    "sysctl -w net.netfilter.nf_conntrack_%s=%u", setting, value);
}

size_t
ha_host_advise(const struct ha_host *h, uint32_t table_size,
    struct ha_host_advice advice[static HA_HOST_ADVICE_MAX])
{
	size_t n = 0;

	/* A quarter more: replicas fill the kernel's table to 80 %. */
	if (h->conntrack_max != 0 && h->conntrack_max < table_size) {
		advice[n].name = "host.conntrack-max";
		advise(&advice[n++], "max", table_size + table_size / 4,
		    "the kernel takes %u connections, table-size is %u",
		    h->conntrack_max, table_size);
	}
	if (h->buckets != 0 && h->buckets < table_size / ENTRIES_PER_BUCKET) {
		advice[n].name = "host.buckets";
		advise(&advice[n++], "buckets", table_size,
		    "the kernel sorts connections into %u buckets, "
		    "table-size is %u", h->buckets, table_size);
	}
	if (h->tcp_liberal) {
		advice[n].name = "host.tcp-liberal";
		advise(&advice[n++], "tcp_be_liberal", 0,
		    "the kernel checks no TCP windows");
	}
	return n;
}

int
ha_host_keep_accounts(struct ha_why *why)
{
	static const char *const NAMES[] = { "nf_conntrack_acct",
		"nf_conntrack_timestamp" };

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		uint32_t now = 0;
		int rc;

		if (ha_setting_read(NAMES[i], &now) == HA_OK && now != 0)
			continue;
		rc = ha_setting_write(NAMES[i], 1);
		if (rc == HA_OK)
			continue;
		ha_why_set(why, "can't set " DIR "%s: %s; the traffic log "
		    "lacks what it counts (sysctl -w net.netfilter.%s=1)",
		    NAMES[i], ha_err_text(rc), NAMES[i]);
		return rc == HA_ERR_ABSENT ? HA_ERR_UNSUPPORTED : rc;
	}
	return HA_OK;
}
