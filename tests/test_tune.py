"""The search, fed with known outcomes: which trials there are, which are pruned, what is chosen."""

import math
from statistics import fmean

import pytest

from baselines import registry
from benchmark.tune import search as tuning
from benchmark.tune.finals import FINALISTS, final, finalists
from benchmark.tune.finals import SEEDS as FINAL_SEEDS
from benchmark.tune.record import Record
from benchmark.tune.search import COMPLETE, FAILED, PRUNED, ROUND, SEEDS, UNPRUNED, Asked, Told, Tried, search
from benchmark.tune.spaces import SPACES, Choice, Real, rounded, space_of

METHODS = list(SPACES)


def firsts(method):
    return {name: where.first for name, where in SPACES[method].items()}


@pytest.mark.parametrize("method", METHODS)
def test_every_value_of_a_space_is_a_setting_in_range(method):
    schema = registry.load(method).Settings
    for name, where in SPACES[method].items():
        for value in (where.low, where.high, where.first) if isinstance(where, Real) else where.values:
            assert getattr(schema(**{name: value}), name) == value, name


@pytest.mark.parametrize("method", METHODS)
def test_ranges_hold_their_first_value_and_survive_rounding(method):
    for name, where in SPACES[method].items():
        if isinstance(where, Real):
            assert 0 < where.low <= where.first <= where.high, name
            assert where.low < where.high, name
            assert [rounded(value) for value in (where.low, where.first, where.high)] == [
                where.low,
                where.first,
                where.high,
            ], name
        else:
            assert len(set(where.values)) == len(where.values) > 1, name


def test_there_is_a_representative_of_each_family():
    assert {"combined", "contrastive", "vicreg", "byol", "poe_vae", "dmvae"} <= set(METHODS)
    families = {registry.load(name).family for name in registry.names()} - {"control", "other"}
    assert {registry.load(name).family for name in METHODS} == families


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0012345, 0.0012), (0.0996, 0.1), (99.6, 100.0), (2.25, 2.2), (3.0, 3.0), (0.155, 0.15)]
)
def test_two_significant_digits_by_hand(value, expected):
    assert rounded(value) == expected


def test_a_method_that_is_not_searched_gets_the_nearest():
    with pytest.raises(ValueError, match=r"^no search for 'combned'; did you mean 'combined'\? There are: combined, "):
        space_of("combned")


class Bowl:
    """Outcomes by a known rule: B falls with the learning rate's distance from .001, and a little with the seed."""

    def __init__(self, fails=lambda asked: False):
        self.rounds, self.fails = [], fails

    def __call__(self, asked):
        self.rounds.append(list(asked))
        return [None if self.fails(one) else self.told(one) for one in asked]

    @staticmethod
    def told(asked):
        distance = abs(math.log10(asked.settings["learning_rate"] / 1e-3))
        return Told(0.9, 0.8, 0.9 - distance - 0.01 * (asked.seed - SEEDS[0]), 20.0)


class Hill(Bowl):
    """Each run is worse than the one before it: all that can be pruned is."""

    count = 0

    def __call__(self, asked):
        self.count += 1
        return [Told(0.9, 0.8, 0.9 - 0.1 * self.count - 0.01 * place, 20.0) for place, _ in enumerate(asked)]


def searched(methods, count, bowl):
    kept = {}
    search(methods, count, bowl, lambda method, trials: kept.update({method: list(trials)}))
    return kept


@pytest.fixture(scope="module")
def bowl():
    return Bowl()


@pytest.fixture(scope="module")
def kept(bowl):
    return searched(["byol", "contrastive"], 16, bowl)


def test_every_method_gets_the_same_number_of_trials(kept):
    assert {method: [trial.number for trial in trials] for method, trials in kept.items()} == {
        "byol": list(range(16)),
        "contrastive": list(range(16)),
    }


def test_the_first_trial_is_what_the_method_came_with(kept):
    for method, trials in kept.items():
        assert trials[0].settings == firsts(method)
        assert trials[0].state == COMPLETE


def test_trials_are_of_the_space_and_of_two_digits(kept):
    for method, trials in kept.items():
        for trial in trials:
            assert list(trial.settings) == list(SPACES[method])
            for name, value in trial.settings.items():
                where = SPACES[method][name]
                if isinstance(where, Choice):
                    assert value in where.values
                else:
                    assert where.low <= value == rounded(value) <= where.high
        assert len({tuple(trial.settings.items()) for trial in trials}) > 12


def test_all_methods_of_a_round_are_asked_for_together_first_with_one_seed(bowl, kept):
    first, second, *_ = bowl.rounds
    assert [one.method for one in first] == ["byol"] * ROUND + ["contrastive"] * ROUND
    assert {one.seed for one in first} == {SEEDS[0]}
    assert {one.seed for one in second} == {SEEDS[1]}
    assert [one.settings for one in second] == [one.settings for one in first], "the first round is run in full"
    assert len(bowl.rounds) == 2 * 16 // ROUND


