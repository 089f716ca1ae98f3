// What the hosts and the kernels of common/hopper_gemm.cuh agree on.
#pragma once

#include "common/epilogue.h"

// A CUtensorMap of the driver: where a matrix lies and how boxes of it go to shared memory.
struct alignas(64) TensorMap {
    char opaque[128];
};

struct HopperGemm {
    TensorMap x;         // [m, k], boxes of 128 bytes of as many rows as a tile has
    const void* packed;  // weights in blocks of 64 columns and as many k, a row of blocks one after the other along k
    int32_t m, blocks_n, blocks_k;  // at least one block of k for each block of a cluster
    int32_t tiles_m, tiles_n, stages;
    // Weights in groups along k, of whole blocks: four bytes for each group of a column, a scale, and one more, a zero point,
    // or none.
    int32_t group_blocks, groups;
    const uint32_t* group_scale;  // [groups, group_row]
    const int8_t* group_zero;     // the same, or null
    int64_t group_row;            // n rounded up to a multiple of 64
    int32_t group_scale_type;
    int32_t next_begins_late;  // the kernel after this one: once those before this one have ended
    Epilogue out;
};

namespace hopper {

constexpr int kBlockColumns = 64, kStepBytes = 128;  // a step along k: 128 bytes of a row of x

// A shape of the kernel: a tile is `rows` of x and `columns` of y. Warp groups share the columns of a tile, or have tiles
// of their own and take turns.
struct Shape {
    int rows, columns, groups;
    bool take_turns;
};

// The output leaves in pieces of as many rows: of sums, and of 16-bit values.
constexpr int sums_piece(int rows) { return rows < 32 ? rows : 32; }
EPILOGUE constexpr int rows_piece(int rows) { return rows < 64 ? rows : 64; }

// Blocks of a cluster share k, and then the pieces: each adds up those that it stores, at most so many rows.
EPILOGUE constexpr int owner_of(int piece, int pieces, int split) { return piece * split / pieces; }
EPILOGUE constexpr int first_owned(int rank, int pieces, int split) { return (rank * pieces + split - 1) / split; }
EPILOGUE constexpr int most_owned_rows(int rows, int split) {
    return (rows / rows_piece(rows) + split - 1) / split * rows_piece(rows);
}

constexpr int output_bytes(const Shape& shape) { return shape.groups * sums_piece(shape.rows) * kBlockColumns * 4; }

// Of a block: the groups that multiply, and a warp that copies (a whole group where registers are to change hands).
constexpr int threads(const Shape& shape) { return shape.groups * 128 + (shape.groups > 1 ? 128 : 32); }

// Bytes of a group for 64 columns.
constexpr int group_bytes(bool grouped) { return grouped ? kBlockColumns * 5 : 0; }

// Shared memory of a block: stages of both operands (a block of weights with its group), the output on its way out and
// scales of its rows, two barriers for each stage, and turns.
constexpr int shared_bytes(const Shape& shape, int stages, int block_bytes) {
    const int stage = shape.rows * kStepBytes + shape.columns / kBlockColumns * block_bytes + 16;
    return stages * stage + output_bytes(shape) + shape.groups * (shape.rows * 4 + 8);
}

// As many stages as fit into so much shared memory.
constexpr int stages_in(const Shape& shape, int bytes, int block_bytes) {
    const int fixed = shared_bytes(shape, 0, block_bytes);
    return (bytes - fixed) / (shared_bytes(shape, 1, block_bytes) - fixed);
}

}  // namespace hopper
