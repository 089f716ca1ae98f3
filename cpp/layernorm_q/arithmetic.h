// The arithmetic of layernorm_q that all variants share: everything but the order of two sums.
#pragma once

#include "common/epilogue.h"
#include "layernorm_q/layernorm_q.h"

namespace layernorm_q {

EPILOGUE float added(float residual, int32_t x, float x_scale) {
    return epilogue::add(residual, epilogue::multiply(static_cast<float>(x), x_scale));
}

EPILOGUE float average(float sum, int64_t k) {
#ifdef __CUDACC__
    return __fdiv_rn(sum, static_cast<float>(k));
#else
    return sum / static_cast<float>(k);
#endif
}

// 1 / standard deviation.
EPILOGUE float inverse_of(float variance, float eps) {
#ifdef __CUDACC__
    return __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(variance, eps)));
#else
    return 1.0f / __builtin_sqrtf(variance + eps);
#endif
}

// q, in the low byte; NaN is 0. 1.5 * 2^23 leaves what it is added to, rounded to nearest, ties to even, in the low
// bits.
EPILOGUE uint32_t level(float deviation, float inverse, float gamma, float beta) {
    float y = epilogue::multiply(epilogue::multiply(deviation, inverse), gamma);
    y = epilogue::add(y, beta);
    y = y == y ? y : 0.0f;
    y = y < -128.0f ? -128.0f : y;
    y = y > 127.0f ? 127.0f : y;
    return epilogue::bits_of(epilogue::add(y, 12582912.0f));
}

}  // namespace layernorm_q
