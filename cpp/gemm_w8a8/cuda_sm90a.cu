// gemm_w8a8 by wgmma, for Hopper.
#include "common/hopper_gemm.cuh"
#include "gemm_w8a8/cuda_sm90a.h"

struct Int8Weights {
    static constexpr int kBytes = 64 * 128;
    // A step is 512 bytes: 16 for each thread.
    DEVICE static void load(uint4 (&a)[4], unsigned address) {
#pragma unroll
        for (int step = 0; step < 4; ++step) {
            asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                         : "=r"(a[step].x), "=r"(a[step].y), "=r"(a[step].z), "=r"(a[step].w)
                         : "r"(address + step * 512));
        }
    }
    DEVICE static int sum(int value) { return value; }
};

#if __CUDA_ARCH__ == 900
#define KERNEL(name, shape)                                                                                          \
    extern "C" __global__ void __launch_bounds__(128 * (shape.groups + 1), 1)                                        \
        name(const __grid_constant__ HopperGemm call) {                                                              \
        extern __shared__ __align__(1024) char memory[];                                                             \
        hopper::Kernel<Int8Weights, shape.rows, shape.groups, shape.stages>(call, shared_address(memory)).run();     \
    }
KERNEL(gemm_w8a8_rows8, hopper::kRows8)
KERNEL(gemm_w8a8_rows16, hopper::kRows16)
KERNEL(gemm_w8a8_rows32, hopper::kRows32)
KERNEL(gemm_w8a8_rows64, hopper::kRows64)
KERNEL(gemm_w8a8_rows128, hopper::kRows128)
KERNEL(gemm_w8a8_square128, hopper::kSquare128)
KERNEL(gemm_w8a8_rows256, hopper::kRows256)
#endif
