"""What the leaderboard says: tables, ranks and differences, from results."""

import pytest
from boards import WOBBLE, filled, line_of, put, scores

from benchmark import board as boards_of
from benchmark import tasks
from benchmark.leaderboard import build
from benchmark.results import Score, versions
from benchmark.statistics import paired_p
from benchmark.version import BENCHMARK_VERSION


@pytest.fixture
def folder(tmp_path):
    return filled(tmp_path / "results")


def test_the_numbers_are_those_of_the_results(folder):
    board = build(folder)
    # The wobble has a variance of .001 / 4 and n = 5: half-width 2.776445 * sqrt(.00025 / 5) = .01963.
    b = "0.800 ± 0.020"
    assert line_of(board, "best") == [
        "1",
        "best",
        "contrastive",
        "1.000 ± 0.000",
        b,
        b,
        "0.000 ± 0.000",
        "102",
        "5",
        "CPU",
    ]
    assert line_of(board, "middling")[0] == "2"
    assert line_of(board, "hasty")[:5] == ["—", "hasty", "contrastive", "1.000", "0.850"]
    assert line_of(board, "untrained")[0] == "—"
    order = [board.index(f"| {name} |") for name in ("best", "middling", "hasty", "untrained")]
    assert order == sorted(order)


def test_details_are_given_by_factor_and_block(folder):
    board = build(folder)
    timbre, pitch = "**0.800** / 0.000 / 1.000", "0.000 / **0.800** / 1.000"
    assert line_of(board, "best", 2) == ["best", "0.750 / 0.750", "0.500 / 0.500", timbre, pitch, pitch]
    timbre, pitch = "**0.250** / 0.625 / 1.000", "0.250 / **0.625** / 1.000"
    assert line_of(board, "best", 3) == ["best", timbre, pitch, pitch]
    assert line_of(board, "*chance*") == ["*chance*", "0.125", "0.125", "0.125"]
    assert "| method | timbre: shared / private / all | pitch: shared / private / all |" in board


def test_a_score_that_is_not_there_is_a_dash(tmp_path):
    known = [Score(metric="information", block="all", factor=f, value=0.5) for f in ("timbre", "pitch", "rhythm")]
    put(tmp_path, "bare", 0.5, 0, scores=[Score(metric="preservation", value=0.5), *known])
    board = build(tmp_path)
    assert line_of(board, "bare")[:5] == ["bare", "contrastive", "0.500", "—", "—"], "of one block, by its scores"
    assert "| bare | — | — | — / — / 0.500 |" in board
    assert "*chance*" not in board


def test_presets_tasks_and_task_versions_never_share_a_table(folder):
    put(folder, "best", 0.1, 5, task_version="2")
    put(folder, "best", 0.2, 0, preset="main")
    put(folder, "best", 0.3, 0, task="tones")
    headings = [line for line in build(folder).splitlines() if line.startswith(("## ", "Task version"))]
    assert [line.split(".")[0] for line in headings] == [
        "## main: phrases/timbre",
        "Task version 1, sounds version 1",
        "## quick: all tasks",
        "## quick: phrases/timbre",
        "Task version 1, sounds version 1",
        "## quick: phrases/timbre",
        "Task version 2, sounds version 1",
        "## quick: tones",
        "Task version 1, sounds version 1",
    ]
    assert line_of(build(folder), "best", 4)[4] == "0.800 ± 0.020"


def test_seeds_that_are_not_one_method_are_marked_and_unranked(folder):
    put(folder, "best", 0.8, 0, settings={"width": 16})
    board = build(folder)
    assert line_of(board, "best")[:2] == ["—", "best †"]
    assert line_of(board, "middling")[0] == "1"
    assert "† Its seeds are not runs of the same code and settings" in board


