#include "common/hopper_launch.h"

namespace hopper {

constexpr int kShared = 227 * 1024;
constexpr int kMostStages = 24;  // more begin later than they help: measured at 4096 x 11008 with weights of 4 bits

bool fits(const Operands& operands) {
    const uintptr_t together = reinterpret_cast<uintptr_t>(operands.x) | static_cast<uintptr_t>(operands.x_row);
    return operands.k > 0 && (together & 15) == 0 && operands.m < INT32_MAX && operands.k < INT32_MAX;
}

int launch(Entry& entry, const Operands& operands, const Epilogue& out, int split, int device, void* stream) {
    const Shape& shape = entry.shape;
    HopperGemm gemm = {};
    const int status = encode_rows(&gemm.x, operands.x, operands.m, operands.k, operands.x_row, shape.rows);
    if (status) return status;
    gemm.packed = operands.packed;
    gemm.m = static_cast<int32_t>(operands.m);
    gemm.blocks_n = static_cast<int32_t>(ceil_div(operands.n, kBlockColumns));
    gemm.blocks_k = static_cast<int32_t>(ceil_div(operands.k, kStepK));
    gemm.tiles_m = static_cast<int32_t>(ceil_div(operands.m, shape.rows));
    gemm.tiles_n = static_cast<int32_t>(ceil_div(gemm.blocks_n, shape.columns / kBlockColumns));
    gemm.out = out;
    if (operands.group) {
        gemm.group_blocks = static_cast<int32_t>(operands.group / kStepK);
        gemm.groups = static_cast<int32_t>(ceil_div(operands.k, operands.group));
        gemm.group_scale = operands.group_scale;
        gemm.group_zero = operands.group_zero;
    }
    const int64_t tiles = static_cast<int64_t>(gemm.tiles_m) * gemm.tiles_n;
    // Blocks of more than one warp group stay and take tile after tile.
    const int64_t blocks = shape.groups > 1 && tiles > kProcessors ? kProcessors : tiles * split;
    // Where blocks are many two share a processor: one of them has bytes on their way when the other begins or ends.
    const int room = shape.groups == 1 && blocks > kProcessors ? kShared / 2 - 1024 : kShared;
    gemm.stages = stages_in(shape, room, operands.block_bytes);
    if (gemm.stages > kMostStages) gemm.stages = kMostStages;
    const Launch launch = {{static_cast<unsigned>(blocks), 1, 1}, static_cast<unsigned>(threads(shape)),
                           static_cast<unsigned>(shared_bytes(shape, gemm.stages, operands.block_bytes)),
                           static_cast<unsigned>(split), true};
    return entry.kernel.launch(device, stream, launch, &gemm);
}

}  // namespace hopper
