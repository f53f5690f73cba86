/*
 * The file is read without libConfuse: the library copies what it reads into
 * memory that nobody wipes.
 */
#include "conf/identity.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "conf/conf_value.h"
#include "conf/secret_file.h"
#include "proto/keys.h"

enum { SERIAL, PRIVATE_KEY, NEXT_PRIVATE_KEY, N_KEYS };

static const char *const KEYS[N_KEYS] = {
	[SERIAL] = "serial",
	[PRIVATE_KEY] = "private-key",
	[NEXT_PRIVATE_KEY] = "next-private-key",
};

struct reader {
	struct ha_conf_report *report;
	struct ha_identity *identity;
	unsigned int line[N_KEYS]; /* where each was given; 0: not yet */
	unsigned int number;       /* of the line that is read */
};

/* "name = value" or name = "value"; both are cut out of the line. */
static bool
split(char *line, char **name, char **value)
{
	char *equal = strchr(line, '=');
	size_t len;

	if (equal == NULL)
		return false;
	len = (size_t)(equal - line);
	while (len > 0 && strchr(" \t", line[len - 1]) != NULL)
		len--;
	*value = equal + 1 + strspn(equal + 1, " \t");
	line[len] = '\0';
	*name = line;

	len = strlen(*value);
	if ((*value)[0] == '"') {
		if (len < 2 || (*value)[len - 1] != '"')
			return false;
		(*value)[len - 1] = '\0';
		(*value)++;
	}
	return true;
}

static void
read_serial(struct reader *r, const char *value)
{
	struct ha_identity *id = r->identity;

	if (ha_conf_name_valid(value, sizeof(id->serial)))
		memcpy(id->serial, value, strlen(value) + 1);
	else
		ha_conf_error(r->report, r->number, "serial is 1 to %zu "
		    "printable ASCII characters without blanks",
		    sizeof(id->serial) - 1);
}

static void
read_key(struct reader *r, const char *name, const char *value,
    uint8_t private_key[static HA_KEY_LEN],
    uint8_t public_key[static HA_KEY_LEN])
{
	struct ha_keypair pair;
	int rc;

	rc = ha_key_from_text(private_key, value);
	if (rc == HA_OK)
		rc = ha_keypair_from_private(&pair, private_key);
	if (rc == HA_OK)
		memcpy(public_key, pair.public_key, HA_KEY_LEN);
	else
		ha_conf_error(r->report, r->number, "%s is no key: 32 bytes "
		    "in base64, as clusterctl identity init writes them",
		    name);
	sodium_memzero(&pair, sizeof(pair));
}

static void
read_value(struct reader *r, int key, const char *value)
{
	struct ha_identity *id = r->identity;

	if (r->line[key] != 0) {
		ha_conf_error(r->report, r->number, "%s is given twice, first "
		    "on line %u: keep one", KEYS[key], r->line[key]);
		return;
	}
	r->line[key] = r->number;
	if (key == SERIAL) {
		read_serial(r, value);
	} else if (key == PRIVATE_KEY) {
		read_key(r, KEYS[key], value, id->private_key,
		    id->public_key);
	} else if (*value != '\0') {
		read_key(r, KEYS[key], value, id->next_private_key,
		    id->next_public_key);
		id->has_next = true;
	}
}

/* The words of the line may be a key: no message repeats them. */
static void
read_line(struct reader *r, char *line)
{
	char *name;
	char *value;

	if (!split(line, &name, &value)) {
		ha_conf_error(r->report, r->number,
		    "is no line of the form: key = value");
		return;
	}
	for (int i = 0; i < N_KEYS; i++) {
		if (strcmp(name, KEYS[i]) == 0) {
			read_value(r, i, value);
			return;
		}
	}
	ha_conf_error(r->report, r->number, "unknown key: one of %s, %s, %s",
	    KEYS[SERIAL], KEYS[PRIVATE_KEY], KEYS[NEXT_PRIVATE_KEY]);
}

