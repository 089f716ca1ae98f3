// llm_int8 for GPUs from Turing on, bfloat16 from Ampere on: all but the int8 product, which is gemm_w8a8's.
//
// extern "C" and no anonymous namespace: nvcc would put a hash of the build folder into the names.
#include "common/device_rows.cuh"
#include "llm_int8/arithmetic.h"
#include "llm_int8/cuda.h"
#include "llm_int8/weights.h"

using namespace llm_int8_cuda;

// When kernels begin and what they read before they wait is one scheme. flag_columns and the product wait, and only then
// let the next one begin. So that one may read at once what was there before them: rows of x while columns are flagged,
// the outliers while products are made. It reads from the L2, as the L1 may still have what was there earlier.

// Looks for outliers among two magnitudes in a word: what is added to each carries into its highest bit from the edge
// on, or from the first NaN on, and no further.
struct Outliers {
    unsigned from_edge, from_nan;

    explicit DEVICE Outliers(const LlmInt8& call)
        : from_edge((0x8000u - llm_int8::edge_of(call.threshold, call.type)) * 0x10001u),
          from_nan((0x7fffu - llm_int8::infinity_of(call.type)) * 0x10001u) {}
    // The answer is the highest bit of each half; the others mean nothing.
    DEVICE unsigned bits(unsigned magnitudes) const { return (magnitudes + from_edge) & ~(magnitudes + from_nan); }
    // The magnitudes that are none, 0 for the others.
    DEVICE unsigned without(unsigned magnitudes) const {
        return magnitudes & ~((bits(magnitudes) >> 15 & 0x10001u) * 0xffffu);
    }
};

// Whether all of x is pieces of 16 bytes that one instruction can move.
DEVICE bool is_aligned(const LlmInt8& call) {
    return ((reinterpret_cast<uintptr_t>(call.x) | static_cast<uintptr_t>(call.x_row) * 2) & 15) == 0 && call.k % 8 == 0;
}

DEVICE const uint16_t* row_of_x(const LlmInt8& call, int64_t row) {
    return static_cast<const uint16_t*>(call.x) + row * call.x_row;
}

// Eight values of a row, k from `at` on; zeros where k ends. Early: before this kernel has waited.
template <bool Aligned, bool Early = false>
DEVICE uint4 eight_of(const LlmInt8& call, const uint16_t* x, int at) {
    static_assert(Aligned || !Early, "single bytes come through the L1");
    if (Early) return __ldcg(reinterpret_cast<const uint4*>(x + at));
    if (Aligned) return load_activations(x + at);
    return sixteen_by_bytes(reinterpret_cast<const int8_t*>(x + at), (call.k - at) * 2);
}

// --- which columns have outliers -------------------------------------------------------------------------------------

template <class T>
DEVICE void look_at(const uint4& raw, const Outliers& outliers, unsigned (&found)[4]) {
    found[0] |= outliers.bits(T::magnitude(raw.x));
    found[1] |= outliers.bits(T::magnitude(raw.y));
    found[2] |= outliers.bits(T::magnitude(raw.z));
    found[3] |= outliers.bits(T::magnitude(raw.w));
}

// Eight columns from `at` on, in every step-th row, several of which are under way at once.
template <class T, bool Aligned>
DEVICE void look_at_rows(
    const LlmInt8& call, int at, int64_t row, int64_t step, const Outliers& outliers, unsigned (&found)[4]) {
    constexpr int kAhead = Aligned ? 4 : 1;
    for (; row + (kAhead - 1) * step < call.m; row += kAhead * step) {
        uint4 raw[kAhead];
#pragma unroll
        for (int i = 0; i < kAhead; ++i) raw[i] = eight_of<Aligned>(call, row_of_x(call, row + i * step), at);
#pragma unroll
        for (int i = 0; i < kAhead; ++i) look_at<T>(raw[i], outliers, found);
    }
    for (; row < call.m; row += step) look_at<T>(eight_of<Aligned>(call, row_of_x(call, row), at), outliers, found);
}

