"""What TensorBoard reads of a run is what its losses say."""

import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from benchmark import tensorboard


def test_every_term_of_every_step_is_there_once(tmp_path, capsys):
    run = tmp_path / "artefacts" / "0.4" / "mine" / "seed0"
    run.mkdir(parents=True)
    (run / "losses.csv").write_text("step,loss,swap\n0,1.5,\n1,1.25,0.5\n")
    line = ["--artefacts", str(tmp_path / "artefacts"), "--logdir", str(tmp_path / "board")]
    for _ in range(2):  # a second time takes the place of the first
        assert tensorboard.main(line) == 0
    assert capsys.readouterr().out.startswith("1 runs; ")
    read = EventAccumulator(str(tmp_path / "board" / "0.4" / "mine" / "seed0")).Reload()
    assert {term: [(e.step, e.value) for e in read.Scalars(term)] for term in read.Tags()["scalars"]} == {
        "loss": [(0, 1.5), (1, 1.25)],
        "swap": [(1, 0.5)],
    }


def test_where_nothing_was_run_it_says_so(tmp_path, capsys):
    assert tensorboard.main(["--artefacts", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"error: no losses.csv below {tmp_path}; python -m benchmark.run leaves")


def test_without_the_extra_it_says_what_to_install(tmp_path, capsys, monkeypatch):
    (tmp_path / "losses.csv").write_text("step,loss\n0,1\n")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert tensorboard.main(["--artefacts", str(tmp_path), "--logdir", str(tmp_path / "board")]) == 2
    assert "pip install -e '.[tensorboard]'" in capsys.readouterr().err
