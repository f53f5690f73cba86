/*
 * rig: a dataplane in the firewall of a world, and what it calls back with.
 *
 * One in a process, as its namespaces are.  rig_setup() and rig_teardown()
 * are the fixture of every test; what fails, ends the test.
 */
#ifndef HA_TESTS_LAB_RIG_H
#define HA_TESTS_LAB_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/dataplane.h"
#include "world.h"

#define OWNER    126
#define REPLICA  127
#define SEEN     4096
#define PATIENCE 5.0

/* All that the dataplane called back with. */
struct heard {
	struct ha_in_session sessions[SEEN];
	size_t n_sessions;
	struct {
		uint64_t ticket;
		int result;
	} done[SEEN];
	size_t n_done;
	int begins, ends, losses, reloads, table_losses;
};

extern struct world w;
extern struct heard h;
extern struct ha_dataplane *dp;
extern struct ha_dataplane_config config; /* for the next start() */

void rig_setup(void);
void rig_teardown(void);

void start(void);
void stop(void);

/* Turn the loop until *counter has reached n. */
void await(const size_t *counter, size_t n, const char *what);
void await_int(const int *counter, int n, const char *what);

/* Turn it for as long as an event would need to come. */
void quiet(void);

void forget(void);

/* The first event of this kind for a port of the original source. */
const struct ha_in_session *find(enum ha_session_event event,
    uint16_t src_port);
const struct ha_in_session *await_event(enum ha_session_event event,
    uint16_t src_port);
size_t count(enum ha_session_event event);

/* Have the whole table told. */
void dump(void);

/* What a dump shows of it: what replication carries. */
struct ha_in_session shown(uint16_t src_port);

struct ha_tuple tuple(const char *src, uint16_t src_port, const char *dst,
    uint16_t dst_port, uint8_t protocol);

/* Answered, assured, not translated. */
struct ha_record plain(const struct ha_tuple *orig);
struct ha_record udp(uint16_t port);

/* Do one and return its result. */
int operate(const struct ha_kernel_op *op);
int install(const struct ha_record *r);
int remove_entry(const struct ha_record *r);
int change(const struct ha_record *r, uint16_t what);

/* A datagram from the client to the server, and that it got there. */
void forward(uint16_t port);

/* A connection from the client to the server. */
void connect_through(uint16_t from, uint16_t to, int *client, int *server);

/* len bytes from one end to the other, and that they are the right ones. */
void transfer(int from, int to, size_t len);

#endif /* HA_TESTS_LAB_RIG_H */