// A block looks at 64 columns of all rows: 128 bytes of a row by eight threads.
template <class T>
DEVICE void flag_columns(const LlmInt8& call) {
    __shared__ unsigned hits_of_warps[32][8];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, part = lane % 8;
    const int at = blockIdx.x * kFlagColumns + part * 8;
    const Outliers outliers(call);
    wait_for_previous_kernel();
    let_next_kernel_begin();

    unsigned found[4] = {};
    const int row = threadIdx.x / 8, step = blockDim.x / 8;
    if (at < call.k && is_aligned(call)) look_at_rows<T, true>(call, at, row, step, outliers, found);
    if (at < call.k && !is_aligned(call)) look_at_rows<T, false>(call, at, row, step, outliers, found);
    // A bit for each of the thread's columns.
    unsigned hits = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) hits |= (found[i] >> 15 & 1 | found[i] >> 30 & 2) << 2 * i;
    hits |= __shfl_xor_sync(0xffffffffu, hits, 8);
    hits |= __shfl_xor_sync(0xffffffffu, hits, 16);
    if (lane < 8) hits_of_warps[warp][part] = hits;
    __syncthreads();
    for (int column = threadIdx.x; column < kFlagColumns; column += blockDim.x) {
        unsigned all = 0;
        for (int w = 0; w < blockDim.x / 32; ++w) all |= hits_of_warps[w][column / 8];
        call.flags[blockIdx.x * kFlagColumns + column] = all >> column % 8 & 1 ? 0xff : 0;
    }
}

// Of two words of `found`, a byte for each column: 0xff or 0.
DEVICE unsigned flags_of(unsigned first, unsigned second) {
    return ((first >> 15 & 1) | first >> 31 << 8 | (second >> 15 & 1) << 16 | second >> 31 << 24) * 0xffu;
}

// The flags of eight columns, by one thread that looks at all rows.
template <class T, bool Aligned>
DEVICE uint2 flags_of_all_rows(const LlmInt8& call, int at, const Outliers& outliers) {
    unsigned found[4] = {};
    look_at_rows<T, Aligned>(call, at, 0, 1, outliers, found);
    return make_uint2(flags_of(found[0], found[1]), flags_of(found[2], found[3]));
}

// All flags, by one block.
template <class T, bool Aligned>
DEVICE void flag_all_columns(const LlmInt8& call) {
    const Outliers outliers(call);
    const int k = static_cast<int>(call.k), pieces = (k + 15) / 16 * 2;  // list_columns reads 16 at a time
    for (int i = threadIdx.x; i < pieces; i += blockDim.x) {
        const uint2 flags = i * 8 < k ? flags_of_all_rows<T, Aligned>(call, i * 8, outliers) : make_uint2(0, 0);
        *reinterpret_cast<uint2*>(call.flags + i * 8) = flags;
    }
}

// --- rows to int8, and the list of columns ---------------------------------------------------------------------------

// A block goes over the flags, 16 for each thread at a time, and gives each its place among those that are set.
DEVICE void list_columns(const LlmInt8& call) {
    __shared__ int counts[32];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
    const int k = static_cast<int>(call.k);
    int before = 0;
    for (int first = 0; first < k; first += blockDim.x * 16) {
        const int at = first + threadIdx.x * 16;
        uint4 flags = make_uint4(0, 0, 0, 0);
        if (at < k) flags = *reinterpret_cast<const uint4*>(call.flags + at);
        const unsigned words[4] = {flags.x, flags.y, flags.z, flags.w};
        const int own = (__popc(flags.x) + __popc(flags.y) + __popc(flags.z) + __popc(flags.w)) / 8;
        int up_to = own;
#pragma unroll
        for (int step = 1; step < 32; step *= 2) {
            const int other = __shfl_up_sync(0xffffffffu, up_to, step);
            if (lane >= step) up_to += other;
        }
        if (lane == 31) counts[warp] = up_to;
        __syncthreads();
        int place = before + up_to - own;
        for (int w = 0; w < warps; ++w) {
            if (w < warp) place += counts[w];
            before += counts[w];
        }
#pragma unroll
        for (int i = 0; i < 16; ++i) {
            if (words[i / 4] >> i % 4 * 8 & 1) call.columns[place++] = at + i;
        }
        __syncthreads();
    }
    if (threadIdx.x == 0) *call.count = before;
}

