// Int8 activations times packed weights on Hopper, for all sizes and for weights of 8 and of fewer bits.
//
// Columns of the output are the rows of wgmma's product and rows of x its columns, so that a tile of few rows wastes
// nothing. Weights come by bulk copies of whole packed blocks, activations by tensor maps; one thread copies ahead.
// Narrow weights go through registers, where they are widened.
// Two warp groups that take turns store while the other multiplies; two that share a tile read less for as much work.
// Blocks of a cluster share k: each adds up and stores a part of the rows.
#pragma once

#include "common/hopper.cuh"
#include "common/hopper_gemm.h"
#include "common/int4.cuh"

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

template <class Value>
constexpr bool is_float = false;
template <>
constexpr bool is_float<float> = true;

DEVICE int bits_of(int value) { return value; }
DEVICE int bits_of(float value) { return __float_as_int(value); }
DEVICE void add_bits(int& sum, int bits) { sum += bits; }
DEVICE void add_bits(float& sum, int bits) { sum = epilogue::add(sum, __int_as_float(bits)); }

DEVICE void store_shared(unsigned address, int value) {
    asm volatile("st.shared.u32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}

DEVICE int shared_int(unsigned address) {
    int value;
    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(value) : "r"(address));
    return value;
}

DEVICE int shared_byte(unsigned address) {
    int value;
    asm volatile("ld.shared.s8 %0, [%1];" : "=r"(value) : "r"(address));
    return value;
}

DEVICE uint4 shared_uint4(unsigned address) {
    uint4 value;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w) : "r"(address));
    return value;
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

// Weights of 8 bits, which stay in shared memory as a tensor map would have put them there.
struct Int8Weights {
    using Sum = int;    // of products
    using Total = int;  // of sums over all of k
    static constexpr bool kInRegisters = false;
    static constexpr bool kGrouped = false;    // scales of groups travel with the stages
    static constexpr bool kScalesSums = false;  // of each block, by them
    static constexpr int kBlockBytes = kBlockColumns * kStepBytes;
    DEVICE static int sum(int value) { return value; }
};

// Weights of 4 bits: a block has for each warp and half of its k 16 bytes for each thread. Their low halves are the
// thread's part of 16 x 32 values for wgmma's first product, the high halves for the second.
struct Int4Weights {
    using Sum = int;
    using Total = int;
    static constexpr bool kInRegisters = true, kGrouped = false, kScalesSums = false;
    static constexpr int kBlockBytes = kBlockColumns * kStepBytes / 2;

    // In the upper halves of bytes, so that no sign has to be extended: 16 times too large, and so are the sums.
    DEVICE static unsigned upper(unsigned word) { return word & 0xf0f0f0f0u; }
    DEVICE static int sum(int value) { return value >> 4; }

    template <int count>
    DEVICE static void product(int (&sums)[count], const uint4& a, uint64_t rows, bool add) {
        products(sums, a, rows, add);
    }

    DEVICE static void load(uint4 (&a)[4], unsigned block, int warp, int lane) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const uint4 both = shared_uint4(block + ((warp * 2 + half) * 32 + lane) * 16);
            a[half * 2] = make_uint4(upper(both.x << 4), upper(both.y << 4), upper(both.z << 4), upper(both.w << 4));
            a[half * 2 + 1] = make_uint4(upper(both.x), upper(both.y), upper(both.z), upper(both.w));
        }
    }
};

// The same with a scale and a zero point for each group of a column.
struct Int4Groups : Int4Weights {
    using Total = float;
    static constexpr bool kGrouped = true, kScalesSums = true;

    // Of a thread's two columns.
    struct Group {
        float scale[2];
        unsigned zero[2];  // plus 8, in all four bytes