def test_settings_set_by_hand_are_shown_below_and_not_ranked(folder):
    alone = build(folder)
    for seed in range(5):
        put(folder, "best,width=16", 0.95 + WOBBLE[-1 - seed] / 2, seed, settings={"width": 16})
    board = build(folder)
    (line,) = [line for line in board.splitlines() if line.startswith("| — | best,width=16 ‡ |")]
    assert board.index("| — | untrained |") < board.index(line)
    assert board.count("‡ Settings set by hand (`--set`): shown, not ranked") == 1
    assert "‡" not in alone
    # It beats them all, and moves nobody's rank, difference or p.
    for method in ("best", "middling", "hasty", "untrained"):
        assert line_of(board, method) == line_of(alone, method)
    assert differences(board) == differences(alone)


def differences(board):
    lines = board.splitlines()
    start = lines.index("| method | against | difference in B | seeds | p (Holm) | seeds needed |")
    end = start + lines[start:].index("")
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[start + 2 : end]]


def test_each_ranked_method_is_compared_with_the_next_one_down(folder):
    for seed in range(5):
        put(folder, "third", 0.49 + 2 * WOBBLE[seed], seed)
    # best - middling: .3 and the wobble reversed minus itself.
    wobble = [WOBBLE[-1 - seed] - WOBBLE[seed] for seed in range(5)]
    test = paired_p({s: 0.3 + w for s, w in enumerate(wobble)}, dict.fromkeys(range(5), 0.0))
    p = 3 * test.two_sided if 3 * test.two_sided < 1 else 1
    best, middling = differences(build(folder))
    half = f"{test.half_width:.3f}"
    told = "< 0.001" if p < 0.001 else f"{p:.3f}"
    assert best == ["best", "middling", f"+0.300 ± {half}", "5", told, str(test.seeds_needed)]
    # middling - third: .01 - WOBBLE; mean .01, deviation sqrt(.00025), 22 seeds by any table of power (effect .632).
    assert middling == ["middling", "third", "+0.010 ± 0.020", "5", "0.230", "22"]


def test_oracles_have_a_table_of_their_own(folder):
    alone = build(folder)
    for seed in range(5):
        put(folder, "oracle.copied", 0.8, seed, family="oracle")
    put(folder, "oracle.copied.one_hot", 0.81, 0, family="oracle")
    put(folder, "oracle.half", 0.25, 0, family="oracle")
    board = build(folder)
    before, after = board.split("Calibration: ")
    assert before.rstrip("\n") == alone.rstrip("\n")  # no rank and no row of a method is moved
    # BLOCKS: two private factors, one copied: half of them is in its own place alone, D = B = sqrt(1 / 2).
    cells = line_of(after, "oracle.copied")
    assert cells[2:] == ["1.000", "1.000 / 1.000", "0.707", "0.800 / 0.810", "0.707", "0.800 / 0.810", "5"]
    assert line_of(after, "oracle.half")[2:] == ["0.500", "1.000 / —", "0.000", "0.250 / —", "0.000", "0.250 / —", "1"]
    assert "oracle.aligned" not in board


def test_a_task_with_oracles_alone_has_their_table_alone(tmp_path):
    put(tmp_path, "oracle.noise", 0.0, 0, family="oracle")
    board = build(tmp_path)
    assert line_of(board, "oracle.noise")[2:6] == ["0.000", "1.000 / —", "0.000", "0.000 / —"]
    assert "| rank |" not in board


