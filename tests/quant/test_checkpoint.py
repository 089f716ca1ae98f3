"""GPTQ checkpoints: written, read back, read as others write them; and those that are broken."""

import json
import os
import re
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from envdoctor.kernels import LinearW4A16, pack_w4a16
from envdoctor.quant.checkpoint import GptqCheckpoint, GptqLinear, write_gptq
from envdoctor.quant.gptq import Inputs, gptq
from envdoctor.quant.gptq_config import CheckpointError, GptqConfig
from envdoctor.quant.grid import Grid
from envdoctor.quant.rtn import rtn

ROOT = Path(__file__).parent.parent.parent


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def linear(grid, act_order=False, bias=False, seed=0, n=64, k=96):
    inputs = Inputs(k)
    inputs.add(random(200, k, seed=seed + 1) * torch.linspace(1, 3, k))
    weight = gptq(random(n, k, seed=seed), inputs, grid, act_order=act_order)
    return GptqLinear(weight, random(n, seed=seed + 2).half() if bias else None)


def assert_same(one, other):
    for left, right in zip((*one.weight, one.bias), (*other.weight, other.bias)):
        assert left is right or torch.equal(torch.as_tensor(left), torch.as_tensor(right))


def one_line(error):
    text = str(error.value)
    assert "\n" not in text and text
    return text


@pytest.mark.parametrize("act_order", [False, True])
@pytest.mark.parametrize("group", [-1, 64])
@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize(("symmetric", "said"), [(True, "gptq"), (True, "gptq_v2"), (False, "gptq_v2")])
def test_round_trips(tmp_path, bits, group, act_order, symmetric, said):
    grid = Grid(bits, group, symmetric)
    made = {"a.q_proj": linear(grid, act_order, bias=True), "a.k_proj": linear(grid, act_order, seed=5)}
    embedding = random(10, 6).bfloat16()
    config = GptqConfig(bits, group, act_order, symmetric, said, {"damp_percent": 0.1, "note": "mine"})
    folder = str(tmp_path / "model")
    write_gptq(folder, [*made.items(), ("embedding.weight", embedding)], config)
    assert sorted(os.listdir(folder)) == ["model.safetensors", "quantize_config.json"]
    assert os.listdir(tmp_path) == ["model"]

    read = GptqCheckpoint(folder)
    assert read.linears == ("a.k_proj", "a.q_proj") and read.others == ("embedding.weight",)
    assert read.config.checkpoint_format == said
    assert read.config.others["damp_percent"] == 0.1 and read.config.others["note"] == "mine"
    for name, each in made.items():
        assert_same(read.read(name), each)
    assert torch.equal(read.tensor("embedding.weight"), embedding)
    assert torch.equal(
        GptqCheckpoint(folder + "/model.safetensors").read("a.q_proj").bias, made["a.q_proj"].bias
    )

    # as the README of the kernels reads one
    of = load_file(folder + "/model.safetensors")
    packed = pack_w4a16(
        *(of["a.q_proj." + part] for part in ("qweight", "qzeros", "scales", "g_idx")), bits, read.config.v2
    )
    x = random(3, 96).half()
    assert torch.equal(LinearW4A16(packed)(x), made["a.q_proj"].weight.linear_w4a16()(x))


def test_the_example_of_the_readme(tmp_path, monkeypatch):
    section = (ROOT / "README.md").read_text().partition("\n## Quantising\n")[2].partition("\n## ")[0]
    (example,) = [
        block for block in re.findall(r"```python\n(.*?)```", section, re.S) if "write_gptq" in block
    ]
    monkeypatch.chdir(tmp_path)
    said = {}
    exec(example, said)
    x = random(3, 512).half()
    assert torch.equal(said["q_proj"](x), said["weight"].linear_w4a16(said["linear"].bias)(x))
    plain = said["linear"](x.float()).detach()
    assert float((said["q_proj"](x) - plain).norm() / plain.norm()) < 0.2


def test_words_of_v1_and_v2(tmp_path):
    """The zero points of symmetric 4 bits are words of sevens in v1, of eights in v2."""
    for said, word in (("gptq", 0x77777777), ("gptq_v2", -0x77777778)):
        write_gptq(
            str(tmp_path / said), [("x", linear(Grid()))], GptqConfig(group_size=-1, checkpoint_format=said)
        )
        assert load_file(tmp_path / said / "model.safetensors")["x.qzeros"].unique().tolist() == [word]
        assert json.loads((tmp_path / said / "quantize_config.json").read_text())["checkpoint_format"] == said


