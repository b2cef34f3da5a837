"""Records of trials, the page made of them, and the command, from a run to its row."""

import pytest

from benchmark import batch, execution, work
from benchmark.metrics.table import Score
from benchmark.tune import __main__ as tune
from benchmark.tune import earlier, page, record
from benchmark.tune.finals import SEEDS as FINAL_SEEDS
from benchmark.tune.record import Record, RecordError
from benchmark.tune.search import COMPLETE, FAILED, PRUNED, Told, Tried
from benchmark.version import BENCHMARK_VERSION

TRIALS = (
    Tried(0, COMPLETE, {"learning_rate": 0.002, "momentum": 0.98}, (Told(0.9, 0.6, 0.5, 20), Told(0.9, 0.6, 0.6, 20))),
    Tried(1, PRUNED, {"learning_rate": 0.0051, "momentum": 0.9}, (Told(0.95, 0.7, 0.95, 20),)),
    Tried(2, FAILED, {"learning_rate": 0.005, "momentum": 0.9}, ()),
    Tried(3, COMPLETE, {"learning_rate": 0.001, "momentum": 1 / 3}, (Told(0.8, 0.7, 0.7, 20), Told(0.9, 0.8, 0.8, 20))),
)
WHOLE = Record("phrases/timbre+rhythm", "tuning", TRIALS)


def test_the_best_of_the_complete_is_chosen_by_its_mean():
    assert WHOLE.chosen() is TRIALS[3]
    assert Record("", "", TRIALS[1:3]).chosen() is None
    same = Tried(4, COMPLETE, {}, TRIALS[3].told)
    assert Record("", "", (*TRIALS, same)).chosen() is TRIALS[3], "the earliest"


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = record.file_of(tmp_path, "0.4", "byol")
    record.write(path, WHOLE)
    assert record.read(path) == WHOLE
    header, first, pruned, failed, _ = path.read_text().splitlines()
    assert header == (
        "task,preset,number,state,learning_rate,momentum,P_1000,D_1000,B_1000,P_1001,D_1001,B_1001,B,seconds"
    )
    assert first == "phrases/timbre+rhythm,tuning,0,complete,0.002,0.98,0.9,0.6,0.5,0.9,0.6,0.6,0.55,40"
    assert pruned.endswith(",0.95,0.7,0.95,,,,0.95,20")
    assert failed.endswith(",failed,0.005,0.9,,,,,,,,0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("", "it holds no trial"),
        ("a,b\n1,2\n", "no column 'task'"),
        ("task,preset,number,state,x,P_1000,D_1000,B_1000,P_1001,D_1001,B_1001,B,seconds\nt,p,one", "not a record"),
        (
            "task,preset,number,state,x,P_1000,D_1000,B_1000,P_1001,D_1001,B_1001,B,seconds\n"
            "t,p,3,complete,1,.1,.2,.3,,,,.3,20\n",
            "trial 3 is complete, and lacks scores",
        ),
    ],
)
def test_a_damaged_record_is_told_in_one_line(tmp_path, text, said):
    path = tmp_path / "byol_trials.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RecordError, match=said) as told:
        record.read(path)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


@pytest.fixture
def folder(tmp_path):
    """Records of one method, and none of earlier."""
    record.write(record.file_of(tmp_path / "tuning", "0.4", "byol"), WHOLE)
    return tmp_path / "tuning"


def test_the_page_says_what_was_tried_and_chosen(folder):
    text = page.page(folder)
    [line] = [line for line in text.splitlines() if line.startswith("| byol | learning_rate 0.001,")]
    # P .85 and D .75, B .75: means of trial 3; B .55 of the first; the median of .5, .95 and .7.
    assert line == (
        "| byol | learning_rate 0.001, momentum 0.333 | 4 | 1 | 1 | 3 | 0.850 | 0.750 | 0.750 | 0.550 | 0.700 |"
    )
    assert "Of task phrases/timbre+rhythm, preset tuning." in text
    assert "The finals" not in text
    assert "Not run: combined, contrastive, vicreg, reconstructive, poe_vae, dmvae." in text
    assert "| byol | learning_rate | 0.0005 to 0.005 | 0.002 |" in text
    assert page.EARLIER not in text


