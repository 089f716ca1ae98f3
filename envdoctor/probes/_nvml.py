"""The question put to NVML, run in a child process: a script of ctypes calls that prints one JSON value.

NVML is asked through ctypes and not through the pynvml package: the doctor's core needs the standard library alone,
so that it runs where nothing can be installed. It is asked in a child because a driver library that crashes, hangs or
does not fit its kernel module must not take the doctor with it. CUDA's driver library is asked where NVML is not
there: on Tegra, and in containers that are given the "compute" capability alone.
"""

#: Arguments: the paths of libnvidia-ml.so.1 and of libcuda.so.1, "" for one that is not there. Only the functions that
#: NVML's and CUDA's driver API document; no serial number or UUID is asked for.
SCRIPT = r"""
import ctypes, json, os, sys

answer = {"error": None, "driver": None, "cuda": None, "gpus": [], "asked": None}


class Memory(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]


class Refused(Exception):
    pass


def check(status):
    if status:
        library.nvmlErrorString.restype = ctypes.c_char_p
        raise Refused((library.nvmlErrorString(status) or b"error %d" % status).decode("utf-8", "replace"))


def text(function, *arguments):
    buffer = ctypes.create_string_buffer(256)
    check(function(*arguments, buffer, ctypes.c_uint(len(buffer))))
    return buffer.value.decode("utf-8", "replace")


def release(number):
    return "%d.%d" % (number // 1000, number % 1000 // 10) if number else None


def mig_devices(device):
    current, pending, most = ctypes.c_uint(), ctypes.c_uint(), ctypes.c_uint()
    # Most GPUs have no MIG and say "not supported"; a driver before MIG has no such function.
    if library.nvmlDeviceGetMigMode(device, ctypes.byref(current), ctypes.byref(pending)) or not current.value:
        return None
    library.nvmlDeviceGetMaxMigDeviceCount(device, ctypes.byref(most))
    by_index, handle = library.nvmlDeviceGetMigDeviceHandleByIndex, ctypes.c_void_p()
    return sum(not by_index(device, number, ctypes.byref(handle)) for number in range(most.value))


def gpu(index):
    device, memory, major, minor = ctypes.c_void_p(), Memory(), ctypes.c_int(), ctypes.c_int()
    check(library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device)))
    check(library.nvmlDeviceGetCudaComputeCapability(device, ctypes.byref(major), ctypes.byref(minor)))
    # A board whose memory is the machine's own (GB10, Thor) says "not supported".
    library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory))
    try:
        devices = mig_devices(device)
    except AttributeError:
        devices = None
    return {
        "index": index,
        "name": text(library.nvmlDeviceGetName, device),
        "compute_capability": [major.value, minor.value],
        "memory": memory.total,
        "mig": devices is not None,
        "mig_devices": devices or 0,
    }


def ask_nvml():
    count, number = ctypes.c_uint(), ctypes.c_int()
    check(library.nvmlInit_v2())
    answer["asked"] = "NVML"
    answer["driver"] = text(library.nvmlSystemGetDriverVersion)
    library.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(number))
    answer["cuda"] = release(number.value)
    check(library.nvmlDeviceGetCount_v2(ctypes.byref(count)))
    for index in range(count.value):
        try:
            answer["gpus"].append(gpu(index))
        except Refused as error:
            answer["error"] = "GPU %d: %s" % (index, error)


def ask_cuda():
    number = ctypes.c_int()
    if not library.cuDriverGetVersion(ctypes.byref(number)):
        answer["cuda"] = release(number.value)
    if answer["asked"] or sys.argv[1]:
        return
    status = library.cuInit(0)
    if status:
        answer["error"] = "cuInit answers with error %d" % status
        return
    answer["asked"] = "libcuda"
    library.cuDeviceGetCount(ctypes.byref(number))
    answer["gpus"] = [cuda_gpu(index) for index in range(number.value)]


def cuda_gpu(index):
    device, memory, name = ctypes.c_int(), ctypes.c_size_t(), ctypes.create_string_buffer(256)
    capability = [ctypes.c_int(), ctypes.c_int()]
    library.cuDeviceGet(ctypes.byref(device), index)
    library.cuDeviceGetName(name, len(name), device)
    library.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    for attribute, value in zip((75, 76), capability):
        library.cuDeviceGetAttribute(ctypes.byref(value), attribute, device)
    return {
        "index": index,
        "name": name.value.decode("utf-8", "replace"),
        "compute_capability": [value.value for value in capability],
        "memory": memory.value,
        "mig": False,
        "mig_devices": 0,
    }


for path, ask in ((sys.argv[1], ask_nvml), (sys.argv[2], ask_cuda)):
    if path and not answer["cuda"]:
        try:
            library = ctypes.CDLL(path)
            ask()
        except (Refused, OSError, AttributeError) as error:
            answer["error"] = answer["error"] or str(error)
sys.stdout.write("\n" + json.dumps(answer) + "\n")
sys.stdout.flush()
os._exit(0)
"""
