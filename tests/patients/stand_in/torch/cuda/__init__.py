"""What torch says on a machine without a GPU."""


def is_available():
    return False


def device_count():
    return 0


def get_device_capability(device=None):
    raise RuntimeError("No CUDA GPUs are available")
