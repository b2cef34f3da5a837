"""A plugin of wrong shapes is told of before any sound is made; one that is right is left as it was."""

import pytest
import torch
from plugins import TINY

from benchmark import run as command_line
from benchmark.jobs import Specification
from benchmark.plan import plan
from benchmark.requests import Request
from benchmark.train import ContractError
from benchmark.trial import tried
from benchmark.work import resolved

METHOD = '''"""Mine."""
import torch
from baselines.contract import Method

class Mine(Method):
    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.encoder, self.decoder = trunk.encoder(2 * settings.block_dims), trunk.decoder(2 * settings.block_dims)

    def training_step(self, batch, optimiser_index=0):
        return {"loss": self.encoder(batch.views.flatten(0, 1)).square().mean()}

    def embed(self, inputs):
        return self.split(self.encoder(inputs))

    def decode(self, blocks):
        return self.decoder(self.join(blocks))
'''
ENCODER = '''"""Mine."""
sample_rate = 8_000

def embed(audio):
    return audio[:, :8]
'''


def specified(tmp_path, text) -> Specification:
    (tmp_path / "mine.py").write_text(text)
    return plan([Request(method=["mine"], preset="tiny", plugin=tmp_path / "mine.py")], tmp_path / "results").runs[0]


@pytest.mark.parametrize("text", [METHOD, ENCODER])
def test_a_good_one_passes_and_nothing_random_is_moved(tmp_path, text):
    before = torch.get_rng_state()
    tried(resolved(specified(tmp_path, text), "cpu"))
    assert torch.equal(torch.get_rng_state(), before)


WHOLE = "self.split(self.encoder(inputs))"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (METHOD.replace(".square().mean()", ".square()"), r'must return scalars, "loss" among them; got the shapes'),
        (METHOD.replace('"loss":', '"los":'), r'must return scalars, "loss" among them; got the shapes'),
        (
            METHOD.replace(WHOLE, "self.encoder(inputs)"),
            "must return a dictionary of block",
        ),
        (METHOD.replace(WHOLE, "{}"), r"must return the blocks \['private', 'shared'\]"),
        (METHOD.replace("self.join(blocks))", "self.join(blocks))[:, 1:]"), r"decode must return \["),
        (
            ENCODER.replace("[:, :8]", "[0]"),
            r"block 'code', row 0: must be \[8, dimension\]; got \[16000\]",
        ),
        (ENCODER.replace("[:, :8]", "[:, :5_000]"), r"is 5000 wide; at most 4,096"),
        (
            ENCODER.replace("audio[:, :8]", "{'pitch': audio[:, :8]}"),
            r"returned the blocks \['pitch'\]",
        ),
    ],
)
def test_a_wrong_shape_is_told_before_any_sound_is_made(tmp_path, text, message, monkeypatch, capsys):
    one = specified(tmp_path, text)
    with pytest.raises(ContractError, match=message):
        tried(resolved(one, "cpu"))

    def prepare(*_):
        raise AssertionError("sound was made")

    monkeypatch.setattr("benchmark.work.prepare", prepare)
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["--plugin", "mine.py", "--method", "mine", *TINY]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: mine on phrases/timbre, seed 0: ")
    assert told.count("\n") == 1


def test_what_it_raises_is_told_with_its_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(ENCODER.replace("audio[:, :8]", "audio[:, :8] @ audio"))
    monkeypatch.chdir(tmp_path)
    assert command_line.main(["--plugin", "mine.py", "--method", "mine", *TINY]) == 1
    assert "mine.py, line 5: ValueError: matmul" in capsys.readouterr().err
