#include "storage/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
ha_file_err(int error)
{
	switch (error) {
	case ENOENT:
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

char *
ha_file_name(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 1;
	char *name = malloc(size);

	if (name != NULL)
		snprintf(name, size, "%s%s", path, suffix);
	return name;
}

bool
ha_file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

int64_t
ha_file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int
sync_name(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	int rc = HA_OK;

	if (fd < 0)
		return ha_file_err(errno);
	if (fsync(fd) != 0)
		rc = ha_file_err(errno);
	close(fd);
	return rc;
}

int
ha_file_sync(const char *path)
{
	return sync_name(path, O_RDONLY);
}

/* Names are on disk when their directory is. */
int
ha_file_rename(const char *from, const char *to)
{
	char *copy;
	int rc;

	if (rename(from, to) != 0)
		return ha_file_err(errno);
	copy = strdup(to);
	if (copy == NULL)
		return HA_ERR_NOMEM;
	rc = sync_name(dirname(copy), O_RDONLY | O_DIRECTORY);
	free(copy);
	return rc;
}

int
ha_file_remove(const char *path)
{
	return unlink(path) == 0 || errno == ENOENT ? HA_OK :
	    ha_file_err(errno);
}

static int
copy_bytes(int from, int to)
{
	char buffer[16384];
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		for (ssize_t at = 0; at < n;) {
			ssize_t written = write(to, buffer + at,
			    (size_t)(n - at));

			if (written < 0)
				return ha_file_err(errno);
			at += written;
		}
	if (n < 0)
		return ha_file_err(errno);
	return fsync(to) == 0 ? HA_OK : ha_file_err(errno);
}

int
ha_file_copy(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out;
	int rc;

	if (in < 0)
		return ha_file_err(errno);
	out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (out < 0) {
		rc = ha_file_err(errno);
		close(in);
		return rc;
	}
	rc = copy_bytes(in, out);
	close(in);
	if (close(out) != 0 && rc == HA_OK)
		rc = ha_file_err(errno);
	return rc;
}
