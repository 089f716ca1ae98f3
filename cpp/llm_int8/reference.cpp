#include <math.h>

#include "llm_int8/arithmetic.h"
#include "llm_int8/weights.h"

namespace {

float x_at(const LlmInt8& call, int64_t m, int64_t k) { return epilogue::load(call.x, call.type, m * call.x_row + k); }

// NaN is not.
bool is_outlier(const LlmInt8& call, int64_t m, int64_t k) {
    return call.threshold != 0.0f && fabsf(x_at(call, m, k)) >= call.threshold;
}

float weight_at(const LlmInt8& call, int64_t n, int64_t k) {
    const uint8_t stored = static_cast<const uint8_t*>(call.packed)[llm_int8::place_in_panels(n, k, call.k)];
    return static_cast<float>(static_cast<int32_t>(stored) - 128);
}

void list_columns(const LlmInt8& call) {
    *call.count = 0;
    for (int64_t k = 0; k < call.k; ++k) {
        bool found = false;
        for (int64_t m = 0; m < call.m; ++m) found = found || is_outlier(call, m, k);
        call.flags[k] = found ? 0xff : 0;
        if (found) call.columns[(*call.count)++] = static_cast<int32_t>(k);
    }
}

void quantize_row(const LlmInt8& call, int64_t m) {
    uint32_t largest = 0;
    for (int64_t k = 0; k < call.k; ++k) {
        const uint32_t magnitude = epilogue::bits_of(x_at(call, m, k)) & quantize::kMagnitude;
        if (!is_outlier(call, m, k) && magnitude > largest) largest = magnitude;
    }
    const quantize::Row row = quantize::row_of(largest, QUANTIZE_ROWS_127);
    call.scale[m] = row.scale;
    for (int64_t k = 0; k < call.k; ++k) {
        const bool left_out = (call.threshold != 0.0f && call.flags[k]) || largest >= quantize::kInfinity;
        const int32_t level = left_out ? 0 : epilogue::to_int32(x_at(call, m, k) * row.inverse);
        call.q[m * call.q_row + k] = static_cast<int8_t>(level);
    }
}

float of_levels(const LlmInt8& call, int64_t m, int64_t n) {
    double sum = 0.0;  // of integers, exact
    for (int64_t k = 0; k < call.k; ++k) sum += double{weight_at(call, n, k)} * call.q[m * call.q_row + k];
    const float scaled = static_cast<float>(sum) * call.scale[m] * call.w_scale[n];
    return call.bias_type == ENVDOCTOR_NONE ? scaled : scaled + epilogue::load(call.bias, call.bias_type, n);
}

float of_outliers(const LlmInt8& call, int64_t m, int64_t n) {
    float sum = 0.0f;
    for (int32_t i = 0; i < *call.count; ++i) {
        sum += x_at(call, m, call.columns[i]) * weight_at(call, n, call.columns[i]);
    }
    return sum * call.w_scale[n];
}

}  // namespace

void llm_int8_reference(const LlmInt8& call) {
    if (call.threshold != 0.0f) list_columns(call);
    for (int64_t m = 0; m < call.m; ++m) quantize_row(call, m);
    if (!call.y) return;
    for (int64_t m = 0; m < call.m; ++m) {
        for (int64_t n = 0; n < call.n; ++n) {
            float value = of_levels(call, m, n);
            if (call.threshold != 0.0f && *call.count) value += of_outliers(call, m, n);
            static_cast<uint16_t*>(call.y)[m * call.y_row + n] =
                call.type == ENVDOCTOR_FLOAT16 ? epilogue::to_half(value) : epilogue::to_bfloat16(value);
        }
    }
}