def test_the_finals_decide_where_there_are_any(folder):
    """Trial 3 was the best; in the finals trial 0 is, by the mean of its two seeds."""
    finals = Record(
        "phrases/timbre+rhythm",
        "finals",
        (
            Tried(0, COMPLETE, TRIALS[0].settings, (Told(0.9, 0.9, 0.8, 60), Told(0.9, 0.9, 0.9, 60))),
            Tried(3, FAILED, TRIALS[3].settings, (Told(0.9, 0.9, 0.99, 60),)),
        ),
        FINAL_SEEDS,
    )
    path = record.file_of(folder, "0.4", "byol", "finals")
    record.write(path, finals)
    assert record.read(path) == finals
    assert path.read_text().startswith(
        "task,preset,number,state,learning_rate,momentum,P_1002,D_1002,B_1002,P_1003,D_1003,B_1003,B,seconds\n"
    )
    assert page.chosen(folder, "byol") == TRIALS[0].settings
    text = page.page(folder)
    assert "The finals, preset finals:" in text
    assert "| byol | learning_rate 0.002, momentum 0.98 | 0: 0.850, 3: failed | 0.900 | 0.900 | 0.850 |" in text
    record.write(path, Record("t", "finals", finals.trials[1:], FINAL_SEEDS))
    assert page.chosen(folder, "byol") == TRIALS[3].settings, "no finalist is complete: the best trial"


def test_fewer_trials_than_the_others_are_told_of(folder):
    record.write(record.file_of(folder, "0.4", "dmvae"), Record("phrases/timbre+rhythm", "tuning", TRIALS[:3]))
    assert "With fewer trials than the others' 4: dmvae (3)." in page.page(folder)


def test_a_method_without_a_complete_trial_has_no_choice(folder):
    record.write(record.file_of(folder, "0.4", "byol"), Record("phrases/timbre", "tuning", TRIALS[1:3]))
    assert "| byol | none is complete | 2 | 1 | 1 | — | — | — | — | — | — |" in page.page(folder)
    assert page.chosen(folder, "byol") is None


def test_the_newest_records_decide_and_then_those_of_earlier(folder):
    for stage, settings in (("trials", (0.5, 0.1)), ("finals", (0.3, 0.9))):
        rows = "".join(f"{n},{value},0.9,0.8,{value}\n" for n, value in enumerate(settings))
        for method in ("byol", "dmvae"):
            (folder / f"{method}_{stage}.csv").write_text("trial,x,preservation,disentanglement,balance\n" + rows)
    assert page.chosen(folder, "byol") == {"learning_rate": 0.001, "momentum": 1 / 3}
    assert page.chosen(folder, "dmvae") == {"x": 0.9}
    assert page.chosen(folder, "vicreg") is None
    newer = (Tried(0, COMPLETE, {"learning_rate": 0.004}, TRIALS[0].told),)
    record.write(record.file_of(folder, "0.10", "byol"), Record("phrases/timbre", "tuning", newer))
    assert page.versions(folder) == ["0.10", "0.4"]
    assert page.chosen(folder, "byol") == {"learning_rate": 0.004}
    assert "| dmvae | x 0.9 | 2 | 1 | 0.900 | 0.800 | 0.900 | 0.300 | 0.300 |" in page.page(folder)


@pytest.mark.parametrize("text", ["trial,balance\n", "trial,balance\n0,x\n", "trial,balance\n0,1\n"])
def test_damaged_trials_of_earlier_are_told_in_one_line(tmp_path, text):
    (tmp_path / "byol_trials.csv").write_text(text)
    (tmp_path / "byol_finals.csv").write_text(text)
    with pytest.raises(RecordError, match=r"byol_finals\.csv: not a record of trials"):
        earlier.chosen(tmp_path, "byol")


def scores_of(task, space, probe, test, device, report):
    """What a run scores, at once: B is the momentum's digit of the label, so that each run has its own."""
    total = float(abs(test.blocks["shared"]).mean() % 1)
    blocks = [*test.blocks, "all"]
    return [
        *(Score(metric, None, None, total) for metric in ("preservation", "disentanglement", "balance")),
        *(Score("information", block, factor, 0.5) for block in blocks for factor in space.names),
    ]