        // scales and zeros: of the first column, in shared memory.
        DEVICE Group(const HopperGemm& call, unsigned scales, unsigned zeros) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                scale[i] = __int_as_float(shared_int(scales + i * 32));
                zero[i] = call.group_zero ? static_cast<unsigned>(shared_byte(zeros + i * 8) + 8) * 0x01010101u : 0x08080808u;
            }
        }
    };

    DEVICE static void load(uint4 (&a)[4], unsigned block, int warp, int lane, const Group& group) {
        const unsigned low = group.zero[0], high = group.zero[1];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const uint4 both = shared_uint4(block + ((warp * 2 + half) * 32 + lane) * 16);
            a[half * 2] = make_uint4(int4_values(both.x, low), int4_values(both.y, high), int4_values(both.z, low), int4_values(both.w, high));
            a[half * 2 + 1] = make_uint4(int4_values(both.x >> 4, low), int4_values(both.y >> 4, high), int4_values(both.z >> 4, low),
                                         int4_values(both.w >> 4, high));
        }
    }

    // Sums begin at the bits of 1.5 * 2^23: a block's stay below 2^22, so they end as the bits of that plus the sum. To
    // convert integers takes the GPU four times as long as to subtract.
    static constexpr bool kBeginsWithBits = true;
    static constexpr int kBits = 0x4b400000;
    DEVICE static float value(int sum) { return epilogue::add(__int_as_float(sum), -__int_as_float(kBits)); }
};

template <class Weights, int Rows, int Columns, int Groups, bool TakeTurns>
struct Kernel {
    static constexpr Shape kShape = {Rows, Columns, Groups, TakeTurns};
    static constexpr int kTileBlocks = Columns / kBlockColumns, kBlockBytes = Weights::kBlockBytes;
    static constexpr int kRowsBytes = Rows * kStepBytes, kWeightBytes = kTileBlocks * kBlockBytes;
    static constexpr int kScaleBytes = kTileBlocks * kBlockColumns * 4, kGroupBytes = kTileBlocks * group_bytes(Weights::kGrouped);
    static constexpr int kBlocks = TakeTurns ? kTileBlocks : kTileBlocks / Groups;  // of packed weights, for a group
    static constexpr int kOutputBytes = output_bytes(kShape);
    static constexpr int kSumsPiece = sums_piece(Rows), kRowsPiece = rows_piece(Rows), kPieces = Rows / kRowsPiece;
    static constexpr bool kSplits = Groups == 1;  // more warp groups fill the GPU by themselves
    static constexpr int kRowFactors = Rows < 128 ? 1 : Rows / 128;  // of a thread
    using Sum = typename Weights::Sum;
    using Total = typename Weights::Total;
    using Totals = Total[kBlocks][Rows / 2];

    const HopperGemm& call;
    const unsigned xs, ws, gs, staged, scales, full, empty, turns;  // in shared memory
    const int stages, split, rank, first_block, blocks;

    DEVICE Kernel(const HopperGemm& given, unsigned memory)
        : call(given),
          xs(memory),
          ws(xs + given.stages * kRowsBytes),
          gs(ws + given.stages * kWeightBytes),
          staged(gs + given.stages * kGroupBytes),
          scales(staged + kOutputBytes),
          full(scales + Groups * Rows * 4),
          empty(full + given.stages * 8),
          turns(empty + given.stages * 8),
          stages(given.stages),
          split(static_cast<int>(cluster_size())),
          rank(static_cast<int>(cluster_rank())),
          first_block(given.blocks_k * rank / split),
          blocks(given.blocks_k * (rank + 1) / split - first_block) {}

    DEVICE void run() {
        if (threadIdx.x == 0) {
            for (int stage = 0; stage < stages; ++stage) {
                barrier_init(full + stage * 8, 1);
                barrier_init(empty + stage * 8, TakeTurns ? 4 : Groups * 4);
            }
            for (int group = 0; group < Groups; ++group) barrier_init(turns + group * 8, 128);
            barriers_ready();
        }
        __syncthreads();
        if (!call.next_begins_late) let_next_kernel_begin();
        // The same for a whole warp, and the compiler is told: addresses of stages then live in uniform registers.
        const int group = __shfl_sync(~0u, static_cast<int>(threadIdx.x) / 128, 0);
        if (group == Groups) {
            if (Groups > 1) give_registers<40>();
            if (threadIdx.x % 128 < 32 && is_elected()) copy_all();
            wait_for_previous_kernel();
            if (kSplits && split > 1) {
                __syncwarp();
                cluster_sync();
                cluster_sync();
            }
        } else {
            if (Groups > 1) take_registers<232>();
            wait_for_previous_kernel();
            if (call.next_begins_late) let_next_kernel_begin();
            multiply_all(group);
        }
    }

