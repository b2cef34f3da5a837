import subprocess

import pytest
import torch

from baselines.contract import Method
from benchmark import engines
from benchmark.train import ContractError


class Given(Method):
    """Embeds and decodes as it is told."""

    def __init__(self, blocks, decoded=None):
        super().__init__(None, ("shared", "private"), Method.Settings())
        self.given, self.decoded = blocks, decoded

    def embed(self, inputs):
        return {name: codes(inputs) for name, codes in self.given.items()}

    def decode(self, blocks):
        return self.decoded


def mean(inputs):
    return inputs.mean(1)


def test_blocks_come_in_the_tasks_order_as_float32_across_batches(monkeypatch):
    monkeypatch.setattr(engines, "EMBED_BATCH", 7)
    inputs = torch.randn(20, 3, 4, generator=torch.Generator().manual_seed(0))
    blocks = engines.embed(Given({"private": lambda x: mean(x).double(), "shared": lambda x: mean(x)[:, :2]}), inputs)
    assert list(blocks) == ["shared", "private"]
    assert {codes.dtype for codes in blocks.values()} == {torch.float32}
    assert torch.allclose(blocks["private"], inputs.mean(1))
    assert torch.allclose(blocks["shared"], inputs.mean(1)[:, :2])


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"shared": mean}, r"embed must return the blocks \['private', 'shared'\]; it returned \['shared'\]"),
        ({"shared": mean, "private": lambda x: x}, r"block 'private' must be \[5, dimension\]; got \[5, 3, 4\]"),
        ({"shared": mean, "private": lambda x: mean(x)[1:]}, r"block 'private' must be \[5, dimension\]; got \[4, 4\]"),
        ({"shared": lambda x: mean(x) / 0, "private": mean}, "block 'shared' holds NaN or infinite codes"),
    ],
)
def test_an_embedding_of_another_shape_is_told_what_was_expected(blocks, message):
    with pytest.raises(ContractError, match=message):
        engines.embed(Given(blocks), torch.ones(5, 3, 4))


def test_reconstruction_by_hand():
    """Two clips of one bin, 0 and 2, decoded as 0 and 1: one squared error of 1 over a variation of 2."""
    inputs, decoded = torch.tensor([[[0.0]], [[2.0]]]), torch.tensor([[[0.0]], [[1.0]]])
    (row,) = engines.reconstruction(Given({}, decoded), {}, inputs)
    assert (row.metric, row.block, row.factor) == ("reconstruction_r2", None, None)
    assert row.value == pytest.approx(0.5)


def test_a_method_without_a_decoder_has_no_reconstruction():
    assert engines.reconstruction(Given({}), {}, torch.ones(2, 1, 1)) == []


def test_the_environment_names_the_commit_of_the_checkout():
    described = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=engines.ROOT, capture_output=True, text=True, check=False
    )
    commit = engines.environment(torch.device("cpu")).commit
    assert commit is None if described.returncode else commit.rstrip("+") == described.stdout.strip()


def test_where_git_is_missing_there_is_no_commit(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert engines.environment(torch.device("cpu")).commit is None
