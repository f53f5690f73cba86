/* The entry that libFuzzer calls. */
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	ha_fuzz_one(data, len);
	return 0;
}
