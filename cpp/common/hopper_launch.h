// Launches of the kernels of common/hopper_gemm.cuh.
#pragma once

#include "common/driver.h"
#include "common/hopper_gemm.h"

namespace hopper {

// A kernel of a family, and its shape.
struct Entry {
    Kernel kernel;
    Shape shape;
};

struct Operands {
    const void* x;  // [m, k], 16-byte aligned, as rows are
    int64_t x_row, m, n, k;  // of x_row and k the bytes
    const void* packed;
    int block_bytes;  // of a packed block of 64 columns and 128 bytes of x
    // Weights in groups along k of so many blocks each; 0: none.
    int64_t group_blocks = 0;
    const void* group_scale = nullptr;  // 16-byte aligned, as zero points are
    const int8_t* group_zero = nullptr;
    int64_t group_row = 0;
    int group_scale_type = ENVDOCTOR_FLOAT32;
    int32_t next_begins_late = 0;
};

// Whether x can be read by a tensor map, and sizes fit its numbers.
bool fits(const Operands& operands);

// Split: how many blocks share k, at most ceil(k / 128). Returns a status.
int launch(Entry& entry, const Operands& operands, const Epilogue& out, int split, int device, void* stream);

constexpr int64_t kProcessors = 132;  // of an H100 or H200; another number costs a little speed

}  // namespace hopper
