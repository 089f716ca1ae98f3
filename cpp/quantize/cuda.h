// What the launch of cuda.cu's kernels and the kernels themselves agree on.
#pragma once

#include "quantize/quantize.h"

namespace quantize_cuda {

// A row for each warp of a block, four pieces of 16 bytes for each of its threads.
constexpr int kWarps = 4, kWarpVectors = 4;
// A row for each block.
constexpr int kMaxThreads = 1024;
// With `smooth` the quotients are kept, and of 16-bit values they take twice the registers of the values.
constexpr int kMaxSmoothVectors = 4;
// A row that is read twice.
constexpr int kLoopThreads = 512;

}  // namespace quantize_cuda
