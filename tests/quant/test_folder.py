"""Folders of models: quantised block by block, written from memory, read, gone on with; and those that are broken."""

import copy
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from envdoctor.kernels.packed_linear import PackedLinear
from envdoctor.progress import Progress
from envdoctor.quant import stream
from envdoctor.quant.blocks import SKIP
from envdoctor.quant.checkpoint import GptqCheckpoint
from envdoctor.quant.folder import load, save
from envdoctor.quant.gptq_config import CheckpointError
from envdoctor.quant.model import quantize_model
from envdoctor.quant.peak import predicted_peak
from envdoctor.quant.pretrained import empty_model
from envdoctor.quant.schemes import SCHEMES, scheme
from envdoctor.quant.stream import Source, quantize_folder
from tests.quant import small_models
from tests.quant.small_models import batches, difference, logits, model_of

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder of each family, of several files."""
    made = {}
    for family in small_models.CONFIGS:
        made[family] = str(tmp_path_factory.mktemp("models") / family)
        small_models.save(model_of(family), made[family], max_shard_size="100KB")
    return made


def source_of(folder, name):
    return Source(folder, torch.bfloat16 if SCHEMES[name].sixteen_bits else None)


def states(model):
    return {name: each.plain() for name, each in model.named_modules() if isinstance(each, PackedLinear)}


def assert_same_linears(model, other):
    one, two = states(model), states(other)
    assert one.keys() == two.keys() and one
    for name in one:
        assert one[name].keys() == two[name].keys()
        for part in one[name]:
            assert torch.equal(one[name][part], two[name][part]), (name, part)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        (family, name)
        for family in sorted(small_models.CONFIGS)
        for name in ("w8a8", "w8a8-smooth", "llm.int8", "w4a8-g128-gptq", "w4a16-gptq")
        if (family, name) != ("gpt2", "w8a8-smooth")  # of no row of families
    ],
)
def test_block_by_block_is_as_in_memory(tmp_path, folders, family, name):
    source, out = source_of(folders[family], name), str(tmp_path / "out")
    written = quantize_folder(source, out, name, batches())
    expected = quantize_model(load(folders[family], dtype=source.dtype), name, batches())
    found = load(out)
    assert_same_linears(found, expected)
    assert torch.equal(logits(found, batches()[0]), logits(expected, batches()[0]))
    assert written.linears == len(states(expected))
    assert written.bytes_before == sum(
        path.stat().st_size for path in Path(folders[family]).glob("*.safetensors")
    )
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("name", ["w8a8", "w4a16-gptq"])
def test_a_folder_by_way_of_a_device(tmp_path, folders, device, name):
    """Quantised there, written, read there, and used for what it is made for."""
    out = str(tmp_path / "out")
    quantize_folder(Source(folders["llama"], torch.bfloat16), out, name, batches(), device=device)
    model, prompt = load(out, device), batches()[0]["input_ids"].to(device)
    made = model.generate(prompt, max_new_tokens=4, do_sample=False, pad_token_id=0, eos_token_id=None)
    assert made.shape == (2, 36) and made.device.type == device
    expected = logits(model_of("llama"), batches()[0])
    found = logits(model, {"input_ids": prompt}).cpu()
    assert float((found - expected).norm() / expected.norm()) < 0.3


@pytest.mark.parametrize("name", SCHEMES)
def test_round_trip_from_memory(tmp_path, name):
    model = model_of("opt")
    if SCHEMES[name].sixteen_bits:
        model = model.bfloat16()
    quantize_model(model, name, batches())
    out = str(tmp_path / "out")
    save(model, out, name)
    found = load(out)
    assert_same_linears(found, model)
    assert torch.equal(logits(found, batches()[0]), logits(model, batches()[0]))


@pytest.mark.parametrize(
    "options", [{"bits": 3}, {"bits": 8}, {"act_order": True, "group_size": 32}, {"symmetric": False}]
)
def test_gptq_checkpoints_say_what_they_are(tmp_path, folders, options):
    """As others read them: quantize_config.json, quantization_config in config.json, the tensors' names."""
    chosen, out = scheme("w4a16-gptq", **options), str(tmp_path / "out")
    quantize_folder(source_of(folders["llama"], chosen.name), out, chosen, batches())
    said = json.loads(Path(out, "quantize_config.json").read_text())
    assert json.loads(Path(out, "config.json").read_text())["quantization_config"] == said
    assert said["quant_method"] == "gptq" and said["bits"] == chosen.options.bits
    assert said["desc_act"] == chosen.options.act_order and said["sym"] == chosen.options.symmetric
    assert said["checkpoint_format"] == ("gptq" if chosen.options.symmetric else "gptq_v2")
    checkpoint = GptqCheckpoint(out)
    assert len(checkpoint.linears) == 14
    weight = model_of("llama").model.layers[0].mlp.up_proj.weight
    read = checkpoint.read("model.layers.0.mlp.up_proj").weight.dequantized()
    bound = {3: 0.35, 4: 0.2, 8: 0.02}[chosen.options.bits]
    assert float((read - weight).norm() / weight.norm()) < bound
    index = json.loads(Path(out, "model.safetensors.index.json").read_text())["weight_map"]
    for key, file in index.items():
        assert key in load_file(os.path.join(out, file))


