#include "common/cpu.h"
#include "common/driver.h"
#include "common/hopper_choice.h"
#include "common/hopper_launch.h"
#include "common/hopper_shapes.h"
#include "common/status.h"
#include "common/threads.h"
#include "common/variants.h"
#include "gemm_w4a8/gemm_w4a8.h"

namespace {

constexpr int64_t kMost = 1 << 30;  // of which 32 bits hold every place

int check(const GemmW4A8& call) {
    if (call.m < 0 || call.n < 0 || call.k < 0 || call.k % 2 || call.k > kMost) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative, and k = %lld even and at most 2^30", call.k);
    }
    if (call.m == 0 || call.n == 0) return ENVDOCTOR_OK;
    if (call.k && (!call.x || !call.packed)) return fail(ENVDOCTOR_INVALID_ARGUMENT, "x and packed must not be null");
    if (call.n > kMost || call.group > kMost) return fail(ENVDOCTOR_INVALID_ARGUMENT, "n and group must be at most %lld", kMost);
    if (call.group < 0 || call.group % 32) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "group must be 0 or a multiple of 32, not %lld", call.group);
    }
    if (call.group && !call.group_scale) return fail(ENVDOCTOR_INVALID_ARGUMENT, "groups want group_scale");
    if (call.group && (call.out.x_zero || call.out.w_zero)) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "groups have zero points of their own, and activations none");
    }
    return check_epilogue(call.out);
}

using CpuVariant = void (*)(const GemmW4A8& call, int64_t panel_begin, int64_t panel_end);

// Panels shared between threads.
struct Work {
    const GemmW4A8* call;
    CpuVariant variant;
    int64_t size;
};

void do_piece(const void* context, int64_t i) {
    const Work& work = *static_cast<const Work*>(context);
    const int64_t panels = ceil_div(work.call->n, kW4Panel), begin = i * work.size, end = begin + work.size;
    work.variant(*work.call, begin, end < panels ? end : panels);
}

struct Variant {
    const char* name;
    int (*run)(const GemmW4A8& call, int device, void* stream, const Variant& self);
    CpuVariant cpu;
    int shape, split;  // on a CPU, shape is the panels of a tile
};

int run_reference(const GemmW4A8& call, int, void*, const Variant&) {
    gemm_w4a8_reference(call);
    return ENVDOCTOR_OK;
}
int run_cpu(const GemmW4A8& call, int, void*, const Variant& self) {
    const int64_t panels = ceil_div(call.n, kW4Panel);
    const Work work = {&call, self.cpu, items_of_piece(panels, call.m * kW4Panel * call.k, self.shape)};
    parallel(ceil_div(panels, work.size), do_piece, &work);
    return ENVDOCTOR_OK;
}
int run_direct(const GemmW4A8& call, int device, void* stream, const Variant&) {
    return gemm_w4a8_cuda_mma_direct(call, device, stream);
}
int run_tiled(const GemmW4A8& call, int device, void* stream, const Variant&) {
    return gemm_w4a8_cuda_mma_tiled(call, device, stream);
}
int run_sm90a(const GemmW4A8& call, int device, void* stream, const Variant& self) {
    return gemm_w4a8_cuda_sm90a(call, device, stream, self.shape, self.split);
}

enum Index { kAuto, kReference, kPortable, kAvx2, kAvx512, kAmx, kTiled, kDirect, kSm90a };
#if !defined(__x86_64__)
#define gemm_w4a8_cpu_avx2 nullptr
#define gemm_w4a8_cpu_avx512vnni nullptr
#endif
#if !defined(ENVDOCTOR_COMPILES_AMX)
#define gemm_w4a8_cpu_amx nullptr
#endif
constexpr Variant variants[] = {
    {"auto", nullptr, nullptr, 0, 0},
    {"reference", run_reference, nullptr, 0, 0},
    {"cpu_portable", run_cpu, gemm_w4a8_cpu_portable, 1, 1},
    {"cpu_avx2", run_cpu, gemm_w4a8_cpu_avx2, 1, 1},
    {"cpu_avx512vnni", run_cpu, gemm_w4a8_cpu_avx512vnni, 3, 1},
    {"cpu_amx", run_cpu, gemm_w4a8_cpu_amx, 4, 1},
    {"cuda_mma_tiled", run_tiled, nullptr, 0, 0},
    {"cuda_mma_direct", run_direct, nullptr, 0, 0},
    HOPPER_SPLITS("rows16", run_sm90a, 0),
    HOPPER_SPLITS("rows32", run_sm90a, 1),
    HOPPER_SPLITS("rows64", run_sm90a, 2),
    HOPPER_SPLITS("rows128", run_sm90a, 3),
    {"cuda_sm90a_square128", run_sm90a, nullptr, 4, 1},
    {"cuda_sm90a_turns64", run_sm90a, nullptr, 5, 1},
    {"cuda_sm90a_rows256", run_sm90a, nullptr, 6, 1},
    {"cuda_sm90a_turns256", run_sm90a, nullptr, 7, 1},
    HOPPER_SPLITS("groups16", run_sm90a, 8),
    HOPPER_SPLITS("groups32", run_sm90a, 9),
    HOPPER_SPLITS("groups64", run_sm90a, 10),
    {"cuda_sm90a_groups_square", run_sm90a, nullptr, 11, 1},
};
constexpr int kVariants = sizeof variants / sizeof *variants;
constexpr int kGroups16 = index_of(variants, "cuda_sm90a_groups16_k1");

