"""How far P, D and B move: of embeddings made here, by the command as a user runs it."""

import json

import numpy as np
import pytest

import generators
from benchmark import stability
from benchmark.score import Codes
from benchmark.tasks import load_task
from benchmark.version import BENCHMARK_VERSION

TASK, SPACE = load_task("phrases/timbre"), generators.space("phrases")
ORDER = np.random.default_rng(0).permutation(SPACE.size)


def encoded(levels, seed):
    """Timbre in its own block; and beside the others, as one of 64 random places that it has with rhythm, in noise."""
    rng = np.random.default_rng([seed, len(levels), int(levels[0].sum())])
    numbers = {name: levels[:, SPACE.column(name)] for name in SPACE.names}
    places = np.random.default_rng(5).normal(size=(8, 8, 4))[numbers["timbre"], numbers["rhythm"]]
    private = np.column_stack([places, numbers["pitch"] / 7, numbers["loudness"] / 1.7])
    noise = rng.normal(size=private.shape) * [0.3, 0.3, 0.3, 0.3, 0.1, 0.1]
    shared = np.eye(8)[numbers["timbre"]] + 0.3 * rng.normal(size=(len(levels), 8))
    return {"shared": shared, "private": private + noise}


def codes(n, seed=0):
    found = []
    for rows in (ORDER[:n], ORDER[n : 2 * n]):
        levels = SPACE.levels_at(rows)
        found.append(Codes(levels, encoded(levels, seed)))
    return found


def test_a_code_that_no_line_reads_moves_by_less_than_a_hundredth():
    """At the quick preset's size, a leak that a perceptron reads, or the neighbours, and with noise neither well."""
    probe, test = codes(2304)
    rows = [stability.ranked(TASK, SPACE, probe, test, seed) for seed in range(4)]
    assert 0.2 < rows[0]["disentanglement"] < 0.8
    for name in stability.SCORES:
        values = [row[name] for row in rows]
        assert len(set(values)) == len(values)  # the seed does change what is drawn
        assert max(values) - min(values) < 0.01, name


def test_codes_are_turned_inside_blocks_by_one_map_for_both_roles():
    probe, test = codes(300)
    for way in ("rotated", "rescaled"):
        first, second = stability.turn(probe, test, way)
        for name, values in probe.blocks.items():
            found, *_ = np.linalg.lstsq(values, first.blocks[name], rcond=None)
            assert test.blocks[name] @ found == pytest.approx(second.blocks[name], abs=1e-6)
            if way == "rotated":
                assert found @ found.T == pytest.approx(np.eye(len(found)), abs=1e-9)
            else:
                assert found == pytest.approx(np.diag(np.diag(found)), abs=1e-6)
                assert 0.1 <= np.diag(found).min() < np.diag(found).max() <= 10
    assert first.levels is probe.levels


def test_the_largest_by_hand():
    rows = [{"scores": {"balance": {"range": a, "turned": b}}} for a, b in ((0.1, 0.0), (0.05, 0.2))]
    assert stability.largest(rows) == {"balance": {"range": 0.1, "turned": 0.2}}


@pytest.fixture
def artefacts(tmp_path):
    """Few clips of two runs of a method, as a run leaves them."""
    for seed in (0, 1):
        folder = tmp_path / "artefacts" / BENCHMARK_VERSION / "quick" / "phrases" / "timbre" / "own" / f"seed{seed}"
        folder.mkdir(parents=True)
        for role, one in zip(("probe", "test"), codes(300, seed), strict=True):
            np.savez(folder / f"{role}.npz", levels=one.levels, **one.blocks)
    return tmp_path


def test_the_command_tells_and_writes_how_far_they_move(command, artefacts):
    done = command("stability", "--seeds", 1, "--probe-seeds", 3, 5, "--json", "s.json", cwd=artefacts)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads((artefacts / "s.json").read_text())
    assert (told["task"], told["preset"], told["probe_seeds"]) == ("phrases/timbre", "quick", [3, 5])
    (row,) = told["embeddings"]
    assert (row["method"], row["seed"], list(row["scores"])) == ("own", 1, list(stability.SCORES))
    probe, test = codes(300, 1)
    probe, test = (Codes(one.levels, {k: v.astype(np.float32) for k, v in one.blocks.items()}) for one in (probe, test))
    by_hand = [stability.ranked(TASK, SPACE, probe, test, seed) for seed in (3, 5)]
    for name, found in row["scores"].items():
        assert found["by_probe_seed"] == [one[name] for one in by_hand]
        assert found["range"] == pytest.approx(abs(by_hand[0][name] - by_hand[1][name]))
        turned = [abs(found[way] - found["by_probe_seed"][0]) for way in ("rotated", "rescaled")]
        assert found["turned"] == pytest.approx(max(turned))
        assert told["largest"][name] == {"range": found["range"], "turned": found["turned"]}
    head, _, line, last = done.stdout.splitlines()
    assert head.split() == list(stability.SCORES)
    figures = [f"{found[key]:.4f}" for found in row["scores"].values() for key in ("range", "turned")]
    assert line.split() == ["own", "1", *figures]
    assert last.split() == ["largest", *figures]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "owm"], "no embeddings of 'owm' below artefacts/"),
        (["--seeds", "7"], "no embeddings of 'own' with seed 7; there are [0, 1] in artefacts/"),
        (["--artefacts", "nowhere"], "no embeddings below nowhere/"),
        (["--task", "phrases/timber"], "timber"),
        (["--preset", "quik"], "quik"),
        (["--probe-seeds", "1"], "--probe-seeds 1: a range takes two or more"),
        (["--probe-seeds", "1", "-2"], "--probe-seeds -2: seeds are 0 or more"),
        (["--json", "no/s.json"], "--json no/s.json: there is no folder no"),
        (["--probe-seed"], "error: "),
    ],
)
def test_a_mistake_is_told_in_one_line(arguments, message, artefacts, monkeypatch, capsys):
    monkeypatch.chdir(artefacts)
    try:
        status = stability.main(arguments)
    except SystemExit as exit:
        status = exit.code
    told = capsys.readouterr().err
    assert (status, told.count("\n")) == (2, 1)
    assert message in told
