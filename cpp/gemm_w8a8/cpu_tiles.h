// The loops that all CPU variants share: they differ in how one tile of sums is made (Micro).
//
// Micro::kRows x Micro::kPanels panels are one tile, held in registers. Weights come as unsigned numbers 128 too large,
// activations as they are; what is too much, 128 times the sum of a row of x, is taken off again: the instruction that
// multiplies and adds bytes wants one side unsigned, and this side costs nothing per call.
#pragma once

#include "gemm_w8a8/gemm_w8a8.h"

namespace {

// A panel of plain weights [n, k] in the packed layout, for k values from k_begin on.
inline void pack_panel(const int8_t* w, int64_t w_row, int64_t columns, int64_t k, uint8_t* panel) {
    for (int64_t group = 0; group < ceil_div(k, kGroup); ++group) {
        for (int64_t column = 0; column < kPanel; ++column) {
            for (int64_t i = 0; i < kGroup; ++i) {
                const int64_t at = group * kGroup + i;
                const int8_t value = column < columns && at < k ? w[column * w_row + at] : 0;
                *panel++ = static_cast<uint8_t>(value) ^ 0x80;
            }
        }
    }
}

// Sums of stored products for `rows` rows and `panels` panels: sums[row][panel * 16 + column].
template <class Micro, int64_t Rows = Micro::kRows>
inline void sums_of(
    const int8_t* x, int64_t x_row, int64_t rows, const uint8_t* w, int64_t panels, int64_t k, int32_t* sums) {
    if constexpr (Rows > 1) {
        if (rows < Rows) return sums_of<Micro, Rows - 1>(x, x_row, rows, w, panels, k, sums);
    }
    Micro::template sums<Rows>(x, x_row, w, panels, k, sums);
}

// The usual output, a row at a time, so that the compiler can use vectors: float32 and 16 bits, without zero points.
inline bool store_row(const Epilogue& out, int64_t item, int64_t m, int64_t n, int64_t columns, const int32_t* sums) {
    if (out.x_zero || out.w_zero || out.relu || out.bias_type == ENVDOCTOR_INT8 ||
        out.bias_type == ENVDOCTOR_INT32 || out.y_type < ENVDOCTOR_FLOAT16) {
        return false;
    }
    float values[kPanel * 8];
    const float x_scale = out.x_scale ? out.x_scale[m * out.x_scale_step] : 1.0f;
    for (int64_t i = 0; i < columns; ++i) values[i] = static_cast<float>(sums[i]) * x_scale;
    if (out.w_scale && out.w_scale_step) {
        for (int64_t i = 0; i < columns; ++i) values[i] *= out.w_scale[n + i];
    } else if (out.w_scale) {
        for (int64_t i = 0; i < columns; ++i) values[i] *= *out.w_scale;
    }
    if (out.bias_type == ENVDOCTOR_FLOAT32) {
        const float* bias = static_cast<const float*>(out.bias) + n;
        for (int64_t i = 0; i < columns; ++i) values[i] += out.bias_scale * bias[i];
    } else if (out.bias_type != ENVDOCTOR_NONE) {
        for (int64_t i = 0; i < columns; ++i) {
            values[i] += out.bias_scale * epilogue::load(out.bias, out.bias_type, n + i);
        }
    }
    const int64_t at = item * out.y_batch + m * out.y_row + n;
    if (out.y_type == ENVDOCTOR_FLOAT32) {
        for (int64_t i = 0; i < columns; ++i) static_cast<float*>(out.y)[at + i] = values[i];
    } else if (out.y_type == ENVDOCTOR_FLOAT16) {
        for (int64_t i = 0; i < columns; ++i) static_cast<uint16_t*>(out.y)[at + i] = epilogue::to_half(values[i]);
    } else {
        for (int64_t i = 0; i < columns; ++i) static_cast<uint16_t*>(out.y)[at + i] = epilogue::to_bfloat16(values[i]);
    }
    return true;
}

template <class Micro>
inline void store_tile(
    const GemmW8A8& call, int64_t item, int64_t m, int64_t rows, int64_t n, int64_t columns, int64_t stride,
    const int32_t* x_sums, int32_t* sums) {
    for (int64_t row = 0; row < rows; ++row, sums += stride) {
        const int32_t surplus = static_cast<int32_t>(static_cast<uint32_t>(x_sums[row]) << 7);
        for (int64_t i = 0; i < columns; ++i) {
            sums[i] = static_cast<int32_t>(static_cast<uint32_t>(sums[i]) - static_cast<uint32_t>(surplus));
        }
        if (store_row(call.out, item, m + row, n, columns, sums)) continue;
        for (int64_t i = 0; i < columns; ++i) epilogue::store(call.out, item, m + row, n + i, sums[i]);
    }
}

template <class Micro>
inline int32_t sum_of_row(const int8_t* x, int64_t k) {
    int32_t sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += x[i];
    return sum;
}

// Packed weights: rows in blocks whose sums are kept, of a block all tiles.
template <class Micro>
inline void multiply_packed(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    constexpr int64_t kBlock = 128;
    const int64_t panel_bytes = round_up(call.k, kGroup) * kPanel;
    int32_t x_sums[kBlock];
    int32_t sums[Micro::kRows * Micro::kPanels * kPanel];
    const int8_t* x_item = call.x + item * call.x_batch;
    for (int64_t begin = 0; begin < call.m; begin += kBlock) {
        const int64_t end = begin + kBlock < call.m ? begin + kBlock : call.m;
        for (int64_t m = begin; m < end; ++m) x_sums[m - begin] = sum_of_row<Micro>(x_item + m * call.x_row, call.k);
        for (int64_t panel = panel_begin; panel < panel_end; panel += Micro::kPanels) {
            const int64_t panels = panel + Micro::kPanels < panel_end ? Micro::kPanels : panel_end - panel;
            const uint8_t* w = static_cast<const uint8_t*>(call.packed) + panel * panel_bytes;
            const int64_t n = panel * kPanel;
            const int64_t columns = n + panels * kPanel < call.n ? panels * kPanel : call.n - n;
            for (int64_t m = begin; m < end; m += Micro::kRows) {
                const int64_t rows = m + Micro::kRows < end ? Micro::kRows : end - m;
                sums_of<Micro>(x_item + m * call.x_row, call.x_row, rows, w, panels, call.k, sums);
                store_tile<Micro>(call, item, m, rows, n, columns, panels * kPanel, x_sums + (m - begin), sums);
            }
        }
    }
}

// Plain weights: a panel is packed piece by piece on the stack, and a block of rows goes over each piece.
template <class Micro>
inline void multiply_plain(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    constexpr int64_t kPiece = 1024, kBlock = 64;
    uint8_t piece[kPiece * kPanel];
    int32_t x_sums[kBlock], part[Micro::kRows * kPanel], sums[kBlock * kPanel];
    uint32_t* const totals = reinterpret_cast<uint32_t*>(sums);
    for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
        const int64_t n = panel * kPanel, columns = n + kPanel < call.n ? kPanel : call.n - n;
        const int8_t* w = call.w + item * call.w_batch + n * call.w_row;
        for (int64_t begin = 0; begin < call.m; begin += kBlock) {
            const int64_t end = begin + kBlock < call.m ? begin + kBlock : call.m;
            for (int64_t i = 0; i < (end - begin) * kPanel; ++i) sums[i] = 0;
            for (int64_t i = 0; i < end - begin; ++i) x_sums[i] = 0;
            for (int64_t k = 0; k < call.k; k += kPiece) {
                const int64_t depth = k + kPiece < call.k ? kPiece : call.k - k;
                pack_panel(w + k, call.w_row, columns, depth, piece);
                const int8_t* x = call.x + item * call.x_batch + begin * call.x_row + k;
                for (int64_t m = 0; m < end - begin; m += Micro::kRows) {
                    const int64_t rows = m + Micro::kRows < end - begin ? Micro::kRows : end - begin - m;
                    sums_of<Micro>(x + m * call.x_row, call.x_row, rows, piece, 1, depth, part);
                    for (int64_t i = 0; i < rows * kPanel; ++i) totals[m * kPanel + i] += static_cast<uint32_t>(part[i]);
                    for (int64_t i = 0; i < rows; ++i) {
                        x_sums[m + i] += sum_of_row<Micro>(x + (m + i) * call.x_row, depth);
                    }
                }
            }
            store_tile<Micro>(call, item, begin, end - begin, n, columns, kPanel, x_sums, sums);
        }
    }
}

template <class Micro>
inline void multiply(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    if (call.packed) {
        multiply_packed<Micro>(call, item, panel_begin, panel_end);
    } else {
        multiply_plain<Micro>(call, item, panel_begin, panel_end);
    }
}

}  // namespace
