// What the CPU variants share: pieces of int4 panels are widened into pieces of gemm_w8a8's, whose tiles of sums do the rest.
#pragma once

#include "gemm_w4a8/gemm_w4a8.h"
#include "gemm_w8a8/cpu_tiles.h"

namespace {

static_assert(kPanel == kW4Panel, "columns side by side");

// Values of a panel, from k on, `depth` of them (rounded up to what lies side by side), as gemm_w8a8 has them.
inline void widen(const uint8_t* panel, int64_t k, int64_t depth, uint8_t* to) {
    // Words, as compilers have no shift of bytes; what is added to a byte stays within it.
    typedef uint32_t Words __attribute__((vector_size(kW4PanelBytes)));
    constexpr uint32_t kHalves = 0x0f0f0f0f, kMore = 0x78787878;  // 8 too large before, 128 after
    const uint8_t* from = panel + k / kW4PanelK * kW4PanelBytes;
    for (int64_t i = 0; i < depth; i += kW4PanelK, from += kW4PanelBytes, to += 2 * kW4PanelBytes) {
        Words both;
        memcpy(&both, from, sizeof both);
        const Words first = (both & kHalves) + kMore, second = (both >> 4 & kHalves) + kMore;
        memcpy(to, &first, sizeof first);
        memcpy(to + sizeof first, &second, sizeof second);
    }
}

// A Micro of gemm_w8a8 whose weights, where they are not packed, are int4 panels.
template <class Micro>
struct Widened : Micro {
    static constexpr int64_t kPiece = 512, kDotRows = 0;

    template <class>
    static void piece(
        const GemmW8A8& call, int64_t, int64_t n, int64_t k, int64_t panels, int64_t depth, uint8_t* packed) {
        const uint8_t* const weights = reinterpret_cast<const uint8_t*>(call.w);
        for (int64_t i = 0; i < panels; ++i) {
            widen(weights + w4a8_panel_at(n + i * kPanel, call.k), k, depth, packed + i * kPiece * kPanel);
        }
    }
};

inline GemmW8A8 as_int8(const GemmW4A8& call) {
    GemmW8A8 same = {};
    same.batch = 1, same.m = call.m, same.n = call.n, same.k = call.k;
    same.x = call.x, same.x_row = call.x_row;
    same.w = static_cast<const int8_t*>(call.packed);
    same.out = call.out;
    return same;
}

// The sums of a group become part of a row's totals.
inline void add_group(
    const GemmW4A8& call, int64_t group, int64_t n, int64_t columns, int32_t x_sum, const int32_t* sums, float* totals) {
    const float* const scale = call.group_scale + group * call.group_row + n;
    if (call.group_zero) {
        const int8_t* const zero = call.group_zero + group * call.group_row + n;
        for (int64_t i = 0; i < columns; ++i) totals[i] += scale[i] * static_cast<float>(sums[i] - (128 + zero[i]) * x_sum);
    } else {
        for (int64_t i = 0; i < columns; ++i) totals[i] += scale[i] * static_cast<float>(sums[i] - 128 * x_sum);
    }
}

// Columns [panel_begin, panel_end) * 16: a block of rows goes over the groups of some panels.
template <class Micro>
inline void multiply_groups(const GemmW4A8& call, int64_t panel_begin, int64_t panel_end) {
    using Int4 = Widened<Micro>;
    constexpr int64_t kBlock = 128, kRows = Micro::kRows, kColumns = Micro::kPanels * kPanel, kPiece = Int4::kPiece;
    alignas(64) uint8_t packed[kPiece * kColumns];
    alignas(64) int32_t sums[kBlock * kColumns];
    alignas(64) float totals[kBlock * kColumns];
    // Of x, the sums of a row in each group: kept for all panels, where groups are not more.
    constexpr int64_t kKept = 64;
    int32_t x_sums[kBlock * kKept];
    const bool keeps = ceil_div(call.k, call.group) <= kKept;
    const GemmW8A8 same = as_int8(call);
    Int4 micro;
    for (int64_t begin = 0; begin < call.m; begin += kBlock) {
        const int64_t rows = begin + kBlock < call.m ? kBlock : call.m - begin;
        const int8_t* const x = call.x + begin * call.x_row;
        const auto sum_of_x = [&](int64_t m, int64_t first) {
            const int64_t depth = first + call.group < call.k ? call.group : call.k - first;
            return Micro::sum_of_row(x + m * call.x_row + first, depth);
        };
        for (int64_t m = 0; keeps && m < rows; ++m) {
            for (int64_t first = 0; first < call.k; first += call.group) x_sums[m * kKept + first / call.group] = sum_of_x(m, first);
        }
        for (int64_t panel = panel_begin; panel < panel_end; panel += Micro::kPanels) {
            const int64_t panels = panel + Micro::kPanels < panel_end ? Micro::kPanels : panel_end - panel;
            const int64_t n = panel * kPanel, stride = panels * kPanel;
            const int64_t columns = n + stride < call.n ? stride : call.n - n;
            memset(totals, 0, sizeof totals);
            for (int64_t first = 0; first < call.k; first += call.group) {
                const int64_t end = first + call.group < call.k ? first + call.group : call.k;
                for (int64_t k = first; k < end; k += kPiece) {
                    const int64_t depth = k + kPiece < end ? kPiece : end - k;
                    Int4::template piece<Int4>(same, 0, n, k, panels, depth, packed);
                    for (int64_t m = 0; m < rows; m += kRows) {
                        micro.sums(
                            x + m * call.x_row + k, call.x_row, m + kRows < rows ? kRows : rows - m, packed,
                            kPiece * kPanel, panels, depth, k > first, sums + m * stride);
                    }
                }
                const int64_t group = first / call.group;
                for (int64_t m = 0; m < rows; ++m) {
                    const int32_t x_sum = keeps ? x_sums[m * kKept + group] : sum_of_x(m, first);
                    add_group(call, group, n, columns, x_sum, sums + m * stride, totals + m * stride);
                }
            }
            for (int64_t m = 0; m < rows; ++m) store_values(call.out, 0, begin + m, n, columns, totals + m * stride);
        }
    }
}

template <class Micro>
inline void multiply_int4(const GemmW4A8& call, int64_t panel_begin, int64_t panel_end) {
    if (call.group) return multiply_groups<Micro>(call, panel_begin, panel_end);
    multiply<Widened<Micro>>(as_int8(call), 0, panel_begin, panel_end);
}

}  // namespace
