"""The effective rank of codes by hand, and the early word of a block that collapses."""

from dataclasses import replace

import pytest
import torch

from baselines.contract import Method
from benchmark.collapse import collapsed, effective_rank, ranks
from benchmark.tasks import PRESETS
from benchmark.train import train


def test_directions_of_equal_spread_count_and_a_line_is_one():
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert effective_rank(signs) == pytest.approx(2)
    assert effective_rank(signs @ torch.tensor([[3.0, 0.0], [0.0, 0.0]])) == pytest.approx(1)
    assert effective_rank(signs + 100) == pytest.approx(2), "the mean does not matter"


def test_unequal_singular_values_weigh_by_their_entropy():
    """Singular values 3 : 1, shares 3/4 and 1/4: exp(ln 4 - 3/4 ln 3)."""
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert effective_rank(signs * torch.tensor([3.0, 1.0])) == pytest.approx(4 / 3**0.75)


@pytest.mark.parametrize("spread", [0.0, 1e-4])
def test_one_code_for_every_clip_has_none(spread):
    codes = torch.ones(50, 4) + spread * torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    assert effective_rank(codes) == 0
    assert collapsed({"shared": 0.0, "private": 1.0}) == ["shared"]


class Shrinking(Method):
    """Its private block is one code; its shared block is not."""

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.encoder = trunk.encoder(4)

    def training_step(self, batch, optimiser_index=0):
        assert self.training
        return {"loss": self.encoder(batch.views.flatten(0, 1)).square().mean()}

    def embed(self, inputs):
        assert not self.training
        codes = self.encoder(inputs)
        return {"shared": codes, "private": torch.ones_like(codes)}


def test_it_is_told_early_and_logged(small, seeded):
    told = []
    method = Shrinking(small.trunk, ("shared", "private"), Method.Settings())
    preset = replace(PRESETS["tiny"], steps=20, examples=8)
    training = train(method, small.task, small.space, small.clips, preset, 0, lambda *_: None, tell=told.append)
    assert [line for line in told if "'shared'" in line] == []
    assert told[0] == "after 2 steps: the block 'private' has collapsed: every clip has the same code in it"
    rows = {row["step"]: row for row in training.history if "rank_shared" in row}
    assert list(rows) == [1, 4, 9, 19]
    assert all(row["rank_private"] == 0 and 1 <= row["rank_shared"] <= 4 for row in rows.values())
    assert method.training


def test_what_is_no_block_is_left_to_those_who_embed_in_earnest(small):
    method = Shrinking(small.trunk, ("shared", "private"), Method.Settings())
    for wrong in (None, {"shared": "a code"}, {"shared": torch.full((3, 2), torch.nan)}, {"shared": torch.ones(3)}):
        method.embed = lambda inputs, wrong=wrong: wrong
        assert ranks(method, small.clips.features) == {}
