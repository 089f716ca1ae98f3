#include "gemm_w4a16/cuda_mma.h"

#include "common/driver.h"
#include "common/few_rows.h"
#include "common/status.h"

namespace {

#define KERNEL(name) {"gemm_w4a16_cuda_mma", "gemm_w4a16_" name}
#define DIRECT(name)                                                    \
    {{KERNEL(name "_direct8"), KERNEL(name "_direct16")},               \
     {KERNEL(name "_short_groups8"), KERNEL(name "_short_groups16")}}

// By type of x, by bits, by whether groups are shorter than a block, then by rows.
Kernel direct[2][2][2][2] = {{DIRECT("half4"), DIRECT("half8")}, {DIRECT("bfloat4"), DIRECT("bfloat8")}};
// By columns of a block, 128 or 64, by type and by bits.
Kernel tiled[2][2][2] = {
    {{KERNEL("half4_tiled"), KERNEL("half8_tiled")}, {KERNEL("bfloat4_tiled"), KERNEL("bfloat8_tiled")}},
    {{KERNEL("half4_narrow"), KERNEL("half8_narrow")}, {KERNEL("bfloat4_narrow"), KERNEL("bfloat8_narrow")}},
};

int launch_tiled(const GemmW4A16& call, int device, void* stream, bool narrow) {
    using namespace w4a16_mma;
    const int64_t tiles_n = ceil_div(call.n, narrow ? kTileN / 2 : kTileN), tiles_m = ceil_div(call.m, kTileM);
    if (tiles_m > 65535) return fail(ENVDOCTOR_NOT_SUPPORTED, "m = %lld is more than one launch covers", call.m);
    const Launch launch = {{static_cast<unsigned>(tiles_n), static_cast<unsigned>(tiles_m), 1}, kThreads, 0, 1, true};
    return tiled[narrow][call.type == ENVDOCTOR_BFLOAT16][call.bits == 8].launch(device, stream, launch, &call);
}

}  // namespace

int gemm_w4a16_cuda_mma_direct(const GemmW4A16& call, int device, void* stream) {
    using namespace w4a16_mma;
    const bool short_groups = call.group % kW4A16BlockK != 0;
    Kernel& kernel = direct[call.type == ENVDOCTOR_BFLOAT16][call.bits == 8][short_groups][call.m > few_rows::kTile];
    return kernel.launch(device, stream, few_rows::launch(call.n, call.k, true), &call);
}

int gemm_w4a16_cuda_mma_tiled(const GemmW4A16& call, int device, void* stream) {
    return launch_tiled(call, device, stream, false);
}

int gemm_w4a16_cuda_mma_narrow(const GemmW4A16& call, int device, void* stream) {
    return launch_tiled(call, device, stream, true);
}