def test_a_symmetric_checkpoint_tells_its_format_by_its_zero_points(tmp_path):
    made = linear(Grid(group=32))
    for said in ("gptq", "gptq_v2"):
        folder = tmp_path / said
        write_gptq(str(folder), [("x", made)], GptqConfig(group_size=32, checkpoint_format=said))
        (folder / "quantize_config.json").write_text(
            '{"w_bit": 4, "q_group_size": 32, "sym": true, "desc_act": false}'
        )
        read = GptqCheckpoint(str(folder))
        assert read.config.checkpoint_format == said
        assert_same(read.read("x"), made)


def test_a_format_that_nothing_tells_is_asked_for(tmp_path):
    made, folder = linear(Grid(group=32, symmetric=False)), tmp_path / "model"
    write_gptq(str(folder), [("x", made)], GptqConfig(group_size=32, sym=False))
    (folder / "quantize_config.json").write_text('{"bits": 4, "group_size": 32, "sym": false}')
    with pytest.raises(CheckpointError, match='checkpoint_format="gptq"') as error:
        GptqCheckpoint(str(folder))
    one_line(error)
    assert_same(GptqCheckpoint(str(folder), checkpoint_format="gptq_v2").read("x"), made)
    config = GptqConfig(group_size=32, sym=False, checkpoint_format="gptq_v2")
    os.unlink(folder / "quantize_config.json")
    with pytest.raises(CheckpointError, match="config=GptqConfig"):
        GptqCheckpoint(str(folder))
    assert_same(GptqCheckpoint(str(folder), config).read("x"), made)
    document = {"model_type": "opt", "quantization_config": {**config.document(), "quant_method": "gptq"}}
    (folder / "config.json").write_text(json.dumps(document))
    assert_same(GptqCheckpoint(str(folder)).read("x"), made)


def test_a_folder_of_shards(tmp_path):
    made = {f"layers.{i}.fc": linear(Grid(group=32), bias=True, seed=i) for i in range(5)}
    others = {"norm": random(7), "flags": torch.tensor([True, False, True]), "nothing": torch.zeros(0, 4)}
    folder = tmp_path / "model"
    write_gptq(str(folder), [*others.items(), *made.items()], GptqConfig(group_size=32), shard_bytes=8000)
    files = sorted(os.listdir(folder))
    assert files == [
        "model-00001-of-00003.safetensors",
        "model-00002-of-00003.safetensors",
        "model-00003-of-00003.safetensors",
        "model.safetensors.index.json",
        "quantize_config.json",
    ]
    index = json.loads((folder / files[3]).read_text())
    assert index["metadata"]["total_size"] == sum(
        tensor.numel() * tensor.element_size()
        for name in files[:3]
        for tensor in load_file(folder / name).values()
    )
    read = GptqCheckpoint(str(folder))
    assert read.config.checkpoint_format == "gptq"  # symmetric, and nothing else asked for
    assert read.linears == tuple(made) and read.others == tuple(sorted(others))
    for name, each in made.items():
        assert_same(read.read(name), each)
    for name, each in others.items():
        assert torch.equal(read.tensor(name), each)
    with safe_open(folder / files[0], "pt") as file:
        assert file.metadata() == {"format": "pt"}

    os.unlink(folder / files[1])
    with pytest.raises(CheckpointError, match="00002-of-00003") as error:
        GptqCheckpoint(str(folder))
    one_line(error)


def test_tensors_of_every_width_are_aligned(tmp_path):
    """A reader looks at the file as an array of a tensor's type."""
    items = {
        "a": torch.ones(3, dtype=torch.uint8),
        "b": random(3).half(),
        "c": random(5),
        "d": random(2).double(),
    }
    write_gptq(str(tmp_path / "m"), items.items(), GptqConfig())
    assert all(
        torch.equal(tensor, items[name])
        for name, tensor in load_file(tmp_path / "m" / "model.safetensors").items()
    )


def test_one_linear_is_held_at_a_time(tmp_path):
    alive = []

    def items():
        for i in range(4):
            assert not [each for each in alive if each() is not None]
            made = linear(Grid(), seed=i)
            alive.append(weakref.ref(made.weight.codes))
            yield f"x{i}", made
            del made

    write_gptq(str(tmp_path / "m"), items(), GptqConfig(group_size=-1), shard_bytes=5000)
    assert len(GptqCheckpoint(str(tmp_path / "m")).linears) == len(alive) == 4


