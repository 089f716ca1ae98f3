// gemm_w4a8 by mma.sync, for every GPU from Turing on.
#include "common/device.cuh"
#include "common/few_rows.h"
#include "common/group_walk.cuh"
#include "common/int4.cuh"
#include "common/warp_rows.cuh"
#include "gemm_w4a8/cuda_mma.h"

using namespace w4a8_mma;
using namespace few_rows;

constexpr int kWarps = kThreads / 32;

// The weights of 16 columns and 128 k, as four operands of mma_int8.
struct Block {
    uint4 halves[2];

    DEVICE void load(const char* from) {
        halves[0] = load_once(from);
        halves[1] = load_once(from + 512);
    }
    // Columns thread / 4 and thread / 4 + 8 have zero points of their own.
    DEVICE void operand(unsigned (&a)[4], int step, unsigned zero, unsigned zero8) const {
        const uint4& half = halves[step / 2];
        const int shift = step % 2 * 4;
        a[0] = int4_values(half.x >> shift, zero), a[1] = int4_values(half.y >> shift, zero8);
        a[2] = int4_values(half.z >> shift, zero), a[3] = int4_values(half.w >> shift, zero8);
    }
};

// Scale and zero point of group `index` of a column.
struct Group {
    float scale;
    unsigned zero;

    DEVICE Group() : scale(1.0f), zero(0x08080808u) {}
    DEVICE Group(const GemmW4A8& call, int64_t n, int index) : Group() {
        if (!call.group) return;
        const unsigned row = static_cast<unsigned>(call.group_row), at = static_cast<unsigned>(index);
        const int64_t place = static_cast<int64_t>(static_cast<uint64_t>(row) * at) + n;
        scale = call.group_scale[place];
        if (call.group_zero) zero = static_cast<unsigned>(call.group_zero[place] + 8) * 0x01010101u;
    }
};

// Sums of products, and what groups that are complete have added up to.
template <bool Grouped>
struct Sums {
    int now[4] = {};
    float total[4] = {};

    DEVICE void group_ends(const Group& low, const Group& high) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const float scale = i < 2 ? low.scale : high.scale;
            total[i] = epilogue::add(total[i], epilogue::multiply(scale, static_cast<float>(now[i])));
            now[i] = 0;
        }
    }
};

// --- few rows of x: weights from memory to registers ------------------------------------------------------------------

// Without groups values stay in the upper halves of bytes, so that no sign has to be extended: sums are 16 times too large.
DEVICE void upper_operand(unsigned (&a)[4], const uint4& half, int step) {
    constexpr unsigned kUpper = 0xf0f0f0f0u;
    const int shift = step % 2 ? 0 : 4;
    a[0] = half.x << shift & kUpper, a[1] = half.y << shift & kUpper;
    a[2] = half.z << shift & kUpper, a[3] = half.w << shift & kUpper;
}

