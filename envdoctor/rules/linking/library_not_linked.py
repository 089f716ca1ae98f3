"""A library that the code uses is not on the link line.

## What it means

The compiler accepts a declaration, and the linker finds no definition: "undefined reference to `cblas_sgemm'",
"nvlink error : Undefined reference". The library is not named, is named before the objects that need it (with
static archives the order matters), or device code of several objects is linked without relocatable device code.

## How envdoctor knows

It cannot be foreseen: which functions a source calls, and which library defines them, is only known when it is
compiled. It is known from the linker's lines "undefined reference to" and "nvlink error : Undefined reference".

## What to do

Name the library that defines the symbol after the objects (`-lopenblas`, `-lcblas`, `CUDA::cublas`,
`target_link_libraries`). For device symbols compile all objects with `-rdc=true` (CMake:
CUDA_SEPARABLE_COMPILATION) and link them together on the device.

## When to ignore it

When the symbol is torch's or the C++ library's and the message comes at import: then see torch-abi-mismatch.
"""

from envdoctor.finding import Severity

SEVERITY = Severity.ERROR
