"""Decoders: reconstruction, swaps against exactly rendered targets, and one decoder for all."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.contract import Method
from baselines.frontend import LogMel
from benchmark import decoding
from benchmark.features import Clips, Features, Prepared, Swaps, front_end_of, swap_pairs, swap_target
from benchmark.train import ContractError

PAIRS = 24


@pytest.fixture(scope="module")
def there(small):
    """160 probe and 160 test clips, standardised, as a run has them, and 24 swaps."""
    generator, clips = small.generator, small.clips
    front_end = LogMel(front_end_of("phrases"))
    parts = {"probe": slice(0, 160), "test": slice(160, 320)}
    roles = {role: Clips(clips.levels[rows], clips.seeds[rows], clips.features[rows]) for role, rows in parts.items()}
    decibels = front_end(generator.render(clips.levels, clips.seeds))
    data = Features(roles, float(decibels.mean()), float(decibels.std()))
    shared = small.task.blocks["shared"]
    a, b = swap_pairs(small.space, roles["test"].levels, shared, PAIRS)
    swaps = {"shared": Swaps(a, b, swap_target(generator, front_end, data, a, b, shared))}
    prepared = Prepared(small.space, generator.version, front_end.settings, (), data, swaps)
    return SimpleNamespace(generator=generator, front_end=front_end, data=data, task=small.task, prepared=prepared)


class Renderer(Method):
    """Knows what made each clip that it will be shown, and decodes by rendering. honest: it does not swap."""

    def __init__(self, there, honest):
        super().__init__(None, ("shared", "private"), Method.Settings())
        self.there, self.honest = there, honest
        test = there.data.roles["test"]
        swaps, timbre = there.prepared.swaps["shared"], there.prepared.space.column("timbre")
        mixed = test.levels[swaps.a].copy()
        mixed[:, timbre] = test.levels[swaps.b, timbre]
        self.levels = np.concatenate([test.levels, mixed])
        self.seeds = np.concatenate([test.seeds, test.seeds[swaps.a]])
        self.known = self.drawn(self.levels, self.seeds)

    def drawn(self, levels, seeds):
        data = self.there.data
        return (self.there.front_end(self.there.generator.render(levels, seeds)) - data.mean) / data.std

    def embed(self, inputs):
        rows = torch.cdist(inputs.flatten(1), self.known.flatten(1)).argmin(1).numpy()
        timbre = torch.from_numpy(self.levels[rows, 1:2]).float()
        private = np.concatenate([self.levels[rows], self.seeds[rows, None]], axis=1)
        return {"shared": timbre, "private": torch.from_numpy(private).float()}

    def decode(self, blocks):
        private = blocks["private"].long().numpy()
        levels = private[:, :4].copy()
        if not self.honest:
            levels[:, 1] = blocks["shared"][:, 0].long().numpy()
        return self.drawn(levels, private[:, 4])


def swapped(there, method):
    blocks = method.embed(there.data.roles["test"].features)
    rows = decoding.swap_scores(method, there.prepared, blocks)
    assert all((row.block, row.factor) == (None, None) for row in rows)
    return {row.metric: row.value for row in rows}


def test_a_swap_that_is_exact_reads_1(there):
    found = swapped(there, Renderer(there, honest=False))
    assert found == pytest.approx({"swap_fidelity": 1.0, "swap_relative": 1.0}, abs=1e-6)


def test_a_decoder_that_does_not_look_at_the_shared_block_reads_0_or_less(there):
    found = swapped(there, Renderer(there, honest=True))
    assert found["swap_fidelity"] <= 0
    assert found["swap_relative"] == 0


def test_the_target_has_the_shared_factor_of_b_and_all_else_of_a(there):
    test = there.data.roles["test"]
    swaps = there.prepared.swaps["shared"]
    a, b = swaps.a, swaps.b
    levels = np.stack([test.levels[a, 0], test.levels[b, 1], test.levels[a, 2], test.levels[a, 3]], axis=1)
    audio = there.generator.render(levels, test.seeds[a])
    assert torch.allclose(there.data.decibels(swaps.target), there.front_end(audio), atol=1e-4)


class Given(Method):
    """Decodes as it is told."""

    def __init__(self, decoded):
        super().__init__(None, ("shared", "private"), Method.Settings())
        self.decoded = decoded

    def decode(self, blocks):
        return self.decoded


def test_a_decoder_is_asked_for_finite_features_of_the_right_shape():
    inputs = torch.zeros(3, 2, 4)
    assert decoding.decoded(Given(None), {}, inputs) is None
    assert decoding.decoded(Given(inputs.double()), {}, inputs).dtype == torch.float32
    with pytest.raises(ContractError, match=r"decode must return \[3, 2, 4\] for these blocks; got \[3, 8\]"):
        decoding.decoded(Given(inputs.flatten(1)), {}, inputs)
    bad = inputs.clone()
    bad[2, 0, 1] = torch.inf
    with pytest.raises(ContractError, match="decode returned NaN or infinity for row 2"):
        decoding.decoded(Given(bad), {}, inputs)


def test_without_a_decoder_there_is_the_standard_one_alone(there):
    directions = torch.randn(2, 2048, 8, generator=torch.Generator().manual_seed(0))
    flat = {role: clips.features.flatten(1) for role, clips in there.data.roles.items()}
    codes = {role: {"shared": x @ directions[0], "private": x @ directions[1]} for role, x in flat.items()}
    (row,) = decoding.by_decoders(Given(None), there.prepared, codes)
    assert row.metric == "standard_decoder_r2"
    assert 0.2 < row.value < 1
    assert decoding.by_decoders(None, there.prepared, codes) == [row]


def test_where_nothing_can_be_swapped_there_are_no_scores_of_swaps(there):
    assert decoding.swap_scores(Given(None), replace(there.prepared, swaps={}), {}) == []


def test_of_several_swapped_blocks_each_is_named(there):
    method = Renderer(there, honest=False)
    blocks = method.embed(there.data.roles["test"].features)
    two = replace(there.prepared, swaps=dict.fromkeys(("shared", "private"), there.prepared.swaps["shared"]))
    found = [(row.metric, row.block) for row in decoding.swap_scores(method, two, blocks)]
    assert found == [(m, b) for b in ("shared", "private") for m in ("swap_fidelity", "swap_relative")]