template <class T>
DEVICE unsigned larger_of(const Outliers& outliers, const uint4& raw, unsigned largest) {
    const unsigned low = T::larger(outliers.without(T::magnitude(raw.x)), outliers.without(T::magnitude(raw.y)));
    const unsigned high = T::larger(outliers.without(T::magnitude(raw.z)), outliers.without(T::magnitude(raw.w)));
    return T::larger(largest, T::larger(low, high));
}

DEVICE unsigned levels_of(const float* values, const quantize::Row& row) {
    const unsigned low = __byte_perm(quantize::level(values[0], row), quantize::level(values[1], row), 0x0040);
    const unsigned high = __byte_perm(quantize::level(values[2], row), quantize::level(values[3], row), 0x0040);
    return __byte_perm(low, high, 0x5410);
}

template <class T>
DEVICE void store_levels(int8_t* q, const uint4& raw, const uint2& flags, const quantize::Row& row) {
    float values[8];
    values_of<T>(raw, values);
    *reinterpret_cast<uint2*>(q) = make_uint2(levels_of(values, row) & ~flags.x, levels_of(values + 4, row) & ~flags.y);
}

// A row of x for each block but the first, in registers: `Vectors` pieces of 16 bytes for each thread. Few: a row's block
// looks for outliers in the others by itself. Otherwise x is read while flag_columns still runs.
template <class T, int Vectors, bool Few, bool Aligned>
DEVICE void quantize_in_registers(const LlmInt8& call, int64_t row) {
    __shared__ unsigned largest_of_warps[32];
    const Outliers outliers(call);
    const int vectors = (static_cast<int>(call.k) + 7) / 8;
    const uint16_t* const x = row_of_x(call, row);
    constexpr bool kEarly = Aligned && !Few;
    if (!kEarly) wait_for_previous_kernel();
    uint4 raw[Vectors];
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
        const int at = threadIdx.x + i * blockDim.x;
        raw[i] = at < vectors ? eight_of<Aligned, kEarly>(call, x, at * 8) : make_uint4(0, 0, 0, 0);
    }
    unsigned packed = 0;
#pragma unroll
    for (int i = 0; i < Vectors; ++i) packed = larger_of<T>(outliers, raw[i], packed);
    const quantize::Row of = quantize::row_of(of_block<Largest>(T::bits(packed), largest_of_warps), QUANTIZE_ROWS_127);
    if (kEarly) wait_for_previous_kernel();
    if (threadIdx.x == 0) call.scale[row] = of.scale;
    uint2 flags[Vectors];
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
        const int at = threadIdx.x + i * blockDim.x;
        if (at >= vectors) continue;
        if constexpr (Few) {
            flags[i] = flags_of_all_rows<T, Aligned>(call, at * 8, outliers);
        } else {
            flags[i] = *reinterpret_cast<const uint2*>(call.flags + at * 8);
        }
    }
#pragma unroll
    for (int i = 0; i < Vectors; ++i) {
        const int at = threadIdx.x + i * blockDim.x;
        if (at < vectors) store_levels<T>(call.q + row * call.q_row + at * 8, raw[i], flags[i], of);
    }
}

// The same of a row of any size, read twice.
template <class T, bool Aligned>
DEVICE void quantize_reading_twice(const LlmInt8& call, int64_t row) {
    __shared__ unsigned largest_of_warps[32];
    const Outliers outliers(call);
    const int vectors = (static_cast<int>(call.k) + 7) / 8;
    const uint16_t* const x = row_of_x(call, row);
    wait_for_previous_kernel();
    unsigned packed = 0;
    for (int at = threadIdx.x; at < vectors; at += kLoopThreads) {
        packed = larger_of<T>(outliers, eight_of<Aligned>(call, x, at * 8), packed);
    }
    const quantize::Row of = quantize::row_of(of_block<Largest>(T::bits(packed), largest_of_warps), QUANTIZE_ROWS_127);
    if (threadIdx.x == 0) call.scale[row] = of.scale;
    for (int at = threadIdx.x; at < vectors; at += kLoopThreads) {
        const uint2 flags = *reinterpret_cast<const uint2*>(call.flags + at * 8);
        store_levels<T>(call.q + row * call.q_row + at * 8, eight_of<Aligned>(call, x, at * 8), flags, of);
    }
}

