from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

import generators
from baselines import registry
from benchmark import tune
from benchmark.features import n_clips
from benchmark.score import Score
from benchmark.tasks import PRESETS
from generators.splits import iid

METHODS = list(tune.SEARCH)


def test_every_method_gets_the_same_number_of_trials_all_different():
    for name in METHODS:
        drawn = tune.trials(name, 12)
        assert len(drawn) == 12
        assert len({tuple(trial.items()) for trial in drawn}) == 12


@pytest.mark.parametrize("name", METHODS)
def test_trial_0_is_the_first_of_each_list_and_the_rest_is_from_the_lists(name):
    first, *others = tune.trials(name, 9)
    space = tune.SEARCH[name]
    assert first == {setting: values[0] for setting, values in space.items()}
    for trial in others:
        assert list(trial) == list(space)
        assert all(value in space[setting] for setting, value in trial.items())


@pytest.mark.parametrize("name", METHODS)
def test_trials_are_the_same_every_time_and_more_of_them_begin_alike(name):
    assert tune.trials(name, 8) == tune.trials(name, 8)
    assert tune.trials(name, 12)[:8] == tune.trials(name, 8)


def test_every_value_is_tried_sooner_or_later():
    for name in METHODS:
        drawn = tune.trials(name, 60)
        for setting, values in tune.SEARCH[name].items():
            assert {trial[setting] for trial in drawn} == set(values), (name, setting)


@pytest.mark.parametrize("name", METHODS)
def test_every_value_of_the_search_is_a_setting_in_range(name):
    schema = registry.load(name).Settings
    for setting, values in tune.SEARCH[name].items():
        assert setting in schema.model_fields, setting
        for value in values:
            assert getattr(schema(**{setting: value}), setting) == value


def test_a_representative_of_each_family_is_tuned():
    assert {registry.load(name).family for name in METHODS} == {"combined", "contrastive", "reconstructive"}


@pytest.mark.parametrize("count", [0, -1, 10**9])
def test_as_many_trials_as_there_are_not_is_a_mistake(count):
    with pytest.raises(ValueError, match=rf"^--trials is {count}; expected 1 to \d+, the number of different trials"):
        tune.trials("combined", count)


def test_a_mistake_gets_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tune.main(["--task", "phrases/tmbre"]) == 2
    assert tune.main(["--trials", "0"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.split(";")[0] for line in told] == [
        "error: no task 'phrases/tmbre': 'phrases' has no factor 'tmbre'",
        "error: --trials is 0",
    ]
    assert list(tmp_path.iterdir()) == []


def test_probes_are_fitted_on_one_clip_of_each_combination():
    space = generators.space("phrases")
    combinations = np.array([7, 3, 7, 5, 3, 7])
    rows = tune.first_draws(space, space.levels_at(combinations))
    assert rows.tolist() == [1, 3, 0]


def test_a_trial_trains_and_fits_on_training_clips_and_is_read_on_validation_clips(small, monkeypatch):
    """Probe and test clips are not even there."""
    space = small.space
    validation = replace(small.clips, levels=small.clips.levels[:50], features=small.clips.features[:50])
    data = Namespace(roles={"train": small.clips, "validation": validation})
    front_end = Namespace(n_frames=small.trunk.n_frames, n_mels=small.trunk.n_mels)
    prepared = Namespace(space=space, data=data, front_end=front_end)
    scored = {}

    def score(blocks, factor_names, n_levels, probe, test, **others):
        scored.update(blocks=blocks, names=factor_names, n_levels=n_levels, probe=probe, test=test)
        return [
            Score("balance", None, None, 0.25),
            Score("gap", None, None, 0.5),
            Score("preservation", "x", None, 0.5),
        ]

    monkeypatch.setattr(tune, "score", score)
    preset = replace(PRESETS["tiny"], steps=2, examples=8, width=16)
    trial = tune.trials("combined", 1)[0]
    found = tune.evaluate("combined", trial, small.task, preset, prepared, seed=0)
    assert found == {"balance": 0.25}
    assert (scored["names"], scored["n_levels"]) == (space.names, space.n_levels)
    assert {block: set(owned) for block, owned in scored["blocks"].items()} == small.task.blocks
    fitted = tune.first_draws(space, small.clips.levels)
    for codes, levels in ((scored["probe"], small.clips.levels[fitted]), (scored["test"], validation.levels)):
        assert np.array_equal(codes.levels, levels)
        assert {len(values) for values in codes.blocks.values()} == {len(levels)}


def rows_of(numbers, balances):
    drawn = tune.trials("combined", 5)
    return [
        {"trial": number, **drawn[number], "preservation": 0.9, "disentanglement": 0.8, "balance": balance}
        for number, balance in zip(numbers, balances, strict=True)
    ]


def test_the_page_names_the_finalist_of_the_highest_balance(tmp_path):
    tune._write_csv(tmp_path / "combined_trials.csv", rows_of(range(5), [0.2, 0.75, 0.5, 0.6, 0.1]))
    assert tune.leaders(tmp_path / "combined_trials.csv", 3) == [1, 3, 2]
    tune._write_csv(tmp_path / "combined_finals.csv", rows_of([1, 3, 2], [0.7, 0.85, 0.8]))
    chosen, count = tune.best(tmp_path, "combined")
    assert (chosen["trial"], count) == ("3", 5)
    page = tune.report(tmp_path, Namespace(task="phrases/timbre", steps=800, trials=5))
    (line,) = [line for line in page.splitlines() if line.startswith("| combined ")]
    assert line.startswith("| combined | 5 | 3 | 0.900 | 0.800 | 0.850 | 0.700, 0.800 | 0.500 | ")
    for setting, value in tune.trials("combined", 5)[3].items():
        assert f"{setting} {value}" in line


def test_how_many_clips_there_are_to_render():
    space = generators.space("phrases")
    draws = {"train": 3, "validation": 2, "probe": 1, "test": 1}
    assert n_clips(Namespace(space=space), draws) == sum(len(rows) * draws[role] for role, rows in iid(space).items())
