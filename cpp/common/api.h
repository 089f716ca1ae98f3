// What every function that Python may call has in common.
//
// The interface is plain C: numbers, raw pointers, a status. It keeps no state but the last reason, and the
// library reads no environment variable and opens no file.
#pragma once

#ifdef __cplusplus
#define ENVDOCTOR_API extern "C" __attribute__((visibility("default")))
#else
#define ENVDOCTOR_API __attribute__((visibility("default")))
#endif