def test_what_a_format_has_no_place_for_is_not_written(tmp_path):
    plain = rtn(random(64, 96).abs(), Grid(group=32, symmetric=False))
    assert int(plain.zeros.max()) == 0
    ordered = linear(Grid(group=32), act_order=True)
    wide = rtn(random(64, 96), Grid(scale_dtype=torch.float32))
    for item, config, what in (
        (GptqLinear(plain), GptqConfig(group_size=32, sym=False, checkpoint_format="gptq"), "format v2"),
        (GptqLinear(plain), GptqConfig(group_size=32), "sym must be false"),
        (ordered, GptqConfig(group_size=32), "desc_act must be true"),
        (ordered, GptqConfig(group_size=-1), "in 3 groups"),
        (ordered, GptqConfig(bits=8, group_size=32), "4 bits"),
        (GptqLinear(wide), GptqConfig(group_size=-1), "16 bits"),
        (torch.zeros(1, dtype=torch.complex64), GptqConfig(), "complex64"),
    ):
        with pytest.raises(CheckpointError, match=what) as error:
            write_gptq(str(tmp_path / "m"), [("a.b", item)], config)
        assert one_line(error).startswith("a.b: ")
        assert os.listdir(tmp_path) == []
    with pytest.raises(CheckpointError, match="twice"):
        write_gptq(str(tmp_path / "m"), [("a", random(1))] * 2, GptqConfig())
    write_gptq(str(tmp_path / "m"), [("x", GptqLinear(plain))], GptqConfig(group_size=32, sym=False))
    assert_same(GptqCheckpoint(str(tmp_path / "m")).read("x"), GptqLinear(plain))


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "kept").write_text("")
    with pytest.raises(CheckpointError, match="something in it"):
        write_gptq(str(tmp_path), [], GptqConfig())
    assert os.listdir(tmp_path) == ["kept"]
    with pytest.raises(CheckpointError, match="kept"):
        write_gptq(str(tmp_path / "kept" / "m"), [], GptqConfig())


def broken(folder, **changes):
    """A checkpoint as others write it, with some of its tensors replaced or, by None, left out."""
    tensors = {f"x.{part}": each for part, each in linear(Grid(group=32)).weight.tensors()._asdict().items()}
    tensors.update({f"x.{part}": each for part, each in changes.items()})
    folder.mkdir()
    save_file(
        {key: each for key, each in tensors.items() if each is not None},
        folder / "gptq_model-4bit-32g.safetensors",
    )
    config = {"bits": 4, "group_size": 32, "sym": True, "desc_act": False, "checkpoint_format": "gptq_v2"}
    (folder / "quantize_config.json").write_text(json.dumps(config))
    return str(folder)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"scales": None}, "no x.scales"),
        ({"qzeros": None, "scales": None}, "no x.qzeros and no x.scales"),
        ({"qweight": None}, "no x.qweight"),
        ({"qweight": None, "qzeros": None}, "no linear of GPTQ"),
        ({"qweight": torch.zeros(12, 64)}, "must be int32"),
        ({"qweight": torch.zeros(12, 32, dtype=torch.int32)}, "do not go with"),
        ({"qweight": torch.zeros(8, 64, dtype=torch.int32)}, r"K = 64"),
        ({"qweight": torch.zeros(12, dtype=torch.int32)}, r"qweight must be \[K \* bits / 32, N\]"),
        ({"scales": torch.zeros(2, 64).half()}, "are not 3"),
        ({"scales": torch.zeros(3, 64, dtype=torch.int32)}, "floating-point"),
        ({"qzeros": torch.zeros(3, 4, dtype=torch.int32)}, "do not go with"),
        ({"g_idx": torch.full((96,), 3, dtype=torch.int32)}, "g_idx must be from 0 to 2"),
        ({"g_idx": torch.zeros(95, dtype=torch.int32)}, "96 values"),
        ({"bias": torch.zeros(63)}, "bias must be"),
    ],
)
def test_tensors_that_do_not_fit(tmp_path, changes, what):
    path = broken(tmp_path / "m", **changes)
    with pytest.raises(CheckpointError, match=what) as error:
        GptqCheckpoint(path).read("x")
    assert one_line(error).startswith(path)


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no bits and no group_size"),
        ('{"bits": 5, "group_size": 32}', "bits must be"),
        ('{"bits": "4", "group_size": 32}', "bits must be"),
        ('{"bits": 4, "group_size": 0}', "group_size must be"),
        ('{"bits": 4, "group_size": 32, "sym": "yes"}', "sym must be"),
        ('{"bits": 4, "group_size": 32, "checkpoint_format": "marlin"}', "marlin"),
        ('{"bits": 4, "group_size": 32, "is_marlin_format": true}', "marlin"),
        ('{"bits": 4, "group_size": 32, "quant_method": "awq"}', "awq"),
        ('{"bits": 4, "group_size": 32, "dynamic": {"x": {"bits": 8}}}', "dynamic"),
        ('{"bits": 4, "group_size": 32, "pack_dtype": "int64"}', "pack_dtype"),
    ],
)
def test_configs_that_are_not_understood(tmp_path, config, what):
    path = broken(tmp_path / "m")
    (tmp_path / "m" / "quantize_config.json").write_text(config)
    with pytest.raises(CheckpointError, match=what) as error:
        GptqCheckpoint(path)
    assert "quantize_config.json: " in one_line(error)