def test_what_is_no_gptq_checkpoint_is_not_taken_for_weights(tmp_path, folders):
    from transformers import AutoModelForCausalLM

    out = str(tmp_path / "out")
    quantize_folder(Source(folders["llama"]), out, "w8a8")
    assert not list(Path(out).glob("model*"))
    with pytest.raises(OSError, match=r"model\.safetensors"):
        AutoModelForCausalLM.from_pretrained(out, local_files_only=True)


def test_tokenizers_come_along_and_weights_of_others_do_not(tmp_path, folders):
    source = tmp_path / "source"
    small_models.save(model_of("llama"), source)
    (source / "pytorch_model.bin").write_bytes(b"weights")
    (source / "modeling.py").write_text("program")
    (source / ".hidden").write_text("hidden")
    out = tmp_path / "out"
    quantize_folder(Source(str(source)), str(out), "w8a8")
    names = set(os.listdir(out))
    assert {"tokenizer.json", "tokenizer_config.json", "generation_config.json"} <= names
    assert not {"pytorch_model.bin", "modeling.py", ".hidden", "model.safetensors"} & names
    assert (out / "tokenizer.json").read_bytes() == (source / "tokenizer.json").read_bytes()


def test_names_may_lack_the_prefix_of_the_class(tmp_path):
    """Of a checkpoint of the model without its head, as those of OPT are."""
    model = model_of("opt")
    model.model.save_pretrained(tmp_path / "bare")
    assert not any(key.startswith("model.") for key in load_file(tmp_path / "bare" / "model.safetensors"))
    config = json.loads((tmp_path / "bare" / "config.json").read_text())
    (tmp_path / "bare" / "config.json").write_text(
        json.dumps({**config, "architectures": ["OPTForCausalLM"]})
    )
    source = Source(str(tmp_path / "bare"))
    assert source.weights is not None
    quantize_folder(source, str(tmp_path / "out"), "w8a8")
    expected = quantize_model(copy.deepcopy(model), "w8a8")
    assert torch.equal(logits(load(str(tmp_path / "out")), batches()[0]), logits(expected, batches()[0]))


def test_the_example_of_the_readme(tmp_path, monkeypatch):
    section = (ROOT / "README.md").read_text().partition("\n## Quantising\n")[2].partition("\n## ")[0]
    (example,) = [
        block for block in re.findall(r"```python\n(.*?)```", section, re.S) if "quantize_model" in block
    ]
    monkeypatch.chdir(tmp_path)
    said = {}
    exec(example, said)
    assert len(states(said["model"])) == 14
    assert os.listdir(tmp_path) == ["llama-w8a8"]


def test_a_checkpoint_of_other_names_is_read_whole(tmp_path):
    """Experts one by one, which transformers holds in one tensor."""
    small_models.save(model_of("mixtral"), tmp_path / "model")
    assert any(".experts.3." in key for key in load_file(tmp_path / "model" / "model.safetensors"))
    source = Source(str(tmp_path / "model"))
    if source.weights is not None:
        pytest.skip("this transformers has experts one by one itself")
    quantize_folder(source, str(tmp_path / "out"), "w4a8-gptq", batches())
    assert difference(load(str(tmp_path / "out")), model_of("mixtral"), batches()[0]) < 0.3
    source = Source(str(tmp_path / "model"))
    source.load_before_blocks(SKIP, torch.device("meta"))
    moved = {name for name, tensor in source.model.named_parameters() if tensor.is_meta}
    assert moved == {"model.embed_tokens.weight", "model.norm.weight"}, "all that calibration goes through"


