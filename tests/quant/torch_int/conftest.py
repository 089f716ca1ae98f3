"""A script that imports torch_int is tested in this process, and leaves nothing of it behind."""

import sys

import pytest


@pytest.fixture
def own_modules():
    """What a test imports under the other name is gone after it, and so is what looked for it."""
    before, finders = dict(sys.modules), list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for name in [name for name in sys.modules if name.partition(".")[0] == "torch_int"]:
        del sys.modules[name]
    assert before.keys() <= sys.modules.keys()
