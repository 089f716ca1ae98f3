#include "common/hopper_launch.h"
#include "common/hopper_shapes.h"
#include "gemm_w4a8/gemm_w4a8.h"

namespace {

constexpr const char* kFamily = "gemm_w4a8_cuda_sm90a";

hopper::Entry entries[] = {
    {{kFamily, "gemm_w4a8_rows16"}, hopper::kRows16},
    {{kFamily, "gemm_w4a8_rows32"}, hopper::kRows32},
    {{kFamily, "gemm_w4a8_rows64"}, hopper::kRows64},
    {{kFamily, "gemm_w4a8_rows128"}, hopper::kRows128},
    {{kFamily, "gemm_w4a8_square128"}, hopper::kSquare128},
    {{kFamily, "gemm_w4a8_turns64"}, hopper::kTurns64},
    {{kFamily, "gemm_w4a8_rows256"}, hopper::kRows256},
    {{kFamily, "gemm_w4a8_turns256"}, hopper::kTurns256},
    {{kFamily, "gemm_w4a8_groups16"}, hopper::kRows16},
    {{kFamily, "gemm_w4a8_groups32"}, hopper::kRows32},
    {{kFamily, "gemm_w4a8_groups64"}, hopper::kRows64},
    {{kFamily, "gemm_w4a8_groups_square"}, hopper::kSquare128},
};

hopper::Operands operands(const GemmW4A8& call) {
    return {call.x,        call.x_row,      call.m, call.n, call.k, call.packed, kW4BlockBytes, call.group / kW4BlockK,
            call.group_scale, call.group_zero, call.group_row};
}

}  // namespace

bool runs_sm90a(const GemmW4A8& call, int device) {
    return (call.group ? call.group % kW4BlockK == 0 : call.k <= kW4MostUpperK) && hopper::fits(operands(call)) &&
           runs_hopper(device, kFamily);
}

int gemm_w4a8_cuda_sm90a(const GemmW4A8& call, int device, void* stream, int shape, int split) {
    return hopper::launch(entries[shape], operands(call), call.out, split, device, stream);
}
