#include "conf/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP "clusterd"

static int
from_errno(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return HA_ERR_ABSENT;
	case EEXIST:
		return HA_ERR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return HA_ERR_PERM;
	case ENOSPC:
	case EDQUOT:
		return HA_ERR_FULL;
	case ENOMEM:
		return HA_ERR_NOMEM;
	default:
		return HA_ERR_IO;
	}
}

static bool
is_our_group(gid_t gid)
{
	const struct group *g = getgrnam(GROUP);

	return g != NULL && g->gr_gid == gid;
}

static int
check_mode(const struct stat *st, struct ha_conf_report *report)
{
	unsigned int mode = st->st_mode & 07777u;

	if (!S_ISREG(st->st_mode))
		ha_conf_error(report, 0, "is no regular file");
	else if (st->st_uid != 0 && st->st_uid != geteuid())
		ha_conf_error(report, 0, "belongs to user %u, who could read "
		    "it: chown it to root", (unsigned int)st->st_uid);
	else if ((mode & S_IRWXO) != 0)
		ha_conf_error(report, 0, "is open to everybody (mode %04o): "
		    "chmod 0600", mode);
	else if ((mode & S_IRWXG) != 0 && !is_our_group(st->st_gid))
		ha_conf_error(report, 0, "is open to group %u (mode %04o): "
		    "chmod 0600, or chgrp " GROUP, (unsigned int)st->st_gid,
		    mode);
	else
		return HA_OK;
	return HA_ERR_PERM;
}

