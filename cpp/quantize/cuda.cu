// quantize for GPUs from Turing on. Bandwidth is the bound: a row is read once and waits in registers for its scale.
//
// extern "C" and no anonymous namespace: nvcc would put a hash of the build folder into the names.
#include "common/device_rows.cuh"
#include "quantize/arithmetic.h"
#include "quantize/cuda.h"

using namespace quantize_cuda;

enum Mode { kRows, kSmooth, kStatic };

DEVICE void smoothed(const float* smooth, float (&values)[4]) {
    const float4 by = *reinterpret_cast<const float4*>(smooth);
    values[0] = quantize::divide(values[0], by.x);
    values[1] = quantize::divide(values[1], by.y);
    values[2] = quantize::divide(values[2], by.z);
    values[3] = quantize::divide(values[3], by.w);
}

DEVICE void smoothed(const float* smooth, float (&values)[8]) {
    smoothed(smooth, reinterpret_cast<float(&)[4]>(values[0]));
    smoothed(smooth + 4, reinterpret_cast<float(&)[4]>(values[4]));
}

// Four values become four bytes.
template <class How>
DEVICE unsigned levels_of(const float* values, const How& how) {
    const unsigned low = __byte_perm(quantize::level(values[0], how), quantize::level(values[1], how), 0x0040);
    const unsigned high = __byte_perm(quantize::level(values[2], how), quantize::level(values[3], how), 0x0040);
    return __byte_perm(low, high, 0x5410);
}

// The sum of four signed bytes, added up.
DEVICE int add_bytes(unsigned bytes, int sum) { return __dp4a(static_cast<int>(bytes), 0x01010101, sum); }

template <class How>
DEVICE int store_levels(int8_t* q, const float (&values)[4], const How& how) {
    const unsigned bytes = levels_of(values, how);
    *reinterpret_cast<unsigned*>(q) = bytes;
    return add_bytes(bytes, 0);
}

template <class How>
DEVICE int store_levels(int8_t* q, const float (&values)[8], const How& how) {
    const uint2 bytes = make_uint2(levels_of(values, how), levels_of(values + 4, how));
    *reinterpret_cast<uint2*>(q) = bytes;
    return add_bytes(bytes.y, add_bytes(bytes.x, 0));
}

template <class T>
DEVICE unsigned magnitude_of(const uint4& raw, unsigned largest) {
    largest = T::larger(largest, T::larger(T::magnitude(raw.x), T::magnitude(raw.y)));
    return T::larger(largest, T::larger(T::magnitude(raw.z), T::magnitude(raw.w)));
}

DEVICE unsigned magnitude_of(float value, unsigned largest) {
    return Largest::both(largest, __float_as_uint(value) & quantize::kMagnitude);
}

// A row in the registers of one warp (Warp) or of a block, `Vectors` pieces of 16 bytes for each thread.
template <class T, int Vectors, bool Warp, Mode mode>
DEVICE void row_in_registers(const Quantize& call) {
    let_next_kernel_begin();
    constexpr int kCount = T::kCount;
    __shared__ unsigned largest_of_warps[32];
    __shared__ int sums_of_warps[32];
    const int threads = Warp ? 32 : blockDim.x, thread = Warp ? threadIdx.x % 32 : threadIdx.x;
    const int64_t row = Warp ? static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32 : blockIdx.x;
    const int vectors = static_cast<int>(call.k) / kCount;
    wait_for_previous_kernel();
    if (Warp && row >= call.rows) return;

    const typename T::Raw* x = static_cast<const typename T::Raw*>(call.x) + row * call.x_row;
    uint4 raw[Vectors];
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
        const int at = thread + i * threads;
        raw[i] = at < vectors ? load_activations(x + at * kCount) : make_uint4(0, 0, 0, 0);
    }
    // The quotients are kept: a second division would cost more than the registers.
    float quotients[mode == kSmooth ? Vectors : 1][kCount];
    unsigned packed = 0, largest = 0;
    if constexpr (mode == kRows) {
#pragma unroll
        for (int i = 0; i < Vectors; ++i) packed = magnitude_of<T>(raw[i], packed);
        largest = T::bits(packed);
    }
    if constexpr (mode == kSmooth) {
#pragma unroll
        for (int i = 0; i < Vectors; ++i) {
            const int at = thread + i * threads;
            values_of<T>(raw[i], quotients[i]);
            if (at >= vectors) continue;
            smoothed(call.smooth + at * kCount, quotients[i]);
#pragma unroll
            for (int j = 0; j < kCount; ++j) largest = magnitude_of(quotients[i][j], largest);
        }
    }

    int sum = 0;
    const auto store = [&](const auto& how) {
        int8_t* q = call.q + row * call.q_row;
#pragma unroll
        for (int i = 0; i < Vectors; ++i) {
            const int at = thread + i * threads;
            if (at >= vectors) continue;
            if constexpr (mode == kSmooth) {
                sum += store_levels(q + at * kCount, quotients[i], how);
            } else {
                float values[kCount];
                values_of<T>(raw[i], values);
                sum += store_levels(q + at * kCount, values, how);
            }
        }
    };
    if constexpr (mode == kStatic) {
        store(quantize::static_of(call));
    } else {
        largest = Warp ? Largest::of_warp(largest) : of_block<Largest>(largest, largest_of_warps);
        const quantize::Row of = quantize::row_of(largest, call.kind);
        if (thread == 0) call.scale[row] = of.scale;
        store(of);
    }
    if (call.sums) {
        sum = Warp ? IntegerSum::of_warp(sum) : of_block<IntegerSum>(sum, sums_of_warps);
        if (thread == 0) call.sums[row] = sum;
    }
}

