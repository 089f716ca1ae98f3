// What follows the sums of products, in all families: zero points, scales, bias, ReLU, rounding. One definition for all
// variants, on CPUs and GPUs.
//
// Contraction to fused multiply-add would round differently here and there, so it is switched off where this is
// compiled: -ffp-contract=off, and nvcc's _rn intrinsics.
#pragma once

#include <stdint.h>

#include "common/types.h"

// y[b, m, n] = out( s[m, n] * (sum - zero points) + bias_scale * bias[n] ), s[m, n] = x_scale[m] * w_scale[n]
//
// in float32, one rounding for each operation, in the order ((sum * x_scale) * w_scale) + (bias_scale * bias); ReLU
// before the output's rounding: to nearest, ties to even, saturating. An int32 output without scales and with an int32
// bias (or none) is integer arithmetic throughout, modulo 2^32. Strides count elements.
struct Epilogue {
    void* y;  // [batch, m, n], n adjacent
    int64_t y_batch, y_row;
    int64_t n, k;          // k as the sums below have it
    const float* x_scale;  // null: 1
    const float* w_scale;  // null: 1
    // What zero points add; all null without them. Sums are those of the stored values over k.
    const int32_t* x_zero;
    const int32_t* x_sum;  // [m], wanted with w_zero
    const int32_t* w_zero;
    const int32_t* w_sum;  // [n], wanted with x_zero
    const void* bias;      // [n]
    // 0: one value for all; 1: one for each row (of x) or column (of y).
    int32_t x_scale_step, w_scale_step, x_zero_step, w_zero_step;
    int32_t y_type;     // EnvdoctorType: INT8, INT32, FLOAT16, BFLOAT16, FLOAT32
    int32_t bias_type;  // EnvdoctorType; NONE without bias
    float bias_scale;
    int32_t relu;
};

// Status of what a caller gave, for any m and n that are not 0.
int check_epilogue(const Epilogue& out);

#ifdef __CUDACC__
#define EPILOGUE __device__ __forceinline__
#else
#define EPILOGUE static inline
#include <string.h>
#endif

