#include "gemm_w4a8/gemm_w4a8.h"

namespace {

int32_t weight(const GemmW4A8& call, int64_t n, int64_t k) {
    const int64_t place = k / kW4PanelK * kW4PanelBytes + n % kW4Panel * 4 + k % 4;
    const uint8_t both = static_cast<const uint8_t*>(call.packed)[w4a8_panel_at(n, call.k) + place];
    return (k % kW4PanelK < 4 ? both & 15 : both >> 4) - 8;
}

float grouped(const GemmW4A8& call, const int8_t* x, int64_t n) {
    const int64_t groups = ceil_div(call.k, call.group);
    float total = 0.0f;
    for (int64_t g = 0; g < groups; ++g) {
        const int32_t zero = call.group_zero ? call.group_zero[g * call.group_row + n] : 0;
        int32_t sum = 0;
        for (int64_t k = g * call.group; k < call.k && k < (g + 1) * call.group; ++k) sum += x[k] * (weight(call, n, k) - zero);
        total += call.group_scale[g * call.group_row + n] * static_cast<float>(sum);
    }
    return total;
}

}  // namespace

void gemm_w4a8_reference(const GemmW4A8& call) {
    for (int64_t m = 0; m < call.m; ++m) {
        const int8_t* x = call.x + m * call.x_row;
        for (int64_t n = 0; n < call.n; ++n) {
            if (call.group) {
                epilogue::store_value(call.out, 0, m, n, epilogue::scaled(call.out, grouped(call, x, n), m, n));
                continue;
            }
            uint32_t sum = 0;
            for (int64_t k = 0; k < call.k; ++k) sum += static_cast<uint32_t>(x[k] * weight(call, n, k));
            epilogue::store(call.out, 0, m, n, static_cast<int32_t>(sum));
        }
    }
}
