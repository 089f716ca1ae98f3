"""Autotuning: what it chooses of given times, and a cache that no file in it can break."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from envdoctor.kernels import (
    LinearLlmInt8,
    LinearW4A8,
    LinearW4A16,
    LinearW8A8,
    autotune,
    gptq_pack,
    int4_pairs,
    pack_w4a8,
    pack_w4a16,
    set_threads,
)
from envdoctor.kernels.variants import variant_of

tuning = sys.modules[autotune.__module__]


@pytest.fixture
def device(device):
    return torch.device(device)


@pytest.fixture
def linear():
    return made()


def made(kind=LinearW8A8, device=None):
    linear = torch.nn.Linear(128, 64)
    with torch.no_grad():
        linear.weight.copy_(torch.arange(128 * 64).view(64, 128) % 17 - 8.0)
    return kind.from_linear(linear, device=device)


@pytest.fixture
def spent(monkeypatch):
    """Seconds of each variant instead of the clock's; those that are not named take 1. How often it was asked."""
    table, asked = {}, []

    def times(runs):
        asked.append(sorted(runs))
        return {variant: table.get(variant, 1.0) for variant in runs}

    monkeypatch.setattr(tuning, "_times", times)
    monkeypatch.setattr(tuning, "_HOPELESS", float("inf"))
    return table, asked


@pytest.mark.parametrize("kind", [LinearW8A8, LinearW4A8, LinearW4A16, LinearLlmInt8])
def test_a_linear_takes_what_was_measured(kind, device, tmp_path):
    linear = made(kind, device)
    x = torch.randn(6, 128, device=device).half()
    wanted, packed = linear(x), linear.packed
    fastest, names = autotune(linear, (1, 8), folder=str(tmp_path)), ["auto", *linear.forcing.variants()]
    table = tuple(part for rows, name in fastest.items() for part in (names.index(name), rows))
    assert linear.variants[torch.float16] == (*table, 0) and list(fastest) == [1, 8]
    assert linear.packed is packed and torch.allclose(linear(x), wanted, rtol=1e-2, atol=1e-2)


def test_the_fastest_is_taken_for_each_number_of_rows(linear, spent, tmp_path):
    own, variants = linear.variants[torch.float16], spent[1]
    autotune(linear, (1, 16), folder=str(tmp_path / "a"))
    assert linear.variants[torch.bfloat16] == own
    assert linear.variants[torch.float16] == (
        variant_of(own, 1),
        1,
        variant_of(own, 16),
        16,
        0,
    )  # all take as long
    other = variants[0][0]
    spent[0][other] = 0.5
    autotune(linear, (1, 16), folder=str(tmp_path / "b"))
    assert linear.variants[torch.float16] == (other, 1, other, 16, 0)


def test_of_equal_times_the_first_counts(linear, spent, tmp_path):
    autotune(linear, (1,), folder=str(tmp_path / "a"))
    runs = [variant for variant in spent[1][0] if variant != linear.variants[torch.float16][0]]
    if len(runs) < 2:
        pytest.skip("this processor has too few variants")
    spent[0].update({runs[0]: 0.505, runs[1]: 0.5})
    autotune(linear, (1,), folder=str(tmp_path / "b"))
    assert linear.variants[torch.float16] == (runs[0], 1, 0)


def test_a_second_linear_of_the_size_is_not_measured(linear, spent, tmp_path):
    first = autotune(linear, (1, 8), folder=str(tmp_path))
    count = len(spent[1])
    assert autotune(made(), (1, 8), folder=str(tmp_path)) == first and len(spent[1]) == count
    autotune(made(), (1, 9), folder=str(tmp_path))
    autotune(made(), (1, 8), torch.bfloat16, folder=str(tmp_path))
    autotune(made(LinearW4A8), (1, 8), folder=str(tmp_path))
    assert len(spent[1]) == count + 6 and len(list(tmp_path.iterdir())) == 4


def grouped(zeros):
    pairs = int4_pairs(torch.ones(64, 128, dtype=torch.int8))
    zero = torch.zeros(64, 4, dtype=torch.int8) if zeros else None
    return LinearW4A8(pack_w4a8(pairs, None, 32, torch.ones(64, 4), zero))


def checkpoint(dtype=torch.float16, uneven=False, turned=False):
    """Of four groups; uneven ones are filled up."""
    g_idx = torch.arange(128) // 32
    if uneven:
        g_idx[40] = 0
    codes, zeros = (torch.ones(rows, 64, dtype=torch.uint8) for rows in (128, 4))
    stored = gptq_pack(codes, zeros, torch.ones(4, 64, dtype=dtype), g_idx.flip(0) if turned else g_idx)
    return LinearW4A16(pack_w4a16(*stored))


