#include "shell/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>

#include "conf/cluster_conf.h"
#include "conf/identity.h"
#include "conf/secret.h"

const char HA_OPTIONS_HELP[] =
    "usage: clusterd [-c CONF] [-i IDENTITY] [-s SECRET] [-d STATE-DIR]\n"
    "                [-r RUN-DIR] [-l LOG-DIR] [-f] [-t] [-v] [-V]\n"
    "\n"
    "Keeps the sessions of this firewall alive at the other members of its\n"
    "cluster, and theirs here.\n"
    "\n"
    "  -c CONF       the cluster        (" HA_CONF_PATH ")\n"
    "  -i IDENTITY   serial and key     (" HA_IDENTITY_PATH ")\n"
    "  -s SECRET     cluster secret     (" HA_SECRET_PATH ")\n"
    "  -d STATE-DIR  database           (/var/lib/clusterd)\n"
    "  -r RUN-DIR    control socket     (/run/clusterd)\n"
    "  -l LOG-DIR    traffic log        (/var/log/clusterd)\n"
    "  -f            stay in the foreground and log to standard error\n"
    "  -t            check the configuration and end; with -v, show all\n"
    "                of it, defaults too\n"
    "  -v            tell more; twice: everything\n"
    "  -V            print the version and end\n"
    "  -h            print this and end\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static void
say_wrong(char why[static HA_OPTIONS_WHY], int c, int which)
{
	const char *what = c == ':' ? "needs a value" : "is not known";

	if (isgraph(which))
		snprintf(why, HA_OPTIONS_WHY, "option -%c %s", which, what);
	else
		snprintf(why, HA_OPTIONS_WHY, "an option %s", what);
}

/* False: not an option with a path. */
static bool
take_path(struct ha_options *o, int c, const char *value)
{
	switch (c) {
	case 'c':
		o->conf = value;
		return true;
	case 'i':
		o->identity = value;
		return true;
	case 's':
		o->secret = value;
		return true;
	case 'd':
		o->state_dir = value;
		return true;
	case 'r':
		o->run_dir = value;
		return true;
	case 'l':
		o->log_dir = value;
		return true;
	default:
		return false;
	}
}

/* False: not an option at all. */
static bool
take_flag(struct ha_options *o, int c)
{
	switch (c) {
	case 'f':
		o->foreground = true;
		return true;
	case 'v':
		o->verbose++;
		return true;
	case 't':
		o->job = HA_JOB_CHECK;
		return true;
	case 'V':
		o->job = HA_JOB_VERSION;
		return true;
	case 'h':
		o->job = HA_JOB_HELP;
		return true;
	default:
		return false;
	}
}

int
ha_options_parse(int argc, char *const argv[], struct ha_options *out,
    char why[static HA_OPTIONS_WHY])
{
	struct ha_options o = {
		.conf = HA_CONF_PATH,
		.identity = HA_IDENTITY_PATH,
		.secret = HA_SECRET_PATH,
		.state_dir = "/var/lib/clusterd",
		.run_dir = "/run/clusterd",
		.log_dir = "/var/log/clusterd",
	};
	int c;

	optind = 0;
	while ((c = getopt(argc, argv, ":c:i:s:d:r:l:ftvVh")) != -1) {
		if (take_path(&o, c, optarg)) {
			if (optarg[0] != '\0')
				continue;
			snprintf(why, HA_OPTIONS_WHY, "option -%c is empty",
			    c);
			return HA_ERR_INVAL;
		}
		if (take_flag(&o, c))
			continue;
		say_wrong(why, c, optopt);
		return HA_ERR_INVAL;
	}
	if (optind < argc) {
		snprintf(why, HA_OPTIONS_WHY, "\"%.100s\" is too much",
		    argv[optind]);
		return HA_ERR_INVAL;
	}
	*out = o;
	return HA_OK;
}
