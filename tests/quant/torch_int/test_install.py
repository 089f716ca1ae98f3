"""Scripts that import torch_int run unchanged."""

import importlib
import pickle
import sys
import types

import pytest
import torch

from envdoctor.quant import torch_int
from envdoctor.quant.torch_int import install_as_torch_int

pytestmark = pytest.mark.usefixtures("own_modules")

#: As scripts for torch-int are written: attention and fc1 of an OPT layer.
SCRIPT = """
import torch
import torch_int
from torch_int import nn
from torch_int._CUDA import linear_a8_w8_b8_o8, bmm_s8t_s8n_s32t
from torch_int.functional.quantization import quantize_per_tensor_absmax
from torch_int.functional.fused import dq_add_layernorm_q_cpp
from torch_int.functional.bmm import bmm_i8_o8
from torch_int.nn.linear import W8A8B8O8Linear, W8A8B8O8LinearReLU, W8A8BFP32OFP32Linear
from torch_int.nn.fused import LayerNormQ
from torch_int.nn.bmm import BMM_S8T_S8N_S8T, BMM_S8T_S8N_F32T
import torch_int.nn.linear

torch.manual_seed(0)
B, H, L, D = 2, 4, 16, 32
norm, ln_out = torch.nn.LayerNorm(H * D), 0.03
q_proj, k_proj, v_proj, out_proj, fc1 = (torch.nn.Linear(H * D, H * D) for _ in range(5))
hidden = torch.randn(B, L, H * D)


def heads(t):
    return t.view(B, L, H, D).transpose(1, 2).reshape(B * H, L, D).contiguous()


def scale_of(t):
    return t.abs().max().item() / 127


with torch.no_grad():
    x = norm(hidden)
    q, k, v = q_proj(x) * D**-0.5, k_proj(x), v_proj(x)
    probs = (heads(q) @ heads(k).transpose(1, 2)).softmax(-1)
    context = (probs @ heads(v)).view(B, H, L, D).transpose(1, 2).reshape(B, L, H * D)
    fp_out = out_proj(context)
    fp_fc1 = fc1(x).relu()

    q_proj.weight *= D**-0.5
    q_proj.bias *= D**-0.5
    norm_q = LayerNormQ.from_float(norm, ln_out)
    int8_q, int8_k, int8_v = (
        W8A8B8O8Linear.from_float(each, ln_out, scale_of(t))
        for each, t in ((q_proj, q), (k_proj, k), (v_proj, v))
    )
    qk_bmm = BMM_S8T_S8N_F32T.from_scale(scale_of(q), scale_of(k))
    pv_bmm = BMM_S8T_S8N_S8T.from_scale(1.0 / 127, scale_of(v), scale_of(context))
    int8_out = W8A8BFP32OFP32Linear.from_float(out_proj, scale_of(context))
    int8_fc1 = W8A8B8O8LinearReLU.from_float(fc1, ln_out, scale_of(fp_fc1))
    layer = torch.nn.ModuleList([norm_q, int8_q, int8_k, int8_v, qk_bmm, pv_bmm, int8_out, int8_fc1]).to(device)

    x = norm_q(hidden.to(device))
    probs = qk_bmm(heads(int8_q(x)), heads(int8_k(x))).softmax(-1)
    probs = (probs * 127).round().to(torch.int8)
    context = pv_bmm(probs, heads(int8_v(x)).transpose(1, 2).contiguous())
    context = context.view(B, H, L, D).transpose(1, 2).reshape(B, L, H * D).contiguous()
    out = int8_out(context).cpu()
    fc1_out = int8_fc1(x).cpu() * scale_of(fp_fc1)
"""


def test_a_script_written_for_torch_int(device):
    install_as_torch_int()
    install_as_torch_int()  # which changes nothing
    said = {"device": device}
    exec(compile(SCRIPT, "script.py", "exec"), said)
    for got, exact in ((said["out"], said["fp_out"]), (said["fc1_out"], said["fp_fc1"])):
        assert (got - exact).square().mean() / exact.square().mean() < 2e-3
    assert said["torch_int"] is torch_int
    assert said["W8A8B8O8Linear"] is torch_int.nn.linear.W8A8B8O8Linear


def test_a_model_pickled_by_torch_int_is_loaded():
    """Pickles name classes by where they were; there, modules know of no packing."""
    install_as_torch_int()
    linear = torch_int.nn.linear.W8A8B8O8Linear(32, 16)
    x = torch.ones(2, 32, dtype=torch.int8)
    old = pickle.dumps(linear, protocol=0).replace(b"envdoctor.quant.torch_int", b"torch_int")
    assert b"torch_int.nn.linear" in old and b"packed" not in old
    assert torch.equal(pickle.loads(old)(x), linear(x))


def test_another_torch_int_is_not_taken_over():
    sys.modules["torch_int"] = types.ModuleType("torch_int")
    with pytest.raises(ImportError, match="torch_int is already imported"):
        install_as_torch_int()
    assert "torch_int.nn" not in sys.modules


def test_models_are_imported_when_they_are_asked_for():
    """And are the same modules under both names, as they were made under their own."""
    pytest.importorskip("transformers")
    install_as_torch_int()
    install_as_torch_int()
    assert "torch_int.models" in sys.modules and "torch_int.models.opt" not in sys.modules
    said = {}
    exec("import torch_int.models.opt\nfrom torch_int.models.opt import Int8OPTForCausalLM", said)
    from envdoctor.quant.torch_int.models import opt

    assert said["torch_int"].models.opt is opt and said["Int8OPTForCausalLM"] is opt.Int8OPTForCausalLM
    assert opt.__spec__.name == opt.__name__ == "envdoctor.quant.torch_int.models.opt"


def test_without_transformers(monkeypatch):
    ours = "envdoctor.quant.torch_int.models.opt"
    install_as_torch_int()
    with monkeypatch.context() as patched:
        for name in [name for name in sys.modules if name == ours or name.startswith("transformers.")]:
            patched.delitem(sys.modules, name)
        patched.setitem(sys.modules, "transformers", None)
        with pytest.raises(
            ImportError, match=r"^torch_int\.models\.opt needs transformers 4\.57 or newer.*$"
        ):
            importlib.import_module("torch_int.models.opt")


def test_names_are_those_of_torch_int():
    from envdoctor.quant.torch_int import _CUDA
    from envdoctor.quant.torch_int.nn import bmm, fused, linear

    assert sorted(_CUDA.__all__) == sorted(
        "linear_relu_a8_w8_b8_o8 linear_a8_w8_b32_o32 linear_a8_w8_bfp32_ofp32 linear_a8_w8_b32_o32_with_scaling "
        "linear_a8_w8_b8_o8 dq_add_layernorm_q bmm_s8t_s8n_s8t bmm_s8t_s8n_f32t bmm_s8t_s8n_s32t".split()
    )
    assert torch_int.nn.W8A16Linear is linear.W8A16Linear
    assert torch_int.nn.W8FakeA8Linear is linear.W8FakeA8Linear
    assert not issubclass(linear.W8A8B8O8LinearReLU, linear.W8A8B8O8Linear)
    assert bmm.BMM_S8T_S8N_S32T and fused.DQ_Add_LayerNorm_Q
