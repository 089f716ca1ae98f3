// Codes of 4 and 8 bits as float16 and bfloat16, and the words of groups.
#pragma once

#include "common/device.cuh"

DEVICE unsigned half2_subtract(unsigned a, unsigned b) {
    unsigned c;
    asm("sub.f16x2 %0, %1, %2;" : "=r"(c) : "r"(a), "r"(b));
    return c;
}
DEVICE unsigned half2_fma(unsigned a, unsigned b, unsigned c) {
    unsigned d;
    asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
    return d;
}
DEVICE unsigned bfloat2_fma(unsigned a, unsigned b, unsigned c) {
    unsigned d = 0;
#if __CUDA_ARCH__ >= 800
    asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
#endif
    return d;
}
// What the two types of x need.
struct HalfType {
    static constexpr bool kIsBfloat16 = false;
    // Of two values each.
    static DEVICE unsigned multiply(unsigned a, unsigned b) { return half2_fma(a, b, 0x80008000u); }
};
struct BfloatType {
    static constexpr bool kIsBfloat16 = true;
    static DEVICE unsigned multiply(unsigned a, unsigned b) { return bfloat2_fma(a, b, 0x80008000u); }
};

// Two float16 that bfloat16 holds too.
DEVICE unsigned bfloat2_of_half2(unsigned pair) {
    unsigned result = 0;
#if __CUDA_ARCH__ >= 800
    asm("{.reg .b16 low, high; .reg .f32 a, b; mov.b32 {low, high}, %1; cvt.f32.f16 a, low; cvt.f32.f16 b, high; "
        "cvt.rn.bf16x2.f32 %0, b, a;}" : "=r"(result) : "r"(pair));
#endif
    return result;
}
DEVICE float float_of_half(unsigned bits) {
    float value;
    asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(static_cast<uint16_t>(bits)));
    return value;
}

// (word & mask) | magic in one instruction.
template <unsigned mask>
DEVICE unsigned masked(unsigned word, unsigned magic) {
    unsigned result;
    asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(result) : "r"(word), "n"(mask), "r"(magic));
    return result;
}

// How what a word holds for the two steps of a half (of 64 k) becomes their pairs of neighbours, without their zero point;
// that is in both halves of a register. Behind the bits of 1024 a code is the lowest bits of a float16: 1024 + code;
// likewise of 128 in bfloat16. Every operation is exact.
template <class Type, int Bits>
struct Widen;

template <>
struct Widen<HalfType, 4> {
    static DEVICE void pairs(unsigned word, int half, unsigned zero, unsigned& low, unsigned& high) {
        word >>= half * 8;
        low = half2_subtract(masked<0x000f000fu>(word, 0x64006400u), zero | 0x64006400u);
        // (1024 + 16 * code) / 16 - (64 + zero)
        high = half2_fma(masked<0x00f000f0u>(word, 0x64006400u), 0x2c002c00u, zero << 4 | 0xd400d400u);
    }
};

template <>
struct Widen<BfloatType, 4> {
    static DEVICE void pairs(unsigned word, int half, unsigned zero, unsigned& low, unsigned& high) {
        word >>= half * 8;
        const unsigned one = 0x3f803f80u, minus = zero | 0xc300c300u;  // -(128 + zero)
        low = bfloat2_fma(masked<0x000f000fu>(word, 0x43004300u), one, minus);
        high = bfloat2_fma(masked<0x000f000fu>(word >> 4, 0x43004300u), one, minus);
    }
};

template <>
struct Widen<HalfType, 8> {
    static DEVICE void pairs(unsigned word, int, unsigned zero, unsigned& low, unsigned& high) {
        low = half2_subtract(masked<0x00ff00ffu>(word, 0x64006400u), zero | 0x64006400u);
        high = half2_subtract(masked<0x00ff00ffu>(word >> 8, 0x64006400u), zero | 0x64006400u);
    }
};

template <>
struct Widen<BfloatType, 8> {
    static DEVICE void pairs(unsigned word, int half, unsigned zero, unsigned& low, unsigned& high) {
        Widen<HalfType, 8>::pairs(word, half, zero, low, high);
        low = bfloat2_of_half2(low), high = bfloat2_of_half2(high);
    }
};

// A group's zero point, in both halves of a register, and its scale: see GemmW4A16::scale_zero.
DEVICE unsigned zero_of(unsigned word) { return __byte_perm(word, 0, 0x4242); }
DEVICE float scale_of(unsigned word, bool is_half) {
    return is_half ? float_of_half(word & 0xffffu) : __uint_as_float(word << 16);
}
