#include "common/status.h"

#include <stdio.h>

namespace {

// 32 bytes, not a buffer: a library that is loaded late shares a small fixed area of thread-local storage with
// every other such library of the process, and a crowded process refuses one that wants more than is left.
struct Reason {
    const char* format;
    long long first;
    long long second;
    EnvdoctorStatus status;
};

thread_local Reason last = {"", 0, 0, ENVDOCTOR_OK};

}  // namespace

int fail(EnvdoctorStatus status, const char* format, long long first, long long second) {
    last = {format, first, second, status};
    return status;
}

int last_status() { return last.status; }

const char* envdoctor_status_name(int status) {
    switch (status) {
        case ENVDOCTOR_OK: return "ok";
        case ENVDOCTOR_INVALID_ARGUMENT: return "invalid argument";
        case ENVDOCTOR_NOT_SUPPORTED: return "not supported";
        case ENVDOCTOR_NOT_BUILT: return "not built";
        case ENVDOCTOR_FAILED: return "failed";
    }
    return "unknown status";
}

size_t envdoctor_last_reason(char* out, size_t size) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
    int length = snprintf(out, size, last.format, last.first, last.second);
#pragma GCC diagnostic pop
    return length < 0 ? 0 : static_cast<size_t>(length);
}
