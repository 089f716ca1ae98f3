"""The schemes of MLC's SmoothQuant on a Llama whose activations have outliers, with smoothing and without it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from envdoctor.quant.model import quantize_model
from envdoctor.quant.schemes import scheme
from tests.quant.examples.learned import calibration, copied, learned, perplexity


def main():
    floats = learned(outlier=100.0)
    print(f"float32: perplexity {perplexity(floats):.3f}")
    for name in ("smq_q8i8f16_0", "smq_q8i8f16_1", "smq_q8i8f16_2"):
        smooth, plain = (
            perplexity(quantize_model(copied(floats), scheme(name, alpha=alpha), calibration()))
            for alpha in (0.5, None)
        )
        print(f"{name}: perplexity {smooth:.3f} smoothed, {plain:.3f} not")


main()