// Vectors 0: read twice.
template <class T, int Vectors, bool Few, bool Aligned>
DEVICE void quantize_row(const LlmInt8& call, int64_t row) {
    if constexpr (Vectors == 0) {
        quantize_reading_twice<T, Aligned>(call, row);
    } else {
        quantize_in_registers<T, Vectors, Few, Aligned>(call, row);
    }
}

template <class T, bool Few>
DEVICE void make_list(const LlmInt8& call) {
    wait_for_previous_kernel();
    if constexpr (Few) {
        is_aligned(call) ? flag_all_columns<T, true>(call) : flag_all_columns<T, false>(call);
        __syncthreads();
    }
    list_columns(call);
}

// The first block makes the list, each other one has a row.
template <class T, int Vectors, bool Few>
DEVICE void quantize_rows(const LlmInt8& call) {
    const int64_t row = static_cast<int64_t>(blockIdx.x) - 1;
    let_next_kernel_begin();
    if (row < 0) return make_list<T, Few>(call);
    if (is_aligned(call)) return quantize_row<T, Vectors, Few, true>(call, row);
    quantize_row<T, Vectors, Few, false>(call, row);
}

// --- the outliers' part of y -----------------------------------------------------------------------------------------

// Outliers that are gathered into shared memory at a time, and how far its rows are apart: eight of them below each other
// are in different banks.
constexpr int kDepth = 32, kPitch = kDepth + 8;
// Outliers of one product.
constexpr int kStep = 16;

// Four of x or of the weights, of the columns in `list`; -1 is no column.
template <class Of>
DEVICE void gather_four(uint16_t* to, const int* list, const Of& of) {
    unsigned values[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) values[i] = list[i] >= 0 ? of(list[i]) : 0u;
    *reinterpret_cast<uint2*>(to) = make_uint2(values[0] | values[1] << 16, values[2] | values[3] << 16);
}

template <class T, int Rows, int Threads>
DEVICE void gather_x(const LlmInt8& call, uint16_t (&xs)[Rows][kPitch], const int* list, int steps, int64_t m0) {
#pragma unroll 2
    for (int i = threadIdx.x; i < Rows * (kStep / 4) * steps; i += Threads) {
        const int row = i % Rows, at = i / Rows * 4;
        const uint16_t* const x = row_of_x(call, m0 + row);
        const bool is_there = m0 + row < call.m;
        gather_four(&xs[row][at], list + at, [&](int k) { return is_there ? unsigned{__ldcg(x + k)} : 0u; });
    }
}

// Of 32 columns of a warp, those that one of its threads gets sums of become eight neighbours of y.
DEVICE int place_of(int column) { return (column & ~31) + column / 2 % 4 * 8 + column / 8 % 4 * 2 + column % 2; }

template <class T, int Columns, int Threads>
DEVICE void gather_weights(const LlmInt8& call, uint16_t (&ws)[Columns][kPitch], const int* list, int steps, int64_t n0) {
    const int8_t* const packed = static_cast<const int8_t*>(call.packed);
#pragma unroll 2
    for (int i = threadIdx.x; i < Columns * (kStep / 4) * steps; i += Threads) {
        const int column = i % Columns, at = i / Columns * 4;
        const int8_t* const w = packed + llm_int8::place_of_column(n0 + column, call.k);
        const bool is_there = n0 + column < call.n;
        gather_four(&ws[place_of(column)][at], list + at, [&](int k) {
            return is_there ? unsigned{T::rounded(w[llm_int8::place_in_column(column, k)])} : 0u;
        });
    }
}

