import json
import re

import pytest
from plugins import MINE

from baselines import registry
from benchmark import estimates, results
from benchmark import plan as plans
from benchmark.plan import plan
from benchmark.requests import Request
from benchmark.tasks import PRESETS
from benchmark.version import BENCHMARK_VERSION


def request(**fields):
    return Request(**({"method": ["untrained"], "preset": "tiny"} | fields))


def stored(run, root, seconds=10.0, **changes):
    """A result in a run's place, with the run's own id unless something is changed."""
    from test_rescore import a_result

    from benchmark.execution import hashed  # noqa: F401

    fields = {
        "benchmark_version": BENCHMARK_VERSION,
        "preset": run.preset,
        "task": run.task,
        "task_version": "1",
        "space_version": "1",
        "method": run.label,
        "settings": registry.load(run.method).Settings().model_dump(),
        "seed": run.seed,
        "source_hash": plans.source_hash(registry.path_of(run.method), run.task),
        "scored_by": plans.scored_by(),
    } | changes
    result = a_result(**fields, id=results.identity(fields))
    cost = result.cost.model_copy(update={"seconds": {"start": 99.0, "train": seconds}})
    results.write(result.model_copy(update={"cost": cost}), root)
    return result


def test_runs_are_methods_by_tasks_by_seeds_by_settings(tmp_path):
    one = request(method=["untrained", "logmel"], task=["phrases/pitch", "phrases/timbre"], seeds=[0, 3])
    two = request(method=["combined"], set={"temperature": [0.1, 0.2], "rate_weight": [0.5]})
    found = plan([one, two, one], tmp_path)
    titles = [run.title for run in found.runs]
    assert titles == [
        *(
            f"{method} on {task}, seed {seed}"
            for task in ("phrases/pitch", "phrases/timbre")
            for method in ("untrained", "logmel")
            for seed in (0, 3)
        ),
        "combined,rate_weight=0.5 on phrases/timbre, seed 0",  # 0.1 is the default, and no part of the name
        "combined,rate_weight=0.5,temperature=0.2 on phrases/timbre, seed 0",
    ]
    assert found.todo == found.runs
    assert len({run.id for run in found.runs}) == len(found.runs)


def test_an_id_changes_with_whatever_decides_the_outcome(tmp_path, monkeypatch):
    def id_of(**fields):
        plans.source_hash.cache_clear()
        plans.scored_by.cache_clear()
        (run,) = plan([request(**fields)], tmp_path).runs
        return run.id

    (tmp_path / "mine.py").write_text(MINE)
    mine = {"method": "mine", "plugin": tmp_path / "mine.py"}
    ids = [id_of(), id_of(seeds=1), id_of(preset="quick"), id_of(task="phrases/pitch"), id_of(method="logmel")]
    ids += [id_of(set={"block_dims": 8}), id_of(**mine)]
    (tmp_path / "mine.py").write_text(MINE + "# changed\n")
    ids.append(id_of(**mine))
    for name in ("hashed", "scoring_hash", "space_version"):
        monkeypatch.setattr(plans, name, lambda *arguments: "other")
        ids.append(id_of())
    monkeypatch.setattr(plans, "BENCHMARK_VERSION", "9.9")
    ids.append(id_of())
    assert len(set(ids)) == len(ids)
    monkeypatch.undo()
    assert id_of() == ids[0]
    assert id_of(set={"block_dims": 16}) == ids[0]  # the default, said


def test_a_result_that_is_up_to_date_is_not_computed_again_and_any_other_is(tmp_path):
    runs = plan([request(seeds=[0, 1, 2, 3])], tmp_path).runs
    stored(runs[0], tmp_path)
    stored(runs[1], tmp_path, source_hash="of other code")
    stored(runs[2], tmp_path)
    place = plans.place_of(runs[2], tmp_path)
    place.write_text(place.read_text()[:-20])
    found = plan([request(seeds=[0, 1, 2, 3])], tmp_path)
    assert set(found.there) == {runs[0].id}
    assert found.stale == {runs[1].id}
    assert list(found.damaged) == [runs[2].id]
    assert found.todo == runs[1:]
    assert estimates.summary(found, 300.0, 2) == (
        "4 runs; 1 there already; 1 made by other code, to be made anew; 1 damaged, to be made anew; "
        "3 to do, about 2 min, 2 at once"
    )
    assert plan([request(seeds=[0, 1, 2, 3])], tmp_path, force=True).todo == runs


def test_a_result_that_was_edited_is_damaged(tmp_path):
    (run,) = plan([request()], tmp_path).runs
    stored(run, tmp_path)
    place = plans.place_of(run, tmp_path)
    place.write_text(json.dumps(json.loads(place.read_text()) | {"seed": 5}))
    found = plan([request()], tmp_path)
    assert "it is not of this result's fields" in found.damaged[run.id]


def test_what_a_run_may_take_is_what_its_like_took(tmp_path):
    runs = plan([request(method=["untrained", "logmel"], seeds=[0, 1, 2])], tmp_path).runs
    assert set(estimates.expected_seconds(runs, []).values()) == {estimates.GUESSES["tiny"]}
    for run, seconds in zip(runs[:3], (4.0, 6.0, 50.0), strict=True):
        stored(run, tmp_path, seconds)
    found = plan([request(method=["untrained", "logmel"], seeds=[0, 1, 2, 3])], tmp_path)
    known = estimates.known_results(found, tmp_path)
    assert set(estimates.expected_seconds(found.todo, known).values()) == {6.0}  # by its method, by its preset
    assert set(PRESETS) == set(estimates.GUESSES)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (80, "80 s"), (130, "2 min"), (5_000, "83 min"), (9_000, "2.5 h")]
)
def test_seconds_in_words(seconds, words):
    assert estimates.told(seconds) == words


def test_a_method_that_declines_a_task_is_left_out_of_all_and_refused_by_name(monkeypatch, tmp_path):
    cls = registry.load("logmel")
    monkeypatch.setattr(cls, "declines", classmethod(lambda cls, blocks, views: f"{len(blocks)} blocks are too many"))
    found = plan([request(method="all")], tmp_path)
    assert [run.label for run in found.runs] == [name for name in registry.names() if name != "logmel"]
    assert found.left_out == ["logmel is left out, for it cannot do phrases/timbre: 2 blocks are too many"]
    with pytest.raises(ValueError, match="logmel cannot do phrases/timbre: 2 blocks are too many"):
        plan([request(method=["all", "logmel"])], tmp_path)


def test_two_plugins_of_one_name_are_told_apart(tmp_path):
    requests = []
    for folder, text in (("a", MINE), ("b", MINE + "# other\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(text)
        requests.append(request(method="mine", plugin=tmp_path / folder / "mine.py"))
    message = "two different runs are called mine on phrases/timbre, seed 0, preset tiny; rename one's plugin"
    with pytest.raises(ValueError, match=re.escape(message)):
        plan(requests, tmp_path)
