#include "gemm_w8a8/cuda_sm90a.h"

#include "common/driver.h"
#include "common/status.h"
#include "gemm_w8a8/gemm_w8a8.h"

namespace {

struct Entry {
    Kernel kernel;
    hopper::Shape shape;
};

Entry entries[] = {
    {{"gemm_w8a8_cuda_sm90a", "gemm_w8a8_rows8"}, hopper::kRows8},
    {{"gemm_w8a8_cuda_sm90a", "gemm_w8a8_rows16"}, hopper::kRows16},
    {{"gemm_w8a8_cuda_sm90a", "gemm_w8a8_rows32"}, hopper::kRows32},
    {{"gemm_w8a8_cuda_sm90a", "gemm_w8a8_rows64"}, hopper::kRows64},
    {{"gemm_w8a8_cuda_sm90a", "gemm_w8a8_rows128"}, hopper::kRows128},
    {{"gemm_w8a8_cuda_sm90a", "gemm_w8a8_square128"}, hopper::kSquare128},
    {{"gemm_w8a8_cuda_sm90a", "gemm_w8a8_turns128"}, hopper::kTurns128},
    {{"gemm_w8a8_cuda_sm90a", "gemm_w8a8_rows256"}, hopper::kRows256},
};

constexpr int kProcessors = 132;  // of an H100 or H200; another number costs a little speed
constexpr int kShared = 227 * 1024;

}  // namespace

int gemm_w8a8_cuda_sm90a(const GemmW8A8& call, int device, void* stream, int shape_index, int split) {
    Entry& entry = entries[shape_index];
    const hopper::Shape& shape = entry.shape;
    HopperGemm gemm = {};
    if (const int status = encode_rows(&gemm.x, call.x, call.m, call.k, call.x_row, shape.rows)) return status;
    gemm.packed = call.packed;
    gemm.m = static_cast<int32_t>(call.m);
    gemm.blocks_n = static_cast<int32_t>(ceil_div(call.n, kBlockN));
    gemm.blocks_k = static_cast<int32_t>(ceil_div(call.k, kBlockK));
    gemm.tiles_m = static_cast<int32_t>(ceil_div(call.m, shape.rows));
    gemm.tiles_n = static_cast<int32_t>(ceil_div(gemm.blocks_n, shape.columns / hopper::kBlockColumns));
    gemm.out = call.out;
    const int64_t tiles = static_cast<int64_t>(gemm.tiles_m) * gemm.tiles_n;
    // Blocks of more than one warp group stay and take tile after tile.
    const int64_t blocks = shape.groups > 1 && tiles > kProcessors ? kProcessors : tiles * split;
    // Where blocks are many two share a processor: one of them has bytes on their way when the other begins or ends.
    const int room = shape.groups == 1 && blocks > kProcessors ? kShared / 2 - 1024 : kShared;
    gemm.stages = hopper::stages_in(shape, room);
    const Launch launch = {{static_cast<unsigned>(blocks), 1, 1}, static_cast<unsigned>(hopper::threads(shape)),
                           static_cast<unsigned>(hopper::shared_bytes(shape, gemm.stages)),
                           static_cast<unsigned>(split), true};
    return entry.kernel.launch(device, stream, launch, &gemm);
}
