"""FluidSynth, one note at a time: dry, at one velocity, the left channel, in floating point.

The left channel is the one that `pretty_midi` renders. FluidSynth works in blocks of 64 samples and starts a note with
the next block: each note here starts with one, so that its first sample is the note's.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 64
VELOCITY = 100
# Gain 1: the samples are levelled afterwards. No sound depends on the others.
SETTINGS: dict[str, float | int] = {"synth.gain": 1.0, "synth.reverb.active": 0, "synth.chorus.active": 0}
_BEND_A_CENT = 8192 / 200  # the wheel's half way is two semitones
_LOG_LEVELS = 5
_POINTER, _INT = ctypes.c_void_p, ctypes.c_int
_LIBRARY = (
    "the space 'soundfont' needs the FluidSynth library: apt install libfluidsynth3 (Debian, Ubuntu), dnf install "
    "fluidsynth-libs (Fedora), brew install fluid-synth (macOS) or conda install -c conda-forge fluidsynth"
)
_EXTRA = "{} not installed: pip install -e '.[soundfont]'"


def import_fluidsynth() -> ModuleType:
    """The module of pyfluidsynth. Raises ValueError saying what to install where it, or its library, is missing."""
    try:
        import fluidsynth
    except ModuleNotFoundError:
        raise ValueError(_EXTRA.format("pyfluidsynth, which the space 'soundfont' needs, is")) from None
    except (ImportError, OSError) as error:  # ImportError: not found; OSError: found, and cannot be loaded
        raise ValueError(f"{_LIBRARY} ({error})") from None
    return fluidsynth


def version() -> str:
    """Versions of the FluidSynth library and of pyfluidsynth."""
    fluidsynth = import_fluidsynth()
    number = _function(fluidsynth, "fluid_version_str", ctypes.c_char_p)().decode()
    return f"FluidSynth {number}, pyfluidsynth {fluidsynth.api_version}"


def import_pretty_midi() -> ModuleType:
    """The module of pretty_midi, which carries the default soundfont. Raises ValueError where it is not installed."""
    try:
        import pretty_midi
    except ModuleNotFoundError:
        raise ValueError(_EXTRA.format("pretty_midi, which MIDI and the default soundfont need, is")) from None
    return pretty_midi


def default_soundfont() -> Path:
    """The soundfont that pretty_midi carries. Raises ValueError where pretty_midi is not installed."""
    return Path(import_pretty_midi().__file__ or "").parent / "TimGM6mb.sf2"


def check_soundfont(path: Path) -> str:
    """SHA-256 of a soundfont. Raises ValueError where it is missing, unreadable, empty, damaged or none."""
    if not path.exists():
        raise ValueError(f"no soundfont at {path}; give the path of an .sf2 file")
    if not path.is_file():
        raise ValueError(f"{path} is a folder; give the path of an .sf2 file")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read the soundfont {path} ({error.strerror})") from None
    if not content:
        raise ValueError(f"the soundfont {path} is empty; fetch it again, or give another")
    if content[:4] != b"RIFF" or content[8:12] != b"sfbk":
        raise ValueError(f"{path} is no soundfont: it should start with RIFF....sfbk, and starts with {content[:12]!r}")
    stated = 8 + int.from_bytes(content[4:8], "little")
    if stated > len(content) or not all(chunk in content for chunk in (b"sdta", b"pdta", b"phdr")):
        raise ValueError(
            f"the soundfont {path} is damaged ({len(content)} of {stated} bytes): fetch it again, or give another"
        )
    return hashlib.sha256(content).hexdigest()


class Player:
    """A FluidSynth with one soundfont loaded; `player` opens one and closes it."""

    def __init__(self, fluidsynth: ModuleType, soundfont: Path, sample_rate: int) -> None:
        """Raises ValueError where FluidSynth refuses the soundfont."""
        buffer = (_POINTER, _INT, _INT)  # where it is, the offset of its first sample, the stride
        self._write_float = _function(fluidsynth, "fluid_synth_write_float", _INT, _POINTER, _INT, *buffer, *buffer)
        self._set_gain = _function(fluidsynth, "fluid_synth_set_gain", None, _POINTER, ctypes.c_float)
        self._all_sounds_off = _function(fluidsynth, "fluid_synth_all_sounds_off", _INT, _POINTER, _INT)
        self._synth = fluidsynth.Synth(samplerate=float(sample_rate), channels=16, **SETTINGS)
        self._font = self._synth.sfload(str(soundfont))
        if self._font < 0:
            self.close()
            raise ValueError(f"FluidSynth cannot load the soundfont {soundfont}: fetch it again, or give another")

    def close(self) -> None:
        """Free what FluidSynth holds."""
        self._synth.delete()

    def choose(self, program: int) -> bool:
        """Play General MIDI's programme 0 to 127 from now on; False where the soundfont has none of that number."""
        return self._synth.program_select(0, self._font, 0, program) >= 0

    def note(self, pitch_midi: int, cents: float, length: int) -> NDArray[np.float64]:
        """A note of the chosen instrument, held for its whole length: float64 [length].

        cents: by how much the pitch wheel detunes it.
        """
        self._synth.pitch_bend(0, round(cents * _BEND_A_CENT))
        self._synth.noteon(0, pitch_midi, VELOCITY)
        note = self._write(length + -length % BLOCK)[:length]
        self._forget(pitch_midi)
        return note

    def _forget(self, pitch_midi: int) -> None:
        """End a note so that the next is as the first of a new FluidSynth.

        Over its first block FluidSynth fades a voice in from the gain that it last had, which is none in a voice that
        was never used. So the voices play once more, at a gain of nothing. Orders are obeyed with the next block.
        """
        self._all_sounds_off(self._synth.synth, 0)
        self._write(BLOCK)
        self._set_gain(self._synth.synth, 0.0)
        self._synth.noteon(0, pitch_midi, VELOCITY)
        self._write(2 * BLOCK)
        self._all_sounds_off(self._synth.synth, 0)
        self._write(BLOCK)
        self._set_gain(self._synth.synth, SETTINGS["synth.gain"])

    def _write(self, length: int) -> NDArray[np.float64]:
        """The next samples of the left channel. 16-bit ones would be dithered, by a random sequence."""
        stereo = np.zeros((length, 2), np.float32)
        self._write_float(self._synth.synth, length, stereo.ctypes.data, 0, 2, stereo.ctypes.data, 1, 2)
        return stereo[:, 0].astype(np.float64)


@contextmanager
def player(soundfont: Path, sample_rate: int) -> Iterator[Player]:
    """A player of a soundfont at a sample rate in Hz, for the length of a `with`."""
    fluidsynth = import_fluidsynth()
    with _silenced(fluidsynth):
        opened = Player(fluidsynth, soundfont, sample_rate)
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def _silenced(fluidsynth: ModuleType) -> Iterator[None]:
    """FluidSynth without its own lines on stderr (of audio drivers that it would not use), as it was afterwards."""
    set_log = _function(fluidsynth, "fluid_set_log_function", _POINTER, _INT, _POINTER, _POINTER)
    before = [set_log(level, None, None) for level in range(_LOG_LEVELS)]
    try:
        yield
    finally:
        for level, function in enumerate(before):
            set_log(level, function, None)


def _function(fluidsynth: ModuleType, name: str, result: Any, *arguments: Any) -> Any:
    """A function of the library that pyfluidsynth has no name for: ctypes' own object, shared with nobody."""
    function = fluidsynth._fl[name]
    function.restype, function.argtypes = result, arguments
    return function