@pytest.mark.parametrize(
    ("more", "missing"),
    [(nn.LayerNorm(64), "2.weight"), (nn.BatchNorm1d(64, affine=False), "2.running_mean")],
)
def test_a_model_of_one_s_own_gets_all_of_its_tensors(tmp_path, more, missing):
    """Parameters and buffers, but not those that no file has; what is tied is there once."""

    def model(*more):
        made = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), *more)
        made.register_buffer("mine", torch.ones(1), persistent=False)
        return made

    out, saved = str(tmp_path / "out"), model()
    save(quantize_model(saved, "w8a8"), out, "w8a8")
    tied = nn.LayerNorm(64)
    twice = model(tied)
    twice[1].weight, twice[1].bias = tied.weight, tied.bias
    x = torch.randn(3, 64)
    assert torch.equal(load(out, model=twice)(x), twice[2](saved(x)))
    with pytest.raises(CheckpointError, match=re.escape(f"out: no tensor {missing} in it")):
        load(out, model=model(more))


class Stop(Progress):
    """Ends the run when a block begins."""

    def __init__(self, at):
        self.at, self.said, self.notes = at, [], []

    def note(self, text):
        self.notes.append(text)

    def start(self, label):
        if self.at in label:
            raise KeyboardInterrupt

    def finish(self, result):
        self.said.append(result)


@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("llama", "w8a8"),
        ("llama", "smq_q8i8f16_2"),
        ("llama", "w4a8-gptq"),
        ("llama", "w4a16-gptq"),
        ("mixtral", "w4a8-gptq"),
    ],
)
def test_a_run_that_ended_is_gone_on_with(tmp_path, folders, family, name):
    whole, out, folder = str(tmp_path / "whole"), str(tmp_path / "out"), folders[family]
    quantize_folder(source_of(folder, name), whole, name, batches())
    with pytest.raises(KeyboardInterrupt):
        quantize_folder(source_of(folder, name), out, name, batches(), progress=Stop("block 2"))
    assert sorted(os.listdir(tmp_path)) == ["out.part", "whole"]
    said = Stop("never")
    quantize_folder(source_of(folder, name), out, name, batches(), progress=said)
    assert said.said == ["was there", "quantised", "written"]
    assert sorted(os.listdir(tmp_path)) == ["out", "whole"]
    assert sorted(os.listdir(out)) == sorted(os.listdir(whole))
    for path in Path(whole).iterdir():
        assert path.read_bytes() == Path(out, path.name).read_bytes(), path.name


QKV = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
GATED = ["mlp.gate_proj", "mlp.up_proj"]
TIED = ("post_attention_layernorm.weight", "mlp.up_proj.weight")


def tied(folder, dtype=None):
    """Across blocks: a norm and a linear."""
    model = empty_model(folder, dtype)
    one, two = model.model.layers
    two.post_attention_layernorm.weight = one.post_attention_layernorm.weight
    two.mlp.up_proj.weight = one.mlp.up_proj.weight
    return model


@pytest.mark.parametrize("name", ["w8a8", "w4a8-gptq"])
def test_what_is_tied_across_blocks_is_in_each(tmp_path, monkeypatch, name):
    """Also where a run ended between them, and what files have of it once was in the first of them."""
    model, folder = model_of("llama"), str(tmp_path / "model")
    one, two = model.model.layers
    one.post_attention_layernorm.weight.copy_(torch.linspace(0.5, 2, 64))
    two.load_state_dict({name: one.state_dict()[name] for name in TIED}, strict=False)
    small_models.save(model, folder)
    tensors = load_file(tmp_path / "model" / "model.safetensors")
    for of in TIED:
        del tensors[f"model.layers.1.{of}"]
    save_file(tensors, tmp_path / "model" / "model.safetensors")
    monkeypatch.setattr(stream, "empty_model", tied)
    whole, out = str(tmp_path / "whole"), str(tmp_path / "out")
    quantize_folder(Source(folder), whole, name, batches())
    with pytest.raises(KeyboardInterrupt):
        quantize_folder(Source(folder), out, name, batches(), progress=Stop("block 2"))
    quantize_folder(Source(folder), out, name, batches())
    for path in Path(whole).iterdir():
        assert path.read_bytes() == Path(out, path.name).read_bytes(), path.name

    found, expected = load(out), quantize_model(model, name, batches())
    assert_same_linears(found, expected)
    assert torch.equal(logits(found, batches()[0]), logits(expected, batches()[0]))


def in_one_module(model):
    one, two = model.model.layers
    two.input_layernorm = one.input_layernorm


