// Int8 activations times packed weights on Hopper: one kernel for all families and sizes.
//
// Columns of the output are the rows of wgmma's product and rows of x its columns, so that a tile of few rows wastes
// nothing. Weights come by bulk copies of whole packed blocks and go through registers, where narrower ones are widened;
// activations come by tensor maps and stay in shared memory. One thread copies ahead, each warp group multiplies 64
// columns. Blocks of a cluster share k: the first adds up. Where there is more than one tile for each block (never with
// clusters) the copies of the next begin while the last is being stored.
#pragma once

#include "common/hopper.cuh"
#include "common/hopper_gemm.h"

namespace hopper {

// Tiles in an order in which those of one moment share rows and columns: what they read then comes from the L2.
struct Tile {
    int m, n;
};
DEVICE Tile tile_of(int index, int tiles_m, int tiles_n) {
    constexpr int kBand = 8;
    const int band = index / (kBand * tiles_n), first = band * kBand;
    const int height = tiles_m - first < kBand ? tiles_m - first : kBand;
    const int within = index - band * kBand * tiles_n;
    return {first + within % height, within / height};
}

// Two values side by side in a word, rounded to 16 bits.
DEVICE unsigned pair_of(float first, float second, bool bfloat16) {
    unsigned word;
    if (bfloat16) {
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
    } else {
        asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(second), "f"(first));
    }
    return word;
}

DEVICE void store_transposed(unsigned address, unsigned a, unsigned b, unsigned c, unsigned d) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(a), "r"(b),
                 "r"(c), "r"(d) : "memory");
}

// Weights::kBytes of a packed block of 64 columns; Weights::load(a, address): a thread's part of its four steps of 32 k;
// Weights::sum(value): the sum of products for what was multiplied.
template <class Weights, int Rows, int Groups, int Stages>
struct Kernel {
    static constexpr Shape kShape = {Rows, Groups, Stages};
    static constexpr int kRowsBytes = Rows * kStepK, kWeightBytes = Groups * Weights::kBytes;
    static constexpr int kWide = Rows < 128 ? Rows : 128, kParts = Rows / kWide;  // of one wgmma; how many for a tile
    static constexpr int kThreads = 128 * (Groups + 1);
    static constexpr int kOutputBytes = output_bytes(kShape);
    static constexpr int kSumsPiece = sums_piece(Rows), kRowsPiece = rows_piece(Rows);
    // Large tiles fill the GPU by themselves.
    static constexpr bool kSplits = Rows * Groups <= 128;
    using Sums = int[kParts][kWide / 2];

    const HopperGemm& call;
    const unsigned xs, ws, staged, full, empty;  // in shared memory
    const int split, rank, first_block, blocks;

    DEVICE Kernel(const HopperGemm& given, unsigned memory)
        : call(given),
          xs(memory),
          ws(xs + Stages * kRowsBytes),
          staged(ws + Stages * kWeightBytes),
          full(staged + kOutputBytes),
          empty(full + Stages * 8),
          split(static_cast<int>(cluster_size())),
          rank(static_cast<int>(cluster_rank())),
          first_block(given.blocks_k * rank / split),
          blocks(given.blocks_k * (rank + 1) / split - first_block) {}

    DEVICE void run() {
        if (threadIdx.x == 0) {
            for (int stage = 0; stage < Stages; ++stage) {
                barrier_init(full + stage * 8, 1);
                barrier_init(empty + stage * 8, Groups * 4);
            }
            barriers_ready();
        }
        __syncthreads();
        let_next_kernel_begin();
        if (static_cast<int>(threadIdx.x) / 128 == Groups) {
            if (Rows * Groups > 256) give_registers<40>();
            if (threadIdx.x % 128 == 0) copy_all();
            wait_for_previous_kernel();
            if (kSplits && split > 1) {
                __syncwarp();
                cluster_sync();
                cluster_sync();
            }
        } else {
            if (Rows * Groups > 256) take_registers<232>();
            wait_for_previous_kernel();
            multiply_all(threadIdx.x / 128);
        }
    }

