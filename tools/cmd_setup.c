/* Verbs that make keys, and need no daemon: identity init, secret init. */
#include <stdlib.h>
#include <string.h>

#include "conf/cluster_conf.h"
#include "conf/identity.h"
#include "conf/secret.h"
#include "proto/keys.h"
#include "tools/ctl.h"

/* What to paste into cluster.conf; the rest only the operator knows. */
static void
write_member_block(const char *serial, const char *public_key, char *block,
    size_t size)
{
	snprintf(block, size,
	    "member \"%s\" {\n"
	    "\tindex = 1                  # 1-16, another for each member\n"
	    "\tname = \"%s\"\n"
	    "\tha4-address = \"\"           # like \"10.4.0.1/24\"\n"
	    "\tha4-backup-address = \"\"    # in another subnet\n"
	    "\tpublic-key = \"%s\"\n"
	    "}\n", serial, serial, public_key);
}

static int
create_failed(struct ha_ctl *ctl, const char *what, const char *file, int err)
{
	switch (err) {
	case HA_ERR_EXISTS:
		return ha_ctl_fail(ctl, CTL_REFUSED, "exists", "%s is there "
		    "already, and is left as it is: to make a new %s, move it "
		    "away first.", file, what);
	case HA_ERR_PERM:
		return ha_ctl_fail(ctl, CTL_REFUSED, "not-permitted",
		    "No right to write %s: do it as root.", file);
	case HA_ERR_ABSENT:
		return ha_ctl_fail(ctl, CTL_REFUSED, "absent",
		    "The directory of %s is not there: make it first.", file);
	default:
		return ha_ctl_fail(ctl, CTL_REFUSED, "failed",
		    "%s can't be written: %s.", file, ha_err_text(err));
	}
}

int
ha_cmd_identity_init(struct ha_ctl *ctl)
{
	const char *serial = ctl->args[0];
	const char *file = ctl->n_args > 1 ? ctl->args[1] : HA_IDENTITY_PATH;
	struct ha_out_identity shown = { .serial = serial, .file = file };
	uint8_t public_key[HA_KEY_LEN];
	char text[HA_KEY_TEXT_LEN];
	char block[512];
	int err;

	err = ha_keys_init();
	if (err != HA_OK)
		return create_failed(ctl, "identity", file, err);
	err = ha_identity_create(file, serial, public_key);
	if (err == HA_ERR_INVAL)
		return ha_ctl_usage(ctl, "\"%s\" can be no serial: 1 to %d "
		    "printable ASCII characters without blanks and quotes",
		    serial, HA_CONF_SERIAL_LEN - 1);
	if (err != HA_OK)
		return create_failed(ctl, "identity", file, err);
	ha_key_to_text(text, public_key);
	write_member_block(serial, text, block, sizeof(block));
	shown.public_key = text;
	shown.member_block = block;
	ctl->out->ops->identity(ctl->out, &shown);
	return CTL_DONE;
}

int
ha_cmd_secret_init(struct ha_ctl *ctl)
{
	const char *file = ctl->n_args > 0 ? ctl->args[0] : HA_SECRET_PATH;
	int err;

	err = ha_keys_init();
	if (err == HA_OK)
		err = ha_secret_create(file);
	if (err != HA_OK)
		return create_failed(ctl, "secret", file, err);
	ctl->out->ops->secret(ctl->out, file);
	return CTL_DONE;
}
