/*
 * verify: do all members hold the same sessions?
 *
 * Each member announces, for every stream, a digest of what it holds up to
 * "complete".  Two digests can be compared when they are of the same
 * complete; and as sessions change while we look, the members' announcements
 * are rarely of one moment.  So the daemon is asked again and again, what
 * each member said last is remembered, and two members agree when at any
 * complete that both have told of the digests are the same.
 *
 * The owner of a stream is what the others are compared with; when it can't
 * be reached, the first member that has a digest is.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "tools/ctl.h"

#define STREAMS_MAX HA_STREAM_MAX
#define SEEN_MAX    32  /* announcements remembered of one member */
#define ROUNDS      50
#define ROUND_MS    100

struct seen {
	uint64_t complete;
	uint64_t count;
	uint64_t digest;
};

struct member_seen {
	char serial[HA_CONF_SERIAL_LEN];
	bool reachable;
	bool has_complete;
	uint64_t complete;
	size_t n;    /* of seen[], a ring */
	size_t next;
	struct seen seen[SEEN_MAX];
};

struct stream_seen {
	char owner[HA_CONF_SERIAL_LEN];
	uint64_t boot;
	bool current;
	bool here; /* in the last answer */
	size_t n_members;
	struct member_seen members[HA_MEMBER_MAX];
};

struct verify {
	size_t n_streams;
	struct stream_seen streams[STREAMS_MAX];
};

/* --- remembering --- */

static void
copy_serial(char to[static HA_CONF_SERIAL_LEN], const char *from)
{
	snprintf(to, HA_CONF_SERIAL_LEN, "%s", from);
}

static struct stream_seen *
find_stream(struct verify *v, const Ha__Ctl__Stream *s)
{
	struct stream_seen *fresh;

	for (size_t i = 0; i < v->n_streams; i++) {
		if (v->streams[i].boot == s->boot &&
		    strcmp(v->streams[i].owner, s->owner) == 0)
			return &v->streams[i];
	}
	if (v->n_streams == STREAMS_MAX)
		return NULL;
	fresh = &v->streams[v->n_streams++];
	copy_serial(fresh->owner, s->owner);
	fresh->boot = s->boot;
	return fresh;
}

static struct member_seen *
find_member(struct stream_seen *s, const char *serial)
{
	for (size_t i = 0; i < s->n_members; i++) {
		if (strcmp(s->members[i].serial, serial) == 0)
			return &s->members[i];
	}
	if (s->n_members == HA_MEMBER_MAX)
		return NULL;
	copy_serial(s->members[s->n_members].serial, serial);
	return &s->members[s->n_members++];
}

static const struct seen *
last_seen(const struct member_seen *m)
{
	return m->n == 0 ? NULL :
	    &m->seen[(m->next + SEEN_MAX - 1) % SEEN_MAX];
}

/* A digest that changes at one complete (a session was ended here before its
 * owner told) is news too: the last word counts. */
static void
remember(struct member_seen *m, const Ha__Ctl__Holder *h)
{
	const struct seen *last = last_seen(m);

	m->reachable = h->reachable;
	m->has_complete = h->has_complete;
	m->complete = h->complete;
	if (!h->has_complete || !h->has_digest)
		return;
	if (last != NULL && last->complete == h->complete &&
	    last->digest == h->digest && last->count == h->count)
		return;
	m->seen[m->next] = (struct seen){ h->complete, h->count, h->digest };
	m->next = (m->next + 1) % SEEN_MAX;
	if (m->n < SEEN_MAX)
		m->n++;
}

static void
take_streams(struct ha_ctl *ctl, const Ha__Ctl__Answer *answer, void *arg)
{
	struct verify *v = arg;

	(void)ctl;
	for (size_t i = 0; i < answer->streams->n_streams; i++) {
		const Ha__Ctl__Stream *from = answer->streams->streams[i];
		struct stream_seen *s = find_stream(v, from);

		if (s == NULL)
			continue;
		s->here = true;
		s->current = from->current;
		for (size_t j = 0; j < from->n_holders; j++) {
			struct member_seen *m = find_member(s,
			    from->holders[j]->serial);

			if (m != NULL)
				remember(m, from->holders[j]);
		}
	}
}

/* --- judging --- */

static const struct seen *
find_seen(const struct member_seen *m, uint64_t complete)
{
	for (size_t i = 1; i <= m->n; i++) {
		const struct seen *s =
		    &m->seen[(m->next + SEEN_MAX - i) % SEEN_MAX];

		if (s->complete == complete)
			return s;
	}
	return NULL;
}

static const struct member_seen *
find_reference(const struct stream_seen *s)
{
	const struct member_seen *first = NULL;

	for (size_t i = 0; i < s->n_members; i++) {
		const struct member_seen *m = &s->members[i];

		if (!m->reachable || m->n == 0)
			continue;
		if (strcmp(m->serial, s->owner) == 0)
			return m;
		if (first == NULL)
			first = m;
	}
	return first;
}

