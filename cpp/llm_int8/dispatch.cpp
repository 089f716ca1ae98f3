#include "common/cpu.h"
#include "common/driver.h"
#include "common/status.h"
#include "common/threads.h"
#include "gemm_w8a8/gemm_w8a8.h"
#include "llm_int8/llm_int8.h"
#include "quantize/quantize.h"

namespace {

// Kernels count columns and k in 32 bits.
constexpr int64_t kMost = int64_t{1} << 30;

bool is_aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

int check(const LlmInt8& call) {
    if (call.m < 0 || call.n < 0 || call.k < 0) return fail(ENVDOCTOR_INVALID_ARGUMENT, "sizes must not be negative");
    if (call.n > kMost || call.k > kMost) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "n and k must be at most %lld", kMost);
    }
    if (call.type != ENVDOCTOR_FLOAT16 && call.type != ENVDOCTOR_BFLOAT16) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "x and y must be float16 or bfloat16, not type %lld", call.type);
    }
    if (!(call.threshold >= 0.0f)) return fail(ENVDOCTOR_INVALID_ARGUMENT, "the threshold must not be negative or NaN");
    if (call.m == 0) return ENVDOCTOR_OK;
    if (!call.scale || (call.k && (!call.x || !call.q))) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "x, q and scale must not be null");
    }
    if (call.threshold != 0.0f && call.k && (!call.flags || !call.columns || !call.count)) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "flags, columns and count must not be null where there is a threshold");
    }
    if (call.bias_type != ENVDOCTOR_NONE && !call.bias) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "a bias of type %lld must not be null", call.bias_type);
    }
    if (!is_aligned(call.q) || !is_aligned(call.flags) || call.q_row % 16) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "q, its rows and flags must be aligned to 16 bytes");
    }
    if (call.y && call.n && (!call.w_scale || (call.k && !call.packed))) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "packed and w_scale must not be null");
    }
    return ENVDOCTOR_OK;
}

// Nothing can be an outlier: what is left is quantize and gemm_w8a8.
bool is_plain(const LlmInt8& call) { return call.threshold == 0.0f || call.k == 0; }

int quantize_plainly(const LlmInt8& call, int device, void* stream) {
    Quantize rows = {};
    rows.rows = call.m, rows.k = call.k;
    rows.x = call.x, rows.x_row = call.x_row, rows.x_type = call.type;
    rows.q = call.q, rows.q_row = call.q_row, rows.scale = call.scale;
    rows.kind = QUANTIZE_ROWS_127;
    return envdoctor_quantize(&rows, device, stream);
}

int multiply(const LlmInt8& call, int device, void* stream) {
    GemmW8A8 gemm = {};
    gemm.batch = 1, gemm.m = call.m, gemm.n = call.n, gemm.k = call.k;
    gemm.x = call.q, gemm.x_row = call.q_row, gemm.packed = call.packed;
    gemm.out.y = call.y, gemm.out.y_row = call.y_row, gemm.out.y_type = call.type;
    gemm.out.x_scale = call.scale, gemm.out.x_scale_step = 1;
    gemm.out.w_scale = call.w_scale, gemm.out.w_scale_step = 1;
    gemm.out.bias = call.bias, gemm.out.bias_type = call.bias_type, gemm.out.bias_scale = 1.0f;
    gemm.next_begins_late = 1;  // cuda.cu says why
    return envdoctor_gemm_w8a8(&gemm, device, stream);
}

using CpuPart = void (*)(const LlmInt8& call, int64_t begin, int64_t end);

// A range of columns or rows that threads share.
struct Work {
    CpuPart part;
    const LlmInt8* call;
    int64_t size, count;
};

void do_piece(const void* context, int64_t i) {
    const Work& work = *static_cast<const Work*>(context);
    const int64_t begin = i * work.size, end = begin + work.size;
    work.part(*work.call, begin, end < work.count ? end : work.count);
}

void share(CpuPart part, const LlmInt8& call, int64_t count, int64_t size) {
    const Work work = {part, &call, size, count};
    parallel(ceil_div(count, size), do_piece, &work);
}

// What one piece of work has at least: a thread costs as much as a few thousand elements.
constexpr int64_t kElementsOfPiece = 32768;

void take_apart_on_cpu(const LlmInt8& call, const LlmInt8Cpu& parts) {
    share(parts.flag_columns, call, call.k, round_up(ceil_div(kElementsOfPiece, call.m), 64));
    *call.count = 0;
    for (int64_t k = 0; k < call.k; ++k) {
        if (call.flags[k]) call.columns[(*call.count)++] = static_cast<int32_t>(k);
    }
    share(parts.quantize_rows, call, call.m, ceil_div(kElementsOfPiece, call.k));
}

struct Variant {
    const char* name;
    const LlmInt8Cpu* cpu;
    int vectors;     // of the block that has a row
    bool wide, few;  // tiles of y; rows, at most kFewest
};

enum Index { kAuto, kReference, kPortable, kAvx2, kAvx512, kFew1, kFew4, kBlock1, kBlock1Wide, kBlock4, kBlock4Wide, kLoop,
             kLoopWide, kVariants };
