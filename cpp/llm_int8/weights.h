// Where a single weight lies in gemm_w8a8's packed layouts, see gemm_w8a8.h.
#pragma once

#include "gemm_w8a8/gemm_w8a8.h"

namespace llm_int8 {

// On a GPU, as a distance in bytes that is the sum of two: what the column says and what k says of it.
EPILOGUE int64_t place_of_column(int64_t n, int64_t size_k) {
    const int64_t blocks = (size_k + kBlockK - 1) / kBlockK;
    return n / kBlockN * blocks * (kBlockN * kBlockK) + n % kBlockN * kBlockK;
}
EPILOGUE int64_t place_in_column(int n, int k) {
    const int piece = k / 16 % 8 ^ n % 8;
    return k / static_cast<int>(kBlockK) * (kBlockN * kBlockK) + piece * 16 + k % 16;
}

// On a CPU.
EPILOGUE int64_t place_in_panels(int64_t n, int64_t k, int64_t size_k) {
    const int64_t groups = (size_k + kGroup - 1) / kGroup;
    return ((n / kPanel * groups + k / kGroup) * kPanel + n % kPanel) * kGroup + k % kGroup;
}

}  // namespace llm_int8
