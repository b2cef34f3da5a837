"""Sampled notes are FluidSynth's own, once; and whatever is wrong with a soundfont is said in a line."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import fluidsynth
import numpy as np
import pytest
import torch
from scipy.signal import get_window

import generators
from generators import cache, fluid, soundfont
from generators.phrases import LEAD_IN, SAMPLE_RATE, STEP
from generators.soundfont import FADE_S, INSTRUMENTS, LENGTH, SPACE, Soundfont

ROOT = Path(__file__).resolve().parent.parent
PITCHES = np.array(SPACE.factors[0].values)
NAMES = list(INSTRUMENTS)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache folder of this file's own; nothing is left in memory before or after."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DTONES_CACHE", str(folder))
        soundfont._bank.cache_clear()
        yield folder
    soundfont._bank.cache_clear()


@pytest.fixture(scope="module")
def plain(kept):
    return Soundfont(nuisances=False)


@pytest.fixture(scope="module")
def notes(plain):
    """Every note: int16 [timbre, pitch, variant, loudness, sample]."""
    bank = plain.sound.bank
    laid_out = bank.samples[bank.lead : bank.lead + bank.n_notes * bank.slot].view(*bank.shape, bank.slot)
    assert not laid_out[..., LENGTH:].any(), "a note runs on into the pause after it"
    return laid_out[..., :LENGTH].numpy()


@pytest.fixture(scope="module")
def bytes_of_default():
    return fluid.default_soundfont().read_bytes()


def own_render(score, gain=1.0):
    """What pretty_midi makes of a score with a FluidSynth of its own, dry: float64 [sample]."""
    with fluid._silenced(fluidsynth):
        dry = {"synth.reverb.active": 0, "synth.chorus.active": 0}
        synth = fluidsynth.Synth(gain=gain, samplerate=float(SAMPLE_RATE), **dry)
        font = synth.sfload(str(fluid.default_soundfont()))
        audio = score.instruments[0].fluidsynth(synthesizer=synth, sfid=font)
        synth.delete()
    return audio.astype(np.float64)


def fading():
    """The fade at a note's end, from its description: a raised cosine of 60 ms to the note's last sample."""
    n = round(FADE_S * SAMPLE_RATE)
    gain = np.ones(LENGTH)
    gain[-n:] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, n + 1) / n)
    return gain


def off_db(note, reference):
    """Energy of what is left of a note when the reference, at its best gain, is taken away, dB."""
    gain = (note @ reference) / (reference @ reference)
    return 10 * np.log10(((note - gain * reference) ** 2).sum() / (note**2).sum())


@pytest.mark.parametrize("timbre", range(8), ids=NAMES)
def test_a_note_is_fluidsynths_own(plain, timbre):
    """Up to a gain and the fade, within -50 dB: at the lowest, middle and highest pitch, softest and loudest level."""
    for pitch, loudness in ((0, 5), (11, 0), (12, 5), (23, 3)):
        levels = [pitch, timbre, loudness, 4]
        clip = plain.render([levels], [0])[0].numpy().astype(np.float64)
        own = own_render(plain.midi(levels))
        first = slice(LEAD_IN, LEAD_IN + LENGTH)
        assert off_db(clip[first], own[first] * fading()) < -50
        before_fade = slice(LEAD_IN, LEAD_IN + LENGTH - round(FADE_S * SAMPLE_RATE))
        assert off_db(clip[before_fade], own[before_fade]) < -50


def test_a_note_is_no_other_note(plain):
    """What the test above would say of a wrong pitch, instrument or start."""
    clip = plain.render([[12, 3, 5, 4]], [0])[0].numpy().astype(np.float64)
    first, late = slice(LEAD_IN, LEAD_IN + LENGTH), slice(LEAD_IN + 1, LEAD_IN + LENGTH + 1)
    for other in ([13, 3, 5, 4], [12, 4, 5, 4]):
        assert off_db(clip[first], own_render(plain.midi(other))[first] * fading()) > -10
    assert off_db(clip[first], own_render(plain.midi([12, 3, 5, 4]))[late] * fading()) > -40


def test_every_note_of_a_clip_is_the_same_note(plain):
    clip = plain.render_int16([[12, 3, 5, 4]], [0])[0]  # xx..xx..
    starts = [LEAD_IN + STEP * step for step in (0, 1, 4, 5)]
    first, *others = (clip[start : start + LENGTH] for start in starts)
    assert all(torch.equal(first, other) for other in others)
    assert first.any()


def test_building_is_repeatable_silent_and_cached(kept, plain, notes, capfd):
    """Made again it is the same to the last bit, without a line from FluidSynth; then the file is read."""
    made = soundfont.sample_notes(fluid.default_soundfont())
    assert np.array_equal(made, notes)
    (file,) = kept.iterdir()
    assert file.stat().st_size == made.nbytes + 32
    soundfont._bank.cache_clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(soundfont, "sample_notes", lambda path: pytest.fail("made again"))
        again = Soundfont()
    assert torch.equal(again.sound.bank.samples, plain.sound.bank.samples)
    assert again.version == plain.version == "1+" + cache._sha256(made.reshape(-1))[:12]
    assert capfd.readouterr() == ("", "")


def test_a_damaged_bank_is_made_anew(kept, plain, capfd, monkeypatch):
    (file,) = kept.iterdir()
    with file.open("r+b") as opened:
        opened.seek(10**7)
        opened.write(b"damage")
    soundfont._bank.cache_clear()
    monkeypatch.setattr(soundfont, "sample_notes", lambda path: notes_of(plain))
    assert Soundfont().version == plain.version
    assert capfd.readouterr() == ("", f"note: {file} is damaged; making it anew\n")


def notes_of(generator):
    bank = generator.sound.bank
    laid_out = bank.samples[bank.lead : bank.lead + bank.n_notes * bank.slot].view(*bank.shape, bank.slot)
    return laid_out[..., :LENGTH].contiguous().numpy()


def test_generator_keeps_its_protocol(kept, plain):
    loaded = generators.load("soundfont")
    assert (loaded.name, loaded.version, loaded.space) == ("soundfont", plain.version, SPACE)
    assert loaded.nuisances == {"variant", "onset_jitter", "noise_floor"}
    levels, seeds = SPACE.grid()[::301], np.arange(31)
    clips = loaded.render_int16(levels, seeds)
    assert clips.shape == (31, loaded.n_samples) == (31, 32_000)
    assert torch.equal(
        torch.cat([loaded.render_int16(levels[i : i + 7], seeds[i : i + 7]) for i in range(0, 31, 7)]), clips
    )
    assert torch.equal(loaded.render(levels, seeds) * 32768, clips.float())
    assert torch.equal(plain.render(levels, seeds), plain.render(levels, seeds + 9))


def test_the_bank_is_under_200_mb(plain):
    assert plain.sound.bank.n_bytes < 200e6


def test_nothing_clips_and_nothing_is_silent(plain, notes):
    peaks = np.abs(notes[..., 5, :].astype(int)).max(-1) + int(plain.sound.tape.samples.abs().max())
    assert peaks.max() <= 32768 * 10 ** (-0.5 / 20)
    assert np.abs(notes[..., 0, :].astype(int)).max(-1).min() > 200


def test_notes_start_and_stop_without_a_step(notes):
    loudest = notes[..., 5, :].astype(float)
    steps = np.abs(np.diff(loudest, axis=-1, prepend=0, append=0))
    steepest = steps.max(-1)
    assert not loudest[..., -1].any()
    assert (steps[..., -20:].max(-1) / np.abs(loudest).max(-1)).max() < 0.001
    # The first sample is no jump: the instruments' own attacks rise as the notes do.
    assert (steps[..., :2].max(-1) / steepest).max() < 0.25


def test_no_direct_current(notes):
    loudest = notes[..., 5, :].astype(float)
    assert np.abs(loudest.mean(-1) / loudest.std(-1)).max() < 10 ** (-25 / 20)


@pytest.mark.parametrize("timbre", range(8), ids=NAMES)
def test_every_instrument_has_its_fundamental(notes, timbre):
    """At every pitch, at most 12 dB under its strongest harmonic."""
    plain = notes[timbre, :, 0, 5] * get_window("hann", LENGTH)
    spectra = np.abs(np.fft.rfft(plain, 1 << 15))
    frequencies = np.fft.rfftfreq(1 << 15, 1 / SAMPLE_RATE)
    for spectrum, pitch in zip(spectra, PITCHES, strict=True):
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        assert spectrum[np.abs(frequencies - hertz) < 5].max() > spectrum.max() * 10 ** (-12 / 20)


def test_variants_differ_in_pitch_and_attack(notes):
    """By the spectral line of the fundamental; each variant has samples of its own."""
    tuba = notes[NAMES.index("Tuba"), 0, :, 5].astype(float)
    plucked = notes[NAMES.index("Pizzicato Strings"), 0, :, 5]
    assert len(np.unique(plucked, axis=0)) == len(plucked)
    spectra = np.abs(np.fft.rfft(tuba[:, 800:2_600] * get_window("hann", 1_800), 1 << 20))[:, :20_000]
    fundamental = 130.81 * (1 << 20) / SAMPLE_RATE
    near = slice(int(fundamental * 0.97), int(fundamental * 1.03))
    cents = 1200 * np.log2((spectra[:, near].argmax(1) + near.start) / fundamental)
    detune = cents - cents[0]
    assert 5 < np.abs(detune).max() < 12
    assert np.ptp(detune) > 10


def presets(content):
    """Where each preset's number and bank stand in an .sf2 file: {name: offset}."""
    start = content.index(b"phdr") + 8
    (size,) = struct.unpack("<I", content[start - 4 : start])
    records = range(start, start + size, 38)  # the specification's size of a preset header
    return {content[at : at + 20].split(b"\0")[0].decode(): at + 20 for at in records}


