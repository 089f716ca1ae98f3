"""Each example, run as a person runs it, and what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers")

FOLDER = Path(__file__).parent / "examples"


def shown(name, *arguments):
    """What it prints, by what stands before the colon: the numbers in it."""
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ},
    )
    assert done.returncode == 0, done.stderr
    lines = (line.partition(": ")[::2] for line in done.stdout.splitlines())
    return {
        what: [float(number) for number in re.findall(r"\d+\.?\d*", rest)] or rest for what, rest in lines
    }


def test_gptq_loses_less_than_rounding_to_nearest():
    said = shown("gptq")
    floats, nearest, gptq = (
        said[name][0] for name in ("bfloat16", "w4a16-rtn, 2 bits", "w4a16-gptq, 2 bits")
    )
    assert gptq - floats < 0.6 * (nearest - floats)
    assert said["w4a16-gptq, 2 bits"][1] < said["bfloat16"][1]
    assert said["loaded, it writes"].startswith("b'The statement is the ")


def test_static_scales_want_smoothing():
    said = shown("smq_schemes")
    (floats,) = said.pop("float32")
    assert list(said) == ["smq_q8i8f16_0", "smq_q8i8f16_1", "smq_q8i8f16_2"]
    for smooth, plain in said.values():
        assert smooth < 1.01 * floats and plain > 1.1 * floats


def test_int4_weights_generate():
    said = shown("w4a8_generate")
    (floats, before, _), (int4, after, speed) = said["float32"], said["int8adq-int4w-symm"]
    assert int4 < 1.02 * floats and after < 0.5 * before and speed > 0
    assert said["an MLP compiled whole, equal"] == "True"


def test_what_gptq_gains_hangs_on_its_inputs():
    said = shown("output_error", "256")
    times = [said[f"256 channels from {directions}"][-1] for directions in (256, 64, 16)]
    assert 1.3 < times[0] < 0.5 * times[1] < 0.25 * times[2]
