"""Kept embeddings are scored anew without training, and nothing else of a result is touched."""

import json

import numpy as np
import pytest

import generators
from benchmark import artefacts, oracles, rescore, results, run
from benchmark.results import Cost, Environment, Result, ResultError, Score
from benchmark.tasks import load_preset, load_task
from benchmark.version import BENCHMARK_VERSION

SPACE = generators.space("phrases")
BLOCKS = {"shared": ["timbre"], "private": ["pitch", "loudness", "rhythm"]}
OWN = Score(metric="reconstruction_r2", value=0.75)
OLD = [Score(metric="balance", value=0.25), OWN]


def a_result(version="0.0.1", **changes):
    nothing = {"python": "", "platform": "", "torch": "", "torchaudio": "", "numpy": "", "scikit_learn": ""}
    environment = Environment(**nothing, dtones="", device="CPU", threads=1)
    cost = Cost(
        seconds={"train": 9.5},
        total_seconds=9.5,
        clips_per_second=2.0,
        wait_share=0.5,
        peak_memory_bytes=1,
        parameters=7,
    )
    values = {
        "benchmark_version": version,
        "preset": "quick",
        "task": "phrases/timbre",
        "task_version": "1",
        "space_version": "1",
        "method": "mine",
        "family": "other",
        "blocks": BLOCKS,
        "settings": {"width": 3},
        "seed": 2,
        "source_hash": "of the training",
        "environment": environment,
        "cost": cost,
        "scores": OLD,
    }
    return Result(**{**values, **changes})


def address(result):
    return result.benchmark_version, result.preset, result.task, result.method, result.seed


def stored(root, result, dtype=np.float32):
    """A result, with the embeddings that the aligned oracle would have had."""
    results.write(result, root)
    folder = results.artefact_dir(root, *address(result))
    folder.mkdir(parents=True)
    for number, role in enumerate(("probe", "test")):
        levels = SPACE.levels_at(np.arange(200) * 46 + number)
        codes = oracles.oracle("aligned")(levels, SPACE.names, SPACE.n_levels, BLOCKS, 0)
        np.savez(folder / f"{role}.npz", levels=levels, **{name: code.astype(dtype) for name, code in codes.items()})
    (folder / "losses.csv").write_text("step,loss\n0,1.5\n")
    return folder


@pytest.fixture
def scored(monkeypatch):
    """Scoring made quick: balance is half the mean of the test codes' squares; information is there for the picture."""

    def scores_of(task, space, probe, test, device, report):
        value = 0.5 * float(np.mean([np.square(codes).mean() for codes in test.blocks.values()]))
        cells = [(block, factor) for block in (*task.blocks, "all") for factor in space.names]
        information = [Score(metric="information", block=block, factor=factor, value=0.5) for block, factor in cells]
        return [Score(metric="balance", value=value), *information]

    monkeypatch.setattr(rescore, "scores_of", scores_of)
    monkeypatch.setattr(rescore, "clips_of", lambda task, preset: {"probe": 200, "test": 200})


@pytest.fixture
def here(tmp_path, monkeypatch, scored):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def test_a_new_version_gets_new_scores_and_nothing_else(here, capsys):
    old = a_result()
    folder = stored(here, old)
    before = results.path(here, *address(old)).read_bytes()
    assert run.main(["--rescore", "--device", "cpu"]) == 0
    place = results.path(here, BENCHMARK_VERSION, *address(old)[1:])
    new = results.read(place)
    balance = new.value("balance")
    assert balance == pytest.approx(0.5, abs=0.1)  # standardised levels
    assert new.scores[-1] == OWN  # it takes the decoder: kept as it was
    assert new.value("information", "all", "pitch") == 0.5
    changed = {"benchmark_version", "scores", "scored_by", "id"}
    assert new.model_dump(exclude=changed) == old.model_dump(exclude=changed)
    assert new.scored_by == rescore.scoring_hash()
    assert new.id == results.identity(new.model_dump())
    carried = results.artefact_dir(here, *address(new))
    assert sorted(path.name for path in carried.iterdir()) == ["information.png", "losses.csv", "probe.npz", "test.npz"]
    assert (carried / "test.npz").read_bytes() == (folder / "test.npz").read_bytes()
    assert results.path(here, *address(old)).read_bytes() == before
    assert f"mine on phrases/timbre, quick, seed 2: balance {balance:.4f} (was 0.2500); version 0.0.1" in (
        capsys.readouterr().out
    )
    # A second time it is the newest, and nothing changes.
    written = place.read_bytes()
    assert run.main(["--rescore", "--device", "cpu"]) == 0
    assert "seed 2: the same to the last digit" in capsys.readouterr().out
    assert place.read_bytes() == written


