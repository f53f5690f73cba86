/*
 * conf_value: one value of cluster.conf, from text to its field and back.
 *
 * Errors     a value that is wrong leaves its field as it was, and the
 *            report says what would be right.
 */
#ifndef HA_CONF_CONF_VALUE_H
#define HA_CONF_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/cluster_conf.h"
#include "conf/conf_report.h"
#include "conf/conf_rules.h"
#include "conf/conf_tree.h"

/* Set the rule's field in the struct at base; of a list: append to it. */
bool ha_conf_value_set(const struct ha_rule *rule,
    const struct ha_tree_node *value, struct ha_conf_report *report,
    void *base);

/* The field as it is written in the file. */
void ha_conf_value_print(const struct ha_rule *rule, const void *base,
    FILE *out);

/* A string with its quotes. */
void ha_conf_string_print(const char *text, FILE *out);

/* Digits without a leading zero, from min to max. */
bool ha_conf_number_parse(const char *text, uint32_t min, uint32_t max,
    uint32_t *out);

/* Valid UTF-8 without control characters. */
bool ha_conf_text_valid(const char *text);

/* Printable ASCII without blanks, shorter than size. */
bool ha_conf_name_valid(const char *text, size_t size);

/* The first bits bytes of both are the same; of one family. */
bool ha_conf_address_in_subnet(const struct ha_conf_address *a,
    const struct ha_conf_address *b, unsigned int bits);

#endif /* HA_CONF_CONF_VALUE_H */
