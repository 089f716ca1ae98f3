// The loops that all CPU variants share: they differ in how one tile of sums is made (Micro).
//
// Weights come as unsigned numbers 128 too large, activations as they are; what is too much, 128 times the sum of a row
// of x, is taken off again: the instructions that multiply and add bytes want one side unsigned, and this side costs
// nothing per call.
//
// A Micro has kRows x kPanels panels, which it holds in registers; kPiece, how deep along k a piece of so many panels
// may be to stay in a cache; kDotRows, up to how many rows it does not pack plain weights for; and
//
//     sums(x, x_row, rows, w, w_panel, panels, k, add, sums)
//                                 sums[row][panel * 16 + column] (+)= products with packed weights
//     fetch(next, part, parts)    before that: which packed piece is next; of it, a part is to be fetched on the way
//     dots(x, x_row, rows, w, w_row, columns, k, sums)
//                                 sums[row][column] = products with a plain panel
//     pack(w, w_row, columns, k, panel), sum_of_row(x, k)
//     piece(call, item, n, k, panels, depth, packed)
//                                 of weights that are not packed: panels from column n on, depth from k on; PlainMicro's
//                                 packs plain weights
#pragma once

#include <string.h>

#include "gemm_w8a8/gemm_w8a8.h"

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")  // before arrays of registers are looked at, or they stay in memory
#endif

