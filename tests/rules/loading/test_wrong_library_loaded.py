"""Other copies in the place of torch's own."""

from envdoctor.facts import Copy, LoadedLibrary, Loader
from envdoctor.finding import SetEnv
from envdoctor.rules.loading.wrong_library_loaded import check
from tests.factory import torch

FOLDER = "/site/nvidia/nvjitlink/lib"


def entry(soname, taken, via, own):
    wheel = (Copy(f"{FOLDER}/{soname}", "wheel", False, own),) if own else ()
    return LoadedLibrary(soname, Copy(f"/other/{soname}", via, False, taken), wheel)


def found(*entries):
    return list(check(Loader(("/other",), entries), torch()))


def test_quiet_when_torchs_own_are_taken_or_alone():
    own = LoadedLibrary(
        "libnvJitLink.so.12", Copy(f"{FOLDER}/libnvJitLink.so.12", "wheel", False, "12.4"), ()
    )
    assert not found(own, entry("libnvJitLink.so.12", "12.1", "ld.so.cache", "12.4"))


def test_quiet_for_newer_copies_and_those_that_the_run_path_guards():
    assert not found(entry("libnvJitLink.so.12", "12.8.93", "LD_LIBRARY_PATH", "12.4.127"))
    assert not found(entry("libcudart.so.12", "12.1", "LD_LIBRARY_PATH", "12.4"))
    assert not found(entry("libcudnn.so.9", "9.20.0", "LD_LIBRARY_PATH", "9.20.0.48"))


def test_an_older_nvjitlink_on_the_path():
    (finding,) = found(entry("libnvJitLink.so.12", "12.1.105", "LD_LIBRARY_PATH", "12.4.127"))
    assert finding.fix.steps == (SetEnv("LD_LIBRARY_PATH", FOLDER, "prepend"),)


def test_any_other_cudnn():
    (finding,) = found(entry("libcudnn_ops.so.9", "9.23.0", "LD_LIBRARY_PATH", "9.20.0.48"))
    assert "9.23.0" in finding.message


def test_a_part_that_the_wheel_lacks_is_taken_from_the_system():
    whole = LoadedLibrary(
        "libcudnn.so.9", Copy("/site/nvidia/cudnn/lib/libcudnn.so.9", "wheel", False, "9.20.0.48"), ()
    )
    part = entry("libcudnn_engines_tensor_ir.so.9", "9.23.0", "ld.so.cache", None)
    (finding,) = found(whole, part)
    assert "libcudnn_engines_tensor_ir" in finding.message
    assert not found(part)


def test_a_part_of_another_cudnn_generation_is_not_met():
    whole = LoadedLibrary("libcudnn.so.9", None, (Copy("/site/libcudnn.so.9", "wheel", False, "9.20.0.48"),))
    assert not found(whole, entry("libcudnn_cnn_train.so.8", "8.9.7", "ld.so.cache", None))
