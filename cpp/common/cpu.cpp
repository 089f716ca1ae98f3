#include "common/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
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

// arch_prctl of Linux 5.16 and newer: which registers a process may ask for, and asking.
constexpr int kSupportedRegisters = 0x1021, kAskForRegisters = 0x1023, kTileData = 18;

bool offers_tiles() {
    uint64_t registers = 0;
    return syscall(SYS_arch_prctl, kSupportedRegisters, &registers) == 0 && (registers >> kTileData & 1);
}

int detect() {
    constexpr uint64_t kSaveAvx = 0x06;     // SSE, AVX
    constexpr uint64_t kSaveAvx512 = 0xe6;  // the same and the mask and upper ZMM registers
    constexpr uint64_t kSaveTiles = 0x60000;

    uint32_t eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return ENVDOCTOR_CPU_PORTABLE;
    const bool fma = has(ecx, 12), osxsave = has(ecx, 27), avx = has(ecx, 28);
    if (!osxsave || !avx) return ENVDOCTOR_CPU_PORTABLE;
    const uint64_t saved = saved_registers();

    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return ENVDOCTOR_CPU_PORTABLE;
    const bool avx2 = has(ebx, 5) && fma && (saved & kSaveAvx) == kSaveAvx;
    const bool avx512 = has(ebx, 16) && has(ebx, 17) && has(ebx, 30) && has(ebx, 31);  // F, DQ, BW, VL
    const bool vnni = has(ecx, 11);
    const bool tiles = has(edx, 24) && has(edx, 25) && (saved & kSaveTiles) == kSaveTiles;  // AMX-TILE, AMX-INT8
    if (avx2 && avx512 && vnni && (saved & kSaveAvx512) == kSaveAvx512) {
        return tiles && offers_tiles() ? ENVDOCTOR_CPU_AMX : ENVDOCTOR_CPU_AVX512VNNI;
    }
    return avx2 ? ENVDOCTOR_CPU_AVX2 : ENVDOCTOR_CPU_PORTABLE;
}

#else

int detect() { return ENVDOCTOR_CPU_PORTABLE; }

#endif

}  // namespace

// cpuid traps to the hypervisor in a virtual machine (tens of microseconds), so it is asked once, while the library
// loads. A plain int needs no lock then.
static const int level = detect();
static int limit = ENVDOCTOR_CPU_AMX;

int envdoctor_cpu_level() { return level < limit ? level : limit; }

void envdoctor_limit_cpu_level(int most) { limit = most; }

int best_vectors() {
    const int level = envdoctor_cpu_level();
    return level < ENVDOCTOR_CPU_AVX512VNNI ? level : ENVDOCTOR_CPU_AVX512VNNI;
}

int cpu_use_amx() {
    if (envdoctor_cpu_level() < ENVDOCTOR_CPU_AMX) return 0;
#if defined(__x86_64__)
    static int answer = -1;  // asking twice does no harm
    int known = __atomic_load_n(&answer, __ATOMIC_RELAXED);
    if (known < 0) {
        known = syscall(SYS_arch_prctl, kAskForRegisters, kTileData) == 0;
        __atomic_store_n(&answer, known, __ATOMIC_RELAXED);
    }
    return known;
#else
    return 0;
#endif
}

const char* envdoctor_cpu_level_name(int level) {
    switch (level) {
        case ENVDOCTOR_CPU_PORTABLE: return "portable";
        case ENVDOCTOR_CPU_AVX2: return "avx2";
        case ENVDOCTOR_CPU_AVX512VNNI: return "avx512vnni";
        case ENVDOCTOR_CPU_AMX: return "amx";
    }
    return nullptr;
}
