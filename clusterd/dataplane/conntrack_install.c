/*
 * conntrack_install: one socket that writes.
 *
 * Messages go 64 to a send, which halves their cost.  The kernel works on
 * them before the send returns and leaves one short answer each in the
 * socket's buffer; they are fetched at once, so that the buffer needs room
 * for 64 and never for all.  An answer is matched to its operation by the
 * sequence number; what the kernel left unanswered counts as failed.
 *
 * Results are kept and handed out from the event loop: whoever asks is often
 * in the middle of a step and must not be called back from there.  A counter
 * file descriptor wakes the loop.
 *
 * An end that is to be told comes back in the same way, as an event in front
 * of its answer: an echo.  The socket that hears events takes none of ours.
 *
 * A change of status goes in a message of its own when it comes with other
 * changes: the kernel refuses a status that lacks a bit which the entry has
 * got meanwhile, and would leave the rest undone.
 */
#define _GNU_SOURCE
#include "dataplane/conntrack_install.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "dataplane/netlink.h"

#define BATCH        64   /* messages a send */
#define ANSWER_MAX   2048 /* bytes: an answer is 36, no entry is longer */
#define RESULTS_SLICE 1024
#define RECEIVE_BYTES (1024 * 1024)

struct result {
	uint64_t ticket;
	int result;
};

/* One message under way. */
struct slot {
	uint64_t ticket;
	enum ha_kernel_verb verb;
	uint16_t change;
	bool silent; /* nobody waits for its result */
	int err;     /* errno, or -1: not answered */
};

struct ha_ct_install {
	struct mnl_socket *nl;
	struct ha_ct_terms terms;
	struct ha_dataplane_stats *stats;
	int wake_fd;

	uint32_t seq; /* of the first message of the batch */
	size_t n_slots;
	struct slot slots[BATCH];
	size_t out_len;
	_Alignas(8) uint8_t out[BATCH * HA_CT_MSG_MAX];

	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	_Alignas(8) uint8_t in[BATCH][ANSWER_MAX];

	struct result *results; /* [head .. n_results) wait */
	size_t head;
	size_t n_results;
	size_t capacity;

	struct ha_ct_entry *ends; /* told; they wait before the results */
	size_t n_ends;
	size_t ends_capacity;
};

int
ha_ct_install_open(const struct ha_ct_terms *terms,
    struct ha_dataplane_stats *stats, struct ha_ct_install **out)
{
	struct ha_ct_install *in = calloc(1, sizeof(*in));
	uint32_t got;
	int rc;

	if (in == NULL)
		return HA_ERR_NOMEM;
	in->terms = *terms;
	in->stats = stats;
	in->seq = 1;
	for (size_t i = 0; i < BATCH; i++) {
		in->iov[i] = (struct iovec){ in->in[i], ANSWER_MAX };
		in->msgs[i].msg_hdr.msg_iov = &in->iov[i];
		in->msgs[i].msg_hdr.msg_iovlen = 1;
	}

	in->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (in->wake_fd < 0) {
		rc = HA_ERR_IO;
		goto fail;
	}
	rc = ha_netlink_open(&in->nl);
	if (rc != HA_OK)
		goto fail;
	ha_netlink_short_acks(in->nl);
	(void)ha_netlink_receive_buffer(in->nl, RECEIVE_BYTES, &got);
	*out = in;
	return HA_OK;

fail:
	ha_ct_install_close(in);
	return rc;
}

void
ha_ct_install_close(struct ha_ct_install *in)
{
	if (in == NULL)
		return;
	ha_netlink_close(in->nl);
	if (in->wake_fd >= 0)
		close(in->wake_fd);
	free(in->results);
	free(in->ends);
	free(in);
}

uint32_t
ha_ct_install_port_id(const struct ha_ct_install *in)
{
	return mnl_socket_get_portid(in->nl);
}

int
ha_ct_install_fd(const struct ha_ct_install *in)
{
	return in->wake_fd;
}

/* An entry that is too old to have room for the bit says ENOSPC; a status
 * that is refused alone is one that the entry has passed already. */
