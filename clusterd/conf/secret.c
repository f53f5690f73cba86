#include "conf/secret.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "conf/secret_file.h"
#include "proto/keys.h"

_Static_assert(HA_SECRET_LEN == HA_KEY_LEN, "a secret is written like a key");

static bool
add_secret(struct ha_secret *secret, unsigned int n, const char *line,
    unsigned int number, struct ha_conf_report *report)
{
	uint8_t *to = n == 0 ? secret->current : secret->next;

	if (n == 2) {
		ha_conf_error(report, number, "a third secret: a file has one "
		    "line, during a rotation two");
		return false;
	}
	if (ha_key_from_text(to, line) != HA_OK) {
		ha_conf_error(report, number, "is no secret: 32 bytes in "
		    "base64, as clusterctl secret init writes them");
		return false;
	}
	if (sodium_is_zero(to, HA_SECRET_LEN)) {
		ha_conf_error(report, number, "is all zeros, which everybody "
		    "can guess: clusterctl secret init makes a good one");
		return false;
	}
	return true;
}

/* The number of secrets in the text. */
static unsigned int
read_secrets(char *text, struct ha_conf_report *report,
    struct ha_secret *secret)
{
	unsigned int number = 0;
	unsigned int n = 0;
	char *line;

	while ((line = ha_secret_file_line(&text)) != NULL) {
		number++;
		if (*line == '\0')
			continue;
		if (!add_secret(secret, n, line, number, report))
			break;
		n++;
	}
	return n;
}

static void
check_secrets(struct ha_secret *secret, unsigned int n,
    struct ha_conf_report *report)
{
	if (n == 0 && report->n_errors == 0)
		ha_conf_error(report, 0, "has no secret: clusterctl secret "
		    "init makes one");
	secret->has_next = n == 2;
	if (n == 2 && sodium_memcmp(secret->current, secret->next,
	    HA_SECRET_LEN) == 0)
		ha_conf_error(report, 0, "has the same secret twice: the "
		    "second line is the next one, or not there");
}

int
ha_secret_load(const char *path, struct ha_conf_report *report,
    struct ha_secret **out)
{
	struct ha_secret *secret = NULL;
	size_t errors = report->n_errors;
	char *text = NULL;
	int rc;

	rc = ha_secret_file_read(path, report, &text);
	if (rc != HA_OK)
		return rc;
	secret = sodium_malloc(sizeof(*secret));
	if (secret == NULL) {
		rc = HA_ERR_NOMEM;
		goto fail;
	}
	memset(secret, 0, sizeof(*secret));
	check_secrets(secret, read_secrets(text, report, secret), report);
	if (report->n_errors != errors) {
		rc = HA_ERR_CONFIG;
		goto fail;
	}
	ha_secret_file_free(text);
	*out = secret;
	return HA_OK;

fail:
	ha_secret_file_free(text);
	ha_secret_free(secret);
	return rc;
}

void
ha_secret_free(struct ha_secret *secret)
{
	sodium_free(secret);
}

int
ha_secret_create(const char *path)
{
	uint8_t secret[HA_KEY_LEN];
	char text[HA_KEY_TEXT_LEN + 1];
	int rc;

	rc = ha_keys_init();
	if (rc != HA_OK)
		return rc;
	ha_secret_generate(secret);
	ha_key_to_text(text, secret);
	memcpy(text + HA_KEY_TEXT_LEN - 1, "\n", 2);
	rc = ha_secret_file_create(path, text, HA_KEY_TEXT_LEN);
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(text, sizeof(text));
	return rc;
}

/* --- rotation --- */

/* How many secrets the file has: 1 or 2. */
static int
count_secrets(const char *path, struct ha_conf_report *report,
    unsigned int *n)
{
	struct ha_secret *secret = NULL;
	int rc = ha_secret_load(path, report, &secret);

	if (rc != HA_OK)
		return rc;
	*n = secret->has_next ? 2 : 1;
	ha_secret_free(secret);
	return HA_OK;
}

static const char *
keep_line(void *arg, char *line)
{
	(void)arg;
	return line;
}

/* Takes the first secret out. */
static const char *
drop_first(void *arg, char *line)
{
	unsigned int *n = arg;

	return *line != '\0' && (*n)++ == 0 ? NULL : line;
}

int
ha_secret_rotate(const char *path, struct ha_conf_report *report)
{
	uint8_t next[HA_KEY_LEN];
	char text[HA_KEY_TEXT_LEN];
	unsigned int n;
	int rc = count_secrets(path, report, &n);

	if (rc != HA_OK)
		return rc;
	if (n == 2) {
		ha_conf_error(report, 0, "has a next secret already: go on "
		    "with that, or take the second line out");
		return HA_ERR_EXISTS;
	}
	ha_secret_generate(next);
	ha_key_to_text(text, next);
	rc = ha_secret_file_edit(path, report, keep_line, NULL, text);
	sodium_memzero(next, sizeof(next));
	sodium_memzero(text, sizeof(text));
	return rc;
}

int
ha_secret_commit(const char *path, struct ha_conf_report *report)
{
	unsigned int seen = 0;
	unsigned int n;
	int rc = count_secrets(path, report, &n);

	if (rc != HA_OK)
		return rc;
	if (n == 1) {
		ha_conf_error(report, 0, "has no next secret: clusterctl "
		    "secret rotate makes one");
		return HA_ERR_ABSENT;
	}
	return ha_secret_file_edit(path, report, drop_first, &seen, NULL);
}
