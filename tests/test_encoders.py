"""Encoders that somebody else trained: what they are given, what of theirs is taken, what is refused and how."""

import re
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from baselines import plugins
from baselines.encoders import Foreign, asked
from benchmark import hearing
from benchmark.features import Clips
from benchmark.options import chosen_methods, settings_of
from benchmark.plan import plan
from benchmark.requests import Request
from benchmark.train import ContractError

BLOCKS = ("shared", "private")
CPU = torch.device("cpu")


class Ear:
    """Mean and deviation of each of eight parts of a clip; keeps what it was given."""

    sample_rate = 16_000

    def __init__(self):
        self.given = []

    def embed(self, audio):
        self.given.append(audio)
        parts = audio.reshape(len(audio), 8, -1)
        return np.hstack([parts.mean(2), parts.std(2)])


def foreign(encoder, name="ear"):
    return Foreign(name, encoder, Path("ear.py"))


def heard(encoder, clips, blocks=BLOCKS, seed=0, report=lambda *_: None, tell=pytest.fail):
    return hearing.heard(foreign(encoder), "phrases", blocks, clips, seed, CPU, report, tell)


@pytest.fixture(scope="module")
def clips(small):
    """Two roles with clips of other numbers."""
    levels, seeds, features = small.clips.levels, small.clips.seeds, small.clips.features
    return {
        "probe": Clips(levels[:100], seeds[:100], features[:100]),
        "test": Clips(levels[100:130], seeds[100:130], features[100:130]),
    }


def test_each_clip_gets_the_code_of_its_own_sound(small, clips):
    ear = Ear()
    found = heard(ear, clips)
    assert list(found) == ["probe", "test"]
    for role, one in clips.items():
        audio = small.generator.render(one.levels, one.seeds).numpy()
        assert set(found[role]) == {"code"}
        np.testing.assert_allclose(found[role]["code"], Ear().embed(audio), rtol=1e-5, atol=1e-7)
        assert found[role]["code"].dtype == torch.float32
    assert {(type(audio), audio.dtype, audio.shape[1]) for audio in ear.given} == {(np.ndarray, np.dtype("f4"), 32_000)}


def test_its_clips_come_in_a_random_order_and_few_at_a_time(small, clips):
    ear = Ear()
    heard(ear, clips)
    in_order = small.generator.render(clips["probe"].levels[:64], clips["probe"].seeds[:64]).numpy()
    assert not np.array_equal(ear.given[1], in_order)
    assert max(len(audio) for audio in ear.given) == 64


def test_progress_ends_with_all_clips(clips):
    told = []
    heard(Ear(), clips, report=lambda *done: told.append(done))
    assert told == sorted(told)
    assert told[-1] == (390, 390)  # 2 first; all 130, and a batch of 64 again: twice, the second time in other company


def test_audio_is_resampled_to_its_rate():
    """A sine of 1 kHz stays one of 1 kHz, as loud."""

    class At8k:
        sample_rate = 8_000

        def embed(self, audio):
            self.audio = audio
            return audio[:, :4]

    encoder = At8k()
    asked(encoder, torch.sin(2 * torch.pi * 1_000 * torch.arange(32_000) / 16_000)[None], 16_000)
    spectrum = np.abs(np.fft.rfft(encoder.audio[0]))
    assert encoder.audio.shape == (1, 16_000)
    assert spectrum.argmax() * 8_000 / 16_000 == 1_000
    assert np.abs(encoder.audio[0, 1_000:-1_000]).max() == pytest.approx(1, abs=0.01)


def test_named_blocks_of_the_task_are_taken_in_its_order(clips):
    class Split(Ear):
        def embed(self, audio):
            codes = super().embed(audio)
            return {"private": torch.from_numpy(codes[:, :8]), "shared": codes[:, 8:].astype(np.float64)}

    assert [(name, codes.shape[1]) for name, codes in heard(Split(), clips)["test"].items()] == [
        ("shared", 8),
        ("private", 8),
    ]


