#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "conf/cluster_conf.h"
#include "conf/conf_check.h"

static const char *const KEYS[HA_LINK_MAX] = {
	[HA_LINK_HA4] = "ha4-address",
	[HA_LINK_HA4_BACKUP] = "ha4-backup-address",
};

/* The bytes of an address of the system; NULL: of another family. */
static const uint8_t *
bytes_of(const struct sockaddr *sa, uint8_t family, size_t *len)
{
	if (sa == NULL)
		return NULL;
	if (family == HA_IPV4 && sa->sa_family == AF_INET) {
		*len = 4;
		return (const uint8_t *)&((const struct sockaddr_in *)
		    (const void *)sa)->sin_addr;
	}
	if (family == HA_IPV6 && sa->sa_family == AF_INET6) {
		*len = 16;
		return (const uint8_t *)&((const struct sockaddr_in6 *)
		    (const void *)sa)->sin6_addr;
	}
	return NULL;
}

static uint8_t
count_bits(const uint8_t *mask, size_t len)
{
	uint8_t n = 0;

	while (n < 8 * len && (mask[n / 8] >> (7 - n % 8) & 1) != 0)
		n++;
	return n;
}

/* The prefix under which an interface has this address; HA_CONF_PREFIX_NONE:
 * no interface has it. */
static uint8_t
find_prefix(const struct ifaddrs *interfaces, const struct ha_conf_address *a)
{
	for (const struct ifaddrs *i = interfaces; i != NULL;
	    i = i->ifa_next) {
		size_t len;
		const uint8_t *address = bytes_of(i->ifa_addr, a->family,
		    &len);
		const uint8_t *mask = bytes_of(i->ifa_netmask, a->family,
		    &len);

		if (address != NULL && mask != NULL &&
		    memcmp(address, a->bytes, len) == 0)
			return count_bits(mask, len);
	}
	return HA_CONF_PREFIX_NONE;
}

static void
complete(struct ha_conf_member *m, enum ha_link_id link,
    const struct ifaddrs *interfaces, struct ha_conf_report *report)
{
	struct ha_conf_address *a = &m->address[link];
	char text[HA_CONF_ADDRESS_LEN];

	if (a->family == 0 || a->prefix != HA_CONF_PREFIX_NONE)
		return;
	a->prefix = find_prefix(interfaces, a);
	if (a->prefix != HA_CONF_PREFIX_NONE)
		return;
	ha_conf_address_text(a, false, text);
	ha_conf_error(report, m->line, "%s = \"%s\" of this firewall has no "
	    "prefix and is on no interface: write it as \"%s/%d\", or give "
	    "it to an interface", KEYS[link], text, text,
	    a->family == HA_IPV4 ? 24 : 64);
}

int
ha_cluster_conf_localize(struct ha_cluster_conf *conf, unsigned int self,
    struct ha_conf_report *report)
{
	size_t errors = report->n_errors;
	struct ha_conf_member *m = NULL;
	struct ifaddrs *interfaces;

	for (size_t i = 0; i < conf->n_members; i++)
		if (conf->members[i].index == self)
			m = &conf->members[i];
	HA_CHECK(m != NULL);
	if (getifaddrs(&interfaces) != 0) {
		ha_conf_error(report, 0, "the addresses of this host can't be "
		    "listed: %s", strerror(errno));
		return HA_ERR_IO;
	}
	for (int l = 0; l < HA_LINK_MAX; l++)
		complete(m, (enum ha_link_id)l, interfaces, report);
	freeifaddrs(interfaces);
	if (report->n_errors == errors &&
	    m->address[HA_LINK_HA4_BACKUP].family != 0 &&
	    ha_conf_same_subnet(&m->address[HA_LINK_HA4],
	    &m->address[HA_LINK_HA4_BACKUP]))
		ha_conf_error(report, m->line, "ha4-address and "
		    "ha4-backup-address of this firewall are in one subnet: "
		    "the links back each other up only on different "
		    "networks");
	return report->n_errors == errors ? HA_OK : HA_ERR_CONFIG;
}