// On Hopper, of how many rows direct is the fastest, and of up to so many columns, all of whose blocks then run at once.
constexpr int64_t kFewRows = 8, kDirectColumns = 8448;

constexpr hopper::Cost kManyRows[] = {
    {index_of(variants, "cuda_sm90a_rows128_k1"), hopper::kRows128, 1, 132, 2.4f, 7},
    {index_of(variants, "cuda_sm90a_rows128_k2"), hopper::kRows128, 2, 132, 5.8f, 3.4f},
    {index_of(variants, "cuda_sm90a_turns64"), hopper::kTurns64, 1, 132, 1.5f, 7.1f},
    {index_of(variants, "cuda_sm90a_square128"), hopper::kSquare128, 1, 132, 3.8f, 11},
    {index_of(variants, "cuda_sm90a_turns256"), hopper::kTurns256, 1, 132, 2.9f, 11.2f},
    {index_of(variants, "cuda_sm90a_rows256"), hopper::kRows256, 1, 132, 4.7f, 21.3f},
};
constexpr hopper::Cost kManyRowsInGroups[] = {
    {index_of(variants, "cuda_sm90a_groups64_k1"), hopper::kRows64, 1, 264, 1.8f, 14.8f},
    {index_of(variants, "cuda_sm90a_groups64_k2"), hopper::kRows64, 2, 132, 3.7f, 4},
    {index_of(variants, "cuda_sm90a_groups_square"), hopper::kSquare128, 1, 132, 3.4f, 21.4f},
};

int choose_on_gpu(const GemmW4A8& call, int device) {
    if (!runs_sm90a(call, device)) return fits_mma_direct(call) ? kDirect : kTiled;
    if (call.m <= kFewRows || (call.m <= 16 && call.n <= kDirectColumns)) return kDirect;
    if (call.m > 64 && call.group) return hopper::cheapest(kManyRowsInGroups, call.m, call.n, call.k);
    if (call.m > 64) return hopper::cheapest(kManyRows, call.m, call.n, call.k);
    const int shape = call.m <= 16 ? 0 : call.m <= 32 ? 1 : 2;
    // To scale groups, or to wait for few rows, holds a block up: two on a processor hide it.
    const bool alone = call.m > 32 && !call.group;
    const int64_t most = hopper::kProcessors * (alone ? 1 : 2), least = alone ? 24 : 8;
    const int split = hopper::split_of(ceil_div(call.n, kW4BlockN), ceil_div(call.k, kW4BlockK), most, least);
    return (call.group ? kGroups16 : kSm90a) + 3 * shape + split / 2;
}

// The best that runs here, as in gemm_w8a8: AMX is asked of the kernel, and is for more rows.
int most_on_cpu(const GemmW4A8& call) {
    if (variants[kAmx].cpu && (call.variant || call.m > 8) && cpu_use_amx()) return kAmx;
    return kPortable + best_vectors();
}

// The variant of a call, or -1 with a reason.
int choose(const GemmW4A8& call, int device) {
    if (call.variant < 0 || call.variant >= kVariants) {
        fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no variant %lld", call.variant);
        return -1;
    }
    if (device == ENVDOCTOR_CPU) {
        const int most = most_on_cpu(call), asked = call.variant ? call.variant : most;
        if (asked > kReference && asked > most) {
            fail(ENVDOCTOR_NOT_SUPPORTED, "variant %lld does not run here", asked);
            return -1;
        }
        return asked;
    }
    if (device_capability(device) < 0) return -1;
    if (!call.variant) return choose_on_gpu(call, device);
    const bool fits = call.variant == kTiled || (call.variant == kDirect && fits_mma_direct(call)) ||
                                (call.variant >= kSm90a && runs_sm90a(call, device) &&
                                 (call.variant >= kGroups16) == (call.group != 0) &&
                                 ceil_div(call.k, kW4BlockK) >= variants[call.variant].split);
    if (!fits) fail(ENVDOCTOR_NOT_SUPPORTED, "variant %lld does not run here, or not with this call", call.variant);
    return fits ? call.variant : -1;
}

