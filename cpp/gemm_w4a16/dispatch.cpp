#include "common/cpu.h"
#include "common/driver.h"
#include "common/status.h"
#include "common/threads.h"
#include "gemm_w4a16/gemm_w4a16.h"

namespace {

// Kernels count columns and k in 32 bits.
constexpr int64_t kMost = int64_t{1} << 30;

bool is_16_bit(int32_t type) { return type == ENVDOCTOR_FLOAT16 || type == ENVDOCTOR_BFLOAT16; }

int check(const GemmW4A16& call) {
    if (call.m < 0 || call.n < 0 || call.k < 0) return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative");
    if (call.n > kMost || call.k > kMost || call.group > kMost) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "n, k and group must be at most %lld", kMost);
    }
    if (call.bits != 4 && call.bits != 8) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "codes of 4 or 8 bits, not %lld", call.bits);
    }
    if (!is_16_bit(call.type) || !is_16_bit(call.scale_type)) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "x, y and scales must be float16 or bfloat16");
    }
    if (call.bias_type != ENVDOCTOR_NONE && !is_16_bit(call.bias_type) && call.bias_type != ENVDOCTOR_FLOAT32) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "bias must be float16, bfloat16 or float32, not %lld", call.bias_type);
    }
    if (call.group < 32 || call.group % 32) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "group must be a multiple of 32, not %lld", call.group);
    }
    if (call.m == 0 || call.n == 0) return ENVDOCTOR_OK;
    if (!call.y || (call.bias_type != ENVDOCTOR_NONE && !call.bias) ||
        (call.k && (!call.x || !call.packed || !call.scale_zero))) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "x, packed, scale_zero, y and bias must not be null");
    }
    return ENVDOCTOR_OK;
}

using CpuVariant = void (*)(const GemmW4A16& call, int64_t begin, int64_t end);

// Columns shared between threads.
struct Columns {
    const GemmW4A16* call;
    CpuVariant variant;
    int64_t size;
};

void do_columns(const void* context, int64_t i) {
    const Columns& columns = *static_cast<const Columns*>(context);
    const int64_t begin = i * columns.size, end = begin + columns.size;
    columns.variant(*columns.call, begin, end < columns.call->n ? end : columns.call->n);
}

struct Variant {
    const char* name;
    CpuVariant cpu;
    int (*gpu)(const GemmW4A16& call, int device, void* stream);
};

enum Index { kAuto, kReference, kPortable, kAvx2, kAvx512, kDirect, kNarrow, kTiled, kVariants };
#if !defined(__x86_64__)
#define gemm_w4a16_cpu_avx2 nullptr
#define gemm_w4a16_cpu_avx512vnni nullptr
#endif
const Variant variants[kVariants] = {
    {"auto", nullptr, nullptr},
    {"reference", gemm_w4a16_reference, nullptr},
    {"cpu_portable", gemm_w4a16_cpu_portable, nullptr},
    {"cpu_avx2", gemm_w4a16_cpu_avx2, nullptr},
    {"cpu_avx512vnni", gemm_w4a16_cpu_avx512vnni, nullptr},
    {"cuda_mma_direct", nullptr, gemm_w4a16_cuda_mma_direct},
    {"cuda_mma_narrow", nullptr, gemm_w4a16_cuda_mma_narrow},
    {"cuda_mma_tiled", nullptr, gemm_w4a16_cuda_mma_tiled},
};

int best_on_cpu() {
    const int level = envdoctor_cpu_level();
    return level >= ENVDOCTOR_CPU_AVX512VNNI ? kAvx512 : level >= ENVDOCTOR_CPU_AVX2 ? kAvx2 : kPortable;
}

// Direct reads each code once and x once for each 16 columns; it has no more than 32 rows of sums in its registers.
constexpr int64_t kDirectRows = 32;
// Fewer tiles of 64 rows and 128 columns leave processors of a large GPU idle; twice as many narrow ones run at once.
constexpr int64_t kFewTiles = 132;

int choose_on_gpu(const GemmW4A16& call) {
    if (call.m <= kDirectRows) return kDirect;
    return ceil_div(call.n, 128) * ceil_div(call.m, 64) <= kFewTiles ? kNarrow : kTiled;
}

bool fits_gpu(const GemmW4A16& call, int variant, int capability) {
    if (call.type == ENVDOCTOR_BFLOAT16 && capability < 80) return false;
    if (variant == kDirect && call.m > kDirectRows) return false;
    return capability >= 75 && variant >= kDirect;
}

