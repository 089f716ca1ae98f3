#include "common/epilogue.h"

#include "common/status.h"

int check_epilogue(const Epilogue& out) {
    if (!out.y) return fail(ENVDOCTOR_INVALID_ARGUMENT, "y must not be null");
    if (out.y_type < ENVDOCTOR_INT8 || out.y_type > ENVDOCTOR_FLOAT32) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no output type %lld", out.y_type);
    }
    if (out.bias_type < ENVDOCTOR_NONE || out.bias_type > ENVDOCTOR_FLOAT32 ||
        (out.bias_type != ENVDOCTOR_NONE) != (out.bias != nullptr)) {
        return fail(ENVDOCTOR_INVALID_ARGUMENT, "bias and its type %lld do not fit", out.bias_type);
    }
    if (out.w_zero && !out.x_sum) return fail(ENVDOCTOR_INVALID_ARGUMENT, "w_zero wants x_sum");
    if (out.x_zero && !out.w_sum) return fail(ENVDOCTOR_INVALID_ARGUMENT, "x_zero wants w_sum");
    return ENVDOCTOR_OK;
}