def test_a_trial_is_run_and_found_again(tmp_path, monkeypatch, capsys):
    """One trial, in the preset `tiny`; then again, and nothing is run."""
    monkeypatch.setattr(work, "scores_of", scores_of)
    monkeypatch.setattr(execution, "by_decoders", lambda *_: [])
    line = ["byol", "--trials", "1", "--preset", "tiny", "--device", "cpu"]
    line += ["--final-preset", "tiny", "--runs", str(tmp_path / "runs" / "results")]
    line += ["--output", str(tmp_path / "tuning")]
    assert tune.main(line) == 0
    path = record.file_of(tmp_path / "tuning", BENCHMARK_VERSION, "byol")
    first, text = record.read(path), path.read_text()
    assert (first.task, first.preset) == (tune.TASK, "tiny")
    [trial] = first.trials
    assert (trial.state, len(trial.told)) == (COMPLETE, 2)
    assert trial.told[0].balance != trial.told[1].balance, "of two seeds"
    shown = capsys.readouterr().out
    assert "byol: 1 trials; the best is number 0, B " in shown
    assert "byol: 1 finalists; number 0 is chosen, B " in shown
    last = record.file_of(tmp_path / "tuning", BENCHMARK_VERSION, "byol", "finals")
    final = record.read(last)
    assert (final.preset, final.seeds, len(final.trials[0].told)) == ("tiny", FINAL_SEEDS, 2)
    assert final.trials[0].told[0].balance not in {told.balance for told in trial.told}, "of other seeds"
    for file in (path, last):
        file.unlink()
    monkeypatch.setattr(batch, "execute", lambda *_: pytest.fail("it was there"))
    assert tune.main(line) == 0
    assert path.read_text() == text
    last.unlink()
    monkeypatch.setattr(tune, "kept", lambda *_: pytest.fail("the finals alone were asked for"))
    assert tune.main([*line, "--finals"]) == 0
    assert record.read(last) == final
    assert (tmp_path / "tuning.md").read_text() == page.page(tmp_path / "tuning")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--trials", "3"], "holds 4 trials, which --trials 3 would cut: give 4 or more, or another --output"),
        (["--preset", "tiny"], "holds trials of phrases/timbre+rhythm, preset tuning, not to be compared with"),
        (["--task", "phrases/timbre"], "not to be compared with phrases/timbre, tuning: give another --output"),
        (["--final-preset", "tiny"], "holds finals of phrases/timbre+rhythm, preset finals, not to be compared with"),
        (["--finals", "--final-preset", "tiny"], "holds finals of phrases/timbre+rhythm, preset finals, not to be"),
    ],
)
def test_a_record_is_not_cut_nor_made_one_of_something_else(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batch, "carried_out", lambda *_, **__: pytest.fail("nothing may be run"))
    path, last = (record.file_of(tmp_path, BENCHMARK_VERSION, "byol", stage) for stage in ("trials", "finals"))
    record.write(path, WHOLE)
    record.write(last, Record(WHOLE.task, "finals", TRIALS[:1]))
    before = path.read_text(), last.read_text()
    assert tune.main(["byol", "--output", str(tmp_path), *arguments]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
    assert (path.read_text(), last.read_text()) == before


def test_a_search_that_goes_on_keeps_what_it_had_until_it_has_as_much(tmp_path):
    options = tune.arguments(["byol", "--output", str(tmp_path)])
    path = record.file_of(tmp_path, BENCHMARK_VERSION, "byol")
    for count, there in ((2, 2), (4, 4), (1, 4)):
        tune.kept(options, "byol", TRIALS[:count])
        assert len(record.read(path).trials) == there


def test_a_report_needs_the_records_alone(folder, capsys):
    assert tune.main(["--report", "--output", str(folder)]) == 0
    assert folder.with_suffix(".md").read_text() == page.page(folder)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["combned"], "no search for 'combned'; did you mean 'combined'? There are: combined"),
        ([], "the following arguments are required: METHOD, or --report; --help shows the options"),
        (["byol", "--report"], "--report runs nothing, so it takes no method; got byol"),
        (["byol", "--trials", "0"], "--trials is 0; expected 1 or more"),
        (["byol", "--trails", "3"], "no option '--trails'; did you mean '--trials'?"),
        (["byol", "--task", "phrases/tmbre"], "no task 'phrases/tmbre': 'phrases' has no factor 'tmbre'"),
        (["byol", "--preset", "tunign"], "no preset 'tunign'; did you mean 'tuning'?"),
        (["byol", "--final-preset", "finale"], "no preset 'finale'; did you mean 'finals'?"),
        (["byol", "--finals", "--output", "nowhere"], f"nowhere/{BENCHMARK_VERSION}/byol_trials.csv: cannot be read"),
        (["byol", "--device", "cuda:99"], "no device 'cuda:99'"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        status = tune.main(arguments)
    except SystemExit as exit:
        status = exit.code
    told = capsys.readouterr().err
    assert (status, told.count("\n")) == (2, 1)
    assert told.startswith(f"error: {said}")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_as_a_user_runs_it(command, tmp_path):
    done = command("tune", "vicregg", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("error: no search for 'vicregg'; did you mean 'vicreg'?")
    assert list(tmp_path.iterdir()) == []
