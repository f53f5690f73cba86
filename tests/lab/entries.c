/*
 * entries: what this kernel tracks for the cluster, a line each, in a form
 * that can be compared between members.
 *
 *     entries [--untouched] [--bits FIRST SECOND]
 *
 * It reads the kernel's own messages with nothing of clusterd's in between,
 * and prints every attribute that there is, known here or not, in the order
 * of their numbers, values in hexadecimal.  Left out is what differs between
 * two kernels by nature: id, use, timeout, counters, times, our two bits of
 * the label, what is nothing but zeros; with --untouched also the state and
 * flags of TCP, which only packets keep up.  Entries without one of our bits are not the cluster's.
 * Behind the entries come the expectations.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPES 64
#define LABEL 16

enum { EVENT_TIME = 27 }; /* newer than some systems' headers */

static bool untouched;
static unsigned int first_bit = 126, second_bit = 127;

/* Attributes of one level by their type. */
struct level {
	const struct nlattr *at[TYPES];
};

static int
keep(const struct nlattr *a, void *data)
{
	struct level *l = data;

	if (mnl_attr_get_type(a) < TYPES)
		l->at[mnl_attr_get_type(a)] = a;
	return MNL_CB_OK;
}

static void
print_bytes(const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		printf("%02x", p[i]);
}

static void
print_attr(const struct nlattr *a)
{
	struct level l = { { NULL } };

	if ((a->nla_type & NLA_F_NESTED) == 0) {
		print_bytes(mnl_attr_get_payload(a),
		    mnl_attr_get_payload_len(a));
		return;
	}
	(void)mnl_attr_parse_nested(a, keep, &l);
	putchar('{');
	for (int type = 0; type < TYPES; type++) {
		if (l.at[type] == NULL)
			continue;
		printf(" %d=", type);
		print_attr(l.at[type]);
	}
	printf(" }");
}

/* The bit of a label, which the kernel keeps as an array of long. */
static uint8_t *
label_byte(uint8_t *label, unsigned int bit)
{
	const size_t word = 8 * sizeof(long);
	const uint16_t probe = 1;
	size_t byte = bit % word / 8;

	if (*(const uint8_t *)&probe == 0)
		byte = sizeof(long) - 1 - byte;
	return &label[bit / word * sizeof(long) + byte];
}

/* Take a bit out; was it there? */
static bool
strip(uint8_t *label, unsigned int bit)
{
	uint8_t *byte = label_byte(label, bit), mask = (uint8_t)(1 << bit % 8);
	bool set = (*byte & mask) != 0;

	*byte &= (uint8_t)~mask;
	return set;
}

/* The label without our bits; false: it had none. */
static bool
read_label(const struct nlattr *a, uint8_t out[LABEL])
{
	bool first, second;

	memset(out, 0, LABEL);
	if (a == NULL || mnl_attr_get_payload_len(a) != LABEL)
		return false;
	memcpy(out, mnl_attr_get_payload(a), LABEL);
	first = strip(out, first_bit);
	second = strip(out, second_bit);
	return first || second;
}

static void
print_protoinfo(const struct nlattr *a)
{
	struct level outer = { { NULL } }, tcp = { { NULL } };

	(void)mnl_attr_parse_nested(a, keep, &outer);
	if (!untouched || outer.at[CTA_PROTOINFO_TCP] == NULL) {
		print_attr(a);
		return;
	}
	(void)mnl_attr_parse_nested(outer.at[CTA_PROTOINFO_TCP], keep, &tcp);
	for (int type = CTA_PROTOINFO_TCP_WSCALE_ORIGINAL;
	    type <= CTA_PROTOINFO_TCP_WSCALE_REPLY; type++)
		if (tcp.at[type] != NULL)
			print_attr(tcp.at[type]);
}

/* Where nothing was translated it does not matter whether the rules were asked
 * already. */
