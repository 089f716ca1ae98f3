// The arithmetic of llm_int8 that all variants share, on CPUs and GPUs. The levels are those of quantize.
#pragma once

#include "common/epilogue.h"
#include "llm_int8/llm_int8.h"
#include "quantize/arithmetic.h"

namespace llm_int8 {

// Magnitudes of 16-bit values as integers: x is an outlier where edge <= bits of |x| <= infinity, so NaN never is.
EPILOGUE uint32_t infinity_of(int32_t type) { return type == ENVDOCTOR_FLOAT16 ? 0x7c00u : 0x7f80u; }

// The least value of x's type that is not below the threshold, as bits.
EPILOGUE uint32_t edge_of(float threshold, int32_t type) {
    const bool half = type == ENVDOCTOR_FLOAT16;
    const uint16_t near = half ? epilogue::to_half(threshold) : epilogue::to_bfloat16(threshold);
    const float value = half ? epilogue::from_half(near) : epilogue::of_bits(static_cast<uint32_t>(near) << 16);
    return value < threshold ? near + 1u : near;
}

// y with the outliers' part added: y has been rounded to 16 bits once before.
EPILOGUE float with_outliers(float y, float sum, float w_scale) {
    return epilogue::add(y, epilogue::multiply(sum, w_scale));
}

}  // namespace llm_int8
