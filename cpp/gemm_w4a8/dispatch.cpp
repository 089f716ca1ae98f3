#include <string.h>

#include "common/driver.h"
#include "common/hopper_choice.h"
#include "common/hopper_launch.h"
#include "common/hopper_shapes.h"
#include "common/status.h"
#include "common/threads.h"
#include "gemm_w4a8/gemm_w4a8.h"

namespace {

constexpr int64_t kMostK = 1 << 30;  // of which 32 bits hold every place

int check(const GemmW4A8& call) {
    if (call.m < 0 || call.n < 0 || call.k < 0 || call.k % 2 || call.k > kMostK) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative, and k = %lld even and at most 2^30", call.k);
    }
    if (call.m == 0 || call.n == 0) return ENVDOCTOR_OK;
    if (call.k && (!call.x || !call.packed)) return fail(ENVDOCTOR_INVALID_ARGUMENT, "x and packed must not be null");
    if (call.group < 0 || call.group % 32) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "group must be 0 or a multiple of 32, not %lld", call.group);
    }
    if (call.group && !call.group_scale) return fail(ENVDOCTOR_INVALID_ARGUMENT, "groups want group_scale");
    if (call.group && (call.out.x_zero || call.out.w_zero)) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "groups have zero points of their own, and activations none");
    }
    return check_epilogue(call.out);
}

// Rows of y shared between threads.
struct Rows {
    const GemmW4A8* call;
    int64_t size;
};

void do_rows(const void* context, int64_t i) {
    const Rows& rows = *static_cast<const Rows*>(context);
    GemmW4A8 part = *rows.call;
    const int64_t begin = i * rows.size, left = part.n - begin;
    // A piece of the columns is a smaller call.
    part.n = left < rows.size ? left : rows.size;
    part.packed = static_cast<const uint8_t*>(part.packed) + begin * (part.k / 2);
    if (part.group_scale) part.group_scale += begin;
    if (part.group_zero) part.group_zero += begin;
    Epilogue& out = part.out;
    static const int64_t sizes[] = {0, 1, 4, 2, 2, 4};
    out.y = static_cast<char*>(out.y) + begin * sizes[out.y_type];
    if (out.bias) out.bias = static_cast<const char*>(out.bias) + begin * sizes[out.bias_type];
    if (out.w_scale) out.w_scale += begin * out.w_scale_step;
    if (out.w_zero) out.w_zero += begin * out.w_zero_step;
    if (out.w_sum) out.w_sum += begin;
    gemm_w4a8_reference(part);
}

struct Variant {
    const char* name;
    int (*run)(const GemmW4A8& call, int device, void* stream, const Variant& self);
    int shape, split;
};

