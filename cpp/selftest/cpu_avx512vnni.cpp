#include <immintrin.h>

#include "selftest/selftest.h"

int32_t selftest_avx512vnni(const int8_t* a, const int8_t* b, int64_t n) {
    __m512i sums = _mm512_setzero_si512();
    int64_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const __m512i x = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + i)));
        const __m512i y = _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(b + i)));
        sums = _mm512_dpwssd_epi32(sums, x, y);
    }
    // Not _mm512_reduce_add_epi32: gcc 12's header warns of an uninitialised value in it.
    alignas(64) int32_t lanes[16];
    _mm512_store_si512(lanes, sums);
    int32_t sum = 0;
    for (int32_t lane : lanes) sum += lane;
    for (; i < n; ++i) sum += int32_t(a[i]) * int32_t(b[i]);
    return sum;
}
