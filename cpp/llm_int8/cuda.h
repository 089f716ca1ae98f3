// What the launch of cuda.cu's kernels and the kernels themselves agree on.
#pragma once

#include "llm_int8/llm_int8.h"

namespace llm_int8_cuda {

constexpr int kMaxThreads = 1024;
// Columns of x that one block looks for outliers in, eight of them for each thread.
constexpr int kFlagColumns = 64;
// A row that is read twice.
constexpr int kLoopThreads = 512;
// The outliers' part of y: warps of 16 rows times kRowTiles and 32 columns.
struct Narrow {
    static constexpr int kRowTiles = 1, kWarpsM = 2, kWarpsN = 2;
};
struct Wide {
    static constexpr int kRowTiles = 2, kWarpsM = 2, kWarpsN = 4;
};
template <class Shape>
struct Tile {
    static constexpr int kRows = 16 * Shape::kRowTiles * Shape::kWarpsM, kColumns = 32 * Shape::kWarpsN;
    static constexpr int kThreads = 32 * Shape::kWarpsM * Shape::kWarpsN;
};

}  // namespace llm_int8_cuda
