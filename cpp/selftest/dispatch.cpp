#include "common/cpu.h"
#include "common/status.h"
#include "selftest/selftest.h"

int envdoctor_selftest_dot(
    int level,
    const int8_t* a,
    const int8_t* b,
    int64_t n,
    int32_t* out) {
    if (n < 0) return fail(ENVDOCTOR_INVALID_ARGUMENT, "n must not be negative, got %lld", n);
    if (!out || (n && (!a || !b))) return fail(ENVDOCTOR_INVALID_ARGUMENT, "a, b and out must not be null");
    if (!envdoctor_cpu_level_name(level)) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no CPU level %lld", level);
    }
    if (level > envdoctor_cpu_level()) {
        return fail(ENVDOCTOR_NOT_SUPPORTED, "CPU level %lld was asked for, this processor reaches %lld", level,
                    envdoctor_cpu_level());
    }
    switch (level) {
#if defined(__x86_64__)
        case ENVDOCTOR_CPU_AMX:  // adds registers for matrices alone
        case ENVDOCTOR_CPU_AVX512VNNI: *out = selftest_avx512vnni(a, b, n); break;
        case ENVDOCTOR_CPU_AVX2: *out = selftest_avx2(a, b, n); break;
#endif
        default: *out = selftest_reference(a, b, n);
    }
    return ENVDOCTOR_OK;
}
