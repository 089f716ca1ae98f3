// Element types of activations as loops on the CPU read and write them: of every case the result is computed and one is
// taken, since a branch would keep a loop from becoming one of vectors.
#pragma once

#include "common/epilogue.h"

namespace {

struct Half {
    using Raw = uint16_t;
    static inline float value(Raw raw) {
        const uint32_t rest = raw & 0x7fffu;
        const uint32_t small = epilogue::bits_of(static_cast<float>(static_cast<int32_t>(rest)) * 5.9604645e-8f);
        const uint32_t normal = (rest << 13) + (112u << 23), special = (rest << 13) | 0x7f800000u;
        const uint32_t bits = rest < 0x400u ? small : rest < 0x7c00u ? normal : special;
        return epilogue::of_bits(bits | static_cast<uint32_t>(raw & 0x8000u) << 16);
    }
    static inline Raw rounded(float value) {
        const uint32_t bits = epilogue::bits_of(value), rest = bits & 0x7fffffffu;
        const uint32_t small = epilogue::bits_of(epilogue::of_bits(rest) + 0.5f) - 0x3f000000u;
        const uint32_t normal = (rest - (112u << 23) + 0xfffu + (rest >> 13 & 1)) >> 13;
        const uint32_t special = rest > 0x7f800000u ? 0x7fffu : 0x7c00u;
        const uint32_t half = rest < 0x38800000u ? small : rest < 0x477ff000u ? normal : special;
        return static_cast<Raw>((bits >> 16 & 0x8000u) | half);
    }
    static inline Raw magnitude(Raw raw) { return raw & 0x7fff; }
};

struct Bfloat16 {
    using Raw = uint16_t;
    static inline float value(Raw raw) { return epilogue::of_bits(static_cast<uint32_t>(raw) << 16); }
    static inline Raw rounded(float value) {
        const uint32_t bits = epilogue::bits_of(value);
        const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
        return static_cast<Raw>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fffu : rounded);
    }
    static inline Raw magnitude(Raw raw) { return raw & 0x7fff; }
};

struct Float {
    using Raw = uint32_t;
    static inline float value(Raw raw) { return epilogue::of_bits(raw); }
    static inline Raw rounded(float value) { return epilogue::bits_of(value); }
    static inline Raw magnitude(Raw raw) { return raw & 0x7fffffffu; }
};

}  // namespace
