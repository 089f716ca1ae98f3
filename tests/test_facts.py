"""What facts say of themselves."""

from dataclasses import replace

import pytest

from tests import factory


@pytest.mark.parametrize(
    ("version", "release"),
    [("13.0", (13, 0)), ("12.4.1", (12, 4)), ("12", (12, 0)), (None, (0, 0)), ("new", (0, 0))],
)
def test_a_toolkit_s_release(version, release):
    assert replace(factory.toolkit(), version=version).release == release
