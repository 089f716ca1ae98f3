#pragma once
#if __cplusplus < 201703L
#error "C++17 or later compatible compiler is required to use PyTorch."
#endif
#include <cuda_runtime.h>
#include <Python.h>
