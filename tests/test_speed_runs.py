"""What the speed command says of whole runs, each a process of its own: on the smallest preset."""

import json
import math

import pytest

from benchmark.speed import __main__ as speed
from benchmark.speed import overhead, quick
from benchmark.speed.whole import Whole, run


def cost(**seconds):
    return {"seconds": seconds, "total_seconds": 9.0, "clips_per_second": 0.0, "wait_share": 0.0} | {
        "device_idle_share": None
    }


def measured(command, folder, *arguments):
    done = command("speed", *arguments, "--json", "s.json", cwd=folder, timeout=900)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads((folder / "s.json").read_text())["parts"][arguments[0]], done.stdout


def test_a_whole_run_cold_and_with_features_on_disk(command, tmp_path):
    told, said = measured(command, tmp_path, "quick", "--preset", "tiny", "--task", "tones/timbre", "--device", "cpu")
    for name in ("cold", "warm"):
        row = told[name]
        assert row["wall_seconds"] >= row["total_seconds"] > 0
        assert {"features", "train", "score"} <= set(row["seconds"])
        assert sum(row["seconds"].values()) <= 1.01 * row["total_seconds"]
        assert row["share"] == pytest.approx(told["floor_seconds"] / row["wall_seconds"])
        assert 0 < row["share"] < 1
    assert told["warm"]["seconds"]["features"] < told["cold"]["seconds"]["features"]
    assert "features on disk" in said


def test_overhead_of_a_method_that_does_nothing(command, tmp_path):
    told, said = measured(command, tmp_path, "overhead", "--seeds", 2, "--device", "cpu")
    assert told["runs"] == 2
    assert told["one_wall_seconds"] > told["one_work_seconds"] > 0
    assert told["one_overhead_seconds"] == pytest.approx(told["one_wall_seconds"] - told["one_work_seconds"])
    assert math.isfinite(told["overhead_seconds_a_further_run"])
    assert "overhead a further run" in said


def test_overhead_by_hand():
    """One run: 10 s, 4 of them work. Three: 20 s, 11 of them work. So 6 s, and (9 - 6) / 2 for each further."""
    one = Whole(10.0, [cost(start=2.0, bank=1.0, score=3.0, show=1.0)])
    many = Whole(20.0, [cost(score=4.0), cost(score=3.0), cost(score=3.0, train=1.0)])
    told = overhead._figures(one, many)
    assert (told["one_work_seconds"], told["many_work_seconds"]) == (4, 11)
    assert (told["one_overhead_seconds"], told["overhead_seconds_a_further_run"]) == (6, 1.5)


def test_the_median_of_whole_runs_is_one_of_them():
    wholes = tuple(Whole(seconds, [cost(train=seconds)]) for seconds in (5.0, 1.0, 3.0))
    assert quick._median(wholes) is wholes[2]
    assert quick._median(wholes[:2]) is wholes[0]


def test_a_run_that_fails_is_told_in_one_line(tmp_path):
    with pytest.raises(ValueError, match=r"^benchmark.run --method combned: no method 'combned'; did you mean"):
        run(["--method", "combned"], tmp_path / "results", tmp_path / "cache")


def test_all_measures_every_part_into_one_file(monkeypatch, tmp_path, capsys):
    """What is given for all goes to the parts that have such an option; each keeps the rest of its own defaults."""
    seen = {}

    def module(self, name):
        def measure(options):
            seen[name] = options
            return {"seconds": 1.0}

        real = imported(self, name)
        return type("Module", (), {"options_of": staticmethod(real.options_of), "measure": staticmethod(measure)})

    imported = speed.Part.module
    monkeypatch.setattr(speed.Part, "module", module)
    file = tmp_path / "s.json"
    assert speed.main(["all", "--preset", "tiny", "--device", "cpu", "--json", str(file)]) == 0
    told = json.loads(file.read_text())["parts"]
    assert list(told) == list(seen) == list(speed.PARTS)
    assert seen["step"].preset == seen["quick"].preset == seen["score"].preset == "tiny"
    assert not hasattr(seen["render"], "preset")
    assert [seen[name].repeats for name in speed.PARTS] == [part.repeats for part in speed.PARTS.values()]
    assert {options.device for options in seen.values()} == {"cpu"}
    assert speed.main(["all", "--repeats", "2", "--against", str(file)]) == 0
    assert {options.repeats for options in seen.values()} == {2}
    assert "render.seconds" in capsys.readouterr().out


def test_a_package_that_a_part_needs_is_named_before_any_is_timed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(speed, "find_spec", lambda name: None if name == "datasets" else name)
    assert speed.main(["dataset", "--json", str(tmp_path / "s.json")]) == 2
    assert capsys.readouterr().err == "error: dataset needs datasets: pip install datasets\n"
    assert list(tmp_path.iterdir()) == []


def test_clips_as_files_are_timed_beside_curl(tmp_path):
    """On the smallest space: that it measures what it says, not how fast."""
    file = tmp_path / "s.json"
    line = ["dataset", "--space", "tones", "--times", "1", "--repeats", "1", "--loaders", "1", "--json", str(file)]
    assert speed.main(line) == 0
    told = json.loads(file.read_text())["parts"]["dataset"]
    [made] = told["exports"]
    assert (made["times"], made["clips"], told["pass"]["clips"]) == (1, 1_152, 1_152)
    assert made["clips_a_second"] == pytest.approx(1_152 / made["seconds"])
    assert 50e6 < made["peak_memory_bytes"] < 2 * 2**30
    fetched = told["fetch"]
    assert (fetched["files"], fetched["bytes"]) == (made["files"], made["bytes"])
    assert fetched["start_seconds"] < fetched["download_seconds"]
    assert fetched["download_over_curl"] == pytest.approx(fetched["curl_seconds"] / fetched["download_seconds"])
