// What kernels that go over rows of activations share: 16-byte pieces of each element type, and results of a warp or
// block from those of its threads.
#pragma once

#include "common/device.cuh"
#include "common/epilogue.h"

// 16 bytes of activations that nobody reads again soon. Not load_once, whose path may have them from before the kernel
// that wrote them ended.
DEVICE uint4 load_activations(const void* address) {
    uint4 value;
    asm volatile("ld.global.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w) : "l"(address) : "memory");
    return value;
}

// Elements by type: how many 16 bytes hold, their values, and the largest magnitude among them, as bits: packed while
// it is looked for, then those of a float. NaN is above infinity, and infinity above the rest.
struct HalfElements {
    static constexpr int kCount = 8, kType = ENVDOCTOR_FLOAT16;
    using Raw = uint16_t;
    static DEVICE float value(Raw raw) {
        float value;
        asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(raw));
        return value;
    }
    static DEVICE void pair(unsigned raw, float& low, float& high) {
        low = value(static_cast<Raw>(raw));
        high = value(static_cast<Raw>(raw >> 16));
    }
    static DEVICE Raw rounded(float value) { return epilogue::to_half(value); }
    static DEVICE unsigned magnitude(unsigned raw) { return raw & 0x7fff7fffu; }
    static DEVICE unsigned larger(unsigned a, unsigned b) {
#if __CUDA_ARCH__ >= 800
        unsigned larger;
        asm("max.NaN.f16x2 %0, %1, %2;" : "=r"(larger) : "r"(a), "r"(b));
        return larger;
#else
        return __vmaxu2(a, b);
#endif
    }
    static DEVICE unsigned bits(unsigned packed) {
        const unsigned low = packed & 0xffffu, high = packed >> 16;
        return __float_as_uint(value(static_cast<Raw>(low > high ? low : high)));
    }
};

struct Bfloat16Elements {
    static constexpr int kCount = 8, kType = ENVDOCTOR_BFLOAT16;
    using Raw = uint16_t;
    static DEVICE float value(Raw raw) { return __uint_as_float(static_cast<unsigned>(raw) << 16); }
    static DEVICE void pair(unsigned raw, float& low, float& high) {
        low = __uint_as_float(raw << 16);
        high = __uint_as_float(raw & 0xffff0000u);
    }
    static DEVICE Raw rounded(float value) { return epilogue::to_bfloat16(value); }
    static DEVICE unsigned magnitude(unsigned raw) { return raw & 0x7fff7fffu; }
    static DEVICE unsigned larger(unsigned a, unsigned b) {
#if __CUDA_ARCH__ >= 800
        unsigned larger;
        asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(larger) : "r"(a), "r"(b));
        return larger;
#else
        return __vmaxu2(a, b);
#endif
    }
    static DEVICE unsigned bits(unsigned packed) {
        const unsigned low = packed << 16, high = packed & 0xffff0000u;
        return low > high ? low : high;
    }
};

struct FloatElements {
    static constexpr int kCount = 4, kType = ENVDOCTOR_FLOAT32;
    using Raw = uint32_t;
    static DEVICE float value(Raw raw) { return __uint_as_float(raw); }
    static DEVICE Raw rounded(float value) { return __float_as_uint(value); }
    static DEVICE unsigned magnitude(unsigned raw) { return raw & 0x7fffffffu; }
    static DEVICE unsigned larger(unsigned a, unsigned b) { return a > b ? a : b; }
    static DEVICE unsigned bits(unsigned packed) { return packed; }
};

template <class T>
DEVICE void values_of(const uint4& raw, float (&values)[T::kCount]) {
    const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if constexpr (T::kCount == 8) {
            T::pair(words[i], values[2 * i], values[2 * i + 1]);
        } else {
            values[i] = T::value(words[i]);
        }
    }
}

// --- of all threads of a warp, in all of them ------------------------------------------------------------------------

struct Largest {
    using Value = unsigned;
    static constexpr Value kNone = 0;
    static DEVICE Value both(Value a, Value b) { return a > b ? a : b; }
    static DEVICE Value of_warp(Value value) {
#if __CUDA_ARCH__ >= 800
        return __reduce_max_sync(0xffffffffu, value);
#else
        for (int step = 16; step; step /= 2) value = both(value, __shfl_xor_sync(0xffffffffu, value, step));
        return value;
#endif
    }
};

struct IntegerSum {
    using Value = int;
    static constexpr Value kNone = 0;
    static DEVICE Value of_warp(Value value) {
#if __CUDA_ARCH__ >= 800
        return __reduce_add_sync(0xffffffffu, value);
#else
        for (int step = 16; step; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
        return value;
#endif
    }
};

// Always the same tree of additions, so that a row's sum depends on nothing but the row.
struct FloatSum {
    using Value = float;
    static constexpr Value kNone = 0.0f;
    static DEVICE Value of_warp(Value value) {
        for (int step = 16; step; step /= 2) value = __fadd_rn(value, __shfl_xor_sync(0xffffffffu, value, step));
        return value;
    }
};

// Of all threads of a block of whole warps, in all of them; `shared` is for this result alone.
template <class How>
DEVICE typename How::Value of_block(typename How::Value value, typename How::Value (&shared)[32]) {
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    value = How::of_warp(value);
    if (warps == 1) return value;
    if (lane == 0) shared[warp] = value;
    __syncthreads();
    return How::of_warp(lane < warps ? shared[lane] : How::kNone);
}
