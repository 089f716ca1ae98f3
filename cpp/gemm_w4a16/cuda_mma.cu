// gemm_w4a16 by mma.sync, for every GPU from Turing on; bfloat16 from Ampere on.
//
// A code without its zero point is an integer that float16 and bfloat16 both hold, so the products that go into the
// sums are exact; a sum is multiplied by its group's scale where the group ends, in float32.
#include "common/device.cuh"
#include "common/epilogue.h"
#include "common/few_rows.h"
#include "common/group_walk.cuh"
#include "common/warp_rows.cuh"
#include "gemm_w4a16/cuda_mma.h"
#include "gemm_w4a16/widen.cuh"

using namespace w4a16_mma;
using namespace few_rows;

constexpr int kWarps = kThreads / 32;

// c[16 x 8] += a[16 x 16] * b[16 x 8] of one warp.
template <class Type>
DEVICE void multiply(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1);

template <>
DEVICE void multiply<HalfType>(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    mma_half(c, a, b0, b1);
}

template <>
DEVICE void multiply<BfloatType>(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    mma_bfloat16(c, a, b0, b1);
}

// What the group of a k says of columns thread / 4 and thread / 4 + 8.
struct Group {
    unsigned low, high;

    DEVICE void load(const uint32_t* from) {
        low = __ldg(from);
        high = __ldg(from + 8);
    }
    // Of a k; behind the last one x is 0, and any group will do.
    DEVICE void load_of(const GemmW4A16& call, int n, int k) {
        const int group = static_cast<int>(call.group), last = (static_cast<int>(call.k) - 1) / group;
        load(words_of(call, call.scale_zero + n, k / group < last ? k / group : last));
    }

    // Of group `index`; rows of groups hold 0 for columns that are not there.
    static DEVICE const uint32_t* words_of(const GemmW4A16& call, const uint32_t* first, int index) {
        return first + static_cast<uint64_t>(static_cast<unsigned>(call.group_row)) * static_cast<unsigned>(index);
    }
};

// The codes of 16 columns and 64 k.
template <int Bits>
struct Codes {
    uint4 words[Bits / 4];

    DEVICE void load(const char* from) {
#pragma unroll
        for (int i = 0; i < Bits / 4; ++i) words[i] = load_once(from + i * 512);
    }
    // What one half needs; of 8 bits it lies in the place of the first.
    DEVICE void load_half(const char* from, int half) {
        words[0] = Bits == 8 ? load_once(from + half * 512) : __ldg(reinterpret_cast<const uint4*>(from));
    }
    // Of the two steps of a half, whose words lie at `place`.
    template <class Type>
    DEVICE void operands(unsigned (&a)[2][4], int place, int half, const Group& group) const {
        const uint4& own = words[Bits == 8 ? place : 0];
        const unsigned low = zero_of(group.low), high = zero_of(group.high);
        Widen<Type, Bits>::pairs(own.x, half, low, a[0][0], a[1][0]);
        Widen<Type, Bits>::pairs(own.y, half, high, a[0][1], a[1][1]);
        Widen<Type, Bits>::pairs(own.z, half, low, a[0][2], a[1][2]);
        Widen<Type, Bits>::pairs(own.w, half, high, a[0][3], a[1][3]);
    }
};

// Sums of a group that has not ended, and what those before it have added up to.
struct Sums {
    float now[4] = {}, total[4] = {};

    DEVICE void group_ends(float low, float high) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            total[i] = fmaf(now[i], i < 2 ? low : high, total[i]);
            now[i] = 0.0f;
        }
    }
};

DEVICE float bias_of(const GemmW4A16& call, int64_t n) {
    return call.bias_type == ENVDOCTOR_NONE ? 0.0f : epilogue::load(call.bias, call.bias_type, n);
}
DEVICE void store(const GemmW4A16& call, int64_t m, int64_t n, float value) {
    static_cast<uint16_t*>(call.y)[m * call.y_row + n] =
        call.type == ENVDOCTOR_FLOAT16 ? epilogue::to_half(value) : epilogue::to_bfloat16(value);
}

DEVICE const char* codes_of(const GemmW4A16& call, int64_t n0, int blocks, int bits) {
    const int64_t of_group = 128 * bits;
    const int64_t block_row = n0 / kW4A16BlockN * blocks * (4 * of_group);
    const int64_t group = n0 % kW4A16BlockN / 16;
    return static_cast<const char*>(call.packed) + block_row + group * of_group + threadIdx.x % 32 * 16;
}

DEVICE bool is_aligned(const GemmW4A16& call) {
    return ((reinterpret_cast<uintptr_t>(call.x) | static_cast<uintptr_t>(call.x_row) * 2) & 15) == 0;
}

