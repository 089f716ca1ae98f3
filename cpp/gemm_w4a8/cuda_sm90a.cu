// gemm_w4a8 by wgmma, for Hopper.
#include "common/hopper_gemm.cuh"
#include "common/hopper_shapes.h"

#if __CUDA_ARCH__ == 900
HOPPER_KERNEL(gemm_w4a8_rows16, hopper::Int4Weights, hopper::kRows16, 4)
HOPPER_KERNEL(gemm_w4a8_rows32, hopper::Int4Weights, hopper::kRows32, 4)
HOPPER_KERNEL(gemm_w4a8_rows64, hopper::Int4Weights, hopper::kRows64, 2)
HOPPER_KERNEL(gemm_w4a8_rows128, hopper::Int4Weights, hopper::kRows128, 2)
HOPPER_KERNEL(gemm_w4a8_square128, hopper::Int4Weights, hopper::kSquare128, 1)
HOPPER_KERNEL(gemm_w4a8_turns64, hopper::Int4Weights, hopper::kTurns64, 1)
HOPPER_KERNEL(gemm_w4a8_rows256, hopper::Int4Weights, hopper::kRows256, 1)
HOPPER_KERNEL(gemm_w4a8_turns256, hopper::Int4Weights, hopper::kTurns256, 1)
HOPPER_KERNEL(gemm_w4a8_groups16, hopper::Int4Groups, hopper::kRows16, 4)
HOPPER_KERNEL(gemm_w4a8_groups32, hopper::Int4Groups, hopper::kRows32, 3)
HOPPER_KERNEL(gemm_w4a8_groups64, hopper::Int4Groups, hopper::kRows64, 2)
HOPPER_KERNEL(gemm_w4a8_groups_square, hopper::Int4Groups, hopper::kSquare128, 1)
#endif