/* The newest announcements of the two at one complete; false: none. */
static bool
compare(const struct member_seen *m, const struct member_seen *reference,
    struct ha_verify_member *out)
{
	for (size_t i = 1; i <= m->n; i++) {
		const struct seen *mine =
		    &m->seen[(m->next + SEEN_MAX - i) % SEEN_MAX];
		const struct seen *theirs = find_seen(reference,
		    mine->complete);

		if (theirs == NULL)
			continue;
		out->complete = mine->complete;
		out->count = mine->count;
		out->digest = mine->digest;
		out->judged = true;
		out->equal = mine->digest == theirs->digest &&
		    mine->count == theirs->count;
		return true;
	}
	return false;
}

static void
judge_member(const struct member_seen *m, const struct member_seen *reference,
    struct ha_verify_member *out)
{
	const struct seen *last = last_seen(m);

	*out = (struct ha_verify_member){ .serial = m->serial,
		.reachable = m->reachable,
		.has_complete = m->reachable && m->has_complete,
		.complete = m->complete,
		.has_digest = m->reachable && last != NULL };
	if (!out->has_digest)
		return;
	out->complete = last->complete;
	out->count = last->count;
	out->digest = last->digest;
	if (reference != NULL)
		compare(m, reference, out);
}

static enum ha_verify_verdict
worse(enum ha_verify_verdict a, enum ha_verify_verdict b)
{
	if (a == VERIFY_DIFFERENT || b == VERIFY_DIFFERENT)
		return VERIFY_DIFFERENT;
	return a == VERIFY_UNSETTLED ? a : b;
}

static enum ha_verify_verdict
judge_stream(const struct stream_seen *s, struct ha_verify_stream *out)
{
	const struct member_seen *reference = find_reference(s);
	enum ha_verify_verdict verdict = VERIFY_EQUAL;

	*out = (struct ha_verify_stream){ .owner = s->owner, .boot = s->boot,
		.current = s->current, .n_members = s->n_members };
	for (size_t i = 0; i < s->n_members; i++) {
		struct ha_verify_member *m = &out->members[i];

		judge_member(&s->members[i], reference, m);
		if (m->reachable && !m->judged)
			verdict = worse(verdict, VERIFY_UNSETTLED);
		else if (m->reachable && !m->equal)
			verdict = worse(verdict, VERIFY_DIFFERENT);
	}
	return verdict;
}

/* Streams of earlier starts are shown while a member still holds sessions of
 * them. */
static bool
worth_showing(const struct stream_seen *s)
{
	if (!s->here)
		return false;
	if (s->current)
		return true;
	for (size_t i = 0; i < s->n_members; i++) {
		const struct seen *last = last_seen(&s->members[i]);

		if (s->members[i].reachable && last != NULL &&
		    last->count > 0)
			return true;
	}
	return false;
}

static enum ha_verify_verdict
judge(const struct verify *v, struct ha_verify_stream *out, size_t *n)
{
	enum ha_verify_verdict verdict = VERIFY_EQUAL;

	*n = 0;
	for (size_t i = 0; i < v->n_streams; i++) {
		if (!worth_showing(&v->streams[i]))
			continue;
		verdict = worse(verdict, judge_stream(&v->streams[i],
		    &out[(*n)++]));
	}
	return verdict;
}

/* --- the verb --- */

static int
ask_streams(struct ha_ctl *ctl, struct verify *v)
{
	Ha__Ctl__Plain plain = HA__CTL__PLAIN__INIT;
	Ha__Ctl__Request request;

	for (size_t i = 0; i < v->n_streams; i++)
		v->streams[i].here = false;
	ha_ctl_request_init(&request);
	request.verb_case = HA__CTL__REQUEST__VERB_STREAMS;
	request.streams = &plain;
	return ha_ctl_ask(ctl, &request, HA__CTL__ANSWER__BODY_STREAMS,
	    take_streams, v);
}

/* A difference may be one of the moment as well: it has to stay. */
static int
run_rounds(struct ha_ctl *ctl, struct verify *v, struct ha_verify_stream *out,
    size_t *n, enum ha_verify_verdict *verdict)
{
	static const struct timespec PAUSE = { 0, ROUND_MS * 1000000 };

	for (int round = 0; round < ROUNDS; round++) {
		int rc = ask_streams(ctl, v);

		if (rc != CTL_DONE)
			return rc;
		*verdict = judge(v, out, n);
		if (*verdict == VERIFY_EQUAL)
			break;
		nanosleep(&PAUSE, NULL);
	}
	return CTL_DONE;
}

int
ha_cmd_verify(struct ha_ctl *ctl)
{
	struct verify *v = calloc(1, sizeof(*v));
	struct ha_verify_stream *out = calloc(STREAMS_MAX, sizeof(*out));
	enum ha_verify_verdict verdict = VERIFY_UNSETTLED;
	size_t n = 0;
	int rc;

	if (v == NULL || out == NULL) {
		rc = ha_ctl_fail(ctl, CTL_REFUSED, "no-memory",
		    "Out of memory.");
	} else {
		rc = run_rounds(ctl, v, out, &n, &verdict);
		if (rc == CTL_DONE) {
			ctl->out->ops->verify(ctl->out, out, n, verdict);
			rc = verdict == VERIFY_EQUAL ? CTL_DONE : CTL_REFUSED;
		}
	}
	free(out);
	free(v);
	return rc;
}
