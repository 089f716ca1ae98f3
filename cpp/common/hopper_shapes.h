// The shapes that families build their kernels in.
#pragma once

#include "common/hopper_gemm.h"

namespace hopper {

constexpr Shape kRows8 = {8, 64, 1, false}, kRows16 = {16, 64, 1, false}, kRows32 = {32, 64, 1, false};
constexpr Shape kRows64 = {64, 64, 1, false}, kRows128 = {128, 64, 1, false};
constexpr Shape kSquare128 = {128, 128, 2, false}, kRows256 = {256, 128, 2, false};
constexpr Shape kTurns64 = {128, 64, 2, true}, kTurns128 = {128, 128, 2, true}, kTurns256 = {256, 64, 2, true};

}  // namespace hopper

// A kernel of that shape, by a name that no build folder is part of; blocks: how many shall fit on a processor.
#define HOPPER_KERNEL(name, weights, shape, blocks)                                                          \
    extern "C" __global__ void __launch_bounds__(hopper::threads(shape), blocks)                             \
        name(const __grid_constant__ HopperGemm call) {                                                      \
        extern __shared__ __align__(1024) char memory[];                                                     \
        using Kernel = hopper::Kernel<weights, shape.rows, shape.columns, shape.groups, shape.take_turns>;    \
        Kernel(call, shared_address(memory)).run();                                                          \
    }
