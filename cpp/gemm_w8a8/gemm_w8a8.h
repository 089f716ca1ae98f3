// The contract of gemm_w8a8: int8 activations times int8 weights, the products added up in int32.
//
//     y[b, m, n] = out( sum_k (x[b, m, k] - x_zero[m]) * (w[b, n, k] - w_zero[n]) )
//
// with scales, bias, ReLU and rounding as common/epilogue.h says.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/api.h"
#include "common/epilogue.h"

// One call. Strides count elements; along k elements are adjacent. Any m, n, k, batch >= 0.
struct GemmW8A8 {
    int64_t batch, m, n, k;
    const int8_t* x;  // [batch, m, k]
    int64_t x_batch, x_row;
    const int8_t* w;  // [batch, n, k], or null where `packed` is given
    int64_t w_batch, w_row;
    const void* packed;  // weights in the device's own layout: see envdoctor_gemm_w8a8_pack
    Epilogue out;        // its n and k are set from these
    int32_t variant;     // 0: the one that the table of dispatch.cpp takes; else one of envdoctor_gemm_w8a8_variant's
    // On a GPU, 1: the kernel after this one may begin only once those before this one have ended, so that it may read what
    // they wrote before it waits for this one. 0: as soon as there is room.
    int32_t next_begins_late;
};

// Run one call. On the CPU `stream` is ignored and the call returns when it is done; on a GPU it is launched on the
// stream of that GPU. All pointers are the device's own.
ENVDOCTOR_API int envdoctor_gemm_w8a8(const GemmW8A8* call, int device, void* stream);

// Bytes of weights [n, k] in the packed layout of a device (the same for all GPUs).
ENVDOCTOR_API size_t envdoctor_gemm_w8a8_packed_bytes(int64_t n, int64_t k, int device);

// Bring weights [n, k] (rows w_row elements apart) into it. For a GPU too this runs on the CPU, with pointers of the CPU:
// it is done once, when a model is loaded.
ENVDOCTOR_API int envdoctor_gemm_w8a8_pack(const int8_t* w, int64_t w_row, int64_t n, int64_t k, int device, void* packed);

// The number of the variant that a call takes on a device; negative, with a reason, when it cannot run.
ENVDOCTOR_API int envdoctor_gemm_w8a8_variant(const GemmW8A8* call, int device);

// "cpu_avx2", "cuda_mma_tiled", "cuda_sm90a_rows64_k2"; null past the last one. Number 0 is "auto".
ENVDOCTOR_API const char* envdoctor_gemm_w8a8_variant_name(int variant);

// --- the variants -----------------------------------------------------------------------------------------------------

// All of y by the definition, one product after the other.
void gemm_w8a8_reference(const GemmW8A8& call);

// Packed weights on the CPU: panels of 16 columns; of a panel, groups of four k with the four values of each column
// side by side, as unsigned numbers 128 too large. Columns and k that are not there hold 128.
constexpr int64_t kPanel = 16, kGroup = 4;

// Columns [panel_begin, panel_end) * 16 of all rows of one batch item.
void gemm_w8a8_cpu_portable(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end);
void gemm_w8a8_cpu_avx2(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end);
void gemm_w8a8_cpu_avx512vnni(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end);
void gemm_w8a8_cpu_amx(const GemmW8A8& call, int64_t item, int64_t panel_begin, int64_t panel_end);

// Packed weights on a GPU: blocks of 64 columns and 128 k, of a row of blocks one after the other along k. A block is what
// a tensor map with a 128-byte swizzle would put into shared memory: for each column 128 bytes, of which piece p of 16
// lies at p ^ (column % 8). What is not there holds 0.
constexpr int64_t kBlockN = 64, kBlockK = 128;
void pack_for_gpu(const int8_t* w, int64_t w_row, int64_t n, int64_t k, int8_t* packed);

// On a GPU of compute capability 7.5 and newer, by mma.sync: cuda_mma.cu. Direct: packed weights and at most 16 rows.
bool fits_mma_direct(const GemmW8A8& call);
int gemm_w8a8_cuda_mma_direct(const GemmW8A8& call, int device, void* stream);
int gemm_w8a8_cuda_mma_tiled(const GemmW8A8& call, int device, void* stream);

// On Hopper, by wgmma: cuda_sm90a.cu. Packed weights, x aligned to 16 bytes; number of the shape in cuda_sm90a.cpp, and
// how many blocks share k.
bool runs_sm90a(const GemmW8A8& call, int device);
int gemm_w8a8_cuda_sm90a(const GemmW8A8& call, int device, void* stream, int shape, int split);
