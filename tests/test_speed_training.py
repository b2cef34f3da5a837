"""What the speed command says of the front end and of training, on little work; arithmetic counted by hand."""

import json
import math

import pytest
import torch

from baselines import registry
from baselines.frontend import FrontEndSettings
from benchmark.speed import clock, frontend
from benchmark.speed.training import PARTS, workload

CPU = torch.device("cpu")
MOST = 1.2  # of a floor that is measured too, moments later


def measured(command, folder, *arguments):
    done = command("speed", *arguments, "--json", "s.json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads((folder / "s.json").read_text())["parts"][arguments[0]], done.stdout


def numbers(node):
    """Every number in it, with its name."""
    for name, value in node.items():
        if isinstance(value, dict):
            yield from numbers(value)
        elif not isinstance(value, str):
            yield name, value


def check(told):
    for name, value in numbers(told):
        assert math.isfinite(value), name
        assert value > 0, name
        assert value < MOST or name != "share"


def test_a_peak_is_of_the_quickest_product(monkeypatch):
    monkeypatch.setattr(clock, "_seconds", lambda work, tries, device: [work(0) is None, 0.5, 2.0][1:])
    assert clock.matrix_peak(torch.float32, CPU) == 4 * 2048**3


def test_the_front_end(command, tmp_path):
    told, said = measured(command, tmp_path, "frontend", "--space", "tones", "--batch", 8, "--repeats", 2)
    check(told)
    assert told["clips_a_second"] == pytest.approx(8 / told["seconds"])
    floors = told["floor_seconds"]
    assert floors["arithmetic"] == pytest.approx(8 * told["flops_a_clip"] / told["peak_flops"])
    assert floors["memory"] == pytest.approx(8 * told["bytes_a_clip"] / told["copy_bytes_a_second"])
    assert told["share"] == pytest.approx(max(floors["arithmetic"], floors["memory"]) / told["seconds"])
    assert "clips/s, batch 8; " in said


def test_the_front_end_by_hand():
    """Two frames of 8 points, 5 bins and 3 bands: 2.5 * 8 * 3 + 8 (window) + 15 + 30 each; 10 samples in, 6 out."""
    shape = FrontEndSettings(sample_rate=100, n_samples=10, n_fft=8, hop=5, n_mels=3)
    assert frontend.flops(shape) == 2 * (60 + 8 + 15 + 30)
    assert frontend.n_bytes(shape) == 4 * (10 + 6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step(precision, command, tmp_path):
    told, said = measured(
        command,
        tmp_path,
        "step",
        "--preset",
        "tiny",
        "--repeats",
        3,
        "--precision",
        precision,
        "--task",
        "tones/timbre",
    )
    check(told)
    assert (told["precision"], list(told["parts"])) == (precision, list(PARTS))
    parts = told["parts"]
    assert told["flops"] == parts["forward"]["flops"] + parts["backward"]["flops"]
    assert told["share"] == pytest.approx(told["flops"] / told["peak_flops"] / told["seconds"])
    assert parts["forward"]["share"] == pytest.approx(
        parts["forward"]["flops"] / told["peak_flops"] / parts["forward"]["seconds"]
    )
    assert f"GFLOP/s in {precision}" in said


def test_products_are_counted():
    """`contrastive` encodes four clips an example, 2 inputs outputs a row; backward, none to the features.

    Beside the encoder: two NT-Xent, of 2 n and 4 n codes of 16, each similarity forward and twice backward.
    """
    work = workload("contrastive", "tones/timbre", "tiny", torch.float32, CPU)
    n, bins = work.preset.examples, work.features[0].numel()
    width, rows = work.preset.width, 4 * n
    inner = 2 * rows * (2 * work.preset.depth * width * width + width * 32)
    first = 2 * rows * bins * width
    similarity = 2 * 16 * ((2 * n) ** 2 + (4 * n) ** 2)
    work.step(0.0)  # so that there are clips to look back on
    counted = work.flops(0.0)
    kernels = counted["forward"] - first - inner - similarity
    assert 0 < kernels < 0.2 * counted["forward"]
    assert counted["backward"] == first + 2 * inner + 2 * similarity


def test_a_step_is_that_of_the_suite():
    """The same parameters, after the same draws, as by `benchmark.train`'s own step."""
    from baselines.contract import Batch
    from benchmark.train import _step

    one, other = (workload("reconstructive", "tones/timbre", "tiny", torch.bfloat16, CPU) for _ in range(2))
    torch.manual_seed(3)
    one.step(0.5)
    torch.manual_seed(3)
    _step(other.method, other.optimisers, Batch(other.features[other.draw()], other.pairing, 0.5), torch.bfloat16)
    for mine, theirs in zip(one.method.parameters(), other.method.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_training_is_counted_at_its_moments():
    """`combined` swaps from a fifth of the training on: eight moments of ten."""
    work = workload("combined", "tones/timbre", "tiny", torch.float32, CPU)
    for _ in range(40):  # until as many clips are remembered as ever will be
        work.step(0.0)
    before, after = (sum(work.flops(progress).values()) for progress in (0.1, 0.2))
    assert after > 1.2 * before
    assert work.training_flops() == pytest.approx(work.preset.steps * (0.2 * before + 0.8 * after))


def test_every_method_that_trains_has_a_step():
    for name in registry.names():
        if name not in ("logmel", "untrained"):
            workload(name, "tones/timbre", "tiny", torch.float32, CPU).step(0.5)


def test_a_pool(command, tmp_path):
    told, said = measured(
        command, tmp_path, "pool", "--preset", "tiny", "--task", "tones/timbre", "--repeats", 1, "--steps", 3
    )
    check(told)
    assert (told["alone"]["processes"], told["together"]["processes"]) == (1, 2)
    rates = told["together"]["steps_a_second"], told["alone"]["steps_a_second"]
    assert told["together_over_alone"] == pytest.approx(rates[0] / rates[1])
    assert "ratio" in said


def test_a_process_of_the_pool_that_fails_is_told_in_one_line(command, tmp_path):
    done = command("speed", "pool", "--method", "untrained", "--repeats", 1, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: 'untrained' does not train, so it has no step; name another method\n"
