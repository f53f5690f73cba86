/*
 * Whom there are links to, and from where: as the cluster file says, at the
 * start and after each change of it.
 *
 * A change has two halves.  What may fail comes first and leaves everything as
 * it is: listening where the file newly wants it.  The second can't fail: a
 * slot whose addresses or port are others is closed and begins anew, and so is
 * one whose index another machine has now; all others stay untouched.
 *
 * A slot that begins anew goes on counting its connections: the other end may
 * know the number of the last one still.
 */
#include <stdio.h>
#include <string.h>

#include "shell/links_priv.h"
#include "shell/sock.h"

static const struct ha_dur WAIT_FIRST = { INT64_C(100) * 1000000 };
static const struct ha_dur WAIT_LONGEST = { INT64_C(3000) * 1000000 };

static const struct ha_conf_address *
own_address(const struct ha_links *links, const struct ha_cluster_conf *conf,
    uint8_t link)
{
	return &ha_cluster_conf_find_index(conf, links->self)->address[link];
}

/* --- where we listen --- */

/* It may come later; but more often the file or the identity is another
 * machine's. */
static void
warn_of_absence(struct ha_links *links, uint8_t link,
    const struct ha_conf_address *address)
{
	char text[HA_CONF_ADDRESS_LEN];

	if (ha_sock_is_here(address))
		return;
	ha_conf_address_text(address, false, text);
	ha_log(links->log, HA_LOG_WARN, "link.no-address",
	    "link=%s address=%s why=\"no interface here has it: give it to "
	    "one, or correct cluster.conf or the identity\"",
	    ha_link_name(link), text);
}

/* NULL in *out: this member has no such link. */
static int
open_listener(struct ha_links *links, const struct ha_cluster_conf *conf,
    uint8_t link, struct ha_listener **out)
{
	const struct ha_conf_address *own = own_address(links, conf, link);
	const struct ha_listener_events events = { .arg = links,
		.accepted = links_on_accepted,
		.exhausted = links_on_exhausted };
	uint16_t port = conf->link[link].port;
	char text[HA_CONF_ADDRESS_LEN];
	int fd, rc;

	*out = NULL;
	if (own->family == 0)
		return HA_OK;
	warn_of_absence(links, link, own);
	rc = ha_sock_listen(own, port, &fd);
	if (rc != HA_OK) {
		ha_conf_address_text(own, false, text);
		ha_log(links->log, HA_LOG_ERR, "link.listen-failed",
		    "link=%s address=%s port=%u why=\"%s\"",
		    ha_link_name(link), text, port,
		    rc == HA_ERR_EXISTS ? "address and port are in use" :
		    ha_err_text(rc));
		return rc;
	}
	*out = ha_listener_new(links->base, link, fd, &events);
	return *out != NULL ? HA_OK : HA_ERR_NOMEM;
}

static bool
moves(const struct ha_links *links, const struct ha_cluster_conf *conf,
    uint8_t link)
{
	return conf->link[link].port != links->conf->link[link].port ||
	    !ha_conf_same_host(own_address(links, conf, link),
	    own_address(links, links->conf, link));
}

int
ha_links_prepare(struct ha_links *links, const struct ha_cluster_conf *conf,
    uint8_t *failed)
{
	for (uint8_t link = 0; link < HA_LINK_MAX; link++) {
		int rc = HA_OK;

		links->moving[link] = moves(links, conf, link);
		if (links->moving[link])
			rc = open_listener(links, conf, link,
			    &links->next[link]);
		if (rc != HA_OK) {
			ha_links_abandon(links);
			*failed = link;
			return rc;
		}
	}
	return HA_OK;
}

void
ha_links_abandon(struct ha_links *links)
{
	for (uint8_t link = 0; link < HA_LINK_MAX; link++) {
		ha_listener_free(links->next[link]);
		links->next[link] = NULL;
		links->moving[link] = false;
	}
}

static void
move_listeners(struct ha_links *links)
{
	for (uint8_t link = 0; link < HA_LINK_MAX; link++) {
		if (!links->moving[link])
			continue;
		ha_listener_free(links->listeners[link]);
		links->listeners[link] = links->next[link];
		links->next[link] = NULL;
		links->moving[link] = false;
	}
}

