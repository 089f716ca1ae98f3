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
    for (int64_t first = begin; first < end; first += kPiece) {
        const int64_t size = end - first < kPiece ? end - first : kPiece;
        uint16_t found[kPiece] = {};
        for (int64_t m = 0; m < call.m; ++m) {
            const uint16_t* x = static_cast<const uint16_t*>(call.x) + m * call.x_row + first;
            for (int64_t i = 0; i < size; ++i) found[i] |= edge.mask(T::magnitude(x[i]));
        }
        for (int64_t i = 0; i < size; ++i) call.flags[first + i] = static_cast<uint8_t>(found[i]);
    }
}

template <class T>
void quantize_rows(const LlmInt8& call, int64_t begin, int64_t end) {
    const Edge edge(call);
    for (int64_t m = begin; m < end; ++m) {
        const uint16_t* x = static_cast<const uint16_t*>(call.x) + m * call.x_row;
        int8_t* q = call.q + m * call.q_row;
        uint16_t largest = 0;
        for (int64_t k = 0; k < call.k; ++k) {
            const uint16_t magnitude = T::magnitude(x[k]);
            const uint16_t below = static_cast<uint16_t>(magnitude & ~edge.mask(magnitude));
            largest = below > largest ? below : largest;
        }
        const quantize::Row row = quantize::row_of(epilogue::bits_of(T::value(largest)), QUANTIZE_ROWS_127);
        call.scale[m] = row.scale;
        for (int64_t k = 0; k < call.k; ++k) {
            q[k] = static_cast<int8_t>(quantize::level(T::value(x[k]), row) & ~uint32_t{call.flags[k]});
        }
    }
}

constexpr int64_t kColumns = kLlmInt8Columns, kRows = 32, kDepth = 64;

// What so many outliers add to rows and columns of y.
struct Tile {
    float x[kRows][kDepth], weights[kDepth][kColumns], sums[kRows][kColumns];
};

inline void gather_weights(const LlmInt8& call, const int32_t* k, int64_t depth, int64_t n0, int64_t columns, Tile& tile) {
    const uint8_t* packed = static_cast<const uint8_t*>(call.packed);
    for (int64_t j = 0; j < depth; ++j) {
        for (int64_t i = 0; i < columns; ++i) {
            const int32_t stored = packed[llm_int8::place_in_panels(n0 + i, k[j], call.k)];
            tile.weights[j][i] = static_cast<float>(stored - 128);
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

template <class T>
void add_outliers(const LlmInt8& call, int64_t begin, int64_t end) {
    Tile tile;
    memset(&tile, 0, sizeof tile);
    for (int64_t m0 = 0; m0 < call.m; m0 += kRows) {
        const int64_t rows = call.m - m0 < kRows ? call.m - m0 : kRows;
        for (int64_t n0 = begin; n0 < end; n0 += kColumns) {
            const int64_t columns = end - n0 < kColumns ? end - n0 : kColumns;
            memset(tile.sums, 0, sizeof tile.sums);
            for (int64_t first = 0; first < *call.count; first += kDepth) {
                const int64_t depth = *call.count - first < kDepth ? *call.count - first : kDepth;
                gather_weights(call, call.columns + first, depth, n0, columns, tile);
                gather_x<T>(call, call.columns + first, depth, m0, rows, tile);
                for (int64_t r = 0; r < rows; ++r) {
                    for (int64_t j = 0; j < depth; ++j) {
                        const float x = tile.x[r][j];
                        for (int64_t i = 0; i < kColumns; ++i) tile.sums[r][i] += x * tile.weights[j][i];
                    }
                }
            }
            for (int64_t r = 0; r < rows; ++r) {
                uint16_t* y = static_cast<uint16_t*>(call.y) + (m0 + r) * call.y_row + n0;
                for (int64_t i = 0; i < columns; ++i) {
                    y[i] = T::rounded(llm_int8::with_outliers(T::value(y[i]), tile.sums[r][i], call.w_scale[n0 + i]));
                }
            }
        }
    }
}

// By type of x.
#define BY_TYPE(part)                                                                           \
    [](const LlmInt8& call, int64_t begin, int64_t end) {                                       \
        call.type == ENVDOCTOR_FLOAT16 ? part<Half>(call, begin, end) : part<Bfloat16>(call, begin, end); \
    }
#define LLM_INT8_PARTS {BY_TYPE(flag_columns), BY_TYPE(quantize_rows), BY_TYPE(add_outliers)}

}  // namespace