    // --- the thread that copies ---

    DEVICE void copy_weights(int tile_n, int block, int stage) const {
        unsigned bytes = kRowsBytes;
        for (int group = 0; group < Groups; ++group) bytes += tile_n * Groups + group < call.blocks_n ? Weights::kBytes : 0;
        barrier_expect(full + stage * 8, bytes);
        for (int group = 0; group < Groups; ++group) {
            const int64_t row = tile_n * Groups + group;
            if (row >= call.blocks_n) continue;
            const char* from = static_cast<const char*>(call.packed) + (row * call.blocks_k + first_block + block) * Weights::kBytes;
            copy_bulk(ws + stage * kWeightBytes + group * Weights::kBytes, from, Weights::kBytes, full + stage * 8);
        }
    }

    DEVICE void copy_rows(int tile_m, int block, int stage) const {
        copy_box(xs + stage * kRowsBytes, &call.x, (first_block + block) * kStepK, tile_m * Rows, full + stage * 8);
    }

    DEVICE void copy_all() const {
        const int tiles = call.tiles_m * call.tiles_n, step = gridDim.x / split;
        int index = blockIdx.x / split, stage = 0;
        unsigned parity = 1;
        if (index >= tiles) return;
        // Weights do not depend on the kernel before this one.
        Tile tile = tile_of(index, call.tiles_m, call.tiles_n);
        const int ahead = blocks < Stages ? blocks : Stages;
        for (int block = 0; block < ahead; ++block) copy_weights(tile.n, block, block);
        wait_for_previous_kernel();
        for (int block = 0; block < ahead; ++block) copy_rows(tile.m, block, block);
        stage = ahead % Stages;
        if (ahead == Stages) parity = 0;
        for (int block = ahead; index < tiles; block = 0, index += step) {
            tile = tile_of(index, call.tiles_m, call.tiles_n);
            for (; block < blocks; ++block) {
                barrier_wait(empty + stage * 8, parity);
                copy_weights(tile.n, block, stage);
                copy_rows(tile.m, block, stage);
                if (++stage == Stages) stage = 0, parity ^= 1;
            }
        }
    }

    // --- the warp groups that multiply ---

    DEVICE void multiply_all(int group) const {
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
        const int tiles = call.tiles_m * call.tiles_n, step = gridDim.x / split;
        const unsigned own = ws + group * Weights::kBytes + warp * (Weights::kBytes / 4) + lane * 16;
        int stage = 0;
        unsigned parity = 0;
        for (int index = blockIdx.x / split; index < tiles; index += step) {
            Sums sums;
            uint4 first[4], second[4];
            int before = 0;
            const auto load = [&](uint4(&a)[4]) {
                barrier_wait(full + stage * 8, parity);
                Weights::load(a, own + stage * kWeightBytes);
            };
            const auto release = [&](int done) {
                if (lane == 0) barrier_arrive(empty + done * 8);
            };
            const auto multiply = [&](const uint4(&a)[4], uint4(&next)[4], int block) {
                const uint64_t rows = rows_of_128_bytes(xs + stage * kRowsBytes);
                products_fence();
#pragma unroll
                for (int k = 0; k < 4; ++k) {
#pragma unroll
                    for (int part = 0; part < kParts; ++part) {
                        products(sums[part], a[k], rows + k * 2 + part * (128 * kStepK >> 4), block > 0 || k > 0);
                    }
                }
                products_commit();
                if (block > 0) {
                    products_wait<1>();
                    release(before);
                }
                before = stage;
                if (++stage == Stages) stage = 0, parity ^= 1;
                if (block + 1 < blocks) load(next);
            };
            load(first);
            for (int block = 0; block < blocks; block += 2) {
                multiply(first, second, block);
                if (block + 1 < blocks) multiply(second, first, block + 1);
            }
            products_wait<0>();
#pragma unroll
            for (int part = 0; part < kParts; ++part) hold(sums[part]);
            release(before);
            if (kSplits && split > 1 && !add_up(sums, group)) return;
            store(sums, tile_of(index, call.tiles_m, call.tiles_n), group, warp, lane);
        }
    }