// --- few rows of x: codes from memory to registers -------------------------------------------------------------------

// A block makes 32 columns of up to Tiles * 8 rows; each of its warps has a run of k. Lookups: of groups, for each block of
// 64 k: one, or two where groups are shorter.
template <class Type, int Bits, int Tiles, int Lookups>
DEVICE void direct(const GemmW4A16& call) {
    let_next_kernel_begin();
    constexpr int kSlots = 4 / Tiles, kAhead = 16 / (Tiles * Bits), kHalves = kColumns / 16;
    constexpr int kSpins = kAhead > kSlots ? kAhead : kSlots;  // steps in one turn of the loop
    using Rows = WarpRows<Tiles * kTile, kSlots>;
    static_assert(Rows::kBytes == few_rows::kBytes, "what the launch takes for each warp");
    extern __shared__ __align__(128) char memory[];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, column = lane / 4, part = lane % 4;
    const int n0 = blockIdx.x * kColumns;
    const int blocks = static_cast<int>((call.k + kW4A16BlockK - 1) / kW4A16BlockK);
    const WarpShare share(blocks);
    int left = share.count;
    const char* weights = codes_of(call, n0, blocks, Bits) + static_cast<int64_t>(share.first) * (512 * Bits);
    Rows rows(call.x, call.x_row * 2, call.m, call.k * 2, share, memory + warp * Rows::kBytes);
    Codes<Bits> ahead[kAhead][kHalves];
    Group groups[kAhead][Lookups][kHalves];
    const uint32_t* of_groups = call.scale_zero + n0 + column;
    asm volatile("" : "+l"(of_groups));  // or the compiler makes it anew for each
    const int size = static_cast<int>(call.group), last = (static_cast<int>(call.k) - 1) / size;
    GroupWalk walk(size, share.first * static_cast<int>(kW4A16BlockK));
    const GroupWalk::Stride to_lookup(size, static_cast<int>(kW4A16BlockK) / Lookups);
    // The block so many ahead; called for one after the other.
    const auto load = [&](int i, int steps) {
#pragma unroll
        for (int j = 0; j < kHalves; ++j) ahead[i][j].load(weights + steps * (512 * Bits) + j * (128 * Bits));
#pragma unroll
        for (int j = 0; j < Lookups; ++j) {
            const uint32_t* const words = Group::words_of(call, of_groups, Lookups == 1 || walk.index() < last ? walk.index() : last);
#pragma unroll
            for (int of = 0; of < kHalves; ++of) groups[i][j][of].load(words + of * 16);
            walk.advance(to_lookup);
        }
    };
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
        if (left > i) load(i, i);
    }
    wait_for_previous_kernel();
#pragma unroll
    for (int i = 0; i < kSlots; ++i) rows.copy(i, i);
    const int n = n0 + threadIdx.x % kColumns;  // of this thread's outputs
    const float bias = n < call.n ? bias_of(call, n) : 0.0f;

    const bool is_half = call.scale_type == ENVDOCTOR_FLOAT16;
    Sums sum[Tiles][kHalves];
    for (; left > 0; left -= kSpins) {
#pragma unroll
        for (int i = 0; i < kSpins; ++i) {
            if (left <= i) break;
            rows.wait();
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                unsigned x[Tiles][4];
#pragma unroll
                for (int tile = 0; tile < Tiles; ++tile) rows.operands(x[tile], i % kSlots, tile, half);
#pragma unroll
                for (int of = 0; of < kHalves; ++of) {
                    const Group& group = groups[i % kAhead][Lookups == 2 ? half : 0][of];
                    unsigned a[2][4];
                    ahead[i % kAhead][of].template operands<Type>(a, half, half, group);
#pragma unroll
                    for (int tile = 0; tile < Tiles; ++tile) {
                        multiply<Type>(sum[tile][of].now, a[0], x[tile][0], x[tile][1]);
                        multiply<Type>(sum[tile][of].now, a[1], x[tile][2], x[tile][3]);
                        if (half == 1 || Lookups == 2) {
                            sum[tile][of].group_ends(scale_of(group.low, is_half), scale_of(group.high, is_half));
                        }
                    }
                }
            }
            __syncwarp();
            if (left > i + kAhead) load(i % kAhead, i + kAhead);
            rows.copy(i % kSlots, i + kSlots);
        }
        weights += kSpins * 512 * Bits;
        rows.advance(kSpins);
    }

    wait_for_copies<0>();
    __syncthreads();
    constexpr int kOfWarp = Tiles * kTile * kColumns;
    static_assert(kOfWarp * 4 <= Rows::kBytes, "sums in the place of rows");
    float* const sums = reinterpret_cast<float*>(memory);