static void
check_complete(struct reader *r)
{
	for (int i = SERIAL; i <= PRIVATE_KEY; i++)
		if (r->line[i] == 0)
			ha_conf_error(r->report, 0, "has no %s: clusterctl "
			    "identity init writes it", KEYS[i]);
	if (r->identity->has_next && memcmp(r->identity->public_key,
	    r->identity->next_public_key, HA_KEY_LEN) == 0)
		ha_conf_error(r->report, r->line[NEXT_PRIVATE_KEY],
		    "next-private-key is the same as private-key");
}

int
ha_identity_load(const char *path, struct ha_conf_report *report,
    struct ha_identity **out)
{
	struct reader r = { .report = report };
	size_t errors = report->n_errors;
	char *text = NULL;
	char *rest;
	char *line;
	int rc;

	rc = ha_secret_file_read(path, report, &text);
	if (rc != HA_OK)
		return rc;
	r.identity = sodium_malloc(sizeof(*r.identity));
	if (r.identity == NULL) {
		rc = HA_ERR_NOMEM;
		goto fail;
	}
	memset(r.identity, 0, sizeof(*r.identity));
	rest = text;
	while ((line = ha_secret_file_line(&rest)) != NULL) {
		r.number++;
		if (*line != '\0')
			read_line(&r, line);
	}
	check_complete(&r);
	if (report->n_errors != errors) {
		rc = HA_ERR_CONFIG;
		goto fail;
	}
	ha_secret_file_free(text);
	*out = r.identity;
	return HA_OK;

fail:
	ha_secret_file_free(text);
	ha_identity_free(r.identity);
	return rc;
}

void
ha_identity_free(struct ha_identity *identity)
{
	sodium_free(identity);
}

int
ha_identity_create(const char *path, const char *serial,
    uint8_t public_key[static HA_KEY_LEN])
{
	struct ha_keypair pair;
	char key[HA_KEY_TEXT_LEN];
	char text[256];
	int len;
	int rc;

	if (!ha_conf_name_valid(serial, HA_CONF_SERIAL_LEN) ||
	    strchr(serial, '"') != NULL)
		return HA_ERR_INVAL;
	rc = ha_keys_init();
	if (rc != HA_OK)
		return rc;
	ha_keypair_generate(&pair);
	ha_key_to_text(key, pair.private_key);
	len = snprintf(text, sizeof(text),
	    "serial = \"%s\"\nprivate-key = \"%s\"\n", serial, key);
	rc = ha_secret_file_create(path, text, (size_t)len);
	if (rc == HA_OK)
		memcpy(public_key, pair.public_key, HA_KEY_LEN);
	sodium_memzero(&pair, sizeof(pair));
	sodium_memzero(key, sizeof(key));
	sodium_memzero(text, sizeof(text));
	return rc;
}

/* --- rotation --- */

#define LINE_LEN 128

/* What becomes of the lines with keys. */
struct rotation {
	char private_key[LINE_LEN]; /* "": stays */
	char next[LINE_LEN];        /* the line to add; "": none */
};

static void
write_line(char line[static LINE_LEN], int key,
    const uint8_t private_key[static HA_KEY_LEN])
{
	char text[HA_KEY_TEXT_LEN];

	ha_key_to_text(text, private_key);
	snprintf(line, LINE_LEN, "%s = \"%s\"", KEYS[key], text);
	sodium_memzero(text, sizeof(text));
}

static const char *
edit_line(void *arg, char *line)
{
	const struct rotation *r = arg;
	char *name;
	char *value;

	if (!split(line, &name, &value))
		return line;
	if (strcmp(name, KEYS[NEXT_PRIVATE_KEY]) == 0)
		return NULL;
	if (strcmp(name, KEYS[PRIVATE_KEY]) == 0 && r->private_key[0] != '\0')
		return r->private_key;
	return line;
}

