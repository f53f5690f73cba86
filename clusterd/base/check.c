#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

void
ha_check_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "clusterd: bug: %s:%d: %s\n", file, line, cond);
	abort();
}