def by_one_tensor(model):
    one, two = model.model.layers
    two.post_attention_layernorm.weight = one.post_attention_layernorm.weight


@pytest.mark.parametrize(
    ("tie", "norm"), [(in_one_module, "input_layernorm"), (by_one_tensor, "post_attention_layernorm")]
)
@pytest.mark.parametrize("rows", [None, [("input_layernorm", QKV), ("post_attention_layernorm", GATED)]])
def test_a_norm_that_blocks_share_is_not_smoothed(tmp_path, folders, monkeypatch, tie, norm, rows):
    """Scales of one block would reach the other; nothing is changed or written, and without smoothing it goes."""
    how = scheme("smq_q8i8f16_1", feeds=None if rows is None else dict(rows))
    said = rf"\.{norm}\.weight is a parameter of another module too, which scales would change: do without"
    model = model_of("llama")
    tie(model)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match=said):
        quantize_model(model, how, batches())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())

    def empty(folder, dtype=None):
        made = empty_model(folder, dtype)
        tie(made)
        return made

    monkeypatch.setattr(stream, "empty_model", empty)
    out = str(tmp_path / "out")
    with pytest.raises(ValueError, match=said):
        quantize_folder(Source(folders["llama"]), out, how, batches())
    assert not os.listdir(tmp_path)
    plain = scheme(how, alpha=None, feeds=None)
    if tie is by_one_tensor:
        quantize_folder(Source(folders["llama"]), out, plain, batches())
    else:
        with pytest.raises(
            ValueError, match=r"layers\.1\.input_layernorm is model\.layers\.0\.input_layernorm too"
        ):
            quantize_folder(Source(folders["llama"]), out, plain, batches())


def test_another_job_begins_anew(tmp_path, folders):
    out = str(tmp_path / "out")
    for number, (name, data, anew, expected) in enumerate(
        (
            ("w4a8-gptq", batches(), False, []),
            ("w4a8-gptq", batches(seed=1), False, []),  # other inputs
            ("w8a8", batches(seed=1), False, []),  # another scheme
            ("w8a8", batches(seed=2), False, ["was there"]),  # which has no inputs
            ("w8a8", batches(seed=2), True, []),
        )
    ):
        said = Stop("block 2")
        with pytest.raises(KeyboardInterrupt):
            quantize_folder(Source(folders["llama"]), out, name, data, progress=said, anew=anew)
        assert said.said == (expected or ["quantised"]), (name, anew)
        begun = not expected and not anew and number > 0
        assert said.notes == ([f"{out}.part is of another run: begun anew"] if begun else [])


def test_a_kill_leaves_nothing_under_the_name(tmp_path, folders):
    """And the next run goes on."""
    out = tmp_path / "out"
    script = (
        "import sys, time; from envdoctor.quant.stream import Source, quantize_folder\n"
        "from envdoctor.progress import Progress\n"
        "class Slow(Progress):\n"
        "    def finish(self, result): print(result, flush=True); time.sleep(60)\n"
        "quantize_folder(Source(sys.argv[1]), sys.argv[2], 'w8a8', progress=Slow())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    child = subprocess.Popen(
        [sys.executable, "-c", script, folders["llama"], str(out)], stdout=subprocess.PIPE, env=environment
    )
    assert child.stdout.readline() == b"quantised\n"
    with pytest.raises(CheckpointError, match="another process"):
        quantize_folder(Source(folders["llama"]), str(out), "w8a8")
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert not out.exists()
    said = Stop("never")
    quantize_folder(Source(folders["llama"]), str(out), "w8a8", progress=said)
    assert said.said == ["was there", "quantised", "written"]


KEPT = """
import resource, sys, torch
from pathlib import Path
from envdoctor.host.memory import forget_peak
from envdoctor.quant.model import quantize_model
from envdoctor.quant.peak import predicted_peak
from envdoctor.quant.stream import Source, quantize_folder
small, large, out, *names = sys.argv[1:]

def kept(size, work, *arguments):
    forget_peak()  # what the allocator holds free is given back
    held = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    limit = int(held.split()[1]) * 1024 + size
    resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))
    try:
        work(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return size

def within(name, share):
    quantize_folder(Source(small, torch.bfloat16), f"{out}-small-{name}-{share}", name)
    source = Source(large, torch.bfloat16)
    predicted = predicted_peak(source, name).host
    return kept(int(predicted * share), quantize_folder, source, f"{out}-large-{name}-{share}", name)

try:
    within(names[0], 0)
except (MemoryError, RuntimeError, ValueError):  # the last: a file that cannot be mapped
    print("too little")
for name in names:
    print(within(name, 1))
x = [torch.randn(300, 1024)]
for name in ("w8a8", "w4a8-g128-gptq"):
    model = torch.nn.Sequential(*(torch.nn.Linear(1024, 1024) for _ in range(25)))
    kept(predicted_peak(model, name, x).host, quantize_model, model, name, x)
    print(sum(each.numel() * each.element_size() for each in model.buffers()))
"""

