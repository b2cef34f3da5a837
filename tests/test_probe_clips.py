"""The command that says whether a preset has probe clips enough."""

import json

from benchmark import probe_clips


def test_more_clips_of_the_same_combinations_are_scored_side_by_side(tmp_path, capsys):
    line = ["--method", "logmel", "--task", "tones/timbre", "--preset", "tiny", "--json", str(tmp_path / "told.json")]
    assert probe_clips.main(line) == 0
    told = json.loads((tmp_path / "told.json").read_text())["methods"]["logmel"]
    assert list(told) == ["1", "2", "4"]
    values = [scores["preservation"] for scores in told.values()]
    assert values == sorted(values), "of a code of principal components more is read with more clips"
    assert f"4 a combination: preservation {values[-1]:.4f}" in capsys.readouterr().out


def test_a_mistake_is_one_line(capsys):
    assert probe_clips.main(["--method", "logml"]) == 2
    assert capsys.readouterr().err.startswith("error: no method 'logml'; did you mean 'logmel'?")