struct Packing {
    const uint8_t* w;
    int64_t w_row, n, k;
    uint8_t* packed;
};

unsigned value_at(const Packing& of, int64_t n, int64_t k) {
    if (n >= of.n || k >= of.k) return 0;
    return of.w[n * of.w_row + k / 2] >> (k % 2 * 4) & 15;
}

void pack_panel(const void* context, int64_t panel) {
    const Packing& of = *static_cast<const Packing*>(context);
    uint8_t* to = of.packed + w4a8_panel_at(panel * kW4Panel, of.k);
    for (int64_t k0 = 0; k0 < of.k; k0 += kW4PanelK) {
        for (int64_t i = 0; i < kW4PanelBytes; ++i) {
            const int64_t n = panel * kW4Panel + i / 4, k = k0 + i % 4;
            // Of a signed half, the upper bit turned over is 8 more.
            *to++ = static_cast<uint8_t>((value_at(of, n, k) | value_at(of, n, k + 4) << 4) ^ 0x88);
        }
    }
}

void pack_block_row(const void* context, int64_t row) {
    const Packing& of = *static_cast<const Packing*>(context);
    uint8_t* to = of.packed + row * ceil_div(of.k, kW4BlockK) * kW4BlockBytes;
    for (int64_t k0 = 0; k0 < of.k; k0 += kW4BlockK) {
        for (int64_t i = 0; i < kW4BlockBytes; ++i) {
            // Byte i of a block: group of columns, half, thread, register, byte.
            const int64_t group = i >> 10, half = i >> 9 & 1, thread = i >> 4 & 31, r = i >> 2 & 3, byte = i & 3;
            const int64_t n = row * kW4BlockN + group * 16 + r % 2 * 8 + thread / 4;
            const int64_t k = k0 + half * 64 + r / 2 * 16 + thread % 4 * 4 + byte;
            *to++ = static_cast<uint8_t>(value_at(of, n, k) | value_at(of, n, k + 32) << 4);
        }
    }
}

}  // namespace

int envdoctor_gemm_w4a8(const GemmW4A8* given, int device, void* stream) {
    if (const int status = check(*given)) return status;
    if (given->m == 0 || given->n == 0) return ENVDOCTOR_OK;
    GemmW4A8 call = *given;
    call.out.n = call.n;
    call.out.k = call.k;
    const int variant = choose(call, device);
    return variant < 0 ? last_status() : variants[variant].run(call, device, stream, variants[variant]);
}

size_t envdoctor_gemm_w4a8_packed_bytes(int64_t n, int64_t k, int device) {
    if (n < 0 || k < 0) return 0;
    const int64_t values = device == ENVDOCTOR_CPU ? round_up(n, kW4Panel) * round_up(k, kW4PanelK)
                                                   : round_up(n, kW4BlockN) * round_up(k, kW4BlockK);
    return static_cast<size_t>(values / 2);
}

int envdoctor_gemm_w4a8_pack(const uint8_t* w, int64_t w_row, int64_t n, int64_t k, int device, void* packed) {
    if (n < 0 || k < 0 || k % 2) return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative, and k even");
    if (n && k && (!w || !packed)) return fail(ENVDOCTOR_INVALID_ARGUMENT, "w and packed must not be null");
    const Packing packing = {w, w_row, n, k, static_cast<uint8_t*>(packed)};
    if (device != ENVDOCTOR_CPU) {
        parallel(ceil_div(n, kW4BlockN), pack_block_row, &packing);
    } else {
        parallel(ceil_div(n, kW4Panel), pack_panel, &packing);
    }
    return ENVDOCTOR_OK;
}

int envdoctor_gemm_w4a8_variant(const GemmW4A8* call, int device) { return check(*call) ? -1 : choose(*call, device); }

const char* envdoctor_gemm_w4a8_variant_name(int variant) {
    return variant >= 0 && variant < kVariants ? variants[variant].name : nullptr;
}
