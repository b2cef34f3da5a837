"""How far P, D and B move: of embeddings made here, by the command as a user runs it."""

import json

import numpy as np
import pytest

import generators
from benchmark import stability
from benchmark.score import Codes
from benchmark.tasks import BENCHMARK_VERSION, load_task

TASK, SPACE = load_task("phrases/timbre"), generators.space("phrases")
ORDER = np.random.default_rng(0).permutation(SPACE.size)


def encoded(levels, seed):
    """Timbre in its own block, and beside the others folded up: a reader of nearness or of bends is needed."""
    rng = np.random.default_rng([seed, len(levels), int(levels[0].sum())])
    one_hot = [np.eye(k)[levels[:, i]] for i, k in enumerate(SPACE.n_levels)]
    timbre = SPACE.column("timbre")
    mix = np.random.default_rng(5).normal(size=(sum(SPACE.n_levels), 8))
    private = np.hstack([part if i != timbre else 0.6 * part for i, part in enumerate(one_hot)]) @ mix
    noise = rng.normal(size=(2, len(levels), 8))
    return {"shared": one_hot[timbre] + 0.3 * noise[0], "private": np.sin(private) + 0.2 * noise[1]}


def codes(n, seed=0):
    found = []
    for rows in (ORDER[:n], ORDER[n : 2 * n]):
        levels = SPACE.levels_at(rows)
        found.append(Codes(levels, encoded(levels, seed)))
    return found


def test_a_code_that_two_kinds_of_probe_read_about_as_well_moves_by_less_than_a_hundredth():
    """At the quick preset's size. A choice of one kind moved D of such codes by .08."""
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
                assert found @ found.T == pytest.approx(np.eye(8), abs=1e-9)
            else:
                assert found == pytest.approx(np.diag(np.diag(found)), abs=1e-6)
                assert 1e-2 <= np.diag(found).min() < np.diag(found).max() <= 1e2
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
    assert (
        f"own 1 {row['scores']['preservation']['range']:17.4f}"
        in " ".join(done.stdout.split("\n")).replace("own 1" + " " * 19, "own 1 ")
        or f"{row['scores']['preservation']['range']:.4f}" in done.stdout
    )


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
