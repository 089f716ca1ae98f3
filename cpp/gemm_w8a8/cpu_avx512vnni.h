// Tiles of sums by AVX-512 with VNNI: see cpu_tiles.h.
#pragma once

#include "gemm_w8a8/cpu_avx512.h"

namespace {

// vpdpbusd: 16 columns times 4 k in one instruction. 8 rows x 3 panels are 24 sums in registers, 3 registers of weights
// and one of activations: 11 loads for 24 multiplications.
struct Micro : Avx512Micro {
    static constexpr int64_t kRows = 8, kPanels = 3;

    template <int Rows, int Panels>
    __attribute__((noinline)) static void tile(
        const int8_t* x, int64_t x_row, const uint8_t* w, int64_t w_panel, int64_t groups, bool add, int32_t* sums) {
        // One row has too few sums to hide the latency of the instruction: even and odd groups then go their own ways.
        constexpr int kWays = Rows * Panels < 10 ? 2 : 1, kStep = kPanel * kGroup;
        __m512i sum[kWays][Rows][Panels];
        UNROLL for (int row = 0; row < Rows; ++row) {
            UNROLL for (int panel = 0; panel < Panels; ++panel) {
                const int32_t* before = sums + (row * Panels + panel) * kPanel;
                sum[0][row][panel] = add ? _mm512_loadu_si512(before) : _mm512_setzero_si512();
                if (kWays > 1) sum[kWays - 1][row][panel] = _mm512_setzero_si512();
            }
        }
        for (; groups > 0; groups -= kWays, w += kWays * kStep, x += kWays * kGroup) {
            UNROLL for (int way = 0; way < kWays; ++way) {
                if (way && groups < 2) break;
                __m512i weights[Panels];
                UNROLL for (int panel = 0; panel < Panels; ++panel) {
                    weights[panel] = _mm512_loadu_si512(w + panel * w_panel + way * kStep);
                }
                UNROLL for (int row = 0; row < Rows; ++row) {
                    const uint32_t word = load_word(x + row * x_row + way * kGroup);
                    const __m512i value = _mm512_set1_epi32(static_cast<int>(word));
                    UNROLL for (int panel = 0; panel < Panels; ++panel) {
                        sum[way][row][panel] = _mm512_dpbusd_epi32(sum[way][row][panel], weights[panel], value);
                    }
                }
            }
        }
        UNROLL for (int row = 0; row < Rows; ++row) {
            UNROLL for (int panel = 0; panel < Panels; ++panel) {
                __m512i total = sum[0][row][panel];
                if (kWays > 1) total = _mm512_add_epi32(total, sum[kWays - 1][row][panel]);
                _mm512_storeu_si512(sums + (row * Panels + panel) * kPanel, total);
            }
        }
    }

    template <int Rows>
    static void rows_of(
        const int8_t* x, int64_t x_row, int64_t rows, const uint8_t* w, int64_t w_panel, int64_t panels, int64_t groups,
        bool add, int32_t* sums) {
        if constexpr (Rows > 1) {
            if (rows < Rows) return rows_of<Rows - 1>(x, x_row, rows, w, w_panel, panels, groups, add, sums);
        }
        switch (panels) {
            case 3: return tile<Rows, 3>(x, x_row, w, w_panel, groups, add, sums);
            case 2: return tile<Rows, 2>(x, x_row, w, w_panel, groups, add, sums);
            default: return tile<Rows, 1>(x, x_row, w, w_panel, groups, add, sums);
        }
    }

    static void sums(
        const int8_t* x, int64_t x_row, int64_t rows, const uint8_t* w, int64_t w_panel, int64_t panels, int64_t k,
        bool add, int32_t* sums) {
        const int64_t whole = k / kGroup, left = k % kGroup;
        rows_of<kRows>(x, x_row, rows, w, w_panel, panels, whole, add, sums);
        if (!left) return;
        int8_t last[kRows * kGroup] = {};
        for (int64_t row = 0; row < rows; ++row) {
            memcpy(last + row * kGroup, x + row * x_row + whole * kGroup, static_cast<size_t>(left));
        }
        rows_of<kRows>(last, kGroup, rows, w + whole * kGroup * kPanel, w_panel, panels, 1, true, sums);
    }
};

}  // namespace