namespace {

inline uint32_t load_word(const void* from) {
    uint32_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

// Groups [begin, k / 4) of a panel of plain weights [n, k] in the packed layout.
inline void pack_panel(
    const int8_t* w, int64_t w_row, int64_t columns, int64_t k, uint8_t* panel, int64_t begin = 0) {
    const int64_t groups = ceil_div(k, kGroup);
    for (int64_t group = begin; group < groups; ++group) {
        const int64_t depth = k - group * kGroup < kGroup ? k - group * kGroup : kGroup;
        for (int64_t column = 0; column < kPanel; ++column) {
            uint32_t word = 0;
            if (column < columns) {
                const int8_t* from = w + column * w_row + group * kGroup;
                if (depth == kGroup) {
                    word = load_word(from);
                } else {
                    memcpy(&word, from, static_cast<size_t>(depth));
                }
            }
            word ^= 0x80808080u;
            memcpy(panel + (group * kPanel + column) * kGroup, &word, sizeof word);
        }
    }
}

inline uint32_t plain_dot(const int8_t* x, const int8_t* w, int64_t k) {
    uint32_t sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += static_cast<uint32_t>(int32_t(x[i]) * (int32_t(w[i]) + 128));
    return sum;
}

// What every Micro has unless it has better.
struct PlainMicro {
    static constexpr int64_t kPiece = 1024, kDotRows = 4;

    template <class Micro>
    static void piece(
        const GemmW8A8& call, int64_t item, int64_t n, int64_t k, int64_t panels, int64_t depth, uint8_t* packed) {
        for (int64_t i = 0; i < panels; ++i, n += kPanel) {
            const int8_t* from = call.w + item * call.w_batch + n * call.w_row + k;
            const int64_t columns = n + kPanel < call.n ? kPanel : call.n - n;
            Micro::pack(from, call.w_row, columns, depth, packed + i * Micro::kPiece * kPanel);
        }
    }

    static void fetch(const uint8_t*, int64_t, int64_t) {}

    static void pack(const int8_t* w, int64_t w_row, int64_t columns, int64_t k, uint8_t* panel) {
        pack_panel(w, w_row, columns, k, panel);
    }

    static int32_t sum_of_row(const int8_t* x, int64_t k) {
        int32_t sum = 0;
        for (int64_t i = 0; i < k; ++i) sum += x[i];
        return sum;
    }

    static void dots(
        const int8_t* x, int64_t x_row, int64_t rows, const int8_t* w, int64_t w_row, int64_t columns, int64_t k,
        int32_t* sums) {
        for (int64_t row = 0; row < rows; ++row) {
            for (int64_t column = 0; column < columns; ++column) {
                sums[row * kPanel + column] =
                    static_cast<int32_t>(plain_dot(x + row * x_row, w + column * w_row, k));
            }
        }
    }
};

// Values of a row become outputs, many at a time; not int32.
inline void store_values(const Epilogue& out, int64_t item, int64_t m, int64_t n, int64_t columns, float* values) {
    const int64_t at = item * out.y_batch + m * out.y_row + n;
    const float x_scale = out.x_scale ? out.x_scale[m * out.x_scale_step] : 1.0f;
    for (int64_t i = 0; i < columns; ++i) values[i] *= x_scale;
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
    if (out.relu) {
        for (int64_t i = 0; i < columns; ++i) values[i] = values[i] < 0.0f ? 0.0f : values[i];
    }
    if (out.y_type == ENVDOCTOR_FLOAT32) {
        memcpy(static_cast<float*>(out.y) + at, values, static_cast<size_t>(columns) * sizeof *values);
    } else if (out.y_type == ENVDOCTOR_FLOAT16) {
        for (int64_t i = 0; i < columns; ++i) static_cast<uint16_t*>(out.y)[at + i] = epilogue::to_half(values[i]);
    } else if (out.y_type == ENVDOCTOR_BFLOAT16) {
        for (int64_t i = 0; i < columns; ++i) static_cast<uint16_t*>(out.y)[at + i] = epilogue::to_bfloat16(values[i]);
    } else {
        for (int64_t i = 0; i < columns; ++i) {
            // Within this range, adding and taking away 1.5 * 2^23 rounds to nearest, ties to even. NaN becomes 0.
            float value = values[i] == values[i] ? values[i] : 0.0f;
            value = value < -128.0f ? -128.0f : value > 127.0f ? 127.0f : value;
            static_cast<int8_t*>(out.y)[at + i] =
                static_cast<int8_t>(static_cast<int32_t>((value + 12582912.0f) - 12582912.0f));
        }
    }
}

// Without zero points, a row at a time, so that the compiler can use vectors.
template <int64_t Columns>
inline bool store_row(const Epilogue& out, int64_t item, int64_t m, int64_t n, int64_t columns, const int32_t* sums) {
    if (out.x_zero || out.w_zero) return false;
    if (epilogue::is_exact(out)) {
        if (out.bias || out.relu) return false;
        const int64_t at = item * out.y_batch + m * out.y_row + n;
        memcpy(static_cast<int32_t*>(out.y) + at, sums, static_cast<size_t>(columns) * sizeof *sums);
        return true;
    }
    if (out.y_type == ENVDOCTOR_INT32) return false;
    float values[Columns];
    for (int64_t i = 0; i < columns; ++i) values[i] = static_cast<float>(sums[i]);
    store_values(out, item, m, n, columns, values);
    return true;
}

template <int64_t Columns>
inline void store_rows(
    const GemmW8A8& call, int64_t item, int64_t m, int64_t rows, int64_t n, int64_t columns, int64_t stride,
    const int32_t* x_sums, int32_t* sums) {
    for (int64_t row = 0; row < rows; ++row, sums += stride) {
        const uint32_t surplus = static_cast<uint32_t>(x_sums[row]) << 7;
        for (int64_t i = 0; i < columns; ++i) sums[i] = static_cast<int32_t>(static_cast<uint32_t>(sums[i]) - surplus);
        if (store_row<Columns>(call.out, item, m + row, n, columns, sums)) continue;
        for (int64_t i = 0; i < columns; ++i) epilogue::store(call.out, item, m + row, n + i, sums[i]);
    }
}

// Few rows: packing would cost more than it saves, so plain weights are multiplied along k.
template <class Micro>
inline void multiply_few(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    int32_t sums[Micro::kDotRows * kPanel], x_sums[Micro::kDotRows];
    const int8_t* x = call.x + item * call.x_batch;
    for (int64_t m = 0; m < call.m; ++m) x_sums[m] = Micro::sum_of_row(x + m * call.x_row, call.k);
    for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
        const int64_t n = panel * kPanel, columns = n + kPanel < call.n ? kPanel : call.n - n;
        const int8_t* w = call.w + item * call.w_batch + n * call.w_row;
        Micro::dots(x, call.x_row, call.m, w, call.w_row, columns, call.k, sums);
        store_rows<kPanel>(call, item, 0, call.m, n, columns, kPanel, x_sums, sums);
    }
}

// A block of rows goes over a piece of some panels while that is in the first cache; plain weights are packed there.
template <class Micro>
inline void multiply(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    constexpr int64_t kBlock = 128, kRows = Micro::kRows, kColumns = Micro::kPanels * kPanel, kPiece = Micro::kPiece;
    if (!call.packed && call.m <= Micro::kDotRows) return multiply_few<Micro>(call, item, panel_begin, panel_end);
    alignas(64) uint8_t packed[kPiece * kColumns];
    alignas(64) int32_t sums[kBlock * kColumns];
    int32_t x_sums[kBlock];
    Micro micro;
    const uint8_t* const weights = static_cast<const uint8_t*>(call.packed);
    // Where all rows are one tile, nothing is read twice.
    const int64_t deep = call.packed && call.m <= kRows ? call.k : kPiece;
    for (int64_t begin = 0; begin < call.m; begin += kBlock) {
        const int64_t rows = begin + kBlock < call.m ? kBlock : call.m - begin;
        const int8_t* x = call.x + item * call.x_batch + begin * call.x_row;
        for (int64_t m = 0; m < rows; ++m) x_sums[m] = Micro::sum_of_row(x + m * call.x_row, call.k);
        for (int64_t panel = panel_begin; panel < panel_end; panel += Micro::kPanels) {
            const int64_t panels = panel + Micro::kPanels < panel_end ? Micro::kPanels : panel_end - panel;
            const int64_t n = panel * kPanel;
            const int64_t columns = n + panels * kPanel < call.n ? panels * kPanel : call.n - n;
            if (call.k == 0) memset(sums, 0, sizeof sums);
            for (int64_t k = 0; k < call.k; k += deep) {
                const int64_t depth = k + deep < call.k ? deep : call.k - k;
                const uint8_t* w = packed;
                int64_t w_panel = kPiece * kPanel;
                if (weights) {
                    w_panel = round_up(call.k, kGroup) * kPanel;
                    w = weights + panel * w_panel + k * kPanel;
                } else {
                    Micro::template piece<Micro>(call, item, n, k, panels, depth, packed);
                }
                // The piece after this one: of these panels, or the first one of the next.
                const uint8_t* next = !weights ? nullptr : k + deep < call.k ? w + deep * kPanel : nullptr;
                if (weights && !next && panel + 2 * Micro::kPanels <= panel_end) {
                    next = weights + (panel + Micro::kPanels) * w_panel;
                }
                for (int64_t m = 0; m < rows; m += kRows) {
                    micro.fetch(next, m / kRows, ceil_div(rows, kRows));
                    micro.sums(
                        x + m * call.x_row + k, call.x_row, m + kRows < rows ? kRows : rows - m, w, w_panel, panels,
                        depth, k > 0, sums + m * panels * kPanel);
                }
            }
            store_rows<kColumns>(call, item, begin, rows, n, columns, panels * kPanel, x_sums, sums);
        }
    }
}

}  // namespace
