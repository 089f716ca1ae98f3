// Element types that calls name, and small numbers that hosts and devices compute alike.
#pragma once

#include <stdint.h>

enum EnvdoctorType : int {
    ENVDOCTOR_NONE = 0,
    ENVDOCTOR_INT8 = 1,
    ENVDOCTOR_INT32 = 2,
    ENVDOCTOR_FLOAT16 = 3,
    ENVDOCTOR_BFLOAT16 = 4,
    ENVDOCTOR_FLOAT32 = 5,
};

// Where a call runs: the CPU, or a GPU by its ordinal.
constexpr int ENVDOCTOR_CPU = -1;

constexpr int64_t ceil_div(int64_t value, int64_t by) { return (value + by - 1) / by; }
constexpr int64_t round_up(int64_t value, int64_t to) { return ceil_div(value, to) * to; }
