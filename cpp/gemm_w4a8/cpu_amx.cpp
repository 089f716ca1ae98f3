#include "gemm_w8a8/cpu_amx.h"

#include "gemm_w4a8/cpu_panels.h"

void gemm_w4a8_cpu_amx(const GemmW4A8& call, int64_t panel_begin, int64_t panel_end) {
    if (call.m <= kTileRows) {
        multiply_int4<Micro<16, 4>>(call, panel_begin, panel_end);
    } else {
        multiply_int4<Micro<32, 2>>(call, panel_begin, panel_end);
    }
}
