// Tiles of sums by AVX2: see cpu_tiles.h.
#pragma once

#include <immintrin.h>

#include "gemm_w8a8/cpu_tiles.h"

namespace {

// Bytes are widened to 16 bits, since the instruction that multiplies bytes saturates between its two products. Each
// 32-bit lane then holds half of a column's sum: two of four k. 3 rows x 4 parts of a panel fill the registers.
struct Micro : PlainMicro {
    static constexpr int64_t kRows = 3, kPanels = 1, kDotRows = 8;

    static __m256i words(const int8_t* bytes) {
        return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
    }

    template <int Rows>
    static void tile(
        const int8_t* x, int64_t x_row, const uint8_t* w, int64_t groups, bool add, int32_t* sums) {
        constexpr int kParts = 4;  // of a panel: 4 columns each
        __m256i sum[Rows][kParts];
        UNROLL for (int row = 0; row < Rows; ++row) {
            UNROLL for (int part = 0; part < kParts; ++part) sum[row][part] = _mm256_setzero_si256();
        }
        for (; groups > 0; --groups, x += kGroup, w += kPanel * kGroup) {
            __m256i values[Rows];
            UNROLL for (int row = 0; row < Rows; ++row) {
                const __m128i word = _mm_cvtsi32_si128(static_cast<int>(load_word(x + row * x_row)));
                values[row] = _mm256_broadcastq_epi64(_mm_cvtepi8_epi16(word));
            }
            UNROLL for (int part = 0; part < kParts; ++part) {
                const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(w + part * 16));
                const __m256i weights = _mm256_cvtepu8_epi16(bytes);
                UNROLL for (int row = 0; row < Rows; ++row) {
                    const __m256i products = _mm256_madd_epi16(weights, values[row]);
                    sum[row][part] = _mm256_add_epi32(sum[row][part], products);
                }
            }
        }
        UNROLL for (int row = 0; row < Rows; ++row) {
            UNROLL for (int part = 0; part < kParts; part += 2) {
                // Adds neighbours, and leaves the columns of both parts interleaved by pairs.
                const __m256i pairs = _mm256_hadd_epi32(sum[row][part], sum[row][part + 1]);
                __m256i ordered = _mm256_permute4x64_epi64(pairs, 0xd8);
                __m256i* at = reinterpret_cast<__m256i*>(sums + row * kPanel + part * 4);
                if (add) ordered = _mm256_add_epi32(ordered, _mm256_loadu_si256(at));
                _mm256_storeu_si256(at, ordered);
            }
        }
    }

    static void rows_of(
        const int8_t* x, int64_t x_row, int64_t rows, const uint8_t* w, int64_t groups, bool add, int32_t* sums) {
        switch (rows) {
            case 3: return tile<3>(x, x_row, w, groups, add, sums);
            case 2: return tile<2>(x, x_row, w, groups, add, sums);
            default: return tile<1>(x, x_row, w, groups, add, sums);
        }
    }

    static void sums(
        const int8_t* x, int64_t x_row, int64_t rows, const uint8_t* w, int64_t, int64_t, int64_t k, bool add,
        int32_t* sums) {
        const int64_t whole = k / kGroup, left = k % kGroup;
        rows_of(x, x_row, rows, w, whole, add, sums);
        if (!left) return;
        int8_t last[kRows * kGroup] = {};
        for (int64_t row = 0; row < rows; ++row) {
            memcpy(last + row * kGroup, x + row * x_row + whole * kGroup, static_cast<size_t>(left));
        }
        rows_of(last, kGroup, rows, w + whole * kGroup * kPanel, 1, true, sums);
    }

    static int32_t total(__m256i sum) {
        const __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
        const __m128i pair = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
        return _mm_cvtsi128_si32(_mm_add_epi32(pair, _mm_shuffle_epi32(pair, 0xb1)));
    }

    // 2 rows x 4 columns: 8 sums, 2 registers of activations and one of weights.
    template <int Rows>
    static void dots_of(
        const int8_t* x, int64_t x_row, const int8_t* w, int64_t w_row, int64_t columns, int64_t k, int32_t* sums) {
        constexpr int kColumns = 4;
        const __m128i flip = _mm_set1_epi8(-128);
        const int64_t whole = k / 16 * 16;
        for (int64_t column = 0; column < columns; column += kColumns) {
            const int8_t* from[kColumns];
            for (int i = 0; i < kColumns; ++i) from[i] = w + (column + i < columns ? column + i : column) * w_row;
            __m256i sum[Rows][kColumns];
            UNROLL for (int row = 0; row < Rows; ++row) {
                UNROLL for (int i = 0; i < kColumns; ++i) sum[row][i] = _mm256_setzero_si256();
            }
            for (int64_t at = 0; at < whole; at += 16) {
                __m256i values[Rows];
                UNROLL for (int row = 0; row < Rows; ++row) values[row] = words(x + row * x_row + at);
                UNROLL for (int i = 0; i < kColumns; ++i) {
                    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from[i] + at));
                    const __m256i weights = _mm256_cvtepu8_epi16(_mm_xor_si128(bytes, flip));
                    UNROLL for (int row = 0; row < Rows; ++row) {
                        sum[row][i] = _mm256_add_epi32(sum[row][i], _mm256_madd_epi16(weights, values[row]));
                    }
                }
            }
            for (int row = 0; row < Rows; ++row) {
                for (int i = 0; i < kColumns && column + i < columns; ++i) {
                    const uint32_t rest = plain_dot(x + row * x_row + whole, from[i] + whole, k - whole);
                    sums[row * kPanel + column + i] =
                        static_cast<int32_t>(static_cast<uint32_t>(total(sum[row][i])) + rest);
                }
            }
        }
    }

    static void dots(
        const int8_t* x, int64_t x_row, int64_t rows, const int8_t* w, int64_t w_row, int64_t columns, int64_t k,
        int32_t* sums) {
        int64_t row = 0;
        for (; row + 2 <= rows; row += 2) {
            dots_of<2>(x + row * x_row, x_row, w, w_row, columns, k, sums + row * kPanel);
        }
        if (row < rows) dots_of<1>(x + row * x_row, x_row, w, w_row, columns, k, sums + row * kPanel);
    }
};

}  // namespace