// A block makes 32 columns of up to Tiles * 8 rows; each of its warps has a run of k. Lookups: of groups, for each block of
// 128 k: none, one, or four where groups are shorter.
template <int Tiles, int Lookups>
DEVICE void direct(const GemmW4A8& call) {
    let_next_kernel_begin();
    constexpr bool kGrouped = Lookups > 0;
    constexpr int kSlots = 4 / Tiles, kAhead = Lookups == 4 ? 1 : kGrouped ? 2 : kSlots, kHalves = kColumns / 16;
    using Rows = WarpRows<Tiles * kTile, kSlots>;
    static_assert(Rows::kBytes == few_rows::kBytes, "what the launch takes for each warp");
    extern __shared__ __align__(128) char memory[];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, column = lane / 4, part = lane % 4;
    const int n0 = blockIdx.x * kColumns;
    const int blocks = static_cast<int>((call.k + kW4BlockK - 1) / kW4BlockK);
    const WarpShare share(blocks);
    int left = share.count;
    const char* weights = static_cast<const char*>(call.packed) +
                          (static_cast<int64_t>(n0 / kW4BlockN) * blocks + share.first) * kW4BlockBytes +
                          n0 % kW4BlockN / 16 * 1024 + lane * 16;
    Rows rows(call.x, call.x_row, call.m, call.k, share, memory + warp * Rows::kBytes);
    Block ahead[kAhead][kHalves];
    Group low[kAhead][kGrouped ? Lookups : 1][kHalves], high[kAhead][kGrouped ? Lookups : 1][kHalves];
    const int group = kGrouped ? static_cast<int>(call.group) : 1, last = kGrouped ? (static_cast<int>(call.k) - 1) / group : 0;
    GroupWalk walk(group, share.first * static_cast<int>(kW4BlockK));
    const GroupWalk::Stride to_lookup(group, static_cast<int>(kW4BlockK) / (kGrouped ? Lookups : 1));
    // The block so many ahead; called for one after the other.
    const auto load = [&](int i, int steps) {
#pragma unroll
        for (int of = 0; of < kHalves; ++of) ahead[i][of].load(weights + steps * static_cast<int>(kW4BlockBytes) + of * 1024);
#pragma unroll
        for (int j = 0; j < Lookups; ++j) {
            const int index = Lookups == 1 || walk.index() < last ? walk.index() : last;
#pragma unroll
            for (int of = 0; of < kHalves; ++of) {
                low[i][j][of] = Group(call, n0 + of * 16 + column, index);
                high[i][j][of] = Group(call, n0 + of * 16 + column + 8, index);
            }
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

    // Of this thread's first output; it makes all that are so many rows apart.
    int m = threadIdx.x / kColumns;
    const int n = n0 + threadIdx.x % kColumns, warps = static_cast<int>(blockDim.x) / 32;
    epilogue::Factors factors(call.out, m, n, m < call.m && n < call.n);

    Sums<kGrouped> sum[Tiles][kHalves];
    for (; left > 0; left -= kSlots) {
#pragma unroll
        for (int i = 0; i < kSlots; ++i) {
            if (left <= i) break;
            rows.wait();
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                unsigned x[Tiles][4];
#pragma unroll
                for (int tile = 0; tile < Tiles; ++tile) rows.operands(x[tile], i, tile, half);
#pragma unroll
                for (int step = half * 2; step < half * 2 + 2; ++step) {
#pragma unroll
                    for (int of = 0; of < kHalves; ++of) {
                        const Block& block = ahead[i % kAhead][of];
                        const Group& own_low = low[i % kAhead][Lookups == 4 ? step : 0][of];
                        const Group& own_high = high[i % kAhead][Lookups == 4 ? step : 0][of];
                        unsigned a[4];
                        if (kGrouped) block.operand(a, step, own_low.zero, own_high.zero);
                        if (!kGrouped) upper_operand(a, block.halves[half], step);
#pragma unroll
                        for (int tile = 0; tile < Tiles; ++tile) {
                            mma_int8(sum[tile][of].now, a, x[tile][step % 2 * 2], x[tile][step % 2 * 2 + 1]);
                            if (Lookups == 4 || (kGrouped && step == 3)) sum[tile][of].group_ends(own_low, own_high);
                        }
                    }
                }
            }
            __syncwarp();
            if (left > i + kAhead) load(i % kAhead, i + kAhead);
            rows.copy(i, i + kSlots);
        }
        weights += kSlots * kW4BlockBytes;
        rows.advance(kSlots);
    }

    wait_for_copies<0>();
    __syncthreads();
    constexpr int kOfWarp = Tiles * kTile * kColumns;
    static_assert(kOfWarp * 4 <= Rows::kBytes, "sums in the place of rows");
    int* const sums = reinterpret_cast<int*>(memory);
#pragma unroll
    for (int i = 0; i < Tiles * kHalves * 4; ++i) {
        const int tile = i / (kHalves * 4), of = i / 4 % kHalves;
        const int row = tile * kTile + part * 2 + i % 2, place = of * 16 + column + i / 2 % 2 * 8;
        const Sums<kGrouped>& from = sum[tile][of];
        sums[warp * kOfWarp + row * kColumns + place] = kGrouped ? __float_as_int(from.total[i % 4]) : from.now[i % 4];
    }
    __syncthreads();
    while (m < call.m && n < call.n) {
        const int* const of_output = sums + m * kColumns + threadIdx.x % kColumns;
        if (kGrouped) {
            float total = 0.0f;
            for (int w = 0; w < warps; ++w) total = epilogue::add(total, __int_as_float(of_output[w * kOfWarp]));
            epilogue::store_value(call.out, 0, m, n, factors.scaled(call.out, total));
        } else {
            int total = 0;
            for (int w = 0; w < warps; ++w) total += of_output[w * kOfWarp];
            factors.store(call.out, m, n, total >> 4);
        }
        m += warps;
        factors = epilogue::Factors(call.out, m, n, m < call.m);
    }
}

// --- any rows: x in shared memory, weights in registers ---------------------------------------------------------------

template <bool Aligned>
DEVICE void copy_rows(char* to, const GemmW4A8& call, int64_t m0, int64_t k0) {
    for (int i = threadIdx.x; i < kTileM * 8; i += kThreads) {
        const int row = i / 8, part = i % 8;
        const bool is_there = m0 + row < call.m && k0 + part * 16 < call.k;
        const int8_t* from = is_there ? call.x + (m0 + row) * call.x_row + k0 + part * 16 : call.x;
        const int64_t left = is_there ? call.k - k0 - part * 16 : 0;
        const int count = left > 16 ? 16 : static_cast<int>(left);
        char* place = to + swizzled_128(row, part);
        if (Aligned) {
            copy16(place, from, count);
        } else {
            *reinterpret_cast<uint4*>(place) = sixteen_by_bytes(from, count);
        }
    }
}

// A block makes 64 rows and 128 columns; each of its 8 warps 16 columns of all rows.
template <bool Grouped, bool Aligned>
DEVICE void tiled(const GemmW4A8& call) {
    let_next_kernel_begin();
    constexpr int kMmaM = kTileM / 8;
    __shared__ __align__(128) char xs[kStages][kTileM * 128];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, matrix = lane / 8;
    const int64_t n0 = static_cast<int64_t>(blockIdx.x) * kTileN + warp * 16, m0 = static_cast<int64_t>(blockIdx.y) * kTileM;
    const int64_t blocks = (call.k + kW4BlockK - 1) / kW4BlockK;
    const bool is_there = n0 < (call.n + kW4BlockN - 1) / kW4BlockN * kW4BlockN;
    const char* weights = static_cast<const char*>(call.packed) +
                          (is_there ? n0 / kW4BlockN * blocks * kW4BlockBytes + n0 % kW4BlockN / 16 * 1024 : 0) + lane * 16;
    Block now, next;
    if (blocks > 0) next.load(weights);
    wait_for_previous_kernel();
    for (int stage = 0; stage < kStages - 1; ++stage) {
        if (stage < blocks) copy_rows<Aligned>(xs[stage], call, m0, stage * kW4BlockK);
        copies_begun();
    }
    const int group = Grouped ? static_cast<int>(call.group) : 1, last = Grouped ? (static_cast<int>(call.k) - 1) / group : 0;
    GroupWalk walk(group, 0);
    const GroupWalk::Stride to_lookup(group, 32);
    Sums<Grouped> sum[kMmaM];  // rows of the product are columns of y: thread / 4 and + 8; its columns rows of y
    for (int64_t block = 0; block < blocks; ++block) {
        now = next;
        if (block + 1 < blocks) next.load(weights + (block + 1) * kW4BlockBytes);
        wait_for_copies<kStages - 2>();
        __syncthreads();
        const int64_t ahead = block + kStages - 1;
        if (ahead < blocks) copy_rows<Aligned>(xs[ahead % kStages], call, m0, ahead * kW4BlockK);
        copies_begun();
        const char* const xs_now = xs[block % kStages];
#pragma unroll
        for (int step = 0; step < 4; ++step) {
            const int index = walk.index() < last ? walk.index() : last;
            const int64_t column = (is_there ? n0 : 0) + lane / 4;
            const Group low(call, column, index), high(call, column + 8, index);
            walk.advance(to_lookup);
            unsigned a[4];
            now.operand(a, step, low.zero, high.zero);
#pragma unroll
            for (int i = 0; i < kMmaM; i += 2) {
                unsigned b[4];  // of rows i * 8 to + 7: first and second 16 k; the same of the next eight
                const int row = i * 8 + (matrix >> 1) * 8 + lane % 8;
                load_matrices(b, shared_address(xs_now + swizzled_128(row, step * 2 + (matrix & 1))));
                mma_int8(sum[i].now, a, b[0], b[1]);
                mma_int8(sum[i + 1].now, a, b[2], b[3]);
            }
            if (Grouped && (walk.begins() || (block == blocks - 1 && step == 3))) {
#pragma unroll
                for (int i = 0; i < kMmaM; ++i) sum[i].group_ends(low, high);
            }
        }
    }
    // Through shared memory, half of the rows of a warp at a time: what an output needs is then there once.
    int* const piece = reinterpret_cast<int*>(xs[0]) + warp * (kTileM / 2) * 16;
    static_assert(kWarps * (kTileM / 2) * 16 * 4 <= sizeof xs, "a piece for each warp");
    __syncthreads();
#pragma unroll
    for (int half = 0; half < 2; ++half) {
#pragma unroll
        for (int i = 0; i < kMmaM / 2; ++i) {
            const Sums<Grouped>& own = sum[half * (kMmaM / 2) + i];
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                const int row = i * 8 + lane % 4 * 2 + j % 2, column = lane / 4 + j / 2 * 8;
                piece[row * 16 + column] = Grouped ? __float_as_int(own.total[j]) : own.now[j];
            }
        }
        __syncwarp();
#pragma unroll 1
        for (int at = lane; at < kTileM / 2 * 16; at += 32) {
            const int64_t m = m0 + half * (kTileM / 2) + at / 16, n = n0 + at % 16;
            if (m >= call.m || n >= call.n) continue;
            if (Grouped) {
                epilogue::store_value(call.out, 0, m, n, epilogue::scaled(call.out, __int_as_float(piece[at]), m, n));
            } else {
                epilogue::store(call.out, 0, m, n, piece[at]);
            }
        }
        __syncwarp();
    }
}

#define KERNEL_OF(name, threads, body) \
    extern "C" __global__ void __launch_bounds__(threads) name(const __grid_constant__ GemmW4A8 call) { body(call); }
#define DIRECT(name, body) KERNEL_OF(name, kMostWarps * 32, body)
#define TILED(name, body) KERNEL_OF(name, kThreads, body)

DIRECT(gemm_w4a8_direct8, (direct<1, 0>))
DIRECT(gemm_w4a8_direct16, (direct<2, 0>))
DIRECT(gemm_w4a8_grouped8, (direct<1, 1>))
DIRECT(gemm_w4a8_grouped16, (direct<2, 1>))
DIRECT(gemm_w4a8_short_groups8, (direct<1, 4>))
DIRECT(gemm_w4a8_short_groups16, (direct<2, 4>))
TILED(gemm_w4a8_tiled, (tiled<false, true>))
TILED(gemm_w4a8_tiled_grouped, (tiled<true, true>))
TILED(gemm_w4a8_tiled_unaligned, (tiled<false, false>))
TILED(gemm_w4a8_tiled_grouped_unaligned, (tiled<true, false>))
