/* The control server's look at the real daemon. */
#include <string.h>

#include "shell/control.h"
#include "shell/driver.h"

/* What the driver does not know stays zero. */
static void
look_at_peer(const struct ha_driver *d, uint8_t peer,
    struct ha_control_look *out)
{
	struct ha_peer_info info;
	struct ha_link_stats stats;

	if (ha_driver_peer_info(d, peer, &info) == HA_OK)
		out->peers[peer - 1] = info;
	for (int l = 0; l < HA_LINK_MAX; l++) {
		if (ha_driver_link_stats(d, peer, (enum ha_link_id)l,
		    &stats) == HA_OK)
			out->links[peer - 1][l] = stats;
	}
}

void
ha_control_look_at_driver(void *arg, struct ha_control_look *out)
{
	const struct ha_driver *d = arg;

	memset(out, 0, sizeof(*out));
	out->now = ha_driver_now(d);
	out->core = ha_driver_core(d);
	out->counters = ha_driver_counters(d);
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++)
		look_at_peer(d, i, out);
	out->n_alarms = ha_driver_alarms(d, out->alarms);
}
