// The loops of all CPU variants, written for the compiler to make vectors of: a variant is this file and its flags.
#pragma once

#include <string.h>

#include "common/cpu_elements.h"
#include "llm_int8/arithmetic.h"
#include "llm_int8/weights.h"

namespace {

// Which magnitudes are outliers: two comparisons of 16-bit integers.
struct Edge {
    uint16_t least, infinity;

    explicit Edge(const LlmInt8& call)
        : least(static_cast<uint16_t>(llm_int8::edge_of(call.threshold, call.type))),
          infinity(static_cast<uint16_t>(llm_int8::infinity_of(call.type))) {}
    // All bits, or none.
    uint16_t mask(uint16_t magnitude) const {
        return static_cast<uint16_t>(-static_cast<int>((magnitude >= least) & (magnitude <= infinity)));
    }
};

template <class T>
void flag_columns(const LlmInt8& call, int64_t begin, int64_t end) {
    constexpr int64_t kPiece = 256;  // of 16-bit flags that stay in the first cache
    const Edge edge(call);
    uint8_t* const flags = call.flags;
    for (int64_t first = begin; first < end; first += kPiece) {
        const int64_t size = end - first < kPiece ? end - first : kPiece;
        uint16_t found[kPiece] = {};
        for (int64_t m = 0; m < call.m; ++m) {
            const uint16_t* x = static_cast<const uint16_t*>(call.x) + m * call.x_row + first;
            for (int64_t i = 0; i < size; ++i) found[i] |= edge.mask(T::magnitude(x[i]));
        }
        for (int64_t i = 0; i < size; ++i) flags[first + i] = static_cast<uint8_t>(found[i]);
    }
}

template <class T>
inline uint16_t largest_of(const uint16_t* x, int64_t k, const Edge& edge) {
    uint16_t largest = 0;
    for (int64_t i = 0; i < k; ++i) {
        const uint16_t magnitude = T::magnitude(x[i]);
        const uint16_t below = static_cast<uint16_t>(magnitude & ~edge.mask(magnitude));
        largest = below > largest ? below : largest;
    }
    return largest;
}

template <class T>
inline void levels_of(const uint16_t* x, const uint8_t* flags, int64_t k, const quantize::Row& row, int8_t* q) {
    for (int64_t i = 0; i < k; ++i) q[i] = static_cast<int8_t>(quantize::level(T::value(x[i]), row) & ~uint32_t{flags[i]});
}

template <class T>
void quantize_rows(const LlmInt8& call, int64_t begin, int64_t end) {
    const Edge edge(call);
    for (int64_t m = begin; m < end; ++m) {
        const uint16_t* x = static_cast<const uint16_t*>(call.x) + m * call.x_row;
        const float largest = T::value(largest_of<T>(x, call.k, edge));
        const quantize::Row row = quantize::row_of(epilogue::bits_of(largest), QUANTIZE_ROWS_127);
        call.scale[m] = row.scale;
        levels_of<T>(x, call.flags, call.k, row, call.q + m * call.q_row);
    }
}

#if defined(__AVX512F__)
constexpr int64_t kLanes = 16;
#elif defined(__AVX2__)
constexpr int64_t kLanes = 8;
#else
constexpr int64_t kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));
// As many sums as registers hold.
constexpr int64_t kVectors = 4, kRowsAtOnce = 2;

constexpr int64_t kRows = 64, kColumns = kLlmInt8Columns, kDepth = 64;

// What so many outliers add to rows and columns of y.
struct Tile {
    alignas(64) float weights[kDepth][kColumns];
    alignas(64) float sums[kRows][kColumns];
    float x[kRows][kDepth];
};

