/*
 * conntrack_event: one socket that hears NEW, UPDATE and DESTROY, of entries
 * and of expectations.
 *
 * Every event is a datagram of its own, some 230 bytes; what costs is to be
 * woken and to enter the kernel, so they are fetched 64 to a call.
 *
 * What this daemon does to the table raises events too.  They carry the port
 * id of the socket that did it, and a filter drops them before they take room
 * in the buffer: our own installing of a million sessions can't overrun us.
 *
 * When the buffer does overrun, the kernel says so once and goes on.  It is
 * asked to keep ends that it could not deliver and to deliver them again;
 * whatever else was lost, a dump finds.
 */
#define _GNU_SOURCE
#include "dataplane/conntrack_event.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "dataplane/netlink.h"

#define VECTOR     64   /* datagrams a call of the kernel */
#define ROUNDS     8    /* such calls a slice */
#define EVENT_MAX  2048 /* bytes: no event is longer */

struct ha_ct_event {
	struct mnl_socket *nl;
	struct ha_ct_terms terms;
	struct ha_ct_event_calls calls;
	struct ha_dataplane_stats *stats;
	uint32_t buffer_bytes;
	bool buffer_full_size;
	struct mmsghdr msgs[VECTOR];
	struct iovec iov[VECTOR];
	_Alignas(8) uint8_t buf[VECTOR][EVENT_MAX];
};

/* The filter loads in network order what the kernel wrote in its own. */
static int
drop_own(struct mnl_socket *nl, uint32_t port_id)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port_id), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	if (setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_ATTACH_FILTER,
	    &prog, sizeof(prog)) < 0)
		return ha_netlink_err(errno);
	return HA_OK;
}

static int
join(struct mnl_socket *nl)
{
	static const int GROUPS[] = { NFNLGRP_CONNTRACK_NEW,
		NFNLGRP_CONNTRACK_UPDATE, NFNLGRP_CONNTRACK_DESTROY,
		NFNLGRP_CONNTRACK_EXP_NEW, NFNLGRP_CONNTRACK_EXP_UPDATE,
		NFNLGRP_CONNTRACK_EXP_DESTROY };
	int on = 1;

	(void)mnl_socket_setsockopt(nl, NETLINK_BROADCAST_ERROR, &on,
	    sizeof(on));
	for (size_t i = 0; i < sizeof(GROUPS) / sizeof(GROUPS[0]); i++) {
		int group = GROUPS[i];

		if (mnl_socket_setsockopt(nl, NETLINK_ADD_MEMBERSHIP, &group,
		    sizeof(group)) < 0)
			return ha_netlink_err(errno);
	}
	return HA_OK;
}

int
ha_ct_event_open(const struct ha_ct_terms *terms, uint32_t own_port_id,
    uint32_t buffer_bytes, const struct ha_ct_event_calls *calls,
    struct ha_dataplane_stats *stats, struct ha_ct_event **out)
{
	struct ha_ct_event *ev = calloc(1, sizeof(*ev));
	int rc;

	if (ev == NULL)
		return HA_ERR_NOMEM;
	ev->terms = *terms;
	ev->calls = *calls;
	ev->stats = stats;
	for (size_t i = 0; i < VECTOR; i++) {
		ev->iov[i] = (struct iovec){ ev->buf[i], EVENT_MAX };
		ev->msgs[i].msg_hdr.msg_iov = &ev->iov[i];
		ev->msgs[i].msg_hdr.msg_iovlen = 1;
	}

	rc = ha_netlink_open(&ev->nl);
	if (rc != HA_OK)
		goto fail;
	ev->buffer_full_size = ha_netlink_receive_buffer(ev->nl, buffer_bytes,
	    &ev->buffer_bytes);
	rc = drop_own(ev->nl, own_port_id);
	if (rc != HA_OK)
		goto fail;
	rc = join(ev->nl);
	if (rc != HA_OK)
		goto fail;
	*out = ev;
	return HA_OK;

fail:
	ha_ct_event_close(ev);
	return rc;
}

void
ha_ct_event_close(struct ha_ct_event *ev)
{
	if (ev == NULL)
		return;
	ha_netlink_close(ev->nl);
	free(ev);
}

int
ha_ct_event_fd(const struct ha_ct_event *ev)
{
	return mnl_socket_get_fd(ev->nl);
}

bool
ha_ct_event_buffer(const struct ha_ct_event *ev, uint32_t *bytes)
{
	*bytes = ev->buffer_bytes;
	return ev->buffer_full_size;
}

static int
take_expect(struct ha_ct_event *ev, const uint8_t *msg, size_t len)
{
	struct ha_tuple master;
	int rc = ha_ct_parse_expect(msg, len, &ev->terms, &master);

	if (rc == HA_OK)
		ev->calls.on_expect(ev->calls.ctx, &master);
	return rc;
}

static int
take_entry(struct ha_ct_event *ev, const uint8_t *msg, size_t len)
{
	struct ha_ct_entry e;
	int rc = ha_ct_parse(msg, len, false, &ev->terms, &e);

	if (rc == HA_OK)
		ev->calls.on_entry(ev->calls.ctx, &e);
	return rc;
}

static void
take(struct ha_ct_event *ev, const uint8_t *msg, size_t len)
{
	ev->stats->events++;
	switch (ha_ct_is_expect(msg, len) ? take_expect(ev, msg, len) :
	    take_entry(ev, msg, len)) {
	case HA_OK:
		break;
	case HA_ERR_UNSUPPORTED:
		ev->stats->skipped++;
		break;
	default:
		ev->stats->malformed++;
		break;
	}
}

static void
lost(struct ha_ct_event *ev)
{
	ev->stats->events_lost++;
	ev->calls.on_lost(ev->calls.ctx);
}

/* How many datagrams there were; fewer than VECTOR: no more for now. */
static int
read_vector(struct ha_ct_event *ev)
{
	int n = recvmmsg(ha_ct_event_fd(ev), ev->msgs, VECTOR, MSG_DONTWAIT,
	    NULL);

	if (n < 0) {
		if (errno != ENOBUFS)
			return 0;
		lost(ev);
		return VECTOR;
	}
	for (int i = 0; i < n; i++) {
		if ((ev->msgs[i].msg_hdr.msg_flags & MSG_TRUNC) != 0)
			lost(ev);
		else
			take(ev, ev->buf[i], ev->msgs[i].msg_len);
	}
	return n;
}

bool
ha_ct_event_read(struct ha_ct_event *ev)
{
	for (int i = 0; i < ROUNDS; i++)
		if (read_vector(ev) < VECTOR)
			return false;
	return true;
}
