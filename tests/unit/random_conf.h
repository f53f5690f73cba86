/*
 * random_conf: every cluster file that an operator can mean, for tests.
 *
 * Values are drawn by the rules of the file, so that a new key is drawn as
 * soon as it has one; the ends of every range come often.
 *
 * Ownership  plain values.
 */
#ifndef HA_TESTS_RANDOM_CONF_H
#define HA_TESTS_RANDOM_CONF_H

#include "base/rng.h"
#include "conf/cluster_conf.h"

/* What reading a file gives: in order, and every rule of it held. */
void random_conf(struct ha_rng *rng, struct ha_cluster_conf *out);

/* It as text, in memory that the caller frees. */
char *print_conf(const struct ha_cluster_conf *conf);

#endif /* HA_TESTS_RANDOM_CONF_H */
