#include <immintrin.h>
#include <string.h>

#include "gemm_w8a8/cpu_tiles.h"

namespace {

// Bytes are widened to 16 bits, since the instruction that multiplies bytes saturates between its two products. Each
// 32-bit lane then holds half of a column's sum: two of four k.
struct Micro {
    static constexpr int64_t kRows = 3, kPanels = 1;

    static __m256i broadcast(const int8_t* x, int64_t count) {
        int32_t word = 0;
        if (count == kGroup) {
            memcpy(&word, x, sizeof word);
        } else {
            memcpy(&word, x, static_cast<size_t>(count));
        }
        return _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(_mm_cvtsi32_si128(word)));
    }

    template <int64_t Rows>
    static void sums(const int8_t* x, int64_t x_row, const uint8_t* w, int64_t, int64_t k, int32_t* sums) {
        constexpr int kParts = 4;  // of a panel: 4 columns each
        __m256i sum[Rows][kParts];
        for (int row = 0; row < Rows; ++row)
            for (int part = 0; part < kParts; ++part) sum[row][part] = _mm256_setzero_si256();
        for (int64_t group = 0; group < k; group += kGroup, w += kPanel * kGroup) {
            const int64_t depth = group + kGroup < k ? kGroup : k - group;
            __m256i values[Rows];
            for (int row = 0; row < Rows; ++row) values[row] = broadcast(x + row * x_row + group, depth);
            for (int part = 0; part < kParts; ++part) {
                const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w + part * 16));
                const __m256i weights = _mm256_cvtepu8_epi16(bytes);
                for (int row = 0; row < Rows; ++row) {
                    const __m256i products = _mm256_madd_epi16(weights, values[row]);
                    sum[row][part] = _mm256_add_epi32(sum[row][part], products);
                }
            }
        }
        for (int row = 0; row < Rows; ++row) {
            for (int part = 0; part < kParts; part += 2) {
                // Adds neighbours, and leaves the columns of both parts interleaved by pairs.
                const __m256i pairs = _mm256_hadd_epi32(sum[row][part], sum[row][part + 1]);
                const __m256i ordered = _mm256_permute4x64_epi64(pairs, 0xd8);
                _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + row * kPanel + part * 4), ordered);
            }
        }
    }
};

}  // namespace

void gemm_w8a8_cpu_avx2(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    multiply<Micro>(call, item, panel_begin, panel_end);
}
