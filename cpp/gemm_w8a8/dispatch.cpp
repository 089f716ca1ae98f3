#include "common/cpu.h"
#include "common/driver.h"
#include "common/hopper_choice.h"
#include "common/hopper_launch.h"
#include "common/hopper_shapes.h"
#include "common/status.h"
#include "common/threads.h"
#include "common/variants.h"
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

int on_cpu(const GemmW8A8& call, CpuVariant variant, int64_t panels_of_tile) {
    const int64_t panels = ceil_div(call.n, kPanel);
    // A piece has panels of one item of the batch.
    const int64_t of_all = items_of_piece(panels * call.batch, call.m * kPanel * call.k, panels_of_tile);
    const int64_t size = of_all < panels ? of_all : round_up(panels, panels_of_tile);
    const Work work = {&call, variant, ceil_div(panels, size), size, panels};
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

// How each variant is run. What it needs of a call is in `choose`, which is the only caller that may break it.
struct Variant {
    const char* name;
    int (*run)(const GemmW8A8& call, int device, void* stream, const Variant& self);
    CpuVariant cpu;
    int shape, split;  // on a CPU, shape is the panels of a tile
};

int run_reference(const GemmW8A8& call, int, void*, const Variant&) {
    gemm_w8a8_reference(call);
    return ENVDOCTOR_OK;
}
int run_cpu(const GemmW8A8& call, int, void*, const Variant& self) { return on_cpu(call, self.cpu, self.shape); }
int run_direct(const GemmW8A8& call, int device, void* stream, const Variant&) {
    return gemm_w8a8_cuda_mma_direct(call, device, stream);
}
int run_tiled(const GemmW8A8& call, int device, void* stream, const Variant&) {
    return gemm_w8a8_cuda_mma_tiled(call, device, stream);
}
int run_sm90a(const GemmW8A8& call, int device, void* stream, const Variant& self) {
    return gemm_w8a8_cuda_sm90a(call, device, stream, self.shape, self.split);
}

enum Index { kAuto, kReference, kPortable, kAvx2, kAvx512, kAmx, kTiled, kDirect, kSm90a };
#if !defined(__x86_64__)
#define gemm_w8a8_cpu_avx2 nullptr
#define gemm_w8a8_cpu_avx512vnni nullptr
#endif
#if !defined(ENVDOCTOR_COMPILES_AMX)
#define gemm_w8a8_cpu_amx nullptr
#endif
constexpr Variant variants[] = {
    {"auto", nullptr, nullptr, 0, 0},
    {"reference", run_reference, nullptr, 0, 0},
    {"cpu_portable", run_cpu, gemm_w8a8_cpu_portable, 1, 1},
    {"cpu_avx2", run_cpu, gemm_w8a8_cpu_avx2, 1, 1},
    {"cpu_avx512vnni", run_cpu, gemm_w8a8_cpu_avx512vnni, 3, 1},
    {"cpu_amx", run_cpu, gemm_w8a8_cpu_amx, 4, 1},
    {"cuda_mma_tiled", run_tiled, nullptr, 0, 0},
    {"cuda_mma_direct", run_direct, nullptr, 0, 0},
    HOPPER_SPLITS("rows8", run_sm90a, 0),
    HOPPER_SPLITS("rows16", run_sm90a, 1),
    HOPPER_SPLITS("rows32", run_sm90a, 2),
    HOPPER_SPLITS("rows64", run_sm90a, 3),
    HOPPER_SPLITS("rows128", run_sm90a, 4),
    {"cuda_sm90a_square128", run_sm90a, nullptr, 5, 1},
    {"cuda_sm90a_turns64", run_sm90a, nullptr, 6, 1},
    {"cuda_sm90a_turns128", run_sm90a, nullptr, 7, 1},
    {"cuda_sm90a_rows256", run_sm90a, nullptr, 8, 1},
};
constexpr int kVariants = sizeof variants / sizeof *variants;

// The best that runs here. Up to 8 rows are one tile of AVX-512, and wait for weights as those of AMX do; from 9 on AMX is
// faster (measured at 4096 x 4096), and is asked of the kernel.
int most_on_cpu(const GemmW8A8& call) {
    if (variants[kAmx].cpu && (call.variant || call.m > 8) && cpu_use_amx()) return kAmx;
    return kPortable + best_vectors();
}

constexpr hopper::Cost kManyRows[] = {
    {index_of(variants, "cuda_sm90a_rows128_k2"), hopper::kRows128, 2, 132, 3.4f, 5.1f},
    {index_of(variants, "cuda_sm90a_turns64"), hopper::kTurns64, 1, 132, 2.6f, 7.6f},
    {index_of(variants, "cuda_sm90a_square128"), hopper::kSquare128, 1, 132, 2.1f, 13.3f},
    {index_of(variants, "cuda_sm90a_turns128"), hopper::kTurns128, 1, 132, 4.6f, 11.8f},
    {index_of(variants, "cuda_sm90a_rows256"), hopper::kRows256, 1, 132, 2.9f, 23.7f},
};

int choose_on_gpu(const GemmW8A8& call, int device) {
    if (!runs_sm90a(call, device)) return fits_mma_direct(call) ? kDirect : kTiled;
    if (call.m > 64) return hopper::cheapest(kManyRows, call.m, call.n, call.k);
    const int shape = call.m <= 8 ? 0 : call.m <= 16 ? 1 : call.m <= 32 ? 2 : 3;
    // Blocks of few rows wait for their stages: two on a processor ask for more at a time.
    const int64_t most = hopper::kProcessors * (call.m <= 32 ? 2 : 1);
    return kSm90a + 3 * shape + hopper::split_of(ceil_div(call.n, kBlockN), ceil_div(call.k, kBlockK), most, 8) / 2;
}

// The variant of a call, or -1 with a reason.
int choose(const GemmW8A8& call, int device) {
    if (call.variant < 0 || call.variant >= kVariants) {
        fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no variant %lld", call.variant);
        return -1;
    }
    if (device == ENVDOCTOR_CPU) {
        const int most = most_on_cpu(call), asked = call.variant ? call.variant : most;
        if (asked > kAmx || (asked > kReference && asked > most) || (asked == kReference && call.packed)) {
            fail(ENVDOCTOR_NOT_SUPPORTED, "variant %lld does not run here, or not with these weights", asked);
            return -1;
        }
        return asked;
    }
    if (device_capability(device) < 0) return -1;
    if (!call.variant) return choose_on_gpu(call, device);
    const bool fits = call.variant == kTiled || (call.variant == kDirect && fits_mma_direct(call)) ||
                      (call.variant >= kSm90a && runs_sm90a(call, device) &&
                       ceil_div(call.k, kBlockK) >= variants[call.variant].split);
    if (!fits) fail(ENVDOCTOR_NOT_SUPPORTED, "variant %lld does not run here, or not with this call", call.variant);
    return fits ? call.variant : -1;
}

}  // namespace

int envdoctor_gemm_w8a8(const GemmW8A8* given, int device, void* stream) {
    if (const int status = check(*given)) return status;
    if (given->batch == 0 || given->m == 0 || given->n == 0) return ENVDOCTOR_OK;
    GemmW8A8 call = *given;
    call.out.n = call.n;
    call.out.k = call.k;
    const int variant = choose(call, device);
    if (variant < 0) return last_status();
    return variants[variant].run(call, device, stream, variants[variant]);
}

int envdoctor_gemm_w8a8_variant(const GemmW8A8* call, int device) { return check(*call) ? -1 : choose(*call, device); }

const char* envdoctor_gemm_w8a8_variant_name(int variant) {
    return variant >= 0 && variant < kVariants ? variants[variant].name : nullptr;
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
        pack_for_gpu(w, w_row, n, k, static_cast<int8_t*>(packed));
    }
    return ENVDOCTOR_OK;
}
