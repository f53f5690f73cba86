#include "base/err.h"

const char *
ha_err_text(int err)
{
	switch ((enum ha_err)err) {
	case HA_OK:
		return "no error";
	case HA_ERR_NOMEM:
		return "out of memory";
	case HA_ERR_INVAL:
		return "value not allowed";
	case HA_ERR_EXISTS:
		return "exists already";
	case HA_ERR_ABSENT:
		return "no such thing";
	case HA_ERR_FULL:
		return "full";
	case HA_ERR_STALE:
		return "stale";
	case HA_ERR_CORRUPT:
		return "damaged";
	case HA_ERR_NEWER:
		return "written by a newer release";
	case HA_ERR_IO:
		return "input or output failed";
	case HA_ERR_PERM:
		return "permission denied";
	case HA_ERR_AUTH:
		return "authentication failed";
	case HA_ERR_AGAIN:
		return "try again";
	case HA_ERR_SHORT:
		return "truncated";
	case HA_ERR_CONFIG:
		return "configuration is wrong";
	case HA_ERR_UNSUPPORTED:
		return "not supported here";
	case HA_ERR_LOST:
		return "events were lost";
	}
	return "unknown error";
}
