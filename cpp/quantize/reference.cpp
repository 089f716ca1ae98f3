#include "quantize/arithmetic.h"

namespace {

float value_of(const Quantize& call, int64_t row, int64_t i) {
    const float value = epilogue::load(call.x, call.x_type, row * call.x_row + i);
    return call.smooth ? value / call.smooth[i] : value;
}

int8_t saturated(int64_t value) { return static_cast<int8_t>(value < -128 ? -128 : value > 127 ? 127 : value); }

// Spelled out, where the other variants round by arithmetic.h's shortcut.
int8_t level_of(float value, float inverse, int32_t zero) {
    return saturated(int64_t{epilogue::to_int32(value * inverse)} + zero);
}

}  // namespace

void quantize_reference(const Quantize& call) {
    const bool is_static = call.kind == QUANTIZE_STATIC;
    for (int64_t row = 0; row < call.rows; ++row) {
        uint32_t largest = 0;
        for (int64_t i = 0; i < call.k && !is_static; ++i) {
            const uint32_t magnitude = epilogue::bits_of(value_of(call, row, i)) & quantize::kMagnitude;
            largest = magnitude > largest ? magnitude : largest;
        }
        float inverse;
        int32_t zero = 0, sum = 0;
        bool is_finite = true;
        if (is_static) {
            inverse = 1.0f / *call.scale;
            zero = call.zero ? saturated(*call.zero) : 0;
        } else {
            const quantize::Row of = quantize::row_of(largest, call.kind);
            call.scale[row] = of.scale;
            inverse = of.inverse;
            is_finite = largest < quantize::kInfinity;
        }
        for (int64_t i = 0; i < call.k; ++i) {
            const int8_t q = is_finite ? level_of(value_of(call, row, i), inverse, zero) : int8_t{0};
            call.q[row * call.q_row + i] = q;
            sum += q;
        }
        if (call.sums) call.sums[row] = sum;
    }
}
