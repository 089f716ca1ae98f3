#include "common/hopper_choice.h"

#include "common/hopper_launch.h"
#include "common/types.h"

namespace hopper {

constexpr int64_t kLeastSharedK = 1024;

static float microseconds(const Cost& cost, int64_t m, int64_t n, int64_t k) {
    const int64_t blocks = ceil_div(m, cost.shape.rows) * ceil_div(n, cost.shape.columns) * cost.split;
    return cost.start + cost.round * static_cast<float>(ceil_div(blocks, cost.at_once)) * static_cast<float>(k) / 4096;
}

int cheapest(const Cost* costs, int count, int64_t m, int64_t n, int64_t k) {
    const Cost* best = nullptr;
    for (const Cost* cost = costs; cost < costs + count; ++cost) {
        if (cost->split > 1 && k < kLeastSharedK) continue;
        if (!best || microseconds(*cost, m, n, k) < microseconds(*best, m, n, k)) best = cost;
    }
    return best->variant;
}

int split_of(int64_t blocks, int64_t steps, int64_t most, int64_t least) {
    int split = 1;
    for (int next = 2; next <= 4; next *= 2) {
        const bool idle = blocks * next <= kProcessors && steps >= least * next;
        if (idle || (blocks * next <= most && steps >= least * next * next)) split = next;
    }
    return split;
}

}  // namespace hopper
