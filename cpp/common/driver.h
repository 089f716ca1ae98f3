// The CUDA driver as this library uses it: the few functions, asked for by name, and the device code loaded for each GPU.
//
// The library does not open libcuda: whoever has it open hands in its cuGetProcAddress. So one file loads on machines
// with and without a driver, and it needs no CUDA runtime of any version.
#pragma once

#include <stdint.h>

#include "common/api.h"

// The process's cuGetProcAddress (either version of it). Once is enough; before, every call for a GPU is refused.
ENVDOCTOR_API int envdoctor_use_driver(void* get_proc_address);

// Compute capability of a GPU as 90 for 9.0, or -1 with a reason.
int device_capability(int device);

// Whether a GPU computes with float16 or bfloat16; if not, with a reason.
bool computes_with(int device, int type);

// Whether a GPU runs what a family has for Hopper alone: it is one, this build has that code, and the driver knows tensor
// maps (12.0).
bool runs_hopper(int device, const char* family);

// Where a row-major matrix of bytes lies (rows `stride` bytes apart, a multiple of 16 as its address), for copies of boxes
// of 128 bytes of `box_rows` rows: a CUtensorMap with a 128-byte swizzle. Returns a status.
int encode_rows(void* tensor_map, const void* data, int64_t rows, int64_t row_bytes, int64_t stride, int box_rows);

struct Launch {
    unsigned grid[3];
    unsigned threads;
    unsigned shared_bytes;   // dynamic
    unsigned cluster;        // blocks along x that share memory; 1: none
    bool overlaps;           // may begin while the kernel before it ends (griddepcontrol.wait stands in it)
};

// A kernel of a family's image. Defined once as a static object; the function is looked up at the first launch on each
// GPU and kept.
class Kernel {
public:
    constexpr Kernel(const char* family, const char* name) : family_(family), name_(name), functions_{} {}
    // Launch with one argument block, on the stream of that GPU, whatever GPU is current. Returns a status.
    int launch(int device, void* stream, const Launch& launch, const void* arguments);

private:
    void* function(int device);
    static constexpr int kDevices = 32;
    const char* family_;
    const char* name_;
    void* functions_[kDevices];
};
