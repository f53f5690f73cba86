/* What text and JSON have in common. */
#include "tools/out.h"

#include <arpa/inet.h>
#include <string.h>

int
ha_out_finish(struct ha_out *out)
{
	FILE *stream = out->stream;
	int failed;

	out->ops->free(out);
	failed = ferror(stream);
	failed |= fflush(stream);
	return failed == 0 ? HA_OK : HA_ERR_IO;
}

void
ha_out_address(const ProtobufCBinaryData *address,
    char text[static HA_ADDRESS_TEXT])
{
	int family = address->len == 4 ? AF_INET : AF_INET6;

	if ((address->len != 4 && address->len != 16) ||
	    inet_ntop(family, address->data, text, HA_ADDRESS_TEXT) == NULL)
		strcpy(text, "?");
}
