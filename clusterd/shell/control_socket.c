/*
 * The socket file, and who may ask on it.
 *
 * Who may connect is the file mode's business first, but the mode says
 * nothing when somebody has loosened it or when this process may not give the
 * socket to the group; so each client is asked for its credentials too.
 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shell/control_priv.h"
#include "shell/log.h"

/* --- who may ask --- */

static bool
in_groups(int fd, gid_t group)
{
	socklen_t len = 0;
	gid_t *groups;
	bool found = false;

	/* With no room the kernel says how much it takes. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 ||
	    errno != ERANGE)
		return false;
	groups = malloc(len);
	if (groups == NULL)
		return false;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		for (size_t i = 0; i < len / sizeof(*groups); i++)
			found |= groups[i] == group;
	}
	free(groups);
	return found;
}

bool
ha_control_may_ask(const struct ha_control *control, int fd,
    const struct ucred *peer)
{
	if (peer->uid == 0 || peer->uid == geteuid())
		return true;
	return control->has_group && (peer->gid == control->group ||
	    in_groups(fd, control->group));
}

/* --- the socket --- */

static int
socket_err(void)
{
	switch (errno) {
	case EACCES:
	case EPERM:
	case EROFS:
		return HA_ERR_PERM;
	case ENOENT:
	case ENOTDIR:
		return HA_ERR_ABSENT;
	case EADDRINUSE:
		return HA_ERR_EXISTS;
	case ENOMEM:
		return HA_ERR_NOMEM;
	default:
		return HA_ERR_IO;
	}
}

/* Remove the socket that a daemon left behind; HA_ERR_EXISTS: what is there
 * is in use, or no socket. */
static int
remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, rc, err;

	if (lstat(addr->sun_path, &st) != 0)
		return errno == ENOENT ? HA_OK : socket_err();
	if (!S_ISSOCK(st.st_mode))
		return HA_ERR_EXISTS;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return socket_err();
	rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	err = errno;
	close(fd);
	if (rc == 0 || err != ECONNREFUSED)
		return HA_ERR_EXISTS;
	if (unlink(addr->sun_path) != 0 && errno != ENOENT)
		return socket_err();
	return HA_OK;
}

/* The mode is right from the first moment on. */
static int
bind_socket(int fd, const struct sockaddr_un *addr)
{
	mode_t mask = umask(0117);
	int rc = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));
	int err = rc == 0 ? HA_OK : socket_err();

	umask(mask);
	return err;
}

/* Not to be allowed to is no error: root can still ask. */
static void
give_to_group(struct ha_control *control, const char *group)
{
	const struct group *gr = group == NULL ? NULL : getgrnam(group);

	if (gr == NULL)
		return;
	control->has_group = true;
	control->group = gr->gr_gid;
	if (chown(control->path, (uid_t)-1, gr->gr_gid) != 0 &&
	    control->parts.log != NULL)
		ha_log(control->parts.log, HA_LOG_WARN, "control.group",
		    "group=%s why=\"no right to give it the socket\"", group);
}

int
ha_control_open_socket(struct ha_control *control, const char *group, int *out)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err;

	memcpy(addr.sun_path, control->path, sizeof(addr.sun_path));
	err = remove_stale(&addr);
	if (err != HA_OK)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return socket_err();
	err = bind_socket(fd, &addr);
	if (err != HA_OK) {
		close(fd);
		return err;
	}
	control->bound = true;
	give_to_group(control, group);
	*out = fd;
	return HA_OK;
}