def test_act_order_without_its_groups(tmp_path):
    path = broken(tmp_path / "m", g_idx=None)
    plain = GptqCheckpoint(path).read("x").weight
    assert plain.g_idx.tolist() == [k // 32 for k in range(96)]
    with pytest.raises(CheckpointError, match="no g_idx"):
        GptqCheckpoint(path, GptqConfig(4, 32, True, True, "gptq_v2")).read("x")


def test_files_that_are_not_whole(tmp_path):
    path = Path(broken(tmp_path / "m")) / "gptq_model-4bit-32g.safetensors"
    whole = path.read_bytes()
    for size in (0, 7, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(CheckpointError) as error:
            GptqCheckpoint(str(path.parent))
        assert one_line(error).startswith(f"{path}: not a whole safetensors file")
    path.unlink()
    for where in (path, path.parent, tmp_path / "absent"):
        with pytest.raises(CheckpointError) as error:
            GptqCheckpoint(str(where))
        assert one_line(error).startswith(str(where))


@pytest.mark.parametrize(
    ("index", "what"),
    [
        ("{", "not JSON"),
        ("[]", "no weight_map"),
        ('{"weight_map": {"x.qweight": "../elsewhere"}}', "no name of a file"),
        ('{"weight_map": {"x.qweight": 3}}', "no name of a file"),
        ('{"weight_map": {"y.qweight": "gptq_model-4bit-32g.safetensors"}}', "no tensor y.qweight"),
        ('{"weight_map": {"x.qweight": "model-00001-of-00002.safetensors"}}', "No such file"),
    ],
)
def test_indices_that_do_not_fit(tmp_path, index, what):
    path = broken(tmp_path / "m")
    (tmp_path / "m" / "model.safetensors.index.json").write_text(index)
    with pytest.raises(CheckpointError, match=what) as error:
        GptqCheckpoint(path)
    one_line(error)


def test_names_that_are_not_there(tmp_path):
    read = GptqCheckpoint(broken(tmp_path / "m"))
    for ask in (read.read, read.tensor):
        with pytest.raises(CheckpointError, match="no "):
            ask("y")


def test_a_kill_leaves_no_half_checkpoint(tmp_path):
    """Killed with a shard on the disk: nothing under the name; the next one clears up."""
    script = """if True:
        import os, signal, sys, torch
        from envdoctor.quant.checkpoint import write_gptq
        from envdoctor.quant.gptq_config import GptqConfig
        def items():
            for i in range(3):
                yield str(i), torch.zeros(1000)
            os.kill(os.getpid(), signal.SIGKILL)
        write_gptq(sys.argv[1], items(), GptqConfig(), shard_bytes=1)
    """
    folder = tmp_path / "m"
    died = subprocess.run([sys.executable, "-c", script, str(folder)], cwd=ROOT, timeout=120)
    assert died.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path) == [".m.envdoctor-unfinished"]
    write_gptq(str(folder), [("x", random(3))], GptqConfig())
    assert os.listdir(tmp_path) == ["m"] and sorted(os.listdir(folder)) == [
        "model.safetensors",
        "quantize_config.json",
    ]


def test_two_at_once(tmp_path):
    folder = str(tmp_path / "m")

    def items():
        with pytest.raises(CheckpointError, match="another process"):
            write_gptq(folder, [], GptqConfig())
        yield "x", random(3)

    write_gptq(folder, items(), GptqConfig())
    assert torch.equal(load_file(folder + "/model.safetensors")["x"], random(3))


def test_without_safetensors_it_says_what_to_install(tmp_path, monkeypatch):
    path = broken(tmp_path / "m")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"envdoctor\[quant\]"):
        GptqCheckpoint(path)
