// gemm_w8a8 by mma.sync, for every GPU from Turing on.
//
// extern "C" and no anonymous namespace: nvcc would put a hash of the build folder into the names.
#include "common/device.cuh"
#include "gemm_w8a8/cuda_mma.h"

using namespace cuda_mma;

// --- few rows of x: packed weights from memory to registers -----------------------------------------------------------

constexpr int kWarps = kThreads / 32;
constexpr int kBlockBytes = kBlockN * kBlockK;  // of packed weights

// 16 values of a row of x, zeros where k ends.
DEVICE uint4 sixteen_of(const int8_t* row, int64_t at, int64_t k, bool aligned) {
    return aligned && at + 16 <= k ? *reinterpret_cast<const uint4*>(row + at) : sixteen_by_bytes(row + at, k - at);
}

// A block makes 16 columns of up to Tiles * 8 rows; its warps take turns along k, each with kAhead blocks under way.
//
// Which k a product multiplies does not matter as long as both sides agree: each thread takes 16 adjacent ones of its
// columns and rows, and they serve as those that two products expect in four different places.
template <int Tiles>
DEVICE void direct(const GemmW8A8& call) {
    let_next_kernel_begin();
    constexpr int kAhead = Tiles == 1 ? 4 : 2;
    constexpr int kOutputs = Tiles * kDirectTileM * kDirectN;
    static_assert(kOutputs <= kThreads, "at most one for each thread");
    __shared__ int sums[kWarps][kOutputs];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, group = lane / 4, part = lane % 4;
    const int n0 = blockIdx.x * kDirectN;
    const int blocks = static_cast<int>((call.k + kBlockK - 1) / kBlockK);
    const char* weights = static_cast<const char*>(call.packed) + static_cast<int64_t>(n0 / kBlockN) * blocks * kBlockBytes +
                          (n0 % kBlockN + group) * kBlockK;
    uint4 ahead[kAhead][4];  // of a block: columns group and group + 8 of its first half, then of its second
    const auto load = [&](uint4(&into)[4], int block) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int place = i % 2 * 8 * kBlockK + ((i / 2 * 4 + part) ^ group) * 16;
            if (block < blocks) into[i] = load_once(weights + static_cast<int64_t>(block) * kBlockBytes + place);
        }
    };
#pragma unroll
    for (int i = 0; i < kAhead; ++i) load(ahead[i], warp + i * kWarps);
    wait_for_previous_kernel();

    const bool aligned = ((reinterpret_cast<uintptr_t>(call.x) | static_cast<uintptr_t>(call.x_row)) & 15) == 0;
    const int m = threadIdx.x / kDirectN, n = n0 + threadIdx.x % kDirectN;  // of this thread's output
    const bool is_there = m < call.m && n < call.n && threadIdx.x < kOutputs;
    const epilogue::Factors factors(call.out, m, n, is_there);
    int sum[Tiles][4] = {};
    for (int first = warp; first < blocks; first += kAhead * kWarps) {
#pragma unroll
        for (int i = 0; i < kAhead; ++i) {
            const int block = first + i * kWarps;
            if (block < blocks) {
#pragma unroll
                for (int half = 0; half < 2; ++half) {
                    const uint4 low = ahead[i][half * 2], high = ahead[i][half * 2 + 1];
                    const unsigned a0[4] = {low.x, high.x, low.y, high.y}, a1[4] = {low.z, high.z, low.w, high.w};
#pragma unroll
                    for (int tile = 0; tile < Tiles; ++tile) {
                        const int row = tile * kDirectTileM + group;
                        uint4 x = make_uint4(0, 0, 0, 0);
                        if (row < call.m) {
                            const int64_t at = static_cast<int64_t>(block) * kBlockK + (half * 4 + part) * 16;
                            x = sixteen_of(call.x + row * call.x_row, at, call.k, aligned);
                        }
                        mma_int8(sum[tile], a0, x.x, x.y);
                        mma_int8(sum[tile], a1, x.z, x.w);
                    }
                }
            }
            load(ahead[i], block + kAhead * kWarps);
        }
    }

    for (int tile = 0; tile < Tiles; ++tile) {
        int* into = sums[warp] + tile * kDirectTileM * kDirectN;
        for (int i = 0; i < 4; ++i) into[(part * 2 + (i & 1)) * kDirectN + group + (i >> 1) * 8] = sum[tile][i];
    }
    __syncthreads();
    if (!is_there) return;
    int total = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) total += sums[w][threadIdx.x];
    factors.store(call.out, m, n, total);
}