int run_reference(const GemmW4A8& call, int, void*, const Variant&) {
    const Rows rows = {&call, ceil_div(call.n, envdoctor_threads() * 4)};
    parallel(ceil_div(call.n, rows.size), do_rows, &rows);
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

enum Index { kAuto, kReference, kTiled, kDirect, kSm90a };
#define SM90A(name, shape)                                                                           \
    {"cuda_sm90a_" name "_k1", run_sm90a, shape, 1}, {"cuda_sm90a_" name "_k2", run_sm90a, shape, 2}, \
        {"cuda_sm90a_" name "_k4", run_sm90a, shape, 4}
const Variant variants[] = {
    {"auto", nullptr, 0, 0},
    {"reference", run_reference, 0, 0},
    {"cuda_mma_tiled", run_tiled, 0, 0},
    {"cuda_mma_direct", run_direct, 0, 0},
    SM90A("rows8", 0),
    SM90A("rows16", 1),
    SM90A("rows32", 2),
    SM90A("rows64", 3),
    SM90A("rows128", 4),
    {"cuda_sm90a_square128", run_sm90a, 5, 1},
    {"cuda_sm90a_turns64", run_sm90a, 6, 1},
    {"cuda_sm90a_rows256", run_sm90a, 7, 1},
    SM90A("groups8", 8),
    SM90A("groups16", 9),
    SM90A("groups32", 10),
    SM90A("groups64", 11),
    {"cuda_sm90a_groups_square", run_sm90a, 12, 1},
};
constexpr int kVariants = sizeof variants / sizeof *variants;
constexpr int kGroups8 = kVariants - 13, kGroupsSquare = kVariants - 1, kSquare128 = kGroups8 - 3, kTurns64 = kGroups8 - 2, kRows256 = kGroups8 - 1;

constexpr hopper::Cost kManyRows[] = {
    {kSm90a + 12, hopper::kRows128, 1, 264, 1, 13.8f},
    {kTurns64, hopper::kTurns64, 1, 132, 2, 7.5f},
    {kSquare128, hopper::kSquare128, 1, 132, 2.5f, 13},
    {kRows256, hopper::kRows256, 1, 132, 2, 23.2f},
};
constexpr hopper::Cost kManyRowsInGroups[] = {
    {kGroups8 + 9, hopper::kRows64, 1, 264, 0.5f, 19.7f},
    {kGroups8 + 10, hopper::kRows64, 2, 264, 0.5f, 13},
    {kGroupsSquare, hopper::kSquare128, 1, 132, 1, 26.9f},
};

int choose_on_gpu(const GemmW4A8& call, int capability) {
    if (capability != 90 || !fits_sm90a(call)) return fits_mma_direct(call) ? kDirect : kTiled;
    if (call.m > 64 && call.group) return hopper::cheapest(kManyRowsInGroups, 3, call.m, call.n, call.k);
    if (call.m > 64) return hopper::cheapest(kManyRows, 4, call.m, call.n, call.k);
    const int shape = call.m <= 8 ? 0 : call.m <= 16 ? 1 : call.m <= 32 ? 2 : 3;
    // To widen codes holds a block up, not memory: several on a processor hide it.
    const int64_t most = hopper::kProcessors * (call.m <= 32 ? 16 : 7) / 4;
    const int split = hopper::split_of(ceil_div(call.n, kW4BlockN), ceil_div(call.k, kW4BlockK), most, 8);
    return (call.group ? kGroups8 : kSm90a) + 3 * shape + split / 2;
}

// The variant of a call, or -1 with a reason.
int choose(const GemmW4A8& call, int device) {
    if (call.variant < 0 || call.variant >= kVariants) {
        fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no variant %lld", call.variant);
        return -1;
    }
    int capability = 0;
    if (device != ENVDOCTOR_CPU && (capability = device_capability(device)) < 0) return -1;
    if (!call.variant) return device == ENVDOCTOR_CPU ? kReference : choose_on_gpu(call, capability);
    const bool fits = device == ENVDOCTOR_CPU
                          ? call.variant == kReference
                          : call.variant == kTiled || (call.variant == kDirect && fits_mma_direct(call)) ||
                                (call.variant >= kSm90a && capability == 90 && fits_sm90a(call) &&
                                 (call.variant >= kGroups8) == (call.group != 0) &&
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
    return static_cast<size_t>(device == ENVDOCTOR_CPU ? n * (k / 2) : round_up(n, kW4BlockN) * round_up(k, kW4BlockK) / 2);
}

int envdoctor_gemm_w4a8_pack(const uint8_t* w, int64_t w_row, int64_t n, int64_t k, int device, void* packed) {
    if (n < 0 || k < 0 || k % 2) return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative, and k even");
    if (n && k && (!w || !packed)) return fail(ENVDOCTOR_INVALID_ARGUMENT, "w and packed must not be null");
    const Packing packing = {w, w_row, n, k, static_cast<uint8_t*>(packed)};
    if (device != ENVDOCTOR_CPU) {
        parallel(ceil_div(n, kW4BlockN), pack_block_row, &packing);
    } else {
        for (int64_t row = 0; row < n; ++row) {
            memcpy(packing.packed + row * (k / 2), w + row * w_row, static_cast<size_t>(k / 2));
        }
    }
    return ENVDOCTOR_OK;
}

int envdoctor_gemm_w4a8_variant(const GemmW4A8* call, int device) { return check(*call) ? -1 : choose(*call, device); }

const char* envdoctor_gemm_w4a8_variant_name(int variant) {
    return variant >= 0 && variant < kVariants ? variants[variant].name : nullptr;
}
