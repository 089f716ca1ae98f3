#include "layernorm_q/cpu_rows.h"

void layernorm_q_cpu_avx512vnni(const LayernormQ& call, int64_t begin, int64_t end) {
    normalise_rows_of_any_type(call, begin, end);
}