def test_what_has_no_kept_embeddings_is_said(here, capsys):
    stored(here, a_result())
    results.write(a_result(method="bare"), here)
    assert run.main(["--rescore", "--device", "cpu"]) == 1
    told = capsys.readouterr()
    assert told.err == (
        "error: bare on phrases/timbre, quick, seed 2: no embeddings are kept beside the result of version 0.0.1\n"
    )
    assert "mine on phrases/timbre" in told.out
    assert results.path(here, BENCHMARK_VERSION, *address(a_result())[1:]).is_file()


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ([], ["combined", "mine", "mine", "oracle.half"]),
        (["--method", "mine"], ["mine", "mine"]),
        (["--method", "mine", "--seeds", "2"], ["mine"]),
        (["--method", "oracles"], ["oracle.half"]),
        (["--method", "all", "--preset", "tiny"], ["combined"]),
        (["--task", "phrases/pitch"], []),
    ],
)
def test_options_select(here, options, chosen):
    for change in ({}, {"seed": 3}, {"method": "combined", "preset": "tiny"}, {"method": "oracle.half"}):
        results.write(a_result(**change), here)
    parsed = run.arguments(["--rescore", *options])
    if chosen:
        assert sorted(result.method for result in rescore.chosen(parsed)) == chosen
    else:
        with pytest.raises(ValueError, match="no results in results to score anew with these options"):
            rescore.chosen(parsed)


def test_embeddings_of_half_precision_are_read_too(here):
    folder = stored(here, a_result(), np.float16)
    codes = artefacts.kept(folder, SPACE)
    assert {values.dtype for values in codes["test"].blocks.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("damage", ["cut short", "foreign levels", "no levels"])
def test_damaged_embeddings_are_named(here, damage, capsys):
    place = stored(here, a_result()) / "test.npz"
    if damage == "cut short":
        place.write_bytes(place.read_bytes()[:200])
    elif damage == "foreign levels":
        np.savez(place, levels=np.full((3, 4), 99), shared=np.zeros((3, 1)), private=np.zeros((3, 1)))
    else:
        np.savez(place, shared=np.zeros((3, 1)), private=np.zeros((3, 1)))
    with pytest.raises(ResultError, match=r"test\.npz: no embeddings that can be scored"):
        artefacts.kept(place.parent, SPACE)
    assert run.main(["--rescore", "--device", "cpu"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_result_of_other_blocks_is_refused(here, capsys):
    stored(here, a_result(blocks={"shared": ["pitch"], "private": ["timbre", "loudness", "rhythm"]}))
    assert run.main(["--rescore", "--device", "cpu"]) == 1
    assert "its blocks were" in capsys.readouterr().err


def test_a_damaged_result_is_named(here, capsys):
    stored(here, a_result())
    place = results.path(here, *address(a_result()))
    place.write_text(json.dumps({"seed": 1}))
    assert run.main(["--rescore"]) == 2
    assert capsys.readouterr().err.startswith(f"error: {place.relative_to(here.parent)}: ")


def test_embeddings_of_other_clips_than_the_preset_has_are_not_scored_as_its_own(here, capsys, monkeypatch):
    """With fewer probe clips a leak reads as less."""
    old = a_result()
    stored(here, old)
    monkeypatch.setattr(rescore, "clips_of", lambda task, preset: {"probe": 400, "test": 200})
    assert run.main(["--rescore", "--device", "cpu"]) == 1
    said = capsys.readouterr().err
    assert "200 probe clips are kept in" in said
    assert "and 'quick' now has 400: run it again, for scores depend on it" in said
    assert not results.path(here, BENCHMARK_VERSION, *address(old)[1:]).exists()


def test_how_many_clips_a_run_is_judged_by():
    task = load_task("phrases/timbre")
    assert rescore.clips_of(task, load_preset("quick")) == {"probe": 2 * 2304, "test": 2304}
    assert rescore.clips_of(task, load_preset("tuning")) == {"probe": 3686 // 2, "test": 2 * 922}
