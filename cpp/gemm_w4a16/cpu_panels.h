// The loops of all CPU variants: a variant is this file and its flags, which say how wide a vector is.
#pragma once

#include <string.h>

#include "common/cpu_elements.h"
#include "gemm_w4a16/gemm_w4a16.h"

namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16, kRowsAtOnce = 6;
#elif defined(__AVX2__)
constexpr int kLanes = 8, kRowsAtOnce = 3;
#else
constexpr int kLanes = 4, kRowsAtOnce = 3;
#endif
typedef float Vector __attribute__((vector_size(kLanes * 4)));

// 64 k of a panel's columns, made float32 once for up to kRows rows; with their sums they stay near the L1.
constexpr int kColumns = kW4A16Panel, kPieceK = 64, kRows = 48;
// As many as registers hold the sums of, for kRowsAtOnce rows.
constexpr int kVectors = 4;

struct Panel {
    alignas(64) float weights[kPieceK][kColumns];
    alignas(64) float sums[kRows][kColumns];
    alignas(64) float x[kRows][kPieceK];
    alignas(64) float scale[kColumns];
    alignas(64) int32_t zero[kColumns];
};

template <class S>
inline void read_group(const GemmW4A16& call, int64_t group, int64_t n0, int columns, Panel& panel) {
    const uint32_t* const from = call.scale_zero + group * call.group_row + n0;
    for (int j = 0; j < columns; ++j) {
        panel.scale[j] = S::value(static_cast<uint16_t>(from[j]));
        panel.zero[j] = static_cast<int32_t>(from[j] >> 16);
    }
}

inline void widen(const uint8_t* codes, const Panel& panel, float* to) {
    for (int j = 0; j < kColumns; ++j) to[j] = static_cast<float>(codes[j] - panel.zero[j]) * panel.scale[j];
}

// sums[row] += x[row] * weights, for Rows rows at once; a single row in two sums, since an addition takes four cycles.
template <int Rows>
inline void multiply(Panel& panel, int row, int count) {
    constexpr int kChains = Rows == 1 ? 2 : 1;
    for (int column = 0; column < kColumns; column += kVectors * kLanes) {
        Vector sums[kChains][Rows][kVectors] = {};
        for (int k = 0; k < count; k += kChains) {
            for (int c = 0; c < kChains; ++c) {
                Vector weights[kVectors];
                memcpy(weights, panel.weights[k + c] + column, sizeof weights);
                for (int r = 0; r < Rows; ++r) {
                    for (int v = 0; v < kVectors; ++v) sums[c][r][v] += panel.x[row + r][k + c] * weights[v];
                }
            }
        }
        for (int r = 0; r < Rows; ++r) {
            for (int v = 0; v < kVectors; ++v) {
                Vector before;
                float* const place = panel.sums[row + r] + column + v * kLanes;
                memcpy(&before, place, sizeof before);
                before += kChains == 2 ? sums[0][r][v] + sums[kChains - 1][r][v] : sums[0][r][v];
                memcpy(place, &before, sizeof before);
            }
        }
    }
}

template <class T>
inline void store_rows(const GemmW4A16& call, const Panel& panel, int64_t m0, int rows, int64_t n0, int columns) {
    for (int r = 0; r < rows; ++r) {
        uint16_t* const y = static_cast<uint16_t*>(call.y) + (m0 + r) * call.y_row + n0;
        for (int j = 0; j < columns; ++j) {
            const float bias =
                call.bias_type == ENVDOCTOR_NONE ? 0.0f : epilogue::load(call.bias, call.bias_type, n0 + j);
            y[j] = T::rounded(panel.sums[r][j] + bias);
        }
    }
}

template <class T, class S>
void panels(const GemmW4A16& call, int64_t begin, int64_t end) {
    Panel panel;
    memset(&panel, 0, sizeof panel);
    const uint8_t* const codes = static_cast<const uint8_t*>(call.packed);
    for (int64_t m0 = 0; m0 < call.m; m0 += kRows) {
        const int rows = static_cast<int>(call.m - m0 < kRows ? call.m - m0 : kRows);
        for (int64_t n0 = begin; n0 < end; n0 += kColumns) {
            const int columns = static_cast<int>(end - n0 < kColumns ? end - n0 : kColumns);
            memset(panel.sums, 0, sizeof panel.sums[0] * static_cast<size_t>(rows));
            int64_t group = -1;
            for (int64_t k0 = 0; k0 < call.k; k0 += kPieceK) {
                const int count = static_cast<int>(call.k - k0 < kPieceK ? call.k - k0 : kPieceK);
                const uint8_t* const from = codes + w4a16_panel_at(n0, k0, call.k);
                for (int k = 0; k < count; ++k) {
                    if (k % 32 == 0 && (k0 + k) / call.group != group) {
                        read_group<S>(call, group = (k0 + k) / call.group, n0, columns, panel);
                    }
                    widen(from + k * kColumns, panel, panel.weights[k]);
                }
                for (int r = 0; r < rows; ++r) {
                    const uint16_t* const x = static_cast<const uint16_t*>(call.x) + (m0 + r) * call.x_row + k0;
                    for (int k = 0; k < count; ++k) panel.x[r][k] = T::value(x[k]);
                }
                // Rows that take k two at a time find zeros behind the last.
                const int even = count + count % 2;
                if (even != count) {
                    memset(panel.weights[count], 0, sizeof panel.weights[count]);
                    for (int r = 0; r < rows; ++r) panel.x[r][count] = 0.0f;
                }
                int r = 0;
                for (; r + kRowsAtOnce <= rows; r += kRowsAtOnce) multiply<kRowsAtOnce>(panel, r, even);
                for (; r + 2 <= rows; r += 2) multiply<2>(panel, r, even);
                if (r < rows) multiply<1>(panel, r, even);
            }
            store_rows<T>(call, panel, m0, rows, n0, columns);
        }
    }
}

inline void panels_of_any_type(const GemmW4A16& call, int64_t begin, int64_t end) {
    const bool half = call.type == ENVDOCTOR_FLOAT16, scale_half = call.scale_type == ENVDOCTOR_FLOAT16;
    if (half && scale_half) return panels<Half, Half>(call, begin, end);
    if (half) return panels<Half, Bfloat16>(call, begin, end);
    if (scale_half) return panels<Bfloat16, Half>(call, begin, end);
    return panels<Bfloat16, Bfloat16>(call, begin, end);
}

}  // namespace