#if defined(__x86_64__)
#define X86(parts) &parts
#else
#define X86(parts) nullptr
#endif
const Variant variants[kVariants] = {
    {"auto", nullptr, 0, false, false},
    {"reference", nullptr, 0, false, false},
    {"cpu_portable", &llm_int8_cpu_portable, 0, false, false},
    {"cpu_avx2", X86(llm_int8_cpu_avx2), 0, false, false},
    {"cpu_avx512vnni", X86(llm_int8_cpu_avx512vnni), 0, false, false},
    {"cuda_few1", nullptr, 1, false, true},
    {"cuda_few4", nullptr, 4, false, true},
    {"cuda_block1", nullptr, 1, false, false},
    {"cuda_block1_wide", nullptr, 1, true, false},
    {"cuda_block4", nullptr, 4, false, false},
    {"cuda_block4_wide", nullptr, 4, true, false},
    {"cuda_loop", nullptr, 0, false, false},
    {"cuda_loop_wide", nullptr, 0, true, false},
};

// So few rows are read from the L2 by all blocks in less time than a launch takes.
constexpr int64_t kFewest = 8;
// As quantize has it: few rows take the shortest way through one, many have more bytes under way for each thread.
constexpr int64_t kFewRows = 264;
// Fewer pairs of wide tiles leave processors of a large GPU idle, and few rows most of a tile.
constexpr int64_t kFewTiles = 132, kRowsOfNarrow = 32;

bool fits_gpu(const LlmInt8& call, const Variant& variant) {
    return llm_int8_fits_block(call, variant.vectors) && (!variant.few || call.m <= kFewest);
}

int choose_on_gpu(const LlmInt8& call) {
    if (call.m <= kFewest && llm_int8_fits_block(call, 4)) return llm_int8_fits_block(call, 1) ? kFew1 : kFew4;
    const bool wide = call.m > kRowsOfNarrow && ceil_div(call.m, 128) * ceil_div(call.n, 128) > kFewTiles;
    const int first = call.m <= kFewRows && llm_int8_fits_block(call, 1) ? kBlock1
                      : llm_int8_fits_block(call, 4)                     ? kBlock4
                                                                         : kLoop;
    return wide ? first + 1 : first;
}

// The variant of a call, or -1 with a reason.
int choose(const LlmInt8& call, int device) {
    if (call.variant < 0 || call.variant >= kVariants) {
        fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no variant %lld", call.variant);
        return -1;
    }
    const bool on_cpu = device == ENVDOCTOR_CPU;
    if (!on_cpu && !computes_with(device, call.type)) return -1;
    int variant = call.variant;
    if (!variant) variant = on_cpu ? kPortable + best_vectors() : choose_on_gpu(call);
    const bool fits = on_cpu ? variant <= kPortable + best_vectors()
                             : variant >= kFew1 && fits_gpu(call, variants[variant]);
    if (!fits) fail(ENVDOCTOR_NOT_SUPPORTED, "variant %lld does not run here, or not with this call", variant);
    return fits ? variant : -1;
}

int run_on_cpu(const LlmInt8& call, const LlmInt8Cpu& parts) {
    if (is_plain(call)) {
        if (const int status = quantize_plainly(call, ENVDOCTOR_CPU, nullptr)) return status;
    } else {
        take_apart_on_cpu(call, parts);
    }
    if (!call.y) return ENVDOCTOR_OK;
    if (const int status = multiply(call, ENVDOCTOR_CPU, nullptr)) return status;
    if (is_plain(call) || !*call.count) return ENVDOCTOR_OK;
    // A few pieces for each thread, so that one that is held up does not hold up all.
    share(parts.add_outliers, call, call.n, round_up(ceil_div(call.n, envdoctor_threads() * 4), kLlmInt8Columns));
    return ENVDOCTOR_OK;
}

int run_on_gpu(const LlmInt8& call, const Variant& variant, int device, void* stream) {
    const bool plain = is_plain(call);
    const int status = plain ? quantize_plainly(call, device, stream)
                             : llm_int8_cuda_take_apart(call, device, stream, variant.vectors, variant.few);
    if (status || !call.y) return status;
    if (const int failed = multiply(call, device, stream)) return failed;
    return plain ? ENVDOCTOR_OK : llm_int8_cuda_add_outliers(call, device, stream, variant.wide);
}

}  // namespace

int envdoctor_llm_int8(const LlmInt8* call, int device, void* stream) {
    if (const int status = check(*call)) return status;
    if (call->m == 0 || (call->y && call->n == 0)) return ENVDOCTOR_OK;
    const int variant = choose(*call, device);
    if (variant < 0) return last_status();
    if (device != ENVDOCTOR_CPU) return run_on_gpu(*call, variants[variant], device, stream);
    if (variants[variant].cpu) return run_on_cpu(*call, *variants[variant].cpu);
    llm_int8_reference(*call);
    return ENVDOCTOR_OK;
}

int envdoctor_llm_int8_variant(const LlmInt8* call, int device) { return check(*call) ? -1 : choose(*call, device); }

const char* envdoctor_llm_int8_variant_name(int variant) {
    return variant >= 0 && variant < kVariants ? variants[variant].name : nullptr;
}
