"""In which number format a training multiplies."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from watching import BLOCKS, SHORT, Watching, quiet, sparse

from baselines import registry
from baselines.contract import Method
from benchmark.precision import chosen_precision
from benchmark.train import train


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", registry.names())
def test_every_method_trains_in_either_precision_and_is_kept_in_float32(name, precision, small):
    frames, clips, trunk = sparse(small)
    cls = registry.load(name)
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        method = cls(trunk, BLOCKS, cls.Settings())
        training = train(method, small.task, small.space, clips, SHORT, 0, quiet, precision=precision)
    assert {tensor.dtype for tensor in method.state_dict().values() if tensor.is_floating_point()} == {torch.float32}
    assert all(math.isfinite(value) for row in training.history for value in row.values())
    if training.parameters:
        assert training.precision == precision
    method.eval()
    with torch.no_grad():
        assert {codes.dtype for codes in method.embed(frames[:9]).values()} == {torch.float32}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_products_have_the_precision_asked_for_in_the_forward_pass(precision, small):
    seen = []

    class Multiplying(Watching):
        def training_step(self, batch, optimiser_index=0):
            product = self.number * torch.ones(3, 3) @ torch.ones(3, 3)
            seen.append(str(product.dtype))
            return {"loss": product.float().mean()}

        def after_step(self):
            seen.append(str((torch.ones(3, 3) @ torch.ones(3, 3)).dtype))

    method = Multiplying(small.trunk, BLOCKS, Method.Settings())
    short = replace(SHORT, steps=1)
    train(method, small.task, small.space, small.clips, short, 0, quiet, precision=precision)
    assert seen == [f"torch.{precision}", "torch.float32"]


def test_a_precision_that_there_is_not(small):
    method = Watching(small.trunk, BLOCKS, Method.Settings())
    said = r"^no precision 'float16'; there are: auto, float32, bfloat16$"
    with pytest.raises(ValueError, match=said):
        train(method, small.task, small.space, small.clips, SHORT, 0, quiet, precision="float16")
    assert method.calls == []


CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("device", "machine", "able", "expected"),
    [
        (CUDA, "x86_64", (), torch.bfloat16),
        (CPU, "x86_64", ("avx512",), torch.bfloat16),
        (CPU, "AMD64", ("amx",), torch.bfloat16),
        (CPU, "x86_64", ("onednn",), torch.float32),  # it says yes where it emulates, too
        (CPU, "aarch64", ("onednn",), torch.bfloat16),
        (CPU, "aarch64", (), torch.float32),
        (torch.device("mps"), "arm64", ("onednn",), torch.float32),
    ],
)
def test_auto_is_bfloat16_where_the_hardware_multiplies_it(device, machine, able, expected, monkeypatch):
    onednn = SimpleNamespace(_is_mkldnn_bf16_supported=lambda: "onednn" in able)
    monkeypatch.setattr("benchmark.precision.platform.machine", lambda: machine)
    monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda: "avx512" in able)
    monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: "amx" in able)
    monkeypatch.setattr("torch.backends.mkldnn.is_available", lambda: True)
    monkeypatch.setattr("torch.ops.mkldnn", onednn, raising=False)
    assert chosen_precision("auto", device) == expected
    assert chosen_precision("float32", device) == torch.float32
    assert chosen_precision("bfloat16", device) == torch.bfloat16


def test_a_cpu_without_onednn_trains_in_float32(monkeypatch):
    monkeypatch.setattr("torch.backends.mkldnn.is_available", lambda: False)
    assert chosen_precision("auto", CPU) == torch.float32
