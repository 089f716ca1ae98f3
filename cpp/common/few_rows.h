// What kernels for few rows of x agree on with their launch: packed weights go from memory to registers, each once.
#pragma once

#include "common/driver.h"
#include "common/types.h"

namespace few_rows {

// A block makes 32 columns; its warps, at most so many, share k; 8 rows of x are a tile.
constexpr int kColumns = 32, kTile = 8, kMostWarps = 16;
constexpr int kBytes = 4096;  // of shared memory, for each warp

// For n columns of up to 16 rows and so many k. As many warps as let all blocks run at once on a large GPU, whose processors
// have registers for 16; each has some k, or its sums cost more to add up than it saves. Measured on an H200: five warps
// where three blocks share a processor make products a seventh faster, but slower where weights have no groups to scale.
inline Launch launch(int64_t n, int64_t k, bool scales_groups) {
    constexpr int64_t kProcessors = 132, kLeastWarps = 4, kLeastK = 320;
    const int64_t blocks = ceil_div(n, kColumns);
    int64_t warps = kMostWarps / ceil_div(blocks, kProcessors);
    if (warps * kLeastK > k) warps = k / kLeastK;
    if (warps < kLeastWarps) warps = kLeastWarps;
    if (!scales_groups) warps -= warps % kLeastWarps;
    return {{static_cast<unsigned>(blocks), 1, 1}, static_cast<unsigned>(warps * 32), static_cast<unsigned>(warps * kBytes), 1, true};
}

}  // namespace few_rows
