"""What several test files need: a few hundred rendered clips, and command lines run as a user runs them."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import generators
from baselines.frontend import FrontEndSettings, LogMel
from baselines.networks import Trunk
from benchmark.features import Clips
from benchmark.tasks import load_task


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Sampled notes are kept in a folder of the session's own, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTONES_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def small():
    """Task `phrases/timbre` with 320 clips of its space, and a trunk small enough for tests."""
    generator = generators.load("phrases")
    front_end = LogMel(FrontEndSettings(generator.sample_rate, generator.n_samples))
    levels, seeds = generator.space.sample(320, np.random.default_rng(7)), np.arange(320)
    decibels = front_end(generator.render(levels, seeds))
    features = (decibels - decibels.mean()) / decibels.std()
    return SimpleNamespace(
        task=load_task("phrases/timbre"),
        space=generator.space,
        generator=generator,
        clips=Clips(levels, seeds, features),
        trunk=Trunk(features.shape[1], features.shape[2], width=48, depth=1),
    )


@pytest.fixture
def seeded():
    """Torch's own generator, seeded for one test and put back."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="session")
def command():
    """Run `python -m benchmark.<name> arguments` in a folder; the finished process, with its output as text."""

    def run(name, *arguments, cwd, timeout=300):
        line = [sys.executable, "-m", f"benchmark.{name}", *map(str, arguments)]
        return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)

    return run


@pytest.fixture
def root(tmp_path, monkeypatch):
    """The folder of entries; it is not there yet."""
    monkeypatch.setenv("DTONES_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DTONES_CACHE_GB", raising=False)
    return tmp_path / "cache" / "features"
