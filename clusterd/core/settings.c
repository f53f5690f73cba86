#include "core/settings.h"

struct ha_timeouts
ha_timeouts_default(void)
{
	return (struct ha_timeouts){
		.tcp_s = {
			[HA_TCP_NONE] = 300,
			[HA_TCP_SYN_SENT] = 120,
			[HA_TCP_SYN_RECV] = 60,
			[HA_TCP_ESTABLISHED] = 432000,
			[HA_TCP_FIN_WAIT] = 120,
			[HA_TCP_CLOSE_WAIT] = 60,
			[HA_TCP_LAST_ACK] = 30,
			[HA_TCP_TIME_WAIT] = 120,
			[HA_TCP_CLOSE] = 10,
			[HA_TCP_SYN_SENT2] = 120,
		},
		.udp_s = 30,
		.udp_stream_s = 120,
		.icmp_s = 30,
		.icmpv6_s = 30,
		.generic_s = 600,
	};
}

struct ha_dur
ha_timeouts_of(const struct ha_timeouts *t, const struct ha_record *r)
{
	switch (r->orig.protocol) {
	case 6:
		return ha_dur_s(t->tcp_s[r->tcp_state]);
	case 17:
		return ha_dur_s((r->status & HA_STATUS_ASSURED) != 0 ?
		    t->udp_stream_s : t->udp_s);
	case 1:
		return ha_dur_s(t->icmp_s);
	case 58:
		return ha_dur_s(t->icmpv6_s);
	default:
		return ha_dur_s(t->generic_s);
	}
}
