// What the launch of cuda_mma.cu's kernels and the kernels themselves agree on.
#pragma once

#include "gemm_w4a8/gemm_w4a8.h"

namespace w4a8_mma {

constexpr int kThreads = 256;
// The tiled kernel: rows of x and columns of y for one block, stages of 128 k.
constexpr int kTileM = 64, kTileN = 128, kStages = 3;

}  // namespace w4a8_mma
