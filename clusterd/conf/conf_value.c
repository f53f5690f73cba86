/*
 * Every setter takes the same four things: the rule, the node with text and
 * line, the report, and the struct whose field it sets.  A table by kind
 * leads to it, and another one to the printer that undoes it.
 */
#include "conf/conf_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define SHOWN 64 /* bytes of a wrong value that a message repeats */

typedef bool set_fn(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base);
typedef void print_fn(const struct ha_rule *rule, const void *base, FILE *out);

static void *
field(const struct ha_rule *rule, void *base)
{
	return (char *)base + rule->at;
}

static const void *
const_field(const struct ha_rule *rule, const void *base)
{
	return (const char *)base + rule->at;
}

static void
store_number(void *at, size_t size, uint32_t number)
{
	if (size == sizeof(uint8_t))
		*(uint8_t *)at = (uint8_t)number;
	else if (size == sizeof(uint16_t))
		*(uint16_t *)at = (uint16_t)number;
	else
		*(uint32_t *)at = number;
}

static uint32_t
load_number(const void *at, size_t size)
{
	if (size == sizeof(uint8_t))
		return *(const uint8_t *)at;
	if (size == sizeof(uint16_t))
		return *(const uint16_t *)at;
	return *(const uint32_t *)at;
}

static bool
all_digits(const char *text)
{
	return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

bool
ha_conf_number_parse(const char *text, uint32_t min, uint32_t max,
    uint32_t *out)
{
	unsigned long long n;

	if (!all_digits(text) || (text[0] == '0' && text[1] != '\0') ||
	    strlen(text) > 10)
		return false;
	n = strtoull(text, NULL, 10);
	if (n < min || n > max)
		return false;
	*out = (uint32_t)n;
	return true;
}

/* "a number from 1 to 60 (minutes)" */
static void
describe_number(const struct ha_rule *rule, char *out, size_t size)
{
	snprintf(out, size, "%sa number from %u to %u%s%s%s",
	    rule->or_zero ? "0 or " : "", rule->min, rule->max,
	    rule->unit == NULL ? "" : " (",
	    rule->unit == NULL ? "" : rule->unit,
	    rule->unit == NULL ? "" : ")");
}

static bool
set_number(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	char right[96];
	uint32_t n;

	if (ha_conf_number_parse(v->text, rule->min, rule->max, &n) ||
	    (rule->or_zero && ha_conf_number_parse(v->text, 0, 0, &n))) {
		store_number(field(rule, base), rule->size, n);
		return true;
	}
	describe_number(rule, right, sizeof(right));
	if (!all_digits(v->text))
		ha_conf_error(report, v->line, "%s = \"%.*s\" is no number: "
		    "%s", rule->name, SHOWN, v->text, right);
	else if (v->text[0] == '0' && v->text[1] != '\0')
		ha_conf_error(report, v->line, "%s = %.*s has a leading zero: "
		    "%s, written without it", rule->name, SHOWN, v->text,
		    right);
	else
		ha_conf_error(report, v->line, "%s = %.*s is out of range: %s",
		    rule->name, SHOWN, v->text, right);
	return false;
}

static void
print_number(const struct ha_rule *rule, const void *base, FILE *out)
{
	fprintf(out, "%u", load_number(const_field(rule, base), rule->size));
}

static bool
set_boolean(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	static const char *const YES[] = { "true", "yes", "on" };
	static const char *const NO[] = { "false", "no", "off" };

	for (size_t i = 0; i < sizeof(YES) / sizeof(YES[0]); i++) {
		bool yes = strcmp(v->text, YES[i]) == 0;

		if (yes || strcmp(v->text, NO[i]) == 0) {
			*(bool *)field(rule, base) = yes;
			return true;
		}
	}
	ha_conf_error(report, v->line, "%s = \"%.*s\" is neither true nor "
	    "false", rule->name, SHOWN, v->text);
	return false;
}

static void
print_boolean(const struct ha_rule *rule, const void *base, FILE *out)
{
	const bool *b = const_field(rule, base);

	fputs(*b ? "true" : "false", out);
}

/* The bytes after the first of one UTF-8 character; -1: it is none. */
static int
utf8_rest(const unsigned char *p)
{
	if (p[0] < 0x80)
		return p[0] >= ' ' && p[0] != 0x7f ? 0 : -1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return 1;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		if ((p[0] == 0xe0 && p[1] < 0xa0) ||
		    (p[0] == 0xed && p[1] > 0x9f))
			return -1;
		return 2;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if ((p[0] == 0xf0 && p[1] < 0x90) ||
		    (p[0] == 0xf4 && p[1] > 0x8f))
			return -1;
		return 3;
	}
	return -1;
}

