#include "gemm_w8a8/cuda_mma.h"

#include <string.h>

#include "common/driver.h"
#include "common/status.h"
#include "common/threads.h"

namespace {

Kernel direct8("gemm_w8a8_cuda_mma", "gemm_w8a8_direct8");
Kernel direct16("gemm_w8a8_cuda_mma", "gemm_w8a8_direct16");
Kernel packed32("gemm_w8a8_cuda_mma", "gemm_w8a8_packed32");
Kernel packed128("gemm_w8a8_cuda_mma", "gemm_w8a8_packed128");
Kernel plain32("gemm_w8a8_cuda_mma", "gemm_w8a8_plain32");
Kernel plain128("gemm_w8a8_cuda_mma", "gemm_w8a8_plain128");
Kernel unaligned("gemm_w8a8_cuda_mma", "gemm_w8a8_unaligned");

// Whether rows can be copied 16 bytes at a time.
bool is_aligned(const void* data, int64_t row, int64_t item) {
    return ((reinterpret_cast<uintptr_t>(data) | static_cast<uintptr_t>(row) | static_cast<uintptr_t>(item)) & 15) == 0;
}

Kernel& tiled(const GemmW8A8& call, bool small) {
    const bool x_aligned = is_aligned(call.x, call.x_row, call.x_batch);
    if (call.packed && x_aligned) return small ? packed32 : packed128;
    if (!call.packed && x_aligned && is_aligned(call.w, call.w_row, call.w_batch)) return small ? plain32 : plain128;
    return unaligned;
}

}  // namespace

void pack_for_gpu(const int8_t* w, int64_t w_row, int64_t n, int64_t k, int8_t* packed) {
    struct Work {
        const int8_t* w;
        int64_t w_row, n, k;
        int8_t* packed;
    } const work = {w, w_row, n, k, packed};
    const auto pack_row = [](const void* context, int64_t block_row) {
        const Work& of = *static_cast<const Work*>(context);
        const int64_t blocks = ceil_div(of.k, kBlockK);
        for (int64_t i = 0; i < blocks * kBlockN * (kBlockK / 16); ++i) {
            const int64_t block = i / (kBlockN * 8), column = i / 8 % kBlockN, piece = i % 8;
            int8_t* to = of.packed + ((block_row * blocks + block) * kBlockN + column) * kBlockK + (piece ^ column % 8) * 16;
            const int64_t from = block_row * kBlockN + column, at = block * kBlockK + piece * 16;
            const int64_t left = from < of.n ? of.k - at : 0, count = left < 0 ? 0 : left < 16 ? left : 16;
            memset(to, 0, 16);
            if (count) memcpy(to, of.w + from * of.w_row + at, static_cast<size_t>(count));
        }
    };
    parallel(ceil_div(n, kBlockN), pack_row, &work);
}

bool fits_mma_direct(const GemmW8A8& call) { return call.packed && call.m <= cuda_mma::kDirectMaxM; }

int gemm_w8a8_cuda_mma_direct(const GemmW8A8& call, int device, void* stream) {
    using namespace cuda_mma;
    Kernel& kernel = call.m <= kDirectTileM ? direct8 : direct16;
    const Launch launch = {{static_cast<unsigned>(ceil_div(call.n, kDirectN)), 1, 1}, kThreads, 0, 1, true};
    return kernel.launch(device, stream, launch, &call);
}

int gemm_w8a8_cuda_mma_tiled(const GemmW8A8& call, int device, void* stream) {
    using namespace cuda_mma;
    Kernel& kernel = tiled(call, call.m <= 64);
    const int64_t rows = &kernel == &packed32 || &kernel == &plain32 ? kTileMSmall : kTileM;
    if (ceil_div(call.m, rows) > 65535 || call.batch > 65535) {
        return fail(ENVDOCTOR_NOT_SUPPORTED, "m = %lld or batch = %lld is more than one launch covers", call.m, call.batch);
    }
    const Launch launch = {{static_cast<unsigned>(ceil_div(call.n, kTileN)), static_cast<unsigned>(ceil_div(call.m, rows)),
                            static_cast<unsigned>(call.batch)}, kThreads, 0, 1, true};
    return kernel.launch(device, stream, launch, &call);
}
