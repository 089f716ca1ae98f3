#include "gemm_w4a8/cuda_mma.h"

#include "common/driver.h"
#include "common/few_rows.h"
#include "common/status.h"

namespace {

// By groups (none, of whole blocks, shorter), then by rows.
Kernel direct[3][2] = {
    {{"gemm_w4a8_cuda_mma", "gemm_w4a8_direct8"}, {"gemm_w4a8_cuda_mma", "gemm_w4a8_direct16"}},
    {{"gemm_w4a8_cuda_mma", "gemm_w4a8_grouped8"}, {"gemm_w4a8_cuda_mma", "gemm_w4a8_grouped16"}},
    {{"gemm_w4a8_cuda_mma", "gemm_w4a8_short_groups8"}, {"gemm_w4a8_cuda_mma", "gemm_w4a8_short_groups16"}},
};
// By whether there are groups, then by alignment.
Kernel tiled[2][2] = {
    {{"gemm_w4a8_cuda_mma", "gemm_w4a8_tiled"}, {"gemm_w4a8_cuda_mma", "gemm_w4a8_tiled_unaligned"}},
    {{"gemm_w4a8_cuda_mma", "gemm_w4a8_tiled_grouped"}, {"gemm_w4a8_cuda_mma", "gemm_w4a8_tiled_grouped_unaligned"}},
};

}  // namespace

bool fits_mma_direct(const GemmW4A8& call) {
    return call.m <= 2 * few_rows::kTile && (call.group || call.k <= kW4MostUpperK);
}

int gemm_w4a8_cuda_mma_direct(const GemmW4A8& call, int device, void* stream) {
    Kernel& kernel = direct[call.group ? 1 + (call.group % kW4BlockK != 0) : 0][call.m > few_rows::kTile];
    return kernel.launch(device, stream, few_rows::launch(call.n, call.k, call.group != 0), &call);
}

int gemm_w4a8_cuda_mma_tiled(const GemmW4A8& call, int device, void* stream) {
    using namespace w4a8_mma;
    const bool aligned = ((reinterpret_cast<uintptr_t>(call.x) | static_cast<uintptr_t>(call.x_row)) & 15) == 0;
    if (ceil_div(call.m, kTileM) > 65535) {
        return fail(ENVDOCTOR_NOT_SUPPORTED, "m = %lld is more than one launch covers", call.m);
    }
    const Launch launch = {{static_cast<unsigned>(ceil_div(call.n, kTileN)), static_cast<unsigned>(ceil_div(call.m, kTileM)), 1},
                           kThreads, 0, 1, true};
    return tiled[call.group != 0][!aligned].launch(device, stream, launch, &call);
}