/* Write it, and read what is there then. */
static int
rewrite(const char *path, struct ha_conf_report *report, struct rotation *r,
    struct ha_identity **out)
{
	int rc = ha_secret_file_edit(path, report, edit_line, r,
	    r->next[0] != '\0' ? r->next : NULL);

	sodium_memzero(r, sizeof(*r));
	return rc == HA_OK ? ha_identity_load(path, report, out) : rc;
}

int
ha_identity_rotate(const char *path, struct ha_conf_report *report,
    struct ha_identity **out)
{
	struct rotation r = { .next = "" };
	struct ha_identity *id = NULL;
	struct ha_keypair pair;
	bool has_next;
	int rc = ha_identity_load(path, report, &id);

	if (rc != HA_OK)
		return rc;
	has_next = id->has_next;
	ha_identity_free(id);
	if (has_next) {
		ha_conf_error(report, 0, "has a next key already: go on with "
		    "that, or take the line out");
		return HA_ERR_EXISTS;
	}
	ha_keypair_generate(&pair);
	write_line(r.next, NEXT_PRIVATE_KEY, pair.private_key);
	sodium_memzero(&pair, sizeof(pair));
	return rewrite(path, report, &r, out);
}

int
ha_identity_commit(const char *path, struct ha_conf_report *report,
    struct ha_identity **out)
{
	struct rotation r = { .next = "" };
	struct ha_identity *id = NULL;
	bool has_next;
	int rc = ha_identity_load(path, report, &id);

	if (rc != HA_OK)
		return rc;
	has_next = id->has_next;
	if (has_next)
		write_line(r.private_key, PRIVATE_KEY, id->next_private_key);
	ha_identity_free(id);
	if (!has_next) {
		ha_conf_error(report, 0, "has no next key: clusterctl "
		    "identity rotate makes one");
		return HA_ERR_ABSENT;
	}
	return rewrite(path, report, &r, out);
}

/* --- in the cluster --- */

static bool
is_key_of(const uint8_t key[static HA_KEY_LEN],
    const struct ha_conf_member *m)
{
	return memcmp(key, m->public_key, HA_KEY_LEN) == 0 ||
	    (m->has_next_public_key &&
	    memcmp(key, m->next_public_key, HA_KEY_LEN) == 0);
}

static void
refuse_stranger(const struct ha_identity *identity,
    const struct ha_cluster_conf *conf, struct ha_conf_report *report)
{
	char known[200] = "";
	size_t at = 0;

	for (size_t i = 0; i < conf->n_members; i++) {
		int n = snprintf(known + at, sizeof(known) - at, "%s%s",
		    i == 0 ? "" : ", ", conf->members[i].serial);

		if (n < 0 || (size_t)n >= sizeof(known) - at)
			break;
		at += (size_t)n;
	}
	ha_conf_error(report, 0, "this firewall, serial \"%s\", is no member: "
	    "add its block, or use the identity of one of %s",
	    identity->serial, known);
}

int
ha_identity_find(const struct ha_identity *identity,
    const struct ha_cluster_conf *conf, struct ha_conf_report *report,
    const struct ha_conf_member **out)
{
	const struct ha_conf_member *m =
	    ha_cluster_conf_find_serial(conf, identity->serial);
	char key[HA_KEY_TEXT_LEN];

	if (m == NULL) {
		refuse_stranger(identity, conf, report);
		return HA_ERR_CONFIG;
	}
	if (!m->enabled) {
		ha_conf_error(report, m->line, "this firewall, member \"%s\", "
		    "is disabled: enabled = true lets it take part",
		    m->serial);
		return HA_ERR_CONFIG;
	}
	if (!is_key_of(identity->public_key, m) && !(identity->has_next &&
	    is_key_of(identity->next_public_key, m))) {
		ha_key_to_text(key, identity->public_key);
		ha_conf_error(report, m->line, "member \"%s\" has another key "
		    "than the identity of this firewall, whose line is "
		    "public-key = \"%s\"", m->serial, key);
		return HA_ERR_CONFIG;
	}
	*out = m;
	return HA_OK;
}
