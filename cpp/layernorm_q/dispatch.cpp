#include "common/cpu.h"
#include "common/driver.h"
#include "common/status.h"
#include "common/threads.h"
#include "layernorm_q/layernorm_q.h"

namespace {

bool is_float(int type) { return type >= ENVDOCTOR_FLOAT16 && type <= ENVDOCTOR_FLOAT32; }

int check(const LayernormQ& call) {
    if (call.rows < 0 || call.k < 0) return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative");
    if (!is_float(call.type) || !is_float(call.parameters_type)) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "types must be float16, bfloat16 or float32, not %lld and %lld",
                    call.type, call.parameters_type);
    }
    if (call.rows == 0 || call.k == 0) return ENVDOCTOR_OK;
    if (!call.x || !call.residual || !call.gamma || !call.beta || !call.sum || !call.q) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "x, residual, gamma, beta, sum and q must not be null");
    }
    return ENVDOCTOR_OK;
}

using CpuVariant = void (*)(const LayernormQ&, int64_t, int64_t);

// What one piece of work has at least: a thread costs as much as a few thousand elements.
constexpr int64_t kElementsOfPiece = 16384;

struct Work {
    const LayernormQ* call;
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
    int (*run)(const LayernormQ& call, int device, void* stream, const Variant& self);
    CpuVariant cpu;
    int vectors;
};

int run_reference(const LayernormQ& call, int, void*, const Variant&) {
    layernorm_q_reference(call);
    return ENVDOCTOR_OK;
}
int run_cpu(const LayernormQ& call, int, void*, const Variant& self) {
    const Work work = {&call, self.cpu, ceil_div(kElementsOfPiece, call.k)};
    parallel(ceil_div(call.rows, work.rows_of_piece), do_piece, &work);
    return ENVDOCTOR_OK;
}
int run_warp(const LayernormQ& call, int device, void* stream, const Variant&) {
    return layernorm_q_cuda_warp(call, device, stream);
}
int run_block(const LayernormQ& call, int device, void* stream, const Variant& self) {
    return layernorm_q_cuda_block(call, device, stream, self.vectors);
}

enum Index { kAuto, kReference, kPortable, kAvx2, kAvx512, kWarp, kBlock1, kBlock2, kBlock4, kLoop, kVariants };
#if !defined(__x86_64__)
#define layernorm_q_cpu_avx2 nullptr
#define layernorm_q_cpu_avx512vnni nullptr
#endif
const Variant variants[kVariants] = {
    {"auto", nullptr, nullptr, 0},
    {"reference", run_reference, nullptr, 0},
    {"cpu_portable", run_cpu, layernorm_q_cpu_portable, 0},
    {"cpu_avx2", run_cpu, layernorm_q_cpu_avx2, 0},
    {"cpu_avx512vnni", run_cpu, layernorm_q_cpu_avx512vnni, 0},
    {"cuda_warp", run_warp, nullptr, 0},
    {"cuda_block1", run_block, nullptr, 1},
    {"cuda_block2", run_block, nullptr, 2},
    {"cuda_block4", run_block, nullptr, 4},
    {"cuda_loop", run_block, nullptr, 0},
};

bool fits(const LayernormQ& call, int variant, bool on_cpu) {
    if (on_cpu) return variant == kReference || (variant >= kPortable && variant <= kPortable + best_vectors());
    return variant == kWarp ? layernorm_q_fits_warp(call)
                            : variant >= kBlock1 && layernorm_q_fits_block(call, variants[variant].vectors);
}

// Few rows leave processors idle: a row then goes to as many threads as it has pieces, for the shortest way through.
// Many rows: two pieces for each thread. x is four bytes an element, so even that is 96 bytes under way for each.
constexpr int64_t kFewRows = 264;  // two for each processor of an H100 or H200

int choose_on_gpu(const LayernormQ& call) {
    if (layernorm_q_fits_warp(call) && call.rows > kFewRows) return kWarp;
    int variant = call.rows <= kFewRows ? kBlock1 : kBlock2;
    while (variant < kLoop && !fits(call, variant, false)) ++variant;
    return variant;
}

}  // namespace

int envdoctor_layernorm_q(const LayernormQ* call, int device, void* stream) {
    if (const int status = check(*call)) return status;
    if (call->rows == 0 || call->k == 0) return ENVDOCTOR_OK;
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

const char* envdoctor_layernorm_q_variant_name(int variant) {
    return variant >= 0 && variant < kVariants ? variants[variant].name : nullptr;
}
