#include "shell/background.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

/* A byte means ready; an end without one means that the child has ended. */
static void
wait_for_child(int fd, pid_t child)
{
	int status;
	char byte;
	ssize_t n;

	do {
		n = read(fd, &byte, 1);
	} while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int
ha_background_begin(struct ha_background *b)
{
	int fds[2];
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return HA_ERR_IO;
	child = fork();
	if (child < 0) {
		close(fds[0]);
		close(fds[1]);
		return HA_ERR_IO;
	}
	if (child > 0) {
		close(fds[1]);
		wait_for_child(fds[0], child);
	}
	close(fds[0]);
	(void)setsid();
	b->pipe = fds[1];
	return HA_OK;
}

void
ha_background_ready(struct ha_background *b)
{
	static const char READY = 0;
	int null;

	if (b->pipe < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
		close(null);
	}
	(void)!write(b->pipe, &READY, 1);
	close(b->pipe);
	b->pipe = -1;
}
