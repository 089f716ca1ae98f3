// The loops of all CPU variants, written for the compiler to make vectors of: a variant is this file and its flags.
#pragma once

#include "common/cpu_elements.h"
#include "quantize/arithmetic.h"

namespace {

template <class T>
inline uint32_t largest_of(const typename T::Raw* x, const float* smooth, int64_t k) {
    if (!smooth) {
        typename T::Raw largest = 0;
        for (int64_t i = 0; i < k; ++i) largest = T::magnitude(x[i]) > largest ? T::magnitude(x[i]) : largest;
        return epilogue::bits_of(T::value(largest));
    }
    uint32_t largest = 0;
    for (int64_t i = 0; i < k; ++i) {
        const uint32_t magnitude = epilogue::bits_of(T::value(x[i]) / smooth[i]) & quantize::kMagnitude;
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

template <class T, class How>
inline void levels_of(const typename T::Raw* x, const float* smooth, int64_t k, const How& how, int8_t* q) {
    if (smooth) {
        for (int64_t i = 0; i < k; ++i) q[i] = static_cast<int8_t>(quantize::level(T::value(x[i]) / smooth[i], how));
    } else {
        for (int64_t i = 0; i < k; ++i) q[i] = static_cast<int8_t>(quantize::level(T::value(x[i]), how));
    }
}

template <class T>
inline void quantize_rows(const Quantize& call, int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
        const typename T::Raw* x = static_cast<const typename T::Raw*>(call.x) + row * call.x_row;
        int8_t* q = call.q + row * call.q_row;
        if (call.kind == QUANTIZE_STATIC) {
            levels_of<T>(x, nullptr, call.k, quantize::static_of(call), q);
        } else {
            const quantize::Row of = quantize::row_of(largest_of<T>(x, call.smooth, call.k), call.kind);
            call.scale[row] = of.scale;
            levels_of<T>(x, call.smooth, call.k, of, q);
        }
        if (!call.sums) continue;
        int32_t sum = 0;
        for (int64_t i = 0; i < call.k; ++i) sum += q[i];
        call.sums[row] = sum;
    }
}

inline void quantize_rows_of_any_type(const Quantize& call, int64_t begin, int64_t end) {
    switch (call.x_type) {
        case ENVDOCTOR_FLOAT16: return quantize_rows<Half>(call, begin, end);
        case ENVDOCTOR_BFLOAT16: return quantize_rows<Bfloat16>(call, begin, end);
        default: return quantize_rows<Float>(call, begin, end);
    }
}

}  // namespace
