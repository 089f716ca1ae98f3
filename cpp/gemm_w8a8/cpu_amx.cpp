#include "gemm_w8a8/cpu_amx.h"

void gemm_w8a8_cpu_amx(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    if (call.m <= kTileRows) {
        multiply<Micro<16, 4>>(call, item, panel_begin, panel_end);
    } else {
        multiply<Micro<32, 2>>(call, item, panel_begin, panel_end);
    }
}
