/*
 * key_text: 32-byte keys as base64, the form in which people carry them.
 *
 * Ownership  plain bytes in and out; the caller wipes what is secret.
 */
#ifndef HA_CONF_KEY_TEXT_H
#define HA_CONF_KEY_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HA_KEY_BYTES    32
#define HA_KEY_TEXT_LEN 45 /* 44 characters and the terminator */

void ha_key_to_text(const uint8_t key[static HA_KEY_BYTES],
    char text[static HA_KEY_TEXT_LEN]);

/* HA_ERR_INVAL: not exactly 32 bytes in standard base64 with padding. */
HA_MUST_USE int ha_key_from_text(const char *text, size_t len,
    uint8_t key[static HA_KEY_BYTES]);

#endif /* HA_CONF_KEY_TEXT_H */
