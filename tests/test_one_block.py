"""A method of one block: what it keeps is measured, it is not ranked, and nothing asks it for blocks it has not."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmark import artefacts, leaderboard, results
from benchmark.tasks import load_task
from benchmark.version import BENCHMARK_VERSION
from generators import space

ONE = '''"""A linear autoencoder of one code."""
from torch.nn import Linear
from torch.nn.functional import mse_loss

from baselines.contract import Method

class One(Method):
    """It decodes what it codes."""

    family = "reconstructive"
    one_block = True

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.shape = (trunk.n_frames, trunk.n_mels)
        bins = trunk.n_frames * trunk.n_mels
        self.down, self.up = Linear(bins, 2 * settings.block_dims), Linear(2 * settings.block_dims, bins)

    def training_step(self, batch, optimiser_index=0):
        clips = batch.views.flatten(0, 1)
        return {"loss": mse_loss(self.decode(self.embed(clips)), clips)}

    def embed(self, inputs):
        (name,) = self.blocks
        return {name: self.down(inputs.flatten(1))}

    def decode(self, blocks):
        return self.up(blocks[self.blocks[0]]).unflatten(1, self.shape)
'''


@pytest.fixture(scope="module")
def one(tmp_path_factory, command):
    folder = tmp_path_factory.mktemp("one")
    (folder / "one.py").write_text(ONE)
    line = ("--plugin", "one.py", "--method", "one", "--task", "phrases/timbre", "--preset", "tiny", "--device", "cpu")
    done = command("run", *line, cwd=folder)
    assert done.returncode == 0, done.stderr
    place = results.path(folder / "results", BENCHMARK_VERSION, "tiny", "phrases/timbre", "one", 0)
    return SimpleNamespace(folder=folder, told=done.stdout, result=results.read(place))


def test_it_has_preservation_and_its_decoder_s_score_and_no_rank(one):
    assert set(one.result.ranked()) == {"preservation"}
    assert 0.3 < one.result.value("preservation") < 1
    assert -0.1 < one.result.value("reconstruction_r2") < 1  # 60 steps teach it nothing
    metrics = {score.metric for score in one.result.scores}
    assert not metrics & {"balance", "disentanglement", "gap", "swap_fidelity", "invariance", "cka", "leakage_bits"}
    assert {score.block for score in one.result.scores if score.metric == "information"} == {"all"}


def test_its_code_is_as_wide_as_two_blocks(one):
    folder = results.artefact_dir(one.folder / "results", BENCHMARK_VERSION, "tiny", "phrases/timbre", "one", 0)
    kept = artefacts.kept(folder, space("phrases"))
    assert {name: codes.shape[1] for name, codes in kept["test"].blocks.items()} == {"code": 32}
    assert np.isfinite(kept["test"].blocks["code"]).all()
    assert sorted(path.name for path in folder.glob("*.png")) == ["information.png"]


def test_what_is_shown_of_it_is_of_all_alone(one):
    assert "P 0." in one.told
    assert "B 0." not in one.told
    assert "private" not in one.told


def test_the_board_shows_it_without_a_rank(one):
    board = leaderboard.build(one.folder / "results")
    ranked, found = board.split("Methods of one block")
    assert "| one |" not in ranked
    row = next(line for line in found.splitlines() if line.startswith("| one |"))
    assert row.split(" | ")[1] == "reconstructive"
    assert 0 <= float(row.split(" | ")[2]) <= 1
    assert set(load_task("phrases/timbre").blocks) == {"shared", "private"}
