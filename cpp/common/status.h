// The status that functions return, and the reason behind the last one that was not OK.
#pragma once

#include <stddef.h>

#include "common/api.h"

enum EnvdoctorStatus : int {
    ENVDOCTOR_OK = 0,
    ENVDOCTOR_INVALID_ARGUMENT = 1,  // the caller's mistake: sizes, alignment, null pointers
    ENVDOCTOR_NOT_SUPPORTED = 2,     // right, but not on this hardware
    ENVDOCTOR_NOT_BUILT = 3,         // right, but this build of the library does not have it
    ENVDOCTOR_FAILED = 4,            // should have worked
};

// Keep the reason for this thread and return the status, as in `return fail(ENVDOCTOR_INVALID_ARGUMENT, "...", k);`.
// `format` must be a literal with at most two %lld: it is put together only when somebody asks.
int fail(EnvdoctorStatus status, const char* format, long long first = 0, long long second = 0);

// The status of this thread's last failure.
int last_status();

// The name of a status, such as "invalid argument".
ENVDOCTOR_API const char* envdoctor_status_name(int status);

// Write the reason for the last failure in this thread, with its ending zero, into `out`; return its whole length.
// It is empty before the first failure. A success leaves it as it was.
ENVDOCTOR_API size_t envdoctor_last_reason(char* out, size_t size);