def test_what_is_under_the_median_of_the_complete_is_pruned(kept):
    """The rule by hand: from the fifth trial on, B of the first seed against that of the complete ones of before."""
    pruned = 0
    for trials in kept.values():
        for start in range(UNPRUNED, 16, ROUND):
            before = sorted(trial.told[0].balance for trial in trials[:start] if trial.state == COMPLETE)
            middle = (before[(len(before) - 1) // 2] + before[len(before) // 2]) / 2
            for trial in trials[start : start + ROUND]:
                poor = trial.told[0].balance < middle
                assert trial.state == (PRUNED if poor else COMPLETE)
                assert len(trial.told) == (1 if poor else 2)
                pruned += poor
    assert 4 < pruned < 24


def test_pruning_begins_with_the_fifth_trial():
    states = [trial.state for trial in searched(["byol"], 8, Hill())["byol"]]
    assert states == [COMPLETE] * UNPRUNED + [PRUNED] * 4


def test_a_trial_is_worth_its_mean(kept):
    trial = kept["byol"][0]
    assert trial.balance == pytest.approx(
        fmean(Bowl.told(Asked("byol", trial.settings, seed)).balance for seed in SEEDS)
    )


def test_the_sampler_learns(kept):
    """After the random ones, trials are nearer to the best learning rate."""
    for trials in kept.values():
        drawn, learnt = trials[1 : tuning.DRAWN], trials[tuning.DRAWN :]
        assert fmean(t.told[0].balance for t in learnt) > fmean(t.told[0].balance for t in drawn)


def test_a_search_begun_again_asks_for_the_same_whatever_goes_beside_it(kept):
    again = searched(["byol"], 16, Bowl())
    assert again["byol"] == kept["byol"]
    assert searched(["byol"], 8, Bowl())["byol"] == kept["byol"][:8]
    assert searched(["byol"], 6, Bowl())["byol"][:4] == kept["byol"][:4]


def test_a_trial_whose_run_fails_is_told_and_the_search_goes_on():
    failing = Bowl(
        lambda asked: (
            asked.settings["learning_rate"] > 3e-3 or (asked.seed == SEEDS[1] and asked.settings["momentum"] == 0.98)
        )
    )
    trials = searched(["byol"], 12, failing)["byol"]
    states = [trial.state for trial in trials]
    assert len(trials) == 12
    assert states[0] == FAILED, "in its second seed"
    assert len(trials[0].told) == 1
    for trial in trials:
        if trial.settings["learning_rate"] > 3e-3:
            assert (trial.state, trial.told) == (FAILED, ())
    assert {COMPLETE, FAILED} <= set(states)


def complete(number, balance):
    return Tried(number, COMPLETE, {"learning_rate": 1e-3 * (number + 1)}, (Told(0.9, 0.8, balance, 20.0),) * 2)


def test_finalists_are_the_first_trial_and_the_best_others_by_hand():
    trials = [complete(0, 0.1), complete(1, 0.7), Tried(2, FAILED, {}, ()), complete(3, 0.9), complete(4, 0.9)]
    assert [trial.number for trial in finalists(trials)] == [0, 3, 4]
    assert [trial.number for trial in finalists(trials[:2])] == [0, 1]
    assert [trial.number for trial in finalists([complete(0, 0.95), *trials[1:]])] == [0, 3, 4]
    assert [trial.number for trial in finalists([Tried(0, FAILED, {}, ()), *trials[1:4]])] == [1, 3]
    assert FINALISTS == 2


def test_finals_are_of_all_methods_together_and_with_seeds_of_their_own():
    bowl = Bowl(lambda asked: asked.settings["learning_rate"] == 4e-3 and asked.seed == FINAL_SEEDS[1])
    records = {
        "byol": Record("t", "p", (complete(0, 0.5), complete(3, 0.9))),
        "dmvae": Record("t", "p", (complete(0, 0.5),)),
    }
    ended = final(records, bowl, "long")
    assert [(one.method, one.seed) for one in bowl.rounds[0]] == [
        *(("byol", seed) for _ in range(2) for seed in FINAL_SEEDS),
        *(("dmvae", seed) for seed in FINAL_SEEDS),
    ]
    assert not set(FINAL_SEEDS) & {*SEEDS, 0, 1, 2, 3, 4}
    assert [(trial.number, trial.state, len(trial.told)) for trial in ended["byol"].trials] == [
        (0, COMPLETE, 2),
        (3, FAILED, 1),
    ]
    assert ended["byol"].chosen() == ended["byol"].trials[0]
    assert (ended["dmvae"].task, ended["dmvae"].preset, ended["dmvae"].seeds) == ("t", "long", FINAL_SEEDS)
    assert final({}, Bowl(), "long") == {}