static int
result_of(const struct slot *s)
{
	switch (s->err) {
	case EBUSY:
		if (s->verb == HA_KERNEL_CHANGE &&
		    s->change == HA_CHANGE_STATUS)
			return HA_OK;
		return HA_ERR_AGAIN;
	case ENOSPC:
		return s->verb == HA_KERNEL_CHANGE ? HA_ERR_UNSUPPORTED :
						     HA_ERR_FULL;
	case ENOMEM:
		return HA_ERR_FULL;
	case EINVAL:
	case EPERM:
		return HA_ERR_IO;
	default:
		return ha_netlink_err(s->err);
	}
}

/* Room was made beforehand by reserve_ends(). */
static void
take_echo(struct ha_ct_install *in, const struct nlmsghdr *h, size_t len)
{
	struct ha_ct_entry e;

	if (in->n_ends < in->ends_capacity &&
	    ha_ct_parse(h, len, false, &in->terms, &e) == HA_OK &&
	    e.session.event == HA_SESSION_END)
		in->ends[in->n_ends++] = e;
}

static void
take_answer(struct ha_ct_install *in, const struct nlmsghdr *h, size_t len)
{
	uint32_t i;

	if (len < sizeof(*h) || h->nlmsg_len > len)
		return;
	if (h->nlmsg_type != NLMSG_ERROR) {
		take_echo(in, h, len);
		return;
	}
	i = h->nlmsg_seq - in->seq;
	if (i < in->n_slots)
		in->slots[i].err = ha_netlink_errno(h);
}

