// The loops of all CPU variants, written for the compiler to make vectors of: a variant is this file and its flags.
#pragma once

#include "common/cpu_elements.h"
#include "layernorm_q/arithmetic.h"

namespace {

// Float additions keep their order, so the order is one that vectors can follow: kLanes sums side by side, begun anew
// for each block, so that no value goes through many additions.
constexpr int64_t kLanes = 32, kBlock = 2048;

// The sum of part(i) over k.
template <class Part>
inline float total_of(int64_t k, const Part& part) {
    float total = 0;
    for (int64_t begin = 0; begin < k; begin += kBlock) {
        const int64_t end = begin + kBlock < k ? begin + kBlock : k;
        float lanes[kLanes] = {};
        int64_t i = begin;
        for (; i + kLanes <= end; i += kLanes) {
            for (int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += part(i + lane);
        }
        for (int64_t lane = 0; i + lane < end; ++lane) lanes[lane] += part(i + lane);
        for (int64_t half = kLanes / 2; half; half /= 2) {
            for (int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
        }
        total += lanes[0];
    }
    return total;
}

template <class T, class Parameter>
inline void normalise_rows(const LayernormQ& call, int64_t begin, int64_t end) {
    using Raw = typename T::Raw;
    const auto* gamma = static_cast<const typename Parameter::Raw*>(call.gamma);
    const auto* beta = static_cast<const typename Parameter::Raw*>(call.beta);
    const int64_t k = call.k;
    const float x_scale = call.x_scale;
    for (int64_t row = begin; row < end; ++row) {
        const int32_t* x = call.x + row * call.x_row;
        const Raw* residual = static_cast<const Raw*>(call.residual) + row * call.residual_row;
        Raw* sum = static_cast<Raw*>(call.sum) + row * call.sum_row;
        int8_t* q = call.q + row * call.q_row;
        for (int64_t i = 0; i < k; ++i) {
            sum[i] = T::rounded(layernorm_q::added(T::value(residual[i]), x[i], x_scale));
        }
        const float mean = layernorm_q::average(total_of(k, [=](int64_t i) { return T::value(sum[i]); }), k);
        const auto square = [=](int64_t i) {
            const float deviation = T::value(sum[i]) - mean;
            return deviation * deviation;
        };
        const float inverse = layernorm_q::inverse_of(layernorm_q::average(total_of(k, square), k), call.eps);
        for (int64_t i = 0; i < k; ++i) {
            const float by = Parameter::value(gamma[i]), plus = Parameter::value(beta[i]);
            q[i] = static_cast<int8_t>(layernorm_q::level(T::value(sum[i]) - mean, inverse, by, plus));
        }
    }
}

template <class T>
inline void normalise_with_any_parameters(const LayernormQ& call, int64_t begin, int64_t end) {
    switch (call.parameters_type) {
        case ENVDOCTOR_FLOAT16: return normalise_rows<T, Half>(call, begin, end);
        case ENVDOCTOR_BFLOAT16: return normalise_rows<T, Bfloat16>(call, begin, end);
        default: return normalise_rows<T, Float>(call, begin, end);
    }
}

inline void normalise_rows_of_any_type(const LayernormQ& call, int64_t begin, int64_t end) {
    switch (call.type) {
        case ENVDOCTOR_FLOAT16: return normalise_with_any_parameters<Half>(call, begin, end);
        case ENVDOCTOR_BFLOAT16: return normalise_with_any_parameters<Bfloat16>(call, begin, end);
        default: return normalise_with_any_parameters<Float>(call, begin, end);
    }
}

}  // namespace
