/*
 * clusterctl: shows the cluster to people and programs.
 *
 * A verb is one row of VERBS.  Options may stand before or behind the verb;
 * those of a verb are known to all, so that "clusterctl members --delta" can
 * say what is wrong.  Nothing here has rights of its own: the daemon decides
 * who may ask what.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/spell.h"
#include "config.h"
#include "tools/ctl.h"

static const struct ha_ctl_verb VERBS[] = {
	{ "members", "", "the members, their states and links", 0, 0, 0,
	    ha_cmd_members },
	{ "state", "", "the state of this member, and why", 0, 0, 0,
	    ha_cmd_state },
	{ "links", "", "HA4 and HA4-backup to each peer", 0, 0, 0,
	    ha_cmd_links },
	{ "statistics", "", "fill of the tables, traffic, drops", 0, 0, 0,
	    ha_cmd_statistics },
	{ "counters", "[--delta]", "every counter, or what moved", 0, 0,
	    CTL_OPT_DELTA, ha_cmd_counters },
	{ "session brief", "[FILTERS]", "one line a session", 0, 0,
	    CTL_OPT_FILTERS, ha_cmd_session_brief },
	{ "session show", "UID", "all of one session", 1, 1, 0,
	    ha_cmd_session_show },
	{ "session end", "UID|FILTERS", "end sessions on every member", 0, 1,
	    CTL_OPT_FILTERS, ha_cmd_session_end },
	{ "events", "[-n N]", "what happened to this member", 0, 0,
	    CTL_OPT_COUNT, ha_cmd_events },
	{ "verify", "", "do all members hold the same sessions?", 0, 0, 0,
	    ha_cmd_verify },
	{ "reload", "", "take over the changed files", 0, 0, 0,
	    ha_cmd_reload },
	{ "forget", "SERIAL", "a machine is gone for good", 1, 1, 0,
	    ha_cmd_forget },
	{ "identity init", "SERIAL [FILE]", "make this firewall's key", 1, 2,
	    0, ha_cmd_identity_init },
	{ "identity rotate", "[FILE]", "begin to change this firewall's key",
	    0, 1, 0, ha_cmd_identity_rotate },
	{ "identity commit", "[FILE]", "end it: the next key is the key", 0,
	    1, 0, ha_cmd_identity_commit },
	{ "secret init", "[FILE]", "make the secret of a new cluster", 0, 1, 0,
	    ha_cmd_secret_init },
	{ "secret rotate", "[FILE]", "begin to change the secret", 0, 1, 0,
	    ha_cmd_secret_rotate },
	{ "secret commit", "[FILE]", "end it: the next secret is the secret",
	    0, 1, 0, ha_cmd_secret_commit },
	{ "check-config", "[FILE]", "is the cluster file right?", 0, 1, 0,
	    ha_cmd_check_config },
	{ "version", "", "of clusterctl and of clusterd", 0, 0, 0,
	    ha_cmd_version },
};

#define N_VERBS (sizeof(VERBS) / sizeof(VERBS[0]))

/* Numbers of the options that have no letter. */
enum {
	OPT_JSON = 256,
	OPT_DELTA,
	OPT_OWNER,
	OPT_ROLE,
	OPT_ZONE,
	OPT_PROTOCOL,
	OPT_SOURCE,
	OPT_DESTINATION,
	OPT_STATE,
	OPT_LIMIT,
};

static const struct option OPTIONS[] = {
	{ "json", no_argument, NULL, OPT_JSON },
	{ "socket", required_argument, NULL, 's' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "delta", no_argument, NULL, OPT_DELTA },
	{ "owner", required_argument, NULL, OPT_OWNER },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "zone", required_argument, NULL, OPT_ZONE },
	{ "protocol", required_argument, NULL, OPT_PROTOCOL },
	{ "source", required_argument, NULL, OPT_SOURCE },
	{ "destination", required_argument, NULL, OPT_DESTINATION },
	{ "state", required_argument, NULL, OPT_STATE },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ NULL, 0, NULL, 0 },
};

/* --- saying what is wrong --- */

static void
vfail(struct ha_ctl *ctl, const char *code, const char *hint,
    const char *fmt, va_list ap)
{
	char message[512];

	vsnprintf(message, sizeof(message), fmt, ap);
	ctl->out->ops->error(ctl->out, code, message);
	fprintf(stderr, "clusterctl: %s\n%s", message, hint);
}

int
ha_ctl_fail(struct ha_ctl *ctl, enum ha_ctl_exit exit_code, const char *code,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(ctl, code, "", fmt, ap);
	va_end(ap);
	return (int)exit_code;
}

int
ha_ctl_usage(struct ha_ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfail(ctl, "usage",
	    "\"clusterctl --help\" lists the verbs and their options.\n", fmt,
	    ap);
	va_end(ap);
	return CTL_USAGE;
}

