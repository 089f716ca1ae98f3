// The shapes that cuda_sm90a.cu's kernels come in.
#pragma once

#include "common/hopper_gemm.h"

namespace hopper {

constexpr Shape kRows8 = {8, 64, 1}, kRows16 = {16, 64, 1}, kRows32 = {32, 64, 1}, kRows64 = {64, 64, 1};
constexpr Shape kRows128 = {128, 64, 1};
// Two warp groups take turns.
constexpr Shape kSquare128 = {128, 128, 2};

}  // namespace hopper
