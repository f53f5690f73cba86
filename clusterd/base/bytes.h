/*
 * bytes: numbers in byte strings, little endian, checked by the caller.
 */
#ifndef HA_BASE_BYTES_H
#define HA_BASE_BYTES_H

#include <stdint.h>

static inline void
ha_put_u16(uint8_t out[static 2], uint16_t v)
{
	out[0] = (uint8_t)v;
	out[1] = (uint8_t)(v >> 8);
}

static inline uint16_t
ha_get_u16(const uint8_t in[static 2])
{
	return (uint16_t)(in[0] | in[1] << 8);
}

static inline void
ha_put_u64(uint8_t out[static 8], uint64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t
ha_get_u64(const uint8_t in[static 8])
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v |= (uint64_t)in[i] << (8 * i);
	return v;
}

#endif /* HA_BASE_BYTES_H */
