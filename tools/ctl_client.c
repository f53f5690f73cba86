/* One connection to the daemon, one request at a time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/ctl.h"

#define ANSWER_TIMEOUT_S 30

void
ha_ctl_request_init(Ha__Ctl__Request *request)
{
	ha__ctl__request__init(request);
	request->protocol = HA_CONTROL_PROTOCOL;
}

void
ha_ctl_disconnect(struct ha_ctl *ctl)
{
	if (ctl->fd >= 0)
		close(ctl->fd);
	ctl->fd = -1;
}

/* HA_ERR_INVAL: no path for a socket; HA_ERR_IO: see errno. */
static int
open_connection(const char *path, int *out)
{
	static const struct timeval TIMEOUT = { ANSWER_TIMEOUT_S, 0 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path))
		return HA_ERR_INVAL;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return HA_ERR_IO;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &TIMEOUT,
	    sizeof(TIMEOUT)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &TIMEOUT,
	    sizeof(TIMEOUT)) != 0 ||
	    connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		int err = errno;

		close(fd);
		errno = err;
		return HA_ERR_IO;
	}
	*out = fd;
	return HA_OK;
}

static int
connect_failed(struct ha_ctl *ctl, int err)
{
	const char *path = ctl->options.socket;

	if (err == HA_ERR_INVAL)
		return ha_ctl_usage(ctl, "the path of the socket is too long");
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
	case ENOTDIR:
		return ha_ctl_fail(ctl, CTL_NO_DAEMON, "no-daemon",
		    "No clusterd answers at %s: is it running?", path);
	case EACCES:
	case EPERM:
		return ha_ctl_fail(ctl, CTL_REFUSED, "not-permitted",
		    "No right to use %s: ask as root or as a member of the "
		    "group " HA_CONTROL_GROUP ".", path);
	case EAGAIN:
		return ha_ctl_fail(ctl, CTL_REFUSED, "timeout",
		    "clusterd is there, but takes no connection at %s.", path);
	default:
		return ha_ctl_fail(ctl, CTL_REFUSED, "connect",
		    "Can't connect to %s: %s.", path, strerror(errno));
	}
}

bool
ha_ctl_daemon_is_there(struct ha_ctl *ctl)
{
	return ctl->fd >= 0 ||
	    open_connection(ctl->options.socket, &ctl->fd) == HA_OK;
}

/* What can't be written shows when the answer does not come: the daemon may
 * have said why and closed. */
static void
send_all(int fd, const uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		len -= (size_t)n;
	}
}

/* HA_ERR_SHORT: the daemon closed; HA_ERR_AGAIN: it said nothing in time. */
static int
receive(int fd, uint8_t *data, size_t len)
{
	while (len > 0) {
		ssize_t n = recv(fd, data, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return HA_ERR_AGAIN;
		if (n <= 0)
			return HA_ERR_SHORT;
		data += n;
		len -= (size_t)n;
	}
	return HA_OK;
}

static int
receive_answer(int fd, Ha__Ctl__Answer **out)
{
	uint8_t header[HA_CONTROL_HEADER];
	uint8_t *data;
	size_t len = 0;
	int err;

	err = receive(fd, header, sizeof(header));
	if (err != HA_OK)
		return err;
	err = ha_control_frame_length(header, HA_CONTROL_ANSWER_MAX, &len);
	if (err != HA_OK)
		return err;
	data = malloc(len);
	if (data == NULL)
		return HA_ERR_NOMEM;
	err = receive(fd, data, len);
	if (err == HA_OK)
		err = ha_control_decode_answer(data, len, out);
	free(data);
	return err;
}

static int
receive_failed(struct ha_ctl *ctl, int err)
{
	ha_ctl_disconnect(ctl);
	switch (err) {
	case HA_ERR_AGAIN:
		return ha_ctl_fail(ctl, CTL_REFUSED, "timeout",
		    "clusterd did not answer within %d seconds.",
		    ANSWER_TIMEOUT_S);
	case HA_ERR_SHORT:
		return ha_ctl_fail(ctl, CTL_NO_DAEMON, "no-daemon",
		    "clusterd went away before it had answered.");
	default:
		return ha_ctl_fail(ctl, CTL_REFUSED, "bad-answer",
		    "The answer at %s can't be understood: %s.",
		    ctl->options.socket, ha_err_text(err));
	}
}

static int
send_request(struct ha_ctl *ctl, const Ha__Ctl__Request *request)
{
	uint8_t frame[HA_CONTROL_HEADER + HA_CONTROL_REQUEST_MAX];
	size_t len = 0;
	int err;

	err = ha_control_encode_request(request, frame, sizeof(frame), &len);
	if (err != HA_OK)
		return ha_ctl_usage(ctl, "the filters are too long");
	if (ctl->fd < 0) {
		err = open_connection(ctl->options.socket, &ctl->fd);
		if (err != HA_OK)
			return connect_failed(ctl, err);
	}
	send_all(ctl->fd, frame, len);
	return CTL_DONE;
}

int
ha_ctl_ask(struct ha_ctl *ctl, const Ha__Ctl__Request *request,
    Ha__Ctl__Answer__BodyCase want, ha_ctl_take_fn take, void *arg)
{
	int rc = send_request(ctl, request);
	bool more = true;

	while (rc == CTL_DONE && more) {
		Ha__Ctl__Answer *answer = NULL;
		int err = receive_answer(ctl->fd, &answer);

		if (err != HA_OK)
			return receive_failed(ctl, err);
		more = answer->has_more && answer->more;
		if (answer->body_case == HA__CTL__ANSWER__BODY_ERROR)
			rc = ha_ctl_fail(ctl, CTL_REFUSED, answer->error->code,
			    "%s", answer->error->message);
		else if (answer->body_case != want)
			rc = receive_failed(ctl, HA_ERR_CORRUPT);
		else
			take(ctl, answer, arg);
		ha_control_free_answer(answer);
	}
	return rc;
}
