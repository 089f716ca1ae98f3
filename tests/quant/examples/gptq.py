"""Quantise with GPTQ to 2 bits, save, load and generate: what AutoGPTQ's first example does, on any model and a CPU."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch

from envdoctor.quant.folder import load, save
from envdoctor.quant.model import quantize_model
from envdoctor.quant.schemes import scheme
from tests.quant.examples.learned import calibration, copied, learned, perplexity, size


def main():
    floats = learned().bfloat16()
    print(f"bfloat16: perplexity {perplexity(floats):.3f}, {size(floats):.0f} kB")
    for name in ("w4a16-rtn", "w4a16-gptq"):
        how = scheme(name, bits=2, group_size=32)
        model = quantize_model(copied(floats, torch.bfloat16), how, calibration())
        print(f"{name}, 2 bits: perplexity {perplexity(model):.3f}, {size(model):.0f} kB")
    with tempfile.TemporaryDirectory() as folder:
        save(model, folder + "/made", how)  # a GPTQ checkpoint, with quantize_config.json
        model = load(folder + "/made", device="cpu")
    prompt = torch.tensor([list(b"The statement is ")])
    text = model.generate(prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=40, do_sample=False)
    print(f"loaded, it writes: {bytes(text[0].tolist())!r}")


main()