/* --- whom there are links to --- */

static bool
is_wanted(const struct ha_links *links, const struct ha_conf_member *m,
    uint8_t link)
{
	return m != NULL && m->enabled && m->index != links->self &&
	    m->address[link].family != 0 &&
	    own_address(links, links->conf, link)->family != 0;
}

static void
begin_slot(struct slot *s, const struct ha_conf_member *m)
{
	struct ha_links *links = s->links;

	s->present = true;
	s->dials = links->self < s->peer;
	s->address = m->address[s->link];
	s->stats = (struct ha_link_stats){ .dials = s->dials };
	ha_backoff_init(&s->backoff, WAIT_FIRST, WAIT_LONGEST);
	links_set_phase(s, HA_LINK_PHASE_WAIT);
	links_schedule(s, (struct ha_dur){ (int64_t)ha_rng_below(&links->rng,
	    (uint64_t)WAIT_FIRST.ns / 2) });
}

/* Lines that have left their slot to a newer one. */
static void
close_leaving(const struct slot *s)
{
	struct ha_list *node, *tmp;

	HA_LIST_FOREACH_SAFE(node, tmp, &s->links->leaving) {
		struct line *l = HA_LIST_ENTRY(node, struct line, node);

		if (l->link == s->link &&
		    ha_conf_same_host(&l->from, &s->address))
			links_close_line(l);
	}
}

static void
end_slot(struct slot *s)
{
	if (s->up != NULL)
		links_end_line(s->up, HA_CONN_CHANGED);
	links_close_line(s->trying);
	close_leaving(s);
	event_del(s->timer);
	s->renewing = false;
	s->choice = 0;
	s->refused = 0;
	s->present = false;
}

/* m NULL: nobody has the index. */
static void
set_slot(struct slot *s, const struct ha_conf_member *m, bool anew)
{
	bool wanted = is_wanted(s->links, m, s->link);

	if (s->present && (anew || !wanted ||
	    !ha_conf_same_host(&s->address, &m->address[s->link])))
		end_slot(s);
	if (!s->present && wanted)
		begin_slot(s, m);
}

static void
tune_slot(const struct slot *s)
{
	uint32_t ms = s->links->conf->link[s->link].keepalive_threshold_ms;

	if (s->up != NULL)
		ha_sock_tune(ha_conn_fd(s->up->conn), ha_dur_ms(ms));
}

static void
set_slots(struct ha_links *links)
{
	for (uint8_t i = 1; i <= HA_MEMBER_MAX; i++) {
		const struct ha_conf_member *m =
		    ha_cluster_conf_find_index(links->conf, i);
		char *serial = links->serials[i - 1];
		bool replaced = m != NULL && strcmp(serial, m->serial) != 0;

		for (uint8_t link = 0; link < HA_LINK_MAX; link++) {
			struct slot *s = &links->slots[i - 1][link];

			set_slot(s, m, replaced || links->moving[link]);
			tune_slot(s);
		}
		if (m != NULL)
			memcpy(serial, m->serial, sizeof(m->serial));
	}
}

static int
make_slots(struct ha_links *links)
{
	for (uint8_t i = 0; i < HA_MEMBER_MAX; i++) {
		for (uint8_t link = 0; link < HA_LINK_MAX; link++) {
			struct slot *s = &links->slots[i][link];

			s->links = links;
			s->peer = (uint8_t)(i + 1);
			s->link = link;
			s->timer = evtimer_new(links->base, links_on_dial, s);
			if (s->timer == NULL)
				return HA_ERR_NOMEM;
		}
	}
	return HA_OK;
}

int
links_open_members(struct ha_links *links)
{
	int rc = make_slots(links);

	for (uint8_t link = 0; rc == HA_OK && link < HA_LINK_MAX; link++)
		rc = open_listener(links, links->conf, link,
		    &links->listeners[link]);
	if (rc == HA_OK)
		set_slots(links);
	return rc;
}

void
ha_links_set_members(struct ha_links *links)
{
	set_slots(links);
	move_listeners(links);
}
