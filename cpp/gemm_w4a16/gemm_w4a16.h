// The contract of gemm_w4a16: float16 or bfloat16 activations times weights of 4 or 8 bits (GPTQ's).
//
//     y[m, n] = sum_k x[m, k] * (q[k, n] - zero[g, n]) * scale[g, n] + bias[n],   g = k / group
//
// The sums are float32, in an order that each variant has for itself; y is rounded once, to the type of x. Variants for
// many rows may round (q - zero) * scale to the type of x before, where scale is of that type too. Groups are
// equally long and lie one after the other along k: what a checkpoint has otherwise was made so when it was packed.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/api.h"
#include "common/types.h"

struct GemmW4A16 {
    int64_t m, n, k;
    const void* x;  // [m, k], k adjacent
    int64_t x_row;  // strides count elements
    const void* packed;          // codes: on the CPU in panels, on a GPU in blocks, see below
    int64_t group;               // a multiple of 32
    const uint32_t* scale_zero;  // [ceil(k / group), group_row]: the scale's 16 bits, above them the zero point's 8
    int64_t group_row;           // n rounded up to a multiple of 64
    void* y;                     // [m, n], n adjacent
    int64_t y_row;
    const void* bias;    // [n]
    int32_t bits;        // 4 or 8: what a code takes in the blocks of a GPU
    int32_t type;        // of x and y: FLOAT16 or BFLOAT16
    int32_t scale_type;  // FLOAT16 or BFLOAT16
    int32_t bias_type;   // FLOAT16, BFLOAT16, FLOAT32; NONE without bias
    int32_t variant;     // 0: the one that the table of dispatch.cpp takes
};

ENVDOCTOR_API int envdoctor_gemm_w4a16(const GemmW4A16* call, int device, void* stream);

// Bytes of weights [k, n] in the packed layout of a device (the same for all GPUs).
ENVDOCTOR_API size_t envdoctor_gemm_w4a16_packed_bytes(int64_t n, int64_t k, int bits, int device);

// Bring codes [k, n], each in a byte, into it, with pointers of the CPU: once, when a model is loaded.
ENVDOCTOR_API int envdoctor_gemm_w4a16_pack(
    const uint8_t* codes,
    int64_t n,
    int64_t k,
    int bits,
    int device,
    void* packed);

// The number of the variant that a call takes on a device; negative, with a reason, when it cannot run.
ENVDOCTOR_API int envdoctor_gemm_w4a16_variant(const GemmW4A16* call, int device);

// The name of a variant; null past the last one. Number 0 is "auto".
ENVDOCTOR_API const char* envdoctor_gemm_w4a16_variant_name(int variant);

// --- the variants ----------------------------------------------------------------------------------------------------

// Columns [begin, end) of y, begin a multiple of 64: threads share a call by columns.
void gemm_w4a16_reference(const GemmW4A16& call, int64_t begin, int64_t end);
void gemm_w4a16_cpu_portable(const GemmW4A16& call, int64_t begin, int64_t end);
void gemm_w4a16_cpu_avx2(const GemmW4A16& call, int64_t begin, int64_t end);
void gemm_w4a16_cpu_avx512vnni(const GemmW4A16& call, int64_t begin, int64_t end);

// Codes on the CPU: panels of 64 columns one after the other, in each bytes [k, 64]; columns that are not there hold 0.
constexpr int64_t kW4A16Panel = 64;
constexpr int64_t w4a16_panel_at(int64_t n, int64_t k, int64_t size_k) {
    return (n / kW4A16Panel * size_k + k) * kW4A16Panel + n % kW4A16Panel;
}

// Codes on a GPU: blocks of 64 columns and 64 k, of a row of blocks one after the other along k. A block holds four
// groups of 16 columns; a group, for each of the 32 threads of a warp, what the thread hands to mma.m16n8k16 or to wgmma
// in four steps of 16 k. Word r (of four) is of column r % 2 * 8 + thread / 4, and holds for each step the codes of two
// neighbours, k = step * 16 + r / 2 * 8 + thread % 4 * 2 and k + 1. What is not there holds 0.
//
// 4 bits: 16 bytes for a thread. Bits 4 * step of a word hold the first neighbour, bits 16 + 4 * step the second: what
// one AND takes out of it is the pair.
// 8 bits: 16 bytes for a thread and half of the steps. Bytes step % 2 and step % 2 + 2.
constexpr int64_t kW4A16BlockN = 64, kW4A16BlockK = 64;

// On a GPU of compute capability 7.5 and newer, by mma.sync; bfloat16 from 8.0 on. Direct: at most 16 rows.
// Tiles of 64 rows and 128 columns, or narrow ones of 64.
int gemm_w4a16_cuda_mma_direct(const GemmW4A16& call, int device, void* stream);
int gemm_w4a16_cuda_mma_tiled(const GemmW4A16& call, int device, void* stream);
int gemm_w4a16_cuda_mma_narrow(const GemmW4A16& call, int device, void* stream);

// On Hopper, by wgmma: groups of multiples of 64 (or one of all k), x aligned to 16 bytes; number of the shape, and how
// many blocks share k.
bool runs_sm90a(const GemmW4A16& call, int device);
int gemm_w4a16_cuda_sm90a(const GemmW4A16& call, int device, void* stream, int shape, int split);
