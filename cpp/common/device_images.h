// The device code that this library carries: fatbins as data, for the driver's cuModuleLoadData.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
#include "common/api.h"
#endif

// One entry of the linker section `envdoctor_images`; cmake/fatbin.c.in writes them.
struct DeviceImage {
    const char* name;           // family_file
    const char* architectures;  // "sm_80,sm_90,compute_90"
    const unsigned char* begin;
    const unsigned char* end;
};

#ifdef __cplusplus
// Hand out image number `index`, counted from 0. ENVDOCTOR_NOT_BUILT past the last one.
ENVDOCTOR_API int envdoctor_device_image(
    int index,
    const char** name,
    const char** architectures,
    const void** data,
    size_t* size);

// Why there is no device code in this library; empty when there is some.
ENVDOCTOR_API const char* envdoctor_device_note();
#endif
