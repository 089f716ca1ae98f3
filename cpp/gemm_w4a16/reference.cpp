#include "common/epilogue.h"
#include "gemm_w4a16/gemm_w4a16.h"

void gemm_w4a16_reference(const GemmW4A16& call, int64_t begin, int64_t end) {
    const uint8_t* const codes = static_cast<const uint8_t*>(call.packed);
    for (int64_t m = 0; m < call.m; ++m) {
        for (int64_t n = begin; n < end; ++n) {
            float sum = 0.0f;
            for (int64_t k = 0; k < call.k; ++k) {
                const uint32_t of_group = call.scale_zero[k / call.group * call.group_row + n];
                const float scale = call.scale_type == ENVDOCTOR_FLOAT16
                                        ? epilogue::from_half(static_cast<uint16_t>(of_group))
                                        : epilogue::of_bits(of_group << 16);
                const int32_t level = codes[w4a16_panel_at(n, k, call.k)] - static_cast<int32_t>(of_group >> 16);
                const float weight = static_cast<float>(level) * scale;
                sum += epilogue::load(call.x, call.type, m * call.x_row + k) * weight;
            }
            if (call.bias_type != ENVDOCTOR_NONE) sum += epilogue::load(call.bias, call.bias_type, n);
            uint16_t* const y = static_cast<uint16_t*>(call.y) + m * call.y_row + n;
            *y = call.type == ENVDOCTOR_FLOAT16 ? epilogue::to_half(sum) : epilogue::to_bfloat16(sum);
        }
    }
}
