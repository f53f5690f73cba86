/*
 * wall_clock: another wall clock for a process that loads this first.
 *
 * The file that WALL_CLOCK names holds by how many seconds it is wrong, and may
 * change at any time.  Clocks that only run stay as they are.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long long
wrong_by_s(void)
{
	const char *path = getenv("WALL_CLOCK");
	FILE *in = path == NULL ? NULL : fopen(path, "r");
	long long s = 0;

	if (in == NULL)
		return 0;
	if (fscanf(in, "%lld", &s) != 1)
		s = 0;
	fclose(in);
	return s;
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	static int (*next)(clockid_t, struct timespec *);
	int rc;

	if (next == NULL)
		*(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
	rc = next(clock, ts);
	if (rc == 0 && (clock == CLOCK_REALTIME ||
	    clock == CLOCK_REALTIME_COARSE))
		ts->tv_sec += (time_t)wrong_by_s();
	return rc;
}

time_t
time(time_t *out)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *tv, void *zone)
{
	struct timespec ts;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = (suseconds_t)(ts.tv_nsec / 1000);
	return 0;
}
