#include "common/cpu.h"
#include "common/driver.h"
#include "common/status.h"
#include "common/threads.h"
#include "gemm_w8a8/cpu_tiles.h"
#include "gemm_w8a8/gemm_w8a8.h"

namespace {

int check(const GemmW8A8& call) {
    if (call.batch < 0 || call.m < 0 || call.n < 0 || call.k < 0) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative");
    }
    if (call.batch == 0 || call.m == 0 || call.n == 0) return ENVDOCTOR_OK;
    if (call.k && (!call.x || (!call.w && !call.packed))) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "x, and w or packed, must not be null");
    }
    if (call.packed && call.batch != 1) return fail(ENVDOCTOR_INVALID_ARGUMENT, "packed weights have no batch");
    return check_epilogue(call.out);
}

using CpuVariant = void (*)(const GemmW8A8&, int64_t, int64_t, int64_t);

CpuVariant cpu_variant() {
#if defined(__x86_64__)
    if (envdoctor_cpu_level() >= ENVDOCTOR_CPU_AVX512VNNI) return gemm_w8a8_cpu_avx512vnni;
    if (envdoctor_cpu_level() >= ENVDOCTOR_CPU_AVX2) return gemm_w8a8_cpu_avx2;
#endif
    return gemm_w8a8_cpu_portable;
}

// A few pieces for each thread, so that one that is held up does not hold up all; whole tiles of every variant.
constexpr int64_t kPiecesPerThread = 4, kTile = 3;

struct Work {
    const GemmW8A8* call;
    CpuVariant variant;
    int64_t pieces, panels_of_piece, panels;
};

void do_piece(const void* context, int64_t i) {
    const Work& work = *static_cast<const Work*>(context);
    const int64_t begin = i % work.pieces * work.panels_of_piece;
    const int64_t end = begin + work.panels_of_piece < work.panels ? begin + work.panels_of_piece : work.panels;
    work.variant(*work.call, i / work.pieces, begin, end);
}

int on_cpu(const GemmW8A8& call) {
    const int64_t panels = ceil_div(call.n, kPanel);
    const int64_t share = ceil_div(panels * call.batch, envdoctor_threads() * kPiecesPerThread);
    const int64_t size = round_up(share < panels ? share : panels, kTile);
    const Work work = {&call, cpu_variant(), ceil_div(panels, size), size, panels};
    parallel(work.pieces * call.batch, do_piece, &work);
    return ENVDOCTOR_OK;
}

struct Panels {
    const int8_t* w;
    int64_t w_row, n, k;
    uint8_t* packed;
};

void pack_one(const void* context, int64_t panel) {
    const Panels& of = *static_cast<const Panels*>(context);
    const int64_t n = panel * kPanel, columns = n + kPanel < of.n ? kPanel : of.n - n;
    pack_panel(of.w + n * of.w_row, of.w_row, columns, of.k, of.packed + panel * round_up(of.k, kGroup) * kPanel);
}

}  // namespace

int envdoctor_gemm_w8a8(const GemmW8A8* given, int device, void* stream) {
    if (const int status = check(*given)) return status;
    if (given->batch == 0 || given->m == 0 || given->n == 0) return ENVDOCTOR_OK;
    GemmW8A8 call = *given;
    call.out.n = call.n;
    call.out.k = call.k;
    return device == ENVDOCTOR_CPU ? on_cpu(call) : gemm_w8a8_cuda_mma(call, device, stream);
}

size_t envdoctor_gemm_w8a8_packed_bytes(int64_t n, int64_t k, int device) {
    if (n < 0 || k < 0) return 0;
    if (device == ENVDOCTOR_CPU) return static_cast<size_t>(round_up(n, kPanel) * round_up(k, kGroup));
    return static_cast<size_t>(round_up(n, kBlockN) * round_up(k, kBlockK));
}

int envdoctor_gemm_w8a8_pack(const int8_t* w, int64_t w_row, int64_t n, int64_t k, int device, void* packed) {
    if (n < 0 || k < 0) return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative");
    if (n && k && (!w || !packed)) return fail(ENVDOCTOR_INVALID_ARGUMENT, "w and packed must not be null");
    const Panels panels = {w, w_row, n, k, static_cast<uint8_t*>(packed)};
    if (device == ENVDOCTOR_CPU) {
        parallel(ceil_div(n, kPanel), pack_one, &panels);
    } else {
        pack_for_mma(w, w_row, n, k, static_cast<int8_t*>(packed));
    }
    return ENVDOCTOR_OK;
}

const char* envdoctor_gemm_w8a8_variant(const GemmW8A8* call, int device) {
    if (check(*call)) return nullptr;
    if (device != ENVDOCTOR_CPU) return device_capability(device) < 0 ? nullptr : "cuda_mma";
    const CpuVariant variant = cpu_variant();
    if (variant == gemm_w8a8_cpu_portable) return "cpu_portable";
    return variant == gemm_w8a8_cpu_avx2 ? "cpu_avx2" : "cpu_avx512vnni";
}
