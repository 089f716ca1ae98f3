"""torchao's int8adq-int4w-symm (int4 weights, int8 activations by the row) on a Llama that generates."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import torch

from envdoctor.quant.model import quantize_model
from tests.quant.examples.learned import copied, learned, perplexity, size


def tokens_a_second(model, count=40):
    prompt = torch.tensor([list(b"The statement is ")])
    began = time.perf_counter()
    model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=count,
        min_new_tokens=count,
        do_sample=False,
    )
    return count / (time.perf_counter() - began)


def main():
    floats = learned()
    int4 = quantize_model(copied(floats), "int8adq-int4w-symm")
    for name, model in (("float32", floats), ("int8adq-int4w-symm", int4)):
        print(
            f"{name}: perplexity {perplexity(model):.3f}, {size(model):.0f} kB, {tokens_a_second(model):.0f} tokens/s"
        )
    mlp = int4.model.layers[0].mlp  # a part, for a whole model takes torch a quarter of a minute
    compiled = torch.compile(mlp, fullgraph=True, backend="aot_eager")
    x = torch.randn(3, int4.config.hidden_size)
    print(f"an MLP compiled whole, equal: {torch.equal(compiled(x), mlp(x))}")


main()
