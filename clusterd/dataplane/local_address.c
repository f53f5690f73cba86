#define _GNU_SOURCE
#include "dataplane/local_address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ha_local_address));
}

static bool
from_sockaddr(const struct sockaddr *sa, struct ha_local_address *out)
{
	memset(out, 0, sizeof(*out));
	if (sa == NULL)
		return false;
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in4;

		memcpy(&in4, sa, sizeof(in4));
		out->family = HA_IPV4;
		memcpy(out->bytes, &in4.sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		out->family = HA_IPV6;
		memcpy(out->bytes, &in6.sin6_addr, 16);
		return true;
	}
	return false;
}

int
ha_local_load(struct ha_local_addresses *out)
{
	struct ha_local_addresses l = { NULL, 0 };
	struct ifaddrs *all;
	size_t room = 1;

	if (getifaddrs(&all) < 0)
		return HA_ERR_IO;
	for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		room += 2;
	l.sorted = calloc(room, sizeof(*l.sorted));
	if (l.sorted == NULL) {
		freeifaddrs(all);
		return HA_ERR_NOMEM;
	}
	for (struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		if (from_sockaddr(i->ifa_addr, &l.sorted[l.n]))
			l.n++;
		if ((i->ifa_flags & IFF_BROADCAST) != 0 &&
		    from_sockaddr(i->ifa_broadaddr, &l.sorted[l.n]))
			l.n++;
	}
	freeifaddrs(all);
	qsort(l.sorted, l.n, sizeof(*l.sorted), compare);
	*out = l;
	return HA_OK;
}

void
ha_local_free(struct ha_local_addresses *l)
{
	free(l->sorted);
	l->sorted = NULL;
	l->n = 0;
}

bool
ha_local_has(const struct ha_local_addresses *l, uint8_t family,
    const uint8_t address[static 16])
{
	struct ha_local_address key = { .family = family };

	memcpy(key.bytes, address, family == HA_IPV4 ? 4 : 16);
	return l->n > 0 &&
	    bsearch(&key, l->sorted, l->n, sizeof(key), compare) != NULL;
}

/* "This host", loopback, multicast and broadcast; link-local in IPv6. */
static bool
never_routed(uint8_t family, const uint8_t a[static 16])
{
	static const uint8_t ZERO[15];

	if (family == HA_IPV4)
		return a[0] == 0 || a[0] == 127 || a[0] >= 224;
	return a[0] == 0xff || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80) ||
	    (memcmp(a, ZERO, 15) == 0 && a[15] <= 1);
}

static bool
is_end(const struct ha_local_addresses *l, uint8_t family,
    const uint8_t address[static 16])
{
	return never_routed(family, address) ||
	    ha_local_has(l, family, address);
}

/* Behind source translation the host's address is no end but the door; the
 * real ends are who began and who answers. */
bool
ha_local_forwards(const struct ha_local_addresses *l,
    const struct ha_record *r)
{
	return !is_end(l, r->orig.family, r->orig.src) &&
	    !is_end(l, r->orig.family, r->reply.src);
}