/* Up to one byte more than may be there; -1 with errno. */
static ssize_t
read_all(int fd, char *text)
{
	size_t len = 0;

	while (len < HA_SECRET_FILE_MAX + 1) {
		ssize_t n = read(fd, text + len,
		    HA_SECRET_FILE_MAX + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static int
check_content(const char *text, ssize_t len, struct ha_conf_report *report)
{
	if (len > HA_SECRET_FILE_MAX)
		ha_conf_error(report, 0, "is longer than %d bytes",
		    HA_SECRET_FILE_MAX);
	else if (memchr(text, '\0', (size_t)len) != NULL)
		ha_conf_error(report, 0, "has a zero byte: this is no text "
		    "file");
	else
		return HA_OK;
	return HA_ERR_CONFIG;
}

static int
read_open_file(int fd, struct ha_conf_report *report, char **out)
{
	char *text;
	struct stat st;
	ssize_t len;
	int rc;

	if (fstat(fd, &st) != 0) {
		ha_conf_error(report, 0, "can't be read: %s", strerror(errno));
		return from_errno(errno);
	}
	rc = check_mode(&st, report);
	if (rc != HA_OK)
		return rc;
	text = sodium_malloc(HA_SECRET_FILE_MAX + 2);
	if (text == NULL)
		return HA_ERR_NOMEM;
	len = read_all(fd, text);
	if (len < 0) {
		rc = from_errno(errno);
		ha_conf_error(report, 0, "can't be read: %s", strerror(errno));
	} else {
		rc = check_content(text, len, report);
	}
	if (rc != HA_OK) {
		sodium_free(text);
		return rc;
	}
	text[len] = '\0';
	*out = text;
	return HA_OK;
}

int
ha_secret_file_read(const char *path, struct ha_conf_report *report,
    char **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int rc;

	if (fd < 0) {
		rc = from_errno(errno);
		ha_conf_error(report, 0, "can't be read: %s", strerror(errno));
		return rc;
	}
	if (sodium_init() < 0)
		rc = HA_ERR_UNSUPPORTED;
	else
		rc = read_open_file(fd, report, out);
	close(fd);
	return rc;
}

void
ha_secret_file_free(char *text)
{
	sodium_free(text);
}

static int
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return from_errno(errno);
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0 ? HA_OK : from_errno(errno);
}

/* A new name is on disk when its directory is. */
static int
sync_directory(const char *path)
{
	char *copy = strdup(path);
	int rc = HA_OK;
	int fd;

	if (copy == NULL)
		return HA_ERR_NOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		rc = from_errno(errno);
	if (fd >= 0)
		close(fd);
	free(copy);
	return rc;
}

int
ha_secret_file_create(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
	    S_IRUSR | S_IWUSR);
	int rc;

	if (fd < 0)
		return from_errno(errno);
	rc = write_all(fd, text, len);
	if (close(fd) != 0 && rc == HA_OK)
		rc = from_errno(errno);
	if (rc == HA_OK)
		rc = sync_directory(path);
	if (rc != HA_OK)
		unlink(path);
	return rc;
}

/* --- rewriting --- */

struct draft {
	char *text; /* HA_SECRET_FILE_MAX bytes */
	size_t len;
	bool full;
};

static void
put(struct draft *d, const char *text, size_t len)
{
	if (len > HA_SECRET_FILE_MAX - d->len) {
		d->full = true;
		return;
	}
	memcpy(d->text + d->len, text, len);
	d->len += len;
}

static void
put_line(struct draft *d, const char *line)
{
	if (d->len > 0 && d->text[d->len - 1] != '\n')
		put(d, "\n", 1);
	put(d, line, strlen(line));
	put(d, "\n", 1);
}

/* scratch is a copy of text that the lines are cut out of. */
static void
edit_lines(struct draft *d, const char *text, char *scratch,
    const char *(*edit)(void *arg, char *line), void *arg)
{
	char *rest = scratch;
	size_t at = 0;
	char *line;

	while ((line = ha_secret_file_line(&rest)) != NULL) {
		const char *instead = edit(arg, line);
		size_t end = (size_t)(rest - scratch);

		if (instead == line)
			put(d, text + at, end - at);
		else if (instead != NULL)
			put_line(d, instead);
		at = end;
	}
}

/* Who could read the old file can read the new one, and nobody else. */
static int
write_like(int fd, const char *path, const struct draft *d)
{
	struct stat st;

	if (stat(path, &st) != 0 || fchown(fd, st.st_uid, st.st_gid) != 0 ||
	    fchmod(fd, st.st_mode & 07777u) != 0)
		return from_errno(errno);
	return write_all(fd, d->text, d->len);
}

static int
replace(const char *path, const struct draft *d)
{
	char name[PATH_MAX];
	int fd, rc;

	if (snprintf(name, sizeof(name), "%s.XXXXXX", path) >=
	    (int)sizeof(name))
		return HA_ERR_INVAL;
	fd = mkstemp(name);
	if (fd < 0)
		return from_errno(errno);
	rc = write_like(fd, path, d);
	if (close(fd) != 0 && rc == HA_OK)
		rc = from_errno(errno);
	if (rc == HA_OK && rename(name, path) != 0)
		rc = from_errno(errno);
	if (rc != HA_OK) {
		unlink(name);
		return rc;
	}
	return sync_directory(path);
}

/* What a link points to is replaced, not the link. */
static int
write_draft(const char *path, struct ha_conf_report *report,
    const struct draft *d)
{
	char *real;
	int rc;

	if (d->full) {
		ha_conf_error(report, 0, "has no room: at most %d bytes",
		    HA_SECRET_FILE_MAX);
		return HA_ERR_FULL;
	}
	real = realpath(path, NULL);
	rc = real != NULL ? replace(real, d) : from_errno(errno);
	if (rc != HA_OK)
		ha_conf_error(report, 0, "can't be written: %s",
		    ha_err_text(rc));
	free(real);
	return rc;
}

int
ha_secret_file_edit(const char *path, struct ha_conf_report *report,
    const char *(*edit)(void *arg, char *line), void *arg, const char *more)
{
	struct draft d = { .text = NULL };
	char *text = NULL;
	char *scratch = NULL;
	int rc;

	rc = ha_secret_file_read(path, report, &text);
	if (rc != HA_OK)
		return rc;
	d.text = sodium_malloc(HA_SECRET_FILE_MAX);
	scratch = sodium_malloc(strlen(text) + 1);
	rc = HA_ERR_NOMEM;
	if (d.text != NULL && scratch != NULL) {
		memcpy(scratch, text, strlen(text) + 1);
		edit_lines(&d, text, scratch, edit, arg);
		if (more != NULL)
			put_line(&d, more);
		rc = write_draft(path, report, &d);
	}
	sodium_free(scratch);
	sodium_free(d.text);
	ha_secret_file_free(text);
	return rc;
}

/* --- lines --- */

static char *
trim(char *line)
{
	size_t len;

	line += strspn(line, " \t\r");
	if (*line == '#')
		*line = '\0';
	len = strlen(line);
	while (len > 0 && strchr(" \t\r", line[len - 1]) != NULL)
		line[--len] = '\0';
	return line;
}

char *
ha_secret_file_line(char **text)
{
	char *line = *text;
	char *end;

	if (*line == '\0')
		return NULL;
	end = strchr(line, '\n');
	if (end == NULL) {
		*text = line + strlen(line);
	} else {
		*end = '\0';
		*text = end + 1;
	}
	return trim(line);
}