bool
ha_conf_text_valid(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p != '\0') {
		int rest = utf8_rest(p++);

		if (rest < 0)
			return false;
		for (; rest > 0; rest--, p++)
			if ((*p & 0xc0) != 0x80)
				return false;
	}
	return true;
}

bool
ha_conf_name_valid(const char *text, size_t size)
{
	if (*text == '\0' || strlen(text) >= size)
		return false;
	for (const char *p = text; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			return false;
	return true;
}

static void
copy_text(const struct ha_rule *rule, const char *text, void *base)
{
	memset(field(rule, base), 0, rule->size);
	memcpy(field(rule, base), text, strlen(text));
}

static bool
set_text(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	if (!ha_conf_text_valid(v->text)) {
		ha_conf_error(report, v->line, "%s is no UTF-8 text",
		    rule->name);
		return false;
	}
	if (strlen(v->text) >= rule->size) {
		ha_conf_error(report, v->line, "%s is too long: %zu bytes, at "
		    "most %zu", rule->name, strlen(v->text), rule->size - 1);
		return false;
	}
	copy_text(rule, v->text, base);
	return true;
}

void
ha_conf_string_print(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void
print_text(const struct ha_rule *rule, const void *base, FILE *out)
{
	ha_conf_string_print(const_field(rule, base), out);
}

static bool
set_choice(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	char right[96] = "";
	size_t at = 0;

	for (uint32_t i = 0; rule->words[i] != NULL; i++) {
		if (strcmp(v->text, rule->words[i]) == 0) {
			store_number(field(rule, base), rule->size, i);
			return true;
		}
		at += (size_t)snprintf(right + at, sizeof(right) - at, "%s%s",
		    i == 0 ? "" : " or ", rule->words[i]);
	}
	ha_conf_error(report, v->line, "%s = \"%.*s\" is not known: %s",
	    rule->name, SHOWN, v->text, right);
	return false;
}

static void
print_choice(const struct ha_rule *rule, const void *base, FILE *out)
{
	uint32_t i = load_number(const_field(rule, base), rule->size);

	fputs(rule->words[i], out);
}

/* "ADDRESS" or "ADDRESS/PREFIX"; false: it is no address at all. */
static bool
parse_address(const char *text, struct ha_conf_address *out)
{
	struct ha_conf_address a = { .prefix = HA_CONF_PREFIX_NONE };
	const char *slash = strchr(text, '/');
	size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
	char host[INET6_ADDRSTRLEN];
	uint32_t prefix;

	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(AF_INET, host, a.bytes) == 1)
		a.family = HA_IPV4;
	else if (inet_pton(AF_INET6, host, a.bytes) == 1)
		a.family = HA_IPV6;
	else
		return false;
	if (slash != NULL) {
		if (!ha_conf_number_parse(slash + 1, 1,
		    a.family == HA_IPV4 ? 32 : 128, &prefix))
			return false;
		a.prefix = (uint8_t)prefix;
	}
	*out = a;
	return true;
}

bool
ha_conf_address_in_subnet(const struct ha_conf_address *a,
    const struct ha_conf_address *b, unsigned int bits)
{
	unsigned int whole = bits / 8;
	unsigned int mask = 0xffu << (8 - bits % 8) & 0xff;

	if (a->family != b->family || memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return bits % 8 == 0 ||
	    ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0;
}

/* All bits after the prefix are equal to bit. */
static bool
host_part_is(const struct ha_conf_address *a, bool bit)
{
	for (unsigned int i = a->prefix; i < 32; i++)
		if (((a->bytes[i / 8] >> (7 - i % 8) & 1) != 0) != bit)
			return false;
	return true;
}

/* Why no member can have this address; NULL: it can. */
static const char *
why_unusable_ipv4(const struct ha_conf_address *a)
{
	if (a->bytes[0] == 0)
		return "in the network 0.0.0.0/8, which nobody has";
	if (a->bytes[0] >= 224)
		return "a multicast or reserved address";
	if (a->prefix > 30) /* or none */
		return NULL;
	if (host_part_is(a, false))
		return "the address of the network itself";
	if (host_part_is(a, true))
		return "the broadcast address of its network";
	return NULL;
}

static const char *
why_unusable_ipv6(const struct ha_conf_address *a)
{
	static const uint8_t NONE[16];
	static const uint8_t MAPPED[12] = { [10] = 0xff, [11] = 0xff };

	if (memcmp(a->bytes, NONE, sizeof(NONE)) == 0)
		return "the unspecified address";
	if (a->bytes[0] == 0xff)
		return "a multicast address";
	if (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80)
		return "a link-local address, which means nothing without an "
		       "interface";
	if (memcmp(a->bytes, MAPPED, sizeof(MAPPED)) == 0)
		return "an IPv4 address in IPv6 form: write it as IPv4";
	return NULL;
}

static bool
check_address(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, struct ha_conf_address *out)
{
	const char *why;

	if (!parse_address(v->text, out)) {
		ha_conf_error(report, v->line, "%s = \"%.*s\" is no address: "
		    "IPv4 or IPv6 in numbers%s", rule->name, SHOWN, v->text,
		    rule->kind == HA_RULE_ADDRESS ?
		    ", like \"10.4.0.1/24\" or \"fd00:4::1/64\"" : "");
		return false;
	}
	why = out->family == HA_IPV4 ? why_unusable_ipv4(out) :
	    why_unusable_ipv6(out);
	if (why != NULL) {
		ha_conf_error(report, v->line, "%s = \"%.*s\" is %s",
		    rule->name, SHOWN, v->text, why);
		return false;
	}
	return true;
}

static bool
set_address(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	struct ha_conf_address a = { 0 };

	if (v->text[0] == '\0' && rule->initial == NULL) {
		ha_conf_error(report, v->line, "%s is empty: every member has "
		    "one, like \"10.4.0.1/24\"", rule->name);
		return false;
	}
	if (v->text[0] != '\0' && !check_address(rule, v, report, &a))
		return false;
	*(struct ha_conf_address *)field(rule, base) = a;
	return true;
}

void
ha_conf_address_text(const struct ha_conf_address *address, bool with_prefix,
    char text[static HA_CONF_ADDRESS_LEN])
{
	size_t len;

	text[0] = '\0';
	if (address->family == 0)
		return;
	inet_ntop(address->family == HA_IPV4 ? AF_INET : AF_INET6,
	    address->bytes, text, HA_CONF_ADDRESS_LEN);
	len = strlen(text);
	if (with_prefix && address->prefix != HA_CONF_PREFIX_NONE)
		snprintf(text + len, HA_CONF_ADDRESS_LEN - len, "/%u",
		    address->prefix);
}

bool
ha_conf_same_host(const struct ha_conf_address *a,
    const struct ha_conf_address *b)
{
	return a->family == b->family &&
	    memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static void
print_address(const struct ha_rule *rule, const void *base, FILE *out)
{
	char text[HA_CONF_ADDRESS_LEN];

	ha_conf_address_text(const_field(rule, base), true, text);
	ha_conf_string_print(text, out);
}

static bool
set_public_key(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	uint8_t key[HA_KEY_LEN] = { 0 };

	if (v->text[0] == '\0' && rule->initial != NULL) {
		memset(field(rule, base), 0, HA_KEY_LEN);
		return true;
	}
	if (ha_key_from_text(key, v->text) != HA_OK) {
		ha_conf_error(report, v->line, "%s is no key: 32 bytes in "
		    "base64, the line that clusterctl identity init prints",
		    rule->name);
		return false;
	}
	if (!ha_public_key_valid(key)) {
		ha_conf_error(report, v->line, "%s is a key that protects "
		    "nothing: take the line that clusterctl identity init "
		    "prints", rule->name);
		return false;
	}
	memcpy(field(rule, base), key, HA_KEY_LEN);
	return true;
}

static void
print_public_key(const struct ha_rule *rule, const void *base, FILE *out)
{
	static const uint8_t NONE[HA_KEY_LEN];
	const uint8_t *key = const_field(rule, base);
	char text[HA_KEY_TEXT_LEN] = "";

	if (memcmp(key, NONE, HA_KEY_LEN) != 0)
		ha_key_to_text(text, key);
	ha_conf_string_print(text, out);
}

/* "ADDRESS:PORT", an IPv6 address in brackets. */
static bool
listen_valid(const char *text)
{
	const char *colon = strrchr(text, ':');
	struct ha_conf_address a;
	char host[HA_CONF_LISTEN_LEN];
	uint32_t port;
	size_t len;

	if (colon == NULL || !ha_conf_number_parse(colon + 1, 1, 65535, &port))
		return false;
	len = (size_t)(colon - text);
	if (len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] != '[')
		return parse_address(host, &a) && a.family == HA_IPV4 &&
		    a.prefix == HA_CONF_PREFIX_NONE;
	if (host[len - 1] != ']')
		return false;
	host[len - 1] = '\0';
	return parse_address(host + 1, &a) && a.family == HA_IPV6 &&
	    a.prefix == HA_CONF_PREFIX_NONE;
}

static bool
set_listen(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	if (strlen(v->text) >= rule->size ||
	    (v->text[0] != '\0' && !listen_valid(v->text))) {
		ha_conf_error(report, v->line, "%s = \"%.*s\" is no address "
		    "and port: like \"127.0.0.1:7480\" or \"[::1]:7480\", or "
		    "\"\" for none", rule->name, SHOWN, v->text);
		return false;
	}
	copy_text(rule, v->text, base);
	return true;
}

static bool
set_path(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	if (v->text[0] != '\0' && v->text[0] != '/') {
		ha_conf_error(report, v->line, "%s = \"%.*s\" is no whole "
		    "path: it begins with /, or is \"\" for none", rule->name,
		    SHOWN, v->text);
		return false;
	}
	return set_text(rule, v, report, base);
}

static bool
refuse_long_list(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report)
{
	ha_conf_error(report, v->line, "%s has too many entries: at most %d",
	    rule->name, HA_CONF_GROUP_ITEMS_MAX);
	return false;
}

static bool
refuse_twice(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report)
{
	ha_conf_error(report, v->line, "%s names \"%.*s\" twice", rule->name,
	    SHOWN, v->text);
	return false;
}

static bool
append_interface(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	struct ha_conf_link_group *g = base;

	if (!ha_conf_name_valid(v->text, HA_CONF_INTERFACE_LEN) ||
	    strchr(v->text, '/') != NULL) {
		ha_conf_error(report, v->line, "%s: \"%.*s\" is no name of an "
		    "interface: 1 to %d characters without blank and /",
		    rule->name, SHOWN, v->text, HA_CONF_INTERFACE_LEN - 1);
		return false;
	}
	for (unsigned int i = 0; i < g->n_interfaces; i++)
		if (strcmp(g->interfaces[i], v->text) == 0)
			return refuse_twice(rule, v, report);
	if (g->n_interfaces == HA_CONF_GROUP_ITEMS_MAX)
		return refuse_long_list(rule, v, report);
	memcpy(g->interfaces[g->n_interfaces++], v->text,
	    strlen(v->text) + 1);
	return true;
}

static void
print_interfaces(const struct ha_rule *rule, const void *base, FILE *out)
{
	const struct ha_conf_link_group *g = base;

	(void)rule;
	fputc('{', out);
	for (unsigned int i = 0; i < g->n_interfaces; i++) {
		fputs(i == 0 ? "" : ", ", out);
		ha_conf_string_print(g->interfaces[i], out);
	}
	fputc('}', out);
}

static bool
append_destination(const struct ha_rule *rule, const struct ha_tree_node *v,
    struct ha_conf_report *report, void *base)
{
	struct ha_conf_path_group *g = base;
	struct ha_conf_address a;

	if (!check_address(rule, v, report, &a))
		return false;
	if (a.prefix != HA_CONF_PREFIX_NONE) {
		ha_conf_error(report, v->line, "%s: \"%.*s\" is one address, "
		    "so it has no prefix", rule->name, SHOWN, v->text);
		return false;
	}
	for (unsigned int i = 0; i < g->n_destinations; i++)
		if (memcmp(&g->destinations[i], &a, sizeof(a)) == 0)
			return refuse_twice(rule, v, report);
	if (g->n_destinations == HA_CONF_GROUP_ITEMS_MAX)
		return refuse_long_list(rule, v, report);
	g->destinations[g->n_destinations++] = a;
	return true;
}

static void
print_destinations(const struct ha_rule *rule, const void *base, FILE *out)
{
	const struct ha_conf_path_group *g = base;
	char text[HA_CONF_ADDRESS_LEN];

	(void)rule;
	fputc('{', out);
	for (unsigned int i = 0; i < g->n_destinations; i++) {
		ha_conf_address_text(&g->destinations[i], false, text);
		fputs(i == 0 ? "" : ", ", out);
		ha_conf_string_print(text, out);
	}
	fputc('}', out);
}

static const struct {
	set_fn *set;
	print_fn *print;
} KINDS[] = {
	[HA_RULE_NUMBER] = { set_number, print_number },
	[HA_RULE_BOOLEAN] = { set_boolean, print_boolean },
	[HA_RULE_TEXT] = { set_text, print_text },
	[HA_RULE_CHOICE] = { set_choice, print_choice },
	[HA_RULE_ADDRESS] = { set_address, print_address },
	[HA_RULE_PUBLIC_KEY] = { set_public_key, print_public_key },
	[HA_RULE_LISTEN] = { set_listen, print_text },
	[HA_RULE_PATH] = { set_path, print_text },
	[HA_RULE_INTERFACES] = { append_interface, print_interfaces },
	[HA_RULE_DESTINATIONS] = { append_destination, print_destinations },
};

bool
ha_conf_value_set(const struct ha_rule *rule,
    const struct ha_tree_node *value, struct ha_conf_report *report,
    void *base)
{
	return KINDS[rule->kind].set(rule, value, report, base);
}

void
ha_conf_value_print(const struct ha_rule *rule, const void *base, FILE *out)
{
	KINDS[rule->kind].print(rule, base, out);
}
