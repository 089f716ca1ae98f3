// A few threads that share the work of one call on the CPU.
#pragma once

#include <stdint.h>

#include "common/api.h"

// How many threads calls may use: at most as many processors as the process may run on, and at most 64, which share the
// bandwidth of a socket. 0: all of those.
ENVDOCTOR_API void envdoctor_set_threads(int count);
ENVDOCTOR_API int envdoctor_threads();

// Calls work(context, i) for every i in [0, count), on this thread and others; returns when all are done.
// Calls from several threads of the caller take turns.
void parallel(int64_t count, void (*work)(const void* context, int64_t i), const void* context);

// How many of `count` items one piece of a call's work should have, a multiple of `multiple`: a few pieces for each thread,
// so that one that is held up does not hold up all, and none with so few products that to wake a thread takes longer.
int64_t items_of_piece(int64_t count, int64_t products_of_item, int64_t multiple);
