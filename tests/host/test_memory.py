"""The peak of this process's memory."""

import pytest

from envdoctor.host.memory import forget_peak, memory, peak_memory


def test_the_peak_is_that_since_it_was_forgotten():
    big = bytearray(80 << 20)
    big[:: 1 << 12] = b"x" * len(big[:: 1 << 12])  # each page is used
    del big
    if not forget_peak():
        pytest.skip("this kernel forgets no peaks")
    before = memory()
    assert peak_memory() < before + (40 << 20)
    small = bytearray(50 << 20)
    small[:: 1 << 12] = b"x" * len(small[:: 1 << 12])
    del small
    assert peak_memory() > before + (45 << 20)
    assert memory() < before + (20 << 20)
