#include "quantize/cpu_rows.h"

void quantize_cpu_portable(const Quantize& call, int64_t begin, int64_t end) {
    quantize_rows_of_any_type(call, begin, end);
}
