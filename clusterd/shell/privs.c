#include "shell/privs.h"

#include <cap-ng.h>
#include <sys/prctl.h>

/* Sessions, the nftables table, the big event buffer: nothing else. */
#define NEEDED CAP_NET_ADMIN

bool
ha_privs_enough(void)
{
	return capng_get_caps_process() == 0 &&
	    capng_have_capability(CAPNG_EFFECTIVE, NEEDED) == 1;
}

int
ha_privs_drop(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return HA_ERR_PERM;
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED,
	    NEEDED) != 0)
		return HA_ERR_PERM;

	/* The bounding set takes CAP_SETPCAP to shrink; a service manager
	 * that took that away has shrunk it itself. */
	if (capng_apply(CAPNG_SELECT_ALL) != 0 &&
	    capng_apply(CAPNG_SELECT_CAPS) != 0)
		return HA_ERR_PERM;
	return HA_OK;
}