namespace epilogue {

EPILOGUE float multiply(float a, float b) {
#ifdef __CUDACC__
    return __fmul_rn(a, b);
#else
    return a * b;
#endif
}

EPILOGUE float add(float a, float b) {
#ifdef __CUDACC__
    return __fadd_rn(a, b);
#else
    return a + b;
#endif
}

EPILOGUE uint32_t bits_of(float value) {
#ifdef __CUDACC__
    return __float_as_uint(value);
#else
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
#endif
}

EPILOGUE float of_bits(uint32_t bits) {
#ifdef __CUDACC__
    return __uint_as_float(bits);
#else
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
#endif
}

EPILOGUE float from_half(uint16_t half) {
    const uint32_t sign = (half & 0x8000u) << 16, rest = half & 0x7fffu;
    if (rest >= 0x7c00u) return of_bits(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
    if (rest >= 0x400u) return of_bits(sign | ((rest << 13) + (112u << 23)));
    return of_bits(sign | bits_of(multiply(static_cast<float>(rest), 5.9604645e-8f)));  // 2^-24
}

EPILOGUE uint16_t to_half(float value) {
#ifdef __CUDACC__
    uint16_t half;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(value));
    return half;
#else
    const uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7fffu);
    if (rest >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
    if (rest < 0x38800000u) {  // subnormal: adding 0.5 leaves the rounded value in the low bits
        return static_cast<uint16_t>(sign | (bits_of(of_bits(rest) + 0.5f) - bits_of(0.5f)));
    }
    return static_cast<uint16_t>(sign | ((rest - (112u << 23) + 0xfffu + (rest >> 13 & 1)) >> 13));
#endif
}

EPILOGUE uint16_t to_bfloat16(float value) {
    const uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    return static_cast<uint16_t>((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

EPILOGUE int32_t to_int32(float value) {
#ifdef __CUDACC__
    return __float2int_rn(value);  // saturates; NaN becomes 0
#else
    if (!(value == value)) return 0;
    if (value >= 2147483648.0f) return INT32_MAX;
    if (value < -2147483648.0f) return INT32_MIN;
    // Adding and taking away 1.5 * 2^52 rounds to nearest, ties to even.
    const double rounded = (static_cast<double>(value) + 6755399441055744.0) - 6755399441055744.0;
    return static_cast<int32_t>(rounded);
#endif
}

EPILOGUE float load(const void* values, int type, int64_t i) {
    switch (type) {
        case ENVDOCTOR_INT8: return static_cast<float>(static_cast<const int8_t*>(values)[i]);
        case ENVDOCTOR_INT32: return static_cast<float>(static_cast<const int32_t*>(values)[i]);
        case ENVDOCTOR_FLOAT16: return from_half(static_cast<const uint16_t*>(values)[i]);
        case ENVDOCTOR_BFLOAT16: return of_bits(static_cast<uint32_t>(static_cast<const uint16_t*>(values)[i]) << 16);
        case ENVDOCTOR_FLOAT32: return static_cast<const float*>(values)[i];
    }
    return 0.0f;
}

// Whether the output is integer arithmetic throughout.
EPILOGUE bool is_exact(const Epilogue& out) {
    return out.y_type == ENVDOCTOR_INT32 && !out.x_scale && !out.w_scale &&
           (out.bias_type == ENVDOCTOR_NONE || out.bias_type == ENVDOCTOR_INT32);
}

// The sum of products of the stored values, made one of values without their zero points. 64 bits: K may be large.
EPILOGUE int64_t without_zero_points(const Epilogue& out, int32_t sum, int64_t m, int64_t n) {
    int64_t exact = sum;
    const int64_t w_zero = out.w_zero ? out.w_zero[n * out.w_zero_step] : 0;
    if (w_zero) exact -= w_zero * out.x_sum[m];
    if (out.x_zero) {
        const int64_t x_zero = out.x_zero[m * out.x_zero_step];
        exact -= x_zero * (out.w_sum[n] - out.k * w_zero);
    }
    return exact;
}

EPILOGUE float scaled(const Epilogue& out, float value, int64_t m, int64_t n) {
    if (out.x_scale) value = multiply(value, out.x_scale[m * out.x_scale_step]);
    if (out.w_scale) value = multiply(value, out.w_scale[n * out.w_scale_step]);
    if (out.bias_type != ENVDOCTOR_NONE) {
        value = add(value, multiply(out.bias_scale, load(out.bias, out.bias_type, n)));
    }
    return out.relu && value < 0.0f ? 0.0f : value;
}

EPILOGUE int32_t integer(const Epilogue& out, int64_t sum, int64_t n) {
    uint32_t value = static_cast<uint32_t>(sum);
    if (out.bias_type != ENVDOCTOR_NONE) value += static_cast<uint32_t>(static_cast<const int32_t*>(out.bias)[n]);
    const int32_t result = static_cast<int32_t>(value);
    return out.relu && result < 0 ? 0 : result;
}

// Write y[item, m, n], rounded to its type.
EPILOGUE void store_value(const Epilogue& out, int64_t item, int64_t m, int64_t n, float value) {
    const int64_t at = item * out.y_batch + m * out.y_row + n;
    switch (out.y_type) {
        case ENVDOCTOR_INT8: {
            const int32_t rounded = to_int32(value);
            static_cast<int8_t*>(out.y)[at] =
                static_cast<int8_t>(rounded < -128 ? -128 : rounded > 127 ? 127 : rounded);
            break;
        }
        case ENVDOCTOR_INT32: static_cast<int32_t*>(out.y)[at] = to_int32(value); break;
        case ENVDOCTOR_FLOAT16: static_cast<uint16_t*>(out.y)[at] = to_half(value); break;
        case ENVDOCTOR_BFLOAT16: static_cast<uint16_t*>(out.y)[at] = to_bfloat16(value); break;
        default: static_cast<float*>(out.y)[at] = value;
    }
}

// Write y[item, m, n] for one sum of stored products.
EPILOGUE void store(const Epilogue& out, int64_t item, int64_t m, int64_t n, int32_t sum) {
    const bool zeros = out.x_zero || out.w_zero;
    const int64_t exact = zeros ? without_zero_points(out, sum, m, n) : sum;
    const int64_t at = item * out.y_batch + m * out.y_row + n;
    if (is_exact(out)) {
        static_cast<int32_t*>(out.y)[at] = integer(out, exact, n);
        return;
    }
    store_value(out, item, m, n, scaled(out, zeros ? static_cast<float>(exact) : static_cast<float>(sum), m, n));
}

#ifdef __CUDACC__
// Factors of one output, to be read long before its sum is there: nothing then waits for memory at the end.
struct Factors {
    float x_scale, w_scale, bias;

    // Row m, column n; not of any output where it is not `there`.
    EPILOGUE Factors(const Epilogue& out, int64_t m, int64_t n, bool there)
        : x_scale(there && out.x_scale ? out.x_scale[m * out.x_scale_step] : 1.0f),
          w_scale(there && out.w_scale ? out.w_scale[n * out.w_scale_step] : 1.0f),
          bias(there && out.bias_type != ENVDOCTOR_NONE ? load(out.bias, out.bias_type, n) : 0.0f) {}

    EPILOGUE float scaled(const Epilogue& out, float value) const {
        value = multiply(multiply(value, x_scale), w_scale);
        if (out.bias_type != ENVDOCTOR_NONE) value = add(value, multiply(out.bias_scale, bias));
        return out.relu && value < 0.0f ? 0.0f : value;
    }
    EPILOGUE void store(const Epilogue& out, int64_t m, int64_t n, int32_t sum) const {
        if (out.x_zero || out.w_zero || is_exact(out)) {
            epilogue::store(out, 0, m, n, sum);
        } else {
            store_value(out, 0, m, n, scaled(out, static_cast<float>(sum)));
        }
    }
};

// The same for columns n and n + 1, n even: in one piece where the output allows it.
EPILOGUE void store_pair(const Epilogue& out, int64_t item, int64_t m, int64_t n, int32_t first, int32_t second) {
    const int64_t at = item * out.y_batch + m * out.y_row + n;
    const bool sixteen = out.y_type == ENVDOCTOR_FLOAT16 || out.y_type == ENVDOCTOR_BFLOAT16;
    uint16_t* const y = static_cast<uint16_t*>(out.y) + at;
    if (sixteen && !out.x_zero && !out.w_zero && n + 1 < out.n && (reinterpret_cast<uintptr_t>(y) & 3) == 0) {
        const float a = scaled(out, static_cast<float>(first), m, n);
        const float b = scaled(out, static_cast<float>(second), m, n + 1);
        const uint32_t low = out.y_type == ENVDOCTOR_FLOAT16 ? to_half(a) : to_bfloat16(a);
        const uint32_t high = out.y_type == ENVDOCTOR_FLOAT16 ? to_half(b) : to_bfloat16(b);
        *reinterpret_cast<uint32_t*>(y) = low | high << 16;
        return;
    }
    if (n < out.n) store(out, item, m, n, first);
    if (n + 1 < out.n) store(out, item, m, n + 1, second);
}
#endif

}  // namespace epilogue
