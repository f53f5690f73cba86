/*
 * privs: what this process may do, and giving up the rest.
 *
 * Errors     HA_ERR_PERM.
 */
#ifndef HA_SHELL_PRIVS_H
#define HA_SHELL_PRIVS_H

#include <stdbool.h>

#include "base/err.h"

/* Is what clusterd cannot do without there? */
bool ha_privs_enough(void);

/* Keep that, give up everything else, for this process and whatever it
 * should ever start. */
HA_MUST_USE int ha_privs_drop(void);

#endif /* HA_SHELL_PRIVS_H */
