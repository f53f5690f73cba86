#include "shell/loop.h"

#include <event2/event.h>
#include <stdlib.h>

struct ha_loop {
	struct event_base *base;
	int exit_code;
};

struct ha_loop *
ha_loop_new(void)
{
	struct ha_loop *loop = calloc(1, sizeof(*loop));
	struct event_config *config = event_config_new();

	if (loop == NULL || config == NULL)
		goto fail;
	if (event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER |
	    EVENT_BASE_FLAG_NOLOCK) != 0)
		goto fail;
	loop->base = event_base_new_with_config(config);
	if (loop->base == NULL)
		goto fail;
	event_config_free(config);
	return loop;

fail:
	if (config != NULL)
		event_config_free(config);
	free(loop);
	return NULL;
}

void
ha_loop_free(struct ha_loop *loop)
{
	if (loop == NULL)
		return;
	event_base_free(loop->base);
	free(loop);
}

struct event_base *
ha_loop_base(struct ha_loop *loop)
{
	return loop->base;
}

int
ha_loop_run(struct ha_loop *loop)
{
	loop->exit_code = 0;
	if (event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0)
		return 1;
	return loop->exit_code;
}

void
ha_loop_stop(struct ha_loop *loop, int exit_code)
{
	loop->exit_code = exit_code;
	event_base_loopbreak(loop->base);
}

struct timeval
ha_loop_timeval(struct ha_dur d)
{
	int64_t us = d.ns <= 0 ? 0 : (d.ns + 999) / 1000;

	return (struct timeval){ .tv_sec = (time_t)(us / 1000000),
		.tv_usec = (suseconds_t)(us % 1000000) };
}