    // --- the thread that copies ---

    // Where the next block of a tile's weights lies and what its group says. Kept from step to step: to make addresses
    // anew for each would take longer than to multiply a block.
    struct Source {
        const char* weights;
        const uint32_t* scale;
        const int8_t* zero;
        int there, left;  // columns of blocks; blocks until the next group
        unsigned bytes;   // of a stage
    };

    DEVICE Source source_of(int tile_n) const {
        const int first = tile_n * kTileBlocks, left = call.blocks_n - first;
        Source source = {};
        source.there = left < kTileBlocks ? left : kTileBlocks;
        source.weights = static_cast<const char*>(call.packed) +
                         (static_cast<int64_t>(first) * call.blocks_k + first_block) * kBlockBytes;
        source.bytes = kRowsBytes + source.there * kBlockBytes;
        if constexpr (Weights::kGrouped) {
            const int group = first_block / call.group_blocks;
            const int64_t at = group * call.group_row + tile_n * Columns;
            source.scale = call.group_scale + at;
            source.zero = call.group_zero ? call.group_zero + at : nullptr;
            source.left = (group + 1) * call.group_blocks - first_block;
            source.bytes += source.there * kBlockColumns * (call.group_zero ? 5 : 4);
        }
        return source;
    }

    DEVICE void copy_weights(Source& from, int stage) const {
        const unsigned barrier = full + stage * 8, to = ws + stage * kWeightBytes;
        barrier_expect(barrier, from.bytes);
#pragma unroll
        for (int i = 0; i < kTileBlocks; ++i) {
            const char* const block = from.weights + static_cast<int64_t>(i) * call.blocks_k * kBlockBytes;
            if (i < from.there) copy_bulk(to + i * kBlockBytes, block, kBlockBytes, barrier);
        }
        from.weights += kBlockBytes;
        if constexpr (Weights::kGrouped) copy_group(from, gs + stage * kGroupBytes, barrier);
    }

    DEVICE void copy_group(Source& from, unsigned to, unsigned barrier) const {
        const unsigned columns = from.there * kBlockColumns;
        copy_bulk(to, from.scale, columns * 4, barrier);
        if (from.zero) copy_bulk(to + kScaleBytes, from.zero, columns, barrier);
        if (--from.left) return;
        from.left = call.group_blocks;
        from.scale += call.group_row;
        if (from.zero) from.zero += call.group_row;
    }

    DEVICE void copy_rows(int tile_m, int block, int stage) const {
        copy_box(xs + stage * kRowsBytes, &call.x, (first_block + block) * kStepBytes, tile_m * Rows, full + stage * 8);
    }

    DEVICE void copy_all() const {
        const int tiles = call.tiles_m * call.tiles_n, step = gridDim.x / split;
        int index = blockIdx.x / split;
        prefetch_map(&call.x);
        // Weights do not depend on the kernel before this one.
        Tile tile = tile_of(index, call.tiles_m, call.tiles_n);
        Source source = source_of(tile.n);
        const int ahead = blocks < stages ? blocks : stages;
        for (int block = 0; block < ahead; ++block) copy_weights(source, block);
        wait_for_previous_kernel();
        for (int block = 0; block < ahead; ++block) copy_rows(tile.m, block, block);
        int stage = ahead % stages;
        unsigned parity = ahead == stages ? 0 : 1;
        for (int block = ahead;; block = 0) {
#pragma unroll 1
            for (; block < blocks; ++block) {
                barrier_wait(empty + stage * 8, parity);
                copy_weights(source, stage);
                copy_rows(tile.m, block, stage);
                if (++stage == stages) stage = 0, parity ^= 1;
            }
            index += step;
            if (index >= tiles) return;
            tile = tile_of(index, call.tiles_m, call.tiles_n);
            source = source_of(tile.n);
        }
    }

