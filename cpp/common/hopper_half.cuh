// Hopper's matrix products of 16-bit numbers, by inline PTX. Needs sm_90a.
//
// Source: PTX ISA 8.0, chapter on wgmma.
#pragma once

#include "common/hopper.cuh"

#define SUMS_4(i) "+f"(sum[i]), "+f"(sum[i + 1]), "+f"(sum[i + 2]), "+f"(sum[i + 3])
#define SUMS_8(i) SUMS_4(i), SUMS_4(i + 4)
#define SUMS_16(i) SUMS_8(i), SUMS_8(i + 8)
#define SUMS_32(i) SUMS_16(i), SUMS_16(i + 16)
#define SUMS_64(i) SUMS_32(i), SUMS_32(i + 32)
#define SUMS_128(i) SUMS_64(i), SUMS_64(i + 64)
#define PLACES_4 "%0, %1, %2, %3"
#define PLACES_8 PLACES_4 ", " "%4, %5, %6, %7"
#define PLACES_16 PLACES_8 ", " "%8, %9, %10, %11, %12, %13, %14, %15"
#define PLACES_32 PLACES_16 ", " "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define PLACES_64 PLACES_32 ", " \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, " \
    "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define PLACES_128 PLACES_64 ", " \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
    "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, " \
    "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
    "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"

#define PRODUCT(type, count, columns, a, b, add)                                                                   \
    asm volatile("{\n.reg .pred add;\nsetp.ne.b32 add, " add ", 0;\n"                                              \
                 "wgmma.mma_async.sync.aligned.m64n" columns "k16.f32." type "." type " {" PLACES_##count "}, {" a  \
                 "}, " b ", add, 1, 1, 0;\n}"                                                                      \
                 : SUMS_##count(0) : "r"(from.x), "r"(from.y), "r"(from.z), "r"(from.w), "l"(rows), "r"(keep))

// sum[64 x columns] (+)= a[64 x 16] * b[16 x columns]: a in the registers of four warps, 16 of its rows each, as mma.m16n8k16
// has them; b in shared memory as rows_of_128_bytes says.
#define PRODUCTS(count, columns, a, b, add)                                                          \
    template <bool bfloat16>                                                                         \
    DEVICE void products(float (&sum)[count], const uint4& from, uint64_t rows, int keep) {          \
        if constexpr (bfloat16) {                                                                    \
            PRODUCT("bf16", count, columns, a, b, add);                                              \
        } else {                                                                                     \
            PRODUCT("f16", count, columns, a, b, add);                                               \
        }                                                                                            \
    }

PRODUCTS(4, "8", "%4, %5, %6, %7", "%8", "%9")
PRODUCTS(8, "16", "%8, %9, %10, %11", "%12", "%13")
PRODUCTS(16, "32", "%16, %17, %18, %19", "%20", "%21")
PRODUCTS(32, "64", "%32, %33, %34, %35", "%36", "%37")
PRODUCTS(64, "128", "%64, %65, %66, %67", "%68", "%69")
PRODUCTS(128, "256", "%128, %129, %130, %131", "%132", "%133")
