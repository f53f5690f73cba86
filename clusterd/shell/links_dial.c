/* Connections that this member begins. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shell/links_priv.h"
#include "shell/loop.h"
#include "shell/sock.h"

static const struct ha_dur CONNECT_TIME = { INT64_C(2500) * 1000000 };

/* What nobody has been told of yet.  A rotation may try several keys in turn:
 * each reason is told once. */
static enum ha_log_level
level_of(struct slot *s, const struct ha_conn_close *why, const char *text)
{
	uint32_t bit;

	if (why == NULL || why->end != HA_CONN_FAILED ||
	    !ha_refusal_is_mismatch(why->failure.reason))
		return strcmp(s->stats.last_error, text) != 0 ?
		    HA_LOG_NOTICE : HA_LOG_DEBUG;
	bit = UINT32_C(1) << why->failure.reason;
	if ((s->told & bit) != 0)
		return HA_LOG_DEBUG;
	s->told |= bit;
	return HA_LOG_WARN;
}

void
links_note_failure(struct slot *s, const struct ha_conn_close *why,
    const char *text)
{
	enum ha_log_level level = level_of(s, why, text);

	s->stats.failures++;
	snprintf(s->stats.last_error, sizeof(s->stats.last_error), "%s",
	    text);
	ha_log(s->links->log, level, "link.failed",
	    "peer=%s link=%s why=\"%s\"", links_peer(s),
	    ha_link_name(s->link), text);
}

static const char *
dial_why(int rc)
{
	switch (rc) {
	case HA_ERR_ABSENT:
		return "no interface here has the address of this member";
	case HA_ERR_IO:
		return "not reached: there is no way to its network";
	default:
		return ha_err_text(rc);
	}
}

static int
dial(struct slot *s)
{
	struct ha_links *links = s->links;
	const struct ha_conf_member *self =
	    ha_cluster_conf_find_index(links->conf, links->self);
	struct ha_handshake_config *config =
	    links_prepare(links, s->peer, s->link);
	struct line *l = links_new_line(links, s->link, &s->address);
	struct ha_handshake *h = NULL;
	int fd, rc;

	if (l == NULL)
		return HA_ERR_NOMEM;
	l->slot = s;
	l->number = ++s->number;
	config->choice = s->choice;
	config->greeting.generation = l->number;
	rc = ha_handshake_new_initiator(config, &h);
	if (rc != HA_OK)
		goto fail;
	rc = ha_sock_dial(&self->address[s->link], &s->address,
	    links->conf->link[s->link].port, &fd);
	if (rc != HA_OK) {
		ha_handshake_free(h);
		goto fail;
	}
	ha_sock_tune(fd, ha_dur_ms(
	    links->conf->link[s->link].keepalive_threshold_ms));
	rc = ha_conn_dialled(links->env, fd, h, CONNECT_TIME, &l->conn);
	if (rc != HA_OK)
		goto fail;
	ha_conn_set_owner(l->conn, l);
	if (s->up == NULL)
		ha_conn_set_stats(l->conn, &s->stats);
	s->trying = l;
	return HA_OK;

fail:
	links_free_line(l);
	return rc;
}

void
links_on_dial(evutil_socket_t fd, short what, void *arg)
{
	struct slot *s = arg;
	int rc;

	(void)fd;
	(void)what;
	if (s->trying != NULL || (s->up != NULL && !s->renewing))
		return;
	s->links->counters->link_dials++;
	rc = dial(s);
	if (rc == HA_OK) {
		if (s->up == NULL)
			links_set_phase(s, HA_LINK_PHASE_CONNECT);
		return;
	}
	s->links->counters->link_dial_failures++;
	links_note_failure(s, NULL, dial_why(rc));
	links_schedule(s, ha_backoff_next(&s->backoff, &s->links->rng));
}

void
links_schedule(struct slot *s, struct ha_dur wait)
{
	struct timeval tv = ha_loop_timeval(wait);

	if (s->up == NULL)
		links_set_phase(s, HA_LINK_PHASE_WAIT);
	if (s->dials && !links_is_quarantined(s->links, s->peer))
		event_add(s->timer, &tv);
}

void
links_redial(struct slot *s)
{
	if (!s->dials) {
		links_set_phase(s, HA_LINK_PHASE_WAIT);
		return;
	}
	links_schedule(s, ha_backoff_next(&s->backoff, &s->links->rng));
}

static uint32_t
choices(const struct slot *s)
{
	return ha_handshake_choices(links_prepare(s->links, s->peer, s->link));
}

/* The secret stays: it is not in the cluster file, so nobody knows whether the
 * other end has the next one. */
void
links_choose_newest(struct slot *s)
{
	uint32_t n_secrets = s->links->handshake->n_secrets;
	uint32_t n = choices(s);

	if (s->dials && n > 0)
		s->choice = n - n_secrets + s->choice % n_secrets;
}

bool
links_note_keys(struct slot *s, const struct ha_conn_close *why)
{
	enum ha_refusal r = why->failure.reason;

	if (why->end != HA_CONN_FAILED || (r != HA_REFUSE_KEY &&
	    r != HA_REFUSE_MY_KEY && r != HA_REFUSE_SECRET &&
	    r != HA_REFUSE_SEALED))
		return false;
	s->refused++;
	return true;
}

/* What the peer says of the keys is unauthenticated: it is believed so far
 * that others are tried a moment earlier. */
void
links_redial_otherwise(struct slot *s, const struct ha_conn_close *why)
{
	uint32_t n = choices(s);
	bool is_keys = links_note_keys(s, why);

	if (s->once && s->up != NULL) {
		s->once = s->renewing = false;
		s->choice = 0;
		return;
	}
	if (!is_keys || n < 2) {
		links_redial(s);
		return;
	}
	s->choice = (s->choice + 1) % n;
	if (s->refused % n == 0)
		links_redial(s);
	else
		links_schedule(s, (struct ha_dur){ 0 });
}
