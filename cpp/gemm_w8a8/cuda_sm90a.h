// The shapes that cuda_sm90a.cu's kernels come in.
#pragma once

#include "common/hopper_gemm.h"

namespace hopper {

// One warp group, and all of shared memory for bytes on their way: memory is what few rows wait for.
constexpr Shape kRows8 = {8, 1, 20}, kRows16 = {16, 1, 16}, kRows32 = {32, 1, 14}, kRows64 = {64, 1, 12};
constexpr Shape kRows128 = {128, 1, 8};
// Two warp groups, one of which multiplies while the other stores or waits.
constexpr Shape kSquare128 = {128, 2, 6}, kRows256 = {256, 2, 4};

}  // namespace hopper