// A row of any size and place, read twice by a block.
template <class T, Mode mode>
DEVICE void row_read_twice(const Quantize& call) {
    let_next_kernel_begin();
    constexpr int kCount = T::kCount;
    __shared__ unsigned largest_of_warps[32];
    __shared__ int sums_of_warps[32];
    const int64_t row = blockIdx.x;
    const typename T::Raw* x = static_cast<const typename T::Raw*>(call.x) + row * call.x_row;
    int8_t* q = call.q + row * call.q_row;
    const bool aligned = reinterpret_cast<uintptr_t>(x) % 16 == 0 && reinterpret_cast<uintptr_t>(q) % kCount == 0 &&
                         reinterpret_cast<uintptr_t>(call.smooth) % 16 == 0;
    const int64_t vectors = aligned ? call.k / kCount : 0, rest = vectors * kCount;
    wait_for_previous_kernel();

    const auto vector_at = [&](int64_t at, float(&values)[kCount]) {
        values_of<T>(*reinterpret_cast<const uint4*>(x + at * kCount), values);
        if constexpr (mode == kSmooth) smoothed(call.smooth + at * kCount, values);
    };
    const auto value_at = [&](int64_t at) {
        const float value = T::value(x[at]);
        return mode == kSmooth ? quantize::divide(value, call.smooth[at]) : value;
    };
    unsigned largest = 0;
    if constexpr (mode != kStatic) {
        for (int64_t at = threadIdx.x; at < vectors; at += kLoopThreads) {
            float values[kCount];
            vector_at(at, values);
#pragma unroll
            for (int j = 0; j < kCount; ++j) largest = magnitude_of(values[j], largest);
        }
        for (int64_t at = rest + threadIdx.x; at < call.k; at += kLoopThreads) {
            largest = magnitude_of(value_at(at), largest);
        }
    }
    int sum = 0;
    const auto store = [&](const auto& how) {
        for (int64_t at = threadIdx.x; at < vectors; at += kLoopThreads) {
            float values[kCount];
            vector_at(at, values);
            sum += store_levels(q + at * kCount, values, how);
        }
        for (int64_t at = rest + threadIdx.x; at < call.k; at += kLoopThreads) {
            q[at] = static_cast<int8_t>(quantize::level(value_at(at), how));
            sum += q[at];
        }
    };
    if constexpr (mode == kStatic) {
        store(quantize::static_of(call));
    } else {
        const quantize::Row of = quantize::row_of(of_block<Largest>(largest, largest_of_warps), call.kind);
        if (threadIdx.x == 0) call.scale[row] = of.scale;
        store(of);
    }
    if (call.sums) {
        sum = of_block<IntegerSum>(sum, sums_of_warps);
        if (threadIdx.x == 0) call.sums[row] = sum;
    }
}

#define KERNEL(name, threads, body) \
    extern "C" __global__ void __launch_bounds__(threads) name(const __grid_constant__ Quantize call) { body(call); }
#define MODES(type, T)                                                                                      \
    KERNEL(quantize_warp_##type##_rows, kWarps * 32, (row_in_registers<T, kWarpVectors, true, kRows>))      \
    KERNEL(quantize_warp_##type##_smooth, kWarps * 32, (row_in_registers<T, kWarpVectors, true, kSmooth>))  \
    KERNEL(quantize_warp_##type##_static, kWarps * 32, (row_in_registers<T, kWarpVectors, true, kStatic>))  \
    BLOCK(type, T, 1) BLOCK(type, T, 2) BLOCK(type, T, 4)                                                   \
    KERNEL(quantize_block8_##type##_rows, kMaxThreads, (row_in_registers<T, 8, false, kRows>))              \
    KERNEL(quantize_block8_##type##_static, kMaxThreads, (row_in_registers<T, 8, false, kStatic>))          \
    KERNEL(quantize_loop_##type##_rows, kLoopThreads, (row_read_twice<T, kRows>))                           \
    KERNEL(quantize_loop_##type##_smooth, kLoopThreads, (row_read_twice<T, kSmooth>))                       \
    KERNEL(quantize_loop_##type##_static, kLoopThreads, (row_read_twice<T, kStatic>))
#define BLOCK(type, T, vectors)                                                                                    \
    KERNEL(quantize_block##vectors##_##type##_rows, kMaxThreads, (row_in_registers<T, vectors, false, kRows>))     \
    KERNEL(quantize_block##vectors##_##type##_smooth, kMaxThreads, (row_in_registers<T, vectors, false, kSmooth>)) \
    KERNEL(quantize_block##vectors##_##type##_static, kMaxThreads, (row_in_registers<T, vectors, false, kStatic>))

MODES(half, HalfElements)
MODES(bfloat16, Bfloat16Elements)
MODES(float, FloatElements)
