// The arithmetic of quantize: one definition for all variants, on CPUs and GPUs.
//
// The largest magnitude is found among bits, not numbers: as unsigned integers NaN is above infinity and infinity above
// the rest, so that a NaN is never lost on the way.
#pragma once

#include "common/epilogue.h"
#include "quantize/quantize.h"

namespace quantize {

constexpr uint32_t kMagnitude = 0x7fffffffu, kInfinity = 0x7f800000u;
// The largest magnitude of a row counts as at least 2^-100: a row of zeros has a scale to divide by, and the inverse of
// the smallest one is finite.
constexpr float kLeast = 7.888609052210118e-31f;
constexpr float kEpsilon = 1.1920928955078125e-7f;  // the least scale of QUANTIZE_ROWS_127_5
// 1.5 * 2^23: added to a number below 2^22 it leaves the number rounded to nearest, ties to even, in the low bits.
constexpr float kRound = 12582912.0f;

EPILOGUE float divide(float a, float b) {
#ifdef __CUDACC__
    return __fdiv_rn(a, b);
#else
    return a / b;
#endif
}

// NaN: `most`.
EPILOGUE float at_most(float value, float most) {
#ifdef __CUDACC__
    return fminf(value, most);
#else
    return value < most ? value : most;
#endif
}

// What a row's largest magnitude makes of it. With infinity or NaN in it the scale says so, and all q are 0.
struct Row {
    float scale, inverse;
    uint32_t mask;  // of the bytes of q
};

EPILOGUE Row row_of(uint32_t magnitude, int kind) {
    const float largest = epilogue::of_bits(magnitude);
    Row row;
    if (kind == QUANTIZE_ROWS_127) {
        row.scale = divide(largest < kLeast ? kLeast : largest, 127.0f);
    } else {
        const float scale = divide(largest, 127.5f);
        row.scale = scale < kEpsilon ? kEpsilon : scale;
    }
    row.inverse = divide(1.0f, row.scale);
    row.mask = magnitude < kInfinity ? 0xffffffffu : 0u;
    return row;
}

// q of a row's value, in the low byte. No value of a row is below -127.5 scales.
EPILOGUE uint32_t level(float value, const Row& row) {
    const float scaled = at_most(epilogue::multiply(value, row.inverse), 127.0f);
    return epilogue::bits_of(epilogue::add(scaled, kRound)) & row.mask;
}

struct Static {
    float inverse, low, high;
    int32_t zero;
};

EPILOGUE Static static_of(const Quantize& call) {
    Static of;
    const int32_t zero = call.zero ? *call.zero : 0;
    of.zero = zero < -128 ? -128 : zero > 127 ? 127 : zero;
    of.inverse = divide(1.0f, *call.scale);
    of.low = static_cast<float>(-128 - of.zero);
    of.high = static_cast<float>(127 - of.zero);
    return of;
}

// q of a value, in the low byte; NaN is 0 and so becomes the zero point.
EPILOGUE uint32_t level(float value, const Static& of) {
    float scaled = epilogue::multiply(value, of.inverse);
    scaled = scaled == scaled ? scaled : 0.0f;
    scaled = at_most(scaled < of.low ? of.low : scaled, of.high);
    return epilogue::bits_of(epilogue::add(scaled, kRound)) + static_cast<uint32_t>(of.zero);
}

}  // namespace quantize
