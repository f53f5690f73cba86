/*
 * fuzz: what a fuzz target brings.
 *
 * With libFuzzer only ha_fuzz_one() counts (it is called through
 * LLVMFuzzerTestOneInput).  Without it fuzz_main.c makes a program for
 * "make check" that changes the target's own seeds, always the same way.
 *
 * Errors     a target that finds a fault aborts.
 */
#ifndef HA_TESTS_FUZZ_H
#define HA_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Try one input, of any length. */
void ha_fuzz_one(const uint8_t *data, size_t len);

/* Write good input number i, at most cap bytes; its length.  0: there are no
 * more. */
size_t ha_fuzz_seed(unsigned int i, uint8_t *out, size_t cap);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#endif /* HA_TESTS_FUZZ_H */
