"""The trial that people run where the kernels were installed: it passes here, and it can fail."""

import torch

from envdoctor.kernels import selftest


def test_the_products_are_right(capsys):
    assert selftest.main() == 0
    assert capsys.readouterr().out.startswith("int8 and int4 products are exact on cpu")
    assert {right.abs().max().item() > 0 for _, _, right in selftest.products("cpu")} == {True}


def test_a_wrong_product_is_told(monkeypatch, capsys):
    wrong = [("linear_w8a8", torch.zeros(2, dtype=torch.int32), torch.ones(2, dtype=torch.int32))]
    monkeypatch.setattr(selftest, "products", lambda device: iter(wrong))
    assert selftest.main() == 1
    assert capsys.readouterr().err == "linear_w8a8 on cpu is wrong\n"