MEASURED = """
import sys, torch
from envdoctor.host.memory import forget_peak, memory, peak_memory
from envdoctor.quant.model import quantize_model
from envdoctor.quant.peak import predicted_peak

x = [torch.randn(300, 1024)]
model = torch.nn.Sequential(*(torch.nn.Linear(1024, 1024) for _ in range(25)))
quantize_model(torch.nn.Linear(1024, 1024), sys.argv[1], x)  # libraries are loaded at first use
predicted = predicted_peak(model, sys.argv[1], x).host
assert forget_peak()
before = memory()
quantize_model(model, sys.argv[1], x)
print(predicted, peak_memory() - before)
"""


def in_a_child(script, *arguments, **variables):
    """What it prints; with one thread and one arena, for how many more get depends on when they meet."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A model of a hundred million bytes, in twenty files."""
    from transformers import AutoModelForCausalLM, LlamaConfig

    folder = tmp_path_factory.mktemp("large") / "large"
    sizes = {"hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 20, "num_attention_heads": 8}
    model = AutoModelForCausalLM.from_config(LlamaConfig(vocab_size=1024, dtype="bfloat16", **sizes))
    model.save_pretrained(folder, max_shard_size="5MB")
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    assert size > 100e6
    return str(folder), size


def test_the_peak_of_memory_is_predicted_and_kept(tmp_path, folders, large):
    """In a child, which gets no more from the kernel than is predicted; and fails if it gets much less."""
    # What the kernel limits is addresses, among them holes between what is in use, whose memory was given back:
    # tensors are to have mappings of their own.
    arguments = (folders["llama"], large[0], str(tmp_path / "out"), "w8a8", "w4a16-rtn")
    first, *predicted, int8, int4 = in_a_child(KEPT, *arguments, MALLOC_MMAP_THRESHOLD_="65536").splitlines()
    assert first == "too little" and len(predicted) == 2
    assert all(int(each) < 0.8 * large[1] for each in predicted)
    for name, size in (("w8a8", int8), ("w4a8-g128-gptq", int4)):  # what a device would have at the end
        assert int(size) < 25 * 1024 * 1024 * scheme(name).packed < 1.3 * int(size)


def test_memory_that_is_free_is_given_back_while_a_model_shrinks():
    """Else it stays between what is packed, in holes that fit nothing: up to three times what is predicted."""
    predicted, most = map(int, in_a_child(MEASURED, "w8a8").split())
    assert most < predicted


def test_the_peak_on_a_device_is_that_of_all_that_is_quantised_there():
    one, many = (nn.Sequential(*(nn.Linear(1024, 1024) for _ in range(count))) for count in (1, 50))
    grown = (
        predicted_peak(many, "w8a8", device="meta").device - predicted_peak(one, "w8a8", device="meta").device
    )
    assert grown > 49 * 1024 * 1024 * 5  # floats, for this is one block
    assert predicted_peak(many, "w8a8").device == 0


def test_the_peak_does_not_grow_with_the_number_of_blocks(folders, large):
    predicted = predicted_peak(Source(large[0]), "w8a8").host
    source = Source(large[0])
    source.model.model.layers = source.model.model.layers[:2]
    assert predicted_peak(source, "w8a8").host == predicted


def broken(folder, name, text):
    (Path(folder) / name).write_text(text)


def test_broken_folders_are_one_line(tmp_path, folders):
    def model(name):
        folder = tmp_path / name
        small_models.save(model_of("llama"), folder)
        return folder

    cut = model("cut") / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-100])
    broken(model("config"), "config.json", "{")
    broken(model("list"), "config.json", "[]")
    broken(model("type"), "config.json", '{"model_type": "nonesuch"}')
    (model("weights") / "model.safetensors").unlink()
    bare = model("bare")
    (bare / "config.json").unlink()
    quantize_folder(Source(str(model("done"))), str(tmp_path / "quantised"), "w8a8")
    for folder, what in (
        ("nowhere", "no such folder"),
        ("bare", "no config.json in it"),
        ("config", "not JSON"),
        ("list", "not a JSON object"),
        ("type", "transformers does not read it"),
        ("cut", "not a whole safetensors file"),
        ("weights", r"no \*.safetensors in it"),
        ("quantised", "quantised already"),
    ):
        with pytest.raises(CheckpointError, match=what) as error:
            quantize_folder(Source(str(tmp_path / folder)), str(tmp_path / "out"), "w8a8")
        assert "\n" not in str(error.value) and folder in str(error.value)
    assert not (tmp_path / "out").exists()


