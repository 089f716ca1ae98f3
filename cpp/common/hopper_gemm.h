// What the hosts and the kernels of common/hopper_gemm.cuh agree on.
#pragma once

#include "common/epilogue.h"

// A CUtensorMap of the driver: where a matrix lies and how boxes of it go to shared memory.
struct alignas(64) TensorMap {
    char opaque[128];
};

struct HopperGemm {
    TensorMap x;         // int8 [m, k], boxes of 128 bytes of as many rows as a tile has
    const void* packed;  // weights in blocks of 64 columns and 128 k, a row of blocks one after the other along k
    int32_t m, blocks_n, blocks_k;  // at least one block of k for each block of a cluster
    int32_t tiles_m, tiles_n;
    Epilogue out;
};

namespace hopper {

constexpr int kGroupColumns = 64, kStepK = 128;

// A shape of the kernel: rows of x for one tile, warp groups (64 columns each), stages of the pipeline.
struct Shape {
    int rows, groups, stages;
};

// The output leaves in pieces of as many rows: of sums, and of 16-bit values.
constexpr int sums_piece(int rows) { return rows < 32 ? rows : 32; }
constexpr int rows_piece(int rows) { return rows < 64 ? rows : 64; }

constexpr int output_bytes(const Shape& shape) { return shape.groups * sums_piece(shape.rows) * kGroupColumns * 4; }

// Shared memory of a block: stages of both operands, the output on its way out, two barriers for each stage.
constexpr int shared_bytes(const Shape& shape, int weight_bytes) {
    return shape.stages * (shape.rows * kStepK + shape.groups * weight_bytes + 16) + output_bytes(shape);
}

}  // namespace hopper
