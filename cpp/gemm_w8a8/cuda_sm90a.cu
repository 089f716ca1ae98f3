// gemm_w8a8 by wgmma, for Hopper.
#include "common/hopper_gemm.cuh"
#include "gemm_w8a8/cuda_sm90a.h"

#if __CUDA_ARCH__ == 900
#define KERNEL(name, shape, blocks)                                                                            \
    extern "C" __global__ void __launch_bounds__(hopper::threads(shape), blocks)                               \
        name(const __grid_constant__ HopperGemm call) {                                                        \
        extern __shared__ __align__(1024) char memory[];                                                       \
        hopper::Kernel<shape.rows, shape.columns, shape.groups, shape.take_turns>(call, shared_address(memory)).run(); \
    }
KERNEL(gemm_w8a8_rows8, hopper::kRows8, 2)
KERNEL(gemm_w8a8_rows16, hopper::kRows16, 2)
KERNEL(gemm_w8a8_rows32, hopper::kRows32, 2)
KERNEL(gemm_w8a8_rows64, hopper::kRows64, 2)
KERNEL(gemm_w8a8_rows128, hopper::kRows128, 2)
KERNEL(gemm_w8a8_square128, hopper::kSquare128, 1)
KERNEL(gemm_w8a8_turns128, hopper::kTurns128, 1)
KERNEL(gemm_w8a8_rows256, hopper::kRows256, 1)
#endif
