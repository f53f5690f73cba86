#include "shell/likeness.h"

#include <string.h>

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
