#include "proto/refusal.h"

#include "proto/frame.h"

static const struct {
	const char *name;
	const char *sentence;
	const char *heard;
} WORDS[HA_REFUSE_MAX] = {
	[HA_REFUSE_NONE] = {
		"none",
		"nothing was wrong",
		"the peer closed without saying why",
	},
	[HA_REFUSE_PROTOCOL] = {
		"no-common-protocol",
		"the peer speaks no protocol version that this member speaks",
		"the peer speaks no protocol version that this member speaks",
	},
	[HA_REFUSE_CLUSTER] = {
		"wrong-cluster",
		"the peer has another cluster id",
		"the peer says that its cluster id is not ours",
	},
	[HA_REFUSE_NOT_ME] = {
		"not-for-me",
		"the peer wants a member with another index or serial",
		"the peer says that it is not the member that we took it for",
	},
	[HA_REFUSE_SERIAL] = {
		"unknown-serial",
		"the peer's index and serial are not as our cluster file has "
		"them",
		"the peer says that our index and serial are not as its file "
		"has them",
	},
	[HA_REFUSE_DIRECTION] = {
		"wrong-direction",
		"the peer dialled, but its index is not lower than ours",
		"the peer says that it should have dialled, not we",
	},
	[HA_REFUSE_LINK] = {
		"wrong-link",
		"the peer wants the other link",
		"the peer says that this is the other link's address or port",
	},
	[HA_REFUSE_KEY] = {
		"unknown-key",
		"the peer's public key is not in our cluster file",
		"the peer says that our public key is not in its cluster file",
	},
	[HA_REFUSE_MY_KEY] = {
		"not-my-key",
		"the peer has a public key for this member that is not ours",
		"the peer says that its public key is not as our file has it",
	},
	[HA_REFUSE_SECRET] = {
		"wrong-secret",
		"the peer has another cluster secret, or somebody replays it",
		"the peer says that our cluster secret is not its own",
	},
	[HA_REFUSE_SEALED] = {
		"not-verified",
		"a message does not verify: a wrong key, or changed on the way",
		"the peer says that a message of ours does not verify",
	},
	[HA_REFUSE_MALFORMED] = {
		"malformed",
		"the other end does not speak this protocol",
		"the peer says that we do not speak its protocol",
	},
	[HA_REFUSE_BUSY] = {
		"busy",
		"too many connections wait for their handshake",
		"the peer says that too many connections wait for a handshake",
	},
	[HA_REFUSE_STALE] = {
		"stale",
		"there is a newer connection with this peer",
		"the peer says that it has a newer connection with us",
	},
	[HA_REFUSE_UNABLE] = {
		"unable",
		"out of memory, or a key in a file is not a key",
		"the peer says that it is short of memory or has a bad key",
	},
	[HA_REFUSE_DUPLICATE] = {
		"duplicate-serial",
		"two machines have the peer's serial and its key",
		"the peer says that another machine has our serial and key",
	},
};

const char *
ha_refusal_name(enum ha_refusal r)
{
	return (unsigned int)r < HA_REFUSE_MAX ? WORDS[r].name : "unknown";
}

bool
ha_refusal_is_mismatch(enum ha_refusal r)
{
	return (r >= HA_REFUSE_PROTOCOL && r <= HA_REFUSE_SECRET) ||
	    r == HA_REFUSE_DUPLICATE;
}

const char *
ha_refusal_sentence(enum ha_refusal r)
{
	return (unsigned int)r < HA_REFUSE_MAX ? WORDS[r].sentence
	                                       : "for a reason not known";
}

const char *
ha_refusal_heard(enum ha_refusal r)
{
	return (unsigned int)r < HA_REFUSE_MAX
	    ? WORDS[r].heard
	    : "the peer gives a reason that this version does not know";
}

void
ha_refusal_encode(uint8_t out[static HA_REFUSAL_LEN], enum ha_refusal reason)
{
	ha_frame_put_head(out, HA_REFUSAL_LEN - HA_FRAME_HEAD);
	out[HA_FRAME_HEAD] = (uint8_t)reason;
}
