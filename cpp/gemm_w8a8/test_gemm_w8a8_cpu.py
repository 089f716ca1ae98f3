"""gemm_w8a8 on the CPU: every variant at shapes that nobody chose, odd strides, threads and forks."""

import contextlib
import ctypes
import os
import threading

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import HealthCheck, given, settings

from envdoctor.kernels import bmm_w8a8, gemm_w8a8, linear_w8a8, pack_w8a8, set_threads
from envdoctor.kernels.gemm_w8a8 import forcing

VARIANTS = [name for name in forcing.variants() if name.startswith(("cpu_", "reference"))]
SETTINGS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=VARIANTS)
def variant(request):
    """Calls take this variant; the test is skipped where the processor does not have it."""
    probe = torch.zeros(1, 1, dtype=torch.int8)
    try:
        with forcing.to(request.param):
            gemm_w8a8(probe, probe)
    except NotImplementedError:
        pytest.skip("does not run on this processor")
    return request.param


def integers(*shape, seed=0):
    return torch.randint(-128, 128, shape, dtype=torch.int8, generator=torch.Generator().manual_seed(seed))


def exact(x, w):
    """Sums of products, int64."""
    return (x.double() @ w.double().transpose(-1, -2)).long()


def products(variant, x, w, **arguments):
    """y of plain and of packed weights; the reference takes plain ones only."""
    with forcing.to(variant):
        yield gemm_w8a8(x, w, out_dtype=torch.int32, **arguments)
        with contextlib.suppress(NotImplementedError):
            yield linear_w8a8(x, pack_w8a8(w), out_dtype=torch.int32, **arguments)


sizes = st.one_of(st.integers(1, 40), st.integers(1, 200), st.sampled_from([64, 127, 128, 129, 192, 256]))


@SETTINGS
@given(
    m=sizes,
    n=sizes,
    k=st.one_of(st.integers(0, 140), st.integers(500, 1100)),
    seed=st.integers(0, 9),
    at=st.data(),
)
def test_any_shape_and_any_stride_is_exact(variant, m, n, k, seed, at):
    before, after = at.draw(st.integers(0, 9)), at.draw(st.integers(0, 70))
    x = integers(m + 2, before + k + after, seed=seed)[1 : m + 1, before : before + k]
    w = integers(n, before + k + after, seed=seed + 10)[:, before : before + k]
    for y in products(variant, x, w):
        assert torch.equal(y.long(), exact(x, w))


@pytest.mark.parametrize(("m", "n"), [(1, 5), (9, 40), (33, 17)])
@pytest.mark.parametrize("k", [65533, 131071, 400003])
def test_a_huge_k_wraps_and_nothing_else(variant, m, n, k):
    x = torch.full((m, k), -128, dtype=torch.int8)
    w = torch.full((n, k), -128, dtype=torch.int8)
    w[0] = 127
    wanted = (exact(x, w) + 2**31) % 2**32 - 2**31
    for y in products(variant, x, w):
        assert torch.equal(y.long(), wanted)


@pytest.mark.parametrize("out", [torch.int8, torch.int32, torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("relu", [False, True])
def test_every_output_rounds_as_torch_does(variant, out, relu):
    m, n, k = 37, 70, 130
    x, w, bias = integers(m, k), integers(n, k, seed=1), torch.randn(n) * 20
    x_scale, w_scale = torch.rand(m) * 0.02, torch.rand(n)
    x_scale[3], x_scale[4] = float("inf"), 1e30
    value = exact(x, w).float() * x_scale[:, None] * w_scale + bias
    value = value.clamp(min=0) if relu else value
    if out == torch.int8:
        wanted = value.nan_to_num(0, 1e9, -1e9).round().clamp(-128, 127).to(out)
    elif out == torch.int32:
        wanted = value.nan_to_num(0, 1e19, -1e19).double().round().clamp(-(2**31), 2**31 - 1).to(out)
    else:
        wanted = value.to(out)
    with forcing.to(variant):
        y = gemm_w8a8(x, w, x_scale, w_scale, bias=bias, relu=relu, out_dtype=out)
    assert torch.equal(y.nan_to_num(0), wanted.nan_to_num(0))


@SETTINGS
@given(batch=st.integers(1, 4), m=st.integers(1, 40), n=st.integers(1, 40), k=st.integers(1, 140))
def test_batches_of_any_shape(variant, batch, m, n, k):
    x, w = integers(batch, m, k), integers(batch, n, k, seed=1)
    with forcing.to(variant):
        assert torch.equal(bmm_w8a8(x, w).long(), exact(x, w))


def test_several_threads_may_call_at_once():
    x, w = integers(40, 515), integers(700, 515, seed=1)
    packed, wanted, wrong = pack_w8a8(w), exact(x, w), []

    def work():
        for _ in range(50):
            for m in (1, 7, 40):
                y = linear_w8a8(x[:m], packed, out_dtype=torch.int32)
                wrong.extend([m] if not torch.equal(y.long(), wanted[:m]) else [])

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("count", [1, 2, 3, 0])
def test_threads_are_bounded_and_the_sums_are_the_same(count):
    x, w = integers(20, 300), integers(900, 300, seed=1)
    try:
        set_threads(count)
        assert torch.equal(gemm_w8a8(x, w).long(), exact(x, w))
    finally:
        set_threads(0)


def bytes_of(y):
    """Without torch's own threads, which a child of fork waits for without end."""
    return ctypes.string_at(y.data_ptr(), y.numel() * y.element_size())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_has_threads_of_its_own_even_when_forked_in_the_middle_of_a_call():
    x, w = integers(64, 2048), integers(2048, 2048, seed=1)
    packed = pack_w8a8(w)
    wanted = bytes_of(linear_w8a8(x, packed, out_dtype=torch.int32))
    stop = threading.Event()

    def work():
        while not stop.is_set():
            linear_w8a8(x, packed, out_dtype=torch.int32)

    busy = threading.Thread(target=work)
    busy.start()
    try:
        for _ in range(10):
            child = os.fork()
            if not child:
                calls = (linear_w8a8(x, packed, out_dtype=torch.int32) for _ in range(3))
                os._exit(0 if all(bytes_of(y) == wanted for y in calls) else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        busy.join()
