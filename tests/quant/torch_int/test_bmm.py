"""Batched products as modules."""

import pytest
import torch

from envdoctor.quant.torch_int.functional.bmm import bmm_i8_o8, bmm_i8_o32
from envdoctor.quant.torch_int.nn.bmm import BMM_S8T_S8N_F32T, BMM_S8T_S8N_S8T, BMM_S8T_S8N_S32T
from tests.quant.torch_int.arithmetic import int8, saturated, scaled, sums


@pytest.fixture
def operands(device):
    return int8(3, 20, 64).to(device), int8(3, 24, 64, seed=1).to(device)


def test_results(operands):
    a, b = operands
    acc = sums(a, b)
    of_int8 = BMM_S8T_S8N_S8T.from_scale(0.02, 0.03, 0.5)
    alpha = of_int8.a.item()
    assert alpha == torch.tensor(0.02 * 0.03 / 0.5).item()
    assert torch.equal(of_int8(a, b).cpu(), saturated(scaled(acc, alpha), torch.int8))
    assert torch.equal(BMM_S8T_S8N_F32T(alpha)(a, b).cpu(), scaled(acc, alpha))
    assert torch.equal(BMM_S8T_S8N_S32T()(a, b).cpu(), acc.to(torch.int32))
    assert torch.equal(bmm_i8_o8(a, b, alpha), of_int8(a, b))
    assert torch.equal(bmm_i8_o32(a, b), BMM_S8T_S8N_S32T()(a, b))


def test_states_are_those_of_torch_int():
    assert list(BMM_S8T_S8N_S8T(0.5).state_dict()) == ["a"]
    assert list(BMM_S8T_S8N_F32T(0.5).state_dict()) == ["a"]
    assert list(BMM_S8T_S8N_S32T().state_dict()) == []
    made = BMM_S8T_S8N_F32T.from_scale(torch.tensor(0.5), torch.tensor(0.25))
    assert made.a.dtype == torch.float32 and made.a.shape == () and made.a == 0.125


def test_half_rounded_the_scale(operands):
    module = BMM_S8T_S8N_F32T(3e-8)
    before = module(*operands)
    assert before.any() and torch.equal(module.half()(*operands), before)
