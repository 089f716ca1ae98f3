"""What does not fit is said by all families in the same words: TypeError for a dtype, ValueError for all else."""

import pytest
import torch

from envdoctor import kernels

M, N, K = 2, 24, 64


def ones(*shape, dtype=torch.float32, device="cpu"):
    return torch.ones(*shape, dtype=dtype, device=device)


def int8(*shape):
    return ones(*shape, dtype=torch.int8)


def stored(groups=2):
    codes, zeros = (ones(rows, N, dtype=torch.uint8) for rows in (K, groups))
    return kernels.gptq_pack(codes, zeros, ones(groups, N).half())


def of_w8a8(call, w):
    zeros = {name: ones(1, dtype=torch.int32) for name in ("x_zero", "w_zero")}
    scales = {"x_scale": ones(M), "w_scale": ones(N)}
    return call, {"x": int8(M, K), **w, **scales, **zeros, "bias": ones(N)}


LINEAR = torch.nn.Linear(K, N)
W8A8 = kernels.pack_w8a8(int8(N, K))
W4A8 = kernels.pack_w4a8(int8(N, K // 2))
LLM_INT8 = kernels.pack_llm_int8(ones(N, K))
LAYERNORM = {"input_scale": 1.0, "residual": ones(M, K), "gamma": ones(K), "beta": ones(K)}
W4A16 = {"weight": kernels.pack_w4a16(*stored()), "bias": ones(N)}

#: What to call, and with what it is content.
CALLS = {
    "gemm_w8a8": of_w8a8(kernels.gemm_w8a8, {"w": int8(N, K)}),
    "linear_w8a8": of_w8a8(kernels.linear_w8a8, {"weight": W8A8}),
    "linear_w4a8": of_w8a8(kernels.linear_w4a8, {"weight": W4A8}),
    "bmm_w8a8": (kernels.bmm_w8a8, {"x": int8(3, M, K), "w": int8(3, N, K), "scale": ones(1)}),
    "linear_w4a16": (kernels.linear_w4a16, {"x": ones(M, K).half(), **W4A16}),
    "linear_llm_int8": (
        kernels.linear_llm_int8,
        {"x": ones(M, K).half(), "weight": LLM_INT8[0], "w_scale": LLM_INT8[1], "bias": ones(N)},
    ),
    "quantize_rows": (kernels.quantize_rows, {"x": ones(M, K), "smooth": ones(K)}),
    "quantize_static": (
        kernels.quantize_static,
        {"x": ones(M, K), "scale": ones(1), "zero": ones(1, dtype=torch.int32)},
    ),
    "layernorm_q": (kernels.layernorm_q, {"x": ones(M, K, dtype=torch.int32), **LAYERNORM}),
    "LinearW8A8": (
        kernels.LinearW8A8,
        {"weight": W8A8, "w_scale": ones(N), "bias": ones(N), "x_scale": ones(1)},
    ),
    "LinearW4A8": (
        kernels.LinearW4A8,
        {"weight": W4A8, "w_scale": ones(N), "bias": ones(N), "x_scale": ones(1)},
    ),
    "LinearW4A16": (kernels.LinearW4A16, W4A16),
    "LinearLlmInt8": (
        kernels.LinearLlmInt8,
        {"weight": LLM_INT8[0], "w_scale": LLM_INT8[1], "bias": ones(N)},
    ),
}
VECTORS = ("smooth", "scale", "zero", "x_scale", "w_scale", "x_zero", "w_zero", "bias", "gamma", "beta")


def pairs(*names):
    return [(call, name) for call, (_, content) in CALLS.items() for name in content if name in names]


@pytest.mark.parametrize("call", CALLS)
def test_what_fits_is_taken(call):
    function, content = CALLS[call]
    function(**content)


@pytest.mark.parametrize(("call", "name"), pairs(*VECTORS))
def test_vectors(call, name):
    function, content = CALLS[call]
    allowed = {"zero": "int32", "bias": ".*float32", "gamma": ".*float32", "beta": ".*float32"}
    said = f"^{name} must be {allowed.get(name.split('_')[-1], 'float32')}, not "
    others = [torch.float64, torch.int64, torch.bool]
    if said.endswith(" int32, not "):
        others.append(torch.float32)
    for dtype in others:
        with pytest.raises(TypeError, match=rf"{said}{str(dtype)[6:]}$"):
            function(**{**content, name: content[name].to(dtype)})
    for count in (0, 5):
        with pytest.raises(
            ValueError, match=f"^{name} must have (1 or )?{content[name].numel()}? ?.*not {count}$"
        ):
            function(**{**content, name: ones(count, dtype=content[name].dtype)})


@pytest.mark.gpu
@pytest.mark.parametrize(("call", "name"), pairs(*VECTORS))
def test_vectors_on_another_device(call, name):
    function, content = CALLS[call]
    if not call.startswith("Linear"):  # those take what they are given along
        with pytest.raises(ValueError, match=f"^{name} is on cuda:0 and x on cpu$"):
            function(**{**content, name: content[name].cuda()})


@pytest.mark.parametrize(("call", "name"), pairs("x", "w", "residual"))
def test_operands(call, name):
    function, content = CALLS[call]
    for dtype in (torch.float64, torch.int16):
        with pytest.raises(TypeError, match=f"^{name} must be .*, not {str(dtype)[6:]}$"):
            function(**{**content, name: content[name].to(dtype)})
    if not call.startswith("quantize"):  # which takes any shape
        for wrong in (content[name][..., :-1], content[name].flatten()[0]):
            with pytest.raises(ValueError, match=r"x .*\[.*\]"):
                function(**{**content, name: wrong})


def floats(call):
    """Of its operands, those that may require grad."""
    return [name for name, of in CALLS[call][1].items() if torch.is_tensor(of) and of.is_floating_point()]


FUNCTIONS = [call for call in CALLS if not call.startswith("Linear")]


@pytest.mark.parametrize("call", FUNCTIONS)
def test_a_gradient_that_would_be_lost_is_refused(call):
    function, content = CALLS[call]
    assert floats(call)
    for name in floats(call):
        given = {**content, name: content[name].clone().requires_grad_()}
        with pytest.raises(RuntimeError, match=f"for inference only, and {name} requires grad"):
            function(**given)
        with torch.no_grad():
            function(**given)
        with torch.inference_mode():
            function(**given)


@pytest.mark.parametrize("call", FUNCTIONS)
@pytest.mark.skipif(not hasattr(torch.library, "register_fake"), reason="operators are from torch 2.4 on")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_and_where_it_is_compiled(call):
    function, content = CALLS[call]
    name = floats(call)[0]
    given = {**content, name: content[name].clone().requires_grad_()}
    torch.compiler.reset()
    compiled = torch.compile(lambda: function(**given), fullgraph=True, backend="aot_eager")
    with pytest.raises(RuntimeError, match="for inference only"):
        compiled()
    with torch.no_grad():
        compiled()


@pytest.mark.parametrize("make", [kernels.LinearW8A8, kernels.LinearW4A8, kernels.LinearW4A16])
@pytest.mark.parametrize("static", [False, True])
def test_a_frozen_linear_in_a_model_that_learns(make, static):
    """Its own parameters are constants; the rest learns around it."""
    if static and make is kernels.LinearW4A16:
        pytest.skip("its activations are not quantised")
    linear = make.from_linear(torch.nn.Linear(K, N), **({"x_scale": ones(1)} if static else {}))
    x = torch.randn(M, K).half().requires_grad_()
    with pytest.raises(RuntimeError, match="for inference only, and x requires grad"):
        linear(x)
    assert not linear(x.detach()).requires_grad
    with torch.no_grad():
        y = linear(x)
    (x[:, :N] * y).sum().backward()
    assert torch.equal(x.grad[:, :N], y)


PACKS = {
    "weight of pack_w8a8": (kernels.pack_w8a8, int8(N, K)),
    "weight of pack_llm_int8": (kernels.pack_llm_int8, ones(N, K)),
    "pairs of pack_w4a8": (kernels.pack_w4a8, int8(N, K // 2)),
    "qweight of pack_w4a16": (lambda weight: kernels.pack_w4a16(weight, *stored()[1:]), stored().qweight),
    "codes of gptq_pack": (
        lambda codes: kernels.gptq_pack(codes, ones(2, N).byte(), ones(2, N)),
        ones(K, N, dtype=torch.uint8),
    ),
}


ONCE = {
    "pack_w8a8": (kernels.pack_w8a8, {"weight": int8(N, K)}),
    "pack_llm_int8": (kernels.pack_llm_int8, {"weight": ones(N, K)}),
    "pack_w4a8": (
        kernels.pack_w4a8,
        {"pairs": int8(N, K // 2), "group": 32, "group_scale": ones(N, 2), "group_zero": int8(N, 2)},
    ),
    "pack_w4a16": (kernels.pack_w4a16, {**stored()._asdict(), "bits": 4, "v2": False}),
    "gptq_values": (kernels.gptq_values, {**stored()._asdict(), "bits": 4, "v2": False}),
    "gptq_pack": (
        kernels.gptq_pack,
        {"codes": ones(K, N).byte(), "zeros": ones(2, N).byte(), "scales": ones(2, N), "bits": 4},
    ),
    "int4_pairs": (kernels.int4_pairs, {"values": int8(N, K)}),
    "int4_values": (kernels.int4_values, {"pairs": int8(N, K)}),
    "set_threads": (kernels.set_threads, {"count": 0}),
    "LinearW8A8.from_linear": (kernels.LinearW8A8.from_linear, {"linear": LINEAR, "x_scale": ones(1)}),
    "LinearW4A8.from_linear": (kernels.LinearW4A8.from_linear, {"linear": LINEAR, "group": 32}),
    "LinearW4A16.from_linear": (kernels.LinearW4A16.from_linear, {"linear": LINEAR, "group": 32}),
    "LinearLlmInt8.from_linear": (kernels.LinearLlmInt8.from_linear, {"linear": LINEAR, "threshold": 6.0}),
}
NUMBERS = {
    "gemm_w8a8": {"bias_scale": 1.0, "out_dtype": torch.float16},
    "linear_llm_int8": {"threshold": 6.0},
    "quantize_rows": {"levels": 127},
    "layernorm_q": {"eps": 1e-5},
}
OF_ANOTHER_KIND = (0.5, "text", [1.0], ones(3).numpy(), torch.float16)


@pytest.mark.parametrize("call", [*CALLS, *ONCE])
def test_what_is_of_another_kind(call):
    """One line that names the argument: a number given as a scale made torch print its schema."""
    function, content = {**CALLS, **ONCE}[call]
    content = {**content, **NUMBERS.get(call, {})}
    function(**content)
    for name, fits in content.items():
        for wrong in OF_ANOTHER_KIND:
            if not isinstance(wrong, type(fits)):
                with pytest.raises((TypeError, ValueError), match=rf"^{name} must be [^\n]+$"):
                    function(**{**content, name: wrong})


def test_a_number_as_a_scale():
    for call in (
        lambda: kernels.quantize_static(ones(M, K), 0.02),
        lambda: kernels.bmm_w8a8(int8(3, M, K), int8(3, N, K), scale=0.02),
    ):
        with pytest.raises(TypeError, match=r"^scale must be a tensor( or None)?, not float$"):
            call()
    with pytest.raises(TypeError, match=r"^x_scale must be a tensor or None, not float$"):
        kernels.gemm_w8a8(int8(M, K), int8(N, K), x_scale=0.02)
    with pytest.raises(TypeError, match=r"^w_scale must be a tensor, not NoneType$"):
        kernels.LinearW8A8(W8A8, None)
    with pytest.raises(TypeError, match=r"^v2 must be True or False, not str$"):
        kernels.pack_w4a16(*stored(), v2="gptq")
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        kernels.pack_w8a8()


@pytest.mark.parametrize(
    "kind", [kernels.LinearW8A8, kernels.LinearW4A8, kernels.LinearW4A16, kernels.LinearLlmInt8]
)
def test_x_of_another_kind(kind):
    linear = kind.from_linear(LINEAR)
    for wrong in OF_ANOTHER_KIND:
        with pytest.raises(TypeError, match=r"^x must be a tensor, not "):
            linear(wrong)


def test_what_autotune_is_given():
    linear = kernels.LinearW8A8.from_linear(LINEAR)
    for given, said in (
        ((LINEAR,), "^linear must be one of envdoctor.kernels, not Linear$"),
        ((linear, 8), "^rows must be a list, not int$"),
        ((linear, (1,), "float16"), "^dtype must be a torch.dtype, not str$"),
        ((linear, (1.0,)), r"^rows must be rising whole numbers from 1 on, not \[1.0\]$"),
    ):
        with pytest.raises((TypeError, ValueError), match=said):
            kernels.autotune(*given)


@pytest.mark.parametrize("pack", PACKS)
def test_weights_to_pack(pack):
    function, weight = PACKS[pack]
    function(weight)
    name = pack.split()[0]
    for dtype in (torch.float64, torch.bool):
        with pytest.raises(TypeError, match=f"^{name} must be .*, not {str(dtype)[6:]}$"):
            function(weight.to(dtype))
    for wrong in (weight[0], weight[None], weight[0, 0]):
        with pytest.raises(ValueError, match=rf"^{name} must be \[.*\], not \[.*\]$"):
            function(wrong)


def test_groups_of_w4a8():
    packed, scale = int8(N, K // 2), ones(N, 2)
    with pytest.raises(ValueError, match="group_scale goes with group, which is missing"):
        kernels.pack_w4a8(packed, group_scale=scale)
    with pytest.raises(ValueError, match="group_zero goes with group, which is missing"):
        kernels.pack_w4a8(packed, group_zero=int8(N, 2))
    with pytest.raises(ValueError, match="group goes with group_scale, which is missing"):
        kernels.pack_w4a8(packed, group=32)
    for group in (-32, 16, 48):
        with pytest.raises(ValueError, match=f"group must be a multiple of 32, not {group}"):
            kernels.pack_w4a8(packed, group=group, group_scale=scale)
    with pytest.raises(TypeError, match="group_scale must be float16, bfloat16 or float32, not int8"):
        kernels.pack_w4a8(packed, group=32, group_scale=int8(N, 2))
    with pytest.raises(TypeError, match=r"group_zero must be .*, not float32"):
        kernels.pack_w4a8(packed, group=32, group_scale=scale, group_zero=scale)
    with pytest.raises(ValueError, match=r"group_zero must be \[24, 2\], not \[24, 3\]"):
        kernels.pack_w4a8(packed, group=32, group_scale=scale, group_zero=int8(N, 3))


def test_tensors_of_a_checkpoint():
    qweight, qzeros, scales, g_idx = stored()
    for given, said in (
        ((qweight, qzeros.float(), scales), "qzeros must be int32, not float32"),
        ((qweight, qzeros, scales.double()), "scales must be float16, bfloat16 or float32, not float64"),
        ((qweight, qzeros, scales, g_idx.float()), "g_idx must be .*, not float32"),
    ):
        with pytest.raises(TypeError, match=said):
            kernels.pack_w4a16(*given)
    with pytest.raises(ValueError, match=r"scales must be \[groups, N\], not \[24\]"):
        kernels.pack_w4a16(qweight, qzeros, scales[0])


def test_a_state_of_another_type():
    linear = kernels.LinearW4A16.from_linear(torch.nn.Linear(K, N))
    state = linear.state_dict()
    for name, said in (("weight", "uint8"), ("zeros", "uint8"), ("scales", "float16, bfloat16 or float32")):
        with pytest.raises(RuntimeError, match=f"{name} must be {said}, not float64"):
            linear.load_state_dict({**state, name: state[name].double()})


@pytest.mark.skipif(not hasattr(torch.library, "register_fake"), reason="plain functions before torch 2.4")
@pytest.mark.parametrize(("call", "name"), pairs(*VECTORS))
def test_a_tensor_without_values_among_others(call, name):
    function, content = CALLS[call]
    if not call.startswith("Linear"):
        with pytest.raises(ValueError, match="must be on one device, not cpu and meta"):
            function(**{**content, name: content[name].to("meta")})


@pytest.mark.parametrize(
    "call",
    [
        lambda: kernels.linear_w8a8(int8(M, K), int8(N, K)),
        lambda: kernels.linear_w4a8(int8(M, K), int8(N, K)),
        lambda: kernels.linear_w4a16(ones(M, K).half(), int8(N, K)),
        lambda: kernels.LinearW8A8(int8(N, K), ones(N)),
        lambda: kernels.LinearW4A16(int8(N, K)),
    ],
)
def test_weights_that_were_not_packed(call):
    with pytest.raises(TypeError, match=r"weight must be what pack_w\w+ gives, not Tensor"):
        call()


def test_values_that_four_bits_do_not_hold():
    with pytest.raises(ValueError, match="values must be from -8 to 7, not from 8 to 8"):
        kernels.int4_pairs(int8(N, K) * 8)
    with pytest.raises(ValueError, match="group_zero must be from -8 to 7"):
        kernels.pack_w4a8(int8(N, K // 2), None, 32, ones(N, 2), int8(N, 2) * 9)
