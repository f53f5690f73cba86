/*
 * flow: traffic whose content can be checked, for the demo and the tests.
 *
 * A server answers on one port, TCP and UDP; a client opens one flow of each
 * kind through whatever lies between them and tells what became of it.  The
 * byte at each position of a flow follows from the flow's seed, so that a
 * byte lost, repeated or changed on the way is seen at once, in both
 * directions.  A client never opens a second connection in place of a broken
 * one: a flow that stops has stopped.
 *
 * Units   positions and lengths in bytes; times in microseconds of the
 *         monotonic clock (int64_t ..._us).
 * Errors  functions that can fail return -1 and leave errno.
 */
#ifndef HA_TOOLS_FLOW_H
#define HA_TOOLS_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define FLOW_REQUEST_LEN  28   /* what opens every flow, TCP or UDP */
#define FLOW_REPORT_LEN   16   /* an upload's receiver tells its progress */
#define FLOW_ECHO_LEN     64   /* one line of the interactive flow */
#define FLOW_DATAGRAM_LEN 256  /* one datagram of the stream */
#define FLOW_CHUNK        65536

enum flow_kind {
	FLOW_DOWNLOAD = 1, /* TCP, the server sends */
	FLOW_UPLOAD,       /* TCP, the client sends, the server reports */
	FLOW_ECHO,         /* TCP, line by line, each answered */
	FLOW_STREAM,       /* UDP, many datagrams for one request */
	FLOW_PING,         /* UDP, the request itself comes back */
};

struct flow_request {
	enum flow_kind kind;
	uint64_t seed;
	uint32_t rate;    /* bytes a second, 0: as fast as it goes */
	uint32_t seconds; /* the server gives up after so long */
};

/* flow.c: what both ends share. */

void flow_request_put(uint8_t buf[static FLOW_REQUEST_LEN],
    const struct flow_request *req);

/* False: these bytes are no request of ours. */
bool flow_request_get(const uint8_t buf[static FLOW_REQUEST_LEN],
    struct flow_request *req);

void flow_put64(uint8_t *p, uint64_t v);
uint64_t flow_get64(const uint8_t *p);

/* Write the bytes that stand at pos and behind it. */
void flow_fill(uint64_t seed, uint64_t pos, uint8_t *buf, size_t len);

/* How many of the bytes are not what stands at pos and behind it. */
size_t flow_wrong(uint64_t seed, uint64_t pos, const uint8_t *buf, size_t len);

int64_t flow_now_us(void);

/* The bytes that a sender may have sent after so long, less those it has. */
uint64_t flow_allowance(uint32_t rate, int64_t elapsed_us, uint64_t sent);

/* An address and port of text, no names; for a server, also the socket. */
int flow_resolve(const char *host, const char *port,
    struct sockaddr_storage *addr, socklen_t *len);

/* Set by SIGTERM and SIGINT, and counted by SIGUSR1. */
bool flow_stopped(void);
unsigned flow_marks(void);

/* The two programs; both return an exit code. */

/* Serve until stopped or for so long. */
int flow_serve(const struct sockaddr_storage *addr, socklen_t len,
    int seconds);

struct flow_plan {
	uint32_t rate; /* of download and upload each */
	int seconds;   /* the run ends by itself after so long */
	int idle;      /* connections that rest until the end */
	int burst;     /* UDP sessions: when set, these and nothing else */
	int first_port; /* of the burst, at this end */
};

int flow_run(const struct sockaddr_storage *addr, socklen_t len,
    const struct flow_plan *plan);

#endif /* HA_TOOLS_FLOW_H */