// --- any rows: tiles in shared memory ---------------------------------------------------------------------------------

enum Weights { kPacked, kPlain, kUnaligned };  // kUnaligned: either, byte by byte where rows are not 16-byte aligned

// Bytes 16 * part of a row of 64 lie where eight rows below each other fall into different banks.
DEVICE int swizzled(int row, int part) { return row * kStepK + ((part ^ (row >> 1 & 3)) << 4); }

template <bool Aligned>
DEVICE void copy_row_part(char* to, const int8_t* from, int64_t bytes) {
    const int count = bytes < 0 ? 0 : bytes > 16 ? 16 : static_cast<int>(bytes);
    if (Aligned) {
        copy16(to, from, count);
    } else {
        *reinterpret_cast<uint4*>(to) = sixteen_by_bytes(from, count);
    }
}

// Rows [first, first + Rows) of a row-major matrix, k from `k0` on.
template <int Rows, bool Aligned>
DEVICE void copy_rows(char* to, const int8_t* from, int64_t row_size, int64_t first, int64_t rows, int64_t k0, int64_t k) {
    for (int i = threadIdx.x; i < Rows * 4; i += kThreads) {
        const int row = i / 4, part = i % 4;
        const bool is_there = first + row < rows && k0 + part * 16 < k;
        const int8_t* at = is_there ? from + (first + row) * row_size + k0 + part * 16 : from;
        copy_row_part<Aligned>(to + swizzled(row, part), at, is_there ? k - k0 - part * 16 : 0);
    }
}

// The same of packed columns.
DEVICE void copy_packed(char* to, const GemmW8A8& call, int64_t n0, int64_t k0) {
    const int64_t blocks = (call.k + kBlockK - 1) / kBlockK, columns = (call.n + kBlockN - 1) / kBlockN * kBlockN;
    for (int i = threadIdx.x; i < kTileN * 4; i += kThreads) {
        const int row = i / 4, part = i % 4, piece = static_cast<int>(k0 % kBlockK / 16) + part;
        const int64_t column = n0 + row;
        const bool is_there = column < columns;
        const int64_t block = is_there ? column / kBlockN * blocks + k0 / kBlockK : 0;
        const char* from = static_cast<const char*>(call.packed) + block * kBlockBytes + column % kBlockN * kBlockK +
                           ((piece ^ (row & 7)) << 4);
        copy16(to + swizzled(row, part), from, is_there ? 16 : 0);
    }
}

