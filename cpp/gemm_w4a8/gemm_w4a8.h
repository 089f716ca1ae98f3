// The contract of gemm_w4a8: int8 activations times int4 weights, the products added up in int32.
//
// Weights [n, k] are signed, -8 to 7, two in a byte along k: the even one in the low half (torchao's layout). With one
// scale for each column (the epilogue's w_scale) the whole is gemm_w8a8's formula:
//
//     y[m, n] = out( sum_k x[m, k] * w[n, k] )
//
// With groups of `group` values along k each group of a column has its own scale, and may have a zero point:
//
//     y[m, n] = out( sum_g group_scale[g, n] * sum_{k in g} x[m, k] * (w[n, k] - group_zero[g, n]) )
//
// where the sums over k are exact, and those over g are float32, one after the other in variants that do not share k
// between threads.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/api.h"
#include "common/epilogue.h"

struct GemmW4A8 {
    int64_t m, n, k;  // k even
    const int8_t* x;  // [m, k], k adjacent
    int64_t x_row;
    const void* packed;        // weights: on the CPU panels, on a GPU blocks, see below
    int64_t group;             // 0: none; else a multiple of 32
    const float* group_scale;  // [ceil(k / group), group_row]
    const int8_t* group_zero;  // the same, -8 to 7; null: 0
    int64_t group_row;         // n rounded up to a multiple of 64
    Epilogue out;              // its n and k are set from these; integer outputs only without groups
    int32_t variant;           // 0: the one that the table of dispatch.cpp takes
};

ENVDOCTOR_API int envdoctor_gemm_w4a8(const GemmW4A8* call, int device, void* stream);

// Bytes of weights [n, k] in the packed layout of a device (the same for all GPUs).
ENVDOCTOR_API size_t envdoctor_gemm_w4a8_packed_bytes(int64_t n, int64_t k, int device);

// Bring weights [n, k / 2] (rows w_row bytes apart) into it, with pointers of the CPU: once, when a model is loaded.
ENVDOCTOR_API int envdoctor_gemm_w4a8_pack(const uint8_t* w, int64_t w_row, int64_t n, int64_t k, int device, void* packed);

// The number of the variant that a call takes on a device; negative, with a reason, when it cannot run.
ENVDOCTOR_API int envdoctor_gemm_w4a8_variant(const GemmW4A8* call, int device);

// The name of a variant; null past the last one. Number 0 is "auto".
ENVDOCTOR_API const char* envdoctor_gemm_w4a8_variant_name(int variant);

// --- the variants -----------------------------------------------------------------------------------------------------

// All of y by the definition, one product after the other.
void gemm_w4a8_reference(const GemmW4A8& call);

// Columns [panel_begin, panel_end) * 16 of all rows.
void gemm_w4a8_cpu_portable(const GemmW4A8& call, int64_t panel_begin, int64_t panel_end);
void gemm_w4a8_cpu_avx2(const GemmW4A8& call, int64_t panel_begin, int64_t panel_end);
void gemm_w4a8_cpu_avx512vnni(const GemmW4A8& call, int64_t panel_begin, int64_t panel_end);
void gemm_w4a8_cpu_amx(const GemmW4A8& call, int64_t panel_begin, int64_t panel_end);

// Packed weights on the CPU: panels of 16 columns; of a panel, for eight k after the other, 64 bytes: of each column four,
// the values of its first four k in the low halves, of the other four in the high halves, as unsigned numbers 8 too large.
// Columns and k that are not there hold 8.
constexpr int64_t kW4Panel = 16, kW4PanelK = 8, kW4PanelBytes = kW4Panel * kW4PanelK / 2;
constexpr int64_t w4a8_panel_at(int64_t n, int64_t k) { return n / kW4Panel * ceil_div(k, kW4PanelK) * kW4PanelBytes; }

// Packed weights on a GPU: blocks of 64 columns and 128 k, of a row of blocks one after the other along k. A block holds
// four groups of 16 columns, a group two halves of 64 k, a half 16 bytes for each of the 32 threads of a warp: register r
// (of four) has for column (r % 2) * 8 + thread / 4 the values k = r / 2 * 16 + thread % 4 * 4 + (byte) of both of its
// steps of 32 k, those of the first step in the low halves of the bytes. That is a thread's part of mma.m16n8k32 and of
// wgmma. What is not there holds 0.
constexpr int64_t kW4BlockN = 64, kW4BlockK = 128, kW4BlockBytes = kW4BlockN * kW4BlockK / 2;

// Some variants take values without groups 16 times too large, and so are their sums, until they are complete: what k may
// be for these to stay within 32 bits.
constexpr int64_t kW4MostUpperK = (1 << 17) - 1;

// On a GPU of compute capability 7.5 and newer, by mma.sync. Direct: at most 16 rows.
bool fits_mma_direct(const GemmW4A8& call);
int gemm_w4a8_cuda_mma_direct(const GemmW4A8& call, int device, void* stream);
int gemm_w4a8_cuda_mma_tiled(const GemmW4A8& call, int device, void* stream);

// On Hopper, by wgmma: groups (if any) of multiples of 128, x aligned to 16 bytes; number of the shape, and how many
// blocks share k.
bool runs_sm90a(const GemmW4A8& call, int device);
int gemm_w4a8_cuda_sm90a(const GemmW4A8& call, int device, void* stream, int shape, int split);
