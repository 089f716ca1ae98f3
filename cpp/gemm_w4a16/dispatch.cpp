#include "common/cpu.h"
#include "common/driver.h"
#include "common/hopper_choice.h"
#include "common/hopper_launch.h"
#include "common/hopper_shapes.h"
#include "common/status.h"
#include "common/threads.h"
#include "common/variants.h"
#include "gemm_w4a16/gemm_w4a16.h"

namespace {

// Kernels count columns and k in 32 bits.
constexpr int64_t kMost = (int64_t{1} << 30) - 1;  // the bytes of a row of x are less than 2^31

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
    int (*gpu)(const GemmW4A16& call, int device, void* stream, const Variant& self);
    CpuVariant cpu;
    int shape, split;
};

int run_direct(const GemmW4A16& call, int device, void* stream, const Variant&) {
    return gemm_w4a16_cuda_mma_direct(call, device, stream);
}
int run_narrow(const GemmW4A16& call, int device, void* stream, const Variant&) {
    return gemm_w4a16_cuda_mma_narrow(call, device, stream);
}
int run_tiled(const GemmW4A16& call, int device, void* stream, const Variant&) {
    return gemm_w4a16_cuda_mma_tiled(call, device, stream);
}
int run_sm90a(const GemmW4A16& call, int device, void* stream, const Variant& self) {
    return gemm_w4a16_cuda_sm90a(call, device, stream, self.shape, self.split);
}

enum Index { kAuto, kReference, kPortable, kAvx2, kAvx512, kDirect, kNarrow, kTiled, kSm90a };
#if !defined(__x86_64__)
#define gemm_w4a16_cpu_avx2 nullptr
#define gemm_w4a16_cpu_avx512vnni nullptr
#endif
constexpr Variant variants[] = {
    {"auto", nullptr, nullptr, 0, 0},
    {"reference", nullptr, gemm_w4a16_reference, 0, 0},
    {"cpu_portable", nullptr, gemm_w4a16_cpu_portable, 0, 0},
    {"cpu_avx2", nullptr, gemm_w4a16_cpu_avx2, 0, 0},
    {"cpu_avx512vnni", nullptr, gemm_w4a16_cpu_avx512vnni, 0, 0},
    {"cuda_mma_direct", run_direct, nullptr, 0, 0},
    {"cuda_mma_narrow", run_narrow, nullptr, 0, 0},
    {"cuda_mma_tiled", run_tiled, nullptr, 0, 0},
    HOPPER_SPLITS("rows32", run_sm90a, 0),
    HOPPER_SPLITS("rows64", run_sm90a, 1),
    HOPPER_SPLITS("rows128", run_sm90a, 2),
    {"cuda_sm90a_square128", run_sm90a, nullptr, 3, 1},
    {"cuda_sm90a_turns64", run_sm90a, nullptr, 4, 1},
    {"cuda_sm90a_rows256", run_sm90a, nullptr, 5, 1},
    {"cuda_sm90a_turns256", run_sm90a, nullptr, 6, 1},
    HOPPER_SPLITS("sums64", run_sm90a, 7),
};
constexpr int kVariants = sizeof variants / sizeof *variants;
constexpr int kSums64 = index_of(variants, "cuda_sm90a_sums64_k1");

// Direct reads each code once and x once for each 32 columns; it has no more than 16 rows of sums in its registers.
constexpr int64_t kDirectRows = 16;
// Fewer tiles of 64 rows and 128 columns leave processors of a large GPU idle; twice as many narrow ones run at once.
constexpr int64_t kFewTiles = 132;

// What scales weights wants scales of the type of x; with others sums are scaled.
bool scales_weights(const GemmW4A16& call) { return call.scale_type == call.type; }