    // --- the warp groups that multiply ---

    DEVICE void multiply_all(int group) const {
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
        const int tiles = call.tiles_m * call.tiles_n, step = gridDim.x / split;
        const int every = TakeTurns ? Groups : 1, first = TakeTurns ? group : 0;
        int64_t steps = static_cast<int64_t>(first) * blocks;  // of the pipeline, before this tile
        unsigned turn = group == 0;                            // the first group has the first turn
        for (int index = blockIdx.x / split + first * step; index < tiles; index += every * step) {
            const Tile tile = tile_of(index, call.tiles_m, call.tiles_n);
            const int64_t n0 = static_cast<int64_t>(tile.n) * Columns + (TakeTurns ? 0 : group * kBlocks * kBlockColumns);
            const Factors factors(call, static_cast<int64_t>(tile.m) * Rows, n0, warp, lane);
            int stage = static_cast<int>(steps % stages);
            unsigned parity = static_cast<unsigned>(steps / stages & 1);
            steps += static_cast<int64_t>(every) * blocks;
            const int own = TakeTurns ? 0 : group * kBlocks;
            Totals totals;
            if constexpr (Weights::kScalesSums) {
                add_groups(totals, stage, parity, own, warp, lane);
            } else {
                add_all(totals, stage, parity, own, group, turn, warp, lane);
                turn ^= 1;
            }
            if (kSplits && split > 1) add_up(totals);
            store(totals, static_cast<int64_t>(tile.m) * Rows, n0, factors, group, warp, lane);
        }
    }

    // Of a tile, all of k.
    DEVICE void add_all(Totals& sums, int stage, unsigned parity, int own, int group, unsigned turn, int warp, int lane) const {
        // Without turns a group could wait for a stage whose barrier is two rounds behind, which looks like one ahead.
        if (TakeTurns) barrier_wait(turns + group * 8, turn);
        int before = 0;
        const auto release = [&](int block) {  // the stage before this one, whose products are done
            if (block > 0) {
                products_wait<1>();
                arrive_as_warp(empty + before * 8, lane);
            }
            before = stage;
            if (++stage == stages) stage = 0, parity ^= 1;
        };
        if constexpr (Weights::kInRegisters) {
            static_assert(kBlocks == 1, "one block of weights in registers, and the next");
            const auto load = [&](uint4(&a)[4]) {
                barrier_wait(full + stage * 8, parity);
                const unsigned block = ws + stage * kWeightBytes + own * kBlockBytes;
                if constexpr (Weights::kGrouped) {
                    Weights::load(a, block, warp, lane, group_of(stage, own, warp, lane));
                } else {
                    Weights::load(a, block, warp, lane);
                }
            };
            const auto step = [&](const uint4(&a)[4], uint4(&next)[4], int block) {
                multiply(sums[0], a, stage, block > 0);
                release(block);
                if (block + 1 < blocks) load(next);
            };
            uint4 even[4], odd[4];
            load(even);
            hold(sums[0]);  // or the compiler takes what nothing has set yet for read between products
            for (int block = 0; block < blocks; block += 2) {
                step(even, odd, block);
                if (block + 1 < blocks) step(odd, even, block + 1);
            }
        } else {
            for (int block = 0; block < blocks; ++block) {
                barrier_wait(full + stage * 8, parity);
                multiply(sums, stage, own, block > 0);
                release(block);
            }
        }
        if (TakeTurns) barrier_arrive(turns + (group + 1) % Groups * 8);
        products_wait<0>();
#pragma unroll
        for (int i = 0; i < kBlocks; ++i) hold(sums[i]);
        arrive_as_warp(empty + before * 8, lane);
    }

    // Of a thread, what its sums are multiplied with: on its way from memory while the products are made.
    struct Factors {
        float row[kRowFactors], scale[kBlocks][2], bias[kBlocks][2];

