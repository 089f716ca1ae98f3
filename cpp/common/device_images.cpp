#include "common/device_images.h"

#include "common/status.h"

// The linker defines these around the section, when there is one. Weak: a CPU build has none.
extern "C" {
extern const DeviceImage __start_envdoctor_images[] __attribute__((weak, visibility("hidden")));
extern const DeviceImage __stop_envdoctor_images[] __attribute__((weak, visibility("hidden")));
}

int envdoctor_device_image(
    int index,
    const char** name,
    const char** architectures,
    const void** data,
    size_t* size) {
    const long long count = __stop_envdoctor_images - __start_envdoctor_images;
    if (index < 0 || index >= count) {
        return fail(ENVDOCTOR_NOT_BUILT, "there is no device image %lld: this build has %lld", index, count);
    }
    const DeviceImage& image = __start_envdoctor_images[index];
    *name = image.name;
    *architectures = image.architectures;
    *data = image.begin;
    *size = static_cast<size_t>(image.end - image.begin);
    return ENVDOCTOR_OK;
}

const char* envdoctor_device_note() { return ENVDOCTOR_DEVICE_NOTE; }
