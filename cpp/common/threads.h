// A few threads that share the work of one call on the CPU.
#pragma once

#include <stdint.h>

#include "common/api.h"

// How many threads calls may use: at most as many processors as the process may run on. 0: all of those.
ENVDOCTOR_API void envdoctor_set_threads(int count);
ENVDOCTOR_API int envdoctor_threads();

// Calls work(context, i) for every i in [0, count), on this thread and others; returns when all are done.
// Calls from several threads of the caller take turns.
void parallel(int64_t count, void (*work)(const void* context, int64_t i), const void* context);
