"""The command that says whether a preset has probe clips enough."""

import json

import pytest

from benchmark import probe_clips


def test_more_clips_of_the_same_combinations_are_scored_side_by_side(tmp_path, capsys):
    line = ["--method", "logmel", "--task", "tones/timbre", "--preset", "tiny", "--json", str(tmp_path / "told.json")]
    assert probe_clips.main(line) == 0
    told = json.loads((tmp_path / "told.json").read_text())["methods"]["logmel"]
    assert list(told) == ["1", "2", "4"]
    values = [scores["preservation"] for scores in told.values()]
    assert values == sorted(values), "of a code of principal components more is read with more clips"
    assert f"4 a combination: preservation {values[-1]:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--method", "logml"], "error: no method 'logml'; did you mean 'logmel'?"),
        (["--preset", "tuning"], "error: --preset tuning has no probe clips: it is judged on validation clips; take"),
        (
            ["--method", "combined", "--task", "phrases/timbre,rhythm", "--preset", "tiny"],
            "error: combined cannot do phrases/timbre,rhythm: it takes 2 blocks and 2 views, not 3 and 2",
        ),
    ],
)
def test_a_mistake_is_one_line(line, said, capsys):
    assert probe_clips.main(line) == 2
    told = capsys.readouterr().err
    assert told.startswith(said)
    assert told.count("\n") == 1
