/*
 * options: the command line of clusterd.
 *
 * Ownership  strings are borrowed from argv, or literals.
 * Errors     HA_ERR_INVAL: wrong usage; the text says what is.
 */
#ifndef HA_SHELL_OPTIONS_H
#define HA_SHELL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define HA_OPTIONS_WHY 160

enum ha_options_job {
	HA_JOB_RUN,
	HA_JOB_CHECK,   /* -t: look at the configuration and end */
	HA_JOB_VERSION, /* -V */
	HA_JOB_HELP,    /* -h */
};

struct ha_options {
	enum ha_options_job job;
	const char *conf;
	const char *identity;
	const char *secret;
	const char *state_dir;
	const char *run_dir;
	const char *log_dir;
	bool foreground;
	unsigned int verbose; /* how many -v */
};

/* Reads argv as getopt() does; why is set on HA_ERR_INVAL only. */
HA_MUST_USE int ha_options_parse(int argc, char *const argv[],
    struct ha_options *out, char why[static HA_OPTIONS_WHY]);

/* What -h prints. */
extern const char HA_OPTIONS_HELP[];

#endif /* HA_SHELL_OPTIONS_H */
