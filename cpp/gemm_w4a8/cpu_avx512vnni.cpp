#include "gemm_w8a8/cpu_avx512vnni.h"

#include "gemm_w4a8/cpu_panels.h"

void gemm_w4a8_cpu_avx512vnni(const GemmW4A8& call, int64_t panel_begin, int64_t panel_end) {
    multiply_int4<Micro>(call, panel_begin, panel_end);
}