def test_linears_that_differ_in_anything_but_values_are_measured_each(spent, tmp_path):
    plain = torch.nn.Linear(128, 64, bias=False)
    linears = [
        *(checkpoint(), checkpoint(torch.bfloat16), checkpoint(uneven=True), checkpoint(turned=True)),
        *(grouped(False), grouped(True), LinearW4A8.from_linear(plain)),
        *(LinearW8A8.from_linear(plain), LinearW8A8.from_linear(plain, x_scale=torch.ones(1)), made()),
    ]
    for count, linear in enumerate(linears, 1):
        autotune(linear, (4,), folder=str(tmp_path))
        assert len(spent[1]) == len(list(tmp_path.iterdir())) == count


def test_another_number_of_threads_is_measured(linear, spent, tmp_path):
    before = tuning.threads()
    autotune(linear, (4,), folder=str(tmp_path))
    set_threads(1)
    try:
        autotune(linear, (4,), folder=str(tmp_path))
    finally:
        set_threads(0)
    assert tuning.threads() == before and len(spent[1]) == 1 + (before > 1)


def test_what_a_file_names_must_run(linear, spent, tmp_path):
    wanted = autotune(linear, (4,), folder=str(tmp_path))
    (path,) = tmp_path.iterdir()
    said = json.loads(path.read_text())
    for name in linear.forcing.variants():
        if name.startswith("cuda"):
            path.write_text(json.dumps({**said, "fastest": [name]}))
            assert autotune(linear, (4,), folder=str(tmp_path)) == wanted
            assert json.loads(path.read_text()) == said


@pytest.mark.parametrize(
    "text",
    [
        *["", "{", "[]", "null", "\x00" * 40, "[" * 100_000, '{"key": 3}'],
        '{"key": KEY}',
        '{"key": KEY, "fastest": ["cpu_of_tomorrow"]}',
        '{"key": KEY, "fastest": [["auto"]]}',
        '{"key": KEY, "fastest": ["auto", "auto"]}',
        '{"key": KEY, "fastest": {"auto": 1}}',
        '{"key": {}, "fastest": ["auto"]}',
    ],
)
def test_a_file_that_says_something_else_is_measured_anew(text, linear, spent, tmp_path):
    wanted = autotune(linear, (4,), folder=str(tmp_path))
    (path,) = tmp_path.iterdir()
    whole = path.read_text()
    path.write_text(text.replace("KEY", json.dumps(json.loads(whole)["key"])))
    assert autotune(linear, (4,), folder=str(tmp_path)) == wanted
    assert len(spent[1]) == 2 and path.read_text() == whole


def test_bytes_that_are_no_text(linear, spent, tmp_path):
    wanted = autotune(linear, (4,), folder=str(tmp_path))
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"\xff\xfe\x80")
    assert autotune(linear, (4,), folder=str(tmp_path)) == wanted
    path.unlink()
    path.mkdir()
    assert autotune(linear, (4,), folder=str(tmp_path)) == wanted


def test_where_nothing_can_be_written(linear, spent, tmp_path):
    (tmp_path / "file").touch()
    autotune(linear, (4,), folder=str(tmp_path / "file" / "in it"))
    assert len(spent[1]) == 1


def test_the_users_cache(linear, spent, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    autotune(linear, (4,))
    assert [path.suffix for path in (tmp_path / "envdoctor" / "autotune").iterdir()] == [".json"]
    for name in ("XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name)
    autotune(linear, (4,))
    assert len(spent[1]) == 2


def test_processes_that_write_at_once(tmp_path):
    script = (
        "import sys; from test_autotune import made; from envdoctor.kernels import autotune\n"
        "for rows in range(1, 8): autotune(made(), (rows,), folder=sys.argv[1])"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    running = [subprocess.Popen(command, cwd=Path(__file__).parent) for _ in range(2)]
    assert [child.wait(timeout=300) for child in running] == [0, 0]
    found = [json.loads(path.read_text()) for path in tmp_path.iterdir()]
    assert sorted(said["key"]["rows"][0] for said in found) == list(range(1, 8))


@pytest.mark.parametrize("rows", [(), (0,), (2, 1), (1, 1)])
def test_rows_must_rise(rows, linear):
    with pytest.raises(ValueError, match="rising"):
        autotune(linear, rows)


def test_x_must_be_what_the_linear_takes(linear):
    with pytest.raises(ValueError, match=r"not torch\.float64"):
        autotune(linear, (1,), torch.float64)
