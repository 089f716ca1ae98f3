// Which shape a product takes on Hopper: what all families decide alike, from their measured costs.
#pragma once

#include <stdint.h>

#include "common/hopper_gemm.h"

namespace hopper {

// What tiles of a shape cost, in microseconds of an H200: lines through measurements of 128 to 2048 rows with the linears
// of models of 7B to 70B. Blocks that run at once are a round. Of W8A8 tiles of 128 x 128 in turns do more at the low clock
// of a mix of fast products, those of 256 x 128 more in whole models, at first and at the limit of power: these count.
struct Cost {
    int variant;  // of the family
    Shape shape;
    int split;           // blocks that share k
    int64_t at_once;     // blocks
    float start, round;  // of a call, and of each round at k = 4096
};

// The variant that costs least; blocks share no k under 1024. One cost at least must be of blocks that share none.
int cheapest(const Cost* costs, int count, int64_t m, int64_t n, int64_t k);
template <int count>
int cheapest(const Cost (&costs)[count], int64_t m, int64_t n, int64_t k) {
    return cheapest(costs, count, m, n, k);
}

// How many blocks shall share k, as a power of two: so many that each processor has one block, or `most` blocks are there.
// Where each has few steps they cost more than they give: `least` for a block alone, the more the more share.
int split_of(int64_t blocks, int64_t steps, int64_t most, int64_t least);

}  // namespace hopper

// Of a family's table: variants of a shape, without a CPU's, in which one block has all of k, or two or four share it.
#define HOPPER_SPLITS(name, run, shape)                                                                 \
    {"cuda_sm90a_" name "_k1", run, nullptr, shape, 1}, {"cuda_sm90a_" name "_k2", run, nullptr, shape, 2}, \
        {"cuda_sm90a_" name "_k4", run, nullptr, shape, 4}
