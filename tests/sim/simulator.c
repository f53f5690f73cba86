/*
 * simulator: run the cluster's core through seeds, or one of them in detail.
 *
 * Exit status: 0 no violation, 1 a violation, 2 wrong use.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/scenario.h"

struct options {
	struct scenario_options scenario;
	uint64_t first;
	uint64_t last;
	uint64_t twice_one_in; /* seeds that are run twice; 0: none */
	bool keep_going;
	const char *until; /* "S4|S6": stop at one of these only */
};

/* For whoever reads of an abort: which run it was. */
static volatile uint64_t running_seed;

static void
on_abort(int signal)
{
	(void)signal;
	printf("seed %llu: aborted\n", (unsigned long long)running_seed);
	fflush(stdout);
}

static const char USAGE[] =
    "usage: simulator [--seed N | --seeds A..B] [--members N] [--trace]\n"
    "                 [--twice-one-in N] [--keep-going] [--until S4|S6]\n"
    "                 [--membership] [--states] [--ends] [--plant NAME]\n"
    "                 [--list-plants]\n";

static int
list_plants(void)
{
#ifdef HA_PLANTED
	for (int p = HA_PLANT_NONE + 1; p < HA_PLANT_MAX; p++)
		puts(ha_plant_name((enum ha_plant)p));
#endif
	return EXIT_SUCCESS;
}

static bool
find_plant(const char *name, enum ha_plant *out)
{
#ifdef HA_PLANTED
	for (int p = HA_PLANT_NONE; p < HA_PLANT_MAX; p++) {
		if (strcmp(name, ha_plant_name((enum ha_plant)p)) == 0) {
			*out = (enum ha_plant)p;
			return true;
		}
	}
#endif
	(void)name;
	(void)out;
	return false;
}

static bool
take_number(const char *text, uint64_t *out, const char **rest)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	*rest = end;
	return errno == 0 && end != text;
}

static bool
take_whole_number(const char *text, uint64_t *out)
{
	const char *rest;

	return text != NULL && take_number(text, out, &rest) && *rest == '\0';
}

static bool
take_range(const char *text, struct options *o)
{
	const char *rest;

	return text != NULL && take_number(text, &o->first, &rest) &&
	    strncmp(rest, "..", 2) == 0 &&
	    take_whole_number(rest + 2, &o->last) && o->first <= o->last;
}

/* One option with its value; false: wrong. */
static bool
take_valued(const char *name, const char *value, struct options *o)
{
	uint64_t n;

	if (strcmp(name, "--seeds") == 0)
		return take_range(value, o);
	if (strcmp(name, "--until") == 0) {
		o->until = value;
		return value != NULL;
	}
	if (strcmp(name, "--plant") == 0)
		return value != NULL &&
		    find_plant(value, &o->scenario.plant);
	if (!take_whole_number(value, &n))
		return false;
	if (strcmp(name, "--seed") == 0) {
		o->first = n;
		o->last = n;
		return true;
	}
	if (strcmp(name, "--members") == 0) {
		o->scenario.n_members = (uint8_t)n;
		return n >= 2 && n <= 16;
	}
	if (strcmp(name, "--twice-one-in") == 0) {
		o->twice_one_in = n;
		return true;
	}
	return false;
}

static bool
take_options(int argc, char **argv, struct options *o)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0)
			o->scenario.trace = true;
		else if (strcmp(argv[i], "--membership") == 0)
			o->scenario.membership = true;
		else if (strcmp(argv[i], "--states") == 0)
			o->scenario.states = true;
		else if (strcmp(argv[i], "--ends") == 0)
			o->scenario.ends = true;
		else if (strcmp(argv[i], "--keep-going") == 0)
			o->keep_going = true;
		else if (i + 1 < argc && take_valued(argv[i], argv[i + 1], o))
			i++;
		else
			return false;
	}
	return true;
}

/* S25: the same seed gives the same run. */
static bool
run_again(struct scenario_options so, const struct scenario_result *first)
{
	struct scenario_result second;

	so.trace = false;
	scenario_run(&so, &second);
	if (second.trace_hash == first->trace_hash &&
	    second.broken == first->broken)
		return true;
	printf("seed %llu: S25: a second run differs\n",
	    (unsigned long long)so.seed);
	return false;
}

/* Is this violation one of those that are looked for? */
static bool
is_wanted(const char *list, const char *violation)
{
	const char *name = strstr(violation, ": ");
	size_t len;

	if (name == NULL)
		return false;
	name += 2;
	len = strcspn(name, ":");
	while (*list != '\0') {
		size_t n = strcspn(list, "|");

		if (n == len && strncmp(list, name, len) == 0)
			return true;
		list += n;
		list += *list == '|';
	}
	return false;
}

static bool
run_seed(const struct options *o, uint64_t seed)
{
	struct scenario_options so = o->scenario;
	struct scenario_result r;

	so.seed = seed;
	running_seed = seed;
	scenario_run(&so, &r);
	if (r.broken && o->until != NULL &&
	    !is_wanted(o->until, r.violation))
		return true;
	if (r.broken)
		printf("seed %llu: %s\n", (unsigned long long)seed,
		    r.violation);
	else if (o->first == o->last)
		printf("seed %llu: good; %.1f s, %llu steps, %llu messages, "
		    "hash %016llx\n", (unsigned long long)seed,
		    (double)r.virtual_ns / 1e9, (unsigned long long)r.steps,
		    (unsigned long long)r.messages,
		    (unsigned long long)r.trace_hash);
	fflush(stdout);
	if (o->twice_one_in != 0 && seed % o->twice_one_in == 0 &&
	    !run_again(so, &r))
		return false;
	return !r.broken;
}

int
main(int argc, char **argv)
{
	struct options o = { .first = 1, .last = 100 };
	uint64_t bad = 0;

	if (argc == 2 && strcmp(argv[1], "--list-plants") == 0)
		return list_plants();
	if (!take_options(argc, argv, &o)) {
		fputs(USAGE, stderr);
		return 2;
	}
	signal(SIGABRT, on_abort);
	for (uint64_t seed = o.first; seed <= o.last; seed++) {
		if (run_seed(&o, seed))
			continue;
		bad++;
		if (!o.keep_going)
			break;
	}
	if (bad == 0 && o.first != o.last)
		printf("%llu seeds good\n",
		    (unsigned long long)(o.last - o.first + 1));
	return bad == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
