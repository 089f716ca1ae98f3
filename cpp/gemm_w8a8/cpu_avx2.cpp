#include "gemm_w8a8/cpu_avx2.h"

void gemm_w8a8_cpu_avx2(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    multiply<Micro>(call, item, panel_begin, panel_end);
}
