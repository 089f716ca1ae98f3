// The contract of quantize: rows of floating point numbers to int8, each element read once.
//
// Dynamic, a scale for each row:  v = x / smooth,  scale = largest |v| / 127,  q = rint(v * (1 / scale))
// Static, a scale for all:        q = saturate(rint(x * (1 / scale)) + zero)
//
// Every operation is one of float32 with one rounding, as arithmetic.h has it, so all variants give the same bits.
#pragma once

#include <stdint.h>

#include "common/api.h"
#include "common/types.h"

enum QuantizeKind : int {
    QUANTIZE_ROWS_127 = 0,    // scale = largest / 127: -127 to 127
    QUANTIZE_ROWS_127_5 = 1,  // scale = largest / 127.5: -128 to 127, as torchao has it
    QUANTIZE_STATIC = 2,
};

// One call. Strides count elements; along k elements are adjacent. Any rows, k >= 0.
struct Quantize {
    int64_t rows, k;
    const void* x;  // [rows, k]
    int64_t x_row;
    int8_t* q;  // [rows, k]
    int64_t q_row;
    float* scale;         // [rows]; static: [1], and read
    const int32_t* zero;  // static: [1] or null; -128 to 127, others count as the nearest of these
    const float* smooth;  // dynamic: [k] or null
    int32_t* sums;        // [rows] or null: of q over k
    int32_t x_type;       // EnvdoctorType: FLOAT16, BFLOAT16, FLOAT32
    int32_t kind;         // QuantizeKind
    int32_t variant;      // 0: the one that dispatch.cpp takes; else the number of one
};

// Run one call. On the CPU `stream` is ignored and the call returns when it is done; on a GPU it is launched on the
// stream of that GPU. All pointers are the device's own.
ENVDOCTOR_API int envdoctor_quantize(const Quantize* call, int device, void* stream);

// "cpu_avx2", "cuda_block4"; null past the last one. Number 0 is "auto".
ENVDOCTOR_API const char* envdoctor_quantize_variant_name(int variant);

// --- the variants ----------------------------------------------------------------------------------------------------

// All rows by the definition, one element after the other.
void quantize_reference(const Quantize& call);

// Rows [begin, end).
void quantize_cpu_portable(const Quantize& call, int64_t begin, int64_t end);
void quantize_cpu_avx2(const Quantize& call, int64_t begin, int64_t end);
void quantize_cpu_avx512vnni(const Quantize& call, int64_t begin, int64_t end);

// On a GPU: a row in the registers of a warp or of a block, or read twice where it does not fit. `vectors` of 16 bytes
// for each thread; 0: read twice.
int quantize_cuda_warp(const Quantize& call, int device, void* stream);
int quantize_cuda_block(const Quantize& call, int device, void* stream, int vectors);

// Whether a row fits, and can be moved in pieces of 16 bytes.
bool quantize_fits_warp(const Quantize& call);
bool quantize_fits_block(const Quantize& call, int vectors);
