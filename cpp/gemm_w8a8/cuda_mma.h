// What the launch of cuda_mma.cu's kernels and the kernels themselves agree on.
#pragma once

#include "gemm_w8a8/gemm_w8a8.h"

namespace cuda_mma {

constexpr int kThreads = 256;
// The tiled kernel: rows of x and columns of y for one block, and k for one step of its pipeline.
constexpr int kTileM = 128, kTileMSmall = 32, kTileN = 128, kStepK = 64, kStages = 3;
// The direct kernel: 16 columns for one block, whose warps share k; 8 rows of x for one tile.
constexpr int kDirectN = 16, kDirectTileM = 8, kDirectMaxM = 16;

}  // namespace cuda_mma