#pragma unroll
    for (int i = 0; i < Tiles * kHalves * 4; ++i) {
        const int tile = i / (kHalves * 4), of = i / 4 % kHalves;
        const int row = tile * kTile + part * 2 + i % 2, place = of * 16 + column + i / 2 % 2 * 8;
        sums[warp * kOfWarp + row * kColumns + place] = sum[tile][of].total[i % 4];
    }
    __syncthreads();
    for (int i = threadIdx.x; i < kOfWarp; i += blockDim.x) {
        const int m = i / kColumns;
        if (m >= call.m || n >= call.n) break;
        float total = bias;
        for (int w = 0; w < static_cast<int>(blockDim.x) / 32; ++w) total += sums[w * kOfWarp + i];
        store(call, m, n, total);
    }
}

// --- any rows: x in shared memory, codes in registers ----------------------------------------------------------------

DEVICE void copy_rows(char* to, const GemmW4A16& call, int64_t m0, int64_t k0, bool aligned) {
#pragma unroll 1
    for (int i = threadIdx.x; i < kTileM * 8; i += kThreads) {
        const int row = i / 8, part = i % 8;
        const int64_t left = m0 + row < call.m ? (call.k - k0 - part * 8) * 2 : 0;
        const int count = left > 16 ? 16 : left < 0 ? 0 : static_cast<int>(left);
        const uint16_t* const x = static_cast<const uint16_t*>(call.x);
        const uint16_t* const from = count ? x + (m0 + row) * call.x_row + k0 + part * 8 : x;
        char* const place = to + swizzled_128(row, part);
        if (aligned) {
            copy16(place, from, count);
        } else {
            *reinterpret_cast<uint4*>(place) = sixteen_by_bytes(reinterpret_cast<const int8_t*>(from), count);
        }
    }
}

template <int Split>
DEVICE void wait_for_sharers() {
    if (Split == 1) __syncwarp();
    if (Split != 1) __syncthreads();
}

// A block makes 64 rows and 128 columns; each of its 8 warps 16 columns of all rows. Or 64 columns, where two warps
// share the k of each stage (Split = 2): twice the blocks where there would be few.
template <class Type, int Bits, int Split>
DEVICE void tiled(const GemmW4A16& call) {
    let_next_kernel_begin();
    constexpr int kMmaM = kTileM / 8;
    constexpr bool kRolls = Bits == 8 && Split == 1;  // registers of a half take the next block's when it is used up
    constexpr int64_t kBlockBytes = 512 * Bits;
    __shared__ __align__(128) char xs[kStages][kTileM * 128];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, column = lane / 4, part = lane % 4;
    const int own = Split == 1 ? 0 : warp / (kWarps / 2);  // of the warps that share k
    const int columns = Split == 1 ? warp : warp % (kWarps / 2);
    const int64_t n0 = static_cast<int64_t>(blockIdx.x) * (kTileN / Split) + columns * 16;
    const int64_t m0 = static_cast<int64_t>(blockIdx.y) * kTileM;
    const int blocks = static_cast<int>((call.k + kW4A16BlockK - 1) / kW4A16BlockK);
    const bool is_there = n0 < call.n;  // else codes of other columns, whose results are not written
    const char* const weights = codes_of(call, is_there ? n0 : 0, blocks, Bits);
    const int group_column = (is_there ? static_cast<int>(n0) : 0) + column;
    Codes<Bits> now, next;
    Group group, next_group;
    if (blocks > 0) {
        if (Split == 1) next.load(weights);
        if (Split == 2) next.load_half(weights, own);
        next_group.load_of(call, group_column, own * 32);
    }
    wait_for_previous_kernel();
    const bool aligned = is_aligned(call), is_half = call.scale_type == ENVDOCTOR_FLOAT16;
#pragma unroll 1
    for (int stage = 0; stage < kStages - 1; ++stage) {
        if (stage < blocks) copy_rows(xs[stage], call, m0, stage * kW4A16BlockK, aligned);
        copies_begun();
    }
    Sums sum[kMmaM];  // rows of the product are columns of y: thread / 4 and + 8; its columns rows of y
    int begins_at = 0;  // the group after this one
#pragma unroll 1
    for (int block = 0; block < blocks; ++block) {
        if (!kRolls) {
            now = next;
            if (Split == 1 && block + 1 < blocks) next.load(weights + (block + 1) * kBlockBytes);
            if (Split == 2 && block + 1 < blocks) next.load_half(weights + (block + 1) * kBlockBytes, own);
        }
        wait_for_copies<kStages - 2>();
        __syncthreads();
        const int ahead = block + kStages - 1;
        if (ahead < blocks) copy_rows(xs[ahead % kStages], call, m0, ahead * kW4A16BlockK, aligned);
        copies_begun();
        const char* const xs_now = xs[block % kStages];
#pragma unroll
        for (int i = 0; i < 2 / Split; ++i) {
            const int half = Split == 1 ? i : own, k = block * 64 + half * 32;
            if (Split == 1 ? k == begins_at : k >= begins_at) {
                group = next_group;
                begins_at += static_cast<int>(call.group);
                if (Split == 2 && begins_at <= k) begins_at += static_cast<int>(call.group);  // the other's group of 32
                const bool other_half = Split == 2 && begins_at % 64 != own * 32;
                next_group.load_of(call, group_column, begins_at + (other_half ? 32 : 0));
            }
            unsigned a[2][4];
            (kRolls ? next : now).template operands<Type>(a, i, half, group);
            if (kRolls && block + 1 < blocks) {
                next.words[kRolls ? i : 0] = load_once(weights + (block + 1) * kBlockBytes + i * 512);
            }
#pragma unroll
            for (int j = 0; j < kMmaM; ++j) {
                unsigned x[4];
                load_matrices(x, shared_address(xs_now + swizzled_128(j * 8 + lane % 8, half * 4 + lane / 8)));
                multiply<Type>(sum[j].now, a[0], x[0], x[1]);
                multiply<Type>(sum[j].now, a[1], x[2], x[3]);
            }
            const bool ends = Split == 1 ? k + 32 == begins_at : k + 64 >= begins_at;
            if (ends || (block == blocks - 1 && i == 2 / Split - 1)) {
                const float low = scale_of(group.low, is_half), high = scale_of(group.high, is_half);
#pragma unroll
                for (int j = 0; j < kMmaM; ++j) sum[j].group_ends(low, high);
            }
        }
    }
    // Through shared memory, half of the rows of a warp at a time: what an output needs is then there once.
    float* const piece = reinterpret_cast<float*>(xs[0]) + warp * (kTileM / 2) * 16;
    const float* const of_first = piece - own * (kWarps / Split) * (kTileM / 2) * 16;
    static_assert(kWarps * (kTileM / 2) * 16 * 4 <= sizeof xs, "a piece for each warp");
    wait_for_copies<0>();
    __syncthreads();
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
        for (int i = 0; i < kMmaM / 2; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                piece[(i * 8 + part * 2 + j % 2) * 16 + column + j / 2 * 8] = sum[half * (kMmaM / 2) + i].total[j];
            }
        }
        wait_for_sharers<Split>();