static void
print_status(const struct nlattr *a)
{
	uint32_t status = ntohl(mnl_attr_get_u32(a));

	if ((status & IPS_NAT_MASK) == 0)
		status &= ~(uint32_t)IPS_NAT_DONE_MASK;
	printf("%08x", status);
}

static bool
is_zero(const struct nlattr *a)
{
	const uint32_t *p = mnl_attr_get_payload(a);

	for (size_t i = 1; i < mnl_attr_get_payload_len(a) / 4; i += 2)
		if (p[i] != 0)
			return false;
	return true;
}

static void
print_value(int type, const struct nlattr *a, const uint8_t *label)
{
	switch (type) {
	case CTA_ID:
	case CTA_USE:
	case CTA_TIMEOUT:
	case CTA_COUNTERS_ORIG:
	case CTA_COUNTERS_REPLY:
	case CTA_TIMESTAMP:
	case EVENT_TIME:
		return;
	}
	if (type == CTA_SYNPROXY && is_zero(a))
		return; /* as if it had none */
	printf(" %d=", type);
	if (type == CTA_LABELS)
		print_bytes(label, LABEL);
	else if (type == CTA_STATUS)
		print_status(a);
	else if (type == CTA_PROTOINFO)
		print_protoinfo(a);
	else
		print_attr(a);
}

static int
print_entry(const struct nlmsghdr *h, void *data)
{
	struct level l = { { NULL } };
	uint8_t label[LABEL];

	(void)data;
	(void)mnl_attr_parse(h, sizeof(struct nfgenmsg), keep, &l);
	if (!read_label(l.at[CTA_LABELS], label))
		return MNL_CB_OK;
	printf("entry");
	for (int type = 0; type < TYPES; type++)
		if (l.at[type] != NULL)
			print_value(type, l.at[type], label);
	putchar('\n');
	return MNL_CB_OK;
}

static int
print_expect(const struct nlmsghdr *h, void *data)
{
	struct level l = { { NULL } };

	(void)data;
	(void)mnl_attr_parse(h, sizeof(struct nfgenmsg), keep, &l);
	printf("expect");
	for (int type = 0; type < TYPES; type++) {
		if (l.at[type] == NULL || type == CTA_EXPECT_ID ||
		    type == CTA_EXPECT_TIMEOUT)
			continue;
		printf(" %d=", type);
		print_attr(l.at[type]);
	}
	putchar('\n');
	return MNL_CB_OK;
}

static bool
dump(struct mnl_socket *nl, uint16_t type, mnl_cb_t print)
{
	static uint8_t buf[65536];
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;
	ssize_t n;
	int rc = MNL_CB_OK;

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	g = mnl_nlmsg_put_extra_header(h, sizeof(*g));
	g->nfgen_family = AF_UNSPEC;
	if (mnl_socket_sendto(nl, h, h->nlmsg_len) < 0)
		return false;
	while (rc == MNL_CB_OK) {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		rc = n < 0 ? MNL_CB_ERROR :
		    mnl_cb_run(buf, (size_t)n, 0, 0, print, NULL);
	}
	return rc == MNL_CB_STOP;
}

int
main(int argc, char **argv)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	bool good;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--untouched") == 0) {
			untouched = true;
		} else if (strcmp(argv[i], "--bits") == 0 && i + 2 < argc) {
			first_bit = (unsigned int)atoi(argv[++i]) % 128;
			second_bit = (unsigned int)atoi(argv[++i]) % 128;
		} else {
			fprintf(stderr, "usage: entries [--untouched] "
			    "[--bits FIRST SECOND]\n");
			return EXIT_FAILURE;
		}
	}
	if (nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		return EXIT_FAILURE;
	good = dump(nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET,
	    print_entry);
	good = good && dump(nl,
	    NFNL_SUBSYS_CTNETLINK_EXP << 8 | IPCTNL_MSG_EXP_GET, print_expect);
	mnl_socket_close(nl);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
