#include "llm_int8/cuda.h"

#include "common/driver.h"
#include "common/status.h"

using namespace llm_int8_cuda;

namespace {

#define KERNEL(name) Kernel("llm_int8_cuda", "llm_int8_" name)
#define TYPES(name) {KERNEL(name "_half"), KERNEL(name "_bfloat16")}
Kernel flag_columns[2] = TYPES("flag_columns");
Kernel few1[2] = TYPES("few1");
Kernel few4[2] = TYPES("few4");
Kernel block1[2] = TYPES("block1");
Kernel block4[2] = TYPES("block4");
Kernel loop[2] = TYPES("loop");
Kernel narrow[2] = TYPES("narrow");
Kernel wide_tiles[2] = TYPES("wide");

int type_of(const LlmInt8& call) { return call.type == ENVDOCTOR_BFLOAT16; }
int64_t vectors_of_row(const LlmInt8& call) { return ceil_div(call.k, 8); }

template <class Shape>
int launch_tiles(Kernel& kernel, const LlmInt8& call, int device, void* stream) {
    const int64_t tiles_n = ceil_div(call.n, Tile<Shape>::kColumns), tiles_m = ceil_div(call.m, Tile<Shape>::kRows);
    if (tiles_m > 65535) return fail(ENVDOCTOR_NOT_SUPPORTED, "m = %lld is more than one launch covers", call.m);
    const Launch launch = {
        {static_cast<unsigned>(tiles_n), static_cast<unsigned>(tiles_m), 1}, Tile<Shape>::kThreads, 0, 1, true};
    return kernel.launch(device, stream, launch, &call);
}

}  // namespace

bool llm_int8_fits_block(const LlmInt8& call, int vectors) {
    return !vectors || vectors_of_row(call) <= int64_t{kMaxThreads} * vectors;
}

int llm_int8_cuda_take_apart(const LlmInt8& call, int device, void* stream, int vectors, bool few) {
    if (call.m >= INT32_MAX) return fail(ENVDOCTOR_NOT_SUPPORTED, "%lld rows are more than one launch covers", call.m);
    const int type = type_of(call);
    if (!few) {
        const unsigned pieces = static_cast<unsigned>(ceil_div(call.k, kFlagColumns));
        const int64_t most = call.m < 128 ? round_up(8 * call.m, 32) : kMaxThreads;
        const Launch flags = {{pieces, 1, 1}, static_cast<unsigned>(most), 0, 1, true};
        if (const int status = flag_columns[type].launch(device, stream, flags, &call)) return status;
    }
    const int64_t threads = vectors ? round_up(ceil_div(vectors_of_row(call), vectors), 32) : kLoopThreads;
    // The first block makes the list of columns.
    const Launch rows = {{static_cast<unsigned>(call.m + 1), 1, 1}, static_cast<unsigned>(threads), 0, 1, true};
    Kernel(&kernels)[2] = few ? (vectors == 1 ? few1 : few4) : vectors == 1 ? block1 : vectors == 4 ? block4 : loop;
    return kernels[type].launch(device, stream, rows, &call);
}

int llm_int8_cuda_add_outliers(const LlmInt8& call, int device, void* stream, bool wide) {
    return wide ? launch_tiles<Wide>(wide_tiles[type_of(call)], call, device, stream)
                : launch_tiles<Narrow>(narrow[type_of(call)], call, device, stream);
}