def test_what_does_not_rank_is_shown_where_it_was_measured(folder):
    more = [
        Score(metric="mig", block="all", value=0.25),
        Score(metric="dci_disentanglement", block="all", value=0.5),
        Score(metric="dci_completeness", block="all", value=0.625),
        Score(metric="dci_informativeness", block="all", value=0.75),
        Score(metric="invariance", block="shared", value=0.875),
        Score(metric="cka_excess", value=0.125),
        Score(metric="standard_decoder_r2", value=0.375),
        *(Score(metric="equivariance_change", block="all", factor=f, value=0.5) for f in ("timbre", "pitch", "rhythm")),
        Score(metric="ordinal_r2", block="all", factor="pitch", value=0.25),
        Score(metric="leakage_bits", block="private", factor="pitch", value=2.5),
    ]
    for seed in range(5):
        put(folder, "best", 0.8 + WOBBLE[-1 - seed], seed, scores=scores(0.8 + WOBBLE[-1 - seed]) + more)
    board = build(folder)
    assert line_of(board, "best", 4) == [
        "best", "— / 2.500 / —", "0.250", "0.500 / 0.500 / 0.500", "0.875 / —", "0.125", "0.375 / 0.000",
    ]  # fmt: skip
    assert line_of(board, "best", 5) == ["best", "0.500 / 0.625 / 0.750", "0.250"]
    assert "| method | leakage in bits: timbre / pitch / rhythm | ordinal R²: pitch |" in board
    assert "| method | DCI | MIG |" in board
    assert board.count("none of it ranks") == 2


def test_the_newest_version_is_shown(folder):
    put(folder, "former", 0.7, 0, benchmark_version="0.0.10")
    put(folder, "former", 0.7, 0, benchmark_version="0.0.9")
    assert versions(folder) == [BENCHMARK_VERSION, "0.0.10", "0.0.9"]
    board = build(folder)
    assert f"benchmark version {BENCHMARK_VERSION}. Older ones" in board
    assert "| former |" not in board
    assert "| best |" in board


def test_a_version_that_there_is_not_yet_is_told_of_and_left_out(folder):
    board = build(folder)
    put(folder, "future", 0.7, 0, benchmark_version="99.0")
    problems = []
    assert build(folder, problems) == board
    told = f"there is no benchmark version 99.0; this is {BENCHMARK_VERSION}: update dTones, or remove the folder"
    assert problems == [f"{folder / '99.0'}: {told}"]


def test_no_results_yet(tmp_path):
    assert "There are no results yet." in build(tmp_path)


def test_methods_of_one_block_have_a_table_of_their_own(folder):
    known = [Score(metric="information", block="all", factor=f, value=0.5) for f in ("timbre", "pitch", "rhythm")]
    put(folder, "whole", 0.5, 0, scores=[Score(metric="preservation", value=0.5), *known])
    ranked, one = build(folder).split("Methods of one block")
    assert "| whole |" not in ranked
    assert line_of("Methods of one block" + one, "whole")[2] == "0.500"


def test_tasks_are_put_together_where_there_are_several(folder):
    for seed, wobble in enumerate(WOBBLE):
        put(folder, "best", 0.4 + wobble, seed, task="tones")
        put(folder, "middling", 0.2 + wobble, seed, task="tones")
    board = build(folder)
    whole = board[board.index("## quick: all tasks") : board.index("## quick: phrases/timbre")]
    lines = {cells[1]: cells for line in whole.splitlines() if len(cells := line.strip("| ").split(" | ")) > 4}
    assert lines["method"] == ["rank", "method", "family", "mean B", "phrases/timbre", "tones"]
    assert lines["best"][0] == "1"
    assert lines["best"][3].startswith("0.600 ± ")
    assert lines["best"][4:] == ["0.800", "0.400"]
    assert lines["middling"][0] == "2"
    assert lines["hasty"][0] == lines["hasty"][3] == lines["hasty"][5] == "—", "it was not run on all"


def test_the_board_s_tasks_come_first_and_the_mean_is_over_them_alone(tmp_path):
    assert boards_of.BOARD == tasks.BOARD
    names = ("soundfont/timbre", "phrases/loudness", "phrases/timbre")
    for task, balance in zip(names, (0.9, 0.4, 0.2), strict=True):
        for seed in range(5):
            put(tmp_path, "mine", balance, seed, task=task)
        put(tmp_path, "other", 0.5, 0, task=task)
    board = build(tmp_path)
    order = [board.index(f"## quick: {task}") for task in ("all tasks", "phrases/timbre", "phrases/loudness", names[0])]
    assert order == sorted(order)
    assert line_of(board, "mine")[3] == "0.300 ± 0.000"
