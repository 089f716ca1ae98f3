// What the variants with 512-bit registers share: packing, sums of rows, few rows on plain weights.
#pragma once

// GCC 12 says of its own intrinsics that they read what they mark as undefined.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include "gemm_w8a8/cpu_tiles.h"

namespace {

struct Avx512Micro : PlainMicro {
    static constexpr int64_t kDotRows = 8;

    static __mmask64 first_bytes(int64_t count) { return count >= 64 ? ~__mmask64{0} : (__mmask64{1} << count) - 1; }

    static int32_t sum_of_row(const int8_t* x, int64_t k) {
        __m512i sum = _mm512_setzero_si512();
        for (int64_t at = 0; at < k; at += 64) {
            const __m512i values = _mm512_maskz_loadu_epi8(first_bytes(k - at), x + at);
            sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), values);
        }
        return _mm512_reduce_add_epi32(sum);
    }

    // 16 columns x 16 groups: a square of words, turned over.
    static void turn(__m512i* row) {
        __m512i pair[16];
        UNROLL for (int i = 0; i < 16; i += 2) {
            pair[i] = _mm512_unpacklo_epi32(row[i], row[i + 1]);
            pair[i + 1] = _mm512_unpackhi_epi32(row[i], row[i + 1]);
        }
        UNROLL for (int i = 0; i < 16; i += 4) {
            row[i] = _mm512_unpacklo_epi64(pair[i], pair[i + 2]);
            row[i + 1] = _mm512_unpackhi_epi64(pair[i], pair[i + 2]);
            row[i + 2] = _mm512_unpacklo_epi64(pair[i + 1], pair[i + 3]);
            row[i + 3] = _mm512_unpackhi_epi64(pair[i + 1], pair[i + 3]);
        }
        UNROLL for (int i = 0; i < 16; i += 8) {
            UNROLL for (int j = 0; j < 4; ++j) {
                pair[i + j] = _mm512_shuffle_i32x4(row[i + j], row[i + j + 4], 0x88);
                pair[i + j + 4] = _mm512_shuffle_i32x4(row[i + j], row[i + j + 4], 0xdd);
            }
        }
        UNROLL for (int i = 0; i < 8; ++i) {
            row[i] = _mm512_shuffle_i32x4(pair[i], pair[i + 8], 0x88);
            row[i + 8] = _mm512_shuffle_i32x4(pair[i], pair[i + 8], 0xdd);
        }
    }

    static void pack(const int8_t* w, int64_t w_row, int64_t columns, int64_t k, uint8_t* panel) {
        const int64_t whole = columns == kPanel ? k / 64 * 64 : 0;
        for (int64_t at = 0; at < whole; at += 64) {
            __m512i row[16];
            UNROLL for (int i = 0; i < 16; ++i) row[i] = _mm512_loadu_si512(w + i * w_row + at);
            turn(row);
            UNROLL for (int i = 0; i < 16; ++i) {
                _mm512_storeu_si512(panel + at * kPanel + i * 64, _mm512_xor_si512(row[i], _mm512_set1_epi8(-128)));
            }
        }
        pack_panel(w, w_row, columns, k, panel, whole / kGroup);
    }

    // 4 rows x 4 columns: 16 sums, 4 registers of weights and one of activations.
    template <int Rows>
    static void dots_of(
        const int8_t* x, int64_t x_row, const int8_t* w, int64_t w_row, int64_t columns, int64_t k, int32_t* sums) {
        constexpr int kColumns = 4;
        for (int64_t column = 0; column < columns; column += kColumns) {
            const int8_t* from[kColumns];
            for (int i = 0; i < kColumns; ++i) from[i] = w + (column + i < columns ? column + i : column) * w_row;
            __m512i sum[Rows][kColumns];
            UNROLL for (int row = 0; row < Rows; ++row) {
                UNROLL for (int i = 0; i < kColumns; ++i) sum[row][i] = _mm512_setzero_si512();
            }
            for (int64_t at = 0; at < k; at += 64) {
                const __mmask64 there = first_bytes(k - at);
                __m512i weights[kColumns];
                UNROLL for (int i = 0; i < kColumns; ++i) {
                    const __m512i bytes = _mm512_maskz_loadu_epi8(there, from[i] + at);
                    weights[i] = _mm512_xor_si512(bytes, _mm512_set1_epi8(-128));
                }
                UNROLL for (int row = 0; row < Rows; ++row) {
                    const __m512i value = _mm512_maskz_loadu_epi8(there, x + row * x_row + at);
                    UNROLL for (int i = 0; i < kColumns; ++i) {
                        sum[row][i] = _mm512_dpbusd_epi32(sum[row][i], weights[i], value);
                    }
                }
            }
            for (int row = 0; row < Rows; ++row) {
                for (int i = 0; i < kColumns && column + i < columns; ++i) {
                    sums[row * kPanel + column + i] = _mm512_reduce_add_epi32(sum[row][i]);
                }
            }
        }
    }

    static void dots(
        const int8_t* x, int64_t x_row, int64_t rows, const int8_t* w, int64_t w_row, int64_t columns, int64_t k,
        int32_t* sums) {
        int64_t row = 0;
        for (; row + 4 <= rows; row += 4) {
            dots_of<4>(x + row * x_row, x_row, w, w_row, columns, k, sums + row * kPanel);
        }
        for (; row < rows; ++row) {
            dots_of<1>(x + row * x_row, x_row, w, w_row, columns, k, sums + row * kPanel);
        }
    }
};

}  // namespace
