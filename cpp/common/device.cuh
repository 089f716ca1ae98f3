// Instructions that kernels of several families use, each with what older architectures do instead.
#pragma once

#include <stdint.h>

#define DEVICE __device__ __forceinline__

// Programmatic dependent launch: until here a kernel may touch nothing that the kernel before it writes, weights apart.
// Every kernel of the library says this, in every block: only then may a chain of them overlap.
DEVICE void wait_for_previous_kernel() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// The kernel after this one may begin, up to its own wait: what a kernel says first, so that the next one's blocks stand by
// with their weights as soon as there is room for them. Said after the wait instead, the next one may read before its own
// wait, past the L1, what was there before this kernel: cuda.cu of llm_int8 does.
DEVICE void let_next_kernel_begin() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// c[16 x 8] += a[16 x 32] * b[32 x 8] of one warp, int8 to int32, modulo 2^32. Turing has a quarter of it.
DEVICE void mma_int8(int (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
                 : "+r"(c[0]), "+r"(c[1]) : "r"(a[0]), "r"(b0));
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
                 : "+r"(c[0]), "+r"(c[1]) : "r"(a[2]), "r"(b1));
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
                 : "+r"(c[2]), "+r"(c[3]) : "r"(a[1]), "r"(b0));
    asm volatile("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
                 : "+r"(c[2]), "+r"(c[3]) : "r"(a[3]), "r"(b1));
#endif
}

// c[16 x 8] += a[16 x 16] * b[16 x 8] of one warp, float16 to float32. Turing has half of it.
DEVICE void mma_half(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(b0));
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[2]), "r"(a[3]), "r"(b1));
#endif
}

// The same of bfloat16, which Turing does not have: nothing is added there.
DEVICE void mma_bfloat16(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

DEVICE unsigned shared_address(const void* pointer) { return static_cast<unsigned>(__cvta_generic_to_shared(pointer)); }

// Where bytes 16 * part of a row of 128 lie, so that those of eight rows below each other fall into different banks.
DEVICE int swizzled_128(int row, int part) { return row * 128 + ((part ^ (row & 7)) << 4); }

// Four 8 x 16 byte matrices from shared memory into the registers of a warp, as mma wants them.
DEVICE void load_matrices(unsigned (&into)[4], unsigned address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(into[0]), "=r"(into[1]), "=r"(into[2]), "=r"(into[3]) : "r"(address));
}

// 16 bytes that are read once: they shall not push others out of the L1.
DEVICE uint4 load_once(const void* address) {
    uint4 value;
    asm volatile("ld.global.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(value.x), "=r"(value.y), "=r"(value.z), "=r"(value.w) : "l"(address));
    return value;
}

// The same from anywhere, and of at most `count` of them: what is not there is 0.
__device__ __noinline__ inline uint4 sixteen_by_bytes(const int8_t* from, int64_t count) {
    uint4 value = make_uint4(0, 0, 0, 0);
#pragma unroll 1
    for (int i = 0; i < 16 && i < count; ++i) reinterpret_cast<int8_t*>(&value)[i] = from[i];
    return value;
}

// Copies `bytes` (0 to 16) of 16 to shared memory and fills up with zeros; `from` is 16-byte aligned. Ampere and newer
// do it in the background, in order of copies_begun().
DEVICE void copy16(void* to, const void* from, int bytes) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(bytes) : "memory");
#else
    uint4 value = make_uint4(0, 0, 0, 0);
    if (bytes == 16) {
        value = *static_cast<const uint4*>(from);
    } else {
        for (int i = 0; i < bytes; ++i) reinterpret_cast<char*>(&value)[i] = static_cast<const char*>(from)[i];
    }
    *static_cast<uint4*>(to) = value;
#endif
}

DEVICE void store_shared(unsigned address, const uint4& value) {
    asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(value.x), "r"(value.y), "r"(value.z), "r"(value.w)
                 : "memory");
}

// The same of all 16 and without a branch, by threads that have a part in it.
DEVICE void copy16_if(bool has_part, unsigned to, const void* from) {
#if __CUDA_ARCH__ >= 800
    asm volatile("{\n.reg .pred has_part;\nsetp.ne.b32 has_part, %2, 0;\n@has_part cp.async.cg.shared.global [%0], [%1], 16;\n}" ::
                     "r"(to), "l"(from), "r"(static_cast<int>(has_part)) : "memory");
#else
    if (has_part) store_shared(to, *static_cast<const uint4*>(from));
#endif
}

DEVICE void copies_begun() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Until at most `left` of the groups of copies are under way.
template <int left>
DEVICE void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory");
#endif
}