// Of each k the four bytes of a group are read, of which one is wanted: so they are loaded as vectors.
inline void gather_weights(const LlmInt8& call, const int32_t* k, int64_t depth, int64_t n0, Tile& tile) {
    for (int64_t j = 0; j < depth; ++j) {
        for (int64_t i = 0; i < kColumns && n0 + i < call.n; i += kPanel) {
            const int64_t place = llm_int8::place_in_panels(n0 + i, k[j] - k[j] % kGroup, call.k);
            const int shift = static_cast<int>(k[j] % kGroup) * 8;
            uint32_t groups[kPanel];
            memcpy(groups, static_cast<const uint8_t*>(call.packed) + place, sizeof groups);
            for (int64_t c = 0; c < kPanel; ++c) {
                tile.weights[j][i + c] = static_cast<float>(static_cast<int32_t>(groups[c] >> shift & 0xff) - 128);
            }
        }
    }
}

template <class T>
inline void gather_x(const LlmInt8& call, const int32_t* k, int64_t depth, int64_t m0, int64_t rows, Tile& tile) {
    for (int64_t r = 0; r < rows; ++r) {
        const uint16_t* x = static_cast<const uint16_t*>(call.x) + (m0 + r) * call.x_row;
        for (int64_t j = 0; j < depth; ++j) tile.x[r][j] = T::value(x[k[j]]);
    }
}

inline void multiply(Tile& tile, int64_t rows, int64_t depth) {
    for (int64_t row = 0; row < rows; row += kRowsAtOnce) {
        for (int64_t column = 0; column < kColumns; column += kVectors * kLanes) {
            Vector sums[kRowsAtOnce][kVectors];
            for (int64_t r = 0; r < kRowsAtOnce; ++r) memcpy(sums[r], tile.sums[row + r] + column, sizeof sums[r]);
            for (int64_t j = 0; j < depth; ++j) {
                Vector weights[kVectors];
                memcpy(weights, tile.weights[j] + column, sizeof weights);
                for (int64_t r = 0; r < kRowsAtOnce; ++r) {
                    for (int64_t v = 0; v < kVectors; ++v) sums[r][v] += tile.x[row + r][j] * weights[v];
                }
            }
            for (int64_t r = 0; r < kRowsAtOnce; ++r) memcpy(tile.sums[row + r] + column, sums[r], sizeof sums[r]);
        }
    }
}

template <class T>
inline void add_to_y(const LlmInt8& call, const Tile& tile, int64_t m0, int64_t rows, int64_t n0, int64_t columns) {
    for (int64_t r = 0; r < rows; ++r) {
        uint16_t* y = static_cast<uint16_t*>(call.y) + (m0 + r) * call.y_row + n0;
        for (int64_t i = 0; i < columns; ++i) {
            y[i] = T::rounded(llm_int8::with_outliers(T::value(y[i]), tile.sums[r][i], call.w_scale[n0 + i]));
        }
    }
}

template <class T>
void add_outliers(const LlmInt8& call, int64_t begin, int64_t end) {
    Tile tile;
    memset(&tile, 0, sizeof tile);
    const int64_t count = *call.count;
    for (int64_t m0 = 0; m0 < call.m; m0 += kRows) {
        const int64_t rows = call.m - m0 < kRows ? call.m - m0 : kRows;
        for (int64_t n0 = begin; n0 < end; n0 += kColumns) {
            memset(tile.sums, 0, sizeof tile.sums);
            for (int64_t first = 0; first < count; first += kDepth) {
                const int64_t depth = count - first < kDepth ? count - first : kDepth;
                gather_weights(call, call.columns + first, depth, n0, tile);
                gather_x<T>(call, call.columns + first, depth, m0, rows, tile);
                multiply(tile, rows, depth);
            }
            add_to_y<T>(call, tile, m0, rows, n0, end - n0 < kColumns ? end - n0 : kColumns);
        }
    }
}

// By type of x.
#define BY_TYPE(part)                                                                                     \
    [](const LlmInt8& call, int64_t begin, int64_t end) {                                                 \
        call.type == ENVDOCTOR_FLOAT16 ? part<Half>(call, begin, end) : part<Bfloat16>(call, begin, end); \
    }
#define LLM_INT8_PARTS {BY_TYPE(flag_columns), BY_TYPE(quantize_rows), BY_TYPE(add_outliers)}

}  // namespace
