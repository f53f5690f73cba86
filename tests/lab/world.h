/*
 * world: a client, a firewall and a server in network namespaces, all within
 * one test process.
 *
 *     client 10.1.0.2 --- 10.1.0.1 firewall 10.2.0.1 --- 10.2.0.2 server
 *            fd01::2      fd01::1           fd02::1      fd02::2
 *
 * A socket belongs to the namespace in which it was made, so the process
 * steps into one, makes it and steps back; nothing outlives the process.
 */
#ifndef HA_TESTS_LAB_WORLD_H
#define HA_TESTS_LAB_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum place { FIREWALL, CLIENT, SERVER, PLACES };

struct world {
	int ns[PLACES];
	enum place here;
};

/* True: namespaces can be made, and this process is root in a user namespace
 * of its own if it was not root before.  False: *why says why not. */
bool world_possible(const char **why);

/* Ends the test on failure, as everything below.  Leaves the process in the
 * firewall's namespace. */
void world_make(struct world *w);

void world_go(struct world *w, enum place where);

/* Run a shell command in one place; it must succeed. */
void world_run(struct world *w, enum place where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Load a ruleset in the firewall. */
void world_ruleset(struct world *w, const char *text);

/* A bound socket of SOCK_DGRAM or SOCK_STREAM, non-blocking. */
int world_socket(struct world *w, enum place where, int type,
    const char *address, uint16_t port);

void world_connect(int fd, const char *address, uint16_t port);
void world_send_to(int fd, const char *text, const char *address,
    uint16_t port);

/* Wait up to ms for a datagram; "" if none came.  From whom, as text. */
const char *world_receive(int fd, int ms, char from[static 64],
    uint16_t *from_port);

/* Seconds of the monotonic clock. */
double world_clock(void);

#endif /* HA_TESTS_LAB_WORLD_H */
