"""Submitting: what a plugin must keep, the card, and a check that runs nothing of a stranger's."""

import json
import re
from types import SimpleNamespace

import pytest
from test_results import a_result

from benchmark import results
from benchmark.execution import hashed
from benchmark.plan import plan
from benchmark.requests import Request
from benchmark.scoring import scoring_hash
from benchmark.strangers import recomputed
from benchmark.submit import __main__ as submit
from benchmark.submit import card, check, contract
from benchmark.tasks import BOARD, load_task
from benchmark.version import BENCHMARK_VERSION
from benchmark.work import resolved

ENCODER = '''"""Mine."""
sample_rate = 8_000

def embed(audio):
    return audio[:, :8]
'''
METHOD = '''"""Mine."""
from pydantic import Field
from baselines.contract import CommonSettings, Method

class Settings(CommonSettings):
    width: int = Field(8, ge=1, le=9, description="of it")

class Mine(Method):
    """Mine."""

    Settings = Settings

    def __init__(self, trunk, blocks, settings):
        super().__init__(trunk, blocks, settings)
        self.encoder = trunk.encoder(len(blocks) * settings.block_dims)

    def training_step(self, batch, optimiser_index=0):
        return {"loss": self.encoder(batch.views.flatten(0, 1)).square().mean()}

    def embed(self, inputs):
        return self.split(self.encoder(inputs))
'''
# The file that a submission's code would leave if it were run.
TELLTALE = "open('it_was_run', 'w').close()\n"


def run_of(tmp_path, text):
    (tmp_path / "mine.py").write_text(text)
    asked = Request(method=["mine"], preset="tiny", plugin=tmp_path / "mine.py")
    return resolved(plan([asked], tmp_path / "results").runs[0], "cpu")


