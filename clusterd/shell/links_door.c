/*
 * Connections that others begin: who may, and how many at once before they
 * have shown who they are.
 */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shell/links_priv.h"
#include "shell/sock.h"

#define GUESTS_MAX            64
#define GUESTS_MAX_OF_ADDRESS 4

static unsigned int
guests_of(const struct ha_links *links, const struct ha_conf_address *from)
{
	const struct ha_list *node;
	unsigned int n = 0;

	HA_LIST_FOREACH(node, &links->guests) {
		const struct line *l = HA_LIST_ENTRY((uintptr_t)node,
		    struct line, node);

		n += ha_conf_same_host(&l->from, from);
	}
	return n;
}

struct slot *
links_find_source(struct ha_links *links, uint8_t link,
    const struct ha_conf_address *from)
{
	for (uint8_t peer = 1; peer < links->self; peer++) {
		struct slot *s = links_find_slot(links, peer, link);

		if (s != NULL && ha_conf_same_host(&s->address, from))
			return s;
	}
	return NULL;
}

/* Why a connection from there is not let in; NULL: it is. */
static const char *
door(struct ha_links *links, const struct slot *source,
    const struct ha_conf_address *from)
{
	if (source == NULL) {
		links->counters->link_refused_source++;
		return "not-a-member";
	}
	if (links_is_quarantined(links, source->peer)) {
		links->counters->link_refused_twin++;
		return "two-machines-with-one-serial";
	}
	if (links->n_guests >= GUESTS_MAX) {
		links->counters->link_refused_half_open++;
		return "too-many";
	}
	if (guests_of(links, from) >= GUESTS_MAX_OF_ADDRESS) {
		links->counters->link_refused_from_source++;
		return "too-many-from-there";
	}
	return NULL;
}

static int
let_in(struct ha_links *links, uint8_t link, const struct slot *source,
    int fd, const struct ha_conf_address *from)
{
	struct ha_handshake_config *config =
	    links_prepare(links, source->peer, link);
	struct line *l = links_new_line(links, link, from);
	struct ha_handshake *h = NULL;
	int rc = HA_ERR_NOMEM;

	if (l == NULL)
		goto fail;
	rc = ha_handshake_new_responder(config, &h);
	if (rc != HA_OK)
		goto fail;
	ha_sock_tune(fd, ha_dur_ms(
	    links->conf->link[link].keepalive_threshold_ms));
	rc = ha_conn_accepted(links->env, fd, h, &l->conn);
	if (rc != HA_OK) {
		links_free_line(l);
		return rc;
	}
	ha_conn_set_owner(l->conn, l);
	ha_list_append(&links->guests, &l->node);
	links->n_guests++;
	return HA_OK;

fail:
	links_free_line(l);
	close(fd);
	return rc;
}

/* A member is told; a stranger is not. */
static void
say_why(int fd, const struct slot *source)
{
	uint8_t record[HA_REFUSAL_LEN];

	ha_refusal_encode(record, links_is_quarantined(source->links,
	    source->peer) ? HA_REFUSE_DUPLICATE : HA_REFUSE_BUSY);
	(void)send(fd, record, sizeof(record), MSG_NOSIGNAL);
}

void
links_on_accepted(void *arg, uint8_t link, int fd,
    const struct ha_conf_address *from)
{
	struct ha_links *links = arg;
	const struct slot *source = links_find_source(links, link, from);
	const char *why = door(links, source, from);
	char text[HA_CONF_ADDRESS_LEN];

	links->counters->link_accepts++;
	if (why != NULL) {
		if (source != NULL)
			say_why(fd, source);
		close(fd);
	} else {
		int rc = let_in(links, link, source, fd, from);

		if (rc == HA_OK)
			return;
		why = ha_err_text(rc);
	}
	ha_conf_address_text(from, false, text);
	ha_log_limited(links->log, HA_LOG_WARN, "link.refused",
	    source != NULL ? source->peer : 0,
	    "from=%s link=%s why=\"%s\"", text, ha_link_name(link), why);
}

void
links_on_exhausted(void *arg, uint8_t link)
{
	struct ha_links *links = arg;

	links->counters->link_refused_descriptors++;
	ha_log_limited(links->log, HA_LOG_ERR, "link.no-descriptor", link,
	    "link=%s why=\"no file descriptor is left to accept with\"",
	    ha_link_name(link));
}
