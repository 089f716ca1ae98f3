// The contract of the self-test: an int8 dot product, one signature for every CPU variant.
#pragma once

#include <stdint.h>

#include "common/api.h"

// n >= 0; a and b hold n values each, with no alignment asked for; the sum must fit 32 bits.
int32_t selftest_reference(const int8_t* a, const int8_t* b, int64_t n);
int32_t selftest_avx2(const int8_t* a, const int8_t* b, int64_t n);
int32_t selftest_avx512vnni(const int8_t* a, const int8_t* b, int64_t n);

// Run the variant of one CPU level (common/cpu.h) on the caller's data.
ENVDOCTOR_API int envdoctor_selftest_dot(
    int level,
    const int8_t* a,
    const int8_t* b,
    int64_t n,
    int32_t* out);