static void
fetch_answers(struct ha_ct_install *in)
{
	int n;

	do {
		n = recvmmsg(mnl_socket_get_fd(in->nl), in->msgs, BATCH,
		    MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++)
			take_answer(in, (const void *)in->in[i],
			    in->msgs[i].msg_len);
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
}

/* Room was made beforehand by reserve(). */
static void
keep_results(struct ha_ct_install *in)
{
	for (size_t i = 0; i < in->n_slots; i++) {
		const struct slot *s = &in->slots[i];
		int result = result_of(s);

		if (s->silent)
			continue;
		in->stats->operations++;
		if (result != HA_OK)
			in->stats->operations_failed++;
		HA_CHECK(in->n_results < in->capacity);
		in->results[in->n_results++] =
		    (struct result){ s->ticket, result };
	}
}

static void
flush(struct ha_ct_install *in)
{
	int rc;

	if (in->n_slots == 0)
		return;
	rc = in->out_len == 0 ? HA_OK :
	    ha_netlink_send(in->nl, in->out, in->out_len);
	if (rc == HA_OK)
		fetch_answers(in);
	else if (rc == HA_ERR_AGAIN || rc == HA_ERR_NOMEM)
		for (size_t i = 0; i < in->n_slots; i++)
			in->slots[i].err = EAGAIN;
	keep_results(in);
	in->seq += (uint32_t)in->n_slots;
	in->n_slots = 0;
	in->out_len = 0;
}

/* Where the next message goes. */
static uint8_t *
next_message(struct ha_ct_install *in, const struct slot *s, uint32_t *seq)
{
	if (in->n_slots == BATCH)
		flush(in);
	*seq = in->seq + (uint32_t)in->n_slots;
	in->slots[in->n_slots++] = *s;
	return in->out + in->out_len;
}

static void
add(struct ha_ct_install *in, const struct ha_kernel_op *op, uint16_t change,
    bool silent)
{
	const struct slot s = { op->ticket, op->verb, change, silent, -1 };
	uint32_t seq;
	uint8_t *at = next_message(in, &s, &seq);
	size_t len = ha_ct_build(at, op, change, &in->terms, seq);

	if (len == 0) /* nobody will answer */
		in->slots[in->n_slots - 1].err = EOPNOTSUPP;
	in->out_len += len;
}

static int
reserve(struct ha_ct_install *in, size_t n)
{
	size_t waiting = in->n_results - in->head;
	size_t capacity = in->capacity > 0 ? in->capacity : 1024;
	struct result *p;

	if (in->head > 0) {
		memmove(in->results, in->results + in->head,
		    waiting * sizeof(*p));
		in->head = 0;
		in->n_results = waiting;
	}
	if (waiting + n <= in->capacity)
		return HA_OK;
	while (capacity < waiting + n)
		capacity *= 2;
	p = realloc(in->results, capacity * sizeof(*p));
	if (p == NULL)
		return HA_ERR_NOMEM;
	in->results = p;
	in->capacity = capacity;
	return HA_OK;
}

static int
reserve_ends(struct ha_ct_install *in, const struct ha_kernel_op *ops,
    size_t n)
{
	size_t wanted = in->n_ends;
	struct ha_ct_entry *p;

	for (size_t i = 0; i < n; i++)
		wanted += ops[i].verb == HA_KERNEL_END;
	if (wanted <= in->ends_capacity)
		return HA_OK;
	p = realloc(in->ends, wanted * sizeof(*p));
	if (p == NULL)
		return HA_ERR_NOMEM;
	in->ends = p;
	in->ends_capacity = wanted;
	return HA_OK;
}

static void
wake(struct ha_ct_install *in)
{
	const uint64_t one = 1;

	if (in->head < in->n_results &&
	    write(in->wake_fd, &one, sizeof(one)) < 0)
		HA_CHECK(errno == EAGAIN);
}

int
ha_ct_install_do(struct ha_ct_install *in, const struct ha_kernel_op *ops,
    size_t n)
{
	int rc = reserve(in, n);

	if (rc == HA_OK)
		rc = reserve_ends(in, ops, n);
	if (rc != HA_OK)
		return rc;
	for (size_t i = 0; i < n; i++) {
		uint16_t change = ops[i].change;

		if (ops[i].verb == HA_KERNEL_CHANGE &&
		    (change & HA_CHANGE_STATUS) != 0 &&
		    change != HA_CHANGE_STATUS) {
			add(in, &ops[i], HA_CHANGE_STATUS, true);
			change &= (uint16_t)~HA_CHANGE_STATUS;
		}
		add(in, &ops[i], change, false);
	}
	flush(in);
	wake(in);
	return HA_OK;
}

void
ha_ct_install_sign(struct ha_ct_install *in, const struct ha_tuple *origs,
    size_t n)
{
	const struct slot s = { 0, HA_KERNEL_CHANGE, 0, true, -1 };

	for (size_t i = 0; i < n; i++) {
		uint32_t seq;
		uint8_t *at = next_message(in, &s, &seq);

		in->out_len += ha_ct_build_sign(at, &origs[i], &in->terms, seq);
	}
	flush(in);
}

int
ha_ct_install_read(struct ha_ct_install *in, const struct ha_tuple *orig,
    struct ha_ct_entry *out)
{
	_Alignas(8) uint8_t msg[HA_CT_MSG_MAX];
	_Alignas(8) uint8_t answer[ANSWER_MAX];
	const struct nlmsghdr *h = (const void *)answer;
	uint32_t seq = in->seq++;
	size_t len = ha_ct_build_read(msg, orig, &in->terms, seq);
	ssize_t n;
	int rc;

	HA_CHECK(in->n_slots == 0);
	if (len == 0)
		return HA_ERR_ABSENT;
	rc = ha_netlink_send(in->nl, msg, len);
	if (rc != HA_OK)
		return rc;
	do {
		n = recv(mnl_socket_get_fd(in->nl), answer, sizeof(answer),
		    MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == ENOBUFS));
	if (n < (ssize_t)sizeof(*h) || h->nlmsg_seq != seq)
		return HA_ERR_IO;
	if (h->nlmsg_type == NLMSG_ERROR)
		return ha_netlink_err(ha_netlink_errno(h));
	return ha_ct_parse(answer, (size_t)n, true, &in->terms, out);
}

bool
ha_ct_install_results(struct ha_ct_install *in,
    const struct ha_ct_install_calls *calls)
{
	uint64_t woken;

	if (read(in->wake_fd, &woken, sizeof(woken)) < 0)
		HA_CHECK(errno == EAGAIN);
	for (size_t i = 0; i < in->n_ends; i++) {
		struct ha_ct_entry e = in->ends[i]; /* more may come */

		calls->on_entry(calls->ctx, &e);
	}
	in->n_ends = 0;
	for (int i = 0; i < RESULTS_SLICE && in->head < in->n_results; i++) {
		struct result r = in->results[in->head++];

		calls->on_done(calls->ctx, r.ticket, r.result);
	}
	wake(in);
	return in->head < in->n_results;
}
