// What every function that Python may call has in common.
//
// The interface is plain C: numbers, raw pointers, a status. The library reads no environment variable. What it keeps is
// the last reason of each thread, what it was told of drivers, threads and instruction sets, code loaded on GPUs, and
// threads of its own.
#pragma once

#ifdef __cplusplus
#define ENVDOCTOR_API extern "C" __attribute__((visibility("default")))
#else
#define ENVDOCTOR_API __attribute__((visibility("default")))
#endif
