"""A method that keeps what the training loop gave it, and a short training."""

from dataclasses import replace

import torch
from torch import nn

from baselines.contract import Method
from benchmark.tasks import PRESETS
from benchmark.train import train

SHORT = replace(PRESETS["tiny"], steps=40, examples=16)
BLOCKS = ("shared", "private")


def quiet(done, total):
    """A listener that does nothing."""


def sparse(small):
    """Every fourth frame of the small clips: features, clips and trunk, for methods that train in a moment."""
    frames = small.clips.features[:, ::4].contiguous()
    return frames, replace(small.clips, features=frames), replace(small.trunk, n_frames=frames.shape[1])


def trained(cls, small, preset=SHORT, seed=0):
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        method = cls(small.trunk, BLOCKS, cls.Settings())
        training = train(method, small.task, small.space, small.clips, preset, seed, quiet)
    return method, training


class Watching(Method):
    """Keeps what the loop gave it; one parameter, whose loss is its square."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.number = nn.Parameter(torch.ones(()))
        self.seen, self.calls = [], []

    def prepare(self, features):
        self.calls.append("prepare")

    def training_step(self, batch, optimiser_index=0):
        self.seen.append(batch)
        self.calls.append(f"step {optimiser_index}")
        return {"loss": self.number.square(), "part": self.number.detach()}

    def after_step(self):
        self.calls.append("after")