template <int TileM, Weights Kind>
DEVICE void tiled(const GemmW8A8& call) {
    let_next_kernel_begin();
    constexpr int kWarpsM = TileM == kTileM ? 2 : 1, kWarpsN = kWarps / kWarpsM;
    constexpr int kMmaM = TileM / kWarpsM / 16, kGroups = kTileN / kWarpsN / 16;
    __shared__ __align__(128) char xs[kStages][TileM * kStepK];
    __shared__ __align__(128) char ws[kStages][kTileN * kStepK];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int warp_m = warp / kWarpsN * (TileM / kWarpsM), warp_n = warp % kWarpsN * (kTileN / kWarpsN);
    const int64_t n0 = static_cast<int64_t>(blockIdx.x) * kTileN, m0 = static_cast<int64_t>(blockIdx.y) * TileM;
    const int64_t item = blockIdx.z;
    const int8_t* x = call.x + item * call.x_batch;
    const int8_t* w = call.w + item * call.w_batch;
    const bool packed = Kind == kPacked || (Kind == kUnaligned && call.packed);
    wait_for_previous_kernel();

    const auto copy_stage = [&](int64_t step) {
        const int64_t k0 = step * kStepK;
        const int stage = static_cast<int>(step % kStages);
        copy_rows<TileM, Kind != kUnaligned>(xs[stage], x, call.x_row, m0, call.m, k0, call.k);
        if (packed) {
            copy_packed(ws[stage], call, n0, k0);
        } else {
            copy_rows<kTileN, Kind != kUnaligned>(ws[stage], w, call.w_row, n0, call.n, k0, call.k);
        }
    };

    const int64_t steps = (call.k + kStepK - 1) / kStepK;
    for (int step = 0; step < kStages - 1; ++step) {
        if (step < steps) copy_stage(step);
        copies_begun();
    }
    int sum[kMmaM][kGroups * 2][4] = {};
    for (int64_t step = 0; step < steps; ++step) {
        wait_for_copies<kStages - 2>();
        __syncthreads();
        if (step + kStages - 1 < steps) copy_stage(step + kStages - 1);
        copies_begun();
        const char* const xs_now = xs[step % kStages];
        const char* const ws_now = ws[step % kStages];
#pragma unroll
        for (int half = 0; half < kStepK / 32; ++half) {
            const int matrix = lane / 8;
            unsigned a[kMmaM][4];
#pragma unroll
            for (int i = 0; i < kMmaM; ++i) {
                const int row = warp_m + i * 16 + (matrix & 1) * 8 + lane % 8;
                load_matrices(a[i], shared_address(xs_now + swizzled(row, half * 2 + (matrix >> 1))));
            }
#pragma unroll
            for (int j = 0; j < kGroups; ++j) {
                unsigned b[4];  // of columns 0-7: first and second 16 k; the same of columns 8-15
                const int row = warp_n + j * 16 + (matrix >> 1) * 8 + lane % 8;
                load_matrices(b, shared_address(ws_now + swizzled(row, half * 2 + (matrix & 1))));
#pragma unroll
                for (int i = 0; i < kMmaM; ++i) {
                    mma_int8(sum[i][j * 2], a[i], b[0], b[1]);
                    mma_int8(sum[i][j * 2 + 1], a[i], b[2], b[3]);
                }
            }
        }
    }

    // Through shared memory, 16 rows of a warp at a time: its columns then lie side by side, and what an output needs is
    // there once and not for each sum.
    constexpr int kColumns = kGroups * 16;
    int* const piece = reinterpret_cast<int*>(ws[0]) + warp * 16 * kColumns;
    static_assert(kWarps * 16 * kColumns * 4 <= sizeof ws, "a piece for each warp");
    __syncthreads();
#pragma unroll
    for (int i = 0; i < kMmaM; ++i) {
#pragma unroll
        for (int j = 0; j < kGroups * 2; ++j) {
            int* const at = piece + lane / 4 * kColumns + j * 8 + lane % 4 * 2;
            *reinterpret_cast<int2*>(at) = make_int2(sum[i][j][0], sum[i][j][1]);
            *reinterpret_cast<int2*>(at + 8 * kColumns) = make_int2(sum[i][j][2], sum[i][j][3]);
        }
        __syncwarp();
#pragma unroll 1
        for (int pair = lane; pair < 16 * kColumns / 2; pair += 32) {
            const int2 both = reinterpret_cast<const int2*>(piece)[pair];
            const int64_t m = m0 + warp_m + i * 16 + pair / (kColumns / 2);
            if (m < call.m) {
                epilogue::store_pair(call.out, item, m, n0 + warp_n + pair % (kColumns / 2) * 2, both.x, both.y);
            }
        }
        __syncwarp();
    }
}

#define KERNEL(name, body) \
    extern "C" __global__ void __launch_bounds__(kThreads) name(const __grid_constant__ GemmW8A8 call) { body(call); }

KERNEL(gemm_w8a8_direct8, direct<1>)
KERNEL(gemm_w8a8_direct16, direct<2>)
KERNEL(gemm_w8a8_packed32, (tiled<kTileMSmall, kPacked>))
KERNEL(gemm_w8a8_packed128, (tiled<kTileM, kPacked>))
KERNEL(gemm_w8a8_plain32, (tiled<kTileMSmall, kPlain>))
KERNEL(gemm_w8a8_plain128, (tiled<kTileM, kPlain>))
KERNEL(gemm_w8a8_unaligned, (tiled<kTileM, kUnaligned>))
