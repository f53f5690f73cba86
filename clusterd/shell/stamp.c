#include "shell/stamp.h"

#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "shell/clock.h"

#define HOST_BOOT "/proc/sys/kernel/random/boot_id"

/* Zeros when the kernel does not tell: absences are then never taken for
 * longer than they were. */
static void
read_host_boot(uint8_t out[static 16])
{
	int fd = open(HOST_BOOT, O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n;

	memset(out, 0, 16);
	if (fd < 0)
		return;
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n > 0)
		(void)sodium_hex2bin(out, 16, text, (size_t)n, "-\n", NULL,
		    NULL);
}

struct ha_store_time
ha_stamp_now(void)
{
	struct ha_store_time t = { .wall_s = ha_clock_wall_ms() / 1000 };
	struct timespec ts;

	HA_CHECK(clock_gettime(CLOCK_BOOTTIME, &ts) == 0);
	t.up_s = (int64_t)ts.tv_sec;
	read_host_boot(t.host_boot);
	return t;
}
