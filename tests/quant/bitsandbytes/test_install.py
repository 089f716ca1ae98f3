"""Scripts that import bitsandbytes run unchanged."""

import importlib.metadata
import importlib.util
import pickle
import subprocess
import sys
import types

import pytest
import torch

from envdoctor.quant import bitsandbytes
from envdoctor.quant.bitsandbytes import install_as_bitsandbytes

pytestmark = pytest.mark.usefixtures("own_modules")

#: As the documentation of bitsandbytes has it.
SCRIPT = """
import torch
import torch.nn as nn
import bitsandbytes as bnb
from bitsandbytes.nn import Linear8bitLt, Int8Params
from bitsandbytes.autograd._functions import MatmulLtState
import bitsandbytes.functional as F

fp16_model = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
int8_model = nn.Sequential(
    Linear8bitLt(64, 64, has_fp16_weights=False), Linear8bitLt(64, 64, has_fp16_weights=False)
)
int8_model.load_state_dict(fp16_model.state_dict())
int8_model = int8_model.to(device)
x = torch.randn(5, 64, generator=torch.Generator().manual_seed(0))
with torch.no_grad():
    exact, y = fp16_model(x), int8_model(x.half().to(device)).float().cpu()
    CA, SCA, _ = F.int8_vectorwise_quant(x.half().to(device))
    CB, SCB, _ = F.int8_vectorwise_quant(fp16_model[0].weight.half().to(device))
    first = F.int8_mm_dequant(F.int8_linear_matmul(CA, CB), SCA, SCB, bias=fp16_model[0].bias.half().to(device))
    exact_first = fp16_model[0](x)
"""


def test_a_script_written_for_bitsandbytes(device):
    install_as_bitsandbytes()
    install_as_bitsandbytes()  # which changes nothing
    said = {"device": device}
    exec(compile(SCRIPT, "script.py", "exec"), said)
    for y, exact in ((said["y"], said["exact"]), (said["first"].float().cpu(), said["exact_first"])):
        assert (y - exact).norm() < 0.02 * exact.norm()
    assert said["bnb"] is bitsandbytes and said["Linear8bitLt"] is bitsandbytes.nn.Linear8bitLt


def test_its_version_is_known():
    """transformers before version 5 asks for the metadata of a package, once and for all."""
    found = importlib.util.find_spec("bitsandbytes")
    install_as_bitsandbytes()
    assert found or importlib.metadata.version("bitsandbytes") == bitsandbytes.__version__
    assert "torch" in [each.metadata["Name"] for each in importlib.metadata.distributions()]
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("no-such-package-bitsandbytes")


def test_a_model_pickled_by_bitsandbytes_is_loaded():
    install_as_bitsandbytes()
    linear = bitsandbytes.nn.Linear8bitLt(64, 16, has_fp16_weights=False).to("cpu").eval()
    old = pickle.dumps(linear, protocol=0).replace(b"envdoctor.quant.bitsandbytes", b"bitsandbytes")
    assert b"bitsandbytes.nn.modules" in old and b"envdoctor" not in old.replace(
        b"bitsandbytes.nn.parameters", b""
    )
    x = torch.ones(2, 64)
    assert torch.equal(pickle.loads(old)(x), linear(x))


def test_another_bitsandbytes_is_not_taken_over():
    sys.modules["bitsandbytes"] = types.ModuleType("bitsandbytes")
    with pytest.raises(ImportError, match="bitsandbytes is already imported"):
        install_as_bitsandbytes()
    assert "bitsandbytes.nn" not in sys.modules


#: Run by Python itself: what is bitsandbytes here is the real one.
BESIDE = """
import sys
import torch
import bitsandbytes as theirs
from envdoctor.quant import bitsandbytes as ours

torch.manual_seed(0)
linear = torch.nn.Linear(256, 96).bfloat16().float()  # also the bias, which theirs rounds to the type of x
x = torch.randn(17, 256)
x[:, [3, 77]] *= 20
made = []
for m in (theirs, ours):
    int8 = m.nn.Linear8bitLt(256, 96, True, False, 6.0)
    int8.load_state_dict(linear.state_dict())
    made.append(int8.to("cpu").eval())
with torch.no_grad():
    states = [int8.state_dict() for int8 in made]
    assert list(states[0]) == list(states[1])
    for name in states[0]:
        assert torch.equal(states[0][name], states[1][name]) and states[0][name].dtype == states[1][name].dtype, name
    for dtype, most in ((torch.float16, 1e-3), (torch.bfloat16, 1e-2), (torch.float32, 1e-3)):
        a, b = (int8(x.to(dtype)) for int8 in made)
        assert a.dtype == b.dtype and (a - b).double().norm() < most * a.double().norm(), dtype
    again = [m.nn.Linear8bitLt(256, 96, True, False, 6.0).to("cpu").eval() for m in (theirs, ours)]
    again[0].load_state_dict(made[1].state_dict())
    again[1].load_state_dict(states[0])
    assert torch.equal(again[0](x), made[0](x)) and torch.equal(again[1](x), made[1](x))
    for threshold in (0.0, 6.0):
        for rows in (x.half(), x[:1].half()):
            (qa, sa, ca), (qb, sb, cb) = (m.functional.int8_vectorwise_quant(rows, threshold) for m in (theirs, ours))
            assert (qa - qb).abs().max() <= 1 and torch.equal(sa, sb) and (ca is cb is None or torch.equal(ca, cb))
    fresh = theirs.nn.Linear8bitLt(256, 96, True, False, 6.0).to("cpu").eval()
    torch.save([fresh, fresh(x.half()), made[0], made[0](x.half()), x.half()], sys.argv[1])
"""


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
def test_beside_bitsandbytes_itself(tmp_path):
    file = str(tmp_path / "pickled")
    done = subprocess.run([sys.executable, "-c", BESIDE, file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    install_as_bitsandbytes()
    fresh, of_fresh, called, of_called, x = torch.load(file, weights_only=False)
    for module, wanted in ((fresh, of_fresh), (called, of_called)):
        assert type(module) is bitsandbytes.nn.Linear8bitLt and module.state.threshold == 6.0
        with torch.no_grad():
            y = module(x)
            assert (y - wanted).float().norm() < 1e-3 * wanted.float().norm()
            assert torch.equal(module.to("cpu")(x), y)
