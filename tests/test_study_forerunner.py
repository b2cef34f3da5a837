"""The forerunner's table: classes by hand, accuracies of known codes, and what its page says of a record."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from pools import Inline

import generators
from benchmark import options
from benchmark.score import Codes
from benchmark.study import __main__ as study
from benchmark.study import choice, forerunner_runs, record
from benchmark.study import forerunner_page as page
from benchmark.study.forerunner import (
    CHOSEN,
    CHOSEN_BEFORE,
    CLASSES,
    DIMS,
    LATENTS,
    NO_WEIGHTS,
    PUBLISHED,
    TARGETS,
    Reading,
    accuracies,
    cells,
    coarse,
    unheard_frequency,
)
from benchmark.study.strategies import Cell
from benchmark.tasks import load_task
from benchmark.version import BENCHMARK_VERSION

SPACE = generators.space("syntone")


def test_levels_are_dealt_to_classes_by_hand():
    assert coarse(np.arange(10), 10, 3).tolist() == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert coarse(np.arange(4), 4, 4).tolist() == [0, 1, 2, 3]
    classes = coarse(np.arange(400), 400, CLASSES)
    # Class c begins at the first whole number from 400 c / 21: 0, 19.05 -> 20, 38.1 -> 39, ...
    assert np.flatnonzero(np.diff(classes))[:4].tolist() == [19, 38, 57, 76]
    assert sorted(np.bincount(classes).tolist()) == [19] * 20 + [20]
    assert (classes[0], classes[-1]) == (0, 20)


def test_cells_are_those_of_the_layout_and_can_be_asked_for():
    assert [(cell.part, cell.name) for cell in cells()] == [
        ("table", "poe_vae"),
        ("table", "combined"),
        ("table", "combined, chosen before"),
        ("ablation", NO_WEIGHTS),
        ("ablation", "gamma 0.5"),
        ("ablation", "alpha 1"),
        ("ablation", "beta 1"),
    ]
    weights = {}
    for cell in cells():
        chosen, _ = options.chosen_methods([cell.method], None)[cell.method]
        settings = options.settings_of(cell.method, chosen, cell.settings)
        assert (settings.block_dims, cell.task) == (DIMS, "syntone/timbre")
        assert chosen.declines(tuple(load_task(cell.task).blocks), 2) is None
        if cell.part == "ablation":
            weights[cell.name] = (settings.alpha, settings.beta, settings.gamma)
    assert list(weights.values()) == [(0, 0, 0), (0, 0, 0.5), (1, 0, 0), (0, 1, 0)]


def test_accuracies_of_a_code_that_is_known():
    """Timbre alone in the shared block; the class of the frequency in the private one: each is read there alone."""
    order = np.random.default_rng(0).permutation(SPACE.size)[:1_600]
    noise = np.random.default_rng(1).normal(size=(1_600, 2))

    def codes(rows, noise):
        levels = SPACE.levels_at(rows)
        classes = levels[:, SPACE.column("frequency")] * CLASSES // 400
        shared = np.eye(4)[levels[:, SPACE.column("timbre")]]
        return Codes(levels, {"shared": shared, "private": np.c_[np.eye(CLASSES)[classes], noise]})

    found = accuracies(codes(order[:800], noise[:800]), codes(order[800:], noise[800:]), SPACE)
    assert list(found) == [f"{latent}_{factor}" for latent in LATENTS for factor in ("timbre", "frequency")]
    right = {"shared_timbre", "both_timbre", "private_frequency", "both_frequency"}
    for name, accuracy in found.items():
        chance = 0.25 if name.endswith("timbre") else 1 / CLASSES
        assert accuracy > 0.99 if name in right else accuracy < chance + 0.06, name


def test_frequency_where_the_timbre_is_unheard():
    """One code for all timbres is read as well; a code whose classes each timbre has in another order, no better than
    by chance, though it is read where every timbre was heard."""
    rows = np.random.default_rng(0).permutation(SPACE.size)[:3_200]
    levels = SPACE.levels_at(rows)
    timbre, frequency = (levels[:, SPACE.column(name)] for name in ("timbre", "frequency"))
    classes = coarse(frequency, 400, CLASSES)
    turned = (classes + 5 * timbre) % CLASSES  # 0, 5, 10 and 15 classes further
    told = np.eye(4)[timbre][:, :, None] * np.eye(CLASSES)[turned][:, None]  # one-hot of timbre and class together

    def found(private):
        probe, test = (Codes(levels[half], {"private": private[half]}) for half in (slice(1_600), slice(1_600, None)))
        return unheard_frequency(probe, test, SPACE), accuracies(
            *(Codes(each.levels, {**each.blocks, "shared": np.ones((1_600, 1))}) for each in (probe, test)), SPACE
        )["private_frequency"]

    same, heard = found(np.eye(CLASSES)[classes])
    assert (same, heard) == pytest.approx((1, 1), abs=0.01)
    other, heard = found(told.reshape(len(levels), -1))
    assert heard > 0.99
    assert other < 1 / CLASSES + 0.05


def reading(part, cell, seed, private, shared, both=(0.98, 0.88)):
    [settings] = [one.written for one in cells() if (one.part, one.name) == (part, cell)] or ["of_earlier=1"]
    run = 60.0, "short", BENCHMARK_VERSION, f"{part} {cell} {seed}"
    return Reading(part, cell, settings, seed, *private, *shared, *both, private[1] / 2, *run)


def made(part, cell, private, shared, both=(0.98, 0.88), seeds=range(5)):
    """Rows of a cell, moved a little by the seed."""
    moved = [0.001 * ((3 * seed + len(cell)) % 5 - 2) for seed in seeds]
    return [
        reading(part, cell, seed, [v + by for v in private], shared, both)
        for seed, by in zip(seeds, moved, strict=True)
    ]


def told(rows, seeds=5):
    return page.page(rows, seeds)


def test_separation_by_hand():
    one = reading("table", "poe_vae", 0, private=(0.7431, 0.7663), shared=(0.9741, 0.2978))
    # (.9741 - .7431 + .7663 - .2978) / 2
    assert one.separation == pytest.approx(0.34975)
    assert one.accuracies == {
        "private_timbre": 0.7431,
        "private_frequency": 0.7663,
        "shared_timbre": 0.9741,
        "shared_frequency": 0.2978,
        "both_timbre": 0.98,
        "both_frequency": 0.88,
    }


def test_the_table_has_published_numbers_beside_ours():
    text = told(made("table", "poe_vae", (0.7, 0.8), (0.9, 0.2)) + made("table", "combined", (0.5, 0.9), (1.0, 0.1)))
    assert "| latent | factor | published | poe_vae | combined | combined, chosen before |" in text
    assert "| private | timbre | 0.7431 | 0.700 ± 0.002 | 0.500 ± 0.002 | — |" in text
    assert "| shared | frequency | 0.2978 | 0.200 ± 0.000 | 0.100 ± 0.000 | — |" in text
    assert PUBLISHED["both"] == (0.9809, 0.8772)
    assert "| private | frequency, timbre unheard | — | 0.400 ± 0.001 | 0.450 ± 0.001 | — |" in text
    unread = replace(made("table", "poe_vae", (0.7, 0.8), (0.9, 0.2))[0], unheard_frequency=float("nan"))
    assert "| private | frequency, timbre unheard | — | — | — | — |" in told([unread])


def test_each_target_is_said_to_be_reached_or_not():
    text = told(made("table", "combined", (0.70, 0.86), (0.981, 0.2), (0.98, 0.89)))
    assert "- shared timbre, at least 0.98: 0.981 ± 0.000, reached." in text
    assert "- shared frequency, at most 0.15: 0.200 ± 0.000, **not reached**." in text
    assert "- private timbre, at most 0.60: 0.700 ± 0.002, **not reached**." in text
    assert "- private frequency, at least 0.85: 0.860 ± 0.002, reached." in text
    assert "- both timbre, at least 0.98: 0.980 ± 0.000, reached." in text
    assert "- both frequency, at least 0.90: 0.890 ± 0.000, **not reached**." in text
    assert told([]).count(": not run.") == len(TARGETS)


NOTHING = made("ablation", NO_WEIGHTS, (0.86, 0.71), (0.78, 0.05))


def test_the_ablation_says_what_it_supports_what_it_reverses_and_what_it_does_not_find():
    wide = [reading("ablation", "beta 1", s, (0.86 + (-1) ** s * 0.2, 0.71), (0.78, 0.05)) for s in range(5)]
    text = told(
        NOTHING
        + made("ablation", "gamma 0.5", (0.76, 0.71), (0.98, 0.05))
        + made("ablation", "alpha 1", (0.76, 0.71), (0.88, 0.05))
        + wide
    )
    assert "- *gamma 0.5*, which there helps the blocks to separate: so it does, by +0.150." in text
    assert "- *alpha 1*, which there keeps them from separating: here it helps, by +0.100." in text
    assert "- *beta 1*, which there keeps them from separating: no difference found here." in text
    assert "| gamma 0.5 | 0.75 / 0.97 | 0.83 / 0.17 | 0.760 ± 0.002 / 0.980 ± 0.000 | " in text


def test_a_loss_as_published_is_said():
    text = told(NOTHING + made("ablation", "alpha 1", (0.86, 0.5), (0.28, 0.05)))
    assert "- *alpha 1*, which there keeps them from separating: so it does, by -0.355." in text
    assert "- *gamma 0.5*, which there helps the blocks to separate: fewer than two seeds to test it by." in text


def test_an_ablation_of_which_all_is_read_says_so():
    ceiling = "In every run either factor is read from either block by 0.898 or more: little room is left."
    whole = made("ablation", NO_WEIGHTS, (0.9, 0.9), (0.9, 0.9))
    assert ceiling in told(whole)
    assert "little room is left" not in told(whole + made("ablation", "alpha 1", (0.9, 0.7), (0.9, 0.9)))
    assert "little room is left" not in told([])


def test_the_correction_is_for_all_of_the_ablation():
    rows = {("ablation", NO_WEIGHTS): NOTHING}
    wide = [reading("ablation", "gamma 0.5", s, (0.8 + 0.05 * (s % 3), 0.71), (0.78, 0.05)) for s in range(5)]
    [alone] = page.tests(rows | {("ablation", "gamma 0.5"): wide}).values()
    many = page.tests(rows | {("ablation", cell): wide for cell in ("gamma 0.5", "alpha 1", "beta 1")})
    assert [p for _, p in many.values()] == pytest.approx([min(1.0, 3 * alone[1])] * 3)


def test_what_was_tried_is_told():
    accuracies = dict(zip(choice.NAMES, (0.6, 0.85, 0.98, 0.15, 0.98, 0.8), strict=True))
    text = page.page(NOTHING, tried=[choice.Tried("swap_weight=0.3", accuracies)])
    assert "| swap_weight=0.3 | 0.600 / 0.850 | 0.980 / 0.150 | 0.980 / 0.800 | 1 | 0.100 |" in text
    assert "Settings tried" not in told(NOTHING)


def test_what_is_missing_is_listed():
    text = told(made("table", "combined", (0.5, 0.9), (1, 0.1), seeds=range(3)))
    assert "With fewer seeds: table: poe_vae (0 of 5 seeds); table: combined (3 of 5 seeds); table: combined, " in text
    whole = [row for cell in cells() for row in made(cell.part, cell.name, (0.5, 0.9), (1.0, 0.1))]
    assert "Nothing of the plan is missing." in told(whole)
    assert "5 seeds planned" in told(whole)


def test_runs_that_cannot_be_compared_do_not_share_a_record(tmp_path, capsys):
    record.write(made("table", "combined", (0.5, 0.9), (1, 0.1)), tmp_path / "forerunner.csv", Reading)
    assert study.main(["forerunner", "--preset", "quick", "--output", str(tmp_path), "--dry-run"]) == 2
    told = capsys.readouterr().err
    assert f"holds runs of preset short of version {BENCHMARK_VERSION}, not to be compared with quick" in told
    assert told.count("\n") == 1


def test_a_record_is_read_as_it_was_written_and_the_report_needs_it_alone(tmp_path, capsys):
    rows = made("table", "combined", (0.5, 0.9), (1.0, 0.1)) + NOTHING
    record.write(rows, tmp_path / "forerunner.csv", Reading)
    assert record.read_as(tmp_path / "forerunner.csv", Reading) == rows
    assert study.main(["forerunner", "--report", "--output", str(tmp_path)]) == 0
    assert (tmp_path / "forerunner.md").read_text() == told(rows)


@pytest.mark.parametrize(
    ("text", "said"), [(None, "run the study first, without --report"), ("part,cell\na,b\n", "not a record of runs")]
)
def test_a_record_that_is_none_gets_one_line(tmp_path, capsys, text, said):
    if text is not None:
        (tmp_path / "forerunner.csv").write_text(text)
    assert study.main(["forerunner", "--report", "--output", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1


def test_a_new_row_takes_the_place_of_its_cell_and_seed():
    old = made("table", "combined", (0.5, 0.9), (1.0, 0.1), seeds=range(2))
    unknown = reading("table", "a cell of earlier", 0, (0, 0), (0, 0))
    new = reading("table", "combined", 1, (0.4, 0.9), (1.0, 0.1))
    first = reading("table", "poe_vae", 3, (0.4, 0.9), (1.0, 0.1))
    assert forerunner_runs.merged([*old, unknown], new) == [old[0], new]
    assert forerunner_runs.merged(old, first) == [first, *old]


def test_rows_of_settings_that_a_cell_no_longer_has_go():
    [other] = [replace(one, settings="rate_weight=0.1") for one in made("table", "combined", (0, 0), (0, 0), seeds=[0])]
    new = reading("table", "poe_vae", 1, (0.4, 0.9), (1.0, 0.1))
    assert forerunner_runs.merged([other], new) == [new]


def test_what_was_never_read_of_a_known_run_is_read(monkeypatch):
    monkeypatch.setattr(forerunner_runs, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(forerunner_runs, "read", lambda folder: dict.fromkeys(old.readings, 0.5))
    old = replace(reading("table", "combined", 0, (0.5, 0.9), (1.0, 0.1)), unheard_frequency=float("nan"))
    run = SimpleNamespace(id=old.id, method="m", seed=0, cost=SimpleNamespace(total_seconds=1.0), task="syntone/timbre")
    result = SimpleNamespace(**vars(run), preset="short", benchmark_version="0.4")
    [found] = forerunner_runs.readings([(Cell("table", "combined", "m"), result)], [old], "runs/study/results", 2)
    assert found.unheard_frequency == 0.5


def test_only_runs_that_are_not_in_the_record_are_read_and_two_cells_may_share_one(monkeypatch):
    asked = []

    def read(folder):
        asked.append(folder.as_posix())
        return dict.fromkeys(old.readings, 0.123456)

    old = reading("table", "combined", 0, (0.5, 0.9), (1.0, 0.1))
    monkeypatch.setattr(forerunner_runs, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(forerunner_runs, "read", read)

    def result(name, seed):
        cost = SimpleNamespace(total_seconds=61.23)
        return SimpleNamespace(
            id=name, method="m", seed=seed, cost=cost, task="syntone/timbre", preset="short", benchmark_version="0.4"
        )

    same = result("new", 1)
    found = [
        (Cell("table", "combined", "m"), result(old.id, 0)),
        (Cell("table", "poe_vae", "m"), same),
        (Cell("ablation", "gamma 0.5", "m"), same),
    ]
    first, second, third = forerunner_runs.readings(found, [old], "runs/study/results", 2)
    assert asked == ["runs/study/artefacts/0.4/short/syntone/timbre/m/seed1"]
    assert first.readings == old.readings
    assert second.readings == third.readings == dict.fromkeys(old.readings, 0.1235)
    assert (second.part, third.part, second.seconds, second.id) == ("table", "ablation", 61.2, "new")


def test_embeddings_that_are_gone_are_told_of(tmp_path):
    with pytest.raises(ValueError, match=r"^no embeddings are kept in .*: remove the results of this study"):
        forerunner_runs.read(tmp_path)


def test_kept_embeddings_are_read(tmp_path):
    levels = SPACE.levels_at(np.random.default_rng(0).permutation(SPACE.size)[:600])
    for role in ("probe", "test"):
        np.savez(tmp_path / f"{role}.npz", levels=levels, shared=np.eye(4)[levels[:, 0]], private=np.ones((600, 1)))
    found = forerunner_runs.read(tmp_path)
    assert (found["shared_timbre"], found["both_timbre"]) == (1.0, 1.0)
    assert found["private_timbre"] < 0.35
    assert found["unheard_frequency"] < 0.15


def test_a_plan_is_shown_and_nothing_run(command, tmp_path):
    done = command("study", "forerunner", "--part", "table", "--seeds", "0", "1", "--dry-run", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    first, *runs = done.stdout.splitlines()
    assert first.startswith("6 runs; 6 to do, about ")
    now, before = (
        ",".join(f"{name}={value}" for name, value in sorted({"block_dims": DIMS, **given}.items()))
        for given in (CHOSEN, CHOSEN_BEFORE)
    )
    names = [run.partition(":")[0].split(maxsplit=1)[1] for run in runs]
    assert names == [
        f"{method} on syntone/timbre, seed {seed}"
        for method in ("poe_vae,block_dims=8,gamma=0.5", f"combined,{now}", f"combined,{before}")
        for seed in (0, 1)
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["forerunner", "--part", "tabel"], "no part 'tabel'; did you mean 'table'? There are: table, ablation"),
        (["forerunners"], "argument study: invalid choice: 'forerunners'"),
    ],
)
def test_a_mistake_is_one_line(command, tmp_path, arguments, said):
    done = command("study", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"error: {said}")
