// What kernels for few rows of x agree on with their launch: packed weights go from memory to registers, each once.
#pragma once

#include "common/driver.h"
#include "common/types.h"

namespace few_rows {

// A block makes 32 columns; its warps, at most so many, share k; 8 rows of x are a tile.
constexpr int kColumns = 32, kTile = 8, kMostWarps = 16;
constexpr int kBytes = 4096;  // of shared memory, for each warp

// For n columns of up to 16 rows, and so many steps along k. Blocks are as large as lets all of them run at once on a large
// GPU, whose processors have registers for 16 warps, and gives each warp as many steps as it has under way.
inline Launch launch(int64_t n, int64_t steps) {
    constexpr int64_t kProcessors = 132, kAhead = 4;
    const int64_t blocks = ceil_div(n, kColumns);
    unsigned warps = kMostWarps;
    while (warps > 4 && (blocks * warps > kProcessors * kMostWarps || warps * kAhead > steps)) warps /= 2;
    return {{static_cast<unsigned>(blocks), 1, 1}, warps * 32, warps * kBytes, 1, true};
}

}  // namespace few_rows
