#include "common/driver.h"

#include <pthread.h>
#include <string.h>

#include "common/device_images.h"
#include "common/status.h"
#include "common/types.h"

namespace {

// What of <cuda.h> is used, so that no toolkit is needed. These have been stable since they exist.
using Result = int;
using Handle = void*;

struct Attribute {  // CUlaunchAttribute
    int id;
    char padding[4];
    union {
        struct {
            unsigned x, y, z;
        } cluster;
        int programmatic_serialization;
        char size[64];
    } value;
};
struct Config {  // CUlaunchConfig
    unsigned grid[3], block[3], shared_bytes;
    Handle stream;
    Attribute* attributes;
    unsigned count;
};
constexpr int kClusterDimension = 4, kProgrammaticSerialization = 6;
constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76, kMaxDynamicShared = 8;
constexpr Result kNotFound = 500, kNoBinary = 209;

struct Driver {
    Result (*get_device)(int*, int);
    Result (*get_attribute)(int*, int, int);
    Result (*retain_primary)(Handle*, int);
    Result (*push_context)(Handle);
    Result (*pop_context)(Handle*);
    Result (*get_context)(Handle*);
    Result (*load_module)(Handle*, const void*);
    Result (*get_function)(Handle*, Handle, const char*);
    Result (*set_function_attribute)(Handle, int, int);
    Result (*launch)(Handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Handle, void**, void**);
    Result (*launch_ex)(const Config*, Handle, void**, void**);  // null before CUDA 11.8
    // Null before CUDA 12.0.
    Result (*encode_tiled)(void*, int, uint32_t, const void*, const uint64_t*, const uint64_t*, const uint32_t*,
                           const uint32_t*, int, int, int, int);
};
Driver driver;
bool have_driver = false;

using GetProcAddress = Result (*)(const char*, void**, int, uint64_t, void*);

bool ask(GetProcAddress get, const char* name, int version, void* into) {
    void* found = nullptr;
    // The second version of cuGetProcAddress has a fifth argument, which may be null; the first ignores it.
    if (get(name, &found, version, 0, nullptr) != 0) found = nullptr;
    memcpy(into, &found, sizeof found);
    return found != nullptr;
}

constexpr int kDevices = 32, kImages = 32;
// What follows is found out at first use, by one thread at a time, and stays. Contexts and functions are published last.
Handle contexts[kDevices];
int capabilities[kDevices];
Handle modules[kDevices][kImages];

class FirstUse {
public:
    FirstUse() { pthread_mutex_lock(&mutex); }
    ~FirstUse() { pthread_mutex_unlock(&mutex); }

private:
    static pthread_mutex_t mutex;
};
pthread_mutex_t FirstUse::mutex = PTHREAD_MUTEX_INITIALIZER;

Handle published(Handle& place) { return __atomic_load_n(&place, __ATOMIC_ACQUIRE); }
void publish(Handle& place, Handle value) { __atomic_store_n(&place, value, __ATOMIC_RELEASE); }

// Makes a GPU's primary context current for one scope: the one that torch and the CUDA runtime use.
class Current {
public:
    explicit Current(Handle context) {
        Handle now = nullptr;
        driver.get_context(&now);
        pushed_ = now != context && driver.push_context(context) == 0;
    }
    ~Current() {
        Handle ignored;
        if (pushed_) driver.pop_context(&ignored);
    }

private:
    bool pushed_;
};

// Bytes that a block can have. Source: CUDA C++ programming guide, technical specifications for each capability.
int most_shared(int capability) {
    const int kib = capability == 75 ? 64 : capability == 80 || capability == 87 ? 163 : capability < 90 || capability >= 120 ? 99 : 227;
    return kib * 1024;
}

int prepare(int device) {
    if (device < 0 || device >= kDevices) return fail(ENVDOCTOR_INVALID_ARGUMENT, "there is no GPU %lld", device);
    if (published(contexts[device])) return ENVDOCTOR_OK;
    const FirstUse alone;
    if (!have_driver) return fail(ENVDOCTOR_NOT_SUPPORTED, "no CUDA driver was handed in: see envdoctor_use_driver");
    if (contexts[device]) return ENVDOCTOR_OK;
    int ordinal = 0, major = 0, minor = 0;
    Result result = driver.get_device(&ordinal, device);
    if (!result) result = driver.get_attribute(&major, kCapabilityMajor, ordinal);
    if (!result) result = driver.get_attribute(&minor, kCapabilityMinor, ordinal);
    Handle context = nullptr;
    if (!result) result = driver.retain_primary(&context, ordinal);
    if (result) return fail(ENVDOCTOR_FAILED, "GPU %lld cannot be used: the driver answers %lld", device, result);
    capabilities[device] = 10 * major + minor;
    publish(contexts[device], context);
    return ENVDOCTOR_OK;
}

Handle load(int device, const char* family) {
    const char *name, *architectures;
    const void* data;
    size_t size;
    for (int i = 0; i < kImages; ++i) {
        if (envdoctor_device_image(i, &name, &architectures, &data, &size) != ENVDOCTOR_OK) break;
        if (strcmp(name, family) != 0) continue;
        if (modules[device][i]) return modules[device][i];
        const Result result = driver.load_module(&modules[device][i], data);
        if (!result) return modules[device][i];
        modules[device][i] = nullptr;
        fail(result == kNoBinary ? ENVDOCTOR_NOT_BUILT : ENVDOCTOR_FAILED,
             "the device code has nothing for compute capability %lld, or does not load: the driver answers %lld",
             capabilities[device], result);
        return nullptr;
    }
    fail(ENVDOCTOR_NOT_BUILT, "this build of the library has no device code for it");
    return nullptr;
}

}  // namespace

