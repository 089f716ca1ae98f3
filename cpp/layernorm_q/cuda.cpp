#include "layernorm_q/cuda.h"

#include "common/driver.h"
#include "common/status.h"

using namespace layernorm_q_cuda;

namespace {

constexpr int kTypes = 3;

#define KERNEL(name) Kernel("layernorm_q_cuda", "layernorm_q_" name)
#define TYPES(shape) {KERNEL(shape "_half"), KERNEL(shape "_bfloat16"), KERNEL(shape "_float")}
Kernel warp[kTypes] = TYPES("warp");
Kernel block1[kTypes] = TYPES("block1");
Kernel block2[kTypes] = TYPES("block2");
Kernel block4[kTypes] = TYPES("block4");
Kernel loop[kTypes] = TYPES("loop");

int64_t bytes_of_element(const LayernormQ& call) { return call.type == ENVDOCTOR_FLOAT32 ? 4 : 2; }
int64_t vectors_of_row(const LayernormQ& call) { return call.k * bytes_of_element(call) / 16; }

// Whole pieces of 16 bytes of residual and sum, and of as many values of the rest, each where instructions can move it.
bool is_aligned(const LayernormQ& call) {
    const int64_t size = bytes_of_element(call), values = 16 / size;
    const uintptr_t together =
        reinterpret_cast<uintptr_t>(call.x) | static_cast<uintptr_t>(call.x_row * 4) |
        reinterpret_cast<uintptr_t>(call.residual) | static_cast<uintptr_t>(call.residual_row * size) |
        reinterpret_cast<uintptr_t>(call.sum) | static_cast<uintptr_t>(call.sum_row * size) |
        reinterpret_cast<uintptr_t>(call.gamma) | reinterpret_cast<uintptr_t>(call.beta);
    const uintptr_t q = reinterpret_cast<uintptr_t>(call.q) | static_cast<uintptr_t>(call.q_row);
    return call.k % values == 0 && together % 16 == 0 && q % static_cast<uintptr_t>(values) == 0;
}

int start(Kernel& kernel, const LayernormQ& call, int device, void* stream, int64_t blocks, int64_t threads) {
    if (blocks > INT32_MAX) {
        return fail(ENVDOCTOR_NOT_SUPPORTED, "%lld rows are more than one launch covers", call.rows);
    }
    const Launch launch = {{static_cast<unsigned>(blocks), 1, 1}, static_cast<unsigned>(threads), 0, 1, true};
    return kernel.launch(device, stream, launch, &call);
}

}  // namespace

bool layernorm_q_fits_warp(const LayernormQ& call) {
    return is_aligned(call) && vectors_of_row(call) <= 32 * kWarpVectors;
}

bool layernorm_q_fits_block(const LayernormQ& call, int vectors) {
    return !vectors || (is_aligned(call) && vectors_of_row(call) <= int64_t{kMaxThreads} * vectors);
}

int layernorm_q_cuda_warp(const LayernormQ& call, int device, void* stream) {
    Kernel& kernel = warp[call.type - ENVDOCTOR_FLOAT16];
    return start(kernel, call, device, stream, ceil_div(call.rows, kWarps), kWarps * 32);
}

int layernorm_q_cuda_block(const LayernormQ& call, int device, void* stream, int vectors) {
    Kernel(&kernels)[kTypes] = vectors == 0 ? loop : vectors == 1 ? block1 : vectors == 2 ? block2 : block4;
    int64_t threads = kLoopThreads;
    if (vectors) threads = round_up(ceil_div(vectors_of_row(call), vectors), 32);
    return start(kernels[call.type - ENVDOCTOR_FLOAT16], call, device, stream, call.rows, threads);
}
