"""What all runs of a task have in common is the same, to the last bit, computed or read; and computed once."""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import generators
from benchmark import array_files, feature_store, features
from benchmark.feature_store import features_key, prepare, space_version, swapped, swaps_key
from benchmark.tasks import PRESETS, load_task

ROOT = Path(__file__).resolve().parent.parent
CPU = torch.device("cpu")
TIMBRE, PITCH = load_task("tones/timbre"), load_task("tones/pitch")
TINY = replace(PRESETS["tiny"], clips={"train": 1, "probe": 1, "test": 1})


class Told:
    """Stages that remember what they were told."""

    def __init__(self):
        self.lines = []

    @contextmanager
    def stage(self, name, what):
        self.lines.append((name, what))
        yield lambda done, total: None


def same(one, other):
    assert (one.space, one.space_version, one.front_end, one.centres_hz) == (
        *(other.space, other.space_version, other.front_end, other.centres_hz),
    )
    assert (one.data.mean, one.data.std) == (other.data.mean, other.data.std)
    assert list(one.data.roles) == list(other.data.roles)
    for role, clips in one.data.roles.items():
        others = other.data.roles[role]
        assert np.array_equal(clips.levels, others.levels)
        assert np.array_equal(clips.seeds, others.seeds)
        assert clips.features.dtype == others.features.dtype == torch.float32
        assert torch.equal(clips.features, others.features)
    assert list(one.swaps) == list(other.swaps)
    for block, swaps in one.swaps.items():
        others = other.swaps[block]
        assert np.array_equal(swaps.a, others.a)
        assert np.array_equal(swaps.b, others.b)
        assert torch.equal(swaps.target, others.target)
    return True


@pytest.fixture(scope="module")
def computed():
    """Computed, and put nowhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTONES_CACHE_GB", "0")
        return prepare(TIMBRE, TINY, CPU, Told())


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("DTONES_CACHE", str(tmp_path))
    monkeypatch.delenv("DTONES_CACHE_GB", raising=False)
    return tmp_path / "features"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cache that holds what `tones/timbre` needs, and what it took to make it."""
    folder, stages = tmp_path_factory.mktemp("made"), Told()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DTONES_CACHE", str(folder))
        return folder, stages, prepare(TIMBRE, TINY, CPU, stages)


@pytest.fixture
def stored(root, made):
    shutil.copytree(made[0], root.parent, dirs_exist_ok=True)
    return root


def refuse(*given, **named):
    raise AssertionError("made again")


def test_what_is_computed_is_what_its_parts_give(computed):
    generator, front_end = features.sound_of("tones", CPU)
    data = computed.data
    assert computed.space_version == generator.version
    assert computed.centres_hz == tuple(front_end.centres_hz().tolist())
    assert (data.mean, data.std) == pytest.approx(_moments(data), rel=1e-6)
    test, swaps = data.roles["test"], computed.swaps["shared"]
    assert np.array_equal(swaps.a, features.swap_pairs(generator.space, test.levels, frozenset({"timbre"}), 256)[0])
    for values, levels, seeds in (
        (test.features[:9], test.levels[:9], test.seeds[:9]),
        (swaps.target[:9], _mixed(test, swaps)[:9], test.seeds[swaps.a[:9]]),
    ):
        assert torch.allclose(data.decibels(values), front_end(generator.render(levels, seeds)), atol=1e-4)


def _moments(data):
    train = data.decibels(data.roles["train"].features).double()
    return float(train.mean()), float(train.std())


def _mixed(test, swaps):
    levels = test.levels[swaps.a].copy()
    levels[:, 1] = test.levels[swaps.b, 1]
    return levels


def test_computed_and_read_are_the_same_to_the_last_bit(stored, made, computed, monkeypatch):
    assert same(made[2], computed)
    assert [name for name, _ in made[1].lines] == ["bank", "features", "features"]
    monkeypatch.setattr(generators, "load", refuse)
    stages = Told()
    assert same(prepare(TIMBRE, TINY, CPU, stages), computed)
    assert stages.lines == [("features", "reading the features of the clips from disk")]


def test_tasks_of_one_space_share_the_clips(stored, computed, monkeypatch):
    entries = {path.name for path in stored.iterdir() if path.is_dir()}
    monkeypatch.setattr(features, "compute", refuse)
    other = prepare(PITCH, TINY, CPU, Told())
    assert torch.equal(other.data.roles["train"].features, computed.data.roles["train"].features)
    assert not torch.equal(other.swaps["shared"].target, computed.swaps["shared"].target)
    assert len({path.name for path in stored.iterdir() if path.is_dir()} - entries) == 1
    monkeypatch.setattr(features, "swaps", refuse)
    assert same(prepare(PITCH, TINY, CPU, Told()), other)
    assert same(prepare(TIMBRE, TINY, CPU, Told()), computed)


def test_damaged_features_are_made_anew(stored, computed, capsys):
    (folder,) = (path.parent for path in stored.glob("*/train.features.npy"))
    content = bytearray((folder / "train.features.npy").read_bytes())
    content[-1] ^= 1
    (folder / "train.features.npy").write_bytes(content)
    assert same(prepare(TIMBRE, TINY, CPU, Told()), computed)
    said = f"note: {folder} is damaged (train.features.npy is not what was written); making it anew\n"
    assert capsys.readouterr().err == said
    assert same(prepare(TIMBRE, TINY, CPU, Told()), computed)
    assert capsys.readouterr().err == ""


