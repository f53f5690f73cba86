#include "shell/likeness.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"

static const struct {
	const char *alarm;
	const char *sentence;
} WORDS[HA_UNLIKE_MAX] = {
	[HA_UNLIKE_FILE] = { "cluster-file-differs",
		"the two members have different cluster files" },
	[HA_UNLIKE_VERSION] = { "version-differs",
		"the two members run different versions of clusterd" },
	[HA_UNLIKE_ZONES] = { "zones-differ",
		"the two members have different zones" },
};

static bool
has_zone(const struct ha_greeting *g, const char *name)
{
	for (int i = 0; i < g->n_zones; i++) {
		if (strcmp(g->zones[i], name) == 0)
			return true;
	}
	return false;
}

/* Names are unique in a file, so equal numbers make this a comparison. */
static bool
same_zones(const struct ha_greeting *a, const struct ha_greeting *b)
{
	if (a->n_zones != b->n_zones)
		return false;
	for (int i = 0; i < a->n_zones; i++) {
		if (!has_zone(b, a->zones[i]))
			return false;
	}
	return true;
}

bool
ha_unlike(const struct ha_greeting *a, const struct ha_greeting *b,
    enum ha_unlike what)
{
	switch (what) {
	case HA_UNLIKE_FILE:
		return memcmp(a->cluster_digest, b->cluster_digest,
		    sizeof(a->cluster_digest)) != 0;
	case HA_UNLIKE_VERSION:
		return strcmp(a->version, b->version) != 0;
	case HA_UNLIKE_ZONES:
		return !same_zones(a, b);
	case HA_UNLIKE_MAX:
		break;
	}
	return false;
}

/* As many as there is room for; whole names only. */
static void
list_zones(const struct ha_greeting *g, char out[static HA_UNLIKE_DETAIL_LEN])
{
	size_t at = 0;

	snprintf(out, HA_UNLIKE_DETAIL_LEN, "none");
	for (int i = 0; i < g->n_zones; i++) {
		int n = snprintf(out + at, HA_UNLIKE_DETAIL_LEN - at, "%s%s",
		    i == 0 ? "" : ",", g->zones[i]);

		if (n < 0 || (size_t)n >= HA_UNLIKE_DETAIL_LEN - at) {
			out[at] = '\0';
			return;
		}
		at += (size_t)n;
	}
}

const char *
ha_unlike_detail(const struct ha_greeting *g, enum ha_unlike what,
    char out[static HA_UNLIKE_DETAIL_LEN])
{
	out[0] = '\0';
	switch (what) {
	case HA_UNLIKE_FILE:
		snprintf(out, HA_UNLIKE_DETAIL_LEN, "%016" PRIx64,
		    ha_get_u64(g->cluster_digest));
		break;
	case HA_UNLIKE_VERSION:
		snprintf(out, HA_UNLIKE_DETAIL_LEN, "%s", g->version);
		break;
	case HA_UNLIKE_ZONES:
		list_zones(g, out);
		break;
	case HA_UNLIKE_MAX:
		break;
	}
	return out;
}

const char *
ha_unlike_alarm(enum ha_unlike what)
{
	HA_CHECK(what < HA_UNLIKE_MAX);
	return WORDS[what].alarm;
}

const char *
ha_unlike_sentence(enum ha_unlike what)
{
	HA_CHECK(what < HA_UNLIKE_MAX);
	return WORDS[what].sentence;
}
