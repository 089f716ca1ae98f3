#include "common/cpu.h"
#include "common/driver.h"
#include "common/status.h"
#include "common/threads.h"
#include "quantize/quantize.h"

namespace {

int check(const Quantize& call) {
    if (call.rows < 0 || call.k < 0) return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative");
    if (call.x_type < ENVDOCTOR_FLOAT16 || call.x_type > ENVDOCTOR_FLOAT32) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "x must be float16, bfloat16 or float32, not type %lld", call.x_type);
    }
    if (call.kind < QUANTIZE_ROWS_127 || call.kind > QUANTIZE_STATIC) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no kind %lld", call.kind);
    }
    if (call.rows == 0) return ENVDOCTOR_OK;
    if (!call.scale || (call.k && (!call.x || !call.q))) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "x, q and scale must not be null");
    }
    if (call.kind == QUANTIZE_STATIC ? call.smooth != nullptr : call.zero != nullptr) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "smooth is for rows with their own scales, zero for one scale");
    }
    return ENVDOCTOR_OK;
}

using CpuVariant = void (*)(const Quantize&, int64_t, int64_t);

// What one piece of work has at least: a thread costs as much as a few thousand elements.
constexpr int64_t kElementsOfPiece = 32768;

struct Work {
    const Quantize* call;
    CpuVariant variant;
    int64_t rows_of_piece;
};

void do_piece(const void* context, int64_t i) {
    const Work& work = *static_cast<const Work*>(context);
    const int64_t begin = i * work.rows_of_piece, end = begin + work.rows_of_piece;
    work.variant(*work.call, begin, end < work.call->rows ? end : work.call->rows);
}

// How each variant is run. What it needs of a call is in `fits`.
struct Variant {
    const char* name;
    int (*run)(const Quantize& call, int device, void* stream, const Variant& self);
    CpuVariant cpu;
    int vectors;
};

int run_reference(const Quantize& call, int, void*, const Variant&) {
    quantize_reference(call);
    return ENVDOCTOR_OK;
}
int run_cpu(const Quantize& call, int, void*, const Variant& self) {
    const Work work = {&call, self.cpu, ceil_div(kElementsOfPiece, call.k ? call.k : 1)};
    parallel(ceil_div(call.rows, work.rows_of_piece), do_piece, &work);
    return ENVDOCTOR_OK;
}
int run_warp(const Quantize& call, int device, void* stream, const Variant&) {
    return quantize_cuda_warp(call, device, stream);
}
int run_block(const Quantize& call, int device, void* stream, const Variant& self) {
    return quantize_cuda_block(call, device, stream, self.vectors);
}

enum Index {
    kAuto, kReference, kPortable, kAvx2, kAvx512, kWarp, kBlock1, kBlock2, kBlock4, kBlock8, kLoop, kVariants
};
#if !defined(__x86_64__)
#define quantize_cpu_avx2 nullptr
#define quantize_cpu_avx512vnni nullptr
#endif
const Variant variants[kVariants] = {
    {"auto", nullptr, nullptr, 0},
    {"reference", run_reference, nullptr, 0},
    {"cpu_portable", run_cpu, quantize_cpu_portable, 0},
    {"cpu_avx2", run_cpu, quantize_cpu_avx2, 0},
    {"cpu_avx512vnni", run_cpu, quantize_cpu_avx512vnni, 0},
    {"cuda_warp", run_warp, nullptr, 0},
    {"cuda_block1", run_block, nullptr, 1},
    {"cuda_block2", run_block, nullptr, 2},
    {"cuda_block4", run_block, nullptr, 4},
    {"cuda_block8", run_block, nullptr, 8},
    {"cuda_loop", run_block, nullptr, 0},
};

bool fits(const Quantize& call, int variant, bool on_cpu) {
    if (on_cpu) return variant == kReference || (variant >= kPortable && variant <= kPortable + best_vectors());
    return variant == kWarp ? quantize_fits_warp(call)
                            : variant >= kBlock1 && quantize_fits_block(call, variants[variant].vectors);
}

// Few rows leave processors idle: a row then goes to as many threads as it has pieces, for the shortest way through.
// Many rows: more pieces for each thread, so that more bytes are under way for each instruction and barrier.
constexpr int64_t kFewRows = 264;  // two for each processor of an H100 or H200

int choose_on_gpu(const Quantize& call) {
    if (quantize_fits_warp(call) && call.rows > kFewRows) return kWarp;
    const int first = call.rows <= kFewRows ? kBlock1 : kBlock4;
    for (int variant = first; variant <= kBlock8; ++variant) {
        if (fits(call, variant, false)) return variant;
    }
    return fits(call, kBlock4, false) ? kBlock4 : kLoop;
}

}  // namespace

int envdoctor_quantize(const Quantize* call, int device, void* stream) {
    if (const int status = check(*call)) return status;
    if (call->rows == 0) return ENVDOCTOR_OK;
    const bool on_cpu = device == ENVDOCTOR_CPU;
    if (!on_cpu && device_capability(device) < 0) return last_status();
    if (call->variant < 0 || call->variant >= kVariants) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no variant %lld", call->variant);
    }
    int variant = call->variant;
    if (!variant) variant = on_cpu ? kPortable + best_vectors() : choose_on_gpu(*call);
    if (!fits(*call, variant, on_cpu)) {
        return fail(ENVDOCTOR_NOT_SUPPORTED, "variant %lld does not run here, or not with this call", variant);
    }
    return variants[variant].run(*call, device, stream, variants[variant]);
}

const char* envdoctor_quantize_variant_name(int variant) {
    return variant >= 0 && variant < kVariants ? variants[variant].name : nullptr;
}