        DEVICE Factors(const HopperGemm& call, int64_t m0, int64_t n0, int warp, int lane) {
            const Epilogue& out = call.out;
#pragma unroll
            for (int i = 0; i < kRowFactors; ++i) {
                const int64_t m = m0 + i * 128 + threadIdx.x % 128;
                row[i] = out.x_scale ? out.x_scale[(m < call.m ? m : 0) * out.x_scale_step] : 1.0f;
            }
#pragma unroll
            for (int i = 0; i < kBlocks * 2; ++i) {
                const int64_t n = n0 + i / 2 * kBlockColumns + warp * 16 + lane / 4 + i % 2 * 8;
                const int64_t at = n < out.n ? n : 0;
                scale[i / 2][i % 2] = out.w_scale ? out.w_scale[at * out.w_scale_step] : 1.0f;
                bias[i / 2][i % 2] = out.bias_type == ENVDOCTOR_NONE
                    ? 0.0f : epilogue::multiply(out.bias_scale, epilogue::load(out.bias, out.bias_type, at));
            }
        }
    };

    // What the group of a stage says of a thread's columns.
    DEVICE auto group_of(int stage, int own, int warp, int lane) const {
        const int column = own * kBlockColumns + warp * 16 + lane / 4;
        const unsigned groups = gs + stage * kGroupBytes;
        return typename Weights::Group(call, groups + column * 4, groups + kScaleBytes + column);
    }

    DEVICE void multiply(Totals& sums, int stage, int first_of_tile, bool add) const {
        const uint64_t rows = rows_of_128_bytes(xs + stage * kRowsBytes);
        const uint64_t columns = rows_of_128_bytes(ws + stage * kWeightBytes + first_of_tile * kBlockBytes);
        products_fence();
#pragma unroll
        for (int k = 0; k < kStepBytes / 32; ++k) {
#pragma unroll
            for (int i = 0; i < kBlocks; ++i) {
                products(sums[i], columns + i * (kBlockBytes >> 4) + k * 2, rows + k * 2, add || k > 0);
            }
        }
        products_commit();
    }

    DEVICE void multiply(Sum (&sums)[Rows / 2], const uint4 (&a)[4], int stage, bool add) const {
        const uint64_t rows = rows_of_128_bytes(xs + stage * kRowsBytes);
        products_fence();
#pragma unroll
        for (int k = 0; k < kStepBytes / 32; ++k) Weights::product(sums, a[k], rows + k * 2, add || k > 0);
        products_commit();
    }

    // Of a tile, all of k, where the sums of each block are scaled and added up. The
    // other warp group, or other blocks of the processor, multiply meanwhile.
    DEVICE void add_groups(Totals& totals, int stage, unsigned parity, int own, int warp, int lane) const {
        static_assert(kBlocks == 1, "one block of weights in registers, and the next");
        using Group = typename Weights::Group;
        const auto load = [&](uint4(&a)[4]) {
            barrier_wait(full + stage * 8, parity);
            const Group group = group_of(stage, own, warp, lane);
            Weights::load(a, ws + stage * kWeightBytes + own * kBlockBytes, warp, lane, group);
            return group;
        };
#pragma unroll
        for (int i = 0; i < Rows / 2; ++i) totals[0][i] = 0.0f;
        Sum sums[Rows / 2];
        uint4 even[4], odd[4];
        Group group = load(even);
        const auto step = [&](const uint4(&a)[4], uint4(&next)[4], int block) {
            if constexpr (Weights::kBeginsWithBits) {
#pragma unroll
                for (int i = 0; i < Rows / 2; ++i) sums[i] = Weights::kBits;
            }
            multiply(sums, a, stage, Weights::kBeginsWithBits);
            const unsigned used = empty + stage * 8;
            if (++stage == stages) stage = 0, parity ^= 1;
            const Group own_group = group;
            if (block + 1 < blocks) group = load(next);
            products_wait<0>();
            hold(sums);
            arrive_as_warp(used, lane);
#pragma unroll
            for (int i = 0; i < Rows / 2; ++i) {
                totals[0][i] = __fmaf_rn(own_group.scale[i / 2 % 2], Weights::value(sums[i]), totals[0][i]);
            }
        };
        for (int block = 0; block < blocks; block += 2) {
            step(even, odd, block);
            if (block + 1 < blocks) step(odd, even, block + 1);
        }
    }

