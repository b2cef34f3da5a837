"""What a method may return for the clips that it is given, and what it is told where it returns something else."""

import pytest
import torch

from baselines.contract import Method
from benchmark import embedding
from benchmark.train import ContractError


class Given(Method):
    """Embeds as it is told."""

    def __init__(self, blocks):
        super().__init__(None, ("shared", "private"), Method.Settings())
        self.given = blocks

    def embed(self, inputs):
        return {name: codes(inputs) for name, codes in self.given.items()}


def mean(inputs):
    return inputs.mean(1)


def test_blocks_come_in_the_tasks_order_as_float32_across_batches(monkeypatch):
    monkeypatch.setattr(embedding, "BATCH", 7)
    inputs = torch.randn(20, 3, 4, generator=torch.Generator().manual_seed(0))
    blocks = embedding.embed(Given({"private": lambda x: mean(x).double(), "shared": lambda x: mean(x)[:, :2]}), inputs)
    assert list(blocks) == ["shared", "private"]
    assert {codes.dtype for codes in blocks.values()} == {torch.float32}
    assert torch.allclose(blocks["private"], inputs.mean(1))
    assert torch.allclose(blocks["shared"], inputs.mean(1)[:, :2])


def test_whole_numbers_and_truths_are_codes_too():
    blocks = embedding.embed(Given({"shared": lambda x: mean(x) > 0, "private": lambda x: mean(x).long()}), clips())
    assert {codes.dtype for codes in blocks.values()} == {torch.float32}


def clips():
    """Five clips; clip i is i everywhere."""
    return torch.arange(5.0)[:, None, None].expand(5, 3, 4).contiguous()


def broken_at_3(value):
    return lambda x: torch.where(mean(x) == 3, value, mean(x))


class Restless:
    """Other codes at each call, from clip 2 on."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return mean(x) + self.calls * 1e-6 * (mean(x) >= 2)


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ({"shared": mean}, r"Given.embed must return the blocks \['private', 'shared'\]; it returned \['shared'\]"),
        ({"private": lambda x: x}, r"Given.embed: block 'private', row 0: must be \[3, dimension\]; got \[3, 3, 4\]"),
        (
            {"private": lambda x: mean(x)[1:]},
            r"Given.embed: block 'private' must be \[3, dimension\]; got \[2, 4\], so row 2 has no partner",
        ),
        ({"shared": broken_at_3(torch.nan)}, r"Given.embed: block 'shared', row 3: holds NaN or infinity"),
        ({"shared": broken_at_3(-torch.inf)}, r"Given.embed: block 'shared', row 3: holds NaN or infinity"),
        ({"shared": lambda x: mean(x).double() * 1e300}, r"block 'shared', row 1: holds NaN or infinity, in float32"),
        (
            {"shared": lambda x: mean(x).numpy()},
            r"block 'shared', row 0: expected a tensor \[3, dimension\]; got a nda",
        ),
        ({"shared": lambda x: mean(x).tolist()}, r"block 'shared', row 0: expected a tensor .* got a list"),
        ({"shared": lambda x: None}, r"block 'shared', row 0: expected a tensor .* got a NoneType"),
        (
            {"shared": lambda x: mean(x) * 1j},
            r"block 'shared', row 0: expected dense real numbers; got torch.complex64",
        ),
        ({"shared": lambda x: mean(x).to_sparse()}, r"block 'shared', row 0: expected dense real numbers"),
        ({"shared": Restless()}, r"Given.embed: block 'shared', row 2: its codes change from call to call"),
        ({"shared": lambda x: mean(x).repeat(1, 33)}, r"block 'shared' is 132 wide; at most 128 can be ranked"),
        ({"shared": lambda x: mean(x)[:, : len(x)]}, r"block 'shared' is \[2, 3\] wide, by batch; expected one width"),
    ],
)
def test_an_embedding_that_is_none_names_method_block_and_row(monkeypatch, blocks, message):
    monkeypatch.setattr(embedding, "BATCH", 3)
    given = blocks if blocks == {"shared": mean} else {"shared": mean, "private": mean} | blocks
    with pytest.raises(ContractError, match=message) as caught:
        embedding.embed(Given(given), clips())
    assert "\n" not in str(caught.value)


def test_something_else_than_a_dictionary():
    method = Given({})
    method.embed = lambda inputs: mean(inputs)
    with pytest.raises(ContractError, match=r"^Given.embed must return a dictionary of blocks; it returned a Tensor$"):
        embedding.embed(method, clips())


def role_inputs(n=20):
    draws = torch.Generator().manual_seed(1)
    return {role: torch.randn(n, 3, 4, generator=draws) for role in ("probe", "test")}


def test_roles_are_embedded_together_and_get_their_own_rows_back():
    inputs = role_inputs()
    told = embedding.embed_together(Given({"shared": mean, "private": lambda x: 2 * mean(x)}), inputs, 0)
    for role, features in inputs.items():
        assert list(told[role]) == ["shared", "private"]
        assert torch.equal(told[role]["shared"], mean(features))
        assert torch.equal(told[role]["private"], 2 * mean(features))


def test_a_method_cannot_tell_the_roles_apart_by_their_place():
    seen = []
    embedding.embed_together(
        Given({"shared": mean, "private": lambda x: seen.append(x) or mean(x)}), role_inputs(200), 0
    )
    probe = {tuple(clip.flatten().tolist()) for clip in role_inputs(200)["probe"]}
    share = [sum(tuple(clip.flatten().tolist()) in probe for clip in half) / 200 for half in seen[0].split(200)]
    assert share[0] == pytest.approx(0.5, abs=0.1)
    assert share[1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("company", [lambda x: x - x.mean(0), lambda x: x * len(x)])
def test_a_code_that_depends_on_its_company_is_refused(company):
    method = Given({"shared": mean, "private": lambda x: company(mean(x))})
    with pytest.raises(
        ContractError, match=r"'private', row \d+: its code depends on the clips that are embedded with it"
    ):
        embedding.embed_together(method, role_inputs(400), 0)


def test_a_step_of_rounding_here_and_there_is_none_of_that():
    inputs = role_inputs(400)

    def rounded(x):
        """One code in a hundred a step off, where the batch is small, as products of another size round."""
        codes = mean(x).clone()
        codes[torch.arange(len(x)) % 100 == 50] += 1.0 if len(x) < 400 else 0.0
        return codes

    embedding.embed_together(Given({"shared": mean, "private": rounded}), inputs, 0)
