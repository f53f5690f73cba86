/*
 * A cluster file.  What is refused has a reason; what is accepted is printed,
 * and the print is accepted and prints the same.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf/cluster_conf.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/random_conf.h"

static void
must(bool what)
{
	if (!what)
		abort();
}

static struct ha_cluster_conf *
parse(const char *text, size_t len)
{
	struct ha_conf_report report = { 0 };
	struct ha_cluster_conf *conf = NULL;
	int rc = ha_cluster_conf_parse(text, len, &report, &conf);

	must(rc == HA_OK || rc == HA_ERR_CONFIG);
	must((rc == HA_OK) == (report.n_errors == 0));
	must((rc == HA_OK) == (conf != NULL));
	ha_conf_report_free(&report);
	return conf;
}

void
ha_fuzz_one(const uint8_t *data, size_t len)
{
	struct ha_cluster_conf *conf = parse((const char *)data, len);
	struct ha_cluster_conf *again;
	char *text;
	char *same;

	if (conf == NULL)
		return;
	text = print_conf(conf);
	again = parse(text, strlen(text));
	must(again != NULL);
	same = print_conf(again);
	must(strcmp(text, same) == 0);
	free(same);
	free(text);
	ha_cluster_conf_free(again);
	ha_cluster_conf_free(conf);
}

/* --- good input --- */

#define KEY "CKkoXBLAw2GDz405mYJOz6iF/fslsfG/f1xCv2vdaBs="

/* What a print never has. */
static const char *const BY_HAND[] = {
	"cluster { id = 7 }\n"
	"member \"A\" { index = 1 ha4-address = 10.4.0.1 public-key = \"" KEY
	"\" }\n",

	"# a\n// b\n/* c\n { */ cluster\r\n{ id = \"7\" description = 'it\\'s "
	"\"\\\\\"' }\nsessions { rule = yes gate = off }\n"
	"member A { index = 16 ha4-address = \"FD00::1/64\" "
	"ha4-backup-address = \"fd01:0::1\" public-key = '" KEY "'\n"
	"link-group 'u' { interfaces = {\"eth0\", eth1} }\n"
	"path-group \"p\" { destinations = 192.0.2.1 } enabled = no }",
};

#define BY_HAND_N (sizeof(BY_HAND) / sizeof(BY_HAND[0]))
#define RANDOM_N  16
#define SEED_MAX  8192 /* bytes of one: shorter ones are tried more often */

static size_t
put(const char *text, uint8_t *out, size_t cap)
{
	size_t len = strlen(text);

	if (len > cap)
		return 0;
	memcpy(out, text, len);
	return len;
}

size_t
ha_fuzz_seed(unsigned int i, uint8_t *out, size_t cap)
{
	struct ha_rng rng = { i };
	struct ha_cluster_conf *conf;
	size_t len = 0;

	if (i < BY_HAND_N)
		return put(BY_HAND[i], out, cap);
	if (i >= BY_HAND_N + RANDOM_N)
		return 0;
	conf = calloc(1, sizeof(*conf));
	must(conf != NULL);
	while (len == 0 || len > SEED_MAX) {
		char *text;

		random_conf(&rng, conf);
		text = print_conf(conf);
		len = put(text, out, cap);
		free(text);
	}
	free(conf);
	return len;
}
