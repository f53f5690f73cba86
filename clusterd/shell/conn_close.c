#include "shell/conn_close.h"

#include <stdio.h>
#include <string.h>

static void
count_refusal(enum ha_refusal reason, struct ha_shell_counters *n)
{
	switch (reason) {
	case HA_REFUSE_PROTOCOL:
		n->refused_protocol++;
		break;
	case HA_REFUSE_CLUSTER:
		n->refused_cluster++;
		break;
	case HA_REFUSE_NOT_ME:
		n->refused_not_me++;
		break;
	case HA_REFUSE_SERIAL:
		n->refused_serial++;
		break;
	case HA_REFUSE_DIRECTION:
		n->refused_direction++;
		break;
	case HA_REFUSE_LINK:
		n->refused_link++;
		break;
	case HA_REFUSE_KEY:
		n->refused_key++;
		break;
	case HA_REFUSE_MY_KEY:
		n->refused_my_key++;
		break;
	case HA_REFUSE_SECRET:
		n->refused_secret++;
		break;
	case HA_REFUSE_SEALED:
		n->refused_sealed++;
		break;
	case HA_REFUSE_STALE:
		n->refused_stale++;
		break;
	case HA_REFUSE_DUPLICATE:
		n->refused_duplicate++;
		break;
	case HA_REFUSE_NONE:
	case HA_REFUSE_MALFORMED:
	case HA_REFUSE_BUSY:
	case HA_REFUSE_UNABLE:
	case HA_REFUSE_MAX:
		n->refused_malformed++;
		break;
	}
}

void
ha_conn_close_count(const struct ha_conn_close *why,
    struct ha_shell_counters *n)
{
	switch (why->end) {
	case HA_CONN_NOT_REACHED:
	case HA_CONN_NOT_ANSWERED:
		n->link_dial_failures++;
		break;
	case HA_CONN_SLOW:
		n->handshake_timeout++;
		break;
	case HA_CONN_FAILED:
		if (why->failure.by_peer)
			n->handshake_refused++;
		else
			count_refusal(why->failure.reason, n);
		break;
	case HA_CONN_LEFT:
	case HA_CONN_BROKEN:
		if (why->was_up)
			n->link_closed++;
		else
			n->handshake_closed++;
		break;
	case HA_CONN_BAD_FRAME:
		n->drop_frame++;
		break;
	case HA_CONN_BAD_MESSAGE:
		n->drop_message++;
		break;
	case HA_CONN_STALE:
		n->refused_stale++;
		break;
	case HA_CONN_REVOKED:
		n->link_revoked++;
		break;
	case HA_CONN_TWIN:
		n->link_twin++;
		break;
	case HA_CONN_OLD:
		n->link_old++;
		break;
	case HA_CONN_CHANGED:
		n->link_changed++;
		break;
	}
}

static const char *
end_text(enum ha_conn_end how)
{
	switch (how) {
	case HA_CONN_NOT_REACHED:
		return "not reached";
	case HA_CONN_NOT_ANSWERED:
		return "no answer to connecting";
	case HA_CONN_SLOW:
		return "the handshake took too long";
	case HA_CONN_FAILED:
		return "the handshake failed";
	case HA_CONN_LEFT:
		return "closed by the peer";
	case HA_CONN_BROKEN:
		return "connection broken";
	case HA_CONN_BAD_FRAME:
		return "a frame could not be opened";
	case HA_CONN_BAD_MESSAGE:
		return "a message made no sense";
	case HA_CONN_STALE:
		return "an earlier start of the peer";
	case HA_CONN_REVOKED:
		return "its public key is no longer in our cluster file";
	case HA_CONN_TWIN:
		return "two machines have its serial and its key";
	case HA_CONN_OLD:
		return "no new handshake came about for too long";
	case HA_CONN_CHANGED:
		return "our cluster file has it otherwise now";
	}
	return "unknown";
}

const char *
ha_conn_close_text(const struct ha_conn_close *why,
    char out[static HA_CONN_CLOSE_TEXT])
{
	const char *text = end_text(why->end);

	if (why->end == HA_CONN_FAILED)
		ha_handshake_explain(why->handshake, out, HA_CONN_CLOSE_TEXT);
	else if (why->error != 0)
		snprintf(out, HA_CONN_CLOSE_TEXT, "%s: %s", text,
		    strerror(why->error));
	else
		snprintf(out, HA_CONN_CLOSE_TEXT, "%s", text);
	return out;
}
