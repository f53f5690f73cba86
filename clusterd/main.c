/*
 * clusterd: keeps the sessions of this firewall alive at the other members
 * of its cluster, and theirs here.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "proto/keys.h"
#include "shell/background.h"
#include "shell/daemon.h"
#include "shell/files.h"
#include "shell/log.h"
#include "shell/options.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* With -v what is in force is shown, in a form that can be read again. */
static int
check(const struct ha_options *o)
{
	struct ha_files_said said;
	struct ha_files files;
	int rc = ha_files_load(o, &said, &files);

	ha_files_said_print(&said, stderr);
	ha_files_said_free(&said);
	if (rc != HA_OK)
		return EXIT_FAILED;
	printf("%s%s: correct; this is member %u, %s\n",
	    o->verbose > 0 ? "# " : "", o->conf, files.self->index,
	    files.self->serial);
	rc = o->verbose > 0 ? ha_cluster_conf_print(files.conf, stdout) :
	    HA_OK;
	ha_files_close(&files);
	return rc == HA_OK && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static enum ha_log_level
level_of(unsigned int verbose)
{
	if (verbose >= 2)
		return HA_LOG_DEBUG;
	return verbose == 1 ? HA_LOG_INFO : HA_LOG_NOTICE;
}

/* A path that begins elsewhere than at the root holds on to this directory. */
static void
leave_directory(const struct ha_options *o)
{
	if (o->state_dir[0] == '/' && o->run_dir[0] == '/' &&
	    o->log_dir[0] == '/' && o->conf[0] == '/' &&
	    o->identity[0] == '/' && o->secret[0] == '/')
		(void)!chdir("/");
}

static int
run_with(const struct ha_options *o, struct ha_log *log)
{
	struct ha_background background = { .pipe = -1 };
	struct ha_daemon *daemon;
	int code;

	if (!o->foreground && ha_background_begin(&background) != HA_OK) {
		fprintf(stderr, "clusterd: no second process\n");
		return EXIT_FAILED;
	}
	if (ha_daemon_open(o, log, &daemon) != HA_OK)
		return EXIT_FAILED;
	leave_directory(o);
	if (!o->foreground)
		ha_log_retarget(log, HA_LOG_SYSLOG);
	ha_background_ready(&background);
	code = ha_daemon_run(daemon);
	ha_daemon_close(daemon);
	return code;
}

static int
run(const struct ha_options *o)
{
	struct ha_log *log = ha_log_new(o->foreground ? HA_LOG_STDERR :
	    HA_LOG_BOTH, level_of(o->verbose));
	int code;

	if (log == NULL)
		return EXIT_FAILED;
	code = run_with(o, log);
	ha_log_free(log);
	return code;
}

int
main(int argc, char *argv[])
{
	struct ha_options o;
	char why[HA_OPTIONS_WHY];

	if (ha_options_parse(argc, argv, &o, why) != HA_OK) {
		fprintf(stderr, "clusterd: %s; -h tells more\n", why);
		return EXIT_USAGE;
	}
	if (ha_keys_init() != HA_OK) {
		fprintf(stderr, "clusterd: no source of random numbers\n");
		return EXIT_FAILED;
	}
	switch (o.job) {
	case HA_JOB_RUN:
		return run(&o);
	case HA_JOB_CHECK:
		return check(&o);
	case HA_JOB_VERSION:
		printf("clusterd %s\n", PACKAGE_VERSION);
		return EXIT_DONE;
	case HA_JOB_HELP:
		fputs(HA_OPTIONS_HELP, stdout);
		return EXIT_DONE;
	}
	return EXIT_FAILED;
}
