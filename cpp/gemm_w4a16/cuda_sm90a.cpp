#include "common/hopper_launch.h"
#include "common/hopper_shapes.h"
#include "gemm_w4a16/gemm_w4a16.h"

namespace {

constexpr const char* kFamily = "gemm_w4a16_cuda_sm90a";

#define ENTRY(name, shape) {{kFamily, "gemm_w4a16_" name}, hopper::shape}
#define ENTRIES(name)                                                                                              \
    {ENTRY(name "_rows32", kRows32), ENTRY(name "_rows64", kRows64), ENTRY(name "_rows128", kRows128),             \
     ENTRY(name "_square128", kSquare128), ENTRY(name "_turns64", kTurns64), ENTRY(name "_rows256", kRows256),     \
     ENTRY(name "_turns256", kTurns256), ENTRY(name "_sums64", kRows64)}

// By type of x, by bits, then by shape.
hopper::Entry entries[2][2][8] = {{ENTRIES("half4"), ENTRIES("half8")}, {ENTRIES("bfloat4"), ENTRIES("bfloat8")}};

hopper::Operands operands(const GemmW4A16& call) {
    const int64_t blocks = ceil_div(call.k, kW4A16BlockK), of_group = call.group / kW4A16BlockK;
    return {call.x,
            call.x_row * 2,
            call.m,
            call.n,
            call.k * 2,
            call.packed,
            static_cast<int>(kW4A16BlockN * kW4A16BlockK * call.bits / 8),
            call.group < call.k ? of_group : blocks,
            call.scale_zero,
            nullptr,
            call.group_row,
            call.scale_type};
}

}  // namespace

bool runs_sm90a(const GemmW4A16& call, int device) {
    return (call.group % kW4A16BlockK == 0 || call.group >= call.k) && hopper::fits(operands(call)) &&
           runs_hopper(device, kFamily);
}

int gemm_w4a16_cuda_sm90a(const GemmW4A16& call, int device, void* stream, int shape, int split) {
    Epilogue out = {};
    out.y = call.y;
    out.y_row = call.y_row;
    out.n = call.n;
    out.k = call.k;
    out.y_type = call.type;
    out.bias = call.bias;
    out.bias_type = call.bias_type;
    out.bias_scale = 1.0f;
    hopper::Entry& entry = entries[call.type == ENVDOCTOR_BFLOAT16][call.bits == 8][shape];
    return hopper::launch(entry, operands(call), out, split, device, stream);
}
