// The contract of layernorm_q: what stands between two int8 products of a transformer block, in one pass.
//
//     sum = residual + x * x_scale                       rounded to residual's type, and handed out
//     q = rint(clamp(layernorm(sum) * gamma + beta))     to -128 ... 127; gamma and beta carry 1 / output scale
//
// float32 throughout. sum is exact by definition: product, addition and rounding to the type, one after the other. Mean
// and variance are sums in an order of each variant's own, but none in which a value passes through more than
// 160 + k / 1024 additions: from that the test derives how far q may be off.
#pragma once

#include <stdint.h>

#include "common/api.h"
#include "common/types.h"

// One call. Strides count elements; along k elements are adjacent. Any rows, k >= 0.
struct LayernormQ {
    int64_t rows, k;
    const int32_t* x;  // [rows, k]
    int64_t x_row;
    const void* residual;  // [rows, k]
    int64_t residual_row;
    const void* gamma;  // [k]
    const void* beta;   // [k]
    void* sum;          // [rows, k]
    int64_t sum_row;
    int8_t* q;  // [rows, k]
    int64_t q_row;
    float x_scale, eps;
    int32_t type;             // of residual and sum, EnvdoctorType: FLOAT16, BFLOAT16, FLOAT32
    int32_t parameters_type;  // of gamma and beta, one of the same
    int32_t variant;          // 0: the one that dispatch.cpp takes; else the number of one
};

// Run one call. On the CPU `stream` is ignored and the call returns when it is done; on a GPU it is launched on the
// stream of that GPU. All pointers are the device's own.
ENVDOCTOR_API int envdoctor_layernorm_q(const LayernormQ* call, int device, void* stream);

// "cpu_avx2", "cuda_block2"; null past the last one. Number 0 is "auto".
ENVDOCTOR_API const char* envdoctor_layernorm_q_variant_name(int variant);

// --- the variants ----------------------------------------------------------------------------------------------------

// All rows by the definition, one element after the other, mean and variance in float64.
void layernorm_q_reference(const LayernormQ& call);

// Rows [begin, end).
void layernorm_q_cpu_portable(const LayernormQ& call, int64_t begin, int64_t end);
void layernorm_q_cpu_avx2(const LayernormQ& call, int64_t begin, int64_t end);
void layernorm_q_cpu_avx512vnni(const LayernormQ& call, int64_t begin, int64_t end);

// On a GPU: a row in the registers of a warp or of a block, or read again and again where it does not fit. `vectors` of
// 16 bytes of residual for each thread; 0: read again.
int layernorm_q_cuda_warp(const LayernormQ& call, int device, void* stream);
int layernorm_q_cuda_block(const LayernormQ& call, int device, void* stream, int vectors);

// Whether a row fits, and can be moved in pieces of 16 bytes.
bool layernorm_q_fits_warp(const LayernormQ& call);
bool layernorm_q_fits_block(const LayernormQ& call, int vectors);