#pragma unroll 1
        for (int at = own * 32 + lane; at < kTileM / 2 * 16; at += 32 * Split) {
            const int64_t m = m0 + half * (kTileM / 2) + at / 16, n = n0 + at % 16;
            const float value = Split == 1 ? piece[at] : of_first[at] + of_first[at + kWarps / 2 * (kTileM / 2) * 16];
            if (m < call.m && n < call.n) store(call, m, n, value + bias_of(call, n));
        }
        wait_for_sharers<Split>();
    }
}

// Kernels of bfloat16 are empty for Turing: dispatch.cpp does not launch them there.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define BFLOAT(body) body
#else
#define BFLOAT(body)
#endif
#define KERNEL(name, bounds, body) \
    extern "C" __global__ void __launch_bounds__ bounds name(const __grid_constant__ GemmW4A16 call) { body; }
#define DIRECT(type, T, bits, rows, tiles, guard)                                                                         \
    KERNEL(gemm_w4a16_##type##bits##_direct##rows, (kMostWarps * 32), guard((direct<T, bits, tiles, 1>(call))))                 \
    KERNEL(gemm_w4a16_##type##bits##_short_groups##rows, (kMostWarps * 32), guard((direct<T, bits, tiles, 2>(call))))
#define KERNELS(type, T, bits, tiled_bounds, guard)                                                  \
    DIRECT(type, T, bits, 8, 1, guard)                                                               \
    DIRECT(type, T, bits, 16, 2, guard)                                                              \
    KERNEL(gemm_w4a16_##type##bits##_tiled, tiled_bounds, guard((tiled<T, bits, 1>(call))))          \
    KERNEL(gemm_w4a16_##type##bits##_narrow, (kThreads), guard((tiled<T, bits, 2>(call))))
#define ALWAYS(body) body

// With 4 bits ptxas finds 128 registers enough for the tiled kernels, so two blocks share a processor; with 8 it would
// find so too, and spill.
KERNELS(half, HalfType, 4, (kThreads), ALWAYS)
KERNELS(half, HalfType, 8, (kThreads, 1), ALWAYS)
KERNELS(bfloat, BfloatType, 4, (kThreads), BFLOAT)
KERNELS(bfloat, BfloatType, 8, (kThreads, 1), BFLOAT)
