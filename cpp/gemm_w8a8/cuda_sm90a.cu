// gemm_w8a8 by wgmma, for Hopper.
#include "common/hopper_gemm.cuh"
#include "common/hopper_shapes.h"

#if __CUDA_ARCH__ == 900
HOPPER_KERNEL(gemm_w8a8_rows8, hopper::Int8Weights, hopper::kRows8, 4)
HOPPER_KERNEL(gemm_w8a8_rows16, hopper::Int8Weights, hopper::kRows16, 4)
HOPPER_KERNEL(gemm_w8a8_rows32, hopper::Int8Weights, hopper::kRows32, 4)
HOPPER_KERNEL(gemm_w8a8_rows64, hopper::Int8Weights, hopper::kRows64, 2)
HOPPER_KERNEL(gemm_w8a8_rows128, hopper::Int8Weights, hopper::kRows128, 2)
HOPPER_KERNEL(gemm_w8a8_square128, hopper::Int8Weights, hopper::kSquare128, 1)
HOPPER_KERNEL(gemm_w8a8_turns64, hopper::Int8Weights, hopper::kTurns64, 1)
HOPPER_KERNEL(gemm_w8a8_turns128, hopper::Int8Weights, hopper::kTurns128, 1)
HOPPER_KERNEL(gemm_w8a8_rows256, hopper::Int8Weights, hopper::kRows256, 1)
#endif
