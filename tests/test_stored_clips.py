"""Clips read from an export are those of rendering, and so are the scores; an export that is not of them is refused."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from exported import wanted
from plugins import TINY
from test_feature_store import CPU, TIMBRE, Told, same

from benchmark import features, results, stored_clips
from benchmark.feature_store import features_key, prepare
from benchmark.stored_clips import Replayed, check, opened
from benchmark.tasks import PRESETS, load_task
from benchmark.version import BENCHMARK_VERSION
from generators.dataset import manifest
from generators.dataset.export import export

DRAWS = {"train": 2, "probe": 1, "test": 1}
PRESET = replace(PRESETS["tiny"], clips=DRAWS)
EXPORT = "python -m generators.dataset export --space tones --nuisances train=2,probe=1,test=1 --out DIR"
ENCODER = '''"""Loudness alone."""
class Loudness:
    sample_rate = 8_000
    def embed(self, audio):
        return audio.square().mean(axis=-1, keepdims=True)
'''


@pytest.fixture(scope="module", params=["parquet", "wav"])
def exported(request, tmp_path_factory):
    """Clips of `tones` as files."""
    folder = tmp_path_factory.mktemp(request.param) / "tones"
    # A file is not a whole number of batches, nor a batch of files.
    export(wanted("tones", request.param, clips_a_file=700, **DRAWS), folder)
    return folder


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    """One clip of each combination of each role but validation."""
    folder = tmp_path_factory.mktemp("parquet") / "tones"
    export(wanted("tones", train=1, probe=1, test=1), folder)
    return folder


@pytest.fixture
def copied(parquet, tmp_path):
    shutil.copytree(parquet, tmp_path / "tones")
    return tmp_path / "tones"


def asked(task=TIMBRE, preset=PRESET, version=None):
    from benchmark.feature_store import space_version

    return [(task, preset, version or space_version(task.space))]


def test_features_and_targets_are_those_of_rendering(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("DTONES_CACHE", str(tmp_path))
    one = opened(exported)
    check(one, asked())
    stages = Told()
    read = prepare(TIMBRE, PRESET, CPU, stages, one)
    assert ("features", "reading clips from files and taking log-mel features") in stages.lines
    assert same(read, prepare(TIMBRE, PRESET, CPU, Told()))
    again = Told()
    assert same(prepare(TIMBRE, PRESET, CPU, again, one), read)
    assert again.lines == [("features", "reading the features of the clips from disk")]


def test_it_is_the_files_that_are_heard(parquet, monkeypatch):
    generator, front_end = features.sound_of("tones", CPU)

    def quieter(*given):
        return (replace(clips, samples=clips.samples // 2) for clips in read(*given))

    read = stored_clips.reading.read
    monkeypatch.setattr(stored_clips.reading, "read", quieter)
    one, other = (
        features.compute(each, front_end, {"train": 1}, CPU, lambda done, total: None)
        for each in (generator, Replayed(opened(parquet), generator, CPU))
    )
    assert one.mean - other.mean > 1, "decibels: half as loud, and silence stays as silent"


def test_features_of_files_lie_under_a_key_of_their_own(parquet):
    one = opened(parquet)
    assert features_key(TIMBRE, PRESET, CPU, one) != features_key(TIMBRE, PRESET, CPU)
    assert features_key(TIMBRE, PRESET, CPU, one)["export"] == one.sha256
    assert features_key(TIMBRE, PRESET, CPU, replace(one, folder="elsewhere"))["export"] == one.sha256


def test_versions_of_a_clip_are_made_of_the_stored_one(parquet):
    generator, front_end = features.sound_of("tones", CPU)
    # Three copies of a clip: a batch of 512 ends within a clip.
    one, other = (
        features.compute(each, front_end, {"train": 1}, CPU, lambda done, total: None, versions=3)
        for each in (generator, Replayed(opened(parquet), generator, CPU))
    )
    assert torch.equal(one.roles["train"].features, other.roles["train"].features)


def test_a_clip_that_is_not_the_next_or_not_the_task_s_is_refused(parquet):
    generator, _ = features.sound_of("tones", CPU)
    replayed = Replayed(opened(parquet), generator, CPU)
    levels = np.zeros((2, 3), np.int64)
    for seed in (999_999_999, 0):  # the first is past the last of its role, and nothing is read backwards
        with pytest.raises(ValueError, match=f"has no clip of the seed {seed} where it should come next"):
            replayed.render(levels, [seed, seed])
    with pytest.raises(ValueError, match=r"the clip of the seed 0 in .* has other levels than the task's"):
        replayed.to(CPU).render(np.full((2, 3), 5), [0, 1])


@pytest.mark.parametrize(
    ("task", "preset", "version", "told"),
    [
        ("phrases/timbre", PRESET, None, "is of the space tones, and phrases/timbre is of phrases: python -m "),
        (
            "tones@heldout(pitch,timbre,0.2)/timbre",
            PRESET,
            None,
            "is of the split iid, and tones@heldout(pitch,timbre,0.2)/timbre is of heldout(pitch,timbre,0.2): "
            "python -m generators.dataset export --space tones --split 'heldout(pitch,timbre,0.2)' "
            "--nuisances train=2,probe=1,test=1 --out DIR",
        ),
        ("tones/timbre", PRESET, "99", f"and tones/timbre is of 99: {EXPORT}"),
        (
            "tones/timbre",
            PRESET,
            None,
            "has 1 clips of each combination for the role 'train', and the preset tiny takes 2, "
            f"whose seeds are others: {EXPORT}",
        ),
        (
            "tones/timbre",
            PRESETS["tuning"],
            None,
            "for the role 'train', and the preset tuning takes 3",
        ),
    ],
)
def test_an_export_of_other_clips_is_refused_with_the_command_that_makes_these(parquet, task, preset, version, told):
    with pytest.raises(ValueError, match=re.escape(told)):
        check(opened(parquet), asked(load_task(task), preset, version))


def test_a_damaged_file_is_refused_by_name(copied):
    file = next(copied.glob("data/probe-*.parquet"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{file.name}: its SHA-256 is not the manifest's; .*verify"):
        check(opened(copied), asked(preset=PRESETS["tiny"]))


def test_no_export_and_nothing_to_read_it_with_are_told(parquet, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=rf"no export in {tmp_path}: it has no {manifest.NAME}"):
        opened(tmp_path)
    monkeypatch.setattr(stored_clips, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="--data needs pyarrow: pip install"):
        opened(parquet)


def test_the_scores_of_a_command_are_those_of_rendering(parquet, tmp_path, command):
    line = ("run", "--method", "combined", "--task", "tones/timbre", *TINY)
    rendered = command(*line, "--results", "rendered/results", cwd=tmp_path)
    assert rendered.returncode == 0, rendered.stderr
    read = command(*line, "--results", "read/results", "--data", parquet, cwd=tmp_path)
    assert read.returncode == 0, read.stderr
    where = (BENCHMARK_VERSION, "tiny", "tones/timbre", "combined", 0)
    one, other = (results.read(results.path(tmp_path / name / "results", *where)) for name in ("rendered", "read"))
    assert one.scores == other.scores
    assert one.id == other.id
    assert one.environment.data is None
    assert other.environment.data == opened(parquet).sha256
    assert json.loads(results.path(tmp_path / "read/results", *where).read_text())["environment"]["data"]
    again = command(*line, "--results", "read/results", "--data", tmp_path, cwd=tmp_path)  # it is there; but look
    assert again.returncode == 2
    assert f"no export in {tmp_path}" in again.stderr
    assert f"clips are read from {parquet}, whose manifest has the SHA-256 {opened(parquet).sha256[:12]}" in read.stdout


def test_mistakes_are_told_before_anything_is_done(parquet, tmp_path, command):
    (tmp_path / "loudness.py").write_text(ENCODER)
    encoder = command(
        *("run", "--method", "loudness", "--plugin", "loudness.py", "--task", "tones/timbre"),
        *(*TINY, "--data", parquet),
        cwd=tmp_path,
    )
    other = command("run", "--method", "combined", *TINY, "--data", parquet, "--dry-run", cwd=tmp_path)
    rescored = command("run", "--rescore", "--data", parquet, cwd=tmp_path)
    assert (encoder.returncode, other.returncode, rescored.returncode) == (2, 2, 2)
    assert "--data is of no use to loudness: an encoder hears clips as they are rendered" in encoder.stderr
    assert "is of the space tones, and phrases/timbre is of phrases" in other.stderr
    assert "--rescore trains nothing, so it takes no --data" in rescored.stderr
    for told in (encoder, other, rescored):
        assert told.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["loudness.py"]