int envdoctor_use_driver(void* get_proc_address) {
    const FirstUse alone;
    if (have_driver) return ENVDOCTOR_OK;
    GetProcAddress get;
    memcpy(&get, &get_proc_address, sizeof get);
    if (!get) return fail(ENVDOCTOR_INVALID_ARGUMENT, "cuGetProcAddress must not be null");
    const bool all = ask(get, "cuDeviceGet", 2000, &driver.get_device) &&
                     ask(get, "cuDeviceGetAttribute", 2000, &driver.get_attribute) &&
                     ask(get, "cuDevicePrimaryCtxRetain", 7000, &driver.retain_primary) &&
                     ask(get, "cuCtxPushCurrent", 4000, &driver.push_context) &&
                     ask(get, "cuCtxPopCurrent", 4000, &driver.pop_context) &&
                     ask(get, "cuCtxGetCurrent", 4000, &driver.get_context) &&
                     ask(get, "cuModuleLoadData", 2000, &driver.load_module) &&
                     ask(get, "cuModuleGetFunction", 2000, &driver.get_function) &&
                     ask(get, "cuFuncSetAttribute", 9000, &driver.set_function_attribute) &&
                     ask(get, "cuLaunchKernel", 7000, &driver.launch);
    if (!all) return fail(ENVDOCTOR_NOT_SUPPORTED, "the CUDA driver lacks a function that CUDA 11.3 has");
    ask(get, "cuLaunchKernelEx", 11060, &driver.launch_ex);
    ask(get, "cuTensorMapEncodeTiled", 12000, &driver.encode_tiled);
    have_driver = true;
    return ENVDOCTOR_OK;
}

int device_capability(int device) { return prepare(device) == ENVDOCTOR_OK ? capabilities[device] : -1; }

bool computes_with(int device, int type) {
    const int capability = device_capability(device), least = type == ENVDOCTOR_BFLOAT16 ? 80 : 75;
    if (capability >= 0 && capability < least) {
        fail(ENVDOCTOR_NOT_SUPPORTED, "compute capability %lld is too low: this type of x wants %lld", capability, least);
    }
    return capability >= least;
}

