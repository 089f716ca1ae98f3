#include "layernorm_q/arithmetic.h"

namespace {

void store(void* values, int type, int64_t at, float value) {
    switch (type) {
        case ENVDOCTOR_FLOAT16: static_cast<uint16_t*>(values)[at] = epilogue::to_half(value); break;
        case ENVDOCTOR_BFLOAT16: static_cast<uint16_t*>(values)[at] = epilogue::to_bfloat16(value); break;
        default: static_cast<float*>(values)[at] = value;
    }
}

int8_t clamped(float y) {
    const float within = y < -128.0f ? -128.0f : y > 127.0f ? 127.0f : y;
    return static_cast<int8_t>(epilogue::to_int32(within));
}

}  // namespace

void layernorm_q_reference(const LayernormQ& call) {
    for (int64_t row = 0; row < call.rows; ++row) {
        const int64_t at = row * call.sum_row;
        double sum = 0, squares = 0;
        for (int64_t i = 0; i < call.k; ++i) {
            const float residual = epilogue::load(call.residual, call.type, row * call.residual_row + i);
            const float scaled = static_cast<float>(call.x[row * call.x_row + i]) * call.x_scale;
            store(call.sum, call.type, at + i, residual + scaled);
            sum += epilogue::load(call.sum, call.type, at + i);
        }
        const float mean = static_cast<float>(sum / static_cast<double>(call.k));
        for (int64_t i = 0; i < call.k; ++i) {
            const float deviation = epilogue::load(call.sum, call.type, at + i) - mean;
            squares += static_cast<double>(deviation) * static_cast<double>(deviation);
        }
        const float variance = static_cast<float>(squares / static_cast<double>(call.k));
        const float inverse = 1.0f / __builtin_sqrtf(variance + call.eps);
        for (int64_t i = 0; i < call.k; ++i) {
            const float deviation = epilogue::load(call.sum, call.type, at + i) - mean;
            const float gamma = epilogue::load(call.gamma, call.parameters_type, i);
            const float beta = epilogue::load(call.beta, call.parameters_type, i);
            call.q[row * call.q_row + i] = clamped(deviation * inverse * gamma + beta);
        }
    }
}