int
ha_ctl_parse_number(const char *text, uint64_t min, uint64_t max,
    uint64_t *out)
{
	uint64_t v = 0;

	if (*text == '\0')
		return HA_ERR_INVAL;
	for (; *text != '\0'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9' || v > (max - digit) / 10)
			return HA_ERR_INVAL;
		v = v * 10 + digit;
	}
	if (v < min)
		return HA_ERR_INVAL;
	*out = v;
	return HA_OK;
}

/* --- the command line --- */

static void
print_help(FILE *stream)
{
	fputs("usage: clusterctl [-s SOCKET] VERB [--json]\n\n", stream);
	for (size_t i = 0; i < N_VERBS; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", VERBS[i].name,
		    VERBS[i].args);
		fprintf(stream, "  %-29s %s\n", left, VERBS[i].summary);
	}
	fputs("\nFILTERS of sessions: --owner SERIAL, --role owned|cached, "
	    "--zone ZONE,\n  --protocol NAME, --source ADDRESS[/BITS], "
	    "--destination ADDRESS[/BITS],\n  --state STATE, --limit N\n\n"
	    "  -s, --socket SOCKET   where clusterd listens\n"
	    "                        (" HA_CONTROL_SOCKET ")\n"
	    "      --json            one JSON object, for programs\n"
	    "  -h, --help            this text\n"
	    "  -V, --version         the version of clusterctl\n\n"
	    "Exit: 0 done, 1 refused, failed or different, 2 usage, "
	    "3 no daemon.\n", stream);
}

static void
set_option(struct ha_ctl_options *o, int opt, const char *value)
{
	const struct {
		int opt;
		unsigned int bit;
		const char **to;
	} all[] = {
		{ OPT_DELTA, CTL_OPT_DELTA, NULL },
		{ 'n', CTL_OPT_COUNT, &o->count },
		{ OPT_OWNER, CTL_OPT_OWNER, &o->owner },
		{ OPT_ROLE, CTL_OPT_ROLE, &o->role },
		{ OPT_ZONE, CTL_OPT_ZONE, &o->zone },
		{ OPT_PROTOCOL, CTL_OPT_PROTOCOL, &o->protocol },
		{ OPT_SOURCE, CTL_OPT_SOURCE, &o->source },
		{ OPT_DESTINATION, CTL_OPT_DESTINATION, &o->destination },
		{ OPT_STATE, CTL_OPT_STATE, &o->state },
		{ OPT_LIMIT, CTL_OPT_LIMIT, &o->limit },
		{ 's', 0, &o->socket },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i].opt != opt)
			continue;
		o->given |= all[i].bit;
		if (all[i].to != NULL)
			*all[i].to = value;
	}
}

static int
option_error(struct ha_ctl *ctl, int opt, char *const *argv)
{
	const char *word = argv[optind - 1];

	if (opt == ':')
		return ha_ctl_usage(ctl, "the option %s needs a value", word);
	if (optopt != 0 && optopt < OPT_JSON)
		return ha_ctl_usage(ctl, "unknown option -%c", optopt);
	return ha_ctl_usage(ctl, "unknown option %s", word);
}

/* The option of that bit as people write it. */
static const char *
option_name(unsigned int bit)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} NAMES[] = {
		{ CTL_OPT_DELTA, "--delta" },
		{ CTL_OPT_COUNT, "-n" },
		{ CTL_OPT_OWNER, "--owner" },
		{ CTL_OPT_ROLE, "--role" },
		{ CTL_OPT_ZONE, "--zone" },
		{ CTL_OPT_PROTOCOL, "--protocol" },
		{ CTL_OPT_SOURCE, "--source" },
		{ CTL_OPT_DESTINATION, "--destination" },
		{ CTL_OPT_STATE, "--state" },
		{ CTL_OPT_LIMIT, "--limit" },
	};

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if ((bit & NAMES[i].bit) != 0)
			return NAMES[i].name;
	}
	return "?";
}

/* How many words of the command line the name of the verb takes; 0: it is
 * another verb. */
static int
match_verb(const struct ha_ctl_verb *verb, int n, char *const *words)
{
	const char *space = strchr(verb->name, ' ');
	size_t len = space == NULL ? strlen(verb->name) :
	    (size_t)(space - verb->name);

	if (n < 1 || strlen(words[0]) != len ||
	    memcmp(words[0], verb->name, len) != 0)
		return 0;
	if (space == NULL)
		return 1;
	return n >= 2 && strcmp(words[1], space + 1) == 0 ? 2 : 0;
}

/* Letters between what was said and the name of a verb.  A name of two words
 * may have been said with another sign between them, or only begun. */
