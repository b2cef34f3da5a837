"""The starting file of a method: it runs as it is, and nothing is overwritten."""

import pytest

from baselines import plugins
from benchmark import new, run
from benchmark.plan import plan
from benchmark.requests import Request
from benchmark.trial import tried
from benchmark.work import resolved


@pytest.mark.parametrize("shape", [[], ["--encoder"]])
@pytest.mark.parametrize("name", ["my_method", "2-step", "Ours.py"])
def test_what_is_written_can_be_trained_and_embeds(tmp_path, monkeypatch, capsys, shape, name):
    monkeypatch.chdir(tmp_path)
    assert new.main([name, *shape]) == 0
    stem = name.removesuffix(".py")
    file = tmp_path / f"{stem}.py"
    for line in file.read_text().splitlines():
        assert len(line) <= 120
    plugins.load(plugins.Address.of(file))
    [one] = plan([Request(method=[stem], preset="tiny", plugin=f"{stem}.py")], tmp_path / "results").runs
    tried(resolved(one, "cpu"))
    told = capsys.readouterr().out
    assert f"python -m benchmark.run --plugin {stem}.py --method {stem} --preset tiny" in told
    for line in told.splitlines():
        if "benchmark.run" in line:
            arguments = line.partition("benchmark.run ")[2].partition("#")[0].split()
            assert run.arguments(arguments).method == [stem]


def test_what_is_there_is_left_as_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("precious")
    assert new.main(["mine"]) == 2
    assert capsys.readouterr().err == (
        "error: mine.py is there already; it is left as it is: choose another name, or remove it\n"
    )
    assert (tmp_path / "mine.py").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("combined", "'combined' is the name of a built-in method: choose another"),
        ("../x", "'../x' cannot name a method: use letters, digits, _ and -"),
        ("all", "'all' cannot name a method: use letters, digits, _ and -"),
    ],
)
def test_a_name_that_cannot_be_is_refused(tmp_path, monkeypatch, capsys, name, message):
    monkeypatch.chdir(tmp_path)
    assert new.main([name]) == 2
    assert capsys.readouterr().err == f"error: {message}\n"
    assert list(tmp_path.iterdir()) == []