    DEVICE bool is_own(int piece) const { return owner_of(piece, kPieces, split) == rank; }

    // Sums of the blocks of a cluster go to those that store them, through what were their stages.
    DEVICE void add_up(Totals& sums) const {
        constexpr int kValues = Rows / 2 / kPieces;  // of a piece in a thread
        const int most_owned = most_owned_rows(Rows, split) / kRowsPiece;
        // Where a piece of another block lies in its owner's memory, who has the others in order.
        const auto place = [&](int owner, int other, int piece) {
            const int of_owner = other * most_owned + piece - first_owned(owner, kPieces, split);
            return xs + threadIdx.x % 128 * 4 + of_owner * (kValues * 512);
        };
        cluster_sync();
#pragma unroll
        for (int piece = 0; piece < kPieces; ++piece) {
            const int owner = owner_of(piece, kPieces, split);
            if (owner == rank) continue;
            const unsigned to = place(owner, rank < owner ? rank : rank - 1, piece);
#pragma unroll
            for (int i = 0; i < kValues; ++i) store_to_block(to + i * 512, owner, bits_of(sums[0][piece * kValues + i]));
        }
        cluster_sync();
        for (int other = 0; other < split - 1; ++other) {
#pragma unroll
            for (int piece = 0; piece < kPieces; ++piece) {
                if (!is_own(piece)) continue;
                const unsigned from = place(rank, other, piece);
#pragma unroll
                for (int i = 0; i < kValues; ++i) add_bits(sums[0][piece * kValues + i], shared_int(from + i * 512));
            }
        }
    }

    // sums[b][j * 4 + i]: column lane / 4 (+ 8 for i > 1) of the warp's 16 of block b, row j * 8 + lane % 4 * 2 + i % 2.
    DEVICE void store(
        const Totals& sums, int64_t m0, int64_t n_first, const Factors& factors, int group, int warp, int lane) const {
        const Epilogue& out = call.out;
        const bool sixteen = out.y_type == ENVDOCTOR_FLOAT16 || out.y_type == ENVDOCTOR_BFLOAT16;
        const bool whole = ((reinterpret_cast<uintptr_t>(out.y) | static_cast<uintptr_t>(out.y_row * 2)) & 15) == 0 &&
                           out.n % 8 == 0 && !out.x_zero && !out.w_zero;
        const unsigned own = scales + group * Rows * 4;
#pragma unroll
        for (int i = 0; i < kRowFactors; ++i) {
            const int row = i * 128 + static_cast<int>(threadIdx.x) % 128;
            if (row < Rows) asm volatile("st.shared.f32 [%0], %1;" ::"r"(own + row * 4), "f"(factors.row[i]) : "memory");
        }
        group_sync(1 + group);
#pragma unroll
        for (int i = 0; i < kBlocks; ++i) {
            const int64_t n0 = n_first + i * kBlockColumns;
            if (sixteen && whole) {
                store_rows(sums[i], factors.scale[i], factors.bias[i], m0, n0, group, warp, lane);
            } else {
                store_each(sums[i], m0, n0, group, warp, lane);
            }
        }
    }

