#include "common/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>
#endif

namespace {

#if defined(__x86_64__)

constexpr bool has(uint32_t word, int bit) { return (word >> bit) & 1; }

// A processor can have instructions whose registers the operating system does not save: XCR0 says which it saves.
uint64_t saved_registers() {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (static_cast<uint64_t>(high) << 32) | low;
}

int detect() {
    constexpr uint64_t kSaveAvx = 0x06;     // SSE, AVX
    constexpr uint64_t kSaveAvx512 = 0xe6;  // the same and the mask and upper ZMM registers

    uint32_t eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return ENVDOCTOR_CPU_PORTABLE;
    const bool fma = has(ecx, 12), osxsave = has(ecx, 27), avx = has(ecx, 28);
    if (!osxsave || !avx) return ENVDOCTOR_CPU_PORTABLE;
    const uint64_t saved = saved_registers();

    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return ENVDOCTOR_CPU_PORTABLE;
    const bool avx2 = has(ebx, 5) && fma && (saved & kSaveAvx) == kSaveAvx;
    const bool avx512 = has(ebx, 16) && has(ebx, 17) && has(ebx, 30) && has(ebx, 31);  // F, DQ, BW, VL
    const bool vnni = has(ecx, 11);
    if (avx2 && avx512 && vnni && (saved & kSaveAvx512) == kSaveAvx512) return ENVDOCTOR_CPU_AVX512VNNI;
    return avx2 ? ENVDOCTOR_CPU_AVX2 : ENVDOCTOR_CPU_PORTABLE;
}

#else

int detect() { return ENVDOCTOR_CPU_PORTABLE; }

#endif

}  // namespace

// cpuid traps to the hypervisor in a virtual machine (tens of microseconds), so it is asked once, while the library
// loads. A plain int needs no lock then.
static const int level = detect();
static int limit = ENVDOCTOR_CPU_AVX512VNNI;

int envdoctor_cpu_level() { return level < limit ? level : limit; }

void envdoctor_limit_cpu_level(int most) { limit = most; }

const char* envdoctor_cpu_level_name(int level) {
    switch (level) {
        case ENVDOCTOR_CPU_PORTABLE: return "portable";
        case ENVDOCTOR_CPU_AVX2: return "avx2";
        case ENVDOCTOR_CPU_AVX512VNNI: return "avx512vnni";
    }
    return nullptr;
}
