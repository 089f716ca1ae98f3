#include "gemm_w8a8/gemm_w8a8.h"

void gemm_w8a8_reference(const GemmW8A8& call) {
    for (int64_t item = 0; item < call.batch; ++item) {
        for (int64_t m = 0; m < call.m; ++m) {
            const int8_t* x = call.x + item * call.x_batch + m * call.x_row;
            for (int64_t n = 0; n < call.n; ++n) {
                const int8_t* w = call.w + item * call.w_batch + n * call.w_row;
                uint32_t sum = 0;
                for (int64_t k = 0; k < call.k; ++k) sum += static_cast<uint32_t>(int32_t(x[k]) * int32_t(w[k]));
                epilogue::store(call.out, item, m, n, static_cast<int32_t>(sum));
            }
        }
    }
}
