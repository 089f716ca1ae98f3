#include "common/hopper_launch.h"
#include "common/hopper_shapes.h"
#include "gemm_w8a8/gemm_w8a8.h"

namespace {

constexpr const char* kFamily = "gemm_w8a8_cuda_sm90a";

hopper::Entry entries[] = {
    {{kFamily, "gemm_w8a8_rows8"}, hopper::kRows8},
    {{kFamily, "gemm_w8a8_rows16"}, hopper::kRows16},
    {{kFamily, "gemm_w8a8_rows32"}, hopper::kRows32},
    {{kFamily, "gemm_w8a8_rows64"}, hopper::kRows64},
    {{kFamily, "gemm_w8a8_rows128"}, hopper::kRows128},
    {{kFamily, "gemm_w8a8_square128"}, hopper::kSquare128},
    {{kFamily, "gemm_w8a8_turns64"}, hopper::kTurns64},
    {{kFamily, "gemm_w8a8_turns128"}, hopper::kTurns128},
    {{kFamily, "gemm_w8a8_rows256"}, hopper::kRows256},
};

hopper::Operands operands(const GemmW8A8& call) {
    hopper::Operands operands = {call.x, call.x_row, call.m, call.n, call.k, call.packed, kBlockN * kBlockK};
    operands.next_begins_late = call.next_begins_late;
    return operands;
}

}  // namespace

bool runs_sm90a(const GemmW8A8& call, int device) {
    return call.packed && hopper::fits(operands(call)) && runs_hopper(device, kFamily);
}

int gemm_w8a8_cuda_sm90a(const GemmW8A8& call, int device, void* stream, int shape, int split) {
    return hopper::launch(entries[shape], operands(call), call.out, split, device, stream);
}