static unsigned int
distance_to(const char *name, int n, char *const *words)
{
	unsigned int whole = ha_spell_distance(words[0], name), part;
	const char *space = strchr(name, ' ');
	char text[64];

	if (space == NULL)
		return whole;
	if (n >= 2) {
		snprintf(text, sizeof(text), "%s %s", words[0], words[1]);
		part = ha_spell_distance(text, name);
	} else {
		snprintf(text, sizeof(text), "%.*s", (int)(space - name),
		    name);
		part = ha_spell_distance(words[0], text);
	}
	return part < whole ? part : whole;
}

static int
unknown_verb(struct ha_ctl *ctl, int n, char *const *words)
{
	const char *nearest = NULL;
	unsigned int least = ha_spell_limit(words[0]);

	for (size_t i = 0; i < N_VERBS; i++) {
		unsigned int distance = distance_to(VERBS[i].name, n, words);

		if (distance < least) {
			least = distance;
			nearest = VERBS[i].name;
		}
	}
	if (nearest != NULL)
		return ha_ctl_usage(ctl,
		    "unknown verb \"%s\": did you mean \"%s\"?", words[0],
		    nearest);
	return ha_ctl_usage(ctl, "unknown verb \"%s\"", words[0]);
}

/* "session" alone, or with a word that is none of its own. */
static int
half_a_verb(struct ha_ctl *ctl, int n, char *const *words)
{
	char choice[128] = "";
	size_t len = strlen(words[0]);

	for (size_t i = 0; i < N_VERBS; i++) {
		const char *name = VERBS[i].name;
		size_t used = strlen(choice);

		if (strncmp(name, words[0], len) == 0 && name[len] == ' ')
			snprintf(choice + used, sizeof(choice) - used,
			    "%s\"%s\"", used == 0 ? "" : " or ", name);
	}
	if (choice[0] == '\0')
		return unknown_verb(ctl, n, words);
	if (n < 2)
		return ha_ctl_usage(ctl, "\"%s\" needs another word: %s",
		    words[0], choice);
	return ha_ctl_usage(ctl, "unknown verb \"%s %s\": there is %s",
	    words[0], words[1], choice);
}

static int
run_verb(struct ha_ctl *ctl, const struct ha_ctl_verb *verb, int n_args,
    char *const *args)
{
	unsigned int strange = ctl->options.given & ~verb->options;

	if (strange != 0)
		return ha_ctl_usage(ctl, "\"%s\" has no option %s",
		    verb->name, option_name(strange));
	if (n_args < verb->args_min)
		return ha_ctl_usage(ctl, "\"%s\" needs %s", verb->name,
		    verb->args);
	if (n_args > verb->args_max)
		return ha_ctl_usage(ctl, "\"%s\" is one word too many for "
		    "\"%s\"", args[verb->args_max], verb->name);
	ctl->n_args = n_args;
	ctl->args = args;
	return verb->run(ctl);
}

static int
run_words(struct ha_ctl *ctl, int n, char *const *words)
{
	if (n == 0)
		return ha_ctl_usage(ctl, "say what to show or do");
	if (ctl->options.socket[0] == '\0')
		return ha_ctl_usage(ctl, "the option -s needs a path");
	for (size_t i = 0; i < N_VERBS; i++) {
		int used = match_verb(&VERBS[i], n, words);

		if (used > 0)
			return run_verb(ctl, &VERBS[i], n - used,
			    words + used);
	}
	return half_a_verb(ctl, n, words);
}

static int
run(struct ha_ctl *ctl, int argc, char **argv)
{
	int opt;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":s:n:hV", OPTIONS, NULL)) !=
	    -1) {
		switch (opt) {
		case 'h':
			print_help(stdout);
			return CTL_DONE;
		case 'V':
			puts("clusterctl " PACKAGE_VERSION);
			return CTL_DONE;
		case ':':
		case '?':
			return option_error(ctl, opt, argv);
		case OPT_JSON:
			break; /* wants_json() has seen it */
		default:
			set_option(&ctl->options, opt, optarg);
			break;
		}
	}
	return run_words(ctl, argc - optind, argv + optind);
}

/* Before the options are read, so that a wrong one is told in JSON too. */
static bool
wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			return true;
	}
	return false;
}

int
main(int argc, char **argv)
{
	struct ha_ctl ctl = { .fd = -1 };
	int rc;

	ctl.options.socket = HA_CONTROL_SOCKET;
	ctl.out = wants_json(argc, argv) ? ha_out_json_new(stdout) :
	    ha_out_text_new(stdout);
	if (ctl.out == NULL) {
		fputs("clusterctl: out of memory\n", stderr);
		return CTL_REFUSED;
	}
	rc = run(&ctl, argc, argv);
	ha_ctl_disconnect(&ctl);
	if (ha_out_finish(ctl.out) != HA_OK) {
		fputs("clusterctl: the output could not be written\n", stderr);
		return rc == CTL_DONE ? CTL_REFUSED : rc;
	}
	return rc;
}