// The variant of a call, or -1 with a reason.
int choose(const GemmW4A16& call, int device) {
    if (call.variant < 0 || call.variant >= kVariants) {
        fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no variant %lld", call.variant);
        return -1;
    }
    const bool on_cpu = device == ENVDOCTOR_CPU;
    int capability = 0;
    if (!on_cpu && (capability = device_capability(device)) < 0) return -1;
    int variant = call.variant;
    if (!variant) variant = on_cpu ? best_on_cpu() : choose_on_gpu(call);
    const bool fits = on_cpu ? variant <= best_on_cpu() : fits_gpu(call, variant, capability);
    if (!fits) fail(ENVDOCTOR_NOT_SUPPORTED, "variant %lld does not run here, or not with this call", variant);
    return fits ? variant : -1;
}

struct Packing {
    const uint8_t* codes;
    int64_t n, k;
    int bits;
    uint8_t* packed;
};

unsigned code_at(const Packing& of, int64_t n, int64_t k) { return n < of.n && k < of.k ? of.codes[k * of.n + n] : 0u; }

void pack_panel(const void* context, int64_t panel) {
    const Packing& of = *static_cast<const Packing*>(context);
    const int64_t n0 = panel * kW4A16Panel;
    uint8_t* to = of.packed + w4a16_panel_at(n0, 0, of.k);
    for (int64_t k = 0; k < of.k; ++k) {
        for (int64_t j = 0; j < kW4A16Panel; ++j) *to++ = static_cast<uint8_t>(code_at(of, n0 + j, k));
    }
}

void pack_block_row(const void* context, int64_t row) {
    const Packing& of = *static_cast<const Packing*>(context);
    const int64_t bytes_of_group = 128 * of.bits, bytes_of_block = 4 * bytes_of_group;
    uint8_t* to = of.packed + row * ceil_div(of.k, kW4A16BlockK) * bytes_of_block;
    for (int64_t k0 = 0; k0 < of.k; k0 += kW4A16BlockK) {
        for (int64_t i = 0; i < bytes_of_block; ++i) {
            const int64_t group = i / bytes_of_group, thread = i >> 4 & 31, word = i >> 2 & 3, byte = i & 3;
            const int64_t n = row * kW4A16BlockN + group * 16 + word % 2 * 8 + thread / 4;
            const int64_t k = k0 + thread % 4 * 8;
            if (of.bits == 4) {
                const int64_t at = k + word / 2 * 32 + byte % 2 * 4 + byte / 2;
                *to++ = static_cast<uint8_t>(code_at(of, n, at) | code_at(of, n, at + 2) << 4);
            } else {
                const int64_t half = i % bytes_of_group / 512;
                *to++ = static_cast<uint8_t>(code_at(of, n, k + half * 32 + word / 2 * 4 + byte % 2 * 2 + byte / 2));
            }
        }
    }
}

}  // namespace

int envdoctor_gemm_w4a16(const GemmW4A16* call, int device, void* stream) {
    if (const int status = check(*call)) return status;
    if (call->m == 0 || call->n == 0) return ENVDOCTOR_OK;
    const int variant = choose(*call, device);
    if (variant < 0) return last_status();
    if (device != ENVDOCTOR_CPU) return variants[variant].gpu(*call, device, stream);
    // Whole panels; four pieces for each thread, as threads may be interrupted.
    const int64_t share = round_up(ceil_div(call->n, envdoctor_threads() * 4), kW4A16Panel);
    const Columns columns = {call, variants[variant].cpu, share};
    parallel(ceil_div(call->n, columns.size), do_columns, &columns);
    return ENVDOCTOR_OK;
}

size_t envdoctor_gemm_w4a16_packed_bytes(int64_t n, int64_t k, int bits, int device) {
    if (n < 0 || k < 0) return 0;
    if (device == ENVDOCTOR_CPU) return static_cast<size_t>(round_up(n, kW4A16Panel) * k);
    return static_cast<size_t>(round_up(n, kW4A16BlockN) * round_up(k, kW4A16BlockK) * bits / 8);
}

int envdoctor_gemm_w4a16_pack(const uint8_t* codes, int64_t n, int64_t k, int bits, int device, void* packed) {
    if (n < 0 || k < 0 || (bits != 4 && bits != 8)) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative, and bits 4 or 8");
    }
    if (n && k && (!codes || !packed)) return fail(ENVDOCTOR_INVALID_ARGUMENT, "codes and packed must not be null");
    const Packing packing = {codes, n, k, bits, static_cast<uint8_t*>(packed)};
    if (device != ENVDOCTOR_CPU) {
        parallel(ceil_div(n, kW4A16BlockN), pack_block_row, &packing);
    } else {
        parallel(ceil_div(n, kW4A16Panel), pack_panel, &packing);
    }
    return ENVDOCTOR_OK;
}

const char* envdoctor_gemm_w4a16_variant_name(int variant) {
    return variant >= 0 && variant < kVariants ? variants[variant].name : nullptr;
}
