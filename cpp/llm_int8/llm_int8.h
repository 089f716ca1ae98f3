// The contract of llm_int8: 16-bit activations times int8 weights, a few columns of which carry large activations and
// are multiplied as they are (LLM.int8()).
//
//     O = {k : some |x[m, k]| >= threshold}                      the outlier columns, of all rows
//     scale[m] = (largest |x[m, k]| below the threshold) / 127
//     q[m, k] = rint(x[m, k] * (1 / scale[m])), 0 for k in O     as quantize has it
//     y[m, n] = sum_k q[m, k] * w[n, k] * scale[m] * w_scale[n] + bias[n] + w_scale[n] * sum_{k in O} x[m, k] * w[n, k]
//
// What is an outlier is found on the device, and the host never asks how many there are: the launches are the same for
// any x, so a CUDA graph may hold them. Nothing has to be zeroed before.
#pragma once

#include <stdint.h>

#include "common/api.h"
#include "common/types.h"

// One call. Strides count elements; along k and n elements are adjacent. Any m, n, k >= 0, n and k at most 2^30.
struct LlmInt8 {
    int64_t m, n, k;
    const void* x;  // [m, k]
    int64_t x_row;
    const void* packed;    // weights in gemm_w8a8's layout of the device
    const float* w_scale;  // [n]
    const void* bias;      // [n]
    void* y;               // [m, n]; null: only what x is taken apart into
    int64_t y_row;
    // Room for what x is taken apart into. The call writes it before it reads it.
    int8_t* q;         // [m, k], aligned to 16 bytes
    int64_t q_row;     // a multiple of 16
    float* scale;      // [m]
    uint8_t* flags;    // [k rounded up to 64], aligned to 16 bytes: 0xff for outlier columns, else 0
    int32_t* columns;  // [k]: O in rising order, `count` of them
    int32_t* count;    // [1]
    float threshold;   // 0: there are no outliers, and flags, columns and count are not touched
    int32_t type;      // of x and y, an EnvdoctorType: FLOAT16 or BFLOAT16
    int32_t bias_type;  // FLOAT16, BFLOAT16, FLOAT32; NONE without bias
    int32_t variant;    // 0: the one that dispatch.cpp takes; else the number of one
};

// Run one call. On the CPU `stream` is ignored and the call returns when it is done; on a GPU it is launched on the
// stream of that GPU. All pointers are the device's own.
ENVDOCTOR_API int envdoctor_llm_int8(const LlmInt8* call, int device, void* stream);

// The number of the variant that a call takes on a device; negative, with a reason, when it cannot run.
ENVDOCTOR_API int envdoctor_llm_int8_variant(const LlmInt8* call, int device);

// "cpu_avx2", "cuda_few1", "cuda_block4_wide"; null past the last one. Number 0 is "auto".
ENVDOCTOR_API const char* envdoctor_llm_int8_variant_name(int variant);

// --- the variants ----------------------------------------------------------------------------------------------------

// All of it by the definition, one element after the other.
void llm_int8_reference(const LlmInt8& call);

// What threads on the CPU share: flags of columns [begin, end); q and scale of rows; the outliers' part of columns of y.
struct LlmInt8Cpu {
    void (*flag_columns)(const LlmInt8& call, int64_t begin, int64_t end);
    void (*quantize_rows)(const LlmInt8& call, int64_t begin, int64_t end);
    void (*add_outliers)(const LlmInt8& call, int64_t begin, int64_t end);  // begin: a multiple of kLlmInt8Columns
};
constexpr int64_t kLlmInt8Columns = 64;
extern const LlmInt8Cpu llm_int8_cpu_portable, llm_int8_cpu_avx2, llm_int8_cpu_avx512vnni;

// On a GPU of compute capability 7.5 and newer, bfloat16 from 8.0 on. A row in the registers of a block, `vectors` of 16
// bytes for each thread; 0: read twice. Few: each row's block looks for outliers in all rows, so that one launch does.
bool llm_int8_fits_block(const LlmInt8& call, int vectors);
int llm_int8_cuda_take_apart(const LlmInt8& call, int device, void* stream, int vectors, bool few);
// Tiles of 32 rows and 64 columns of y, or wide ones of 64 and 128.
int llm_int8_cuda_add_outliers(const LlmInt8& call, int device, void* stream, bool wide);
