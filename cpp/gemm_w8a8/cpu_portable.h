// Tiles of sums by plain C++: see cpu_tiles.h.
#pragma once

#include "gemm_w8a8/cpu_tiles.h"

namespace {

struct Micro : PlainMicro {
    static constexpr int64_t kRows = 4, kPanels = 1;

    static void sums(
        const int8_t* x, int64_t x_row, int64_t rows, const uint8_t* w, int64_t, int64_t, int64_t k, bool add,
        int32_t* sums) {
        // Modulo 2^32: a large k may pass it on the way.
        uint32_t total[kRows][kPanel] = {};
        for (int64_t group = 0; group < k; group += kGroup, w += kPanel * kGroup) {
            const int64_t depth = group + kGroup < k ? kGroup : k - group;
            for (int64_t row = 0; row < rows; ++row) {
                for (int64_t i = 0; i < depth; ++i) {
                    const int32_t value = x[row * x_row + group + i];
                    for (int64_t column = 0; column < kPanel; ++column) {
                        total[row][column] += static_cast<uint32_t>(value * w[column * kGroup + i]);
                    }
                }
            }
        }
        for (int64_t i = 0; i < rows * kPanel; ++i) {
            const uint32_t before = add ? static_cast<uint32_t>(sums[i]) : 0;
            sums[i] = static_cast<int32_t>(before + total[i / kPanel][i % kPanel]);
        }
    }
};

}  // namespace