template <class T>
DEVICE void mma_of(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    if constexpr (T::kType == ENVDOCTOR_FLOAT16) {
        mma_half(c, a, b0, b1);
    } else {
        mma_bfloat16(c, a, b0, b1);
    }
}

template <class T>
DEVICE unsigned pair_of(float low, float high) {
    return T::rounded(low) | static_cast<unsigned>(T::rounded(high)) << 16;
}

// What a thread adds to: of rows 8 * i from m0 on, eight neighbours from column n on.
template <class T, int Rows>
class Output {
public:
    DEVICE Output(const LlmInt8& call, int64_t m0, int64_t n)
        : call_(call), y_(static_cast<uint16_t*>(call.y) + m0 * call.y_row + n), m0_(m0), n_(n) {
        const uintptr_t together = reinterpret_cast<uintptr_t>(call.y) | static_cast<uintptr_t>(call.y_row) * 2;
        whole_ = (together & 15) == 0 && n + 8 <= call.n;
    }

    // It is read once and written once: what is gathered shall stay in the L2 instead.
    DEVICE void read() {
#pragma unroll
        for (int i = 0; i < Rows; ++i) {
            if (whole_ && has(i)) before_[i] = __ldcs(reinterpret_cast<const uint4*>(y_ + i * 8 * call_.y_row));
        }
    }

    DEVICE void add(const float (&sums)[Rows][8]) {
        float w_scale[8];
#pragma unroll
        for (int j = 0; j < 8; ++j) w_scale[j] = n_ + j < call_.n ? call_.w_scale[n_ + j] : 0.0f;
#pragma unroll
        for (int i = 0; i < Rows; ++i) {
            if (has(i)) whole_ ? add_whole(i, sums[i], w_scale) : add_each(i, sums[i], w_scale);
        }
    }

private:
    DEVICE bool has(int i) const { return m0_ + i * 8 < call_.m; }

    DEVICE void add_whole(int i, const float (&sums)[8], const float (&w_scale)[8]) {
        float values[8];
        values_of<T>(before_[i], values);
#pragma unroll
        for (int j = 0; j < 8; ++j) values[j] = llm_int8::with_outliers(values[j], sums[j], w_scale[j]);
        __stcs(reinterpret_cast<uint4*>(y_ + i * 8 * call_.y_row),
               make_uint4(pair_of<T>(values[0], values[1]), pair_of<T>(values[2], values[3]),
                          pair_of<T>(values[4], values[5]), pair_of<T>(values[6], values[7])));
    }

    DEVICE void add_each(int i, const float (&sums)[8], const float (&w_scale)[8]) {
#pragma unroll
        for (int j = 0; j < 8; ++j) {
            uint16_t* const at = y_ + i * 8 * call_.y_row + j;
            if (n_ + j < call_.n) *at = T::rounded(llm_int8::with_outliers(T::value(*at), sums[j], w_scale[j]));
        }
    }

    const LlmInt8& call_;
    uint16_t* y_;
    int64_t m0_, n_;
    bool whole_;
    uint4 before_[Rows];
};

