#include "quantize/cuda.h"

#include "common/driver.h"
#include "common/status.h"

using namespace quantize_cuda;

namespace {

constexpr int kTypes = 3, kModes = 3;
int type_of(const Quantize& call) { return call.x_type - ENVDOCTOR_FLOAT16; }
int mode_of(const Quantize& call) { return call.kind == QUANTIZE_STATIC ? 2 : call.smooth ? 1 : 0; }

#define KERNEL(name) Kernel("quantize_cuda", "quantize_" name)
#define MODES(shape, type)                                                              \
    {KERNEL(shape "_" type "_rows"), KERNEL(shape "_" type "_smooth"), KERNEL(shape "_" type "_static")}
#define TYPES(shape) {MODES(shape, "half"), MODES(shape, "bfloat16"), MODES(shape, "float")}
Kernel warp[kTypes][kModes] = TYPES("warp");
Kernel block1[kTypes][kModes] = TYPES("block1");
Kernel block2[kTypes][kModes] = TYPES("block2");
Kernel block4[kTypes][kModes] = TYPES("block4");
Kernel block8[kTypes][kModes] = TYPES("block8");
Kernel loop[kTypes][kModes] = TYPES("loop");

int64_t bytes_of_element(const Quantize& call) { return call.x_type == ENVDOCTOR_FLOAT32 ? 4 : 2; }
int64_t vectors_of_row(const Quantize& call) { return call.k * bytes_of_element(call) / 16; }

// Whole pieces of 16 bytes of x, and of as many values of smooth and q, each where one instruction can move it.
bool is_aligned(const Quantize& call) {
    const int64_t size = bytes_of_element(call), values = 16 / size;
    const uintptr_t x = reinterpret_cast<uintptr_t>(call.x) | static_cast<uintptr_t>(call.x_row * size);
    const uintptr_t q = reinterpret_cast<uintptr_t>(call.q) | static_cast<uintptr_t>(call.q_row);
    return call.k % values == 0 && x % 16 == 0 && q % static_cast<uintptr_t>(values) == 0 &&
           reinterpret_cast<uintptr_t>(call.smooth) % 16 == 0;
}

int start(Kernel& kernel, const Quantize& call, int device, void* stream, int64_t blocks, int64_t threads) {
    if (blocks > INT32_MAX) {
        return fail(ENVDOCTOR_NOT_SUPPORTED, "%lld rows are more than one launch covers", call.rows);
    }
    const Launch launch = {{static_cast<unsigned>(blocks), 1, 1}, static_cast<unsigned>(threads), 0, 1, true};
    return kernel.launch(device, stream, launch, &call);
}

}  // namespace

bool quantize_fits_warp(const Quantize& call) {
    return is_aligned(call) && vectors_of_row(call) <= 32 * kWarpVectors;
}

bool quantize_fits_block(const Quantize& call, int vectors) {
    if (!vectors) return true;
    return is_aligned(call) && vectors_of_row(call) <= int64_t{kMaxThreads} * vectors &&
           (!call.smooth || vectors <= kMaxSmoothVectors);
}

int quantize_cuda_warp(const Quantize& call, int device, void* stream) {
    Kernel& kernel = warp[type_of(call)][mode_of(call)];
    return start(kernel, call, device, stream, ceil_div(call.rows, kWarps), kWarps * 32);
}

int quantize_cuda_block(const Quantize& call, int device, void* stream, int vectors) {
    Kernel(&kernels)[kTypes][kModes] =
        vectors == 0 ? loop : vectors == 1 ? block1 : vectors == 2 ? block2 : vectors == 4 ? block4 : block8;
    int64_t threads = kLoopThreads;
    if (vectors) threads = round_up(ceil_div(vectors_of_row(call), vectors), 32);
    return start(kernels[type_of(call)][mode_of(call)], call, device, stream, call.rows, threads ? threads : 32);
}
