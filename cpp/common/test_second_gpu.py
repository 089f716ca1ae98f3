"""Tensors of one GPU while another one is current."""

import pytest
import torch

from envdoctor.kernels import LinearW4A8, LinearW4A16, LinearW8A8, linear_llm_int8, pack_llm_int8

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is no second GPU"),
]


@pytest.mark.parametrize("rows", [1, 70])
@pytest.mark.parametrize("kind", [LinearW8A8, LinearW4A8, LinearW4A16])
def test_linears_run_where_their_tensors_are(kind, rows):
    plain = torch.nn.Linear(256, 128).half()
    x = torch.randn(rows, 256).half()
    first, second = (kind.from_linear(plain, device=f"cuda:{number}") for number in (0, 1))
    with torch.cuda.device(0):
        y = second(x.to("cuda:1"))
        assert y.device == torch.device("cuda:1") and torch.cuda.current_device() == 0
        assert torch.equal(y.cpu(), first(x.to("cuda:0")).cpu())


def test_outliers_are_found_there():
    weight, scale = pack_llm_int8(torch.randn(64, 128), device="cuda:1")
    x = torch.randn(9, 128, device="cuda:1").half() * 5
    with torch.cuda.device(0):
        wanted = linear_llm_int8(x, weight, scale)
    with torch.cuda.device(1):
        assert torch.equal(wanted, linear_llm_int8(x, weight, scale))
