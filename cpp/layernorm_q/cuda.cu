// layernorm_q for GPUs from Turing on. Bandwidth is the bound: a row is read once and stays in registers for its mean,
// its variance and its levels.
//
// extern "C" and no anonymous namespace: nvcc would put a hash of the build folder into the names.
#include "common/device_rows.cuh"
#include "layernorm_q/arithmetic.h"
#include "layernorm_q/cuda.h"

using namespace layernorm_q_cuda;

// Four values of gamma or beta.
DEVICE void parameters_of(const void* parameters, int type, int64_t at, float* values) {
    if (type == ENVDOCTOR_FLOAT32) {
        const float4 four = *reinterpret_cast<const float4*>(static_cast<const float*>(parameters) + at);
        values[0] = four.x;
        values[1] = four.y;
        values[2] = four.z;
        values[3] = four.w;
        return;
    }
    const uint2 four = *reinterpret_cast<const uint2*>(static_cast<const uint16_t*>(parameters) + at);
    if (type == ENVDOCTOR_FLOAT16) {
        HalfElements::pair(four.x, values[0], values[1]);
        HalfElements::pair(four.y, values[2], values[3]);
    } else {
        Bfloat16Elements::pair(four.x, values[0], values[1]);
        Bfloat16Elements::pair(four.y, values[2], values[3]);
    }
}

// Makes `values` residual + x * x_scale, as rounded to its type, and writes it.
template <class T>
DEVICE void add_and_store(const uint4& residual, const uint4* x, float x_scale, typename T::Raw* sum,
                          float (&values)[T::kCount]) {
    values_of<T>(residual, values);
    unsigned words[4];
#pragma unroll
    for (int i = 0; i < T::kCount; ++i) {
        const uint4& four = x[i / 4];
        const unsigned word = i % 4 == 0 ? four.x : i % 4 == 1 ? four.y : i % 4 == 2 ? four.z : four.w;
        const typename T::Raw raw = T::rounded(layernorm_q::added(values[i], static_cast<int32_t>(word), x_scale));
        values[i] = T::value(raw);
        if constexpr (T::kCount == 4) {
            words[i] = raw;
        } else {
            words[i / 2] = i % 2 ? words[i / 2] | static_cast<unsigned>(raw) << 16 : raw;
        }
    }
    *reinterpret_cast<uint4*>(sum) = make_uint4(words[0], words[1], words[2], words[3]);
}

// A row's levels for as many values as 16 bytes of residual hold.
template <class T>
DEVICE void store_levels(const LayernormQ& call, int8_t* q, int64_t at, const float (&values)[T::kCount], float mean,
                         float inverse) {
    unsigned words[T::kCount / 4];
#pragma unroll
    for (int i = 0; i < T::kCount / 4; ++i) {
        float gamma[4], beta[4];
        unsigned levels[4];
        parameters_of(call.gamma, call.parameters_type, at + i * 4, gamma);
        parameters_of(call.beta, call.parameters_type, at + i * 4, beta);
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            const float deviation = __fsub_rn(values[i * 4 + j], mean);
            levels[j] = layernorm_q::level(deviation, inverse, gamma[j], beta[j]);
        }
        const unsigned low = __byte_perm(levels[0], levels[1], 0x0040);
        const unsigned high = __byte_perm(levels[2], levels[3], 0x0040);
        words[i] = __byte_perm(low, high, 0x5410);
    }
    if constexpr (T::kCount == 8) {
        *reinterpret_cast<uint2*>(q + at) = make_uint2(words[0], words[1]);
    } else {
        *reinterpret_cast<unsigned*>(q + at) = words[0];
    }
}

DEVICE float squared_distance(float value, float mean) {
    const float deviation = __fsub_rn(value, mean);
    return __fmul_rn(deviation, deviation);
}

