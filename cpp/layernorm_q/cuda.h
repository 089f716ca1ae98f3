// What the launch of cuda.cu's kernels and the kernels themselves agree on.
#pragma once

#include "layernorm_q/layernorm_q.h"

namespace layernorm_q_cuda {

// A row for each warp of a block, two pieces of 16 bytes of residual for each of its threads.
constexpr int kWarps = 4, kWarpVectors = 2;
// A row for each block.
constexpr int kMaxThreads = 1024;
// A row that is read again and again. Many threads: a value then goes through few additions.
constexpr int kLoopThreads = 1024;

}  // namespace layernorm_q_cuda