// A block adds to one tile of y; where there are no outliers it has nothing to do. Its sums are made while gemm_w8a8 runs,
// or, of many tiles, most of which begin later, while y is on its way.
template <class T, class Shape>
DEVICE void add_outliers(const LlmInt8& call) {
    constexpr int kRows = Tile<Shape>::kRows, kColumns = Tile<Shape>::kColumns, kThreads = Tile<Shape>::kThreads;
    constexpr int kRowTiles = Shape::kRowTiles;
    __shared__ __align__(16) uint16_t xs[kRows][kPitch];
    __shared__ __align__(16) uint16_t ws[kColumns][kPitch];
    __shared__ __align__(16) int list[kDepth];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int warp_m = warp / Shape::kWarpsN * (16 * kRowTiles), warp_n = warp % Shape::kWarpsN * 32;
    const int64_t m0 = static_cast<int64_t>(blockIdx.y) * kRows, n0 = static_cast<int64_t>(blockIdx.x) * kColumns;
    let_next_kernel_begin();

    const int count = __ldcg(call.count);
    Output<T, kRowTiles * 2> y(call, m0 + warp_m + lane / 4, n0 + warp_n + lane % 4 * 8);
    constexpr bool kReadsFirst = kRowTiles > 1;
    if (kReadsFirst) wait_for_previous_kernel();
    if (kReadsFirst && count != 0) y.read();
    float sums[kRowTiles * 2][8] = {};  // of rows 8 below each other, of columns side by side
#pragma unroll 1
    for (int first = 0; first < count; first += kDepth) {
        const int left = count - first, steps = left > kStep ? kDepth / kStep : 1;
        if (threadIdx.x < kDepth) list[threadIdx.x] = threadIdx.x < left ? __ldcg(call.columns + first + threadIdx.x) : -1;
        __syncthreads();  // and the products before have read xs and ws
        gather_x<T, kRows, kThreads>(call, xs, list, steps, m0);
        gather_weights<T, kColumns, kThreads>(call, ws, list, steps, n0);
        __syncthreads();
#pragma unroll 1
        for (int step = 0; step < steps; ++step) {
            unsigned b[2][4];  // of two times eight columns: first and second eight outliers
#pragma unroll
            for (int j = 0; j < 2; ++j) {
                const int row = warp_n + j * 16 + lane / 16 * 8 + lane % 8;
                load_matrices(b[j], shared_address(&ws[row][step * kStep + lane / 8 % 2 * 8]));
            }
#pragma unroll
            for (int i = 0; i < kRowTiles; ++i) {
                unsigned a[4];
                load_matrices(a, shared_address(&xs[warp_m + i * 16 + lane % 16][step * kStep + lane / 16 * 8]));
#pragma unroll
                for (int j = 0; j < 4; ++j) {
                    float(&low)[8] = sums[i * 2], (&high)[8] = sums[i * 2 + 1];
                    float c[4] = {low[j * 2], low[j * 2 + 1], high[j * 2], high[j * 2 + 1]};
                    mma_of<T>(c, a, b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
                    low[j * 2] = c[0], low[j * 2 + 1] = c[1], high[j * 2] = c[2], high[j * 2 + 1] = c[3];
                }
            }
        }
    }
    if (!kReadsFirst) wait_for_previous_kernel();
    if (count == 0) return;
    if (!kReadsFirst) y.read();
    y.add(sums);
}

// Kernels of bfloat16 are empty for Turing: dispatch.cpp does not launch them there.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define BFLOAT16(body) body
#else
#define BFLOAT16(body)
#endif
#define KERNEL(name, bounds, body) \
    extern "C" __global__ void __launch_bounds__ bounds llm_int8_##name(const __grid_constant__ LlmInt8 call) { body; }
// Left alone, ptxas gives narrow tiles so few registers that it spills, and wide ones as many as two blocks have.
#define KERNELS(type, T, ONLY)                                                                   \
    KERNEL(flag_columns_##type, (kMaxThreads), ONLY((flag_columns<T>(call))))                    \
    KERNEL(few1_##type, (kMaxThreads), ONLY((quantize_rows<T, 1, true>(call))))                  \
    KERNEL(few4_##type, (kMaxThreads), ONLY((quantize_rows<T, 4, true>(call))))                  \
    KERNEL(block1_##type, (kMaxThreads), ONLY((quantize_rows<T, 1, false>(call))))               \
    KERNEL(block4_##type, (kMaxThreads), ONLY((quantize_rows<T, 4, false>(call))))               \
    KERNEL(loop_##type, (kLoopThreads), ONLY((quantize_rows<T, 0, false>(call))))                \
    KERNEL(narrow_##type, (Tile<Narrow>::kThreads, 1), ONLY((add_outliers<T, Narrow>(call))))    \
    KERNEL(wide_##type, (Tile<Wide>::kThreads, 2), ONLY((add_outliers<T, Wide>(call))))
#define ALWAYS(body) body

KERNELS(half, HalfElements, ALWAYS)
KERNELS(bfloat16, Bfloat16Elements, BFLOAT16)
