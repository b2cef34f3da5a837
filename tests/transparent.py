"""A member of the combined family that can be looked through: features are statistics, and what is decoded, codes."""

import torch
from torch import nn

from baselines import posteriors
from baselines.combination import Combination
from baselines.contract import Batch
from baselines.networks import Trunk

BLOCKS = ("shared", "private")
DIMS = 4  # of a block


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Echo(nn.Module):
    """Decodes codes to features that are these codes, with log-variances of zero; keeps what it was given."""

    def __init__(self, width):
        super().__init__()
        self.width, self.given = width, []

    def forward(self, codes):
        self.given.append(codes)
        return nn.functional.pad(codes, (0, self.width - codes.shape[1]))[:, None]


def transparent(blocks=BLOCKS, cls=Combination, **settings):
    """A member whose encoder takes features for the statistics, shared ones first; no weight but those that are set."""
    off = {name: 0.0 for name in cls.Settings.model_fields if name.endswith("_weight")}
    settings = cls.Settings(block_dims=DIMS, **{"shared_groups": 2, **off, **settings})
    width = (len(blocks) - 1) * DIMS * (1 if settings.shared_groups else 2) + 2 * DIMS
    method = cls(Trunk(1, width, 8, 1), blocks, settings)
    method.encoder, method.decoder = nn.Flatten(1), Echo(width)
    return method


def without_noise(monkeypatch):
    """Samples are their means; returns the list of the samples asked for."""
    asked = []
    monkeypatch.setattr(posteriors, "sample_gaussian", lambda mean, spread: asked.append(mean) or mean)
    return asked


def batch_of(statistics, pairing="shared", progress=0.5):
    """Statistics [view, example, width] as views."""
    return Batch(statistics.transpose(0, 1)[:, :, None], pairing, progress)


def statistics(n=6, width=3 * DIMS, seed=0):
    return drawn(2, n, width, seed=seed)


def step(method, given, **batch):
    return method.training_step(batch_of(given, **batch))


def learnt(cls, small, steps=3, **settings):
    """Terms of a few steps from one seed, and the method after them."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        method = cls(small.trunk, BLOCKS, cls.Settings(block_dims=8, **settings))
        (optimiser,) = method.optimisers()
        losses = []
        for at in range(steps):
            views = small.clips.features[32 * at : 32 * (at + 1)].unflatten(0, (16, 2))
            terms = method.training_step(Batch(views, "shared", at / steps))
            optimiser.zero_grad()
            terms["loss"].backward()
            optimiser.step()
            losses.append({name: term.item() for name, term in terms.items()})
    return losses, method