@pytest.mark.parametrize("text", [ENCODER, METHOD])
def test_a_plugin_that_keeps_its_promises_has_no_fault(tmp_path, text):
    assert contract.faults(run_of(tmp_path, text)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENCODER.replace('"""Mine."""\n', ""), "mine: begin the file with a docstring"),
        (ENCODER.replace("Mine.", "Mine"), "mine: end the docstring's first line with a full stop"),
        (ENCODER.replace("Mine.", "M" * 130 + "."), "mine: shorten the docstring's first line"),
        (ENCODER.replace("[:, :8]", "[:3, :8]"), r"block 'code' must be \[8, dimension\]; got \[3, 8\]"),
        (ENCODER.replace("audio[:, :8]", "audio[:, :8] @ 3"), r"mine.py, line 5: ValueError: matmul"),
        (METHOD.replace('    """Mine."""\n', ""), "mine: give the class Mine a docstring"),
        (METHOD.replace('description="of it"', ""), "mine: explain the setting width"),
        (METHOD.replace("8, ge=1", "..., ge=1"), "width"),
        (METHOD.replace("ge=1, ", ""), "mine: give the setting width a lower bound"),
        (METHOD.replace(".square()", ".detach().requires_grad_()"), "no gradient reaches the parameter encoder"),
    ],
)
def test_what_it_does_not_keep_is_told_in_a_line(tmp_path, text, message):
    try:
        found = contract.faults(run_of(tmp_path, text))
    except ValueError as error:  # of what cannot even be planned
        found = [str(error)]
    assert any(re.search(message, fault) for fault in found), found
    assert all("\n" not in fault for fault in found)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A submission of two tasks and two seeds, which says of itself what a run would have said."""
    folder, source = tmp_path / "results", tmp_path / "mine.py"
    source.write_text(ENCODER + TELLTALE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(check, "BOARD", BOARD[:2])
    for name in BOARD[:2]:
        task = load_task(name)
        owned = {block: sorted(factors, key=FACTORS.index) for block, factors in task.blocks.items()}
        for seed in (0, 1):
            changes = {
                "benchmark_version": BENCHMARK_VERSION,
                "task": name,
                "task_version": task.version,
                "space_version": check.space_version(task.space),
                "blocks": owned,
                "method": "mine",
                "family": "other",
                "seed": seed,
                "settings": {},
                "source_hash": hashed(source, task),
                "scored_by": scoring_hash(),
                "scores": [
                    results.Score(metric="preservation", value=0.5),
                    *(results.Score(metric="information", block="all", factor=f, value=0.5) for f in FACTORS),
                ],
            }
            changes["id"] = results.identity({**a_result().model_dump(), **changes})
            assert recomputed(a_result(**changes)) == {"preservation": 0.5}
            results.write(a_result(**changes), folder)
    one = card.Card(
        method="mine",
        shape="encoder",
        authors=["A. Müller"],
        reference="https://example.org/paper?id=1",
        licence="MIT",
        trained_on="AudioSet, 2 million clips",
        plugin="mine.py",
        plugin_sha256=card.sha256(source),
        benchmark_version=BENCHMARK_VERSION,
        preset="quick",
        tasks=list(BOARD[:2]),
        seeds=[0, 1],
    )
    card.write(one, source, folder)
    return folder


FACTORS = ("pitch", "timbre", "loudness", "rhythm")


def problems(root):
    return check.problems(root, "quick", BOARD[:2], (0, 1))


def test_what_is_in_order_passes_and_nothing_of_it_is_run(root, tmp_path):
    assert problems(root) == []
    assert not (tmp_path / "it_was_run").exists()


def edited(path, change):
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("method", "../mine", "method: String should match pattern"),
        ("method", "other", "method: it is 'other', and the folder is 'mine'"),
        ("authors", [], "authors: List should have at least 1 item"),
        ("authors", ["<script>"], "authors.0: String should match pattern"),
        ("authors", ["a\u202eb"], "authors.0: String should match pattern"),
        ("reference", "", "reference: String should have at least 2 characters"),
        ("licence", "x" * 2_000, "licence: String should have at most 1000 characters"),
        ("plugin", "../../mine.py", "plugin: String should match pattern"),
        ("plugin", "another.py", "another.py: it is no regular file"),
        ("plugin_sha256", "0" * 64, "mine.py: it is not the file that the card's plugin_sha256 is of"),
        ("benchmark_version", "0.4", f"benchmark_version: it is 0.4; the board's is {BENCHMARK_VERSION}"),
        ("preset", "tiny", "preset: it is tiny; the board's is quick"),
        ("seeds", [0], "seeds: 1 is missing"),
        ("seeds", [0, 1, 2], "seed2.json: there is no such result that can be used"),
        ("tasks", [BOARD[0]], f"tasks: {BOARD[1]} is missing"),
        ("tasks", [*BOARD[:2], "soundfont/timbre", "tones/pitch"], "tasks: tones/pitch is not on the board"),
        ("more", 1, "more: Extra inputs are not permitted"),
    ],
)
def test_a_card_that_is_not_in_order_is_refused_by_file_and_field(root, field, value, message):
    edited(root / "submissions/mine/card.json", lambda record: record.update({field: value}))
    found = problems(root)
    assert any(
        (message in line and line.startswith(str(root / "submissions/mine"))) or message in line for line in found
    )
    assert all("\n" not in line for line in found)


def test_other_sources_other_code_and_missing_results_are_told(root):
    place = root / BENCHMARK_VERSION / "quick" / BOARD[0] / "mine"
    (place / "seed1.json").unlink()
    assert problems(root) == [f"{place / 'seed1.json'}: there is no such result that can be used"]
    source = root / "submissions/mine/mine.py"
    source.write_text(ENCODER)
    edited(source.parent / "card.json", lambda record: record.update(plugin_sha256=card.sha256(source)))
    assert sum("source_hash: it is" in line for line in problems(root)) == 3
    source.write_text("(" * 100_000)
    edited(source.parent / "card.json", lambda record: record.update(plugin_sha256=card.sha256(source)))
    assert sum("source_hash: it is" in line for line in problems(root)) == 3


def test_results_without_a_card_are_told(root):
    for file in sorted((root / "submissions").rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    assert problems(root) == [f"{root / 'submissions/mine'}: there are results of 'mine', and no card.json"]
    nothing = root.parent / "nothing"
    nothing.mkdir()
    assert "there is no card in" in problems(nothing)[0]


def test_results_of_a_version_to_come_are_told(root):
    (root / "99.0").mkdir()
    (root / "99.0/seed0.json").write_text("{}")
    assert problems(root) == [f"{root / '99.0'}: there is no benchmark version 99.0; this is {BENCHMARK_VERSION}"]


def test_the_command_checks_without_running_and_says_how_many_faults(root, tmp_path, capsys):
    assert submit.main(["--check", str(root)]) == 1  # the board wants five seeds of four tasks
    told = capsys.readouterr()
    assert told.err.count("\n") == int(told.out.split()[0]) == 5
    assert not (tmp_path / "it_was_run").exists()
    assert submit.main(["--check", str(root / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the card of a submission also needs --authors, --reference, --licence, --trained-on"),
        (
            ["--authors", "A. A.", "--reference", "x|y", "--licence", "MIT", "--trained-on", "nothing"],
            "--reference: String should match pattern",
        ),
    ],
)
def test_what_the_card_lacks_is_told_before_anything_is_run(root, tmp_path, capsys, arguments, message):
    (tmp_path / "plain.py").write_text(ENCODER)
    assert submit.main(["plain.py", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_method_is_run_for_the_board_its_card_written_and_all_of_it_checked(root, monkeypatch, capsys):
    asked = SimpleNamespace(requests=None)

    def carried_out(requests, *_):
        asked.requests = requests
        return [[]], 0

    monkeypatch.setattr("benchmark.batch.carried_out", carried_out)
    (root / "submissions/mine/card.json").unlink()
    line = ["mine.py", "--authors", "A. A.", "--reference", "none yet", "--licence", "MIT", "--trained-on", "nothing"]
    assert submit.main([*line, "--tasks", *BOARD[:2], "--seeds", "0", "1"]) == 0
    told = capsys.readouterr().out
    assert asked.requests[0].task == list(BOARD[:2])
    for seed in (2, 3, 4):  # as `--check`, which wants five, would say
        assert f"seeds: {seed} is missing" in told.partition("It is no submission yet")[2]
    assert "git add" not in told
    monkeypatch.setattr(check, "BOARD", BOARD)
    monkeypatch.setattr(check, "SEEDS", (0, 1))
    assert check.wanting(card.read(root / "submissions/mine/card.json")) == [
        f"tasks: {t} is missing" for t in BOARD[2:]
    ]
    monkeypatch.setattr(check, "BOARD", BOARD[:2])
    assert submit.main([*line, "--tasks", *BOARD[:2], "--seeds", "0", "1"]) == 0
    told = capsys.readouterr().out
    assert "It is no submission yet" not in told
    assert "git add results/submissions/mine/card.json" in told
    assert f"git add results/{BENCHMARK_VERSION}/quick/phrases/timbre/mine" in told
    assert card.read(root / "submissions/mine/card.json").trained_on == "nothing"
    assert submit.main([*line, "--tasks", *BOARD[:2], "--seeds", "0", "1", "2"]) == 1  # a seed that was not run
    assert "seed2.json: there is no such result that can be used" in capsys.readouterr().err