def numbered(content, program):
    """Where the preset of a melodic programme stands."""
    (at,) = (at for at in presets(content).values() if struct.unpack("<HH", content[at : at + 4]) == (program, 0))
    return at


def written(path, content):
    path.write_bytes(content)
    return path


def test_another_soundfont_is_played(kept, plain, notes, bytes_of_default, tmp_path):
    """The same one with cello and tuba changing places: so do their notes; the version says that it is another."""
    content = bytearray(bytes_of_default)
    cello, tuba = (numbered(bytes_of_default, INSTRUMENTS[name]) for name in ("Cello", "Tuba"))
    content[cello : cello + 2], content[tuba : tuba + 2] = content[tuba : tuba + 2], content[cello : cello + 2]
    swapped = generators.load("soundfont", False, soundfont=written(tmp_path / "swapped.sf2", content))
    assert swapped.version.startswith("1+")
    assert swapped.version != plain.version
    ours, theirs = notes[:, :, 0], notes_of(swapped)[:, :, 0]
    order = [NAMES.index({"Cello": "Tuba", "Tuba": "Cello"}.get(name, name)) for name in NAMES]
    assert np.array_equal(theirs, ours[order])


def test_a_soundfont_without_an_instrument_is_refused(bytes_of_default, tmp_path):
    content = bytearray(bytes_of_default)
    at = numbered(bytes_of_default, INSTRUMENTS["Tuba"])
    content[at : at + 4] = struct.pack("<HH", 5, 77)
    path = written(tmp_path / "tubaless.sf2", content)
    with pytest.raises(ValueError, match=r"tubaless\.sf2 has no Tuba, programme 59 of General MIDI"):
        soundfont.sample_notes(path)