// A row in the registers of one warp (Warp) or of a block, `Vectors` pieces of 16 bytes of residual for each thread.
template <class T, int Vectors, bool Warp>
DEVICE void row_in_registers(const LayernormQ& call) {
    let_next_kernel_begin();
    constexpr int kCount = T::kCount;
    __shared__ float sums_of_warps[32], squares_of_warps[32];
    const int threads = Warp ? 32 : blockDim.x, thread = Warp ? threadIdx.x % 32 : threadIdx.x;
    const int64_t row = Warp ? static_cast<int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32 : blockIdx.x;
    const int vectors = static_cast<int>(call.k) / kCount;
    wait_for_previous_kernel();
    if (Warp && row >= call.rows) return;

    const int32_t* x = call.x + row * call.x_row;
    const typename T::Raw* residual = static_cast<const typename T::Raw*>(call.residual) + row * call.residual_row;
    uint4 addends[Vectors][kCount / 4], residuals[Vectors];
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
        const int at = (thread + i * threads) * kCount;
        if (thread + i * threads >= vectors) continue;
        residuals[i] = load_activations(residual + at);
#pragma unroll
        for (int j = 0; j < kCount / 4; ++j) addends[i][j] = load_activations(x + at + j * 4);
    }
    float values[Vectors][kCount], sum = 0.0f, squares = 0.0f;
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
        if (thread + i * threads >= vectors) continue;
        typename T::Raw* to = static_cast<typename T::Raw*>(call.sum) + row * call.sum_row;
        add_and_store<T>(residuals[i], addends[i], call.x_scale, to + (thread + i * threads) * kCount, values[i]);
#pragma unroll
        for (int j = 0; j < kCount; ++j) sum = __fadd_rn(sum, values[i][j]);
    }
    sum = Warp ? FloatSum::of_warp(sum) : of_block<FloatSum>(sum, sums_of_warps);
    const float mean = layernorm_q::average(sum, call.k);
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
        if (thread + i * threads >= vectors) continue;
#pragma unroll
        for (int j = 0; j < kCount; ++j) squares = __fadd_rn(squares, squared_distance(values[i][j], mean));
    }
    squares = Warp ? FloatSum::of_warp(squares) : of_block<FloatSum>(squares, squares_of_warps);
    const float inverse = layernorm_q::inverse_of(layernorm_q::average(squares, call.k), call.eps);
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
        if (thread + i * threads >= vectors) continue;
        const int64_t at = (thread + i * threads) * kCount;
        store_levels<T>(call, call.q + row * call.q_row, at, values[i], mean, inverse);
    }
}

// A row of any size and place. The sums that it hands out are what it reads again, each thread its own.
template <class T>
DEVICE void row_read_again(const LayernormQ& call) {
    let_next_kernel_begin();
    using Raw = typename T::Raw;
    __shared__ float sums_of_warps[32], squares_of_warps[32];
    const int64_t row = blockIdx.x;
    const int32_t* x = call.x + row * call.x_row;
    const Raw* residual = static_cast<const Raw*>(call.residual) + row * call.residual_row;
    Raw* handed_out = static_cast<Raw*>(call.sum) + row * call.sum_row;
    wait_for_previous_kernel();

    float sum = 0.0f, squares = 0.0f;
    for (int64_t at = threadIdx.x; at < call.k; at += kLoopThreads) {
        const Raw raw = T::rounded(layernorm_q::added(T::value(residual[at]), x[at], call.x_scale));
        handed_out[at] = raw;
        sum = __fadd_rn(sum, T::value(raw));
    }
    const float mean = layernorm_q::average(of_block<FloatSum>(sum, sums_of_warps), call.k);
    for (int64_t at = threadIdx.x; at < call.k; at += kLoopThreads) {
        squares = __fadd_rn(squares, squared_distance(T::value(handed_out[at]), mean));
    }
    squares = of_block<FloatSum>(squares, squares_of_warps);
    const float inverse = layernorm_q::inverse_of(layernorm_q::average(squares, call.k), call.eps);
    for (int64_t at = threadIdx.x; at < call.k; at += kLoopThreads) {
        const float gamma = epilogue::load(call.gamma, call.parameters_type, at);
        const float beta = epilogue::load(call.beta, call.parameters_type, at);
        const float deviation = __fsub_rn(T::value(handed_out[at]), mean);
        call.q[row * call.q_row + at] = static_cast<int8_t>(layernorm_q::level(deviation, inverse, gamma, beta));
    }
}

#define KERNEL(name, threads, body) \
    extern "C" __global__ void __launch_bounds__(threads) name(const __grid_constant__ LayernormQ call) { body(call); }
#define SHAPES(type, T)                                                                       \
    KERNEL(layernorm_q_warp_##type, kWarps * 32, (row_in_registers<T, kWarpVectors, true>))   \
    KERNEL(layernorm_q_block1_##type, kMaxThreads, (row_in_registers<T, 1, false>))           \
    KERNEL(layernorm_q_block2_##type, kMaxThreads, (row_in_registers<T, 2, false>))           \
    KERNEL(layernorm_q_block4_##type, kMaxThreads, (row_in_registers<T, 4, false>))           \
    KERNEL(layernorm_q_loop_##type, kLoopThreads, row_read_again<T>)

SHAPES(half, HalfElements)
SHAPES(bfloat16, Bfloat16Elements)
SHAPES(float, FloatElements)
