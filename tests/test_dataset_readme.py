"""The README's way through an export, as a new user goes: commands and example, on `tones`, which is smaller."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from exported import tree
from hostile import serving

from benchmark.run import main as train
from generators.dataset.commands import main
from generators.fluid import default_soundfont

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
[SECTION] = re.findall(r"^## The clips as files\n(.*?)(?=^## )", README, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^    python -m generators\.dataset ([^#\n]*)", SECTION.replace("\\\n", " "), re.MULTILINE)


def done(command):
    """Run a command of the README on a smaller space."""
    return main(shlex.split(command.replace("--space phrases", "--space tones")))


@pytest.mark.filterwarnings("ignore")  # of what others' tools import
def test_the_way_from_export_to_a_classifier_is_as_printed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    export, verify, for_training, first, second, merge, publish, download, _ = COMMANDS
    assert done(export) == done(verify) == 0
    alone = tree(tmp_path / "phrases")
    (tmp_path / "phrases").rename(tmp_path / "alone")
    assert done(first) == done(second) == done(merge) == 0
    assert tree(tmp_path / "phrases") == alone
    assert done(publish) == 0
    (tmp_path / "phrases").rename(tmp_path / "merged")
    with serving(tmp_path / "merged") as server:
        assert done(download.replace("https://SERVER/phrases/manifest.json", server.address)) == 0
    assert tree(tmp_path / "phrases") == alone
    assert done(verify) == 0

    [example] = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    names: dict = {}
    exec(example, names)
    assert names["samples"].dtype == np.int16
    assert names["batch"].audio.shape[1] == 16_000
    assert next(iter(names["clips"]))["clips/id"].startswith(b"tones-")

    from sklearn.neighbors import KNeighborsClassifier

    spectra, timbres = {}, {}
    for role in ("train", "test"):
        batches = list(names["read"]("phrases", role))
        audio = np.concatenate([batch.audio for batch in batches])
        power = np.abs(np.fft.rfft(audio))[:, ::4]
        spectra[role] = np.log(power / power.max(axis=1, keepdims=True) + 1e-3)
        timbres[role] = np.concatenate([batch.levels[:, 1] for batch in batches])
    assert done(for_training) == 0
    [run] = re.findall(r"^    python -m benchmark\.run ([^#\n]*)", SECTION, re.MULTILINE)
    assert train([*shlex.split(run.replace("combined", "logmel")), "--task", "tones/timbre", "--device", "cpu"]) == 0

    classifier = KNeighborsClassifier(1).fit(spectra["train"], timbres["train"])
    assert classifier.score(spectra["test"], timbres["test"]) > 0.6  # chance: 0.125


def test_the_export_of_sampled_clips_is_as_printed_and_does_not_relabel_another_soundfont(
    tmp_path, monkeypatch, capsys
):
    """That soundfont is not on every machine: in its place stands the default one, whose licence is another."""
    words = shlex.split(COMMANDS[-1])
    where = {name: words[words.index(f"--{name}") + 1] for name in ("soundfont", "soundfont-notice")}
    assert where["soundfont"].endswith("MuseScore_General_Lite.sf3")
    (tmp_path / "copyright").write_text("a notice", encoding="utf-8")
    told = {where["soundfont"]: str(default_soundfont()), where["soundfont-notice"]: str(tmp_path / "copyright")}
    monkeypatch.chdir(tmp_path)
    assert main([told.get(word, word) for word in words]) == 2
    assert "is TimGM6mb, which is under GPL-2.0-only, not MIT" in capsys.readouterr().err
    assert not (tmp_path / "sampled").exists()