def returning(value):
    class Broken(Ear):
        def embed(self, audio):
            return value(super().embed(audio))

    return Broken()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            lambda codes: {"timbre": codes},
            r"ear.embed returned the blocks \['timbre'\]; this task's are shared, private",
        ),
        (lambda codes: {1: codes, "shared": codes}, r"returned the blocks \['1', 'shared'\]"),
        (lambda codes: codes[:-1], r"ear.embed: block 'code' must be \[64, dimension\]; got \[63, 16\]"),
        (lambda codes: codes[:, 0], r"must be \[64, dimension\]; got \[64\]"),
        (lambda codes: codes * np.nan, "holds NaN or infinity"),
        (lambda codes: np.tile(codes, 257), "4112 wide; at most 4,096 can be taken: project it in embed"),
        (lambda codes: codes.tolist(), "got a list"),
        (lambda codes: codes.astype(object), "got a ndarray"),
        (lambda codes: codes - codes.mean(0), "depends on the clips that are embedded with it"),
        (lambda codes: codes + np.random.normal(size=codes.shape), "its codes change from call to call"),  # noqa: NPY002
        (lambda codes: None, "got a NoneType"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_the_reason(clips, value, message):
    with pytest.raises(ContractError, match=message):
        heard(returning(value), clips)


def test_wide_codes_are_reduced_to_principal_components_of_the_probe_clips(clips):
    mixing = np.random.default_rng(0).standard_normal((16, 300)).astype(np.float32)

    class Wide(Ear):
        def embed(self, audio):
            codes = super().embed(audio)
            return {"shared": codes @ mixing, "private": codes}

    lines: list[str] = []
    found, narrow = heard(Wide(), clips, tell=lines.append), heard(Ear(), clips)
    for role, blocks in found.items():
        assert blocks["shared"].dtype == torch.float32
        assert torch.equal(blocks["private"], narrow[role]["code"])
        wanted = PCA(min(128, len(found["probe"]["private"]))).fit(narrow["probe"]["code"].numpy() @ mixing)
        again = wanted.transform(narrow[role]["code"].numpy() @ mixing)
        # Components have no sign, and those past the 16 that there are no direction: distances are what is kept.
        assert np.allclose(np.linalg.norm(again, axis=1), blocks["shared"].norm(dim=1).numpy(), rtol=1e-3)
    assert len(lines) == 1
    assert re.match(
        r"block 'shared' is 300 wide; its first \d+ principal components, with 100\.0% of the var", lines[0]
    )


FILE = '''"""Mine."""
import numpy as np
sample_rate = 16_000

def embed(audio):
    return audio[:, :8]
'''
CLASS = '''"""Mine."""
class Small:
    sample_rate = 16_000

    def embed(self, audio):
        return audio[:, :8]

class Large(Small):
    """As Small."""

def made():
    return Small()
'''


@pytest.mark.parametrize(
    ("text", "place", "name"),
    [
        (FILE, "mine.py", "mine"),
        (CLASS.replace("class Large(Small):", "class Large:"), "mine.py", "mine"),
        (CLASS, "mine.py:Large", "Large"),
        (CLASS, "mine.py:made", "made"),
        (CLASS + "one = Large()\n", "mine.py:one", "one"),
        (CLASS + "one = Large()\n", "mine.py", "mine"),
        (CLASS, "mine_module:Large", "Large"),
        (FILE, "mine_module", "mine_module"),
    ],
)
def test_an_encoder_is_found_wherever_it_is(tmp_path, monkeypatch, text, place, name):
    file = tmp_path / ("mine.py" if ".py" in place else "mine_module.py")
    file.write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "mine_module", raising=False)
    chosen, source = chosen_methods([name], place)[name]
    assert isinstance(chosen, Foreign)
    assert source.resolve() == file
    assert chosen.encoder.embed(np.zeros((3, 9), "f4")).shape == (3, 8)
    assert chosen.family == "other"
    assert settings_of(name, chosen, {}) is None
    with pytest.raises(ValueError, match=f"'{name}' is an encoder and has no settings; got --set width"):
        settings_of(name, chosen, {"width": 3})
    [run] = plan([Request(method=[name], plugin=place, preset="tiny")], tmp_path).runs
    assert (run.label, run.plugin) == (name, (place, text))
    file.write_text(text + "# a word\n")
    # Within a process a file's hash is taken once, so that all runs of a command are of one code.
    assert plugins.load(plugins.Address.of(place))[1].resolve() == file


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (CLASS, "mine.py", r"mine.py must define one method or encoder; it defines 2: say which, as .*mine.py:Small"),
        (CLASS, "mine.py:Big", r"the plugin '.*mine.py' has no 'Big'; it has Small, Large, made"),
        (CLASS + "number = 3\n", "mine.py:number", r"the encoder number has no embed"),
        (
            FILE.replace("16_000", "'16k'"),
            "mine.py",
            r"has the sample_rate '16k'; expected an integer, 1000 to 192000 Hz",
        ),
        (FILE.replace("16_000", "44.1"), "mine.py", r"has the sample_rate 44.1; expected an integer"),
        (FILE + "family = 'oracle'\n", "mine.py", r"states the family 'oracle'; expected one of combined, contrastive"),
        (CLASS.replace("    sample_rate = 16_000\n", ""), "mine.py:Small", r"Small has no sample_rate"),
        (CLASS.replace("def embed", "def embd"), "mine.py:Small", r"Small has no embed"),
        (CLASS + "    def __init__(self, path):\n        pass\n", "mine.py:made", None),
        (
            CLASS.replace('    """As Small."""', "    def __init__(self, path):\n        pass"),
            "mine.py:Large",
            r"Large is made without arguments, but needs path",
        ),
        (FILE.replace("numpy", "generators"), "mine.py", r"line 2, imports 'generators', which knows the factors"),
    ],
)
def test_a_broken_encoder_is_told_what_is_wrong_before_anything_is_made(tmp_path, monkeypatch, text, place, message):
    (tmp_path / "mine.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    address = plugins.Address.of(place)
    if message is None:
        plugins.load(address)
        return
    with pytest.raises(ValueError, match=message) as caught:
        chosen_methods([address.name], place)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_made_names_its_line(tmp_path):
    (tmp_path / "mine.py").write_text(CLASS.replace("    return Small()", "    return Smal()"))
    chosen, _ = plugins.load(plugins.Address.of(f"{tmp_path / 'mine.py'}:made"))
    with pytest.raises(ValueError, match=r"mine.py: made cannot be made, line 12: NameError: name 'Smal' is not"):
        _ = chosen.encoder


def test_no_module_is_told(monkeypatch):
    with pytest.raises(ValueError, match=r"no plugin module 'nowhere.at'; expected FILE.py, FILE.py:Name, or"):
        chosen_methods(["All"], "nowhere.at:All")
    with pytest.raises(ValueError, match=r"'benchmark.learners.masked' is of dTones itself"):
        chosen_methods(["masked"], "benchmark.learners.masked")


def test_an_installed_package_offers_its_methods_by_name(tmp_path, monkeypatch):
    (tmp_path / "offered_module.py").write_text(CLASS)
    monkeypatch.syspath_prepend(tmp_path)
    offered = [EntryPoint("theirs", "offered_module:Large", plugins.GROUP)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: offered)
    chosen, source = chosen_methods(["theirs"], None)["theirs"]
    assert (chosen.name, source) == ("theirs", tmp_path / "offered_module.py")
    [run] = plan([Request(method=["theirs"], preset="tiny")], tmp_path).runs
    assert (run.label, run.plugin) == ("theirs", None)
    offered.append(EntryPoint("theirs", "offered_module:Small", plugins.GROUP))
    with pytest.raises(ValueError, match=r"two installed packages offer a method 'theirs': .*Large and .*Small"):
        chosen_methods(["theirs"], None)
    offered[:] = [EntryPoint("combined", "offered_module:Large", plugins.GROUP)]
    with pytest.raises(ValueError, match=r"offers offered_module:Large as 'combined', which is another's name"):
        chosen_methods(["theirs"], None)