constexpr hopper::Cost kManyRows[] = {
    {index_of(variants, "cuda_sm90a_rows64_k2"), hopper::kRows64, 2, 264, 4.1f, 9.4f},
    {index_of(variants, "cuda_sm90a_rows128_k1"), hopper::kRows128, 1, 132, 1.8f, 15.4f},
    {index_of(variants, "cuda_sm90a_rows128_k2"), hopper::kRows128, 2, 264, 0.2f, 15.6f},
    {index_of(variants, "cuda_sm90a_square128"), hopper::kSquare128, 1, 132, 1.3f, 26.8f},
    {index_of(variants, "cuda_sm90a_turns64"), hopper::kTurns64, 1, 132, 1.6f, 16.3f},
    {index_of(variants, "cuda_sm90a_turns256"), hopper::kTurns256, 1, 132, 0.8f, 26.5f},
    {index_of(variants, "cuda_sm90a_rows256"), hopper::kRows256, 1, 132, 0.2f, 44.5f},
};

int choose_on_hopper(const GemmW4A16& call) {
    if (call.m <= kDirectRows) return kDirect;
    if (call.m > 64 && scales_weights(call)) return hopper::cheapest(kManyRows, call.m, call.n, call.k);
    const bool few = call.m <= 32;
    // To widen codes holds a block up, not memory: several on a processor hide it.
    const int64_t most = hopper::kProcessors * (few ? 4 : 2), least = few ? 7 : 12;
    const int split = hopper::split_of(ceil_div(call.n, kW4A16BlockN), ceil_div(call.k, kW4A16BlockK), most, least);
    return (!scales_weights(call) ? kSums64 : few ? kSm90a : kSm90a + 3) + split / 2;
}

int choose_on_gpu(const GemmW4A16& call, int device) {
    if (runs_sm90a(call, device)) return choose_on_hopper(call);
    if (call.m <= kDirectRows) return kDirect;
    return ceil_div(call.n, 128) * ceil_div(call.m, 64) <= kFewTiles ? kNarrow : kTiled;
}

bool fits_gpu(const GemmW4A16& call, int variant, int device) {
    if (variant == kDirect && call.m > kDirectRows) return false;
    if (variant >= kSm90a) {
        const bool has_k = ceil_div(call.k, kW4A16BlockK) >= variants[variant].split;
        return runs_sm90a(call, device) && has_k && (variant >= kSums64 || scales_weights(call));
    }
    return variant >= kDirect;
}

// The variant of a call, or -1 with a reason.
int choose(const GemmW4A16& call, int device) {
    if (call.variant < 0 || call.variant >= kVariants) {
        fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no variant %lld", call.variant);
        return -1;
    }
    const bool on_cpu = device == ENVDOCTOR_CPU;
    if (!on_cpu && !computes_with(device, call.type)) return -1;
    int variant = call.variant;
    if (!variant) variant = on_cpu ? kPortable + best_vectors() : choose_on_gpu(call, device);
    const bool fits = on_cpu ? variant <= kPortable + best_vectors() : fits_gpu(call, variant, device);
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
            const int64_t k = k0 + word / 2 * 8 + thread % 4 * 2 + byte / 2;
            if (of.bits == 4) {
                const int64_t at = k + byte % 2 * 32;
                *to++ = static_cast<uint8_t>(code_at(of, n, at) | code_at(of, n, at + 16) << 4);
            } else {
                *to++ = static_cast<uint8_t>(code_at(of, n, k + i % bytes_of_group / 512 * 32 + byte % 2 * 16));
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
    if (device != ENVDOCTOR_CPU) return variants[variant].gpu(*call, device, stream, variants[variant]);
    const int64_t panels = items_of_piece(ceil_div(call->n, kW4A16Panel), call->m * kW4A16Panel * call->k, 1);
    const Columns columns = {call, variants[variant].cpu, panels * kW4A16Panel};
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

int envdoctor_gemm_w4a16_variant(const GemmW4A16* call, int device) { return check(*call) ? -1 : choose(*call, device); }

const char* envdoctor_gemm_w4a16_variant_name(int variant) {
    return variant >= 0 && variant < kVariants ? variants[variant].name : nullptr;
}
