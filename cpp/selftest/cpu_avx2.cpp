#include <immintrin.h>

#include "selftest/selftest.h"

int32_t selftest_avx2(const int8_t* a, const int8_t* b, int64_t n) {
    __m256i sums = _mm256_setzero_si256();
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
        const __m256i y = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(b + i)));
        sums = _mm256_add_epi32(sums, _mm256_madd_epi16(x, y));
    }
    alignas(32) int32_t lanes[8];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sums);
    int32_t sum = 0;
    for (int32_t lane : lanes) sum += lane;
    for (; i < n; ++i) sum += int32_t(a[i]) * int32_t(b[i]);
    return sum;
}
