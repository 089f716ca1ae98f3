// The shapes that cuda_sm90a.cu's kernels come in.
#pragma once

#include "common/hopper_gemm.h"

namespace hopper {

constexpr Shape kRows8 = {8, 64, 1, false}, kRows16 = {16, 64, 1, false}, kRows32 = {32, 64, 1, false};
constexpr Shape kRows64 = {64, 64, 1, false}, kRows128 = {128, 64, 1, false};
constexpr Shape kSquare128 = {128, 128, 2, false}, kTurns128 = {128, 128, 2, true}, kRows256 = {256, 128, 2, false};

}  // namespace hopper
