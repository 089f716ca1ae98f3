#include "common/hopper_launch.h"

#include "common/status.h"

namespace hopper {

constexpr int kShared = 228 * 1024;  // of a processor; each block takes 1 KB more than it asks for
constexpr int kMostStages = 24;  // more begin later than they help: measured at 4096 x 11008 with weights of 4 bits

bool fits(const Operands& operands) {
    const uintptr_t groups =
        reinterpret_cast<uintptr_t>(operands.group_scale) | reinterpret_cast<uintptr_t>(operands.group_zero);
    const uintptr_t together =
        reinterpret_cast<uintptr_t>(operands.x) | static_cast<uintptr_t>(operands.x_row) | groups;
    return operands.k > 0 && (together & 15) == 0 && operands.m < INT32_MAX && operands.k < INT32_MAX;
}

// How many blocks share a processor. Of few rows as many as there are, or two: what is left then lets the next kernel
// begin, and ask for its weights, before this one ends. Of many rows stages are large, and the more the better.
static int sharing(const Shape& shape, int64_t blocks) {
    const int64_t each = ceil_div(blocks, kProcessors);
    if (shape.groups > 1 || (shape.rows > 32 && each == 1)) return 1;
    return shape.rows > 32 || each <= 2 ? 2 : each == 3 ? 3 : 4;
}

static int stages_of(const Shape& shape, int64_t blocks, int64_t steps, int split, int block_bytes) {
    int stages = stages_in(shape, kShared / sharing(shape, blocks) - 1024, block_bytes);
    if (stages > kMostStages) stages = kMostStages;
    if (stages > steps) stages = static_cast<int>(steps);
    // Blocks that share k hand in their sums through the stages of those that store them.
    const int sums = (split - 1) * most_owned_rows(shape.rows, split) * kBlockColumns * 4;
    const int for_sums = static_cast<int>(ceil_div(sums, shape.rows * kStepBytes + block_bytes));
    return stages < for_sums ? for_sums : stages;
}

int launch(Entry& entry, const Operands& operands, const Epilogue& out, int split, int device, void* stream) {
    const Shape& shape = entry.shape;
    if (split > ceil_div(operands.k, kStepBytes)) {
        return fail(ENVDOCTOR_NOT_SUPPORTED, "%lld blocks cannot share so few k", split);
    }
    HopperGemm gemm = {};
    const int status = encode_rows(&gemm.x, operands.x, operands.m, operands.k, operands.x_row, shape.rows);
    if (status) return status;
    gemm.packed = operands.packed;
    gemm.m = static_cast<int32_t>(operands.m);
    gemm.blocks_n = static_cast<int32_t>(ceil_div(operands.n, kBlockColumns));
    gemm.blocks_k = static_cast<int32_t>(ceil_div(operands.k, kStepBytes));
    gemm.tiles_m = static_cast<int32_t>(ceil_div(operands.m, shape.rows));
    gemm.tiles_n = static_cast<int32_t>(ceil_div(gemm.blocks_n, shape.columns / kBlockColumns));
    gemm.next_begins_late = operands.next_begins_late;
    gemm.out = out;
    if (operands.group_blocks) {
        gemm.group_blocks = static_cast<int32_t>(operands.group_blocks);
        gemm.groups = static_cast<int32_t>(ceil_div(gemm.blocks_k, operands.group_blocks));
        gemm.group_scale = static_cast<const uint32_t*>(operands.group_scale);
        gemm.group_zero = operands.group_zero;
        gemm.group_row = operands.group_row;
        gemm.group_scale_type = operands.group_scale_type;
    }
    const int64_t tiles = static_cast<int64_t>(gemm.tiles_m) * gemm.tiles_n;
    // Blocks of more than one warp group stay and take tile after tile.
    const int64_t blocks = shape.groups > 1 && tiles > kProcessors ? kProcessors : tiles * split;
    const int bytes = operands.block_bytes + group_bytes(operands.group_blocks != 0);
    gemm.stages = stages_of(shape, blocks, ceil_div(gemm.blocks_k, split), split, bytes);
    const Launch launch = {{static_cast<unsigned>(blocks), 1, 1}, static_cast<unsigned>(threads(shape)),
                           static_cast<unsigned>(shared_bytes(shape, gemm.stages, bytes)),
                           static_cast<unsigned>(split), true};
    return entry.kernel.launch(device, stream, launch, &gemm);
}

}  // namespace hopper
