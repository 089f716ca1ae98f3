#include "gemm_w8a8/cpu_tiles.h"

namespace {

struct Micro {
    static constexpr int64_t kRows = 4, kPanels = 1;

    template <int64_t Rows>
    static void sums(const int8_t* x, int64_t x_row, const uint8_t* w, int64_t, int64_t k, int32_t* sums) {
        for (int64_t i = 0; i < Rows * kPanel; ++i) sums[i] = 0;
        for (int64_t group = 0; group < k; group += kGroup, w += kPanel * kGroup) {
            const int64_t depth = group + kGroup < k ? kGroup : k - group;
            for (int64_t row = 0; row < Rows; ++row) {
                for (int64_t i = 0; i < depth; ++i) {
                    const int32_t value = x[row * x_row + group + i];
                    for (int64_t column = 0; column < kPanel; ++column) {
                        // Modulo 2^32: a large k may pass it on the way.
                        uint32_t& sum = reinterpret_cast<uint32_t&>(sums[row * kPanel + column]);
                        sum += static_cast<uint32_t>(value * w[column * kGroup + i]);
                    }
                }
            }
        }
    }
};

}  // namespace

void gemm_w8a8_cpu_portable(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end) {
    multiply<Micro>(call, item, panel_begin, panel_end);
}
