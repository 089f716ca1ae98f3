"""A script that imports bitsandbytes is tested in this process, and leaves nothing of it behind."""

import sys

import pytest


@pytest.fixture
def own_modules():
    """What a test imports under the other name is gone after it, and so is what looked for it."""
    before, finders = dict(sys.modules), list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for name in sys.modules.keys() - before.keys():
        if name.partition(".")[0] in ("bitsandbytes", "transformers"):
            del sys.modules[name]
