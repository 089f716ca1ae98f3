#include <immintrin.h>
#include <string.h>

#include "gemm_w8a8/cpu_tiles.h"

namespace {

// vpdpbusd: 16 columns times 4 k in one instruction. 8 rows x 3 panels are 24 sums in registers, 3 registers of weights
// and one of activations: 6 loads for 24 multiplications.
struct Micro {
    static constexpr int64_t kRows = 8, kPanels = 3;

    static __m512i broadcast(const int8_t* x) {
        int32_t word;
        memcpy(&word, x, sizeof word);
        return _mm512_set1_epi32(word);
    }

    static __m512i broadcast_tail(const int8_t* x, int64_t count) {
        int32_t word = 0;
        memcpy(&word, x, static_cast<size_t>(count));
        return _mm512_set1_epi32(word);
    }

    template <int Rows, int Panels>
    static void tile(const int8_t* x, int64_t x_row, const uint8_t* w, int64_t k, int32_t* sums) {
        const int64_t groups = ceil_div(k, kGroup), whole = k / kGroup;
        // One row has too few sums to hide the latency of the instruction: even and odd groups then go their own ways.
        constexpr int kWays = Rows * Panels < 10 ? 2 : 1;
        __m512i sum[kWays][Rows][Panels];
        for (int way = 0; way < kWays; ++way)
            for (int row = 0; row < Rows; ++row)
                for (int panel = 0; panel < Panels; ++panel) sum[way][row][panel] = _mm512_setzero_si512();
        int64_t group = 0;
        for (; group + kWays <= whole; group += kWays) {
            for (int way = 0; way < kWays; ++way) {
                __m512i weights[Panels];
                for (int panel = 0; panel < Panels; ++panel) {
                    weights[panel] = _mm512_loadu_si512(w + ((panel * groups) + group + way) * kPanel * kGroup);
                }
                for (int row = 0; row < Rows; ++row) {
                    const __m512i value = broadcast(x + row * x_row + (group + way) * kGroup);
                    for (int panel = 0; panel < Panels; ++panel) {
                        sum[way][row][panel] = _mm512_dpbusd_epi32(sum[way][row][panel], weights[panel], value);
                    }
                }
            }
        }
        for (; group < groups; ++group) {
            const int64_t left = k - group * kGroup < kGroup ? k - group * kGroup : kGroup;
            for (int row = 0; row < Rows; ++row) {
                const __m512i value = broadcast_tail(x + row * x_row + group * kGroup, left);
                for (int panel = 0; panel < Panels; ++panel) {
                    const __m512i weights = _mm512_loadu_si512(w + (panel * groups + group) * kPanel * kGroup);
                    sum[0][row][panel] = _mm512_dpbusd_epi32(sum[0][row][panel], weights, value);
                }
            }
        }
        for (int row = 0; row < Rows; ++row) {
            for (int panel = 0; panel < Panels; ++panel) {
                __m512i total = sum[0][row][panel];
                for (int way = 1; way < kWays; ++way) total = _mm512_add_epi32(total, sum[way][row][panel]);
                _mm512_storeu_si512(sums + (row * Panels + panel) * kPanel, total);
            }
        }
    }

    template <int64_t Rows>
    static void sums(const int8_t* x, int64_t x_row, const uint8_t* w, int64_t panels, int64_t k, int32_t* sums) {
        switch (panels) {
            case 3: return tile<Rows, 3>(x, x_row, w, k, sums);
            case 2: return tile<Rows, 2>(x, x_row, w, k, sums);
            default: return tile<Rows, 1>(x, x_row, w, k, sums);
        }
    }
};

}  // namespace

void gemm_w8a8_cpu_avx512vnni(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    multiply<Micro>(call, item, panel_begin, panel_end);
}