def test_broken_quantised_folders_are_one_line(tmp_path, folders):
    for number, (spoil, what) in enumerate(
        (
            (lambda said: said.update(format=2), "not of format 1"),
            (lambda said: said["linears"]["model.layers.0.mlp.up_proj"].update(kind="Other"), "no 'Other'"),
            (lambda said: said["linears"].update(extra={"kind": "LinearW8A8"}), "no linear extra"),
            (
                lambda said: said["linears"].pop("model.layers.0.mlp.up_proj"),
                r"up_proj.weight is int8 \[96, 64\]",
            ),
        )
    ):
        out = str(tmp_path / str(number))
        quantize_folder(Source(folders["llama"]), out, "w8a8")
        path = Path(out, "envdoctor_quantized.json")
        said = json.loads(path.read_text())
        spoil(said)
        path.write_text(json.dumps(said))
        with pytest.raises(CheckpointError, match=what) as error:
            load(out)
        assert "\n" not in str(error.value)


def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, folders):
    out = str(tmp_path / "out")
    with pytest.raises(ValueError, match="no linear in it to quantise"):
        quantize_folder(Source(folders["llama"]), out, "w8a8", skip=("model",))
    assert not os.listdir(tmp_path)
    model = quantize_model(model_of("llama"), "w8a8")
    with pytest.raises(CheckpointError, match="LinearW8A8 does not go into a GPTQ checkpoint"):
        save(model, out, "w4a16-rtn")


@pytest.mark.parametrize("text", ["3", "[]", '{"format": 1}', '{"format": 1, "linears": [3]}'])
def test_a_list_of_linears_that_is_none_is_one_line(tmp_path, folders, text):
    save(quantize_model(model_of("llama"), "w8a8"), str(tmp_path / "out"), "w8a8")
    (tmp_path / "out" / "envdoctor_quantized.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"envdoctor_quantized.json: "):
        load(str(tmp_path / "out"))


def test_a_folder_with_something_in_it_stays(tmp_path, folders):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(CheckpointError, match="there is something in it"):
        quantize_folder(Source(folders["llama"]), str(tmp_path / "out"), "w8a8")
    assert os.listdir(tmp_path) == ["out"] and os.listdir(tmp_path / "out") == ["mine"]


def test_float32_activations_are_refused_before_anything_is_done(tmp_path, folders):
    with pytest.raises(ValueError, match="the model is float32"):
        quantize_folder(Source(folders["llama"]), str(tmp_path / "out"), "w4a16-rtn")
    assert os.listdir(tmp_path) == []


def test_what_is_in_the_way_is_seen_before_anything_is_done(tmp_path, folders):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    before = sorted(os.listdir(tmp_path))
    for out, what in (
        ("file", "there is something of that name"),
        ("link", "there is something of that name"),
        ("file/out", "file is no folder"),
        ("", "there is something in it"),  # its own folder
    ):
        for write in (
            lambda out: quantize_folder(Source(folders["llama"]), out, "w8a8"),
            lambda out: save(quantize_model(model_of("llama"), "w8a8"), out, "w8a8"),
        ):
            with pytest.raises(CheckpointError, match=what):
                write(f"{tmp_path}/{out}")
    assert sorted(os.listdir(tmp_path)) == before and (tmp_path / "file").read_text() == "mine"


def test_a_run_that_has_written_nothing_leaves_nothing(tmp_path, folders):
    """Also where it is refused in the midst of a block."""
    model = model_of("llama")
    model.model.layers[0].mlp.down_proj.weight[3, 3] = float("nan")
    small_models.save(model, tmp_path / "model")
    for name, data in (("w8a8", ()), ("w4a8-gptq", batches())):
        with pytest.raises(ValueError, match=r"^model\.layers\.0\.|infinity or NaN"):
            quantize_folder(Source(str(tmp_path / "model")), str(tmp_path / "out"), name, data)
    assert os.listdir(tmp_path) == ["model"]
