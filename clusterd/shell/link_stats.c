#include "shell/link_stats.h"

const char *
ha_link_phase_name(enum ha_link_phase p)
{
	switch (p) {
	case HA_LINK_PHASE_NONE:
		return "none";
	case HA_LINK_PHASE_WAIT:
		return "waiting";
	case HA_LINK_PHASE_CONNECT:
		return "connecting";
	case HA_LINK_PHASE_HANDSHAKE:
		return "handshake";
	case HA_LINK_PHASE_UP:
		return "up";
	}
	return "unknown";
}