bool runs_hopper(int device, const char* family) {
    if (device_capability(device) != 90 || !driver.encode_tiled) return false;
    const char *name, *architectures;
    const void* data;
    size_t size;
    for (int i = 0; envdoctor_device_image(i, &name, &architectures, &data, &size) == ENVDOCTOR_OK; ++i) {
        if (strcmp(name, family) == 0) return true;
    }
    return false;
}

int encode_rows(void* tensor_map, const void* data, int64_t rows, int64_t row_bytes, int64_t stride, int box_rows) {
    if (!driver.encode_tiled) return fail(ENVDOCTOR_NOT_SUPPORTED, "the CUDA driver is older than 12.0");
    constexpr int kBytes = 0, kNoInterleave = 0, kSwizzle128 = 3, kPromote256 = 3, kFillZeros = 0;
    const uint64_t sizes[] = {static_cast<uint64_t>(row_bytes), static_cast<uint64_t>(rows)};
    const uint64_t strides[] = {static_cast<uint64_t>(stride)};
    const uint32_t box[] = {128, static_cast<uint32_t>(box_rows)}, steps[] = {1, 1};
    const Result result = driver.encode_tiled(tensor_map, kBytes, 2, data, sizes, strides, box, steps, kNoInterleave,
                                              kSwizzle128, kPromote256, kFillZeros);
    return result ? fail(ENVDOCTOR_INVALID_ARGUMENT, "no tensor map: the driver answers %lld", result) : ENVDOCTOR_OK;
}

void* Kernel::function(int device) {
    Handle module = load(device, family_);
    if (!module) return nullptr;
    Handle found = nullptr;
    const Result result = driver.get_function(&found, module, name_);
    if (result == kNotFound) {
        fail(ENVDOCTOR_NOT_BUILT, "this build has no such kernel for compute capability %lld", capabilities[device]);
    } else if (result) {
        fail(ENVDOCTOR_FAILED, "a kernel cannot be looked up: the driver answers %lld", result);
    }
    return found;
}

int Kernel::launch(int device, void* stream, const Launch& launch, const void* arguments) {
    if (const int status = prepare(device)) return status;
    const Current current(contexts[device]);
    Handle function = published(functions_[device]);
    if (!function) {
        const FirstUse alone;
        Handle found = this->function(device);
        if (!found) return last_status();
        // For launches to come as well: they may ask for more than this one.
        if (launch.shared_bytes > 0 &&
            driver.set_function_attribute(found, kMaxDynamicShared, most_shared(capabilities[device]))) {
            return fail(ENVDOCTOR_NOT_SUPPORTED, "this GPU has no %lld bytes of shared memory for a block",
                        launch.shared_bytes);
        }
        publish(functions_[device], function = found);
    }
    void* parameters[] = {const_cast<void*>(arguments)};
    Result result;
    if (driver.launch_ex && (launch.overlaps || launch.cluster > 1)) {
        Attribute attributes[2] = {};
        unsigned count = 0;
        if (launch.cluster > 1) {
            attributes[count].id = kClusterDimension;
            attributes[count++].value.cluster = {launch.cluster, 1, 1};
        }
        if (launch.overlaps && capabilities[device] >= 90) {
            attributes[count].id = kProgrammaticSerialization;
            attributes[count++].value.programmatic_serialization = 1;
        }
        const Config config = {{launch.grid[0], launch.grid[1], launch.grid[2]}, {launch.threads, 1, 1},
                               launch.shared_bytes, stream, attributes, count};
        result = driver.launch_ex(&config, function, parameters, nullptr);
    } else {
        result = driver.launch(function, launch.grid[0], launch.grid[1], launch.grid[2], launch.threads, 1, 1,
                               launch.shared_bytes, stream, parameters, nullptr);
    }
    return result ? fail(ENVDOCTOR_FAILED, "a kernel cannot be launched: the driver answers %lld", result)
                  : ENVDOCTOR_OK;
}