    // Any output: sums go through shared memory, so that the many cases of an output are there once and not for each sum.
    DEVICE void store_each(const Total (&sums)[Rows / 2], int64_t m0, int64_t n0, int group, int warp, int lane) const {
        constexpr int kPiece = kSumsPiece;
        const unsigned piece = staged + group * (kOutputBytes / Groups);
        const auto place = [&](int row, int column) {
            return piece + (row * kBlockColumns + (column ^ (row / 2 % 4 * 8))) * 4;
        };
#pragma unroll
        for (int p = 0; p < Rows / kPiece; ++p) {
            if (kSplits && !is_own(p * kPiece / kRowsPiece)) continue;
#pragma unroll
            for (int i = 0; i < kPiece / 2; ++i) {
                const int row = i / 4 * 8 + lane % 4 * 2 + i % 2, column = warp * 16 + lane / 4 + i / 2 % 2 * 8;
                store_shared(place(row, column), bits_of(sums[p * kPiece / 2 + i]));
            }
            group_sync(1 + group);
#pragma unroll 1
            for (int i = threadIdx.x % 128; i < kPiece * kBlockColumns; i += 128) {
                const int64_t m = m0 + p * kPiece + i / kBlockColumns, n = n0 + i % kBlockColumns;
                const int sum = shared_int(place(i / kBlockColumns, i % kBlockColumns));
                if (m >= call.m || n >= call.out.n) continue;
                if constexpr (is_float<Total>) {
                    const float value = epilogue::scaled(call.out, __int_as_float(sum), m, n);
                    epilogue::store_value(call.out, 0, m, n, value);
                } else {
                    epilogue::store(call.out, 0, m, n, Weights::sum(sum));
                }
            }
            group_sync(1 + group);
        }
    }

    DEVICE static float number(float sum) { return sum; }
    DEVICE static float number(int sum) { return static_cast<float>(Weights::sum(sum)); }

    // 16-bit outputs: turned around in shared memory, then written 16 bytes at a time.
    DEVICE void store_rows(
        const Total (&sums)[Rows / 2], const float (&scale)[2], const float (&bias)[2], int64_t m0, int64_t n0, int group,
        int warp, int lane) const {
        constexpr int kPiece = kRowsPiece;
        constexpr bool kPairs = kPiece >= 16;  // of eight rows
        const Epilogue& out = call.out;
        const bool bfloat16 = out.y_type == ENVDOCTOR_BFLOAT16;
        const unsigned piece = staged + group * (kOutputBytes / Groups);
        const auto value = [&](Total sum, float x_scale, int i) {
            const float scaled = epilogue::multiply(epilogue::multiply(number(sum), x_scale), scale[i]);
            const float result = epilogue::add(scaled, bias[i]);
            return out.relu && result < 0.0f ? 0.0f : result;
        };
#pragma unroll
        for (int p = 0; p < Rows / kPiece; ++p) {
            if (kSplits && !is_own(p)) continue;
            const int64_t first = m0 + p * kPiece;
#pragma unroll
            for (int j = 0; j < kPiece / 8; j += 2) {
                unsigned words[2][2] = {};
#pragma unroll
                for (int next = 0; next < 1 + kPairs; ++next) {
                    float x_scale[2];
                    const int row = p * kPiece + (j + next) * 8 + lane % 4 * 2;
                    asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];"
                                 : "=f"(x_scale[0]), "=f"(x_scale[1]) : "r"(scales + (group * Rows + row) * 4));
                    const Total* four = &sums[(p * (kPiece / 8) + j + next) * 4];
                    words[next][0] = pair_of(value(four[0], x_scale[0], 0), value(four[1], x_scale[1], 0), bfloat16);
                    words[next][1] = pair_of(value(four[2], x_scale[0], 1), value(four[3], x_scale[1], 1), bfloat16);
                }
                // Lanes 8 q to 8 q + 7 say where the rows of matrix q go: columns 0-7 and 8-15, then eight rows on.
                const int row = (j + (kPairs ? lane / 16 : 0)) * 8 + lane % 8;
                const int chunk = (warp * 2 + lane / 8 % 2) ^ (row & 7);
                store_transposed(piece + row * 128 + chunk * 16, words[0][0], words[0][1], words[kPairs][0], words[kPairs][1]);
            }
            group_sync(1 + group);
#pragma unroll
            for (int i = threadIdx.x % 128; i < kPiece * 8; i += 128) {
                const int row = i / 8, chunk = i % 8;
                const uint4 eight = shared_uint4(piece + row * 128 + (chunk ^ (row & 7)) * 16);
                if (first + row < call.m && n0 + chunk * 8 < out.n) {
                    uint16_t* y = static_cast<uint16_t*>(out.y) + (first + row) * out.y_row + n0 + chunk * 8;
                    *reinterpret_cast<uint4*>(y) = eight;
                }
            }
            group_sync(1 + group);
        }
    }
};

}  // namespace hopper