def test_whatever_decides_the_clips_gives_another_key(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    more = replace(TINY, clips={"train": 2, "probe": 1, "test": 1})
    keys = [
        features_key(TIMBRE, TINY, CPU),
        features_key(load_task("syntone/timbre"), TINY, CPU),
        features_key(load_task("tones@heldout(pitch,timbre,0.2)/timbre"), TINY, CPU),
        features_key(load_task("tones/augment"), TINY, CPU),
        features_key(TIMBRE, more, CPU),
        features_key(TIMBRE, TINY, torch.device("cuda:0")),
    ]
    for target, change in (
        ("source_hash", lambda *paths: "of another source"),
        ("space_version", lambda space: "2"),
        ("version", lambda library: "9.9"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(feature_store, target, change)
            keys.append(features_key(TIMBRE, TINY, CPU))
    shape = features.front_end_of("tones")
    monkeypatch.setattr(features, "front_end_of", lambda space: replace(shape, n_mels=32))
    keys.append(features_key(TIMBRE, TINY, CPU))
    assert len({array_files.name_of(key) for key in keys}) == len(keys)


def test_what_does_not_decide_the_clips_gives_the_same_key():
    longer = replace(TINY, name="other", steps=7, width=96, clips={**TINY.clips, "validation": 0})
    assert features_key(PITCH, longer, CPU) == features_key(TIMBRE, TINY, CPU)


def test_the_source_of_the_key_is_what_makes_the_clips_and_not_what_keeps_them(monkeypatch):
    seen = []
    monkeypatch.setattr(feature_store, "source_hash", lambda *paths: seen.extend(paths) or "hash")
    features_key(TIMBRE, TINY, CPU)
    assert [path.relative_to(ROOT).as_posix() for path in seen] == ["benchmark/features.py", "generators/tones.py"]
    text = (ROOT / "benchmark" / "features.py").read_text()
    assert "array_" not in text.replace("array_equal", "")
    assert "import feature_store" not in text


def test_swaps_have_a_key_of_what_is_swapped_and_of_the_clips():
    key, other = features_key(TIMBRE, TINY, CPU), features_key(TIMBRE, PRESETS["quick"], CPU)
    shared = [swapped(task, TINY) for task in (TIMBRE, PITCH)]
    assert shared == [{"shared": {"timbre"}}, {"shared": {"pitch"}}]
    names = {
        array_files.name_of(swaps_key(*parts)) for parts in ((key, shared[0]), (key, shared[1]), (other, shared[0]))
    }
    assert len(names) == 3


def test_where_nothing_can_be_swapped_there_are_no_swaps():
    assert swapped(load_task("phrases/augment"), TINY) == {}
    assert swapped(TIMBRE, replace(TINY, clips={"train": 1, "validation": 1})) == {}
    assert list(swapped(load_task("phrases/timbre,rhythm"), TINY)) == ["shared_1", "shared_2"]


@pytest.mark.parametrize("space", ["phrases", "tones", "syntone", "syntone-bandlimited"])
def test_shape_and_version_of_a_space_are_known_without_its_sound(space, monkeypatch):
    generator = generators.load(space)
    monkeypatch.setattr(generators, "load", refuse)
    space_version.cache_clear()
    assert space_version(space) == generator.version
    shape = features.front_end_of(space)
    assert (shape.sample_rate, shape.n_samples) == (generator.sample_rate, generator.n_samples)


def test_the_version_of_soundfont_is_that_of_its_notes(monkeypatch):
    class Notes:
        version = "1+0123456789ab"

    monkeypatch.setattr(generators, "load", {"soundfont": Notes()}.get)
    space_version.cache_clear()
    assert space_version("soundfont") == Notes.version
    space_version.cache_clear()
    generators_layout = features.front_end_of("soundfont")
    assert generators_layout == features.front_end_of("phrases")


def test_who_reads_features_loads_nothing_that_makes_them(stored):
    code = (
        "import sys, torch, generators\n"
        f"sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from test_feature_store import CPU, TIMBRE, TINY, Told, prepare, refuse\n"
        "generators.load = refuse; torch.nn.Module.__init__ = refuse\n"
        "print(len(prepare(TIMBRE, TINY, CPU, Told()).swaps), 'generators.augment' in sys.modules)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ, capture_output=True, text=True)
    assert told.stdout == "1 False\n", told.stderr


def test_on_a_cpu_features_are_the_mapped_file_itself(stored, monkeypatch):
    mapped = []
    monkeypatch.setattr(torch, "from_numpy", lambda array, real=torch.from_numpy: mapped.append(array) or real(array))
    prepared = prepare(TIMBRE, TINY, CPU, Told())
    places = {array.__array_interface__["data"][0] for array in mapped if isinstance(array, np.memmap)}
    tensors = [clips.features for clips in prepared.data.roles.values()] + [prepared.swaps["shared"].target]
    assert {tensor.data_ptr() for tensor in tensors} == places
    tensors[0].zero_()  # a method that writes to its inputs does no harm to others
    assert prepare(TIMBRE, TINY, CPU, Told()).data.roles["train"].features.any()
