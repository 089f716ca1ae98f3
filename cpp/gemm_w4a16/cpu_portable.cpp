#include "gemm_w4a16/cpu_panels.h"

void gemm_w4a16_cpu_portable(const GemmW4A16& call, int64_t begin, int64_t end) {
    panels_of_any_type(call, begin, end);
}
