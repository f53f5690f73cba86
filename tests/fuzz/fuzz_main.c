/*
 * A small fuzzer for "make check": no feedback, but the same run everywhere.
 *
 *	fuzz_x                  the target's seeds, each changed many times
 *	fuzz_x FILE...          these inputs, as they are
 *	fuzz_x --rounds N       that many changes in all
 *	fuzz_x --write DIR      write the seeds as a first corpus
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tests/fuzz/fuzz.h"

#define INPUT_MAX      (128 * 1024)
#define ROUNDS_DEFAULT 20000

static uint8_t input[INPUT_MAX];

/* In a block of just that size, so that a read behind it is noticed. */
static void
try_input(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len == 0 ? 1 : len);

	if (copy == NULL)
		abort();
	memcpy(copy, data, len);
	ha_fuzz_one(copy, len);
	free(copy);
}

static size_t
mutate(struct ha_rng *rng, size_t len)
{
	static const uint8_t ENDS[] = { 0x00, 0x7f, 0x80, 0xff };
	size_t at = (size_t)ha_rng_below(rng, len);
	size_t n = 1 + (size_t)ha_rng_below(rng, 16);

	switch (ha_rng_below(rng, 6)) {
	case 0:
		input[at] ^= (uint8_t)(1u << ha_rng_below(rng, 8));
		return len;
	case 1:
		input[at] = ENDS[ha_rng_below(rng, sizeof(ENDS))];
		return len;
	case 2:
		input[at] = (uint8_t)ha_rng_next(rng);
		return len;
	case 3: /* cut off the end */
		return at + 1;
	case 4: /* take some out */
		n = n > len - at ? len - at : n;
		memmove(input + at, input + at + n, len - at - n);
		return len - n;
	default: /* say some twice */
		n = n > len - at ? len - at : n;
		n = n > INPUT_MAX - len ? INPUT_MAX - len : n;
		memmove(input + at + n, input + at, len - at);
		return len + n;
	}
}

static void
run_seeds(unsigned long rounds)
{
	struct ha_rng rng = { 1 };
	unsigned int seed = 0;
	size_t len;

	for (unsigned long i = 0; i < rounds; i++) {
		len = ha_fuzz_seed(seed, input, sizeof(input));
		if (len == 0) {
			if (seed == 0)
				abort();
			seed = 0;
			continue;
		}
		seed++;
		if (i >= seed)
			for (uint64_t n = 1 + ha_rng_below(&rng, 4);
			    n > 0 && len > 0; n--)
				len = mutate(&rng, len);
		try_input(input, len);
	}
}

static int
run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t len;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	len = fread(input, 1, sizeof(input), f);
	fclose(f);
	try_input(input, len);
	return 0;
}

static int
write_seeds(const char *dir)
{
	char path[4096];
	size_t len;
	FILE *f;

	for (unsigned int i = 0;; i++) {
		len = ha_fuzz_seed(i, input, sizeof(input));
		if (len == 0)
			return 0;
		snprintf(path, sizeof(path), "%s/seed-%03u", dir, i);
		f = fopen(path, "wb");
		if (f == NULL || fwrite(input, 1, len, f) != len) {
			perror(path);
			return 1;
		}
		fclose(f);
	}
}

int
main(int argc, char **argv)
{
	int failed = 0;

	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_seeds(argv[2]);
	if (argc == 3 && strcmp(argv[1], "--rounds") == 0) {
		run_seeds(strtoul(argv[2], NULL, 10));
		return 0;
	}
	if (argc == 1)
		run_seeds(ROUNDS_DEFAULT);
	for (int i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	return failed;
}