def test_a_silent_instrument_is_refused(bytes_of_default, tmp_path):
    content = bytearray(bytes_of_default)
    start = content.index(b"smpl") + 8
    (size,) = struct.unpack("<I", content[start - 4 : start])
    content[start : start + size] = bytes(size)
    path = written(tmp_path / "mute.sf2", content)
    with pytest.raises(ValueError, match=r"^Music Box at MIDI 48 in the soundfont .*mute\.sf2 is silent"):
        soundfont.sample_notes(path)


def test_a_note_that_would_clip_is_refused():
    assert soundfont._to_int16(np.array([[0.944, -0.944]]), "it").tolist() == [[30933, -30933]]
    with pytest.raises(ValueError, match=r"it would peak at -0\.49 dBFS, above -0\.5"):
        soundfont._to_int16(np.array([[0.1, -0.945]]), "it")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"no soundfont at .*it\.sf2"),
        ("folder", r"it\.sf2 is a folder"),
        (b"", r"soundfont .*it\.sf2 is empty"),
        (b"RIFF", r"it\.sf2 is no soundfont: it should start with RIFF\.\.\.\.sfbk, and starts with b'RIFF'"),
        (b"RIFF\x24\0\0\0WAVEfmt " + bytes(100), r"starts with b'RIFF.*WAVE'"),
        (b"MThd" + bytes(100), r"starts with b'MThd"),
        (b"RIFF\x24\0\0\0sfbk" + bytes(100), r"it\.sf2 is damaged \(112 of 44 bytes\)"),
        ("half", r"it\.sf2 is damaged \(2997142 of 5994284 bytes\): fetch it again"),
    ],
    ids=["missing", "folder", "empty", "short", "wave", "midi", "hollow", "half"],
)
def test_a_file_that_is_no_soundfont_is_refused(kept, content, message, bytes_of_default, tmp_path, capfd):
    path = tmp_path / "it.sf2"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(bytes_of_default[: len(bytes_of_default) // 2] if content == "half" else content)
    with pytest.raises(ValueError, match=message) as refused:
        Soundfont(soundfont=path)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


def without(blocked, code):
    """Run code in a process where some things are missing: its last line of output, or of its error."""
    done = subprocess.run(
        [sys.executable, "-c", f"{blocked}\n{code}"], cwd=ROOT, capture_output=True, text=True, check=False,
        env=dict(os.environ, DTONES_CACHE=os.devnull),
    )  # fmt: skip
    return (done.stdout or done.stderr).strip().splitlines()[-1]


NO_PACKAGES = (
    "import sys\n"
    "class Missing:\n"
    "    def find_spec(self, name, path=None, target=None):\n"
    "        if name in missing: raise ModuleNotFoundError(name=name)\n"
    "sys.meta_path.insert(0, Missing())\n"
)
LOAD = "import generators; generators.load('soundfont')"


def test_the_space_is_known_without_fluidsynth():
    none = "missing = {'fluidsynth', 'pretty_midi'}\n" + NO_PACKAGES
    assert without(none, "import generators; print(generators.space('soundfont').size)") == "9216"


@pytest.mark.parametrize("package", ["fluidsynth", "pretty_midi"])
def test_a_missing_package_is_named(package):
    told = without(f"missing = {{'{package}'}}\n" + NO_PACKAGES, LOAD)
    assert told.startswith("ValueError: " + {"fluidsynth": "pyfluidsynth"}.get(package, package))
    assert told.endswith("not installed: pip install -e '.[soundfont]'")


def test_a_missing_library_is_named_for_every_system():
    told = without("import ctypes.util; ctypes.util.find_library = lambda name: None", LOAD)
    assert told.startswith("ValueError: the space 'soundfont' needs the FluidSynth library: apt install libfluidsynth3")
    for package in (
        "dnf install fluidsynth-libs",
        "brew install fluid-synth",
        "conda install -c conda-forge fluidsynth",
    ):
        assert package in told


def test_whatever_decides_the_notes_decides_the_key():
    recipe = soundfont.Recipe("00", "FluidSynth 2.3.1")
    others = [soundfont.Recipe("01", "FluidSynth 2.3.1"), soundfont.Recipe("00", "FluidSynth 2.4.0")]
    assert len({one.key for one in (recipe, *others)}) == 3
    assert soundfont.Recipe("00", "FluidSynth 2.3.1").key == recipe.key
    assert fluid.version().startswith("FluidSynth ")