    // Sums of the other blocks of the cluster go to the first, through what were its stages. False for the others.
    DEVICE bool add_up(Sums& sums, int group) const {
        const unsigned own = xs + (group * 128 + threadIdx.x % 128) * 4;
        constexpr unsigned kApart = Groups * 128 * 4;
        cluster_sync();
        if (rank > 0) {
#pragma unroll
            for (int part = 0; part < kParts; ++part) {
#pragma unroll
                for (int i = 0; i < kWide / 2; ++i) {
                    const unsigned place = ((rank - 1) * Rows / 2 + part * kWide / 2 + i) * kApart;
                    store_to_block(own + place, 0, sums[part][i]);
                }
            }
        }
        cluster_sync();
        if (rank > 0) return false;
        for (int other = 0; other < split - 1; ++other) {
#pragma unroll
            for (int part = 0; part < kParts; ++part) {
#pragma unroll
                for (int i = 0; i < kWide / 2; ++i) {
                    int value;
                    const unsigned place = (other * Rows / 2 + part * kWide / 2 + i) * kApart;
                    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(value) : "r"(own + place));
                    sums[part][i] += value;
                }
            }
        }
        return true;
    }

    // sums[part][j * 4 + i]: column lane / 4 (+ 8 for i > 1) of the warp's 16, row part * 128 + j * 8 + lane % 4 * 2 + i % 2.
    DEVICE void store(const Sums& sums, const Tile& tile, int group, int warp, int lane) const {
        const Epilogue& out = call.out;
        const int64_t m0 = static_cast<int64_t>(tile.m) * Rows;
        const int64_t n0 = (static_cast<int64_t>(tile.n) * Groups + group) * kGroupColumns;
        const bool sixteen = out.y_type == ENVDOCTOR_FLOAT16 || out.y_type == ENVDOCTOR_BFLOAT16;
        const bool whole = ((reinterpret_cast<uintptr_t>(out.y) | static_cast<uintptr_t>(out.y_row * 2)) & 15) == 0 &&
                           out.n % 8 == 0 && !out.x_zero && !out.w_zero;
        if (sixteen && whole) {
            store_rows(sums, m0, n0, group, warp, lane);
        } else {
            store_each(sums, m0, n0, group, warp, lane);
        }
    }

    // Any output: sums go through shared memory, so that the many cases of an output are there once and not for each sum.
    DEVICE void store_each(const Sums& sums, int64_t m0, int64_t n0, int group, int warp, int lane) const {
        constexpr int kPiece = kSumsPiece, kSums = kPiece / 2;  // of a thread
        const unsigned piece = staged + group * kPiece * kGroupColumns * 4;
        const auto place = [&](int row, int column) {
            return piece + (row * kGroupColumns + (column ^ (row / 2 % 4 * 8))) * 4;
        };
#pragma unroll
        for (int p = 0; p < Rows / kPiece; ++p) {
            const int* const own = &sums[p * kPiece / kWide][p * kPiece % kWide / 2];
#pragma unroll
            for (int i = 0; i < kSums; ++i) {
                const int row = i / 4 * 8 + lane % 4 * 2 + i % 2, column = warp * 16 + lane / 4 + i / 2 % 2 * 8;
                asm volatile("st.shared.u32 [%0], %1;" ::"r"(place(row, column)), "r"(own[i]) : "memory");
            }
            group_sync(1 + group);
#pragma unroll 1
            for (int i = threadIdx.x % 128; i < kPiece * kGroupColumns; i += 128) {
                const int64_t m = m0 + p * kPiece + i / kGroupColumns, n = n0 + i % kGroupColumns;
                int sum;
                asm volatile("ld.shared.u32 %0, [%1];" : "=r"(sum) : "r"(place(i / kGroupColumns, i % kGroupColumns)));
                if (m < call.m && n < call.out.n) epilogue::store(call.out, 0, m, n, Weights::sum(sum));
            }
            group_sync(1 + group);
        }
    }

    // 16-bit outputs in pieces of up to 64 rows: turned around in shared memory, then 16 bytes at a time.
    DEVICE void store_rows(const Sums& sums, int64_t m0, int64_t n0, int group, int warp, int lane) const {
        constexpr int kPiece = kRowsPiece, kPieces = kWide / kPiece;
        const Epilogue& out = call.out;
        const bool bfloat16 = out.y_type == ENVDOCTOR_BFLOAT16;
        const unsigned piece = staged + group * kPiece * kGroupColumns * 2;
        float scale[2], bias[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const int64_t n = n0 + warp * 16 + lane / 4 + i * 8, at = n < out.n ? n : 0;
            scale[i] = out.w_scale ? out.w_scale[at * out.w_scale_step] : 1.0f;
            bias[i] = out.bias_type == ENVDOCTOR_NONE
                          ? 0.0f : epilogue::multiply(out.bias_scale, epilogue::load(out.bias, out.bias_type, at));
        }
        const auto value = [&](int sum, float x_scale, int i) {
            const float scaled = epilogue::multiply(epilogue::multiply(static_cast<float>(Weights::sum(sum)), x_scale), scale[i]);
            const float result = epilogue::add(scaled, bias[i]);
            return out.relu && result < 0.0f ? 0.0f : result;
        };
#pragma unroll
        for (int part = 0; part < kParts; ++part) {
#pragma unroll
            for (int p = 0; p < kPieces; ++p) {
                const int64_t first = m0 + part * 128 + p * kPiece;
#pragma unroll
                for (int j = 0; j < kPiece / 8; j += 2) {
                    unsigned words[2][2] = {};
#pragma unroll
                    for (int next = 0; next < (kPiece >= 16 ? 2 : 1); ++next) {
                        const int64_t m = first + (j + next) * 8 + lane % 4 * 2;
                        float x_scale[2] = {1.0f, 1.0f};
                        if (out.x_scale) {
                            x_scale[0] = out.x_scale[(m < call.m ? m : 0) * out.x_scale_step];
                            x_scale[1] = out.x_scale[(m + 1 < call.m ? m + 1 : 0) * out.x_scale_step];
                        }
                        const int* four = &sums[part][(p * (kPiece / 8) + j + next) * 4];
                        words[next][0] = pair_of(value(four[0], x_scale[0], 0), value(four[1], x_scale[1], 0), bfloat16);
                        words[next][1] = pair_of(value(four[2], x_scale[0], 1), value(four[3], x_scale[1], 1), bfloat16);
                    }
                    // Lanes 8 q to 8 q + 7 say where the rows of matrix q go: columns 0-7 and 8-15, then eight rows on.
                    const int row = (j + (kPiece >= 16 ? lane / 16 : 0)) * 8 + lane % 8;
                    const int chunk = (warp * 2 + lane / 8 % 2) ^ (row & 7);
                    store_transposed(piece + row * 128 + chunk * 16, words[0][0], words[0][1],
                                     words[kPiece >= 16][0], words[kPiece >= 16][1]);
                }
                group_sync(1 + group);
                for (int i = threadIdx.x % 128; i < kPiece * 8; i += 128) {
                    const int row = i / 8, chunk = i % 8;
                    uint4 eight;
                    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                                 : "=r"(eight.x), "=r"(eight.y), "=r"(eight.z), "=r"(eight.w)
                                 : "r"(piece + row * 128 + (chunk ^ (row & 7)) * 16));
                    if (first + row < call.m && n0 + chunk * 8 < out.n) {
                        uint16_t* y = static_cast<uint16_t*>(out.y) + (first + row) * out.y_row + n0 + chunk * 8;
                        *reinterpret_cast<uint4*>(y) = eight;
                    }
                }
                group_sync(1 + group);
            }
        }
    }
};

}  // namespace hopper
