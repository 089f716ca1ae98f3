"""Norms whose results are int8."""

import pytest
import torch

from envdoctor.quant.torch_int.functional.fused import (
    dq_add_layernorm,
    dq_add_layernorm_q_cpp,
    dq_add_layernorm_q_py,
)
from envdoctor.quant.torch_int.nn.fused import DQ_Add_LayerNorm_Q, LayerNormQ

DIM = 96


def norm(**options):
    torch.manual_seed(0)
    module = torch.nn.LayerNorm(DIM, **options)
    for parameter in module.parameters():
        torch.nn.init.uniform_(parameter, 0.5, 2)
    return module


def test_the_kernel_and_plain_torch_agree(device):
    torch.manual_seed(0)
    x = torch.randint(-65536, 65536, (2, 3, DIM), dtype=torch.int32, device=device)
    residual, module = torch.randn(2, 3, DIM, device=device), norm().to(device)
    arguments = (x, 0.01, residual, module.weight.detach() * 20, module.bias.detach() * 20, module.eps)
    total, q = dq_add_layernorm_q_cpp(*arguments)
    plain_total, plain_q = dq_add_layernorm_q_py(*arguments)
    assert q.dtype == plain_q.dtype == torch.int8
    assert torch.allclose(total, plain_total)
    # A level apart only where plain torch is as good as between two.
    between = dq_add_layernorm(*arguments)[1]
    apart = q != plain_q
    assert ((between[apart] % 1 - 0.5).abs() < 1e-3).all() and apart.sum() < 5

    fused = DQ_Add_LayerNorm_Q(DIM, device=device)
    fused.input_scale, fused.weight, fused.bias = 0.01, arguments[3], arguments[4]
    assert all(torch.equal(*pair) for pair in zip(fused(residual, x), (total, q)))
    assert list(fused.state_dict()) == ["weight", "bias"]


@pytest.mark.parametrize("scale", [0.03, torch.tensor(0.03)])
def test_layernorm_q(scale, device):
    module = norm().to(device)
    made, x = LayerNormQ.from_float(module, scale), torch.randn(4, DIM, device=device)
    exact = torch.nn.functional.layer_norm(
        x.double(), (DIM,), module.weight.double() / 0.03, module.bias.double() / 0.03, module.eps
    )
    assert (made(x) - exact.clamp(-128, 127)).abs().max() < 0.501
    assert torch.equal(made(x.half()), made(x.half().float()))
    assert list(made.state_dict()) == ["weight", "bias"]


def test_layernorm_q_kept_the_graph_of_the_module():
    module = norm()
    before = module.weight.clone()
    made = LayerNormQ.from_float(module, 0.5)
    assert not made.weight.requires_grad and torch.equal(module.weight, before)


def test_layernorms_without_parameters_crashed():
    made, x = LayerNormQ.from_float(norm(elementwise_affine=False), 0.05), torch.randn(4, DIM)
    exact = torch.nn.functional.layer_norm(x.double(), (DIM,)) / 0.05
    assert (made(x) - exact.clamp(-128, 127)).abs().max() < 0.501


def test_layernorms_over_more_dimensions_are_refused():
    with pytest.raises(ValueError, match="one dimension"):
        LayerNormQ.from_float(torch.nn.LayerNorm((2, DIM)), 1.0)
